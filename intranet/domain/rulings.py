"""裁定: how the bureau fills the holes of a notice, while a cycle is being prepared.

The cycle stores a choice's key or a typed value, and beside it who settled it, when and why. At
the opening the values become part of the fingerprint and nobody can change them any more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.log import record
from intranet.enums import Role
from intranet.errors import Invalid, NotFound, RubricError
from intranet.i18n import _
from intranet.models import Cycle
from intranet.rubric import checks
from intranet.rubric.loader import Definition, ruling_value
from intranet.rubric.model import Field, Ruling
from intranet.rubric.numbers import as_fraction, as_text
from intranet.rubric.values import is_ornate

REASON, WHO = 300, 40


class RulingState(StrEnum):
    OPEN = "open"  # 待裁定
    DECIDED = "decided"  # 已裁定: chosen, with a reason
    DEFAULT = "default"  # 用默认: the rubric's own reading, taken over knowingly


@dataclass(frozen=True)
class Settled:
    """One ruling as it stands in a cycle. value: what is stored, the default while it is open."""

    ruling: Ruling
    number: int
    state: RulingState
    value: Any
    note: Mapping[str, str]

    @property
    def shown(self) -> str:
        return show_value(self.ruling, self.value)

    @property
    def text(self) -> str:
        """The value as it stands in the input."""
        return as_typed(self.ruling, self.value)


def settled(cycle: Cycle, definition: Definition) -> list[Settled]:
    """Every ruling of the definition in printed order."""
    out = []
    for number, ruling in enumerate(definition.rulings, 1):
        note = cycle.ruling_notes.get(ruling.key)
        default = plain(ruling.default)
        if note is None:
            state, value = RulingState.OPEN, default
        else:
            value = cycle.rulings.get(ruling.key, default)
            state = RulingState.DEFAULT if note.get("default") else RulingState.DECIDED
        out.append(Settled(ruling, number, state, value, note or {}))
    return out


def still_open(cycle: Cycle, definition: Definition) -> list[Settled]:
    """The rulings that must be settled before the opening; mere notes need not be."""
    return [s for s in settled(cycle, definition) if s.state is RulingState.OPEN and not s.ruling.note]


def known_to(cycle: Cycle, definition: Definition) -> dict[str, Any]:
    """The cycle's rulings that the definition has; the others would not bind."""
    keys = {r.key for r in definition.rulings}
    return {k: v for k, v in cycle.rulings.items() if k in keys}


# --- values --------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A default of the definition as JSON: exact numbers as text."""
    if isinstance(value, Fraction):
        return as_text(value)
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def show_value(ruling: Ruling, value: Any) -> str:
    """The value in words: the choice's label, the date, the rows of a table; 不设 when empty."""
    if ruling.type == "choice":
        found = next((c.label for c in ruling.choices if c.key == value), None)
        return found if found is not None else _("不设")
    return as_typed(ruling, value).replace("\n", "；") or _("不设")


def as_typed(ruling: Ruling, value: Any) -> str:
    """The value as a person would type it; tables one row to a line."""
    if value is None or value in ("", [], {}):
        return ""
    if ruling.type != "table":
        return str(value)
    if isinstance(value, Mapping):
        return "\n".join(
            "\n".join(f"{key}\t{k}\t{v}" for k, v in row.items())
            if isinstance(row, Mapping)
            else f"{key}\t{row}"
            for key, row in value.items()
        )
    return "\n".join(
        "\t".join(str(v) for v in row.values()) if isinstance(row, Mapping) else str(row) for row in value
    )


def parse_value(ruling: Ruling, text: str) -> Any:
    """What the form says as the value to store; None for an input left empty.

    :raises Invalid: with a sentence that says what to enter.
    """
    if ruling.type in ("date", "number") and is_ornate(text):
        raise Invalid(_("请用普通数字填写。"), field=ruling.key)
    text = unicodedata.normalize("NFKC", text).strip() if ruling.type in ("date", "number") else text.strip()
    if not text:
        if ruling.type == "choice":
            raise Invalid(_("请选一个口径。"), field=ruling.key)
        if ruling.default not in (None, "", [], {}):
            raise Invalid(
                _("请填写，或改回默认口径 %(value)s。", value=plain(ruling.default)), field=ruling.key
            )
        return plain(ruling.default)
    try:
        match ruling.type:
            case "date":
                value: Any = checks.parse_value(
                    Field(key=ruling.key, label=ruling.question, type="date"), text
                )
            case "number":
                value = as_text(_number(text))
            case "table":
                value = _table(text, nested=isinstance(ruling.default, Mapping))
            case _:
                value = text
        ruling_value(ruling, value)
    except Invalid as error:
        raise Invalid(error.message, field=ruling.key) from error
    return value


def _number(text: str) -> Fraction:
    try:
        number = as_fraction(text)
    except ValueError as error:
        raise Invalid(_("“%(text)s”不是准确的数，请填 5、0.5 或 20%% 这样的数。", text=text[:20])) from error
    assert isinstance(number, Fraction)
    return number


def _table(text: str, *, nested: bool) -> Any:
    """Lines of cells, apart by tab or spaces.

    A list in the definition: ``名称 分值`` becomes an option with points, a single cell stays text.
    A mapping: ``键 值``, or ``组 键 值`` for one table per group.
    """
    rows = [re.split(r"[\t ]+", unicodedata.normalize("NFKC", line).strip()) for line in text.splitlines()]
    rows = [row for row in rows if row != [""]]
    most = 3 if nested else 2
    for n, row in enumerate(rows, 1):
        if len(row) > most or (nested and len(row) < 2):
            raise Invalid(_("第 %(n)s 行应是“名称 数值”，中间用空格或 Tab 隔开。", n=n))
        if len(row) > 1:
            row[-1] = as_text(_number(row[-1]))
    names = [tuple(row[:-1]) if len(row) > 1 else tuple(row) for row in rows]
    for n, name in enumerate(names, 1):
        if name in names[: n - 1]:
            raise Invalid(_("第 %(n)s 行的“%(name)s”重复了。", n=n, name=" ".join(name)))
    if not nested:
        return [{"value": row[0], "points": row[1]} if len(row) == 2 else row[0] for row in rows]
    out: dict[str, Any] = {}
    for row in rows:
        if len(row) == 2:
            out[row[0]] = row[1]
        else:
            group = out.setdefault(row[0], {})
            if not isinstance(group, dict):
                raise Invalid(_("“%(name)s”有的行分组、有的行没有，请统一。", name=row[0]))
            group[row[1]] = row[2]
    return out


# --- writing -------------------------------------------------------------------------------------


def decide(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    definition: Definition,
    key: str,
    text: str,
    *,
    reason: str,
    who: str,
    on: str,
    today: date,
) -> Settled:
    """Settle one ruling of a cycle in preparation.

    A reading other than the default needs a reason; the default without one counts as taken over.

    :raises Invalid: a value not offered, no reason, or a definition that does not hold with it;
        ``problems`` by value, reason, on.
    """
    actor.require(Role.BUREAU)
    ruling = next((r for r in definition.rulings if r.key == key), None)
    if ruling is None:
        raise NotFound(_("这份考核办法里没有这处裁定。"))
    try:
        value = parse_value(ruling, text)
    except Invalid as error:
        raise Invalid(error.message, field="value") from error
    reason, who = " ".join(reason.split()), " ".join(who.split())
    is_default = value == plain(ruling.default)
    if not is_default and not reason:
        raise Invalid(_("与默认口径不同，请写一句理由，会印进裁定登记簿。"), field="reason")
    if len(reason) > REASON:
        raise Invalid(_("理由最多 %(n)s 个字。", n=REASON), field="reason")
    when = _day(on, today)
    choices = {**cycle.rulings, key: value}
    try:
        definition.bind({k: v for k, v in choices.items() if k in {r.key for r in definition.rulings}})
    except RubricError as error:
        raise Invalid(_("按这个口径，考核办法有矛盾：%(why)s", why=error.lines[0]), field="value") from error
    note = {"reason": reason, "by": who[:WHO] or actor.name, "at": when}
    if is_default and not reason:
        note["default"] = "1"
    _store(session, actor, cycle, {key: value}, {key: note}, reason=reason)
    return next(s for s in settled(cycle, definition) if s.ruling.key == key)


def _day(text: str, today: date) -> str:
    if not text.strip():
        return today.isoformat()
    try:
        day: str = checks.parse_value(Field(key="on", label=_("裁定日期"), type="date"), text)
    except Invalid as error:
        raise Invalid(error.message, field="on") from error
    if day > today.isoformat():
        raise Invalid(_("裁定日期不能晚于今天。"), field="on")
    return day


def use_defaults(session: Session, actor: Actor, cycle: Cycle, definition: Definition, *, today: date) -> int:
    """Take over the default of every ruling that is still open; returns how many."""
    actor.require(Role.BUREAU)
    waiting = [s for s in settled(cycle, definition) if s.state is RulingState.OPEN]
    note = {"reason": "", "by": actor.name, "at": today.isoformat(), "default": "1"}
    if waiting:
        values = {s.ruling.key: s.value for s in waiting}
        _store(session, actor, cycle, values, {key: dict(note) for key in values})
    return len(waiting)


def forget_unknown(session: Session, actor: Actor, cycle: Cycle, definition: Definition) -> list[str]:
    """Drop rulings that the definition no longer has or whose value it no longer offers; their keys."""
    gone = []
    known = {r.key: r for r in definition.rulings}
    for key in {*cycle.rulings, *cycle.ruling_notes}:
        try:
            if key in known:
                ruling_value(known[key], cycle.rulings.get(key, known[key].default))
                continue
        except Invalid:
            pass
        gone.append(key)
    if gone:
        old = {key: cycle.rulings.get(key) for key in sorted(gone)}
        cycle.rulings = {k: v for k, v in cycle.rulings.items() if k not in gone}
        cycle.ruling_notes = {k: v for k, v in cycle.ruling_notes.items() if k not in gone}
        session.add(cycle)
        session.flush()
        record(session, actor, "ruling.dropped", old=old, cycle_id=cycle.id)
    return sorted(gone)


def _store(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    values: Mapping[str, Any],
    notes: Mapping[str, Mapping[str, str]],
    *,
    reason: str = "",
) -> None:
    old = {key: cycle.rulings.get(key) for key in values}
    if old == values and all(cycle.ruling_notes.get(key) == note for key, note in notes.items()):
        return
    cycle.rulings = {**cycle.rulings, **values}
    cycle.ruling_notes = {**cycle.ruling_notes, **notes}
    session.add(cycle)
    session.flush()
    subject = next(iter(values)) if len(values) == 1 else ""
    record(
        session,
        actor,
        "ruling.decide",
        subject=subject,
        old=old,
        new=dict(values),
        reason=reason,
        cycle_id=cycle.id,
    )
