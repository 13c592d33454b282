"""冻结 and 排名: the check list before a freeze, the stored list, one unit's ledger, downloads."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flask import Response, request, url_for

from intranet.documents import official_form
from intranet.documents import ranking as workbook
from intranet.domain import freeze as work
from intranet.domain.recheck import recheck as recheck_stored
from intranet.domain.scoring import EntrySheet, score_entries
from intranet.domain.ties import names_of, sentence, ties_in, ties_of
from intranet.enums import CycleState, Role
from intranet.errors import DomainError, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Result
from intranet.queries import cycles as lists
from intranet.queries import explain
from intranet.queries import results as stored
from intranet.queries.explain import IndicatorCell, LedgerRow
from intranet.queries.results import Ranking, UnitLine
from intranet.rubric import forms
from intranet.rubric.numbers import most_digits
from intranet.web import access
from intranet.web.context import actor, current_time, db, ground
from intranet.web.downloads import xlsx
from intranet.web.forms import answer, go, say, wants_fragment

from . import bp, exports, frame

access.allow(
    {
        "bureau.freeze": access.BUREAU,
        "bureau.freeze_post": access.BUREAU,
        "bureau.ranking": access.BUREAU,
        "bureau.ranking_unit": access.BUREAU,
        "bureau.ranking_check": access.READERS,
        "bureau.ranking_xlsx": access.READERS,
        "bureau.ranking_form": access.READERS,
    }
)


# --- freeze --------------------------------------------------------------------------------------


def _live(cycle: Cycle) -> dict[int, EntrySheet]:
    return score_entries(
        db(), cycle, frame.scoring_of(cycle), lists.entries_of(db(), cycle.id or 0), check=True
    )


def _freeze(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    sheets, rubric = _live(cycle), frame.scoring_of(cycle).rubric
    before = stored.results_of(db(), cycle.id or 0)
    moves = []
    if len(before) > 1:
        older, newer = (stored.unit_results(db(), r.id or 0) for r in (before[1], before[0]))
        moves = work.moved(older, newer, rubric)
    rehearsal = work.rehearse(db(), cycle, frame.scoring_of(cycle), sheets)
    return frame.page(
        "bureau/freeze.html",
        cycle,
        "freeze",
        status=status,
        error=error,
        rehearsal=rehearsal,
        decimals=most_digits(r.total for r in rehearsal.results),
        before=before,
        moves=moves,
        rubric=rubric,
        tie_sentence=sentence(rubric, ties_of(cycle)),
        names={i: u.name for i, u in lists.users_by_id(db(), [r.frozen_by for r in before]).items()},
        is_current=work.is_current(db(), before[0] if before else None, sheets),
        may_freeze=cycle.state == work.FREEZING,
        entries=len(sheets),
        form=request.form,
        accepted=request.form.getlist("accepted"),
        op=request.form.get("op") or frame.new_op(),
    )


@bp.get("/cycles/<int:cycle_id>/freeze")
def freeze(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    return _freeze(cycle)


@bp.post("/cycles/<int:cycle_id>/freeze")
def freeze_post(cycle_id: int) -> Response:
    cycle, form = frame.load(cycle_id), request.form
    try:
        held = work.freeze(
            db(),
            actor(),
            cycle,
            frame.scoring_of(cycle),
            _live(cycle),
            accepted=form.getlist("accepted"),
            reason=form.get("reason", ""),
            at=current_time(),
            op=form.get("op", ""),
        )
    except DomainError as error:
        db().rollback()
        return _freeze(frame.load(cycle_id), status=error.status, error=error)
    if held.number == 1:
        say("done", _("结果已冻结。下面是排名，公示前只有教育局、局领导和督导看得到。"))
        return go(url_for("bureau.ranking", cycle_id=cycle_id))
    say("done", _("已重新冻结（第 %(n)s 次）。变动的单位列在下面。", n=held.number))
    return go(url_for("bureau.freeze", cycle_id=cycle_id))


# --- the ranking ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drill:
    """One unit opened: its indicators, and the ledger of the chosen one."""

    line: UnitLine
    cells: list[IndicatorCell]
    code: str
    ledger: list[LedgerRow]

    @property
    def chosen(self) -> IndicatorCell | None:
        return next((c for c in self.cells if c.clause.code == self.code), None)


def ranking_of(cycle: Cycle) -> Ranking | None:
    """The list that holds; None before the first freeze."""
    held = next(iter(stored.results_of(db(), cycle.id or 0)), None)
    return None if held is None else stored.ranking(db(), cycle, held, frame.scoring_of(cycle).rubric)


def drill_into(ranking: Ranking, entry_id: int, code: str) -> Drill:
    """One unit of the list; without a code, the indicator with the widest gap to the self score, else the first."""
    line = ranking.line(entry_id)
    cells = explain.indicator_cells(ranking.rubric, line)
    if not code and cells:
        code = max(cells, key=lambda c: abs(c.gap or Fraction(0))).clause.code
    return Drill(line, cells, code, explain.ledger_rows(ranking.rubric, line, code) if code else [])


def ranking_page(cycle: Cycle, *, entry_id: int | None = None) -> Response:
    """The list, with one unit opened; for the bureau in its frame, for other readers in their own."""
    ranking = ranking_of(cycle)
    drill = None
    if entry_id is not None:
        if ranking is None:
            raise NotFound(_("这个考核周期还没有冻结结果。"))
        drill = drill_into(ranking, entry_id, request.args.get("code", ""))
    is_bureau = request.blueprint == "bureau"
    unit_endpoint = "bureau.ranking_unit" if is_bureau else "leader.unit"
    if wants_fragment() and ranking is not None and entry_id is not None:
        closed = request.args.get("closed") == "1"
        values: dict[str, Any] = {
            "ranking": ranking,
            "line": ranking.line(entry_id),
            "drill": None if closed else drill,
            "names_of": names_of,
        }
        return answer("bureau/_ranking_unit.html", cycle=cycle, unit_endpoint=unit_endpoint, **values)
    return frame.page(
        "bureau/ranking.html" if is_bureau else "leader/ranking.html",
        cycle,
        "ranking",
        ranking=ranking,
        drill=drill,
        names_of=names_of,
        unit_endpoint=unit_endpoint,
        tie_sentence="" if ranking is None else sentence(ranking.rubric, ties_in(ranking.held.rules)),
        may_freeze=cycle.state == work.FREEZING,
        recheck=None,
    )


@bp.get("/cycles/<int:cycle_id>/ranking")
def ranking(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    return ranking_page(cycle)


@bp.get("/cycles/<int:cycle_id>/ranking/<int:entry_id>")
def ranking_unit(cycle_id: int, entry_id: int) -> Response:
    return ranking_page(frame.load(cycle_id), entry_id=entry_id)


def _held(cycle: Cycle) -> Result:
    held = next(iter(stored.results_of(db(), cycle.id or 0)), None)
    if held is None:
        raise NotFound(_("这个考核周期还没有冻结结果。"))
    return held


@bp.get("/cycles/<int:cycle_id>/ranking/check")
def ranking_check(cycle_id: int) -> Response:
    """Score the stored facts again; reading only."""
    cycle = frame.load(cycle_id)
    held = _held(cycle)
    recheck = recheck_stored(db(), cycle, frame.scoring_of(cycle), held)
    values: dict[str, Any] = {"recheck": recheck, "held": held, "cycle": cycle, "now": current_time()}
    if wants_fragment():
        return answer("bureau/_recheck.html", **values)
    back = "bureau.ranking" if actor().has(Role.BUREAU) else "leader.cycle"
    return answer("bureau/recheck.html", back=url_for(back, cycle_id=cycle_id), **values)


@bp.get("/cycles/<int:cycle_id>/ranking.xlsx")
def ranking_xlsx(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    _held(cycle)
    found = ranking_of(cycle)
    assert found is not None
    settings = ground().settings
    definition = frame.scoring_of(cycle).definition
    view = exports.ranking_view(found, definition, bureau=settings.bureau_name, zone=settings.timezone)
    return xlsx(workbook.write(view), _("%(title)s排名表", title=view.title))


@bp.get("/cycles/<int:cycle_id>/ranking/<int:entry_id>/forms/<key>.xlsx")
def ranking_form(cycle_id: int, entry_id: int, key: str) -> Response:
    """The notice's own form of one unit, filled from the frozen result."""
    cycle = frame.load(cycle_id)
    _held(cycle)
    found = ranking_of(cycle)
    assert found is not None
    rubric, line = found.rubric, found.line(entry_id)
    form = next((f for f in rubric.forms if f.key == key), None)
    if form is None:
        raise NotFound(_("没有这张表。"))
    source = exports.form_context(rubric, line)
    data = official_form.write(
        form,
        form.title,
        forms.rows(rubric, form, source),
        forms.foot(rubric, form, source),
        form.notes,
        unit=line.result.name,
        cycle=cycle.title,
        bureau=ground().settings.bureau_name,
        label=exports.label_for(cycle),
        places=rubric.places,
        made_at=found.held.frozen_at,
    )
    return xlsx(data, f"{line.result.name} {form.key}")
