"""Fixtures of the walks through the pages, and the note that a test failed (for its photograph)."""

from collections.abc import Generator

import pytest

from tests.e2e.harness import browser, visit  # noqa: F401  (fixtures)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.failed_in_call = report.failed  # type: ignore[attr-defined]
    return report
