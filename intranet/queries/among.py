"""One condition for many ids or one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlmodel import col


def among(column: Any, ids: Collection[int | None]) -> sa.ColumnElement[bool]:
    """``column IN ids``, said as ``=`` for a single id: the pages of one entry ask a dozen such questions,
    and SQLAlchemy spends more on one IN list than SQLite on the whole query."""
    if len(ids) == 1:
        (only,) = ids
        equal: sa.ColumnElement[bool] = col(column) == only
        return equal
    return col(column).in_(ids)
