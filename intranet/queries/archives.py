"""Everything a cycle is archived from, row by row, and the archives that were made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from intranet.enums import BuildState
from intranet.models import (
    Appeal,
    AppealFile,
    AppealReview,
    Archive,
    Assignment,
    Cycle,
    Declaration,
    Entry,
    EntrySchool,
    Evidence,
    EvidenceVersion,
    Grant,
    Inquiry,
    LogEntry,
    Publication,
    Recusal,
    Result,
    Return,
    Showing,
    Submission,
    Turn,
    TurnScore,
    UnitResult,
    User,
    Volume,
)
from intranet.rubric.numbers import as_text


def archives_of(session: Session, cycle_id: int) -> Sequence[Archive]:
    """The newest first."""
    query = select(Archive).where(Archive.cycle_id == cycle_id).order_by(col(Archive.id).desc())
    return session.exec(query).all()


def as_json(row: SQLModel, *, without: Collection[str] = ()) -> dict[str, Any]:
    """A row as plain JSON: numbers as exact text, times in UTC as ISO text."""
    return {k: _plain(v) for k, v in row.model_dump().items() if k not in without}


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Fraction):
        return as_text(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def entries_of(session: Session, cycle_id: int) -> list[Entry]:
    query = select(Entry).where(Entry.cycle_id == cycle_id).order_by(col(Entry.code), col(Entry.id))
    return list(session.exec(query).all())


def schools_of(session: Session, entry_ids: Collection[int]) -> list[EntrySchool]:
    query = select(EntrySchool).where(col(EntrySchool.entry_id).in_(entry_ids))
    return list(session.exec(query.order_by(col(EntrySchool.id))).all())


def results_of(session: Session, cycle_id: int) -> list[Result]:
    """The first freeze first."""
    query = select(Result).where(Result.cycle_id == cycle_id).order_by(col(Result.number))
    return list(session.exec(query).all())


def units_of(session: Session, result_id: int) -> list[UnitResult]:
    query = select(UnitResult).where(UnitResult.result_id == result_id)
    return list(session.exec(query.order_by(col(UnitResult.position), col(UnitResult.id))).all())


def panel_rows(
    session: Session, cycle_id: int, entry_ids: Collection[int]
) -> dict[str, list[dict[str, Any]]]:
    """Who sat on the panel, who scored what, who stayed away, what was asked, what was given in the room."""
    showings = list(session.exec(select(Showing).where(Showing.cycle_id == cycle_id)).all())
    turns = list(session.exec(select(Turn).where(col(Turn.showing_id).in_([s.id for s in showings]))).all())
    scores = session.exec(select(TurnScore).where(col(TurnScore.turn_id).in_([t.id for t in turns]))).all()
    found: dict[str, Sequence[SQLModel]] = {
        "members": session.exec(select(Grant).where(Grant.cycle_id == cycle_id)).all(),
        "assignments": session.exec(select(Assignment).where(Assignment.cycle_id == cycle_id)).all(),
        "declarations": session.exec(select(Declaration).where(Declaration.cycle_id == cycle_id)).all(),
        "recusals": session.exec(select(Recusal).where(Recusal.cycle_id == cycle_id)).all(),
        "inquiries": session.exec(select(Inquiry).where(col(Inquiry.entry_id).in_(entry_ids))).all(),
        "showings": showings,
        "turns": turns,
        "turn_scores": scores,
    }
    return {name: _sorted(rows) for name, rows in found.items()}


def appeal_rows(session: Session, entry_ids: Collection[int]) -> dict[str, list[dict[str, Any]]]:
    """The appeals (复核) with their files and what was said of them."""
    appeals = session.exec(select(Appeal).where(col(Appeal.entry_id).in_(entry_ids))).all()
    ids = [a.id for a in appeals]
    return {
        "appeals": _sorted(appeals),
        "files": _sorted(session.exec(select(AppealFile).where(col(AppealFile.appeal_id).in_(ids))).all()),
        "reviews": _sorted(
            session.exec(select(AppealReview).where(col(AppealReview.appeal_id).in_(ids))).all()
        ),
    }


def publication_rows(session: Session, cycle_id: int) -> list[dict[str, Any]]:
    return _sorted(session.exec(select(Publication).where(Publication.cycle_id == cycle_id)).all())


def filing_rows(session: Session, entry_id: int) -> dict[str, list[dict[str, Any]]]:
    """What a unit handed in, round by round, and what was given back to it."""
    submissions = session.exec(select(Submission).where(Submission.entry_id == entry_id)).all()
    returns = session.exec(select(Return).where(Return.entry_id == entry_id)).all()
    return {"submissions": _sorted(submissions), "returns": _sorted(returns)}


def _sorted(rows: Sequence[SQLModel]) -> list[dict[str, Any]]:
    return sorted((as_json(row) for row in rows), key=lambda row: row["id"])


def names_of(session: Session, user_ids: Collection[int]) -> dict[str, str]:
    """Names by user id as text; nothing else of an account."""
    query = select(User).where(col(User.id).in_(user_ids)).order_by(col(User.id))
    return {str(u.id): u.name for u in session.exec(query)}


def hashes_of(session: Session, entry_ids: Collection[int]) -> dict[str, int]:
    """sha256 -> size of every file of these entries that is in the store: evidence and its earlier
    versions, files of appeals. Deleted evidence is left out, what a result names is added by the caller."""
    out: dict[str, int] = {}
    files = select(Evidence).where(col(Evidence.entry_id).in_(entry_ids), col(Evidence.deleted_at).is_(None))
    for file in session.exec(files):
        out[file.sha256] = file.size
    versions = (
        select(EvidenceVersion)
        .join(Evidence, col(Evidence.id) == col(EvidenceVersion.evidence_id))
        .where(col(Evidence.entry_id).in_(entry_ids), col(Evidence.deleted_at).is_(None))
    )
    for version in session.exec(versions):
        out[version.sha256] = version.size
    appealed = (
        select(AppealFile)
        .join(Appeal, col(Appeal.id) == col(AppealFile.appeal_id))
        .where(col(Appeal.entry_id).in_(entry_ids))
    )
    for appeal_file in session.exec(appealed):
        out[appeal_file.sha256] = appeal_file.size
    return out


def frozen_volumes(session: Session, entry_ids: Collection[int]) -> dict[int, Volume]:
    """By entry id the newest finished volume of what was handed in."""
    query = (
        select(Volume)
        .where(col(Volume.entry_id).in_(entry_ids), Volume.state == BuildState.DONE, col(Volume.frozen))
        .order_by(col(Volume.number))
    )
    return {v.entry_id: v for v in session.exec(query)}


def log_of(session: Session, cycle: Cycle, entry_ids: Collection[int]) -> Iterator[tuple[LogEntry, bool]]:
    """Every log entry from the cycle's first to its last, with whether it is the cycle's own.

    The chain of hashes runs over the whole log: of what is not the cycle's only the hash is wanted.
    """
    own = (col(LogEntry.cycle_id) == cycle.id) | col(LogEntry.entry_id).in_(entry_ids)
    ids = session.exec(select(LogEntry.id).where(own)).all()
    mine = {i for i in ids if i is not None}
    if not mine:
        return
    between = select(LogEntry).where(col(LogEntry.id) >= min(mine), col(LogEntry.id) <= max(mine))
    for entry in session.exec(between.order_by(col(LogEntry.id)).execution_options(yield_per=500)):
        yield entry, entry.id in mine


def hash_before(session: Session, log_id: int) -> str:
    """The hash that the entry's own follows from; "" for the first of the log."""
    query = select(LogEntry.hash).where(col(LogEntry.id) < log_id).order_by(col(LogEntry.id).desc())
    return session.exec(query.limit(1)).first() or ""
