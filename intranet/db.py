"""The database ground: engine, sessions, start-up checks.

Measured facts behind it: a default SQLite session loses concurrent read-modify-writes, so a
session that may write begins IMMEDIATE; ``synchronous=NORMAL`` loses acknowledged commits at a
power cut, so every commit is FULL; WAL is unsafe with several connections before SQLite 3.51.3
(and its backports), so older versions run with a rollback journal and ``EXTRA``. SQLite lets
writers wait by looking again after ever longer pauses, so that under load some wait for ever;
those of one process therefore stand in line at a lock of their own.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import Session

from .config import Settings
from .errors import DomainError
from .i18n import _

BUSY_TIMEOUT_MS = 10_000


def wal_is_safe(version: tuple[int, ...]) -> bool:
    """Whether this SQLite has the fix of the WAL-reset fault (3.51.3; 3.50.7 and 3.44.6 have it too)."""
    if version[:2] == (3, 44):
        return version >= (3, 44, 6)
    if version[:2] == (3, 50):
        return version >= (3, 50, 7)
    return version >= (3, 51, 3)


def build_engine(settings: Settings) -> sa.Engine:
    """One engine per process. Sessions say through the ``begin`` option whether they may write."""
    engine = sa.create_engine(
        settings.database_url,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        pool_size=settings.threads,
        max_overflow=settings.threads,
        json_serializer=_json,
    )
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _configure_sqlite)
        _queue_writers(engine)
    return engine


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    wal = wal_is_safe(sqlite3.sqlite_version_info)
    connection.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    connection.execute(f"PRAGMA synchronous={'FULL' if wal else 'EXTRA'}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA secure_delete=ON")


WRITING = "BEGIN IMMEDIATE"


def _queue_writers(engine: sa.Engine) -> None:
    """Begin as the session asked; whoever will write waits in line and leaves it with its connection.

    Who has waited too long goes on to SQLite, which then says that the database is busy.
    """
    line = threading.Lock()

    def begin(connection: sa.Connection) -> None:
        asked = connection.get_execution_options().get("begin", "BEGIN")
        if asked == WRITING:
            connection.info["in line"] = line.acquire(timeout=BUSY_TIMEOUT_MS / 1000)
        connection.exec_driver_sql(asked)

    def leave(_connection: object, record: sa.pool.ConnectionPoolEntry) -> None:
        if record.info.pop("in line", False):
            line.release()

    sa.event.listen(engine, "begin", begin)
    sa.event.listen(engine, "checkin", leave)


def read_session(engine: sa.Engine) -> Session:
    """A session for a request that changes nothing: it holds no write lock and must not commit."""
    return Session(engine, expire_on_commit=False)


def write_session(engine: sa.Engine) -> Session:
    """A session that takes the write lock when it begins, so what it reads is what it changes."""
    return Session(engine.execution_options(begin=WRITING), expire_on_commit=False)


# --- migrations ---------------------------------------------------------------------------------


def alembic_config(engine: sa.Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["engine"] = engine
    return config


def is_current(engine: sa.Engine) -> bool:
    head = ScriptDirectory.from_config(alembic_config(engine)).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def upgrade(engine: sa.Engine, settings: Settings) -> None:
    """Bring the schema up to date; an existing database is copied first, so a broken upgrade can be undone."""
    database = engine.url.database
    if engine.dialect.name == "sqlite" and database and Path(database).exists() and not is_current(engine):
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
        if revision is not None:
            copy = Path(database).with_suffix(f".before-{revision}.db")
            if not copy.exists():
                with sqlite3.connect(database) as source, sqlite3.connect(copy) as target:
                    source.backup(target)
    settings.data.mkdir(parents=True, exist_ok=True)
    command.upgrade(alembic_config(engine), "head")


def check_ready(engine: sa.Engine) -> None:
    """Raise DomainError, with the remedy, if the database is missing or of another version."""
    if not is_current(engine):
        raise DomainError(_("数据库还没有建好或版本不符。请先运行 intranet init。"))
