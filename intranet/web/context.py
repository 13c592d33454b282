"""One request's ground: database session, actor, time, registry. It commits once, on success.

A GET gets a session that may not write and never commits. Any other method gets one that holds the
write lock; it is committed after the view answered with a status below 400, else rolled back.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import flask
import sqlalchemy as sa
from flask import Flask, Response, current_app, g, request
from sqlmodel import Session

from intranet import i18n
from intranet.actor import Actor
from intranet.config import Settings
from intranet.db import read_session, write_session
from intranet.errors import Forbidden
from intranet.plugins import RubricRegistry
from intranet.queries.people import actor_for_token

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LANGUAGE_COOKIE = "language"


@dataclass(frozen=True, slots=True)
class Ground:
    settings: Settings
    engine: sa.Engine
    registry: RubricRegistry


def ground() -> Ground:
    found: Ground = current_app.extensions["intranet"]
    return found


def db() -> Session:
    """The session of this request."""
    if "db" not in g:
        engine = ground().engine
        g.db = read_session(engine) if request.method in SAFE else write_session(engine)
    session: Session = g.db
    return session


def only_read() -> None:
    """From here on this POST stores nothing: the write lock it took goes back, so that others may save while
    it works for seconds."""
    db().close()
    g.db = read_session(ground().engine)


def current_time() -> datetime:
    """Server time of this request, UTC; the one time for every deadline in it."""
    if "time" not in g:
        g.time = datetime.now(UTC)
    time: datetime = g.time
    return time


def local(time: datetime) -> datetime:
    return time.astimezone(ZoneInfo(ground().settings.timezone))


def today() -> date:
    return local(current_time()).date()


def actor_or_none() -> Actor | None:
    """Who is signed in. Idle time is in the signed cookie, so that reading a page writes nothing."""
    if "actor" not in g:
        g.actor = None
        token = flask.session.get("token")
        seen = flask.session.get("seen", 0)
        idle = timedelta(minutes=ground().settings.idle_minutes)
        if isinstance(token, str) and current_time() - datetime.fromtimestamp(seen, UTC) <= idle:
            g.actor = actor_for_token(
                db(), token, at=current_time(), today=today(), ip=request.remote_addr or ""
            )
    found: Actor | None = g.actor
    return found


def actor() -> Actor:
    """Who is signed in; the access table has already turned others away."""
    found = actor_or_none()
    if found is None:
        raise Forbidden("not signed in")
    return found


def csrf_token() -> str:
    """The token that every form of this browser carries."""
    if "csrf" not in flask.session:
        flask.session["csrf"] = secrets.token_urlsafe(24)
    token: str = flask.session["csrf"]
    return token


FORM_LIMIT = 4 * 1024 * 1024
"""Bytes of a request that brings no files, or comes from somebody who is not signed in."""


_LARGE: set[str] = set()


def accept_large(*endpoints: str) -> None:
    """Routes that take a whole sealed packet from somebody who is signed in."""
    _LARGE.update(endpoints)


def _begin() -> None:
    # Werkzeug reads a urlencoded form whole, whatever MAX_FORM_MEMORY_SIZE says.
    if request.mimetype != "multipart/form-data" or "token" not in flask.session:
        request.max_content_length = FORM_LIMIT
    elif request.endpoint in _LARGE:
        request.max_content_length = ground().settings.packet_limit + FORM_LIMIT
    i18n.set_language(request.cookies.get(LANGUAGE_COOKIE, i18n.SOURCE))


def _finish(response: Response) -> Response:
    if request.endpoint != "static" and actor_or_none() is not None and "token" in flask.session:
        flask.session["seen"] = int(current_time().timestamp())
    if "db" in g and request.method not in SAFE:
        if response.status_code < 400:
            g.db.commit()
        else:
            g.db.rollback()
    return response


def _close(_error: BaseException | None) -> None:
    session: Session | None = g.pop("db", None)
    if session is not None:
        session.close()


def install(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_close)
