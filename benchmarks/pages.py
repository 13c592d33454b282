"""The form page and the autosave of one field, against a bare page and a bare durable write.

Everything in one process through the WSGI interface, so that what is measured is the application's own work and
not a server's or a browser's; what a server adds is the same for both.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

from flask import Flask, Response, request

from intranet import create_app
from intranet.config import Settings
from intranet.plugins import build_plugin_manager
from tests.unit.rubric import sample
from tests.world import PASSWORD, Client, build_world

from . import machine

PAGE = "<!doctype html><title>{{ title }}</title>" + (
    "{% for n in range(45) %}<div class=row><label for=f{{ n }}>{{ title }} {{ n }}</label>"
    "<input id=f{{ n }} name=f{{ n }} value='{{ n }}' class='form-control' aria-describedby=h{{ n }}>"
    "<p id=h{{ n }}>{{ help }}</p></div>{% endfor %}"
)
ROUNDS, AT_ONCE = 7, 20


def bare(folder: Path) -> Flask:
    """A 20 kB page of 45 rows, and one durable UPDATE: the least that a form and its saving can be."""
    app = Flask(__name__)
    database = sqlite3.connect(folder / "bare.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE answer (id INTEGER PRIMARY KEY, value TEXT)")
    database.execute("INSERT INTO answer VALUES (1, '')")

    template = app.jinja_env.from_string(PAGE)

    @app.get("/")
    def page() -> str:
        return template.render(title="示例", help="按通知原文填写，写阿拉伯数字。" * 12)

    @app.post("/")
    def save() -> Response:
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE answer SET value = ? WHERE id = 1", (request.form["value"],))
        database.execute("COMMIT")
        return Response("saved")

    return app


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        settings = Settings(data=Path(made) / "data", allow_http=True)
        world = build_world(settings)
        plugins = build_plugin_manager(entry_points=False, plugins=(sample.SamplePlugin.at(settings.data),))
        app = create_app(settings, plugins)
        lead, plain = Client(app.test_client()), bare(Path(made)).test_client()
        assert lead.post("/sign-in", {"login": "lead1", "password": PASSWORD}).status_code == 303
        form = f"/entries/{world.entries['g01']}/indicators/A2"
        sizes = len(lead.get(form).data), len(plain.get("/").data)
        version = 0

        def save() -> None:
            nonlocal version
            for _n in range(AT_ONCE):
                name = "A2.上学期"
                data = {
                    "only": name,
                    f"f:{name}": str(version % 9),
                    f"version:{name}": version,
                    f"op:{name}": f"b{version}-{time.monotonic_ns()}",
                }
                assert lead.post(f"{form}/answers", data, htmx=True).status_code == 200
                version += 1

        taken = machine.interleaved(
            {
                "bare page": lambda: [plain.get("/") for _n in range(AT_ONCE)],
                "form page": lambda: [lead.get(form) for _n in range(AT_ONCE)],
                "bare write": lambda: [plain.post("/", data={"value": str(_n)}) for _n in range(AT_ONCE)],
                "autosave": save,
            },
            rounds=ROUNDS,
        )
        app.extensions["intranet"].engine.dispose()
        world.engine.dispose()
    for name, seconds in taken.items():
        print(
            f"  {name:10} {machine.middle(seconds) / AT_ONCE * 1000:6.2f} ms  {AT_ONCE / machine.middle(seconds):6.0f}/s"
        )
    print(
        f"  form page ({sizes[0] / 1024:.0f} KiB) / bare page ({sizes[1] / 1024:.0f} KiB): rate"
        f" {1 / machine.ratio(taken, 'form page', 'bare page'):.2f}"
    )
    print(f"  autosave / bare write: {machine.ratio(taken, 'autosave', 'bare write'):.1f} times")


if __name__ == "__main__":
    main()
