"""A cycle as one panel member meets it: its entries, their sheets, the queue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flask import g, request, url_for

from intranet.domain.queue_order import shuffled
from intranet.domain.scoring import EntrySheet, Scoring, score_entries, scoring_for
from intranet.domain.standing import Item, Progress, indicators_of, item_of, items_of, progress_of, unmarked
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import review
from intranet.queries.assignments import Cell, cells_of
from intranet.rubric.model import Clause, Rubric

from ..context import actor, db, ground

ORDERS = ("indicator", "unit")


@dataclass
class Desk:
    """The queue of one cycle for the actor, in the order ``by``: what the person is asked to score.

    whole: the chair's view instead, everything that the person meets, as printed; printed: the own queue,
    but the units in their order (the scoring sheet).
    """

    cycle: Cycle
    scoring: Scoring
    sheets: dict[int, EntrySheet]
    by: str
    mine: frozenset[Cell] | None = None
    whole: bool = False
    printed: bool = False

    @property
    def rubric(self) -> Rubric:
        return self.scoring.rubric

    @cached_property
    def items(self) -> list[Item]:
        items = items_of(self.rubric, self.sheets, self.cycle.combine, by=self.by)
        if self.whole:
            return items
        if self.mine is not None:
            items = [i for i in items if (i.entry.id, i.indicator.code) in self.mine]
        return items if self.printed else shuffled(items, actor().user_id, self.cycle.id or 0, by=self.by)

    @cached_property
    def progress(self) -> Progress:
        return progress_of(self.items, actor().user_id)


def order() -> str:
    """``by`` of the request: indicator (the default) or unit."""
    wanted = request.values.get("by", "")
    return wanted if wanted in ORDERS else ORDERS[0]


def scoring_of(cycle: Cycle) -> Scoring:
    return scoring_for(cycle, ground().registry)


def open_desk(cycle: Cycle, *, by: str | None = None, whole: bool = False, printed: bool = False) -> Desk:
    """Everything of the cycle that the actor meets; a fixed number of queries for any number of entries."""
    assert cycle.id is not None
    scoring = scoring_of(cycle)
    entries = review.panel_entries(db(), actor(), cycle.id)
    sheets = score_entries(db(), cycle, scoring, entries)
    mine = None if whole else mine_of(cycle)
    return Desk(cycle, scoring, sheets, by or order(), mine, whole, printed)


def mine_of(cycle: Cycle) -> frozenset[Cell] | None:
    """What is assigned to the person who is signed in, read once in a request; None: everything."""
    if "assigned_cells" not in g:
        g.assigned_cells = {}
    if cycle.id not in g.assigned_cells:
        g.assigned_cells[cycle.id] = cells_of(db(), cycle, actor().user_id)
    found: frozenset[Cell] | None = g.assigned_cells[cycle.id]
    return found


def is_scorer(cycle: Cycle) -> bool:
    """Whether the person who is signed in gives marks of the own: not a chair beside reviewers."""
    return review.is_reviewer(db(), cycle.id or 0, actor().user_id)


def home_of(cycle: Cycle) -> str:
    """Where the person's work in a cycle begins: the own queue, or the board of a chair who gives no marks."""
    if is_scorer(cycle):
        return url_for("panel.queue", cycle_id=cycle.id, by=order())
    return url_for("panel.board", cycle_id=cycle.id)


def is_mine(cycle: Cycle, entry: Entry, indicator: Clause) -> bool:
    """Whether the person who is signed in is asked to score this indicator of this entry."""
    mine = mine_of(cycle)
    return mine is None or (entry_id(entry), indicator.code) in mine


def indicator_for(rubric: Rubric, code: str) -> Clause:
    """The clause whose scoring page this is, or NotFound."""
    clause = next((c for c in indicators_of(rubric) if c.code == code), None)
    if clause is None:
        raise NotFound(_("这份考核办法里没有这个指标。"))
    return clause


def blind_item(
    scoring: Scoring, sheet: EntrySheet, indicator: Clause, cycle: Cycle
) -> tuple[EntrySheet, Item]:
    """The item scored from the facts alone: no reviewer's mark is anywhere in its sheet.

    :raises NotFound: it is not assigned to this reviewer; a chair may look at everything.
    """
    if not actor().chairs(cycle.id or 0) and not is_mine(cycle, sheet.entry, indicator):
        raise NotFound(_("这一项没有分派给您。"))
    blind = unmarked(scoring, sheet)
    return blind, item_of(scoring.rubric, blind, indicator, cycle.combine)


def entry_id(entry: Entry) -> int:
    assert entry.id is not None
    return entry.id
