"""Carrying over (结转): what would come from the last cycle, taking it, and saying that it still holds."""

from __future__ import annotations

from flask import Response, url_for

from intranet.domain import carry_over, carry_preview
from intranet.domain.carry_preview import Preview
from intranet.domain.filing import Right
from intranet.domain.scoring import scoring_for
from intranet.errors import Invalid, NotFound
from intranet.i18n import _
from intranet.queries.carried import source_of
from intranet.queries.filing import Page
from intranet.web import access, context
from intranet.web.forms import answer, go, next_url, say, wants_fragment

from . import bp, tables
from .desk import FOR_MEMBERS, Desk, load
from .indicator import ROOT, values
from .uploads import shelf

access.allow(
    {
        f"school.{name}": access.SCHOOL
        for name in ("carry", "carry_take", "confirm_row", "confirm_table", "confirm_file")
    }
)
FOR_MEMBERS |= {"school.confirm_row", "school.confirm_table", "school.confirm_file"}


def preview_of(desk: Desk) -> Preview | None:
    """What the entry could take over; None if there is no earlier entry of the unit."""
    found = source_of(desk.filing.session, desk.filing.cycle, desk.filing.entry)
    if found is None:
        return None
    source, cycle = found
    old = scoring_for(cycle, context.ground().registry).rubric
    return carry_preview.preview(desk.filing, old, source, cycle)


def offer(desk: Desk) -> Preview | None:
    """The preview, if this person may take it over now and there is something in it."""
    if desk.filing.right is not Right.LEAD or not carry_preview.may_offer(desk.filing) or not desk.may_edit():
        return None
    found = preview_of(desk)
    return None if found is None or found.is_empty else found


@bp.get("/entries/<int:entry_id>/carry")
def carry(entry_id: int) -> Response:
    return _page(load(entry_id))


def _page(desk: Desk, *, status: int = 200, error: str = "") -> Response:
    found = preview_of(desk)
    if found is None:
        raise NotFound(_("没有上一次考核的填报。"))
    titles = {row.table: desk.rubric.table[row.table].title for row in found.rows}
    return answer(
        "school/carry.html",
        status=status,
        **desk.page_values(),
        found=found,
        titles=titles,
        is_done=not carry_preview.may_offer(desk.filing),
        may_take=offer(desk) is not None,
        why_not=desk.why_not(),
        error=error,
    )


@bp.post("/entries/<int:entry_id>/carry")
def carry_take(entry_id: int) -> Response:
    desk = load(entry_id)
    found = preview_of(desk)
    if found is None:
        raise NotFound(_("没有上一次考核的填报。"))
    try:
        if carry_over.take_over(desk.filing, found, shelf()):
            text = _(
                "已结转 %(rows)s 行、%(files)s 份材料。请逐项核对：仍然有效的按“仍然有效”，变了的直接改。",
                rows=len(found.rows),
                files=len(found.files),
            )
            say("done", text)
        else:
            say("info", _("已经结转过了，没有重复结转。"))
    except Invalid as error:
        return _page(desk, status=422, error=error.message)
    return go(url_for("school.overview", entry_id=entry_id))


# --- looked at ------------------------------------------------------------------------------------


@bp.post(ROOT + "/rows/<int:row_id>/confirm")
def confirm_row(entry_id: int, code: str, row_id: int) -> Response:
    desk = load(entry_id)
    row = carry_over.confirm_row(desk.filing, code, row_id)
    return _table(desk, desk.filing.page(code), row.table)


@bp.post(ROOT + "/tables/<key>/confirm")
def confirm_table(entry_id: int, code: str, key: str) -> Response:
    desk = load(entry_id)
    carry_over.confirm_table(desk.filing, code, key)
    return _table(desk, desk.filing.page(code), key)


def _table(desk: Desk, page: Page, key: str) -> Response:
    if not wants_fragment():
        return go(url_for("school.indicator", entry_id=desk.entry_id, code=page.code) + f"#table-{key}")
    desk = desk.again()
    shown = tables.table_view(desk, page, key)
    return answer("school/_table_saved.html", **values(desk, page), table=shown, oob=False)


@bp.post("/entries/<int:entry_id>/evidence/<int:evidence_id>/confirm")
def confirm_file(entry_id: int, evidence_id: int) -> Response:
    desk = load(entry_id)
    found = carry_over.confirm_file(desk.filing, evidence_id)
    say("done", _("已核对：“%(name)s”仍然有效。", name=found.name))
    return go(next_url(url_for("school.file", entry_id=entry_id, evidence_id=evidence_id)))
