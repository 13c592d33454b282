"""What is accepted as evidence: by name and by content, before anything is opened."""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from intranet.domain.evidence import shown_name
from intranet.errors import Invalid
from intranet.storage import accepted

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504
WORDS = "[Content_Types].xml"


def png(width: int = 4, height: int = 3) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def jpeg(width: int = 4, height: int = 3) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return (
        b"\xff\xd8\xff\xe0\x00\x04JF\xff\xc0"
        + struct.pack(">H", len(frame) + 2)
        + frame
        + b"\xff\xda\x00\x02\xff\xd9"
    )


def office(main: str = "word/document.xml", body: bytes = b"<w:document/>", **parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(WORDS, "<Types/>")
        archive.writestr(main, body)
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def ofd() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("OFD.xml", "<ofd:OFD/>")
    return out.getvalue()


def check(folder: Path, name: str, content: bytes) -> str:
    path = folder / "received"
    path.write_bytes(content)
    return accepted.check(path, name)


GOOD = {
    "章程.PDF": (PDF, "application/pdf"),
    "a.jpg": (jpeg(), "image/jpeg"),
    "a.jpeg": (jpeg(), "image/jpeg"),
    "a.png": (png(), "image/png"),
    "a.docx": (office(), accepted.MEDIA_TYPES["docx"]),
    "a.xlsx": (office("xl/workbook.xml"), accepted.MEDIA_TYPES["xlsx"]),
    "a.pptx": (office("ppt/presentation.xml"), accepted.MEDIA_TYPES["pptx"]),
    "a.doc": (OLE, "application/msword"),
    "a.wps": (OLE, "application/vnd.ms-works"),
    "a.et": (OLE, "application/vnd.ms-excel"),
    "a.dps": (OLE, "application/vnd.ms-powerpoint"),
    "a.ofd": (ofd(), "application/ofd"),
    "a.txt": ("会议纪要\r\n一、……".encode(), "text/plain"),
    "b.txt": ("会议纪要".encode("gb18030"), "text/plain"),
}


@pytest.mark.parametrize("name", GOOD)
def test_accepted(tmp_path: Path, name: str) -> None:
    content, media_type = GOOD[name]
    assert check(tmp_path, name, content) == media_type


BAD = {
    "空.pdf": (b"", "文件是空的"),
    "病毒.exe": (b"MZ\x90\0", "不收这种文件"),
    "页面.html": (b"<html>", "不收这种文件"),
    "图.svg": (b"<svg/>", "不收这种文件"),
    "包.zip": (office(), "不收这种文件"),
    "没有扩展名": (PDF, "不收这种文件"),
    "html.pdf": (b"<html><script>", "内容与扩展名不符"),
    "断.pdf": (b"%PDF-1.7\n1 0 obj", "内容与扩展名不符"),
    "exe.jpg": (b"MZ\x90\0" * 10, "内容与扩展名不符"),
    "断.jpg": (jpeg()[:-2], "内容与扩展名不符"),
    "断.png": (png()[:-12], "内容与扩展名不符"),
    "png.jpg": (png(), "内容与扩展名不符"),
    "大.png": (png(30000, 30000), "图片太大"),
    "大.jpg": (jpeg(30000, 30000), "图片太大"),
    "二进制.txt": (b"abc\0def", "内容与扩展名不符"),
    "pdf.docx": (PDF, "内容与扩展名不符"),
    "xlsx.docx": (office("xl/workbook.xml"), "内容与扩展名不符"),
    "压缩包.docx": (ofd(), "内容与扩展名不符"),
    "docx.ofd": (office(), "内容与扩展名不符"),
    "密码.docx": (OLE, "打开密码"),
    "宏.docx": (office(word__vbaProject_bin=b"x"), "宏"),
    "宏.doc": (OLE + "_VBA_PROJECT".encode("utf-16-le"), "宏"),
    "实体.docx": (office(body=b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>'), "外部定义"),
    "实体16.docx": (office(body="<!DOCTYPE x><x/>".encode("utf-16")), "外部定义"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused_with_what_is_allowed(tmp_path: Path, name: str) -> None:
    content, why = BAD[name]
    with pytest.raises(Invalid) as refused:
        check(tmp_path, name, content)
    assert f"“{name}”没有收下" in refused.value.message
    assert why in refused.value.message
    assert "PDF、图片（JPG、PNG、HEIC）" in refused.value.message


def bomb_of_ratio() -> bytes:
    return office(word__big_bin=b"\0" * (8 * 1024 * 1024))


def bomb_of_entries() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(WORDS, "<Types/>")
        for n in range(3_000):
            archive.writestr(f"word/{n}", b"")
    return out.getvalue()


def bomb_of_overlap() -> bytes:
    """Many directory entries that point at one and the same compressed piece (CVE-2024-0450)."""
    plain = zipfile.ZipFile(out := io.BytesIO(), "w", zipfile.ZIP_DEFLATED)
    plain.writestr(WORDS, "<Types/>")
    plain.writestr("word/document.xml", b"A" * 500_000)
    first = plain.infolist()[1]
    for n in range(500):
        twin = zipfile.ZipInfo(f"word/{n}.bin")
        for name in ("header_offset", "compress_type", "compress_size", "file_size", "CRC", "flag_bits"):
            setattr(twin, name, getattr(first, name))
        plain.filelist.append(twin)
        plain.NameToInfo[twin.filename] = twin
    plain.close()
    return out.getvalue()


def lying_size() -> bytes:
    """The directory says 10 bytes, the compressed piece holds far more than its place allows."""
    data = bytearray(office(body=b"A" * 4096))
    at = data.rindex(b"PK\x01\x02")
    data[at + 20 : at + 24] = struct.pack("<I", 0x7FFFFFFF)  # compressed size
    return bytes(data)


@pytest.mark.parametrize("make", [bomb_of_ratio, bomb_of_entries, bomb_of_overlap, lying_size])
def test_archives_are_looked_at_before_they_are_opened(tmp_path: Path, make: object) -> None:
    content = make()  # type: ignore[operator]
    begin = time.perf_counter()
    with pytest.raises(Invalid, match=r"压缩结构异常|已损坏"):
        check(tmp_path, "炸弹.docx", content)
    assert time.perf_counter() - begin < 2


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/章程.pdf", "章程.pdf"),
        ("C:\\Users\\甲\\会议纪要.docx", "会议纪要.docx"),
        ("a\r\nb\0.pdf", "ab.pdf"),
        ("\u202egnp.exe.pdf", "gnp.exe.pdf"),
        ("长" * 300 + ".pdf", "长" * 196 + ".pdf"),
        ("...", "..."),
    ],
)
def test_names_are_only_shown(sent: str, shown: str) -> None:
    assert shown_name(sent) == shown
