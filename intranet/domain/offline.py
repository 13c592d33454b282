"""The offline workbook (离线填报表) as plain data: what it asks, and stored values as texts of its cells.

``documents.offline`` writes a :class:`Layout`, ``documents.offline_reading`` reads it back as an
``offline_filled.Filled``, ``offline_plan`` compares that with what is stored, ``offline_apply`` saves
what the person chose. No file format is known in any of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from intranet.domain.fact_rows import typed_columns
from intranet.domain.filing import Filing, Right, read_value
from intranet.domain.scoring import EntrySheet, Scoring
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.models import Answer, FactRow, Mark
from intranet.queries.filing import SCHOOL, Page
from intranet.rubric import marks
from intranet.rubric.ledger import Score, State
from intranet.rubric.model import Column, Field, FieldType, JudgedClause, Table
from intranet.rubric.numbers import as_text, show

VERSION = "1"
"""Of the layout. A workbook of another one is refused; raise it when sheets or keys change meaning."""

FIELDS, SELF = "fields", "self"
POINTS, VERDICT, REASON = "points", "verdict", "reason"
VALUE = "value"

# The words of the sheets stand beside the notice's own and are read back from the file: Chinese for every
# reader, whatever language the page has.
YES, NO = "是", "否"
TITLES = {FIELDS: "填报项", SELF: "自评分"}
HEADS = {
    "page": "指标",
    "label": "填报内容",
    VALUE: "填写",
    "unit": "单位",
    "help": "怎样填",
    "point": "考核要点",
    "max": "分值",
    "proposed": "按填报内容算得",
    POINTS: "自评分",
    VERDICT: "结论",
    REASON: "理由",
}

LONGEST = 30_000
"""UTF-16 units of a text that a cell surely holds; longer ones are left to the web page."""


class Standing(Protocol):
    """One entry as it stands, with who is at it; the school's desk of the web pages is one."""

    @property
    def filing(self) -> Filing: ...
    @property
    def scoring(self) -> Scoring: ...
    @property
    def filed(self) -> EntrySheet: ...
    @property
    def own(self) -> Mapping[str, Score]: ...
    @property
    def answers(self) -> Mapping[tuple[int, str], Answer]: ...
    @property
    def rows(self) -> Mapping[int, FactRow]: ...
    @property
    def marks(self) -> Mapping[str, Mark]: ...
    def again(self) -> Standing: ...


# --- what the workbook asks -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """What may stand in a cell. options: a drop-down."""

    type: FieldType
    options: tuple[str, ...] = ()
    unit: str = ""
    help: str = ""
    required: bool = False
    least: Fraction | None = None
    most: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A column of a sheet. ask: what is typed into all its cells, or the numbers printed in them; None where
    text is printed or each row says its own. width in column units, 0 by its texts."""

    key: str
    label: str
    ask: Ask | None = None
    is_typed: bool = False
    width: float = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row. key: of what it holds (``f:…``, ``r:<id>``, ``m:…``), "" for one that is not stored yet;
    texts by head; asks: where a cell differs from its column."""

    key: str
    texts: Mapping[str, str]
    asks: Mapping[str, Ask] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """One sheet. is_open: people add rows."""

    key: str
    title: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    help: str = ""
    is_open: bool = False

    @property
    def typed(self) -> tuple[Head, ...]:
        return tuple(h for h in self.heads if h.is_typed)


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole workbook. about: what it is for, compared on upload; base: mark of each row's content at
    the time of download, so that a change on the server can be told from one in the file. title, notes:
    of the first sheet; ``documents.offline`` has those of the filing."""

    about: Mapping[str, str]
    unit: str
    cycle: str
    sections: tuple[Section, ...]
    base: Mapping[str, str]
    title: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedField:
    """A field of the school, once for the unit or once for each school. name: ``key`` or ``key@school``."""

    name: str
    item: Field
    school: str
    school_id: int
    page: Page
    label: str


def asked_fields(filing: Filing) -> Iterator[AskedField]:
    """The school's fields in the order of the pages, hidden ones left out."""
    for page in filing.pages.values():
        for declared in page.fields:
            if declared.by != SCHOOL or declared.key in filing.form.hidden:
                continue
            item = filing.form.field(declared.key)
            if item.per == "unit":
                yield AskedField(item.key, item, "", 0, page, item.label)
                continue
            for school in filing.schools if filing.share is None else filing.share.schools:
                label = f"{item.label}（{school.name}）"
                yield AskedField(
                    f"{item.key}@{school.code}", item, school.code, school.school_id, page, label
                )


def asked_tables(filing: Filing) -> dict[str, list[Page]]:
    """The school's tables, each with the pages on which it stands."""
    out: dict[str, list[Page]] = {}
    for page in filing.pages.values():
        for key in page.tables:
            if filing.rubric.table[key].by == SCHOOL:
                out.setdefault(key, []).append(page)
    return out


def asked_leaves(desk: Standing) -> Iterator[tuple[Page, str]]:
    """Leaves on which the school may state its own score: judged ones, computed ones once they are computed.

    A judged leaf that a gate still closes is there too: the fact that opens it may be filled in in
    the same workbook. A member school does not state own scores.
    """
    if desk.filing.share is not None:
        return
    for page in desk.filing.pages.values():
        for leaf in page.leaves:
            score = desk.own[leaf.code]
            if score.state is State.NA:
                continue
            if isinstance(leaf, JudgedClause) or score.proposed is not None or leaf.code in desk.marks:
                yield page, leaf.code


def table_section(key: str) -> str:
    return f"table:{key}"


def layout(desk: Standing) -> Layout:
    """The workbook of an entry for this person: those who only help get the tables alone, a member school
    what was handed to it."""
    filing = desk.filing
    sections = [_table(desk, filing.rubric.table[key], pages) for key, pages in asked_tables(filing).items()]
    if filing.right is not Right.HELPER:
        sections = [_fields(desk), *sections, _self_scores(desk)]
    sections = [s for s in sections if s.rows or s.is_open]
    base = {
        row.key: digest([row.texts.get(h.key, "") for h in section.typed])
        for section in sections
        for row in section.rows
    }
    about = {
        "layout": VERSION,
        "cycle": str(filing.cycle.id),
        "entry": filing.entry.code,
        "unit": filing.entry.name,
        "rubric": filing.cycle.rubric_key,
        "fingerprint": desk.scoring.definition.fingerprint(filing.cycle.rulings),
        "sections": " ".join(s.key for s in sections),
    }
    return Layout(about, filing.entry.name, filing.cycle.title, tuple(sections), base)


def digest(texts: Sequence[str]) -> str:
    """A short mark of a row's typed texts, as the workbook shows them."""
    together = json.dumps(list(texts), ensure_ascii=False)
    return hashlib.sha256(together.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _fields(desk: Standing) -> Section:
    filing, rows = desk.filing, []
    for asked in asked_fields(filing):
        stored = desk.answers.get((asked.school_id, asked.item.key))
        text = shown(filing, asked.item, stored.value if stored else None)
        if len(text.encode("utf-16-le", "surrogatepass")) // 2 > LONGEST:
            continue
        texts = {
            "page": asked.page.clause.name[:60],
            "label": asked.label,
            VALUE: text,
            "unit": asked.item.unit,
            "help": hint(ask_of(filing, asked.item)),
        }
        rows.append(Row(f"f:{asked.name}", texts, {VALUE: ask_of(filing, asked.item)}))
    heads = (
        Head("page", HEADS["page"], width=26),
        Head("label", HEADS["label"], width=44),
        Head(VALUE, HEADS[VALUE], is_typed=True, width=34),
        Head("unit", HEADS["unit"], width=7),
        Head("help", HEADS["help"], width=36),
    )
    return Section(FIELDS, TITLES[FIELDS], heads, tuple(rows))


def _table(desk: Standing, table: Table, pages: Sequence[Page]) -> Section:
    filing = desk.filing
    columns = typed_columns(table)
    heads = tuple(
        Head(c.key, _label(columns, n), ask_of(filing, c), is_typed=True, width=c.width)
        for n, c in enumerate(columns)
    )
    share = filing.share
    live = sorted(
        (
            r
            for r in desk.rows.values()
            if r.table == table.key
            and r.deleted_at is None
            and (share is None or any(share.holds(p.code, r) for p in pages))
        ),
        key=lambda r: (r.position, r.id or 0),
    )
    rows = tuple(Row(f"r:{row.id}", texts_of(filing, columns, row.cells)) for row in live)
    where = "、".join(p.clause.no or p.code for p in pages)
    told = _("用于指标 %(pages)s。", pages=where) + (table.help or "")
    is_open = share is None or any(p.tables[table.key] for p in pages)
    return Section(table_section(table.key), table.title, heads, rows, told, is_open=is_open)


def _label(columns: Sequence[Column], n: int) -> str:
    """A column's label, numbered where two of a table are called the same."""
    same = sum(c.label == columns[n].label for c in columns[:n])
    return f"{columns[n].label}({same + 1})" if same else columns[n].label


def _self_scores(desk: Standing) -> Section:
    rubric, rows = desk.filing.rubric, []
    for page, code in asked_leaves(desk):
        leaf, score, mark = rubric.by[code], desk.own[code], desk.marks.get(code)
        judged = isinstance(leaf, JudgedClause)
        verdicts = tuple(o.value for o in marks.verdicts(leaf))
        most = marks.printed_max(leaf)
        proposed = None if judged else score.proposed
        texts = {
            "page": page.clause.name[:60],
            "point": leaf.title or leaf.text,
            "max": "" if most is None else show(most, 4),
            "proposed": "" if proposed is None else show(proposed, rubric.places).replace("\u2212", "-"),
            **texts_of_mark(mark),
        }
        asks = {POINTS: Ask("number", least=Fraction(0), most=most)}
        if verdicts:
            asks[VERDICT] = Ask("choice", verdicts)
        rows.append(Row(f"m:{code}", texts, asks))
    heads = (
        Head("page", HEADS["page"], width=22),
        Head("point", HEADS["point"], width=52),
        Head("max", HEADS["max"], Ask("number"), width=7),
        Head("proposed", HEADS["proposed"], Ask("number"), width=10),
        Head(POINTS, HEADS[POINTS], is_typed=True, width=10),
        Head(VERDICT, HEADS[VERDICT], is_typed=True, width=10),
        Head(REASON, HEADS[REASON], Ask("longtext"), is_typed=True, width=40),
    )
    told = _("“按填报内容算得”有数的，空着即以它为自评分；填了别的数要写理由。")
    return Section(SELF, TITLES[SELF], heads, tuple(rows), told)


# --- values as the texts of cells -----------------------------------------------------------------


def ask_of(filing: Filing, item: Field | Column) -> Ask:
    """What a cell of this field or column takes."""
    options: tuple[str, ...] = ()
    if item.type == "tick":
        options = (YES, NO)
    elif item.type == "school":
        options = tuple(_school_text(filing, s.code) for s in filing.schools)
    elif item.options:
        options = tuple(option_text(item, o.value) for o in item.options)
    return Ask(item.type, options, item.unit, item.help, item.required, item.least, item.most)


def hint(ask: Ask) -> str:
    """How to fill a cell in, in a few words."""
    kind = {
        "date": _("日期，如 2023-09-01"),
        "count": _("整数，没有填 0"),
        "number": _("数字"),
        "tick": _("选“是”或“否”"),
    }.get(ask.type, _("从下拉列表选") if ask.options else "")
    required = _("必填") if ask.required else ""
    return "；".join(part for part in (required, kind, ask.help) if part)


def option_text(item: Field | Column, value: str) -> str:
    """How an option is shown: its label, unless that means another option's value."""
    option = next((o for o in item.options if o.value == value), None)
    if option is None or not option.label:
        return value
    first = next(o for o in item.options if option.label in (o.value, o.label))
    return option.label if first is option else value


def _school_text(filing: Filing, code: str) -> str:
    """A school's name; its code where two of the unit's schools are called the same."""
    name = next((s.name for s in filing.schools if s.code == code), code)
    return name if sum(s.name == name for s in filing.schools) == 1 else code


def text_of(filing: Filing, item: Field | Column, value: Any) -> str:
    """A stored value as the text that stands in its cell and reads back to it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return YES if value else NO
    if item.type == "school":
        return _school_text(filing, str(value))
    return option_text(item, str(value)) if item.type in {"choice", "direction"} else str(value)


def shown(filing: Filing, item: Field | Column, value: Any) -> str:
    """A stored value as its cell's text, in the form to which what is typed is brought too."""
    return plain(filing, item, text_of(filing, item, value))


def texts_of(filing: Filing, columns: Sequence[Column], cells: Mapping[str, Any]) -> dict[str, str]:
    """A stored row as the texts of its cells."""
    return {c.key: shown(filing, c, cells.get(c.key)) for c in columns}


def texts_of_mark(mark: Mark | None) -> dict[str, str]:
    """A stored self score as the texts of its cells."""
    if mark is None:
        return {POINTS: "", VERDICT: "", REASON: ""}
    points = "" if mark.points is None else as_text(mark.points)
    return {POINTS: points, VERDICT: mark.verdict or "", REASON: mark.reason.strip()}


def plain(filing: Filing, item: Field | Column, text: str) -> str:
    """The text in the one way in which its value is shown; what is no value stays as it is."""
    try:
        return text_of(filing, item, read_value(filing, item, text))
    except Invalid:
        return text.strip()
