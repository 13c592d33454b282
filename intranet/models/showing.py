"""展示考核 in the meeting room: sessions, who presents when, what each reviewer gave."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from intranet.enums import TurnState

from .base import Exact, UtcDateTime, enum_column, now


class Showing(SQLModel, table=True):
    """One session (场次). target: the panel-owned figure or the judged clause that its scores settle.

    most: top of the scale; minutes: time for one unit, before the bell.
    """

    __tablename__ = "showing"

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    title: str = Field(max_length=80)
    target: str
    most: Fraction = Field(sa_type=Exact)
    minutes: int = 10
    spread: Fraction = Field(default=Fraction(2), sa_type=Exact)  # max − min above it is flagged
    held_on: date | None = None
    place: str = Field(default="", max_length=80)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class Turn(SQLModel, table=True):
    """One unit's turn in a session. points: what the chair settled; reason: why, if it is not the mean."""

    __tablename__ = "turn"
    __table_args__ = (sa.UniqueConstraint("showing_id", "entry_id"),)

    id: int | None = Field(default=None, primary_key=True)
    showing_id: int = Field(foreign_key="showing.id", index=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    position: int
    state: TurnState = Field(default=TurnState.WAITING, sa_column=enum_column(TurnState))
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    points: Fraction | None = Field(default=None, sa_type=Exact)
    reason: str = Field(default="", max_length=500)
    settled_by: int | None = Field(default=None, foreign_key="user.id")
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class TurnScore(SQLModel, table=True):
    """What one reviewer gave one unit in the meeting room."""

    __tablename__ = "turn_score"
    __table_args__ = (sa.UniqueConstraint("turn_id", "user_id"),)

    id: int | None = Field(default=None, primary_key=True)
    turn_id: int = Field(foreign_key="turn.id", index=True)
    user_id: int = Field(foreign_key="user.id")
    points: Fraction = Field(sa_type=Exact)
    note: str = Field(default="", max_length=500)
    made_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    version: int = 1
