"""Zip-based office files from outside, checked before any program opens them.

xlsx, docx and ods are zips of XML. Everything a parser would read is inflated here first, under
limits of our own, because the sizes that a zip states about itself may be lies.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise

from ..errors import Invalid
from ..i18n import _

MOST_ENTRIES = 2_000
MOST_DIRECTORY = 512 * 1024
MOST_BYTES = 64 * 1024 * 1024
MOST_RATIO = 200
"""Inflated ÷ compressed of one entry; a sheet of repeated rows reaches about 60."""
_RATIO_FROM = 1024 * 1024
"""Small entries may be as dense as they like."""

_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_DECLARATION = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_ENCODING = re.compile(rb"\A<\?xml[^>]*\bencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_XML = (".xml", ".rels", ".vml")


@dataclass(frozen=True, slots=True)
class Archive:
    """An accepted zip: the inflated XML parts by name, and the names of all entries."""

    parts: dict[str, bytes]
    names: frozenset[str]


def open_archive(data: bytes) -> Archive:
    """Check a zip and inflate its XML parts.

    :raises Invalid: not a zip, too many entries, too large, too dense, overlapping entries,
        encrypted, a document type declaration (entities), XML in another encoding than UTF-8.
        The message says in Chinese what to do.
    """
    _check_directory(data)
    try:
        with zipfile.ZipFile(BytesIO(data)) as file:
            entries = file.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error) as error:
        raise Invalid(_("文件已损坏，打不开。请用 WPS 或 Excel 重新保存后再上传。")) from error
    _check_declared(entries)
    ranges = [_range(data, entry) for entry in entries]
    _check_apart([(entry.header_offset, end) for entry, (_start, end) in zip(entries, ranges, strict=True)])
    parts: dict[str, bytes] = {}
    left = MOST_BYTES
    for entry, (start, end) in zip(entries, ranges, strict=True):
        if entry.is_dir():
            continue
        content = _inflate(data[start:end], entry, left)
        left -= len(content)
        if entry.filename.lower().endswith(_XML):
            parts[entry.filename] = _plain_xml(content)
    return Archive(parts, frozenset(entry.filename for entry in entries))


def _refused(why: str) -> Invalid:
    return Invalid(_("文件不正常（%(why)s），没有读取。请用 WPS 或 Excel 重新保存后再上传。", why=why))


def _check_directory(data: bytes) -> None:
    """The reader lists the whole directory by its size, whatever number of entries it says."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 22 - 65_535))
    if 0 <= end <= len(data) - 22 and struct.unpack_from("<I", data, end + 12)[0] > MOST_DIRECTORY:
        raise _refused(_("目录过长"))


def _check_declared(entries: list[zipfile.ZipInfo]) -> None:
    """What the zip says of itself, before a byte is inflated."""
    if len(entries) > MOST_ENTRIES:
        raise _refused(_("内含 %(n)s 个部件，超过 %(most)s 个", n=len(entries), most=MOST_ENTRIES))
    names = [entry.filename for entry in entries]
    if len({name.casefold() for name in names}) < len(names):
        raise _refused(_("内有重名的部件"))
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise Invalid(_("文件加了密码，读不了。请去掉密码后再上传。"))
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise _refused(_("解压后超过 %(most)s MB", most=MOST_BYTES // 1024 // 1024))
    for entry in entries:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(_("压缩方式不常见"))
        _check_ratio(entry.file_size, entry.compress_size)


def _check_ratio(inflated: int, compressed: int) -> None:
    if inflated > _RATIO_FROM and inflated > MOST_RATIO * max(1, compressed):
        raise _refused(_("压缩比过高"))


def _range(data: bytes, entry: zipfile.ZipInfo) -> tuple[int, int]:
    """Where the compressed bytes of an entry begin and end, by its local header."""
    at = entry.header_offset
    if at < 0 or at + _LOCAL.size > len(data):
        raise _refused(_("目录与内容不符"))
    signature, *_fields, name_length, extra_length = _LOCAL.unpack_from(data, at)
    start = at + _LOCAL.size + name_length + extra_length
    end = start + entry.compress_size
    name = data[at + _LOCAL.size : at + _LOCAL.size + name_length]
    # Two names for one entry make two programs see two files.
    if signature != _LOCAL_SIGNATURE or end > len(data) or name != _raw_name(entry):
        raise _refused(_("目录与内容不符"))
    return start, end


def _raw_name(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437")


def _check_apart(ranges: list[tuple[int, int]]) -> None:
    """Entries must not share bytes: overlap makes a small file inflate without end (CVE-2024-0450)."""
    ranges.sort()
    for (_start, end), (following, _end) in pairwise(ranges):
        if following < end:
            raise _refused(_("部件互相重叠"))


def _inflate(raw: bytes, entry: zipfile.ZipInfo, left: int) -> bytes:
    """The content of an entry, if it is as long as the directory says and no longer than ``left``."""
    if entry.file_size > left:
        raise _refused(_("解压后超过 %(most)s MB", most=MOST_BYTES // 1024 // 1024))
    if entry.compress_type == zipfile.ZIP_STORED:
        content = raw
    else:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = inflate.decompress(raw, entry.file_size + 1)
        except zlib.error as error:
            raise Invalid(_("文件已损坏，打不开。请用 WPS 或 Excel 重新保存后再上传。")) from error
        if not inflate.eof and len(content) <= entry.file_size:
            raise Invalid(_("文件不完整，可能没有传完。请重新上传。"))
    if len(content) != entry.file_size:
        raise _refused(_("部件的大小与目录不符"))
    return content


def _plain_xml(content: bytes) -> bytes:
    """XML without entities of its own, in UTF-8, so that a search for bytes sees what a parser sees."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    encoding = _ENCODING.match(content)
    if b"\0" in content or (encoding and encoding[1].lower() not in (b"utf-8", b"us-ascii", b"ascii")):
        raise _refused(_("编码不是 UTF-8"))
    if _DECLARATION.search(content):
        raise _refused(_("含有文档类型声明"))
    return content
