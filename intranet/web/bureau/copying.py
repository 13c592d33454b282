"""复制为下一年度: one click on any cycle, and the page that says what came along and what did not."""

from __future__ import annotations

from flask import Response, request, url_for

from intranet.domain.copying import copy_cycle, report_of
from intranet.errors import DomainError, NotFound
from intranet.i18n import _
from intranet.queries.cycles import last_act
from intranet.web import access
from intranet.web.context import actor, current_time, db, ground
from intranet.web.forms import go, say

from . import bp, frame

access.allow({"bureau.cycle_copy": access.BUREAU, "bureau.cycle_copied": access.BUREAU})


@bp.post("/cycles/<int:cycle_id>/copy")
def cycle_copy(cycle_id: int) -> Response:
    source = frame.load(cycle_id)
    try:
        made = copy_cycle(
            db(),
            actor(),
            ground().registry,
            source,
            at=current_time(),
            zone=ground().settings.timezone,
            op=request.form.get("op", ""),
        )
    except DomainError as error:
        db().rollback()
        say("error", error.message)
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    return go(url_for("bureau.cycle_copied", cycle_id=made.id))


@bp.get("/cycles/<int:cycle_id>/copied")
def cycle_copied(cycle_id: int) -> Response:
    """From the log of the copy, so it can be read again as long as the cycle is there."""
    cycle = frame.load(cycle_id)
    entry = last_act(db(), cycle_id, "cycle.copy")
    report = report_of(entry.detail) if entry is not None else None
    if entry is None or report is None:
        raise NotFound(_("这个考核周期不是复制来的。"))
    return frame.page(
        "bureau/cycle_copied.html", cycle, "basics", report=report, copied_at=entry.at, by=entry.user_name
    )
