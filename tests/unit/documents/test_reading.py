"""Reading an uploaded table: every kind of wrong file and wrong cell gets a sentence that says where."""

from __future__ import annotations

import io
import random
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from intranet.documents import archive, reading
from intranet.documents.cells import read_cell
from intranet.errors import Invalid
from tests.unit.documents import build

HEADS = ("姓名", "学校", "起", "人数")
SOFFICE = shutil.which("soffice") or ""


def book(
    rows: Sequence[Sequence[Any]], *, sheet: str = "名册", more: Callable[[Any, Any], None] | None = None
) -> bytes:
    """An xlsx of these rows; dates become date cells. ``more(workbook, worksheet)`` adds to it."""
    out = io.BytesIO()
    file = xlsxwriter.Workbook(out, {"default_date_format": "yyyy-mm-dd"})
    page = file.add_worksheet(sheet)
    for n, row in enumerate(rows):
        for column, value in enumerate(row):
            if value is not None:
                page.write(n, column, value)
    if more is not None:
        more(file, page)
    file.close()
    return out.getvalue()


GOOD = [HEADS, ["甲某", "示例一小", date(2030, 9, 1), 3], ["乙某", "示例二小", date(2031, 2, 28), 0.5]]


def problems(data: bytes, heads: Sequence[str] = HEADS, **options: Any) -> list[str]:
    return [str(p) for p in reading.read_table(data, heads, **options).problems]


def refusal(data: bytes, heads: Sequence[str] = HEADS) -> str:
    with pytest.raises(Invalid) as caught:
        reading.read_table(data, heads)
    return caught.value.message


def test_a_table_comes_as_text_in_the_order_asked_for() -> None:
    table = reading.read_table(book(GOOD), ("人数", "姓名", "学校", "起"), dates=("起",))
    assert table.problems == ()
    assert table.headers == ("人数", "姓名", "学校", "起")
    assert [(r.sheet, r.number, r.cells) for r in table.rows] == [
        ("名册", 2, ("3", "甲某", "示例一小", "2030-09-01")),
        ("名册", 3, ("0.5", "乙某", "示例二小", "2031-02-28")),
    ]


def test_heads_may_stand_lower_be_marked_and_on_a_later_sheet() -> None:
    def second(file: Any, page: Any) -> None:
        other = file.add_worksheet("填写说明")
        other.write(0, 0, "怎样填写")
        third = file.add_worksheet("数据")
        third.write(1, 1, "教师交流名册")
        for column, head in enumerate(["姓名*", "学 校", "起\n(必填)", "人数（必填）"], 1):
            third.write(3, column, head)
            third.write(4, column, f"值{column}")

    table = reading.read_table(book([["别的"]], more=second), HEADS)
    assert [(r.sheet, r.number, r.cells) for r in table.rows] == [("数据", 5, ("值1", "值2", "值3", "值4"))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (0.1 + 0.2, "0.3"),
        (-2.5, "-2.5"),
        (100.0, "100"),
        (1e-5, "0.00001"),
        (True, "是"),
        (datetime(2030, 9, 1), "2030-09-01"),
        (datetime(2030, 9, 1, 8, 30), "2030-09-01 08:30"),
        (" 甲 ", "甲"),
        ("", ""),
        ("0312", "0312"),
    ],
)
def test_a_cell_as_it_would_be_typed(value: Any, text: str) -> None:
    assert read_cell(value).text == text


# --- wrong tables ----------------------------------------------------------------------------------


def test_missing_heads_are_named_with_sheet_and_row() -> None:
    assert refusal(book([["说明"], ["姓名", "学校", "日期"]])) == (
        "工作表“名册”第 2 行的表头缺少：起、人数。应有这些列：姓名、学校、起、人数。"
    )
    assert refusal(book([["a", "b"]])) == "没有找到表头。应有这些列：姓名、学校、起、人数。请下载模板填写。"
    assert refusal(book([])) == "没有找到表头。应有这些列：姓名、学校、起、人数。请下载模板填写。"


def test_a_hidden_sheet_is_not_read() -> None:
    def hide(file: Any, page: Any) -> None:
        file.add_worksheet("封面").activate()
        page.hide()

    assert refusal(book(GOOD, more=hide)).startswith("没有找到表头。")


def test_extra_and_repeated_columns() -> None:
    rows: list[list[Any]] = [
        [*HEADS, "备注", "姓名"],
        ["甲某", "示例一小", date(2030, 9, 1), 1, "", "", "多"],
    ]
    assert problems(book(rows)) == [
        "工作表“名册”E1：多出一列“备注”，请删去这一列",
        "工作表“名册”F1：表头“姓名”重复了，请删去一列",
        "工作表“名册”G2：有内容，但这一列没有表头，请删去",
    ]


def test_merged_cells_under_the_heads() -> None:
    def merge(file: Any, page: Any) -> None:
        page.merge_range("B3:B5", "示例二小")

    assert problems(book(GOOD, more=merge))[0] == (
        "工作表“名册”B3:B5：有合并的单元格，请取消合并，并在每一行都填上内容"
    )


def test_a_merged_title_above_the_heads_is_no_problem() -> None:
    def merge(file: Any, page: Any) -> None:
        page.merge_range("A1:D1", "教师交流名册")

    table = reading.read_table(book([[], *GOOD], more=merge), HEADS)
    assert table.problems == ()
    assert [r.number for r in table.rows] == [3, 4]


def test_blank_rows_between_but_not_at_the_end() -> None:
    rows = [*GOOD[:2], [], GOOD[2], [], ["  ", " "]]
    assert problems(book(rows)) == ["工作表“名册”A3：整行是空的，请删除这一行"]


def test_no_rows_at_all() -> None:
    assert problems(book([HEADS])) == ["工作表“名册”：表头下面没有内容，请从第 2 行起填写"]


def test_formulas_are_named_by_cell_on_the_right_sheet() -> None:
    def formula(file: Any, page: Any) -> None:
        page.write_formula("D3", "=1+1", None, 2)
        other = file.add_worksheet("草稿")
        other.write_formula("A1", "=1+1", None, 2)

    assert problems(book(GOOD, more=formula)) == ["工作表“名册”D3：是公式，请复制后“选择性粘贴”为数值"]


def test_error_values_and_digits_that_are_lost() -> None:
    def write(file: Any, page: Any) -> None:
        page.write_formula("D3", "=1/0", None, "#DIV/0!")
        page.write_number("D2", 510113199001011234)

    def pasted(xml: bytes) -> bytes:
        return xml.replace(b"<f>1/0</f>", b"")

    data = changed(book(GOOD, more=write), "xl/worksheets/sheet1.xml", pasted)
    assert problems(data) == [
        "工作表“名册”D3：是错误值 #DIV/0!，请改正",
        "工作表“名册”D2：数字超过 15 位，末尾已失真，请把单元格设为文本后重新填写",
    ]


def test_text_dates_are_read_or_named() -> None:
    texts = ["2030.9.1", "2030/09/01", "2030年9月1日", "２０３０-９-１", "去年九月", "2030-02-30", 47362]
    rows = [HEADS, *(["甲某", "示例一小", text, 1] for text in texts)]
    table = reading.read_table(book(rows), HEADS, dates=["起"])
    assert [r.cells[2] for r in table.rows][:4] == ["2030-09-01"] * 4
    assert [str(p) for p in table.problems] == [
        "工作表“名册”C6：“去年九月”不是日期，请填 2023-09-01 的样子",
        "工作表“名册”C7：“2030-02-30”不是日期，请填 2023-09-01 的样子",
        "工作表“名册”C8：“47362”不是日期，请填 2023-09-01 的样子",
    ]


def test_too_many_rows() -> None:
    rows = [HEADS, *(["甲某", "示例一小", "", n] for n in range(12))]
    table = reading.read_table(book(rows), HEADS, most_rows=10)
    assert table.rows == ()
    assert [str(p) for p in table.problems] == ["工作表“名册”A12：超过 10 行，请分成几个文件上传"]


def test_one_cell_in_the_last_row_and_column_is_refused_before_it_claims_memory() -> None:
    def far(file: Any, page: Any) -> None:
        page.write("XFD1048576", "x")

    message = refusal(book(GOOD, more=far))
    assert message.startswith("有一张工作表用到了第 1048576 行、XFD 列，超出可读取的范围。")


def test_far_too_many_rows() -> None:
    rows = b"".join(b'<row r="%d"><c r="A%d"><v>1</v></c></row>' % (n, n) for n in range(2, 120_000))
    data = changed(
        book(GOOD),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"</sheetData>", rows + b"</sheetData>"),
    )
    assert problems(data) == ["工作表“名册”A5002：超过 5000 行，请分成几个文件上传"]


# --- wrong files -----------------------------------------------------------------------------------


def changed(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The zip with one entry rewritten."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for info in source.infolist():
            content = source.read(info)
            target.writestr(info.filename, change(content) if info.filename == name else content)
    return out.getvalue()


def added(data: bytes, name: str, content: bytes) -> bytes:
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as target:
        target.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"\xff\xd8\xff\xe0", b"<html>", b"a,b\n1,2"])
def test_what_is_no_spreadsheet(data: bytes) -> None:
    assert refusal(data) == "这不是电子表格。请上传 .xlsx 文件（用 WPS 或 Excel 另存为 .xlsx）。"


def test_a_truncated_file() -> None:
    data = book(GOOD)
    for size in (4, 30, len(data) // 2, len(data) - 10):
        assert refusal(data[:size]) == "文件已损坏，打不开。请用 WPS 或 Excel 重新保存后再上传。"


def test_a_docx_is_no_xlsx() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("word/document.xml", "<w/>")
    assert refusal(out.getvalue()) == "这不是 .xlsx 表格。请用 WPS 或 Excel 另存为 .xlsx 后再上传。"


def test_macros_are_refused() -> None:
    assert (
        refusal(added(book(GOOD), "xl/vbaProject.bin", b"x"))
        == "文件含有宏，不能上传。请另存为不带宏的 .xlsx。"
    )


def test_an_ole_file_that_is_no_workbook() -> None:
    """An encrypted xlsx is an OLE file too."""
    assert refusal(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 4096) == (
        "文件已损坏或格式不对，打不开。请用 WPS 或 Excel 另存为 .xlsx 后再上传。"
    )


@pytest.mark.parametrize(
    "declaration",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        b"<!doctype x>",
    ],
)
def test_document_types_and_entities(declaration: bytes) -> None:
    data = changed(
        book(GOOD), "xl/sharedStrings.xml", lambda xml: xml.replace(b"<sst", declaration + b"<sst", 1)
    )
    assert refusal(data) == "文件不正常（含有文档类型声明），没有读取。请用 WPS 或 Excel 重新保存后再上传。"


def test_another_encoding_cannot_hide_a_declaration() -> None:
    def utf16(xml: bytes) -> bytes:
        return xml.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")

    data = changed(book(GOOD), "xl/workbook.xml", utf16)
    assert "编码不是 UTF-8" in refusal(data)
    data = changed(book(GOOD), "xl/workbook.xml", lambda xml: xml.replace(b"UTF-8", b"UTF-7"))
    assert "编码不是 UTF-8" in refusal(data)


def test_broken_xml() -> None:
    for name in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"):
        data = changed(book(GOOD), name, lambda xml: xml[: len(xml) // 2])
        assert refusal(data).startswith(("文件已损坏", "没有找到表头")), name


def test_a_bomb_by_ratio_and_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    data = added(book(GOOD), "xl/media/bomb.xml", b"\0" * (30 * 1024 * 1024))
    assert "压缩比过高" in refusal(data)
    monkeypatch.setattr(archive, "MOST_BYTES", 1024 * 1024)
    data = added(book(GOOD), "xl/media/big.bin", bytes(range(256)) * 8192)
    assert "解压后超过 1 MB" in refusal(data)


def test_too_many_entries() -> None:
    out = io.BytesIO(book(GOOD))
    with zipfile.ZipFile(out, "a") as file:
        for n in range(archive.MOST_ENTRIES):
            file.writestr(f"x/{n}", b"")
    assert "个部件，超过 2000 个" in refusal(out.getvalue())


def test_overlapping_entries() -> None:
    """CVE-2024-0450: many directory entries that share one compressed body."""
    name, body = b"xl/a.xml", zlib.compress(b"<a/>" * 5000, wbits=-15)
    fields = (20, 0, 8, 0, 0, zlib.crc32(b"<a/>" * 5000), len(body), 20000)
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", *fields, len(name), 0) + name + body
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, *fields, len(name), 0, 0, 0, 0, 0, 0) + name
    twice = entry + entry.replace(b"a.xml", b"b.xml")
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2, 2, len(twice), len(local), 0)
    assert "文件不正常（目录与内容不符）" in refusal(local + twice + end)
    # The same, with the second local header quoted inside the first body (as in "a better zip bomb").
    inner = struct.pack("<4s5H3I2H", b"PK\x03\x04", *fields, len(name), 0) + b"xl/b.xml" + body
    stored = (20, 0, 0, 0, 0, zlib.crc32(inner), len(inner), len(inner))
    outer = struct.pack("<4s5H3I2H", b"PK\x03\x04", *stored, len(name), 0) + name
    first = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, *stored, len(name), 0, 0, 0, 0, 0, 0) + name
    second = (
        struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, *fields, len(name), 0, 0, 0, 0, 0, len(outer))
        + b"xl/b.xml"
    )
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2, 2, len(first + second), len(outer + inner), 0)
    assert "文件不正常（部件互相重叠）" in refusal(outer + inner + first + second + end)


def test_an_entry_longer_than_it_says() -> None:
    """The directory says 4 bytes, the stream has 20,000: Python stops at 4, another reader goes on."""
    data = added(book(GOOD), "xl/x.xml", b"<a/>" * 5000)
    data = data.replace(struct.pack("<I", 20000), struct.pack("<I", 4))
    assert "部件的大小与目录不符" in refusal(data)


def test_a_password_and_repeated_names() -> None:
    data = bytearray(book(GOOD))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    assert refusal(bytes(data)) == "文件加了密码，读不了。请去掉密码后再上传。"
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = added(book(GOOD), "xl/workbook.xml", b"<x/>")
    assert "内有重名的部件" in refusal(twice)


def test_a_file_too_large_to_look_at() -> None:
    assert refusal(b"PK" + b"\0" * reading.MOST_FILE).startswith("文件超过 20 MB")


def outcome(data: bytes) -> str:
    """A sentence, or the first cell of the table."""
    try:
        return reading.read_table(data, HEADS).rows[0].cells[0]
    except Invalid as error:
        return error.message


@pytest.mark.parametrize("seed", range(20))
def test_damaged_bytes_never_raise_anything_else(seed: int) -> None:
    """Bytes changed at random: the table, or a sentence."""
    chance = random.Random(seed)
    data = bytearray(book(GOOD))
    for _ in range(chance.randint(1, 30)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    said = outcome(bytes(data))
    assert said == "甲某" or said.endswith("。")


def test_a_count_that_lies_ends_the_reading_process_and_not_the_server() -> None:
    """calamine reserves memory for as many strings as the file states, and aborts."""
    data = changed(
        book(GOOD),
        "xl/sharedStrings.xml",
        lambda xml: xml.replace(b'uniqueCount="', b'uniqueCount="99999999999'),
    )
    assert outcome(data) == "文件已损坏或格式不对，打不开。请用 WPS 或 Excel 另存为 .xlsx 后再上传。"


# --- xls and ods -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not SOFFICE, reason="LibreOffice (soffice) is not installed: no xls or ods to read")
@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_other_formats_are_read_and_cannot_claim_memory(kind: str, tmp_path: Path) -> None:
    source = tmp_path / "table.xlsx"
    source.write_bytes(book(GOOD))
    data = build.convert(SOFFICE, tmp_path, source, kind).read_bytes()
    table = reading.read_table(data, HEADS, dates=["起"])
    assert [r.cells for r in table.rows] == [
        ("甲某", "示例一小", "2030-09-01", "3"),
        ("乙某", "示例二小", "2031-02-28", "0.5"),
    ]

    def far(file: Any, page: Any) -> None:
        page.write("IV65536", "x")

    source.write_bytes(book(GOOD, more=far))
    data = build.convert(SOFFICE, tmp_path, source, kind).read_bytes()
    assert len(data) < 20_000  # and yet a reader claims a GB for it
    assert refusal(data) == "文件已损坏或格式不对，打不开。请用 WPS 或 Excel 另存为 .xlsx 后再上传。"
