"""Reading the scoring form: what stands in each leaf's fields, before it is known to be right.

Fields are named after the clause: ``points.B4``, ``verdict.B4``, ``reason.B4``, ``doubtful.B4``,
``version.B4``, ``ded.B4`` (keys of chosen deductions), ``times.B4.<key>``, ``amount.B4.<key>``,
``waive.B4.<key>`` (why a proposed one is not taken), ``why.B4`` (in deliberation, why it is changed).
``do`` is the button: ``save``, ``doubt``, ``toggle:<code>:<key>``, ``up:<code>``, ``down:<code>``,
``word:<code>:<n>`` (the n-th ready-made comment), ``keep:<code>`` (this comment into the bank).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from werkzeug.datastructures import MultiDict

from intranet.domain.marking import (
    Given,
    noted_deductions,
    parse_points,
    proposed_choices,
    recount,
    waiver_text,
)
from intranet.domain.standing import Leaf
from intranet.errors import Invalid
from intranet.models import Mark
from intranet.rubric.deductions import Choice
from intranet.rubric.model import JudgedClause
from intranet.rubric.numbers import as_text

STEP = Fraction(1, 10)
"""− and + where the clause names no step of its own."""


@dataclass
class Typed:
    """One leaf's fields as text. chosen: deduction key -> how often, or how many points; waived: key of a
    proposal -> why it is not taken."""

    points: str = ""
    verdict: str | None = None
    reason: str = ""
    doubtful: bool = False
    version: int = 0
    chosen: dict[str, str] = field(default_factory=dict)
    waived: dict[str, str] = field(default_factory=dict)
    why: str = ""
    kept: str = ""  # the comment that went into the bank just now
    problem: str = ""
    theirs: Mark | None = None


def stored(leaf: Leaf, bank: Sequence[Choice], mark: Mark | None) -> Typed:
    """What the form shows first: the own mark, else the facts' proposal, so that Enter confirms it."""
    if mark is None:
        return Typed(
            points="" if leaf.offer is None else as_text(leaf.offer),
            verdict=leaf.proposed_verdict,
            chosen=proposed_choices(bank),
        )
    taken = [d for d in mark.deductions if not d.get("waived")]
    return Typed(
        points="" if mark.points is None else as_text(mark.points),
        verdict=mark.verdict,
        reason="" if mark.reason == waiver_text(mark.deductions) else mark.reason,
        doubtful=mark.doubtful,
        version=mark.version,
        chosen={d["key"]: str(d.get("times") or d.get("points") or "1") for d in taken},
        waived={d["key"]: d["reason"] for d in mark.deductions if d.get("waived")},
    )


def read(form: MultiDict[str, str], leaf: Leaf, bank: Sequence[Choice]) -> Typed:
    code = leaf.code
    pressed = set(form.getlist(f"ded.{code}"))
    chosen: dict[str, str] = {}
    for choice in bank:
        amount = form.get(f"amount.{code}.{choice.key}", "").strip()
        if choice.each is None and not choice.all:
            if amount:
                chosen[choice.key] = amount
        elif choice.key in pressed:
            chosen[choice.key] = form.get(f"times.{code}.{choice.key}", "").strip() or "1"
    waived = {
        key: text
        for key in proposed_choices(bank)
        if (text := " ".join(form.get(f"waive.{code}.{key}", "").split()))
    }
    version = form.get(f"version.{code}", "")
    return Typed(
        points=form.get(f"points.{code}", "").strip(),
        verdict=form.get(f"verdict.{code}") or None,
        reason=form.get(f"reason.{code}", "").strip(),
        doubtful=f"doubtful.{code}" in form,
        version=int(version) if version.isdecimal() and len(version) < 10 else 0,
        chosen=chosen,
        waived=waived,
        why=form.get(f"why.{code}", "").strip(),
    )


def insert(typed: Typed, words: Sequence[str], n: str) -> None:
    """Put the n-th ready-made comment at the end of what is written, as panel.js does."""
    if n.isdecimal() and len(n) < 4 and int(n) < len(words):
        typed.reason = f"{typed.reason}；{words[int(n)]}" if typed.reason else words[int(n)]


def press(typed: Typed, leaf: Leaf, bank: Sequence[Choice], verb: str, key: str) -> None:
    """What a button of the form does without saving: a deduction on or off, the score a step up or down."""
    if verb == "toggle":
        choice = next((c for c in bank if c.key == key), None)
        if choice is not None and typed.chosen.pop(key, None) is None:
            typed.chosen[key] = str(max(choice.count, 1))
    if verb in ("toggle", "recount"):
        points = recount(leaf, bank, typed.chosen)
        typed.points = "" if points is None else as_text(points)
        return
    step = leaf.clause.step if isinstance(leaf.clause, JudgedClause) else STEP
    try:
        now = parse_points(typed.points) or Fraction(0)
    except Invalid:
        return
    moved = max(now + (step if verb == "up" else -step), Fraction(0))
    typed.points = as_text(moved if leaf.most is None else min(moved, leaf.most))


def given(typed: Typed, leaf: Leaf, bank: Sequence[Choice], *, doubt: bool) -> Given:
    """The form's word on one leaf.

    Where nothing but waived proposals moves the score, their reasons are the mark's.

    :raises Invalid: points or deductions that are no numbers.
    """
    points = parse_points(typed.points)
    deductions = noted_deductions(bank, typed.chosen, typed.waived)
    reason = typed.reason
    if not reason and points == recount(leaf, bank, typed.chosen):
        reason = waiver_text(deductions)
    values: dict[str, Any] = {"points": points, "deductions": deductions, "why": typed.why}
    return Given(
        leaf.code,
        verdict=typed.verdict,
        reason=reason,
        doubtful=doubt or typed.doubtful,
        version=typed.version,
        **values,
    )
