"""Any file as PDF pages, or the reason why not. Results lie in a cache under the content's hash.

It runs in the volume's own process, whose memory is limited (see ``__main__``). Nothing here raises
for a bad file: a :class:`NotShown` carries the reason, and a page says so in its place.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from ..errors import Invalid
from ..i18n import _
from ..storage import accepted
from . import typeset
from .plan import Document

VERSION = "1"
"""Changes when the same file would give other pages: cached pages of another version are not used."""

MOST_PIXELS = accepted.MAX_PIXELS
MOST_TEXT = 400_000
OFFICE_SECONDS = 120
OFFICE = frozenset({"docx", "xlsx", "pptx", "doc", "xls", "ppt", "wps", "et", "dps"})
A4 = (595.276, 841.89)
MARGIN = 42.5  # points around a picture

_SOFFICE = (
    "C:/Program Files/LibreOffice/program/soffice.exe",
    "C:/Program Files (x86)/LibreOffice/program/soffice.exe",
)


class NotShown(Exception):
    """A file that no pages can be made of; ``str()`` is the reason for people."""


def pages_of(document: Document, cache: Path) -> Path:
    """A PDF of the document's pages; the original itself where it is one that can be used as it is.

    :raises NotShown: with the reason. Reasons that lie in the file are remembered like pages.
    """
    path = Path(document.path) if document.path else None
    if path is None or not path.is_file():
        raise NotShown(_("服务器上没有这个文件"))
    kept = cache / f"{document.sha256}-{VERSION}.pdf"
    why = kept.with_suffix(".why")
    if kept.is_file():
        return kept
    if why.is_file():
        raise NotShown(why.read_text(encoding="utf-8"))
    try:
        pdf = _convert(path, document.name)
    except NotShown as error:
        if not isinstance(error, _Elsewhere):
            _keep(why, str(error).encode())
        raise
    except MemoryError:
        raise NotShown(_("文件太大，内存不够")) from None
    except Exception as error:  # whatever a library makes of a broken file
        _keep(why, _("文件已损坏，打不开").encode())
        raise NotShown(_("文件已损坏，打不开")) from error
    if pdf is None:
        return path
    _keep(kept, pdf)
    return kept


class _Elsewhere(NotShown):
    """A reason that lies in this server, not in the file: it is tried again next time."""


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(data)
    os.replace(beside, path)


def _convert(path: Path, name: str) -> bytes | None:
    """Pages as PDF bytes; None: the file can be used as it is."""
    kind = accepted.ending(name)
    if kind == "pdf":
        return _pdf(path)
    if kind in {"jpg", "jpeg", "png"}:
        return _picture(path)
    if kind == "txt":
        return typeset.text_pages(_text(path))
    if kind in OFFICE:
        return _office(path, kind, name)
    raise NotShown(_("这种文件不能转成页面"))


def _pdf(path: Path) -> bytes | None:
    import pikepdf

    try:
        with pikepdf.open(path) as pdf:
            if not len(pdf.pages):
                raise NotShown(_("PDF 里没有页面"))
            if not pdf.is_encrypted and "/AcroForm" not in pdf.Root:
                return None
            if "/AcroForm" in pdf.Root:
                with contextlib.suppress(Exception):
                    pdf.generate_appearance_streams()
                pdf.flatten_annotations("all")
                if "/AcroForm" in pdf.Root:  # flattening may have taken it away already
                    del pdf.Root["/AcroForm"]
            out = io.BytesIO()
            pdf.save(out, deterministic_id=True)
            return out.getvalue()
    except pikepdf.PasswordError:
        raise NotShown(_("PDF 设了打开密码")) from None
    except pikepdf.PdfError:
        raise NotShown(_("PDF 已损坏，打不开")) from None


def _picture(path: Path) -> bytes:
    import pikepdf
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # our own limit stands here, before a pixel is decoded
    with Image.open(path) as image:
        if image.width * image.height > MOST_PIXELS:
            size = f"{image.width}×{image.height}"
            raise NotShown(_("图片太大（%(size)s 像素）", size=size))
        upright = image.getexif().get(0x0112, 1) == 1
        plain = image.format == "JPEG" and upright and image.mode in ("RGB", "L")
        if plain:
            data, width, height, mode = path.read_bytes(), image.width, image.height, image.mode
            image.draft("RGB", (64, 64))
            image.load()  # a broken one is found here, not by a reader of the volume
        else:
            turned = ImageOps.exif_transpose(image)
            if turned.mode in ("RGBA", "LA", "P", "PA"):
                turned = turned.convert("RGBA")
                paper = Image.new("RGBA", turned.size, "white")
                turned = Image.alpha_composite(paper, turned)
            turned = turned.convert("L" if turned.mode in ("1", "L") else "RGB")
            width, height, mode = turned.width, turned.height, turned.mode
            if image.format == "JPEG":
                out = io.BytesIO()
                turned.save(out, "JPEG", quality=90)
                data, plain = out.getvalue(), True
            else:
                data = zlib.compress(turned.tobytes(), 6)
    paper_size = A4 if height >= width else (A4[1], A4[0])
    scale = min((paper_size[0] - 2 * MARGIN) / width, (paper_size[1] - 2 * MARGIN) / height, 1.0)
    shown = (width * scale, height * scale)
    at = ((paper_size[0] - shown[0]) / 2, (paper_size[1] - shown[1]) / 2)
    with pikepdf.new() as pdf:
        stream = pdf.make_stream(data)
        stream.Type, stream.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
        stream.Width, stream.Height, stream.BitsPerComponent = width, height, 8
        stream.ColorSpace = pikepdf.Name.DeviceGray if mode == "L" else pikepdf.Name.DeviceRGB
        stream.Filter = pikepdf.Name.DCTDecode if plain else pikepdf.Name.FlateDecode
        page = pdf.add_blank_page(page_size=paper_size)
        page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=stream))
        drawn = f"q {shown[0]:.3f} 0 0 {shown[1]:.3f} {at[0]:.3f} {at[1]:.3f} cm /Im0 Do Q"
        page.obj.Contents = pdf.make_stream(drawn.encode())
        result = io.BytesIO()
        pdf.save(result, deterministic_id=True)
        return result.getvalue()


def _text(path: Path) -> str:
    data = path.read_bytes()[: MOST_TEXT * 4]
    for encoding in ("utf-8-sig", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            text = data.decode(encoding)
            break
    else:
        text = data.decode("gb18030", "replace")
    text = "".join(c if c.isprintable() or c in "\n\r\t" else " " for c in text)
    if len(text) > MOST_TEXT:
        return text[:MOST_TEXT] + "\n" + _("（只印前 %(n)s 个字）", n=MOST_TEXT)
    return text


# --- office files --------------------------------------------------------------------------------


def soffice() -> str | None:
    """LibreOffice on this machine."""
    found = shutil.which("soffice") or shutil.which("libreoffice")
    return found or next((p for p in _SOFFICE if Path(p).is_file()), None)


def _office(path: Path, kind: str, name: str) -> bytes:
    try:
        accepted.check(path, name)  # its limits hold here too: a zip bomb is never unpacked
    except Invalid as error:
        raise NotShown(error.message) from None
    program = soffice()
    if program is None:
        raise _Elsewhere(_("服务器没有安装 LibreOffice，不能转成页面"))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"in.{kind}"
        shutil.copyfile(path, source)
        profile = (Path(folder) / "profile").as_uri()
        command = [
            program,
            f"-env:UserInstallation={profile}",
            "--headless",
            "--norestore",
            "--convert-to",
            "pdf",
            "--outdir",
            folder,
            str(source),
        ]
        _run(command)
        made = source.with_suffix(".pdf")
        if not made.is_file() or made.stat().st_size == 0:
            raise NotShown(_("转成页面没有成功"))
        return made.read_bytes()


def _run(command: list[str]) -> None:
    """Run to the end or to the time limit; then the program and all it started are ended."""
    options: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if sys.platform != "win32":
        options["start_new_session"] = True
    child = subprocess.Popen(command, **options)  # noqa: S603 - a program we looked up, no shell
    try:
        child.wait(timeout=OFFICE_SECONDS)
    except subprocess.TimeoutExpired:
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
        child.wait()
        raise NotShown(_("转成页面用时太长")) from None
