"""The scoring page: one indicator of one unit, all its leaves in one form."""

from __future__ import annotations

from flask import Response, request, url_for

from intranet.domain.marking import Given
from intranet.domain.operations import outcome_of, remember
from intranet.domain.phrases import add_phrase
from intranet.domain.returns import return_indicators
from intranet.domain.review import require_chair, save_marks
from intranet.domain.scoring import EntrySheet, score_entry, scoring_for
from intranet.domain.standing import Item, Leaf
from intranet.enums import CycleState
from intranet.errors import Conflict, Invalid
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import review
from intranet.rubric.deductions import Choice, bank
from intranet.rubric.model import Rubric

from .. import access
from ..context import actor, current_time, db, ground
from ..forms import go, next_url, say
from . import bp, typed
from .bench_page import show_page, words_for
from .desk import blind_item, home_of, indicator_for, order

access.allow(
    {"panel.score": access.PANEL, "panel.score_post": access.PANEL, "panel.return_post": access.PANEL}
)


@bp.get("/entries/<int:entry>/indicators/<code>")
def score(entry: int, code: str) -> Response:
    found, cycle = review.panel_entry_for(db(), actor(), entry)
    sheet, item = blind(found, cycle, code)
    return show_page(cycle, sheet, item, stored_boxes(cycle, sheet, item))


@bp.post("/entries/<int:entry>/indicators/<code>")
def score_post(entry: int, code: str) -> Response:
    found, cycle = review.panel_entry_for(db(), actor(), entry)
    rubric = scoring_for(cycle, ground().registry).rubric
    sheet, item = blind(found, cycle, code)
    op = request.form.get("op", "")
    onward = next_url(url_for("panel.queue", cycle_id=cycle.id, by=order()))
    if outcome_of(db(), actor(), op) is not None:
        return go(onward)
    banks = {leaf.code: bank(rubric, leaf.clause, sheet.facts, leaf.score) for leaf in item.marked}
    boxes = {leaf.code: typed.read(request.form, leaf, banks[leaf.code]) for leaf in item.marked}
    verb, _colon, target = request.form.get("do", "save").partition(":")
    if verb not in ("save", "doubt"):
        _press(cycle, rubric, item, boxes, banks, verb, target)
        return show_page(cycle, sheet, item, boxes)
    try:
        given = _given(item, boxes, banks, doubt=verb == "doubt")
        save_marks(db(), actor(), cycle, rubric, item, given, at=current_time())
    except Invalid as error:
        for leaf_code, message in error.problems.items():
            if leaf_code in boxes:
                boxes[leaf_code].problem = message
        return show_page(cycle, sheet, item, boxes, status=error.status)
    except Conflict as error:
        _show_theirs(boxes, error.theirs)
        return show_page(cycle, sheet, item, boxes, status=error.status)
    remember(db(), actor(), op, {"marked": [g.code for g in given]}, at=current_time())
    if cycle.state == CycleState.DELIBERATION:
        say("done", _("已保存，改动和理由记入日志。"))
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
    say("done", _("已退回%(unit)s补“%(name)s”的材料。", unit=found.name, name=indicator.name))
    return go(home_of(cycle))


def _press(
    cycle: Cycle,
    rubric: Rubric,
    item: Item,
    boxes: dict[str, typed.Typed],
    banks: dict[str, list[Choice]],
    verb: str,
    target: str,
) -> None:
    """What a button does that saves no score: a deduction on or off, a step, a ready-made comment in or out."""
    leaf_code, _colon, key = target.partition(":")
    leaf = next((leaf for leaf in item.marked if leaf.code == leaf_code), None)
    if leaf is None:
        return
    box = boxes[leaf.code]
    if verb == "word":
        typed.insert(box, words_for(cycle, rubric, item)[leaf.code], key)
    elif verb == "keep":
        try:
            box.kept = add_phrase(db(), actor(), cycle, rubric, box.reason, code=leaf.code).text
        except Invalid as error:
            box.problem = error.message
    else:
        typed.press(box, leaf, banks[leaf.code], verb, key)


def _show_theirs(boxes: dict[str, typed.Typed], theirs: object) -> None:
    """Put the stored marks beside what was typed; saving once more lets the typed ones stand."""
    for code, mark in theirs.items() if isinstance(theirs, dict) else ():
        boxes[code].theirs, boxes[code].version = mark, mark.version


def blind(entry: Entry, cycle: Cycle, code: str) -> tuple[EntrySheet, Item]:
    """One item as its scoring page has it, from the facts alone."""
    scoring = scoring_for(cycle, ground().registry)
    indicator = indicator_for(scoring.rubric, code)
    return blind_item(scoring, score_entry(db(), cycle, scoring, entry), indicator, cycle)


def stored_boxes(cycle: Cycle, sheet: EntrySheet, item: Item) -> dict[str, typed.Typed]:
    """What the form shows before anything is typed."""
    rubric = scoring_for(cycle, ground().registry).rubric
    return {leaf.code: _stored(rubric, sheet, leaf) for leaf in item.marked}


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
