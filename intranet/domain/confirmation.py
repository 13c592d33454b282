"""Both sides' word on a row (双方确认): a school that a row names confirms it, or disputes it with a proposal;
the lead school takes the proposal over or keeps its own. A word holds for the row as it was when it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intranet.domain import fact_rows
from intranet.domain.fact_rows import read_cells, typed_columns
from intranet.domain.filing import Filing, Right
from intranet.enums import ConfirmState
from intranet.errors import Conflict, Forbidden, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Confirmation, EntrySchool, FactRow, LogEntry
from intranet.queries.filed import row_of, rows_of
from intranet.queries.log import about
from intranet.queries.sharing import Word, Words, confirmation_of, home_of, together, words_of
from intranet.rubric.model import Table

NOTE = 500
KEEP = "confirmation.keep"


@dataclass(frozen=True)
class Item:
    """A row with what the schools that it names say of it. own: the actor's schools' words.

    kept: the lead's answers to disputes, by school code: it keeps its own, for this reason.
    """

    row: FactRow
    table: Table
    code: str
    words: tuple[Word, ...]
    own: tuple[Word, ...]
    kept: Mapping[str, str]

    @property
    def state(self) -> ConfirmState | None:
        return together(self.words)


def words(filing: Filing, rows: Sequence[FactRow]) -> Words:
    """The words on rows of this entry, with a fixed number of queries."""
    schools = {filing.entry_id: filing.schools}
    return words_of(filing.session, schools, {r.created_by for r in rows})[filing.entry_id]


def items(filing: Filing, rows: Mapping[int, FactRow] | None = None) -> list[Item]:
    """The rows that some school has to confirm, in the order of the tables. A member school's people get
    those that ask their own school.

    :param rows: the entry's, if they are at hand.
    """
    tables = {t.key: t for t in filing.rubric.tables if t.confirmed_by}
    if not tables:
        return []
    rows = rows_of(filing.session, filing.entry_id) if rows is None else rows
    asked = [r for r in rows.values() if r.table in tables and r.deleted_at is None]
    said = words(filing, asked)
    own = {s.school_id for s in filing.own_schools}
    kept = _kept(filing)
    out = []
    for row in asked:
        each = said.on(tables[row.table], row)
        mine = tuple(w for w in each if w.school.school_id in own)
        if not each or (filing.share is not None and not mine):
            continue
        home = home_of(filing.every_page, row)
        answers = {
            w.school.code: answer.reason
            for w in each
            if (answer := kept.get(f"{row.id}@{w.school.code}")) is not None
            and w.said is not None
            and answer.at >= w.said.said_at
        }
        shown = each if filing.share is None else mine
        out.append(Item(row, tables[row.table], home.code if home else "", shown, mine, answers))
    order = list(tables)
    return sorted(out, key=lambda i: (order.index(i.table.key), i.row.position, i.row.id or 0))


def _kept(filing: Filing) -> dict[str, LogEntry]:
    """The lead's last answer to each dispute; the log is where it is said."""
    return {entry.subject: entry for entry in about(filing.session, filing.entry_id, KEEP)}


def unconfirmed(filing: Filing) -> dict[str, tuple[int, int]]:
    """(waiting, disputed) rows by page code, of pages that have any; not cut down to the actor's."""
    out: dict[str, tuple[int, int]] = {}
    for item in items(filing):
        waiting, disputed = out.get(item.code, (0, 0))
        if item.state is ConfirmState.OPEN:
            out[item.code] = (waiting + 1, disputed)
        elif item.state is ConfirmState.DISPUTED:
            out[item.code] = (waiting, disputed + 1)
    return out


# --- the named school's verbs ----------------------------------------------------------------------


def confirm(filing: Filing, versions: Mapping[int, int]) -> int:
    """Say that rows are right, for the actor's schools that they name.

    :param versions: row id -> the row's version that was read.
    :returns: how many rows. :raises Conflict: one changed meanwhile; nothing is said.
    """
    if not versions:
        raise Invalid(_("请先勾选要确认的行。"), field="row")
    for row_id, version in versions.items():
        row = _row(filing, row_id, version)
        for word in _own_words(filing, row):
            _say(filing, row, word.school, ConfirmState.CONFIRMED, {}, "")
    return len(versions)


def dispute(filing: Filing, row_id: int, texts: Mapping[str, str], note: str, *, version: int) -> FactRow:
    """Say that a row is not right: what the own school would write instead, and why.

    :param texts: every column as typed; what equals the row is no proposal.
    :raises Invalid: ``problems`` by column or ``note``: unreadable, or neither a proposal nor a note.
    :raises Conflict: the row changed meanwhile.
    """
    row = _row(filing, row_id, version)
    own = _own_words(filing, row)
    table, note = filing.rubric.table[row.table], note.strip()
    cells = read_cells(filing, table, texts)
    proposal = {c.key: cells[c.key] for c in typed_columns(table) if cells[c.key] != row.cells.get(c.key)}
    if len(note) > NOTE:
        raise Invalid(_("说明最多 %(n)s 字，请写短一些。", n=NOTE), field="note")
    if not proposal and not note:
        raise Invalid(_("请改正不对的地方，或写明哪里不对。"), field="note")
    for word in own:
        _say(filing, row, word.school, ConfirmState.DISPUTED, proposal, note)
    return row


def _row(filing: Filing, row_id: int, version: int) -> FactRow:
    row = row_of(filing.session, filing.entry_id, row_id)
    if row is None or row.deleted_at is not None or not filing.rubric.table[row.table].confirmed_by:
        raise NotFound(_("没有这一行。"))
    home = home_of(filing.every_page, row)
    if filing.right is Right.READER:
        raise Forbidden(_("您可以查看，不能修改。"))
    own = _own_words(filing, row) if filing.right is not Right.LEAD else ()
    if filing.right is not Right.LEAD and not own:
        raise NotFound(_("没有这一行。"))
    filing.require_now(home.code if home else None)
    if row.version != version:
        raise Conflict(_("这一行刚刚改过，请看一下再说。"), theirs=row)
    return row


def _own_words(filing: Filing, row: FactRow) -> tuple[Word, ...]:
    """:raises NotFound: the row asks none of the actor's schools."""
    own = {s.school_id for s in filing.own_schools}
    each = words(filing, [row]).on(filing.rubric.table[row.table], row)
    found = tuple(w for w in each if w.school.school_id in own)
    if not found or filing.right not in (Right.LEAD, Right.MEMBER):
        raise NotFound(_("这一行不需要本校确认。"))
    return found


def _say(
    filing: Filing,
    row: FactRow,
    school: EntrySchool,
    state: ConfirmState,
    proposal: dict[str, Any],
    note: str,
) -> None:
    session = filing.session
    said = confirmation_of(session, row.id or 0, school.school_id)
    new = {"state": state.value, "row_version": row.version, "proposal": proposal, "note": note}
    old = None
    if said is None:
        said = Confirmation(
            entry_id=filing.entry_id,
            row_id=row.id or 0,
            school_id=school.school_id,
            row_version=row.version,
            said_by=filing.actor.user_id,
        )
    else:
        old = {
            "state": said.state.value,
            "row_version": said.row_version,
            "proposal": said.proposal,
            "note": said.note,
        }
    if old == new:
        return
    said.row_version, said.state, said.proposal, said.note = row.version, state, proposal, note
    said.said_by, said.said_at = filing.actor.user_id, filing.at
    session.add(said)
    filing.touch()
    session.flush()
    action = "confirmation.dispute" if state is ConfirmState.DISPUTED else "confirmation.confirm"
    filing.record(action, subject=f"{row.id}@{school.code}", old=old, new=new)


# --- the lead's verbs ------------------------------------------------------------------------------


def take_over(filing: Filing, row_id: int, school: str, *, version: int) -> FactRow:
    """Write a school's proposal into the row; that school counts as having confirmed it.

    :param school: its code. :raises Conflict: the row, or the proposal with it, changed meanwhile.
    """
    row, word = _disputed(filing, row_id, school, version)
    assert word.said is not None
    if not word.said.proposal:
        raise Invalid(_("对方没有写怎样改。请按说明修改这一行，或保留原填。"), field="note")
    home = home_of(filing.every_page, row)
    code = home.code if home else ""
    row = fact_rows.replace_cells(filing, code, row_id, word.said.proposal, version=version)
    said = word.said
    old = {"state": said.state.value, "row_version": said.row_version, "proposal": said.proposal}
    said.state, said.row_version = ConfirmState.CONFIRMED, row.version
    filing.session.add(said)
    filing.session.flush()
    filing.record(
        "confirmation.take",
        subject=f"{row.id}@{school}",
        old=old,
        new={"state": said.state.value, "row_version": said.row_version},
    )
    return row


def keep(filing: Filing, row_id: int, school: str, note: str, *, version: int) -> None:
    """The lead keeps what it wrote, for a reason that the other school and the panel read."""
    note = note.strip()
    _disputed(filing, row_id, school, version)
    if not note:
        raise Invalid(_("请写明为什么保留原填。"), field="note")
    if len(note) > NOTE:
        raise Invalid(_("说明最多 %(n)s 字，请写短一些。", n=NOTE), field="note")
    filing.touch()
    filing.session.flush()
    filing.record(KEEP, subject=f"{row_id}@{school}", reason=note)


def _disputed(filing: Filing, row_id: int, school: str, version: int) -> tuple[FactRow, Word]:
    filing.require_lead()
    row = _row(filing, row_id, version)
    each = words(filing, [row]).on(filing.rubric.table[row.table], row)
    for word in each:
        if word.school.code == school and word.state is ConfirmState.DISPUTED:
            return row, word
    raise Conflict(_("这一处异议已经处理过了。"), theirs=row)
