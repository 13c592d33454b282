"""Photographs as PDF pages, upright by EXIF and never enlarged; JPEG and PNG keep their own bytes where they can.

HEIC, as telephones write it, needs pillow-heif. Its decoder is C++ that has had grave faults, so it only
runs in processes of their own (the building one, and ``python -m intranet.volume.pictures`` for the page).
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..i18n import _
from ..storage import accepted
from .notshown import Elsewhere, NotShown

ENDINGS = frozenset({"jpg", "jpeg", "png", "heic", "heif"})
A4 = (595.276, 841.89)
MARGIN = 42.5  # points around a picture
CAPTION = 28.0  # points under a picture of a sheet
LETTER = 9.0  # width of a letter of theirs
GAP = 14.0
FOOT = 34.0  # the stamp's
PREVIEW = (2048, 2048)
SECONDS = 30
MEMORY = 2 * 1024 * 1024 * 1024


@contextlib.contextmanager
def opened(path: Path, kind: str = "") -> Iterator[Any]:
    """The picture, not decoded yet.

    :raises NotShown: too large, or HEIC on a server that cannot read it.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # our own limit stands here, before a pixel is decoded
    if kind in ("heic", "heif"):
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise Elsewhere(
                _("这台服务器不能打开 HEIC 照片：请改传 JPG，或请管理员安装 heic 组件后重新编制")
            ) from None
        register_heif_opener(thumbnails=False)
    with Image.open(path) as image:
        if image.width * image.height > accepted.MAX_PIXELS:
            size = f"{image.width}×{image.height}"
            raise NotShown(_("图片太大（%(size)s 像素），请缩小再传", size=size))
        yield image


def page_of(path: Path, kind: str) -> bytes:
    """A page with the picture in the middle; ``Im0`` is the picture itself, upright."""
    import pikepdf

    with opened(path, kind) as image, pikepdf.new() as pdf:
        stream = _jpeg(pdf, image, path) or _png(pdf, image, path)
        width, height = int(stream.Width), int(stream.Height)
        paper = A4 if height >= width else (A4[1], A4[0])
        scale = min((paper[0] - 2 * MARGIN) / width, (paper[1] - 2 * MARGIN) / height, 1.0)
        shown = (width * scale, height * scale)
        page = pdf.add_blank_page(page_size=paper)
        page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=stream))
        page.obj.Contents = pdf.make_stream(
            _draw("Im0", (paper[0] - shown[0]) / 2, (paper[1] - shown[1]) / 2, *shown)
        )
        return _saved(pdf)


def sheet(shown: Sequence[tuple[str, Path]], most: int) -> bytes:
    """One upright A4 page with up to ``most`` (2 or 4) pictures and their words.

    :param shown: words, and a page that :func:`page_of` made.
    """
    import pikepdf

    from . import typeset

    columns, rows = (1, 2) if most == 2 else (2, 2)
    wide = (A4[0] - 2 * MARGIN - (columns - 1) * GAP) / columns
    high = (A4[1] - MARGIN - FOOT - (rows - 1) * GAP) / rows
    drawn, words = [], []
    with pikepdf.new() as pdf, contextlib.ExitStack() as sources:
        objects = pikepdf.Dictionary()
        for n, (text, path) in enumerate(shown):
            left = MARGIN + (n % columns) * (wide + GAP)
            top = MARGIN + (n // columns) * (high + GAP)
            source = sources.enter_context(pikepdf.open(path))
            image = pdf.copy_foreign(source.pages[0].obj.Resources.XObject.Im0)
            scale = min(wide / int(image.Width), (high - CAPTION) / int(image.Height), 1.0)
            width, height = int(image.Width) * scale, int(image.Height) * scale
            objects[f"/Im{n}"] = image
            bottom = A4[1] - top - (high - CAPTION + height) / 2
            drawn.append(_draw(f"Im{n}", left + (wide - width) / 2, bottom, width, height))
            most_letters = int(wide / LETTER) * 2 - 2  # two lines
            short = text if len(text) <= most_letters else f"{text[: most_letters - 1]}…"
            words.append((short, left, A4[1] - bottom + 5, wide))
        over = sources.enter_context(pikepdf.open(io.BytesIO(typeset.captions(words))))
        objects["/Words"] = pdf.copy_foreign(over.pages[0].as_form_xobject())
        page = pdf.add_blank_page(page_size=A4)
        page.obj.Resources = pikepdf.Dictionary(XObject=objects)
        page.obj.Contents = pdf.make_stream(b"\n".join([*drawn, b"q /Words Do Q"]))
        return _saved(pdf)


def _draw(name: str, x: float, y: float, width: float, height: float) -> bytes:
    return f"q {width:.3f} 0 0 {height:.3f} {x:.3f} {y:.3f} cm /{name} Do Q".encode()


def _saved(pdf: Any) -> bytes:
    out = io.BytesIO()
    pdf.save(out, deterministic_id=True)
    return out.getvalue()


def _image(pdf: Any, data: bytes, width: int, height: int, space: Any, **more: Any) -> Any:
    import pikepdf

    stream = pdf.make_stream(data)
    stream.Type, stream.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
    stream.Width, stream.Height, stream.ColorSpace = width, height, space
    for name, value in more.items():
        setattr(stream, name, value)
    return stream


def _jpeg(pdf: Any, image: Any, path: Path) -> Any | None:
    """JPEG and HEIC, as a JPEG; an upright JPEG keeps its bytes. None: something else."""
    import pikepdf
    from PIL import ImageOps

    if image.format not in ("JPEG", "MPO", "HEIF"):
        return None
    upright = image.getexif().get(0x0112, 1) == 1
    if image.format != "HEIF" and upright and image.mode in ("RGB", "L"):
        data, width, height, mode = path.read_bytes(), image.width, image.height, image.mode
        image.draft("RGB", (64, 64))
        image.load()  # a broken one is found here, not by a reader of the volume
    else:
        turned = ImageOps.exif_transpose(image)
        turned = turned if turned.mode in ("RGB", "L") else turned.convert("RGB")
        out = io.BytesIO()
        turned.save(out, "JPEG", quality=88)
        data, width, height, mode = out.getvalue(), turned.width, turned.height, turned.mode
    space = pikepdf.Name.DeviceGray if mode == "L" else pikepdf.Name.DeviceRGB
    return _image(pdf, data, width, height, space, BitsPerComponent=8, Filter=pikepdf.Name.DCTDecode)


def _png(pdf: Any, image: Any, path: Path) -> Any:
    """Anything else, with the packed lines of a PNG as they are: PDF knows their filters."""
    import pikepdf
    from PIL import Image, ImageOps

    data = path.read_bytes()
    upright = image.getexif().get(0x0112, 1) == 1
    image.load()
    plain = upright and image.format == "PNG" and _is_plain(data)
    if not plain:
        turned = ImageOps.exif_transpose(image)
        if turned.mode.startswith("I"):  # 16 bits a pixel: the upper eight
            turned = turned.point(lambda level: level / 256).convert("L")
        if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
            turned = turned.convert("RGBA")
            turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned)
        turned = turned.convert("L" if turned.mode in ("1", "L") else "RGB")
        out = io.BytesIO()
        turned.save(out, "PNG")
        data = out.getvalue()
    width, height, bits, colour = struct.unpack(">IIBB", data[16:26])
    packed = b"".join(body for name, body in _chunks(data) if name == b"IDAT")
    parameters = pikepdf.Dictionary(
        Predictor=15, Colors=3 if colour == 2 else 1, BitsPerComponent=bits, Columns=width
    )
    space = pikepdf.Name.DeviceRGB if colour == 2 else pikepdf.Name.DeviceGray
    return _image(
        pdf,
        packed,
        width,
        height,
        space,
        BitsPerComponent=bits,
        Filter=pikepdf.Name.FlateDecode,
        DecodeParms=parameters,
    )


def _is_plain(data: bytes) -> bool:
    """Grey or colour of 8 bits, not interlaced, no transparency."""
    bits, colour, _packing, _filter, interlaced = data[24:29]
    names = {name for name, _body in _chunks(data)}
    return bits == 8 and colour in (0, 2) and not interlaced and b"tRNS" not in names


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += size + 12


# --- in the page -----------------------------------------------------------------------------------


def preview(path: Path, kept: Path) -> Path:
    """A JPEG that browsers can show of a HEIC photograph, made by a process of its own and then kept.

    :raises NotShown: it cannot be read.
    """
    if kept.is_file():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside = kept.with_name(f".{kept.name}.{os.getpid()}")
    command = [sys.executable, "-m", __name__, str(path), str(beside)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)  # noqa: S603 - our own module
        os.replace(beside, kept)
    except (subprocess.SubprocessError, OSError):
        raise NotShown(_("这张照片打不开，请下载后查看。")) from None
    finally:
        beside.unlink(missing_ok=True)
    return kept


def main(source: Path, target: Path) -> None:
    from PIL import ImageOps

    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with opened(source, "heic") as image:
        image.thumbnail(PREVIEW)
        ImageOps.exif_transpose(image).convert("RGB").save(target, "JPEG", quality=82)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
