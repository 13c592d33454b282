"""The sample data of ``make demo`` can be filed as it is, and scores as worked out by hand."""

from __future__ import annotations

import json
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pytest

import cuiping_xuequ
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import checks, engine
from intranet.rubric.facts import Facts

REGISTRY = RubricRegistry(build_plugin_manager(entry_points=False, plugins=[cuiping_xuequ]))
INSTALLED = REGISTRY.installed["cuiping_xuequ"]
RUBRIC = INSTALLED.definition.bind()
SAMPLE = json.loads((files("cuiping_xuequ") / "sample.json").read_text(encoding="utf-8"))
UNITS: dict[str, dict[str, Any]] = {unit["code"]: unit for unit in SAMPLE["units"]}


def facts(code: str) -> Facts:
    unit = UNITS[code]
    members = {s["code"]: {k: s[k] for k in ("name", "stage", "role")} for s in unit["schools"]}
    document = {"unit": code, "name": unit["name"], "members": members, "docs": unit["docs"]}
    return checks.read_document(RUBRIC, document)


@pytest.mark.parametrize("code", UNITS)
def test_sample_has_no_errors(code: str) -> None:
    found = [*checks.check(RUBRIC, facts(code)), *cuiping_xuequ.check_facts(RUBRIC, facts(code))]
    assert [p for p in found if p.severity == "error"] == []


@pytest.mark.parametrize(
    ("code", "points"),
    [
        # 4次少1：3-2；联组少1次、少1样：10-2-1；同一选手只计省级，无证书不计；(1.5+1)÷4；2人次；无资料不计
        ("XQ1", {"B4": "1", "B11": "7", "B12b": "1.5", "B13": "0.63", "B16": "2", "B17": "2", "B15": "6"}),
        # 只有小学：第4样不要；少资金报表：7-1；6÷30恰好20%；1÷3
        ("XQ2", {"B6": "6", "B2": "6", "B15": "6", "B13": "0.33", "B12b": "0.5"}),
        # 2+1.5+1；同一课题一次：(2+1.5+1)÷4=1.125；5项封顶4
        ("XQ3", {"B12b": "4.5", "B13": "1.13", "B16": "3", "B17": "4"}),
        # 少1次：4-2；少一学期扣2、少2科扣2：6-2-2；数学少1次：10-2；1.5÷2
        ("XQ4", {"B8": "2", "B10ab": "2", "B11": "8", "B13": "0.75", "B14": "2", "B15": "5"}),
    ],
)
def test_sample_scores(code: str, points: dict[str, str]) -> None:
    sheet = engine.score_unit(RUBRIC, facts(code), INSTALLED.hooks)
    assert {clause: sheet[clause].points for clause in points} == {c: Fraction(p) for c, p in points.items()}


def test_sample_shows_every_stage_of_filing() -> None:
    assert [code for code, unit in UNITS.items() if unit["submitted"]] == ["XQ2", "XQ3", "XQ4"]
    assert "school" not in UNITS["XQ6"]["docs"]
