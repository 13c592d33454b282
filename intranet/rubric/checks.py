"""The standard checks of facts: what every rubric needs and no plugin has to write.

Errors block submission, warnings explain. What a value must look like is in ``values.py``, whole
documents from outside in ``documents.py``; a notice's own contradictions are ``check_facts`` of
the plugin.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from ..errors import Invalid
from ..i18n import _
from . import marks
from .documents import read_document
from .facts import Facts
from .fields import applies, loss_key
from .ledger import Problem
from .model import DeductClause, Field, RosterClause, Rubric, Table
from .tables import Row, read_date, rows_of
from .values import parse_value, problem_with

__all__ = ["check", "parse_value", "read_document"]

FAR = 5  # years after the cut-off that look like a slip in the year


def check(rubric: Rubric, facts: Facts) -> list[Problem]:
    """What is wrong or odd in one unit's facts, in the order of the notice, tables last.

    Problem.clause is the clause on whose page the value is asked; Problem.ref its path.
    """
    return [
        *_fields(rubric, facts),
        *_blank_counts(rubric, facts),
        *_tables(rubric, facts),
        *_self_marks(rubric, facts),
    ]


# --- fields -------------------------------------------------------------------------------------


def _fields(rubric: Rubric, facts: Facts) -> Iterator[Problem]:
    for key, field in rubric.all_fields.items():
        if key in facts.hidden or (field.clause in rubric.by and not applies(rubric, field.clause, facts)):
            continue
        if field.per == "unit":
            yield from _field(facts, field, facts.get(key, field.by), f"{field.by}.fields.{key}", "")
            continue
        for school, member in facts.members.items():
            value = facts.of_member(school, key, field.by)
            path = f"{field.by}.members.{school}.{key}"
            yield from _field(
                facts, field, value, path, _("（%(school)s）", school=member.get("name", school))
            )


def _field(facts: Facts, field: Field, value: Any, path: str, whose: str) -> Iterator[Problem]:
    label = f"{field.label}{whose}"
    problem = problem_with(field, value, facts.members)
    if problem:
        yield Problem("error", "value", f"{label}：{problem}", path, field.clause)
    elif value is None and field.required:
        # the school cannot fill in what others owe: it only learns of it
        severity = "error" if field.by == "school" else "warning"
        yield Problem(severity, "required", _("请填写“%(label)s”", label=label), path, field.clause)


def _blank_counts(rubric: Rubric, facts: Facts) -> Iterator[Problem]:
    """A blank number beside filled ones is read as 0, which costs points in silence: say so."""
    for clause in rubric.clauses:
        if not isinstance(clause, DeductClause) or not applies(rubric, clause.code, facts):
            continue
        if facts.get(f"{clause.code}.done") is False:
            continue
        keys = [f"{clause.code}.{p}" for e in clause.events if e.rows is None for p in e.in_ or (e.label,)]
        keys += [key for loss in clause.losses if loss.count is not None and (key := loss_key(clause, loss))]
        own = [rubric.all_fields[key] for key in keys if key not in facts.hidden]
        own = [field for field in own if field.by == "school"]
        filled = any(facts.get(field.key) is not None for field in own)
        filled = filled or facts.get(f"{clause.code}.done") is True
        filled = filled or any(
            facts.slot(clause.code, n) in (True, False) for n in range(len(clause.materials))
        )
        for field in own if filled else ():
            if facts.get(field.key) is None:
                message = _("“%(label)s”未填，暂按0%(unit)s计", label=field.label, unit=field.unit)
                yield Problem("warning", "blank_count", message, f"school.fields.{field.key}", clause.code)


# --- tables -------------------------------------------------------------------------------------


def _tables(rubric: Rubric, facts: Facts) -> Iterator[Problem]:
    for table in rubric.tables:
        clause = page_of(rubric, table.key)
        seen: dict[str, int] = {}
        for row in rows_of(table, facts) or ():
            place = _Place(rubric, row, clause)
            if all(v is None or v == "" for v in row.cells.values()):
                yield place.problem("error", "empty_row", _("什么也没有填，请填写或删去这一行"))
                continue
            yield from _cells(place)
            yield from _directions(place)
            yield from _dates(place)
            same = seen.setdefault(_plain(table, row.cells), row.n)
            if same != row.n:
                message = _("与第 %(n)s 行完全相同，请核对是否重复", n=same + 1)
                yield place.problem("warning", "duplicate", message)


def page_of(rubric: Rubric, table: str) -> str:
    """Code of the first clause that reads or shows a table: its page asks for the rows."""
    for clause in rubric.clauses:
        used = {getattr(clause, "table", None), *(s.table for s in clause.show)}
        used |= {e.rows for e in clause.events} if isinstance(clause, DeductClause) else set()
        if table in used:
            return clause.code
    return ""


class _Place:
    """One row and how problems speak of it."""

    def __init__(self, rubric: Rubric, row: Row, clause: str) -> None:
        self.rubric, self.row, self.clause = rubric, row, clause

    def problem(self, severity: str, code: str, message: str, column: str = "") -> Problem:
        row = self.row
        where = {"table": row.table.title, "n": row.n + 1}
        text = _("%(table)s第 %(n)s 行：%(message)s", message=message, **where)
        ref = f"{row.table.by}.tables.{row.ref}" + (f".{column}" if column else "")
        return Problem(severity, code, text, ref, self.clause)


def _cells(place: _Place) -> Iterator[Problem]:
    row = place.row
    for column in row.table.columns:
        value = row.cells.get(column.key)
        blank = value is None or (isinstance(value, str) and not value.strip())
        problem = problem_with(column, None if blank else value, row.facts.members)
        if problem:
            yield place.problem("error", "value", f"{column.label}：{problem}", column.key)
        elif blank and column.required and not column.of:
            yield place.problem("error", "required", _("请填写“%(label)s”", label=column.label), column.key)


def _directions(place: _Place) -> Iterator[Problem]:
    """A direction is given or follows from the two schools; half of them says nothing."""
    row = place.row
    for column in row.table.columns:
        if not column.of or row.cell(column.key) is not None:
            continue
        ends = [row.cell(key) for key in column.of]
        labels = "、".join(row.table.by_key[key].label for key in column.of)
        if all(end is None for end in ends) and not column.required:
            continue
        if None in ends:
            message = _("不能判断%(label)s，请填写%(schools)s", label=column.label, schools=labels)
        elif ends[0] == ends[1]:
            message = _("%(schools)s是同一所学校，请核对", schools=labels)
        else:
            message = _("不能判断%(label)s，请核对%(schools)s", label=column.label, schools=labels)
        yield place.problem("error", "direction", message, column.key)


def _dates(place: _Place) -> Iterator[Problem]:
    """End before start; a stay after the cut-off that its clauses count up to."""
    row, rubric = place.row, place.rubric
    rosters = [c for c in rubric.clauses if isinstance(c, RosterClause) and c.table == row.table.key]
    pairs = dict.fromkeys([*((c.start, c.end) for c in rosters), ("start", "end")])
    for start, end in pairs:
        columns = row.table.by_key
        if start not in columns or end not in columns:
            continue
        first, last = read_date(row.cell(start)), read_date(row.cell(end))
        labels = {"start": columns[start].label, "end": columns[end].label}
        if first and last and last < first:
            yield place.problem(
                "error", "end_before_start", _("“%(end)s”早于“%(start)s”，请核对", **labels), end
            )
        if last and not first:
            yield place.problem("error", "no_start", _("填了“%(end)s”，没有填“%(start)s”", **labels), start)
    until = max((day for c in rosters if (day := read_date(c.until))), default=None)
    for column in row.table.columns if until else ():
        day = read_date(row.cell(column.key)) if column.type == "date" else None
        if day and until and column.key in {c.start for c in rosters} and day > until:
            message = _("“%(label)s”在截止日 %(until)s 之后，不计", label=column.label, until=until)
            yield place.problem("warning", "after_until", message, column.key)
        elif day and until and day > _years_after(until):
            message = _("“%(label)s”比截止日晚 %(n)s 年以上，请核对年份", label=column.label, n=FAR)
            yield place.problem("warning", "far_future", message, column.key)


def _years_after(day: date) -> date:
    return date(day.year + FAR, day.month, min(day.day, 28))


def _plain(table: Table, cells: Mapping[str, Any]) -> str:
    """A row as one text, so that equal rows are equal."""
    values = [cells.get(c.key) for c in table.columns]
    texts = [" ".join(v.split()) if isinstance(v, str) else v for v in values]
    return json.dumps([t if t != "" else None for t in texts], ensure_ascii=False, default=str)


# --- marks --------------------------------------------------------------------------------------


def _self_marks(rubric: Rubric, facts: Facts) -> Iterator[Problem]:
    """自评分 within 0..max and on leaves; what other roles say was checked when they said it."""
    for code, mark in facts.marks.get("self", {}).items():
        try:
            points = marks.read_points(mark)
            if points is not None or mark.verdict is not None:
                marks.check_mark(rubric, code, points, mark.verdict)
        except Invalid as error:
            message = _("自评分：%(message)s", message=error.message)
            yield Problem("error", "mark", message, f"marks.self.{code}", code)
