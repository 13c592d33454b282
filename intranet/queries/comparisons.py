"""Frozen results side by side: shares by indicator, their spread, a unit against the mean, cycle by cycle.

All of it comes from what a freeze stored; nothing here scores. Shares are exact (Fraction of the maximum);
they are rounded where they are shown. ``explain.py`` explains one result, this compares them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from intranet.enums import SubmissionState
from intranet.models import SELF, SETTLED, Cycle, Entry, Mark, UnitResult
from intranet.queries.cycles import latest_results
from intranet.queries.explain import indicator_cells, share_of
from intranet.queries.results import PUBLIC, UnitLine
from intranet.rubric.model import Clause, Rubric

# --- shares of the maximum -----------------------------------------------------------------------

Shares: TypeAlias = list[list[Fraction | None]]
"""One row per unit, one column per clause; None where the unit has no number there."""


def shares(lines: Sequence[UnitLine], clauses: Sequence[Clause]) -> Shares:
    return [[share_of(line, clause) for clause in clauses] for line in lines]


def mean(values: Sequence[Fraction | None]) -> Fraction | None:
    """Of those that are known; None if none is."""
    known = [v for v in values if v is not None]
    return sum(known, Fraction(0)) / len(known) if known else None


def means(table: Shares) -> list[Fraction | None]:
    """The mean of each column."""
    return [mean(column) for column in zip(*table, strict=True)]


@dataclass(frozen=True, slots=True)
class Spread:
    """Five numbers and the mean of one clause over the units. n: units that have a share."""

    clause: Clause
    n: int
    low: Fraction
    q1: Fraction
    median: Fraction
    q3: Fraction
    high: Fraction
    mean: Fraction

    @property
    def five(self) -> tuple[Fraction, Fraction, Fraction, Fraction, Fraction]:
        return (self.low, self.q1, self.median, self.q3, self.high)


def quantile(ordered: Sequence[Fraction], p: Fraction) -> Fraction:
    """At place (n − 1)·p of the ordered values, counted from 0, linear between neighbours.

    The rule of QUARTILE.INC in a spreadsheet, so that anybody can check it. ``ordered`` is not empty.
    """
    place = (len(ordered) - 1) * p
    below = int(place)
    part = place - below
    return ordered[below] if not part else ordered[below] + (ordered[below + 1] - ordered[below]) * part


def spreads(table: Shares, clauses: Sequence[Clause]) -> list[Spread]:
    """Per clause that has any share, the lowest mean first."""
    out = []
    for clause, column in zip(clauses, zip(*table, strict=True), strict=True):
        known = sorted(v for v in column if v is not None)
        if known:
            low, q1, median, q3, high = (quantile(known, Fraction(n, 4)) for n in range(5))
            average = sum(known, Fraction(0)) / len(known)
            out.append(Spread(clause, len(known), low, q1, median, q3, high, average))
    return sorted(out, key=lambda s: s.mean)


# --- self and panel ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnView:
    """A unit's self score against what was counted, over the n indicators that have both."""

    line: UnitLine
    n: int
    own: Fraction
    counted: Fraction

    @property
    def gap(self) -> Fraction:
        return self.own - self.counted


def own_views(rubric: Rubric, lines: Sequence[UnitLine]) -> list[OwnView]:
    """Per unit with a self score, the widest difference first."""
    out = []
    for line in lines:
        pairs = [
            (cell.own, cell.compared)
            for cell in indicator_cells(rubric, line)
            if cell.own is not None and cell.compared is not None
        ]
        if pairs:
            own, counted = (sum(side, Fraction(0)) for side in zip(*pairs, strict=True))
            out.append(OwnView(line, len(pairs), own, counted))
    return sorted(out, key=lambda v: -abs(v.gap))


# --- cycle by cycle ------------------------------------------------------------------------------

MOST_CYCLES = 6
_ABSENT: tuple[Fraction | None, int | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Past:
    """Totals and ranks of one unit, in the order of the cycles; None where it did not take part."""

    entry_id: int
    name: str
    totals: tuple[Fraction | None, ...]
    ranks: tuple[int | None, ...]


_A_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _without_days(rulings: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in rulings.items() if not (isinstance(v, str) and _A_DAY.fullmatch(v))}


@dataclass(frozen=True, slots=True)
class History:
    """Cycles of one rubric, oldest first, the one that is looked at last. is_same: all by one edition of it,
    under rulings that differ in their days at most: a day of the year moves on every year."""

    cycles: tuple[Cycle, ...]
    units: tuple[Past, ...]

    @property
    def is_same(self) -> bool:
        if len({c.fingerprint for c in self.cycles}) <= 1:
            return True
        editions = [(c.rubric_version, c.definition, _without_days(c.rulings)) for c in self.cycles]
        return all(edition == editions[0] for edition in editions)

    @property
    def means(self) -> list[Fraction | None]:
        return [mean([u.totals[n] for u in self.units]) for n in range(len(self.cycles))]


def history(session: Session, cycle: Cycle, lines: Sequence[UnitLine]) -> History:
    """The units of ``lines`` in this cycle and in the published ones of its rubric before it, in four queries.

    A practice cycle is compared with nothing, and nothing with it.
    """
    before = select(Cycle).where(
        Cycle.rubric_key == cycle.rubric_key,
        col(Cycle.id) < (cycle.id or 0),
        col(Cycle.state).in_(PUBLIC),
        ~col(Cycle.practice),
    )
    newest = before.order_by(col(Cycle.id).desc()).limit(MOST_CYCLES - 1)
    earlier = [] if cycle.practice else list(reversed(session.exec(newest).all()))
    held = latest_results(session, [c.id or 0 for c in earlier])
    earlier = [c for c in earlier if c.id in held]
    ids = [lines[0].row.result_id] if lines else []
    wanted = [*ids, *(held[c.id or 0].id or 0 for c in earlier)]
    columns: Any = [UnitResult.result_id, UnitResult.entry_id, UnitResult.total, UnitResult.rank]
    light = load_only(*columns)  # the documents stay where they are
    rows = session.exec(select(UnitResult).options(light).where(col(UnitResult.result_id).in_(wanted))).all()
    taking_part = select(Entry.id, Entry.unit_id).where(
        col(Entry.cycle_id).in_([cycle.id, *(c.id for c in earlier)])
    )
    unit_of = {entry_id or 0: unit_id for entry_id, unit_id in session.exec(taking_part)}
    found = {(row.result_id, unit_of[row.entry_id]): (row.total, row.rank) for row in rows}
    order = [*(held[c.id or 0].id or 0 for c in earlier), *ids]
    units = []
    for line in lines:
        past = [found.get((r, unit_of[line.row.entry_id]), _ABSENT) for r in order]
        units.append(
            Past(line.row.entry_id, line.result.name, tuple(t for t, _r in past), tuple(r for _t, r in past))
        )
    return History((*earlier, cycle), tuple(units))


# --- before there is a result --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnitProgress:
    """How far one unit is. marked: clauses with a mark of the panel; settled: those with the chair's word."""

    entry: Entry
    marked: int
    settled: int
    reviewers: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a cycle is, counted from what is stored."""

    units: tuple[UnitProgress, ...]

    def in_state(self, state: SubmissionState) -> int:
        return sum(u.entry.state == state for u in self.units)

    @property
    def submitted(self) -> int:
        return self.in_state(SubmissionState.SUBMITTED)

    @property
    def returned(self) -> int:
        return self.in_state(SubmissionState.RETURNED)

    @property
    def begun(self) -> int:
        """Units that have saved something and not handed it in."""
        return self.in_state(SubmissionState.OPEN) - self.untouched

    @property
    def untouched(self) -> int:
        """Units of which nothing has been saved."""
        return sum(u.entry.state == SubmissionState.OPEN and u.entry.saved_at is None for u in self.units)

    @property
    def marked_units(self) -> int:
        return sum(u.marked > 0 for u in self.units)

    @property
    def marked(self) -> int:
        return sum(u.marked for u in self.units)


def progress(session: Session, cycle: Cycle) -> Progress:
    """In two queries. Marks laid aside as doubtful are not counted, nor the units' own."""
    entries = session.exec(
        select(Entry).where(Entry.cycle_id == cycle.id).order_by(col(Entry.code), col(Entry.id))
    ).all()
    marked: dict[int, set[str]] = {}
    settled: dict[int, set[str]] = {}
    people: dict[int, set[int]] = {}
    query = (
        select(Mark.entry_id, Mark.code, Mark.role, Mark.user_id)
        .join(Entry, col(Entry.id) == col(Mark.entry_id))
        .where(Entry.cycle_id == cycle.id, Mark.role != SELF, col(Mark.doubtful) == sa.false())
    )
    for entry_id, code, role, user_id in session.exec(query):
        if role == SETTLED:
            settled.setdefault(entry_id, set()).add(code)
        else:
            marked.setdefault(entry_id, set()).add(code)
            people.setdefault(entry_id, set()).add(user_id)
    return Progress(
        tuple(
            UnitProgress(e, *(len(kept.get(e.id or 0, ())) for kept in (marked, settled, people)))
            for e in entries
        )
    )
