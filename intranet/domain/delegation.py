"""Handing out (分工): the lead school gives clauses or rows to its member schools, with a date, and sees how
far they are. What a member school may do with it is asked of ``filing``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from intranet.domain.filing import Filing, Right
from intranet.domain.phases import filing_deadline
from intranet.domain.scoring import EntrySheet
from intranet.enums import SchoolRole
from intranet.errors import Conflict, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Delegation, EntrySchool, FactRow
from intranet.queries.filed import row_of, rows_of
from intranet.queries.filing import SCHOOL, Ask, Page
from intranet.queries.sharing import (
    CLAUSE,
    ROW,
    asked_in_row,
    asked_of,
    delegation_at,
    delegation_of,
    delegations_of,
    handed_pages,
    home_of,
    named,
    row_id_in,
    row_title,
)
from intranet.rubric.checks import parse_value
from intranet.rubric.model import Column

MOST = 500
"""Delegations given at once: more than any matrix of indicators and schools has."""
NOTE = 500

_DUE = Column(key="due", label="due", type="date")


# --- how it stands ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handed:
    """One delegation as it stands. state: none, doing, late, done (已完成 was said).

    code: the page it stands on, "" where that is gone; todo: what is left, in words; table, row: of a row.
    """

    given: Delegation
    school: EntrySchool
    code: str
    title: str
    state: str
    n: int
    of: int
    todo: tuple[str, ...] = ()
    table: str = ""
    row: int = 0


def overview(filing: Filing, filed: EntrySheet, given: Sequence[Delegation] | None = None) -> list[Handed]:
    """What is handed out, in the order of the pages, then of the schools.

    :param given: some of it; None for all of the entry.
    """
    every = filing.every_page
    given = delegations_of(filing.session, filing.entry_id) if given is None else given
    rows = rows_of(filing.session, filing.entry_id) if any(named(d.ref)[0] == ROW for d in given) else {}
    schools = {s.school_id: s for s in filing.schools}
    out = [_handed(filing, filed, d, schools[d.school_id], rows) for d in given if d.school_id in schools]
    order = {code: n for n, code in enumerate(every)}
    places = {s.school_id: n for n, s in enumerate(filing.schools)}
    return sorted(out, key=lambda h: (order.get(h.code, len(order)), places[h.school.school_id], h.given.id))


def _handed(
    filing: Filing, filed: EntrySheet, given: Delegation, school: EntrySchool, rows: Mapping[int, FactRow]
) -> Handed:
    rubric, every = filing.rubric, filing.every_page
    kind, what = named(given.ref)
    asked: list[Ask] = []
    code, title, table, row_id = "", what, "", 0
    if kind == CLAUSE:
        pages = handed_pages(rubric, every, [what])
        code = next(iter(pages), "")
        title = (rubric.by[what].title or rubric.by[what].text) if what in rubric.by else what
        asked = [a for page in pages.values() for a in asked_of(rubric, page, filed, {school.code})]
    else:
        row = rows.get(row_id_in(given.ref))
        if row is not None and row.deleted_at is None:
            home = home_of(every, row)
            table, row_id = row.table, row.id or 0
            code, title = (
                home.code if home else "",
                f"{rubric.table[row.table].title}：{row_title(rubric, row)}",
            )
            asked = [asked_in_row(rubric, row, given)]
        else:
            title = _("已删除的一行")
    done = sum(a.is_done for a in asked)
    if given.finished_at is not None:
        state = "done"
    elif given.due is not None and given.due < today(filing):
        state = "late"
    else:
        state = "doing" if any(a.is_started for a in asked) else "none"
    return Handed(
        given=given,
        school=school,
        code=code,
        title=title,
        state=state,
        n=done,
        of=len(asked),
        todo=tuple(a.label for a in asked if not a.is_done),
        table=table,
        row=row_id,
    )


def today(filing: Filing) -> date:
    return filing.at.astimezone(ZoneInfo(filing.zone)).date()


# --- what can be handed out ------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """Something that can be handed out. depth 1: a clause below an indicator; parts: whether it has such."""

    ref: str
    no: str
    title: str
    depth: int = 0
    parts: bool = False


def members(filing: Filing) -> list[EntrySchool]:
    """The schools to which something can be handed."""
    return [s for s in filing.schools if s.role != SchoolRole.LEAD]


def lines(filing: Filing, opened: str = "") -> list[Line]:
    """The indicators that ask the school for something; of the ``opened`` one its clauses too."""
    out = []
    for page in filing.every_page.values():
        if not _asks_school(filing, page):
            continue
        below = _below(filing, page)
        clause = page.clause
        name = clause.short or clause.title or clause.text
        out.append(Line(f"{CLAUSE}:{page.code}", clause.no or page.code, name, 0, bool(below)))
        if page.code == opened:
            out += [
                Line(f"{CLAUSE}:{code}", filing.rubric.by[code].no or code, filing.rubric.by[code].name, 1)
                for code in below
            ]
    return out


def _asks_school(filing: Filing, page: Page) -> bool:
    fields = any(f.by == SCHOOL for f in page.fields)
    tables = any(filing.rubric.table[key].by == SCHOOL for key in page.tables)
    return fields or tables or any(c.materials for c in page.clauses)


def _below(filing: Filing, page: Page) -> list[str]:
    """Clauses of a page that can be handed out by themselves: those that ask for something."""
    codes = [c.code for c in page.clauses if c.code != page.code]
    found = []
    for code in codes:
        part = handed_pages(filing.rubric, filing.every_page, [code]).get(page.code)
        if part is not None and _asks_school(filing, part):
            found.append(code)
    return found


def row_lines(filing: Filing, key: str) -> list[Line]:
    """The rows of a table of the school. :raises NotFound: there is no such table."""
    table = filing.rubric.table.get(key)
    if table is None or table.by != SCHOOL:
        raise NotFound(_("没有这张表。"))
    found = [
        r for r in rows_of(filing.session, filing.entry_id).values() if r.table == key and not r.deleted_at
    ]
    found.sort(key=lambda r: (r.position, r.id or 0))
    return [Line(f"{ROW}:{r.id}", str(n), row_title(filing.rubric, r)) for n, r in enumerate(found, 1)]


# --- the lead's verbs ------------------------------------------------------------------------------


def give(filing: Filing, chosen: Sequence[tuple[str, str]], *, due: str, note: str) -> int:
    """Hand things out. What a school already has stays as it is.

    :param chosen: (ref, code of a member school) pairs; :param due: a date as typed, "" for none.
    :returns: how many were new.
    :raises Invalid: nothing chosen, no such date; ``problems`` by due, note, give.
    """
    filing.require_lead()
    day, note = _read(filing, due, note)
    if not chosen:
        raise Invalid(_("请先勾选要分出去的内容和学校。"), field="give")
    if len(chosen) > MOST:
        raise Invalid(_("一次最多分出 %(n)s 处。", n=MOST), field="give")
    schools = {s.code: s for s in members(filing)}
    return sum(_give(filing, ref, schools.get(code), day, note) for ref, code in dict.fromkeys(chosen))


def _give(filing: Filing, ref: str, school: EntrySchool | None, due: date | None, note: str) -> bool:
    _require_there(filing, ref)
    if school is None:
        raise NotFound(_("没有这所学校。"))
    session = filing.session
    given = delegation_at(session, filing.entry_id, school.school_id, ref)
    if given is not None and given.withdrawn_at is None:
        return False
    if given is None:
        given = Delegation(
            entry_id=filing.entry_id,
            school_id=school.school_id,
            ref=ref,
            given_by=filing.actor.user_id,
            version=0,
        )
    given.due, given.note, given.withdrawn_at, given.finished_at = due, note, None, None
    given.given_by, given.given_at = filing.actor.user_id, filing.at
    given.version += 1
    session.add(given)
    session.flush()
    filing.record("delegation.give", subject=f"{ref}@{school.code}", new=_said(given))
    return True


def _require_there(filing: Filing, ref: str) -> None:
    kind, what = named(ref)
    if kind == CLAUSE and any(c.code == what for p in filing.every_page.values() for c in p.clauses):
        return
    row = row_of(filing.session, filing.entry_id, row_id_in(ref)) if kind == ROW else None
    if row is None or row.deleted_at is not None:
        raise NotFound(_("没有可以分出去的这一处。"))


def change(filing: Filing, delegation_id: int, *, due: str, note: str, version: int) -> Delegation:
    """Another date or note. :raises Conflict: changed meanwhile. :raises Invalid: by due, note."""
    filing.require_lead()
    given = _given(filing, delegation_id)
    day, note = _read(filing, due, note, old=given.due)
    if version != given.version:
        raise Conflict(_("这一处分工刚刚改过，请看一下再改。"), theirs=given)
    old = _said(given)
    given.due, given.note = day, note
    if _said(given) != old:
        _changed(filing, given, "delegation.change", old)
    return given


def withdraw(filing: Filing, delegation_id: int) -> None:
    """Take back: what was filled in stays, the school no longer meets it."""
    filing.require_lead()
    given = _given(filing, delegation_id)
    given.withdrawn_at = filing.at
    _changed(filing, given, "delegation.withdraw", _said(given))


def finish(filing: Filing, delegation_id: int, *, finished: bool) -> Delegation:
    """A member school says 已完成, or takes that back. Doing it twice changes nothing more.

    :raises NotFound: it was not handed to the actor's school.
    """
    given = _given(filing, delegation_id)
    own = {s.school_id for s in filing.own_schools}
    if filing.right is not Right.MEMBER or given.school_id not in own:
        raise NotFound(_("没有这一处分工。"))
    filing.require_now(_page_of(filing, given))
    if (given.finished_at is not None) != finished:
        old = _said(given)
        given.finished_at = filing.at if finished else None
        _changed(filing, given, "delegation.finish" if finished else "delegation.reopen", old)
    return given


def _page_of(filing: Filing, given: Delegation) -> str | None:
    kind, what = named(given.ref)
    if kind == CLAUSE:
        return next(iter(handed_pages(filing.rubric, filing.every_page, [what])), None)
    row = row_of(filing.session, filing.entry_id, row_id_in(given.ref))
    home = home_of(filing.every_page, row) if row else None
    return home.code if home else None


def _given(filing: Filing, delegation_id: int) -> Delegation:
    found = delegation_of(filing.session, filing.entry_id, delegation_id)
    if found is None:
        raise NotFound(_("没有这一处分工。"))
    return found


def _changed(filing: Filing, given: Delegation, action: str, old: dict[str, str | None]) -> None:
    given.version += 1
    filing.session.add(given)
    filing.session.flush()
    school = next((s.code for s in filing.schools if s.school_id == given.school_id), "")
    filing.record(action, subject=f"{given.ref}@{school}", old=old, new=_said(given))


def _said(given: Delegation) -> dict[str, str | None]:
    def day(value: date | datetime | None) -> str | None:
        return value.isoformat() if value is not None else None

    return {
        "due": day(given.due),
        "note": given.note,
        "finished": day(given.finished_at),
        "withdrawn": day(given.withdrawn_at),
    }


def _read(filing: Filing, due: str, note: str, *, old: date | None = None) -> tuple[date | None, str]:
    note = note.strip()
    problems: dict[str, str] = {}
    day: date | None = None
    try:
        text = parse_value(_DUE, due)
        day = date.fromisoformat(text) if text else None
    except Invalid as error:
        problems["due"] = error.message
    last = filing_deadline(filing.cycle, filing.entry)
    latest = last.astimezone(ZoneInfo(filing.zone)).date() if last else None
    if day is not None and day != old:
        if day < today(filing):
            problems["due"] = _("这一天已经过去，请另选一天。")
        elif latest is not None and day > latest:
            problems["due"] = _("填报在 %(day)s 截止，请选这天或更早的一天。", day=latest.isoformat())
    if len(note) > NOTE:
        problems["note"] = _("说明最多 %(n)s 字，请写短一些。", n=NOTE)
    if problems:
        raise Invalid(next(iter(problems.values())), problems)
    return day, note
