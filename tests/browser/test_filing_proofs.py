"""What a school does in an afternoon, in a real browser: a roster out of a spreadsheet, the workbook through
LibreOffice, things that come back and go out again."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from openpyxl import load_workbook
from playwright.sync_api import expect
from sqlmodel import select

from intranet.demo import sample_pdf
from intranet.enums import SubmissionState
from intranet.models import Entry, Submission
from tests.e2e.harness import Server, Visit, Visitor, serving
from tests.integration.filing_ground import answers, at, rows, save
from tests.integration.test_filing_submit import fill
from tests.integration.test_filing_workbook import place
from tests.integration.test_workbook_libreoffice import SOFFICE, Edit, edited  # noqa: F401 - a fixture
from tests.world import PASSWORD, Client, World

pytestmark = pytest.mark.browser

PASTE = """([target, text]) => {
  const box = document.querySelector(target);
  box.focus();
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  if (box.dispatchEvent(event)) { document.execCommand("insertText", false, text); }
}"""


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    with serving(app) as running:
        yield running


def signed_in(visit: Visit, server: Server, login: str) -> Visitor:
    visitor = visit(server)
    visitor.sign_in(login, PASSWORD)
    return visitor


# --- a block from a spreadsheet ------------------------------------------------------------------

HEAD = ["姓名(工号)", "类别", "派出学校", "接收学校", "起", "止"]


def written(day: date, n: int) -> str:
    """Dates as people write them."""
    return (
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}.{day.month}.{day.day}",
        f"{day.year}/{day.month:02}/{day.day:02}",
        day.isoformat(),
    )[n % 4]


def roster(n: int) -> list[list[str]]:
    begin = date(2030, 9, 1)
    return [
        [
            f"教师{k:03} G{k:03}",
            "定期" if k % 2 else "不定期",
            "甲山小学",
            "乙水小学",
            written(begin + timedelta(days=k), k),
            written(begin + timedelta(days=120 + k), k + 1),
        ]
        for k in range(1, n + 1)
    ]


def test_two_hundred_rows_are_pasted(world: World, server: Server, visit: Visit) -> None:
    """Three cells are wrong: each is marked, nothing is taken; put right in the box, all 200 are added."""
    lines = roster(200)
    lines[6][4], lines[119][2], lines[198][1] = "去年秋天", "外区小学", "随便"
    text = "\n".join("\t".join(line) for line in [HEAD, *lines])
    lead = signed_in(visit, server, "lead1")
    page = lead.page
    lead.go(at(world, "B1"))
    page.locator("#table-exchange").get_by_role("link", name="从表格粘贴").click()
    box_of = "#paste-text-exchange"
    with lead.saving("/tables/exchange/paste", 422):  # a block in the empty box is looked at by itself
        page.evaluate(PASTE, [box_of, text])
    assert page.input_value(box_of).count("\n") == 200
    expect(page.get_by_text("核对 200 行")).to_be_visible()
    expect(page.locator(".bad-cell")).to_have_count(3)
    for n, what in ((7, "去年秋天"), (120, "外区小学"), (199, "随便")):
        line = page.locator("tbody tr", has=page.locator("td:first-child", has_text=str(n))).first
        expect(line.locator(".bad-cell")).to_contain_text(what)
    assert rows(world, "exchange") == []

    box = page.input_value(box_of)
    for wrong, right in (("去年秋天", "2030年9月8日"), ("外区小学", "甲山小学"), ("随便", "定期")):
        assert box.count(wrong) == 1
        box = box.replace(wrong, right)
    page.fill(box_of, box)
    begun = time.perf_counter()
    page.get_by_role("button", name="核对", exact=True).click()
    expect(page.locator(".bad-cell")).to_have_count(0)
    page.get_by_role("button", name="添加这 200 行").click()
    expect(page.get_by_text("已添加 200 行。")).to_be_visible()
    assert time.perf_counter() - begun < 30

    stored = rows(world, "exchange")
    assert [r.cells["person"] for r in stored] == [line[0] for line in roster(200)]
    begin = date(2030, 9, 1)
    for k, row in enumerate(stored, 1):
        assert row.cells["start"] == (begin + timedelta(days=7 if k == 7 else k)).isoformat()
        assert row.cells["end"] == (begin + timedelta(days=120 + k)).isoformat()
        assert (row.cells["sender"], row.cells["receiver"]) == ("s1", "s2")


# --- the offline workbook ------------------------------------------------------------------------


def upload_workbook(lead: Visitor, path: Path) -> None:
    lead.page.locator("input[name=file]").set_input_files(str(path))
    lead.press("核对")


@pytest.mark.slow
@pytest.mark.skipif(not SOFFICE, reason="NO LIBREOFFICE: soffice is not installed, nothing was edited in it")
def test_the_workbook_goes_through_libreoffice_and_back(
    world: World,
    server: Server,
    visit: Visit,
    edited: Edit,  # noqa: F811
    tmp_path: Path,
    client_for: object,
) -> None:
    """Downloaded, typed into in LibreOffice with one wrong cell, checked; the marked workbook is put right
    there, uploaded and taken over; a third time there is nothing left to do."""
    lead = signed_in(visit, server, "lead1")
    lead.go(at(world, rest="/workbook"))
    source = lead.download("下载本单位的表")
    sheet = load_workbook(io.BytesIO(source))["填报项"]
    wrong = ("填报项", place(sheet, "填写", "f:A2.上学期").coordinate)
    right = ("填报项", place(sheet, "填写", "f:A2.下学期").coordinate)
    filled = tmp_path / "填好.xlsx"
    filled.write_bytes(edited(source, {wrong: "三四次", right: "2"}))
    upload_workbook(lead, filled)
    words = lead.words()
    assert "请填整数" in words
    assert wrong[1] in words
    assert answers(world) == {}, "the check saves nothing"
    with lead.page.expect_download() as found:
        lead.page.get_by_role("button", name="下载标出问题的表").click()
    marked = Path(found.value.path()).read_bytes()
    # The tick of the good cell is set already; it is taken, the wrong one waits.
    lead.press("采纳勾选的内容")
    assert {k: v for k, (v, _n) in answers(world).items()} == {"A2.下学期": 2}

    book = load_workbook(io.BytesIO(marked))
    at_wrong = ("填报项", place(book["填报项"], "填写", "f:A2.上学期").coordinate)
    filled.write_bytes(edited(marked, {at_wrong: "3"}))
    lead.go(at(world, rest="/workbook"))
    upload_workbook(lead, filled)
    assert "请填整数" not in lead.words()
    lead.press("采纳勾选的内容")
    assert {k: v for k, (v, _n) in answers(world).items()} == {"A2.上学期": 3, "A2.下学期": 2}
    lead.go(at(world, rest="/workbook"))
    upload_workbook(lead, filled)
    assert "没有要保存的" in lead.words()


# --- returned and handed in again ------------------------------------------------------------------


def test_returned_corrected_and_handed_in_again(
    world: World, server: Server, visit: Visit, client_for: object
) -> None:
    """The bureau returns one indicator with a reason: it alone unlocks, and old → new is shown to all."""
    client: Client = client_for("lead1")  # type: ignore[operator]
    fill(client, world)
    lead, clerk = signed_in(visit, server, "lead1"), signed_in(visit, server, "admin")
    lead.go(at(world, rest="/check"))
    known = lead.page.locator("input[name=known]")
    if known.count():
        known.check()
    lead.press("提交考核材料")
    lead.go(at(world, "A2"))
    expect(lead.page.locator('[name="f:A2.上学期"]')).to_have_count(0)

    progress = f"/bureau/cycles/{world.cycle_id}/progress/{world.entries['g01']}"
    clerk.go(progress)
    with clerk.answered(422):
        clerk.press("退回勾选的指标")
    clerk.page.check('[name=codes][value="A2"]')
    with clerk.answered(422):
        clerk.press("退回勾选的指标")
    assert clerk.page.is_checked('[name=codes][value="A2"]'), "what was ticked stays"
    clerk.page.fill("#reason", "上学期签到表缺日期")
    clerk.press("退回勾选的指标")
    assert "上学期签到表缺日期" in clerk.words()

    lead.go(at(world))
    assert "上学期签到表缺日期" in lead.words()
    lead.go(at(world, "B3"))
    assert lead.page.locator("[name='f:took_part']:enabled").count() == 0, "the others stay locked"
    lead.go(at(world, "A2"))
    assert "上学期签到表缺日期" in lead.words()
    box = lead.page.locator('[name="f:A2.上学期"]')
    expect(box).to_be_enabled()
    with lead.saving("/answers"):
        box.fill("1")
        box.blur()
    sent = {"name": "签到表.pdf", "mimeType": "application/pdf", "buffer": sample_pdf(["签到表"])}
    lead.page.locator('[data-place="slot:A2#1"] input[multiple]').set_input_files([sent])  # type: ignore[list-item]
    expect(lead.page.locator('[data-place="slot:A2#1"] .chip', has_text="签到表.pdf")).to_be_visible()
    lead.settle()
    refused = save(client, world, "B3", "took_part", "19", version=1)
    assert refused.status_code in (409, 422), "not by another way either"

    lead.go(at(world, rest="/check"))
    if known.count():
        known.check()
    lead.page.locator("form[action$='/submit'] button").click()
    expect(lead.page.get_by_role("heading", name="提交回执", exact=True)).to_be_visible()
    for visitor in (lead, clerk):
        visitor.go(at(world, rest="/changes"))
        words = visitor.words()
        assert "签到表.pdf" in words
        assert "2" in words
        assert "1" in words
    with world.read() as session:
        entry = session.get(Entry, world.entries["g01"])
        assert entry is not None
        assert (entry.state, entry.round) == (SubmissionState.SUBMITTED, 2)
        kept = session.exec(select(Submission).order_by(Submission.round)).all()  # type: ignore[arg-type]
        assert [s.round for s in kept] == [1, 2]
        assert kept[0].sha256 != kept[1].sha256
    assert answers(world)["A2.上学期"][0] == 1
