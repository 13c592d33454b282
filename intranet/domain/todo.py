"""待办: what waits for one person, with where to do it and until when. A fixed number of queries.

The panel's own list is its queue (``standing``); this one is for the bureau, the schools and those
who read results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.phases import filing_deadline
from intranet.enums import CycleState, Role, SubmissionState
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import todo as stored
from intranet.queries.entries import returns_of, schools_of, visible_cycles, visible_entries
from intranet.queries.submissions import with_scan

from .submission import SCANNING

SOON = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do. endpoint, values: its page; due: until when; urgent: late, or due within three days."""

    text: str
    about: str
    endpoint: str
    values: Mapping[str, int | str] = field(default_factory=dict)
    due: datetime | None = None
    urgent: bool = False


def todos(session: Session, actor: Actor, *, at: datetime, today: date) -> list[Todo]:
    """Everything that waits for this person, the urgent first, then by date."""
    out: list[Todo] = []
    if actor.has(Role.BUREAU):
        out += _bureau(session, actor, at)
    if actor.all_schools:
        out += _school(session, actor, at, today)
    late = datetime.max.replace(tzinfo=at.tzinfo)
    return sorted(out, key=lambda t: (not t.urgent, t.due or late))


def _is_soon(due: datetime | None, at: datetime) -> bool:
    return due is not None and due - at < SOON


# --- the bureau ----------------------------------------------------------------------------------


def _bureau(session: Session, actor: Actor, at: datetime) -> list[Todo]:
    cycles = [c for c in visible_cycles(session, actor) if c.state != CycleState.ARCHIVED]
    entries: dict[int, list[Entry]] = {c.id or 0: [] for c in cycles}
    for entry in visible_entries(session, actor):
        if entry.cycle_id in entries:
            entries[entry.cycle_id].append(entry)
    out = []
    for cycle in cycles:
        out += _of_cycle(cycle, entries[cycle.id or 0], at)
    return out


def _of_cycle(cycle: Cycle, entries: Sequence[Entry], at: datetime) -> list[Todo]:
    here = {"cycle_id": cycle.id or 0}
    open_ = [e for e in entries if e.state == SubmissionState.OPEN]
    back = [e for e in entries if e.state == SubmissionState.RETURNED]
    out = []

    def add(text: str, endpoint: str, due: datetime | None = None, *, urgent: bool = False) -> None:
        out.append(Todo(text, cycle.title, endpoint, here, due, urgent or _is_soon(due, at)))

    if cycle.state == CycleState.DRAFT:
        add(_("继续准备，开启考核"), "bureau.cycle")
    if cycle.state == CycleState.FILING:
        over = cycle.filing_until is not None and cycle.filing_until < at
        extended = [e for e in open_ if e.extended_until is not None and e.extended_until > at]
        if over and not extended:
            add(_("填报已截止，进入评分"), "bureau.cycle_phase", cycle.filing_until, urgent=True)
        if open_:
            due = max((e.extended_until for e in extended if e.extended_until), default=cycle.filing_until)
            text = _("%(n)s 个单位还没提交，可以催办", n=len(open_))
            add(text, "bureau.reminders", due if over else cycle.filing_until)
    if back and cycle.state in (CycleState.FILING, CycleState.REVIEW):
        add(_("%(n)s 个单位退回后还没重新提交", n=len(back)), "bureau.reminders")
    if cycle.state == CycleState.REVIEW and cycle.review_until is not None and cycle.review_until < at:
        add(_("评分已截止，进入合议"), "bureau.cycle_phase", cycle.review_until, urgent=True)
    if cycle.state == CycleState.DELIBERATION:
        add(_("合议后冻结结果"), "bureau.freeze")
    if cycle.state == CycleState.PUBLISHED and cycle.publish_until is not None and cycle.publish_until < at:
        add(_("公示期满，定稿"), "bureau.cycle_phase", cycle.publish_until, urgent=True)
    if cycle.state == CycleState.FINAL:
        add(_("已定稿，归档"), "bureau.cycle_phase")
    return out


# --- schools -------------------------------------------------------------------------------------


def _school(session: Session, actor: Actor, at: datetime, today: date) -> list[Todo]:
    cycles = {c.id: c for c in visible_cycles(session, actor)}
    entries = [e for e in visible_entries(session, actor) if e.cycle_id in cycles]
    ids = [e.id or 0 for e in entries]
    schools, returns, scans = schools_of(session, ids), returns_of(session, ids), with_scan(session, ids)
    late = stored.late_delegations(session, ids, today)
    disputed = stored.disputed_rows(session, ids)
    mine = actor.schools.get(Role.FILER, frozenset())
    out = []
    for entry in entries:
        cycle, entry_id = cycles[entry.cycle_id], entry.id or 0
        running = cycle.state in (CycleState.FILING, CycleState.REVIEW)
        here = {"entry_id": entry_id}
        leads = any(s.role == "lead" and s.school_id in mine for s in schools[entry_id])
        if leads:
            due = filing_deadline(cycle, entry)
            if entry.state == SubmissionState.OPEN and running and (due is None or due > at):
                out.append(Todo(_("填报并提交"), entry.name, "school.overview", here, due, _is_soon(due, at)))
            if returns[entry_id] and running:
                codes = "、".join(dict.fromkeys(c for r in returns[entry_id] for c in r.codes))
                text = _("修改退回的 %(codes)s，重新提交", codes=codes)
                out.append(Todo(text, entry.name, "school.overview", here, None, urgent=True))
            if entry.state == SubmissionState.SUBMITTED and cycle.state in SCANNING and entry_id not in scans:
                out.append(Todo(_("打印回执，盖章后上传扫描件"), entry.name, "school.receipt", here))
            if late.get(entry_id) and entry.state != SubmissionState.SUBMITTED:
                text = _("%(n)s 处分工已逾期", n=late[entry_id])
                out.append(Todo(text, entry.name, "school.sharing", here, None, urgent=True))
            if disputed.get(entry_id) and entry.state != SubmissionState.SUBMITTED:
                text = _("%(n)s 行有异议，待处理", n=disputed[entry_id])
                out.append(Todo(text, entry.name, "school.confirmations", here))
        elif running and entry.state != SubmissionState.SUBMITTED:
            own = {s.school_id for s in schools[entry_id] if s.school_id in actor.all_schools}
            handed, first = stored.open_delegations(session, entry_id, own)
            if handed:
                due = (
                    None if first is None else datetime(first.year, first.month, first.day, tzinfo=at.tzinfo)
                )
                text = _("完成分给本校的 %(n)s 处", n=handed)
                urgent = first is not None and first - today <= SOON
                out.append(Todo(text, entry.name, "school.overview", here, due, urgent))
    return out
