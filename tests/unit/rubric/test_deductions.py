"""Clauses that lose from their maximum, losses anywhere, and the panel's deduction bank."""

from fractions import Fraction
from typing import Any

import pytest

from intranet.rubric import deductions, engine, sentences
from intranet.rubric.deductions import Choice
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import Score, State
from intranet.rubric.model import Rubric
from tests.unit.rubric.build import facts, rubric

F = Fraction

RATES = {"not_done": True, "event": 2, "material": 1, "quality": True}
B4 = {
    "code": "X",
    "kind": "deduct",
    "max": 3,
    "deductions": RATES,
    "events": [{"label": "理事会", "need": 2, "in": ["上学期", "下学期"]}],
    "materials": ["会议方案", "签到表"],
}


def scored(clause: dict[str, Any], given: Facts, **head: Any) -> Score:
    return engine.score_unit(rubric({"code": "X", **clause}, **head), given)["X"]


def school(materials: list[Any] | None = None, **values: Any) -> Facts:
    """A school's X: fields by their last part, slots in order; values of the panel start with p_."""
    fields = {f"X.{key}": value for key, value in values.items() if not key.startswith("p_")}
    panel = {f"X.{key[2:]}": value for key, value in values.items() if key.startswith("p_")}
    slots = {} if materials is None else {"X": materials}
    return facts(school={"fields": fields, "materials": slots}, panel={"fields": panel})


BOTH = [True, True]


@pytest.mark.parametrize(
    ("first", "second", "points"),
    [
        (2, 2, "3"),
        (2, 1, "1"),  # worked case: one meeting short in one term
        (4, 1, "1"),  # a surplus in one term does not fill the other
        (1, 1, "0"),  # 3 − 4, floor 0
        (3, 2, "3"),
        (0, 2, "0"),
    ],
)
def test_events_per_period_without_spill(first: int, second: int, points: str) -> None:
    assert scored(B4, school(BOTH, 上学期=first, 下学期=second)).points == F(points)


def test_what_is_lost_is_said() -> None:
    score = scored(B4, school([True, False], 上学期=2, 下学期=1))
    assert [(sentences.line(line), line.points) for line in score.lines] == [
        ("满分起扣", F(3)),
        ("少理事会 1 次 1×2（上学期 2 次，下学期 1 次，应 2 次）", F(-2)),
        ("缺材料：签到表", F(-1)),
    ]
    assert [line.ref for line in score.lines] == ["", "X.上学期,X.下学期", "slot:X#2"]
    assert [sentences.step(step) for step in score.steps] == ["扣 3，得 0"]
    assert (score.raw, score.proposed, score.points) == (F(3), F(0), F(0))


def test_floor_is_a_step() -> None:
    score = scored(B4, school([False, False], 上学期=1, 下学期=1))
    assert [(s.name, s.before, s.after) for s in score.steps] == [
        ("loss", F(3), F(-3)),
        ("floor", F(-3), F(0)),
    ]


@pytest.mark.parametrize("values", [{"done": False}, {"done": False, "上学期": 2, "下学期": 2}])
def test_not_done_is_zero_and_stops(values: dict[str, Any]) -> None:
    score = scored(B4, school([False, False], **values))
    assert (score.state, score.points) == (State.SCORED, F(0))
    assert [sentences.line(line) for line in score.lines] == ["未开展，不得分"]


def test_all_counts_zero_is_not_done() -> None:
    score = scored(B4 | {"max": 30}, school(BOTH, 上学期=0, 下学期=0))
    assert score.points == 0
    own_rates = B4 | {"max": 30, "deductions": RATES | {"not_done": False}}
    assert scored(own_rates, school(BOTH, 上学期=0, 下学期=0)).points == F(22)


def test_wholly_blank_is_blank_and_not_a_loss() -> None:
    score = scored(B4, facts())
    assert (score.state, score.points, score.lines) == (State.BLANK, None, ())
    assert scored(B4, school([None, None])).state is State.BLANK
    assert scored(B4, school(["na", None])).state is State.BLANK


def test_blank_count_beside_filled_ones_counts_as_zero_and_is_flagged() -> None:
    score = scored(B4 | {"max": 10}, school(BOTH, 上学期=2))
    assert (score.points, score.flags) == (F(6), ("blank_as_zero",))
    assert (
        sentences.line(score.lines[1]) == "少理事会 2 次 2×2（上学期 2 次，下学期未填，暂按 0 次，应 2 次）"
    )
    assert sentences.flag(score.flags[0]) == "有未填的次数，暂按0次"


@pytest.mark.parametrize(
    ("slots", "points"),
    [
        ([True, True], "3"),
        ([True, False], "2"),
        ([True, None], "2"),
        ([True, "na"], "3"),
        (["na", "na"], "3"),
        ([False, False], "1"),
        ([True], "2"),
        (None, "1"),
    ],
)
def test_materials(slots: list[Any] | None, points: str) -> None:
    assert scored(B4, school(slots, done=True, 上学期=2, 下学期=2)).points == F(points)


def test_slot_that_cannot_apply_is_said() -> None:
    score = scored(B4, school([True, "na"], 上学期=2, 下学期=2))
    assert [(sentences.line(x), sentences.reason(x)) for x in score.lines if x.reason] == [
        ("材料：签到表", "不适用")
    ]


def test_quality_is_the_panels_number() -> None:
    score = scored(B4, school(BOTH, 上学期=2, 下学期=2, p_quality="0.5"))
    assert score.points == F("2.5")
    assert (sentences.line(score.lines[-1]), score.lines[-1].points) == ("资料质量不高，酌情扣分", F("-0.5"))


def test_zero_rate_is_no_line() -> None:
    free = B4 | {"deductions": {"not_done": True, "event": 0, "material": 0}}
    score = scored(free, school([False, False], done=True, 上学期=0, 下学期=1))
    assert (score.points, len(score.lines)) == (F(3), 1)


OWN_RATES = {
    "kind": "deduct",
    "max": 6,
    "deductions": {"not_done": False, "event": 2, "event_most": 2},
    "events": [{"label": "统一检测", "need": 1, "in": ["上学期", "下学期"]}],
    "losses": [
        {"label": "少学科成绩分析报告", "each": 1, "count": "X.reports", "by": "school"},
        {"label": "无实施方案", "each": 2, "tick": "X.no_plan", "by": "school"},
    ],
}


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ({"上学期": 1, "下学期": 1, "reports": 0, "no_plan": False}, "6"),
        ({"上学期": 1, "下学期": 0, "reports": 0, "no_plan": False}, "4"),
        ({"上学期": 0, "下学期": 0, "reports": 0, "no_plan": False}, "4"),  # once, one term or both
        ({"上学期": 0, "下学期": 0, "reports": 3, "no_plan": True}, "0"),  # 6 − 2 − 3 − 2, floor
        ({"上学期": 1, "下学期": 1, "reports": 1, "no_plan": True}, "3"),
    ],
)
def test_own_rates_stand_before_the_default(values: dict[str, Any], points: str) -> None:
    assert scored(OWN_RATES, school(**values)).points == F(points)


def test_own_rates_on_an_empty_form_propose_nothing() -> None:
    assert scored(OWN_RATES, facts()).state is State.BLANK


TEAMS = {
    "key": "teams",
    "title": "教研联组",
    "columns": [{"key": "name", "label": "联组"}, {"key": "activities", "label": "活动", "type": "count"}],
}
PER_TEAM = {
    "kind": "deduct",
    "max": 10,
    "deductions": RATES,
    "events": [{"label": "联组活动", "need": 2, "rows": "teams", "column": "activities"}],
}


def teams(*counts: int | None) -> Facts:
    return facts(
        school={"tables": {"teams": [{"name": f"组{n}", "activities": c} for n, c in enumerate(counts)]}}
    )


@pytest.mark.parametrize(
    ("counts", "points"), [((2, 2), "10"), ((5, 1), "8"), ((1, 0, 2), "4"), ((0, 0), "0"), ((), "0")]
)
def test_events_per_row(counts: tuple[int, ...], points: str) -> None:
    assert scored(PER_TEAM, teams(*counts), tables=[TEAMS]).points == F(points)


def test_events_per_row_blank() -> None:
    assert scored(PER_TEAM, facts(), tables=[TEAMS]).state is State.BLANK
    score = scored(PER_TEAM, teams(2, None), tables=[TEAMS])
    assert (score.points, score.flags) == (F(6), ("blank_as_zero",))


# --- losses on other clauses, and on the total ---------------------------------------------------


def test_tally_with_materials() -> None:
    """Each person-time a point, at most 3, then a point off for each missing material (B16)."""
    table = {"key": "visits", "title": "走教", "columns": [{"key": "name", "label": "教师"}]}
    clause = {
        "kind": "tally",
        "max": 3,
        "table": "visits",
        "each": 1,
        "materials": ["方案", "课程表"],
        "losses": [{"label": "少一样材料", "each": 1, "materials": True}],
    }
    rows = [{"name": f"教师{n}"} for n in range(4)]
    given = facts(school={"tables": {"visits": rows}, "materials": {"X": [True, None]}})
    score = scored(clause, given, tables=[table])
    assert [s.name for s in score.steps] == ["sum", "cap", "loss"]
    assert (score.raw, score.capped_off, score.points) == (F(4), F(1), F(2))
    none = facts(school={"tables": {"visits": []}, "materials": {"X": [False, False]}})
    assert scored(clause, none, tables=[table]).points == 0


ABSENT = [{"label": "未参加全区活动", "each": 2, "count": "absences"}]


def total(given: Facts, losses: list[dict[str, Any]], **head: Any) -> Score:
    full = {"code": "X", "kind": "judged", "max": 10}
    marked = Facts.from_json(
        {
            "unit": "u1",
            "docs": dict(given.docs),
            "marks": {"panel": {"X": {"points": "9"}}},
        }
    )
    return engine.score_unit(rubric(full, root={"losses": losses}, **head), marked)["T"]


@pytest.mark.parametrize(("absences", "points"), [(0, "9"), (1, "7"), (4, "1"), (5, "0"), (9, "0")])
def test_loss_on_the_total(absences: int, points: str) -> None:
    score = total(facts(bureau={"fields": {"absences": absences}}), ABSENT)
    assert (score.points, score.flags) == (F(points), ())


def test_count_nobody_entered_takes_nothing_but_is_flagged() -> None:
    score = total(facts(), ABSENT)
    assert (score.points, score.flags) == (F(9), ("blank_as_zero",))


def test_school_cannot_reach_a_bureau_field() -> None:
    assert total(facts(school={"fields": {"absences": 3}}), ABSENT).points == F(9)


@pytest.mark.parametrize(("typed", "points"), [("1.5", "7.5"), ("3", "6"), ("5", "6"), (None, "9")])
def test_judged_loss_is_the_number_up_to_its_most(typed: str | None, points: str) -> None:
    losses = [{"label": "安全事故", "judged": True, "most": 3, "by": "panel"}]
    assert total(facts(panel={"fields": {"T.安全事故": typed}}), losses).points == F(points)


def test_veto_takes_everything() -> None:
    losses = [{"label": "一票否决", "each": "all", "tick": "veto"}]
    score = total(facts(bureau={"fields": {"veto": True}}), losses)
    assert (score.points, sentences.line(score.lines[0])) == (F(0), "一票否决，全部扣除")
    assert total(facts(bureau={"fields": {"veto": False}}), losses).points == F(9)


def test_loss_by_formula_is_rounded_where_it_divides() -> None:
    field = {"key": "cases", "label": "通报", "type": "count", "by": "bureau"}
    losses = [{"label": "通报", "each": 1, "formula": "cases / 3"}]
    score = total(facts(bureau={"fields": {"cases": 1}}), losses, fields=[field])
    assert score.points == F("8.67")
    assert total(facts(), losses, fields=[field]).flags == ("blank_as_zero",)


def test_most_limits_a_count() -> None:
    score = total(facts(bureau={"fields": {"absences": 4}}), [ABSENT[0] | {"most": 3}])
    assert score.points == F(6)


def test_hidden_inputs_are_not_asked() -> None:
    built = rubric(B4 | {"max": 10})
    given = Facts(
        unit="u1",
        docs={"school": {"fields": {"X.上学期": 1}, "materials": {"X": [True, None]}}},
        hidden={"X.下学期": "只有一个学期", "X#2": "只有一所学校"},
    )
    score = engine.score_unit(built, given)["X"]
    assert (score.points, score.flags) == (F(8), ())
    assert [sentences.reason(x) for x in score.lines if x.reason] == ["只有一所学校"]


# --- the bank ------------------------------------------------------------------------------------


def bank(clause: dict[str, Any], given: Facts, **head: Any) -> list[Choice]:
    built: Rubric = rubric({"code": "X", **clause}, **head)
    return deductions.bank(built, built.by["X"], given, engine.score_unit(built, given)["X"])


def test_bank_proposes_what_the_facts_lack_and_names_it() -> None:
    assert bank(B4, school([True, False], 上学期=2, 下学期=1)) == [
        Choice("event.理事会", "少一次理事会", F(2), 1, True, "下学期 1 次，应 2 次", False),
        Choice("materials", "少一样材料", F(1), 1, True, "缺签到表", False),
        Choice("quality", "资料质量不高，酌情扣分", None, 0, False, "", False),
        Choice("not_done", "未开展，不得分", None, 0, False, "", True),
    ]


def test_bank_of_complete_facts_proposes_nothing() -> None:
    assert not any(c.proposed for c in bank(B4, school(BOTH, 上学期=2, 下学期=2)))


def test_bank_of_a_blank_clause_proposes_nothing() -> None:
    assert [(c.count, c.proposed) for c in bank(B4, facts())] == [(0, False)] * 4


def test_bank_of_what_was_not_done() -> None:
    choices = bank(B4, school([False, False], done=False, 上学期=1))
    assert [c.key for c in choices if c.proposed] == ["not_done"]


def test_bank_count_times_rate_is_what_the_ledger_takes() -> None:
    given = school(上学期=0, 下学期=0, reports=3, no_plan=True)
    choices = bank(OWN_RATES, given)
    assert [(c.key, c.each, c.count) for c in choices] == [
        ("event.统一检测", F(2), 1),  # at most once
        ("count.少学科成绩分析报告", F(1), 3),
        ("tick.无实施方案", F(2), 1),
    ]
    lost = sum((c.each or F(0)) * c.count for c in choices)
    score = scored(OWN_RATES, given)
    assert lost == 7 == -sum(line.points or F(0) for line in score.lines[1:])


def test_bank_shows_the_panels_own_number() -> None:
    choices = {c.key: c for c in bank(B4, school(BOTH, 上学期=2, 下学期=2, p_quality="0.5"))}
    assert choices["quality"] == Choice("quality", "资料质量不高，酌情扣分", None, 1, True, "已填 0.5", False)


def test_judged_clause_has_no_bank() -> None:
    assert bank({"kind": "judged", "max": 3}, facts()) == []
