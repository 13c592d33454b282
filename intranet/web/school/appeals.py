"""申请复核: from a line of the published ledger, with evidence; the state and the decision; taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import Response, request, send_file, url_for

from intranet.domain import appeals as work
from intranet.domain import evidence
from intranet.domain.scoring import scoring_for
from intranet.errors import DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Appeal, Cycle, Entry, Result
from intranet.queries import appeals as stored
from intranet.queries import entries, filed
from intranet.queries.results import PUBLIC
from intranet.rubric.ledger import Score, result_from_json
from intranet.rubric.model import Clause, Rubric
from intranet.storage import accepted
from intranet.storage.local import LocalStore
from intranet.web import access, context
from intranet.web.appeal_view import corrected, lines_of, state_name
from intranet.web.downloads import disposition
from intranet.web.files import SANDBOX
from intranet.web.forms import answer, go, say, whole
from intranet.web.shell import cycle_bar

from . import bp
from .desk import new_op
from .uploads import shelf, store

access.allow(
    {
        "school.appeal_new": access.SCHOOL,
        "school.appeal_post": access.SCHOOL,
        "school.appeal": access.FILING_READERS,
        "school.appeal_withdraw": access.SCHOOL,
        "school.appeal_file": access.FILING_READERS,
    }
)

ROOT = "/entries/<int:entry_id>/appeals"


@dataclass(frozen=True)
class Published:
    """What an appeal can be about: the unit's stored result, while it is public."""

    entry: Entry
    cycle: Cycle
    held: Result
    rubric: Rubric
    clause: Clause
    score: Score


@dataclass
class Typed:
    """The form as it was filled in. line: number of the chosen ledger line."""

    line: str = ""
    wanted: str = ""
    reason: str = ""
    op: str = ""
    problems: dict[str, str] = field(default_factory=dict)


def _published(entry_id: int, code: str) -> Published:
    """:raises NotFound: no such entry, clause or public result for this person, or it is not the lead's."""
    session, actor = context.db(), context.actor()
    entry = entries.entry_for(session, actor, entry_id)
    if not stored.may_read_appeals(session, actor, entry_id):
        raise NotFound(_("没有这一页，或没有分给您。"))
    cycle = entries.cycle_of(session, entry)
    found = filed.result_of(session, entry)
    if found is None or cycle.state not in PUBLIC:
        raise NotFound(_("结果还没有公示。"))
    held, own = found
    rubric = scoring_for(cycle, context.ground().registry).rubric
    sheet = result_from_json(own.document).sheet
    if code not in rubric.by or code not in sheet:
        raise NotFound(_("没有这项指标。"))
    return Published(entry, cycle, held, rubric, rubric.by[code], sheet[code])


def _form(about: Published, typed: Typed, *, status: int = 200, error: DomainError | None = None) -> Response:
    return answer(
        "school/appeal_new.html",
        status=status,
        entry=about.entry,
        cycle=about.cycle,
        cycle_bar=cycle_bar(about.cycle, about.entry),
        clause=about.clause,
        score=about.score,
        lines=lines_of(about.rubric, about.clause, about.score),
        closed=work.why_closed(about.cycle, context.current_time()),
        may_file=stored.leads(context.db(), context.actor(), about.entry.id or 0),
        typed=typed,
        error=error,
        allowed=accepted.allowed_text(),
        limit=context.ground().settings.upload_limit // evidence.MEGABYTE,
        most_files=work.MOST_FILES,
    )


@bp.get(ROOT + "/new")
def appeal_new(entry_id: int) -> Response:
    about = _published(entry_id, request.args.get("code", ""))
    return _form(about, Typed(line=request.args.get("line", "0"), op=new_op()))


@bp.post(ROOT + "/new")
def appeal_post(entry_id: int) -> Response:
    """File the appeal. The bytes of its files are taken in before anything is written."""
    code, form = request.form.get("code", ""), request.form
    about = _published(entry_id, code)
    op = form.get("op", "")
    typed = Typed(form.get("line", ""), form.get("wanted", ""), form.get("reason", ""), op or new_op())
    uploads: list[evidence.Upload] = []
    try:
        context.db().rollback()  # the write lock is not held for bytes
        sent = [(f.filename or "", f.stream) for f in request.files.getlist("files") if f.filename]
        if sent:
            uploads = evidence.receive(store(), sent, limit=context.ground().settings.upload_limit)
        about = _published(entry_id, code)
        appeal = work.file_appeal(
            context.db(),
            context.actor(),
            about.cycle,
            about.entry,
            about.held,
            about.clause,
            about.score,
            _claim(about, typed),
            uploads,
            shelf(),
            at=context.current_time(),
            op=op,
        )
    except Invalid as error:
        context.db().rollback()
        typed.problems = dict(error.problems)
        return _form(_published(entry_id, code), typed, status=error.status, error=error)
    except DomainError as error:
        context.db().rollback()
        return _form(_published(entry_id, code), typed, status=error.status, error=error)
    finally:
        evidence.discard(store(), uploads)
    say("done", _("复核申请已提交。办理进展和结论都显示在这里。"))
    return go(url_for("school.appeal", entry_id=entry_id, appeal_id=appeal.id))


def _claim(about: Published, typed: Typed) -> work.Claim:
    lines = lines_of(about.rubric, about.clause, about.score)
    n = whole(typed.line)
    line = lines[n] if n is not None and n < len(lines) else ""
    return work.Claim(about.clause.code, line, typed.wanted, typed.reason)


def _load(entry_id: int, appeal_id: int) -> tuple[Entry, Cycle, Appeal]:
    session, actor = context.db(), context.actor()
    appeal = stored.own_appeal_for(session, actor, entry_id, appeal_id)
    entry = entries.entry_for(session, actor, entry_id)
    return entry, entries.cycle_of(session, entry), appeal


@bp.get(ROOT + "/<int:appeal_id>")
def appeal(entry_id: int, appeal_id: int) -> Response:
    return _page(*_load(entry_id, appeal_id))


def _page(
    entry: Entry, cycle: Cycle, appeal: Appeal, *, status: int = 200, error: DomainError | None = None
) -> Response:
    session = context.db()
    rubric = scoring_for(cycle, context.ground().registry).rubric
    return answer(
        "school/appeal.html",
        status=status,
        entry=entry,
        cycle=cycle,
        cycle_bar=cycle_bar(cycle, entry),
        appeal=appeal,
        clause=rubric.by.get(appeal.code),
        files=stored.files_of(session, [appeal.id or 0]).get(appeal.id or 0, []),
        state_name=state_name(appeal),
        is_open=appeal.state in stored.OPEN,
        corrections=corrected(rubric, entry, appeal),
        taken_back=stored.taken_back(session, appeal),
        may_withdraw=appeal.state in stored.OPEN and stored.leads(session, context.actor(), entry.id or 0),
        names=filed.names_of(session, [appeal.filed_by]),
        error=error,
    )


@bp.post(ROOT + "/<int:appeal_id>/withdraw")
def appeal_withdraw(entry_id: int, appeal_id: int) -> Response:
    entry, cycle, appeal = _load(entry_id, appeal_id)
    version = whole(request.form.get("version", ""))
    try:
        work.withdraw(
            context.db(), context.actor(), cycle, entry, appeal, version=-1 if version is None else version
        )
    except DomainError as error:
        context.db().rollback()
        return _page(*_load(entry_id, appeal_id), status=error.status, error=error)
    say("done", _("复核申请已撤回。"))
    return go(url_for("school.appeal", entry_id=entry_id, appeal_id=appeal_id))


@bp.get("/appeals/<int:appeal_id>/files/<int:file_id>")
def appeal_file(appeal_id: int, file_id: int) -> Response:
    """A file that came with an appeal, always as a download."""
    file = stored.file_for(context.db(), context.actor(), appeal_id, file_id)
    try:
        path = LocalStore(context.ground().settings.evidence_folder).path(file.sha256)
    except FileNotFoundError:
        raise NotFound(_("这份材料的文件不在服务器上，请联系管理员从备份恢复。")) from None
    response = send_file(
        path, mimetype="application/octet-stream", conditional=True, etag=file.sha256, max_age=0
    )
    response.headers["Content-Disposition"] = disposition(file.name)
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@dataclass(frozen=True)
class Listed:
    """An appeal on the unit's result page."""

    appeal: Appeal
    state: str
    clause: str
    is_open: bool


def listed(entry: Entry, rubric: Rubric) -> list[Listed]:
    """The unit's appeals for its result page; nothing for those who do not meet them."""
    session = context.db()
    if not stored.may_read_appeals(session, context.actor(), entry.id or 0):
        return []
    found: Sequence[stored.Filed] = stored.appeals_of_entry(session, entry.id or 0)
    names = {c.code: c.name for c in rubric.clauses}
    return [
        Listed(f.appeal, state_name(f.appeal), names.get(f.appeal.code, f.appeal.code), f.is_open)
        for f in found
    ]


def may_appeal(entry: Entry, cycle: Cycle) -> bool:
    """Whether the links 申请复核 stand beside the lines."""
    if work.why_closed(cycle, context.current_time()):
        return False
    return stored.leads(context.db(), context.actor(), entry.id or 0)
