"""Reading the log: newest first, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.models import LogEntry
from intranet.queries.entries import visible_ids, withheld_cycles

PAGE = 50


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Empty values do not filter. ``before``: entries older than this id (for the next page)."""

    person: str = ""
    action: str = ""
    subject: str = ""
    cycle_id: int | None = None
    entry_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


def find_log(session: Session, actor: Actor, wanted: LogFilter) -> tuple[Sequence[LogEntry], bool]:
    """One page of entries, and whether there are older ones.

    An auditor who sits on a panel and is kept from a unit there reads neither what was done in its filing,
    nor what is told of the whole cycle or the register, where the unit would be named.
    """
    query = select(LogEntry).order_by(col(LogEntry.id).desc()).limit(PAGE + 1)
    withheld = withheld_cycles(session, actor, until_public=False)
    if withheld:
        of_entry = col(LogEntry.entry_id).in_(visible_ids(actor))
        register = sa.or_(*(col(LogEntry.action).startswith(f"{what}.") for what in ("unit", "school")))
        of_all = col(LogEntry.cycle_id).is_(None) | col(LogEntry.cycle_id).not_in(withheld)
        query = query.where(of_entry | (col(LogEntry.entry_id).is_(None) & of_all & ~register))
    if wanted.person:
        query = query.where(col(LogEntry.user_name).contains(wanted.person, autoescape=True))
    if wanted.action:
        query = query.where(LogEntry.action == wanted.action)
    if wanted.subject:
        query = query.where(col(LogEntry.subject).contains(wanted.subject, autoescape=True))
    if wanted.cycle_id is not None:
        query = query.where(LogEntry.cycle_id == wanted.cycle_id)
    if wanted.entry_id is not None:
        query = query.where(LogEntry.entry_id == wanted.entry_id)
    if wanted.since is not None:
        query = query.where(col(LogEntry.at) >= wanted.since)
    if wanted.until is not None:
        query = query.where(col(LogEntry.at) < wanted.until)
    if wanted.before is not None:
        query = query.where(col(LogEntry.id) < wanted.before)
    rows = session.exec(query).all()
    return rows[:PAGE], len(rows) > PAGE


def about(session: Session, entry_id: int, action: str) -> Sequence[LogEntry]:
    """What was recorded of one kind of act in one entry, oldest first."""
    query = select(LogEntry).where(LogEntry.entry_id == entry_id, LogEntry.action == action)
    return session.exec(query.order_by(col(LogEntry.id))).all()
