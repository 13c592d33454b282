"""假如……试算, for the bureau alone: a unit left out, another ruling, another version. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flask import Response, request, url_for

from intranet.domain import rulings, whatif
from intranet.domain.scoring import Scoring, score_entries
from intranet.domain.ties import ties_in, ties_of
from intranet.enums import CycleState
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle, Result
from intranet.queries import cycles as lists
from intranet.queries import results as stored
from intranet.rubric import ledger
from intranet.rubric.loader import Definition
from intranet.rubric.numbers import most_digits
from intranet.web import access
from intranet.web.context import db, ground, only_read
from intranet.web.forms import go

from . import bp, frame

access.allow({"bureau.whatif": access.BUREAU, "bureau.whatif_version": access.BUREAU})

LIVE, INSTALLED = "live", "installed"


@bp.get("/cycles/<int:cycle_id>/whatif", endpoint="whatif")
def whatif_page(cycle_id: int) -> Response:
    """The question stands in the address, so that it can be sent to a colleague; it changes nothing."""
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    newer = newer_of(cycle) if request.args.get("version") == INSTALLED else None
    return _page(cycle, newer)


@bp.post("/cycles/<int:cycle_id>/whatif")
def whatif_version(cycle_id: int) -> Response:
    """An uploaded rubric.toml: read, tried, forgotten."""
    only_read()
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    upload = request.files.get("file")
    try:
        if upload is None or not upload.filename:
            raise Invalid(_("请选一份 rubric.toml。"), field="file")
        data = upload.stream.read(whatif.MOST_BYTES + 1)
        _let_go()
        definition = whatif.read_definition(data, upload.filename[-80:], key=cycle.rubric_key)
    except DomainError as error:
        return _page(cycle, None, refused=error)
    return _page(cycle, definition, name=upload.filename[-80:])


def _let_go() -> None:
    """End the reading before the long work: without WAL an open read keeps others from committing."""
    db().commit()


def newer_of(cycle: Cycle) -> Definition | None:
    """The installed version, if it says anything else than the cycle's own."""
    installed = ground().registry.get(cycle.rubric_key)
    if installed is None or installed.definition.text == cycle.definition:
        return None
    return installed.definition


def _page(
    cycle: Cycle, version: Definition | None, *, name: str = "", refused: DomainError | None = None
) -> Response:
    scoring = frame.scoring_of(cycle)
    held = next(iter(stored.results_of(db(), cycle.id or 0)), None)
    is_live = held is None or request.values.get("basis") == LIVE
    entries = lists.entries_of(db(), cycle.id or 0)
    without = request.values.getlist("without")
    out = frozenset(e.code for e in entries if str(e.id) in without)
    definition = version or scoring.definition
    kept = whatif.carried_rulings(cycle.rulings, definition)[0]
    trial, question, error = None, whatif.Question(), refused
    if refused is None:
        try:
            chosen = whatif.typed_rulings(definition, kept, lambda key: request.values.get(f"ruling.{key}"))
            question = whatif.Question(out, chosen, version)
            if not question.is_empty:
                trial = _try(cycle, scoring, question, None if is_live else held)
        except DomainError as problem:
            error = problem
    return frame.page(
        "bureau/whatif.html",
        cycle,
        "freeze",
        status=200 if error is None else min(error.status, 422),  # a plugin's failure is an answer here
        trial=trial,
        decimals=0 if trial is None else most_digits(_totals(trial)),
        question=question,
        refusal=[] if error is None else whatif.refusal(error),
        held=held,
        is_live=is_live,
        entries=entries,
        out=out,
        rubric=scoring.rubric,
        settled=_choices(cycle, definition, kept),
        typed=request.values,
        version=version,
        version_name=name,
        newer=newer_of(cycle),
        shown_as=rulings.show_value,
    )


def _totals(trial: whatif.Trial) -> list[Fraction | None]:
    """Before and after, which show the same decimals all the way down."""
    return [side.total for row in trial.rows for side in (row.old, row.new) if side is not None]


def _choices(cycle: Cycle, definition: Definition, kept: Mapping[str, Any]) -> list[rulings.Settled]:
    """The rulings that a trial may answer otherwise, as they stand."""
    shown = cycle.model_copy(update={"rulings": dict(kept)})
    return [s for s in rulings.settled(shown, definition) if not s.ruling.note]


def _try(cycle: Cycle, scoring: Scoring, question: whatif.Question, held: Result | None) -> whatif.Trial:
    if held is not None:
        rows = stored.unit_results(db(), held.id or 0)
        _let_go()
        return whatif.try_out(
            scoring,
            cycle.rulings,
            [r.facts for r in rows],
            question,
            ties=ties_in(held.rules),
            stored=[ledger.result_from_json(r.document) for r in rows],
        )
    sheets = score_entries(db(), cycle, scoring, lists.entries_of(db(), cycle.id or 0))
    documents = [s.source.document for s in sheets.values()]
    _let_go()
    return whatif.try_out(scoring, cycle.rulings, documents, question, ties=ties_of(cycle))
