"""Whom to remind, and when that was done last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.enums import Role
from intranet.models import Grant, LogEntry, User


def filers_of(session: Session, school_ids: Collection[int]) -> dict[int, list[User]]:
    """Active people who file for each school, by school id."""
    query = (
        select(Grant.school_id, User)
        .join(User, col(User.id) == col(Grant.user_id))
        .where(col(Grant.school_id).in_(school_ids), Grant.role == Role.FILER, col(User.active))
        .order_by(col(User.login))
    )
    out: dict[int, list[User]] = defaultdict(list)
    for school_id, user in session.exec(query):
        out[school_id or 0].append(user)
    return out


def last_sent(session: Session, entry_ids: Collection[int], action: str) -> dict[int, datetime]:
    """When each entry was last reminded."""
    query = (
        select(LogEntry.entry_id, sa.func.max(LogEntry.at))
        .where(col(LogEntry.entry_id).in_(entry_ids), LogEntry.action == action)
        .group_by(col(LogEntry.entry_id))
    )
    return {entry_id or 0: at for entry_id, at in session.exec(query)}
