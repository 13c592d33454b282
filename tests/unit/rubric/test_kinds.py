"""What each standard kind earns, with exact values; caps, marks and weights are in test_engine.py."""

from fractions import Fraction
from typing import Any

import pytest

from intranet.rubric import sentences
from intranet.rubric.facts import Facts
from intranet.rubric.kinds import earn
from intranet.rubric.ledger import Earned, State
from tests.unit.rubric.build import facts, filled, rubric

F = Fraction


def of(clause: dict[str, Any], given: Facts, **head: Any) -> Earned:
    """What the clause X earns."""
    built = rubric({"code": "X", **clause}, **head)
    return earn(built, built.by["X"], given)


def points(earned: Earned) -> Fraction:
    return sum((line.points or F(0) for line in earned.lines if line.counted), F(0))


def by_reason(earned: Earned) -> dict[str, str]:
    """ref -> why it does not count, in words."""
    return {line.ref: sentences.reason(line) for line in earned.lines if line.reason}


# --- ticks ---------------------------------------------------------------------------------------

TICKS = {
    "kind": "ticks",
    "max": 3,
    "ticks": [
        {"key": "a", "label": "章程", "points": "1.5"},
        {"key": "b", "label": "规划", "points": "0.5"},
        {"key": "c", "label": "总结", "points": 1},
    ],
}


def test_ticks_add_up() -> None:
    earned = of(TICKS, filled(X__a=True, X__b=True, X__c=False))
    assert (earned.state, points(earned), earned.flags) == (State.SCORED, F(2), ())
    assert by_reason(earned) == {"X.c": "未具备"}


def test_all_ticks_no_is_a_real_zero_and_none_answered_is_blank() -> None:
    zero = of(TICKS, filled(X__a=False, X__b=False, X__c=False))
    assert (zero.state, points(zero)) == (State.SCORED, F(0))
    assert of(TICKS, facts()).state is State.BLANK


def test_tick_left_blank_beside_others_is_flagged() -> None:
    earned = of(TICKS, filled(X__a=True))
    assert (points(earned), earned.flags) == (F("1.5"), ("blank_as_no",))
    assert by_reason(earned) == {"X.b": "未填", "X.c": "未填"}


# --- tally ---------------------------------------------------------------------------------------

AWARDS = {
    "key": "awards",
    "title": "奖励",
    "columns": [
        {"key": "name", "label": "名称"},
        {"key": "level", "label": "级别", "type": "choice", "options": ["国家级", "省级", "市级", "区级"]},
        {"key": "issuer", "label": "颁发", "type": "choice", "options": ["党委政府", "部门"]},
        {"key": "n", "label": "数量", "type": "count"},
        {"key": "winner", "label": "选手"},
        {"key": "contest", "label": "赛事"},
        {"key": "copy", "label": "证书", "type": "tick"},
    ],
}
TALLY = {
    "kind": "tally",
    "max": 3,
    "table": "awards",
    "level": "level",
    "points": {"省级": "1.5", "市级": 1, "区级": "0.5"},
}


def awards(*rows: dict[str, Any], **more: Any) -> Facts:
    return facts(school={"tables": {"awards": list(rows)}}, **more)


def tally(*rows: dict[str, Any], **changes: Any) -> Earned:
    return of(TALLY | changes, awards(*rows), tables=[AWARDS])


def test_tally_by_level_and_quantity() -> None:
    earned = tally(
        {"name": "课改先进集团", "level": "省级", "n": 1},
        {"name": "教研成果奖", "level": "市级", "n": 2},
        quantity="n",
    )
    assert [line.points for line in earned.lines] == [F("1.5"), F(2)]
    assert [sentences.line(line) for line in earned.lines] == [
        "省级 课改先进集团 1×1.5",
        "市级 教研成果奖 2×1",
    ]
    assert [line.ref for line in earned.lines] == ["awards[0]", "awards[1]"]


def test_table_never_filled_is_blank_and_declared_empty_is_zero() -> None:
    assert of(TALLY, facts(), tables=[AWARDS]).state is State.BLANK
    empty = tally()
    assert (empty.state, points(empty)) == (State.SCORED, F(0))
    assert [sentences.line(line) for line in empty.lines] == ["奖励：已声明没有"]


def test_where_is_silent_and_require_says_why() -> None:
    earned = tally(
        {"name": "甲", "level": "区级", "issuer": "党委政府"},
        {"name": "乙", "level": "区级", "issuer": "部门"},
        {"name": "丙", "level": "市级", "issuer": "部门"},
        {"name": "丁", "level": "省级", "issuer": "部门"},
        where={"level": ["市级", "区级"]},
        require=[
            {
                "when": {"level": "区级"},
                "column": "issuer",
                "among": "党委政府",
                "reason": "须由党委、政府颁发",
            }
        ],
    )
    assert points(earned) == F("1.5")
    assert by_reason(earned) == {"awards[1]": "须由党委、政府颁发"}
    assert [line.ref for line in earned.lines] == ["awards[0]", "awards[1]", "awards[2]"]


@pytest.mark.parametrize(("copy", "earns"), [(True, 1), (False, 0), (None, 0)])
def test_required_tick(copy: bool | None, earns: int) -> None:
    earned = tally({"level": "市级", "copy": copy}, require=[{"column": "copy", "reason": "无证书"}])
    assert points(earned) == earns


def test_alias_reads_a_level_as_another_and_is_flagged() -> None:
    earned = tally({"name": "甲", "level": "国家级"}, alias={"国家级": "省级"})
    assert (points(earned), earned.flags) == (F("1.5"), ("alias",))
    assert sentences.line(earned.lines[0]) == "国家级（按省级计） 甲 1×1.5"


def test_alias_to_itself_leaves_the_row_to_the_panel() -> None:
    earned = tally({"name": "甲", "level": "国家级"}, {"level": "市级"}, alias={"国家级": "国家级"})
    assert (points(earned), earned.flags) == (F(1), ("panel_decides",))
    assert by_reason(earned) == {"awards[0]": "国家级未列分值，由考核组认定"}


def test_rows_that_cannot_count_say_why() -> None:
    earned = tally(
        {"level": None, "n": 1},
        {"level": "国家级", "n": 1},
        {"level": "市级", "n": None},
        {"level": "市级", "n": -1},
        {"level": "市级", "n": 0},
        quantity="n",
    )
    assert points(earned) == 0
    assert by_reason(earned) == {
        "awards[0]": "未填级别",
        "awards[1]": "本款未列国家级的分值",
        "awards[2]": "未填数量",
        "awards[3]": "未填数量",
    }


def test_each_counts_rows() -> None:
    earned = of(
        {"kind": "tally", "max": 4, "table": "awards", "each": 1},
        awards({"name": "甲"}, {"name": "乙"}),
        tables=[AWARDS],
    )
    assert points(earned) == 2


CONTESTS = (
    {"winner": "张", "contest": "甲赛", "level": "省级"},
    {"winner": "张", "contest": "乙赛", "level": "市级"},
    {"winner": "李", "contest": "甲赛", "level": "区级"},
)


def test_once_per_takes_the_highest() -> None:
    earned = tally(*CONTESTS, once_per="winner")
    assert points(earned) == F(2)
    assert by_reason(earned) == {"awards[1]": "同一选手在本款只计一次，取高"}
    assert [line.key for line in earned.lines] == ["张", "张", "李"]


def test_once_per_scope_is_a_parameter() -> None:
    assert points(tally(*CONTESTS, once_per=["winner", "contest"])) == F(3)


def test_once_per_lower_row_first_still_takes_the_higher() -> None:
    earned = tally(*reversed(CONTESTS), once_per="winner")
    assert points(earned) == F(2)
    assert list(by_reason(earned)) == ["awards[1]"]


def test_once_per_needs_its_key() -> None:
    assert by_reason(tally({"level": "市级", "winner": " "}, once_per="winner")) == {"awards[0]": "未填选手"}


SIX_AND_A_HALF = [{"level": "省级", "n": 5}, {"level": "市级", "n": 2}]
MEMBERS = {"s1": {"role": "lead"}, "s2": {"role": "member"}}


def averaged(over: str, **given: Any) -> Earned:
    clause = TALLY | {"points": {"省级": 2, "市级": "1.5"}, "quantity": "n", "average_over": over}
    field = {"key": "heads", "label": "学校数", "type": "count", "by": "bureau"}
    return of(clause, awards(*SIX_AND_A_HALF, **given), tables=[AWARDS], fields=[field])


def test_average_over_member_schools_with_the_lead() -> None:
    earned = averaged("schools", members=MEMBERS)
    assert (points(earned), earned.divide) == (F(13), F(2))


def test_average_over_a_field() -> None:
    assert averaged("heads", bureau={"fields": {"heads": 4}}).divide == F(4)


@pytest.mark.parametrize(
    ("heads", "flag"), [(None, "divisor_blank"), (0, "divisor_zero"), (-1, "divisor_zero")]
)
def test_average_without_divisor_is_blank_and_flagged(heads: int | None, flag: str) -> None:
    earned = averaged("heads", bureau={"fields": {"heads": heads}})
    assert (earned.state, earned.flags, earned.divide) == (State.BLANK, (flag,), None)


def test_no_members_is_a_divisor_of_zero() -> None:
    assert averaged("schools").flags == ("divisor_zero",)


# --- roster --------------------------------------------------------------------------------------

EXCHANGE = {
    "key": "exchange",
    "title": "交流名册",
    "columns": [
        {"key": "person", "label": "姓名"},
        {"key": "category", "label": "类别", "type": "choice", "options": ["定期", "不定期"]},
        {"key": "from", "label": "派出", "type": "school"},
        {"key": "to", "label": "接收", "type": "school"},
        {
            "key": "direction",
            "label": "方向",
            "type": "direction",
            "of": ["from", "to"],
            "options": ["龙头→成员", "成员→龙头", "成员→成员"],
        },
        {"key": "start", "label": "起", "type": "date"},
        {"key": "end", "label": "止", "type": "date"},
        {"key": "months", "label": "月数", "type": "number"},
    ],
}
BANDS = [
    {"from": 1, "to": 3, "points": "0.3"},
    {"from": 3, "to": 6, "points": "0.4"},
    {"from": 6, "points": "0.5"},
]


def roster(*rows: dict[str, Any], **changes: Any) -> Earned:
    given = facts(
        school={"tables": {"exchange": list(rows)}},
        members={"s1": {"role": "lead"}, "s2": {"role": "member"}, "s3": {"role": "member"}},
    )
    clause = {"kind": "roster", "max": 4, "table": "exchange", "bands": BANDS} | changes
    return of(clause, given, tables=[EXCHANGE])


def stay(start: str | None, end: str | None, person: str = "周一", **more: Any) -> dict[str, Any]:
    return {"person": person, "start": start, "end": end, **more}


@pytest.mark.parametrize(
    ("end", "earns"),
    [
        ("2022-09-29", "0"),  # a day short of one month
        ("2022-09-30", "0.3"),  # exactly one month: included
        ("2022-11-29", "0.3"),  # a day short of three months
        ("2022-11-30", "0.4"),  # exactly three: 不含 governs the upper end
        ("2023-02-27", "0.4"),
        ("2023-02-28", "0.5"),  # six months, month end clamped by the calendar
        ("2025-08-31", "0.5"),  # no upper end
    ],
)
def test_band_edges(end: str, earns: str) -> None:
    assert points(roster(stay("2022-09-01", end))) == F(earns)


def test_longest_does_not_add_two_stays() -> None:
    earned = roster(stay("2022-09-01", "2022-10-31"), stay("2023-01-13", "2023-05-12"))
    assert points(earned) == F("0.4")
    assert len(earned.lines) == 1
    assert earned.lines[0].ref == "exchange[0],exchange[1]"
    assert sentences.line(earned.lines[0]) == "周一 连续 4 个月"


def test_touching_stays_are_one() -> None:
    earned = roster(stay("2022-09-01", "2022-10-31"), stay("2022-11-01", "2022-12-31"))
    assert (points(earned), earned.lines[0].parts["months"]) == (F("0.4"), F(4))


def test_total_adds_months_given_as_numbers() -> None:
    rows = [stay(None, None, "乙", months=m) for m in ("1.0", "0.8", "1.3")] + [
        stay(None, None, "丙", months="0.9")
    ]
    earned = roster(*rows, measure="total")
    assert points(earned) == F("0.4")
    assert [sentences.line(line) for line in earned.lines] == ["乙 累计 3.1 个月", "丙 累计 0.9 个月"]
    assert by_reason(earned) == {"exchange[3]": "未满 1 个月"}
    assert sentences.hint(earned.lines[1]) == "差 3 天满 1 个月，可计 0.3"


def test_number_of_months_beats_dates() -> None:
    earned = roster(stay("2022-09-01", "2022-09-30", months="6"))
    assert points(earned) == F("0.5")


def test_hint_names_the_days_to_the_next_band() -> None:
    line = roster(stay("2022-09-01", "2022-11-18")).lines[0]
    assert line.hint == {"days": F(12), "months": F(3), "points": F("0.4")}
    assert sentences.hint(line) == "差 12 天满 3 个月，可计 0.4"
    assert roster(stay("2022-09-01", "2023-05-31")).lines[0].hint == {}


def test_below_three_years() -> None:
    line = roster(stay(None, None, months="32"), bands=[{"from": 36, "points": 1}]).lines[0]
    assert (line.counted, line.points) == (False, None)
    assert f"{sentences.line(line)}，{sentences.reason(line)}" == "周一 连续 32 个月，未满三年"


def test_running_stay_ends_at_the_cutoff() -> None:
    assert points(roster(stay("2023-02-19", None), until="2023-05-18")) == F("0.4")
    assert points(roster(stay("2023-02-20", None), until="2023-05-18")) == F("0.3")


def test_planned_end_after_the_cutoff_is_not_yet_served() -> None:
    earned = roster(stay("2023-04-01", "2024-03-31"), until="2023-05-18")
    assert earned.lines[0].parts["months"] == F(1)


def test_rows_that_do_not_count_stay_visible() -> None:
    earned = roster(
        stay("2023-02-01", None),
        stay("2023-02-01", "2023-01-01"),
        stay("2023-02-31", "2023-05-01"),
        stay(None, None),
        stay("2023-02-01", "2023-05-31", person=" "),
        stay(None, None, months="0"),
        stay(None, None, months="许多"),
        stay("2021-01-01", "2021-12-31"),
        since="2022-09-01",
    )
    assert points(earned) == 0
    assert list(by_reason(earned).values()) == [
        "仍在进行，未定截止日",
        "止期早于起期",
        "日期不能识别，请填 2023-09-01 的样子",
        "未填起止时间",
        "未填姓名",
        "月数应是大于 0 的数",
        "月数应是大于 0 的数",
        "2022-09-01 以前已结束",
    ]
    assert not any(line.counted for line in earned.lines)


def test_stay_that_reaches_into_the_window_counts_whole() -> None:
    assert roster(stay("2021-01-01", "2022-09-01"), since="2022-09-01").lines[0].parts["months"] == F(20)


def test_stay_after_the_cutoff() -> None:
    earned = roster(stay("2023-06-01", "2023-12-31"), until="2023-05-18")
    assert by_reason(earned) == {"exchange[0]": "2023-05-18 以后才开始"}


def test_above_a_closed_top_band_is_flagged() -> None:
    earned = roster(stay(None, None, months="6"), bands=BANDS[:2])
    assert (points(earned), earned.flags) == (F(0), ("outside_bands",))
    assert by_reason(earned) == {"exchange[0]": "超出所列各档，由考核组认定"}


@pytest.mark.parametrize(
    ("ends", "direction"),
    [
        (("s1", "s2"), "龙头→成员"),
        (("s2", "s1"), "成员→龙头"),
        (("s2", "s3"), "成员→成员"),
        (("s1", "s9"), None),
    ],
)
def test_direction_follows_from_the_two_schools(ends: tuple[str, str], direction: str | None) -> None:
    row = stay("2022-09-01", "2023-05-31", **{"from": ends[0], "to": ends[1]})
    for wanted in ("龙头→成员", "成员→龙头", "成员→成员"):
        require = [{"column": "direction", "among": wanted, "reason": "方向不符"}]
        assert points(roster(row, require=require)) == (F("0.5") if wanted == direction else 0)


def test_roster_never_filled_is_blank() -> None:
    clause = {"kind": "roster", "max": 4, "table": "exchange", "bands": BANDS}
    assert of(clause, facts(), tables=[EXCHANGE]).state is State.BLANK
    assert roster().state is State.SCORED


# --- rows that wait for another school's word --------------------------------------------------------


@pytest.mark.parametrize(("confirmed_only", "earns"), [(True, "0.5"), (False, "1.5")])
def test_what_another_school_has_not_confirmed_counts_unless_the_clause_says_so(
    confirmed_only: bool, earns: str
) -> None:
    rows = [stay("2022-09-01", "2023-05-31", person) for person in ("甲", "乙", "丙")]
    rows[1]["@confirmation"], rows[2]["@confirmation"] = "open", "disputed"
    earned = roster(*rows, confirmed_only=confirmed_only)
    assert points(earned) == F(earns)
    assert by_reason(earned) == (
        {"exchange[1]": "对方学校尚未确认", "exchange[2]": "对方学校有异议"} if confirmed_only else {}
    )


def test_a_row_that_lacks_something_says_that_before_the_missing_word() -> None:
    earned = tally({"level": "", "n": 1, "@confirmation": "open"}, confirmed_only=True)
    assert by_reason(earned) == {"awards[0]": "对方学校尚未确认"}
    required = [{"column": "name", "reason": "未填名称"}]
    earned = tally({"level": "省级", "n": 1, "@confirmation": "open"}, confirmed_only=True, require=required)
    assert by_reason(earned) == {"awards[0]": "未填名称"}


# --- measure -------------------------------------------------------------------------------------

COUNTS = [
    {"key": "took_part", "label": "参加", "type": "count"},
    {"key": "teachers", "label": "教师", "type": "count"},
]


def measure(took_part: int | None, teachers: int | None, **changes: Any) -> Earned:
    clause = {"kind": "measure", "max": 6, "formula": "took_part / teachers"} | changes
    return of(clause, filled(took_part=took_part, teachers=teachers), fields=COUNTS)


@pytest.mark.parametrize(
    ("took_part", "earns", "flags"),
    [(20, "6", ()), (21, "6", ()), (19, "6", ("below_target",)), (0, "6", ("below_target",))],
)
def test_target_with_flag(took_part: int, earns: str, flags: tuple[str, ...]) -> None:
    earned = measure(took_part, 100, target="20%", below="flag")
    assert (points(earned), earned.flags, earned.value) == (F(earns), flags, F(took_part, 100))


@pytest.mark.parametrize(("took_part", "earns"), [(15, "9/2"), (20, "6"), (30, "6"), (0, "0"), (1, "3/10")])
def test_target_proportional(took_part: int, earns: str) -> None:
    assert points(measure(took_part, 100, target="20%", below="proportional")) == F(earns)


@pytest.mark.parametrize(("took_part", "earns"), [(1999, 0), (2000, 6)])
def test_target_zero_compares_the_exact_value(took_part: int, earns: int) -> None:
    assert points(measure(took_part, 10000, target="20%", below="zero")) == earns


BY_SHARE = [
    {"from": "60%", "to": "80%", "points": 2, "verdict": "合格"},
    {"from": "80%", "points": 5, "verdict": "优秀"},
]


@pytest.mark.parametrize(
    ("n", "earns", "verdict"), [(5999, 0, None), (6000, 2, "合格"), (7999, 2, "合格"), (8000, 5, "优秀")]
)
def test_measure_bands(n: int, earns: int, verdict: str | None) -> None:
    earned = measure(n, 10000, bands=BY_SHARE)
    assert (points(earned), earned.verdict) == (F(earns), verdict)


def test_per_point() -> None:
    assert points(measure(7, 2, per_point="0.5")) == F("1.75")
    assert points(measure(7, 2, per_point="0.5", whole_points=True)) == F("1.5")


def test_value_is_the_points() -> None:
    earned = measure(13, 3)
    assert (points(earned), earned.value) == (F(13, 3), F(13, 3))
    assert [sentences.line(line) for line in earned.lines] == ["参加 13", "教师 3", "参加 ÷ 教师 ≈ 4.3333"]
    assert [line.counted for line in earned.lines] == [False, False, True]


def test_measure_blank_and_divisor_zero() -> None:
    assert measure(None, 3).state is State.BLANK
    nothing = measure(3, 0)
    assert (nothing.state, nothing.flags) == (State.NA, ("divisor_zero",))


# --- rank, judged: the unit pass -----------------------------------------------------------------

GRADE = {
    "key": "grade",
    "label": "等第",
    "type": "choice",
    "by": "bureau",
    "per": "member",
    "options": [{"value": "一等", "points": 5}, {"value": "二等", "points": 4}],
}


def test_rank_waits_with_its_exact_value_and_a_line_per_school() -> None:
    given = facts(
        members={"s1": {"name": "甲校"}, "s2": {"name": "乙校"}, "s3": {"name": "丙校"}},
        bureau={"members": {"s1": {"grade": "一等"}, "s2": {"grade": "二等"}, "s3": {"grade": "二等"}}},
    )
    earned = of(
        {"kind": "rank", "max": 3, "formula": "mean(grade)", "award": [3, 2, 1]}, given, fields=[GRADE]
    )
    assert (earned.state, earned.value) == (State.PENDING, F(13, 3))
    assert [sentences.line(line) for line in earned.lines] == [
        "甲校 等第 5",
        "乙校 等第 4",
        "丙校 等第 4",
        "平均(等第) ≈ 4.3333",
    ]
    assert not any(line.counted for line in earned.lines)


@pytest.mark.parametrize(("missing", "value"), [("skip", F(5)), ("zero", F(5, 2))])
def test_rank_missing(missing: str, value: Fraction) -> None:
    given = facts(members={"s1": {}, "s2": {}}, bureau={"members": {"s1": {"grade": "一等"}}})
    clause = {"kind": "rank", "max": 3, "formula": "mean(grade)", "award": [3], "missing": missing}
    assert of(clause, given, fields=[GRADE]).value == value


def test_judged_waits_for_a_person() -> None:
    assert of({"kind": "judged", "max": 3}, facts()) == Earned(State.PENDING)


def test_sum_and_rule_do_not_earn_by_themselves() -> None:
    with pytest.raises(ValueError, match="X: rule does not earn here"):
        of({"kind": "rule", "max": 1}, facts())
