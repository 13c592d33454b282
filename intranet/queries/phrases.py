"""The comment bank (评语库): a reviewer's own ready-made comments and the panel's shared ones."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.models import Phrase

SHARED = 0
"""``Phrase.user_id`` of what belongs to the whole panel."""


def phrases_of(session: Session, actor: Actor, cycle_id: int) -> Sequence[Phrase]:
    """The own and the shared ones of a cycle: the own first, each in the order they were made."""
    query = select(Phrase).where(
        Phrase.cycle_id == cycle_id, col(Phrase.user_id).in_((SHARED, actor.user_id))
    )
    return session.exec(query.order_by(col(Phrase.user_id) == SHARED, col(Phrase.id))).all()


def phrase_for(session: Session, actor: Actor, cycle_id: int, phrase_id: int) -> Phrase | None:
    """One of them, None if it is nobody's, another reviewer's, or of another cycle."""
    found = session.get(Phrase, phrase_id)
    mine = found is not None and found.cycle_id == cycle_id and found.user_id in (SHARED, actor.user_id)
    return found if mine else None
