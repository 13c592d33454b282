"""Fixtures of the walks through the pages, and the note that a test failed (for its photograph)."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.e2e import acts
from tests.e2e.acts import Site
from tests.e2e.harness import browser, serving, visit  # noqa: F401  (fixtures)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.failed_in_call = report.failed  # type: ignore[attr-defined]
    return report


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An installation of its own, served, with its first administrator and the installed plugins."""
    settings, app, passwords = acts.install(tmp_path / "data")
    with serving(app) as server:
        yield Site(settings, app, server, passwords)
    app.extensions["intranet"].engine.dispose()
