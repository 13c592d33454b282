"""回避申报: whom a panel member stays away from, said before anything of a cycle is shown.

The queries hold back everything until then; here a page is only led to the right place.
"""

from __future__ import annotations

import secrets

from flask import Response, request, url_for

from intranet.domain import recusal as work
from intranet.domain.operations import outcome_of, remember
from intranet.enums import RecusalKind
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import recusals, review

from .. import access
from ..context import actor, current_time, db
from ..errors import page
from ..forms import answer, go, next_url, say
from ..shell import cycle_bar
from . import bp
from .desk import home_of

access.allow({"panel.declare": access.PANEL, "panel.declare_post": access.PANEL})


@bp.before_request
def lead_to_declaration() -> Response | None:
    """A page of one unit, asked for before the declaration, leads to it: the unit itself is NotFound then."""
    values = request.view_args or {}
    if request.method != "GET" or "entry" not in values:
        return None
    entry = db().get(Entry, values["entry"])
    if entry is None or entry.cycle_id in review.declared_cycles(db(), actor()):
        return None
    if all(c.id != entry.cycle_id for c in review.panel_cycles(db(), actor())):
        return None  # not this panel's: the page itself answers NotFound
    return _to_declaration(entry.cycle_id)


@bp.errorhandler(review.NotDeclared)
def not_declared(error: review.NotDeclared) -> Response:
    """A page of a cycle, asked for before the declaration, leads to it; an act is refused."""
    if request.method == "GET":
        return _to_declaration(error.cycle_id)
    db().rollback()
    return page(error.status, _("先申报回避"), error.message)


def _to_declaration(cycle_id: int) -> Response:
    return go(url_for("panel.declare", cycle_id=cycle_id, next=request.full_path.rstrip("?")))


@bp.get("/cycles/<int:cycle_id>/declare")
def declare(cycle_id: int) -> Response:
    return _page(review.panel_cycle_for(db(), actor(), cycle_id, declared=False))


@bp.post("/cycles/<int:cycle_id>/declare")
def declare_post(cycle_id: int) -> Response:
    cycle = review.panel_cycle_for(db(), actor(), cycle_id, declared=False)
    onward = next_url(home_of(cycle))
    op = request.form.get("op", "")
    if outcome_of(db(), actor(), op) is not None:
        return go(onward)
    try:
        choices = _choices(cycle)
        work.declare(db(), actor(), cycle, choices, nobody="nobody" in request.form, at=current_time())
    except DomainError as error:
        db().rollback()
        return _page(cycle, error=error, status=error.status)
    remember(db(), actor(), op, {"declared": cycle_id}, at=current_time())
    say("done", _("已申报。要补充或更正，请联系教育局管理员。"))
    return go(onward)


def _choices(cycle: Cycle) -> list[work.Choice]:
    """The form's choice for each unit: ``kind.<entry id>``, ``note.<entry id>``."""
    out = []
    for unit in recusals.units_to_declare(db(), actor(), cycle):
        entry_id = unit.entry.id or 0
        text = request.form.get(f"kind.{entry_id}", "")
        note = request.form.get(f"note.{entry_id}", "").strip()
        if not text:
            if note:
                problem = _("填了说明，请同时选回避的原因。")
                raise Invalid(problem, {f"note.{entry_id}": problem})
            continue
        try:
            kind = RecusalKind(text)
        except ValueError as error:
            problem = _("请选择回避的原因。")
            raise Invalid(problem, {f"note.{entry_id}": problem}) from error
        out.append(work.Choice(entry_id, kind, note))
    return out


def _page(cycle: Cycle, *, error: DomainError | None = None, status: int = 200) -> Response:
    declared = recusals.declaration_of(db(), cycle.id or 0, actor().user_id)
    return answer(
        "panel/declare.html",
        status=status,
        cycle=cycle,
        cycle_bar=cycle_bar(cycle),
        declared=declared,
        is_over=cycle.state not in work.OPEN,
        units=recusals.units_to_declare(db(), actor(), cycle),
        kinds=[(kind.value, work.kind_name(kind)) for kind in RecusalKind],
        form=request.form,
        error=error,
        problems=error.problems if isinstance(error, Invalid) else {},
        next=next_url(""),
        op=secrets.token_urlsafe(12),
    )
