"""The bureau's calendar: days that are not what their weekday says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlmodel import Session, col, select

from intranet.models import SpecialDay


def special_days(session: Session, year: int | None = None) -> Sequence[SpecialDay]:
    """In the order of dates; all of them, or those of one year."""
    query = select(SpecialDay).order_by(col(SpecialDay.day))
    if year is not None:
        query = query.where(col(SpecialDay.day).between(date(year, 1, 1), date(year, 12, 31)))
    return session.exec(query).all()


def special_day(session: Session, day: date) -> SpecialDay | None:
    return session.get(SpecialDay, day)
