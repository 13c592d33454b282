"""The notice's own table: its merged cells, numbers, foot, notes and page."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from intranet.documents import official_form
from intranet.rubric.forms import FormRow
from intranet.rubric.model import Form, FormColumn
from tests.unit.documents import build

FORM = Form(
    key="table",
    title="{unit}{cycle}考核表",
    rows="clauses:二级指标",
    landscape=True,
    columns=(
        FormColumn(label="一级指标", source="above.一级指标", merge=True, width=16),
        FormColumn(label="组", source="title", merge=True, width=8),
        FormColumn(label="具体要求", source="requirement", width=30),
        FormColumn(label="分值", source="max", width=6, align="center"),
        FormColumn(label="得分", source="points", width=8, align="right"),
    ),
)
ROWS = [
    FormRow(["一 制度", "甲", "章程", Fraction(5), Fraction("3.5")], "clause:A1"),
    FormRow(["一 制度", "甲", "会议" * 60, Fraction(7), Fraction(13, 3)], "clause:A2"),
    FormRow(["二 成效", "甲", "=1+1", Fraction(4), None], "clause:B1"),
    FormRow(["二 成效", "", "交流", Fraction("0.8"), Fraction(0)], "clause:B2"),
]
FOOT = [FormRow(["总分", None, None, Fraction("16.8"), Fraction("7.83")], "foot:total")]
DATA = official_form.write(
    FORM,
    FORM.title,
    ROWS,
    FOOT,
    ["说明：1.逐项填写。", "2.少一样材料扣1分。"],
    unit="松鹤{unit}",
    cycle="2030学年",
    label="草案",
)


def sheet() -> Any:
    return build.reopen(DATA).worksheets[0]


def test_title_heads_rows_and_notes_stand_as_printed() -> None:
    found = sheet()
    assert found["A1"].value == "松鹤{unit}2030学年考核表"
    assert found["A2"].value == "考核对象：松鹤{unit}　　考核周期：2030学年　　草案"
    assert [c.value for c in found[3]] == ["一级指标", "组", "具体要求", "分值", "得分"]
    assert [c.value for c in found[4]] == ["一 制度", "甲", "章程", 5, 3.5]
    assert [found.cell(r, 1).value for r in (9, 10)] == ["说明：1.逐项填写。", "2.少一样材料扣1分。"]


def test_equal_neighbours_are_one_cell_within_the_group_on_their_left() -> None:
    areas = {str(area) for area in sheet().merged_cells.ranges}
    assert {"A4:A5", "B4:B5", "A6:A7"} <= areas  # 甲 of the second group stays apart from the first
    assert not [area for area in areas if area.startswith(("B6", "C", "D", "E"))]


def test_the_foot_label_takes_the_empty_cells() -> None:
    found = sheet()
    assert "A8:C8" in {str(area) for area in found.merged_cells.ranges}
    assert [found["A8"].value, found["D8"].value, found["E8"].value] == ["总分", 16.8, 7.83]


def test_numbers_are_exact_and_blanks_are_blank() -> None:
    found = sheet()
    assert found["E5"].value == "=13/3"
    assert found["E5"].number_format == "0.00"
    assert found["E4"].number_format == "General"
    assert found["E6"].value is None
    assert found["E7"].value == 0
    assert build.formulas(DATA) == {(found.title, "E5"): "=13/3"}
    assert found["C6"].value == "=1+1"
    assert found["C6"].quotePrefix


def test_rows_are_as_high_as_their_text() -> None:
    found = sheet()
    assert found.row_dimensions[4].height == 20.25
    assert found.row_dimensions[5].height > 5 * 14


def test_the_page_is_the_forms() -> None:
    found = sheet()
    assert found.page_setup.orientation == "landscape"
    assert found.page_setup.paperSize == 9
    assert found.print_title_rows == "$3:$3"
    assert found.oddHeader.center.text == "草案"


def test_an_empty_form_has_its_heads_and_foot() -> None:
    data = official_form.write(FORM, "表", [], FOOT, [], unit="松鹤", cycle="2030学年")
    assert build.reopen(data).worksheets[0]["A4"].value == "总分"
