"""质询 from the scoring page: ask the unit about this indicator, take a question back."""

from __future__ import annotations

from flask import Response, request, url_for

from intranet.domain.inquiry import ask, withdraw
from intranet.domain.operations import outcome_of, remember
from intranet.errors import Invalid, NotFound
from intranet.i18n import _
from intranet.queries import review
from intranet.queries.inquiries import inquiry_of

from .. import access
from ..context import actor, current_time, db
from ..forms import go, say, whole
from . import bp
from .bench_page import show_page
from .desk import order
from .scoring import blind, stored_boxes

access.allow({"panel.inquiry_post": access.PANEL, "panel.inquiry_withdraw": access.PANEL})


@bp.post("/entries/<int:entry>/indicators/<code>/inquiries")
def inquiry_post(entry: int, code: str) -> Response:
    """Ask; the unit reads the question as the panel's."""
    found, cycle = review.panel_entry_for(db(), actor(), entry)
    sheet, item = blind(found, cycle, code)
    here = url_for("panel.score", entry=entry, code=code, by=order(), _anchor="inquiries")
    op, question = request.form.get("op", ""), request.form.get("question", "")
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    try:
        asked = ask(db(), actor(), cycle, found, code, question, at=current_time())
    except Invalid as error:
        boxes = stored_boxes(cycle, sheet, item)
        return show_page(
            cycle, sheet, item, boxes, status=error.status, asked=question, ask_problem=error.message
        )
    remember(db(), actor(), op, {"inquiry": asked.id}, at=current_time())
    say("done", _("已发给%(unit)s，答复后显示在这一项里。", unit=found.name))
    return go(here)


@bp.post("/entries/<int:entry>/inquiries/<int:inquiry_id>/withdraw")
def inquiry_withdraw(entry: int, inquiry_id: int) -> Response:
    _found, cycle = review.panel_entry_for(db(), actor(), entry)
    asked = inquiry_of(db(), entry, inquiry_id)
    if asked is None:
        raise NotFound(_("没有这个问题。"))
    version = whole(request.form.get("version", "")) or 0
    withdraw(db(), actor(), cycle, asked, version=version, at=current_time())
    say("done", _("已撤回，学校不再看到这个问题。"))
    return go(url_for("panel.score", entry=entry, code=asked.code, by=order(), _anchor="inquiries"))
