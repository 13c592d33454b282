"""The sheets that explain a ranking: self and panel side by side, the whole ledger, marks, rulings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction

from ..i18n import _
from ..rubric import sentences
from ..rubric.ledger import Line, Score
from ..rubric.model import Clause, Rubric
from .points_sheet import printed_top, unit_width, words
from .view import RankingView, UnitPart
from .workbook import Book, Sheet

Cells = Sequence[str | Fraction | None]


def add_comparison(book: Book, view: RankingView) -> None:
    """自评与考核对照: per unit and leaf the self score, the panel's word, the points and the difference."""
    rubric = view.rubric
    sheet = book.sheet(_("自评与考核对照"))
    sheet.widths([unit_width(view), 18, 9, 40, 7, 9, 9, 11, 9, 9])
    heads = [
        rubric.terms.unit,
        _("指标"),
        _("条款"),
        _("考核要点"),
        _("分值"),
        _("自评分"),
        _("系统核算"),
        _("%(panel)s评定", panel=rubric.terms.panel),
        _("最终得分"),
        _("最终减自评"),
    ]
    number, text, middle = book.points(rubric.places), book.cell(), book.cell("center")
    leaves = [(leaf, *_naming(rubric, leaf), printed_top(leaf)) for leaf in rubric.leaves()]
    top = _opening(sheet, view, _("自评与考核对照"))
    at = sheet.table(top, heads, [], styles=[])
    for result in view.results:
        part = view.part(result)
        for leaf, indicator, said, most in leaves:
            score, own = result.sheet[leaf.code], part.self_marks.get(leaf.code)
            for column, value in enumerate((result.name, indicator, leaf.code, said)):
                sheet.text(at, column, value, middle if column == 2 else text)
            sheet.height(at, sheet.lines((result.name, indicator, "", said)))
            sheet.put(at, 4, most, middle)
            final = words(leaf, score) if score.points is None else score.points
            for column, figure in enumerate((own, score.proposed, _settled(part, leaf.code), final), 5):
                sheet.put(at, column, figure, middle, number)
            if own is not None and score.points is not None:
                sheet.formula(at, 9, f"I{at + 1}-F{at + 1}", score.points - own, number)
            else:
                sheet.text(at, 9, "", middle)
            at += 1
    _closing(sheet, view, top, at, len(heads))


def _settled(part: UnitPart, code: str) -> str | Fraction | None:
    """The panel's word: its number, else its verdict."""
    mark = part.settled.get(code)
    return None if mark is None else mark.verdict if mark.points is None else mark.points


def add_ledger(book: Book, view: RankingView) -> None:
    """加扣分明细: every line of every score, with the steps it went through."""
    rubric, places = view.rubric, view.rubric.places
    sheet = book.sheet(_("加扣分明细"))
    sheet.widths([unit_width(view), 9, 26, 48, 9, 7, 30, 44, 10])
    heads = [
        rubric.terms.unit,
        _("条款"),
        _("考核要点"),
        _("事实与算法"),
        _("加扣分"),
        _("计入"),
        _("说明"),
        _("计算步骤"),
        _("条款得分"),
    ]
    text, middle = book.cell(), book.cell("center")
    styles = [text, middle, text, text, middle, middle, text, text, middle]
    clauses = [(clause, _naming(rubric, clause)[1]) for clause in rubric.clauses]
    top = _opening(sheet, view, _("加扣分明细"))

    def rows() -> Iterator[Cells]:
        for result in view.results:
            for clause, said in clauses:
                score = result.sheet[clause.code]
                steps = " → ".join(sentences.step(step, places) for step in score.steps)
                points = words(clause, score) if score.points is None else score.points
                last: tuple[str, str | Fraction] | tuple[str, None] = (steps, points)
                for line in score.lines or (None,):
                    about = _line(line, score, places, is_first=last[1] is not None)
                    yield result.name, clause.code, said, *about, *last
                    last = ("", None)

    end = sheet.table(top, heads, rows(), styles=styles, number=book.points(places))
    _closing(sheet, view, top, end, len(heads))


def _line(line: Line | None, score: Score, places: int, *, is_first: bool) -> Cells:
    """What a line is about, its points, whether they count, and why (not)."""
    flags = [sentences.flag(code) for code in score.flags] if is_first else []
    if line is None:
        return "", None, "", "；".join(flags)
    said = [sentences.reason(line) if not line.counted else "", sentences.hint(line), *flags]
    counts = "" if line.points is None else _("计入") if line.counted else _("不计")
    return sentences.line(line, places), line.points, counts, "；".join(part for part in said if part)


def add_marks(book: Book, view: RankingView) -> None:
    """各评委分: what each reviewer gave, with the reason."""
    rubric = view.rubric
    sheet = book.sheet(_("各评委分"))
    sheet.widths([unit_width(view), 14, 9, 44, 9, 12, 44])
    unit, points = rubric.terms.unit, _("评分")
    heads = [unit, _("评委"), _("条款"), _("考核要点"), points, _("结论"), _("理由")]
    text, middle = book.cell(), book.cell("center")
    said = {clause.code: _naming(rubric, clause)[1] for clause in rubric.clauses}
    rows = [
        (result.name, m.reviewer, m.code, said.get(m.code, ""), m.points, m.verdict, m.reason)
        for result in view.results
        for m in view.part(result).reviewers
    ]
    top = _opening(sheet, view, _("各评委分"))
    styles = [text, middle, middle, text, middle, middle, text]
    end = sheet.table(top, heads, rows, styles=styles, number=book.points(rubric.places))
    _closing(sheet, view, top, end, len(heads))


def add_evidence(book: Book, view: RankingView) -> None:
    """佐证材料目录: number, name and what each document proves."""
    sheet = book.sheet(_("佐证材料目录"))
    sheet.widths([unit_width(view), 9, 50, 50])
    heads = [view.rubric.terms.unit, _("编号"), _("材料名称"), _("证明事项")]
    text, middle = book.cell(), book.cell("center")
    rows = [
        (result.name, item.number, item.name, "；".join(item.refs))
        for result in view.results
        for item in view.part(result).evidence
    ]
    top = _opening(sheet, view, _("佐证材料目录"))
    end = sheet.table(top, heads, rows, styles=[text, middle, text, text])
    _closing(sheet, view, top, end, len(heads))


def add_rulings(book: Book, view: RankingView) -> None:
    """裁定与说明: how the bureau filled the holes of the notice, and how to read this workbook."""
    sheet = book.sheet(_("裁定与说明"))
    sheet.widths([6, 9, 34, 30, 24, 34, 12, 13])
    heads = [_("序号"), _("条款"), _("事项"), _("文件原文"), _("裁定"), _("理由"), _("裁定人"), _("时间")]
    text, middle = book.cell(), book.cell("center")
    top = _opening(sheet, view, _("裁定与说明"))
    rows = [
        (str(n), m.ruling.clause, m.ruling.question, m.ruling.quote, m.chosen, m.reason, m.by, moment(m.at))
        for n, m in enumerate(view.rulings, 1)
    ]
    styles = [middle, middle, text, text, text, text, middle, middle]
    at = sheet.table(top, heads, rows, styles=styles) + 1
    for note in _notes(view):
        sheet.headline(at, note, book.subtitle)
        at += 1
    sheet.page(landscape=True, heads=(top, top), note=view.label, footer=view.title)


def _notes(view: RankingView) -> Iterator[str]:
    rubric = view.rubric
    yield _(
        "考核依据：%(title)s（%(source)s），版本 %(version)s。",
        title=rubric.title,
        source=rubric.source,
        version=rubric.version,
    )
    yield _("结果状态：%(label)s。", label=view.label or _("未注明"))
    if view.ties:
        yield _("排名规则：%(rule)s", rule=view.ties)
    if view.frozen_at is not None:
        yield _("冻结时间：%(at)s。", at=moment(view.frozen_at))
    if view.fingerprint:
        yield _("结果指纹：%(fingerprint)s。", fingerprint=view.fingerprint)
    yield _(
        "“指标得分”中的小计、总分和“排名”中的总分是公式，含封顶与扣分，可逐格核对；"
        "“账本总分”是冻结时保存的数，两者一致时“核对”写“一致”。名次按冻结时的结果写入，改动表格不会改变名次。"
    )
    yield _("未填、不适用、待评都不是 0 分：未填是没有填报，不适用不计入合计，待评是考核组尚未评定。")


def moment(time: datetime | None) -> str:
    """2023-10-07 09:30, the day alone at midnight; "" for none."""
    return "" if time is None else time.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")


def _naming(rubric: Rubric, clause: Clause) -> tuple[str, str]:
    """The indicator that a clause belongs to, and what the clause itself says."""
    indicator = rubric.indicator_of(clause.code)
    said = clause.title or clause.text
    return ("" if indicator is None else f"{indicator.no} {indicator.title}".strip() or indicator.code), said


def _opening(sheet: Sheet, view: RankingView, name: str) -> int:
    """Title and state; returns the row of the heads."""
    sheet.headline(0, f"{view.title}　{name}", sheet.book.title, size=18)
    about = [view.bureau, view.label, _("冻结于 %(at)s", at=moment(view.frozen_at)) if view.frozen_at else ""]
    sheet.headline(1, "　　".join(part for part in about if part), sheet.book.subtitle)
    return 2


def _closing(sheet: Sheet, view: RankingView, top: int, end: int, columns: int) -> None:
    """Filter over the table, heads that stay, the page."""
    sheet.raw.autofilter(top, 0, max(top, end - 1), columns - 1)
    sheet.raw.freeze_panes(top + 1, 1)
    sheet.page(landscape=True, heads=(top, top), note=view.label, footer=view.title)
