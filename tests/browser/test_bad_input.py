"""Bad luck and bad input where the browser matters: each with a clear message, and nothing typed lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlmodel import col, delete, select

from intranet.enums import SubmissionState
from intranet.models import Answer, Entry, FactRow, LogEntry, Mark, SignIn
from tests.e2e.harness import Server, Visit, Visitor, serving
from tests.integration import panel_ground
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser

TERM = "A2.上学期"
SIGN_IN = re.compile(r"/sign-in\?")


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    with serving(app) as running:
        yield running


@pytest.fixture
def lead(server: Server, visit: Visit) -> Visitor:
    visitor = visit(server)
    visitor.sign_in("lead1", PASSWORD)
    return visitor


def page_of(world: World, indicator: str) -> str:
    return f"/entries/{world.entries['g01']}/indicators/{indicator}"


def stored(world: World, key: str) -> list[tuple[object, int]]:
    """Value and version of an answer of g01; nothing while there is none."""
    with world.read() as session:
        query = select(Answer).where(Answer.entry_id == world.entries["g01"], Answer.key == key)
        return [(a.value, a.version) for a in session.exec(query)]


def people(world: World) -> list[str]:
    """Who stands in the roster, in order."""
    with world.read() as session:
        query = select(FactRow).where(col(FactRow.deleted_at).is_(None)).order_by(col(FactRow.position))
        return [str(row.cells["person"]) for row in session.exec(query)]


def end_sessions(world: World) -> None:
    """Everybody's time is up."""
    with world.write() as session:
        session.exec(delete(SignIn))
        session.commit()


def fill(page: Page, key: str, text: str) -> None:
    box = page.locator(f'[name="f:{key}"]')
    box.fill(text)
    box.blur()


def status(page: Page) -> str:
    return page.locator("[data-save-status='']").inner_text()


# --- two at once ---------------------------------------------------------------------------------


def test_two_tabs_editing_one_field(world: World, lead: Visitor) -> None:
    lead.go(page_of(world, "A2"))
    first, second = lead.page, lead.tab()
    second.goto(page_of(world, "A2"))
    with lead.saving("/answers", page=first):
        fill(first, TERM, "2")
    with lead.saving("/answers", 409, page=second):
        fill(second, TERM, "3")
    box = second.locator(".fld", has=second.locator(f'[name="f:{TERM}"]'))
    expect(box).to_contain_text("有人刚刚改过这一项")
    expect(box).to_contain_text("现在存的是“2 次”")
    assert box.locator(f'[name="f:{TERM}"]').input_value() == "3"
    assert stored(world, TERM) == [(2, 1)]
    lead.follow(second.get_by_role("button", name="保留我填的"))
    assert stored(world, TERM) == [(3, 2)]


# --- twice ---------------------------------------------------------------------------------------


def landed(visitor: Visitor, address: str) -> None:
    """Wait until the page is there. `wait_for_url` fails when the second click breaks off the first one's page."""
    expect(visitor.page).to_have_url(re.compile(address))
    visitor.page.wait_for_load_state()
    expect(visitor.page.locator("h1").first).to_be_visible()


def test_a_double_click_adds_one_row(world: World, lead: Visitor) -> None:
    lead.go(page_of(world, "B1"))
    panel = lead.page.locator("#table-exchange")
    panel.get_by_role("link", name="加一行").click()
    lead.page.fill("#exchange-new-person", "甲某 001")
    lead.page.select_option("#exchange-new-category", "定期")
    with lead.saving("/tables/exchange/rows"):
        panel.get_by_role("button", name="保存这一行").dblclick()
    expect(panel.locator("tbody tr", has_text="甲某 001")).to_have_count(1)
    lead.page.wait_for_load_state("networkidle")
    assert people(world) == ["甲某 001"]


def test_a_double_click_submits_once(world: World, lead: Visitor) -> None:
    entry = world.entries["g01"]
    lead.go(f"/entries/{entry}/check")
    lead.page.check("input[name=known]")
    lead.page.get_by_role("button", name="提交考核材料").dblclick()
    landed(lead, f"/entries/{entry}/receipt$")
    with world.read() as session:
        found = session.get(Entry, entry)
        assert found is not None
        assert (found.state, found.round) == (SubmissionState.SUBMITTED, 1)
        times = session.exec(select(LogEntry).where(LogEntry.action == "entry.submit")).all()
    assert len(times) == 1


def reviewer_at(world: World, server: Server, visit: Visit, indicator: str) -> Visitor:
    """A reviewer on the scoring page of g01, which has filed and submitted."""
    panel_ground.submit(world, "g01")
    reviewer = visit(server)
    reviewer.sign_in("rev1", PASSWORD)
    reviewer.go(f"/panel/entries/{world.entries['g01']}/indicators/{indicator}")
    return reviewer


def test_a_double_click_scores_once(world: World, server: Server, visit: Visit) -> None:
    reviewer = reviewer_at(world, server, visit, "A2")
    reviewer.page.fill('[name="points.A2"]', "1")
    reviewer.page.fill('[name="reason.A2"]', "只开了一次")
    reviewer.page.locator("[data-save]").dblclick()
    landed(reviewer, "/indicators/(?!A2$)[^/]+$")
    with world.read() as session:
        marks = session.exec(select(Mark).where(Mark.role == "panel")).all()
    assert [(m.code, str(m.points), m.reason, m.version) for m in marks] == [("A2", "1", "只开了一次", 1)]


# --- the server is gone --------------------------------------------------------------------------


def test_the_page_is_loaded_anew_after_a_failed_save(world: World, server: Server, lead: Visitor) -> None:
    lead.go(page_of(world, "A2"))
    server.stop()
    with lead.answered(0):
        fill(lead.page, TERM, "2")
        expect(lead.page.locator("[data-save-status='']")).to_contain_text("未保存")
    server.start()
    with lead.saving("/answers"):
        lead.page.reload()
    expect(lead.page.locator("#notes")).to_contain_text("上次没保存上的内容已放回原处")
    assert stored(world, TERM) == [(2, 1)]


def test_the_answer_of_a_save_gets_lost(world: World, lead: Visitor) -> None:
    """The server saved, the browser never heard of it: trying again, with more text, is no conflict."""
    lead.go(page_of(world, "A2"))

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    lead.page.route("**/answers", lose)
    with lead.answered(0):
        fill(lead.page, TERM, "2")
        expect(lead.page.locator("[data-save-status='']")).to_contain_text("未保存")
    lead.page.unroute("**/answers")
    assert stored(world, TERM) == [(2, 1)]
    with lead.saving("/answers"):
        fill(lead.page, TERM, "3")
    assert stored(world, TERM) == [(3, 2)]


def test_a_row_that_could_not_be_saved_stays_in_its_form(world: World, server: Server, lead: Visitor) -> None:
    lead.go(page_of(world, "B1"))
    panel = lead.page.locator("#table-exchange")
    panel.get_by_role("link", name="加一行").click()
    lead.page.fill("#exchange-new-person", "甲某 001")
    lead.page.select_option("#exchange-new-category", "定期")
    server.stop()
    with lead.answered(0):
        panel.get_by_role("button", name="保存这一行").click()
        expect(lead.page.locator("[data-save-status='']")).to_contain_text("未保存")
    assert lead.page.input_value("#exchange-new-person") == "甲某 001"
    server.start()
    with lead.saving("/tables/exchange/rows"):
        lead.page.get_by_role("button", name="现在再试").click()
    assert people(world) == ["甲某 001"]


# --- the session is over -------------------------------------------------------------------------


def test_an_expired_session_in_a_field(world: World, lead: Visitor) -> None:
    lead.go(page_of(world, "A2"))
    end_sessions(world)
    with lead.answered(401), lead.page.expect_navigation(url=SIGN_IN):
        fill(lead.page, TERM, "2")
    expect(lead.page.locator(".gate-form")).to_contain_text("登录已过期")
    assert stored(world, TERM) == []
    lead.page.fill("#login", "lead1")
    lead.page.fill("#password", PASSWORD)
    with lead.saving("/answers"):
        lead.page.get_by_role("button", name="登录").click()
    assert lead.path() == page_of(world, "A2")
    expect(lead.page.locator("#notes")).to_contain_text("上次没保存上的内容已放回原处")
    assert lead.page.locator(f'[name="f:{TERM}"]').input_value() == "2"
    assert stored(world, TERM) == [(2, 1)]


def test_an_expired_session_in_a_row_being_typed(world: World, lead: Visitor) -> None:
    lead.go(page_of(world, "B1"))
    lead.page.locator("#table-exchange").get_by_role("link", name="加一行").click()
    lead.page.fill("#exchange-new-person", "甲某 001")
    lead.page.select_option("#exchange-new-category", "定期")
    lead.page.fill("#exchange-new-start", "2030-09-01")
    end_sessions(world)
    with lead.answered(401), lead.page.expect_navigation(url=SIGN_IN):
        lead.page.get_by_role("button", name="保存这一行").click()
    lead.page.fill("#login", "lead1")
    lead.page.fill("#password", PASSWORD)
    lead.press("登录")
    form = lead.page.locator("#table-exchange .row-form")
    expect(form).to_be_visible()
    expect(lead.page.locator("#exchange-new-person")).to_have_value("甲某 001")
    assert lead.page.input_value("#exchange-new-category") == "定期"
    assert lead.page.input_value("#exchange-new-start") == "2030-09-01"
    with lead.saving("/tables/exchange/rows"):
        form.get_by_role("button", name="保存这一行").click()
    assert people(world) == ["甲某 001"]


def test_an_expired_session_at_a_plain_form(world: World, lead: Visitor) -> None:
    """A form that is no htmx form goes through the sign-in page with all that was typed."""
    lead.go(page_of(world, "B1") + "/tables/exchange/paste")
    text = "姓名(工号)\t类别\n甲某 001\t定期\n乙某 002\t不定期"
    lead.page.fill("#paste", text)
    end_sessions(world)
    with lead.answered(401):
        lead.press("核对")
    expect(lead.page.locator(".gate-form")).to_contain_text("刚才填的内容会接着保存")
    lead.page.fill("#login", "lead1")
    lead.page.fill("#password", PASSWORD)
    lead.press("登录")
    lead.press("接着保存")
    assert lead.page.input_value("#paste").replace("\r\n", "\n") == text
    lead.press("添加这 2 行")
    assert people(world) == ["甲某 001", "乙某 002"]


def test_an_expired_session_while_scoring(world: World, server: Server, visit: Visit) -> None:
    reviewer = reviewer_at(world, server, visit, "A2")
    reviewer.page.fill('[name="points.A2"]', "1.5")
    reviewer.page.fill('[name="reason.A2"]', "只开了一次，纪要不全")
    end_sessions(world)
    with reviewer.answered(401), reviewer.page.expect_navigation(url=SIGN_IN):
        reviewer.page.locator("[data-save]").click()
    reviewer.page.fill("#login", "rev1")
    reviewer.page.fill("#password", PASSWORD)
    reviewer.press("登录")
    expect(reviewer.page.locator("#notes")).to_contain_text("上次没保存上的内容已放回原处")
    assert reviewer.page.input_value('[name="points.A2"]') == "1.5"
    assert reviewer.page.input_value('[name="reason.A2"]') == "只开了一次，纪要不全"
    reviewer.page.locator("[data-save]").click()
    reviewer.page.wait_for_url(lambda url: not url.endswith("/indicators/A2"))
    marks = panel_ground.marks(world, "A2")
    assert [(login, str(m.points), m.reason) for login, m in marks.items()] == [
        ("rev1", "3/2", "只开了一次，纪要不全")
    ]
