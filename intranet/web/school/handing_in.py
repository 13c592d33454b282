"""The check before handing in, and handing in."""

from __future__ import annotations

from flask import Response, request, url_for

from intranet.domain import submission
from intranet.domain.self_scores import so_far, whole
from intranet.enums import SubmissionState
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.web import access
from intranet.web.forms import answer, go, say

from . import bp, view
from .desk import Desk, load, new_op
from .volume import builder

access.allow({"school.check": access.FILING_READERS, "school.submit": access.SCHOOL})


@bp.get("/entries/<int:entry_id>/check")
def check(entry_id: int) -> Response:
    return _page(load(entry_id, check=True))


def _page(desk: Desk, *, status: int = 200, error: str = "") -> Response:
    return answer(
        "school/check.html",
        status=status,
        **desk.page_values(),
        found=submission.precheck(desk.filing, desk.filed),
        link=lambda finding: place_url(desk, finding.page, finding.at),
        why_not=desk.why_not(),
        may_submit=desk.may_edit(),
        submitted=desk.filing.entry.state == SubmissionState.SUBMITTED,
        again=desk.filing.entry.state == SubmissionState.RETURNED,
        total=so_far(desk.own[desk.rubric.root.code]),
        total_max=whole(desk.rubric),
        error=error,
        op=new_op(),
    )


def place_url(desk: Desk, page: str, at: str) -> str:
    """Straight to the field, the row (opened), the table or the materials (``submission.Finding.at``)."""
    kind, _colon, key = at.partition(":")
    row = desk.rows.get(int(key)) if kind == "row" else None
    anchor = {
        "row": f"table-{row.table}" if row else None,
        "slot": f"slots-{list(desk.filing.pages).index(page)}",
        "table": f"table-{key}",
        "field": view.field_id(desk, key),
        "self": view.self_id(desk, key) if kind == "self" else None,
    }.get(kind)
    return url_for(
        "school.indicator",
        entry_id=desk.entry_id,
        code=page,
        table=row.table if row else None,
        row=row.id if row else None,
        _anchor=anchor,
    )


@bp.post("/entries/<int:entry_id>/submit")
def submit(entry_id: int) -> Response:
    desk = load(entry_id, check=True)
    found = submission.precheck(desk.filing, desk.filed)
    if (
        found.warnings
        and not request.form.get("known")
        and desk.filing.entry.state != SubmissionState.SUBMITTED
    ):
        desk.filing.require_lead()
        return _page(desk, status=422, error=_("请先勾选“已核对上面的提示”。"))
    try:
        submission.submit(desk.filing, desk.filed, desk.own, desk.files)
    except Invalid as error:
        return _page(desk, status=422, error=error.message)
    desk.filing.session.commit()  # the builder looks for the volume at once
    builder().wake()
    say("done", _("已提交。请打印回执，盖章后上传扫描件。"))
    return go(url_for("school.receipt", entry_id=entry_id))
