"""The dates of a cycle (日程): their order, which of them still move, and how often a unit may be returned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.cycles import check_version
from intranet.domain.log import record
from intranet.enums import CycleState, Role
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries.publication import publications_of

MOST_RETURNS = 20
DATES = (
    "filing_from",
    "filing_until",
    "review_until",
    "deliberation_until",
    "publish_from",
    "publish_until",
)
"""The dates of a cycle in their order."""


def date_label(name: str) -> str:
    return {
        "filing_from": _("填报开始"),
        "filing_until": _("填报截止"),
        "review_until": _("评分截止"),
        "deliberation_until": _("合议截止"),
        "publish_from": _("公示开始"),
        "publish_until": _("公示截止"),
    }[name]


NOTICE_DATES = ("publish_from", "publish_until")
"""What a publication (公示) sets when it is issued: first and last day of its notice."""


def fixed_dates(state: CycleState, *, has_notice: bool = False) -> frozenset[str]:
    """Dates that do not move any more: of phases already over, and those that a published notice states."""
    over = {
        CycleState.DRAFT: 0,
        CycleState.FILING: 1,
        CycleState.REVIEW: 2,
        CycleState.DELIBERATION: 3,
        CycleState.PUBLISHED: 5,
    }
    return frozenset(DATES[: over.get(state, len(DATES))]) | frozenset(NOTICE_DATES if has_notice else ())


def set_dates(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    dates: Mapping[str, datetime | None],
    *,
    version: int | None,
    max_returns: int | None = None,
) -> None:
    """Set the dates that may still move, each after the one before it, and how often a unit may be returned.

    :param max_returns: 0 to MOST_RETURNS; None leaves it as it is.
    :raises Invalid: ``problems`` by date; a date out of order, or one missing after the opening.
    """
    actor.require(Role.BUREAU)
    check_version(cycle, version)
    fixed = fixed_dates(cycle.state, has_notice=bool(publications_of(session, cycle.id or 0)))
    new = {name: getattr(cycle, name) if name in fixed else dates.get(name) for name in DATES}
    problems: dict[str, str] = {}
    before: tuple[str, datetime] | None = None
    for name in DATES:
        date = new[name]
        if date is None:
            if (
                cycle.state != CycleState.DRAFT
                and name in ("filing_until", "review_until")
                and name not in fixed
            ):
                problems[name] = _("考核已开启，这个日期不能空着。")
            continue
        if before is not None and date <= before[1] and name not in fixed:
            problems[name] = _("要晚于%(before)s。", before=date_label(before[0]))
        before = (name, date)
    if max_returns is not None and not 0 <= max_returns <= MOST_RETURNS:
        problems["max_returns"] = _("请填 0 到 %(n)s 的整数。", n=MOST_RETURNS)
    if problems:
        raise Invalid(_("日程里有 %(n)s 处要改。", n=len(problems)), problems)
    if max_returns is not None and max_returns != cycle.max_returns:
        old_number, cycle.max_returns = cycle.max_returns, max_returns
        cycle.version += 1
        session.add(cycle)
        session.flush()
        record(session, actor, "cycle.max_returns", old=old_number, new=max_returns, cycle_id=cycle.id)
    old = {name: getattr(cycle, name) for name in DATES}
    changed = [name for name in DATES if old[name] != new[name]]
    if changed:
        for name in changed:
            setattr(cycle, name, new[name])
        cycle.version += 1
        session.add(cycle)
        session.flush()
        record(
            session,
            actor,
            "cycle.dates",
            old={n: _iso(old[n]) for n in changed},
            new={n: _iso(new[n]) for n in changed},
            cycle_id=cycle.id,
        )


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
