"""One way to make an xlsx: safe options, the house's formats, A4 pages, exact numbers.

Every text is written as text, whatever it starts with; the only formulas in a book are those that
this package writes through :meth:`Sheet.formula`. The same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from io import BytesIO
from typing import Any, Final

import xlsxwriter

from ..i18n import _
from ..rubric.numbers import as_text
from . import text as texts
from .quick_sheet import QuickWorksheet

# XlsxWriter turns strings into formulas, links and numbers by default: a school named
# "=HYPERLINK(…)" would become a live link in the bureau's ranking.
SAFE: Final = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "in_memory": True,
}

# The fonts of official documents. WPS brings them along; elsewhere the charset makes the program
# fall back to its own Song, Fang Song or Hei.
TITLE_FONT = "方正小标宋简体"
HEAD_FONT = "黑体"
BODY_FONT = "仿宋_GB2312"
_GB2312 = 134

_A4 = 9
_PORTRAIT_UNITS, _LANDSCAPE_UNITS = 88, 134
"""Column units that an A4 page takes at full size within the margins set below."""

_LINE, _AROUND, _HIGHEST = 14.5, 5.5, 409.0
"""Points of a line of body text, of the space around the lines, of the highest row there can be."""

_UNDATED = datetime(2000, 1, 1)
"""Date of a document that has none of its own, so that its bytes depend on its content alone."""

_EXACT_DIGITS = 15
"""Decimal digits that a spreadsheet's number keeps."""


class Book:
    """An xlsx in the making.

    :param title: document property, and the headline of the sheets that ask for one.
    :param author: document property: the bureau.
    :param created: when the content was settled; None leaves the document undated.
    """

    def __init__(self, title: str, *, author: str = "", created: datetime | None = None) -> None:
        self._out = BytesIO()
        self.file = xlsxwriter.Workbook(self._out, SAFE)
        if created is not None and created.tzinfo is not None:
            created = created.astimezone(UTC).replace(tzinfo=None)
        title, author = (texts.clean(said)[:255] for said in (title, author))  # Excel's limit
        self.file.set_properties({"title": title, "author": author, "created": created or _UNDATED})
        self._names: set[str] = set()
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._quoted: dict[int, Any] = {}

    def format(self, **properties: Any) -> Any:
        """A cell format; the same properties give the same format. Body font unless told otherwise."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = made = self._add(properties)
            self._quoted[id(made)] = self._add({**properties, "quote_prefix": True})
        return self._formats[key]

    def quoted(self, style: Any) -> Any:
        """The same format with Excel's quote prefix: the cell stays text when it is edited."""
        return self._quoted[id(style)]

    def _add(self, properties: dict[str, Any]) -> Any:
        base = {"font_name": BODY_FONT, "font_size": 11, "font_charset": _GB2312, "valign": "vcenter"}
        return self.file.add_format({**base, **properties})

    # --- the formats that all sheets share ---

    @property
    def title(self) -> Any:
        return self.format(font_name=TITLE_FONT, font_size=18, align="center", text_wrap=True)

    @property
    def subtitle(self) -> Any:
        return self.format(font_size=11, align="left", text_wrap=True)

    @property
    def head(self) -> Any:
        return self._head(align="center")

    @property
    def head_left(self) -> Any:
        return self._head(align="left", indent=1)

    @property
    def head_small(self) -> Any:
        return self._head(align="center", font_size=9)

    def _head(self, **properties: Any) -> Any:
        return self.format(font_name=HEAD_FONT, text_wrap=True, border=1, bg_color="#EEF1F5", **properties)

    def cell(self, align: str = "left", **properties: Any) -> Any:
        """A bordered cell of the body, its text wrapped."""
        return self.format(align=align, text_wrap=True, border=1, **properties)

    def points(self, places: int, **properties: Any) -> Any:
        """A bordered number with the places that the notice prints."""
        pattern = "0." + "0" * places if places else "0"
        return self.format(align="right", border=1, num_format=pattern, **properties)

    # --- sheets and bytes ---

    def sheet(self, name: str) -> Sheet:
        """A new sheet; its name is made fit for Excel and unique in the book."""
        return Sheet(self, self.file.add_worksheet(texts.sheet_name(name, self._names), QuickWorksheet))

    def to_bytes(self) -> bytes:
        """Close the book and return the file."""
        self.file.close()
        for sheet in self.file.worksheets():
            sheet.table.clear()  # at once: the library's objects refer to each other and would wait
        return self._out.getvalue()


class Sheet:
    """A worksheet that takes text as text and Fractions as exact numbers. Rows and columns from 0."""

    def __init__(self, book: Book, sheet: Any) -> None:
        self.book = book
        self.raw = sheet
        self.name: str = sheet.name
        self._widths: list[float] = []

    # --- cells ---

    def text(self, row: int, column: int, value: str, style: Any) -> None:
        if not value:
            self.raw.write_blank(row, column, None, style)
            return
        value, risky = texts.cell(value)
        if not value:
            self.raw.write_blank(row, column, None, style)
            return
        if risky:
            style = self.book.quoted(style)
        self.raw.write_string(row, column, value, style)

    def number(self, row: int, column: int, value: Fraction, style: Any) -> None:
        """``value`` exactly: a number where the decimals end, else the division itself (``=13/3``).

        A value beyond the 15 digits of a spreadsheet is rounded there and says so in a comment.
        """
        if is_exact(value):
            self.raw.write_number(row, column, value.numerator / value.denominator, style)
        elif max(abs(value.numerator), value.denominator) < 10**_EXACT_DIGITS and not _ends(value):
            self.formula(row, column, f"{value.numerator}/{value.denominator}", value, style)
        else:
            self.raw.write_number(row, column, float(value), style)
            self.raw.write_comment(row, column, _("准确值：%(value)s", value=as_text(value)))

    def formula(self, row: int, column: int, formula: str, value: Fraction | str, style: Any) -> None:
        """A formula of our own with its cached value; never made from somebody's text."""
        cached = value if isinstance(value, str) else value.numerator / value.denominator
        self.raw.write_formula(row, column, f"={formula}", style, cached)

    def put(
        self, row: int, column: int, value: str | Fraction | None, style: Any, number: Any = None
    ) -> None:
        """Text, number or empty cell. number: format of the numbers if it differs."""
        if value is None or isinstance(value, str):  # asked first: of a Fraction it takes longer
            self.text(row, column, value or "", style)
        else:
            self.number(row, column, value, number or style)

    def merge(self, area: tuple[int, int, int, int], value: str | Fraction | None, style: Any) -> None:
        """One cell over ``(first row, first column, last row, last column)``; a single cell is no merge."""
        top, left, bottom, right = area
        if (top, left) != (bottom, right):
            self.raw.merge_range(*area, "", style)
        self.put(top, left, value, style)

    # --- rows and columns ---

    def widths(self, units: Sequence[float], style: Any = None) -> None:
        """Column widths from the left; style: format of the cells that nothing is written to."""
        self._widths = list(units)
        for column, width in enumerate(units):
            self.raw.set_column(column, column, width, style)

    def headline(self, row: int, value: str, style: Any, *, size: float = 11) -> None:
        """A text over the full width of the table, with the height that it needs."""
        units = sum(self._widths) * 11 / size
        self.merge((row, 0, row, len(self._widths) - 1), value, style)
        self.raw.set_row(row, texts.lines(texts.clean(value), units) * size * 1.4 + 8)

    def lines(self, cells: Sequence[str | Fraction | None]) -> int:
        """How many lines a row of these cells takes, one cell per column from the left."""
        widths = self._widths
        return max((texts.lines(v, widths[c]) for c, v in enumerate(cells) if isinstance(v, str)), default=1)

    def height(self, row: int, lines: int) -> None:
        """Make a row high enough for so many lines of body text.

        Not left to the program: WPS and LibreOffice do not fit rows when they open a file, and
        none of them fits merged cells.
        """
        self.raw.set_row(row, min(_HIGHEST, lines * _LINE + _AROUND))

    def table(
        self,
        row: int,
        heads: Sequence[str],
        rows: Iterable[Sequence[str | Fraction | None]],
        *,
        styles: Sequence[Any],
        number: Any = None,
    ) -> int:
        """Heads in ``row``, the rows below. Returns the first row after them.

        styles: one per column; number: format of the numbers (default: the column's own style).
        """
        head, last = self.book.head, row
        self.height(row, self.lines(heads))
        for column, label in enumerate(heads):
            self.text(row, column, label, head)
        for last, cells in enumerate(rows, row + 1):
            for column, value in enumerate(cells):
                self.put(last, column, value, styles[column], number)
            self.height(last, self.lines(cells))
        return last + 1

    # --- the page ---

    def page(
        self, *, landscape: bool, heads: tuple[int, int] | None = None, note: str = "", footer: str = ""
    ) -> None:
        """A4, fit to the width, the head rows on each page, 第 n 页 共 m 页.

        A table wider than a page can show legibly runs over several pages side by side.
        heads: first and last row to repeat; note: centred at the top (草案); footer: at the left.
        """
        sheet = self.raw
        sheet.set_paper(_A4)
        sheet.set_margins(left=0.5, right=0.5, top=0.7, bottom=0.7)
        sheet.center_horizontally()
        if landscape:
            sheet.set_landscape()
        room = _LANDSCAPE_UNITS if landscape else _PORTRAIT_UNITS
        sheet.fit_to_pages(max(1, round(sum(self._widths) / (room * 1.35))), 0)
        if heads is not None:
            sheet.repeat_rows(*heads)
        if note:
            sheet.set_header(f"&C{texts.page_text(note)}")
        left = f"&L{texts.page_text(footer)}" if footer else ""
        sheet.set_footer(left + "&R" + _("第 &P 页 共 &N 页"))


def fit(values: Iterable[str], *, least: float = 6, most: float = 60) -> float:
    """A column width that takes the widest of ``values``, between ``least`` and ``most`` units."""
    widest = max((texts.width(value) for value in values), default=0)
    return min(most, max(least, widest * 1.05 + 2))


def is_exact(value: Fraction) -> bool:
    """Whether a spreadsheet's number holds ``value`` exactly as decimal text (at most 15 digits)."""
    if 10**6 % value.denominator == 0 and abs(value.numerator) < 10**9:
        return True  # nearly all points: six places at most, nine digits before them
    return _ends(value) and len(as_text(abs(value)).replace(".", "").lstrip("0")) <= _EXACT_DIGITS


def _ends(value: Fraction) -> bool:
    """Whether the decimals of ``value`` come to an end."""
    return "/" not in as_text(value)


def literal(value: Fraction) -> str:
    """``value`` inside a formula, exactly: ``0.5``, or ``(13/3)``."""
    return as_text(value) if _ends(value) else f"({as_text(value)})"
