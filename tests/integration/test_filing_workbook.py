"""The offline workbook: download, fill in, check, take over all or part; every bad input gets a sentence."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlmodel import select

from intranet.enums import SubmissionState
from intranet.models import Cycle, Entry, FactRow
from tests.integration.filing_ground import answers, at, hidden, log, marks, return_for, rows, save
from tests.world import Client, World, words

SignIn = Callable[[str], Client]
SOFFICE = shutil.which("soffice") or ""
ROW = {
    "c:person": "李某 G012",
    "c:category": "定期",
    "c:sender": "s1",
    "c:receiver": "s2",
    "c:start": "2030-09-01",
    "c:end": "2031-01-15",
    "c:document": "true",
}


def download(client: Client, world: World, unit: str = "g01") -> Any:
    answer = client.get(at(world, rest="/workbook.xlsx", unit=unit))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return load_workbook(io.BytesIO(answer.data))


def to_bytes(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def check(client: Client, world: World, book: Any, *, name: str = "填报表.xlsx", unit: str = "g01") -> Any:
    data = book if isinstance(book, bytes) else to_bytes(book)
    return client.post(at(world, rest="/workbook/check", unit=unit), {"file": (io.BytesIO(data), name)})


def html(answer: Any) -> str:
    return unescape(answer.get_data(as_text=True))


def boxes(answer: Any, *, ticked: bool = True) -> list[str]:
    """Values of the boxes; those that come ticked, or the others."""
    tags = [t for t in html(answer).split("<input") if 'name="take"' in t]
    return [t.split('value="')[1].split('"')[0] for t in tags if (" checked" in t.split(">")[0]) == ticked]


def take(client: Client, world: World, page: Any, chosen: list[str], *, op: str = "") -> Any:
    page_html = page.get_data(as_text=True)
    data = {
        "filled": unescape(hidden(page_html, "filled")),
        "op": op or hidden(page_html, "op"),
        "take": chosen,
    }
    return client.post(at(world, rest="/workbook/apply"), data)


def place(sheet: Any, head: str, key: str) -> Any:
    """The cell in the column under a head, in the row with a hidden key (or number)."""
    column = next(c.column for c in sheet[1] if c.value == head)
    row = key if isinstance(key, int) else next(c.row for c in sheet["A"] if c.value == key)
    return sheet.cell(row, column)


def fill(sheet: Any, head: str, key: Any, value: Any) -> str:
    cell = place(sheet, head, key)
    cell.value = value
    return str(cell.coordinate)


@pytest.fixture
def lead(client_for: SignIn, world: World) -> Client:
    """The lead's browser; a count, a tick and one row are filled in already."""
    client = client_for("lead1")
    save(client, world, "A2", "A2.上学期", "2")
    save(client, world, "A1", "A1.1.charter", "true")
    answer = client.post(at(world, "B1", "/tables/exchange/rows"), ROW, htmx=True)
    assert answer.status_code == 200
    return client


def number_of(world: World) -> int:
    return rows(world, "exchange")[0].id or 0


def add_row(sheet: Any, row: int, **values: Any) -> None:
    heads = {c.value: c.column for c in sheet[1]}
    for head, value in values.items():
        sheet.cell(
            row, heads[head.replace("_", "(").replace("工号", "工号)") if "_" in head else head]
        ).value = value


# --- the workbook ---------------------------------------------------------------------------------


def test_the_workbook_holds_what_is_asked_and_what_is_filled(lead: Client, world: World) -> None:
    book = download(lead, world)
    assert book.sheetnames == [
        "说明", "填报项", "教师交流名册", "奖励", "共享资源", "自评分", "_options", "_intranet",
    ]  # fmt: skip
    assert [s.title for s in book if s.sheet_state == "visible"] == book.sheetnames[:6]
    fields = book["填报项"]
    assert place(fields, "填写", "f:A2.上学期").value == 2
    assert place(fields, "填写", "f:A1.1.charter").value == "是"
    assert place(fields, "填写", "f:A2.下学期").value is None
    assert "f:absences" not in [c.value for c in fields["A"]]  # the bureau's
    roster = book["教师交流名册"]
    key = f"r:{number_of(world)}"
    assert [place(roster, h, key).value for h in ("姓名(工号)", "类别", "派出学校", "文件")] == [
        "李某 G012", "定期", "甲山小学", "是",
    ]  # fmt: skip
    assert place(roster, "起", key).value.isoformat() == "2030-09-01T00:00:00"
    assert place(roster, "起", key).number_format == "yyyy-mm-dd"
    assert roster.column_dimensions["A"].hidden
    assert "方向" not in [c.value for c in roster[1]]  # follows from the two schools
    kinds = {str(v.sqref): v.type for v in roster.data_validations.dataValidation}
    assert kinds["C2:C2001"] == "list"
    assert kinds["F2:F2001"] == "date"
    assert kinds["H2:H2001"] == "decimal"


def test_it_comes_back_unchanged(lead: Client, world: World) -> None:
    answer = check(lead, world, download(lead, world))
    assert answer.status_code == 200
    assert "表里的内容与系统里的一致，没有要保存的。" in html(answer)
    assert boxes(answer) == boxes(answer, ticked=False) == []


def test_edits_are_shown_and_nothing_is_saved_until_they_are_taken(lead: Client, world: World) -> None:
    book = download(lead, world)
    fill(book["填报项"], "填写", "f:A2.下学期", 3)
    fill(book["填报项"], "填写", "f:A1.1.council", "否")
    roster, key = book["教师交流名册"], f"r:{number_of(world)}"
    fill(roster, "止", key, "2031年6月30日")
    add_row(roster, 3, **{"姓名(工号)": "王某", "类别": "不定期", "派出学校": "乙水小学"})
    fill(book["自评分"], "自评分", "m:A1.2", 2.5)
    before = answers(world)
    page = check(lead, world, book)
    assert page.status_code == 200
    assert answers(world) == before
    assert len(rows(world, "exchange")) == 1
    text = words(html(page))
    assert "2031-01-15 → 2031-06-30" in text
    assert "5 项改动" in text
    chosen = boxes(page)
    assert sorted(k.split(":")[0] for k in chosen) == ["f", "f", "m", "n", "r"]
    assert take(lead, world, page, chosen).status_code == 303
    assert answers(world)["A2.下学期"] == (3, 1)
    assert answers(world)["A1.1.council"] == (False, 1)
    old, new = rows(world, "exchange")
    assert (old.cells["end"], old.version) == ("2031-06-30", 2)
    assert {k: v for k, v in new.cells.items() if v is not None} == {
        "person": "王某", "category": "不定期", "sender": "s2",
    }  # fmt: skip
    assert str(marks(world)["A1.2"].points) == "5/2"
    assert [(e.subject, e.new) for e in log(world, "answer.save")][-2:] == [
        ("A1.1.council", False),
        ("A2.下学期", 3),
    ]
    assert "已采纳 5 项，已保存。" in lead.text(at(world, rest="/workbook"))


def test_the_same_file_again_changes_nothing(lead: Client, world: World) -> None:
    book = download(lead, world)
    fill(book["填报项"], "填写", "f:A2.下学期", 3)
    add_row(book["教师交流名册"], 3, **{"姓名(工号)": "王某", "类别": "不定期"})
    page = check(lead, world, book)
    take(lead, world, page, boxes(page))
    again = check(lead, world, book)
    assert "没有要保存的" in html(again)
    assert len(rows(world, "exchange")) == 2


def test_sending_the_form_twice_saves_once(lead: Client, world: World) -> None:
    book = download(lead, world)
    add_row(book["教师交流名册"], 3, **{"姓名(工号)": "王某", "类别": "不定期"})
    page = check(lead, world, book)
    assert take(lead, world, page, boxes(page), op="one").status_code == 303
    assert take(lead, world, page, boxes(page), op="one").status_code == 303
    assert len(rows(world, "exchange")) == 2


def test_more_changes_than_a_page_shows_come_with_a_second_upload(
    lead: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intranet.domain.offline_plan.MOST_CHANGES", 1)
    book = download(lead, world)
    fill(book["填报项"], "填写", "f:A2.下学期", 3)
    fill(book["填报项"], "填写", "f:took_part", 20)
    page = check(lead, world, book)
    assert "还有 1 项没有列出。采纳这些以后，请把同一份表再上传一次。" in words(html(page))
    take(lead, world, page, boxes(page))
    assert boxes(check(lead, world, book)) == ["f:took_part~0"]


def test_a_self_score_follows_or_says_why(lead: Client, world: World) -> None:
    book = download(lead, world)
    scores = book["自评分"]
    assert place(scores, "按填报内容算得", "m:A1.1").value == 1
    fill(scores, "自评分", "m:A1.1", 1)  # equal to what the facts give: nothing to store
    assert boxes(check(lead, world, book)) == []
    fill(scores, "自评分", "m:A1.1", "1.5")
    fill(scores, "理由", "m:A1.1", "理事会刚成立")
    page = check(lead, world, book)
    take(lead, world, page, boxes(page))
    mark = marks(world)["A1.1"]
    assert (str(mark.points), mark.reason, str(mark.computed)) == ("3/2", "理事会刚成立", "1")


def test_a_self_score_that_the_facts_have_come_to_is_left_alone(lead: Client, world: World) -> None:
    own = {"points": "2", "reason": "理事会刚成立"}
    assert lead.post(at(world, "A1", "/self/A1.1"), own, htmx=True).status_code == 200
    save(lead, world, "A1", "A1.1.council", "true")
    answer = check(lead, world, download(lead, world))
    assert place(download(lead, world)["自评分"], "按填报内容算得", "m:A1.1").value == 2
    assert "表里的内容与系统里的一致，没有要保存的。" in html(answer)


def test_only_what_is_ticked_is_taken(lead: Client, world: World) -> None:
    book = download(lead, world)
    fill(book["填报项"], "填写", "f:A2.下学期", 3)
    fill(book["填报项"], "填写", "f:took_part", 20)
    page = check(lead, world, book)
    take(lead, world, page, [b for b in boxes(page) if "took_part" in b])
    assert "A2.下学期" not in answers(world)
    assert answers(world)["took_part"] == (20, 1)
    nothing = take(lead, world, page, [], op="another")
    assert nothing.status_code == 422
    assert "还没有勾选要采纳的内容。" in html(nothing)


# --- both sides changed ---------------------------------------------------------------------------


def test_a_change_on_both_sides_is_a_conflict_with_both_values(lead: Client, world: World) -> None:
    book = download(lead, world)
    fill(book["填报项"], "填写", "f:A2.上学期", 5)
    fill(book["教师交流名册"], "止", f"r:{number_of(world)}", "2031-06-30")
    save(lead, world, "A2", "A2.上学期", "4", version=1)
    lead.post(
        at(world, "B1", f"/rows/{number_of(world)}"),
        {**ROW, "c:end": "2031-02-28", "version": 1},
        htmx=True,
    )
    page = check(lead, world, book)
    text = words(html(page))
    assert "2 项冲突" in text
    assert "系统里 4 | 表格里 5" in text
    assert "止： 系统里 2031-02-28 | 表格里 2031-06-30" in text
    assert boxes(page) == []
    chosen = [b for b in boxes(page, ticked=False) if b.startswith("f:")]
    take(lead, world, page, chosen)
    assert answers(world)["A2.上学期"] == (5, 3)
    assert rows(world, "exchange")[0].cells["end"] == "2031-02-28"


def test_what_others_changed_and_the_file_did_not_is_left_alone(lead: Client, world: World) -> None:
    book = download(lead, world)
    save(lead, world, "A2", "A2.上学期", "4", version=1)
    lead.post(at(world, "B1", "/tables/exchange/rows"), {**ROW, "c:person": "赵某"}, htmx=True)
    page = check(lead, world, book)
    assert boxes(page) == boxes(page, ticked=False) == []
    assert answers(world)["A2.上学期"] == (4, 2)


def test_a_change_between_check_and_save_stops_everything(lead: Client, world: World) -> None:
    book = download(lead, world)
    fill(book["填报项"], "填写", "f:A2.上学期", 5)
    fill(book["填报项"], "填写", "f:took_part", 20)
    page = check(lead, world, book)
    save(lead, world, "A2", "A2.上学期", "4", version=1)
    late = take(lead, world, page, boxes(page))
    assert late.status_code == 409
    text = words(html(late))
    assert "系统里的内容又有变化，什么也没有保存" in text
    assert "系统里 4 | 表格里 5" in text
    assert "took_part" not in answers(world)
    assert boxes(late) == ["f:took_part~0"]


def test_rows_taken_out_are_deleted_only_if_asked(lead: Client, world: World) -> None:
    lead.post(at(world, "B1", "/tables/exchange/rows"), {**ROW, "c:person": "赵某"}, htmx=True)
    first, second = (r.id for r in rows(world, "exchange"))
    book = download(lead, world)
    roster = book["教师交流名册"]
    roster.delete_rows(2)  # the whole row, with its hidden number
    for column in range(2, 11):
        roster.cell(2, column).value = None  # the second one is only emptied
    page = check(lead, world, book)
    assert boxes(page) == []
    assert boxes(page, ticked=False) == [f"r:{second}~1", f"r:{first}~1"]
    assert "2 项将删除或清空" in words(html(page))
    take(lead, world, page, [f"r:{first}~1"])
    assert [r.id for r in rows(world, "exchange")] == [second]


def test_a_row_deleted_meanwhile_comes_back_only_if_asked(lead: Client, world: World) -> None:
    number = number_of(world)
    book = download(lead, world)
    untouched = to_bytes(book)
    fill(book["教师交流名册"], "止", f"r:{number}", "2031-06-30")
    lead.post(at(world, "B1", f"/rows/{number}/delete"), {}, htmx=True)
    assert boxes(check(lead, world, untouched), ticked=False) == []
    page = check(lead, world, book)
    assert "系统里这一行已被删除，采纳后会重新加入" in html(page)
    assert boxes(page) == []
    take(lead, world, page, boxes(page, ticked=False))
    back = rows(world, "exchange")
    assert [(r.id == number, r.cells["end"]) for r in back] == [(False, "2031-06-30")]
    assert boxes(check(lead, world, book), ticked=False) == []


def test_a_row_copied_in_the_sheet_is_a_new_row(lead: Client, world: World) -> None:
    book = download(lead, world)
    roster = book["教师交流名册"]
    for column in range(1, 11):
        roster.cell(3, column).value = roster.cell(2, column).value  # the hidden number comes along
    roster.cell(3, 2).value = "孙某"
    page = check(lead, world, book)
    assert boxes(page) == ["n:exchange:3~0"]


# --- bad input ------------------------------------------------------------------------------------


def refused(client: Client, world: World, book: Any) -> str:
    answer = check(client, world, book)
    assert answer.status_code == 422
    assert boxes(answer) == []
    return words(html(answer))


def test_files_that_are_not_this_workbook(lead: Client, client_for: SignIn, world: World) -> None:
    assert "请先选择填好的表。" in words(html(lead.post(at(world, rest="/workbook/check"), {})))
    assert "这个文件是空的" in refused(lead, world, b"")
    assert "这不是电子表格" in refused(lead, world, b"hello")
    assert "文件已损坏" in refused(lead, world, to_bytes(download(lead, world))[:3000])
    assert "这不是从本系统下载的离线填报表" in refused(lead, world, Workbook())
    other = download(client_for("lead2"), world, unit="g02")
    assert "这份表是“丁桥教育集团”的，不是“甲山教育集团”的" in refused(lead, world, other)
    for key, said in (
        ("layout", "这份表是旧格式的"),
        ("cycle", "这份表是另一次考核的"),
        ("fingerprint", "考核细则有调整"),
    ):
        book = download(lead, world)
        place_of = next(r for r in book["_intranet"].iter_rows() if r[0].value == f"about.{key}")
        place_of[1].value = "0"
        assert said in refused(lead, world, book)
    book = download(lead, world)
    del book["_intranet"]
    assert "隐藏的识别页被删掉了" in refused(lead, world, book)


def problem_rows(answer: Any) -> list[tuple[str, str, str]]:
    """Sheet, cell and sentence of every problem shown."""
    page = html(answer)
    out = []
    for row in page.split('<tr><td class="head nowrap">')[1:]:
        cells = [words(c) for c in row.split("</tr>")[0].split("</td>")]
        out.append((cells[0], cells[1], cells[2]))
    return out


def test_each_wrong_cell_is_named_and_the_rest_can_be_taken(lead: Client, world: World) -> None:
    book = download(lead, world)
    fields, roster, scores = book["填报项"], book["教师交流名册"], book["自评分"]
    wrong = [
        ("填报项", fill(fields, "填写", "f:A2.上学期", "两次"), "请填整数，如 3"),
        ("填报项", fill(fields, "填写", "f:A1.1.charter", "大概"), "请填“是”或“否”"),
        ("填报项", fill(fields, "填写", "f:teachers", "=50+50"), "是公式"),
    ]
    fill(fields, "填写", "f:took_part", "２０ 人")  # full width, with its unit: fine
    add_row(roster, 3, **{"姓名(工号)": "王某", "类别": "长期", "起": "2031.2.30"})
    wrong += [("教师交流名册", "C3", "没有“长期”这一选项"), ("教师交流名册", "F3", "日期")]
    add_row(roster, 5, **{"姓名(工号)": "孙某", "类别": "定期", "派出学校": "别处小学"})
    wrong += [("教师交流名册", "D5", "“别处小学”不在本单位的学校里")]
    wrong += [("自评分", fill(scores, "自评分", "m:A1.2", 9), "请填 0 — 3")]
    fields["D40"] = "补充说明"
    wrong += [("填报项", "D40", "这一行不是系统给出的，没有读取")]
    fill(scores, "自评分", "m:A1.1", 2)  # the facts give 1
    wrong += [("自评分", place(scores, "理由", "m:A1.1").coordinate, "请写明理由")]
    page = check(lead, world, book)
    found = problem_rows(page)
    for sheet, cell, said in wrong:
        assert [p for p in found if p[:2] == (sheet, cell) and said in p[2]], (sheet, cell, said, found)
    assert len(found) == len(wrong)
    assert boxes(page) == ["f:took_part~0"]
    take(lead, world, page, boxes(page))
    assert answers(world)["took_part"] == (20, 1)
    assert answers(world)["A2.上学期"] == (2, 1)


def test_blank_rows_extra_columns_other_sheets_and_moved_columns(lead: Client, world: World) -> None:
    book = download(lead, world)
    roster = book["教师交流名册"]
    roster.cell(1, 12).value = "备注"
    roster.cell(2, 12).value = "问过了"
    roster.cell(2, 14).value = "随手记"
    add_row(roster, 7, **{"姓名(工号)": "王某", "类别": "定期"})  # rows 3 to 6 are blank
    roster.title = "我的名册"
    book.create_sheet("草稿")["A1"] = "x"
    del book["奖励"]
    shared = book["共享资源"]
    shared["D1"], shared["B1"], shared["D2"] = shared["B1"].value, None, "云课堂"  # moved to the right
    page = check(lead, world, book)
    assert page.status_code == 200
    assert problem_rows(page) == [
        ("我的名册", "L1", "多出一列“备注”，没有读取"),
        ("我的名册", "N2", "这一列不是填报表里的，没有读取"),
        ("草稿", "—", "不是填报表里的工作表（或表头被改动），没有读取"),
        ("奖励", "—", "缺少这张工作表，其中的内容保持不变"),
    ]
    assert boxes(page) == ["n:exchange:7~0", "n:resources:2~0"]


def test_merged_cells_and_missing_heads_stop_their_rows(lead: Client, world: World) -> None:
    book = download(lead, world)
    roster = book["教师交流名册"]
    add_row(roster, 3, **{"姓名(工号)": "王某", "类别": "定期"})
    add_row(roster, 4, **{"姓名(工号)": "孙某"})
    add_row(roster, 5, **{"姓名(工号)": "周某", "类别": "定期"})
    roster.merge_cells("C3:C4")
    book["奖励"]["C1"] = "等级"
    page = check(lead, world, book)
    found = problem_rows(page)
    assert ("教师交流名册", "C3", "C3:C4 是合并的单元格，请取消合并，并在每一行都填上内容") in found
    assert [p[1] for p in found if p[0] == "教师交流名册"] == ["C3", "C4"]
    assert [p[2][:8] for p in found if p[0] == "奖励"] == ["缺少这些列：级别", "多出一列“等级”"]
    assert boxes(page) == ["n:exchange:5~0"]
    assert boxes(page, ticked=False) == []


def test_what_blocks_handing_in_is_said_beforehand(lead: Client, world: World) -> None:
    book = download(lead, world)
    roster = book["教师交流名册"]
    add_row(roster, 3, **{"类别": "定期", "起": "2031-03-01", "止": "2030-03-01"})
    fill(book["填报项"], "填写", "f:pairs", 9)
    page = check(lead, world, book)
    assert problem_rows(page) == [
        ("教师交流名册", "B3", "请填写“姓名(工号)”"),
        ("教师交流名册", "G3", "“止”早于“起”，请核对"),
        ("填报项", place(book["填报项"], "填写", "f:pairs").coordinate, "结对学校数超过成员学校数"),
    ]
    assert "3 处提示" in words(html(page))
    assert len(boxes(page)) == 2  # they may be taken: the page would take them too


def test_the_copy_with_marked_cells_can_be_corrected_and_uploaded(lead: Client, world: World) -> None:
    book = download(lead, world)
    fill(book["填报项"], "填写", "f:A2.上学期", "两次")
    add_row(book["教师交流名册"], 4, **{"姓名(工号)": "王某", "类别": "定期", "起": "去年秋天"})
    page = check(lead, world, book)
    filled = unescape(hidden(page.get_data(as_text=True), "filled"))
    answer = lead.post(at(world, rest="/workbook/errors.xlsx"), {"filled": filled})
    marked = load_workbook(io.BytesIO(answer.data))
    assert marked.sheetnames[:2] == ["问题", "说明"]
    assert marked.active.title == "问题"
    cell = place(marked["填报项"], "填写", "f:A2.上学期")
    assert (cell.value, cell.fill.start_color.rgb) == ("两次", "FFF9CFCB")
    assert "请填整数" in cell.comment.text
    assert marked["教师交流名册"]["F3"].value == "去年秋天"
    listed = [[c.value for c in r] for r in marked["问题"].iter_rows(min_row=5)]
    assert [r[:2] for r in listed] == [["填报项", cell.coordinate], ["教师交流名册", "F3"]]
    cell.value = 6
    marked["教师交流名册"]["F3"] = "2030-09-01"
    again = check(lead, world, marked)
    assert sorted(boxes(again)) == ["f:A2.上学期~1", "n:exchange:3~0"]


# --- rights and phases ----------------------------------------------------------------------------


def test_helpers_get_the_tables_and_change_their_own_rows(
    lead: Client, client_for: SignIn, world: World
) -> None:
    helper = client_for("helper1")
    book = download(helper, world)
    assert [s.title for s in book if s.sheet_state == "visible"] == [
        "说明", "教师交流名册", "奖励", "共享资源",
    ]  # fmt: skip
    fill(book["教师交流名册"], "止", f"r:{number_of(world)}", "2031-06-30")
    add_row(book["教师交流名册"], 3, **{"姓名(工号)": "王某", "类别": "定期"})
    page = check(helper, world, book)
    assert [p[2] for p in problem_rows(page)] == ["这是别人填的，您只能改自己添加的。"]
    assert boxes(page) == ["n:exchange:3~0"]
    whole = download(lead, world)
    fill(whole["填报项"], "填写", "f:A2.下学期", 3)
    blocked = check(helper, world, whole)
    assert ("填报项", "—", "这张工作表不归您填，没有读取") in problem_rows(blocked)
    forged = take(helper, world, blocked, ["f:A2.下学期~0"])
    assert forged.status_code == 409
    assert "A2.下学期" not in answers(world)


def test_others_do_not_reach_it(lead: Client, client_for: SignIn, world: World) -> None:
    book = to_bytes(download(lead, world))
    for login, status in (("lead2", 404), ("rev1", 403), ("leader", 403)):
        client = client_for(login)
        assert client.get(at(world, rest="/workbook")).status_code == status
        assert client.get(at(world, rest="/workbook.xlsx")).status_code == status
        assert check(client, world, book).status_code == status
        for path in ("/workbook/apply", "/workbook/errors.xlsx"):
            assert client.post(at(world, rest=path), {"filled": "{}"}).status_code == status


def test_only_what_was_returned_can_be_changed(lead: Client, world: World) -> None:
    book = download(lead, world)
    fill(book["填报项"], "填写", "f:A2.下学期", 3)
    fill(book["填报项"], "填写", "f:took_part", 20)
    return_for(world, "A2")
    page = check(lead, world, book)
    assert boxes(page) == ["f:A2.下学期~0"]
    assert "只退回了 A2，其他指标仍然锁定" in problem_rows(page)[0][2]


def test_after_handing_in_it_is_a_copy_to_read(lead: Client, world: World) -> None:
    book = download(lead, world)
    fill(book["填报项"], "填写", "f:took_part", 20)
    page = check(lead, world, book)
    with world.write() as session:
        entry = session.get(Entry, world.entries["g01"])
        assert entry is not None
        entry.state = SubmissionState.SUBMITTED
        session.add(entry)
        session.commit()
    late = take(lead, world, page, boxes(page))
    assert late.status_code == 409
    assert "已经提交，内容已锁定" in html(late)
    assert "took_part" not in answers(world)
    assert 'name="file"' not in html(lead.get(at(world, rest="/workbook")))
    assert download(lead, world)["填报项"]["D2"] is not None


def test_a_forged_form_gets_a_sentence(lead: Client, world: World) -> None:
    for filled in ("", "{", "[]", '{"lines": 3}', '{"about": {}}', "[" * 5000):
        answer = lead.post(at(world, rest="/workbook/apply"), {"filled": filled, "take": "f:pairs~0"})
        assert answer.status_code == 422
        assert "核对的内容不完整，请重新上传文件。" in html(answer)


def test_a_forged_reading_is_compared_like_any_other(lead: Client, world: World) -> None:
    page = check(lead, world, download(lead, world))
    sent = json.loads(unescape(hidden(page.get_data(as_text=True), "filled")))
    about = {"about": sent["about"], "base": {}, "sheets": {}, "letters": {}, "flaws": []}
    lines = [
        {"section": "fields", "key": "f:pairs", "row": 2, "texts": {"value": "1\ud800"}},
        {"section": "fields", "key": "f:absences", "row": 3, "texts": {"value": "0"}},  # the bureau's
        {"section": "self", "key": "m:A1.2", "row": 4, "texts": {"points": "1e999999999"}},
        {"section": "table:exchange", "key": "r:" + "9" * 5000, "row": 5, "texts": {"person": "王某"}},
    ]
    for sheets in ({}, {"table:exchange": "名册"}):
        filled = json.dumps({**about, "sheets": sheets, "lines": lines})
        answer = lead.post(
            at(world, rest="/workbook/apply"),
            {"filled": filled, "take": ["f:absences~0", "f:pairs~0", "m:A1.2~0"]},
        )
        assert answer.status_code == 409
        assert [p[2] for p in problem_rows(answer)][:3] == [
            "“1?”不是数，请填整数，如 3",
            "这一项现在不用填，没有读取",
            "请填数字，例如 2.5",
        ]
    assert boxes(answer) == ["n:exchange:5~0"] or boxes(answer, ticked=False) == ["n:exchange:5~0"]
    assert "absences" not in answers(world)


def test_new_rules_after_the_download(lead: Client, world: World) -> None:
    book = download(lead, world)
    with world.write() as session:
        cycle = session.exec(select(Cycle)).one()
        cycle.rulings = {"ties": "mean"}
        session.add(cycle)
        session.commit()
    assert "下载这份表以后，考核细则有调整" in refused(lead, world, book)


def test_the_link_stands_on_the_overview(lead: Client, client_for: SignIn, world: World) -> None:
    link = f'href="{at(world, rest="/workbook")}"'
    assert link in html(lead.get(at(world)))
    assert link not in html(client_for("leader").get(at(world)))


# --- another program --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not SOFFICE, reason="LibreOffice is not installed")
def test_a_round_trip_through_libreoffice(lead: Client, world: World, tmp_path: Path) -> None:
    """Another program rewrites the file: nothing changes; then an edit gives exactly that difference."""
    lead.post(
        at(world, "B2", "/tables/awards/rows"),
        {"c:winner": "=1+2 0312 — “书法”\n二等", "c:level": "市级"},
        htmx=True,
    )
    save(lead, world, "B3", "took_part", "15")
    client = lead.post(
        at(world, "A1", "/self/A1.2"),
        {"points": "2.5", "verdict": "", "reason": "缺一条\n第二行", "version": 0},
    )
    assert client.status_code == 303
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "book.xlsx"
    source.write_bytes(lead.get(at(world, rest="/workbook.xlsx")).data)
    subprocess.run(
        [
            SOFFICE, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless",
            "--convert-to", "xlsx", "--outdir", str(tmp_path), str(source),
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    converted = (tmp_path / "book.xlsx").read_bytes()
    page = check(lead, world, converted)
    assert "没有要保存的" in html(page)
    assert problem_rows(page) == []
    book = load_workbook(io.BytesIO(converted))
    fill(book["填报项"], "填写", "f:took_part", 16)
    fill(book["奖励"], "级别", f"r:{_award(world)}", "区级")
    page = check(lead, world, book)
    assert boxes(page) == ["f:took_part~1", f"r:{_award(world)}~1"]
    text = words(html(page))
    assert "15 → 16" in text
    assert "级别： 市级 → 区级" in text


def _award(world: World) -> int:
    with world.read() as session:
        return session.exec(select(FactRow).where(FactRow.table == "awards")).one().id or 0
