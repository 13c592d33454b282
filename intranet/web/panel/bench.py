"""One item laid out for scoring: requirement, materials, facts, ledger; files; the boxes to fill in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from flask import url_for

from intranet.documents.preview import READABLE
from intranet.domain.changes import Change
from intranet.domain.marking import base_of, proposed_choices
from intranet.domain.scoring import EntrySheet
from intranet.domain.standing import Item, Leaf, figures
from intranet.i18n import _
from intranet.models import Evidence, LogEntry, Mark
from intranet.queries.filed import FiledEvidence
from intranet.queries.filing import pages
from intranet.queries.review import OTHER_OWNERS, others_marks
from intranet.rubric import sentences
from intranet.rubric.deductions import Choice, bank
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import Line, Score
from intranet.rubric.marks import verdicts
from intranet.rubric.model import Clause, Field, JudgedClause, Option, Rubric, Table, TicksClause
from intranet.rubric.tables import rows_of
from intranet.storage import accepted

from ..context import actor
from .typed import STEP, Typed


@dataclass(frozen=True)
class File:
    """A file of the item. place: what it proves, in words."""

    evidence: Evidence
    place: str

    @property
    def is_picture(self) -> bool:
        return self.evidence.media_type in accepted.INLINE and self.evidence.media_type.startswith("image/")

    @property
    def is_document(self) -> bool:
        """Shown in a frame: by the browser's own viewer, or the words and cells on a page of ours."""
        return self.is_readable or (self.evidence.media_type in accepted.INLINE and not self.is_picture)

    @property
    def is_readable(self) -> bool:
        return accepted.ending(self.evidence.name) in READABLE

    @property
    def preview_url(self) -> str:
        if self.is_readable:
            return url_for("files.content", evidence_id=self.evidence.id, bare=1)
        return url_for("files.preview", evidence_id=self.evidence.id)


@dataclass(frozen=True)
class SlotView:
    """A material that the notice names. state: missing (absent or blank), have (declared, with or without file), na."""

    label: str
    state: str
    note: str
    files: tuple[Evidence, ...]


@dataclass(frozen=True)
class FactView:
    """One filled-in thing: label and value; None is blank. word: how the schools that it names stand to
    it (open, confirmed, disputed; "" if none is asked)."""

    label: str
    value: str | None
    files: tuple[Evidence, ...] = ()
    word: str = ""
    carried: bool = False  # 上次结转, not looked at by the school


@dataclass(frozen=True)
class LedgerLine:
    """A line of the ledger in words. note: why it does not count, or what would earn more; words: of its
    rows, how the schools named there stand to them, where they have not confirmed."""

    text: str
    note: str
    points: Fraction | None
    counted: bool
    files: tuple[Evidence, ...] = ()
    words: tuple[str, ...] = ()
    carried: bool = False  # one of its rows is from the last cycle and the school has not looked at it


@dataclass(frozen=True)
class Moved:
    """Why the own mark is out of date: what the unit changed (old → new), and what else is other than then."""

    mark: Mark
    changes: list[Change]
    words: list[str]


@dataclass(frozen=True)
class LeafView:
    """One leaf with everything beside its box. words: ready-made comments; earlier: the own former marks in
    the log; is_locked: in deliberation, without an own mark to change."""

    leaf: Leaf
    typed: Typed
    bank: list[Choice]
    options: tuple[Option, ...]
    step: Fraction
    lines: list[LedgerLine]
    steps: list[str]
    flags: list[str]
    figures: list[FactView]
    others: list[Mark] | None
    others_n: int
    words: list[str] = field(default_factory=list)
    moved: Moved | None = None
    earlier: list[LogEntry] = field(default_factory=list)
    is_locked: bool = False

    @property
    def base(self) -> Fraction | None:
        """What deductions are taken from, for panel.js."""
        return base_of(self.leaf)

    @property
    def proposed(self) -> str:
        """The facts' own choice of deductions, in the words of panel.js: ``materials×2 event.…×1``."""
        return " ".join(f"{key}×{times}" for key, times in proposed_choices(self.bank).items())

    @property
    def proposals(self) -> dict[str, str]:
        """Keys of the deductions that the facts propose; one that is not taken asks why."""
        return proposed_choices(self.bank)

    @property
    def takes_points(self) -> bool:
        """A number is typed: there are no conclusions to choose, or one of them leaves the number open."""
        return not self.options or any(o.upto is not None for o in self.options)


@dataclass(frozen=True)
class Bench:
    """The left and the middle of the scoring page. loose: files for a clause as a whole; files: all of them;
    waiting, disputed: rows that another school has not confirmed."""

    slots: list[SlotView]
    loose: list[Evidence]
    files: list[File]
    facts: list[FactView]
    requirements: list[Clause]
    waiting: int = 0
    disputed: int = 0

    @property
    def have(self) -> int:
        return sum(s.state == "have" for s in self.slots)

    @property
    def missing(self) -> int:
        return sum(s.state == "missing" for s in self.slots)


def bench_of(rubric: Rubric, sheet: EntrySheet, item: Item, evidence: Sequence[FiledEvidence]) -> Bench:
    """What the unit filed for this item, the missing materials first."""
    page = next(p for p in pages(rubric) if p.code == item.indicator.code)
    by_ref = _by_ref(evidence)
    slots = [s for c in page.clauses for s in _slots(sheet, c, by_ref)]
    slots.sort(key=lambda s: ("missing", "have", "na").index(s.state))
    # The panel's own fields are in its boxes; ticks stand in the ledger, each on its line.
    asked = [
        f
        for f in page.fields
        if f.by in OTHER_OWNERS and not isinstance(rubric.by.get(f.clause), TicksClause)
    ]
    facts = [f for declared in asked for f in _field_views(sheet, declared)]
    refs: list[tuple[str, str]] = []
    for clause in page.clauses:
        refs += [(f"slot:{clause.code}#{s.n}", s.label) for s in sheet.form.slots(clause.code)]
        refs.append((f"clause:{clause.code}", clause.name))
    in_ledger = {r for leaf in item.leaves for line in leaf.score.lines for r in line.ref.split(",")}
    said: list[str] = []
    for key, wheres in page.tables.items():
        for row in rows_of(rubric.table[key], sheet.facts) or ():
            if any(row.matches(where) for where in wheres):
                ref = _row_ref(sheet, row.ref)
                text = described(row.table, row.cells, sheet.facts)
                refs.append((ref, text))
                said.append(_word(sheet, ref))
                if row.ref not in in_ledger:
                    proof, old = tuple(by_ref.get(ref, ())), _is_carried(sheet, ref)
                    facts.append(FactView(row.table.title, text, proof, said[-1], old))
    places = {e.id: place for ref, place in reversed(refs) for e in by_ref.get(ref, ())}
    files = [File(e.evidence, places[e.evidence.id]) for e in evidence if e.evidence.id in places]
    loose = {e.id: e for c in page.clauses for e in by_ref.get(f"clause:{c.code}", ())}
    return Bench(
        slots,
        list(loose.values()),
        files,
        facts,
        [c for c in page.clauses if c.text or c.requirement or c.note],
        said.count("open"),
        said.count("disputed"),
    )


def _is_carried(sheet: EntrySheet, ref: str) -> bool:
    """Whether a row (``row:17``) came from the last cycle and nobody at the school has looked at it."""
    what = ref.removeprefix("row:")
    return what.isdecimal() and int(what) in sheet.source.carried


def _word(sheet: EntrySheet, ref: str) -> str:
    """How the schools that a row (``row:17``) names stand to it."""
    what = ref.removeprefix("row:")
    word = sheet.source.words.get(int(what)) if what.isdecimal() else None
    return word.value if word is not None else ""


def leaf_view(
    rubric: Rubric,
    sheet: EntrySheet,
    leaf: Leaf,
    typed: Typed,
    evidence: Sequence[FiledEvidence],
    words: list[str],
    *,
    moved: Moved | None = None,
    earlier: list[LogEntry] | None = None,
    is_locked: bool = False,
) -> LeafView:
    """A leaf as this reviewer may see it: others' marks only once the own one is in.

    ``sheet`` must be scored without the panel's marks (``standing.unmarked``).
    """
    step = leaf.clause.step if isinstance(leaf.clause, JudgedClause) else STEP
    return LeafView(
        leaf=leaf,
        typed=typed,
        bank=bank(rubric, leaf.clause, sheet.facts, leaf.score),
        options=verdicts(leaf.clause),
        step=step,
        lines=ledger(sheet, leaf.score, _by_ref(evidence), rubric.places),
        steps=[sentences.step(s, rubric.places) for s in leaf.score.steps],
        flags=[sentences.flag(f) for f in leaf.score.flags],
        figures=[
            f for declared in figures(rubric, leaf.clause, sheet.form) for f in _field_views(sheet, declared)
        ],
        others=others_marks(leaf.marks, actor()),
        others_n=len({m.user_id for m in leaf.given} - {actor().user_id}),
        words=words,
        moved=moved,
        earlier=earlier or [],
        is_locked=is_locked,
    )


def ledger(
    sheet: EntrySheet, score: Score, by_ref: dict[str, list[Evidence]], places: int
) -> list[LedgerLine]:
    """The score's lines in words, each with the files of the rows it is made of."""
    return [_ledger_line(sheet, line, by_ref, places) for line in score.lines]


def _ledger_line(sheet: EntrySheet, line: Line, by_ref: dict[str, list[Evidence]], places: int) -> LedgerLine:
    refs = [_row_ref(sheet, ref) if "[" in ref else ref for ref in line.ref.split(",") if ref]
    files = {e.id: e for ref in refs for e in by_ref.get(ref, ())}
    notes = (sentences.reason(line), sentences.hint(line))
    return LedgerLine(
        text=sentences.line(line, places),
        note="；".join(n for n in notes if n),
        points=line.points,
        counted=line.counted,
        files=tuple(files.values()),
        words=tuple(w for ref in refs if (w := _word(sheet, ref)) in ("open", "disputed")),
        carried=any(_is_carried(sheet, ref) for ref in refs),
    )


def _by_ref(evidence: Iterable[FiledEvidence]) -> dict[str, list[Evidence]]:
    out: dict[str, list[Evidence]] = {}
    for filed in evidence:
        for ref in filed.refs:
            out.setdefault(ref, []).append(filed.evidence)
    return out


def _row_ref(sheet: EntrySheet, ref: str) -> str:
    """``exchange[3]`` as the evidence names it, ``row:17``; unchanged if there is no such row."""
    table, _bracket, n = ref.rstrip("]").partition("[")
    ids = sheet.source.row_ids.get(table, [])
    return f"row:{ids[int(n)]}" if n.isdecimal() and int(n) < len(ids) else ref


def _slots(sheet: EntrySheet, clause: Clause, by_ref: dict[str, list[Evidence]]) -> Iterable[SlotView]:
    for slot in sheet.form.slots(clause.code):
        value = sheet.facts.slot(clause.code, slot.n - 1)
        files = tuple(by_ref.get(f"slot:{clause.code}#{slot.n}", ()))
        if slot.hidden or value == "na":
            yield SlotView(slot.label, "na", slot.reason or _("不适用"), files)
        elif value is True:
            yield SlotView(slot.label, "have", "" if files else _("有，未附文件"), files)
        else:
            yield SlotView(slot.label, "missing", _("声明没有") if value is False else _("未填"), files)


def _field_views(sheet: EntrySheet, declared: Field) -> Iterable[FactView]:
    if declared.key in sheet.form.hidden:
        return
    asked, facts = sheet.form.field(declared.key), sheet.facts
    if asked.per == "member":
        for school, about in facts.members.items():
            value = _shown(asked, facts.of_member(school, asked.key, asked.by), facts)
            yield FactView(f"{about.get('name', school)} {asked.label}", value)
    else:
        yield FactView(asked.label, _shown(asked, facts.get(asked.key, asked.by), facts))


def _shown(asked: Any, value: Any, facts: Facts) -> str | None:
    """A field's or column's value for people; None if it is blank."""
    if value is None or value == "":
        return None
    if asked.type == "tick":
        return _("是") if value is True else _("否")
    if asked.type == "school":
        return str(facts.members.get(str(value), {}).get("name", value))
    if asked.type == "choice":
        values = value if isinstance(value, list | tuple) else [value]
        labels = {o.value: o.label or o.value for o in asked.options}
        return "、".join(labels.get(str(v), str(v)) for v in values)
    unit = getattr(asked, "unit", "")
    return f"{value} {unit}".strip()


def described(table: Table, cells: Any, facts: Facts) -> str:
    """A row in one sentence: the table's own, or its filled cells."""
    shown = {c.key: _shown(c, cells.get(c.key), facts) or "" for c in table.columns}
    if table.describe:
        text = table.describe
        for key, value in shown.items():
            text = text.replace("{" + key + "}", value or "—")
        return text
    return "，".join(v for v in shown.values() if v)
