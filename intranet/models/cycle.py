"""A cycle with the snapshot of its rubric, and the units that take part in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from intranet.enums import CombineRule, CycleState, SchoolRole, SubmissionState, TieRule

from .base import UtcDateTime, enum_column, json_column, now


class Cycle(SQLModel, table=True):
    """One assessment. From its opening on it is scored from ``definition`` and ``rulings`` alone."""

    __tablename__ = "cycle"

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=80)
    rubric_key: str
    rubric_version: str
    rubric_title: str
    plugin_version: str = ""
    definition: str = Field(sa_column=sa.Column(sa.Text, nullable=False))  # rubric.toml as opened
    rulings: dict[str, Any] = Field(
        default_factory=dict, sa_column=json_column()
    )  # key -> choice key or value
    ruling_notes: dict[str, Any] = Field(
        default_factory=dict, sa_column=json_column()
    )  # key -> {reason, by, at}
    fingerprint: str = ""  # Definition.fingerprint(rulings), fixed when the cycle opens
    state: CycleState = Field(default=CycleState.DRAFT, sa_column=enum_column(CycleState))
    combine: CombineRule = Field(default=CombineRule.MEAN, sa_column=enum_column(CombineRule))
    ties: TieRule = Field(
        default=TieRule.SKIP, sa_column=enum_column(TieRule, server_default=TieRule.SKIP.value)
    )
    tie_break: list[str] = Field(
        default_factory=list, sa_column=json_column(server_default="[]")
    )  # codes of subtotals and clauses that decide between equal totals, in order
    practice: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})  # 演练
    assigned: bool = Field(
        default=False, sa_column_kwargs={"server_default": sa.false()}
    )  # each reviewer scores what the assignments say, not everything
    filing_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    filing_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    review_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    deliberation_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    publish_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    publish_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    max_returns: int = Field(default=3, sa_column_kwargs={"server_default": "3"})  # rounds of 退回 per unit
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    version: int = 1


class Entry(SQLModel, table=True):
    """One unit in one cycle: what the school files and the panel scores hang on it."""

    __tablename__ = "entry"
    __table_args__ = (sa.UniqueConstraint("cycle_id", "unit_id"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    unit_id: int = Field(foreign_key="unit.id", index=True)
    code: str  # unit code; key of the unit in facts documents and results
    name: str
    group: str = ""
    state: SubmissionState = Field(default=SubmissionState.OPEN, sa_column=enum_column(SubmissionState))
    round: int = 0  # how often submitted
    submitted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    extended_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    prior: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    exempt: list[str] = Field(default_factory=list, sa_column=json_column())
    saved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    carried_from: int | None = Field(default=None, foreign_key="entry.id")  # 结转: the earlier entry
    version: int = 1


class EntrySchool(SQLModel, table=True):
    """A school's place in an entry, copied from the register when the cycle opens."""

    __tablename__ = "entry_school"
    __table_args__ = (sa.UniqueConstraint("entry_id", "school_id"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    school_id: int = Field(foreign_key="school.id", index=True)
    code: str  # school code; key of the member in facts documents
    name: str
    stage: str = ""
    role: SchoolRole = Field(sa_column=enum_column(SchoolRole))
