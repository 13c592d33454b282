"""The panel's deduction bank: the notice's deductions as quick choices, proposed from the facts.

It reads the same list of losses as the ledger (``losses.py``), so the two cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from ..i18n import _
from .facts import Facts
from .ledger import Score
from .losses import COUNTERS, QUALITY, Count, count_of, losses_of
from .model import Clause, DeductClause, Loss, Rubric
from .numbers import show

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Choice:
    """One deduction of the notice as a quick choice for the panel.

    each: points per time, None if the panel types them; count: how often the facts propose it (0:
    not proposed); hint: what is missing; all: takes everything.
    """

    key: str
    label: str
    each: Fraction | None
    count: int
    proposed: bool
    hint: str
    all: bool


def bank(rubric: Rubric, clause: Clause, facts: Facts, score: Score) -> list[Choice]:
    """The notice's deductions for one clause, those that the facts propose marked with what is missing.

    Each × count of the proposed ones is what the ledger takes off (before the floor). A clause
    that nobody filled in proposes nothing.
    """
    settled = score.raw is not None
    out = [_choice(rubric, clause, facts, loss, settled) for loss in losses_of(clause)]
    if isinstance(clause, DeductClause) and clause.deductions.not_done:
        not_done = any(line.what == "not_done" for line in score.lines)
        label = _("未开展，不得分")
        out.append(Choice("not_done", label, None, int(not_done), not_done, "", True))
        if not_done:
            out = [*(Choice(c.key, c.label, c.each, 0, False, "", c.all) for c in out[:-1]), out[-1]]
    return out


def _choice(rubric: Rubric, clause: Clause, facts: Facts, loss: Loss, settled: bool) -> Choice:
    if loss.materials:
        missing = [n for n in range(len(clause.materials)) if facts.slot(clause.code, n) in (None, False)]
        names = [clause.materials[n] for n in missing]
        each = loss.each if isinstance(loss.each, Fraction) else None
        count = _at_most(len(names), each, loss.most) if settled else 0
        hint = _("缺%(names)s", names="、".join(names)) if count else ""
        return Choice("materials", _("少一样材料"), each, count, count > 0, hint, each is None)
    found = count_of(rubric, clause, facts, loss)
    if loss.judged:
        quality = loss.label == QUALITY
        label = _("资料质量不高，酌情扣分") if quality else loss.label
        hint = _("已填 %(points)s", points=show(found.n)) if found.n else ""
        if loss.most is not None:
            hint = hint or _("可填 0 — %(most)s", most=show(loss.most))
        key = QUALITY if quality else f"judged.{loss.label}"
        return Choice(key, label, None, int(found.n > 0), found.n > 0, hint, False)
    label = (
        _("少一%(unit)s%(label)s", unit=loss.unit, label=loss.label) if loss.event is not None else loss.label
    )
    count = _at_most(ceil(found.n), found.each, loss.most) if settled else 0
    return Choice(
        f"{next(name for name in COUNTERS if getattr(loss, name))}.{loss.label}",
        label,
        found.each,
        count,
        count > 0,
        _event_hint(found) if count else "",
        found.each is None,
    )


def _at_most(n: int, each: Fraction | None, most: Fraction | None) -> int:
    return n if most is None or not each else min(n, ceil(most / each))


def _event_hint(found: Count) -> str:
    """上学期 1 次，应 2 次: the places that fall short."""
    need = found.parts.get("need")
    if need is None:
        return _("%(n)s %(unit)s", n=show(found.n), unit=found.parts["unit"])
    short = [(place, n) for place, n in found.parts["detail"] if (n or ZERO) < need]
    return "；".join(
        _(
            "%(place)s %(n)s %(unit)s，应 %(need)s %(unit)s",
            place=place,
            n=show(n or ZERO),
            unit=found.parts["unit"],
            need=show(need),
        ).strip()
        for place, n in short
    )
