"""Schools of one unit working together: what was handed to whom, and what the other side confirms."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from intranet.enums import ConfirmState

from .base import UtcDateTime, enum_column, json_column, now


class Delegation(SQLModel, table=True):
    """The lead school hands something to a member school (分工). ref: ``clause:<code>`` or ``row:<id>``.

    finished_at: the member said 已完成; withdrawn_at: the lead took it back.
    """

    __tablename__ = "delegation"
    __table_args__ = (sa.UniqueConstraint("entry_id", "school_id", "ref"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    school_id: int = Field(foreign_key="school.id", index=True)
    ref: str
    due: date | None = None
    note: str = Field(default="", max_length=500)
    given_by: int = Field(foreign_key="user.id")
    given_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class Confirmation(SQLModel, table=True):
    """One school's word on a row that names it. It holds for the row's version it was given for.

    proposal: the cells that school would write instead, by column, when it disputes.
    """

    __tablename__ = "confirmation"
    __table_args__ = (sa.UniqueConstraint("row_id", "school_id"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    row_id: int = Field(foreign_key="fact_row.id", index=True)
    school_id: int = Field(foreign_key="school.id")
    row_version: int
    state: ConfirmState = Field(default=ConfirmState.OPEN, sa_column=enum_column(ConfirmState))
    proposal: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    note: str = Field(default="", max_length=500)
    said_by: int = Field(foreign_key="user.id")
    said_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
