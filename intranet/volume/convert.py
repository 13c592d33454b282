"""Any file as PDF pages, or the reason why not. Results lie in a cache under the content's hash.

It runs in the volume's own process, whose memory is limited (see ``__main__``). Nothing here raises
for a bad file: a :class:`NotShown` carries the reason, and a page says so in its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import Invalid
from ..i18n import _
from ..storage import accepted
from . import fields, pictures, typeset
from .inspecting import HIDDEN
from .notshown import Elsewhere, NotShown
from .plan import Document

VERSION = "4"
"""Changes when the same file would give other pages: cached pages of another version are not used."""

MOST_TEXT = 400_000
OFFICE_SECONDS = 120
OFFICE = frozenset({"docx", "xlsx", "pptx", "doc", "xls", "ppt", "wps", "et", "dps"})

_WRITER, _CALC, _IMPRESS = "writer_pdf_Export", "calc_pdf_Export", "impress_pdf_Export"
_EXPORT = {
    **dict.fromkeys(("docx", "doc", "wps"), _WRITER),
    **dict.fromkeys(("xlsx", "xls", "et"), _CALC),
    **dict.fromkeys(("pptx", "ppt", "dps"), _IMPRESS),
}
_ARCHIVAL = '{"SelectPdfVersion":{"type":"long","value":"2"}}'
"""As PDF/A-2b."""

_SOFFICE = (
    "C:/Program Files/LibreOffice/program/soffice.exe",
    "C:/Program Files (x86)/LibreOffice/program/soffice.exe",
)


def pages_of(document: Document, cache: Path) -> Path:
    """A PDF of the document's pages; the original itself where it is one that can be used as it is.

    :raises NotShown: with the reason. Reasons that lie in the file are remembered like pages.
    """
    path = Path(document.path) if document.path else None
    if path is None or not path.is_file():
        raise NotShown(_("服务器上没有这个文件"))
    kind = accepted.ending(document.name)
    known = kind if kind in accepted.MEDIA_TYPES else "other"
    kept = cache / f"{document.sha256}-{known}-{VERSION}.pdf"
    why = kept.with_suffix(".why")
    if kept.is_file():
        os.utime(kept)  # what is used stays, see ``jobs``
        return kept
    if why.is_file():
        raise NotShown(why.read_text(encoding="utf-8"))
    try:
        pdf = _convert(path, document.name)
    except NotShown as error:
        if not isinstance(error, Elsewhere):
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


def sheet_of(shown: Sequence[tuple[int, str, Path]], most: int, cache: Path) -> tuple[Path, str]:
    """One page with several photographs, each with its number and name; and what tells it from others.

    :param shown: number, name, and the photograph's own page as :func:`pages_of` gave it.
    """
    said = json.dumps([VERSION, most, [(number, name, path.name) for number, name, path in shown]])
    identity = hashlib.sha256(said.encode()).hexdigest()
    kept = cache / f"sheet-{identity}.pdf"
    if not kept.is_file():
        _keep(kept, pictures.sheet([(f"{number}　{name}", path) for number, name, path in shown], most))
    return kept, identity


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
    if kind in pictures.ENDINGS:
        return pictures.page_of(path, kind)
    if kind == "txt":
        return typeset.text_pages(_text(path))
    if kind in OFFICE:
        return _office(path, kind, name)
    raise NotShown(_("这种文件不能转成页面，请另存或打印成 PDF 再传"))


def _pdf(path: Path) -> bytes | None:
    import pikepdf

    try:
        with pikepdf.open(path) as pdf:
            if not len(pdf.pages):
                raise NotShown(_("PDF 里没有页面"))
            form = pdf.Root.get("/AcroForm")
            if pdf.Root.get("/NeedsRendering") and form is not None and "/XFA" in form:
                raise NotShown(_("这是只有 Adobe Reader 能显示的动态表单，请打印成 PDF 再上传"))
            hidden = _hidden_layers(pdf)
            if not pdf.is_encrypted and form is None and not hidden:
                return None
            for layer in hidden:
                layer[HIDDEN] = True
            if form is not None:
                fields.draw(pdf)
                pdf.flatten_annotations("all")
                if "/AcroForm" in pdf.Root:  # flattening may have taken it away already
                    del pdf.Root["/AcroForm"]
            if "/Metadata" in pdf.Root:  # it may declare what no longer holds
                del pdf.Root["/Metadata"]
            out = io.BytesIO()
            pdf.save(out, deterministic_id=True)
            return out.getvalue()
    except pikepdf.PasswordError:
        raise NotShown(_("PDF 设了打开密码，请去掉密码再传")) from None
    except pikepdf.PdfError:
        raise NotShown(_("PDF 已损坏，打不开")) from None


def _hidden_layers(pdf: Any) -> list[Any]:
    """Layers that readers do not show when the document is opened."""
    import pikepdf

    with contextlib.suppress(Exception):  # layers that cannot be understood are all shown
        shown = pdf.Root.OCProperties.D
        if shown.get("/BaseState") == "/OFF":
            on = {layer.objgen for layer in shown.get("/ON", ())}
            return [x for x in pdf.Root.OCProperties.OCGs if x.objgen not in on]
        return [x for x in shown.get("/OFF", ()) if isinstance(x, pikepdf.Dictionary)]
    return []


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

_SETTINGS = (
    ("Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Office.Common/Security/Scripting", "DisableActiveContent", "true"),
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Office.Writer/Content/Update", "Link", "0"),
    ("Office.Calc/Content/Update", "Link", "1"),
)
_PROFILE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<oor:items xmlns:oor="http://openoffice.org/2001/registry" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    + "".join(
        f'<item oor:path="/org.openoffice.{path}"><prop oor:name="{name}" oor:op="fuse">'
        f"<value>{value}</value></prop></item>"
        for path, name, value in _SETTINGS
    )
    + "</oor:items>\n"
)
"""A throw-away profile for each file: no macro runs, and nothing is fetched that a document points to, be it
an address or a file of this server."""


def soffice() -> str | None:
    """LibreOffice on this machine."""
    found = shutil.which("soffice") or shutil.which("libreoffice")
    return found or next((p for p in _SOFFICE if Path(p).is_file()), None)


def _office(path: Path, kind: str, name: str) -> bytes:
    try:
        accepted.check(path, name)  # its limits hold here too: a zip bomb is never unpacked
    except Invalid:
        raise NotShown(_("压缩结构异常，或内容与扩展名不符")) from None
    program = soffice()
    if program is None:
        raise Elsewhere(
            _("这台服务器不能转换 Office 文件：请另存为 PDF 再传，或请管理员安装 LibreOffice 后重新编制")
        )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"in.{kind}"
        shutil.copyfile(path, source)
        profile = Path(folder) / "profile"
        (profile / "user").mkdir(parents=True)
        (profile / "user" / "registrymodifications.xcu").write_text(_PROFILE, encoding="utf-8")
        command = [
            program,
            f"-env:UserInstallation={profile.as_uri()}",
            "--headless",
            "--norestore",
            "--convert-to",
            f"pdf:{_EXPORT[kind]}:{_ARCHIVAL}",
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
