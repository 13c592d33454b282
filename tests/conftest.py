"""What holds for every test: no network beyond this machine, and no skipped test in CI.

Fixtures live in tests/world.py and beside the tests that use them.
"""

import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as drawing

from tests.world import (  # noqa: F401  (fixtures of every test)
    app,
    client_for,
    prepared_demo,
    prepared_world,
    settings,
    world,
)

skipped: dict[str, str] = {}

# How fast values are drawn says something of the machine, nothing of the code.
drawing.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
drawing.load_profile("house")


def is_loopback(host: str | None) -> bool:
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guard(name: str) -> None:
    """Let a connecting method of socket reach loopback and local sockets only."""
    original = getattr(socket.socket, name)

    def guarded(self: socket.socket, *args: Any) -> Any:
        address = args[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_loopback(address[0]):
            raise RuntimeError(f"a test tried to reach {address[0]}")
        return original(self, *args)

    setattr(socket.socket, name, guarded)


def pytest_configure() -> None:
    for name in ("connect", "connect_ex", "sendto"):
        guard(name)
    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if not is_loopback(name):
            raise RuntimeError(f"a test tried to look up {name}")
        return look_up(host, *args, **kwargs)

    socket.getaddrinfo = guarded_look_up


def remember_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skipped[report.nodeid] = reason


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    remember_skip(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    remember_skip(report)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """With CI=true a skipped test is a failure: a test that never runs proves nothing."""
    if os.environ.get("CI") == "true" and skipped and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for nodeid, reason in sorted(skipped.items()):
            print(f"\nskipped, which CI does not allow: {nodeid}: {reason}", end="")
    return (yield)
