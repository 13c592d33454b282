"""Whether the panel treats like alike: the same fault priced differently, each reviewer's harshness. Reading only.

Both are hints for the chair, who settles; nothing here changes a score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

from intranet.domain.marking import base_of, parse_points, recount
from intranet.domain.standing import Item, Leaf
from intranet.errors import Invalid
from intranet.models import Mark
from intranet.rubric.deductions import Choice, bank
from intranet.rubric.model import Clause, DeductClause, Rubric

ZERO = Fraction(0)
FEW = 10
"""Shared items below which a mean difference says little."""


# --- the same fault, different prices ---------------------------------------------------------------


@dataclass(frozen=True)
class Price:
    """What one reviewer took for one deduction on one leaf.

    taken: points, 0 where the proposal was waived or nothing was taken. rate: the same for one
    occurrence, where the facts say how many there are (``count``), so that units compare; None: they
    say nothing, and it compares within the unit only. words: the reason given.
    """

    leaf: Leaf
    indicator: Clause
    mark: Mark
    taken: Fraction
    rate: Fraction | None
    count: int
    waived: bool
    words: str

    @property
    def entry_id(self) -> int:
        return self.leaf.entry.id or 0


@dataclass(frozen=True)
class Fault:
    """One deduction of one clause to which different prices were given; ``places`` lowest first.

    within: on one unit at least two reviewers differ; across: units differ by the rate.
    """

    clause: Clause
    label: str
    places: tuple[Price, ...]
    within: bool
    across: bool

    @property
    def low(self) -> Price:
        return self._ends[0]

    @property
    def high(self) -> Price:
        return self._ends[1]

    @property
    def gap(self) -> Fraction:
        """Points between the two, for one occurrence across units."""
        low, high = self._ends
        if self.within or low.rate is None or high.rate is None:
            return high.taken - low.taken
        return high.rate - low.rate

    @property
    def others(self) -> tuple[Price, ...]:
        return tuple(p for p in self.places if p is not self.low and p is not self.high)

    @property
    def _ends(self) -> tuple[Price, Price]:
        """The pair that shows it best: the widest on one unit, else the widest between two."""
        if self.within:
            units = _by_unit(self.places).values()
            widest = max(units, key=lambda own: max(p.taken for p in own) - min(p.taken for p in own))
            return min(widest, key=lambda p: p.taken), max(widest, key=lambda p: p.taken)
        rated = [p for p in self.places if p.rate is not None]
        return min(rated, key=_rate), max(rated, key=_rate)


def faults_of(rubric: Rubric, items: Iterable[Item]) -> list[Fault]:
    """Every deduction with different prices, those that differ on one unit first, then the widest first."""
    prices: dict[tuple[str, str], list[Price]] = defaultdict(list)
    labels: dict[tuple[str, str], str] = {}
    clauses: dict[str, Clause] = {}
    for item in items:
        for leaf in item.marked:
            if not any(m.deductions for m in leaf.given) or leaf.sheet is None:
                continue
            clauses[leaf.code] = leaf.clause
            for key, label, price in _prices(rubric, leaf, item.indicator):
                prices[leaf.code, key].append(price)
                labels.setdefault((leaf.code, key), label)
    found = [
        fault
        for (code, key), places in prices.items()
        if (fault := _fault(clauses[code], labels[code, key], places)) is not None
    ]
    return sorted(found, key=lambda f: (not f.within, -f.gap))


def _fault(clause: Clause, label: str, places: Sequence[Price]) -> Fault | None:
    units = _by_unit(places)
    within = any(len({p.taken for p in own}) > 1 for own in units.values())
    rates = {entry: {p.rate for p in own if p.rate is not None} for entry, own in units.items()}
    said = [own for own in rates.values() if own]
    across = len(said) > 1 and len(set().union(*said)) > 1
    if not (within or across):
        return None
    ordered = sorted(places, key=lambda p: (p.taken if p.rate is None else p.rate, p.entry_id))
    return Fault(clause, label, tuple(ordered), within, across)


def _by_unit(places: Iterable[Price]) -> dict[int, list[Price]]:
    out: dict[int, list[Price]] = defaultdict(list)
    for price in places:
        out[price.entry_id].append(price)
    return out


def _rate(price: Price) -> Fraction:
    return ZERO if price.rate is None else price.rate


def _prices(rubric: Rubric, leaf: Leaf, indicator: Clause) -> Iterator[tuple[str, str, Price]]:
    """(key, label, price) of every reviewer for each deduction that one of them took or waived."""
    assert leaf.sheet is not None
    choices = {c.key: c for c in bank(rubric, leaf.clause, leaf.sheet.facts, leaf.score)}
    named: dict[str, str] = {d["key"]: d["label"] for m in leaf.given for d in m.deductions if "key" in d}
    clean = recount(leaf, list(choices.values()), {})
    for key, label in named.items():
        choice = choices.get(key)
        for mark in leaf.given:
            note = next((d for d in mark.deductions if d.get("key") == key), None)
            if note is None and not mark.deductions and mark.points != clean:
                continue  # a bare number: it says nothing about single deductions
            yield key, label, _price(leaf, indicator, mark, choice, note)


def _price(
    leaf: Leaf, indicator: Clause, mark: Mark, choice: Choice | None, note: Mapping[str, Any] | None
) -> Price:
    waived = note is not None and bool(note.get("waived"))
    taken = ZERO if note is None or waived else _taken(leaf, choice, note)
    count = choice.count if choice is not None and choice.proposed and choice.each is not None else 0
    typed = choice is not None and choice.each is None and not choice.all
    rate: Fraction | None = None
    if count:
        rate = taken / count
    elif note is not None and (typed or (choice is not None and choice.all and choice.proposed)):
        rate = taken
    words = str(note.get("reason") or "") if note is not None and waived else mark.reason
    return Price(leaf, indicator, mark, taken, rate, count, waived, words)


def _taken(leaf: Leaf, choice: Choice | None, note: Mapping[str, Any]) -> Fraction:
    """Points that a noted deduction takes; one that the rubric no longer knows takes what it says."""
    if choice is not None and choice.all:
        base = base_of(leaf)
        return base if base is not None else leaf.most or ZERO
    number = _number(note.get("points", note.get("times", "0")))
    return number if choice is None or choice.each is None else number * choice.each


def _number(text: object) -> Fraction:
    try:
        return parse_points(str(text)) or ZERO
    except Invalid:
        return ZERO


def has_deductions(clause: Clause) -> bool:
    """Whether a clause takes points off at all: where no clause does, the list of faults is no use."""
    return bool(clause.losses) or isinstance(clause, DeductClause)


# --- harshness ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Harshness:
    """One reviewer against the others on the leaves that somebody else scored too.

    shared: how many leaves; mean: own points minus the mean of the others', on average, exact, None
    without a shared leaf; lower, higher: on how many the own score lies below or above.
    """

    user_id: int
    shared: int = 0
    mean: Fraction | None = None
    lower: int = 0
    higher: int = 0

    @property
    def is_thin(self) -> bool:
        """Too few shared items to say anything."""
        return self.shared < FEW


def harshness_of(items: Iterable[Item], user_ids: Iterable[int]) -> list[Harshness]:
    """The harshest first; those without a shared leaf last, in the order given."""
    sums = {user_id: _Sum() for user_id in user_ids}
    for item in items:
        for leaf in item.marked:
            given = [(m.user_id, m.points) for m in leaf.given if m.points is not None]
            others = len(given) - 1
            if others < 1:
                continue
            # Whole parts of the leaf's common denominator: thousands of leaves stay exact and quick.
            unit = lcm(*(points.denominator for _u, points in given))
            whole = [(user_id, points.numerator * (unit // points.denominator)) for user_id, points in given]
            total = sum(points for _u, points in whole)
            for user_id, points in whole:
                own = sums.setdefault(user_id, _Sum())
                own.add(points * (others + 1) - total, unit * others)
    found = [one.harshness(user_id) for user_id, one in sums.items()]
    return sorted(found, key=lambda h: (h.mean is None, h.mean or ZERO))


class _Sum:
    """Gaps of one reviewer, added up exactly: whole numerators by denominator."""

    def __init__(self) -> None:
        self._parts: dict[int, int] = defaultdict(int)
        self._n = self._lower = self._higher = 0

    def add(self, numerator: int, denominator: int) -> None:
        self._parts[denominator] += numerator
        self._n += 1
        self._lower += numerator < 0
        self._higher += numerator > 0

    def harshness(self, user_id: int) -> Harshness:
        if not self._n:
            return Harshness(user_id)
        total = sum((Fraction(n, d) for d, n in self._parts.items()), ZERO)
        return Harshness(user_id, self._n, total / self._n, self._lower, self._higher)
