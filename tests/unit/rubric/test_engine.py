"""The one order of steps, the states, sums, gates and hooks of the unit pass, with exact values."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from intranet.errors import Invalid, RubricError
from intranet.rubric import engine, sentences
from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.ledger import (
    Earned,
    Line,
    Result,
    Score,
    State,
)
from intranet.rubric.model import Rubric
from tests.unit.rubric.build import ROWS, Hooks, facts, judged, marked, rows, rubric, tally

F = Fraction


def steps(score: Score) -> list[tuple[str, Fraction | None, Fraction | None]]:
    return [(s.name, s.before, s.after) for s in score.steps]


# --- leaf: cap, average, rounding, weight, mark --------------------------------------------------


@pytest.mark.parametrize(("n", "points", "lost"), [("2.9", "2.9", "0"), ("3", "3", "0"), ("3.8", "3", "0.8")])
def test_cap(n: str, points: str, lost: str) -> None:
    score = engine.score_unit(rubric(tally("X", 3), tables=[ROWS]), rows(n))["X"]
    assert (score.raw, score.points, score.capped_off) == (F(n), F(points), F(lost))


def test_cap_says_what_was_lost() -> None:
    score = engine.score_unit(rubric(tally("X", 3), tables=[ROWS]), rows("3.8"))["X"]
    assert [sentences.step(s) for s in score.steps] == ["封顶 3，因封顶未计 0.8"]


def test_average_comes_before_the_cap() -> None:
    built = rubric(tally("X", 6, average_over="schools"), tables=[ROWS])
    given = Facts(unit="u1", members={"a": {}, "b": {}}, docs=rows("13").docs)
    score = engine.score_unit(built, given)["X"]
    assert steps(score) == [("average", F(13), F(13, 2)), ("cap", F(13, 2), F(6))]
    assert score.points == 6


@pytest.mark.parametrize(
    ("rounding", "points", "value"),
    [("division", "4.33", "13/3"), ("each", "4.33", "13/3"), ("display", "13/3", "13/3")],
)
def test_rounding_of_an_average(rounding: str, points: str, value: str) -> None:
    built = rubric(tally("X", 6, average_over="schools"), tables=[ROWS], rounding=rounding)
    given = Facts(unit="u1", members={"a": {}, "b": {}, "c": {}}, docs=rows("13").docs)
    score = engine.score_unit(built, given)["X"]
    assert (score.points, score.value) == (F(points), F(value))


@pytest.mark.parametrize(
    ("rounding", "points"), [("division", "1.005"), ("each", "1.01"), ("display", "1.005")]
)
def test_rounding_without_a_division(rounding: str, points: str) -> None:
    built = rubric(tally("X", 6), tables=[ROWS], rounding=rounding)
    assert engine.score_unit(built, rows("1.005"))["X"].points == F(points)


@pytest.mark.parametrize(
    ("formula", "points"), [("mean(v)", "1.67"), ("sum(v) / 3", "1.67"), ("sum(v)", "5")]
)
def test_formula_that_divides_is_rounded(formula: str, points: str) -> None:
    field = {"key": "v", "label": "数", "type": "number", "per": "member"}
    given = facts(
        members={"a": {}, "b": {}, "c": {}}, school={"members": {"a": {"v": 1}, "b": {"v": 2}, "c": {"v": 2}}}
    )
    built = rubric({"code": "X", "kind": "measure", "max": 9, "formula": formula}, fields=[field])
    assert engine.score_unit(built, given)["X"].points == F(points)


def test_places_of_the_clause_stand_before_those_of_the_rubric() -> None:
    built = rubric(tally("X", 6, average_over="schools", places=1), tables=[ROWS])
    given = Facts(unit="u1", members={"a": {}, "b": {}, "c": {}}, docs=rows("13").docs)
    assert engine.score_unit(built, given)["X"].points == F("4.3")


@pytest.mark.parametrize(("rounding", "points"), [("division", "0.33"), ("display", "1/3")])
def test_rule_may_have_divided(rounding: str, points: str) -> None:
    built = rubric({"code": "X", "kind": "rule", "max": 1}, rounding=rounding)
    hooks = Hooks(score_unit={"X": Earned(lines=(Line("rule", {"text": "甲"}, F(1, 3)),))})
    assert engine.score_unit(built, facts(), hooks)["X"].points == F(points)


def test_weight_comes_last_and_the_cap_is_on_the_printed_scale() -> None:
    built = rubric(judged("X", 40, weight="40/80"))
    score = engine.score_unit(built, marked(X="72"))["X"]
    assert (score.points, score.max) == (F(36), F(40))
    assert steps(score) == [("mark", None, F(72)), ("weight", F(72), F(36))]
    with pytest.raises(Invalid, match="请填 0 — 80"):
        engine.score_unit(built, marked(X="81"))


@pytest.mark.parametrize(
    ("rounding", "points"), [("division", "33.33"), ("each", "33.33"), ("display", "100/3")]
)
def test_weight_is_a_division(rounding: str, points: str) -> None:
    built = rubric(judged("X", 40, weight="1/3"), rounding=rounding)
    assert engine.score_unit(built, marked(X="100"))["X"].points == F(points)


def test_mark_is_the_last_word_and_the_proposal_stays() -> None:
    built = rubric(tally("X", 3), tables=[ROWS])
    given = Facts.from_json(
        {
            "unit": "u1",
            "docs": dict(rows("3.5").docs),
            "marks": {"panel": {"X": {"points": "2.5", "reason": "一项证书不符"}}},
        }
    )
    score = engine.score_unit(built, given)["X"]
    assert (score.raw, score.proposed, score.points) == (F("3.5"), F(3), F("2.5"))
    assert sentences.step(score.steps[-1]) == "考核组改定 2.5：一项证书不符"


def test_mark_settles_what_is_blank() -> None:
    score = engine.score_unit(rubric(tally("X", 3), tables=[ROWS]), marked(X="2"))["X"]
    assert (score.state, score.proposed, score.points) == (State.SCORED, None, F(2))


def test_mark_of_another_role_does_not_count() -> None:
    built = rubric(judged("X", 3, by="visit"), assessors={"visit": "实地核查组"})
    assert engine.score_unit(built, marked(X="2"))["X"].state is State.PENDING
    score = engine.score_unit(built, marked(X="2", role="visit"))["X"]
    assert (score.points, sentences.step(score.steps[0])) == (F(2), "实地核查组评定 2")
    assert engine.score_unit(built, marked(X="2", role="self"))["X"].state is State.PENDING


def test_reason_without_number_is_no_mark() -> None:
    score = engine.score_unit(rubric(judged("X", 3)), marked(X={"reason": "待核"}))["X"]
    assert (score.state, score.steps) == (State.PENDING, ())


def test_impossible_marks_are_refused_by_path() -> None:
    built = rubric(
        {"code": "G", "max": 5, "kind": "sum"}, judged("a", 3, **{"in": "G"}), judged("b", 2, **{"in": "G"})
    )
    with pytest.raises(Invalid) as refused:
        engine.score_unit(built, marked(a="3", b="2.5", G="5"))
    assert refused.value.problems == {
        "marks.panel.b": "请填 0 — 2",
        "marks.panel.G": "G 有分项，请在 a、b 上分别评分",
    }
    assert engine.score_unit(built, marked(a="3", b="2"))["T"].points == 5


# --- states --------------------------------------------------------------------------------------


def test_states_stay_apart() -> None:
    built = rubric(
        tally("zero", 3),
        tally("blank", 3, table="other"),
        judged("pending", 3),
        judged("na", None, unset="未设分值"),
        tables=[ROWS, ROWS | {"key": "other"}],
    )
    scores = engine.score_unit(built, rows())
    assert {code: (s.state.value, s.points) for code, s in scores.items()} == {
        "T": ("pending", None),
        "zero": ("scored", F(0)),
        "blank": ("blank", None),
        "pending": ("pending", None),
        "na": ("na", None),
    }
    assert sentences.line(scores["na"].lines[0]) == "未设分值"


def test_open_sum_holds_the_sum_so_far() -> None:
    built = rubric(
        {"code": "G", "kind": "sum", "max": 4},
        judged("a", 3, **{"in": "G"}),
        judged("b", 3, **{"in": "G"}),
        judged("c", 3),
    )
    scores = engine.score_unit(built, marked(a="3", c="1"))
    assert (scores["G"].state, scores["G"].points, scores["G"].raw) == (State.PENDING, None, F(3))
    assert (scores["T"].state, scores["T"].raw) == (State.PENDING, F(4))


@pytest.mark.parametrize(("most", "so_far"), [(5, "1.5"), (1, "1")])
def test_sum_so_far_is_weighted_and_capped(most: int, so_far: str) -> None:
    group = {"code": "G", "kind": "sum", "max": most, "weight": "1/2"}
    built = rubric(group, judged("a", 4, **{"in": "G"}), judged("b", 4, **{"in": "G"}))
    assert engine.score_unit(built, marked(a="3"))["T"].raw == F(so_far)


def test_not_applicable_children_are_left_out() -> None:
    built = rubric(judged("a", 3, applies={"stage": "小学"}), judged("b", 2), root={"max": 5})
    scores = engine.score_unit(built, marked(b="2", parts={"attributes": {"stage": "初中"}}))
    assert (scores["a"].state, scores["T"].points, scores["T"].max) == (State.NA, F(2), F(5))


def test_all_children_not_applicable() -> None:
    built = rubric({"code": "G", "kind": "sum", "max": 3}, judged("a", 3, **{"in": "G"}, unset="未设分值"))
    scores = engine.score_unit(built, facts())
    assert (scores["G"].state, scores["T"].state) == (State.NA, State.NA)


@pytest.mark.parametrize(
    ("stages", "state"),
    [(["小学"], "scored"), (["小学", "初中"], "scored"), ("小学", "scored"), (["初中"], "na"), (None, "na")],
)
def test_applies_to_an_attribute_that_may_be_a_list(stages: Any, state: str) -> None:
    built = rubric(
        {"code": "G", "kind": "sum", "max": 3, "applies": {"stages": "小学"}}, judged("a", 3, **{"in": "G"})
    )
    scores = engine.score_unit(built, marked(a="2", parts={"attributes": {"stages": stages}}))
    assert (scores["a"].state.value, scores["G"].state.value) == (state, state)


def test_exempt_is_dropped_or_full() -> None:
    built = rubric(judged("drop", 3), judged("full", 4, otherwise="full", weight="1/2"), judged("b", 2))
    scores = engine.score_unit(built, marked(b="2", drop="1", full="1", parts={"exempt": ["drop", "full"]}))
    assert (scores["drop"].state, scores["drop"].points) == (State.NA, None)
    assert (scores["full"].state, scores["full"].points) == (State.SCORED, F(4))
    assert scores["T"].points == 6
    assert sentences.line(scores["full"].lines[0]) == "免评，视同满分"


def test_exempt_group_takes_its_parts_along() -> None:
    built = rubric({"code": "G", "kind": "sum", "max": 3, "otherwise": "full"}, judged("a", 3, **{"in": "G"}))
    scores = engine.score_unit(built, marked(a="1", parts={"exempt": ["G"]}))
    assert (scores["G"].points, scores["a"].state) == (F(3), State.NA)


def test_frozen_blank_is_a_zero_that_says_so() -> None:
    built = rubric(tally("X", 3), judged("J", 2), tables=[ROWS])
    score = engine.score_unit(built, facts(), frozen=True)
    assert (score["X"].state, score["X"].points) == (State.SCORED, F(0))
    assert [sentences.line(x) for x in score["X"].lines] == ["至冻结时未填报，按0分计"]
    assert steps(score["X"]) == [("unfilled", None, F(0))]
    assert (score["J"].state, score["T"].state) == (State.PENDING, State.PENDING)


def test_frozen_does_not_touch_a_real_zero() -> None:
    score = engine.score_unit(rubric(tally("X", 3), tables=[ROWS]), rows(), frozen=True)["X"]
    assert (score.points, steps(score)) == (F(0), [])


def test_frozen_without_divisor_counts_no_line() -> None:
    built = rubric(tally("X", 6, average_over="schools"), tables=[ROWS])
    score = engine.score_unit(built, rows("13"), frozen=True)["X"]
    assert (score.points, score.flags) == (F(0), ("divisor_zero",))
    assert [line.points for line in score.lines if line.counted] == [F(0)]


# --- gate ----------------------------------------------------------------------------------------

PAPERS = {
    "code": "P",
    "kind": "ticks",
    "max": 1,
    "ticks": [
        {"key": "plan", "label": "规划", "points": "0.5"},
        {"key": "summary", "label": "总结", "points": "0.5"},
    ],
}


@pytest.mark.parametrize(
    ("plan", "summary", "state", "points"),
    [
        (True, True, "scored", "1.5"),
        (False, True, "scored", "0"),
        (None, True, "scored", "0"),  # the clause was filled in, this paper was not ticked
        (None, None, "blank", None),  # nobody knows yet, mark or not
    ],
)
def test_gate_of_a_tick(plan: bool | None, summary: bool | None, state: str, points: str | None) -> None:
    built = rubric(PAPERS, judged("Q", "1.5", needs="P.plan"))
    given = marked(Q="1.5", parts={"school": {"fields": {"P.plan": plan, "P.summary": summary}}})
    score = engine.score_unit(built, given)["Q"]
    assert (score.state.value, score.points) == (state, None if points is None else F(points))
    if points == "0":
        assert [sentences.step(s) for s in score.steps] == ["缺“规划”，不得分"]


def test_gate_at_the_freeze() -> None:
    built = rubric(PAPERS, judged("Q", "1.5", needs="P.plan"))
    scores = engine.score_unit(built, marked(Q="1.5"), frozen=True)
    assert {code: s.points for code, s in scores.items()} == {"T": F(0), "P": F(0), "Q": F(0)}


def test_worked_case_of_plans_and_summaries() -> None:
    """CD02: two of three papers, no summary: its quality mark of 1.0 is ignored; 1 + 1.5 + 1.25 + 0."""
    ticks = [{"key": k, "label": k, "points": "0.5"} for k in ("plan", "year", "summary")]
    built = rubric(
        {"code": "P", "kind": "ticks", "max": "1.5", "ticks": ticks},
        *(judged(f"Q_{k}", "1.5", needs=f"P.{k}") for k in ("plan", "year", "summary")),
    )
    fields = {"P.plan": True, "P.year": True, "P.summary": False}
    given = marked(Q_plan="1.5", Q_year="1.25", Q_summary="1.0", parts={"school": {"fields": fields}})
    assert engine.score_unit(built, given)["T"].points == F("3.75")


@pytest.mark.parametrize(
    ("mark", "state", "points"), [("1", "scored", "2"), ("0", "scored", "0"), (None, "pending", None)]
)
def test_gate_of_a_clause(mark: str | None, state: str, points: str | None) -> None:
    built = rubric(judged("b", 2, needs="a"), judged("a", 1))
    given = marked(b="2", a=mark) if mark else marked(b="2")
    score = engine.score_unit(built, given)["b"]
    assert (score.state.value, score.points) == (state, None if points is None else F(points))


def test_gate_of_a_clause_that_does_not_apply_is_open() -> None:
    built = rubric(judged("b", 2, needs="a"), judged("a", 1, applies={"stage": "小学"}))
    assert engine.score_unit(built, marked(b="2"))["b"].points == 2


def test_gates_in_a_circle_are_an_error() -> None:
    built = rubric(judged("a", 1, needs="b"), judged("b", 1, needs="a"))
    with pytest.raises(RubricError, match="needs 绕成了一圈: a → b → a"):
        engine.score_unit(built, facts())


# --- sums ----------------------------------------------------------------------------------------


def test_caps_nest_and_do_not_spill() -> None:
    """C4: min(3, a) + min(4, b) + min(4, c) + min(2, d), C4 itself at most 10."""
    built = rubric(
        {"code": "C4", "kind": "sum", "max": 10},
        *(
            tally(code, most, where={"kind": kind}, **{"in": "C4"})
            for code, most, kind in (("a", 7, "甲"), ("b", 4, "乙"))
        ),
        tables=[ROWS],
    )
    scores = engine.score_unit(built, rows({"kind": "甲", "n": 9}, {"kind": "乙", "n": 2}))
    assert (scores["a"].points, scores["b"].points, scores["C4"].points) == (F(7), F(2), F(9))
    scores = engine.score_unit(built, rows({"kind": "甲", "n": 9}, {"kind": "乙", "n": 9}))
    assert (scores["C4"].raw, scores["C4"].points, scores["C4"].capped_off) == (F(11), F(10), F(1))


def test_best_of_its_parts() -> None:
    built = rubric(
        {"code": "G", "kind": "sum", "max": 5, "take": "best"},
        judged("a", 5, **{"in": "G"}),
        judged("b", 5, **{"in": "G"}),
    )
    scores = engine.score_unit(built, marked(a="2", b="4"))
    assert (scores["G"].points, [sentences.step(s) for s in scores["G"].steps]) == (F(4), ["取最高 4"])
    assert engine.score_unit(built, marked(a="2"))["G"].state is State.PENDING


def test_weighted_sum() -> None:
    built = rubric({"code": "G", "kind": "sum", "max": 2, "weight": "20%"}, judged("a", 10, **{"in": "G"}))
    scores = engine.score_unit(built, marked(a="9"))
    assert (scores["a"].points, scores["G"].points, scores["G"].proposed) == (F(9), F("1.8"), F(9))


ONCE = (
    {"code": "G", "kind": "sum", "max": 9, "once_per": "person"},
    {"code": "G1", "in": "G", "kind": "sum", "max": 9},
    tally("a", 9, where={"kind": "甲"}, **{"in": "G1"}),
    tally("b", 9, where={"kind": "乙"}, **{"in": "G"}),
)


def test_once_per_over_all_rows_below() -> None:
    given = rows(
        {"person": "周一", "kind": "甲", "n": "0.2"},
        {"person": "周一", "kind": "乙", "n": "0.3"},
        {"person": "钱二", "kind": "甲", "n": "0.4"},
        {"person": "钱二", "kind": "乙", "n": "0.4"},
    )
    scores = engine.score_unit(rubric(*ONCE, tables=[ROWS]), given)
    assert (scores["a"].points, scores["b"].points, scores["G"].points) == (F("0.4"), F("0.3"), F("0.7"))
    refused = [
        (line.ref, sentences.reason(line)) for code in "ab" for line in scores[code].lines if line.reason
    ]
    assert refused == [("rows[0]", "同一人在本款只计一次，取高"), ("rows[3]", "同一人在本款只计一次，取高")]


def test_once_per_comes_before_the_caps_of_the_parts() -> None:
    clauses = [c if c["code"] != "b" else c | {"max": 1} for c in ONCE]
    given = rows({"person": "周一", "kind": "甲", "n": 2}, {"person": "周一", "kind": "乙", "n": 3})
    scores = engine.score_unit(rubric(*clauses, tables=[ROWS]), given)
    assert (scores["a"].points, scores["b"].points) == (F(0), F(1))  # the literal highest value, then the cap


def test_rows_of_a_clause_that_does_not_apply_do_not_compete() -> None:
    clauses = [c if c["code"] != "b" else c | {"applies": {"stage": "小学"}} for c in ONCE]
    given = rows({"person": "周一", "kind": "甲", "n": 2}, {"person": "周一", "kind": "乙", "n": 3})
    assert engine.score_unit(rubric(*clauses, tables=[ROWS]), given)["T"].points == F(2)


def test_rows_behind_a_closed_gate_do_not_compete() -> None:
    clauses = [c if c["code"] != "b" else c | {"needs": "P.plan"} for c in ONCE]
    given = facts(
        school={
            "fields": {"P.plan": False, "P.summary": True},
            "tables": {
                "rows": [{"person": "周一", "kind": "甲", "n": 2}, {"person": "周一", "kind": "乙", "n": 3}]
            },
        }
    )
    scores = engine.score_unit(rubric(PAPERS, *clauses, tables=[ROWS]), given)
    assert (scores["a"].points, scores["b"].points) == (F(2), F(0))


def test_worked_case_of_exchanges() -> None:
    """CD06: 甲 the longest stretch 0.4, 乙 3.1 months 0.3, 丙 under one month, 丁 once at 0.3, 己 no lead: 1.0."""
    table = {
        "key": "x",
        "title": "名册",
        "columns": [
            {"key": k, "label": k} for k in ("person", "category", "direction", "start", "end", "months")
        ],
    }
    kind: dict[str, Any] = {
        "kind": "roster",
        "table": "x",
        "require": [{"column": "direction", "among": "双向", "reason": "不是龙头学校与成员学校之间"}],
        "in": "G",
    }
    longest = [
        {"from": 1, "to": 3, "points": "0.3"},
        {"from": 3, "to": 6, "points": "0.4"},
        {"from": 6, "points": "0.5"},
    ]
    total = [{"from": 1, "to": 3, "points": "0.2"}, {"from": 3, "points": "0.3"}]
    built = rubric(
        {"code": "G", "kind": "sum", "max": 6, "once_per": "person"},
        {"code": "a", "max": 4, "where": {"category": "定期"}, "bands": longest, **kind},
        {"code": "b", "max": 2, "where": {"category": "不定期"}, "bands": total, "measure": "total", **kind},
        tables=[table],
    )

    def row(
        person: str, category: str, start: str = "", end: str = "", months: str = "", direction: str = "双向"
    ) -> dict[str, str]:
        return {
            "person": person,
            "category": category,
            "start": start,
            "end": end,
            "months": months,
            "direction": direction,
        }

    given = facts(
        school={
            "tables": {
                "x": [
                    row("甲", "定期", "2022-09-01", "2022-10-31"),
                    row("甲", "定期", "2023-01-13", "2023-05-12"),
                    row("乙", "不定期", months="1.0"),
                    row("乙", "不定期", months="0.8"),
                    row("乙", "不定期", months="1.3"),
                    row("丙", "不定期", months="0.9"),
                    row("丁", "定期", "2022-11-01", "2022-12-31"),
                    row("丁", "不定期", months="2"),
                    row("己", "定期", "2022-09-01", "2023-05-12", direction="成员校→成员校"),
                ]
            }
        }
    )
    scores = engine.score_unit(built, given)
    assert (scores["a"].points, scores["b"].points, scores["G"].points) == (F("0.7"), F("0.3"), F(1))


def test_verdicts_without_points_have_no_total() -> None:
    built = rubric(
        judged("a", None, options=["达标", "不达标"]), judged("b", None, options=["达标", "不达标"])
    )
    scores = engine.score_unit(built, marked(a={"verdict": "达标"}, b={"verdict": "不达标"}))
    assert (scores["a"].state, scores["a"].points, scores["a"].verdict) == (State.SCORED, None, "达标")
    assert (scores["T"].state, scores["T"].points) == (State.SCORED, None)


# --- hooks ---------------------------------------------------------------------------------------

RULES = (
    {"code": "R1", "kind": "rule", "max": 5},
    {"code": "R2", "kind": "rule", "max": 5},
    {"code": "R3", "kind": "rule", "max": 8, "pass": "cohort"},
)


def earned(points: Any, **more: Any) -> Earned:
    return Earned(lines=(Line("rule", {"text": "甲"}, F(points)),), **more)


def test_unit_rules_are_asked_once_and_cohort_rules_wait() -> None:
    hooks = Hooks(score_unit={"R1": earned(3), "R2": earned(9)})
    scores = engine.score_unit(rubric(*RULES), facts(), hooks)
    assert hooks.calls == ["form_fields", "score_unit"]
    assert (scores["R1"].points, scores["R2"].points, scores["R3"].state) == (F(3), F(5), State.PENDING)


def test_rubric_without_rules_asks_no_rule() -> None:
    hooks = Hooks()
    engine.score_unit(rubric(judged("a", 1)), facts(), hooks)
    assert hooks.calls == ["form_fields"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "score_unit: 没有给出 R1、R2: 请补上"),
        ({"R1": earned(1)}, "score_unit: 没有给出 R2: 请补上"),
        ({"R1": earned(1), "R2": earned(1), "R9": earned(1)}, "score_unit: 多给了 R9: 请删去"),
        ({"R1": earned(1), "R2": F(1)}, "score_unit: R2 给出的不是 Earned: 请改正"),
    ],
)
def test_unit_rules_answer_exactly_what_is_declared(answer: Any, message: str) -> None:
    with pytest.raises(RubricError, match=message):
        engine.score_unit(rubric(*RULES), facts(), Hooks(score_unit=answer))


def test_exception_of_a_hook_never_becomes_a_zero() -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("in the plugin")

    with pytest.raises(ZeroDivisionError, match="in the plugin"):
        engine.score_unit(rubric(*RULES), facts(), Hooks(score_unit=fail))


def test_cohort_rules_see_provisional_results() -> None:
    """Relative to the best: 8 × x / best, rounded."""
    built = rubric(RULES[2], judged("a", 9))
    seen: list[tuple[str, State, Fraction | None]] = []

    def relative(_rubric: Rubric, results: Sequence[Result]) -> dict[str, dict[str, Earned]]:
        seen.extend((r.unit, r.state, r.sheet["a"].points) for r in results)
        best = max(r.sheet["a"].points or F(0) for r in results)
        return {"R3": {r.unit: earned((r.sheet["a"].points or F(0)) * 8 / best) for r in results}}

    results = engine.score_cohort(
        built, [marked("u1", a="9"), marked("u2", a="7")], Hooks(score_cohort=relative)
    )
    assert seen == [("u1", State.PENDING, F(9)), ("u2", State.PENDING, F(7))]
    assert [(r.unit, r.sheet["R3"].points, r.total, r.rank) for r in results] == [
        ("u1", F(8), F(17), 1),
        ("u2", F("6.22"), F("13.22"), 2),
    ]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "score_cohort: 没有给出 R3"),
        ({"R3": {}}, "score_cohort R3: 没有给出 u1"),
        ({"R3": {"u1": earned(1), "u7": earned(1)}}, "score_cohort R3: 多给了 u7"),
        ({"R3": {"u1": 1}}, "score_cohort R3: u1 给出的不是 Earned"),
    ],
)
def test_cohort_rules_answer_exactly_what_is_declared(answer: Any, message: str) -> None:
    with pytest.raises(RubricError, match=message):
        engine.score_cohort(rubric(RULES[2]), [facts("u1")], Hooks(score_cohort=answer))


def test_hidden_slots_and_fields_come_from_form_fields() -> None:
    clause = {
        "code": "X",
        "kind": "deduct",
        "max": 3,
        "materials": ["甲", "乙"],
        "deductions": {"material": 1},
    }
    given = facts(school={"materials": {"X": [True, None]}})
    assert engine.score_unit(rubric(clause), given)["X"].points == 2
    hooks = Hooks(form_fields=[FieldChange("X#2", hidden=True, reason="只有一个学段")])
    score = engine.score_unit(rubric(clause), given, hooks)["X"]
    assert (score.points, sentences.reason(score.lines[1])) == (F(3), "只有一个学段")
    with pytest.raises(RubricError, match="X#9"):
        engine.score_unit(rubric(clause), given, Hooks(form_fields=[FieldChange("X#9", hidden=True)]))
