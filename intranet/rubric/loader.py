"""rubric.toml -> :class:`Definition` -> (with the cycle's rulings) :class:`~.model.Rubric`.

A Definition is the file as written, holes and all. ``bind`` fills the holes first and reads the
result into the typed model afterwards, so the model never meets an ``"@key"``. All findings are
collected; each names file, line, clause and remedy.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from fractions import Fraction
from importlib.resources.abc import Traversable
from typing import Any

from ..errors import Invalid, RubricError
from ..i18n import _
from . import schema
from .model import Clause, Deductions, Field, Form, Rubric, Ruling, Subtotal, Table
from .numbers import as_fraction, as_text
from .source import Finding, Path, Source

FILE = "rubric.toml"
UNSET = "未设分值"  # a text of the rubric, not of the screen: it is stored with the score

SECTIONS: Mapping[str, tuple[str, type[Any]]] = {
    "field": ("fields", Field),
    "table": ("tables", Table),
    "subtotal": ("subtotals", Subtotal),
    "form": ("forms", Form),
}
LISTS = ("clause", "ruling", *SECTIONS)
TABLES = ("deductions", "defaults", "terms", "assessors")
HEAD = tuple(
    name
    for name in schema.keys_of(Rubric)
    if name not in {"clauses", "rulings", "values", *(plural for plural, _model in SECTIONS.values())}
)

_REFERENCE = re.compile(r"@([A-Za-z_][A-Za-z0-9_]*)\Z")
_PLAIN = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?\Z")
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")
_WANTED = 64  # bound rubrics kept per definition


@dataclass(frozen=True)
class Definition:
    """A rubric as its file says it, unbound. Build it with :func:`load`.

    warnings: what ``lint`` found odd but not wrong; the bureau reads them beside the rulings.
    """

    text: str
    name: str
    key: str
    title: str
    version: str
    source: str
    rulings: tuple[Ruling, ...]
    data: Mapping[str, Any] = field(repr=False, compare=False)
    where: Source = field(repr=False, compare=False)
    warnings: tuple[Finding, ...] = ()
    _bound: dict[str, Rubric] = field(default_factory=dict, repr=False, compare=False)

    def bind(self, choices: Mapping[str, Any] | None = None) -> Rubric:
        """The rubric with every ruling filled in; the same choices give the same object.

        :param choices: ruling key -> the choice's key, or the typed value of a ruling that is not
            a choice. A ruling left out takes its default.
        :raises RubricError: an unknown ruling, a choice not offered, or a definition that does
            not hold under these choices.
        """
        wanted = _canonical(self._settled(choices))
        if wanted not in self._bound:
            if len(self._bound) >= _WANTED:
                self._bound.clear()
            self._bound[wanted] = _build(self, self.resolve(choices))
        return self._bound[wanted]

    def resolve(self, choices: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ruling key -> the value it stands for; None where the bureau left it empty."""
        return {
            r.key: ruling_value(r, c)
            for r, c in zip(self.rulings, self._settled(choices).values(), strict=True)
        }

    def fingerprint(self, choices: Mapping[str, Any] | None = None) -> str:
        """SHA-256 (hex) of key, version, text and the settled choices in canonical JSON."""
        whole = {
            "key": self.key,
            "version": self.version,
            "text": self.text,
            "choices": self._settled(choices),
        }
        return hashlib.sha256(_canonical(whole).encode()).hexdigest()

    def _settled(self, choices: Mapping[str, Any] | None) -> dict[str, Any]:
        given = dict(choices or {})
        settled = {r.key: given.pop(r.key, r.default) for r in self.rulings}
        if given:
            known = [r.key for r in self.rulings]
            raise RubricError(
                [
                    _("裁定“%(key)s”不在本细则中: %(meant)s", key=key, meant=schema.meant(key, known))
                    for key in given
                ]
            )
        problems = []
        for ruling in self.rulings:
            try:
                ruling_value(ruling, settled[ruling.key])
            except Invalid as error:
                problems.append(_("裁定“%(key)s”: %(message)s", key=ruling.key, message=error.message))
        if problems:
            raise RubricError(problems)
        return settled


def load(text: str, name: str = FILE, *, check: bool = True) -> Definition:
    """Read a definition and hold it against every rule of ``lint``.

    :param check: False for the snapshot of an opened cycle: it was checked when the cycle was
        opened, and a stricter lint of today must not close it.
    :raises RubricError: with all errors found, in the order of the file.
    """
    where = Source(text, name)
    try:
        data = _plain(tomllib.loads(text, parse_float=_number))
    except tomllib.TOMLDecodeError as error:
        raise RubricError([str(_syntax(error, where))]) from None
    findings: list[Finding] = []
    data = _shape(data, where, findings)
    rulings = _rulings(data.get("ruling", []), where, findings)
    _stop(findings)
    definition = Definition(
        text=text,
        name=name,
        key=str(data.get("key", "")),
        title=str(data.get("title", "")),
        version=str(data.get("version", "")),
        source=str(data.get("source", "")),
        rulings=tuple(rulings),
        data=data,
        where=where,
    )
    definition.bind()  # findings of the shape come before those of the meaning
    if not check:
        return definition
    from .lint import lint

    found = lint(definition)
    _stop([f for f in found if f.severity == "error"])
    return replace(definition, warnings=tuple(found))


def read_package(folder: Traversable, *, check: bool = True) -> Definition:
    """The definition in ``folder/rubric.toml`` (what the hook ``indicators`` returns)."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise RubricError(
            [_("%(file)s:1: 没有找到这个文件: 请放在 indicators 返回的文件夹里", file=FILE)]
        ) from None
    except UnicodeDecodeError:
        raise RubricError([_("%(file)s:1: 不是 UTF-8 编码: 请另存为 UTF-8", file=FILE)]) from None
    return load(text, FILE, check=check)


def ruling_value(ruling: Ruling, chosen: Any) -> Any:
    """What a choice stands for, ready to be put into the definition; None if left empty.

    choice: the value behind the choice's key. number: Fraction. date: ISO text. text: text.
    table: list or dict with exact numbers.

    :raises Invalid: a choice that is not offered, or a value of another type.
    """
    if chosen is None or (isinstance(chosen, str) and not chosen.strip()):
        return None
    match ruling.type:
        case "choice":
            for choice in ruling.choices:
                if choice.key == chosen:
                    return None if choice.value == "" else choice.value
            offered = "、".join(c.key for c in ruling.choices)
            raise Invalid(
                _("没有“%(chosen)s”这一选项: 请在 %(offered)s 中选一个", chosen=chosen, offered=offered)
            )
        case "number":
            try:
                return as_fraction(chosen)
            except ValueError:
                raise Invalid(
                    _("“%(chosen)s”不是准确的数: 请填 5、0.5 或 20%% 的样子", chosen=chosen)
                ) from None
        case "date":
            try:
                return date.fromisoformat(str(chosen)).isoformat()
            except ValueError:
                raise Invalid(_("“%(chosen)s”不是日期: 请填 2023-05-18 的样子", chosen=chosen)) from None
        case "text":
            return str(chosen)
        case "table":
            if not isinstance(chosen, list | tuple | Mapping):
                raise Invalid(_("应填一张表: 请用列表或“键 = 值”的形式"))
            if _has_float(chosen):
                raise Invalid(_('表中有不准确的小数: 请把小数写成文字，如 "0.5"'))
            return chosen


# --- reading ------------------------------------------------------------------------------------


def _number(text: str) -> Any:
    """A TOML float as printed; one that is not a plain decimal stays text and is refused later."""
    plain = text.replace("_", "")
    return Fraction(plain) if _PLAIN.match(plain) else text


def _plain(value: Any) -> Any:
    """TOML dates as ISO text; the rest as it is."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value.isoformat() if isinstance(value, date | datetime | time) else value


def _has_float(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_float(v) for v in value.values())
    if isinstance(value, list | tuple):
        return any(_has_float(v) for v in value)
    return isinstance(value, float)


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_exact)


def _exact(value: Any) -> str:
    return as_text(value) if isinstance(value, Fraction) else str(value)


def _stop(findings: list[Finding]) -> None:
    if findings:
        raise RubricError([str(f) for f in dict.fromkeys(sorted(findings, key=lambda f: f.line))])


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*')
_SYNTAX = {
    "Unclosed array": "方括号 [ 没有收尾",
    "Unterminated string": "引号没有收尾",
    'Expected \'"""\'': "三引号没有收尾",
    "Cannot overwrite a value": "同一个键写了两次",
    "Cannot declare": "同一个表头写了两次",
    "Duplicate inline table key": "花括号里同一个键写了两次",
    "Invalid value": "等号后面的值不能识别",
    "Expected '=' after a key": "键后面缺少等号",
    "Unescaped '\\'": "反斜杠要写成两个",
    "Illegal character": "引号里不能直接换行，或有看不见的控制字符",
    "Expected newline or end of document": "一行写完后还有多余的内容",
    "Unclosed inline table": "花括号 { 没有收尾",
}


def _syntax(error: tomllib.TOMLDecodeError, where: Source) -> Finding:
    text = str(error)
    found = _AT_LINE.search(text)
    lines = where.text.splitlines() or [""]
    row = int(found[1]) if found and found[1] else len(lines)
    bare = _QUOTED.sub("", lines[min(row, len(lines)) - 1])
    cause = next(
        (said for key, said in _SYNTAX.items() if text.startswith(key)),
        text[: found.start()] if found else text,
    )
    if re.search(r"[“”‘’＝，｛｝［］]", bare):
        remedy = _("这一行有全角的引号、等号、逗号或括号，请改成半角")
    elif re.search(r"[^\x00-\x7f]", bare):
        remedy = _('中文的键和值都要加半角引号，如 {"省级" = 1.5}')
    elif text.startswith("Invalid initial character") and bare.count("{") > bare.count("}"):
        cause, remedy = _("花括号 { } 里不能换行"), _("请写在一行里，或改用 [[表头]] 的写法")
    else:
        remedy = _("请对照前后几行改正")
    return Finding(
        "error",
        row,
        "",
        _("TOML 写法有误（%(cause)s）: %(remedy)s", cause=_(cause), remedy=remedy),
        where.name,
    )


def _shape(data: dict[str, Any], where: Source, findings: list[Finding]) -> dict[str, Any]:
    """The parts of the right outer form; the others are reported and left out."""
    known = [*HEAD, "clause", "ruling", *SECTIONS, "deductions", "defaults"]
    good: dict[str, Any] = {}
    for key, value in data.items():
        message = ""
        if key not in known:
            message = _("不认识的键“%(key)s”: %(meant)s", key=key, meant=schema.meant(key, known))
        elif key in LISTS and not (isinstance(value, list) and all(isinstance(v, dict) for v in value)):
            message = _("“%(key)s”应写成若干段: 请每段以 [[%(key)s]] 开头", key=key)
        elif key in TABLES and not isinstance(value, dict):
            message = _("“%(key)s”应写成一段: 请以 [%(key)s] 开头", key=key)
        if message:
            findings.append(Finding("error", where.line((key,)), "", message, where.name))
        else:
            good[key] = value
    if not data.get("clause"):
        findings.append(Finding("error", 1, "", _("没有任何条款: 请用 [[clause]] 写出指标"), where.name))
    return good


def _rulings(items: list[dict[str, Any]], where: Source, findings: list[Finding]) -> list[Ruling]:
    out: list[Ruling] = []
    for n, item in enumerate(items):
        label = _("裁定 %(key)s", key=item.get("key", n + 1))

        def report(path: Path, message: str, n: int = n, label: str = label) -> None:
            findings.append(Finding("error", where.line(("ruling", n, *path)), label, message, where.name))

        ruling = schema.read(Ruling, item, report)
        if ruling is None:
            continue
        if any(r.key == ruling.key for r in out):
            report(("key",), _("裁定“%(key)s”写了两次: 请改名或删去一处", key=ruling.key))
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", ruling.key):
            report(("key",), _("裁定的键“%(key)s”不能用: 请只用英文字母、数字和下划线", key=ruling.key))
        if (ruling.type == "choice") != bool(ruling.choices):
            report((), _("choices 与 type 不符: 选择题要有 choices，其他类型不要"))
        try:
            ruling_value(ruling, ruling.default)
        except Invalid as error:
            report(("default",), error.message)
        out.append(ruling)
    return out


# --- binding ------------------------------------------------------------------------------------


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


def _build(definition: Definition, values: Mapping[str, Any]) -> Rubric:
    where = definition.where
    findings: list[Finding] = []
    for key, path in references(definition.data):
        if key not in values:
            clause = _name(definition.data, path)
            meant = schema.meant(key, list(values))
            message = _("没有名为“%(key)s”的裁定: %(meant)s", key=key, meant=meant)
            findings.append(Finding("error", where.line(path), clause, message, where.name))
    _stop(findings)
    data: dict[str, Any] = _fill({k: v for k, v in definition.data.items() if k != "ruling"}, values)

    head_data = {k: v for k, v in data.items() if k in HEAD}
    head = schema.read(Rubric, {**head_data, "clauses": []}, _reporter(findings, where, (), ""))
    parts: dict[str, Any] = {"values": dict(values), "rulings": definition.rulings}
    for section, (plural, model) in SECTIONS.items():
        items = [
            schema.read(model, item, _reporter(findings, where, (section, n), _name(data, (section, n))))
            for n, item in enumerate(data.get(section, []))
        ]
        parts[plural] = tuple(item for item in items if item is not None)
    parts["clauses"] = tuple(_clauses(data, where, findings))
    _stop(findings)
    assert head is not None  # noqa: S101 - a failed head has left a finding
    return head.model_copy(update=parts)


def _name(data: Mapping[str, Any], path: Path) -> str:
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
        label = _name(data, ("clause", n))
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

        def report(
            path: Path, message: str, n: int = n, own: Any = own, kind: Any = kind, label: str = label
        ) -> None:
            inherited = path and path[0] in defaults.get(kind, {}) and path[0] not in own
            top: Path = ("defaults", kind) if inherited else ("clause", n)
            findings.append(
                Finding("error", where.line((*top, *path)), "" if inherited else label, message, where.name)
            )

        clause = schema.read(schema.KINDS[str(kind)], item, report)
        if clause is not None:
            out.append(clause)  # type: ignore[arg-type]  # KINDS holds exactly the members of Clause
    _tree(items, where, findings)
    return out


def _reporter(findings: list[Finding], where: Source, top: Path, label: str) -> schema.Report:
    def report(path: Path, message: str) -> None:
        findings.append(Finding("error", where.line((*top, *path)), label, message, where.name))

    return report


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
        seen = {code}
        while above in parent and above not in seen:
            seen.add(above)
            above = parent[above]
        if above in seen:
            say(codes[code], "in", _("上级绕成了一圈: 请检查 in"))
    if not roots:
        say(0, "code", _("没有最上一级: 请写一个不带 in 的条款作总分"))
