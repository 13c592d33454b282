"""Every worked case gives exactly the result that was worked out by hand (its ``why``)."""

from __future__ import annotations

from pathlib import Path

import pytest

import cuiping_xuequ
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import cases

CASES = cases.load(Path(__file__).parent / "cases")
REGISTRY = RubricRegistry(build_plugin_manager(entry_points=False, plugins=[cuiping_xuequ]))
INSTALLED = REGISTRY.installed["cuiping_xuequ"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: cases.Case) -> None:
    assert cases.run(INSTALLED.definition, INSTALLED.hooks, case) == []


def test_every_leaf_has_a_case() -> None:
    rubric = INSTALLED.definition.bind()
    named = {code for case in CASES for code in _codes(case.expected)}
    assert {leaf.code for leaf in rubric.leaves()} <= named


def test_every_choice_of_a_scoring_ruling_has_a_case() -> None:
    used = {(key, choice) for case in CASES for key, choice in case.rulings.items()}
    for ruling in INSTALLED.definition.rulings:
        for choice in ruling.choices:
            if not ruling.note and choice.key != ruling.default:
                assert (ruling.key, choice.key) in used


def _codes(expected: object) -> set[str]:
    """Keys at any depth: clause codes, and units above them where a case has several."""
    if not isinstance(expected, dict):
        return set()
    return set(expected).union(*(_codes(value) for value in expected.values()))
