"""The public holidays of the State Council's yearly notices, to start a calendar from.

A year stands here once its notice is out; the bureau may change every day afterwards, and enters or pastes
the years that are not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class YearNotice:
    """One notice. off: (name, first day, last day), both included; worked: (name, day) of weekend days worked."""

    year: int
    source: str
    off: tuple[tuple[str, date, date], ...]
    worked: tuple[tuple[str, date], ...]

    def days(self) -> Iterator[tuple[date, bool, str]]:
        """(day, works, name) in the order of dates."""
        found = [(day, True, name) for name, day in self.worked]
        for name, first, last in self.off:
            found += [(first + timedelta(n), False, name) for n in range((last - first).days + 1)]
        yield from sorted(found)


NOTICES = (
    YearNotice(
        2025,
        "国务院办公厅关于2025年部分节假日安排的通知（2024年11月12日）",
        (
            ("元旦", date(2025, 1, 1), date(2025, 1, 1)),
            ("春节", date(2025, 1, 28), date(2025, 2, 4)),
            ("清明节", date(2025, 4, 4), date(2025, 4, 6)),
            ("劳动节", date(2025, 5, 1), date(2025, 5, 5)),
            ("端午节", date(2025, 5, 31), date(2025, 6, 2)),
            ("国庆节、中秋节", date(2025, 10, 1), date(2025, 10, 8)),
        ),
        (
            ("春节", date(2025, 1, 26)),
            ("春节", date(2025, 2, 8)),
            ("劳动节", date(2025, 4, 27)),
            ("国庆节、中秋节", date(2025, 9, 28)),
            ("国庆节、中秋节", date(2025, 10, 11)),
        ),
    ),
    YearNotice(
        2026,
        "国务院办公厅关于2026年部分节假日安排的通知（2025年11月4日）",
        (
            ("元旦", date(2026, 1, 1), date(2026, 1, 3)),
            ("春节", date(2026, 2, 15), date(2026, 2, 23)),
            ("清明节", date(2026, 4, 4), date(2026, 4, 6)),
            ("劳动节", date(2026, 5, 1), date(2026, 5, 5)),
            ("端午节", date(2026, 6, 19), date(2026, 6, 21)),
            ("中秋节", date(2026, 9, 25), date(2026, 9, 27)),
            ("国庆节", date(2026, 10, 1), date(2026, 10, 7)),
        ),
        (
            ("元旦", date(2026, 1, 4)),
            ("春节", date(2026, 2, 14)),
            ("春节", date(2026, 2, 28)),
            ("劳动节", date(2026, 5, 9)),
            ("国庆节", date(2026, 9, 20)),
            ("国庆节", date(2026, 10, 10)),
        ),
    ),
)


def notice_of(year: int) -> YearNotice | None:
    return next((n for n in NOTICES if n.year == year), None)
