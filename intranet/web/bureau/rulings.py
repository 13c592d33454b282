"""裁定口径: one card per hole of the notice; after the opening the same page is the register of rulings."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from markupsafe import Markup, escape

from intranet.domain import rulings as work
from intranet.domain.cycles import definition_of, refresh, require_draft
from intranet.enums import CycleState
from intranet.errors import DomainError, NotFound
from intranet.i18n import _
from intranet.models import Cycle
from intranet.rubric.loader import Definition
from intranet.rubric.model import Rubric
from intranet.web import access
from intranet.web.context import actor, db, ground, today
from intranet.web.forms import answer, go, say, wants_fragment

from . import bp, frame

access.allow(
    {
        "bureau.cycle_rulings": access.BUREAU,
        "bureau.ruling_decide": access.BUREAU,
        "bureau.rulings_default": access.BUREAU,
    }
)


def marked(quote: str, text: str) -> Markup:
    """The clause's own words with the quoted part highlighted; the quote alone where it is not found in them."""
    if not quote:
        return escape(text)
    before, found, after = text.partition(quote)
    if not found or len(text) > 400:
        return Markup("<mark>{}</mark>").format(quote)
    return Markup("{}<mark>{}</mark>{}").format(before, quote, after)


def _context(cycle: Cycle, definition: Definition) -> dict[str, Any]:
    found = work.settled(cycle, definition)
    asked = [s for s in found if not s.ruling.note]
    counts = {state: sum(s.state is state for s in asked) for state in work.RulingState}
    bound = definition.bind(
        {k: v for k, v in cycle.rulings.items() if k in {r.key for r in definition.rulings}}
    )
    return {
        "cycle": cycle,
        "settled": found,
        "total": len(asked),
        "counts": counts,
        "rubric": bound,
        "quote_of": lambda s: _quote(bound, s),
        "in_draft": cycle.state == CycleState.DRAFT,
        "today": today().isoformat(),
        "who": actor().name,
    }


def _quote(rubric: Rubric, found: work.Settled) -> tuple[Markup, str]:
    """(the notice's words, where they stand)."""
    clause = rubric.by.get(found.ruling.clause)
    text = (clause.text or clause.requirement) if clause else ""
    return marked(found.ruling.quote, text), clause.name if clause else ""


def _page(cycle: Cycle, *, status: int = 200, error: DomainError | None = None, at: str = "") -> Response:
    definition = definition_of(cycle, ground().registry)
    values = _context(cycle, definition) | {"at": at, "form": request.form}
    for name in ("cycle", "in_draft"):
        values.pop(name)
    template = "bureau/rulings.html" if cycle.state == CycleState.DRAFT else "bureau/rulings_register.html"
    return frame.page(template, cycle, "rulings", status=status, error=error, **values)


@bp.get("/cycles/<int:cycle_id>/rulings")
def cycle_rulings(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    at = request.args.get("at", "")
    if not at and cycle.state == CycleState.DRAFT:
        waiting = work.still_open(cycle, definition_of(cycle, ground().registry))
        at = waiting[0].ruling.key if waiting else ""
    return _page(cycle, at=at)


@bp.post("/cycles/<int:cycle_id>/rulings/<key>")
def ruling_decide(cycle_id: int, key: str) -> Response:
    cycle, form = frame.load(cycle_id), request.form
    require_draft(cycle)
    definition = definition_of(cycle, ground().registry)
    error: DomainError | None = None
    try:
        definition = refresh(db(), actor(), cycle, ground().registry)
        work.decide(
            db(),
            actor(),
            cycle,
            definition,
            key,
            form.get("value", ""),
            reason=form.get("reason", ""),
            who=form.get("who", ""),
            on=form.get("on", ""),
            today=today(),
        )
    except NotFound:
        raise
    except DomainError as problem:
        error = problem
        db().rollback()
        cycle = frame.load(cycle_id)
    if not wants_fragment():
        if error is not None:
            return _page(cycle, status=error.status, error=error, at=key)
        following = _following(cycle, definition, key)
        return go(
            url_for("bureau.cycle_rulings", cycle_id=cycle_id, at=following)
            + (f"#ruling-{following}" if following else "")
        )
    values = _context(cycle, definition)
    by_key = {s.ruling.key: s for s in work.settled(cycle, definition)}
    following = "" if error else _following(cycle, definition, key)
    return answer(
        "bureau/_ruling_answer.html",
        status=error.status if error else 200,
        here=by_key[key],
        following=by_key.get(following),
        error=error,
        form=form,
        **values,
    )


def _following(cycle: Cycle, definition: Definition, key: str) -> str:
    """The next ruling that is open, after this one and then from the start."""
    waiting = work.still_open(cycle, definition)
    keys = [r.key for r in definition.rulings]
    after = [s.ruling.key for s in waiting if keys.index(s.ruling.key) > keys.index(key)]
    return next(iter(after or [s.ruling.key for s in waiting]), "")


@bp.post("/cycles/<int:cycle_id>/rulings")
def rulings_default(cycle_id: int) -> Response:
    """Take over the defaults of all that is still open."""
    cycle = frame.load(cycle_id)
    require_draft(cycle)
    definition = refresh(db(), actor(), cycle, ground().registry)
    n = work.use_defaults(db(), actor(), cycle, definition, today=today())
    say("done", _("%(n)s 处用了默认口径，可以逐条再改。", n=n))
    return go(url_for("bureau.cycle_rulings", cycle_id=cycle_id))
