"""What this notice asks of a group, and what the standard checks cannot see in its answers.

Pure functions over a facts document. Nothing here scores. Messages are Chinese, as the notice is:
like the texts of ``rubric.toml`` they are not translated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.ledger import Problem
from intranet.rubric.model import Rubric, Table
from intranet.rubric.months import Stay

# --- what a group is asked ------------------------------------------------------------------------

NURSERY, COMPULSORY, SENIOR = "幼儿园", "义务教育", "普通高中"

OFFERS: Mapping[str, frozenset[str]] = {
    "幼儿园": frozenset({NURSERY}),
    "小学": frozenset({COMPULSORY}),
    "初中": frozenset({COMPULSORY}),
    "九年一贯制": frozenset({COMPULSORY}),
    "高中": frozenset({SENIOR}),
    "普通高中": frozenset({SENIOR}),
    "中学": frozenset({COMPULSORY, SENIOR}),
    "完全中学": frozenset({COMPULSORY, SENIOR}),
    "十二年一贯制": frozenset({COMPULSORY, SENIOR}),
}
"""Education that a school of each stage (学段) of the register offers."""


def offered(facts: Facts) -> frozenset[str] | None:
    """What the schools of the group offer; None if the stage of any of them is not known."""
    stages = [member.get("stage") for member in facts.members.values()] or [facts.attributes.get("stages")]
    out: set[str] = set()
    for stage in stages:
        words = [stage] if isinstance(stage, str) else stage or [""]
        if any(word not in OFFERS for word in words):
            return None
        out.update(*(OFFERS[word] for word in words))
    return frozenset(out)


def slots_for(facts: Facts) -> list[FieldChange]:
    """The material slots of C11 as they concern this group.

    11.1 names results of 义务教育 and of 普通高中, 11.2 names 等级园: a group without such a school
    cannot have the paper and is not asked for it.
    """
    offers = offered(facts)
    if offers is None:
        return []
    changes = []
    for key, wanted in (("C11.1#1", COMPULSORY), ("C11.1#2", SENIOR)):
        if wanted not in offers:
            changes.append(FieldChange(key, hidden=True, reason=f"集团内没有{wanted}学段的学校"))
    if NURSERY not in offers:
        changes.append(FieldChange("C11.2#1", label="“新优质学校”、阳光体育示范学校等称号的证书或文件"))
    return changes


# --- rosters --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a roster (``cadres``, ``teachers``) as far as it can be read.

    ``stay`` runs to the cut-off date while the person is still there; None without usable dates.
    """

    table: Table
    n: int
    person: str
    values: Mapping[str, Any]
    stay: Stay | None

    @property
    def irregular(self) -> bool:
        return self.values.get("category") == "不定期"

    @property
    def clause(self) -> str:
        if self.table.key == "teachers":
            return "C5.2" if self.irregular else "C5.1"
        return {"派驻": "C4.1", "定期": "C4.2a"}.get(str(self.values.get("category")), "C4.2b")

    @property
    def place(self) -> str:
        """Which row, for people, in the words of the standard checks."""
        return f"{self.table.title}第 {self.n + 1} 行"

    def has(self, column: str) -> bool:
        return not _blank(self.values.get(column))

    def meets(self, other: Row) -> bool:
        """Whether the two stays share a day."""
        mine, theirs = self.stay, other.stay
        return bool(mine and theirs and mine.start <= theirs.end and theirs.start <= mine.end)

    def problem(self, severity: str, code: str, column: str, message: str) -> Problem:
        """A finding about this row, aimed at one of its cells."""
        ref = f"school.tables.{self.table.key}[{self.n}].{column}"
        return Problem(severity, code, f"{self.place}：{message}", ref, self.clause)


def roster(facts: Facts, table: Table, until: date | None) -> list[Row]:
    """The rows of a roster that name a person. until: 材料截止日, None if the bureau left it open."""
    rows = []
    for n, values in enumerate(facts.rows(table.key) or ()):
        person = str(values.get("person") or "").strip()
        if person:
            rows.append(Row(table, n, person, values, _stay(values, until)))
    return rows


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):  # blank or mistyped: the standard checks say so
        return None


def _stay(values: Mapping[str, Any], until: date | None) -> Stay | None:
    start = _date(values.get("start"))
    end = until if _blank(values.get("end")) else _date(values.get("end"))
    return Stay(start, end) if start and end and start <= end else None


# --- checks ---------------------------------------------------------------------------------------


def problems(rubric: Rubric, facts: Facts) -> list[Problem]:
    """All findings of this notice about a group's facts: rosters, then lists."""
    since, until = _date(rubric.values["window_from"]), _date(rubric.values["cutoff"])
    cadres = roster(facts, rubric.table["cadres"], until)
    teachers = roster(facts, rubric.table["teachers"], until)
    return [
        *durations([*cadres, *teachers]),
        *same_name([*cadres, *teachers]),
        *claimed_twice(teachers),
        *cadre_and_teacher(cadres, teachers),
        *outside_window(rubric, facts, since, until),
    ]


def durations(rows: Sequence[Row]) -> Iterator[Problem]:
    """Stays without a length, and lengths given in the wrong way.

    4.1, 4.2 定期 and 5.1 measure one unbroken stay (“连续交流”, “三年及以上”), which only dates can
    show; 不定期 (“累计交流时间”) may be given as a number of months. A row with an end and no start
    is for the standard checks.
    """
    for row in rows:
        undated = not row.has("start") and not row.has("end")
        if row.irregular and undated and not row.has("months"):
            yield row.problem("error", "no_length", "start", "请填起止日期，或者填累计月数")
        elif row.irregular and not undated and row.has("months"):
            message = "起止日期和月数都填了，按月数计；请只留一种"
            yield row.problem("warning", "two_lengths", "months", message)
        elif not row.irregular and row.has("months"):
            message = "派驻和定期交流按起止日期计连续月数；请填起止日期，月数留空"
            yield row.problem("error", "months_not_dates", "months", message)
        elif not row.irregular and undated:
            yield row.problem("error", "no_length", "start", "请填起始日期")


_PERSON = re.compile(r"(?P<name>[^\d\s(（]+)[\s(（]*(?P<number>[0-9A-Za-z]*)[)）]?\Z")


def same_name(rows: Sequence[Row]) -> Iterator[Problem]:
    """One name written in two ways: the rosters count people by what is written, “分/人”."""
    first: dict[str, tuple[Row, str]] = {}
    for row in rows:
        found = _PERSON.match(row.person)
        if not found:
            continue
        name, number = found["name"], found["number"]
        seen, known = first.setdefault(name, (row, number))
        if row.person == seen.person:
            continue
        if number and known and number != known:
            message = f"与“{seen.person}”同名而工号不同，按两人计；如是同一人请写成一样"
        else:
            message = f"与“{seen.person}”写法不同，会按两人计；如是同一人请写成一样"
        yield row.problem("warning", "same_name", "person", message)


def claimed_twice(teachers: Sequence[Row]) -> Iterator[Problem]:
    """One teacher in 5.1 and 5.2 (readings: two clauses, so only for stays that do not overlap)."""
    regular: dict[str, list[Row]] = {}
    for row in teachers:
        if not row.irregular:
            regular.setdefault(row.person, []).append(row)
    for row in teachers:
        for other in regular.get(row.person, ()) if row.irregular else ():
            if row.meets(other):
                message = f"与第 {other.n + 1} 行的定期交流时间重叠，同一段时间只计一款；请改正日期或删去一行"
                yield row.problem("warning", "overlap", "start", message)
            elif row.stay is None and row.has("months"):
                message = f"第 {other.n + 1} 行有同一人的定期交流，只填月数看不出是否重叠；请改填起止日期"
                yield row.problem("warning", "overlap_unknown", "months", message)


def cadre_and_teacher(cadres: Sequence[Row], teachers: Sequence[Row]) -> Iterator[Problem]:
    """The same days claimed under 4.干部交流 and 5.教师交流."""
    posted: dict[str, list[Row]] = {}
    for row in cadres:
        posted.setdefault(row.person, []).append(row)
    for row in teachers:
        for other in posted.get(row.person, ()):
            if row.meets(other):
                message = f"同一段时间已列入{other.place}；请确认按干部还是按教师填报"
                yield row.problem("warning", "cadre_and_teacher", "person", message)


# --- lists ----------------------------------------------------------------------------------------

DATED: Mapping[str, str] = {
    "activities": "",
    "awards": "C12.1",
    "instructions": "C12.2",
    "media": "C13.1",
    "speeches": "C13.2",
}
"""Lists whose rows belong to this cycle by their date, and their clause (activities serve several)."""


def outside_window(rubric: Rubric, facts: Facts, since: date | None, until: date | None) -> Iterator[Problem]:
    """Dates outside the cycle: shown to both sides, decided by the panel, for the notice sets no rule."""
    first, last = since or date.min, until or date.max
    window = f"{since or ''}至{until or ''}"
    for key, clause in DATED.items():
        for n, values in enumerate(facts.rows(key) or ()):
            day = _date(values.get("date"))
            if day and not first <= day <= last:
                place = f"{rubric.table[key].title}第 {n + 1} 行"
                message = f"{place}：日期不在考核期（{window}）内；请核对，确属本期的请附说明"
                ref = f"school.tables.{key}[{n}].date"
                yield Problem("warning", "outside_window", message, ref, clause)
