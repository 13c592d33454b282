"""People, what they may do, and their sign-ins."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from intranet.enums import Role

from .base import UtcDateTime, enum_column, now


class User(SQLModel, table=True):
    """A person with an account. Names are never reused: leaving means ``active = False``."""

    __tablename__ = "user"

    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(unique=True, max_length=64)  # 工号; stored in lower case
    name: str = Field(max_length=64)
    password_hash: str
    email: str = Field(default="", max_length=254, sa_column_kwargs={"server_default": ""})
    must_change: bool = True
    active: bool = True
    valid_until: date | None = None
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    version: int = 1


class Grant(SQLModel, table=True):
    """One role of one person: filers and contributors at a school, panel roles in a cycle."""

    __tablename__ = "grant"
    __table_args__ = (sa.UniqueConstraint("user_id", "role", "school_id", "cycle_id"),)

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    role: Role = Field(sa_column=enum_column(Role))
    school_id: int | None = Field(default=None, foreign_key="school.id")
    cycle_id: int | None = Field(default=None, foreign_key="cycle.id")


class SignIn(SQLModel, table=True):
    """A server-side session, so that signing out really ends it. Only the hash of its token is kept."""

    __tablename__ = "sign_in"

    id: int | None = Field(default=None, primary_key=True)
    token_hash: str = Field(unique=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    ip: str = ""


class Attempt(SQLModel, table=True):
    """Failed sign-ins per account and address, for the lock that an attacker elsewhere cannot cause."""

    __tablename__ = "attempt"
    __table_args__ = (sa.UniqueConstraint("login", "ip"),)

    id: int | None = Field(default=None, primary_key=True)
    login: str
    ip: str
    failures: int = 0
    last_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    locked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
