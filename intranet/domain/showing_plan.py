"""Preparing a session of the meeting room (展示考核): its form, who presents, in which order.

What it can score is ``showing_targets.py``, running it ``showing.py``.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.log import record
from intranet.domain.marking import parse_points
from intranet.domain.phases import require_review
from intranet.domain.showing_targets import Target
from intranet.enums import TurnState
from intranet.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Entry, Showing, Turn
from intranet.queries import showing as queries
from intranet.rubric.numbers import as_text, show

MOST_MINUTES = 180
ORDERS = ("code", "lot")
"""How the first order is made: by unit code, or drawn by lot (抽签). Turns are moved by hand afterwards."""


# --- what was typed -------------------------------------------------------------------------------


@dataclass
class Typed:
    """The form of a session, as text. units: entry ids; order: one of ORDERS."""

    title: str = ""
    target: str = ""
    held_on: str = ""
    place: str = ""
    minutes: str = "10"
    spread: str = "2"
    units: tuple[int, ...] = ()
    order: str = ORDERS[0]


@dataclass(frozen=True)
class Plan:
    """What the form says, read."""

    title: str
    held_on: date | None
    place: str
    minutes: int
    spread: Fraction


def _line(text: str) -> str:
    """One line without signs that no printer knows."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def read(typed: Typed, target: Target) -> Plan:
    """:raises Invalid: ``problems`` by field: what to enter instead."""
    problems: dict[str, str] = {}
    title, place = _line(typed.title), _line(typed.place)
    if not title or len(title) > 80:
        problems["title"] = _("请填写场次名称，最多 80 字。")
    if len(place) > 80:
        problems["place"] = _("地点最多 80 字。")
    held_on = None
    if typed.held_on.strip():
        try:
            held_on = date.fromisoformat(unicodedata.normalize("NFKC", typed.held_on).strip())
        except ValueError:
            problems["held_on"] = _("请填写日期，例如 2031-05-16。")
    minutes = unicodedata.normalize("NFKC", typed.minutes).strip()
    if not (minutes.isdecimal() and len(minutes) < 4 and 1 <= int(minutes) <= MOST_MINUTES):
        problems["minutes"] = _("请填 1 — %(most)s 的整数。", most=MOST_MINUTES)
    spread = None
    try:
        spread = parse_points(typed.spread)
    except Invalid as error:
        problems["spread"] = error.message
    most = target.most or Fraction(0)
    if "spread" not in problems and (spread is None or not 0 <= spread <= most):
        problems["spread"] = _("请填 0 — %(most)s", most=show(most))
    if problems:
        raise Invalid(next(iter(problems.values())), problems)
    return Plan(title, held_on, place, int(minutes), spread or Fraction(0))


# --- writing --------------------------------------------------------------------------------------


def require_preparer(actor: Actor, cycle: Cycle) -> None:
    """Raise Forbidden unless the actor may prepare sessions, DomainError unless it is the time for them."""
    if not queries.may_prepare(actor, cycle.id or 0):
        raise Forbidden(_("展示考核由教育局或考核组组长安排。"))
    require_review(cycle, settling=True)


def require_version(showing: Showing, version: int) -> None:
    if showing.version != version:
        raise Conflict(_("这一场刚刚有人改过，请看清现在的内容再改。"), theirs=showing)


def _require_open(showing: Showing) -> None:
    if showing.closed_at is not None:
        raise DomainError(_("这一场已结束。要改请先重新打开。"))


def create(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    target: Target,
    plan: Plan,
    entries: Sequence[Entry],
    order: str,
    *,
    lots: random.Random | None = None,
) -> Showing:
    """A session with these units, each presentable and in no other session of the target (see the page).

    :param entries: in the order of unit codes. :param lots: where the lots are drawn from; the system's by default.
    :raises NotFound: a unit of another cycle, or one to stay away from (回避).
    :raises Invalid: no unit, or a target without a scale.
    """
    require_preparer(actor, cycle)
    _require_own(session, actor, cycle, entries)
    if target.why or target.most is None:
        raise Invalid(target.why, {"target": target.why})
    if not entries:
        raise Invalid(_("请选参加展示的单位。"), {"units": _("请选参加展示的单位。")})
    showing = Showing(
        cycle_id=cycle.id or 0,
        title=plan.title,
        target=target.key,
        most=target.most,
        minutes=plan.minutes,
        spread=plan.spread,
        held_on=plan.held_on,
        place=plan.place,
    )
    session.add(showing)
    session.flush()
    drawn = list(entries)
    if order == "lot":
        (lots or random.SystemRandom()).shuffle(drawn)
    for n, entry in enumerate(drawn, 1):
        session.add(Turn(showing_id=showing.id or 0, entry_id=entry.id or 0, position=n))
    session.flush()
    new = {**_said(showing), "target": target.name, "units": [e.name for e in drawn]}
    _log(session, actor, showing, "showing.create", None, new, order=order)
    if order == "lot":
        names = [e.name for e in entries]
        _log(session, actor, showing, "showing.draw", names, new["units"])
    return showing


def change(
    session: Session, actor: Actor, cycle: Cycle, showing: Showing, plan: Plan, *, version: int
) -> None:
    """Title, day, place, minutes, spread; what is scored stays."""
    require_preparer(actor, cycle)
    _require_open(showing)
    require_version(showing, version)
    old = _said(showing)
    showing.title, showing.held_on, showing.place = plan.title, plan.held_on, plan.place
    showing.minutes, showing.spread = plan.minutes, plan.spread
    if _said(showing) == old:
        return
    _touch(session, showing)
    _log(session, actor, showing, "showing.change", old, _said(showing))


def delete(session: Session, actor: Actor, cycle: Cycle, showing: Showing, *, version: int) -> None:
    """A session in which nobody has presented yet."""
    require_preparer(actor, cycle)
    require_version(showing, version)
    turns = queries.turns_of(session, showing.id or 0)
    if any(t.state != TurnState.WAITING for t in turns):
        raise DomainError(_("已经有单位展示过，这一场不能删除。"))
    old = {**_said(showing), "units": names_of(session, turns)}
    for turn in turns:
        session.delete(turn)
    session.flush()
    session.delete(showing)
    session.flush()
    record(session, actor, "showing.delete", subject=showing.title, old=old, cycle_id=showing.cycle_id)


# --- the order ------------------------------------------------------------------------------------


def names_of(session: Session, turns: Sequence[Turn]) -> list[str]:
    """Names of the units in the order of the turns, for the log."""
    return [e.name if (e := session.get(Entry, t.entry_id)) is not None else "" for t in turns]


def move(
    session: Session, actor: Actor, cycle: Cycle, showing: Showing, turn_id: int, by: int, *, version: int
) -> None:
    """One turn up (by = −1) or down (1) among those that have not begun."""
    turns = _movable(session, actor, cycle, showing, version)
    _require_met(session, actor, showing, turns, turn_id)
    waiting = [t for t in turns if t.state == TurnState.WAITING]
    place = next((n for n, t in enumerate(waiting) if t.id == turn_id), None)
    if place is None:
        raise DomainError(_("已经开始的不能再调整顺序。"))
    if not 0 <= place + by < len(waiting):
        return
    wanted = list(waiting)
    wanted.insert(place + by, wanted.pop(place))
    _reorder(session, actor, showing, turns, wanted, "showing.order")


def draw(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    showing: Showing,
    *,
    version: int,
    lots: random.Random | None = None,
) -> None:
    """Those that have not begun, drawn by lot; the log keeps the order that came out."""
    turns = _movable(session, actor, cycle, showing, version)
    wanted = [t for t in turns if t.state == TurnState.WAITING]
    (lots or random.SystemRandom()).shuffle(wanted)
    _reorder(session, actor, showing, turns, wanted, "showing.draw")


def by_code(session: Session, actor: Actor, cycle: Cycle, showing: Showing, *, version: int) -> None:
    turns = _movable(session, actor, cycle, showing, version)
    entries = {t.id: session.get(Entry, t.entry_id) for t in turns}
    wanted = [t for t in turns if t.state == TurnState.WAITING]
    wanted.sort(key=lambda t: e.code if (e := entries[t.id]) is not None else "")
    _reorder(session, actor, showing, turns, wanted, "showing.order")


def add_units(
    session: Session, actor: Actor, cycle: Cycle, showing: Showing, entries: Sequence[Entry], *, version: int
) -> None:
    """Further units at the end of the order; those already in it stay where they are."""
    turns = _movable(session, actor, cycle, showing, version)
    _require_own(session, actor, cycle, entries)
    there = {t.entry_id for t in turns}
    new = [e for e in entries if e.id not in there]
    if not new:
        raise Invalid(_("请选参加展示的单位。"), {"units": _("请选参加展示的单位。")})
    last = max((t.position for t in turns), default=0)
    for n, entry in enumerate(new, last + 1):
        session.add(Turn(showing_id=showing.id or 0, entry_id=entry.id or 0, position=n))
    _touch(session, showing)
    _log(session, actor, showing, "showing.units", None, [e.name for e in new])


def drop_unit(
    session: Session, actor: Actor, cycle: Cycle, showing: Showing, turn_id: int, *, version: int
) -> None:
    """Take a unit that has not begun out of the session."""
    turns = _movable(session, actor, cycle, showing, version)
    _require_met(session, actor, showing, turns, turn_id)
    turn = next((t for t in turns if t.id == turn_id), None)
    if turn is None or turn.state != TurnState.WAITING:
        raise DomainError(_("已经开始的不能移出这一场。"))
    old = names_of(session, [turn])
    session.delete(turn)
    _touch(session, showing)
    _log(session, actor, showing, "showing.units", old, None)


def _movable(session: Session, actor: Actor, cycle: Cycle, showing: Showing, version: int) -> list[Turn]:
    require_preparer(actor, cycle)
    _require_open(showing)
    require_version(showing, version)
    return queries.turns_of(session, showing.id or 0)


def _require_own(session: Session, actor: Actor, cycle: Cycle, entries: Sequence[Entry]) -> None:
    """Raise NotFound unless the actor meets all of these units, and they are of this cycle."""
    met = {e.id for e in queries.met_entries(session, actor, cycle.id or 0)}
    if any(e.id not in met for e in entries):
        raise NotFound(_("没有这一场展示考核，或您无权查看。"))


def _require_met(
    session: Session, actor: Actor, showing: Showing, turns: Sequence[Turn], turn_id: int
) -> None:
    """Raise NotFound unless the turn is in this session and its unit is one that the actor meets."""
    met = {e.id for e in queries.met_entries(session, actor, showing.cycle_id)}
    if not any(t.id == turn_id and t.entry_id in met for t in turns):
        raise NotFound(_("没有这一场展示考核，或您无权查看。"))


def _reorder(
    session: Session, actor: Actor, showing: Showing, turns: list[Turn], wanted: list[Turn], action: str
) -> None:
    """Put ``wanted`` into the places that the waiting turns hold now."""
    places = [t.position for t in turns if t.state == TurnState.WAITING]
    old = names_of(session, [t for t in turns if t.state == TurnState.WAITING])
    for place, turn in zip(places, wanted, strict=True):
        turn.position = place
        session.add(turn)
    _touch(session, showing)
    _log(session, actor, showing, action, old, names_of(session, wanted))


def _touch(session: Session, showing: Showing) -> None:
    showing.version += 1
    session.add(showing)
    session.flush()


def _said(showing: Showing) -> dict[str, object]:
    return {
        "title": showing.title,
        "held_on": None if showing.held_on is None else showing.held_on.isoformat(),
        "place": showing.place,
        "minutes": showing.minutes,
        "spread": as_text(showing.spread),
        "most": as_text(showing.most),
    }


def _log(
    session: Session, actor: Actor, showing: Showing, action: str, old: object, new: object, **detail: Any
) -> None:
    record(
        session,
        actor,
        action,
        subject=showing.title,
        old=old,
        new=new,
        cycle_id=showing.cycle_id,
        showing=showing.id,
        **detail,
    )
