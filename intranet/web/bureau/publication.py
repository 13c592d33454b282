"""公示 of one cycle: wording, preview, draft as docx, publishing; and the letters of all units (一校一单)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Response, request, url_for
from werkzeug.datastructures import MultiDict

from intranet.documents import letter as letter_paper
from intranet.documents import notice as notice_paper
from intranet.domain import calendar as days
from intranet.domain import publication as work
from intranet.domain.freeze import is_current
from intranet.domain.letters import Letter, letter_of
from intranet.domain.publication import Wording
from intranet.domain.scoring import score_entries
from intranet.enums import CycleState
from intranet.errors import DomainError, Invalid, NotFound
from intranet.i18n import SOURCE, _, use_language
from intranet.models import Cycle, Publication, Result
from intranet.queries import cycles as lists
from intranet.queries import publication as stored
from intranet.queries import results
from intranet.queries.results import Ranking
from intranet.web import access
from intranet.web.context import actor, current_time, db, ground, local, today
from intranet.web.downloads import docx, zipped
from intranet.web.forms import go, say

from . import bp, frame

access.allow(
    {
        "bureau.publication": access.BUREAU,
        "bureau.publication_post": access.BUREAU,
        "bureau.publication_docx": access.BUREAU,
        "bureau.letters": access.BUREAU,
        "bureau.letters_docx": access.BUREAU,
        "bureau.letters_zip": access.BUREAU,
    }
)


# --- what a page stands on -----------------------------------------------------------------------


@dataclass
class Desk:
    """The cycle, its frozen list (None before the first freeze), what was published before, the calendar."""

    cycle: Cycle
    held: Result | None
    ranking: Ranking | None
    publications: Sequence[Publication]
    calendar: days.Calendar

    @property
    def latest(self) -> Publication | None:
        return self.publications[0] if self.publications else None

    @property
    def columns(self) -> list[stored.Column]:
        return stored.columns_of(self.ranking) if self.ranking else []

    def is_current(self) -> bool:
        """Whether the freeze is made of the facts of now; scores every unit."""
        scoring = frame.scoring_of(self.cycle)
        entries = lists.entries_of(db(), self.cycle.id or 0)
        return is_current(db(), self.held, score_entries(db(), self.cycle, scoring, entries))

    def draft(self) -> Wording:
        assert self.ranking is not None
        settings = ground().settings
        chosen = self.latest.columns if self.latest else stored.usual_columns(self.columns)
        return work.draft(
            self.cycle,
            self.ranking.rubric,
            bureau=settings.bureau_name,
            contact=settings.help_line,
            units=len(self.ranking.lines),
            columns=chosen,
            today=today(),
            before=self.latest,
        )


def load(cycle_id: int) -> Desk:
    return load_published(frame.load(cycle_id))


def load_published(cycle: Cycle) -> Desk:
    """The same for a cycle that whoever asks may see by another right."""
    cycle_id = cycle.id or 0
    held = next(iter(results.results_of(db(), cycle_id)), None)
    rubric = frame.scoring_of(cycle).rubric
    ranking = results.ranking(db(), cycle, held, rubric) if held else None
    return Desk(cycle, held, ranking, stored.publications_of(db(), cycle_id), days.load_calendar(db()))


def label_of(cycle: Cycle, *, published: bool) -> str:
    """What stands on every page: 演练 of a practice cycle, 草案 until the result is published."""
    if cycle.practice:
        return _("演练 不作为考核结果")
    return "" if published else _("草案 未经公示")


# --- the page ------------------------------------------------------------------------------------


def _typed(wording: Wording) -> MultiDict[str, str]:
    """A wording as the form's values."""
    values = MultiDict(
        {
            "starts_on": wording.starts_on.isoformat(),
            "working_days": str(wording.working_days),
            "title": wording.title,
            "recipients": wording.recipients,
            "body": wording.body,
            "contact": wording.contact,
            "signed_on": wording.signed_on.isoformat(),
        }
    )
    values.setlist("column", list(wording.columns))
    return values


def _span(desk: Desk, form: MultiDict[str, str]) -> days.Span | None:
    """The days that the form's dates come to; None while they cannot be read."""
    try:
        start = days.read_day(form.get("starts_on", ""))
        return days.span(desk.calendar, start, days.require_days(form.get("working_days", "")))
    except Invalid:
        return None


def _page(
    desk: Desk, *, status: int = 200, error: DomainError | None = None, preview: Wording | None = None
) -> Response:
    posted = request.method == "POST"
    form = request.form if posted else _typed(desk.draft()) if desk.ranking else MultiDict()
    span = _span(desk, form)
    fresh = desk.ranking is not None and desk.is_current()
    return frame.page(
        "bureau/publication.html",
        desk.cycle,
        "publication",
        status=status,
        error=error,
        problems=error.problems if isinstance(error, Invalid) else {},
        ranking=desk.ranking,
        columns=desk.columns,
        form=form,
        span=span,
        skipped=days.runs(span.skipped, desk.calendar) if span else [],
        hindrances=work.hindrances(desk.cycle, desk.held, is_current=fresh),
        publications=desk.publications,
        names={
            i: u.name for i, u in lists.users_by_id(db(), [p.published_by for p in desk.publications]).items()
        },
        outdated=desk.latest is not None and desk.held is not None and desk.latest.result_id != desk.held.id,
        seen=request.form.get("seen") or work.seen_mark(desk.held, desk.latest),
        op=request.form.get("op") or frame.new_op(),
        notice=notice_values(preview, desk.ranking, desk.calendar) if preview and desk.ranking else None,
        label=label_of(desk.cycle, published=False),
    )


def notice_values(
    wording: Wording, ranking: Ranking, calendar: days.Calendar, *, ends_on: date | None = None
) -> dict[str, object]:
    """A wording with its table, for ``published/_notice.html``.

    :param ends_on: of a stored publication, which a later change of the calendar does not move.
    """
    span = days.span(calendar, wording.starts_on, wording.working_days)
    ends_on = ends_on or span.end
    with use_language(SOURCE):  # an official notice is Chinese, whoever reads it
        return {
            "wording": wording,
            "title_lines": work.title_lines(wording.title),
            "to": f"{wording.recipients}：" if wording.recipients else "",
            "signed_on": work.long_date(wording.signed_on),
            "start_date": work.long_date(wording.starts_on),
            "end_date": work.long_date(ends_on),
            "skipped": days.runs(span.skipped, calendar) if span.end == ends_on else [],
            "paragraphs": work.paragraphs(work.filled(wording.body, days=span, contact=wording.contact)),
            "table": stored.table_of(ranking, wording.columns),
            "heading_level": work.heading_level,
            "table_mark": work.TABLE,
            "bureau": ground().settings.bureau_name,
        }


@bp.get("/cycles/<int:cycle_id>/publication")
def publication(cycle_id: int) -> Response:
    desk = load(cycle_id)
    if desk.cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    return _page(desk)


@bp.post("/cycles/<int:cycle_id>/publication")
def publication_post(cycle_id: int) -> Response:
    """``then``: preview and docx change nothing, count only counts the days, publish publishes."""
    desk, then = load(cycle_id), request.form.get("then", "preview")
    if desk.ranking is None:
        raise DomainError(_("还没有冻结结果。公示的是冻结的结果，请先冻结。"))
    if then == "count":
        return _page(desk)
    try:
        wording = work.read(request.form, request.form.getlist("column"), desk.columns)
        if then == "publish":
            return _publish(desk, wording)
    except DomainError as error:
        db().rollback()
        return _page(load(cycle_id), status=error.status, error=error)
    if then == "docx":
        return _docx(desk, wording, desk.ranking, published=False)
    return _page(desk, preview=wording)


def _publish(desk: Desk, wording: Wording) -> Response:
    form, settings = request.form, ground().settings
    published = work.publish(
        db(),
        actor(),
        desk.cycle,
        desk.held,
        wording,
        desk.calendar,
        is_current=desk.is_current(),
        seen=form.get("seen", ""),
        reason=form.get("reason", ""),
        today=today(),
        at=current_time(),
        zone=settings.timezone,
        op=form.get("op", ""),
    )
    say("done", _("已发布公示，到 %(day)s 24:00 为止。", day=work.long_date(published.ends_on)))
    return go(url_for("bureau.publication", cycle_id=desk.cycle.id))


def _docx(desk: Desk, wording: Wording, ranking: Ranking, *, published: bool) -> Response:
    span = days.span(desk.calendar, wording.starts_on, wording.working_days)
    with use_language(SOURCE):
        table, label = stored.table_of(ranking, wording.columns), label_of(desk.cycle, published=published)
        data = notice_paper.write(
            notice_paper.Notice(
                title=wording.title,
                recipients=wording.recipients,
                paragraphs=work.paragraphs(work.filled(wording.body, days=span, contact=wording.contact)),
                heads=table.heads,
                kinds=table.kinds,
                rows=table.rows,
                bureau=ground().settings.bureau_name,
                signed_on=wording.signed_on,
                label=label,
                made_at=local(current_time()).replace(microsecond=0),
            )
        )
    return docx(data, f"{wording.title} {label}".strip())


@bp.get("/cycles/<int:cycle_id>/publication/<int:publication_id>.docx")
def publication_docx(cycle_id: int, publication_id: int) -> Response:
    """A published notice, from the freeze that it published."""
    desk = load(cycle_id)
    found = next((p for p in desk.publications if p.id == publication_id), None)
    if found is None:
        raise NotFound(_("没有这份公示，或还没有到公示的日子。"))
    ranking = ranking_of(desk.cycle, found)
    return _docx(desk, work.words_of(found), ranking, published=True)


def ranking_of(cycle: Cycle, found: Publication) -> Ranking:
    """The list of the freeze that a publication shows."""
    held = stored.result_by_id(db(), found.result_id)
    return results.ranking(db(), cycle, held, frame.scoring_of(cycle).rubric)


# --- letters -------------------------------------------------------------------------------------


def make_letters(desk: Desk, entry_id: int | None = None) -> list[Letter]:
    """The letter of one unit, or of all in the order of the list. :raises NotFound: nothing frozen, no such unit."""
    if desk.ranking is None:
        raise NotFound(_("这个考核周期还没有冻结结果。"))
    ranking, settings = desk.ranking, ground().settings
    lines = [ranking.line(entry_id)] if entry_id is not None else ranking.lines
    scoring = frame.scoring_of(desk.cycle)
    return [
        letter_of(
            ranking,
            scoring,
            line,
            bureau=settings.bureau_name,
            contact=settings.help_line,
            publication=desk.latest,
            label=label_of(desk.cycle, published=stored.is_published(desk.cycle)),
            at=current_time(),
            zone=settings.timezone,
        )
        for line in lines
    ]


def signed_on(desk: Desk) -> date:
    """The date under a letter: that of the publication, before it today's."""
    return desk.latest.signed_on if desk.latest else today()


@bp.get("/cycles/<int:cycle_id>/letters")
def letters(cycle_id: int) -> Response:
    desk = load(cycle_id)
    if desk.cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    return frame.page(
        "bureau/publication_letters.html",
        desk.cycle,
        "publication",
        ranking=desk.ranking,
        label=label_of(desk.cycle, published=stored.is_published(desk.cycle)),
        shows_rank=work.shows_rank(desk.latest),
        latest=desk.latest,
    )


def letters_paper(desk: Desk, entry_id: int | None = None, *, apart: bool = False) -> tuple[bytes, str]:
    """Letters as a file and its name: one unit's, or those of all in one docx or (apart) in a zip.

    Official papers are Chinese, whoever asks for them.
    """
    made_at = local(current_time()).replace(microsecond=0)
    with use_language(SOURCE):
        found = make_letters(desk, entry_id)
        write = letter_paper.write_zip if apart else letter_paper.write
        data = write(found, signed_on=signed_on(desk), made_at=made_at)
        if entry_id is not None:
            return data, _("%(unit)s考核结果告知单", unit=found[0].unit)
        return data, _("%(cycle)s考核结果告知单", cycle=desk.cycle.title)


@bp.get("/cycles/<int:cycle_id>/letters.docx")
def letters_docx(cycle_id: int) -> Response:
    """All letters in one file, for printing in one go."""
    return docx(*letters_paper(load(cycle_id)))


@bp.get("/cycles/<int:cycle_id>/letters.zip")
def letters_zip(cycle_id: int) -> Response:
    return zipped(*letters_paper(load(cycle_id), apart=True))
