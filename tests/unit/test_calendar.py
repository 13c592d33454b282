"""工作日: counting across holidays and worked weekends, reading what the bureau types and pastes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from intranet.domain.calendar import (
    Calendar,
    end_of_day,
    read_block,
    read_day,
    require_days,
    runs,
    span,
    unknown_years,
)
from intranet.domain.holidays import NOTICES, notice_of
from intranet.errors import Invalid

KNOWN = Calendar({day: (works, name) for n in NOTICES for day, works, name in n.days()})


def days(year: int, *, works: bool) -> list[str]:
    notice = notice_of(year)
    assert notice is not None
    return [day.isoformat() for day, is_worked, _name in notice.days() if is_worked == works]


def test_the_notices_as_the_state_council_published_them() -> None:
    assert days(2025, works=True) == ["2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"]
    assert days(2026, works=True) == [
        "2026-01-04",
        "2026-02-14",
        "2026-02-28",
        "2026-05-09",
        "2026-09-20",
        "2026-10-10",
    ]
    assert (len(days(2025, works=False)), len(days(2026, works=False))) == (28, 33)
    assert days(2025, works=False)[:9] == [
        "2025-01-01",
        *(f"2025-01-{n}" for n in (28, 29, 30, 31)),
        *(f"2025-02-0{n}" for n in (1, 2, 3, 4)),
    ]
    assert days(2026, works=False)[3:12] == [f"2026-02-{n}" for n in range(15, 24)]
    # A worked day is a weekend day, and each long holiday has a weekday in it.
    for notice in NOTICES:
        assert all(day.weekday() >= 5 for _name, day in notice.worked)
        for _name, first, last in notice.off:
            assert any((first + timedelta(n)).weekday() < 5 for n in range((last - first).days + 1))


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        (date(2026, 11, 30), 5, date(2026, 12, 4)),  # a plain week, its Monday counted
        (date(2026, 11, 30), 1, date(2026, 11, 30)),
        (date(2026, 12, 3), 5, date(2026, 12, 9)),  # over a weekend
        (date(2026, 12, 5), 1, date(2026, 12, 7)),  # from a Saturday on
        # 春节: 12th and 13th, Saturday the 14th worked, nine days off, then the 24th and 25th
        (date(2026, 2, 12), 5, date(2026, 2, 25)),
        (date(2026, 2, 14), 1, date(2026, 2, 14)),
        (date(2026, 2, 16), 5, date(2026, 2, 28)),  # ends on the worked Saturday
        (date(2026, 2, 16), 6, date(2026, 3, 2)),
        (date(2025, 9, 28), 4, date(2025, 10, 9)),  # worked Sunday, Monday, Tuesday, 国庆 and 中秋, Thursday
        (date(2025, 12, 31), 3, date(2026, 1, 5)),  # 元旦, and the Sunday worked for it
    ],
)
def test_working_days(start: date, n: int, end: date) -> None:
    found = span(KNOWN, start, n)
    assert found.end == end
    assert len(found.working) == n
    assert len(found.working) + len(found.skipped) == (end - start).days + 1


def test_what_was_skipped_is_told_by_its_name() -> None:
    found = span(KNOWN, date(2026, 2, 12), 5)
    assert runs(found.skipped, KNOWN) == [(date(2026, 2, 15), date(2026, 2, 23), "春节")]
    found = span(KNOWN, date(2026, 6, 18), 4)
    assert (found.end, runs(found.skipped, KNOWN)) == (
        date(2026, 6, 24),
        [(date(2026, 6, 19), date(2026, 6, 21), "端午节")],
    )
    plain = span(Calendar(), date(2026, 12, 3), 5)
    assert runs(plain.skipped, Calendar()) == [(date(2026, 12, 5), date(2026, 12, 6), "周末")]


def test_a_year_nobody_entered_is_named_and_counted_by_weekdays() -> None:
    found = span(KNOWN, date(2026, 12, 30), 5)
    assert (found.end, found.unknown) == (
        date(2027, 1, 5),
        (2027,),
    )  # 1 January counts: nobody said it does not
    assert unknown_years(KNOWN, date(2026, 3, 1), date(2026, 3, 9)) == ()
    assert span(Calendar(), date(2026, 2, 16), 5).unknown == (2026,)


def test_the_end_of_a_day_is_its_midnight_in_the_bureaus_zone() -> None:
    assert end_of_day(date(2026, 12, 4), "Asia/Shanghai").isoformat() == "2026-12-05T00:00:00+08:00"


def test_days_are_counted_within_bounds() -> None:
    assert (require_days(" 5 "), require_days("５")) == (5, 5)
    for text in ("0", "61", "-1", "5.0", "", "五", "9" * 40):
        with pytest.raises(Invalid, match="1 — 60"):
            require_days(text)
    with pytest.raises(ValueError, match="working days"):
        span(KNOWN, date(2026, 1, 1), 0)


@pytest.mark.parametrize("text", ["2026-05-09", "2026/5/9", "2026.5.9", "2026年5月9日", " ２０２６-05-09 "])
def test_dates_as_they_are_typed(text: str) -> None:
    assert read_day(text) == date(2026, 5, 9)


@pytest.mark.parametrize("text", ["", "5-9", "2026-02-30", "1999-01-01", "2101-01-01", "明天", "2026-05-09x"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(Invalid, match="请填写日期"):
        read_day(text)


def test_a_pasted_block_with_ranges_tabs_and_empty_lines() -> None:
    block = "2027-01-01 放假 元旦\n\n2027年2月6日至8日\t放假\t春节\n2027/2/13 上班 春节\n2027-04-30至2027-05-01，放假，劳动节\n2027-06-01 放假"
    assert read_block(block) == [
        (date(2027, 1, 1), False, "元旦"),
        (date(2027, 2, 6), False, "春节"),
        (date(2027, 2, 7), False, "春节"),
        (date(2027, 2, 8), False, "春节"),
        (date(2027, 2, 13), True, "春节"),
        (date(2027, 4, 30), False, "劳动节"),
        (date(2027, 5, 1), False, "劳动节"),
        (date(2027, 6, 1), False, ""),
    ]


def test_a_block_with_faults_names_each_line() -> None:
    with pytest.raises(Invalid) as caught:
        read_block(
            "2027-01-01 放假 元旦\n元旦三天\n2027-13-01 放假 元旦\n2027-01-01 上班 元旦\n2027-03-09至2027-03-01 放假 倒"
        )
    assert caught.value.problems == {
        "第 2 行": "请写成“日期 放假 名称”或“日期 上班 名称”。",
        "第 3 行": "请填写日期，例如 2026-05-09。",
        "第 4 行": "2027-01-01 写了两次。",
        "第 5 行": "止日应在起日之后一个月以内。",
    }
    with pytest.raises(Invalid, match="还没有贴内容"):
        read_block(" \n ")
