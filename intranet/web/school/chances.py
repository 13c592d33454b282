"""留在桌上的分: what would still add points, with a way to each place."""

from __future__ import annotations

from flask import Response, url_for

from intranet.domain.chances import Chance, reaches
from intranet.enums import SubmissionState
from intranet.web import access
from intranet.web.forms import answer

from . import bp
from .desk import Desk, load
from .handing_in import place_url
from .overview import go_to

access.allow({"school.chances": access.SCHOOL})


@bp.get("/entries/<int:entry_id>/chances")
def chances(entry_id: int) -> Response:
    desk = load(entry_id)
    if desk.filing.entry.state == SubmissionState.SUBMITTED:
        return go_to(desk.filing.entry)
    found = reaches(desk.filing, desk.scoring, desk.filed)
    return answer(
        "school/chances.html",
        **desk.page_values(),
        found=found,
        together=sum(r.together for r in found),
        link=lambda chance: _link(desk, chance),
        overview_url=url_for("school.overview", entry_id=entry_id),
    )


def _link(desk: Desk, chance: Chance) -> str:
    return place_url(desk, chance.page, chance.at)
