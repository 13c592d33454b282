"""The same fault priced differently, and each reviewer's harshness: exact, on worked examples."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from intranet.domain.fairness import Fault, Harshness, faults_of, harshness_of
from intranet.domain.spread import beside
from intranet.domain.standing import Item, item_of
from intranet.enums import CombineRule
from intranet.models import Mark
from intranet.rubric import engine
from intranet.rubric.model import Rubric
from tests.unit.test_review import HER, HIM, ME, entry, ground, mark, sample_docs, sheet

Ground = tuple[Rubric, engine.Hooks]
__all__ = ["ground"]

EVENT, PAPER = "event.理事会", "materials"


def a2(ground: Ground, marks: Sequence[Mark], unit: int = 1, **docs: Any) -> Item:
    """A2 of one unit: 7 points, one meeting short (−2), one paper missing (−1)."""
    filed = sheet(ground, marks, of=entry(unit), docs=docs or sample_docs())
    return item_of(ground[0], filed, ground[0].by["A2"], CombineRule.MEAN)


def took(user: int, points: str, *notes: dict[str, Any], reason: str = "") -> Mark:
    return mark("A2", user, points, computed=Fraction(4), deductions=list(notes), reason=reason)


def note(key: str, label: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "label": label, **more}


MEETING = note(EVENT, "少一次理事会", times="1")
NO_MEETING = note(EVENT, "少一次理事会", times="1", waived=True, reason="有照片为证")
ONE_PAPER = note(PAPER, "少一样材料", times="1")


def said(fault: Fault) -> list[tuple[int, int, Fraction, bool]]:
    return [(p.entry_id, p.mark.user_id, p.taken, p.waived) for p in fault.places]


def test_a_proposal_taken_by_one_and_waived_by_another_is_a_fault(ground: Ground) -> None:
    item = a2(
        ground,
        [took(HER, "4", MEETING, ONE_PAPER), took(HIM, "6", NO_MEETING, ONE_PAPER, reason="总评")],
    )
    (fault,) = faults_of(ground[0], [item])
    assert (fault.clause.code, fault.label, fault.within, fault.across) == ("A2", "少一次理事会", True, False)
    assert said(fault) == [(1, HIM, Fraction(0), True), (1, HER, Fraction(2), False)]
    assert (fault.low.words, fault.gap) == ("有照片为证", Fraction(2))
    assert fault.others == ()


def test_units_compare_by_the_rate_of_one_occurrence(ground: Ground) -> None:
    """Two papers missing cost twice as much as one: no fault. One of two taken is half the rate: a fault."""
    school = dict(sample_docs()["school"], materials={"A2": [False, False]})
    two_missing = {"school": school, "bureau": {}, "panel": {}}
    both = note(PAPER, "少一样材料", times="2")
    one = a2(ground, [took(HER, "4", ONE_PAPER)])
    same = a2(ground, [took(HER, "3", both)], 2, **two_missing)
    assert faults_of(ground[0], [one, same]) == []
    half = a2(ground, [took(HIM, "4", ONE_PAPER)], 3, **two_missing)
    (fault,) = faults_of(ground[0], [one, same, half])
    assert (fault.within, fault.across, fault.gap) == (False, True, Fraction(1, 2))
    assert (fault.low.entry_id, fault.low.rate, fault.low.count) == (3, Fraction(1, 2), 2)
    assert fault.high.rate == Fraction(1)
    assert [p.entry_id for p in fault.others] == [2]


def test_points_that_the_panel_types_compare_as_they_are(ground: Ground) -> None:
    def quality(user: int, taken: str, unit: int) -> Item:
        words = note("quality", "资料质量不高，酌情扣分", points=taken)
        return a2(ground, [took(user, "3", MEETING, ONE_PAPER, words)], unit)

    assert faults_of(ground[0], [quality(HER, "0.5", 1), quality(HIM, "0.5", 2)]) == []
    (fault,) = faults_of(ground[0], [quality(HER, "0.5", 1), quality(HIM, "1.25", 2)])
    assert (fault.label, fault.gap) == ("资料质量不高，酌情扣分", Fraction(3, 4))


def test_a_bare_number_says_nothing_and_no_deduction_at_all_says_zero(ground: Ground) -> None:
    taken = took(HER, "4", MEETING, ONE_PAPER)
    assert faults_of(ground[0], [a2(ground, [taken, took(HIM, "3")])]) == []
    faults = faults_of(ground[0], [a2(ground, [taken, took(HIM, "7")])])
    assert sorted((f.label, f.gap) for f in faults) == [
        ("少一样材料", Fraction(1)),
        ("少一次理事会", Fraction(2)),
    ]


def test_what_differs_on_one_unit_comes_first_and_then_the_widest(ground: Ground) -> None:
    quality = [note("quality", "酌情", points=p) for p in ("0.1", "3")]
    items = [
        a2(ground, [took(HER, "6", ONE_PAPER, MEETING, quality[0]), took(HIM, "4", MEETING, quality[0])]),
        a2(ground, [took(HER, "1", MEETING, quality[1])], 2),
    ]
    found = faults_of(ground[0], items)
    assert [(f.label, f.within) for f in found] == [("少一样材料", True), ("酌情", False)]


def test_doubtful_marks_have_no_price(ground: Ground) -> None:
    doubtful = mark("A2", HIM, "6", doubtful=True, deductions=[NO_MEETING])
    assert faults_of(ground[0], [a2(ground, [took(HER, "4", MEETING), doubtful])]) == []


# --- harshness ------------------------------------------------------------------------------------


def test_harshness_is_the_exact_mean_gap_to_the_others(ground: Ground) -> None:
    first = a2(ground, [took(ME, "4"), took(HER, "3"), took(HIM, "5")])
    second = a2(ground, [took(ME, "2"), took(HER, "2.5")], 2)
    alone = a2(ground, [took(HIM, "0")], 3)
    found = harshness_of([first, second, alone], [ME, HER, HIM, 9])
    # ME: 4 − 4 and 2 − 5/2; HER: 3 − 9/2 and 5/2 − 2; HIM: 5 − 7/2
    assert found == [
        Harshness(HER, 2, Fraction(-1, 2), 1, 1),
        Harshness(ME, 2, Fraction(-1, 4), 1, 0),
        Harshness(HIM, 1, Fraction(3, 2), 0, 1),
        Harshness(9),
    ]
    assert all(h.is_thin for h in found)


def test_harshness_stays_exact_with_thirds_and_without_points(ground: Ground) -> None:
    item = a2(ground, [took(ME, "1/3"), took(HER, "0.5"), took(HIM, "2"), mark("A2", 7, None)])
    by = {h.user_id: h.mean for h in harshness_of([item], [])}
    assert by == {
        ME: Fraction(1, 3) - Fraction(5, 4),
        HER: Fraction(1, 2) - Fraction(7, 6),
        HIM: Fraction(2) - Fraction(5, 12),
    }


# --- going through the cases ----------------------------------------------------------------------


def test_before_and_after_in_a_list() -> None:
    cases = [(1, "A1"), (2, "A1"), (1, "A2")]
    assert beside(cases, (2, "A1")) == ((1, "A1"), (1, "A2"))
    assert beside(cases, (1, "A1")) == (None, (2, "A1"))
    assert beside(cases, (1, "A2")) == ((2, "A1"), None)
    assert beside(cases, (9, "A9")) == (None, (1, "A1"))  # just settled, and out of the list
    assert beside([], (9, "A9")) == (None, None)
