"""复核: appeals with their files and the words of those asked, each as far as the actor may meet it.

The bureau meets every appeal of a cycle. People of the lead school meet the unit's own. A panel member
meets an appeal only when asked to look at it, and never one of a unit that the person is conflicted with
(回避), through an own school or by declaration; it is NotFound then, like any other foreign thing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import AppealState, CycleState, Role, SchoolRole
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import (
    SELF,
    SETTLED,
    Appeal,
    AppealFile,
    AppealReview,
    Cycle,
    Entry,
    EntrySchool,
    Grant,
    LogEntry,
    Mark,
    Publication,
    Recusal,
    Result,
    Showing,
    Turn,
    TurnScore,
    User,
)
from intranet.queries.entries import PANEL_ROLES, SEES_ALL, entry_for, met_by_panel

OPEN = (AppealState.FILED, AppealState.ASSIGNED)


@dataclass(frozen=True)
class Filed:
    """One appeal as a list shows it. said of asked: how many of those asked have given their word."""

    appeal: Appeal
    entry: Entry
    asked: int = 0
    said: int = 0

    @property
    def is_open(self) -> bool:
        return self.appeal.state in OPEN

    @property
    def waits_for_freeze(self) -> bool:
        """Upheld, but the result that holds does not know it yet."""
        return self.appeal.state == AppealState.UPHELD and self.appeal.applied_result_id is None


def _filed(session: Session, where: sa.ColumnElement[bool]) -> list[Filed]:
    query = select(Appeal, Entry).join(Entry, col(Entry.id) == col(Appeal.entry_id)).where(where)
    found = session.exec(query.order_by(col(Appeal.id))).all()
    counts = (
        select(AppealReview.appeal_id, sa.func.count(), sa.func.count(col(AppealReview.said_at)))
        .where(col(AppealReview.appeal_id).in_([a.id for a, _e in found]))
        .group_by(col(AppealReview.appeal_id))
    )
    asked = {appeal_id: (n, said) for appeal_id, n, said in session.exec(counts)}
    return [Filed(a, e, *asked.get(a.id or 0, (0, 0))) for a, e in found]


def appeals_of_cycle(session: Session, cycle_id: int) -> list[Filed]:
    """All appeals of a cycle, oldest first: two queries for any number."""
    return _filed(session, col(Entry.cycle_id) == cycle_id)


def appeals_of_entry(session: Session, entry_id: int) -> list[Filed]:
    return _filed(session, col(Appeal.entry_id) == entry_id)


def waiting_for_freeze(session: Session, cycle_id: int) -> list[Filed]:
    """Upheld appeals that no freeze has taken up."""
    return [f for f in appeals_of_cycle(session, cycle_id) if f.waits_for_freeze]


def files_of(session: Session, appeal_ids: Collection[int]) -> dict[int, list[AppealFile]]:
    """Files by appeal id, in the order they came."""
    out: dict[int, list[AppealFile]] = defaultdict(list)
    query = select(AppealFile).where(col(AppealFile.appeal_id).in_(appeal_ids)).order_by(col(AppealFile.id))
    for file in session.exec(query):
        out[file.appeal_id].append(file)
    return out


def bytes_held(session: Session, entry_id: int) -> int:
    """Bytes of all files that came with the entry's appeals, withdrawn ones too: they are kept."""
    query = sa.select(sa.func.coalesce(sa.func.sum(AppealFile.size), 0)).join(Appeal)
    return int(session.execute(query.where(col(Appeal.entry_id) == entry_id)).scalar_one())


def reviews_of(session: Session, appeal_id: int) -> Sequence[AppealReview]:
    """Those asked, in the order they were asked."""
    query = select(AppealReview).where(AppealReview.appeal_id == appeal_id)
    return session.exec(query.order_by(col(AppealReview.id))).all()


def newest_result(session: Session, cycle_id: int) -> Result | None:
    query = select(Result).where(Result.cycle_id == cycle_id).order_by(col(Result.number).desc())
    return session.exec(query).first()


def unpublished_result(session: Session, cycle_id: int) -> Result | None:
    """The result that holds, if the newest publication (公示) shows an earlier one; None if there is no
    publication at all, or it is of this result."""
    held = newest_result(session, cycle_id)
    query = select(Publication).where(Publication.cycle_id == cycle_id).order_by(col(Publication.id).desc())
    shown = session.exec(query).first()
    return held if held is not None and shown is not None and shown.result_id != held.id else None


UNDO = "appeal.undo"
"""The act of taking a decision back, in the log."""


def acts_of(session: Session, appeal: Appeal, action: str) -> list[LogEntry]:
    """What the decision that holds did, from the log, oldest first; of a decision taken back nothing."""
    query = select(LogEntry).where(
        LogEntry.entry_id == appeal.entry_id, col(LogEntry.action).in_([action, UNDO])
    )
    found: list[LogEntry] = []
    for row in session.exec(query.order_by(col(LogEntry.id))):
        if row.detail.get("appeal") == appeal.id:
            found = [] if row.action == UNDO else [*found, row]
    return found


def corrections_of(session: Session, appeal: Appeal) -> list[LogEntry]:
    """The values that an upheld appeal corrected, oldest first."""
    return acts_of(session, appeal, "appeal.correct")


def taken_back(session: Session, appeal: Appeal) -> list[LogEntry]:
    """The decisions on an appeal that were taken back, oldest first: by whom, when and why."""
    query = select(LogEntry).where(LogEntry.entry_id == appeal.entry_id, LogEntry.action == UNDO)
    rows = session.exec(query.order_by(col(LogEntry.id))).all()
    return [row for row in rows if row.detail.get("appeal") == appeal.id]


# --- one appeal, as far as the actor may meet it ---------------------------------------------------


def _none() -> NotFound:
    return NotFound(_("没有这件复核，或您无权查看。"))


def appeal_for(session: Session, actor: Actor, cycle_id: int, appeal_id: int) -> tuple[Appeal, Entry]:
    """For the bureau, the leader and the auditor."""
    found = session.get(Appeal, appeal_id)
    if found is None or not actor.has(*SEES_ALL):
        raise _none()
    try:
        entry = entry_for(session, actor, found.entry_id)
    except NotFound:
        raise _none() from None
    if entry.cycle_id != cycle_id:
        raise _none()
    return found, entry


def own_appeal_for(session: Session, actor: Actor, entry_id: int, appeal_id: int) -> Appeal:
    """For the people of the unit's lead school, and those who see all."""
    entry_for(session, actor, entry_id)
    found = session.get(Appeal, appeal_id)
    if found is None or found.entry_id != entry_id or not may_read_appeals(session, actor, entry_id):
        raise _none()
    return found


def may_read_appeals(session: Session, actor: Actor, entry_id: int) -> bool:
    """Whether this person meets the unit's appeals on its own pages."""
    return actor.has(*SEES_ALL) or leads(session, actor, entry_id, any_role=True)


def leads(session: Session, actor: Actor, entry_id: int, *, any_role: bool = False) -> bool:
    """Whether the actor is the filer (any_role: anybody) of the school that leads the entry."""
    own = actor.all_schools if any_role else actor.schools.get(Role.FILER, frozenset())
    query = select(EntrySchool.id).where(
        EntrySchool.entry_id == entry_id,
        EntrySchool.role == SchoolRole.LEAD,
        col(EntrySchool.school_id).in_(own),
    )
    return session.exec(query).first() is not None


def asked_of(session: Session, actor: Actor) -> list[tuple[AppealReview, Appeal, Entry, Cycle]]:
    """What this panel member was asked to look at and may still meet, what is open first."""
    query = (
        select(AppealReview, Appeal, Entry, Cycle)
        .join(Appeal, col(Appeal.id) == col(AppealReview.appeal_id))
        .join(Entry, col(Entry.id) == col(Appeal.entry_id))
        .join(Cycle, col(Cycle.id) == col(Entry.cycle_id))
        .where(
            AppealReview.user_id == actor.user_id,
            Appeal.state != AppealState.WITHDRAWN,
            met_by_panel(actor),
        )
        .order_by(col(Appeal.id).desc())
    )
    found = list(session.exec(query).all())
    return sorted(found, key=lambda row: (row[1].state not in OPEN, row[0].said_at is not None))


def asked_for(session: Session, actor: Actor, appeal_id: int) -> tuple[AppealReview, Appeal, Entry, Cycle]:
    """One of them, or NotFound."""
    found = next((row for row in asked_of(session, actor) if row[1].id == appeal_id), None)
    if found is None:
        raise _none()
    return found


def file_for(session: Session, actor: Actor, appeal_id: int, file_id: int) -> AppealFile:
    """A file of an appeal, for the unit's lead school, those who see all and those asked."""
    file = session.get(AppealFile, file_id)
    appeal = None if file is None else session.get(Appeal, file.appeal_id)
    if file is None or appeal is None or appeal.id != appeal_id:
        raise NotFound(_("没有这份材料，或您无权查看。"))
    if any(found.id == appeal_id for _r, found, _e, _c in asked_of(session, actor)):
        return file
    try:
        entry_for(session, actor, appeal.entry_id)
    except NotFound:
        raise NotFound(_("没有这份材料，或您无权查看。")) from None
    if not may_read_appeals(session, actor, appeal.entry_id):
        raise NotFound(_("没有这份材料，或您无权查看。"))
    return file


# --- who may be asked ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """A panel member who may be asked to look at an appeal. bar: why not; "" if it may be."""

    user_id: int
    name: str
    is_chair: bool
    bar: str = ""


def candidates(
    session: Session, entry: Entry, codes: Sequence[str], figures: Sequence[str] = ()
) -> list[Candidate]:
    """The panel of the cycle, those who may be asked first; a fixed number of queries.

    Barred: who scored or settled one of these clauses of this unit or filled in one of their figures, who
    scored the unit in the meeting room for them, who files for one of its schools, who declared a recusal
    (回避).

    :param figures: keys of the fields of the clauses.
    """
    people: dict[int, tuple[str, bool]] = {}
    grants = select(User, Grant).join(Grant).where(Grant.cycle_id == entry.cycle_id, col(User.active))
    for user, grant in session.exec(grants):
        if grant.role in PANEL_ROLES and user.id is not None:
            _name, chairs = people.get(user.id, ("", False))
            people[user.id] = (user.name, chairs or grant.role == Role.CHAIR)
    bars = _bars(session, entry, codes, figures, list(people))
    found = [Candidate(i, name, chairs, bars.get(i, "")) for i, (name, chairs) in people.items()]
    return sorted(found, key=lambda c: (bool(c.bar), c.name, c.user_id))


def _bars(
    session: Session,
    entry: Entry,
    codes: Sequence[str],
    figures: Sequence[str],
    user_ids: Sequence[int],
) -> dict[int, str]:
    out = dict.fromkeys(_in_the_room(session, entry, codes, figures), _("在展示考核中评过"))
    marks = select(Mark).where(Mark.entry_id == entry.id, col(Mark.code).in_(codes), Mark.role != SELF)
    for mark in session.exec(marks):
        if mark.role == SETTLED:
            out[mark.made_by] = _("审定过这一款")
        else:
            out[mark.user_id] = _("评过这一款")
    logged = select(LogEntry.user_id).where(
        LogEntry.entry_id == entry.id,
        col(LogEntry.subject).in_([*codes, *figures]),
        col(LogEntry.action).in_(["mark.settle", "mark.save", "answer.save"]),
        col(LogEntry.user_id).in_(user_ids),
    )
    for found in session.exec(logged.distinct()):  # a mark taken back or settled over was one all the same
        out.setdefault(found or 0, _("评过这一款"))
    recused = select(Recusal.user_id).where(Recusal.entry_id == entry.id, col(Recusal.lifted_at).is_(None))
    for user_id in session.exec(recused):
        out[user_id] = _("已回避")
    own = (
        select(Grant.user_id)
        .join(EntrySchool, col(EntrySchool.school_id) == col(Grant.school_id))
        .where(EntrySchool.entry_id == entry.id, col(Grant.user_id).in_(user_ids))
    )
    for user_id in session.exec(own):
        out[user_id] = _("任职学校在这个单位，须回避")
    return out


def _in_the_room(session: Session, entry: Entry, codes: Sequence[str], figures: Sequence[str]) -> set[int]:
    """Who scored the unit in the meeting room for these clauses and figures; put aside since or not."""
    targets = [*(f"clause:{c}" for c in codes), *(f"figure:{k}" for k in figures)]
    presented = (
        select(Turn.id)
        .join(Showing, col(Showing.id) == col(Turn.showing_id))
        .where(Turn.entry_id == entry.id, col(Showing.target).in_(targets))
    )
    turns = set(session.exec(presented))
    given = select(TurnScore.user_id).where(col(TurnScore.turn_id).in_(turns))
    logged = select(LogEntry).where(LogEntry.entry_id == entry.id, LogEntry.action == "turn.score")
    again = {e.user_id or 0 for e in session.exec(logged) if e.detail.get("turn") in turns}
    return again | set(session.exec(given))


# --- what waits ------------------------------------------------------------------------------------


def counts_by_cycle(session: Session, cycle_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """(open appeals, upheld ones that wait for a freeze) by cycle; cycles without are left out."""
    waits = sa.and_(col(Appeal.state) == AppealState.UPHELD, col(Appeal.applied_result_id).is_(None))
    query = (
        sa.select(
            col(Entry.cycle_id),
            sa.func.sum(sa.case((col(Appeal.state).in_(OPEN), 1), else_=0)),
            sa.func.sum(sa.case((waits, 1), else_=0)),
        )
        .join(Entry, col(Entry.id) == col(Appeal.entry_id))
        .where(col(Entry.cycle_id).in_(cycle_ids))
        .group_by(col(Entry.cycle_id))
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in session.execute(query)}


def decided_of(session: Session, entry_ids: Collection[int]) -> list[Appeal]:
    """The decided appeals of entries that are in publication."""
    query = (
        select(Appeal)
        .join(Entry, col(Entry.id) == col(Appeal.entry_id))
        .join(Cycle, col(Cycle.id) == col(Entry.cycle_id))
        .where(
            col(Appeal.entry_id).in_(entry_ids),
            col(Appeal.state).in_([AppealState.UPHELD, AppealState.REJECTED]),
            Cycle.state == CycleState.PUBLISHED,
        )
    )
    return list(session.exec(query.order_by(col(Appeal.id))).all())
