"""双方确认: rows that name a school, its word on them, and what the lead school does about a dispute."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request, url_for

from intranet.domain import confirmation
from intranet.domain.fact_rows import typed_columns
from intranet.domain.filing import Right
from intranet.enums import ConfirmState
from intranet.errors import Conflict, Invalid, NotFound
from intranet.i18n import _
from intranet.models import FactRow
from intranet.queries.sharing import Word
from intranet.rubric.model import Column, Table
from intranet.web import access
from intranet.web.forms import answer, go, say, whole

from . import bp, view
from .desk import Desk, load, new_op

access.allow(
    {
        "school.confirmations": access.FILING_READERS,
        "school.confirm_rows": access.SCHOOL,
        "school.dispute": access.SCHOOL,
        "school.dispute_row": access.SCHOOL,
        "school.answer_dispute": access.SCHOOL,
    }
)

ROOT = "/entries/<int:entry_id>/confirmations"
ROW = ROOT + "/<int:row_id>"


@dataclass(frozen=True, slots=True)
class Said:
    """One school's word. proposal: (column, as it is, as the school would have it)."""

    school: str
    code: str
    state: str
    is_own: bool
    note: str
    proposal: tuple[tuple[str, str, str], ...]
    kept: str


@dataclass(frozen=True, slots=True)
class ItemView:
    """A row with its words. cells: (label, text) of what is filled in."""

    id: int
    version: int
    table: str
    head: str
    cells: tuple[tuple[str, str], ...]
    code: str
    state: str
    said: tuple[Said, ...]
    files: tuple[view.FileView, ...]
    may_say: bool
    may_answer: bool


@bp.get(ROOT)
def confirmations(entry_id: int) -> Response:
    return _page(load(entry_id))


def _page(
    desk: Desk, *, status: int = 200, error: str = "", at: int = 0, texts: dict[str, str] | None = None
) -> Response:
    found = [_view(desk, item) for item in confirmation.items(desk.filing)]
    mine = [i for i in found if any(s.is_own for s in i.said)]
    own_open = [i for i in mine if any(s.is_own and s.state == "open" for s in i.said)]
    disputed = [i for i in found if i.state == "disputed"]
    shown = {i.id for i in (*own_open, *disputed)}
    return answer(
        "school/confirmations.html",
        status=status,
        **desk.page_values(),
        own_open=own_open,
        disputed=[i for i in disputed if i not in own_open],
        waiting=[i for i in found if i.state == "open" and i.id not in shown],
        confirmed=[i for i in found if i.state == "confirmed"],
        is_member=desk.filing.share is not None,
        why_not=desk.why_not(),
        error=error,
        at=at,
        texts=texts or {},
    )


def _view(desk: Desk, item: confirmation.Item) -> ItemView:
    filing, row, table = desk.filing, item.row, item.table
    own = {w.school.code for w in item.own}
    speaks = filing.right in (Right.LEAD, Right.MEMBER)
    is_open = not filing.why_locked(item.code or None)
    columns = typed_columns(table)
    return ItemView(
        id=row.id or 0,
        version=row.version,
        table=table.title,
        head=view.as_shown(desk, columns[0], row.cells.get(columns[0].key)),
        cells=tuple(_cells(desk, row, columns[1:])),
        code=item.code if item.code in filing.pages else "",
        state=item.state.value if item.state else "",
        said=tuple(_said(desk, table, row, w, own, item.kept.get(w.school.code, "")) for w in item.words),
        files=tuple(view.file_view(desk, e) for e in desk.files_at.get(f"row:{row.id}", ())),
        may_say=speaks and is_open and bool(own),
        may_answer=filing.right is Right.LEAD and is_open,
    )


def _cells(desk: Desk, row: FactRow, columns: list[Column]) -> list[tuple[str, str]]:
    filled = [(c, row.cells.get(c.key)) for c in columns]
    return [(c.label, view.as_shown(desk, c, v)) for c, v in filled if v not in (None, "", False)]


def _said(desk: Desk, table: Table, row: FactRow, word: Word, own: set[str], kept: str) -> Said:
    disputed = word.state is ConfirmState.DISPUTED and word.said is not None
    said = word.said if disputed else None
    proposal = [
        (c.label, view.as_shown(desk, c, row.cells.get(c.key)), view.as_shown(desk, c, said.proposal[c.key]))
        for c in typed_columns(table)
        if said is not None and c.key in said.proposal
    ]
    note = said.note if said is not None else ""
    return Said(
        school=word.school.name,
        code=word.school.code,
        state=word.state.value,
        is_own=word.school.code in own,
        note=note,
        proposal=tuple(proposal),
        kept=kept,
    )


# --- the named school ------------------------------------------------------------------------------


@bp.post(ROOT)
def confirm_rows(entry_id: int) -> Response:
    """确认 what is ticked, or (``one``) a single row: ``<id>~<version>``."""
    desk = load(entry_id)
    values = [request.form["one"]] if request.form.get("one") else request.form.getlist("row")
    pairs = [(whole(v.partition("~")[0]), whole(v.partition("~")[2])) for v in values]
    try:
        versions = {row: version for row, version in pairs if row is not None and version is not None}
        n = confirmation.confirm(desk.filing, versions)
    except (Invalid, Conflict) as error:
        return _page(desk, status=error.status, error=error.message)
    say("done", _("已确认 %(n)s 行。", n=n))
    return go(url_for("school.confirmations", entry_id=entry_id))


@bp.get(ROW)
def dispute(entry_id: int, row_id: int) -> Response:
    """有异议: the row as it is, to be corrected."""
    return _form(load(entry_id), row_id)


def _item(desk: Desk, row_id: int) -> confirmation.Item:
    for item in confirmation.items(desk.filing):
        if item.row.id == row_id and item.own and desk.filing.right in (Right.LEAD, Right.MEMBER):
            return item
    raise NotFound(_("没有这份填报，或您无权查看。"))  # word for word as of a foreign unit


def _form(
    desk: Desk, row_id: int, *, typed: view.Typed | None = None, status: int = 200, error: str = ""
) -> Response:
    item, typed = _item(desk, row_id), typed or view.Typed()
    said = next((w.said for w in item.own if w.said is not None), None)
    cells = {**item.row.cells, **(said.proposal if said is not None else {})}
    controls = [
        view.Control(
            item=column,
            name=f"c:{column.key}",
            id=f"p-{column.key}",
            value=typed.texts.get(column.key, view.as_typed(cells.get(column.key))),
            shown=view.as_shown(desk, column, item.row.cells.get(column.key)),
            error=typed.problems.get(column.key, ""),
            label=column.label,
        )
        for column in typed_columns(item.table)
    ]
    return answer(
        "school/dispute.html",
        status=status,
        **desk.page_values(),
        item=_view(desk, item),
        controls=controls,
        why=typed.texts.get("note", said.note if said is not None else ""),
        note_error=typed.problems.get("note", ""),
        error=error,
        why_not=desk.why_not(),
        op=new_op(),
    )


@bp.post(ROW)
def dispute_row(entry_id: int, row_id: int) -> Response:
    desk = load(entry_id)
    item = _item(desk, row_id)
    texts = {c.key: request.form.get(f"c:{c.key}", "") for c in typed_columns(item.table)}
    note = request.form.get("note", "")
    version = whole(request.form.get("version", "")) or 0
    try:
        confirmation.dispute(desk.filing, row_id, texts, note, version=version)
    except Invalid as error:
        typed = view.Typed({**texts, "note": note}, error.problems)
        return _form(desk, row_id, typed=typed, status=422, error=error.message)
    except Conflict as error:
        return _form(desk, row_id, typed=view.Typed({**texts, "note": note}), status=409, error=error.message)
    say("done", _("已把异议告诉%(lead)s。", lead=desk.rubric.terms.lead))
    return go(url_for("school.confirmations", entry_id=entry_id))


# --- the lead --------------------------------------------------------------------------------------


@bp.post(ROW + "/answer")
def answer_dispute(entry_id: int, row_id: int) -> Response:
    """Take the proposal over, or (``do=keep``) keep the own for a reason."""
    desk, form = load(entry_id), request.form
    school, version = form.get("school", ""), whole(form.get("version", "")) or 0
    try:
        if form.get("do") == "keep":
            confirmation.keep(desk.filing, row_id, school, form.get("note", ""), version=version)
            say("done", _("已保留原填，理由会给对方和%(panel)s看。", panel=desk.rubric.terms.panel))
        else:
            confirmation.take_over(desk.filing, row_id, school, version=version)
            say("done", _("已按对方的意见改好这一行。"))
    except (Invalid, Conflict) as error:
        texts = {school: form.get("note", "")}
        return _page(desk, status=error.status, error=error.message, at=row_id, texts=texts)
    return go(url_for("school.confirmations", entry_id=entry_id))
