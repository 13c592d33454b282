"""What the panel writes: marks, the chair's settlements, figures the panel owns.

What they type is read by ``marking.py``; how far the marking has come is ``standing.py``. Whether
a clause takes such a mark at all is ``rubric.marks.check_mark``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.domain.assignment import require_asked
from intranet.domain.log import record
from intranet.domain.marking import MOST_WAIVER, Given, completed, needs_reason, waivers
from intranet.domain.phases import require_deliberation, require_review
from intranet.domain.scoring import EntrySheet
from intranet.domain.standing import Item, Leaf
from intranet.enums import CycleState, SubmissionState
from intranet.errors import Conflict, DomainError, Forbidden, Invalid
from intranet.i18n import _
from intranet.models import SETTLED, Answer, Cycle, Entry, Mark
from intranet.queries.recusals import is_barred
from intranet.queries.review import panel_entry_for
from intranet.rubric.checks import parse_value
from intranet.rubric.marks import check_mark
from intranet.rubric.model import Field, Rubric
from intranet.rubric.numbers import as_text

MAX_REASON = 1000


def save_marks(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    rubric: Rubric,
    item: Item,
    given: Sequence[Given],
    *,
    at: datetime,
) -> list[Mark]:
    """Store one reviewer's marks on the leaves of one item; what is unchanged stays untouched.

    In deliberation only the own existing marks are changed, each with ``why``; leaves without an own
    mark are the chair's then and are passed over.

    :raises NotFound: the actor does not meet this entry: not on its panel, or to stay away from it (回避).
    :raises DomainError: not in review or deliberation, or not handed in.
    :raises Invalid: ``problems`` by clause code: what to enter instead.
    :raises Conflict: ``theirs`` is {code: Mark} of marks changed since they were read.
    """
    panel_entry_for(session, actor, _id(item.entry))
    require_scoring(cycle, item, at)
    require_asked(session, actor, cycle, item.entry, item.indicator.code)
    leaves = {leaf.code: leaf for leaf in item.leaves}
    stored = _stored(session, item.entry, actor.user_id)
    checked = [(leaves.get(g.code), g) for g in given]
    changing = cycle.state == CycleState.DELIBERATION
    if changing:
        checked = [(leaf, g) for leaf, g in checked if leaf is None or (leaf.code, leaf.role) in stored]
        if not checked:
            raise DomainError(_("合议时只能改自己评过的分。没评过的由组长审定。"))
    problems = {g.code: p for leaf, g in checked if (p := mark_problem(rubric, leaf, g))}
    if changing and not problems:
        problems = {
            leaf.code: p
            for leaf, g in checked
            if leaf is not None and (p := _unexplained(leaf, g, stored[leaf.code, leaf.role]))
        }
    if problems:
        raise Invalid(next(iter(problems.values())), problems)
    theirs = {
        g.code: found
        for leaf, g in checked
        if leaf and (found := stored.get((leaf.code, leaf.role))) and found.version != g.version
    }
    if theirs:
        raise Conflict(_("这一项在另一个窗口刚刚改过，请看清两个分数再保存。"), theirs=theirs)
    return [
        _write(session, actor, cycle, leaf, completed(leaf, g), stored.get((leaf.code, leaf.role)), at)
        for leaf, g in checked
        if leaf is not None
    ]


def mark_problem(rubric: Rubric, leaf: Leaf | None, given: Given) -> str:
    """What is wrong with a mark, and what to enter instead; "" if it can be stored."""
    if leaf is None:
        return _("%(code)s 不在这一页上，不能评分。", code=given.code)
    if leaf.bar:
        return _("这一款不用评分：%(why)s。", why=leaf.bar)
    if len(given.reason) > MAX_REASON:
        return _("理由最多 %(n)s 字，请写短一些。", n=MAX_REASON)
    if given.doubtful and given.points is None and given.verdict is None:
        return ""
    given = completed(leaf, given)
    try:
        check_mark(rubric, given.code, given.points, given.verdict)
    except Invalid as error:
        return error.message
    own = given.reason.strip()
    if any(len(d["reason"]) > MOST_WAIVER for d in waivers(given.deductions) if d["reason"] != own):
        return _("不扣的理由最多 %(n)s 字，请写短一些。", n=MOST_WAIVER)
    if given.doubtful:
        return ""
    silent = next((d for d in waivers(given.deductions) if not d["reason"]), None)
    if silent is not None:
        return _("系统建议扣“%(label)s”。不扣的话，请写明理由。", label=silent["label"])
    return "" if own else needs_reason(leaf, given.points, given.verdict)


def _unexplained(leaf: Leaf, given: Given, mark: Mark) -> str:
    """What is missing for a change in deliberation; "" if nothing changes or the change says why."""
    if len(given.why) > MAX_REASON:
        return _("理由最多 %(n)s 字，请写短一些。", n=MAX_REASON)
    new, old = _says(leaf, completed(leaf, given)), _said(mark)
    if given.why.strip() or new | {"computed": ""} == old | {"computed": ""}:
        return ""
    return _("合议时改分，请写明为什么改。")


def require_scoring(cycle: Cycle, item: Item, at: datetime) -> None:
    """Raise DomainError, saying what must happen first, unless reviewers may score this indicator now.

    In deliberation they may, until its date: each the own existing scores.
    """
    if cycle.state == CycleState.DELIBERATION:
        require_deliberation(cycle, at)
    else:
        require_review(cycle)
    _require_submitted(item.entry, item.is_returned)


def require_settling(cycle: Cycle, entry: Entry, is_returned: bool) -> None:
    """Raise DomainError unless the chair may settle marks of this entry now.

    :param is_returned: whether just what is to be settled is out for correction (退回修改).

    In deliberation nothing can be submitted any more, and a freeze needs a score on every leaf: the chair
    then settles the units that never submitted too, on what there is.
    """
    require_review(cycle, settling=True)
    if cycle.state != CycleState.DELIBERATION:
        _require_submitted(entry, is_returned)


def _require_submitted(entry: Entry, is_returned: bool) -> None:
    if is_returned:
        raise DomainError(_("%(unit)s正在补这一项的材料，重新提交后才能评分。", unit=entry.name))
    if entry.state == SubmissionState.OPEN:
        raise DomainError(_("%(unit)s还没有提交，不能评分。", unit=entry.name))


def _stored(session: Session, entry: Entry, user_id: int) -> dict[tuple[str, str], Mark]:
    query = select(Mark).where(Mark.entry_id == entry.id, Mark.user_id == user_id)
    return {(m.code, m.role): m for m in session.exec(query)}


def _write(
    session: Session, actor: Actor, cycle: Cycle, leaf: Leaf, given: Given, mark: Mark | None, at: datetime
) -> Mark:
    old = None if mark is None else _said(mark)
    if mark is None:
        mark = Mark(
            entry_id=_id(leaf.entry),
            code=leaf.code,
            role=leaf.role,
            user_id=actor.user_id,
            made_by=actor.user_id,
            version=0,
        )
    new = _says(leaf, given)
    if new == old and mark.basis in ("", leaf.basis):
        return mark
    mark.points, mark.verdict, mark.reason = given.points, given.verdict, given.reason.strip()
    mark.deductions, mark.doubtful, mark.computed = given.deductions, given.doubtful, leaf.proposed
    mark.basis = leaf.basis
    mark.made_at, mark.made_by, mark.version = at, actor.user_id, mark.version + 1
    session.add(mark)
    session.flush()
    changing = cycle.state == CycleState.DELIBERATION
    record(
        session,
        actor,
        "mark.keep" if new == old else "mark.change" if changing else "mark.save",
        subject=leaf.code,
        old=old,
        new=new,
        reason=given.why.strip() if changing else mark.reason,
        cycle_id=cycle.id,
        entry_id=leaf.entry.id,
        role=leaf.role,
    )
    return mark


def _says(leaf: Leaf, given: Given) -> dict[str, Any]:
    """What the mark will say once it is stored; as :func:`_said`."""
    return {
        "points": None if given.points is None else as_text(given.points),
        "verdict": given.verdict,
        "reason": given.reason.strip(),
        "deductions": given.deductions,
        "doubtful": given.doubtful,
        "computed": None if leaf.proposed is None else as_text(leaf.proposed),
    }


def _said(mark: Mark) -> dict[str, Any]:
    """What a mark says, for the log and for telling whether it changed."""
    return {
        "points": None if mark.points is None else as_text(mark.points),
        "verdict": mark.verdict,
        "reason": mark.reason,
        "deductions": mark.deductions,
        "doubtful": mark.doubtful,
        "computed": None if mark.computed is None else as_text(mark.computed),
    }


# --- the chair ------------------------------------------------------------------------------------


def require_chair(actor: Actor, cycle: Cycle) -> None:
    """Raise Forbidden unless the actor is a chair (组长) of this cycle's panel."""
    if not actor.chairs(_id(cycle)):
        raise Forbidden(_("这一步由考核组组长办理。"))


def settle(
    session: Session, actor: Actor, cycle: Cycle, rubric: Rubric, leaf: Leaf, given: Given, *, at: datetime
) -> Mark:
    """The chair's word on one leaf, with a reason; it stands before all reviewers' marks.

    :raises Forbidden: not this cycle's chair. :raises NotFound: an entry to stay away from (回避).
    :raises DomainError: not in review or deliberation, or not submitted. :raises Invalid: a mark the clause cannot take, or no reason.
    :raises Conflict: another chair settled meanwhile.
    """
    require_chair(actor, cycle)
    panel_entry_for(session, actor, _id(leaf.entry))
    require_settling(cycle, leaf.entry, leaf.is_returned)
    if leaf.bar:
        raise Invalid(_("这一款不用评分：%(why)s。", why=leaf.bar), field=leaf.code)
    given = completed(leaf, given)
    check_mark(rubric, leaf.code, given.points, given.verdict)
    reason = given.reason.strip()
    if not reason:
        raise Invalid(_("请写明审定理由。"), field=leaf.code)
    if len(reason) > MAX_REASON:
        raise Invalid(_("理由最多 %(n)s 字，请写短一些。", n=MAX_REASON), field=leaf.code)
    mark = _settlement(session, leaf)
    if (mark.version if mark else 0) != given.version:
        raise Conflict(_("这一款刚刚由另一位组长审定过，请看清后再决定。"), theirs={leaf.code: mark})
    old = None if mark is None else _said(mark)
    if mark is None:
        mark = Mark(entry_id=_id(leaf.entry), code=leaf.code, role=SETTLED, made_by=actor.user_id, version=0)
    mark.points, mark.verdict, mark.reason, mark.computed = given.points, given.verdict, reason, leaf.proposed
    if _said(mark) == old and mark.basis in ("", leaf.basis):
        return mark
    mark.basis = leaf.basis
    mark.made_at, mark.made_by, mark.version = at, actor.user_id, mark.version + 1
    session.add(mark)
    session.flush()
    _log(session, actor, cycle, leaf, "mark.settle", old, _said(mark), reason)
    return mark


def withdraw_settlement(session: Session, actor: Actor, cycle: Cycle, leaf: Leaf, *, version: int) -> None:
    """Take the chair's word back, so that the reviewers' marks count again."""
    require_chair(actor, cycle)
    panel_entry_for(session, actor, _id(leaf.entry))
    require_settling(cycle, leaf.entry, leaf.is_returned)
    mark = _settlement(session, leaf)
    if mark is None:
        return
    if mark.version != version:
        raise Conflict(_("这一款刚刚由另一位组长审定过，请看清后再决定。"), theirs={leaf.code: mark})
    old = _said(mark)
    session.delete(mark)
    session.flush()
    _log(session, actor, cycle, leaf, "mark.unsettle", old, None, "")


def _settlement(session: Session, leaf: Leaf) -> Mark | None:
    query = select(Mark).where(Mark.entry_id == leaf.entry.id, Mark.code == leaf.code, Mark.role == SETTLED)
    return session.exec(query).first()


def _log(
    session: Session, actor: Actor, cycle: Cycle, leaf: Leaf, action: str, old: Any, new: Any, reason: str
) -> None:
    record(
        session,
        actor,
        action,
        subject=leaf.code,
        old=old,
        new=new,
        reason=reason,
        cycle_id=cycle.id,
        entry_id=leaf.entry.id,
    )


# --- figures the panel owns -----------------------------------------------------------------------


def save_figure(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    sheet: EntrySheet,
    wanted: Field,
    text: str,
    *,
    version: int,
    at: datetime,
) -> Answer:
    """Store a number that the panel owns as a fact (展示考核得分), typed by the chair.

    The same number once more changes nothing, unless who typed it must stay away from the unit since
    (回避): then it is the actor's own from now on.

    :raises Invalid: not what the field asks for, below its ``least`` or above its ``most``.
    :raises Conflict: changed meanwhile; ``theirs`` is the stored value.
    """
    entry = sheet.entry
    require_chair(actor, cycle)
    panel_entry_for(session, actor, _id(entry))
    require_settling(cycle, entry, wanted.clause in sheet.returned)
    value = parse_value(wanted, text)
    query = select(Answer).where(
        Answer.entry_id == entry.id,
        Answer.owner == wanted.by,
        col(Answer.school_id) == 0,
        Answer.key == wanted.key,
    )
    answer = session.exec(query).first()
    if (answer.version if answer else 0) != version:
        raise Conflict(
            _("“%(label)s”在另一个窗口刚刚改过，请看清后再保存。", label=wanted.label),
            theirs=answer.value if answer else None,
            field=wanted.key,
        )
    old = None if answer is None else answer.value
    if answer is None:
        answer = Answer(
            entry_id=_id(entry), owner=wanted.by, key=wanted.key, changed_by=actor.user_id, version=0
        )
    if value == old and answer.version and not is_barred(session, answer.changed_by, _id(entry)):
        return answer
    answer.value, answer.version = value, answer.version + 1
    answer.changed_by, answer.changed_at = actor.user_id, at
    session.add(answer)
    session.flush()
    record(
        session,
        actor,
        "answer.save",
        subject=wanted.key,
        old=old,
        new=value,
        cycle_id=cycle.id,
        entry_id=entry.id,
    )
    return answer


def _id(row: Cycle | Entry) -> int:
    assert row.id is not None
    return row.id
