"""Writing the log: in the transaction of the act, chained by hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.models import LogEntry, now


def record(
    session: Session,
    actor: Actor,
    action: str,
    *,
    subject: str = "",
    old: Any = None,
    new: Any = None,
    reason: str = "",
    cycle_id: int | None = None,
    entry_id: int | None = None,
    **detail: Any,
) -> LogEntry:
    """Append one entry. If it cannot be written, the act fails with it."""
    last = session.exec(select(LogEntry.hash).order_by(col(LogEntry.id).desc()).limit(1)).first() or ""
    entry = LogEntry(
        at=now(),
        user_id=actor.user_id or None,
        user_name=actor.name,
        action=action,
        cycle_id=cycle_id,
        entry_id=entry_id,
        subject=subject,
        old=old,
        new=new,
        reason=reason,
        ip=actor.ip,
        detail=detail,
        hash="",
    )
    entry.hash = chain_hash(last, entry)
    session.add(entry)
    session.flush()
    return entry


def chain_hash(previous: str, entry: LogEntry) -> str:
    """sha256 over the previous hash and everything the entry says."""
    said = [
        previous,
        entry.at.isoformat(),
        entry.user_id,
        entry.user_name,
        entry.action,
        entry.cycle_id,
        entry.entry_id,
        entry.subject,
        entry.old,
        entry.new,
        entry.reason,
        entry.ip,
        entry.detail,
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def first_broken(session: Session) -> int | None:
    """Id of the first entry whose hash does not follow from the one before; None if the chain holds."""
    previous = ""
    for entry in session.exec(select(LogEntry).order_by(col(LogEntry.id))):
        if entry.hash != chain_hash(previous, entry):
            return entry.id
        previous = entry.hash
    return None
