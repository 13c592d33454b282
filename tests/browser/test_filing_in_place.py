"""A block from a spreadsheet is added, and many files find their places, without a page being loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from intranet.demo import sample_pdf
from intranet.models import FactRow
from tests.e2e.harness import PHONE, Server, Visit, Visitor, serving
from tests.integration.filing_ground import at, files, rows, save
from tests.world import PASSWORD, Client, World

pytestmark = pytest.mark.browser

BLOCK = "姓名(工号)\t类别\n甲某 001\t定期\n乙某 002\t不定期\n"
PLACE = "#paste-exchange"


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    with serving(app) as running:
        yield running


@pytest.fixture
def lead(world: World, server: Server, visit: Visit) -> Visitor:
    visitor: Visitor = visit(server)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.sign_in("lead1", PASSWORD)
    visitor.go(at(world, "B1"))
    stay(visitor.page)
    return visitor


def stay(page: Page) -> None:
    """Mark the page: a navigation would lose the mark."""
    page.evaluate("() => { window.stayed = true; }")


def has_stayed(page: Page) -> bool:
    return bool(page.evaluate("() => window.stayed === true"))


def copy(page: Page, text: str) -> None:
    page.evaluate("text => navigator.clipboard.writeText(text)", text)


def people(world: World) -> list[str]:
    return [row.cells["person"] for row in rows(world, "exchange")]


def save_row(world: World, person: str) -> None:
    with world.write() as session:
        cells = {"person": person, "category": "定期", "start": "2030-09-01", "document": True}
        session.add(
            FactRow(
                entry_id=world.entries["g01"],
                table="exchange",
                position=0,
                cells=cells,
                created_by=world.users["lead1"],
            )
        )
        session.commit()


# --- copying a row -------------------------------------------------------------------------------


def test_a_copied_row_is_typed_over_and_outlives_a_reload(world: World, lead: Visitor) -> None:
    page, panel = lead.page, lead.page.locator("#table-exchange")
    panel.get_by_role("link", name="加一行").click()
    page.fill("#exchange-new-person", "甲某 001")
    page.select_option("#exchange-new-category", "定期")
    page.fill("#exchange-new-start", "2030-09-01")
    panel.get_by_role("button", name="保存并复制").click()
    expect(panel.locator("tbody tr", has_text="甲某 001")).to_have_count(1)
    person = page.locator("#exchange-new-person")
    expect(person).to_be_focused()
    page.keyboard.type("乙某 002")  # what was copied is selected: typing replaces it
    expect(person).to_have_value("乙某 002")
    page.reload()
    expect(person).to_have_value("乙某 002")
    expect(page.locator("#exchange-new-start")).to_have_value("2030-09-01")
    panel.get_by_role("button", name="保存这一行").click()
    expect(panel.locator("tbody tr", has_text="乙某 002")).to_have_count(1)
    assert people(world) == ["甲某 001", "乙某 002"]
    assert [row.cells["start"] for row in rows(world, "exchange")] == ["2030-09-01", "2030-09-01"]


# --- a row saves itself ----------------------------------------------------------------------------


def opened(page: Page, person: str) -> str:
    """Open the row; the ids of its fields begin so."""
    page.locator("#table-exchange").get_by_role("link", name=person).click()
    box = page.locator("#table-exchange [name='c:person']")
    expect(box).to_be_focused()
    return "#" + str(box.get_attribute("id")).removesuffix("person")


def test_each_cell_of_a_row_saves_itself_as_it_is_left(world: World, lead: Visitor) -> None:
    page, panel = lead.page, lead.page.locator("#table-exchange")
    save_row(world, "甲某 001")
    lead.go(at(world, "B1"))
    stay(page)
    here = opened(page, "甲某 001")
    with lead.saving("/rows/"):
        page.fill(f"{here}end", "2030年10月20日")
        page.keyboard.press("Tab")
    assert rows(world, "exchange")[0].cells["end"] == "2030-10-20"
    expect(page.locator(f"{here}end")).to_have_value("2030-10-20")  # what was understood
    expect(panel.locator(".row-now")).to_contain_text("满 1 个月 0 分")
    expect(page.locator("[data-save-status='']")).to_contain_text("已保存")
    with lead.saving("/rows/", 422):
        page.fill(f"{here}end", "去年秋天")
        page.keyboard.press("Tab")
    expect(page.locator(f"{here}end-state")).to_contain_text("不是日期")
    assert rows(world, "exchange")[0].cells["end"] == "2030-10-20"
    with lead.saving("/rows/"):
        page.fill(f"{here}end", "2030-12-20")
        page.keyboard.press("Tab")
    expect(page.locator(f"{here}end-state")).to_have_text("")
    expect(panel.locator(".row-now")).to_contain_text("满 3 个月")
    page.fill(f"{here}end", "2031-06-30")
    page.keyboard.press("Enter")
    expect(panel.locator(".row-form")).to_have_count(0)
    assert rows(world, "exchange")[0].cells["end"] == "2031-06-30"
    assert has_stayed(page)


def test_cancelling_takes_back_what_saved_itself(world: World, lead: Visitor) -> None:
    page, panel = lead.page, lead.page.locator("#table-exchange")
    save_row(world, "甲某 001")
    lead.go(at(world, "B1"))
    here = opened(page, "甲某 001")
    with lead.saving("/rows/"):
        page.select_option(f"{here}category", "不定期")
        page.keyboard.press("Tab")
    page.fill(f"{here}person", "乙某 002")
    panel.get_by_role("link", name="取消").click()
    expect(panel.locator(".row-form")).to_have_count(0)
    expect(panel).to_contain_text("甲某 001")
    (row,) = rows(world, "exchange")
    assert (row.cells["person"], row.cells["category"]) == ("甲某 001", "定期")
    page.wait_for_function("() => !Object.keys(localStorage).some(key => key.startsWith('draft:'))")


def test_the_cell_to_put_right_has_the_focus(world: World, lead: Visitor) -> None:
    page, panel = lead.page, lead.page.locator("#table-exchange")
    panel.get_by_role("link", name="加一行").click()
    page.fill("#exchange-new-person", "甲某 001")
    page.fill("#exchange-new-start", "去年秋天")
    with lead.answered(422):
        panel.get_by_role("button", name="保存这一行").click()
        expect(panel.locator(".row-form .msg")).to_contain_text("不是日期")
    expect(page.locator("#exchange-new-start")).to_be_focused()


def test_a_block_goes_in_beside_a_copy(world: World, lead: Visitor) -> None:
    page, panel = lead.page, lead.page.locator("#table-exchange")
    panel.get_by_role("link", name="加一行").click()
    page.fill("#exchange-new-person", "丙某 003")
    page.select_option("#exchange-new-category", "定期")
    panel.get_by_role("button", name="保存并复制").click()
    expect(page.locator("#exchange-new-category")).to_have_value("定期")
    copy(page, BLOCK)
    page.locator("#exchange-new-person").press("Control+V")
    page.locator(PLACE).get_by_role("button", name="添加这 2 行").click()
    expect(panel.locator("tbody tr", has_text="甲某 001")).to_have_count(1)
    assert people(world) == ["丙某 003", "甲某 001", "乙某 002"]
    expect(page.locator("#exchange-new-person")).to_have_value("丙某 003")
    expect(page.locator("#exchange-new-category")).to_have_value("定期")


# --- the official list ---------------------------------------------------------------------------


def test_a_line_is_moved_by_the_keyboard_without_losing_the_place(world: World, lead: Visitor) -> None:
    page = lead.page
    for person in ("甲某 001", "乙某 002", "丙某 003"):
        lead.go(f"{at(world, 'B1')}?table=exchange&row=new")
        page.fill("#exchange-new-person", person)
        page.select_option("#exchange-new-category", "定期")
        page.get_by_role("button", name="保存这一行").click()
        expect(page.locator("#table-exchange tbody tr", has_text=person)).to_have_count(1)
    lead.go(at(world, rest="/forms/progress"))
    stay(page)
    lines = page.locator("#official tbody tr")
    first = lines.nth(0).inner_text()
    page.locator("#official").get_by_role("button", name="下移第 1 行").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="下移第 2 行")).to_be_focused()
    assert lines.nth(1).inner_text().split("\t")[1:3] == first.split("\t")[1:3]
    assert has_stayed(page)


# --- pasting -------------------------------------------------------------------------------------


def test_ctrl_v_then_enter_adds_the_block(world: World, lead: Visitor) -> None:
    page = lead.page
    copy(page, BLOCK)
    page.locator("#table-exchange h2").click()
    with lead.saving("/tables/exchange/paste"):
        page.keyboard.press("Control+V")
    expect(page.locator(PLACE).get_by_role("heading")).to_have_text("核对 2 行")
    assert people(world) == []
    expect(page.get_by_role("button", name="添加这 2 行")).to_be_focused()
    with lead.saving("/tables/exchange/paste"):
        page.keyboard.press("Enter")
    expect(page.locator("#table-exchange [data-added]")).to_be_focused()
    expect(page.locator("#table-exchange tbody .head b")).to_have_text(["甲某 001", "乙某 002"])
    expect(page.locator("#table-exchange")).to_contain_text("归不到任何条款")
    expect(page.locator(PLACE)).to_be_hidden()
    assert people(world) == ["甲某 001", "乙某 002"]
    assert has_stayed(page)
    assert page.evaluate("() => Object.keys(localStorage).filter(k => k.startsWith('draft:'))") == []


def test_the_page_as_such_takes_a_block_for_its_only_table(world: World, lead: Visitor) -> None:
    copy(lead.page, BLOCK)
    lead.page.locator("h1").click()
    with lead.saving("/tables/exchange/paste"):
        lead.page.keyboard.press("Control+V")
    expect(lead.page.locator(PLACE).get_by_role("heading")).to_have_text("核对 2 行")


def test_one_cell_goes_into_its_field_and_a_block_does_not(world: World, lead: Visitor) -> None:
    """What is half typed in a row outlives the block that is added meanwhile."""
    page = lead.page
    page.locator("#table-exchange").get_by_role("link", name="加一行").click()
    person = page.locator("#exchange-new-person")
    copy(page, "丙某 003\r\n")  # as Excel copies one cell
    person.click()
    page.keyboard.press("Control+V")
    expect(person).to_have_value("丙某 003")
    expect(page.locator(PLACE)).to_be_hidden()

    copy(page, BLOCK)
    with lead.saving("/tables/exchange/paste"):
        page.keyboard.press("Control+V")
    expect(person).to_have_value("丙某 003")
    with lead.saving("/tables/exchange/paste"):
        page.get_by_role("button", name="添加这 2 行").click()
    expect(person).to_have_value("丙某 003")
    assert people(world) == ["甲某 001", "乙某 002"]
    with lead.saving("/tables/exchange/rows"):
        page.locator(".row-form").get_by_role("button", name="保存这一行").click()
    assert people(world) == ["甲某 001", "乙某 002", "丙某 003"]
    assert has_stayed(page)


def test_wrong_cells_are_put_right_in_place(world: World, lead: Visitor) -> None:
    page, place = lead.page, lead.page.locator(PLACE)
    page.locator("#table-exchange").get_by_role("link", name="从表格粘贴").click()
    box = place.locator("textarea")
    expect(box).to_be_focused()
    copy(page, BLOCK.replace("不定期", "随便"))
    with lead.answered(422), lead.saving("/tables/exchange/paste", 422):
        page.keyboard.press("Control+V")
    expect(place.locator(".bad-cell")).to_contain_text("随便")
    expect(place.get_by_role("button", name="添加这 2 行")).to_have_count(0)
    box.fill(BLOCK)
    with lead.saving("/tables/exchange/paste"):
        place.get_by_role("button", name="核对", exact=True).click()
    place.locator("summary").click()
    box.fill(BLOCK + "丙某 003\t定期\n")  # not what was looked at: it is looked at again first
    expect(place.get_by_role("button", name="添加这 2 行")).to_have_count(0)
    with lead.saving("/tables/exchange/paste"):
        place.get_by_role("button", name="核对", exact=True).click()
    with lead.saving("/tables/exchange/paste"):
        place.get_by_role("button", name="添加这 3 行").click()
    expect(page.locator("#table-exchange")).to_contain_text("已添加 3 行。")
    assert people(world) == ["甲某 001", "乙某 002", "丙某 003"]
    assert has_stayed(page)


def test_cancelled_means_gone(world: World, lead: Visitor) -> None:
    page, place = lead.page, lead.page.locator(PLACE)
    opener = page.locator("#table-exchange").get_by_role("link", name="从表格粘贴")
    opener.click()
    copy(page, BLOCK)
    with lead.saving("/tables/exchange/paste"):
        page.keyboard.press("Control+V")
    place.get_by_role("link", name="取消").click()
    expect(place).to_be_hidden()
    expect(opener).to_be_focused()
    lead.settle()
    opener.click()
    expect(place.locator("textarea")).to_have_value("")
    expect(place.get_by_role("button", name="添加这 2 行")).to_have_count(0)
    lead.page.reload()
    expect(place).to_be_hidden()
    assert people(world) == []


def test_a_block_outlives_a_broken_line_and_a_reload(world: World, lead: Visitor) -> None:
    page, place = lead.page, lead.page.locator(PLACE)
    page.route("**/tables/exchange/paste", lambda route: route.abort("connectionreset"))
    copy(page, BLOCK)
    page.locator("#table-exchange h2").click()
    with lead.answered(0):
        page.keyboard.press("Control+V")
        expect(place.locator("[data-save-status]")).to_contain_text("未保存")
        page.reload()
    expect(place.locator("textarea")).to_have_value(BLOCK)
    page.unroute("**/tables/exchange/paste")
    with lead.saving("/tables/exchange/paste"):
        place.get_by_role("button", name="核对", exact=True).click()

    page.reload()  # looked at is not added: the text is still there
    expect(place.locator("textarea")).to_have_value(BLOCK)
    with lead.saving("/tables/exchange/paste"):
        place.get_by_role("button", name="核对", exact=True).click()
    lost = []

    def lose_once(route: object) -> None:
        """The first answer is lost on its way."""
        if not lost:
            lost.append(route.fetch().status)  # type: ignore[attr-defined]
            route.abort("connectionreset")  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    page.route("**/tables/exchange/paste", lose_once)
    with lead.answered(0):
        place.get_by_role("button", name="添加这 2 行").click()
        added = page.locator("#table-exchange").get_by_text("已添加 2 行。")
        expect(added).to_be_visible(timeout=20_000)  # sent again by itself
    assert lost == [200]
    assert people(world) == ["甲某 001", "乙某 002"]


def test_on_a_telephone_the_box_fits(world: World, server: Server, visit: Visit) -> None:
    visitor: Visitor = visit(server, size=PHONE)
    visitor.sign_in("lead1", PASSWORD)
    visitor.go(at(world, "B1"))
    visitor.page.locator("#table-exchange").get_by_role("link", name="从表格粘贴").click()
    place = visitor.page.locator(PLACE)
    place.locator("textarea").fill(BLOCK)
    with visitor.saving("/tables/exchange/paste"):
        place.get_by_role("button", name="核对", exact=True).click()
    box = place.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert visitor.page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]


# --- placing files -------------------------------------------------------------------------------

NAMES = {
    "A2 会议方案.pdf": "slot:A2#1",
    "A2-1 甲山小学.pdf": "slot:A2#1",
    "A2-2 签字页.pdf": "slot:A2#2",
    "乙水小学会议纪要.pdf": "slot:A2#2",
    "2030年联盟会议纪要(2).pdf": "slot:A2#2",
    "会议方案 定稿.pdf": "slot:A2#1",
    "B2 奖状.pdf": "clause:B2",
    "C1 照片.pdf": "clause:C1",
    "A1 章程.pdf": "clause:A1",
    "IMG_2041.pdf": "",
}


def test_ten_files_find_their_places_by_their_names(
    world: World, lead: Visitor, client_for: Callable[[str], Client], tmp_path: Path
) -> None:
    save(client_for("lead1"), world, "A2", "A2.done", "true")
    page = lead.page
    lead.go(at(world, rest="/evidence"))
    stay(page)
    for name in NAMES:
        (tmp_path / name).write_bytes(sample_pdf([name]))
    page.locator("#library .upload input[multiple]").set_input_files([tmp_path / name for name in NAMES])
    expect(page.locator("#placing select")).to_have_count(10, timeout=30_000)
    expect(page.locator(".up")).to_have_count(0)
    lead.settle()
    shown = page.locator("#placing tbody tr").evaluate_all(
        "all => all.map(tr => [tr.querySelector('label').textContent, tr.querySelector('select').value])"
    )
    assert dict(shown) == NAMES
    page.get_by_role("combobox", name="C1 照片.pdf").select_option("clause:B1")  # put right by hand
    with lead.saving("/evidence/place"):
        page.get_by_role("button", name="按建议放好").click()
    expect(page.locator("#library")).to_contain_text("已放好 9 份材料。")
    expect(page.locator("#placing select")).to_have_count(1)
    placed = {e.name: refs for e, refs in files(world)}
    assert placed == {
        name: [] if not ref else ["clause:B1"] if name.startswith("C1") else [ref]
        for name, ref in NAMES.items()
    }
    assert has_stayed(page)


def test_what_was_chosen_stays_while_other_files_arrive(world: World, lead: Visitor, tmp_path: Path) -> None:
    page = lead.page
    lead.go(at(world, rest="/evidence"))
    for name in ("甲.pdf", "乙.pdf"):
        (tmp_path / name).write_bytes(sample_pdf([name]))
        page.locator("#library .upload input[multiple]").set_input_files([tmp_path / name])
        expect(page.get_by_role("combobox", name=name, exact=True)).to_be_visible()
        if name == "甲.pdf":
            page.get_by_role("combobox", name=name, exact=True).select_option("clause:B2")
    expect(page.locator(".up")).to_have_count(0)
    assert page.get_by_role("combobox", name="甲.pdf", exact=True).input_value() == "clause:B2"
    page.get_by_role("combobox", name="乙.pdf", exact=True).focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="按建议放好")).to_be_focused()
    with lead.saving("/evidence/place"):
        page.keyboard.press("Enter")
    assert {e.name: refs for e, refs in files(world)} == {"甲.pdf": ["clause:B2"], "乙.pdf": []}
