"""Running a session of the meeting room (展示考核): a turn step by step, up to the chair's word.

A turn goes 等候 → 展示 → 评分 → 亮分 → 审定; one runs at a time. The reviewers' scores are ``showing_scores.py``. What
the chair settles is written where the scoring pages keep it (``review.save_figure``, ``review.settle``), so a later
word there stands before it.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.log import record
from intranet.domain.marking import Given
from intranet.domain.phases import require_review
from intranet.domain.review import MAX_REASON, require_chair, require_settling, save_figure
from intranet.domain.review import settle as settle_leaf
from intranet.domain.scoring import EntrySheet, returned_clauses
from intranet.domain.showing_plan import require_version
from intranet.domain.showing_scores import MAX_NOTE, Room, by_name, given_in, proposal, read_points
from intranet.domain.standing import leaf_of
from intranet.enums import TurnState
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Entry, Turn
from intranet.queries import review as review_queries
from intranet.queries import showing as queries
from intranet.queries.showing import ACTIVE
from intranet.rubric.numbers import as_text, show

# --- the chair's steps ----------------------------------------------------------------------------


def start(session: Session, actor: Actor, room: Room, turn_id: int, *, version: int, at: datetime) -> None:
    """开始展示: the clock runs. :raises DomainError: another turn is running, or not handed in."""
    turn, entry = _turn(session, actor, room, turn_id, version, TurnState.WAITING)
    returned = returned_clauses(session, room.rubric, [entry])
    require_settling(room.cycle, entry, room.target.code in returned.get(entry.id or 0, ()))
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
    asked, scores = given_in(session, room, turn)
    if not scores:
        raise DomainError(_("还没有评委送出评分，不能亮分。"))
    missing = [r.name for r in asked if r.user_id not in {s.user_id for s in scores}]
    if missing and not anyway:
        text = _(
            "还有 %(n)s 位未评：%(names)s。不再等的，请勾选后亮分。", n=len(missing), names="、".join(missing)
        )
        raise Invalid(text, {"anyway": text})
    said = {"scores": by_name(asked, scores), "missing": missing}
    _step(session, actor, room, turn, TurnState.REVEALED, "turn.reveal", said=said)


def reopen(session: Session, actor: Actor, room: Room, turn_id: int, *, version: int, reason: str) -> None:
    """重新评分: the scores are put aside (the log keeps them) and everybody scores this turn once more.

    :raises DomainError: the scores lie close together and nobody is missing. :raises Invalid: no reason.
    """
    turn, _entry = _turn(session, actor, room, turn_id, version, TurnState.REVEALED)
    asked, scores = given_in(session, room, turn)
    points = [s.points for s in scores]
    missing = {r.user_id for r in asked} - {s.user_id for s in scores}
    if not missing and (not points or max(points) - min(points) <= room.showing.spread):
        limit = show(room.showing.spread)
        raise DomainError(_("分差没有超过 %(limit)s 分，不用重新评分。", limit=limit))
    if not reason.strip():
        raise Invalid(_("请写明为什么重新评分。"), {"reason": _("请写明为什么重新评分。")})
    said = by_name(asked, scores)
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
    asked, scores = given_in(session, room, turn)
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
        scores=by_name(asked, scores),
    )
    return turn


def _write(
    session: Session, actor: Actor, room: Room, sheet: EntrySheet, points: Fraction, reason: str, at: datetime
) -> None:
    """Into the panel's figure, or as the chair's word on the judged clause. The latest word stands."""
    target = room.target
    if not target.field:
        leaf = leaf_of(room.rubric, sheet, room.rubric.by[target.code], room.cycle.combine)
        version = leaf.settled.version if leaf.settled else 0
        given = Given(leaf.code, points=points, reason=reason[:MAX_REASON], version=version)
        settle_leaf(session, actor, room.cycle, room.rubric, leaf, given, at=at)
        return
    field = sheet.form.field(target.field)
    stored = review_queries.panel_answers(session, sheet.entry.id or 0, [field.key]).get(field.key)
    save_figure(
        session,
        actor,
        room.cycle,
        sheet,
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


def _limited(reason: str) -> str:
    reason = reason.strip()
    if len(reason) > MAX_NOTE:
        raise Invalid(
            _("理由最多 %(n)s 字，请写短一些。", n=MAX_NOTE),
            {"reason": _("理由最多 %(n)s 字，请写短一些。", n=MAX_NOTE)},
        )
    return reason
