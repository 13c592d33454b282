"""On what a mark was made: a digest of each fact and file behind one leaf, and what differs between two.

A leaf's basis is text, a line per thing with the first digits of its hash. Two bases that are equal
say that nothing moved; where they differ, the lines say what did, though not what it said before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from intranet.domain.scoring import EntrySheet
from intranet.i18n import _
from intranet.queries.filing import Page, narrowed, pages
from intranet.queries.review import OTHER_OWNERS
from intranet.rubric.facts import Facts
from intranet.rubric.model import Field, Rubric
from intranet.rubric.tables import rows_of

DIGITS = 8
"""Hex digits of each hash that are kept: enough to tell a change, short enough for every mark to carry."""


@dataclass
class Grounds:
    """What each leaf of a rubric stands on: its own facts and those of the clauses above it on its page."""

    rubric: Rubric
    _pages: dict[str, Page] = field(default_factory=dict)

    @cached_property
    def _whole(self) -> dict[str, Page]:
        return {leaf.code: page for page in pages(self.rubric) for leaf in page.leaves}

    def page(self, code: str) -> Page:
        """The indicator's page, narrowed to one leaf and what stands above it there."""
        if code not in self._pages:
            whole = self._whole[code]
            here = {c.code for c in whole.clauses}
            codes, at = {code}, self.rubric.by[code].parent
            while at is not None and at in here:
                codes.add(at)
                at = self.rubric.by[at].parent
            self._pages[code] = narrowed(self.rubric, whole, codes)
        return self._pages[code]

    def basis(self, sheet: EntrySheet, code: str) -> str:
        """The basis of one leaf of one entry as it stands now."""
        parts = parts_of(self.rubric, sheet, self.page(code))
        return "\n".join(f"{name} {digest}" for name, digest in sorted(parts.items()))


def parts_of(rubric: Rubric, sheet: EntrySheet, page: Page) -> dict[str, str]:
    """Digests by name: ``f:<owner>:<key>[@school]``, ``s:<slot>``, ``r:<table>:<row id>``, ``t:<table>``
    for one declared empty, ``e:<number of the file>``."""
    out = {name: _digest(value) for name, value in _facts(rubric, sheet, page)}
    return out | {f"e:{number}": sha256[:DIGITS] for number, sha256 in _files(sheet, page, out)}


def _facts(rubric: Rubric, sheet: EntrySheet, page: Page) -> Iterator[tuple[str, Any]]:
    facts = sheet.facts
    for item in page.fields:
        if item.by in OTHER_OWNERS:  # the panel's own figures are no facts of the unit
            yield from _field(facts, item)
    for clause in page.clauses:
        for n in range(len(clause.materials)):
            if (state := facts.slot(clause.code, n)) is not None:
                yield f"s:{clause.code}#{n + 1}", state
    for key, wheres in page.tables.items():
        rows = rows_of(rubric.table[key], facts)
        if rows == []:
            yield f"t:{key}", "empty"
        ids = sheet.source.row_ids.get(key, [])
        for row in rows or ():
            if any(row.matches(where) for where in wheres):
                yield f"r:{key}:{ids[row.n] if row.n < len(ids) else row.n}", row.cells


def _field(facts: Facts, item: Field) -> Iterator[tuple[str, Any]]:
    if item.per == "member":
        values = {school: facts.of_member(school, item.key, item.by) for school in facts.members}
        yield from ((f"f:{item.by}:{item.key}@{s}", v) for s, v in values.items() if v is not None)
    elif (value := facts.get(item.key, item.by)) is not None:
        yield f"f:{item.by}:{item.key}", value


def _files(sheet: EntrySheet, page: Page, named: Collection[str]) -> Iterator[tuple[int, str]]:
    """The files at the places of a leaf: its clauses, slots, and the rows that count for it."""
    codes = {c.code for c in page.clauses}
    rows = {name.rpartition(":")[2] for name in named if name.startswith("r:")}
    for ref, files in sheet.source.files.items():
        kind, _colon, what = ref.partition(":")
        if (
            (kind == "clause" and what in codes)
            or (kind == "slot" and what.rpartition("#")[0] in codes)
            or (kind == "row" and what in rows)
        ):
            yield from files


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


# --- what moved -----------------------------------------------------------------------------------


def _read(basis: str) -> dict[str, str]:
    return {name: digest for name, _space, digest in (line.rpartition(" ") for line in basis.split("\n"))}


def moved(old: str, new: str) -> dict[str, str]:
    """What differs between two bases: name -> ``new``, ``gone`` or ``changed``."""
    before, after = _read(old), _read(new)
    out = {}
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            out[name] = "new"
        elif name not in after:
            out[name] = "gone"
        elif before[name] != after[name]:
            out[name] = "changed"
    return out


def in_words(rubric: Rubric, sheet: EntrySheet, page: Page, found: Mapping[str, str]) -> list[str]:
    """What moved, in the rubric's words: 2 号材料换了文件; 教育局的“教师数”有改动."""
    fields = {(f.by, f.key): f for f in page.fields}
    slots = {f"{c.code}#{n + 1}": label for c in page.clauses for n, label in enumerate(c.materials)}
    out: list[str] = []
    for name, how in found.items():
        kind, _colon, what = name.partition(":")
        if kind == "f":
            owner, _colon, rest = what.partition(":")
            key, _at, school = rest.partition("@")
            item = fields.get((owner, key)) or fields.get((owner, rest))
            label = item.label if item is not None else key
            if school in sheet.facts.members:
                label = f"{sheet.facts.members[school].get('name', school)} {label}"
            out.append(
                {
                    "new": _("“%(what)s”补填了", what=label),
                    "gone": _("“%(what)s”清空了", what=label),
                    "changed": _("“%(what)s”改了", what=label),
                }[how]
            )
        elif kind == "s":
            out.append(_("“%(what)s”的材料状态变了", what=slots.get(what, what)))
        elif kind == "e":
            out.append(
                {
                    "new": _("新增 %(n)s 号材料", n=what),
                    "gone": _("撤下 %(n)s 号材料", n=what),
                    "changed": _("%(n)s 号材料换了文件", n=what),
                }[how]
            )
        elif kind in "rt":
            table = rubric.table.get(what.partition(":")[0])
            title = table.title if table is not None else what
            out.append(
                {
                    "new": _("“%(table)s”增加了行", table=title),
                    "gone": _("“%(table)s”删去了行", table=title),
                    "changed": _("“%(table)s”有行改了", table=title),
                }[how]
            )
    return list(dict.fromkeys(out))
