"""The notice's own tables (官方表) of one unit, on screen and as xlsx."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, url_for

from intranet.domain.self_scores import own_facts
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.rubric import forms
from intranet.rubric.model import Form
from intranet.web import access, context
from intranet.web.downloads import xlsx
from intranet.web.forms import answer

from . import bp
from .desk import Desk, load

access.allow({"school.form": access.FILING_READERS, "school.form_xlsx": access.FILING_READERS})


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
    evidence: dict[str, list[forms.Evidence]] = {}
    for found in desk.files:
        shown = forms.Evidence(str(found.evidence.number), found.evidence.name)
        for ref in found.refs:
            kind, _colon, what = ref.partition(":")
            place = f"row:{places.get(int(what), '')}" if kind == "row" else ref
            evidence.setdefault(place, []).append(shown)
    own = {code: score.points for code, score in desk.own.items() if score.points is not None}
    return forms.Context(facts, sheet, own, evidence)


@bp.get("/entries/<int:entry_id>/forms/<key>")
def form(entry_id: int, key: str) -> Response:
    desk = load(entry_id)
    found, source = _form(desk, key), context_of(desk)
    return answer(
        "school/form.html",
        **desk.page_values(),
        form=found,
        title=_title(desk, found),
        rows=forms.rows(desk.rubric, found, source),
        foot=forms.foot(desk.rubric, found, source),
        spans=_spans(found, forms.rows(desk.rubric, found, source)),
        xlsx_url=url_for("school.form_xlsx", entry_id=entry_id, key=key),
    )


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
        forms.rows(desk.rubric, found, source),
        forms.foot(desk.rubric, found, source),
        found.notes,
        unit=desk.filing.entry.name,
        cycle=desk.filing.cycle.title,
        bureau=context.ground().settings.bureau_name,
        places=desk.rubric.places,
        made_at=context.current_time(),
    )
    return xlsx(data, f"{desk.filing.entry.name} {_title(desk, found)}")
