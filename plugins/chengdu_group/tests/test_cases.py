"""Every worked case of the readings and of this plugin gives its exact result."""

from __future__ import annotations

from pathlib import Path

import pytest

import chengdu_group
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import cases

CASES = cases.load(Path(__file__).parent)
PLUGIN = RubricRegistry(build_plugin_manager(entry_points=False, plugins=[chengdu_group])).installed[
    "chengdu_group"
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: cases.Case) -> None:
    assert cases.run(PLUGIN.definition, PLUGIN.hooks, case) == []
