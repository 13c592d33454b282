"""What a reviewer types, how far the marking has come, and what the chair's board puts first."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from intranet.domain.marking import (
    Given,
    base_of,
    completed,
    needs_reason,
    noted_deductions,
    parse_points,
    proposed_choices,
    recount,
)
from intranet.domain.scoring import EntrySheet
from intranet.domain.spread import board_of
from intranet.domain.standing import (
    Item,
    Leaf,
    MarkState,
    indicators_of,
    item_of,
    neighbours,
    next_due,
    progress_of,
)
from intranet.enums import CombineRule, SubmissionState
from intranet.errors import Invalid
from intranet.models import SETTLED, Entry, Mark
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.assignments import Asked
from intranet.queries.facts import FactSource
from intranet.queries.review import Reviewer, others_marks
from intranet.rubric import engine
from intranet.rubric.deductions import Choice, bank
from intranet.rubric.fields import adapt
from intranet.rubric.model import Rubric
from tests.unit.rubric import sample

ME, HER, HIM = 1, 2, 3


@pytest.fixture
def ground(tmp_path: Path) -> tuple[Rubric, engine.Hooks]:
    plugin = sample.SamplePlugin.at(tmp_path)
    installed = RubricRegistry(build_plugin_manager(entry_points=False, plugins=(plugin,))).get("sample")
    assert installed is not None
    return installed.definition.bind({}), installed.hooks


def entry(n: int = 1, state: SubmissionState = SubmissionState.SUBMITTED) -> Entry:
    return Entry(id=n, cycle_id=1, unit_id=n, code=f"u{n}", name=f"示例联盟{n}", state=state)


def sheet(
    ground: tuple[Rubric, engine.Hooks],
    marks: Sequence[Mark] = (),
    *,
    of: Entry | None = None,
    **changes: Any,
) -> EntrySheet:
    rubric, hooks = ground
    document: dict[str, Any] = {"marks": {"self": {"A1.2": {"points": "2.5"}}}, **changes}
    facts = engine.prepare(rubric, sample.facts(**document), hooks)
    source = FactSource(document={}, marks=list(marks))
    form = adapt(rubric, facts, ())
    return EntrySheet(
        of or entry(), source, facts, form, lambda: dict(engine.score_unit(rubric, facts, hooks))
    )


def leaf(ground: tuple[Rubric, engine.Hooks], code: str, marks: Sequence[Mark] = (), **changes: Any) -> Leaf:
    rule = changes.pop("combine", CombineRule.MEAN)
    indicator = ground[0].indicator_of(code)
    assert indicator is not None
    item = item_of(ground[0], sheet(ground, marks, **changes), indicator, rule)
    return next(found for found in item.leaves if found.code == code)


def mark(code: str, user: int, points: str | None, **more: Any) -> Mark:
    given: dict[str, Any] = {"computed": None, "role": "panel", **more}
    number = None if points is None else Fraction(points)
    return Mark(entry_id=1, code=code, user_id=user, points=number, made_by=user, **given)


def choices(ground: tuple[Rubric, engine.Hooks], code: str) -> tuple[Leaf, list[Choice]]:
    filed = sheet(ground, docs=sample_docs())
    found = leaf(ground, code, docs=sample_docs())
    return found, bank(ground[0], found.clause, filed.facts, found.score)


def sample_docs() -> dict[str, Any]:
    """A2 of 7: one meeting short (−2), one paper missing (−1), nothing taken for quality: 4."""
    docs: dict[str, Any] = dict(sample.facts().docs["school"], materials={"A2": [True, False]})
    return {"school": docs, "bureau": {}, "panel": {}}


# --- numbers as typed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("2.5", "5/2"),
        ("２．５", "5/2"),
        (" 3 ", "3"),
        ("0", "0"),
        ("−1", "-1"),
        ("+0.25", "1/4"),
        ("007", "7"),
    ],
)
def test_points_are_read_exactly(text: str, points: str) -> None:
    assert parse_points(text) == Fraction(points)


@pytest.mark.parametrize("text", ["", "  ", "\u3000"])
def test_nothing_typed_is_no_zero(text: str) -> None:
    assert parse_points(text) is None


@pytest.mark.parametrize(
    "text", ["NaN", "inf", "1e3", "1/2", "20%", "2,5", "2.5分", "三", "٣", "0x10", "1 2", ".", "12345", "--1"]
)
def test_what_is_no_points_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid, match=r"不是分数，请填 2\.5 这样的数"):
        parse_points(text)


# --- deductions -----------------------------------------------------------------------------------


def test_the_facts_own_deductions_give_the_proposal(ground: tuple[Rubric, engine.Hooks]) -> None:
    found, offered = choices(ground, "A2")
    assert found.offer == 4
    assert base_of(found) == 7
    assert proposed_choices(offered) == {"event.理事会": "1", "materials": "1"}
    assert recount(found, offered, proposed_choices(offered)) == 4


@pytest.mark.parametrize(
    ("chosen", "points"),
    [
        ({}, "7"),
        ({"materials": "1"}, "6"),
        ({"event.理事会": "2", "materials": "1"}, "2"),
        ({"materials": "1", "quality": "0.5"}, "11/2"),
        ({"not_done": "1"}, "0"),
        ({"event.理事会": "4"}, "0"),
        ({"quality": "abc"}, "7"),
    ],
)
def test_other_deductions_are_counted_from_the_full_score(
    ground: tuple[Rubric, engine.Hooks], chosen: dict[str, str], points: str
) -> None:
    found, offered = choices(ground, "A2")
    assert recount(found, offered, chosen) == Fraction(points)


def test_a_mark_keeps_its_deductions_in_words(ground: tuple[Rubric, engine.Hooks]) -> None:
    _found, offered = choices(ground, "A2")
    assert noted_deductions(offered, {"materials": "2", "quality": "0.5", "unknown": "1"}) == [
        {"key": "materials", "label": "少一样材料", "times": "2"},
        {"key": "quality", "label": "资料质量不高，酌情扣分", "points": "0.5"},
    ]
    with pytest.raises(Invalid, match="次数请填整数"):
        noted_deductions(offered, {"materials": "1.5"})


# --- reasons --------------------------------------------------------------------------------------


def test_a_computed_mark_that_departs_needs_a_reason(ground: tuple[Rubric, engine.Hooks]) -> None:
    found, _offered = choices(ground, "A2")
    assert needs_reason(found, Fraction(4), None) == ""
    assert needs_reason(found, Fraction(5), None) == "与系统建议 4 分不同，请写明理由。"
    assert needs_reason(found, Fraction(3), None) == "与系统建议 4 分不同，请写明理由。"


def test_a_judged_mark_below_the_self_score_needs_a_reason(ground: tuple[Rubric, engine.Hooks]) -> None:
    found = leaf(ground, "A1.2")
    assert found.self_points == Fraction(5, 2)
    assert needs_reason(found, Fraction(2), None) == "低于自评 2.5 分，请写明理由。"
    assert needs_reason(found, Fraction(5, 2), None) == ""
    assert needs_reason(found, Fraction(3), None) == ""


def test_a_verdict_brings_its_points(ground: tuple[Rubric, engine.Hooks]) -> None:
    found = leaf(ground, "C1.1")
    assert completed(found, Given("C1.1", verdict="良")).points == 6
    assert completed(found, Given("C1.1", verdict="没有")).points is None
    assert found.role == "visit"


# --- what is marked -------------------------------------------------------------------------------


def test_what_is_not_marked_says_why(ground: tuple[Rubric, engine.Hooks]) -> None:
    filed = sheet(ground)
    bars = {
        found.code: found.bar
        for indicator in indicators_of(ground[0])
        for found in item_of(ground[0], filed, indicator, CombineRule.MEAN).leaves
    }
    assert {code: bar for code, bar in bars.items() if bar} == {
        "B4": "待全部单位提交后计算",
        "B6": "待全部单位提交后计算",
    }
    assert "C2" not in bars  # 未设分值: no page at all
    no_charter = dict(sample.facts().docs, school={"fields": {"A1.1.charter": False}})
    assert leaf(ground, "A1.2", docs=no_charter).bar == "缺少前提，按 0 分计"
    assert leaf(ground, "C1.2", attributes={"stages": ["高中"]}).bar == "不适用"


def test_a_mark_is_stale_when_the_facts_give_something_else(ground: tuple[Rubric, engine.Hooks]) -> None:
    docs = sample_docs()
    fresh = leaf(ground, "A2", [mark("A2", ME, "4", computed=Fraction(4))], docs=docs)
    assert fresh.state_for(ME) is MarkState.DONE
    old = leaf(ground, "A2", [mark("A2", ME, "5", computed=Fraction(5))], docs=docs)
    assert old.state_for(ME) is MarkState.STALE
    aside = leaf(ground, "A2", [mark("A2", ME, None, doubtful=True)], docs=docs)
    assert aside.state_for(ME) is MarkState.DOUBTFUL
    assert aside.state_for(HER) is MarkState.OPEN


def test_others_marks_show_only_after_the_own_one(ground: tuple[Rubric, engine.Hooks]) -> None:
    from intranet.actor import Actor

    me, hers = Actor(ME, "甲"), mark("A2", HER, "3")
    assert others_marks([hers], me) is None
    assert others_marks([hers, mark("A2", ME, None, doubtful=True)], me) is None
    assert others_marks([hers, mark("A2", ME, "4")], me) == [hers]


# --- progress and order ---------------------------------------------------------------------------


def queue(ground: tuple[Rubric, engine.Hooks], *, by: str = "indicator") -> list[Item]:
    """A1 and A2 of three units, the second not yet submitted; the first's A2 is marked by me."""
    own = mark("A2", ME, "4", computed=Fraction(4))
    entries = [entry(1), entry(2, SubmissionState.OPEN), entry(3)]
    sheets = [sheet(ground, [own] if e.id == 1 else [], of=e, docs=sample_docs()) for e in entries]
    indicators = [ground[0].by["A1"], ground[0].by["A2"]]
    pairs = (
        [(s, i) for i in indicators for s in sheets]
        if by == "indicator"
        else [(s, i) for s in sheets for i in indicators]
    )
    return [item_of(ground[0], s, i, CombineRule.MEAN) for s, i in pairs]


def name(item: Item | None) -> str | None:
    return None if item is None else f"{item.indicator.code}/{item.entry.code}"


def test_progress_counts_leaves_of_submitted_entries(ground: tuple[Rubric, engine.Hooks]) -> None:
    found = progress_of(queue(ground), ME)
    assert (found.done, found.total, found.doubtful, found.stale) == (1, 6, 0, 0)
    assert progress_of(queue(ground), HER).done == 0


def test_the_next_item_skips_what_is_done_or_not_submitted(ground: tuple[Rubric, engine.Hooks]) -> None:
    items = queue(ground)
    assert [name(i) for i in items] == ["A1/u1", "A1/u2", "A1/u3", "A2/u1", "A2/u2", "A2/u3"]
    assert name(next_due(items, ME)) == "A1/u1"
    assert name(next_due(items, ME, items[0])) == "A1/u3"
    assert name(next_due(items, ME, items[2])) == "A2/u3"
    assert name(next_due(items, ME, items[5])) == "A1/u1"
    by_unit = queue(ground, by="unit")
    assert name(next_due(by_unit, ME, by_unit[0])) == "A1/u3"


def test_neighbours_are_the_submitted_ones(ground: tuple[Rubric, engine.Hooks]) -> None:
    items = queue(ground)
    assert [name(i) for i in neighbours(items, items[0])] == [None, "A1/u3"]
    assert [name(i) for i in neighbours(items, items[2])] == ["A1/u1", "A2/u1"]


# --- the chair's board ----------------------------------------------------------------------------

PEOPLE = (Reviewer(HER, "乙", False, frozenset()), Reviewer(HIM, "丙", False, frozenset({7})))


def rows(
    ground: tuple[Rubric, engine.Hooks], marks: Sequence[Mark], rule: CombineRule = CombineRule.MEAN
) -> dict[str, Any]:
    filed = sheet(ground, marks, docs=sample_docs())
    items = [item_of(ground[0], filed, i, rule) for i in indicators_of(ground[0])]
    return {row.leaf.code: row for row in board_of(items, Asked(PEOPLE))}


def test_the_board_puts_the_widest_spread_first(ground: tuple[Rubric, engine.Hooks]) -> None:
    marks = [
        mark("A2", HER, "4", computed=Fraction(4)),
        mark("A2", HIM, "2", computed=Fraction(4)),
        mark("A1.2", HER, "3"),
        mark("A1.2", HIM, "2.5"),
        mark("C1.1", HER, None, verdict="优", role="visit"),
        mark("C1.1", HIM, None, verdict="良", role="visit"),
    ]
    board = rows(ground, marks)
    assert list(board)[:3] == ["C1.1", "A2", "A1.2"]
    assert board["A2"].leaf.spread == 2
    assert board["A1.2"].leaf.spread == Fraction(1, 2)
    assert board["C1.1"].kinds == {"settle", "spread"}
    assert board["A2"].kinds == {"spread"}
    assert board["B1"].kinds == {"missing"}
    assert "B4" not in board


def test_the_board_names_who_is_missing_doubtful_and_stale(ground: tuple[Rubric, engine.Hooks]) -> None:
    board = rows(ground, [mark("A2", HER, "5", computed=Fraction(5)), mark("A2", HIM, "3", doubtful=True)])
    row = board["A2"]
    assert [r.name for r in row.missing] == ["丙"]
    assert [m.user_id for m in row.doubtful] == [HIM]
    assert [m.user_id for m in row.stale] == [HER]
    assert row.kinds == {"missing", "doubtful", "stale"}
    assert not row.leaf.differs


def test_under_the_chairs_rule_every_difference_needs_settling(ground: tuple[Rubric, engine.Hooks]) -> None:
    marks = [mark("A2", HER, "4", computed=Fraction(4)), mark("A2", HIM, "3", computed=Fraction(4))]
    row = rows(ground, marks, CombineRule.CHAIR)["A2"]
    assert row.leaf.needs_settling
    assert row.leaf.word is None
    settled = mark("A2", 0, "3.5", role=SETTLED, reason="合议")
    row = rows(ground, [*marks, settled], CombineRule.CHAIR)["A2"]
    assert not row.leaf.needs_settling
    assert row.leaf.word == (Fraction(7, 2), None, "合议")
    assert "settled" in row.kinds


def test_a_reviewer_of_a_member_school_is_not_missed(ground: tuple[Rubric, engine.Hooks]) -> None:
    filed = sheet(ground)
    items = [item_of(ground[0], filed, ground[0].by["A2"], CombineRule.MEAN)]
    (row,) = board_of(items, Asked(PEOPLE, {1: frozenset({7})}))
    assert [r.name for r in row.missing] == ["乙"]


def test_only_those_who_are_assigned_and_not_recused_are_missed(ground: tuple[Rubric, engine.Hooks]) -> None:
    item = item_of(ground[0], sheet(ground), ground[0].by["A2"], CombineRule.MEAN)
    him = Reviewer(HIM, "丙", False, frozenset(), recused=frozenset({1}))
    people = (PEOPLE[0], him, Reviewer(ME, "甲", False, frozenset()))
    pairs = {(1, "A2"): frozenset({ME, HIM})}
    (row,) = board_of([item], Asked(people, {}, pairs))
    assert [r.name for r in row.missing] == ["甲"]
    (row,) = board_of([item], Asked(people, {}, {}))
    assert row.missing == ()
    (row,) = board_of([item], Asked(people))
    assert [r.name for r in row.missing] == ["乙", "甲"]
