"""What the bureau does to one unit's filing: return indicators for correction, give it more time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.lifecycle import require_reason
from intranet.domain.log import record
from intranet.domain.operations import outcome_of, remember
from intranet.domain.phases import filing_deadline, phase_name
from intranet.enums import CycleState, Role, SubmissionState
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle, Entry, Return
from intranet.queries.entries import returns_of
from intranet.queries.filing import pages
from intranet.rubric.model import Rubric

RUNNING = (CycleState.FILING, CycleState.REVIEW)


def rounds_used(entry: Entry) -> int:
    """How often the entry was returned; indicators returned while it is out belong to the same round."""
    return entry.round if entry.state == SubmissionState.RETURNED else max(0, entry.round - 1)


def may_return_again(cycle: Cycle, entry: Entry) -> bool:
    """Whether the cycle's number of rounds leaves one more, or the entry is out already."""
    return entry.state == SubmissionState.RETURNED or rounds_used(entry) < cycle.max_returns


def _require_running(cycle: Cycle) -> None:
    if cycle.state not in RUNNING:
        raise DomainError(_("现在是%(phase)s阶段，不能再退回或延期。", phase=phase_name(cycle.state)))


def return_indicators(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    rubric: Rubric,
    entry: Entry,
    codes: Sequence[str],
    reason: str,
    *,
    at: datetime,
    op: str = "",
) -> None:
    """Unlock these indicators of a submitted entry, with a reason that the school reads.

    The same form sent twice returns once. :raises Invalid: nothing chosen, no reason; ``problems``
    by codes and reason.
    """
    if not actor.chairs(cycle.id or 0):  # the panel asks for material through its chair
        actor.require(Role.BUREAU)
    if outcome_of(session, actor, op) is not None:
        return
    _require_running(cycle)
    if entry.state == SubmissionState.OPEN:
        raise DomainError(_("%(name)s还没有提交，内容没有锁定，不用退回。", name=entry.name))
    if not may_return_again(cycle, entry):
        raise DomainError(
            _(
                "%(name)s已退回 %(n)s 次，本次考核最多退回 %(most)s 次。请按现有材料评分，并在评分里写明理由；"
                "确需再退回的，由教育局在“日程”里调高次数。",
                name=entry.name,
                n=rounds_used(entry),
                most=cycle.max_returns,
            )
        )
    known = [p.code for p in pages(rubric)]
    wanted = [code for code in known if code in codes]
    if not wanted or len(set(codes)) != len(wanted):
        raise Invalid(_("请勾选要退回的指标。"), field="codes")
    reason = require_reason(reason)
    assert entry.id is not None
    already = {c for r in returns_of(session, [entry.id])[entry.id] for c in r.codes}
    again = [c for c in wanted if c in already]
    if again:
        names = "、".join(rubric.by[c].name for c in again)
        raise Invalid(_("%(names)s已经退回，正等学校修改。", names=names), field="codes")
    session.add(
        Return(entry_id=entry.id, codes=wanted, reason=reason, returned_by=actor.user_id, returned_at=at)
    )
    old, entry.state = entry.state, SubmissionState.RETURNED
    entry.version += 1
    session.add(entry)
    session.flush()
    record(
        session,
        actor,
        "entry.return",
        subject="、".join(wanted),
        old=old.value,
        new=entry.state.value,
        reason=reason,
        cycle_id=cycle.id,
        entry_id=entry.id,
    )
    remember(session, actor, op, {"returned": wanted}, at=at)


def extend(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    until: datetime | None,
    reason: str,
    *,
    at: datetime,
) -> None:
    """Let one unit file until a later moment than the others.

    :raises Invalid: a moment that is past or not later than the common one; ``problems`` by until and reason.
    """
    actor.require(Role.BUREAU)
    _require_running(cycle)
    if entry.state == SubmissionState.SUBMITTED:
        raise DomainError(_("%(name)s已经提交，不用延期。要改的指标请退回。", name=entry.name))
    if until is None:
        raise Invalid(_("请填写延到什么时候。"), field="until")
    if until <= at:
        raise Invalid(_("要晚于现在。"), field="until")
    common = filing_deadline(cycle)
    if common is not None and until <= common:
        raise Invalid(_("要晚于统一的填报截止时间。"), field="until")
    reason = require_reason(reason)
    old, entry.extended_until = entry.extended_until, until
    entry.version += 1
    session.add(entry)
    session.flush()
    record(
        session,
        actor,
        "entry.extend",
        old=None if old is None else old.isoformat(),
        new=until.isoformat(),
        reason=reason,
        cycle_id=cycle.id,
        entry_id=entry.id,
    )
