"""What the chair reads of one case (one indicator of one unit): its history, its scores in the meeting room.

That the chair may meet the unit is asked before (``queries.review.panel_entry_for``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from intranet.models import LogEntry, Showing, Turn, TurnScore
from intranet.queries.showing import OPEN_SCORES

ACTS = ("mark.%", "answer.save", "turn.settle", "turn.reopen", "inquiry.%", "entry.return", "entry.submit")


@dataclass(frozen=True)
class Presented:
    """A unit's turn in a session whose scores are on the table."""

    showing: Showing
    turn: Turn
    scores: tuple[TurnScore, ...]


def case_history(
    session: Session,
    entry_id: int,
    indicator: str,
    codes: Collection[str],
    keys: Collection[str],
    turns: Collection[int],
) -> list[LogEntry]:
    """Everything that happened to a case, oldest first: marks and settlements on its leaves (``codes``), the
    panel's figures (``keys``), turns in the meeting room, questions to the unit, returns and submissions."""
    acts = sa.or_(*(col(LogEntry.action).like(act) for act in ACTS))
    query = select(LogEntry).where(LogEntry.entry_id == entry_id, acts)
    found = session.exec(query.order_by(col(LogEntry.id)))
    return [e for e in found if _concerns(e, indicator, codes, keys, turns)]


def _concerns(
    entry: LogEntry, indicator: str, codes: Collection[str], keys: Collection[str], turns: Collection[int]
) -> bool:
    kind = entry.action.partition(".")[0]
    if kind == "mark":
        return entry.subject in codes
    if kind == "answer":
        return entry.subject in keys
    if kind == "turn":
        return entry.detail.get("turn") in turns
    if kind == "inquiry":
        return entry.subject == indicator
    return entry.action == "entry.submit" or indicator in entry.subject.split("、")


def presented_of(session: Session, entry_id: int, targets: Collection[str]) -> list[Presented]:
    """The unit's turns for these targets once their scores are revealed, in two queries."""
    query = (
        select(Showing, Turn)
        .join(Turn, col(Turn.showing_id) == col(Showing.id))
        .where(Turn.entry_id == entry_id, col(Showing.target).in_(targets), col(Turn.state).in_(OPEN_SCORES))
        .order_by(col(Turn.id))
    )
    found: Sequence[tuple[Showing, Turn]] = session.exec(query).all()
    ids = [turn.id for _showing, turn in found]
    scores = session.exec(
        select(TurnScore).where(col(TurnScore.turn_id).in_(ids)).order_by(col(TurnScore.id))
    )
    given: dict[int, list[TurnScore]] = {}
    for score in scores:
        given.setdefault(score.turn_id, []).append(score)
    return [Presented(showing, turn, tuple(given.get(turn.id or 0, ()))) for showing, turn in found]
