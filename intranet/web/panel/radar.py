"""查重: what was filed more than once, among the units that the reviewer meets."""

from __future__ import annotations

from flask import Response

from intranet.domain import radar as finder
from intranet.queries import review

from .. import access
from ..context import actor, db
from ..forms import answer
from ..shell import cycle_bar
from . import bp
from .desk import scoring_of

access.allow({"panel.radar": access.PANEL})


@bp.get("/cycles/<int:cycle_id>/radar")
def radar(cycle_id: int) -> Response:
    cycle = review.panel_cycle_for(db(), actor(), cycle_id)
    rubric = scoring_of(cycle).rubric
    units = {e.unit_id for e in review.panel_entries(db(), actor(), cycle_id)}
    finds = finder.find(db(), cycle, rubric, units)
    return answer("panel/radar.html", cycle=cycle, cycle_bar=cycle_bar(cycle), finds=finds, rubric=rubric)
