"""质询: what reviewers asked a unit about its indicators, and what it answered.

Who may meet an entry is decided elsewhere (``queries.review`` for the panel, ``queries.entries`` for
the unit). Who asked is told to the panel alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlmodel import Session, col, select

from intranet.models import Inquiry


def inquiries_of(
    session: Session, entry_ids: Collection[int], code: str | None = None
) -> dict[int, list[Inquiry]]:
    """Those that were not withdrawn, by entry id, oldest first; of one indicator if ``code`` is given."""
    out: dict[int, list[Inquiry]] = {i: [] for i in entry_ids}
    query = select(Inquiry).where(col(Inquiry.entry_id).in_(entry_ids), col(Inquiry.withdrawn_at).is_(None))
    if code is not None:
        query = query.where(Inquiry.code == code)
    for found in session.exec(query.order_by(col(Inquiry.id))):
        out[found.entry_id].append(found)
    return out


def is_open(inquiry: Inquiry) -> bool:
    """Whether the unit still has to answer (待答复)."""
    return inquiry.answered_at is None and inquiry.withdrawn_at is None


def open_places(found: Collection[Inquiry]) -> dict[tuple[int, str], int]:
    """How many wait for an answer, by entry and indicator."""
    out: dict[tuple[int, str], int] = {}
    for inquiry in found:
        if is_open(inquiry):
            at = inquiry.entry_id, inquiry.code
            out[at] = out.get(at, 0) + 1
    return out


def waiting_of(session: Session, entry_ids: Collection[int]) -> dict[int, int]:
    """How many questions wait for an answer, by entry id."""
    found: Sequence[int] = session.exec(
        select(Inquiry.entry_id).where(
            col(Inquiry.entry_id).in_(entry_ids),
            col(Inquiry.withdrawn_at).is_(None),
            col(Inquiry.answered_at).is_(None),
        )
    ).all()
    return {i: found.count(i) for i in set(found)}


def inquiry_of(session: Session, entry_id: int, inquiry_id: int) -> Inquiry | None:
    """One of an entry's, withdrawn ones too."""
    found = session.get(Inquiry, inquiry_id)
    return found if found is not None and found.entry_id == entry_id else None
