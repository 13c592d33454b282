"""Evidence on the school's pages: upload, use again, take out, and the list of all files."""

from __future__ import annotations

from flask import Response, request, url_for

from intranet.domain import evidence
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.queries.filed import names_of
from intranet.storage import accepted
from intranet.storage.local import LocalStore
from intranet.web import access, context
from intranet.web.forms import answer, go, say, wants_fragment, whole

from . import bp, tables, view
from .desk import Desk, load
from .indicator import ROOT, show_page, slots_answer, values

access.allow(
    {
        "school.upload": access.SCHOOL,
        "school.link_file": access.SCHOOL,
        "school.unlink_file": access.SCHOOL,
        "school.evidence": access.FILING_READERS,
        "school.delete_file": access.SCHOOL,
    }
)


def store() -> LocalStore:
    return LocalStore(context.ground().settings.evidence_folder)


@bp.post(ROOT + "/files")
def upload(entry_id: int, code: str) -> Response:
    """Take in one or several files for the slot, clause or row that ``ref`` names."""
    settings, ref = context.ground().settings, request.form.get("ref", "")
    desk = load(entry_id)
    evidence.require_ref(desk.filing, code, ref)
    context.db().rollback()  # the write lock is not held while files are read and looked at
    sent = [(f.filename or "", f.stream) for f in request.files.getlist("files") if f.filename]
    try:
        uploads = evidence.receive(store(), sent, limit=settings.upload_limit)
    except Invalid as error:
        return _answer(load(entry_id), code, ref, error)
    desk = load(entry_id)
    shelf = evidence.Shelf(store(), settings.quota_per_unit, settings.help_line)
    try:
        evidence.add_files(desk.filing, code, ref, uploads, shelf)
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
        form = tables.row_form(desk, page, table, row, note=text)
        template = "school/_table.html" if error else "school/_table_saved.html"
        shown = tables.table_view(desk, page, row.table, form=form)
        return answer(template, status=422 if error else 200, **values(desk, page), table=shown, oob=False)
    if error:
        form = tables.row_form(desk, page, table, row, note=text)
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


@bp.get("/entries/<int:entry_id>/evidence", endpoint="evidence")
def library(entry_id: int) -> Response:
    """All files of the unit by number, with what each proves."""
    desk = load(entry_id)
    people = names_of(desk.filing.session, [f.evidence.uploaded_by for f in desk.files])
    rows = [
        (
            view.file_view(desk, f.evidence),
            f.evidence,
            people.get(f.evidence.uploaded_by, ""),
            _places(desk, f.refs),
        )
        for f in desk.files
    ]
    return answer(
        "school/evidence.html",
        **desk.page_values(),
        files=rows,
        used=sum(f.evidence.size for f in desk.files),
        quota=context.ground().settings.quota_per_unit,
        may_help=desk.may_help(),
        why_not=desk.why_not(),
        allowed=accepted.allowed_text(),
    )


def _places(desk: Desk, refs: tuple[str, ...]) -> list[tuple[str, str]]:
    """(page code, words) of each place where a file stands."""
    out = []
    for ref in refs:
        code = evidence.page_of(desk.filing, ref)
        if code is None:
            continue
        kind, _colon, what = ref.partition(":")
        if kind == "slot":
            clause, _hash, n = what.rpartition("#")
            words = next((s.label for s in desk.filed.form.slots(clause) if str(s.n) == n), what)
        elif kind == "row":
            row = desk.rows.get(int(what))
            words = desk.rubric.table[row.table].title if row else ""
        else:
            words = desk.rubric.by[what].name
        out.append((code, f"{desk.rubric.by[code].no or code} {words}"))
    return out


@bp.post("/entries/<int:entry_id>/evidence/<int:evidence_id>/delete")
def delete_file(entry_id: int, evidence_id: int) -> Response:
    desk = load(entry_id)
    gone = evidence.delete(desk.filing, evidence_id)
    say("done", _("已删除材料 %(n)s“%(name)s”。", n=gone.number, name=gone.name))
    return go(url_for("school.evidence", entry_id=entry_id))
