"""The browser of these tests is the one of ``tests/e2e/harness.py``."""

import pytest

from tests.e2e import harness


def pytest_configure(config: pytest.Config) -> None:
    harness.register(config)
