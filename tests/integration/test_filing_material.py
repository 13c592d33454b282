"""材料库 and 材料详情: names, periods, replacing, versions, and looking at documents in the page."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter
from sqlmodel import select

from intranet.models import Evidence, EvidenceVersion
from tests.integration.filing_ground import PDF, at, files, hidden, log, return_for, save, upload
from tests.integration.test_filing_evidence import fetch
from tests.unit.documents.test_preview import docx
from tests.unit.test_upload_check import office, png
from tests.world import Client, World, words

SignIn = Callable[[str], Client]
WORD = office()  # made once: a zip carries the time
NEWER = PDF + b"% newer\n"


@pytest.fixture
def lead(world: World, client_for: SignIn) -> Client:
    client = client_for("lead1")
    save(client, world, "A2", "A2.done", "true")
    upload(client, world, "A2", "slot:A2#1", ("方案.pdf", PDF))
    return client


def one(world: World, rest: str = "", n: int = 1) -> str:
    with world.read() as session:
        found = session.exec(select(Evidence).where(Evidence.number == n)).one()
    return at(world, rest=f"/evidence/{found.id}{rest}")


def describe(client: Client, world: World, *, htmx: bool = False, n: int = 1, **typed: str) -> Any:
    with world.read() as session:
        item = session.exec(select(Evidence).where(Evidence.number == n)).one()
    given = {
        "name": item.name,
        "period_from": item.period_from or "",
        "period_until": item.period_until or "",
        "version": item.version,
        "op": "",
    }
    return client.post(one(world, n=n), {**given, **typed}, htmx=htmx)


def stored(world: World, n: int = 1) -> tuple[str, str, str, int]:
    with world.read() as session:
        e = session.exec(select(Evidence).where(Evidence.number == n)).one()
        return (
            e.name,
            e.period_from.isoformat() if e.period_from else "",
            e.period_until.isoformat() if e.period_until else "",
            e.version,
        )


def versions(world: World) -> list[EvidenceVersion]:
    with world.read() as session:
        return list(session.exec(select(EvidenceVersion)))


def replace(client: Client, world: World, *sent: tuple[str, bytes], n: int = 1) -> Any:
    data = {"files": [(io.BytesIO(content), name) for name, content in sent]}
    return client.post(one(world, "/replace", n), data)


# --- name and period -----------------------------------------------------------------------------


def test_the_period_is_not_the_day_of_the_upload(world: World, lead: Client) -> None:
    answer = describe(lead, world, name="集团章程", period_from="2023年9月", period_until="2024.7")
    assert answer.status_code == 303
    assert stored(world) == ("集团章程.pdf", "2023-09-01", "2024-07-31", 2)
    (entry,) = log(world, "evidence.describe")
    assert entry.old == {"name": "方案.pdf", "period_from": None, "period_until": None}
    assert entry.new == {"name": "集团章程.pdf", "period_from": "2023-09-01", "period_until": "2024-07-31"}
    for page in (one(world), at(world, rest="/evidence")):
        assert "集团章程.pdf" in lead.text(page)
    assert "2023-09-01 — 2024-07-31" in lead.text(at(world, rest="/evidence"))


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        ("2023-09-01", "", "2023-09-01 起"),
        ("", "２０２４／２／２９", "至 2024-02-29"),
        ("20230901", "2023-9-1", "2023-09-01"),
        ("2024-02", "2024-02", "2024-02-01 — 2024-02-29"),
    ],
)
def test_ways_to_say_a_period(world: World, lead: Client, first: str, last: str, shown: str) -> None:
    assert describe(lead, world, period_from=first, period_until=last).status_code == 303
    assert shown in lead.text(at(world, rest="/evidence"))


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"period_from": "去年秋天"}, "日期"),
        ({"period_from": "2023-13"}, "日期"),
        ({"period_until": "2023-02-30"}, "日期"),
        ({"period_from": "2024-05-01", "period_until": "2024-04-30"}, "结束早于开始，请核对这两个日期。"),
        ({"name": "   "}, "请写文件名称。"),
        ({"name": ".pdf"}, "请写文件名称。"),
    ],
)
def test_what_cannot_be_read_is_kept_in_its_field(
    world: World, lead: Client, typed: dict[str, str], message: str
) -> None:
    before = stored(world)
    for htmx, more in ((False, {}), (True, {"in": "list"})):
        answer = describe(lead, world, htmx=htmx, **typed, **more)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert message in words(page)
        for text in typed.values():
            assert f'value="{text}"' in page
    assert stored(world) == before


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("章程", "章程.pdf"),
        ("章程.pdf", "章程.pdf"),
        ("章程.PDF", "章程.pdf"),
        ("章程.exe", "章程.exe.pdf"),
        ("../../a/b", "..／..／a／b.pdf"),
        ("长" * 300, "长" * 196 + ".pdf"),
        ("a\u202efdp", "afdp.pdf"),
    ],
)
def test_a_name_keeps_its_ending(world: World, lead: Client, typed: str, name: str) -> None:
    assert describe(lead, world, name=typed).status_code == 303
    assert stored(world)[0] == name


def test_two_people_name_one_file(world: World, lead: Client, client_for: SignIn) -> None:
    form = lead.get(one(world)).get_data(as_text=True)
    version = hidden(form, "version")
    describe(client_for("lead1"), world, name="先改的")
    answer = describe(lead, world, name="后改的", version=version)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "现在存的是“先改的.pdf，没填时间”" in words(page)
    assert 'value="后改的"' in page
    assert describe(lead, world, name="后改的", version=hidden(page, "version")).status_code == 303
    assert stored(world)[0] == "后改的.pdf"


def test_a_save_sent_twice_is_one(world: World, lead: Client) -> None:
    for _n in range(2):
        assert describe(lead, world, name="新名", version="1", op="token-1").status_code == 303
    assert stored(world) == ("新名.pdf", "", "", 2)
    assert len(log(world, "evidence.describe")) == 1


def test_edited_within_the_list(world: World, lead: Client) -> None:
    there = one(world).rpartition("/")[2]
    page = lead.get(at(world, rest=f"/evidence?edit={there}")).get_data(as_text=True)
    assert 'name="period_from"' in page
    answer = describe(lead, world, htmx=True, name="改名", **{"in": "list"})
    fragment = answer.get_data(as_text=True)
    assert fragment.lstrip().startswith('<section class="panel" id="library"')
    assert "改名.pdf" in fragment
    assert 'name="period_from"' not in fragment


# --- replacing -----------------------------------------------------------------------------------


def test_a_replaced_file_keeps_number_and_places(world: World, lead: Client) -> None:
    describe(lead, world, name="集团章程", period_from="2023-09")
    lead.post(at(world, "A1", "/files/link"), {"ref": "clause:A1.2", "evidence": one(world)[-1]}, htmx=True)
    assert replace(lead, world, ("改好的方案.docx", WORD)).status_code == 303
    ((now, refs),) = files(world)
    assert (now.number, now.name, sorted(refs)) == (1, "集团章程.docx", ["clause:A1.2", "slot:A2#1"])
    assert now.period_from is not None
    assert now.sha256 == hashlib.sha256(WORD).hexdigest()
    (old,) = versions(world)
    assert (old.n, old.name, old.size, old.sha256) == (
        1,
        "集团章程.pdf",
        len(PDF),
        hashlib.sha256(PDF).hexdigest(),
    )
    assert fetch(lead, f"/files/{now.id}/versions/1").data == PDF
    assert fetch(lead, f"/files/{now.id}").data == WORD
    text = lead.text(one(world))
    assert "第 1 版 填报甲" in text
    assert "现在这份 填报甲" in text
    (entry,) = log(world, "evidence.replace")
    assert entry.old["sha256"] == old.sha256
    assert entry.new == {"name": "集团章程.docx", "sha256": now.sha256, "file": "改好的方案.docx"}
    replace(lead, world, ("再改.pdf", NEWER))
    assert [v.n for v in versions(world)] == [1, 2]


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ([("方案.pdf", PDF)], "选的文件和现在这份完全相同，没有替换。"),
        ([("照片.png", png())], "这个文件已经是 2 号材料“照片.png”，没有替换。"),
        ([("程序.exe", b"MZ")], "没有收下：不收这种文件"),
        ([("假.pdf", b"<html>")], "内容与扩展名不符"),
        ([("a.pdf", NEWER), ("b.pdf", NEWER + b"%")], "替换时只选一个文件。"),
        ([], "还没有选文件。"),
    ],
)
def test_what_replaces_nothing(
    world: World, lead: Client, sent: list[tuple[str, bytes]], message: str
) -> None:
    upload(lead, world, "A2", "slot:A2#2", ("照片.png", png()))
    answer = replace(lead, world, *sent)
    assert answer.status_code == 422
    assert message in words(answer.get_data(as_text=True))
    assert versions(world) == []
    assert files(world)[0][0].sha256 == hashlib.sha256(PDF).hexdigest()
    assert list((world.settings.evidence_folder / ".incoming").iterdir()) == []


def test_versions_count_for_the_quota(world: World, lead: Client) -> None:
    world.settings.quota_per_unit = len(PDF) + len(NEWER) - 1
    answer = replace(lead, world, ("新.pdf", NEWER))
    assert answer.status_code == 422
    assert "本单位的材料已到上限" in words(answer.get_data(as_text=True))
    world.settings.quota_per_unit += 1
    assert replace(lead, world, ("新.pdf", NEWER)).status_code == 303
    assert replace(lead, world, ("又.pdf", NEWER + b"%")).status_code == 422


def test_only_while_all_its_places_are_open(world: World, lead: Client) -> None:
    lead.post(at(world, "A1", "/files/link"), {"ref": "clause:A1.2", "evidence": one(world)[-1]}, htmx=True)
    return_for(world, "A2")
    assert replace(lead, world, ("新.pdf", NEWER)).status_code == 409
    assert describe(lead, world, name="新名").status_code == 409
    text = lead.text(one(world))
    assert "只退回了 A2，其他指标仍然锁定。" in text
    assert "换成新文件" not in text
    assert (versions(world), stored(world)[0]) == ([], "方案.pdf")
    return_for(world, "A2", "A1")
    assert replace(lead, world, ("新.pdf", NEWER)).status_code == 303


@pytest.mark.parametrize(
    ("login", "status"), [("rev1", 403), ("admin", 403), ("lead2", 404), ("auditor", 403)]
)
def test_others_change_nothing(
    world: World, lead: Client, client_for: SignIn, login: str, status: int
) -> None:
    other = client_for(login)
    if login == "lead2":
        assert other.get(one(world)).status_code == 404
    assert replace(other, world, ("新.pdf", NEWER)).status_code == status
    assert describe(other, world, name="新名").status_code == status
    assert (versions(world), stored(world)[0]) == ([], "方案.pdf")


@pytest.mark.parametrize(
    ("login", "status"),
    [("lead1", 200), ("lead2", 404), ("admin", 200), ("rev1", 200), ("leader", 200), ("auditor", 200)],
)
def test_who_sees_versions_and_the_page(
    world: World, lead: Client, client_for: SignIn, login: str, status: int
) -> None:
    replace(lead, world, ("新.pdf", NEWER))
    number = one(world)[-1]
    client = client_for(login)
    assert fetch(client, f"/files/{number}/versions/1").status_code == status
    assert client.get(one(world)).status_code == status
    assert client.get(f"/files/{number}/versions/2").status_code == 404
    assert client.get("/files/999/versions/1").status_code == 404


def test_a_version_leaves_like_a_file(world: World, lead: Client) -> None:
    replace(lead, world, ("新.pdf", NEWER))
    headers = fetch(lead, f"/files/{one(world)[-1]}/versions/1").headers
    assert headers["Content-Type"].startswith("application/octet-stream")
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Content-Disposition"].startswith("attachment; ")


def test_a_deleted_file_takes_its_versions_with_it(world: World, lead: Client) -> None:
    replace(lead, world, ("新.pdf", NEWER))
    number, page = one(world)[-1], one(world)
    assert lead.post(one(world, "/delete")).status_code == 303
    assert lead.get(f"/files/{number}/versions/1").status_code == 404
    assert lead.get(page).status_code == 404


# --- the library ---------------------------------------------------------------------------------


def test_into_the_library_by_a_plain_form(world: World, lead: Client) -> None:
    data = {"files": [(io.BytesIO(png()), "照片.png"), (io.BytesIO(PDF), "又是方案.pdf")]}
    assert lead.post(at(world, rest="/evidence"), data).status_code == 303
    assert [(e.name, refs) for e, refs in files(world)] == [("方案.pdf", ["slot:A2#1"]), ("照片.png", [])]
    assert "还没有放到任何一项" in lead.text(at(world, rest="/evidence"))
    bad = lead.post(at(world, rest="/evidence"), {"files": [(io.BytesIO(b"MZ"), "程序.exe")]})
    assert bad.status_code == 422
    assert "“程序.exe”没有收下" in words(bad.get_data(as_text=True))
    assert lead.post(at(world, rest="/evidence")).status_code == 422


# --- looking at documents ------------------------------------------------------------------------


def sheet() -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        first = book.add_worksheet("名册")
        first.write_row(0, 0, ["姓名", "学校"])
        for n in range(1, 251):
            first.write_row(n, 0, [f"教师{n}", "<b>甲山小学</b>"])
        book.add_worksheet("附表").write(0, 0, "备注")
    return out.getvalue()


def content(client: Client, world: World, name: str, data: bytes, *, htmx: bool = True) -> Any:
    upload(client, world, "A2", "slot:A2#2", (name, data))
    number = next(e.id for e, _refs in files(world) if e.name == name)
    return client.raw.get(f"/files/{number}/content", headers={"HX-Request": "true"} if htmx else {})


def test_words_and_tables_of_a_docx(world: World, lead: Client) -> None:
    body = "<w:p><w:r><w:t>会议&lt;script&gt;纪要</w:t></w:r></w:p>"
    answer = content(lead, world, "纪要.docx", docx(body))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "<p>会议&lt;script&gt;纪要</p>" in page
    assert "只显示文字和表格，图片和版式请下载看原件。" in page
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_cells_of_a_sheet(world: World, lead: Client) -> None:
    page = content(lead, world, "名册.xlsx", sheet()).get_data(as_text=True)
    assert "<td>教师199</td><td>&lt;b&gt;甲山小学&lt;/b&gt;</td>" in page
    assert "教师200" not in page  # the head is the first of 200 rows
    assert "只显示前 200 行，其余请下载查看。" in page
    assert '<h3 class="group">附表</h3>' in page


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_text_in_either_encoding(world: World, lead: Client, encoding: str) -> None:
    page = content(lead, world, "记.txt", "第一行 集团\n<b>二".encode(encoding)).get_data(as_text=True)
    assert "<p>第一行 集团</p>" in page
    assert "<p>&lt;b&gt;二</p>" in page


def test_what_cannot_be_read_says_to_download(world: World, lead: Client) -> None:
    answer = content(lead, world, "坏.docx", office())  # a document.xml that is no document
    assert answer.status_code == 200
    assert "不能在页面里预览。请下载后打开。" in words(answer.get_data(as_text=True))
    old = content(lead, world, "旧.doc", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600)
    assert old.status_code == 404
    number = next(e.number for e, _refs in files(world) if e.name == "旧.doc")
    assert "旧版 Word、PPT、WPS 文字和 OFD 请下载后打开。" in lead.text(one(world, n=number))


def test_a_page_of_its_own_without_script(world: World, lead: Client) -> None:
    page = content(lead, world, "记.txt", b"hello", htmx=False).get_data(as_text=True)
    assert "<!doctype html>" in page
    assert "<p>hello</p>" in page


@pytest.mark.parametrize(("login", "status"), [("rev1", 200), ("lead2", 404)])
def test_who_reads_the_content(
    world: World, lead: Client, client_for: SignIn, login: str, status: int
) -> None:
    content(lead, world, "记.txt", b"hello")
    number = next(e.id for e, _refs in files(world) if e.name == "记.txt")
    assert client_for(login).get(f"/files/{number}/content").status_code == status


def test_the_page_shows_pictures_and_pdf_in_place(world: World, lead: Client) -> None:
    upload(lead, world, "A2", "slot:A2#2", ("照片.png", png()))
    assert f'<iframe class="sheet-view" title="方案.pdf" src="/files/{one(world)[-1]}/preview#' in lead.get(
        one(world)
    ).get_data(as_text=True)
    picture = lead.get(one(world, n=2)).get_data(as_text=True)
    assert f'<img src="/files/{one(world, n=2)[-1]}/preview" alt="照片.png">' in picture


def test_zip_is_not_opened_by_the_server_itself(
    world: World, lead: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of a docx are read in a process of its own."""
    from intranet.documents import child, preview

    def never(*_given: object, **_more: object) -> bytes:
        raise child.Failed

    upload(lead, world, "A2", "slot:A2#2", ("纪要.docx", docx("<w:p/>")))
    monkeypatch.setattr(preview.child, "read", never)
    monkeypatch.setattr(zipfile, "ZipFile", never)
    number = next(e.id for e, _refs in files(world) if e.name == "纪要.docx")
    answer = lead.raw.get(f"/files/{number}/content", headers={"HX-Request": "true"})
    assert "不能在页面里预览" in answer.get_data(as_text=True)
