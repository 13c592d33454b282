"""What the hooks answer: what a 学区 is asked, what is found in its answers, what stands above the points."""

from __future__ import annotations

from fractions import Fraction
from importlib.resources import files

import pytest

import cuiping_xuequ
from intranet.rubric import fields, loader
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import Outcome, Result, Score, State
from intranet.rubric.model import Rubric

DEFINITION = loader.read_package(files("cuiping_xuequ"))

TWO = {
    "s1": {"name": "示例一小", "role": "lead", "stage": "小学"},
    "s2": {"name": "示例二中", "stage": "初中"},
}
PRIMARY = {"s1": {"name": "示例一小", "role": "lead", "stage": "小学"}}


@pytest.fixture(scope="module")
def rubric() -> Rubric:
    return DEFINITION.bind()


def facts(members: dict[str, dict[str, str]], **docs: object) -> Facts:
    return Facts.from_json({"unit": "示例学区", "members": members, "docs": docs})


def test_score_unit_gives_exactly_the_rule_clauses(rubric: Rubric) -> None:
    earned = cuiping_xuequ.score_unit(rubric, facts(TWO))
    assert set(earned) == {c.code for c in rubric.clauses if c.kind == "rule"} == {"S1", "S2"}
    assert {e.state for e in earned.values()} == {State.NA}


@pytest.mark.parametrize("members", [TWO, PRIMARY])
def test_form_fields_names_only_what_the_rubric_has(members: dict[str, dict[str, str]]) -> None:
    rubric = DEFINITION.bind({"show_primary": "10", "show_middle": "10"})
    unit = facts(members)
    form = fields.adapt(rubric, unit, cuiping_xuequ.form_fields(rubric, unit))
    hidden = {"B6#4": "本学区只有小学，没有初中小学衔接课程", "S2.score": "本学区没有中学组的学校"}
    assert dict(form.hidden) == (hidden if members is PRIMARY else {})


def test_single_stage_wording(rubric: Rubric) -> None:
    def label(members: dict[str, dict[str, str]], key: str) -> str:
        unit = facts(members)
        return fields.adapt(rubric, unit, cuiping_xuequ.form_fields(rubric, unit)).field(key).label

    assert label(TWO, "B4.上学期") == "学区理事会（上学期）"
    assert label(PRIMARY, "B4.上学期") == "学区理事会（上学期，全体小学参加）"
    assert label(TWO, "B5.视导") == "视导"
    assert label(PRIMARY, "B5.视导") == "视导学区内小学"


def test_presentation_without_points_is_not_asked(rubric: Rubric) -> None:
    unit = facts(TWO)
    form = fields.adapt(rubric, unit, cuiping_xuequ.form_fields(rubric, unit))
    assert dict(form.hidden) == {
        "S1.score": "展示考核·小学组未设分值",
        "S2.score": "展示考核·中学组未设分值",
    }


PROBLEMS = {
    "B4.many": {"school": {"fields": {"B4.上学期": 12}}},
    "B6.not_applicable": {"school": {"materials": {"B6": [True, True, True, "na"]}}},
    "B10.grade": {"bureau": {"members": {"s1": {"grade_now": "一等奖"}}}},
    "B11.repeated": {
        "school": {
            "tables": {"teams": [{"subject": "语文", "activities": 1}, {"subject": " 语文", "activities": 1}]}
        }
    },
    "B12b.certificate": {"school": {"tables": {"contests": [{"contestant": "甲", "level": "省级"}]}}},
    "B13.event": {"school": {"tables": {"topics": [{"project": "示例", "level": "省级"}]}}},
    "B14.same_school": {"school": {"tables": {"posts": [{"person": "甲", "from": "s1", "to": "s1"}]}}},
    "B16.same_school": {"school": {"tables": {"walkers": [{"person": "甲", "from": "s2", "to": "s2"}]}}},
    "B15.both": {"school": {"fields": {"backbone": 10, "excellent": 4, "both": 5, "took_part": 2}}},
    "B15.took_part": {"school": {"fields": {"backbone": 10, "excellent": 10, "both": 5, "took_part": 16}}},
    "B15.listed": {
        "school": {
            "fields": {"backbone": 10, "excellent": 10, "both": 0, "took_part": 2},
            "tables": {"demos": [{"person": "甲"}, {"person": "甲"}]},
        }
    },
    "S1.range": {"panel": {"fields": {"S1.score": "10.5"}}},
}


@pytest.mark.parametrize(("code", "docs"), PROBLEMS.items(), ids=list(PROBLEMS))
def test_check_facts_finds(code: str, docs: dict[str, object]) -> None:
    rubric = DEFINITION.bind({"show_primary": "10", "show_middle": "10"})
    found = cuiping_xuequ.check_facts(rubric, facts(TWO, **docs))
    assert [problem.code for problem in found] == [code]
    assert all(p.clause in rubric.by and p.ref.split(".")[0] in docs for p in found)


def test_single_stage_claim_is_noticed(rubric: Rubric) -> None:
    claim = {"materials": {"B6": [True, True, True, True]}}
    (problem,) = cuiping_xuequ.check_facts(rubric, facts(PRIMARY, school=claim))
    assert (problem.code, problem.severity) == ("B6.single_stage", "warning")
    assert cuiping_xuequ.check_facts(rubric, facts(TWO, school=claim)) == []


def test_check_facts_accepts_what_is_in_order(rubric: Rubric) -> None:
    sound = {
        "fields": {"B4.上学期": 10, "backbone": 10, "excellent": 5, "both": 5, "took_part": 10},
        "tables": {
            "teams": [{"subject": "语文", "activities": 2}, {"subject": "数学", "activities": 2}],
            "contests": [{"contestant": "甲", "level": "省级", "certificate": True}],
            "topics": [{"project": "示例", "level": "省级", "event": "立项"}],
            "posts": [{"person": "甲", "from": "s1", "to": "s2"}],
        },
    }
    assert cuiping_xuequ.check_facts(rubric, facts(TWO, school=sound)) == []


def result(unit: str, rank: int | None, growth: str = "1", points: str = "4") -> Result:
    score = Score("B10c2", State.SCORED, Fraction(points), Fraction(4), value=Fraction(growth))
    return Result(unit, unit, {"B10c2": score}, {}, Fraction(100), State.SCORED, rank=rank)


def test_finish_gives_prizes_by_place() -> None:
    rubric = DEFINITION.bind({"rank_awards": "一等奖；二等奖;二等奖\n三等奖"})
    places = {"甲": 1, "乙": 2, "丙": 2, "丁": 4, "戊": 5}
    outcomes = cuiping_xuequ.finish(rubric, [result(unit, rank) for unit, rank in places.items()])
    prizes = {unit: o.columns["名次奖励"] for unit, o in outcomes.items()}
    assert prizes == {"甲": "一等奖", "乙": "二等奖", "丙": "二等奖", "丁": "三等奖", "戊": ""}


def test_finish_adds_nothing_by_default(rubric: Rubric) -> None:
    assert cuiping_xuequ.finish(rubric, [result("甲", 1)]) == {"甲": Outcome()}


def test_finish_notes_points_in_spite_of_a_fall(rubric: Rubric) -> None:
    outcomes = cuiping_xuequ.finish(rubric, [result("丁", 4, "-2", "1"), result("戊", 5, "-3", "0")])
    assert outcomes["丁"].notes == ("教学质量自评分−2，比上年下降，仍按名次得1分",)
    assert outcomes["戊"].notes == ()
