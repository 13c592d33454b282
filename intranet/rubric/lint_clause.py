"""What ``lint`` asks of any clause: its gate, its losses, and that its numbers are the notice's."""

from __future__ import annotations

from fractions import Fraction

from ..i18n import _
from . import fields
from .lint_formula import check_formula
from .lint_kinds import check_kind
from .lint_review import Review
from .marks import printed_max
from .model import (
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
from .source import Path


def check_clause(review: Review, clause: Clause) -> None:
    """Everything that can be wrong with a clause that was read without complaint."""
    if clause.weight <= 0:
        review.error(review.at(clause, "weight"), _("weight 须大于 0: 请改正"))
        return
    _common(review, clause)
    for n, loss in enumerate(clause.losses):
        _loss(review, clause, review.at(clause, "losses", n), loss)
    check_kind(review, clause)
    _printed(review, clause)


def _common(review: Review, clause: Clause) -> None:
    if clause.max is not None and clause.max < 0:
        review.error(review.at(clause, "max"), _("max 不能小于 0: 请改正"))
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


def _needs(review: Review, clause: Clause, needs: str) -> None:
    """The gate is a tick or another clause, and no clause waits for itself."""
    rubric, path = review.rubric, review.at(clause, "needs")
    field = rubric.all_fields.get(needs)
    ticks = [key for key, f in rubric.all_fields.items() if f.type == "tick"]
    if field is None and not review.known(path, _("勾选项或条款"), needs, [*ticks, *rubric.by]):
        return
    if field is not None and field.type != "tick":
        review.error(path, _("needs 的“%(needs)s”不是勾选项: 请换成勾选项或条款代码", needs=needs))
    inside = {c.code for c in rubric.under(clause.code)}
    here = clause.code
    for _turn in rubric.clauses:  # a chain longer than there are clauses is a circle
        wanted = rubric.by[here].needs or ""
        target = rubric.all_fields.get(wanted)
        if target is not None and (target.clause == here or rubric.children.get(target.clause)):
            return  # a tick of the clause itself, or of a group: nothing has to be scored first
        here = target.clause if target else wanted
        if here not in rubric.by:
            return
        if here in inside or clause.code in {c.code for c in rubric.under(here)}:
            review.error(path, _("needs 绕成了一圈: 请换一个"))
            return


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
        known = "event、materials、count、tick、judged、formula"
        message = _("“%(label)s”按什么扣不明确: 请在 %(known)s 中只写一个", label=loss.label, known=known)
        review.error(path, message)
        return
    if loss.each == "all" and loss.judged:
        review.error(path, _("“%(label)s”由考核组填数，不能同时全扣: 请删去 each", label=loss.label))
    elif loss.each != "all" and loss.each < 0:
        review.error((*path, "each"), _("扣分要写正数: 请去掉负号"))
    if loss.formula is not None:
        check_formula(review, (*path, "formula"), loss.formula)
    if loss.materials and not clause.materials:
        review.error(path, _("按材料扣分，但没有写 materials: 请列出材料"))
    events = [e.label for e in clause.events] if isinstance(clause, DeductClause) else []
    if loss.event is not None:
        review.known((*path, "event"), _("活动"), loss.event, events)
    field = review.rubric.all_fields.get(fields.loss_key(clause, loss) or "")
    wanted = {"count": {"count", "number"}, "tick": {"tick"}}.get(counters[0])
    if field is not None and wanted and (field.type not in wanted or field.per == "member"):
        message = _("字段“%(key)s”不能用来计数: 请换成考核对象的 count 或 tick 字段", key=field.key)
        review.error((*path, counters[0]), message)


# --- the notice's own words ---------------------------------------------------------------------


def _printed(review: Review, clause: Clause) -> None:
    """Every number of points stands in the notice's words before 分: a 0.1 typed as 1 shows here."""
    words = review.printed(clause)
    numbers: list[tuple[Path, Fraction | None]] = []
    is_mere_sum = isinstance(clause, SumClause) and not clause.text and clause.max == review.below(clause)
    if clause.max is not None and not is_mere_sum and not isinstance(clause, TicksClause):
        numbers.append((review.at(clause, "max"), clause.max if clause.max in words else printed_max(clause)))
    match clause:
        case TicksClause():  # its max has to equal their sum
            numbers += [
                (review.at(clause, "ticks", n, "points"), t.points) for n, t in enumerate(clause.ticks)
            ]
        case JudgedClause():
            tops = enumerate(clause.options)
            numbers += [(review.at(clause, "options", n, "points"), o.points) for n, o in tops]
        case TallyClause():
            numbers += [(review.at(clause, "points", level), p) for level, p in clause.points.items()]
            numbers.append((review.at(clause, "each"), clause.each))
        case RosterClause() | MeasureClause():
            bands = enumerate(clause.bands)
            numbers += [(review.at(clause, "bands", n, "points"), b.points) for n, b in bands]
        case RankClause():
            numbers += [(review.at(clause, "award", n), p) for n, p in enumerate(clause.award)]
    for path, number in numbers:
        if number and number not in words and not review.is_ruled(path):
            remedy = _("请核对；原文漏印的请在 note 中说明")
            review.warn(
                path, _("原文中没有“%(number)s分”: %(remedy)s", number=show(number, 6), remedy=remedy)
            )
