"""复核: the bureau's list, asking people other than the first scorers, the decision. The new freeze that follows is
in ``appeals_apply.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, request, url_for

from intranet.domain import appeal_decisions as decisions
from intranet.domain import appeal_undo as undo
from intranet.domain import appeals as work
from intranet.domain.marking import parse_points
from intranet.domain.operations import outcome_of, remember
from intranet.domain.scoring import EntrySheet, score_entry
from intranet.enums import CycleState
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import Appeal, Cycle, Entry
from intranet.queries import appeals as stored
from intranet.queries import filed
from intranet.queries.entries import schools_of
from intranet.rubric.model import Rubric
from intranet.rubric.numbers import as_text
from intranet.web import access
from intranet.web.appeal_view import about, bar_of, corrected, leaf_for, shown_moves, state_name
from intranet.web.context import actor, current_time, db
from intranet.web.forms import go, say

from . import bp, frame
from .data import as_text as value_text

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in (
            "cycle_appeals",
            "appeal",
            "appeal_assign",
            "appeal_decide",
            "appeal_undo",
        )
    }
)

ROOT = "/cycles/<int:cycle_id>/appeals"


@dataclass(frozen=True)
class Row:
    """One appeal on the list. days: since it was filed, while it is open."""

    filed: stored.Filed
    state: str
    clause: str
    days: int


@bp.get(ROOT)
def cycle_appeals(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    rubric = frame.scoring_of(cycle).rubric
    now = current_time()
    rows = [
        Row(
            found,
            state_name(found.appeal),
            rubric.by[found.appeal.code].name if found.appeal.code in rubric.by else found.appeal.code,
            (now - found.appeal.filed_at).days,
        )
        for found in stored.appeals_of_cycle(db(), cycle_id)
    ]
    rows.sort(key=lambda r: (not r.filed.is_open, not r.filed.waits_for_freeze, r.filed.appeal.filed_at))
    return frame.page(
        "bureau/appeals.html",
        cycle,
        "appeals",
        rows=rows,
        unit_word=rubric.terms.unit,
        waiting=sum(r.filed.waits_for_freeze for r in rows),
        unpublished=stored.unpublished_result(db(), cycle_id),
        closed=work.why_closed(cycle, now),
    )


# --- one appeal ------------------------------------------------------------------------------------


@dataclass
class Typed:
    """The form of the decision as it was filled in. figures: text by key, versions as shown."""

    do: str = ""
    points: str = ""
    verdict: str | None = None
    decision: str = ""
    login: str = ""
    undo: str = ""
    figures: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FigureView:
    """A value that may be corrected. n: its place in the form; clause: where it is asked."""

    n: int
    figure: decisions.Figure
    text: str
    is_near: bool
    problem: str = ""
    clause: str = ""


def _load(cycle_id: int, appeal_id: int) -> tuple[Cycle, Appeal, Entry]:
    cycle = frame.load(cycle_id)
    found, entry = stored.appeal_for(db(), actor(), cycle_id, appeal_id)
    return cycle, found, entry


@bp.get(ROOT + "/<int:appeal_id>")
def appeal(cycle_id: int, appeal_id: int) -> Response:
    return _page(*_load(cycle_id, appeal_id))


def _page(
    cycle: Cycle,
    found: Appeal,
    entry: Entry,
    typed: Typed | None = None,
    *,
    status: int = 200,
    error: DomainError | None = None,
) -> Response:
    scoring = frame.scoring_of(cycle)
    rubric = scoring.rubric
    reviews = stored.reviews_of(db(), found.id or 0)
    words = work.together(rubric, reviews)
    is_open = found.state in stored.OPEN and cycle.state == CycleState.PUBLISHED
    typed = typed or _prefilled(words)
    sheet = score_entry(db(), cycle, scoring, entry)
    people = work.candidates(db(), entry, rubric, found)
    who = [r.user_id for r in reviews] + [found.filed_by, found.decided_by or 0]
    return frame.page(
        "bureau/appeal.html",
        cycle,
        "appeals",
        status=status,
        error=error,
        entry=entry,
        appeal=found,
        state_name=state_name(found),
        moves=shown_moves(found.moved),
        unit_word=rubric.terms.unit,
        reviews=reviews,
        asked={r.user_id for r in reviews},
        said={r.user_id for r in reviews if r.said_at is not None},
        words=words,
        people=people if is_open else [],
        names=filed.names_of(db(), who),
        is_open=is_open,
        typed=typed,
        figures=_figure_views(rubric, sheet, found, typed) if is_open else [],
        corrections=corrected(rubric, entry, found),
        may_undo=not undo.why_final(cycle, found, stored.newest_result(db(), cycle.id or 0)),
        taken_back=stored.taken_back(db(), found),
        clause_names={c.code: c.name for c in rubric.clauses},
        op=frame.new_op(),
        **about(scoring, entry, cycle, found),
    )


def _refused(
    cycle_id: int,
    appeal_id: int,
    error: DomainError,
    typed: Typed | None = None,
    *,
    login: str = "",
    undo: str = "",
) -> Response:
    """The page as it is stored, with what was wrong and what was typed: the decision, or in another form of it."""
    db().rollback()
    cycle, found, entry = _load(cycle_id, appeal_id)
    if typed is None:
        words = work.together(frame.scoring_of(cycle).rubric, stored.reviews_of(db(), appeal_id))
        typed = replace(_prefilled(words), login=login, undo=undo)
    return _page(cycle, found, entry, typed, status=error.status, error=error)


def _prefilled(words: work.Together) -> Typed:
    return Typed(
        points="" if words.points is None else as_text(words.points),
        verdict=words.verdict,
    )


def _figures(sheet: EntrySheet) -> list[decisions.Figure]:
    entry = sheet.entry
    return decisions.figures_of(db(), entry, sheet.form, schools_of(db(), [entry.id or 0])[entry.id or 0])


def _figure_views(rubric: Rubric, sheet: EntrySheet, found: Appeal, typed: Typed) -> list[FigureView]:
    """Those of the disputed clause first, of what it is a part of too: there a figure is asked that several use."""
    near = {found.code, *(c.code for c in rubric.under(found.code))}
    above = rubric.by.get(found.code)
    while above is not None and above.parent not in (None, rubric.root.code):
        near.add(above.parent or "")
        above = rubric.by.get(above.parent or "")
    views = [
        FigureView(
            n,
            f,
            typed.figures.get(f.key, value_text(f.value)),
            f.field.clause in near or (found.code == rubric.root.code and f.field.clause not in rubric.by),
            typed.problems.get(f.key, ""),
            rubric.by[f.field.clause].name if f.field.clause in rubric.by else "",
        )
        for n, f in enumerate(_figures(sheet))
    ]
    return sorted(views, key=lambda v: not v.is_near)


def _version() -> int:
    found = frame.posted_version()
    return -1 if found is None else found


@bp.post(ROOT + "/<int:appeal_id>/assign")
def appeal_assign(cycle_id: int, appeal_id: int) -> Response:
    cycle, found, entry = _load(cycle_id, appeal_id)
    op, here = request.form.get("op", ""), url_for("bureau.appeal", cycle_id=cycle_id, appeal_id=appeal_id)
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    try:
        work.assign(
            db(),
            actor(),
            cycle,
            entry,
            frame.scoring_of(cycle).rubric,
            found,
            frame.posted_ids("person"),
            version=_version(),
            at=current_time(),
            login=request.form.get("login", ""),
        )
    except DomainError as error:
        return _refused(cycle_id, appeal_id, error, login=request.form.get("login", ""))
    remember(db(), actor(), op, {"appeal": appeal_id}, at=current_time())
    say("done", _("已请复核人。他们只看得到这一件。"))
    return go(here)


@bp.post(ROOT + "/<int:appeal_id>/decide")
def appeal_decide(cycle_id: int, appeal_id: int) -> Response:
    cycle, found, entry = _load(cycle_id, appeal_id)
    op, here = request.form.get("op", ""), url_for("bureau.appeal", cycle_id=cycle_id, appeal_id=appeal_id)
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    sheet = score_entry(db(), cycle, frame.scoring_of(cycle), entry)
    known = _figures(sheet)
    typed = _typed(known)
    try:
        _decide(cycle, found, entry, sheet, known, typed)
    except DomainError as error:
        typed.problems = dict(error.problems) if isinstance(error, Invalid) else {}
        return _refused(cycle_id, appeal_id, error, typed)
    remember(db(), actor(), op, {"appeal": appeal_id}, at=current_time())
    if typed.do == "reject":
        say("done", _("已驳回，结论会显示给申请单位。"))
        return go(here)
    say("done", _("已支持。请再看一遍影响，重新计算全部单位。"))
    return go(url_for("bureau.appeals_apply", cycle_id=cycle_id))


@bp.post(ROOT + "/<int:appeal_id>/undo")
def appeal_undo(cycle_id: int, appeal_id: int) -> Response:
    """Take the decision back; the appeal is open again."""
    cycle, found, entry = _load(cycle_id, appeal_id)
    op, here = request.form.get("op", ""), url_for("bureau.appeal", cycle_id=cycle_id, appeal_id=appeal_id)
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    try:
        undo.withdraw(
            db(),
            actor(),
            cycle,
            entry,
            frame.scoring_of(cycle).rubric,
            found,
            schools_of(db(), [entry.id or 0])[entry.id or 0],
            reason=request.form.get("reason", ""),
            version=_version(),
        )
    except DomainError as error:
        return _refused(cycle_id, appeal_id, error, undo=request.form.get("reason", ""))
    remember(db(), actor(), op, {"appeal": appeal_id}, at=current_time())
    say("done", _("结论已撤回，这一件重新办理。"))
    return go(here)


def _typed(known: Sequence[decisions.Figure]) -> Typed:
    form = request.form
    return Typed(
        do=form.get("do", ""),
        points=form.get("points", "").strip(),
        verdict=form.get("verdict") or None,
        decision=form.get("decision", ""),
        figures={f.key: form[f"f.{n}"] for n, f in enumerate(known) if f"f.{n}" in form},
    )


def _decide(
    cycle: Cycle,
    found: Appeal,
    entry: Entry,
    sheet: EntrySheet,
    known: Sequence[decisions.Figure],
    typed: Typed,
) -> None:
    rubric = frame.scoring_of(cycle).rubric
    said: dict[str, Any] = {"decision": typed.decision, "version": _version(), "at": current_time()}
    if typed.do == "reject":
        decisions.reject(db(), actor(), cycle, entry, found, **said)
    elif typed.do == "figures":
        versions = {f.key: _figure_version(n) for n, f in enumerate(known)}
        decisions.uphold_by_figures(
            db(), actor(), cycle, entry, found, known, typed.figures, versions, **said
        )
    elif typed.do == "points":
        bar = bar_of(leaf_for(rubric, sheet, found.code, cycle))
        points = parse_points(typed.points)
        decisions.uphold(
            db(),
            actor(),
            cycle,
            entry,
            rubric,
            found,
            bar=bar,
            points=points,
            verdict=typed.verdict,
            **said,
        )
    else:
        raise Invalid(_("请选择怎样决定。"), field="do")


def _figure_version(n: int) -> int:
    text = request.form.get(f"v.{n}", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
