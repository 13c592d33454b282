"""Sessions of the meeting room (展示考核), as far as the actor may see them.

Bureau and panel of the cycle see its sessions. A panel member never meets a unit to stay away from: its
turn is there (the order has a gap otherwise) without a name, a score or a count. Scores are hidden until the
chair reveals them: before, everybody reads the own one only, and who has scored at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import CycleState, Role, TurnState
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import (
    SETTLED,
    Answer,
    Cycle,
    Entry,
    LogEntry,
    Mark,
    Showing,
    Turn,
    TurnScore,
    User,
)
from intranet.queries import review
from intranet.queries.cycles import entries_of
from intranet.queries.entries import schools_of
from intranet.queries.review import OTHER_OWNERS, Reviewer
from intranet.rubric.numbers import as_fraction

ACTIVE = (TurnState.PRESENTING, TurnState.SCORING, TurnState.REVEALED)
OPEN_SCORES = (TurnState.REVEALED, TurnState.SETTLED)
HELD = (CycleState.REVIEW, CycleState.DELIBERATION)


@dataclass(frozen=True)
class TurnRow:
    """One turn as the actor may see it. number: 1, 2, … in the order.

    entry: None for a unit that the actor stays away from; then nothing else of it is known. asked: the
    reviewers who score it; scored: ids of those whose score is in; scores: by user id, all once revealed,
    else the actor's own.
    """

    id: int
    number: int
    state: TurnState
    version: int
    entry: Entry | None = None
    asked: tuple[Reviewer, ...] = ()
    scored: frozenset[int] = frozenset()
    scores: Mapping[int, TurnScore] = field(default_factory=dict)
    started_at: datetime | None = None
    points: Fraction | None = None
    reason: str = ""
    settled_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def is_open(self) -> bool:
        """Whether the scores are on the table."""
        return self.state in OPEN_SCORES

    @property
    def waiting_for(self) -> tuple[Reviewer, ...]:
        return tuple(r for r in self.asked if r.user_id not in self.scored)

    @property
    def given(self) -> list[Fraction]:
        """The points on the table; [] before they are revealed."""
        return [s.points for s in self.scores.values()] if self.is_open else []

    @property
    def mean(self) -> Fraction | None:
        """Exact; None before the scores are revealed."""
        return sum(self.given, Fraction(0)) / len(self.given) if self.given else None

    @property
    def spread(self) -> Fraction:
        return max(self.given) - min(self.given) if self.given else Fraction(0)


@dataclass(frozen=True)
class Meeting:
    """A session with its counts, for lists. running: a unit is presenting, being scored or revealed now."""

    showing: Showing
    turns: int
    settled: int
    running: bool


def may_prepare(actor: Actor, cycle_id: int) -> bool:
    """Bureau, or the chair of this cycle."""
    return actor.has(Role.BUREAU) or actor.chairs(cycle_id)


def cycle_of(session: Session, actor: Actor, cycle_id: int) -> Cycle:
    """An opened cycle that the actor sits on the panel of or, for the bureau, any; else NotFound.

    Somebody who is both is met as a panel member: the bureau's eyes would see whom to stay away from.
    """
    if actor.has(Role.BUREAU) and not actor.on_panel(cycle_id):
        cycle = session.get(Cycle, cycle_id)
        if cycle is not None and cycle.state != CycleState.DRAFT:
            return cycle
        raise NotFound(_("没有这个考核周期，或您不在它的考核组。"))
    return review.panel_cycle_for(session, actor, cycle_id)


def showing_for(session: Session, actor: Actor, showing_id: int) -> tuple[Showing, Cycle]:
    """A session with its cycle, or the same NotFound for none and for a foreign one."""
    showing = session.get(Showing, showing_id)
    none = NotFound(_("没有这一场展示考核，或您无权查看。"))
    if showing is None:
        raise none
    try:
        return showing, cycle_of(session, actor, showing.cycle_id)
    except NotFound:
        raise none from None


def met_entries(session: Session, actor: Actor, cycle_id: int) -> Sequence[Entry]:
    """The entries of a cycle that the actor meets, by unit code."""
    if actor.has(Role.BUREAU) and not actor.on_panel(cycle_id):
        return entries_of(session, cycle_id)
    return review.panel_entries(session, actor, cycle_id)


def meetings_of(session: Session, actor: Actor, cycle_id: int) -> list[Meeting]:
    """The sessions of a cycle by day, in a fixed number of queries. Counted are the units the actor meets."""
    shown = session.exec(
        select(Showing)
        .where(Showing.cycle_id == cycle_id)
        .order_by(col(Showing.held_on).is_(None), col(Showing.held_on), col(Showing.id))
    ).all()
    met = {e.id for e in met_entries(session, actor, cycle_id)}
    states: dict[int, Counter[str]] = defaultdict(Counter)
    running: set[int] = set()
    query = select(Turn).where(col(Turn.showing_id).in_([s.id for s in shown]))
    for turn in session.exec(query):
        if turn.state in ACTIVE:
            running.add(turn.showing_id)
        if turn.entry_id in met:
            states[turn.showing_id][turn.state] += 1
    out = []
    for one in shown:
        count = states[one.id or 0]
        is_on = one.closed_at is None and one.id in running
        out.append(Meeting(one, count.total(), count[TurnState.SETTLED], is_on))
    return out


def unsettled_of(session: Session, cycle_id: int) -> dict[int, int]:
    """Turns without a settlement in sessions that are still open: how many, by entry id. One query."""
    query = select(Turn.entry_id).join(Showing, col(Showing.id) == col(Turn.showing_id))
    query = query.where(Showing.cycle_id == cycle_id, col(Showing.closed_at).is_(None))
    return dict(Counter(session.exec(query.where(Turn.state != TurnState.SETTLED))))


def running_of(session: Session, cycle_ids: Sequence[int]) -> Sequence[Showing]:
    """Open sessions in which a unit presents, is scored or was revealed just now. One query."""
    on = select(Turn.showing_id).where(col(Turn.state).in_(ACTIVE))
    query = select(Showing).where(col(Showing.cycle_id).in_(cycle_ids), col(Showing.closed_at).is_(None))
    return session.exec(query.where(col(Showing.id).in_(on)).order_by(col(Showing.id))).all()


def turns_of(session: Session, showing_id: int) -> list[Turn]:
    """All turns in order, for the acts on the order itself."""
    query = select(Turn).where(Turn.showing_id == showing_id).order_by(col(Turn.position), col(Turn.id))
    return list(session.exec(query))


def taken_entries(session: Session, cycle_id: int, target: str, *, but: int | None = None) -> dict[int, str]:
    """Entries that another session already has for this target: entry id -> its title."""
    query = select(Turn.entry_id, Showing.title).join(Showing, col(Showing.id) == col(Turn.showing_id))
    query = query.where(Showing.cycle_id == cycle_id, Showing.target == target, col(Showing.id) != (but or 0))
    return dict(session.exec(query).all())


def askers_of(session: Session, cycle_id: int, entry_ids: Sequence[int]) -> dict[int, tuple[Reviewer, ...]]:
    """Who scores which entry in the room: the panel's reviewers without those who stay away. By entry id."""
    people = review.reviewers_of(session, cycle_id)
    schools = {i: {s.school_id for s in own} for i, own in schools_of(session, entry_ids).items()}
    return {
        i: tuple(p for p in people if not p.schools & schools[i] and i not in p.recused) for i in entry_ids
    }


def rows_of(session: Session, actor: Actor, showing: Showing) -> list[TurnRow]:
    """The order of a session as the actor may see it; a fixed number of queries for any number of turns."""
    turns = turns_of(session, showing.id or 0)
    met = {e.id: e for e in met_entries(session, actor, showing.cycle_id)}
    asked = askers_of(session, showing.cycle_id, [t.entry_id for t in turns if t.entry_id in met])
    given: dict[int, dict[int, TurnScore]] = defaultdict(dict)
    query = select(TurnScore).where(col(TurnScore.turn_id).in_([t.id for t in turns]))
    for score in session.exec(query):
        given[score.turn_id][score.user_id] = score
    rows = []
    for number, turn in enumerate(turns, 1):
        entry = met.get(turn.entry_id)
        if entry is None:
            rows.append(TurnRow(turn.id or 0, number, turn.state, 0))
            continue
        due = {r.user_id for r in asked[turn.entry_id]}
        own = {u: s for u, s in given[turn.id or 0].items() if u in due}
        seen = own if turn.state in OPEN_SCORES else {u: s for u, s in own.items() if u == actor.user_id}
        rows.append(
            TurnRow(
                turn.id or 0,
                number,
                turn.state,
                turn.version,
                entry=entry,
                asked=asked[turn.entry_id],
                scored=frozenset(own),
                scores=seen,
                started_at=turn.started_at,
                points=turn.points,
                reason=turn.reason,
                settled_at=turn.settled_at,
            )
        )
    return rows


@dataclass(frozen=True)
class Pulse:
    """What a reviewer's tablet asks for every two seconds. running: the turn that is on; met: whether the
    actor may meet its unit; settled: how many turns are done."""

    running: Turn | None
    met: bool
    settled: int


def pulse_of(session: Session, actor: Actor, showing: Showing) -> Pulse:
    """In two queries at most: fifteen tablets ask."""
    turns = turns_of(session, showing.id or 0)
    running = next((t for t in turns if t.state in ACTIVE), None)
    met = running is not None and any(
        e.id == running.entry_id for e in met_entries(session, actor, showing.cycle_id)
    )
    return Pulse(running, met, sum(t.state == TurnState.SETTLED for t in turns))


def scores_of(session: Session, turn_id: int) -> list[TurnScore]:
    """Every score of a turn, for the acts that reveal, reopen and settle it."""
    query = select(TurnScore).where(TurnScore.turn_id == turn_id).order_by(col(TurnScore.id))
    return list(session.exec(query))


def own_score(session: Session, actor: Actor, turn_id: int) -> TurnScore | None:
    query = select(TurnScore).where(TurnScore.turn_id == turn_id, TurnScore.user_id == actor.user_id)
    return session.exec(query).first()


def former_score(session: Session, actor: Actor, turn: TurnRow) -> str:
    """What the actor gave in this turn before it was reopened, from the log; "" if nothing."""
    if turn.entry is None:
        return ""
    query = select(LogEntry).where(
        LogEntry.action == "turn.score",
        LogEntry.user_id == actor.user_id,
        LogEntry.entry_id == turn.entry.id,
    )
    for entry in session.exec(query.order_by(col(LogEntry.id).desc())):
        if entry.detail.get("turn") == turn.id and isinstance(entry.new, dict):
            return str(entry.new.get("points", ""))
    return ""


def words_now(session: Session, target: str, entry_ids: Sequence[int]) -> dict[int, tuple[Fraction, str]]:
    """What stands for the target on the scoring pages now: entry id -> (points, who said so)."""
    kind, _colon, key = target.partition(":")
    out: dict[int, tuple[Fraction, str]] = {}
    if kind == "figure":
        stored = (
            select(Answer, User.name)
            .join(User, col(User.id) == col(Answer.changed_by))
            .where(col(Answer.entry_id).in_(entry_ids), Answer.key == key, Answer.school_id == 0)
            .where(col(Answer.owner).not_in(OTHER_OWNERS))
        )
        for answer, name in session.exec(stored):
            if answer.value is not None:
                out[answer.entry_id] = (as_fraction(answer.value), name)
        return out
    settled = (
        select(Mark, User.name)
        .join(User, col(User.id) == col(Mark.made_by))
        .where(col(Mark.entry_id).in_(entry_ids), Mark.code == key, Mark.role == SETTLED)
    )
    for mark, name in session.exec(settled):
        if mark.points is not None:
            out[mark.entry_id] = (mark.points, name)
    return out
