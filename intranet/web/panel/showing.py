"""展示考核, before and after the meeting: the sessions of a cycle, preparing one, its sheet to sign.

The bureau and the chair prepare; the meeting itself is ``showing_run.py`` and ``showing_score.py``.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, request, url_for

from intranet.domain import showing as room_work
from intranet.domain import showing_plan as plan_work
from intranet.domain.operations import outcome_of, remember
from intranet.domain.phases import require_review
from intranet.domain.scoring import score_entries
from intranet.domain.showing_plan import Typed
from intranet.domain.showing_scores import Room, later_word, proposed_points
from intranet.domain.showing_targets import Candidate, Target, candidates, chosen, target_of, targets_of
from intranet.errors import Conflict, DomainError, Forbidden, Invalid
from intranet.i18n import _
from intranet.models import Cycle, Showing
from intranet.queries import showing as queries
from intranet.rubric.numbers import as_text

from .. import access
from ..context import actor, current_time, db
from ..forms import answer, go, say, whole
from ..shell import cycle_bar
from . import bp
from .desk import scoring_of

PREPARERS = access.PANEL | access.BUREAU

access.allow(
    {
        f"panel.{name}": PREPARERS
        for name in ("showings", "showing_new", "showing_create", "showing", "showing_post", "showing_sheet")
    }
)


@bp.get("/cycles/<int:cycle_id>/showings")
def showings(cycle_id: int) -> Response:
    cycle = queries.cycle_of(db(), actor(), cycle_id)
    return answer("panel/showings.html", **listed(cycle))


def listed(cycle: Cycle) -> dict[str, Any]:
    """What ``panel/_showings.html`` shows, here and under the bureau's tab."""
    cycle_id = cycle.id or 0
    targets = {t.key: t for t in targets_of(scoring_of(cycle).rubric)}
    return {
        "cycle": cycle,
        "cycle_bar": cycle_bar(cycle),
        "meetings": queries.meetings_of(db(), actor(), cycle_id),
        "targets": targets,
        "usable": any(not t.why for t in targets.values()),
        "may_prepare": queries.may_prepare(actor(), cycle_id),
        "is_chair": actor().chairs(cycle_id),
        "is_member": actor().on_panel(cycle_id),
        "closed": closed(cycle),
        "home": home(cycle_id),
    }


def home(cycle_id: int) -> str:
    """Where the sessions are listed for the person who is signed in."""
    member = actor().on_panel(cycle_id)
    return url_for("panel.showings" if member else "bureau.cycle_showing", cycle_id=cycle_id)


def closed(cycle: Cycle) -> str:
    """Why no session can be held or prepared now; "" if it can."""
    try:
        require_review(cycle, settling=True)
    except DomainError as error:
        return error.message
    return ""


# --- a new session --------------------------------------------------------------------------------


@bp.get("/cycles/<int:cycle_id>/showings/new")
def showing_new(cycle_id: int) -> Response:
    cycle = _prepared(cycle_id)
    wanted = request.args.get("target", "")
    usable = [t for t in targets_of(scoring_of(cycle).rubric) if not t.why]
    target = next((t for t in usable if t.key == wanted), usable[0] if len(usable) == 1 else None)
    typed = Typed(target=target.key if target else "")
    if target is not None:
        typed.title = target.name
        typed.units = tuple(c.entry.id or 0 for c in _candidates(cycle, target) if not c.why)
    return _new_page(cycle, typed, target)


@bp.post("/cycles/<int:cycle_id>/showings")
def showing_create(cycle_id: int) -> Response:
    cycle = _prepared(cycle_id)
    op = request.form.get("op", "")
    before = outcome_of(db(), actor(), op)
    if isinstance(before, dict) and "showing" in before:
        return go(url_for("panel.showing", showing_id=before["showing"]))
    typed = _typed()
    target = target_of(scoring_of(cycle).rubric, typed.target)
    try:
        plan = plan_work.read(typed, target)
        entries = chosen(_candidates(cycle, target), typed.units)
        made = plan_work.create(db(), actor(), cycle, target, plan, entries, typed.order)
    except Invalid as error:
        return _new_page(cycle, typed, target, error=error)
    remember(db(), actor(), op, {"showing": made.id}, at=current_time())
    say("done", _("已安排“%(title)s”，%(n)s 个单位。", title=made.title, n=len(entries)))
    return go(url_for("panel.showing", showing_id=made.id))


def _prepared(cycle_id: int) -> Cycle:
    cycle = queries.cycle_of(db(), actor(), cycle_id)
    plan_work.require_preparer(actor(), cycle)
    return cycle


def _typed() -> Typed:
    form = request.form
    order = form.get("order", "")
    return Typed(
        title=form.get("title", "").strip(),
        target=form.get("target", ""),
        held_on=form.get("held_on", "").strip(),
        place=form.get("place", "").strip(),
        minutes=form.get("minutes", "").strip(),
        spread=form.get("spread", "").strip(),
        units=tuple(i for text in form.getlist("unit") if (i := whole(text)) is not None),
        order=order if order in plan_work.ORDERS else plan_work.ORDERS[0],
    )


def _candidates(cycle: Cycle, target: Target, *, but: int | None = None) -> list[Candidate]:
    scoring = scoring_of(cycle)
    sheets = score_entries(db(), cycle, scoring, queries.met_entries(db(), actor(), cycle.id or 0))
    taken = queries.taken_entries(db(), cycle.id or 0, target.key, but=but)
    return candidates(scoring.rubric, sheets, target, taken)


def _new_page(cycle: Cycle, typed: Typed, target: Target | None, *, error: Invalid | None = None) -> Response:
    found = _candidates(cycle, target) if target else []
    rubric = scoring_of(cycle).rubric
    return answer(
        "panel/showing_new.html",
        status=error.status if error else 200,
        cycle=cycle,
        cycle_bar=cycle_bar(cycle),
        rubric=rubric,
        targets=targets_of(rubric),
        target=target,
        typed=typed,
        found=found,
        groups=sorted({c.entry.group for c in found if c.entry.group and not c.why}),
        problems=error.problems if error else {},
        home=home(cycle.id or 0),
        is_member=actor().on_panel(cycle.id or 0),
        op=secrets.token_urlsafe(12),
    )


# --- one session ----------------------------------------------------------------------------------


@bp.get("/showings/<int:showing_id>")
def showing(showing_id: int) -> Response:
    room = room_of(showing_id)
    if not queries.may_prepare(actor(), room.cycle.id or 0):
        raise Forbidden(_("展示考核由教育局或考核组组长安排。"))
    return _page(room)


@bp.post("/showings/<int:showing_id>")
def showing_post(showing_id: int) -> Response:
    room = room_of(showing_id)
    here = url_for("panel.showing", showing_id=showing_id)
    op = request.form.get("op", "")
    before = outcome_of(db(), actor(), op)
    if isinstance(before, dict) and "to" in before:
        return go(before["to"])
    typed = _typed()
    try:
        to = _act(room, typed) or here
    except (Invalid, Conflict, DomainError) as error:
        if error.status in (403, 404):
            raise
        return _page(room, typed=typed if request.form.get("do") == "save" else None, error=error)
    remember(db(), actor(), op, {"to": to}, at=current_time())
    return go(to)


def _act(room: Room, typed: Typed) -> str | None:
    """What the pressed button does; the page to go to, None for the same."""
    cycle, one = room.cycle, room.showing
    version = whole(request.form.get("version", "")) or 0
    verb, _colon, place = request.form.get("do", "").partition(":")
    turn_id = whole(place) or 0
    match verb:
        case "save":
            plan_work.change(db(), actor(), cycle, one, plan_work.read(typed, room.target), version=version)
            say("done", _("已保存。"))
        case "up" | "down":
            by = -1 if verb == "up" else 1
            plan_work.move(db(), actor(), cycle, one, turn_id, by, version=version)
        case "draw":
            plan_work.draw(db(), actor(), cycle, one, version=version)
            say("done", _("已抽签，结果记入日志。"))
        case "code":
            plan_work.by_code(db(), actor(), cycle, one, version=version)
        case "drop":
            plan_work.drop_unit(db(), actor(), cycle, one, turn_id, version=version)
        case "add":
            found = _candidates(cycle, room.target)
            plan_work.add_units(db(), actor(), cycle, one, chosen(found, typed.units), version=version)
        case "delete":
            plan_work.delete(db(), actor(), cycle, one, version=version)
            say("done", _("已删除“%(title)s”。", title=one.title))
            return home(cycle.id or 0)
        case "close":
            room_work.close(db(), actor(), room, version=version, at=current_time())
            say("done", _("这一场已结束。"))
        case "open":
            room_work.reopen_session(db(), actor(), room, version=version)
            say("done", _("已重新打开。"))
        case _:
            raise Invalid(_("请选一个操作。"))
    return None


def room_of(showing_id: int) -> Room:
    """The session as the person who is signed in meets it, or NotFound."""
    one, cycle = queries.showing_for(db(), actor(), showing_id)
    rubric = scoring_of(cycle).rubric
    return Room(cycle, one, target_of(rubric, one.target), rubric)


def _page(room: Room, *, typed: Typed | None = None, error: DomainError | None = None) -> Response:
    one = room.showing
    rows = queries.rows_of(db(), actor(), one)
    waiting = [r for r in rows if r.state == "waiting"]
    free = [] if one.closed_at or closed(room.cycle) else _candidates(room.cycle, room.target)
    return answer(
        "panel/showing.html",
        status=error.status if error else 200,
        cycle=room.cycle,
        cycle_bar=cycle_bar(room.cycle),
        rubric=room.rubric,
        target=room.target,
        showing=one,
        rows=rows,
        waiting=waiting,
        begun=len(waiting) < len(rows),
        active=any(r.is_active for r in rows),
        free=[c for c in free if not c.why],
        left_out=[
            c for c in free if c.why and all(r.entry is None or r.entry.id != c.entry.id for r in rows)
        ],
        typed=typed or _stored(one),
        problems=error.problems if isinstance(error, Invalid) else {},
        error=error,
        is_chair=actor().chairs(room.cycle.id or 0),
        closed=closed(room.cycle),
        home=home(room.cycle.id or 0),
        op=secrets.token_urlsafe(12),
    )


def _stored(one: Showing) -> Typed:
    return Typed(
        title=one.title,
        target=one.target,
        held_on="" if one.held_on is None else one.held_on.isoformat(),
        place=one.place,
        minutes=str(one.minutes),
        spread=as_text(one.spread),
    )


# --- the sheet ------------------------------------------------------------------------------------


@bp.get("/showings/<int:showing_id>/sheet")
def showing_sheet(showing_id: int) -> Response:
    """Order, every score, mean and settled points, to print and sign; for bureau and chair."""
    room = room_of(showing_id)
    if not queries.may_prepare(actor(), room.cycle.id or 0):
        raise Forbidden(_("展示考核由教育局或考核组组长安排。"))
    rows = queries.rows_of(db(), actor(), room.showing)
    people = {r.user_id: r for row in rows for r in row.asked}
    now = queries.words_now(db(), room.showing.target, [r.entry.id or 0 for r in rows if r.entry])
    return answer(
        "panel/showing_sheet.html",
        cycle=room.cycle,
        cycle_bar=cycle_bar(room.cycle),
        rubric=room.rubric,
        target=room.target,
        showing=room.showing,
        rows=rows,
        reviewers=sorted(people.values(), key=lambda r: (r.name, r.user_id)),
        later={r.id: later_word(r, now) for r in rows},
        proposed={r.id: proposed_points(room, r) for r in rows},
        printed_at=current_time(),
        home=home(room.cycle.id or 0),
    )
