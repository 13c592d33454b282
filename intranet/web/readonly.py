"""An archived cycle can only be read: whatever would write to it is refused here, before any view.

The domain refuses too where it asks for the phase; this is the one place that no route can pass by.
"""

from __future__ import annotations

from flask import Flask, g, request
from sqlmodel import col, select

from intranet.enums import CycleState
from intranet.errors import DomainError, NotFound
from intranet.i18n import _
from intranet.models import Appeal, Cycle, Entry, Evidence
from intranet.queries import entries

from . import access, context

LEFT_OPEN = frozenset({"bureau.cycle_archive_post", "bureau.cycle_copy", "bureau.whatif_version"})
"""Acts that leave an archived cycle as it is: making its archive again, taking it as a model, trying another
version of the rubric on its facts."""


def _about() -> tuple[Cycle | None, Entry | None]:
    """The cycle, and the entry if it is one, that this address is about."""
    values, session = request.view_args or {}, context.db()
    if "cycle_id" in values:
        return session.get(Cycle, values["cycle_id"]), None
    entry_id = values.get("entry_id", values.get("entry"))
    if entry_id is None and "evidence_id" in values:
        evidence = session.get(Evidence, values["evidence_id"])
        entry_id = evidence.entry_id if evidence is not None else None
    if entry_id is None and "appeal_id" in values:
        appeal = session.get(Appeal, values["appeal_id"])
        entry_id = appeal.entry_id if appeal is not None else None
    query = select(Cycle, Entry).join(Entry, col(Entry.cycle_id) == col(Cycle.id)).where(Entry.id == entry_id)
    return (None if entry_id is None else session.exec(query).first()) or (None, None)


def _check() -> None:
    """:raises DomainError: the address is about an archived cycle that the person knows of."""
    if request.method in context.SAFE or request.endpoint is None or request.endpoint in LEFT_OPEN:
        return
    rule, actor = access.ACCESS.get(request.endpoint), context.actor_or_none()
    if actor is None or not isinstance(rule, frozenset) or not actor.has(*rule):
        return
    cycle, entry = g.about = _about()  # held, so that the view finds them in the session
    if cycle is None or cycle.state != CycleState.ARCHIVED:
        return
    try:
        if entry is not None:
            entries.entry_for(context.db(), actor, entry.id or 0)
        else:
            entries.cycle_for(context.db(), actor, cycle.id or 0)
    except NotFound:
        return  # the view answers as for one that does not exist
    raise DomainError(_("这次考核已经归档，只供查阅，不能再改。"))


def install(app: Flask) -> None:
    app.before_request(_check)
