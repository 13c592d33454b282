"""A case on the chair's page: one indicator of one unit with every score and reason, its history, the chair's word."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from flask import Response, request, url_for

from intranet.domain.marking import Given, parse_points
from intranet.domain.operations import outcome_of, remember
from intranet.domain.review import require_chair, require_settling, save_figure, withdraw_settlement
from intranet.domain.review import settle as settle_leaf
from intranet.domain.scoring import EntrySheet, score_entry, scoring_for
from intranet.domain.spread import Case, Spread, beside, board_of
from intranet.domain.standing import Item, Leaf, figures, item_of
from intranet.enums import CycleState
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Answer, Cycle, LogEntry, Mark
from intranet.queries import cases, review
from intranet.queries.assignments import asked_of
from intranet.queries.filed import evidence_of, names_of
from intranet.queries.inquiries import inquiries_of
from intranet.queries.recusals import barred_figures
from intranet.queries.showing import askers_of
from intranet.rubric.marks import verdicts
from intranet.rubric.model import Field, Option, Rubric
from intranet.rubric.numbers import as_text

from .. import access
from ..bureau.log import action_names
from ..context import actor, current_time, db, ground
from ..forms import answer, go, say
from ..shell import cycle_bar
from . import bp
from .bench import bench_of
from .chair import View, open_board, view_of
from .desk import entry_id, indicator_for

access.allow(
    {
        "panel.settle": access.PANEL,
        "panel.settle_post": access.PANEL,
        "panel.figures_post": access.PANEL,
    }
)


@dataclass
class Settling:
    """One leaf on the chair's page: what the reviewers said, and the boxes."""

    leaf: Leaf
    row: Spread
    options: tuple[Option, ...]
    points: str = ""
    verdict: str | None = None
    reason: str = ""
    version: int = 0
    problem: str = ""
    theirs: Mark | None = None


@dataclass
class Figure:
    """A number the panel owns, as the chair fills it in. typed_by: who typed ``before`` and stays away
    since; the box is empty then, so that somebody else says it anew."""

    field: Field
    text: str
    version: int
    problem: str = ""
    typed_by: str = ""
    before: str = ""


@bp.get("/entries/<int:entry>/indicators/<code>/settle")
def settle(entry: int, code: str) -> Response:
    cycle, sheet, item, rubric = _chairs_item(entry, code)
    return _page(cycle, sheet, item, rubric)


@bp.post("/entries/<int:entry>/indicators/<code>/settle")
def settle_post(entry: int, code: str) -> Response:
    cycle, sheet, item, rubric = _chairs_item(entry, code)
    here = url_for("panel.settle", entry=entry, code=code, **view_of().args)
    op = request.form.get("op", "")
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    verb, _colon, leaf_code = request.form.get("do", "").partition(":")
    leaf = next((leaf for leaf in item.marked if leaf.code == leaf_code), None)
    if leaf is None:
        raise NotFound(_("这一页上没有这一款。"))
    box = _typed(leaf)
    try:
        if verb == "withdraw":
            withdraw_settlement(db(), actor(), cycle, leaf, version=box.version)
            say("done", _("已撤回审定，仍按各评委的分数计。"))
        else:
            settle_leaf(db(), actor(), cycle, rubric, leaf, _given(box), at=current_time())
            say("done", _("已审定。"))
    except Invalid as error:
        box.problem = error.message
        return _page(cycle, sheet, item, rubric, box=box, status=error.status)
    except Conflict as error:
        mark = error.theirs[leaf.code] if isinstance(error.theirs, dict) else None
        box.theirs, box.version = mark, mark.version if mark else 0
        box.problem = error.message
        return _page(cycle, sheet, item, rubric, box=box, status=error.status)
    remember(db(), actor(), op, {"settled": leaf.code}, at=current_time())
    return go(here)


@bp.post("/entries/<int:entry>/indicators/<code>/figures")
def figures_post(entry: int, code: str) -> Response:
    cycle, sheet, item, rubric = _chairs_item(entry, code)
    here = url_for("panel.settle", entry=entry, code=code, **view_of().args)
    op = request.form.get("op", "")
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    asked = _figures(sheet, item, rubric)
    refused = 0
    for figure in asked:
        figure.text = request.form.get(f"figure.{figure.field.key}", "").strip()
        version = request.form.get(f"version.{figure.field.key}", "0")
        figure.version = int(version) if version.isdecimal() and len(version) < 10 else 0
        if figure.typed_by and not figure.text:
            figure.problem, refused = _("请重新填写这个得分。"), max(refused, Invalid.status)
            continue
        try:
            save_figure(
                db(),
                actor(),
                cycle,
                sheet,
                figure.field,
                figure.text,
                version=figure.version,
                at=current_time(),
            )
        except (Invalid, Conflict) as error:
            figure.problem, refused = error.message, max(refused, error.status)
    if refused:
        return _page(cycle, sheet, item, rubric, asked=asked, status=refused)
    remember(db(), actor(), op, {"figures": code}, at=current_time())
    say("done", _("已保存。"))
    return go(here)


def _chairs_item(entry: int, code: str) -> tuple[Cycle, EntrySheet, Item, Rubric]:
    found, cycle = review.panel_entry_for(db(), actor(), entry)
    require_chair(actor(), cycle)
    scoring = scoring_for(cycle, ground().registry)
    sheet = score_entry(db(), cycle, scoring, found)
    item = item_of(scoring.rubric, sheet, indicator_for(scoring.rubric, code), cycle.combine)
    return cycle, sheet, item, scoring.rubric


def _typed(leaf: Leaf) -> Settling:
    form, code = request.form, leaf.code
    version = form.get(f"version.{code}", "0")
    return Settling(
        leaf,
        Spread(leaf, leaf.clause),
        verdicts(leaf.clause),
        points=form.get(f"points.{code}", "").strip(),
        verdict=form.get(f"verdict.{code}") or None,
        reason=form.get(f"reason.{code}", "").strip(),
        version=int(version) if version.isdecimal() and len(version) < 10 else 0,
    )


def _given(box: Settling) -> Given:
    return Given(
        box.leaf.code,
        points=parse_points(box.points),
        verdict=box.verdict,
        reason=box.reason,
        version=box.version,
    )


def _figures(sheet: EntrySheet, item: Item, rubric: Rubric) -> list[Figure]:
    wanted = [f for leaf in item.leaves for f in figures(rubric, leaf.clause, sheet.form)]
    stored: dict[str, Answer] = review.panel_answers(db(), entry_id(item.entry), [f.key for f in wanted])
    barred = barred_figures(db(), item.entry.cycle_id).get(entry_id(item.entry), {}) if wanted else {}
    out = []
    for field in wanted:
        answer_ = stored.get(field.key)
        text = "" if answer_ is None or answer_.value is None else str(answer_.value)
        typed_by, version = barred.get(field.key, ""), answer_.version if answer_ else 0
        out.append(Figure(field, "" if typed_by else text, version, typed_by=typed_by, before=text))
    return out


def _page(
    cycle: Cycle,
    sheet: EntrySheet,
    item: Item,
    rubric: Rubric,
    *,
    box: Settling | None = None,
    asked: list[Figure] | None = None,
    status: int = 200,
) -> Response:
    here = entry_id(item.entry), item.indicator.code
    rows = {row.leaf.code: row for row in board_of([item], asked_of(db(), cycle), everyone=True)}
    boxes = [_box(leaf, rows.get(leaf.code)) for leaf in item.marked]
    if box is not None:
        boxes = [_kept(b, box) if b.leaf.code == box.leaf.code else b for b in boxes]
    view = view_of()
    before, after = _beside(cycle, view, here)
    wanted = _figures(sheet, item, rubric) if asked is None else asked
    presented = _presented(cycle, item, wanted)
    history = cases.case_history(
        db(),
        here[0],
        here[1],
        [leaf.code for leaf in item.leaves],
        [f.field.key for f in wanted],
        [p.turn.id or 0 for p in presented],
    )
    inquiries = inquiries_of(db(), [here[0]], here[1])[here[0]]
    people = {m.user_id for leaf in item.leaves for m in (*leaf.marks, leaf.settled) if m is not None}
    people |= {m.made_by for leaf in item.leaves if (m := leaf.settled) is not None}
    people |= {i.asked_by for i in inquiries} | {s.user_id for p in presented for s in p.scores}
    return answer(
        "panel/settle.html",
        status=status,
        cycle=cycle,
        cycle_bar=cycle_bar(cycle, item.entry),
        rubric=rubric,
        entry=item.entry,
        item=item,
        boxes=boxes,
        barred=[leaf for leaf in item.leaves if leaf.bar],
        figures=wanted,
        presented=presented,
        inquiries=inquiries,
        files=bench_of(rubric, sheet, item, evidence_of(db(), here[0])).files,
        history=[(entry, _act(entry), *_change(entry)) for entry in history],
        subjects={
            item.indicator.code: item.indicator.name,
            **{leaf.code: leaf.clause.name for leaf in item.leaves},
            **{f.field.key: f.field.label for f in wanted},
        },
        names=names_of(db(), people),
        closed=_closed(cycle, item),
        op=secrets.token_urlsafe(12),
        deliberating=cycle.state == CycleState.DELIBERATION,
        view=view,
        before=before,
        after=after,
    )


def _beside(cycle: Cycle, view: View, here: Case) -> tuple[Case | None, Case | None]:
    """The cases before and after in the list that the chair came from; none where it was no list."""
    if not view.args:
        return None, None
    return beside(open_board(cycle).cases(view), here)


def _presented(cycle: Cycle, item: Item, wanted: list[Figure]) -> list[cases.Presented]:
    """The unit's scores in the meeting room for this item, of those who still score it."""
    targets = [f"figure:{f.field.key}" for f in wanted] + [f"clause:{leaf.code}" for leaf in item.leaves]
    here = entry_id(item.entry)
    ids = {r.user_id for r in askers_of(db(), cycle.id or 0, [here])[here]}
    return [
        replace(p, scores=tuple(s for s in p.scores if s.user_id in ids))
        for p in cases.presented_of(db(), here, targets)
    ]


def _box(leaf: Leaf, row: Spread | None) -> Settling:
    settled = leaf.settled
    points, verdict = (settled.points, settled.verdict) if settled else (None, None)
    if settled is None and leaf.word is not None:
        points, verdict = leaf.word[0], leaf.word[1]
    return Settling(
        leaf,
        row or Spread(leaf, leaf.clause),
        verdicts(leaf.clause),
        points="" if points is None else as_text(points),
        verdict=verdict,
        reason=settled.reason if settled else "",
        version=settled.version if settled else 0,
    )


def _kept(shown: Settling, typed: Settling) -> Settling:
    """What was typed, beside what the page knows of the leaf."""
    typed.leaf, typed.row = shown.leaf, shown.row
    return typed


def _act(entry: LogEntry) -> str:
    """What was done, in the log's words; a number of the panel's is not filed by a school."""
    if entry.action == "answer.save":
        return _("填写得分")
    return action_names().get(entry.action, entry.action)


def _change(entry: LogEntry) -> tuple[str, str]:
    """Old and new of a logged act in words: 2.5 存疑, 优, —."""
    if entry.action.startswith("entry."):
        return "—", "—"  # what was handed in or returned stands in the act itself
    old, new = (_said(value) for value in (entry.old, entry.new))
    return old, new


def _said(value: object) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value) or "—"
    if not isinstance(value, dict):
        return "—"
    parts = [str(value[k]) for k in ("verdict", "points", "question", "answer") if value.get(k)]
    if value.get("doubtful"):
        parts.append(_("存疑"))
    return " ".join(parts) or "—"


def _closed(cycle: Cycle, item: Item) -> str:
    try:
        require_settling(cycle, item.entry, item.is_returned)
    except DomainError as error:
        return error.message
    return ""
