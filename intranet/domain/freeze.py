"""冻结: from live facts to a stored, explained result, and the proof that it still comes out the same.

A freeze scores the whole cohort at once and stores, per unit, the sheet with its ledger, the facts
it was made of, every reviewer's mark and the list of files. Nothing later reads live data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.freeze_check import open_leaves, standing_checks
from intranet.domain.lifecycle import Check, errors_of, require_reason
from intranet.domain.log import record
from intranet.domain.operations import outcome_of, remember
from intranet.domain.phases import phase_name
from intranet.domain.scoring import EntrySheet, Scoring
from intranet.domain.ties import rules_of, ties_of
from intranet.enums import CycleState, Role
from intranet.errors import DomainError, Invalid
from intranet.i18n import SOURCE, _, use_language
from intranet.models import Cycle, Result, UnitResult
from intranet.queries.results import files_of, marks_with_names, results_of, unit_results
from intranet.rubric import engine, ledger
from intranet.rubric.facts import Facts
from intranet.rubric.model import Rubric
from intranet.rubric.numbers import as_text

FREEZING = CycleState.DELIBERATION


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def fingerprint_of(
    rubric: str, units: Sequence[Mapping[str, Any]], rules: Mapping[str, Any] | None = None
) -> str:
    """sha256 (hex) over the rubric's fingerprint, each unit's facts and document in order of unit codes,
    and the cycle's rules.

    :param units: ``{"facts": …, "document": …}`` per unit.
    :param rules: ``Result.rules``; results frozen before there were any have none and hash without.
    """
    whole: dict[str, Any] = {"rubric": rubric, "units": sorted(units, key=lambda u: str(u["facts"]["unit"]))}
    if rules:
        whole["rules"] = dict(rules)
    return hashlib.sha256(canonical(whole).encode()).hexdigest()


# --- before --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rehearsal:
    """The cohort as a freeze would score it now, and what speaks against freezing."""

    results: list[ledger.Result]
    checks: list[Check]

    @property
    def errors(self) -> list[Check]:
        return errors_of(self.checks)

    @property
    def warnings(self) -> list[Check]:
        return [c for c in self.checks if c.severity != "error"]


def rehearse(session: Session, cycle: Cycle, scoring: Scoring, sheets: Mapping[int, EntrySheet]) -> Rehearsal:
    """Score the cohort without storing anything. An exception of the plugin is an error of the list."""
    checks = standing_checks(session, cycle, scoring, sheets)
    results: list[ledger.Result] = []
    if sheets and not scoring.plugin_missing:
        try:
            facts = [Facts.from_json(s.source.document) for s in sheets.values()]
            with use_language(SOURCE):  # what is stored must come out the same whoever presses the button
                results = engine.score_cohort(
                    scoring.rubric, facts, scoring.hooks, frozen=True, ties=ties_of(cycle)
                )
        except DomainError as error:
            checks.append(Check("error", "rubric", _("算分时出错：%(why)s", why=error.message)))
    checks += open_leaves(cycle, scoring.rubric, results, sheets)
    return Rehearsal(results, sorted(checks, key=lambda c: c.severity != "error"))


# --- the freeze ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClauseMoved:
    """A clause whose points (or conclusion) differ between two freezes; None where there were none."""

    code: str
    old: Fraction | None
    new: Fraction | None
    old_verdict: str | None = None
    new_verdict: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A unit whose points or rank differ between two freezes. Ranks and totals None where there were none.

    clauses: the leaf clauses whose points moved, in printed order: of an upheld appeal the rank points
    of the other units too.
    """

    name: str
    old_total: Fraction | None
    new_total: Fraction | None
    old_rank: int | None
    new_rank: int | None
    entry_id: int = 0
    clauses: tuple[ClauseMoved, ...] = ()

    @property
    def codes(self) -> list[str]:
        return [c.code for c in self.clauses]

    def to_json(self) -> dict[str, Any]:
        """For the log and for ``Appeal.moved``: numbers as exact text."""

        def text(value: Fraction | None) -> str | None:
            return None if value is None else as_text(value)

        return {
            "entry_id": self.entry_id,
            "name": self.name,
            "total": [text(self.old_total), text(self.new_total)],
            "rank": [self.old_rank, self.new_rank],
            "clauses": [
                {"code": c.code, "points": [text(c.old), text(c.new)]}
                | ({"verdict": [c.old_verdict, c.new_verdict]} if c.old_verdict != c.new_verdict else {})
                for c in self.clauses
            ],
        }


def moved(old: Sequence[UnitResult], new: Sequence[UnitResult], rubric: Rubric | None = None) -> list[Moved]:
    """Whose total, rank or points in a clause changed, in the order of the new list; units that are in
    only one of the two stand with None on the other side.

    :param rubric: its leaves are compared; without it every clause of the sheets.
    """
    leaves = None if rubric is None else {c.code for c in rubric.leaves()}
    before = {row.entry_id: row for row in old}
    after = {row.entry_id: row for row in new}
    out = []
    for row in (*new, *(r for i, r in before.items() if i not in after)):
        was, now = before.get(row.entry_id), after.get(row.entry_id)
        clauses = _clauses_moved(was, now, leaves) if was and now else ()
        first, second = _standing_of(was), _standing_of(now)
        if was is None or now is None or first != second or clauses:
            out.append(
                Moved(
                    str(row.document["name"]),
                    first[0],
                    second[0],
                    first[1],
                    second[1],
                    row.entry_id,
                    clauses,
                )
            )
    return out


def _standing_of(row: UnitResult | None) -> tuple[Fraction | None, int | None]:
    return (None, None) if row is None else (row.total, row.rank)


def _clauses_moved(
    was: UnitResult, now: UnitResult, leaves: Collection[str] | None
) -> tuple[ClauseMoved, ...]:
    old, new = was.document.get("sheet", {}), now.document.get("sheet", {})
    out = []
    for code, score in new.items():
        if leaves is not None and code not in leaves:
            continue
        one, two = _said(old.get(code)), _said(score)
        if one != two:
            out.append(ClauseMoved(code, one[0], two[0], one[1], two[1]))
    return tuple(out)


def _said(score: Mapping[str, Any] | None) -> tuple[Fraction | None, str | None]:
    """(points, verdict) of a stored score."""
    if score is None:
        return None, None
    points = score.get("points")
    return None if points is None else Fraction(points), score.get("verdict")


def freeze(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    scoring: Scoring,
    sheets: Mapping[int, EntrySheet],
    *,
    accepted: Collection[str] | None,
    reason: str,
    at: datetime,
    op: str = "",
    allowed: Collection[CycleState] = (FREEZING,),
) -> Result:
    """Store the result of now under the next number. The same form sent twice freezes once.

    This is the one way to a result, the first time and after an upheld appeal alike: the whole cohort
    is scored anew, so that ranks and rank points of every unit follow. What moved against the freeze
    before is in the log entry, and ``moved(unit_results(before), unit_results(stored), rubric)``.

    :param accepted: texts of the warnings that were ticked; each one that stands must be there. None
        takes those that stand as accepted, for a caller whose users could not do anything about them
        any more (复核 after the publication); they are logged all the same.
    :param allowed: phases in which the caller may freeze. The bureau's own act is for 合议 alone; an
        upheld appeal passes ``(CycleState.PUBLISHED,)``.
    :param reason: why it is frozen again; not needed for the first time.
    :raises DomainError: an error stands, or it is not the time. :raises Invalid: a warning not
        accepted, or no reason for freezing again.
    """
    actor.require(Role.BUREAU)
    assert cycle.id is not None
    before = results_of(session, cycle.id)
    done = outcome_of(session, actor, op)
    for held in before:
        if held.number == done:
            return held
    if cycle.state not in allowed:
        raise DomainError(_("现在是%(phase)s阶段。合议阶段才能冻结结果。", phase=phase_name(cycle.state)))
    rehearsal = rehearse(session, cycle, scoring, sheets)
    if rehearsal.errors:
        raise DomainError(_("还不能冻结：%(what)s", what=" ".join(c.text for c in rehearsal.errors)))
    unseen = [c.text for c in rehearsal.warnings if accepted is not None and c.text not in accepted]
    if unseen:
        raise Invalid(_("请逐条看过提醒并勾选：%(what)s", what=" ".join(unseen)), field="accepted")
    if before:
        reason = require_reason(reason)
    entry_ids = {s.entry.code: i for i, s in sheets.items()}
    named, files = marks_with_names(session, list(sheets)), files_of(session, list(sheets))
    rows = []
    for position, result in enumerate(rehearsal.results, 1):
        entry_id = entry_ids[result.unit]
        rows.append(
            UnitResult(
                result_id=0,
                entry_id=entry_id,
                position=position,
                rank=result.rank,
                group=result.group,
                total=result.total,
                document=as_stored(ledger.result_to_json(result)),
                facts=as_stored(sheets[entry_id].source.document),
                marks=[
                    {
                        "code": mark.code,
                        "role": mark.role,
                        "by": name,
                        "points": None if mark.points is None else as_text(mark.points),
                        "verdict": mark.verdict,
                        "reason": mark.reason,
                        "deductions": mark.deductions,
                        "doubtful": mark.doubtful,
                        "at": mark.made_at.isoformat(),
                    }
                    for mark, name in named[entry_id]
                ],
                evidence=[
                    {**file, "refs": _places(file["refs"], sheets[entry_id])} for file in files[entry_id]
                ],
            )
        )
    rules = rules_of(cycle)
    stored = Result(
        cycle_id=cycle.id,
        number=before[0].number + 1 if before else 1,
        fingerprint=fingerprint_of(
            cycle.fingerprint, [{"facts": r.facts, "document": r.document} for r in rows], rules
        ),
        rules=rules,
        rubric_fingerprint=cycle.fingerprint,
        reason=reason.strip() if before else "",
        frozen_by=actor.user_id,
        frozen_at=at,
    )
    session.add(stored)
    session.flush()
    assert stored.id is not None
    for row in rows:
        row.result_id = stored.id
    session.add_all(rows)
    session.flush()
    old = unit_results(session, before[0].id or 0) if before else []
    record(
        session,
        actor,
        "result.freeze",
        subject=str(stored.number),
        old=before[0].fingerprint if before else None,
        new=stored.fingerprint,
        reason=stored.reason,
        cycle_id=cycle.id,
        accepted=[c.text for c in rehearsal.warnings],
        moved=[m.to_json() for m in moved(old, rows, scoring.rubric)] if before else [],
    )
    remember(session, actor, op, stored.number, at=at)
    return stored


def _places(refs: Sequence[str], sheet: EntrySheet) -> list[str]:
    """Refs as the frozen facts know them: ``row:<id>`` becomes ``row:<table>[<index>]``."""
    at = {i: f"{table}[{n}]" for table, ids in sheet.source.row_ids.items() for n, i in enumerate(ids)}
    out = []
    for ref in refs:
        kind, _colon, what = ref.partition(":")
        if kind != "row":
            out.append(ref)
        elif what.isdigit() and int(what) in at:
            out.append(f"row:{at[int(what)]}")
    return out


def as_stored(value: dict[str, Any]) -> dict[str, Any]:
    """The value as it will come back from the database, so that hashes agree."""
    back: dict[str, Any] = json.loads(canonical(value))
    return back


def is_current(session: Session, held: Result | None, sheets: Mapping[int, EntrySheet]) -> bool:
    """Whether the stored result is made of the facts of now."""
    if held is None or held.id is None:
        return False
    stored = {row.entry_id: row.facts for row in unit_results(session, held.id)}
    return stored == {i: as_stored(s.source.document) for i, s in sheets.items()}
