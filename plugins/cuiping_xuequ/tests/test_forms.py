"""The notice's seven-column table."""

from __future__ import annotations

from fractions import Fraction

import cuiping_xuequ
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import engine, forms
from intranet.rubric.facts import Facts

REGISTRY = RubricRegistry(build_plugin_manager(entry_points=False, plugins=[cuiping_xuequ]))
INSTALLED = REGISTRY.installed["cuiping_xuequ"]
RUBRIC = INSTALLED.definition.bind()
(FORM,) = RUBRIC.forms


def context() -> forms.Context:
    unit = Facts.from_json(
        {
            "unit": "示例学区",
            "docs": {
                "school": {"fields": {"B4.上学期": 2, "B4.下学期": 1}, "materials": {"B4": [True, True]}}
            },
        }
    )
    return forms.Context(
        unit,
        engine.score_unit(RUBRIC, unit, INSTALLED.hooks),
        {"B4": Fraction(3)},
        {"slot:B4#1": [forms.Evidence("1", "示例会议纪要", "3 — 5")]},
    )


def test_a_row_for_each_b_indicator() -> None:
    """展示考核 has no row in the notice's table, and none here while it is 未设分值."""
    rows = forms.rows(RUBRIC, FORM, context())
    assert [row.ref for row in rows] == [f"clause:B{n}" for n in range(1, 21)]


def test_the_seven_columns_of_b4() -> None:
    row = forms.rows(RUBRIC, FORM, context())[3]
    b4 = dict(zip((column.label for column in FORM.columns), row.cells, strict=True))
    assert b4 == {
        "A级指标": "A1 治理机构与运行模式",
        "B级指标（评估要素）": RUBRIC.by["B4"].text,
        "具体要求": "1.会议方案（或内容）、会议纪要或会议简报；2.会议签到表。",
        "分值": 3,
        "佐证材料页码": "3 — 5",
        "自评分": 3,
        "考核组得分": 1,
    }


def test_the_total_is_printed_as_120() -> None:
    (foot,) = forms.foot(RUBRIC, FORM, context())
    assert foot.cells == ["总分", None, None, 120, None, 3, None]
