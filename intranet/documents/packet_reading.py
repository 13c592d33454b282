"""Reading a sealed packet: a zip from outside, looked at member by member and never unpacked as a whole.

The tool stores its members uncompressed. Anything else is refused, so what a member says of its size is
what lies in the file, and no packet grows while it is read.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from ..domain.evidence import Upload, shown_name
from ..domain.packet import MANIFEST, MOST_FILES, SIGNATURE, WORKBOOK, Manifest, read_manifest
from ..errors import Invalid
from ..i18n import _
from ..storage import Store, accepted

MOST_MANIFEST = 2 * 1024 * 1024
MOST_DIRECTORY = 128 * 1024
_ENTRIES = MOST_FILES + 3
_NAME = re.compile(r"(manifest\.json|signature\.txt|workbook\.xlsx|files/[0-9]{4}\.[a-z]{1,5})\Z")
_END = struct.Struct("<4s4H2IH")
_LOCAL = struct.Struct("<4s5H3I2H")
_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, struct.error)


@dataclass
class Packet:
    """An opened packet, its structure sound. data: the bytes of the manifest, which the signature is of."""

    zip: zipfile.ZipFile
    data: bytes
    signature: str
    manifest: Manifest

    def workbook(self, *, limit: int) -> bytes | None:
        """The filled workbook; None if the packet has none. :raises Invalid: it was changed, or is too large."""
        stated = self.manifest.workbook
        if stated is None:
            return None
        if self.zip.getinfo(WORKBOOK).file_size > limit:
            most = limit // 1024 // 1024
            text = _("填报表超过 %(most)s MB，不正常。请重新下载离线填报表再填。", most=most)
            raise Invalid(text, field="file")
        try:
            with self.zip.open(WORKBOOK) as member:
                data = member.read()
        except _BROKEN as error:
            raise _altered([stated.name]) from error
        if len(data) != stated.size or hashlib.sha256(data).hexdigest() != stated.sha256:
            raise _altered([stated.name])
        return data

    def unpack(self, store: Store, *, limit: int, keep: bool = False) -> Unpacked:
        """Every file in turn: its hash against the manifest, then whether it is acceptable as evidence.

        :param keep: False discards each file again; True leaves it received, for the caller to discard.
        :raises Invalid: files were changed or are broken (names them); nothing is left received.
        """
        uploads: dict[int, Upload] = {}
        refused: dict[int, str] = {}
        changed: list[str] = []
        try:
            for n, stated in enumerate(self.manifest.files):
                name = shown_name(stated.name)
                try:
                    with self.zip.open(stated.path) as member:
                        received = store.receive(member)
                except _BROKEN:
                    changed.append(name)
                    continue
                upload = Upload(name, "", received)
                uploads[n] = upload
                if (received.size, received.sha256) != (stated.size, stated.sha256):
                    changed.append(name)
                elif received.size > limit:
                    most = limit // 1024 // 1024
                    refused[n] = _("“%(name)s”超过 %(most)s MB。请压缩后再传。", name=name, most=most)
                else:
                    try:
                        uploads[n] = Upload(name, accepted.check(received.path, name), received)
                    except Invalid as error:
                        refused[n] = error.message
                if not keep or n in refused:
                    store.discard(received)
            if changed:
                raise _altered(changed)
        except BaseException:
            for upload in uploads.values():
                store.discard(upload.received)
            raise
        return Unpacked({n: u for n, u in uploads.items() if n not in refused}, refused)


@dataclass(frozen=True)
class Unpacked:
    """The files of a packet by their place in its list. refused: why one is not acceptable."""

    uploads: Mapping[int, Upload]
    refused: Mapping[int, str]


@contextmanager
def opened(file: IO[bytes]) -> Iterator[Packet]:
    """A packet, if it is one and in one piece.

    :raises Invalid: not a packet, damaged, not made by the tool; in Chinese, with what to do.
    """
    directory_at = _directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            _check(file, archive.infolist(), directory_at)
            data = archive.read(MANIFEST)
            signature = archive.read(SIGNATURE).decode("ascii", "replace").strip()
            manifest = read_manifest(data)
            _complete(archive, manifest)
    except _BROKEN as error:
        raise _damaged() from error
    with zipfile.ZipFile(file) as archive:
        yield Packet(archive, data, signature, manifest)


def _damaged() -> Invalid:
    return Invalid(_("封装包不完整或已损坏，可能没有拷完。请重新拷贝，或让学校重新生成一个。"), field="file")


def _foreign() -> Invalid:
    return Invalid(
        _("这不是封装工具生成的封装包（…….packet.zip），没有读取。请不要解压后重新打包。"), field="file"
    )


def _altered(names: list[str]) -> Invalid:
    return Invalid(
        _(
            "封装以后被改动过或已损坏，没有收下：%(names)s。请学校用原来的文件重新封装。",
            names="、".join(names[:10]),
        ),
        field="file",
    )


def _directory(file: IO[bytes]) -> int:
    """Where the directory of the zip begins, read before Python's reader builds a list of it."""
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        raise Invalid(_("这个文件是空的，请重新选择。"), field="file")
    file.seek(0)
    if file.read(2) != b"PK":
        raise _foreign()
    file.seek(max(0, size - _END.size))
    tail = file.read()
    if len(tail) < _END.size or not tail.startswith(b"PK\x05\x06"):
        raise _damaged()  # cut off, or with a comment that the tool never writes
    _sign, disk, start, here, entries, length, offset, comment = _END.unpack(tail)
    if (disk, start, comment) != (0, 0, 0) or here != entries or offset + length + _END.size != size:
        raise _damaged()
    if entries > _ENTRIES or length > MOST_DIRECTORY:
        raise _foreign()
    return int(offset)


def _check(file: IO[bytes], entries: list[zipfile.ZipInfo], directory_at: int) -> None:
    """The members in order, one directly after the other, stored, under names that the tool gives."""
    names = [e.orig_filename for e in entries]
    if len(set(names)) < len(names) or not all(_NAME.match(n) for n in names):
        raise _foreign()
    if MANIFEST not in names or SIGNATURE not in names:
        raise _foreign()
    at = 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or entry.extra or entry.comment:
            raise _foreign()
        if entry.file_size != entry.compress_size or entry.header_offset != at:
            raise _foreign()
        if entry.filename in (MANIFEST, SIGNATURE) and entry.file_size > MOST_MANIFEST:
            raise _foreign()
        file.seek(at)
        head = file.read(_LOCAL.size)
        if len(head) < _LOCAL.size:
            raise _damaged()
        signature, *_fields, name_length, extra_length = _LOCAL.unpack(head)
        if signature != b"PK\x03\x04" or extra_length:
            raise _foreign()
        at += _LOCAL.size + name_length + entry.compress_size
    if at != directory_at:
        raise _foreign()


def _complete(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """That the manifest names every member, and every member it names is there."""
    stated = {f.path: f.name for f in manifest.files}
    if manifest.workbook is not None:
        stated[WORKBOOK] = manifest.workbook.name
    there = set(archive.namelist()) - {MANIFEST, SIGNATURE}
    missing = [shown_name(name) for path, name in stated.items() if path not in there]
    if missing:
        raise Invalid(
            _("封装包里少了文件：%(names)s。请学校重新封装。", names="、".join(missing[:10])), field="file"
        )
    if there - stated.keys():
        raise Invalid(_("封装包里多了清单以外的文件，没有收下。请学校重新封装。"), field="file")
