"""Working days (工作日): Monday to Friday but for holidays, and weekend days worked in their place.

Counting is pure: it asks a :class:`Calendar`, never the database. A year nobody has entered is counted by
its weekdays, and every page that counts says so (:func:`unknown_years`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from intranet.actor import SYSTEM, Actor
from intranet.domain.holidays import NOTICES, notice_of
from intranet.domain.log import record
from intranet.enums import Role
from intranet.errors import Conflict, Invalid, NotFound
from intranet.i18n import _
from intranet.models import SpecialDay
from intranet.queries.calendar import special_day, special_days

MOST_DAYS = 60
"""Working days that can be counted at once."""
MOST_LINES = 400
NAME = 40
FIRST_YEAR, LAST_YEAR = 2000, 2100


# --- counting ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Calendar:
    """special: (works, name) by day."""

    special: Mapping[date, tuple[bool, str]] = field(default_factory=dict)

    @property
    def years(self) -> frozenset[int]:
        """Years that have entries."""
        return frozenset(day.year for day in self.special)

    def is_working(self, day: date) -> bool:
        found = self.special.get(day)
        return day.weekday() < 5 if found is None else found[0]

    def why(self, day: date) -> str:
        """The name of a special day, else its weekday: 春节, 周六."""
        found = self.special.get(day)
        return found[1] if found is not None and found[1] else weekday_name(day)


@dataclass(frozen=True, slots=True)
class Span:
    """A number of working days in a row. start, end: first and last day, both included; skipped: the days
    between them that do not count; unknown: years in it that the calendar has no entries of."""

    start: date
    end: date
    working: tuple[date, ...]
    skipped: tuple[date, ...]
    unknown: tuple[int, ...]


def weekday_name(day: date) -> str:
    return (_("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日"))[day.weekday()]


def span(calendar: Calendar, start: date, n: int) -> Span:
    """The ``n`` working days from ``start`` on; ``start`` counts when it is one.

    :raises ValueError: n is not within 1..60.
    """
    if not 1 <= n <= MOST_DAYS:
        raise ValueError("working days")
    working: list[date] = []
    skipped: list[date] = []
    day = start
    while len(working) < n:
        (working if calendar.is_working(day) else skipped).append(day)
        day += timedelta(1)
    return Span(
        start, working[-1], tuple(working), tuple(skipped), unknown_years(calendar, start, working[-1])
    )


def unknown_years(calendar: Calendar, start: date, end: date) -> tuple[int, ...]:
    """Years between two days that nobody has entered."""
    return tuple(y for y in range(start.year, end.year + 1) if y not in calendar.years)


def end_of_day(day: date, zone: str) -> datetime:
    """24:00 of a local day, as a moment."""
    return datetime.combine(day + timedelta(1), time(), ZoneInfo(zone))


def start_of_day(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def runs(days: Sequence[date], calendar: Calendar) -> list[tuple[date, date, str]]:
    """Days as (first, last, name) of neighbours with one name, as people tell them: 12月5日至6日 周末."""
    out: list[tuple[date, date, str]] = []
    for day in days:
        name = calendar.why(day) if day in calendar.special else _("周末")
        if out and out[-1][1] + timedelta(1) == day and out[-1][2] == name:
            out[-1] = (out[-1][0], day, name)
        else:
            out.append((day, day, name))
    return out


def calendar_of(rows: Iterable[SpecialDay]) -> Calendar:
    return Calendar({row.day: (row.works, row.name) for row in rows})


def load_calendar(session: Session) -> Calendar:
    """The bureau's calendar, in one query."""
    return calendar_of(special_days(session))


# --- reading dates -------------------------------------------------------------------------------

_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?\Z")
_SHORT = re.compile(r"(?:(\d{1,2})[-/.月])?(\d{1,2})日?\Z")
_LINE = re.compile(
    r"(?P<days>.+?)\s*[\s,，、;；]\s*(?P<what>放假|休息|休|上班|补班|班)\s*[\s,，、;；]?\s*(?P<name>.*)\Z"
)
_WORKS = {"放假": False, "休息": False, "休": False, "上班": True, "补班": True, "班": True}


def read_day(text: str, field_name: str = "day") -> date:
    """A date as typed: 2026-05-09, 2026/5/9, 2026年5月9日.

    :raises Invalid: no date, or outside 2000..2100.
    """
    found = _DATE.match("".join(unicodedata.normalize("NFKC", text).split()))
    try:
        day = date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Invalid(_("请填写日期，例如 2026-05-09。"), field=field_name)
    return day


def _read_days(text: str) -> list[date]:
    """One day, or a first and last one: 2026-02-15至2026-02-23, 2026年2月15日至23日."""
    first, _to, last = (
        unicodedata.normalize("NFKC", text).replace("~", "至").replace("到", "至").partition("至")
    )
    start = read_day(first)
    if not last.strip():
        return [start]
    short = _SHORT.match("".join(last.split()))
    end = read_day(f"{start.year}-{short[1] or start.month}-{short[2]}") if short else read_day(last)
    if not 0 <= (end - start).days < 31:
        raise Invalid(_("止日应在起日之后一个月以内。"))
    return [start + timedelta(n) for n in range((end - start).days + 1)]


def read_block(text: str) -> list[tuple[date, bool, str]]:
    """Pasted lines ``日期 放假/上班 名称`` as (day, works, name).

    :raises Invalid: with every line that cannot be read, by its number; nothing of the block holds then.
    """
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise Invalid(_("一次最多贴 %(n)s 行。", n=MOST_LINES), field="block")
    out: dict[date, tuple[bool, str]] = {}
    problems: dict[str, str] = {}
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = _("第 %(n)s 行", n=n)
        found = _LINE.match(line.strip())
        if found is None:
            problems[place] = _("请写成“日期 放假 名称”或“日期 上班 名称”。")
            continue
        try:
            days = _read_days(found["days"])
            name = _name(found["name"])
        except Invalid as error:
            problems[place] = error.message
            continue
        for day in days:
            if day in out:
                problems[place] = _("%(day)s 写了两次。", day=day.isoformat())
            out[day] = (_WORKS[found["what"]], name)
    if problems:
        text = " ".join(f"{place}：{why}" for place, why in list(problems.items())[:6])
        raise Invalid(text, problems, field="block")
    if not out:
        raise Invalid(_("还没有贴内容。"), field="block")
    return [(day, works, name) for day, (works, name) in sorted(out.items())]


def _name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > NAME:
        raise Invalid(_("名称最多 %(n)s 个字。", n=NAME), field="name")
    return name


# --- changing it ---------------------------------------------------------------------------------


def state_of(day: SpecialDay | None) -> str:
    """What a form carries of the day it was made from, to notice that it changed meanwhile; "" for none."""
    return "" if day is None else f"{int(day.works)}{day.name}"


def _said(works: bool, name: str) -> dict[str, str]:
    return {"works": _("上班") if works else _("放假"), "name": name}


def save_day(
    session: Session, actor: Actor, day: date, *, works: bool, name: str, seen: str | None = None
) -> SpecialDay:
    """Enter a day, or change it. Saving what already stands changes nothing.

    :param seen: :func:`state_of` the day as the form showed it; None: a new entry.
    :raises Conflict: it is something else by now, or a new entry exists already with other words.
    """
    actor.require(Role.BUREAU)
    name = _name(name)
    stored = special_day(session, day)
    if stored is not None and (stored.works, stored.name) == (works, name):
        return stored
    if state_of(stored) != (seen or ""):
        if stored is None:
            raise Conflict(_("%(day)s 刚刚被别人删掉了。", day=day.isoformat()))
        what = _("上班") if stored.works else _("放假")
        text = _(
            "%(day)s 已录入为“%(what)s %(name)s”。请在下面的表里改。",
            day=day.isoformat(),
            what=what,
            name=stored.name,
        )
        raise Conflict(text, theirs=stored, field="day")
    old = None if stored is None else _said(stored.works, stored.name)
    stored = stored or SpecialDay(day=day, works=works)
    stored.works, stored.name = works, name
    session.add(stored)
    session.flush()
    record(session, actor, "calendar.day", subject=day.isoformat(), old=old, new=_said(works, name))
    return stored


def delete_day(session: Session, actor: Actor, day: date, *, seen: str) -> None:
    """Take a day out: it counts by its weekday again. Taking it out twice is once.

    :raises Conflict: somebody changed it meanwhile.
    """
    actor.require(Role.BUREAU)
    stored = special_day(session, day)
    if stored is None:
        return
    if state_of(stored) != seen:
        raise Conflict(_("%(day)s 刚刚被别人改过。请核对后再删。", day=day.isoformat()), theirs=stored)
    session.delete(stored)
    session.flush()
    old = _said(stored.works, stored.name)
    record(session, actor, "calendar.delete", subject=day.isoformat(), old=old)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of entering many days: new ones, changed ones, those that stood so already, those left alone."""

    added: int
    changed: int
    same: int
    kept: int = 0


def enter_days(
    session: Session,
    actor: Actor,
    days: Sequence[tuple[date, bool, str]],
    *,
    source: str,
    keep: bool = False,
) -> Taken:
    """Enter many days at once. keep: leave days alone that are entered already."""
    actor.require(Role.BUREAU)
    added = changed = same = kept = 0
    told = []
    stored = {row.day: row for row in special_days(session)}
    for day, works, name in days:
        row = stored.get(day)
        if row is not None and (row.works, row.name) == (works, name):
            same += 1
            continue
        if row is not None and keep:
            kept += 1
            continue
        added, changed = (added + 1, changed) if row is None else (added, changed + 1)
        row = row or SpecialDay(day=day, works=works)
        row.works, row.name = works, name
        session.add(row)
        told.append(f"{day.isoformat()} {_said(works, name)['works']} {name}".strip())
    session.flush()
    if told:
        record(session, actor, "calendar.enter", subject=source, new=told)
    return Taken(added, changed, same, kept)


def preload(session: Session, actor: Actor, year: int) -> Taken:
    """Enter a year's days as the State Council's notice has them; days entered already stay as they are.

    :raises NotFound: this version does not know the year's notice.
    """
    notice = notice_of(year)
    if notice is None:
        raise NotFound(_("%(year)s 年的放假安排没有随本系统提供，请按国务院办公厅的通知粘贴。", year=year))
    return enter_days(session, actor, list(notice.days()), source=notice.source, keep=True)


def start_calendar(session: Session) -> None:
    """A new installation's calendar: the years that come with this version. An entered one stays as it is."""
    if special_days(session):
        return
    for notice in NOTICES:
        session.add_all(SpecialDay(day=d, works=w, name=n) for d, w, n in notice.days())
        session.flush()
        record(session, SYSTEM, "calendar.enter", subject=notice.source)


def require_days(text: str) -> int:
    """A number of working days as typed. :raises Invalid: not within 1..60."""
    plain = unicodedata.normalize("NFKC", text).strip()
    n = int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 4 else 0
    if not 1 <= n <= MOST_DAYS:
        raise Invalid(_("请填 1 — %(n)s 个工作日。", n=MOST_DAYS), field="working_days")
    return n
