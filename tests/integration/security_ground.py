"""Data that could leak: a second unit, a second cycle with a panel of its own, files, rows and marks of
everybody, each with words that nobody else may ever read."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import BytesIO
from itertools import product
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlmodel import Session, SQLModel, select

from intranet.enums import CycleState, Role, SchoolRole, SubmissionState
from intranet.models import (
    SELF,
    Answer,
    Cycle,
    Declaration,
    Entry,
    EntrySchool,
    Evidence,
    EvidenceLink,
    FactRow,
    Grant,
    Inquiry,
    Mark,
    User,
)
from intranet.storage.local import LocalStore
from tests.integration.filing_ground import PDF
from tests.world import UNITS, World

ROLES = ("admin", "chair", "rev1", "rev2", "lead1", "member1", "lead2", "leader", "auditor", "rev3")
"""rev3 sits on the panel of the other cycle only."""


@dataclass
class Ground:
    """Ids by name: entries ``g01``, ``g02`` and, of the other cycle, ``old1``, ``old2``; files and rows alike."""

    world: World
    cycles: dict[str, int]
    entries: dict[str, int]
    files: dict[str, int]
    rows: dict[str, int]

    def words(self, name: str) -> tuple[str, ...]:
        """What only those who may see this entry may read."""
        return (f"密件{name}", f"密名{name}", f"密由{name}")

    def sees(self, login: str) -> set[str]:
        """The entries that this person may see."""
        return {
            "chair": {"g01", "g02"},
            "rev1": {"g01", "g02"},
            "rev2": {"g01", "g02"},
            "rev3": {"old1", "old2"},
            "lead1": {"g01", "old1"},
            "member1": {"g01", "old1"},
            "lead2": {"g02", "old2"},
        }.get(login, {"g01", "g02", "old1", "old2"})


def lay(world: World, state: CycleState = CycleState.FILING) -> Ground:
    """Fill the world of the test; both cycles in ``state``, all entries submitted from review on."""
    with world.write() as session:
        now = datetime.now(UTC)
        first = session.get(Cycle, world.cycle_id)
        assert first is not None
        first.state = state
        session.add(first)
        other = Cycle(
            title="密期另一考核",
            rubric_key=first.rubric_key,
            rubric_version=first.rubric_version,
            rubric_title=first.rubric_title,
            definition=first.definition,
            fingerprint=first.fingerprint,
            state=state,
            combine=first.combine,
            filing_from=now - timedelta(days=3),
            filing_until=now + timedelta(days=10),
            review_until=now + timedelta(days=30),
        )
        hashed = session.exec(select(User.password_hash)).first() or ""
        rev3 = User(login="rev3", name="评委三", password_hash=hashed, must_change=False)
        session.add_all([other, rev3])
        session.flush()
        for role in (Role.REVIEWER, Role.CHAIR):
            session.add(Grant(user_id=rev3.id or 0, role=role, cycle_id=other.id))
        session.add(Declaration(user_id=rev3.id or 0, cycle_id=other.id or 0))
        world.users["rev3"] = rev3.id or 0
        entries = dict(world.entries)
        for unit, name, schools in UNITS:
            entry = Entry(cycle_id=other.id or 0, unit_id=world.units[unit], code=unit, name=name)
            session.add(entry)
            session.flush()
            entries[f"old{unit[-1]}"] = entry.id or 0
            for n, code in enumerate(schools):
                part = SchoolRole.MEMBER if n else SchoolRole.LEAD
                place = EntrySchool(
                    entry_id=entry.id or 0,
                    school_id=world.schools[code],
                    code=code,
                    name=code,
                    role=part,
                    stage="小学",
                )
                session.add(place)
        files, rows = {}, {}
        for name, entry_id in entries.items():
            files[name], rows[name] = _fill(
                session, world, name, entry_id, submitted=state != CycleState.FILING
            )
        session.commit()
        return Ground(world, {"this": world.cycle_id, "other": other.id or 0}, entries, files, rows)


def _fill(session: Session, world: World, name: str, entry_id: int, *, submitted: bool) -> tuple[int, int]:
    lead = world.users["lead1" if name.endswith("1") else "lead2"]
    reviewers = ("rev3",) if name.startswith("old") else ("rev1", "rev2")
    store = LocalStore(world.settings.evidence_folder)
    received = store.receive(BytesIO(PDF + name.encode()))
    store.keep(received)
    file = Evidence(
        entry_id=entry_id,
        number=1,
        sha256=received.sha256,
        name=f"密件{name}.pdf",
        media_type="application/pdf",
        size=received.size,
        uploaded_by=lead,
    )
    row = FactRow(
        entry_id=entry_id,
        table="awards",
        position=1,
        cells={"winner": f"密名{name}", "level": "市级"},
        created_by=lead,
    )
    session.add_all([file, row])
    session.flush()
    session.add(EvidenceLink(evidence_id=file.id or 0, entry_id=entry_id, ref="slot:A2#1"))
    session.add(EvidenceLink(evidence_id=file.id or 0, entry_id=entry_id, ref=f"row:{row.id}"))
    for key, value in (("A1.1.charter", True), ("A2.done", True), ("took_part", 15), ("teachers", 100)):
        session.add(Answer(entry_id=entry_id, owner="school", key=key, value=value, changed_by=lead))
    session.add(
        Mark(
            entry_id=entry_id, code="A1.2", role=SELF, points=Fraction(2), reason=f"密由{name}", made_by=lead
        )
    )
    for n, login in enumerate(reviewers if submitted else ()):
        user = world.users[login]
        session.add(
            Mark(
                entry_id=entry_id,
                code="A1.2",
                role="panel",
                user_id=user,
                points=Fraction(137 + n, 100),
                reason=f"评密{login}{name}",
                made_by=user,
            )
        )
    if submitted:
        session.add(
            Inquiry(entry_id=entry_id, code="A2", question=f"密问{name}", asked_by=world.users[reviewers[0]])
        )
        entry = session.get(Entry, entry_id)
        assert entry is not None
        entry.state, entry.round, entry.submitted_at = SubmissionState.SUBMITTED, 1, datetime.now(UTC)
        session.add(entry)
    session.flush()
    return file.id or 0, row.id or 0


def everything(world: World, *, without: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Every row of every table, to see that nothing changed."""
    tables = [t for t in SQLModel.metadata.sorted_tables if t.name not in without]
    with world.engine.connect() as connection:
        return {t.name: [tuple(r) for r in connection.execute(sa.select(t))] for t in tables}


def facts_of_all(world: World) -> dict[str, list[Any]]:
    """Everything but the traces of signing in."""
    return everything(world, without=("sign_in", "log", "attempt"))


NOWHERE = 999_999


def addresses(app: Flask, ground: Ground, method: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(endpoint, its values, path) of every route of this method, with every object there is and one
    that there is not."""
    world = ground.world
    values: dict[str, tuple[Any, ...]] = {
        "entry_id": (*ground.entries.values(), NOWHERE),
        "entry": (*ground.entries.values(), NOWHERE),
        "cycle_id": (*ground.cycles.values(), NOWHERE),
        "evidence_id": (*ground.files.values(), NOWHERE),
        "row_id": (*ground.rows.values(), NOWHERE),
        "delegation_id": (1, NOWHERE),
        "pending_id": (1, NOWHERE),
        "token": ("0" * 32,),
        "n": (1, NOWHERE),
        "round_": (1, NOWHERE),
        "volume_id": (1, NOWHERE),
        "showing_id": (1, NOWHERE),
        "turn_id": (1, NOWHERE),
        "unit_id": (world.units["g01"], NOWHERE),
        "school_id": (world.schools["s1"], NOWHERE),
        "user_id": (world.users["rev1"], NOWHERE),
        "grant_id": (1, NOWHERE),
        "recusal_id": (1, NOWHERE),
        "publication_id": (1, NOWHERE),
        "day": ("2026-01-01",),
        "appeal_id": (1, NOWHERE),
        "inquiry_id": (1, NOWHERE),
        "file_id": (1, NOWHERE),
        "archive_id": (1, NOWHERE),
        "code": ("A1", "B2") if method == "GET" else ("A1",),
        "leaf": ("A1.2",),
        "set_key": ("unit", "X"),
    }
    keys = {"bureau.rubric": ("sample",), "bureau.ruling_decide": ("ties",)}
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static" or method not in (rule.methods or ()):
            continue
        key = keys.get(rule.endpoint, ("awards",) if "tables" in rule.rule else ("report",))
        names = sorted(rule.arguments)
        for chosen in product(*(key if n == "key" else values[n] for n in names)):
            given = dict(zip(names, chosen, strict=True))
            yield rule.endpoint, given, adapter.build(rule.endpoint, given, method=method)


def read(answer: Any) -> str:
    """All the words of an answer; those inside a workbook too."""
    data: bytes = answer.get_data()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(data)) as archive:
            data = b"\n".join(archive.read(name) for name in archive.namelist())
    return data.decode(errors="replace")


def body(answer: Any, path: str = "") -> str:
    """The words without the address itself and without what is random in every rendering."""
    text = re.sub(r'name="(op|next|csrf_token)[^"]*" value="[^"]*"', "", read(answer))
    return text.replace(path, "") if path else text
