"""My cycles, the queue of one cycle, the scoring sheet to print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from flask import Response

from intranet.domain import todo
from intranet.domain.panel_figures import owed_of
from intranet.domain.standing import Item, Progress, next_due, progress_of
from intranet.enums import CycleState, SubmissionState
from intranet.models import Cycle
from intranet.queries import appeals, review
from intranet.queries.inquiries import inquiries_of, open_places
from intranet.queries.recusals import barred_figures
from intranet.queries.showing import HELD, running_of
from intranet.rubric.model import Clause

from .. import access
from ..context import actor, current_time, db
from ..forms import answer
from ..shell import cycle_bar
from . import bp
from .desk import Desk, is_scorer, open_desk, order

access.allow({"panel.index": access.PANEL, "panel.queue": access.PANEL, "panel.sheet": access.PANEL})

ACTIVE = (CycleState.REVIEW, CycleState.DELIBERATION)


@dataclass(frozen=True)
class CycleCard:
    """A cycle on the first page. onward: the next item to score, while scoring is open; declared: False
    until the person has declared, and then nothing of the cycle is known but its title; scores: False for a
    chair beside reviewers, who settles what they score."""

    cycle: Cycle
    progress: Progress
    onward: Item | None
    submitted: int
    entries: int
    todos: tuple[todo.Todo, ...] = ()
    declared: bool = True
    scores: bool = True


@dataclass(frozen=True)
class Group:
    """A stretch of the queue: one indicator across units, or one unit's indicators."""

    title: str
    indicator: Clause | None
    items: tuple[Item, ...]
    progress: Progress
    onward: Item | None


@bp.get("")
def index() -> Response:
    declared = review.declared_cycles(db(), actor())
    cycles = review.panel_cycles(db(), actor())
    cards = [_card(c) if c.id in declared else _closed_card(c) for c in cycles]
    cards.sort(key=lambda card: card.cycle.state not in (CycleState.FILING, *ACTIVE))  # what runs first
    held = {c.id or 0: c for c in cycles if c.id in declared and c.state in HELD}
    asked = todo.appeal_todos(db(), actor())
    asked += todo.showing_todos(actor(), held, running_of(db(), list(held)))
    todos = todo.in_order([*asked, *(t for card in cards for t in card.todos)])
    return answer("panel/index.html", cards=cards, todos=todos, appeals=appeals.asked_of(db(), actor()))


def _closed_card(cycle: Cycle) -> CycleCard:
    todos = tuple(todo.declaration_todos(cycle, current_time()))
    return CycleCard(cycle, Progress(), None, 0, 0, todos, declared=False)


def _card(cycle: Cycle) -> CycleCard:
    scores = is_scorer(cycle)
    if cycle.state not in (CycleState.FILING, *ACTIVE):
        return CycleCard(cycle, Progress(), None, 0, 0, scores=scores)
    desk = open_desk(cycle, by="indicator")
    items = desk.items if scores else replace(desk, whole=True).items
    entries = {i.entry.id: i.entry.state != SubmissionState.OPEN for i in items}
    onward = next_due(items, actor().user_id) if scores and cycle.state == CycleState.REVIEW else None
    todos = tuple(_todos(desk, scores=scores))
    return CycleCard(cycle, desk.progress, onward, sum(entries.values()), len(entries), todos, scores=scores)


def _todos(desk: Desk, *, scores: bool) -> list[todo.Todo]:
    """What waits for the person here: of a reviewer's own queue, of a chair's whole cycle."""
    cycle = desk.cycle
    out = todo.scoring_todos(actor(), cycle, desk.items, current_time()) if scores else []
    if actor().chairs(cycle.id or 0):
        items = desk.items if desk.mine is None else replace(desk, whole=True).items
        owed = 0
        if cycle.state == CycleState.DELIBERATION:
            owed = len(owed_of(desk.rubric, items, barred_figures(db(), cycle.id or 0)))
        out += todo.settling_todos(cycle, items, owed)
    return out


@bp.get("/cycles/<int:cycle_id>")
def queue(cycle_id: int) -> Response:
    cycle = review.panel_cycle_for(db(), actor(), cycle_id)
    desk = open_desk(cycle)
    reviewing = cycle.state == CycleState.REVIEW
    return answer(
        "panel/queue.html",
        cycle=cycle,
        cycle_bar=cycle_bar(cycle),
        desk=desk,
        groups=_groups(desk.items, desk.by, reviewing=reviewing),
        onward=next_due(desk.items, actor().user_id) if reviewing else None,
        reviewing=reviewing,
        asks=open_places([i for found in inquiries_of(db(), list(desk.sheets)).values() for i in found]),
        is_chair=actor().chairs(cycle_id),
        scores=is_scorer(cycle),
    )


def _groups(items: Sequence[Item], by: str, *, reviewing: bool) -> list[Group]:
    me = actor().user_id
    out = []
    for _key, found in groupby(items, key=lambda i: i.entry.id if by == "unit" else i.indicator.code):
        own = tuple(found)
        first = own[0]
        out.append(
            Group(
                title=first.entry.name if by == "unit" else first.indicator.name,
                indicator=None if by == "unit" else first.indicator,
                items=own,
                progress=progress_of(own, me),
                onward=next_due(own, me) if reviewing else None,
            )
        )
    return out


@bp.get("/cycles/<int:cycle_id>/sheet")
def sheet(cycle_id: int) -> Response:
    """The own marks of the cycle, unit after unit, to print and sign."""
    cycle = review.panel_cycle_for(db(), actor(), cycle_id)
    desk = open_desk(cycle, by="unit", printed=True)
    ready = [i for i in desk.items if i.is_ready]
    units = [tuple(found) for _id, found in groupby(ready, key=lambda i: i.entry.id)]
    return answer(
        "panel/sheet.html",
        cycle=cycle,
        cycle_bar=cycle_bar(cycle),
        rubric=desk.rubric,
        units=units,
        asked=bool(desk.items),
        progress=desk.progress,
        printed_at=current_time(),
        by=order(),
    )
