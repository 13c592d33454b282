"""A fact table as values for its template: rows under the clauses that count them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from intranet.domain.fact_rows import PASTE_LIMIT, PastedRow, is_whole, typed_columns
from intranet.i18n import _
from intranet.models import FactRow
from intranet.queries.filing import SCHOOL, Page
from intranet.rubric import sentences, tables
from intranet.rubric.ledger import Line
from intranet.rubric.model import Clause, Column, RosterClause, Table, TallyClause
from intranet.rubric.numbers import show

from .desk import Desk, new_op
from .row_form import RowForm
from .view import FileView, as_shown, file_view

CellView = tuple[str, str, bool]
"""(label, text, is it a figure)."""


@dataclass(frozen=True, slots=True)
class RowView:
    """One row. counted: None where no clause on this page counts it."""

    id: int
    head: str
    sub: str
    cells: tuple[CellView, ...]
    months: str
    band: str
    points: Fraction | None
    counted: bool | None
    reason: str
    hint: str
    files: tuple[FileView, ...]
    may_edit: bool
    word: str = ""
    """What the schools that it names say: open, confirmed, disputed; "" if none is asked."""
    carried: bool = False  # 上次结转, not looked at yet


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows of one clause; clause None: those that no clause on this page counts."""

    clause: Clause | None
    rows: tuple[RowView, ...]
    points: Fraction | None = None
    title: str = ""
    is_due: bool = False  # somebody has to do something about these rows


@dataclass(frozen=True, slots=True)
class PasteView:
    """从表格粘贴 of one table. rows: what the text would become, None before it was looked at.

    is_here: in place below its table; False on the page of its own. why_not: why nothing can be added now.
    """

    table: Table
    columns: tuple[Column, ...]
    op: str
    text: str = ""
    rows: tuple[PastedRow, ...] | None = None
    error: str = ""
    is_here: bool = True
    why_not: str = ""
    limit: int = PASTE_LIMIT

    @property
    def bad(self) -> int:
        """Rows with a cell that cannot be read."""
        return sum(row.cells is None for row in self.rows or ())

    @property
    def is_good(self) -> bool:
        """Whether all of it may be added as it is."""
        return self.rows is not None and not self.bad and not self.error


@dataclass(frozen=True, slots=True)
class TableView:
    table: Table
    heads: tuple[tuple[str, bool], ...]
    groups: tuple[RowGroup, ...]
    n: int
    is_declared: bool
    has_months: bool
    has_bands: bool
    scores: bool
    may_add: bool
    may_edit: bool
    form: RowForm | None
    op: str
    deleted: RowView | None = None
    error: str = ""
    added: int = 0
    """Rows that have just been pasted."""

    @property
    def may_paste(self) -> bool:
        return self.may_add and not self.is_declared

    @property
    def is_form_on_top(self) -> bool:
        """Whether the row being typed has no place among the rows: it is new, or another page's."""
        shown = {r.id for g in self.groups for r in g.rows}
        return self.form is not None and self.form.row_id not in shown

    @property
    def typed_row(self) -> RowView | None:
        """The row being typed, as it is stored and counts."""
        wanted = self.form.row_id if self.form is not None else 0
        return next((r for g in self.groups for r in g.rows if wanted and r.id == wanted), None)

    @property
    def carried(self) -> int:
        """Rows here that came from the last cycle and that this person may look at."""
        return sum(r.carried and r.may_edit for g in self.groups for r in g.rows)

    @property
    def span(self) -> int:
        """Columns of the whole table, for rows that go across."""
        return 2 + len(self.heads) + self.has_months + self.has_bands + self.scores


def table_view(
    desk: Desk,
    page: Page,
    key: str,
    *,
    form: RowForm | None = None,
    deleted: FactRow | None = None,
    error: str = "",
    added: int = 0,
) -> TableView:
    table = desk.rubric.table[key]
    found = tables.rows_of(table, desk.filed.facts)
    rows = _there(desk, page, table, found or [])
    leaves = [x for x in page.leaves if isinstance(x, TallyClause | RosterClause) and x.table == key]
    fixed = _fixed(leaves)
    columns = _columns(table, rows, fixed)
    ids = desk.filed.source.row_ids.get(key, [])
    groups, seen = [], set[int]()
    for leaf in leaves:
        lines = _lines(desk.own[leaf.code].lines, key)
        mine = [r for r in rows if r.n in lines and r.n not in seen]
        seen |= {r.n for r in mine}
        views = tuple(_row(desk, page, r, columns, ids, lines[r.n]) for r in mine)
        groups.append(RowGroup(leaf, views, desk.own[leaf.code].points))
    rest = [r for r in rows if r.n not in seen]
    wheres, share = page.tables[key], desk.filing.share
    own = [r for r in rest if share is not None or any(r.matches(w) for w in wheres)]
    nowhere = [] if share is not None else _nowhere(desk, key, rest)
    others = len(rest) - len(own) - len(nowhere)
    if own:
        title = _("本项不计分") if leaves else ""
        views = tuple(_row(desk, page, r, columns, ids, None) for r in own)
        groups.append(RowGroup(None, views, title=title))
    if nowhere:
        views = tuple(_row(desk, page, r, columns, ids, None) for r in nowhere)
        groups.append(RowGroup(None, views, title=_undecided(desk, table), is_due=True))
    if others:
        groups.append(RowGroup(None, (), title=_("另有 %(n)s 行归其他指标", n=others)))
    bureau = table.by != SCHOOL
    groups = [g for g in groups if g.rows or g.title]
    return TableView(
        table=table,
        heads=tuple((label, figure) for label, figure, _keys in columns[1:]),
        groups=tuple(groups),
        n=len(rows),
        is_declared=found == [],
        has_months=any(isinstance(x, RosterClause) for x in leaves),
        has_bands=any(r.band for g in groups for r in g.rows),
        scores=bool(leaves),
        may_add=not bureau and desk.may_help(page.code) and (share is None or bool(wheres)),
        may_edit=not bureau and desk.may_edit(page.code) and (share is None or is_whole(desk.filing, key)),
        form=form,
        op=new_op(),
        deleted=_deleted(desk, table, deleted),
        error=error,
        added=added,
    )


def _nowhere(desk: Desk, key: str, rows: Sequence[tables.Row]) -> list[tables.Row]:
    """Rows that no indicator reads as they are: half filled in. Each page of the table shows them, since
    otherwise nobody would find them again."""
    every = [where for page in desk.filing.every_page.values() for where in page.tables.get(key, ())]
    return [r for r in rows if not any(r.matches(where) for where in every)]


def _undecided(desk: Desk, table: Table) -> str:
    """归不到任何条款，请核对“类别”: the columns that decide where a row belongs."""
    every = [where for page in desk.filing.every_page.values() for where in page.tables.get(table.key, ())]
    keys = dict.fromkeys(key for where in every for key in where)
    labels = "、".join(table.by_key[key].label for key in keys if key in table.by_key)
    return _("归不到任何条款，请核对“%(labels)s”", labels=labels)


def paste_view(table: Table, text: str = "", **more: Any) -> PasteView:
    return PasteView(table, tuple(typed_columns(table)), new_op(), text, **more)


def _there(desk: Desk, page: Page, table: Table, rows: list[tables.Row]) -> list[tables.Row]:
    """The rows that are there for this person: all, or those handed to the own school and naming it."""
    share = desk.filing.share
    if share is None:
        return rows
    if table.by != SCHOOL:
        return [r for r in rows if any(r.matches(w) for w in page.tables[table.key])]
    ids = desk.filed.source.row_ids.get(table.key, [])
    return [r for r in rows if ids[r.n] in desk.rows and share.sees(page.code, desk.rows[ids[r.n]])]


Shown = tuple[str, bool, tuple[str, ...]]
"""(label, is it a figure, the columns put together in it)."""


def _fixed(leaves: Sequence[TallyClause | RosterClause]) -> set[str]:
    """Columns that every clause here fixes to one value: its group says them, the row need not."""
    each = [{c for c, allowed in leaf.where.items() if len(allowed) == 1} for leaf in leaves]
    return set.intersection(*each) if each else set()


def _columns(table: Table, rows: Sequence[tables.Row], fixed: set[str]) -> list[Shown]:
    """Which columns are shown, some together: name and post, from → to, start to end.

    The first is the head of the row. Columns that are blank in every row are left out.
    """
    used = {c.key for c in table.columns if any(r.cell(c.key) is not None for r in rows)} | {
        table.columns[0].key
    }
    pairs: dict[tuple[str, ...], str] = {
        c.of: c.label for c in table.columns if c.type == "direction" and len(c.of) == 2
    }
    by = table.by_key
    if {"start", "end"} <= by.keys() and by["start"].type == by["end"].type == "date":
        pairs["start", "end"] = _("起止")
    joined = {pair[0]: pair for pair in pairs}
    inside = {key for pair in pairs for key in pair[1:]}
    out: list[Shown] = []
    skip = inside | {c.key for c in table.columns if c.type == "direction" and c.of}
    first, second = table.columns[0], table.columns[1] if len(table.columns) > 1 else None
    with_post = second is not None and second.type == "choice" and second.key not in skip | fixed
    head = (first.key, second.key) if second is not None and with_post else (first.key,)
    out.append((first.label, False, head))
    for column in table.columns:
        if column.key in head or column.key in skip or column.key not in used or column.key in fixed:
            continue
        keys = joined.get(column.key, (column.key,))
        label = pairs.get(keys, column.label)
        out.append((label, column.type in {"count", "number"}, keys))
    return out


def _lines(lines: Sequence[Line], table: str) -> dict[int, tuple[Line, bool]]:
    """Lines by row index, and whether the row is the first that the line speaks of."""
    out: dict[int, tuple[Line, bool]] = {}
    for line in lines:
        for place, ref in enumerate(r for r in line.ref.split(",") if r.startswith(f"{table}[")):
            out[int(ref.rpartition("[")[2].rstrip("]"))] = (line, place == 0)
    return out


def _row(
    desk: Desk,
    page: Page,
    row: tables.Row,
    columns: Sequence[Shown],
    ids: Sequence[int],
    found: tuple[Line, bool] | None,
) -> RowView:
    row_id = ids[row.n] if row.n < len(ids) else 0
    line, first = found or (None, False)
    stored = desk.rows.get(row_id)
    head = columns[0][2]
    months = line.parts.get("months") if line is not None and first else None
    return RowView(
        id=row_id,
        head=_text(desk, row, head[0]) or _("未填"),
        sub=_text(desk, row, head[1]) if len(head) > 1 else "",
        cells=tuple((label, _joined(desk, row, keys), figure) for label, figure, keys in columns[1:]),
        months=show(months) if isinstance(months, Fraction) else "",
        band=str(line.parts.get("band", "")) if line is not None and first else "",
        points=line.points if line is not None and first and line.counted else None,
        counted=None if line is None else line.counted,
        reason=_why(line, first),
        hint=sentences.hint(line) if line is not None and first else "",
        files=tuple(file_view(desk, e) for e in desk.files_at.get(f"row:{row_id}", ())),
        may_edit=row_id > 0 and stored is not None and may_change(desk, page, stored),
        word=desk.filed.source.words[row_id].value if row_id in desk.filed.source.words else "",
        carried=stored is not None and stored.carried,
    )


def may_change(desk: Desk, page: Page, row: FactRow) -> bool:
    """Whether this person may change the row, and so put files to it, here and now."""
    return desk.filing.may_change_row(page.code, row)


def _why(line: Line | None, first: bool) -> str:
    if line is None or (line.counted and first):
        return ""
    if line.counted:
        return _("与本人其他行合并计算")
    return sentences.reason(line)


def _text(desk: Desk, row: tables.Row, key: str) -> str:
    column = row.table.by_key[key]
    value = row.cell(key)
    if value is None or value is False:
        return ""
    return "✓" if value is True else as_shown(desk, column, value)


def _joined(desk: Desk, row: tables.Row, keys: tuple[str, ...]) -> str:
    texts = [_text(desk, row, key) for key in keys]
    if len(texts) == 1:
        return texts[0]
    if row.table.by_key[keys[0]].type == "date":
        return f"{texts[0]} — {texts[1] or _('今')}" if texts[0] else texts[1]
    return " → ".join(t or "—" for t in texts) if any(texts) else ""


def _deleted(desk: Desk, table: Table, row: FactRow | None) -> RowView | None:
    if row is None or row.deleted_at is None:
        return None
    gone = tables.Row(table, row.cells, desk.filed.facts, 0)
    head = _text(desk, gone, table.columns[0].key) or _("空行")
    return RowView(row.id or 0, head, "", (), "", "", None, None, "", "", (), True)
