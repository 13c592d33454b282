"""The leader's pages: every number in a table is the one that was frozen, and the chart reads the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlmodel import col, select

from intranet.enums import CycleState, SubmissionState
from intranet.models import Cycle, Entry, Mark, UnitResult
from intranet.queries import comparisons
from intranet.queries.comparisons import quantile
from tests.integration import comparison_ground as ground
from tests.integration.comparison_ground import HOSTILE, Compared
from tests.world import Client, World, words

F = Fraction


def page(client: Client, laid: Compared, query: str = "") -> str:
    answer = client.get(f"/leader/cycles/{laid.cycles[-1]}/charts{query}")
    assert answer.status_code == 200
    html: str = answer.get_data(as_text=True)
    return html


def section(html: str, key: str) -> str:
    return html.split(f'id="{key}"', 1)[1].split("</section>", 1)[0]


def rows(html: str, key: str) -> list[list[str]]:
    """The first table of a section, cell by cell."""
    table = section(html, key).split("<table", 1)[1].split("</table>", 1)[0]
    return [
        [unescape(words(cell)) for cell in re.findall(r"<t[hd]\b.*?</t[hd]>", row, flags=re.S)]
        for row in re.findall(r"<tr.*?</tr>", table, flags=re.S)
    ]


def data(html: str, key: str) -> dict[str, Any]:
    """What the chart of a section reads."""
    found = re.search(r'<script type="application/json">(.*?)</script>', section(html, key), flags=re.S)
    assert found
    read: dict[str, Any] = json.loads(found[1])
    return read


def stored(world: World, laid: Compared) -> list[UnitResult]:
    with world.read() as session:
        query = select(UnitResult).where(col(UnitResult.entry_id).in_(laid.entries))
        return list(session.exec(query.order_by(col(UnitResult.position))))


def test_quantiles_are_those_of_a_spreadsheet() -> None:
    five = [F(10), F(20), F(30), F(40)]
    assert [quantile(five, F(n, 4)) for n in range(5)] == [10, F("17.5"), 25, F("32.5"), 40]
    assert [quantile([F(7)], F(n, 4)) for n in range(5)] == [7] * 5
    assert quantile([F(0), F(1, 3), F(1)], F(1, 4)) == F(1, 6)


def test_the_heat_map_is_what_was_frozen(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=5)
    html = page(client_for("leader"), laid)
    shown, read = rows(html, "heat"), data(html, "heat")
    codes = [c.code for c in laid.rubric.indicators]
    assert [c["code"] for c in read["columns"]] == codes
    assert len(shown) == 1 + 5 + 1
    columns: list[list[F]] = [[] for _ in codes]
    for row, line, chart in zip(stored(world, laid), shown[1:-1], read["rows"], strict=True):
        expected: list[str] = []
        for n, code in enumerate(codes):
            got = row.document["sheet"][code]["points"]
            if got is not None:
                columns[n].append(F(got) / 10)
            expected.append("—" if got is None else str(int(F(got) * 10 + F(1, 2))))
        assert line[1:] == expected
        assert ["—" if v is None else str(v) for v in chart["values"]] == expected
        assert chart["name"] == row.document["name"]
        for code, value in zip(codes, expected, strict=True):
            link = f"/leader/cycles/{laid.cycles[-1]}/ranking/{row.entry_id}?code={code}"
            assert (f'href="{link}"' in html) == (value != "—")
    means = [str(int(sum(c, F(0)) / len(c) * 100 + F(1, 2))) for c in columns]
    assert shown[-1] == ["平均", *means]
    assert [str(n) for n in read["mean"]["values"]] == means


def test_the_spread_of_one_indicator(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=4)
    html = page(client_for("leader"), laid)
    shown, read = rows(html, "spread"), data(html, "spread")
    by = {line[0]: line[1:] for line in shown[1:]}
    assert sorted(ground.points(n, 1) for n in range(4)) == [0, F("1.5"), F("2.5"), 10]
    name = laid.rubric.indicators[1].name
    # of 10: mean 3.5; 0; 0 + 3/4 of 1.5; between 1.5 and 2.5; 2.5 + 1/4 of 7.5; 10
    assert by[name] == ["4", "35", "0", "11.3", "20", "43.8", "100"]
    chart = next(r for r in read["rows"] if r["name"] == name)
    assert (chart["mean"], chart["five"]) == ("35.0", ["0.0", "11.3", "20.0", "43.8", "100.0"])
    first = next(r for r in read["rows"] if r["name"] == laid.rubric.indicators[0].name)
    assert first["n"] == 3  # the last unit has no points there
    order = [F(line[2]) for line in shown[1:]]
    assert order == sorted(order)


def round_one(value: F) -> F:
    return F(int(value * 10 + F(1, 2)), 10)


def test_a_unit_against_the_mean(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=3)
    client = client_for("leader")
    results = stored(world, laid)
    shares = {
        row.entry_id: [
            F(row.document["sheet"][d.code]["points"]) / F(row.document["sheet"][d.code]["max"])
            for d in laid.rubric.dimensions
        ]
        for row in results
    }
    means = [sum(column, F(0)) / 3 for column in zip(*shares.values(), strict=True)]
    for picked in (results[0], results[2]):
        html = page(client, laid, f"?unit={picked.entry_id}")
        for line, own, mean in zip(rows(html, "profile")[1:], shares[picked.entry_id], means, strict=True):
            assert F(line[1]) == round_one(own * 100)
            assert F(line[2]) == round_one(mean * 100)
        read = data(html, "profile")
        assert read["unit"]["name"] == picked.document["name"]
        assert [F(v) for v in read["unit"]["values"]] == [round_one(s * 100) for s in shares[picked.entry_id]]
        assert f'value="{picked.entry_id}" selected' in html
    for wrong in ("99999", "x", "-1"):
        html = page(client, laid, f"?unit={wrong}&group=nowhere")
        assert f'value="{results[0].entry_id}" selected' in html


def test_a_dimension_without_points_is_no_corner(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=3)
    with world.write() as session:
        for row in session.exec(select(UnitResult).where(col(UnitResult.entry_id).in_(laid.entries))):
            sheet = {**row.document["sheet"]}
            sheet["B"] = {**sheet["B"], "state": "na", "points": None}
            row.document = {**row.document, "sheet": sheet}
            session.add(row)
        session.commit()
    html = page(client_for("leader"), laid)
    assert ["方面B", "—", "—", "—"] in rows(html, "profile")
    assert data(html, "profile")["axes"] == ["方面A", "方面C", "方面D"]


def test_groups_are_compared_by_themselves(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=5, groups=True)
    client = client_for("leader")
    assert len(rows(page(client, laid), "heat")) == 7
    html = page(client, laid, "?group=初中组")
    names = [line[0] for line in rows(html, "heat")[1:-1]]
    assert sorted(names) == sorted(r.document["name"] for r in stored(world, laid) if r.group == "初中组")
    assert len(names) == 2
    assert len(data(html, "history")["units"]) == 2


def test_self_scores_against_the_panel(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=4)
    html = page(client_for("leader"), laid)
    expected = {}
    for row in stored(world, laid):
        own = {code: F(m["points"]) for code, m in row.facts["marks"]["self"].items()}
        counted = sum((F(row.document["sheet"][code]["points"]) for code in own), F(0))
        expected[row.document["name"]] = (len(own), sum(own.values(), F(0)), counted)
    seen = {}
    for chart, line in zip(data(html, "own")["rows"], rows(html, "own")[1:], strict=True):
        assert F(chart["gap"]) == F(line[4].replace("−", "-"))
        seen[chart["name"]] = (int(line[1]), F(line[2]), F(line[3]))
    assert seen == expected
    gaps = [abs(F(r["gap"])) for r in data(html, "own")["rows"]]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0


def test_progress_over_cycles(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=3, earlier=2)
    html = page(client_for("auditor"), laid)
    read, shown = data(html, "history"), rows(html, "history")
    assert read["cycles"] == ["2029 年示例考核", "2030 年示例考核", "2031 年示例考核"] == shown[0][1:]
    with world.read() as session:
        query = select(Entry.cycle_id, Entry.name, UnitResult.total, UnitResult.rank).join(
            UnitResult, col(UnitResult.entry_id) == col(Entry.id)
        )
        kept = {(cycle, name): (total, rank) for cycle, name, total, rank in session.exec(query)}
    for unit, line in zip(read["units"], shown[1:-1], strict=True):
        for n, cycle_id in enumerate(laid.cycles):
            total, rank = kept[cycle_id, unit["name"]]
            assert (F(unit["totals"][n]), unit["ranks"][n]) == (total, rank)
            assert line[n + 1] == f"{read_back(total)}（{rank}）"
    assert sum(u["picked"] for u in read["units"]) == 1


def read_back(total: Fraction | None) -> str:
    assert total is not None
    return f"{float(total):g}"


def test_practice_is_in_no_comparison(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=2, earlier=2)
    with world.write() as session:
        middle = session.get(Cycle, laid.cycles[1])
        assert middle is not None
        middle.practice = True
        session.add(middle)
        session.commit()
    html = page(client_for("leader"), laid)
    assert data(html, "history")["cycles"] == ["2029 年示例考核", "2031 年示例考核"]
    with world.write() as session:
        last = session.get(Cycle, laid.cycles[2])
        assert last is not None
        last.practice = True
        session.add(last)
        session.commit()
    leader = client_for("leader")
    assert "2031 年示例考核" not in leader.text("/leader")
    assert "2029 年示例考核" in leader.text("/leader")
    html = page(leader, laid)
    assert "演练不与别的周期比较" in words(html)
    assert 'data-chart="history"' not in html


def test_what_is_not_yet_published_is_in_no_history(
    world: World, client_for: Callable[[str], Client]
) -> None:
    laid = ground.lay(world, units=2, earlier=1)
    with world.write() as session:
        old = session.get(Cycle, laid.cycles[0])
        assert old is not None
        old.state = CycleState.DELIBERATION
        session.add(old)
        session.commit()
    assert "还没有可比的周期" in words(page(client_for("leader"), laid))


def test_a_name_cannot_leave_its_place(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=3)
    html = page(client_for("leader"), laid)
    assert HOSTILE not in html
    assert "<img src=x>" not in html
    assert HOSTILE in [r["name"] for r in data(html, "heat")["rows"]]
    assert html.count("<script") == html.count("</script>")


def test_drafts_are_marked_and_published_ones_are_not(
    world: World, client_for: Callable[[str], Client]
) -> None:
    laid = ground.lay(world, units=2)
    html = page(client_for("leader"), laid)
    assert html.count('class="panel draft"') == 5
    assert "草案，未公示" in words(html)
    published = ground.lay(world, units=2, earlier=0, state=CycleState.PUBLISHED, code="p")
    html = page(client_for("leader"), published)
    assert "panel draft" not in html
    assert "草案" not in words(html)


def test_who_reads(world: World, client_for: Callable[[str], Client]) -> None:
    laid = ground.lay(world, units=2)
    at = f"/leader/cycles/{laid.cycles[-1]}/charts"
    for login in ("admin", "leader", "auditor"):
        assert client_for(login).get(at).status_code == 200, login
    for login in ("chair", "rev1", "lead1", "member1"):
        assert client_for(login).get(at).status_code == 403, login
    assert client_for("leader").get(f"/leader/cycles/{world.cycle_id}/charts").status_code == 404


@pytest.mark.parametrize("what", ["charts", ""])
def test_a_fixed_number_of_queries(
    app: Flask, world: World, client_for: Callable[[str], Client], what: str
) -> None:
    few, many = ground.lay(world, units=1), ground.lay(world, units=30, code="m")
    client, counts = client_for("leader"), []
    engine = app.extensions["intranet"].engine
    for laid in (few, many):
        seen: list[str] = []

        def note(_c: Any, _cur: Any, statement: str, *_rest: Any, seen: list[str] = seen) -> None:
            seen.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            assert client.get(f"/leader/cycles/{laid.cycles[-1]}/{what}".rstrip("/")).status_code == 200
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert counts[0] > 4


# --- before there is a result --------------------------------------------------------------------


def test_progress_counts_what_is_stored(world: World, client_for: Callable[[str], Client]) -> None:
    client, at = client_for("leader"), f"/leader/cycles/{world.cycle_id}"
    assert "已提交 0 / 2 个学校联盟" in client.text(at)
    assert "已提交 0 / 2" in re.sub(r"(已提交)\s.*?(\d+ / \d+)", r"\1 \2", client.text("/leader"))
    with world.write() as session:
        entry = session.get(Entry, world.entries["g01"])
        assert entry is not None
        entry.state, entry.round = SubmissionState.SUBMITTED, 1
        session.add(entry)
        by = world.users["rev1"]
        marks = [
            ("A1.2", "panel", by, False),
            ("A1.2", "panel", world.users["rev2"], False),
            ("C1.1", "visit", by, False),
            ("A2", "panel", by, True),  # laid aside
            ("A1.2", "self", 0, False),
            ("A1.2", "settled", 0, False),
        ]
        for code, role, user, doubtful in marks:
            session.add(
                Mark(
                    entry_id=world.entries["g01"],
                    code=code,
                    role=role,
                    user_id=user,
                    points=F(1),
                    doubtful=doubtful,
                    made_by=by,
                )
            )
        session.commit()
    world.move_to(CycleState.REVIEW)
    text = client.text(at)
    assert "已提交 1 / 2 个学校联盟" in text
    assert "已有评分的 1 / 2 个学校联盟" in text
    assert "已评条款 2 条" in text
    assert "丁桥教育集团 未开始 — 0 0 0" in text
    assert "甲山教育集团 已提交 — 2 2 1" in text
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        counted = comparisons.progress(session, cycle)
    assert (counted.submitted, counted.untouched, counted.marked) == (1, 1, 2)


def test_a_cycle_in_preparation_shows_nothing(world: World, client_for: Callable[[str], Client]) -> None:
    world.move_to(CycleState.DRAFT)
    client = client_for("leader")
    assert client.get(f"/leader/cycles/{world.cycle_id}").status_code == 404
    assert "正在进行" not in client.text("/leader")


def test_totals_compare_when_rulings_differ_in_their_days_alone() -> None:
    def cycle(cutoff: str, ties: str, text: str = "a") -> Cycle:
        return Cycle(
            title="",
            rubric_key="x",
            rubric_version="1",
            definition=text,
            rulings={"cutoff": cutoff, "ties": ties},
            fingerprint=cutoff + ties + text,
        )

    first = cycle("2025-05-18", "share")
    for other, same in (
        (cycle("2026-05-18", "share"), True),
        (cycle("2026-05-18", "mean"), False),
        (cycle("2026-05-18", "share", "b"), False),
    ):
        assert comparisons.History((first, other), ()).is_same is same
