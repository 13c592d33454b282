"""What an entry may take over from the unit's last cycle, and what it took and nobody has looked at."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from intranet.enums import CycleState
from intranet.models import Cycle, Entry, Evidence, FactRow
from intranet.queries.filing import SCHOOL


def source_of(session: Session, cycle: Cycle, entry: Entry) -> tuple[Entry, Cycle] | None:
    """The unit's entry in the latest earlier cycle of the same rubric, practice ones left out; None if there
    is none."""
    found = session.exec(
        select(Entry, Cycle)
        .join(Cycle, col(Cycle.id) == col(Entry.cycle_id))
        .where(
            Entry.unit_id == entry.unit_id,
            Cycle.rubric_key == cycle.rubric_key,
            Cycle.state != CycleState.DRAFT,
            col(Cycle.practice).is_(False),
            col(Cycle.id) < cycle.id,
        )
        .order_by(col(Cycle.id).desc())
    ).first()
    return None if found is None else (found[0], found[1])


def has_earlier(session: Session, cycle: Cycle) -> bool:
    """Whether there is an earlier cycle of the same rubric, practice ones left out."""
    query = select(Cycle.id).where(
        Cycle.rubric_key == cycle.rubric_key,
        Cycle.state != CycleState.DRAFT,
        col(Cycle.practice).is_(False),
    )
    return session.exec(query.where(col(Cycle.id) < cycle.id).limit(1)).first() is not None


def live_rows(session: Session, entry_id: int) -> Sequence[FactRow]:
    """The school's rows in the order of their tables."""
    return session.exec(
        select(FactRow)
        .where(FactRow.entry_id == entry_id, FactRow.owner == SCHOOL, col(FactRow.deleted_at).is_(None))
        .order_by(col(FactRow.table), col(FactRow.position), col(FactRow.id))
    ).all()


def unlooked_rows(session: Session, entry_id: int) -> list[FactRow]:
    """Rows that were carried over and not looked at yet."""
    return [row for row in live_rows(session, entry_id) if row.carried]


def unlooked_files(session: Session, entry_id: int) -> Sequence[Evidence]:
    """Files that were carried over and not looked at yet, by number."""
    return session.exec(
        select(Evidence)
        .where(Evidence.entry_id == entry_id, col(Evidence.carried), col(Evidence.deleted_at).is_(None))
        .order_by(col(Evidence.number))
    ).all()
