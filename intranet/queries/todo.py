"""Counts behind the to-do lists: a fixed number of queries, whatever the number of units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.enums import ConfirmState, SubmissionState
from intranet.models import Answer, Confirmation, Cycle, Delegation, Entry, EntrySchool, FactRow
from intranet.queries.among import among
from intranet.queries.sharing import definition_of, words_of

_OPEN = (col(Delegation.withdrawn_at).is_(None), col(Delegation.finished_at).is_(None))


@dataclass(frozen=True, slots=True)
class Filed:
    """How far the filing of one cycle is: units by state, and the extensions (延期) of open ones."""

    open: int = 0
    returned: int = 0
    submitted: int = 0
    extended: int = 0
    extended_until: datetime | None = None
    first_to_end: datetime | None = None


def filed(session: Session, at: datetime) -> dict[int, Filed]:
    """By cycle id; cycles without units are not in it. Extensions are those that still run."""
    runs = sa.and_(col(Entry.state) != SubmissionState.SUBMITTED, col(Entry.extended_until) > at)
    until = sa.case((runs, col(Entry.extended_until)))

    def how_many(state: SubmissionState) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((col(Entry.state) == state, 1), else_=0))

    query = sa.select(
        col(Entry.cycle_id),
        how_many(SubmissionState.OPEN),
        how_many(SubmissionState.RETURNED),
        how_many(SubmissionState.SUBMITTED),
        sa.func.count(until),
        sa.func.max(until),
        sa.func.min(until),
    ).group_by(col(Entry.cycle_id))
    return {row[0]: Filed(*row[1:]) for row in session.execute(query)}


def bureau_keys(session: Session, cycle_ids: Collection[int]) -> dict[int, set[str]]:
    """The bureau's fields that have a value for at least one unit, by cycle."""
    query = (
        select(Entry.cycle_id, Answer.key)
        .join(Entry, col(Entry.id) == col(Answer.entry_id))
        .where(
            col(Entry.cycle_id).in_(cycle_ids),
            Answer.owner == "bureau",
            sa.func.json_type(Answer.value) != "null",
        )
        .distinct()
    )
    out: dict[int, set[str]] = defaultdict(set)
    for cycle_id, key in session.exec(query):
        out[cycle_id].add(key)
    return out


def late_delegations(session: Session, entry_ids: Collection[int], today: date) -> dict[int, int]:
    """Things handed out that are past their date, by entry."""
    query = (
        select(Delegation.entry_id, sa.func.count())
        .where(among(Delegation.entry_id, entry_ids), *_OPEN, col(Delegation.due) < today)
        .group_by(col(Delegation.entry_id))
    )
    return dict(session.exec(query).all())


def open_delegations(
    session: Session, entry_ids: Collection[int], school_ids: Collection[int]
) -> dict[int, tuple[int, date | None]]:
    """How many things wait with these schools, and the first date among them, by entry."""
    query = (
        select(Delegation.entry_id, sa.func.count(), sa.func.min(Delegation.due))
        .where(among(Delegation.entry_id, entry_ids), col(Delegation.school_id).in_(school_ids), *_OPEN)
        .group_by(col(Delegation.entry_id))
    )
    return {entry_id: (n, first) for entry_id, n, first in session.exec(query)}


def disputed_rows(session: Session, entry_ids: Collection[int]) -> dict[int, int]:
    """Rows on which another school's objection still holds, by entry."""
    query = (
        select(Confirmation.entry_id, sa.func.count(sa.distinct(col(Confirmation.row_id))))
        .join(FactRow, col(FactRow.id) == col(Confirmation.row_id))
        .where(
            among(Confirmation.entry_id, entry_ids),
            Confirmation.state == ConfirmState.DISPUTED,
            col(FactRow.version) == col(Confirmation.row_version),
            col(FactRow.deleted_at).is_(None),
        )
        .group_by(col(Confirmation.entry_id))
    )
    return dict(session.exec(query).all())


def rows_to_confirm(
    session: Session,
    entries: Sequence[tuple[Entry, Cycle]],
    schools: Mapping[int, Sequence[EntrySchool]],
    own: Collection[int],
    user_id: int,
) -> dict[int, int]:
    """Rows that name one of these schools (ids) and on which it has said nothing yet, by entry.

    :param user_id: somebody of these schools; no school is asked about the rows of its own people.
    """
    tables = {
        entry.id or 0: {
            t.key: t for t in definition_of(cycle.definition).bind(cycle.rulings).tables if t.confirmed_by
        }
        for entry, cycle in entries
    }
    asked = {entry_id: found for entry_id, found in tables.items() if found}
    if not asked:
        return {}
    keys = {key for found in asked.values() for key in found}
    query = select(FactRow).where(
        among(FactRow.entry_id, list(asked)),
        col(FactRow.table).in_(keys),
        FactRow.created_by != user_id,
        col(FactRow.deleted_at).is_(None),
    )
    rows = [r for r in session.exec(query) if r.table in asked[r.entry_id]]
    if not rows:
        return {}
    words = words_of(session, {i: schools[i] for i in asked}, {r.created_by for r in rows})
    out: dict[int, int] = defaultdict(int)
    for row in rows:
        said = words[row.entry_id].on(asked[row.entry_id][row.table], row)
        if any(w.school.school_id in own and w.state is ConfirmState.OPEN for w in said):
            out[row.entry_id] += 1
    return dict(out)
