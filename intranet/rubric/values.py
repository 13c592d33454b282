"""One value: what people type turned into what is stored, and what is wrong with a stored one.

Stored values are plain JSON: text, whole numbers, exact decimals as text, true or false, dates as
``2023-09-01``. Fields and columns are the same here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from datetime import date
from fractions import Fraction
from typing import Any

from ..errors import Invalid
from ..i18n import _
from .model import Column, Field
from .numbers import as_text, show

Item = Field | Column

TEXT, LONGTEXT = 500, 20_000  # characters
FIRST_YEAR, LAST_YEAR = 1900, 2200  # years that are not a slip of the finger

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DECIMAL = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?\Z")
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?\Z")
_DATE = re.compile(r"(\d{4,5})(?:[-./]|年)\s?(\d{1,2})(?:[-./]|月)\s?(\d{1,2})日?(?: 00:00(?::00)?)?\Z")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})\Z")
_YES = {"true", "1", "on", "yes", "是", "有", "√", "✓", "☑", "对"}
_NO = {"false", "0", "off", "no", "否", "无", "×", "✗", "☐", "没有"}


def parse_value(item: Item, text: str) -> Any:
    """The stored value of what was typed into a field or a cell; None if it is blank.

    Full-width digits, thousands separators and the item's own unit (``3 次``) are understood.

    :raises Invalid: with a message that says what to enter; ``field`` is the item's key.
    """
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not text:
        return None
    value = _read(item, text)
    problem = problem_with(item, value)
    if problem:
        raise Invalid(problem, field=item.key)
    return value


def _read(item: Item, text: str) -> Any:
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-").strip()
    match item.type:
        case "text":
            return " ".join(text.split())
        case "longtext" | "school":
            return text
        case "count" | "number" | "date" if is_ornate(text):
            return text
        case "count" | "number":
            number = (
                plain.removesuffix(unicodedata.normalize("NFKC", item.unit)).strip() if item.unit else plain
            )
            number = number.replace(",", "") if _GROUPED.match(number) else number
            if not _DECIMAL.match(number):
                return text
            whole = Fraction(number).denominator == 1
            return int(Fraction(number)) if item.type == "count" and whole else as_text(Fraction(number))
        case "tick":
            return True if plain.lower() in _YES else False if plain.lower() in _NO else text
        case "date":
            return _read_date(plain) or text
    return next((o.value for o in item.options if text in (o.value, o.label)), text)


def is_ornate(text: str) -> bool:
    """Whether it has digits that stand for something else: 5² is not 52, ① no 1, ½ no 12."""
    return any(unicodedata.category(c) == "No" for c in text)


def _read_date(text: str) -> str | None:
    found = _DATE.match(text) or _COMPACT.match(text)
    if found is None:
        return None
    try:
        return date(*map(int, found.groups())).isoformat()
    except ValueError:
        return None


def problem_with(item: Item, value: Any, schools: Collection[str] = ()) -> str:
    """What is wrong with a stored value and what to enter instead; "" if nothing, or if it is blank.

    :param schools: keys of the unit's schools; empty: not known here, any is accepted.
    """
    if value is None or value == "":
        return ""
    match item.type:
        case "text" | "longtext":
            return _text_problem(value, TEXT if item.type == "text" else LONGTEXT)
        case "count" | "number":
            return _number_problem(item, value)
        case "tick":
            return "" if isinstance(value, bool) else _("请填“是”或“否”")
        case "date":
            return _date_problem(value)
        case "school":
            known = isinstance(value, str) and (not schools or value in schools)
            return "" if known else _("“%(value)s”不是本单位的学校，请从名单中选", value=_short(value))
    if any(o.value == value for o in item.options):
        return ""
    offered = "、".join(o.label or o.value for o in item.options)
    return _("没有“%(value)s”这一选项，请在 %(offered)s 中选", value=_short(value), offered=offered)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 30 else text[:30] + "……"


def _text_problem(value: Any, longest: int) -> str:
    if not isinstance(value, str):
        return _("请填文字")
    return _("最多 %(n)s 个字，请缩短", n=longest) if len(value) > longest else ""


def _number_problem(item: Item, value: Any) -> str:
    number: Fraction | None = None
    if (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and _DECIMAL.match(value)
    ):
        number = Fraction(value)
    if number is None:
        if isinstance(value, float):
            return _('小数请写成文字，如 "0.5"')
        example = _("请填整数，如 3") if item.type == "count" else _("请填数，如 3 或 0.5")
        return _("“%(value)s”不是数，%(example)s", value=_short(value), example=example)
    if item.type == "count" and number.denominator != 1:
        return _("“%(value)s”不是整数，请填整数，如 3", value=_short(value))
    least = item.least if item.least is not None else Fraction(0) if item.type == "count" else None
    if least is not None and number < least:
        return _("不能小于 %(least)s，请核对", least=show(least, 6))
    if item.most is not None and number > item.most:
        return _("不能大于 %(most)s，请核对", most=show(item.most, 6))
    return ""


def _date_problem(value: Any) -> str:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        day = None
    if day is None:
        return _("“%(value)s”不是日期，请填 2023-09-01 的样子", value=_short(value))
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return _("年份 %(year)s 不对，请核对", year=day.year)
    return ""
