"""Uploads in pieces: the protocol as the page speaks it, breaks, rights at the beginning and at the end, attackers."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlmodel import select

from intranet.domain import uploads
from intranet.enums import CycleState
from intranet.models import Entry, Evidence, PendingUpload
from intranet.web import _sweep
from tests.integration.filing_ground import PDF, at, entry, files, log, return_for, rows, save, upload
from tests.unit.test_upload_check import office, png
from tests.world import Client, World

SignIn = Callable[[str], Client]
MIDDLE = 20
WORD = office()  # made once: a zip carries the time


def ask(client: Client, method: str, path: str, data: bytes = b"", **headers: object) -> Any:
    """One request of the protocol; header names with ``_`` for ``-``, None leaves a header out."""
    given: dict[str, object] = {"Tus_Resumable": "1.0.0", "X_CSRF_Token": client.token(), **headers}
    sent = {name.replace("_", "-"): str(value) for name, value in given.items() if value is not None}
    return client.raw.open(path, method=method, data=data, headers=sent)


def metadata(**texts: str) -> str:
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in texts.items())


def begin(
    client: Client,
    world: World,
    name: str = "方案.pdf",
    size: int = len(PDF),
    unit: str = "g01",
    **about: str,
) -> Any:
    about = {"code": "A2", "ref": "slot:A2#1", **about}
    return ask(
        client,
        "POST",
        at(world, rest="/uploads", unit=unit),
        Upload_Length=size,
        Upload_Metadata=metadata(filename=name, **about),
    )


def send(client: Client, where: str, offset: int, data: bytes, **headers: object) -> Any:
    given: dict[str, object] = {
        "Upload_Offset": offset,
        "Content_Type": "application/offset+octet-stream",
        **headers,
    }
    return ask(client, "PATCH", where, data, **given)


def whole(client: Client, world: World, name: str = "方案.pdf", content: bytes = PDF, **about: str) -> Any:
    where = begin(client, world, name, len(content), **about).headers["Location"]
    return send(client, where, 0, content)


def pending(world: World) -> list[PendingUpload]:
    with world.read() as session:
        return list(session.exec(select(PendingUpload)))


def incoming(world: World) -> list[Path]:
    folder = world.settings.evidence_folder / ".incoming"
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.fixture
def lead(world: World, client_for: SignIn) -> Client:
    client = client_for("lead1")
    save(client, world, "A2", "A2.done", "true")
    return client


def test_a_file_comes_in_two_pieces(world: World, lead: Client) -> None:
    created = begin(lead, world)
    assert created.status_code == 201
    assert created.headers["Tus-Resumable"] == "1.0.0"
    assert created.headers["Upload-Expires"].endswith(" GMT")
    where = created.headers["Location"]
    assert where.startswith(at(world, rest="/uploads/"))
    first = send(lead, where, 0, PDF[:MIDDLE])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, str(MIDDLE))
    so_far = ask(lead, "HEAD", where)
    assert so_far.status_code == 200
    assert (so_far.headers["Upload-Offset"], so_far.headers["Upload-Length"]) == (str(MIDDLE), str(len(PDF)))
    assert so_far.headers["Cache-Control"] == "no-store"
    assert files(world) == []
    last = send(lead, where, MIDDLE, PDF[MIDDLE:])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(PDF)))
    ((kept, refs),) = files(world)
    assert (kept.name, kept.size, kept.number, refs) == ("方案.pdf", len(PDF), 1, ["slot:A2#1"])
    assert kept.sha256 == hashlib.sha256(PDF).hexdigest()
    assert (pending(world), incoming(world)) == ([], [])
    assert [x.subject for x in log(world, "evidence.add")] == ["file:1"]
    assert ask(lead, "HEAD", where).status_code == 404


def test_options_say_what_the_server_can(world: World, lead: Client) -> None:
    answer = ask(lead, "OPTIONS", at(world, rest="/uploads"), Tus_Resumable=None)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,termination,expiration"
    assert answer.headers["Tus-Max-Size"] == str(world.settings.upload_limit)


def test_what_arrived_survives_a_restart(world: World, app: Flask, lead: Client) -> None:
    where = begin(lead, world).headers["Location"]
    send(lead, where, 0, PDF[:MIDDLE])
    _sweep(world.settings, world.engine)  # as every start does
    assert ask(lead, "HEAD", where).headers["Upload-Offset"] == str(MIDDLE)
    assert send(lead, where, MIDDLE, PDF[MIDDLE:]).status_code == 204
    assert [e.name for e, _refs in files(world)] == ["方案.pdf"]


def test_pieces_that_were_lost_are_asked_for_again(world: World, lead: Client) -> None:
    where = begin(lead, world).headers["Location"]
    send(lead, where, 0, PDF[:MIDDLE])
    incoming(world)[0].unlink()
    assert ask(lead, "HEAD", where).headers["Upload-Offset"] == "0"
    assert send(lead, where, MIDDLE, PDF[MIDDLE:]).status_code == 409
    assert send(lead, where, 0, PDF).status_code == 204
    assert [e.name for e, _refs in files(world)] == ["方案.pdf"]


@pytest.mark.parametrize("offset", [0, MIDDLE - 1, MIDDLE + 1, len(PDF), 10**17])
def test_a_wrong_offset_changes_nothing(world: World, lead: Client, offset: int) -> None:
    where = begin(lead, world).headers["Location"]
    send(lead, where, 0, PDF[:MIDDLE])
    assert send(lead, where, offset, b"XXXX").status_code == 409
    assert ask(lead, "HEAD", where).headers["Upload-Offset"] == str(MIDDLE)
    assert incoming(world)[0].read_bytes() == PDF[:MIDDLE]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "application/octet-stream"}, 415),
        ({"Content_Type": "multipart/form-data; boundary=x"}, 415),
        ({"Upload_Offset": "-1"}, 400),
        ({"Upload_Offset": "0x0"}, 400),
        ({"Upload_Offset": None}, 400),
        ({"Tus_Resumable": None}, 412),
        ({"Tus_Resumable": "0.2.2"}, 412),
        ({"X_CSRF_Token": "wrong"}, 403),
        ({"X_CSRF_Token": None}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
    ],
)
def test_pieces_that_are_none(world: World, lead: Client, headers: dict[str, object], status: int) -> None:
    where = begin(lead, world).headers["Location"]
    assert send(lead, where, 0, PDF, **headers).status_code == status
    assert ask(lead, "HEAD", where).headers["Upload-Offset"] == "0"
    assert files(world) == []


def test_more_than_was_announced_is_refused(world: World, lead: Client) -> None:
    where = begin(lead, world).headers["Location"]
    answer = send(lead, where, 0, PDF + b"more")
    assert answer.status_code == 413
    assert "传来的内容比文件长" in answer.get_data(as_text=True)
    assert (incoming(world), files(world)) == ([], [])


@pytest.mark.parametrize(
    ("length", "about"),
    [
        (None, "filename YQ=="),
        ("-5", "filename YQ=="),
        ("1e3", "filename YQ=="),
        ("9" * 30, "filename YQ=="),
        (5, "filename !!!"),
        (5, "filename //8="),  # bytes that are no text
        (5, "filename " + "YWFh" * 2000),
    ],
)
def test_a_beginning_that_is_none(world: World, lead: Client, length: object, about: str) -> None:
    answer = ask(lead, "POST", at(world, rest="/uploads"), Upload_Length=length, Upload_Metadata=about)
    assert answer.status_code == 400
    assert pending(world) == []


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("程序.exe", 10, "不收这种文件"),
        ("没有扩展名", 10, "不收这种文件"),
        ("空.pdf", 0, "文件是空的"),
        ("大.pdf", 50 * 1024 * 1024 + 1, "“大.pdf”超过 50 MB。请压缩后再传。"),
    ],
)
def test_what_can_be_refused_is_refused_before_it_is_sent(
    world: World, lead: Client, name: str, size: int, words: str
) -> None:
    answer = begin(lead, world, name, size)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert words in answer.get_data(as_text=True)
    assert pending(world) == []


@pytest.mark.parametrize("ref", ["slot:A2#3", "slot:B1#1", "clause:B1", "row:1", "row:x", "nonsense"])
def test_only_places_of_the_page(world: World, lead: Client, ref: str) -> None:
    assert begin(lead, world, ref=ref).status_code == 404
    assert pending(world) == []


def test_content_that_lies_is_refused_at_the_end_and_forgotten(world: World, lead: Client) -> None:
    answer = whole(lead, world, "方案.pdf", b"<html><script>alert(1)</script>")
    assert answer.status_code == 422
    assert "内容与扩展名不符" in answer.get_data(as_text=True)
    assert (pending(world), incoming(world), files(world)) == ([], [], [])


def test_names_do_not_become_paths(world: World, lead: Client) -> None:
    for n, name in enumerate(
        ("../../../etc/passwd.pdf", "a\u202efdp.exe.pdf", "C:\\a.pdf", "长" * 300 + ".pdf")
    ):
        assert whole(lead, world, name, PDF + b"%%%d" % n).status_code == 204, name
    assert {e.name for e, _refs in files(world)} == {
        "passwd.pdf",
        "afdp.exe.pdf",
        "a.pdf",
        "长" * 196 + ".pdf",
    }
    kept = [p for p in world.settings.data.rglob("*") if p.is_file() and p.parent.parent.name == "evidence"]
    assert len(kept) == 4


@pytest.mark.parametrize("token", ["..%2f..%2fintranet.db", "0" * 32, "a" * 64, "%00", "secret.key"])
def test_a_token_is_no_path(world: World, lead: Client, token: str) -> None:
    where = at(world, rest=f"/uploads/{token}")
    assert ask(lead, "HEAD", where).status_code == 404
    assert send(lead, where, 0, b"x").status_code == 404
    assert ask(lead, "DELETE", where).status_code == 404


@pytest.mark.parametrize("login", ["member1", "lead2"])
def test_anothers_token_is_no_token(world: World, lead: Client, client_for: SignIn, login: str) -> None:
    where = begin(lead, world).headers["Location"]
    send(lead, where, 0, PDF[:MIDDLE])
    other = client_for(login)
    assert ask(other, "HEAD", where).status_code == 404
    assert send(other, where, MIDDLE, PDF[MIDDLE:]).status_code == 404
    assert ask(other, "DELETE", where).status_code == 404
    foreign = where.replace(at(world), at(world, unit="g02"))
    assert ask(lead, "HEAD", foreign).status_code == 404
    assert ask(lead, "HEAD", where).headers["Upload-Offset"] == str(MIDDLE)


@pytest.mark.parametrize("login", ["admin", "rev1", "leader", "auditor"])
def test_readers_send_nothing(world: World, client_for: SignIn, login: str) -> None:
    assert begin(client_for(login), world).status_code == 403
    assert pending(world) == []


def test_a_foreign_unit_is_not_there(world: World, client_for: SignIn) -> None:
    assert begin(client_for("lead2"), world).status_code == 404


def test_signed_out_is_said_by_its_status(world: World, app: Flask, lead: Client) -> None:
    where = begin(lead, world).headers["Location"]
    stranger = Client(app.test_client())
    assert ask(stranger, "HEAD", where).status_code == 401
    assert send(stranger, where, 0, PDF).status_code == 401
    assert begin(stranger, world).status_code == 401


def test_cancelled_is_gone(world: World, lead: Client) -> None:
    where = begin(lead, world).headers["Location"]
    send(lead, where, 0, PDF[:MIDDLE])
    assert ask(lead, "DELETE", where).status_code == 204
    assert (pending(world), incoming(world)) == ([], [])
    assert send(lead, where, MIDDLE, PDF[MIDDLE:]).status_code == 404


def test_locked_meanwhile_is_said_and_can_go_on_after_a_return(world: World, lead: Client) -> None:
    where = begin(lead, world).headers["Location"]
    return_for(world, "B1")  # handed in and returned, but not this page
    answer = send(lead, where, 0, PDF)
    assert answer.status_code == 403
    assert answer.get_data(as_text=True) == "只退回了 B1，其他指标仍然锁定。"
    assert files(world) == []
    assert [p.name for p in pending(world)] == ["方案.pdf"]
    assert ask(lead, "HEAD", where).headers["Upload-Offset"] == str(len(PDF) - 1)
    return_for(world, "A2")
    assert send(lead, where, len(PDF) - 1, PDF[-1:]).status_code == 204
    ((kept, _refs),) = files(world)
    assert kept.sha256 == hashlib.sha256(PDF).hexdigest()
    assert begin(lead, world, code="A1", ref="clause:A1.2").status_code == 403


def test_no_upload_after_filing_has_ended(world: World, lead: Client) -> None:
    world.move_to(CycleState.DELIBERATION)
    answer = begin(lead, world)
    assert answer.status_code == 403
    assert "现在是合议阶段" in answer.get_data(as_text=True)


def test_the_quota_counts_what_is_under_way(world: World, lead: Client) -> None:
    world.settings.quota_per_unit = 100
    first = begin(lead, world, "一.pdf", 60)
    refused = begin(lead, world, "二.pdf", 60)
    assert refused.status_code == 422
    assert "本单位的材料已到上限" in refused.get_data(as_text=True)
    ask(lead, "DELETE", first.headers["Location"])
    assert begin(lead, world, "二.pdf", 60).status_code == 201


def test_a_quota_that_filled_up_meanwhile_keeps_the_bytes(world: World, lead: Client) -> None:
    where = begin(lead, world).headers["Location"]
    world.settings.quota_per_unit = len(PDF)
    upload(lead, world, "A2", "slot:A2#2", ("别的.txt", b"x"))
    answer = send(lead, where, 0, PDF)
    assert answer.status_code == 422
    assert "确需增加请联系教育局管理员" in answer.get_data(as_text=True)
    world.settings.quota_per_unit = 10**6
    assert send(lead, where, len(PDF) - 1, PDF[-1:]).status_code == 204
    assert [e.name for e, _refs in files(world)] == ["别的.txt", "方案.pdf"]


def test_not_too_many_at_a_time(world: World, lead: Client) -> None:
    for n in range(uploads.UNDER_WAY):
        assert begin(lead, world, f"{n}.pdf").status_code == 201
    answer = begin(lead, world)
    assert answer.status_code == 422
    assert "您还有 60 个文件没传完" in answer.get_data(as_text=True)
    with world.read() as session:
        assert len(session.exec(select(PendingUpload.id)).all()) == uploads.UNDER_WAY


def test_abandoned_ones_expire_and_are_swept(world: World, lead: Client) -> None:
    where = begin(lead, world).headers["Location"]
    send(lead, where, 0, PDF[:MIDDLE])
    with world.write() as session:
        (found,) = session.exec(select(PendingUpload))
        found.created_at = datetime.now(UTC) - uploads.KEPT - timedelta(minutes=1)
        session.add(found)
        session.commit()
    assert ask(lead, "HEAD", where).status_code == 404
    assert len(incoming(world)) == 1
    assert begin(lead, world, "新.pdf").status_code == 201  # each beginning sweeps
    assert incoming(world) == []
    assert [p.name for p in pending(world)] == ["新.pdf"]


def test_the_same_content_is_one_file(world: World, lead: Client) -> None:
    assert whole(lead, world).status_code == 204
    assert whole(lead, world, "另一个名字.pdf", ref="slot:A2#2").status_code == 204
    assert [(e.number, sorted(refs)) for e, refs in files(world)] == [(1, ["slot:A2#1", "slot:A2#2"])]


def test_to_a_row_and_to_the_library(world: World, lead: Client) -> None:
    lead.post(at(world, "B2", "/tables/awards/rows"), {"c:winner": "乙某"}, htmx=True)
    (row,) = rows(world, "awards")
    assert whole(lead, world, "证书.pdf", PDF, code="B2", ref=f"row:{row.id}").status_code == 204
    assert whole(lead, world, "照片.png", png(), code="", ref="").status_code == 204
    assert [(e.name, refs) for e, refs in files(world)] == [("证书.pdf", [f"row:{row.id}"]), ("照片.png", [])]
    page = lead.raw.get(at(world, "B2", f"/row-files?row={row.id}"), headers={"HX-Request": "true"})
    text = page.get_data(as_text=True)
    assert f'id="row-files-{row.id}"' in text
    assert "证书.pdf" in text
    assert 'id="ledger"' in text
    assert lead.raw.get(at(world, "B2", "/row-files?row=999")).status_code == 404


def test_the_materials_are_shown_again(world: World, lead: Client) -> None:
    whole(lead, world)
    shown = lead.raw.get(at(world, "A2", "/materials"), headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "方案.pdf" in shown
    assert "已齐 1 类，缺 1 类" in shown
    assert lead.get(at(world, "A2", "/materials")).status_code == 303


def test_pieces_sent_while_the_file_is_checked_change_nothing_that_is_kept(
    world: World, lead: Client, client_for: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever overwrites the last byte in the moment between check and keep does not get it under the hash."""
    from intranet.storage.local import LocalStore

    keep = LocalStore.keep
    where = begin(lead, world).headers["Location"]

    def late(self: LocalStore, received: Any) -> None:
        for path in incoming(world):
            if path != received.path:
                path.write_bytes(b"EVIL" + path.read_bytes()[4:])
        keep(self, received)

    monkeypatch.setattr(LocalStore, "keep", late)
    assert send(lead, where, 0, PDF).status_code == 204
    ((kept, _refs),) = files(world)
    assert LocalStore(world.settings.evidence_folder).path(kept.sha256).read_bytes() == PDF


def test_the_write_lock_is_free_while_bytes_are_written(
    world: World, lead: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from intranet.storage.local import LocalStore

    append, seen = LocalStore.append, []

    def slow(self: LocalStore, *given: Any) -> int:
        def write() -> None:
            with world.write() as session:
                session.get(Entry, world.entries["g01"])
                seen.append("got the lock")

        other = threading.Thread(target=write)
        other.start()
        other.join(timeout=5)
        return append(self, *given)

    where = begin(lead, world).headers["Location"]
    monkeypatch.setattr(LocalStore, "append", slow)
    assert send(lead, where, 0, PDF[:MIDDLE]).status_code == 204
    assert seen == ["got the lock"]


def test_a_failed_commit_keeps_the_pieces(
    world: World, lead: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = begin(lead, world).headers["Location"]

    def fail(*_given: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(uploads, "drop", fail)
    assert send(lead, where, 0, PDF).status_code == 500
    monkeypatch.undo()
    assert files(world) == []
    assert ask(lead, "HEAD", where).headers["Upload-Offset"] == str(len(PDF) - 1)
    assert send(lead, where, len(PDF) - 1, PDF[-1:]).status_code == 204
    assert [e.sha256 for e, _refs in files(world)] == [hashlib.sha256(PDF).hexdigest()]


def test_one_that_broke_off_is_listed_and_can_be_given_up(
    world: World, lead: Client, client_for: SignIn
) -> None:
    where = begin(lead, world).headers["Location"]
    send(lead, where, 0, PDF[: len(PDF) // 2])
    text = lead.text(at(world, rest="/evidence"))
    percent = len(PDF) // 2 * 100 // len(PDF)
    assert f"方案.pdf 没传完，已传 {percent}%" in text
    assert "用于：A2 会议方案。回到那里再选同一个文件，会接着传。" in text
    assert "没传完" not in client_for("member1").text(at(world, rest="/evidence"))
    (one,) = pending(world)
    there = at(world, rest=f"/pending/{one.id}/cancel")
    assert client_for("member1").post(there).status_code == 404
    assert lead.post(there).status_code == 303
    assert (pending(world), incoming(world)) == ([], [])


def test_replacing_through_pieces(world: World, lead: Client) -> None:
    whole(lead, world)
    ((first, _refs),) = files(world)
    answer = whole(lead, world, "新方案.docx", WORD, code="", ref="", replaces=str(first.id))
    assert answer.status_code == 204, answer.get_data(as_text=True)
    ((now, refs),) = files(world)
    assert (now.id, now.number, now.name, refs) == (first.id, 1, "方案.docx", ["slot:A2#1"])
    assert now.sha256 == hashlib.sha256(WORD).hexdigest()
    for replaces in ("999", "x"):
        told = begin(lead, world, code="", ref="", replaces=replaces).status_code
        assert told == (404 if replaces == "999" else 201)  # what is no number is no replacement


def test_entry_saved_when_a_file_came(world: World, lead: Client) -> None:
    before = entry(world).saved_at
    whole(lead, world)
    after = entry(world).saved_at
    assert before is not None
    assert after is not None
    assert after > before
    with world.read() as session:
        assert len(session.exec(select(Evidence)).all()) == 1
