"""Taking back the decision on an appeal (复核) before a new freeze has made a result of it: marks and values
stand again as they were, and the appeal is open once more. The log keeps both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from intranet.actor import Actor
from intranet.domain.appeals import log_act, points_said, require_published
from intranet.domain.lifecycle import require_reason
from intranet.domain.log import record
from intranet.enums import AppealState, CycleState, Role
from intranet.errors import Conflict, DomainError
from intranet.i18n import _
from intranet.models import SETTLED, Answer, Appeal, Cycle, Entry, EntrySchool, Mark, Result
from intranet.queries import appeals as stored
from intranet.rubric.model import Rubric
from intranet.rubric.numbers import as_fraction, as_text

DECIDED = (AppealState.UPHELD, AppealState.REJECTED)

_KEPT = ("reason", "deductions", "basis", "doubtful", "made_by")
"""What a settlement that a decision replaces holds beside its points; they come back with it."""


def why_final(cycle: Cycle, appeal: Appeal, held: Result | None) -> str:
    """Why the decision stands; "" if it may be taken back. held: the newest freeze."""
    if appeal.state not in DECIDED or appeal.decided_at is None:
        return _("这件复核还没有结论。")
    if cycle.state != CycleState.PUBLISHED:
        return _("公示已结束，复核结论不能再撤回。")
    if appeal.applied_result_id is not None or (held is not None and held.frozen_at > appeal.decided_at):
        return _("结果已按复核结论重新冻结，不能再撤回。")
    return ""


def replaced(mark: Mark) -> dict[str, Any]:
    """A settlement as the log keeps it, so that :func:`withdraw` can put it back."""
    return {
        **points_said(mark.points, mark.verdict),
        **{name: getattr(mark, name) for name in _KEPT},
        "computed": None if mark.computed is None else as_text(mark.computed),
        "made_at": mark.made_at.isoformat(),
    }


def withdraw(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    rubric: Rubric,
    appeal: Appeal,
    schools: Sequence[EntrySchool],
    *,
    reason: str,
    version: int,
) -> None:
    """The bureau takes its decision back; those who were asked may change their words again.

    :param schools: of the entry.
    :raises DomainError: frozen since. :raises Conflict: decided anew meanwhile, or a value that it
        corrected was changed again.
    """
    actor.require(Role.BUREAU)
    require_published(cycle)
    if appeal.state not in DECIDED or appeal.version != version:
        raise Conflict(_("这件复核刚刚有变化，请看清后再办。"))
    why = why_final(cycle, appeal, stored.newest_result(session, cycle.id or 0))
    if why:
        raise DomainError(why)
    reason = require_reason(reason)
    if appeal.state == AppealState.UPHELD:
        _put_back_values(session, actor, entry, rubric, appeal, schools, reason)
        _put_back_mark(session, actor, entry, appeal, reason)
    old = {"state": appeal.state.value, "decision": appeal.decision}
    asked = stored.reviews_of(session, appeal.id or 0)
    appeal.state = AppealState.ASSIGNED if asked else AppealState.FILED
    appeal.decision, appeal.points, appeal.verdict = "", None, None
    appeal.decided_by = appeal.decided_at = None
    appeal.version += 1
    session.add(appeal)
    session.flush()
    log_act(session, actor, entry, appeal, stored.UNDO, old=old, reason=reason)


def _put_back_mark(session: Session, actor: Actor, entry: Entry, appeal: Appeal, reason: str) -> None:
    """The settlement before the decision; none if there was none."""
    logged = stored.acts_of(session, appeal, "mark.settle")
    if not logged:
        return  # decided by correcting values
    query = select(Mark).where(Mark.entry_id == entry.id, Mark.code == appeal.code, Mark.role == SETTLED)
    mark = session.exec(query).first()
    if mark is None or (mark.points, mark.verdict) != (appeal.points, appeal.verdict):
        raise Conflict(_("这件复核刚刚有变化，请看清后再办。"))
    now, before = points_said(mark.points, mark.verdict), logged[-1].detail.get("replaced")
    if before is None:
        session.delete(mark)
        session.flush()
        log_act(session, actor, entry, appeal, "mark.unsettle", old=now, reason=reason)
        return
    mark.points, mark.verdict = as_fraction(before["points"]), before["verdict"]
    mark.computed, mark.made_at = as_fraction(before["computed"]), datetime.fromisoformat(before["made_at"])
    for name in _KEPT:
        setattr(mark, name, before[name])
    mark.version += 1
    session.add(mark)
    session.flush()
    said = points_said(mark.points, mark.verdict)
    log_act(session, actor, entry, appeal, "mark.unsettle", old=now, new=said, reason=reason)


def _put_back_values(
    session: Session,
    actor: Actor,
    entry: Entry,
    rubric: Rubric,
    appeal: Appeal,
    schools: Sequence[EntrySchool],
    reason: str,
) -> None:
    ids = {s.code: s.school_id for s in schools}
    for logged in stored.corrections_of(session, appeal):
        key, _at, school = logged.subject.partition("@")
        answer = _corrected(session, entry, rubric, key, ids.get(school, 0))
        label = rubric.all_fields[key].label if key in rubric.all_fields else key
        if answer is None or answer.value != logged.new:
            text = _("“%(label)s”在这个结论之后又改过，请先撤回后一件复核的结论。", label=label)
            raise Conflict(text)
        answer.value, answer.version, answer.changed_by = logged.old, answer.version + 1, actor.user_id
        session.add(answer)
        session.flush()
        record(
            session,
            actor,
            "appeal.restore",
            subject=logged.subject,
            old=logged.new,
            new=logged.old,
            reason=reason,
            cycle_id=entry.cycle_id,
            entry_id=entry.id,
            appeal=appeal.id,
        )


def _corrected(session: Session, entry: Entry, rubric: Rubric, key: str, school_id: int) -> Answer | None:
    field = rubric.all_fields.get(key)
    query = select(Answer).where(
        Answer.entry_id == entry.id,
        Answer.owner == (field.by if field else ""),
        Answer.key == key,
        Answer.school_id == school_id,
    )
    return session.exec(query).first()
