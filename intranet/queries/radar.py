"""What the double-claim radar (查重) compares: files and table rows of a cycle and of others like it.

Visibility is not decided here: the radar is read by the bureau and by panel members, who are given
the ids of the entries that they meet.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.enums import CycleState
from intranet.models import Cycle, Entry, Evidence, EvidenceLink, FactRow, FilePrint
from intranet.queries.filing import SCHOOL


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, where it was filed, what it proves and, of a picture, its perceptual hash (16 hex digits)."""

    evidence: Evidence
    entry: Entry
    cycle: Cycle
    refs: tuple[str, ...]
    bits: str


@dataclass(frozen=True, slots=True)
class StoredRow:
    row: FactRow
    entry: Entry
    cycle: Cycle


def files_like(session: Session, cycle: Cycle) -> list[StoredFile]:
    """Files of every opened cycle but other practice ones, those of ``cycle`` first, then by unit and number."""
    query = (
        select(Evidence, Entry, Cycle, FilePrint.bits)
        .join(Entry, col(Entry.id) == col(Evidence.entry_id))
        .join(Cycle, col(Cycle.id) == col(Entry.cycle_id))
        .outerjoin(FilePrint, col(FilePrint.sha256) == col(Evidence.sha256))
        .where(col(Evidence.deleted_at).is_(None), Cycle.state != CycleState.DRAFT, _counts(cycle))
        .order_by(
            col(Entry.cycle_id) != cycle.id, col(Cycle.id).desc(), col(Entry.code), col(Evidence.number)
        )
    )
    refs: dict[int, list[str]] = {}
    for link in session.exec(select(EvidenceLink).order_by(col(EvidenceLink.id))):
        refs.setdefault(link.evidence_id, []).append(link.ref)
    return [
        StoredFile(evidence, entry, of, tuple(refs.get(evidence.id or 0, ())), bits or "")
        for evidence, entry, of, bits in session.exec(query)
    ]


def rows_like(session: Session, cycle: Cycle, tables: Collection[str]) -> list[StoredRow]:
    """The school's rows of these tables in every opened cycle of the same rubric, those of ``cycle`` first."""
    query = (
        select(FactRow, Entry, Cycle)
        .join(Entry, col(Entry.id) == col(FactRow.entry_id))
        .join(Cycle, col(Cycle.id) == col(Entry.cycle_id))
        .where(
            FactRow.owner == SCHOOL,
            col(FactRow.deleted_at).is_(None),
            col(FactRow.table).in_(tables),
            Cycle.rubric_key == cycle.rubric_key,
            Cycle.state != CycleState.DRAFT,
            _counts(cycle),
        )
        .order_by(
            col(Entry.cycle_id) != cycle.id, col(Cycle.id).desc(), col(Entry.code), col(FactRow.position)
        )
    )
    return [StoredRow(row, entry, of) for row, entry, of in session.exec(query)]


def _counts(cycle: Cycle) -> sa.ColumnElement[bool]:
    """What was filed for practice is no claim anywhere else."""
    return col(Cycle.practice).is_(False) | (col(Cycle.id) == cycle.id)


def known_prints(session: Session, hashes: Collection[str]) -> frozenset[str]:
    """Contents whose perceptual hash is known."""
    return frozenset(session.exec(select(FilePrint.sha256).where(col(FilePrint.sha256).in_(hashes))))
