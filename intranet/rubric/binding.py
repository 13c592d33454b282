"""From a definition's data and the values of its rulings to a typed Rubric.

The holes are filled first, defaults are merged in, then each item is read into its value type and
the tree of clauses is looked at. Reading the file itself is ``loader.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..i18n import _
from . import schema
from .model import Clause, Deductions, Field, Form, Rubric, Ruling, Subtotal, Table
from .source import Finding, Path, Source

UNSET = "未设分值"  # a text of the rubric, not of the screen: it is stored with the score

SECTIONS: Mapping[str, tuple[str, type[Any]]] = {
    "field": ("fields", Field),
    "table": ("tables", Table),
    "subtotal": ("subtotals", Subtotal),
    "form": ("forms", Form),
}
HEAD = tuple(
    name
    for name in schema.keys_of(Rubric)
    if name not in {"clauses", "rulings", "values", *(plural for plural, _model in SECTIONS.values())}
)


_REFERENCE = re.compile(r"@([A-Za-z_][A-Za-z0-9_]*)\Z")


def references(data: Any, path: Path = ()) -> list[tuple[str, Path]]:
    """Every ``"@key"`` in the definition with the place where it stands."""
    if isinstance(data, Mapping):
        return [r for k, v in data.items() if path or k != "ruling" for r in references(v, (*path, k))]
    if isinstance(data, list):
        return [r for n, v in enumerate(data) for r in references(v, (*path, n))]
    found = _REFERENCE.match(data) if isinstance(data, str) else None
    return [(found[1], path)] if found else []


_DROP = object()


def _fill(data: Any, values: Mapping[str, Any]) -> Any:
    """``data`` with references replaced; what an empty ruling stands for disappears.

    An empty ``max`` also says so: without the word, a leaf without cap would look finished.
    """
    if isinstance(data, Mapping):
        filled = {k: _fill(v, values) for k, v in data.items()}
        if filled.get("max") is _DROP:
            filled["unset"] = UNSET
        return {k: v for k, v in filled.items() if v is not _DROP}
    if isinstance(data, list):
        return [v for v in (_fill(v, values) for v in data) if v is not _DROP]
    found = _REFERENCE.match(data) if isinstance(data, str) else None
    if found is None or found[1] not in values:
        return data
    value = values[found[1]]
    return _DROP if value is None else value


def build(
    raw: Mapping[str, Any], where: Source, rulings: tuple[Ruling, ...], values: Mapping[str, Any]
) -> tuple[Rubric | None, list[Finding]]:
    """The rubric under these values of its rulings, or None and everything that is in the way.

    :param raw: the file as tomllib read it. :param values: every ruling's value, None if empty.
    """
    findings: list[Finding] = []
    for key, path in references(raw):
        if key not in values:
            message = _("没有名为“%(key)s”的裁定: %(meant)s", key=key, meant=schema.meant(key, list(values)))
            findings.append(Finding("error", where.line(path), item_name(raw, path), message, where.name))
    if findings:
        return None, findings
    data: dict[str, Any] = _fill({k: v for k, v in raw.items() if k != "ruling"}, values)

    head_data = {k: v for k, v in data.items() if k in HEAD}
    head = schema.read(Rubric, {**head_data, "clauses": []}, _reporter(findings, where, (), ""))
    parts: dict[str, Any] = {"values": dict(values), "rulings": rulings}
    for section, (plural, model) in SECTIONS.items():
        items = [
            schema.read(model, item, _reporter(findings, where, (section, n), item_name(data, (section, n))))
            for n, item in enumerate(data.get(section, []))
        ]
        parts[plural] = tuple(item for item in items if item is not None)
    parts["clauses"] = tuple(_clauses(data, where, findings))
    if head is None or findings:
        return None, list(dict.fromkeys(findings))
    return head.model_copy(update=parts), []


def item_name(data: Mapping[str, Any], path: Path) -> str:
    """What a finding calls the item at ``path``: a clause by its code, others by section and key."""
    if len(path) < 2 or not isinstance(path[1], int):
        return ""
    section, n = str(path[0]), path[1]
    item = data[section][n]
    key = str(item.get("code", item.get("key", n + 1)))
    titles = {
        "field": _("字段"),
        "table": _("表"),
        "subtotal": _("小计"),
        "form": _("表格"),
        "ruling": _("裁定"),
    }
    if section == "clause":
        return key if "code" in item else _("第 %(n)s 条", n=n + 1)
    return f"{titles.get(section, section)} {key}"


def _clauses(data: dict[str, Any], where: Source, findings: list[Finding]) -> list[Clause]:
    items: list[dict[str, Any]] = data.get("clause", [])
    parents = {str(item["in"]) for item in items if "in" in item}
    defaults = _defaults(data, where, findings)
    rates = data.get("deductions", {})
    if schema.read(Deductions, rates, _reporter(findings, where, ("deductions",), "")) is None:
        rates = {}
    out: list[Clause] = []
    for n, own in enumerate(items):
        label = item_name(data, ("clause", n))
        kind = own.get("kind", "sum" if str(own.get("code")) in parents else None)
        problem = _kind_problem(own, kind, parents)
        if problem:
            findings.append(Finding("error", where.line(("clause", n, "kind")), label, problem, where.name))
            continue
        shared = defaults.get(str(kind), {})
        item = {**shared, **own, "kind": kind}
        if kind == "deduct":
            mine = item.get("deductions", {})
            item["deductions"] = {**rates, **mine} if isinstance(mine, dict) else mine

        report = _reporter(findings, where, ("clause", n), label)
        inherited = {key: ("defaults", str(kind)) for key in shared if key not in own}
        clause = schema.read(schema.KINDS[str(kind)], item, _elsewhere(report, inherited, findings, where))
        if clause is not None:
            out.append(clause)  # type: ignore[arg-type]  # KINDS holds exactly the members of Clause
    _tree(items, where, findings)
    return out


def _reporter(findings: list[Finding], where: Source, top: Path, label: str) -> schema.Report:
    def report(path: Path, message: str) -> None:
        findings.append(Finding("error", where.line((*top, *path)), label, message, where.name))

    return report


def _elsewhere(
    report: schema.Report, inherited: Mapping[str, Path], findings: list[Finding], where: Source
) -> schema.Report:
    """``report``, but what a clause inherited is said of the default, once for all clauses."""

    def said(path: Path, message: str) -> None:
        top = inherited.get(str(path[0])) if path else None
        if top is None:
            report(path, message)
        else:
            _reporter(findings, where, top, "")(path, message)

    return said


def _kind_problem(own: Mapping[str, Any], kind: Any, parents: set[str]) -> str:
    kinds = list(schema.KINDS)
    code = str(own.get("code"))
    if kind is None:
        return _("末级条款没有写类别: 请写 kind，可用的有：%(kinds)s", kinds="、".join(kinds[1:]))
    if kind not in kinds:
        return _("没有“%(kind)s”这一类别: %(meant)s", kind=kind, meant=schema.meant(str(kind), kinds))
    if kind != "sum" and code in parents:
        return _("有下级条款的不能是 %(kind)s 类: 请删去 kind，或去掉下级条款", kind=kind)
    if kind == "sum" and code not in parents:
        return _("sum 类没有下级条款: 请用 in 指向它，或换一个类别")
    return ""


def _defaults(data: Mapping[str, Any], where: Source, findings: list[Finding]) -> dict[str, dict[str, Any]]:
    """``[defaults.<kind>]``: parameters that all clauses of the kind share."""
    out: dict[str, dict[str, Any]] = {}
    for kind, shared in data.get("defaults", {}).items():
        report = _reporter(findings, where, ("defaults", kind), "")
        if kind not in schema.KINDS or not isinstance(shared, dict):
            report(
                (),
                _(
                    "defaults 里没有“%(kind)s”: %(meant)s",
                    kind=kind,
                    meant=schema.meant(kind, list(schema.KINDS)),
                ),
            )
            continue
        known = schema.keys_of(schema.KINDS[kind])
        out[kind] = {}
        for key, value in shared.items():
            if key in known:
                out[kind][key] = value
            else:
                report((key,), _("不认识的键“%(key)s”: %(meant)s", key=key, meant=schema.meant(key, known)))
    return out


def _tree(items: list[dict[str, Any]], where: Source, findings: list[Finding]) -> None:
    """Codes are unique, every parent exists, there is one root and no circle."""

    def say(n: int, key: str, message: str) -> None:
        code = str(items[n].get("code", ""))
        findings.append(Finding("error", where.line(("clause", n, key)), code, message, where.name))

    codes: dict[str, int] = {}
    for n, item in enumerate(items):
        code = str(item.get("code", ""))
        if code in codes:
            say(
                n,
                "code",
                _("条款代码写了两次: 第 %(line)s 行已有，请改一个", line=where.line(("clause", codes[code]))),
            )
        codes.setdefault(code, n)
    parent = {code: str(items[n]["in"]) for code, n in codes.items() if "in" in items[n]}
    roots = [code for code in codes if code not in parent]
    for code in roots[1:]:
        say(codes[code], "code", _("没有写上级: 请用 in 指明；总分“%(root)s”已是最上一级", root=roots[0]))
    for code, above in parent.items():
        if above not in codes:
            say(
                codes[code],
                "in",
                _("没有上级条款“%(above)s”: %(meant)s", above=above, meant=schema.meant(above, list(codes))),
            )
            continue
        seen, here = {code}, above
        while here in parent and here not in seen:
            seen.add(here)
            here = parent[here]
        if here in seen:
            say(codes[code], "in", _("上级绕成了一圈: 请检查 in"))
    if not roots:
        say(0, "code", _("没有最上一级: 请写一个不带 in 的条款作总分"))
