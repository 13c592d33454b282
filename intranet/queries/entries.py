"""Cycles and entries, as far as the actor may see them.

A foreign entry and one that does not exist give the same NotFound. Bureau, leader and auditor see
all; the panel sees the entries of its cycles; a filer or contributor sees the entries in which one
of the own schools takes part.

Recusal (回避) is decided here, by :func:`met_by_panel`, for every page, search, export and count of
the panel. A leader or auditor who sits on a cycle's panel reads that cycle as the panel does. The
bureau alone sees all whatever seat its people hold: somebody has to run the cycle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from intranet.actor import Actor
from intranet.enums import CycleState, Role, SchoolRole, SubmissionState
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Cycle, Declaration, Entry, EntrySchool, Recusal, Return
from intranet.queries.among import among

SEES_ALL = (Role.BUREAU, Role.LEADER, Role.AUDITOR)
PANEL_ROLES = (Role.CHAIR, Role.REVIEWER)
T = TypeVar("T")

PUBLIC = (CycleState.PUBLISHED, CycleState.FINAL, CycleState.ARCHIVED)


def panel_cycle_ids(actor: Actor) -> frozenset[int]:
    """The cycles that the actor is on the panel of, opened or not."""
    return frozenset[int]().union(*(actor.cycles.get(role, frozenset()) for role in PANEL_ROLES))


def met_by_panel(actor: Actor) -> sa.ColumnElement[bool]:
    """Condition on Entry: this panel member may meet it.

    The cycle is opened and the member has declared whom to stay away from (回避申报); the entry is none
    of the declared ones, and none of the own schools takes part in it.
    """
    declared = select(Declaration.cycle_id).where(Declaration.user_id == actor.user_id)
    opened = select(Cycle.id).where(
        col(Cycle.id).in_(panel_cycle_ids(actor)),
        Cycle.state != CycleState.DRAFT,
        col(Cycle.id).in_(declared),
    )
    recused = select(Recusal.entry_id).where(
        Recusal.user_id == actor.user_id, col(Recusal.lifted_at).is_(None)
    )
    return sa.and_(
        col(Entry.cycle_id).in_(opened), col(Entry.id).not_in(_mine(actor)), col(Entry.id).not_in(recused)
    )


def _mine(actor: Actor) -> SelectOfScalar[int]:
    return select(EntrySchool.entry_id).where(among(EntrySchool.school_id, actor.all_schools))


def _is_visible(actor: Actor) -> sa.ColumnElement[bool]:
    """Condition on Entry: the actor may see it."""
    if actor.has(Role.BUREAU):
        return sa.true()
    seen: sa.ColumnElement[bool] = col(Entry.id).in_(_mine(actor))
    if panel_cycle_ids(actor):
        seen = seen | met_by_panel(actor)
    if actor.has(*SEES_ALL):
        seen = seen | col(Entry.cycle_id).not_in(panel_cycle_ids(actor))
    return seen


def visible_ids(actor: Actor) -> SelectOfScalar[int | None]:
    """Ids of the entries that the actor may see, as a subquery."""
    return select(col(Entry.id)).where(_is_visible(actor))


def withheld_cycles(session: Session, actor: Actor, *, until_public: bool = True) -> frozenset[int]:
    """Cycles of the own panel of which something is kept from the person; none for the bureau.

    :param until_public: leave out those whose results are public: their lists may be read by everybody.
    """
    own = panel_cycle_ids(actor)
    if not own or actor.has(Role.BUREAU):
        return frozenset()
    query = (
        select(Entry.cycle_id)
        .join(Cycle, col(Cycle.id) == col(Entry.cycle_id))
        .where(col(Entry.cycle_id).in_(own), ~met_by_panel(actor))
    )
    if until_public:
        query = query.where(col(Cycle.state).not_in(PUBLIC))
    return frozenset(session.exec(query.distinct()))


def visible_entries(session: Session, actor: Actor, *, cycle_id: int | None = None) -> Sequence[Entry]:
    """In the order of unit codes."""
    query = select(Entry).where(_is_visible(actor)).order_by(col(Entry.cycle_id).desc(), col(Entry.code))
    if cycle_id is not None:
        query = query.where(Entry.cycle_id == cycle_id)
    return session.exec(query).all()


def entry_for(session: Session, actor: Actor, entry_id: int) -> Entry:
    """The entry, or NotFound if there is none for this actor."""
    return _there(session.exec(select(Entry).where(Entry.id == entry_id, _is_visible(actor))).first())


def entry_with_cycle(session: Session, actor: Actor, entry_id: int) -> tuple[Entry, Cycle]:
    """The same with its cycle, in one query."""
    query = select(Entry, Cycle).join(Cycle, col(Cycle.id) == col(Entry.cycle_id))
    return _there(session.exec(query.where(Entry.id == entry_id, _is_visible(actor))).first())


def _there(found: T | None) -> T:
    if found is None:
        raise NotFound(_("没有这份填报，或您无权查看。"))
    return found


def cycle_of(session: Session, entry: Entry) -> Cycle:
    cycle = session.get(Cycle, entry.cycle_id)
    assert cycle is not None
    return cycle


def own_with_cycles(session: Session, actor: Actor) -> list[tuple[Entry, Cycle]]:
    """The entries in which one of the own schools takes part, with their cycles, the newest first; no drafts."""
    query = (
        select(Entry, Cycle)
        .join(Cycle, col(Cycle.id) == col(Entry.cycle_id))
        .where(Cycle.state != CycleState.DRAFT, col(Entry.id).in_(_mine(actor)))
        .order_by(col(Entry.cycle_id).desc(), col(Entry.code))
    )
    return list(session.exec(query))


def visible_cycles(session: Session, actor: Actor) -> Sequence[Cycle]:
    """Newest first; drafts only for those who see all."""
    query = select(Cycle).order_by(col(Cycle.id).desc())
    if not actor.has(*SEES_ALL):
        ids = [e.cycle_id for e in visible_entries(session, actor)]
        panel = panel_cycle_ids(actor)
        query = query.where(col(Cycle.id).in_([*ids, *panel]), Cycle.state != CycleState.DRAFT)
    elif withheld := withheld_cycles(session, actor):  # a leader or auditor of the own panel
        query = query.where(col(Cycle.id).not_in(withheld))
    return session.exec(query).all()


def cycle_for(session: Session, actor: Actor, cycle_id: int) -> Cycle:
    cycle = next((c for c in visible_cycles(session, actor) if c.id == cycle_id), None)
    if cycle is None:
        raise NotFound(_("没有这个考核周期，或您无权查看。"))
    return cycle


def schools_of(session: Session, entry_ids: Sequence[int]) -> dict[int, list[EntrySchool]]:
    """Schools by entry id, the lead first."""
    out: dict[int, list[EntrySchool]] = {i: [] for i in entry_ids}
    query = select(EntrySchool).where(among(EntrySchool.entry_id, entry_ids)).order_by(col(EntrySchool.code))
    for school in session.exec(query):
        out[school.entry_id].append(school)
    for schools in out.values():
        schools.sort(key=lambda s: s.role != SchoolRole.LEAD)
    return out


def open_cycles(session: Session) -> Sequence[Cycle]:
    """Cycles under way, for the sign-in page: their titles and dates are public inside the intranet."""
    ended = (CycleState.DRAFT, CycleState.FINAL, CycleState.ARCHIVED)
    return session.exec(select(Cycle).where(col(Cycle.state).not_in(ended)).order_by(col(Cycle.id))).all()


def returned_codes(session: Session, entries: Iterable[Entry]) -> dict[int, frozenset[str]]:
    """The codes of the pages that are out for correction now, by entry id; entries without any are not in it."""
    ids = [e.id for e in entries if e.id is not None and e.state == SubmissionState.RETURNED]
    if not ids:
        return {}
    return {i: frozenset(c for r in found for c in r.codes) for i, found in returns_of(session, ids).items()}


def returns_of(
    session: Session, entry_ids: Sequence[int], *, still_open: bool = True
) -> dict[int, list[Return]]:
    """Returns (退回修改) by entry id, oldest first."""
    out: dict[int, list[Return]] = {i: [] for i in entry_ids}
    query = select(Return).where(among(Return.entry_id, entry_ids)).order_by(col(Return.id))
    if still_open:
        query = query.where(col(Return.closed_at).is_(None))
    for found in session.exec(query):
        out[found.entry_id].append(found)
    return out
