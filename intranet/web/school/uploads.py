"""Evidence at its places on the school's pages: upload by a plain form, use again, take out, show again."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request, url_for

from intranet.domain import evidence
from intranet.errors import Invalid, NotFound
from intranet.i18n import _
from intranet.storage.local import LocalStore
from intranet.web import access, context
from intranet.web.forms import answer, go, wants_fragment, whole

from . import bp, tables, view
from .desk import Desk, load, new_op
from .indicator import ROOT, show_page, slots_answer, values
from .row_form import row_form

access.allow(
    {
        "school.upload": access.SCHOOL,
        "school.link_file": access.SCHOOL,
        "school.unlink_file": access.SCHOOL,
        "school.materials": access.FILING_READERS,
        "school.row_files": access.FILING_READERS,
    }
)


def store() -> LocalStore:
    return LocalStore(context.ground().settings.evidence_folder)


def shelf() -> evidence.Shelf:
    settings = context.ground().settings
    return evidence.Shelf(store(), settings.quota_per_unit, settings.help_line)


def received(required: Callable[[], object]) -> list[evidence.Upload]:
    """The files of a form, looked at; ``required`` asks first whether they may come at all.

    No session is open while they are read: the write lock is not held for bytes.
    :raises Invalid: one is not acceptable, or there is none.
    """
    required()
    context.db().rollback()
    sent = [(f.filename or "", f.stream) for f in request.files.getlist("files") if f.filename]
    return evidence.receive(store(), sent, limit=context.ground().settings.upload_limit)


@bp.post(ROOT + "/files")
def upload(entry_id: int, code: str) -> Response:
    """Take in one or several files for the slot, clause or row that ``ref`` names."""
    ref = request.form.get("ref", "")
    try:
        uploads = received(lambda: evidence.require_ref(load(entry_id).filing, code, ref))
    except Invalid as error:
        return _answer(load(entry_id), code, ref, error)
    desk = load(entry_id)
    try:
        evidence.add_files(desk.filing, code, ref, uploads, shelf())
    except Invalid as error:
        return _answer(desk, code, ref, error)
    finally:
        evidence.discard(store(), uploads)
    return _answer(desk, code, ref)


def _answer(desk: Desk, code: str, ref: str, error: Invalid | None = None) -> Response:
    """The place the file was meant for: a row's table, or the materials."""
    page = desk.filing.page(code)
    if not ref.startswith("row:"):
        return slots_answer(desk, page, view.Typed(problems={ref: error.message}) if error else view.Typed())
    row = desk.rows[int(ref.removeprefix("row:"))]
    table, text = desk.rubric.table[row.table], error.message if error else ""
    if wants_fragment():
        desk = desk.again()
        form = row_form(desk, page, table, row, note=text)
        template = "school/_table.html" if error else "school/_table_saved.html"
        shown = tables.table_view(desk, page, row.table, form=form)
        return answer(template, status=422 if error else 200, **values(desk, page), table=shown, oob=False)
    if error:
        form = row_form(desk, page, table, row, note=text)
        return show_page(desk, page, status=422, row_form=form, table=row.table)
    where = url_for("school.indicator", entry_id=desk.entry_id, code=code, table=row.table, row=row.id)
    return go(f"{where}#table-{row.table}")


@bp.post(ROOT + "/files/link")
def link_file(entry_id: int, code: str) -> Response:
    """Use a file of the unit once more."""
    desk = load(entry_id)
    ref, chosen = request.form.get("ref", ""), whole(request.form.get("evidence", ""))
    evidence.require_ref(desk.filing, code, ref)
    if chosen is None:
        return _answer(desk, code, ref, Invalid(_("请先选一份材料。")))
    evidence.link(desk.filing, code, chosen, ref)
    return _answer(desk, code, ref)


@bp.post(ROOT + "/files/<int:evidence_id>/unlink")
def unlink_file(entry_id: int, code: str, evidence_id: int) -> Response:
    desk = load(entry_id)
    ref = request.form.get("ref", "")
    evidence.unlink(desk.filing, code, evidence_id, ref)
    return _answer(desk, code, ref)


# --- what a page shows again when files have arrived by themselves (tus.py) ------------------------


@bp.get(ROOT + "/materials")
def materials(entry_id: int, code: str) -> Response:
    """The materials of an indicator, and what depends on them."""
    desk = load(entry_id)
    page = desk.filing.page(code)
    if not wants_fragment():
        return go(url_for("school.indicator", entry_id=entry_id, code=code))
    return answer(
        "school/_slots_saved.html",
        **values(desk, page),
        slots=view.slots(desk, page, view.Typed()),
        library=desk.files,
        op=new_op(),
    )


@bp.get(ROOT + "/row-files")
def row_files(entry_id: int, code: str) -> Response:
    """The files of one ``row`` alone: whatever is being typed in it stays. ``open=1``: it is being typed."""
    desk, row_id = load(entry_id), whole(request.args.get("row", "")) or 0
    page, row = desk.filing.page(code), desk.rows.get(row_id)
    if row is None or row.deleted_at is not None or row.table not in page.tables:
        raise NotFound(_("没有这一行。"))
    if not wants_fragment():
        return go(url_for("school.indicator", entry_id=entry_id, code=code, table=row.table, row=row_id))
    return answer(
        "school/_row_files_saved.html",
        **values(desk, page),
        row_id=row_id,
        row_table=row.table,
        row_open=request.args.get("open") == "1",
        row_link=request.args.get("link") == "1",
        row_chips=[view.file_view(desk, e) for e in desk.files_at.get(f"row:{row_id}", ())],
        row_may_edit=tables.may_change(desk, page, row),
    )
