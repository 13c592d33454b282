"""The rubric is the notice: its words, its points, its clauses."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest

from intranet.rubric import loader
from intranet.rubric.model import Rubric

NOTICE = (Path(__file__).parent / "notice.txt").read_text(encoding="utf-8")
DEFINITION = loader.read_package(files("cuiping_xuequ"))


@pytest.fixture(scope="module")
def rubric() -> Rubric:
    return DEFINITION.bind()


def plain(text: str) -> str:
    """Without white space, punctuation in one width: the copy of the notice has it half-width."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


# --- points ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "points"), [("A1", 20), ("A2", 81), ("A3", 9), ("A4", 10)])
def test_a_indicators_have_their_printed_points(rubric: Rubric, code: str, points: int) -> None:
    assert rubric.by[code].max == points
    assert sum(kid.max or 0 for kid in rubric.children[code]) == points


def test_total_is_120(rubric: Rubric) -> None:
    (materials,) = (s for s in rubric.subtotals if s.code == "materials")
    assert materials.printed == 120
    assert sum(rubric.by[code].max or 0 for code in materials.of) == 120


def test_b_indicators(rubric: Rubric) -> None:
    printed = {"B1": 4, "B2": 7, "B3": 3, "B4": 3, "B5": 3, "B6": 6, "B7": 4, "B8": 4, "B9": 6, "B10": 13}
    printed |= {"B11": 10, "B12": 10, "B13": 6, "B14": 3, "B15": 6, "B16": 3, "B17": 4, "B18": 6, "B19": 9}
    printed |= {"B20": 10}
    b = [c for c in rubric.indicators if c.code.startswith("B")]
    assert [c.code for c in b] == list(printed)
    assert {c.code: c.max for c in b} == printed
    assert [c.no for c in b] == list(printed)
    assert all(c.title and 1 < len(c.short) <= 4 for c in b)


# --- words -------------------------------------------------------------------------------------


def test_texts_are_verbatim(rubric: Rubric) -> None:
    notice = plain(NOTICE)
    for clause in rubric.clauses:
        assert plain(clause.text) in notice, clause.code
        assert plain(clause.requirement) in notice, clause.code
    for form in rubric.forms:
        assert all(plain(note) in notice for note in form.notes)
    for ruling in rubric.rulings:
        assert ruling.quote
        assert plain(ruling.quote) in notice, ruling.key


def test_no_word_of_the_table_is_missing(rubric: Rubric) -> None:
    """Header, rows, total and notes put together are the table of the notice, nothing left over."""
    (form,) = rubric.forms
    text = "|".join(column.label for column in form.columns)
    for a in rubric.dimensions:
        if a.code == "S":  # said in 说明1, not a row of the table
            continue
        text += a.text
        for b in rubric.children[a.code]:
            text += f"{b.text}|{b.requirement}|{b.max}"
    text += f"{form.foot[0].label}120" + "".join(form.notes)
    table = NOTICE[NOTICE.index("A级指标") :]
    assert plain(text).replace("|", "") == plain(table).replace("|", "")


def test_rows_of_the_table_keep_their_points(rubric: Rubric) -> None:
    """分值 as printed in its own column, read from the notice and not from the texts."""
    rows = re.findall(r"(B\d+)\..*?\| *(\d+) *\|", NOTICE.replace("\n", ""))
    assert {no: Fraction(points) for no, points in rows} == {
        c.no: c.max for c in rubric.indicators if c.no.startswith("B")
    }


# --- lint --------------------------------------------------------------------------------------

ACCEPTED = {
    "B10": "13分",  # 2 + 4 + 7 in the text, 13 only in the column 分值
    "B10ab": "6分",  # 2 + 4, one pool (readings)
    "B12": "10分",  # 5 + 5 in the text, 10 only in the column 分值
}
"""Warnings of lint that a person has looked at: clause and what the message is about."""


def test_lint_finds_nothing_but_what_is_accepted() -> None:
    assert [w.clause for w in DEFINITION.warnings] == list(ACCEPTED)
    assert all(ACCEPTED[w.clause] in w.message for w in DEFINITION.warnings)


@pytest.mark.parametrize(
    ("ruling", "choice"), [(r.key, c.key) for r in DEFINITION.rulings for c in r.choices]
)
def test_every_choice_binds(ruling: str, choice: str) -> None:
    assert DEFINITION.bind({ruling: choice}).key == "cuiping_xuequ"


def test_every_ruling_says_what_an_official_needs() -> None:
    for ruling in DEFINITION.rulings:
        assert ruling.question.endswith("？")
        assert ruling.why
        assert ruling.clause in DEFINITION.bind().by
        assert all(choice.label and choice.example for choice in ruling.choices)
