"""展示考核 on the chair's screen (projector): the turn step by step, and what has changed since it was drawn.

The reviewers' tablets are ``showing_score.py``. A screen asks every two seconds with what it shows (``seen``);
without news the answer is 204, so that nothing that is being typed is replaced.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Response, make_response, request, url_for

from intranet.domain import showing as work
from intranet.domain.operations import outcome_of, remember
from intranet.domain.review import require_chair
from intranet.domain.scoring import score_entry
from intranet.domain.showing_scores import Room, is_wide, later_word, proposed_points
from intranet.enums import TurnState
from intranet.errors import DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.queries import review
from intranet.queries import showing as queries
from intranet.queries.showing import TurnRow
from intranet.rubric.numbers import as_text

from .. import access
from ..context import actor, current_time, db
from ..forms import answer, go, say, whole
from . import bp
from .desk import scoring_of
from .showing import closed, room_of

access.allow({f"panel.showing_{name}": access.PANEL for name in ("run", "run_live", "run_post")})


@dataclass
class Words:
    """What the chair typed into a step's form, with what is wrong with it."""

    points: str = ""
    reason: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    error: str = ""


@bp.get("/showings/<int:showing_id>/run")
def showing_run(showing_id: int) -> Response:
    room = _chairs_room(showing_id)
    return _screen(room, whole(request.args.get("turn", "")))


@bp.get("/showings/<int:showing_id>/run/live")
def showing_run_live(showing_id: int) -> Response:
    room = _chairs_room(showing_id)
    rows = queries.rows_of(db(), actor(), room.showing)
    if request.args.get("seen", "") == _seen(room, rows):
        return make_response("", 204)
    return _screen(room, whole(request.args.get("turn", "")), fragment=True)


@bp.post("/showings/<int:showing_id>/run")
def showing_run_post(showing_id: int) -> Response:
    room = _chairs_room(showing_id)
    op = request.form.get("op", "")
    turn_id = whole(request.form.get("turn", "")) or 0
    here = url_for("panel.showing_run", showing_id=showing_id, turn=turn_id)
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    words = Words(request.form.get("points", "").strip(), request.form.get("reason", "").strip())
    try:
        _step(room, turn_id, words)
    except DomainError as error:
        if error.status in (403, 404):
            raise
        words.error = error.message
        words.problems = error.problems if isinstance(error, Invalid) else {}
        return _screen(room, turn_id, words=words, status=error.status)
    remember(db(), actor(), op, {"turn": turn_id}, at=current_time())
    return go(here)


def _chairs_room(showing_id: int) -> Room:
    room = room_of(showing_id)
    require_chair(actor(), room.cycle)
    return room


def _step(room: Room, turn_id: int, words: Words) -> None:
    version = whole(request.form.get("version", "")) or 0
    match request.form.get("do", ""):
        case "start":
            work.start(db(), actor(), room, turn_id, version=version, at=current_time())
        case "back":
            work.back(db(), actor(), room, turn_id, version=version)
        case "open":
            work.open_scoring(db(), actor(), room, turn_id, version=version)
        case "reveal":
            anyway = "anyway" in request.form
            work.reveal(db(), actor(), room, turn_id, version=version, anyway=anyway)
        case "reopen":
            work.reopen(db(), actor(), room, turn_id, version=version, reason=words.reason)
        case "settle":
            _settle(room, turn_id, words, version)
        case _:
            raise Invalid(_("请选一个操作。"))


def _settle(room: Room, turn_id: int, words: Words, version: int) -> None:
    row = next((r for r in queries.rows_of(db(), actor(), room.showing) if r.id == turn_id), None)
    if row is None or row.entry is None:
        raise NotFound(_("没有这一场展示考核，或您无权查看。"))
    entry, cycle = review.panel_entry_for(db(), actor(), row.entry.id or 0)
    sheet = score_entry(db(), cycle, scoring_of(cycle), entry)
    work.settle(
        db(),
        actor(),
        room,
        sheet,
        turn_id,
        points=words.points,
        reason=words.reason,
        version=version,
        at=current_time(),
    )
    say("done", _("已审定。"))


def current_turn(rows: list[TurnRow], wanted: int | None = None) -> TurnRow | None:
    """The turn on the screen: the one that runs, else the wanted one, else the next to begin."""
    met = [r for r in rows if r.entry is not None]
    running = next((r for r in met if r.is_active), None)
    asked_for = next((r for r in met if r.id == wanted), None)
    waiting = next((r for r in met if r.state == TurnState.WAITING), None)
    return running or asked_for or waiting


def _seen(room: Room, rows: list[TurnRow]) -> str:
    """What a screen shows, in short: it is drawn anew when this changes."""
    parts = [f"{room.showing.version}"]
    parts += [f"{r.id}{r.state.value[:2]}{r.version}x{len(r.scored)}o{len(r.asked)}" for r in rows]
    return "-".join(parts)


def _screen(
    room: Room,
    wanted: int | None,
    *,
    words: Words | None = None,
    status: int = 200,
    fragment: bool = False,
) -> Response:
    rows = queries.rows_of(db(), actor(), room.showing)
    turn = current_turn(rows, wanted)
    proposed = proposed_points(room, turn) if turn else None
    now = queries.words_now(db(), room.showing.target, [r.entry.id or 0 for r in rows if r.entry])
    if words is None:
        start = turn.points if turn and turn.points is not None else proposed
        words = Words("" if start is None else as_text(start), turn.reason if turn else "")
    return answer(
        "panel/_showing_run.html" if fragment else "panel/showing_run.html",
        status=status,
        cycle=room.cycle,
        room=room,
        showing=room.showing,
        target=room.target,
        rows=rows,
        turn=turn,
        following=next((r for r in rows if r.entry and r.state == TurnState.WAITING and r is not turn), None),
        hidden_runs=any(r.entry is None and r.is_active for r in rows),
        proposed=proposed,
        wide=bool(turn and is_wide(turn, room.showing)),
        later={r.id: later_word(r, now) for r in rows},
        until=until_of(room, turn),
        clock=current_time(),
        words=words,
        closed=closed(room.cycle),
        seen=_seen(room, rows),
        done=sum(r.state == TurnState.SETTLED for r in rows if r.entry),
        total=sum(r.entry is not None for r in rows),
        op=secrets.token_urlsafe(12),
    )


def until_of(room: Room, turn: TurnRow | None) -> object:
    """When the time of the presenting unit is up, by the server's clock."""
    if turn is None or turn.started_at is None:
        return None
    return turn.started_at + timedelta(minutes=room.showing.minutes)
