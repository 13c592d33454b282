"""The offline workbook (离线填报表) as xlsx: sheets to fill in, how to, and what it is for on a hidden sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from ..domain.offline import Ask, Head, Layout, Row, Section, hint
from ..i18n import _
from ..rubric.numbers import as_fraction, as_text
from . import text as texts
from .reading import letters
from .workbook import HEAD_FONT, Book, Sheet, fit, is_exact

MARKER = "_intranet"
"""Name of the hidden sheet: ``about.<key>`` and ``base.<row key>`` with their values."""
OPTIONS = "_options"
HOW_TO, PROBLEMS = "说明", "问题"
"""Sheets that hold nothing to read back."""

ROWS = 2_000
"""Rows of a table's sheet that carry formats and drop-downs."""
FIRST = 2
"""Row, counted from 1, in which the content of every sheet begins; the heads stand above it."""

_FIRST_DAY, _LAST_DAY = date(1900, 3, 1), date(2200, 12, 31)
"""Dates that every spreadsheet counts alike: Excel knows a 29 February 1900."""
_EDIT, _WRONG = "#FFFBEB", "#F9CFCB"


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell to be marked. row counts the section's rows from 0; column "" is the first typed one."""

    section: str
    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem that belongs to no cell of the copy: where it was in the uploaded file."""

    place: str
    message: str


def write(
    layout: Layout,
    *,
    author: str,
    made_at: datetime,
    marks: Sequence[Mark] = (),
    remarks: Sequence[Remark] = (),
) -> bytes:
    """The workbook; with marks, the copy that says in its first sheet and its cells what is wrong."""
    book = Book(_title(layout), author=author, created=made_at)
    return _Writer(book, layout, marks, remarks).write()


def _title(layout: Layout) -> str:
    return layout.title or _("离线填报表：%(unit)s", unit=layout.unit)


class _Writer:
    def __init__(self, book: Book, layout: Layout, marks: Sequence[Mark], remarks: Sequence[Remark]) -> None:
        self.book, self.layout, self.remarks = book, layout, remarks
        self.marks: dict[tuple[str, int, str], list[str]] = {}
        for mark in marks:
            section = next((s for s in layout.sections if s.key == mark.section), None)
            column = mark.column or (section.typed[0].key if section else "")
            self.marks.setdefault((mark.section, mark.row, column), []).append(mark.message)
        self.options: dict[tuple[str, ...], str] = {}
        self.sheets: dict[str, Sheet] = {}

    def write(self) -> bytes:
        listed = self.book.sheet(PROBLEMS) if self.marks or self.remarks else None
        told = self.book.sheet(HOW_TO)
        self.sheets = {s.key: self.book.sheet(s.title) for s in self.layout.sections}
        lists, marker = self.book.sheet(OPTIONS), self.book.sheet(MARKER)
        for section in self.layout.sections:
            self._section(section, self.sheets[section.key])
        self._instructions(told)
        if listed is not None:
            self._problems(listed)
        for n, options in enumerate(self.options):
            for row, option in enumerate(options):
                lists.text(row, n, option, self.book.format(num_format="@"))
        about = {f"about.{k}": v for k, v in self.layout.about.items()}
        base = {f"base.{k}": v for k, v in self.layout.base.items()}
        for row, (key, value) in enumerate((about | base).items()):
            for column, said in enumerate((key, value)):
                marker.text(row, column, said, self.book.format(num_format="@"))
        for sheet in (lists, marker):
            sheet.raw.hide()
        (listed or told).raw.activate()
        return self.book.to_bytes()

    # --- one sheet ---

    def _section(self, section: Section, sheet: Sheet) -> None:
        """Heads in the first row, behind a hidden column that holds each row's key."""
        book = self.book
        heads = section.heads
        plain = book.format(num_format="@", text_wrap=True, locked=False)
        sheet.widths([4, *(self._width(section, head) for head in heads)])
        sheet.raw.set_column(0, 0, 4, plain, {"hidden": True})
        head_cells = [f"_{section.key}", *(head.label for head in heads)]
        for column, label in enumerate(head_cells):
            needed = column > 0 and (ask := heads[column - 1].ask) is not None and ask.required
            sheet.text(0, column, label, self._needed() if needed else book.head)
        sheet.height(0, sheet.lines(head_cells))
        for column, head in enumerate(heads, 1):
            if section.is_open and head.ask is not None:
                sheet.raw.set_column(
                    column, column, self._width(section, head), book.format(**_style(head.ask))
                )
                self._validate(sheet, (1, column, max(ROWS, len(section.rows)), column), head.label, head.ask)
        for n, row in enumerate(section.rows):
            self._row(section, sheet, n, row)
        sheet.raw.freeze_panes(1, 0)
        if not section.is_open:
            # Against slips only, so without a password; what is typed, widths and heights stay free.
            sheet.raw.protect("", {"format_columns": True, "format_rows": True, "format_cells": True})
        sheet.page(landscape=True, heads=(0, 0), footer=self.layout.unit)

    def _needed(self) -> Any:
        """The head of a column that must be filled in, as in the import templates."""
        return self.book.format(
            font_name=HEAD_FONT, align="center", text_wrap=True, border=1, bg_color="#FBE9D0"
        )

    def _width(self, section: Section, head: Head) -> float:
        if head.width and not section.is_open:
            return head.width
        options = head.ask.options if head.ask else ()
        shown = [row.texts.get(head.key, "") for row in section.rows[:200]]
        return fit([head.label, *options, *shown], least=max(10, head.width), most=40)

    def _row(self, section: Section, sheet: Sheet, n: int, row: Row) -> None:
        at = n + FIRST - 1
        sheet.text(at, 0, row.key, self.book.format(num_format="@", locked=not section.is_open))
        for column, head in enumerate(section.heads, 1):
            value, ask = row.texts.get(head.key, ""), row.asks.get(head.key, head.ask)
            wrong = self.marks.get((section.key, n, head.key))
            if ask is None or not head.is_typed:
                if ask is None:
                    sheet.text(at, column, value, self.book.cell(locked=True))
                else:  # a printed number is a number: as text, Excel marks every such cell as doubtful
                    _put(sheet, at, column, value, ask, self.book.cell("right", locked=True))
                continue
            style = self.book.format(**_style(ask, edit=not section.is_open, wrong=bool(wrong)))
            _put(sheet, at, column, value, ask, style)
            if wrong:
                sheet.raw.write_comment(
                    at, column, "\n".join(wrong)[:1000], {"x_scale": 1.6, "author": _("系统")}
                )
            if head.key in row.asks:
                self._validate(sheet, (at, column, at, column), row.texts.get("label", head.label), ask)
        cells = ["", *(row.texts.get(head.key, "") for head in section.heads)]
        sheet.height(at, sheet.lines(cells))

    def _validate(self, sheet: Sheet, area: tuple[int, int, int, int], label: str, ask: Ask) -> None:
        """A drop-down or a range of values, and how to fill it in. The reader checks everything again."""
        rule = {**_rule(ask), "error_title": _("请改一下")}
        if ask.options:
            rule |= {
                "validate": "list",
                "source": self._source(ask.options),
                "error_message": _("请从下拉列表中选。"),
            }
        told = texts.clean(hint(ask))
        if told:
            rule |= {"input_title": texts.clean(label)[:32], "input_message": told[:255]}
        if told or rule["validate"] != "any":
            sheet.raw.data_validation(*area, rule)

    def _source(self, options: tuple[str, ...]) -> str:
        """The range of these options on the hidden sheet."""
        name = letters(list(self.options).index(options) if options in self.options else len(self.options))
        return self.options.setdefault(options, f"='{OPTIONS}'!${name}$1:${name}${len(options)}")

    # --- what to read first ---

    def _instructions(self, sheet: Sheet) -> None:
        book, layout = self.book, self.layout
        sheet.widths([24, 12, 90])
        sheet.headline(0, _title(layout), book.title, size=18)
        own = [
            _("1. 在各工作表的浅黄色格子里填写；名册、清单从第 2 行起，一行一条，可以增加行。"),
            _("2. 不要改表头，不要合并单元格，不要填公式。日期填 2023-09-01 的样子。"),
            _("3. 已有的内容是下载时系统里的。要删除一行，删去整行或清空这一行。"),
            _("4. 存为 .xlsx 上传。系统先列出改动和问题，您逐项勾选，确认后才保存。"),
            _("5. 材料文件、“确实没有”和“本项没有”请在网页上办理。"),
        ]
        at = 1
        for note in (layout.cycle, *(layout.notes or own)):
            sheet.headline(at, note, book.subtitle)
            at += 1
        rows = [(s.title, str(len(s.rows)), s.help) for s in layout.sections]
        cell = book.cell()
        heads = [_("工作表"), _("现有行数"), _("说明")]
        sheet.table(at + 1, heads, rows, styles=[cell, book.cell("center"), cell])
        for n, section in enumerate(layout.sections, at + 2):
            self._link(sheet, n, 0, section.key, "A1", section.title)
        sheet.page(landscape=True)

    def _link(self, sheet: Sheet, row: int, column: int, section: str, cell: str, said: str) -> None:
        name = self.sheets[section].name.replace("'", "''")
        style = self.book.cell(font_color="#0B4F8A", underline=1)
        sheet.raw.write_url(row, column, f"internal:'{name}'!{cell}", style, texts.clean(said))

    def _problems(self, sheet: Sheet) -> None:
        """Each marked cell with a link to it, and what the uploaded file had besides."""
        book = self.book
        sheet.widths([28, 12, 90])
        n = sum(map(len, self.marks.values())) + len(self.remarks)
        sheet.headline(0, _("请改好下面 %(n)s 处", n=n), book.title, size=18)
        told = _("出问题的格子已标红，批注里写着怎样改。可以直接改这份表，再上传。")
        sheet.headline(1, told, book.subtitle)
        middle, cell = book.cell("center"), book.cell()
        rows: list[tuple[str, str, str]] = []
        links: list[tuple[str, str]] = []
        for section in self.layout.sections:
            places = {head.key: n for n, head in enumerate(section.heads, 1)}
            for (key, row, column), messages in self.marks.items():
                if key == section.key:
                    at = f"{letters(places[column])}{row + FIRST}"
                    rows += [(section.title, at, message) for message in messages]
                    links += [(section.key, at) for _message in messages]
        rows += [(_("原文件 %(place)s", place=r.place), "", r.message) for r in self.remarks]
        sheet.table(3, [_("工作表"), _("单元格"), _("怎样改")], rows, styles=[cell, middle, cell])
        for n, (key, at) in enumerate(links, 4):
            self._link(sheet, n, 1, key, at, at)
        sheet.page(landscape=True)


def _style(ask: Ask, *, edit: bool = False, wrong: bool = False) -> dict[str, Any]:
    """Format of a cell to fill in; text stays text, so that 0312 keeps its zero and 3-1 is no date."""
    shape = {"date": "yyyy-mm-dd", "count": "General", "number": "General"}.get(ask.type, "@")
    right = ask.type in {"count", "number"}
    fill = {"bg_color": _WRONG if wrong else _EDIT} if wrong or edit else {}
    align = "right" if right else "center" if ask.type in {"date", "tick"} else "left"
    return {"num_format": shape, "text_wrap": True, "border": 1, "locked": False, "align": align, **fill}


def _put(sheet: Sheet, row: int, column: int, value: str, ask: Ask, style: Any) -> None:
    """A date as a date, a number as a number where the cell keeps it exactly; all else as text."""
    if ask.type == "date":
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is not None and day >= _FIRST_DAY:
            sheet.raw.write_datetime(row, column, datetime(day.year, day.month, day.day), style)
            return
    elif ask.type in {"count", "number"}:
        try:
            number = as_fraction(value.strip() or None)
        except ValueError:
            number = None
        if isinstance(number, Fraction) and is_exact(number) and as_text(number) == value.strip():
            sheet.raw.write_number(row, column, float(number), style)
            return
    sheet.text(row, column, value, style)


def _rule(ask: Ask) -> dict[str, Any]:
    """What the program itself lets into the cell."""
    if ask.type == "date":
        return {
            "validate": "date",
            "criteria": "between",
            "minimum": _FIRST_DAY,
            "maximum": _LAST_DAY,
            "error_message": _("请填日期，如 2023-09-01。"),
        }
    if ask.type not in {"count", "number"}:
        return {"validate": "any"}
    kind = "integer" if ask.type == "count" else "decimal"
    least = ask.least if ask.least is not None else Fraction(0) if ask.type == "count" else None
    said = _("请填整数，如 3。") if ask.type == "count" else _("请填数字，如 0.5。")
    whole: Mapping[str, Any] = {"validate": kind, "error_message": said}
    if least is not None and ask.most is not None:
        return {**whole, "criteria": "between", "minimum": _bound(least), "maximum": _bound(ask.most)}
    if ask.most is not None:
        return {**whole, "criteria": "<=", "value": _bound(ask.most)}
    return {**whole, "criteria": ">=", "value": _bound(least) if least is not None else -(10**9)}


def _bound(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)
