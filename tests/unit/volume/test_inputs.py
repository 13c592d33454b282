"""What people hand in: odd pages, damaged ones that can be mended, texts, office files that point elsewhere."""

from __future__ import annotations

import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest

from intranet.volume import convert
from tests.unit.volume.ground import Put, make, needs_poppler, pdf_of, plan_of, texts

needs_office = pytest.mark.skipif(
    convert.soffice() is None, reason="NO LIBREOFFICE: soffice is not installed, no office file was converted"
)


@needs_poppler
def test_any_size_and_turn_has_its_stamp_on_the_page(put: Put, tmp_path: Path) -> None:
    """A0 posters, slips, pages whose box does not begin at 0, whose box and turn stand in the page tree."""
    inherited = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf_of(2, "tree"))) as pdf:
        for page in pdf.pages:
            for key in ("/MediaBox", "/Resources"):
                pdf.Root.Pages[key] = page.obj[key]
                del page.obj[key]
        pdf.Root.Pages.Rotate = 90
        pdf.save(inherited)
    shifted = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf_of(1, "shift", size=(900, 900)))) as pdf:
        pdf.pages[0].obj.MediaBox = pikepdf.Array([-100, -200, 800, 700])
        pdf.pages[0].obj.CropBox = pikepdf.Array([0, 0, 595, 600])
        pdf.save(shifted)
    documents = [
        put(1, "海报.pdf", pdf_of(1, "poster", size=(2384, 3370))),
        put(2, "纸条.pdf", pdf_of(1, "slip", size=(200, 420))),
        put(3, "继承.pdf", inherited.getvalue()),
        put(4, "移位.pdf", shifted.getvalue()),
        *(
            put(5 + n, f"转{turn}.pdf", pdf_of(1, f"turn{turn}", rotate=turn))
            for n, turn in enumerate((90, 180, 270))
        ),
    ]
    built, path = make(plan_of(documents, tuple(range(1, 8))), tmp_path)
    said = texts(path)
    for number, (first, last) in built.places.items():
        for page in range(first, last + 1):
            assert f"甲山教育集团{number}号材料第{page}页" in said[page - 1], (number, said[page - 1])
    assert built.places[3][1] == built.places[3][0] + 1


@needs_poppler
def test_a_document_whose_table_is_lost_is_mended(put: Put, tmp_path: Path) -> None:
    """Many scanners and download tools write a wrong cross-reference table; readers mend it, so do we."""
    data = pdf_of(3, "mended")
    cut = data[: data.rindex(b"startxref")] + b"startxref\n99999\n%%EOF\n"
    built, path = make(plan_of([put(1, "坏表.pdf", cut)], (1,)), tmp_path)
    assert built.problems == []
    assert [f"mended{n}" in texts(path)[built.places[1][0] + n - 2] for n in (1, 2, 3)] == [True] * 3


@needs_poppler
def test_what_was_typed_into_a_form_is_printed(put: Put, tmp_path: Path) -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf_of(1, "blank"))) as pdf:
        font = pdf.pages[0].obj.Resources.Font.F1
        shape = pdf.make_stream(b"/Tx BMC q BT /F1 12 Tf 2 4 Td (typed by hand) Tj ET Q EMC")
        shape.Type, shape.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
        shape.BBox = pikepdf.Array([0, 0, 200, 20])
        shape.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        typed = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T="name",
                V="typed by hand",
                Rect=pikepdf.Array([60, 300, 260, 320]),
                AP=pikepdf.Dictionary(N=shape),
                F=4,
            )
        )
        pdf.pages[0].obj.Annots = pikepdf.Array([typed])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([typed]))
        pdf.save(out)
    built, path = make(plan_of([put(1, "表单.pdf", out.getvalue())], (1,)), tmp_path)
    assert "typedbyhand" in texts(path)[built.places[1][0] - 1]
    with pikepdf.open(path) as pdf:
        assert "/AcroForm" not in pdf.Root


@needs_poppler
def test_texts_of_either_encoding_are_read_back(put: Put, tmp_path: Path) -> None:
    """Rare characters too: those of GBK that names are written with."""
    words = "会议纪要：喆、堃、镕参加；“补签”两人。#set page(fill: red) $x$ \\ @ref"
    documents = [
        put(1, "一.txt", words.encode()),
        put(2, "二.txt", words.encode("gb18030")),
        put(3, "三.txt", b"\xef\xbb\xbf" + words.encode()),
        put(4, "四.txt", ("长" * 500_000).encode()),
        put(5, "[甲]#set text(red)*“$.txt", b"x"),
    ]
    built, path = make(plan_of(documents, (1, 2, 3, 4, 5)), tmp_path)
    said = texts(path)
    for number in (1, 2, 3):
        assert "".join(words.split()) in said[built.places[number][0] - 1]
    assert "只印前400000个字" in said[built.places[4][1] - 1]
    assert "5[甲]#settext(red)*“$" in "".join(said[: built.sections[0]["page"]])


# --- office files --------------------------------------------------------------------------------

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName='
    '"/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.'
    'document.main+xml"/></Types>'
)
RELS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)
DRAWN = (
    '<w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/'
    'wordprocessingDrawing"><wp:extent cx="990000" cy="990000"/><wp:docPr id="1" name="p"/>'
    '<a:graphic xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><a:graphicData '
    'uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic xmlns:pic='
    '"http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:nvPicPr><pic:cNvPr id="0" name="p"/>'
    f'<pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip xmlns:r="{OFFICE}" r:link="p1"/><a:stretch>'
    '<a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="990000" '
    'cy="990000"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic>'
    "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
)


def docx(words: str, picture: str = "") -> bytes:
    """A Word file; with the address of a picture that stands elsewhere."""
    drawn = DRAWN if picture else ""
    link = f'<Relationship Id="p1" Type="{OFFICE}/image" Target="{picture}" TargetMode="External"/>'
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": RELS.format(
            f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/>'
        ),
        "word/_rels/document.xml.rels": RELS.format(link if picture else ""),
        "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>{words}</w:t></w:r>'
        f"{drawn}</w:p></w:body></w:document>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return out.getvalue()


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server of this machine, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_OPTIONS = do_PROPFIND = do_GET

        def log_message(self, *_words: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()
    thread.join()


@needs_office
@needs_poppler
@pytest.mark.slow
def test_a_word_file_becomes_pages_and_fetches_nothing(
    put: Put, tmp_path: Path, elsewhere: tuple[str, list[str]]
) -> None:
    address, asked = elsewhere
    document = put(1, "总结.docx", docx("集团工作总结", f"{address}/picture.png"))
    built, path = make(plan_of([document], (1,)), tmp_path)
    assert built.problems == []
    assert "集团工作总结" in texts(path)[built.places[1][0] - 1]
    assert asked == []


def test_an_office_file_without_libreoffice(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page stands in for it, and the next build tries again."""
    document = put(1, "总结.docx", docx("集团工作总结"))
    with monkeypatch.context() as without:
        without.setattr(convert, "soffice", lambda: None)
        built, _path = make(plan_of([document], (1,)), tmp_path)
    assert [p["reason"] for p in built.problems] == [
        "这台服务器不能转换 Office 文件：请另存为 PDF 再传，或请管理员安装 LibreOffice 后重新编制"
    ]
    assert list((tmp_path / "cache").glob("*.why")) == [] if (tmp_path / "cache").exists() else True


def test_a_conversion_that_hangs_is_ended(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program and what it started: nothing of it runs on."""
    hanging = tmp_path / "soffice"
    mark = tmp_path / "pid"
    hanging.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {mark}\nwait\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(convert, "soffice", lambda: str(hanging))
    monkeypatch.setattr(convert, "OFFICE_SECONDS", 1)
    built, _path = make(plan_of([put(1, "总结.docx", docx("x"))], (1,)), tmp_path)
    assert [p["reason"] for p in built.problems] == ["转成页面用时太长"]
    state = Path(f"/proc/{mark.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"
