"""What people said of a clause: self score, each reviewer's score, the chair's settlement."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from .base import Exact, UtcDateTime, json_column, now


class Mark(SQLModel, table=True):
    """One mark on one leaf clause.

    role: ``self`` (the unit's own; user_id 0), an assessor role such as ``panel`` (one per
    reviewer), or ``settled`` (the chair's word, user_id 0; see ``settles`` for the role it settles).
    computed, basis: what the facts gave when the mark was made, and a digest of the facts and files that
    it was made on, so a later change shows as stale.
    """

    __tablename__ = "mark"
    __table_args__ = (sa.UniqueConstraint("entry_id", "code", "role", "user_id"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    code: str
    role: str
    user_id: int = 0
    points: Fraction | None = Field(default=None, sa_type=Exact)
    verdict: str | None = None
    reason: str = ""
    deductions: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    computed: Fraction | None = Field(default=None, sa_type=Exact)
    basis: str = Field(default="", sa_column_kwargs={"server_default": ""})
    doubtful: bool = False  # 存疑,稍后评
    made_by: int = Field(foreign_key="user.id")
    made_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    version: int = 1


SELF = "self"
SETTLED = "settled"
PANEL = "panel"
"""Roles of marks. Assessor roles of a rubric come beside ``panel``."""
