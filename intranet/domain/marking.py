"""What a reviewer types: points, a verdict, the deductions behind them, a reason. Pure values.

Storing them is ``review.py``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from intranet.domain.standing import Leaf
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.rubric.deductions import Choice
from intranet.rubric.marks import verdicts
from intranet.rubric.model import DeductClause
from intranet.rubric.numbers import as_text, show
from intranet.rubric.values import is_ornate

ZERO = Fraction(0)
_POINTS = re.compile(r"[+-]?[0-9]{1,4}(\.[0-9]{1,6})?\Z")


def parse_points(text: str) -> Fraction | None:
    """Points as typed: ``2.5``, full-width digits too; None if empty.

    :raises Invalid: anything else, ``NaN``, ``1e3``, ``1/2``, ``20%`` included.
    """
    plain = unicodedata.normalize("NFKC", text).strip().replace("\u2212", "-")
    if not plain:
        return None
    if is_ornate(text) or not _POINTS.match(plain):
        raise Invalid(_("“%(text)s”不是分数，请填 2.5 这样的数。", text=text.strip()[:20]))
    return Fraction(plain)


@dataclass(frozen=True)
class Given:
    """One reviewer's word on one leaf. version: of the mark it changes, 0 for a new one.

    deductions: the choices behind the number, ``{key, label, times|points}``, kept as they were; a
    proposal that was not taken is among them as ``{key, label, times, waived: true, reason}``.
    why: in deliberation, why the own earlier score is changed.
    """

    code: str
    points: Fraction | None = None
    verdict: str | None = None
    reason: str = ""
    deductions: list[dict[str, Any]] = field(default_factory=list)
    doubtful: bool = False
    version: int = 0
    why: str = ""


def needs_reason(leaf: Leaf, points: Fraction | None, verdict: str | None) -> str:
    """Why this mark must carry a reason; "" if it need not.

    A computed leaf: the mark departs from what the facts give. A judged one: it lies below the self score.
    """
    if leaf.offer is not None and points is not None and points != leaf.offer:
        return _("与系统建议 %(proposed)s 分不同，请写明理由。", proposed=show(leaf.offer))
    if leaf.proposed_verdict is not None and verdict not in (None, leaf.proposed_verdict):
        return _("与系统建议“%(proposed)s”不同，请写明理由。", proposed=leaf.proposed_verdict)
    if leaf.offer is not None or leaf.self_points is None or points is None:
        return ""
    if points < leaf.self_points:
        return _("低于自评 %(own)s 分，请写明理由。", own=show(leaf.self_points))
    return ""


def completed(leaf: Leaf, given: Given) -> Given:
    """The mark with the points that its verdict fixes (优 is 10 分), and the waived proposals with the
    mark's own reason where they have none."""
    given = replace(
        given,
        deductions=[
            {**d, "reason": d["reason"] or given.reason.strip()} if d.get("waived") else d
            for d in given.deductions
        ],
    )
    option = next((o for o in verdicts(leaf.clause) if o.value == given.verdict), None)
    if option is None or option.upto is not None or given.points is not None:
        return given
    return replace(given, points=option.points)


# --- deductions behind a number -------------------------------------------------------------------


def proposed_choices(bank: Sequence[Choice]) -> dict[str, str]:
    """The deductions that the facts propose: key -> how often, as the form writes it."""
    return {c.key: str(max(c.count, 1)) for c in bank if c.proposed and (c.each is not None or c.all)}


def base_of(leaf: Leaf) -> Fraction | None:
    """What deductions are taken from: the score before the facts' own, or the full score of 扣分制."""
    before = next((s.before for s in leaf.score.steps if s.name == "loss"), None)
    if before is not None:
        return before
    return leaf.most if isinstance(leaf.clause, DeductClause) else leaf.offer


def recount(leaf: Leaf, bank: Sequence[Choice], chosen: Mapping[str, str]) -> Fraction | None:
    """The points that the chosen deductions leave, never below 0; None where nothing is known.

    chosen: key -> how often (or how many points, where the panel types them). The facts' own
    choice gives exactly the proposal. A text that is no number counts as nothing here; saving
    refuses it.
    """
    if dict(chosen) == proposed_choices(bank):
        return leaf.offer if leaf.offer is not None else base_of(leaf)
    base = base_of(leaf)
    if base is None:
        return None
    if any(c.all and c.key in chosen for c in bank):
        return ZERO
    return max(base - sum((_taken(c, chosen[c.key]) for c in bank if c.key in chosen), ZERO), ZERO)


def _taken(choice: Choice, text: str) -> Fraction:
    try:
        number = parse_points(text) or ZERO
    except Invalid:
        return ZERO
    return max(number, ZERO) * (Fraction(1) if choice.each is None else choice.each)


def noted_deductions(
    bank: Sequence[Choice], chosen: Mapping[str, str], waived: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The chosen deductions as the mark keeps them, and the facts' proposals that were not taken.

    :param waived: key -> why a proposal is not taken; None leaves the proposals not taken out, where
        nobody was asked about them.
    :raises Invalid: a number of times or points that is none.
    """
    proposals = {} if waived is None else proposed_choices(bank)
    out = []
    for choice in bank:
        if choice.key not in chosen:
            if choice.key in proposals:
                out.append(_waived(choice, proposals[choice.key], (waived or {}).get(choice.key, "")))
            continue
        note: dict[str, Any] = {"key": choice.key, "label": choice.label}
        if not choice.all:
            number = parse_points(chosen[choice.key])
            if number is None or number <= 0:
                continue
            if choice.each is not None and number.denominator != 1:
                raise Invalid(_("“%(label)s”的次数请填整数。", label=choice.label))
            note["points" if choice.each is None else "times"] = as_text(number)
        out.append(note)
    return out


MOST_WAIVER = 200
"""Characters of the reason for not taking one proposal."""


def _waived(choice: Choice, times: str, reason: str) -> dict[str, Any]:
    note: dict[str, Any] = {"key": choice.key, "label": choice.label}
    if not choice.all:
        note["times"] = times
    if choice.hint:
        note["hint"] = choice.hint
    return note | {"waived": True, "reason": " ".join(reason.split())}


def waivers(deductions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The proposals that a mark did not take."""
    return [d for d in deductions if d.get("waived")]


def waiver_text(deductions: Sequence[Mapping[str, Any]]) -> str:
    """The reasons of the waived proposals in one sentence: 少一样材料不扣：会上已补交. "" without any."""
    return "；".join(
        _("%(label)s不扣：%(reason)s", label=d["label"], reason=d["reason"])
        for d in waivers(deductions)
        if d["reason"]
    )


def noted_for_points(
    leaf: Leaf, bank: Sequence[Choice], points: Fraction | None, reason: str
) -> list[dict[str, Any]]:
    """The deductions behind a bare number, as grid and workbook give it.

    The proposed score confirms all proposals; the score without any deduction waives them all, with the
    reason given. Any other number says nothing about single deductions: its reason has to.
    """
    proposed = proposed_choices(bank)
    if points is None or not proposed:
        return []
    if points == leaf.offer:
        return noted_deductions(bank, proposed)
    if points == recount(leaf, bank, {}):
        return noted_deductions(bank, {}, dict.fromkeys(proposed, reason))
    return []
