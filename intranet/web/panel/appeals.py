"""复核 for those who were asked: one appeal at a time, others' words hidden until the own one is in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from flask import Response, request, url_for

from intranet.domain import appeals as work
from intranet.domain.marking import parse_points
from intranet.domain.operations import outcome_of, remember
from intranet.domain.scoring import scoring_for
from intranet.enums import CycleState
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import _
from intranet.models import Appeal, AppealReview, Cycle, Entry
from intranet.queries import appeals as stored
from intranet.queries import filed
from intranet.rubric.model import Clause
from intranet.rubric.numbers import as_text

from .. import access
from ..appeal_view import about
from ..context import actor, current_time, db, ground
from ..forms import answer, go, say, whole
from ..shell import cycle_bar
from . import bp

access.allow(
    {f"panel.{name}": access.PANEL for name in ("appeals", "appeal", "appeal_post")},
)


@dataclass
class Word:
    """The form of the own word."""

    points: str = ""
    verdict: str | None = None
    reason: str = ""
    version: int = 1
    problem: str = ""


@bp.get("/appeals")
def appeals() -> Response:
    """What this person was asked to look at."""
    found = stored.asked_of(db(), actor())
    return answer("panel/appeals.html", rows=[(r, a, e, c, clause_of(c, a)) for r, a, e, c in found])


def clause_of(cycle: Cycle, appeal: Appeal) -> Clause | None:
    return scoring_for(cycle, ground().registry).rubric.by.get(appeal.code)


@bp.get("/appeals/<int:appeal_id>")
def appeal(appeal_id: int) -> Response:
    review, found, entry, cycle = stored.asked_for(db(), actor(), appeal_id)
    return _page(review, found, entry, cycle, _stored(review))


def _stored(review: AppealReview) -> Word:
    if review.said_at is None:
        return Word(version=review.version)
    points = "" if review.points is None else as_text(review.points)
    return Word(points, review.verdict, review.reason, review.version)


def _page(
    review: AppealReview,
    found: Appeal,
    entry: Entry,
    cycle: Cycle,
    word: Word,
    *,
    status: int = 200,
    error: DomainError | None = None,
) -> Response:
    scoring = scoring_for(cycle, ground().registry)
    reviews = stored.reviews_of(db(), found.id or 0)
    others = [r for r in reviews if r.user_id != actor().user_id and r.said_at is not None]
    return answer(
        "panel/appeal.html",
        status=status,
        cycle=cycle,
        cycle_bar=cycle_bar(cycle, entry),
        entry=entry,
        appeal=found,
        review=review,
        word=word,
        error=error,
        **about(scoring, entry, cycle, found),
        others=others if review.said_at is not None else [],
        hidden=0 if review.said_at is not None else len(others),
        names=filed.names_of(db(), [r.user_id for r in others]),
        is_open=found.state in stored.OPEN and cycle.state == CycleState.PUBLISHED,
        op=secrets.token_urlsafe(12),
    )


@bp.post("/appeals/<int:appeal_id>")
def appeal_post(appeal_id: int) -> Response:
    review, found, entry, cycle = stored.asked_for(db(), actor(), appeal_id)
    form, here = request.form, url_for("panel.appeal", appeal_id=appeal_id)
    if outcome_of(db(), actor(), form.get("op", "")) is not None:
        return go(here)
    version = whole(form.get("version", ""))
    word = Word(
        form.get("points", "").strip(),
        form.get("verdict") or None,
        form.get("reason", ""),
        -1 if version is None else version,
    )
    try:
        work.give_word(
            db(),
            actor(),
            cycle,
            entry,
            scoring_for(cycle, ground().registry).rubric,
            found,
            review,
            points=parse_points(word.points),
            verdict=word.verdict,
            reason=word.reason,
            version=word.version,
            at=current_time(),
        )
    except DomainError as error:
        db().rollback()
        review, found, entry, cycle = stored.asked_for(db(), actor(), appeal_id)
        word.problem = error.message if isinstance(error, Invalid) else ""
        if isinstance(error, Conflict):
            word.version = review.version
        return _page(review, found, entry, cycle, word, status=error.status, error=error)
    remember(db(), actor(), form.get("op", ""), {"appeal": appeal_id}, at=current_time())
    say("done", _("您的复核意见已保存。教育局决定以前可以再改。"))
    return go(here)
