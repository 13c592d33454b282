"""A stored result explained: one unit's indicators and ledger, the whole list in shares. No selects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import SELF
from intranet.queries.results import Ranking, UnitLine
from intranet.rubric import forms, ledger, sentences
from intranet.rubric.ledger import Score, State
from intranet.rubric.model import Clause, JudgedClause, RankClause, Rubric, RuleClause

# --- one unit ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class IndicatorCell:
    """One indicator of a unit: what the panel gave against what the school claimed.

    own: sum of the self scores under it, None while it has none. compared: what was counted for the same
    leaves; less than ``score.points`` where some leaf can have no self score (a rank over all units).
    """

    clause: Clause
    score: Score
    own: Fraction | None
    compared: Fraction | None

    @property
    def gap(self) -> Fraction | None:
        """Self minus panel, over the leaves that have a self score."""
        return None if self.own is None or self.compared is None else self.own - self.compared

    @property
    def is_partial(self) -> bool:
        return self.gap is not None and self.compared != self.score.points

    @property
    def is_low(self) -> bool:
        """Under 60 % of the maximum."""
        return (
            bool(self.score.max)
            and self.score.points is not None
            and self.score.points * 5 < (self.score.max or 0) * 3
        )


def own_points(rubric: Rubric, line: UnitLine) -> dict[str, Fraction]:
    """The unit's own score of each leaf, as it was frozen: what it said, else what its facts gave.

    The form fills in what can be computed and a school only writes where it departs from that. A leaf
    that only the panel or the whole cohort can score, and one never filled in, have none.
    """
    said = line.row.facts.get("marks", {}).get(SELF, {})
    out = {}
    for leaf in rubric.leaves():
        given = said.get(leaf.code, {}).get("points")
        if given is not None:
            out[leaf.code] = Fraction(given)
            continue
        score = line.result.sheet.get(leaf.code)
        if score is None or score.proposed is None or _is_others(leaf):
            continue
        if all(step.name != "unfilled" for step in score.steps):
            out[leaf.code] = score.proposed
    return out


def _is_others(leaf: Clause) -> bool:
    """Whether a leaf's points come from the panel's word or figure, or from all units together."""
    if isinstance(leaf, RuleClause):
        return leaf.scope == "cohort" or any(f.by not in ("school", "bureau") for f in leaf.fields)
    return isinstance(leaf, JudgedClause | RankClause)


def indicator_cells(rubric: Rubric, line: UnitLine) -> list[IndicatorCell]:
    own = own_points(rubric, line)
    sheet = line.result.sheet
    return [
        IndicatorCell(
            clause,
            sheet[clause.code],
            forms.self_mark(rubric, clause.code, own),
            _compared(rubric, clause, sheet, own),
        )
        for clause in rubric.indicators
        if clause.code in sheet
    ]


def _compared(
    rubric: Rubric, clause: Clause, sheet: Mapping[str, Score], own: Mapping[str, Fraction]
) -> Fraction | None:
    """The points that stand against a self score: the indicator's, or those of its leaves that have one."""
    points = sheet[clause.code].points
    leaves = [c for c in rubric.under(clause.code) if not rubric.children[c.code]]
    counted = [
        (c.code, score.points) for c in leaves if (score := sheet.get(c.code)) and score.points is not None
    ]
    if clause.code in own or all(code in own for code, _points in counted):
        return points
    return (
        None if points is None else min(points, sum((p for code, p in counted if code in own), Fraction(0)))
    )


@dataclass(frozen=True, slots=True)
class LineText:
    """One line of the ledger in words. is_loss: it takes points away."""

    text: str
    points: Fraction | None
    counted: bool
    reason: str

    @property
    def is_loss(self) -> bool:
        return self.points is not None and self.points < 0


@dataclass(frozen=True)
class LedgerRow:
    """One clause of the ledger, with its depth under the indicator. marks: each reviewer's, named."""

    clause: Clause
    score: Score
    depth: int
    is_leaf: bool
    marks: tuple[Mapping[str, Any], ...]
    places: int = 2

    @property
    def lines(self) -> list[LineText]:
        """What was earned, lost or not counted."""
        return [self._text(x) for x in self.score.lines if x.what != "input"]

    @property
    def inputs(self) -> list[LineText]:
        """The figures that went into a formula, school by school."""
        return [self._text(x) for x in self.score.lines if x.what == "input"]

    def _text(self, line: ledger.Line) -> LineText:
        return LineText(sentences.line(line, self.places), line.points, line.counted, sentences.reason(line))

    @property
    def steps(self) -> list[str]:
        """What happened after the sum; a plain sum says nothing."""
        return [sentences.step(x, self.places) for x in self.score.steps if x.name not in ("sum", "loss")]

    @property
    def flags(self) -> list[str]:
        return [sentences.flag(code) for code in self.score.flags]

    @property
    def word(self) -> str:
        """What stands where points would; "" if there are points."""
        if self.score.points is not None:
            return ""
        if self.score.verdict is not None:
            return self.score.verdict
        if self.score.state is State.NA and self.clause.unset:
            return self.clause.unset
        return sentences.state(self.score.state)


def ledger_rows(rubric: Rubric, line: UnitLine, code: str) -> list[LedgerRow]:
    """The clause and all below it in printed order. :raises NotFound: no such clause."""
    if code not in rubric.by or code not in line.result.sheet:
        raise NotFound(_("没有这项指标。"))
    top = rubric.depth(code)
    return [
        LedgerRow(
            clause,
            line.result.sheet[clause.code],
            rubric.depth(clause.code) - top,
            not rubric.children[clause.code],
            tuple(m for m in line.row.marks if m["code"] == clause.code),
            rubric.places,
        )
        for clause in rubric.under(code)
    ]


# --- the whole list ------------------------------------------------------------------------------


def share_of(line: UnitLine, clause: Clause) -> Fraction | None:
    """A unit's points as a share of the clause's (weighted) maximum; None while there is none."""
    score = line.result.sheet.get(clause.code)
    if score is None or score.state is not State.SCORED or score.points is None:
        return None
    most = clause.max if score.max is None else score.max
    return score.points / most if most else None


def dimension_rates(ranking: Ranking) -> list[tuple[UnitLine, list[int | None]]]:
    """Per unit the share of each dimension's maximum in percent; None where there is none."""
    out = []
    for line in ranking.lines:
        shares = [share_of(line, c) for c in ranking.rubric.dimensions]
        out.append((line, [None if s is None else percent(s) for s in shares]))
    return out


def grades(ranking: Ranking) -> list[tuple[str, int]]:
    """How many units have each grade, in the order in which the list meets them."""
    return list(Counter(grade for x in ranking.lines if (grade := x.result.outcome.grade)).items())


def percent(share: Fraction) -> int:
    return floor(share * 100 + Fraction(1, 2))


def weakest(ranking: Ranking) -> list[tuple[Clause, int]]:
    """Indicators with their mean share of the maximum in percent, the lowest first."""
    out = []
    for clause in ranking.rubric.indicators:
        shares = [share_of(line, clause) for line in ranking.lines]
        known = [s for s in shares if s is not None]
        if known:
            out.append((clause, sum(known, Fraction(0)) / len(known)))
    return [(clause, percent(share)) for clause, share in sorted(out, key=lambda x: x[1])]


def widest_gaps(ranking: Ranking) -> list[tuple[UnitLine, Clause, Fraction, Fraction]]:
    """(unit, indicator, self score, counted points), the widest difference first; equal ones left out."""
    out = [
        (line, cell.clause, cell.own, cell.compared)
        for line in ranking.lines
        for cell in indicator_cells(ranking.rubric, line)
        if cell.own is not None and cell.compared is not None and cell.gap
    ]
    return sorted(out, key=lambda x: -abs(x[2] - x[3]))
