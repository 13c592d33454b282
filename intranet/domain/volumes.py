"""The evidence volume (佐证材料汇编): asking for a build, following it, stopping it, keeping what came of it.

The building itself is ``intranet.volume``'s, driven by ``intranet.jobs``. Functions flush and never commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from intranet.actor import SYSTEM, Actor
from intranet.domain.log import record
from intranet.domain.scoring import Scoring, score_entry
from intranet.enums import BuildState
from intranet.errors import Invalid, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Entry, Evidence, FilePrint, Volume
from intranet.queries.filed import evidence_of, rows_of
from intranet.queries.filing import Page, matches, pages
from intranet.queries.volumes import UNFINISHED, last_number, pictures_asked, unfinished_volume
from intranet.storage import Store
from intranet.volume.plan import Document, Material, Plan, Section

PICTURES = (1, 2, 4)
"""Photographs that may share a page."""


def request_volume(
    session: Session,
    actor: Actor,
    entry: Entry,
    *,
    at: datetime,
    frozen: bool = False,
    pictures: int | None = None,
) -> Volume:
    """Put a build of this entry's volume into the queue; one that already waits or runs is that one.

    :param frozen: of what was just handed in: it is kept, with its hash, as what the panel saw.
    :param pictures: photographs of one indicator to a page, of ``PICTURES``; None: as many as last time.
    :raises Invalid: another number of pictures.
    """
    assert entry.id is not None
    if pictures is None:
        pictures = pictures_asked(session, entry.id)
    if pictures not in PICTURES:
        raise Invalid(_("每页照片请选 1、2 或 4 张。"), field="pictures")
    under_way = unfinished_volume(session, entry.id)
    if under_way is not None and under_way.frozen == frozen and under_way.state == BuildState.WAITING:
        under_way.pictures = pictures
        session.add(under_way)
        return under_way
    if under_way is not None and not frozen:
        return under_way
    volume = Volume(
        entry_id=entry.id,
        number=last_number(session, entry.id) + 1,
        frozen=frozen,
        pictures=pictures,
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
        new={"frozen": frozen, "pictures": pictures},
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


# --- what goes in --------------------------------------------------------------------------------


def plan_of(
    session: Session,
    cycle: Cycle,
    scoring: Scoring,
    entry: Entry,
    store: Store,
    *,
    bureau: str,
    day: str,
    pictures: int = 1,
) -> Plan:
    """The volume of an entry as it stands: its indicators in the notice's order, each with its files.

    A file stands where it is first cited; files that prove nothing come last.

    :param day: the date on the cover, in words.
    """
    assert entry.id is not None
    rubric, sheet = scoring.rubric, score_entry(session, cycle, scoring, entry)
    files = evidence_of(session, entry.id)
    at: dict[str, list[int]] = {}
    for found in files:
        for ref in found.refs:
            at.setdefault(ref, []).append(found.evidence.number)
    rows = {r.id: r for r in rows_of(session, entry.id).values() if r.deleted_at is None}
    sections = []
    placed: set[int] = set()
    for page in pages(rubric):
        materials, numbers = [], []
        for clause in page.clauses:
            for slot in sheet.form.slots(clause.code):
                here = at.get(f"slot:{clause.code}#{slot.n}", [])
                state = {True: "there", False: "absent", "na": "na"}.get(
                    sheet.facts.slot(clause.code, slot.n - 1), "miss"
                )
                materials.append(Material(slot.label, tuple(here), "na" if slot.hidden else state))
                numbers += here
            numbers += at.get(f"clause:{clause.code}", [])
        for row_id, row in rows.items():
            wheres = page.tables.get(row.table, ())
            if any(matches(row.cells, where) for where in wheres):
                numbers += at.get(f"row:{row_id}", [])
        clause = page.clause
        sections.append(
            Section(
                code=page.code,
                number=clause.no or page.code,
                title=clause.title or clause.text,
                text=_wording(page),
                materials=tuple(materials),
                documents=tuple(dict.fromkeys(numbers)),
            )
        )
        placed |= set(numbers)
    rest = tuple(f.evidence.number for f in files if f.evidence.number not in placed)
    if rest:
        sections.append(Section("", "", _("其他材料"), "", (), rest))
    return Plan(
        title=_("佐证材料汇编"),
        unit=entry.name,
        cycle=cycle.title,
        notice=cycle.rubric_title,
        bureau=bureau,
        date_text=day,
        sections=tuple(s for s in sections if s.documents or s.materials),
        documents=tuple(_document(f.evidence, store) for f in files),
        pictures=pictures,
    )


def _wording(page: Page) -> str:
    """The notice's own words for an indicator; if they stand at its points alone, a line for each of those."""
    if page.clause.title and page.clause.text:
        return page.clause.text
    return "\n".join(c.text for c in page.clauses if c.code != page.code and c.text)


def _document(file: Evidence, store: Store) -> Document:
    try:
        path = str(store.path(file.sha256))
    except FileNotFoundError:
        path = ""  # a stand-in page says that the file is not on the server
    return Document(file.number, file.name, file.media_type, file.sha256, path)


# --- what came of it -----------------------------------------------------------------------------


def finish(session: Session, volume: Volume, built: Mapping[str, Any], *, at: datetime) -> None:
    """Keep the result of a build.

    :param built: as ``python -m intranet.volume`` reports it: sha256, size, pages, places, sections,
        digests, changed, problems, archival, obstacles.
    """
    volume.state, volume.finished_at, volume.doing = BuildState.DONE, at, ""
    volume.done = volume.total
    for name in ("sha256", "size", "pages", "sections", "digests", "changed", "problems"):
        setattr(volume, name, built[name])
    volume.archival = {"declared": built["archival"], "obstacles": built["obstacles"]}
    for content, bits in built["prints"].items():
        session.merge(FilePrint(sha256=content, bits=bits))
    volume.places = {str(number): list(pages) for number, pages in built["places"].items()}
    session.add(volume)
    session.flush()
    record(
        session,
        SYSTEM,
        "volume.done",
        subject=str(volume.number),
        new={"sha256": volume.sha256, "pages": volume.pages},
        entry_id=volume.entry_id,
    )


def fail(session: Session, volume: Volume, why: str, *, at: datetime) -> None:
    volume.state, volume.finished_at, volume.error, volume.doing = BuildState.FAILED, at, why[:500], ""
    session.add(volume)
    session.flush()


@dataclass(frozen=True, slots=True)
class Archival:
    """Whether a volume declares itself as PDF/A-2b; if not, numbers of the files by what stands against it."""

    declared: bool
    obstacles: dict[str, list[int]]


def archival(volume: Volume) -> Archival | None:
    """None: built before this was looked at."""
    if volume.archival is None:
        return None
    by_reason: dict[str, list[int]] = {}
    for one in volume.archival["obstacles"]:
        by_reason.setdefault(one["reason"], []).append(one["number"])
    return Archival(volume.archival["declared"], by_reason)


def archival_words(volume: Volume | None) -> dict[int, str] | None:
    """For the list of the originals: by material number, why it stands against PDF/A, or that it does not."""
    about = archival(volume) if volume is not None else None
    if about is None or volume is None:
        return None
    words = {int(number): _("可以") for number in volume.places}
    words |= {p["number"]: _("原件另附") for p in volume.problems}
    return words | {n: why for why, numbers in about.obstacles.items() for n in numbers}


def page_ranges(volume: Volume | None) -> dict[int, str]:
    """佐证材料页码 by material number: ``33 — 35``, ``7``."""
    if volume is None:
        return {}
    return {
        int(number): str(first) if first == last else f"{first} — {last}"
        for number, (first, last) in volume.places.items()
    }
