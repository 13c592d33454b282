"""分工: the lead hands things out; a member school meets what was handed to it and nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlmodel import select

from intranet.enums import CycleState, Role, SubmissionState
from intranet.models import Delegation, Entry, Grant, User
from intranet.web.access import ACCESS
from tests.integration.filing_ground import (
    PDF,
    answers,
    at,
    files,
    hand,
    log,
    marks,
    return_for,
    rows,
    save,
    upload,
)
from tests.integration.security_ground import addresses, body, facts_of_all, lay
from tests.world import Client, World, words

SignIn = Callable[[str], Client]
TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


def shares(world: World) -> list[Delegation]:
    with world.read() as session:
        return list(session.exec(select(Delegation).order_by(Delegation.id)))  # type: ignore[arg-type]


def give(client: Client, world: World, *pairs: str, due: str = "", note: str = "") -> Any:
    return client.post(at(world, rest="/sharing"), {"give": list(pairs), "due": due, "note": note})


def add(client: Client, world: World, code: str, key: str, **cells: str) -> Any:
    return client.post(
        at(world, code, f"/tables/{key}/rows"), {f"c:{k}": v for k, v in cells.items()}, htmx=True
    )


def said(answer: Any) -> str:
    return words(answer.get_data(as_text=True))


def second_member(world: World) -> None:
    """A filer of the third school, 丙林初级中学."""
    with world.write() as session:
        hashed = session.exec(select(User.password_hash)).first() or ""
        user = User(login="member3", name="填报丙", password_hash=hashed, must_change=False)
        session.add(user)
        session.flush()
        session.add(Grant(user_id=user.id or 0, role=Role.FILER, school_id=world.schools["s3"]))
        session.commit()


# --- the lead ------------------------------------------------------------------------------------


def test_several_indicators_go_to_several_schools_at_once(world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    page = lead.get(at(world, rest="/sharing")).get_data(as_text=True)
    assert 'value="clause:A2@s2"' in page
    assert 'value="clause:B4@' not in page  # the bureau fills that in
    assert "@s1" not in page
    done = give(lead, world, "clause:A2@s2", "clause:A2@s3", "clause:B2@s2", due=TOMORROW, note="盖章后扫描")
    assert done.status_code == 303
    assert [(d.ref, d.school_id, str(d.due), d.note) for d in shares(world)] == [
        ("clause:A2", world.schools["s2"], TOMORROW, "盖章后扫描"),
        ("clause:A2", world.schools["s3"], TOMORROW, "盖章后扫描"),
        ("clause:B2", world.schools["s2"], TOMORROW, "盖章后扫描"),
    ]
    give(lead, world, "clause:A2@s2", "clause:B1@s2")
    assert [d.version for d in shares(world)] == [1, 1, 1, 1]
    page = lead.get(at(world, rest="/sharing")).get_data(as_text=True)
    assert 'value="clause:A2@s2"' not in page  # 已分
    assert [e.subject for e in log(world, "delegation.give")][:1] == ["clause:A2@s2"]
    assert "分出 4 处，已完成 0 处" in lead.text(at(world))


@pytest.mark.parametrize(
    ("due", "pairs", "message"),
    [
        ("2020-01-01", ("clause:A2@s2",), "这一天已经过去"),
        ("2199-01-01", ("clause:A2@s2",), "请选这天或更早的一天"),
        ("下周", ("clause:A2@s2",), "请填 2023-09-01 的样子"),
        ("", (), "请先勾选要分出去的内容和学校"),
    ],
)
def test_what_cannot_be_handed_out_says_why(
    world: World, client_for: SignIn, due: str, pairs: tuple[str, ...], message: str
) -> None:
    answer = give(client_for("lead1"), world, *pairs, due=due, note="已写的说明")
    assert answer.status_code == 422
    assert message in said(answer)
    assert 'value="已写的说明"' in answer.get_data(as_text=True)
    if pairs:
        assert 'value="clause:A2@s2" checked' in answer.get_data(as_text=True)
    assert shares(world) == []


@pytest.mark.parametrize(
    "pair", ["clause:A2@s1", "clause:A2@s4", "clause:X@s2", "row:99@s2", "clause:A@s2", "x"]
)
def test_only_things_of_the_unit_to_its_member_schools(world: World, client_for: SignIn, pair: str) -> None:
    assert give(client_for("lead1"), world, pair).status_code == 404
    assert shares(world) == []


def test_changed_taken_back_and_handed_out_again(world: World, client_for: SignIn) -> None:
    lead, (share,) = client_for("lead1"), hand(world, "clause:A2")
    here = at(world, rest=f"/sharing/{share}")
    assert lead.post(here, {"due": TOMORROW, "note": "改", "version": "1"}).status_code == 303
    stale = lead.post(here, {"due": "", "note": "旧", "version": "0"})
    assert stale.status_code == 409
    assert "刚刚改过" in said(stale)
    assert [(str(d.due), d.note, d.version) for d in shares(world)] == [(TOMORROW, "改", 2)]
    assert client_for("member1").get(at(world, "A2")).status_code == 200
    lead.post(here, {"do": "withdraw"})
    assert client_for("member1").get(at(world, "A2")).status_code == 404
    assert lead.post(here, {"note": "x", "version": "3"}).status_code == 404
    give(lead, world, "clause:A2@s2")
    (again,) = shares(world)
    assert (again.id, again.withdrawn_at, again.due, again.version) == (share, None, None, 4)
    assert [e.action for e in (*log(world, "delegation.change"), *log(world, "delegation.withdraw"))] == [
        "delegation.change",
        "delegation.withdraw",
    ]


@pytest.mark.parametrize(
    ("login", "status"), [("helper1", 403), ("member1", 404), ("admin", 403), ("lead2", 404)]
)
def test_only_the_lead_hands_out(world: World, client_for: SignIn, login: str, status: int) -> None:
    (share,) = hand(world, "clause:A2")
    client = client_for(login)
    assert give(client, world, "clause:B2@s2").status_code == status
    assert client.post(at(world, rest=f"/sharing/{share}"), {"do": "withdraw"}).status_code == status
    assert [d.withdrawn_at for d in shares(world)] == [None]


def test_the_lead_sees_how_far_it_is(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    first, second = hand(world, "clause:A2", "clause:B2")
    assert lead.text(at(world, rest="/sharing")).count("未开始") == 2
    save(member, world, "A2", "A2.上学期", "2")
    assert "已填 1 / 6" in lead.text(at(world, rest="/sharing"))
    member.post(at(world, rest=f"/sharing/{second}/finish"))
    page = lead.text(at(world, rest="/sharing"))
    assert "分出 2 处，已完成 1 处" in page
    with world.write() as session:
        late = session.get(Delegation, first)
        assert late is not None
        late.due = datetime(2020, 1, 1, tzinfo=UTC).date()
        session.add(late)
        session.commit()
    assert "已逾期 已填 1 / 6" in lead.text(at(world, rest="/sharing"))
    assert "逾期 1 处" in lead.text(at(world))


# --- what the member school meets -----------------------------------------------------------------


def test_without_anything_handed_there_is_nothing_but_its_task_page(world: World, client_for: SignIn) -> None:
    member = client_for("member1")
    assert "还没有分给本校的内容" in member.text(at(world))
    for code in ("A1", "A2", "B1", "B2", "C1", "T"):
        assert member.get(at(world, code)).status_code == 404, code
    assert upload(member, world, "A2", "slot:A2#1", ("一.pdf", PDF)).status_code == 404
    assert (
        member.post(at(world, rest="/evidence"), {"files": [(io.BytesIO(PDF), "一.pdf")]}).status_code == 404
    )
    assert files(world) == []


NOT_THERE = {"evidence_id", "row_id", "delegation_id", "token", "n", "pending_id", "round_", "number"}


def test_every_school_route_is_404_for_what_was_not_handed(
    app: Flask, world: World, client_for: SignIn
) -> None:
    """Every page and every form of the school with an entry in its address, for a page not handed."""
    ground = lay(world)
    hand(world, "clause:B2", school="s3")
    hand(world, "clause:B3")
    member, actor = client_for("member1"), world.actor("member1")
    before, met = facts_of_all(world), set[str]()
    there = {
        "school.overview",
        "school.evidence",
        "school.workbook",
        "school.workbook_xlsx",
        "school.confirmations",
    }
    for method in ("GET", "POST"):
        for endpoint, given, path in addresses(app, ground, method):
            rule = ACCESS[endpoint]
            if given.get("entry_id") != world.entries["g01"] or not endpoint.startswith("school."):
                continue
            if isinstance(rule, frozenset) and not actor.has(*rule):
                continue
            if endpoint in there | {"school.result"} or endpoint.startswith(
                ("school.tus_", "school.workbook_")
            ):
                continue
            data = {
                "ref": "clause:B2",
                "reason": "x",
                "c:winner": "改",
                "slot": "A2#1",
                "only": "x",
                "version": "1",
            }
            answer = member.get(path) if method == "GET" else member.post(path, data)
            text = body(answer, path)
            own = endpoint in {
                "school.add_file",
                "school.place_files",
                "school.confirm_rows",
            }  # nothing sent: refused as such
            assert answer.status_code == (422 if own else 404), (method, path, answer.status_code)
            assert not any(word in text for word in ground.words("g01")), path
            met.add(endpoint)
    assert facts_of_all(world) == before
    assert {
        "school.indicator", "school.save_answers", "school.save_slot", "school.save_self", "school.add_row",
        "school.edit_row", "school.delete_row", "school.paste", "school.paste_rows", "school.upload",
        "school.link_file", "school.check", "school.submit", "school.form", "school.form_xlsx", "school.receipt",
        "school.sharing", "school.give", "school.change_share", "school.file", "school.delete_file",
        "school.dispute", "school.dispute_row", "school.answer_dispute",
    } <= met  # fmt: skip


def test_the_pages_that_are_there_show_nothing_else(world: World, client_for: SignIn) -> None:
    ground = lay(world)
    hand(world, "clause:A2")
    member = client_for("member1")
    for rest in ("", "/workbook", "/confirmations", "/evidence", "/indicators/A2"):
        text = member.get(at(world, rest=rest)).get_data(as_text=True)
        for secret in (
            "密名g01",
            "密由g01",
            "自评合计",
            "得分账本",
            f"{at(world)}/check",
            "/forms/",
            "/self/",
        ):
            assert secret not in text, (rest, secret)
    assert "密件g01" in member.text(at(world, "A2"))  # it stands in a slot of A2
    with member.get(f"/files/{ground.files['g01']}") as answer:
        assert answer.status_code == 200
    assert member.get(f"/files/{ground.files['old1']}").status_code == 404
    assert "我的任务" in member.text("/tasks")


def test_it_fills_in_uploads_and_says_what_is_missing(world: World, client_for: SignIn) -> None:
    hand(world, "clause:A2")
    member = client_for("member1")
    assert save(member, world, "A2", "A2.上学期", "2").status_code == 200
    assert upload(member, world, "A2", "slot:A2#1", ("方案.pdf", PDF)).status_code == 200
    absent = member.post(at(world, "A2", "/slots"), {"slot": "A2#2", "absent": "1"}, htmx=True)
    assert absent.status_code == 200
    assert {k: v for k, (v, _n) in answers(world).items()} == {"A2.上学期": 2, "A2#2": False}
    assert [(e.name, refs) for e, refs in files(world)] == [("方案.pdf", ["slot:A2#1"])]
    assert member.post(at(world, "A2", "/self/A2"), {"points": "7"}).status_code == 404
    assert marks(world) == {}


def test_a_clause_below_an_indicator_shows_its_own_part_alone(world: World, client_for: SignIn) -> None:
    hand(world, "clause:A1.1")
    member = client_for("member1")
    page = member.get(at(world, "A1")).get_data(as_text=True)
    assert "有章程" in page
    assert "章程内容规范" not in page
    assert "其他佐证材料" not in page
    assert save(member, world, "A1", "A1.1.charter", "true").status_code == 200
    assert upload(member, world, "A1", "clause:A1", ("一.pdf", PDF)).status_code == 404
    assert upload(member, world, "A1", "clause:A1.2", ("一.pdf", PDF)).status_code == 404
    assert upload(member, world, "A1", "clause:A1.1", ("一.pdf", PDF)).status_code == 200


def test_of_a_shared_table_only_the_rows_of_the_clause(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    add(lead, world, "B1", "exchange", person="甲某", category="定期", receiver="s3")
    add(lead, world, "B1", "exchange", person="乙某", category="不定期", receiver="s3")
    add(lead, world, "B1", "exchange", person="丁某", category="不定期", receiver="s2")
    regular, irregular, named = rows(world, "exchange")
    hand(world, "clause:B1")
    page = member.text(at(world, "B1"))
    assert "甲某" in page
    assert "丁某" in page  # it names their school
    assert "乙某" not in page
    edit = {"c:person": "甲某某", "c:category": "定期", "c:receiver": "s3", "version": "1"}
    assert member.post(at(world, "B1", f"/rows/{regular.id}"), edit, htmx=True).status_code == 200
    gone = member.post(at(world, "B1", f"/rows/{irregular.id}"), edit, htmx=True)
    assert gone.status_code == 404
    mine = member.post(at(world, "B1", f"/rows/{named.id}"), edit, htmx=True)
    assert mine.status_code == 403
    assert "这一行没有分给您" in said(mine)
    other = add(member, world, "B1", "exchange", person="戊某", category="不定期")
    assert other.status_code == 422
    assert "这一行不属于分给您的部分。分给您的：类别为定期" in said(other)
    assert add(member, world, "B1", "exchange", person="戊某", category="定期").status_code == 200
    pasted = {"text": "己某\t不定期", "accept": "1"}
    assert member.post(at(world, "B1", "/tables/exchange/paste"), pasted).status_code == 422
    assert [r.cells["person"] for r in rows(world, "exchange")] == ["甲某某", "乙某", "丁某", "戊某"]


def test_a_row_by_itself(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    add(lead, world, "B2", "awards", winner="乙某")
    add(lead, world, "B2", "awards", winner="丙某", level="市级")
    mine, other = rows(world, "awards")
    hand(world, f"row:{mine.id}")
    page = member.text(at(world, "B2"))
    assert "乙某" in page
    assert "丙某" not in page
    assert "加一行" not in page
    edit = {"c:winner": "乙某", "c:level": "区级", "version": "1"}
    assert "未开始" in lead.text(at(world, rest="/sharing"))
    assert member.post(at(world, "B2", f"/rows/{mine.id}"), edit, htmx=True).status_code == 200
    assert "已填 1 / 1" in lead.text(at(world, rest="/sharing"))
    assert member.post(at(world, "B2", f"/rows/{other.id}"), edit, htmx=True).status_code == 404
    refused = member.post(at(world, "B2", f"/rows/{mine.id}/delete"), htmx=True)
    assert refused.status_code == 403
    assert add(member, world, "B2", "awards", winner="丁某", level="市级").status_code == 422
    assert upload(member, world, "B2", f"row:{mine.id}", ("证书.pdf", PDF)).status_code == 200
    assert upload(member, world, "B2", f"row:{other.id}", ("证书.pdf", PDF)).status_code == 404
    assert member.post(at(world, "B2", "/tables/awards/empty"), {"declared": "1"}).status_code == 403


def test_it_sees_only_its_own_files_and_those_at_its_places(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    upload(lead, world, "A2", "slot:A2#1", ("分给的.pdf", PDF))
    upload(lead, world, "A1", "clause:A1.2", ("别处的.pdf", PDF + b"2"))
    hand(world, "clause:A2")
    (theirs, _r1), (hidden, _r2) = files(world)
    upload(member, world, "A2", "slot:A2#2", ("自己的.pdf", PDF + b"3"))
    listed = member.text(at(world, rest="/evidence"))
    assert ("分给的.pdf" in listed, "自己的.pdf" in listed, "别处的.pdf" in listed) == (True, True, False)
    with member.get(f"/files/{theirs.id}") as answer:
        assert answer.status_code == 200
    for path in (
        f"/files/{hidden.id}",
        f"/files/{hidden.id}/preview",
        at(world, rest=f"/evidence/{hidden.id}"),
    ):
        assert member.get(path).status_code == 404, path
    take = {"ref": "slot:A2#2", "evidence": str(hidden.id)}
    assert member.post(at(world, "A2", "/files/link"), take).status_code == 404
    assert member.post(at(world, rest=f"/evidence/{theirs.id}/delete")).status_code == 403
    own = files(world)[2][0]
    lead.post(at(world, "A1", "/files/link"), {"ref": "clause:A1.2", "evidence": own.id})
    used = member.post(at(world, rest=f"/evidence/{own.id}/delete"))
    assert used.status_code == 403
    assert "还用在没有分给您的地方" in said(used)


def test_finished_undone_and_locked(world: World, client_for: SignIn) -> None:
    (share,) = hand(world, "clause:A2")
    member, here = client_for("member1"), at(world, rest=f"/sharing/{share}/finish")
    assert member.post(here, {"code": "A2"}).headers["Location"].endswith("/indicators/A2")
    assert "已完成" in client_for("lead1").text(at(world, rest="/sharing"))
    member.post(here)
    assert len(log(world, "delegation.finish")) == 1
    member.post(here, {"undo": "1"})
    assert [d.finished_at for d in shares(world)] == [None]
    assert client_for("lead1").post(here).status_code == 404
    with world.write() as session:
        found = session.get(Entry, world.entries["g01"])
        assert found is not None
        found.state = SubmissionState.SUBMITTED
        session.add(found)
        session.commit()
    assert member.post(here).status_code == 409
    assert save(member, world, "A2", "A2.上学期", "2").status_code == 409
    assert member.get(at(world, "A2")).status_code == 200


def test_what_was_returned_elsewhere_stays_locked(world: World, client_for: SignIn) -> None:
    hand(world, "clause:A2", "clause:B2")
    member = client_for("member1")
    upload(member, world, "A2", "slot:A2#1", ("方案.pdf", PDF))
    ((file, _refs),) = files(world)
    return_for(world, "B2")
    assert save(member, world, "A2", "A2.上学期", "2").status_code == 409
    assert member.post(at(world, rest=f"/evidence/{file.id}/delete")).status_code == 409
    assert add(member, world, "B2", "awards", winner="丁某", level="市级").status_code == 200


def test_another_member_school_meets_what_was_handed_to_it(world: World, client_for: SignIn) -> None:
    second_member(world)
    hand(world, "clause:A2", school="s2")
    hand(world, "clause:B2", school="s3")
    third = client_for("member3")
    assert third.get(at(world, "A2")).status_code == 404
    assert save(third, world, "A2", "A2.上学期", "2").status_code == 404
    assert third.get(at(world, "B2")).status_code == 200
    share = next(d.id for d in shares(world) if d.ref == "clause:A2")
    assert third.post(at(world, rest=f"/sharing/{share}/finish")).status_code == 404


def test_a_helper_of_the_lead_school_keeps_seeing_everything(world: World, client_for: SignIn) -> None:
    helper = client_for("helper1")
    for code in ("A1", "A2", "B1", "B2"):
        assert helper.get(at(world, code)).status_code == 200
    assert "分工" in helper.text(at(world))
    assert helper.get(at(world, rest="/sharing")).status_code == 200
    assert 'name="give"' not in helper.get(at(world, rest="/sharing")).get_data(as_text=True)


def test_the_units_result_is_there_after_publication(world: World, client_for: SignIn) -> None:
    hand(world, "clause:A2")
    member = client_for("member1")
    assert member.get(at(world, rest="/result")).status_code == 404
    assert "看结果" not in member.text(at(world))
    world.move_to(CycleState.PUBLISHED)
    assert "看结果" in member.text(at(world))


# --- the offline workbook -------------------------------------------------------------------------


def test_its_workbook_holds_what_was_handed_to_it(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    add(lead, world, "B1", "exchange", person="甲某", category="定期")
    add(lead, world, "B1", "exchange", person="乙某", category="不定期")
    add(lead, world, "B2", "awards", winner="丙某", level="市级")
    hand(world, "clause:A2", "clause:B1")
    book = openpyxl.load_workbook(io.BytesIO(member.get(at(world, rest="/workbook.xlsx")).data))
    shown = [s.title for s in book if s.sheet_state == "visible"]
    assert shown == ["说明", "填报项", "教师交流名册"]
    text = "\n".join(str(c.value) for s in book for row in s.iter_rows() for c in row if c.value is not None)
    assert "甲某" in text
    for hidden in ("乙某", "丙某", "有章程", "参加人数"):
        assert hidden not in text


def test_a_workbook_gets_nothing_past_what_was_handed(world: World, client_for: SignIn) -> None:
    """The lead's workbook, sent by a member: its other sheets, rows and keys are not read and not shown."""
    lead, member = client_for("lead1"), client_for("member1")
    add(lead, world, "B1", "exchange", person="甲某", category="定期")
    add(lead, world, "B1", "exchange", person="乙某", category="不定期")
    lead.post(at(world, "A1", "/answers"), {"f:A1.1.charter": "true", "version:A1.1.charter": "0"})
    lead.post(at(world, "A1", "/self/A1.2"), {"points": "2.75", "version": "0"})
    hand(world, "clause:A2", "clause:B1")
    book = openpyxl.load_workbook(io.BytesIO(lead.get(at(world, rest="/workbook.xlsx")).data))
    for sheet in book:
        if sheet.title == "教师交流名册":
            for row in list(sheet.iter_rows(min_row=2)):
                if any(c.value == "乙某" for c in row):
                    sheet.delete_rows(row[0].row)
        if sheet.title == "自评分":
            for row in sheet.iter_rows(min_row=2):
                for cell in row:
                    if cell.value == 2.75:
                        cell.value = 1
    out = io.BytesIO()
    book.save(out)
    sent = member.post(at(world, rest="/workbook/check"), {"file": (io.BytesIO(out.getvalue()), "表.xlsx")})
    assert sent.status_code in (200, 422)
    text = said(sent)
    for hidden in ("乙某", "2.75", "有章程"):
        assert hidden not in text
