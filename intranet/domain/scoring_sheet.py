"""A reviewer's scoring workbook (评分表): the own queue as rows to fill in, and what a filled one would change.

It is an offline workbook like the school's: :func:`layout` is what ``documents.offline`` writes,
``documents.offline_reading`` reads it back, :func:`plan` compares that with the stored marks, and
:func:`apply` saves what was ticked through ``save_marks``. No other reviewer's mark is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from itertools import groupby

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.marking import Given, noted_for_points, parse_points, waiver_text
from intranet.domain.offline import (
    POINTS,
    REASON,
    VERDICT,
    Ask,
    Head,
    Layout,
    Row,
    Section,
    digest,
    texts_of_mark,
)
from intranet.domain.offline_change import MOST_CHANGES, Change, Part, Plan
from intranet.domain.offline_compare import Comparison
from intranet.domain.offline_filled import Filled, Line
from intranet.domain.operations import outcome_of, remember
from intranet.domain.review import mark_problem, save_marks
from intranet.domain.standing import Item, Leaf, MarkState
from intranet.enums import CycleState
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle, Mark
from intranet.rubric.deductions import Choice
from intranet.rubric.marks import verdicts
from intranet.rubric.model import Rubric
from intranet.rubric.numbers import as_text, show

VERSION = "panel-1"
"""Of the layout; a workbook of another one is refused."""

MARKS = "marks"

# Read back from the file: Chinese for every reader, whatever language the page has.
TITLE = "评分"
HEADS = {
    "unit": "单位",
    "page": "指标",
    "point": "考核要点",
    "max": "分值",
    "self": "自评分",
    "proposed": "系统建议",
    POINTS: "评分",
    VERDICT: "结论",
    REASON: "理由",
    "state": "状态",
}


@dataclass(frozen=True)
class Queue:
    """What one reviewer may score now: the items in the order of the queue, from the facts alone, and the
    deductions behind each leaf by (entry id, code)."""

    actor: Actor
    cycle: Cycle
    rubric: Rubric
    fingerprint: str
    items: Sequence[Item]
    banks: Mapping[tuple[int, str], list[Choice]]

    def leaves(self) -> Iterator[tuple[Item, Leaf]]:
        for item in self.items:
            for leaf in item.marked if item.is_ready else ():
                yield item, leaf

    def own(self, leaf: Leaf) -> Mark | None:
        return leaf.own(self.actor.user_id)


def key_of(leaf: Leaf) -> str:
    return f"m:{leaf.entry.id}:{leaf.code}"


def texts_of(mark: Mark | None) -> dict[str, str]:
    """A stored mark as the texts of its cells; reasons that stand with waived proposals are not repeated."""
    texts = texts_of_mark(mark)
    if mark is not None and mark.reason == waiver_text(mark.deductions):
        texts[REASON] = ""
    return texts


def layout(queue: Queue) -> Layout:
    """The workbook: a row for each leaf of what is handed in, one sheet."""
    rows = [_row(queue, item, leaf) for item, leaf in queue.leaves()]
    heads = (
        Head("unit", HEADS["unit"], width=20),
        Head("page", HEADS["page"], width=24),
        Head("point", HEADS["point"], width=44),
        Head("max", HEADS["max"], Ask("number"), width=7),
        Head("self", HEADS["self"], Ask("number"), width=8),
        Head("proposed", HEADS["proposed"], Ask("number"), width=10),
        Head(POINTS, HEADS[POINTS], is_typed=True, width=9),
        Head(VERDICT, HEADS[VERDICT], is_typed=True, width=9),
        Head(REASON, HEADS[REASON], Ask("longtext"), is_typed=True, width=36),
        Head("state", HEADS["state"], width=8),
    )
    told = _("与系统建议不同、低于自评的要写理由；空着的不评。")
    section = Section(MARKS, TITLE, heads, tuple(rows), told)
    typed = [h.key for h in section.typed]
    about = {
        "layout": VERSION,
        "cycle": str(queue.cycle.id),
        "user": str(queue.actor.user_id),
        "name": queue.actor.name,
        "rubric": queue.cycle.rubric_key,
        "fingerprint": queue.fingerprint,
        "sections": MARKS,
    }
    return Layout(
        about,
        queue.actor.name,
        queue.cycle.title,
        (section,) if rows else (),
        {row.key: digest([row.texts.get(k, "") for k in typed]) for row in rows},
        title=_("评分表：%(name)s", name=queue.actor.name),
        notes=(
            _("1. 在浅黄色格子里填评分、结论和理由。空着的不评，可以分几次填、几次传。"),
            _("2. 不要改表头和左边的隐藏列，不要合并单元格，不要填公式。"),
            _("3. 与系统建议不同、低于自评的，请写明理由。"),
            _("4. 存为 .xlsx 上传。系统先列出改动和问题，您逐项勾选，确认后才保存。"),
            _("5. 这份表只有您本人的评分，请不要转给别人填。"),
        ),
    )


def _row(queue: Queue, item: Item, leaf: Leaf) -> Row:
    offer = leaf.proposed_verdict or "" if leaf.offer is None else _plain(leaf.offer)
    texts = {
        "unit": leaf.entry.name,
        "page": item.indicator.name[:60],
        "point": leaf.clause.text
        if leaf.code == item.indicator.code
        else leaf.clause.title or leaf.clause.text,
        "max": "" if leaf.most is None else _plain(leaf.most),
        "self": "" if leaf.self_points is None else _plain(leaf.self_points),
        "proposed": offer,
        **texts_of(queue.own(leaf)),
        "state": _state(leaf.state_for(queue.actor.user_id)),
    }
    options = verdicts(leaf.clause)
    asks = {}
    if not options or any(o.upto is not None for o in options):
        asks[POINTS] = Ask("number", least=Fraction(0), most=leaf.most)
    if options:
        asks[VERDICT] = Ask("choice", tuple(o.value for o in options))
    return Row(key_of(leaf), texts, asks)


def _plain(value: Fraction) -> str:
    return show(value, 4).replace("\u2212", "-")


def _state(state: MarkState) -> str:
    return {
        MarkState.OPEN: "未评",
        MarkState.DOUBTFUL: "存疑",
        MarkState.STALE: "有变",
        MarkState.DONE: "已评",
    }[state]


def require_same(asked: Layout, about: Mapping[str, str]) -> None:
    """:raises Invalid: the workbook is none of ours, of another layout, cycle, person or rubric."""
    now = asked.about
    if not about.get("layout"):
        raise Invalid(
            _("这不是从本系统下载的评分表，或隐藏的识别页被删掉了。请重新下载，把内容复制过去再上传。")
        )
    if about["layout"] != now["layout"]:
        raise Invalid(_("这份表不是评分表，或是旧格式的。请重新下载评分表再填。"))
    if about.get("cycle") != now["cycle"]:
        raise Invalid(_("这份表是另一次考核的。请下载“%(cycle)s”的表再填。", cycle=asked.cycle))
    if about.get("user") != now["user"]:
        raise Invalid(_("这份评分表是%(name)s的，不能替别人上传。", name=about.get("name", "")))
    if (about.get("rubric"), about.get("fingerprint")) != (now["rubric"], now["fingerprint"]):
        raise Invalid(_("下载这份表以后，考核细则有调整。请重新下载，把内容复制过去再上传。"))


# --- comparing ------------------------------------------------------------------------------------


def plan(queue: Queue, filled: Filled) -> Plan:
    """Compare a filled workbook with the stored marks; writes nothing.

    :raises Invalid: it is another person's, another cycle's, an old one.
    :raises DomainError: no first scores are taken any more.
    """
    require_same(layout(queue), filled.about)
    require_filling(queue.cycle)
    work = _Planner(queue, filled)
    work.marks()
    found = work.plan
    found.left = max(0, len(found.changes) - MOST_CHANGES)
    del found.changes[MOST_CHANGES:]
    found.problems.sort(key=lambda p: not p.stops)
    return found


def require_filling(cycle: Cycle) -> None:
    """Raise DomainError unless scores may come in from a workbook now."""
    if cycle.state == CycleState.DELIBERATION:
        raise DomainError(_("现在是合议阶段，改分请在评分页逐项改，并写明理由。"))
    if cycle.state != CycleState.REVIEW:
        raise DomainError(_("现在不是评分阶段，不能上传评分表。"))


class _Planner(Comparison):
    def __init__(self, queue: Queue, filled: Filled) -> None:
        super().__init__(filled)
        self.queue = queue

    def marks(self) -> None:
        lines = self.lines(MARKS, POINTS)
        for item, leaf in self.queue.leaves():
            line = lines.pop(key_of(leaf), None)
            if line is not None:
                self._mark(item, leaf, line)
        for line in lines.values():
            texts = [line.texts.get(k, "") for k in (POINTS, VERDICT, REASON)]
            if any(texts) and self.base(line.key, 3) != digest(texts):
                self.problem(line, POINTS, _("这一款现在不用您评，没有读取"))

    def _mark(self, item: Item, leaf: Leaf, line: Line) -> None:
        mark = self.queue.own(leaf)
        texts = {k: line.texts.get(k, "").replace("\r\n", "\n").strip() for k in (POINTS, VERDICT, REASON)}
        texts[POINTS] = _as_stored(texts[POINTS])
        now = texts_of(mark)
        typed, base = digest(list(texts.values())), self.base(line.key, 3)
        if texts == now or typed == base:
            self.plan.same += texts == now and any(texts.values())
            return
        if not texts[POINTS] and not texts[VERDICT]:
            said = _("评过的分不能清空，请填改后的分数") if mark else _("只有理由，请填写评分")
            self.problem(line, POINTS, said)
            return
        try:
            problem = mark_problem(self.queue.rubric, leaf, given_of(self.queue, leaf, texts))
        except Invalid as error:
            problem = error.message
        if problem:
            self.problem(line, POINTS, problem.rstrip("。"))
            return
        self.change(
            replace(line, texts=texts),
            POINTS,
            key=line.key,
            version=mark.version if mark else 0,
            kind="edit",
            page=item.indicator.code,
            title=f"{leaf.entry.name} {leaf.clause.name}",
            parts=tuple(Part(HEADS[k], now[k], texts[k]) for k in texts if now[k] != texts[k]),
            is_conflict=base != digest(list(now.values())),
        )


def _as_stored(text: str) -> str:
    """Points as they would be stored; what is no number stays as it was typed."""
    try:
        points = parse_points(text)
    except Invalid:
        return text
    return "" if points is None else as_text(points)


def given_of(queue: Queue, leaf: Leaf, texts: Mapping[str, str]) -> Given:
    """A row's word on a leaf. :raises Invalid: points that are no number."""
    points, mark = parse_points(texts[POINTS]), queue.own(leaf)
    reason = texts[REASON]
    if mark is not None and mark.points == points and mark.deductions:
        deductions = mark.deductions
        reason = reason or waiver_text(deductions)
    else:
        deductions = noted_for_points(leaf, queue.banks[leaf.entry.id or 0, leaf.code], points, reason)
    return Given(
        leaf.code,
        points=points,
        verdict=texts[VERDICT] or None,
        reason=reason,
        deductions=deductions,
        version=mark.version if mark else 0,
    )


# --- taking over ----------------------------------------------------------------------------------


def apply(
    session: Session, queue: Queue, found: Plan, chosen: Mapping[str, int], *, op: str, at: datetime
) -> int:
    """Save the chosen marks, all or none. The same ``op`` again does nothing and answers as before.

    :param chosen: key -> the version that the check showed.
    :raises Conflict: a chosen mark is not as it was in the check; plan and show again.
    :raises Invalid: nothing chosen, or a mark is refused; the message names the cell.
    """
    before = outcome_of(session, queue.actor, op)
    if isinstance(before, dict) and "workbook" in before:
        return int(before["workbook"])
    if not chosen:
        raise Invalid(_("还没有勾选要采纳的内容。"))
    picked = {c.key: c for c in found.changes if c.key in chosen}
    if len(picked) < len(chosen) or any(chosen[key] != c.version for key, c in picked.items()):
        raise Conflict(_("核对以后，系统里的内容又有变化，什么也没有保存。下面是现在的对照，请再看一遍。"))
    ready = [(item, leaf, picked[key_of(leaf)]) for item, leaf in queue.leaves() if key_of(leaf) in picked]
    for _place, group in groupby(ready, key=lambda r: (r[0].entry.id, r[0].indicator.code)):
        rows = list(group)
        given = [given_of(queue, leaf, change.texts) for _item, leaf, change in rows]
        try:
            save_marks(session, queue.actor, queue.cycle, queue.rubric, rows[0][0], given, at=at)
        except Invalid as error:
            raise Invalid(_refused(rows[0][2], error)) from error
    remember(session, queue.actor, op, {"workbook": len(picked)}, at=at)
    return len(picked)


def _refused(change: Change, error: Invalid) -> str:
    why = "；".join(error.problems.values()) or error.message
    where = f"{change.sheet} {change.cell}".strip()
    return _("%(where)s：%(why)s。什么也没有保存。", where=where, why=why.rstrip("。"))
