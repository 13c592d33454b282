"""The cycles of the last two years, scored and final, and a practice cycle that waits for the panel.

What the sample does not say is derived from it: a unit that has hardly begun this year borrows the facts
of the one that has filed most, last year's facts are this year's with dates a year earlier and some
materials missing, those of the year before with more missing, scores are drawn from the codes of unit and clause. The same sample gives the same
figures each time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from intranet.actor import Actor
from intranet.domain import freeze, lifecycle, publication, review
from intranet.domain.calendar import load_calendar
from intranet.domain.marking import Given
from intranet.domain.scoring import EntrySheet, score_entries, scoring_for
from intranet.domain.standing import Leaf, indicators_of, item_of, unmarked
from intranet.enums import CycleState
from intranet.models import Cycle, Result
from intranet.queries.cycles import entries_of
from intranet.queries.publication import publications_of
from intranet.queries.results import results_of
from intranet.rubric.marks import verdicts
from intranet.rubric.model import JudgedClause

from .stage import Stage, file_whole, open_cycle

YEAR = timedelta(days=365)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEARS = re.compile(r"20\d\d")
_PERSON = re.compile(r"^\S{1,4}示例(?=$|\s)")


def earlier_year(stage: Stage, now: datetime, ago: int = 1) -> Cycle:
    """The cycle so many years before this one: filed by all, scored by the panel, frozen, published, final."""
    opened = now - YEAR * ago
    title = _YEARS.sub(lambda y: str(int(y[0]) - ago), stage.data["cycle"])
    cycle = open_cycle(stage, title, opened, rulings_made=_back(stage.data.get("rulings", {}), ago))
    docs = {code: _earlier(code, whole, ago) for code, whole in _whole(stage).items()}
    file_whole(stage, cycle, docs, opened)
    _advance(stage, cycle, CycleState.REVIEW, opened + timedelta(days=5))
    for reviewer in stage.reviewers:
        member = next(a for a in stage.panel if a.user_id == reviewer.id)
        _score(stage, cycle, member, opened + timedelta(days=12), ago)
    _advance(stage, cycle, CycleState.DELIBERATION, opened + timedelta(days=26))
    frozen_at = opened + timedelta(days=30)
    scoring = scoring_for(cycle, stage.registry)
    freeze.freeze(
        stage.session,
        stage.admin,
        cycle,
        scoring,
        _sheets(stage, cycle),
        accepted=None,
        reason="",
        at=frozen_at,
    )
    _advance(stage, cycle, CycleState.PUBLISHED, opened + timedelta(days=35))
    _publish(stage, cycle, opened + timedelta(days=35))
    _advance(stage, cycle, CycleState.FINAL, opened + timedelta(days=43))
    return cycle


def practice(stage: Stage, now: datetime) -> Cycle:
    """A practice cycle (演练) in review: everybody has filed, the panel has declared and scored nothing yet."""
    opened = now - timedelta(days=8)
    cycle = open_cycle(stage, stage.data["cycle"], opened, practice=True, declared=False)
    file_whole(stage, cycle, _whole(stage), opened)
    _advance(stage, cycle, CycleState.REVIEW, now)
    return cycle


def _drawn(*key: object) -> int:
    """A number below 100 that is always the same for the same key."""
    digest = hashlib.sha256("|".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:4]) % 100


def _fields(unit: Mapping[str, Any]) -> int:
    return len(unit.get("docs", {}).get("school", {}).get("fields", {}))


def _whole(stage: Stage) -> dict[str, dict[str, Any]]:
    """Every unit's documents by its code, as if all had filed to the end."""
    units = [unit.data for unit in stage.units]
    fullest = max(units, key=_fields)
    return {
        unit["code"]: unit["docs"] if 2 * _fields(unit) > _fields(fullest) else _borrowed(fullest, unit)
        for unit in units
    }


def _borrowed(lender: Mapping[str, Any], unit: Mapping[str, Any]) -> dict[str, Any]:
    """The lender's documents with this unit's schools and people: 周一示例 of the lender is 松一示例 here.
    What is about a school that has no counterpart is left out."""
    pairs = zip(lender["schools"], unit["schools"], strict=False)
    codes = {theirs["code"]: own["code"] for theirs, own in pairs}
    gone = {school["code"] for school in lender["schools"]} - codes.keys()

    def said(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {codes.get(key, key): said(inner) for key, inner in value.items() if key not in gone}
        if isinstance(value, list):
            return [said(inner) for inner in value if not (isinstance(inner, dict) and _names(inner, gone))]
        if isinstance(value, str):
            return codes.get(value) or _PERSON.sub(lambda who: unit["name"][0] + who[0][1:], value)
        return value

    docs: dict[str, Any] = said(lender["docs"])
    if "bureau" in unit.get("docs", {}):
        docs["bureau"] = unit["docs"]["bureau"]
    return docs


def _names(row: Mapping[str, Any], schools: Collection[str]) -> bool:
    return any(isinstance(cell, str) and cell in schools for cell in row.values())


def _earlier(unit: str, docs: Mapping[str, Any], ago: int) -> dict[str, Any]:
    """The documents so many years earlier; each year back, about one material of seven more is missing."""
    out: dict[str, Any] = _back(docs, ago)
    for code, slots in out.get("school", {}).get("materials", {}).items():
        out["school"]["materials"][code] = [
            False if have is True and _drawn(unit, code, n) < 14 * ago else have
            for n, have in enumerate(slots)
        ]
    return out


def _back(value: Any, years: int) -> Any:
    """With every day in it so many years earlier."""
    for _year in range(years):
        value = _shifted(value)
    return value


def _shifted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shifted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shifted(inner) for inner in value]
    if isinstance(value, str) and _DAY.fullmatch(value):
        day = date.fromisoformat(value)
        return (day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else
                day.replace(year=day.year - 1)).isoformat()  # fmt: skip
    return value


def _sheets(stage: Stage, cycle: Cycle) -> dict[int, EntrySheet]:
    assert cycle.id is not None
    scoring = scoring_for(cycle, stage.registry)
    return score_entries(stage.session, cycle, scoring, entries_of(stage.session, cycle.id), check=True)


def _advance(stage: Stage, cycle: Cycle, to: CycleState, at: datetime) -> None:
    """The next phase, whatever the warnings say."""
    assert cycle.id is not None
    scoring, sheets = scoring_for(cycle, stage.registry), _sheets(stage, cycle)
    held: Result | None = next(iter(results_of(stage.session, cycle.id)), None)
    current = freeze.is_current(stage.session, held, sheets)
    has_notice = bool(publications_of(stage.session, cycle.id))
    checks = lifecycle.advance_checks(
        cycle, scoring, sheets, held=held, is_current=current, has_notice=has_notice, at=at
    )
    lifecycle.advance(stage.session, stage.admin, cycle, to, checks, accepted=True)


def _publish(stage: Stage, cycle: Cycle, at: datetime) -> None:
    """Rank, unit and total, for the usual number of working days, in the usual words."""
    assert cycle.id is not None
    settings, today = stage.settings, at.astimezone(ZoneInfo(stage.settings.timezone)).date()
    held = results_of(stage.session, cycle.id)[0]
    wording = publication.draft(
        cycle,
        scoring_for(cycle, stage.registry).rubric,
        bureau=settings.bureau_name,
        contact=settings.help_line or settings.bureau_name,
        units=len(stage.units),
        columns=("rank", "unit", "total"),
        today=today,
        before=None,
    )
    publication.publish(
        stage.session,
        stage.admin,
        cycle,
        held,
        wording,
        load_calendar(stage.session),
        is_current=True,
        seen=publication.seen_mark(held, None),
        reason="",
        today=today,
        at=at,
        zone=settings.timezone,
    )


def _score(stage: Stage, cycle: Cycle, member: Actor, at: datetime, ago: int = 1) -> None:
    """One reviewer scores everything that people score; what the facts give is left as it is."""
    scoring = scoring_for(cycle, stage.registry)
    rubric = scoring.rubric
    for sheet in _sheets(stage, cycle).values():
        blind = unmarked(scoring, sheet)
        for indicator in indicators_of(rubric):
            item = item_of(rubric, blind, indicator, cycle.combine)
            given = [
                _given(leaf, member, ago) for leaf in item.marked if isinstance(leaf.clause, JudgedClause)
            ]
            if given:
                review.save_marks(stage.session, member, cycle, rubric, item, given, at=at)


def _given(leaf: Leaf, member: Actor, ago: int) -> Given:
    options = verdicts(leaf.clause)
    if options:
        chosen = options[_drawn(leaf.entry.code, leaf.code) % len(options)]
        return Given(leaf.code, verdict=chosen.value, points=chosen.points, reason="按材料评定")
    assert isinstance(leaf.clause, JudgedClause)
    most, step = leaf.most or Fraction(0), leaf.clause.step
    year = (ago,) if ago > 1 else ()
    share = Fraction(60 + _drawn(leaf.entry.code, leaf.code, *year) * 2 // 5, 100)  # 60 % to 99 %
    points = most * share // step * step
    if _drawn(leaf.entry.code, leaf.code, member.login) < 25:
        points = max(points - step, Fraction(0))
    return Given(leaf.code, points=points, reason="按材料评定")
