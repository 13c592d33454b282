"""双方确认: a named school confirms or disputes, the lead takes over or keeps; points follow by a ruling alone."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from sqlmodel import select

from intranet.domain.scoring import score_entry, scoring_for
from intranet.models import Confirmation, Cycle, Entry, FactRow
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import loader
from tests.integration.filing_ground import at, hand, log, rows
from tests.integration.test_delegation import add, said, second_member
from tests.unit.rubric.sample import changed
from tests.world import Client, World

SignIn = Callable[[str], Client]

CELLS = {
    "person": "甲某",
    "category": "定期",
    "sender": "s1",
    "receiver": "s2",
    "start": "2030-09-01",
    "end": "2031-02-28",
    "document": "true",
}


def lay_row(client: Client, world: World, **cells: str) -> FactRow:
    assert add(client, world, "B1", "exchange", **{**CELLS, **cells}).status_code == 200
    return rows(world, "exchange")[-1]


def spoken(world: World) -> list[tuple[int, int, str, dict[str, Any], str]]:
    with world.read() as session:
        found = session.exec(select(Confirmation).order_by(Confirmation.id)).all()  # type: ignore[arg-type]
        return [(c.row_id, c.row_version, c.state.value, c.proposal, c.note) for c in found]


def confirm(client: Client, world: World, *rows_: tuple[int | None, int]) -> Any:
    return client.post(at(world, rest="/confirmations"), {"row": [f"{i}~{v}" for i, v in rows_]})


def dispute(
    client: Client, world: World, row: FactRow, note: str = "", version: int = 0, **cells: str
) -> Any:
    form = {f"c:{k}": v for k, v in {**CELLS, **cells}.items()}
    path = at(world, rest=f"/confirmations/{row.id}")
    return client.post(path, {**form, "note": note, "version": version or row.version})


def test_a_named_school_confirms_what_another_wrote(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    row, other = lay_row(lead, world), lay_row(lead, world, person="乙某", receiver="s3")
    assert "1 行等本校确认" in member.text(at(world))
    page = member.text(at(world, rest="/confirmations"))
    assert "甲某" in page
    assert "乙某" not in page
    assert member.get(at(world, "B1")).status_code == 404  # it names the school, it was not handed out
    assert "待确认 2 行" in lead.text(at(world))
    assert confirm(member, world, (row.id, 1)).status_code == 303
    assert spoken(world) == [(row.id, 1, "confirmed", {}, "")]
    assert confirm(member, world, (other.id, 1)).status_code == 404
    assert "已确认" in lead.text(at(world, "B1"))
    assert "待确认 1 行" in lead.text(at(world))
    assert len(log(world, "confirmation.confirm")) == 1


def test_several_rows_are_confirmed_at_once_or_none(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    first, second = lay_row(lead, world), lay_row(lead, world, person="乙某")
    stale = confirm(member, world, (first.id, 1), (second.id, 7))
    assert stale.status_code == 409
    assert "这一行刚刚改过" in said(stale)
    assert spoken(world) == []
    assert confirm(member, world).status_code == 422
    confirm(member, world, (first.id, 1), (second.id, 1))
    assert [(r, s) for r, _v, s, _p, _n in spoken(world)] == [
        (first.id, "confirmed"),
        (second.id, "confirmed"),
    ]


def test_the_school_that_wrote_a_row_need_not_confirm_it(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    hand(world, "clause:B1")
    row = lay_row(member, world)
    assert "没有要确认的行" in member.text(at(world, rest="/confirmations"))
    assert "等本校确认 1 行" in lead.text(at(world, rest="/confirmations"))
    assert confirm(lead, world, (row.id, 1)).status_code == 303
    assert spoken(world) == [(row.id, 1, "confirmed", {}, "")]


def test_a_row_that_changes_is_open_again(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    row = lay_row(lead, world)
    confirm(member, world, (row.id, 1))
    lead.post(
        at(world, "B1", f"/rows/{row.id}"),
        {f"c:{k}": v for k, v in CELLS.items()} | {"c:end": "", "version": 1},
    )
    assert "1 行等本校确认" in member.text(at(world))
    assert confirm(member, world, (row.id, 1)).status_code == 409
    assert confirm(member, world, (row.id, 2)).status_code == 303
    assert "没有待确认的" in lead.text(at(world))


def test_a_dispute_with_a_proposal_is_taken_over(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    row = lay_row(lead, world)
    assert dispute(member, world, row, "以文件为准", end="2030-12-31").status_code == 303
    assert spoken(world) == [(row.id, 1, "disputed", {"end": "2030-12-31"}, "以文件为准")]
    page = lead.text(at(world, rest="/confirmations"))
    assert "有异议 乙水小学：以文件为准" in page
    assert "止 2031-02-28 2030-12-31" in page
    assert "有异议 1 行" in lead.text(at(world))
    here = at(world, rest=f"/confirmations/{row.id}/answer")
    assert lead.post(here, {"school": "s2", "version": "2"}).status_code == 409
    assert lead.post(here, {"school": "s2", "version": "1"}).status_code == 303
    (after,) = rows(world, "exchange")
    assert (after.version, after.cells["end"], after.cells["person"]) == (2, "2030-12-31", "甲某")
    assert spoken(world) == [(row.id, 2, "confirmed", {"end": "2030-12-31"}, "以文件为准")]
    assert "已确认 1 行" in member.text(at(world, rest="/confirmations"))
    assert lead.post(here, {"school": "s2", "version": "2"}).status_code == 409
    assert [e.subject for e in log(world, "confirmation.take")] == [f"{row.id}@s2"]
    assert [e.old["end"] for e in log(world, "row.edit")] == ["2031-02-28"]


def test_the_lead_keeps_its_own_for_a_reason_that_all_read(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    row = lay_row(lead, world)
    dispute(member, world, row, "此人未到本校")
    here = at(world, rest=f"/confirmations/{row.id}/answer")
    assert lead.post(here, {"school": "s2", "version": "1"}).status_code == 422  # nothing to take over
    refused = lead.post(here, {"school": "s2", "version": "1", "do": "keep", "note": " "})
    assert refused.status_code == 422
    assert "请写明为什么保留原填" in said(refused)
    lead.post(here, {"school": "s2", "version": "1", "do": "keep", "note": "有教育局文件"})
    for login in ("lead1", "member1", "rev1", "admin"):
        assert "牵头学校保留原填：有教育局文件" in client_for(login).text(at(world, rest="/confirmations")), (
            login
        )
    assert spoken(world) == [(row.id, 1, "disputed", {}, "此人未到本校")]
    dispute(member, world, row, "文件写的是另一人")
    assert "保留原填：" not in member.text(at(world, rest="/confirmations"))
    confirm(member, world, (row.id, 1))
    assert spoken(world) == [(row.id, 1, "confirmed", {}, "")]


@pytest.mark.parametrize(
    ("cells", "note", "message"),
    [
        ({}, "", "请改正不对的地方，或写明哪里不对"),
        ({"end": "去年"}, "", "请填 2023-09-01 的样子"),
        ({}, "长" * 501, "说明最多 500 字"),
    ],
)
def test_a_dispute_says_something(
    world: World, client_for: SignIn, cells: dict[str, str], note: str, message: str
) -> None:
    row = lay_row(client_for("lead1"), world)
    answer = dispute(client_for("member1"), world, row, note, **cells)
    assert answer.status_code == 422
    assert message in said(answer)
    assert [v for v in (*cells.values(), note) if v not in answer.get_data(as_text=True)] == []
    assert spoken(world) == []


def test_only_named_schools_speak_and_only_the_lead_answers(world: World, client_for: SignIn) -> None:
    second_member(world)
    row = lay_row(client_for("lead1"), world)
    dispute(client_for("member1"), world, row, "不对")
    here = at(world, rest=f"/confirmations/{row.id}/answer")
    keep = {"school": "s2", "version": "1", "do": "keep", "note": "x"}
    for login, status in (("member3", 404), ("helper1", 404), ("lead2", 404), ("rev1", 403), ("admin", 403)):
        client = client_for(login)
        assert confirm(client, world, (row.id, 1)).status_code == status, login
        assert dispute(client, world, row, "不对").status_code == status, login
    for login, status in (("member1", 404), ("helper1", 403), ("lead2", 404), ("admin", 403)):
        assert client_for(login).post(here, keep).status_code == status, login
    assert "甲某" not in client_for("member3").text(at(world, rest="/confirmations"))
    assert spoken(world) == [(row.id, 1, "disputed", {}, "不对")]


def test_the_check_and_the_panel_are_told(world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    row, _other = lay_row(lead, world), lay_row(lead, world, person="乙某")
    dispute(client_for("member1"), world, row, "不对")
    page = lead.text(at(world, rest="/check"))
    assert "有 1 行对方学校还没有确认" in page
    assert "有 1 行对方学校有异议" in page
    with world.write() as session:
        entry = session.get(Entry, world.entries["g01"])
        cycle = session.get(Cycle, world.cycle_id)
        assert entry is not None
        assert cycle is not None
        entry.state, cycle.state = "submitted", "review"  # type: ignore[assignment]
        session.add_all([entry, cycle])
        session.commit()
    bench = client_for("rev1").text(f"/panel/entries/{world.entries['g01']}/indicators/B1")
    assert "待确认 1 行 有异议 1 行" in bench
    assert "看双方意见" in bench


# --- points --------------------------------------------------------------------------------------

RULED = changed(
    'require = [{column = "document", reason = "无文件"}]\n',
    'require = [{column = "document", reason = "无文件"}]\nconfirmed_only = "@words"\n',
).replace(
    '[[clause]]\ncode = "T"',
    '[[ruling]]\nkey = "words"\nquestion = "未确认的计不计分"\ndefault = "all"\n'
    'choices = [{key = "all", value = false, label = "计"}, {key = "only", value = true, label = "不计"}]\n\n'
    '[[clause]]\ncode = "T"',
    1,
)


def score(world: World) -> tuple[Fraction | None, list[dict[str, Any]]]:
    """Points of B1, and its table as the facts document has it."""
    registry = RubricRegistry(build_plugin_manager(entry_points=False))
    with world.read() as session:
        cycle, entry = session.get(Cycle, world.cycle_id), session.get(Entry, world.entries["g01"])
        assert cycle is not None
        assert entry is not None
        sheet = score_entry(session, cycle, scoring_for(cycle, registry), entry)
        return sheet.sheet["B1"].points, sheet.source.document["docs"]["school"]["tables"]["exchange"]


def rule(world: World, choice: str) -> None:
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.definition, cycle.rulings = RULED, {"words": choice}
        cycle.fingerprint = loader.load(RULED).fingerprint(cycle.rulings)
        session.add(cycle)
        session.commit()


def test_points_follow_the_words_only_where_a_ruling_says_so(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    first, second = lay_row(lead, world), lay_row(lead, world, person="乙某")
    third = lay_row(lead, world, person="丙某", sender="", receiver="")
    dispute(member, world, second, "不对")
    plain = score(world)
    assert plain[0] == Fraction("1.5")
    assert all("@confirmation" not in cells for cells in plain[1])
    rule(world, "all")
    assert score(world) == plain
    rule(world, "only")
    points, table = score(world)
    assert points == Fraction("0.5")
    assert [cells.get("@confirmation") for cells in table] == ["open", "disputed", None]
    page = lead.text(at(world, "B1"))
    assert "不计分：对方学校尚未确认。" in page
    assert "不计分：对方学校有异议。" in page
    confirm(member, world, (first.id, 1), (second.id, 1))
    assert score(world)[0] == Fraction("1.5")
    assert [r.id for r in rows(world, "exchange")] == [first.id, second.id, third.id]
