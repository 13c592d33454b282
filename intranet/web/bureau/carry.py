"""Carrying over for all units of a cycle at once (结转); each school still looks at what came."""

from __future__ import annotations

from flask import Response, url_for

from intranet.domain import carry_over
from intranet.enums import CycleState
from intranet.errors import DomainError
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import cycles as lists
from intranet.web import access
from intranet.web.context import db
from intranet.web.forms import go, say
from intranet.web.school import carry as common
from intranet.web.school.desk import Desk
from intranet.web.school.desk import load as load_desk
from intranet.web.school.uploads import shelf

from . import bp, frame

access.allow({"bureau.carry": access.BUREAU, "bureau.carry_take": access.BUREAU})

ROOT = "/cycles/<int:cycle_id>/carry"


def _acting(entry: Entry) -> Desk:
    return load_desk(entry.id or 0, on_behalf=_("代“%(unit)s”结转上次内容", unit=entry.name))


@bp.get(ROOT)
def carry(cycle_id: int) -> Response:
    return _page(frame.load(cycle_id))


def _page(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle.id))
    rows = []
    for entry in lists.entries_of(db(), cycle.id or 0):
        desk = _acting(entry)
        found = common.preview_of(desk)
        rows.append((entry, found, common.offer(desk) is not None, desk.why_not()))
    return frame.page(
        "bureau/carry.html",
        cycle,
        "progress",
        status=status,
        error=error,
        rows=rows,
        waiting=sum(may for _entry, _found, may, _why in rows),
    )


@bp.post(ROOT)
def carry_take(cycle_id: int) -> Response:
    """Every unit that has not taken over yet and has something to take; all or none."""
    frame.load(cycle_id)
    taken = 0
    for entry in lists.entries_of(db(), cycle_id):
        desk = _acting(entry)
        found = common.offer(desk)
        if found is None:
            continue
        try:
            taken += carry_over.take_over(desk.filing, found, shelf())
        except DomainError as error:
            db().rollback()
            error.message = _("%(unit)s：%(why)s 都没有结转。", unit=entry.name, why=error.message)
            return _page(frame.load(cycle_id), status=error.status, error=error)
    say("done", _("已为 %(n)s 个单位结转。各单位会看到待核对的内容。", n=taken))
    return go(url_for("bureau.carry", cycle_id=cycle_id))
