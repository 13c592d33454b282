"""A real server and a real browser, for the tests that walk through the pages.

The application runs under waitress in a thread of the test, on a port of the loopback interface.
A :class:`Visitor` is one person's browser: whatever goes wrong in it (a script error, a refused
resource, an answer with an error status that the test did not announce) fails the test.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import waitress.server
from flask import Flask
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    sync_playwright,
)

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
DESKTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}

ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


# --- the server ----------------------------------------------------------------------------------


class Server:
    """The application under waitress. ``url`` has no slash at its end; ``start`` again keeps the port."""

    def __init__(self, app: Flask, port: int = 0) -> None:
        self.app, self.port = app, port
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = waitress.server.create_server(
            self.app, host="127.0.0.1", port=self.port, threads=8, clear_untrusted_proxy_headers=True
        )
        self.port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._server.run, name="waitress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close every socket in the loop's own thread, then wait for it; a second call does nothing."""
        if self._thread is None:
            return
        server, self._server = self._server, None
        server.trigger.pull_trigger(lambda: [each.close() for each in list(server._map.values())])
        self._thread.join(timeout=10)
        assert not self._thread.is_alive(), "the server did not stop"
        self._thread = None
        server.task_dispatcher.shutdown()


@contextlib.contextmanager
def serving(app: Flask) -> Iterator[Server]:
    server = Server(app)
    server.start()
    try:
        yield server
    finally:
        server.stop()


# --- the browser ---------------------------------------------------------------------------------


def register(config: pytest.Config) -> None:
    """Make the fixtures below known, once: one process can drive Playwright only once."""
    if not config.pluginmanager.has_plugin("walks"):
        config.pluginmanager.register(sys.modules[__name__], "walks")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note that a test failed, for its photograph."""
    report = yield
    if report.when == "call":
        item.failed_in_call = report.failed  # type: ignore[attr-defined]
    return report


def find_chromium() -> str | None:
    """The installed browser; none is ever downloaded."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip(f"NO BROWSER: none of {', '.join(CHROMIUM)} is installed, so nothing was walked through")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield launched
        launched.close()


Visit = Callable[..., "Visitor"]


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Visit]:
    """``visit(server)`` opens one more person's browser; see :class:`Visitor` for the options.

    At the end every visitor must have had nothing to complain of. With INTRANET_SHOTS set, the
    last page of each visitor of a failed test is photographed there.
    """
    visitors: list[Visitor] = []

    def open_one(server: Server, **options: Any) -> Visitor:
        visitor = Visitor(browser, server, **options)
        visitors.append(visitor)
        return visitor

    yield open_one
    failed = getattr(request.node, "failed_in_call", False)
    folder = Path(os.environ.get("INTRANET_SHOTS") or tmp_path)
    complaints: list[str] = []
    for n, visitor in enumerate(visitors):
        if failed:
            name = re.sub(r"\W+", "-", request.node.name)
            with contextlib.suppress(Exception):
                visitor.shoot(folder / f"failed-{name}-{n}.png")
        complaints += visitor.complaints
        visitor.context.close()
    if complaints and not failed:
        pytest.fail("the browser complained:\n" + "\n".join(complaints), pytrace=False)


@dataclass
class Visitor:
    """One browser of one person, with a page open.

    complaints: what the browser reported and the test did not announce through :meth:`answered`.
    """

    browser: Browser
    server: Server
    script: bool = True
    size: dict[str, int] = field(default_factory=lambda: dict(DESKTOP))
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._announced: set[int] = set()
        self._came: set[int] = set()
        self.context: BrowserContext = self.browser.new_context(
            viewport={"width": self.size["width"], "height": self.size["height"]},
            java_script_enabled=self.script,
            locale="zh-CN",
            base_url=self.server.url,
            accept_downloads=True,
        )
        self.context.set_default_timeout(10_000)
        self.page: Page = self.tab()

    def tab(self) -> Page:
        """One more tab of the same browser."""
        page = self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        page.on("response", self._response)
        page.on("requestfailed", self._failed)
        page.on("dialog", lambda dialog: dialog.accept())
        return page

    # --- what goes wrong ---

    def _console(self, message: ConsoleMessage) -> None:
        """Policy violations are console errors too. Error statuses are judged in ``_response``."""
        known = "Failed to load resource" in message.text or "Response Status Error Code" in message.text
        known = known or (0 in self._announced and message.text.startswith("htmx:"))
        if message.type in ("error", "warning") and not known:
            self.complaints.append(f"console {message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        self._came.add(response.status)
        if response.status >= 400 and response.status not in self._announced:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")

    def _failed(self, request: Request) -> None:
        """Leaving a page while something of it still loads is no failure."""
        self._came.add(0)
        if request.failure != "net::ERR_ABORTED" and 0 not in self._announced:
            self.complaints.append(f"{request.failure} {request.method} {request.url}")

    @contextlib.contextmanager
    def answered(self, *statuses: int) -> Iterator[None]:
        """Announce answers with each of these statuses, which must then come; 0 is a server that is gone."""
        before, self._announced = self._announced, self._announced | set(statuses)
        self._came -= set(statuses)
        try:
            yield
        finally:
            self._announced = before
        missing = set(statuses) - self._came
        assert not missing, f"announced, but never came: {sorted(missing)}"

    # --- moving about ---

    def go(self, path: str) -> None:
        self.page.goto(path)

    def path(self) -> str:
        """Path and query of the page shown."""
        return self.page.url.removeprefix(self.server.url)

    def words(self) -> str:
        """What the page says, white space squeezed."""
        return re.sub(r"\s+", " ", self.page.locator("body").inner_text())

    def sign_in(self, login: str, password: str) -> None:
        """Through the sign-in page; lands on the person's first page or on the change of password."""
        self.go("/sign-in")
        self.page.fill("#login", login)
        self.page.fill("#password", password)
        self.follow(self.page.locator("form[action$='/sign-in'] button.btn-primary"))
        assert not self.path().startswith("/sign-in"), self.words()

    def change_password(self, current: str, new: str) -> None:
        """The first sign-in asks for it."""
        assert self.path() == "/password"
        for name, text in (("current", current), ("new", new), ("again", new)):
            self.page.fill(f"#{name}", text)
        self.press("保存新密码")
        assert self.path() != "/password", self.words()

    def press(self, label: str, *, exact: bool = True) -> None:
        """The button or link with this label, and the page it leads to."""
        found = self.page.get_by_role("button", name=label, exact=exact)
        if found.count() == 0:
            found = self.page.get_by_role("link", name=label, exact=exact)
        self.follow(found.first)

    def follow(self, control: Locator) -> None:
        """Click what leads to a page, the same one perhaps, and wait for it."""
        with control.page.expect_navigation(wait_until="load"):
            control.click()

    @contextlib.contextmanager
    def saving(self, part: str, status: int = 200, *, page: Page | None = None) -> Iterator[None]:
        """What is done inside sends a POST whose address contains ``part`` and is answered so.

        Waits until htmx has put the answer in its place.
        """
        page = page or self.page

        def is_it(response: Response) -> bool:
            return response.request.method == "POST" and part in response.url

        with self.answered(*([status] if status >= 400 else [])):
            with page.expect_response(is_it) as found:
                yield
            assert found.value.status == status, (found.value.status, found.value.url, self.words()[:2000])
            self.settle(page)

    def settle(self, page: Page | None = None) -> None:
        """Until htmx is neither asking nor putting an answer in its place."""
        (page or self.page).wait_for_load_state("load")
        (page or self.page).wait_for_function(
            "() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added')"
        )

    def download(self, label: str) -> bytes:
        """The file behind a link or button."""
        with self.page.expect_download() as found:
            self.page.get_by_role("link", name=label).first.click()
        return Path(found.value.path()).read_bytes()

    def shoot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(path), full_page=True)
