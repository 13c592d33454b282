"""查重: which rows of fact tables are the same thing filed twice, by the columns that ``twice`` names.

Pure: rows come in as cells with anything that says where they stand; groups of two or more come out.
What a group means (an error, a joint award, a copy) is for people to say.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Generic, NamedTuple, TypeVar

from .model import Table
from .tables import read_date

PERIOD = "period"
"""In ``Table.twice``: the days from column ``start`` to column ``end``, which overlap."""

Place = TypeVar("Place")
Key = tuple[str, ...]

_QUOTES = str.maketrans("", "", "《》〈〉“”‘’\"'「」『』()（）[]【】·.,，。、-—_")


class Twice(NamedTuple, Generic[Place]):
    """Rows that name one thing. columns: by which they were found."""

    columns: tuple[str, ...]
    places: tuple[Place, ...]


def plain(value: Any) -> str:
    """A cell as it is compared: full width, spaces, quotation marks and punctuation make no difference."""
    text = unicodedata.normalize("NFKC", "" if value is None else str(value)).translate(_QUOTES)
    return "".join(text.split()).casefold()


def find(table: Table, rows: Iterable[tuple[Mapping[str, Any], Place]]) -> list[Twice[Place]]:
    """Groups of rows that are the same by one of the table's sets, in the order of the sets and rows.

    A row with a blank in a column of a set is not compared by that set. A group that was found by an
    earlier set is not said again by a later one.
    """
    listed = list(rows)
    out: list[Twice[Place]] = []
    said: set[frozenset[int]] = set()
    for columns in table.twice:
        named = [c for c in columns if c != PERIOD]
        groups: dict[Key, list[int]] = {}
        for n, (cells, _place) in enumerate(listed):
            key = tuple(plain(cells.get(c)) for c in named)
            if all(key):
                groups.setdefault(key, []).append(n)
        for group in groups.values():
            for same in _overlapping(listed, group) if PERIOD in columns else [group]:
                if len(same) > 1 and not any(frozenset(same) <= before for before in said):
                    said.add(frozenset(same))
                    out.append(Twice(columns, tuple(listed[n][1] for n in same)))
    return out


def _overlapping(rows: Sequence[tuple[Mapping[str, Any], Place]], group: Sequence[int]) -> list[list[int]]:
    """Runs of rows whose days overlap; without a first day a row overlaps nothing, without a last one it runs on."""
    spans = sorted(
        (start, read_date(rows[n][0].get("end")) or date.max, n)
        for n in group
        if (start := read_date(rows[n][0].get("start"))) is not None
    )
    out: list[list[int]] = []
    until = date.min
    for start, end, n in spans:
        if out and start <= until:
            out[-1].append(n)
        else:
            out.append([n])
            until = date.min
        until = max(until, end)
    return [sorted(run) for run in out]
