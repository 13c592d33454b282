"""Files that arrive in pieces: begun, continued after a break, kept when whole, forgotten when abandoned.

How much of one has arrived is the length of its file beside the store and stands nowhere else: a
crash between the disk and the database cannot make the two differ.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from intranet.domain import evidence, material
from intranet.domain.evidence import MEGABYTE, Shelf, Upload
from intranet.domain.filing import Filing
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.models import Evidence, PendingUpload
from intranet.queries.files import pending_before, pending_of
from intranet.storage import Store, accepted

KEPT = timedelta(days=3)
"""How long an upload waits to be continued: over a weekend."""
UNDER_WAY = 60
"""Uploads under way of one person in one entry. The page sends three at a time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody is about to send. ref and code empty: for the unit's list alone; replaces: evidence id."""

    name: str
    size: int
    code: str = ""
    ref: str = ""
    replaces: int | None = None


def begin(filing: Filing, wanted: Wanted, shelf: Shelf, *, limit: int) -> PendingUpload:
    """Refuse at once what could not be kept at the end; else a token under which the bytes may come.

    :param limit: bytes per file.
    :raises Invalid: kind, size, quota, or too many under way. :raises DomainError: not there, not now.
    """
    _require(filing, wanted.code, wanted.ref, wanted.replaces)
    name = evidence.shown_name(wanted.name)
    accepted.check_name(name, wanted.size)
    if wanted.size > limit:
        text = _("“%(name)s”超过 %(most)s MB。请压缩后再传。", name=name, most=limit // MEGABYTE)
        raise Invalid(text, field="files")
    under_way = pending_of(filing.session, filing.entry_id, since=filing.at - KEPT)
    if sum(p.user_id == filing.actor.user_id for p in under_way) >= UNDER_WAY:
        text = _(
            "您还有 %(n)s 个文件没传完。请到材料库接着传，或取消不要的，再传新的。",
            n=UNDER_WAY,
        )
        raise Invalid(text, field="files")
    evidence.require_room(filing, shelf, wanted.size + sum(p.size for p in under_way))
    pending = PendingUpload(
        token=secrets.token_hex(16),
        entry_id=filing.entry_id,
        user_id=filing.actor.user_id,
        code=wanted.code,
        ref=wanted.ref,
        replaces=wanted.replaces,
        name=name,
        size=wanted.size,
        created_at=filing.at,
    )
    filing.session.add(pending)
    filing.session.flush()
    return pending


def _require(filing: Filing, code: str, ref: str, replaces: int | None) -> None:
    if replaces is None:
        evidence.require_place(filing, code, ref)
    else:
        evidence.changeable(filing, replaces)


def offset(store: Store, pending: PendingUpload) -> int:
    """From which byte on it is to be continued.

    One that is whole but not kept (the server went down, the quota was full, the page was locked) is
    asked for its last byte again, so that it comes by once more and is kept then.
    """
    return min(store.arrived(pending.token), pending.size - 1)


def keep(filing: Filing, pending: PendingUpload, upload: Upload, shelf: Shelf) -> Evidence:
    """A file that is whole and acceptable goes where it was meant for; rights and places are asked again.

    :raises DomainError: locked or moved away meanwhile. :raises Invalid: over the quota.
    """
    if pending.replaces is None:
        (kept,) = evidence.add_files(filing, pending.code, pending.ref, [upload], shelf)
    else:
        kept = material.replace(filing, pending.replaces, upload, shelf)
    drop(filing.session, pending)
    return kept


def drop(session: Session, pending: PendingUpload) -> None:
    """No longer expected. The bytes are forgotten by whoever has the store."""
    session.delete(pending)
    session.flush()


def sweep(session: Session, store: Store, at: datetime) -> int:
    """Drop the uploads that nobody continued in time, bytes and all. How many."""
    old = pending_before(session, at - KEPT)
    for pending in old:
        store.forget(pending.token)
        session.delete(pending)
    session.flush()
    return len(old)
