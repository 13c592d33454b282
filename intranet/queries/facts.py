"""The facts document of entries, put together from their rows (see ``rubric.facts``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sqlmodel import Session, col, select

from intranet.enums import CombineRule, ConfirmState
from intranet.models import (
    PANEL,
    SELF,
    SETTLED,
    Answer,
    Cycle,
    Entry,
    EntrySchool,
    Evidence,
    EvidenceLink,
    FactRow,
    Mark,
    TableState,
)
from intranet.queries.entries import schools_of
from intranet.queries.sharing import together, words_of
from intranet.rubric.marks import combine, deciding_role
from intranet.rubric.model import RosterClause, Rubric, TallyClause
from intranet.rubric.numbers import as_text
from intranet.rubric.tables import CONFIRMATION


@dataclass
class FactSource:
    """The facts document of one entry, and where each table row of it is stored."""

    document: dict[str, Any]
    row_ids: dict[str, list[int]] = field(default_factory=dict)  # table -> fact row ids in document order
    marks: list[Mark] = field(default_factory=list)  # every mark of the entry
    words: dict[int, ConfirmState] = field(default_factory=dict)  # how a row stands that others confirm
    carried: set[int] = field(default_factory=set)  # ids of rows from the last cycle, not looked at yet
    files: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # by place: (number, sha256)


def panel_mark(
    rubric: Rubric, marks: Sequence[Mark], role: str, rule: CombineRule
) -> tuple[Fraction | None, str | None, str] | None:
    """The word of one assessor role on one clause: the chair's settlement, else the combined scores.

    :returns: (points, verdict, reason) or None while there is none.
    """
    settled = next((m for m in marks if m.role == SETTLED), None)
    if settled is not None:
        return settled.points, settled.verdict, settled.reason
    own = [m for m in marks if m.role == role and not m.doubtful]
    if not own:
        return None
    verdicts = {m.verdict for m in own}
    reason = "；".join(dict.fromkeys(m.reason for m in own if m.reason))
    if len(verdicts) > 1:
        return None  # the chair settles differing conclusions
    verdict = verdicts.pop()
    points = [m.points for m in own if m.points is not None]
    if not points:
        return None if verdict is None else (None, verdict, reason)
    agreed = points[0] if len(set(points)) == 1 else combine(points, rule.value, rubric.places)
    return None if agreed is None else (agreed, verdict, reason)


def load_facts(
    session: Session, cycle: Cycle, rubric: Rubric, entries: Sequence[Entry]
) -> dict[int, FactSource]:
    """Facts of many entries with a fixed number of queries. Keyed by entry id."""
    ids = [e.id for e in entries if e.id is not None]
    schools = schools_of(session, ids)
    sources: dict[int, FactSource] = {}
    for entry in entries:
        assert entry.id is not None
        members = {
            s.code: {"name": s.name, "role": s.role.value, "stage": s.stage} for s in schools[entry.id]
        }
        stages = list(dict.fromkeys(s.stage for s in schools[entry.id] if s.stage))
        sources[entry.id] = FactSource(
            document={
                "unit": entry.code,
                "name": entry.name,
                "attributes": {"group": entry.group, "stages": stages},
                "members": members,
                "docs": {},
                "marks": {},
                "exempt": list(entry.exempt),
                "prior": dict(entry.prior),
            }
        )

    def doc(entry_id: int, owner: str) -> dict[str, Any]:
        docs: dict[str, Any] = sources[entry_id].document["docs"]
        found: dict[str, Any] = docs.setdefault(
            owner, {"fields": {}, "materials": {}, "tables": {}, "members": {}}
        )
        return found

    school_code = {(i, s.school_id): s.code for i in ids for s in schools[i]}
    for answer in session.exec(select(Answer).where(col(Answer.entry_id).in_(ids))):
        target = doc(answer.entry_id, answer.owner)
        if answer.school_id:
            code = school_code.get((answer.entry_id, answer.school_id))
            if code is not None:
                target["members"].setdefault(code, {})[answer.key] = answer.value
        elif "#" in answer.key:
            _set_slot(target, answer.key, answer.value)
        else:
            target["fields"][answer.key] = answer.value
    for state in session.exec(
        select(TableState).where(col(TableState.entry_id).in_(ids), col(TableState.declared_empty))
    ):
        doc(state.entry_id, state.owner)["tables"].setdefault(state.table, [])
    _put_rows(session, rubric, schools, sources, doc)
    live = (
        select(EvidenceLink.entry_id, EvidenceLink.ref, Evidence.number, Evidence.sha256)
        .join(Evidence, col(Evidence.id) == col(EvidenceLink.evidence_id))
        .where(col(EvidenceLink.entry_id).in_(ids), col(Evidence.deleted_at).is_(None))
        .order_by(col(EvidenceLink.id))
    )
    for entry_id, ref, number, sha256 in session.exec(live):
        sources[entry_id].files.setdefault(ref, []).append((number, sha256))
        if ref.startswith("slot:"):
            _set_slot(doc(entry_id, "school"), ref.removeprefix("slot:"), True)
    marks: dict[tuple[int, str], list[Mark]] = defaultdict(list)
    for mark in session.exec(select(Mark).where(col(Mark.entry_id).in_(ids)).order_by(col(Mark.id))):
        sources[mark.entry_id].marks.append(mark)
        marks[mark.entry_id, mark.code].append(mark)
    for (entry_id, code), own in marks.items():
        _put_marks(sources[entry_id].document["marks"], rubric, code, own, cycle.combine)
    return sources


def _put_rows(
    session: Session,
    rubric: Rubric,
    schools: Mapping[int, Sequence[EntrySchool]],
    sources: Mapping[int, FactSource],
    doc: Callable[[int, str], dict[str, Any]],
) -> None:
    """Every table row into its document; one that another school has not confirmed says so where a clause asks."""
    query = select(FactRow).where(col(FactRow.entry_id).in_(list(sources)), col(FactRow.deleted_at).is_(None))
    rows = session.exec(query.order_by(col(FactRow.position), col(FactRow.id))).all()
    words = _words(session, rubric, schools, rows)
    judged = {
        c.table for c in rubric.clauses if isinstance(c, TallyClause | RosterClause) and c.confirmed_only
    }
    for row in rows:
        source, cells, word = sources[row.entry_id], row.cells, words.get(row.id or 0)
        if row.carried:
            source.carried.add(row.id or 0)
        if word is not None:
            source.words[row.id or 0] = word
        if row.table in judged and word in (ConfirmState.OPEN, ConfirmState.DISPUTED):
            cells = {**cells, CONFIRMATION: word.value}
        doc(row.entry_id, row.owner)["tables"].setdefault(row.table, []).append(cells)
        source.row_ids.setdefault(row.table, []).append(row.id or 0)


def _words(
    session: Session, rubric: Rubric, schools: Mapping[int, Sequence[EntrySchool]], rows: Sequence[FactRow]
) -> dict[int, ConfirmState]:
    """How the rows stand that another school has to confirm, by row id."""
    asked = [r for r in rows if r.table in rubric.table and rubric.table[r.table].confirmed_by]
    if not asked:
        return {}
    said = words_of(session, schools, {r.created_by for r in asked})
    states = {r.id or 0: together(said[r.entry_id].on(rubric.table[r.table], r)) for r in asked}
    return {i: s for i, s in states.items() if s is not None}


def _set_slot(target: dict[str, Any], key: str, value: Any) -> None:
    code, _, n = key.rpartition("#")
    slots = target["materials"].setdefault(code, [])
    while len(slots) < int(n):
        slots.append(None)
    slots[int(n) - 1] = value


def _put_marks(
    target: dict[str, Any], rubric: Rubric, code: str, marks: Sequence[Mark], rule: CombineRule
) -> None:
    own = next((m for m in marks if m.role == SELF), None)
    if own is not None:
        target.setdefault(SELF, {})[code] = _mark(own.points, own.verdict, own.reason)
    clause = rubric.by.get(code)
    role = PANEL if clause is None else deciding_role(clause)
    word = panel_mark(rubric, [m for m in marks if m.role != SELF], role, rule)
    if word is not None:
        target.setdefault(role, {})[code] = _mark(*word)


def _mark(points: Fraction | None, verdict: str | None, reason: str) -> dict[str, Any]:
    return {"points": None if points is None else as_text(points), "verdict": verdict, "reason": reason}
