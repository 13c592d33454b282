"""Import templates: what they ask for, and that a filled one is read back."""

from __future__ import annotations

from io import BytesIO

from intranet.documents import reading
from intranet.documents.templates_xlsx import ImportColumn, write_import_template
from tests.unit.documents import build

COLUMNS = [
    ImportColumn("姓名", required=True, help="与名册一致"),
    ImportColumn("角色", choices=("牵头", "成员")),
    ImportColumn("起", kind="date"),
    ImportColumn("学校", choices=[f"示例第{n}小学" for n in range(60)]),
]
EXAMPLES = [("甲某", "牵头", "2030-09-01", "示例第1小学"), ("乙某", "成员", "", "示例第2小学")]
DATA = write_import_template("教师交流名册", COLUMNS, EXAMPLES, ["一行一人。"])
HEADS = tuple(column.label for column in COLUMNS)


def test_the_first_sheet_holds_the_heads_and_nothing_else() -> None:
    book = build.reopen(DATA)
    assert book.sheetnames == ["教师交流名册", "填写说明", "选项"]
    assert build.texts(book.worksheets[0]) == list(HEADS)
    assert book["选项"].sheet_state == "hidden"
    assert book["选项"]["A60"].value == "示例第59小学"
    assert book.worksheets[0].freeze_panes == "A2"


def test_drop_downs() -> None:
    rules = {str(r.sqref): r for r in build.reopen(DATA).worksheets[0].data_validations.dataValidation}
    assert rules["B2:B2001"].formula1 == '"牵头,成员"'
    assert rules["D2:D2001"].formula1 == "'选项'!$A$1:$A$60"
    assert rules["C2:C2001"].prompt == "日期，如 2023-09-01"
    assert rules["A2:A2001"].prompt == "与名册一致"


def test_a_choice_with_a_comma_is_listed_whole() -> None:
    data = write_import_template("表", [ImportColumn("级别", choices=("省级,含国家级", "市级"))], [], [])
    book = build.reopen(data)
    assert [c.value for c in book["选项"]["A"]] == ["省级,含国家级", "市级"]


def test_cells_are_text_so_that_codes_keep_their_zero() -> None:
    columns = build.reopen(DATA).worksheets[0].column_dimensions
    assert columns["A"].width >= 10
    sheet = build.reopen(DATA)
    assert sheet["教师交流名册"].column_dimensions["A"].number_format == "@"


def test_instructions_name_each_column() -> None:
    sheet = build.reopen(DATA)["填写说明"]
    rows = [[c.value for c in row] for row in sheet.iter_rows()]
    assert ["姓名", "必填", None, "与名册一致", "甲某\n乙某"] in rows
    assert ["角色", "选填", "牵头、成员", None, "牵头\n成员"] in rows
    assert "一行一人。" in build.texts(sheet)


def test_a_filled_template_is_read_back() -> None:
    book = build.reopen(DATA)
    sheet = book.worksheets[0]
    for column, text in enumerate(("甲某", "牵头", "2030.9.1", "示例第3小学"), 1):
        sheet.cell(2, column).value = text
    out = BytesIO()
    book.save(out)
    table = reading.read_table(out.getvalue(), HEADS, dates=["起"])
    assert table.problems == ()
    assert [r.cells for r in table.rows] == [("甲某", "牵头", "2030-09-01", "示例第3小学")]


def test_an_empty_template_says_that_nothing_is_filled_in() -> None:
    found = reading.read_table(DATA, HEADS).problems
    assert [str(p) for p in found] == ["工作表“教师交流名册”：表头下面没有内容，请从第 2 行起填写"]


def test_the_same_template_gives_the_same_bytes() -> None:
    assert write_import_template("教师交流名册", COLUMNS, EXAMPLES, ["一行一人。"]) == DATA
