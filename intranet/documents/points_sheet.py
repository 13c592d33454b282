"""指标得分: units × clauses, every clause with parts as a live formula over its parts.

A formula repeats the engine's order for a sum (parts → cap → losses → floor → weight). It is
written only where it gives exactly the stored points; otherwise the stored points are, as where a
gate or 免评 decided instead of the parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from xlsxwriter.utility import xl_col_to_name

from ..i18n import _
from ..rubric.ledger import Result, Score, State
from ..rubric.marks import printed_max
from ..rubric.model import Clause, Rubric, SumClause
from ..rubric.rounding import rounded
from .view import RankingView
from .workbook import Book, Sheet, fit, literal

ZERO = Fraction(0)
LOSS = "-"
"""Suffix of the key of the column that holds the deductions of a clause with parts."""

_POINTS_WIDTH = 7.5


def words(clause: Clause, score: Score) -> str:
    """What a cell says where there is no number; 0 is a number and never said in words."""
    if score.state is State.SCORED:
        return score.verdict or "—"
    if score.state is State.NA:
        return clause.unset or _("不适用")
    return _("未填") if score.state is State.BLANK else _("待评")


def printed_top(clause: Clause) -> str | Fraction:
    """The 分值 of a clause, or what stands for it."""
    return clause.max if clause.max is not None else clause.unset or "—"


def unit_width(view: RankingView) -> float:
    """Width of the column that names the units, the same in all sheets."""
    return fit([result.name for result in view.results], least=16, most=36)


def lost(score: Score) -> Fraction:
    """What the losses take off a clause with parts, before the floor at 0."""
    return sum((-line.points for line in score.lines if line.counted and line.points is not None), ZERO)


@dataclass(frozen=True)
class PointsSheet:
    """Where things stand, for the formulas of other sheets. columns: by code; rows: by unit, from 0."""

    sheet: Sheet
    columns: Mapping[str, int]
    rows: Mapping[str, int]

    def refer(self, unit: str, key: str) -> str:
        """An absolute reference, so that it survives when the referring sheet is sorted."""
        name = self.sheet.name.replace("'", "''")
        return f"'{name}'!${xl_col_to_name(self.columns[key])}${self.rows[unit] + 1}"


def add_points_sheet(book: Book, view: RankingView) -> PointsSheet:
    """Write the sheet. No filter: sorting it would part its rows from the formulas of the ranking."""
    rubric = view.rubric
    sheet = book.sheet(_("指标得分"))
    first = 2
    columns = _columns(rubric, first)
    depth = max(rubric.depth(c.code) for c in rubric.leaves())
    top, maxima = 1, 1 + max(depth, 1)
    sheet.widths([6, unit_width(view), *[_POINTS_WIDTH] * len(columns)])
    sheet.text(0, 0, view.title + (f"（{view.label}）" if view.label else ""), book.format(bold=True))
    _heads(sheet, rubric, columns, top, depth)
    _maxima(sheet, rubric, columns, maxima)
    place = PointsSheet(sheet, columns, {r.unit: maxima + 1 + n for n, r in enumerate(view.results)})
    _body(sheet, rubric, view.results, place)
    sheet.raw.freeze_panes(maxima + 1, first + 1)
    sheet.raw.repeat_columns(0, 1)
    sheet.page(landscape=True, heads=(top, maxima), note=view.label, footer=view.title)
    return place


def _columns(rubric: Rubric, first: int) -> dict[str, int]:
    """Column of each clause in printed order, the root (总分) first; deductions after the parts."""
    keys: list[str] = []

    def add(clause: Clause) -> None:
        keys.append(clause.code)
        kids = rubric.children[clause.code]
        for kid in kids:
            add(kid)
        if kids and clause.losses:
            keys.append(clause.code + LOSS)

    add(rubric.root)
    return {key: first + n for n, key in enumerate(keys)}


def _heads(sheet: Sheet, rubric: Rubric, columns: Mapping[str, int], top: int, depth: int) -> None:
    """The tree as printed: a row per level, a clause with parts over its parts."""
    head, bottom = sheet.book.head, top + max(depth, 1) - 1
    for column, label in enumerate([_("名次"), rubric.terms.unit]):
        sheet.merge((top, column, bottom, column), label, head)
    for clause in rubric.clauses:
        level, column = rubric.depth(clause.code), columns[clause.code]
        loss = columns.get(clause.code + LOSS)
        row = top + max(level, 1) - 1
        if level == 0:
            sheet.merge((top, column, bottom, column), clause.title or _("总分"), head)
        elif not rubric.children[clause.code]:
            sheet.merge((row, column, bottom, column), _label(clause), sheet.book.head_small)
        else:
            last = max(columns[c.code] for c in rubric.under(clause.code))
            last = max(last, *(columns.get(c.code + LOSS, 0) for c in rubric.under(clause.code)))
            # At the left, so that it is seen where the group begins: groups run over pages.
            sheet.merge((row, column, row, last), clause.name, sheet.book.head_left)
            sheet.merge((row + 1, column, bottom, column), _("小计"), head)
        if loss is not None:
            sheet.merge((row + (level > 0), loss, bottom, loss), _("扣分"), head)
    for row in range(top, bottom + 1):
        sheet.raw.set_row(row, 64 if row == bottom else 34)


def _label(clause: Clause) -> str:
    """A leaf in a narrow column: code and the start of what it says."""
    said = clause.short or clause.title or clause.text
    return f"{clause.code}\n{said if len(said) <= 12 else said[:11] + '…'}"


def _maxima(sheet: Sheet, rubric: Rubric, columns: Mapping[str, int], row: int) -> None:
    style = sheet.book.cell("center", bg_color="#F7F8FA", bold=True)
    sheet.merge((row, 0, row, 1), _("分值"), style)
    for key, column in columns.items():
        clause = rubric.by.get(key)  # None: a column of deductions
        sheet.put(row, column, "—" if clause is None else printed_top(clause), style)


def _body(sheet: Sheet, rubric: Rubric, results: Sequence[Result], place: PointsSheet) -> None:
    book = sheet.book
    text, middle, name = book.cell("center"), book.cell("center"), book.cell()
    number, total = book.points(rubric.places), book.points(rubric.places, bold=True)
    part = book.points(rubric.places, bg_color="#F7F8FA")
    sums = {c.code: _Sum.of(rubric, c, place.columns) for c in rubric.clauses if rubric.children[c.code]}
    plan: list[tuple[int, Clause, _Sum | None, Any]] = []
    for clause in rubric.clauses:
        style = total if clause.parent is None else part if clause.code in sums else number
        plan.append((place.columns[clause.code], clause, sums.get(clause.code), style))
    losses = [(place.columns[c + LOSS], c) for c in sums if c + LOSS in place.columns]
    for result in results:
        row = place.rows[result.unit]
        if result.rank is None:
            sheet.text(row, 0, "—", middle)
        else:
            sheet.raw.write_number(row, 0, result.rank, middle)
        sheet.text(row, 1, result.name, name)
        sheet.height(row, sheet.lines(("", result.name)))
        for column, clause, over, style in plan:
            score = result.sheet[clause.code]
            if score.points is None:
                sheet.text(row, column, rubric.unset_word(clause.code) or words(clause, score), text)
            elif over is not None and over.recompute(result) == score.points:
                sheet.formula(row, column, over.formula.replace("{row}", str(row + 1)), score.points, style)
            else:
                sheet.number(row, column, score.points, style)
        for column, code in losses:
            sheet.number(row, column, lost(result.sheet[code]), number)


@dataclass(frozen=True)
class _Sum:
    """A clause with parts: the formula over their cells, and what it gives, exactly.

    formula: ``MAX(0,MIN(20,SUM(E{row},H{row}))-K{row})``; text cells (不适用) add nothing.
    """

    rubric: Rubric
    clause: Clause
    parts: tuple[str, ...]
    best: bool
    cap: Fraction | None
    formula: str

    @classmethod
    def of(cls, rubric: Rubric, clause: Clause, columns: Mapping[str, int]) -> _Sum:
        parts = tuple(kid.code for kid in rubric.children[clause.code])
        best = isinstance(clause, SumClause) and clause.take == "best"
        cap = printed_max(clause)
        out = f"{'MAX' if best else 'SUM'}({_areas([columns[code] for code in parts])})"
        if cap is not None:
            out = f"MIN({literal(cap)},{out})"
        if clause.losses:
            out = f"MAX(0,{out}-{xl_col_to_name(columns[clause.code + LOSS])}{{row}})"
        if clause.weight != 1:
            out = f"{out}*{literal(clause.weight)}"
            if rubric.rounding != "display":
                out = f"ROUND({out},{rubric.places if clause.places is None else clause.places})"
        return cls(rubric, clause, parts, best, cap, out)

    def recompute(self, result: Result) -> Fraction | None:
        """What the formula gives; None where no part has points."""
        found = [result.sheet[code].points for code in self.parts]
        points = [value for value in found if value is not None]
        if not points:
            return None
        out = max(points) if self.best else _sum(points)
        if self.cap is not None:
            out = min(self.cap, out)
        if self.clause.losses:
            out = max(ZERO, out - lost(result.sheet[self.clause.code]))
        if self.clause.weight != 1:
            out = rounded(self.rubric, self.clause, out * self.clause.weight, divided=True)
        return out


def _areas(columns: Sequence[int]) -> str:
    """``E{row}:G{row},J{row}``: neighbours as one area."""
    areas: list[list[int]] = []
    for column in columns:
        if areas and areas[-1][1] == column - 1:
            areas[-1][1] = column
        else:
            areas.append([column, column])
    names = [[f"{xl_col_to_name(c)}{{row}}" for c in dict.fromkeys(area)] for area in areas]
    return ",".join(":".join(name) for name in names)


def _sum(points: Sequence[Fraction]) -> Fraction:
    """Their sum. Whole millionths where all are such, as nearly always: several times quicker."""
    millionths = 0
    for value in points:
        each, rest = divmod(10**6, value.denominator)
        if rest:
            return sum(points, ZERO)
        millionths += value.numerator * each
    return Fraction(millionths, 10**6)
