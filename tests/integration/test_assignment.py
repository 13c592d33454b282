"""分派 on the bureau's page and what it does to the panel's: queue, scoring page, sheet, to-do, board."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from time import perf_counter

import openpyxl
import pytest
from flask import Flask
from sqlmodel import select

from intranet.enums import CombineRule, CycleState, RecusalKind
from intranet.models import Assignment, Cycle, Recusal
from tests.integration.panel_ground import combine_by, give_school, log, marks, more_units, said, submit
from tests.integration.test_panel_scoring import form_of
from tests.integration.test_recusal import count_queries, give_mark
from tests.world import Client, World

SignIn = Callable[[str], Client]

CODES = ("A1", "A2", "B1", "B2", "B3", "C1")


def path(world: World, rest: str = "") -> str:
    return f"/bureau/cycles/{world.cycle_id}/assignment{rest}"


def hidden(html: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]*)"', html)


def stored(world: World) -> set[tuple[str, str, str]]:
    logins = {i: login for login, i in world.users.items()}
    units = {i: code for code, i in world.entries.items()}
    with world.read() as session:
        return {(logins[a.user_id], units[a.entry_id], a.code) for a in session.exec(select(Assignment))}


def put(world: World, *rows: tuple[str, str, str], on: bool = True) -> None:
    with world.write() as session:
        for login, unit, code in rows:
            session.add(
                Assignment(
                    cycle_id=world.cycle_id,
                    user_id=world.users[login],
                    entry_id=world.entries[unit],
                    code=code,
                )
            )
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.assigned = on
        session.add(cycle)
        session.commit()


def recuse(world: World, login: str, unit: str) -> None:
    with world.write() as session:
        session.add(
            Recusal(
                cycle_id=world.cycle_id,
                user_id=world.users[login],
                entry_id=world.entries[unit],
                kind=RecusalKind.OTHER,
                declared_by=world.users["admin"],
            )
        )
        session.commit()


def tick(client: Client, world: World, login: str, *cells: str, do: str = "save", **more: str) -> int:
    """Save one reviewer's ticks as the form does; cells like ``g01.A1``."""
    who = world.users[login]
    html = client.get(path(world, f"?who={who}")).get_data(as_text=True)
    ids = [f"{world.entries[unit]}.{code}" for unit, _dot, code in (c.partition(".") for c in cells)]
    sent = {
        "who": str(who),
        "op": hidden(html, "op")[0],
        "seen": hidden(html, "seen")[0],
        "cell": ids,
        "do": do,
        **more,
    }
    answer: int = client.post(path(world), sent).status_code
    return answer


# --- by hand --------------------------------------------------------------------------------------


def test_ticks_become_the_reviewers_assignment(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("admin")
    assert tick(client, world, "rev1", "g01.A1", "g02.A2") == 303
    assert tick(client, world, "rev2", "g01.A1") == 303
    assert stored(world) == {("rev1", "g01", "A1"), ("rev1", "g02", "A2"), ("rev2", "g01", "A1")}
    assert tick(client, world, "rev1", "g02.A2", "g02.A1") == 303
    assert stored(world) == {("rev1", "g02", "A1"), ("rev1", "g02", "A2"), ("rev2", "g01", "A1")}
    first, _second, third = log(world, "assignment.save")
    assert (first.subject, first.old, first.new) == ("评委一", None, {"g01": ["A1"], "g02": ["A2"]})
    assert (third.old, third.new) == ({"g01": ["A1"]}, {"g02": ["A1"]})
    assert third.detail == {"how": "hand", "user": world.users["rev1"]}


def test_a_whole_row_and_a_whole_column_by_one_button(world: World, client_for: SignIn) -> None:
    submit(world)
    client, g01 = client_for("admin"), world.entries["g01"]
    assert tick(client, world, "rev1", "g02.A2", do=f"row:{g01}") == 303
    row = {("rev1", "g01", c) for c in _codes(client, world)}
    assert stored(world) == row | {("rev1", "g02", "A2")}
    everything = [f"{u}.{c}" for _login, u, c in stored(world)]
    assert tick(client, world, "rev1", *everything, do="column:A2") == 303  # all of it was ticked: empty it
    assert stored(world) == row - {("rev1", "g01", "A2")}
    (_all, entry) = log(world, "assignment.save")
    assert _all.new == {"g01": ["全部"], "g02": ["A2"]}
    assert entry.old == {"g01": ["A2"], "g02": ["A2"]}


def _codes(client: Client, world: World) -> list[str]:
    html = client.get(path(world)).get_data(as_text=True)
    return re.findall(r"<abbr[^>]*>([^<]+)</abbr>", html)


def test_only_what_reviewers_mark_is_a_column(world: World, client_for: SignIn) -> None:
    """What is computed from all units is nobody's to score."""
    submit(world)
    codes = _codes(client_for("admin"), world)
    assert codes[:2] == ["A1", "A2"]
    assert len(codes) == len(set(codes)) >= 4


def test_a_stale_form_is_refused_and_a_form_sent_twice_acts_once(world: World, client_for: SignIn) -> None:
    submit(world)
    client, who = client_for("admin"), world.users["rev1"]
    html = client.get(path(world, f"?who={who}")).get_data(as_text=True)
    sent = {"who": str(who), "op": hidden(html, "op")[0], "seen": hidden(html, "seen")[0]}
    sent["cell"] = f"{world.entries['g01']}.A1"
    assert client.post(path(world), sent).status_code == 303
    assert client.post(path(world), sent).status_code == 303
    assert len(log(world, "assignment.save")) == 1
    stale = client.post(path(world), {**sent, "op": "new", "cell": f"{world.entries['g02']}.A1"})
    assert stale.status_code == 409
    html = stale.get_data(as_text=True)
    assert "分派刚刚有人改过" in html
    kept = re.findall(r'name="cell" value="([^"]+)"[^>]*checked', html)
    assert kept == [f"{world.entries['g02']}.A1"]  # what was ticked stands there still
    assert stored(world) == {("rev1", "g01", "A1")}
    again = {**sent, "op": "again", "seen": hidden(html, "seen")[0], "cell": kept}
    assert client.post(path(world), again).status_code == 303
    assert stored(world) == {("rev1", "g02", "A1")}


@pytest.mark.parametrize("how", ["recused", "own"])
def test_a_conflict_is_grey_and_never_assigned(world: World, client_for: SignIn, how: str) -> None:
    submit(world)
    if how == "recused":
        recuse(world, "rev1", "g01")
    else:
        give_school(world, "rev1", "s3")
    client = client_for("admin")
    html = client.get(path(world, f"?who={world.users['rev1']}")).get_data(as_text=True)
    assert len(re.findall(r'<td class="closed" colspan="\d+">回避</td>', html)) == 1
    assert f'value="{world.entries["g01"]}.A1"' not in html
    assert f'value="{world.entries["g02"]}.A1"' in html
    assert "回避：评委一" in said(client, path(world))
    assert tick(client, world, "rev1", "g01.A1") == 422
    assert tick(client, world, "rev1", do=f"row:{world.entries['g01']}") == 303
    assert tick(client, world, "rev1", do="column:A1") == 303
    assert stored(world) == {("rev1", "g02", "A1")}


def test_what_the_page_does_not_offer_is_refused(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("admin")
    assert tick(client, world, "rev1", "g01.T") == 422
    assert tick(client, world, "rev1", "g01.B1.1") == 422
    assert client.post(path(world), {"who": str(world.users["lead1"]), "cell": "1.A1"}).status_code == 422
    assert client.post(path(world), {}).status_code == 422
    for login in ("chair", "rev1", "lead1", "leader", "auditor"):
        other = client_for(login)
        assert other.get(path(world)).status_code == 403
        assert other.post(path(world), {"who": "3"}).status_code == 403
    world.move_to(CycleState.PUBLISHED)
    who = str(world.users["rev1"])
    late = client.post(path(world), {"who": who, "cell": f"{world.entries['g01']}.A1"})
    assert late.status_code == 409
    assert "评分已结束，不能再改分派。" in late.get_data(as_text=True)
    assert 'name="cell"' not in client.get(path(world, f"?who={who}")).get_data(as_text=True)
    assert stored(world) == set()


# --- by rule --------------------------------------------------------------------------------------


def planned(client: Client, world: World, **sent: str) -> dict[str, str]:
    """What a rule proposes; the fields of the form that takes it over."""
    answer = client.post(path(world, "/rule"), sent)
    assert answer.status_code == 200
    return confirm(answer.get_data(as_text=True))


def confirm(html: str) -> dict[str, str]:
    part = re.findall(r'id="plan".*?</section>', html, flags=re.S)[0].replace("&#34;", '"')
    rows = re.findall(r'name="rows" value="(.*?)"><button', part)[0]
    fields = {name: hidden(part, name)[0] for name in ("op", "seen", "how", "k")}
    return {**fields, "rows": rows}


def test_a_rule_is_shown_first_and_then_taken_over(world: World, client_for: SignIn) -> None:
    submit(world)
    recuse(world, "rev2", "g02")
    client = client_for("admin")
    text = client.post(path(world, "/rule"), {"rule": "even", "k": "1"}).get_data(as_text=True)
    codes = _codes(client, world)
    assert f"将加 {2 * len(codes)} 格，减 0 格" in text
    assert "改后每格都有人评" in text
    assert stored(world) == set()
    fields = confirm(text)
    assert fields["how"] == "rule:even:1"
    done = client.post(path(world, "/apply"), fields)
    assert (done.status_code, done.location) == (303, path(world, "?k=1"))
    assert "不足 1 人 0 格" in said(client, done.location)  # measured by what was asked for
    assert stored(world) == {("rev1", "g02", c) for c in codes} | {("rev2", "g01", c) for c in codes}
    assert client.post(path(world, "/apply"), fields).status_code == 303
    assert {e.detail["how"] for e in log(world, "assignment.save")} == {"rule:even:1"}
    assert len(log(world, "assignment.save")) == 2
    fewer = client.post(path(world, "/rule"), {"rule": "none"}).get_data(as_text=True)
    assert f"将加 0 格，减 {2 * len(codes)} 格" in fewer
    assert f"改后还有 {2 * len(codes)} 格没有人评" in fewer
    assert client.post(path(world, "/apply"), confirm(fewer)).status_code == 303
    assert stored(world) == set()


def test_a_plan_that_was_overtaken_is_refused(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("admin")
    fields = planned(client, world, rule="unit", k="2")
    assert tick(client, world, "rev1", "g01.A1") == 303
    late = client.post(path(world, "/apply"), fields)
    assert late.status_code == 409
    assert stored(world) == {("rev1", "g01", "A1")}


def test_a_forged_plan_is_refused_as_a_whole(world: World, client_for: SignIn) -> None:
    submit(world)
    recuse(world, "rev1", "g01")
    client = client_for("admin")
    fields = planned(client, world, rule="even", k="1")
    rev1, g01, g02 = str(world.users["rev1"]), str(world.entries["g01"]), str(world.entries["g02"])
    for rows in (
        {rev1: {g02: ["A1"], g01: ["A1"]}},
        {str(world.users["lead1"]): {g02: ["A1"]}},
        {rev1: {"999": ["A1"]}},
        {rev1: {g02: ["nothing"]}},
    ):
        answer = client.post(path(world, "/apply"), {**fields, "op": "x", "rows": json.dumps(rows)})
        assert answer.status_code == 422, rows
    for text in ("", "[]", "[1]", "{", '{"a": {"b": ["A1"]}}', '{"1": 2}', "[" * 5000):
        assert client.post(path(world, "/apply"), {**fields, "op": "y", "rows": text}).status_code in (
            303,
            422,
        )
    assert stored(world) == set()
    assert client.post(path(world, "/rule"), {"rule": "forged"}).status_code == 422


# --- from a table ---------------------------------------------------------------------------------


def upload(client: Client, world: World, data: bytes) -> tuple[int, str]:
    answer = client.post(path(world, "/check"), {"file": (io.BytesIO(data), "分派.xlsx")})
    return answer.status_code, answer.get_data(as_text=True)


def test_the_table_comes_back_changed(world: World, client_for: SignIn) -> None:
    submit(world)
    put(world, ("rev1", "g01", "A1"), ("rev2", "g01", "A1"), on=False)
    client = client_for("admin")
    data = client.get(path(world, ".xlsx")).get_data()
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book.worksheets[0]
    assert [c.value for c in sheet[2]][:4] == ["g01", "甲山教育集团", None, "评委一、评委二"]
    assert "与现在的分派一样" in upload(client, world, data)[1]
    sheet["D2"], sheet["E3"] = "评委二", "评委一、rev2"
    out = io.BytesIO()
    book.save(out)
    status, html = upload(client, world, out.getvalue())
    assert status == 200
    assert "将加 2 格，减 1 格" in html
    assert "丁桥教育集团：A2" in html
    assert len(stored(world)) == 2
    assert client.post(path(world, "/apply"), confirm(html)).status_code == 303
    assert stored(world) == {("rev2", "g01", "A1"), ("rev1", "g02", "A2"), ("rev2", "g02", "A2")}
    assert log(world, "assignment.save")[-1].detail["how"] == "xlsx"


def test_a_wrong_table_names_its_cells_and_changes_nothing(world: World, client_for: SignIn) -> None:
    submit(world)
    recuse(world, "rev1", "g01")
    client = client_for("admin")
    book = openpyxl.load_workbook(io.BytesIO(client.get(path(world, ".xlsx")).get_data()))
    book.worksheets[0]["D2"], book.worksheets[0]["E3"] = "评委一", "某人"
    out = io.BytesIO()
    book.save(out)
    status, html = upload(client, world, out.getvalue())
    assert status == 422
    assert "请改好这 2 处再上传" in html
    assert re.search(r"<td[^>]*>D2</td>\s*<td>评委一回避甲山教育集团，不能分派</td>", html)
    assert re.search(r"<td[^>]*>E3</td>\s*<td>考核组评委里没有“某人”", html)
    assert stored(world) == set()
    assert upload(client, world, b"not a workbook")[0] == 422
    assert client.post(path(world, "/check"), {}).status_code == 422


# --- coverage, load, the switch -------------------------------------------------------------------


def test_coverage_and_load_are_counted(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("admin")
    cells = 2 * len(_codes(client, world))
    put(world, ("rev1", "g01", "A1"), ("rev2", "g01", "A1"), ("rev1", "g01", "A2"), on=False)
    text = said(client, path(world))
    assert f"要评的格 {cells}" in text
    assert f"没有人评 {cells - 2} 格" in text
    assert "只有一人评 1 格" in text
    assert f"不足 2 人 {cells - 1} 格" in text
    assert "评委一 2 " in text
    assert f"不足 1 人 {cells - 2} 格" in said(client, path(world, "?k=1"))
    recuse(world, "rev2", "g01")  # a row that says nothing any more
    assert "只有一人评 2 格" in said(client, path(world))


def test_the_switch_needs_an_assignment_and_is_logged(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("admin")
    refused = client.post(path(world, "/switch"), {"on": "1"})
    assert refused.status_code == 409
    assert "还没有分派任何一格。先分派，再启用。" in refused.get_data(as_text=True)
    put(world, ("rev1", "g01", "A1"), on=False)
    for sent in ({"on": "1"}, {"on": "1"}, {"on": ""}):
        assert client.post(path(world, "/switch"), sent).status_code == 303
    assert [(e.old, e.new) for e in log(world, "assignment.switch")] == [(False, True), (True, False)]
    assert stored(world) == {("rev1", "g01", "A1")}


def test_a_draft_is_not_assigned_yet(world: World, client_for: SignIn) -> None:
    world.move_to(CycleState.DRAFT)
    client = client_for("admin")
    assert "考核开启后再分派" in said(client, path(world))
    assert client.post(path(world, "/rule"), {"rule": "even"}).status_code == 409


# --- what the panel sees --------------------------------------------------------------------------


def test_the_reviewer_is_asked_for_what_is_assigned_and_nothing_else(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    put(world, ("rev1", "g01", "A1"), ("rev1", "g02", "A2"), ("rev2", "g01", "A2"))
    client = client_for("rev1")
    queue = client.get(f"/panel/cycles/{world.cycle_id}").get_data(as_text=True)
    scored = set(re.findall(r"/panel/entries/(\d+)/indicators/(\w+)", queue))
    assert scored == {(str(world.entries["g01"]), "A1"), (str(world.entries["g02"]), "A2")}
    assert "已评 0 / 3" in said(client, "/panel")  # A1.1 and A1.2 of g01, A2 of g02
    assert "还有 3 处没评" in said(client, "/panel")
    sheet = said(client, f"/panel/cycles/{world.cycle_id}/sheet")
    assert "已评 0 / 3" in sheet
    mine, foreign = (f"/panel/entries/{world.entries['g01']}/indicators/{c}" for c in ("A1", "A2"))
    assert client.get(mine).status_code == 200
    assert client.get(foreign).status_code == 404
    assert client.post(foreign, {"points.A2": "4", "do": "save", "version.A2": "0"}).status_code == 404
    assert "rev1" not in marks(world, "A2")
    typed = {
        "points.A1.1": "1",
        "points.A1.2": "2",
        "reason.A1.1": "看过",
        "reason.A1.2": "看过",
        "do": "save",
    }
    saved = client.post(mine, {**form_of(client, mine), **typed})
    assert saved.status_code == 303
    assert f"/panel/entries/{world.entries['g02']}/indicators/A2" in saved.location
    assert "已评 2 / 3" in said(client, "/panel")


def test_without_an_assignment_the_reviewer_is_told(world: World, client_for: SignIn) -> None:
    submit(world)
    put(world, ("rev2", "g01", "A1"))
    client = client_for("rev1")
    assert "还没有分派给您的评分" in said(client, f"/panel/cycles/{world.cycle_id}")
    first = said(client, "/panel")
    assert "还没有分派给您的评分。" in first
    assert "还没有单位提交" not in first


def test_the_chair_sees_everything_and_scores_nothing_unasked(world: World, client_for: SignIn) -> None:
    submit(world)
    put(world, ("rev1", "g01", "A1"))
    client = client_for("chair")
    assert "已提交 2 / 2 个单位" in said(client, "/panel")
    board = said(client, f"/panel/cycles/{world.cycle_id}/board?show=missing")
    assert "缺 评委一" in board
    assert "评委二" not in board.partition("要看什么")[2].partition("中文 English")[0]
    g02 = f"/panel/entries/{world.entries['g02']}/indicators/A2"
    assert client.get(f"{g02}/settle").status_code == 200
    assert "这一项不由您评分，只能查看。" in said(client, g02)
    form = {**form_of(client, g02), "points.A2": "4", "do": "save"}
    assert client.post(g02, form).status_code == 403
    assert marks(world, "A2", "g02") == {}
    settled = {"points.A2": "4", "reason.A2": "合议", "version.A2": "0", "do": "settle:A2"}
    assert client.post(f"{g02}/settle", settled).status_code == 303
    assert marks(world, "A2", "g02").keys() == {"settled"}


def test_the_chairs_to_dos_are_of_the_whole_cycle(world: World, client_for: SignIn) -> None:
    submit(world)
    combine_by(world, CombineRule.CHAIR)
    put(world, *((who, "g01", "A2") for who in ("rev1", "rev2")))
    g01 = f"/panel/entries/{world.entries['g01']}/indicators/A2"
    for who, points in (("rev1", "4"), ("rev2", "3")):
        form = {**form_of(client_for(who), g01), "points.A2": points, "reason.A2": "看过", "do": "save"}
        assert client_for(who).post(g01, form).status_code == 303
    assert "1 处要由组长审定才有得分" in said(client_for("chair"), "/panel")


def test_marks_of_somebody_unassigned_afterwards_count_and_show(world: World, client_for: SignIn) -> None:
    submit(world)
    put(world, ("rev1", "g01", "A1"), ("rev2", "g01", "A1"))
    give_mark(world, "rev1", points="2")
    give_mark(world, "rev2", points="1")
    client = client_for("admin")
    assert tick(client, world, "rev1") == 303
    assert marks(world, "A1.2").keys() == {"self", "rev1", "rev2"}
    html = client.get(path(world, f"?who={world.users['rev1']}")).get_data(as_text=True)
    assert "<small>已评</small>" in html
    assert "<small>已评 2</small>" in client.get(path(world)).get_data(as_text=True)
    assert "已经评过的分不受影响，照常计入" in html
    board = said(client_for("chair"), f"/panel/cycles/{world.cycle_id}/board?show=spread")
    assert "评委一 2" in board
    assert "评委二 1" in board


# --- many -----------------------------------------------------------------------------------------


def test_the_pages_cost_the_same_for_two_and_thirty_units(
    app: Flask, world: World, client_for: SignIn
) -> None:
    submit(world)
    put(world, ("rev1", "g01", "A1"), ("rev1", "g02", "A1"))
    admin, reviewer = client_for("admin"), client_for("rev1")
    here, panel = path(world), f"/panel/cycles/{world.cycle_id}"
    asks = [
        *(lambda p=p: admin.get(p) for p in (here, f"{here}?who={world.users['rev1']}", f"{here}.xlsx")),
        *(lambda p=p: reviewer.get(p) for p in (panel, f"{panel}/sheet", f"{panel}/grid")),
    ]
    before = [count_queries(app, ask) for ask in asks]
    more_units(world, 28)
    with world.write() as session:
        for (entry_id,) in session.connection().exec_driver_sql("SELECT id FROM entry WHERE code LIKE 'x%'"):
            row = Assignment(
                cycle_id=world.cycle_id, user_id=world.users["rev1"], entry_id=entry_id, code="A1"
            )
            session.add(row)
        session.commit()
    assert [count_queries(app, ask) for ask in asks] == before


def test_sixty_units_are_assigned_within_a_second(world: World, client_for: SignIn) -> None:
    submit(world)
    more_units(world, 58)
    client = client_for("admin")
    fields = planned(client, world, rule="even", k="2")
    assert client.post(path(world, "/apply"), fields).status_code == 303
    assert len(json.loads(fields["rows"])) == 2
    client.get(path(world))
    began = perf_counter()
    client.get(path(world))
    assert perf_counter() - began < 5  # 0.1 s on a quiet machine; a crowded one takes its time
