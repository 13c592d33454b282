"""What the burden page (减负仪表) counts that facts documents do not hold: files, their uses, acts by time.

The bureau, leaders and auditors read it, of cycles that they may see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import CycleState
from intranet.models import Cycle, Evidence, EvidenceLink, LogEntry
from intranet.queries.entries import withheld_cycles

FILING_ACTS = (
    "answer.save",
    "slot.absent",
    "row.add",
    "row.edit",
    "row.delete",
    "table.empty",
    "self.save",
    "evidence.add",
    "evidence.link",
    "evidence.describe",
    "evidence.replace",
    "evidence.delete",
)
"""What people do while they file; reading, handing out and printing are not in the log or not filing."""

SUBMITTED, CARRIED = "entry.submit", "carry.take"


def cycle_before(session: Session, actor: Actor, cycle: Cycle) -> Cycle | None:
    """The latest earlier opened cycle of the same rubric and sort: a practice one (演练) is compared with a
    practice one only, not with the real one that runs beside it. None before one of which something is kept
    from the actor (回避)."""
    query = select(Cycle).where(
        Cycle.rubric_key == cycle.rubric_key,
        Cycle.state != CycleState.DRAFT,
        col(Cycle.practice).is_(cycle.practice),
        col(Cycle.id) < cycle.id,
    )
    found = session.exec(query.order_by(col(Cycle.id).desc())).first()
    return None if found is None or found.id in withheld_cycles(session, actor) else found


@dataclass(frozen=True, slots=True)
class FileUse:
    """The files of one entry. uses: places that they prove; again: uploads whose content was there already."""

    files: int = 0
    uses: int = 0
    again: int = 0

    @property
    def saved(self) -> int:
        """Uploads that were not needed because one file proves several places."""
        return max(self.uses - self.files, 0)


def files_of(session: Session, entry_ids: Sequence[int]) -> dict[int, FileUse]:
    """By entry id. Files that prove nothing yet count as one place, so that they save nothing."""
    hashes: dict[int, list[str]] = {i: [] for i in entry_ids}
    owner: dict[int, int] = {}
    files = select(Evidence.id, Evidence.entry_id, Evidence.sha256).where(
        col(Evidence.entry_id).in_(entry_ids), col(Evidence.deleted_at).is_(None)
    )
    for evidence_id, entry_id, sha256 in session.exec(files):
        hashes[entry_id].append(sha256)
        owner[evidence_id or 0] = entry_id
    places: dict[int, int] = {}
    links = select(EvidenceLink.evidence_id).where(col(EvidenceLink.entry_id).in_(entry_ids))
    for evidence_id in session.exec(links):
        if evidence_id in owner:
            places[evidence_id] = places.get(evidence_id, 0) + 1
    uses: dict[int, int] = {}
    for evidence_id, entry_id in owner.items():
        uses[entry_id] = uses.get(entry_id, 0) + max(places.get(evidence_id, 0), 1)
    return {
        i: FileUse(len(found), uses.get(i, 0), len(found) - len(set(found))) for i, found in hashes.items()
    }


@dataclass(frozen=True, slots=True)
class Act:
    """A logged act of filing."""

    entry_id: int
    action: str
    at: datetime
    new: Any = None


def acts_of(session: Session, entry_ids: Sequence[int]) -> list[Act]:
    """Acts of filing, handing in and carrying over, in the order of time."""
    query = select(LogEntry.entry_id, LogEntry.action, LogEntry.at, LogEntry.new).where(
        col(LogEntry.entry_id).in_(entry_ids), col(LogEntry.action).in_((*FILING_ACTS, SUBMITTED, CARRIED))
    )
    return [
        Act(i or 0, action, at, new) for i, action, at, new in session.exec(query.order_by(col(LogEntry.id)))
    ]
