"""查重: the same file, the same picture, the same award or person and dates, filed more than once.

Found within a unit, across units, across cycles. A find is a hint for people, never a deduction.
One file that serves several clauses of one unit is one file and no find; a row or a file that was
carried over from the unit's own last cycle is no find against what it came from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import radar as stored
from intranet.queries.filing import pages
from intranet.queries.radar import StoredFile, StoredRow
from intranet.rubric import twice
from intranet.rubric.model import Rubric, Table

NEAR = 6
"""Bits by which two prints of 64 may differ and still show one picture: re-saved or made smaller, not cropped."""


@dataclass(frozen=True, slots=True)
class Place:
    """One of the places where a thing was filed.

    entry_id: None where the reader does not meet that entry; code: the indicator page; what: name of
    the file or head of the row; same: what else of the row was found to be the same, or its days;
    number: of the material; evidence_id: to look at the file.
    """

    unit: str
    cycle: str
    what: str
    entry_id: int | None = None
    code: str = ""
    number: int | None = None
    evidence_id: int | None = None
    is_picture: bool = False
    same: str = ""


@dataclass(frozen=True, slots=True)
class Find:
    """kind: file, picture or row. reach: unit (within one), units, cycles. why: in words."""

    kind: str
    reach: str
    why: str
    places: tuple[Place, ...]


def find(session: Session, cycle: Cycle, rubric: Rubric, met: Collection[int] | None) -> list[Find]:
    """All finds with at least one place in ``cycle``, rows first, then files, then pictures.

    A place in another cycle shows unit, cycle and name only.

    :param met: ids of the units whose filing the reader may meet (回避); None: every unit's.
    """
    home = {clause.code: page.code for page in pages(rubric) for clause in page.clauses}
    table_home = {key: page.code for page in reversed(pages(rubric)) for key in page.tables}
    return [*_rows(session, cycle, rubric, met, table_home), *_files(session, cycle, met, home)]


# --- rows ----------------------------------------------------------------------------------------


def _rows(
    session: Session, cycle: Cycle, rubric: Rubric, met: Collection[int] | None, home: dict[str, str]
) -> Iterable[Find]:
    tables = {t.key: t for t in rubric.tables if t.twice}
    by_table: dict[str, list[StoredRow]] = defaultdict(list)
    for row in stored.rows_like(session, cycle, tables) if tables else ():
        by_table[row.row.table].append(row)
    for key, table in tables.items():
        listed = [(r.row.cells, r) for r in by_table[key] if met is None or r.entry.unit_id in met]
        for same in twice.find(table, listed):
            entries = [r.entry for r in same.places]
            rows = [r for r in same.places if not _is_origin(r.entry, entries)]
            if len(rows) < 2 or all(r.cycle.id != cycle.id for r in rows):
                continue
            labels = [_("时间") if c == twice.PERIOD else table.by_key[c].label for c in same.columns]
            yield Find(
                "row",
                _reach([(r.entry, r.cycle) for r in rows]),
                _("%(table)s：%(columns)s相同", table=table.title, columns="、".join(labels)),
                tuple(_row_place(r, table, same.columns, cycle, home.get(key, "")) for r in rows),
            )


def _row_place(row: StoredRow, table: Table, columns: Sequence[str], cycle: Cycle, code: str) -> Place:
    here = row.cycle.id == cycle.id
    head, cells = table.columns[0].key, row.row.cells
    return Place(
        unit=row.entry.name,
        cycle="" if here else row.cycle.title,
        what=str(cells.get(head) or _("未填")),
        same="，".join(_same(table, cells, c) for c in columns if c != head),
        entry_id=row.entry.id if here else None,
        code=code if here else "",
    )


def _same(table: Table, cells: Mapping[str, Any], column: str) -> str:
    if column == twice.PERIOD:
        return f"{cells.get('start')} — {cells.get('end') or _('今')}"
    value = cells.get(column)
    return next((o.label or o.value for o in table.by_key[column].options if o.value == value), str(value))


# --- files and pictures --------------------------------------------------------------------------


def _files(
    session: Session, cycle: Cycle, met: Collection[int] | None, home: dict[str, str]
) -> Iterable[Find]:
    files = [f for f in stored.files_like(session, cycle) if met is None or f.entry.unit_id in met]
    by_content: dict[str, list[StoredFile]] = defaultdict(list)
    for file in files:
        by_content[file.evidence.sha256].append(file)
    for same in by_content.values():
        kept = [f for f in same if not _is_origin(f.entry, [o.entry for o in same])]
        if len(kept) > 1 and any(f.cycle.id == cycle.id for f in kept):
            yield _file_find("file", _("同一份文件"), kept, cycle, home)
    pictures = [same[0] for same in by_content.values() if same[0].bits]
    for group in _alike([f.bits for f in pictures]):
        near = [f for n in group for f in by_content[pictures[n].evidence.sha256]]
        if any(f.cycle.id == cycle.id for f in near):
            yield _file_find("picture", _("几乎相同的图片"), near, cycle, home)


def _file_find(kind: str, why: str, files: Sequence[StoredFile], cycle: Cycle, home: dict[str, str]) -> Find:
    return Find(
        kind,
        _reach([(f.entry, f.cycle) for f in files]),
        why,
        tuple(_file_place(f, cycle, home) for f in files),
    )


def _file_place(file: StoredFile, cycle: Cycle, home: dict[str, str]) -> Place:
    here = file.cycle.id == cycle.id
    clauses = [ref.partition(":")[2].rpartition("#")[0] or ref.partition(":")[2] for ref in file.refs]
    return Place(
        unit=file.entry.name,
        cycle="" if here else file.cycle.title,
        what=file.evidence.name,
        entry_id=file.entry.id if here else None,
        code=next((home[c] for c in clauses if c in home), "") if here else "",
        number=file.evidence.number,
        evidence_id=file.evidence.id if here else None,
        is_picture=here and bool(file.bits),
    )


def _alike(prints: Sequence[str]) -> list[list[int]]:
    """Groups of prints of which each is near another of its group.

    Two prints within NEAR bits agree wholly in one of NEAR + 1 bands at least, so only those that
    share a band are compared: 6,000 pictures in about 0.1 s instead of 18 million comparisons.
    """
    numbers = [int(p, 16) for p in prints]
    width = -(-64 // (NEAR + 1))
    bands: dict[tuple[int, int], list[int]] = defaultdict(list)
    for n, number in enumerate(numbers):
        for band in range(NEAR + 1):
            bands[band, (number >> (band * width)) & ((1 << width) - 1)].append(n)
    group = list(range(len(numbers)))

    def root(n: int) -> int:
        while group[n] != n:
            group[n] = group[group[n]]
            n = group[n]
        return n

    for members in bands.values():
        for a, n in enumerate(members):
            for m in members[a + 1 :]:
                if root(n) != root(m) and (numbers[n] ^ numbers[m]).bit_count() <= NEAR:
                    group[root(m)] = root(n)
    out: dict[int, list[int]] = defaultdict(list)
    for n in range(len(numbers)):
        out[root(n)].append(n)
    return [found for found in out.values() if len(found) > 1]


# --- both ----------------------------------------------------------------------------------------


def _is_origin(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether another of the entries was begun from this one (结转): what stands in both was carried over."""
    return any(other.carried_from == entry.id for other in entries)


def _reach(places: Sequence[tuple[Entry, Cycle]]) -> str:
    if len({entry.unit_id for entry, _of in places}) > 1:
        return "units"
    return "cycles" if len({of.id for _entry, of in places}) > 1 else "unit"
