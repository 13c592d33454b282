"""The invented groups of ``sample.json`` (``make demo``) are what a school could have typed."""

from __future__ import annotations

import json
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pytest

import chengdu_group
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import engine
from intranet.rubric.checks import check, read_document
from intranet.rubric.facts import Facts

PLUGIN = RubricRegistry(build_plugin_manager(entry_points=False, plugins=[chengdu_group])).installed[
    "chengdu_group"
]
SAMPLE = json.loads((files(chengdu_group) / "sample.json").read_text(encoding="utf-8"))
RUBRIC = PLUGIN.definition.bind(SAMPLE["rulings"])


def facts_of(unit: dict[str, Any]) -> Facts:
    document = {
        "unit": unit["code"],
        "name": unit["name"],
        "members": {s["code"]: {k: s[k] for k in ("name", "stage", "role")} for s in unit["schools"]},
        "docs": unit.get("docs", {}),
        "marks": {"self": unit.get("self", {})},
    }
    return engine.prepare(RUBRIC, read_document(RUBRIC, document), PLUGIN.hooks)


@pytest.mark.parametrize("unit", SAMPLE["units"], ids=lambda unit: unit["code"])
def test_nothing_blocks_the_submission(unit: dict[str, Any]) -> None:
    facts = facts_of(unit)
    found = [*check(RUBRIC, facts), *(PLUGIN.hooks.check_facts(RUBRIC, facts) or ())]
    assert [p for p in found if p.severity == "error"] == []
    own = [(p.code, p.ref) for p in found if p.code == "overlap"]
    assert own == ([("overlap", "school.tables.teachers[6].start")] if unit["code"] == "JT1" else [])


def test_the_first_group_by_hand() -> None:
    sheet = engine.score_unit(RUBRIC, facts_of(SAMPLE["units"][0]), PLUGIN.hooks)
    wanted = {
        "C1.3": "2.5",  # five of six
        "C4.1a": "1",  # 44 months; the other has 20
        "C4.1b": "0.8",  # 26 months; the other has 8
        "C4.2a": "0.9",  # 4 months 0.4, 8 months 0.5; between two members: refused
        "C4.2b": "0.3",  # 1.5 + 1.8 = 3.3 months
        "C4": "3",
        "C5.1": "0.9",  # 8 months 0.4, exactly 3 months 0.3, two days short of 3 months 0.2; from a member: refused
        "C5.2": "0.3",  # three teachers of one to three months
        "C12.1": "1.5",  # city 1, district government 0.5; district bureau: refused
        "C12.2": "0.5",
        "C13.1": "2.5",  # city 1, reprint of the province 1.5; own account: refused
        "C13.2": "1",
    }
    assert {code: sheet[code].points for code in wanted} == {c: Fraction(p) for c, p in wanted.items()}


def test_groups_are_not_asked_for_what_they_cannot_have() -> None:
    hidden = {unit["code"]: sorted(facts_of(unit).hidden) for unit in SAMPLE["units"]}
    assert hidden == {"JT1": ["C11.1#2"], "JT2": [], "JT3": ["C11.1#2"], "JT4": ["C11.1#2"]}
