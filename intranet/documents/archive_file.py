"""The one file a cycle is archived as: a zip that is the same byte for byte whenever and wherever it is made.

Every member is stored as it is, not compressed, under a fixed date and in the order it is given, so that
two archives of the same content are equal and each byte of the file has one right value: its reader
(``archive_reading``) rebuilds every header from what it says and compares. Any program opens it.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

CHUNK = 1024 * 1024
LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
END64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR = struct.Struct("<4sIQI")

LOCAL_SIGNATURE = b"PK\x03\x04"
CENTRAL_SIGNATURE = b"PK\x01\x02"
UTF8 = 0x800
DATE = 0x21  # 1980-01-01: the earliest that the format knows
FULL = 0xFFFFFFFF
MANY = 0xFFFF


@dataclass(frozen=True, slots=True)
class Placed:
    """One member as it lies in the file. offset: of its header; size in bytes; crc: CRC-32 of its content."""

    name: str
    offset: int
    size: int
    crc: int

    @property
    def data_at(self) -> int:
        return self.offset + len(local_header(self.name, self.size, self.crc))

    @property
    def end(self) -> int:
        return self.data_at + self.size


def local_header(name: str, size: int, crc: int) -> bytes:
    """What stands before the content of a member."""
    raw, extra, shown = name.encode(), b"", size
    if size >= FULL:
        extra, shown = struct.pack("<2H2Q", 1, 16, size, size), FULL
    version = 45 if extra else 20
    return (
        LOCAL.pack(LOCAL_SIGNATURE, version, UTF8, 0, 0, DATE, crc, shown, shown, len(raw), len(extra))
        + raw
        + extra
    )


def central_header(member: Placed) -> bytes:
    """What the directory says of a member."""
    raw, wide = member.name.encode(), []
    size, offset = member.size, member.offset
    if size >= FULL:
        wide, size = [member.size, member.size], FULL
    if offset >= FULL:
        wide, offset = [*wide, member.offset], FULL
    extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    version = 45 if wide else 20
    return (
        CENTRAL.pack(
            CENTRAL_SIGNATURE,
            version,
            version,
            UTF8,
            0,
            0,
            DATE,
            member.crc,
            size,
            size,
            len(raw),
            len(extra),
            0,
            0,
            0,
            0,
            offset,
        )
        + raw
        + extra
    )


def directory(members: Iterable[Placed], at: int) -> Iterator[bytes]:
    """The end of the file, piece by piece: a record for each member, then the end record(s)."""
    count = length = 0
    for member in members:
        record = central_header(member)
        count, length = count + 1, length + len(record)
        yield record
    if count >= MANY or length >= FULL or at >= FULL:
        yield END64.pack(b"PK\x06\x06", END64.size - 12, 45, 45, 0, 0, count, count, length, at)
        yield LOCATOR.pack(b"PK\x06\x07", 0, at + length, 1)
    few = min(count, MANY)
    yield END.pack(b"PK\x05\x06", 0, 0, few, few, min(length, FULL), min(at, FULL), 0)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written under a name."""

    sha256: str
    size: int


class ArchiveWriter:
    """Writes members one after the other into a file that can be sought in. Memory: one chunk.

    :raises ValueError: a name twice.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.members: list[Placed] = []
        self.written: dict[str, Written] = {}

    def add(self, name: str, content: bytes | Iterable[bytes], *, size: int = 0) -> Written:
        """A member from its bytes, or from pieces that are not held together in memory.

        :param size: in bytes, wanted only for pieces that come to 4 GB or more.
        """
        if name in self.written:
            raise ValueError(f"twice in the archive: {name}")
        pieces = (content,) if isinstance(content, bytes) else content
        start = self.file.tell()
        room = local_header(name, size, 0)  # its length depends on the size, from 4 GB on
        self.file.write(room)
        digest, crc, size = hashlib.sha256(), 0, 0
        for piece in pieces:
            digest.update(piece)
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            self.file.write(piece)
        end = self.file.tell()
        header = local_header(name, size, crc)
        if len(header) != len(room):
            raise ValueError(f"the size was not told: {name}")
        self.file.seek(start)
        self.file.write(header)
        self.file.seek(end)
        self.members.append(Placed(name, start, size, crc))
        self.written[name] = Written(digest.hexdigest(), size)
        return self.written[name]

    def finish(self) -> None:
        """Write the directory. Nothing can be added afterwards."""
        for piece in directory(self.members, self.file.tell()):
            self.file.write(piece)


def pieces_of(stream: IO[bytes]) -> Iterator[bytes]:
    """A stream in chunks."""
    while piece := stream.read(CHUNK):
        yield piece
