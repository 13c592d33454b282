"""Assignment (分派): who scores which indicator of which unit; by rule, by hand, from a table.

The switch ``Cycle.assigned`` decides whether it is read at all. A mark counts as long as its author is not
recused, assigned or not: what was scored before a change of the assignment stays.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import TypeVar

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.log import record
from intranet.domain.standing import indicators_of
from intranet.enums import CycleState, Role
from intranet.errors import Conflict, DomainError, Forbidden, Invalid
from intranet.i18n import _
from intranet.models import Assignment, Cycle, Entry
from intranet.queries.assignments import Asked, Cell, is_asked, rows_of
from intranet.queries.cycles import entries_of
from intranet.queries.review import Reviewer, is_reviewer
from intranet.rubric.model import Clause, RankClause, Rubric, RuleClause

OPEN = (CycleState.FILING, CycleState.REVIEW, CycleState.DELIBERATION)

Thing = TypeVar("Thing", int, Cell)

Row = tuple[int, int, str]
"""(user id, entry id, indicator code)."""


def scored_indicators(rubric: Rubric) -> list[Clause]:
    """The indicators that have something for a reviewer to mark, as printed; what is only computed from all
    units, or has no points, is nobody's to score."""
    return [c for c in indicators_of(rubric) if any(_is_marked(leaf) for leaf in rubric.leaves(c.code))]


def _is_marked(leaf: Clause) -> bool:
    of_cohort = isinstance(leaf, RankClause) or (isinstance(leaf, RuleClause) and leaf.scope == "cohort")
    return not of_cohort and not leaf.unset


def require_asked(session: Session, actor: Actor, cycle: Cycle, entry: Entry, code: str) -> None:
    """Raise Forbidden unless this indicator of this entry is the person's to score."""
    if not is_reviewer(session, cycle.id or 0, actor.user_id):
        raise Forbidden(_("您在这个考核组里不是评委，不评分；作为组长，请在“分差与审定”里审定。"))
    if not is_asked(session, actor, cycle, entry, code):
        raise Forbidden(_("这一项没有分派给您，不能评分。请联系教育局管理员调整分派。"))


# --- by rule --------------------------------------------------------------------------------------


class Rule(StrEnum):
    """How reviewers are spread: an indicator to the same ones for all units, a unit to the same ones for
    all indicators, or every cell to those who have least."""

    INDICATOR = "indicator"
    UNIT = "unit"
    EVEN = "even"


def rule_name(rule: Rule) -> str:
    return {
        Rule.INDICATOR: _("按指标：一个指标由同一批人评所有单位"),
        Rule.UNIT: _("按单位：一个单位由同一批人评所有指标"),
        Rule.EVEN: _("均摊：每格找手上最少的人"),
    }[rule]


def by_rule(rule: Rule, asked: Asked, entries: Sequence[Entry], codes: Sequence[str], k: int) -> set[Row]:
    """``k`` reviewers for every cell, never one who stays away; fewer where there are not so many.

    Nobody has more than one cell more than another as long as conflicts allow it (EVEN).
    """
    ids = [e.id or 0 for e in entries]
    free = {i: [r for r in asked.reviewers if not asked.is_barred(r, i)] for i in ids}
    match rule:
        case Rule.INDICATOR:
            return _by_indicator(asked.reviewers, free, ids, codes, k)
        case Rule.UNIT:
            chosen = _spread([(i, free[i]) for i in ids], k)
            return {(user_id, i, code) for i, users in chosen.items() for user_id in users for code in codes}
        case Rule.EVEN:
            cells = [((i, code), free[i]) for code in codes for i in ids]
            return {(u, i, code) for (i, code), users in _spread(cells, k).items() for u in users}


def _by_indicator(
    reviewers: Sequence[Reviewer],
    free: Mapping[int, Sequence[Reviewer]],
    ids: Sequence[int],
    codes: Sequence[str],
    k: int,
) -> set[Row]:
    """In turn; where one of the turn stays away from a unit, who has stood in least takes the place."""
    rows: set[Row] = set()
    n, stood_in = len(reviewers), defaultdict[int, int](int)
    for place, code in enumerate(codes):
        turn = [reviewers[(place * k + step) % n].user_id for step in range(min(k, n))]
        for entry_id in ids:
            there = [r.user_id for r in free[entry_id]]
            users = [u for u in turn if u in there]
            spare = sorted((u for u in there if u not in users), key=lambda u: stood_in[u])
            for user_id in spare[: len(turn) - len(users)]:
                stood_in[user_id] += 1
                users.append(user_id)
            rows |= {(u, entry_id, code) for u in users}
    return rows


def _spread(things: Iterable[tuple[Thing, Sequence[Reviewer]]], k: int) -> dict[Thing, list[int]]:
    """Each thing to the ``k`` of its reviewers who have least so far; things with few to choose from first."""
    load, turn, clock = defaultdict[int, int](int), defaultdict[int, int](int), count(1)
    chosen: dict[Thing, list[int]] = {}
    for thing, there in sorted(things, key=lambda pair: len(pair[1])):
        users = sorted((r.user_id for r in there), key=lambda u: (load[u], turn[u]))[:k]
        for user_id in users:
            load[user_id] += 1
            turn[user_id] = next(clock)  # among equals, who had the last one waits longest
        chosen[thing] = users
    return chosen


# --- coverage -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Coverage:
    """Cells by how many are to score them (of those who do not stay away); wanted: how many should be."""

    cells: int
    none: int
    one: int
    few: int
    wanted: int


def coverage(asked: Asked, ids: Sequence[int], codes: Sequence[str], wanted: int) -> Coverage:
    """few: fewer than ``wanted``, those without anybody and with one included."""
    counts = [len(asked.of(i, code)) for i in ids for code in codes]
    return Coverage(len(counts), counts.count(0), counts.count(1), sum(n < wanted for n in counts), wanted)


# --- writing --------------------------------------------------------------------------------------


def digest(rows: Collection[Row]) -> str:
    """What a page has seen of the assignment: other rows give another word."""
    return hashlib.sha256(repr(sorted(rows)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Plan:
    """What an act would change; rows sorted."""

    added: list[Row] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.added and not self.removed


def plan(have: Collection[Row], wanted: Collection[Row]) -> Plan:
    return Plan(sorted(set(wanted) - set(have)), sorted(set(have) - set(wanted)))


def assign(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    rubric: Rubric,
    asked: Asked,
    wanted: Collection[Row],
    *,
    seen: str,
    how: str,
    only: int | None = None,
) -> Plan:
    """Make ``wanted`` the whole assignment, or (``only``) the whole of one reviewer.

    :param seen: :func:`digest` of the rows that the page was made from. :param how: for the log.
    :raises Conflict: the assignment is another one now. :raises DomainError: not in this phase.
    :raises Invalid: somebody not asked to score, a unit or an indicator that there is not, a conflict (回避).
    """
    actor.require(Role.BUREAU)
    require_open(cycle)
    entries = {e.id or 0: e for e in entries_of(session, cycle.id or 0)}
    codes = {c.code for c in scored_indicators(rubric)}
    people = {r.user_id: r for r in asked.reviewers}
    for user_id, entry_id, code in wanted:
        if (
            user_id not in people
            or entry_id not in entries
            or code not in codes
            or only not in (None, user_id)
        ):
            raise Invalid(_("有评委、单位或指标已不在本次考核里，请刷新后再分派。"))
        if asked.is_barred(people[user_id], entry_id):
            unit, name = entries[entry_id].name, people[user_id].name
            raise Invalid(_("%(name)s回避%(unit)s，不能分派。", name=name, unit=unit))
    stored = rows_of(session, cycle.id or 0)
    have = {row for row in stored if only is None or row[0] == only}
    if digest(have) != seen:
        raise Conflict(_("分派刚刚有人改过，请看清现在的分派再改。"))
    change = plan(have, wanted)
    for row in change.removed:
        session.delete(stored[row])
    for user_id, entry_id, code in change.added:
        session.add(Assignment(cycle_id=cycle.id or 0, user_id=user_id, entry_id=entry_id, code=code))
    session.flush()
    for user_id in sorted({row[0] for row in (*change.added, *change.removed)}):
        record(
            session,
            actor,
            "assignment.save",
            subject=people[user_id].name if user_id in people else str(user_id),
            old=_told(change.removed, user_id, entries, codes),
            new=_told(change.added, user_id, entries, codes),
            cycle_id=cycle.id,
            how=how,
            user=user_id,
        )
    return change


def _told(
    rows: Sequence[Row], user_id: int, entries: Mapping[int, Entry], codes: Collection[str]
) -> dict[str, list[str]] | None:
    """One reviewer's rows for the log: indicator codes by unit code, 全部 for all of them."""
    found: dict[str, list[str]] = {}
    for who, entry_id, code in rows:
        if who == user_id:
            found.setdefault(entries[entry_id].code, []).append(code)
    return {
        unit: [_("全部")] if len(found[unit]) == len(codes) else found[unit] for unit in sorted(found)
    } or None


def switch(session: Session, actor: Actor, cycle: Cycle, *, on: bool) -> None:
    """Whether the assignment is read. Nothing stored is touched; switching to what is set changes nothing.

    :raises DomainError: not in this phase; nothing is assigned yet.
    """
    actor.require(Role.BUREAU)
    require_open(cycle)
    if cycle.assigned == on:
        return
    if on and not rows_of(session, cycle.id or 0):
        raise DomainError(_("还没有分派任何一格。先分派，再启用。"))
    cycle.assigned = on
    cycle.version += 1
    session.add(cycle)
    session.flush()
    record(session, actor, "assignment.switch", old=not on, new=on, cycle_id=cycle.id)


def require_open(cycle: Cycle) -> None:
    """Raise DomainError unless the assignment may be changed in this phase."""
    if cycle.state == CycleState.DRAFT:
        raise DomainError(_("考核还没有开启，开启后再分派。"))
    if cycle.state not in OPEN:
        raise DomainError(_("评分已结束，不能再改分派。"))
