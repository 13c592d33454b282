"""What would be carried over (结转) of a unit's last cycle, and what would not, with the reason; nothing is stored.

What still holds are rows of tables that last (they have a day from which and a day until which) and still run
when the new cycle's time begins, and documents that speak of a time that reaches into it. Everything else
is of the year it was filed in and is filed anew: fields, events, awards, own scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from intranet.domain import fact_rows
from intranet.domain.filing import Filing, read_value
from intranet.enums import SubmissionState
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.models import Cycle, Entry, Evidence, FactRow
from intranet.queries.carried import live_rows
from intranet.queries.entries import schools_of
from intranet.queries.filed import FiledEvidence, evidence_of, extent_of, table_state_of
from intranet.queries.filing import SCHOOL, shows
from intranet.rubric.model import Column, RosterClause, Rubric, Table


@dataclass(frozen=True, slots=True)
class CarriedRow:
    """One row. old: id of the row it comes from; shown: its cells in words; lost: cells that did not fit."""

    old: int
    table: str
    cells: Mapping[str, Any]
    shown: str
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CarriedFile:
    """One document. refs: places in the new rubric; rows: ids of old rows that come too; why it still holds.

    lost: places that are no longer there.
    """

    file: Evidence
    refs: tuple[str, ...]
    rows: tuple[int, ...]
    why: str
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """Something of last time that does not come, and why."""

    what: str
    why: str


@dataclass
class Preview:
    """What would come into the new entry. begins: the day on which the new cycle's time begins.

    joined, gone: names of schools against last time.
    """

    source: Entry
    cycle: Cycle
    begins: date
    rows: list[CarriedRow] = field(default_factory=list)
    files: list[CarriedFile] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.rows and not self.files


def may_offer(filing: Filing) -> bool:
    """Whether the entry has not taken over yet and is still being filed for the first time."""
    return filing.entry.carried_from is None and filing.entry.state == SubmissionState.OPEN


def begins(filing: Filing, old: Rubric, table: str = "") -> date:
    """When the new cycle's time begins.

    The day that the rubric names (``since``: stays that ended before it are not counted), of the
    clauses that read the table; else the day after the last cycle's own end (``until``); else the
    day on which filing begins.
    """
    stays = [c for c in filing.rubric.clauses if isinstance(c, RosterClause)]
    before = [c for c in old.clauses if isinstance(c, RosterClause)]
    since = [c.since for c in stays if c.since and table in ("", c.table)]
    if since:
        return min(date.fromisoformat(day) for day in since)
    ended = [c.until for c in before if c.until]
    if ended:
        return max(date.fromisoformat(day) for day in ended) + timedelta(days=1)
    opened = filing.cycle.filing_from or filing.cycle.created_at
    return opened.astimezone(ZoneInfo(filing.zone)).date()


def preview(filing: Filing, old: Rubric, source: Entry, cycle: Cycle) -> Preview:
    """What of ``source``, filed under the rubric ``old``, would come; writes nothing."""
    assert source.id is not None
    found = Preview(source, cycle, begins(filing, old))
    schools = schools_of(filing.session, [source.id])[source.id]
    then, now = {s.code: s.name for s in schools}, {s.code: s.name for s in filing.schools}
    found.joined = [name for code, name in now.items() if code not in then]
    found.gone = [name for code, name in then.items() if code not in now]
    by_table: dict[str, list[FactRow]] = {}
    for row in live_rows(filing.session, source.id):
        by_table.setdefault(row.table, []).append(row)
    for table in old.tables:
        if table.by == SCHOOL and table.key in by_table:
            _table(filing, found, old, table, by_table[table.key], then)
    _files(filing, found, old, evidence_of(filing.session, source.id))
    return found


def _lasting(rubric: Rubric, table: Table) -> tuple[str, str] | None:
    """The columns with the first and the last day of a table whose rows last; None if they do not."""
    pairs = [(c.start, c.end) for c in rubric.clauses if isinstance(c, RosterClause) and c.table == table.key]
    for start, end in [*pairs, ("start", "end")]:
        if all(k in table.by_key and table.by_key[k].type == "date" for k in (start, end)):
            return start, end
    return None


def _table(
    filing: Filing,
    found: Preview,
    old: Rubric,
    before: Table,
    rows: Sequence[FactRow],
    then: Mapping[str, str],
) -> None:
    table = filing.rubric.table.get(before.key)
    if table is None or table.by != SCHOOL:
        found.left.append(Left(_n_rows(before, len(rows)), _("现在的考核办法里没有这张表")))
        return
    lasting = _lasting(filing.rubric, table)
    if lasting is None:
        found.left.append(Left(_n_rows(table, len(rows)), _("只记当年的事，每年重新填")))
        return
    live, _last = extent_of(filing.session, filing.entry_id, table.key)
    state = table_state_of(filing.session, filing.entry_id, table.key)
    if live or (state is not None and state.declared_empty):
        found.left.append(Left(_n_rows(table, len(rows)), _("这张表今年已经填了，不再结转")))
        return
    first, ended, undated = begins(filing, old, table.key), 0, 0
    for row in rows:
        start, end = (_day(row.cells.get(key)) for key in lasting)
        if start is None and end is None:
            undated += 1
        elif end is not None and end < first:
            ended += 1
        else:
            _row(filing, found, before, table, row, then)
    if ended:
        found.left.append(Left(_n_rows(table, ended), _("%(day)s 以前已结束", day=first.isoformat())))
    if undated:
        found.left.append(Left(_n_rows(table, undated), _("没有写起止日期，不知道是否还在进行")))


def _n_rows(table: Table, n: int) -> str:
    return _("%(table)s %(n)s 行", table=table.title, n=n)


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _row(
    filing: Filing, found: Preview, before: Table, table: Table, row: FactRow, then: Mapping[str, str]
) -> None:
    """One running row, its cells as far as the new table still has a place for them."""
    cells: dict[str, Any] = {}
    lost = []
    for column in fact_rows.typed_columns(table):
        value = row.cells.get(column.key)
        text = _said(column, value, then)
        try:
            cells[column.key] = read_value(filing, column, text if column.type != "school" else value or "")
        except Invalid:
            if column.type == "school":
                found.left.append(
                    Left(
                        _("%(table)s“%(row)s”", table=table.title, row=_shown(before, row.cells, then)),
                        _("“%(school)s”已不在本单位", school=text),
                    )
                )
                return
            cells[column.key] = None
            lost.append(_("“%(column)s”的“%(value)s”现在不能选", column=column.label, value=text))
    for key, value in row.cells.items():
        if key not in table.by_key and value not in (None, "", False) and key in before.by_key:
            text = _said(before.by_key[key], value, then)
            label = before.by_key[key].label
            lost.append(_("现在没有“%(column)s”这一列（%(value)s）", column=label, value=text))
    shown = _shown(before, row.cells, then)
    if any(shows(page, table.key, cells) for page in filing.pages.values()):
        found.rows.append(CarriedRow(row.id or 0, table.key, cells, shown, tuple(lost)))
    else:  # no page would show it, and nobody could look at it
        what = _("%(table)s“%(row)s”", table=table.title, row=shown)
        found.left.append(Left(what, "；".join(lost) or _("现在没有指标用到这一行")))


def _said(column: Column, value: Any, schools: Mapping[str, str]) -> str:
    """A stored value in words that read back to it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    return schools.get(str(value), str(value)) if column.type == "school" else str(value)


def _shown(table: Table, cells: Mapping[str, Any], schools: Mapping[str, str]) -> str:
    """A row in words: its filled cells without ticks, two days as a period."""
    texts = [
        _said(c, cells.get(c.key), schools)
        for c in table.columns
        if c.type not in ("tick", "date") and cells.get(c.key) not in (None, "")
    ]
    days = [_said(c, cells.get(c.key), schools) for c in table.columns if c.type == "date"]
    period = " — ".join(day or _("今") for day in days) if any(days) else ""
    return "，".join(text for text in [*texts, period] if text)


# --- documents ------------------------------------------------------------------------------------


def _files(filing: Filing, found: Preview, old: Rubric, files: Iterable[FiledEvidence]) -> None:
    here = {f.evidence.sha256 for f in evidence_of(filing.session, filing.entry_id)}
    rows = {row.old for row in found.rows}
    untimed = ended = 0
    for filed in files:
        item = filed.evidence
        mine = tuple(i for i in map(_row_id, filed.refs) if i in rows)
        why = _why_standing(item, found.begins)
        if not why and not mine:
            is_untimed = item.period_from is None and item.period_until is None
            untimed, ended = untimed + is_untimed, ended + (not is_untimed)
            continue
        if item.sha256 in here:
            found.left.append(Left(item.name, _("材料库里已有同样的文件")))
            continue
        refs: list[str] = []
        lost = []
        for ref in filed.refs if why else ():
            if ref.startswith("row:"):
                continue
            new = _place(filing, old, ref)
            if new:
                refs.append(new)
            else:
                lost.append(_("原来的位置“%(place)s”现在没有了", place=_place_name(old, ref)))
        why = why or _("证明结转的行")
        found.files.append(CarriedFile(item, tuple(dict.fromkeys(refs)), mine, why, tuple(lost)))
    if untimed:
        found.left.append(Left(_("%(n)s 份材料", n=untimed), _("没有写材料所属时间，不知道是否还有效")))
    if ended:
        found.left.append(Left(_("%(n)s 份材料", n=ended), _("%(day)s 以前的", day=found.begins.isoformat())))


def _row_id(ref: str) -> int | None:
    kind, _colon, what = ref.partition(":")
    return int(what) if kind == "row" and what.isdigit() else None


def _why_standing(item: Evidence, first: date) -> str:
    """Why a document still holds on that day; "" if it does not, or does not say."""
    if item.period_until is not None:
        if item.period_until < first:
            return ""
        return _("有效到 %(day)s", day=item.period_until.isoformat())
    if item.period_from is not None:
        return _("%(day)s 起长期有效", day=item.period_from.isoformat())
    return ""


def _place(filing: Filing, old: Rubric, ref: str) -> str:
    """The same place in the new rubric, a material by its name: its number may have moved. "" if none."""
    kind, _colon, what = ref.partition(":")
    code, _hash, n = what.partition("#")
    pages = (c.code for page in filing.pages.values() for c in page.clauses)
    if code not in set(pages):
        return ""
    if kind == "clause":
        return ref
    before = old.by[code].materials if code in old.by else ()
    label = before[int(n) - 1] if n.isdigit() and 0 < int(n) <= len(before) else None
    declared = filing.rubric.by[code].materials
    for slot in filing.form.slots(code):
        if not slot.hidden and slot.n <= len(declared) and declared[slot.n - 1] == label:
            return f"slot:{code}#{slot.n}"
    return ""


def _place_name(old: Rubric, ref: str) -> str:
    code, _hash, n = ref.partition(":")[2].partition("#")
    clause = old.by.get(code)
    if clause is None:
        return code
    slot = n.isdigit() and 0 < int(n) <= len(clause.materials)
    return clause.materials[int(n) - 1] if slot else clause.name
