"""The evidence volume (佐证材料汇编) of an entry: each build with its progress and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from intranet.enums import BuildState

from .base import UtcDateTime, enum_column, json_column, now


class Volume(SQLModel, table=True):
    """One build of one entry's volume. ``number`` counts up in the entry; the highest finished one holds.

    places: ref -> {evidence number -> [first page, last page]} as printed; changed: printed pages that
    differ from the build before; problems: what stands in as a page of its own, and why; archival:
    whether it declares itself as PDF/A-2b and what stands against that (``domain.volumes.archival``),
    None for builds from before that was looked at.
    """

    __tablename__ = "volume"
    __table_args__ = (sa.UniqueConstraint("entry_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    entry_id: int = Field(foreign_key="entry.id", index=True)
    number: int
    state: BuildState = Field(default=BuildState.WAITING, sa_column=enum_column(BuildState, index=True))
    frozen: bool = False  # made from what was handed in: what the panel saw
    pictures: int = Field(
        default=1, sa_column_kwargs={"server_default": "1"}
    )  # photographs to a page: 1, 2, 4
    requested_by: int = Field(foreign_key="user.id")
    requested_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    done: int = 0
    total: int = 0
    doing: str = ""
    fingerprint: str = ""  # of the plan: the same plan needs no new build
    sha256: str = ""  # of the PDF in the store
    size: int = 0
    pages: int = 0
    places: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    sections: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    digests: list[str] = Field(default_factory=list, sa_column=json_column())  # of each printed page
    changed: list[int] = Field(default_factory=list, sa_column=json_column())
    problems: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    archival: dict[str, Any] | None = Field(
        default=None, sa_column=sa.Column(sa.JSON(none_as_null=True), nullable=True)
    )
    error: str = ""


class FilePrint(SQLModel, table=True):
    """The perceptual hash of a picture's content, by which near-same pictures are found."""

    __tablename__ = "file_print"

    sha256: str = Field(primary_key=True)
    bits: str = ""  # 64 bits as 16 hexadecimal digits; "" has none (not a picture, unreadable)
