"""Reading one item of a definition into its value type, with complaints in Chinese.

Only the shape is judged here: keys, types, required keys. What the values mean together is for
``lint.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ..i18n import _
from .model import (
    DeductClause,
    JudgedClause,
    MeasureClause,
    RankClause,
    RosterClause,
    RuleClause,
    SumClause,
    TallyClause,
    TicksClause,
)

M = TypeVar("M", bound=BaseModel)
Report = Callable[[tuple[str | int, ...], str], None]
"""Takes the path inside the item and the message."""

KINDS: Mapping[str, type[BaseModel]] = {
    "sum": SumClause,
    "ticks": TicksClause,
    "judged": JudgedClause,
    "deduct": DeductClause,
    "tally": TallyClause,
    "roster": RosterClause,
    "measure": MeasureClause,
    "rank": RankClause,
    "rule": RuleClause,
}


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys as they are written in TOML (``in``, ``from``, ``pass``)."""
    return [field.alias or name for name, field in model.model_fields.items()]


def meant(word: str, known: list[str]) -> str:
    """“您是不是想写…” if something close is known, else the list of what is known."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return _("您是不是想写“%(word)s”", word=close[0])
    some = "、".join(known[:12]) + ("……" if len(known) > 12 else "")
    return _("可用的有：%(words)s", words=some or _("（无）"))


def read(model: type[M], data: Any, report: Report) -> M | None:
    """``data`` as ``model``, or None with every complaint handed to ``report``."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        said = set()
        for problem in error.errors(include_url=False):
            path = _written(problem["loc"], data)
            if path in said:  # one value tried against several types complains once for each
                continue
            said.add(path)
            report(path, _message(model, path, problem))
        return None


def _written(loc: tuple[int | str, ...], data: Any) -> tuple[str | int, ...]:
    """``loc`` without the names pydantic gives to the branches of a union."""
    path: list[str | int] = []
    for step in loc:
        held = (
            dict(data)
            if isinstance(data, Mapping)
            else dict(enumerate(data))
            if isinstance(data, list)
            else {}
        )
        if step in held:
            data = held[step]
        elif isinstance(data, Mapping) and step == loc[-1]:  # a key that is missing
            data = None
        elif step != 0 or not isinstance(data, str):  # 0 of a bare value stands for a list of one
            break
        path.append(step)
    return tuple(path)


def _model_at(model: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The value type that holds the last key of ``path``."""
    here: type[BaseModel] | None = model
    for step in path[:-1]:
        if isinstance(step, int) or here is None:
            continue
        field = next((f for name, f in here.model_fields.items() if (f.alias or name) == step), None)
        here = _inner(field.annotation) if field else None
    return here


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for a in get_args(annotation) if (found := _inner(a))), None)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if len(text) <= 40 else text[:40] + "……"


def _message(model: type[BaseModel], path: tuple[str | int, ...], problem: Any) -> str:
    key = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
    value = _shown(problem["input"])
    kind: str = problem["type"]
    match kind:
        case "extra_forbidden":
            return _unknown(model, path, key)
        case "missing":
            return _("缺少“%(key)s”: 请补上", key=key)
        case "value_error":
            return _(
                '“%(key)s”的值“%(value)s”不是准确的数: 请写成 0.8、"20%%" 或 "13/3" 的样子',
                key=key,
                value=value,
            )
        case "literal_error" | "enum":
            allowed = problem["ctx"]["expected"].replace("'", "").replace(" or ", "、").replace(", ", "、")
            return _(
                "“%(key)s”不能是“%(value)s”: 请在 %(allowed)s 中选一个", key=key, value=value, allowed=allowed
            )
        case "string_type":
            return _("“%(key)s”应是文字，现在是 %(value)s: 请加上引号", key=key, value=value)
        case "bool_type" | "bool_parsing":
            return _("“%(key)s”应是 true 或 false，现在是 %(value)s: 请改写", key=key, value=value)
        case "tuple_type" | "list_type":
            return _("“%(key)s”应是列表，现在是 %(value)s: 请写在方括号 [ ] 里", key=key, value=value)
        case "dict_type" | "model_type" | "mapping_type":
            return _(
                "“%(key)s”应是一组“键 = 值”，现在是 %(value)s: 请写在花括号 { } 里", key=key, value=value
            )
    if kind.startswith("int"):
        return _("“%(key)s”应是整数，现在是 %(value)s: 请改成整数", key=key, value=value)
    return _("“%(key)s”的值“%(value)s”不能用: 请对照说明改写", key=key, value=value)


def _unknown(model: type[BaseModel], path: tuple[str | int, ...], key: str) -> str:
    holder = _model_at(model, path)
    kinds = [name for name, other in KINDS.items() if key in keys_of(other)]
    if len(path) == 1 and model in KINDS.values() and kinds:
        mine = next(name for name, other in KINDS.items() if other is model)
        return _(
            "键“%(key)s”不属于 %(kind)s 类条款: 请删去，或把 kind 改为 %(kinds)s",
            key=key,
            kind=mine,
            kinds="、".join(kinds),
        )
    return _("不认识的键“%(key)s”: %(meant)s", key=key, meant=meant(key, keys_of(holder) if holder else []))
