"""The form of a row being typed: a new one, a copy, a stored one, one that was refused or changed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from intranet.domain.fact_rows import typed_columns
from intranet.models import FactRow
from intranet.queries.filing import Page
from intranet.rubric.model import Table

from .desk import Desk, new_op
from .view import Control, FileView, Typed, as_shown, as_typed, file_view


@dataclass(frozen=True, slots=True)
class RowForm:
    """The row being typed. row_id 0 is a new one."""

    row_id: int
    version: int
    op: str
    controls: tuple[Control, ...]
    files: tuple[FileView, ...]
    note: str = ""
    may_delete: bool = False
    seen: int = 0
    """The version that stands beside what was typed, after a conflict; to save over it takes the button."""
    like: int = 0
    """The row that a new one was copied from."""


def row_form(
    desk: Desk,
    page: Page,
    table: Table,
    row: FactRow | None,
    *,
    typed: Typed | None = None,
    note: str = "",
    like: FactRow | None = None,
    over: int | None = None,
) -> RowForm:
    """The form of a stored row, or of a new one: with what ``like`` says, else the page's own conditions.

    :param over: after a conflict, the version that was typed over.
    """
    typed = typed or Typed()
    source = row or like
    cells: Mapping[str, object] = source.cells if source is not None else _presets(page, table)
    controls = []
    for column in typed_columns(table):
        value = cells.get(column.key)
        controls.append(
            Control(
                item=column,
                name=f"c:{column.key}",
                id=f"{table.key}-{row.id if row else 'new'}-{column.key}",
                value=typed.texts.get(column.key, as_typed(value)),
                shown=as_shown(desk, column, value),
                error=typed.problems.get(column.key, ""),
                theirs=typed.theirs.get(column.key, ""),
                label=column.label,
            )
        )
    row_id = row.id or 0 if row is not None else 0
    files = tuple(file_view(desk, e) for e in desk.files_at.get(f"row:{row_id}", ())) if row_id else ()
    stored = row.version if row is not None else 0
    version, seen = (stored, 0) if over is None else (over, stored)
    share = desk.filing.share
    may_delete = row is not None and (share is None or share.covers(page.code, table.key, row.cells))
    copied = like.id or 0 if like is not None else 0
    return RowForm(row_id, version, new_op(), tuple(controls), files, note, may_delete, seen, copied)


def _presets(page: Page, table: Table) -> dict[str, object]:
    """What all conditions under which this page reads the table have in common, and column defaults."""
    wheres = page.tables[table.key]
    common = {
        key: allowed[0]
        for key, allowed in (wheres[0].items() if wheres else ())
        if len(allowed) == 1 and all(w.get(key) == allowed for w in wheres)
    }
    defaults = {c.key: c.default for c in table.columns if c.default is not None}
    return {**defaults, **common}


def conflicts(desk: Desk, table: Table, theirs: FactRow, texts: Mapping[str, str]) -> dict[str, str]:
    """Cells in which what is stored now differs from what was typed, for people."""
    out = {}
    for column in typed_columns(table):
        if as_typed(theirs.cells.get(column.key)) != texts.get(column.key, ""):
            out[column.key] = as_shown(desk, column, theirs.cells.get(column.key))
    return out
