"""The receipt (提交回执) of a submission: what was handed in, to print and seal, and the sealed scan.

It shows what was kept at that moment, never what stands in the database today; whether the two
still agree is asked with one click.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, request, send_file, url_for

from intranet.documents import receipt_list
from intranet.domain import changes, evidence, snapshot, submission
from intranet.domain.filing import Right
from intranet.errors import Invalid, NotFound
from intranet.i18n import _
from intranet.models import Submission
from intranet.queries.filed import names_of
from intranet.queries.submissions import submission_of, submissions_of
from intranet.storage import accepted
from intranet.storage.local import LocalStore
from intranet.web import access, context
from intranet.web.downloads import disposition, xlsx
from intranet.web.forms import answer, go, say, whole

from . import bp, overview
from .desk import Desk, load

access.allow(
    {
        "school.receipt": access.FILING_READERS,
        "school.receipt_xlsx": access.FILING_READERS,
        "school.scan": access.FILING_READERS,
        "school.upload_scan": access.SCHOOL,
    }
)

ROOT = "/entries/<int:entry_id>/receipt"
SCANS = frozenset({"application/pdf", "image/jpeg", "image/png"})


@bp.get(ROOT)
def receipt(entry_id: int) -> Response:
    """``?round=`` shows an earlier one; ``?check=1`` or ``?code=`` compares it with today's content."""
    return _page(load(entry_id))


def _page(desk: Desk, *, status: int = 200, error: str = "") -> Response:
    session, entry = desk.filing.session, desk.filing.entry
    every = submissions_of(session, desk.entry_id)
    if not every:
        return overview.go_to(entry)
    kept = _asked(desk, every)
    code, wanted = request.args.get("code", "").strip(), bool(request.args.get("check"))
    code_known = None
    if code:
        found = next((s for s in every if snapshot.is_code_of(code, s)), None)
        code_known = found is not None
        kept, wanted = found or kept, found is not None
    now = snapshot.content_of(desk.filing, desk.filed, desk.files)
    return answer(
        "school/receipt.html",
        status=status,
        **desk.page_values(),
        kept=kept,
        every=every,
        code=snapshot.check_code(kept.sha256),
        typed_code=code,
        code_known=code_known,
        agrees=snapshot.hash_of(kept.content) == kept.sha256 == snapshot.hash_of(now) if wanted else None,
        difference=_difference(desk, kept, now) if wanted else None,
        names=names_of(session, [i for i in (kept.scan_by,) if i]),
        may_scan=desk.filing.right is Right.LEAD and desk.filing.cycle.state in submission.SCANNING,
        error=error,
    )


def _asked(desk: Desk, every: Sequence[Submission]) -> Submission:
    text = request.args.get("round", "")
    if not text:
        return every[-1]
    kept = submission_of(desk.filing.session, desk.entry_id, whole(text) or 0)
    if kept is None:
        raise NotFound(_("没有这一次提交。"))
    return kept


def _difference(desk: Desk, kept: Submission, now: snapshot.Content) -> tuple[str, changes.Change] | None:
    pages = list(desk.filing.every_page.values())
    found = changes.compare(desk.rubric, pages, desk.filing.schools, kept.content, now)
    return changes.first_difference(found)


@bp.get(ROOT + "/<int:round_>.xlsx")
def receipt_xlsx(entry_id: int, round_: int) -> Response:
    """The evidence of one submission with whole hashes."""
    desk = load(entry_id)
    kept = _kept(desk, round_)
    data = receipt_list.write(
        kept.content,
        unit=desk.filing.entry.name,
        cycle=desk.filing.cycle.title,
        code=snapshot.check_code(kept.sha256),
        author=context.ground().settings.bureau_name,
        made_at=kept.submitted_at,
    )
    return xlsx(data, _("%(unit)s 佐证材料清单（第 %(n)s 次提交）", unit=desk.filing.entry.name, n=round_))


def _kept(desk: Desk, round_: int) -> Submission:
    kept = submission_of(desk.filing.session, desk.entry_id, round_)
    if kept is None:
        raise NotFound(_("没有这一次提交。"))
    return kept


# --- the sealed scan -----------------------------------------------------------------------------


def _store() -> LocalStore:
    return LocalStore(context.ground().settings.evidence_folder)


@bp.get(ROOT + "/<int:round_>/scan")
def scan(entry_id: int, round_: int) -> Response:
    kept = _kept(load(entry_id), round_)
    if not kept.scan_sha256 or kept.scan_media_type not in accepted.INLINE:
        raise NotFound(_("还没有上传盖章回执。"))
    try:
        path = _store().path(kept.scan_sha256)
    except FileNotFoundError:
        raise NotFound(_("回执的文件不在服务器上，请联系管理员从备份恢复。")) from None
    response = send_file(path, mimetype="application/octet-stream", conditional=True, max_age=0)
    response.headers["Content-Disposition"] = disposition(kept.scan_name)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.post(ROOT + "/<int:round_>/scan")
def upload_scan(entry_id: int, round_: int) -> Response:
    settings = context.ground().settings
    desk = load(entry_id)
    _kept(desk, round_)
    context.db().rollback()  # the write lock is not held while the file is read and looked at
    sent = [(f.filename or "", f.stream) for f in request.files.getlist("file") if f.filename]
    try:
        uploads = evidence.receive(_store(), sent[:1], limit=settings.upload_limit)
    except Invalid as error:
        return _page(load(entry_id), status=422, error=error.message)
    try:
        scan = uploads[0]
        if scan.media_type not in SCANS:
            return _page(load(entry_id), status=422, error=_("请上传盖章回执的扫描件：PDF、JPG 或 PNG。"))
        desk = load(entry_id)
        submission.keep_scan(
            desk.filing, _kept(desk, round_), scan.received.sha256, scan.name, scan.media_type
        )
        _store().keep(scan.received)
    finally:
        evidence.discard(_store(), uploads)
    say("done", _("盖章回执已上传。"))
    return go(url_for("school.receipt", entry_id=entry_id))
