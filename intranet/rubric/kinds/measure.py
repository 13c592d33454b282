"""Kinds that compute a figure: ``measure`` turns it into points, ``rank`` compares it among units.

Thresholds and places compare the exact value, never a rounded one (G1).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor
from typing import Any

from .. import formula
from ..facts import Facts
from ..ledger import Earned, Line, State
from ..marks import printed_max
from ..model import MeasureClause, RankClause, Rubric
from .rows import in_band

ZERO = Fraction(0)


def input_lines(found: formula.Evaluated) -> tuple[Line, ...]:
    """One informing line per figure that a formula read, each school by itself."""
    return tuple(
        Line("input", {"label": i.label, "school": i.school, "value": i.value}, counted=False)
        for i in found.inputs
    )


def measure(rubric: Rubric, clause: MeasureClause, facts: Facts) -> Earned:
    """The formula's value through bands, a target or a rate; without these the value is the points.

    A needed field is blank: blank. The divisor is 0: not applicable, flagged. Under the target
    ``flag`` leaves full marks for the panel to reduce, since the notice prints no rate.
    """
    found = formula.evaluate(rubric, clause.formula, facts)
    lines = input_lines(found)
    if found.state is not State.SCORED or found.value is None:
        return Earned(found.state, lines, flags=_why_not(found))
    value = found.value
    parts: dict[str, Any] = {"shown": found.shown, "value": value}
    points: Fraction | None = value
    verdict, reason = None, ""
    flags: tuple[str, ...] = ()
    if clause.bands:
        band = in_band(clause.bands, value)
        if band is None:
            points = ZERO
            if value >= clause.bands[0].from_:
                flags = ("outside_bands",)
            else:
                reason, parts["least"] = "below_bands", clause.bands[0].from_
        else:
            points, verdict = band.points, band.verdict
            parts["band"] = band.label or band.verdict or ""
    elif clause.target is not None:
        full = printed_max(clause) or ZERO
        parts["target"] = clause.target
        points = full
        if value < clause.target:
            if clause.below == "flag":
                flags = ("below_target",)
            else:
                points = full * value / clause.target if clause.below == "proportional" else ZERO
    elif clause.per_point is not None:
        parts["rate"] = clause.per_point
        points = (Fraction(floor(value)) if clause.whole_points else value) * clause.per_point
    line = Line("formula", parts, points=points, counted=points is not None, reason=reason)
    return Earned(lines=(*lines, line), value=value, verdict=verdict, flags=flags)


def _why_not(found: formula.Evaluated) -> tuple[str, ...]:
    return ("divisor_zero",) if found.state is State.NA else ()


def figure(rubric: Rubric, clause: RankClause, facts: Facts) -> Earned:
    """The unit pass of a rank: pending with the exact value, which only the cohort turns into points."""
    found = formula.evaluate(rubric, clause.formula, facts, missing=clause.missing)
    lines = input_lines(found)
    if found.state is not State.SCORED or found.value is None:
        return Earned(found.state, lines, flags=_why_not(found))
    shown = Line("formula", {"shown": found.shown, "value": found.value}, counted=False)
    return Earned(State.PENDING, (*lines, shown), value=found.value)


def places(clause: RankClause, values: Mapping[str, Fraction]) -> dict[str, Line]:
    """Award by place among the units of one pool: ``{unit: line}``.

    Competition ranking, 1, 1, 3 (G10). ``ties = "same"``: all that share a place get its points;
    ``"mean"``: the mean of the points of the places they occupy. ``positive_only``: a negative
    value keeps its place and gets 0 (ruling on 负增长).
    """
    order = sorted(values, key=lambda unit: values[unit], reverse=clause.order == "high")
    out: dict[str, Line] = {}
    at = 0
    while at < len(order):
        value = values[order[at]]
        until = at
        while until < len(order) and values[order[until]] == value:
            until += 1
        shared = until - at
        points = _award(clause, at)
        if clause.ties == "mean":
            points = sum((_award(clause, n) for n in range(at, until)), ZERO) / shared
        reason = "negative" if clause.positive_only and value < 0 else ""
        parts = {"place": Fraction(at + 1), "of": Fraction(len(order)), "shared": Fraction(shared)}
        line = Line("place", parts, points=ZERO if reason else points, counted=not reason, reason=reason)
        out |= dict.fromkeys(order[at:until], line)
        at = until
    return out


def _award(clause: RankClause, n: int) -> Fraction:
    """Points of the n-th place, from 0: the printed list, or ``first`` less ``step`` for each place."""
    if clause.first is not None:
        return max(clause.first - (clause.step or ZERO) * n, ZERO)
    return clause.award[n] if n < len(clause.award) else ZERO


def placed(clause: RankClause, earned: Earned, line: Line) -> Earned:
    """The cohort pass of a rank: what :func:`figure` found, plus the line of the place."""
    negative = earned.value is not None and earned.value < 0 and (line.points or ZERO) > 0
    return Earned(
        lines=(*earned.lines, line), value=earned.value, flags=("negative_rank",) if negative else ()
    )
