"""Rows of fact tables: add, edit, delete, bring back, 本项没有, paste."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from flask import Response, request, url_for

from intranet.domain import fact_rows
from intranet.errors import Conflict, Invalid, NotFound
from intranet.i18n import _
from intranet.models import FactRow
from intranet.queries.filing import Page
from intranet.rubric.model import Table
from intranet.web import access
from intranet.web.forms import answer, go, say, wants_fragment, whole

from . import bp, tables, view
from .desk import Desk, load
from .indicator import ROOT, open_row, show_page, stored_row, values
from .row_form import RowForm, conflicts, row_form

access.allow(
    {
        "school.add_row": access.SCHOOL,
        "school.edit_row": access.SCHOOL,
        "school.delete_row": access.SCHOOL,
        "school.restore_row": access.SCHOOL,
        "school.declare_empty": access.SCHOOL,
        "school.paste": access.SCHOOL,
        "school.paste_rows": access.SCHOOL,
    }
)


STAY = "stay"
"""What a row form says when one of its cells was left, in the place of the button that was pressed."""


def _texts(table: Table) -> dict[str, str]:
    return {c.key: request.form.get(f"c:{c.key}", "") for c in fact_rows.typed_columns(table)}


@bp.post(ROOT + "/tables/<key>/rows")
def add_row(entry_id: int, code: str, key: str) -> Response:
    desk = load(entry_id)
    page, table = desk.filing.page(code), fact_rows.table_of(desk.filing, code, key)
    texts = _texts(table)
    try:
        row = fact_rows.add_row(desk.filing, code, key, texts, op=request.form.get("op", ""))
    except Invalid as error:
        typed = view.Typed(texts, error.problems)
        form = row_form(desk, page, table, None, typed=typed, note=error.message)
        return _table(desk, page, key, form=form, status=422)
    except Conflict as error:
        return _conflict(desk, page, table, error, texts)
    return _table(desk, page, key, form=_next_form(desk, page, table, row))


def _next_form(desk: Desk, page: Page, table: Table, row: FactRow) -> RowForm | None:
    """What is open after a row was saved: nothing, an empty new row, or one with the same cells."""
    then = request.form.get("then")
    if then not in ("more", "copy") or not desk.may_help(page.code):
        return None
    return row_form(desk, page, table, None, like=row if then == "copy" else None)


@bp.post(ROOT + "/rows/<int:row_id>")
def edit_row(entry_id: int, code: str, row_id: int) -> Response:
    desk = load(entry_id)
    page = desk.filing.page(code)
    row = _row(desk, code, row_id)
    table = desk.rubric.table[row.table]
    texts = _texts(table)
    stays = request.form.get("then") == STAY and wants_fragment()
    version = whole(request.form.get("version", "")) or 0
    if not stays:
        version = whole(request.form.get("seen", "")) or version
    try:
        op = request.form.get("op", "")
        row = fact_rows.edit_row(desk.filing, code, row_id, texts, version=version, op=op)
    except Invalid as error:
        typed = view.Typed(texts, error.problems)
        form = row_form(desk, page, table, row, typed=typed, note=error.message)
        return (_kept if stays else _table)(desk, page, table.key, form=form, status=422)
    except Conflict as error:
        return _conflict(desk, page, table, error, texts, over=version, stays=stays)
    if stays:
        desk = desk.again()
        return _kept(desk, page, table.key, form=row_form(desk, page, table, desk.rows[row_id]))
    return _table(desk, page, table.key, form=_next_form(desk, page, table, row))


def _kept(desk: Desk, page: Page, key: str, *, form: RowForm, status: int = 200) -> Response:
    """A cell was left and the row stays open: nothing in it is swapped but what is said of it."""
    shown = tables.table_view(desk, page, key, form=form)
    response = answer("school/_row_kept.html", status=status, **values(desk, page), table=shown)
    response.headers["HX-Reswap"] = "none"
    return response


def _conflict(
    desk: Desk,
    page: Page,
    table: Table,
    error: Conflict,
    texts: dict[str, str],
    *,
    over: int = 0,
    stays: bool = False,
) -> Response:
    """Both versions in one form: what was typed in the fields, what is stored beside them.

    A row that was deleted meanwhile comes back as a new one, so that nothing typed is lost.

    :param over: the version that was typed over.
    """
    theirs = stored_row(error.theirs)
    if theirs is None or theirs.deleted_at is not None:
        form = row_form(desk, page, table, None, typed=view.Typed(texts), note=error.message)
    else:
        typed = view.Typed(texts, {}, conflicts(desk, table, theirs, texts))
        note = error.message + _("要用您填的，请按“保存这一行”；要用现在存的，请按“取消”。")
        form = row_form(desk, page, table, theirs, typed=typed, note=note, over=over)
        if stays:
            return _kept(desk, page, table.key, form=form, status=409)
    return _table(desk, page, table.key, form=form, status=409)


def _row(desk: Desk, code: str, row_id: int) -> FactRow:
    return fact_rows.row_on(desk.filing, code, row_id)


@bp.post(ROOT + "/rows/<int:row_id>/delete")
def delete_row(entry_id: int, code: str, row_id: int) -> Response:
    desk = load(entry_id)
    row = fact_rows.delete_row(desk.filing, code, row_id)
    return _table(desk, desk.filing.page(code), row.table, deleted=row)


@bp.post(ROOT + "/rows/<int:row_id>/restore")
def restore_row(entry_id: int, code: str, row_id: int) -> Response:
    desk = load(entry_id)
    row = fact_rows.restore_row(desk.filing, code, row_id)
    return _table(desk, desk.filing.page(code), row.table)


@bp.post(ROOT + "/tables/<key>/empty")
def declare_empty(entry_id: int, code: str, key: str) -> Response:
    """本项没有, or taking that back (``declared`` empty)."""
    desk = load(entry_id)
    page, error = desk.filing.page(code), ""
    try:
        fact_rows.declare_empty(desk.filing, code, key, declared=bool(request.form.get("declared")))
    except Invalid as refused:
        error = refused.message
    return _table(desk, page, key, error=error, status=422 if error else 200)


def _table(
    desk: Desk,
    page: Page,
    key: str,
    *,
    form: RowForm | None = None,
    deleted: FactRow | None = None,
    error: str = "",
    status: int = 200,
) -> Response:
    """The table after a change: the fragment with what depends on it, or the page it stands on."""
    if wants_fragment():
        desk = desk.again()
        shown = tables.table_view(desk, page, key, form=form, deleted=deleted, error=error)
        template = "school/_table_saved.html" if status == 200 else "school/_table.html"
        response = answer(template, status=status, **values(desk, page), table=shown, oob=False)
        if status == 200:
            response.headers["HX-Replace-Url"] = _where(desk, page, key, form)
        return response
    if status != 200:
        return show_page(desk, page, status=status, row_form=form, table=key, table_error=error)
    return go(f"{_where(desk, page, key, form, deleted)}#table-{key}")


def _where(desk: Desk, page: Page, key: str, form: RowForm | None, deleted: FactRow | None = None) -> str:
    """The page, with the row that is open in it: loaded anew, or after signing in again, it is open again.

    Without JavaScript the address also says what was just deleted, for its 撤销.
    """
    more: dict[str, Any] = {}
    if form is not None:
        more = {"row": "new", "table": key, **({"like": form.like} if form.like else {})}
    elif deleted is not None:
        more = {"table": key, "deleted": deleted.id or 0}
    return url_for("school.indicator", entry_id=desk.entry_id, code=page.code, **more)


# --- pasting -------------------------------------------------------------------------------------


@bp.get(ROOT + "/tables/<key>/paste")
def paste(entry_id: int, code: str, key: str) -> Response:
    """The page of its own, for browsers without JavaScript; else the box is on the indicator's page."""
    desk = load(entry_id)
    table = fact_rows.table_of(desk.filing, code, key)
    return _paste(desk, desk.filing.page(code), tables.paste_view(table, is_here=wants_fragment()))


@bp.post(ROOT + "/tables/<key>/paste")
def paste_rows(entry_id: int, code: str, key: str) -> Response:
    """Look at what was pasted; with ``accept`` take it. Nothing is lost on refusal."""
    desk = load(entry_id)
    page, table = desk.filing.page(code), fact_rows.table_of(desk.filing, code, key)
    desk.filing.require_part(code)
    text, here = request.form.get("text", ""), wants_fragment()
    try:
        pasted = fact_rows.read_paste(desk.filing, code, key, text)
        if request.form.get("accept") and all(p.cells is not None for p in pasted):
            n = fact_rows.accept_paste(desk.filing, code, key, text, op=request.form.get("op", ""))
            return _pasted(desk, page, table, n)
    except Invalid as error:
        shown = tables.paste_view(table, text, error=error.message, is_here=here)
        return _paste(desk, page, shown, status=422)
    shown = tables.paste_view(table, text, rows=tuple(pasted), is_here=here)
    return _paste(desk, page, shown, status=422 if shown.bad else 200)


def _paste(desk: Desk, page: Page, paste: tables.PasteView, *, status: int = 200) -> Response:
    """The box with what it would become. Nothing is stored, so the browser keeps its draft."""
    response = answer(
        "school/_paste.html" if paste.is_here else "school/paste.html",
        status=status,
        **desk.page_values(),
        page=page,
        paste=replace(paste, why_not=desk.why_not(page.code) if not desk.may_help(page.code) else ""),
    )
    response.headers["X-Draft"] = "keep"
    return response


def _pasted(desk: Desk, page: Page, table: Table, n: int) -> Response:
    """After the rows were added: their table with what depends on it, and an empty box.

    A row that was open in the table (``open``) is open again, so that what is typed in it has its place.
    """
    if not wants_fragment():
        say("done", _("已添加 %(n)s 行。", n=n))
        return go(f"{url_for('school.indicator', entry_id=desk.entry_id, code=page.code)}#table-{table.key}")
    desk = desk.again()
    form = None
    with suppress(NotFound):  # deleted meanwhile
        opened = request.form.get("open", "")
        like = request.form.get("like", "")
        form = open_row(desk, page, table.key, opened, like=like) if opened else None
    response = answer(
        "school/_table_pasted.html",
        **values(desk, page),
        table=tables.table_view(desk, page, table.key, form=form, added=n),
        paste=tables.paste_view(table),
        oob=False,
    )
    response.headers["HX-Retarget"] = f"#table-{table.key}"
    return response
