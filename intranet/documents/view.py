"""What a ranked workbook is made of: plain values out of stored results, no database rows.

Texts are as they should be printed; times are local already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from ..rubric.forms import FormRow
from ..rubric.ledger import Result
from ..rubric.model import Form, Rubric, Ruling


@dataclass(frozen=True, slots=True)
class ReviewerMark:
    """What one reviewer (考核组成员) said of a leaf."""

    reviewer: str
    code: str
    points: Fraction | None = None
    verdict: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SettledMark:
    """What the panel settled for a leaf (考核组评定)."""

    points: Fraction | None = None
    verdict: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One piece of evidence; refs: the clauses, slots and rows that it proves, as people name them."""

    number: str
    name: str
    refs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FilledForm:
    """An official form of one unit: what ``forms.rows`` and ``forms.foot`` made of it."""

    form: Form
    rows: Sequence[FormRow]
    foot: Sequence[FormRow] = ()


@dataclass(frozen=True, slots=True)
class UnitPart:
    """What belongs to one unit besides its result. Marks by code of the leaf."""

    self_marks: Mapping[str, Fraction] = field(default_factory=dict)
    settled: Mapping[str, SettledMark] = field(default_factory=dict)
    reviewers: Sequence[ReviewerMark] = ()
    evidence: Sequence[EvidenceItem] = ()
    forms: Sequence[FilledForm] = ()


@dataclass(frozen=True, slots=True)
class RulingMade:
    """A ruling in force: chosen is the label of the choice, or the typed value."""

    ruling: Ruling
    chosen: str
    reason: str = ""
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RankingView:
    """Everything in a ranked workbook. results: in rank order, the unranked last.

    units: by ``Result.unit``. label: 草案 未经公示 / 公示 / 定稿 / 演练, on every page.
    ties: the rule for equal standing, a sentence; parted: by unit, what set it apart from its equals.
    frozen_at: the document's date; None while nothing is frozen.
    """

    bureau: str
    cycle: str
    rubric: Rubric
    results: Sequence[Result]
    units: Mapping[str, UnitPart] = field(default_factory=dict)
    rulings: Sequence[RulingMade] = ()
    label: str = ""
    frozen_at: datetime | None = None
    fingerprint: str = ""
    ties: str = ""
    parted: Mapping[str, str] = field(default_factory=dict)

    def part(self, result: Result) -> UnitPart:
        return self.units.get(result.unit, UnitPart())

    @property
    def title(self) -> str:
        return f"{self.cycle} {self.rubric.title}" if self.cycle else self.rubric.title
