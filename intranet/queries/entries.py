"""Cycles and entries, as far as the actor may see them.

A foreign entry and one that does not exist give the same NotFound. Bureau, leader and auditor see
all; the panel sees the entries of its cycles; a filer or contributor sees the entries in which one
of the own schools takes part.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from intranet.actor import Actor
from intranet.enums import CycleState, Role, SchoolRole
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Cycle, Entry, EntrySchool, Return

SEES_ALL = (Role.BUREAU, Role.LEADER, Role.AUDITOR)


def _visible(actor: Actor) -> SelectOfScalar[Entry]:
    query = select(Entry)
    if actor.has(*SEES_ALL):
        return query
    cycles = frozenset[int]().union(*actor.cycles.values())
    mine = select(EntrySchool.entry_id).where(col(EntrySchool.school_id).in_(actor.all_schools))
    opened = select(Cycle.id).where(col(Cycle.id).in_(cycles), Cycle.state != CycleState.DRAFT)
    return query.where(col(Entry.id).in_(mine) | col(Entry.cycle_id).in_(opened))


def visible_entries(session: Session, actor: Actor, *, cycle_id: int | None = None) -> Sequence[Entry]:
    """In the order of unit codes."""
    query = _visible(actor).order_by(col(Entry.cycle_id).desc(), col(Entry.code))
    if cycle_id is not None:
        query = query.where(Entry.cycle_id == cycle_id)
    return session.exec(query).all()


def entry_for(session: Session, actor: Actor, entry_id: int) -> Entry:
    """The entry, or NotFound if there is none for this actor."""
    entry = session.exec(_visible(actor).where(Entry.id == entry_id)).first()
    if entry is None:
        raise NotFound(_("没有这份填报，或您无权查看。"))
    return entry


def cycle_of(session: Session, entry: Entry) -> Cycle:
    cycle = session.get(Cycle, entry.cycle_id)
    assert cycle is not None
    return cycle


def visible_cycles(session: Session, actor: Actor) -> Sequence[Cycle]:
    """Newest first; drafts only for those who see all."""
    query = select(Cycle).order_by(col(Cycle.id).desc())
    if not actor.has(*SEES_ALL):
        ids = [e.cycle_id for e in visible_entries(session, actor)]
        panel = frozenset[int]().union(*actor.cycles.values())
        query = query.where(col(Cycle.id).in_([*ids, *panel]), Cycle.state != CycleState.DRAFT)
    return session.exec(query).all()


def cycle_for(session: Session, actor: Actor, cycle_id: int) -> Cycle:
    cycle = next((c for c in visible_cycles(session, actor) if c.id == cycle_id), None)
    if cycle is None:
        raise NotFound(_("没有这个考核周期，或您无权查看。"))
    return cycle


def schools_of(session: Session, entry_ids: Sequence[int]) -> dict[int, list[EntrySchool]]:
    """Schools by entry id, the lead first."""
    out: dict[int, list[EntrySchool]] = {i: [] for i in entry_ids}
    query = (
        select(EntrySchool).where(col(EntrySchool.entry_id).in_(entry_ids)).order_by(col(EntrySchool.code))
    )
    for school in session.exec(query):
        out[school.entry_id].append(school)
    for schools in out.values():
        schools.sort(key=lambda s: s.role != SchoolRole.LEAD)
    return out


def open_cycles(session: Session) -> Sequence[Cycle]:
    """Cycles under way, for the sign-in page: their titles and dates are public inside the intranet."""
    ended = (CycleState.DRAFT, CycleState.FINAL, CycleState.ARCHIVED)
    return session.exec(select(Cycle).where(col(Cycle.state).not_in(ended)).order_by(col(Cycle.id))).all()


def returns_of(
    session: Session, entry_ids: Sequence[int], *, still_open: bool = True
) -> dict[int, list[Return]]:
    """Returns (退回修改) by entry id, oldest first."""
    out: dict[int, list[Return]] = {i: [] for i in entry_ids}
    query = select(Return).where(col(Return.entry_id).in_(entry_ids)).order_by(col(Return.id))
    if still_open:
        query = query.where(col(Return.closed_at).is_(None))
    for found in session.exec(query):
        out[found.entry_id].append(found)
    return out
