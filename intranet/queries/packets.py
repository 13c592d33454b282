"""Sealed packets as the log knows them: which kits were issued to an entry, what was imported.

The log is the only record of both: it cannot be changed, and an issue is an act like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from intranet.models import LogEntry

ISSUE, IMPORT = "packet.issue", "packet.import"


@dataclass(frozen=True, slots=True)
class Kits:
    """The kits of one entry. last: number of the newest, 0 before the first; oldest: of those still valid."""

    last: int = 0
    oldest: int = 1
    at: datetime | None = None
    by: str = ""
    imported_at: datetime | None = None

    def is_valid(self, issue: int) -> bool:
        return self.oldest <= issue <= self.last


def kits_of(session: Session, entry_ids: Sequence[int]) -> dict[int, Kits]:
    """By entry id; every given entry is there."""
    out = {i: Kits() for i in entry_ids}
    query = select(LogEntry).where(
        col(LogEntry.entry_id).in_(entry_ids), col(LogEntry.action).in_((ISSUE, IMPORT))
    )
    for found in session.exec(query.order_by(col(LogEntry.id))):
        before = out[found.entry_id or 0]
        if found.action == IMPORT:
            out[found.entry_id or 0] = Kits(before.last, before.oldest, before.at, before.by, found.at)
        else:
            out[found.entry_id or 0] = Kits(
                found.new["issue"], found.new["oldest"], found.at, found.user_name, before.imported_at
            )
    return out
