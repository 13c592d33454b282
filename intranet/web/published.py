"""公示 for everybody who is signed in, and a unit's own letter (一校一单)."""

from __future__ import annotations

from flask import Blueprint, Response

from intranet.domain import publication as work
from intranet.domain.calendar import load_calendar
from intranet.enums import Role
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Entry
from intranet.queries import entries
from intranet.queries import publication as stored
from intranet.queries.entries import SEES_ALL

from . import access
from .bureau import publication as desk
from .context import actor, db, today
from .downloads import docx
from .forms import answer
from .shell import cycle_bar

bp = Blueprint("published", __name__)

LETTER_READERS = access.SCHOOL | access.READERS

access.allow(
    {
        "published.index": access.SIGNED_IN,
        "published.notice": access.SIGNED_IN,
        "published.letter": LETTER_READERS,
        "published.letter_docx": LETTER_READERS,
    }
)


@bp.get("/published")
def index() -> Response:
    rows = stored.shown_publications(db(), actor(), today=today())
    return answer("published/index.html", rows=rows, today=today(), long_date=work.long_date)


@bp.get("/published/<int:publication_id>")
def notice(publication_id: int) -> Response:
    """The notice in its own columns; what it stands on is not in the page."""
    shown = stored.publication_for(db(), actor(), publication_id, today=today())
    wording, ends_on = work.words_of(shown.publication), shown.publication.ends_on
    ranking = desk.ranking_of(shown.cycle, shown.publication)
    return answer(
        "published/notice.html",
        shown=shown,
        today=today(),
        notice=desk.notice_values(wording, ranking, load_calendar(db()), ends_on=ends_on),
    )


# --- a unit's letter -----------------------------------------------------------------------------


def _load(entry_id: int) -> tuple[Entry, desk.Desk]:
    """The entry and its cycle's desk: for its own schools from publication on, for readers always."""
    entry = entries.entry_for(db(), actor(), entry_id)
    own = {s.school_id for s in entries.schools_of(db(), [entry_id])[entry_id]}
    cycle = entries.cycle_of(db(), entry)
    if not actor().has(*SEES_ALL):
        if not own & actor().all_schools:
            raise NotFound(_("没有这份填报，或您无权查看。"))
        if not stored.is_published(cycle):
            raise NotFound(_("结果还没有公示。"))
    return entry, desk.load_published(cycle)


@bp.get("/entries/<int:entry_id>/letter")
def letter(entry_id: int) -> Response:
    entry, found = _load(entry_id)
    made = desk.make_letters(found, entry_id)[0]
    back = "bureau.letters" if actor().has(Role.BUREAU) else ""
    return answer(
        "published/letter.html",
        entry=entry,
        cycle=found.cycle,
        cycle_bar=cycle_bar(found.cycle, entry),
        letter=made,
        signed_on=work.long_date(desk.signed_on(found)),
        back=back,
        may_see_result=stored.is_published(found.cycle),
    )


@bp.get("/entries/<int:entry_id>/letter.docx")
def letter_docx(entry_id: int) -> Response:
    _entry, found = _load(entry_id)
    return docx(*desk.letters_paper(found, entry_id))
