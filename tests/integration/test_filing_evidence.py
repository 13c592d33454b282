"""Evidence: upload, links, quota, who may take what away, and how files leave the server."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from intranet import create_app
from intranet.config import Settings
from intranet.enums import BuildState
from intranet.models import Volume
from intranet.plugins import build_plugin_manager
from tests.integration.filing_ground import PDF, at, files, log, return_for, rows, save, upload
from tests.integration.test_filing_submit import fill
from tests.unit.rubric import sample
from tests.unit.test_upload_check import png
from tests.world import PASSWORD, Client, World, words

SignIn = Callable[[str], Client]


def fetch(client: Client, path: str) -> Any:
    """An answer that sends a file, read to its end and closed."""
    with client.get(path) as answer:
        answer.get_data()
        return answer


def stored(world: World) -> list[Path]:
    return [p for p in world.settings.evidence_folder.rglob("*") if p.is_file()]


def test_several_files_fill_a_slot(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    save(client, world, "A2", "A2.done", "true")
    answer = upload(client, world, "A2", "slot:A2#1", ("方案.pdf", PDF), ("照片.png", png()))
    text = words(answer.get_data(as_text=True))
    assert answer.status_code == 200
    assert "已齐 1 类，缺 1 类" in text
    assert [(e.number, e.name, e.media_type, refs) for e, refs in files(world)] == [
        (1, "方案.pdf", "application/pdf", ["slot:A2#1"]),
        (2, "照片.png", "image/png", ["slot:A2#1"]),
    ]
    assert sorted(p.name for p in stored(world)) == sorted(e.sha256 for e, _refs in files(world))
    assert [x.subject for x in log(world, "evidence.add")] == ["file:1", "file:2"]


def test_the_same_content_is_one_file_in_two_places(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    upload(client, world, "A2", "slot:A2#1", ("方案.pdf", PDF))
    upload(client, world, "A2", "slot:A2#2", ("另一个名字.pdf", PDF))
    upload(client, world, "A2", "slot:A2#1", ("方案.pdf", PDF))
    assert [(e.number, sorted(refs)) for e, refs in files(world)] == [(1, ["slot:A2#1", "slot:A2#2"])]
    assert len(stored(world)) == 1


def test_one_bad_file_and_none_is_taken(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    answer = upload(client, world, "A2", "slot:A2#1", ("方案.pdf", PDF), ("程序.exe", b"MZ"))
    assert answer.status_code == 422
    text = words(answer.get_data(as_text=True))
    assert "“程序.exe”没有收下：不收这种文件。可以上传PDF、图片（JPG、PNG、HEIC）" in text
    page = upload(client, world, "A2", "slot:A2#1", ("程序.exe", b"MZ"), htmx=False)
    assert (page.status_code, "“程序.exe”没有收下" in words(page.get_data(as_text=True))) == (422, True)
    assert "还没有选文件" in words(upload(client, world, "A2", "slot:A2#1").get_data(as_text=True))
    assert files(world) == []
    assert stored(world) == []


def test_quota_says_whom_to_ask(world: World, client_for: SignIn) -> None:
    world.settings.quota_per_unit = 100
    client = client_for("lead1")
    assert upload(client, world, "A2", "slot:A2#1", ("一.pdf", PDF)).status_code == 200
    answer = upload(client, world, "A2", "slot:A2#2", ("二.pdf", PDF + b"\n" * 80))
    assert answer.status_code == 422
    assert "本单位的材料已到上限 0 MB，没有收下。" in words(answer.get_data(as_text=True))
    assert "确需增加请联系教育局管理员。" in words(answer.get_data(as_text=True))
    assert [e.name for e, _refs in files(world)] == ["一.pdf"]
    assert len(stored(world)) == 1


def test_link_unlink_delete_and_numbers_without_gaps(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    upload(client, world, "A2", "slot:A2#1", ("一.pdf", PDF), ("二.png", png()))
    (first, _r1), (second, _r2) = files(world)
    client.post(at(world, "A1", "/files/link"), {"ref": "clause:A1.2", "evidence": first.id}, htmx=True)
    assert dict((e.number, sorted(refs)) for e, refs in files(world))[1] == ["clause:A1.2", "slot:A2#1"]
    client.post(at(world, "A2", f"/files/{first.id}/unlink"), {"ref": "slot:A2#1"}, htmx=True)
    assert dict((e.number, refs) for e, refs in files(world))[1] == ["clause:A1.2"]
    assert client.post(at(world, rest=f"/evidence/{second.id}/delete")).status_code == 303
    assert [e.number for e, _refs in files(world)] == [1]
    assert client.get(f"/files/{second.id}").status_code == 404
    upload(client, world, "A2", "slot:A2#2", ("三.txt", "三".encode()))
    assert [e.number for e, _refs in files(world)] == [1, 2]


def numbers(world: World) -> dict[str, int]:
    return {e.name: e.number for e, _refs in files(world)}


def text_file(name: str) -> tuple[str, bytes]:
    return f"{name}.txt", name.encode()


def test_numbers_follow_the_notice_until_they_are_on_paper(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    fill(client, world)  # 方案.pdf in A2
    row = {"c:person": "甲某 001", "c:category": "定期"}
    client.post(at(world, "B1", "/tables/exchange/rows"), row, htmx=True)
    place = f"row:{rows(world, 'exchange')[0].id}"
    client.post(at(world, rest="/evidence"), {"files": [(io.BytesIO(b"x"), "散.txt")]})
    upload(client, world, "B1", place, text_file("名册"))
    upload(client, world, "B1", "clause:B1", text_file("文件"))
    upload(client, world, "A1", "clause:A1.1", text_file("章程"))
    assert numbers(world) == {"章程.txt": 1, "方案.pdf": 2, "文件.txt": 3, "名册.txt": 4, "散.txt": 5}
    page = client.get(at(world, rest="/forms/progress")).get_data(as_text=True)
    assert "1 章程.txt" in page
    assert log(world, "evidence.number")[-1].new == {"1": 2, "2": 3, "3": 4, "4": 5, "5": 1}
    # What is handed in is on paper: later files are numbered after it, among themselves in order.
    client.post(at(world, "B1", "/rows/" + place.removeprefix("row:") + "/delete"), {}, htmx=True)
    client.post(at(world, "B1", "/tables/exchange/empty"), {"declared": "1"}, htmx=True)
    assert client.post(at(world, rest="/submit"), {"known": "1"}).status_code == 303
    handed_in = numbers(world)
    assert sorted(handed_in.values()) == [1, 2, 3, 4, 5]
    finish_volumes(world)
    return_for(world, "A1", "B2")
    upload(client, world, "B2", "clause:B2", text_file("奖状"))
    upload(client, world, "A1", "clause:A1.1", text_file("修订"))
    assert numbers(world) == {**handed_in, "修订.txt": 6, "奖状.txt": 7}


def test_numbers_stay_while_a_volume_is_bound_and_after(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    upload(client, world, "A2", "slot:A2#2", text_file("纪要"))
    upload(client, world, "A2", "slot:A2#1", text_file("方案"))
    assert numbers(world) == {"方案.txt": 1, "纪要.txt": 2}
    assert client.post(at(world, rest="/volume/build")).status_code == 303
    upload(client, world, "A1", "clause:A1.1", text_file("章程"))
    assert numbers(world) == {"方案.txt": 1, "纪要.txt": 2, "章程.txt": 3}
    finish_volumes(world, {"1": [5, 5], "2": [6, 7]})
    upload(client, world, "A1", "clause:A1.2", text_file("附则"))
    upload(client, world, "A1", "clause:A1.1", text_file("总则"))
    assert numbers(world) == {"方案.txt": 1, "纪要.txt": 2, "章程.txt": 3, "总则.txt": 4, "附则.txt": 5}


def finish_volumes(world: World, places: dict[str, list[int]] | None = None) -> None:
    """As if the builder had done its work."""
    with world.write() as session:
        for volume in session.exec(select(Volume)):
            volume.state = BuildState.DONE
            volume.places = places or {}
            session.add(volume)
        session.commit()


def test_helpers_upload_and_take_back_only_their_own(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("helper1")
    upload(lead, world, "A2", "slot:A2#1", ("一.pdf", PDF))
    assert upload(member, world, "A2", "slot:A2#2", ("二.txt", "二".encode())).status_code == 200
    (first, _r1), (second, _r2) = files(world)
    refused = member.post(at(world, "A2", f"/files/{first.id}/unlink"), {"ref": "slot:A2#1"}, htmx=True)
    assert refused.status_code == 403
    assert member.post(at(world, rest=f"/evidence/{first.id}/delete")).status_code == 403
    assert member.post(at(world, rest=f"/evidence/{second.id}/delete")).status_code == 303
    assert [e.number for e, _refs in files(world)] == [1]


@pytest.mark.parametrize("ref", ["slot:A2#3", "slot:B1#1", "clause:B1", "row:1", "row:x", "nonsense"])
def test_only_places_of_this_page(world: World, client_for: SignIn, ref: str) -> None:
    assert upload(client_for("lead1"), world, "A2", ref, ("一.pdf", PDF)).status_code == 404
    assert files(world) == []
    assert stored(world) == []


def test_files_leave_as_attachments_that_no_browser_runs(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    upload(
        client,
        world,
        "A2",
        "slot:A2#1",
        ("章程 “终稿”.pdf", PDF),
        ("照片.png", png()),
        ("记.txt", b"<script>"),
    )
    pdf, picture, text = (e.id for e, _refs in files(world))
    answer = fetch(client, f"/files/{pdf}")
    assert answer.data == PDF
    headers = answer.headers
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"].startswith("application/octet-stream")
    disposition = headers["Content-Disposition"]
    assert disposition.startswith("attachment; ")
    assert "filename*=UTF-8''%E7%AB%A0%E7%A8%8B%20%E2%80%9C%E7%BB%88%E7%A8%BF%E2%80%9D.pdf" in disposition
    shown = fetch(client, f"/files/{picture}/preview")
    assert shown.headers["Content-Type"] == "image/png"
    assert shown.headers["Content-Disposition"].startswith("inline; ")
    assert shown.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    framed = fetch(client, f"/files/{pdf}/preview")
    assert framed.headers["Content-Type"] == "application/pdf"
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert fetch(client, f"/files/{text}/preview").headers["Content-Disposition"].startswith("attachment; ")


@pytest.mark.parametrize(
    ("login", "status"),
    [
        ("lead1", 200),
        ("helper1", 200),
        ("member1", 404),
        ("lead2", 404),
        ("admin", 200),
        ("rev1", 200),
        ("leader", 200),
        ("auditor", 200),
    ],
)
def test_who_may_fetch_a_file(world: World, client_for: SignIn, login: str, status: int) -> None:
    upload(client_for("lead1"), world, "A2", "slot:A2#1", ("一.pdf", PDF))
    evidence = files(world)[0][0].id
    client = client_for(login)
    assert fetch(client, f"/files/{evidence}").status_code == status
    assert fetch(client, f"/files/{evidence}/preview").status_code == status
    assert client.get("/files/999").status_code == 404


def test_a_missing_file_is_said_not_an_error(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    upload(client, world, "A2", "slot:A2#1", ("一.pdf", PDF))
    stored(world)[0].unlink()
    answer = client.get(f"/files/{files(world)[0][0].id}")
    assert answer.status_code == 404
    assert "请联系管理员从备份恢复" in words(answer.get_data(as_text=True))


def test_files_are_served_from_a_data_folder_named_from_where_one_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.settings.data
    monkeypatch.chdir(folder.parent)
    app = create_app(
        Settings(data=Path(folder.name), allow_http=True),
        build_plugin_manager(entry_points=False, plugins=(sample.SamplePlugin.at(folder),)),
    )
    client = Client(app.test_client())
    client.post("/sign-in", {"login": "lead1", "password": PASSWORD})
    upload(client, world, "A2", "slot:A2#1", ("一.pdf", PDF))
    number = files(world)[0][0].id
    assert fetch(client, f"/files/{number}").data == PDF
    assert fetch(client, f"/files/{number}/preview").data == PDF
    app.extensions["intranet"].engine.dispose()


def test_a_deleted_row_keeps_its_files_in_the_library(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    client.post(at(world, "B2", "/tables/awards/rows"), {"c:winner": "乙某"}, htmx=True)
    (row,) = rows(world, "awards")
    upload(client, world, "B2", f"row:{row.id}", ("证书.pdf", PDF))
    client.post(at(world, "B2", f"/rows/{row.id}/delete"), htmx=True)
    assert "证书.pdf" in client.text(at(world, rest="/evidence"))
