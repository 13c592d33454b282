"""The new freeze after upheld appeals (复核): what it would change, the freeze itself, what still stands
in the way of a final result. The whole cohort is scored anew, so the rank points of other units follow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain import freeze as freezing
from intranet.domain.appeals import require_published
from intranet.domain.lifecycle import Check, naming, require_reason
from intranet.domain.operations import outcome_of
from intranet.domain.scoring import EntrySheet, Scoring
from intranet.enums import CycleState, Role
from intranet.errors import Conflict, DomainError
from intranet.i18n import _
from intranet.models import Cycle, Result, UnitResult
from intranet.queries import appeals as stored
from intranet.queries.results import unit_results
from intranet.rubric import ledger


@dataclass(frozen=True)
class Foreseen:
    """What a freeze would change now. seen: of what was shown, so that nothing else is confirmed."""

    rehearsal: freezing.Rehearsal
    moved: list[freezing.Moved]
    seen: str


def foresee(session: Session, cycle: Cycle, scoring: Scoring, sheets: Mapping[int, EntrySheet]) -> Foreseen:
    """The cohort as it would be frozen now, against the result that holds. Reading only."""
    rehearsal = freezing.rehearse(session, cycle, scoring, sheets)
    held = stored.newest_result(session, cycle.id or 0)
    before = unit_results(session, held.id or 0) if held is not None else []
    after = _as_rows(rehearsal.results, sheets)
    digest = hashlib.sha256(freezing.canonical([r.document for r in after]).encode()).hexdigest()
    return Foreseen(rehearsal, freezing.moved(before, after, scoring.rubric) if after else [], digest)


def _as_rows(results: Sequence[ledger.Result], sheets: Mapping[int, EntrySheet]) -> list[UnitResult]:
    """Results as rows that are never stored."""
    ids = {s.entry.code: i for i, s in sheets.items()}
    return [
        UnitResult(
            result_id=0,
            entry_id=ids[r.unit],
            position=n,
            rank=r.rank,
            group=r.group,
            total=r.total,
            document=freezing.as_stored(ledger.result_to_json(r)),
            facts={},
        )
        for n, r in enumerate(results, 1)
    ]


def apply(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    scoring: Scoring,
    sheets: Mapping[int, EntrySheet],
    *,
    seen: str,
    at: datetime,
    op: str = "",
) -> Result:
    """Freeze anew with everything that was upheld, and note at each appeal which other units moved.

    :param seen: of the :class:`Foreseen` that was confirmed.
    :raises DomainError: nothing waits for it, or it cannot be frozen. :raises Conflict: something
        changed since the consequences were shown.
    """
    actor.require(Role.BUREAU)
    held = stored.newest_result(session, cycle.id or 0)
    if held is not None and outcome_of(session, actor, op) == held.number:
        return held
    require_published(cycle)
    waiting = stored.waiting_for_freeze(session, cycle.id or 0)
    if not waiting or held is None:
        raise DomainError(_("没有等待重新计算的复核。"))
    foreseen = foresee(session, cycle, scoring, sheets)
    if foreseen.seen != seen and not foreseen.rehearsal.errors:
        raise Conflict(_("数据刚刚有变化。请重新看过影响，再确认。"))
    before = unit_results(session, held.id or 0)
    result = freezing.freeze(
        session,
        actor,
        cycle,
        scoring,
        sheets,
        accepted=None,
        reason=require_reason(reason_of(waiting)),
        at=at,
        op=op,
        allowed=(CycleState.PUBLISHED,),
    )
    moved = freezing.moved(before, unit_results(session, result.id or 0), scoring.rubric)
    for filed in waiting:
        filed.appeal.applied_result_id = result.id
        filed.appeal.moved = [m.to_json() for m in moved if m.entry_id != filed.appeal.entry_id]
        filed.appeal.version += 1
        session.add(filed.appeal)
    session.flush()
    return result


def reason_of(waiting: Sequence[stored.Filed]) -> str:
    """Why it is frozen anew, naming the appeals."""
    names = [f"{f.entry.name} {f.appeal.code}" for f in waiting]
    return _("复核支持：%(names)s", names=naming(names))[:300]


# --- before the result is final --------------------------------------------------------------------


def final_checks(session: Session, cycle: Cycle) -> list[Check]:
    """What of the appeals speaks against 定稿."""
    if cycle.state != CycleState.PUBLISHED:
        return []
    found = stored.appeals_of_cycle(session, cycle.id or 0)
    out = []
    still = [f.entry.name for f in found if f.is_open]
    if still:
        text = _("还有 %(n)s 件复核没有办结（%(names)s）。", n=len(still), names=naming(dict.fromkeys(still)))
        out.append(Check("error", "appeals", text))
    waiting = [f.entry.name for f in found if f.waits_for_freeze]
    if waiting:
        names = naming(dict.fromkeys(waiting))
        text = _("%(names)s的复核已支持，结果还没有重新计算。", names=names)
        out.append(Check("error", "appeals", text))
    if not waiting and stored.unpublished_result(session, cycle.id or 0) is not None:
        text = _("结果在公示之后重新计算过，还没有重新公示。")
        out.append(Check("warning", "publication", text))
    return out
