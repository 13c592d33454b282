"""A school fills in, uploads and hands in without touching the mouse."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from intranet.demo import sample_pdf
from intranet.enums import SubmissionState
from intranet.models import Entry
from tests.e2e.harness import Visit, Visitor, serving
from tests.integration.filing_ground import answers, at, files, rows
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser


def tab_to(page: Page, selector: str, *, most: int = 80) -> None:
    """Press the Tab key until what matches has the focus, and is seen to have it."""
    for _press in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            seen = page.evaluate(
                "() => { const e = document.activeElement; const at = e.closest('label') || e;"
                " const look = [e, at].map(x => getComputedStyle(x));"
                " return look.some(s => s.outlineStyle !== 'none' || s.boxShadow !== 'none'); }"
            )
            assert seen, f"{selector} does not show that it has the focus"
            return
    raise AssertionError(f"{selector} cannot be reached with the Tab key")


def go_by(visitor: Visitor, selector: str) -> None:
    """Tab to a link or button that leads to a page, and press Enter."""
    tab_to(visitor.page, selector)
    with visitor.page.expect_navigation(wait_until="load"):
        visitor.page.keyboard.press("Enter")


def test_filled_in_uploaded_and_handed_in_by_keyboard(world: World, app: Flask, visit: Visit) -> None:
    with serving(app) as server:
        lead = visit(server)
        page, keys = lead.page, lead.page.keyboard
        lead.go("/sign-in")
        tab_to(page, "#login")
        keys.type("lead1")
        tab_to(page, "#password")
        keys.type(PASSWORD)
        with page.expect_navigation(wait_until="load"):
            keys.press("Enter")
        lead.go(at(world, "A2"))

        # Fields: each saves itself as it is left, and the focus stays where the person is.
        tab_to(page, '[name="f:A2.done"]')
        with lead.saving("/answers"):
            keys.press("Space")
        assert page.evaluate("document.activeElement.name") == "f:A2.done"
        tab_to(page, '[name="f:A2.上学期"]', most=1)
        keys.type("2")
        with lead.saving("/answers"):
            keys.press("Tab")
        assert page.evaluate("document.activeElement.name") == "f:A2.下学期"
        keys.type("1")
        with lead.saving("/answers"):
            keys.press("Tab")
        assert {k: v for k, (v, _version) in answers(world).items()} == {
            "A2.done": True,
            "A2.上学期": 2,
            "A2.下学期": 1,
        }

        # A material.
        tab_to(page, '[data-place="slot:A2#1"] input[type=file][multiple]')
        with page.expect_file_chooser() as chooser:
            keys.press("Space")
        plan = {"name": "方案.pdf", "mimeType": "application/pdf", "buffer": sample_pdf(["会议方案"])}
        chooser.value.set_files([plan])  # type: ignore[list-item]
        expect(page.locator('[data-place="slot:A2#1"] .chip', has_text="方案.pdf")).to_be_visible()
        lead.settle()
        tab_to(page, 'form:has(input[name=slot][value="A2#2"]) button')
        with lead.saving("/slots"):
            keys.press("Enter")

        # A row.
        go_by(lead, 'a[href*="/indicators/B1"]')
        tab_to(page, "#table-exchange a[href*='new']")
        keys.press("Enter")
        expect(page.locator("#exchange-new-person")).to_be_visible()
        lead.settle()
        if not page.evaluate("document.activeElement.id === 'exchange-new-person'"):
            tab_to(page, "#exchange-new-person", most=3)
        keys.type("甲某 001")
        tab_to(page, "#exchange-new-category", most=3)
        keys.press("ArrowDown")
        tab_to(page, "#exchange-new-start", most=10)
        keys.type("2030年9月1日")
        with lead.saving("/tables/exchange/rows"):
            keys.press("Enter")
        (row,) = rows(world, "exchange")
        assert [row.cells[k] for k in ("person", "category", "start")] == ["甲某 001", "不定期", "2030-09-01"]

        # The check, and handing in.
        go_by(lead, f'a[href="{at(world)}"]')
        go_by(lead, 'a[href$="/check"]')
        tab_to(page, "input[name=known]")
        keys.press("Space")
        go_by(lead, 'form[action$="/submit"] button')
        expect(page.get_by_role("heading", name="提交回执", exact=True)).to_be_visible()
    assert [e.name for e, _refs in files(world)] == ["方案.pdf"]
    with world.read() as session:
        entry = session.exec(select(Entry).where(col(Entry.id) == world.entries["g01"])).one()
        assert entry.state == SubmissionState.SUBMITTED
