"""Scores in the meeting room (展示考核): what each reviewer gives a turn, and what the scores make.

The chair's steps through a turn are ``showing.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.log import record
from intranet.domain.marking import parse_points
from intranet.domain.phases import require_review
from intranet.domain.showing_targets import Target
from intranet.enums import CombineRule, TurnState
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Cycle, Showing, Turn, TurnScore
from intranet.queries import showing as queries
from intranet.queries.review import Reviewer
from intranet.queries.showing import TurnRow
from intranet.rubric.marks import combine
from intranet.rubric.model import Rubric
from intranet.rubric.numbers import as_text, round_half_up, show

MAX_NOTE = 500


@dataclass(frozen=True)
class Room:
    """A session with what an act in it needs; loaded by the page for the acting person."""

    cycle: Cycle
    showing: Showing
    target: Target
    rubric: Rubric


def proposal(points: Sequence[Fraction], rule: CombineRule, places: int) -> Fraction | None:
    """What the cycle's rule makes of the reviewers' scores; None if there are none or the chair must decide.

    Equal scores need no rule, as on the scoring pages (``queries.facts.panel_mark``).
    """
    if not points:
        return None
    if len(set(points)) == 1:
        return points[0]
    return combine(points, rule.value, places)


def proposed_points(room: Room, row: TurnRow) -> Fraction | None:
    """:func:`proposal` for the scores on the table."""
    return proposal(row.given, room.cycle.combine, room.target.places)


@dataclass(frozen=True)
class Later:
    """A word on the scoring pages that came after what was settled here. points None: it was withdrawn."""

    points: Fraction | None
    name: str


def later_word(row: TurnRow, now: Mapping[int, tuple[Fraction, str]]) -> Later | None:
    """What stands in the place of a turn's settled points, None while they stand themselves.

    :param now: entry id -> (points, who), ``queries.words_now``.
    """
    if row.entry is None or row.points is None:
        return None
    found = now.get(row.entry.id or 0)
    if found is None:
        return Later(None, "")
    return Later(*found) if found[0] != row.points else None


def is_wide(row: TurnRow, showing: Showing) -> bool:
    """Whether the scores on the table lie further apart than the session allows."""
    return row.spread > showing.spread


# --- giving a score ---------------------------------------------------------------------------------


def score(
    session: Session,
    actor: Actor,
    room: Room,
    turn_id: int,
    *,
    points: str,
    note: str,
    version: int,
    at: datetime,
) -> TurnScore:
    """One reviewer's score of the turn that is being scored; once more changes it, until it is revealed.

    :param version: of the own score that is changed, 0 for the first.
    :raises NotFound: not a turn that this person scores. :raises DomainError: it is not being scored now.
    :raises Conflict: changed in another window; ``theirs`` is the stored score.
    """
    turn = session.get(Turn, turn_id)
    if turn is None or turn.showing_id != room.showing.id:
        raise NotFound(_("没有这一场展示考核，或您无权查看。"))
    asked = queries.askers_of(session, room.showing.cycle_id, [turn.entry_id])[turn.entry_id]
    if actor.user_id not in {r.user_id for r in asked}:
        raise NotFound(_("没有这一场展示考核，或您无权查看。"))
    require_review(room.cycle, settling=True)
    if room.showing.closed_at is not None or turn.state != TurnState.SCORING:
        raise DomainError(_("现在不在评分。组长开始评分后再送出，您填的还在这里。"))
    number = read_points(points, room)
    note = note.strip()
    if len(note) > MAX_NOTE:
        raise Invalid(_("备注最多 %(n)s 字。", n=MAX_NOTE), {"note": _("备注最多 %(n)s 字。", n=MAX_NOTE)})
    found = queries.own_score(session, actor, turn_id)
    if (found.version if found else 0) != version:
        raise Conflict(_("您在另一个窗口刚刚送出过评分，请看清两个分数再送。"), theirs=found)
    old = None if found is None else {"points": as_text(found.points), "note": found.note}
    new = {"points": as_text(number), "note": note}
    if found is not None and new == old:
        return found
    if found is None:
        found = TurnScore(turn_id=turn_id, user_id=actor.user_id, points=number, version=0)
    found.points, found.note, found.made_at, found.version = number, note, at, found.version + 1
    session.add(found)
    session.flush()
    record(
        session,
        actor,
        "turn.score",
        subject=room.showing.title,
        old=old,
        new=new,
        cycle_id=room.cycle.id,
        entry_id=turn.entry_id,
        turn=turn_id,
    )
    return found


def read_points(text: str, room: Room) -> Fraction:
    """A score of this session's scale.

    :raises Invalid: ``problems["points"]``: nothing, no number, outside the scale, too many decimals.
    """
    most, places = room.showing.most, room.target.places
    try:
        number = parse_points(text)
    except Invalid as error:
        raise Invalid(error.message, {"points": error.message}) from None
    if number is None or not 0 <= number <= most:
        wanted = _("请填 0 — %(most)s", most=show(most, 4))
        raise Invalid(wanted, {"points": wanted})
    if round_half_up(number, places) != number:
        wanted = _("小数最多 %(places)s 位，请改写", places=places) if places else _("请填整数")
        raise Invalid(wanted, {"points": wanted})
    return number


# --- what was given ---------------------------------------------------------------------------------


def given_in(session: Session, room: Room, turn: Turn) -> tuple[tuple[Reviewer, ...], list[TurnScore]]:
    """Who scores this turn, and their scores. That of somebody who stays away since does not count."""
    asked = queries.askers_of(session, room.showing.cycle_id, [turn.entry_id])[turn.entry_id]
    ids = {r.user_id for r in asked}
    return asked, [s for s in queries.scores_of(session, turn.id or 0) if s.user_id in ids]


def by_name(asked: Sequence[Reviewer], scores: Sequence[TurnScore]) -> dict[str, str]:
    """The scores by name, for the log; a second person of the same name with the id."""
    out: dict[str, str] = {}
    names = {r.user_id: r.name for r in asked}
    for one in scores:
        name = names[one.user_id]
        out[f"{name}#{one.user_id}" if name in out else name] = as_text(one.points)
    return out
