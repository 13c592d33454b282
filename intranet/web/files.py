"""Evidence files: download and preview, for those who may see the entry."""

from __future__ import annotations

import threading
from pathlib import Path

from flask import Blueprint, Response, request, send_file

from intranet import jobs
from intranet.documents.preview import LINES, READABLE
from intranet.documents.preview import preview as read
from intranet.errors import Invalid, NotFound
from intranet.i18n import _
from intranet.models import Evidence, EvidenceVersion
from intranet.queries.filed import evidence_for
from intranet.queries.files import version_for
from intranet.storage import accepted
from intranet.storage.local import LocalStore
from intranet.volume import pictures
from intranet.volume.notshown import NotShown

from . import access, context
from .downloads import disposition
from .forms import answer, wants_fragment

bp = Blueprint("files", __name__)

access.allow(
    {
        "files.download": access.FILING_READERS,
        "files.version": access.FILING_READERS,
        "files.preview": access.FILING_READERS,
        "files.content": access.FILING_READERS,
    }
)

SANDBOX = "sandbox; default-src 'none'"
_one_at_a_time = threading.Lock()
PDF_VIEWER = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""The browser's own PDF viewer is a plug-in, which ``sandbox`` would switch off."""


@bp.get("/files/<int:evidence_id>")
def download(evidence_id: int) -> Response:
    evidence = evidence_for(context.db(), context.actor(), evidence_id)
    return _send(evidence, media_type="application/octet-stream", policy=SANDBOX)


@bp.get("/files/<int:evidence_id>/versions/<int:n>")
def version(evidence_id: int, n: int) -> Response:
    """What the file was before it was replaced."""
    earlier = version_for(context.db(), context.actor(), evidence_id, n)
    return _send(earlier, media_type="application/octet-stream", policy=SANDBOX)


@bp.get("/files/<int:evidence_id>/preview")
def preview(evidence_id: int) -> Response:
    """Pictures and PDF in the page; anything else is downloaded."""
    evidence = evidence_for(context.db(), context.actor(), evidence_id)
    if evidence.media_type not in accepted.INLINE:
        return _send(evidence, media_type="application/octet-stream", policy=SANDBOX)
    if evidence.media_type == accepted.HEIC:
        return _heic(evidence)
    policy = PDF_VIEWER if evidence.media_type == "application/pdf" else SANDBOX
    return _send(evidence, media_type=evidence.media_type, policy=policy, inline=True)


def _heic(evidence: Evidence) -> Response:
    """A JPEG of a photograph that browsers cannot show, made at the first look; one at a time."""
    source, digest = _path(evidence), evidence.sha256
    context.db().expunge(evidence)
    context.db().rollback()  # making it takes a second or two; no read is held open meanwhile
    try:
        with _one_at_a_time:
            made = pictures.preview(source, jobs.cache_folder(context.ground().settings) / f"{digest}.jpg")
    except NotShown as error:
        raise NotFound(str(error)) from None
    response = send_file(made, mimetype="image/jpeg", conditional=True, etag=digest, max_age=0)
    return _guard(response, evidence.name.rpartition(".")[0] + ".jpg", policy=SANDBOX, inline=True)


@bp.get("/files/<int:evidence_id>/content")
def content(evidence_id: int) -> Response:
    """The words and cells of a document, escaped in a page of our own; ``bare`` for a frame, as a fragment
    those alone."""
    evidence = evidence_for(context.db(), context.actor(), evidence_id)
    kind, shown, problem = accepted.ending(evidence.name), None, ""
    if kind not in READABLE:
        raise NotFound(_("这种文件不能在页面里预览，请下载后打开。"))
    path = _path(evidence)
    context.db().expunge(evidence)
    context.db().rollback()  # reading takes a while; no read is held open meanwhile
    try:
        shown = read(path, kind)
    except Invalid as error:
        problem = error.message
    page = "files/bare.html" if request.args.get("bare") else "files/content.html"
    template = "files/_content.html" if wants_fragment() else page
    return answer(template, evidence=evidence, shown=shown, problem=problem, kind=kind, lines=LINES)


def _path(file: Evidence | EvidenceVersion) -> Path:
    """:raises NotFound: the bytes are gone, which a backup mends."""
    try:
        return LocalStore(context.ground().settings.evidence_folder).path(file.sha256)
    except FileNotFoundError:
        raise NotFound(_("这份材料的文件不在服务器上，请联系管理员从备份恢复。")) from None


def _send(
    file: Evidence | EvidenceVersion, *, media_type: str, policy: str, inline: bool = False
) -> Response:
    """The bytes under a type that we choose, never one that a browser guesses."""
    response = send_file(_path(file), mimetype=media_type, conditional=True, etag=file.sha256, max_age=0)
    return _guard(response, file.name, policy=policy, inline=inline)


def _guard(response: Response, name: str, *, policy: str, inline: bool) -> Response:
    response.headers["Content-Disposition"] = disposition(name, inline=inline)
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response
