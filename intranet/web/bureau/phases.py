"""Opening a cycle, and its phases: what speaks against the next step, the step, one step back."""

from __future__ import annotations

from flask import Response, request, url_for

from intranet.domain import cycles as work
from intranet.domain import lifecycle
from intranet.domain.appeal_freeze import final_checks
from intranet.domain.archiving import closing_checks
from intranet.domain.freeze import is_current
from intranet.domain.phases import phase_name
from intranet.domain.scoring import score_entries
from intranet.domain.ties import sentence, ties_of
from intranet.enums import CycleState
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries import cycles as lists
from intranet.queries.publication import publications_of
from intranet.queries.results import results_of
from intranet.web import access
from intranet.web.context import actor, current_time, db, ground
from intranet.web.forms import go, say

from . import bp, frame

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in ("cycle_open", "cycle_open_post", "cycle_phase", "cycle_advance", "cycle_back")
    }
)


# --- opening -------------------------------------------------------------------------------------


def _preview(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    definition = work.definition_of(cycle, ground().registry)
    rubric = definition.bind(cycle.rulings)
    return frame.page(
        "bureau/cycle_open.html",
        cycle,
        "open",
        status=status,
        error=error,
        checks=frame.missing(cycle),
        rubric=rubric,
        definition=definition,
        fingerprint=definition.fingerprint(cycle.rulings),
        entries=lists.entries_of(db(), cycle.id or 0),
        seats=[s for s in lists.seats(db(), cycle.id or 0) if s.is_chair or s.is_reviewer],
        combine_name=work.combine_name(cycle.combine),
        tie_sentence=sentence(rubric, ties_of(cycle)),
        consequences=lifecycle.consequences(CycleState.FILING),
        leaves=sum(1 for _leaf in rubric.leaves()),
    )


@bp.get("/cycles/<int:cycle_id>/open")
def cycle_open(cycle_id: int) -> Response:
    found = frame.load(cycle_id)
    work.require_draft(found)
    return _preview(found)


@bp.post("/cycles/<int:cycle_id>/open")
def cycle_open_post(cycle_id: int) -> Response:
    found = frame.load(cycle_id)
    work.require_draft(found)
    try:
        definition = work.refresh(db(), actor(), found, ground().registry)
        lifecycle.open_cycle(
            db(),
            actor(),
            found,
            definition,
            is_installed=frame.is_installed(found),
            seen=request.form.get("seen", ""),
            at=current_time(),
        )
    except DomainError as error:
        db().rollback()
        return _preview(frame.load(cycle_id), status=error.status, error=error)
    say("done", _("考核已开启，学校可以填报了。"))
    return go(url_for("bureau.progress", cycle_id=cycle_id))


# --- phases --------------------------------------------------------------------------------------


def _advance_checks(cycle: Cycle) -> list[lifecycle.Check]:
    scoring = frame.scoring_of(cycle)
    sheets = score_entries(db(), cycle, scoring, lists.entries_of(db(), cycle.id or 0))
    held = next(iter(results_of(db(), cycle.id or 0)), None)
    checks = lifecycle.advance_checks(
        cycle,
        scoring,
        sheets,
        held=held,
        is_current=is_current(db(), held, sheets),
        has_notice=bool(publications_of(db(), cycle.id or 0)),
        at=current_time(),
    )
    return [*checks, *final_checks(db(), cycle), *closing_checks(db(), cycle)]


def _phase(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    to, before = lifecycle.next_state(cycle.state), lifecycle.state_before(cycle.state)
    return frame.page(
        "bureau/cycle_phase.html",
        cycle,
        "phase",
        status=status,
        error=error,
        to=to,
        to_name=phase_name(to) if to else "",
        before=before,
        before_name=phase_name(before) if before else "",
        consequences=lifecycle.consequences(to) if to else [],
        checks=_advance_checks(cycle) if to else [],
        reason=request.form.get("reason", ""),
        copy_op=frame.new_op(),
    )


@bp.get("/cycles/<int:cycle_id>/phase")
def cycle_phase(cycle_id: int) -> Response:
    found = frame.load(cycle_id)
    if found.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle_open", cycle_id=cycle_id))
    return _phase(found)


@bp.post("/cycles/<int:cycle_id>/phase")
def cycle_advance(cycle_id: int) -> Response:
    found = frame.load(cycle_id)
    try:
        to = CycleState(request.form.get("to", ""))
    except ValueError as error:
        raise Invalid(_("页面已过时，请刷新后再试。")) from error
    try:
        lifecycle.advance(
            db(), actor(), found, to, _advance_checks(found), accepted=bool(request.form.get("accepted"))
        )
    except DomainError as error:
        db().rollback()
        return _phase(frame.load(cycle_id), status=error.status, error=error)
    say("done", _("已进入%(phase)s阶段。", phase=phase_name(to)))
    return go(url_for("bureau.cycle_phase", cycle_id=cycle_id))


@bp.post("/cycles/<int:cycle_id>/phase/back")
def cycle_back(cycle_id: int) -> Response:
    found = frame.load(cycle_id)
    try:
        lifecycle.step_back(db(), actor(), found, reason=request.form.get("reason", ""))
    except DomainError as error:
        db().rollback()
        return _phase(frame.load(cycle_id), status=error.status, error=error)
    say("done", _("已退回%(phase)s阶段。", phase=phase_name(found.state)))
    return go(url_for("bureau.cycle_phase", cycle_id=cycle_id))
