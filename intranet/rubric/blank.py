"""An empty facts document of a rubric, with a word on every place of it.

For whoever writes facts by hand: a rubric's author, a worked case, a bureau's own tool.
"""

from __future__ import annotations

from typing import Any

from ..i18n import _
from .facts import OWNERS
from .model import Column, Field, Rubric

EXPLAIN = "explain"
"""Beside the facts: path -> what to fill in. It is no part of the document and is left out before reading."""


def empty_document(rubric: Rubric) -> dict[str, Any]:
    """A facts document with every place blank, and ``explain``: path -> what to fill in."""
    explain = {
        "unit": _("单位代码"),
        "name": _("单位名称"),
        "members": _("成员学校：代码 → 名称和属性；牵头学校写 role = lead"),
    }
    attributes = {name for clause in rubric.clauses for name in clause.applies} | {rubric.group_by or ""}
    explain |= {f"attributes.{name}": _("单位的属性，来自单位库") for name in sorted(attributes - {""})}
    docs: dict[str, dict[str, Any]] = {owner: {} for owner in (*OWNERS, *rubric.assessors)}
    for field in rubric.all_fields.values():
        doc, text = docs.setdefault(field.by, {}), _what(field)
        if field.per == "member":
            doc.setdefault("members", {}).setdefault("s1", {})[field.key] = None
            explain[f"{field.by}.members.s1.{field.key}"] = text
        else:
            doc.setdefault("fields", {})[field.key] = None
            explain[f"{field.by}.fields.{field.key}"] = text
    for clause in rubric.clauses:
        if clause.materials:
            docs["school"].setdefault("materials", {})[clause.code] = [None] * len(clause.materials)
            for n, label in enumerate(clause.materials):
                explain[f"school.materials.{clause.code}[{n}]"] = _(
                    "材料“%(label)s”：true 有，false 缺，null 未填", label=label
                )
    for table in rubric.tables:
        explain[f"{table.by}.tables.{table.key}"] = _(
            "表“%(title)s”：写成行的列表，没有就写 [ ]，不写是未填", title=table.title
        )
        for column in table.columns:
            explain[f"{table.by}.tables.{table.key}[0].{column.key}"] = _what(column)
    for clause in rubric.leaves():
        if clause.kind == "judged":
            explain[f"marks.{clause.by}.{clause.code}"] = _(
                '“%(title)s”的评分：{"points": "1.5", "reason": "……"}', title=clause.name
            )
    return {
        "unit": "u1",
        "name": _("示例单位"),
        "attributes": {},
        "members": {"s1": {"name": _("示例学校"), "role": "lead"}},
        "docs": docs,
        "marks": {},
        "exempt": [],
        "prior": {},
        EXPLAIN: explain,
    }


_TYPES = {
    "text": lambda: _("文字"),
    "longtext": lambda: _("文字"),
    "count": lambda: _("不小于 0 的整数"),
    "number": lambda: _('数，写成文字，如 "0.5"'),
    "tick": lambda: _("true 或 false"),
    "choice": lambda: _("选项"),
    "date": lambda: _("日期，如 2023-09-01"),
    "school": lambda: _("成员学校的代码"),
    "direction": lambda: _("方向，可由两所学校推出"),
}


def _what(field: Field | Column) -> str:
    text = f"{field.label}：{_TYPES[field.type]()}"
    if field.options:
        text += "（" + "、".join(o.value for o in field.options) + "）"
    return f"{text}；{field.help}" if field.help else text
