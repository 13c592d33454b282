"""Scoring again what a change touches: the places where a clause depends on more than its own answers.

That it holds for every answer of a whole rubric is in ``tests/contracts/test_rescoring.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from intranet.hookspecs import hookimpl
from intranet.plugins import Installed, RubricRegistry, build_plugin_manager
from intranet.rubric import engine, kinds
from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.ledger import Earned, Line
from intranet.rubric.model import Clause, Rubric
from intranet.rubric.rescore import Rescoring
from tests.unit.rubric import sample
from tests.unit.rubric.build import ROWS, facts, rubric
from tests.unit.rubric.test_engine import ONCE, PAPERS

SCHOOL = "school"


def registry(plugin: sample.SamplePlugin) -> Installed:
    found = RubricRegistry(build_plugin_manager(entry_points=False, plugins=(plugin,))).get("sample")
    assert found is not None
    return found


def put(given: Facts, document: dict[str, Any]) -> Facts:
    return replace(given, docs={**given.docs, SCHOOL: document})


BOTH = [{"person": "周一", "kind": "甲", "n": 2}, {"person": "周一", "kind": "乙", "n": 3}]


def test_a_person_who_counts_elsewhere_now() -> None:
    built = rubric(*ONCE, tables=[ROWS])
    given = facts(school={"tables": {"rows": BOTH}})
    again = Rescoring(built, given, engine.NO_HOOKS, owner=SCHOOL)
    assert [again.sheet[code].points for code in ("a", "b", "G", "T")] == [0, 3, 3, 3]
    document = {"tables": {"rows": [BOTH[0] | {"n": 4}, BOTH[1]]}}
    after = again.score(document)
    assert [after[code].points for code in ("a", "b", "G", "T")] == [4, 0, 4, 4]
    assert after == engine.score_unit(built, put(given, document))


def test_a_gate_that_opens_lets_rows_compete() -> None:
    clauses = [c if c["code"] != "b" else c | {"needs": "P.plan"} for c in ONCE]
    built = rubric(PAPERS, *clauses, tables=[ROWS])
    given = facts(school={"fields": {"P.plan": False, "P.summary": True}, "tables": {"rows": BOTH}})
    again = Rescoring(built, given, engine.NO_HOOKS, owner=SCHOOL)
    assert [again.sheet[code].points for code in "ab"] == [2, 0]
    document = {**given.docs[SCHOOL], "fields": {"P.plan": True, "P.summary": True}}
    after = again.score(document)
    assert [after[code].points for code in "ab"] == [0, 3]
    assert after == engine.score_unit(built, put(given, document))


class Shy(sample.SamplePlugin):
    """Spares a unit that met often its first material."""

    @hookimpl
    def form_fields(self, rubric: Rubric, facts: Facts) -> list[FieldChange]:
        often = (facts.get("A2.上学期") or 0) > 5
        return [FieldChange("A2#1", hidden=True, reason="开会多")] if often else []


def test_other_questions_are_asked(tmp_path: Path) -> None:
    """A change that makes the plugin ask other things is scored with these."""
    found = registry(Shy.at(tmp_path))
    built, given = found.definition.bind({}), sample.facts()
    again = Rescoring(built, given, found.hooks, owner=SCHOOL)
    assert not [x for x in again.sheet["A2"].lines if x.what == "slot_na"]
    school = given.docs[SCHOOL]
    document = {**school, "fields": {**school["fields"], "A2.上学期": 9}}
    after = again.score(document)
    assert after == engine.score_unit(built, put(given, document), found.hooks)
    assert [x.reason for x in after["A2"].lines if x.what == "slot_na"] == ["开会多"]


LOOKS: tuple[Callable[[Facts], int], ...] = (
    lambda facts: len(facts.docs[SCHOOL]["fields"]),
    lambda facts: sum(v is True for v in facts.docs[SCHOOL]["fields"].values()),
    lambda facts: len(facts.docs[SCHOOL].get("notes", {})),
    lambda facts: len(facts.docs[SCHOOL]),
    lambda facts: len([key for part in facts.docs[SCHOOL].values() for key in part]),
)


@pytest.mark.parametrize(("look", "more"), list(zip(LOOKS, (1, 1, 1, 1, 2), strict=True)))
def test_looking_through_a_whole_part_is_noticed(
    look: Callable[[Facts], int], more: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A kind that reads answers by no key of its own is asked again whatever changes there."""
    plain = kinds.earn

    def earn(rubric: Rubric, clause: Clause, facts: Facts) -> Earned:
        if clause.code != "A1.1":
            return plain(rubric, clause, facts)
        return Earned(lines=(Line("text", {"text": ""}, Fraction(look(facts), 100)),))

    monkeypatch.setattr(kinds, "earn", earn)
    found = registry(sample.SamplePlugin.at(tmp_path))
    built, given = found.definition.bind({}), sample.facts()
    again = Rescoring(built, given, found.hooks, owner=SCHOOL)
    school = given.docs[SCHOOL]
    document = {**school, "fields": {**school["fields"], "seen": True}, "notes": {"a": 1}}
    after = again.score(document)
    assert after == engine.score_unit(built, put(given, document), found.hooks)
    assert after["A1.1"].raw == (again.sheet["A1.1"].raw or 0) + Fraction(more, 100)
