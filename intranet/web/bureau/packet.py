"""Sealed packets of schools without a connection, at the bureau: kits out, packets in.

The one place where the bureau files for a school (docs/filing.md): ``Filing.on_behalf`` says for whom,
and stands in the log beside the name of who did it.
"""

from __future__ import annotations

from flask import Response, request, url_for

from intranet.domain.packet import Manifest
from intranet.enums import CycleState
from intranet.errors import DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import cycles as lists
from intranet.queries.entries import schools_of
from intranet.queries.packets import kits_of
from intranet.web import access, context
from intranet.web.context import db
from intranet.web.forms import go
from intranet.web.school import packet as common
from intranet.web.school.desk import Desk
from intranet.web.school.desk import load as load_desk
from intranet.web.school.uploads import store

from . import bp, frame

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in ("packets", "packet_kit", "packet_check", "packet_apply", "packet_errors")
    }
)
context.accept_large("bureau.packet_check")

ROOT = "/cycles/<int:cycle_id>/packets"


@bp.get(ROOT)
def packets(cycle_id: int) -> Response:
    return _page(frame.load(cycle_id))


def _page(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle.id))
    entries = lists.entries_of(db(), cycle.id or 0)
    ids = [e.id or 0 for e in entries]
    kits, schools = kits_of(db(), ids), schools_of(db(), ids)
    return frame.page(
        "bureau/packets.html",
        cycle,
        "progress",
        status=status,
        error=error,
        rows=[
            (e, kits[e.id or 0], schools[e.id or 0][0].name if schools[e.id or 0] else "") for e in entries
        ],
        running=cycle.state in (CycleState.FILING, CycleState.REVIEW),
        most=context.ground().settings.packet_limit // 1024 // 1024,
    )


def _acting(entry: Entry) -> Desk:
    """The entry's desk with the bureau's right to take a packet in for the unit."""
    return load_desk(entry.id or 0, on_behalf=_("代“%(unit)s”办理离线封装包", unit=entry.name))


@bp.post(ROOT + "/<int:entry_id>/kit", endpoint="packet_kit")
def download_kit(cycle_id: int, entry_id: int) -> Response:
    """Issue a kit for a unit; ``void``: packets of earlier kits are refused from now on."""
    cycle, entry = frame.load_entry(cycle_id, entry_id)
    try:
        return common.kit(_acting(entry), void_older=bool(request.form.get("void")))
    except DomainError as error:
        return _page(cycle, status=error.status, error=error)


def _desk_in(cycle_id: int, entry_id: int | None = None) -> common.DeskFor:
    def desk_for(manifest: Manifest) -> Desk:
        cycle = frame.load(cycle_id)
        wanted = (e for e in lists.entries_of(db(), cycle_id) if e.code == manifest.entry)
        entry = next(wanted, None) if manifest.cycle == cycle_id else None
        if entry is None or entry_id not in (None, entry.id):
            raise Invalid(
                _(
                    "这个封装包是“%(cycle)s”里“%(unit)s”的，“%(here)s”里没有这个单位。",
                    cycle=manifest.cycle_title[:80],
                    unit=manifest.unit[:64],
                    here=cycle.title,
                ),
                field="file",
            )
        return _acting(entry)

    return desk_for


def _way(cycle_id: int, entry_id: int) -> common.Way:
    return common.Way(
        url_for("bureau.packets", cycle_id=cycle_id),
        url_for("bureau.packet_apply", cycle_id=cycle_id, entry_id=entry_id),
        url_for("bureau.packet_errors", cycle_id=cycle_id, entry_id=entry_id),
    )


@bp.post(ROOT + "/check")
def packet_check(cycle_id: int) -> Response:
    """Read a packet of any unit of the cycle and show what it would change; saves nothing."""
    frame.load(cycle_id)
    try:
        token = common.receive()
    except Invalid as error:
        return _page(frame.load(cycle_id), status=error.status, error=error)
    try:
        desk, came = common.read(token, _desk_in(cycle_id))
    except DomainError as error:
        store().forget(token)
        if isinstance(error, NotFound):
            raise
        return _page(frame.load(cycle_id), status=error.status, error=error)
    return common.comparison(desk, _way(cycle_id, desk.entry_id), token, came)


def _again(cycle_id: int, text: str) -> Response:
    return _page(frame.load(cycle_id), status=422, error=Invalid(text))


@bp.post(ROOT + "/<int:entry_id>/apply")
def packet_apply(cycle_id: int, entry_id: int) -> Response:
    frame.load_entry(cycle_id, entry_id)
    way, desk_for = _way(cycle_id, entry_id), _desk_in(cycle_id, entry_id)
    return common.take(entry_id, way, desk_for, lambda text: _again(cycle_id, text))


@bp.post(ROOT + "/<int:entry_id>/errors.xlsx")
def packet_errors(cycle_id: int, entry_id: int) -> Response:
    frame.load_entry(cycle_id, entry_id)
    return common.errors(entry_id, _desk_in(cycle_id, entry_id), lambda text: _again(cycle_id, text))
