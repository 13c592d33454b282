"""The definition of a rubric: what ``rubric.toml`` says once its rulings are filled in.

Everything here is a frozen value, checked when it is built; nothing computes a score. A rubric
is *bound*: each ``"@key"`` of the TOML has been replaced by the ruling's value (see
``loader.bind``), so kinds and plugin rules never meet an open question.

Points, rates and thresholds are :class:`fractions.Fraction`, read from the text as printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer
from pydantic import Field as F

from .numbers import as_fraction, as_text

Number = Annotated[Fraction, BeforeValidator(as_fraction), PlainSerializer(as_text, return_type=str)]
Where: TypeAlias = dict[str, tuple[str, ...]]
"""``{column: allowed values}``; a single value may be written without brackets."""


def _many(value: Any) -> Any:
    """A bare value stands for a list of one."""
    return value if value is None or isinstance(value, (list, tuple)) else (value,)


def _where(value: Any) -> Any:
    return {k: _many(v) for k, v in value.items()} if isinstance(value, dict) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_many)]
Conditions = Annotated[Where, BeforeValidator(_where)]


class Value(BaseModel):
    """Base of all definition values: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


# --- fields, tables, slots: what people fill in ------------------------------------------------

FieldType = Literal["text", "longtext", "count", "number", "tick", "choice", "date", "school", "direction"]


class Option(Value):
    """One answer of a choice; ``points`` make the choice usable in a formula."""

    value: str
    label: str = ""
    points: Number | None = None
    upto: Number | None = None  # judged options only: the assessor types a number points..upto


def _options(value: Any) -> Any:
    return [{"value": v} if isinstance(v, str) else v for v in value] if isinstance(value, list) else value


Options = Annotated[tuple[Option, ...], BeforeValidator(_options)]


class Field(Value):
    """One thing to fill in. ``by`` owns it: only that owner's document is read for it."""

    key: str
    label: str
    type: FieldType = "text"
    by: str = "school"
    per: Literal["unit", "member"] = "unit"
    options: Options = ()
    required: bool = False
    help: str = ""
    unit: str = ""  # 单位 of the number: 次, 人, 科
    least: Number | None = None
    most: Number | None = None
    default: str | None = None
    clause: str = ""  # page on which it is asked; implied fields get their clause's code


class Column(Value):
    """A column of a fact table.

    ``direction`` is derived when left empty: ``of = [from, to]`` names two ``school`` columns, and
    the value is one of ``options`` in the order lead→member, member→lead, member→member.
    """

    key: str
    label: str
    type: FieldType = "text"
    options: Options = ()
    required: bool = False
    help: str = ""
    unit: str = ""
    least: Number | None = None
    most: Number | None = None
    default: str | None = None
    of: tuple[str, ...] = ()
    width: int = 0  # hint in characters for screen and sheet; 0 = by type


class Table(Value):
    """Rows of facts. ``describe`` is the row in one sentence, with ``{column}`` places.

    ``twice``: sets of columns by which two rows are the same thing, filed twice (查重); the word
    ``period`` among them stands for days from ``start`` to ``end`` that overlap.
    ``confirmed_by``: columns of type school; a school that a row names there is asked to confirm
    the row (双方确认), unless it wrote the row itself.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    by: str = "school"
    describe: str = ""
    help: str = ""
    twice: tuple[tuple[str, ...], ...] = ()
    confirmed_by: Names = ()

    @cached_property
    def by_key(self) -> Mapping[str, Column]:
        return {c.key: c for c in self.columns}


class Show(Value):
    """A table shown beside a clause as fact, without arithmetic (活动清单)."""

    table: str
    where: Conditions = {}


# --- clauses -----------------------------------------------------------------------------------


class Loss(Value):
    """What is deducted after earning: ``each`` × a counter, at most ``most``.

    Exactly one counter: ``event`` (label of an event need of the clause), ``materials``
    (missing slots), ``count`` (an integer field), ``tick`` (a tick field), ``judged`` (the panel
    types the number) or ``formula``. ``each = "all"`` takes everything.
    """

    label: str
    each: Number | Literal["all"] = Fraction(1)
    most: Number | None = None
    by: str = "bureau"
    event: str | None = None
    materials: bool = False
    count: str | None = None
    tick: str | None = None
    judged: bool = False
    formula: str | None = None
    unit: str = "次"


class Events(Value):
    """Activities the notice requires: ``need`` of them (in each period, in each row).

    ``rows``/``column`` count per row of a table instead of asking a number.
    """

    label: str
    need: int
    in_: tuple[str, ...] = F(default=(), alias="in")
    rows: str | None = None
    column: str | None = None
    unit: str = "次"


class Deductions(Value):
    """Default rates of a ``deduct`` clause (the notice's own 说明).

    ask_done: whether 已开展 is asked always, or only where no activity count already says it.
    """

    not_done: bool = True
    ask_done: Literal["always", "uncounted"] = "always"
    event: Number = Fraction(0)
    event_most: Number | None = None
    material: Number = Fraction(0)
    quality: bool = False


class Band(Value):
    """``from`` inclusive, ``to`` exclusive; no ``to`` means open above."""

    from_: Number = F(alias="from")
    to: Number | None = None
    points: Number | None = None
    verdict: str | None = None
    label: str = ""


class Require(Value):
    """A row counts only if ``column`` is filled (or is ``among`` the values); else ``reason``."""

    column: str
    reason: str
    among: Names | None = None
    when: Conditions = {}


class Tick(Value):
    key: str
    label: str
    points: Number


class ClauseBase(Value):
    """One node of the tree. ``max = None`` stands for a cap that a ruling left unset (未设分值)."""

    code: str
    parent: str | None = F(default=None, alias="in")
    no: str = ""  # number as printed: 1, (一), B4
    title: str = ""
    short: str = ""  # up to four characters, for the rail and the heat map
    text: str = ""  # verbatim from the notice
    requirement: str = ""  # verbatim 具体要求, where the notice has such a column
    max: Number | None = None
    unset: str = ""  # 未设分值 when an empty ruling removed max
    weight: Number = Fraction(1)
    applies: Conditions = {}
    otherwise: Literal["drop", "full"] = "drop"
    needs: str | None = None
    places: int | None = None
    fields: tuple[Field, ...] = ()
    materials: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    show: tuple[Show, ...] = ()
    note: str = ""
    source: str = ""  # clause number in the notice if it differs from code

    @property
    def name(self) -> str:
        """Number and title as people say them: ``4 干部交流``."""
        label = self.title or self.text
        return f"{self.no} {label}".strip() if self.no else label


class SumClause(ClauseBase):
    """Clauses with children: their sum (or the best of them), capped."""

    kind: Literal["sum"] = "sum"
    take: Literal["sum", "best"] = "sum"
    once_per: Names = ()


class TicksClause(ClauseBase):
    kind: Literal["ticks"]
    ticks: tuple[Tick, ...]


class JudgedClause(ClauseBase):
    """酌情给分: a person's number or verdict. ``step`` is a hint for the form only."""

    kind: Literal["judged"]
    by: str = "panel"
    options: Options = ()
    step: Number = Fraction(1, 10)


class DeductClause(ClauseBase):
    kind: Literal["deduct"]
    deductions: Deductions = Deductions()
    events: tuple[Events, ...] = ()


class TallyClause(ClauseBase):
    """Count rows at a rate by level, or ``each``."""

    kind: Literal["tally"]
    table: str
    where: Conditions = {}
    require: tuple[Require, ...] = ()
    level: str | None = None
    points: dict[str, Number] = {}
    each: Number | None = None
    alias: dict[str, str] = {}
    quantity: str | None = None
    once_per: Names = ()
    average_over: str | None = None
    confirmed_only: bool = False  # a row that another school has not confirmed does not count


class RosterClause(ClauseBase):
    """People with stays: months per person, a band per months."""

    kind: Literal["roster"]
    table: str
    where: Conditions = {}
    require: tuple[Require, ...] = ()
    person: str = "person"
    start: str = "start"
    end: str = "end"
    months: Annotated[str | None, BeforeValidator(lambda v: v or None)] = "months"  # "": dates only (连续)
    measure: Literal["longest", "total"] = "longest"
    bands: tuple[Band, ...]
    until: str | None = None  # ISO date: end of stays still running (材料截止日)
    since: str | None = None  # ISO date: stays that ended before it are not counted
    once_per: Names = ()
    confirmed_only: bool = False  # as for tally


class MeasureClause(ClauseBase):
    """A formula, then bands, a target, or so many points per unit of the value."""

    kind: Literal["measure"]
    formula: str
    bands: tuple[Band, ...] = ()
    target: Number | None = None
    below: Literal["flag", "proportional", "zero"] = "flag"
    per_point: Number | None = None
    whole_points: bool = False


class RankClause(ClauseBase):
    """Points by place among all units of the cycle (of the group)."""

    kind: Literal["rank"]
    formula: str
    award: tuple[Number, ...] = ()
    first: Number | None = None
    step: Number | None = None
    order: Literal["high", "low"] = "high"
    ties: Literal["same", "mean"] = "same"
    missing: Literal["skip", "zero"] = "skip"
    positive_only: bool = False


class RuleClause(ClauseBase):
    """What no standard kind says: Python in the plugin, with its data in ``params``."""

    kind: Literal["rule"]
    scope: Literal["unit", "cohort"] = F(default="unit", alias="pass")
    params: dict[str, Any] = {}


Clause: TypeAlias = Annotated[
    SumClause
    | TicksClause
    | JudgedClause
    | DeductClause
    | TallyClause
    | RosterClause
    | MeasureClause
    | RankClause
    | RuleClause,
    F(discriminator="kind"),
]

# --- rulings, subtotals, official forms --------------------------------------------------------


class RulingChoice(Value):
    key: str
    label: str
    value: Any
    example: str = ""


class Ruling(Value):
    """A hole of the notice (裁定). The cycle stores the choice's key or the typed value."""

    key: str
    question: str
    why: str = ""
    clause: str = ""
    quote: str = ""
    type: Literal["choice", "date", "number", "text", "table"] = "choice"
    choices: tuple[RulingChoice, ...] = ()
    default: Any = None
    python: bool = False  # read by the plugin's Python only
    note: bool = False  # changes no arithmetic; printed in the register of rulings


class Subtotal(Value):
    code: str
    title: str
    of: tuple[str, ...]
    printed: Number | None = None


class FormColumn(Value):
    """A column of an official form; ``source`` is one of the closed vocabulary (see docs/writing-a-rubric.md)."""

    label: str
    source: str
    width: int = 12
    merge: bool = False  # equal neighbours downwards become one cell, as printed
    align: Literal["left", "center", "right"] = "left"


class FormFoot(Value):
    """A line under the table: ``cells`` are texts or sources written ``=source``."""

    label: str
    source: str = ""


class Form(Value):
    """One of the notice's own tables (官方表): rows in a closed vocabulary, columns, foot, notes."""

    key: str
    title: str
    rows: str  # clauses:<level> | filed | table:<key>
    columns: tuple[FormColumn, ...]
    foot: tuple[FormFoot, ...] = ()
    notes: tuple[str, ...] = ()
    landscape: bool = False


class Terms(Value):
    """What this notice calls things."""

    unit: str = "考核对象"
    lead: str = "牵头学校"
    member: str = "成员学校"
    panel: str = "考核组"
    bonus: str = "加分"


class Rubric(Value):
    """A whole rubric, bound: the one value that scoring reads."""

    key: str
    title: str
    version: str
    source: str
    short: str = ""  # 名校集团考核, for the header
    terms: Terms = Terms()
    levels: tuple[str, ...]
    indicator_level: int = 2  # depth of the clauses that people call an indicator (a page each)
    places: int = 2
    rounding: Literal["division", "each", "display"] = "division"
    rank_by: str = "total"
    group_by: str | None = None
    ties: Literal["same"] = "same"
    assessors: dict[str, str] = {}
    values: dict[str, Any] = {}  # resolved rulings: key -> value
    clauses: tuple[Clause, ...]
    fields: tuple[Field, ...] = ()
    tables: tuple[Table, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    subtotals: tuple[Subtotal, ...] = ()
    forms: tuple[Form, ...] = ()

    @cached_property
    def by(self) -> Mapping[str, Clause]:
        """Clause by code."""
        return {c.code: c for c in self.clauses}

    @cached_property
    def children(self) -> Mapping[str, tuple[Clause, ...]]:
        out: dict[str, list[Clause]] = {c.code: [] for c in self.clauses}
        for clause in self.clauses:
            if clause.parent is not None:
                out[clause.parent].append(clause)
        return {code: tuple(kids) for code, kids in out.items()}

    @cached_property
    def root(self) -> Clause:
        return next(c for c in self.clauses if c.parent is None)

    @cached_property
    def table(self) -> Mapping[str, Table]:
        return {t.key: t for t in self.tables}

    @cached_property
    def all_fields(self) -> Mapping[str, Field]:
        """Declared and implied fields by key, in the order of the notice (see ``fields.implied``)."""
        from .fields import implied

        return implied(self)

    def depth(self, code: str) -> int:
        n, parent = 0, self.by[code].parent
        while parent is not None:
            n, parent = n + 1, self.by[parent].parent
        return n

    def leaves(self, code: str | None = None) -> Iterator[Clause]:
        """Leaf clauses under ``code`` (itself if it is one), in printed order."""
        kids = self.children[code or self.root.code]
        if not kids:
            yield self.by[code or self.root.code]
        for kid in kids:
            yield from self.leaves(kid.code)

    def under(self, code: str) -> Iterator[Clause]:
        """``code`` and everything below it, in printed order."""
        yield self.by[code]
        for kid in self.children[code]:
            yield from self.under(kid.code)

    def unset_word(self, *codes: str) -> str:
        """未设分值 where no clause under ``codes`` has points in this cycle, else ""."""
        words = {c.unset for code in codes for c in self.under(code) if not self.children[c.code]}
        return words.pop() if len(words) == 1 else ""

    @cached_property
    def indicators(self) -> tuple[Clause, ...]:
        """The clauses people call an indicator (二级 / B级): a page, a rail item, a heat-map column each.

        One that a ruling left without points (未设分值) is nobody's work in this cycle.
        """
        return tuple(c for c in self.clauses if self.depth(c.code) == self.indicator_level and not c.unset)

    @cached_property
    def dimensions(self) -> tuple[Clause, ...]:
        return tuple(c for c in self.clauses if self.depth(c.code) == self.indicator_level - 1)

    def indicator_of(self, code: str) -> Clause | None:
        """The indicator that ``code`` belongs to; None above that level."""
        clause = self.by[code]
        depth = self.depth(code)
        while depth > self.indicator_level and clause.parent is not None:
            clause, depth = self.by[clause.parent], depth - 1
        return clause if depth == self.indicator_level else None
