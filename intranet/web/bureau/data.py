"""The bureau's own data: one grid per set of fields, pasting, materials and clauses that do not apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for

from intranet.domain import bureau_data as work
from intranet.domain.scoring import EntrySheet, score_entries
from intranet.enums import CycleState, SchoolRole
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Answer, Cycle, Entry
from intranet.queries import cycles as lists
from intranet.queries.entries import schools_of
from intranet.rubric.model import Field, Rubric
from intranet.web import access
from intranet.web.context import actor, current_time, db
from intranet.web.forms import answer, go, say, wants_fragment

from . import bp, frame

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in ("data", "data_row", "data_paste", "data_slot", "data_exempt")
    }
)


@dataclass(frozen=True)
class CellView:
    """One value of a row. text: what stands in the input; theirs: what somebody else stored meanwhile."""

    field: Field
    n: int
    text: str
    version: int
    hidden: bool
    error: str = ""
    theirs: str = ""


@dataclass(frozen=True)
class RowView:
    """One row of a grid, with the id that htmx aims at. note: 已保存, or what went wrong."""

    id: str
    set_key: str
    place: work.Place
    cells: tuple[CellView, ...]
    op: str
    saved: bool = False
    note: str = ""

    @property
    def is_first(self) -> bool:
        """Whether the unit's name stands in this row: with its lead school."""
        return self.place.school is None or self.place.school.role == SchoolRole.LEAD


@dataclass(frozen=True)
class GridView:
    fields: work.FieldSet
    rows: tuple[RowView, ...]

    @property
    def blank(self) -> int:
        """Rows in which something is still empty."""
        return sum(any(not c.text and not c.hidden for c in row.cells) for row in self.rows)


def as_text(value: Any) -> str:
    """A stored value as the text that reads back to it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def shown(field: Field, value: Any) -> str:
    """A stored value for people."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return next((o.label or o.value for o in field.options if o.value == value), str(value))


def _row(
    rubric_sets: Sequence[work.FieldSet],
    fields: work.FieldSet,
    place: work.Place,
    sheet: EntrySheet,
    stored: Mapping[tuple[int, int, str], Answer],
    *,
    error: DomainError | None = None,
    saved: bool = False,
) -> RowView:
    entry_id = place.entry.id or 0
    typed = _typed(fields) if error is not None else {}
    problems = error.problems if isinstance(error, Invalid) else {}
    theirs: Any = error.theirs if isinstance(error, Conflict) else {}
    cells = []
    for n, declared in enumerate(fields.fields):
        field = sheet.form.field(declared.key)
        found = stored.get((entry_id, place.school_id, field.key))
        cells.append(
            CellView(
                field,
                n,
                typed.get(field.key, as_text(found.value if found else None)),
                found.version if found else 0,
                field.key in sheet.form.hidden,
                problems.get(field.key, ""),
                shown(field, theirs[field.key]) if field.key in theirs else "",
            )
        )
    place_n = [s.key for s in rubric_sets].index(fields.key)
    return RowView(
        f"data-{place_n}-{entry_id}-{place.school_id}",
        fields.key,
        place,
        tuple(cells),
        frame.new_op(),
        saved,
        error.message if error else "",
    )


def _typed(fields: work.FieldSet) -> dict[str, str]:
    return {f.key: request.form[f"f.{n}"] for n, f in enumerate(fields.fields) if f"f.{n}" in request.form}


def _versions(fields: work.FieldSet) -> dict[str, int]:
    texts = {f.key: request.form.get(f"v.{n}", "") for n, f in enumerate(fields.fields)}
    return {key: int(t) if t.isascii() and t.isdigit() and len(t) < 10 else 0 for key, t in texts.items()}


def _places(cycle: Cycle, per: str) -> list[work.Place]:
    entries = lists.entries_of(db(), cycle.id or 0)
    if per == "unit":
        return [work.Place(e) for e in entries]
    schools = schools_of(db(), [e.id or 0 for e in entries])
    return [work.Place(e, s) for e in entries for s in schools[e.id or 0]]


def _load(cycle_id: int) -> tuple[Cycle, Rubric, dict[int, EntrySheet]]:
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        raise NotFound(_("考核还没有开启，没有教育局数据。"))
    scoring = frame.scoring_of(cycle)
    return cycle, scoring.rubric, score_entries(db(), cycle, scoring, lists.entries_of(db(), cycle.id or 0))


def _page(cycle_id: int, *, status: int = 200, error: DomainError | None = None, at: str = "") -> Response:
    cycle, rubric, sheets = _load(cycle_id)
    sets = work.field_sets(rubric)
    stored = lists.bureau_answers(db(), list(sheets))
    grids = [
        GridView(
            fields,
            tuple(_row(sets, fields, p, sheets[p.entry.id or 0], stored) for p in _places(cycle, fields.per)),
        )
        for fields in sets
    ]
    entries = [s.entry for s in sheets.values()]
    said = lists.reasons_of(db(), cycle_id, ("data.slot", "data.exempt"))
    return frame.page(
        "bureau/data.html",
        cycle,
        "data",
        status=status,
        error=error,
        at=at,
        rubric=rubric,
        grids=grids,
        entries=entries,
        slots=_slot_names(sheets),
        not_applicable=_not_applicable(sheets, stored, said),
        waived=[
            (e, code, rubric.by[code].name if code in rubric.by else code, said.get((e.id or 0, code)))
            for e in entries
            for code in e.exempt
        ],
        clauses=[c for c in rubric.clauses if c.code != rubric.root.code],
        depth=rubric.depth,
        is_open=work.is_open(cycle),
        form=request.form,
    )


def _slot_names(sheets: Mapping[int, EntrySheet]) -> list[tuple[str, str]]:
    """(key, label) of every material any unit is asked for."""
    out: dict[str, str] = {}
    for sheet in sheets.values():
        for code in sheet.form.labels:
            for slot in sheet.form.slots(code):
                out.setdefault(f"{code}#{slot.n}", f"{code}　{slot.label}")
    return list(out.items())


def _not_applicable(
    sheets: Mapping[int, EntrySheet],
    stored: Mapping[tuple[int, int, str], Answer],
    said: Mapping[tuple[int, str], Any],
) -> list[tuple[Entry, str, str, Any]]:
    out = []
    for (entry_id, school_id, key), found in stored.items():
        code, _hash, n = key.rpartition("#")
        if found.value == work.NA and school_id == 0 and code:
            labels = sheets[entry_id].form.labels.get(code, ())
            label = labels[int(n) - 1] if n.isdigit() and int(n) <= len(labels) else key
            out.append((sheets[entry_id].entry, key, f"{code}　{label}", said.get((entry_id, key))))
    return out


@bp.get("/cycles/<int:cycle_id>/data")
def data(cycle_id: int) -> Response:
    if frame.load(cycle_id).state == CycleState.DRAFT:
        return go(url_for("bureau.cycle", cycle_id=cycle_id))
    return _page(cycle_id)


@bp.post("/cycles/<int:cycle_id>/data/<int:entry_id>/<int:school_id>/<set_key>")
def data_row(cycle_id: int, entry_id: int, school_id: int, set_key: str) -> Response:
    cycle, rubric, sheets = _load(cycle_id)
    sets = work.field_sets(rubric)
    fields = next((s for s in sets if s.key == set_key), None)
    places = _places(cycle, fields.per) if fields else []
    place = next((p for p in places if (p.entry.id, p.school_id) == (entry_id, school_id)), None)
    if fields is None or place is None:
        raise NotFound(_("没有这一行数据。"))
    sheet = sheets[entry_id]
    asked = [sheet.form.field(f.key) for f in fields.fields if f.key not in sheet.form.hidden]
    problem: DomainError | None = None
    try:
        work.save_row(
            db(),
            actor(),
            cycle,
            place,
            asked,
            _typed(fields),
            _versions(fields),
            at=current_time(),
            op=request.form.get("op", ""),
        )
    except (Invalid, Conflict) as error:
        problem = error
        db().rollback()
    if not wants_fragment():
        if problem is not None:
            return _page(cycle_id, status=problem.status, error=problem)
        say("done", _("已保存。"))
        return go(
            url_for("bureau.data", cycle_id=cycle_id)
            + f"#data-{[s.key for s in sets].index(set_key)}-{entry_id}-{school_id}"
        )
    if problem is not None:  # the rolled back session holds nothing any more
        cycle, rubric, sheets = _load(cycle_id)
        place = next(
            p for p in _places(cycle, fields.per) if (p.entry.id, p.school_id) == (entry_id, school_id)
        )
    stored = lists.bureau_answers(db(), [entry_id])
    row = _row(sets, fields, place, sheets[entry_id], stored, error=problem, saved=problem is None)
    return answer(
        "bureau/_data_row.html",
        status=problem.status if problem else 200,
        row=row,
        cycle=cycle,
        is_open=work.is_open(cycle),
    )


@bp.post("/cycles/<int:cycle_id>/data/paste/<set_key>")
def data_paste(cycle_id: int, set_key: str) -> Response:
    cycle, rubric, _sheets = _load(cycle_id)
    fields = next((s for s in work.field_sets(rubric) if s.key == set_key), None)
    if fields is None:
        raise NotFound(_("没有这组数据。"))
    try:
        text = request.form.get("text", "")
        n = work.paste(
            db(), actor(), cycle, _places(cycle, fields.per), fields.fields, text, at=current_time()
        )
    except DomainError as error:
        db().rollback()
        return _page(cycle_id, status=error.status, error=error, at=set_key)
    say("done", _("已保存 %(n)s 处改动。", n=n))
    return go(url_for("bureau.data", cycle_id=cycle_id))


def _posted_entry(sheets: Mapping[int, EntrySheet]) -> EntrySheet:
    ids = frame.posted_ids("entry")
    if not ids or ids[0] not in sheets:
        raise Invalid(_("请选择单位。"), field="entry")
    return sheets[ids[0]]


@bp.post("/cycles/<int:cycle_id>/data/slot")
def data_slot(cycle_id: int) -> Response:
    cycle, _rubric, sheets = _load(cycle_id)
    form = request.form
    try:
        sheet = _posted_entry(sheets)
        work.set_slot(
            db(),
            actor(),
            cycle,
            sheet.entry,
            sheet.form,
            form.get("key", ""),
            applies=form.get("applies") == "1",
            reason=form.get("reason", ""),
            at=current_time(),
        )
    except DomainError as error:
        db().rollback()
        return _page(cycle_id, status=error.status, error=error, at="slot")
    say("done", _("已保存。"))
    return go(url_for("bureau.data", cycle_id=cycle_id) + "#slots")


@bp.post("/cycles/<int:cycle_id>/data/exempt")
def data_exempt(cycle_id: int) -> Response:
    cycle, rubric, sheets = _load(cycle_id)
    form = request.form
    try:
        entry = _posted_entry(sheets).entry
        work.set_exempt(
            db(),
            actor(),
            cycle,
            rubric,
            entry,
            form.get("code", ""),
            exempt=form.get("applies") != "1",
            reason=form.get("reason", ""),
        )
    except DomainError as error:
        db().rollback()
        return _page(cycle_id, status=error.status, error=error, at="exempt")
    say("done", _("已保存。"))
    return go(url_for("bureau.data", cycle_id=cycle_id) + "#exempt")
