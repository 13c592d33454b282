"""Every row that is shown but earns nothing says why, in words that tell what to change."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

import chengdu_group
from intranet.rubric import engine, loader, sentences
from intranet.rubric.facts import Facts
from intranet.rubric.numbers import show

DEFINITION = loader.read_package(files(chengdu_group))
MEMBERS = {
    "s1": {"name": "示例甲校", "role": "lead"},
    "s2": {"name": "示例乙校", "role": "member"},
    "s3": {"name": "示例丙校", "role": "member"},
}
HEAD = {
    "person": "周甲 001", "post": "执行校长", "category": "派驻", "from": "s1", "to": "s2",
    "start": "2019-09-01", "doc_kind": "教育行政部门文件",
}  # fmt: skip
LEADER = HEAD | {"post": "其他校级"}
REGULAR = HEAD | {"post": "中层", "category": "定期", "start": "2022-09-01", "doc_kind": "集团文件"}
IRREGULAR = REGULAR | {"category": "不定期"}
TEACHER = {key: HEAD[key] for key in ("person", "from", "to", "doc_kind")} | {
    "category": "定期",
    "start": "2022-09-01",
}
VISITOR = TEACHER | {"category": "不定期", "doc_kind": "集团记录"}
AWARD = {"name": "甲奖", "level": "市级", "issuer_kind": "部门", "recipient": "集团"}
NOTE = {"subject": "课程共建", "level": "市级", "leader_kind": "市级部门以上领导"}
STORY = {"title": "集团五年", "outlet": "示例市报", "level": "市级", "outlet_kind": "主流媒体"}
SPEECH = {"title": "共建之路", "meeting": "示例交流会", "level": "市级"}

UP, ACROSS, NOWHERE = {"from": "s2", "to": "s1"}, {"from": "s2", "to": "s3"}, {"from": None}
NO_DIRECTION = "不能判断方向：请填派出校和接收校"
NOT_POSTED = "不是龙头学校向成员学校派驻"
NOT_BETWEEN = "不是龙头学校与成员学校之间的交流"
NO_BUREAU_PAPER = "没有教育行政部门的文件"


def lines_of(
    code: str, table: str, rows: list[dict[str, Any]], rulings: dict[str, Any] | None = None
) -> list[Any]:
    facts = Facts.from_json({"unit": "g1", "members": MEMBERS, "docs": {"school": {"tables": {table: rows}}}})
    return list(engine.score_unit(DEFINITION.bind(rulings), facts)[code].lines)


@pytest.mark.parametrize(
    ("code", "table", "row", "reason"),
    [
        ("C4.1a", "cadres", HEAD | NOWHERE, NO_DIRECTION),
        ("C4.1a", "cadres", HEAD | UP, NOT_POSTED),
        ("C4.1a", "cadres", HEAD | ACROSS, NOT_POSTED),
        ("C4.1a", "cadres", HEAD | {"doc_kind": "集团文件"}, NO_BUREAU_PAPER),
        ("C4.1a", "cadres", HEAD | {"doc_kind": None}, NO_BUREAU_PAPER),
        ("C4.1a", "cadres", HEAD | {"start": "2020-05-20"}, "未满三年"),
        ("C4.1a", "cadres", HEAD | {"start": None, "months": "40"}, "未填起止时间"),
        ("C4.1b", "cadres", LEADER | {"post": "中层"}, "中层干部不是校级领导干部"),
        ("C4.1b", "cadres", LEADER | NOWHERE, NO_DIRECTION),
        ("C4.1b", "cadres", LEADER | UP, NOT_POSTED),
        ("C4.1b", "cadres", LEADER | {"doc_kind": "集团文件"}, NO_BUREAU_PAPER),
        ("C4.1b", "cadres", LEADER | {"start": "2022-05-20"}, "未满一年"),
        ("C4.2a", "cadres", REGULAR | NOWHERE, NO_DIRECTION),
        ("C4.2a", "cadres", REGULAR | ACROSS, NOT_BETWEEN),
        ("C4.2a", "cadres", REGULAR | {"doc_kind": "教育行政部门文件"}, "没有集团文件"),
        ("C4.2a", "cadres", REGULAR | {"end": "2022-09-29"}, "未满 1 个月"),
        ("C4.2b", "cadres", IRREGULAR | NOWHERE, NO_DIRECTION),
        ("C4.2b", "cadres", IRREGULAR | ACROSS, NOT_BETWEEN),
        ("C4.2b", "cadres", IRREGULAR | {"doc_kind": None}, "没有集团文件"),
        ("C5.1", "teachers", TEACHER | NOWHERE, NO_DIRECTION),
        ("C5.1", "teachers", TEACHER | UP, "不是龙头学校派到成员学校"),
        ("C5.1", "teachers", TEACHER | {"doc_kind": "集团记录"}, NO_BUREAU_PAPER),
        ("C5.2", "teachers", VISITOR | NOWHERE, NO_DIRECTION),
        ("C5.2", "teachers", VISITOR | ACROSS, NOT_BETWEEN),
        ("C12.1", "awards", AWARD | {"recipient": "个人"}, "个人获奖，不是集团或学校获得"),
        ("C12.1", "awards", AWARD | {"issuer_kind": "其他"}, "颁奖单位不是党委、政府或部门"),
        ("C12.1", "awards", AWARD | {"level": "区级"}, "区级奖励须由区县党委、政府颁发"),
        ("C12.2", "instructions", NOTE | {"level": "区级"}, "区级须为区县主要领导的批示"),
        (
            "C12.2",
            "instructions",
            NOTE | {"leader_kind": "区县主要领导"},
            "级别与批示人不符：市级及以上须为市级部门以上领导的批示",
        ),
        ("C13.1", "media", STORY | {"outlet_kind": "其他"}, "不是主流媒体"),
        ("C13.2", "speeches", SPEECH | {"level": "区级"}, "不是市级及以上专题交流会"),
    ],
)
def test_reason(code: str, table: str, row: dict[str, Any], reason: str) -> None:
    (line,) = lines_of(code, table, [row])
    assert (line.counted, sentences.reason(line)) == (False, reason)


@pytest.mark.parametrize(
    ("code", "table", "row", "points"),
    [
        ("C4.1a", "cadres", HEAD, "1"),
        ("C4.1b", "cadres", LEADER, "0.8"),
        ("C4.2a", "cadres", REGULAR, "0.5"),
        ("C4.2a", "cadres", REGULAR | UP, "0.5"),
        ("C4.2b", "cadres", IRREGULAR | UP, "0.3"),
        ("C5.1", "teachers", TEACHER, "0.4"),
        ("C5.2", "teachers", VISITOR, "0.2"),
        ("C5.2", "teachers", VISITOR | UP | {"doc_kind": None}, "0.2"),
        ("C12.1", "awards", AWARD, "1"),
        ("C12.2", "instructions", NOTE, "1"),
        ("C13.1", "media", STORY, "1"),
        ("C13.2", "speeches", SPEECH, "1"),
    ],
)
def test_the_same_row_without_the_fault_counts(
    code: str, table: str, row: dict[str, Any], points: str
) -> None:
    (line,) = lines_of(code, table, [row])
    assert (line.counted, show(line.points), sentences.reason(line)) == (True, points, "")


def test_who_counts_once_is_told() -> None:
    rows = [LEADER | {"start": "2021-09-01"}, REGULAR | {"post": "其他校级"}]
    (line,) = lines_of("C4.2a", "cadres", rows)
    assert (line.counted, sentences.reason(line)) == (False, "同一人在本款只计一次，取高")
    reprints = [STORY | {"level": "省级", "outlet": "示例省报"}, STORY]
    (first, second) = lines_of("C13.1", "media", reprints, {"reprints": "highest"})
    assert (first.counted, second.counted) == (True, False)
    assert sentences.reason(second) == "同一报道标题在本款只计一次，取高"


def test_a_national_row_without_a_rate_is_left_to_the_panel() -> None:
    (line,) = lines_of("C12.1", "awards", [AWARD | {"level": "国家级"}], {"national": "panel"})
    assert sentences.reason(line) == "国家级未列分值，由考核组认定"
