"""Words of documents for a look in the page: what is read, what is cut, what is refused."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import pytest

from intranet.documents.preview import LINES, Block, preview
from intranet.documents.words import LONGEST
from intranet.errors import Invalid

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
TYPES = "<Types/>"


def docx(body: str, head: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr(
            "word/document.xml",
            f'{head}<w:document xmlns:w="{W}" xmlns:mc="{MC}"><w:body>{body}</w:body></w:document>',
        )
    return out.getvalue()


def p(*runs: str) -> str:
    return "<w:p>" + "".join(f"<w:r><w:t>{run}</w:t></w:r>" for run in runs) + "</w:p>"


def table(*rows: tuple[str, ...]) -> str:
    return (
        "<w:tbl>"
        + "".join("<w:tr>" + "".join(f"<w:tc>{c}</w:tc>" for c in r) + "</w:tr>" for r in rows)
        + "</w:tbl>"
    )


def read(tmp_path: Path, data: bytes, kind: str = "docx") -> tuple[tuple[Block, ...], bool]:
    path = tmp_path / "file"
    path.write_bytes(data)
    found = preview(path, kind)
    return found.blocks, found.is_cut


def test_paragraphs_and_tables_in_order(tmp_path: Path) -> None:
    body = (
        p("集团", "章程")
        + "<w:p/>"
        + table((p("姓名"), p("学校")), ('<w:tcPr><w:gridSpan w:val="2"/></w:tcPr>' + p("甲") + p("乙"),))
        + "<w:p><w:r><w:t>一</w:t><w:tab/><w:t>二</w:t><w:br/><w:t>三</w:t></w:r></w:p>"
    )
    blocks, cut = read(tmp_path, docx(body))
    assert blocks == (
        Block("p", text="集团章程"),
        Block("t", rows=((("姓名", 1), ("学校", 1)), (("甲\n乙", 2),))),
        Block("p", text="一 二 三"),
    )
    assert cut is False


def test_a_table_in_a_cell_is_text_of_the_cell(tmp_path: Path) -> None:
    blocks, _cut = read(tmp_path, docx(table((table((p("内"), p("里"))) + p("外"),))))
    assert blocks == (Block("t", rows=((("内\n里\n外", 1),),)),)


def test_deleted_words_and_second_readings_are_left_out(tmp_path: Path) -> None:
    body = (
        "<w:p><w:del><w:r><w:delText>删去的</w:delText></w:r></w:del><w:r><w:t>留下的</w:t></w:r></w:p>"
        f"<mc:AlternateContent><mc:Choice>{p('框')}</mc:Choice><mc:Fallback>{p('框')}</mc:Fallback></mc:AlternateContent>"
    )
    assert read(tmp_path, docx(body))[0] == (Block("p", text="留下的"), Block("p", text="框"))


def test_only_so_many_lines(tmp_path: Path) -> None:
    blocks, cut = read(tmp_path, docx("".join(p(str(n)) for n in range(LINES + 1))))
    assert (len(blocks), blocks[-1].text, cut) == (LINES, str(LINES - 1), True)
    assert read(tmp_path, docx("".join(p(str(n)) for n in range(LINES))))[1] is False
    rows, cut = read(tmp_path, docx(table(*[(p(str(n)),) for n in range(LINES + 5)])))
    assert (len(rows[0].rows), cut) == (LINES, True)


def test_one_paragraph_is_not_endless(tmp_path: Path) -> None:
    ((block,), _cut) = read(tmp_path, docx(p("字" * 5000, "尾")))
    assert block.text == "字" * LONGEST + "…"


@pytest.mark.parametrize(
    "data",
    [
        docx(p("&a;"), '<!DOCTYPE d [<!ENTITY a "x">]>'),
        docx(p("x"), '<!DOCTYPE d SYSTEM "file:///etc/passwd">'),
        docx("<w:p>"),
        b"PK\x03\x04 nothing",
        b"",
    ],
)
def test_what_declares_or_breaks_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Invalid, match="请下载后打开"):
        read(tmp_path, data)


def test_a_swelling_document_ends_soon(tmp_path: Path) -> None:
    """300 MB of one paragraph, zipped into 300 kB."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/document.xml", "w", force_zip64=True) as part,
    ):
        part.write(f'<w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>'.encode())
        for _n in range(300):
            part.write(b"a" * 1024 * 1024)
    begin = time.monotonic()
    blocks, cut = read(tmp_path, out.getvalue())
    assert time.monotonic() - begin < 8
    assert (blocks, cut) == ((), True)


def test_text_is_guessed(tmp_path: Path) -> None:
    assert read(tmp_path, "一\r\n\n二".encode("gb18030"), "txt")[0] == (
        Block("p", text="一"),
        Block("p", text=""),
        Block("p", text="二"),
    )
    assert read(tmp_path, "\ufeff一".encode(), "txt")[0] == (Block("p", text="一"),)
    with pytest.raises(Invalid):
        read(tmp_path, b"\xff\xfe\x00\xd8", "txt")


def test_a_long_text_is_cut_between_characters(tmp_path: Path) -> None:
    blocks, cut = read(tmp_path, ("字" * 400_000).encode(), "txt")
    assert (blocks, cut) == ((Block("p", text="字" * LONGEST),), True)
