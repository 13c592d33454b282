"""The archive's container: what it writes any program reads, and past 4 GB its records still say the right numbers."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from intranet.documents import archive_file
from intranet.documents.archive_file import (
    CENTRAL,
    FULL,
    LOCAL,
    ArchiveWriter,
    Placed,
    central_header,
    directory,
    local_header,
)
from intranet.documents.archive_reading import ArchiveReader, Broken

GB = 1024**3


def written(**members: bytes) -> bytes:
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    for name, content in members.items():
        writer.add(name, iter([content[:1], content[1:]]))
    writer.finish()
    return file.getvalue()


def test_what_is_written_any_zip_program_reads() -> None:
    data = written(first=b"one", 第二=b"", third=b"x" * 5000)
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        assert book.testzip() is None
        assert [(i.filename, i.file_size, i.compress_type) for i in book.infolist()] == [
            ("first", 3, zipfile.ZIP_STORED),
            ("第二", 0, zipfile.ZIP_STORED),
            ("third", 5000, zipfile.ZIP_STORED),
        ]
        assert book.read("third") == b"x" * 5000
        assert {i.date_time for i in book.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert written(first=b"one") == written(first=b"one")


def test_it_is_read_back_member_by_member() -> None:
    reader = ArchiveReader(io.BytesIO(written(a=b"line 1\nline 2\n", b=b"tail")))
    assert list(reader.members) == ["a", "b"]
    assert list(reader.lines("a")) == [b"line 1", b"line 2"]
    assert reader.read("b") == b"tail"
    with pytest.raises(Broken, match="缺少“c”"):
        reader.read("c")


def test_a_name_twice_is_refused_on_both_ways() -> None:
    writer = ArchiveWriter(io.BytesIO())
    writer.add("a", b"1")
    with pytest.raises(ValueError, match="twice"):
        writer.add("a", b"2")
    once = local_header("a", 1, 0x83DCEFB7) + b"1"
    members = [Placed("a", 0, 1, 0x83DCEFB7), Placed("a", len(once), 1, 0x83DCEFB7)]
    data = once + once + b"".join(directory(members, 2 * len(once)))
    with pytest.raises(Broken, match="出现了两次"):
        ArchiveReader(io.BytesIO(data))


def test_bytes_between_members_or_a_compressed_member_are_refused() -> None:
    first = local_header("a", 1, 0x83DCEFB7) + b"1"
    gap = first + b"hidden" + b"".join(directory([Placed("a", 0, 1, 0x83DCEFB7)], len(first) + 6))
    with pytest.raises(Broken, match="文件头被改动"):
        ArchiveReader(io.BytesIO(gap))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", b"0" * 10_000_000)
    with pytest.raises(Broken):
        ArchiveReader(io.BytesIO(packed.getvalue()))


def test_past_four_gigabytes_sizes_and_places_stand_in_the_wide_fields() -> None:
    """As appendix 4.5.3 of the zip specification has it: 0xFFFFFFFF, and 8 bytes in the extra field."""
    header = local_header("volume.pdf", 5 * GB, 7)
    fields = LOCAL.unpack_from(header)
    assert fields[7:9] == (FULL, FULL)
    extra = header[LOCAL.size + len("volume.pdf") :]
    assert struct.unpack("<2H2Q", extra) == (1, 16, 5 * GB, 5 * GB)
    record = central_header(Placed("volume.pdf", 6 * GB, 5 * GB, 7))
    fields = CENTRAL.unpack_from(record)
    assert (fields[8], fields[9], fields[16]) == (FULL, FULL, FULL)
    extra = record[CENTRAL.size + len("volume.pdf") :]
    assert struct.unpack("<2H3Q", extra) == (1, 24, 5 * GB, 5 * GB, 6 * GB)
    # a small member that lies far back: the place alone is wide
    record = central_header(Placed("a", 6 * GB, 3, 7))
    assert CENTRAL.unpack_from(record)[8] == 3
    assert struct.unpack("<2HQ", record[CENTRAL.size + 1 :]) == (1, 8, 6 * GB)
    end = b"".join(directory([Placed("a", 6 * GB, 3, 7)], 7 * GB))[len(record) :]
    assert end[:4] == b"PK\x06\x06"
    wide = struct.unpack_from("<4sQ2H2I4Q", end)
    assert (wide[6], wide[7], wide[8], wide[9]) == (1, 1, len(record), 7 * GB)
    assert struct.unpack_from("<4sIQI", end, 56) == (b"PK\x06\x07", 0, 7 * GB + len(record), 1)


def test_a_size_that_was_not_told_is_refused_instead_of_written_wrongly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive_file, "FULL", 100)  # as if 100 bytes were four gigabytes
    with pytest.raises(ValueError, match="not told"):
        ArchiveWriter(io.BytesIO()).add("big", iter([b"x" * 60, b"x" * 60]))
    writer = ArchiveWriter(io.BytesIO())
    assert writer.add("big", iter([b"x" * 60, b"x" * 60]), size=120).size == 120
