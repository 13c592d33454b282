"""The notice's own tables (官方表) of one unit, on screen and as xlsx."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from flask import Response, request, url_for

from intranet.domain import form_lines
from intranet.domain.phases import practice_label
from intranet.domain.self_scores import own_facts
from intranet.domain.volumes import page_ranges
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.queries.submissions import form_lines_of
from intranet.queries.volumes import held_volume
from intranet.rubric import forms
from intranet.rubric.model import Form
from intranet.web import access, context
from intranet.web.downloads import xlsx
from intranet.web.forms import answer, go, wants_fragment, whole

from . import bp
from .desk import Desk, load

access.allow(
    {
        "school.form": access.FILING_READERS,
        "school.form_xlsx": access.FILING_READERS,
        "school.form_line": access.SCHOOL,
        "school.form_move": access.SCHOOL,
    }
)


def _form(desk: Desk, key: str) -> Form:
    found = next((f for f in desk.rubric.forms if f.key == key), None)
    if found is None:
        raise NotFound(_("没有这张表。"))
    return found


def context_of(desk: Desk) -> forms.Context:
    """What the cells come from: the school's own view, so nothing of the panel's before publication."""
    facts = own_facts(desk.rubric, desk.filed.facts)
    # 考核组得分 stays empty in the school's copy: the points of its own sheet are its 自评分.
    sheet = {code: replace(score, points=None) for code, score in desk.own.items()}
    places = {
        row_id: f"{table}[{n}]"
        for table, ids in desk.filed.source.row_ids.items()
        for n, row_id in enumerate(ids)
    }
    ranges = page_ranges(held_volume(desk.filing.session, desk.entry_id))
    evidence: dict[str, list[forms.Evidence]] = {}
    for found in desk.files:
        number = found.evidence.number
        shown = forms.Evidence(str(number), found.evidence.name, ranges.get(number, ""))
        for ref in found.refs:
            kind, _colon, what = ref.partition(":")
            place = f"row:{places.get(int(what), '')}" if kind == "row" else ref
            evidence.setdefault(place, []).append(shown)
    own = {code: score.points for code, score in desk.own.items() if score.points is not None}
    return forms.Context(facts, sheet, own, evidence)


@bp.get("/entries/<int:entry_id>/forms/<key>")
def form(entry_id: int, key: str) -> Response:
    """``?edit=<ref>`` opens one line of a list that the school may word itself."""
    desk = load(entry_id)
    return _page(desk, _form(desk, key), editing=request.args.get("edit", ""))


def _page(
    desk: Desk, found: Form, *, editing: str = "", status: int = 200, error: DomainError | None = None
) -> Response:
    source = context_of(desk)
    lines = _lines(desk, found, source)
    rows = [line.row for line in lines]
    return answer(
        "school/form.html",
        status=status,
        **desk.page_values(),
        form=found,
        title=_title(desk, found),
        lines=lines,
        rows=rows,
        foot=forms.foot(desk.rubric, found, source),
        spans=_spans(found, rows),
        xlsx_url=url_for("school.form_xlsx", entry_id=desk.entry_id, key=found.key),
        may_word=form_lines.is_editable(found) and desk.may_edit(),
        editing=editing,
        error=error,
        typed=request.form if request.method == "POST" else {},
        categories=list(dict.fromkeys(c.title or c.text for c in desk.rubric.indicators)),
    )


def _lines(desk: Desk, found: Form, source: forms.Context) -> list[form_lines.Line]:
    stored = form_lines_of(desk.filing.session, desk.entry_id) if form_lines.is_editable(found) else ()
    rows = forms.rows(desk.rubric, found, source)
    return form_lines.lines_of(found, rows, stored, desk.filed.source.row_ids)


@bp.post("/entries/<int:entry_id>/forms/<key>/lines")
def form_line(entry_id: int, key: str) -> Response:
    """Reword one line, or with ``reset`` take the generated words again."""
    desk = load(entry_id)
    found, source, posted = _form(desk, key), context_of(desk), request.form
    ref = posted.get("ref", "")
    line = next((x for x in _lines(desk, found, source) if x.ref == ref), None)
    if line is None:
        raise NotFound(_("没有这一行。"))
    generated = next(
        x
        for x in form_lines.lines_of(
            found, forms.rows(desk.rubric, found, source), (), desk.filed.source.row_ids
        )
        if x.ref == ref
    )
    back = bool(posted.get("reset"))
    category = posted.get("category", "").strip()
    lines = _lines(desk, found, source)
    try:
        to = _place(posted.get("place", ""), len(lines))
        form_lines.reword(
            desk.filing,
            found,
            line,
            generated=generated.what,
            what=generated.what if back else posted.get("what", "") or generated.what,
            category="" if back or category == generated.category else category,
            version=whole(posted.get("version", "")) or 0,
        )
        if to and lines[to - 1].ref != ref:
            form_lines.move(desk.filing, found, lines, ref, to)
    except (Invalid, Conflict) as error:
        return _page(desk, found, editing=ref, status=error.status, error=error)
    return go(_at(desk, found, ref))


def _place(text: str, most: int) -> int:
    """排在第几行, 0 where nothing was said. :raises Invalid: not one of the lines."""
    text = unicodedata.normalize("NFKC", text).strip()
    to = whole(text)
    if text and (to is None or not 1 <= to <= most):
        problems = {"place": _("请填 1 — %(most)s 的整数。", most=most)}
        raise Invalid(_("有 %(n)s 处要改。", n=1), problems)
    return to or 0


def _at(desk: Desk, found: Form, ref: str) -> str:
    """The page at one line, so that whoever works on line 50 is not sent to the top."""
    order = [line.ref for line in _lines(desk, found, context_of(desk))]
    anchor = f"line-{order.index(ref) + 1}" if ref in order else None
    return url_for("school.form", entry_id=desk.entry_id, key=found.key, _anchor=anchor)


@bp.post("/entries/<int:entry_id>/forms/<key>/order")
def form_move(entry_id: int, key: str) -> Response:
    """Move one line to place ``to``, or with ``reset`` back to the notice's order."""
    desk = load(entry_id)
    found, ref = _form(desk, key), request.form.get("ref", "")
    if request.form.get("reset"):
        form_lines.reset_order(desk.filing, found)
    else:
        lines = _lines(desk, found, context_of(desk))
        form_lines.move(desk.filing, found, lines, ref, whole(request.form.get("to", "")) or 1)
    if wants_fragment():
        return _page(desk, found)
    return go(_at(desk, found, ref))


def _title(desk: Desk, found: Form) -> str:
    return found.title.replace("{unit}", desk.filing.entry.name).replace("{cycle}", desk.filing.cycle.title)


def _spans(found: Form, rows: list[forms.FormRow]) -> list[list[int]]:
    """Row span of each cell: equal neighbours downwards are one cell in a merging column; 0 is covered."""
    spans = [[1] * len(found.columns) for _row in rows]
    for at, column in enumerate(found.columns):
        if not column.merge:
            continue
        top = 0
        for n in range(1, len(rows)):
            if rows[n].cells[at] and rows[n].cells[at] == rows[top].cells[at]:
                spans[top][at] += 1
                spans[n][at] = 0
            else:
                top = n
    return spans


@bp.get("/entries/<int:entry_id>/forms/<key>.xlsx")
def form_xlsx(entry_id: int, key: str) -> Response:
    from intranet.documents import official_form

    desk = load(entry_id)
    found, source = _form(desk, key), context_of(desk)
    data = official_form.write(
        found,
        _title(desk, found),
        [line.row for line in _lines(desk, found, source)],
        forms.foot(desk.rubric, found, source),
        found.notes,
        unit=desk.filing.entry.name,
        cycle=desk.filing.cycle.title,
        bureau=context.ground().settings.bureau_name,
        label=practice_label(desk.filing.cycle),
        places=desk.rubric.places,
        made_at=context.current_time(),
    )
    unit, title = desk.filing.entry.name, _title(desk, found)
    return xlsx(data, title if unit in title else f"{unit} {title}")
