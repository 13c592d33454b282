"""What changed between two submissions of an entry, or since the last one: old → new."""

from __future__ import annotations

from flask import Response, request

from intranet.domain import changes as compared
from intranet.domain.filing import Right
from intranet.domain.snapshot import Content, content_of
from intranet.enums import SubmissionState
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.queries.entries import returns_of
from intranet.queries.submissions import submissions_of
from intranet.web import access
from intranet.web.forms import answer, whole

from . import bp
from .desk import Desk, load

access.allow({"school.changes": access.FILING_READERS})


@bp.get("/entries/<int:entry_id>/changes")
def changes(entry_id: int) -> Response:
    """``?from=1&to=2`` are rounds; without ``to`` the last round, or what stands now while it is being corrected."""
    desk = load(entry_id)
    rounds = {s.round: s for s in submissions_of(desk.filing.session, entry_id)}
    open_now = desk.filing.entry.state == SubmissionState.RETURNED and desk.filing.right is not Right.READER
    last = max(rounds, default=0)
    until = whole(request.args.get("to", "")) or (0 if open_now else last)
    since = whole(request.args.get("from", "")) or (last if until == 0 else until - 1)
    if since not in rounds or (until and (until not in rounds or since >= until)):
        raise NotFound(_("没有可比较的两次提交。"))
    if until == 0 and not open_now:
        raise NotFound(_("没有可比较的两次提交。"))
    new = rounds[until].content if until else content_of(desk.filing, desk.filed, desk.files)
    return answer(
        "school/changes.html",
        **desk.page_values(),
        found=found(desk, rounds[since].content, new),
        since=rounds[since],
        until=rounds.get(until),
        rounds=rounds,
        returns=[
            r
            for r in returns_of(desk.filing.session, [entry_id], still_open=False)[entry_id]
            if r.returned_at >= rounds[since].submitted_at
            and (until == 0 or r.returned_at <= rounds[until].submitted_at)
        ],
    )


def found(desk: Desk, old: Content, new: Content) -> dict[str, list[compared.Change]]:
    pages = list(desk.filing.pages.values())
    return compared.compare(desk.rubric, pages, desk.filing.schools, old, new)
