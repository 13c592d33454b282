"""Who is asked to score what (分派): reviewer × unit × indicator, conflicts left out.

Read only while ``Cycle.assigned`` is set; otherwise every reviewer is asked for everything the person
does not stay away from. An assignment to somebody who left the panel, or who stays away, says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.models import SELF, SETTLED, Assignment, Cycle, Entry, EntrySchool, Mark
from intranet.queries.review import Reviewer, is_reviewer, reviewers_of

Cell = tuple[int, str]
"""(entry id, indicator code)."""


@dataclass(frozen=True)
class Asked:
    """The reviewers of a cycle and what each is asked for.

    schools: ids of the schools of an entry, by entry id; pairs: user ids by cell, None while nothing is
    assigned and everybody scores everything.
    """

    reviewers: tuple[Reviewer, ...]
    schools: Mapping[int, frozenset[int]] = field(default_factory=dict)
    pairs: Mapping[Cell, frozenset[int]] | None = None

    def is_barred(self, reviewer: Reviewer, entry_id: int) -> bool:
        """The reviewer stays away from the entry: declared, recused by the bureau, or of an own school."""
        own = reviewer.schools & self.schools.get(entry_id, frozenset())
        return bool(own) or entry_id in reviewer.recused

    def of(self, entry_id: int, code: str) -> list[Reviewer]:
        """Who is to score this indicator of this entry, in the order of the reviewers."""
        chosen = None if self.pairs is None else self.pairs.get((entry_id, code), frozenset())
        return [
            r
            for r in self.reviewers
            if (chosen is None or r.user_id in chosen) and not self.is_barred(r, entry_id)
        ]


def asked_of(session: Session, cycle: Cycle) -> Asked:
    """For every entry of the cycle. A fixed number of queries."""
    cycle_id = cycle.id or 0
    return Asked(
        tuple(reviewers_of(session, cycle_id)),
        _schools(session, cycle_id),
        pairs_of(session, cycle_id) if cycle.assigned else None,
    )


def _schools(session: Session, cycle_id: int) -> dict[int, frozenset[int]]:
    query = (
        select(EntrySchool.entry_id, EntrySchool.school_id)
        .join(Entry, col(Entry.id) == col(EntrySchool.entry_id))
        .where(Entry.cycle_id == cycle_id)
    )
    found: dict[int, set[int]] = defaultdict(set)
    for entry_id, school_id in session.exec(query):
        found[entry_id].add(school_id)
    return {entry_id: frozenset(ids) for entry_id, ids in found.items()}


def pairs_of(session: Session, cycle_id: int) -> dict[Cell, frozenset[int]]:
    """User ids by cell, as stored, whether or not the switch is on."""
    found: dict[Cell, set[int]] = defaultdict(set)
    query = select(Assignment.entry_id, Assignment.code, Assignment.user_id)
    for entry_id, code, user_id in session.exec(query.where(Assignment.cycle_id == cycle_id)):
        found[entry_id, code].add(user_id)
    return {cell: frozenset(ids) for cell, ids in found.items()}


def cells_of(session: Session, cycle: Cycle, user_id: int) -> frozenset[Cell] | None:
    """What one person is asked to score; None while every reviewer scores everything, nothing for a chair
    beside reviewers."""
    if not is_reviewer(session, cycle.id or 0, user_id):
        return frozenset()
    if not cycle.assigned:
        return None
    query = select(Assignment.entry_id, Assignment.code).where(
        Assignment.cycle_id == cycle.id, Assignment.user_id == user_id
    )
    return frozenset(session.exec(query))


def is_asked(session: Session, actor: Actor, cycle: Cycle, entry: Entry, code: str) -> bool:
    """Whether this indicator of this entry is the person's to score; the recusal is ``entries``' business."""
    if not is_reviewer(session, cycle.id or 0, actor.user_id):
        return False
    if not cycle.assigned:
        return True
    query = select(Assignment.id).where(
        Assignment.user_id == actor.user_id, Assignment.entry_id == entry.id, Assignment.code == code
    )
    return session.exec(query).first() is not None


def rows_of(session: Session, cycle_id: int) -> dict[tuple[int, int, str], Assignment]:
    """Stored rows by (user id, entry id, indicator code)."""
    query = select(Assignment).where(Assignment.cycle_id == cycle_id)
    return {(a.user_id, a.entry_id, a.code): a for a in session.exec(query)}


def marked_by(session: Session, entry_ids: Sequence[int]) -> dict[tuple[int, str], frozenset[int]]:
    """Who has a mark on a leaf (not laid aside as doubtful): user ids by (entry id, leaf code)."""
    query = select(Mark.entry_id, Mark.code, Mark.user_id).where(
        col(Mark.entry_id).in_(entry_ids),
        col(Mark.role).not_in((SELF, SETTLED)),
        Mark.user_id != 0,
        sa.not_(col(Mark.doubtful)),
    )
    found: dict[tuple[int, str], set[int]] = defaultdict(set)
    for entry_id, code, user_id in session.exec(query):
        found[entry_id, code].add(user_id)
    return {key: frozenset(ids) for key, ids in found.items()}
