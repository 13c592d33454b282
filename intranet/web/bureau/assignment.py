"""考核组 → 分派: who scores what, by rule, by hand, from a table; how it is covered and whom it loads."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from flask import Response, request, url_for

from intranet.documents import assignment_sheet as paper
from intranet.domain import assignment as work
from intranet.domain.operations import outcome_of, remember
from intranet.enums import CycleState
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.queries import assignments as stored
from intranet.queries.assignments import Asked
from intranet.queries.cycles import users_by_id
from intranet.web import access
from intranet.web.context import actor, current_time, db, ground
from intranet.web.downloads import xlsx
from intranet.web.forms import go, say, whole

from . import bp, frame
from .matrix import Board, lines_of, load_board, loads_of

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in (
            "assignment",
            "assignment_xlsx",
            "assignment_save",
            "assignment_switch",
            "assignment_rule",
            "assignment_check",
            "assignment_apply",
        )
    }
)

WANTED = 2
"""Reviewers for each cell, unless another number is asked for."""

MOST_SHOWN = 100
"""Units listed for a reviewer before a change is taken over; the counts are of all of them."""


# --- the page -------------------------------------------------------------------------------------


def _wanted(board: Board) -> int:
    most = max(len(board.asked.reviewers), 1)
    return min(max(whole(request.values.get("k", "")) or WANTED, 1), most)


def _who(board: Board) -> int | None:
    chosen = whole(request.values.get("who", ""))
    return chosen if any(r.user_id == chosen for r in board.asked.reviewers) else None


def _page(
    board: Board,
    *,
    status: int = 200,
    error: DomainError | None = None,
    ticked: Collection[work.Row] | None = None,
    **more: object,
) -> Response:
    """ticked: what stood in a refused form, so that nothing of it is lost."""
    who, k = _who(board), _wanted(board)
    in_draft = board.cycle.state == CycleState.DRAFT
    values: dict[str, object] = {
        "board": board,
        "who": who,
        "k": k,
        "loads": loads_of(board),
        "lines": [] if in_draft else lines_of(board, who, ticked),
        "cover": work.coverage(board.asked, board.ids, board.codes, k),
        "rules": [(rule.value, work.rule_name(rule)) for rule in work.Rule],
        "is_open": board.cycle.state in work.OPEN,
        "seen": work.digest(board.rows if who is None else board.rows_of(who)),
        "op": frame.new_op(),
        "plan": None,
        "problems": (),
    }
    return frame.page(
        "bureau/assignment.html", board.cycle, "panel", status=status, error=error, **(values | more)
    )


@bp.get("/cycles/<int:cycle_id>/assignment")
def assignment(cycle_id: int) -> Response:
    return _page(load_board(cycle_id))


def _here(cycle_id: int, **query: object) -> Response:
    return go(url_for("bureau.assignment", cycle_id=cycle_id, **{k: v for k, v in query.items() if v}))  # type: ignore[arg-type]


@bp.post("/cycles/<int:cycle_id>/assignment/switch")
def assignment_switch(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    on = bool(request.form.get("on"))
    try:
        work.switch(db(), actor(), cycle, on=on)
    except DomainError as error:
        db().rollback()
        return _page(load_board(cycle_id), error=error, status=error.status)
    say("done", _("已启用分派，评委只评分派到的。") if on else _("已停用分派，评委评全部。"))
    return _here(cycle_id, k=request.form.get("k", ""))


# --- by hand --------------------------------------------------------------------------------------


@bp.post("/cycles/<int:cycle_id>/assignment")
def assignment_save(cycle_id: int) -> Response:
    """One reviewer's cells as ticked; ``do`` is ``save``, ``row:<entry id>`` or ``column:<code>``, which tick
    a whole row or column besides, or empty it when all of it is ticked."""
    board = load_board(cycle_id)
    who, op = _who(board), request.form.get("op", "")
    if outcome_of(db(), actor(), op) is not None:
        return _here(cycle_id, who=who)
    ticked = {(who or 0, *cell) for cell in _cells(request.form.getlist("cell"))}
    try:
        if who is None:
            raise Invalid(_("请先选一位评委。"), field="who")
        ticked = _pressed(board, who, ticked)
        seen = request.form.get("seen", "")
        change = work.assign(
            db(), actor(), board.cycle, board.rubric, board.asked, ticked, seen=seen, how="hand", only=who
        )
    except DomainError as error:
        db().rollback()
        return _page(load_board(cycle_id), error=error, status=error.status, ticked=ticked)
    remember(db(), actor(), op, {"assigned": who}, at=current_time())
    _say(change)
    return _here(cycle_id, who=who, k=request.form.get("k", ""))


def _cells(values: Collection[str]) -> set[stored.Cell]:
    """``<entry id>.<indicator code>``; anything else is no cell."""
    out = set()
    for value in values:
        head, _dot, code = value.partition(".")
        entry_id = whole(head)
        if entry_id is not None and code:
            out.add((entry_id, code))
    return out


def _pressed(board: Board, who: int, ticked: set[work.Row]) -> set[work.Row]:
    verb, _colon, what = request.form.get("do", "save").partition(":")
    if verb not in ("row", "column"):
        return ticked
    barred = board.barred(who)
    line = {
        (who, i, code)
        for i in board.ids
        for code in board.codes
        if i not in barred and what == (str(i) if verb == "row" else code)
    }
    return ticked - line if line <= ticked else ticked | line


def _say(change: work.Plan) -> None:
    if change.is_empty:
        say("info", _("分派没有变化。"))
    else:
        say("done", _("已保存：加 %(n)s 格，减 %(m)s 格。", n=len(change.added), m=len(change.removed)))


# --- by rule, from a table: shown first, then taken over ------------------------------------------


@bp.post("/cycles/<int:cycle_id>/assignment/rule")
def assignment_rule(cycle_id: int) -> Response:
    """What a rule would change; saves nothing."""
    board = load_board(cycle_id)
    try:
        work.require_open(board.cycle)
        chosen = request.form.get("rule", "")
        if chosen == "none":
            return _planned(board, frozenset(), "rule:none")
        if chosen not in {rule.value for rule in work.Rule}:
            raise Invalid(_("请选择一种分派办法。"), field="rule")
        rule = work.Rule(chosen)
        k = _wanted(board)
        wanted = work.by_rule(rule, board.asked, board.entries, board.codes, k)
    except DomainError as error:
        return _page(board, error=error, status=error.status)
    return _planned(board, wanted, f"rule:{rule.value}:{k}")


@bp.get("/cycles/<int:cycle_id>/assignment.xlsx")
def assignment_xlsx(cycle_id: int) -> Response:
    board = load_board(cycle_id)
    title = _("%(cycle)s 评分分派表", cycle=board.cycle.title)
    data = paper.write(title, _layout(board), author=ground().settings.bureau_name)
    return xlsx(data, title)


def _layout(board: Board) -> paper.Layout:
    users = users_by_id(db(), [r.user_id for r in board.asked.reviewers])
    people = [(r.user_id, r.name, users[r.user_id].login) for r in board.asked.reviewers]
    lines = [
        paper.Line(
            e.id or 0,
            e.code,
            e.name,
            frozenset(r.user_id for r in board.asked.reviewers if board.asked.is_barred(r, e.id or 0)),
        )
        for e in board.entries
    ]
    cells = {
        (i, code): [r.user_id for r in board.asked.of(i, code)] for i in board.ids for code in board.codes
    }
    indicators = [(c.code, c.name) for c in board.indicators]
    return paper.Layout(paper.people_of(people), lines, indicators, cells)


@bp.post("/cycles/<int:cycle_id>/assignment/check")
def assignment_check(cycle_id: int) -> Response:
    """What an uploaded table would change, or every problem with its cell; saves nothing."""
    board = load_board(cycle_id)
    upload = request.files.get("file")
    data = upload.read() if upload else b""
    try:
        work.require_open(board.cycle)
        if not data:
            raise Invalid(_("请先选择填好的表。"), field="file")
        layout = _layout(board)
        db().rollback()  # the write lock is not held while the file is read
        found = paper.read(data, layout)
    except DomainError as error:
        db().rollback()
        return _page(load_board(cycle_id), error=error, status=error.status)
    board = load_board(cycle_id)
    if found.problems:
        return _page(board, problems=found.problems, status=422)
    return _planned(board, found.rows, "xlsx")


@dataclass(frozen=True, slots=True)
class Change:
    """One reviewer's change: how many cells more and fewer, in words by unit."""

    name: str
    added: int
    removed: int
    more: list[str]
    fewer: list[str]


def _planned(board: Board, wanted: Collection[work.Row], how: str) -> Response:
    """The changes, and a form that takes them over."""
    change = work.plan(board.rows, wanted)
    people = {r.user_id: r.name for r in board.asked.reviewers}
    units = {e.id or 0: e.name for e in board.entries}
    changes = []
    for user_id in [*people, *{row[0] for row in change.removed} - people.keys()]:
        added = [row for row in change.added if row[0] == user_id]
        removed = [row for row in change.removed if row[0] == user_id]
        if added or removed:
            more, fewer = _by_unit(added, units, board.codes), _by_unit(removed, units, board.codes)
            name = people.get(user_id, _("已不在考核组的人"))
            changes.append(Change(name, len(added), len(removed), more, fewer))
    pairs: dict[stored.Cell, set[int]] = defaultdict(set)
    for user_id, entry_id, code in wanted:
        pairs[entry_id, code].add(user_id)
    then = Asked(board.asked.reviewers, board.asked.schools, {c: frozenset(u) for c, u in pairs.items()})
    return _page(
        board,
        plan=change,
        changes=changes,
        then=work.coverage(then, board.ids, board.codes, _wanted(board)),
        payload=_packed(wanted),
        how=how,
        seen_all=work.digest(board.rows),
    )


def _by_unit(rows: Sequence[work.Row], units: Mapping[int, str], codes: Sequence[str]) -> list[str]:
    """A unit with its indicators in words, one each, at most MOST_SHOWN."""
    found: dict[int, list[str]] = {}
    for _user, entry_id, code in rows:
        found.setdefault(entry_id, []).append(code)
    return [
        _("%(unit)s：%(codes)s", unit=units[i], codes=_codes(found[i], codes)) for i in units if i in found
    ][:MOST_SHOWN]


def _codes(found: Sequence[str], codes: Sequence[str]) -> str:
    if len(found) == len(codes):
        return _("全部指标")
    return "、".join(c for c in codes if c in found)


def _packed(rows: Collection[work.Row]) -> str:
    """Rows as they travel through the page: {user id: {entry id: [codes]}}."""
    out: dict[str, dict[str, list[str]]] = {}
    for user_id, entry_id, code in sorted(rows):
        out.setdefault(str(user_id), {}).setdefault(str(entry_id), []).append(code)
    return json.dumps(out, ensure_ascii=False, separators=(",", ":"))


def _unpacked(text: str) -> set[work.Row]:
    """:raises Invalid: not what :func:`_packed` wrote."""
    try:
        found = json.loads(text)
        return {
            (int(user_id), int(entry_id), str(code))
            for user_id, entries in found.items()
            for entry_id, codes in entries.items()
            for code in codes
        }
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise Invalid(_("内容不完整，请重新选择办法或上传。")) from error


@bp.post("/cycles/<int:cycle_id>/assignment/apply")
def assignment_apply(cycle_id: int) -> Response:
    board, op = load_board(cycle_id), request.form.get("op", "")
    if outcome_of(db(), actor(), op) is not None:
        return _here(cycle_id)
    try:
        change = work.assign(
            db(),
            actor(),
            board.cycle,
            board.rubric,
            board.asked,
            _unpacked(request.form.get("rows", "")),
            seen=request.form.get("seen", ""),
            how=request.form.get("how", "")[:40],
        )
    except DomainError as error:
        db().rollback()
        return _page(load_board(cycle_id), error=error, status=error.status)
    remember(db(), actor(), op, {"assigned": len(change.added)}, at=current_time())
    _say(change)
    return _here(cycle_id, k=request.form.get("k", ""))
