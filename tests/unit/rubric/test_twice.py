"""Which rows are the same thing filed twice."""

from __future__ import annotations

from typing import Any

from intranet.rubric.model import Column, Table
from intranet.rubric.twice import find, plain

TABLE = Table(
    key="t",
    title="表",
    columns=(
        Column(key="person", label="姓名"),
        Column(key="number", label="文号"),
        Column(key="start", label="起", type="date"),
        Column(key="end", label="止", type="date"),
    ),
    twice=(("number",), ("person", "period")),
)


def groups(*rows: dict[str, Any]) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
    return [(f.columns, f.places) for f in find(TABLE, [(cells, n) for n, cells in enumerate(rows)])]


def test_writing_makes_no_difference() -> None:
    assert plain("《课题 Ａ》（2031）") == plain("课题A 2031")
    assert groups({"number": "甲教〔2031〕8号"}, {"number": "甲教 〔2031〕8号"}) == [(("number",), (0, 1))]


def test_blanks_are_never_the_same() -> None:
    assert groups({"number": ""}, {"number": None}, {"number": " "}) == []


def test_a_person_twice_at_a_time_but_not_one_after_the_other() -> None:
    first = {"person": "甲某", "start": "2031-02-01", "end": "2031-05-31"}
    assert groups(first, {"person": "甲某", "start": "2031-06-01", "end": "2031-07-01"}) == []
    assert groups(first, {"person": "甲某", "start": "2031-05-31", "end": "2031-07-01"}) == [
        (("person", "period"), (0, 1))
    ]
    assert groups(first, {"person": "乙某", "start": "2031-03-01"}) == []


def test_an_open_end_runs_on_and_a_missing_start_overlaps_nothing() -> None:
    running = {"person": "甲某", "start": "2030-09-01"}
    later = {"person": "甲某", "start": "2031-04-01", "end": "2031-04-30"}
    assert groups(later, running) == [(("person", "period"), (0, 1))]
    assert groups(later, {"person": "甲某", "end": "2031-12-31"}) == []


def test_a_group_is_said_once() -> None:
    row = {"person": "甲某", "number": "8号", "start": "2031-02-01"}
    assert groups(row, dict(row), {**row, "number": "9号"}) == [
        (("number",), (0, 1)),
        (("person", "period"), (0, 1, 2)),
    ]
