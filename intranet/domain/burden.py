"""减负仪表: how much a cycle asks for, what the bureau and the last cycle already gave, what is asked twice.

Counts only what is there: the form that each unit was shown, what it filed, and the log. Nothing is
estimated; where there is nothing to compare with, it says so. Reading only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlmodel import Session

from intranet.domain.scoring import EntrySheet, Scoring, score_entries
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries.burden import CARRIED, SUBMITTED, Act, FileUse, acts_of, files_of
from intranet.queries.cycles import entries_of
from intranet.queries.filing import SCHOOL
from intranet.rubric.model import Field, Rubric

BUREAU = "bureau"
PAUSE = timedelta(minutes=30)
"""Acts that lie further apart are two sittings."""


@dataclass(frozen=True, slots=True)
class Spent:
    """When a unit filed, out of the log. first: first act of filing; submitted: first time it was handed in.

    days: on which something was saved; minutes: time between acts no further apart than PAUSE, until
    it was handed in; acts: how many. Reading, writing on paper and work offline leave no trace.
    """

    first: datetime | None = None
    submitted: datetime | None = None
    days: int = 0
    minutes: int = 0
    acts: int = 0

    @property
    def span(self) -> timedelta | None:
        """From the first act to handing in; None while one of them is missing."""
        if self.first is None or self.submitted is None:
            return None
        return self.submitted - self.first


@dataclass(frozen=True, slots=True)
class UnitBurden:
    """One unit in one cycle.

    fields: asked of the unit's schools; of_unit once, of_school for each of ``schools``. slots: materials
    asked. rows, cells: filed in tables. given, of_bureau: of the bureau's own fields those filled, and
    all; given_rows: rows of tables that the bureau brought in. carried: rows and files from last time.
    """

    entry_id: int
    unit_id: int
    name: str
    of_unit: int
    of_school: int
    schools: int
    slots: int
    rows: int
    cells: int
    of_bureau: int
    given: int
    given_rows: int
    files: FileUse
    carried_rows: int
    carried_files: int
    spent: Spent

    @property
    def fields(self) -> int:
        return self.of_unit + self.of_school * self.schools

    @property
    def asked(self) -> int:
        """What the form names: fields and materials. How many rows a table gets is up to the unit."""
        return self.fields + self.slots

    @property
    def carried(self) -> int:
        return self.carried_rows + self.carried_files


@dataclass(frozen=True, slots=True)
class Twice:
    """Things of the same names asked in the same several places. kind: field, material, column."""

    kind: str
    labels: tuple[str, ...]
    places: tuple[str, ...]


@dataclass(frozen=True)
class Burden:
    """A cycle's burden, units in the order of their codes."""

    cycle: Cycle
    units: tuple[UnitBurden, ...]
    twice: tuple[Twice, ...] = ()

    def unit(self, unit_id: int) -> UnitBurden | None:
        """The same unit of the register in this cycle."""
        return next((u for u in self.units if u.unit_id == unit_id), None)

    def total(self, name: str) -> int:
        return sum(int(getattr(u, name)) for u in self.units)

    @property
    def saved(self) -> int:
        return sum(u.files.saved for u in self.units)

    @property
    def again(self) -> int:
        return sum(u.files.again for u in self.units)


def burden_of(session: Session, cycle: Cycle, scoring: Scoring, *, zone: str = "Asia/Shanghai") -> Burden:
    """A fixed number of queries for any number of units."""
    entries = entries_of(session, cycle.id or 0)
    ids = [e.id or 0 for e in entries]
    sheets = score_entries(session, cycle, scoring, entries)
    files = files_of(session, ids)
    acts: dict[int, list[Act]] = {i: [] for i in ids}
    for act in acts_of(session, ids):
        acts[act.entry_id].append(act)
    here = ZoneInfo(zone)
    units = [_unit(scoring.rubric, sheets[i], files[i], acts[i], here) for i in ids]
    return Burden(cycle, tuple(units), tuple(asked_twice(scoring.rubric)))


def _unit(
    rubric: Rubric, sheet: EntrySheet, files: FileUse, acts: Sequence[Act], zone: ZoneInfo
) -> UnitBurden:
    shown = [f for f in sheet.form.fields.values() if f.key not in sheet.form.hidden]
    own = [f for f in shown if f.by == SCHOOL]
    members = len(sheet.facts.members)
    slots = [s for code in sheet.form.labels for s in sheet.form.slots(code) if not s.hidden]
    rows, cells = _rows(rubric, sheet, SCHOOL)
    asked, given = _of_bureau(sheet, [f for f in shown if f.by == BUREAU])
    carried = [a.new for a in acts if a.action == CARRIED and isinstance(a.new, Mapping)]
    return UnitBurden(
        entry_id=sheet.entry.id or 0,
        unit_id=sheet.entry.unit_id,
        name=sheet.entry.name,
        of_unit=sum(f.per == "unit" for f in own),
        of_school=sum(f.per == "member" for f in own),
        schools=members,
        slots=len(slots),
        rows=rows,
        cells=cells,
        of_bureau=asked,
        given=given,
        given_rows=_rows(rubric, sheet, BUREAU)[0],
        files=files,
        carried_rows=sum(int(c.get("rows", 0)) for c in carried),
        carried_files=sum(int(c.get("files", 0)) for c in carried),
        spent=spent(acts, zone),
    )


def _rows(rubric: Rubric, sheet: EntrySheet, owner: str) -> tuple[int, int]:
    """(rows, cells) of one owner's tables; columns that follow from others are not asked."""
    tables = sheet.source.document["docs"].get(owner, {}).get("tables", {})
    rows = cells = 0
    for key, found in tables.items():
        table = rubric.table.get(key)
        if table is not None:
            rows += len(found)
            cells += len(found) * sum(not c.of for c in table.columns)
    return rows, cells


def _of_bureau(sheet: EntrySheet, fields: Iterable[Field]) -> tuple[int, int]:
    """(asked, filled) of the bureau's own fields, each school's counted by itself."""
    asked = given = 0
    for field in fields:
        values = (
            [sheet.facts.of_member(s, field.key, BUREAU) for s in sheet.facts.members]
            if field.per == "member"
            else [sheet.facts.get(field.key, BUREAU)]
        )
        asked += len(values)
        given += sum(v is not None for v in values)
    return asked, given


def spent(acts: Sequence[Act], zone: ZoneInfo) -> Spent:
    """What the log tells of a unit's filing, up to handing in for the first time. Acts in order of time."""
    handed = next((a.at for a in acts if a.action == SUBMITTED), None)
    filing = [
        a.at for a in acts if a.action not in (SUBMITTED, CARRIED) and (handed is None or a.at <= handed)
    ]
    if not filing:
        return Spent(submitted=handed)
    times = [*filing, *([handed] if handed is not None else [])]
    gaps = (after - before for before, after in pairwise(times))
    worked = sum((gap for gap in gaps if gap <= PAUSE), timedelta())
    return Spent(
        first=filing[0],
        submitted=handed,
        days=len({at.astimezone(zone).date() for at in filing}),
        minutes=int(worked.total_seconds() // 60),
        acts=len(filing),
    )


# --- asked twice ---------------------------------------------------------------------------------


def asked_twice(rubric: Rubric) -> list[Twice]:
    """Fields, materials and columns of the same name in several places of the form.

    Only what the rubric declares by itself: counts and ticks that deductions bring along (上学期,
    下学期) have the same name in every clause and are not the same thing.
    """
    declared = {f.key for f in rubric.fields} | {f.key for c in rubric.clauses for f in c.fields}
    fields: dict[str, list[str]] = {}
    for field in rubric.all_fields.values():
        if field.by == SCHOOL and field.key in declared:
            fields.setdefault(_plain(field.label), []).append(_clause(rubric, field.clause))
    materials: dict[str, list[str]] = {}
    for clause in rubric.clauses:
        for label in clause.materials:
            materials.setdefault(_plain(label), []).append(clause.name)
    columns: dict[str, list[str]] = {}
    for table in rubric.tables:
        for column in table.columns:
            if not column.of:
                columns.setdefault(_plain(column.label), []).append(table.title)
    out: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for kind, found in (("field", fields), ("material", materials), ("column", columns)):
        for label, places in found.items():
            if len(set(places)) > 1:
                out.setdefault((kind, tuple(dict.fromkeys(places))), []).append(label)
    return [Twice(kind, tuple(labels), places) for (kind, places), labels in out.items()]


def _plain(label: str) -> str:
    return "".join(label.split()).strip("：:")


def _clause(rubric: Rubric, code: str) -> str:
    return rubric.by[code].name if code in rubric.by else _("不属于某一条的填报项")


def duration(span: timedelta | None) -> str:
    """3 天 4 小时, 25 分钟; — for none."""
    if span is None:
        return "—"
    minutes = int(span.total_seconds() // 60)
    if minutes >= 24 * 60:
        return _("%(d)s 天 %(h)s 小时", d=minutes // 1440, h=minutes % 1440 // 60)
    if minutes >= 60:
        return _("%(h)s 小时 %(m)s 分钟", h=minutes // 60, m=minutes % 60)
    return _("%(m)s 分钟", m=minutes)
