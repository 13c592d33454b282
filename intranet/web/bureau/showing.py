"""展示考核 under the cycle's tabs: its sessions. Preparing one is the panel's page, for both (``panel.showing``)."""

from __future__ import annotations

from flask import Response, url_for

from intranet.enums import CycleState
from intranet.web import access
from intranet.web.forms import go
from intranet.web.panel.showing import listed

from . import bp, frame

access.allow({"bureau.cycle_showing": access.BUREAU})


@bp.get("/cycles/<int:cycle_id>/showing")
def cycle_showing(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    values = {k: v for k, v in listed(cycle).items() if k not in ("cycle", "cycle_bar")}
    return frame.page("bureau/showing.html", cycle, "showing", **values)
