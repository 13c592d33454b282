"""质询: a reviewer asks the unit about one indicator, the unit's lead school answers; both are logged.

The unit reads the question as the panel's; who asked stands in the log and on the panel's pages.
Questions change no facts: what is missing comes in through a return (退回补材料).
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.log import record
from intranet.domain.phases import phase_name
from intranet.enums import CycleState, Role, SchoolRole, SubmissionState
from intranet.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Entry, Inquiry
from intranet.queries.entries import schools_of
from intranet.queries.inquiries import inquiries_of, is_open
from intranet.queries.review import panel_entry_for

MOST_QUESTION, MOST_ANSWER = 1000, 2000
MOST_OPEN = 5
"""Unanswered questions on one indicator of one unit."""

ASKING = (CycleState.REVIEW, CycleState.DELIBERATION)


def require_asking(cycle: Cycle) -> None:
    """Raise DomainError unless questions are asked and answered now."""
    if cycle.state not in ASKING:
        raise DomainError(_("现在是%(phase)s阶段，不能质询。", phase=phase_name(cycle.state)))


def ask(
    session: Session, actor: Actor, cycle: Cycle, entry: Entry, code: str, question: str, *, at: datetime
) -> Inquiry:
    """Ask the unit about an indicator. The same open question of the same person is not asked twice.

    :raises NotFound: the actor does not meet the entry: not on its panel, or to stay away from it (回避).
    :raises DomainError: not in review or deliberation, nothing was submitted, or too many questions wait.
    :raises Invalid: no question, or too long.
    """
    assert entry.id is not None
    panel_entry_for(session, actor, entry.id)
    require_asking(cycle)
    if entry.state == SubmissionState.OPEN:
        raise DomainError(_("%(unit)s还没有提交，不能质询。", unit=entry.name))
    question = question.strip()
    if not question:
        raise Invalid(_("请写出要问的问题。"), field="question")
    if len(question) > MOST_QUESTION:
        raise Invalid(_("问题最多 %(n)s 字，请写短一些。", n=MOST_QUESTION), field="question")
    waiting = [i for i in inquiries_of(session, [entry.id], code)[entry.id] if is_open(i)]
    same = next((i for i in waiting if (i.asked_by, i.question) == (actor.user_id, question)), None)
    if same is not None:
        return same
    if len(waiting) >= MOST_OPEN:
        raise DomainError(_("这一项已有 %(n)s 个问题待答复，请等答复后再问。", n=MOST_OPEN))
    inquiry = Inquiry(entry_id=entry.id, code=code, question=question, asked_by=actor.user_id, asked_at=at)
    session.add(inquiry)
    session.flush()
    _log(session, actor, cycle, inquiry, "inquiry.ask", None, question)
    return inquiry


def withdraw(
    session: Session, actor: Actor, cycle: Cycle, inquiry: Inquiry, *, version: int, at: datetime
) -> None:
    """Take a question back before it is answered: who asked it, or the chair. Twice is once.

    :raises NotFound: the actor does not meet the entry. :raises Forbidden: another's question.
    :raises Conflict: answered meanwhile.
    """
    panel_entry_for(session, actor, inquiry.entry_id)
    if actor.user_id != inquiry.asked_by and not actor.chairs(cycle.id or 0):
        raise Forbidden(_("只有提问的评委和组长可以撤回质询。"))
    if inquiry.withdrawn_at is not None:
        return
    require_asking(cycle)
    if inquiry.version != version or not is_open(inquiry):
        raise Conflict(_("学校刚刚答复了这个问题，不能再撤回。"), theirs=inquiry)
    inquiry.withdrawn_at, inquiry.version = at, inquiry.version + 1
    session.add(inquiry)
    session.flush()
    _log(session, actor, cycle, inquiry, "inquiry.withdraw", inquiry.question, None)


def may_answer(session: Session, actor: Actor, entry: Entry) -> bool:
    """Whether the actor files for the lead school of the unit."""
    own = actor.schools.get(Role.FILER, frozenset())
    schools = schools_of(session, [entry.id or 0])[entry.id or 0]
    return any(s.role == SchoolRole.LEAD and s.school_id in own for s in schools)


def reply(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    inquiry: Inquiry,
    text: str,
    *,
    version: int,
    at: datetime,
) -> Inquiry:
    """Answer, or put right an answer given before; also while the filing is locked.

    :raises NotFound: another entry's question. :raises Forbidden: not the lead school's filer.
    :raises DomainError: not in review or deliberation. :raises Invalid: no answer, or too long. :raises Conflict: withdrawn, or answered in another window;
        ``theirs`` is the inquiry as it stands.
    """
    if inquiry.entry_id != entry.id:
        raise NotFound(_("没有这个问题。"))
    if not may_answer(session, actor, entry):
        raise Forbidden(_("质询由牵头学校的填报负责人答复。"))
    require_asking(cycle)
    text = text.strip()
    if not text:
        raise Invalid(_("请写出答复。"), field="answer")
    if len(text) > MOST_ANSWER:
        raise Invalid(_("答复最多 %(n)s 字，请写短一些。", n=MOST_ANSWER), field="answer")
    if inquiry.withdrawn_at is not None:
        raise Conflict(_("这个问题已撤回，不用答复。"), theirs=inquiry)
    if inquiry.answer == text:
        return inquiry
    if inquiry.version != version:
        raise Conflict(_("这个问题在另一个窗口刚刚答复过，请看清后再保存。"), theirs=inquiry)
    old = inquiry.answer or None
    inquiry.answer, inquiry.answered_by, inquiry.answered_at = text, actor.user_id, at
    inquiry.version += 1
    session.add(inquiry)
    session.flush()
    _log(session, actor, cycle, inquiry, "inquiry.answer", old, text)
    return inquiry


def _log(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    inquiry: Inquiry,
    action: str,
    old: str | None,
    new: str | None,
) -> None:
    record(
        session,
        actor,
        action,
        subject=inquiry.code,
        old=old,
        new=new,
        cycle_id=cycle.id,
        entry_id=inquiry.entry_id,
        inquiry=inquiry.id,
    )
