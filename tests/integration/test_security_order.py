"""Steps out of order, twice, at once, or broken in the middle: refused or done once, and nothing half."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlmodel import col, select

from intranet.enums import CycleState, SubmissionState
from intranet.models import Cycle, Entry, FactRow, LogEntry, Result
from tests.integration.filing_ground import PDF, answers, at, entry, log, return_for, rows, save, upload
from tests.integration.security_ground import everything, facts_of_all, lay
from tests.integration.test_bureau_results import base, filled  # noqa: F401  (fixtures)
from tests.unit.rubric import sample
from tests.world import Client, World

SignIn = Callable[[str], Client]


def school_acts(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Everything that a filer can send for g01."""
    row = rows(world, "awards")[0].id
    return [
        (at(world, "A2", "/answers"), {"f:A2.上学期": "9", "only": "A2.上学期"}),
        (at(world, "A2", "/slots"), {"slot": "A2#2", "absent": "1"}),
        (at(world, "A1", "/self/A1.2"), {"points": "1", "version": "1", "reason": "x"}),
        (at(world, "B2", "/tables/awards/rows"), {"c:winner": "新", "c:level": "市级"}),
        (at(world, "B2", f"/rows/{row}"), {"c:winner": "改", "c:level": "市级", "version": "1"}),
        (at(world, "B2", f"/rows/{row}/delete"), {}),
        (at(world, "C1", "/tables/resources/empty"), {"declared": "1"}),
        (at(world, "B2", "/tables/awards/paste"), {"text": "丁\t市级", "accept": "1"}),
        (at(world, "A2", "/files/link"), {"ref": "slot:A2#2", "evidence": "1"}),
        (at(world, "A2", "/files/1/unlink"), {"ref": "slot:A2#1"}),
        (at(world, "", "/evidence/1/delete"), {}),
    ]


def nothing_can_be_filed(world: World, client: Client) -> None:
    before = facts_of_all(world)
    for path, data in [*school_acts(world), (at(world, "", "/submit"), {"known": "1"})]:
        if path.endswith("/submit") and entry(world).state == SubmissionState.SUBMITTED:
            continue  # handing in twice answers as the first time; see below
        assert client.post(path, data).status_code == 409, path
    assert upload(client, world, "A2", "slot:A2#2", ("b.pdf", PDF)).status_code == 409
    assert facts_of_all(world) == before


def set_deadline(world: World, until: datetime) -> None:
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.filing_until = until
        session.add(cycle)
        session.commit()


def test_nothing_is_filed_after_the_deadline(world: World, client_for: SignIn) -> None:
    lay(world)
    client = client_for("lead1")
    set_deadline(world, datetime.now(UTC) - timedelta(seconds=1))
    nothing_can_be_filed(world, client)


def test_nothing_is_filed_before_the_beginning(world: World, client_for: SignIn) -> None:
    lay(world)
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.filing_from = datetime.now(UTC) + timedelta(hours=1)
        session.add(cycle)
        session.commit()
    nothing_can_be_filed(world, client_for("lead1"))


@pytest.mark.parametrize("state", [s for s in CycleState if s != CycleState.FILING])
def test_nothing_is_filed_in_another_phase(world: World, client_for: SignIn, state: CycleState) -> None:
    lay(world)
    world.move_to(state)
    nothing_can_be_filed(world, client_for("lead1"))


def test_nothing_is_filed_after_handing_in_and_it_is_handed_in_once(world: World, client_for: SignIn) -> None:
    lay(world)
    client = client_for("lead1")
    for _n in range(3):
        assert client.post(at(world, "", "/submit"), {"known": "1"}).status_code == 303
    assert (entry(world).round, len(log(world, "entry.submit"))) == (1, 1)
    nothing_can_be_filed(world, client)


SHARED = (
    sample.changed('table = "awards"\nlevel', 'table = "awards"\nwhere = {level = ["市级", "省级"]}\nlevel')
    .replace('table = "resources"\neach = 1', 'table = "awards"\nwhere = {level = "区级"}\neach = 1', 1)
    .replace('source = "示例区教育局"\n', 'source = "示例区教育局"\n', 1)
)


def test_a_return_of_one_indicator_unlocks_no_row_of_another_in_the_same_table(
    world: World, client_for: SignIn
) -> None:
    """B2 counts 市级 rows of awards, C1.2 the 区级 ones; only B2 is returned."""
    lay(world)
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.definition = SHARED
        row = FactRow(
            entry_id=world.entries["g01"],
            table="awards",
            position=2,
            cells={"winner": "锁", "level": "区级"},
            created_by=world.users["lead1"],
        )
        session.add_all([cycle, row])
        session.commit()
        locked = row.id
    return_for(world, "B2")
    client, before = client_for("lead1"), facts_of_all(world)
    free = rows(world, "awards")[0].id
    here = at(world, "B2")
    for path, data in (
        (f"{here}/rows/{locked}", {"c:winner": "改", "c:level": "区级", "version": "1"}),
        (f"{here}/rows/{locked}", {"c:winner": "改", "c:level": "市级", "version": "1"}),
        (f"{here}/rows/{locked}/delete", {}),
        (f"{here}/rows/{free}", {"c:winner": "移", "c:level": "区级", "version": "1"}),
        (f"{here}/tables/awards/rows", {"c:winner": "新", "c:level": "区级"}),
        (f"{here}/tables/awards/paste", {"text": "新\t区级", "accept": "1"}),
        (f"{at(world, 'C1')}/tables/awards/rows", {"c:winner": "新", "c:level": "区级"}),
    ):
        assert client.post(path, data).status_code == 409, (path, data)
    assert facts_of_all(world) == before
    saved = client.post(f"{here}/rows/{free}", {"c:winner": "准", "c:level": "市级", "version": "1"})
    assert saved.status_code == 303
    assert [r.cells["winner"] for r in rows(world, "awards")] == ["准", "锁"]


# --- the panel and the bureau ---------------------------------------------------------------------


@pytest.mark.parametrize("state", [s for s in CycleState if s != CycleState.REVIEW])
def test_nothing_is_scored_outside_the_review(world: World, client_for: SignIn, state: CycleState) -> None:
    lay(world, CycleState.REVIEW)
    world.move_to(state)
    before = facts_of_all(world)
    here = f"/panel/entries/{world.entries['g01']}/indicators/A1"
    sent = {"points.A1.1": "1", "points.A1.2": "2", "version.A1.2": "1", "reason.A1.2": "x", "do": "save"}
    # in deliberation an own mark may still change, but not without the reason for the change
    refusals = (422,) if state == CycleState.DELIBERATION else (404, 409)
    assert client_for("rev1").post(here, sent).status_code in refusals
    if state != CycleState.DELIBERATION:  # then the chair goes on
        settled = {"do": "settle:A1.2", "points.A1.2": "2", "reason.A1.2": "x"}
        assert client_for("chair").post(f"{here}/settle", settled).status_code in (404, 409)
    assert facts_of_all(world) == before


def test_what_is_not_handed_in_is_not_scored(world: World, client_for: SignIn) -> None:
    lay(world)
    world.move_to(CycleState.REVIEW)
    before = facts_of_all(world)
    here = f"/panel/entries/{world.entries['g01']}/indicators/A1"
    sent = {"points.A1.1": "1", "points.A1.2": "2", "reason.A1.2": "x", "do": "save"}
    assert client_for("rev1").post(here, sent).status_code == 409
    settled = {"do": "settle:A1.2", "points.A1.2": "2", "reason.A1.2": "x"}
    assert client_for("chair").post(f"{here}/settle", settled).status_code == 409
    assert facts_of_all(world) == before


def test_phases_follow_each_other(world: World, client_for: SignIn) -> None:
    lay(world)
    admin, here = client_for("admin"), f"/bureau/cycles/{world.cycle_id}/phase"
    before = facts_of_all(world)
    for to in ("draft", "filing", "deliberation", "published", "final", "archived", "", "x"):
        assert admin.post(here, {"to": to, "accepted": "1"}).status_code in (409, 422), to
    assert admin.post(f"{here}/back", {"reason": "x"}).status_code == 409
    assert admin.post(f"/bureau/cycles/{world.cycle_id}/freeze", {"reason": "x"}).status_code == 409
    assert admin.post(f"/bureau/cycles/{world.cycle_id}/delete").status_code == 409
    world.move_to(CycleState.DELIBERATION)
    assert admin.post(here, {"to": "published", "accepted": "1"}).status_code == 409  # nothing is frozen
    world.move_to(CycleState.FILING)
    assert facts_of_all(world) == before


def test_a_freeze_is_made_once_and_a_second_needs_a_reason(
    world: World,
    filled: str,  # noqa: F811
    client_for: SignIn,
) -> None:
    admin = client_for("admin")
    for _n in range(3):
        assert admin.post(f"{filled}/freeze", {"op": "one"}).status_code == 303
    assert admin.post(f"{filled}/freeze", {"op": "two"}).status_code == 422
    admin.post("/language", {"language": "zh"})
    with world.read() as session:
        assert [r.number for r in session.exec(select(Result))] == [1]


@pytest.mark.parametrize("state", [CycleState.PUBLISHED, CycleState.FINAL, CycleState.ARCHIVED])
def test_nothing_changes_after_publication(
    world: World,
    filled: str,  # noqa: F811
    client_for: SignIn,
    state: CycleState,
) -> None:
    admin, chair = client_for("admin"), client_for("chair")
    assert admin.post(f"{filled}/freeze", {}).status_code == 303
    world.move_to(state)
    before = facts_of_all(world)
    g01 = world.entries["g01"]
    acts: list[tuple[Client, str, dict[str, Any]]] = [
        (admin, f"{filled}/freeze", {"reason": "x"}),
        (admin, f"{filled}/phase/back", {"reason": "x"}),
        (admin, f"{filled}/data/exempt", {"entry": g01, "code": "A1", "reason": "x"}),
        (admin, f"{filled}/data/slot", {"entry": g01, "key": "A2#1", "reason": "x"}),
        (admin, f"{filled}/progress/{g01}/return", {"codes": "A1", "reason": "x"}),
        (admin, f"{filled}/progress/{g01}/extend", {"until": "2099-01-01 08:00", "reason": "x"}),
        (admin, f"{filled}/units", {"unit": "1"}),
        (admin, f"{filled}/rulings", {}),
        (admin, f"{filled}/rulings/ties", {"value": "mean", "reason": "x"}),
        (admin, f"{filled}/open", {}),
        (admin, f"{filled}/delete", {}),
        (admin, f"{filled}/panel", {"chair": str(world.users["rev1"]), "combine": "median"}),
        (chair, f"/panel/entries/{g01}/indicators/A1/settle", {"do": "settle:A1.2", "points.A1.2": "3", "reason.A1.2": "x"}),
        (chair, f"/panel/entries/{g01}/indicators/A1/return", {"reason": "x"}),
    ]  # fmt: skip
    for client, path, data in acts:
        assert client.post(path, data).status_code in (409, 422), path
    sets = admin.get(f"{filled}/data").get_data(as_text=True)
    assert (
        f"/data/{g01}/" not in sets or "disabled" in sets or "readonly" in sets or 'type="text"' not in sets
    )
    assert facts_of_all(world) == before


# --- at once --------------------------------------------------------------------------------------


def together(n: int, act: Callable[[int], int]) -> list[int]:
    """The answers of n threads that begin at the same moment."""
    gate, out = threading.Barrier(n), [0] * n

    def run(k: int) -> None:
        gate.wait()
        out[k] = act(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


def twins(app: Flask, client: Client, n: int) -> list[Client]:
    """The same browser session, n times."""
    client.token()
    with client.raw.session_transaction() as session:
        kept = dict(session)
    out = []
    for _n in range(n):
        twin = Client(app.test_client())
        with twin.raw.session_transaction() as session:
            session.update(kept)
        out.append(twin)
    return out


def test_one_entry_handed_in_by_four_windows_at_once_is_handed_in_once(
    app: Flask, world: World, client_for: SignIn
) -> None:
    lay(world)
    windows = twins(app, client_for("lead1"), 4)
    codes = together(4, lambda k: int(windows[k].post(at(world, "", "/submit"), {"known": "1"}).status_code))
    assert codes == [303] * 4
    assert (entry(world).round, entry(world).version, len(log(world, "entry.submit"))) == (1, 2, 1)


def test_twenty_saves_with_one_token_are_one(app: Flask, world: World, client_for: SignIn) -> None:
    windows = twins(app, client_for("lead1"), 20)

    def act(k: int) -> int:
        if k % 2:
            sent = {"c:winner": "丙", "c:level": "市级", "op": "same"}
            return int(windows[k].post(at(world, "B2", "/tables/awards/rows"), sent).status_code)
        return int(save(windows[k], world, "A2", "A2.上学期", "2", op="same-field").status_code)

    codes = together(20, act)
    assert {codes[k] for k in range(1, 20, 2)} == {303}
    assert {codes[k] for k in range(0, 20, 2)} == {200}
    assert [r.cells["winner"] for r in rows(world, "awards")] == ["丙"]
    assert answers(world) == {"A2.上学期": (2, 1)}
    assert (len(log(world, "row.add")), len(log(world, "answer.save"))) == (1, 1)


def test_two_values_at_once_are_one_value_and_one_question(
    app: Flask, world: World, client_for: SignIn
) -> None:
    windows = twins(app, client_for("lead1"), 6)
    codes = together(
        6, lambda k: int(save(windows[k], world, "A2", "A2.上学期", str(k), op=f"op{k}").status_code)
    )
    assert sorted(codes) == [200, *[409] * 5]
    assert answers(world)["A2.上学期"] == (codes.index(200), 1)


# --- broken in the middle -------------------------------------------------------------------------


def test_a_fault_after_the_write_leaves_no_trace_on_the_page_or_in_the_data(
    app: Flask, world: World, client_for: SignIn
) -> None:
    client = client_for("lead1")
    real = app.view_functions["school.save_answers"]

    def broken(**values: Any) -> Any:
        real(**values)
        raise KeyError("SELECT geheim FROM user /srv/secret.py")

    app.view_functions["school.save_answers"] = broken
    before = everything(world)
    for htmx in (False, True):
        sent = {"f:A2.上学期": "2", "only": "A2.上学期"}
        answer = client.post(at(world, "A2", "/answers"), sent, htmx=htmx)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 500
        assert "程序出错了" in page
        for leak in ("geheim", "SELECT", "Traceback", "KeyError", ".py", "sqlalchemy"):
            assert leak not in page, leak
        number = page.split("错误编号")[-1]
        assert any(c in "0123456789abcdef" for c in number)
    assert everything(world) == before


def test_a_fault_while_reading_is_a_page_with_a_number(
    app: Flask, client_for: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_for("admin")

    def broken(**_values: Any) -> Any:
        raise RuntimeError("innen")

    for endpoint, path in (("bureau.people", "/bureau/people"), ("bureau.cycles", "/bureau/cycles")):
        monkeypatch.setitem(app.view_functions, endpoint, broken)
        answer = client.get(path)
        assert answer.status_code == 500
        assert "错误编号" in answer.get_data(as_text=True)
        assert "innen" not in answer.get_data(as_text=True)
        assert answer.headers["Content-Security-Policy"]


def test_an_act_that_cannot_be_logged_does_not_happen(world: World, client_for: SignIn) -> None:
    lay(world)
    lead, admin = client_for("lead1"), client_for("admin")
    with world.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER log_full BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'log is full'); END"
        )
    before = everything(world)
    for path, data in [*school_acts(world), (at(world, "", "/submit"), {"known": "1"})]:
        answer = lead.post(path, data)
        assert answer.status_code in (500, 503), path
        assert "log is full" not in answer.get_data(as_text=True)
    for path, data in (
        ("/bureau/people", {"login": "neu", "name": "新人", "role": "leader"}),
        ("/bureau/schools", {"code": "q9", "name": "新校"}),
        (f"/bureau/people/{world.users['rev1']}/active", {"active": "0"}),
        (f"/bureau/cycles/{world.cycle_id}/phase", {"to": "review", "accepted": "1"}),
    ):
        assert admin.post(path, data).status_code in (500, 503), path
    assert upload(lead, world, "A2", "slot:A2#2", ("c.pdf", PDF + b"c")).status_code in (500, 503)
    assert everything(world) == before
    with world.read() as session:
        assert (
            session.exec(select(LogEntry).where(col(LogEntry.action).in_(["row.add", "user.create"]))).all()
            == []
        )
        assert session.exec(select(Entry.state).where(Entry.id == world.entries["g01"])).one() == "open"
