"""From the check list to the stored list: freezing, the ranking, the proof, downloads, readers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlmodel import col, select

from intranet import create_app
from intranet.enums import ConfirmState, CycleState, SubmissionState
from intranet.models import (
    Answer,
    Confirmation,
    Cycle,
    Entry,
    FactRow,
    LogEntry,
    Mark,
    Result,
    TableState,
    UnitResult,
)
from intranet.plugins import build_plugin_manager
from tests.unit.rubric import sample
from tests.world import PASSWORD, Client, World, words

# What the sample rubric gives by hand:
#   both: A1.1 1, A1.2 2.5, A2 7 - 2 (one meeting) - 0.5 (quality) = 4.5, B1 0.3, B2 1, B3 15/100 of 20% -> 4.5, C1 6
#   g01: B4 first 4, B5 2 of 3 schools 5, B6 best 8, one absence -2: 8 + 22.8 + 6 - 2 = 34.8
#   g02: B4 second 3, B5 1 of 2 schools 5, B6 half 4: 8 + 17.8 + 6 = 31.8
TOTALS = {"g01": Fraction("34.8"), "g02": Fraction("31.8")}


def fill(world: World, code: str, *, pairs: int, grades: dict[str, str], absences: int | None) -> None:
    """One handed-in unit with everything the sample rubric asks, marked by the panel."""
    document = sample.facts().docs
    entry_id, by = world.entries[code], world.users["lead1"]
    with world.write() as session:

        def put(owner: str, key: str, value: Any, school_id: int = 0) -> None:
            row = Answer(
                entry_id=entry_id, owner=owner, school_id=school_id, key=key, value=value, changed_by=by
            )
            session.add(row)

        for key, value in {**document["school"]["fields"], "pairs": pairs}.items():
            put("school", key, value)
        for n in (1, 2):
            put("school", f"A2#{n}", True)
        for table in ("exchange", "awards"):
            for position, example in enumerate(document["school"]["tables"][table]):
                own = dict(zip(("sender", "receiver"), grades, strict=False)) if table == "exchange" else {}
                cells = {**example, **own}
                row = FactRow(entry_id=entry_id, table=table, position=position, cells=cells, created_by=by)
                session.add(row)
                if table == "exchange":
                    session.flush()
                    said = Confirmation(
                        entry_id=entry_id,
                        row_id=row.id or 0,
                        school_id=world.schools[cells["receiver"]],
                        row_version=row.version,
                        state=ConfirmState.CONFIRMED,
                        said_by=by,
                    )
                    session.add(said)
        session.add(TableState(entry_id=entry_id, table="resources", declared_empty=True))
        put("panel", "A2.quality", "0.5")
        if absences is not None:
            put("bureau", "absences", absences)
        for school, grade in grades.items():
            put("bureau", "grade", grade or None, world.schools[school])
        session.add(Mark(entry_id=entry_id, code="A1.2", role="self", points=Fraction(3), made_by=by))
        for login, points in (("rev1", "2"), ("rev2", "3")):
            user = world.users[login]
            session.add(
                Mark(
                    entry_id=entry_id,
                    code="A1.2",
                    role="panel",
                    user_id=user,
                    points=Fraction(points),
                    made_by=user,
                    reason="章程未修订",
                )
            )
        for login in ("rev1", "rev2"):
            user = world.users[login]
            session.add(
                Mark(
                    entry_id=entry_id,
                    code="C1.1",
                    role="visit",
                    user_id=user,
                    verdict="良",
                    points=Fraction(6),
                    made_by=user,
                )
            )
        entry = session.get(Entry, entry_id)
        assert entry is not None
        entry.state, entry.round, entry.submitted_at = SubmissionState.SUBMITTED, 1, datetime.now(UTC)
        session.add(entry)
        session.commit()


@pytest.fixture
def base(world: World) -> str:
    return f"/bureau/cycles/{world.cycle_id}"


@pytest.fixture
def filled(world: World, base: str) -> str:
    """Both units complete, the chair's deliberation running; the cycle's URL."""
    fill(world, "g01", pairs=2, grades={"s1": "甲等", "s2": "甲等", "s3": "乙等"}, absences=1)
    fill(world, "g02", pairs=1, grades={"s4": "乙等", "s5": "丙等"}, absences=0)
    world.move_to(CycleState.DELIBERATION)
    return base


def held(world: World) -> tuple[Result, list[UnitResult]]:
    with world.read() as session:
        result = session.exec(select(Result).order_by(col(Result.number).desc())).first()
        assert result is not None
        rows = session.exec(
            select(UnitResult).where(UnitResult.result_id == result.id).order_by(col(UnitResult.position))
        )
        return result, list(rows)


def change_absences(world: World, code: str, n: int) -> None:
    with world.write() as session:
        answer = session.exec(
            select(Answer).where(Answer.entry_id == world.entries[code], Answer.key == "absences")
        ).one()
        answer.value = n
        session.add(answer)
        session.commit()


def test_nothing_is_frozen_before_deliberation(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    text = admin.text(f"{base}/freeze")
    assert "进入合议阶段后才能冻结" in text
    assert "没有提交，未填的按 0 分计" in text
    assert admin.post(f"{base}/freeze", {}).status_code == 409
    assert "还没有结果" in admin.text(f"{base}/ranking")


def test_open_leaves_block_and_are_named(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    fill(world, "g01", pairs=2, grades={"s1": "甲等", "s2": ""}, absences=None)
    world.move_to(CycleState.DELIBERATION)
    admin = client_for("admin")
    text = admin.text(f"{base}/freeze")
    # without a tick that the charter exists, the gate of A1.2 is closed: 0, not open; the visit is missing
    assert "丁桥教育集团：1 条还没有评分结果（甲、示范" in text
    assert "甲山教育集团：" not in text
    assert "教育局数据还有空白" in text
    assert "甲山教育集团（3 处）" in text
    answer = admin.post(f"{base}/freeze", {"op": "f"})
    assert answer.status_code == 409
    with world.read() as session:
        assert session.exec(select(Result)).all() == []


def test_freezing_stores_ranks_ledger_facts_and_marks(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    assert "每一条都有得分" in admin.text(f"{filled}/freeze")
    assert admin.post(f"{filled}/freeze", {"op": "f1"}).status_code == 303
    assert admin.post(f"{filled}/freeze", {"op": "f1"}).status_code == 303  # sent twice, frozen once
    result, rows = held(world)
    assert (result.number, result.frozen_by, len(result.fingerprint)) == (1, world.users["admin"], 64)
    assert [(r.entry_id, r.position, r.rank, r.total) for r in rows] == [
        (world.entries["g01"], 1, 1, TOTALS["g01"]),
        (world.entries["g02"], 2, 2, TOTALS["g02"]),
    ]
    first = rows[0]
    assert first.document["sheet"]["A1.2"]["points"] == "2.5"
    assert first.document["subtotals"] == {"base": "30.8"}
    assert first.document["outcome"]["grade"] == "优秀"
    assert first.facts["docs"]["bureau"]["fields"] == {"absences": 1}
    said = [(m["code"], m["role"], m["by"], m["points"], m["verdict"]) for m in first.marks]
    assert said == [
        ("A1.2", "panel", "评委一", "2", None),
        ("A1.2", "panel", "评委二", "3", None),
        ("C1.1", "visit", "评委一", "6", "良"),
        ("C1.1", "visit", "评委二", "6", "良"),
    ]
    with world.read() as session:
        logged = session.exec(select(LogEntry).where(LogEntry.action == "result.freeze")).one()
        assert (logged.subject, logged.new) == ("1", result.fingerprint)


def test_warnings_must_be_ticked_one_by_one(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    with world.write() as session:
        answer = session.exec(select(Answer).where(Answer.key == "absences")).first()
        assert answer is not None
        session.delete(answer)
        session.commit()
    warning = "教育局数据还有空白：甲山教育集团（1 处）。空白不是 0，请核对。"
    assert warning in admin.text(f"{filled}/freeze")
    refused = admin.post(f"{filled}/freeze", {"accepted": "别的", "op": "w"})
    assert (refused.status_code, "请逐条看过提醒并勾选" in refused.get_data(as_text=True)) == (422, True)
    assert admin.post(f"{filled}/freeze", {"accepted": warning, "op": "w"}).status_code == 303
    assert held(world)[1][0].total == Fraction("36.8")


def test_the_ranking_reads_what_was_stored_and_nothing_else(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    admin.post(f"{filled}/freeze", {"op": "f"})
    change_absences(world, "g01", 9)
    text = admin.text(f"{filled}/ranking")
    assert "1 甲山教育集团" in text
    assert "甲山小学 30.8 −2 34.8 优秀" in text
    assert "丁桥小学 25.8 0 31.8 合格" in text
    assert "草案，未公示" in text
    assert "冻结后数据有改动" in admin.text(f"{filled}/freeze")


def test_one_unit_opens_to_its_indicators_and_their_ledger(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    admin.post(f"{filled}/freeze", {"op": "f"})
    url = f"{filled}/ranking/{world.entries['g01']}?code=A1"
    page = admin.text(url)
    assert "丁桥教育集团" in page  # the whole list, this unit opened
    assert "自评 3，差" not in page
    assert "评委一 2（章程未修订）；评委二 3（章程未修订）" in page
    answer = admin.get(url, headers={"HX-Request": "true"})
    html = answer.get_data(as_text=True)
    assert html.lstrip().startswith(f'<tbody id="unit-{world.entries["g01"]}"')
    text = words(html)
    assert "有章程" in text
    assert "合计 3.5 5 3.5" in text
    assert "缺席全区会议" in text
    closed = admin.get(f"{url}&closed=1", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "drill" not in closed
    assert admin.get(f"{filled}/ranking/{world.entries['g01']}?code=Z9").status_code == 404
    assert admin.get(f"{filled}/ranking/999").status_code == 404


def test_scoring_again_agrees_until_somebody_touches_the_stored_result(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    admin.post(f"{filled}/freeze", {"op": "f"})
    change_absences(world, "g01", 9)  # live data do not matter
    assert "一致：用存下的数据重算" in admin.text(f"{filled}/ranking/check")
    with world.write() as session:
        row = session.exec(select(UnitResult).where(UnitResult.entry_id == world.entries["g02"])).one()
        row.document = {**row.document, "total": "99", "rank": 1}
        session.add(row)
        session.commit()
    text = admin.text(f"{filled}/ranking/check")
    assert "不一致" in text
    assert "冻结指纹对不上" in text
    assert "丁桥教育集团：存的是 99 分、第 1 名，重算是 31.8 分、第 2 名。" in text


def test_freezing_again_needs_a_reason_and_lists_who_moved(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    admin.post(f"{filled}/freeze", {"op": "f1"})
    change_absences(world, "g01", 3)
    blocked = admin.post(f"{filled}/phase", {"to": "published", "accepted": "1"})
    assert (blocked.status_code, "冻结之后数据又有改动" in blocked.get_data(as_text=True)) == (409, True)
    assert admin.post(f"{filled}/freeze", {"op": "f2"}).status_code == 422
    assert admin.post(f"{filled}/freeze", {"op": "f3", "reason": "更正缺席次数"}).status_code == 303
    result, rows = held(world)
    assert (result.number, result.reason) == (2, "更正缺席次数")
    assert [(r.entry_id, r.rank, r.total) for r in rows] == [
        (world.entries["g02"], 1, Fraction("31.8")),
        (world.entries["g01"], 2, Fraction("30.8")),
    ]
    text = admin.text(f"{filled}/freeze")
    assert "第 2 次冻结后，2 个单位有变动" in text
    assert "甲山教育集团 34.8 30.8 1 2" in text
    with world.read() as session:
        assert len(session.exec(select(Result)).all()) == 2
    assert admin.post(f"{filled}/phase", {"to": "published", "accepted": "1"}).status_code == 303
    assert admin.post(f"{filled}/freeze", {"op": "f4", "reason": "再来"}).status_code == 409


def test_the_workbook_and_the_official_form_carry_the_stored_figures(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    assert admin.get(f"{filled}/ranking.xlsx").status_code == 404
    admin.post(f"{filled}/freeze", {"op": "f"})
    answer = admin.get(f"{filled}/ranking.xlsx")
    assert answer.headers["Content-Type"].endswith("spreadsheetml.sheet")
    book = load_workbook(BytesIO(answer.data), data_only=True)
    cells = [[c for c in row if c is not None] for row in book["排名"].iter_rows(values_only=True)]
    first = next(row for row in cells if "甲山教育集团" in row)
    assert first[0] == 1
    assert 34.8 in [c for c in first if isinstance(c, float)]
    form = admin.get(f"{filled}/ranking/{world.entries['g01']}/forms/report.xlsx")
    sheet = load_workbook(BytesIO(form.data), data_only=True).worksheets[0]
    rows = [row for row in sheet.iter_rows(values_only=True) if row[1] and "章程" in str(row[1])]
    assert [float(rows[0][n]) for n in (2, 3, 4)] == [
        5,
        4,
        3.5,
    ]  # 分值, 自评分 (computed 1 + typed 3), 考核得分
    assert admin.get(f"{filled}/ranking/{world.entries['g01']}/forms/none.xlsx").status_code == 404


def test_without_its_plugin_a_result_stays_readable_and_freezing_is_refused(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    client_for("admin").post(f"{filled}/freeze", {"op": "f"})
    bare = create_app(world.settings, build_plugin_manager(entry_points=False))
    admin = Client(bare.test_client())
    admin.post("/sign-in", {"login": "admin", "password": PASSWORD})
    text = admin.text(f"{filled}/ranking/{world.entries['g01']}?code=B5")
    assert "插件没有安装" in text
    assert "34.8" in text
    assert "结对学校占比" in text
    assert "指纹一致" in admin.text(f"{filled}/ranking/check")
    refused = admin.post(f"{filled}/freeze", {"op": "g", "reason": "再冻"})
    assert (refused.status_code, "插件没有安装，不能算分" in refused.get_data(as_text=True)) == (409, True)
    assert admin.get(f"{filled}/ranking.xlsx").status_code == 200
    listing = admin.text("/bureau/cycles")
    assert "还没有安装考核办法" in listing
    assert "插件未安装" in listing
    bare.extensions["intranet"].engine.dispose()


def test_leaders_and_auditors_read_the_list_and_change_nothing(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    leader = client_for("leader")
    assert "还没有考核结果" in leader.text("/leader")
    assert "还没有冻结结果" in leader.text(f"/leader/cycles/{world.cycle_id}")
    client_for("admin").post(f"{filled}/freeze", {"op": "f"})
    for login in ("leader", "auditor"):
        reader = client_for(login)
        assert "草案，未公示" in reader.text("/leader")
        page = reader.text(f"/leader/cycles/{world.cycle_id}")
        assert "平均 33.3 分" in page
        assert "1 甲山教育集团 优秀" in page
        assert "评委一 2" in reader.text(
            f"/leader/cycles/{world.cycle_id}/ranking/{world.entries['g01']}?code=A1"
        )
        assert reader.get(f"{filled}/ranking.xlsx").status_code == 200
        assert reader.get(f"{filled}/ranking").status_code == 403
        assert reader.get(f"{filled}/freeze").status_code == 403
        assert reader.post(f"{filled}/freeze", {"op": "x"}).status_code == 403
    for login in ("lead1", "rev1"):
        assert client_for(login).get("/leader").status_code == 403


def test_the_next_cycle_remembers_rank_and_total(
    world: World, filled: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    admin.post(f"{filled}/freeze", {"op": "f"})
    admin.post(f"{filled}/phase", {"to": "published", "accepted": "1"})
    admin.post("/bureau/cycles/new", {"title": "下一年", "rubric": "sample", "op": "n"})
    with world.read() as session:
        cycle = session.exec(select(Cycle).order_by(col(Cycle.id).desc())).first()
        assert cycle is not None
    base = f"/bureau/cycles/{cycle.id}"
    admin.post(f"{base}/rulings", {})
    dates = {"filing_from": "2031-01-01", "filing_until": "2191-01-01", "review_until": "2192-01-01"}
    assert admin.post(f"{base}/dates", dates).status_code == 422  # beyond 2100 is a slip
    dates = {"filing_from": "2031-01-01", "filing_until": "2098-01-01", "review_until": "2099-01-01"}
    admin.post(f"{base}/dates", dates)
    admin.post(f"{base}/units", {"unit": list(world.units.values())})
    admin.post(f"{base}/panel", {"chair": world.users["chair"]})
    page = admin.get(f"{base}/open").get_data(as_text=True)
    seen = page.split('name="seen" value="', 1)[1].split('"', 1)[0]
    assert admin.post(f"{base}/open", {"seen": seen}).status_code == 303
    with world.read() as session:
        entries = session.exec(select(Entry).where(Entry.cycle_id == cycle.id).order_by(col(Entry.code)))
        assert [json.loads(json.dumps(e.prior)) for e in entries] == [
            {"rank": 1, "total": "34.8", "grade": "优秀"},
            {"rank": 2, "total": "31.8", "grade": "合格"},
        ]
