"""Idempotency: a save that is sent again answers as before and does nothing twice.

Each rendered form carries a random token (``op``). What came of it is stored under the token and
the user; an I/O error is "unknown", not "not saved", so clients send again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.models import Operation
from intranet.queries.filed import operation_of


def outcome_of(session: Session, actor: Actor, op: str) -> Any:
    """What this token brought about before; None if it is new (or no token came)."""
    if not op:
        return None
    found = operation_of(session, actor, op[:64])
    return None if found is None else found.outcome


def remember(session: Session, actor: Actor, op: str, outcome: Any, *, at: datetime) -> None:
    """Keep what came of a token; a later outcome of the same token replaces it."""
    if not op:
        return
    key = op[:64]
    stored = operation_of(session, actor, key) or Operation(user_id=actor.user_id, key=key)
    stored.outcome, stored.at = outcome, at
    session.add(stored)
    session.flush()
