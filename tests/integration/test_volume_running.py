"""The volume while it is built, and what stays of it: pages answer meanwhile, a killed server goes on, what was
handed in is kept."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from flask import Flask
from PIL import Image
from sqlmodel import select

from intranet import jobs
from intranet.enums import BuildState, CycleState
from intranet.models import Volume
from tests.integration.filing_ground import at, files, log, return_for, save, upload
from tests.integration.test_filing_submit import fill
from tests.integration.test_volume import builder, pdf, volumes, with_files
from tests.world import Client, World

SignIn = Callable[[str], Client]


def path_of(app: Flask, volume: Volume) -> Path:
    return jobs.volume_path(app.extensions["intranet"].settings, volume)


def photograph(n: int, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400 + n, 300), (n * 20, 80, 120)).save(out, kind)
    return out.getvalue()


@pytest.fixture
def halted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Builds stop at their first file until ``go`` is set; the child processes that were started."""
    original, begun, children = jobs._child, threading.Event(), []

    class Halted:
        def __init__(self, order: dict[str, Any]) -> None:
            self._inner = original(order)

        def __enter__(self) -> Any:
            child = self._inner.__enter__()
            os.kill(child.pid, signal.SIGSTOP)
            children.append(child)
            begun.set()
            return child

        def __exit__(self, *error: Any) -> None:
            self._inner.__exit__(*error)

    monkeypatch.setattr(jobs, "_child", Halted)
    monkeypatch.setattr(jobs, "PAUSE", 0.05)
    yield begun, children
    for child in children:
        if child.poll() is None:
            os.kill(child.pid, signal.SIGCONT)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be halted here")
def test_pages_answer_and_save_while_a_build_runs(
    app: Flask, world: World, client_for: SignIn, halted: Any
) -> None:
    """This unit's and another's; the progress page too; then the build goes on and ends."""
    begun, children = halted
    client, other = client_for("lead1"), client_for("lead2")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    builder(app).start()
    assert begun.wait(10)
    started = time.perf_counter()
    assert "正在编制第 1 版" in client.text(at(world, rest="/volume"))
    assert save(client, world, "A2", "A2.上学期", "2").status_code == 200
    assert other.get(at(world, unit="g02")).status_code == 200
    other.post(at(world, rest="/volume/build", unit="g02"))
    assert time.perf_counter() - started < 5
    assert volumes(world)[0].state == BuildState.RUNNING
    os.kill(children[0].pid, signal.SIGCONT)
    builder(app).join()
    assert volumes(world)[0].state == BuildState.DONE


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be halted here")
def test_stopping_from_the_page_ends_the_process_and_leaves_nothing(
    app: Flask, world: World, client_for: SignIn, halted: Any
) -> None:
    begun, children = halted
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    builder(app).start()
    assert begun.wait(10)
    (running,) = volumes(world)
    left = path_of(app, running).with_name(f".{running.number}.pdf.77")
    left.write_bytes(b"half")
    client.post(at(world, rest=f"/volume/{running.id}/cancel"))
    builder(app).join()
    assert children[0].returncode == -signal.SIGKILL
    assert volumes(world)[0].state == BuildState.CANCELLED
    assert list(left.parent.iterdir()) == []
    assert "第 1 版已停止" in client.text(at(world, rest="/volume"))


def second(children: list[Any]) -> Any:
    """The process that takes up what a first one left."""
    end = time.monotonic() + 10
    while len(children) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    return children[1]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_building_process_that_is_killed_twice_says_so(
    app: Flask, world: World, client_for: SignIn, halted: Any
) -> None:
    begun, children = halted
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    builder(app).start()
    assert begun.wait(10)
    os.kill(children[0].pid, signal.SIGKILL)
    os.kill(second(children).pid, signal.SIGKILL)
    builder(app).join()
    assert "编制程序中断了" in volumes(world)[0].error


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be halted here")
def test_after_a_process_broke_off_each_file_is_tried_by_itself(
    app: Flask, world: World, client_for: SignIn, halted: Any
) -> None:
    begun, children = halted
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    builder(app).start()
    assert begun.wait(10)
    os.kill(children[0].pid, signal.SIGKILL)
    os.kill(second(children).pid, signal.SIGCONT)
    builder(app).join()
    (made,) = volumes(world)
    assert (made.state, made.problems) == (BuildState.DONE, [])


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be halted here")
def test_a_build_that_does_not_get_on_does_not_hold_up_the_queue(
    app: Flask, world: World, client_for: SignIn, halted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _begun, children = halted
    monkeypatch.setattr(jobs, "STALL", 0.3)
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    builder(app).start()
    builder(app).join()
    assert [child.returncode for child in children] == [-signal.SIGKILL] * 2
    assert "很久没有进展" in volumes(world)[0].error


def test_what_was_handed_in_stays_as_the_panel_saw_it(app: Flask, world: World, client_for: SignIn) -> None:
    """Returned, corrected and built anew: the first frozen volume keeps its bytes and its hash; the panel
    then reads the second."""
    client = client_for("lead1")
    fill(client, world)
    client.post(at(world, rest="/submit"), {"known": "1"})
    builder(app).run()
    (first,) = volumes(world)
    kept = path_of(app, first).read_bytes()
    assert hashlib.sha256(kept).hexdigest() == first.sha256
    (done,) = log(world, "volume.done")
    assert done.new["sha256"] == first.sha256

    world.move_to(CycleState.REVIEW)
    return_for(world, "A2")
    upload(client, world, "A2", "slot:A2#2", ("补充.pdf", pdf(2)))
    client.post(at(world, rest="/volume/build"))
    builder(app).run()
    panel = f"/panel/entries/{world.entries['g01']}/indicators/A2"
    shown = client_for("rev1").get(panel).get_data(as_text=True)
    assert f"/volume/{first.id}.pdf" in shown, "a working copy is not what was handed in"
    client.post(at(world, rest="/submit"), {"known": "1"})
    builder(app).run()
    _first, working, second = volumes(world)
    assert [v.frozen for v in volumes(world)] == [True, False, True]
    assert path_of(app, first).read_bytes() == kept
    assert not path_of(app, working).exists()
    assert f"/volume/{second.id}.pdf" in client_for("rev1").get(panel).get_data(as_text=True)
    assert first.sha256[:16] in client.text(at(world, rest="/volume"))


def test_photographs_to_a_page_are_chosen_and_remembered(
    app: Flask, world: World, client_for: SignIn
) -> None:
    client = client_for("lead1")
    photos = [(f"照片{n}.jpg", photograph(n)) for n in (1, 2, 3)]
    upload(client, world, "A2", "slot:A2#1", *photos)
    client.post(at(world, rest="/volume/build"))
    builder(app).run()
    client.post(at(world, rest="/volume/build"), {"pictures": "4"})
    builder(app).run()
    one, four = volumes(world)
    assert sorted(one.places.values()) == [[4, 4], [5, 5], [6, 6]]
    assert list(four.places.values()) == [[4, 4]] * 3
    page = client.get(at(world, rest="/volume")).get_data(as_text=True)
    assert '<option value="4" selected>' in page
    client.post(at(world, rest="/volume/build"))  # as last time
    builder(app).run()
    client.post(at(world, rest="/volume/build"), {"pictures": "77"})
    builder(app).run()
    assert [list(v.places.values()) for v in volumes(world)[2:]] == [[[4, 4]] * 3] * 2
    assert [e.new["pictures"] for e in log(world, "volume.request")] == [1, 4, 4, 4]


def test_a_heic_photograph_from_upload_to_page(app: Flask, world: World, client_for: SignIn) -> None:
    heif = pytest.importorskip("pillow_heif", reason="NO PILLOW-HEIF: no HEIC photograph was tried")
    out = io.BytesIO()
    heif.from_pillow(Image.effect_noise((320, 240), 60).convert("RGB")).save(out, quality=60)
    client = client_for("lead1")
    assert upload(client, world, "A2", "slot:A2#1", ("合影.HEIC", out.getvalue())).status_code == 200
    ((evidence, _refs),) = files(world)
    assert evidence.media_type == "image/heic"
    with client.get(f"/files/{evidence.id}/preview") as shown:
        assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")
        with Image.open(io.BytesIO(shown.get_data())) as read:
            assert (read.format, read.size) == ("JPEG", (320, 240))
        assert shown.headers["Content-Disposition"].startswith("inline")
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
    with client.get(f"/files/{evidence.id}") as original:
        assert original.get_data() == out.getvalue()
    assert client_for("lead2").get(f"/files/{evidence.id}/preview").status_code == 404
    client.post(at(world, rest="/volume/build"))
    builder(app).run()
    (made,) = volumes(world)
    assert made.problems == []
    with pikepdf.open(path_of(app, made)) as read_pdf:
        image = read_pdf.pages[made.places["1"][0] - 1].Resources.XObject.VP.Resources.XObject.Im0
        assert (int(image.Width), int(image.Height)) == (320, 240)


def test_converted_pages_that_nobody_uses_go(app: Flask, world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    builder(app).run()
    cache = jobs.cache_folder(app.extensions["intranet"].settings)
    (text,) = cache.glob("*.pdf")
    old, ancient = cache / "old.pdf", time.time() - (jobs.CACHE_DAYS + 1) * 86_400
    old.write_bytes(b"%PDF")
    for path in (old, text):
        os.utime(path, (ancient, ancient))
    client.post(at(world, rest="/volume/build"))
    builder(app).run()
    assert list(cache.glob("*.pdf")) == [text], "what a build used is young again"


def test_the_list_of_builds_costs_the_same_for_1_and_30(app: Flask, world: World, client_for: SignIn) -> None:
    from tests.integration.test_recusal import count_queries

    client = client_for("lead1")
    with_files(client, world)
    client.post(at(world, rest="/volume/build"))
    builder(app).run()

    def ask() -> object:
        return client.text(at(world, rest="/volume"))

    before = count_queries(app, ask)
    with world.write() as session:
        (made,) = session.exec(select(Volume)).all()
        for n in range(2, 32):
            again = Volume(**{**made.model_dump(exclude={"id"}), "number": n})
            session.add(again)
        session.commit()
    assert count_queries(app, ask) == before
