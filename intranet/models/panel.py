"""The panel's own order: who scores what, who stays away from whom, what is asked back."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from intranet.enums import RecusalKind

from .base import UtcDateTime, enum_column, now


class Assignment(SQLModel, table=True):
    """A reviewer is to score one indicator of one entry. Read only while ``Cycle.assigned`` is set."""

    __tablename__ = "assignment"
    __table_args__ = (sa.UniqueConstraint("user_id", "entry_id", "code"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    code: str  # indicator


class Declaration(SQLModel, table=True):
    """A panel member has said whom to stay away from, or that there is nobody (回避申报). Nothing of the
    cycle is shown to the person before."""

    __tablename__ = "declaration"
    __table_args__ = (sa.UniqueConstraint("cycle_id", "user_id"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    declared_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class Recusal(SQLModel, table=True):
    """A panel member stays away from an entry (回避) and meets it nowhere. A conflict through an own
    school needs no row: the queries find it. lifted_at: the bureau took it back, with a reason in the log."""

    __tablename__ = "recusal"
    __table_args__ = (sa.UniqueConstraint("user_id", "entry_id"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    kind: RecusalKind = Field(sa_column=enum_column(RecusalKind))
    note: str = Field(default="", max_length=300)
    declared_by: int = Field(foreign_key="user.id")
    declared_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Inquiry(SQLModel, table=True):
    """A reviewer asks the unit about one indicator (质询), the unit answers. The unit is not told who asked."""

    __tablename__ = "inquiry"

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    code: str  # indicator
    question: str = Field(max_length=1000)
    asked_by: int = Field(foreign_key="user.id")
    asked_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    answer: str = Field(default="", max_length=2000)
    answered_by: int | None = Field(default=None, foreign_key="user.id")
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1


class Phrase(SQLModel, table=True):
    """A ready-made comment (评语库). user_id 0: the whole panel's. code "": for every clause."""

    __tablename__ = "phrase"
    __table_args__ = (sa.UniqueConstraint("cycle_id", "user_id", "code", "text"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    user_id: int = 0
    code: str = ""
    text: str = Field(max_length=300)
