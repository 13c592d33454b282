"""Results for those who only read: leaders and auditors. The same stored lists, without any act."""

from __future__ import annotations

from flask import Blueprint, Response, request

from intranet.domain.scoring import scoring_for
from intranet.domain.ties import sentence, ties_in
from intranet.enums import CycleState
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries import comparisons, explain
from intranet.queries.cycles import cycle_rows
from intranet.queries.entries import cycle_for
from intranet.queries.results import PUBLIC, Ranking, readable_cycles
from intranet.web import access
from intranet.web.bureau.exports import label_of
from intranet.web.bureau.results import ranking_of, ranking_page
from intranet.web.charts import board
from intranet.web.context import actor, db, ground
from intranet.web.forms import answer, whole
from intranet.web.shell import cycle_bar, waiting

bp = Blueprint("leader", __name__, url_prefix="/leader")

access.allow({f"leader.{name}": access.READERS for name in ("index", "cycle", "charts", "ranking", "unit")})


@bp.get("")
def index() -> Response:
    """Results, and what is under way. A practice cycle is on neither list."""
    running = [
        row
        for row in cycle_rows(db(), actor())
        if not row.result and not row.cycle.practice and row.cycle.state != CycleState.DRAFT
    ]
    return answer(
        "leader/index.html",
        rows=readable_cycles(db(), actor()),
        running=running,
        public=PUBLIC,
        todos=[t for t in waiting() if t.endpoint.startswith("leader.")],
    )


def _load(cycle_id: int) -> tuple[Cycle, Ranking]:
    cycle = cycle_for(db(), actor(), cycle_id)
    ranking = ranking_of(cycle)
    if ranking is None:
        raise NotFound(_("这个考核周期还没有冻结结果。"))
    return cycle, ranking


@bp.get("/cycles/<int:cycle_id>")
def cycle(cycle_id: int) -> Response:
    """The result on one sheet; before there is one, how far the cycle is."""
    found = cycle_for(db(), actor(), cycle_id)
    ranking = ranking_of(found)
    if ranking is None:
        return _progress(found)
    changes = [line.total_change for line in ranking.lines]
    return answer(
        "leader/cycle.html",
        cycle=found,
        cycle_bar=cycle_bar(found),
        ranking=ranking,
        label=label_of(found.state),
        tie_sentence=sentence(ranking.rubric, ties_in(ranking.held.rules)),
        mean=comparisons.mean([line.result.total for line in ranking.lines]),
        change=None if found.practice else comparisons.mean(changes),
        grades=explain.grades(ranking),
        rates=explain.dimension_rates(ranking),
        weakest=explain.weakest(ranking)[:5],
        gaps=explain.widest_gaps(ranking)[:5],
    )


def _progress(found: Cycle) -> Response:
    if found.state == CycleState.DRAFT:
        raise NotFound(_("这个考核周期还没有开启。"))
    return answer(
        "leader/progress.html",
        cycle=found,
        cycle_bar=cycle_bar(found),
        progress=comparisons.progress(db(), found),
        unit_word=scoring_for(found, ground().registry).rubric.terms.unit,
    )


@bp.get("/cycles/<int:cycle_id>/charts")
def charts(cycle_id: int) -> Response:
    """Comparisons: every chart with its numbers as a table."""
    found, ranking = _load(cycle_id)
    shown = board(ranking, group=request.args.get("group", ""), unit=whole(request.args.get("unit", "")))
    return answer(
        "leader/charts.html",
        cycle=found,
        cycle_bar=cycle_bar(found),
        ranking=ranking,
        board=shown,
        history=comparisons.history(db(), found, shown.lines),
    )


@bp.get("/cycles/<int:cycle_id>/ranking")
def ranking(cycle_id: int) -> Response:
    return ranking_page(_load(cycle_id)[0])


@bp.get("/cycles/<int:cycle_id>/ranking/<int:entry_id>")
def unit(cycle_id: int, entry_id: int) -> Response:
    return ranking_page(_load(cycle_id)[0], entry_id=entry_id)
