"""What was handed in, round by round. Who may see an entry is ``queries.entries``' business."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.models import FormLine, Submission


def submissions_of(session: Session, entry_id: int) -> Sequence[Submission]:
    """In the order of rounds."""
    return session.exec(
        select(Submission).where(Submission.entry_id == entry_id).order_by(col(Submission.round))
    ).all()


def submission_of(session: Session, entry_id: int, round_: int | None = None) -> Submission | None:
    """One round's, or the last one's."""
    query = select(Submission).where(Submission.entry_id == entry_id)
    if round_ is not None:
        query = query.where(Submission.round == round_)
    return session.exec(query.order_by(col(Submission.round).desc())).first()


def with_scan(session: Session, entry_ids: Collection[int]) -> frozenset[int]:
    """Entries whose last submission has its sealed receipt scanned."""
    last = (
        select(Submission.entry_id, sa.func.max(Submission.round).label("round"))
        .where(col(Submission.entry_id).in_(entry_ids))
        .group_by(col(Submission.entry_id))
        .subquery()
    )
    query = (
        select(Submission.entry_id)
        .join(last, (last.c.entry_id == Submission.entry_id) & (last.c.round == Submission.round))
        .where(Submission.scan_sha256 != "")
    )
    return frozenset(session.exec(query).all())


def form_lines_of(session: Session, entry_id: int) -> Sequence[FormLine]:
    """The school's wording and order of official lists (附件2)."""
    return session.exec(
        select(FormLine).where(FormLine.entry_id == entry_id).order_by(col(FormLine.id))
    ).all()


def form_line_of(session: Session, entry_id: int, form: str, ref: str) -> FormLine | None:
    return session.exec(
        select(FormLine).where(FormLine.entry_id == entry_id, FormLine.form == form, FormLine.ref == ref)
    ).first()
