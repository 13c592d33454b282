"""What one entry has filed, page by page: what is asked, what is there, what is missing.

Everything here reads a rubric and facts that are already loaded; the selects are in ``filed``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from intranet.enums import SubmissionState
from intranet.i18n import _
from intranet.models import SELF, Entry, Return
from intranet.rubric import expression
from intranet.rubric.facts import Facts
from intranet.rubric.fields import Form
from intranet.rubric.ledger import Score, State
from intranet.rubric.model import (
    Clause,
    Conditions,
    DeductClause,
    Field,
    JudgedClause,
    MeasureClause,
    RankClause,
    RosterClause,
    Rubric,
    TallyClause,
)

SCHOOL = "school"
"""Owner of what the school fills in (see ``rubric.facts``)."""


class Filed(Protocol):
    """An entry as it stands; ``domain.scoring.EntrySheet`` is one."""

    entry: Entry
    facts: Facts
    form: Form

    @property
    def sheet(self) -> dict[str, Score]: ...


# --- pages: what is asked where ------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """One indicator with all that is filled in for it.

    tables: key -> the conditions by which its clauses pick rows ({} takes all). Fields and tables
    of every owner are here; ``asked_fields`` are the school's.
    """

    clause: Clause
    clauses: tuple[Clause, ...]
    leaves: tuple[Clause, ...]
    fields: tuple[Field, ...]
    tables: Mapping[str, tuple[Conditions, ...]]

    @property
    def code(self) -> str:
        return self.clause.code


def _formulas(clause: Clause) -> Iterable[str]:
    if isinstance(clause, MeasureClause | RankClause):
        yield clause.formula
    yield from (loss.formula for loss in clause.losses if loss.formula is not None)


def _tables_of(rubric: Rubric, clause: Clause) -> Iterable[tuple[str, Conditions]]:
    if isinstance(clause, TallyClause | RosterClause):
        yield clause.table, clause.where
    if isinstance(clause, DeductClause):
        yield from ((e.rows, {}) for e in clause.events if e.rows is not None)
    yield from ((show.table, show.where) for show in clause.show)
    for formula in _formulas(clause):
        for name in expression.names(expression.parse(formula)):
            if name.column and name.key in rubric.table:
                yield name.key, {}


_kept: dict[int, tuple[Rubric, tuple[Page, ...]]] = {}
_KEPT_AT_MOST = 32


def pages(rubric: Rubric) -> tuple[Page, ...]:
    """The pages of a rubric in printed order: its indicators, leaves that stand above that level, and
    a last one, under the root's code, for what no indicator asks for. What is 未设分值 has none.

    Kept with the rubric, which ``Definition.bind`` hands out as one object: every request asks for them.
    """
    held = _kept.get(id(rubric))
    if held is None or held[0] is not rubric:
        if len(_kept) >= _KEPT_AT_MOST:
            _kept.clear()
        held = _kept[id(rubric)] = (rubric, _pages(rubric))
    return held[1]


def _pages(rubric: Rubric) -> tuple[Page, ...]:
    unset = {below.code for c in rubric.clauses if c.unset for below in rubric.under(c.code)}
    homes = [c for c in rubric.clauses if c in rubric.indicators or _is_high_leaf(rubric, c)]
    home = {below.code: c.code for c in homes for below in rubric.under(c.code)}
    fields: dict[str, list[Field]] = {}
    for item in rubric.all_fields.values():
        if item.clause in unset:
            continue
        code = home.get(item.clause) or home.get(_user_of(rubric, item.key) or "") or rubric.root.code
        fields.setdefault(code, []).append(item)
    tables: dict[str, dict[str, list[Conditions]]] = {}
    for clause in (c for c in rubric.clauses if c.code not in unset):
        for key, where in _tables_of(rubric, clause):
            found = tables.setdefault(home.get(clause.code, rubric.root.code), {}).setdefault(key, [])
            found.append(where)
    housed = {key for page in tables.values() for key in page}
    housed |= {key for code in unset for key, _where in _tables_of(rubric, rubric.by[code])}
    for table in rubric.tables:
        if table.key not in housed:
            tables.setdefault(rubric.root.code, {})[table.key] = [{}]
    out = [
        Page(
            clause=clause,
            clauses=tuple(rubric.under(clause.code)),
            leaves=tuple(rubric.leaves(clause.code)),
            fields=tuple(fields.get(clause.code, ())),
            tables={k: tuple(v) for k, v in tables.get(clause.code, {}).items()},
        )
        for clause in homes
    ]
    root = rubric.root
    rest = Page(
        clause=root,
        clauses=tuple(c for c in rubric.clauses if c.code not in home and c.code not in unset),
        leaves=(),
        fields=tuple(fields.get(root.code, ())),
        tables={k: tuple(v) for k, v in tables.get(root.code, {}).items()},
    )
    if root.code not in home and (
        any(f.by == SCHOOL for f in rest.fields)
        or any(rubric.table[k].by == SCHOOL for k in rest.tables)
        or any(c.materials for c in rest.clauses)
    ):
        out.append(rest)
    return tuple(out)


def narrowed(rubric: Rubric, page: Page, codes: Collection[str]) -> Page:
    """A page with these of its clauses alone, and what is filled in for them."""
    clauses = tuple(c for c in page.clauses if c.code in codes)
    tables: dict[str, tuple[Conditions, ...]] = {}
    for clause in clauses:
        for key, where in _tables_of(rubric, clause):
            tables[key] = (*tables.get(key, ()), where)
    return Page(
        clause=page.clause,
        clauses=clauses,
        leaves=tuple(c for c in page.leaves if c.code in codes),
        fields=tuple(f for f in page.fields if (f.clause or _user_of(rubric, f.key)) in codes),
        tables=tables,
    )


def _is_high_leaf(rubric: Rubric, clause: Clause) -> bool:
    leaf = not rubric.children[clause.code] and not clause.unset
    return leaf and rubric.depth(clause.code) < rubric.indicator_level


def _user_of(rubric: Rubric, key: str) -> str | None:
    """The first clause whose formula names a field that was declared without a place of its own."""
    for clause in rubric.clauses:
        for formula in _formulas(clause):
            if any(not n.column and n.key == key for n in expression.names(expression.parse(formula))):
                return clause.code
    return None


# --- progress: what is there, what is missing ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing a page asks of the school. kind: field, table, slot or self.

    is_done: nothing is left to do about it; is_started: something was put there.
    """

    kind: str
    key: str
    label: str
    is_done: bool
    is_started: bool
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """State of one indicator of one entry: none, doing, miss, done or back.

    missing: materials the notice names that are neither there nor declared absent. todo: everything
    that is not done yet, materials included. is_asked: False where the school has nothing to fill in
    (then the state is done).
    """

    state: str
    missing: int = 0
    todo: tuple[Ask, ...] = ()
    is_asked: bool = True


def asks(rubric: Rubric, page: Page, filed: Filed) -> list[Ask]:
    """All that a page asks of the school, in the order in which it stands there."""
    facts, form = filed.facts, filed.form
    out: list[Ask] = []
    several = has_several_lists(page, form)
    for clause in page.clauses:
        for slot in form.slots(clause.code):
            value = facts.slot(clause.code, slot.n - 1)
            if not slot.hidden and value != "na":
                known = value is not None
                label = f"{clause.title}：{slot.label}" if several and clause.title else slot.label
                out.append(Ask("slot", f"{clause.code}#{slot.n}", label, known, known, clause.code))
    for declared in page.fields:
        if declared.by != SCHOOL or declared.key in form.hidden:
            continue
        item = form.field(declared.key)
        optional = item.type in {"text", "longtext"} and not item.required
        values = (
            [facts.of_member(school, item.key) for school in facts.members]
            if item.per == "member"
            else [facts.get(item.key)]
        )
        given = [v is not None for v in values]
        out.append(Ask("field", item.key, item.label, optional or all(given), any(given), declared.clause))
    for key, wheres in page.tables.items():
        table = rubric.table[key]
        if table.by == SCHOOL and _concerns(page, key, filed):
            rows = facts.rows(key)
            mine = any(matches(row, where) for row in rows or () for where in wheres)
            out.append(Ask("table", key, table.title, rows is not None, mine))
    for leaf in page.leaves:
        if isinstance(leaf, JudgedClause) and is_open(filed.sheet[leaf.code]):
            mark = facts.mark(leaf.code, SELF)
            given_mark = mark is not None and (mark.points is not None or mark.verdict is not None)
            label = _("“%(name)s”的自评分", name=leaf.name)
            out.append(Ask("self", leaf.code, label, given_mark, given_mark, leaf.code))
    return out


def has_several_lists(page: Page, form: Form) -> bool:
    """Whether two clauses of a page name a material by the same words (活动方案 for each of two activities)."""
    labels = [slot.label for clause in page.clauses for slot in form.slots(clause.code)]
    return len(set(labels)) < len(labels)


def _concerns(page: Page, table: str, filed: Filed) -> bool:
    """Whether a clause that reads the table applies to this unit."""
    readers = [
        c.code
        for c in page.clauses
        if getattr(c, "table", None) == table or any(s.table == table for s in c.show)
    ]
    return not readers or any(filed.sheet[code].state is not State.NA for code in readers)


def matches(row: Mapping[str, object], where: Conditions) -> bool:
    """Whether a clause that reads rows under these conditions counts this one."""
    return all(row.get(column) in allowed for column, allowed in where.items())


def shows(page: Page, table: str, cells: Mapping[str, object]) -> bool:
    """Whether the page shows such a row: a table may stand on several, each with its part."""
    wheres = page.tables.get(table)
    return wheres is not None and (not wheres or any(matches(cells, where) for where in wheres))


def is_open(score: Score) -> bool:
    """Whether a judged clause waits for a person's word, or has it: it applies, and its gate is open."""
    if score.state is State.SCORED:
        return not any(step.name == "gate" for step in score.steps)
    return score.state is State.PENDING


def progress(
    rubric: Rubric, sheets: Mapping[int, Filed], returns: Mapping[int, Sequence[Return]]
) -> dict[int, dict[str, Cell]]:
    """State of every page of every entry, by entry id and indicator code; no queries.

    :param sheets: ``domain.scoring.score_entries``.
    :param returns: the open ones, ``queries.entries.returns_of``.
    """
    laid_out = pages(rubric)
    return {
        entry_id: {page.code: _cell(rubric, page, filed, returns.get(entry_id, ())) for page in laid_out}
        for entry_id, filed in sheets.items()
    }


def _cell(rubric: Rubric, page: Page, filed: Filed, returns: Sequence[Return]) -> Cell:
    return cell_of(page, filed.entry, returns, asks(rubric, page, filed))


def cell_of(page: Page, entry: Entry, returns: Sequence[Return], asked: Sequence[Ask]) -> Cell:
    """The state of a page from what it asks."""
    todo = tuple(a for a in asked if not a.is_done)
    missing = sum(a.kind == "slot" for a in todo)
    if entry.state == SubmissionState.SUBMITTED:
        return Cell("done", missing, todo, bool(asked))
    if entry.state == SubmissionState.RETURNED:
        back = any(page.code in r.codes for r in returns)
        return Cell("back" if back else "done", missing, todo, bool(asked))
    if not todo:
        return Cell("done", is_asked=bool(asked))
    if not any(a.is_started for a in asked):
        return Cell("none", missing, todo)
    return Cell("miss" if missing == len(todo) else "doing", missing, todo)
