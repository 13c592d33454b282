"""复核: the new freeze after decided appeals, first as what it would change, then for good."""

from __future__ import annotations

from flask import Response, request, url_for

from intranet.domain import appeal_freeze as refreeze
from intranet.domain.scoring import EntrySheet, score_entries
from intranet.enums import CycleState
from intranet.errors import DomainError
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries import appeals as stored
from intranet.queries import cycles as lists
from intranet.web import access
from intranet.web.appeal_view import shown_moves
from intranet.web.context import actor, current_time, db
from intranet.web.forms import go, say

from . import bp, frame
from .appeals import ROOT

access.allow({"bureau.appeals_apply": access.BUREAU, "bureau.appeals_apply_post": access.BUREAU})


def _sheets(cycle: Cycle) -> dict[int, EntrySheet]:
    return score_entries(
        db(), cycle, frame.scoring_of(cycle), lists.entries_of(db(), cycle.id or 0), check=True
    )


@bp.get(ROOT + "/apply")
def appeals_apply(cycle_id: int) -> Response:
    return _apply(frame.load(cycle_id))


def _apply(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    """What the new freeze would change, before anything is changed."""
    scoring = frame.scoring_of(cycle)
    foreseen = refreeze.foresee(db(), cycle, scoring, _sheets(cycle))
    waiting = stored.waiting_for_freeze(db(), cycle.id or 0)
    return frame.page(
        "bureau/appeals_apply.html",
        cycle,
        "appeals",
        status=status,
        error=error,
        waiting=waiting,
        own={f.entry.id for f in waiting},
        still_open=sum(f.is_open for f in stored.appeals_of_cycle(db(), cycle.id or 0)),
        foreseen=foreseen,
        moves=shown_moves([m.to_json() for m in foreseen.moved]),
        unit_word=scoring.rubric.terms.unit,
        clause_names={c.code: c.name for c in scoring.rubric.clauses},
        may_apply=cycle.state == CycleState.PUBLISHED and bool(waiting),
        op=frame.new_op(),
    )


@bp.post(ROOT + "/apply")
def appeals_apply_post(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    try:
        held = refreeze.apply(
            db(),
            actor(),
            cycle,
            frame.scoring_of(cycle),
            _sheets(cycle),
            seen=request.form.get("seen", ""),
            at=current_time(),
            op=request.form.get("op", ""),
        )
    except DomainError as error:
        db().rollback()
        return _apply(frame.load(cycle_id), status=error.status, error=error)
    text = _("已重新计算并冻结（第 %(n)s 次）。排名、导出和各单位的结果页都已是新的。", n=held.number)
    say("done", text)
    return go(url_for("bureau.cycle_appeals", cycle_id=cycle_id))
