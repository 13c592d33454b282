"""Places by the cycle's rule for ties: skipped or dense, broken by figures in order, always exact."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from intranet.rubric import engine
from intranet.rubric.ledger import Outcome, Result, Score, State
from intranet.rubric.model import Rubric
from intranet.rubric.ranking import Ties, comparable, figure, placed
from tests.unit.rubric.build import Hooks, judged, marked, rubric

F = Fraction
PARTS = (judged("a", 10), judged("b", 10))
SUBTOTALS = [{"code": "base", "title": "基本分", "of": ["a"]}]


def places(ties: Ties, marks: Mapping[str, tuple[str, str]], hooks: Any = engine.NO_HOOKS) -> list[Any]:
    units = [marked(unit, a=a, b=b) for unit, (a, b) in marks.items()]
    found = engine.score_cohort(rubric(*PARTS, subtotals=SUBTOTALS), units, hooks, ties=ties)
    return [(r.unit, r.rank, r.tied) for r in found]


TIED = {"u1": ("5", "1"), "u2": ("4", "2"), "u3": ("6", "1"), "u4": ("1", "1")}
"""u3 7, then u1 and u2 with 6, then u4 2."""


def test_dense_places_follow_at_once() -> None:
    assert places(Ties(), TIED) == [("u3", 1, False), ("u1", 2, True), ("u2", 2, True), ("u4", 4, False)]
    assert places(Ties(dense=True), TIED) == [
        ("u3", 1, False),
        ("u1", 2, True),
        ("u2", 2, True),
        ("u4", 3, False),
    ]


def test_a_subtotal_or_a_clause_breaks_the_tie() -> None:
    first = [("u3", 1, False), ("u1", 2, False), ("u2", 3, False), ("u4", 4, False)]
    assert places(Ties(by=("base",)), TIED) == first
    assert places(Ties(by=("b",)), TIED) == [
        ("u3", 1, False),
        ("u2", 2, False),
        ("u1", 3, False),
        ("u4", 4, False),
    ]


def test_the_next_figure_is_asked_only_where_the_first_is_equal() -> None:
    three = (judged("a", 10), judged("b", 10), judged("c", 10))
    units = [
        marked("u1", a="3", b="1", c="2"),
        marked("u2", a="3", b="2", c="1"),
        marked("u3", a="2", b="2", c="2"),
    ]
    found = engine.score_cohort(rubric(*three), units, ties=Ties(by=("a", "c")))
    assert [(r.unit, r.rank) for r in found] == [("u1", 1), ("u2", 2), ("u3", 3)]
    found = engine.score_cohort(rubric(*three), units, ties=Ties(by=("b",), dense=True))
    assert [(r.unit, r.rank, r.tied) for r in found] == [("u2", 1, True), ("u3", 1, True), ("u1", 2, False)]


def test_a_tie_that_no_figure_breaks_stands() -> None:
    marks = {"u1": ("5", "1"), "u2": ("5", "1"), "u3": ("3", "3")}
    assert places(Ties(by=("base", "b")), marks) == [("u1", 1, True), ("u2", 1, True), ("u3", 3, False)]


def test_a_third_is_not_the_same_as_its_decimal() -> None:
    built = rubric(judged("a", 10, weight="1/3"), judged("b", 10), rounding="display")
    units = [
        marked("u1", a="1", b="1"),
        marked("u2", a="1", b="1"),
    ]
    assert [r.rank for r in engine.score_cohort(built, units, ties=Ties(by=("a",)))] == [1, 1]
    one, two = (
        result("u1", total=F(1), a=F(1, 3)),
        result("u2", total=F(1), a=F(333333333333, 1000000000000)),
    )
    assert [(r.unit, r.rank) for r in placed([two, one], Ties(by=("a",)))] == [("u1", 1), ("u2", 2)]


def test_the_plugins_own_key_stands_above_and_ties_in_it_are_broken_too() -> None:
    def veto(_rubric: Rubric, results: Sequence[Result]) -> dict[str, Outcome]:
        return {r.unit: Outcome(key=(r.unit != "u3",)) for r in results}

    assert places(Ties(by=("a",)), TIED, Hooks(finish=veto)) == [
        ("u1", 1, False),
        ("u2", 2, False),
        ("u4", 3, False),
        ("u3", 4, False),
    ]


def result(unit: str, *, total: Fraction, group: str = "", **points: Fraction | None) -> Result:
    """A settled result; a figure of None is one that does not apply to the unit."""
    sheet = {
        code: Score(code, State.NA if value is None else State.SCORED, value, F(10))
        for code, value in points.items()
    }
    return Result(unit, unit, sheet, {}, total, State.SCORED, group=group, key=(total,))


def test_a_figure_that_one_of_them_does_not_have_is_passed_over() -> None:
    has, lacks = result("u1", total=F(5), a=F(1), b=F(1)), result("u2", total=F(5), a=None, b=F(2))
    assert figure(lacks, "a") is None
    assert [(r.unit, r.rank) for r in placed([has, lacks], Ties(by=("a", "b")))] == [("u2", 1), ("u1", 2)]
    assert [r.rank for r in placed([has, lacks], Ties(by=("a",)))] == [1, 1]


def test_groups_are_broken_each_by_itself() -> None:
    found = placed(
        [
            result("u1", total=F(5), group="甲", a=F(1)),
            result("u2", total=F(5), group="乙", a=F(9)),
            result("u3", total=F(5), group="甲", a=F(2)),
        ],
        Ties(by=("a",)),
    )
    assert [(r.group, r.unit, r.rank) for r in found] == [("甲", "u3", 1), ("甲", "u1", 2), ("乙", "u2", 1)]


def test_what_ties_may_be_broken_by_has_points() -> None:
    built = rubric(*PARTS, judged("c", None, options=["优", "良"]), subtotals=SUBTOTALS)
    names = comparable(built)
    assert next(iter(names)) == "base"
    assert names["base"] == "基本分"
    assert {"a", "b"} <= set(names)
    assert "c" not in names


POINTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=7)


@for_all(POINTS, st.booleans())
def test_places_are_those_of_sorting_by_total_and_figure(marks: list[tuple[int, int]], dense: bool) -> None:
    """Checked against the definition: a place is one more than how many stand better (or how many levels)."""
    given = [result(f"u{n}", total=F(t), a=F(a)) for n, (t, a) in enumerate(marks)]
    key = {f"u{n}": pair for n, pair in enumerate(marks)}
    for r in placed(given, Ties(by=("a",), dense=dense)):
        better = [pair for pair in key.values() if pair > key[r.unit]]
        assert r.rank == 1 + (len(set(better)) if dense else len(better))
        assert r.tied == (list(key.values()).count(key[r.unit]) > 1)
