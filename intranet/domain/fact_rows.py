"""Rows of the school's fact tables: add, edit, delete, bring back, paste, 本项没有."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from intranet.domain.filing import Filing, read_value
from intranet.domain.operations import outcome_of, remember
from intranet.errors import Conflict, Forbidden, Invalid, NotFound
from intranet.i18n import _
from intranet.models import FactRow, TableState
from intranet.queries.filed import extent_of, row_of, table_state_of
from intranet.queries.filing import SCHOOL, matches
from intranet.rubric.model import Column, Table

PASTE_LIMIT = 500
"""Rows at once: more than any school has, and still quick to look through before accepting."""

TABLE_LIMIT = 3000


def table_of(filing: Filing, code: str, key: str) -> Table:
    """A table of the school on this page. :raises NotFound: the page has none of that key."""
    if key not in filing.page(code).tables:
        raise NotFound(_("没有这张表。"))
    table = filing.rubric.table[key]
    if table.by != SCHOOL:
        raise Forbidden(_("这张表由教育局或考核组填写。"))
    return table


def typed_columns(table: Table) -> list[Column]:
    """The columns that people fill in; a direction that follows from two schools is not one."""
    return [c for c in table.columns if not (c.type == "direction" and c.of)]


def read_cells(filing: Filing, table: Table, texts: Mapping[str, str]) -> dict[str, Any]:
    """One row's cells from what was typed. Blanks may stay blank: the checks tell what is missing.

    :raises Invalid: ``problems`` by column key; also if every cell is blank.
    """
    cells: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for column in typed_columns(table):
        try:
            cells[column.key] = read_value(filing, column, texts.get(column.key, ""))
        except Invalid as error:
            problems[column.key] = error.message
    if problems:
        raise Invalid(_("有 %(n)s 处要改。", n=len(problems)), problems)
    if all(value is None or value is False for value in cells.values()):
        first = typed_columns(table)[0]
        raise Invalid(_("这一行还是空的。"), {first.key: _("请至少填写“%(label)s”", label=first.label)})
    return cells


def add_row(filing: Filing, code: str, key: str, texts: Mapping[str, str], *, op: str) -> FactRow:
    """Append a row. The same ``op`` again gives the same row; with other cells it changes that row, so that
    what was typed after a save whose answer got lost is not.

    :raises Invalid: ``problems`` by column. :raises Conflict: somebody changed the row since then.
    """
    filing.require_part(code)
    table = table_of(filing, code, key)
    before = outcome_of(filing.session, filing.actor, op)
    if isinstance(before, dict) and "row" in before:
        version = int(before.get("version", 1))
        return edit_row(filing, code, int(before["row"]), texts, version=version, op=op)
    cells = read_cells(filing, table, texts)
    require_handed(filing, code, table, cells)
    _require_open(filing, code, table, cells)
    row = _append(filing, table, [cells])[0]
    remember(filing.session, filing.actor, op, {"row": row.id, "version": row.version}, at=filing.at)
    return row


def add_rows(filing: Filing, code: str, key: str, rows: Sequence[Mapping[str, str]]) -> list[FactRow]:
    """Append several rows, all or none.

    :raises Invalid: of the first row that cannot be read, ``problems`` by column; too many rows.
    """
    filing.require_part(code)
    table = table_of(filing, code, key)
    cells = [read_cells(filing, table, texts) for texts in rows]
    require_handed(filing, code, table, *cells)
    _require_open(filing, code, table, *cells)
    return _append(filing, table, cells)


def _append(filing: Filing, table: Table, rows: Sequence[dict[str, Any]]) -> list[FactRow]:
    session = filing.session
    live, last = extent_of(session, filing.entry_id, table.key)
    if live + len(rows) > TABLE_LIMIT:
        raise Invalid(_("一张表最多 %(n)s 行。", n=TABLE_LIMIT), field="text")
    _set_declared(filing, table, declared=False)
    added = [
        FactRow(
            entry_id=filing.entry_id,
            owner=SCHOOL,
            table=table.key,
            position=last + n,
            cells=cells,
            created_by=filing.actor.user_id,
            changed_at=filing.at,
        )
        for n, cells in enumerate(rows, 1)
    ]
    session.add_all(added)
    filing.touch()
    session.flush()
    for row in added:
        filing.record("row.add", subject=f"{table.key}:{row.id}", new=row.cells)
    return added


def row_on(filing: Filing, code: str, row_id: int) -> FactRow:
    """A row, deleted or not, of a table on this page. :raises NotFound: there is none."""
    row = row_of(filing.session, filing.entry_id, row_id)
    if row is None:
        raise NotFound(_("没有这一行。"))
    table_of(filing, code, row.table)
    if filing.share is not None and not filing.share.sees(code, row):
        raise NotFound(_("没有这一行。"))
    return row


def _require_open(filing: Filing, code: str, table: Table, *rows: Mapping[str, Any]) -> None:
    """A row that only other pages count cannot be changed from here while those are locked.

    Two indicators may share a table; a return unlocks one of them.
    """
    here = filing.page(code).tables[table.key]
    for cells in rows:
        if any(matches(cells, where) for where in here):
            continue
        for page in filing.every_page.values():
            if any(matches(cells, where) for where in page.tables.get(table.key, ())):
                filing.require_now(page.code)


def require_handed(filing: Filing, code: str, table: Table, *rows: Mapping[str, Any]) -> None:
    """A member school adds and changes rows only of the clauses that were handed to it.

    :raises Invalid: a row belongs to another clause; says what would belong here.
    """
    if filing.share is None:
        return
    wheres = filing.page(code).tables[table.key]
    for cells in rows:
        if not any(matches(cells, where) for where in wheres):
            meant = _("；").join(_in_words(table, where) for where in wheres)
            text = _("这一行不属于分给您的部分。分给您的：%(meant)s", meant=meant) if meant else ""
            raise Invalid(text or _("只分给您单独的几行，不能在这张表里加行。"), field="text")


def _in_words(table: Table, where: Mapping[str, Sequence[str]]) -> str:
    """类别为定期"""
    parts = (
        _("%(label)s为%(value)s", label=table.by_key[k].label, value="、".join(v)) for k, v in where.items()
    )
    return _("，").join(parts)


def edit_row(
    filing: Filing, code: str, row_id: int, texts: Mapping[str, str], *, version: int, op: str
) -> FactRow:
    """Store a row's cells as typed.

    :raises Invalid: ``problems`` by column. :raises Conflict: changed or deleted meanwhile;
        ``theirs`` is the stored row.
    """
    row = row_on(filing, code, row_id)
    filing.require_row(code, row)
    cells = read_cells(filing, table_of(filing, code, row.table), texts)
    if row.deleted_at is not None:
        raise Conflict(_("这一行刚被删除。再次保存会把它放回表里。"), theirs=row)
    if row.cells == cells:
        looked_at(filing, row)
        return row
    if filing.share is not None and row.id not in filing.share.single:
        require_handed(filing, code, filing.rubric.table[row.table], cells)
    _require_open(filing, code, filing.rubric.table[row.table], row.cells, cells)
    if version != row.version and outcome_of(filing.session, filing.actor, op) != {
        "row": row.id,
        "version": row.version,
    }:
        raise Conflict(_("有人刚刚改过这一行。"), theirs=row)
    old, row.cells = row.cells, cells
    _changed(filing, row, "row.edit", old=old, new=cells)
    remember(filing.session, filing.actor, op, {"row": row.id, "version": row.version}, at=filing.at)
    return row


def replace_cells(
    filing: Filing, code: str, row_id: int, cells: Mapping[str, Any], *, version: int
) -> FactRow:
    """Write some of a row's cells, values as they are stored: what another school proposed.

    :raises Conflict: changed or deleted meanwhile; ``theirs`` is the stored row.
    """
    row = row_on(filing, code, row_id)
    filing.require_row(code, row)
    if row.deleted_at is not None or version != row.version:
        raise Conflict(_("有人刚刚改过这一行。"), theirs=row)
    old, new = row.cells, {**row.cells, **cells}
    _require_open(filing, code, filing.rubric.table[row.table], old, new)
    row.cells = new
    _changed(filing, row, "row.edit", old=old, new=new)
    return row


def delete_row(filing: Filing, code: str, row_id: int) -> FactRow:
    """Take a row out of its table; it can be brought back. Doing it twice changes nothing more."""
    row = row_on(filing, code, row_id)
    filing.require_row(code, row)
    _require_removable(filing, code, row)
    if row.deleted_at is None:
        _require_open(filing, code, filing.rubric.table[row.table], row.cells)
        row.deleted_at = filing.at
        _changed(filing, row, "row.delete", old=row.cells, new=None)
    return row


def _require_removable(filing: Filing, code: str, row: FactRow) -> None:
    """A single row that was handed out is to be filled in, not taken away."""
    if filing.share is not None and not filing.share.covers(code, row.table, row.cells):
        lead = filing.rubric.terms.lead
        raise Forbidden(_("这一行是%(lead)s分给您填的，不能删除。", lead=lead))


def restore_row(filing: Filing, code: str, row_id: int) -> FactRow:
    row = row_on(filing, code, row_id)
    filing.require_row(code, row)
    if row.deleted_at is not None:
        _require_open(filing, code, filing.rubric.table[row.table], row.cells)
        row.deleted_at = None
        _set_declared(filing, filing.rubric.table[row.table], declared=False)
        _changed(filing, row, "row.restore", old=None, new=row.cells)
    return row


def looked_at(filing: Filing, row: FactRow) -> None:
    """End a row's mark of being carried over (结转). Its version stays: whoever has it open types on."""
    if not row.carried:
        return
    row.carried = False
    filing.session.add(row)
    filing.touch()
    filing.session.flush()
    filing.record("carry.confirm", subject=f"{row.table}:{row.id}", old=True, new=False)


def _changed(filing: Filing, row: FactRow, action: str, *, old: Any, new: Any) -> None:
    row.version += 1
    row.carried = False
    row.changed_at = filing.at
    filing.session.add(row)
    filing.touch()
    filing.session.flush()
    filing.record(action, subject=f"{row.table}:{row.id}", old=old, new=new)


# --- 本项没有 --------------------------------------------------------------------------------------


def declare_empty(filing: Filing, code: str, key: str, *, declared: bool) -> None:
    """Say that there is nothing to list (a real zero, not a blank), or take that back.

    :raises Invalid: the table has rows.
    """
    filing.require_fill(code)
    table = table_of(filing, code, key)
    if filing.share is not None and not is_whole(filing, key):
        lead = filing.rubric.terms.lead
        raise Forbidden(_("这张表不只分给您一处，“本项没有”由%(lead)s注明。", lead=lead))
    live, _last = extent_of(filing.session, filing.entry_id, key)
    if declared and live:
        raise Invalid(_("表里已有内容。确实没有的，请先删除各行。"))
    _set_declared(filing, table, declared=declared)


def is_whole(filing: Filing, key: str) -> bool:
    """Whether every clause that reads the table was handed to the actor's school."""
    read = sum(len(p.tables.get(key, ())) for p in filing.every_page.values())
    return sum(len(p.tables.get(key, ())) for p in filing.pages.values()) == read


def _set_declared(filing: Filing, table: Table, *, declared: bool) -> None:
    session = filing.session
    state = table_state_of(session, filing.entry_id, table.key)
    old = state is not None and state.declared_empty
    if old == declared:
        return
    state = state or TableState(entry_id=filing.entry_id, owner=SCHOOL, table=table.key)
    state.declared_empty = declared
    session.add(state)
    filing.touch()
    session.flush()
    filing.record("table.empty", subject=table.key, old=old, new=declared)


# --- pasting from a spreadsheet -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PastedRow:
    """One pasted line: texts by column, cells if it can be read, else problems by column."""

    texts: dict[str, str]
    cells: dict[str, Any] | None = None
    problems: dict[str, str] = field(default_factory=dict)


def read_paste(filing: Filing, code: str, key: str, text: str) -> list[PastedRow]:
    """What tab-separated text from a spreadsheet would become; nothing is stored.

    A first line that names columns says their order; without one they come in the table's order.
    :raises Invalid: nothing there, or more than PASTE_LIMIT lines.
    """
    table = table_of(filing, code, key)
    lines = [cells for cells in _grid(text) if any(cell.strip() for cell in cells)]
    columns: list[Column | None] = list(typed_columns(table))
    header = _header(table, lines[0]) if lines else None
    if header is not None:
        columns, lines = header, lines[1:]
    if not lines:
        raise Invalid(_("还没有内容。请在表格里选中要交的行，复制后粘贴到这里。"), field="text")
    if len(lines) > PASTE_LIMIT:
        text = _(
            "一次最多粘贴 %(limit)s 行，这里有 %(n)s 行。内容还在框里，请分几次粘贴。",
            limit=PASTE_LIMIT,
            n=len(lines),
        )
        raise Invalid(text, field="text")
    return [_pasted(filing, table, columns, line) for line in lines]


def _grid(text: str) -> list[list[str]]:
    """Cells by line. A spreadsheet puts a cell with line breaks between quotes; its breaks become spaces."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    quoted = re.search(r'(^|[\t\n])"', plain) and plain.count('"') % 2 == 0
    if not quoted:
        return [line.split("\t") for line in plain.split("\n")]
    read = csv.reader(io.StringIO(plain, newline=""), delimiter="\t")
    return [[" ".join(cell.split("\n")) for cell in line] for line in read]


def _header(table: Table, cells: Sequence[str]) -> list[Column | None] | None:
    """Columns by their labels, None for one that is not the table's; None if this is no header."""
    by_label = {_plain(c.label): c for c in typed_columns(table)}
    found = [by_label.get(_plain(cell)) for cell in cells]
    return found if sum(c is not None for c in found) * 2 > len(found) else None


def _plain(text: str) -> str:
    return "".join(text.split()).replace("（", "(").replace("）", ")").replace("：", ":")


def _pasted(
    filing: Filing, table: Table, columns: Sequence[Column | None], cells: Sequence[str]
) -> PastedRow:
    texts = {c.key: cell.strip() for c, cell in zip(columns, cells, strict=False) if c is not None}
    try:
        return PastedRow(texts, read_cells(filing, table, texts))
    except Invalid as error:
        return PastedRow(texts, None, error.problems)


def accept_paste(filing: Filing, code: str, key: str, text: str, *, op: str) -> int:
    """Add all pasted rows, or none. :returns: how many. The same ``op`` again adds nothing.

    :raises Invalid: a cell cannot be read.
    """
    filing.require_part(code)
    before = outcome_of(filing.session, filing.actor, op)
    if isinstance(before, dict) and "rows" in before:
        return int(before["rows"])
    pasted = read_paste(filing, code, key, text)
    good = [p.cells for p in pasted if p.cells is not None]
    if len(good) < len(pasted):
        raise Invalid(_("还有 %(n)s 行要改。", n=len(pasted) - len(good)), field="text")
    require_handed(filing, code, table_of(filing, code, key), *good)
    _require_open(filing, code, table_of(filing, code, key), *good)
    _append(filing, table_of(filing, code, key), good)
    remember(filing.session, filing.actor, op, {"rows": len(good)}, at=filing.at)
    return len(good)
