"""Counts behind the to-do lists."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.enums import ConfirmState
from intranet.models import Confirmation, Delegation, FactRow

_OPEN = (col(Delegation.withdrawn_at).is_(None), col(Delegation.finished_at).is_(None))


def late_delegations(session: Session, entry_ids: Collection[int], today: date) -> dict[int, int]:
    """Things handed out that are past their date, by entry."""
    query = (
        select(Delegation.entry_id, sa.func.count())
        .where(col(Delegation.entry_id).in_(entry_ids), *_OPEN, col(Delegation.due) < today)
        .group_by(col(Delegation.entry_id))
    )
    return dict(session.exec(query).all())


def open_delegations(session: Session, entry_id: int, school_ids: Collection[int]) -> tuple[int, date | None]:
    """How many things wait with these schools, and the first date among them."""
    query = select(sa.func.count(), sa.func.min(Delegation.due)).where(
        Delegation.entry_id == entry_id, col(Delegation.school_id).in_(school_ids), *_OPEN
    )
    number, first = session.exec(query).one()
    return number, first


def disputed_rows(session: Session, entry_ids: Collection[int]) -> dict[int, int]:
    """Rows on which another school's objection still holds, by entry."""
    query = (
        select(Confirmation.entry_id, sa.func.count())
        .join(FactRow, col(FactRow.id) == col(Confirmation.row_id))
        .where(
            col(Confirmation.entry_id).in_(entry_ids),
            Confirmation.state == ConfirmState.DISPUTED,
            col(FactRow.version) == col(Confirmation.row_version),
            col(FactRow.deleted_at).is_(None),
        )
        .group_by(col(Confirmation.entry_id))
    )
    return dict(session.exec(query).all())
