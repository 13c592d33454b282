"""What a formula means in a rubric: checking it, computing it, showing it.

Names are field keys without dots, unit attributes, and inside ``sum mean count least most`` also
member-school fields, school attributes or the columns of one table (``sum(teams.activities)``).
Everything is a Fraction. No comparison and no condition: a condition is a band, a ``require``, or
Python in the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Literal

from ..i18n import _
from .expression import AGGREGATES, Call, Name, Negative, Node, Number, Operation, names, parse
from .facts import Facts
from .ledger import State
from .model import Column, Field, Rubric
from .numbers import as_fraction, as_text

SCHOOLS = "schools"  # the number of member schools, known without being asked

Missing = Literal["skip", "zero"]
_TIGHT = {"+": 1, "−": 1, "×": 2, "÷": 2}


@dataclass(frozen=True, slots=True)
class Input:
    """One value that went into a formula. school: name of the school or row, "" for the unit."""

    label: str
    school: str
    value: Fraction | None


@dataclass(frozen=True, slots=True)
class Evaluated:
    """value: exact, None unless state is SCORED. missing: labels of what is not filled in.

    BLANK: something needed is missing. NA: a divisor is 0. shown: the formula with labels.
    """

    value: Fraction | None
    state: State
    inputs: tuple[Input, ...]
    missing: tuple[str, ...]
    shown: str


# --- evaluating ---------------------------------------------------------------------------------


def number_of(field: Field | Column | None, value: Any) -> Fraction | None:
    """What a filled-in value is in arithmetic; None if blank or without a number.

    A choice gives its option's points, a tick 1 or 0; an attribute (field None) a number as written.
    """
    if value is None or value == "":
        return None
    if field is not None and field.type == "choice":
        return next((o.points for o in field.options if o.value == value), None)
    if isinstance(value, bool):
        return Fraction(int(value))
    try:
        number: Fraction = as_fraction(value)
    except ValueError:
        return None
    return number


class _DividedByZero(ArithmeticError):
    pass


def evaluate(rubric: Rubric, formula: str, facts: Facts, missing: Missing = "skip") -> Evaluated:
    """Compute a formula for one unit.

    :param missing: "skip" leaves a school (or row) lacking any value of the aggregate out of it,
        on both sides of a difference; "zero" reads the lacking value as 0.
    :raises FormulaError: the formula cannot be read; ``lint`` has said so before.
    """
    tree = parse(formula)
    run = _Run(rubric, facts, missing)
    try:
        value = run.unit(tree)
    except _DividedByZero:
        return Evaluated(None, State.NA, tuple(run.inputs), tuple(run.lacking), show(rubric, formula))
    state = State.BLANK if value is None else State.SCORED
    return Evaluated(
        value, state, tuple(run.inputs), tuple(run.lacking) if value is None else (), show(rubric, formula)
    )


Lookup = Callable[[Name], Fraction | None]


class _Run:
    """One evaluation: collects the inputs on the way."""

    def __init__(self, rubric: Rubric, facts: Facts, missing: Missing) -> None:
        self.rubric, self.facts, self.missing = rubric, facts, missing
        self.inputs: dict[Input, None] = {}
        self.lacking: dict[str, None] = {}
        self.filled = False  # whether any school or row of the aggregate at hand has a value

    def unit(self, node: Node) -> Fraction | None:
        return self.value(node, self.of_unit)

    def value(self, node: Node, lookup: Lookup) -> Fraction | None:
        match node:
            case Number(value):
                return value
            case Name():
                return lookup(node)
            case Negative(inner):
                found = self.value(inner, lookup)
                return None if found is None else -found
            case Operation(sign, left, right):
                return _apply(sign, self.value(left, lookup), self.value(right, lookup))
            case Call(function, arguments) if function in AGGREGATES:
                return self.aggregate(function, arguments[0])
            case Call(function, arguments):
                values = [self.value(a, lookup) for a in arguments]
                known = [v for v in values if v is not None]
                if len(known) < len(values):
                    return None
                return (
                    Fraction(ceil(known[0]))
                    if function == "ceil"
                    else max(known)
                    if function == "max"
                    else min(known)
                )

    def of_unit(self, name: Name) -> Fraction | None:
        field = self.rubric.all_fields.get(name.key)
        if field is not None:
            value = (
                None
                if name.key in self.facts.hidden
                else number_of(field, self.facts.get(name.key, field.by))
            )
        elif name.key == SCHOOLS and SCHOOLS not in self.facts.attributes:
            value = Fraction(len(self.facts.members))
        else:
            value = number_of(None, self.facts.attributes.get(name.key))
        self.inputs[Input(label(self.rubric, name), "", value)] = None
        if value is None:
            self.lacking[label(self.rubric, name)] = None
        return value

    def aggregate(self, function: str, inner: Node) -> Fraction | None:
        found = names(inner)
        table = next((n.key for n in found if n.column or n.key in self.rubric.table), None)
        if table is not None:
            rows = self.facts.rows(table, self.rubric.table[table].by)
            if rows is None:
                self.lacking[self.rubric.table[table].title] = None
                return None
            if inner == Name(table):
                return Fraction(len(rows))
            cases = [(_("第%(n)s行", n=n), self.of_row(table, row)) for n, row in enumerate(rows, 1)]
        else:
            cases = [
                (str(m.get("name", key)), self.of_member(key, m)) for key, m in self.facts.members.items()
            ]
        self.filled = False
        found_values = [self.value(inner, self.noted(whose, lookup)) for whose, lookup in cases]
        values = [v for v in found_values if v is not None]
        if table is None and not (values and self.filled) and function != "count":
            return None  # nobody has written anything: not a zero
        return _aggregate(function, values)

    def noted(self, whose: str, lookup: Lookup) -> Lookup:
        """``lookup`` that writes down each school's or row's value and fills gaps as told."""

        def noting(name: Name) -> Fraction | None:
            if self.is_unit(name):
                return self.of_unit(name)
            value = lookup(name)
            self.inputs[Input(label(self.rubric, name), whose, value)] = None
            self.filled = self.filled or value is not None
            if value is None:
                self.lacking[label(self.rubric, name)] = None
                return Fraction(0) if self.missing == "zero" else None
            return value

        return noting

    def is_unit(self, name: Name) -> bool:
        field = self.rubric.all_fields.get(name.key)
        return name.key == SCHOOLS or (not name.column and field is not None and field.per == "unit")

    def of_row(self, table: str, row: Mapping[str, Any]) -> Lookup:
        columns = self.rubric.table[table].by_key
        return lambda name: number_of(columns.get(name.column), row.get(name.column))

    def of_member(self, school: str, attributes: Mapping[str, Any]) -> Lookup:
        def of_member(name: Name) -> Fraction | None:
            field = self.rubric.all_fields.get(name.key)
            if field is not None:
                given = (
                    None
                    if name.key in self.facts.hidden
                    else self.facts.of_member(school, name.key, field.by)
                )
                return number_of(field, given)
            value = attributes.get(name.key, self.facts.attributes.get(name.key))
            return number_of(None, value)

        return of_member


def _apply(sign: str, left: Fraction | None, right: Fraction | None) -> Fraction | None:
    if left is None or right is None:
        return None
    match sign:
        case "+":
            return left + right
        case "−":
            return left - right
        case "×":
            return left * right
    if right == 0:
        raise _DividedByZero
    return left / right


def _aggregate(function: str, values: list[Fraction]) -> Fraction:
    match function:
        case "count":
            return Fraction(len(values))
        case "sum":
            return sum(values, Fraction(0))
    if not values:  # an empty table has no mean: the divisor is 0
        raise _DividedByZero
    if function == "mean":
        return sum(values, Fraction(0)) / len(values)
    return min(values) if function == "least" else max(values)


# --- for people ---------------------------------------------------------------------------------


def label(rubric: Rubric, name: Name) -> str:
    """Chinese label of a field, column or table; an attribute keeps its own name."""
    if name.key in rubric.table:
        table = rubric.table[name.key]
        return table.by_key[name.column].label if name.column in table.by_key else table.title
    field = rubric.all_fields.get(name.key)
    return field.label if field else _("学校数") if name.key == SCHOOLS else name.key


def show(rubric: Rubric, formula: str) -> str:
    """The formula in Chinese: ``参加人数 ÷ (骨干教师 + 优秀教师 − 两类兼有)``."""
    return _show(rubric, parse(formula), 0)


def _show(rubric: Rubric, node: Node, outer: int) -> str:
    match node:
        case Number(value):
            return as_text(value)
        case Name():
            return label(rubric, node)
        case Negative(inner):
            return f"−{_show(rubric, inner, 3)}"
        case Operation(sign, left, right):
            tight = _TIGHT[sign]
            text = f"{_show(rubric, left, tight)} {sign} {_show(rubric, right, tight + (sign in '−÷'))}"
            return f"({text})" if tight < outer else text
        case Call(function, arguments):
            titles = {
                "sum": _("合计"),
                "mean": _("平均"),
                "count": _("个数"),
                "least": _("最小"),
                "most": _("最大"),
                "max": _("取大"),
                "min": _("取小"),
                "ceil": _("进一"),
            }
            return f"{titles[function]}({'，'.join(_show(rubric, a, 0) for a in arguments)})"
