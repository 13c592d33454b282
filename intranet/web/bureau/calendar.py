"""The working-day calendar (工作日历): one year's special days, entered one by one, pasted, or preloaded."""

from __future__ import annotations

from datetime import date

from flask import Response, request, url_for

from intranet.domain import calendar as work
from intranet.domain.holidays import NOTICES, notice_of
from intranet.errors import DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.queries.calendar import special_days
from intranet.web import access
from intranet.web.context import actor, db, today
from intranet.web.forms import answer, go, say, whole

from . import bp

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in (
            "calendar",
            "calendar_add",
            "calendar_save",
            "calendar_delete",
            "calendar_paste",
            "calendar_preload",
        )
    }
)


def _year(text: str) -> int:
    """The year asked for, else this one."""
    year = whole(text)
    return year if year is not None and work.FIRST_YEAR <= year <= work.LAST_YEAR else today().year


def _page(year: int, *, status: int = 200, error: DomainError | None = None, at: str = "") -> Response:
    rows = special_days(db())
    own = [row for row in rows if row.day.year == year]
    years = (
        {row.day.year for row in rows} | {n.year for n in NOTICES} | {today().year, today().year + 1, year}
    )
    return answer(
        "bureau/calendar.html",
        status=status,
        year=year,
        years=sorted(years),
        entered={row.day.year for row in rows},
        rows=own,
        weekday=work.weekday_name,
        seen=work.state_of,
        notice=notice_of(year),
        error=error,
        at=at,
        form=request.form if request.method == "POST" else {},
    )


def _back(year: int) -> Response:
    return go(url_for("bureau.calendar", year=year))


@bp.get("/calendar")
def calendar() -> Response:
    return _page(_year(request.args.get("year", "")))


@bp.post("/calendar")
def calendar_add() -> Response:
    form = request.form
    try:
        day = work.read_day(form.get("day", ""))
        works = _works()
        work.save_day(db(), actor(), day, works=works, name=form.get("name", ""))
    except DomainError as error:
        db().rollback()
        return _page(_year(form.get("year", "")), status=error.status, error=error, at="new")
    say("done", _("已录入 %(day)s。", day=day.isoformat()))
    return _back(day.year)


def _day(text: str) -> date:
    """The day of an address."""
    try:
        return work.read_day(text)
    except Invalid as error:
        raise NotFound(_("没有这一天。")) from error


def _works() -> bool:
    what = request.form.get("works", "")
    if what not in ("0", "1"):
        raise Invalid(_("请选放假或上班。"), field="works")
    return what == "1"


@bp.post("/calendar/<day>")
def calendar_save(day: str) -> Response:
    form = request.form
    found = _day(day)
    try:
        work.save_day(
            db(), actor(), found, works=_works(), name=form.get("name", ""), seen=form.get("seen", "")
        )
    except DomainError as error:
        db().rollback()
        return _page(found.year, status=error.status, error=error, at=found.isoformat())
    say("done", _("已保存 %(day)s。", day=found.isoformat()))
    return _back(found.year)


@bp.post("/calendar/<day>/delete")
def calendar_delete(day: str) -> Response:
    found = _day(day)
    try:
        work.delete_day(db(), actor(), found, seen=request.form.get("seen", ""))
    except DomainError as error:
        db().rollback()
        return _page(found.year, status=error.status, error=error, at=found.isoformat())
    say("done", _("已删除 %(day)s，这天按星期几计算。", day=found.isoformat()))
    return _back(found.year)


@bp.post("/calendar/paste")
def calendar_paste() -> Response:
    year = _year(request.form.get("year", ""))
    try:
        days = work.read_block(request.form.get("block", ""))
        taken = work.enter_days(db(), actor(), days, source=_("粘贴"))
    except DomainError as error:
        db().rollback()
        return _page(year, status=error.status, error=error, at="paste")
    say("done", _told(taken))
    return _back(days[0][0].year)


@bp.post("/calendar/preload")
def calendar_preload() -> Response:
    year = _year(request.form.get("year", ""))
    try:
        taken = work.preload(db(), actor(), year)
    except DomainError as error:
        db().rollback()
        return _page(year, status=error.status, error=error)
    say("done", _told(taken))
    return _back(year)


def _told(taken: work.Taken) -> str:
    text = _(
        "新录入 %(a)s 天，改了 %(c)s 天，%(s)s 天原来就是这样。", a=taken.added, c=taken.changed, s=taken.same
    )
    if taken.kept:
        text += _("另有 %(n)s 天与通知不同，按您原来录入的保留。", n=taken.kept)
    return text
