"""The notice's own tables as rows of cells."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from intranet.errors import RubricError
from intranet.rubric import engine, forms, loader
from intranet.rubric.facts import Facts
from intranet.rubric.forms import Context, Evidence, FormRow
from intranet.rubric.model import Form, Rubric
from tests.unit.rubric import sample
from tests.unit.rubric.build import facts, rubric

F = Fraction

TABLE = {
    "key": "awards",
    "title": "奖励",
    "describe": "{school}获{name}（{level}）",
    "columns": [
        {"key": "name", "label": "名称"},
        {
            "key": "level",
            "label": "级别",
            "type": "choice",
            "options": [{"value": "s", "label": "省级"}, {"value": "c", "label": "市级"}],
        },
        {"key": "school", "label": "学校", "type": "school"},
        {"key": "n", "label": "数量", "type": "count"},
        {"key": "copy", "label": "证书", "type": "tick"},
    ],
}
BUILT = rubric(
    {"code": "A", "no": "A1", "title": "治理", "kind": "sum", "max": 10},
    {
        "code": "B1",
        "in": "A",
        "no": "B1",
        "title": "章程",
        "text": "1.制定章程(4分)",
        "kind": "sum",
        "max": 4,
        "requirement": "1.章程;2.规划。",
        "note": "原文如此",
    },
    {
        "code": "B1.1",
        "in": "B1",
        "text": "有章程",
        "kind": "ticks",
        "max": 1,
        "ticks": [{"key": "c", "label": "制定章程", "points": 1}],
        "materials": ["制定章程", "章程备案"],
    },
    {"code": "B1.2", "in": "B1", "title": "章程质量", "kind": "judged", "max": 3},
    {
        "code": "B2",
        "in": "A",
        "no": "B2",
        "text": "召开理事会",
        "kind": "deduct",
        "max": 6,
        "materials": ["会议方案", "签到表"],
        "deductions": {"material": 1},
    },
    {"code": "C", "no": "A2", "title": "成效", "kind": "sum", "max": 5},
    {
        "code": "B3",
        "in": "C",
        "title": "获奖",
        "kind": "tally",
        "table": "awards",
        "level": "level",
        "points": {"s": 2},
        "max": 5,
        "where": {"level": ["s"]},
    },
    {
        "code": "B4",
        "in": "C",
        "title": "其他",
        "kind": "judged",
        "unset": "未设分值",
        "show": [{"table": "awards"}],
    },
    tables=[TABLE],
    subtotals=[{"code": "base", "title": "基本分", "of": ["A"]}],
)
GIVEN = Facts.from_json(
    {
        "unit": "u1",
        "members": {"s1": {"name": "示例一小"}},
        "docs": {
            "school": {
                "fields": {"B1.1.c": True},
                "materials": {"B2": [True, False]},
                "tables": {
                    "awards": [
                        {"name": "教研奖", "level": "c", "school": "s1", "n": 2, "copy": True},
                        {"name": "课改奖", "level": "s", "school": "s1", "n": 1},
                    ]
                },
            }
        },
        "marks": {
            "panel": {"B1.2": {"points": "2.5"}},
            "self": {"B2": {"points": "6", "reason": "材料齐全"}},
        },
    }
)
CHARTER, AGENDA, AWARD = (
    Evidence("1", "集团章程", "3 — 8"),
    Evidence("2", "会议方案", "9"),
    Evidence("7", "证书", "40"),
)
CONTEXT = Context(
    facts=GIVEN,
    sheet=engine.score_unit(BUILT, GIVEN),
    self_marks={"B1.1": F(1), "B1.2": F(3), "B2": F(6)},
    evidence={
        "clause:B1.1": [CHARTER],
        "clause:B1.2": [CHARTER],
        "slot:B2#1": [AGENDA],
        "row:awards[1]": [AWARD, CHARTER],
    },
)


def form(rows: str, *sources: str, **more: Any) -> Form:
    return Form.model_validate(
        {
            "key": "f",
            "title": "表",
            "rows": rows,
            "columns": [{"label": s, "source": s} for s in sources],
            **more,
        }
    )


def cells(rows: list[FormRow]) -> list[list[Any]]:
    return [row.cells for row in rows]


def test_rows_of_the_clauses_of_a_level() -> None:
    whole = form("clauses:二级", "above.一级", "text", "requirement", "max", "pages", "self", "points")
    assert forms.rows(BUILT, whole, CONTEXT) == [
        FormRow(
            ["A1 治理", "1.制定章程(4分)", "1.章程;2.规划。", F(4), "3 — 8", F(4), F("3.5")], "clause:B1"
        ),
        FormRow(["A1 治理", "召开理事会", "1.会议方案；2.签到表", F(6), "9", F(6), F(5)], "clause:B2"),
        FormRow(["A2 成效", "获奖", "", F(5), "40、3 — 8", None, F(2)], "clause:B3"),
    ]  # B4 has no points set, so it is not in the printed table


def test_further_columns_of_clauses() -> None:
    more = form("clauses:二级", "number", "title", "note", "self.reason")
    assert cells(forms.rows(BUILT, more, CONTEXT))[:3] == [
        ["B1", "章程", "原文如此", ""],
        ["B2", "召开理事会", "", "材料齐全"],
        ["3", "获奖", "", ""],
    ]


def test_filed_names_each_thing_once_in_printed_order() -> None:
    progress = form("filed", "number", "what", "category", "evidence")
    assert forms.rows(BUILT, progress, CONTEXT) == [
        FormRow(["1", "制定章程", "章程", "1 集团章程"], "tick:B1.1.c"),
        FormRow(["2", "章程质量", "章程", "1 集团章程"], "clause:B1.2"),
        FormRow(["3", "会议方案", "召开理事会", "2 会议方案"], "slot:B2#1"),
        FormRow(["4", "示例一小获课改奖（省级）", "获奖", "7 证书；1 集团章程"], "row:awards[1]"),
        FormRow(["5", "示例一小获教研奖（市级）", "其他", ""], "row:awards[0]"),
    ]


def test_what_was_ticked_and_its_document_of_the_same_words_are_one_line() -> None:
    context = replace(CONTEXT, evidence={"slot:B1.1#1": [CHARTER], "slot:B1.1#2": [AGENDA]})
    assert forms.rows(BUILT, form("filed", "what", "evidence"), context)[:2] == [
        FormRow(["制定章程", "1 集团章程"], "tick:B1.1.c"),
        FormRow(["章程备案", "2 会议方案"], "slot:B1.1#2"),
    ]


def test_filed_of_an_empty_unit_is_empty() -> None:
    nothing = facts()
    context = Context(nothing, engine.score_unit(BUILT, nothing))
    assert forms.rows(BUILT, form("filed", "what"), context) == []


def test_rows_of_a_table() -> None:
    listed = form("table:awards", "number", "row.name", "row.level", "row.school", "row.n", "row.copy")
    assert forms.rows(BUILT, listed, CONTEXT) == [
        FormRow(["1", "教研奖", "市级", "示例一小", F(2), "✓"], "row:awards[0]"),
        FormRow(["2", "课改奖", "省级", "示例一小", F(1), ""], "row:awards[1]"),
    ]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("total", ["总分", F(15), F(10), F("10.5")]),
        ("T", ["总分", F(15), F(10), F("10.5")]),
        ("A", ["总分", F(10), F(10), F("8.5")]),
        ("base", ["总分", F(10), F(10), F("8.5")]),
        ("points", ["总分", None, None, F("10.5")]),
        ("120", ["总分", "120", None, None]),
        ("", ["总分", "", None, None]),
    ],
)
def test_foot(source: str, wanted: list[Any]) -> None:
    table = form("clauses:二级", "text", "max", "self", "points", foot=[{"label": "总分", "source": source}])
    assert cells(forms.foot(BUILT, table, CONTEXT)) == [wanted]


def test_description_without_a_pattern_is_the_row_in_a_line() -> None:
    plain = rubric(
        {"code": "X", "kind": "tally", "table": "awards", "each": 1}, tables=[TABLE | {"describe": ""}]
    )
    context = Context(
        GIVEN,
        engine.score_unit(
            plain, Facts(unit="u1", docs={"school": {"tables": GIVEN.docs["school"]["tables"]}})
        ),
    )
    assert cells(forms.rows(plain, form("filed", "what"), context)) == [
        ["教研奖 市级 示例一小 2"],
        ["课改奖 省级 示例一小 1"],
    ]


def test_self_marks_add_up_to_the_cap() -> None:
    built = rubric(
        {"code": "G", "kind": "sum", "max": 4},
        *({"code": c, "in": "G", "kind": "judged", "max": 3} for c in "ab"),
    )
    assert forms.self_mark(built, "G", {"a": F(3), "b": F(2)}) == F(4)
    assert forms.self_mark(built, "G", {"a": F(0)}) == F(0)
    assert forms.self_mark(built, "G", {}) is None


def with_source(rows: str, source: str) -> str:
    """The sample rubric with one column of this source more."""
    column = f'\n[[form]]\nkey = "extra"\ntitle = "附表"\nrows = "{rows}"\n'
    return sample.SAMPLE + column + f'columns = [{{label = "栏", source = "{source}"}}]\n'


@pytest.mark.parametrize(
    ("rows", "source"),
    [
        (rows, s)
        for rows, kind in (("clauses:二级指标", "clauses"), ("filed", "filed"), ("table:awards", "table"))
        for s in forms.SOURCES[kind]
    ]
    + [("clauses:二级指标", "above.一级指标"), ("table:awards", "row.winner")],
)
def test_every_source_loads_and_gives_a_cell(rows: str, source: str) -> None:
    built: Rubric = loader.load(with_source(rows, source)).bind()
    given = sample.facts()
    context = Context(given, engine.score_unit(rubric_without_rules(built), given))
    for row in forms.rows(rubric_without_rules(built), built.forms[-1], context):
        assert len(row.cells) == 1


def rubric_without_rules(built: Rubric) -> Rubric:
    return built.model_copy(update={"clauses": tuple(c for c in built.clauses if c.kind != "rule")})


@pytest.mark.parametrize(
    ("rows", "source"),
    [("filed", "points"), ("clauses:二级指标", "row.winner"), ("table:awards", "row.nobody")],
)
def test_unknown_source_is_an_error_when_loading(rows: str, source: str) -> None:
    with pytest.raises(RubricError, match=source):
        loader.load(with_source(rows, source))
