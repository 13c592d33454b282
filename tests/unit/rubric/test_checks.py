"""Typed values, the standard checks of a unit, and documents from outside."""

from dataclasses import replace
from typing import Any

import pytest

from intranet.errors import Invalid
from intranet.rubric.checks import check, page_of, parse_value, read_document
from intranet.rubric.loader import load
from intranet.rubric.model import Column, Field, Option, Rubric
from tests.unit.rubric.sample import SAMPLE, changed, facts


@pytest.fixture(scope="module")
def rubric() -> Rubric:
    return load(SAMPLE).bind()


def field(kind: str, **more: Any) -> Field:
    return Field(key="f", label="某项", type=kind, **more)


# --- what people type ---------------------------------------------------------------------------

LEVELS = (Option(value="省级"), Option(value="市级", label="市（州）级"))


@pytest.mark.parametrize(
    ("item", "text", "value"),
    [
        (field("text"), "  某校\t章程 \n", "某校 章程"),
        (field("text"), "　 ", None),
        (field("longtext"), "一\r\n二\x00", "一\n二"),
        (field("count"), "3", 3),
        (field("count"), " ３ ", 3),
        (field("count", unit="次"), "3 次", 3),
        (field("count"), "1,200", 1200),
        (field("count"), "3.0", 3),
        (field("count"), "", None),
        (field("number"), "2.50", "2.5"),
        (field("number"), "２．５", "2.5"),
        (field("number"), "\u22123", "-3"),
        (field("number", unit="个月"), "1.5个月", "1.5"),
        (field("tick"), "是", True),
        (field("tick"), "√", True),
        (field("tick"), "on", True),
        (field("tick"), "无", False),
        (field("tick"), "FALSE", False),
        (field("date"), "2023-09-01", "2023-09-01"),
        (field("date"), "2023.9.1", "2023-09-01"),
        (field("date"), "2023/9/1", "2023-09-01"),
        (field("date"), "2023年9月1日", "2023-09-01"),
        (field("date"), "２０２３年９月１日", "2023-09-01"),
        (field("date"), "20230901", "2023-09-01"),
        (field("date"), "2023-09-01 00:00:00", "2023-09-01"),
        (field("choice", options=LEVELS), "市级", "市级"),
        (field("choice", options=LEVELS), "市（州）级", "市级"),
        (Column(key="c", label="校", type="school"), "s1", "s1"),
    ],
)  # fmt: skip
def test_typed_text_becomes_a_stored_value(item: Field, text: str, value: Any) -> None:
    stored = parse_value(item, text)
    assert stored == value
    assert type(stored) is type(value)


@pytest.mark.parametrize(
    ("item", "text", "message"),
    [
        (field("count"), "三", "“三”不是数，请填整数，如 3"),
        (field("count"), "2.5", "“2.5”不是整数，请填整数，如 3"),
        (field("count"), "-1", "不能小于 0，请核对"),
        (field("count", most=10), "11", "不能大于 10，请核对"),
        (field("number"), "1/3", "“1/3”不是数，请填数，如 3 或 0.5"),
        (field("number"), "1e5", "“1e5”不是数，请填数，如 3 或 0.5"),
        (field("number", least=0), "-0.5", "不能小于 0，请核对"),
        (field("tick"), "可能", "请填“是”或“否”"),
        (field("date"), "2023-02-29", "“2023-02-29”不是日期，请填 2023-09-01 的样子"),
        (field("date"), "20223-01-01", "“20223-01-01”不是日期，请填 2023-09-01 的样子"),
        (field("date"), "1023-01-01", "年份 1023 不对，请核对"),
        (field("date"), "九月一日", "“九月一日”不是日期，请填 2023-09-01 的样子"),
        (field("choice", options=LEVELS), "县级", "没有“县级”这一选项，请在 省级、市（州）级 中选"),
        (field("text"), "字" * 501, "最多 500 个字，请缩短"),
    ],
)  # fmt: skip
def test_typed_text_is_refused_with_what_to_enter(item: Field, text: str, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_value(item, text)
    assert raised.value.message == message
    assert raised.value.problems == {"f": message}


# --- one unit -----------------------------------------------------------------------------------


def filled(**parts: Any) -> Any:
    """The sample unit with these parts of the school's document replaced."""
    school = dict(facts().docs["school"]) | {k: v for k, v in parts.items() if k != "fields"}
    school["fields"] = facts().docs["school"]["fields"] | parts.get("fields", {})
    return replace(facts(), docs={**facts().docs, "school": school})


def found(rubric: Rubric, given: Any) -> list[tuple[str, str, str, str]]:
    return [(p.severity, p.message, p.ref, p.clause) for p in check(rubric, given)]


def test_the_sample_unit_has_no_problem(rubric: Rubric) -> None:
    assert check(rubric, facts()) == []


def test_wrong_values_name_field_and_clause(rubric: Rubric) -> None:
    given = filled(fields={"took_part": -1, "A1.1.charter": "有", "teachers": 1.5})
    assert found(rubric, given) == [
        ("error", "有章程：请填“是”或“否”", "school.fields.A1.1.charter", "A1.1"),
        ("error", "参加人数：不能小于 0，请核对", "school.fields.took_part", "B3"),
        ("error", '教师总数：小数请写成文字，如 "0.5"', "school.fields.teachers", "B3"),
    ]


def test_member_values_name_the_school(rubric: Rubric) -> None:
    given = replace(facts(), docs={**facts().docs, "bureau": {"members": {"s2": {"grade": "丁等"}}}})
    assert found(rubric, given) == [
        (
            "error",
            "质量等第（示例二小）：没有“丁等”这一选项，请在 甲等、乙等、丙等 中选",
            "bureau.members.s2.grade",
            "B4",
        )
    ]


def test_required_field_blocks_its_owner_only() -> None:
    text = changed(
        'label = "参加人数", type = "count"', 'label = "参加人数", type = "count", required = true'
    )
    text = text.replace('label = "质量等第"\n', 'label = "质量等第"\nrequired = true\n')
    rubric = load(text).bind()
    empty = replace(facts(), docs={})
    assert [(p.severity, p.code, p.message) for p in check(rubric, empty)] == [
        ("error", "required", "请填写“参加人数”"),
        ("warning", "required", "请填写“质量等第（示例一小）”"),
        ("warning", "required", "请填写“质量等第（示例二小）”"),
    ]
    assert check(rubric, replace(empty, hidden=frozenset({"took_part", "grade"}))) == []


def test_blank_count_beside_filled_ones_is_said(rubric: Rubric) -> None:
    one = filled(fields={"A2.下学期": None})
    assert found(rubric, one) == [
        ("warning", "“理事会（下学期）”未填，暂按0次计", "school.fields.A2.下学期", "A2")
    ]
    slots_only = filled(fields={"A2.done": None, "A2.上学期": None, "A2.下学期": None})
    assert len(check(rubric, slots_only)) == 2
    untouched = filled(fields={"A2.done": None, "A2.上学期": None, "A2.下学期": None}, materials={})
    assert check(rubric, untouched) == []
    not_done = filled(fields={"A2.done": False, "A2.上学期": None, "A2.下学期": None})
    assert check(rubric, not_done) == []


ROW = {
    "person": "甲某 001",
    "category": "定期",
    "sender": "s1",
    "receiver": "s2",
    "start": "2030-09-01",
    "end": "2031-01-15",
    "document": True,
}


def rows(*changes: dict[str, Any]) -> Any:
    return filled(tables={"exchange": [ROW | c for c in changes]})


@pytest.mark.parametrize(
    ("change", "severity", "message", "column"),
    [
        ({"person": " "}, "error", "请填写“姓名(工号)”", "person"),
        ({"category": "长期"}, "error", "类别：没有“长期”这一选项，请在 定期、不定期 中选", "category"),
        ({"start": "2030-13-01"}, "error", "起：“2030-13-01”不是日期，请填 2023-09-01 的样子", "start"),
        ({"end": "2030-08-31"}, "error", "“止”早于“起”，请核对", "end"),
        ({"start": None}, "error", "填了“止”，没有填“起”", "start"),
        ({"start": "2031-07-01", "end": None}, "warning", "“起”在截止日 2031-06-30 之后，不计", "start"),
        ({"end": "2041-01-15"}, "warning", "“止”比截止日晚 5 年以上，请核对年份", "end"),
        ({"months": "-2"}, "error", "或:月数：不能小于 0，请核对", "months"),
        ({"receiver": "s9"}, "error", "接收学校：“s9”不是本单位的学校，请从名单中选", "receiver"),
        ({"receiver": "s1"}, "error", "派出学校、接收学校是同一所学校，请核对", "direction"),
        ({"receiver": None}, "error", "不能判断方向，请填写派出学校、接收学校", "direction"),
    ],
)
def test_rows(rubric: Rubric, change: dict[str, Any], severity: str, message: str, column: str) -> None:
    expected = (
        severity,
        f"教师交流名册第 1 行：{message}",
        f"school.tables.exchange[0].{column}",
        "B1",
    )
    assert expected in found(rubric, rows(change))


def test_given_direction_needs_no_schools(rubric: Rubric) -> None:
    assert check(rubric, rows({"sender": None, "receiver": None, "direction": "牵头→成员"})) == []
    assert check(rubric, rows({"sender": None, "receiver": None})) == []  # no clause asks for it


def test_planned_end_after_the_cut_off_is_no_problem(rubric: Rubric) -> None:
    assert check(rubric, rows({"end": "2032-08-31"})) == []


def test_row_with_nothing_in_it(rubric: Rubric) -> None:
    given = filled(tables={"awards": [{"winner": "", "level": None}, {}]})
    assert [(p.code, p.ref) for p in check(rubric, given)] == [
        ("empty_row", "school.tables.awards[0]"),
        ("empty_row", "school.tables.awards[1]"),
    ]


def test_duplicate_rows_are_pointed_out(rubric: Rubric) -> None:
    given = rows({}, {"person": "丙某"}, {"person": "甲某  001"})
    assert found(rubric, given) == [
        (
            "warning",
            "教师交流名册第 3 行：与第 1 行完全相同，请核对是否重复",
            "school.tables.exchange[2]",
            "B1",
        )
    ]


def test_self_marks_within_the_clause(rubric: Rubric) -> None:
    base = {"unit": "u1", "docs": {}}
    given = read_document(
        rubric,
        base | {"marks": {"self": {"A1.2": {"points": "3.5"}, "A1": {"points": "1"}, "B1": {"points": "4"}}}},
    )
    assert [(p.severity, p.ref, p.clause, p.message) for p in check(rubric, given)] == [
        ("error", "marks.self.A1.2", "A1.2", "自评分：请填 0 — 3"),
        ("error", "marks.self.A1", "A1", "自评分：A1 有分项，请在 A1.1、A1.2 上分别评分"),
    ]


def test_page_of_a_table_is_the_first_clause_that_uses_it(rubric: Rubric) -> None:
    assert [page_of(rubric, t) for t in ("exchange", "awards", "resources", "none")] == [
        "B1",
        "B2",
        "C1.2",
        "",
    ]


# --- documents ----------------------------------------------------------------------------------


def test_a_good_document_becomes_facts(rubric: Rubric) -> None:
    given = read_document(
        rubric,
        {
            "unit": "g01",
            "name": "示例联盟",
            "attributes": {"stages": ["小学"]},
            "members": {"s1": {"role": "lead"}, "s2": {}},
            "docs": {
                "school": {
                    "fields": {"took_part": 3, "A2.上学期": None},
                    "materials": {"A2": [True, "na"]},
                    "tables": {"exchange": [ROW], "awards": []},
                },
                "bureau": {"members": {"s1": {"grade": "甲等"}}},
            },
            "marks": {"visit": {"C1.1": {"verdict": "优", "reason": "实地看过"}}},
            "exempt": ["C1"],
            "prior": {"rank": 3, "total": "88.5"},
        },
    )
    assert given.get("took_part") == 3
    assert given.of_member("s1", "grade", "bureau") == "甲等"
    assert given.slot("A2", 1) == "na"
    assert (given.exempt, given.lead) == (frozenset({"C1"}), "s1")


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        ([], {"": "应是一组“键: 值”", "unit": '请写明单位代码，如 "unit": "g01"'}),
        ({"unit": "g", "unti": 1}, {"unti": "不认识的键“unti”: 您是不是想写“unit”"}),
        ({"unit": "g", "docs": {"schol": {}}}, {"docs.schol": "不认识的键“schol”: 您是不是想写“school”"}),
        (
            {"unit": "g", "docs": {"school": {"field": {}}}},
            {"school.field": "不认识的键“field”: 您是不是想写“fields”"},
        ),
        (
            {"unit": "g", "docs": {"school": {"fields": {"tookpart": 1}}}},
            {"school.fields.tookpart": "不认识的键“tookpart”: 您是不是想写“took_part”"},
        ),
        (
            {"unit": "g", "docs": {"school": {"fields": {"absences": 0}}}},
            {"school.fields.absences": "这一项由 bureau 填写: 请移到那里"},
        ),
        (
            {"unit": "g", "docs": {"school": {"fields": {"took_part": "3人"}}}},
            {"school.fields.took_part": "“3人”不是数，请填整数，如 3"},
        ),
        (
            {"unit": "g", "docs": {"school": {"materials": {"A2": [True, 1, None]}}}},
            {
                "school.materials.A2": "材料只有 2 样: 请删去多余的",
                "school.materials.A2[1]": '请写 true（有）、false（无）、null（未填）或 "na"（不适用）',
            },
        ),
        (
            {"unit": "g", "docs": {"school": {"tables": {"exchange": [{"persn": "甲"}, {"start": "2030-02-30"}]}}}},
            {
                "school.tables.exchange[0].persn": "不认识的键“persn”: 您是不是想写“person”",
                "school.tables.exchange[1].start": "“2030-02-30”不是日期，请填 2023-09-01 的样子",
            },
        ),
        (
            {"unit": "g", "docs": {"bureau": {"members": {"s1": {"grade": "甲等"}}}}},
            {"bureau.members.s1": "members 中没有学校“s1”: 请先列出"},
        ),
        (
            {"unit": "g", "marks": {"panel": {"A1.2": {"points": 1.5}}}},
            {"marks.panel.A1.2.points": '请写成文字，如 "1.5"'},
        ),
        ({"unit": "g", "marks": {"judge": {}}}, {"marks.judge": "不认识的键“judge”: 可用的有：self、school、bureau、panel、visit"}),
        ({"unit": "g", "exempt": ["Z"]}, {"exempt[0]": "不认识的键“Z”: 可用的有：T、A、A1、A1.1、A1.2、A2、B、B1、B2、B3、B4、B5……"}),
        ({"unit": "g", "prior": {"score": [{"x": 1.5}]}}, {"prior.score[0].x": '小数请写成文字，如 "0.5"'}),
        ({"unit": "g", "docs": {"school": {"tables": {"awards": {}}}}}, {"school.tables.awards": "应是一个列表 [ ]"}),
    ],
)  # fmt: skip
def test_documents_are_refused_by_path(rubric: Rubric, document: Any, problems: dict[str, str]) -> None:
    with pytest.raises(Invalid) as raised:
        read_document(rubric, document)
    assert raised.value.problems == problems


def test_another_schools_word_is_known_only_where_a_table_asks_for_it(rubric: Rubric) -> None:
    def document(table: str, word: str) -> dict[str, object]:
        return {"unit": "u1", "docs": {"school": {"tables": {table: [{"@confirmation": word}]}}}}

    assert read_document(rubric, document("exchange", "open")).rows("exchange") == [{"@confirmation": "open"}]
    for table, word, message in (
        ("exchange", "yes", '请写 "open"（待确认）或 "disputed"（有异议）'),
        ("awards", "open", "不认识的键“@confirmation”: 可用的有：winner、level"),
    ):
        with pytest.raises(Invalid) as raised:
            read_document(rubric, document(table, word))
        assert raised.value.problems == {f"school.tables.{table}[0].@confirmation": message}
