"""Waived proposals, deductions behind a bare number, and on what a mark was made; without a database."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from intranet.domain.basis import Grounds, in_words, moved
from intranet.domain.marking import (
    Given,
    completed,
    noted_deductions,
    noted_for_points,
    proposed_choices,
    waiver_text,
    waivers,
)
from intranet.models import Mark
from intranet.rubric import engine
from intranet.rubric.model import Rubric
from tests.unit.test_review import choices, ground, leaf, sample_docs, sheet

__all__ = ["ground"]  # the fixture

Ground = tuple[Rubric, engine.Hooks]


def test_a_proposal_that_was_not_taken_is_noted_with_its_reason(ground: Ground) -> None:
    _found, bank = choices(ground, "A2")
    assert list(proposed_choices(bank)) == ["event.理事会", "materials"]
    noted = noted_deductions(bank, {"event.理事会": "1"}, {"materials": " 会后 已补交 "})
    assert [(d["key"], d.get("waived", False), d.get("reason")) for d in noted] == [
        ("event.理事会", False, None),
        ("materials", True, "会后 已补交"),
    ]
    assert waiver_text(noted) == "少一样材料不扣：会后 已补交"
    assert [d["key"] for d in noted_deductions(bank, {"event.理事会": "1"})] == ["event.理事会"]


def test_the_marks_reason_stands_for_a_waiver_without_one(ground: Ground) -> None:
    found, bank = choices(ground, "A2")
    noted = noted_deductions(bank, {}, {"materials": "已补交"})
    given = completed(found, Given("A2", Fraction(7), reason="现场核实", deductions=noted))
    assert [d["reason"] for d in waivers(given.deductions)] == ["现场核实", "已补交"]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("4", [("event.理事会", False), ("materials", False)]),
        ("7", [("event.理事会", True), ("materials", True)]),
        ("5", []),
        (None, []),
    ],
)
def test_what_a_bare_number_says_of_the_deductions(
    ground: Ground, points: str | None, expected: list[tuple[str, bool]]
) -> None:
    found, bank = choices(ground, "A2")
    number = None if points is None else Fraction(points)
    noted = noted_for_points(found, bank, number, "因为")
    assert [(d["key"], d.get("waived", False)) for d in noted] == expected


# --- on what a mark was made ----------------------------------------------------------------------


def basis(ground: Ground, code: str, files: dict[str, list[tuple[int, str]]], **docs: Any) -> str:
    filed = sheet(ground, docs=sample_docs() if not docs else _with(docs))
    filed.source.files.update(files)
    return Grounds(ground[0]).basis(filed, code)


def _with(fields: dict[str, Any]) -> dict[str, Any]:
    docs = sample_docs()
    school = docs["school"]
    docs["school"] = {**school, "fields": {**school["fields"], **fields["fields"]}}
    return docs


def test_the_same_facts_and_files_give_the_same_basis(ground: Ground) -> None:
    files = {"slot:A2#1": [(1, "a" * 64)]}
    assert basis(ground, "A2", files) == basis(ground, "A2", dict(files)) != ""


def test_a_file_counts_only_where_it_proves_something(ground: Ground) -> None:
    old = basis(ground, "A2", {"slot:A2#1": [(1, "a" * 64)], "clause:B2": [(9, "f" * 64)]})
    new = basis(
        ground,
        "A2",
        {"slot:A2#1": [(1, "b" * 64)], "clause:A2": [(2, "c" * 64)], "clause:B2": [(9, "0" * 64)]},
    )
    assert moved(old, new) == {"e:1": "changed", "e:2": "new"}
    assert moved(new, old) == {"e:1": "changed", "e:2": "gone"}
    page = Grounds(ground[0]).page("A2")
    filed = sheet(ground, docs=sample_docs())
    assert in_words(ground[0], filed, page, moved(old, new)) == ["1 号材料换了文件", "新增 2 号材料"]


def test_a_field_of_the_leaf_moves_its_basis_and_one_of_another_does_not(ground: Ground) -> None:
    before = basis(ground, "A2", {})
    after = basis(ground, "A2", {}, fields={"A2.下学期": 2})
    assert list(moved(before, after).values()) == ["changed"]
    assert basis(ground, "A1.1", {}) == basis(ground, "A1.1", {}, fields={"A2.下学期": 2})


def test_a_mark_is_stale_by_its_basis_but_an_old_one_without_is_not(ground: Ground) -> None:
    found = leaf(ground, "A2", docs=sample_docs())
    mark = Mark(entry_id=1, code="A2", role="panel", user_id=1, made_by=1, computed=found.proposed)
    assert not found.is_stale(mark)
    mark.basis = found.basis
    assert not found.is_stale(mark)
    mark.basis = found.basis + "\ne:1 00000000"
    assert found.is_stale(mark)
    mark.doubtful = True
    assert not found.is_stale(mark)
    assert not replace(found, sheet=None, grounds=None).basis
