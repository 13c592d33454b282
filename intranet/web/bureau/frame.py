"""What the pages of one cycle share: loading it, the steps of its preparation, its tabs, reading forms."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request

from intranet.domain.cycles import definition_of
from intranet.domain.lifecycle import Check, opening_checks
from intranet.domain.scoring import Scoring, scoring_for
from intranet.enums import CycleState
from intranet.errors import DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries.entries import cycle_for, entry_for
from intranet.rubric.values import is_ornate
from intranet.web.context import actor, current_time, db, ground
from intranet.web.forms import answer
from intranet.web.shell import cycle_bar

STEPS = ("basics", "rulings", "dates", "units", "panel", "open")


def step_name(step: str) -> str:
    return {
        "basics": _("考核办法"),
        "rulings": _("裁定口径"),
        "dates": _("日程"),
        "units": _("考核对象"),
        "panel": _("考核组"),
        "open": _("预览并开启"),
    }[step]


TAB_GROUPS = {
    "filing": ("progress", "data", "radar"),
    "review": ("panel", "showing"),
    "results": ("freeze", "ranking", "publication", "appeals", "archive"),
    "settings": ("phase", "dates", "units", "rulings"),
}
"""The pages of an opened cycle in the order of the work. A phone shows the pages of one group at a time."""


def group_name(group: str) -> str:
    return {
        "filing": _("填报"),
        "review": _("评分"),
        "results": _("结果"),
        "settings": _("设置"),
    }[group]


def tab_name(tab: str) -> str:
    return {
        "progress": _("填报进度"),
        "data": _("教育局数据"),
        "radar": _("查重"),
        "showing": _("展示考核"),
        "freeze": _("冻结"),
        "ranking": _("排名"),
        "publication": _("公示"),
        "appeals": _("复核"),
        "archive": _("归档"),
        "phase": _("阶段"),
        "rulings": _("裁定登记簿"),
        "dates": _("日程"),
        "units": _("考核对象"),
        "panel": _("考核组"),
    }[tab]


@dataclass(frozen=True, slots=True)
class TabGroup:
    """Pages of a running cycle that belong together. tabs: key and name; is_here: the open page is one."""

    name: str
    tabs: tuple[tuple[str, str], ...]
    is_here: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the preparation. state: past (nothing missing), now, or empty."""

    key: str
    name: str
    number: int
    state: str
    lacks: tuple[Check, ...]


def load(cycle_id: int) -> Cycle:
    """The cycle, or NotFound."""
    return cycle_for(db(), actor(), cycle_id)


def load_entry(cycle_id: int, entry_id: int) -> tuple[Cycle, Entry]:
    """A unit of an opened cycle, or NotFound."""
    cycle, entry = load(cycle_id), entry_for(db(), actor(), entry_id)
    if entry.cycle_id != cycle.id or cycle.state == CycleState.DRAFT:
        raise NotFound(_("没有这份填报，或您无权查看。"))
    return cycle, entry


def scoring_of(cycle: Cycle) -> Scoring:
    return scoring_for(cycle, ground().registry)


def is_installed(cycle: Cycle) -> bool:
    return ground().registry.get(cycle.rubric_key) is not None


def missing(cycle: Cycle) -> list[Check]:
    """What a cycle in preparation still lacks."""
    definition = definition_of(cycle, ground().registry)
    return opening_checks(db(), cycle, definition, is_installed=is_installed(cycle), at=current_time())


def steps(cycle: Cycle, here: str) -> list[Step]:
    checks = missing(cycle)
    out = []
    for number, key in enumerate(STEPS, 1):
        lacks = tuple(c for c in checks if c.code == key and c.severity == "error")
        state = "now" if key == here else "past" if not lacks and key != "open" else ""
        out.append(Step(key, step_name(key), number, state, lacks))
    return out


def page(
    template: str,
    cycle: Cycle,
    here: str,
    *,
    status: int = 200,
    error: DomainError | None = None,
    **values: Any,
) -> Response:
    """A page of one cycle, inside the steps of its preparation or under its tabs."""
    in_draft = cycle.state == CycleState.DRAFT
    place = STEPS.index(here) if here in STEPS else 0
    return answer(
        template,
        status=status,
        cycle=cycle,
        cycle_bar=cycle_bar(cycle),
        here=here,
        error=error,
        in_draft=in_draft,
        steps=steps(cycle, here) if in_draft else [],
        back_step=STEPS[place - 1] if place else "",
        next_step=STEPS[place + 1] if place + 1 < len(STEPS) else "",
        step_name=step_name,
        tab_groups=[] if in_draft else _tab_groups(here),
        plugin_missing=not is_installed(cycle),
        **values,
    )


def _tab_groups(here: str) -> list[TabGroup]:
    return [
        TabGroup(group_name(key), tuple((tab, tab_name(tab)) for tab in tabs), here in tabs)
        for key, tabs in TAB_GROUPS.items()
    ]


# --- reading forms -------------------------------------------------------------------------------


def new_op() -> str:
    """A token for one rendering of a form: sent again, it acts once."""
    return secrets.token_hex(12)


def posted_version() -> int | None:
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def posted_ids(name: str) -> list[int]:
    return [int(i) for i in request.form.getlist(name) if i.isascii() and i.isdigit() and len(i) < 12]


MOMENTS = (
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M",
    "%Y.%m.%d %H:%M",
    "%Y年%m月%d日 %H:%M",
    "%Y-%m-%d",
)


def parse_moment(text: str, field: str) -> datetime | None:
    """A local date and time as typed or picked; a date alone means its end of office, 18:00.

    :raises Invalid: anything else. None if empty.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    if not plain:
        return None
    for pattern in () if is_ornate(text) else MOMENTS:
        try:
            found = datetime.strptime(plain, pattern)
        except ValueError:
            continue
        if pattern == "%Y-%m-%d":
            found = found.replace(hour=18)
        if 2000 <= found.year <= 2100:
            return found.replace(tzinfo=ZoneInfo(ground().settings.timezone))
    raise Invalid(_("请填写日期和时间，例如 2031-05-16 18:00。"), field=field)


def as_input(moment: datetime | None) -> str:
    """A moment as ``<input type=datetime-local>`` wants it."""
    return (
        ""
        if moment is None
        else moment.astimezone(ZoneInfo(ground().settings.timezone)).strftime("%Y-%m-%dT%H:%M")
    )
