"""Earlier versions of files, room they take, and uploads under way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Evidence, EvidenceVersion, PendingUpload
from intranet.queries.filed import evidence_for


def versions_of(session: Session, evidence_id: int) -> Sequence[EvidenceVersion]:
    """What a file was before, newest first."""
    return session.exec(
        select(EvidenceVersion)
        .where(EvidenceVersion.evidence_id == evidence_id)
        .order_by(col(EvidenceVersion.n).desc())
    ).all()


def version_for(session: Session, actor: Actor, evidence_id: int, n: int) -> EvidenceVersion:
    """One earlier version, for those who may see the file. :raises NotFound: none for this actor."""
    evidence_for(session, actor, evidence_id)
    for version in versions_of(session, evidence_id):
        if version.n == n:
            return version
    raise NotFound(_("没有这个版本。"))


def used_by(session: Session, entry_id: int) -> int:
    """Bytes that the files of an entry take, their earlier versions included."""
    there = Evidence.entry_id == entry_id, col(Evidence.deleted_at).is_(None)
    now = session.exec(select(sa.func.sum(Evidence.size)).where(*there)).one()
    before = session.exec(
        select(sa.func.sum(EvidenceVersion.size))
        .join(Evidence, col(Evidence.id) == col(EvidenceVersion.evidence_id))
        .where(*there)
    ).one()
    return (now or 0) + (before or 0)


# --- uploads under way ---------------------------------------------------------------------------


def pending_of(session: Session, entry_id: int, *, since: datetime) -> Sequence[PendingUpload]:
    """The uploads of an entry that were begun after ``since``, oldest first."""
    return session.exec(
        select(PendingUpload)
        .where(PendingUpload.entry_id == entry_id, PendingUpload.created_at > since)
        .order_by(col(PendingUpload.id))
    ).all()


def pending_for(
    session: Session, actor: Actor, entry_id: int, token: str, *, since: datetime
) -> PendingUpload:
    """The actor's own upload; another's is NotFound like one that never was, or that has expired."""
    found = session.exec(
        select(PendingUpload).where(
            PendingUpload.token == token,
            PendingUpload.entry_id == entry_id,
            PendingUpload.user_id == actor.user_id,
            PendingUpload.created_at > since,
        )
    ).first()
    if found is None:
        raise NotFound(_("这次上传已取消、已传完或已过期。请重新选择文件。"))
    return found


def pending_before(session: Session, time: datetime) -> Sequence[PendingUpload]:
    """Uploads of anybody that were begun before a time."""
    return session.exec(select(PendingUpload).where(PendingUpload.created_at <= time)).all()
