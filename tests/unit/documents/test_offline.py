"""Writing an offline workbook and reading it back, without a database: a layout of every kind of cell."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from openpyxl import load_workbook

from intranet.documents import offline, offline_reading
from intranet.documents.offline import Mark, Remark
from intranet.domain.fact_rows import TABLE_LIMIT
from intranet.domain.offline import Ask, Head, Layout, Row, Section, digest
from intranet.domain.offline_filled import Filled, from_text, overlaid, to_text
from intranet.errors import Invalid

MADE = datetime(2031, 3, 1, 9, 30, tzinfo=UTC)
TEXTS = {
    "name": "=HYPERLINK(1) 甲某\n第二行",
    "code": "0312",
    "day": "2030-09-01",
    "n": "3",
    "share": "0.125",
    "level": "市级",
    "proof": "是",
}
HEADS = (
    Head("name", "姓名", Ask("text", required=True), is_typed=True),
    Head("code", "工号", Ask("text"), is_typed=True),
    Head("day", "日期", Ask("date"), is_typed=True),
    Head("n", "人数", Ask("count"), is_typed=True),
    Head("share", "比例", Ask("number", least=Fraction(0), most=Fraction(1)), is_typed=True),
    Head("level", "级别", Ask("choice", ("市级", "区级, 含街道")), is_typed=True),
    Head("proof", "有文件", Ask("tick", ("是", "否")), is_typed=True),
)
ROSTER = Section("table:roster", "名册/一", HEADS, (Row("r:7", TEXTS),), is_open=True)
FIELDS = Section(
    "fields",
    "填报项",
    (Head("label", "填报内容", width=30), Head("value", "填写", is_typed=True, width=20)),
    (
        Row("f:a", {"label": "次数", "value": "2"}, {"value": Ask("count", unit="次")}),
        Row("f:b", {"label": "日期", "value": "1900-01-15"}, {"value": Ask("date")}),
        Row("f:c", {"label": "说明", "value": "长" * 20_000}, {"value": Ask("longtext")}),
        Row("f:d", {"label": "数", "value": "12345678901234567890"}, {"value": Ask("number")}),
        Row("f:e", {"label": "空", "value": ""}, {"value": Ask("number")}),
    ),
)
ABOUT = {
    "layout": "1",
    "cycle": "3",
    "entry": "u1",
    "unit": "示例联盟",
    "rubric": "sample",
    "fingerprint": "ab",
    "sections": "fields table:roster",
}
LAYOUT = Layout(ABOUT, "示例联盟", "示例年度考核", (FIELDS, ROSTER), {"r:7": digest(list(TEXTS.values()))})


def book(layout: Layout = LAYOUT, **more: Any) -> bytes:
    return offline.write(layout, author="示例区教育局", made_at=MADE, **more)


def edited(change: Callable[[Any], None]) -> Filled:
    """The workbook read back after ``change(openpyxl book)``."""
    opened, out = load_workbook(io.BytesIO(book())), io.BytesIO()
    change(opened)
    opened.save(out)
    return offline_reading.read(out.getvalue(), LAYOUT)


def flaws(filled: Filled) -> list[tuple[str, str, str, bool]]:
    return [(f.sheet, f.cell, f.message, f.stops) for f in filled.flaws]


def test_everything_reads_back_as_it_was_written() -> None:
    filled = offline_reading.read(book(), LAYOUT)
    assert filled.about == ABOUT
    assert filled.base == LAYOUT.base
    assert filled.flaws == []
    assert filled.sheets == {"fields": "填报项", "table:roster": "名册 一"}
    assert [(x.key, x.row, dict(x.texts)) for x in filled.of("table:roster")] == [("r:7", 2, TEXTS)]
    assert {x.key: x.texts["value"] for x in filled.of("fields")} == {
        row.key: row.texts["value"] for row in FIELDS.rows
    }
    assert filled.cell(filled.of("table:roster")[0], "day") == "D2"
    assert filled.cell(filled.of("fields")[1]) == "C3"


def test_the_same_content_gives_the_same_bytes() -> None:
    assert book() == book()


def test_cells_have_the_kind_of_their_column() -> None:
    opened = load_workbook(io.BytesIO(book()))
    row = {c.column_letter: c for c in opened["名册 一"][2]}
    assert (row["B"].value, row["B"].data_type, row["B"].quotePrefix) == (TEXTS["name"], "s", True)
    assert (row["C"].value, row["C"].number_format) == ("0312", "@")
    assert (row["D"].value, row["D"].number_format) == (datetime(2030, 9, 1), "yyyy-mm-dd")
    assert (row["E"].value, row["F"].value) == (3, 0.125)
    rules = {str(v.sqref): v for v in opened["名册 一"].data_validations.dataValidation}
    assert (rules["D2:D2001"].type, rules["D2:D2001"].formula1) == ("date", "61")
    assert (rules["E2:E2001"].type, rules["E2:E2001"].formula1) == ("whole", "0")
    assert (rules["F2:F2001"].formula1, rules["F2:F2001"].formula2) == ("0", "1")
    assert rules["G2:G2001"].formula1 == "'_options'!$A$1:$A$2"
    assert [c.value for c in opened["_options"]["A"]] == ["市级", "区级, 含街道"]
    assert opened["填报项"].protection.sheet is True
    assert opened["填报项"]["C2"].protection.locked is False
    assert opened["填报项"]["B2"].protection.locked is True
    assert opened["名册 一"].protection.sheet is False
    assert [s.title for s in opened if s.sheet_state == "hidden"] == ["_options", "_intranet"]


def test_dates_numbers_and_ticks_as_people_type_them() -> None:
    def change(opened: Any) -> None:
        sheet = opened["名册 一"]
        sheet["D2"], sheet["E2"], sheet["C2"] = "2030年9月1日", 3.0, 312
        sheet["D2"].number_format = "@"
        sheet["B4"], sheet["D4"], sheet["H4"] = "乙某", datetime(2030, 9, 2, 8, 30), True

    first, second = edited(change).of("table:roster")
    assert (first.texts["day"], first.texts["n"], first.texts["code"]) == ("2030年9月1日", "3", "312")
    assert (second.key, second.row) == ("", 4)
    assert (second.texts["day"], second.texts["proof"]) == ("2030-09-02", "是")


def test_rows_and_columns_may_move_and_a_title_may_stand_above() -> None:
    def change(opened: Any) -> None:
        sheet = opened["名册 一"]
        sheet.insert_rows(1)
        sheet["B1"] = "名册（校长室已核）"
        sheet.insert_rows(3, 2)
        sheet.title = "改名"

    filled = edited(change)
    assert filled.flaws == []
    assert [(x.key, x.row, x.texts["name"]) for x in filled.of("table:roster")] == [("r:7", 5, TEXTS["name"])]


@pytest.mark.parametrize(
    ("cell", "value", "message"),
    [
        ("E2", "=1+2", "是公式，请复制后“选择性粘贴”为数值"),
        ("C2", 12345678901234567, "数字超过 15 位，末尾已失真，请把单元格设为文本后重新填写"),
    ],
)
def test_cells_that_cannot_be_trusted_stop_their_row(cell: str, value: Any, message: str) -> None:
    filled = edited(lambda opened: opened["名册 一"].__setitem__(cell, value))
    assert flaws(filled) == [("名册 一", cell, message, True)]
    assert (filled.flaws[0].section, filled.flaws[0].row) == ("table:roster", 2)


def test_formulas_outside_the_typed_columns_do_not_matter() -> None:
    filled = edited(lambda opened: opened["填报项"].__setitem__("B2", "=1+2"))
    assert filled.flaws == []


def test_too_many_rows_stop_the_sheet() -> None:
    def change(opened: Any) -> None:
        opened["名册 一"].cell(TABLE_LIMIT + 2, 2).value = "末"

    filled = edited(change)
    assert flaws(filled) == [
        ("名册 一", f"A{TABLE_LIMIT + 2}", f"超过 {TABLE_LIMIT} 行，这张工作表没有读取。请删去多余的行", True)
    ]
    assert filled.of("table:roster") == []


def test_a_sheet_twice_is_read_once() -> None:
    filled = edited(lambda opened: opened.copy_worksheet(opened["名册 一"]))
    assert [f[2] for f in flaws(filled)] == ["与前面的工作表重复，没有读取"]
    assert len(filled.of("table:roster")) == 1


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("layout", "0", "这份表是旧格式的"),
        ("cycle", "4", "这份表是另一次考核的。请下载“示例年度考核”的表再填。"),
        ("entry", "u2", "这份表是“示例联盟”的，不是“甲联盟”的"),
        ("rubric", "other", "考核细则有调整"),
        ("fingerprint", "cd", "考核细则有调整"),
    ],
)
def test_another_workbook_is_refused(key: str, value: str, said: str) -> None:
    asked = replace(LAYOUT, about={**ABOUT, key: value}, unit="甲联盟" if key == "entry" else "示例联盟")
    with pytest.raises(Invalid, match=said):
        offline_reading.read(book(), asked)


def test_it_passes_through_a_form_unchanged() -> None:
    filled = edited(lambda opened: opened["名册 一"].__setitem__("E2", "=1+2"))
    assert from_text(to_text(filled)) == filled


def test_more_than_a_form_carries_is_refused() -> None:
    filled = offline_reading.read(book(), LAYOUT)
    line = filled.of("table:roster")[0]
    huge = replace(filled, lines=[replace(line, texts={"name": "长" * 1_100_000})])
    with pytest.raises(Invalid, match="分几次上传"):
        to_text(huge)


def test_the_marked_copy_keeps_what_was_typed_and_says_what_is_wrong() -> None:
    def change(opened: Any) -> None:
        opened["名册 一"]["B5"], opened["名册 一"]["D5"] = "乙某", "去年秋天"

    filled = edited(change)
    data = book(
        overlaid(LAYOUT, filled),
        marks=[Mark("table:roster", 1, "day", "不是日期"), Mark("table:roster", 1, "", "缺文件")],
        remarks=[Remark("名册 一 K1", "多出一列“备注”，没有读取")],
    )
    opened = load_workbook(io.BytesIO(data))
    sheet = opened["名册 一"]
    assert (sheet["D3"].value, sheet["D3"].comment.text) == ("去年秋天", "不是日期")
    assert sheet["D3"].fill.start_color.rgb == "FFF9CFCB"
    assert sheet["B3"].comment.text == "缺文件"
    assert sheet["D2"].comment is None
    listed = [[c.value for c in row] for row in opened["问题"].iter_rows(min_row=5)]
    assert listed == [
        ["名册/一", "D3", "不是日期"],
        ["名册/一", "B3", "缺文件"],
        ["原文件 名册 一 K1", None, "多出一列“备注”，没有读取"],
    ]
    assert opened["问题"]["B5"].hyperlink.location == "'名册 一'!D3"
    again = offline_reading.read(data, LAYOUT)
    assert again.flaws == []
    assert [(x.key, x.texts["name"]) for x in again.of("table:roster")] == [
        ("r:7", TEXTS["name"]),
        ("", "乙某"),
    ]
