"""One clause of every unit as a table (一表评): quick clauses are typed down a column, row by row.

Nothing is prefilled: a number gets in only by somebody's hand, so that sending the whole form confirms
nothing that was not looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask import Response, request, url_for

from intranet.domain.marking import Given, noted_for_points, parse_points, waiver_text
from intranet.domain.operations import outcome_of, remember
from intranet.domain.review import save_marks
from intranet.domain.scoring import EntrySheet, score_entry
from intranet.domain.standing import Item, Leaf, MarkState, indicators_of
from intranet.enums import CycleState
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Mark
from intranet.queries import review
from intranet.rubric.deductions import Choice, bank
from intranet.rubric.marks import verdicts
from intranet.rubric.model import Option, Rubric
from intranet.rubric.numbers import as_text

from .. import access
from ..context import actor, current_time, db
from ..forms import answer, go, say, wants_fragment, whole
from ..shell import cycle_bar
from . import bp
from .bench_page import closed_word
from .desk import Desk, blind_item, entry_id, is_mine, open_desk, scoring_of

access.allow({"panel.grid": access.PANEL, "panel.grid_post": access.PANEL})


@dataclass
class Row:
    """One unit's line: its leaf from the facts alone, and the boxes. closed: why it cannot be scored now."""

    item: Item
    leaf: Leaf
    bank: list[Choice]
    points: str = ""
    verdict: str | None = None
    reason: str = ""
    version: int = 0
    closed: str = ""
    problem: str = ""
    theirs: Mark | None = None
    saved: bool = False
    op: str = ""

    @property
    def id(self) -> int:
        return entry_id(self.item.entry)

    @property
    def own(self) -> Mark | None:
        return self.leaf.own(actor().user_id)

    @property
    def state(self) -> MarkState:
        return self.leaf.state_for(actor().user_id)

    @property
    def options(self) -> tuple[Option, ...]:
        return verdicts(self.leaf.clause)

    @property
    def takes_points(self) -> bool:
        return not self.options or any(o.upto is not None for o in self.options)


@bp.get("/cycles/<int:cycle_id>/grid")
def grid(cycle_id: int) -> Response:
    cycle = review.panel_cycle_for(db(), actor(), cycle_id)
    desk = open_desk(cycle, by="indicator")
    code = _chosen(desk)
    return _page(desk, code, _rows(desk, code))


@bp.post("/cycles/<int:cycle_id>/grid")
def grid_post(cycle_id: int) -> Response:
    """Save the row named by ``row`` and answer it, or every row that says something."""
    cycle = review.panel_cycle_for(db(), actor(), cycle_id)
    wanted = whole(request.form.get("row", "") or request.args.get("row", ""))
    if wanted is not None and wants_fragment():
        return _one(cycle, wanted, request.values.get("code", ""))
    desk = open_desk(cycle, by="indicator")
    code = _chosen(desk)
    rows = _rows(desk, code)
    touched = [r for r in rows if wanted in (None, r.id) and _read(r)]
    for row in touched:
        _save(cycle, desk.rubric, row)
    refused = [r for r in touched if r.problem]
    if refused:
        return _page(desk, code, rows)
    say("done", _("已保存 %(n)s 行。", n=len(touched)) if touched else _("没有要保存的改动。"))
    return go(url_for("panel.grid", cycle_id=cycle_id, code=code))


def _one(cycle: Cycle, at: int, code: str) -> Response:
    """One row saved and answered; nothing but its own entry is scored for it."""
    entry, home = review.panel_entry_for(db(), actor(), at)
    scoring = scoring_of(cycle)
    rubric = scoring.rubric
    indicator = next(
        (i for i in indicators_of(rubric) if code in {c.code for c in rubric.leaves(i.code)}), None
    )
    if home.id != cycle.id or indicator is None or not is_mine(cycle, entry, indicator):
        raise NotFound(_("没有这份填报，或您无权评它。"))
    sheet, item = blind_item(scoring, score_entry(db(), cycle, scoring, entry), indicator, cycle)
    row = _row(cycle, rubric, sheet, item, code)
    if _read(row):
        _save(cycle, rubric, row)
    return answer("panel/_grid_row.html", cycle=cycle, rubric=rubric, code=code, row=row)


def leaves_of(desk: Desk) -> list[Leaf]:
    """One leaf of each clause that there is something to mark on, in printed order."""
    found: dict[str, Leaf] = {}
    for item in desk.items:
        for leaf in item.marked:
            found.setdefault(leaf.code, leaf)
    return [found[c.code] for c in desk.rubric.leaves() if c.code in found]


def _chosen(desk: Desk) -> str:
    """The clause asked for; else the first with something left to mark; "" if there is none at all."""
    codes = [leaf.code for leaf in leaves_of(desk)]
    wanted = request.values.get("code", "")
    if wanted in codes:
        return wanted
    me = actor().user_id
    due = (
        leaf.code
        for item in desk.items
        if item.is_ready
        for leaf in item.asked(me)
        if leaf.state_for(me) == MarkState.OPEN
    )
    return next(due, codes[0] if codes else "")


def _rows(desk: Desk, code: str) -> list[Row]:
    """The units whose queue has this clause, in the order of the queue, scored from their facts alone."""
    out = []
    for item in desk.items:
        if not any(leaf.code == code for leaf in item.leaves):
            continue
        sheet, blind = blind_item(desk.scoring, desk.sheets[entry_id(item.entry)], item.indicator, desk.cycle)
        out.append(_row(desk.cycle, desk.rubric, sheet, blind, code))
    return out


def _row(cycle: Cycle, rubric: Rubric, sheet: EntrySheet, item: Item, code: str) -> Row:
    leaf = next(leaf for leaf in item.leaves if leaf.code == code)
    row = Row(item, leaf, bank(rubric, leaf.clause, sheet.facts, leaf.score))
    _show_stored(row)
    row.closed = leaf.bar or _closed(cycle, item)
    return row


def _closed(cycle: Cycle, item: Item) -> str:
    if cycle.state == CycleState.DELIBERATION:
        return _("合议时在评分页改分")
    return closed_word(cycle, item)


def _show_stored(row: Row) -> None:
    own = row.own
    row.points = "" if own is None or own.points is None else as_text(own.points)
    row.verdict = own.verdict if own is not None else None
    row.reason = "" if own is None or own.reason == waiver_text(own.deductions) else own.reason
    row.version = own.version if own is not None else 0
    row.op = secrets.token_urlsafe(9)


def _read(row: Row) -> bool:
    """Take over what was typed on a row; whether it says anything other than what is stored."""
    form, at = request.form, row.id
    if row.closed or f"version.{at}" not in form:
        return False
    before = row.points, row.verdict, row.reason
    row.points = form.get(f"points.{at}", "").strip()
    row.verdict = form.get(f"verdict.{at}") or None
    row.reason = form.get(f"reason.{at}", "").strip()
    row.version = whole(form.get(f"version.{at}", "")) or 0
    row.op = form.get(f"op.{at}", "")[:64]
    says = bool(row.points or row.verdict)
    again = row.state in (MarkState.STALE, MarkState.DOUBTFUL) and whole(request.values.get("row", "")) == at
    return says and ((row.points, row.verdict, row.reason) != before or again)


def _save(cycle: Cycle, rubric: Rubric, row: Row) -> None:
    """Save one row; what is wrong with it stands on it, with all that was typed."""
    if outcome_of(db(), actor(), row.op) is not None:
        row.saved = True
        return
    try:
        marks = save_marks(db(), actor(), cycle, rubric, row.item, [_given(row)], at=current_time())
    except Invalid as error:
        row.problem = error.message
    except Conflict as error:
        theirs = error.theirs if isinstance(error.theirs, dict) else {}
        row.theirs = theirs.get(row.leaf.code)
        row.version = row.theirs.version if row.theirs else 0
        row.problem = error.message
    except DomainError as error:
        row.problem = error.message
    else:
        remember(db(), actor(), row.op, {"marked": row.leaf.code}, at=current_time())
        _stored_again(row, marks)


def _stored_again(row: Row, marks: Sequence[Mark]) -> None:
    """The row as it stands after the save."""
    others = tuple(m for m in row.leaf.marks if m.user_id != actor().user_id)
    row.leaf = replace(row.leaf, marks=(*others, *marks))
    _show_stored(row)
    row.saved = True


def _given(row: Row) -> Given:
    """The row's word. The deductions of a mark whose number stays are kept as they were.

    :raises Invalid: points that are no number.
    """
    points, own = parse_points(row.points), row.own
    kept = own is not None and own.points == points and bool(own.deductions)
    reason = row.reason
    deductions = (
        own.deductions if own is not None and kept else noted_for_points(row.leaf, row.bank, points, reason)
    )
    if kept and not reason:
        reason = waiver_text(deductions)
    return Given(
        row.leaf.code,
        points=points,
        verdict=row.verdict,
        reason=reason,
        deductions=deductions,
        version=row.version,
    )


def _page(desk: Desk, code: str, rows: list[Row]) -> Response:
    leaves = leaves_of(desk)
    place = next((n for n, leaf in enumerate(leaves) if leaf.code == code), 0)
    found = next((r for r in rows), None)
    me = actor().user_id
    left = {
        leaf.code: sum(
            other.state_for(me) == MarkState.OPEN
            for item in desk.items
            if item.is_ready
            for other in item.asked(me)
            if other.code == leaf.code
        )
        for leaf in leaves
    }
    return answer(
        "panel/grid.html",
        cycle=desk.cycle,
        rubric=desk.rubric,
        code=code,
        cycle_bar=cycle_bar(desk.cycle),
        desk=desk,
        rows=rows,
        leaves=leaves,
        left=left,
        indicators={leaf.code: desk.rubric.indicator_of(leaf.code) for leaf in leaves},
        clause=found.leaf.clause if found else None,
        leaf=found.leaf if found else None,
        before=leaves[place - 1].code if place else None,
        after=leaves[place + 1].code if place + 1 < len(leaves) else None,
        refused=[r for r in rows if r.problem],
        done=sum(r.state in (MarkState.DONE, MarkState.STALE) for r in rows),
    )
