"""Reading a filled-in table out of an uploaded spreadsheet, with the cell named in each problem.

xlsx and ods are checked by ``archive.py`` first. All are read in a process of its own (``cells.py``)
with limits on memory and time, which ends instead of the server when a file is made to break readers.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from xml.etree import ElementTree

from ..errors import Invalid
from ..i18n import _
from . import child
from .archive import Archive, open_archive
from .cells import BLANK, Cell, Grid

MOST_FILE = 20 * 1024 * 1024
MOST_ROWS = 5_000
MOST_CELLS = 2_000_000
"""Cells of the rectangle that a sheet spans; calamine claims memory for all of them, filled or not."""
MOST_PROBLEMS = 200
_HEADS_WITHIN = 10
"""Rows at the top among which the heads are looked for; a title may stand above them."""

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
_PLACE = re.compile(rb"\br\s*=\s*[\"']\$?([A-Za-z]{0,3})\$?(\d{1,9})[\"']")
_MARKED = re.compile(rb"<(\w+:)?f\b|\bt\s*=\s*[\"']e[\"']")
_DATE = re.compile(r"(\d{4})\s*[-./年]\s*(\d{1,2})\s*[-./月]\s*(\d{1,2})\s*日?\Z")
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong where. cell: ``C5``, or empty for a whole sheet."""

    sheet: str
    cell: str
    message: str

    def __str__(self) -> str:
        return _(
            "工作表“%(sheet)s”%(cell)s：%(message)s", sheet=self.sheet, cell=self.cell, message=self.message
        )


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row. number: as in the sheet, from 1; cells: text in the order of the expected heads."""

    sheet: str
    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """The rows under the heads. A table with problems should not be imported.

    columns: letters of the column under each head, "" where it is missing.
    """

    headers: tuple[str, ...]
    rows: tuple[TableRow, ...]
    problems: tuple[CellProblem, ...] = ()
    columns: tuple[str, ...] = ()


def read_table(
    data: bytes,
    expected_headers: Sequence[str],
    *,
    dates: Collection[str] = (),
    optional: Collection[str] = (),
    most_rows: int = MOST_ROWS,
) -> Table:
    """The table with these heads, wherever in the file's visible sheets it stands.

    Cells come as text: numbers as typed (``3``, ``0.5``), dates as 2023-09-01. The order of the
    columns is free. dates: heads whose cells must be dates; other texts there are problems.
    optional: heads that may be missing; their cells are empty then.

    :raises Invalid: the file cannot be read at all, or no sheet has the heads; in Chinese, with
        what to do. What is wrong in single cells stands in ``problems``.
    """
    opened = open_book(data, most_rows + _HEADS_WITHIN)
    reader = _Reader(
        tuple(expected_headers), frozenset(dates), most_rows, opened.archive, frozenset(optional)
    )
    return reader.read(opened.grids)


# --- opening --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """The sheets of an accepted file. archive: None for xls, whose formulas cannot be told from values."""

    grids: list[Grid]
    archive: Archive | None


def open_book(data: bytes, most_rows: int, *, hidden: Sequence[str] = ()) -> Opened:
    """Check a file and read its visible sheets, and those hidden ones that are named.

    :raises Invalid: it cannot be read at all; in Chinese, with what to do.
    """
    if len(data) > MOST_FILE:
        raise Invalid(
            _("文件超过 %(most)s MB，请删去图片和多余的工作表后再上传。", most=MOST_FILE // 1024 // 1024)
        )
    archive = None
    if data.startswith(b"PK"):
        archive = open_archive(data)
        if not _is_ods(archive, data):
            _check_xlsx(archive)
    elif not data.startswith(_OLE):
        raise Invalid(_("这不是电子表格。请上传 .xlsx 文件（用 WPS 或 Excel 另存为 .xlsx）。"))
    return Opened(_grids(data, most_rows, hidden), archive)


def _unreadable() -> Invalid:
    return Invalid(_("文件已损坏或格式不对，打不开。请用 WPS 或 Excel 另存为 .xlsx 后再上传。"))


def _is_ods(archive: Archive, data: bytes) -> bool:
    return "content.xml" in archive.names and _ODS in data[:256]


def _check_xlsx(archive: Archive) -> None:
    """The parts of an xlsx are there, no macros, and no sheet spans more than can be read."""
    if "xl/vbaProject.bin" in archive.names:
        raise Invalid(_("文件含有宏，不能上传。请另存为不带宏的 .xlsx。"))
    if "xl/workbook.xml" not in archive.parts:
        raise Invalid(_("这不是 .xlsx 表格。请用 WPS 或 Excel 另存为 .xlsx 后再上传。"))
    for name, content in archive.parts.items():
        if not name.startswith("xl/worksheets/"):
            continue
        rows = columns = 1
        for column, number in _PLACE.findall(content):
            rows = max(rows, int(number))
            columns = max(columns, _column(column.decode()))
        if rows * columns > MOST_CELLS:
            raise Invalid(
                _(
                    "有一张工作表用到了第 %(rows)s 行、%(column)s 列，超出可读取的范围。"
                    "请把需要的行复制到新文件，或删除下方和右侧多余的行列后再上传。",
                    rows=rows,
                    column=letters(columns - 1),
                )
            )


def _grids(data: bytes, most_rows: int, hidden: Sequence[str]) -> list[Grid]:
    """The sheets, read by ``cells.py`` in a process of its own."""
    try:
        output = child.read("cells.py", data, str(most_rows), *hidden)
    except child.Failed as error:
        raise _unreadable() from error
    return [
        Grid(name, top, left, [[Cell(*cell) for cell in row] for row in rows], merged)
        for name, top, left, rows, merged in json.loads(output)
    ]


# --- what only the file itself says ---------------------------------------------------------------


def marked(archive: Archive, sheet: str) -> Iterator[tuple[str, str]]:
    """Cells with a formula (its last value is what calamine reads) or an error value (read as blank)."""
    try:
        content = archive.parts.get(_part_of(archive, sheet), b"")
        if not _MARKED.search(content):
            return
        root = ElementTree.fromstring(content)  # noqa: S314 - archive.py refuses declarations
    except ElementTree.ParseError as error:
        raise _unreadable() from error
    for cell in root.iter(f"{_MAIN}c"):
        if cell.find(f"{_MAIN}f") is not None:
            yield cell.get("r", ""), _("是公式，请复制后“选择性粘贴”为数值")
        elif cell.get("t") == "e":
            yield cell.get("r", ""), _("是错误值 %(text)s，请改正", text=cell.findtext(f"{_MAIN}v", ""))


def _part_of(archive: Archive, sheet: str) -> str:
    if "xl/workbook.xml" not in archive.parts:
        return ""
    book = ElementTree.fromstring(archive.parts["xl/workbook.xml"])  # noqa: S314 - as above
    links = ElementTree.fromstring(archive.parts.get("xl/_rels/workbook.xml.rels", b"<none/>"))  # noqa: S314
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for element in book.iter(f"{_MAIN}sheet"):
        if element.get("name") == sheet:
            target = targets.get(element.get(_REL), "")
            return target.removeprefix("/") if target.startswith("/xl/") else f"xl/{target}"
    return ""


# --- the table ------------------------------------------------------------------------------------


def same_head(text: str) -> str:
    """A head as it is compared: no spaces or line breaks, half-width, no mark of a required column."""
    return "".join(unicodedata.normalize("NFKC", text).split()).strip("*").removesuffix("(必填)")


@dataclass
class _Reader:
    headers: tuple[str, ...]
    dates: frozenset[str]
    most_rows: int
    archive: Archive | None  # None for xls, whose formulas cannot be told from values
    optional: frozenset[str] = frozenset()
    problems: list[CellProblem] = field(default_factory=list)

    def read(self, grids: Sequence[Grid]) -> Table:
        grid, at = self._find(grids)
        places = self._places(grid, at)
        self._whole_sheet(grid, at)
        rows = tuple(self._rows(grid, at, places))
        if not rows and not self.problems:
            self._problem(grid, "", _("表头下面没有内容，请从第 %(row)s 行起填写", row=grid.top + at + 2))
        columns = tuple(letters(grid.left + n) if n >= 0 else "" for n in places)
        return Table(self.headers, rows, tuple(self.problems[:MOST_PROBLEMS]), columns)

    def _problem(self, grid: Grid, cell: str, message: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(CellProblem(grid.name, cell, message))

    def _find(self, grids: Sequence[Grid]) -> tuple[Grid, int]:
        """The sheet and the row with the heads. :raises Invalid: none has all of them."""
        wanted = {same_head(head) for head in self.headers}
        best: tuple[int, Grid, int] | None = None
        for grid in grids:
            for n, row in enumerate(grid.rows[:_HEADS_WITHIN]):
                found = len(wanted & {same_head(cell.text) for cell in row})
                if best is None or found > best[0]:
                    best = (found, grid, n)
        heads = "、".join(self.headers)
        if best is None or best[0] == 0:
            raise Invalid(_("没有找到表头。应有这些列：%(heads)s。请下载模板填写。", heads=heads))
        _found, grid, n = best
        there = {same_head(cell.text) for cell in grid.rows[n]}
        missing = "、".join(h for h in self.headers if same_head(h) not in there and h not in self.optional)
        if missing:
            raise Invalid(
                _(
                    "工作表“%(sheet)s”第 %(row)s 行的表头缺少：%(missing)s。应有这些列：%(heads)s。",
                    sheet=grid.name,
                    row=grid.top + n + 1,
                    missing=missing,
                    heads=heads,
                )
            )
        return grid, n

    def _places(self, grid: Grid, at: int) -> list[int]:
        """The column of each expected head; heads twice or not expected are problems."""
        seen: dict[str, int] = {}
        wanted = {same_head(head) for head in self.headers}
        for n, cell in enumerate(grid.rows[at]):
            name, where = same_head(cell.text), self._name(grid, at, n)
            if not name:
                continue
            if name in seen:
                self._problem(grid, where, _("表头“%(head)s”重复了，请删去一列", head=cell.text))
            elif name not in wanted:
                self._problem(grid, where, _("多出一列“%(head)s”，请删去这一列", head=cell.text))
            seen.setdefault(name, n)
        return [seen.get(same_head(head), -1) for head in self.headers]

    def _whole_sheet(self, grid: Grid, at: int) -> None:
        for top, left, bottom, right in grid.merged:
            if bottom > grid.top + at:
                area = f"{letters(left)}{top + 1}:{letters(right)}{bottom + 1}"
                self._problem(grid, area, _("有合并的单元格，请取消合并，并在每一行都填上内容"))
        if self.archive is not None:
            for cell, message in marked(self.archive, grid.name):
                self._problem(grid, cell, message)

    def _rows(self, grid: Grid, at: int, places: Sequence[int]) -> Iterator[TableRow]:
        body = grid.rows[at + 1 :]
        while body and all(cell == BLANK for cell in body[-1]):
            body.pop()
        if len(body) > self.most_rows:
            where = f"A{grid.top + at + 2 + self.most_rows}"
            self._problem(grid, where, _("超过 %(most)s 行，请分成几个文件上传", most=self.most_rows))
            return
        heads = {places[n]: head for n, head in enumerate(self.headers)}
        titled = {n for n, cell in enumerate(grid.rows[at]) if cell.text}
        for n, row in enumerate(body, at + 1):
            if all(cell == BLANK for cell in row):
                self._problem(grid, self._name(grid, n, 0), _("整行是空的，请删除这一行"))
                continue
            for column, cell in enumerate(row):
                if column in heads:
                    row[column] = self._checked(grid, n, column, heads[column], cell)
                elif cell != BLANK and column not in titled:
                    self._problem(grid, self._name(grid, n, column), _("有内容，但这一列没有表头，请删去"))
            yield TableRow(
                grid.name, grid.top + n + 1, tuple(row[c].text if 0 <= c < len(row) else "" for c in places)
            )

    def _checked(self, grid: Grid, n: int, column: int, head: str, cell: Cell) -> Cell:
        where = self._name(grid, n, column)
        if cell.kind == "long":
            self._problem(grid, where, _("数字超过 15 位，末尾已失真，请把单元格设为文本后重新填写"))
        elif head in self.dates and cell != BLANK:
            day = _iso(cell)
            if day is None:
                text = cell.text[:20]
                self._problem(grid, where, _("“%(text)s”不是日期，请填 2023-09-01 的样子", text=text))
            else:
                return Cell("date", day)
        return cell

    def _name(self, grid: Grid, n: int, column: int) -> str:
        return f"{letters(grid.left + column)}{grid.top + n + 1}"


def _iso(cell: Cell) -> str | None:
    """A date cell or a date typed as text, as 2023-09-01; None if it is neither."""
    written = _DATE.match(unicodedata.normalize("NFKC", cell.text[:10] if cell.kind == "date" else cell.text))
    if written is None or cell.kind not in ("date", "text"):
        return None
    try:
        return date(int(written[1]), int(written[2]), int(written[3])).isoformat()
    except ValueError:
        return None


def letters(column: int) -> str:
    """Letters of a column counted from 0: A, Z, AA."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def _column(letters: str) -> int:
    """Number of a column counted from 1; 1 without letters."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return max(1, number)
