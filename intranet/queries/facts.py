"""The facts document of entries, put together from their rows (see ``rubric.facts``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from intranet.queries.among import among
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
    stored: Stored | None = None  # what it was put together from, that of its fellows too


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


@dataclass(frozen=True)
class Stored:
    """The rows behind the facts documents of some entries; words: how rows stand that others confirm."""

    schools: Mapping[int, Sequence[EntrySchool]]
    answers: Sequence[Answer]
    empty: Sequence[TableState]
    rows: Sequence[FactRow]
    words: Mapping[int, ConfirmState]
    files: Sequence[tuple[int, str, int, str]]  # entry id, place, material number, sha256
    marks: Sequence[Mark]

    def with_answers(self, session: Session) -> Stored:
        """The same with the answers read anew, after saving nothing but answers."""
        return replace(self, answers=_answers(session, list(self.schools)))


def load_facts(
    session: Session, cycle: Cycle, rubric: Rubric, entries: Sequence[Entry], stored: Stored | None = None
) -> dict[int, FactSource]:
    """Facts of many entries with a fixed number of queries. Keyed by entry id.

    :param stored: what was read of just these entries, if it still holds.
    """
    if stored is None:
        stored = _read(session, rubric, [e.id for e in entries if e.id is not None])
    sources: dict[int, FactSource] = {}
    for entry in entries:
        assert entry.id is not None
        schools = stored.schools[entry.id]
        sources[entry.id] = FactSource(
            document={
                "unit": entry.code,
                "name": entry.name,
                "attributes": {
                    "group": entry.group,
                    "stages": list(dict.fromkeys(s.stage for s in schools if s.stage)),
                },
                "members": {
                    s.code: {"name": s.name, "role": s.role.value, "stage": s.stage} for s in schools
                },
                "docs": {},
                "marks": {},
                "exempt": list(entry.exempt),
                "prior": dict(entry.prior),
            },
            stored=stored,
        )

    def doc(entry_id: int, owner: str) -> dict[str, Any]:
        docs: dict[str, Any] = sources[entry_id].document["docs"]
        found: dict[str, Any] = docs.setdefault(
            owner, {"fields": {}, "materials": {}, "tables": {}, "members": {}}
        )
        return found

    school_code = {(i, s.school_id): s.code for i, found in stored.schools.items() for s in found}
    for answer in stored.answers:
        target = doc(answer.entry_id, answer.owner)
        if answer.school_id:
            code = school_code.get((answer.entry_id, answer.school_id))
            if code is not None:
                target["members"].setdefault(code, {})[answer.key] = answer.value
        elif "#" in answer.key:
            _set_slot(target, answer.key, answer.value)
        else:
            target["fields"][answer.key] = answer.value
    for state in stored.empty:
        doc(state.entry_id, state.owner)["tables"].setdefault(state.table, [])
    _put_rows(rubric, stored, sources, doc)
    for entry_id, ref, number, sha256 in stored.files:
        sources[entry_id].files.setdefault(ref, []).append((number, sha256))
        if ref.startswith("slot:"):
            _set_slot(doc(entry_id, "school"), ref.removeprefix("slot:"), True)
    marks: dict[tuple[int, str], list[Mark]] = defaultdict(list)
    for mark in stored.marks:
        sources[mark.entry_id].marks.append(mark)
        marks[mark.entry_id, mark.code].append(mark)
    for (entry_id, code), own in marks.items():
        _put_marks(sources[entry_id].document["marks"], rubric, code, own, cycle.combine)
    return sources


def _read(session: Session, rubric: Rubric, ids: Sequence[int]) -> Stored:
    schools = schools_of(session, ids)
    rows = session.exec(
        select(FactRow)
        .where(among(FactRow.entry_id, ids), col(FactRow.deleted_at).is_(None))
        .order_by(col(FactRow.position), col(FactRow.id))
    ).all()
    return Stored(
        schools=schools,
        answers=_answers(session, ids),
        empty=session.exec(
            select(TableState).where(among(TableState.entry_id, ids), col(TableState.declared_empty))
        ).all(),
        rows=rows,
        words=_words(session, rubric, schools, rows),
        files=session.exec(
            select(EvidenceLink.entry_id, EvidenceLink.ref, Evidence.number, Evidence.sha256)
            .join(Evidence, col(Evidence.id) == col(EvidenceLink.evidence_id))
            .where(among(EvidenceLink.entry_id, ids), col(Evidence.deleted_at).is_(None))
            .order_by(col(EvidenceLink.id))
        ).all(),
        marks=session.exec(select(Mark).where(among(Mark.entry_id, ids)).order_by(col(Mark.id))).all(),
    )


def _answers(session: Session, ids: Sequence[int]) -> Sequence[Answer]:
    return session.exec(select(Answer).where(among(Answer.entry_id, ids))).all()


def _put_rows(
    rubric: Rubric,
    stored: Stored,
    sources: Mapping[int, FactSource],
    doc: Callable[[int, str], dict[str, Any]],
) -> None:
    """Every table row into its document; one that another school has not confirmed says so where a clause asks."""
    judged = {
        c.table for c in rubric.clauses if isinstance(c, TallyClause | RosterClause) and c.confirmed_only
    }
    for row in stored.rows:
        source, cells, word = sources[row.entry_id], row.cells, stored.words.get(row.id or 0)
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
