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
from ..i18n import SOURCE, _, use_language
from . import schema, syntax
from .binding import HEAD, SECTIONS, build
from .model import Rubric, Ruling
from .numbers import as_fraction, as_text
from .source import Finding, Path, Source

FILE = "rubric.toml"

LISTS = ("clause", "ruling", *SECTIONS)
TABLES = ("deductions", "defaults", "terms", "assessors")
_PLAIN = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?\Z")
_WANTED = 64  # bound rubrics kept per definition
_LARGEST = 10**12  # whole numbers in a definition stay below it, as decimals do


@dataclass(frozen=True, eq=False)  # one object per loaded text; rulings may hold lists
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
    data: Mapping[str, Any] = field(repr=False)
    where: Source = field(repr=False)
    warnings: tuple[Finding, ...] = ()
    _bound: dict[str, Rubric] = field(default_factory=dict, repr=False)

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
            with use_language(SOURCE):  # it is kept for everybody, and its labels stand in stored results
                rubric, findings = build(self.data, self.where, self.rulings, self.resolve(choices))
            if rubric is None:
                raise _refused(findings)
            self._bound[wanted] = rubric
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
                    _("裁定“%(key)s”不在本考核办法中: %(meant)s", key=key, meant=schema.meant(key, known))
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
    try:
        return _load(text, name, check=check)
    except RecursionError:
        raise RubricError([_("%(file)s: 层层嵌套太深: 请把层级减少", file=name)]) from None


def _load(text: str, name: str, *, check: bool) -> Definition:
    where = Source(text, name)
    try:
        data = _plain(tomllib.loads(text, parse_float=_number))
    except tomllib.TOMLDecodeError as error:
        raise RubricError([str(syntax.explain(error, where))]) from None
    except ValueError:  # a whole number of more digits than Python reads, or than any rubric needs
        raise RubricError([_("%(file)s: 有一个整数太大: 请用 12 位以内的数", file=name)]) from None
    findings: list[Finding] = []
    data = _shape(data, where, findings)
    rulings = _rulings(data.get("ruling", []), where, findings)
    if findings:
        raise _refused(findings)
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
    errors = [f for f in found if f.severity == "error"]
    if errors:
        raise _refused(errors)
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
            return chosen or None


# --- reading ------------------------------------------------------------------------------------


def _number(text: str) -> Any:
    """A TOML float as printed; one that is not a plain decimal stays text and is refused later."""
    plain = text.replace("_", "")
    return Fraction(plain) if _PLAIN.match(plain) else text


def _plain(value: Any) -> Any:
    """TOML dates as ISO text; the rest as it is. :raises ValueError: a whole number beyond all measure."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise ValueError("too large")
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


def _refused(findings: list[Finding]) -> RubricError:
    return RubricError([str(f) for f in dict.fromkeys(sorted(findings, key=lambda f: f.line))])


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
