"""The offline workbook in LibreOffice: downloaded, opened, typed into, saved there, uploaded.

A Basic macro in a throw-away LibreOffice profile types into the cells as a person would: the text goes in
as it is, and LibreOffice makes a number or a date of it or not.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Mapping
from html import escape, unescape
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.integration.filing_ground import answers, at, hidden, log, rows, save
from tests.integration.test_filing_workbook import ROW, boxes, check, html, place, problem_rows, take
from tests.world import Client, World, words

SOFFICE = shutil.which("soffice") or ""
pytestmark = pytest.mark.skipif(
    not SOFFICE, reason="NO LIBREOFFICE: soffice is not installed, so the workbook was not edited in it"
)

MODULE = """\
<?xml version="1.0" encoding="UTF-8"?>
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1"
  script:language="StarBasic">{text}</script:module>"""
MACRO = """\
Sub Fill
  Dim none() As New com.sun.star.beans.PropertyValue
  Dim hidden(0) As New com.sun.star.beans.PropertyValue
  hidden(0).Name = "Hidden" : hidden(0).Value = True
  Dim doc As Object
  doc = StarDesktop.loadComponentFromURL("{source}", "_blank", 0, hidden())
{lines}
  Dim kind(0) As New com.sun.star.beans.PropertyValue
  kind(0).Name = "FilterName" : kind(0).Value = "Calc MS Excel 2007 XML"
  doc.storeToURL("{target}", kind())
  doc.close(True)
  StarDesktop.terminate()
End Sub
"""

Typed = Mapping[tuple[str, str], str]
"""Text by (sheet, cell)."""

Edit = Callable[[bytes, Typed], bytes]


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def office(profile: Path, *arguments: str) -> None:
    command = [SOFFICE, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Edit:
    """``edited(workbook, typed)``: the workbook as LibreOffice saves it after this was typed into its cells."""
    folder = tmp_path_factory.mktemp("office")
    profile = folder / "profile"
    office(profile, "--terminate_after_init")  # the first start makes the profile with an empty Module1

    def edit(source: bytes, typed: Typed) -> bytes:
        before, after = folder / "in.xlsx", folder / "out.xlsx"
        before.write_bytes(source)
        after.unlink(missing_ok=True)
        lines = [
            f"  doc.Sheets.getByName({quoted(sheet)}).getCellRangeByName({quoted(cell)})"
            f".FormulaLocal = {quoted(text)}"
            for (sheet, cell), text in typed.items()
        ]
        macro = MACRO.format(source=before.as_uri(), target=after.as_uri(), lines="\n".join(lines))
        module = profile / "user" / "basic" / "Standard" / "Module1.xba"
        module.write_text(MODULE.format(text=escape(macro)), encoding="utf-8")
        office(profile, "macro:///Standard.Module1.Fill")
        return after.read_bytes()

    return edit


@pytest.fixture
def lead(client_for: Callable[[str], Client], world: World) -> Client:
    """The lead's browser; a count and one row are filled in already."""
    client = client_for("lead1")
    save(client, world, "A2", "A2.上学期", "2")
    assert client.post(at(world, "B1", "/tables/exchange/rows"), ROW, htmx=True).status_code == 200
    return client


def download(lead: Client, world: World) -> bytes:
    data: bytes = lead.get(at(world, rest="/workbook.xlsx")).data
    return data


def test_edited_and_saved_there_without_errors(lead: Client, world: World, edited: Edit) -> None:
    source = download(lead, world)
    book = load_workbook(io.BytesIO(source))
    fields, roster = book["填报项"], book["教师交流名册"]
    key = f"r:{rows(world, 'exchange')[0].id}"
    heads = {c.value: c.column_letter for c in roster[1]}
    typed = {
        ("填报项", place(fields, "填写", "f:A2.上学期").coordinate): "3",
        ("填报项", place(fields, "填写", "f:A1.1.charter").coordinate): "是",
        ("教师交流名册", place(roster, "止", key).coordinate): "2031-06-30",
        ("教师交流名册", f"{heads['姓名(工号)']}3"): "王某 G013",
        ("教师交流名册", f"{heads['类别']}3"): "定期",
        ("教师交流名册", f"{heads['派出学校']}3"): "乙水小学",
        ("教师交流名册", f"{heads['接收学校']}3"): "甲山小学",
        ("教师交流名册", f"{heads['起']}3"): "2030-09-01",
        ("教师交流名册", f"{heads['止']}3"): "2031年1月15日",
    }
    page = check(lead, world, edited(source, typed))
    assert page.status_code == 200, words(html(page))
    assert "处有问题" not in html(page), words(html(page))
    chosen = boxes(page)
    assert len(chosen) == 4, words(html(page))
    assert answers(world)["A2.上学期"] == (2, 1)  # the check itself saves nothing
    assert take(lead, world, page, chosen).status_code == 303
    assert answers(world)["A2.上学期"] == (3, 2)
    assert answers(world)["A1.1.charter"] == (True, 1)
    cells = [r.cells for r in rows(world, "exchange")]
    assert [(c["person"], c["sender"], c["receiver"], c["start"], c["end"]) for c in cells] == [
        ("李某 G012", "s1", "s2", "2030-09-01", "2031-06-30"),
        ("王某 G013", "s2", "s1", "2030-09-01", "2031-01-15"),
    ]
    assert {e.user_name for e in log(world, "row.edit") + log(world, "row.add")} == {"填报甲"}
    again = check(lead, world, edited(download(lead, world), {}))
    assert "没有要保存的" in html(again)


def test_edited_there_with_wrong_cells(lead: Client, world: World, edited: Edit) -> None:
    """The right part is taken over, each wrong cell named; put right in the marked workbook, it follows."""
    source = download(lead, world)
    book = load_workbook(io.BytesIO(source))
    fields, roster = book["填报项"], book["教师交流名册"]
    key = f"r:{rows(world, 'exchange')[0].id}"
    count = ("填报项", place(fields, "填写", "f:A2.上学期").coordinate)
    date = ("教师交流名册", place(roster, "止", key).coordinate)
    other = ("填报项", place(fields, "填写", "f:A2.下学期").coordinate)
    page = check(lead, world, edited(source, {count: "三四次", date: "2031-02-30", other: "2"}))
    assert [(sheet, cell) for sheet, cell, _how in problem_rows(page)] == [count, date]
    assert "请填整数" in html(page)
    assert boxes(page) == ["f:A2.下学期~0"]
    marked = lead.post(
        at(world, rest="/workbook/errors.xlsx"),
        {"filled": unescape(hidden(page.get_data(as_text=True), "filled"))},
    ).data
    assert take(lead, world, page, boxes(page)).status_code == 303
    assert answers(world)["A2.下学期"] == (2, 1)
    assert answers(world)["A2.上学期"] == (2, 1)
    assert rows(world, "exchange")[0].cells["end"] == "2031-01-15"
    assert load_workbook(io.BytesIO(marked))[count[0]][count[1]].comment is not None
    page = check(lead, world, edited(marked, {count: "4", date: "2031-2-28"}))
    assert problem_rows(page) == []
    assert sorted(boxes(page)) == ["f:A2.上学期~1", f"{key}~1"]
    assert take(lead, world, page, boxes(page)).status_code == 303
    assert answers(world)["A2.上学期"] == (4, 2)
    assert rows(world, "exchange")[0].cells["end"] == "2031-02-28"
