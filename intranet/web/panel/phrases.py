"""The comment bank (评语库) of one reviewer, with what the chair shares with the whole panel."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from flask import Response, request, url_for

from intranet.domain.operations import outcome_of, remember
from intranet.domain.phrases import add_phrase, drop_phrase
from intranet.domain.scoring import scoring_for
from intranet.domain.standing import indicators_of
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.models import Cycle, Phrase
from intranet.queries import review
from intranet.queries.phrases import SHARED, phrases_of
from intranet.rubric.model import Clause, Rubric

from .. import access
from ..context import actor, current_time, db, ground
from ..forms import answer, go, say, whole
from ..shell import cycle_bar
from . import bp

access.allow({"panel.phrases": access.PANEL, "panel.phrases_post": access.PANEL})


@dataclass
class Typed:
    """The form for a new comment, as it was filled in."""

    text: str = ""
    code: str = ""
    shared: bool = False
    problems: dict[str, str] = field(default_factory=dict)


@bp.get("/cycles/<int:cycle_id>/phrases")
def phrases(cycle_id: int) -> Response:
    return _page(review.panel_cycle_for(db(), actor(), cycle_id), Typed())


@bp.post("/cycles/<int:cycle_id>/phrases")
def phrases_post(cycle_id: int) -> Response:
    """Add a comment, or (``drop``: its id) take one out."""
    cycle = review.panel_cycle_for(db(), actor(), cycle_id)
    here, form = url_for("panel.phrases", cycle_id=cycle_id), request.form
    op = form.get("op", "")
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    dropped = form.get("drop", "")
    if dropped:
        drop_phrase(db(), actor(), cycle, whole(dropped) or 0)
        say("done", _("已从评语库删去，写过的评语不受影响。"))
        return go(here)
    typed = Typed(form.get("text", ""), form.get("code", ""), "shared" in form)
    rubric = scoring_for(cycle, ground().registry).rubric
    try:
        added = add_phrase(db(), actor(), cycle, rubric, typed.text, code=typed.code, shared=typed.shared)
    except Invalid as error:
        typed.problems = {error.field or "text": error.message}
        return _page(cycle, typed, status=error.status)
    remember(db(), actor(), op, added.id, at=current_time())
    say("done", _("已存入评语库。"))
    return go(here)


def _page(cycle: Cycle, typed: Typed, *, status: int = 200) -> Response:
    rubric = scoring_for(cycle, ground().registry).rubric
    found = phrases_of(db(), actor(), cycle.id or 0)
    return answer(
        "panel/phrases.html",
        status=status,
        cycle=cycle,
        cycle_bar=cycle_bar(cycle),
        rubric=rubric,
        places=_places(rubric),
        lists=[
            (_("我的"), [p for p in found if p.user_id != SHARED], True),
            (_("全组共用"), [p for p in found if p.user_id == SHARED], actor().chairs(cycle.id or 0)),
        ],
        where=lambda phrase: _where(rubric, phrase),
        typed=typed,
        is_chair=actor().chairs(cycle.id or 0),
        op=secrets.token_urlsafe(12),
    )


def _places(rubric: Rubric) -> list[tuple[Clause, list[Clause]]]:
    """The indicators, each with its leaves if it has several: what a comment may be for."""
    out = []
    for indicator in indicators_of(rubric):
        leaves = list(rubric.leaves(indicator.code))
        out.append((indicator, leaves if len(leaves) > 1 else []))
    return out


def _where(rubric: Rubric, phrase: Phrase) -> str:
    if not phrase.code:
        return _("所有条款")
    clause = rubric.by.get(phrase.code)
    return clause.name if clause is not None else phrase.code
