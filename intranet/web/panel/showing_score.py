"""展示考核 on a reviewer's tablet or phone: one box for the turn that is being scored.

The chair's screen is ``showing_run.py``; both ask for news in the same way.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from flask import Response, make_response, request, url_for

from intranet.domain.operations import outcome_of, remember
from intranet.domain.showing_scores import Room, score
from intranet.enums import TurnState
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.models import Showing, TurnScore
from intranet.queries import showing as queries
from intranet.queries.showing import Pulse, TurnRow
from intranet.rubric.numbers import as_text

from .. import access
from ..context import actor, current_time, db
from ..forms import answer, go, wants_fragment, whole
from ..shell import cycle_bar
from . import bp
from .showing import closed, home, room_of
from .showing_run import until_of

access.allow({f"panel.showing_{name}": access.PANEL for name in ("score", "score_live", "score_post")})


@dataclass
class Box:
    """The boxes of a reviewer's score, as text. own: what is stored; former: before scoring was reopened."""

    points: str = ""
    note: str = ""
    version: int = 0
    own: TurnScore | None = None
    former: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    error: str = ""
    theirs: TurnScore | None = None


@bp.get("/showings/<int:showing_id>/score")
def showing_score(showing_id: int) -> Response:
    return _tablet(room_of(showing_id))


@bp.get("/showings/<int:showing_id>/score/live")
def showing_score_live(showing_id: int) -> Response:
    one, _cycle = queries.showing_for(db(), actor(), showing_id)
    if request.args.get("seen", "") == _met(one, queries.pulse_of(db(), actor(), one)):
        return make_response("", 204)
    return _tablet(room_of(showing_id), fragment=True)


@bp.post("/showings/<int:showing_id>/turns/<int:turn_id>")
def showing_score_post(showing_id: int, turn_id: int) -> Response:
    room = room_of(showing_id)
    here = url_for("panel.showing_score", showing_id=showing_id)
    op = request.form.get("op", "")
    if outcome_of(db(), actor(), op) is not None:
        return _tablet(room, fragment=True) if wants_fragment() else go(here)
    version = whole(request.form.get("version", "")) or 0
    box = Box(request.form.get("points", "").strip(), request.form.get("note", "").strip(), version)
    try:
        score(
            db(),
            actor(),
            room,
            turn_id,
            points=box.points,
            note=box.note,
            version=version,
            at=current_time(),
        )
    except NotFound:
        raise
    except DomainError as error:
        box.error = error.message
        box.problems = error.problems if isinstance(error, Invalid) else {}
        if isinstance(error, Conflict) and isinstance(error.theirs, TurnScore):
            box.theirs, box.version = error.theirs, error.theirs.version
        return _tablet(room, box=box, status=error.status, fragment=wants_fragment())
    remember(db(), actor(), op, {"turn": turn_id}, at=current_time())
    return _tablet(room, fragment=True) if wants_fragment() else go(here)


def _met(one: Showing, pulse: Pulse) -> str:
    """What a tablet shows, in short; the own score is not in it, so that sending it redraws nothing else."""
    state = f"{'c' if one.closed_at else 'o'}{pulse.settled}"
    if pulse.running is None:
        return f"{state}w"
    if not pulse.met:
        return f"{state}away"
    return f"{state}t{pulse.running.id}{pulse.running.state.value[:2]}{pulse.running.version}"


def _tablet(room: Room, *, box: Box | None = None, status: int = 200, fragment: bool = False) -> Response:
    rows = queries.rows_of(db(), actor(), room.showing)
    running = next((r for r in rows if r.is_active), None)
    turn = running if running and running.entry else None
    last = max(
        (r for r in rows if r.entry and r.settled_at is not None),
        key=lambda r: (r.settled_at is not None and r.settled_at.timestamp(), r.number),
        default=None,
    )
    asked = turn is not None and actor().user_id in {r.user_id for r in turn.asked}
    return answer(
        "panel/_showing_score.html" if fragment else "panel/showing_score.html",
        status=status,
        cycle=room.cycle,
        cycle_bar=cycle_bar(room.cycle),
        room=room,
        showing=room.showing,
        target=room.target,
        turn=turn,
        away=running is not None and running.entry is None,
        asked=asked,
        last=last,
        box=box or (_box(turn) if turn else Box()),
        until=until_of(room, turn),
        clock=current_time(),
        closed=closed(room.cycle),
        seen=_met(room.showing, queries.pulse_of(db(), actor(), room.showing)),
        home=home(room.cycle.id or 0),
        op=secrets.token_urlsafe(12),
    )


def _box(turn: TurnRow) -> Box:
    own = turn.scores.get(actor().user_id)
    if own is not None:
        return Box(as_text(own.points), own.note, own.version, own)
    former = queries.former_score(db(), actor(), turn) if turn.state == TurnState.SCORING else ""
    return Box(former, former=former)
