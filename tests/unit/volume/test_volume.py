"""The volume as a reader opens it: contents, stamps, bookmarks, stand-ins; built again after a change."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from intranet.volume import convert, originals
from intranet.volume.build import Cancelled
from intranet.volume.plan import Document, Plan, fingerprint
from intranet.volume.prints import print_of
from tests.unit.volume.ground import Put, make, needs_poppler, pdf_of, picture, plan_of, texts

NUMBERED = re.compile(r"第(\d+)页")


@needs_poppler
def test_contents_stamps_and_reality_agree(put: Put, tmp_path: Path) -> None:
    documents = [
        put(1, "章程.pdf", pdf_of(3, "alpha")),
        put(2, "合影.jpg", picture((800, 600))),
        put(3, "纪要.pdf", pdf_of(2, "gamma", rotate=90)),
        put(4, "说明.txt", "第一行\n中文内容可以检索".encode()),
        put(5, "海报.pdf", pdf_of(1, "wide", rotate=270, size=(1191, 842))),
    ]
    built, path = make(plan_of(documents, (1, 2), (3, 1, 4), (5,)), tmp_path)
    pages = texts(path)
    assert len(pages) == built.pages == len(built.digests)
    # Every page but the cover says its own number, whatever its size and rotation.
    assert [int(NUMBERED.findall(p)[-1]) for p in pages[1:]] == list(range(2, built.pages + 1))
    for number, marker in ((1, "alpha 1"), (3, "gamma 1"), (5, "wide 1")):
        first, last = built.places[number]
        assert marker.replace(" ", "") in pages[first - 1]
        assert f"甲山教育集团{number}号材料" in pages[first - 1]
        assert f"{number}号材料" in pages[last - 1]
    assert built.places[1][1] - built.places[1][0] == 2
    assert "中文内容可以检索" in pages[built.places[4][0] - 1]
    # The contents name each document with its page.
    for number, name in ((1, "章程"), (2, "合影"), (3, "纪要")):
        assert re.search(rf"{number}{name}\.+{built.places[number][0]}(?={number + 1}|B|甲)", pages[1]), (
            pages[1]
        )
    # A file cited twice is printed once and referred to.
    assert f"1号材料“章程”见第{built.places[1][0]}页" in pages[built.sections[1]["page"] - 1]
    assert built.problems == []


def test_bookmarks_and_links_lead_to_the_page(put: Put, tmp_path: Path) -> None:
    built, path = make(plan_of([put(1, "章程.pdf", pdf_of(3))], (1,)), tmp_path)
    with pikepdf.open(path) as pdf:
        objects = [p.obj.objgen for p in pdf.pages]
        links = [objects.index(a.Dest[0].objgen) + 1 for a in pdf.pages[1].obj.Annots]
        assert list(dict.fromkeys(links)) == [built.sections[0]["page"], built.places[1][0]]
        with pdf.open_outline() as outline:
            assert [i.title for i in outline.root] == ["封面", "目录", "B1 第1项指标"]
            assert [i.title for i in outline.root[2].children] == ["1 号 章程"]
        with pdf.open_metadata() as about:
            assert about["dc:title"] == "甲山教育集团 佐证材料汇编"


def test_every_bad_file_ends_in_a_page_that_says_so(put: Put, tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"0" * 300_000_000)
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf_of(1))) as pdf:
        pdf.save(locked, encryption=pikepdf.Encryption(owner="o", user="u"))
    small = picture((10, 10), "PNG")
    header = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + small[24:29]
    huge = small[:12] + header + zlib.crc32(header).to_bytes(4, "big") + small[33:]
    empty = io.BytesIO()
    pikepdf.new().save(empty)
    bad = {
        "截断.pdf": (pdf_of(3)[:200], "PDF 已损坏"),
        "空.pdf": (empty.getvalue(), "PDF 里没有页面"),
        "巨图.png": (huge, "图片太大（20000×20000 像素）"),
        "炸弹.docx": (bomb.getvalue(), "压缩结构异常"),
        "密码.pdf": (locked.getvalue(), "PDF 设了打开密码"),
        "断图.jpg": (picture((400, 300))[:900], "文件已损坏"),
        "版式.ofd": (b"PK\x03\x04", "这种文件不能转成页面"),
    }
    documents = [put(n, name, data) for n, (name, (data, _why)) in enumerate(bad.items(), 1)]
    gone = Document(9, "没了.pdf", "", "0" * 64, "")
    built, path = make(plan_of([*documents, gone], tuple(range(1, 10))), tmp_path)
    reasons = {p["name"]: p["reason"] for p in built.problems}
    for name, (_data, why) in bad.items():
        assert why in reasons[name], (name, reasons[name])
    assert reasons["没了.pdf"] == "服务器上没有这个文件"
    with pikepdf.open(path) as pdf:
        assert len(pdf.pages) == built.pages
    # Reasons that lie in the file are remembered, and the volume comes out the same.
    again, _path = make(plan_of([*documents, gone], tuple(range(1, 10))), tmp_path)
    assert (again.sha256, again.problems) == (built.sha256, built.problems)


def test_owner_password_and_form_fields_are_no_obstacle(put: Put, tmp_path: Path) -> None:
    data = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf_of(2, "owned"))) as pdf:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([]))
        pdf.save(data, encryption=pikepdf.Encryption(owner="o", user=""))
    built, path = make(plan_of([put(1, "受限.pdf", data.getvalue())], (1,)), tmp_path)
    assert built.problems == []
    with pikepdf.open(path) as pdf:
        assert not pdf.is_encrypted
        assert "/AcroForm" not in pdf.Root


def test_pictures_stand_upright_and_inside_the_margins(put: Put, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90° to stand upright
    document = put(1, "竖.jpg", picture((800, 400), exif=exif))
    with pikepdf.open(convert.pages_of(document, tmp_path)) as pdf:
        page = pdf.pages[0]
        assert page.mediabox[3] > page.mediabox[2]  # portrait: the turned picture is higher than wide
        image = page.Resources.XObject.Im0
        assert (int(image.Width), int(image.Height)) == (400, 800)
    plain = put(2, "横.jpg", picture((800, 400)))
    with pikepdf.open(convert.pages_of(plain, tmp_path)) as pdf:
        assert pdf.pages[0].Resources.XObject.Im0.read_raw_bytes() == Path(plain.path).read_bytes()


def test_the_same_plan_gives_the_same_bytes_and_changes_are_told(put: Put, tmp_path: Path) -> None:
    documents = [put(n, f"材料{n}.pdf", pdf_of(2, f"doc{n}")) for n in (1, 2, 3)]
    plan = plan_of(documents, (1, 2, 3))
    first, _path = make(plan, tmp_path)
    assert make(plan, tmp_path)[0] == first
    assert first.changed == []
    swapped = [documents[0], put(2, "材料2.pdf", pdf_of(2, "other")), documents[2]]
    second, _path = make(plan_of(swapped, (1, 2, 3)), tmp_path, before=first.digests)
    assert second.changed == list(range(first.places[2][0], first.places[2][1] + 1))
    assert second.places == first.places
    assert fingerprint(plan) != fingerprint(plan_of(swapped, (1, 2, 3)))
    assert Plan.from_json(plan.to_json()) == plan


def test_a_stopped_build_leaves_nothing(put: Put, tmp_path: Path) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 1

    plan = plan_of([put(1, "a.pdf", pdf_of(1)), put(2, "b.pdf", pdf_of(1))], (1, 2))
    with pytest.raises(Cancelled):
        make(plan, tmp_path, is_cancelled=stop)
    assert list((tmp_path / "out").glob("*")) == [] if (tmp_path / "out").exists() else True


def test_progress_counts_the_files(put: Put, tmp_path: Path) -> None:
    said: list[tuple[int, int]] = []
    plan = plan_of([put(n, f"{n}.pdf", pdf_of(1)) for n in (1, 2)], (1, 2))
    make(plan, tmp_path, on_progress=lambda done, total, what: said.append((done, total)))
    assert said == [(0, 3), (1, 3), (2, 3)]


@pytest.mark.skipif(
    convert.soffice() is None, reason="LibreOffice (soffice) is not installed: nothing converted"
)
def test_office_files_become_pages(put: Put, tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active["A1"] = "converted"  # type: ignore[index]
    data = io.BytesIO()
    book.save(data)
    built, path = make(plan_of([put(1, "表.xlsx", data.getvalue())], (1,)), tmp_path)
    assert built.problems == []
    assert "converted" in texts(path)[built.places[1][0] - 1]


def test_prints_know_a_picture_that_was_saved_again(put: Put, tmp_path: Path) -> None:
    image = Image.linear_gradient("L").rotate(30).resize((900, 600)).convert("RGB")
    image.paste("black", (100, 100, 300, 400))
    image.paste("white", (500, 50, 800, 300))

    def saved(number: int, picture: Image.Image, quality: int) -> str:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        return print_of(Path(put(number, "a.jpg", out.getvalue()).path))

    prints = [saved(1, image, 95), saved(2, image.resize((300, 200)), 40), saved(3, image.rotate(180), 95)]
    numbers = [int(p, 16) for p in prints]
    assert (numbers[0] ^ numbers[1]).bit_count() <= 6
    assert (numbers[0] ^ numbers[2]).bit_count() > 12
    assert saved(4, Image.new("RGB", (400, 300), "white"), 90) == ""
    assert print_of(Path(put(5, "b.jpg", b"broken").path)) == ""


def test_originals_in_the_volumes_order(put: Put, tmp_path: Path) -> None:
    documents = [put(1, "a/../甲.pdf", b"one"), put(2, "=cmd|乙.pdf", b"two"), put(3, "丙.txt", b"three")]
    plan = plan_of(documents, (2, 1))
    target = tmp_path / "originals.zip"
    originals.write(plan, target, {2: (3, 5)})
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        assert names == ["001 2号 =cmd_乙.pdf", "002 1号 a_.._甲.pdf", "003 3号 丙.txt", "材料清单.csv"]
        assert archive.read(names[0]) == b"two"
        listed = archive.read("材料清单.csv").decode("utf-8-sig")
    assert "2,'=cmd|乙.pdf,3-5,001 2号 =cmd_乙.pdf," in listed
