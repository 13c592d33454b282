"""PDF/A-2b: declared only if every document does so itself and nothing speaks against it; else it is said which not."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from benchmarks import corpus
from intranet.volume import convert
from tests.unit.volume.ground import Put, make, pdf_of, picture, plan_of

needs_office = pytest.mark.skipif(
    convert.soffice() is None, reason="NO LIBREOFFICE: soffice is not installed, no office file was converted"
)


def declared(path: Path) -> str | None:
    with pikepdf.open(path) as pdf, pdf.open_metadata() as about:
        said = about.get("pdfaid:part")
        assert (said is not None) == ("/OutputIntents" in pdf.Root)
        return said


def conforming(change: Callable[[pikepdf.Pdf, Any], None] | None = None, **saving: Any) -> bytes:
    """Two pages as Typst sets them, PDF/A-2b; with something changed afterwards."""
    data = corpus.texts(random.Random(1), 2)
    if change is None:
        return data
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf, pdf.pages[0].obj)
        pdf.save(out, **saving)
    return out.getvalue()


def test_a_volume_of_what_conforms_declares_itself(put: Put, tmp_path: Path) -> None:
    documents = [
        put(1, "章程.pdf", conforming()),
        put(2, "合影.jpg", picture((300, 200))),
        put(3, "截图.png", picture((300, 200), "PNG")),
        put(4, "说明.txt", "说明".encode()),
        put(5, "坏.pdf", b"%PDF-1.4"),  # its page is ours
    ]
    built, path = make(plan_of(documents, (1, 2, 3, 4, 5), pictures=2), tmp_path)
    assert (built.archival, built.obstacles) == (True, [])
    assert declared(path) == "2"
    with pikepdf.open(path) as pdf:
        assert "/Filter" not in pdf.Root.Metadata
        assert pdf.pdf_version == "1.7"
        for page in pdf.pages:
            for note in page.obj.get("/Annots", ()):
                assert int(note.F) & 4


@needs_office
@pytest.mark.slow
def test_office_files_are_made_to_conform(put: Put, tmp_path: Path) -> None:
    documents = [put(1, "总结.docx", corpus.docx(random.Random(1), 3))]
    built, path = make(plan_of(documents, (1,)), tmp_path)
    assert (built.problems, built.obstacles) == ([], [])
    assert declared(path) == "2"


def font(pdf: pikepdf.Pdf, page: Any) -> None:
    page.Resources.Font.F9 = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)


def script(_pdf: pikepdf.Pdf, page: Any) -> None:
    page.AA = Dictionary(O=Dictionary(S=Name.JavaScript, JS=String("1")))


def film(pdf: pikepdf.Pdf, page: Any) -> None:
    page.Annots = Array(
        [pdf.make_indirect(Dictionary(Subtype=Name.RichMedia, F=4, Rect=Array([0, 0, 1, 1])))]
    )


def lzw(pdf: pikepdf.Pdf, page: Any) -> None:
    stream = pdf.make_stream(b"x", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 1, 1]))
    stream.Filter = Name.LZWDecode
    page.Resources.XObject = Dictionary(X=stream)


def ink(pdf: pikepdf.Pdf, _page: Any) -> None:
    pdf.Root.OutputIntents[0].DestOutputProfile.N = 4


def postscript(pdf: pikepdf.Pdf, page: Any) -> None:
    page.Resources.XObject = Dictionary(X=pdf.make_stream(b"x", Type=Name.XObject, Subtype=Name.PS))


def older(pdf: pikepdf.Pdf, _page: Any) -> None:
    data = pdf.Root.Metadata.read_bytes().replace(b"<pdfaid:part>2<", b"<pdfaid:part>1<")
    pdf.Root.Metadata = pdf.make_stream(data, Type=Name.Metadata, Subtype=Name.XML)


def silent(pdf: pikepdf.Pdf, _page: Any) -> None:
    del pdf.Root.Metadata


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (font, "有字体没有嵌入"),
        (script, "带有脚本或会自动执行的动作"),
        (film, "带有音频、视频或三维内容"),
        (lzw, "用了 PDF/A 不允许的压缩方式"),
        (ink, "颜色是印刷用的 CMYK"),
        (postscript, "带有 PostScript 内容"),
        (older, "声明的是 PDF/A-1，不是 PDF/A-2"),
        (silent, "存的时候没有选 PDF/A"),
    ],
)
def test_what_stands_against_it_is_named(
    change: Callable[[pikepdf.Pdf, Any], None], why: str, put: Put, tmp_path: Path
) -> None:
    data = conforming(change, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)
    documents = [put(1, "好.pdf", conforming()), put(2, "不合.pdf", data)]
    built, path = make(plan_of(documents, (1, 2)), tmp_path)
    assert [(o["number"], o["name"]) for o in built.obstacles] == [(2, "不合.pdf")]
    assert why in built.obstacles[0]["reason"]
    assert not built.archival
    assert declared(path) is None


def test_what_was_changed_here_declares_nothing(put: Put, tmp_path: Path) -> None:
    """A password or a form was taken out: what the file said of itself no longer holds."""
    locked = conforming(lambda _pdf, _page: None, encryption=pikepdf.Encryption(owner="o", user=""))
    form = conforming(lambda pdf, _page: pdf.Root.__setitem__("/AcroForm", Dictionary(Fields=Array([]))))
    built, path = make(plan_of([put(1, "锁.pdf", locked), put(2, "表.pdf", form)], (1, 2)), tmp_path)
    assert [o["number"] for o in built.obstacles] == [1, 2]
    assert declared(path) is None


def test_an_ordinary_document(put: Put, tmp_path: Path) -> None:
    built, path = make(plan_of([put(1, "普通.pdf", pdf_of(1))], (1,)), tmp_path)
    assert built.obstacles[0]["reason"] == "有字体没有嵌入；存的时候没有选 PDF/A"
    assert declared(path) is None
