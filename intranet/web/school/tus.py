"""Uploads that survive a broken line: the tus 1.0 protocol (core, creation, termination, expiration).

https://tus.io/protocols/resumable-upload. The page sends pieces of ``PIECE`` bytes: waitress hands a
request on only when its body is whole, so that is the most that a break can cost. No session
is open while a piece is written or a whole file is looked at: the write lock is never held for bytes.

Errors are one sentence of plain text, which the page puts beside the file's bar.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import wraps
from wsgiref.handlers import format_date_time

from flask import Response, request, url_for

from intranet.domain import evidence, uploads
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import PendingUpload
from intranet.queries.entries import entry_for
from intranet.queries.files import pending_for
from intranet.web import access, context
from intranet.web.forms import whole

from . import bp
from .desk import load
from .uploads import shelf, store

access.allow(
    {
        "school.tus_options": access.SCHOOL,
        "school.tus_create": access.SCHOOL,
        "school.tus_offset": access.SCHOOL,
        "school.tus_append": access.SCHOOL,
        "school.tus_cancel": access.SCHOOL,
    }
)

VERSION = "1.0.0"
PIECE = 4 * 1024 * 1024
PIECE_TYPE = "application/offset+octet-stream"
bp.add_app_template_global(lambda: PIECE, "upload_piece")
METADATA = 4096
"""Characters of the header in which a file says its name and its place."""

ROOT = "/entries/<int:entry_id>/uploads"
ONE = ROOT + "/<token>"


def _tus(view: Callable[..., Response]) -> Callable[..., Response]:
    """First whether the entry is there for the actor; the protocol's own header on each answer; errors in words."""

    @wraps(view)
    def wrapped(entry_id: int, **kwargs: object) -> Response:
        try:
            entry_for(context.db(), context.actor(), entry_id)
            if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
                response = _said(412, _("浏览器里的页面太旧，请刷新后再传。"))
                response.headers["Tus-Version"] = VERSION
            else:
                response = view(entry_id, **kwargs)
        except DomainError as error:
            # 409 is the protocol's word for a wrong offset, which the client mends by itself.
            response = _said(403 if error.status == 409 else error.status, error.message)
        response.headers["Tus-Resumable"] = VERSION
        return response

    return wrapped


def _said(status: int, text: str) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")


def _done(status: int = 204, **headers: str) -> Response:
    response = Response(status=status)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


@bp.route(ROOT, methods=["OPTIONS"], endpoint="tus_options")
@_tus
def options(entry_id: int) -> Response:
    return _done(
        Tus_Version=VERSION,
        Tus_Extension="creation,termination,expiration",
        Tus_Max_Size=str(context.ground().settings.upload_limit),
    )


@bp.post(ROOT, endpoint="tus_create")
@_tus
def create(entry_id: int) -> Response:
    """Begin a file: Upload-Length, and in Upload-Metadata filename, code and ref, or replaces."""
    desk = load(entry_id)
    uploads.sweep(context.db(), store(), context.current_time())
    size = whole(request.headers.get("Upload-Length", ""))
    about = _metadata(request.headers.get("Upload-Metadata", ""))
    if size is None or about is None:
        return _said(400, _("请求不完整，请刷新页面后再传。"))
    wanted = uploads.Wanted(
        name=about.get("filename", ""),
        size=size,
        code=about.get("code", ""),
        ref=about.get("ref", ""),
        replaces=whole(about["replaces"]) if about.get("replaces") else None,
    )
    pending = uploads.begin(desk.filing, wanted, shelf(), limit=context.ground().settings.upload_limit)
    where = url_for("school.tus_offset", entry_id=entry_id, token=pending.token)
    return _done(201, Location=where, Upload_Expires=_expires(pending))


@bp.route(ONE, methods=["HEAD"], endpoint="tus_offset")
@_tus
def offset(entry_id: int, token: str) -> Response:
    """How far it has come."""
    pending = _mine(entry_id, token)
    return _done(
        200,
        Upload_Offset=str(uploads.offset(store(), pending)),
        Upload_Length=str(pending.size),
        Upload_Expires=_expires(pending),
        Cache_Control="no-store",
    )


@bp.patch(ONE, endpoint="tus_append")
@_tus
def append(entry_id: int, token: str) -> Response:
    """The next piece; the last one is answered once the file is checked and kept."""
    pending, at = _mine(entry_id, token), whole(request.headers.get("Upload-Offset", ""))
    if request.mimetype != PIECE_TYPE:
        return _said(415, _("请求不完整，请刷新页面后再传。"))
    if at is None:
        return _said(400, _("请求不完整，请刷新页面后再传。"))
    most = pending.size - at
    if at != uploads.offset(store(), pending):
        return _said(409, _("与已传的部分接不上，请重试。"))
    if (request.content_length or 0) > most:
        return _said(413, _("传来的内容比文件长。文件可能刚被改动，请保存、关闭后重新选择。"))
    request.max_content_length = most
    context.db().expunge(pending)
    context.db().rollback()
    try:
        arrived = store().append(token, at, request.stream, most)
    except ValueError:  # swept in this very moment
        return _said(409, _("与已传的部分接不上，请重试。"))
    if arrived >= pending.size:
        _keep(pending)
    return _done(Upload_Offset=str(arrived), Upload_Expires=_expires(pending))


def _keep(arrived: PendingUpload) -> None:
    """Check the whole file and put it where it was meant for.

    What was checked and hashed is a copy: nobody who still sends pieces can change it under the hash.

    :raises Invalid: not acceptable, then it is forgotten. Whatever else is raised can be tried again.
    """
    try:
        with store().pieces(arrived.token) as file:
            limit = context.ground().settings.upload_limit
            (upload,) = evidence.receive(store(), [(arrived.name, file)], limit=limit)
    except FileNotFoundError:
        _mine(arrived.entry_id, arrived.token)  # kept or cancelled by another request
        raise
    except Invalid:
        uploads.drop(context.db(), _mine(arrived.entry_id, arrived.token))
        context.db().commit()  # the answer is an error, which alone would undo this
        store().forget(arrived.token)
        raise
    try:
        desk = load(arrived.entry_id)
        uploads.keep(desk.filing, _mine(arrived.entry_id, arrived.token), upload, shelf())
    finally:
        evidence.discard(store(), [upload])
    context.db().commit()  # before the pieces go: they are all there is until then
    store().forget(arrived.token)


@bp.delete(ONE, endpoint="tus_cancel")
@_tus
def cancel(entry_id: int, token: str) -> Response:
    """Not wanted any more."""
    uploads.drop(context.db(), _mine(entry_id, token))
    store().forget(token)
    return _done()


def _mine(entry_id: int, token: str) -> PendingUpload:
    """:raises NotFound: no such upload of this person in an entry that the person may see."""
    session, actor = context.db(), context.actor()
    entry_for(session, actor, entry_id)
    return pending_for(session, actor, entry_id, token, since=context.current_time() - uploads.KEPT)


def _expires(pending: PendingUpload) -> str:
    return format_date_time((pending.created_at + uploads.KEPT).timestamp())


def _metadata(header: str) -> dict[str, str] | None:
    """``key base64,key base64`` as texts; None if it is not that."""
    out: dict[str, str] = {}
    if len(header) > METADATA:
        return None
    for pair in filter(None, (p.strip() for p in header.split(","))):
        key, _space, value = pair.partition(" ")
        try:
            out[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
    return out
