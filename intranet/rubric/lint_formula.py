"""What ``lint`` asks of a formula: it can be read, and its names are numbers of this rubric."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from ..i18n import _
from .expression import AGGREGATES, Call, FormulaError, Name, Negative, Node, Operation, names, parse
from .formula import SCHOOLS
from .lint_review import Review
from .model import Column, Field, Rubric
from .schema import meant
from .source import Path


def check_formula(review: Review, path: Path, text: str) -> None:
    """Report a formula's problems, and names that only the register can know."""
    problems = check(review.rubric, text)
    for problem in problems:
        review.error(path, problem)
    for name in [] if problems else attributes(review.rubric, text):
        remedy = _("将从登记的属性中读取: 若是笔误请改正")
        review.warn(path, _("公式里的“%(name)s”不是字段，%(remedy)s", name=name, remedy=remedy))


def check(rubric: Rubric, formula: str) -> list[str]:
    """What is wrong with a formula in this rubric, in Chinese; [] if nothing."""
    try:
        tree = parse(formula)
    except FormulaError as error:
        return [str(error)]
    return list(dict.fromkeys(_problems(rubric, tree, inside=False)))


def attributes(rubric: Rubric, formula: str) -> list[str]:
    """Names of a readable formula that are no field: they can only be attributes of the register."""
    known = {*rubric.all_fields, *rubric.table, SCHOOLS}
    return [n.key for n in names(parse(formula)) if not n.column and n.key not in known]


def _problems(rubric: Rubric, node: Node, *, inside: bool) -> Iterator[str]:
    match node:
        case Name():
            yield from _name_problem(rubric, node, inside=inside)
        case Negative(inner):
            yield from _problems(rubric, inner, inside=inside)
        case Operation(_sign, left, right):
            yield from _problems(rubric, left, inside=inside)
            yield from _problems(rubric, right, inside=inside)
        case Call("count", (Name(key, ""),)) if key in rubric.table:
            return  # the number of its rows
        case Call(function, arguments):
            found = [n for a in arguments for n in names(a)]
            tables = {n.key for n in found if n.column or n.key in rubric.table}
            members = [n for n in found if _is_member(rubric, n)]
            if function in AGGREGATES and (len(tables) > 1 or (tables and members)):
                yield _("一个合计函数里只能有一张表，或只有成员学校的字段: 请拆开")
            for argument in arguments:
                yield from _problems(rubric, argument, inside=inside or function in AGGREGATES)


def _is_member(rubric: Rubric, name: Name) -> bool:
    field = rubric.all_fields.get(name.key)
    return not name.column and field is not None and field.per == "member"


def _name_problem(rubric: Rubric, name: Name, *, inside: bool) -> Iterator[str]:
    if name.column:
        yield from _column_problem(rubric, name, inside=inside)
        return
    field = rubric.all_fields.get(name.key)
    if field is not None:
        if not _is_numeric(field):
            yield _("字段“%(key)s”不是数: 请换一个，或给选项写 points", key=name.key)
        if field.per == "member" and not inside:
            yield _("字段“%(key)s”每校一个: 请写在 sum( ) 之类的函数里", key=name.key)
    elif name.key in rubric.table:
        yield _("“%(key)s”是一张表: 请写成 %(key)s.列名，或 count(%(key)s)", key=name.key)
    elif name.key != SCHOOLS:
        known = [key for key in rubric.all_fields if "." not in key]
        if get_close_matches(name.key, known, n=1, cutoff=0.6):
            yield _("公式里的“%(key)s”没有定义: %(meant)s", key=name.key, meant=meant(name.key, known))


def _column_problem(rubric: Rubric, name: Name, *, inside: bool) -> Iterator[str]:
    table = rubric.table.get(name.key)
    shown = f"{name.key}.{name.column}"
    if table is None:
        tables = meant(name.key, list(rubric.table))
        yield _("公式里的表“%(key)s”没有定义: %(meant)s", key=name.key, meant=tables)
    elif name.column not in table.by_key:
        columns = meant(name.column, list(table.by_key))
        yield _("表“%(key)s”没有列“%(column)s”: %(meant)s", key=name.key, column=name.column, meant=columns)
    elif not _is_numeric(table.by_key[name.column]):
        yield _("“%(shown)s”不是数: 请换一列，或给选项写 points", shown=shown)
    elif not inside:
        yield _("“%(shown)s”有许多行: 请写在 sum( ) 之类的函数里", shown=shown)


def _is_numeric(field: Field | Column) -> bool:
    if field.type == "choice":
        return any(o.points is not None for o in field.options)
    return field.type in {"count", "number", "tick"}
