"""Fixtures of the walks through whole cycles."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import acts, harness
from tests.e2e.acts import Site


def pytest_configure(config: pytest.Config) -> None:
    harness.register(config)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An installation of its own, served, with its first administrator and the installed plugins."""
    settings, app, passwords = acts.install(tmp_path / "data")
    with harness.serving(app) as server:
        yield Site(settings, app, server, passwords)
    app.extensions["intranet"].engine.dispose()
