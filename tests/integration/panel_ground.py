"""What the panel's tests stand on: both units filed and submitted, the cycle in review."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from sqlmodel import Session, col, select

from intranet.domain.scoring import score_entries, scoring_for
from intranet.domain.standing import Item, item_of, unmarked
from intranet.enums import CombineRule, CycleState, Role, SchoolRole, SubmissionState
from intranet.models import (
    SELF,
    Answer,
    Cycle,
    Entry,
    EntrySchool,
    Evidence,
    EvidenceLink,
    FactRow,
    Grant,
    LogEntry,
    Mark,
    School,
    Unit,
)
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric.model import Rubric
from tests.unit.rubric import sample
from tests.world import Client, World

FIELDS: dict[str, Any] = {
    "A1.1.charter": True,
    "A1.1.council": False,
    "A2.done": True,
    "A2.上学期": 2,
    "A2.下学期": 1,
    "A2.no_plan": False,
    "took_part": 15,
    "teachers": 100,
    "pairs": 1,
    "A2#1": True,
    "A2#2": False,
}
"""A2 of 7 points: one meeting short (−2) and one paper missing (−1), so the facts propose 4."""


def submit(world: World, *codes: str, state: CycleState = CycleState.REVIEW, **fields: Any) -> None:
    """File and submit these units (all of them if none is named) and move the cycle on."""
    with world.write() as session:
        for code in codes or world.entries:
            entry = session.get(Entry, world.entries[code])
            assert entry is not None
            entry.state, entry.round = SubmissionState.SUBMITTED, 1
            entry.submitted_at = datetime.now(UTC)
            user = world.users["lead1"]
            for key, value in (FIELDS | fields).items():
                session.add(Answer(entry_id=entry.id, owner="school", key=key, value=value, changed_by=user))
            row = {"winner": "乙某", "level": "市级"}
            session.add(FactRow(entry_id=entry.id, table="awards", position=0, cells=row, created_by=user))
            session.add(
                Mark(
                    entry_id=entry.id,
                    code="A1.2",
                    role=SELF,
                    points=Fraction(5, 2),
                    reason="自评",
                    made_by=user,
                )
            )
            session.add(entry)
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.state = state
        session.add(cycle)
        session.commit()


def attach(world: World, unit: str, ref: str, name: str, media_type: str = "application/pdf") -> int:
    """A file of the unit that proves ``ref``; only its row, the bytes are not needed here."""
    with world.write() as session:
        entry_id = world.entries[unit]
        taken = session.exec(select(Evidence).where(Evidence.entry_id == entry_id)).all()
        evidence = Evidence(
            entry_id=entry_id,
            number=len(taken) + 1,
            sha256="0" * 64,
            name=name,
            media_type=media_type,
            size=1,
            uploaded_by=world.users["lead1"],
        )
        session.add(evidence)
        session.flush()
        assert evidence.id is not None
        session.add(EvidenceLink(evidence_id=evidence.id, entry_id=entry_id, ref=ref))
        session.commit()
        return evidence.id


def combine_by(world: World, rule: CombineRule) -> None:
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.combine = rule
        session.add(cycle)
        session.commit()


def change(world: World, unit: str, key: str, value: Any) -> None:
    """Change a filed answer behind the panel's back, as a return and a new submission would."""
    with world.write() as session:
        found = session.exec(
            select(Answer).where(Answer.entry_id == world.entries[unit], Answer.key == key)
        ).one()
        found.value = value
        session.add(found)
        session.commit()


def marks(world: World, code: str, unit: str = "g01") -> dict[str, Mark]:
    """Stored marks on one clause by login; the chair's word as ``settled``, the self score as ``self``."""
    logins = {user_id: login for login, user_id in world.users.items()}
    with world.read() as session:
        query = select(Mark).where(Mark.entry_id == world.entries[unit], Mark.code == code)
        return {logins.get(m.user_id, m.role): m for m in session.exec(query)}


def log(world: World, action: str) -> list[LogEntry]:
    with world.read() as session:
        return list(
            session.exec(select(LogEntry).where(LogEntry.action == action).order_by(col(LogEntry.id)))
        )


def give_school(world: World, login: str, school: str) -> None:
    """The person files for a school too (own-school conflict)."""
    with world.write() as session:
        session.add(Grant(user_id=world.users[login], role=Role.CONTRIBUTOR, school_id=world.schools[school]))
        session.commit()


def more_units(world: World, n: int) -> None:
    """``n`` further submitted units in the cycle, each with one school of its own."""
    with world.write() as session:
        for i in range(n):
            unit, school = (
                Unit(code=f"x{i:02}", name=f"示例联盟{i:02}"),
                School(code=f"y{i:02}", name=f"示例{i:02}小学"),
            )
            session.add_all([unit, school])
            session.flush()
            entry = Entry(
                cycle_id=world.cycle_id,
                unit_id=unit.id or 0,
                code=unit.code,
                name=unit.name,
                state=SubmissionState.SUBMITTED,
            )
            session.add(entry)
            session.flush()
            session.add(
                EntrySchool(
                    entry_id=entry.id or 0,
                    school_id=school.id or 0,
                    code=school.code,
                    name=school.name,
                    role=SchoolRole.LEAD,
                )
            )
        session.commit()


def item(session: Session, world: World, indicator: str, unit: str = "g01") -> tuple[Cycle, Rubric, Item]:
    """Cycle, rubric and one item as the scoring page makes it: from the facts alone."""
    cycle = session.get(Cycle, world.cycle_id)
    entry = session.get(Entry, world.entries[unit])
    assert cycle is not None
    assert entry is not None
    plugin = sample.SamplePlugin.at(world.settings.data)
    registry = RubricRegistry(build_plugin_manager(entry_points=False, plugins=(plugin,)))
    scoring = scoring_for(cycle, registry)
    sheet = unmarked(scoring, score_entries(session, cycle, scoring, [entry])[entry.id or 0])
    rubric = scoring.rubric
    return cycle, rubric, item_of(rubric, sheet, rubric.by[indicator], cycle.combine)


def said(client: Client, path: str) -> str:
    """The words of a page with entities (the em space between facts) read, white space squeezed."""
    return re.sub(r"\s+", " ", html.unescape(client.text(path)))
