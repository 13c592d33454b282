"""分工: the lead hands things out and sees how far they are; a member school sees its part and says 已完成."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from intranet.domain import confirmation, delegation
from intranet.domain.filing import Right
from intranet.domain.phases import filing_deadline
from intranet.enums import ConfirmState, CycleState
from intranet.errors import Conflict, Invalid
from intranet.i18n import _
from intranet.web import access
from intranet.web.forms import answer, go, say, whole

from . import bp
from .desk import FOR_MEMBERS, Desk, load

access.allow(
    {
        "school.sharing": access.FILING_READERS,
        "school.give": access.SCHOOL,
        "school.change_share": access.SCHOOL,
        "school.finish_share": access.SCHOOL,
    }
)

FOR_MEMBERS |= {
    f"school.{name}"
    for name in (
        # its part, and its word on rows
        *("overview", "finish_share", "confirmations", "confirm_rows", "dispute", "dispute_row"),
        # what was handed to it: domain.filing says what is on these pages
        *("indicator", "save_answers", "save_slot", "add_row", "edit_row", "delete_row", "restore_row"),
        *("declare_empty", "paste", "paste_rows", "confirm_row", "confirm_table", "confirm_file"),
        # files: the own ones and those at places that were handed to it
        *(
            "upload",
            "link_file",
            "unlink_file",
            "materials",
            "row_files",
            "evidence",
            "add_file",
            "place_files",
            "file",
        ),
        *("describe_file", "replace_file", "delete_file", "cancel_upload"),
        *("tus_options", "tus_create", "tus_offset", "tus_append", "tus_cancel"),
        *("workbook", "workbook_xlsx", "workbook_check", "workbook_apply", "workbook_errors"),
    )
}

ROOT = "/entries/<int:entry_id>/sharing"
RESULT_OUT = (CycleState.PUBLISHED, CycleState.FINAL, CycleState.ARCHIVED)


# --- the lead's page -------------------------------------------------------------------------------


@bp.get(ROOT)
def sharing(entry_id: int) -> Response:
    """What is handed out; below it the matrix. ``?open=`` shows an indicator's clauses, ``?table=`` rows."""
    return _page(load(entry_id))


def _page(
    desk: Desk, *, status: int = 200, error: str = "", problems: dict[str, str] | None = None, edit: int = 0
) -> Response:
    filing = desk.filing
    opened, table = request.values.get("open", ""), request.values.get("table", "")
    lines = delegation.row_lines(filing, table) if table else delegation.lines(filing, opened)
    handed = delegation.overview(filing, desk.filed)
    sent = request.form if request.method == "POST" else {}
    return answer(
        "school/sharing.html",
        status=status,
        **desk.page_values(),
        handed=handed,
        members=delegation.members(filing),
        lines=lines,
        opened=opened,
        table=desk.rubric.table[table] if table else None,
        row_tables=[t for t in desk.rubric.tables if desk.filed.facts.rows(t.key, t.by) and t.by == "school"],
        given={(h.given.ref, h.school.code) for h in handed},
        ticked=set(request.form.getlist("give")) if sent else set(),
        due=sent.get("due", "") if not edit else "",
        give_note=sent.get("note", "") if not edit else "",
        edit=edit,
        typed={"due": sent.get("due", ""), "note": sent.get("note", "")},
        problems=problems or {},
        error=error,
        latest=filing_deadline(filing.cycle, filing.entry),
        may_give=filing.right is Right.LEAD and not filing.why_locked(),
        why_not=desk.why_not(),
        late=sum(h.state == "late" for h in handed),
        done=sum(h.state == "done" for h in handed),
    )


@bp.post(ROOT, endpoint="give")
def give(entry_id: int) -> Response:
    """Hand out what is ticked: ``give`` is ``<ref>@<school>``."""
    desk = load(entry_id)
    pairs = [value.rpartition("@") for value in request.form.getlist("give")]
    chosen = [(ref, school) for ref, _at, school in pairs]
    try:
        n = delegation.give(
            desk.filing, chosen, due=request.form.get("due", ""), note=request.form.get("note", "")
        )
    except Invalid as error:
        return _page(desk, status=422, problems=error.problems, error=error.problems.get("give", ""))
    say("done", _("已分出 %(n)s 处。", n=n) if n else _("所选的已经分过了。"))
    return go(url_for("school.sharing", entry_id=entry_id))


@bp.post(ROOT + "/<int:delegation_id>")
def change_share(entry_id: int, delegation_id: int) -> Response:
    """Another date or note, or (``do=withdraw``) taking back."""
    desk, form = load(entry_id), request.form
    try:
        if form.get("do") == "withdraw":
            delegation.withdraw(desk.filing, delegation_id)
            say("done", _("已收回。学校已填的内容都保留。"))
        else:
            version = whole(form.get("version", "")) or 0
            delegation.change(
                desk.filing,
                delegation_id,
                due=form.get("due", ""),
                note=form.get("note", ""),
                version=version,
            )
            say("done", _("已保存。"))
    except Invalid as error:
        return _page(desk, status=422, problems=error.problems, edit=delegation_id)
    except Conflict as error:
        return _page(desk, status=409, error=error.message)
    return go(url_for("school.sharing", entry_id=entry_id))


# --- the member school's page ------------------------------------------------------------------------


def part_page(desk: Desk) -> Response:
    """What was handed to the own school, in place of the unit's overview."""
    share = desk.filing.share
    assert share is not None
    handed = delegation.overview(desk.filing, desk.filed, share.delegations)
    rows = confirmation.items(desk.filing)
    return answer(
        "school/part.html",
        **desk.page_values(),
        schools=share.schools,
        handed=handed,
        waiting=sum(i.state is ConfirmState.OPEN for i in rows),
        rows=len(rows),
        files=len(desk.files),
        due=filing_deadline(desk.filing.cycle, desk.filing.entry),
        why_not=desk.why_not(),
        published=desk.filing.cycle.state in RESULT_OUT,
        is_open=not desk.why_not(),
    )


def on_page(desk: Desk, code: str) -> list[delegation.Handed]:
    """What of a page was handed to the own school; nothing for people who meet everything."""
    share = desk.filing.share
    if share is None:
        return []
    return [h for h in delegation.overview(desk.filing, desk.filed, share.delegations) if h.code == code]


@bp.post(ROOT + "/<int:delegation_id>/finish")
def finish_share(entry_id: int, delegation_id: int) -> Response:
    """已完成, or (``undo``) not yet."""
    desk = load(entry_id)
    undo = bool(request.form.get("undo"))
    delegation.finish(desk.filing, delegation_id, finished=not undo)
    lead = desk.rubric.terms.lead
    say("done", _("已改回未完成。") if undo else _("已告诉%(lead)s：这一处完成了。", lead=lead))
    back = request.form.get("code", "")
    if back in desk.filing.pages:
        return go(url_for("school.indicator", entry_id=entry_id, code=back))
    return go(url_for("school.overview", entry_id=entry_id))


# --- what other pages say ----------------------------------------------------------------------------


def summary(desk: Desk) -> dict[str, Any]:
    """For the unit's overview: how much is handed out, finished, overdue; rows waiting and disputed."""
    handed = delegation.overview(desk.filing, desk.filed)
    words = confirmation.unconfirmed(desk.filing)
    return {
        "handed": len(handed),
        "finished": sum(h.state == "done" for h in handed),
        "late": sum(h.state == "late" for h in handed),
        "waiting": sum(w for w, _d in words.values()),
        "disputed": sum(d for _w, d in words.values()),
        "has_members": bool(delegation.members(desk.filing)),
        "asks_words": any(t.confirmed_by for t in desk.rubric.tables),
    }
