"""The charts of the leader's page in a real browser: drawn from the numbers of their tables, under the strict policy.

A violation of the content security policy, a script error or a warning is a complaint of the visitor and fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from tests.e2e.harness import DESKTOP, PHONE, Server, Visit, Visitor, serving
from tests.integration import comparison_ground as ground
from tests.integration.comparison_ground import HOSTILE, Compared
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser

KINDS = ("heat", "profile", "history", "spread", "own")


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    with serving(app) as running:
        yield running


def board(
    visit: Visit, server: Server, laid: Compared, size: dict[str, int], *, script: bool = True
) -> Visitor:
    visitor = visit(server, size=size, script=script)
    visitor.sign_in("leader", PASSWORD)
    visitor.go(f"/leader/cycles/{laid.cycles[-1]}/charts")
    return visitor


def table(page: Page, kind: str) -> Locator:
    return page.locator(f"#{kind} details.chart-data table").first


def texts(place: Locator) -> list[str]:
    return [text.strip() for text in place.all_text_contents()]


def drawn_texts(page: Page, kind: str) -> list[str]:
    return texts(page.locator(f"#{kind} svg text"))


def test_every_chart_is_drawn_from_the_numbers_of_its_table(
    world: World, server: Server, visit: Visit
) -> None:
    laid = ground.lay(world, units=6, dimensions=4, each=3)
    foreign: list[str] = []
    visitor = visit(server, size=DESKTOP)
    page = visitor.page
    page.on("request", lambda r: None if r.url.startswith(server.url) else foreign.append(r.url))
    visitor.sign_in("leader", PASSWORD)
    visitor.go(f"/leader/cycles/{laid.cycles[-1]}/charts")
    for kind in KINDS:
        expect(page.locator(f"#{kind} .chart svg")).to_have_count(1)
        assert page.locator(f"#{kind} .chart svg path").count() > 5, kind
        assert page.locator(f"#{kind} details.chart-data").get_attribute("open") is None
        assert page.locator(f"#{kind} canvas").count() == 0

    cells = texts(table(page, "heat").locator("td"))
    assert len(cells) == (6 + 1) * 12
    drawn = drawn_texts(page, "heat")
    numbers = [text for text in drawn if text.isdigit()]
    heads = [c.no for c in laid.rubric.indicators]
    for value in heads:
        numbers.remove(value)
    assert sorted(numbers) == sorted(c for c in cells if c != "—")
    assert cells.count("—") == 1
    names = texts(table(page, "heat").locator("tbody th"))
    assert set(names) <= set(drawn)
    assert HOSTILE in drawn
    gaps = texts(table(page, "own").locator("td:last-child"))
    assert sorted(t for t in drawn_texts(page, "own") if t.lstrip("+−").replace(".", "").isdigit()) == sorted(
        gaps
    )
    own, mean = (texts(table(page, "profile").locator(f"td:nth-of-type({n})")) for n in (1, 2))
    for a, b in zip(own, mean, strict=True):
        assert f"{a} / {b}" in drawn_texts(page, "profile")
    picked = page.locator("#history tr.picked td")
    assert {text.split("（")[0] for text in texts(picked)} <= set(drawn_texts(page, "history"))
    assert page.locator("[style]:not(.chart, .chart *)").count() == 0
    assert foreign == []


def test_a_cell_leads_to_its_ledger_and_a_name_is_only_text(
    world: World, server: Server, visit: Visit
) -> None:
    laid = ground.lay(world, units=3, dimensions=2, each=2)
    page = board(visit, server, laid, DESKTOP).page
    assert page.locator("img[src=x]").count() == 0
    number = page.locator("#heat svg text", has_text="100").first
    number.hover()
    expect(page.locator("#heat svg text", has_text="得分率 100%").first).to_be_visible()
    with page.expect_navigation():
        number.click()
    at = urlsplit(page.url)
    code = parse_qs(at.query)["code"][0]
    entry = int(at.path.rsplit("/", 1)[1])
    assert entry in laid.entries
    assert code in [c.code for c in laid.rubric.indicators]
    expect(page.locator("h1")).to_contain_text("结果排名")


def test_sixty_units_and_forty_indicators_can_be_read(world: World, server: Server, visit: Visit) -> None:
    laid = ground.lay(world, units=60, dimensions=4, each=10, earlier=0)
    page = board(visit, server, laid, DESKTOP).page
    numbers = page.locator("#heat svg text")
    sizes = numbers.evaluate_all("all => all.map(e => parseFloat(getComputedStyle(e).fontSize))")
    assert len(sizes) >= 60 * 40
    assert min(sizes) >= 12
    assert page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]
    overlaps = numbers.evaluate_all(
        """all => {
          const boxes = all.filter(e => /^\\d+$/.test(e.textContent)).map(e => e.getBoundingClientRect());
          const rows = new Map();
          boxes.forEach(b => { const k = Math.round(b.top); if (!rows.has(k)) rows.set(k, []); rows.get(k).push(b); });
          let n = 0;
          rows.forEach(row => { row.sort((a, b) => a.left - b.left); for (let i = 1; i < row.length; i++) if (row[i].left < row[i - 1].right) n++; });
          return n;
        }"""
    )
    assert overlaps == 0


def test_the_charts_follow_the_window(world: World, server: Server, visit: Visit) -> None:
    laid = ground.lay(world, units=4)
    page = board(visit, server, laid, DESKTOP).page
    before = page.locator("#spread svg").evaluate("e => e.getBoundingClientRect().width")
    page.set_viewport_size({"width": 800, "height": 700})
    expect(page.locator("#spread svg")).not_to_have_attribute("width", str(int(before)))
    after = page.locator("#spread svg").evaluate("e => e.getBoundingClientRect().width")
    assert after < before
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    page.set_viewport_size(PHONE)
    expect(page.locator("#heat .chart-box")).to_be_hidden()
    assert page.locator("#heat details.chart-data").get_attribute("open") is not None


def test_on_a_phone_the_heat_map_is_a_table(world: World, server: Server, visit: Visit) -> None:
    laid = ground.lay(world, units=5)
    page = board(visit, server, laid, PHONE).page
    expect(page.locator("#heat .chart-box")).to_be_hidden()
    expect(table(page, "heat")).to_be_visible()
    for kind in KINDS[1:]:
        expect(page.locator(f"#{kind} .chart svg")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(table(page, "heat").locator("a[href*='code=A1']").first).to_be_visible()


def test_without_javascript_the_tables_are_there(world: World, server: Server, visit: Visit) -> None:
    laid = ground.lay(world, units=4)
    page = board(visit, server, laid, DESKTOP, script=False).page
    for kind in KINDS:
        expect(table(page, kind)).to_be_visible()
        expect(page.locator(f"#{kind} .chart-box")).to_be_hidden()
    page.select_option("#f-unit", str(laid.entries[2]))
    with page.expect_navigation():
        page.get_by_role("button", name="查看").click()
    assert f"unit={laid.entries[2]}" in page.url
    name = page.locator(f"#f-unit option[value='{laid.entries[2]}']").inner_text()
    expect(page.locator("#profile h2")).to_have_text(name)


@pytest.mark.parametrize("units", [12, 60])
def test_the_one_page_fits_a4(world: World, server: Server, visit: Visit, tmp_path: Path, units: int) -> None:
    laid = ground.lay(world, units=units, dimensions=4, each=5)
    visitor = board(visit, server, laid, DESKTOP)
    visitor.page.pdf(path=str(tmp_path / "charts.pdf"), prefer_css_page_size=True)
    charts = (tmp_path / "charts.pdf").read_bytes()
    assert pages(charts) >= 2
    expect(visitor.page.locator("#heat .chart svg")).to_be_visible()  # back on the screen after printing
    visitor.go(f"/leader/cycles/{laid.cycles[-1]}")
    visitor.page.pdf(path=str(tmp_path / "page.pdf"), prefer_css_page_size=True)
    assert pages((tmp_path / "page.pdf").read_bytes()) == 1


def pages(data: bytes) -> int:
    return data.count(b"/Type /Page\n") + data.count(b"/Type /Page/") + data.count(b"/Type /Page ")
