"""What was handed in is kept: receipt, check code, sealed scan; rounds of return; old → new."""

from __future__ import annotations

import io
from collections.abc import Callable

import openpyxl
from sqlmodel import select

from intranet.domain.snapshot import check_code, hash_of
from intranet.enums import CycleState, SubmissionState
from intranet.models import Cycle, Submission
from tests.integration.filing_ground import (
    PDF,
    answers,
    at,
    entry,
    files,
    hidden,
    log,
    return_for,
    rows,
    save,
    upload,
)
from tests.integration.test_filing_submit import fill
from tests.world import Client, World, words

SignIn = Callable[[str], Client]


def hand_in(client: Client, world: World) -> None:
    answer = client.post(at(world, rest="/submit"), {"known": "1"})
    assert answer.status_code == 303, words(answer.get_data(as_text=True))


def kept(world: World) -> list[Submission]:
    with world.read() as session:
        return list(session.exec(select(Submission).order_by(Submission.round)))  # type: ignore[arg-type]


def give_back(client: Client, world: World, *codes: str, status: int = 303) -> str:
    path = f"/bureau/cycles/{world.cycle_id}/progress/{world.entries['g01']}"
    op = hidden(client.get(path).get_data(as_text=True), "op")
    answer = client.post(f"{path}/return", {"codes": list(codes), "reason": "签到表缺日期", "op": op})
    assert answer.status_code == status
    return words(answer.get_data(as_text=True))


def test_the_receipt_shows_what_was_handed_in_not_what_is_there_now(world: World, client_for: SignIn) -> None:
    lead, admin = client_for("lead1"), client_for("admin")
    fill(lead, world)
    hand_in(lead, world)
    first = kept(world)[0]
    assert first.sha256 == hash_of(first.content)
    assert first.content["fields"]["A2.上学期"] == 2
    assert [f["name"] for f in first.content["evidence"]] == ["方案.pdf"]
    code = check_code(first.sha256)
    text = lead.text(at(world, rest="/receipt"))
    assert code in text
    assert "填报人： 填报甲" in text.replace("填报人：填报甲", "填报人： 填报甲")
    assert first.content["evidence"][0]["sha256"][:16] in text
    assert "一致：" in lead.text(at(world, rest=f"/receipt?code={code.lower()}"))
    assert "没有校验码是" in lead.text(at(world, rest="/receipt?code=0000-0000-0000"))

    give_back(admin, world, "A2")
    save(lead, world, "A2", "A2.上学期", "1", version=1)
    text = admin.text(at(world, rest=f"/receipt?code={code}"))
    assert "不一致：" in text
    assert "原来是“2 次”，现在是“1 次”" in text
    assert "第 1 次提交" in text


def test_the_list_of_evidence_has_whole_hashes(world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    fill(lead, world)
    hand_in(lead, world)
    data = lead.get(at(world, rest="/receipt/1.xlsx")).get_data()
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    cells = [c.value for row in sheet.iter_rows() for c in row if c.value]
    assert files(world)[0][0].sha256 in cells
    assert lead.get(at(world, rest="/receipt/2.xlsx")).status_code == 404


def test_old_to_new_after_a_return(world: World, client_for: SignIn) -> None:
    lead, admin, reviewer = client_for("lead1"), client_for("admin"), client_for("rev1")
    fill(lead, world)
    lead.post(at(world, "B1", "/tables/exchange/empty"), {}, htmx=True)
    row = {
        "c:person": "甲某 001",
        "c:category": "定期",
        "c:sender": "s1",
        "c:receiver": "s2",
        "c:start": "2031-02-01",
    }
    assert lead.post(at(world, "B1", "/tables/exchange/rows"), row, htmx=True).status_code == 200
    hand_in(lead, world)
    world.move_to(CycleState.REVIEW)
    give_back(admin, world, "A2", "B1")

    assert "还没有改动" in lead.text(at(world, "A2"))
    save(lead, world, "A2", "A2.下学期", "1", version=1)
    stored = rows(world, "exchange")[0]
    changed = {**row, "c:end": "2031-06-30", "version": stored.version}
    assert lead.post(at(world, "B1", f"/rows/{stored.id}"), changed, htmx=True).status_code == 200
    upload(lead, world, "A2", "slot:A2#1", ("方案二.pdf", PDF + b"\n"))
    assert save(lead, world, "A1", "A1.1.charter", "false", version=1).status_code == 409
    assert answers(world)["A1.1.charter"] == (True, 1)
    assert "3 处改动" not in lead.text(at(world, "A2"))
    assert "2 处改动" in lead.text(at(world, "A2"))
    hand_in(lead, world)

    assert [s.round for s in kept(world)] == [1, 2]
    for client in (lead, admin, reviewer):
        text = client.text(at(world, rest="/changes"))
        assert "退回 A2、B1：签到表缺日期" in text
        assert "理事会（下学期） 2 次 1 次" in text
        assert "教师交流名册“甲某 001”止 — 2031-06-30" in text
        assert "2 号材料 — 方案二.pdf" in text
        assert "章程" not in text
    assert "重新提交的改动" in reviewer.text(f"/panel/entries/{world.entries['g01']}/indicators/A2")
    assert "第 2 次提交" in admin.text(f"/bureau/cycles/{world.cycle_id}/progress/{world.entries['g01']}")
    assert lead.get(at(world, rest="/changes?from=1&to=9")).status_code == 404


def test_what_stands_now_is_nobody_elses_business_until_it_is_handed_in(
    world: World, client_for: SignIn
) -> None:
    lead, reviewer = client_for("lead1"), client_for("rev1")
    fill(lead, world)
    hand_in(lead, world)
    world.move_to(CycleState.REVIEW)
    return_for(world, "A2")
    save(lead, world, "A2", "A2.下学期", "1", version=1)
    assert "理事会（下学期） 2 次 1 次" in lead.text(at(world, rest="/changes"))
    assert reviewer.get(at(world, rest="/changes")).status_code == 404
    assert reviewer.get(at(world, rest="/changes?to=0&from=1")).status_code == 404


def test_rounds_are_counted_and_limited(world: World, client_for: SignIn) -> None:
    lead, admin = client_for("lead1"), client_for("admin")
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.max_returns = 1
        session.add(cycle)
        session.commit()
    fill(lead, world)
    hand_in(lead, world)
    path = f"/bureau/cycles/{world.cycle_id}/progress/{world.entries['g01']}"
    assert "这是第 1 次退回（最多 1 次）" in admin.text(path)
    give_back(admin, world, "A2")
    assert "正在第 1 次退回中" in admin.text(path)
    give_back(admin, world, "A1")  # the same round
    hand_in(lead, world)
    assert "已退回 1 次，达到本次考核的上限" in admin.text(path)
    assert "已退回 1 次，本次考核最多退回 1 次" in give_back(admin, world, "A2", status=409)
    assert entry(world).state == SubmissionState.SUBMITTED


def test_the_bureau_sets_the_limit_with_the_dates(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    path = f"/bureau/cycles/{world.cycle_id}/dates"
    html = admin.get(path).get_data(as_text=True)
    dates = {n: hidden_date(html, n) for n in ("filing_from", "filing_until", "review_until")}
    refused = admin.post(path, {**dates, "max_returns": "三次", "version": hidden(html, "version")})
    assert refused.status_code == 422
    assert "请填 0 到 20 的整数。" in words(refused.get_data(as_text=True))
    assert "三次" in refused.get_data(as_text=True)
    admin.post(path, {**dates, "max_returns": "5", "version": hidden(html, "version"), "then": "stay"})
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        assert cycle.max_returns == 5
    assert [(e.old, e.new) for e in log(world, "cycle.max_returns")] == [(3, 5)]


def hidden_date(html: str, name: str) -> str:
    return html.split(f'name="{name}"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


def test_the_sealed_scan(world: World, client_for: SignIn) -> None:
    lead, admin = client_for("lead1"), client_for("admin")
    fill(lead, world)
    hand_in(lead, world)
    path = at(world, rest="/receipt/1/scan")
    assert lead.get(path).status_code == 404
    refused = lead.post(path, {"file": (io.BytesIO(b"MZ"), "回执.exe")})
    assert refused.status_code == 422
    assert "不收这种文件" in words(refused.get_data(as_text=True))
    assert "请上传盖章回执的扫描件" in words(
        lead.post(path, {"file": (io.BytesIO("字".encode()), "回执.txt")}).get_data(as_text=True)
    )
    assert lead.post(path, {"file": (io.BytesIO(PDF), "回执.pdf")}).status_code == 303
    with lead.get(path) as sent:
        assert sent.get_data() == PDF
    assert "回执已盖章上传" in admin.text(f"/bureau/cycles/{world.cycle_id}/progress/{world.entries['g01']}")
    assert "已提交，已盖章" in admin.text(f"/bureau/cycles/{world.cycle_id}/progress")
    assert lead.post(path, {"file": (io.BytesIO(PDF + b"\n"), "新.pdf")}).status_code == 303
    assert [(e.old and e.old["name"], e.new["name"]) for e in log(world, "receipt.scan")] == [
        (None, "回执.pdf"),
        ("回执.pdf", "新.pdf"),
    ]
    assert admin.post(path, {"file": (io.BytesIO(PDF), "x.pdf")}).status_code == 403
    world.move_to(CycleState.PUBLISHED)
    assert lead.post(path, {"file": (io.BytesIO(PDF), "迟.pdf")}).status_code == 409


def test_findings_lead_to_their_place(world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    row = {"c:person": "甲某 001", "c:category": "定期", "c:start": "2031-06-01", "c:end": "2031-02-01"}
    lead.post(at(world, "B1", "/tables/exchange/rows"), row, htmx=True)
    save(lead, world, "B5", "pairs", "9")
    html = lead.get(at(world, rest="/check")).get_data(as_text=True)
    stored = rows(world, "exchange")[0]
    assert f'{at(world, "B1")}?table=exchange&amp;row={stored.id}#table-exchange"' in html
    page = lead.get(at(world, "B5")).get_data(as_text=True)
    anchor = html.split(f"{at(world, 'B5')}#", 1)[1].split('"', 1)[0]
    assert f'id="{anchor}"' in page
    assert f"{at(world, 'A2')}#slots-" in html
