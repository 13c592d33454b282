"""待办: what waits for one person, with where to do it and until when. A fixed number of queries.

What waits for a reviewer or a chair follows from the marks, and so from a cycle's whole queue: the panel's
page has it at hand and asks :func:`scoring_todos` and :func:`settling_todos`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.bureau_data import field_sets
from intranet.domain.phases import filing_deadline
from intranet.domain.standing import Item, next_due, progress_of
from intranet.enums import CycleState, Role, SchoolRole, SubmissionState
from intranet.i18n import _
from intranet.models import Appeal, Cycle, Entry, EntrySchool, Publication, Result, Return, Showing
from intranet.queries import appeals
from intranet.queries import todo as stored
from intranet.queries.cycles import latest_results
from intranet.queries.entries import own_with_cycles, returns_of, schools_of, visible_cycles
from intranet.queries.inquiries import waiting_of
from intranet.queries.publication import latest_publications
from intranet.queries.recusals import undeclared
from intranet.queries.sharing import definition_of
from intranet.queries.submissions import with_scan

from .submission import SCANNING

SOON = timedelta(days=3)
FRESH = timedelta(days=7)
RUNNING = (CycleState.FILING, CycleState.REVIEW)
PAST = (CycleState.FINAL, CycleState.ARCHIVED)
FILLED = (CycleState.REVIEW, CycleState.DELIBERATION)


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do. endpoint, values: its page; due: until when; urgent: late, or due within three days."""

    text: str
    about: str
    endpoint: str
    values: Mapping[str, int | str] = field(default_factory=dict)
    due: datetime | None = None
    urgent: bool = False


def todos(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    today: date,
    left: Mapping[int, int] | None = None,
    zone: str = "Asia/Shanghai",
) -> list[Todo]:
    """Everything that waits for this person but the marking, the urgent first, then by date.

    :param today: the date where the bureau is; :param left: indicators still open, by entry id, if they
        are at hand.
    """
    out: list[Todo] = []
    if actor.has(Role.BUREAU):
        out += _bureau(session, actor, at)
    if actor.all_schools:
        out += _school(session, actor, at, today, left or {}, ZoneInfo(zone))
    if actor.has(Role.LEADER, Role.AUDITOR):
        out += _reader(session, actor)
    return in_order(out)


def in_order(found: Sequence[Todo]) -> list[Todo]:
    """The urgent first, then by date."""
    return sorted(found, key=lambda t: (not t.urgent, t.due is None, t.due.timestamp() if t.due else 0))


def _is_soon(due: datetime | None, at: datetime) -> bool:
    return due is not None and due - at < SOON


# --- the bureau ----------------------------------------------------------------------------------


def _bureau(session: Session, actor: Actor, at: datetime) -> list[Todo]:
    cycles = [c for c in visible_cycles(session, actor) if c.state != CycleState.ARCHIVED]
    filed = stored.filed(session, at)
    frozen = latest_results(session, [c.id or 0 for c in cycles])
    published = latest_publications(session, [c.id or 0 for c in cycles if c.state == CycleState.PUBLISHED])
    given = stored.bureau_keys(session, [c.id or 0 for c in cycles if c.state in FILLED])
    disputes = appeals.counts_by_cycle(
        session, [c.id or 0 for c in cycles if c.state == CycleState.PUBLISHED]
    )
    silent = undeclared(session, [c.id or 0 for c in cycles if c.state in FILLED])
    out = []
    for cycle in cycles:
        cycle_id = cycle.id or 0
        found = filed.get(cycle_id, stored.Filed())
        out += _of_cycle(cycle, found, given.get(cycle_id, set()), cycle_id in frozen, at)
        out += _publishing(cycle, frozen.get(cycle_id), published.get(cycle_id))
        out += _appeals(cycle, *disputes.get(cycle_id, (0, 0)))
        if cycle_id in silent:
            text = _("%(n)s 位评委还没有申报回避", n=silent[cycle_id])
            out.append(Todo(text, cycle.title, "bureau.recusals", {"cycle_id": cycle_id}, cycle.review_until))
    return out


def _appeals(cycle: Cycle, still_open: int, upheld: int) -> list[Todo]:
    """Appeals (复核) to see to, and upheld ones that the result does not know yet."""
    here = {"cycle_id": cycle.id or 0}
    out = []
    if still_open:
        text = _("%(n)s 件复核待办理", n=still_open)
        out.append(Todo(text, cycle.title, "bureau.cycle_appeals", here, cycle.publish_until))
    if upheld:
        text = _("%(n)s 件复核已支持，重新计算结果", n=upheld)
        out.append(Todo(text, cycle.title, "bureau.appeals_apply", here, urgent=True))
    return out


def _publishing(cycle: Cycle, held: Result | None, shown: Publication | None) -> list[Todo]:
    """A phase of publication without a notice, or with one of an earlier freeze."""
    if cycle.state != CycleState.PUBLISHED or cycle.practice or held is None:
        return []
    if shown is None:
        text = _("已进入公示阶段，请发布公示")
    elif shown.result_id != held.id:
        text = _("结果已重新冻结，请重新公示")
    else:
        return []
    return [Todo(text, cycle.title, "bureau.publication", {"cycle_id": cycle.id or 0}, urgent=True)]


def _of_cycle(
    cycle: Cycle, filed: stored.Filed, given: set[str], is_frozen: bool, at: datetime
) -> list[Todo]:
    out: list[Todo] = []

    def add(text: str, endpoint: str, due: datetime | None = None, *, urgent: bool = False) -> None:
        here = {"cycle_id": cycle.id or 0}
        out.append(Todo(text, cycle.title, endpoint, here, due, urgent or _is_soon(due, at)))

    step = _next_step(cycle, is_frozen, bool(filed.extended), at)
    if step is not None:
        text, endpoint, due = step
        add(text, endpoint, due, urgent=due is not None)
    if cycle.state == CycleState.FILING and filed.open:
        due = cycle.filing_until
        if due is not None and due < at and filed.extended:
            due = filed.extended_until
        add(_("%(n)s 个单位还没提交，可以催办", n=filed.open), "bureau.reminders", due)
    if cycle.state in RUNNING and filed.returned:
        add(_("%(n)s 个单位退回后还没重新提交", n=filed.returned), "bureau.reminders")
    if cycle.state in RUNNING and filed.extended and _is_soon(filed.first_to_end, at):
        add(_("有单位的延期快到了"), "bureau.progress", filed.first_to_end)
    empty = _unfilled(cycle, given) if cycle.state in FILLED else 0
    if empty:
        add(_("教育局数据有 %(n)s 项一个单位也没填", n=empty), "bureau.data")
    return out


def _next_step(
    cycle: Cycle, is_frozen: bool, has_extensions: bool, at: datetime
) -> tuple[str, str, datetime | None] | None:
    """The step of the cycle that can be taken: what, where, and since when its date is over."""
    match cycle.state:
        case CycleState.DRAFT:
            return _("继续准备，开启考核"), "bureau.cycle", None
        case CycleState.DELIBERATION if is_frozen:
            return _("结果已冻结，核对后公示"), "bureau.ranking", None
        case CycleState.DELIBERATION:
            return _("合议后冻结结果"), "bureau.freeze", None
        case CycleState.FINAL:
            return _("已定稿，归档"), "bureau.cycle_archive", None
    over, text = {
        CycleState.FILING: (cycle.filing_until, _("填报已截止，进入评分")),
        CycleState.REVIEW: (cycle.review_until, _("评分已截止，进入合议")),
        CycleState.PUBLISHED: (cycle.publish_until, _("公示期满，定稿")),
    }.get(cycle.state, (None, ""))
    waits = cycle.state == CycleState.FILING and has_extensions
    return (text, "bureau.cycle_phase", over) if over is not None and over < at and not waits else None


def _unfilled(cycle: Cycle, given: set[str]) -> int:
    """The bureau's fields without a value for any unit; a unit that lacks one is for the freeze to tell."""
    sets = field_sets(definition_of(cycle.definition).bind(cycle.rulings))
    return sum(f.key not in given for found in sets for f in found.fields)


# --- schools -------------------------------------------------------------------------------------


def _school(
    session: Session, actor: Actor, at: datetime, today: date, left: Mapping[int, int], zone: ZoneInfo
) -> list[Todo]:
    own = actor.all_schools
    pairs = [(e, c) for e, c in own_with_cycles(session, actor) if c.state not in PAST]
    schools = schools_of(session, [e.id or 0 for e, _c in pairs])
    led = {e.id or 0 for e, _c in pairs if _leads(actor, schools[e.id or 0])}
    files_now = [(e, c) for e, c in pairs if _may_file(c, e) or e.state == SubmissionState.RETURNED]
    # This stands in the head of every page: a question is asked only where there can be an answer.
    back = [e.id or 0 for e, _c in pairs if e.state == SubmissionState.RETURNED]
    sent = [e.id or 0 for e, c in pairs if e.state == SubmissionState.SUBMITTED and c.state in SCANNING]
    filing = [e.id or 0 for e, _c in files_now if e.id in led]
    members = [e.id or 0 for e, _c in files_now if e.id not in led]
    marked = [e.id or 0 for e, c in pairs if c.state in FILLED]
    public = [e.id or 0 for e, c in pairs if c.state == CycleState.PUBLISHED]
    returns = returns_of(session, back) if back else {}
    scans = with_scan(session, sent) if sent else frozenset()
    late = stored.late_delegations(session, filing, today) if filing else {}
    disputed = stored.disputed_rows(session, filing) if filing else {}
    handed = stored.open_delegations(session, members, own) if members else {}
    asked = stored.rows_to_confirm(session, files_now, schools, own, actor.user_id)
    questions = waiting_of(session, marked) if marked else {}
    decided = appeals.decided_of(session, public) if public else []
    out = []
    for entry, cycle in pairs:
        entry_id = entry.id or 0
        if entry_id in led:
            out += _decided(entry, [a for a in decided if a.entry_id == entry_id], at)
            due = filing_deadline(cycle, entry)
            out += _lead(
                entry, cycle, returns.get(entry_id, ()), due, left.get(entry_id, 0), entry_id in scans, at
            )
            if questions.get(entry_id):
                text = _("答复 %(n)s 个质询", n=questions[entry_id])
                out.append(Todo(text, entry.name, "school.inquiries", {"entry_id": entry_id}, urgent=True))
            if (entry, cycle) in files_now:
                out += _together(entry, late.get(entry_id, 0), disputed.get(entry_id, 0))
        elif (entry, cycle) in files_now and entry_id in handed:
            out.append(_handed(entry, *handed[entry_id], today=today, zone=zone))
        if asked.get(entry_id):
            text = _("%(n)s 行写到本校，请确认", n=asked[entry_id])
            out.append(Todo(text, entry.name, "school.confirmations", {"entry_id": entry_id}))
        if cycle.state == CycleState.PUBLISHED:
            here = {"entry_id": entry_id}
            out.append(
                Todo(_("结果正在公示，请核对"), entry.name, "school.result", here, cycle.publish_until)
            )
    return out


def _leads(actor: Actor, schools: Sequence[EntrySchool]) -> bool:
    own = actor.schools.get(Role.FILER, frozenset())
    return any(s.role == SchoolRole.LEAD and s.school_id in own for s in schools)


def _may_file(cycle: Cycle, entry: Entry) -> bool:
    """Whether an entry that was never handed in is still asked for: once the filing is over, by extension only."""
    if cycle.state == CycleState.FILING:
        return True
    return cycle.state == CycleState.REVIEW and entry.extended_until is not None


def _lead(
    entry: Entry,
    cycle: Cycle,
    returns: Sequence[Return],
    due: datetime | None,
    left: int,
    has_scan: bool,
    at: datetime,
) -> list[Todo]:
    here = {"entry_id": entry.id or 0}
    if entry.state == SubmissionState.OPEN and _may_file(cycle, entry) and (due is None or due > at):
        text = _("填报并提交，还有 %(n)s 项指标没填完", n=left) if left else _("填报并提交")
        return [Todo(text, entry.name, "school.overview", here, due, _is_soon(due, at))]
    if entry.state == SubmissionState.RETURNED and cycle.state in RUNNING and returns:
        clauses = definition_of(cycle.definition).bind(cycle.rulings).by
        printed = [clauses[c].no or c for c in dict.fromkeys(c for r in returns for c in r.codes)]
        text = _("修改退回的 %(codes)s，重新提交", codes="、".join(printed))
        return [Todo(text, entry.name, "school.overview", here, None, urgent=True)]
    if entry.state == SubmissionState.SUBMITTED and cycle.state in SCANNING and not has_scan:
        return [Todo(_("打印回执，盖章后上传扫描件"), entry.name, "school.receipt", here)]
    return []


def _together(entry: Entry, late: int, disputed: int) -> list[Todo]:
    here = {"entry_id": entry.id or 0}
    out = []
    if late:
        out.append(Todo(_("%(n)s 处分工已逾期", n=late), entry.name, "school.sharing", here, urgent=True))
    if disputed:
        text = _("%(n)s 行有异议，待处理", n=disputed)
        out.append(Todo(text, entry.name, "school.confirmations", here))
    return out


def _decided(entry: Entry, found: Sequence[Appeal], at: datetime) -> list[Todo]:
    """Decisions on the unit's appeals (复核), for a week."""
    return [
        Todo(
            _("复核已有结论，请查看"),
            entry.name,
            "school.appeal",
            {"entry_id": entry.id or 0, "appeal_id": appeal.id or 0},
        )
        for appeal in found
        if appeal.decided_at is not None and at - appeal.decided_at < FRESH
    ]


def _handed(entry: Entry, n: int, first: date | None, *, today: date, zone: ZoneInfo) -> Todo:
    """What the lead school gave to the own one. A date means the end of that day."""
    due = datetime.combine(first, time(23, 59), tzinfo=zone) if first else None
    urgent = first is not None and first - today <= SOON
    text = _("完成分给本校的 %(n)s 处", n=n)
    return Todo(text, entry.name, "school.overview", {"entry_id": entry.id or 0}, due, urgent)


# --- those who read ------------------------------------------------------------------------------


def _reader(session: Session, actor: Actor) -> list[Todo]:
    seen = visible_cycles(session, actor)
    shown = [c for c in seen if c.state == CycleState.PUBLISHED and not c.practice]
    frozen = latest_results(session, [c.id or 0 for c in shown])
    return [
        Todo(_("结果正在公示，可以查看"), c.title, "leader.cycle", {"cycle_id": c.id or 0}, c.publish_until)
        for c in shown
        if c.id in frozen
    ]


# --- the panel -----------------------------------------------------------------------------------


def appeal_todos(session: Session, actor: Actor) -> list[Todo]:
    """Appeals (复核) that this panel member was asked to look at and has said nothing of."""
    return [
        Todo(_("请您复核一条得分"), entry.name, "panel.appeal", {"appeal_id": appeal.id or 0}, urgent=True)
        for review, appeal, entry, cycle in appeals.asked_of(session, actor)
        if review.said_at is None and appeal.state in appeals.OPEN and cycle.state == CycleState.PUBLISHED
    ]


def showing_todos(actor: Actor, cycles: Mapping[int, Cycle], running: Sequence[Showing]) -> list[Todo]:
    """Sessions of the meeting room (展示考核) that are on: the chair runs them, a reviewer scores.

    :param cycles: those in which scores are given now, by id; :param running: their open sessions.
    """
    out = []
    for one in running:
        cycle, chairs = cycles[one.cycle_id], actor.chairs(one.cycle_id)
        text = _("展示考核进行中，请主持") if chairs else _("展示考核进行中，请进入评分")
        page = "panel.showing_run" if chairs else "panel.showing_score"
        about = f"{cycle.title}　{one.title}"
        out.append(Todo(text, about, page, {"showing_id": one.id or 0}, urgent=True))
    return out


def declaration_todos(cycle: Cycle, at: datetime) -> list[Todo]:
    """For a panel member who has not declared yet whom to stay away from (回避申报)."""
    if cycle.state not in (*RUNNING, CycleState.DELIBERATION, CycleState.PUBLISHED):
        return []
    here, reviewing = {"cycle_id": cycle.id or 0}, cycle.state in FILLED
    due = cycle.review_until if cycle.state == CycleState.REVIEW else None
    return [Todo(_("还没有申报回避"), cycle.title, "panel.declare", here, due, reviewing)]


def scoring_todos(actor: Actor, cycle: Cycle, items: Sequence[Item], at: datetime) -> list[Todo]:
    """What is left for a reviewer to score. items: the own queue."""
    if cycle.state != CycleState.REVIEW:
        return []
    out = []
    found, due = progress_of(items, actor.user_id), cycle.review_until
    first = next_due(items, actor.user_id)
    if first is not None:
        place: dict[str, int | str] = {"entry": first.entry.id or 0, "code": first.indicator.code}
        text = _("还有 %(n)s 处没评", n=found.total - found.done)
        out.append(Todo(text, cycle.title, "panel.score", place, due, _is_soon(due, at)))
    if found.stale:
        text = _("%(n)s 处评分后内容有变，请再看一遍", n=found.stale)
        out.append(
            Todo(text, cycle.title, "panel.queue", {"cycle_id": cycle.id or 0}, due, _is_soon(due, at))
        )
    return out


def settling_todos(cycle: Cycle, items: Sequence[Item], owed: int) -> list[Todo]:
    """What waits for the chair. items: all that the chair meets; owed: figures of the panel to type."""
    out = []
    board: dict[str, int | str] = {"cycle_id": cycle.id or 0}
    deliberating = cycle.state == CycleState.DELIBERATION
    leaves = [leaf for item in items if item.is_ready for leaf in item.marked]
    only_chair = sum(leaf.needs_settling for leaf in leaves)
    differing = sum(leaf.differs and leaf.settled is None for leaf in leaves)
    if only_chair and cycle.state in FILLED:
        text = _("%(n)s 处要由组长审定才有得分", n=only_chair)
        out.append(Todo(text, cycle.title, "panel.board", board, urgent=deliberating))
    elif differing and deliberating:
        text = _("%(n)s 处评分不一致，可以审定", n=differing)
        out.append(Todo(text, cycle.title, "panel.board", board))
    if owed and deliberating:
        text = _("%(n)s 项得分要由组长填写", n=owed)
        out.append(Todo(text, cycle.title, "panel.board", {**board, "show": "figures"}, urgent=True))
    return out
