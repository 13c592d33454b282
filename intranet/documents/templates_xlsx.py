"""Import templates: a sheet to fill in with drop-downs, a sheet that says how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xlsxwriter.utility import xl_col_to_name

from ..i18n import _
from . import text as texts
from .workbook import Book, Sheet, fit

ROWS = 2_000
"""Rows of the sheet that carry formats and drop-downs."""

_INLINE = 255
"""Characters that Excel takes for the options written into a drop-down itself."""


@dataclass(frozen=True, slots=True)
class ImportColumn:
    """One column to fill in. choices: a drop-down; help: shown at the cell and in the instructions."""

    label: str
    kind: Literal["text", "number", "date"] = "text"
    choices: Sequence[str] = ()
    required: bool = False
    help: str = ""
    width: float = 0


def write_import_template(
    title: str,
    columns: Sequence[ImportColumn],
    example_rows: Sequence[Sequence[str]],
    notes: Sequence[str],
) -> bytes:
    """An xlsx to fill in and upload again (see ``reading.read_table``).

    The first sheet is named after ``title`` and holds the heads in its first row and nothing else,
    so that no example is ever imported by mistake; examples and notes stand in the second.
    Every cell is text: 0312 keeps its zero and 2023.9.1 is read as it was typed.
    """
    book = Book(title)
    sheet = book.sheet(title)
    hints = book.sheet(_("填写说明"))
    lists = [column for column in columns if not _fits_inline(column.choices)]
    sources = _lists(book, lists)
    examples = list(zip(*example_rows, strict=True)) or [() for _column in columns]
    cell = book.format(num_format="@", text_wrap=True)
    optional, required = (
        book.head,
        book.format(font_name="黑体", align="center", text_wrap=True, border=1, bg_color="#FBE9D0"),
    )
    sheet.widths(
        [
            column.width or fit([column.label, *column.choices, *shown], least=10, most=40)
            for column, shown in zip(columns, examples, strict=True)
        ],
        cell,
    )
    for n, column in enumerate(columns):
        sheet.text(0, n, column.label, required if column.required else optional)
        _validate(sheet, n, column, sources.get(column.label))
    sheet.height(0, sheet.lines([column.label for column in columns]))
    sheet.raw.freeze_panes(1, 0)
    sheet.page(landscape=True, heads=(0, 0))
    _instructions(book, hints, title, columns, example_rows, notes)
    return book.to_bytes()


def _fits_inline(options: Sequence[str]) -> bool:
    """Whether a drop-down can hold the options itself: short enough, no comma or quote in them."""
    together = texts.clean(",".join(options))
    return (
        len(together) <= _INLINE and together.count(",") == max(0, len(options) - 1) and '"' not in together
    )


def _lists(book: Book, columns: Sequence[ImportColumn]) -> dict[str, str]:
    """Long option lists stand on a hidden sheet. Returns the range of each by column label."""
    if not columns:
        return {}
    sheet = book.sheet(_("选项"))
    sheet.raw.hide()
    quoted = sheet.name.replace("'", "''")
    ranges = {}
    for n, column in enumerate(columns):
        for row, option in enumerate(column.choices):
            sheet.text(row, n, option, book.format())
        name = xl_col_to_name(n)
        ranges[column.label] = f"='{quoted}'!${name}$1:${name}${len(column.choices)}"
    return ranges


def _validate(sheet: Sheet, n: int, column: ImportColumn, source: str | None) -> None:
    """A drop-down for options, a hint for the rest. The reader checks again; this only helps."""
    rule: dict[str, object] = {"validate": "any"}
    if column.choices:
        rule = {
            "validate": "list",
            "source": source or [texts.clean(option) for option in column.choices],
            "error_title": _("请从下拉列表中选择"),
            "error_message": _("本列只能填列表中的内容。"),
        }
    hint = _hint(column)
    if hint:
        rule |= {"input_title": texts.clean(column.label)[:32], "input_message": hint[:255]}
    if column.choices or hint:
        sheet.raw.data_validation(1, n, ROWS, n, rule)


def _hint(column: ImportColumn) -> str:
    kinds = {"date": _("日期，如 2023-09-01"), "number": _("数字"), "text": ""}
    return texts.clean("；".join(part for part in (kinds[column.kind], column.help) if part))


def _instructions(
    book: Book,
    sheet: Sheet,
    title: str,
    columns: Sequence[ImportColumn],
    example_rows: Sequence[Sequence[str]],
    notes: Sequence[str],
) -> None:
    """How to fill in each column, what else to know, and examples."""
    sheet.widths([18, 10, 26, 34, 26])
    sheet.headline(0, _("%(title)s：填写说明", title=title), book.title, size=18)
    general = [
        _("请填在第一张工作表，从第 2 行起，一行一条；不要改动表头、合并单元格或插入公式。"),
        _("填好后保存为 .xlsx 再上传；有不合要求的，系统会指出工作表和单元格。"),
    ]
    at = 1
    for note in [*general, *notes]:
        sheet.headline(at, note, book.subtitle)
        at += 1
    rows = [
        (
            column.label,
            _("必填") if column.required else _("选填"),
            "、".join(column.choices[:20]) + ("……" if len(column.choices) > 20 else ""),
            _hint(column),
            "\n".join(row[n] for row in example_rows),
        )
        for n, column in enumerate(columns)
    ]
    cell, middle = book.cell(), book.cell("center")
    heads = [_("列"), _("是否必填"), _("可填内容"), _("说明"), _("示例（不要照抄）")]
    sheet.table(at + 1, heads, rows, styles=[cell, middle, cell, cell, cell])
    sheet.page(landscape=True)
