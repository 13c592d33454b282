"""What ``lint`` asks of a clause because of its kind: its columns, its points, its bands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from ..i18n import _
from .formula import SCHOOLS
from .lint_formula import check_formula
from .lint_review import Review
from .marks import printed_max
from .model import (
    Band,
    Clause,
    DeductClause,
    JudgedClause,
    MeasureClause,
    RankClause,
    RosterClause,
    SumClause,
    TallyClause,
    TicksClause,
)
from .numbers import show


def check_kind(review: Review, clause: Clause) -> None:
    """What is wrong with a clause as one of its kind. ``rule`` is the plugin's own business."""
    match clause:
        case SumClause():
            _sum(review, clause)
        case TicksClause():
            total = sum((t.points for t in clause.ticks), Fraction(0))
            _equals_max(review, clause, "ticks", total, _("各项合计"))
        case JudgedClause():
            _judged(review, clause)
        case DeductClause():
            _deduct(review, clause)
        case TallyClause():
            _tally(review, clause)
        case RosterClause():
            _roster(review, clause)
        case MeasureClause():
            _measure(review, clause)
        case RankClause():
            _rank(review, clause)


def _equals_max(review: Review, clause: Clause, key: str, total: Fraction, what: str) -> None:
    full = printed_max(clause)
    if full is not None and total != full:
        message = _(
            "%(what)s %(total)s 分，与满分 %(full)s 分不符: 请核对原文",
            what=what,
            total=show(total, 6),
            full=show(full, 6),
        )
        review.error(review.at(clause, key), message)


def _top(review: Review, clause: Clause, key: str, points: Sequence[Fraction], what: str) -> None:
    """The best there is gives full marks: more is wrong, less is odd."""
    full, top = printed_max(clause), max(points, default=None)
    if full is None or top is None or top == full:
        return
    message = _(
        "%(what)s %(top)s 分，满分 %(full)s 分: 请核对原文", what=what, top=show(top, 6), full=show(full, 6)
    )
    (review.error if top > full else review.warn)(review.at(clause, key), message)


def _sum(review: Review, clause: SumClause) -> None:
    below = review.below(clause)
    variants = any(c.applies for c in review.rubric.children[clause.code])
    if clause.max is not None and below is not None and not (variants and below > clause.max):
        capped = below > clause.max and clause.max in review.printed(clause)
        if below != clause.max and not capped:
            message = _(
                "下级合计 %(below)s 分，本条写 %(max)s 分: 请核对；若确是封顶，原文里要有“%(max)s分”",
                below=show(below, 6),
                max=show(clause.max, 6),
            )
            review.error(review.at(clause, "max"), message)
    for leaf in review.rubric.under(clause.code) if clause.once_per else ():
        own: tuple[str, ...] = ()
        if isinstance(leaf, RosterClause):
            own = (leaf.person,)
        elif leaf is not clause and isinstance(leaf, TallyClause | SumClause):
            own = leaf.once_per
        if own and own != clause.once_per:
            theirs = f"{leaf.code}: {'、'.join(own)}"
            message = _("once_per 与下级的不同（%(theirs)s）: 请写成一样，或只留一处", theirs=theirs)
            review.error(review.at(clause, "once_per"), message)
        if isinstance(leaf, TallyClause | RosterClause) and leaf.table in review.rubric.table:
            for key in clause.once_per:
                review.column(review.at(clause, "once_per"), review.rubric.table[leaf.table], key)


def _judged(review: Review, clause: JudgedClause) -> None:
    review.owner(review.at(clause, "by"), clause.by)
    if clause.by == "school":
        review.error(review.at(clause, "by"), _("评分不能由学校自己定: 请改为 panel、bureau 或其他评分方"))
    tops = [p for o in clause.options for p in (o.upto, o.points) if p is not None]
    if clause.max is None and not clause.unset and not clause.options:
        review.error(review.at(clause), _("没有写分值: 请写 max，或用 options 写出结论"))
    for n, option in enumerate(clause.options):
        path = review.at(clause, "options", n)
        if option.upto is not None and (option.points is None or option.upto < option.points):
            review.error(path, _("选项“%(value)s”的 upto 须不小于 points: 请改正", value=option.value))
    _top(review, clause, "options", tops, _("最高的选项"))
    bare = [o.value for o in clause.options if o.points is None]
    if tops and bare:
        message = _("选项“%(value)s”没有分值: 请补上 points", value="、".join(bare))
        review.warn(review.at(clause, "options"), message)


def _deduct(review: Review, clause: DeductClause) -> None:
    own = {loss.event for loss in clause.losses}
    for n, event in enumerate(clause.events):
        path = review.at(clause, "events", n)
        if event.need < 1:
            review.error((*path, "need"), _("need 至少是 1: 请改正"))
        if (event.rows is None) != (event.column is None) or (event.rows is not None and event.in_):
            review.error(path, _("按表计次要写 rows 和 column，并且不写 in: 请改正"))
        elif event.rows is not None and event.column is not None:
            table = review.table((*path, "rows"), event.rows)
            if table is not None:
                review.column((*path, "column"), table, event.column)
        if not clause.deductions.event and event.label not in own:
            message = _("“%(label)s”少了也不扣分: 请写 deductions.event 或一条 losses", label=event.label)
            review.warn(path, message)
    labels = [e.label for e in clause.events]
    for label in {x for x in labels if labels.count(x) > 1}:
        review.error(review.at(clause, "events"), _("活动“%(label)s”写了两次: 请改名", label=label))


def _tally(review: Review, clause: TallyClause) -> None:
    table = review.table(review.at(clause, "table"), clause.table)
    if (clause.each is None) == (clause.level is None) or (clause.level is None) != (not clause.points):
        review.error(review.at(clause), _("计分办法不明确: 请写 each，或者写 level 和 points"))
        return
    if clause.average_over is not None:
        numbers = [k for k, f in review.rubric.all_fields.items() if f.type in {"count", "number"}]
        review.known(review.at(clause, "average_over"), _("除数"), clause.average_over, [SCHOOLS, *numbers])
    if table is None:
        return
    _rows(review, clause)
    for key in (clause.level, clause.quantity):
        if key is not None:
            review.column(review.at(clause, "level" if key == clause.level else "quantity"), table, key)
    for key in clause.once_per:
        review.column(review.at(clause, "once_per"), table, key)
    if clause.level is None or clause.level not in table.by_key:
        return
    review.options(review.at(clause, "points"), table, clause.level, tuple(clause.points))
    review.options(review.at(clause, "alias"), table, clause.level, tuple(clause.alias))
    for level, read_as in clause.alias.items():
        if read_as != level:
            review.known(review.at(clause, "alias", level), _("级别（有分值的）"), read_as, clause.points)
    _unpaid(review, clause, clause.level)


def _unpaid(review: Review, clause: TallyClause, level: str) -> None:
    """A level that one can enter earns something, or is said not to count."""
    filters = [r.among for r in clause.require if r.column == level and r.among is not None and not r.when]
    filters += [clause.where[level]] if level in clause.where else []
    for option in review.rubric.table[clause.table].by_key[level].options:
        settled = option.value in clause.points or option.value in clause.alias
        if not settled and all(option.value in allowed for allowed in filters):
            remedy = _("请写 points 或 alias，或用 require 说明不计")
            message = _("选项“%(value)s”可以填，却没有分值: %(remedy)s", value=option.value, remedy=remedy)
            review.warn(review.at(clause, "points"), message)


def _rows(review: Review, clause: TallyClause | RosterClause) -> None:
    table = review.rubric.table[clause.table]
    if clause.confirmed_only and not table.confirmed_by:
        message = _("表 %(table)s 没有要确认的学校: 请在表里写 confirmed_by", table=table.key)
        review.error(review.at(clause, "confirmed_only"), message)
    review.conditions(review.at(clause, "where"), table, clause.where)
    for n, require in enumerate(clause.require):
        path = review.at(clause, "require", n)
        review.column((*path, "column"), table, require.column)
        review.options((*path, "among"), table, require.column, require.among or ())
        review.conditions((*path, "when"), table, require.when)


def _roster(review: Review, clause: RosterClause) -> None:
    table = review.table(review.at(clause, "table"), clause.table)
    for key in ("until", "since"):
        value = getattr(clause, key)
        if value is not None and not _is_date(value):
            message = _("“%(value)s”不是日期: 请写 2023-05-18 的样子", value=value)
            review.error(review.at(clause, key), message)
    if clause.until and clause.since and clause.until < clause.since:
        review.error(review.at(clause, "until"), _("截止日早于起始日: 请核对"))
    if table is not None:
        _rows(review, clause)
        review.column(review.at(clause, "person"), table, clause.person)
        if clause.months and "months" in clause.model_fields_set:
            review.column(review.at(clause, "months"), table, clause.months)
        has_dates = bool({clause.start, clause.end} & set(table.by_key))
        if has_dates or not clause.months or clause.months not in table.by_key:
            review.column(review.at(clause, "start"), table, clause.start)
            review.column(review.at(clause, "end"), table, clause.end)
    _bands(review, clause, clause.bands)
    for n, band in enumerate(clause.bands):
        if band.points is None or band.verdict is not None:
            review.error(review.at(clause, "bands", n), _("名册的档要写 points，不写 verdict: 请改正"))


def _measure(review: Review, clause: MeasureClause) -> None:
    check_formula(review, review.at(clause, "formula"), clause.formula)
    ways = [bool(clause.bands), clause.target is not None, clause.per_point is not None]
    if sum(ways) > 1:
        review.error(review.at(clause), _("bands、target、per_point 只能用一个: 请删去多余的"))
    if clause.target is None and "below" in clause.model_fields_set:
        review.error(review.at(clause, "below"), _("below 只和 target 一起用: 请写 target 或删去 below"))
    if clause.per_point is None and clause.whole_points:
        review.error(review.at(clause, "whole_points"), _("whole_points 只和 per_point 一起用: 请改正"))
    full = printed_max(clause)
    if clause.target is not None and full is None and not clause.unset:
        review.error(review.at(clause), _("达标得满分，但没有写分值: 请写 max"))
    if clause.target is not None and clause.target <= 0:
        review.error(review.at(clause, "target"), _("target 须大于 0: 请改正"))
    _bands(review, clause, clause.bands)
    tops = [b.points for b in clause.bands if b.points is not None]
    for n, band in enumerate(clause.bands):
        if band.points is None and band.verdict is None:
            review.error(review.at(clause, "bands", n), _("这一档没有写结果: 请写 points 或 verdict"))
    _top(review, clause, "bands", tops, _("最高一档"))


def _bands(review: Review, clause: Clause, bands: Sequence[Band]) -> None:
    """Bands tile without gap or overlap; the top one is open; more does not earn less (G3, G5)."""
    for n, band in enumerate(bands):
        path = review.at(clause, "bands", n)
        after = bands[n + 1] if n + 1 < len(bands) else None
        if band.to is not None and band.to <= band.from_:
            review.error(path, _("这一档的 to 不大于 from: 请改正"))
        if after is None:
            if band.to is not None:
                message = _("%(to)s 以上没有对应的档: 请写一档只有 from 的，或说明不计", to=show(band.to, 6))
                review.warn(path, message)
        elif band.to is None or band.to > after.from_:
            review.error(path, _("与下一档重叠: 请让 to 等于下一档的 from，并从低到高排列"))
        elif band.to < after.from_:
            review.error(path, _("与下一档之间有空缺: 请让 to 等于下一档的 from"))
        if after is None or band.points is None or after.points is None or after.points >= band.points:
            continue
        above = review.at(clause, "bands", n + 1)
        if not review.is_ruled((*above, "points")):
            review.warn(above, _("数多的一档分反而少: 请核对原文，或由裁定说明"))


def _rank(review: Review, clause: RankClause) -> None:
    check_formula(review, review.at(clause, "formula"), clause.formula)
    if bool(clause.award) == (clause.first is not None):
        review.error(review.at(clause), _("名次怎样给分不明确: 请写 award，或者写 first 和 step"))
        return
    if (clause.first is None) != (clause.step is None):
        review.error(review.at(clause), _("first 和 step 要一起写: 请补上"))
    first = clause.award[0] if clause.award else clause.first
    assert first is not None
    _equals_max(review, clause, "award" if clause.award else "first", first, _("第一名"))
    if any(b > a for a, b in zip(clause.award, clause.award[1:], strict=False)):
        review.warn(review.at(clause, "award"), _("名次靠后的分反而多: 请核对原文"))


def _is_date(value: str) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)) and bool(date.fromisoformat(value))
    except ValueError:
        return False
