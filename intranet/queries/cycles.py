"""Cycles in lists, who sits on a panel, which units a cycle may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import CycleState, Role, SubmissionState
from intranet.models import (
    Answer,
    Cycle,
    Entry,
    Grant,
    LogEntry,
    Mark,
    Result,
    School,
    UnitResult,
    User,
)
from intranet.queries.entries import visible_cycles
from intranet.queries.register import UnitRow, all_units


@dataclass(frozen=True, slots=True)
class CycleRow:
    """A cycle with its counts. result: number of the freeze that holds, None before the first."""

    cycle: Cycle
    entries: int
    submitted: int
    result: Result | None


def cycle_rows(session: Session, actor: Actor) -> list[CycleRow]:
    """The cycles the actor may see, newest first, in three queries."""
    cycles = visible_cycles(session, actor)
    ids = [c.id for c in cycles]
    submitted = sa.func.sum(sa.case((col(Entry.state) == SubmissionState.SUBMITTED, 1), else_=0))
    counted = (
        select(Entry.cycle_id, sa.func.count(), submitted)
        .where(col(Entry.cycle_id).in_(ids))
        .group_by(col(Entry.cycle_id))
    )
    counts = {cycle_id: (int(n), int(done or 0)) for cycle_id, n, done in session.exec(counted)}
    results = latest_results(session, [i for i in ids if i is not None])
    return [CycleRow(c, *counts.get(c.id or 0, (0, 0)), results.get(c.id or 0)) for c in cycles]


def latest_results(session: Session, cycle_ids: Sequence[int]) -> dict[int, Result]:
    """The freeze that holds, by cycle id."""
    query = select(Result).where(col(Result.cycle_id).in_(cycle_ids)).order_by(col(Result.number))
    return {r.cycle_id: r for r in session.exec(query)}


def entries_of(session: Session, cycle_id: int) -> Sequence[Entry]:
    """All entries of a cycle in the order of unit codes; for the bureau's own acts."""
    return session.exec(select(Entry).where(Entry.cycle_id == cycle_id).order_by(col(Entry.code))).all()


def units_for(session: Session, rubric_key: str, *, chosen: frozenset[int] = frozenset()) -> list[UnitRow]:
    """The units a cycle of this rubric may take, and those already chosen whatever became of them."""
    return [
        row
        for row in all_units(session)
        if row.unit.id in chosen or (row.unit.active and row.unit.rubric_key in ("", rubric_key))
    ]


# --- the panel -----------------------------------------------------------------------------------

PANEL = (Role.CHAIR, Role.REVIEWER)
AT_SCHOOL = (Role.FILER, Role.CONTRIBUTOR)


@dataclass(frozen=True, slots=True)
class Seat:
    """A person who may sit, or sits, on a cycle's panel. schools: where the person files (回避)."""

    user: User
    is_chair: bool
    is_reviewer: bool
    schools: tuple[str, ...]
    marks: int


def seats(session: Session, cycle_id: int) -> list[Seat]:
    """The panel of a cycle first, then who holds a panel role anywhere or none at a school; by name.

    Other people join by their login (see ``domain.cycles.set_panel``).
    """
    users = session.exec(select(User).where(col(User.active)).order_by(col(User.name))).all()
    own: dict[int, set[Role]] = {}
    anywhere: dict[int, set[Role]] = {}
    for given in session.exec(select(Grant)):
        anywhere.setdefault(given.user_id, set()).add(given.role)
        if given.cycle_id == cycle_id and given.role in PANEL:
            own.setdefault(given.user_id, set()).add(given.role)
    schools: dict[int, list[str]] = {}
    files_at = select(Grant.user_id, School.name).join(School, col(School.id) == col(Grant.school_id))
    for user_id, name in session.exec(files_at.where(col(Grant.role).in_(AT_SCHOOL))):
        schools.setdefault(user_id, []).append(name)
    counted = (
        select(Mark.user_id, sa.func.count())
        .join(Entry, col(Entry.id) == col(Mark.entry_id))
        .where(Entry.cycle_id == cycle_id, Mark.user_id != 0)
        .group_by(col(Mark.user_id))
    )
    marks = {user_id: int(n) for user_id, n in session.exec(counted)}
    found = [
        Seat(
            user,
            Role.CHAIR in own.get(user.id or 0, ()),
            Role.REVIEWER in own.get(user.id or 0, ()),
            tuple(schools.get(user.id or 0, ())),
            marks.get(user.id or 0, 0),
        )
        for user in users
        if user.id in own or anywhere.get(user.id or 0, set()) & set(PANEL)
    ]
    return sorted(found, key=lambda s: (not s.is_chair, not s.is_reviewer))


def panel_grants(session: Session, cycle_id: int) -> Sequence[Grant]:
    return session.exec(select(Grant).where(Grant.cycle_id == cycle_id, col(Grant.role).in_(PANEL))).all()


def users_by_id(session: Session, ids: Sequence[int]) -> dict[int, User]:
    return {u.id or 0: u for u in session.exec(select(User).where(col(User.id).in_(ids)))}


# --- before and around a cycle -------------------------------------------------------------------


def prior_results(session: Session, cycle: Cycle) -> dict[int, UnitResult]:
    """By unit id: its row in the latest final result under the same rubric; a practice cycle gives none."""
    ended = (CycleState.PUBLISHED, CycleState.FINAL, CycleState.ARCHIVED)
    before = session.exec(
        select(Cycle)
        .where(Cycle.rubric_key == cycle.rubric_key, Cycle.id != cycle.id, col(Cycle.state).in_(ended))
        .where(col(Cycle.practice).is_(False))
        .order_by(col(Cycle.id).desc())
    ).first()
    held = latest_results(session, [before.id or 0]).get(before.id or 0) if before else None
    if held is None:
        return {}
    query = select(Entry.unit_id, UnitResult).join(UnitResult, col(UnitResult.entry_id) == col(Entry.id))
    return dict(session.exec(query.where(UnitResult.result_id == held.id)).all())


def reasons_of(session: Session, cycle_id: int, actions: Sequence[str]) -> dict[tuple[int, str], LogEntry]:
    """The last log entry of such an act by (entry id, subject): where its reason is kept."""
    query = select(LogEntry).where(LogEntry.cycle_id == cycle_id, col(LogEntry.action).in_(actions))
    return {(e.entry_id or 0, e.subject): e for e in session.exec(query.order_by(col(LogEntry.id)))}


def last_act(session: Session, cycle_id: int, action: str) -> LogEntry | None:
    """The last log entry of such an act on a cycle."""
    query = select(LogEntry).where(LogEntry.cycle_id == cycle_id, LogEntry.action == action)
    return session.exec(query.order_by(col(LogEntry.id).desc())).first()


def bureau_answers(session: Session, entry_ids: Sequence[int]) -> dict[tuple[int, int, str], Answer]:
    """The bureau's own answers by (entry id, school id or 0, key)."""
    query = select(Answer).where(col(Answer.entry_id).in_(entry_ids), Answer.owner == "bureau")
    return {(a.entry_id, a.school_id, a.key): a for a in session.exec(query)}
