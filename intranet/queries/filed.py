"""The stored pieces of one entry's filing: answers, rows, files, self scores, its result.

Rights to see an entry are ``queries.entries``' business; a single file is looked up by its own id
and checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import (
    SELF,
    Answer,
    Entry,
    Evidence,
    EvidenceLink,
    FactRow,
    Mark,
    Operation,
    Result,
    TableState,
    UnitResult,
    User,
)
from intranet.queries.entries import entry_for
from intranet.queries.filing import SCHOOL
from intranet.queries.sharing import may_see_file

# --- answers and self scores ---------------------------------------------------------------------


def answer_of(session: Session, entry_id: int, key: str, school_id: int = 0) -> Answer | None:
    """One stored answer of the school; slots by their key (``B6#4``)."""
    query = select(Answer).where(Answer.entry_id == entry_id, Answer.owner == SCHOOL, Answer.key == key)
    return session.exec(query.where(Answer.school_id == school_id)).first()


def self_marks_of(session: Session, entry_id: int) -> dict[str, Mark]:
    found = session.exec(select(Mark).where(Mark.entry_id == entry_id, Mark.role == SELF))
    return {m.code: m for m in found}


def operation_of(session: Session, actor: Actor, key: str) -> Operation | None:
    return session.exec(
        select(Operation).where(Operation.user_id == actor.user_id, Operation.key == key)
    ).first()


# --- rows ----------------------------------------------------------------------------------------


def rows_of(session: Session, entry_id: int) -> dict[int, FactRow]:
    """The school's fact rows by id, those deleted too (they can be brought back)."""
    found = session.exec(select(FactRow).where(FactRow.entry_id == entry_id, FactRow.owner == SCHOOL))
    return {r.id or 0: r for r in found}


def row_of(session: Session, entry_id: int, row_id: int) -> FactRow | None:
    """One row of the school's tables, deleted or not."""
    row = session.get(FactRow, row_id)
    return row if row is not None and row.entry_id == entry_id and row.owner == SCHOOL else None


def extent_of(session: Session, entry_id: int, table: str) -> tuple[int, int]:
    """How many live rows a table has, and the highest position ever given."""
    mine = (FactRow.entry_id == entry_id, FactRow.owner == SCHOOL, FactRow.table == table)
    live = sa.func.count().filter(col(FactRow.deleted_at).is_(None))
    count, last = session.exec(select(live, sa.func.max(FactRow.position)).where(*mine)).one()
    return count, last or 0


def table_state_of(session: Session, entry_id: int, table: str) -> TableState | None:
    """Whether the school declared a table empty."""
    return session.exec(
        select(TableState).where(
            TableState.entry_id == entry_id, TableState.owner == SCHOOL, TableState.table == table
        )
    ).first()


# --- files ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FiledEvidence:
    """A file that is there, and what it proves (``clause:…``, ``slot:…``, ``row:<id>``)."""

    evidence: Evidence
    refs: tuple[str, ...] = ()


def files_of(session: Session, entry_id: int) -> Sequence[Evidence]:
    """The entry's files by number, deleted ones left out."""
    return session.exec(
        select(Evidence)
        .where(Evidence.entry_id == entry_id, col(Evidence.deleted_at).is_(None))
        .order_by(col(Evidence.number))
    ).all()


def last_number(session: Session, entry_id: int) -> int:
    """The highest material number ever given in the entry; numbers are not given twice."""
    highest = select(sa.func.max(Evidence.number)).where(Evidence.entry_id == entry_id)
    return session.exec(highest).first() or 0


def evidence_of(session: Session, entry_id: int) -> list[FiledEvidence]:
    """The entry's files by number, each with what it proves."""
    refs: dict[int, list[str]] = {}
    links = select(EvidenceLink).where(EvidenceLink.entry_id == entry_id).order_by(col(EvidenceLink.id))
    for link in session.exec(links):
        refs.setdefault(link.evidence_id, []).append(link.ref)
    return [FiledEvidence(e, tuple(refs.get(e.id or 0, ()))) for e in files_of(session, entry_id)]


def links_of(session: Session, evidence_id: int, ref: str | None = None) -> Sequence[EvidenceLink]:
    """What one file is linked to (the one place ``ref``, if given)."""
    query = select(EvidenceLink).where(EvidenceLink.evidence_id == evidence_id)
    return session.exec(query if ref is None else query.where(EvidenceLink.ref == ref)).all()


def has_file(session: Session, entry_id: int, ref: str) -> bool:
    """Whether a file that is still there stands at ``ref``."""
    found = session.exec(
        select(EvidenceLink.id)
        .join(Evidence, col(Evidence.id) == col(EvidenceLink.evidence_id))
        .where(
            EvidenceLink.entry_id == entry_id,
            EvidenceLink.ref == ref,
            col(Evidence.deleted_at).is_(None),
        )
    ).first()
    return found is not None


def evidence_for(session: Session, actor: Actor, evidence_id: int) -> Evidence:
    """One file, if the actor may see its entry; else NotFound, as if there were none."""
    found = session.get(Evidence, evidence_id)
    try:
        if found is not None and found.deleted_at is None:
            entry = entry_for(session, actor, found.entry_id)
            refs = [link.ref for link in links_of(session, evidence_id)]
            if may_see_file(session, actor, entry, found, refs):
                return found
    except NotFound:
        pass  # a foreign file answers word for word as one that was never there
    raise NotFound(_("没有这份材料，或您无权查看。"))


# --- people and results --------------------------------------------------------------------------


def names_of(session: Session, user_ids: Iterable[int]) -> dict[int, str]:
    found = session.exec(select(User).where(col(User.id).in_(set(user_ids))))
    return {u.id or 0: u.name for u in found}


def result_of(session: Session, entry: Entry) -> tuple[Result, UnitResult] | None:
    """The stored result that holds: the highest freeze of the cycle."""
    return session.exec(
        select(Result, UnitResult)
        .join(UnitResult, col(UnitResult.result_id) == col(Result.id))
        .where(Result.cycle_id == entry.cycle_id, UnitResult.entry_id == entry.id)
        .order_by(col(Result.number).desc())
    ).first()
