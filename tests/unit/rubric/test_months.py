"""Calendar months: both end days included, complete months, month ends clamped (G4)."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intranet.rubric.months import Stay, add_months, days_short, longest, merge, total, whole_months


def stay(start: str, end: str) -> Stay:
    return Stay(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("day", "n", "then"),
    [
        ("2023-01-31", 0, "2023-01-31"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 2, "2023-03-31"),
        ("2023-12-31", 2, "2024-02-29"),
        ("2022-12-31", 2, "2023-02-28"),
        ("2022-08-31", 1, "2022-09-30"),
        ("2022-11-15", 14, "2024-01-15"),
        ("2020-02-29", 12, "2021-02-28"),
    ],
)
def test_add_months(day: str, n: int, then: str) -> None:
    assert add_months(date.fromisoformat(day), n) == date.fromisoformat(then)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2022-09-01", "2023-01-15", 4),  # an autumn term
        ("2022-09-01", "2023-06-30", 10),  # a school year
        ("2022-09-01", "2022-09-30", 1),
        ("2022-09-01", "2022-09-29", 0),
        ("2022-09-01", "2022-09-01", 0),
        ("2022-09-15", "2022-10-14", 1),
        ("2022-09-15", "2022-10-13", 0),
        ("2022-09-15", "2022-12-14", 3),
        ("2022-09-15", "2022-12-13", 2),
        ("2023-02-01", "2023-02-28", 1),
        ("2023-01-31", "2023-02-26", 0),  # 01-31 + 1 month is 02-28, so 02-27 is the last day needed
        ("2023-01-31", "2023-02-27", 1),
        ("2023-01-31", "2023-02-28", 1),
        ("2024-01-31", "2024-02-27", 0),
        ("2024-01-31", "2024-02-28", 1),
        ("2023-01-31", "2023-03-29", 1),
        ("2023-01-31", "2023-03-30", 2),
        ("2022-12-31", "2023-02-27", 2),
        ("2020-05-19", "2023-05-18", 36),
        ("2020-05-19", "2023-05-17", 35),
    ],
)
def test_whole_months(start: str, end: str, months: int) -> None:
    assert whole_months(stay(start, end)) == months


def test_touching_and_overlapping_stays_merge() -> None:
    apart = [stay("2023-03-01", "2023-03-31"), stay("2022-09-01", "2022-10-31")]
    assert merge(apart) == sorted(apart)
    touching = [stay("2022-11-01", "2022-12-31"), stay("2022-09-01", "2022-10-31")]
    assert merge(touching) == [stay("2022-09-01", "2022-12-31")]
    gap_of_a_day = [stay("2022-11-02", "2022-12-31"), stay("2022-09-01", "2022-10-31")]
    assert len(merge(gap_of_a_day)) == 2
    inside = [stay("2022-09-01", "2022-12-31"), stay("2022-10-01", "2022-10-31")]
    assert merge(inside) == [stay("2022-09-01", "2022-12-31")]


def test_longest_takes_one_continuous_stay() -> None:
    two, four = stay("2022-09-01", "2022-10-31"), stay("2023-01-13", "2023-05-12")
    assert longest([two, four]) == four
    assert longest([]) is None
    # equal months: the one with more days is nearer to the next band
    assert longest([stay("2022-09-01", "2022-10-10"), stay("2023-03-01", "2023-04-20")]) == stay(
        "2023-03-01", "2023-04-20"
    )


@pytest.mark.parametrize(
    ("stays", "numbers", "months"),
    [
        ([("2022-09-01", "2022-10-31")], (), Fraction(2)),
        ([("2022-09-01", "2022-10-15")], (), Fraction(3, 2)),
        ([("2022-09-01", "2022-09-10"), ("2022-11-01", "2022-11-20")], (), Fraction(1)),
        ([("2022-09-01", "2022-10-31"), ("2022-10-15", "2022-11-30")], (), Fraction(3)),
        ([], ("1.0", "0.8", "1.3"), Fraction("3.1")),
        ([("2022-09-01", "2022-09-30")], ("0.5",), Fraction("1.5")),
        ([], (), Fraction(0)),
    ],
)
def test_total(stays: list[tuple[str, str]], numbers: tuple[str, ...], months: Fraction) -> None:
    assert total([stay(*s) for s in stays], [Fraction(n) for n in numbers]) == months


@pytest.mark.parametrize(
    ("end", "days"), [("2022-11-18", 12), ("2022-11-29", 1), ("2022-11-30", 0), ("2023-01-01", 0)]
)
def test_days_short_of_three_months(end: str, days: int) -> None:
    assert days_short(stay("2022-09-01", end), 3) == days


days = st.dates(min_value=date(2000, 1, 1), max_value=date(2040, 12, 31))


@given(days, days)
def test_whole_months_is_the_largest_number_reached(a: date, b: date) -> None:
    held = Stay(min(a, b), max(a, b))
    n = whole_months(held)
    assert n >= 0
    assert days_short(held, n) == 0
    assert days_short(held, n + 1) > 0
