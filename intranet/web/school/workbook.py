"""The offline workbook: download, check an upload, take over what was chosen, the copy with marked cells.

The check saves nothing. What it read travels in the page's form and is compared anew, with all rights
and versions, when it is sent back: nothing of it is trusted and nothing waits on the server.
"""

from __future__ import annotations

from collections.abc import Collection

from flask import Response, request, url_for

from intranet.documents import offline as written
from intranet.documents import offline_reading
from intranet.domain import offline, offline_apply, offline_filled, offline_plan
from intranet.domain.filing import Right
from intranet.domain.offline_change import Plan
from intranet.domain.offline_filled import Filled
from intranet.errors import Conflict, Forbidden, Invalid
from intranet.i18n import _
from intranet.web import access, context
from intranet.web.downloads import xlsx
from intranet.web.forms import answer, go
from intranet.web.workbooks import chosen_changes, chosen_file, diff_values, marks_of, say_taken

from . import bp
from .desk import Desk, load, new_op

access.allow(
    {
        "school.workbook": access.SCHOOL,
        "school.workbook_xlsx": access.SCHOOL,
        "school.workbook_check": access.SCHOOL,
        "school.workbook_apply": access.SCHOOL,
        "school.workbook_errors": access.SCHOOL,
    }
)

ROOT = "/entries/<int:entry_id>/workbook"


@bp.get(ROOT)
def workbook(entry_id: int) -> Response:
    return _page(load(entry_id))


def _page(
    desk: Desk,
    *,
    status: int = 200,
    error: str = "",
    filled: Filled | None = None,
    found: Plan | None = None,
    ticked: Collection[str] | None = None,
) -> Response:
    """The page, with what a check found. ticked: keys that were ticked; None ticks what is safe."""
    asked = offline.layout(desk)
    return answer(
        "school/workbook.html",
        status=status,
        **desk.page_values(),
        asked=asked,
        **diff_values(asked, found, ticked),
        payload=offline_filled.to_text(filled) if filled else "",
        error=error,
        why_not=desk.why_not() if not desk.may_help() or not desk.may_edit() else "",
        may_upload=desk.may_help(),
        op=new_op(),
    )


@bp.get(ROOT + ".xlsx")
def workbook_xlsx(entry_id: int) -> Response:
    desk = load(entry_id)
    _require_own(desk)
    settings = context.ground().settings
    data = written.write(
        offline.layout(desk), author=settings.bureau_name, made_at=context.local(context.current_time())
    )
    return xlsx(data, _("%(unit)s 离线填报表", unit=desk.filing.entry.name))


def _require_own(desk: Desk) -> None:
    if desk.filing.right is Right.READER:
        raise Forbidden(_("您可以查看，不能修改。"))


@bp.post(ROOT + "/check")
def workbook_check(entry_id: int) -> Response:
    """Read an upload and show what it would change and every problem with its cell; saves nothing."""
    desk = load(entry_id)
    _require_own(desk)
    try:
        data = chosen_file()
    except Invalid as error:
        return _page(desk, status=422, error=error.message)
    asked = offline.layout(desk)
    context.db().rollback()  # the write lock is not held while the file is read
    try:
        filled = offline_reading.read(data, asked)
        desk = load(entry_id)
        return _page(desk, filled=filled, found=offline_plan.plan(desk, filled))
    except Invalid as error:
        return _page(load(entry_id), status=422, error=error.message)


@bp.post(ROOT + "/apply")
def workbook_apply(entry_id: int) -> Response:
    """Take over what was ticked; anything that changed since the check stops it and is shown."""
    desk = load(entry_id)
    filled = offline_filled.from_text(request.form.get("filled", ""))
    chosen = chosen_changes(request.form.getlist("take"))
    found = offline_plan.plan(desk, filled)
    try:
        n = offline_apply.apply(desk, found, chosen, op=request.form.get("op", ""))
    except (Invalid, Conflict) as error:
        context.db().rollback()
        desk = load(entry_id)
        found = offline_plan.plan(desk, filled)
        same = {c.key for c in found.changes if chosen.get(c.key) == c.version}
        return _page(desk, status=error.status, error=error.message, filled=filled, found=found, ticked=same)
    say_taken(n, found)
    return go(url_for("school.workbook", entry_id=entry_id))


@bp.post(ROOT + "/errors.xlsx")
def workbook_errors(entry_id: int) -> Response:
    """The uploaded workbook again, as typed, with the wrong cells marked and listed. Saves nothing."""
    desk = load(entry_id)
    _require_own(desk)
    filled = offline_filled.from_text(request.form.get("filled", ""))
    return marked_copy(desk, filled, offline_plan.plan(desk, filled))


def marked_copy(desk: Desk, filled: Filled, found: Plan) -> Response:
    """What came back, with the wrong cells marked and listed."""
    asked = offline_filled.overlaid(offline.layout(desk), filled)
    marks, remarks = marks_of(filled, found)
    settings = context.ground().settings
    at = context.local(context.current_time())
    data = written.write(asked, author=settings.bureau_name, made_at=at, marks=marks, remarks=remarks)
    return xlsx(data, _("%(unit)s 离线填报表（标出问题）", unit=desk.filing.entry.name))
