"""Thirty files at once, broken lines, a server that goes down, and a page that is loaded anew."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect

from intranet.demo import sample_pdf
from intranet.storage.local import LocalStore
from intranet.web.school.tus import PIECE
from tests.e2e.harness import Server, Visit, serving
from tests.integration.filing_ground import at, files, save
from tests.world import PASSWORD, Client, World

pytestmark = pytest.mark.browser

DROP = """([target, files]) => {
  const data = new DataTransfer();
  files.forEach(([name, text]) => data.items.add(
    new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name)));
  for (const type of ["dragover", "drop"]) {
    document.querySelector(target).dispatchEvent(
      new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    with serving(app) as running:
        yield running


def large(words: str) -> bytes:
    """A PDF of three pieces; the page's own middle piece is the one that breaks."""
    filler = (hashlib.sha256(words.encode()).hexdigest() + "\n").encode() * (PIECE // 26)
    return b"%PDF-1.4\n%" + filler + sample_pdf([words])


def offsets_of(page: Page, breaks: Callable[[int], bool]) -> list[int]:
    """The offsets at which pieces of large files are sent from now on; those that ``breaks`` names never arrive."""
    sent: list[int] = []

    def pass_on(route: Route) -> None:
        request = route.request
        if request.method != "PATCH" or len(request.post_data_buffer or b"") < PIECE // 2:
            route.continue_()
            return
        offset = int(request.headers["upload-offset"])
        sent.append(offset)
        if breaks(offset):
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/uploads/*", pass_on)
    return sent


def test_thirty_files_of_which_one_breaks_off(
    world: World, server: Server, visit: Visit, client_for: Callable[[str], Client], tmp_path: Path
) -> None:
    save(client_for("lead1"), world, "A2", "A2.done", "true")
    given = {f"记录{n:02}.pdf": sample_pdf([f"第 {n} 份"]) for n in range(1, 30)} | {
        "章程.pdf": large("章程")
    }
    for name, content in given.items():
        (tmp_path / name).write_bytes(content)
    lead = visit(server)
    lead.sign_in("lead1", PASSWORD)
    lead.go(at(world, "A2"))
    page = lead.page
    broken: list[int] = []

    def once(offset: int) -> bool:
        broken.append(offset)
        return offset == PIECE and broken.count(offset) == 1

    sent = offsets_of(page, once)
    by_choice = [str(tmp_path / name) for name in given if name != "记录01.pdf"]
    with lead.answered(0):
        page.locator('[data-place="slot:A2#1"] input[multiple]').set_input_files(by_choice)
        dropped = [("记录01.pdf", base64.b64encode(given["记录01.pdf"]).decode())]
        page.evaluate(DROP, ['[data-place="slot:A2#2"]', dropped])
        expect(page.locator('[data-place="slot:A2#1"] .chip')).to_have_count(29, timeout=90_000)
        expect(page.locator('[data-place="slot:A2#2"] .chip', has_text="记录01.pdf")).to_be_visible()
        expect(page.locator(".up")).to_have_count(0, timeout=30_000)
    assert sent == [0, PIECE, PIECE, 2 * PIECE]  # only the piece that broke was sent again
    expect(page.locator("#upload-desk")).to_have_text("")

    kept = {e.name: (e, refs) for e, refs in files(world)}
    assert kept.keys() == given.keys()
    assert sorted(e.number for e, _refs in kept.values()) == list(range(1, 31))
    store = LocalStore(world.settings.evidence_folder)
    for name, content in given.items():
        evidence, refs = kept[name]
        assert evidence.sha256 == hashlib.sha256(content).hexdigest(), name
        assert store.path(evidence.sha256).read_bytes() == content, name
        assert refs == ["slot:A2#2" if name == "记录01.pdf" else "slot:A2#1"], name
    assert list((world.settings.evidence_folder / ".incoming").iterdir()) == []

    # The server goes down in the middle, the page is loaded anew, the same file is chosen again.
    page.unroute("**/uploads/*")
    (tmp_path / "总结.pdf").write_bytes(large("总结"))
    sent = offsets_of(page, lambda offset: offset == PIECE)
    slot = page.locator('[data-place="slot:A2#2"]')
    with lead.answered(0):
        slot.locator("input[multiple]").set_input_files(str(tmp_path / "总结.pdf"))
        expect(slot.locator(".up.retrying")).to_contain_text("连接断了，正在重试")
        server.stop()
        server.start()
        lead.go(at(world, "A2"))
    page.unroute("**/uploads/*")
    again = offsets_of(page, lambda _offset: False)
    slot.locator("input[multiple]").set_input_files(str(tmp_path / "总结.pdf"))
    expect(slot.locator(".chip", has_text="总结.pdf")).to_contain_text("31 号")
    assert again == [PIECE, 2 * PIECE]
    assert {e.name: e.sha256 for e, _refs in files(world)}["总结.pdf"] == hashlib.sha256(
        large("总结")
    ).hexdigest()
