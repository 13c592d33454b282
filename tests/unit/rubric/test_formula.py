"""The expression language: exact, whitelisted, never executed."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intranet.rubric.expression import FormulaError, parse
from intranet.rubric.formula import Evaluated, Input, evaluate, show
from intranet.rubric.ledger import State
from intranet.rubric.lint_formula import attributes, check
from intranet.rubric.loader import load
from intranet.rubric.model import Rubric
from tests.unit.rubric.sample import SAMPLE, facts

EXTRA = """
[[field]]
key = "last"
label = "上年等第"
type = "choice"
by = "bureau"
per = "member"
options = [{value = "甲等", points = 5}, {value = "乙等", points = 4}, {value = "未参评"}]
"""


@pytest.fixture(scope="module")
def rubric() -> Rubric:
    return load(SAMPLE + EXTRA).bind()


def docs(fields: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"docs": {"school": {"fields": fields or {}, **more.pop("school", {})}, **more}}


def value(rubric: Rubric, formula: str, **fields: Any) -> Evaluated:
    return evaluate(rubric, formula, facts(**docs(fields)))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 - 2 - 1", 4),
        ("8 / 4 / 2", 1),
        ("-(2 - 5)", 3),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("1 / 3", Fraction(1, 3)),
        ("max(1, 5, 3)", 5),
        ("min(1, 5, 3)", 1),
        ("ceil(7 / 2)", 4),
        ("ceil(-7 / 2)", -3),
        ("schools", 2),
        ("3 *\n  (1 + 1)", 6),
    ],
)
def test_arithmetic_is_exact(rubric: Rubric, formula: str, expected: Fraction) -> None:
    found = evaluate(rubric, formula, facts())
    assert (found.value, found.state) == (expected, State.SCORED)


@given(st.integers(0, 999), st.integers(1, 999), st.integers(0, 999))
def test_formulas_agree_with_fractions(a: int, b: int, c: int) -> None:
    rubric = load(SAMPLE, check=False).bind()
    found = evaluate(rubric, f"({a} - {c}) / {b} + {a}.5 * {c}", facts())
    assert found.value == Fraction(a - c, b) + (Fraction(a) + Fraction(1, 2)) * c


def test_fields_are_read_as_numbers(rubric: Rubric) -> None:
    found = value(rubric, "took_part / teachers", took_part=13, teachers="65.0")
    assert found.value == Fraction(1, 5)
    assert found.inputs == (
        Input("参加人数", "", Fraction(13)),
        Input("教师总数", "", Fraction(65)),
    )
    assert found.shown == "参加人数 ÷ 教师总数"


def test_blank_field_is_blank_and_named(rubric: Rubric) -> None:
    found = value(rubric, "took_part / teachers", took_part=13)
    assert (found.value, found.state, found.missing) == (None, State.BLANK, ("教师总数",))


def test_hidden_field_is_blank(rubric: Rubric) -> None:
    from dataclasses import replace

    filled = facts(**docs({"took_part": 1, "teachers": 2}))
    hidden = replace(filled, hidden=frozenset({"teachers"}))
    assert evaluate(rubric, "took_part / teachers", hidden).state is State.BLANK


def test_divisor_zero_is_not_applicable(rubric: Rubric) -> None:
    assert value(rubric, "took_part / teachers", took_part=0, teachers=0).state is State.NA
    assert value(rubric, "max(1, took_part / teachers)", took_part=1, teachers=0).state is State.NA
    assert value(rubric, "took_part / teachers", teachers=0).state is State.BLANK  # not filled in yet


def test_school_cannot_write_a_bureau_field(rubric: Rubric) -> None:
    assert value(rubric, "absences", absences=3).state is State.BLANK


# --- member schools -----------------------------------------------------------------------------


def grades(now: dict[str, str], last: dict[str, str] | None = None) -> dict[str, Any]:
    members = {s: {"grade": g} for s, g in now.items()}
    for school, grade in (last or {}).items():
        members.setdefault(school, {})["last"] = grade
    return docs(bureau={"members": members})


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("sum(grade)", 9),
        ("mean(grade)", Fraction(9, 2)),
        ("count(grade)", 2),
        ("least(grade)", 4),
        ("most(grade)", 5),
        ("sum(grade * 2) / schools", 9),
    ],
)
def test_aggregates_over_schools(rubric: Rubric, formula: str, expected: Fraction) -> None:
    assert evaluate(rubric, formula, facts(**grades({"s1": "甲等", "s2": "乙等"}))).value == expected


def test_each_school_is_listed(rubric: Rubric) -> None:
    found = evaluate(rubric, "mean(grade)", facts(**grades({"s1": "甲等"})))
    assert found.inputs == (
        Input("质量等第", "示例一小", Fraction(5)),
        Input("质量等第", "示例二小", None),
    )
    assert found.value == 5


def test_school_lacking_one_year_leaves_both_sides(rubric: Rubric) -> None:
    given_ = facts(**grades({"s1": "甲等", "s2": "乙等"}, {"s1": "乙等"}))
    assert evaluate(rubric, "sum(grade - last)", given_).value == 1
    assert evaluate(rubric, "sum(grade - last)", given_, missing="zero").value == 5
    assert evaluate(rubric, "mean(grade - last)", given_).value == 1  # of one school


def test_option_without_points_is_missing_not_zero(rubric: Rubric) -> None:
    given_ = facts(**grades({"s1": "甲等", "s2": "乙等"}, {"s1": "乙等", "s2": "未参评"}))
    assert evaluate(rubric, "sum(grade - last)", given_).value == 1


def test_nothing_entered_is_blank_even_when_gaps_count_as_zero(rubric: Rubric) -> None:
    for missing in ("skip", "zero"):
        found = evaluate(rubric, "sum(grade - last)", facts(**docs()), missing=missing)
        assert (found.state, found.missing) == (State.BLANK, ("质量等第", "上年等第"))


# --- tables -------------------------------------------------------------------------------------


def stays(*months: str | None) -> dict[str, Any]:
    return docs(school={"tables": {"exchange": [{"person": "甲某", "months": m} for m in months]}})


def test_aggregates_over_rows(rubric: Rubric) -> None:
    given_ = facts(**stays("1.5", "2", None))
    assert evaluate(rubric, "sum(exchange.months)", given_).value == Fraction(7, 2)
    assert evaluate(rubric, "mean(exchange.months)", given_).value == Fraction(7, 4)
    assert evaluate(rubric, "count(exchange)", given_).value == 3
    assert evaluate(rubric, "count(exchange.months)", given_).value == 2


def test_absent_table_is_blank_and_empty_table_is_zero(rubric: Rubric) -> None:
    assert evaluate(rubric, "sum(exchange.months)", facts(**docs())).missing == ("教师交流名册",)
    assert evaluate(rubric, "sum(exchange.months)", facts(**stays())).value == 0
    assert evaluate(rubric, "count(exchange)", facts(**stays())).value == 0
    assert evaluate(rubric, "mean(exchange.months)", facts(**stays())).state is State.NA


# --- refusing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("took_part ** 2", "公式里不能用“took_part ** 2”"),
        ("took_part // 2", "公式里不能用“took_part // 2”"),
        ("().__class__", "公式里不能用“().__class__”"),
        ("took_part.real.imag", "公式里不能用“took_part.real.imag”"),
        ("open(1)", "没有函数“open”"),
        ("sum(1, 2)", "函数“sum”只要一个参数"),
        ("max(1)", "函数“max”的参数个数不对"),
        ("sum(sum(grade))", "合计函数里不能再套合计函数"),
        ("sum(x=1)", "公式里不能有“=”"),
        ("took_part > 2", "公式里不能有“>”"),
        ("took_part if 1 else 2", "公式里不能用“took_part if 1 else 2”"),
        ("lambda: 1", "公式里不能有“:”"),
        ("'1' + 1", "公式里不能有“'”"),
        ("took_part ÷ 2", "公式里不能有“÷”"),
        ("（1 + 2）", "公式里不能有“（”"),
        ("20%", "公式里不能有“%”"),
        ("1e9", "公式里的数“1e9”不能用"),
        ("0x10", "公式里的数“0x10”不能用"),
        ("9999999999999", "公式里的数“9999999999999”不能用"),
        ("(1 + 2", "公式“(1 + 2”不完整"),
        ("", "公式“”不完整"),
        ("-" * 40 + "1", "公式套得太深"),
        ("1 + " * 200 + "1", "公式超过 500 个字符"),
        ("None", "公式里的数“None”不能用"),
        ("True + 1", "公式里的数“True”不能用"),
    ],
)
def test_whitelist(formula: str, message: str) -> None:
    with pytest.raises(FormulaError) as raised:
        parse(formula)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("teacher", "公式里的“teacher”没有定义: 您是不是想写“teachers”"),
        ("grade", "字段“grade”每校一个: 请写在 sum( ) 之类的函数里"),
        ("awards", "“awards”是一张表: 请写成 awards.列名，或 count(awards)"),
        ("sum(award.level)", "公式里的表“award”没有定义: 您是不是想写“awards”"),
        ("sum(exchange.month)", "表“exchange”没有列“month”: 您是不是想写“months”"),
        ("sum(exchange.person)", "“exchange.person”不是数: 请换一列，或给选项写 points"),
        ("exchange.months", "“exchange.months”有许多行: 请写在 sum( ) 之类的函数里"),
        ("sum(grade * exchange.months)", "一个合计函数里只能有一张表，或只有成员学校的字段: 请拆开"),
        ("1 +", "公式“1 +”不完整: 请检查括号和运算符"),
    ],
)
def test_names_are_checked_against_the_rubric(rubric: Rubric, formula: str, message: str) -> None:
    assert check(rubric, formula) == [message]


def test_good_formulas_have_no_problem(rubric: Rubric) -> None:
    for formula in ("mean(grade)", "sum(grade - last) / schools", "count(awards) * 2", "absences"):
        assert check(rubric, formula) == []
    assert attributes(rubric, "took_part / pupils") == ["pupils"]


def test_attribute_of_the_register_can_be_read(rubric: Rubric) -> None:
    given_ = facts(attributes={"pupils": 300}, **docs({"took_part": 30}))
    assert evaluate(rubric, "took_part / pupils", given_).value == Fraction(1, 10)


# --- showing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("took_part / (teachers - pairs)", "参加人数 ÷ (教师总数 − 结对学校数)"),
        ("took_part - (teachers - pairs)", "参加人数 − (教师总数 − 结对学校数)"),
        ("(took_part - teachers) - 1", "参加人数 − 教师总数 − 1"),
        ("2 * (took_part * 3)", "2 × 参加人数 × 3"),
        ("-took_part", "−参加人数"),
        ("sum(grade - last)", "合计(质量等第 − 上年等第)"),
        ("max(0, 1 - took_part)", "取大(0，1 − 参加人数)"),
        ("count(exchange) + sum(exchange.months)", "个数(教师交流名册) + 合计(或:月数)"),
        ("took_part * 0.80 / schools", "参加人数 × 0.8 ÷ 学校数"),
    ],
)
def test_formulas_are_shown_with_labels(rubric: Rubric, formula: str, shown: str) -> None:
    assert show(rubric, formula) == shown
