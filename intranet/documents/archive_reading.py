"""Reading an archive from outside: nothing in it is believed before it is checked, nothing is held in memory whole.

The file must be exactly what :mod:`.archive_file` would write for its members: every header is rebuilt
from what it says and compared byte for byte, and members lie one after the other without a gap. So there
is no overlap, no compression and no bomb, and a single changed byte is found and its place named.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import Invalid
from ..i18n import _
from .archive_file import (
    CENTRAL,
    CENTRAL_SIGNATURE,
    CHUNK,
    END,
    END64,
    FULL,
    LOCAL,
    LOCAL_SIGNATURE,
    LOCATOR,
    Placed,
    directory,
    local_header,
)

MOST_MEMBERS = 1_000_000
MOST_NAME = 400
MOST_DIRECTORY = 256 * 1024 * 1024
MOST_TEXT = 256 * 1024 * 1024
"""Bytes of a member that is read into memory: facts, results, the manifest."""


class Broken(Invalid):
    """The archive is not as it was made. member: where, "" for the structure of the file itself."""

    def __init__(self, message: str, member: str = "") -> None:
        super().__init__(message)
        self.member = member


@dataclass(frozen=True, slots=True)
class Digest:
    """What the content of a member comes to."""

    sha256: str
    size: int


class ArchiveReader:
    """An archive whose structure holds. ``members`` by name, in the order of the file.

    :raises Broken: it does not; the message names the place.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.size = file.seek(0, 2)
        self.members: dict[str, Placed] = {}
        for member in self._members():
            if member.name in self.members:
                raise Broken(_("压缩包里“%(name)s”出现了两次。", name=member.name), member.name)
            self.members[member.name] = member

    def _members(self) -> list[Placed]:
        out: list[Placed] = []
        at = 0
        while True:
            member = self._member(at, out)
            if member is None:
                break
            out.append(member)
            at = member.end
            if len(out) > MOST_MEMBERS:
                raise Broken(_("压缩包里的成员超过 %(n)s 个，没有读取。", n=MOST_MEMBERS))
        self._check_directory(out, at)
        return out

    def _member(self, at: int, before: list[Placed]) -> Placed | None:
        """The member whose header begins here; None where the directory begins."""
        self.file.seek(at)
        head = self.file.read(LOCAL.size)
        if before and head[:4] == CENTRAL_SIGNATURE:
            return None
        if not before and head[:4] != LOCAL_SIGNATURE:
            raise Broken(_("这不是归档文件，或文件开头被改动。"))
        if len(head) < LOCAL.size:
            raise self._lost(at, before)
        _signature, _v, _f, _m, _t, _d, crc, size, _size, name_length, extra_length = LOCAL.unpack(head)
        rest = self.file.read(name_length + extra_length) if name_length <= MOST_NAME else b""
        if len(rest) < name_length + extra_length or not name_length:
            raise self._lost(at, before)
        try:
            name = rest[:name_length].decode()
        except UnicodeDecodeError:
            raise self._lost(at, before) from None
        if size == FULL and extra_length == 20:
            size = struct.unpack_from("<Q", rest, name_length + 4)[0]
        if head + rest != local_header(name, size, crc):
            raise self._lost(at, before)
        member = Placed(name, at, size, crc)
        if member.end > self.size:
            raise self._lost(at, before)
        return member

    def _lost(self, at: int, before: list[Placed]) -> Broken:
        """What is said where a header cannot be read: the directory may still know whose it is."""
        name = next((m.name for m in self._by_directory() if not self._stands(m)), "")
        if not name and before:
            name = before[-1].name
        if name:
            text = _("“%(name)s”的文件头被改动（文件第 %(at)s 字节起）。", name=name, at=at + 1)
            return Broken(text, name)
        return Broken(_("压缩包的结构被改动（文件第 %(at)s 字节起）。", at=at + 1))

    def _by_directory(self) -> Iterator[Placed]:
        """The members as the directory lists them, as far as it can be read."""
        self.file.seek(max(0, self.size - END.size))
        end = self.file.read()
        if len(end) != END.size or end[:4] != b"PK\x05\x06":
            return
        start, length = END.unpack(end)[6], END.unpack(end)[5]
        if start == FULL:  # the wide end record stands before
            self.file.seek(max(0, self.size - END.size - LOCATOR.size - END64.size))
            wide = self.file.read(END64.size)
            start, length = END64.unpack(wide)[9], END64.unpack(wide)[8]
        if length > MOST_DIRECTORY or start > self.size:
            return
        self.file.seek(start)
        data = self.file.read(length)
        at = 0
        while at + CENTRAL.size <= len(data) and data[at : at + 4] == CENTRAL_SIGNATURE:
            fields = CENTRAL.unpack_from(data, at)
            crc, size, name_length, extra_length, offset = (fields[n] for n in (7, 8, 10, 11, 16))
            after = at + CENTRAL.size
            name = data[after : after + name_length].decode(errors="replace")
            if FULL not in (size, offset):
                yield Placed(name, offset, size, crc)
            at = after + name_length + extra_length

    def _stands(self, member: Placed) -> bool:
        expected = local_header(member.name, member.size, member.crc)
        self.file.seek(member.offset)
        return self.file.read(len(expected)) == expected

    def _check_directory(self, members: list[Placed], at: int) -> None:
        """The rest of the file is the directory of these members and nothing else."""
        self.file.seek(at)
        place = at
        for n, expected in enumerate(directory(members, at)):
            found = self.file.read(len(expected))
            if found != expected:
                here = place + _first_difference(found, expected) + 1
                if n < len(members):
                    name = members[n].name
                    text = _("“%(name)s”的文件头和目录对不上（文件第 %(at)s 字节）。", name=name, at=here)
                    raise Broken(text, name)
                raise Broken(_("压缩包的结尾被改动（文件第 %(at)s 字节）。", at=here))
            place += len(expected)
        if place != self.size:
            raise Broken(_("压缩包后面多了 %(n)s 字节。", n=self.size - place))

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a member in chunks."""
        member = self.members[name]
        at, left = member.data_at, member.size
        while left:
            self.file.seek(at)  # others may read in between
            piece = self.file.read(min(CHUNK, left))
            if not piece:
                raise Broken(_("“%(name)s”读不完整。", name=name), name)
            at, left = at + len(piece), left - len(piece)
            yield piece

    def digest(self, name: str) -> Digest:
        """Hash the content. :raises Broken: it is not what its header says (CRC)."""
        digest, crc, size = hashlib.sha256(), 0, 0
        for piece in self.pieces(name):
            digest.update(piece)
            crc, size = zlib.crc32(piece, crc), size + len(piece)
        if crc != self.members[name].crc:
            raise Broken(_("“%(name)s”的内容被改动。", name=name), name)
        return Digest(digest.hexdigest(), size)

    def read(self, name: str) -> bytes:
        """The whole content of a member of text. :raises Broken: missing, or too large."""
        member = self.members.get(name)
        if member is None:
            raise Broken(_("归档里缺少“%(name)s”。", name=name), name)
        if member.size > MOST_TEXT:
            raise Broken(_("“%(name)s”太大，没有读取。", name=name), name)
        return b"".join(self.pieces(name))

    def lines(self, name: str) -> Iterator[bytes]:
        """A member of text, line by line. :raises Broken: missing, or a line too large."""
        if name not in self.members:
            raise Broken(_("归档里缺少“%(name)s”。", name=name), name)
        held = b""
        for piece in self.pieces(name):
            *whole, held = (held + piece).split(b"\n")
            yield from whole
            if len(held) > MOST_TEXT:
                raise Broken(_("“%(name)s”太大，没有读取。", name=name), name)
        if held:
            yield held


def _first_difference(one: bytes, other: bytes) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def open_archive(path: Path) -> ArchiveReader:
    """:raises Broken: not an archive, or its structure was changed."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise Broken(_("打不开这个文件：%(why)s", why=error.strerror or "")) from None
    try:
        return ArchiveReader(file)
    except BaseException:
        file.close()
        raise
