"""The chair's board: where reviewers differ, what is still open, whether like is treated alike.

One case of it is ``settling.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from flask import Response, request

from intranet.domain.fairness import Harshness, faults_of, harshness_of, has_deductions
from intranet.domain.panel_figures import Owed, owed_of
from intranet.domain.review import require_chair
from intranet.domain.spread import Case, Spread, board_of, cases_of
from intranet.domain.standing import Item
from intranet.enums import CycleState
from intranet.models import Cycle
from intranet.queries import review
from intranet.queries.assignments import Asked, asked_of
from intranet.queries.filed import names_of
from intranet.queries.inquiries import inquiries_of, open_places
from intranet.queries.recusals import barred_figures
from intranet.rubric.numbers import as_decimal

from .. import access
from ..context import actor, db
from ..forms import answer, whole
from ..shell import cycle_bar
from . import bp
from .desk import Desk, open_desk
from .showing import closed

access.allow({"panel.board": access.PANEL})

ALL = "all"
KINDS = ("settle", "spread", "missing", "doubtful", "stale", "settled", ALL)
FAULTS, PEOPLE, FIGURES = "faults", "people", "figures"
PAGE = 50


@dataclass(frozen=True)
class View:
    """Which list of the board: kind (one of KINDS, ``faults``, ``people``, ``figures``, "" for the first with
    something in it), narrowed to one unit (entry id) or one indicator (code)."""

    show: str = ""
    unit: int = 0
    indicator: str = ""

    @property
    def args(self) -> dict[str, Any]:
        """The same as part of an address."""
        found = {"show": self.show, "unit": str(self.unit or ""), "in": self.indicator}
        return {name: text for name, text in found.items() if text}


def view_of() -> View:
    """The list that the request asks for."""
    args = request.args
    show = args.get("show", "")
    return View(
        show if show in (*KINDS, FAULTS, PEOPLE, FIGURES) else "",
        whole(args.get("unit", "")) or 0,
        args.get("in", "")[:40],
    )


@dataclass
class Board:
    """The cycle as its chair meets it."""

    cycle: Cycle
    desk: Desk
    asked: Asked

    @cached_property
    def rows(self) -> list[Spread]:
        """Every marked leaf, the widest spread first."""
        over = self.cycle.state == CycleState.DELIBERATION
        return board_of(self.desk.items, self.asked, everyone=over, needed_only=over)

    def narrowed(self, view: View) -> list[Spread]:
        return [
            row
            for row in self.rows
            if view.unit in (0, row.leaf.entry.id) and view.indicator in ("", row.indicator.code)
        ]

    def items(self, view: View) -> list[Item]:
        return [
            item
            for item in self.desk.items
            if view.unit in (0, item.entry.id) and view.indicator in ("", item.indicator.code)
        ]

    def owed(self, view: View) -> list[Owed]:
        """The panel's figures that wait for a chair."""
        barred = barred_figures(db(), self.cycle.id or 0)
        over = self.cycle.state == CycleState.DELIBERATION
        return owed_of(self.desk.rubric, self.items(view), barred, everyone=over)

    def cases(self, view: View) -> list[Case]:
        """The chair's pages behind a list, in its order."""
        if view.show == FIGURES:
            return list(dict.fromkeys((o.entry.id or 0, o.indicator.code) for o in self.owed(view)))
        if view.show == FAULTS:
            faults = faults_of(self.desk.rubric, self.items(view))
            places = [p for f in faults for p in (f.low, f.high, *f.others)]
            return list(dict.fromkeys((p.entry_id, p.indicator.code) for p in places))
        return cases_of([row for row in self.narrowed(view) if _is_in(row, view.show)])


def _is_in(row: Spread, kind: str) -> bool:
    return kind == ALL or kind in row.kinds


def open_board(cycle: Cycle) -> Board:
    return Board(cycle, open_desk(cycle, by="unit", whole=True), asked_of(db(), cycle))


@bp.get("/cycles/<int:cycle_id>/board")
def board(cycle_id: int) -> Response:
    cycle = review.panel_cycle_for(db(), actor(), cycle_id)
    require_chair(actor(), cycle)
    found, view = open_board(cycle), view_of()
    rows = found.narrowed(view)
    counts = {kind: sum(_is_in(row, kind) for row in rows) for kind in KINDS}
    owed = found.owed(view)
    if not view.show:
        view = View(_first(counts, len(owed), cycle), view.unit, view.indicator)
    rubric, desk = found.desk.rubric, found.desk
    chosen = [row for row in rows if _is_in(row, view.show)]
    faults = faults_of(rubric, found.items(view)) if view.show == FAULTS else []
    shown = faults if view.show == FAULTS else owed if view.show == FIGURES else chosen
    here = min(max(whole(request.args.get("page", "")) or 1, 1), max(-(-len(shown) // PAGE), 1))
    part = slice((here - 1) * PAGE, here * PAGE)
    people = [r.user_id for r in found.asked.reviewers]
    return answer(
        "panel/board.html",
        cycle=cycle,
        cycle_bar=cycle_bar(cycle),
        rubric=rubric,
        rows=chosen[part],
        faults=faults[part],
        owed=owed[part] if view.show == FIGURES else [],
        owed_count=len(owed),
        harshness=_bars(harshness_of(found.items(view), people)) if view.show == PEOPLE else [],
        found=len(shown),
        page=here,
        pages=-(-len(shown) // PAGE),
        counts=counts,
        closed=closed(cycle),
        open_count=sum(row.is_open for row in rows) + len(owed),
        with_faults=any(has_deductions(clause) for clause in rubric.clauses),
        view=view,
        leaves=len(rows),
        entries=[sheet.entry for sheet in desk.sheets.values()],
        indicators=list(dict((i.indicator.code, i.indicator) for i in desk.items).values()),
        reviewers=found.asked.reviewers,
        names=names_of(db(), {m.user_id for item in desk.items for leaf in item.leaves for m in leaf.marks}),
        combine=cycle.combine,
        scores=any(r.user_id == actor().user_id for r in found.asked.reviewers),
        asks=open_places([i for asked in inquiries_of(db(), list(desk.sheets)).values() for i in asked]),
    )


def _first(counts: dict[str, int], owed: int, cycle: Cycle) -> str:
    """The list to open with: what only the chair can do, then what differs, is missing or has changed."""
    early = cycle.state == CycleState.DELIBERATION  # before, the meeting room may still be to come
    order = [FIGURES if early else "", *KINDS[1:5], "" if early else FIGURES, *KINDS[5:]]
    has = {**counts, FIGURES: owed}
    return next((kind for kind in (KINDS[0], *order) if has.get(kind)), KINDS[0])


WIDE = Fraction(1, 2)
"""The bars are drawn on this many points at least: smaller gaps must not look wide."""


@dataclass(frozen=True)
class Bar:
    """A reviewer's harshness with its bar: length 0 — 100 to the left (harsh) or the right (lenient)."""

    person: Harshness
    length: str
    is_harsh: bool


def _bars(people: list[Harshness]) -> list[Bar]:
    widest = max([WIDE, *(abs(p.mean) for p in people if p.mean is not None)])
    gaps = [(p, p.mean or Fraction(0)) for p in people]
    return [Bar(p, str(as_decimal(100 * abs(gap) / widest, 1)), gap < 0) for p, gap in gaps]
