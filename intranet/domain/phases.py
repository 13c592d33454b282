"""May it happen now? The dates and states of a cycle, asked in one place.

May this person ever do it (role, object) is asked elsewhere; these functions only raise a
DomainError that says until when it was possible, or what has to happen first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from intranet.enums import CycleState, SubmissionState
from intranet.errors import DomainError
from intranet.i18n import _
from intranet.models import Cycle, Entry, Return

PHASES = (
    CycleState.DRAFT,
    CycleState.FILING,
    CycleState.REVIEW,
    CycleState.DELIBERATION,
    CycleState.PUBLISHED,
    CycleState.FINAL,
    CycleState.ARCHIVED,
)


def phase_name(state: CycleState) -> str:
    return {
        CycleState.DRAFT: _("筹备"),
        CycleState.FILING: _("填报"),
        CycleState.REVIEW: _("评分"),
        CycleState.DELIBERATION: _("合议"),
        CycleState.PUBLISHED: _("公示"),
        CycleState.FINAL: _("定稿"),
        CycleState.ARCHIVED: _("归档"),
    }[state]


PRACTICE = "演练："
"""How the title of a practice cycle begins. It is stored with the cycle, so it is not translated; everything
that prints a title says that it is practice."""


def practice_label(cycle: Cycle) -> str:
    """What stands on papers of a practice cycle besides its name; "" for a real one."""
    return _("演练，不计入任何排名") if cycle.practice else ""


def filing_deadline(cycle: Cycle, entry: Entry | None = None) -> datetime | None:
    """The last moment to file: the entry's own extension, if it has one, else the cycle's date."""
    if entry is not None and entry.extended_until is not None:
        return entry.extended_until
    return cycle.filing_until


def _when(time: datetime, zone: str) -> str:
    here = time.astimezone(ZoneInfo(zone))
    return _("%(month)s 月 %(day)s 日 %(time)s", month=here.month, day=here.day, time=here.strftime("%H:%M"))


def require_filing(
    cycle: Cycle,
    entry: Entry,
    returns: Sequence[Return],
    at: datetime,
    *,
    indicator: str | None = None,
    zone: str = "Asia/Shanghai",
    printed: Callable[[str], str] = str,
) -> None:
    """Raise unless this entry may be changed now (in this indicator).

    Open entries: in the filing phase, from its first to its last moment (or the extension). Returned
    ones: while filing or review runs, and only in the indicators that were returned.

    :param printed: an indicator's number in the notice, by its code.
    """
    if cycle.state not in (CycleState.FILING, CycleState.REVIEW):
        raise DomainError(_("现在是%(phase)s阶段，不能再改填报内容。", phase=phase_name(cycle.state)))
    if entry.state == SubmissionState.SUBMITTED:
        raise DomainError(_("已经提交，内容已锁定。确需修改请联系教育局退回。"))
    if entry.state == SubmissionState.RETURNED:
        codes = dict.fromkeys(code for r in returns for code in r.codes)
        if indicator is not None and indicator not in codes:
            names = "、".join(printed(code) for code in codes)
            raise DomainError(_("只退回了 %(codes)s，其他指标仍然锁定。", codes=names))
        return
    extended = entry.extended_until is not None and at <= entry.extended_until
    if cycle.state == CycleState.REVIEW and not extended:
        raise DomainError(_("填报已结束，现在是评分阶段。确需修改请联系教育局。"))
    if cycle.filing_from is not None and at < cycle.filing_from:
        raise DomainError(_("填报从 %(when)s 开始。", when=_when(cycle.filing_from, zone)))
    deadline = filing_deadline(cycle, entry)
    if deadline is not None and at > deadline:
        raise DomainError(_("填报已在 %(when)s 截止。需要延期请联系教育局。", when=_when(deadline, zone)))


def require_deliberation(cycle: Cycle, at: datetime, *, zone: str = "Asia/Shanghai") -> None:
    """Raise unless the panel deliberates and its members may still change their own scores (合议改分)."""
    if cycle.state != CycleState.DELIBERATION:
        raise DomainError(_("现在是%(phase)s阶段，不能评分。", phase=phase_name(cycle.state)))
    until = cycle.deliberation_until
    if until is not None and at > until:
        raise DomainError(_("合议改分已在 %(when)s 截止，由组长审定。", when=_when(until, zone)))


def require_review(cycle: Cycle, *, settling: bool = False) -> None:
    """Raise unless reviewers may score now (``settling``: the chair may settle)."""
    allowed = (CycleState.REVIEW, CycleState.DELIBERATION)
    if cycle.state not in allowed:
        raise DomainError(_("现在是%(phase)s阶段，不能评分。", phase=phase_name(cycle.state)))
    if cycle.state == CycleState.DELIBERATION and not settling:
        raise DomainError(_("评分已结束，现在是合议阶段，由组长审定。"))
