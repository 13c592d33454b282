"""What a notice takes off after earning: which losses a clause has, how often they apply, their lines.

A clause of kind ``deduct`` loses at the rates of the notice's 说明 (``Clause.deductions``), every
clause at its own ``losses``. Both are one list here, so the ledger and the bank cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..i18n import _
from . import fields, formula
from .facts import Facts
from .ledger import Line, State
from .model import Clause, DeductClause, Events, Field, Loss, Rubric
from .rounding import divides, rounded
from .tables import read_number, rows_of

ZERO = Fraction(0)
QUALITY = "quality"
"""Key of the panel's number for 制度不完整、资料质量不高 (``<code>.quality``)."""


COUNTERS = ("event", "count", "tick", "judged", "formula")
"""What a loss may count by, besides materials."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Activities asked for and held: each period (or table row) by itself, without spill.

    counts: (place, number or None if blank); place is a period, a row's name, or "".
    """

    events: Events
    counts: tuple[tuple[str, Fraction | None], ...]
    ref: str
    declared: bool = False  # the table of the rows was filled or declared empty

    @property
    def short(self) -> Fraction:
        return sum((max(self.events.need - (n or ZERO), ZERO) for _place, n in self.counts), ZERO)

    @property
    def is_answered(self) -> bool:
        return self.declared or any(n is not None for _place, n in self.counts)

    @property
    def has_blank(self) -> bool:
        return any(n is None for _place, n in self.counts)

    @property
    def is_nothing(self) -> bool:
        """Every count is a real 0, or the table was declared empty."""
        return self.is_answered and all(n is not None and n == 0 for _place, n in self.counts)


def shortfalls(rubric: Rubric, clause: DeductClause, facts: Facts) -> list[Shortfall]:
    """The clause's required activities as this unit held them; what it is not asked is left out."""
    out = []
    for events in clause.events:
        if events.rows is not None:
            out.append(_in_rows(rubric, events, facts))
            continue
        asked = [(place, f"{clause.code}.{place or events.label}") for place in events.in_ or ("",)]
        asked = [(place, key) for place, key in asked if key not in facts.hidden]
        if asked:
            counts = tuple((place, read_number(facts.get(key))) for place, key in asked)
            out.append(Shortfall(events, counts, ",".join(key for _place, key in asked)))
    return out


def _in_rows(rubric: Rubric, events: Events, facts: Facts) -> Shortfall:
    """``need`` in each row of a table: a surplus of one row does not fill another (B11: 各…联组)."""
    table = rubric.table[events.rows or ""]
    rows = rows_of(table, facts)
    name, column = table.columns[0].key, events.column or ""
    counts = tuple((row.text(name) or str(row.n + 1), row.number(column)) for row in rows or ())
    return Shortfall(events, counts, table.key, declared=rows is not None)


# --- is there anything to score? -----------------------------------------------------------------


def is_answered(rubric: Rubric, clause: DeductClause, facts: Facts, needs: Sequence[Shortfall]) -> bool:
    """Whether anybody filled in one of the inputs on which the clause waits.

    These are the school's own: 已开展, counts, slots, its loss fields. Where the notice asks the
    school nothing, they are the bureau's, and failing these the panel's.
    """
    own, bureau, panel = _inputs(rubric, clause, facts, needs)
    return any(own or bureau or panel)


def unanswered(rubric: Rubric, clause: DeductClause, facts: Facts) -> State:
    """State of a clause that nobody filled in: a clause that only the panel fills waits for the panel."""
    own, bureau, _panel = _inputs(rubric, clause, facts, shortfalls(rubric, clause, facts))
    return State.BLANK if own or bureau else State.PENDING


def _inputs(
    rubric: Rubric, clause: DeductClause, facts: Facts, needs: Sequence[Shortfall]
) -> tuple[list[bool], list[bool], list[bool]]:
    """Answered or not, for each input of the school, of the bureau and of the panel."""
    own = [need.is_answered for need in needs]
    own += [facts.slot(clause.code, n) not in (None, "na") for n in _asked_slots(clause, facts)]
    if clause.deductions.not_done:
        own.append(facts.get(f"{clause.code}.done") is not None)
    bureau: list[bool] = []
    panel: list[bool] = []
    for loss in losses_of(clause):
        field = loss_field(rubric, clause, loss)
        if field is None or field.key in facts.hidden:
            continue
        answered = facts.get(field.key, field.by) is not None
        (own if field.by == "school" else panel if loss.judged else bureau).append(answered)
    return own, bureau, panel


def _asked_slots(clause: Clause, facts: Facts) -> list[int]:
    return [n for n in range(len(clause.materials)) if f"{clause.code}#{n + 1}" not in facts.hidden]


# --- losses --------------------------------------------------------------------------------------


def losses_of(clause: Clause) -> list[Loss]:
    """All that can be taken off a clause: the notice's default rates first, then its own losses.

    A rate printed in the clause stands before the default (special before general): an event or
    the materials that have a loss of their own get no second one. A rate of 0 takes nothing.
    """
    if not isinstance(clause, DeductClause):
        return list(clause.losses)
    rates = clause.deductions
    own_events = {loss.event for loss in clause.losses}
    out = [
        Loss(label=e.label, each=rates.event, most=rates.event_most, event=e.label, unit=e.unit)
        for e in clause.events
        if rates.event and e.label not in own_events
    ]
    if clause.materials and rates.material and not any(loss.materials for loss in clause.losses):
        out.append(Loss(label=_("材料"), each=rates.material, materials=True, unit=_("样")))
    out.extend(clause.losses)
    if rates.quality:
        out.append(Loss(label=QUALITY, judged=True, by="panel"))
    return out


def loss_field(rubric: Rubric, clause: Clause, loss: Loss) -> Field | None:
    """The field that a loss counts by; None for events, materials and formulas."""
    key = fields.loss_key(clause, loss)
    return None if key is None else rubric.all_fields[key]


@dataclass(frozen=True, slots=True)
class Count:
    """How often a loss applies, and at what rate. parts, ref: of its line; blank: a number was missing."""

    n: Fraction
    each: Fraction | None  # None: everything (each = "all")
    parts: dict[str, Any]
    ref: str = ""
    blank: bool = False


def count_of(rubric: Rubric, clause: Clause, facts: Facts, loss: Loss) -> Count:
    """How often one loss applies to this unit (not for materials, which are named one by one)."""
    each = loss.each if isinstance(loss.each, Fraction) else None
    parts: dict[str, Any] = {"label": loss.label, "unit": loss.unit}
    if loss.event is not None:
        needs = shortfalls(rubric, clause, facts) if isinstance(clause, DeductClause) else []
        need = next((need for need in needs if need.events.label == loss.event), None)
        if need is None:
            return Count(ZERO, each, parts)
        parts["detail"] = need.counts
        parts["need"] = Fraction(need.events.need)
        return Count(need.short, each, parts, need.ref, need.has_blank)
    if loss.formula is not None:
        found = formula.evaluate(rubric, loss.formula, facts)
        parts |= {"shown": found.shown, "value": found.value}
        return Count(found.value or ZERO, each, parts, blank=found.state is State.BLANK)
    field = loss_field(rubric, clause, loss)
    if field is None or field.key in facts.hidden:
        return Count(ZERO, each, parts)
    value = facts.get(field.key, field.by)
    if loss.tick is not None:
        return Count(Fraction(1) if value is True else ZERO, each, parts, field.key)
    number = read_number(value)
    if loss.judged:
        return Count(number or ZERO, Fraction(1), parts, field.key)
    return Count(number or ZERO, each, parts, field.key, blank=number is None)


def lost(rubric: Rubric, clause: Clause, facts: Facts, before: Fraction) -> tuple[list[Line], list[str]]:
    """The loss lines of a clause and their flags. Points are negative; ``before`` is what there is to lose.

    A loss that takes nothing is no line. A formula that divides is rounded as points are (G1).
    """
    lines: list[Line] = []
    flags: list[str] = []
    for loss in losses_of(clause):
        if loss.materials:
            lines.extend(_missing_materials(clause, facts, loss, before))
            continue
        found = count_of(rubric, clause, facts, loss)
        if found.blank and "blank_as_zero" not in flags:
            flags.append("blank_as_zero")
        if found.n <= 0:
            continue
        amount = before if found.each is None else found.n * found.each
        if loss.formula is not None:
            amount = rounded(rubric, clause, amount, divided=divides(loss.formula))
        if loss.most is not None:
            amount = min(amount, loss.most)
        if amount <= 0:
            continue
        what = next(name for name in COUNTERS if getattr(loss, name))
        parts = {**found.parts, "n": found.n, "each": found.each}
        if loss.judged and loss.label == QUALITY:
            what = QUALITY
        lines.append(Line(f"loss_{what}", parts, points=-amount, ref=found.ref))
    return lines, flags


def _missing_materials(clause: Clause, facts: Facts, loss: Loss, before: Fraction) -> list[Line]:
    """A line for each missing slot (false, or null beside other answers) and each that cannot apply."""
    each = loss.each if isinstance(loss.each, Fraction) else before
    left = loss.most
    out = []
    for n, label in enumerate(clause.materials):
        state, ref = facts.slot(clause.code, n), f"slot:{clause.code}#{n + 1}"
        if state == "na":
            reason = facts.hidden.get(f"{clause.code}#{n + 1}", "") or "not_applicable"
            out.append(Line("slot_na", {"label": label}, counted=False, ref=ref, reason=reason))
        elif state is not True:
            amount = each if left is None else min(each, left)
            left = None if left is None else left - amount
            if amount > 0:
                out.append(Line("loss_material", {"label": label, "each": amount}, points=-amount, ref=ref))
    return out
