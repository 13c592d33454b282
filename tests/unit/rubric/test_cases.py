"""Worked cases: what they may say, and that a wrong one is noticed."""

import json
from pathlib import Path
from typing import Any

import pytest

from intranet.errors import RubricError
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import cases
from intranet.rubric.cases import Case
from tests.unit.rubric import sample


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    plugin = sample.SamplePlugin.at(tmp_path_factory.mktemp("sample"))
    manager = build_plugin_manager(entry_points=False, plugins=[plugin])
    return RubricRegistry(manager).installed["sample"]


def case(**parts: Any) -> Case:
    return cases.read({"id": "S1", "item": "示例", "why": "如此", **parts})


def run(installed: Any, **parts: Any) -> list[str]:
    return cases.run(installed.definition, installed.hooks, case(**parts))


MEETINGS = {
    "docs": {"school": {"fields": {"A2.上学期": 2, "A2.下学期": 1}, "materials": {"A2": [True, True]}}}
}


def test_one_unit(installed: Any) -> None:
    assert run(installed, facts=MEETINGS, expected={"A2": "5"}) == []


def test_a_wrong_expectation_is_said(installed: Any) -> None:
    assert run(installed, facts=MEETINGS, expected={"A2": "4.5", "B2": "0", "Z": "1"}) == [
        "S1 A2: 应为 4.5，实为 5",
        "S1 B2: 应为 0，实为 null",
        'S1 B2 state: 应为 "scored"，实为 "blank"',
        "S1: 没有条款“Z”",
    ]


def test_details_of_a_score(installed: Any) -> None:
    facts = {"docs": {"school": {"fields": {"took_part": 15, "teachers": 100}}}}
    good: dict[str, Any] = {
        "points": "4.5",
        "state": "scored",
        "value": "0.15",
        "proposed": "9/2",
        "max": "6",
        "flags": [],
        "verdict": None,
    }
    assert run(installed, facts=facts, expected={"B3": good}) == []
    bad = {"value": "3/10", "flags": ["below_target"], "state": "na", "colour": 1}
    assert run(installed, facts=facts, expected={"B3": bad}) == [
        "S1 B3 value: 应为 0.3，实为 0.15",
        'S1 B3 flags: 应为 ["below_target"]，实为 []',
        'S1 B3 state: 应为 "na"，实为 "scored"',
        "S1 B3: 不认识的键“colour”",
    ]


def test_pending_with_its_value(installed: Any) -> None:
    facts = {
        "members": {f"s{n}": {} for n in range(3)},
        "docs": {
            "bureau": {"members": {"s0": {"grade": "甲等"}, "s1": {"grade": "乙等"}, "s2": {"grade": "乙等"}}}
        },
    }
    expected = {"B4": {"points": None, "state": "pending", "value": "13/3"}}
    assert run(installed, facts=facts, expected=expected) == []


def test_several_units_with_rank_total_and_grade(installed: Any) -> None:
    units = []
    for unit, pairs in (("甲", 2), ("乙", 1)):
        document = {
            "unit": unit,
            "members": {"s1": {}, "s2": {}},
            "docs": {"school": {"fields": {"pairs": pairs}}},
            "marks": {"panel": {"A1.2": {"points": "1"}}, "visit": {"C1.1": {"verdict": "无"}}},
        }
        units.append(document)
    expected = {
        "甲": {"B5": "5", "B6": "8", "rank": 1, "total": "13", "grade": "优秀"},
        "乙": {"B5": "5", "B6": "4", "rank": 2, "total": "9", "grade": "合格"},
    }
    assert run(installed, units=units, frozen=True, expected=expected) == []
    wrong = run(
        installed, units=units, frozen=True, expected={"乙": {"rank": 1, "total": "9.5"}, "丙": {"A": "1"}}
    )
    assert wrong == ["S1 乙 rank: 应为 1，实为 2", "S1 乙 total: 应为 9.5，实为 9", "S1: 没有单位“丙”"]


def test_rulings_of_a_case(installed: Any) -> None:
    row = {"person": "甲某", "category": "定期", "months": "7", "document": True}
    facts = {"docs": {"school": {"tables": {"exchange": [row]}}}}
    assert run(installed, facts=facts, expected={"B1": "0.5"}) == []
    assert run(installed, facts=facts, rulings={"long_stay": "none"}, expected={"B1": "0"}) == []


@pytest.mark.parametrize(
    ("facts", "refused"),
    [
        ({"marks": {"panel": {"A1.2": {"points": "3.5"}}}}, {"A1.2": "请填 0 — 3"}),
        ({"marks": {"panel": {"A1": {"points": "3"}}}}, {"marks.panel.A1": "有分项"}),
        ({"docs": {"school": {"fields": {"absences": 1}}}}, {"school.fields.absences": "bureau"}),
        (
            {"members": {"s1": {}}, "docs": {"school": {"fields": {"pairs": 2}}}},
            {"school.fields.pairs": "超过"},
        ),
    ],
)
def test_inputs_that_must_be_refused(installed: Any, facts: dict[str, Any], refused: dict[str, str]) -> None:
    assert run(installed, facts=facts, refused=refused) == []


def test_refusal_that_does_not_come_is_a_difference(installed: Any) -> None:
    good = {"marks": {"panel": {"A1.2": {"points": "3"}}}}
    assert run(installed, facts=good, refused={"A1.2": "请填"}) == ["S1: A1.2 应被拒绝，却被接受"]
    bad = {"marks": {"panel": {"A1.2": {"points": "9"}}}}
    assert run(installed, facts=bad, refused={"A1.2": "小数"}) == [
        "S1: A1.2 被拒绝，但说的是“请填 0 — 3”，不是“小数”"
    ]
    assert run(installed, facts=bad, expected={"A1.2": "9"}) == ["S1: 未被接受：marks.panel.A1.2 请填 0 — 3"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expect": {}}, "S1: 不认识的键“expect”"),
        ({"why": ""}, "S1: 缺少“why”"),
        ({"units": []}, "S1: facts 与 units 请写其中一个"),
        ({"expected": {}}, "S1: 请写 expected 或 refused"),
    ],
)
def test_a_case_must_be_whole(change: dict[str, Any], message: str) -> None:
    whole = {"id": "S1", "item": "示例", "why": "如此", "facts": {}, "expected": {"A": "1"}}
    with pytest.raises(RubricError, match=message):
        cases.read(whole | change, "a.json")


def test_load_reads_a_folder_in_order(tmp_path: Path) -> None:
    def written(name: str, *ids: str) -> None:
        whole = [{"id": i, "item": "示例", "why": "如此", "facts": {}, "expected": {"A": "1"}} for i in ids]
        (tmp_path / name).write_text(json.dumps(whole if len(whole) > 1 else whole[0]), encoding="utf-8")

    written("b.json", "S3")
    written("a.json", "S1", "S2")
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    assert [c.id for c in cases.load(tmp_path)] == ["S1", "S2", "S3"]
    package = tmp_path / "package"
    (package / "cases").mkdir(parents=True)
    (package / "cases" / "c.json").write_bytes((tmp_path / "b.json").read_bytes())
    assert [c.id for c in cases.load(package)] == ["S3"]


def test_load_refuses_what_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{", encoding="utf-8")
    with pytest.raises(RubricError, match=r"a\.json: 不是 JSON"):
        cases.load(tmp_path)
