"""Signing in and out, the own password, the language."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import flask
from flask import Blueprint, Response, make_response, redirect, request, url_for

from intranet import i18n
from intranet.domain import accounts
from intranet.errors import DomainError
from intranet.i18n import _
from intranet.queries import entries
from intranet.queries.people import user_id_of

from .context import LANGUAGE_COOKIE, actor, actor_or_none, current_time, db, ground, today
from .forms import answer, go, is_local, next_url, say, wants_fragment

bp = Blueprint("auth", __name__)

RESUME_LIMIT = 200_000
"""Characters of a form that are carried through a new sign-in."""


def ask_to_sign_in() -> Response:
    """Nobody is signed in (any more): ask, and keep what was being saved.

    htmx gets HX-Redirect (the browser keeps the draft); a plain POST gets the sign-in page with
    the form's own content inside, to be sent again afterwards.
    """
    here = request.full_path.rstrip("?") if request.method == "GET" else _path_of(request.referrer)
    if wants_fragment():
        response = make_response("", 401)
        response.headers["HX-Redirect"] = url_for("auth.sign_in", next=here, expired=1)
        return response
    if request.method == "GET":
        return make_response(redirect(url_for("auth.sign_in", next=here)))
    body = urlencode([(k, v) for k, v in request.form.items(multi=True) if k != "csrf_token"])
    secret = request.endpoint == "auth.password_post"  # passwords are never written into a page
    kept = body if len(body) <= RESUME_LIMIT and not secret else ""
    note = _("登录已过期。请重新登录，刚才填的内容会接着保存。") if kept else _("登录已过期，请重新登录。")
    return _form(401, note=note, next_=here, resume_path=request.path if kept else "", resume_body=kept)


def _path_of(url: str | None) -> str:
    path = "/" + (url or "").split("//", 1)[-1].partition("/")[2]
    return path if is_local(path) else "/"


def _form(
    status: int = 200,
    *,
    note: str = "",
    next_: str = "",
    login: str = "",
    resume_path: str = "",
    resume_body: str = "",
) -> Response:
    return answer(
        "auth/sign_in.html",
        status=status,
        note_text=note,
        next=next_,
        login=login,
        resume_path=resume_path,
        resume_body=resume_body,
        help_line=ground().settings.help_line,
        cycles=entries.open_cycles(db()),
    )


@bp.get("/sign-in")
def sign_in() -> Response:
    if actor_or_none() is not None:
        return make_response(redirect(next_url(url_for("home.index"))))
    note = _("登录已过期。请重新登录，没保存上的内容会放回原处。") if request.args.get("expired") else ""
    return _form(note=note, next_=next_url(""))


@bp.post("/sign-in")
def sign_in_post() -> Response:
    form = request.form
    login = form.get("login", "")
    try:
        token = accounts.sign_in(
            db(),
            login,
            form.get("password", ""),
            ip=request.remote_addr or "",
            at=current_time(),
            today=today(),
            hours=ground().settings.absolute_hours,
        )
    except DomainError as error:
        db().commit()  # the failed attempt itself must be kept
        return _form(
            error.status,
            note=error.message,
            next_=next_url(""),
            login=login,
            resume_path=form.get("resume_path", ""),
            resume_body=form.get("resume_body", ""),
        )
    before, now = flask.session.get("who"), user_id_of(db(), token)
    flask.session.clear()
    flask.session["token"], flask.session["who"] = token, now
    flask.session["seen"] = int(current_time().timestamp())
    path, body = form.get("resume_path", ""), form.get("resume_body", "")
    if path and before != now:
        say("warn", _("刚才没保存的内容是另一位填的，没有带过来。"))
    elif path and is_local(path):
        return answer("auth/resume.html", path=path, values=parse_qsl(body, keep_blank_values=True))
    return go(next_url(url_for("home.index")))


@bp.post("/sign-out")
def sign_out() -> Response:
    accounts.sign_out(db(), actor(), flask.session.get("token", ""))
    flask.session.clear()
    flask.session["who"] = actor().user_id  # whose forms may still be open in other tabs
    return go(url_for("auth.sign_in"))


@bp.get("/password")
def password() -> Response:
    return answer("auth/password.html", must_change=actor().must_change)


@bp.post("/password")
def password_post() -> Response:
    form = request.form
    try:
        token = accounts.change_own_password(
            db(),
            actor(),
            form.get("current", ""),
            form.get("new", ""),
            form.get("again", ""),
            at=current_time(),
            hours=ground().settings.absolute_hours,
        )
    except DomainError as error:
        return answer("auth/password.html", status=error.status, must_change=actor().must_change, error=error)
    flask.session["token"] = token
    say("done", _("密码已改好。"))
    return go(url_for("home.index"))


@bp.post("/language")
def set_language() -> Response:
    language = request.form.get("language", "")
    response = go(next_url(url_for("home.index")))
    if language in i18n.LANGUAGES:
        secure = not ground().settings.allow_http
        response.set_cookie(
            LANGUAGE_COOKIE, language, max_age=365 * 86400, httponly=True, samesite="Lax", secure=secure
        )
    return response
