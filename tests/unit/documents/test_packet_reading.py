"""Reading sealed packets: whole ones, and everything that somebody may hand in instead."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intranet.documents import packet_kit
from intranet.documents.packet_reading import Packet, opened
from intranet.domain.packet import MOST_FILES, key_of, sign
from intranet.errors import Invalid
from intranet.storage.local import LocalStore
from tests.unit.documents.packets import KEY, PDF, Member, manifest, members, packet, stored

FILES = {"方案.pdf": (PDF, ["slot:A2#1"]), "纪要.pdf": (PDF + b"%2\n%%EOF", ["slot:A2#2", "clause:A1"])}


def read(data: bytes, what: Callable[[Packet], Any] = lambda p: p.manifest) -> Any:
    with opened(io.BytesIO(data)) as found:
        return what(found)


def refusal(data: bytes, what: Callable[[Packet], Any] = lambda p: p.manifest) -> str:
    with pytest.raises(Invalid) as error:
        read(data, what)
    return error.value.message


def unpack(data: bytes, folder: Path, *, keep: bool = True, limit: int = 1024 * 1024) -> Any:
    return read(data, lambda p: p.unpack(LocalStore(folder), limit=limit, keep=keep))


def waiting(folder: Path) -> int:
    return len(list((folder / ".incoming").glob("*")))


def test_a_whole_packet(tmp_path: Path) -> None:
    data = packet(FILES, b"PK-book")
    said = read(data)
    assert (said.entry, said.issue, said.by, said.workbook.name) == ("g01", 1, "填报甲", "填报表.xlsx")
    assert [(f.name, f.refs) for f in said.files] == [
        ("方案.pdf", ("slot:A2#1",)),
        ("纪要.pdf", ("slot:A2#2", "clause:A1")),
    ]
    assert read(data, lambda p: p.workbook(limit=7)) == b"PK-book"
    assert "填报表超过 0 MB" in refusal(data, lambda p: p.workbook(limit=6))
    assert read(data, lambda p: p.signature == sign(KEY, p.data)) is True
    found = unpack(data, tmp_path)
    assert {n: (u.name, u.media_type, u.received.size) for n, u in found.uploads.items()} == {
        0: ("方案.pdf", "application/pdf", len(PDF)),
        1: ("纪要.pdf", "application/pdf", len(PDF) + 8),
    }
    assert waiting(tmp_path) == 2


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    found = unpack(packet(FILES), tmp_path, keep=False)
    assert sorted(found.uploads) == [0, 1]
    assert waiting(tmp_path) == 0


def test_a_packet_without_a_workbook_has_none() -> None:
    assert read(packet(FILES), lambda p: p.workbook(limit=9)) is None


def test_a_changed_file_is_named_and_nothing_stays(tmp_path: Path) -> None:
    said = manifest(FILES)
    parts = [(n, c if n != "files/0002.pdf" else c.replace(b"obj", b"OBJ")) for n, c in members(said, FILES)]
    with pytest.raises(Invalid, match=r"纪要\.pdf") as error:
        unpack(stored(parts), tmp_path)
    assert "方案.pdf" not in error.value.message
    assert waiting(tmp_path) == 0


def test_a_flipped_byte_is_found_by_its_file(tmp_path: Path) -> None:
    data = bytearray(packet(FILES))
    at = bytes(data).index(PDF) + 12
    data[at] ^= 1
    with pytest.raises(Invalid, match=r"被改动过或已损坏，没有收下：方案\.pdf"):
        unpack(bytes(data), tmp_path)


def test_a_changed_workbook_is_named() -> None:
    said = manifest({}, b"PK-book")
    data = stored(members(said, {}, b"PK-hook"))
    assert "填报表.xlsx" in refusal(data, lambda p: p.workbook(limit=9))


def test_what_evidence_may_not_be_is_refused_and_the_rest_stays(tmp_path: Path) -> None:
    files = {
        "方案.pdf": (PDF, ["slot:A2#1"]),
        "程序.exe": (b"MZ", ["slot:A2#2"]),
        "假.pdf": (b"hello", ["slot:A2#2"]),
        "大.pdf": (PDF + b" " * 3_000_000 + b"%%EOF", ["slot:A2#2"]),
    }
    found = unpack(packet(files), tmp_path, limit=2 * 1024 * 1024)
    assert list(found.uploads) == [0]
    assert "不收这种文件" in found.refused[1]
    assert "内容与扩展名不符" in found.refused[2]
    assert "超过 2 MB" in found.refused[3]
    assert waiting(tmp_path) == 1


def test_names_lose_folders_and_tricks(tmp_path: Path) -> None:
    files = {"..\\..\\etc\\passwd\u202efdp.pdf": (PDF, ["slot:A2#1"])}
    assert unpack(packet(files), tmp_path).uploads[0].name == "passwdfdp.pdf"


# --- zips that are no packets ---------------------------------------------------------------------

SAID = manifest(FILES)
PARTS = members(SAID, FILES)
FOREIGN = "这不是封装工具生成的封装包"
DAMAGED = "封装包不完整或已损坏"
UNREADABLE = "清单读不出来"


def changed(n: int, part: Member) -> list[Member]:
    return [*PARTS[:n], part, *PARTS[n + 1 :]]


def with_manifest(**more: Any) -> bytes:
    return stored([*members({**SAID, **more}, {})[:2], *PARTS[2:]])


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "这个文件是空的"),
    "no zip": (b"hello", FOREIGN),
    "rar": (b"Rar!\x1a\x07\x00", FOREIGN),
    "cut off": (packet(FILES)[:-200], DAMAGED),
    "only its beginning": (packet(FILES)[:40], DAMAGED),
    "with something behind": (packet(FILES) + b"xx", DAMAGED),
    "with something before": (b"PK" + packet(FILES), DAMAGED),
    "zipped anew": (stored(PARTS, method=zipfile.ZIP_DEFLATED), FOREIGN),
    "another path": (stored([*PARTS, ("../../evil.pdf", PDF)]), FOREIGN),
    "an absolute path": (stored([*PARTS, ("/etc/passwd", PDF)]), FOREIGN),
    "a folder": (stored([*PARTS, ("files/", b"")]), FOREIGN),
    "no manifest": (stored(PARTS[1:]), FOREIGN),
    "no signature": (stored([PARTS[0], *PARTS[2:]]), FOREIGN),
    "some other zip": (stored([("hello.txt", b"hello")]), FOREIGN),
    "a file more": (stored([*PARTS, ("files/0003.pdf", PDF)]), "多了清单以外的文件"),
    "a file less": (stored(PARTS[:-1]), "少了文件：纪要.pdf"),
    "a huge manifest": (stored(changed(0, ("manifest.json", b" " * 3_000_000))), FOREIGN),
    "manifest is no JSON": (stored(changed(0, ("manifest.json", b"{"))), UNREADABLE),
    "manifest is a list": (stored(changed(0, ("manifest.json", b"[]"))), UNREADABLE),
    "manifest is deep": (stored(changed(0, ("manifest.json", b"[" * 200_000))), UNREADABLE),
    "manifest is not text": (stored(changed(0, ("manifest.json", b"\xff\xfe\x00"))), UNREADABLE),
    "another format": (with_manifest(format="0"), "旧版工具"),
    "an unknown word": (with_manifest(extra=1), UNREADABLE),
    "a text for a number": (with_manifest(cycle="1"), UNREADABLE),
    "a hash that is none": (with_manifest(files=[{**SAID["files"][0], "sha256": "x"}]), UNREADABLE),
    "a path of its own": (with_manifest(files=[{**SAID["files"][0], "path": "../a.pdf"}]), UNREADABLE),
    "a file twice": (with_manifest(files=[SAID["files"][0]] * 2), UNREADABLE),
    "a file without a place": (with_manifest(files=[{**SAID["files"][0], "refs": []}]), UNREADABLE),
    "too many files": (with_manifest(files=[SAID["files"][0]] * (MOST_FILES + 1)), UNREADABLE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_zips(name: str) -> None:
    data, said = HOSTILE[name]
    assert said in refusal(data)


def test_a_member_twice() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = stored([*PARTS, PARTS[-1]])
    assert FOREIGN in refusal(data)


def test_a_directory_that_points_twice_at_the_same_bytes() -> None:
    """Overlapping entries: a small file that becomes a large one (CVE-2024-0450)."""
    data = bytearray(packet(FILES))
    end = len(data) - 22
    start = struct.unpack_from("<I", data, end + 16)[0]
    offsets = [at for at in range(start, end) if data[at : at + 4] == b"PK\x01\x02"]
    struct.pack_into("<I", data, offsets[-1] + 42, struct.unpack_from("<I", data, offsets[-2] + 42)[0])
    assert FOREIGN in refusal(bytes(data))


def test_a_size_that_is_not_so() -> None:
    """A directory that claims a gigabyte is refused before a byte of it is read."""
    data = bytearray(packet(FILES))
    end = len(data) - 22
    start = struct.unpack_from("<I", data, end + 16)[0]
    last = max(at for at in range(start, end) if data[at : at + 4] == b"PK\x01\x02")
    struct.pack_into("<II", data, last + 20, 2**30, 2**30)
    assert FOREIGN in refusal(bytes(data))


def test_a_directory_without_end() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for n in range(MOST_FILES + 4):
            archive.writestr(f"files/{n:04}.pdf", b"")
    assert FOREIGN in refusal(out.getvalue())


def test_a_name_that_differs_between_directory_and_content() -> None:
    data = packet(FILES)
    at = data.index(b"files/0002.pdf%PDF")
    assert "方案.pdf" not in (text := refusal(data[:at] + b"files/0009.pdf" + data[at + 14 :], _take)), text
    assert "纪要.pdf" in text


def _take(found: Packet) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return found.unpack(LocalStore(Path(folder)), limit=10**6)


# --- keys and the kit -----------------------------------------------------------------------------


def test_each_issue_has_its_own_key() -> None:
    keys = {key_of(b"secret", c, e, n) for c in (1, 2) for e in (1, 2) for n in (1, 2)}
    assert len(keys) == 8
    assert key_of(b"secret", 1, 1, 1) == key_of(b"secret", 1, 1, 1) != key_of(b"other", 1, 1, 1)


def test_the_tool_is_one_page_that_may_reach_nothing() -> None:
    template = (
        '<meta content="packet-policy"><link rel="stylesheet" href="packet.css">'
        '<script src="packet-data"></script><script src="packet.js"></script>'
    )
    page = packet_kit.one_page(template, style="a{}", script="1;", data={"unit": "</script><b>"})
    assert "default-src 'none'; script-src 'sha256-" in page
    assert "src=" not in page
    assert "href=" not in page
    said = page.split('id="packet-data">')[1].split("</script>")[0]
    assert json.loads(said) == {"unit": "</script><b>"}
    with pytest.raises(ValueError, match=r"packet\.js"):
        packet_kit.one_page(template + '<script src="packet.js"></script>', style="", script="", data={})
