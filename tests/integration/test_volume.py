"""The evidence volume through the pages: asked for, built in the background, page numbers written back."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pikepdf
from flask import Flask
from sqlmodel import select

from intranet import jobs
from intranet.enums import BuildState, CycleState
from intranet.models import Volume
from tests.integration.filing_ground import at, log, upload
from tests.integration.test_filing_submit import fill
from tests.world import Client, World

SignIn = Callable[[str], Client]


def pdf(pages: int) -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as made:
        for _n in range(pages):
            made.add_blank_page(page_size=(595, 842))
        made.save(out)
    return out.getvalue()


def builder(app: Flask) -> jobs.Builder:
    found: jobs.Builder = app.extensions["intranet.builder"]
    return found


def volumes(world: World) -> list[Volume]:
    with world.read() as session:
        return list(session.exec(select(Volume).order_by(Volume.number)))  # type: ignore[arg-type]


def with_files(client: Client, world: World) -> None:
    upload(client, world, "A2", "slot:A2#1", ("方案.pdf", pdf(3)))
    upload(client, world, "A2", "slot:A2#2", ("纪要.txt", "会议纪要".encode()))


def test_built_read_and_written_back(app: Flask, world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    with_files(client, world)
    assert client.post(at(world, rest="/volume/build")).status_code == 303
    text = client.text(at(world, rest="/volume"))
    assert "排队中" in text
    builder(app).run()
    (made,) = volumes(world)
    assert (made.state, made.problems, made.error) == (BuildState.DONE, [], "")
    assert made.places == {"1": [4, 6], "2": [7, 7]}
    with client.get(at(world, rest=f"/volume/{made.id}.pdf")) as answer:
        data = answer.get_data()
    with pikepdf.open(io.BytesIO(data)) as read:
        assert len(read.pages) == made.pages
    text = client.text(at(world, rest="/volume"))
    assert "1 方案.pdf 4 — 6" in text
    assert "2 纪要.txt 7" in text
    assert "存的时候没有选 PDF/A 1 号材料" in text
    book = openpyxl.load_workbook(io.BytesIO(client.get(at(world, rest="/forms/progress.xlsx")).get_data()))
    assert any("方案" in str(c.value) for row in book.worksheets[0].iter_rows() for c in row)
    with client.get(at(world, rest="/originals.zip")) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.get_data()))
    assert archive.namelist() == ["001 1号 方案.pdf", "002 2号 纪要.txt", "材料清单.csv"]
    listed = archive.read("材料清单.csv").decode("utf-8-sig").splitlines()
    assert [line.rpartition(",")[2] for line in listed] == [
        "长期保存（PDF/A）",
        "存的时候没有选 PDF/A",
        "可以",
    ]
    assert [e.action for e in log(world, "volume.done")] == ["volume.done"]


def test_the_page_shows_what_came_of_a_build_as_it_ends(app: Flask, world: World, client_for: SignIn) -> None:
    """The page asks again while a build runs; the last answer has the list of pages too."""
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    asking = {"HX-Request": "true"}
    waiting = client.get(at(world, rest="/volume"), headers=asking).get_data(as_text=True)
    assert "排队中" in waiting
    assert "volume-rest" not in waiting
    builder(app).run()
    ended = client.get(at(world, rest="/volume"), headers=asking).get_data(as_text=True)
    assert 'id="volume-rest" hx-swap-oob="true"' in ended
    assert "方案.pdf" in ended


def test_built_again_after_a_change_says_which_pages(app: Flask, world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    builder(app).run()
    upload(client, world, "A2", "slot:A2#2", ("照片说明.txt", "第二份".encode()))
    assert "请重新编制" in client.text(at(world, rest="/volume"))
    client.post(at(world, rest="/volume/build"))
    builder(app).run()
    first, second = volumes(world)
    assert second.places["1"] == first.places["1"]
    assert second.places["3"] == [8, 8]
    assert second.changed[-1] == 8
    assert 4 not in second.changed
    settings = app.extensions["intranet"].settings
    assert not jobs.volume_path(settings, first).exists()
    assert jobs.volume_path(settings, second).exists()


def test_handing_in_keeps_what_the_panel_reads(app: Flask, world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    fill(client, world)
    assert client.post(at(world, rest="/submit"), {"known": "1"}).status_code == 303
    builder(app).run()
    (made,) = volumes(world)
    assert made.frozen
    assert made.state == BuildState.DONE
    world.move_to(CycleState.REVIEW)
    page = (
        client_for("rev1").get(f"/panel/entries/{world.entries['g01']}/indicators/A2").get_data(as_text=True)
    )
    assert f"/volume/{made.id}.pdf?inline=1#page={made.places['1'][0]}" in page.replace("&amp;", "&")


def test_cancel_and_restart(app: Flask, world: World, client_for: SignIn, monkeypatch: Any) -> None:
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    client.post(at(world, rest="/volume/build"))  # one that waits is that one
    (waiting,) = volumes(world)
    client.post(at(world, rest=f"/volume/{waiting.id}/cancel"))
    builder(app).run()
    assert [v.state for v in volumes(world)] == [BuildState.CANCELLED]
    client.post(at(world, rest="/volume/build"))
    with world.write() as session:  # the server stopped in the middle of it
        running = session.exec(select(Volume).where(Volume.number == 2)).one()
        running.state = BuildState.RUNNING
        session.add(running)
        session.commit()
    builder(app).start()
    builder(app).join()
    assert volumes(world)[1].state == BuildState.DONE


def test_cancelling_a_running_build_ends_its_process(
    app: Flask, world: World, client_for: SignIn, monkeypatch: Any
) -> None:
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    (waiting,) = volumes(world)
    begun, children = threading.Event(), []
    original = jobs._child

    def slow(order: dict[str, Any]) -> Any:
        context = original(order)
        child = context.__enter__()
        children.append(child)
        begun.set()
        return _Held(context, child)

    monkeypatch.setattr(jobs, "_child", slow)
    monkeypatch.setattr(jobs, "PAUSE", 0.05)
    monkeypatch.setattr(jobs.Builder, "_is_cancelled", lambda self, n: bool(begun.is_set()))
    builder(app).run()
    assert children[0].poll() is not None
    assert not jobs.volume_path(app.extensions["intranet"].settings, waiting).exists()


class _Held:
    def __init__(self, context: Any, child: Any) -> None:
        self.context, self.child = context, child

    def __enter__(self) -> Any:
        return self.child

    def __exit__(self, *error: Any) -> None:
        self.context.__exit__(*error)


def test_a_failed_build_says_why_and_the_queue_goes_on(
    app: Flask, world: World, client_for: SignIn, monkeypatch: Any
) -> None:
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    monkeypatch.setattr(jobs.sys, "executable", "/nowhere/python")
    builder(app).run()
    (made,) = volumes(world)
    assert made.state == BuildState.FAILED
    assert "没有编成" in client.text(at(world, rest="/volume"))
    monkeypatch.undo()
    client.post(at(world, rest="/volume/build"))
    builder(app).run()
    assert volumes(world)[1].state == BuildState.DONE


def test_strangers_and_readers(app: Flask, world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    with_files(lead, world)
    assert client_for("lead2").get(at(world, rest="/volume")).status_code == 404
    assert client_for("lead2").post(at(world, rest="/volume/build")).status_code == 404
    assert client_for("member1").get(at(world, rest="/volume")).status_code == 404
    assert client_for("rev1").post(at(world, rest="/volume/build")).status_code == 403
    assert client_for("admin").post(at(world, rest="/volume/build")).status_code == 303
    assert lead.get(at(world, rest="/volume/999.pdf")).status_code == 404
    assert lead.get(at(world, rest="/volume/1.pdf")).status_code == 404  # not built yet
