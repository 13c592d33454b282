"""What was handed to which member school (分工), what that school therefore meets, and its words on rows.

A member school's people see what was handed to their school and the rows that name it, nothing else
of the unit's filing. Which that is follows from the delegations, here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import ConfirmState, Role, SchoolRole
from intranet.i18n import _
from intranet.models import Confirmation, Cycle, Delegation, Entry, EntrySchool, Evidence, FactRow, Grant
from intranet.queries.entries import SEES_ALL, cycle_of, schools_of
from intranet.queries.filing import SCHOOL, Ask, Filed, Page, asks, matches, narrowed, pages
from intranet.rubric import loader
from intranet.rubric.model import Rubric, Table

CLAUSE, ROW = "clause", "row"


@lru_cache(maxsize=32)
def definition_of(text: str) -> loader.Definition:
    """A cycle's own snapshot of its rubric; a stricter lint never closes an opened cycle."""
    return loader.load(text, check=False)


# --- what was handed -------------------------------------------------------------------------------


def delegations_of(
    session: Session, entry_id: int, school_ids: Collection[int] | None = None
) -> Sequence[Delegation]:
    """What is handed out now, in the order in which it was given; of these schools, if named."""
    query = select(Delegation).where(Delegation.entry_id == entry_id, col(Delegation.withdrawn_at).is_(None))
    if school_ids is not None:
        query = query.where(col(Delegation.school_id).in_(school_ids))
    return session.exec(query.order_by(col(Delegation.id))).all()


def delegation_at(session: Session, entry_id: int, school_id: int, ref: str) -> Delegation | None:
    """The delegation of this thing to this school, taken back ones too."""
    return session.exec(
        select(Delegation).where(
            Delegation.entry_id == entry_id, Delegation.school_id == school_id, Delegation.ref == ref
        )
    ).first()


def delegation_of(session: Session, entry_id: int, delegation_id: int) -> Delegation | None:
    """One that stands."""
    found = session.get(Delegation, delegation_id)
    there = found is not None and found.entry_id == entry_id and found.withdrawn_at is None
    return found if there else None


def named(ref: str) -> tuple[str, str]:
    """(kind, what) of ``clause:<code>`` or ``row:<id>``."""
    kind, _colon, what = ref.partition(":")
    return kind, what


def row_id_in(ref: str) -> int:
    """The id in a ``row:`` ref, 0 for any other text."""
    kind, what = named(ref)
    return int(what) if kind == ROW and what.isascii() and what.isdigit() and len(what) <= 18 else 0


def home_of(every: Mapping[str, Page], row: FactRow) -> Page | None:
    """The page on which a row stands: the first that counts it, else the first with its table."""
    with_table = [p for p in every.values() if row.table in p.tables]
    counting = (p for p in with_table if any(matches(row.cells, where) for where in p.tables[row.table]))
    return next(counting, with_table[0] if with_table else None)


@dataclass(frozen=True)
class Share:
    """What a member school's people meet of an entry.

    schools: theirs; pages: with no more on them than was handed; single: ids of rows handed one by one.
    """

    rubric: Rubric
    schools: tuple[EntrySchool, ...]
    delegations: tuple[Delegation, ...]
    pages: Mapping[str, Page]
    single: frozenset[int]

    def holds(self, code: str, row: FactRow) -> bool:
        """Whether the row was handed to them, on this page."""
        page = self.pages.get(code)
        if page is None or row.table not in page.tables or row.owner != SCHOOL:
            return False
        return row.id in self.single or self.covers(code, row.table, row.cells)

    def covers(self, code: str, table: str, cells: Mapping[str, Any]) -> bool:
        """Whether a row of these cells belongs to a clause that was handed."""
        page = self.pages.get(code)
        return page is not None and any(matches(cells, where) for where in page.tables.get(table, ()))

    def sees(self, code: str, row: FactRow) -> bool:
        """Whether they may read the row on this page: it was handed to them or names their school."""
        page = self.pages.get(code)
        on_page = page is not None and row.table in page.tables
        return on_page and (self.holds(code, row) or self.is_named(row))

    def meets(self, row: FactRow) -> bool:
        """Whether they may read the row anywhere."""
        return self.is_named(row) or any(self.holds(code, row) for code in self.pages)

    def is_named(self, row: FactRow) -> bool:
        table = self.rubric.table.get(row.table)
        codes = {s.code for s in self.schools}
        return table is not None and any(row.cells.get(column) in codes for column in table.confirmed_by)

    def has_place(self, ref: str, rows: Mapping[int, FactRow]) -> bool:
        """Whether they meet the place that a file proves (``slot:``, ``clause:``, ``row:``)."""
        kind, what = named(ref)
        if kind == ROW:
            row = rows.get(row_id_in(ref))
            return row is not None and self.meets(row)
        code = what.rpartition("#")[0] if kind == "slot" else what
        return any(c.code == code for page in self.pages.values() for c in page.clauses)


def is_member_only(actor: Actor, schools: Sequence[EntrySchool]) -> bool:
    """Whether the actor is at a member school of the entry and nothing more."""
    own = actor.all_schools
    if actor.has(*SEES_ALL) or not any(s.school_id in own for s in schools):
        return False
    return not any(s.role == SchoolRole.LEAD and s.school_id in own for s in schools)


def share_of(
    session: Session,
    actor: Actor,
    entry_id: int,
    rubric: Rubric,
    every: Mapping[str, Page],
    schools: Sequence[EntrySchool],
) -> Share | None:
    """What the actor meets, None if that is everything.

    :param every: all pages of the rubric; :param schools: the entry's.
    """
    if not is_member_only(actor, schools):
        return None
    own = tuple(s for s in schools if s.school_id in actor.all_schools)
    given = tuple(delegations_of(session, entry_id, [s.school_id for s in own]))
    single = _rows(session, entry_id, {row_id_in(d.ref) for d in given} - {0})
    codes = [what for kind, what in (named(d.ref) for d in given) if kind == CLAUSE]
    found = handed_pages(rubric, every, codes, single)
    return Share(rubric, own, given, found, frozenset(r.id or 0 for r in single))


def _rows(session: Session, entry_id: int, ids: Collection[int]) -> list[FactRow]:
    if not ids:
        return []
    query = select(FactRow).where(
        col(FactRow.id).in_(ids), FactRow.entry_id == entry_id, FactRow.owner == SCHOOL
    )
    return list(session.exec(query))


def handed_pages(
    rubric: Rubric, every: Mapping[str, Page], codes: Iterable[str], rows: Iterable[FactRow] = ()
) -> dict[str, Page]:
    """The pages with what was handed on them: whole ones, those of single clauses, tables of single rows."""
    whole = {code for code in codes if code in every}
    below = {c.code for code in codes if code not in every and code in rubric.by for c in rubric.under(code)}
    beside: dict[str, set[str]] = {}
    for row in rows:
        home = home_of(every, row)
        if home is not None:
            beside.setdefault(home.code, set()).add(row.table)
    out: dict[str, Page] = {}
    for code, page in every.items():
        own = {c.code for c in page.clauses} & below
        if code in whole:
            out[code] = page
        elif own or code in beside:
            part = narrowed(rubric, page, own)
            tables = {key: part.tables.get(key, ()) for key in page.tables}
            kept = {k: v for k, v in tables.items() if k in part.tables or k in beside.get(code, ())}
            out[code] = replace(part, tables=kept)
    return out


def may_see_file(session: Session, actor: Actor, entry: Entry, file: Evidence, refs: Iterable[str]) -> bool:
    """Whether a person who may see the entry may see this file of it; refs: what it proves."""
    assert entry.id is not None
    schools = schools_of(session, [entry.id])[entry.id]
    if not is_member_only(actor, schools):
        return True
    cycle: Cycle = cycle_of(session, entry)
    rubric = definition_of(cycle.definition).bind(cycle.rulings)
    share = share_of(session, actor, entry.id, rubric, {p.code: p for p in pages(rubric)}, schools)
    assert share is not None
    rows = {r.id or 0: r for r in _rows(session, entry.id, {row_id_in(ref) for ref in refs} - {0})}
    return is_own_file(session, share, file) or any(share.has_place(ref, rows) for ref in refs)


def is_own_file(session: Session, share: Share, file: Evidence) -> bool:
    """Whether somebody of their schools uploaded it."""
    at = schools_of_people(session, [file.uploaded_by])
    return bool(at.get(file.uploaded_by, frozenset()) & {s.school_id for s in share.schools})


def schools_of_people(session: Session, user_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """The schools at which people file or help to, by user id."""
    query = select(Grant).where(
        col(Grant.user_id).in_(set(user_ids)), col(Grant.role).in_((Role.FILER, Role.CONTRIBUTOR))
    )
    out: dict[int, frozenset[int]] = {}
    for grant in session.exec(query):
        if grant.school_id is not None:
            out[grant.user_id] = out.get(grant.user_id, frozenset()) | {grant.school_id}
    return out


# --- how far it has come ---------------------------------------------------------------------------


def asked_of(rubric: Rubric, page: Page, filed: Filed, schools: Collection[str]) -> list[Ask]:
    """What a page that was handed out asks of these schools (codes): no own scores, of what each school
    answers only theirs, and a table is done once it has a row of what was handed."""
    members = {code: m for code, m in filed.facts.members.items() if code in schools}
    theirs = _Narrow(filed.entry, replace(filed.facts, members=members), filed.form, filed.sheet)
    out = []
    for ask in asks(rubric, page, theirs):
        if ask.kind == "table" and page.tables[ask.key]:
            empty = filed.facts.rows(ask.key) == []
            out.append(replace(ask, is_done=ask.is_started or empty, is_started=ask.is_started or empty))
        elif ask.kind not in ("self", "table"):
            out.append(ask)
    return out


@dataclass
class _Narrow:
    entry: Entry
    facts: Any
    form: Any
    sheet: Any


def asked_in_row(rubric: Rubric, row: FactRow, given: Delegation) -> Ask:
    """A row that was handed: done once each cell that has to be filled in is."""
    needed = [c for c in rubric.table[row.table].columns if c.required and not c.of]
    full = all(row.cells.get(c.key) not in (None, "") for c in needed)
    touched = row.changed_at > given.given_at
    blank = [c.label for c in needed if row.cells.get(c.key) in (None, "")]
    return Ask("row", str(row.id), _("、").join(blank) or _("核对这一行"), full and touched, touched)


def row_title(rubric: Rubric, row: FactRow) -> str:
    """A row in a word: what stands in its first column."""
    first = rubric.table[row.table].columns[0]
    return str(row.cells.get(first.key) or "") or rubric.table[row.table].title


# --- words on rows ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Word:
    """What one school says of a row that names it. said: its word, if it holds for the row as it is now."""

    school: EntrySchool
    state: ConfirmState
    said: Confirmation | None = None


@dataclass(frozen=True)
class Words:
    """The words on the rows of one entry."""

    schools: Sequence[EntrySchool]
    by_person: Mapping[int, frozenset[int]]
    said: Mapping[tuple[int, int], Confirmation]

    def on(self, table: Table, row: FactRow) -> tuple[Word, ...]:
        """One word of each school that has to confirm the row: those named, but for the one that wrote it."""
        if not table.confirmed_by or row.deleted_at is not None:
            return ()
        out = []
        writers = self._writers(row)
        codes = dict.fromkeys(row.cells.get(column) for column in table.confirmed_by)
        for code in codes:
            school = next((s for s in self.schools if s.code == code), None)
            if school is None or school.school_id in writers:
                continue
            said = self.said.get((row.id or 0, school.school_id))
            holds = said is not None and said.row_version == row.version
            state = said.state if said is not None and holds else ConfirmState.OPEN
            out.append(Word(school, state, said if holds else None))
        return tuple(out)

    def _writers(self, row: FactRow) -> frozenset[int]:
        """The school that wrote the row; the lead's where its writer has left."""
        here = {s.school_id for s in self.schools}
        found = self.by_person.get(row.created_by, frozenset()) & here
        return frozenset(found or {s.school_id for s in self.schools if s.role == SchoolRole.LEAD})


def words_of(
    session: Session,
    entries: Mapping[int, Sequence[EntrySchool]],
    writers: Collection[int],
) -> dict[int, Words]:
    """The words of entries by id, with two queries. writers: who created their rows."""
    said: dict[int, dict[tuple[int, int], Confirmation]] = {i: {} for i in entries}
    for found in session.exec(select(Confirmation).where(col(Confirmation.entry_id).in_(list(entries)))):
        said[found.entry_id][found.row_id, found.school_id] = found
    at = schools_of_people(session, writers)
    return {i: Words(schools, at, said[i]) for i, schools in entries.items()}


def together(words: Sequence[Word]) -> ConfirmState | None:
    """How a row stands: disputed by one, open for one, confirmed by all; None if nobody is asked."""
    states = {w.state for w in words}
    order = (ConfirmState.DISPUTED, ConfirmState.OPEN, ConfirmState.CONFIRMED)
    return next((s for s in order if s in states), None)


def confirmation_of(session: Session, row_id: int, school_id: int) -> Confirmation | None:
    return session.exec(
        select(Confirmation).where(Confirmation.row_id == row_id, Confirmation.school_id == school_id)
    ).first()
