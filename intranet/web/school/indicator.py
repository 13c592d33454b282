"""One indicator: its page, and saving fields, slots and own scores."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from intranet.domain import filing as act
from intranet.domain.changes import Change, compare
from intranet.domain.fact_rows import row_on
from intranet.domain.self_scores import save_self, so_far
from intranet.domain.snapshot import content_of
from intranet.errors import Conflict, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Answer, FactRow, Mark
from intranet.queries.filing import Page
from intranet.queries.submissions import submission_of
from intranet.rubric.model import Ruling
from intranet.rubric.numbers import show
from intranet.web import access, context
from intranet.web.forms import answer, go, wants_fragment, whole

from . import bp, inquiries, ledger, sharing, tables, view
from .desk import Desk, load, new_op
from .row_form import RowForm, row_form

access.allow(
    {
        "school.indicator": access.FILING_READERS,
        "school.save_answers": access.SCHOOL,
        "school.save_slot": access.SCHOOL,
        "school.save_self": access.SCHOOL,
    }
)

ROOT = "/entries/<int:entry_id>/indicators/<code>"


@bp.get(ROOT)
def indicator(entry_id: int, code: str) -> Response:
    """The page; ``?table=&row=`` opens one row (an id, or ``new``), as a fragment the table alone.

    ``like``: the row that a new one is a copy of. ``deleted``: a row just deleted, to be brought back.
    """
    desk = load(entry_id)
    page = desk.filing.page(code)
    key, row = request.args.get("table", ""), request.args.get("row", "")
    if not key:
        return show_page(desk, page)
    form = open_row(desk, page, key, row, like=request.args.get("like", "")) if row else None
    if wants_fragment():
        shown = tables.table_view(desk, page, key, form=form)
        return answer("school/_table.html", **values(desk, page), table=shown, oob=False)
    deleted = _deleted_row(desk, page, key, request.args.get("deleted", ""))
    return show_page(desk, page, row_form=form, table=key, deleted=deleted)


def open_row(desk: Desk, page: Page, key: str, row: str, *, like: str = "") -> RowForm | None:
    """The form of a row by its id, or of a ``new`` one; None where this person may not change it.

    :param like: the id of the row that the new one is a copy of, if it is still there.
    """
    if key not in page.tables:
        raise NotFound(_("没有这张表。"))
    table = desk.rubric.table[key]
    if row == "new":
        if not desk.may_help(page.code):
            return None
        source = desk.rows.get(whole(like) or 0)
        if source is not None and (source.table != key or source.deleted_at is not None):
            source = None
        if source is not None and not tables.may_change(desk, page, source):
            source = None
        return row_form(desk, page, table, None, like=source)
    stored = desk.rows.get(whole(row) or 0)
    if stored is None or stored.table != key or stored.deleted_at is not None:
        raise NotFound(_("没有这一行。"))
    may = tables.may_change(desk, page, stored)
    return row_form(desk, page, table, stored) if may else None


def _deleted_row(desk: Desk, page: Page, key: str, row: str) -> FactRow | None:
    """A row that this person has just deleted and may bring back."""
    try:
        found = row_on(desk.filing, page.code, whole(row) or 0)
    except NotFound:
        return None
    is_gone = found.table == key and found.deleted_at is not None
    return found if is_gone and tables.may_change(desk, page, found) else None


def values(desk: Desk, page: Page) -> dict[str, Any]:
    """What the page and each of its fragments read."""
    codes = list(desk.filing.pages)
    place = codes.index(page.code)
    return {
        **desk.page_values(),
        "page": page,
        "pk": place,
        "cell": desk.cells[page.code],
        "rail": _rail(desk, page),
        "before": desk.filing.pages[codes[place - 1]] if place else None,
        "after": desk.filing.pages[codes[place + 1]] if place + 1 < len(codes) else None,
        "ledger_rows": [] if desk.filing.share else ledger.rows(desk.rubric, desk.own, page.code),
        "total": desk.own[page.code],
        "total_word": ledger.word(desk.rubric, page.clause, desk.own[page.code]),
        "total_so_far": so_far(desk.own[page.code]),
        "selves": [] if desk.filing.share else view.self_views(desk, page),
        "may_edit": desk.may_edit(page.code),
        "may_help": desk.may_help(page.code),
        "handed": sharing.on_page(desk, page.code),
    }


def _rail(desk: Desk, page: Page) -> list[tuple[Page, str, str, bool, bool]]:
    """(page, state, words, is current, does a new dimension begin) of every indicator."""
    out, last = [], None
    for other in desk.filing.pages.values():
        cell = desk.cells[other.code]
        begins = last is not None and other.clause.parent != last
        out.append((other, cell.state, state_words(desk, other.code), other.code == page.code, begins))
        last = other.clause.parent
    return out


def state_words(desk: Desk, code: str) -> str:
    """State of an indicator in words; complete before handing in is 已完成, after it 已提交."""
    cell = desk.cells[code]
    if not cell.is_asked:
        return _("不用填报")
    if cell.state == "done":
        return _("已提交") if desk.filing.entry.state != "open" else _("已完成")
    return {
        "none": _("未开始"),
        "doing": _("填报中"),
        "miss": _("缺 %(n)s 份材料", n=cell.missing),
        "back": _("退回修改"),
    }[cell.state]


def show_page(
    desk: Desk,
    page: Page,
    *,
    status: int = 200,
    typed: view.Typed | None = None,
    slot_typed: view.Typed | None = None,
    selves: list[view.SelfView] | None = None,
    row_form: RowForm | None = None,
    table: str = "",
    table_error: str = "",
    deleted: FactRow | None = None,
) -> Response:
    """The whole page, with whatever was typed and not taken back in its place."""
    shown = values(desk, page)
    if selves is not None:
        shown["selves"] = selves
    return answer(
        "school/indicator.html",
        status=status,
        **shown,
        why_not=desk.why_not(page.code),
        quotes=view.quotes(page),
        groups=view.field_groups(desk, page, typed or view.Typed()),
        slots=view.slots(desk, page, slot_typed or view.Typed()),
        tables=[
            tables.table_view(
                desk,
                page,
                key,
                form=row_form if key == table else None,
                error=table_error if key == table else "",
                deleted=deleted if key == table else None,
            )
            for key in page.tables
        ],
        pastes={key: tables.paste_view(desk.rubric.table[key]) for key in page.tables},
        library=desk.files,
        rulings=_rulings(desk, page),
        returns=[r for r in desk.filing.returns if page.code in r.codes],
        answered=_answered(desk, page),
        asked=inquiries.on_page(desk, page),
        may_reply=inquiries.may_reply(desk),
        op=new_op(),
    )


def _answered(desk: Desk, page: Page) -> list[Change] | None:
    """What a returned page says other than what was handed in; None where nothing was returned."""
    if not any(page.code in r.codes for r in desk.filing.returns):
        return None
    kept = submission_of(desk.filing.session, desk.entry_id)
    if kept is None:
        return None
    now = content_of(desk.filing, desk.filed, desk.files)
    found = compare(desk.rubric, [page], desk.filing.schools, kept.content, now)
    return found.get(page.code, [])


def _rulings(desk: Desk, page: Page) -> list[tuple[Ruling, str]]:
    """Rulings of this page's clauses, each with what was decided, in words."""
    codes = {c.code for c in page.clauses}
    out = []
    for ruling in desk.rubric.rulings:
        if ruling.clause in codes:
            given = desk.filing.cycle.rulings.get(ruling.key, ruling.default)
            chosen = next((c.label for c in ruling.choices if c.key == given), None)
            out.append((ruling, chosen or ("—" if given is None else str(given))))
    return out


# --- fields --------------------------------------------------------------------------------------


@bp.post(ROOT + "/answers")
def save_answers(entry_id: int, code: str) -> Response:
    """All fields of the form, or the one that ``only`` names: everything is saved or nothing."""
    desk = load(entry_id)
    page = desk.filing.page(code)
    form = request.form
    only = form.get("only", "")
    texts = {n[2:]: v for n, v in form.items() if n.startswith("f:") and only in ("", n[2:])}
    problems: dict[str, str] = {}
    theirs: dict[str, str] = {}
    for name, text in texts.items():
        key, _at, school = name.partition("@")
        version, op = whole(form.get(f"version:{name}", "")) or 0, form.get(f"op:{name}", "")
        try:
            act.save_answer(desk.filing, code, key, text, version=version, op=op, school=school)
        except Invalid as error:
            problems[name] = error.message
        except Conflict as error:
            problems[name] = error.message
            theirs[name] = _theirs(desk, key, error.theirs)
    typed = view.Typed(texts, problems, theirs)
    status = 200 if not problems else 409 if theirs else 422
    if not wants_fragment():
        if problems:
            # The fields before the refused one are not saved either: show the versions that hold.
            context.db().rollback()
            desk = load(entry_id)
            return show_page(desk, desk.filing.page(code), status=status, typed=typed)
        return go(url_for("school.indicator", entry_id=entry_id, code=code))
    desk = desk.again(answers_only=True)
    key, _at, school = only.partition("@")
    if only not in texts:
        raise NotFound(_("没有这一项。"))
    item = desk.filed.form.field(key)
    shown = view.field_view(desk, page, item, school, typed if problems else view.Typed())
    template = "school/_field_saved.html" if not problems else "school/_field_state.html"
    return answer(template, status=status, **values(desk, page), field=shown)


def _theirs(desk: Desk, key: str, stored: object) -> str:
    value = stored.value if isinstance(stored, Answer) else None
    return view.as_shown(desk, desk.filed.form.field(key), value)


# --- slots ---------------------------------------------------------------------------------------


@bp.post(ROOT + "/slots")
def save_slot(entry_id: int, code: str) -> Response:
    """确实没有, or taking that back (``absent`` empty)."""
    desk = load(entry_id)
    page = desk.filing.page(code)
    key = request.form.get("slot", "")
    typed = view.Typed()
    try:
        absent = bool(request.form.get("absent"))
        act.set_slot_absent(desk.filing, code, key, absent=absent, op=request.form.get("op", ""))
    except Invalid as error:
        typed = view.Typed(problems={f"slot:{key}": error.message})
    return slots_answer(desk, page, typed)


def slots_answer(desk: Desk, page: Page, typed: view.Typed) -> Response:
    """The materials after a change: the fragment, or the page they stand on."""
    status = 422 if typed.problems else 200
    if wants_fragment():
        desk = desk.again()
        return answer(
            "school/_slots_saved.html",
            status=status,
            **values(desk, page),
            slots=view.slots(desk, page, typed),
            library=desk.files,
            op=new_op(),
        )
    if typed.problems:
        return show_page(desk, page, status=status, slot_typed=typed)
    where = url_for("school.indicator", entry_id=desk.entry_id, code=page.code)
    return go(f"{where}#slots-{list(desk.filing.pages).index(page.code)}")


# --- own scores ----------------------------------------------------------------------------------


@bp.post(ROOT + "/self/<leaf>", endpoint="save_self")
def self_score(entry_id: int, code: str, leaf: str) -> Response:
    desk = load(entry_id)
    page = desk.filing.page(code)
    clause = desk.rubric.by.get(leaf)
    if clause is None or clause not in page.leaves:
        raise NotFound(_("没有这一条款。"))
    texts = {name: request.form.get(name, "") for name in ("points", "verdict", "reason")}
    typed, status = view.Typed(), 200
    try:
        save_self(
            desk.filing,
            code,
            leaf,
            points=texts["points"],
            verdict=texts["verdict"],
            reason=texts["reason"],
            proposed=view.self_view(desk, page, clause).proposed,
            version=whole(request.form.get("version", "")) or 0,
            op=request.form.get("op", ""),
            looked=bool(request.form.get("looked")),
        )
    except Invalid as error:
        typed, status = view.Typed.refused(texts, error, error.field or "points"), 422
    except Conflict as error:
        given = error.theirs if isinstance(error.theirs, Mark) else None
        shown = given.verdict or show(given.points) if given else "—"
        typed, status = view.Typed(texts, {"points": error.message}, {"points": shown}), 409
    if wants_fragment():
        desk = desk.again()
        mine = view.self_view(desk, page, clause, typed if status != 200 else None)
        template = "school/_self_saved.html" if status == 200 else "school/_self_state.html"
        return answer(template, status=status, **values(desk, page), own=mine)
    if status != 200:
        selves = [view.self_view(desk, page, x, typed if x is clause else None) for x in page.leaves]
        return show_page(desk, page, status=status, selves=selves)
    return go(url_for("school.indicator", entry_id=entry_id, code=code))


def stored_row(value: object) -> FactRow | None:
    return value if isinstance(value, FactRow) else None
