"""催办: the list of units that have not handed in, on screen, on paper, as xlsx, and by mail."""

from __future__ import annotations

from flask import Response, request, url_for

from intranet import mail
from intranet.documents import reminder_list
from intranet.domain import reminders as work
from intranet.domain.operations import outcome_of, remember
from intranet.domain.scoring import score_entries
from intranet.enums import CycleState
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries import cycles as lists
from intranet.queries.entries import returns_of
from intranet.queries.filing import pages, progress
from intranet.web import access
from intranet.web.context import actor, current_time, db, ground, local
from intranet.web.downloads import xlsx
from intranet.web.forms import go, say

from . import bp, frame

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in ("reminders", "reminders_xlsx", "reminder_letters", "reminder_mail", "reminder_send")
    }
)

FILTERS = ("all", "none", "doing", "back")


def _units(cycle: Cycle) -> list[work.Due]:
    scoring = frame.scoring_of(cycle)
    entries = lists.entries_of(db(), cycle.id or 0)
    sheets = score_entries(db(), cycle, scoring, entries)
    cells = progress(scoring.rubric, sheets, returns_of(db(), [e.id or 0 for e in entries]))
    return work.due_units(db(), cycle, entries, pages(scoring.rubric), cells)


def _keeps(due: work.Due, wanted: str) -> bool:
    return {"none": not due.begun, "doing": due.begun and not due.is_returned, "back": due.is_returned}.get(
        wanted, True
    )


def _chosen(units: list[work.Due]) -> list[work.Due]:
    """The ticked units; without any tick, those of the filter."""
    ids = {int(i) for i in request.values.getlist("unit") if i.isascii() and i.isdigit() and len(i) < 12}
    if ids:
        return [u for u in units if u.entry.id in ids]
    return [u for u in units if _keeps(u, request.values.get("show", "all"))]


def _load(cycle_id: int) -> Cycle:
    """:raises DomainError: nothing is filed in this state of the cycle."""
    cycle = frame.load(cycle_id)
    if cycle.state not in (CycleState.FILING, CycleState.REVIEW):
        raise DomainError(_("现在没有要催办的填报。"))
    return cycle


@bp.get("/cycles/<int:cycle_id>/reminders")
def reminders(cycle_id: int) -> Response:
    return _page(_load(cycle_id))


def _page(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    every = _units(cycle)
    wanted = request.args.get("show", "all")
    return frame.page(
        "bureau/reminders.html",
        cycle,
        "progress",
        status=status,
        error=error,
        units=[u for u in every if _keeps(u, wanted)],
        filters=[(key, sum(_keeps(u, key) for u in every)) for key in FILTERS],
        wanted=wanted if wanted in FILTERS else "all",
        mail_on=mail.is_on(ground().settings),
    )


@bp.get("/cycles/<int:cycle_id>/reminders.xlsx")
def reminders_xlsx(cycle_id: int) -> Response:
    cycle, at = _load(cycle_id), current_time()
    data = reminder_list.write(
        cycle.title,
        _chosen(_units(cycle)),
        author=ground().settings.bureau_name,
        made_at=at,
        zone_now=local(at),
    )
    return xlsx(data, _("%(cycle)s 填报催办单", cycle=cycle.title))


@bp.get("/cycles/<int:cycle_id>/reminders/letters")
def reminder_letters(cycle_id: int) -> Response:
    """One 催办通知 per unit, a page each, to print."""
    cycle = _load(cycle_id)
    settings = ground().settings
    letters = [(due, work.letter_text(settings, cycle, due).split("\n")) for due in _chosen(_units(cycle))]
    return frame.page(
        "bureau/reminder_letters.html", cycle, "progress", letters=letters, today=local(current_time())
    )


def _require_mail() -> None:
    if not mail.is_on(ground().settings):
        raise DomainError(_("没有设置邮件服务器，不能发邮件。"))


@bp.get("/cycles/<int:cycle_id>/reminders/mail")
def reminder_mail(cycle_id: int) -> Response:
    """What would be sent to whom, before anything is sent."""
    cycle, settings = _load(cycle_id), ground().settings
    _require_mail()
    units = _chosen(_units(cycle))
    return frame.page(
        "bureau/reminder_mail.html",
        cycle,
        "progress",
        letters=[(due, work.letters_of(settings, cycle, due)) for due in units],
        texts={due.entry.id: work.letter_text(settings, cycle, due) for due in units},
        most=work.MOST,
        op=frame.new_op(),
    )


@bp.post("/cycles/<int:cycle_id>/reminders/mail")
def reminder_send(cycle_id: int) -> Response:
    cycle, settings = _load(cycle_id), ground().settings
    _require_mail()
    units = _chosen(_units(cycle))
    if not any(work.letters_of(settings, cycle, due) for due in units):
        raise Invalid(_("选中的单位都没有登记邮箱。请在“人员”页填写邮箱。"))
    op = request.form.get("op", "")
    if outcome_of(db(), actor(), op) is not None:
        say("info", _("这些邮件已经发过了。"))
        return go(url_for("bureau.reminders", cycle_id=cycle_id))
    remember(db(), actor(), op, {"letters": True}, at=current_time())
    db().commit()  # pressed twice it goes out once, and the write lock is not held while the mail server answers
    sent, failed = work.send(db(), actor(), settings, cycle, units)
    if sent:
        say("done", _("已发出 %(n)s 封。", n=len(sent)))
    for failure in failed[:5]:
        say(
            "error",
            _(
                "%(name)s（%(to)s）没有发出：%(why)s",
                name=failure.letter.name,
                to=failure.letter.to,
                why=failure.why,
            ),
        )
    return go(url_for("bureau.reminders", cycle_id=cycle_id))
