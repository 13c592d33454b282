"""材料库: all files of a unit, and one file by itself (材料详情): words, places, versions, preview."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response, request, url_for

from intranet.documents.preview import READABLE
from intranet.domain import evidence, material, uploads
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Evidence, PendingUpload
from intranet.queries.filed import FiledEvidence, names_of
from intranet.queries.files import pending_of, used_by, versions_of
from intranet.storage import accepted
from intranet.web import access, context
from intranet.web.forms import answer, go, say, wants_fragment, whole

from . import bp, view
from .desk import Desk, load, new_op
from .placing import PlacingView, placing_view
from .uploads import received, shelf, store

access.allow(
    {
        "school.evidence": access.FILING_READERS,
        "school.add_file": access.SCHOOL,
        "school.place_files": access.SCHOOL,
        "school.file": access.FILING_READERS,
        "school.describe_file": access.SCHOOL,
        "school.replace_file": access.SCHOOL,
        "school.delete_file": access.SCHOOL,
        "school.cancel_upload": access.SCHOOL,
    }
)

ROOT = "/entries/<int:entry_id>/evidence"
ONE = ROOT + "/<int:evidence_id>"


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file in the list. places: (page code, words); form: it is being renamed or dated here."""

    file: view.FileView
    evidence: Evidence
    who: str
    places: list[tuple[str, str]]
    period: str
    may_change: bool
    form: FileForm | None = None


@dataclass(frozen=True, slots=True)
class FileForm:
    """Name (without its ending) and period as typed or stored. theirs: what somebody else stored."""

    name: str
    ending: str
    period_from: str
    period_until: str
    version: int
    op: str
    problems: dict[str, str]
    theirs: str = ""


# --- the list ------------------------------------------------------------------------------------


@bp.get(ROOT, endpoint="evidence")
def library(entry_id: int) -> Response:
    """All files of the unit by number; ``?edit=<id>`` opens one to be renamed or dated."""
    desk = load(entry_id)
    edit = whole(request.args.get("edit", ""))
    return _library(desk, edit=edit)


def _library(
    desk: Desk,
    *,
    edit: int | None = None,
    form: FileForm | None = None,
    error: str = "",
    status: int = 200,
    loose: PlacingView | None = None,
    placed: int = 0,
) -> Response:
    session = desk.filing.session
    people = names_of(session, [f.evidence.uploaded_by for f in desk.files])
    since = context.current_time() - uploads.KEPT
    mine = [
        (p, uploads.offset(store(), p) * 100 // p.size, _meant_for(desk, p))
        for p in pending_of(session, desk.entry_id, since=since)
        if p.user_id == desk.filing.actor.user_id
    ]
    template = "school/_library.html" if wants_fragment() else "school/evidence.html"
    return answer(
        template,
        status=status,
        **desk.page_values(),
        files=[_row(desk, f, people, edit, form) for f in desk.files],
        pending=mine,
        used=used_by(session, desk.entry_id),
        quota=context.ground().settings.quota_per_unit,
        may_help=desk.may_help(),
        placing=loose or placing_view(desk),
        placed=placed,
        why_not=desk.why_not(),
        allowed=accepted.allowed_text(),
        error=error,
    )


def _row(
    desk: Desk, found: FiledEvidence, people: dict[int, str], edit: int | None, form: FileForm | None
) -> FileRow:
    item = found.evidence
    shown = view.file_view(desk, item)
    may = desk.may_help() and shown.may_remove
    opened = (form or _form(item)) if may and edit == item.id else None
    who = people.get(item.uploaded_by, "")
    return FileRow(shown, item, who, _places(desk, found.refs), period(item), may, opened)


def period(item: Evidence) -> str:
    """The time that a document speaks of, in words; "" if nobody said."""
    first, last = item.period_from, item.period_until
    if first is not None and last is not None:
        return first.isoformat() if first == last else f"{first.isoformat()} — {last.isoformat()}"
    if first is not None:
        return _("%(day)s 起", day=first.isoformat())
    return _("至 %(day)s", day=last.isoformat()) if last is not None else ""


def _meant_for(desk: Desk, pending: PendingUpload) -> str:
    if pending.replaces is not None:
        old = next((f.evidence for f in desk.files if f.evidence.id == pending.replaces), None)
        return _("替换 %(n)s 号", n=old.number) if old else ""
    return next((words for _code, words in _places(desk, (pending.ref,))), _("材料库"))


def _places(desk: Desk, refs: tuple[str, ...]) -> list[tuple[str, str]]:
    """(page code, words) of each place where a file stands."""
    out = []
    for ref in refs:
        code = evidence.page_of(desk.filing, ref)
        if code is None or code not in desk.filing.pages:
            continue
        kind, _colon, what = ref.partition(":")
        if kind == "slot":
            clause, _hash, n = what.rpartition("#")
            words = next((s.label for s in desk.filed.form.slots(clause) if str(s.n) == n), what)
        elif kind == "row":
            row = desk.rows.get(int(what))
            words = desk.rubric.table[row.table].title if row else ""
        else:
            words = desk.rubric.by[what].name
        out.append((code, f"{desk.rubric.by[code].no or code} {words}"))
    return out


@bp.post(ROOT, endpoint="add_file")
def add_file(entry_id: int) -> Response:
    """Files for the list alone; where they belong is said later."""
    try:
        sent = received(lambda: evidence.require_place(load(entry_id).filing, "", ""))
        try:
            kept = evidence.add_files(load(entry_id).filing, "", "", sent, shelf())
        finally:
            evidence.discard(store(), sent)
    except Invalid as error:
        return _library(load(entry_id), error=error.message, status=422)
    say("done", _("已收下 %(n)s 份材料。请核对各放到哪里。", n=len(kept)))
    return go(url_for("school.evidence", entry_id=entry_id))


@bp.post(ROOT + "/place", endpoint="place_files")
def place_files(entry_id: int) -> Response:
    """Put files where the form says (``to:<id>`` = ref): all or none. What was chosen stays on refusal."""
    desk = load(entry_id)
    sent = {whole(name[3:]): ref for name, ref in request.form.items() if name.startswith("to:")}
    chosen = {i: ref for i, ref in sent.items() if i is not None}
    try:
        n = evidence.place(
            desk.filing, {i: ref for i, ref in chosen.items() if ref}, op=request.form.get("op", "")
        )
    except Invalid as error:
        loose = placing_view(desk, chosen, error.problems, error.message)
        return _library(desk, loose=loose, status=422)
    if wants_fragment():
        return _library(desk.again(), placed=n)
    say("done", _("已放好 %(n)s 份材料。", n=n))
    return go(url_for("school.evidence", entry_id=entry_id))


@bp.post("/entries/<int:entry_id>/pending/<int:pending_id>/cancel")
def cancel_upload(entry_id: int, pending_id: int) -> Response:
    """Give up an upload that broke off."""
    desk = load(entry_id)
    since = context.current_time() - uploads.KEPT
    for pending in pending_of(desk.filing.session, entry_id, since=since):
        if pending.id == pending_id and pending.user_id == desk.filing.actor.user_id:
            uploads.drop(desk.filing.session, pending)
            store().forget(pending.token)
            return go(url_for("school.evidence", entry_id=entry_id))
    raise NotFound(_("这次上传已取消、已传完或已过期。"))


# --- one file ------------------------------------------------------------------------------------


def _found(desk: Desk, evidence_id: int) -> FiledEvidence:
    for found in desk.files:
        if found.evidence.id == evidence_id:
            return found
    raise _no_file()


def _no_file() -> NotFound:
    return NotFound(_("没有这份材料，或您无权查看。"))


def _form(item: Evidence, typed: dict[str, str] | None = None, **more: Any) -> FileForm:
    stem, _dot, suffix = item.name.rpartition(".")
    values = {
        "name": stem or item.name,
        material.FROM: _day(item.period_from),
        material.UNTIL: _day(item.period_until),
        **(typed or {}),
    }
    return FileForm(
        name=values["name"],
        ending=f".{suffix}" if stem else "",
        period_from=values[material.FROM],
        period_until=values[material.UNTIL],
        version=item.version,
        op=new_op(),
        problems=more.get("problems", {}),
        theirs=more.get("theirs", ""),
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


@bp.get(ONE, endpoint="file")
def file(entry_id: int, evidence_id: int) -> Response:
    """One file: what it is called, what time it speaks of, where it is used, what it was before."""
    try:
        desk = load(entry_id)
    except NotFound:  # a foreign unit's file reads like one that was never there
        raise _no_file() from None
    return _file_page(desk, evidence_id)


def _file_page(
    desk: Desk, evidence_id: int, *, form: FileForm | None = None, error: str = "", status: int = 200
) -> Response:
    found = _found(desk, evidence_id)
    item = found.evidence
    versions = versions_of(desk.filing.session, evidence_id)
    people = names_of(desk.filing.session, [item.uploaded_by, *(v.uploaded_by for v in versions)])
    kind = accepted.ending(item.name)
    why = _why_fixed(desk, evidence_id)
    return answer(
        "school/file.html",
        status=status,
        **desk.page_values(),
        f=view.file_view(desk, item),
        e=item,
        kind=kind,
        is_readable=kind in READABLE,
        period=period(item),
        places=_places(desk, found.refs),
        versions=versions,
        people=people,
        form=form or _form(item),
        may_change=not why,
        why_fixed=why,
        error=error,
    )


def _why_fixed(desk: Desk, evidence_id: int) -> str:
    """Why this person may not change the file now; "" if it may be changed."""
    try:
        evidence.changeable(desk.filing, evidence_id)
    except DomainError as error:
        return error.message
    return ""


@bp.post(ONE, endpoint="describe_file")
def describe_file(entry_id: int, evidence_id: int) -> Response:
    """Rename and date; from the list (``in=list``) or from the file's own page."""
    desk = load(entry_id)
    item = _found(desk, evidence_id).evidence
    typed = {key: request.form.get(key, "") for key in ("name", material.FROM, material.UNTIL)}
    in_list = request.form.get("in") == "list"
    form, status = None, 200
    try:
        material.describe(
            desk.filing,
            evidence_id,
            **typed,
            version=whole(request.form.get("version", "")) or 0,
            op=request.form.get("op", ""),
        )
    except Invalid as error:
        form, status = _form(item, typed, problems=error.problems), 422
    except Conflict:
        theirs = _("%(name)s，%(period)s", name=item.name, period=period(item) or _("没填时间"))
        form, status = _form(item, typed, theirs=theirs), 409
    if in_list and (form or wants_fragment()):
        return _library(desk.again(), edit=evidence_id if form else None, form=form, status=status)
    if form:
        return _file_page(desk, evidence_id, form=form, status=status)
    say("done", _("已保存。"))
    where = url_for("school.evidence", entry_id=entry_id)
    return go(where if in_list else url_for("school.file", entry_id=entry_id, evidence_id=evidence_id))


@bp.post(ONE + "/replace", endpoint="replace_file")
def replace_file(entry_id: int, evidence_id: int) -> Response:
    """New content by a plain form; the page's own upload goes through tus.py."""
    try:
        sent = received(lambda: evidence.changeable(load(entry_id).filing, evidence_id))
        try:
            if len(sent) > 1:
                raise Invalid(_("替换时只选一个文件。"))
            item = material.replace(load(entry_id).filing, evidence_id, sent[0], shelf())
        finally:
            evidence.discard(store(), sent)
    except Invalid as error:
        return _file_page(load(entry_id), evidence_id, error=error.message, status=422)
    say("done", _("%(n)s 号材料已换成新文件，原来的留在“版本”里。", n=item.number))
    return go(url_for("school.file", entry_id=entry_id, evidence_id=evidence_id))


@bp.post(ONE + "/delete", endpoint="delete_file")
def delete_file(entry_id: int, evidence_id: int) -> Response:
    desk = load(entry_id)
    gone = evidence.delete(desk.filing, evidence_id)
    say("done", _("已删除材料 %(n)s“%(name)s”。", n=gone.number, name=gone.name))
    return go(url_for("school.evidence", entry_id=entry_id))
