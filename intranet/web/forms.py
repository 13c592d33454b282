"""Forms and fragments: tokens, htmx answers, notes after a redirect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import flask
from flask import Flask, Response, make_response, render_template, request
from markupsafe import Markup
from werkzeug.urls import iri_to_uri

from . import context


def csrf_field() -> Markup:
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(context.csrf_token())


def wants_fragment() -> bool:
    """Whether htmx asked for a piece of this page; boosted and history requests get the whole one."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def say(kind: str, text: str) -> None:
    """A note on the next page shown: kind is done, info, warn or error."""
    flask.flash(text, kind)


def answer(template: str, *, status: int = 200, trigger: str | None = None, **values: Any) -> Response:
    """Render a page or a fragment file."""
    response = make_response(render_template(template, **values), status)
    if trigger:
        response.headers["HX-Trigger"] = trigger
    return response


def go(url: str) -> Response:
    """Redirect after a change; htmx is told to load the page."""
    if wants_fragment():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = iri_to_uri(url)  # a header is latin-1
        return response
    return flask.make_response(flask.redirect(url, 303))


def is_local(url: str) -> bool:
    """Whether a redirect target stays on this site: one slash, no scheme, no backslash or control characters."""
    return (
        url.startswith("/")
        and not url.startswith("//")
        and "\\" not in url
        and all(c.isprintable() for c in url)
    )


def whole(text: str) -> int | None:
    """A whole number as a form or an address carries it (an id, a version), small enough for every
    database column; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


SEARCH = 64
"""Characters of a search that are looked at: SQLite refuses long patterns."""


def searched(name: str) -> str:
    """What was typed into a search box."""
    return request.args.get(name, "").strip()[:SEARCH]


def next_url(default: str) -> str:
    """The ``next`` parameter if it stays here, else ``default``."""
    wanted = request.values.get("next", "")
    return wanted if is_local(wanted) else default


def _notes() -> list[tuple[str, str]]:
    flashed: Iterable[tuple[str, str]] = flask.get_flashed_messages(with_categories=True)  # type: ignore[assignment]
    return list(flashed)


def install(app: Flask) -> None:
    app.jinja_env.globals.update(csrf_token=context.csrf_token, csrf_field=csrf_field, take_notes=_notes)
