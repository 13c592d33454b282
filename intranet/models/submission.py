"""What was handed in, as it was: each submission keeps its own content, its check code, its sealed scan."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from .base import UtcDateTime, json_column, now


class Submission(SQLModel, table=True):
    """One handing-in of one entry. ``content``: facts, self scores and evidence with hashes, by which
    the check code on the printed receipt is computed and a later round is compared with this one.
    ``printed``: the scores as the receipt showed them."""

    __tablename__ = "submission"
    __table_args__ = (sa.UniqueConstraint("entry_id", "round"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    round: int
    content: dict[str, Any] = Field(sa_column=json_column())
    printed: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    sha256: str  # of the content in canonical JSON; the check code is its beginning
    submitted_by: int = Field(foreign_key="user.id")
    submitted_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    scan_sha256: str = ""  # the sealed receipt, scanned; "" none yet
    scan_name: str = Field(default="", max_length=255)
    scan_media_type: str = ""
    scan_by: int | None = Field(default=None, foreign_key="user.id")
    scan_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class FormLine(SQLModel, table=True):
    """A line of an official form (附件2) as the school reworded it. Blank text keeps the generated one.

    ref: what the line is about, as the form's rows name it, a table row by its stored id. original: the
    generated text that ``what`` took the place of; when that changes, the line wants looking at.
    """

    __tablename__ = "form_line"
    __table_args__ = (sa.UniqueConstraint("entry_id", "form", "ref"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    form: str
    ref: str
    what: str = Field(default="", max_length=1000)
    original: str = ""
    category: str = Field(default="", max_length=200)
    position: int | None = None
    version: int = 1
