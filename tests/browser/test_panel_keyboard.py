"""The scoring page by keyboard in a real browser: every key does what its button does."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlmodel import select

from intranet.models import Answer, Entry, Mark, Phrase
from tests.e2e.harness import serving
from tests.integration.panel_ground import FIELDS, attach, marks, more_units, submit
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser

POINTS = '[name="points.A2"]'
REASON = '[name="reason.A2"]'


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
    page.focus(REASON)
    page.keyboard.type("12jk?s")
    assert page.input_value(REASON) == "12jk?s"
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


# --- the keys of the desk -------------------------------------------------------------------------


def test_w_writes_why_a_proposal_is_not_taken(page: Page, world: World) -> None:
    page.keyboard.press("2")
    assert value(page) == "5"
    page.keyboard.press("w")
    assert page.evaluate("document.activeElement.name") == "waive.A2.materials"
    page.keyboard.type("纪要会后已补交")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/entries/{world.entries['g02']}/indicators/A2**")
    stored = marks(world, "A2")["rev1"]
    assert (stored.points, stored.reason) == (5, "少一样材料不扣：纪要会后已补交")
    assert [d.get("waived", False) for d in stored.deductions] == [False, True]


def test_a_proposal_without_a_word_leads_to_its_field(page: Page, world: World) -> None:
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#problem-1")).to_have_text("系统建议扣“少一样材料”。不扣的话，请写明理由。")
    page.wait_for_function("document.activeElement.name === 'waive.A2.materials'")
    page.keyboard.type("会后补交")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/entries/{world.entries['g02']}/indicators/A2**")
    assert marks(world, "A2")["rev1"].deductions[1]["reason"] == "会后补交"


def test_p_and_a_digit_insert_a_ready_made_comment(page: Page, world: World) -> None:
    _keep(world, "材料齐全规范", "纪要过简")
    page.reload()
    page.keyboard.press("p")
    expect(page.locator("[data-word] .kbd").nth(1)).to_have_text("2")
    page.keyboard.press("2")
    assert page.input_value(REASON) == "纪要过简"
    assert pressed(page) == ["true", "true", "false", "false"]
    page.keyboard.press("p")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    assert pressed(page) == ["false", "true", "false", "false"]
    assert page.input_value(REASON) == "纪要过简"


def test_what_was_switched_off_comes_back_with_its_reason_after_a_reload(page: Page) -> None:
    page.keyboard.press("2")
    page.keyboard.press("w")
    page.keyboard.type("已补交")
    page.reload()
    expect(page.locator('[name="waive.A2.materials"]')).to_have_value(
        "已补交"
    )  # the draft comes after the page
    assert (value(page), pressed(page)) == ("5", ["true", "false", "false", "false"])


def test_twenty_units_are_scored_without_touching_the_mouse(page: Page, world: World) -> None:
    """All by keys: most are confirmed, one proposal is waived with its reason, one score is changed with a
    ready-made comment, one is typed where the facts propose nothing."""
    more_units(world, 18)
    ids = _entries(world)
    assert len(ids) == 20
    _keep(world, "纪要过简")
    with world.write() as session:
        for entry_id in ids[2:-1]:
            for key, filed in FIELDS.items():
                session.add(
                    Answer(
                        entry_id=entry_id,
                        owner="school",
                        key=key,
                        value=filed,
                        changed_by=world.users["lead1"],
                    )
                )
        session.commit()
    page.goto(f"/panel/cycles/{world.cycle_id}")
    page.keyboard.press("Tab")
    first = page.locator('a[href*="/indicators/A2"]').first
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/indicators/A2**")
    wanted: dict[int, tuple[Fraction, str]] = {}
    for n in range(20):
        here = page.url
        at = int(here.split("/entries/")[1].split("/")[0])
        expect(page.locator("#score-form")).to_be_visible()
        offered = value(page)
        wanted[at] = Fraction(offered or 2), ""
        if not offered:
            page.keyboard.press("s")
            page.keyboard.type("2")
            page.keyboard.press("Escape")
        elif n % 7 == 0:
            page.keyboard.press("1")
            page.keyboard.press("w")
            page.keyboard.type("会议另有纪要")
            page.keyboard.press("Escape")
            wanted[at] = Fraction(offered) + 2, "少一次理事会不扣：会议另有纪要"
        elif n % 7 == 1:
            page.keyboard.press("s")
            page.keyboard.type("3.5")
            page.keyboard.press("Escape")
            page.keyboard.press("p")
            page.keyboard.press("1")
            wanted[at] = Fraction(7, 2), "纪要过简"
        page.keyboard.press("Enter")
        more = n < 19
        page.wait_for_url(lambda url, here=here, more=more: url != here and more == ("/indicators/A2" in url))
    assert sorted(wanted) == ids
    with world.read() as session:
        found = session.exec(
            select(Mark).where(Mark.code == "A2", Mark.role == "panel", Mark.user_id == world.users["rev1"])
        ).all()
    assert {m.entry_id: (m.points, m.reason) for m in found} == wanted
    reasons = [reason for _points, reason in wanted.values()]
    assert "少一次理事会不扣：会议另有纪要" in reasons
    assert "纪要过简" in reasons
    waiver = next(d for m in found for d in m.deductions if d.get("waived"))
    assert (waiver["key"], waiver["reason"]) == ("event.理事会", "会议另有纪要")


def test_twenty_units_are_typed_down_the_grid(page: Page, world: World) -> None:
    more_units(world, 18)
    page.goto(f"/panel/cycles/{world.cycle_id}/grid?code=A2")
    boxes = page.locator("input[data-grid-box]")
    assert boxes.count() == 20
    for n in range(20):
        row = page.locator("tr[data-grid-row]").nth(n)
        offered = row.get_attribute("data-offer")
        page.keyboard.type("=" if offered else "3")
        page.keyboard.press("Enter")
    expect(page.locator("tr[data-grid-row] .st-done")).to_have_count(20)
    with world.read() as session:
        found = session.exec(
            select(Mark).where(Mark.code == "A2", Mark.role == "panel", Mark.user_id == world.users["rev1"])
        ).all()
    assert sorted(str(m.points) for m in found) == ["3"] * 18 + ["4"] * 2


def test_a_row_of_the_grid_asks_for_its_reason_by_itself(page: Page, world: World) -> None:
    page.goto(f"/panel/cycles/{world.cycle_id}/grid?code=A2")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name").startswith("reason.")
    page.keyboard.type("现场核实")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-grid-row] .st-done")).to_have_count(1)
    first = page.locator("tr[data-grid-row]").first.get_attribute("id")
    unit = next(u for u, i in world.entries.items() if first == f"grid-{i}")
    assert marks(world, "A2", unit)["rev1"].reason == "现场核实"


def _entries(world: World) -> list[int]:
    with world.read() as session:
        return sorted(session.exec(select(Entry.id).where(Entry.cycle_id == world.cycle_id)).all())  # type: ignore[type-var]


def _keep(world: World, *texts: str) -> None:
    with world.write() as session:
        for text in texts:
            session.add(Phrase(cycle_id=world.cycle_id, user_id=world.users["rev1"], text=text))
        session.commit()
