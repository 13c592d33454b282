"""The scoring page by keyboard in a real browser: every key does what its button does."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.e2e.harness import serving
from tests.integration.panel_ground import attach, marks, submit
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser

POINTS = '[name="points.A2"]'


@pytest.fixture
def page(world: World, app: Flask, browser: Browser) -> Iterator[Page]:
    """Signed in as the first reviewer, on A2 of the first unit; script errors fail the test."""
    submit(world)
    attach(world, "g01", "slot:A2#1", "方案.docx", "application/msword")
    attach(world, "g01", "clause:A2", "纪要.docx", "application/msword")
    complaints: list[str] = []
    with serving(app) as server:
        context = browser.new_context(base_url=server.url)
        shown = context.new_page()
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.goto("/sign-in")
        shown.fill("[name=login]", "rev1")
        shown.fill("[name=password]", PASSWORD)
        shown.press("[name=password]", "Enter")
        shown.wait_for_url("**/panel")
        shown.goto(f"/panel/entries/{world.entries['g01']}/indicators/A2")
        yield shown
        context.close()
    assert complaints == []


def value(page: Page) -> str:
    return page.input_value(POINTS)


def pressed(page: Page) -> list[str | None]:
    buttons: list[Any] = page.query_selector_all("button[data-ded]")
    return [b.get_attribute("aria-pressed") for b in buttons]


def test_number_keys_toggle_deductions_and_move_the_score(page: Page) -> None:
    assert (value(page), pressed(page)) == ("4", ["true", "true", "false", "false"])
    page.keyboard.press("2")
    assert (value(page), pressed(page)) == ("5", ["true", "false", "false", "false"])
    page.keyboard.press("1")
    assert value(page) == "7"
    page.keyboard.press("5")
    assert value(page) == "0"
    page.keyboard.press("5")
    page.keyboard.press("1")
    page.keyboard.press("2")
    assert value(page) == "4"


def test_typed_deductions_and_times_count_too(page: Page) -> None:
    page.keyboard.press("4")
    page.keyboard.type("0.5")
    assert value(page) == "3.5"
    page.fill('[name="times.A2.event.理事会"]', "2")
    assert value(page) == "1.5"


def test_minus_and_plus_stay_within_the_clause(page: Page) -> None:
    page.fill(POINTS, "6.95")
    page.click('[data-step="1/10"]')
    assert value(page) == "7"
    page.fill(POINTS, "0")
    page.click('[data-step="-1/10"]')
    assert value(page) == "0"


def test_shortcuts_rest_while_one_types(page: Page) -> None:
    page.focus("textarea")
    page.keyboard.type("12jk?s")
    assert page.input_value("textarea") == "12jk?s"
    assert value(page) == "4"
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    assert value(page) == "5"


def test_s_then_enter_saves_and_goes_on(page: Page, world: World) -> None:
    page.keyboard.press("s")
    page.keyboard.type("4")
    assert value(page) == "4"
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/entries/{world.entries['g02']}/indicators/A2**")
    assert marks(world, "A2")["rev1"].points == Fraction(4)


def test_enter_confirms_the_proposal(page: Page, world: World) -> None:
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/entries/{world.entries['g02']}/indicators/A2**")
    assert marks(world, "A2")["rev1"].points == Fraction(4)


def test_a_refusal_stays_on_the_page_with_the_text(page: Page, world: World) -> None:
    page.fill(POINTS, "9")
    page.keyboard.press("Enter")
    expect(page.locator("#problem-1")).to_have_text("请填 0 — 7")
    assert value(page) == "9"
    assert page.evaluate("document.activeElement.name") == "points.A2"
    page.fill(POINTS, "4")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/entries/{world.entries['g02']}/indicators/A2**")


def test_j_and_k_walk_the_queue(page: Page, world: World) -> None:
    page.keyboard.press("j")
    page.wait_for_url(f"**/entries/{world.entries['g02']}/indicators/A2**")
    page.keyboard.press("k")
    page.wait_for_url(f"**/entries/{world.entries['g01']}/indicators/A2**")


def test_arrows_change_the_evidence(page: Page) -> None:
    name = page.locator(".viewer-bar [data-viewer-name]")
    expect(name).to_have_text("方案.docx")
    page.keyboard.press("ArrowRight")
    expect(name).to_have_text("纪要.docx")
    expect(page.locator("[data-viewer-download]").first).to_have_attribute("href", "/files/2")
    page.keyboard.press("ArrowRight")
    expect(name).to_have_text("纪要.docx")
    page.keyboard.press("ArrowLeft")
    expect(name).to_have_text("方案.docx")


def test_the_question_mark_opens_and_closes_the_help(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    page.keyboard.press("2")
    assert value(page) == "4"
    page.keyboard.press("Escape")
    expect(page.locator("#keys-help")).to_be_hidden()
