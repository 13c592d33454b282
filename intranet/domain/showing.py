"""Running a session of the meeting room (展示考核): a turn step by step, the reviewers' scores, the chair's word.

A turn goes 等候 → 展示 → 评分 → 亮分 → 审定. One turn runs at a time. What the chair settles is written where the
scoring pages keep it (``review.save_figure``, ``review.settle``), so a later word there stands before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.log import record
from intranet.domain.marking import Given, parse_points
from intranet.domain.phases import require_review
from intranet.domain.review import MAX_REASON, require_chair, require_settling, save_figure
from intranet.domain.review import settle as settle_leaf
from intranet.domain.scoring import EntrySheet
from intranet.domain.showing_plan import require_version
from intranet.domain.showing_targets import Target
from intranet.domain.standing import leaf_of
from intranet.enums import CombineRule, TurnState
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Entry, Showing, Turn, TurnScore
from intranet.queries import review as review_queries
from intranet.queries import showing as queries
from intranet.queries.showing import ACTIVE, TurnRow
from intranet.rubric.marks import combine
from intranet.rubric.model import Rubric
from intranet.rubric.numbers import as_text, round_half_up, show

MAX_NOTE = 500


@dataclass(frozen=True)
class Room:
    """A session with what an act in it needs; loaded by the page for the acting person."""

    cycle: Cycle
    showing: Showing
    target: Target
    rubric: Rubric


def proposal(points: Sequence[Fraction], rule: CombineRule, places: int) -> Fraction | None:
    """What the cycle's rule makes of the reviewers' scores; None if there are none or the chair must decide.

    Equal scores need no rule, as on the scoring pages (``queries.facts.panel_mark``).
    """
    if not points:
        return None
    if len(set(points)) == 1:
        return points[0]
    return combine(points, rule.value, places)


def proposed_points(room: Room, row: TurnRow) -> Fraction | None:
    """:func:`proposal` for the scores on the table."""
    return proposal(row.given, room.cycle.combine, room.target.places)


@dataclass(frozen=True)
class Later:
    """A word on the scoring pages that came after what was settled here. points None: it was withdrawn."""

    points: Fraction | None
    name: str


def later_word(row: TurnRow, now: Mapping[int, tuple[Fraction, str]]) -> Later | None:
    """What stands in the place of a turn's settled points, None while they stand themselves.

    :param now: entry id -> (points, who), ``queries.words_now``.
    """
    if row.entry is None or row.points is None:
        return None
    found = now.get(row.entry.id or 0)
    if found is None:
        return Later(None, "")
    return Later(*found) if found[0] != row.points else None


def is_wide(row: TurnRow, showing: Showing) -> bool:
    """Whether the scores on the table lie further apart than the session allows."""
    return row.spread > showing.spread


# --- the chair's steps ----------------------------------------------------------------------------


def start(session: Session, actor: Actor, room: Room, turn_id: int, *, version: int, at: datetime) -> None:
    """开始展示: the clock runs. :raises DomainError: another turn is running, or the unit has not submitted."""
    turn, entry = _turn(session, actor, room, turn_id, version, TurnState.WAITING)
    require_settling(room.cycle, entry)
    if any(t.state in ACTIVE for t in queries.turns_of(session, room.showing.id or 0)):
        raise DomainError(_("上一个单位还没有审定，请先审定。"))
    turn.started_at = at
    _step(session, actor, room, turn, TurnState.PRESENTING, "turn.start")


def back(session: Session, actor: Actor, room: Room, turn_id: int, *, version: int) -> None:
    """A step back, where a button was pressed too early: scoring → presenting → waiting. Scores stay."""
    turn, _entry = _turn(session, actor, room, turn_id, version, TurnState.PRESENTING, TurnState.SCORING)
    if turn.state == TurnState.SCORING:
        _step(session, actor, room, turn, TurnState.PRESENTING, "turn.back")
        return
    turn.started_at = None
    _step(session, actor, room, turn, TurnState.WAITING, "turn.back")


def open_scoring(session: Session, actor: Actor, room: Room, turn_id: int, *, version: int) -> None:
    turn, _entry = _turn(session, actor, room, turn_id, version, TurnState.PRESENTING)
    _step(session, actor, room, turn, TurnState.SCORING, "turn.open")


def reveal(
    session: Session, actor: Actor, room: Room, turn_id: int, *, version: int, anyway: bool = False
) -> None:
    """亮分. anyway: although some have not scored yet.

    :raises DomainError: nobody has scored. :raises Invalid: some have not, and ``anyway`` is not said.
    """
    turn, _entry = _turn(session, actor, room, turn_id, version, TurnState.SCORING)
    asked, scores = _given(session, room, turn)
    if not scores:
        raise DomainError(_("还没有评委送出评分，不能亮分。"))
    missing = [r.name for r in asked if r.user_id not in {s.user_id for s in scores}]
    if missing and not anyway:
        text = _(
            "还有 %(n)s 位未评：%(names)s。不再等的，请勾选后亮分。", n=len(missing), names="、".join(missing)
        )
        raise Invalid(text, {"anyway": text})
    said = {"scores": _table(asked, scores), "missing": missing}
    _step(session, actor, room, turn, TurnState.REVEALED, "turn.reveal", said=said)


def reopen(session: Session, actor: Actor, room: Room, turn_id: int, *, version: int, reason: str) -> None:
    """重新评分: the scores are put aside (the log keeps them) and everybody scores this turn once more.

    :raises DomainError: the scores lie close together and nobody is missing. :raises Invalid: no reason.
    """
    turn, _entry = _turn(session, actor, room, turn_id, version, TurnState.REVEALED)
    asked, scores = _given(session, room, turn)
    points = [s.points for s in scores]
    missing = {r.user_id for r in asked} - {s.user_id for s in scores}
    if not missing and (not points or max(points) - min(points) <= room.showing.spread):
        limit = show(room.showing.spread)
        raise DomainError(_("分差没有超过 %(limit)s 分，不用重新评分。", limit=limit))
    if not reason.strip():
        raise Invalid(_("请写明为什么重新评分。"), {"reason": _("请写明为什么重新评分。")})
    said = _table(asked, scores)
    for score in queries.scores_of(session, turn_id):
        session.delete(score)
    _step(session, actor, room, turn, TurnState.SCORING, "turn.reopen", said=said, reason=_limited(reason))


def settle(
    session: Session,
    actor: Actor,
    room: Room,
    sheet: EntrySheet,
    turn_id: int,
    *,
    points: str,
    reason: str,
    version: int,
    at: datetime,
) -> Turn:
    """审定: the points of this turn, written where the scoring pages keep them; once more changes them.

    :param points: as typed. :param reason: needed where they are not what the cycle's rule proposes.
    :raises Invalid: not a score of this scale, or no reason.
    """
    turn, entry = _turn(session, actor, room, turn_id, version, TurnState.REVEALED, TurnState.SETTLED)
    number = read_points(points, room)
    asked, scores = _given(session, room, turn)
    proposed = proposal([s.points for s in scores], room.cycle.combine, room.target.places)
    reason = _limited(reason)
    if number != proposed and not reason:
        text = (
            _("评分不一致，请写明审定理由。")
            if proposed is None
            else _("与合成得分 %(proposed)s 不同，请写明理由。", proposed=show(proposed, 4))
        )
        raise Invalid(text, {"reason": text})
    why = _("展示考核“%(title)s”", title=room.showing.title)
    _write(session, actor, room, sheet, number, f"{why}：{reason}" if reason else why, at)
    old = None if turn.points is None else as_text(turn.points)
    turn.points, turn.reason, turn.settled_by, turn.settled_at = number, reason, actor.user_id, at
    turn.state, turn.version = TurnState.SETTLED, turn.version + 1
    session.add(turn)
    session.flush()
    record(
        session,
        actor,
        "turn.settle",
        subject=room.showing.title,
        old=old,
        new=as_text(number),
        reason=reason,
        cycle_id=room.cycle.id,
        entry_id=entry.id,
        turn=turn.id,
        proposed=None if proposed is None else as_text(proposed),
        scores=_table(asked, scores),
    )
    return turn


def _write(
    session: Session, actor: Actor, room: Room, sheet: EntrySheet, points: Fraction, reason: str, at: datetime
) -> None:
    """Into the panel's figure, or as the chair's word on the judged clause. The latest word stands."""
    entry, target = sheet.entry, room.target
    if not target.field:
        leaf = leaf_of(room.rubric, sheet, room.rubric.by[target.code], room.cycle.combine)
        version = leaf.settled.version if leaf.settled else 0
        given = Given(leaf.code, points=points, reason=reason[:MAX_REASON], version=version)
        settle_leaf(session, actor, room.cycle, room.rubric, leaf, given, at=at)
        return
    field = sheet.form.field(target.field)
    stored = review_queries.panel_answers(session, entry.id or 0, [field.key]).get(field.key)
    save_figure(
        session,
        actor,
        room.cycle,
        entry,
        field,
        as_text(points),
        version=stored.version if stored else 0,
        at=at,
    )


def close(session: Session, actor: Actor, room: Room, *, version: int, at: datetime) -> None:
    """结束这一场; units that never presented stay without a score.

    :raises DomainError: a turn is running.
    """
    require_chair(actor, room.cycle)
    require_review(room.cycle, settling=True)
    require_version(room.showing, version)
    if room.showing.closed_at is not None:
        return
    turns = queries.turns_of(session, room.showing.id or 0)
    if any(t.state in ACTIVE for t in turns):
        raise DomainError(_("还有单位没有审定，请先审定再结束。"))
    left = sum(t.state == TurnState.WAITING for t in turns)
    _shut(session, actor, room, at, "showing.close", left=left)


def reopen_session(session: Session, actor: Actor, room: Room, *, version: int) -> None:
    """重新打开 a session that was closed too early."""
    require_chair(actor, room.cycle)
    require_review(room.cycle, settling=True)
    require_version(room.showing, version)
    if room.showing.closed_at is not None:
        _shut(session, actor, room, None, "showing.open")


def _shut(
    session: Session, actor: Actor, room: Room, at: datetime | None, action: str, **detail: Any
) -> None:
    room.showing.closed_at, room.showing.version = at, room.showing.version + 1
    session.add(room.showing)
    session.flush()
    record(
        session,
        actor,
        action,
        subject=room.showing.title,
        cycle_id=room.cycle.id,
        showing=room.showing.id,
        **detail,
    )


# --- the reviewers --------------------------------------------------------------------------------


def score(
    session: Session,
    actor: Actor,
    room: Room,
    turn_id: int,
    *,
    points: str,
    note: str,
    version: int,
    at: datetime,
) -> TurnScore:
    """One reviewer's score of the turn that is being scored; once more changes it, until it is revealed.

    :param version: of the own score that is changed, 0 for the first.
    :raises NotFound: not a turn that this person scores. :raises DomainError: it is not being scored now.
    :raises Conflict: changed in another window; ``theirs`` is the stored score.
    """
    turn = session.get(Turn, turn_id)
    if turn is None or turn.showing_id != room.showing.id:
        raise NotFound(_("没有这一场展示考核，或您无权查看。"))
    asked = queries.askers_of(session, room.showing.cycle_id, [turn.entry_id])[turn.entry_id]
    if actor.user_id not in {r.user_id for r in asked}:
        raise NotFound(_("没有这一场展示考核，或您无权查看。"))
    require_review(room.cycle, settling=True)
    if room.showing.closed_at is not None or turn.state != TurnState.SCORING:
        raise DomainError(_("现在不在评分。组长开始评分后再送出，您填的还在这里。"))
    number = read_points(points, room)
    note = note.strip()
    if len(note) > MAX_NOTE:
        raise Invalid(_("备注最多 %(n)s 字。", n=MAX_NOTE), {"note": _("备注最多 %(n)s 字。", n=MAX_NOTE)})
    found = queries.own_score(session, actor, turn_id)
    if (found.version if found else 0) != version:
        raise Conflict(_("您在另一个窗口刚刚送出过评分，请看清两个分数再送。"), theirs=found)
    old = None if found is None else {"points": as_text(found.points), "note": found.note}
    new = {"points": as_text(number), "note": note}
    if found is not None and new == old:
        return found
    if found is None:
        found = TurnScore(turn_id=turn_id, user_id=actor.user_id, points=number, version=0)
    found.points, found.note, found.made_at, found.version = number, note, at, found.version + 1
    session.add(found)
    session.flush()
    record(
        session,
        actor,
        "turn.score",
        subject=room.showing.title,
        old=old,
        new=new,
        cycle_id=room.cycle.id,
        entry_id=turn.entry_id,
        turn=turn_id,
    )
    return found


def read_points(text: str, room: Room) -> Fraction:
    """A score of this session's scale.

    :raises Invalid: ``problems["points"]``: nothing, no number, outside the scale, too many decimals.
    """
    most, places = room.showing.most, room.target.places
    try:
        number = parse_points(text)
    except Invalid as error:
        raise Invalid(error.message, {"points": error.message}) from None
    if number is None or not 0 <= number <= most:
        wanted = _("请填 0 — %(most)s", most=show(most, 4))
        raise Invalid(wanted, {"points": wanted})
    if round_half_up(number, places) != number:
        wanted = _("小数最多 %(places)s 位，请改写", places=places) if places else _("请填整数")
        raise Invalid(wanted, {"points": wanted})
    return number


# --- within ---------------------------------------------------------------------------------------


def _turn(
    session: Session, actor: Actor, room: Room, turn_id: int, version: int, *states: TurnState
) -> tuple[Turn, Entry]:
    """The turn, for a chair who meets its unit, in one of these states."""
    require_chair(actor, room.cycle)
    require_review(room.cycle, settling=True)
    turn = session.get(Turn, turn_id)
    if turn is None or turn.showing_id != room.showing.id:
        raise NotFound(_("没有这一场展示考核，或您无权查看。"))
    entry, _cycle = review_queries.panel_entry_for(session, actor, turn.entry_id)
    if room.showing.closed_at is not None:
        raise DomainError(_("这一场已结束。要改请先重新打开。"))
    if turn.version != version or turn.state not in states:
        raise Conflict(_("这一步刚刚已经办过，请看现在的状态。"), theirs=turn)
    return turn, entry


def _step(
    session: Session,
    actor: Actor,
    room: Room,
    turn: Turn,
    state: TurnState,
    action: str,
    *,
    said: object = None,
    reason: str = "",
) -> None:
    old = turn.state
    turn.state, turn.version = state, turn.version + 1
    session.add(turn)
    session.flush()
    record(
        session,
        actor,
        action,
        subject=room.showing.title,
        old=old.value,
        new=state.value,
        reason=reason,
        cycle_id=room.cycle.id,
        entry_id=turn.entry_id,
        turn=turn.id,
        said=said,
    )


def _given(
    session: Session, room: Room, turn: Turn
) -> tuple[tuple[review_queries.Reviewer, ...], list[TurnScore]]:
    """Who scores this turn, and their scores. That of somebody who stays away since does not count."""
    asked = queries.askers_of(session, room.showing.cycle_id, [turn.entry_id])[turn.entry_id]
    ids = {r.user_id for r in asked}
    return asked, [s for s in queries.scores_of(session, turn.id or 0) if s.user_id in ids]


def _table(asked: Sequence[review_queries.Reviewer], scores: Sequence[TurnScore]) -> dict[str, str]:
    """The scores by name, for the log; a second person of the same name with the id."""
    out: dict[str, str] = {}
    names = {r.user_id: r.name for r in asked}
    for one in scores:
        name = names[one.user_id]
        out[f"{name}#{one.user_id}" if name in out else name] = as_text(one.points)
    return out


def _limited(reason: str) -> str:
    reason = reason.strip()
    if len(reason) > MAX_NOTE:
        raise Invalid(
            _("理由最多 %(n)s 字，请写短一些。", n=MAX_NOTE),
            {"reason": _("理由最多 %(n)s 字，请写短一些。", n=MAX_NOTE)},
        )
    return reason
