"""Photographs: HEIC, several to a page, bytes that stay as they are, and what the page shows of them."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from intranet.errors import Invalid
from intranet.storage import accepted
from intranet.volume import convert, pictures
from intranet.volume.notshown import NotShown
from intranet.volume.prints import print_of
from tests.unit.volume.ground import Put, make, needs_poppler, picture, plan_of, texts


def heic(size: tuple[int, int] = (400, 300), image: Image.Image | None = None) -> bytes:
    heif = pytest.importorskip("pillow_heif", reason="NO PILLOW-HEIF: no HEIC photograph was tried")
    out = io.BytesIO()
    heif.from_pillow(image or Image.effect_noise(size, 60).convert("RGB")).save(out, quality=60)
    return out.getvalue()


def scene() -> Image.Image:
    image = Image.linear_gradient("L").rotate(30).resize((900, 600)).convert("RGB")
    image.paste("black", (100, 100, 300, 400))
    image.paste("white", (500, 50, 800, 300))
    return image


def test_heic_is_accepted_and_becomes_a_page(put: Put, tmp_path: Path) -> None:
    document = put(1, "合影.HEIC", heic((400, 300)))
    assert accepted.check(Path(document.path), document.name) == "image/heic"
    with pikepdf.open(convert.pages_of(document, tmp_path / "cache")) as pdf:
        image = pdf.pages[0].obj.Resources.XObject.Im0
        assert (int(image.Width), int(image.Height)) == (400, 300)
        with Image.open(io.BytesIO(image.read_raw_bytes())) as read:
            assert read.format == "JPEG"
    built, _path = make(plan_of([document], (1,)), tmp_path)
    assert built.problems == []
    assert built.prints[document.sha256] != ""


def test_heic_and_the_jpeg_of_it_have_one_print(put: Put) -> None:
    out = io.BytesIO()
    scene().save(out, "JPEG", quality=80)
    one = print_of(Path(put(1, "a.heic", heic(image=scene())).path), "heic")
    other = print_of(Path(put(2, "a.jpg", out.getvalue()).path), "jpg")
    assert (int(one, 16) ^ int(other, 16)).bit_count() <= 6


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("名不符.heic", picture((40, 30)), "内容与扩展名不符"),
        ("截断.heic", None, "内容与扩展名不符"),
        ("影片.heic", b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"\0" * 64, "内容与扩展名不符"),
        (
            "空壳.heic",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + struct.pack(">I4s", 8, b"meta"),
            "内容与扩展名不符",
        ),
    ],
)
def test_what_is_no_heic_is_refused(put: Put, name: str, data: bytes | None, why: str) -> None:
    path = Path(put(1, name, heic()[:200] if data is None else data).path)
    with pytest.raises(Invalid) as refused:
        accepted.check(path, name)
    assert why in refused.value.message


def test_heic_of_20000_pixels_square_is_refused_unopened(put: Put, tmp_path: Path) -> None:
    data = bytearray(heic((400, 300)))
    at = data.find(struct.pack(">II", 400, 300))
    data[at : at + 8] = struct.pack(">II", 20_000, 20_000)
    document = put(1, "巨图.heic", bytes(data))
    with pytest.raises(Invalid, match="20000×20000"):
        accepted.check(Path(document.path), document.name)
    with pytest.raises(NotShown):
        convert.pages_of(document, tmp_path)


def test_heic_without_the_library_has_a_page_that_says_so(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = put(1, "合影.heic", heic())
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    built, _path = make(plan_of([document], (1,)), tmp_path)
    assert built.problems == [
        {
            "number": 1,
            "name": "合影.heic",
            "reason": "这台服务器不能打开 HEIC 照片：请改传 JPG，或请管理员安装 heic 组件后重新编制",
        }
    ]
    monkeypatch.undo()  # the reason lies in the server: with the library there it is tried again
    assert make(plan_of([document], (1,)), tmp_path)[0].problems == []


def test_a_jpeg_of_it_for_the_page_is_made_once(put: Put, tmp_path: Path) -> None:
    source = Path(put(1, "大.heic", heic((3000, 1500))).path)
    kept = tmp_path / "cache" / "x.jpg"
    with Image.open(pictures.preview(source, kept)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (2048, 1024))
    source.unlink()
    assert pictures.preview(source, kept) == kept
    broken = tmp_path / "broken.heic"
    broken.write_bytes(heic()[:300])
    with pytest.raises(NotShown, match="打不开"):
        pictures.preview(broken, tmp_path / "cache" / "y.jpg")
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["x.jpg"]


def test_a_png_keeps_its_packed_lines(put: Put, tmp_path: Path) -> None:
    noisy = put(1, "图.png", picture((300, 200), "PNG"))
    path = convert.pages_of(noisy, tmp_path)
    assert path.stat().st_size < Path(noisy.path).stat().st_size + 2_000
    with pikepdf.open(path) as pdf, Image.open(noisy.path) as original:
        shown = pikepdf.PdfImage(pdf.pages[0].obj.Resources.XObject.Im0).as_pil_image()
        assert shown.tobytes() == original.tobytes()
    out = io.BytesIO()
    clear = Image.new("RGBA", (20, 10), (255, 0, 0, 0))
    clear.putpixel((3, 4), (0, 0, 255, 255))
    clear.save(out, "PNG")
    with pikepdf.open(convert.pages_of(put(2, "透明.png", out.getvalue()), tmp_path)) as pdf:
        shown = pikepdf.PdfImage(pdf.pages[0].obj.Resources.XObject.Im0).as_pil_image()
        assert (shown.getpixel((0, 0)), shown.getpixel((3, 4))) == ((255, 255, 255), (0, 0, 255))


@needs_poppler
@pytest.mark.parametrize(
    ("most", "pages"), [(1, [(1,), (2,), (3,), (5,)]), (2, [(1, 2), (3,), (5,)]), (4, [(1, 2, 3), (5,)])]
)
def test_photographs_share_a_page_and_keep_their_numbers(
    put: Put, tmp_path: Path, most: int, pages: list[tuple[int, ...]]
) -> None:
    """Three photographs, a text, one more photograph; the second section cites one of the first again."""
    documents = [put(n, f"照片{n}.jpg", picture((400 + n, 300))) for n in (1, 2, 3)]
    documents += [put(4, "说明.txt", "四".encode()), put(5, "照片5.jpg", picture((300, 400)))]
    built, path = make(plan_of(documents, (1, 2, 3, 4, 5), (2,), pictures=most), tmp_path)
    first = built.sections[0]["page"] + 1
    before = [group for group in pages if group[0] < 4]
    expected = {n: (first + at, first + at) for at, group in enumerate(before) for n in group}
    expected[4] = (first + len(before),) * 2
    expected[5] = (first + len(before) + 1,) * 2
    assert built.places == expected
    said = texts(path)
    for group in pages:
        page = said[built.places[group[0]][0] - 1]
        assert f"{'、'.join(map(str, group))}号材料" in page
        for n in group if len(group) > 1 else ():
            assert f"{n}照片{n}" in page, "each picture has its own caption"
    assert f"2号材料“照片2”见第{built.places[2][0]}页" in said[built.sections[1]["page"] - 1]
    contents = said[1]
    for n in (1, 2, 3, 5):
        assert f"{n}照片{n}" in contents
        assert str(built.places[n][0]) in contents


def test_a_broken_photograph_leaves_its_sheet(put: Put, tmp_path: Path) -> None:
    documents = [put(1, "一.jpg", picture((400, 300))), put(2, "断.jpg", picture((400, 300))[:900])]
    documents.append(put(3, "三.jpg", picture((400, 301))))
    built, _path = make(plan_of(documents, (1, 2, 3), pictures=4), tmp_path)
    assert [p["number"] for p in built.problems] == [2]
    assert built.places[1] == built.places[3]
    assert built.places[2][0] == built.places[1][0] + 1
    again, _path = make(plan_of(documents, (1, 2, 3), pictures=4), tmp_path)
    assert again == built


def test_pictures_of_a_sheet_do_not_touch(put: Put, tmp_path: Path) -> None:
    """Four panoramas and four towers: within the page, above the stamp, apart from one another."""
    for size in ((1600, 300), (300, 1600), (40, 30)):
        documents = [put(n, f"{n}.png", picture((size[0] + n, size[1]), "PNG")) for n in (1, 2, 3, 4)]
        shown = [(d.number, d.name, convert.pages_of(d, tmp_path)) for d in documents]
        sheet, _identity = convert.sheet_of(shown, 4, tmp_path)
        with pikepdf.open(sheet) as pdf:
            drawn = [
                [float(v) for v in operands]
                for operands, operator in pikepdf.parse_content_stream(pdf.pages[0])
                if str(operator) == "cm"
            ]
        boxes = [(x, y, x + w, y + h) for w, _b, _c, h, x, y in drawn]
        assert len(boxes) == 4
        for x0, y0, x1, y1 in boxes:
            assert x0 >= 40
            assert y0 >= 34 + pictures.CAPTION - 1
            assert x1 <= 595.3 - 40
            assert y1 <= 841.9 - 40
        for n, a in enumerate(boxes):
            for b in boxes[n + 1 :]:
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@needs_poppler
def test_a_long_name_under_a_photograph_ends_with_dots(put: Put, tmp_path: Path) -> None:
    long = "集体备课活动合影" * 15
    documents = [put(1, f"{long}.jpg", picture((300, 200))), put(2, "短.jpg", picture((300, 201)))]
    built, path = make(plan_of(documents, (1, 2), pictures=4), tmp_path)
    said = texts(path)[built.places[1][0] - 1]
    assert "…" in said
    assert long not in said
