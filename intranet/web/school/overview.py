"""My entries, one entry at a glance, the check before handing in, handing in, the receipt."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flask import Response, redirect, request, url_for

from intranet.domain import submission
from intranet.domain.filing import Right
from intranet.domain.phases import filing_deadline
from intranet.enums import CycleState, SubmissionState
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import entries
from intranet.queries.filing import Cell, Page
from intranet.rubric.ledger import State
from intranet.rubric.numbers import show
from intranet.web import access, context
from intranet.web.forms import answer, go, say

from . import bp, ledger
from .desk import Desk, load, new_op
from .indicator import state_words

access.allow(
    {
        "school.tasks": access.SCHOOL,
        "school.overview": access.FILING_READERS,
        "school.check": access.FILING_READERS,
        "school.submit": access.SCHOOL,
        "school.receipt": access.FILING_READERS,
    }
)

PAST = (CycleState.FINAL, CycleState.ARCHIVED)


@bp.get("/tasks")
def tasks() -> Response:
    """The entries of the actor's schools; one running entry is opened at once."""
    session, actor = context.db(), context.actor()
    found = entries.visible_entries(session, actor)
    schools = entries.schools_of(session, [e.id or 0 for e in found])
    mine = [e for e in found if any(s.school_id in actor.all_schools for s in schools[e.id or 0])]
    cycles = {c.id: c for c in entries.visible_cycles(session, actor)}
    pairs = [(e, cycles[e.cycle_id]) for e in mine if e.cycle_id in cycles]
    running = [(e, c) for e, c in pairs if c.state not in PAST]
    if len(running) == 1 and len(pairs) == 1:
        return go_to(running[0][0])
    return answer(
        "school/tasks.html",
        running=[(e, c, _next_date(e, c)) for e, c in running],
        past=[(e, c) for e, c in pairs if c.state in PAST],
    )


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
    every = [_item(desk, page) for page in desk.filing.pages.values()]
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
        total=ledger.so_far(desk.own[root]),
        total_max=_whole(desk),
        cohort=_cohort(desk),
        missing=sum(i.cell.missing for i in items),
        missing_on=sum(i.cell.missing > 0 for i in items),
        missing_points=sum((i.lost for i in items), Fraction(0)),
        due=filing_deadline(desk.filing.cycle, desk.filing.entry),
        errors=len(found.errors),
        why_not=desk.why_not(),
        is_lead=desk.filing.right is Right.LEAD,
        may_submit=desk.may_edit(),
        submitted=desk.filing.entry.state == SubmissionState.SUBMITTED,
        returns=desk.filing.returns,
        files=desk.files,
        published=desk.filing.cycle.state in (CycleState.PUBLISHED, *PAST),
    )


def _item(desk: Desk, page: Page) -> Item:
    cell, score = desk.cells[page.code], desk.own[page.code]
    labels = [a.label for a in cell.todo]
    missing = "、".join(labels[:3]) + (_("等 %(n)s 处", n=len(labels)) if len(labels) > 3 else "")
    return Item(
        page=page,
        cell=cell,
        words=state_words(desk, page.code),
        missing=_("还没开始") if cell.state == "none" else missing,
        points=None if cell.state == "none" else ledger.so_far(score),
        point_word=ledger.word(desk.rubric, page.clause, score),
        lost=_lost(desk, page),
    )


def _lost(desk: Desk, page: Page) -> Fraction:
    """What missing materials cost on this page now."""
    lines = (line for c in page.clauses for line in desk.own[c.code].lines)
    return -sum((x.points or Fraction(0) for x in lines if x.what == "loss_material"), Fraction(0))


def _whole(desk: Desk) -> Fraction | None:
    """Maximum of the whole table: the root's, or what its parts add up to."""
    root = desk.rubric.root
    if root.max is not None:
        return root.max
    parts = [c.max for c in desk.rubric.children[root.code] if c.max is not None]
    return sum(parts, Fraction(0)) if parts else None


def _cohort(desk: Desk) -> str:
    """What waits for all units: 名次赋分 7 分待全部单位提交后计算; "" if nothing does."""
    waiting = [
        c.max or Fraction(0)
        for c in desk.rubric.leaves()
        if ledger.is_of_cohort(c) and desk.own[c.code].state in (State.PENDING, State.BLANK)
    ]
    if not waiting:
        return ""
    return _("另有 %(points)s 分待全部单位提交后计算", points=show(sum(waiting, Fraction(0))))


# --- handing in ----------------------------------------------------------------------------------


@bp.get("/entries/<int:entry_id>/check")
def check(entry_id: int) -> Response:
    return _check_page(load(entry_id, check=True))


def _check_page(desk: Desk, *, status: int = 200, error: str = "") -> Response:
    return answer(
        "school/check.html",
        status=status,
        **desk.page_values(),
        found=submission.precheck(desk.filing, desk.filed),
        why_not=desk.why_not(),
        may_submit=desk.may_edit(),
        submitted=desk.filing.entry.state == SubmissionState.SUBMITTED,
        total=ledger.so_far(desk.own[desk.rubric.root.code]),
        total_max=_whole(desk),
        error=error,
        op=new_op(),
    )


@bp.post("/entries/<int:entry_id>/submit")
def submit(entry_id: int) -> Response:
    desk = load(entry_id, check=True)
    found = submission.precheck(desk.filing, desk.filed)
    if (
        found.warnings
        and not request.form.get("known")
        and desk.filing.entry.state != SubmissionState.SUBMITTED
    ):
        desk.filing.require_lead()
        return _check_page(desk, status=422, error=_("请先勾选“已核对上面的提示”。"))
    try:
        submission.submit(desk.filing, desk.filed)
    except Invalid as error:
        return _check_page(desk, status=422, error=error.message)
    say("done", _("已提交。"))
    return go(url_for("school.receipt", entry_id=entry_id))


@bp.get("/entries/<int:entry_id>/receipt")
def receipt(entry_id: int) -> Response:
    """What was handed in, to print and seal."""
    desk = load(entry_id)
    if desk.filing.entry.submitted_at is None:
        return go_to(desk.filing.entry)
    items = [_item(desk, page) for page in desk.filing.pages.values()]
    return answer(
        "school/receipt.html",
        **desk.page_values(),
        items=items,
        total=ledger.so_far(desk.own[desk.rubric.root.code]),
        total_max=_whole(desk),
        cohort=_cohort(desk),
        files=desk.files,
    )
