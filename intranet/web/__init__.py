"""The web application: the only package that touches ``flask.request``.

Blueprints by audience: auth, school, panel, bureau, leader, files. Views load, ask permission,
read the form, make one domain call, answer. What they share: ``context`` (session and actor of the
request), ``access`` (who may call which route), ``forms``, ``errors``, ``shell`` (header and
navigation).
"""

from __future__ import annotations

from pathlib import Path

import pluggy
import sqlalchemy as sa
from flask import Flask
from flask_htmx import HTMX
from werkzeug.routing import IntegerConverter, ValidationError

from intranet import i18n
from intranet.config import Settings
from intranet.db import build_engine, check_ready, write_session
from intranet.domain import uploads
from intranet.jobs import Builder
from intranet.models import now
from intranet.plugins import RubricRegistry
from intranet.storage.local import LocalStore

from . import (
    access,
    auth,
    bureau,
    context,
    errors,
    files,
    forms,
    headers,
    home,
    leader,
    panel,
    published,
    readonly,
    school,
    shell,
)

PACKAGE = Path(__file__).resolve().parent.parent


class IdConverter(IntegerConverter):
    """``<int:…>`` of every address: what no database column holds is an address that does not exist."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        found = forms.whole(value)
        if found is None:
            raise ValidationError
        return found


def _sweep(settings: Settings, engine: sa.Engine) -> None:
    """Half-received files belong to nobody any more after a while."""
    store, at = LocalStore(settings.evidence_folder), now()
    with write_session(engine) as session:
        uploads.sweep(session, store, at)
        session.commit()
    store.sweep(older_than=(at - uploads.KEPT).timestamp())


def asset_folder(name: str) -> str:
    """``templates`` or ``static``: beside the package in a checkout, inside it in an installed wheel."""
    inside = PACKAGE / name
    return str(inside if inside.is_dir() else PACKAGE.parent / name)


def build_app(settings: Settings, plugin_manager: pluggy.PluginManager) -> Flask:
    app = Flask("intranet", template_folder=asset_folder("templates"), static_folder=asset_folder("static"))
    app.url_map.converters["int"] = IdConverter
    app.secret_key = settings.secret_key()
    app.config.update(
        MAX_CONTENT_LENGTH=settings.upload_limit + 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=context.FORM_LIMIT,
        MAX_FORM_PARTS=5000,
        SESSION_COOKIE_NAME="intranet" if settings.allow_http else "__Host-intranet",
        SESSION_COOKIE_SECURE=not settings.allow_http,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SEND_FILE_MAX_AGE_DEFAULT=7 * 24 * 3600,
    )
    engine = build_engine(settings)
    check_ready(engine)
    _sweep(settings, engine)
    registry = RubricRegistry(plugin_manager)
    app.extensions["intranet"] = context.Ground(settings, engine, registry)
    app.extensions["intranet.builder"] = Builder(settings, engine, registry)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.add_extension("jinja2.ext.do")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        i18n.gettext, i18n.ngettext, newstyle=False
    )
    app.jinja_env.globals["_"] = i18n.gettext
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    HTMX(app)
    for part in (context, access, readonly, headers, forms, errors, shell):
        part.install(app)
    for blueprint in (home.bp, auth.bp, school.bp, panel.bp, bureau.bp, leader.bp, published.bp, files.bp):
        app.register_blueprint(blueprint)
    return app
