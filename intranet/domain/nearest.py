"""What a unit's frozen result lost that was nearest to being won: at most a few things, each with exact points.

Two sources and no others. Scoring the frozen facts again with one thing changed (as ``chances`` does while a
unit files); and the frozen ledger itself: what was deducted, and what the panel gave less than the maximum.
A deduction or shortfall under a cap that bit is left out, since winning it back would not have counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from itertools import islice

from intranet.domain.chances import Tries, trials_of
from intranet.domain.scoring import EntrySheet, Scoring
from intranet.i18n import _
from intranet.models import Entry
from intranet.queries.facts import FactSource
from intranet.queries.filing import Page, pages
from intranet.queries.results import UnitLine
from intranet.rubric import sentences
from intranet.rubric.facts import Facts
from intranet.rubric.fields import adapt
from intranet.rubric.ledger import Line, Score, Sheet, Step
from intranet.rubric.marks import deciding_role
from intranet.rubric.model import Clause, Rubric
from intranet.rubric.numbers import as_fraction, show

MOST = 3
MOST_TRIALS = 100


@dataclass(frozen=True, slots=True)
class Near:
    """Something that would have counted: the clause, what was lacking, and how many points it was."""

    clause: Clause
    text: str
    gain: Fraction


@dataclass(frozen=True)
class _Frozen:
    """A result's facts as something that can be asked like a filing."""

    pages: Mapping[str, Page]
    rubric: Rubric
    at: datetime

    def why_locked(self, code: str | None = None) -> str:
        return ""


def nearest(scoring: Scoring, line: UnitLine, *, at: datetime, most: int = MOST) -> list[Near]:
    """The things nearest to being won, the most points first; what the panel alone decides comes last.

    :param at: when the result was frozen.
    """
    rubric, sheet = scoring.rubric, line.result.sheet
    found = [] if scoring.plugin_missing else _tried(scoring, line, at)
    tried = {code: {t.at.partition(":")[0] for t in found if t.near.clause.code == code} for code in sheet}
    concrete = [t.near for t in found]
    concrete += [
        Near(rubric.by[code], sentences.line(x, rubric.places), -(x.points or Fraction(0)))
        for code, x in _deducted(rubric, sheet)
        if _SAME.get(x.what) not in tried[code]
    ]
    concrete.sort(key=lambda n: -n.gain)
    judged = sorted(_judged(rubric, sheet), key=lambda n: -n.gain)
    return [*concrete, *judged][:most]


_SAME = {"loss_material": "slot", "loss_event": "field"}
"""Deductions that the trials find too, by the place where a trial changes something."""


# --- scoring again -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    near: Near
    at: str


def _tried(scoring: Scoring, line: UnitLine, at: datetime) -> list[_Found]:
    rubric, hooks = scoring.rubric, scoring.hooks
    raw = _unconfirmed(rubric, Facts.from_json(line.row.facts), line.result.sheet)
    form = adapt(rubric, raw, hooks.form_fields(rubric, raw) or ())
    facts = replace(raw, hidden=form.hidden)
    tries = Tries(scoring, facts)
    rows = {t.key: list(range(len(facts.rows(t.key, t.by) or ()))) for t in rubric.tables}
    entry = Entry(cycle_id=0, unit_id=0, code=line.result.unit, name=line.result.name)
    filed = EntrySheet(entry, FactSource(line.row.facts, rows), facts, form, lambda: dict(tries.before))
    asked = _Frozen({p.code: p for p in pages(rubric)}, rubric, at)
    out = []
    trials = trials_of(asked, filed, facts, tries.before)
    trials = (t for t in trials if _has_room(tries.before.get(t.clause.code)))
    for trial in islice(trials, MOST_TRIALS):
        gain = tries.gain(trial.change)
        if gain > 0:
            out.append(_Found(Near(trial.clause, trial.lack, gain), trial.at))
    return out


def _has_room(score: Score | None) -> bool:
    """Whether a clause could still gain; scoring again for those that cannot would be for nothing."""
    return score is None or score.points is None or score.max is None or score.points < score.max


def _unconfirmed(rubric: Rubric, facts: Facts, sheet: Sheet) -> Facts:
    """The facts without marks that only confirmed what the facts gave, which would hide every gain."""
    dropped = set()
    for leaf in rubric.leaves():
        score, role = sheet.get(leaf.code), deciding_role(leaf)
        mark = facts.marks.get(role, {}).get(leaf.code)
        if score is None or mark is None or mark.verdict is not None or score.proposed is None:
            continue
        if mark.points is not None and as_fraction(mark.points) == score.proposed:
            dropped.add((role, leaf.code))
    marks = {
        role: {code: mark for code, mark in said.items() if (role, code) not in dropped}
        for role, said in facts.marks.items()
    }
    return replace(facts, marks=marks)


# --- the frozen ledger ---------------------------------------------------------------------------


def _step(score: Score, name: str) -> Step | None:
    return next((s for s in score.steps if s.name == name), None)


def _is_plain(rubric: Rubric, sheet: Sheet, code: str, *, own_cap: bool) -> bool:
    """Whether points of this clause reach the total one for one: no weight, no floor, no cap above it."""
    clause: Clause | None = rubric.by[code]
    first = True
    while clause is not None:
        score = sheet.get(clause.code)
        if score is None or clause.weight != 1 or _step(score, "floor") or _step(score, "average"):
            return False
        if (own_cap or not first) and (_step(score, "cap") or _step(score, "best")):
            return False
        if not first and _step(score, "mark"):
            return False
        first, clause = False, rubric.by.get(clause.parent or "")
    return True


def _deducted(rubric: Rubric, sheet: Sheet) -> Iterator[tuple[str, Line]]:
    """(clause, line) of what was taken off and would have stayed."""
    for code, score in sheet.items():
        mark = _step(score, "mark")
        if mark is not None and mark.before != mark.after:
            continue  # the panel's own figure, not the deductions, is what counted
        if not _is_plain(rubric, sheet, code, own_cap=False):
            continue
        for line in score.lines:
            if line.what.startswith("loss_") and line.counted and line.points is not None and line.points < 0:
                yield code, line


def _judged(rubric: Rubric, sheet: Sheet) -> Iterator[Near]:
    """Leaves on which a person's figure stayed below the maximum."""
    for leaf in rubric.leaves():
        score = sheet.get(leaf.code)
        mark = _step(score, "mark") if score else None
        if score is None or mark is None or score.points is None or score.max is None:
            continue
        if mark.before == mark.after or not _is_plain(rubric, sheet, leaf.code, own_cap=True):
            continue
        if score.points < score.max:
            text = _(
                "%(by)s评 %(points)s，满分 %(max)s",
                by=mark.parts.get("by", ""),
                points=show(score.points),
                max=show(score.max),
            )
            reason = str(mark.parts.get("reason", ""))
            yield Near(leaf, f"{text}：{reason}" if reason else text, score.max - score.points)
