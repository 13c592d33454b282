"""The evidence volume (佐证材料汇编): build, follow, stop, read; the originals as one zip."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from flask import Response, current_app, request, send_file, url_for

from intranet import jobs
from intranet.domain import volumes
from intranet.domain.filing import Right
from intranet.domain.numbering import renumber
from intranet.enums import BuildState, Role
from intranet.errors import Forbidden, NotFound
from intranet.i18n import _
from intranet.models import Volume
from intranet.queries.volumes import held_volume, pictures_asked, unfinished_volume, volumes_of
from intranet.storage.local import LocalStore
from intranet.volume import originals
from intranet.volume.build import PICTURES
from intranet.web import access, context
from intranet.web.downloads import disposition
from intranet.web.forms import answer, go, say, wants_fragment

from . import bp
from .desk import Desk, load

access.allow(
    {
        "school.volume": access.FILING_READERS,
        "school.volume_build": access.SCHOOL | access.BUREAU,
        "school.volume_cancel": access.SCHOOL | access.BUREAU,
        "school.volume_pdf": access.FILING_READERS,
        "school.originals": access.FILING_READERS,
    }
)

ROOT = "/entries/<int:entry_id>/volume"


def _may_build(desk: Desk) -> bool:
    """The lead school's people and the bureau."""
    return desk.filing.right in (Right.LEAD, Right.HELPER) or desk.filing.actor.has(Role.BUREAU)


@bp.get(ROOT)
def volume(entry_id: int) -> Response:
    """The page; as a fragment the state of the build, which asks again while it runs."""
    desk = load(entry_id)
    session = desk.filing.session
    every = volumes_of(session, entry_id)
    held, running = held_volume(session, entry_id), unfinished_volume(session, entry_id)
    failed = every[0] if every and every[0].state in (BuildState.FAILED, BuildState.CANCELLED) else None
    part = "school/_volume_state.html" if running else "school/_volume_ended.html"
    return answer(
        part if wants_fragment() else "school/volume.html",
        **desk.page_values(),
        held=held,
        running=running,
        failed=failed,
        every=[v for v in every if v.state == BuildState.DONE and _is_there(v)],
        files=desk.files,
        ranges=volumes.page_ranges(held),
        archival=volumes.archival(held) if held else None,
        spans=spans,
        changed=spans(held.changed) if held else "",
        outdated=held is not None and _is_outdated(desk, held),
        may_build=_may_build(desk),
        pictures=pictures_asked(session, entry_id),
        choices=volumes.PICTURES,
        photos=sum(f.evidence.media_type in PICTURES for f in desk.files),
    )


def _is_there(volume: Volume) -> bool:
    return jobs.volume_path(context.ground().settings, volume).is_file()


def _is_outdated(desk: Desk, held: Volume) -> bool:
    """Whether files came or went since; a replaced file counts too."""
    newest = max((f.evidence.uploaded_at for f in desk.files), default=None)
    numbers = {str(f.evidence.number) for f in desk.files}
    return numbers != set(held.places) or (newest is not None and newest > held.requested_at)


def spans(numbers: Iterable[int]) -> str:
    """``3、7 — 9`` for 3, 7, 8, 9."""
    out: list[list[int]] = []
    for n in sorted(numbers):
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return "、".join(str(a) if a == b else f"{a} — {b}" for a, b in out)


@bp.post(ROOT + "/build")
def volume_build(entry_id: int) -> Response:
    desk = load(entry_id)
    if not _may_build(desk):
        raise Forbidden(_("汇编由填报学校或教育局编制。"))
    if not desk.files:
        say("warn", _("还没有材料，先上传再编制。"))
        return go(url_for("school.volume", entry_id=entry_id))
    filing, asked = desk.filing, request.form.get("pictures", "")
    pictures = int(asked) if asked in map(str, volumes.PICTURES) else None
    renumber(filing)
    volumes.request_volume(filing.session, filing.actor, filing.entry, at=filing.at, pictures=pictures)
    desk.filing.session.commit()  # the worker looks for it at once
    builder().wake()
    return go(url_for("school.volume", entry_id=entry_id))


def builder() -> jobs.Builder:
    found: jobs.Builder = current_app.extensions["intranet.builder"]
    return found


@bp.post(ROOT + "/<int:volume_id>/cancel")
def volume_cancel(entry_id: int, volume_id: int) -> Response:
    desk = load(entry_id)
    if not _may_build(desk):
        raise Forbidden(_("汇编由填报学校或教育局编制。"))
    volumes.cancel(desk.filing.session, desk.filing.actor, desk.filing.entry, volume_id, at=desk.filing.at)
    return go(url_for("school.volume", entry_id=entry_id))


@bp.get(ROOT + "/<int:volume_id>.pdf")
def volume_pdf(entry_id: int, volume_id: int) -> Response:
    """One build; ``?inline=1`` in the browser's own viewer (with ``#page=33`` at its page)."""
    desk = load(entry_id)
    found = volumes.volume_of(desk.filing.session, desk.filing.entry, volume_id)
    path = jobs.volume_path(context.ground().settings, found)
    if found.state != BuildState.DONE or not path.is_file():
        raise NotFound(_("这一版汇编已不在服务器上，请重新编制。"))
    name = _("%(unit)s 佐证材料汇编.pdf", unit=desk.filing.entry.name)
    response = send_file(path, mimetype="application/pdf", conditional=True, max_age=0)
    response.headers["Content-Disposition"] = disposition(name, inline=bool(request.args.get("inline")))
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.get("/entries/<int:entry_id>/originals.zip", endpoint="originals")
def originals_zip(entry_id: int) -> Response:
    """The files as uploaded, in the volume's order, with a list of them."""
    desk = load(entry_id)
    settings, session = context.ground().settings, desk.filing.session
    plan = volumes.plan_of(
        session,
        desk.filing.cycle,
        desk.scoring,
        desk.filing.entry,
        LocalStore(settings.evidence_folder),
        bureau=settings.bureau_name,
        day="",
    )
    held = held_volume(session, entry_id)
    places = {int(n): (int(p[0]), int(p[1])) for n, p in held.places.items()} if held else {}
    with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
        target = Path(file.name)
    originals.write(plan, target, places, volumes.archival_words(held))
    stream = target.open("rb")
    target.unlink()
    response = send_file(stream, mimetype="application/zip", max_age=0)
    response.headers["Content-Disposition"] = disposition(
        _("%(unit)s 佐证材料原件.zip", unit=desk.filing.entry.name)
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response
