"""The application of the tests as a process of its own, so that it can be killed like a real one.

``python -m tests.browser.served <data folder> <port>``. A file ``hold-before`` in the data folder stops the
next save before its commit, ``hold-after`` after it and before the answer; it is renamed to ``held`` then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import waitress

from intranet import create_app
from intranet.config import Settings
from intranet.plugins import build_plugin_manager
from tests.unit.rubric import sample

FOREVER = 3600


def hold(data: Path, when: str) -> None:
    """Stop here for good if the test asked for it, and say so."""
    asked = data / f"hold-{when}"
    if asked.exists():
        asked.rename(data / "held")
        time.sleep(FOREVER)


def main(data: Path, port: int) -> None:
    settings = Settings(data=data, bureau_name="示例区教育局", allow_http=True)
    plugins = build_plugin_manager(entry_points=False, plugins=(sample.SamplePlugin.at(data),))
    app = create_app(settings, plugins)
    inner = app.wsgi_app

    def outer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        answer = inner(environ, start)
        if environ["REQUEST_METHOD"] == "POST":
            hold(data, "after")
        return answer

    app.wsgi_app = outer  # type: ignore[method-assign]
    engine = app.extensions["intranet"].engine
    sa.event.listen(engine, "commit", lambda _connection: hold(data, "before"))
    waitress.serve(app, host="127.0.0.1", port=port, threads=8, clear_untrusted_proxy_headers=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
