"""Scoring again what a change touches gives the scores of scoring everything anew, for each installed rubric.

The way from before is kept here: the whole unit, from a deep copy of its document.
"""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks.letters import AT, frozen
from intranet.domain import chances, nearest
from intranet.domain.scoring import Scoring
from intranet.plugins import Installed, RubricRegistry, build_plugin_manager
from intranet.queries.filing import SCHOOL
from intranet.queries.results import Ranking
from intranet.rubric import engine
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import Score
from intranet.rubric.model import Rubric
from intranet.rubric.rescore import Rescoring
from tests.unit.rubric import sample

RUBRICS = sorted(RubricRegistry(build_plugin_manager()).installed)
SAMPLES = 6
ANSWERS = {
    "tick": (True, False, None),
    "count": (0, 1, 5, None),
    "number": ("0.5", "12", None),
    "date": ("2031-03-01", None),
}
Document = dict[str, Any]


@cache
def lists() -> dict[str, tuple[Scoring, Ranking]]:
    return {key: (scoring, ranking) for key, scoring, ranking in frozen(SAMPLES)}


def units(key: str, folder: Path) -> tuple[Rubric, engine.Hooks, list[Facts]]:
    """Units of a rubric, their school's documents with all parts."""
    if key == "sample":
        found = registry(sample.SamplePlugin.at(folder))
        rubric, hooks = found.definition.bind({}), found.hooks
        given = [sample.facts(), sample.facts(docs={}), sample.facts(attributes={"stages": ["高中"]})]
    else:
        scoring, ranking = lists()[key]
        rubric, hooks = scoring.rubric, scoring.hooks
        given = [Facts.from_json(line.row.facts) for line in ranking.lines]
    return rubric, hooks, [put(facts, whole(facts)) for facts in given]


def registry(plugin: sample.SamplePlugin) -> Installed:
    found = RubricRegistry(build_plugin_manager(entry_points=False, plugins=(plugin,))).get("sample")
    assert found is not None
    return found


def put(facts: Facts, document: Document) -> Facts:
    return replace(facts, docs={**facts.docs, SCHOOL: document})


def whole(facts: Facts) -> Document:
    document = copy.deepcopy(dict(facts.docs.get(SCHOOL, {})))
    for part in chances.PARTS:
        document.setdefault(part, {})
    return document


def answers(rubric: Rubric, facts: Facts) -> list[tuple[str, str, str, Any]]:
    """(part, key, name, value) of everything the school may put otherwise, one answer each."""
    out: list[tuple[str, str, str, Any]] = []
    for key, field in rubric.all_fields.items():
        values = ANSWERS.get(field.type, ("甲", None))
        if field.by == SCHOOL and field.per == "unit":
            out += [("fields", key, f"{key} = {value}", value) for value in values]
        elif field.by == SCHOOL:
            out += [("members", school, f"{key} of {school}", {key: values[0]}) for school in facts.members]
    for clause in rubric.clauses:
        for n in range(len(clause.materials)):
            for said in (True, False, None, "na"):
                slots = [
                    facts.docs[SCHOOL]["materials"].get(clause.code, ()),
                    (None,) * len(clause.materials),
                ]
                given = [*slots[0], *slots[1][len(slots[0]) :]]
                given[n] = said
                out.append(("materials", clause.code, f"{clause.code}#{n + 1} = {said}", given))
    for table in rubric.tables:
        rows = list(facts.rows(table.key) or ())
        if table.by != SCHOOL:
            continue
        others: list[tuple[str, Any]] = [("none", None), ("empty", []), ("twice", [*rows, *rows])]
        for column in table.columns if rows else ():
            first = {c: v for c, v in rows[0].items() if c != column.key}
            others.append((f"without {column.key}", [first, *rows[1:]]))
        out += [("tables", table.key, f"{table.key} {said}", new) for said, new in others]
    return out


def changed(facts: Facts, *put: tuple[str, str, str, Any]) -> Document:
    """The school's document with other answers, the old values where they stand."""
    document = {part: dict(answers) for part, answers in facts.docs[SCHOOL].items()}
    for part, key, _name, value in put:
        document[part][key] = value
    return document


@pytest.mark.parametrize("key", [*RUBRICS, "sample"])
def test_each_answer_put_otherwise(key: str, tmp_path: Path) -> None:
    rubric, hooks, given = units(key, tmp_path)
    moved = tried = 0
    for n, facts in enumerate(given):
        again = Rescoring(rubric, facts, hooks, owner=SCHOOL)
        assert again.sheet == engine.score_unit(rubric, facts, hooks)
        for answer in answers(rubric, facts)[n % 3 :: 3]:  # every answer, each in some of the units
            document = changed(facts, answer)
            anew = engine.score_unit(rubric, put(facts, copy.deepcopy(document)), hooks)
            found = again.score(document)
            assert found == anew, f"{facts.name}: {answer[2]}"
            assert list(found) == list(anew)
            moved, tried = moved + (anew != again.sheet), tried + 1
    assert moved > tried / 10 > 2


@pytest.mark.parametrize("key", [*RUBRICS, "sample"])
def test_many_answers_put_otherwise_together(key: str, tmp_path: Path) -> None:
    rubric, hooks, given = units(key, tmp_path)
    draw = random.Random(5)
    for facts in given:
        again = Rescoring(rubric, facts, hooks, owner=SCHOOL)
        every = answers(rubric, facts)
        for _round in range(20):
            document = changed(facts, *draw.sample(every, draw.randint(2, 9)))
            anew = engine.score_unit(rubric, put(facts, copy.deepcopy(document)), hooks)
            assert again.score(document) == anew


class Slow:
    """The way from before, in the place of ``Rescoring``."""

    def __init__(self, rubric: Rubric, facts: Facts, hooks: engine.Hooks, *, owner: str) -> None:
        self.rubric, self.facts, self.hooks, self.owner = rubric, facts, hooks, owner
        self.sheet = engine.score_unit(rubric, facts, hooks)

    def score(self, document: Document) -> dict[str, Score]:
        facts = replace(self.facts, docs={**self.facts.docs, self.owner: copy.deepcopy(document)})
        return engine.score_unit(self.rubric, facts, self.hooks)


@pytest.mark.parametrize("key", RUBRICS)
def test_a_letter_names_what_the_slow_way_finds(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scoring, ranking = lists()[key]
    fast = [nearest.nearest(scoring, line, at=AT, most=200) for line in ranking.lines]
    monkeypatch.setattr(chances, "Rescoring", Slow)
    assert fast == [nearest.nearest(scoring, line, at=AT, most=200) for line in ranking.lines]
    assert any(near.gain > 0 for found in fast for near in found)
