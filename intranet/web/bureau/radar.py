"""查重: what was filed more than once, for the bureau."""

from __future__ import annotations

from flask import Response, url_for

from intranet.domain import radar as finder
from intranet.enums import CycleState
from intranet.web import access
from intranet.web.context import db
from intranet.web.forms import go

from . import bp, frame

access.allow({"bureau.radar": access.BUREAU})


@bp.get("/cycles/<int:cycle_id>/radar")
def radar(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    rubric = frame.scoring_of(cycle).rubric
    finds = finder.find(db(), cycle, rubric, None)
    return frame.page("bureau/radar.html", cycle, "radar", finds=finds, rubric=rubric)
