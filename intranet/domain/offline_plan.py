"""What a filled workbook would change: old and new for each answer, row and self score.

Three states meet: the file, what is stored now, and (as marks of content in the file) what was
stored at the download. Only the file moved: a change. Only the store moved: nothing to do. Both
moved, to different things: a conflict, and the person chooses. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from intranet.domain import fact_rows
from intranet.domain.filing import read_value
from intranet.domain.offline import (
    FIELDS,
    HEADS,
    POINTS,
    REASON,
    SELF,
    VALUE,
    VERDICT,
    Standing,
    asked_fields,
    asked_leaves,
    asked_tables,
    digest,
    layout,
    plain,
    shown,
    table_section,
    texts_of,
    texts_of_mark,
)
from intranet.domain.offline_change import MOST_CHANGES, Change, Part, Plan, Problem
from intranet.domain.offline_compare import Comparison
from intranet.domain.offline_filled import Filled, Line, require_same
from intranet.domain.offline_foresee import foreseen
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import FactRow
from intranet.queries.filing import Page
from intranet.rubric import marks
from intranet.rubric.model import Column, JudgedClause, Table
from intranet.rubric.numbers import as_fraction


def plan(desk: Standing, filled: Filled) -> Plan:
    """Compare a filled workbook with what is stored; writes nothing.

    :raises Invalid: it is another unit's, another cycle's, an old one.
    """
    require_same(layout(desk), filled.about)
    work = _Planner(desk, filled)
    work.fields()
    for key, pages in asked_tables(desk.filing).items():
        work.table(desk.filing.rubric.table[key], pages)
    work.self_scores()
    found = work.plan
    found.problems += foreseen(desk, filled, found.changes)
    found.left = max(0, len(found.changes) - MOST_CHANGES)
    del found.changes[MOST_CHANGES:]
    found.problems.sort(key=lambda p: not p.stops)
    return found


class _Planner(Comparison):
    """The comparison, section by section."""

    def __init__(self, desk: Standing, filled: Filled) -> None:
        super().__init__(filled)
        self.desk, self.filing = desk, desk.filing

    def may(self, line: Line, column: str, ask: Callable[[], None]) -> bool:
        """Whether the person may change this now; if not, the reason is a problem of the cell."""
        refused = _refusal(ask)
        if refused:
            self.problem(line, column, refused)
        return not refused

    # --- fields ---

    def fields(self) -> None:
        lines = self.lines(FIELDS, VALUE)
        for asked in asked_fields(self.filing):
            line = lines.pop(f"f:{asked.name}", None)
            if line is None:
                continue
            text, item = line.texts.get(VALUE, ""), asked.item
            stored = self.desk.answers.get((asked.school_id, item.key))
            now = shown(self.filing, item, stored.value if stored else None)
            new = plain(self.filing, item, text)
            if new == now:
                self.plan.same += bool(new)
                continue
            base = self.base(line.key, 1)
            if base == digest([new]):
                continue
            try:
                read_value(self.filing, item, text)
            except Invalid as error:
                self.problem(line, VALUE, error.message)
                continue
            code = asked.page.code
            if self.may(line, VALUE, lambda code=code: self.filing.require_fill(code)):  # type: ignore[misc]
                self.change(
                    line,
                    VALUE,
                    key=line.key,
                    version=stored.version if stored else 0,
                    kind="edit",
                    page=code,
                    title=asked.label,
                    parts=(Part("", now, new),),
                    is_conflict=base != digest([now]),
                )
        for line in lines.values():
            text = line.texts.get(VALUE, "")
            if text and self.base(line.key, 1) != digest([text]):
                self.problem(line, VALUE, _("这一项现在不用填，没有读取"))

    # --- tables ---

    def table(self, table: Table, pages: Sequence[Page]) -> None:
        section = table_section(table.key)
        if section not in self.filled.sheets:
            return
        columns = fact_rows.typed_columns(table)
        code = next((p.code for p in pages if not self.filing.why_locked(p.code)), pages[0].code)
        seen: set[int] = set()
        new: list[tuple[Line, dict[str, str], bool]] = []
        for line in self.filled.of(section):
            row = self._row(table, line.key, seen)
            if row is not None:
                seen.add(row.id or 0)
            if (section, line.row) in self.stopped:
                continue
            texts = {c.key: plain(self.filing, c, line.texts.get(c.key, "")) for c in columns}
            if row is not None and not row.deleted_at:
                self._known(columns, code, line, row, texts)
            elif not _is_blank(columns, texts):
                untouched = digest([texts[c.key] for c in columns]) == self.base(line.key, len(columns))
                if row is None or not untouched:
                    new.append((line, texts, row is not None))
        live = {r.id or 0: r for r in self.desk.rows.values() if r.table == table.key and not r.deleted_at}
        self._added(columns, code, new, {i: r for i, r in live.items() if i not in seen}, seen)
        if not any(s == section for s, _row in self.stopped):
            for row_id in sorted(live.keys() - seen):
                if f"r:{row_id}" in self.filled.base:
                    self._gone(section, columns, code, live[row_id])

    def _row(self, table: Table, key: str, seen: set[int]) -> FactRow | None:
        """The stored row of a line. A row copied in the sheet carries its number along: the first has it."""
        number = key.removeprefix("r:")
        is_number = number.isascii() and number.isdecimal() and len(number) < 19
        row = self.desk.rows.get(int(number)) if is_number else None
        return row if row is not None and row.table == table.key and row.id not in seen else None

    def _page(self, row: FactRow, code: str) -> str:
        """Where a stored row is changed: a member school's is on the page on which it was handed out."""
        share = self.filing.share
        return code if share is None else next((c for c in share.pages if share.holds(c, row)), code)

    def _page_for(self, section: str, columns: Sequence[Column], texts: Mapping[str, str], code: str) -> str:
        """Where a new row is added, the same way. :raises Invalid: a text is no value."""
        share, key = self.filing.share, section.removeprefix("table:")
        if share is None:
            return code
        cells = {c.key: read_value(self.filing, c, texts[c.key]) for c in columns}
        return next((c for c in share.pages if share.covers(c, key, cells)), code)

    def _require_new(
        self, section: str, columns: Sequence[Column], code: str, texts: Mapping[str, str]
    ) -> None:
        """That a row may be added. :raises DomainError: not ever, not now, not among what was handed out."""
        code = self._page_for(section, columns, texts, code)
        self.filing.require_part(code)
        cells = {c.key: read_value(self.filing, c, texts[c.key]) for c in columns}
        table = self.filing.rubric.table[section.removeprefix("table:")]
        fact_rows.require_handed(self.filing, code, table, cells)

    def _known(
        self, columns: Sequence[Column], code: str, line: Line, row: FactRow, texts: dict[str, str]
    ) -> None:
        """A row that is stored, and not deleted."""
        code = self._page(row, code)
        now, base = texts_of(self.filing, columns, row.cells), self.base(line.key, len(columns))
        if _is_blank(columns, texts):
            self._gone(line.section, columns, code, row, line)
        elif texts == now or digest([texts[c.key] for c in columns]) == base:
            self.plan.same += texts == now
        elif self._reads(columns, line) and self.may(line, "", lambda: self.filing.require_row(code, row)):
            self.change(
                line,
                key=f"r:{row.id}",
                version=row.version,
                kind="edit",
                page=code,
                title=_title(columns, texts),
                parts=_parts(columns, now, texts),
                is_conflict=base != digest([now[c.key] for c in columns]),
            )

    def _added(
        self,
        columns: Sequence[Column],
        code: str,
        new: Sequence[tuple[Line, dict[str, str], bool]],
        others: Mapping[int, FactRow],
        seen: set[int],
    ) -> None:
        """Rows without a number, or (True) deleted since the download.

        One of the same content that the file does not name otherwise (``others``) is the same row: a
        file uploaded twice adds nothing twice.
        """
        same: dict[tuple[str, ...], list[int]] = {}
        for row_id, row in others.items() if new else ():
            same.setdefault(tuple(texts_of(self.filing, columns, row.cells).values()), []).append(row_id)
        for line, texts, was_deleted in new:
            twins = same.get(tuple(texts.values()))
            if twins:
                seen.add(twins.pop(0))
                self.plan.same += 1
            elif self._reads(columns, line) and self.may(
                line,
                "",
                lambda line=line, texts=texts: self._require_new(line.section, columns, code, texts),  # type: ignore[misc]
            ):
                self.change(
                    line,
                    key=f"n:{line.section.removeprefix('table:')}:{line.row}",
                    version=0,
                    kind="add",
                    page=self._page_for(line.section, columns, texts, code),
                    title=_title(columns, texts),
                    parts=_parts(columns, {}, texts),
                    is_conflict=was_deleted,
                    note=_("系统里这一行已被删除，采纳后会重新加入") if was_deleted else "",
                )

    def _gone(
        self, section: str, columns: Sequence[Column], code: str, row: FactRow, line: Line | None = None
    ) -> None:
        now = texts_of(self.filing, columns, row.cells)
        sheet = self.filled.sheets.get(section, "")
        cell = self.filled.cell(line) if line else ""
        code = self._page(row, code)
        refused = _refusal(lambda: self.filing.require_row(code, row))
        title = _title(columns, now)
        if refused:
            text = _("表里没有“%(title)s”这一行，但不能删除：%(why)s", title=title, why=refused)
            self.plan.problems.append(Problem(sheet, cell, text, True, section, line.row if line else 0))
            return
        self.plan.changes.append(
            Change(
                key=f"r:{row.id}",
                version=row.version,
                kind="delete",
                section=section,
                page=code,
                title=title,
                parts=tuple(Part(c.label, now[c.key], "") for c in columns if now[c.key]),
                sheet=sheet,
                cell=cell,
                is_conflict=self.base(f"r:{row.id}", len(columns)) != digest([now[c.key] for c in columns]),
            )
        )

    def _reads(self, columns: Sequence[Column], line: Line) -> bool:
        """Whether every cell of the row has a value; what has none is a problem."""
        fine = True
        for column in columns:
            try:
                read_value(self.filing, column, line.texts.get(column.key, ""))
            except Invalid as error:
                self.problem(line, column.key, error.message)
                fine = False
        return fine

    # --- self scores ---

    def self_scores(self) -> None:
        lines = self.lines(SELF, POINTS)
        for page, code in asked_leaves(self.desk):
            line = lines.pop(f"m:{code}", None)
            if line is not None:
                self._self_score(page, code, line)
        for line in lines.values():
            texts = [line.texts.get(k, "") for k in (POINTS, VERDICT, REASON)]
            if any(texts) and self.base(line.key, 3) != digest(texts):
                self.problem(line, POINTS, _("这一条现在不用自评，没有读取"))

    def _self_score(self, page: Page, code: str, line: Line) -> None:
        rubric, mark = self.filing.rubric, self.desk.marks.get(code)
        proposed = proposed_of(self.desk, code)
        texts = {k: line.texts.get(k, "").replace("\r\n", "\n").strip() for k in (POINTS, VERDICT, REASON)}
        texts[POINTS] = plain(self.filing, _POINTS, texts[POINTS])
        if digest(list(texts.values())) == self.base(line.key, 3):
            self.plan.same += any(texts.values())
            return  # untouched, also where the facts have come to the same since
        if proposed is not None and not texts[VERDICT] and _number(texts[POINTS]) == proposed:
            texts |= {POINTS: "", REASON: ""}  # what equals the computed score follows it (save_self)
        now = texts_of_mark(mark)
        base = self.base(line.key, 3)
        if texts == now or digest(list(texts.values())) == base:
            self.plan.same += texts == now and any(texts.values())
            return
        points, verdict = _number(texts[POINTS]), texts[VERDICT] or None
        if texts[POINTS] and points is None:
            self.problem(line, POINTS, _("请填数字，例如 2.5"))
            return
        if points is not None or verdict is not None:
            try:
                marks.check_mark(rubric, code, points, verdict)
            except Invalid as error:
                at = VERDICT if marks.verdicts(rubric.by[code]) and points is None else POINTS
                self.problem(line, at, error.message)
                return
        if proposed is not None and points is not None and not texts[REASON]:
            self.problem(line, REASON, _("与按填报内容算得的不同，请写明理由"))
            return
        if self.may(line, POINTS, lambda: self.filing.require_lead(page.code)):
            leaf = rubric.by[code]
            parts = tuple(Part(HEADS[k], now[k], texts[k]) for k in texts if now[k] != texts[k])
            self.change(
                replace(line, texts=texts),
                POINTS,
                key=line.key,
                version=mark.version if mark else 0,
                kind="edit",
                page=page.code,
                title=leaf.title or leaf.text,
                parts=parts,
                is_conflict=base != digest(list(now.values())),
            )


_POINTS = Column(key=POINTS, label=HEADS[POINTS], type="number")


def _number(text: str) -> Fraction | None:
    """A decimal as :func:`plain` leaves it; None for anything else, also 1/2 and 20%."""
    try:
        number = None if {"/", "%"} & set(text) else as_fraction(text)
    except ValueError:
        return None
    return number if isinstance(number, Fraction) else None


def proposed_of(desk: Standing, code: str) -> Fraction | None:
    """What the facts give on a leaf now; None for a judged one."""
    judged = isinstance(desk.filing.rubric.by[code], JudgedClause)
    return None if judged else desk.own[code].proposed


def _refusal(ask: Callable[[], None]) -> str:
    try:
        ask()
    except DomainError as error:
        return error.message
    return ""


def _is_blank(columns: Sequence[Column], texts: Mapping[str, str]) -> bool:
    """Whether nothing was entered; 否 alone is nothing either (as when a row is saved on the page)."""
    return all(not texts[c.key] or (c.type == "tick" and texts[c.key] == "否") for c in columns)


def _title(columns: Sequence[Column], texts: Mapping[str, str]) -> str:
    """The first filled cell that names the row, rather a text than a choice."""
    named = [c for c in columns if c.type == "text"] + list(columns)
    return next((texts[c.key] for c in named if texts[c.key]), "")


def _parts(columns: Sequence[Column], old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Part, ...]:
    return tuple(
        Part(c.label, old.get(c.key, ""), new[c.key]) for c in columns if old.get(c.key, "") != new[c.key]
    )
