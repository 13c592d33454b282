"""Reading an offline workbook back: each row with its key, each oddity with its sheet and cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..domain.fact_rows import TABLE_LIMIT
from ..domain.offline import Head, Layout, Section
from ..domain.offline_filled import Filled, Flaw, Line, require_same
from ..i18n import _
from .cells import BLANK, Cell, Grid
from .offline import HOW_TO, MARKER, PROBLEMS
from .reading import Opened, letters, marked, open_book, same_head

_MOST_ROWS = 20_000
"""Rows read of a sheet; the hidden one has a row for everything in the others."""
_MOST_FLAWS = 300
_HEADS_WITHIN = 10
_CELL = re.compile(r"([A-Z]{1,3})(\d+)\Z")


def read(
    data: bytes, layout: Layout, same: Callable[[Layout, Mapping[str, str]], None] = require_same
) -> Filled:
    """What was filled in.

    :param same: refuses a workbook that is not this layout's, by what its hidden sheet says.
    :raises Invalid: the file cannot be read, or is not this unit's workbook of this cycle; in
        Chinese, with what to do. Everything less is a flaw in the answer.
    """
    opened = open_book(data, _MOST_ROWS, hidden=(MARKER,))
    about, base = _marker(opened.grids)
    same(layout, about)
    return _Reader(opened, layout, about, base).read()


def _marker(grids: Sequence[Grid]) -> tuple[dict[str, str], dict[str, str]]:
    """What the hidden sheet says: what the workbook is for, and the marks of its content."""
    about: dict[str, str] = {}
    base: dict[str, str] = {}
    for grid in grids:
        for row in grid.rows if grid.name == MARKER else ():
            kind, _dot, key = row[0].text.partition(".")
            value = row[1].text if len(row) > 1 else ""
            if key:
                {"about": about, "base": base}.get(kind, {})[key] = value
    return about, base


@dataclass
class _Reader:
    opened: Opened
    layout: Layout
    about: Mapping[str, str]
    base: Mapping[str, str]
    sheets: dict[str, str] = field(default_factory=dict)
    letters: dict[str, dict[str, str]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)

    def read(self) -> Filled:
        sections = {f"_{s.key}": s for s in self.layout.sections}
        for grid in self.opened.grids:
            if grid.name == MARKER:
                continue
            found = _heads(grid, sections)
            if found is None and self._is_others(grid):
                self._flaw(grid, "", _("这张工作表不归您填，没有读取"), stops=False)
            elif found is None:
                if grid.name not in (HOW_TO, PROBLEMS) and any(c != BLANK for row in grid.rows for c in row):
                    self._flaw(grid, "", _("不是填报表里的工作表（或表头被改动），没有读取"), stops=False)
            elif found[0].key in self.sheets:
                self._flaw(grid, "", _("与前面的工作表重复，没有读取"), stops=False)
            else:
                self._section(grid, *found)
        for section in self.layout.sections:
            expected = section.key in self.about.get("sections", "").split()
            if expected and section.key not in self.sheets and section.key not in self.letters:
                text = _("缺少这张工作表，其中的内容保持不变")
                self.flaws.append(Flaw(section.title, "", text, section.key, stops=False))
        return Filled(self.about, self.base, self.sheets, self.letters, self.lines, self.flaws)

    def _is_others(self, grid: Grid) -> bool:
        """Whether it is a sheet of the workbook that this person is not asked for."""
        known = {f"_{key}" for key in self.about.get("sections", "").split()}
        return any(cell.text in known for row in grid.rows[:_HEADS_WITHIN] for cell in row)

    def _flaw(
        self, grid: Grid, cell: str, message: str, *, section: str = "", row: int = 0, stops: bool = True
    ) -> None:
        column = ""
        place = _CELL.match(cell)
        if place and section:
            by_letter = {letter: key for key, letter in self.letters[section].items()}
            column = by_letter.get(place[1], "")
        if len(self.flaws) < _MOST_FLAWS or stops:
            self.flaws.append(Flaw(grid.name, cell, message, section, row, column, stops))

    def _section(self, grid: Grid, section: Section, at: int) -> None:
        self.sheets[section.key] = grid.name
        key_column, places = self._places(grid, section, at)
        if len(places) < len(section.typed):
            missing = "、".join(h.label for h in section.typed if h.key not in places)
            cell = f"A{grid.top + at + 1}"
            text = _("缺少这些列：%(missing)s。这张工作表没有读取，请重新下载后再填", missing=missing)
            self.letters[section.key] = {}
            self._flaw(grid, cell, text, section=section.key)
            del self.sheets[section.key]
            return
        self.letters[section.key] = {key: letters(grid.left + n) for key, n in places.items()}
        self._merged(grid, section, at, places)
        self._formulas(grid, section)
        body = grid.rows[at + 1 :]
        while body and all(cell == BLANK for cell in body[-1]):
            body.pop()
        if len(body) > TABLE_LIMIT:
            text = _("超过 %(most)s 行，这张工作表没有读取。请删去多余的行", most=TABLE_LIMIT)
            self._flaw(grid, f"A{grid.top + at + 2 + TABLE_LIMIT}", text, section=section.key)
            return
        titled = {n for n, cell in enumerate(grid.rows[at]) if cell.text}
        untitled = False
        for n, row in enumerate(body, grid.top + at + 2):
            texts = {
                head.key: self._text(grid, section, n, places[head.key], head, row) for head in section.typed
            }
            key = row[key_column].text if key_column < len(row) else ""
            if key or any(texts.values()):
                self.lines.append(Line(section.key, key, n, texts))
            stray = next((c for c, cell in enumerate(row) if cell != BLANK and c not in titled), None)
            if stray is not None and not untitled:
                untitled = True
                cell = f"{letters(grid.left + stray)}{n}"
                self._flaw(grid, cell, _("这一列不是填报表里的，没有读取"), section=section.key, stops=False)

    def _places(self, grid: Grid, section: Section, at: int) -> tuple[int, dict[str, int]]:
        """The hidden column of keys, and the place of each typed head; the order of columns is free."""
        wanted = {same_head(h.label): h for h in section.heads}
        places: dict[str, int] = {}
        key_column = 0
        for n, cell in enumerate(grid.rows[at]):
            name, where = same_head(cell.text), f"{letters(grid.left + n)}{grid.top + at + 1}"
            head = wanted.get(name)
            if cell.text == f"_{section.key}":
                key_column = n
            elif head is not None and head.key not in places:
                places[head.key] = n
            elif head is not None:
                text = _("表头“%(head)s”重复了，只读取左边一列", head=cell.text)
                self.flaws.append(Flaw(grid.name, where, text, section.key, stops=False))
            elif name:
                text = _("多出一列“%(head)s”，没有读取", head=cell.text[:30])
                self.flaws.append(Flaw(grid.name, where, text, section.key, stops=False))
        return key_column, {h.key: places[h.key] for h in section.typed if h.key in places}

    def _merged(self, grid: Grid, section: Section, at: int, places: Mapping[str, int]) -> None:
        """Rows under merged cells are not taken over: nobody knows for which of them the value is meant."""
        used = {grid.left + n for n in places.values()}
        for top, left, bottom, right in grid.merged:
            if bottom <= grid.top + at or not any(left <= column <= right for column in used):
                continue
            area = f"{letters(left)}{top + 1}:{letters(right)}{bottom + 1}"
            text = _("%(area)s 是合并的单元格，请取消合并，并在每一行都填上内容", area=area)
            first = letters(min(column for column in used if column >= left))
            for row in range(max(top, grid.top + at + 1), bottom + 1):
                self._flaw(grid, f"{first}{row + 1}", text, section=section.key, row=row + 1)

    def _formulas(self, grid: Grid, section: Section) -> None:
        if self.opened.archive is None:
            return
        used = set(self.letters[section.key].values())
        for cell, message in marked(self.opened.archive, grid.name):
            place = _CELL.match(cell)
            if place and place[1] in used:
                self._flaw(grid, cell, message, section=section.key, row=int(place[2]))

    def _text(
        self, grid: Grid, section: Section, number: int, place: int, head: Head, row: Sequence[Cell]
    ) -> str:
        cell = row[place] if place < len(row) else BLANK
        if cell.kind == "long":
            where = f"{letters(grid.left + place)}{number}"
            text = _("数字超过 15 位，末尾已失真，请把单元格设为文本后重新填写")
            self._flaw(grid, where, text, section=section.key, row=number)
        if cell.kind == "date" and head.ask is not None and head.ask.type == "date":
            return cell.text[:10]  # a time of day in a cell for a day says nothing
        return cell.text


def _heads(grid: Grid, sections: Mapping[str, Section]) -> tuple[Section, int] | None:
    """Which section the sheet holds, and the row of its heads: by the hidden column."""
    for n, row in enumerate(grid.rows[:_HEADS_WITHIN]):
        for cell in row:
            if cell.text in sections:
                return sections[cell.text], n
    return None
