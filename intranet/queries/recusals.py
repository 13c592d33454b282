"""Who stays away from whom (回避): declarations and recusals, as the bureau reads them.

What a conflicted person may still see is decided in ``entries.met_by_panel`` alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import Role
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import (
    SETTLED,
    Answer,
    Cycle,
    Declaration,
    Entry,
    EntrySchool,
    Grant,
    Mark,
    Recusal,
    Turn,
    TurnScore,
    User,
)
from intranet.queries.cycles import entries_of
from intranet.queries.entries import PANEL_ROLES, schools_of
from intranet.queries.review import OTHER_OWNERS, reviewers_of


@dataclass(frozen=True, slots=True)
class Choosable:
    """A unit on the declaration page. is_own: one of the person's schools takes part (found by the system)."""

    entry: Entry
    schools: tuple[str, ...]
    is_own: bool


def declaration_of(session: Session, cycle_id: int, user_id: int) -> Declaration | None:
    return session.exec(
        select(Declaration).where(Declaration.cycle_id == cycle_id, Declaration.user_id == user_id)
    ).first()


def units_to_declare(session: Session, actor: Actor, cycle: Cycle) -> list[Choosable]:
    """All units of the cycle with their schools, for one who has not declared yet; after that none.

    It is the only list of the panel's side on which a unit stands that the person must not meet.
    """
    cycle_id = cycle.id or 0
    if declaration_of(session, cycle_id, actor.user_id) is not None:
        return []
    entries = entries_of(session, cycle_id)
    schools = schools_of(session, [e.id or 0 for e in entries])
    return [
        Choosable(
            entry,
            tuple(s.name for s in schools[entry.id or 0]),
            any(s.school_id in actor.all_schools for s in schools[entry.id or 0]),
        )
        for entry in entries
    ]


# --- for the bureau -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conflict:
    """One person and one unit that must not meet. recusal: None where the system found it (own school).

    schools: the own ones; marks: how many of the person's marks on the unit still count; figures: how many
    numbers of the panel stand as the person typed them, for another chair to type anew.
    """

    entry: Entry
    recusal: Recusal | None
    schools: tuple[str, ...] = ()
    marks: int = 0
    figures: int = 0


@dataclass
class Member:
    """Somebody on the panel. declared_at: None before the declaration; lifted: what the bureau took back."""

    user_id: int
    name: str
    login: str
    is_chair: bool = False
    is_reviewer: bool = False
    declared_at: datetime | None = None
    conflicts: list[Conflict] = field(default_factory=list)
    lifted: list[Conflict] = field(default_factory=list)

    @property
    def barred(self) -> frozenset[int]:
        return frozenset(c.entry.id or 0 for c in self.conflicts)


def members_of(session: Session, cycle_id: int) -> list[Member]:
    """The panel with declarations and conflicts, the chairs first, then by name. A fixed number of queries."""
    members: dict[int, Member] = {}
    seated = select(User, Grant.role).join(Grant, col(Grant.user_id) == col(User.id))
    for user, role in session.exec(
        seated.where(Grant.cycle_id == cycle_id, col(Grant.role).in_(PANEL_ROLES), col(User.active))
    ):
        member = members.setdefault(user.id or 0, Member(user.id or 0, user.name, user.login))
        member.is_chair = member.is_chair or role == Role.CHAIR
        member.is_reviewer = member.is_reviewer or role == Role.REVIEWER
    for declaration in session.exec(select(Declaration).where(Declaration.cycle_id == cycle_id)):
        if declaration.user_id in members:
            members[declaration.user_id].declared_at = declaration.declared_at
    entries = {e.id or 0: e for e in entries_of(session, cycle_id)}
    marks = marks_by(session, list(entries))
    figures = figures_by(session, list(entries))
    own = _own(session, members, list(entries))
    listed: set[tuple[int, int]] = set()
    for recusal in session.exec(
        select(Recusal).where(Recusal.cycle_id == cycle_id).order_by(col(Recusal.id))
    ):
        found = members.get(recusal.user_id)
        if found is None:
            continue
        key = (recusal.user_id, recusal.entry_id)
        told = own.get(key, ()), marks.get(key, 0), figures.get(key, 0)
        conflict = Conflict(entries[recusal.entry_id], recusal, *told)
        (found.conflicts if recusal.lifted_at is None else found.lifted).append(conflict)
        if recusal.lifted_at is None:
            listed.add(key)
    for key in sorted(own.keys() - listed, key=lambda k: entries[k[1]].code):
        told = own[key], marks.get(key, 0), figures.get(key, 0)
        members[key[0]].conflicts.append(Conflict(entries[key[1]], None, *told))
    return sorted(members.values(), key=lambda m: (not m.is_chair, m.name, m.user_id))


def _own(
    session: Session, users: Collection[int], entry_ids: Sequence[int]
) -> dict[tuple[int, int], tuple[str, ...]]:
    """Names of a person's own schools in an entry, by (user id, entry id)."""
    query = (
        select(Grant.user_id, EntrySchool.entry_id, EntrySchool.name)
        .join(EntrySchool, col(EntrySchool.school_id) == col(Grant.school_id))
        .where(col(Grant.user_id).in_(users), col(EntrySchool.entry_id).in_(entry_ids))
        .order_by(col(EntrySchool.code))
    )
    found: dict[tuple[int, int], list[str]] = defaultdict(list)
    for user_id, entry_id, name in session.exec(query):
        if name not in found[user_id, entry_id]:
            found[user_id, entry_id].append(name)
    return {key: tuple(names) for key, names in found.items()}


def marks_by(session: Session, entry_ids: Sequence[int]) -> dict[tuple[int, int], int]:
    """How many marks each person gave each entry, by (user id, entry id): own marks, a chair's settlements,
    scores of the meeting room."""
    who = sa.case((col(Mark.role) == SETTLED, col(Mark.made_by)), else_=col(Mark.user_id))
    given = (
        sa.select(who, col(Mark.entry_id), sa.func.count())
        .where(col(Mark.entry_id).in_(entry_ids), who != 0)
        .group_by(who, col(Mark.entry_id))
    )
    shown = (
        sa.select(col(TurnScore.user_id), col(Turn.entry_id), sa.func.count())
        .join(Turn, col(Turn.id) == col(TurnScore.turn_id))
        .where(col(Turn.entry_id).in_(entry_ids))
        .group_by(col(TurnScore.user_id), col(Turn.entry_id))
    )
    out: dict[tuple[int, int], int] = defaultdict(int)
    for query in (given, shown):
        for user_id, entry_id, n in session.execute(query):
            out[user_id, entry_id] += int(n)
    return dict(out)


def figures_by(session: Session, entry_ids: Sequence[int]) -> dict[tuple[int, int], int]:
    """How many numbers of the panel stand as each person typed them, by (user id, entry id)."""
    query = select(Answer).where(
        col(Answer.entry_id).in_(entry_ids), col(Answer.owner).not_in(OTHER_OWNERS), Answer.school_id == 0
    )
    out: dict[tuple[int, int], int] = defaultdict(int)
    for answer in session.exec(query):
        if answer.value is not None:
            out[answer.changed_by, answer.entry_id] += 1
    return dict(out)


def _stays_away(user: Any, entry: Any) -> sa.ColumnElement[bool]:
    """As a condition: the person is recused from the entry, or holds a grant at one of its schools.

    :param user: column with the person's id. :param entry: column with the entry's.
    """
    recused = select(Recusal.id).where(
        Recusal.user_id == user, Recusal.entry_id == entry, col(Recusal.lifted_at).is_(None)
    )
    at_home = (
        select(Grant.id)
        .join(EntrySchool, col(EntrySchool.school_id) == col(Grant.school_id))
        .where(Grant.user_id == user, EntrySchool.entry_id == entry)
    )
    return sa.or_(recused.exists(), at_home.exists())


def barred_figures(session: Session, cycle_id: int) -> dict[int, dict[str, str]]:
    """Figures of the panel (展示考核得分) that stand as typed by somebody who must stay away now: by entry id
    the field's key -> the person's name. They are not dropped; another chair types them anew."""
    query = (
        select(Answer, User.name)
        .join(Entry, col(Entry.id) == col(Answer.entry_id))
        .join(User, col(User.id) == col(Answer.changed_by))
        .where(
            Entry.cycle_id == cycle_id,
            col(Answer.owner).not_in(OTHER_OWNERS),
            Answer.school_id == 0,
            _stays_away(col(Answer.changed_by), col(Answer.entry_id)),
        )
    )
    out: dict[int, dict[str, str]] = defaultdict(dict)
    for answer, name in session.exec(query):
        if answer.value is not None:
            out[answer.entry_id][answer.key] = name
    return dict(out)


def is_barred(session: Session, user_id: int, entry_id: int) -> bool:
    """Whether the person must stay away from the entry: recused, or of one of its schools."""
    query = select(Entry.id).where(Entry.id == entry_id, _stays_away(sa.literal(user_id), col(Entry.id)))
    return session.exec(query).first() is not None


def barred_marks(session: Session, cycle_id: int) -> dict[int, int]:
    """How many marks and settlements still count although their author must stay away now, by entry id.

    A recusal that is entered drops them; these are of people who came to a school of the unit later.
    """
    author = sa.case((col(Mark.role) == SETTLED, col(Mark.made_by)), else_=col(Mark.user_id))
    query = (
        sa.select(col(Mark.entry_id), sa.func.count())
        .join(Entry, col(Entry.id) == col(Mark.entry_id))
        .where(col(Entry.cycle_id) == cycle_id, author != 0, _stays_away(author, col(Mark.entry_id)))
        .group_by(col(Mark.entry_id))
    )
    return {entry_id: int(n) for entry_id, n in session.execute(query)}


def marks_on(session: Session, user_id: int, entry_id: int) -> tuple[Sequence[Mark], Sequence[TurnScore]]:
    """Everything one person gave one entry: marks and settlements, scores of the meeting room."""
    settled = (col(Mark.role) == SETTLED) & (col(Mark.made_by) == user_id)
    marks = session.exec(
        select(Mark)
        .where(Mark.entry_id == entry_id, (col(Mark.user_id) == user_id) | settled)
        .order_by(col(Mark.code), col(Mark.id))
    ).all()
    scores = session.exec(
        select(TurnScore)
        .join(Turn, col(Turn.id) == col(TurnScore.turn_id))
        .where(Turn.entry_id == entry_id, TurnScore.user_id == user_id)
        .order_by(col(TurnScore.id))
    ).all()
    return marks, scores


def recusal_of(session: Session, user_id: int, entry_id: int) -> Recusal | None:
    return session.exec(
        select(Recusal).where(Recusal.user_id == user_id, Recusal.entry_id == entry_id)
    ).first()


def recusal_for(session: Session, cycle_id: int, recusal_id: int) -> Recusal:
    """A recusal of this cycle that holds, or NotFound."""
    found = session.get(Recusal, recusal_id)
    if found is None or found.cycle_id != cycle_id:
        raise NotFound(_("没有这条回避。"))
    return found


def uncovered(session: Session, cycle_id: int, members: Sequence[Member]) -> tuple[list[Entry], list[Entry]]:
    """Entries that every reviewer stays away from, and those that every chair does."""
    by_id = {m.user_id: m for m in members}
    reviewers = [by_id[r.user_id] for r in reviewers_of(session, cycle_id) if r.user_id in by_id]
    chairs = [m for m in members if m.is_chair]
    entries = entries_of(session, cycle_id)
    return (
        [e for e in entries if reviewers and all(e.id in m.barred for m in reviewers)],
        [e for e in entries if chairs and all(e.id in m.barred for m in chairs)],
    )


def undeclared(session: Session, cycle_ids: Collection[int]) -> Mapping[int, int]:
    """How many panel members have not declared yet, by cycle id; cycles where all have are not in it."""
    declared = select(Declaration.id).where(
        Declaration.cycle_id == Grant.cycle_id, Declaration.user_id == Grant.user_id
    )
    query = (
        select(Grant.cycle_id, sa.func.count(sa.distinct(col(Grant.user_id))))
        .join(User, col(User.id) == col(Grant.user_id))
        .where(
            col(Grant.cycle_id).in_(cycle_ids),
            col(Grant.role).in_(PANEL_ROLES),
            col(User.active),
            ~declared.exists(),
        )
        .group_by(col(Grant.cycle_id))
    )
    return {cycle_id: int(n) for cycle_id, n in session.exec(query) if cycle_id is not None}
