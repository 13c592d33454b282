"""Frozen results, read from what was stored and from nothing else.

The rubric comes from the cycle's own snapshot, so a result can be read when its plugin is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import CycleState, Role, SchoolRole
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import SELF, Cycle, EntrySchool, Evidence, EvidenceLink, Mark, Result, UnitResult, User
from intranet.queries.cycles import latest_results
from intranet.queries.entries import visible_cycles
from intranet.rubric import ledger, sentences
from intranet.rubric.ledger import Score, State
from intranet.rubric.model import Rubric
from intranet.rubric.numbers import most_digits, show
from intranet.rubric.ranking import figure


def results_of(session: Session, cycle_id: int) -> Sequence[Result]:
    """Every freeze of a cycle, the one that holds first."""
    return session.exec(
        select(Result).where(Result.cycle_id == cycle_id).order_by(col(Result.number).desc())
    ).all()


def unit_results(session: Session, result_id: int) -> Sequence[UnitResult]:
    """In the order of the list."""
    return session.exec(
        select(UnitResult).where(UnitResult.result_id == result_id).order_by(col(UnitResult.position))
    ).all()


def readable_cycles(session: Session, actor: Actor) -> list[tuple[Cycle, Result]]:
    """Cycles with a result, for those who may read all, newest first. Auditors and leaders see drafts too,
    marked as such. A practice cycle is on no list of results."""
    actor.require(Role.BUREAU, Role.LEADER, Role.AUDITOR)
    cycles = [c for c in visible_cycles(session, actor) if not c.practice]
    held = latest_results(session, [c.id or 0 for c in cycles])
    return [(c, held[c.id or 0]) for c in cycles if c.id in held]


def marks_with_names(session: Session, entry_ids: Sequence[int]) -> dict[int, list[tuple[Mark, str]]]:
    """Everybody's marks by entry id, with who made them; the unit's own left out."""
    out: dict[int, list[tuple[Mark, str]]] = {i: [] for i in entry_ids}
    query = (
        select(Mark, User.name)
        .outerjoin(User, col(User.id) == col(Mark.made_by))
        .where(col(Mark.entry_id).in_(entry_ids), Mark.role != SELF)
        .order_by(col(Mark.code), col(Mark.id))
    )
    for mark, name in session.exec(query):
        out[mark.entry_id].append((mark, name or ""))
    return out


def files_of(session: Session, entry_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """The files of each entry as a freeze keeps them: number, name, hash, size and what they prove."""
    refs: dict[int, list[str]] = {}
    links = (
        select(EvidenceLink).where(col(EvidenceLink.entry_id).in_(entry_ids)).order_by(col(EvidenceLink.id))
    )
    for link in session.exec(links):
        refs.setdefault(link.evidence_id, []).append(link.ref)
    out: dict[int, list[dict[str, Any]]] = {i: [] for i in entry_ids}
    files = select(Evidence).where(col(Evidence.entry_id).in_(entry_ids), col(Evidence.deleted_at).is_(None))
    for file in session.exec(files.order_by(col(Evidence.number))):
        kept = {"number": file.number, "name": file.name, "sha256": file.sha256, "size": file.size}
        out[file.entry_id].append({**kept, "refs": refs.get(file.id or 0, [])})
    return out


# --- the ranking ---------------------------------------------------------------------------------

PUBLIC = (CycleState.PUBLISHED, CycleState.FINAL, CycleState.ARCHIVED)


@dataclass(frozen=True)
class UnitLine:
    """One unit on the list, as it was frozen."""

    row: UnitResult
    result: ledger.Result
    lead: str
    deducted: Fraction
    before: Mapping[str, Any]

    @property
    def total_change(self) -> Fraction | None:
        """Against the last final result under the same rubric; None if there is none."""
        old = self.before.get("total")
        return None if old is None or self.result.total is None else self.result.total - Fraction(old)

    @property
    def rank_change(self) -> int | None:
        """Places gained; negative when the unit fell."""
        old = self.before.get("rank")
        return None if old is None or self.result.rank is None else int(old) - self.result.rank


class Cohort:
    """Units that are measured against each other."""

    def __init__(self, lines: Sequence[UnitLine]) -> None:
        self.lines = lines
        self._known: dict[str, tuple[Fraction, int]] = {}

    def known(self, code: str) -> tuple[Fraction, int]:
        """The points of a clause added up, and how many units have any; worked out once."""
        if code not in self._known:
            points = [p for line in self.lines if (p := scored(line, code)) is not None]
            self._known[code] = (sum(points, Fraction(0)), len(points))
        return self._known[code]


def scored(line: UnitLine, code: str) -> Fraction | None:
    """A unit's points of a clause; None while it has none."""
    score = line.result.sheet.get(code)
    return score.points if score is not None and score.state is State.SCORED else None


@dataclass(frozen=True)
class Ranking:
    """A frozen list. columns: the subtotals, or the dimensions of a rubric that declares none."""

    cycle: Cycle
    held: Result
    rubric: Rubric
    lines: tuple[UnitLine, ...]
    columns: tuple[tuple[str, str, Fraction | None], ...]

    @property
    def groups(self) -> list[tuple[str, list[UnitLine]]]:
        out: dict[str, list[UnitLine]] = {}
        for line in self.lines:
            out.setdefault(line.result.group, []).append(line)
        return list(out.items())

    @cached_property
    def cohorts(self) -> dict[str, Cohort]:
        """By group; "" where all are compared with all."""
        return {group: Cohort(lines) for group, lines in self.groups}

    @cached_property
    def decimals(self) -> dict[str, int]:
        """How many decimals a column shows, by its code and "total": the same all the way down."""
        out = {code: most_digits(self.figure(x, code) for x in self.lines) for code, _t, _m in self.columns}
        return out | {"total": most_digits(x.result.total for x in self.lines)}

    @property
    def is_public(self) -> bool:
        return self.cycle.state in PUBLIC

    @property
    def has_grades(self) -> bool:
        return any(line.result.outcome.grade for line in self.lines)

    @property
    def has_deductions(self) -> bool:
        return bool(self.rubric.root.losses)

    @property
    def has_before(self) -> bool:
        return any(line.before for line in self.lines)

    @property
    def extra(self) -> list[str]:
        """Names of the columns that the plugin's ``finish`` added."""
        return list(dict.fromkeys(name for line in self.lines for name in line.result.outcome.columns))

    def line(self, entry_id: int) -> UnitLine:
        found = next((x for x in self.lines if x.row.entry_id == entry_id), None)
        if found is None:
            raise NotFound(_("这份结果里没有这个单位。"))
        return found

    def parted_by(self, line: UnitLine) -> str:
        """Code of the figure that set this unit apart from another of equal standing; "" if none had to."""
        mine = line.result
        for other in (x.result for x in self.lines if x is not line):
            apart = mine.rank is not None and other.rank is not None and mine.rank != other.rank
            if not apart or mine.group != other.group or self._standing(mine) != self._standing(other):
                continue
            for code in self.held.rules.get("tie_break", ()):
                one, two = figure(mine, code), figure(other, code)
                if one is None or two is None or one == two:
                    continue
                if (one > two) == ((mine.rank or 0) < (other.rank or 0)):
                    return str(code)
                break  # the plugin's own key decided
        return ""

    def _standing(self, result: ledger.Result) -> Fraction | None:
        return result.total if self.rubric.rank_by == "total" else result.subtotals.get(self.rubric.rank_by)

    def root_losses(self, line: UnitLine) -> list[str]:
        """What was taken from the total, in words."""
        return losses_of(line.result.sheet[self.rubric.root.code])

    def figure(self, line: UnitLine, code: str) -> Fraction | None:
        """The value of one column; None where nothing in it applies to the unit."""
        sheet = line.result.sheet
        if code not in line.result.subtotals:
            return sheet[code].points if code in sheet else None
        parts = next((s.of for s in self.rubric.subtotals if s.code == code), ())
        if parts and all(c in sheet and sheet[c].state is State.NA for c in parts):
            return None
        return line.result.subtotals[code]

    def no_figure(self, line: UnitLine, code: str) -> str:
        """What stands in a column without a figure: 未设分值 where no clause in it has points, else 不适用 or 待评."""
        parts = next((s.of for s in self.rubric.subtotals if s.code == code), (code,))
        unset = self.rubric.unset_word(*parts)
        if unset:
            return unset
        scores = [line.result.sheet.get(c.code) for part in parts for c in self.rubric.under(part)]
        pending = any(s is not None and s.state is not State.NA for s in scores)
        return _("待评") if pending else _("不适用")


def columns_of(rubric: Rubric) -> tuple[tuple[str, str, Fraction | None], ...]:
    """(code, title, maximum) of the columns before the total."""
    if rubric.subtotals:
        return tuple(
            (s.code, s.title, s.printed if s.printed is not None else _most(rubric, s.of))
            for s in rubric.subtotals
        )
    return tuple((c.code, c.name, c.max) for c in rubric.dimensions)


def _most(rubric: Rubric, codes: Sequence[str]) -> Fraction | None:
    most = [rubric.by[c].max for c in codes]
    return None if any(m is None for m in most) else sum((m for m in most if m is not None), Fraction(0))


def losses_of(score: Score) -> list[str]:
    """The lines of a score that take points away, in words."""
    return [
        f"{sentences.line(x)} {show(x.points)}" for x in score.lines if x.points is not None and x.points < 0
    ]


def lost_on(score: Score | None) -> Fraction:
    """What was deducted from a clause after its sum, as a positive number."""
    steps = score.steps if score else ()
    return sum(
        ((s.before or Fraction(0)) - (s.after or Fraction(0)) for s in steps if s.name == "loss"), Fraction(0)
    )


def ranking(session: Session, cycle: Cycle, held: Result, rubric: Rubric) -> Ranking:
    """The list of one freeze. Queries do not grow with the number of units."""
    assert held.id is not None
    rows = unit_results(session, held.id)
    leads = dict(
        session.exec(
            select(EntrySchool.entry_id, EntrySchool.name).where(
                col(EntrySchool.entry_id).in_([r.entry_id for r in rows]), EntrySchool.role == SchoolRole.LEAD
            )
        ).all()
    )
    lines = []
    for row in rows:
        result = ledger.result_from_json(row.document)
        lines.append(
            UnitLine(
                row=row,
                result=result,
                lead=leads.get(row.entry_id, ""),
                deducted=lost_on(result.sheet.get(rubric.root.code)),
                before=row.facts.get("prior") or {},
            )
        )
    return Ranking(cycle, held, rubric, tuple(lines), columns_of(rubric))
