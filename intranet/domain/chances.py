"""留在桌上的分: the points within easy reach of a unit, each found by scoring again with one thing changed.

Nothing is guessed: a gain is the score with the change minus the score without it. What is tried is
only what the notice itself asks for and the unit has not shown: a material, a tick, an activity up
to the required number, the proof of a row, the days that a stay is short of the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import islice
from typing import Any, Protocol

from intranet.domain.filing import Filing
from intranet.domain.scoring import EntrySheet, Scoring
from intranet.domain.self_scores import own_facts, so_far
from intranet.i18n import _
from intranet.queries.filing import SCHOOL, Page
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import Score
from intranet.rubric.model import Clause, DeductClause, RosterClause, Rubric, TallyClause
from intranet.rubric.numbers import show
from intranet.rubric.rescore import Rescoring
from intranet.rubric.tables import read_date

MOST_TRIALS = 150

Document = dict[str, Any]
Change = Callable[[Document], None]
PARTS = ("fields", "materials", "tables", "members")


@dataclass(frozen=True, slots=True)
class Chance:
    """One thing that would add points. at: its place on the page, as ``submission.Finding.at``."""

    page: str
    clause: Clause
    text: str
    at: str
    gain: Fraction


@dataclass(frozen=True, slots=True)
class Reach:
    """What a clause still offers. together: all its chances at once, which a cap may make less than their sum."""

    clause: Clause
    page: str
    chances: tuple[Chance, ...]
    together: Fraction


class Asked(Protocol):
    """What is asked of a unit, and when: its filing, or the frozen facts of a result."""

    @property
    def pages(self) -> Mapping[str, Page]: ...

    @property
    def rubric(self) -> Rubric: ...

    @property
    def at(self) -> datetime: ...

    def why_locked(self, code: str | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing changed. text: what can be done about it; lack: what was not there, when it is too late.

    change: puts other values into a document, and never alters a value that stands there.
    """

    page: str
    clause: Clause
    text: str
    lack: str
    at: str
    change: Change


def reaches(filing: Filing, scoring: Scoring, filed: EntrySheet) -> list[Reach]:
    """Clauses with points within reach, the most first."""
    facts = own_facts(scoring.rubric, filed.facts)
    tries = Tries(scoring, facts)
    found: dict[str, list[tuple[Trial, Fraction]]] = {}
    for trial in islice(trials_of(filing, filed, facts, tries.before), MOST_TRIALS):
        points = tries.gain(trial.change)
        if points > 0:
            found.setdefault(trial.clause.code, []).append((trial, points))
    out = []
    for trials in found.values():
        chances = tuple(
            Chance(t.page, t.clause, t.text, t.at, points)
            for t, points in sorted(trials, key=lambda pair: -pair[1])
        )
        together = chances[0].gain if len(trials) == 1 else tries.gain(*(t.change for t, _points in trials))
        out.append(Reach(chances[0].clause, chances[0].page, chances, together))
    return sorted(out, key=lambda r: -r.together)


class Tries:
    """A unit's points with something changed in what its school filed."""

    def __init__(self, scoring: Scoring, facts: Facts) -> None:
        document: Document = {part: {} for part in PARTS} | dict(facts.docs.get(SCHOOL, {}))
        facts = replace(facts, docs={**facts.docs, SCHOOL: document})
        self._rubric, self._document = scoring.rubric, document
        self._rescoring = Rescoring(scoring.rubric, facts, scoring.hooks, owner=SCHOOL)
        self.before = self._rescoring.sheet
        self._total = total_of(self._rubric, self.before)

    def gain(self, *changes: Change) -> Fraction:
        """What these changes together add to the total; negative if they take from it."""
        document = self._document | {part: dict(self._document[part]) for part in PARTS}
        for change in changes:
            change(document)
        return total_of(self._rubric, self._rescoring.score(document)) - self._total


def total_of(rubric: Rubric, sheet: Mapping[str, Score]) -> Fraction:
    """What all leaves have come to; the root itself stays open while a leaf waits for the panel."""
    return so_far(sheet[rubric.root.code]) or sum(
        (so_far(sheet[c.code]) or Fraction(0) for c in rubric.children[rubric.root.code]), Fraction(0)
    )


# --- what is tried -------------------------------------------------------------------------------


def trials_of(filing: Asked, filed: EntrySheet, facts: Facts, sheet: Mapping[str, Score]) -> Iterator[Trial]:
    """Everything that is tried, page by page."""
    for page in filing.pages.values():
        if filing.why_locked(page.code):
            continue
        for clause in page.clauses:
            yield from _slots(page, clause, filed, facts)
            yield from _counts(page, clause, facts)
            if isinstance(clause, RosterClause | TallyClause):
                yield from _rows(filing, page, clause, filed, sheet[clause.code])
        yield from _ticks(page, filing.rubric, filed, facts)


def _slots(page: Page, clause: Clause, filed: EntrySheet, facts: Facts) -> Iterator[Trial]:
    for slot in filed.form.slots(clause.code):
        if slot.hidden or facts.slot(clause.code, slot.n - 1) not in (None, False):
            continue

        def change(document: Document, code: str = clause.code, n: int = slot.n) -> None:
            slots = [*document["materials"].get(code, ())]
            slots += [None] * (n - len(slots))
            slots[n - 1] = True
            document["materials"][code] = slots

        text = _("如有“%(label)s”，请上传", label=slot.label)
        lack = _("没有“%(label)s”", label=slot.label)
        yield Trial(page.code, clause, text, lack, f"slot:{clause.code}#{slot.n}", change)


def _counts(page: Page, clause: Clause, facts: Facts) -> Iterator[Trial]:
    """Required activities (不少于 n 次) that the unit counts below their number."""
    if not isinstance(clause, DeductClause):
        return
    for events in clause.events:
        if events.rows is not None:
            continue
        for name in events.in_ or (events.label,):
            key = f"{clause.code}.{name}"
            count = facts.get(key)
            if not isinstance(count, int) or isinstance(count, bool) or count >= events.need:
                continue
            text = _(
                "%(label)s填了 %(n)s %(unit)s，要求 %(need)s %(unit)s。如实际有，请补上并附材料",
                label=name if events.in_ else events.label,
                n=count,
                need=events.need,
                unit=events.unit,
            )
            lack = _(
                "%(label)s %(n)s %(unit)s，要求 %(need)s %(unit)s",
                label=name if events.in_ else events.label,
                n=count,
                need=events.need,
                unit=events.unit,
            )
            yield Trial(page.code, clause, text, lack, f"field:{key}", _put_field(key, events.need))


def _ticks(page: Page, rubric: Rubric, filed: EntrySheet, facts: Facts) -> Iterator[Trial]:
    for declared in page.fields:
        item = filed.form.field(declared.key) if declared.key not in filed.form.hidden else None
        if item is None or item.by != SCHOOL or item.type != "tick" or item.per != "unit":
            continue
        if facts.get(item.key) is not True:
            clause = rubric.by.get(item.clause, page.clause)
            text = _("如已有“%(label)s”，请勾选并附材料", label=item.label)
            lack = _("没有“%(label)s”", label=item.label)
            yield Trial(page.code, clause, text, lack, f"field:{item.key}", _put_field(item.key, True))


def _put_field(key: str, value: Any) -> Change:
    def change(document: Document) -> None:
        document["fields"][key] = value

    return change


def _rows(
    filing: Asked, page: Page, clause: RosterClause | TallyClause, filed: EntrySheet, score: Score
) -> Iterator[Trial]:
    table = filing.rubric.table[clause.table]
    if table.by != SCHOOL:
        return
    rows = filed.facts.rows(table.key) or ()
    ids = filed.source.row_ids.get(table.key, ())
    needed = [r.column for r in getattr(clause, "require", ()) if table.by_key[r.column].type == "tick"]
    for line in score.lines:
        n = _row_of(line.ref, table.key)
        if n is None or n >= len(rows) or n >= len(ids):
            continue
        cells, at = rows[n], f"row:{ids[n]}"
        head = cells.get(table.columns[0].key) or _("未填")
        missing = [c for c in needed if cells.get(c) is not True]
        if missing and not line.counted:
            labels = "、".join(table.by_key[c].label for c in missing)
            text = _("“%(row)s”没有勾选“%(labels)s”。如属实，请勾选并附材料", row=head, labels=labels)
            lack = _("“%(row)s”没有勾选“%(labels)s”", row=head, labels=labels)
            put = _put_cells(table.key, n, dict.fromkeys(missing, True))
            yield Trial(page.code, clause, text, lack, at, put)
        end = read_date(cells.get("end"))
        if line.hint and end is not None:
            days = int(line.hint["days"])
            later = (end + timedelta(days=days)).isoformat()
            text = _(
                "“%(row)s”差 %(days)s 天满 %(months)s 个月。如实际到 %(until)s，请改“止”并附材料",
                row=head,
                days=days,
                months=show(line.hint["months"]),
                until=later,
            )
            if date.fromisoformat(later) <= filing.at.date():
                lack = _(
                    "“%(row)s”差 %(days)s 天满 %(months)s 个月",
                    row=head,
                    days=days,
                    months=show(line.hint["months"]),
                )
                put = _put_cells(table.key, n, {"end": later})
                yield Trial(page.code, clause, text, lack, at, put)


def _row_of(ref: str, table: str) -> int | None:
    first = ref.partition(",")[0]
    if not first.startswith(f"{table}[") or not first.endswith("]"):
        return None
    number = first[len(table) + 1 : -1]
    return int(number) if number.isdigit() else None


def _put_cells(table: str, n: int, cells: Mapping[str, Any]) -> Change:
    def change(document: Document) -> None:
        rows = [dict(row) for row in document["tables"].get(table, ())]
        rows[n].update(cells)
        document["tables"][table] = rows

    return change
