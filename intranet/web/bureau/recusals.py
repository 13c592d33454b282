"""考核组 → 回避: who has declared, who stays away from which unit, adding and lifting recusals."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request, url_for

from intranet.domain import recusal as work
from intranet.domain.operations import outcome_of, remember
from intranet.enums import RecusalKind
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries import cycles as lists
from intranet.queries import recusals as stored
from intranet.web import access
from intranet.web.context import actor, current_time, db
from intranet.web.forms import go, say, whole

from . import bp, frame

access.allow({f"bureau.{name}": access.BUREAU for name in ("recusals", "recusal_add", "recusal_lift")})


@dataclass(frozen=True)
class Typed:
    """The form of a new recusal. dropping: how many marks it was said that would be dropped."""

    user: int = 0
    entry: int = 0
    kind: str = RecusalKind.OTHER.value
    note: str = ""
    dropping: int = 0


def _typed() -> Typed:
    form = request.form if request.method == "POST" else request.args
    return Typed(
        whole(form.get("user", "")) or 0,
        whole(form.get("entry", "")) or 0,
        form.get("kind", RecusalKind.OTHER.value),
        form.get("note", "").strip(),
        whole(form.get("dropping", "")) or 0,
    )


@bp.get("/cycles/<int:cycle_id>/recusals")
def recusals(cycle_id: int) -> Response:
    return _page(frame.load(cycle_id), _typed())


@bp.post("/cycles/<int:cycle_id>/recusals")
def recusal_add(cycle_id: int) -> Response:
    cycle, typed, op = frame.load(cycle_id), _typed(), request.form.get("op", "")
    here = url_for("bureau.recusals", cycle_id=cycle_id)
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    try:
        choice = work.Choice(typed.entry, _kind(typed.kind), typed.note)
        work.add(db(), actor(), cycle, typed.user, choice, dropping=typed.dropping, at=current_time())
    except Conflict as error:
        db().rollback()
        return _page(cycle, typed, marks=error.theirs if isinstance(error.theirs, int) else 0)
    except DomainError as error:
        db().rollback()
        return _page(cycle, typed, error=error, status=error.status)
    remember(db(), actor(), op, {"recused": typed.entry}, at=current_time())
    said = _("已登记回避，%(n)s 个评分不再计入。", n=typed.dropping) if typed.dropping else _("已登记回避。")
    figures = stored.figures_by(db(), [typed.entry]).get((typed.user, typed.entry), 0)
    if figures and cycle.state in work.MARKING:
        said += _("填写的 %(n)s 项考核组得分要由另一位组长重新填写。", n=figures)
    say("done", said)
    return go(here)


def _kind(text: str) -> RecusalKind:
    try:
        return RecusalKind(text)
    except ValueError as error:
        raise Invalid(_("请选择回避的原因。"), field="kind") from error


@bp.post("/cycles/<int:cycle_id>/recusals/<int:recusal_id>/lift")
def recusal_lift(cycle_id: int, recusal_id: int) -> Response:
    cycle = frame.load(cycle_id)
    recusal = stored.recusal_for(db(), cycle_id, recusal_id)
    try:
        work.lift(db(), actor(), cycle, recusal, request.form.get("reason", ""), at=current_time())
    except DomainError as error:
        db().rollback()
        return _page(cycle, Typed(), error=error, status=error.status)
    say("done", _("已解除回避。"))
    return go(url_for("bureau.recusals", cycle_id=cycle_id))


def _page(
    cycle: Cycle,
    typed: Typed,
    *,
    marks: int | None = None,
    error: DomainError | None = None,
    status: int = 200,
) -> Response:
    """marks: how many would be dropped, asked before it is done; None while nothing is asked."""
    cycle_id = cycle.id or 0
    members = stored.members_of(db(), cycle_id)
    no_reviewer, no_chair = stored.uncovered(db(), cycle_id, members)
    return frame.page(
        "bureau/recusals.html",
        cycle,
        "panel",
        status=status,
        error=error,
        members=members,
        entries=lists.entries_of(db(), cycle_id),
        undeclared=sum(m.declared_at is None for m in members),
        no_reviewer=no_reviewer,
        no_chair=no_chair,
        typed=typed,
        marks=marks,
        figures=stored.figures_by(db(), [typed.entry]).get((typed.user, typed.entry), 0) if marks else 0,
        kinds=[(kind.value, work.kind_name(kind)) for kind in RecusalKind],
        kind_names={kind: work.kind_name(kind) for kind in RecusalKind},
        is_open=cycle.state in work.OPEN,
        may_drop=cycle.state in work.MARKING,
        op=frame.new_op(),
    )
