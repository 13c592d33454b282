"""The ranked workbook (排名表): one file that a bureau can publish from, check and archive.

排名 → 指标得分 → 自评与考核对照 → 加扣分明细 → 各评委分 → 佐证材料目录 → a sheet per unit in the
notice's own form → 裁定与说明. Totals are formulas over the clauses; ranks stay as they were frozen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from xlsxwriter.utility import xl_col_to_name

from ..i18n import _
from ..rubric.ledger import Result, State
from . import ledger_sheets, official_form
from .points_sheet import LOSS, PointsSheet, add_points_sheet, lost, unit_width, words
from .quick_sheet import uncollected
from .view import EvidenceItem, FilledForm, RankingView, ReviewerMark, RulingMade, SettledMark, UnitPart
from .workbook import Book, Sheet, fit

__all__ = [
    "EvidenceItem",
    "FilledForm",
    "RankingView",
    "ReviewerMark",
    "RulingMade",
    "SettledMark",
    "UnitPart",
    "write",
]

_TOP = 2
"""Row of the heads in 排名, from 0."""


def write(view: RankingView) -> bytes:
    """The ranked workbook; the same view gives the same bytes.

    Values are the stored ones: nothing is scored, rounded or ranked here.
    """
    with uncollected():
        return _written(view)


def _written(view: RankingView) -> bytes:
    book = Book(_("%(title)s排名表", title=view.title), author=view.bureau, created=view.frozen_at)
    # 排名 comes first but refers to 指标得分, so its sheet is made first and filled second.
    sheet = book.sheet(_("排名"))
    points = add_points_sheet(book, view)
    _Ranking(book, sheet, view, points).write()
    ledger_sheets.add_comparison(book, view)
    ledger_sheets.add_ledger(book, view)
    parts = [view.part(result) for result in view.results]
    if any(part.reviewers for part in parts):
        ledger_sheets.add_marks(book, view)
    if any(part.evidence for part in parts):
        ledger_sheets.add_evidence(book, view)
    for result, part in zip(view.results, parts, strict=True):
        for filled in part.forms:
            official_form.add_sheet(
                book,
                result.name,
                filled,
                unit=result.name,
                cycle=view.cycle,
                label=view.label,
                places=view.rubric.places,
            )
    ledger_sheets.add_rulings(book, view)
    return book.to_bytes()


@dataclass(frozen=True)
class _Column:
    key: str
    label: str
    width: float


class _Ranking:
    """The sheet 排名. Columns that no unit uses (group, grade, notes) are left out."""

    def __init__(self, book: Book, sheet: Sheet, view: RankingView, points: PointsSheet) -> None:
        self.book, self.sheet, self.view, self.points = book, sheet, view, points
        self.rubric, self.results = view.rubric, view.results
        self.number = book.points(self.rubric.places)
        self.text, self.middle = book.cell(), book.cell("center")
        self.extra = list(dict.fromkeys(name for r in self.results for name in r.outcome.columns))
        self.columns = self._columns()
        self.at = {column.key: n for n, column in enumerate(self.columns)}
        self.ranked = [n for n, r in enumerate(self.results) if r.rank is not None]
        self.checks_rank = self._rank_is_recomputable()

    def _columns(self) -> list[_Column]:
        rubric, results = self.rubric, self.results
        root = rubric.root
        out = [_Column("rank", _("名次"), 7), _Column("unit", rubric.terms.unit, unit_width(self.view))]
        if any(r.group for r in results):
            out.append(_Column("group", _("组别"), 12))
        out += [_Column(f"sub.{s.code}", s.title, 11) for s in rubric.subtotals]
        if root.code + LOSS in self.points.columns:
            out.append(_Column("loss", _("总分扣减"), 11))
        out.append(_Column("total", root.title or _("总分"), 11))
        if any(r.outcome.grade for r in results):
            out.append(_Column("grade", _("等次"), 10))
        out += [_Column(f"own.{name}", name, fit([name], least=10, most=24)) for name in self.extra]
        out += [_Column("state", _("状态"), 9), _Column("check", _("核对"), 9)]
        out.append(_Column("stored", _("账本总分"), 11))
        if any(self._notes(r) for r in results):
            out.append(_Column("notes", _("备注"), 28))
        return out

    def write(self) -> None:
        sheet, view = self.sheet, self.view
        sheet.widths([column.width for column in self.columns])
        sheet.headline(0, _("%(title)s排名表", title=view.cycle), self.book.title, size=18)
        at = ledger_sheets.moment(view.frozen_at)
        about = [view.rubric.title, view.bureau, view.label, _("冻结于 %(at)s", at=at) if at else ""]
        sheet.headline(1, "　　".join(part for part in about if part), self.book.subtitle)
        for n, column in enumerate(self.columns):
            sheet.text(_TOP, n, column.label, self.book.head)
        sheet.height(_TOP, sheet.lines([column.label for column in self.columns]))
        for n, result in enumerate(self.results):
            self._row(_TOP + 1 + n, result)
        end = max(_TOP, _TOP + len(self.results))
        if view.ties:
            sheet.headline(end + 1, view.ties, self.book.subtitle)
        sheet.raw.autofilter(_TOP, 0, end, len(self.columns) - 1)
        sheet.raw.freeze_panes(_TOP + 1, 2)
        sheet.page(landscape=len(self.columns) > 7, heads=(_TOP, _TOP), note=view.label, footer=view.title)

    def _row(self, row: int, result: Result) -> None:
        sheet, at = self.sheet, self.at
        if result.rank is None:
            sheet.text(row, at["rank"], "—", self.middle)
        else:
            sheet.raw.write_number(row, at["rank"], result.rank, self.book.cell("center", bold=True))
        sheet.text(row, at["unit"], result.name, self.text)
        shown = {f"own.{name}": value for name, value in result.outcome.columns.items()}
        shown |= {"unit": result.name, "group": result.group, "notes": self._notes(result)}
        sheet.height(row, sheet.lines([shown.get(column.key) for column in self.columns]))
        if "group" in at:
            sheet.text(row, at["group"], result.group, self.middle)
        for subtotal in self.rubric.subtotals:
            self._subtotal(row, result, subtotal.code, subtotal.of)
        root = self.rubric.root
        score = result.sheet[root.code]
        if "loss" in at:
            amount = lost(score)
            sheet.formula(
                row, at["loss"], self.points.refer(result.unit, root.code + LOSS), amount, self.number
            )
        bold = self.book.points(self.rubric.places, bold=True)
        if score.points is None:
            for key in ("total", "stored"):
                sheet.text(row, at[key], words(root, score), self.middle)
            sheet.text(row, at["check"], "—", self.middle)
        else:
            sheet.formula(row, at["total"], self.points.refer(result.unit, root.code), score.points, bold)
            sheet.number(row, at["stored"], score.points, self.number)
            sheet.formula(row, at["check"], self._check(row, result), _("一致"), self.middle)
        if "grade" in at:
            sheet.text(row, at["grade"], result.outcome.grade or "", self.middle)
        for name in self.extra:
            sheet.put(row, at[f"own.{name}"], result.outcome.columns.get(name), self.middle, self.number)
        sheet.text(row, at["state"], self._state(result), self.middle)
        if "notes" in at:
            sheet.text(row, at["notes"], self._notes(result), self.text)

    def _subtotal(self, row: int, result: Result, code: str, of: Sequence[str]) -> None:
        """The sum of its clauses; words where none of them has points or one is open."""
        value, column = result.subtotals.get(code), self.at[f"sub.{code}"]
        open_ = next((c for c in of if result.sheet[c].state in (State.BLANK, State.PENDING)), None)
        with_points = [c for c in of if result.sheet[c].points is not None]
        if open_ is not None or not with_points:
            said = open_ or of[0]
            word = self.rubric.unset_word(*of) or words(self.rubric.by[said], result.sheet[said])
            self.sheet.text(row, column, word, self.middle)
        elif sum((result.sheet[c].points or Fraction(0) for c in of), Fraction(0)) == value:
            cells = ",".join(self.points.refer(result.unit, c) for c in of)
            self.sheet.formula(row, column, f"SUM({cells})", value, self.number)
        elif value is not None:
            self.sheet.number(row, column, value, self.number)

    # --- 核对 ---

    def _check(self, row: int, result: Result) -> str:
        """一致: the formulas still give the stored total, and with it the stored rank."""
        total, stored = (f"{xl_col_to_name(self.at[key])}{row + 1}" for key in ("total", "stored"))
        conditions = f"ROUND({total}-{stored},8)=0"
        if self.checks_rank and result.rank is not None:
            conditions = f"AND({conditions},{self._rank_formula(row)}=A{row + 1})"
        return f'IF({conditions},"{_("一致")}","{_("不一致")}")'

    def _rank_formula(self, row: int) -> str:
        """How many of the group are better, and one. Rounded, since 0.1+0.2 is not 0.3 in a sheet."""
        first, last = _TOP + 2, _TOP + 1 + len(self.ranked)

        def area(key: str) -> str:
            name = xl_col_to_name(self.at[key])
            return f"${name}${first}:${name}${last}"

        key = self._ranking_column()
        better = f"(ROUND({area(key)}-{xl_col_to_name(self.at[key])}{row + 1},8)>0)"
        if "group" in self.at:
            better = f"({area('group')}={xl_col_to_name(self.at['group'])}{row + 1})*{better}"
        return f"1+SUMPRODUCT({better}*1)"

    def _ranking_column(self) -> str:
        return "total" if self.rubric.rank_by == "total" else f"sub.{self.rubric.rank_by}"

    def _rank_is_recomputable(self) -> bool:
        """Whether places follow from the ranked column alone; a plugin may have ranked by keys of its own."""
        if self.ranked != list(range(len(self.ranked))) or not self.ranked:
            return False
        by = self.rubric.rank_by
        values: list[Fraction | None] = [
            r.total if by == "total" else r.subtotals.get(by) for r in self.results[: len(self.ranked)]
        ]
        if any(value is None for value in values):
            return False
        groups: dict[str, list[Any]] = {}
        for value, result in zip(values, self.results, strict=False):
            groups.setdefault(result.group, []).append(value)
        first = {
            group: {value: n for n, value in reversed(list(enumerate(sorted(own, reverse=True), 1)))}
            for group, own in groups.items()
        }
        return all(
            first[result.group][value] == result.rank
            for value, result in zip(values, self.results, strict=False)
        )

    # --- words ---

    def _state(self, result: Result) -> str:
        score = result.sheet[self.rubric.root.code]
        return _("已评定") if score.points is not None else words(self.rubric.root, score)

    def _notes(self, result: Result) -> str:
        notes = [_("并列")] if result.tied else []
        if result.unit in self.view.parted:
            notes.append(self.view.parted[result.unit])
        if result.rank is None and not result.outcome.ranked:
            notes.append(_("不参加排名"))
        return "；".join([*notes, *result.outcome.notes])
