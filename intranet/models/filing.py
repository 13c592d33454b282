"""What was filed: answers, fact rows, returns. Files are in ``evidence``, schools working together in ``sharing``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from .base import UtcDateTime, carried_flag, json_column, now


class Answer(SQLModel, table=True):
    """One field's value by one owner, for the unit (``school_id`` 0) or for one member school.

    key: field key (``B4.上学期``) or slot key (``B6#4``). value: JSON as in the facts document.
    """

    __tablename__ = "answer"
    __table_args__ = (sa.UniqueConstraint("entry_id", "owner", "school_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    owner: str
    school_id: int = 0
    key: str
    value: Any = Field(default=None, sa_column=sa.Column(sa.JSON(none_as_null=False), nullable=True))
    carried: bool = carried_flag()
    version: int = 1
    changed_by: int = Field(foreign_key="user.id")
    changed_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class FactRow(SQLModel, table=True):
    """One row of a fact table. A deleted row keeps its place in the log and can be restored."""

    __tablename__ = "fact_row"
    __table_args__ = (sa.Index("ix_fact_row_table", "entry_id", "owner", "table", "position"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id")
    owner: str = "school"
    table: str
    position: int
    cells: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    carried: bool = carried_flag()
    version: int = 1
    created_by: int = Field(foreign_key="user.id")
    changed_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TableState(SQLModel, table=True):
    """That a table was declared empty (本项没有): then it is a real zero, not a blank."""

    __tablename__ = "table_state"
    __table_args__ = (sa.UniqueConstraint("entry_id", "owner", "table"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    owner: str = "school"
    table: str
    declared_empty: bool = False


class Return(SQLModel, table=True):
    """A return for correction (退回修改): these indicators unlock again, for this reason."""

    __tablename__ = "return"

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    codes: list[str] = Field(default_factory=list, sa_column=json_column())  # indicator codes
    reason: str
    returned_by: int = Field(foreign_key="user.id")
    returned_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Operation(SQLModel, table=True):
    """Idempotency: a save that is sent again answers what it answered before and does nothing twice."""

    __tablename__ = "operation"
    __table_args__ = (sa.UniqueConstraint("user_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id")
    key: str = Field(max_length=64)
    outcome: Any = Field(default=None, sa_column=sa.Column(sa.JSON(none_as_null=False), nullable=True))
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
