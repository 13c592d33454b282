"""The ranked workbook against bare xlsxwriter that writes the very same values from memory, without a format."""

from __future__ import annotations

import io
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook

from intranet.documents import ranking as workbook
from intranet.web.bureau.exports import ranking_view

from . import machine
from .letters import frozen

MANY = 1000


def values_of(data: bytes) -> dict[str, list[list[Any]]]:
    """Every cell of a workbook by sheet."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def bare(sheets: dict[str, list[list[Any]]]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for n, row in enumerate(rows):
            for column, value in enumerate(row):
                if value != "":
                    sheet.write(n, column, value)
    book.close()
    return out.getvalue()


def measure(units: int, rounds: int, only: str = "") -> None:
    for key, scoring, ranking in frozen(units):
        if only not in ("", key):
            continue

        def ours() -> bytes:
            view = ranking_view(ranking, scoring.definition, bureau="示例区教育局", zone="Asia/Shanghai")  # noqa: B023
            return workbook.write(view)

        first = ours()
        sheets = values_of(first)
        taken = machine.interleaved(
            {"ours": ours, "bare": lambda: bare(sheets)},  # noqa: B023 - called before the next round of the loop
            rounds=rounds,
        )
        cells = sum(len(row) for rows in sheets.values() for row in rows)
        print(
            f"  {key}: {units} units, {cells} cells, {len(first) / 2**20:.1f} MiB: {machine.middle(taken['ours']):.2f} s,"
            f" bare {machine.middle(taken['bare']):.2f} s: {machine.ratio(taken, 'ours', 'bare'):.2f} times"
        )


def main() -> None:
    measure(60, 3)
    key = next(key for key, _scoring, _ranking in frozen(1))
    measure(MANY, 1, only=key)


if __name__ == "__main__":
    main()
