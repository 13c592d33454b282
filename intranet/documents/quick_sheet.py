"""XlsxWriter's worksheet, quicker where a large book spends its time. The file is the same to the byte:
``tests/unit/documents/test_workbook.py`` holds it against the library's own.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet


class QuickWorksheet(Worksheet):  # type: ignore[misc]  # XlsxWriter ships no types
    """For books that hold their sheets in memory.

    Formulas are not searched for future functions (30 regular expressions each): ours know SUM, MIN, MAX,
    ROUND, IF, AND, SUMPRODUCT. A row is put together in one go, instead of every cell by a list of
    attributes that are escaped one by one though none of them can need it.
    """

    # Rows and columns come as numbers here: none of them is looked at as A1 first.
    write_string = Worksheet._write_string
    write_blank = Worksheet._write_blank
    write_number = Worksheet._write_number
    write_formula = Worksheet._write_formula

    def _prepare_formula(self, formula: str, _expand_future_functions: bool = False) -> str:
        return formula.removeprefix("=")

    def _write_rows(self) -> None:
        if self.constant_memory or self.comments:
            super()._write_rows()
            return
        names = [xl_col_to_name(c) for c in range((self.dim_colmax or 0) + 1)]
        self._calculate_spans()
        for row in range(self.dim_rowmin, self.dim_rowmax + 1):
            cells, about = self.table.get(row), self.row_info.get(row)
            if not cells:
                if about is not None:
                    self._write_empty_row(row, self.row_spans.get(row // 16), about)
                continue
            self._write_row(row, self.row_spans.get(row // 16), about)
            self._cells(row, sorted(cells.items()), names)
            self._xml_end_tag("row")

    def _cells(self, row: int, cells: list[tuple[int, Any]], names: list[str]) -> None:
        """The usual kinds here, anything else by the library."""
        out: list[str] = []
        for column, cell in cells:
            kind, style = cell.__class__.__name__, cell.format
            if (
                style is None
                or kind not in _USUAL
                or (kind == "Formula" and isinstance(cell.value, (bool, str)))
            ):
                self.fh.write("".join(out))
                out.clear()
                self._write_cell(row, column, cell)
                continue
            head = f'<c r="{names[column]}{row + 1}" s="{style._get_xf_index()}"'
            if kind == "String":
                out.append(f'{head} t="s"><v>{cell.string}</v></c>')
            elif kind == "Blank":
                out.append(f"{head}/>")
            elif kind == "Number":
                out.append(f"{head}><v>{cell.number:.16G}</v></c>")
            else:
                out.append(f"{head}><f>{self._escape_data(cell.formula)}</f><v>{cell.value}</v></c>")
        self.fh.write("".join(out))

    def _calculate_spans(self) -> None:
        """First and last column of each sixteen rows."""
        bounds: dict[int, tuple[int, int]] = {}
        for row, cells in self.table.items():
            if cells:
                low, high = bounds.get(row // 16, (self.dim_colmax, 0))
                bounds[row // 16] = (min(low, *cells), max(high, *cells))
        self.row_spans = {n: f"{low + 1}:{high + 1}" for n, (low, high) in bounds.items()}


_USUAL = frozenset({"String", "Blank", "Number", "Formula"})


@contextmanager
def uncollected() -> Iterator[None]:
    """While a large book is made, its cells are not searched for cycles again and again: they hold none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
