"""The notice's own tables (官方表) as rows of cells: one layout for screen, sheet and paper.

Rows and columns come from a closed vocabulary, so a plugin only names what its printed form shows;
an unknown source is an error when the rubric is loaded. Nothing here draws a border or a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .facts import Facts
from .ledger import Sheet
from .marks import full_marks
from .model import Clause, Column, Form, Rubric, Table, TicksClause
from .tables import Row, read_number, rows_of

Cell = str | Fraction | None

SOURCES: Mapping[str, tuple[str, ...]] = {
    "clauses": (
        "number", "text", "title", "requirement", "note", "max", "pages", "self", "self.reason", "points",
    ),
    "filed": ("number", "what", "category", "evidence"),
    "table": ("number",),
}  # fmt: skip
"""What a column may show, by the kind of rows (``clauses:<level>``, ``filed``, ``table:<key>``).

Besides, ``above.<level>`` is the clause of that level above, ``row.<column>`` a cell of the table.
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One document of a unit as the forms name it. pages: ``33 — 35`` in the bound volume, or empty."""

    number: str
    name: str
    pages: str = ""


@dataclass(frozen=True)
class Context:
    """What the cells are taken from. evidence: by ref, ``clause:B4``, ``slot:B4#2``, ``row:awards[3]``."""

    facts: Facts
    sheet: Sheet
    self_marks: Mapping[str, Fraction] = field(default_factory=dict)
    evidence: Mapping[str, Sequence[Evidence]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FormRow:
    """Cells in the order of the form's columns. ref: what the row is about (see :class:`Context`)."""

    cells: list[Cell]
    ref: str


def rows(rubric: Rubric, form: Form, context: Context) -> list[FormRow]:
    """The rows of a form for one unit; a clause without points (未设分值) is in no printed table."""
    kind, _colon, name = form.rows.partition(":")
    if kind == "clauses":
        depth = rubric.levels.index(name)
        clauses = [c for c in rubric.under(rubric.root.code) if rubric.depth(c.code) == depth and not c.unset]
        values = [(_clause_values(rubric, c, context), f"clause:{c.code}") for c in clauses]
    elif kind == "filed":
        values = list(_filed(rubric, context))
    else:
        values = list(_table_rows(rubric, rubric.table[name], context))
    return [
        FormRow(
            [n if c.source == "number" and "number" not in v else v.get(c.source) for c in form.columns], ref
        )
        for n, (v, ref) in ((str(i), value) for i, value in enumerate(values, 1))
    ]


def foot(rubric: Rubric, form: Form, context: Context) -> list[FormRow]:
    """The rows under the table: the label in the first cell, then the figures of ``source``.

    source: ``total`` (the root), a clause or a subtotal: its max, self score and points; the source
    of one column (``points``): that figure of the root alone; empty: the label alone; any other
    text stands in the column of the maximum, as printed.
    """
    out = []
    for line in form.foot:
        total = _figures(rubric, rubric.root.code, context)
        if line.source in total:
            values = {line.source: total[line.source]}
        elif line.source in {"total", *rubric.by, *(s.code for s in rubric.subtotals)}:
            values = _figures(rubric, line.source, context)
        else:
            values = {"max": line.source}
        cells = [values.get(column.source) for column in form.columns[1:]]
        out.append(FormRow([line.label, *cells], f"foot:{line.source}"))
    return out


def _figures(rubric: Rubric, source: str, context: Context) -> dict[str, Cell]:
    subtotal = next((s for s in rubric.subtotals if s.code == source), None)
    codes = subtotal.of if subtotal else (rubric.root.code if source == "total" else source,)
    return {
        "max": _sum(full_marks(rubric, code) for code in codes),
        "self": _sum(self_mark(rubric, code, context.self_marks) for code in codes),
        "points": _sum(context.sheet[code].points for code in codes),
    }


# --- rows that are clauses -----------------------------------------------------------------------


def _clause_values(rubric: Rubric, clause: Clause, context: Context) -> dict[str, Cell]:
    score = context.sheet[clause.code]
    found = _evidence_under(rubric, clause.code, context)
    own = context.facts.mark(clause.code, "self")
    values: dict[str, Cell] = {
        "text": clause.text or clause.title,
        "title": clause.title or clause.text,
        "requirement": requirement(clause),
        "note": clause.note,
        "max": full_marks(rubric, clause.code),
        "pages": "、".join(dict.fromkeys(e.pages for e in found if e.pages)),
        "self": self_mark(rubric, clause.code, context.self_marks),
        "self.reason": own.reason if own else "",
        "points": score.points,
    }
    at: Clause | None = clause
    while at is not None:
        values[f"above.{rubric.levels[rubric.depth(at.code)]}"] = at.name
        at = rubric.by[at.parent] if at.parent is not None else None
    if clause.no:
        values["number"] = clause.no
    return values


def requirement(clause: Clause) -> str:
    """具体要求 as printed; where the rubric only names materials, these numbered."""
    if clause.requirement:
        return clause.requirement
    return "；".join(f"{n}.{label}" for n, label in enumerate(clause.materials, 1))


def self_mark(rubric: Rubric, code: str, self_marks: Mapping[str, Fraction]) -> Fraction | None:
    """自评分 of a clause: its own, or the sum of those below it, capped; None if there is none."""
    if code in self_marks:
        return self_marks[code]
    kids = rubric.children[code]
    clause = rubric.by[code]
    found = _sum(self_mark(rubric, kid.code, self_marks) for kid in kids)
    return found if found is None or clause.max is None else min(found, clause.max)


def _sum(numbers: Iterable[Fraction | None]) -> Fraction | None:
    known = [n for n in numbers if n is not None]
    return sum(known, Fraction(0)) if known else None


# --- evidence ------------------------------------------------------------------------------------


def named(evidence: Iterable[Evidence]) -> str:
    """印证材料名称及编号: ``3 集团章程；4 签到表``."""
    return "；".join(dict.fromkeys(f"{e.number} {e.name}".strip() for e in evidence))


def _evidence_under(rubric: Rubric, code: str, context: Context) -> list[Evidence]:
    """The documents at a clause, its slots and the rows that score in it, and all below; each once."""
    refs: list[str] = []
    for clause in rubric.under(code):
        refs.append(f"clause:{clause.code}")
        refs += [f"slot:{clause.code}#{n}" for n in range(1, len(clause.materials) + 1)]
        refs += [f"row:{ref}" for line in context.sheet[clause.code].lines for ref in _row_refs(line.ref)]
    return list(dict.fromkeys(e for ref in refs for e in context.evidence.get(ref, ())))


def _row_refs(ref: str) -> list[str]:
    return [r for r in ref.split(",") if r.endswith("]")]


# --- rows that are what was filed ----------------------------------------------------------------

Filed = tuple[dict[str, Cell], str]


def _filed(rubric: Rubric, context: Context) -> Iterator[Filed]:
    """集团工作推进情况: in printed order what each clause was given, each table row once.

    Ticked fields; material slots and clauses that have documents; the rows of the clause's table. A document
    in the slot of the same words proves what was ticked and is no line of its own.
    """
    seen: set[str] = set()
    for clause in rubric.leaves():
        indicator = rubric.indicator_of(clause.code) or clause
        category = indicator.title or indicator.text
        own = f"clause:{clause.code}"
        slots = {
            ref: label
            for n, label in enumerate(clause.materials, 1)
            if context.evidence.get(ref := f"slot:{clause.code}#{n}")
        }
        if isinstance(clause, TicksClause):
            for tick in clause.ticks:
                if context.facts.get(f"{clause.code}.{tick.key}") is True:
                    same = [ref for ref, label in slots.items() if label == tick.label]
                    values, _ref = _entry(tick.label, category, own, context, *same)
                    yield values, f"tick:{clause.code}.{tick.key}"
                    slots = {ref: label for ref, label in slots.items() if ref not in same}
        elif context.evidence.get(own):
            yield _entry(clause.title or clause.text, category, own, context)
        for ref, label in slots.items():
            yield _entry(label, category, ref, context)
        for row in _own_rows(rubric, clause, context):
            if row.ref not in seen:
                seen.add(row.ref)
                yield _entry(describe(row), category, f"row:{row.ref}", context)


def _own_rows(rubric: Rubric, clause: Clause, context: Context) -> Iterator[Row]:
    """The rows that are a clause's business, or that it shows beside itself."""
    asked = [(show.table, show.where) for show in clause.show]
    table, where = getattr(clause, "table", None), getattr(clause, "where", None)
    if table is not None:
        asked.insert(0, (table, where or {}))
    for key, conditions in asked:
        for row in rows_of(rubric.table[key], context.facts) or ():
            if row.matches(conditions):
                yield row


def _entry(what: str, category: str, ref: str, context: Context, *more: str) -> Filed:
    found = named(e for place in (ref, *more) for e in context.evidence.get(place, ()))
    return {"what": what, "category": category, "evidence": found}, ref


def describe(row: Row) -> str:
    """A row in one sentence, as the table's ``describe`` says it; without one, its texts in a line."""
    if row.table.describe:
        text = row.table.describe
        for column in row.table.columns:
            text = text.replace("{" + column.key + "}", shown(row, column))
        return text
    return " ".join(filter(None, (shown(row, c) for c in row.table.columns if c.type != "tick")))


# --- rows that are a table's ---------------------------------------------------------------------


def _table_rows(rubric: Rubric, table: Table, context: Context) -> Iterator[Filed]:
    for row in rows_of(table, context.facts) or ():
        values: dict[str, Cell] = {}
        for column in table.columns:
            number = read_number(row.cell(column.key)) if column.type in {"count", "number"} else None
            values[f"row.{column.key}"] = shown(row, column) if number is None else number
        yield values, f"row:{row.ref}"


def shown(row: Row, column: Column) -> str:
    """A cell for people: schools and options by name, a tick as a tick."""
    value: Any = row.cell(column.key)
    if value is None or value is False:
        return ""
    if value is True:
        return "✓"
    if column.type == "school":
        return str(row.facts.members.get(value, {}).get("name", value))
    if column.type == "choice":
        return next((o.label or o.value for o in column.options if o.value == value), str(value))
    return str(value)
