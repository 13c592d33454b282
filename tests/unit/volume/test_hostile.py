"""Files that are wrong inside: each ends in a right page with its stamp, and none spoils the volume."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from intranet.volume import binding, glyphs
from intranet.volume.plan import Plan
from tests.unit.volume.ground import Put, make, needs_poppler, pdf_of, plan_of, texts

Change = Callable[[pikepdf.Pdf, Any], None]


def changed(change: Change, pages: int = 1, text: str = "inside", **saving: Any) -> bytes:
    """A PDF of which something was changed; the second argument is its first page's dictionary."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf_of(pages, text))) as pdf:
        change(pdf, pdf.pages[0].obj)
        pdf.save(out, **saving)
    return out.getvalue()


def with_(key: str, value: Any) -> Change:
    return lambda _pdf, page: page.__setitem__(key, value)


def without(key: str) -> Change:
    return lambda _pdf, page: page.__delitem__(key)


def drawing(*streams: bytes) -> Change:
    def change(pdf: pikepdf.Pdf, page: Any) -> None:
        made = [pdf.make_stream(data) for data in streams]
        page["/Contents"] = made[0] if len(made) == 1 else Array(made)

    return change


def packed(data: bytes, how: str, *, twice: bool) -> Change:
    def change(pdf: pikepdf.Pdf, page: Any) -> None:
        stream = pdf.make_stream(data)
        stream.Filter = Name(how)
        page["/Contents"] = Array([stream, stream]) if twice else stream

    return change


RAW = {"stream_decode_level": pikepdf.StreamDecodeLevel.none}
BOMB = zlib.compress(b"0 0 m 1 1 l S " * 4_000_000)
HOSTILE: dict[str, tuple[Change, dict[str, Any]]] = {
    "reversed box": (with_("/MediaBox", Array([595, 842, 0, 0])), {}),
    "negative box": (with_("/MediaBox", Array([-595, -842, 0, 0])), {}),
    "no area": (with_("/MediaBox", Array([0, 0, 0, 0])), {}),
    "no box": (without("/MediaBox"), {}),
    "three numbers": (with_("/MediaBox", Array([0, 0, 595])), {}),
    "words in the box": (with_("/MediaBox", Array([Name.a, String("x"), 595, 842])), {}),
    "crop elsewhere": (with_("/CropBox", Array([2000, 2000, 3000, 3000])), {}),
    "huge": (with_("/MediaBox", Array([0, 0, 200_000, 200_000])), {}),
    "tiny": (with_("/MediaBox", Array([0, 0, 3, 3])), {}),
    "turned by a word": (with_("/Rotate", Name.x), {}),
    "turned by 45": (with_("/Rotate", 45), {}),
    "turned back": (with_("/Rotate", -90), {}),
    "user unit": (with_("/UserUnit", 10), {"min_version": "1.6"}),
    "annotations of another kind": (with_("/Annots", Name.x), {}),
    "annotations mixed": (with_("/Annots", Array([1, String("x"), Dictionary(A=3, Dest=5)])), {}),
    "no content": (without("/Contents"), {}),
    "content a word": (with_("/Contents", Name.x), {}),
    "content of nothing": (with_("/Contents", Array([])), {}),
    "content of all kinds": (
        lambda pdf, page: page.__setitem__("/Contents", Array([1, pdf.make_stream(b"n")])),
        {},
    ),
    "resources a word": (with_("/Resources", Name.x), {}),
    "resources of all kinds": (with_("/Resources", Dictionary(Font=3, XObject=String("k"))), {}),
    "damaged content": (packed(b"not packed", "/FlateDecode", twice=False), RAW),
    "damaged contents": (packed(b"not packed", "/FlateDecode", twice=True), RAW),
    "unknown packing": (packed(b"x", "/FooDecode", twice=False), RAW),
    "bomb": (packed(BOMB, "/FlateDecode", twice=False), RAW),
    "bombs": (packed(BOMB, "/FlateDecode", twice=True), RAW),
    "open string": (drawing(b"BT /F1 20 Tf 60 400 Td (never closed"), {}),
}


@needs_poppler
def test_every_page_has_its_stamp(put: Put, tmp_path: Path) -> None:
    documents = [
        put(n, f"{name}.pdf", changed(change, **saving))
        for n, (name, (change, saving)) in enumerate(HOSTILE.items(), 1)
    ]
    built, path = make(plan_of(documents, tuple(range(1, len(documents) + 1))), tmp_path)
    assert built.problems == []
    bombs = {n for n, name in enumerate(HOSTILE, 1) if name.startswith("bomb")}
    for number, (first, last) in built.places.items():
        assert first == last
        if number not in bombs:  # reading these back would take a minute
            out = subprocess.run(
                ["pdftotext", "-f", str(first), "-l", str(first), str(path), "-"],
                capture_output=True,
                check=True,
            )
            said = "".join(out.stdout.decode().split())
            assert f"甲山教育集团{number}号材料第{first}页" in said, documents[number - 1].name


@needs_poppler
@pytest.mark.parametrize(
    "streams",
    [
        (b"q 0.1 0 0 0.1 300 300 cm q q BT /F1 20 Tf 60 400 Td (inside) Tj ET",),
        (b"q 0.1 0 0 0.1 300 300 cm q BT /F1 20 Tf", b"60 400 Td (inside) Tj ET"),
        (b"Q Q BT /F1 20 Tf 60 400 Td (inside) Tj ET Q",),
    ],
)
def test_what_a_content_leaves_behind_does_not_move_the_stamp(
    streams: tuple[bytes, ...], put: Put, tmp_path: Path
) -> None:
    _built, path = make(plan_of([put(1, "q.pdf", changed(drawing(*streams)))], (1,)), tmp_path)
    out = subprocess.run(["pdftotext", "-bbox", "-f", "4", str(path), "-"], capture_output=True, check=True)
    (line,) = [x for x in out.stdout.decode().splitlines() if "<word" in x and "甲山教育集团" in x]
    top = float(line.partition('yMin="')[2].partition('"')[0])
    assert 800 < top < 842, line


@needs_poppler
def test_a_volume_as_material_of_another_keeps_its_stamps(put: Put, tmp_path: Path) -> None:
    _built, first = make(plan_of([put(1, "甲.pdf", pdf_of(1, "alpha"))], (1,)), tmp_path / "a")
    built, path = make(plan_of([put(1, "旧汇编.pdf", first.read_bytes())], (1,)), tmp_path / "b")
    assert "alpha1" in texts(path)[built.places[1][1] - 1]
    with pikepdf.open(path) as pdf:
        page = pdf.pages[built.places[1][1] - 1]
        inner = page.Resources.XObject.VP
        assert inner.Resources.Font.VF.objgen != page.Resources.Font.VF.objgen
        assert inner.Resources.XObject.VP.objgen != inner.objgen


@needs_poppler
def test_pages_that_share_a_content_keep_their_own_fonts(put: Put, tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf, page: Any) -> None:
        other = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Courier)
        pdf.pages[1].obj.Contents = page.Contents
        pdf.pages[2].obj.Contents = page.Contents
        pdf.pages[2].obj.Resources = Dictionary(Font=Dictionary(F1=other))

    built, path = make(plan_of([put(1, "共用.pdf", changed(change, 3))], (1,)), tmp_path)
    first, last = built.places[1]
    said = texts(path)
    assert all("inside1" in said[page - 1] for page in range(first, last + 1))
    out = subprocess.run(["pdffonts", "-f", str(last), str(path)], capture_output=True, check=True)
    assert b"Courier" in out.stdout


def test_links_lead_into_their_own_document_and_nothing_runs(put: Put, tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf, page: Any) -> None:
        names = pikepdf.NameTree.new(pdf)
        names["ch1"] = Array([pdf.pages[-1].obj, Name.Fit])
        pdf.Root.Names = Dictionary(Dests=names.obj)
        goals: list[dict[str, Any]] = [
            {"Dest": String("ch1")},
            {"A": Dictionary(S=Name.GoTo, D=Array([pdf.pages[1].obj, Name.Fit]))},
            {"A": Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))},
            {"Dest": String("nowhere")},
        ]
        page.Annots = Array(
            [
                pdf.make_indirect(
                    Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), **goal)
                )
                for goal in goals
            ]
        )
        page.AA = Dictionary(O=Dictionary(S=Name.Launch, F=String("cmd.exe")))

    documents = [put(n, f"{n}.pdf", changed(change, 2 + n, f"d{n}")) for n in (1, 2)]
    built, path = make(plan_of(documents, (1, 2)), tmp_path)
    with pikepdf.open(path) as pdf:
        places = {page.obj.objgen: n for n, page in enumerate(pdf.pages, 1)}
        for first, last in built.places.values():
            page = pdf.pages[first - 1].obj
            assert "/AA" not in page
            named, direct, script, lost = page.Annots
            assert places[named.Dest[0].objgen] == last
            assert places[direct.Dest[0].objgen] == first + 1
            assert "/A" not in script
            assert "/Dest" not in lost
        assert b"app.alert" not in path.read_bytes()


@needs_poppler
def test_a_hidden_layer_stays_hidden(put: Put, tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf, page: Any) -> None:
        on, off = (pdf.make_indirect(Dictionary(Type=Name.OCG, Name=name)) for name in ("on", "off"))
        pdf.Root.OCProperties = Dictionary(OCGs=Array([on, off]), D=Dictionary(OFF=Array([off])))
        page.Resources.Properties = Dictionary(A=on, B=off)
        page.Contents = pdf.make_stream(
            b"/OC /A BDC BT /F1 20 Tf 60 400 Td (shown) Tj ET EMC /OC /B BDC BT /F1 20 Tf 60 300 Td (hidden) Tj ET EMC"
        )

    built, path = make(plan_of([put(1, "图层.pdf", changed(change))], (1,)), tmp_path)
    said = texts(path)[built.places[1][0] - 1]
    assert "shown" in said
    assert "hidden" not in said


@needs_poppler
def test_chinese_typed_into_a_form_is_printed(put: Put, tmp_path: Path) -> None:
    """qpdf by itself would print ????."""

    def change(pdf: pikepdf.Pdf, page: Any) -> None:
        field = pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Tx,
                T=String("name"),
                V=String("张三丰"),
                Rect=Array([60, 300, 260, 320]),
                F=4,
                DA=String("/F1 12 Tf 0 g"),
            )
        )
        page.Annots = Array([field])
        pdf.Root.AcroForm = Dictionary(
            Fields=Array([field]), DR=Dictionary(Font=page.Resources.Font), NeedAppearances=True
        )

    documents = [put(n, f"{n}.pdf", changed(change, text=f"form{n}")) for n in (1, 2)]  # names clash
    built, path = make(plan_of(documents, (1, 2)), tmp_path)
    for page, _last in built.places.values():
        assert "张三丰" in texts(path)[page - 1]


def test_a_dynamic_form_has_a_page_that_says_what_to_do(put: Put, tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf, _page: Any) -> None:
        pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=pdf.make_stream(b"<xdp/>"))
        pdf.Root.NeedsRendering = True

    built, _path = make(plan_of([put(1, "动态.pdf", changed(change))], (1,)), tmp_path)
    assert "打印成 PDF 再上传" in built.problems[0]["reason"]


@needs_poppler
def test_names_with_characters_that_the_font_lacks(put: Put, tmp_path: Path) -> None:
    """Rare characters of names are set; emoji and other scripts have a sign in their place."""
    assert glyphs.settable("𬱖䶮㑇𫍯 é ㎡\u202e\x00") == "𬱖䶮㑇𫍯 é ㎡"
    assert glyphs.settable("𠮷😀\ue000 བོད") == "□□□ □□"
    documents = [put(1, "𠮷\u202e😀合影 བོད.txt", "正文 😀 𬱖".encode()), put(2, "坏😀.pdf", b"%PDF-1.4")]
    plan = plan_of(documents, (1, 2))
    plan = Plan(
        **{**{f: getattr(plan, f) for f in plan.__slots__}, "unit": "𬱖山😀集团", "notice": "办法\ue000"}
    )
    built, path = make(plan, tmp_path)
    said = texts(path)
    assert "𬱖山□集团2号材料" in said[built.places[2][0] - 1]
    assert "正文□𬱖" in said[built.places[1][0] - 1]
    assert "1□□合影□□" in said[1]


def test_a_document_that_cannot_be_bound_has_a_page_in_its_place(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [put(1, "好.pdf", pdf_of(1, "good")), put(2, "坏.pdf", pdf_of(1, "bad"))]
    bind = binding.bind

    def failing(plan: Plan, parts: Any, *more: Any, **options: Any) -> None:
        if any(part.source == Path(documents[1].path) for part in parts):
            raise pikepdf.PdfError("broken")
        bind(plan, parts, *more, **options)

    monkeypatch.setattr(binding, "bind", failing)
    built, path = make(plan_of(documents, (1, 2)), tmp_path)
    assert [(p["number"], p["reason"]) for p in built.problems] == [(2, "文件已损坏，不能装订")]
    with pikepdf.open(path) as pdf:
        assert len(pdf.pages) == built.pages


def test_a_document_at_which_the_process_breaks_off(put: Put, tmp_path: Path) -> None:
    """Each document is tried by itself; here the broken one ends its process at once."""
    documents = [put(1, "好.pdf", pdf_of(1, "good")), put(2, "坏.pdf", b"%PDF-1.4")]
    order = {
        "plan": plan_of(documents, (1, 2)).to_json(),
        "target": str(tmp_path / "volume.pdf"),
        "cache": str(tmp_path / "cache"),
        "careful": True,
    }
    ending = (
        "import os, sys; from intranet.volume import build, convert; pages_of = convert.pages_of\n"
        "def ended(document, cache):\n"
        "    if document.number == 2: os.abort()\n"
        "    return pages_of(document, cache)\n"
        "build.pages_of = ended\n"
        "from intranet.volume import __main__ as process\n"
        "process._COMMAND = [sys.executable, '-c', sys.argv[1], sys.argv[1]]\n"
        "process.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", ending, ending],
        input=json.dumps(order),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    built = json.loads(done.stdout.splitlines()[-1])
    assert [p["number"] for p in built["problems"]] == [2]
    assert "程序中断" in built["problems"][0]["reason"]
