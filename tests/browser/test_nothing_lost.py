"""Nothing that was typed is lost: the server stops or is killed, the session ends, the browser is closed,
two people are at one thing. What counts is what stands in the database afterwards."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, Route, expect
from sqlmodel import col, delete, select

from intranet.enums import Role
from intranet.models import Answer, FactRow, Grant, LogEntry, Mark, SignIn
from tests.e2e.harness import Server, Visit, Visitor, serving
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser

FIRST, SECOND = "A2.上学期", "A2.下学期"
STATUS = "[data-save-status='']"
WORDS = "三次会议均有签到，第二次纪要见材料 3；“补签”两人，比例 98.5%"


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    with serving(app) as running:
        yield running


@pytest.fixture
def lead(server: Server, visit: Visit) -> Visitor:
    return signed_in(visit(server))


def signed_in(visitor: Visitor, login: str = "lead1") -> Visitor:
    visitor.sign_in(login, PASSWORD)
    return visitor


def page_of(world: World, indicator: str) -> str:
    return f"/entries/{world.entries['g01']}/indicators/{indicator}"


def field(page: Page, key: str) -> Locator:
    return page.locator(f'[name="f:{key}"]')


def type_and_leave(page: Page, key: str, text: str) -> None:
    field(page, key).fill(text)
    field(page, key).blur()


def stored(world: World) -> dict[str, object]:
    """Answers of g01 by key."""
    with world.read() as session:
        found = session.exec(select(Answer).where(Answer.entry_id == world.entries["g01"]))
        return {a.key: a.value for a in found if a.value is not None}


def people(world: World) -> list[tuple[object, object]]:
    """Who stands in the roster, since when."""
    with world.read() as session:
        query = select(FactRow).where(col(FactRow.deleted_at).is_(None)).order_by(col(FactRow.position))
        return [(row.cells["person"], row.cells["start"]) for row in session.exec(query)]


def reasons(world: World) -> dict[str, tuple[str, str]]:
    """Own scores of g01: points and reason by clause."""
    with world.read() as session:
        marks = session.exec(select(Mark).where(Mark.entry_id == world.entries["g01"])).all()
        return {m.code: (str(m.points), m.reason) for m in marks}


def drafts(page: Page) -> int:
    found: int = page.evaluate(
        "() => Object.keys(localStorage).filter(key => key.startsWith('draft:')).length"
    )
    return found


def no_draft(page: Page) -> None:
    """Until everything is saved."""
    page.wait_for_function("() => !Object.keys(localStorage).some(key => key.startsWith('draft:'))")


def let_file(world: World, login: str) -> None:
    """One more person who files for g01."""
    with world.write() as session:
        session.add(Grant(user_id=world.users[login], role=Role.FILER, school_id=world.schools["s1"]))
        session.commit()


def end_sessions(world: World) -> None:
    with world.write() as session:
        session.exec(delete(SignIn))
        session.commit()


def open_row(page: Page) -> None:
    page.locator("#table-exchange").get_by_role("link", name="加一行").click()
    expect(page.locator("#exchange-new-person")).to_be_visible()


def fill_row(page: Page, name: str, start: str = "2030-09-01") -> None:
    page.fill("#exchange-new-person", name)
    page.select_option("#exchange-new-category", "定期")
    page.locator("#exchange-new-start").fill(start)


# --- the server stops ----------------------------------------------------------------------------


def test_the_server_stops_in_mid_typing(world: World, server: Server, lead: Visitor) -> None:
    """Two fields and an own score with its reason, one of them not even left: all is saved by itself."""
    lead.go(page_of(world, "A2"))
    with lead.saving("/answers"):
        field(lead.page, "A2.done").first.check()
    with lead.saving("/answers"):
        type_and_leave(lead.page, FIRST, "2")
    expect(lead.page.locator(STATUS)).to_contain_text(re.compile(r"已保存 \d\d:\d\d"))
    row = lead.page.locator("form.self-row").first
    server.stop()
    with lead.answered(0):
        type_and_leave(lead.page, SECOND, "13")
        loud = lead.page.locator(STATUS)
        expect(loud).to_contain_text("未保存")
        expect(loud).to_contain_text("内容已留在这台电脑上")
        expect(loud).to_have_class(re.compile("loud"))
        row.locator("[name=points]").fill("0.5")
        row.locator("[name=points]").blur()
        row.locator("[name=reason]").press_sequentially(WORDS)  # and does not leave it
        assert stored(world) == {"A2.done": True, FIRST: 2}
        server.start()
        expect(loud).to_contain_text(re.compile(r"已保存 \d\d:\d\d"), timeout=15_000)
        row.locator("[name=reason]").blur()
        expect(row.locator(".msg")).to_have_count(0)
        no_draft(lead.page)
    assert stored(world) == {"A2.done": True, FIRST: 2, SECOND: 13}
    assert reasons(world) == {"A2": ("1/2", WORDS)}
    expect(lead.page.locator("[data-unsent]")).to_have_count(0)


def test_typing_goes_on_while_something_is_being_saved(world: World, lead: Visitor) -> None:
    """What is typed after a save was sent and before its answer came is saved too: in a row, in a field."""
    lead.go(page_of(world, "B1"))
    open_row(lead.page)
    fill_row(lead.page, "甲某 001")

    def row_goes_on(route: Route) -> None:
        lead.page.locator("#exchange-new-start").fill("2030-10-15")
        route.continue_()

    lead.page.route("**/tables/exchange/rows", row_goes_on, times=1)
    lead.page.get_by_role("button", name="保存这一行").click()
    expect(lead.page.locator("#table-exchange .row-form")).to_have_count(0)
    assert people(world) == [("甲某 001", "2030-10-15")]
    assert drafts(lead.page) == 0
    lead.go(page_of(world, "A2"))

    def field_goes_on(route: Route) -> None:
        type_and_leave(lead.page, FIRST, "23")
        route.continue_()

    lead.page.route("**/answers", field_goes_on, times=1)
    type_and_leave(lead.page, FIRST, "2")
    no_draft(lead.page)
    assert field(lead.page, FIRST).input_value() == "23"
    assert stored(world) == {FIRST: 23}


# --- the server is killed ------------------------------------------------------------------------


class Process:
    """The application in a process of its own; ``kill`` gives it no time for anything."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.browser.served", str(self.data), str(self.port)]
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
        for _wait in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert self._process.poll() is None, "the server did not start"
            time.sleep(0.1)
        raise AssertionError("the server did not answer")

    def kill(self) -> None:
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def hold(self, when: str) -> None:
        (self.data / "held").unlink(missing_ok=True)
        (self.data / f"hold-{when}").touch()

    def wait_until_held(self) -> None:
        for _wait in range(200):
            if (self.data / "held").exists():
                return
            time.sleep(0.05)
        raise AssertionError("no save came")


@pytest.fixture
def process(world: World) -> Iterator[Process]:
    running = Process(world.settings.data)
    running.start()
    try:
        yield running
    finally:
        running.kill()


def test_the_server_is_killed_before_the_commit(world: World, process: Process, visit: Visit) -> None:
    """What was acknowledged is there, nothing half; the rest comes by itself."""
    lead = signed_in(visit(process))
    lead.go(page_of(world, "A2"))
    with lead.saving("/answers"):
        field(lead.page, "A2.done").first.check()
    with lead.saving("/answers"):
        type_and_leave(lead.page, FIRST, "7")
    with lead.answered(0):
        process.hold("before")
        type_and_leave(lead.page, SECOND, "31")
        process.wait_until_held()
        process.kill()
        expect(lead.page.locator(STATUS)).to_contain_text("未保存")
        assert stored(world) == {"A2.done": True, FIRST: 7}
        process.start()
        expect(lead.page.locator(STATUS)).to_contain_text("已保存", timeout=15_000)
    assert stored(world) == {"A2.done": True, FIRST: 7, SECOND: 31}


def test_the_server_is_killed_before_the_answer(world: World, process: Process, visit: Visit) -> None:
    """The row is saved and nobody knows: sent again, it is there once, with what was typed meanwhile."""
    lead = signed_in(visit(process))
    lead.go(page_of(world, "B1"))
    open_row(lead.page)
    fill_row(lead.page, "甲某 001")
    with lead.answered(0):
        process.hold("after")
        lead.page.get_by_role("button", name="保存这一行").click()
        process.wait_until_held()
        process.kill()
        expect(lead.page.locator(STATUS)).to_contain_text("未保存")
        assert people(world) == [("甲某 001", "2030-09-01")]
        lead.page.fill("#exchange-new-start", "2030-09-08")
        process.start()
        lead.page.get_by_role("button", name="现在再试").click()
        expect(lead.page.locator(STATUS)).to_contain_text("已保存", timeout=15_000)
    assert people(world) == [("甲某 001", "2030-09-08")]


# --- the session is over -------------------------------------------------------------------------


def test_without_javascript_a_row_survives_the_end_of_the_session(
    world: World, server: Server, visit: Visit
) -> None:
    lead = signed_in(visit(server, script=False))
    lead.go(page_of(world, "B1"))
    lead.follow(lead.page.locator("#table-exchange").get_by_role("link", name="加一行"))
    fill_row(lead.page, "甲某 001")
    end_sessions(world)
    with lead.answered(401):
        lead.press("保存这一行")
    lead.page.fill("#login", "lead1")
    lead.page.fill("#password", PASSWORD)
    lead.press("登录")
    lead.press("接着保存")
    assert people(world) == [("甲某 001", "2030-09-01")]
    assert lead.path().startswith(page_of(world, "B1"))


def test_another_person_at_the_same_browser(world: World, server: Server, visit: Visit, app: Flask) -> None:
    """The next one, who may file for the same unit, neither sees nor sends what the first left unsaved,
    not even by signing out; it is saved when the first comes back."""
    let_file(world, "lead2")
    lead = signed_in(visit(server))
    lead.go(page_of(world, "A2"))
    end_sessions(world)
    with lead.answered(401), lead.page.expect_navigation(url=re.compile(r"/sign-in\?")):
        type_and_leave(lead.page, SECOND, "5")
    signed_in(lead, "lead2")
    lead.go(page_of(world, "A2"))
    lead.page.wait_for_timeout(500)
    assert field(lead.page, SECOND).input_value() == ""
    expect(lead.page.locator("#notes")).to_have_text("")
    lead.press("退出")
    assert stored(world) == {}
    signed_in(lead, "lead1")
    no_draft(lead.page)
    assert stored(world) == {SECOND: 5}
    with world.read() as session:
        said = session.exec(select(LogEntry).where(LogEntry.action == "answer.save")).all()
        assert [entry.user_name for entry in said] == ["填报甲"]


# --- the browser is closed -----------------------------------------------------------------------


def test_the_page_is_closed_with_unsaved_drafts(world: World, server: Server, lead: Visitor) -> None:
    """A half-typed row waits behind a note on whatever page comes first; a field is saved from there."""
    lead.go(page_of(world, "A2"))
    server.stop()
    with lead.answered(0):
        type_and_leave(lead.page, FIRST, "4")
        expect(lead.page.locator(STATUS)).to_contain_text("未保存")
    server.start()
    other = lead.tab()
    other.goto(page_of(world, "B1"))
    open_row(other)
    other.fill("#exchange-new-person", "甲某 0")
    other.locator("#exchange-new-person").press_sequentially("01")
    lead.page.close()
    other.close()
    lead.page = lead.tab()
    lead.go(f"/entries/{world.entries['g01']}")
    note = lead.page.locator("#notes .note")
    expect(note).to_contain_text("这些填了还没有保存")
    expect(note).to_contain_text("甲某 001")
    assert stored(world) == {FIRST: 4}
    assert people(world) == []
    lead.follow(note.get_by_role("link"))
    expect(lead.page.locator("#exchange-new-person")).to_have_value("甲某 001")
    lead.page.select_option("#exchange-new-category", "定期")
    lead.page.locator("#exchange-new-start").fill("2030-09-01")
    with lead.saving("/tables/exchange/rows"):
        lead.page.get_by_role("button", name="保存这一行").click()
    assert people(world) == [("甲某 001", "2030-09-01")]
    assert drafts(lead.page) == 0
    lead.go(f"/entries/{world.entries['g01']}")
    lead.page.wait_for_timeout(400)
    expect(lead.page.locator("#notes")).to_have_text("")


def test_a_draft_that_comes_back_does_not_run_over_a_newer_value(
    world: World, server: Server, lead: Visitor, visit: Visit
) -> None:
    lead.go(page_of(world, "A2"))
    server.stop()
    with lead.answered(0):
        type_and_leave(lead.page, FIRST, "4")
        expect(lead.page.locator(STATUS)).to_contain_text("未保存")
    lead.go("about:blank")
    server.start()
    elsewhere = signed_in(visit(server))
    elsewhere.go(page_of(world, "A2"))
    with elsewhere.saving("/answers"):
        type_and_leave(elsewhere.page, FIRST, "9")
    with lead.saving("/answers", 409):
        lead.go(page_of(world, "A2"))
    box = lead.page.locator(".fld", has=field(lead.page, FIRST))
    expect(box).to_contain_text("现在存的是“9 次”")
    assert field(lead.page, FIRST).input_value() == "4"
    assert stored(world) == {FIRST: 9}
    lead.follow(box.get_by_role("link", name="用现在存的"))
    lead.page.wait_for_timeout(400)
    assert field(lead.page, FIRST).input_value() == "9"
    assert drafts(lead.page) == 0
    assert stored(world) == {FIRST: 9}


# --- two people ----------------------------------------------------------------------------------


def test_two_people_in_one_row(world: World, server: Server, visit: Visit) -> None:
    """The second sees both values, closes the page over it, finds them again and chooses."""
    let_file(world, "lead2")
    first, second = signed_in(visit(server)), signed_in(visit(server), "lead2")
    first.go(page_of(world, "B1"))
    open_row(first.page)
    fill_row(first.page, "甲某 001")
    with first.saving("/tables/exchange/rows"):
        first.page.get_by_role("button", name="保存这一行").click()
    second.go(page_of(world, "B1"))
    for visitor, date in ((first, "2030-10-01"), (second, "2030-11-01")):
        visitor.page.locator("#table-exchange").get_by_role("link", name="甲某 001").click()
        visitor.page.locator("#table-exchange [name='c:start']").fill(date)
    with first.saving("/rows/"):
        first.page.keyboard.press("Tab")
    with second.saving("/rows/", 409):
        second.page.keyboard.press("Tab")
    form = second.page.locator("#table-exchange .row-form")
    expect(form).to_contain_text("有人刚刚改过这一行")
    expect(form).to_contain_text("现在存的是“2030-10-01”")
    with second.saving("/rows/", 409):  # leaving another cell writes over nobody
        form.locator("[name='c:person']").fill("甲某 002")
        second.page.keyboard.press("Tab")
    form.locator("[name='c:person']").fill("甲某 001")
    assert people(world) == [("甲某 001", "2030-10-01")]
    old = second.page
    second.page = second.tab()
    old.close()
    with second.answered(409):
        second.go(page_of(world, "B1"))
        expect(second.page.locator("#notes")).to_contain_text("2030-11-01")
    with second.answered(409):
        second.follow(second.page.locator("#notes").get_by_role("link"))
        expect(second.page.locator("#table-exchange .row-form")).to_contain_text("有人刚刚改过这一行")
    start = second.page.locator("#table-exchange [name='c:start']")
    expect(start).to_have_value("2030-11-01")
    form = second.page.locator("#table-exchange .row-form")
    expect(form).to_contain_text("现在存的是“2030-10-01”")
    expect(start).to_have_value("2030-11-01")
    assert people(world) == [("甲某 001", "2030-10-01")]
    with second.saving("/rows/"):
        second.page.get_by_role("button", name="保存这一行").click()
    assert people(world) == [("甲某 001", "2030-11-01")]
    assert drafts(second.page) == 0
    with world.read() as session:
        edits = session.exec(select(LogEntry).where(LogEntry.action == "row.edit").order_by(col(LogEntry.id)))
        assert [(e.user_name, e.new["start"]) for e in edits] == [
            ("填报甲", "2030-10-01"),
            ("填报丁", "2030-11-01"),
        ]
