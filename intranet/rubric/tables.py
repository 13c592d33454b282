"""Reading the rows of a fact table: cells, derived directions, which rows a condition means.

What a row is worth belongs to the kinds; whether a row is well-formed to ``checks.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any

from .facts import Facts
from .model import Conditions, Option, Table
from .numbers import as_fraction

CONFIRMATION = "@confirmation"
"""Reserved cell of a row that waits for another school's word: ``open`` or ``disputed`` (双方确认).

No column can be called so. It is there only where a clause asks for it (``confirmed_only``), and
only in rows that are not confirmed.
"""

CONFIRMATION_STATES = ("open", "disputed")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table. ``reason``: why it does not count for the clause that asks, or empty."""

    table: Table
    cells: Mapping[str, Any]
    facts: Facts
    n: int
    reason: str = ""

    @property
    def ref(self) -> str:
        """``exchange[3]``, counted from 0 as in the facts document."""
        return f"{self.table.key}[{self.n}]"

    def cell(self, key: str) -> Any:
        """The value as written, text stripped, None if blank; an empty direction is derived."""
        value = self.cells.get(key)
        if isinstance(value, str):
            value = value.strip() or None
        if value is None:
            column = self.table.by_key.get(key)
            if column is not None and column.type == "direction" and len(column.of) == 2:
                ends = [self.cells.get(end) for end in column.of]
                return _direction(column.options, ends, self.facts)
        return value

    def text(self, key: str) -> str:
        value = self.cell(key)
        return "" if value is None else str(value)

    def number(self, key: str) -> Fraction | None:
        """The number in a cell, its column's default if blank; None if there is none or it is no number."""
        value = self.cell(key)
        if value is None and key in self.table.by_key:
            value = self.table.by_key[key].default
        return read_number(value)

    def matches(self, where: Conditions) -> bool:
        """Each named column holds one of the allowed values."""
        return all(self.among(key, allowed) for key, allowed in where.items())

    def among(self, key: str, allowed: tuple[str, ...]) -> bool:
        value = self.cell(key)
        return any(v in allowed for v in value) if isinstance(value, list | tuple) else value in allowed


def rows_of(table: Table, facts: Facts) -> list[Row] | None:
    """The rows as written; None if the table was never filled, [] if it was declared empty."""
    rows = facts.rows(table.key, table.by)
    return None if rows is None else [Row(table, cells, facts, n) for n, cells in enumerate(rows)]


def _direction(options: Sequence[Option], ends: Sequence[Any], facts: Facts) -> str | None:
    """lead→member, member→lead or member→member from the two schools of the row; None if unknown."""
    if not all(end in facts.members for end in ends) or ends[0] == ends[1]:
        return None
    leads = tuple(facts.members[end].get("role") == "lead" for end in ends)
    place = {(True, False): 0, (False, True): 1, (False, False): 2}.get((leads[0], leads[1]))
    return options[place].value if place is not None and place < len(options) else None


def read_number(value: Any) -> Fraction | None:
    """A number as written; what is no exact number is blank (``checks.py`` complains about it)."""
    if isinstance(value, str):
        return _number_in(value)
    try:
        return as_fraction(value)  # type: ignore[no-any-return]
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _number_in(text: str) -> Fraction | None:
    """Quantities and months repeat from row to row; reading one takes longer than all else with it."""
    try:
        return as_fraction(text)  # type: ignore[no-any-return]
    except ValueError:
        return None


def read_date(value: Any) -> date | None:
    """An ISO date of a plausible year, else None. A typing slip such as 20223-01-01 is no date."""
    if not isinstance(value, str):
        return None
    try:
        day = date.fromisoformat(value.strip())
    except ValueError:
        return None
    return day if 1900 <= day.year <= 2200 else None
