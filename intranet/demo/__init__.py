"""Sample data for ``make demo``: every installed rubric brings its own invented units.

A rubric's folder may hold ``sample.json``::

    {"cycle": "…", "rulings": {key: value}, "units": [{"code": "…", "name": "…", "group": "",
      "schools": [{"code": "…", "name": "…", "stage": "小学", "role": "lead"}, …],
      "docs": {…as in the facts document…}, "self": {"C1.2": {"points": "1.5"}}, "submitted": false}]}

Names are invented and plainly fictional. The core adds the people, and makes of each sample four
cycles: those of the last two years, scored and final (``past.py``); this year's, being filed; a practice one,
being scored.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import Session

from intranet.actor import SYSTEM
from intranet.config import Settings
from intranet.db import write_session
from intranet.domain import accounts
from intranet.domain.calendar import start_calendar
from intranet.enums import Role
from intranet.models import User
from intranet.plugins import RubricRegistry
from intranet.queries.people import actor_for, has_any_user

from . import past
from .pdf import sample_pdf
from .stage import Stage, Unit, file_units, open_cycle, register_unit

__all__ = ["PASSWORD", "Account", "Demo", "build_demo", "sample_pdf"]

PASSWORD = "demo-pass-2026"  # noqa: S105 (printed by `make demo`; a demo folder is marked as such)

STAFF = (
    ("admin", "顾示例", Role.BUREAU, "教育局管理员"),
    ("chair", "组长示例", Role.CHAIR, "考核组组长"),
    ("reviewer1", "评委甲示例", Role.REVIEWER, "考核组成员"),
    ("reviewer2", "评委乙示例", Role.REVIEWER, "考核组成员"),
    ("leader", "局长示例", Role.LEADER, "局领导（只读）"),
    ("auditor", "督导示例", Role.AUDITOR, "督导（只读）"),
)


@dataclass(frozen=True, slots=True)
class Account:
    login: str
    what: str


@dataclass(frozen=True, slots=True)
class Demo:
    """What to print. ``created`` is False when the folder already held the demo."""

    created: bool
    accounts: tuple[Account, ...]


def build_demo(engine: sa.Engine, settings: Settings, registry: RubricRegistry) -> Demo:
    """Fill an empty database once; a second call changes nothing."""
    remembered = settings.data / "DEMO"
    now = datetime.now(UTC).replace(microsecond=0)
    with write_session(engine) as session:
        if has_any_user(session):
            known = json.loads(remembered.read_text(encoding="utf-8") or "[]")
            return Demo(False, tuple(Account(**a) for a in known))
        start_calendar(session)
        hashed = accounts.hash_password(PASSWORD)
        staff = {login: _person(session, login, name, role, hashed) for login, name, role, _w in STAFF}
        shown = [Account(login, what) for login, _name, _role, what in STAFF]
        for installed in registry.installed.values():
            sample = installed.folder / "sample.json"
            if sample.is_file():
                data = json.loads(sample.read_text(encoding="utf-8"))
                stage = Stage(
                    session,
                    settings,
                    registry,
                    installed,
                    data,
                    admin=actor_for(session, staff["admin"]),
                    chairs=[
                        u for u, (_l, _n, r, _w) in zip(staff.values(), STAFF, strict=True) if r == Role.CHAIR
                    ],
                    reviewers=[
                        u
                        for u, (_l, _n, r, _w) in zip(staff.values(), STAFF, strict=True)
                        if r == Role.REVIEWER
                    ],
                )
                shown += _cycles(stage, hashed, now)
        session.commit()
    remembered.write_text(json.dumps([asdict(a) for a in shown], ensure_ascii=False), encoding="utf-8")
    return Demo(True, tuple(shown))


def _cycles(stage: Stage, hashed: str, now: datetime) -> list[Account]:
    """Register the units with their people, then the last two years' cycles, this year's, and a practice one."""
    session = stage.session
    for data in stage.data["units"]:
        schools = register_unit(stage, data)
        people = []
        for school, role, part, word in (
            (schools[0], Role.FILER, "lead", "填报"),
            (schools[1], Role.CONTRIBUTOR, "member", "协作"),
        ):
            login = f"{part}-{data['code'].lower()}"
            people.append(_person(session, login, f"{school.name}{word}", role, hashed, school_id=school.id))
        stage.units.append(Unit(data, actor_for(session, people[0])))
    past.earlier_year(stage, now, 2)
    past.earlier_year(stage, now)
    cycle = open_cycle(stage, stage.data["cycle"], now)
    file_units(stage, cycle, now)
    past.practice(stage, now)
    first = stage.data["units"][0]
    terms = stage.installed.definition.bind(cycle.rulings).terms
    return [
        Account(f"lead-{first['code'].lower()}", f"{first['name']} {terms.lead}填报负责人"),
        Account(f"member-{first['code'].lower()}", f"{first['name']} {terms.member}填报协作人"),
    ]


def _person(
    session: Session, login: str, name: str, role: Role, hashed: str, *, school_id: int | None = None
) -> User:
    user = accounts.create_user(session, SYSTEM, login, name, hashed_password=hashed, must_change=False)
    assert user.id is not None
    accounts.grant(session, SYSTEM, user.id, role, school_id=school_id)
    return user
