"""Stored results as what the documents are written from: nothing is scored or looked up anew."""

from __future__ import annotations

from datetime import date, datetime, time
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from intranet.documents.view import (
    EvidenceItem,
    FilledForm,
    RankingView,
    ReviewerMark,
    RulingMade,
    SettledMark,
    UnitPart,
)
from intranet.domain import rulings, ties
from intranet.domain.phases import practice_label
from intranet.enums import CycleState
from intranet.i18n import _
from intranet.models import SETTLED, Cycle
from intranet.queries.explain import own_points
from intranet.queries.results import Ranking, UnitLine
from intranet.rubric import forms
from intranet.rubric.facts import Facts
from intranet.rubric.loader import Definition
from intranet.rubric.marks import deciding_role
from intranet.rubric.model import Rubric


def label_of(state: CycleState) -> str:
    """What stands on every page of a result."""
    return {
        CycleState.PUBLISHED: _("公示"),
        CycleState.FINAL: _("定稿"),
        CycleState.ARCHIVED: _("定稿"),
    }.get(state, _("草案 未经公示"))


def label_for(cycle: Cycle) -> str:
    """The same for a cycle: a practice one says that it is, whatever phase it plays."""
    return practice_label(cycle) or label_of(cycle.state)


def form_context(rubric: Rubric, line: UnitLine) -> forms.Context:
    """What the cells of an official form come from, as it was frozen."""
    evidence: dict[str, list[forms.Evidence]] = {}
    for file in line.row.evidence:
        for ref in file["refs"]:
            evidence.setdefault(ref, []).append(forms.Evidence(str(file["number"]), file["name"]))
    return forms.Context(
        Facts.from_json(line.row.facts), line.result.sheet, own_points(rubric, line), evidence
    )


def _part(rubric: Rubric, line: UnitLine) -> UnitPart:
    source = form_context(rubric, line)
    said: dict[str, Any] = line.row.facts.get("marks", {})
    settled = {}
    for leaf in rubric.leaves():
        mark = said.get(deciding_role(leaf), {}).get(leaf.code)
        if mark is not None:
            settled[leaf.code] = SettledMark(
                _number(mark.get("points")), mark.get("verdict"), mark.get("reason", "")
            )
    return UnitPart(
        self_marks=source.self_marks,
        settled=settled,
        reviewers=[
            ReviewerMark(m["by"], m["code"], _number(m["points"]), m["verdict"], m["reason"])
            for m in line.row.marks
            if m["role"] != SETTLED and not m["doubtful"]
        ],
        evidence=[
            EvidenceItem(str(f["number"]), f["name"], [_place(rubric, ref) for ref in f["refs"]])
            for f in line.row.evidence
        ],
        forms=[
            FilledForm(f, forms.rows(rubric, f, source), forms.foot(rubric, f, source)) for f in rubric.forms
        ],
    )


def _number(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _place(rubric: Rubric, ref: str) -> str:
    """A ref as people name it."""
    kind, _colon, what = ref.partition(":")
    if kind == "row":
        table, _bracket, n = what.partition("[")
        title = rubric.table[table].title if table in rubric.table else table
        return _("%(table)s第 %(n)s 行", table=title, n=int(n.rstrip("]") or 0) + 1)
    code, _hash, n = what.partition("#")
    clause = rubric.by.get(code)
    if clause is None:
        return what
    if n.isdigit() and int(n) <= len(clause.materials):
        return f"{clause.no or code} {clause.materials[int(n) - 1]}"
    return clause.name


def ranking_view(ranking: Ranking, definition: Definition, *, bureau: str, zone: str) -> RankingView:
    """The whole workbook's worth of one freeze. Times are local."""
    cycle = ranking.cycle
    here = ZoneInfo(zone)
    return RankingView(
        bureau=bureau,
        cycle=cycle.title,
        rubric=ranking.rubric,
        results=[line.result for line in ranking.lines],
        units={line.result.unit: _part(ranking.rubric, line) for line in ranking.lines},
        rulings=[
            RulingMade(
                s.ruling,
                s.shown,
                s.note.get("reason", ""),
                s.note.get("by", ""),
                _day(s.note.get("at", ""), here),
            )
            for s in rulings.settled(cycle, definition)
        ],
        label=label_for(cycle),
        ties=ties.sentence(ranking.rubric, ties.ties_in(ranking.held.rules)),
        parted={
            line.result.unit: _("同分，比%(what)s", what=ties.names_of(ranking.rubric, [code])[0])
            for line in ranking.lines
            if (code := ranking.parted_by(line))
        },
        frozen_at=ranking.held.frozen_at.astimezone(here),
        fingerprint=ranking.held.fingerprint,
    )


def _day(text: str, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(date.fromisoformat(text), time(), zone) if text else None
