"""What ``lint`` asks of one clause: its names, its points, its bands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from ..i18n import _
from . import fields, formula
from .lint_review import Review
from .model import (
    Band,
    Clause,
    DeductClause,
    JudgedClause,
    Loss,
    MeasureClause,
    RankClause,
    RosterClause,
    SumClause,
    TallyClause,
    TicksClause,
)
from .numbers import show
from .schema import meant
from .source import Path

SCHOOLS = formula.SCHOOLS


def check_clause(review: Review, clause: Clause) -> None:
    """Everything that can be wrong with a clause that was read without complaint."""
    _common(review, clause)
    for n, loss in enumerate(clause.losses):
        _loss(review, clause, review.at(clause, "losses", n), loss)
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
    _printed(review, clause)


def _common(review: Review, clause: Clause) -> None:
    rubric = review.rubric
    if clause.max is not None and clause.max < 0:
        review.error(review.at(clause, "max"), _("max 不能小于 0: 请改正"))
    if clause.weight <= 0:
        review.error(review.at(clause, "weight"), _("weight 须大于 0: 请改正"))
    if clause.places is not None and not 0 <= clause.places <= 6:
        review.error(review.at(clause, "places"), _("小数位数须在 0 到 6 之间: 请改正"))
    if clause.max is None and not clause.unset and isinstance(clause, DeductClause):
        review.error(review.at(clause), _("倒扣的条款没有写分值: 请写 max"))
    for n, shown in enumerate(clause.show):
        path = review.at(clause, "show", n)
        table = review.table((*path, "table"), shown.table)
        if table is not None:
            review.conditions((*path, "where"), table, shown.where)
    if clause.needs is not None:
        _needs(review, clause, clause.needs)
    if isinstance(clause, SumClause) and (clause.materials or clause.fields):
        return
    if clause.kind == "rule" and rubric.children[clause.code]:
        review.error(review.at(clause, "kind"), _("rule 类不能有下级条款: 请改正"))


def _needs(review: Review, clause: Clause, needs: str) -> None:
    """The gate is a tick or another clause, and no clause waits for itself."""
    rubric, path = review.rubric, review.at(clause, "needs")
    field = rubric.all_fields.get(needs)
    if field is None and needs not in rubric.by:
        ticks = [key for key, f in rubric.all_fields.items() if f.type == "tick"]
        review.error(
            path, _("needs 没有“%(needs)s”: %(meant)s", needs=needs, meant=meant(needs, [*ticks, *rubric.by]))
        )
        return
    if field is not None and field.type != "tick":
        review.error(path, _("needs 的“%(needs)s”不是勾选项: 请换成勾选项或条款代码", needs=needs))
    seen: set[str] = set()
    here: str | None = clause.code
    while here is not None and here not in seen:
        seen.add(here)
        wanted = rubric.by[here].needs
        target = rubric.all_fields.get(wanted or "")
        here = target.clause if target else wanted
        if here in seen or (
            here in rubric.by and any(c.code == clause.code for c in rubric.under(str(here)))
        ):
            review.error(path, _("needs 绕成了一圈: 请换一个"))
            return
        here = here if here in rubric.by else None


# --- losses -------------------------------------------------------------------------------------


def _loss(review: Review, clause: Clause, path: Path, loss: Loss) -> None:
    """Exactly one counter, and it exists."""
    if isinstance(clause, JudgedClause):
        review.error(path, _("judged 类不能再扣分，评分就是最后的分: 请删去，或改用 deduct 类"))
        return
    review.owner((*path, "by"), loss.by)
    counters = [
        name
        for name in ("event", "count", "tick", "formula", "materials", "judged")
        if getattr(loss, name) not in (None, False)
    ]
    if len(counters) != 1:
        message = _(
            "“%(label)s”按什么扣不明确: event、materials、count、tick、judged、formula 请只写一个",
            label=loss.label,
        )
        review.error(path, message)
        return
    if loss.each == "all" and loss.judged:
        review.error(path, _("“%(label)s”由考核组填数，不能同时全扣: 请删去 each", label=loss.label))
    elif loss.each != "all" and loss.each < 0:
        review.error((*path, "each"), _("扣分要写正数: 请去掉负号"))
    if loss.formula is not None:
        _formula(review, (*path, "formula"), loss.formula)
    if loss.materials and not clause.materials:
        review.error(path, _("按材料扣分，但没有写 materials: 请列出材料"))
    events = [e.label for e in clause.events] if isinstance(clause, DeductClause) else []
    if loss.event is not None and loss.event not in events:
        review.error(
            (*path, "event"),
            _("没有活动“%(event)s”: %(meant)s", event=loss.event, meant=meant(loss.event, events)),
        )
    field = review.rubric.all_fields.get(fields.loss_key(clause, loss) or "")
    wanted = {"count": {"count", "number"}, "tick": {"tick"}}.get(counters[0])
    if field is not None and wanted and (field.type not in wanted or field.per == "member"):
        review.error(
            (*path, counters[0]),
            _("字段“%(key)s”不能用来计数: 请换成考核对象的 count 或 tick 字段", key=field.key),
        )


def _formula(review: Review, path: Path, text: str) -> None:
    problems = formula.check(review.rubric, text)
    for problem in problems:
        review.error(path, problem)
    for name in [] if problems else formula.attributes(review.rubric, text):
        review.warn(path, _("公式里的“%(name)s”不是字段，将从登记的属性中读取: 若是笔误请改正", name=name))


# --- points -------------------------------------------------------------------------------------


def _scale(clause: Clause) -> Fraction | None:
    """Full marks as printed, before the weight."""
    return None if clause.max is None else clause.max / clause.weight


def _equals_max(review: Review, clause: Clause, key: str, total: Fraction, what: str) -> None:
    full = _scale(clause)
    if full is not None and total != full:
        message = _(
            "%(what)s %(total)s 分，与满分 %(full)s 分不符: 请核对原文",
            what=what,
            total=show(total, 6),
            full=show(full, 6),
        )
        review.error(review.at(clause, key), message)


def _sum(review: Review, clause: SumClause) -> None:
    below = review.below(clause)
    if (
        clause.max is not None
        and below is not None
        and not any(c.applies for c in review.rubric.children[clause.code])
    ):
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
            message = _(
                "once_per 与下级 %(code)s 的“%(own)s”不同: 请写成一样，或只留一处",
                code=leaf.code,
                own="、".join(own),
            )
            review.error(review.at(clause, "once_per"), message)
        table = review.rubric.table.get(leaf.table) if isinstance(leaf, TallyClause | RosterClause) else None
        for key in clause.once_per if table else ():
            assert table is not None
            review.column(review.at(clause, "once_per"), table, key)


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
    full = _scale(clause)
    if full is not None and tops and max(tops) != full:
        message = _(
            "最高的选项 %(top)s 分，满分 %(full)s 分: 请核对原文", top=show(max(tops), 6), full=show(full, 6)
        )
        (review.error if max(tops) > full else review.warn)(review.at(clause, "options"), message)
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
            review.warn(
                path, _("“%(label)s”少了也不扣分: 请写 deductions.event 或一条 losses", label=event.label)
            )
    labels = [e.label for e in clause.events]
    for label in {x for x in labels if labels.count(x) > 1}:
        review.error(review.at(clause, "events"), _("活动“%(label)s”写了两次: 请改名", label=label))


def _tally(review: Review, clause: TallyClause) -> None:
    table = review.table(review.at(clause, "table"), clause.table)
    if (clause.each is None) == (clause.level is None) or (clause.level is None) != (not clause.points):
        review.error(review.at(clause), _("计分办法不明确: 请写 each，或者写 level 和 points"))
        return
    over = clause.average_over
    if over is not None and over != SCHOOLS and over not in review.rubric.all_fields:
        known = [SCHOOLS, *(k for k, f in review.rubric.all_fields.items() if f.type in {"count", "number"})]
        message = _("average_over 没有“%(over)s”: %(meant)s", over=over, meant=meant(over, known))
        review.error(review.at(clause, "average_over"), message)
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
        if read_as not in clause.points and read_as != level:
            remedy = meant(read_as, list(clause.points))
            message = _("alias 里的“%(level)s”没有分值: %(meant)s", level=read_as, meant=remedy)
            review.error(review.at(clause, "alias", level), message)
    wanted = clause.where.get(clause.level)
    allowed = [
        r.among for r in clause.require if r.column == clause.level and r.among is not None and not r.when
    ]
    for option in table.by_key[clause.level].options:
        settled = option.value in clause.points or option.value in clause.alias
        out = (wanted is not None and option.value not in wanted) or any(
            option.value not in a for a in allowed
        )
        if not settled and not out:
            message = _(
                "选项“%(value)s”可以填，却没有分值: 请写 points 或 alias，或用 require 说明不计",
                value=option.value,
            )
            review.warn(review.at(clause, "points"), message)


def _rows(review: Review, clause: TallyClause | RosterClause) -> None:
    table = review.rubric.table[clause.table]
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
        by_months = clause.months is not None and clause.months in table.by_key
        if clause.months is not None and not by_months and "months" in clause.model_fields_set:
            review.column(review.at(clause, "months"), table, clause.months)
        for key in (
            () if by_months and not {clause.start, clause.end} & set(table.by_key) else ("start", "end")
        ):
            review.column(review.at(clause, key), table, getattr(clause, key))
    _bands(review, clause, clause.bands)
    for n, band in enumerate(clause.bands):
        if band.points is None or band.verdict is not None:
            review.error(review.at(clause, "bands", n), _("名册的档要写 points，不写 verdict: 请改正"))


def _measure(review: Review, clause: MeasureClause) -> None:
    _formula(review, review.at(clause, "formula"), clause.formula)
    ways = [bool(clause.bands), clause.target is not None, clause.per_point is not None]
    if sum(ways) > 1:
        review.error(review.at(clause), _("bands、target、per_point 只能用一个: 请删去多余的"))
    if clause.target is None and "below" in clause.model_fields_set:
        review.error(review.at(clause, "below"), _("below 只和 target 一起用: 请写 target 或删去 below"))
    if clause.per_point is None and clause.whole_points:
        review.error(review.at(clause, "whole_points"), _("whole_points 只和 per_point 一起用: 请改正"))
    full = _scale(clause)
    if clause.target is not None and full is None and not clause.unset:
        review.error(review.at(clause), _("达标得满分，但没有写分值: 请写 max"))
    if clause.target is not None and clause.target <= 0:
        review.error(review.at(clause, "target"), _("target 须大于 0: 请改正"))
    _bands(review, clause, clause.bands)
    tops = [b.points for b in clause.bands if b.points is not None]
    for n, band in enumerate(clause.bands):
        if band.points is None and band.verdict is None:
            review.error(review.at(clause, "bands", n), _("这一档没有写结果: 请写 points 或 verdict"))
    if full is not None and tops and max(tops) != full:
        message = _(
            "最高一档 %(top)s 分，满分 %(full)s 分: 请核对原文", top=show(max(tops), 6), full=show(full, 6)
        )
        (review.error if max(tops) > full else review.warn)(review.at(clause, "bands"), message)


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
        if (
            after is not None
            and band.points is not None
            and after.points is not None
            and after.points < band.points
        ):
            message = _("数多的一档分反而少: 请核对原文，或由裁定说明")
            review.warn(review.at(clause, "bands", n + 1), message)


def _rank(review: Review, clause: RankClause) -> None:
    _formula(review, review.at(clause, "formula"), clause.formula)
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


# --- the notice's own words ---------------------------------------------------------------------


def _printed(review: Review, clause: Clause) -> None:
    """Every number of points stands in the notice's words before 分: a 0.1 typed as 1 shows here."""
    words = review.printed(clause)
    numbers: list[tuple[Path, Fraction | None]] = []
    is_mere_sum = isinstance(clause, SumClause) and not clause.text and clause.max == review.below(clause)
    if not is_mere_sum and clause.max is not None:
        full = clause.max / clause.weight
        numbers.append((review.at(clause, "max"), clause.max if clause.max in words else full))
    match clause:
        case TicksClause():
            numbers += [
                (review.at(clause, "ticks", n, "points"), t.points) for n, t in enumerate(clause.ticks)
            ]
        case JudgedClause():
            numbers += [
                (review.at(clause, "options", n, "points"), o.points) for n, o in enumerate(clause.options)
            ]
        case TallyClause():
            numbers += [(review.at(clause, "points", level), p) for level, p in clause.points.items()]
            numbers.append((review.at(clause, "each"), clause.each))
        case RosterClause() | MeasureClause():
            numbers += [
                (review.at(clause, "bands", n, "points"), b.points) for n, b in enumerate(clause.bands)
            ]
        case RankClause():
            numbers += [(review.at(clause, "award", n), p) for n, p in enumerate(clause.award)]
    for path, number in numbers:
        if number and number not in words and not review.is_ruled(path):
            message = _(
                "原文中没有“%(number)s分”: 请核对，若原文漏印请在 note 中说明", number=show(number, 6)
            )
            review.warn(path, message)


def _is_date(value: str) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)) and bool(date.fromisoformat(value))
    except ValueError:
        return False
