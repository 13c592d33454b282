"""My entries, and one entry at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flask import Response, redirect, url_for

from intranet.domain import carry_over, submission
from intranet.domain.filing import Right
from intranet.domain.phases import filing_deadline
from intranet.domain.scoring import score_entries, scoring_for
from intranet.domain.self_scores import so_far, waits_for_all, whole
from intranet.enums import CycleState, SubmissionState
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import entries
from intranet.queries.filing import Cell, Page, progress
from intranet.queries.submissions import submission_of
from intranet.web import access, context
from intranet.web.forms import answer
from intranet.web.shell import waiting

from . import bp, carry, inquiries, ledger, sharing
from .desk import Desk, load
from .indicator import state_words

access.allow(
    {
        "school.tasks": access.SCHOOL,
        "school.overview": access.FILING_READERS,
    }
)

PAST = (CycleState.FINAL, CycleState.ARCHIVED)


@bp.get("/tasks")
def tasks() -> Response:
    """The entries of the actor's schools; one running entry is opened at once."""
    pairs = entries.own_with_cycles(context.db(), context.actor())
    running = [(e, c) for e, c in pairs if c.state not in PAST]
    if len(running) == 1 and len(pairs) == 1:
        return go_to(running[0][0])
    return answer(
        "school/tasks.html",
        running=[(e, c, _next_date(e, c)) for e, c in running],
        past=[(e, c) for e, c in pairs if c.state in PAST],
        todos=waiting(left=_left([(e, c) for e, c in running if e.state != SubmissionState.SUBMITTED])),
    )


def _left(pairs: list[tuple[Entry, Cycle]]) -> dict[int, int]:
    """How many indicators of each entry are not filled in yet."""
    session, out = context.db(), {}
    for cycle in {c.id: c for _e, c in pairs}.values():
        scoring = scoring_for(cycle, context.ground().registry)
        own = [e for e, c in pairs if c.id == cycle.id]
        cells = progress(scoring.rubric, score_entries(session, cycle, scoring, own), {})
        out.update({i: sum(c.state != "done" for c in found.values()) for i, found in cells.items()})
    return out


def go_to(entry: Entry) -> Response:
    return redirect(url_for("school.overview", entry_id=entry.id))  # type: ignore[return-value]


def _next_date(entry: Entry, cycle: Cycle) -> object:
    return filing_deadline(cycle, entry) if cycle.state == CycleState.FILING else None


@dataclass(frozen=True, slots=True)
class Item:
    """One indicator in the list. missing: what is still to do, in words."""

    page: Page
    cell: Cell
    words: str
    missing: str
    points: Fraction | None
    point_word: str
    lost: Fraction


@bp.get("/entries/<int:entry_id>")
def overview(entry_id: int) -> Response:
    desk = load(entry_id, check=True)
    if desk.filing.share is not None:
        return sharing.part_page(desk)
    every = [item(desk, page) for page in desk.filing.pages.values()]
    items = [i for i in every if i.cell.is_asked]
    order = {"back": 0, "miss": 1, "doing": 2, "none": 3}
    todo = sorted((i for i in items if i.cell.state in order), key=lambda i: order[i.cell.state])
    done = [i for i in items if i.cell.state == "done"]
    found = submission.precheck(desk.filing, desk.filed)
    root = desk.rubric.root.code
    return answer(
        "school/overview.html",
        **desk.page_values(),
        items=items,
        others=[i for i in every if not i.cell.is_asked],
        todo=todo,
        done=done,
        done_points=sum((i.points or Fraction(0) for i in done), Fraction(0)),
        total=so_far(desk.own[root]),
        total_max=whole(desk.rubric),
        cohort=waits_for_all(desk.rubric, desk.own),
        missing=sum(i.cell.missing for i in items),
        missing_on=sum(i.cell.missing > 0 for i in items),
        missing_points=sum((i.lost for i in items), Fraction(0)),
        due=filing_deadline(desk.filing.cycle, desk.filing.entry),
        errors=len(found.errors),
        why_not=desk.why_not(),
        is_lead=desk.filing.right is Right.LEAD,
        shared=sharing.summary(desk),
        offered=carry.offer(desk),
        unlooked=carry_over.unlooked(desk.filing),
        may_submit=desk.may_edit(),
        submitted=desk.filing.entry.state == SubmissionState.SUBMITTED,
        asks_scan=_asks_scan(desk),
        returns=desk.filing.returns,
        questions=inquiries.waiting(desk),
        files=desk.files,
        published=desk.filing.cycle.state in (CycleState.PUBLISHED, *PAST),
    )


def _asks_scan(desk: Desk) -> bool:
    """Whether the sealed receipt of the last submission is still to come."""
    filing = desk.filing
    if filing.right is not Right.LEAD or filing.entry.state != SubmissionState.SUBMITTED:
        return False
    kept = submission_of(filing.session, filing.entry_id)
    return kept is not None and not kept.scan_sha256 and filing.cycle.state in submission.SCANNING


def item(desk: Desk, page: Page) -> Item:
    """One indicator as the lists show it."""
    cell, score = desk.cells[page.code], desk.own[page.code]
    labels = [a.label for a in cell.todo]
    missing = "、".join(labels[:3]) + (_("等 %(n)s 处", n=len(labels)) if len(labels) > 3 else "")
    return Item(
        page=page,
        cell=cell,
        words=state_words(desk, page.code),
        missing=_("还没开始") if cell.state == "none" else missing,
        points=None if cell.state == "none" else so_far(score),
        point_word=ledger.word(desk.rubric, page.clause, score),
        lost=_lost(desk, page),
    )


def _lost(desk: Desk, page: Page) -> Fraction:
    """What missing materials cost on this page now."""
    lines = (line for c in page.clauses for line in desk.own[c.code].lines)
    return -sum((x.points or Fraction(0) for x in lines if x.what == "loss_material"), Fraction(0))
