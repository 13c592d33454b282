"""Recusal (回避): a panel member declares before anything is shown; the bureau adds and lifts.

What a recusal hides is decided by ``queries.entries.met_by_panel``. Here it is written, and what must
not count any more is taken out: the person's marks on the unit (kept in the log) and what was assigned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.domain.lifecycle import require_reason
from intranet.domain.log import record
from intranet.enums import CycleState, RecusalKind, Role
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Assignment, Cycle, Declaration, Entry, Mark, Recusal, Turn, User
from intranet.queries.cycles import entries_of, panel_grants, users_by_id
from intranet.queries.recusals import declaration_of, marks_on, recusal_of, units_to_declare
from intranet.rubric.numbers import as_text

MAX_NOTE = 300

MARKING = (CycleState.FILING, CycleState.REVIEW, CycleState.DELIBERATION)
OPEN = (*MARKING, CycleState.PUBLISHED)
"""While results are public nobody's marks are dropped any more, but appeals still need recusals."""


def kind_name(kind: RecusalKind) -> str:
    return {
        RecusalKind.OWN: _("现任职单位"),
        RecusalKind.FORMER: _("曾任职单位"),
        RecusalKind.RELATIVE: _("近亲属任职单位"),
        RecusalKind.OTHER: _("其他"),
    }[kind]


@dataclass(frozen=True, slots=True)
class Choice:
    """One unit that a panel member stays away from, and why."""

    entry_id: int
    kind: RecusalKind
    note: str = ""


def declare(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    choices: Sequence[Choice],
    *,
    nobody: bool,
    at: datetime,
) -> Declaration:
    """Say once whom to stay away from, or (``nobody``) that there is nobody. Opens the cycle to the person.

    :raises NotFound: not on this panel, or an entry that is not of this cycle.
    :raises DomainError: declared already; the cycle is over.
    :raises Invalid: neither a unit nor "nobody", or both; ``problems`` by ``note.<entry id>``.
    """
    cycle_id = cycle.id or 0
    if all(g.user_id != actor.user_id for g in panel_grants(session, cycle_id)):
        raise NotFound(_("没有这个考核周期，或您不在它的考核组。"))
    if declaration_of(session, cycle_id, actor.user_id) is not None:
        raise DomainError(_("您已经申报过。要补充或更正，请联系教育局管理员。"))
    _require_open(cycle)
    units = {c.entry.id: c.entry for c in units_to_declare(session, actor, cycle)}
    if any(choice.entry_id not in units for choice in choices):
        raise NotFound(_("名单里没有这个单位，请刷新后再选。"))
    problems = {f"note.{c.entry_id}": _long() for c in choices if len(c.note.strip()) > MAX_NOTE}
    if problems:
        raise Invalid(_long(), problems)
    if choices and nobody:
        text = _("已选了要回避的单位，又勾了“没有需要回避的”，请改为其中一种。")
        raise Invalid(text, field="nobody")
    if not choices and not nobody:
        raise Invalid(_("请选出要回避的单位；没有的，勾选“没有需要回避的”。"), field="nobody")
    declaration = Declaration(cycle_id=cycle_id, user_id=actor.user_id, declared_at=at)
    session.add(declaration)
    session.flush()
    record(session, actor, "recusal.declare", new={"units": len(choices)}, cycle_id=cycle_id)
    for choice in choices:
        _add(session, actor, cycle, units[choice.entry_id], actor.user_id, actor.name, choice, at)
    return declaration


def _long() -> str:
    return _("说明最多 %(n)s 字，请写短一些。", n=MAX_NOTE)


def add(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    user_id: int,
    choice: Choice,
    *,
    dropping: int,
    at: datetime,
) -> Recusal:
    """The bureau recuses a panel member from a unit.

    :param dropping: how many of the person's marks the page said would be taken out of the count.
    :raises Conflict: it is another number now; ``theirs`` is that number.
    :raises Invalid: not on the panel, no such unit, recused already, note too long.
    :raises DomainError: the cycle is over, or its results are public and marks would be dropped.
    """
    actor.require(Role.BUREAU)
    _require_open(cycle)
    user = _member(session, cycle, user_id)
    entry = next((e for e in entries_of(session, cycle.id or 0) if e.id == choice.entry_id), None)
    if entry is None:
        raise Invalid(_("请选择单位。"), field="entry")
    if len(choice.note.strip()) > MAX_NOTE:
        raise Invalid(_long(), field="note")
    held = recusal_of(session, user_id, choice.entry_id)
    if held is not None and held.lifted_at is None:
        raise Invalid(_("%(name)s已经回避%(unit)s。", name=user.name, unit=entry.name), field="entry")
    marks = sum(len(found) for found in marks_on(session, user_id, choice.entry_id))
    if marks and cycle.state not in MARKING:
        raise DomainError(
            _(
                "结果已公示，%(name)s对%(unit)s的 %(n)s 个评分不能再剔除。有异议的走复核。",
                name=user.name,
                unit=entry.name,
                n=marks,
            )
        )
    if marks != dropping:
        raise Conflict(
            _(
                "%(name)s对%(unit)s已有 %(n)s 个评分，登记回避后不再计入。请确认。",
                name=user.name,
                unit=entry.name,
                n=marks,
            ),
            theirs=marks,
        )
    return _add(session, actor, cycle, entry, user_id, user.name, choice, at)


def _member(session: Session, cycle: Cycle, user_id: int) -> User:
    seated = {g.user_id for g in panel_grants(session, cycle.id or 0)}
    user = users_by_id(session, [user_id]).get(user_id)
    if user is None or user_id not in seated:
        raise Invalid(_("请选择考核组的人。"), field="user")
    return user


def _add(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    user_id: int,
    name: str,
    choice: Choice,
    at: datetime,
) -> Recusal:
    recusal = recusal_of(session, user_id, choice.entry_id)
    if recusal is None:
        recusal = Recusal(
            cycle_id=cycle.id or 0,
            user_id=user_id,
            entry_id=choice.entry_id,
            kind=choice.kind,
            declared_by=actor.user_id,
        )
    recusal.kind, recusal.note, recusal.lifted_at = choice.kind, choice.note.strip(), None
    recusal.declared_by, recusal.declared_at = actor.user_id, at
    session.add(recusal)
    session.flush()
    said = {"kind": kind_name(choice.kind), "note": recusal.note}
    record(
        session,
        actor,
        "recusal.add",
        subject=name,
        new=said,
        cycle_id=cycle.id,
        entry_id=choice.entry_id,
        user=user_id,
    )
    _drop(session, actor, cycle, entry, user_id, name)
    return recusal


def _drop(session: Session, actor: Actor, cycle: Cycle, entry: Entry, user_id: int, name: str) -> None:
    """Take what the person gave the unit out of the count, each piece kept in the log; and what was assigned."""
    marks, scores = marks_on(session, user_id, entry.id or 0)
    for mark in marks:
        record(
            session,
            actor,
            "mark.drop",
            subject=mark.code,
            old=_kept(mark),
            reason=_("%(name)s回避", name=name),
            cycle_id=cycle.id,
            entry_id=entry.id,
            role=mark.role,
            user=user_id,
        )
        session.delete(mark)
    for score in scores:
        turn = session.get(Turn, score.turn_id)
        record(
            session,
            actor,
            "mark.drop",
            subject=_("展示考核"),
            old={"points": as_text(score.points), "note": score.note, "at": score.made_at.isoformat()},
            reason=_("%(name)s回避", name=name),
            cycle_id=cycle.id,
            entry_id=entry.id,
            showing=turn.showing_id if turn else None,
            user=user_id,
        )
        session.delete(score)
    query = select(Assignment).where(Assignment.user_id == user_id, Assignment.entry_id == entry.id)
    given = session.exec(query.order_by(col(Assignment.code))).all()
    if given:
        record(
            session,
            actor,
            "assignment.drop",
            subject=name,
            old=[a.code for a in given],
            cycle_id=cycle.id,
            entry_id=entry.id,
            user=user_id,
        )
    for assignment in given:
        session.delete(assignment)
    session.flush()


def _kept(mark: Mark) -> dict[str, Any]:
    """All that a mark said."""
    return {
        "points": None if mark.points is None else as_text(mark.points),
        "verdict": mark.verdict,
        "reason": mark.reason,
        "deductions": mark.deductions,
        "computed": None if mark.computed is None else as_text(mark.computed),
        "doubtful": mark.doubtful,
        "made_at": mark.made_at.isoformat(),
        "version": mark.version,
    }


def lift(
    session: Session, actor: Actor, cycle: Cycle, recusal: Recusal, reason: str, *, at: datetime
) -> None:
    """The bureau takes a recusal back, with a reason; marks that it dropped stay dropped.

    :raises Invalid: no reason, or too long. Lifting again changes nothing.
    """
    actor.require(Role.BUREAU)
    _require_open(cycle)
    if recusal.lifted_at is not None:
        return
    reason = require_reason(reason)
    recusal.lifted_at = at
    session.add(recusal)
    session.flush()
    user = users_by_id(session, [recusal.user_id])[recusal.user_id]
    record(
        session,
        actor,
        "recusal.lift",
        subject=user.name,
        old={"kind": kind_name(recusal.kind), "note": recusal.note},
        reason=reason,
        cycle_id=cycle.id,
        entry_id=recusal.entry_id,
        user=recusal.user_id,
    )


def _require_open(cycle: Cycle) -> None:
    if cycle.state == CycleState.DRAFT:
        raise DomainError(_("考核还没有开启，开启后再登记回避。"))
    if cycle.state not in OPEN:
        raise DomainError(_("结果已定稿，不能再改回避。"))
