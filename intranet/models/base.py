"""Column types and conventions of all tables: named constraints, UTC times, exact numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from intranet.rubric.numbers import as_text

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> datetime:
    return datetime.now(UTC)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC datetimes out; a naive one is a programming error."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Exact(sa.types.TypeDecorator[Fraction]):
    """A Fraction as exact text (``0.8``, ``13/3``); no binary float on the way."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: Fraction | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else as_text(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Fraction | None:
        return None if value is None else Fraction(value)


def json_column(**kwargs: Any) -> sa.Column[Any]:
    return sa.Column(sa.JSON(none_as_null=False), nullable=False, **kwargs)


def enum_column(kind: type[StrEnum], **kwargs: Any) -> sa.Column[Any]:
    """A StrEnum stored as its value, read back as the enum; an unknown value is refused on both ways."""
    column_type = sa.Enum(kind, native_enum=False, length=16, values_callable=lambda e: [m.value for m in e])
    return sa.Column(column_type, nullable=False, **kwargs)


def carried_flag() -> Any:
    """Carried over from the last cycle (结转) and not looked at yet; looking or changing ends it."""
    return Field(default=False, sa_column_kwargs={"server_default": sa.false()})
