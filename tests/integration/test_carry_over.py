"""Carrying over from the last cycle, also under a rubric that has changed; marked until looked at."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from sqlmodel import col, select

from intranet.enums import CycleState, Role, SchoolRole, SubmissionState
from intranet.models import (
    Cycle,
    Declaration,
    Entry,
    EntrySchool,
    Evidence,
    EvidenceLink,
    FactRow,
    Grant,
    LogEntry,
)
from intranet.rubric import loader
from intranet.storage.local import LocalStore
from tests.integration.filing_ground import PDF, at, log, upload
from tests.unit.rubric import sample
from tests.world import Client, World, words

SignIn = Callable[[str], Client]

NEXT = (
    sample.SAMPLE.replace('materials = ["会议方案", "会议纪要"]', 'materials = ["会议纪要", "会议照片"]', 1)
    .replace(
        'options = ["定期", "不定期"], required = true},\n  {key = "sender"',
        'options = ["定期"], required = true},\n  {key = "sender"',
        1,
    )
    .replace(
        '{key = "document", label = "文件", type = "tick"},',
        '{key = "paper", label = "文号", type = "text"},',
        1,
    )
    .replace('require = [{column = "document"', 'require = [{column = "paper"', 1)
)
"""Next year's rubric: 会议方案 is gone and 会议纪要 is the first material; no 不定期; 文件 became 文号."""


def stay(person: str, start: str, end: str = "", **more: str) -> dict[str, str]:
    cells = {
        "person": person,
        "category": "定期",
        "sender": "s1",
        "receiver": "s2",
        "start": start,
        "end": end,
    }
    return {f"c:{key}": value for key, value in {**cells, "document": "true", **more}.items()}


def filed_last_year(world: World) -> dict[str, int]:
    """Row ids by person."""
    rows = [
        stay("甲某 001", "2030-09-01"),  # still there
        stay("乙某 002", "2030-09-01", "2031-07-01"),  # until the first day of the new time
        stay("丙某 003", "2030-09-01", "2031-06-30"),  # until the day before
        stay("丁某 004", "2030-09-01", category="不定期"),
        stay("戊某 005", "2030-09-01", receiver="s3"),  # to a school that leaves the unit
        stay("己某 006", "", months="3"),
    ]
    with world.write() as session:
        entry, by = world.entries["g01"], world.users["lead1"]
        found = []
        for n, typed in enumerate(rows, 1):
            cells = {key.removeprefix("c:"): text or None for key, text in typed.items()} | {"document": True}
            found.append(FactRow(entry_id=entry, table="exchange", position=n, cells=cells, created_by=by))
        award = {"winner": "庚某", "level": "市级"}
        session.add(FactRow(entry_id=entry, table="awards", position=1, cells=award, created_by=by))
        session.add_all(found)
        session.commit()
        return {row.cells["person"][:2]: row.id or 0 for row in found}


def document(
    world: World, number: int, name: str, ref: str, period: Sequence[str | None] = (None, None)
) -> None:
    """A file at a place, with the time that it speaks of."""
    store = LocalStore(world.settings.evidence_folder)
    received = store.receive(io.BytesIO(PDF + name.encode() + b"\n%%EOF"))
    store.keep(received)
    first, last = (date.fromisoformat(day) if day else None for day in period)
    with world.write() as session:
        item = Evidence(
            entry_id=world.entries["g01"],
            number=number,
            sha256=received.sha256,
            name=name,
            media_type="application/pdf",
            size=received.size,
            period_from=first,
            period_until=last,
            uploaded_by=world.users["lead1"],
        )
        session.add(item)
        session.flush()
        session.add(EvidenceLink(evidence_id=item.id or 0, entry_id=item.entry_id, ref=ref))
        session.commit()


def next_cycle(world: World, *, text: str = NEXT, state: CycleState = CycleState.FILING) -> World:
    """The unit's entry in a later cycle; 丙林初级中学 has left, 丁桥小学 has joined."""
    definition, now = loader.load(text), datetime.now(UTC)
    with world.write() as session:
        old = session.get(Cycle, world.cycle_id)
        assert old is not None
        old.state = CycleState.FINAL
        new = Cycle(
            title="下年度考核",
            rubric_key=old.rubric_key,
            rubric_version="2",
            rubric_title=old.rubric_title,
            definition=text,
            fingerprint=definition.fingerprint({}),
            state=state,
            filing_from=now - timedelta(days=1),
            filing_until=now + timedelta(days=9),
            review_until=now + timedelta(days=20),
        )
        session.add_all([old, new])
        session.flush()
        entries = {}
        for unit, schools in (("g01", ("s1", "s2", "s4")), ("g02", ("s4", "s5"))):
            before = session.get(Entry, world.entries[unit])
            assert before is not None
            entry = Entry(cycle_id=new.id or 0, unit_id=before.unit_id, code=unit, name=before.name)
            session.add(entry)
            session.flush()
            entries[unit] = entry.id or 0
            for n, code in enumerate(schools):
                known = session.exec(select(EntrySchool).where(EntrySchool.code == code)).first()
                assert known is not None
                session.add(
                    EntrySchool(
                        entry_id=entry.id or 0,
                        school_id=known.school_id,
                        code=code,
                        name=known.name,
                        stage=known.stage,
                        role=SchoolRole.MEMBER if n else SchoolRole.LEAD,
                    )
                )
        session.commit()
        return replace(world, cycle_id=new.id or 0, entries=entries)


def carried(world: World) -> tuple[list[FactRow], dict[str, tuple[Evidence, list[str]]]]:
    entry = world.entries["g01"]
    with world.read() as session:
        rows = session.exec(select(FactRow).where(FactRow.entry_id == entry).order_by(col(FactRow.id))).all()
        items = session.exec(select(Evidence).where(Evidence.entry_id == entry)).all()
        links = session.exec(select(EvidenceLink).where(EvidenceLink.entry_id == entry)).all()
    return list(rows), {e.name: (e, [x.ref for x in links if x.evidence_id == e.id]) for e in items}


@pytest.fixture
def lead(client_for: SignIn) -> Client:
    return client_for("lead1")


@pytest.fixture
def year(world: World) -> World:
    """The new cycle's world, after a year in which much was filed."""
    ids = filed_last_year(world)
    for n, (name, ref, first, last) in enumerate(
        [
            ("章程.pdf", "clause:A1", "2029-09-01", None),
            ("协议.pdf", "slot:A2#2", "2029-09-01", "2031-07-01"),
            ("方案.pdf", "slot:A2#1", "2029-09-01", "2032-07-01"),
            ("旧纪要.pdf", "slot:A2#2", "2030-09-01", "2031-06-30"),
            ("照片.pdf", "slot:A2#2", None, None),
            ("任命.pdf", f"row:{ids['甲某']}", None, None),
            ("期满.pdf", f"row:{ids['丙某']}", None, None),
        ],
        1,
    ):
        document(world, n, name, ref, (first, last))
    return next_cycle(world)


def take(lead: Client, year: World) -> str:
    answer = lead.post(at(year, rest="/carry"))
    assert answer.status_code == 303, words(answer.get_data(as_text=True))
    return lead.text(answer.headers["Location"])


# --- the preview ----------------------------------------------------------------------------------


def test_the_preview_says_what_comes_what_does_not_and_why(lead: Client, year: World) -> None:
    page = unescape(lead.text(at(year, rest="/carry")))
    assert "来自“示例年度考核”" in page
    assert "仍在进行的 2 行" in page
    assert "甲某 001，定期，甲山小学，乙水小学，2030-09-01 — 今" in page
    assert page.count("现在没有“文件”这一列（是）") == 3  # of two rows that come and one that does not
    assert "仍然有效的 4 份材料" in page
    assert "章程.pdf 2029-09-01 起长期有效 原来的位置，1 处" in page
    assert "协议.pdf 有效到 2031-07-01 原来的位置，1 处" in page
    assert "方案.pdf 原来的位置“会议方案”现在没有了 有效到 2032-07-01 材料库" in page
    assert "任命.pdf 证明结转的行 原来的位置，1 处" in page
    for what, why in (
        ("教师交流名册 1 行", "2031-07-01 以前已结束"),
        ("教师交流名册 1 行", "没有写起止日期"),
        ("教师交流名册“丁某 004，", "“类别”的“不定期”现在不能选"),
        ("奖励 1 行", "只记当年的事，每年重新填"),
        ("教师交流名册“戊某 005，", "“丙林初级中学”已不在本单位"),
        ("2 份材料", "没有写材料所属时间"),
        ("1 份材料", "2031-07-01 以前的"),
        ("填报项、次数、自评分", "每年重新填"),
        ("新加入：丁桥小学", "已退出：丙林初级中学"),
    ):
        assert what in page
        assert why in page
    assert carried(year) == ([], {})


def test_it_is_offered_on_the_overview_of_an_open_entry(
    lead: Client, year: World, client_for: SignIn
) -> None:
    text = lead.text(at(year))
    assert "“示例年度考核”里有 2 行仍在进行、4 份材料仍然有效" in text
    assert "结转上次内容" not in client_for("rev1").text(at(year))
    take(lead, year)
    assert "看看有什么" not in lead.text(at(year))


def test_nothing_to_carry_nothing_offered(lead: Client, world: World) -> None:
    assert "结转上次内容" not in lead.text(at(world))
    assert lead.get(at(world, rest="/carry")).status_code == 404
    year = next_cycle(world)
    assert "结转上次内容" not in lead.text(at(year))
    answer = lead.post(at(year, rest="/carry"))
    assert (answer.status_code, "没有可以结转的内容" in answer.get_data(as_text=True)) == (422, True)


# --- taking over ----------------------------------------------------------------------------------


def test_rows_and_documents_come_marked(lead: Client, year: World) -> None:
    text = take(lead, year)
    assert "已结转 2 行、4 份材料" in text
    rows, items = carried(year)
    blank = {"end": None, "months": None, "paper": None}
    stays = {"sender": "s1", "receiver": "s2", "start": "2030-09-01"}
    assert [row.cells for row in rows] == [
        {"person": "甲某 001", "category": "定期", **stays, **blank},
        {"person": "乙某 002", "category": "定期", **stays, **blank, "end": "2031-07-01"},
    ]
    assert [(r.carried, r.position, r.created_by) for r in rows] == [
        (True, n, year.users["lead1"]) for n in (1, 2)
    ]
    assert {name: (e.number, e.carried, refs) for name, (e, refs) in items.items()} == {
        "章程.pdf": (1, True, ["clause:A1"]),
        "协议.pdf": (2, True, ["slot:A2#1"]),  # by its name: 会议纪要 is the first now
        "任命.pdf": (3, True, [f"row:{rows[0].id}"]),
        "方案.pdf": (4, True, []),  # what proves nothing comes last
    }
    assert items["章程.pdf"][0].period_from == date(2029, 9, 1)
    with year.read() as session:
        entry = session.get(Entry, year.entries["g01"])
        assert entry is not None
        assert entry.carried_from == 1
    found = log(year, "carry.take")[0]
    assert (found.user_name, found.new) == ("填报甲", {"from": "示例年度考核", "rows": 2, "files": 4})
    told = [e.subject for e in log(year, "evidence.add") if e.entry_id == year.entries["g01"]]
    assert sorted(told) == sorted(f"file:{e.id}" for e, _refs in items.values())
    added = [e for e in log(year, "row.add") if e.entry_id == year.entries["g01"]]
    assert [e.reason for e in added] == ["结转自“示例年度考核”"] * 2
    with lead.get(f"/files/{items['章程.pdf'][0].id}") as served:
        assert served.data.startswith(PDF)


def test_twice_is_once(lead: Client, year: World) -> None:
    take(lead, year)
    assert "已经结转过了，没有重复结转。" in take(lead, year)
    rows, items = carried(year)
    assert (len(rows), len(items), len(log(year, "carry.take"))) == (2, 4, 1)


def test_what_is_filed_already_is_left_alone(lead: Client, year: World) -> None:
    row = {k: v for k, v in stay("新某 009", "2031-09-01").items() if k != "c:document"}
    assert lead.post(at(year, "B1", "/tables/exchange/rows"), row, htmx=True).status_code == 200
    upload(lead, year, "A1", "clause:A1", ("新章程.pdf", PDF + "章程.pdf".encode() + b"\n%%EOF"))
    page = lead.text(at(year, rest="/carry"))
    assert "这张表今年已经填了，不再结转" in page
    assert "章程.pdf 材料库里已有同样的文件" in page
    take(lead, year)
    rows, items = carried(year)
    assert [r.cells["person"] for r in rows] == ["新某 009"]
    assert sorted(items) == ["协议.pdf", "新章程.pdf", "方案.pdf"]


def test_who_and_when(lead: Client, client_for: SignIn, year: World) -> None:
    for login, status in (("member1", 404), ("lead2", 404), ("rev1", 403), ("admin", 403)):
        assert client_for(login).post(at(year, rest="/carry")).status_code == status, login
    with year.write() as session:
        entry = session.get(Entry, year.entries["g01"])
        assert entry is not None
        entry.state = SubmissionState.SUBMITTED
        session.add(entry)
        session.commit()
    assert lead.post(at(year, rest="/carry")).status_code == 409
    assert carried(year) == ([], {})


def test_over_the_quota_nothing_comes(lead: Client, year: World, app: object) -> None:
    app.extensions["intranet"].settings.quota_per_unit = 10  # type: ignore[attr-defined]
    answer = lead.post(at(year, rest="/carry"))
    assert (answer.status_code, "材料已到上限" in answer.get_data(as_text=True)) == (422, True)
    assert carried(year) == ([], {})


# --- looked at ------------------------------------------------------------------------------------


def test_rows_are_marked_until_somebody_looks(lead: Client, year: World) -> None:
    take(lead, year)
    first, second = (r.id for r in carried(year)[0])
    page = lead.text(at(year, "B1"))
    assert page.count("上次结转，待核对") == 2
    assert "2 行是上次结转的" in page
    answer = lead.post(at(year, "B1", f"/rows/{first}/confirm"), htmx=True)
    assert words(answer.get_data(as_text=True)).count("上次结转，待核对") == 1
    same = {**stay("乙某 002", "2030-09-01", "2031-07-01"), "version": "1"}
    assert lead.post(at(year, "B1", f"/rows/{second}"), same, htmx=True).status_code == 200
    assert [(r.carried, r.version) for r in carried(year)[0]] == [(False, 1), (False, 1)]
    assert "上次结转" not in lead.text(at(year, "B1"))
    assert [e.subject for e in log(year, "carry.confirm")] == [f"exchange:{first}", f"exchange:{second}"]


def test_changing_a_row_is_looking_at_it(lead: Client, year: World) -> None:
    take(lead, year)
    second = carried(year)[0][1].id
    edited = {**stay("乙某 002", "2030-09-01", "2031-07-31"), "version": "1"}
    assert lead.post(at(year, "B1", f"/rows/{second}"), edited, htmx=True).status_code == 200
    assert [(r.carried, r.version) for r in carried(year)[0]] == [(True, 1), (False, 2)]


def test_a_whole_table_at_once(lead: Client, year: World) -> None:
    take(lead, year)
    answer = lead.post(at(year, "B1", "/tables/exchange/confirm"))
    assert answer.status_code == 303
    assert [r.carried for r in carried(year)[0]] == [False, False]


def test_documents_are_marked_until_somebody_looks(lead: Client, year: World) -> None:
    take(lead, year)
    item = carried(year)[1]["章程.pdf"][0]
    assert "待核对" in lead.text(at(year, "A1"))
    assert lead.text(at(year, rest="/evidence")).count("上次结转，待核对") == 4
    answer = lead.post(at(year, rest=f"/evidence/{item.id}/confirm"), {"next": at(year, rest="/evidence")})
    assert answer.headers["Location"].endswith("/evidence")
    assert carried(year)[1]["章程.pdf"][0].carried is False
    assert "待核对" not in lead.text(at(year, "A1"))


def test_the_check_warns_of_what_was_not_looked_at(lead: Client, year: World) -> None:
    take(lead, year)
    page = lead.text(at(year, rest="/check"))
    assert "上次结转的 1 份材料还没有核对" in page  # A1
    assert "上次结转的 2 行、1 份材料还没有核对" in page  # B1
    overview = lead.text(at(year))
    assert "上次结转，待核对" in overview
    assert "2 行 1 份材料" in overview


def test_the_panel_sees_the_mark(lead: Client, client_for: SignIn, year: World) -> None:
    take(lead, year)
    with year.write() as session:
        entry = session.get(Entry, year.entries["g01"])
        assert entry is not None
        entry.state = SubmissionState.SUBMITTED
        session.add(entry)
        session.add(Grant(user_id=year.users["rev1"], role=Role.REVIEWER, cycle_id=year.cycle_id))
        session.add(Declaration(user_id=year.users["rev1"], cycle_id=year.cycle_id))
        session.commit()
    year.move_to(CycleState.REVIEW)
    html = (
        client_for("rev1").get(f"/panel/entries/{year.entries['g01']}/indicators/B1").get_data(as_text=True)
    )
    assert words(html).count("上次结转，学校未核对") >= 2
    assert "任命.pdf（上次结转，学校未核对）" in html


# --- the bureau -----------------------------------------------------------------------------------


def test_the_bureau_carries_over_for_all_units(client_for: SignIn, year: World) -> None:
    clerk, where = client_for("admin"), f"/bureau/cycles/{year.cycle_id}/carry"
    page = clerk.text(where)
    assert "甲山教育集团 示例年度考核 2 4 可以结转" in page
    assert "丁桥教育集团 示例年度考核 0 0 没有可结转的" in page
    answer = clerk.post(where)
    assert answer.status_code == 303
    assert "已为 1 个单位结转" in clerk.text(answer.headers["Location"])
    assert "甲山教育集团 示例年度考核 — — 已结转" in clerk.text(where)
    rows, items = carried(year)
    assert (len(rows), len(items)) == (2, 4)
    found = log(year, "carry.take")[0]
    assert (found.user_name, found.reason) == ("管小局", "代“甲山教育集团”结转上次内容")
    clerk.post(where)
    assert len(carried(year)[0]) == 2


def test_the_rubric_may_name_the_day(lead: Client, world: World) -> None:
    """``since`` of the new rubric stands before the end of the last one."""
    filed_last_year(world)
    since = sample.SAMPLE.replace('until = "@cutoff"', 'until = "@cutoff"\nsince = "2031-06-30"', 1)
    year = next_cycle(world, text=since)
    page = lead.text(at(year, rest="/carry"))
    assert "仍在进行的 3 行" in page
    assert "丙某 003" in page
    assert "现在没有指标用到这一行" in page  # 不定期
    with year.read() as session:
        assert session.exec(select(LogEntry).where(LogEntry.action == "carry.take")).all() == []
