"""Frozen results: stored, explained things, never a query over live data."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from .base import Exact, UtcDateTime, json_column, now


class Result(SQLModel, table=True):
    """One freeze of a cycle. ``number`` counts up; the highest is the one that holds."""

    __tablename__ = "result"
    __table_args__ = (sa.UniqueConstraint("cycle_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    number: int
    fingerprint: str  # sha256 over rubric fingerprint, facts and sheets
    rubric_fingerprint: str
    rules: dict[str, Any] = Field(
        default_factory=dict, sa_column=json_column(server_default="{}")
    )  # of the cycle at the freeze: ties, tie_break, combine
    reason: str = ""
    frozen_by: int = Field(foreign_key="user.id")
    frozen_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class UnitResult(SQLModel, table=True):
    """One unit's frozen result: columns to list by, ``document`` (``result_to_json``) to explain."""

    __tablename__ = "unit_result"
    __table_args__ = (sa.UniqueConstraint("result_id", "entry_id"),)

    id: int | None = Field(default=None, primary_key=True)
    result_id: int = Field(foreign_key="result.id", index=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    position: int  # order on the list
    rank: int | None = None
    group: str = ""
    total: Fraction | None = Field(default=None, sa_type=Exact)
    document: dict[str, Any] = Field(sa_column=json_column())
    facts: dict[str, Any] = Field(sa_column=json_column())
    marks: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=json_column()
    )  # each reviewer's, named
    evidence: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
