"""归档: what will go into the archive, making it, taking it away; afterwards the cycle can only be read."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app, request, send_file, url_for
from sqlmodel import Session

from intranet.documents import notice, official_form
from intranet.documents import ranking as workbook
from intranet.domain import archiving as work
from intranet.domain import calendar as days
from intranet.domain import publication as publishing
from intranet.domain.archiving import Collected
from intranet.domain.operations import outcome_of
from intranet.domain.scoring import scoring_for
from intranet.domain.snapshot import check_code
from intranet.enums import CycleState
from intranet.errors import DomainError, NotFound
from intranet.i18n import _
from intranet.models import Archive, Cycle, Publication
from intranet.queries import archives as stored
from intranet.queries import cycles as lists
from intranet.queries import publication as publications
from intranet.queries.results import Ranking, ranking
from intranet.rubric import forms
from intranet.web import access, archiver
from intranet.web.archiver import Archiver
from intranet.web.context import actor, db, ground
from intranet.web.downloads import disposition
from intranet.web.forms import go, say, wants_fragment

from . import bp, exports, frame

access.allow(
    {f"bureau.{name}": access.BUREAU for name in ("cycle_archive", "cycle_archive_post", "archive_file")}
)

ROOT = "/cycles/<int:cycle_id>/archive"


def documents_of(app: Flask) -> archiver.Documents:
    """The documents of an archive: the ranked list, the official forms, the notice (公示) if there is one."""
    place = app.extensions["intranet"]
    registry, settings = place.registry, place.settings

    def documents(session: Session, cycle: Cycle, made: Collected) -> Iterator[tuple[str, bytes]]:
        scoring = scoring_for(cycle, registry)
        found = ranking(session, cycle, made.held, scoring.rubric)
        bureau, zone = settings.bureau_name, settings.timezone
        view = exports.ranking_view(found, scoring.definition, bureau=bureau, zone=zone)
        yield "ranking.xlsx", workbook.write(view)
        label = exports.label_of(CycleState.FINAL)
        for line in found.lines:
            source = exports.form_context(found.rubric, line)
            for form in found.rubric.forms:
                data = official_form.write(
                    form,
                    form.title,
                    forms.rows(found.rubric, form, source),
                    forms.foot(found.rubric, form, source),
                    form.notes,
                    unit=line.result.name,
                    cycle=cycle.title,
                    bureau=bureau,
                    label=label,
                    places=found.rubric.places,
                    made_at=made.held.frozen_at,
                )
                yield f"forms/{made.names[line.row.entry_id]}-{work.file_part(1, form.key)[4:]}.xlsx", data
        for n, shown in enumerate(reversed(publications.publications_of(session, cycle.id or 0)), 1):
            held = publications.result_by_id(session, shown.result_id)
            listed = ranking(session, cycle, held, scoring.rubric)
            yield f"notice-{n}.docx", notice_of(session, shown, listed, bureau=bureau, zone=zone)

    return documents


def notice_of(session: Session, shown: Publication, listed: Ranking, *, bureau: str, zone: str) -> bytes:
    """The notice (公示) as it was published, from the freeze that it published."""
    wording = publishing.words_of(shown)
    span = days.span(days.load_calendar(session), wording.starts_on, wording.working_days)
    table = publications.table_of(listed, wording.columns)
    return notice.write(
        notice.Notice(
            title=wording.title,
            recipients=wording.recipients,
            paragraphs=publishing.paragraphs(
                publishing.filled(wording.body, days=span, contact=wording.contact)
            ),
            heads=table.heads,
            kinds=table.kinds,
            rows=table.rows,
            bureau=bureau,
            signed_on=wording.signed_on,
            label="",
            made_at=shown.published_at.astimezone(ZoneInfo(zone)).replace(microsecond=0),
        )
    )


def the_archiver() -> Archiver:
    """The application's own, made at its first use."""
    app = current_app
    if "intranet.archiver" not in app.extensions:
        place = ground()
        app.extensions["intranet.archiver"] = Archiver(place.settings, place.engine, documents_of(app))
    found: Archiver = app.extensions["intranet.archiver"]
    return found


@bp.get(ROOT)
def cycle_archive(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    return _page(cycle)


def _page(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    progress = the_archiver().progress(cycle.id or 0)
    if wants_fragment():  # asked every two seconds: nothing but how far it is
        return frame.page("bureau/_archive_progress.html", cycle, "archive", progress=progress)
    may = cycle.state in work.ARCHIVING
    made = stored.archives_of(db(), cycle.id or 0)
    survey = the_archiver().survey(db(), cycle) if may else None
    return frame.page(
        "bureau/archive.html",
        cycle,
        "archive",
        status=status,
        error=error,
        may=may,
        archives=made,
        held_id=survey[0].held.id if survey else None,
        names={i: u.name for i, u in lists.users_by_id(db(), [a.made_by for a in made]).items()},
        files=len(survey[0].hashes) if survey else 0,
        missing=survey[1] if survey else [],
        bytes=survey[2] if survey else 0,
        checks=work.checks(survey[0], survey[1]) if survey else [],
        progress=progress,
        interrupted=the_archiver().was_interrupted(cycle.id or 0),
        check_code=check_code,
        copy_op=frame.new_op(),
        op=frame.new_op(),
    )


@bp.post(ROOT)
def cycle_archive_post(cycle_id: int) -> Response:
    """Make the archive and close the cycle; the lock on the database is not held while files are copied."""
    cycle, here = frame.load(cycle_id), url_for("bureau.cycle_archive", cycle_id=cycle_id)
    op = request.form.get("op", "")
    if outcome_of(db(), actor(), op) is not None:
        return go(here)
    try:
        made, missing, size = the_archiver().survey(db(), cycle)
        accepted = bool(request.form.get("accepted"))
        work.require(actor(), work.checks(made, missing), accepted=accepted)
        db().rollback()
        if size > archiver.DIRECT:
            the_archiver().start(cycle_id, actor(), size, op)
            say("info", _("正在生成归档，完成后这里可以下载。可以离开这一页。"))
            return go(here)
        the_archiver().make(cycle_id, actor(), op=op)
    except DomainError as error:
        db().rollback()
        return _page(frame.load(cycle_id), status=error.status, error=error)
    say("done", _("已归档。这次考核从现在起只供查阅。"))
    return go(here)


@bp.get(ROOT + "/<int:archive_id>.zip")
def archive_file(cycle_id: int, archive_id: int) -> Response:
    cycle = frame.load(cycle_id)
    found = db().get(Archive, archive_id)
    if found is None or found.cycle_id != cycle.id:
        raise NotFound(_("没有这份归档。"))
    try:
        path = the_archiver().store.path(found.sha256)
    except FileNotFoundError:
        raise NotFound(_("归档的文件不在服务器上，请从备份恢复，或重新生成。")) from None
    response = send_file(path, mimetype="application/zip", conditional=True, etag=found.sha256, max_age=0)
    name = _("%(title)s 归档 %(code)s.zip", title=cycle.title, code=check_code(found.sha256))
    response.headers["Content-Disposition"] = disposition(name)
    response.headers["Cache-Control"] = "private, no-store"
    return response
