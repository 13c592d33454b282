"""The cells of a spreadsheet file as text, read with calamine: a program, bytes in, JSON out.

It runs in a process of its own (see ``reading.py``), because an xls of a few kB can make a reader
claim a GB, and a count that lies makes it abort: then this process ends and not the server. So
nothing but the standard library and calamine is imported here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any, NamedTuple

from python_calamine import CalamineWorkbook, SheetVisibleEnum

MEMORY = 768 * 1024 * 1024
"""Address space of this process, where the system can limit it."""


class Cell(NamedTuple):
    """kind: "" (blank), text, number, date, tick or long (a number whose digits are lost)."""

    kind: str
    text: str


BLANK = Cell("", "")


class Grid(NamedTuple):
    """One sheet. top, left: place of the first cell, from 0; merged: (top, left, bottom, right)."""

    name: str
    top: int
    left: int
    rows: list[list[Cell]]
    merged: list[tuple[int, int, int, int]]


def read_grids(data: bytes, most_rows: int, hidden: Sequence[str] = ()) -> list[Grid]:
    """The visible sheets in order, each with at most ``most_rows`` rows and one more if there are more.

    hidden: names of sheets that are read although they are hidden.

    Errors: whatever calamine raises; its panics are no ``Exception`` but ``BaseException``.
    """
    grids = []
    with CalamineWorkbook.from_filelike(BytesIO(data)) as book:
        for about in book.sheets_metadata:
            if about.visible != SheetVisibleEnum.Visible and about.name not in hidden:
                continue
            sheet = book.get_sheet_by_name(about.name)
            top, left = sheet.start or (0, 0)
            rows = [[read_cell(v) for v in row] for row in sheet.to_python(nrows=most_rows + 1)]
            merged = [(*first, *last) for first, last in sheet.merged_cell_ranges or ()]
            grids.append(Grid(about.name, top, left, rows, merged))
    return grids


def read_cell(value: Any) -> Cell:
    """A value as it would be typed: 3, 0.5, 2023-09-01, 是; spaces around text are dropped."""
    if isinstance(value, str):
        text = value.strip()
        return Cell("text", text) if text else BLANK
    if isinstance(value, bool):
        return Cell("tick", "是" if value else "否")
    if isinstance(value, int | float):
        # 15 digits are what a spreadsheet keeps; 0.1+0.2 is shown there as 0.3.
        if abs(value) >= 10**15:
            return Cell("long", str(value))
        exact = Decimal(format(value, ".15g"))
        return Cell("number", format(exact.normalize() if exact % 1 else exact.to_integral(), "f"))
    if isinstance(value, datetime):
        whole_day = value.time() == time()
        return Cell("date", value.date().isoformat() if whole_day else value.isoformat(" ", "minutes"))
    if isinstance(value, date):
        return Cell("date", value.isoformat())
    if isinstance(value, time):
        return Cell("text", value.isoformat("minutes"))
    if isinstance(value, timedelta):
        return Cell("text", str(value))
    return BLANK


def main() -> None:
    """Read a file from standard input, write the grids to standard output."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except ImportError:  # Windows has no such limit; the time limit of the caller holds there
        pass
    json.dump(read_grids(sys.stdin.buffer.read(), int(sys.argv[1]), sys.argv[2:]), sys.stdout)


if __name__ == "__main__":
    main()
