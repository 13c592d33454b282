"""质询: what the panel asked the unit, and the lead school's answers; open while the filing is locked too."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request, url_for

from intranet.domain.filing import Right
from intranet.domain.inquiry import ASKING, may_answer, reply
from intranet.domain.operations import outcome_of, remember
from intranet.errors import Conflict, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Inquiry
from intranet.queries.filing import Page
from intranet.queries.inquiries import inquiries_of, inquiry_of, is_open, waiting_of
from intranet.web import access, context
from intranet.web.forms import answer, go, next_url, say, whole

from . import bp
from .desk import Desk, load, new_op

access.allow({"school.inquiries": access.FILING_READERS, "school.inquiry_answer": access.SCHOOL})

ROOT = "/entries/<int:entry_id>/inquiries"


@dataclass(frozen=True)
class Asked:
    """One question as the unit reads it; text: what stands in the box for the answer."""

    inquiry: Inquiry
    page: Page | None
    text: str
    problem: str = ""
    theirs: str = ""

    @property
    def is_open(self) -> bool:
        return is_open(self.inquiry)


@bp.get(ROOT)
def inquiries(entry_id: int) -> Response:
    return _page(load(entry_id))


@bp.post(ROOT + "/<int:inquiry_id>")
def inquiry_answer(entry_id: int, inquiry_id: int) -> Response:
    """Answer one question; a refused answer comes back on the page of all questions with its text."""
    desk = load(entry_id)
    asked = inquiry_of(context.db(), entry_id, inquiry_id)
    if asked is None:
        raise NotFound(_("没有这个问题。"))
    here = next_url(url_for("school.inquiries", entry_id=entry_id))
    op, text = request.form.get("op", ""), request.form.get("answer", "")
    session, actor, at = context.db(), context.actor(), context.current_time()
    if outcome_of(session, actor, op) is not None:
        return go(here)
    version = whole(request.form.get("version", "")) or 0
    try:
        reply(session, actor, desk.filing.cycle, desk.filing.entry, asked, text, version=version, at=at)
    except (Invalid, Conflict) as error:
        shown = Asked(asked, desk.filing.pages.get(asked.code), text, error.message, asked.answer)
        return _page(desk, status=error.status, refused=shown)
    remember(session, actor, op, {"answered": inquiry_id}, at=at)
    say("done", _("已答复，评委可以看到。"))
    return go(here)


def on_page(desk: Desk, page: Page) -> list[Asked]:
    """The questions about one indicator, those without an answer first; none for those who do a part."""
    if desk.filing.share is not None:
        return []
    found = inquiries_of(context.db(), [desk.entry_id], page.code)[desk.entry_id]
    return sorted((Asked(i, page, i.answer) for i in found), key=lambda a: not a.is_open)


def waiting(desk: Desk) -> int:
    """How many questions wait for an answer that this person may give."""
    if not may_reply(desk):
        return 0
    return waiting_of(context.db(), [desk.entry_id]).get(desk.entry_id, 0)


def may_reply(desk: Desk) -> bool:
    """Whether this person may answer here and now."""
    own = desk.filing.right is Right.LEAD and desk.filing.cycle.state in ASKING
    return own and may_answer(context.db(), context.actor(), desk.filing.entry)


def _page(desk: Desk, *, status: int = 200, refused: Asked | None = None) -> Response:
    found = inquiries_of(context.db(), [desk.entry_id])[desk.entry_id]
    asked = [Asked(i, desk.filing.pages.get(i.code), i.answer) for i in found]
    if refused is not None:
        asked = [refused if a.inquiry.id == refused.inquiry.id else a for a in asked]
        if refused.inquiry.withdrawn_at is not None:
            asked.append(refused)
    return answer(
        "school/inquiries.html",
        status=status,
        **desk.page_values(),
        asked=sorted(asked, key=lambda a: not a.is_open),
        may_reply=may_reply(desk),
        op=new_op(),
    )
