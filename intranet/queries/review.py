"""What the panel sees: its cycles and entries, its members, marks, earlier reasons.

Rules of visibility live here and in ``entries``. A reviewer meets only entries of the cycles of the
own panel grants, none before having declared whom to stay away from (回避申报), and never one of the
declared units or one at whose schools the reviewer holds a grant: it is NotFound, like any other
foreign thing. Other reviewers' marks on a clause stay hidden until the own mark on that clause is in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import CycleState, Role
from intranet.errors import Forbidden, NotFound
from intranet.i18n import _
from intranet.models import Answer, Cycle, Declaration, Entry, Grant, LogEntry, Mark, Recusal, User
from intranet.queries.entries import PANEL_ROLES, met_by_panel, panel_cycle_ids

OTHER_OWNERS = ("school", "bureau")
"""Owners whose fields are filled elsewhere; every other owner's are the panel's to fill."""


class NotDeclared(Forbidden):
    """A cycle of the own panel that opens after the declaration (回避申报) only."""

    def __init__(self, cycle: Cycle) -> None:
        super().__init__(_("请先申报回避，再看“%(title)s”。", title=cycle.title))
        self.cycle_id = cycle.id or 0


def panel_cycles(session: Session, actor: Actor) -> Sequence[Cycle]:
    """The opened cycles that the actor is on the panel of, newest first; those too that wait for the
    declaration: show no more of them than the title."""
    query = select(Cycle).where(col(Cycle.id).in_(panel_cycle_ids(actor)), Cycle.state != CycleState.DRAFT)
    return session.exec(query.order_by(col(Cycle.id).desc())).all()


def declared_cycles(session: Session, actor: Actor) -> frozenset[int]:
    """Ids of the cycles for which the actor has declared whom to stay away from, or that there is nobody."""
    return frozenset(session.exec(select(Declaration.cycle_id).where(Declaration.user_id == actor.user_id)))


def panel_cycle_for(session: Session, actor: Actor, cycle_id: int, *, declared: bool = True) -> Cycle:
    """The cycle, or NotFound if there is none with this panel member.

    :param declared: False only for the page on which the member declares.
    :raises NotDeclared: the member has not declared yet; the web layer leads to that page then.
    """
    cycle = next((c for c in panel_cycles(session, actor) if c.id == cycle_id), None)
    if cycle is None:
        raise NotFound(_("没有这个考核周期，或您不在它的考核组。"))
    if declared and cycle_id not in declared_cycles(session, actor):
        raise NotDeclared(cycle)
    return cycle


def panel_entries(session: Session, actor: Actor, cycle_id: int) -> Sequence[Entry]:
    """The entries of a cycle that the actor meets, in the order of unit codes."""
    met = select(Entry).where(met_by_panel(actor), Entry.cycle_id == cycle_id)
    return session.exec(met.order_by(col(Entry.code))).all()


def panel_entry_for(session: Session, actor: Actor, entry_id: int) -> tuple[Entry, Cycle]:
    """An entry with its cycle, or NotFound if it is not this panel member's."""
    entry = session.exec(select(Entry).where(met_by_panel(actor), Entry.id == entry_id)).first()
    if entry is None:
        raise NotFound(_("没有这份填报，或您无权评它。"))
    cycle = session.get(Cycle, entry.cycle_id)
    assert cycle is not None
    return entry, cycle


# --- the panel's people ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A member of a cycle's panel. schools: where the person files, and so does not score; recused: ids of
    the entries that the person was recused from by declaration or by the bureau."""

    user_id: int
    name: str
    is_chair: bool
    schools: frozenset[int]
    recused: frozenset[int] = frozenset()


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
    recused = recusals_of(session, cycle_id)
    people = [
        Reviewer(
            user_id,
            names[user_id],
            Role.CHAIR in roles,
            frozenset(schools[user_id]),
            recused.get(user_id, frozenset()),
        )
        for user_id, roles in members.items()
        if Role.REVIEWER in roles or all(Role.REVIEWER not in r for r in members.values())
    ]
    return sorted(people, key=lambda p: (p.name, p.user_id))


def is_reviewer(session: Session, cycle_id: int, user_id: int) -> bool:
    """Whether the person is one of :func:`reviewers_of`: a reviewer, or a chair where there are only chairs.
    A chair beside reviewers settles and gives no mark of the own."""
    query = select(Grant.user_id, Grant.role).join(User).where(Grant.cycle_id == cycle_id, col(User.active))
    seats = {(holder, role) for holder, role in session.exec(query) if role in PANEL_ROLES}
    if any(role == Role.REVIEWER for _holder, role in seats):
        return (user_id, Role.REVIEWER) in seats
    return any(holder == user_id for holder, _role in seats)


def recusals_of(session: Session, cycle_id: int) -> dict[int, frozenset[int]]:
    """Entry ids that each person (user id) stays away from by declaration or by the bureau's word."""
    found: dict[int, set[int]] = defaultdict(set)
    query = select(Recusal).where(Recusal.cycle_id == cycle_id, col(Recusal.lifted_at).is_(None))
    for recusal in session.exec(query):
        found[recusal.user_id].add(recusal.entry_id)
    return {user_id: frozenset(entries) for user_id, entries in found.items()}


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
            met_by_panel(actor),
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
