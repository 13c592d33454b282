"""The scoring page: one indicator of one unit, all its leaves in one form."""

from __future__ import annotations

import secrets

from flask import Response, request, url_for

from intranet.domain.changes import Change, compare
from intranet.domain.marking import Given
from intranet.domain.operations import outcome_of, remember
from intranet.domain.returns import return_indicators
from intranet.domain.review import require_chair, require_scoring, save_marks
from intranet.domain.scoring import EntrySheet, score_entry, scoring_for
from intranet.domain.standing import Item, Leaf, neighbours, next_due
from intranet.domain.volumes import page_ranges
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import review
from intranet.queries.entries import schools_of
from intranet.queries.filed import evidence_of, names_of
from intranet.queries.filing import pages
from intranet.queries.submissions import submissions_of
from intranet.queries.volumes import held_volume
from intranet.rubric.deductions import Choice, bank
from intranet.rubric.model import Rubric

from .. import access
from ..context import actor, current_time, db, ground
from ..forms import answer, go, next_url, say, wants_fragment
from ..shell import cycle_bar
from . import bp, typed
from .bench import bench_of, leaf_view
from .desk import blind_item, entry_id, indicator_for, open_desk, order

access.allow(
    {"panel.score": access.PANEL, "panel.score_post": access.PANEL, "panel.return_post": access.PANEL}
)


@bp.get("/entries/<int:entry>/indicators/<code>")
def score(entry: int, code: str) -> Response:
    found, cycle = review.panel_entry_for(db(), actor(), entry)
    scoring = scoring_for(cycle, ground().registry)
    item = _blind(found, cycle, code)
    boxes = {leaf.code: _stored(scoring.rubric, item[0], leaf) for leaf in item[1].marked}
    return _page(cycle, *item, boxes)


@bp.post("/entries/<int:entry>/indicators/<code>")
def score_post(entry: int, code: str) -> Response:
    found, cycle = review.panel_entry_for(db(), actor(), entry)
    rubric = scoring_for(cycle, ground().registry).rubric
    sheet, item = _blind(found, cycle, code)
    op = request.form.get("op", "")
    onward = next_url(url_for("panel.queue", cycle_id=cycle.id, by=order()))
    if outcome_of(db(), actor(), op) is not None:
        return go(onward)
    banks = {leaf.code: bank(rubric, leaf.clause, sheet.facts, leaf.score) for leaf in item.marked}
    boxes = {leaf.code: typed.read(request.form, leaf, banks[leaf.code]) for leaf in item.marked}
    verb, _colon, target = request.form.get("do", "save").partition(":")
    if verb not in ("save", "doubt"):
        leaf_code, _colon, key = target.partition(":")
        for leaf in item.marked:
            if leaf.code == leaf_code:
                typed.press(boxes[leaf.code], leaf, banks[leaf.code], verb, key)
        return _page(cycle, sheet, item, boxes)
    try:
        given = _given(item, boxes, banks, doubt=verb == "doubt")
        save_marks(db(), actor(), cycle, rubric, item, given, at=current_time())
    except Invalid as error:
        for leaf_code, message in error.problems.items():
            if leaf_code in boxes:
                boxes[leaf_code].problem = message
        return _page(cycle, sheet, item, boxes, status=error.status)
    except Conflict as error:
        _show_theirs(boxes, error.theirs)
        return _page(cycle, sheet, item, boxes, status=error.status)
    remember(db(), actor(), op, {"marked": [g.code for g in given]}, at=current_time())
    return go(onward)


@bp.post("/entries/<int:entry>/indicators/<code>/return")
def return_post(entry: int, code: str) -> Response:
    """退回补材料: the chair unlocks this indicator for the unit, with a reason that the unit reads."""
    found, cycle = review.panel_entry_for(db(), actor(), entry)
    require_chair(actor(), cycle)
    rubric = scoring_for(cycle, ground().registry).rubric
    indicator = indicator_for(rubric, code)
    reason, op = request.form.get("reason", "").strip(), request.form.get("op", "")
    return_indicators(db(), actor(), cycle, rubric, found, [code], reason, at=current_time(), op=op)
    say("done", _("已退回 %(unit)s 补“%(name)s”的材料。", unit=found.name, name=indicator.name))
    return go(url_for("panel.queue", cycle_id=cycle.id, by=order()))


def _show_theirs(boxes: dict[str, typed.Typed], theirs: object) -> None:
    """Put the stored marks beside what was typed; saving once more lets the typed ones stand."""
    for code, mark in theirs.items() if isinstance(theirs, dict) else ():
        boxes[code].theirs, boxes[code].version = mark, mark.version


def _blind(entry: Entry, cycle: Cycle, code: str) -> tuple[EntrySheet, Item]:
    scoring = scoring_for(cycle, ground().registry)
    indicator = indicator_for(scoring.rubric, code)
    return blind_item(scoring, score_entry(db(), cycle, scoring, entry), indicator, cycle)


def _stored(rubric: Rubric, sheet: EntrySheet, leaf: Leaf) -> typed.Typed:
    return typed.stored(leaf, bank(rubric, leaf.clause, sheet.facts, leaf.score), leaf.own(actor().user_id))


def _given(
    item: Item, boxes: dict[str, typed.Typed], banks: dict[str, list[Choice]], *, doubt: bool
) -> list[Given]:
    """Every leaf's word; all texts that are no numbers are refused together."""
    given, problems = [], {}
    for leaf in item.marked:
        try:
            given.append(typed.given(boxes[leaf.code], leaf, banks[leaf.code], doubt=doubt))
        except Invalid as error:
            problems[leaf.code] = error.message
    if problems:
        raise Invalid(next(iter(problems.values())), problems)
    return given


def _page(
    cycle: Cycle, sheet: EntrySheet, item: Item, boxes: dict[str, typed.Typed], *, status: int = 200
) -> Response:
    """The page, or after a refused htmx save its form alone."""
    desk = open_desk(cycle)
    entry, rubric, me = item.entry, desk.rubric, actor()
    evidence = evidence_of(db(), entry_id(entry))
    reasons = review.former_reasons(db(), me, entry.cycle_id, [leaf.code for leaf in item.leaves])
    views = [
        leaf_view(rubric, sheet, leaf, boxes.get(leaf.code, typed.Typed()), evidence, reasons[leaf.code])
        for leaf in item.leaves
    ]
    volume = held_volume(db(), entry_id(entry), frozen=True)
    bench = bench_of(rubric, sheet, item, evidence)
    wanted = request.args.get("file", "")
    before, after = neighbours(desk.items, item)
    units = [i for i in desk.items if i.indicator.code == item.indicator.code]
    return answer(
        "panel/_score.html" if wants_fragment() else "panel/score.html",
        status=status,
        cycle=cycle,
        cycle_bar=cycle_bar(cycle, entry),
        desk=desk,
        rubric=rubric,
        entry=entry,
        item=item,
        views=views,
        bench=bench,
        shown=next((f for f in bench.files if str(f.evidence.id) == wanted), next(iter(bench.files), None)),
        closed=_closed(cycle, entry),
        volume=volume,
        ranges=page_ranges(volume),
        answered=_answered(rubric, entry, item.indicator.code),
        place=(1 + next(n for n, i in enumerate(units) if i.entry.id == entry.id), len(units)),
        before=before,
        after=after,
        onward=next_due(desk.items, me.user_id, item),
        op=secrets.token_urlsafe(12),
        names=names_of(db(), {m.user_id for v in views for m in v.others or ()}),
        is_chair=me.chairs(entry.cycle_id),
    )


def _answered(rubric: Rubric, entry: Entry, code: str) -> list[Change]:
    """What the unit changed here when it handed in again, old → new."""
    rounds = submissions_of(db(), entry_id(entry))
    page = next((p for p in pages(rubric) if p.code == code), None)
    if len(rounds) < 2 or page is None:
        return []
    schools = schools_of(db(), [entry_id(entry)])[entry_id(entry)]
    return compare(rubric, [page], schools, rounds[-2].content, rounds[-1].content).get(code, [])


def _closed(cycle: Cycle, entry: Entry) -> str:
    """Why nothing can be scored here now; "" if it can."""
    try:
        require_scoring(cycle, entry)
    except DomainError as error:
        return error.message
    return ""
