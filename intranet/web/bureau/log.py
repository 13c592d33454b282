"""The log, for bureau and auditor: who changed what from which value to which."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Response, request

from intranet.domain.log import first_broken
from intranet.enums import Role
from intranet.queries.log import LogFilter, find_log
from intranet.web import access
from intranet.web.context import db, ground
from intranet.web.forms import answer

from . import bp

READERS = frozenset({Role.BUREAU, Role.AUDITOR})
access.allow({"bureau.log": READERS, "bureau.log_check": READERS})


def _day(name: str, *, after: bool = False) -> datetime | None:
    """Start of the local day (of the next one with ``after``); an impossible date does not filter."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    start = datetime.combine(day + timedelta(days=after), time(), ZoneInfo(ground().settings.timezone))
    return start.astimezone(UTC)


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


@bp.get("/log")
def log() -> Response:
    args = request.args
    wanted = LogFilter(
        person=args.get("person", "").strip(),
        action=args.get("action", "").strip(),
        subject=args.get("subject", "").strip(),
        cycle_id=_number("cycle"),
        entry_id=_number("entry"),
        since=_day("since"),
        until=_day("until", after=True),
        before=_number("before"),
    )
    rows, more = find_log(db(), wanted)
    return answer("bureau/log.html", rows=rows, more=more, args=args, broken=None, checked=False)


@bp.get("/log/check")
def log_check() -> Response:
    rows, more = find_log(db(), LogFilter())
    return answer("bureau/log.html", rows=rows, more=more, args={}, broken=first_broken(db()), checked=True)
