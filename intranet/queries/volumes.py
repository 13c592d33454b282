"""Builds of evidence volumes (佐证材料汇编). Who may see an entry is ``queries.entries``' business."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.enums import BuildState
from intranet.models import Volume

UNFINISHED = (BuildState.WAITING, BuildState.RUNNING)


def volumes_of(session: Session, entry_id: int) -> Sequence[Volume]:
    """Every build of an entry, the newest first."""
    return session.exec(
        select(Volume).where(Volume.entry_id == entry_id).order_by(col(Volume.number).desc())
    ).all()


def held_volume(session: Session, entry_id: int, *, frozen: bool | None = None) -> Volume | None:
    """The newest finished build; ``frozen``: only of what was handed in (True) or only working copies."""
    query = select(Volume).where(Volume.entry_id == entry_id, Volume.state == BuildState.DONE)
    if frozen is not None:
        query = query.where(Volume.frozen == frozen)
    return session.exec(query.order_by(col(Volume.number).desc())).first()


def bound_numbers(session: Session, entry_id: int) -> set[int]:
    """The material numbers that are stamped in any volume of an entry."""
    found = session.exec(select(Volume.places).where(Volume.entry_id == entry_id))
    return {int(number) for places in found for number in places}


def handed_in_builds(session: Session, entry_ids: Sequence[int]) -> dict[int, Volume]:
    """The newest build of what each entry handed in, finished or not, by entry id."""
    query = select(Volume).where(col(Volume.entry_id).in_(entry_ids), Volume.frozen)
    return {v.entry_id: v for v in session.exec(query.order_by(col(Volume.number)))}


def unfinished_volume(session: Session, entry_id: int) -> Volume | None:
    return session.exec(
        select(Volume)
        .where(Volume.entry_id == entry_id, col(Volume.state).in_(UNFINISHED))
        .order_by(col(Volume.number).desc())
    ).first()


def next_waiting(session: Session) -> Volume | None:
    """The build that has waited longest."""
    return session.exec(
        select(Volume).where(Volume.state == BuildState.WAITING).order_by(col(Volume.id))
    ).first()


def left_running(session: Session) -> Sequence[Volume]:
    """Builds that a stop of the server interrupted; asked at start, when nothing runs."""
    return session.exec(select(Volume).where(Volume.state == BuildState.RUNNING)).all()


def last_number(session: Session, entry_id: int) -> int:
    return session.exec(select(sa.func.max(Volume.number)).where(Volume.entry_id == entry_id)).one() or 0


def pictures_asked(session: Session, entry_id: int) -> int:
    """How many photographs the newest build was asked to put on a page; 1 if there is none."""
    query = select(Volume.pictures).where(Volume.entry_id == entry_id).order_by(col(Volume.number).desc())
    return session.exec(query).first() or 1
