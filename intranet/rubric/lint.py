"""What holds a definition together beyond the shape of its items: names, sums, bands, rulings.

Run when a plugin is loaded, under the default rulings and under each single other choice. Errors
refuse the rubric; warnings go into the register of rulings, where the bureau reads them. What is
wrong inside one clause is in ``lint_clause.py``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..i18n import _
from .binding import build, references
from .forms import SOURCES
from .lint_clause import check_clause
from .lint_review import Review
from .model import Column, Field, Form, Rubric, Table
from .numbers import show
from .schema import meant
from .source import Finding, Path
from .twice import PERIOD

if TYPE_CHECKING:
    from .loader import Definition

__all__ = ["Finding", "lint"]

_FORBIDDEN = re.compile(r"[\s#/?:\[\]{}\"'&<>%]")


def lint(definition: Definition) -> list[Finding]:
    """All findings in the order of the file: errors and warnings, each once.

    A finding that only shows under another choice of a ruling says which one.
    """
    found = dict.fromkeys([*_rulings(definition), *_under(definition, {})])
    known = {(f.line, f.clause, f.message) for f in found}
    for ruling in definition.rulings:
        for choice in ruling.choices:
            if choice.key == ruling.default:
                continue
            when = _("（裁定“%(key)s”取“%(choice)s”时）", key=ruling.key, choice=choice.key)
            for f in _under(definition, {ruling.key: choice.key}):
                if (f.line, f.clause, f.message) not in known:
                    what, colon, remedy = f.message.partition(": ")
                    found[replace(f, message=f"{what}{when}{colon}{remedy}")] = None
    return sorted(found, key=lambda f: (f.line, f.severity))


def _under(definition: Definition, choices: Mapping[str, Any]) -> list[Finding]:
    values = definition.resolve(choices)
    rubric, findings = build(definition.data, definition.where, definition.rulings, values)
    if rubric is None:
        return findings
    review = Review(definition, rubric)
    _names(review)
    if not review.has_errors:  # a field twice or a table missing would make nonsense of the rest
        _fields(review)
        _tables(review)
        for clause in rubric.clauses:
            check_clause(review, clause)
        _subtotals(review)
        _forms(review)
    return review.findings


def _rulings(definition: Definition) -> Iterator[Finding]:
    """Every ruling is read somewhere, and names a clause that exists."""
    used = {key for key, _path in references(definition.data)}
    codes = {str(c.get("code")) for c in definition.data.get("clause", [])}
    for n, ruling in enumerate(definition.rulings):
        label = _("裁定 %(key)s", key=ruling.key)

        def error(key: str, message: str, n: int = n, label: str = label) -> Finding:
            line = definition.where.line(("ruling", n, key))
            return Finding("error", line, label, message, definition.name)

        if ruling.key not in used and not ruling.python and not ruling.note:
            remedy = _('请在用到的地方写 "@%(key)s"，或写 python = true、note = true', key=ruling.key)
            yield error("key", _("没有一处用到: %(remedy)s", remedy=remedy))
        if ruling.key in used and ruling.note:
            yield error("note", _("写了 note = true 却有地方用到: 请删去 note"))
        if ruling.clause and ruling.clause not in codes:
            known = meant(ruling.clause, sorted(codes))
            yield error("clause", _("没有条款“%(code)s”: %(meant)s", code=ruling.clause, meant=known))


def _names(review: Review) -> None:
    """Keys are unique, and usable in addresses and paths."""
    rubric = review.rubric
    for clause in rubric.clauses:
        if _FORBIDDEN.search(clause.code) or not clause.code:
            message = _("条款代码“%(code)s”不能用: 请不要用空格和 # / ? : [ ] 等符号", code=clause.code)
            review.error(review.at(clause, "code"), message)
    sections: list[tuple[str, list[str]]] = [
        ("table", [t.key for t in rubric.tables]),
        ("subtotal", [s.code for s in rubric.subtotals]),
        ("form", [f.key for f in rubric.forms]),
    ]
    for section, keys in sections:
        for n, key in enumerate(keys):
            if key in keys[:n]:
                review.error((section, n, "key"), _("“%(key)s”写了两次: 请改名", key=key))
            if _FORBIDDEN.search(key) or not key:
                review.error((section, n, "key"), _("键“%(key)s”不能用: 请不要用空格和标点", key=key))
    seen: dict[str, Path] = {}
    for key, path in _field_keys(review):
        if key in seen:
            line = review.where.line(seen[key])
            review.error(path, _("字段“%(key)s”与第 %(line)s 行的重名: 请改名", key=key, line=line))
        elif _FORBIDDEN.search(key) or not key:
            review.error(path, _("字段“%(key)s”不能用: 请不要用空格和 # / ? : [ ] 等符号", key=key))
        seen.setdefault(key, path)


def _field_keys(review: Review) -> Iterator[tuple[str, Path]]:
    """Every key that is asked, declared or implied, with repeats. A loss may name any field."""
    for n, declared in enumerate(review.rubric.fields):
        yield declared.key, ("field", n, "key")
    for clause in review.rubric.clauses:
        for n, own in enumerate(clause.fields):
            yield own.key, review.at(clause, "fields", n)
        for n, tick in enumerate(getattr(clause, "ticks", ())):
            yield f"{clause.code}.{tick.key}", review.at(clause, "ticks", n)
        for n, event in enumerate(getattr(clause, "events", ())):
            if event.rows is None:
                for period in event.in_ or (event.label,):
                    yield f"{clause.code}.{period}", review.at(clause, "events", n)
        for n, loss in enumerate(clause.losses):
            if loss.judged:
                yield f"{clause.code}.{loss.label}", review.at(clause, "losses", n)


def _fields(review: Review) -> None:
    rubric = review.rubric
    for n, field in enumerate(rubric.fields):
        _question(review, ("field", n), field)
        if field.clause:
            review.known(("field", n, "clause"), _("条款"), field.clause, rubric.by)
    for clause in rubric.clauses:
        for n, field in enumerate(clause.fields):
            _question(review, review.at(clause, "fields", n), field)


def _question(review: Review, path: Path, item: Field | Column) -> None:
    """What holds for a field and for a column alike."""
    if isinstance(item, Field):
        review.owner((*path, "by"), item.by)
        if item.type == "direction":
            review.error((*path, "type"), _("direction 只用于表的列: 请改为 choice"))
    if (item.type in {"choice", "direction"}) != bool(item.options):
        remedy = _("选择题要有 options，其他类型不要")
        message = _("“%(key)s”的 type 与 options 不符: %(remedy)s", key=item.key, remedy=remedy)
        review.error((*path, "options"), message)
    for value, times in Counter(o.value for o in item.options).items():
        if times > 1:
            review.error((*path, "options"), _("选项“%(value)s”写了两次: 请删去一个", value=value))
    if item.least is not None and item.most is not None and item.least > item.most:
        review.error((*path, "least"), _("“%(key)s”的 least 大于 most: 请改正", key=item.key))
    if item.default is not None and item.options and item.default not in {o.value for o in item.options}:
        review.error((*path, "default"), _("默认值“%(value)s”不在选项中: 请改正", value=item.default))


def _tables(review: Review) -> None:
    for n, table in enumerate(review.rubric.tables):
        review.owner(("table", n, "by"), table.by)
        keys = [c.key for c in table.columns]
        for m, column in enumerate(table.columns):
            path: Path = ("table", n, "columns", m)
            _question(review, path, column)
            if column.key in keys[:m]:
                review.error(path, _("列“%(key)s”写了两次: 请改名", key=column.key))
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", column.key):
                review.error(path, _("列的键“%(key)s”不能用: 请只用英文字母、数字和下划线", key=column.key))
            _direction(review, (*path, "of"), table, column)
        for m, name in enumerate(table.confirmed_by):
            where: Path = ("table", n, "confirmed_by", m)
            review.column(where, table, name)
            if name in table.by_key and table.by_key[name].type != "school":
                message = _("confirmed_by 里的“%(key)s”不是学校: 请写 school 类型的列", key=name)
                review.error(where, message)
        for name in re.findall(r"\{([^{}]*)\}", table.describe):
            review.column(("table", n, "describe"), table, name)
        for m, names in enumerate(table.twice):
            for name in names:
                for key in ("start", "end") if name == PERIOD else (name,):
                    review.column(("table", n, "twice", m), table, key)


def _direction(review: Review, path: Path, table: Table, column: Column) -> None:
    """A direction is given, or derived from two school columns: lead→member, member→lead, member→member."""
    if not column.of:
        return
    schools = [c.key for c in table.columns if c.type == "school"]
    if column.type != "direction" or len(column.of) != 2 or not set(column.of) <= set(schools):
        review.error(path, _("of 只用于 direction 类型，并指明两个 school 类型的列: 请改正"))
    elif len(column.options) != 3:
        review.error(path, _("方向要有三个选项，依次为牵头→成员、成员→牵头、成员→成员: 请补齐"))


def _subtotals(review: Review) -> None:
    rubric = review.rubric
    for n, subtotal in enumerate(rubric.subtotals):
        path: Path = ("subtotal", n, "of")
        if not all([review.known(path, _("条款"), code, rubric.by) for code in subtotal.of]):
            continue
        times = Counter(clause.code for code in subtotal.of for clause in rubric.under(code))
        twice = next((code for code, k in times.items() if k > 1), None)
        if twice is not None:
            review.error(path, _("条款“%(code)s”计了两次: 请删去重复的", code=twice))
        reach = [review.reach(rubric.by[code]) for code in subtotal.of]
        total = sum((r for r in reach if r is not None), Fraction(0))
        if subtotal.printed is not None and None not in reach and total != subtotal.printed:
            message = _(
                "所列条款合计 %(total)s 分，与 printed 的 %(printed)s 分不符: 请核对原文",
                total=show(total, 6),
                printed=show(subtotal.printed, 6),
            )
            review.error(("subtotal", n, "printed"), message)
    review.known(("rank_by",), _("排名依据"), rubric.rank_by, ["total", *(s.code for s in rubric.subtotals)])
    _levels(review)


def _levels(review: Review) -> None:
    """Every leaf belongs to an indicator, which has a page."""
    rubric = review.rubric
    deepest = max(rubric.depth(c.code) for c in rubric.clauses)
    if not 1 <= rubric.indicator_level <= deepest or rubric.indicator_level >= len(rubric.levels):
        review.error(("indicator_level",), _("indicator_level 超出了条款的层数或 levels 的个数: 请改正"))
    for clause in rubric.leaves():
        if rubric.depth(clause.code) < rubric.indicator_level:
            message = _("末级条款高于指标一级，没有页面可填: 请在它上面补一级，或改 indicator_level")
            review.error(review.at(clause, "in"), message)
    if not 0 <= rubric.places <= 6:
        review.error(("places",), _("小数位数须在 0 到 6 之间: 请改正"))


def _forms(review: Review) -> None:
    rubric = review.rubric
    for n, form in enumerate(rubric.forms):
        path: Path = ("form", n, "rows")
        kind, _colon, what = form.rows.partition(":")
        if kind not in SOURCES or (kind == "filed" and what):
            remedy = _("请写 filed、clauses:级名 或 table:表名，用半角冒号")
            review.error(path, _("rows 不能是“%(rows)s”: %(remedy)s", rows=form.rows, remedy=remedy))
        elif kind == "filed" or review.known(path, *_rows_of(rubric, kind, what)):
            known = _form_sources(rubric, form)
            for m, column in enumerate(form.columns):
                review.known(("form", n, "columns", m, "source"), _("栏目"), column.source, known)


def _rows_of(rubric: Rubric, kind: str, what: str) -> tuple[str, str, list[str]]:
    if kind == "clauses":
        return _("级别"), what, list(rubric.levels[1:])
    return _("表"), what, list(rubric.table)


def _form_sources(rubric: Rubric, form: Form) -> list[str]:
    kind, _colon, what = form.rows.partition(":")
    known = list(SOURCES[kind])
    if kind == "clauses":
        known += [f"above.{level}" for level in rubric.levels[1 : rubric.levels.index(what)]]
    if kind == "table":
        known += [f"row.{column.key}" for column in rubric.table[what].columns]
    return known
