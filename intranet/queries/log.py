"""Reading the log: newest first, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.models import Cycle, Entry, Evidence, LogEntry, School, User
from intranet.queries.entries import visible_ids, withheld_cycles

PAGE = 50


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Empty values do not filter. ``before``: entries older than this id (for the next page)."""

    person: str = ""
    unit: str = ""
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
    if wanted.unit:
        units = sa.select(col(Entry.id)).where(col(Entry.name).contains(wanted.unit, autoescape=True))
        query = query.where(col(LogEntry.entry_id).in_(units))
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


@dataclass(frozen=True)
class Named:
    """Names of what a page of entries points to. users: by id as text; schools: by code; files: by
    entry id and their own id as text."""

    entries: Mapping[int, str] = field(default_factory=dict)
    cycles: Mapping[int, Cycle] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    schools: Mapping[str, str] = field(default_factory=dict)
    school_ids: Mapping[int, str] = field(default_factory=dict)
    files: Mapping[tuple[int, str], str] = field(default_factory=dict)


def names_for(session: Session, rows: Sequence[LogEntry]) -> Named:
    """The names for these entries, which the reader may read: a query for each sort of thing."""
    entry_ids = {row.entry_id for row in rows if row.entry_id}
    cycle_ids = {row.cycle_id for row in rows if row.cycle_id}
    user_ids = {int(r.subject) for r in rows if r.action.startswith("role.") and r.subject.isdecimal()}
    entries = select(Entry.id, Entry.name).where(col(Entry.id).in_(entry_ids))
    cycles = session.exec(select(Cycle).where(col(Cycle.id).in_(cycle_ids)))
    users = select(User.id, User.name).where(col(User.id).in_(user_ids))
    schools = list(session.exec(select(School.id, School.code, School.name)))
    about_files = {row.entry_id for row in rows if row.entry_id and row.subject.startswith("file:")}
    files = select(Evidence.entry_id, Evidence.id, Evidence.name).where(
        col(Evidence.entry_id).in_(about_files)
    )
    return Named(
        {i or 0: name for i, name in session.exec(entries)},
        {c.id or 0: c for c in cycles},
        {str(i): name for i, name in session.exec(users)},
        {code: name for _i, code, name in schools},
        {i or 0: name for i, _code, name in schools},
        {(entry_id, str(n)): name for entry_id, n, name in session.exec(files)},
    )
