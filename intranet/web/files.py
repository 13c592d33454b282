"""Evidence files: download and preview, for those who may see the entry."""

from __future__ import annotations

from flask import Blueprint, Response, send_file

from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Evidence
from intranet.queries.filed import evidence_for
from intranet.storage import accepted
from intranet.storage.local import LocalStore

from . import access, context
from .downloads import disposition

bp = Blueprint("files", __name__)

access.allow({"files.download": access.FILING_READERS, "files.preview": access.FILING_READERS})

SANDBOX = "sandbox; default-src 'none'"
PDF_VIEWER = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""The browser's own PDF viewer is a plug-in, which ``sandbox`` would switch off."""


@bp.get("/files/<int:evidence_id>")
def download(evidence_id: int) -> Response:
    evidence = evidence_for(context.db(), context.actor(), evidence_id)
    return _send(evidence, media_type="application/octet-stream", policy=SANDBOX)


@bp.get("/files/<int:evidence_id>/preview")
def preview(evidence_id: int) -> Response:
    """Pictures and PDF in the page; anything else is downloaded."""
    evidence = evidence_for(context.db(), context.actor(), evidence_id)
    if evidence.media_type not in accepted.INLINE:
        return _send(evidence, media_type="application/octet-stream", policy=SANDBOX)
    policy = PDF_VIEWER if evidence.media_type == "application/pdf" else SANDBOX
    return _send(evidence, media_type=evidence.media_type, policy=policy, inline=True)


def _send(evidence: Evidence, *, media_type: str, policy: str, inline: bool = False) -> Response:
    """The bytes under a type that we choose, never one that a browser guesses."""
    store = LocalStore(context.ground().settings.evidence_folder)
    try:
        path = store.path(evidence.sha256)
    except FileNotFoundError:
        raise NotFound(_("这份材料的文件不在服务器上，请联系管理员从备份恢复。")) from None
    response = send_file(path, mimetype=media_type, conditional=True, etag=evidence.sha256, max_age=0)
    response.headers["Content-Disposition"] = disposition(evidence.name, inline=inline)
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response
