"""Spreading reviewers by rule, coverage, the shuffled queue, the assignment as a workbook."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import openpyxl
import pytest

from intranet.documents import assignment_sheet as paper
from intranet.domain.assignment import Plan, Row, Rule, by_rule, coverage, digest, plan
from intranet.domain.queue_order import shuffled
from intranet.domain.standing import Item
from intranet.errors import Invalid
from intranet.models import Entry
from intranet.queries.assignments import Asked
from intranet.queries.review import Reviewer
from intranet.rubric.model import JudgedClause

CODES = ["A", "B", "C", "D"]


def entries(n: int) -> list[Entry]:
    return [Entry(id=i, cycle_id=1, unit_id=i, code=f"u{i:02}", name=f"示例联盟{i}") for i in range(1, n + 1)]


def people(n: int, **recused: frozenset[int]) -> tuple[Reviewer, ...]:
    return tuple(
        Reviewer(i, f"评委{i}", False, frozenset(), recused.get(f"r{i}", frozenset()))
        for i in range(1, n + 1)
    )


def per_cell(rows: set[Row]) -> Counter[tuple[int, str]]:
    return Counter((entry_id, code) for _user, entry_id, code in rows)


def users(rows: set[Row], *, entry: int | None = None, code: str | None = None) -> set[int]:
    return {u for u, e, c in rows if entry in (None, e) and code in (None, c)}


# --- by rule --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", list(Rule))
@pytest.mark.parametrize("k", [1, 2, 3, 9])
def test_every_cell_has_k_reviewers_or_as_many_as_there_are(rule: Rule, k: int) -> None:
    asked = Asked(people(5, r2=frozenset({1, 3}), r4=frozenset({3})))
    rows = by_rule(rule, asked, entries(6), CODES, k)
    assert set(per_cell(rows)) == {(i, c) for i in range(1, 7) for c in CODES}
    for (entry_id, _code), n in per_cell(rows).items():
        assert n == min(k, {1: 4, 3: 3}.get(entry_id, 5)), entry_id
    assert not any(u == 2 and e in (1, 3) for u, e, _c in rows)
    assert not any(u == 4 and e == 3 for u, e, _c in rows)


def test_by_indicator_the_same_people_score_all_units_in_turn() -> None:
    rows = by_rule(Rule.INDICATOR, Asked(people(5)), entries(6), CODES, 2)
    assert [users(rows, code=c) for c in CODES] == [{1, 2}, {3, 4}, {5, 1}, {2, 3}]


def test_by_indicator_others_stand_in_for_the_recused_and_share_it() -> None:
    everywhere = frozenset(range(1, 7))
    rows = by_rule(Rule.INDICATOR, Asked(people(4, r1=everywhere)), entries(6), ["A"], 1)
    assert Counter(u for u, _e, _c in rows) == {2: 2, 3: 2, 4: 2}


def test_by_unit_the_same_people_score_all_indicators() -> None:
    rows = by_rule(Rule.UNIT, Asked(people(3)), entries(6), CODES, 2)
    for i in range(1, 7):
        assert {frozenset(users(rows, entry=i, code=c)) for c in CODES} == {frozenset(users(rows, entry=i))}
        assert len(users(rows, entry=i)) == 2
    assert Counter(u for u, _e, _c in rows) == {1: 16, 2: 16, 3: 16}


@pytest.mark.parametrize(("n", "units", "k"), [(5, 7, 2), (3, 4, 2), (15, 60, 3), (4, 5, 1)])
def test_even_leaves_nobody_more_than_one_cell_ahead(n: int, units: int, k: int) -> None:
    rows = by_rule(Rule.EVEN, Asked(people(n)), entries(units), CODES, k)
    loads = Counter(u for u, _e, _c in rows)
    assert len(loads) == n
    assert max(loads.values()) - min(loads.values()) <= 1
    assert sum(loads.values()) == units * len(CODES) * k


def test_even_makes_up_for_a_recusal_where_it_can() -> None:
    rows = by_rule(Rule.EVEN, Asked(people(3, r1=frozenset({1, 2}))), entries(6), CODES, 1)
    assert Counter(u for u, _e, _c in rows) == {1: 8, 2: 8, 3: 8}


def test_without_reviewers_there_is_nothing_to_spread() -> None:
    everywhere = frozenset({1, 2})
    assert by_rule(Rule.EVEN, Asked(people(1, r1=everywhere)), entries(2), CODES, 2) == set()
    assert by_rule(Rule.UNIT, Asked(()), entries(2), CODES, 2) == set()
    assert by_rule(Rule.INDICATOR, Asked(()), entries(2), CODES, 2) == set()


def test_coverage_counts_those_who_really_score() -> None:
    pairs = {(1, "A"): frozenset({1, 2}), (1, "B"): frozenset({2}), (2, "A"): frozenset({1, 2, 9})}
    found = coverage(Asked(people(3, r2=frozenset({1})), {}, pairs), [1, 2], ["A", "B"], 2)
    assert (found.cells, found.none, found.one, found.few, found.wanted) == (4, 2, 1, 3, 2)


def test_an_own_school_bars_like_a_recusal() -> None:
    filer = Reviewer(1, "评委1", False, frozenset({7}))
    asked = Asked((filer,), {1: frozenset({7, 8}), 2: frozenset({9})})
    assert [asked.is_barred(filer, i) for i in (1, 2, 3)] == [True, False, False]
    assert asked.of(1, "A") == []
    assert asked.of(2, "A") == [filer]


def test_a_plan_is_the_difference_and_a_digest_tells_states_apart() -> None:
    have, wanted = {(1, 1, "A"), (2, 1, "A")}, {(2, 1, "A"), (1, 2, "B"), (1, 1, "B")}
    assert plan(have, wanted) == Plan([(1, 1, "B"), (1, 2, "B")], [(1, 1, "A")])
    assert plan(have, have).is_empty
    assert digest(have) == digest(frozenset(have))
    assert len({digest(have), digest(wanted), digest(set())}) == 3


# --- the queue ------------------------------------------------------------------------------------


def items(units: int, *, by: str) -> list[Item]:
    clauses = [JudgedClause(code=c, title=c, kind="judged") for c in CODES]
    found = [Item(e, c, ()) for c in clauses for e in entries(units)]
    return sorted(found, key=lambda i: i.entry.code) if by == "unit" else found


def order(user: int, units: int = 8, *, by: str = "indicator", cycle: int = 1) -> list[tuple[str, str]]:
    return [(i.indicator.code, i.entry.code) for i in shuffled(items(units, by=by), user, cycle, by=by)]


def test_by_indicator_each_reviewer_meets_the_units_in_an_order_of_the_own() -> None:
    first = order(1)
    assert [c for c, _u in first] == [c for c in CODES for _n in range(8)]
    assert sorted(first) == sorted(order(2))
    units = [[u for c, u in first if c == code] for code in CODES]
    assert len({tuple(u) for u in units}) == 4
    assert order(2) != first
    assert order(1, cycle=2) != first
    assert order(1) == first


def test_nobody_always_begins_with_the_same_unit() -> None:
    starts = Counter(order(user, 6)[0][1] for user in range(1, 61))
    assert len(starts) == 6
    assert max(starts.values()) < 30


def test_by_unit_the_indicators_stay_as_printed() -> None:
    first = order(1, by="unit")
    assert [c for c, _u in first] == CODES * 8
    assert len({u for _c, u in first}) == 8
    assert [u for _c, u in first[::4]] != [u for _c, u in order(2, by="unit")[::4]]


def test_the_order_is_written_down() -> None:
    """It must not change with a version of Python or of the program, or queues jump under the reviewers."""
    assert [u for _c, u in order(3, 5)[:5]] == ["u03", "u05", "u04", "u02", "u01"]


# --- the workbook ---------------------------------------------------------------------------------


def layout(**more: Any) -> paper.Layout:
    found = paper.people_of([(1, "李示例", "a1"), (2, "王示例", "a2"), (3, "王示例", "a3")])
    lines = [
        paper.Line(11, "01", "示例一集团", frozenset({3})),
        paper.Line(12, "02", "示例二集团"),
    ]
    cells = {(11, "A1"): [1, 2], (12, "A1"): [3], (12, "B2"): []}
    return paper.Layout(found, lines, [("A1", "章程"), ("B2", "教研")], more.get("cells", cells))


def changed(data: bytes, **cells: str | None) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(data))
    for place, value in cells.items():
        book.worksheets[0][place] = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


WRITTEN = paper.write("示例考核 评分分派表", layout(), author="示例区教育局")


def test_people_of_one_name_are_told_apart_by_their_accounts() -> None:
    assert [p.label for p in layout().people] == ["李示例", "王示例（a2）", "王示例（a3）"]


def test_the_table_holds_the_state_and_reads_back_as_it_is() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(WRITTEN)).worksheets[0]
    rows = [[c.value for c in row] for row in sheet.iter_rows()]
    assert rows == [
        ["单位代码", "单位名称", "回避（不可分派）", "A1 章程", "B2 教研"],
        ["01", "示例一集团", "王示例（a3）", "李示例、王示例（a2）", None],
        ["02", "示例二集团", None, "王示例（a3）", None],
    ]
    assert sheet.freeze_panes == "C2"
    found = paper.read(WRITTEN, layout())
    assert found.problems == ()
    assert found.rows == {(1, 11, "A1"), (2, 11, "A1"), (3, 12, "A1")}


def test_names_and_accounts_are_read_with_any_comma() -> None:
    data = changed(WRITTEN, D2="a2,李示例", E2="A1；王示例(a2)", D3="a1 a3")
    found = paper.read(data, layout())
    assert found.problems == ()
    assert found.rows == {
        (2, 11, "A1"),
        (1, 11, "A1"),
        (1, 11, "B2"),
        (2, 11, "B2"),
        (1, 12, "A1"),
        (3, 12, "A1"),
    }


def test_each_problem_names_its_cell() -> None:
    data = changed(WRITTEN, D2="李示例、赵某", E2="王示例（a3）", A3="09")
    found = [(p.cell, p.message) for p in paper.read(data, layout()).problems]
    assert found == [
        ("D2", "考核组评委里没有“赵某”，请照填写说明里的姓名填"),
        ("E2", "王示例（a3）回避示例一集团，不能分派"),
        ("A3", "本次考核没有代码为“09”的单位"),
    ]
    (double,) = paper.read(changed(WRITTEN, A3="01"), layout()).problems
    assert (double.cell, double.message) == ("A3", "单位 01 出现了两次，请删去一行")
    ambiguous = paper.read(changed(WRITTEN, D3="王示例"), layout()).problems
    assert [p.cell for p in ambiguous] == ["D3"]


def test_a_missing_unit_or_column_is_told() -> None:
    book = openpyxl.load_workbook(io.BytesIO(WRITTEN))
    book.worksheets[0].delete_rows(3)
    out = io.BytesIO()
    book.save(out)
    (problem,) = paper.read(out.getvalue(), layout()).problems
    assert "少了示例二集团" in problem.message
    with pytest.raises(Invalid, match="缺少：B2 教研"):
        paper.read(changed(WRITTEN, E1=None), layout())
    (formula,) = paper.read(changed(WRITTEN, D3='="李示例"'), layout()).problems
    assert formula.cell == "D3"


def test_a_moved_column_is_found_and_its_problems_named_where_they_are() -> None:
    data = changed(WRITTEN, D1="B2 教研", E1="A1 章程", E2="某人", D2=None)
    assert [p.cell for p in paper.read(data, layout()).problems] == ["E2"]


def test_a_name_like_a_formula_stays_text() -> None:
    evil = paper.people_of([(1, "=HYPERLINK(1)", "a1")])
    made = paper.write(
        "表",
        paper.Layout(evil, [paper.Line(1, "01", "示例")], [("A1", "=1+1")], {(1, "A1"): [1]}),
        author="局",
    )
    sheet = openpyxl.load_workbook(io.BytesIO(made)).worksheets[0]
    assert sheet["D2"].data_type == "s"
    assert sheet["D2"].value == "=HYPERLINK(1)"
