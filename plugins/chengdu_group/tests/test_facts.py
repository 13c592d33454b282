"""What a group is asked, and what is found in its answers."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

import chengdu_group
from chengdu_group.facts import offered, problems, slots_for
from intranet.rubric import loader
from intranet.rubric.checks import check
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import Problem
from intranet.rubric.model import Rubric

RUBRIC = loader.read_package(files(chengdu_group)).bind()


def group(*stages: Any, attributes: dict[str, Any] | None = None, **tables: list[dict[str, Any]]) -> Facts:
    members = {f"s{n}": {"name": f"示例{n}校", "stage": stage} for n, stage in enumerate(stages, 1)}
    return Facts.from_json(
        {
            "unit": "g1",
            "attributes": attributes or {},
            "members": members,
            "docs": {"school": {"tables": tables}},
        }
    )


def stay(
    person: str, category: str, start: str | None, end: str | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "person": person,
        "category": category,
        "from": "s1",
        "to": "s2",
        "start": start,
        "end": end,
        **more,
    }


def found(rubric: Rubric = RUBRIC, **tables: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(p.severity, p.code, p.ref) for p in problems(rubric, group(attributes=None, **tables))]


# --- what a group is asked ------------------------------------------------------------------------


def changes(facts: Facts) -> dict[str, tuple[bool, str, str | None]]:
    return {c.key: (c.hidden, c.reason, c.label) for c in slots_for(facts)}


WITHOUT_NURSERY = (False, "", "“新优质学校”、阳光体育示范学校等称号的证书或文件")


def test_a_group_of_primary_schools_is_not_asked_for_senior_results() -> None:
    assert changes(group("小学", "九年一贯制")) == {
        "C11.1#2": (True, "集团内没有普通高中学段的学校", None),
        "C11.2#1": WITHOUT_NURSERY,
    }


def test_a_group_of_senior_schools_is_not_asked_for_compulsory_results() -> None:
    assert changes(group("高中", "普通高中")) == {
        "C11.1#1": (True, "集团内没有义务教育学段的学校", None),
        "C11.2#1": WITHOUT_NURSERY,
    }


def test_a_group_with_every_stage_is_asked_everything() -> None:
    assert changes(group("幼儿园", "小学", "完全中学")) == {}
    assert changes(group("幼儿园", ["初中", "高中"])) == {}


def test_the_groups_own_stages_stand_in_for_members() -> None:
    assert offered(group(attributes={"stages": ["小学", "中学"]})) == frozenset({"义务教育", "普通高中"})


@pytest.mark.parametrize("facts", [group(), group("小学", None), group("小学", "特殊教育学校")])
def test_an_unknown_stage_hides_nothing(facts: Facts) -> None:
    assert offered(facts) is None
    assert changes(facts) == {}


def test_the_slots_that_change_exist() -> None:
    assert RUBRIC.by["C11.1"].materials[:2] == ("义务教育学业质量监测结果", "普通高中学业水平考试结果")
    assert RUBRIC.by["C11.2"].materials == ("等级园、“新优质学校”、阳光体育示范学校等称号的证书或文件",)


# --- rosters --------------------------------------------------------------------------------------

AT = "school.tables.teachers"


def test_a_teacher_in_both_clauses_of_c5_at_the_same_time() -> None:
    rows = [
        stay("甲 001", "定期", "2022-09-01", "2023-01-15"),
        stay("甲 001", "不定期", "2023-01-15", "2023-02-15"),
    ]
    (problem,) = problems(RUBRIC, group(teachers=rows))
    assert problem == Problem(
        "warning",
        "overlap",
        "教师交流名册第 2 行：与第 1 行的定期交流时间重叠，同一段时间只计一款；请改正日期或删去一行",
        f"{AT}[1].start",
        "C5.2",
    )


def test_the_next_day_is_no_overlap() -> None:
    rows = [
        stay("甲 001", "定期", "2022-09-01", "2023-01-15"),
        stay("甲 001", "不定期", "2023-01-16", "2023-02-15"),
    ]
    assert found(teachers=rows) == []


def test_another_teacher_is_no_overlap() -> None:
    rows = [stay("甲 001", "定期", "2022-09-01"), stay("乙 002", "不定期", "2022-09-01", "2022-12-31")]
    assert found(teachers=rows) == []


def test_a_running_stay_lasts_to_the_cut_off_date() -> None:
    rows = [stay("甲 001", "定期", "2022-09-01"), stay("甲 001", "不定期", "2023-05-18", "2023-06-30")]
    assert found(teachers=rows) == [("warning", "overlap", f"{AT}[1].start")]
    rows[1]["start"] = "2023-05-19"
    assert found(teachers=rows) == []


def test_months_alone_do_not_show_an_overlap() -> None:
    rows = [stay("甲 001", "定期", "2022-09-01"), stay("甲 001", "不定期", None, months="2")]
    assert found(teachers=rows) == [("warning", "overlap_unknown", f"{AT}[1].months")]


def test_the_same_days_as_cadre_and_as_teacher() -> None:
    cadres = [stay("甲 001", "定期", "2022-09-01", "2022-12-31")]
    teachers = [stay("甲 001", "定期", "2022-12-31", "2023-03-31")]
    assert found(cadres=cadres, teachers=teachers) == [("warning", "cadre_and_teacher", f"{AT}[0].person")]
    teachers[0]["start"] = "2023-01-01"
    assert found(cadres=cadres, teachers=teachers) == []


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("周甲 002", "与“周甲 001”同名而工号不同，按两人计；如是同一人请写成一样"),
        ("周甲", "与“周甲 001”写法不同，会按两人计；如是同一人请写成一样"),
        ("周甲001", "与“周甲 001”写法不同，会按两人计；如是同一人请写成一样"),
        ("周甲（001）", "与“周甲 001”写法不同，会按两人计；如是同一人请写成一样"),
    ],
)
def test_one_name_written_in_two_ways(second: str, message: str) -> None:
    cadres = [stay("周甲 001", "定期", "2022-09-01", "2022-10-31")]
    teachers = [stay(second, "定期", "2023-01-01", "2023-02-28")]
    (problem,) = problems(RUBRIC, group(cadres=cadres, teachers=teachers))
    assert (problem.severity, problem.message, problem.ref) == (
        "warning",
        f"教师交流名册第 1 行：{message}",
        f"{AT}[0].person",
    )


def test_other_names_and_the_same_writing_are_fine() -> None:
    rows = [stay(p, "定期", "2022-09-01", "2022-10-31") for p in ("周甲 001", "周乙 001", "周甲 001")]
    assert found(teachers=rows) == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (stay("甲 001", "定期", None, months="8"), ("error", "months_not_dates", "months")),
        (stay("甲 001", "派驻", "2020-09-01", months="8"), ("error", "months_not_dates", "months")),
        (stay("甲 001", "派驻", None), ("error", "no_length", "start")),
        (stay("甲 001", "不定期", None), ("error", "no_length", "start")),
        (stay("甲 001", "不定期", "2022-09-01", months="2"), ("warning", "two_lengths", "months")),
    ],
)
def test_rows_that_cannot_be_measured(row: dict[str, Any], problem: tuple[str, str, str]) -> None:
    severity, code, column = problem
    assert found(cadres=[row]) == [(severity, code, f"school.tables.cadres[0].{column}")]


def test_an_end_without_a_start_is_left_to_the_standard_checks() -> None:
    rows = [stay("甲 001", category, None, "2022-12-31") for category in ("派驻", "不定期")]
    assert found(cadres=rows) == []
    codes = [(p.code, p.ref) for p in check(RUBRIC, group(cadres=rows)) if p.code == "no_start"]
    assert codes == [("no_start", f"school.tables.cadres[{n}].start") for n in (0, 1)]


def test_each_problem_stands_with_its_clause() -> None:
    cadres = [stay("甲 001", "派驻", None), stay("乙 002", "定期", None), stay("丙 003", "不定期", None)]
    teachers = [stay("丁 004", "定期", None), stay("戊 005", "不定期", None)]
    clauses = [p.clause for p in problems(RUBRIC, group(cadres=cadres, teachers=teachers))]
    assert clauses == ["C4.1", "C4.2a", "C4.2b", "C5.1", "C5.2"]
    assert set(clauses) <= RUBRIC.by.keys()


# --- lists ----------------------------------------------------------------------------------------


def test_dates_outside_the_cycle_are_shown() -> None:
    days = ["2022-08-31", "2022-09-01", "2023-05-18", "2023-05-19", None, "不详"]
    (before, after) = problems(RUBRIC, group(awards=[{"date": day} for day in days]))
    assert (before.ref, after.ref) == ("school.tables.awards[0].date", "school.tables.awards[3].date")
    assert (
        before.message
        == "表彰奖励清单第 1 行：日期不在考核期（2022-09-01至2023-05-18）内；请核对，确属本期的请附说明"
    )
    assert (before.severity, before.clause) == ("warning", "C12.1")


def test_the_window_is_the_cycles_ruling() -> None:
    definition = loader.read_package(files(chengdu_group))
    awards = [{"date": "2022-08-31"}, {"date": "2024-01-01"}]
    later = definition.bind({"window_from": "2022-08-31", "cutoff": "2024-05-18"})
    assert found(later, awards=awards) == []
    open_ended = definition.bind({"window_from": "", "cutoff": ""})
    assert found(open_ended, awards=awards) == []


def test_an_empty_document_has_no_problems() -> None:
    assert found() == []
