"""The words of the ledger: lines, steps, flags, states and reasons as people read them.

Lines and steps are stored with their parts; the sentence is made here when it is shown, in the
language of the reader. Texts of the rubric (labels, reasons of a ``require``) stand as printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..i18n import SOURCE, _, current_language
from .ledger import Line, State, Step
from .numbers import as_text, show

Parts = Mapping[str, Any]
MINUS = "\u2212"


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence and the parts it is made of: numbers arrive as text, exact ones under their name."""

    parts: tuple[str, ...]
    say: Callable[[Parts, int], str]


def line(line: Line, places: int = 2) -> str:
    """What a line is about, without its points and its reason: ``省级 课改先进集团 1×1.5``."""
    template = LINES.get(line.what)
    return template.say(line.parts, places) if template else str(line.parts.get("text", line.what))


def hint(line: Line) -> str:
    """What would earn more: ``差 12 天满 3 个月，可计 0.3``; "" if nothing is near."""
    if not line.hint:
        return ""
    return _(
        "差 %(days)s 天满%(months)s，可计 %(points)s",
        days=show(line.hint["days"]),
        months=_gap(span(line.hint["months"])),
        points=show(line.hint["points"]),
    )


def reason(line: Line) -> str:
    """Why a line does not count; "" if it does. A reason of the rubric stands as printed."""
    say = REASONS.get(line.reason)
    return say(line.parts) if say else line.reason


def step(step: Step, places: int = 2) -> str:
    """What a step did: ``封顶 3，因封顶未计 0.8``."""
    say = STEPS.get(step.name)
    return say(step, places) if say else step.name


def flag(code: str) -> str:
    """What the panel should look at. A code of a plugin that is no code here stands as it is."""
    say = FLAGS.get(code)
    return say() if say else code


def state(state: State) -> str:
    """State of a score in words: zero, blank, pending and not applicable stay apart."""
    return STATES[state]()


def span(months: Fraction) -> str:
    """A number of months as a notice says it: 36 is 三年, 3 is 3 个月, 2.5 is 2.5 个月."""
    if months.denominator == 1 and months % 12 == 0 and 0 < months <= 120:
        years = int(months) // 12
        return _("%(n)s年", n="一二三四五六七八九十"[years - 1] if current_language() == SOURCE else years)
    return _("%(n)s 个月", n=show(months))


def _gap(text: str) -> str:
    """A space between Chinese and a figure."""
    return f" {text}" if text[:1].isdigit() else text


def _n(value: Any, places: int = 2) -> str:
    """A part as text: numbers rounded for people, the rest as it is."""
    return show(value, places) if isinstance(value, Fraction) else "" if value is None else str(value)


# --- lines ---------------------------------------------------------------------------------------


def _row(p: Parts, places: int) -> str:
    level = p.get("level", "")
    if "read_as" in p:
        level = _("%(level)s（按%(read_as)s计）", level=level, read_as=p["read_as"])
    times = f"{_n(p['quantity'])}×{_n(p['rate'], 4)}" if "rate" in p else ""
    return " ".join(part for part in (level, str(p.get("title", "")), times) if part)


def _stay(p: Parts, places: int) -> str:
    months = show(p["months"])
    if p["measure"] == "total":
        text = _("%(person)s 累计 %(months)s 个月", person=p["person"], months=months)
    else:
        text = _("%(person)s 连续 %(months)s 个月", person=p["person"], months=months)
    return f"{text}（{p['band']}）" if p.get("band") else text


def _stay_row(p: Parts, places: int) -> str:
    if "months" in p:
        return _("%(person)s %(months)s 个月", person=p["person"], months=p["months"]).strip()
    start, end = p.get("start") or "—", p.get("end") or _("今")
    return _("%(person)s %(start)s 至 %(end)s", person=p["person"], start=start, end=end).strip()


def _input(p: Parts, places: int) -> str:
    value = _("未填") if p["value"] is None else _n(p["value"], max(places, 4))
    return " ".join(part for part in (str(p["school"]), str(p["label"]), value) if part)


def _equals(value: Fraction, places: int) -> str:
    """``= 4.5``, or ``≈ 4.3333`` where the exact figure, which thresholds compare, has no end."""
    text = as_text(value)
    if "/" in text or len(text) > 10:
        return f"≈ {show(value, max(places, 4))}"
    return f"= {text.replace('-', MINUS)}"


def _formula(p: Parts, places: int) -> str:
    text = f"{p['shown']} {_equals(p['value'], places)}"
    if p.get("band"):
        return f"{text}（{p['band']}）"
    if "target" in p:
        if p["value"] < p["target"]:
            return _("%(text)s，低于 %(target)s", text=text, target=_n(p["target"], 4))
        return _("%(text)s，达到 %(target)s", text=text, target=_n(p["target"], 4))
    if "rate" in p:
        return _("%(text)s，每 1 计 %(rate)s", text=text, rate=_n(p["rate"], 4))
    return text


def _place(p: Parts, places: int) -> str:
    if p["shared"] > 1:
        return _(
            "并列第 %(place)s 名（%(shared)s 个并列，共 %(of)s 个）",
            place=_n(p["place"]),
            shared=_n(p["shared"]),
            of=_n(p["of"]),
        )
    return _("第 %(place)s 名（共 %(of)s 个）", place=_n(p["place"]), of=_n(p["of"]))


def _loss_event(p: Parts, places: int) -> str:
    text = _("少%(label)s %(n)s %(unit)s", label=p["label"], n=_n(p["n"]), unit=p["unit"])
    if p["each"] is not None:
        text = f"{text} {_n(p['n'])}×{_n(p['each'])}"
    held = [
        _("%(place)s未填，暂按 0 %(unit)s", place=place, unit=p["unit"])
        if n is None
        else _("%(place)s %(n)s %(unit)s", place=place, n=_n(n), unit=p["unit"]).strip()
        for place, n in p["detail"]
    ]
    need = _("应 %(need)s %(unit)s", need=_n(p["need"]), unit=p["unit"])
    return f"{text}（{'，'.join([*held, need])}）"


def _loss_count(p: Parts, places: int) -> str:
    if p["each"] is None:
        return _("%(label)s，全部扣除", label=p["label"])
    return f"{p['label']} {_n(p['n'])}×{_n(p['each'])}"


def _loss_tick(p: Parts, places: int) -> str:
    return str(p["label"]) if p["each"] is not None else _("%(label)s，全部扣除", label=p["label"])


def _loss_formula(p: Parts, places: int) -> str:
    return f"{p['label']} {p['shown']} {_equals(p['n'], places)}"


LINES: dict[str, Template] = {
    "tick": Template(("label",), lambda p, _places: str(p["label"])),
    "full": Template((), lambda _p, _places: _("满分起扣")),
    "not_done": Template((), lambda _p, _places: _("未开展，不得分")),
    # tally: level and read_as only where the clause has levels
    "row": Template(("title", "level", "read_as", "quantity", "rate", "once"), _row),
    "none": Template(("table",), lambda p, _places: _("%(table)s：已声明没有", table=p["table"])),
    # roster: stay is a person, stay_row a row that does not count
    "stay": Template(("person", "measure", "months", "band", "least", "once"), _stay),
    "stay_row": Template(("person", "start", "end", "months", "since", "until"), _stay_row),
    # measure and rank: input is one figure (of one school), formula the computed value
    "input": Template(("label", "school", "value"), _input),
    "formula": Template(("shown", "value", "band", "target", "rate", "least"), _formula),
    "place": Template(("place", "of", "shared"), _place),
    # losses: n times each, each None for everything; detail is ((place, number or None), …)
    "loss_event": Template(("label", "unit", "n", "each", "need", "detail"), _loss_event),
    "loss_material": Template(("label", "each"), lambda p, _places: _("缺材料：%(label)s", label=p["label"])),
    "loss_count": Template(("label", "unit", "n", "each"), _loss_count),
    "loss_tick": Template(("label", "unit", "n", "each"), _loss_tick),
    "loss_judged": Template(("label", "unit", "n", "each"), lambda p, _places: str(p["label"])),
    "loss_quality": Template(("label", "unit", "n", "each"), lambda _p, _places: _("资料质量不高，酌情扣分")),
    "loss_formula": Template(("label", "unit", "shown", "value", "n", "each"), _loss_formula),
    "slot_na": Template(("label",), lambda p, _places: _("材料：%(label)s", label=p["label"])),
    # what sets a whole clause aside
    "exempt": Template((), lambda _p, _places: _("免评")),
    "not_applicable": Template((), lambda _p, _places: _("不适用")),
    "full_instead": Template(("why",), lambda _p, _places: _("免评，视同满分")),
    "unset": Template(("text",), lambda p, _places: str(p["text"])),
    "unfilled": Template((), lambda _p, _places: _("至冻结时未填报，按0分计")),
    "rule": Template(("text",), lambda p, _places: str(p["text"])),  # a plugin's own sentence
}
"""Every ``Line.what`` with its parts; a plugin's rule uses ``rule``, or any of these."""


def _below(p: Parts) -> str:
    """未满三年 for stays, 低于 0.6 for figures."""
    if "months" in p:
        return _("未满%(span)s", span=_gap(span(p["least"])))
    return _("低于最低一档 %(least)s", least=_n(p["least"], 4))


REASONS: dict[str, Callable[[Parts], str]] = {
    "not_ticked": lambda _p: _("未具备"),
    "not_answered": lambda _p: _("未填"),
    "not_applicable": lambda _p: _("不适用"),
    "once": lambda p: _("同一%(once)s在本款只计一次，取高", once=p["once"]),
    "no_key": lambda p: _("未填%(once)s", once=p["once"]),
    "no_level": lambda _p: _("未填级别"),
    "no_rate": lambda p: _("本款未列%(level)s的分值", level=p["level"]),
    "panel_decides": lambda p: _("%(level)s未列分值，由考核组认定", level=p["level"]),
    "no_quantity": lambda _p: _("未填数量"),
    "no_person": lambda _p: _("未填姓名"),
    "no_dates": lambda _p: _("未填起止时间"),
    "bad_date": lambda _p: _("日期不能识别，请填 2023-09-01 的样子"),
    "bad_months": lambda _p: _("月数应是大于 0 的数"),
    "end_before_start": lambda _p: _("止期早于起期"),
    "before_since": lambda p: _("%(since)s 以前已结束", since=p["since"]),
    "after_until": lambda p: _("%(until)s 以后才开始", until=p["until"]),
    "running": lambda _p: _("仍在进行，未定截止日"),
    "below_bands": _below,
    "above_bands": lambda _p: _("超出所列各档，由考核组认定"),
    "negative": lambda _p: _("负增长，不计分"),
    "unconfirmed": lambda _p: _("对方学校尚未确认"),
    "disputed": lambda _p: _("对方学校有异议"),
}
"""Every ``Line.reason`` that is a code; any other reason is a text of the rubric."""


# --- steps ---------------------------------------------------------------------------------------


def _cap(s: Step, places: int) -> str:
    lost = (s.before or Fraction(0)) - (s.after or Fraction(0))
    return _("封顶 %(cap)s，因封顶未计 %(lost)s", cap=_n(s.after, places), lost=_n(lost, places))


def _mark(s: Step, places: int) -> str:
    by = s.parts.get("by", "")
    given = "，".join(filter(None, (s.parts.get("verdict", ""), _n(s.after, places))))
    if s.before is None:
        text = _("%(by)s评定 %(given)s", by=by, given=given)
    elif s.before == s.after:
        text = _("%(by)s确认 %(given)s", by=by, given=given)
    else:
        text = _("%(by)s改定 %(given)s", by=by, given=given)
    return f"{text}：{s.parts['reason']}" if s.parts.get("reason") else text


STEPS: dict[str, Callable[[Step, int], str]] = {
    "gate": lambda s, _places: _("缺“%(needs)s”，不得分", needs=s.parts["needs"]),
    "sum": lambda s, places: _("合计 %(points)s", points=_n(s.after, places)),
    "best": lambda s, places: _("取最高 %(points)s", points=_n(s.after, places)),
    "average": lambda s, places: _(
        "平均 %(before)s÷%(divide)s %(after)s",
        before=_n(s.before, places),
        divide=_n(s.parts["divide"]),
        after=_equals(s.after or Fraction(0), places),
    ),
    "round": lambda s, places: _("四舍五入 %(points)s", points=_n(s.after, max(places, 4))),
    "cap": _cap,
    "loss": lambda s, places: _(
        "扣 %(loss)s，得 %(after)s", loss=_n(s.parts["loss"]), after=_n(s.after, places)
    ),
    "floor": lambda _s, _places: _("扣完为止，计 0"),
    "mark": _mark,
    "weight": lambda s, places: _(
        "折算 ×%(weight)s = %(after)s", weight=as_text(s.parts["weight"]), after=_n(s.after, places)
    ),
    "unfilled": lambda _s, _places: _("至冻结时未填报，按0分计"),
}
"""Every ``Step.name``."""


# --- flags and states ----------------------------------------------------------------------------

FLAGS: dict[str, Callable[[], str]] = {
    "blank_as_zero": lambda: _("有未填的次数，暂按0次"),
    "blank_as_no": lambda: _("有未填的勾选项，暂按没有"),
    "divisor_blank": lambda: _("平均的除数未填"),
    "divisor_zero": lambda: _("除数为 0，不能计算"),
    "below_target": lambda: _("未达到规定比例，文件未定扣法，请酌定"),
    "outside_bands": lambda: _("超出所列各档，请认定"),
    "alias": lambda: _("有未列级别，按相近级别计，请核对"),
    "panel_decides": lambda: _("有未列分值的级别，请认定"),
    "negative_rank": lambda: _("负增长仍按名次计分，请核对"),
    "plugin_missing": lambda: _("缺少计分插件，暂不能计算"),
}
"""Every code in ``Score.flags`` that the core sets."""

STATES: dict[State, Callable[[], str]] = {
    State.SCORED: lambda: _("已计分"),
    State.BLANK: lambda: _("未填报"),
    State.PENDING: lambda: _("待评定"),
    State.NA: lambda: _("不适用"),
}
