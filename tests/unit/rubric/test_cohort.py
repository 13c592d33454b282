"""All units together: places, totals, groups, finish; stored results; speed."""

import json
import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from intranet.errors import RubricError
from intranet.rubric import engine, sentences
from intranet.rubric.engine import NO_HOOKS
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import (
    Outcome,
    Result,
    Score,
    State,
    result_from_json,
    result_to_json,
    score_from_json,
    score_to_json,
)
from intranet.rubric.model import Rubric
from tests.unit.rubric.build import ROWS, Hooks, facts, judged, marked, rows, rubric, tally

F = Fraction


# --- rank clauses --------------------------------------------------------------------------------

VALUE = {"key": "v", "label": "数", "type": "number", "by": "bureau"}


def ranked(
    values: Mapping[str, Any], *, attributes: Mapping[str, Any] | None = None, **changes: Any
) -> dict[str, Score]:
    """Score of the rank clause X for each unit with this value."""
    head = {k: changes.pop(k) for k in ("group_by",) if k in changes}
    clause = {"code": "X", "kind": "rank", "max": 4, "formula": "v", "award": [4, 3, 2, 1], **changes}
    built = rubric(clause, fields=[VALUE], **head)
    units = [
        facts(unit, bureau={"fields": {"v": v}}, attributes=(attributes or {}).get(unit, {}))
        for unit, v in values.items()
    ]
    return {r.unit: r.sheet["X"] for r in engine.score_cohort(built, units, frozen=False)}


def won(scores: Mapping[str, Score]) -> dict[str, Fraction | None]:
    return {unit: scores[unit].points for unit in sorted(scores)}


def test_ties_share_place_and_points_and_skip_the_next() -> None:
    """CP05: 1, 2, 2, 4; the negative fourth still gets the point printed for its place."""
    scores = ranked({"a": 2, "b": 1, "c": 1, "d": -2})
    assert won(scores) == {"a": F(4), "b": F(3), "c": F(3), "d": F(1)}
    assert [sentences.line(scores[u].lines[-1]) for u in "abcd"] == [
        "第 1 名（共 4 个）",
        "并列第 2 名（2 个并列，共 4 个）",
        "并列第 2 名（2 个并列，共 4 个）",
        "第 4 名（共 4 个）",
    ]
    assert scores["d"].flags == ("negative_rank",)


def test_tie_at_the_top() -> None:
    assert won(ranked({"a": "4.5", "b": "4.5", "c": 4, "d": "3.5"}, award=[3, 2, 1], max=3)) == {
        "a": F(3),
        "b": F(3),
        "c": F(1),
        "d": F(0),
    }


def test_mean_of_the_places() -> None:
    assert won(ranked({"a": 2, "b": 1, "c": 1, "d": 1, "e": 0}, ties="mean")) == {
        "a": F(4),
        "b": F(2),
        "c": F(2),
        "d": F(2),
        "e": F(0),
    }
    assert won(ranked({"a": 1, "b": 1, "c": 0}, ties="mean", award=[3, 2, 2], max=3))["a"] == F("2.5")


def test_low_is_good() -> None:
    assert won(ranked({"a": 5, "b": 1, "c": 3}, order="low")) == {"a": F(2), "b": F(4), "c": F(3)}


def test_first_and_step() -> None:
    scores = ranked({u: n for n, u in enumerate("edcba")}, award=[], first=4, step="1.5")
    assert won(scores) == {"a": F(4), "b": F("2.5"), "c": F(1), "d": F(0), "e": F(0)}


def test_positive_only_gives_a_negative_value_its_place_but_no_points() -> None:
    scores = ranked({"a": 2, "b": 0, "c": -1, "d": -2}, positive_only=True)
    assert won(scores) == {"a": F(4), "b": F(3), "c": F(0), "d": F(0)}
    assert sentences.reason(scores["c"].lines[-1]) == "负增长，不计分"


def test_places_compare_exact_values() -> None:
    assert won(ranked({"a": "4.333", "b": "4.334"})) == {"a": F(3), "b": F(4)}


def test_blank_unit_is_not_in_the_pool() -> None:
    scores = ranked({"a": 1, "b": None, "c": 2})
    assert won(scores) == {"a": F(3), "b": None, "c": F(4)}
    assert scores["b"].state is State.BLANK
    assert sentences.line(scores["a"].lines[-1]) == "第 2 名（共 2 个）"


def test_unit_to_which_the_clause_does_not_apply_holds_no_place() -> None:
    scores = ranked(
        {"a": 1, "b": 9},
        applies={"stage": "小学"},
        attributes={"a": {"stage": "小学"}, "b": {"stage": "初中"}},
    )
    assert won(scores) == {"a": F(4), "b": None}
    assert scores["b"].state is State.NA


def test_ranks_run_inside_the_group() -> None:
    attributes = {u: {"stage": s} for u, s in (("a", "小学"), ("b", "初中"), ("c", "小学"))}
    assert won(ranked({"a": 1, "b": 0, "c": 2}, group_by="stage", attributes=attributes)) == {
        "a": F(3),
        "b": F(4),
        "c": F(4),
    }


def test_a_unit_alone_is_first() -> None:
    assert won(ranked({"a": 0})) == {"a": F(4)}


def test_unit_pass_of_a_rank_waits() -> None:
    built = rubric({"code": "X", "kind": "rank", "max": 4, "formula": "v / 3", "award": [4]}, fields=[VALUE])
    score = engine.score_unit(built, facts(bureau={"fields": {"v": 13}}), frozen=True)["X"]
    assert (score.state, score.points, score.value) == (State.PENDING, None, F(13, 3))


def test_frozen_blank_rank_is_zero() -> None:
    built = rubric({"code": "X", "kind": "rank", "max": 4, "formula": "v", "award": [4]}, fields=[VALUE])
    results = engine.score_cohort(built, [facts("u1"), facts("u2", bureau={"fields": {"v": 1}})])
    assert [(r.unit, r.total) for r in results] == [("u2", F(4)), ("u1", F(0))]


# --- totals, ranks, finish -----------------------------------------------------------------------

PLAIN = (judged("a", 10), judged("b", 10))
SUBTOTALS = [{"code": "base", "title": "基本分", "of": ["a"]}]


def cohort(
    totals: Mapping[str, tuple[Any, Any]],
    hooks: engine.Hooks = NO_HOOKS,
    groups: Mapping[str, str] | None = None,
    **head: Any,
) -> list[Result]:
    units = [
        marked(
            unit,
            **{k: v for k, v in (("a", a), ("b", b)) if v is not None},
            parts={"attributes": {"g": (groups or {}).get(unit)}},
        )
        for unit, (a, b) in totals.items()
    ]
    return engine.score_cohort(rubric(*PLAIN, subtotals=SUBTOTALS, **head), units, hooks)


def places(results: Sequence[Result]) -> list[tuple[str, int | None, bool]]:
    return [(r.unit, r.rank, r.tied) for r in results]


def test_competition_ranking_and_unsettled_units_last() -> None:
    results = cohort(
        {"u1": ("5", "1"), "u2": ("9", None), "u3": ("4", "2"), "u4": ("6", "1"), "u5": ("1", "1")}
    )
    assert places(results) == [
        ("u4", 1, False),
        ("u1", 2, True),
        ("u3", 2, True),
        ("u5", 4, False),
        ("u2", None, False),
    ]
    assert [r.total for r in results] == [F(7), F(6), F(6), F(2), None]
    assert results[-1].state is State.PENDING


def test_rank_by_a_subtotal() -> None:
    results = cohort({"u1": ("5", "9"), "u2": ("6", "0")}, rank_by="base")
    assert places(results) == [("u2", 1, False), ("u1", 2, False)]
    assert [r.subtotals["base"] for r in results] == [F(6), F(5)]


def test_groups_are_ranked_each_by_itself() -> None:
    results = cohort(
        {"u1": ("5", "0"), "u2": ("6", "0"), "u3": ("7", "0")},
        groups={"u1": "甲", "u2": "乙", "u3": "甲"},
        group_by="g",
    )
    assert [(r.group, r.unit, r.rank) for r in results] == [("甲", "u3", 1), ("甲", "u1", 2), ("乙", "u2", 1)]


def test_rank_compares_exact_points() -> None:
    results = engine.score_cohort(
        rubric(judged("a", 10, weight="1/3"), rounding="display"),
        [marked("u1", a="10"), marked("u2", a="9.99")],
    )
    assert [(r.unit, r.total, r.rank) for r in results] == [("u1", F(10, 3), 1), ("u2", F("3.33"), 2)]


def test_finish_sees_settled_units_in_rank_order() -> None:
    seen: list[tuple[str, int | None]] = []

    def finish(_rubric: Rubric, results: Sequence[Result]) -> dict[str, Outcome]:
        seen.extend((r.unit, r.rank) for r in results)
        return {results[0].unit: Outcome(grade="一等奖", notes=("发文表彰",), columns={"奖励": F(3)})}

    results = cohort({"u1": ("1", "1"), "u2": ("9", None), "u3": ("4", "2")}, Hooks(finish=finish))
    assert seen == [("u3", 1), ("u1", 2)]
    assert [(r.unit, r.outcome.grade) for r in results] == [("u3", "一等奖"), ("u1", None), ("u2", None)]


def test_own_sort_keys_and_units_out_of_the_ranking() -> None:
    def veto(_rubric: Rubric, results: Sequence[Result]) -> dict[str, Outcome]:
        out = {r.unit: Outcome(key=(r.unit != "u1", *r.key)) for r in results}
        return out | {"u4": Outcome(ranked=False, notes=("不参评",))}

    results = cohort(
        {"u1": ("9", "9"), "u2": ("1", "1"), "u3": ("2", "2"), "u4": ("5", "5")}, Hooks(finish=veto)
    )
    assert places(results) == [("u3", 1, False), ("u2", 2, False), ("u1", 3, False), ("u4", None, False)]


def test_keys_for_some_units_only_are_refused() -> None:
    hooks = Hooks(finish={"u1": Outcome(key=(1,))})
    with pytest.raises(RubricError, match="排序键要么都给要么都不给，缺 u2"):
        cohort({"u1": ("1", "1"), "u2": ("2", "2")}, hooks)


def test_outcome_of_an_unknown_unit_is_refused() -> None:
    with pytest.raises(RubricError, match="u9"):
        cohort({"u1": ("1", "1")}, Hooks(finish={"u9": Outcome(grade="优")}))


def test_verdicts_are_ranked_by_the_plugins_key_only() -> None:
    built = rubric(judged("a", None, options=["优", "良"]))
    units = [marked(u, a={"verdict": v}) for u, v in (("u1", "良"), ("u2", "优"))]
    assert places(engine.score_cohort(built, units)) == [("u1", None, False), ("u2", None, False)]

    def by_verdict(_rubric: Rubric, results: Sequence[Result]) -> dict[str, Outcome]:
        return {
            r.unit: Outcome(grade=r.sheet["a"].verdict, key=(r.sheet["a"].verdict == "优",)) for r in results
        }

    results = engine.score_cohort(built, units, Hooks(finish=by_verdict))
    assert [(r.unit, r.rank, r.total) for r in results] == [("u2", 1, None), ("u1", 2, None)]


def test_same_unit_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="u1"):
        engine.score_cohort(rubric(*PLAIN), [marked("u1", a="1"), marked("u1", a="2")])


def test_empty_cohort() -> None:
    assert engine.score_cohort(rubric(*PLAIN), []) == []


def test_collect_keeps_what_is_known() -> None:
    built = rubric(*PLAIN, subtotals=[{"code": "all", "title": "合计", "of": ["a", "b"]}])
    given = marked("u7", a="4")
    result = engine.collect(built, given, engine.score_unit(built, given))
    assert (result.unit, result.total, result.state, result.rank) == ("u7", None, State.PENDING, None)
    assert result.subtotals == {"all": F(4)}


# --- stored scores -------------------------------------------------------------------------------


def test_scores_and_results_survive_json() -> None:
    built = rubric(
        tally("X", 3, average_over="schools"),
        {
            "code": "D",
            "kind": "deduct",
            "max": 5,
            "deductions": {"event": 2, "material": 1},
            "events": [{"label": "会", "need": 2, "in": ["上", "下"]}],
            "materials": ["甲"],
        },
        {"code": "R", "kind": "rank", "max": 4, "formula": "v / 7", "award": [4, 3]},
        judged("J", None, options=["优"]),
        tables=[ROWS],
        fields=[VALUE],
        subtotals=[{"code": "base", "title": "基本分", "of": ["X"]}],
    )
    units = [
        Facts.from_json(
            {
                "unit": unit,
                "name": f"联盟{unit}",
                "members": {"s1": {}, "s2": {}, "s3": {}},
                "docs": {
                    "school": {
                        "fields": {"D.上": 1},
                        "materials": {"D": [False]},
                        "tables": {"rows": [{"person": "周一", "n": "5"}, {"person": "钱二", "n": None}]},
                    },
                    "bureau": {"fields": {"v": v}},
                },
                "marks": {"panel": {"X": {"points": "1.5", "reason": "核实"}, "J": {"verdict": "优"}}},
            }
        )
        for unit, v in (("u1", 3), ("u2", 3))
    ]
    hooks = Hooks(
        finish={u: Outcome(grade="优", notes=("注",), columns={"奖": F(1, 3)}) for u in ("u1", "u2")}
    )
    for result in engine.score_cohort(built, units, hooks):
        for score in result.sheet.values():
            assert score_from_json(json.loads(json.dumps(score_to_json(score)))) == score
        again = result_from_json(json.loads(json.dumps(result_to_json(result))))
        assert (again.sheet, again.rank, again.tied, again.total) == (result.sheet, 1, True, result.total)
        assert (again.subtotals, again.outcome, again.state) == (
            result.subtotals,
            result.outcome,
            result.state,
        )


numbers = st.decimals(min_value=0, max_value=9, places=2).map(str)


@for_all(st.lists(numbers, max_size=5), st.integers(1, 4), st.sampled_from(["division", "each", "display"]))
def test_score_is_its_own_explanation(values: list[str], schools: int, rounding: str) -> None:
    """Lines through the steps give the points: nothing else can add or take any."""
    built = rubric(tally("X", 6, average_over="schools", weight="2/3"), tables=[ROWS], rounding=rounding)
    members: dict[str, dict[str, Any]] = {f"s{n}": {} for n in range(schools)}
    score = engine.score_unit(built, Facts(unit="u1", members=members, docs=rows(*values).docs))["X"]
    at = sum((line.points or F(0) for line in score.lines if line.counted), F(0))
    for step in score.steps:
        assert step.before is None or step.before == at
        at = step.after or F(0)
    assert at == score.points
    assert 0 <= at <= 6


# --- speed ---------------------------------------------------------------------------------------


def test_hundred_units_and_forty_five_clauses_in_a_second() -> None:
    built = rubric(
        *(judged(f"j{n}", 2) for n in range(30)),
        *(tally(f"t{n}", 3) for n in range(10)),
        *(
            {"code": f"r{n}", "kind": "rank", "max": 4, "formula": "v", "award": [4, 3, 2, 1]}
            for n in range(5)
        ),
        tables=[ROWS],
        fields=[VALUE],
    )
    units = [
        Facts.from_json(
            {
                "unit": f"u{n}",
                "docs": {
                    "school": {"tables": {"rows": [{"person": f"p{i}", "n": "0.1"} for i in range(10)]}},
                    "bureau": {"fields": {"v": n % 7}},
                },
                "marks": {"panel": {f"j{i}": {"points": "1.5"} for i in range(30)}},
            }
        )
        for n in range(100)
    ]
    hooks = Hooks()
    start = time.process_time()
    results = engine.score_cohort(built, units, hooks)
    spent = time.process_time() - start
    assert results[0].total == 45 + 10 + 20
    assert hooks.calls.count("form_fields") == 100
    assert hooks.calls.count("finish") == 1
    assert spent < 1, f"{spent:.2f} s"
