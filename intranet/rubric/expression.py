"""The grammar of formulas: text to a tree of a few whitelisted nodes.

What belongs here: reading. What the names mean and what comes out is ``formula.py``. Python's own
parser reads the text, but only nodes named here are taken over and nothing is ever executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ..i18n import _
from .schema import meant

LONGEST = 500
DEEPEST = 20

AGGREGATES = ("sum", "mean", "count", "least", "most")
FUNCTIONS = ("max", "min", "ceil")

_CHARACTERS = re.compile(r"[A-Za-z0-9_.+\-*/(), \t\r\n]*\Z")
_OPERATORS = {ast.Add: "+", ast.Sub: "−", ast.Mult: "×", ast.Div: "÷"}


class FormulaError(ValueError):
    """A formula that cannot be read; the message is Chinese and names the remedy."""


@dataclass(frozen=True, slots=True)
class Number:
    value: Fraction


@dataclass(frozen=True, slots=True)
class Name:
    """``key``, or ``table.column`` with both parts."""

    key: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class Negative:
    inner: Node


@dataclass(frozen=True, slots=True)
class Operation:
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Node, ...]


Node = Number | Name | Negative | Operation | Call


@lru_cache(maxsize=1024)
def parse(formula: str) -> Node:
    """The formula as a tree of whitelisted nodes. :raises FormulaError: anything else."""
    if len(formula) > LONGEST:
        raise FormulaError(_("公式超过 %(n)s 个字符: 请拆开", n=LONGEST))
    if not _CHARACTERS.match(formula):
        odd = next(c for c in formula if not _CHARACTERS.match(c))
        raise FormulaError(
            _("公式里不能有“%(odd)s”: 请只用英文键名、数字、+ - * / 和半角括号、逗号", odd=odd)
        )
    text = " ".join(formula.split())
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaError(_("公式“%(formula)s”不完整: 请检查括号和运算符", formula=formula)) from None
    return _node(tree, text, 0)


def _node(tree: ast.expr, text: str, depth: int) -> Node:
    if depth > DEEPEST:
        raise FormulaError(_("公式套得太深: 请拆开"))
    match tree:
        case ast.Constant():
            return _constant(text[tree.col_offset : tree.end_col_offset])
        case ast.Name(id=key):
            return Name(key)
        case ast.Attribute(value=ast.Name(id=table), attr=column):
            return Name(table, column)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return Negative(_node(inner, text, depth + 1))
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
            return Operation(
                _OPERATORS[type(op)], _node(left, text, depth + 1), _node(right, text, depth + 1)
            )
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
            return _call(function, tuple(_node(a, text, depth + 1) for a in arguments))
    raise FormulaError(_("公式里不能用“%(part)s”: 请只用 + - * / 和函数", part=ast.unparse(tree)))


def _constant(text: str) -> Number:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,12})?", text):
        raise FormulaError(_("公式里的数“%(text)s”不能用: 请写成 20 或 0.8 的样子", text=text))
    return Number(Fraction(text))


def _call(function: str, arguments: tuple[Node, ...]) -> Call:
    if function not in AGGREGATES + FUNCTIONS:
        known = [*AGGREGATES, *FUNCTIONS]
        raise FormulaError(
            _("没有函数“%(function)s”: %(meant)s", function=function, meant=meant(function, known))
        )
    few, many = (2, 20) if function in {"max", "min"} else (1, 1)
    if not few <= len(arguments) <= many:
        raise FormulaError(
            _("函数“%(function)s”的参数个数不对: 请写 %(few)s 个以上", function=function, few=few)
            if many > few
            else _("函数“%(function)s”只要一个参数: 请改正", function=function)
        )
    if function in AGGREGATES and any(
        c.function in AGGREGATES for a in arguments for c in _walk(a) if isinstance(c, Call)
    ):
        raise FormulaError(_("合计函数里不能再套合计函数: 请拆开"))
    return Call(function, arguments)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Negative(inner):
            yield from _walk(inner)
        case Operation(_sign, left, right):
            yield from _walk(left)
            yield from _walk(right)
        case Call(_function, arguments):
            for argument in arguments:
                yield from _walk(argument)


def names(node: Node) -> list[Name]:
    """The names in a formula, each once, in the order of writing."""
    return list(dict.fromkeys(n for n in _walk(node) if isinstance(n, Name)))
