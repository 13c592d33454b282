"""Results for those who only read: leaders and auditors. The same stored lists, without any act."""

from __future__ import annotations

from fractions import Fraction

from flask import Blueprint, Response

from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries import explain
from intranet.queries import results as stored
from intranet.queries.entries import cycle_for
from intranet.queries.results import Ranking
from intranet.web import access
from intranet.web.bureau.exports import label_of
from intranet.web.bureau.results import ranking_of, ranking_page
from intranet.web.context import actor, db
from intranet.web.forms import answer
from intranet.web.shell import cycle_bar, waiting

bp = Blueprint("leader", __name__, url_prefix="/leader")

access.allow({f"leader.{name}": access.READERS for name in ("index", "cycle", "ranking", "unit")})


@bp.get("")
def index() -> Response:
    rows = [
        (cycle, held, cycle.state in stored.PUBLIC) for cycle, held in stored.readable_cycles(db(), actor())
    ]
    todos = [t for t in waiting() if t.endpoint.startswith("leader.")]
    return answer("leader/index.html", rows=rows, todos=todos)


def _load(cycle_id: int) -> tuple[Cycle, Ranking]:
    cycle = cycle_for(db(), actor(), cycle_id)
    ranking = ranking_of(cycle)
    if ranking is None:
        raise NotFound(_("这个考核周期还没有冻结结果。"))
    return cycle, ranking


@bp.get("/cycles/<int:cycle_id>")
def cycle(cycle_id: int) -> Response:
    """The result on one sheet."""
    found, ranking = _load(cycle_id)
    totals = [line.result.total for line in ranking.lines if line.result.total is not None]
    return answer(
        "leader/cycle.html",
        cycle=found,
        cycle_bar=cycle_bar(found),
        ranking=ranking,
        label=label_of(found.state),
        mean=sum(totals, Fraction(0)) / len(totals) if totals else None,
        rates=explain.dimension_rates(ranking),
        weakest=explain.weakest(ranking)[:5],
        gaps=explain.widest_gaps(ranking)[:5],
    )


@bp.get("/cycles/<int:cycle_id>/ranking")
def ranking(cycle_id: int) -> Response:
    return ranking_page(_load(cycle_id)[0])


@bp.get("/cycles/<int:cycle_id>/ranking/<int:entry_id>")
def unit(cycle_id: int, entry_id: int) -> Response:
    return ranking_page(_load(cycle_id)[0], entry_id=entry_id)
