"""Official lists of what was filed (附件2): the generated lines as the school words and orders them.

The lines come from the facts; only wording, 指标类别 and order are the school's to change. The facts
behind a line, its evidence and every score stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from intranet.domain.filing import Filing
from intranet.errors import Conflict, Invalid, NotFound
from intranet.i18n import _
from intranet.models import FormLine
from intranet.queries.submissions import form_line_of, form_lines_of
from intranet.rubric.forms import FormRow
from intranet.rubric.model import Form

MOST_WHAT, MOST_CATEGORY = 1000, 200
FILED = "filed"


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it stands. ref: stable; is_stale: the generated text changed since it was reworded."""

    row: FormRow
    ref: str
    what: str
    category: str
    is_edited: bool = False
    is_stale: bool = False
    version: int = 0


def is_editable(form: Form) -> bool:
    return form.rows == FILED


def lines_of(
    form: Form, rows: Sequence[FormRow], stored: Sequence[FormLine], row_ids: Mapping[str, Sequence[int]]
) -> list[Line]:
    """The lines in the school's order with the school's words; what is not reworded is as generated.

    A line that appeared after the order was set stands after the one it follows in the notice's order.

    :param rows: as ``rubric.forms.rows`` gives them; :param row_ids: stored ids by table, in document order.
    """
    by_ref = {line.ref: line for line in stored if line.form == form.key}
    sources = [column.source for column in form.columns]
    lines = [_line(row, _stable(row.ref, row_ids), sources, by_ref) for row in rows]
    ordered = _ordered(lines, by_ref)
    return [replace(line, row=_numbered(line.row, sources, n)) for n, line in enumerate(ordered, 1)]


def _stable(ref: str, row_ids: Mapping[str, Sequence[int]]) -> str:
    """``row:exchange[3]`` by the id of the stored row: rows before it may come and go."""
    kind, _colon, where = ref.partition(":")
    table, _bracket, n = where.rstrip("]").partition("[")
    if kind != "row" or not n.isdigit() or int(n) >= len(row_ids.get(table, ())):
        return ref
    return f"row:{row_ids[table][int(n)]}"


def _line(row: FormRow, ref: str, sources: Sequence[str], by_ref: Mapping[str, FormLine]) -> Line:
    cells = list(row.cells)
    said = by_ref.get(ref)
    texts = {s: str(cells[sources.index(s)] or "") if s in sources else "" for s in ("what", "category")}
    if said is None:
        return Line(row, ref, texts["what"], texts["category"])
    own = {"what": said.what or texts["what"], "category": said.category or texts["category"]}
    for source, text in own.items():
        if source in sources:
            cells[sources.index(source)] = text
    stale = bool(said.what) and said.original != texts["what"]
    edited = bool(said.what or said.category)
    return Line(FormRow(cells, row.ref), ref, own["what"], own["category"], edited, stale, said.version)


def _ordered(lines: Sequence[Line], by_ref: Mapping[str, FormLine]) -> list[Line]:
    placed = {ref: line.position for ref, line in by_ref.items() if line.position is not None}
    out = sorted((x for x in lines if x.ref in placed), key=lambda x: placed[x.ref])
    for n, line in enumerate(lines):
        if line.ref not in placed:
            before = lines[n - 1] if n else None
            at = next((i + 1 for i, x in enumerate(out) if before is not None and x.ref == before.ref), 0)
            out.insert(at, line)
    return out


def _numbered(row: FormRow, sources: Sequence[str], n: int) -> FormRow:
    if "number" not in sources:
        return row
    cells = list(row.cells)
    cells[sources.index("number")] = str(n)
    return FormRow(cells, row.ref)


# --- changing ------------------------------------------------------------------------------------


def reword(
    filing: Filing, form: Form, line: Line, *, generated: str, what: str, category: str, version: int
) -> FormLine:
    """Store the school's words for one line; what equals the generated text follows it again.

    :param line: the line as it stands; :param generated: its generated text.
    :raises Invalid: too long. :raises Conflict: changed meanwhile; ``theirs`` is the stored line.
    """
    _require(filing, form)
    what, category = " ".join(what.split()), " ".join(category.split())
    problems = {}
    if len(what) > MOST_WHAT:
        problems["what"] = _("最多 %(n)s 个字，请写短一些。", n=MOST_WHAT)
    if len(category) > MOST_CATEGORY:
        problems["category"] = _("最多 %(n)s 个字，请写短一些。", n=MOST_CATEGORY)
    if problems:
        raise Invalid(_("有 %(n)s 处要改。", n=len(problems)), problems)
    stored = form_line_of(filing.session, filing.entry_id, form.key, line.ref)
    if stored is not None and stored.version != version:
        raise Conflict(_("有人刚刚改过这一行。"), theirs=stored)
    stored = stored or FormLine(entry_id=filing.entry_id, form=form.key, ref=line.ref, version=0)
    old = {"what": stored.what, "category": stored.category}
    stored.what, stored.original = ("", "") if what == generated else (what, generated)
    stored.category = category
    new = {"what": stored.what, "category": stored.category}
    if old != new or stored.id is None:
        stored.version += 1
        filing.session.add(stored)
        filing.touch()
        filing.session.flush()
        filing.record("form.line", subject=f"{form.key} {line.ref}", old=old, new=new)
    return stored


def move(filing: Filing, form: Form, lines: Sequence[Line], ref: str, to: int) -> None:
    """Put a line to place ``to`` (from 1). Afterwards every line of today has a place of its own.

    :raises NotFound: no such line.
    """
    _require(filing, form)
    order = [line.ref for line in lines]
    if ref not in order:
        raise NotFound(_("没有这一行。"))
    old = order.index(ref) + 1
    order.remove(ref)
    order.insert(max(0, min(to - 1, len(order))), ref)
    stored = {x.ref: x for x in form_lines_of(filing.session, filing.entry_id) if x.form == form.key}
    for place, each in enumerate(order, 1):
        line = stored.get(each) or FormLine(entry_id=filing.entry_id, form=form.key, ref=each)
        line.position = place
        filing.session.add(line)
    filing.touch()
    filing.session.flush()
    filing.record("form.move", subject=f"{form.key} {ref}", old=old, new=order.index(ref) + 1)


def reset_order(filing: Filing, form: Form) -> None:
    """Back to the notice's order."""
    _require(filing, form)
    for line in form_lines_of(filing.session, filing.entry_id):
        if line.form == form.key and line.position is not None:
            line.position = None
            filing.session.add(line)
    filing.session.flush()
    filing.record("form.order", subject=form.key)


def _require(filing: Filing, form: Form) -> None:
    if not is_editable(form):
        raise NotFound(_("这张表按填报内容生成，不能在这里改。"))
    filing.require_lead()
