"""Which files are accepted as evidence, decided by name *and* content, before anybody opens them.

Nothing here unpacks a file: of a zip-based one only the directory and the first piece of each XML
part are read, within fixed limits (Python's own reader accepts overlapping entries: 25 kB that
become 500 MB, CVE-2024-0450).
"""

from __future__ import annotations

import codecs
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from intranet.errors import Invalid
from intranet.i18n import _

OOXML = "application/vnd.openxmlformats-officedocument."
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "heic": "image/heic",
    "heif": "image/heic",
    "docx": OOXML + "wordprocessingml.document",
    "xlsx": OOXML + "spreadsheetml.sheet",
    "pptx": OOXML + "presentationml.presentation",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "wps": "application/vnd.ms-works",
    "et": "application/vnd.ms-excel",
    "dps": "application/vnd.ms-powerpoint",
    "ofd": "application/ofd",
    "txt": "text/plain",
}
"""Accepted endings and the type each is served as."""

HEIC = "image/heic"
"""Browsers cannot show it: a JPEG made of it stands in the page (``volume.pictures.preview``)."""
INLINE = frozenset({"application/pdf", "image/jpeg", "image/png", HEIC})
"""Types that may be shown in the page; all others are only downloaded."""

MAX_PIXELS = 100_000_000
MAX_ENTRIES = 2_000
MAX_DIRECTORY = 512 * 1024
MAX_UNPACKED = 400 * 1024 * 1024
MAX_RATIO = 200  # office XML reaches about 50
RATIO_FROM = 1024 * 1024  # small parts may compress as they like
PROLOG = 64 * 1024  # a DOCTYPE stands before the first element

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
MAX_META = 4 * 1024 * 1024
_MAIN_PART = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/"}


def allowed_text() -> str:
    """The accepted endings for people: PDF、JPG、PNG …"""
    return _("PDF、图片（JPG、PNG、HEIC）、Word、Excel、PPT、WPS 文件（wps、et、dps）、OFD 和 TXT")


def ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def check(path: Path, name: str) -> str:
    """The media type of an acceptable file.

    :raises Invalid: with the reason and what is allowed, naming the file.
    """
    kind = check_name(name, path.stat().st_size)
    with path.open("rb") as file:
        if kind == "pdf":
            _pdf(file, name)
        elif kind in {"jpg", "jpeg"}:
            _jpeg(file, name)
        elif kind == "png":
            _png(file, name)
        elif kind in {"heic", "heif"}:
            _heic(file, name)
        elif kind == "txt":
            _text(file, name)
        elif kind in {"docx", "xlsx", "pptx", "ofd"}:
            _zip(file, name, kind)
        else:
            _ole(file, name)
    return MEDIA_TYPES[kind]


def check_name(name: str, size: int) -> str:
    """What can be said before the content is here; the ending, in small letters.

    :raises Invalid: as ``check``.
    """
    kind = ending(name)
    if kind not in MEDIA_TYPES:
        _refuse(name, _("不收这种文件"))
    if size == 0:
        _refuse(name, _("文件是空的"))
    return kind


def _refuse(name: str, why: str) -> NoReturn:
    raise Invalid(
        _(
            "“%(name)s”没有收下：%(why)s。可以上传%(allowed)s；请另存为其中一种后再传。",
            name=name,
            why=why,
            allowed=allowed_text(),
        ),
        field="files",
    )


def _wrong_content(name: str) -> NoReturn:
    _refuse(name, _("内容与扩展名不符，或文件已损坏"))


def _tail(file: BinaryIO, size: int) -> bytes:
    end = file.seek(0, 2)
    file.seek(max(0, end - size))
    return file.read(size)


def _pdf(file: BinaryIO, name: str) -> None:
    if not file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"%PDF-"):
        _wrong_content(name)
    if b"%%EOF" not in _tail(file, 4096):
        _wrong_content(name)


def _png(file: BinaryIO, name: str) -> None:
    head = file.read(33)
    if len(head) < 33 or not head.startswith(b"\x89PNG\r\n\x1a\n") or head[12:16] != b"IHDR":
        _wrong_content(name)
    width, height = struct.unpack(">II", head[16:24])
    if b"IEND" not in _tail(file, 4096):
        _wrong_content(name)
    _size(name, width, height)


def _jpeg(file: BinaryIO, name: str) -> None:
    if file.read(3) != b"\xff\xd8\xff":
        _wrong_content(name)
    file.seek(2)
    for marker, segment in _segments(file):
        # Start of frame: the picture's size (C4, C8 and CC are tables)
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC} and len(segment) >= 5:
            height, width = struct.unpack(">HH", segment[1:5])
            _size(name, width, height)
            if b"\xff\xd9" in _tail(file, 64 * 1024):
                return
            break
    _wrong_content(name)


def _segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    while True:
        head = file.read(2)
        while len(head) == 2 and head == b"\xff\xff":  # fill bytes
            head = b"\xff" + file.read(1)
        if len(head) < 2 or head[0] != 0xFF or head[1] in {0xD9, 0xDA}:
            return
        length = file.read(2)
        if len(length) < 2:
            return
        yield head[1], file.read(max(0, int.from_bytes(length) - 2))


def _heic(file: BinaryIO, name: str) -> None:
    """A still photograph coded as HEVC; AVIF and films share the container and have other brands."""
    head = file.read(4096)
    length = int.from_bytes(head[:4])
    brands = {head[at : at + 4] for at in range(8, min(length, len(head)), 4) if at != 12}
    if head[4:8] != b"ftyp" or not brands & _HEIC_BRANDS:
        _wrong_content(name)
    end, at = file.seek(0, 2), length
    while at + 8 <= end:
        file.seek(at)
        start = file.read(16)
        size = int.from_bytes(start[:4])
        size = int.from_bytes(start[8:16]) if size == 1 else size or end - at
        if size < 8 or at + size > end:
            _wrong_content(name)
        if start[4:8] == b"meta":
            file.seek(at)
            _heic_sizes(name, file.read(min(size, MAX_META)))
            return
        at += size
    _wrong_content(name)


def _heic_sizes(name: str, meta: bytes) -> None:
    """The sizes of the photograph and of its tiles (ispe); one of them at least is the photograph's."""
    sizes = []
    at = meta.find(b"ispe")
    while 0 <= at <= len(meta) - 16:
        sizes.append(struct.unpack(">II", meta[at + 8 : at + 16]))
        at = meta.find(b"ispe", at + 16)
    if not sizes:
        _wrong_content(name)
    _size(name, *max(sizes, key=lambda size: size[0] * size[1]))


def _size(name: str, width: int, height: int) -> None:
    if width * height == 0:
        _wrong_content(name)
    if width * height > MAX_PIXELS:
        _refuse(name, _("图片太大（%(width)s×%(height)s 像素）", width=width, height=height))


def _text(file: BinaryIO, name: str) -> None:
    for encoding in ("utf-8", "gb18030"):
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while chunk := file.read(1024 * 1024):
                if any(ord(c) < 32 and c not in "\t\r\n\f" for c in decoder.decode(chunk)):
                    _wrong_content(name)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return
    _wrong_content(name)


def _ole(file: BinaryIO, name: str) -> None:
    if file.read(8) != _OLE:
        _wrong_content(name)
    macro, kept = "_VBA_PROJECT".encode("utf-16-le"), b""
    while chunk := file.read(1024 * 1024):
        if macro in kept + chunk:
            _refuse(name, _("文件里有宏"))
        kept = chunk[-len(macro) :]


# --- zip-based files -----------------------------------------------------------------------------


def _zip(file: BinaryIO, name: str, kind: str) -> None:
    if file.read(8) == _OLE:
        _refuse(name, _("文件设了打开密码，或扩展名不对。请取消密码后再传"))
    directory_at = _directory(file, name)
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _limits(file, name, entries, directory_at)
            names = [e.filename for e in entries]
            if any(n.lower().endswith("vbaproject.bin") for n in names):
                _refuse(name, _("文件里有宏"))
            main = "OFD.xml" if kind == "ofd" else "[Content_Types].xml"
            if main not in names or not any(n.startswith(_MAIN_PART.get(kind, "")) for n in names):
                _wrong_content(name)
            for entry in entries:
                if entry.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(entry) as part:
                        _prolog(name, part.read(PROLOG))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        _wrong_content(name)
    except Exception as error:
        if type(error).__module__ == "zlib":
            _wrong_content(name)
        raise


def _directory(file: BinaryIO, name: str) -> int:
    """Where the directory of the archive begins, read before Python's own reader builds a list of it."""
    tail = _tail(file, 22 + 65_535)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        _wrong_content(name)
    entries, size, offset = struct.unpack("<HII", tail[at + 10 : at + 20])
    # The reader goes by the size of the directory, whatever number of entries it says.
    if entries == 0 or entries > MAX_ENTRIES or size > MAX_DIRECTORY or offset == 0xFFFFFFFF:
        _refuse(name, _("压缩结构异常"))
    return int(offset)


def _limits(file: BinaryIO, name: str, entries: list[zipfile.ZipInfo], directory_at: int) -> None:
    if len(entries) > MAX_ENTRIES or sum(e.file_size for e in entries) > MAX_UNPACKED:
        _refuse(name, _("压缩结构异常"))
    for entry in entries:
        if entry.flag_bits & 1:
            _refuse(name, _("文件设了打开密码"))
        if entry.file_size > RATIO_FROM and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
            _refuse(name, _("压缩结构异常"))
    ordered = sorted(entries, key=lambda e: e.header_offset)
    ends = [e.header_offset for e in ordered[1:]] + [directory_at]
    for entry, limit in zip(ordered, ends, strict=True):
        file.seek(entry.header_offset)
        header = file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            _wrong_content(name)
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        if entry.header_offset + 30 + name_length + extra_length + entry.compress_size > limit:
            _refuse(name, _("压缩结构异常"))


def _prolog(name: str, head: bytes) -> None:
    """Office parts have no DOCTYPE; one is an attack on whoever parses it later."""
    plain = head.replace(b"\x00", b"").upper()
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        _refuse(name, _("文件里有不允许的外部定义"))
    if b"MACROENABLED" in plain:
        _refuse(name, _("文件里有宏"))
