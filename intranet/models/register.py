"""The register: schools, and the units (教育集团 / 学区) they form. A cycle copies what it needs."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from intranet.enums import SchoolRole

from .base import enum_column


class School(SQLModel, table=True):
    __tablename__ = "school"

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True, max_length=32)  # 学校代码
    name: str = Field(max_length=64)
    stage: str = Field(default="", max_length=32)  # 小学, 初中, 九年一贯制, …
    active: bool = True
    version: int = 1


class Unit(SQLModel, table=True):
    """A unit to be assessed. Its schools now; past cycles keep their own copy."""

    __tablename__ = "unit"

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True, max_length=32)
    name: str = Field(unique=True, max_length=64)
    group: str = Field(default="", max_length=32)  # 组别, where ranks run inside groups
    rubric_key: str = ""  # the rubric it is usually assessed by; "" any
    active: bool = True
    version: int = 1


class UnitSchool(SQLModel, table=True):
    __tablename__ = "unit_school"
    __table_args__ = (sa.UniqueConstraint("unit_id", "school_id"),)

    id: int | None = Field(default=None, primary_key=True)
    unit_id: int = Field(foreign_key="unit.id", index=True)
    school_id: int = Field(foreign_key="school.id", index=True)
    role: SchoolRole = Field(sa_column=enum_column(SchoolRole))
