"""What the panel sees: its cycles and entries, its members, marks, earlier reasons.

Three rules of visibility live here. A reviewer meets only entries of the cycles of the own panel
grants. A reviewer who also holds a grant at one of an entry's schools never meets that entry
(回避); it is NotFound, like any other foreign thing. Other reviewers' marks on a clause stay
hidden until the own mark on that clause is in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from intranet.actor import Actor
from intranet.enums import CycleState, Role
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Answer, Cycle, Entry, EntrySchool, Grant, LogEntry, Mark, User

OTHER_OWNERS = ("school", "bureau")
"""Owners whose fields are filled elsewhere; every other owner's are the panel's to fill."""

PANEL_ROLES = (Role.CHAIR, Role.REVIEWER)


def _own_cycles(actor: Actor) -> frozenset[int]:
    return frozenset[int]().union(*(actor.cycles.get(role, frozenset()) for role in PANEL_ROLES))


def panel_cycles(session: Session, actor: Actor) -> Sequence[Cycle]:
    """The opened cycles that the actor is on the panel of, newest first."""
    query = select(Cycle).where(col(Cycle.id).in_(_own_cycles(actor)), Cycle.state != CycleState.DRAFT)
    return session.exec(query.order_by(col(Cycle.id).desc())).all()


def panel_cycle_for(session: Session, actor: Actor, cycle_id: int) -> Cycle:
    """The cycle, or NotFound if there is none with this panel member."""
    cycle = next((c for c in panel_cycles(session, actor) if c.id == cycle_id), None)
    if cycle is None:
        raise NotFound(_("没有这个考核周期，或您不在它的考核组。"))
    return cycle


def _meets(actor: Actor) -> SelectOfScalar[Entry]:
    own = select(EntrySchool.entry_id).where(col(EntrySchool.school_id).in_(actor.all_schools))
    opened = select(Cycle.id).where(col(Cycle.id).in_(_own_cycles(actor)), Cycle.state != CycleState.DRAFT)
    return select(Entry).where(col(Entry.cycle_id).in_(opened), col(Entry.id).not_in(own))


def panel_entries(session: Session, actor: Actor, cycle_id: int) -> Sequence[Entry]:
    """The entries of a cycle that the actor meets, in the order of unit codes."""
    return session.exec(_meets(actor).where(Entry.cycle_id == cycle_id).order_by(col(Entry.code))).all()


def panel_entry_for(session: Session, actor: Actor, entry_id: int) -> tuple[Entry, Cycle]:
    """An entry with its cycle, or NotFound if it is not this panel member's."""
    entry = session.exec(_meets(actor).where(Entry.id == entry_id)).first()
    if entry is None:
        raise NotFound(_("没有这份填报，或您无权评它。"))
    cycle = session.get(Cycle, entry.cycle_id)
    assert cycle is not None
    return entry, cycle


# --- the panel's people ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A member of a cycle's panel. schools: where the person files, and so does not score."""

    user_id: int
    name: str
    is_chair: bool
    schools: frozenset[int]


def reviewers_of(session: Session, cycle_id: int) -> list[Reviewer]:
    """Those who are asked to score: the reviewers, or the chairs where there are only chairs. By name."""
    members: dict[int, set[Role]] = defaultdict(set)
    names: dict[int, str] = {}
    query = select(User, Grant).join(Grant).where(Grant.cycle_id == cycle_id, col(User.active))
    for user, grant in session.exec(query):
        if grant.role in PANEL_ROLES and user.id is not None:
            members[user.id].add(grant.role)
            names[user.id] = user.name
    schools: dict[int, set[int]] = defaultdict(set)
    at_schools = select(Grant).where(col(Grant.user_id).in_(members), col(Grant.school_id).is_not(None))
    for held in session.exec(at_schools):
        schools[held.user_id].add(held.school_id or 0)
    people = [
        Reviewer(user_id, names[user_id], Role.CHAIR in roles, frozenset(schools[user_id]))
        for user_id, roles in members.items()
        if Role.REVIEWER in roles or all(Role.REVIEWER not in r for r in members.values())
    ]
    return sorted(people, key=lambda p: (p.name, p.user_id))


# --- marks ----------------------------------------------------------------------------------------


def others_marks(marks: Iterable[Mark], actor: Actor) -> list[Mark] | None:
    """The other reviewers' marks on one clause, or None while the own one is not in.

    A mark laid aside as doubtful (存疑) is not in: it must not buy a look at the others.
    """
    marks = list(marks)
    if not any(m.user_id == actor.user_id and not m.doubtful for m in marks):
        return None
    return [m for m in marks if m.user_id != actor.user_id]


def former_reasons(
    session: Session, actor: Actor, cycle_id: int, codes: Sequence[str]
) -> dict[str, list[str]]:
    """The actor's own reasons on these clauses elsewhere in the cycle, latest first, at most four each."""
    out: dict[str, list[str]] = {code: [] for code in codes}
    query = (
        select(Mark)
        .join(Entry)
        .where(
            Entry.cycle_id == cycle_id,
            Mark.user_id == actor.user_id,
            col(Mark.code).in_(codes),
            Mark.reason != "",
        )
        .order_by(col(Mark.made_at).desc())
    )
    for mark in session.exec(query):
        if mark.reason not in out[mark.code] and len(out[mark.code]) < 4:
            out[mark.code].append(mark.reason)
    return out


def mark_history(session: Session, entry_id: int, codes: Sequence[str]) -> list[LogEntry]:
    """Every change of a mark on these clauses of one entry, oldest first, from the log."""
    query = select(LogEntry).where(
        LogEntry.entry_id == entry_id,
        col(LogEntry.subject).in_(codes),
        col(LogEntry.action).like("mark.%"),
    )
    return list(session.exec(query.order_by(col(LogEntry.id))))


def panel_answers(session: Session, entry_id: int, keys: Sequence[str]) -> dict[str, Answer]:
    """Stored answers of one entry to fields that the panel owns, by key."""
    query = select(Answer).where(
        Answer.entry_id == entry_id, col(Answer.key).in_(keys), Answer.school_id == 0
    )
    return {a.key: a for a in session.exec(query.where(col(Answer.owner).not_in(OTHER_OWNERS)))}
