"""Calendar months between dates, as a notice counts them (readings G4).

Months are complete calendar months and both end days are included: a stay reaches n months if
start + n months is not later than the day after its end. 09-01 to 01-15 is four months, a school
year 09-01 to 06-30 is ten. There is no thirty-day month and no drift.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Stay:
    """A stay from ``start`` to ``end``, both days included; ``end`` is not before ``start``."""

    start: date
    end: date


def add_months(day: date, n: int) -> date:
    """The same day n months later, clamped to the month's last day: 12-31 + 2 months = 02-28 (29)."""
    month = day.year * 12 + day.month - 1 + n
    year, month = month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def whole_months(stay: Stay) -> int:
    """Complete calendar months of a stay; both end days count (G4)."""
    after = stay.end + DAY
    n = (after.year - stay.start.year) * 12 + after.month - stay.start.month
    return n if add_months(stay.start, n) <= after else n - 1


def merge(stays: Iterable[Stay]) -> list[Stay]:
    """Overlapping or touching stays become one; the next day after an end touches it."""
    out: list[Stay] = []
    for stay in sorted(stays):
        if out and stay.start <= out[-1].end + DAY:
            out[-1] = Stay(out[-1].start, max(out[-1].end, stay.end))
        else:
            out.append(stay)
    return out


def longest(stays: Iterable[Stay]) -> Stay | None:
    """The longest continuous stay (连续) after merging; None without stays.

    Longest by months, then by days, so that the hint below speaks of the stay nearest to a band.
    """
    return max(merge(stays), key=lambda s: (whole_months(s), s.end - s.start), default=None)


def total(stays: Iterable[Stay], numbers: Iterable[Fraction] = ()) -> Fraction:
    """Months in all (累计): whole months plus days/30 of each merged stay, plus months given as numbers.

    The rate of thirty days a month for the rest is the reading of 累计 for 不定期 stays.
    """
    months = sum(numbers, Fraction(0))
    for stay in merge(stays):
        whole = whole_months(stay)
        rest = stay.end + DAY - add_months(stay.start, whole)
        months += whole + Fraction(rest.days, 30)
    return months


def days_short(stay: Stay, months: int) -> int:
    """Days that a stay must still last to reach ``months``: 差 N 天满 M 个月. 0 if it has reached them."""
    return max((add_months(stay.start, months) - stay.end - DAY).days, 0)
