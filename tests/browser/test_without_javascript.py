"""Every form works as a plain form: the browser of these tests runs no script at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlmodel import select

from intranet.demo import sample_pdf
from intranet.enums import CycleState, SubmissionState
from intranet.models import Answer, Entry, Evidence, EvidenceLink, FactRow, Mark
from tests.e2e.harness import Server, Visit, Visitor, serving
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    with serving(app) as running:
        yield running


def signed_in(visit: Visit, server: Server, login: str) -> Visitor:
    visitor = visit(server, script=False)
    visitor.sign_in(login, PASSWORD)
    return visitor


def rows(world: World, table: str) -> list[dict[str, object]]:
    with world.read() as session:
        query = select(FactRow).where(FactRow.table == table, FactRow.deleted_at == None)  # noqa: E711
        return [dict(row.cells) for row in session.exec(query.order_by(FactRow.position))]  # type: ignore[arg-type]


def answers(world: World, unit: str) -> dict[str, object]:
    with world.read() as session:
        found = session.exec(select(Answer).where(Answer.entry_id == world.entries[unit]))
        return {f"{a.key}@{a.school_id}" if a.school_id else a.key: a.value for a in found}


def test_signing_in_and_out(world: World, server: Server, visit: Visit) -> None:
    visitor = visit(server, script=False)
    with visitor.answered(403):
        visitor.go("/sign-in")
        visitor.page.fill("#login", "lead1")
        visitor.page.fill("#password", "wrong-password")
        visitor.press("登录")
    assert visitor.page.input_value("#login") == "lead1"
    visitor.page.fill("#password", PASSWORD)
    visitor.press("登录")
    assert visitor.path() == f"/entries/{world.entries['g01']}"
    visitor.follow(visitor.page.locator("[data-sign-out] button").first)
    assert visitor.path().startswith("/sign-in")
    visitor.go("/tasks")
    assert visitor.path().startswith("/sign-in?next=")


def test_a_school_fills_in_and_submits(world: World, server: Server, visit: Visit) -> None:
    lead, entry = signed_in(visit, server, "lead1"), world.entries["g01"]
    page = lead.page

    lead.go(f"/entries/{entry}/indicators/A2")
    page.check('input[name="f:A2.done"][value=true]')
    page.fill('[name="f:A2.上学期"]', "２")
    page.fill('[name="f:A2.下学期"]', "一次")
    with lead.answered(422):
        lead.press("保存")
    assert page.input_value('[name="f:A2.下学期"]') == "一次"
    expect(page.locator("#answers .msg")).to_contain_text("整数")
    assert answers(world, "g01") == {}  # all or nothing
    page.fill('[name="f:A2.下学期"]', "1")
    lead.press("保存")
    assert answers(world, "g01") == {"A2.done": True, "A2.上学期": 2, "A2.下学期": 1}
    assert page.locator("#ledger .big-score .v").inner_text() == "3"  # 7 − 2 for a meeting − 2 materials

    lead.follow(page.locator('form:has(input[name=slot][value="A2#2"])').get_by_role("button"))
    expect(page.locator(".slot", has_text="会议纪要")).to_contain_text("已注明确实没有")
    upload = page.locator('form.upload:has(input[name=ref][value="slot:A2#1"])')
    box = upload.locator("input[multiple]").bounding_box()
    assert box is not None
    assert box["width"] > 100  # the browser's own box: it says what was chosen
    plan = {"name": "方案.pdf", "mimeType": "application/pdf", "buffer": sample_pdf(["会议方案"])}
    upload.locator("input[multiple]").set_input_files(plan)  # type: ignore[arg-type]
    lead.follow(upload.get_by_role("button", name="传上去"))
    expect(page.locator(".chip", has_text="方案.pdf")).to_contain_text("1 号")
    with world.read() as session:
        links = session.exec(select(EvidenceLink.ref, Evidence.name).join(Evidence)).all()
    assert links == [("slot:A2#1", "方案.pdf")]
    assert page.locator("#ledger .big-score .v").inner_text() == "4"

    own = page.locator('form[action$="/self/A2"]')
    own.locator("[name=points]").fill("4.5")
    with lead.answered(422):
        lead.follow(own.get_by_role("button", name="保存自评"))
    expect(own.locator(".msg")).to_contain_text("请写明理由")
    assert own.locator("[name=points]").input_value() == "4.5"
    own.locator("[name=reason]").fill("补开过一次")
    lead.follow(own.get_by_role("button", name="保存自评"))
    with world.read() as session:
        mark = session.exec(select(Mark)).one()
    assert (mark.code, str(mark.points), mark.reason) == ("A2", "9/2", "补开过一次")

    lead.go(f"/entries/{entry}/check")
    page.check("input[name=known]")
    lead.press("提交考核材料")
    assert lead.path() == f"/entries/{entry}/receipt"
    with world.read() as session:
        stored = session.get(Entry, entry)
        assert stored is not None
        assert stored.state == SubmissionState.SUBMITTED


def test_rows_of_a_table(world: World, server: Server, visit: Visit) -> None:
    lead, entry = signed_in(visit, server, "lead1"), world.entries["g01"]
    page, panel = lead.page, lead.page.locator("#table-exchange")
    lead.go(f"/entries/{entry}/indicators/B1")
    lead.follow(panel.get_by_role("link", name="加一行"))
    page.fill("#exchange-new-person", "甲某 001")
    page.select_option("#exchange-new-category", "定期")
    page.fill("#exchange-new-start", "2030年9月31日")
    with lead.answered(422):
        lead.follow(panel.get_by_role("button", name="保存这一行"))
    expect(panel.locator(".row-form .msg")).to_contain_text("日期")
    assert page.input_value("#exchange-new-person") == "甲某 001"
    expect(page.locator("#exchange-new-start")).to_be_focused()  # the page opens at what is to be put right
    page.fill("#exchange-new-start", "2030年9月1日")
    page.fill("#exchange-new-end", "2031.1.15")
    page.locator("#exchange-new-document").get_by_label("是", exact=True).check()
    lead.follow(panel.get_by_role("button", name="保存这一行"))
    expect(panel.locator("tbody tr", has_text="甲某 001")).to_contain_text("0.3")
    stored = rows(world, "exchange")
    assert [(r["person"], r["start"], r["end"], r["document"]) for r in stored] == [
        ("甲某 001", "2030-09-01", "2031-01-15", True)
    ]

    lead.follow(panel.get_by_role("link", name="从表格粘贴"))
    page.fill("#paste", "姓名(工号)\t类别\t起\t止\t文件\n乙某 002\t定期\t2030-09-01\t2031-03-31\t是")
    lead.press("核对")
    lead.press("添加这 1 行")
    assert page.locator("#ledger .big-score .v").inner_text() == "0.8"  # 0.3 + 0.5 for seven months

    lead.follow(panel.get_by_role("link", name="甲某 001"))
    lead.follow(panel.get_by_role("button", name="删除这一行"))
    assert [r["person"] for r in rows(world, "exchange")] == ["乙某 002"]
    lead.follow(panel.get_by_role("button", name="撤销"))
    assert sorted(str(r["person"]) for r in rows(world, "exchange")) == ["乙某 002", "甲某 001"]

    lead.go(f"/entries/{entry}/indicators/B2")
    lead.follow(page.locator("#table-awards").get_by_role("button", name="本项没有"))
    expect(page.locator("#table-awards")).to_contain_text("已注明本项没有")
    lead.follow(page.locator("#table-awards").get_by_role("button", name="撤回，要填写"))
    expect(page.locator("#table-awards")).to_contain_text("还没有填")


def test_the_bureau_registers_its_data_and_goes_on(world: World, server: Server, visit: Visit) -> None:
    clerk = signed_in(visit, server, "admin")
    clerk.go(f"/bureau/cycles/{world.cycle_id}/data")
    row = clerk.page.locator("tr[id^=data-]", has_text="乙水小学")
    row.get_by_label("质量等第", exact=True).select_option("乙等")
    clerk.follow(row.get_by_role("button", name="保存"))
    row = clerk.page.locator("tr[id^=data-]", has_text="g01")
    row.locator("input.figure").fill("1")
    clerk.follow(row.get_by_role("button", name="保存"))
    found = answers(world, "g01")
    assert found == {f"grade@{world.schools['s2']}": "乙等", "absences": 1}
    clerk.go(f"/bureau/cycles/{world.cycle_id}/phase")
    clerk.page.check("input[name=accepted]")
    clerk.press("进入评分阶段")
    expect(clerk.page.locator("#notes")).to_contain_text("已进入评分阶段。")


def test_the_panel_scores_and_the_chair_settles(world: World, server: Server, visit: Visit) -> None:
    entry = world.entries["g01"]
    fields = {"A1.1.charter": True, "A1.1.council": True, "A2.done": True, "A2.上学期": 2, "A2.下学期": 1}
    with world.write() as session:
        for key, value in fields.items():
            session.add(
                Answer(entry_id=entry, owner="school", key=key, value=value, changed_by=world.users["lead1"])
            )
        stored = session.get(Entry, entry)
        assert stored is not None
        stored.state = SubmissionState.SUBMITTED
        session.add(stored)
        session.commit()
    world.move_to(CycleState.REVIEW)

    reviewer = signed_in(visit, server, "rev1")
    page = reviewer.page
    reviewer.go(f"/panel/entries/{entry}/indicators/A2?by=unit")
    assert page.input_value('[name="points.A2"]') == "3"  # 7 − 2 for a meeting − 2 materials
    reviewer.follow(page.locator("[data-key=materials]"))  # take the missing materials off the list
    assert page.input_value('[name="points.A2"]') == "5"
    with reviewer.answered(422):
        reviewer.follow(reviewer.page.locator("[data-save]"))
    expect(page.locator("#score-form .msg")).to_contain_text("请写明理由")
    page.fill('[name="reason.A2"]', "材料已当面核对")
    reviewer.follow(page.locator("[data-save]"))
    assert "/indicators/B1" in reviewer.path()

    other = signed_in(visit, server, "rev2")
    other.go(f"/panel/entries/{entry}/indicators/A2")
    other.follow(other.page.locator("[data-save]"))

    chair = signed_in(visit, server, "chair")
    chair.press("分差与审定")
    line = chair.page.locator("tbody tr", has_text="理事会")
    expect(line).to_contain_text("4")  # the mean of 5 and 3
    chair.follow(line.get_by_role("link", name="审定"))
    form = chair.page.locator('form:has([name="points.A2"])')
    form.locator('[name="points.A2"]').fill("4.5")
    with chair.answered(422):
        chair.follow(form.get_by_role("button", name="审定", exact=True))
    assert form.locator('[name="points.A2"]').input_value() == "4.5"
    form.locator('[name="reason.A2"]').fill("合议")
    chair.follow(form.get_by_role("button", name="审定", exact=True))
    with world.read() as session:
        marks = [(m.role, str(m.points)) for m in session.exec(select(Mark).order_by(Mark.id))]  # type: ignore[arg-type]
    assert marks == [("panel", "5"), ("panel", "3"), ("settled", "9/2")]
