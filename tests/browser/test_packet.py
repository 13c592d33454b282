"""The sealed packet as a school without a connection makes it: the real tool, opened from file:// in Chromium."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from flask import Flask
from openpyxl import load_workbook
from playwright.sync_api import Browser, expect
from sqlmodel import col, select

from intranet.models import Answer, Evidence, EvidenceLink, LogEntry
from tests.e2e.harness import Server, Visit, serving
from tests.world import PASSWORD, World

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\n%% {}\ntrailer<<>>\n%%EOF\n"


def kit_of(visit: Visit, server: Server, world: World, folder: Path) -> Path:
    """The kit as the bureau's clerk downloads it, unpacked."""
    clerk = visit(server, script=False)
    clerk.sign_in("admin", PASSWORD)
    clerk.go(f"/bureau/cycles/{world.cycle_id}/packets")
    with clerk.page.expect_download() as found:
        row = clerk.page.locator("tr", has_text="甲山教育集团")
        row.get_by_role("button", name="下载").click()
    with zipfile.ZipFile(found.value.path()) as kit:
        assert sorted(kit.namelist()) == ["封装工具.html", "甲山教育集团 离线填报表.xlsx", "说明.txt"]
        kit.extractall(folder)
    return folder


def filled_in(folder: Path) -> Path:
    """The kit's workbook with one count filled in."""
    path = folder / "甲山教育集团 离线填报表.xlsx"
    book = load_workbook(path)
    sheet = book["填报项"]
    head = next(c.column for c in sheet[1] if c.value == "填写")
    row = next(c.row for c in sheet["A"] if c.value == "f:A2.上学期")
    sheet.cell(row, head).value = 2
    book.save(path)
    return path


def test_a_school_without_a_connection(
    app: Flask, world: World, visit: Visit, browser: Browser, tmp_path: Path
) -> None:
    contents = {name: PDF.replace(b"{}", name.encode()) for name in ("方案.pdf", "纪要.pdf", "照片说明.pdf")}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    with serving(app) as server:
        folder = kit_of(visit, server, world, tmp_path / "kit")
        workbook = filled_in(folder)

        context = browser.new_context(accept_downloads=True, offline=True)
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((folder / "封装工具.html").as_uri())
        expect(page.locator("h1")).to_have_text("甲山教育集团")
        expect(page.locator("#count")).to_have_text("要 2 类材料，已有 0 类，缺 2 类")
        page.set_input_files("#book-file", workbook)
        plan, minutes = page.locator('[data-ref="slot:A2#1"]'), page.locator('[data-ref="slot:A2#2"]')
        plan.locator("input").set_input_files(tmp_path / "方案.pdf")
        expect(plan).to_contain_text("已放")
        expect(page.locator("#check")).to_contain_text("缺 1 类材料：会议纪要")
        page.set_input_files(
            "#pool-file", [tmp_path / "纪要.pdf", tmp_path / "照片说明.pdf", tmp_path / "方案.pdf"]
        )
        assert page.locator("#files li").count() == 3  # the one that was there already is not there twice
        page.get_by_label("给 纪要.pdf 选位置").select_option("slot:A2#2")
        page.get_by_label("给 照片说明.pdf 选位置").select_option("clause:A1")
        page.get_by_label("给 方案.pdf 选位置").select_option("slot:A2#2")  # one file in two places
        expect(minutes.locator(".chip")).to_have_count(2)
        expect(page.locator("#check")).to_have_text("填报表和材料都齐了")

        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()  # closed and opened again: the places are remembered, the files are not
        expect(page.locator("#remembered")).to_contain_text("3 个文件要再选一遍")
        page.set_input_files("#pool-file", [tmp_path / name for name in contents])
        expect(page.locator("#remembered")).to_be_hidden()
        page.set_input_files("#book-file", workbook)
        page.fill("#by", "填报甲")
        with page.expect_download() as found:
            page.get_by_role("button", name="生成封装包").click()
        expect(page.locator("#done")).to_contain_text("3 个文件")
        assert found.value.suggested_filename == "甲山教育集团.packet.zip"
        packet = tmp_path / found.value.suggested_filename
        found.value.save_as(packet)
        context.close()
        assert complaints == []

        with zipfile.ZipFile(packet) as sealed:
            assert sealed.testzip() is None
            assert {e.compress_type for e in sealed.infolist()} == {zipfile.ZIP_STORED}
            said = json.loads(sealed.read("manifest.json"))
        assert said["workbook"]["sha256"] == hashlib.sha256(workbook.read_bytes()).hexdigest()
        assert {f["name"]: f["sha256"] for f in said["files"]} == {
            name: hashlib.sha256(content).hexdigest() for name, content in contents.items()
        }

        clerk = visit(server, script=False)
        clerk.sign_in("admin", PASSWORD)
        clerk.go(f"/bureau/cycles/{world.cycle_id}/packets")
        clerk.page.set_input_files("input[name=file]", packet)
        clerk.press("核对")
        assert "签名和每个文件都与封装时一致" in clerk.words()
        clerk.press("采纳勾选的内容")
        expect(clerk.page.locator("#notes")).to_contain_text("已采纳 1 项填报内容、4 处材料，已保存。")

    with world.read() as session:
        links = session.exec(
            select(EvidenceLink.ref, Evidence.name).join(Evidence).order_by(col(EvidenceLink.id))
        ).all()
        answer = session.exec(select(Answer)).one()
        log = session.exec(select(LogEntry).where(LogEntry.action == "packet.import")).one()
    assert sorted(links) == [
        ("clause:A1", "照片说明.pdf"),
        ("slot:A2#1", "方案.pdf"),
        ("slot:A2#2", "方案.pdf"),
        ("slot:A2#2", "纪要.pdf"),
    ]
    assert (answer.key, answer.value) == ("A2.上学期", 2)
    assert (log.user_name, log.reason) == ("管小局", "代“甲山教育集团”办理离线封装包")
    assert log.new["by"] == "填报甲"
