"""公示 and what follows it: publications, the bureau's calendar, appeals, the archive of a cycle."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from intranet.enums import AppealState

from .base import Exact, UtcDateTime, enum_column, json_column, now


class SpecialDay(SQLModel, table=True):
    """A day that is not what its weekday says: a public holiday, or a weekend day worked in its place."""

    __tablename__ = "special_day"

    day: date = Field(primary_key=True)
    works: bool
    name: str = Field(default="", max_length=40)


class Publication(SQLModel, table=True):
    """A publication (公示) of a frozen result: what is shown, from when to when, and the words of the notice.

    columns: keys of the columns shown, in order. ended_on: last day, included. The newest one holds.
    """

    __tablename__ = "publication"

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    result_id: int = Field(foreign_key="result.id")
    columns: list[str] = Field(default_factory=list, sa_column=json_column())
    starts_on: date
    working_days: int
    ends_on: date
    title: str = Field(max_length=200)
    recipients: str = Field(default="", max_length=200)
    body: str = Field(default="", sa_column=sa.Column(sa.Text, nullable=False))
    contact: str = Field(default="", max_length=200)
    signed_on: date
    published_by: int = Field(foreign_key="user.id")
    published_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class Appeal(SQLModel, table=True):
    """A unit disputes a line of its published ledger (复核).

    line: the ledger line or step in words, as it was published. old_…: what was published;
    points, verdict: what the deciding side set if it was upheld. result_id: the freeze it is about.
    """

    __tablename__ = "appeal"

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    result_id: int = Field(foreign_key="result.id")
    code: str  # leaf clause
    line: str = Field(default="", sa_column=sa.Column(sa.Text, nullable=False))
    wanted: str = Field(default="", max_length=100)  # what the unit thinks is right
    reason: str = Field(sa_column=sa.Column(sa.Text, nullable=False))
    state: AppealState = Field(default=AppealState.FILED, sa_column=enum_column(AppealState))
    old_points: Fraction | None = Field(default=None, sa_type=Exact)
    old_verdict: str | None = None
    points: Fraction | None = Field(default=None, sa_type=Exact)
    verdict: str | None = None
    decision: str = Field(default="", sa_column=sa.Column(sa.Text, nullable=False))
    filed_by: int = Field(foreign_key="user.id")
    filed_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    decided_by: int | None = Field(default=None, foreign_key="user.id")
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    applied_result_id: int | None = Field(default=None, foreign_key="result.id")  # the freeze it led to
    moved: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())  # other units
    version: int = 1


class AppealFile(SQLModel, table=True):
    """Evidence that comes with an appeal. The bytes lie in the store like any other."""

    __tablename__ = "appeal_file"

    id: int | None = Field(default=None, primary_key=True)
    appeal_id: int = Field(foreign_key="appeal.id", index=True)
    sha256: str = Field(index=True)
    name: str = Field(max_length=255)
    media_type: str
    size: int
    uploaded_by: int = Field(foreign_key="user.id")
    uploaded_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class AppealReview(SQLModel, table=True):
    """A person asked to look at an appeal, and what the person says. Never one of the first scorers."""

    __tablename__ = "appeal_review"
    __table_args__ = (sa.UniqueConstraint("appeal_id", "user_id"),)

    id: int | None = Field(default=None, primary_key=True)
    appeal_id: int = Field(foreign_key="appeal.id", index=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    assigned_by: int = Field(foreign_key="user.id")
    assigned_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    points: Fraction | None = Field(default=None, sa_type=Exact)
    verdict: str | None = None
    reason: str = Field(default="", max_length=1000)
    said_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class Archive(SQLModel, table=True):
    """The one file a cycle was archived as. The bytes lie in the store under their hash."""

    __tablename__ = "archive"

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    result_id: int = Field(foreign_key="result.id")
    sha256: str
    size: int
    made_by: int = Field(foreign_key="user.id")
    made_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
