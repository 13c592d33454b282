"""The sealed packet (封装包): the kit to take away, the packet that comes back, taking it over.

A packet that was checked waits in the store under a random name, which the page carries signed and
bound to the person and the entry. Taking over reads it from the start again: nothing the check found is
trusted. The bureau's pages (``web.bureau.packet``) do the same for a school that has no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Response, current_app, make_response, render_template, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer

from intranet.documents import offline as written
from intranet.documents import offline_reading, packet_kit
from intranet.documents.packet_reading import opened
from intranet.domain import evidence, offline, offline_plan, packet, packet_import, uploads
from intranet.domain.evidence import Upload
from intranet.domain.filing import Right
from intranet.domain.offline_change import Plan
from intranet.domain.offline_filled import Filled
from intranet.domain.packet import Manifest
from intranet.domain.packet_import import FilePlan, Taken
from intranet.errors import Conflict, DomainError, Forbidden, Invalid
from intranet.i18n import SOURCE, _, use_language
from intranet.queries.packets import Kits, kits_of
from intranet.storage import accepted
from intranet.web import access, context
from intranet.web.downloads import disposition
from intranet.web.forms import answer, go, say
from intranet.web.workbooks import chosen_changes, diff_values

from . import bp
from .desk import Desk, load, new_op
from .uploads import shelf, store
from .workbook import marked_copy

access.allow(
    {
        f"school.{name}": access.SCHOOL
        for name in ("packet", "packet_kit", "packet_check", "packet_apply", "packet_errors")
    }
)
context.accept_large("school.packet_check")

ROOT = "/entries/<int:entry_id>/packet"


# --- the school's page ----------------------------------------------------------------------------


@bp.get(ROOT, endpoint="packet")
def packet_page(entry_id: int) -> Response:
    return _page(load(entry_id))


def _page(desk: Desk, *, status: int = 200, error: str = "") -> Response:
    return answer(
        "school/packet.html",
        status=status,
        **desk.page_values(),
        kits=kits_of(desk.filing.session, [desk.entry_id])[desk.entry_id],
        is_lead=desk.filing.right is Right.LEAD,
        why_not=desk.why_not(),
        most=context.ground().settings.packet_limit // 1024 // 1024,
        error=error,
    )


@bp.post(ROOT + "/kit", endpoint="packet_kit")
def download_kit(entry_id: int) -> Response:
    """Issue a kit and give it out; a POST, since each issue is an act that the log keeps."""
    desk = load(entry_id)
    try:
        return kit(desk)
    except DomainError as error:
        if isinstance(error, Forbidden):
            raise
        return _page(desk, status=error.status, error=error.message)


def kit(desk: Desk, *, void_older: bool = False) -> Response:
    """The kit of an entry as a download, in Chinese whoever issues it: the school reads it."""
    kits = packet.issue(desk.filing, void_older=void_older)
    with use_language(SOURCE):
        return _kit(desk, kits)


def _kit(desk: Desk, kits: Kits) -> Response:
    settings = context.ground().settings
    limits = packet.Limits(settings.upload_limit, settings.packet_limit, tuple(accepted.MEDIA_TYPES))
    data = packet.tool_data(desk, kits, settings.secret_key(), limits)
    page = render_template("packet/tool.html", data=data, kits=kits, bureau_name=settings.bureau_name)
    static = Path(current_app.static_folder or "")
    tool = packet_kit.one_page(
        page,
        style=(static / "packet.css").read_text("utf-8"),
        script=(static / "packet.js").read_text("utf-8"),
        data=data | {"words": packet_kit.words()},
    )
    at = context.local(context.current_time())
    name = desk.filing.entry.name
    content = packet_kit.write(
        tool=tool,
        workbook=written.write(offline.layout(desk), author=settings.bureau_name, made_at=at),
        workbook_name=_("%(unit)s 离线填报表", unit=name) + ".xlsx",
        made_at=at,
        unit=name,
    )
    response = make_response(content)
    response.headers["Content-Type"] = "application/zip"
    title = _("%(unit)s 离线填报包（第 %(n)s 次）", unit=name, n=kits.last)
    response.headers["Content-Disposition"] = disposition(f"{title}.zip")
    return response


# --- what came back -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """Where the pages of one audience lie: start, and what a form may be sent to."""

    start: str
    apply: str
    errors: str


@dataclass
class Read:
    """A packet as it was read. flaw: why its workbook cannot be; uploads: its files, if they were kept."""

    manifest: Manifest
    files: list[FilePlan]
    filled: Filled | None = None
    found: Plan | None = None
    flaw: str = ""
    uploads: Mapping[int, Upload] = field(default_factory=dict)


DeskFor = Callable[[Manifest], Desk]
"""The entry that a packet is for, with the right to take it in. :raises DomainError: none of the actor's."""


def read(token: str, desk_for: DeskFor, *, keep: bool = False) -> tuple[Desk, Read]:
    """Read and compare a waiting packet. With ``keep`` its files stay received: the caller discards them.

    :raises Invalid: it is no packet, changed, or not for this entry.
    """
    settings = context.ground().settings
    try:
        file = store().pieces(token)
    except FileNotFoundError:
        raise Invalid(_("核对过的封装包已清理，请重新上传。"), field="file") from None
    with file, opened(file) as sealed:
        desk = desk_for(sealed.manifest)
        packet.require_ours(desk, sealed.manifest, sealed.data, sealed.signature, settings.secret_key())
        asked = offline.layout(desk)
        context.db().rollback()  # the write lock is not held while the packet is read
        book, filled, flaw = sealed.workbook(limit=settings.upload_limit), None, ""
        if book is not None:
            try:
                filled = offline_reading.read(book, asked)
            except Invalid as error:
                flaw = error.message
        unpacked = sealed.unpack(store(), limit=settings.upload_limit, keep=keep)
    try:
        desk = desk_for(sealed.manifest)
        packet.require_ours(desk, sealed.manifest, sealed.data, sealed.signature, settings.secret_key())
        found = offline_plan.plan(desk, filled) if filled is not None else None
        files = packet_import.plan_files(desk.filing, sealed.manifest, unpacked.refused)
    except BaseException:
        if keep:
            evidence.discard(store(), unpacked.uploads.values())
        raise
    return desk, Read(sealed.manifest, files, filled, found, flaw, unpacked.uploads if keep else {})


def receive() -> str:
    """The uploaded packet, waiting in the store; its token. :raises Invalid: there is none, too large."""
    context.db().rollback()
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid(_("请先选择封装包（…….packet.zip）。"), field="file")
    store().sweep(older_than=(context.current_time() - uploads.KEPT).timestamp())
    received = store().receive(sent.stream)
    most = context.ground().settings.packet_limit
    if received.size > most:
        store().discard(received)
        text = _("封装包超过 %(most)s MB。请学校分两次封装，交两个包。", most=most // 1024 // 1024)
        raise Invalid(text, field="file")
    return received.path.name


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(context.ground().settings.secret_key(), salt="waiting packet")


def ticket(token: str, entry_id: int) -> str:
    """What the page carries of a waiting packet: only this person can use it, only for this entry."""
    signed: str | bytes = _serializer().dumps([token, context.actor().user_id, entry_id])
    return signed if isinstance(signed, str) else signed.decode()


def token_of(sent: str, entry_id: int) -> str:
    """:raises Invalid: not a ticket of this person for this entry."""
    try:
        token, user_id, entry = _serializer().loads(sent)
    except (BadSignature, ValueError, TypeError):
        token, user_id, entry = "", 0, 0
    if (user_id, entry) != (context.actor().user_id, entry_id):
        raise Invalid(_("核对的内容不完整，请重新上传封装包。"), field="file")
    return str(token)


def comparison(
    desk: Desk,
    way: Way,
    token: str,
    came: Read,
    *,
    status: int = 200,
    error: str = "",
    ticked: Collection[str] | None = None,
    places: Collection[str] | None = None,
) -> Response:
    """What a packet would change, to choose from. ticked, places: what was chosen; None: what is safe."""
    asked = offline.layout(desk)
    values: dict[str, Any] = diff_values(asked, came.found, ticked)
    return answer(
        "school/packet_check.html",
        status=status,
        **desk.page_values(),
        **values,
        came=came,
        way=way,
        places=places,
        ticket=ticket(token, desk.entry_id),
        error=error,
        new_places=sum(len(f.new) for f in came.files),
        op=new_op(),
    )


def take(entry_id: int, way: Way, desk_for: DeskFor, again: Callable[[str], Response]) -> Response:
    """Take over what was ticked. again: the start page with an error."""
    form = request.form
    before = packet_import.taken_before(context.db(), context.actor(), form.get("op", ""))
    if before is not None:
        return _taken(way, before)
    changes, targets = chosen_changes(form.getlist("take")), frozenset(form.getlist("place"))
    context.db().rollback()
    try:
        token = token_of(form.get("packet", ""), entry_id)
        desk, came = read(token, desk_for, keep=True)
    except Invalid as error:
        return again(error.message)
    try:
        taken = packet_import.take(
            desk,
            came.manifest,
            came.found,
            came.files,
            came.uploads,
            shelf(),
            changes=changes,
            targets=targets,
            op=form.get("op", ""),
        )
    except (Invalid, Conflict) as error:
        context.db().rollback()
        desk, came = read(token, desk_for)
        same = {c.key for c in came.found.changes if changes.get(c.key) == c.version} if came.found else set()
        return comparison(
            desk, way, token, came, status=error.status, error=error.message, ticked=same, places=targets
        )
    finally:
        evidence.discard(store(), came.uploads.values())
    if came.found is not None and came.found.left:
        say("info", _("还有 %(n)s 项没有列出，请把同一个封装包再上传一次。", n=came.found.left))
    response, kept = _taken(way, taken), store()
    response.call_on_close(lambda: kept.forget(token))  # after the commit
    return response


def _taken(way: Way, taken: Taken) -> Response:
    text = _("已采纳 %(n)s 项填报内容、%(files)s 处材料，已保存。", n=taken.changes, files=taken.places)
    say("done", text)
    return go(way.start)


def errors(entry_id: int, desk_for: DeskFor, again: Callable[[str], Response]) -> Response:
    """The workbook of a waiting packet with its wrong cells marked. Saves nothing."""
    context.db().rollback()
    try:
        desk, came = read(token_of(request.form.get("packet", ""), entry_id), desk_for)
        if came.filled is None or came.found is None:
            raise Invalid(came.flaw or _("封装包里没有填报表。"))
    except Invalid as error:
        return again(error.message)
    return marked_copy(desk, came.filled, came.found)


# --- the school's own packet ----------------------------------------------------------------------


def _way(entry_id: int) -> Way:
    return Way(
        *(
            url_for(f"school.{name}", entry_id=entry_id)
            for name in ("packet", "packet_apply", "packet_errors")
        )
    )


def _desk_for(entry_id: int) -> DeskFor:
    def desk_for(_manifest: Manifest) -> Desk:
        desk = load(entry_id)
        if desk.filing.right is not Right.LEAD:
            raise Forbidden(_("封装包由填报负责人或教育局导入。"))
        return desk

    return desk_for


@bp.post(ROOT + "/check")
def packet_check(entry_id: int) -> Response:
    """Read a packet and show what it would change; saves nothing."""
    load(entry_id)  # a stranger is refused before the bytes are looked at
    try:
        token = receive()
    except Invalid as error:
        return _page(load(entry_id), status=422, error=error.message)
    try:
        desk, came = read(token, _desk_for(entry_id))
    except DomainError as error:
        store().forget(token)
        if not isinstance(error, Invalid):
            raise
        return _page(load(entry_id), status=422, error=error.message)
    return comparison(desk, _way(entry_id), token, came)


@bp.post(ROOT + "/apply")
def packet_apply(entry_id: int) -> Response:
    load(entry_id)
    return take(
        entry_id,
        _way(entry_id),
        _desk_for(entry_id),
        lambda error: _page(load(entry_id), status=422, error=error),
    )


@bp.post(ROOT + "/errors.xlsx")
def packet_errors(entry_id: int) -> Response:
    load(entry_id)
    return errors(entry_id, _desk_for(entry_id), lambda error: _page(load(entry_id), status=422, error=error))
