"""Evidence files, their earlier versions, what they prove, and uploads under way."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from .base import UtcDateTime, carried_flag, now


class Evidence(SQLModel, table=True):
    """An uploaded file. The bytes lie in the store under their hash; the name is only shown."""

    __tablename__ = "evidence"

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    number: int  # material number in the unit, fixed once it is on paper (domain.numbering)
    sha256: str = Field(index=True)
    name: str = Field(max_length=255)
    media_type: str
    size: int
    period_from: date | None = None  # what time the document speaks of, not when it was uploaded
    period_until: date | None = None
    carried: bool = carried_flag()
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    uploaded_by: int = Field(foreign_key="user.id")
    uploaded_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class EvidenceLink(SQLModel, table=True):
    """What a file proves. ref: ``clause:<code>``, ``slot:<code>#<n>`` or ``row:<fact row id>``."""

    __tablename__ = "evidence_link"
    __table_args__ = (sa.UniqueConstraint("evidence_id", "ref"),)

    id: int | None = Field(default=None, primary_key=True)
    evidence_id: int = Field(foreign_key="evidence.id", index=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    ref: str


class EvidenceVersion(SQLModel, table=True):
    """What a file was before it was replaced. ``n`` counts from 1; the current one is the Evidence row."""

    __tablename__ = "evidence_version"
    __table_args__ = (sa.UniqueConstraint("evidence_id", "n"),)

    id: int | None = Field(default=None, primary_key=True)
    evidence_id: int = Field(foreign_key="evidence.id", index=True)
    n: int
    sha256: str = Field(index=True)
    name: str = Field(max_length=255)
    media_type: str
    size: int
    uploaded_by: int = Field(foreign_key="user.id")
    uploaded_at: datetime = Field(sa_type=UtcDateTime)


class PendingUpload(SQLModel, table=True):
    """A file that is arriving in pieces. Its bytes wait beside the store; how many there are is their length.

    ref: what it will prove, on page ``code``; replaces: the evidence whose content it will become.
    """

    __tablename__ = "pending_upload"

    id: int | None = Field(default=None, primary_key=True)
    token: str = Field(unique=True, max_length=64)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    code: str
    ref: str
    replaces: int | None = Field(default=None, foreign_key="evidence.id")
    name: str = Field(max_length=255)
    size: int
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
