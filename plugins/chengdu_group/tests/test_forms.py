"""附件2, 工作推进情况统计表: filled from what a group has filed."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import chengdu_group
from intranet.rubric import engine, forms, loader
from intranet.rubric.facts import Facts
from intranet.rubric.forms import Context, Evidence

RUBRIC = loader.read_package(files(chengdu_group)).bind()
MEMBERS = {
    "s1": {"name": "示例甲校", "role": "lead", "stage": "小学"},
    "s2": {"name": "示例乙校", "role": "member", "stage": "小学"},
}


def annex_2(docs: dict[str, Any], evidence: dict[str, list[Evidence]]) -> list[list[Any]]:
    facts = Facts.from_json({"unit": "g1", "members": MEMBERS, "docs": {"school": docs}})
    sheet = engine.score_unit(RUBRIC, facts)
    (form,) = RUBRIC.forms
    return [row.cells for row in forms.rows(RUBRIC, form, Context(facts, sheet, evidence=evidence))]


def test_the_notices_own_examples_are_filed_under_their_indicator() -> None:
    """The notice files 同课异构 under 教育教学 and a newspaper under 互动共享; its rows here stand where they score."""
    docs = {
        "fields": {"C1.1.charter": True, "C1.3.name": False},
        "tables": {
            "cadres": [
                {
                    "person": "周甲 001",
                    "post": "中层",
                    "from": "s1",
                    "to": "s2",
                    "category": "定期",
                    "start": "2022-09-01",
                }
            ],
            "activities": [
                {"kind": "教师培养培训", "host": "龙头学校", "name": "新教师研修"},
                {"kind": "教研", "host": "成员学校", "name": "数学组同课异构"},
            ],
            "titles": [{"name": "新优质学校", "school": "s2"}],
            "media": [
                {"title": "名师工作室", "outlet": "示例都市报", "level": "市级", "outlet_kind": "主流媒体"}
            ],
        },
    }
    evidence = {
        "slot:C1.1#1": [Evidence("1", "集团章程")],
        "row:activities[0]": [Evidence("2", "研修方案"), Evidence("3", "研修简报")],
        "row:media[0]": [Evidence("4", "报道截图")],
    }
    assert annex_2(docs, evidence) == [
        ["1", "制定了集团发展章程", "集团章程", ""],
        ["2", "集团章程文本", "集团章程", "1 集团章程"],
        ["3", "周甲 001（中层）由示例甲校到示例乙校定期交流", "干部交流", ""],
        ["4", "龙头学校组织开展教师培养培训活动：新教师研修", "培养培训", "2 研修方案；3 研修简报"],
        ["5", "成员学校组织开展教研活动：数学组同课异构", "教研科研", ""],
        ["6", "示例乙校获“新优质学校”称号", "发展成效", ""],
        ["7", "示例都市报报道：名师工作室", "媒体报道", "4 报道截图"],
    ]


def test_each_list_says_its_row_in_a_sentence() -> None:
    tables = {
        "teachers": [{"person": "吴乙 002", "from": "s1", "to": "s2", "category": "不定期", "months": "2"}],
        "projects": [{"name": "跨校备课研究", "host": "龙头学校"}],
        "resources": [{"kind": "共享平台", "name": "集团云空间"}],
        "awards": [{"name": "课改先进", "level": "市级", "issuer_kind": "部门", "recipient": "集团"}],
        "instructions": [
            {"subject": "课程共建", "level": "区级", "leader_kind": "区县主要领导", "leader": "示例区长"}
        ],
        "speeches": [{"title": "共建之路", "meeting": "示例市交流会", "level": "市级"}],
        "entrusted": [{"school": "示例村小", "area": "示例县", "kind": "农村学校"}],
    }
    assert [cells[1] for cells in annex_2({"tables": tables}, {})] == [
        "吴乙 002由示例甲校到示例乙校不定期交流",
        "龙头学校牵头课题：跨校备课研究",
        "共享平台：集团云空间",
        "获市级奖励“课改先进”",
        "示例区长对“课程共建”作出肯定性批示",
        "在“示例市交流会”上作主题发言：共建之路",
        "跨区域领办（托管）示例县示例村小",
    ]
