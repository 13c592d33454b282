"""What every page shows around its content: navigation, cycle bar, names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, request, url_for

from intranet import i18n
from intranet.domain.phases import PHASES, filing_deadline, phase_name
from intranet.domain.todo import Todo, todos
from intranet.enums import CycleState, Role
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries.publication import has_published
from intranet.rubric import numbers

from . import context


@dataclass(frozen=True, slots=True)
class CycleBar:
    title: str
    phases: list[tuple[str, str]]
    due_text: str
    due_left: str
    practice: bool = False


def cycle_bar(cycle: Cycle, entry: Entry | None = None) -> CycleBar:
    """Cycle, phases and the date that counts now."""
    shown = [s for s in PHASES if s != CycleState.DRAFT]
    now_at = PHASES.index(cycle.state)
    phases = [
        (phase_name(s), "now" if s == cycle.state else "past" if PHASES.index(s) < now_at else "")
        for s in shown
    ]
    due, words = {
        CycleState.FILING: (filing_deadline(cycle, entry), _("填报截止")),
        CycleState.REVIEW: (cycle.review_until, _("评分截止")),
        CycleState.DELIBERATION: (cycle.deliberation_until, _("合议截止")),
        CycleState.PUBLISHED: (cycle.publish_until, _("公示截止")),
    }.get(cycle.state, (None, ""))
    if cycle.state == CycleState.DRAFT:
        return CycleBar(cycle.title, phases, _("尚未开启"), "", cycle.practice)
    if due is None:
        return CycleBar(cycle.title, phases, "", "", cycle.practice)
    return CycleBar(cycle.title, phases, f"{words} {ending(due)}", left(due), cycle.practice)


def moment(time: datetime) -> str:
    """5 月 16 日 18:00, local time; the year when it is not this one."""
    here = context.local(time)
    text = _("%(month)s 月 %(day)s 日 %(time)s", month=here.month, day=here.day, time=here.strftime("%H:%M"))
    if here.year != context.today().year:
        return _("%(year)s 年 %(rest)s", year=here.year, rest=text)
    return text


def ending(time: datetime) -> str:
    """A moment at which something ends: midnight is 24:00 of the day before."""
    here = context.local(time)
    if (here.hour, here.minute, here.second) != (0, 0, 0):
        return moment(time)
    before = context.local(time - timedelta(days=1))
    text = _("%(month)s 月 %(day)s 日 %(time)s", month=before.month, day=before.day, time="24:00")
    if before.year != context.today().year:
        return _("%(year)s 年 %(rest)s", year=before.year, rest=text)
    return text


def left(due: datetime) -> str:
    """How long until ``due``: 还剩 4 天 / 还剩 3 小时 / 已截止."""
    seconds = (due - context.current_time()).total_seconds()
    if seconds <= 0:
        return _("已截止")
    if seconds >= 86400:
        return _("还剩 %(n)s 天", n=int(seconds // 86400))
    if seconds >= 3600:
        return _("还剩 %(n)s 小时", n=int(seconds // 3600))
    return _("还剩 %(n)s 分钟", n=int(seconds // 60) + 1)


def nav_items() -> list[tuple[str, str, bool, int]]:
    """(label, url, is_current, count) by role. Templates call it: a fragment has no navigation to pay for."""
    actor = context.actor_or_none()
    if actor is None:
        return []
    items: list[tuple[str, str]] = []
    if actor.has(Role.FILER, Role.CONTRIBUTOR):
        items.append((_("我的任务"), "school.tasks"))
    if actor.has(Role.CHAIR, Role.REVIEWER):
        items.append((_("评分"), "panel.index"))
    if actor.has(Role.BUREAU):
        items += [
            (_("考核周期"), "bureau.cycles"),
            (_("单位"), "bureau.units"),
            (_("人员"), "bureau.people"),
            (_("考核办法"), "bureau.rubrics"),
        ]
    if actor.has(Role.LEADER, Role.AUDITOR):
        items.append((_("结果"), "leader.index"))
    if actor.has(Role.BUREAU, Role.AUDITOR):
        items.append((_("日志"), "bureau.log"))
    if has_published(context.db(), context.today()):
        items.append((_("公示"), "published.index"))
    here = request.path
    waits = [] if actor.must_change else waiting()
    return [
        (label, url, here == url or here.startswith(url + "/"), _count(waits, endpoint))
        for label, url, endpoint in ((label, url_for(endpoint), endpoint) for label, endpoint in items)
    ]


TASKS = ("school.tasks", "bureau.cycles", "leader.index")
"""The first pages, which list what waits for the person there; their links say how much it is."""


def _count(waits: list[Todo], endpoint: str) -> int:
    part = endpoint.partition(".")[0]
    return sum(t.endpoint.startswith(f"{part}.") for t in waits) if endpoint in TASKS else 0


def waiting(left: Mapping[int, int] | None = None) -> list[Todo]:
    """What waits for the person who is signed in (待办), but for the marking; read once in a request.

    :param left: indicators still open, by entry id, if they are at hand.
    """
    if "todos" not in g or left is not None:
        zone = context.ground().settings.timezone
        at, today = context.current_time(), context.today()
        g.todos = todos(context.db(), context.actor(), at=at, today=today, left=left, zone=zone)
    found: list[Todo] = g.todos
    return found


@cache
def _asset_version(folder: str) -> str:
    """Changes whenever a file under static/ does, so that browsers may keep them for long."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


@cache
def _asset_url(folder: str, root: str, name: str) -> str:
    return url_for("static", filename=name, v=_asset_version(folder))


def asset(name: str) -> str:
    """The address of a file under static/; a page asks for it once a symbol."""
    return _asset_url(current_app.static_folder or "", request.script_root, name)


def points(value: Fraction | None, places: int = 2, least: int = 0) -> str:
    """Points for people: 2.5, 13, —, minus as U+2212. least: decimals kept, so that a column lines up."""
    return numbers.show(value, places, least=least)


def _values() -> dict[str, Any]:
    settings = context.ground().settings
    return {
        "actor": context.actor_or_none(),
        "bureau_name": settings.bureau_name,
        "help_line": settings.help_line,
        "nav_items": nav_items,
        "language": i18n.current_language(),
        "allow_http": settings.allow_http,
    }


def install(app: Flask) -> None:
    app.context_processor(_values)
    app.jinja_env.filters.update(points=points, moment=moment, ending=ending, left=left, local=context.local)
    app.jinja_env.globals.update(
        asset=asset,
        phase_name=phase_name,
        Role=Role,
        CycleState=CycleState,
    )
