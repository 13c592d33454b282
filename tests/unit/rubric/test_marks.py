"""Marks: combining several, refusing what a clause cannot take."""

from fractions import Fraction
from typing import Any

import pytest

from intranet.errors import Invalid
from intranet.rubric import marks
from intranet.rubric.facts import Mark
from intranet.rubric.marks import Rule
from tests.unit.rubric.build import facts, rubric

F = Fraction


@pytest.mark.parametrize(
    ("points", "rule", "together"),
    [
        (["3", "4"], "mean", "3.5"),
        (["1", "1", "2"], "mean", "1.33"),
        (["1", "2", "2"], "mean", "1.67"),
        (["2.5"], "mean", "2.5"),
        (["0.01", "0"], "mean", "0.01"),  # 0.005 rounds up
        (["1", "5", "9"], "trimmed", "5"),
        (["1", "5", "6", "9"], "trimmed", "5.5"),
        (["9", "9", "9", "1"], "trimmed", "9"),
        (["1", "9"], "trimmed", "5"),  # nothing to drop
        (["7"], "trimmed", "7"),
        (["1", "5", "9"], "median", "5"),
        (["1", "5", "6", "9"], "median", "5.5"),
        (["9", "1"], "median", "5"),
        (["1.005", "1.006"], "median", "1.01"),
    ],
)
def test_combine(points: list[str], rule: Rule, together: str) -> None:
    assert marks.combine([F(p) for p in points], rule) == F(together)
    assert marks.combine([F(p) for p in reversed(points)], rule) == F(together)


@pytest.mark.parametrize("rule", ["mean", "trimmed", "median", "chair"])
def test_no_marks_combine_to_nothing(rule: Rule) -> None:
    assert marks.combine([], rule) is None


def test_the_chair_decides() -> None:
    assert marks.combine([F(1), F(2)], "chair") is None


def test_combine_to_other_places() -> None:
    assert marks.combine([F(1), F(1), F(2)], "mean", 1) == F("1.3")


BUILT = rubric(
    {"code": "G", "kind": "sum", "max": 5},
    {"code": "n", "in": "G", "kind": "judged", "max": "2.5"},
    {"code": "half", "in": "G", "kind": "judged", "max": "2.5", "weight": "1/2"},
    {"code": "open", "kind": "judged"},
    {"code": "verdict", "kind": "judged", "options": ["达标", "不达标"]},
    {
        "code": "graded",
        "kind": "judged",
        "max": 10,
        "options": [{"value": "好", "points": 10}, {"value": "差", "points": 0, "upto": "5.9"}],
    },
    {
        "code": "banded",
        "kind": "measure",
        "max": 5,
        "formula": "1",
        "bands": [
            {"from": 0, "to": 1, "points": 2, "verdict": "中"},
            {"from": 1, "points": 5, "verdict": "优"},
        ],
    },
)


@pytest.mark.parametrize(
    ("code", "points", "verdict"),
    [
        ("n", "0", None),
        ("n", "2.5", None),
        ("n", "1.25", None),
        ("half", "5", None),
        ("open", "99", None),
        ("verdict", None, "达标"),
        ("graded", None, "好"),
        ("graded", "10", "好"),
        ("graded", "0", "差"),
        ("graded", "5.9", "差"),
        ("banded", None, "中"),
    ],
)
def test_accepted(code: str, points: str | None, verdict: str | None) -> None:
    marks.check_mark(BUILT, code, None if points is None else F(points), verdict)


@pytest.mark.parametrize(
    ("code", "points", "verdict", "message"),
    [
        ("n", "2.6", None, "请填 0 — 2.5"),
        ("n", "-0.1", None, "请填 0 — 2.5"),
        ("n", "1.255", None, "小数最多 2 位，请改写"),
        ("n", "1/3", None, "小数最多 2 位，请改写"),
        ("n", None, None, "请填写分数"),
        ("n", "1", "达标", "本款只评分数，请不要填结论"),
        ("half", "5.1", None, "请填 0 — 5"),
        ("open", "-1", None, "请填不小于 0 的数"),
        ("verdict", None, None, "请在 达标、不达标 中选一个"),
        ("verdict", None, "优", "请在 达标、不达标 中选一个"),
        ("verdict", "3", "达标", "“达标”的分数已定，请不要另填分数"),
        ("graded", "9", "好", "“好”的分数已定，请不要另填分数"),
        ("graded", None, "差", "选“差”时请填写分数"),
        ("graded", "6", "差", "请填 0 — 5.9"),
        ("banded", None, "良", "请在 中、优 中选一个"),
        ("G", "3", None, "G 有分项，请在 n、half 上分别评分"),
        ("X", "3", None, "没有条款 X，请核对代码"),
    ],
)
def test_refused(code: str, points: str | None, verdict: str | None, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        marks.check_mark(BUILT, code, None if points is None else F(points), verdict)
    assert refused.value.message == message
    assert refused.value.problems == {code: message}


@pytest.mark.parametrize(
    ("code", "mark", "decided"),
    [
        ("n", None, None),
        ("n", Mark(reason="待核"), None),
        ("n", Mark(points=" "), None),
        ("n", Mark(points="1.5"), (F("1.5"), None)),
        ("n", Mark(points="0"), (F(0), None)),
        ("verdict", Mark(verdict="达标"), (None, "达标")),
        ("graded", Mark(verdict="好"), (F(10), "好")),
        ("graded", Mark(points="5.5", verdict="差"), (F("5.5"), "差")),
        ("banded", Mark(verdict="优"), (F(5), "优")),
    ],
)
def test_what_a_mark_decides(code: str, mark: Mark | None, decided: Any) -> None:
    assert marks.decided(BUILT.by[code], mark) == decided


def test_marks_of_a_document() -> None:
    given = facts(
        marks={
            "panel": {"n": {"points": "9"}, "open": {"points": "许多"}, "verdict": {"verdict": "达标"}},
            "self": {"n": {"points": "9"}},
            "visit": {"n": {"points": "9"}},
        }
    )
    with pytest.raises(Invalid) as refused:
        marks.check_marks(BUILT, given)
    assert refused.value.problems == {
        "marks.panel.n": "请填 0 — 2.5",
        "marks.panel.open": "“许多”不是数，请填 1.5 的样子",
    }
