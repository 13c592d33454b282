"""分工 and 双方确认 in a real browser: the lead at a desk, the member school on a telephone."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Page

from tests.e2e.harness import Visitor, serving
from tests.integration.filing_ground import answers, at, files, rows
from tests.integration.test_confirmation import lay_row
from tests.world import PASSWORD, Client, World

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
DUE = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()


def narrow(page: Page) -> bool:
    """Whether nothing sticks out of the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_handed_out_filled_in_disputed_and_taken_over(
    world: World, app: Flask, visit: Callable[..., Visitor], client_for: Callable[[str], Client]
) -> None:
    row = lay_row(client_for("lead1"), world)
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(picture, "PNG")
    with serving(app) as server:
        lead, member = visit(server), visit(server, size=PHONE)
        lead.sign_in("lead1", PASSWORD)
        member.sign_in("member1", PASSWORD)
        assert "还没有分给本校的内容" in member.words()

        lead.go(at(world, rest="/sharing"))
        lead.page.focus('[value="clause:A2@s2"]')
        lead.page.keyboard.press("Space")
        lead.page.fill("#due", DUE)
        lead.page.fill("#note", "盖章后扫描")
        lead.press("分出勾选的")
        lead.press("教师交流名册")
        lead.page.check(f'[value="row:{row.id}@s2"]')
        lead.page.fill("#due", DUE)
        lead.press("分出勾选的")
        assert "分出 2 处，已完成 0 处" in lead.words()

        member.go(at(world))
        assert narrow(member.page)
        assert member.words().count(DUE) == 2
        member.follow(member.page.get_by_role("link", name="去填").first)
        assert narrow(member.page)
        with member.saving("/answers"):
            member.page.get_by_label("理事会（上学期）").fill("2")
            member.page.keyboard.press("Tab")
        sent = {"name": "纪要.png", "mimeType": "image/png", "buffer": picture.getvalue()}
        member.page.locator("[id^=slots-] input[type=file]").first.set_input_files([sent])  # type: ignore[list-item]
        member.page.get_by_text("纪要.png").first.wait_for()
        member.settle()
        member.press("标为已完成")

        member.go(at(world, rest="/confirmations"))
        assert narrow(member.page)
        member.press("有异议")
        assert narrow(member.page)
        member.page.fill("#p-end", "2030-12-31")
        member.page.fill("#note", "12 月已回原校")
        member.press("提出异议")
        assert "有异议 1 行" in member.words()

        lead.go(at(world))
        assert "分出 2 处，已完成 1 处" in lead.words()
        lead.press("双方确认")
        assert "12 月已回原校" in lead.words()
        lead.press("采纳，改成这样")
        assert "已确认 1 行" in lead.words()

        member.go(at(world, rest="/confirmations"))
        assert "已确认 1 行" in member.words()
        assert "2030-12-31" in member.words()
        member.go(at(world, "B1"))
        assert "已确认" in member.page.locator(f"#row-{row.id}").inner_text()
    assert answers(world)["A2.上学期"] == (2, 1)
    assert [e.name for e, _refs in files(world)] == ["纪要.png"]
    assert rows(world, "exchange")[0].cells["end"] == "2030-12-31"
