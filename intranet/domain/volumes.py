"""The evidence volume (佐证材料汇编): asking for a build, following it, stopping it, keeping what came of it.

The building itself is ``intranet.volume``'s, driven by ``intranet.jobs``. Functions flush and never commit.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.log import record
from intranet.enums import BuildState
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Entry, Volume
from intranet.queries.volumes import UNFINISHED, last_number, unfinished_volume


def request_volume(
    session: Session, actor: Actor, entry: Entry, *, at: datetime, frozen: bool = False
) -> Volume:
    """Put a build of this entry's volume into the queue; one that already waits or runs is that one.

    :param frozen: of what was just handed in: it is kept, with its hash, as what the panel saw.
    """
    assert entry.id is not None
    under_way = unfinished_volume(session, entry.id)
    if under_way is not None and under_way.frozen == frozen and under_way.state == BuildState.WAITING:
        return under_way
    if under_way is not None and not frozen:
        return under_way
    volume = Volume(
        entry_id=entry.id,
        number=last_number(session, entry.id) + 1,
        frozen=frozen,
        requested_by=actor.user_id,
        requested_at=at,
    )
    session.add(volume)
    session.flush()
    record(
        session,
        actor,
        "volume.request",
        subject=str(volume.number),
        new={"frozen": frozen},
        entry_id=entry.id,
        cycle_id=entry.cycle_id,
    )
    return volume


def volume_of(session: Session, entry: Entry, volume_id: int) -> Volume:
    """:raises NotFound: the entry has no such build."""
    found = session.get(Volume, volume_id)
    if found is None or found.entry_id != entry.id:
        raise NotFound(_("没有这一版汇编。"))
    return found


def cancel(session: Session, actor: Actor, entry: Entry, volume_id: int, *, at: datetime) -> Volume:
    """Stop a build that waits or runs; one that has ended stays as it is."""
    volume = volume_of(session, entry, volume_id)
    if volume.state in UNFINISHED:
        volume.state, volume.finished_at, volume.doing = BuildState.CANCELLED, at, ""
        session.add(volume)
        session.flush()
        record(
            session,
            actor,
            "volume.cancel",
            subject=str(volume.number),
            entry_id=entry.id,
            cycle_id=entry.cycle_id,
        )
    return volume
