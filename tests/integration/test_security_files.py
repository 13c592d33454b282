"""Files: what is refused, under which names they stand, and how they leave the server."""

from __future__ import annotations

import io
import re
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlmodel import select

from intranet.documents.archive import open_archive
from intranet.domain import evidence
from intranet.errors import Invalid
from intranet.models import Evidence
from intranet.storage import accepted
from tests.integration.filing_ground import PDF, files, upload
from tests.integration.security_ground import facts_of_all
from tests.integration.test_filing_evidence import fetch, stored
from tests.unit.test_upload_check import BAD, WORDS, bomb_of_overlap, bomb_of_ratio, jpeg, office, png
from tests.world import Client, World

SignIn = Callable[[str], Client]


def bomb_of_a_lying_count() -> bytes:
    """The end of the directory says two entries, the directory has sixty thousand."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(WORDS, "<Types/>")
        archive.writestr("word/document.xml", "<x/>")
        first = archive.infolist()[1]
        for n in range(60_000):
            twin = zipfile.ZipInfo(f"word/{n}")
            twin.header_offset, twin.CRC = first.header_offset, 0
            twin.compress_size = twin.file_size = 0
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin
        archive._didModify = True  # type: ignore[attr-defined]
    data = bytearray(out.getvalue())
    at_end = data.rindex(b"PK\x05\x06")
    data[at_end + 8 : at_end + 12] = struct.pack("<HH", 2, 2)
    return bytes(data)


def nested() -> bytes:
    inner = office(word__big_bin=b"\0" * (1024 * 1024))
    for _n in range(3):
        inner = office(word__inner_docx=inner)
    return inner


REFUSED = {
    **{name: content for name, (content, _why) in BAD.items() if name != "没有扩展名"},
    "比率.docx": bomb_of_ratio(),
    "重叠.docx": bomb_of_overlap(),
    "网页.jpg": b"<html><script>alert(1)</script>",
    "jpg+php.php": jpeg() + b"<?php system($_GET[0]);",
    "宏.docm": office(),
    "矢量.svgz": b"\x1f\x8b\x08\x00",
    "网页.mht": b"MIME-Version: 1.0",
    "页.xhtml": b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
    "图.pdf.svg": b"<svg onload=alert(1)>",
    "双.pdf.exe": PDF,
    "点.pdf.": PDF,
    "空格.pdf ": b"<html>",
}


def test_what_lies_or_explodes_is_refused_and_leaves_nothing(world: World, client_for: SignIn) -> None:
    client, before = client_for("lead1"), facts_of_all(world)
    for name, content in REFUSED.items():
        begin = time.thread_time()
        answer = upload(client, world, "A2", "slot:A2#1", (name, content))
        assert time.thread_time() - begin < 1.5, name
        assert answer.status_code == 422, name
        assert "没有收下" in answer.get_data(as_text=True), name
    assert facts_of_all(world) == before
    assert stored(world) == []


def test_an_archive_in_an_archive_is_not_opened(world: World, client_for: SignIn) -> None:
    begin = time.thread_time()
    answer = upload(client_for("lead1"), world, "A2", "slot:A2#1", ("套.docx", nested()))
    assert time.thread_time() - begin < 1.5
    assert answer.status_code == 200
    assert [e.name for e, _refs in files(world)] == ["套.docx"]


def test_a_directory_of_a_lying_count_is_not_listed(tmp_path: Path) -> None:
    bomb = bomb_of_a_lying_count()
    path = tmp_path / "received"
    path.write_bytes(bomb)
    begin = time.thread_time()
    with pytest.raises(Invalid, match="压缩结构异常"):
        accepted.check(path, "数目.docx")
    with pytest.raises(Invalid, match="目录过长"):
        open_archive(bomb)
    assert time.thread_time() - begin < 0.1


def test_an_import_that_is_no_table_says_so(world: World, client_for: SignIn) -> None:
    admin, before = client_for("admin"), facts_of_all(world)
    for content in (
        b"<html>",
        bomb_of_overlap(),
        bomb_of_ratio(),
        office("xl/workbook.xml"),
        PDF,
        b"PK\x03\x04",
        b"\0",
    ):
        for kind in ("units", "people"):
            answer = admin.post(f"/bureau/{kind}/import", {"file": (io.BytesIO(content), "a.xlsx")})
            assert answer.status_code == 422, content[:20]
            assert re.search("请", answer.get_data(as_text=True))
    assert facts_of_all(world) == before


NAMES = (
    "../../../etc/passwd.pdf", "..\\..\\windows\\a.pdf", "/etc/a.pdf", "C:\\a.pdf", "CON.pdf", "NUL.txt.pdf", "COM1.pdf",
    "a\u202efdp.exe.pdf", "长" * 300 + ".pdf", "a\u0000b.pdf", "....pdf", " .pdf", "a;b$(id)`x`.pdf", "a'b.pdf",
    "a%0d%0aSet-Cookie: x=1.pdf", "a\u2028b.pdf", "🙂𠮷.pdf", "<img src=x onerror=alert(1)>.pdf", "a/../../b.pdf", "~.pdf",
    "a|b<c>d:e*f?.pdf", "=HYPERLINK(1).pdf", "a\u200b\u200eb.pdf", "章程（修订）.pdf",
)  # fmt: skip


def test_names_never_reach_the_disk_nor_break_a_header(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    for n, name in enumerate(NAMES):
        answer = upload(client, world, "A2", "slot:A2#1", (name, PDF + b"%%%d" % n))
        assert answer.status_code == 200, name
    with world.read() as session:
        found = session.exec(select(Evidence)).all()
    assert len(found) == len(NAMES)
    folder = world.settings.evidence_folder
    for path in stored(world):
        assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{64}", str(path.relative_to(folder))), path
    assert {p.name for p in world.settings.data.iterdir()} == {
        "evidence",
        "intranet.db",
        "rubric.toml",
        "secret.key",
    }
    for one in found:
        assert len(one.name) <= 200
        assert not re.search(r"[\x00-\x1f\x7f\u202e\u2028/\\]", one.name), one.name
        for rest, kind in (("", "attachment"), ("/preview", "inline")):
            answer = fetch(client, f"/files/{one.id}{rest}")
            said = answer.headers["Content-Disposition"]
            assert said.isascii()
            assert re.fullmatch(
                rf"{kind}; filename=\"[A-Za-z0-9._-]+\"; filename\*=UTF-8''[\w.%~-]+", said
            ), said
            assert "Set-Cookie" not in answer.headers or "x=1" not in answer.headers["Set-Cookie"]
    names = fetch(client, f"/files/{found[-1].id}").headers["Content-Disposition"]
    assert names.endswith(quote("章程（修订）.pdf", safe=""))


def test_a_name_adds_no_header_whatever_is_stored(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    upload(client, world, "A2", "slot:A2#1", ("a.pdf", PDF))
    for name in (
        'a"; x="b.pdf',
        "a\r\nSet-Cookie: x=1\r\n\r\n<script>.pdf",
        "\ud83d.pdf".encode("utf-8", "replace").decode(),
    ):
        with world.write() as session:
            one = session.exec(select(Evidence)).one()
            one.name = name
            session.add(one)
            session.commit()
        said = fetch(client, "/files/1").headers
        assert re.fullmatch(
            r"attachment; filename=\"[A-Za-z0-9._-]+\"; filename\*=UTF-8''[\w.%~-]+",
            said["Content-Disposition"],
        )
        assert "x=1" not in said.get("Set-Cookie", "")


def test_every_kind_leaves_in_a_fixed_and_harmless_form(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    sent = (
        ("a.pdf", PDF),
        ("a.png", png()),
        ("a.jpg", jpeg()),
        ("a.txt", b"<script>alert(1)</script>"),
        ("a.docx", office()),
    )
    upload(client, world, "A2", "slot:A2#1", *sent)
    inline = {"a.pdf": "application/pdf", "a.png": "image/png", "a.jpg": "image/jpeg"}
    for one, _refs in files(world):
        for rest in ("", "/preview"):
            for more in (
                {},
                {"Range": "bytes=0-3"},
                {"Range": "bytes=9-2"},
                {"If-None-Match": f'"{one.sha256}"'},
            ):
                with client.get(f"/files/{one.id}{rest}", headers=more) as answer:
                    got = answer.get_data()
                headers = answer.headers
                if answer.status_code == 416:
                    continue  # a page that says so, under the policy of pages
                shown = rest == "/preview" and one.name in inline
                assert headers["X-Content-Type-Options"] == "nosniff"
                assert "default-src 'none'" in headers["Content-Security-Policy"]
                assert "script" not in headers["Content-Security-Policy"]
                if not (shown and one.name == "a.pdf"):  # the PDF viewer does not run in a sandbox
                    assert headers["Content-Security-Policy"].startswith("sandbox;")
                assert headers["Cache-Control"] == "private, no-store"
                if answer.status_code in (200, 206):
                    wanted = inline[one.name] if shown else "application/octet-stream"
                    assert headers["Content-Type"] == wanted
                    assert headers["Content-Disposition"].startswith("inline" if shown else "attachment")
                if answer.status_code == 206:
                    assert len(got) == 4
                assert answer.status_code in (200, 206, 304)


def test_one_upload_brings_fifty_files_at_most(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    many = [(f"{n}.pdf", PDF + b"%%%d" % n) for n in range(evidence.AT_ONCE + 1)]
    answer = upload(client, world, "A2", "slot:A2#1", *many)
    assert answer.status_code == 422
    assert "一次最多上传 50 个文件" in answer.get_data(as_text=True)
    assert files(world) == []
    assert stored(world) == []
