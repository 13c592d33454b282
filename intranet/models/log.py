"""The append-only log. Triggers refuse UPDATE and DELETE; each entry carries the hash of the one before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from .base import UtcDateTime, json_column, now


class LogEntry(SQLModel, table=True):
    """Who changed what from which value to which, and why."""

    __tablename__ = "log"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    user_id: int | None = None
    user_name: str = ""
    action: str = Field(index=True)  # dotted: answer.save, cycle.open, mark.settle
    cycle_id: int | None = Field(default=None, index=True)
    entry_id: int | None = Field(default=None, index=True)
    subject: str = ""  # field, clause, row or file: B4.上学期, C12.1, row:17
    old: Any = Field(default=None, sa_column=sa.Column(sa.JSON(none_as_null=True), nullable=True))
    new: Any = Field(default=None, sa_column=sa.Column(sa.JSON(none_as_null=True), nullable=True))
    reason: str = ""
    ip: str = ""
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    hash: str
