"""The sealed packet through the pages: kit, check, taking over all or part, every wrong packet a sentence."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from html import unescape
from typing import Any

import pytest
from openpyxl import load_workbook

from intranet.enums import CycleState, SubmissionState
from intranet.models import Entry
from tests.integration.filing_ground import answers, at, files, hidden, log, return_for, save, upload
from tests.integration.test_filing_workbook import boxes, fill, to_bytes
from tests.unit.documents.packets import PDF, manifest, members, packet, stored
from tests.world import Client, World, words

SignIn = Callable[[str], Client]
Files = dict[str, tuple[bytes, Sequence[str]]]

OTHER = PDF + b"%2\n%%EOF"
FILES: Files = {"方案.pdf": (PDF, ["slot:A2#1", "clause:A1"]), "纪要.pdf": (OTHER, ["slot:A2#2"])}


class Kit:
    """A kit as it was downloaded, and the packets that its tool would seal."""

    def __init__(self, data: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as kit:
            self.names = kit.namelist()
            page = kit.read("封装工具.html").decode()
            self.book = kit.read(next(n for n in self.names if n.endswith(".xlsx")))
            self.told = kit.read("说明.txt").decode("utf-8-sig")
        self.page = page
        self.data = json.loads(page.split('id="packet-data">')[1].split("</script>")[0])
        self.key = bytes.fromhex(self.data["key"])

    def more(self) -> dict[str, Any]:
        said = {
            name: self.data[name] for name in ("cycle", "entry", "unit", "rubric", "fingerprint", "issue")
        }
        return {**said, "cycle_title": self.data["cycleTitle"]}

    def sealed(self, chosen: Files, workbook: bytes | None = None, **more: Any) -> bytes:
        return packet(chosen, workbook, key=self.key, **{**self.more(), **more})

    def filled(self, key: str = "f:A2.上学期", value: object = 2) -> bytes:
        book = load_workbook(io.BytesIO(self.book))
        fill(book["填报项"], "填写", key, value)
        return to_bytes(book)


def here(world: World, rest: str = "", *, bureau: bool = False) -> str:
    return f"/bureau/cycles/{world.cycle_id}/packets{rest}" if bureau else at(world, rest=f"/packet{rest}")


def school_kit(client: Client, world: World) -> Kit:
    answer = client.post(here(world, "/kit"))
    assert answer.status_code == 200, words(answer.get_data(as_text=True))
    return Kit(answer.data)


def bureau_kit(client: Client, world: World, *, void: bool = False, unit: str = "g01") -> Kit:
    data = {"void": "1"} if void else {}
    answer = client.post(here(world, f"/{world.entries[unit]}/kit", bureau=True), data)
    assert answer.status_code == 200, words(answer.get_data(as_text=True))
    return Kit(answer.data)


def check(client: Client, world: World, data: bytes, *, bureau: bool = False) -> Any:
    return client.post(
        here(world, "/check", bureau=bureau), {"file": (io.BytesIO(data), "甲山教育集团.packet.zip")}
    )


def places(answer: Any) -> list[str]:
    tags = [t for t in answer.get_data(as_text=True).split("<input") if 'name="place"' in t]
    return [t.split('value="')[1].split('"')[0] for t in tags]


def take(client: Client, page: Any, chosen: list[str], targets: list[str], *, ticket: str = "") -> Any:
    html = page.get_data(as_text=True)
    action = html.split('class="stack"')[0].rsplit('action="', 1)[1].split('"')[0]
    data = {
        "packet": ticket or unescape(hidden(html, "packet")),
        "op": hidden(html, "op"),
        "take": chosen,
        "place": targets,
    }
    return client.post(unescape(action), data)


def said(answer: Any) -> str:
    return unescape(words(answer.get_data(as_text=True)))


def notes(client: Client, answer: Any) -> str:
    assert answer.status_code == 303, said(answer)
    return client.text(answer.headers["Location"])


def waiting(world: World) -> int:
    return len(list((world.settings.evidence_folder / ".incoming").glob("*")))


@pytest.fixture
def lead(client_for: SignIn) -> Client:
    return client_for("lead1")


# --- the kit --------------------------------------------------------------------------------------


def test_the_kit_holds_workbook_tool_and_how_to(lead: Client, world: World) -> None:
    upload(lead, world, "A2", "slot:A2#2", ("旧.pdf", PDF + b"%old\n%%EOF"))
    kit = school_kit(lead, world)
    assert kit.names == ["甲山教育集团 离线填报表.xlsx", "封装工具.html", "说明.txt"]
    assert "双击“封装工具.html”" in kit.told
    assert load_workbook(io.BytesIO(kit.book)).sheetnames[1] == "填报项"
    assert (kit.data["unit"], kit.data["issue"], kit.data["packetLimit"]) == ("甲山教育集团", 1, 2**30)
    by_ref = {p["ref"]: p for group in kit.data["groups"] for p in group["places"]}
    assert by_ref["slot:A2#1"] == {"ref": "slot:A2#1", "label": "会议方案", "asked": True, "there": False}
    assert by_ref["slot:A2#2"]["there"] is True
    assert by_ref["clause:A1.2"]["label"].startswith("章程内容规范")
    assert [g["title"] for g in kit.data["groups"]][:2] == ["章程", "每学期召开理事会不少于2次(7分)"]
    assert "src=" not in kit.page
    assert [(e.user_name, e.new) for e in log(world, "packet.issue")] == [
        ("填报甲", {"issue": 1, "oldest": 1})
    ]
    assert "第 1 次：填报甲" in lead.text(here(world))


def test_the_kit_is_chinese_whoever_issues_it(lead: Client, world: World) -> None:
    lead.post("/language", {"language": "en", "next": "/"})
    kit = school_kit(lead, world)
    assert "一次选入多个文件" in kit.page
    assert kit.data["words"]["missing"] == "缺"
    assert load_workbook(io.BytesIO(kit.book)).sheetnames[:2] == ["说明", "填报项"]


def test_the_key_stands_nowhere_but_in_the_kit(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    stored_bytes = b"".join(p.read_bytes() for p in world.settings.data.glob("intranet.db*"))
    assert kit.data["key"].encode() not in stored_bytes
    assert kit.key not in stored_bytes
    assert school_kit(lead, world).data["key"] != kit.data["key"]


def test_a_returned_entry_asks_for_its_returned_pages_alone(lead: Client, world: World) -> None:
    return_for(world, "A2")
    kit = school_kit(lead, world)
    assert [p["ref"] for g in kit.data["groups"] for p in g["places"]] == [
        "slot:A2#1", "slot:A2#2", "clause:A2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("login", "status"), [("member1", 404), ("lead2", 404), ("admin", 403), ("rev1", 403)]
)
def test_who_gets_no_kit(client_for: SignIn, world: World, login: str, status: int) -> None:
    assert client_for(login).post(here(world, "/kit")).status_code == status
    assert log(world, "packet.issue") == []


def test_nothing_to_fill_in_no_kit(lead: Client, client_for: SignIn, world: World) -> None:
    with world.write() as session:
        entry = session.get(Entry, world.entries["g01"])
        assert entry is not None
        entry.state = SubmissionState.SUBMITTED
        session.add(entry)
        session.commit()
    answer = lead.post(here(world, "/kit"))
    assert (answer.status_code, "已经提交" in said(answer)) == (409, True)
    world.move_to(CycleState.PUBLISHED)
    answer = client_for("admin").post(here(world, f"/{world.entries['g02']}/kit", bureau=True))
    assert (answer.status_code, "现在是公示阶段" in said(answer)) == (409, True)


# --- coming back ----------------------------------------------------------------------------------


def test_the_school_takes_its_own_packet_over(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    page = check(lead, world, kit.sealed(FILES, kit.filled()))
    assert page.status_code == 200, said(page)
    assert "签名和每个文件都与封装时一致" in said(page)
    assert "填表人 填报甲" in said(page)
    assert boxes(page) == ["f:A2.上学期~0"]
    assert places(page) == ["0:slot:A2#1", "0:clause:A1", "1:slot:A2#2"]
    assert answers(world) == {}
    assert files(world) == []
    assert waiting(world) == 1  # the packet itself
    answer = take(lead, page, boxes(page), places(page))
    assert "已采纳 1 项填报内容、3 处材料" in notes(lead, answer)
    assert answers(world) == {"A2.上学期": (2, 1)}
    assert [(e.number, e.name, e.media_type, refs) for e, refs in files(world)] == [
        (1, "方案.pdf", "application/pdf", ["slot:A2#1", "clause:A1"]),
        (2, "纪要.pdf", "application/pdf", ["slot:A2#2"]),
    ]
    answer.close()
    assert waiting(world) == 0  # neither the packet nor a file of it
    found = log(world, "packet.import")[0]
    assert (found.user_name, found.reason) == ("填报甲", "")
    assert found.new == {
        "issue": 1, "made_at": "2031-05-06T01:02:03.000Z", "by": "填报甲", "changes": 1, "files": 3,
    }  # fmt: skip
    with lead.get(f"/files/{files(world)[0][0].id}") as served:
        assert served.data == PDF


def test_the_bureau_takes_it_over_for_the_school_and_the_log_names_both(
    client_for: SignIn, world: World
) -> None:
    clerk = client_for("admin")
    kit = bureau_kit(clerk, world)
    page = check(clerk, world, kit.sealed(FILES, kit.filled()), bureau=True)
    assert "甲山教育集团" in said(page)
    answer = take(clerk, page, boxes(page), places(page))
    assert "已采纳 1 项填报内容、3 处材料" in notes(clerk, answer)
    assert answers(world) == {"A2.上学期": (2, 1)}
    for action in ("packet.issue", "packet.import", "answer.save", "evidence.add"):
        found = log(world, action)[0]
        assert (found.user_name, found.reason) == ("管小局", "代“甲山教育集团”办理离线封装包"), action
    assert files(world)[0][0].uploaded_by == world.users["admin"]


def test_the_bureau_may_do_nothing_else_for_a_school(client_for: SignIn, world: World) -> None:
    clerk = client_for("admin")
    assert save(clerk, world, "A2", "A2.上学期", "2").status_code == 403
    assert upload(clerk, world, "A2", "slot:A2#1", ("方案.pdf", PDF)).status_code == 403
    assert clerk.post(here(world, "/check"), {}).status_code == 403
    assert answers(world) == {}


def test_part_of_it_and_the_rest_later(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    data = kit.sealed(FILES, kit.filled())
    take(lead, check(lead, world, data), [], ["1:slot:A2#2"])
    assert answers(world) == {}
    assert [(e.name, refs) for e, refs in files(world)] == [("纪要.pdf", ["slot:A2#2"])]
    page = check(lead, world, data)
    assert places(page) == ["0:slot:A2#1", "0:clause:A1"]
    assert "会议纪要：已经有了" in said(page)
    assert "材料库里已有同样的文件" in said(page)
    take(lead, page, boxes(page), places(page))
    page = check(lead, world, data)
    assert (boxes(page), places(page)) == ([], [])
    assert "采纳勾选的内容" not in said(page)
    assert len(files(world)) == 2


def test_the_same_form_twice_acts_once(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    page = check(lead, world, kit.sealed(FILES))
    assert "包里没有填报表，只有材料。" in said(page)
    first = take(lead, page, [], places(page))
    second = take(lead, page, [], places(page))
    assert first.status_code == second.status_code == 303
    assert len(log(world, "packet.import")) == 1
    assert len(files(world)) == 2


def test_a_conflict_saves_nothing_at_all(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    page = check(lead, world, kit.sealed(FILES, kit.filled()))
    save(lead, world, "A2", "A2.上学期", "3")
    answer = take(lead, page, boxes(page), places(page))
    assert answer.status_code == 409
    assert "系统里的内容又有变化，什么也没有保存" in said(answer)
    assert answers(world) == {"A2.上学期": (3, 1)}
    assert files(world) == []
    assert "系统里 3 | 表格里 2" in said(answer)
    again = take(lead, answer, boxes(answer, ticked=False), places(answer))
    assert again.status_code == 303
    assert answers(world)["A2.上学期"][0] == 2
    assert len(files(world)) == 2


def test_what_is_locked_says_so_and_is_not_taken(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    data = kit.sealed({**FILES, "行.pdf": (OTHER + b"\n", ["row:1", "slot:A1.1#9", "field:x"])}, kit.filled())
    return_for(world, "A1")
    page = check(lead, world, data)
    assert places(page) == ["0:clause:A1"]
    assert "放不了：只退回了 A1，其他指标仍然锁定。" in said(page)
    assert said(page).count("放不了：没有可以附材料的这一处。") == 2
    assert "放不了：没有这项材料。" in said(page)
    forged = take(lead, page, [], ["0:clause:A1", "1:slot:A2#2"])
    assert forged.status_code in (403, 404, 409)
    assert files(world) == []


def test_files_that_are_no_evidence_are_listed_with_the_reason(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    page = check(lead, world, kit.sealed({**FILES, "假.pdf": (b"hello", ["slot:A2#1"])}))
    assert "“假.pdf”没有收下：内容与扩展名不符" in said(page)
    assert len(places(page)) == 3
    forged = take(lead, page, [], [*places(page), "2:slot:A2#1"])
    assert forged.status_code == 422
    assert files(world) == []


def test_over_the_quota_nothing_is_taken(lead: Client, world: World, app: Any) -> None:
    kit = school_kit(lead, world)
    page = check(lead, world, kit.sealed(FILES, kit.filled()))
    app.extensions["intranet"].settings.quota_per_unit = len(PDF) + 5
    answer = take(lead, page, boxes(page), places(page))
    assert answer.status_code == 422
    assert "材料已到上限" in said(answer)
    assert (answers(world), files(world)) == ({}, [])


def test_a_marked_workbook_comes_back(client_for: SignIn, world: World) -> None:
    clerk = client_for("admin")
    kit = bureau_kit(clerk, world)
    page = check(clerk, world, kit.sealed({}, kit.filled(value="两次")), bureau=True)
    assert "1 处有问题，改好才能采纳" in said(page)
    html = page.get_data(as_text=True)
    address = f"/{world.entries['g01']}/errors.xlsx"
    answer = clerk.post(here(world, address, bureau=True), {"packet": unescape(hidden(html, "packet"))})
    assert load_workbook(io.BytesIO(answer.data)).sheetnames[0] == "问题"


# --- wrong packets --------------------------------------------------------------------------------


def test_the_wrong_unit_and_the_wrong_cycle(lead: Client, client_for: SignIn, world: World) -> None:
    kit = school_kit(lead, world)
    answer = check(client_for("lead2"), world, kit.sealed(FILES))
    assert answer.status_code == 404
    other = client_for("lead2").post(
        at(world, rest="/packet/check", unit="g02"), {"file": (io.BytesIO(kit.sealed(FILES)), "x.zip")}
    )
    assert other.status_code == 422
    assert "这个封装包是“甲山教育集团”的，不是“丁桥教育集团”的" in said(other)
    late = check(lead, world, kit.sealed(FILES, cycle=99, cycle_title="去年考核"))
    assert "这个封装包是“去年考核”的，不是“示例年度考核”的" in said(late)
    nowhere = check(client_for("admin"), world, kit.sealed(FILES, entry="g09", unit="某集团"), bureau=True)
    assert nowhere.status_code == 422
    assert "“某集团”的，“示例年度考核”里没有这个单位" in said(nowhere)


def test_a_changed_manifest_a_foreign_key_a_kit_that_never_was(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    said_of = manifest(FILES, **kit.more())
    parts = members(said_of, FILES, key=kit.key)
    forged = [(parts[0][0], parts[0][1].replace("填报甲".encode(), "填报乙".encode())), *parts[1:]]
    for data in (stored(forged), packet(FILES, **kit.more()), kit.sealed(FILES, issue=2)):
        answer = check(lead, world, data)
        assert answer.status_code == 422
        assert "签名不符：封装包里的清单被改动过" in said(answer)
    assert waiting(world) == 0


def test_a_changed_file_is_named(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    parts = members(manifest(FILES, **kit.more()), FILES, key=kit.key)
    forged = [(n, OTHER + b" ") if n == "files/0002.pdf" else (n, c) for n, c in parts]
    answer = check(lead, world, stored(forged))
    assert answer.status_code == 422
    assert "封装以后被改动过或已损坏，没有收下：纪要.pdf。" in said(answer)
    assert waiting(world) == 0


def test_voided_kits(client_for: SignIn, world: World) -> None:
    clerk = client_for("admin")
    first, second = bureau_kit(clerk, world), bureau_kit(clerk, world)
    assert check(clerk, world, first.sealed(FILES), bureau=True).status_code == 200
    third = bureau_kit(clerk, world, void=True)
    for old in (first, second):
        answer = check(clerk, world, old.sealed(FILES), bureau=True)
        assert "教育局已声明作废。请用第 3 次发的重新封装。" in said(answer)
    assert check(clerk, world, third.sealed(FILES), bureau=True).status_code == 200
    assert "第 3 次以前的已作废" in clerk.text(here(world, bureau=True))


def test_the_rubric_changed_since(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    answer = check(lead, world, kit.sealed(FILES, fingerprint="f"))
    assert "下载离线填报包以后，考核细则有调整" in said(answer)


def test_a_wrong_workbook_inside_leaves_the_files(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    page = check(lead, world, kit.sealed(FILES, b"PK\x03\x04 no workbook"))
    assert page.status_code == 200
    assert "包里的填报表没有读取：" in said(page)
    assert len(places(page)) == 3


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", "这个文件是空的"), (b"hello", "这不是封装工具生成的封装包"), (b"PK\x03\x04", "不完整或已损坏")],
)
def test_no_packet_at_all(lead: Client, world: World, data: bytes, text: str) -> None:
    answer = check(lead, world, data)
    assert (answer.status_code, text in said(answer)) == (422, True)
    assert waiting(world) == 0


def test_no_file_chosen(lead: Client, world: World) -> None:
    answer = lead.post(here(world, "/check"), {})
    assert (answer.status_code, "请先选择封装包" in said(answer)) == (422, True)


def test_a_packet_over_the_limit(lead: Client, world: World, app: Any) -> None:
    kit = school_kit(lead, world)
    app.extensions["intranet"].settings.packet_limit = 600
    answer = check(lead, world, kit.sealed(FILES))
    assert (answer.status_code, "封装包超过 0 MB" in said(answer)) == (422, True)
    assert waiting(world) == 0


def test_a_packet_may_be_larger_than_a_file(lead: Client, world: World, app: Any) -> None:
    settings = app.extensions["intranet"].settings
    kit = school_kit(lead, world)
    app.config["MAX_CONTENT_LENGTH"] = settings.upload_limit = 2000
    many: Files = {f"{n}.pdf": (PDF + b"%%%d\n%%%%EOF" % n, ["clause:A1"]) for n in range(40)}
    data = kit.sealed(many)
    assert len(data) > 5000
    page = check(lead, world, data)
    assert len(places(page)) == 40


def test_a_waiting_packet_is_its_owners(lead: Client, client_for: SignIn, world: World) -> None:
    kit = school_kit(lead, world)
    page = check(lead, world, kit.sealed(FILES))
    ticket = unescape(hidden(page.get_data(as_text=True), "packet"))
    clerk = client_for("admin")
    address = here(world, f"/{world.entries['g01']}/apply", bureau=True)
    stolen = clerk.post(address, {"packet": ticket, "op": "x", "place": places(page)})
    assert (stolen.status_code, "请重新上传封装包" in said(stolen)) == (422, True)
    for forged in ("", "x", ticket[:-2]):
        answer = lead.post(here(world, "/apply"), {"packet": forged, "op": "x", "place": places(page)})
        assert (answer.status_code, "请重新上传封装包" in said(answer)) == (422, True)
    assert files(world) == []


def test_a_waiting_packet_that_was_swept(lead: Client, world: World) -> None:
    kit = school_kit(lead, world)
    page = check(lead, world, kit.sealed(FILES))
    for path in (world.settings.evidence_folder / ".incoming").glob("*"):
        path.unlink()
    answer = take(lead, page, [], places(page))
    assert (answer.status_code, "核对过的封装包已清理" in said(answer)) == (422, True)
