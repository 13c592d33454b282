"""When points are rounded: the rubric's regime, in one place (G1).

Half-up to the places the notice prints. ``division`` (the default) rounds only what a division
made endless: averages, formulas that divide, weights. ``each`` rounds every leaf and loss,
``display`` nothing at all. Values that ranks and thresholds compare are never rounded.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from .expression import Call, Negative, Node, Operation, parse
from .model import ClauseBase, Rubric
from .numbers import round_half_up


def rounded(rubric: Rubric, clause: ClauseBase, points: Fraction, *, divided: bool) -> Fraction:
    """``points`` of a clause as its rubric rounds them. divided: whether a division made them."""
    if rubric.rounding == "display" or (rubric.rounding == "division" and not divided):
        return points
    return round_half_up(points, rubric.places if clause.places is None else clause.places)


@lru_cache(maxsize=1024)
def divides(formula: str) -> bool:
    """Whether a formula contains a division or a mean."""
    return _divides(parse(formula))


def _divides(node: Node) -> bool:
    match node:
        case Operation(sign, left, right):
            return sign == "÷" or _divides(left) or _divides(right)
        case Call(function, arguments):
            return function == "mean" or any(_divides(a) for a in arguments)
        case Negative(inner):
            return _divides(inner)
    return False
