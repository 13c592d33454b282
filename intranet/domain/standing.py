"""How far the marking has come: every leaf of every entry, with its marks. Reading only.

Which leaves are marked at all is decided here once, for the pages, the board
(``spread.py``) and the writes (``review.py``). How marks combine is decided by ``queries.facts.panel_mark`` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

from intranet.domain.basis import Grounds
from intranet.domain.scoring import EntrySheet, Scoring
from intranet.enums import CombineRule, SubmissionState
from intranet.i18n import _
from intranet.models import SELF, SETTLED, Entry, Mark
from intranet.queries.facts import panel_mark
from intranet.queries.filing import pages
from intranet.queries.review import OTHER_OWNERS
from intranet.rubric import engine
from intranet.rubric.fields import Form, loss_key
from intranet.rubric.ledger import Score, State
from intranet.rubric.marks import deciding_role, printed_max
from intranet.rubric.model import Clause, Field, RankClause, Rubric, RuleClause
from intranet.rubric.numbers import as_fraction, round_half_up


class MarkState(StrEnum):
    """One reviewer's own mark on one leaf."""

    OPEN = "open"
    DOUBTFUL = "doubtful"  # 存疑,稍后评
    STALE = "stale"  # 评分后内容有变
    DONE = "done"


@dataclass(frozen=True)
class Leaf:
    """One leaf clause of one entry.

    most: top of the scale it is marked on, None without a cap. proposed: what the facts give, exact;
    offer: the same as it can be marked (rounded). self_points: the unit's own score.
    bar: why there is nothing to mark; "" when it is marked. marks: all reviewers', in order of time.
    word: (points, verdict, reason) that count, None while there are none or the chair must decide.
    grounds, sheet: where the basis comes from, which is made only when it is asked for.
    """

    entry: Entry
    clause: Clause
    score: Score
    role: str
    most: Fraction | None
    proposed: Fraction | None
    offer: Fraction | None
    self_points: Fraction | None
    bar: str
    marks: tuple[Mark, ...] = ()
    settled: Mark | None = None
    word: tuple[Fraction | None, str | None, str] | None = None
    grounds: Grounds | None = field(default=None, compare=False, repr=False)
    sheet: EntrySheet | None = field(default=None, compare=False, repr=False)

    @property
    def code(self) -> str:
        return self.clause.code

    @property
    def is_returned(self) -> bool:
        """Out for correction (退回修改) now."""
        return self.sheet is not None and self.code in self.sheet.returned

    def own(self, user_id: int) -> Mark | None:
        return next((m for m in self.marks if m.user_id == user_id), None)

    def state_for(self, user_id: int) -> MarkState:
        mark = self.own(user_id)
        if mark is None:
            return MarkState.OPEN
        if mark.doubtful:
            return MarkState.DOUBTFUL
        return MarkState.STALE if self.is_stale(mark) else MarkState.DONE

    def is_stale(self, mark: Mark) -> bool:
        """Whether the facts give something else now than when the mark was made, or the facts or files
        themselves are others. An old mark without a basis is judged by what was computed alone."""
        if mark.doubtful:
            return False
        return mark.computed != self.proposed or mark.basis not in ("", self.basis)

    @cached_property
    def basis(self) -> str:
        """Digests of the facts and files behind this leaf as they are now (``basis.py``)."""
        if self.grounds is None or self.sheet is None:
            return ""
        return self.grounds.basis(self.sheet, self.code)

    @property
    def proposed_verdict(self) -> str | None:
        """The conclusion that the facts give; unknown (None) on a sheet with the panel's word in it."""
        return None if any(step.name == "mark" for step in self.score.steps) else self.score.verdict

    @property
    def given(self) -> tuple[Mark, ...]:
        """The marks that speak: those laid aside as doubtful do not."""
        return tuple(m for m in self.marks if not m.doubtful)

    @property
    def spread(self) -> Fraction:
        """Highest minus lowest score of the reviewers."""
        points = [m.points for m in self.given if m.points is not None]
        return max(points) - min(points) if points else Fraction(0)

    @property
    def differs(self) -> bool:
        return self.spread > 0 or len({m.verdict for m in self.given}) > 1

    @property
    def needs_settling(self) -> bool:
        """The marks give no score by themselves: only the chair can."""
        return bool(self.given) and self.settled is None and self.word is None


@dataclass(frozen=True)
class Item:
    """One indicator of one entry: what a reviewer scores on one page."""

    entry: Entry
    indicator: Clause
    leaves: tuple[Leaf, ...]

    @property
    def is_returned(self) -> bool:
        """Out for correction (退回修改) now; the entry's other indicators are not."""
        return any(leaf.is_returned for leaf in self.leaves)

    @property
    def is_ready(self) -> bool:
        """Whether it is handed in as it stands, and so may be scored."""
        return self.entry.state != SubmissionState.OPEN and not self.is_returned

    @property
    def marked(self) -> tuple[Leaf, ...]:
        """The leaves there is something to mark on."""
        return tuple(leaf for leaf in self.leaves if not leaf.bar)

    def asked(self, user_id: int) -> tuple[Leaf, ...]:
        """The leaves that a reviewer is asked for: not those without an own mark that the chair has settled,
        on the page or in the meeting room. A mark may still be given there; it would count for nothing."""
        own = ((leaf, leaf.own(user_id)) for leaf in self.marked)
        return tuple(leaf for leaf, m in own if leaf.settled is None or (m is not None and not m.doubtful))

    def done(self, user_id: int) -> int:
        return sum(
            leaf.state_for(user_id) in (MarkState.DONE, MarkState.STALE) for leaf in self.asked(user_id)
        )

    def count(self, user_id: int, state: MarkState) -> int:
        return sum(leaf.state_for(user_id) == state for leaf in self.asked(user_id))

    def is_due(self, user_id: int) -> bool:
        """Something is left to mark, and may be marked."""
        return self.is_ready and self.done(user_id) < len(self.asked(user_id))


@dataclass(frozen=True)
class Progress:
    """Scored n of m leaves of what is handed in, for one reviewer."""

    done: int = 0
    total: int = 0
    doubtful: int = 0
    stale: int = 0


def progress_of(items: Iterable[Item], user_id: int) -> Progress:
    own = [leaf.state_for(user_id) for item in items if item.is_ready for leaf in item.asked(user_id)]
    return Progress(
        done=sum(s in (MarkState.DONE, MarkState.STALE) for s in own),
        total=len(own),
        doubtful=own.count(MarkState.DOUBTFUL),
        stale=own.count(MarkState.STALE),
    )


# --- building -------------------------------------------------------------------------------------


def figures(rubric: Rubric, clause: Clause, form: Form) -> list[Field]:
    """Numbers that the panel owns as facts, not as marks (展示考核得分): the chair fills them in.

    Deductions typed by the panel are no such figures: each reviewer's own mark carries them.
    """
    typed = {f"{clause.code}.quality", *(loss_key(clause, loss) for loss in clause.losses)}
    return [
        f
        for f in form.fields.values()
        if f.clause == clause.code
        and f.by not in OTHER_OWNERS
        and f.per == "unit"
        and f.key not in typed
        and f.key not in form.hidden
    ]


def bar_of(rubric: Rubric, clause: Clause, score: Score, form: Form) -> str:
    """Why there is nothing to mark on a leaf; "" when there is."""
    if isinstance(clause, RankClause) or (isinstance(clause, RuleClause) and clause.scope == "cohort"):
        return _("待全部单位提交后计算")
    if clause.unset:
        return clause.unset
    if score.state is State.NA:
        return _("不适用")
    if any(line.what == "full_instead" for line in score.lines):
        return _("免评，视同满分")
    if any(step.name == "gate" for step in score.steps):
        return _("缺少前提，按 0 分计")
    if figures(rubric, clause, form):
        return _("由组长填写得分")
    return ""


def leaf_of(
    rubric: Rubric, sheet: EntrySheet, clause: Clause, combine: CombineRule, grounds: Grounds | None = None
) -> Leaf:
    score = sheet.sheet[clause.code]
    role = deciding_role(clause)
    marks = [m for m in sheet.marks.get(clause.code, ()) if m.role != SELF]
    own = sheet.facts.mark(clause.code, SELF)
    return Leaf(
        entry=sheet.entry,
        clause=clause,
        score=score,
        role=role,
        most=printed_max(clause),
        proposed=score.proposed,
        offer=None if score.proposed is None else round_half_up(score.proposed, rubric.places),
        self_points=as_fraction(own.points) if own is not None else None,
        bar=bar_of(rubric, clause, score, sheet.form),
        marks=tuple(m for m in marks if m.role == role),
        settled=next((m for m in marks if m.role == SETTLED), None),
        word=panel_mark(rubric, marks, role, combine),
        grounds=grounds or Grounds(rubric),
        sheet=sheet,
    )


def indicators_of(rubric: Rubric) -> list[Clause]:
    """The clauses with a scoring page each: the filing pages that have leaves, in printed order."""
    return [page.clause for page in pages(rubric) if page.leaves]


def unmarked(scoring: Scoring, sheet: EntrySheet) -> EntrySheet:
    """The same entry scored from its facts alone, so that its ledger cannot tell other people's marks."""
    own = {role: marks for role, marks in sheet.facts.marks.items() if role == SELF}
    facts = replace(sheet.facts, marks=own)
    return replace(sheet, facts=facts, score=lambda: engine.score_unit(scoring.rubric, facts, scoring.hooks))


def item_of(
    rubric: Rubric, sheet: EntrySheet, indicator: Clause, combine: CombineRule, grounds: Grounds | None = None
) -> Item:
    """grounds: shared by the items of one list, so that each page of the rubric is looked up once."""
    grounds = grounds or Grounds(rubric)
    leaves = tuple(leaf_of(rubric, sheet, c, combine, grounds) for c in rubric.leaves(indicator.code))
    return Item(sheet.entry, indicator, leaves)


def items_of(
    rubric: Rubric, sheets: Mapping[int, EntrySheet], combine: CombineRule, *, by: str = "indicator"
) -> list[Item]:
    """The queue: by indicator across units, or (``by="unit"``) unit after unit, both in printed order."""
    scored = indicators_of(rubric)
    if by == "unit":
        pairs = [(s, i) for s in sheets.values() for i in scored]
    else:
        pairs = [(s, i) for i in scored for s in sheets.values()]
    grounds = Grounds(rubric)
    return [item_of(rubric, sheet, indicator, combine, grounds) for sheet, indicator in pairs]


def next_due(items: Sequence[Item], user_id: int, after: Item | None = None) -> Item | None:
    """The next item with something left to mark, from ``after`` on and then from the start.

    Items laid aside as doubtful come when no other is left.
    """
    place = next((n for n, i in enumerate(items) if _same(i, after)), -1)
    ahead = [i for i in (*items[place + 1 :], *items[: max(place, 0)]) if i.is_due(user_id)]
    fresh = (i for i in ahead if i.count(user_id, MarkState.OPEN))
    return next(fresh, None) or next(iter(ahead), None)


def neighbours(items: Sequence[Item], here: Item) -> tuple[Item | None, Item | None]:
    """The items that are handed in, before and after this one in the queue; none if it does not stand in it
    (the chair looks at what is not assigned to the own person)."""
    ready = [i for i in items if (i.is_ready and i.marked) or _same(i, here)]
    place = next((n for n, i in enumerate(ready) if _same(i, here)), None)
    if place is None:
        return None, None
    before = ready[place - 1] if place else None
    return before, ready[place + 1] if place + 1 < len(ready) else None


def _same(item: Item, other: Item | None) -> bool:
    return (
        other is not None and item.entry.id == other.entry.id and item.indicator.code == other.indicator.code
    )
