"""Who may call which route: one explicit table, compared with the route map by a test.

This is the first gate (may this role ever). Which object it is about is decided by the queries,
and whether it may happen now by the domain.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

import flask
from flask import Flask, abort, request

from intranet.enums import Role
from intranet.errors import Forbidden
from intranet.i18n import _

from . import context

ANYONE = "anyone"
SIGNED_IN = "signed in"

SCHOOL = frozenset({Role.FILER, Role.CONTRIBUTOR})
PANEL = frozenset({Role.CHAIR, Role.REVIEWER})
BUREAU = frozenset({Role.BUREAU})
READERS = frozenset({Role.BUREAU, Role.LEADER, Role.AUDITOR})
FILING_READERS = SCHOOL | PANEL | READERS

Rule = str | frozenset[Role]

ACCESS: dict[str, Rule] = {
    "static": ANYONE,
    "home.index": SIGNED_IN,
    "auth.sign_in": ANYONE,
    "auth.sign_in_post": ANYONE,
    "auth.sign_out": SIGNED_IN,
    "auth.password": SIGNED_IN,
    "auth.password_post": SIGNED_IN,
    "auth.set_language": ANYONE,
}
"""Endpoint -> who. Each blueprint adds its own rows through :func:`allow`."""


def allow(rows: dict[str, Rule]) -> None:
    """Add a blueprint's rows; an endpoint is stated once."""
    double = ACCESS.keys() & rows.keys()
    if double:
        raise RuntimeError(f"access stated twice: {sorted(double)}")
    ACCESS.update(rows)


def _check() -> flask.typing.ResponseReturnValue | None:
    endpoint = request.endpoint
    if endpoint is None:
        return None  # 404 and 405 come from the router
    rule = ACCESS.get(endpoint)
    if rule is None:
        abort(403)
    if endpoint != "static" and request.method not in context.SAFE:
        _check_origin()
    if rule == ANYONE:
        return None
    actor = context.actor_or_none()
    if actor is None:
        from .auth import ask_to_sign_in

        return ask_to_sign_in()
    if actor.must_change and endpoint not in {
        "auth.password",
        "auth.password_post",
        "auth.sign_out",
        "auth.set_language",
    }:
        return flask.redirect(flask.url_for("auth.password"))
    if isinstance(rule, frozenset) and not actor.has(*rule):
        raise Forbidden(_("您没有打开这一页的权限。"))
    return None


def _check_origin() -> None:
    """A form from another site, or without this browser's token, is refused."""
    site = request.headers.get("Sec-Fetch-Site")
    if site not in (None, "same-origin", "none"):
        abort(403)
    origin = request.headers.get("Origin")
    if origin is not None and not _is_here(origin):
        abort(403)
    sent = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    token = flask.session.get("csrf", "")
    if token and hmac.compare_digest(sent.encode(), token.encode()):
        return
    if context.actor_or_none() is None and request.endpoint != "auth.sign_in_post":
        return  # the session is gone; the access rule below asks to sign in and keeps what was typed
    raise Forbidden(_("页面已过期。请返回上一页刷新后再试，已填内容仍在原页面。"))


def _is_here(origin: str) -> bool:
    try:
        return urlsplit(origin).netloc == request.host
    except ValueError:  # not an address at all
        return False


def install(app: Flask) -> None:
    app.before_request(_check)
