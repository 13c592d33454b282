"""The comparison of a filled workbook with the store, as far as it is the same for every kind of workbook:
problems and changes with their cells, the readable lines of a sheet, the mark of what was downloaded."""

from __future__ import annotations

from typing import Any

from intranet.domain.offline import digest
from intranet.domain.offline_change import Change, Plan, Problem
from intranet.domain.offline_filled import Filled, Line
from intranet.i18n import _


class Comparison:
    """Collects into ``plan``; the flaws that the reader found are in it from the start."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self.plan = Plan(
            problems=[
                Problem(f.sheet, f.cell, f.message, f.stops, f.section, f.row, f.column) for f in filled.flaws
            ]
        )
        self.stopped = {(f.section, f.row) for f in filled.flaws if f.stops}

    def problem(self, line: Line, column: str, message: str) -> None:
        sheet, cell = self.filled.sheets.get(line.section, ""), self.filled.cell(line, column)
        self.plan.problems.append(Problem(sheet, cell, message, True, line.section, line.row, column))

    def change(self, line: Line, column: str = "", **more: Any) -> None:
        sheet, cell = self.filled.sheets.get(line.section, ""), self.filled.cell(line, column)
        self.plan.changes.append(
            Change(section=line.section, sheet=sheet, cell=cell, row=line.row, texts=line.texts, **more)
        )

    def lines(self, section: str, column: str) -> dict[str, Line]:
        """The readable lines by key; a key twice and text without a key are problems."""
        out: dict[str, Line] = {}
        for line in self.filled.of(section):
            if (section, line.row) in self.stopped:
                continue
            if not line.key:
                if any(line.texts.values()):
                    self.problem(line, column, _("这一行不是系统给出的，没有读取。请填在原有的行里"))
            elif line.key in out:
                if out[line.key].texts != line.texts:
                    self.problem(line, column, _("这一项在表里有两行，只读取上面一行。请删去多余的"))
            else:
                out[line.key] = line
        return out

    def base(self, key: str, cells: int) -> str:
        return self.filled.base.get(key, digest([""] * cells))
