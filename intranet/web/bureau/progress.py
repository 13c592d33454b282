"""The progress board: unit × indicator, and what the bureau does to one unit's filing."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request, url_for

from intranet.domain import returns
from intranet.domain.scoring import score_entries, score_entry
from intranet.enums import CycleState, SubmissionState
from intranet.errors import DomainError, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.queries import cycles as lists
from intranet.queries.carried import has_earlier
from intranet.queries.entries import entry_for, returns_of, schools_of
from intranet.queries.filing import Cell, Page, pages
from intranet.queries.filing import progress as progress_of
from intranet.queries.submissions import submissions_of, with_scan
from intranet.rubric.model import Clause, Rubric
from intranet.web import access
from intranet.web.context import actor, current_time, db
from intranet.web.forms import go, say

from . import bp, frame

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in ("progress", "entry_progress", "entry_return", "entry_extend")
    }
)


@dataclass(frozen=True)
class BoardRow:
    """One unit on the board. behind: not handed in, and less than half is done."""

    entry: Entry
    cells: dict[str, Cell]
    lead: str
    stages: tuple[str, ...]

    @property
    def done(self) -> int:
        return sum(c.state == "done" for c in self.cells.values())

    @property
    def missing(self) -> int:
        return sum(c.missing for c in self.cells.values() if c.state != "done")

    @property
    def behind(self) -> bool:
        return self.entry.state == SubmissionState.OPEN and self.done * 2 < len(self.cells)

    @property
    def returned(self) -> int:
        return sum(c.state == "back" for c in self.cells.values())


FILTERS = ("all", "behind", "back", "submitted")


def _keeps(row: BoardRow, wanted: str) -> bool:
    return {
        "behind": row.behind,
        "back": row.entry.state == SubmissionState.RETURNED,
        "submitted": row.entry.state == SubmissionState.SUBMITTED,
    }.get(wanted, True)


def _columns(
    rubric: Rubric, laid_out: tuple[Page, ...], dimension: str
) -> list[tuple[Clause | None, list[Clause]]]:
    """(dimension, its columns) in printed order, only one dimension if it is asked for."""
    out: list[tuple[Clause | None, list[Clause]]] = []
    for page in laid_out:
        parent = rubric.by.get(page.clause.parent or "")
        if dimension and (parent is None or parent.code != dimension):
            continue
        if not out or out[-1][0] is not parent:
            out.append((parent, []))
        out[-1][1].append(page.clause)
    return out


def _board(cycle: Cycle, rubric: Rubric) -> list[BoardRow]:
    scoring = frame.scoring_of(cycle)
    entries = lists.entries_of(db(), cycle.id or 0)
    ids = [e.id or 0 for e in entries]
    sheets = score_entries(db(), cycle, scoring, entries)
    cells = progress_of(rubric, sheets, returns_of(db(), ids))
    schools = schools_of(db(), ids)
    rows = [
        BoardRow(
            entry,
            cells[entry.id or 0],
            schools[entry.id or 0][0].name if schools[entry.id or 0] else "",
            tuple(dict.fromkeys(s.stage for s in schools[entry.id or 0] if s.stage)),
        )
        for entry in entries
    ]
    return sorted(rows, key=lambda r: (r.entry.state == SubmissionState.SUBMITTED, r.done, r.entry.code))


@bp.get("/cycles/<int:cycle_id>/progress")
def progress(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    rubric = frame.scoring_of(cycle).rubric
    rows = _board(cycle, rubric)
    wanted = request.args.get("show", "all")
    dimension, stage = request.args.get("dimension", ""), request.args.get("stage", "")
    shown = [r for r in rows if _keeps(r, wanted) and (not stage or stage in r.stages)]
    return frame.page(
        "bureau/progress.html",
        cycle,
        "progress",
        rubric=rubric,
        rows=shown,
        everyone=rows,
        sealed=with_scan(db(), [r.entry.id or 0 for r in rows]),
        columns=_columns(rubric, pages(rubric), dimension),
        filters=[(key, sum(_keeps(r, key) for r in rows)) for key in FILTERS],
        wanted=wanted if wanted in FILTERS else "all",
        dimension=dimension,
        stage=stage,
        stages=list(dict.fromkeys(s for r in rows for s in r.stages)),
        now=current_time(),
        has_earlier=has_earlier(db(), cycle),
    )


# --- one unit ------------------------------------------------------------------------------------


def _entry(cycle_id: int, entry_id: int) -> tuple[Cycle, Entry]:
    cycle, entry = frame.load(cycle_id), entry_for(db(), actor(), entry_id)
    if entry.cycle_id != cycle.id or cycle.state == CycleState.DRAFT:
        raise NotFound(_("没有这份填报，或您无权查看。"))
    return cycle, entry


def _entry_page(
    cycle: Cycle, entry: Entry, *, status: int = 200, error: DomainError | None = None, at: str = ""
) -> Response:
    scoring = frame.scoring_of(cycle)
    sheet = score_entry(db(), cycle, scoring, entry)
    back = returns_of(db(), [entry.id or 0], still_open=False)[entry.id or 0]
    cells = progress_of(
        scoring.rubric, {entry.id or 0: sheet}, {entry.id or 0: [r for r in back if r.closed_at is None]}
    )
    row = BoardRow(entry, cells[entry.id or 0], "", ())
    return frame.page(
        "bureau/entry_progress.html",
        cycle,
        "progress",
        status=status,
        error=error,
        at=at,
        entry=entry,
        rubric=scoring.rubric,
        row=row,
        clauses=[p.clause for p in pages(scoring.rubric)],
        back=back,
        names={i: u.name for i, u in lists.users_by_id(db(), [r.returned_by for r in back]).items()},
        schools=schools_of(db(), [entry.id or 0])[entry.id or 0],
        running=cycle.state in returns.RUNNING,
        submissions=submissions_of(db(), entry.id or 0),
        used=returns.rounds_used(entry),
        again=returns.may_return_again(cycle, entry),
        form=request.form,
        chosen=request.form.getlist("codes") if request.method == "POST" else request.args.getlist("code"),
        until=request.form.get("until") if request.method == "POST" else frame.as_input(entry.extended_until),
        op=request.form.get("op") or frame.new_op(),
    )


@bp.get("/cycles/<int:cycle_id>/progress/<int:entry_id>")
def entry_progress(cycle_id: int, entry_id: int) -> Response:
    return _entry_page(*_entry(cycle_id, entry_id))


@bp.post("/cycles/<int:cycle_id>/progress/<int:entry_id>/return")
def entry_return(cycle_id: int, entry_id: int) -> Response:
    cycle, entry = _entry(cycle_id, entry_id)
    form = request.form
    try:
        returns.return_indicators(
            db(),
            actor(),
            cycle,
            frame.scoring_of(cycle).rubric,
            entry,
            form.getlist("codes"),
            form.get("reason", ""),
            at=current_time(),
            op=form.get("op", ""),
        )
    except DomainError as error:
        db().rollback()
        return _entry_page(*_entry(cycle_id, entry_id), status=error.status, error=error, at="return")
    say("done", _("已退回，%(name)s可以修改这几项并再次提交。", name=entry.name))
    return go(url_for("bureau.entry_progress", cycle_id=cycle_id, entry_id=entry_id))


@bp.post("/cycles/<int:cycle_id>/progress/<int:entry_id>/extend")
def entry_extend(cycle_id: int, entry_id: int) -> Response:
    cycle, entry = _entry(cycle_id, entry_id)
    form = request.form
    try:
        until = frame.parse_moment(form.get("until", ""), "until")
        returns.extend(db(), actor(), cycle, entry, until, form.get("reason", ""), at=current_time())
    except DomainError as error:
        db().rollback()
        return _entry_page(*_entry(cycle_id, entry_id), status=error.status, error=error, at="extend")
    say("done", _("已给%(name)s延期。", name=entry.name))
    return go(url_for("bureau.entry_progress", cycle_id=cycle_id, entry_id=entry_id))
