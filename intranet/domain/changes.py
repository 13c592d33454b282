"""What changed between two contents of one entry (``domain.snapshot``), in the rubric's words, page by page.

Pure: two contents in, changes out. Shown to the panel and the bureau after a resubmission, to the
school while it answers a return.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intranet.domain.snapshot import Content
from intranet.i18n import _
from intranet.models import EntrySchool
from intranet.queries.filing import Page, matches
from intranet.rubric.model import Column, Field, Rubric


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was. kind: field, slot, row, file or self. old, new: "" for nothing."""

    kind: str
    label: str
    old: str
    new: str


def compare(
    rubric: Rubric,
    pages: Sequence[Page],
    schools: Sequence[EntrySchool],
    old: Content,
    new: Content,
) -> dict[str, list[Change]]:
    """Changes by page code, in the order of the pages; pages without any are left out.

    A row that counts on two pages, and a file that proves something on two, stand on both. What no
    page asks for stands under "".
    """
    words = _Words(rubric, {s.code: s.name for s in schools})
    out: dict[str, list[Change]] = {}
    for page in pages:
        found = [
            *_fields(page, words, old, new),
            *_slots(page, words, old, new),
            *_rows(page, words, old, new),
            *_files(page, words, old, new),
            *_selves(page, words, old, new),
        ]
        if found:
            out[page.code] = found
    rest = list(_files(None, words, old, new))
    if rest:
        out[""] = rest
    return out


@dataclass(frozen=True)
class _Words:
    rubric: Rubric
    schools: Mapping[str, str]

    def value(self, item: Field | Column, value: Any) -> str:
        if value is None or value == "":
            return ""
        if isinstance(value, bool):
            return _("是") if value else _("否")
        if item.type == "school":
            return self.schools.get(value, str(value))
        if item.type == "choice":
            return next((o.label or o.value for o in item.options if o.value == value), str(value))
        return f"{value} {item.unit}" if item.unit else str(value)

    def row(self, table: str, cells: Mapping[str, Any]) -> str:
        """A row in a line: its filled cells, ``甲某，2031-02-01``."""
        columns = self.rubric.table[table].columns
        texts = [
            c.label if cells.get(c.key) is True else self.value(c, cells.get(c.key))
            for c in columns
            if cells.get(c.key) is not False
        ]
        return "，".join(t for t in texts if t)


def _fields(page: Page, words: _Words, old: Content, new: Content) -> Iterator[Change]:
    for item in page.fields:
        before, after = old["fields"].get(item.key), new["fields"].get(item.key)
        if before != after:
            yield Change("field", item.label, words.value(item, before), words.value(item, after))
        for school in sorted(old["members"].keys() | new["members"].keys()):
            before = old["members"].get(school, {}).get(item.key)
            after = new["members"].get(school, {}).get(item.key)
            if before != after:
                label = f"{words.schools.get(school, school)} {item.label}"
                yield Change("field", label, words.value(item, before), words.value(item, after))


def _slots(page: Page, words: _Words, old: Content, new: Content) -> Iterator[Change]:
    for clause in page.clauses:
        before, after = old["materials"].get(clause.code, []), new["materials"].get(clause.code, [])
        for n, label in enumerate(clause.materials):
            states = [side[n] if n < len(side) else None for side in (before, after)]
            if states[0] != states[1]:
                yield Change("slot", label, *(_slot_word(s) for s in states))


def _slot_word(state: Any) -> str:
    return {True: _("已齐"), False: _("确实没有"), "na": _("不适用")}.get(state, _("缺"))


def _rows(page: Page, words: _Words, old: Content, new: Content) -> Iterator[Change]:
    for key, wheres in page.tables.items():
        table = words.rubric.table.get(key)
        if table is None:
            continue
        before = {r["id"]: r["cells"] for r in old["tables"].get(key) or ()}
        after = {r["id"]: r["cells"] for r in new["tables"].get(key) or ()}
        for row_id in [*before, *(i for i in after if i not in before)]:
            was, now = before.get(row_id), after.get(row_id)
            if was == now or not any(matches(c, w) for c in (was, now) if c is not None for w in wheres):
                continue
            if was is None or now is None:
                yield Change(
                    "row",
                    table.title,
                    "" if was is None else words.row(key, was),
                    "" if now is None else words.row(key, now),
                )
                continue
            head = words.value(table.columns[0], now.get(table.columns[0].key)) or _("未填")
            for column in table.columns:
                if was.get(column.key) != now.get(column.key):
                    label = _(
                        "%(table)s“%(row)s”%(column)s", table=table.title, row=head, column=column.label
                    )
                    yield Change(
                        "row",
                        label,
                        words.value(column, was.get(column.key)),
                        words.value(column, now.get(column.key)),
                    )
        declared = [side["tables"].get(key) == [] for side in (old, new)]
        if declared[0] != declared[1]:
            yield Change("row", table.title, *(_("本项没有") if d else "" for d in declared))


def _files(page: Page | None, words: _Words, old: Content, new: Content) -> Iterator[Change]:
    """Files at a place of the page; with None, those that stand nowhere."""
    before = {f["number"]: f for f in old["evidence"]}
    after = {f["number"]: f for f in new["evidence"]}
    for number in sorted(before.keys() | after.keys()):
        was, now = before.get(number), after.get(number)
        here = [
            side if side is not None and _stands(page, side["refs"], words, both) else None
            for side, both in ((was, old), (now, new))
        ]
        label = _("%(n)s 号材料", n=number)
        if (here[0] is None) != (here[1] is None):
            yield Change("file", label, *(side["name"] if side else "" for side in here))
        elif here[0] is not None and here[1] is not None and was is not None and now is not None:
            if was["sha256"] != now["sha256"]:
                yield Change("file", _("%(n)s 号材料换了文件", n=number), was["name"], now["name"])
            elif was["name"] != now["name"]:
                yield Change("file", label, was["name"], now["name"])
            if was["period"] != now["period"]:
                label = _("%(n)s 号材料所属时间", n=number)
                yield Change("file", label, _period(was["period"]), _period(now["period"]))


def _period(period: Sequence[str | None]) -> str:
    start, end = period
    return f"{start or ''} — {end or _('长期')}" if start or end else ""


def _stands(page: Page | None, refs: Sequence[str], words: _Words, content: Content) -> bool:
    if page is None:
        return not refs
    codes = {c.code for c in page.clauses}
    for ref in refs:
        kind, _colon, what = ref.partition(":")
        if kind == "slot" and what.rpartition("#")[0] in codes:
            return True
        if kind == "clause" and what in codes:
            return True
        if kind == "row" and any(
            str(row["id"]) == what for key in page.tables for row in content["tables"].get(key) or ()
        ):
            return True
    return False


def _selves(page: Page, words: _Words, old: Content, new: Content) -> Iterator[Change]:
    for leaf in page.leaves:
        before, after = old["self"].get(leaf.code), new["self"].get(leaf.code)
        if before != after:
            label = _("“%(name)s”自评分", name=leaf.name)
            yield Change("self", label, _mark(before), _mark(after))


def _mark(mark: Mapping[str, Any] | None) -> str:
    if mark is None:
        return ""
    said = mark["verdict"] or (_("%(n)s 分", n=mark["points"]) if mark["points"] is not None else "")
    return f"{said}（{mark['reason']}）" if said and mark["reason"] else said


def first_difference(changes: Mapping[str, Sequence[Change]]) -> tuple[str, Change] | None:
    """Where two contents first differ: page code and change; None if they agree."""
    return next(((code, found[0]) for code, found in changes.items() if found), None)
