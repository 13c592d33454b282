"""The standard kinds: how a leaf earns, before the one order of steps (``settle.py``).

A kind reads facts and answers an :class:`Earned`: lines, a value, a state. It knows no cap, no
mark and no weight. ``ticks``, ``judged`` and ``deduct`` are here, the kinds that read tables in
``rows.py``, those that compute a figure in ``measure.py``. What is lost after earning is in
``losses.py``.
"""

from __future__ import annotations

from fractions import Fraction

from .. import losses
from ..facts import Facts
from ..ledger import Earned, Line, State
from ..marks import printed_max
from ..model import (
    Clause,
    DeductClause,
    JudgedClause,
    MeasureClause,
    RankClause,
    RosterClause,
    Rubric,
    RuleClause,
    SumClause,
    TallyClause,
    TicksClause,
)
from ..rounding import divides
from .measure import figure, measure
from .rows import roster, tally


def earn(rubric: Rubric, clause: Clause, facts: Facts) -> Earned:
    """What one leaf of a standard kind earns in the unit pass; rank is pending with its value.

    Errors: ValueError for ``sum`` and ``rule``, which earn elsewhere (children, plugin).
    """
    match clause:
        case TicksClause():
            return ticks(clause, facts)
        case JudgedClause():
            return Earned(State.PENDING)
        case DeductClause():
            return deduct(rubric, clause, facts)
        case TallyClause():
            return tally(rubric, clause, facts)
        case RosterClause():
            return roster(rubric, clause, facts)
        case MeasureClause():
            return measure(rubric, clause, facts)
        case RankClause():
            return figure(rubric, clause, facts)
        case SumClause() | RuleClause():
            raise ValueError(f"{clause.code}: {clause.kind} does not earn here")


def is_divided(clause: Clause, earned: Earned) -> bool:
    """Whether a division took place on the way to the sum of the lines (rounding = "division", G1).

    A plugin's rule may have divided where nobody sees it, so its result is always rounded.
    """
    if earned.divide is not None:
        return True
    match clause:
        case MeasureClause():
            return divides(clause.formula) or clause.below == "proportional"
        case RankClause():
            return clause.ties == "mean"
        case RuleClause():
            return True
    return False


def ticks(clause: TicksClause, facts: Facts) -> Earned:
    """Σ points of the ticks. A tick that nobody answered beside answered ones counts as no, flagged."""
    lines = []
    answered = blank = False
    for tick in clause.ticks:
        key = f"{clause.code}.{tick.key}"
        if key in facts.hidden:
            continue
        value = facts.get(key)
        answered, blank = answered or value is not None, blank or value is None
        done = value is True
        lines.append(
            Line(
                "tick",
                {"label": tick.label},
                points=tick.points if done else Fraction(0),
                counted=done,
                ref=key,
                reason="" if done else "not_ticked" if value is not None else "not_answered",
            )
        )
    if not answered:
        return Earned(State.BLANK)
    return Earned(lines=tuple(lines), flags=("blank_as_no",) if blank else ())


def deduct(rubric: Rubric, clause: DeductClause, facts: Facts) -> Earned:
    """Full marks, from which ``losses.lost`` takes; 未开展 earns 0 and nothing more is lost.

    Not done: the tick says so, or every count asked for is 0. No own input answered: blank.
    """
    full = printed_max(clause)
    if full is None:
        return Earned(State.NA)
    needs = losses.shortfalls(rubric, clause, facts)
    not_done = Earned(lines=(Line("not_done", points=Fraction(0)),), stop=True)
    if clause.deductions.not_done and facts.get(f"{clause.code}.done") is False:
        return not_done
    if not losses.is_answered(rubric, clause, facts, needs):
        return Earned(losses.unanswered(rubric, clause, facts))
    if clause.deductions.not_done and needs and all(need.is_nothing for need in needs):
        return not_done
    return Earned(lines=(Line("full", {}, points=full),))
