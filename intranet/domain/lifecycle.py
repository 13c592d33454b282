"""The life of a cycle: opening it, going on to the next phase, one step back.

What stands in the way is found by the ``…_checks`` functions, so that the page shows before what
the act would refuse. An ``error`` blocks; a ``warning`` is the bureau's to accept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain import rulings
from intranet.domain.log import record
from intranet.domain.phases import PHASES, phase_name
from intranet.domain.scoring import EntrySheet, Scoring
from intranet.domain.standing import items_of
from intranet.enums import CombineRule, CycleState, Role, SchoolRole, SubmissionState
from intranet.errors import Conflict, DomainError, Invalid, RubricError
from intranet.i18n import _
from intranet.models import Cycle, Entry, EntrySchool, Result
from intranet.queries.cycles import entries_of, panel_grants, prior_results, units_for
from intranet.rubric.ledger import State
from intranet.rubric.loader import Definition
from intranet.rubric.ranking import comparable

NAMES = 6
"""How many names a check spells out before it says 等 n 个."""


@dataclass(frozen=True, slots=True)
class Place:
    """A unit that a check is about. code: the indicator it stands on, if it is about one; n: how often."""

    entry_id: int
    name: str
    code: str = ""
    n: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """Something that stands in the way of a step. severity: error, warning; code: where to go about it."""

    severity: str
    code: str
    text: str
    places: tuple[Place, ...] = ()


def errors_of(checks: Sequence[Check]) -> list[Check]:
    return [c for c in checks if c.severity == "error"]


def naming(names: Collection[str]) -> str:
    """甲、乙、丙 等 9 个."""
    listed = list(names)
    text = "、".join(listed[:NAMES])
    return text if len(listed) <= NAMES else _("%(names)s 等 %(n)s 个", names=text, n=len(listed))


# --- opening -------------------------------------------------------------------------------------


def opening_checks(
    session: Session, cycle: Cycle, definition: Definition, *, is_installed: bool, at: datetime
) -> list[Check]:
    """What the cycle still lacks before schools can file. code: the step of the preparation."""
    assert cycle.id is not None
    out: list[Check] = []

    def lacks(code: str, text: str, severity: str = "error") -> None:
        out.append(Check(severity, code, text))

    if not is_installed:
        lacks("basics", _("这份考核办法没有安装，装回后才能开启。"))
    out += _rubric_lacks(cycle, definition)
    if cycle.filing_from is None or cycle.filing_until is None:
        lacks("dates", _("还没有填报开始和截止时间。"))
    elif cycle.filing_until <= at:
        lacks("dates", _("填报截止时间已经过去。"))
    if cycle.review_until is None:
        lacks("dates", _("还没有评分截止时间。"))
    entries = entries_of(session, cycle.id)
    if not entries:
        lacks("units", _("还没有选考核对象。"))
    rows = {row.unit.id: row for row in units_for(session, cycle.rubric_key)}
    gone = [e.name for e in entries if e.unit_id not in rows]
    if gone:
        lacks("units", _("%(names)s已停用或改用别的考核办法。", names=naming(gone)))
    headless = [e.name for e in entries if e.unit_id in rows and rows[e.unit_id].lead is None]
    if headless:
        lacks("units", _("%(names)s没有牵头学校。", names=naming(headless)))
    places = Counter(
        school.name
        for e in entries
        if (row := rows.get(e.unit_id)) is not None
        for school in ([row.lead] if row.lead else []) + list(row.members)
    )
    twice = [name for name, n in places.items() if n > 1]
    if twice:
        lacks("units", _("%(names)s同时在两个考核对象里，请核对。", names=naming(twice)), "warning")
    grants = panel_grants(session, cycle.id)
    if not any(g.role == Role.CHAIR for g in grants):
        lacks("panel", _("还没有考核组组长。"))
    return out


def _rubric_lacks(cycle: Cycle, definition: Definition) -> list[Check]:
    """Rulings still open or at odds with each other, ties broken by what is no longer there."""
    out = []
    waiting = rulings.still_open(cycle, definition)
    if waiting:
        out.append(Check("error", "rulings", _("还有 %(n)s 处裁定没有定。", n=len(waiting))))
    try:
        known = comparable(definition.bind(cycle.rulings))
    except RubricError as error:
        text = _("按现在的裁定，考核办法有矛盾：%(why)s", why=error.lines[0])
        return [*out, Check("error", "rulings", text)]
    gone = [c for c in cycle.tie_break if c not in known]
    if gone:
        text = _("同分比较用的%(names)s已不在考核办法里，请重新选择。", names=naming(gone))
        out.append(Check("error", "basics", text))
    return out


def open_cycle(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    definition: Definition,
    *,
    is_installed: bool,
    seen: str,
    at: datetime,
) -> None:
    """Fix the rubric and its rulings, copy the units and their schools, let the schools file.

    :param seen: fingerprint that the preview showed; another one means the rubric changed meanwhile.
    :raises Conflict: it did. :raises DomainError: something is still missing.
    """
    actor.require(Role.BUREAU)
    if cycle.state != CycleState.DRAFT:
        raise DomainError(_("这个考核周期已经开启。"))
    assert cycle.id is not None
    missing = errors_of(opening_checks(session, cycle, definition, is_installed=is_installed, at=at))
    if missing:
        raise DomainError(_("还不能开启：%(what)s", what=" ".join(c.text for c in missing)))
    fingerprint = definition.fingerprint(cycle.rulings)
    if seen != fingerprint:
        raise Conflict(_("考核办法或裁定刚刚有变化。请核对预览后再开启。"))
    rows = {row.unit.id: row for row in units_for(session, cycle.rubric_key)}
    prior = prior_results(session, cycle)
    for entry in entries_of(session, cycle.id):
        row = rows[entry.unit_id]
        unit = row.unit
        entry.code, entry.name, entry.group = unit.code, unit.name, unit.group
        held = prior.get(entry.unit_id)
        if held is not None:
            grade = held.document["outcome"]["grade"]
            entry.prior = {"rank": held.rank, "total": held.document["total"], "grade": grade}
        session.add(entry)
        assert entry.id is not None
        assert row.lead is not None
        roles = [(row.lead, SchoolRole.LEAD), *((s, SchoolRole.MEMBER) for s in row.members)]
        for school, role in roles:
            assert school.id is not None
            session.add(
                EntrySchool(
                    entry_id=entry.id,
                    school_id=school.id,
                    code=school.code,
                    name=school.name,
                    stage=school.stage,
                    role=role,
                )
            )
    cycle.fingerprint = fingerprint
    cycle.state = CycleState.FILING
    cycle.version += 1
    session.add(cycle)
    session.flush()
    record(session, actor, "cycle.open", old=CycleState.DRAFT.value, new=fingerprint, cycle_id=cycle.id)


# --- going on ------------------------------------------------------------------------------------


def next_state(state: CycleState) -> CycleState | None:
    place = PHASES.index(state) + 1
    return PHASES[place] if place < len(PHASES) else None


def state_before(state: CycleState) -> CycleState | None:
    """The phase one may go back to: review → filing, deliberation → review."""
    return {CycleState.REVIEW: CycleState.FILING, CycleState.DELIBERATION: CycleState.REVIEW}.get(state)


def consequences(to: CycleState) -> list[str]:
    """What the step changes, for the page that asks before it is taken."""
    return {
        CycleState.FILING: [
            _("学校可以开始填报。"),
            _("考核办法和裁定口径从此固定，不能再改。"),
            _("考核对象和学校名单按现在的登记固定下来。"),
        ],
        CycleState.REVIEW: [
            _("学校不能再改填报内容，退回的指标和获准延期的单位除外。"),
            _("考核组开始评分。"),
        ],
        CycleState.DELIBERATION: [
            _("没评的由组长审定；评委只能改自己评过的分，每处要写理由。"),
            _("可以冻结结果、计算名次。"),
        ],
        CycleState.PUBLISHED: [
            _("各单位可以看到自己的得分和得分账本。"),
            _("填报、评分和教育局数据不能再改。"),
            _("不能退回上一阶段。"),
        ],
        CycleState.FINAL: [_("结果定稿，不能再冻结新的结果。"), _("不能退回上一阶段。")],
        CycleState.ARCHIVED: [_("考核归入档案，只供查阅。"), _("不能退回上一阶段。")],
        CycleState.DRAFT: [],
    }[to]


def advance_checks(
    cycle: Cycle,
    scoring: Scoring,
    sheets: Mapping[int, EntrySheet],
    *,
    held: Result | None,
    is_current: bool,
    has_notice: bool,
    at: datetime,
) -> list[Check]:
    """What speaks against the next step.

    :param held: the freeze that holds; :param is_current: whether it is made of the facts of now;
    :param has_notice: whether a publication (公示) was issued.
    """
    out: list[Check] = []
    entries = [s.entry for s in sheets.values()]
    match cycle.state:
        case CycleState.FILING:
            out += _filing_left(entries, at, cycle)
        case CycleState.REVIEW:
            out += _filing_left(entries, at, cycle)
            out += review_left(scoring, sheets, cycle.combine)
        case CycleState.DELIBERATION:
            if held is None:
                out.append(Check("error", "freeze", _("还没有冻结结果。公示的是冻结的结果，请先冻结。")))
            elif not is_current:
                out.append(Check("error", "freeze", _("冻结之后数据又有改动。请重新冻结，再公示。")))
        case CycleState.PUBLISHED:
            if not has_notice and not cycle.practice:
                out.append(Check("warning", "publication", _("还没有发布公示。定稿以后不能再公示。")))
            if cycle.publish_until is not None and at < cycle.publish_until:
                out.append(Check("warning", "dates", _("公示期还没有结束。")))
        case _:
            pass
    return out


def _filing_left(entries: Sequence[Entry], at: datetime, cycle: Cycle) -> list[Check]:
    out = []
    unsent = [e.name for e in entries if e.state == SubmissionState.OPEN]
    if unsent:
        out.append(
            Check("warning", "progress", _("%(names)s还没有提交，未填的将按 0 分计。", names=naming(unsent)))
        )
    back = [e.name for e in entries if e.state == SubmissionState.RETURNED]
    if back:
        out.append(Check("warning", "progress", _("%(names)s有退回的指标还没有改完。", names=naming(back))))
    if cycle.state == CycleState.FILING and cycle.filing_until is not None and at < cycle.filing_until:
        out.append(Check("warning", "dates", _("填报截止时间还没有到。")))
    return out


def review_left(scoring: Scoring, sheets: Mapping[int, EntrySheet], combine: CombineRule) -> list[Check]:
    """Leaves without a score that counts, and marks laid aside."""
    out: list[Check] = []
    marked = [leaf for item in items_of(scoring.rubric, sheets, combine) for leaf in item.marked]
    waiting = [leaf for leaf in marked if leaf.score.state is State.PENDING and leaf.word is None]
    if waiting:
        names = naming(dict.fromkeys(leaf.entry.name for leaf in waiting))
        text = _("还有 %(n)s 条没有评分结果，涉及%(names)s。", n=len(waiting), names=names)
        out.append(Check("warning", "review", text))
    doubtful = sum(m.doubtful for leaf in marked for m in leaf.marks if leaf.settled is None)
    if doubtful:
        out.append(Check("warning", "review", _("有 %(n)s 条标了“存疑，稍后评”。", n=doubtful)))
    return out


def advance(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    to: CycleState,
    checks: Sequence[Check],
    *,
    accepted: bool,
) -> None:
    """Take the cycle to the next phase.

    :param checks: of :func:`advance_checks`, made in this transaction.
    :raises DomainError: not the next phase, or an error stands. :raises Invalid: warnings not accepted.
    """
    actor.require(Role.BUREAU)
    if cycle.state == CycleState.DRAFT or to != next_state(cycle.state):
        raise Conflict(
            _("现在是%(phase)s阶段。页面可能已过时，请刷新后再试。", phase=phase_name(cycle.state))
        )
    stopping = errors_of(checks)
    if stopping:
        raise DomainError(" ".join(c.text for c in stopping))
    if checks and not accepted:
        raise Invalid(_("请看过上面的提醒，勾选后再继续。"), field="accepted")
    _move(session, actor, cycle, to, detail=[c.text for c in checks])


def step_back(session: Session, actor: Actor, cycle: Cycle, *, reason: str) -> None:
    """One phase back, with a reason. From publication on there is no way back."""
    actor.require(Role.BUREAU)
    to = state_before(cycle.state)
    if to is None:
        raise DomainError(_("现在是%(phase)s阶段，不能退回上一阶段。", phase=phase_name(cycle.state)))
    reason = require_reason(reason)
    _move(session, actor, cycle, to, reason=reason)


def require_reason(text: str, most: int = 300) -> str:
    """The reason of an act, squeezed. :raises Invalid: none, or too long."""
    reason = " ".join(text.split())
    if not reason:
        raise Invalid(_("请写明理由，会记入日志。"), field="reason")
    if len(reason) > most:
        raise Invalid(_("理由最多 %(n)s 个字。", n=most), field="reason")
    return reason


def _move(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    to: CycleState,
    *,
    reason: str = "",
    detail: Sequence[str] = (),
) -> None:
    old, cycle.state = cycle.state, to
    cycle.version += 1
    session.add(cycle)
    session.flush()
    record(
        session,
        actor,
        "cycle.state",
        old=old.value,
        new=to.value,
        reason=reason,
        cycle_id=cycle.id,
        accepted=list(detail),
    )
