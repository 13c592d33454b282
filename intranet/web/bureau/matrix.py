"""The matrix of the assignment (分派) as its page shows it: units × indicators, coverage, each one's load."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from intranet.domain import assignment as work
from intranet.models import Cycle, Entry
from intranet.queries import assignments as stored
from intranet.queries.assignments import Asked
from intranet.queries.cycles import entries_of
from intranet.queries.review import Reviewer
from intranet.rubric.model import Clause, Rubric
from intranet.web.context import db

from . import frame


@dataclass(frozen=True)
class Board:
    """The assignment as stored, with what its page needs. A fixed number of queries."""

    cycle: Cycle
    rubric: Rubric
    entries: Sequence[Entry]
    asked: Asked
    rows: frozenset[work.Row]

    @cached_property
    def indicators(self) -> list[Clause]:
        return work.scored_indicators(self.rubric)

    @cached_property
    def codes(self) -> list[str]:
        return [c.code for c in self.indicators]

    @cached_property
    def ids(self) -> list[int]:
        return [e.id or 0 for e in self.entries]

    @cached_property
    def live(self) -> frozenset[work.Row]:
        """The rows that say something: of people on the panel who do not stay away."""
        return frozenset(
            (r.user_id, i, code) for i in self.ids for code in self.codes for r in self.asked.of(i, code)
        )

    def rows_of(self, user_id: int) -> set[work.Row]:
        return {row for row in self.rows if row[0] == user_id}

    def barred(self, user_id: int) -> frozenset[int]:
        person = next(r for r in self.asked.reviewers if r.user_id == user_id)
        return frozenset(i for i in self.ids if self.asked.is_barred(person, i))


def load_board(cycle_id: int) -> Board:
    cycle = frame.load(cycle_id)
    rows = frozenset(stored.rows_of(db(), cycle_id))
    pairs: dict[stored.Cell, set[int]] = defaultdict(set)
    for user_id, entry_id, code in rows:
        pairs[entry_id, code].add(user_id)
    # As if the switch were on: the page shows what is stored either way.
    people = stored.asked_of(db(), cycle)
    asked = Asked(people.reviewers, people.schools, {cell: frozenset(users) for cell, users in pairs.items()})
    return Board(cycle, frame.scoring_of(cycle).rubric, entries_of(db(), cycle_id), asked, rows)


@dataclass(frozen=True, slots=True)
class Load:
    """What one reviewer has: cells and their points, units the person stays away from."""

    person: Reviewer
    cells: int
    points: Fraction
    barred: int


@dataclass(frozen=True, slots=True)
class Box:
    """One cell of the matrix. n: how many are to score it; names: who; scored: how many have begun to;
    mine, own: whether the chosen reviewer is to score it, and has begun to."""

    n: int
    names: str
    scored: int
    mine: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One unit. barred: names of those who stay away; is_closed: the chosen reviewer does."""

    entry: Entry
    barred: str
    is_closed: bool
    boxes: list[Box]


def loads_of(board: Board) -> list[Load]:
    points = {c.code: c.max or Fraction(0) for c in board.indicators}
    cells: dict[int, int] = defaultdict(int)
    worth: dict[int, Fraction] = defaultdict(Fraction)
    for user_id, _entry, code in board.live:
        cells[user_id] += 1
        worth[user_id] += points[code]
    return [
        Load(r, cells[r.user_id], worth[r.user_id], len(board.barred(r.user_id)))
        for r in board.asked.reviewers
    ]


def lines_of(board: Board, who: int | None, ticked: Collection[work.Row] | None = None) -> list[Line]:
    """Every unit with its cells. ticked: what stood in a form of the chosen reviewer that was refused."""
    marked = stored.marked_by(db(), board.ids)
    leaves = {c.code: [leaf.code for leaf in board.rubric.leaves(c.code)] for c in board.indicators}
    out = []
    for entry in board.entries:
        entry_id, boxes = entry.id or 0, []
        for code in board.codes:
            users = board.asked.of(entry_id, code)
            scored = frozenset[int]().union(
                *(marked.get((entry_id, leaf), frozenset()) for leaf in leaves[code])
            )
            names = "、".join(r.name for r in users)
            mine = any(r.user_id == who for r in users)
            if ticked is not None:
                mine = (who, entry_id, code) in ticked
            boxes.append(Box(len(users), names, len(scored), mine, who in scored))
        away = [r for r in board.asked.reviewers if board.asked.is_barred(r, entry_id)]
        closed = any(r.user_id == who for r in away)
        out.append(Line(entry, "、".join(r.name for r in away), closed, boxes))
    return out
