"""The check, handing in once, the receipt, returns, official forms, progress."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

import openpyxl
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlmodel import select

from intranet.domain.scoring import score_entries, scoring_for
from intranet.enums import CycleState, Role, SubmissionState
from intranet.models import Answer, Cycle, Entry, Grant, Mark, Result, Return, UnitResult
from intranet.queries.entries import returns_of
from intranet.queries.filing import Cell, pages, progress
from intranet.rubric.engine import score_cohort
from intranet.rubric.ledger import result_to_json
from tests.integration.filing_ground import PDF, at, entry, log, return_for, save, upload
from tests.world import Client, World, words

SignIn = Callable[[str], Client]


def fill(client: Client, world: World) -> None:
    """Everything the sample rubric asks of g01."""
    for code, values in {
        "A1": {"A1.1.charter": "true", "A1.1.council": "true"},
        "A2": {"A2.done": "true", "A2.上学期": "2", "A2.下学期": "2", "A2.no_plan": "false"},
        "B3": {"took_part": "20", "teachers": "100"},
        "B5": {"pairs": "2"},
    }.items():
        for name, text in values.items():
            assert save(client, world, code, name, text).status_code == 200
    for code, table in (("B1", "exchange"), ("B2", "awards"), ("C1", "resources")):
        answer = client.post(at(world, code, f"/tables/{table}/empty"), {"declared": "1"}, htmx=True)
        assert answer.status_code == 200
    upload(client, world, "A2", "slot:A2#1", ("方案.pdf", PDF))
    client.post(at(world, "A2", "/slots"), {"slot": "A2#2", "absent": "1"}, htmx=True)
    client.post(at(world, "A1", "/self/A1.2"), {"points": "2.5"}, htmx=True)
    client.post(at(world, "C1", "/self/C1.1"), {"verdict": "良"}, htmx=True)


def test_check_lists_what_is_missing_and_lets_it_pass_knowingly(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    text = client.text(at(world, rest="/check"))
    assert "缺材料：会议方案、会议纪要。确实没有的请注明" in text
    assert "还没填：有章程、有理事会" in text
    refused = client.post(at(world, rest="/submit"))
    assert refused.status_code == 422
    assert "请先勾选“已核对上面的提示”。" in words(refused.get_data(as_text=True))
    assert entry(world).state == SubmissionState.OPEN
    assert client.post(at(world, rest="/submit"), {"known": "1"}).location == at(world, rest="/receipt")
    assert entry(world).state == SubmissionState.SUBMITTED


def test_errors_block(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    fill(client, world)
    save(client, world, "B5", "pairs", "9", version=1)
    text = client.text(at(world, rest="/check"))
    assert "1 处错误" in text
    assert "结对学校数超过成员学校数" in text
    refused = client.post(at(world, rest="/submit"), {"known": "1"})
    assert refused.status_code == 422
    assert "有 1 处错误，改好后才能提交。" in words(refused.get_data(as_text=True))
    assert entry(world).state == SubmissionState.OPEN


def test_a_full_entry_is_handed_in_once(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    fill(client, world)
    assert "没有错误，也没有缺的材料。" in client.text(at(world, rest="/check"))
    for _time in range(2):
        assert client.post(at(world, rest="/submit")).status_code == 303
    stored = entry(world)
    assert (stored.state, stored.round) == (SubmissionState.SUBMITTED, 1)
    assert [(x.old["round"], x.new["round"]) for x in log(world, "entry.submit")] == [(0, 1)]
    assert save(client, world, "B3", "teachers", "90", version=1).status_code == 409
    text = client.text(at(world, rest="/receipt"))
    assert "甲山教育集团" in text
    # 4.5 + 6 (one material short) + 0 + 0 + 6 + 5 and 6 for 良; B4 and B6 wait for all units
    assert "自评分 27.5 / 42" in text
    assert "另有 12 分待全部单位提交后计算" in text


def test_two_tabs_at_once_hand_in_once(world: World, app: Flask, client_for: SignIn) -> None:
    fill(client_for("lead1"), world)
    clients = [client_for("lead1") for _n in range(4)]
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda c=c: statuses.append(c.post(at(world, rest="/submit")).status_code))
        for c in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [303] * 4
    assert entry(world).round == 1
    assert len(log(world, "entry.submit")) == 1


@pytest.mark.parametrize(
    ("login", "status"), [("helper1", 403), ("member1", 404), ("lead2", 404), ("admin", 403)]
)
def test_only_the_lead_school_hands_in(world: World, client_for: SignIn, login: str, status: int) -> None:
    assert client_for(login).post(at(world, rest="/submit"), {"known": "1"}).status_code == status
    assert entry(world).state == SubmissionState.OPEN


def test_resubmitting_closes_the_return(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    fill(client, world)
    client.post(at(world, rest="/submit"))
    return_for(world, "A2")
    assert "退回修改" in client.text(at(world))
    assert save(client, world, "A2", "A2.下学期", "1", version=1).status_code == 200
    assert client.post(at(world, rest="/submit")).status_code == 303
    stored = entry(world)
    assert (stored.state, stored.round) == (SubmissionState.SUBMITTED, 2)
    with world.read() as session:
        assert all(r.closed_at is not None for r in session.exec(select(Return)))


def test_past_the_deadline(world: World, client_for: SignIn) -> None:
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.filing_until = datetime(2024, 5, 16, 10, 0, tzinfo=UTC)
        session.add(cycle)
        session.commit()
    answer = client_for("lead1").post(at(world, rest="/submit"), {"known": "1"})
    assert answer.status_code == 409
    assert "填报已在 5 月 16 日 18:00 截止。需要延期请联系教育局。" in words(answer.get_data(as_text=True))


# --- what the school sees ------------------------------------------------------------------------


def test_nothing_of_the_panels_is_seen_before_publication(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    fill(client, world)
    before = client.text(at(world, "A1"))
    panel_says(world, "A1.2", "panel", points=Fraction("0.77"))
    assert client.text(at(world, "A1")) == before
    for path in (at(world), at(world, "A1"), at(world, rest="/check"), at(world, rest="/forms/report")):
        page = client.text(path)
        assert "0.77" not in page
        assert "保密的意见" not in page
    assert client.get(at(world, rest="/result")).status_code == 404


def test_official_form_on_screen_and_as_xlsx(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    fill(client, world)
    page = client.get(at(world, rest="/forms/report")).get_data(as_text=True)
    assert '<td class="left" rowspan="2">一 制度</td>' in page
    assert '<td class="right">4.5</td>' in page
    answer = client.get(at(world, rest="/forms/report.xlsx"))
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    values = [cell for row in sheet.iter_rows(values_only=True) for cell in row]
    assert "每学期召开理事会不少于2次(7分)" in values
    assert 4.5 in values
    assert client.get(at(world, rest="/forms/nothing")).status_code == 404


def panel_says(
    world: World, code: str, role: str, *, points: Fraction | None = None, verdict: str | None = None
) -> None:
    with world.write() as session:
        for login in ("rev1", "rev2"):
            user = world.users[login]
            said = {"points": points, "verdict": verdict, "reason": "保密的意见"}
            own = Mark(
                entry_id=world.entries["g01"], code=code, role=role, user_id=user, made_by=user, **said
            )
            session.add(own)
        session.commit()


def test_published_result_is_the_stored_one(world: World, app: Flask, client_for: SignIn) -> None:
    client = client_for("lead1")
    fill(client, world)
    with world.write() as session:  # B4: ranks need the bureau's grades
        for code in ("s1", "s2", "s3"):
            session.add(
                Answer(
                    entry_id=world.entries["g01"],
                    owner="bureau",
                    school_id=world.schools[code],
                    key="grade",
                    value="甲等",
                    changed_by=world.users["admin"],
                )
            )
        session.add(
            Answer(
                entry_id=world.entries["g01"],
                owner="bureau",
                key="absences",
                value=1,
                changed_by=world.users["admin"],
            )
        )
        session.commit()
    panel_says(world, "A1.2", "panel", points=Fraction(2))
    panel_says(world, "C1.1", "visit", verdict="优")
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        scoring = scoring_for(cycle, app.extensions["intranet"].registry)
        entries = [session.get(Entry, i) for i in world.entries.values()]
        sheets = score_entries(session, cycle, scoring, [e for e in entries if e])
        results = score_cohort(scoring.rubric, [s.facts for s in sheets.values()], scoring.hooks)
        freeze = Result(
            cycle_id=world.cycle_id,
            number=1,
            fingerprint="f",
            rubric_fingerprint=cycle.fingerprint,
            frozen_by=world.users["admin"],
        )
        session.add(freeze)
        session.flush()
        for place, found in enumerate(results):
            session.add(
                UnitResult(
                    result_id=freeze.id or 0,
                    entry_id=world.entries[found.unit],
                    position=place,
                    rank=found.rank,
                    total=found.total,
                    document=result_to_json(found),
                    facts={},
                )
            )
        session.commit()
        expected = next(r for r in results if r.unit == "g01")
    # A1 2 + 2, A2 7 − 1; B3 6, B4 first of one 4, B5 5, B6 8; C1 10; one absence −2
    assert expected.total == Fraction(41)
    world.move_to(CycleState.DELIBERATION)
    assert client.get(at(world, rest="/result")).status_code == 404
    world.move_to(CycleState.PUBLISHED)
    text = client.text(at(world, rest="/result"))
    assert "总分 41" in text
    assert "名次 1" in text
    assert "缺材料：会议纪要 −1" in text
    assert client_for("lead2").get(at(world, rest="/result")).status_code == 404


# --- progress ------------------------------------------------------------------------------------


def cells(world: World, app: Flask) -> dict[int, dict[str, Cell]]:
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        scoring = scoring_for(cycle, app.extensions["intranet"].registry)
        entries = [e for e in (session.get(Entry, i) for i in world.entries.values()) if e is not None]
        sheets = score_entries(session, cycle, scoring, entries)
        return progress(scoring.rubric, sheets, returns_of(session, list(sheets)))


def test_progress_by_indicator(world: World, app: Flask, client_for: SignIn) -> None:
    client = client_for("lead1")
    own, other = world.entries["g01"], world.entries["g02"]
    begin = cells(world, app)[own]
    assert {code: c.state for code, c in begin.items()} == {
        "A1": "none", "A2": "none", "B1": "none", "B2": "none", "B3": "none", "B4": "done", "B5": "none",
        "B6": "done", "C1": "none",
    }  # fmt: skip
    assert [code for code, c in begin.items() if not c.is_asked] == ["B4", "B6"]
    assert begin["A2"].missing == 2
    save(client, world, "A2", "A2.done", "true")
    assert cells(world, app)[own]["A2"].state == "doing"
    for name, text in {"A2.上学期": "2", "A2.下学期": "2", "A2.no_plan": "false"}.items():
        save(client, world, "A2", name, text)
    now = cells(world, app)[own]["A2"]
    assert (now.state, now.missing, [a.label for a in now.todo]) == ("miss", 2, ["会议方案", "会议纪要"])
    fill_rest = {"slot": "A2#1", "absent": "1"}
    client.post(at(world, "A2", "/slots"), fill_rest)
    assert cells(world, app)[own]["A2"].missing == 1
    client.post(at(world, "A2", "/slots"), {"slot": "A2#2", "absent": "1"})
    assert cells(world, app)[own]["A2"] == Cell("done")
    client.post(at(world, rest="/submit"), {"known": "1"})
    assert {c.state for c in cells(world, app)[own].values()} == {"done"}
    return_for(world, "A2")
    after = cells(world, app)
    assert (after[own]["A2"].state, after[own]["A1"].state) == ("back", "done")
    assert after[other]["A2"].state == "none"


def test_pages_take_a_fixed_number_of_queries(world: World, app: Flask, client_for: SignIn) -> None:
    client = client_for("lead1")
    counted: list[str] = []
    engine = app.extensions["intranet"].engine

    def queries(path: str) -> int:
        counted.clear()
        assert client.get(path).status_code == 200
        return len(counted)

    sa.event.listen(
        engine, "before_cursor_execute", lambda _c, _cur, statement, *_rest: counted.append(statement)
    )
    paths = (at(world), at(world, "B2"), at(world, rest="/evidence"))

    def more(n: int) -> None:
        text = "".join(f"人{n}-{i}\t市级\n" for i in range(n))
        client.post(at(world, "B2", "/tables/awards/paste"), {"text": text, "accept": "1", "op": f"p{n}"})
        upload(client, world, "B2", "clause:B2", *((f"{n}-{i}.txt", f"{n}-{i}".encode()) for i in range(n)))

    more(1)
    few = [queries(path) for path in paths]
    more(29)
    assert [queries(path) for path in paths] == few


def test_a_contributor_of_the_lead_school_helps_too(world: World, client_for: SignIn) -> None:
    with world.write() as session:
        session.add(
            Grant(user_id=world.users["leader"], role=Role.CONTRIBUTOR, school_id=world.schools["s1"])
        )
        session.commit()
    client = client_for("leader")
    assert upload(client, world, "A2", "slot:A2#1", ("一.pdf", PDF)).status_code == 200
    assert save(client, world, "A2", "A2.done", "true").status_code == 403


def test_every_page_of_the_rubric_has_a_home(world: World, app: Flask) -> None:
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        rubric = scoring_for(cycle, app.extensions["intranet"].registry).rubric
    laid_out = pages(rubric)
    assert [p.code for p in laid_out] == [c.code for c in rubric.indicators]
    assert {k for p in laid_out for k in p.tables} == set(rubric.table)
    housed = [f.key for p in laid_out for f in p.fields]
    assert sorted([*housed, "absences"]) == sorted(rubric.all_fields)
