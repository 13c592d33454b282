"""Cycles: the list, and preparing one step by step. Rulings are in ``rulings``, the opening in ``phases``."""

from __future__ import annotations

from datetime import datetime

from flask import Response, request, url_for

from intranet.domain import cycle_dates as schedule
from intranet.domain import cycles as work
from intranet.domain.operations import outcome_of, remember
from intranet.domain.rulings import known_to
from intranet.domain.ties import MOST_BREAKS, sentence, tie_name, tie_sentence, ties_of
from intranet.enums import CombineRule, CycleState, TieRule
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle
from intranet.queries import cycles as lists
from intranet.queries.entries import schools_of
from intranet.queries.people import count_others
from intranet.queries.publication import publications_of
from intranet.queries.register import all_units
from intranet.queries.review import recusals_of
from intranet.rubric.ranking import comparable
from intranet.web import access
from intranet.web.context import actor, current_time, db, ground
from intranet.web.forms import answer, go, say, whole
from intranet.web.shell import waiting

from . import bp, frame

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in (
            "cycles",
            "cycle_new",
            "cycle_create",
            "cycle",
            "cycle_basics",
            "cycle_basics_save",
            "cycle_dates",
            "cycle_dates_save",
            "cycle_units",
            "cycle_units_save",
            "cycle_panel",
            "cycle_panel_save",
            "cycle_delete",
        )
    }
)


# --- the list ------------------------------------------------------------------------------------


def next_act(row: lists.CycleRow) -> tuple[str, str]:
    """(what to do next, where) for one row of the list."""
    cycle = row.cycle

    def to(endpoint: str) -> str:
        return url_for(f"bureau.{endpoint}", cycle_id=cycle.id)

    match cycle.state:
        case CycleState.DRAFT:
            return _("接着准备"), to("cycle")
        case CycleState.FILING:
            return _("看填报进度"), to("progress")
        case CycleState.REVIEW:
            return _("看填报进度"), to("progress")
        case CycleState.DELIBERATION:
            return (_("看排名"), to("ranking")) if row.result else (_("冻结结果"), to("freeze"))
        case _:
            return _("看排名"), to("ranking")


@bp.get("/cycles")
def cycles() -> Response:
    rows = [(row, *next_act(row)) for row in lists.cycle_rows(db(), actor())]
    return answer(
        "bureau/cycles.html",
        rows=rows,
        op=frame.new_op(),
        installed=ground().registry.installed,
        starts=[] if rows else _starts(),
        todos=waiting(),
    )


def _starts() -> list[tuple[str, str, str, str, bool]]:
    """(label, what is there, address, button, done) of the three steps before the first cycle."""
    units, people = len(all_units(db())), count_others(db(), actor())
    return [
        (
            _("登记单位与学校"),
            _("已登记 %(n)s 个单位", n=units) if units else _("按模板填好，一次导入；也可以逐个新增"),
            url_for("bureau.units" if units else "bureau.units_import"),
            _("去看单位") if units else _("导入单位与学校"),
            bool(units),
        ),
        (
            _("建立账号"),
            _("除您以外已有 %(n)s 个账号", n=people) if people else _("学校填报人和考核组各一个账号"),
            url_for("bureau.people" if people else "bureau.people_import"),
            _("去看人员") if people else _("导入人员"),
            bool(people),
        ),
        (
            _("建考核周期"),
            _("选考核办法、定口径和日程、选单位和考核组"),
            url_for("bureau.cycle_new"),
            _("新建考核周期"),
            False,
        ),
    ]


# --- preparing -----------------------------------------------------------------------------------


def _new(*, status: int = 200, error: DomainError | None = None) -> Response:
    return answer(
        "bureau/cycle_new.html",
        status=status,
        error=error,
        form=request.form,
        installed=ground().registry.installed,
        practice=request.values.get("practice") == "1",
        sources=[] if request.method == "POST" else lists.cycle_rows(db(), actor()),
        op=request.form.get("op") or frame.new_op(),
    )


@bp.get("/cycles/new")
def cycle_new() -> Response:
    return _new()


@bp.post("/cycles/new")
def cycle_create() -> Response:
    form = request.form
    made = outcome_of(db(), actor(), form.get("op", ""))
    if not isinstance(made, int):  # new, or the token of another form
        try:
            cycle = work.create_cycle(
                db(),
                actor(),
                ground().registry,
                title=form.get("title", ""),
                rubric=form.get("rubric", ""),
                practice=form.get("practice") == "1",
            )
        except DomainError as error:
            db().rollback()
            return _new(status=error.status, error=error)
        made = cycle.id
        remember(db(), actor(), form.get("op", ""), made, at=current_time())
    return go(url_for("bureau.cycle_rulings", cycle_id=made))


@bp.get("/cycles/<int:cycle_id>")
def cycle(cycle_id: int) -> Response:
    """The place to go on: the first step that lacks something, or the progress."""
    found = frame.load(cycle_id)
    if found.state != CycleState.DRAFT:
        return go(url_for("bureau.progress", cycle_id=cycle_id))
    lacks = [c.code for c in frame.missing(found) if c.severity == "error"]
    step = next((s for s in frame.STEPS if s in lacks), "open")
    return go(url_for(f"bureau.cycle_{step}", cycle_id=cycle_id))


def _basics(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    definition = work.definition_of(cycle, ground().registry)
    rubric = definition.bind(known_to(cycle, definition))
    chosen = request.form.getlist("tie_break") if request.method == "POST" else cycle.tie_break
    return frame.page(
        "bureau/cycle_basics.html",
        cycle,
        "basics",
        status=status,
        error=error,
        form=request.form,
        installed=ground().registry.installed,
        tie_rules=[(rule, tie_name(rule), tie_sentence(rule)) for rule in TieRule],
        comparable=comparable(rubric),
        breaks=[*chosen, *[""] * MOST_BREAKS][:MOST_BREAKS],
        tie_sentence=sentence(rubric, ties_of(cycle)),
    )


@bp.get("/cycles/<int:cycle_id>/basics")
def cycle_basics(cycle_id: int) -> Response:
    return _basics(frame.load(cycle_id))


@bp.post("/cycles/<int:cycle_id>/basics")
def cycle_basics_save(cycle_id: int) -> Response:
    found, form = frame.load(cycle_id), request.form
    try:
        work.refresh(db(), actor(), found, ground().registry)
        work.change_basics(
            db(),
            actor(),
            found,
            ground().registry,
            title=form.get("title", ""),
            rubric=form.get("rubric", found.rubric_key),
            version=frame.posted_version(),
            ties=_ties(form.get("ties", found.ties.value)),
            tie_break=[c for c in form.getlist("tie_break") if c] if "tie_break" in form else None,
        )
    except DomainError as error:
        db().rollback()
        return _basics(found, status=error.status, error=error)
    return _onward(found, "basics")


def _ties(text: str) -> TieRule:
    try:
        return TieRule(text)
    except ValueError as error:
        raise Invalid(_("请选择同分怎么排。"), field="ties") from error


def _onward(cycle: Cycle, here: str) -> Response:
    """After a saved step: the next one, or this page again with a note."""
    if cycle.state == CycleState.DRAFT and request.form.get("then") != "stay":
        step = frame.STEPS[frame.STEPS.index(here) + 1]
        return go(url_for(f"bureau.cycle_{step}", cycle_id=cycle.id))
    say("done", _("已保存。"))
    return go(url_for(f"bureau.cycle_{here}", cycle_id=cycle.id))


# --- dates ---------------------------------------------------------------------------------------


def _dates(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    typed = request.form if request.method == "POST" else {}
    has_notice = bool(publications_of(db(), cycle.id or 0))
    fixed = schedule.fixed_dates(cycle.state, has_notice=has_notice)
    rows = []
    for name in schedule.DATES:
        stored = frame.as_input(getattr(cycle, name))
        rows.append(
            (
                name,
                schedule.date_label(name),
                stored if name in fixed else typed.get(name, stored),
                name in fixed,
            )
        )
    return frame.page(
        "bureau/cycle_dates.html",
        cycle,
        "dates",
        status=status,
        error=error,
        rows=rows,
        by_notice=schedule.NOTICE_DATES if has_notice else (),
        may_return=cycle.state in (CycleState.DRAFT, CycleState.FILING, CycleState.REVIEW),
        max_returns=typed.get("max_returns", cycle.max_returns),
    )


@bp.get("/cycles/<int:cycle_id>/dates")
def cycle_dates(cycle_id: int) -> Response:
    return _dates(frame.load(cycle_id))


@bp.post("/cycles/<int:cycle_id>/dates")
def cycle_dates_save(cycle_id: int) -> Response:
    found = frame.load(cycle_id)
    try:
        dates, problems = _posted_dates()
        if problems:
            raise Invalid(_("日程里有 %(n)s 处要改。", n=len(problems)), problems)
        work.refresh(db(), actor(), found, ground().registry)
        schedule.set_dates(
            db(),
            actor(),
            found,
            dates,
            version=frame.posted_version(),
            max_returns=_posted_number(found),
        )
    except DomainError as error:
        db().rollback()
        return _dates(found, status=error.status, error=error)
    return _onward(found, "dates")


def _posted_number(found: Cycle) -> int:
    """How often a unit may be returned, as typed; a form without it changes nothing."""
    text = request.form.get("max_returns", str(found.max_returns)).strip()
    number = whole(text)
    return -1 if number is None else number


def _posted_dates() -> tuple[dict[str, datetime | None], dict[str, str]]:
    dates: dict[str, datetime | None] = {}
    problems: dict[str, str] = {}
    for name in schedule.DATES:
        try:
            dates[name] = frame.parse_moment(request.form.get(name, ""), name)
        except Invalid as error:
            problems |= error.problems
    return dates, problems


# --- units ---------------------------------------------------------------------------------------


def _units(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    entries = lists.entries_of(db(), cycle.id or 0)
    if cycle.state != CycleState.DRAFT:
        schools = schools_of(db(), [e.id or 0 for e in entries])
        template = "bureau/cycle_units_fixed.html"
        return frame.page(
            template, cycle, "units", status=status, error=error, entries=entries, schools=schools
        )
    chosen = frozenset(e.unit_id for e in entries)
    if request.method == "POST":
        chosen = frozenset(frame.posted_ids("unit"))
    rows = lists.units_for(db(), cycle.rubric_key, chosen=chosen)
    definition = work.definition_of(cycle, ground().registry)
    return frame.page(
        "bureau/cycle_units.html",
        cycle,
        "units",
        status=status,
        error=error,
        rows=rows,
        chosen=chosen,
        terms=definition.bind(cycle.rulings).terms,
    )


@bp.get("/cycles/<int:cycle_id>/units")
def cycle_units(cycle_id: int) -> Response:
    return _units(frame.load(cycle_id))


@bp.post("/cycles/<int:cycle_id>/units")
def cycle_units_save(cycle_id: int) -> Response:
    found = frame.load(cycle_id)
    try:
        work.refresh(db(), actor(), found, ground().registry)
        work.choose_units(db(), actor(), found, frame.posted_ids("unit"))
    except DomainError as error:
        db().rollback()
        return _units(found, status=error.status, error=error)
    return _onward(found, "units")


# --- panel ---------------------------------------------------------------------------------------


def _panel(cycle: Cycle, *, status: int = 200, error: DomainError | None = None) -> Response:
    posted = request.method == "POST"
    units = {e.id: e.name for e in lists.entries_of(db(), cycle.id or 0)}
    recused = recusals_of(db(), cycle.id or 0)
    return frame.page(
        "bureau/cycle_panel.html",
        cycle,
        "panel",
        status=status,
        error=error,
        seats=lists.seats(db(), cycle.id or 0),
        recused={
            user_id: [name for i, name in units.items() if i in ids] for user_id, ids in recused.items()
        },
        typed_chairs=frame.posted_ids("chair") if posted else None,
        typed_reviewers=frame.posted_ids("reviewer") if posted else None,
        login=request.form.get("login", ""),
        chosen=request.form.get("combine", cycle.combine.value),
        combine=[(rule, work.combine_name(rule), work.combine_sentence(rule)) for rule in CombineRule],
        combine_open=cycle.state in (CycleState.DRAFT, CycleState.FILING),
        is_open=cycle.state not in (CycleState.PUBLISHED, CycleState.FINAL, CycleState.ARCHIVED),
    )


@bp.get("/cycles/<int:cycle_id>/panel")
def cycle_panel(cycle_id: int) -> Response:
    return _panel(frame.load(cycle_id))


@bp.post("/cycles/<int:cycle_id>/panel")
def cycle_panel_save(cycle_id: int) -> Response:
    found, form = frame.load(cycle_id), request.form
    try:
        work.refresh(db(), actor(), found, ground().registry)
        work.set_panel(
            db(),
            actor(),
            found,
            chairs=frame.posted_ids("chair"),
            reviewers=frame.posted_ids("reviewer"),
            combine=_combine(form.get("combine", found.combine.value)),
            login=form.get("login", ""),
            version=frame.posted_version(),
        )
    except DomainError as error:
        db().rollback()
        return _panel(found, status=error.status, error=error)
    return _onward(found, "panel")


def _combine(text: str) -> CombineRule:
    try:
        return CombineRule(text)
    except ValueError as error:
        raise Invalid(_("请选择合成办法。"), field="combine") from error


@bp.post("/cycles/<int:cycle_id>/delete")
def cycle_delete(cycle_id: int) -> Response:
    found = frame.load(cycle_id)
    work.delete_draft(db(), actor(), found)
    say("done", _("已删除“%(title)s”的草稿。", title=found.title))
    return go(url_for("bureau.cycles"))
