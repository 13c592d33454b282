"""The scoring workbook: download the own queue, check an upload, take over what was ticked.

As with the school's offline workbook, the check saves nothing; what it read travels in the form and
is compared anew, with all rights and versions, when it is sent back.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from flask import Response, request, url_for

from intranet.documents import offline as written
from intranet.documents import offline_reading
from intranet.domain import offline_filled, scoring_sheet
from intranet.domain.basis import Grounds
from intranet.domain.offline_change import Plan
from intranet.domain.offline_filled import Filled
from intranet.domain.scoring_sheet import Queue
from intranet.domain.standing import item_of, unmarked
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import _
from intranet.queries import review
from intranet.rubric.deductions import bank

from .. import access
from ..context import actor, current_time, db, ground, local
from ..downloads import xlsx
from ..forms import answer, go
from ..shell import cycle_bar
from ..workbooks import chosen_changes, chosen_file, diff_values, marks_of, say_taken
from . import bp
from .desk import entry_id, open_desk, order

access.allow(
    {
        "panel.scoring_sheet": access.PANEL,
        "panel.scoring_sheet_xlsx": access.PANEL,
        "panel.scoring_sheet_check": access.PANEL,
        "panel.scoring_sheet_apply": access.PANEL,
        "panel.scoring_sheet_errors": access.PANEL,
    }
)

ROOT = "/cycles/<int:cycle_id>/scoring-sheet"


@bp.get(ROOT, endpoint="scoring_sheet")
def workbook(cycle_id: int) -> Response:
    return _page(_queue(cycle_id))


@bp.get(ROOT + ".xlsx")
def scoring_sheet_xlsx(cycle_id: int) -> Response:
    """The own queue, in the order ``by``: indicator after indicator, or unit after unit."""
    queue = _queue(cycle_id)
    made_at = local(current_time())
    data = written.write(scoring_sheet.layout(queue), author=ground().settings.bureau_name, made_at=made_at)
    return xlsx(data, _("%(name)s 评分表", name=queue.actor.name))


@bp.post(ROOT + "/check")
def scoring_sheet_check(cycle_id: int) -> Response:
    """Read an upload and show what it would change and every problem with its cell; saves nothing."""
    queue = _queue(cycle_id)
    try:
        data = chosen_file()
    except Invalid as error:
        return _page(queue, status=422, error=error.message)
    asked = scoring_sheet.layout(queue)
    db().rollback()  # the write lock is not held while the file is read
    try:
        filled = offline_reading.read(data, asked, scoring_sheet.require_same)
        queue = _queue(cycle_id)
        return _page(queue, filled=filled, found=scoring_sheet.plan(queue, filled))
    except DomainError as error:
        return _page(_queue(cycle_id), status=422, error=error.message)


@bp.post(ROOT + "/apply")
def scoring_sheet_apply(cycle_id: int) -> Response:
    """Take over what was ticked; anything that changed since the check stops it and is shown."""
    queue = _queue(cycle_id)
    filled = offline_filled.from_text(request.form.get("filled", ""))
    chosen = chosen_changes(request.form.getlist("take"))
    found = scoring_sheet.plan(queue, filled)
    op = request.form.get("op", "")
    try:
        n = scoring_sheet.apply(db(), queue, found, chosen, op=op, at=current_time())
    except (Invalid, Conflict) as error:
        db().rollback()
        queue = _queue(cycle_id)
        found = scoring_sheet.plan(queue, filled)
        same = {c.key for c in found.changes if chosen.get(c.key) == c.version}
        return _page(queue, status=error.status, error=error.message, filled=filled, found=found, ticked=same)
    say_taken(n, found)
    return go(url_for("panel.queue", cycle_id=cycle_id))


@bp.post(ROOT + "/errors.xlsx")
def scoring_sheet_errors(cycle_id: int) -> Response:
    """The uploaded workbook again, as typed, with the wrong cells marked and listed. Saves nothing."""
    queue = _queue(cycle_id)
    filled = offline_filled.from_text(request.form.get("filled", ""))
    found = scoring_sheet.plan(queue, filled)
    asked = offline_filled.overlaid(scoring_sheet.layout(queue), filled)
    marks, remarks = marks_of(filled, found)
    made_at = local(current_time())
    author = ground().settings.bureau_name
    data = written.write(asked, author=author, made_at=made_at, marks=marks, remarks=remarks)
    return xlsx(data, _("%(name)s 评分表（标出问题）", name=queue.actor.name))


def _queue(cycle_id: int) -> Queue:
    """The own queue, each item scored from its facts alone."""
    cycle = review.panel_cycle_for(db(), actor(), cycle_id)
    desk = open_desk(cycle, by=order())
    blind = {i.entry.id: unmarked(desk.scoring, desk.sheets[entry_id(i.entry)]) for i in desk.items}
    grounds = Grounds(desk.rubric)
    items = [
        item_of(desk.rubric, blind[i.entry.id], i.indicator, cycle.combine, grounds)
        for i in desk.items
        if i.is_ready
    ]
    banks = {
        (entry_id(i.entry), leaf.code): bank(desk.rubric, leaf.clause, blind[i.entry.id].facts, leaf.score)
        for i in items
        for leaf in i.marked
    }
    fingerprint = desk.scoring.definition.fingerprint(cycle.rulings)
    return Queue(actor(), cycle, desk.rubric, fingerprint, items, banks)


def _page(
    queue: Queue,
    *,
    status: int = 200,
    error: str = "",
    filled: Filled | None = None,
    found: Plan | None = None,
    ticked: Collection[str] | None = None,
) -> Response:
    asked = scoring_sheet.layout(queue)
    values: dict[str, Any] = diff_values(asked, found, ticked)
    return answer(
        "panel/scoring_sheet.html",
        status=status,
        cycle=queue.cycle,
        cycle_bar=cycle_bar(queue.cycle),
        rubric=queue.rubric,
        rows=sum(len(s.rows) for s in asked.sections),
        **values,
        payload=offline_filled.to_text(filled) if filled else "",
        error=error,
        why_not=_why_not(queue),
        by=order(),
        op=secrets.token_urlsafe(12),
    )


def _why_not(queue: Queue) -> str:
    try:
        scoring_sheet.require_filling(queue.cycle)
    except DomainError as error:
        return error.message
    return ""
