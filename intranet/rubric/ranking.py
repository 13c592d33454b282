"""Places on the list: from settled results to ranks, inside each group, by the cycle's rule for ties.

Everything is compared exactly. A ``rank`` clause gives its own places (``kinds/measure.py``) by the
rulings of the rubric; this is only about the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from .ledger import Result, State
from .model import Rubric

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Ties:
    """What happens to units of equal standing.

    by: codes of subtotals or clauses compared one after the other before a tie stands, more points
    first. dense: the place after a shared one follows at once (1, 1, 2), else it is skipped (1, 1, 3).
    """

    by: tuple[str, ...] = ()
    dense: bool = False


PLAIN = Ties()
"""Equal points share a place and the next place is skipped (G10)."""


def comparable(rubric: Rubric) -> dict[str, str]:
    """Code -> name of what ties may be broken by: subtotals, dimensions, indicators with points."""
    out = {s.code: s.title for s in rubric.subtotals}
    for clause in (*rubric.dimensions, *rubric.indicators):
        if not clause.unset and clause.max is not None and clause.code != rubric.root.code:
            out.setdefault(clause.code, clause.name)
    return out


def placed(results: Sequence[Result], ties: Ties = PLAIN) -> list[Result]:
    """Each result with its place by its ``key``: group by group in order of appearance, best first; those
    out of the ranking at the end."""
    groups: dict[str, list[Result]] = {}
    unranked = []
    for result in results:
        if result.outcome.ranked and result.key:
            groups.setdefault(result.group, []).append(result)
        else:
            unranked.append(replace(result, rank=None, tied=False))
    out: list[Result] = []
    for members in groups.values():
        place = 1
        for level in _levels(members, ties):
            out += [replace(r, rank=place, tied=len(level) > 1) for r in level]
            place += 1 if ties.dense else len(level)
    return [*out, *unranked]


def _levels(members: Sequence[Result], ties: Ties) -> list[list[Result]]:
    """The members of one group in bunches of the same place, best first."""
    by_key: dict[tuple[Any, ...], list[Result]] = {}
    for result in members:
        by_key.setdefault(result.key, []).append(result)
    return [part for key in sorted(by_key, reverse=True) for part in _split(by_key[key], ties.by)]


def _split(bunch: list[Result], by: Sequence[str]) -> list[list[Result]]:
    """A bunch of equals taken apart by the next figure. One that some of them do not have (不适用,
    未设分值) would not compare like with like, and is passed over."""
    if len(bunch) == 1 or not by:
        return [bunch]
    figures = [figure(result, by[0]) for result in bunch]
    if any(f is None for f in figures):
        return _split(bunch, by[1:])
    levels: dict[Fraction, list[Result]] = {}
    for result, value in zip(bunch, figures, strict=True):
        levels.setdefault(value or ZERO, []).append(result)
    return [part for value in sorted(levels, reverse=True) for part in _split(levels[value], by[1:])]


def figure(result: Result, code: str) -> Fraction | None:
    """What a subtotal or a clause came to; None where it has no points for this unit."""
    if code in result.subtotals:
        return result.subtotals[code]
    score = result.sheet.get(code)
    return score.points if score is not None and score.state is State.SCORED else None
