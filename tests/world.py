"""A small invented world for tests: schools, two units, people of every role, a cycle in filing.

Used through the fixtures ``app``, ``world`` and ``client_for``. The rubric is the sample one of
``tests/unit/rubric/sample.py``; no real plugin is needed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import Session

from intranet.actor import Actor
from intranet.config import Settings
from intranet.db import build_engine, read_session, upgrade, write_session
from intranet.domain.accounts import hash_password
from intranet.enums import CombineRule, CycleState, Role, SchoolRole
from intranet.models import Cycle, Declaration, Entry, EntrySchool, Grant, School, Unit, UnitSchool, User
from intranet.queries.people import actor_for, user_by_login

if TYPE_CHECKING:
    from intranet.demo import Demo

PASSWORD = "correct-horse-9"
_HASH = hash_password(PASSWORD)

SCHOOLS = (
    ("s1", "甲山小学", "小学"),
    ("s2", "乙水小学", "小学"),
    ("s3", "丙林初级中学", "初中"),
    ("s4", "丁桥小学", "小学"),
    ("s5", "戊石初级中学", "初中"),
)
UNITS = (("g01", "甲山教育集团", ("s1", "s2", "s3")), ("g02", "丁桥教育集团", ("s4", "s5")))
PEOPLE: tuple[tuple[str, str, Role, str | None], ...] = (
    ("admin", "管小局", Role.BUREAU, None),
    ("chair", "组长甲", Role.CHAIR, None),
    ("rev1", "评委一", Role.REVIEWER, None),
    ("rev2", "评委二", Role.REVIEWER, None),
    ("lead1", "填报甲", Role.FILER, "s1"),
    ("helper1", "协作甲", Role.CONTRIBUTOR, "s1"),
    ("member1", "协作乙", Role.CONTRIBUTOR, "s2"),
    ("lead2", "填报丁", Role.FILER, "s4"),
    ("leader", "领导甲", Role.LEADER, None),
    ("auditor", "督导甲", Role.AUDITOR, None),
)


@dataclass
class World:
    """Ids by code, and sessions on the database of the test."""

    settings: Settings
    engine: sa.Engine
    cycle_id: int
    entries: dict[str, int]
    schools: dict[str, int]
    units: dict[str, int]
    users: dict[str, int]

    def read(self) -> Session:
        return read_session(self.engine)

    def write(self) -> Session:
        return write_session(self.engine)

    def actor(self, login: str) -> Actor:
        with self.read() as session:
            user = user_by_login(session, login)
            assert user is not None
            return actor_for(session, user)

    def move_to(self, state: CycleState) -> None:
        """Set the cycle's state without the process; tests of the process use the pages."""
        with self.write() as session:
            cycle = session.get(Cycle, self.cycle_id)
            assert cycle is not None
            cycle.state = state
            session.add(cycle)
            session.commit()


def build_world(settings: Settings) -> World:
    """Fill an empty, migrated database."""
    from intranet.rubric import loader
    from tests.unit.rubric import sample

    engine = build_engine(settings)
    upgrade(engine, settings)
    definition = loader.load(sample.SAMPLE)
    now = datetime.now(UTC)
    with write_session(engine) as session:
        schools = {code: School(code=code, name=name, stage=stage) for code, name, stage in SCHOOLS}
        units = {code: Unit(code=code, name=name) for code, name, _codes in UNITS}
        users = {
            login: User(login=login, name=name, password_hash=_HASH, must_change=False)
            for login, name, _r, _s in PEOPLE
        }
        session.add_all([*schools.values(), *units.values(), *users.values()])
        session.flush()
        cycle = Cycle(
            title="示例年度考核",
            rubric_key=definition.key,
            rubric_version=definition.version,
            rubric_title=definition.title,
            definition=sample.SAMPLE,
            fingerprint=definition.fingerprint({}),
            state=CycleState.FILING,
            combine=CombineRule.MEAN,
            filing_from=now - timedelta(days=3),
            filing_until=now + timedelta(days=10),
            review_until=now + timedelta(days=30),
        )
        session.add(cycle)
        session.flush()
        entries = {}
        for code, name, members in UNITS:
            entry = Entry(cycle_id=_id(cycle), unit_id=_id(units[code]), code=code, name=name)
            session.add(entry)
            session.flush()
            entries[code] = _id(entry)
            for place, school_code in enumerate(members):
                school, part = schools[school_code], SchoolRole.LEAD if place == 0 else SchoolRole.MEMBER
                session.add(UnitSchool(unit_id=_id(units[code]), school_id=_id(school), role=part))
                session.add(
                    EntrySchool(
                        entry_id=_id(entry),
                        school_id=_id(school),
                        code=school.code,
                        name=school.name,
                        stage=school.stage,
                        role=part,
                    )
                )
        for login, _name, role, at_school in PEOPLE:
            session.add(
                Grant(
                    user_id=_id(users[login]),
                    role=role,
                    school_id=_id(schools[at_school]) if at_school else None,
                    cycle_id=cycle.id if role in (Role.CHAIR, Role.REVIEWER) else None,
                )
            )
            if role in (Role.CHAIR, Role.REVIEWER):  # has declared that there is nobody to stay away from
                session.add(Declaration(cycle_id=_id(cycle), user_id=_id(users[login])))
        session.commit()
        return World(
            settings,
            engine,
            _id(cycle),
            entries,
            {c: _id(s) for c, s in schools.items()},
            {c: _id(u) for c, u in units.items()},
            {c: _id(u) for c, u in users.items()},
        )


def _id(row: object) -> int:
    found: int = row.id  # type: ignore[attr-defined]
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", bureau_name="示例区教育局", allow_http=True)


@pytest.fixture(scope="session")
def prepared_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Migrated and filled once per process; each test works on a copy of its database."""
    data = tmp_path_factory.mktemp("world")
    built = build_world(Settings(data=data, allow_http=True))
    built.engine.dispose()
    return built


@pytest.fixture
def world(settings: Settings, prepared_world: World) -> Iterator[World]:
    settings.data.mkdir(parents=True, exist_ok=True)
    shutil.copy(prepared_world.settings.data / "intranet.db", settings.data / "intranet.db")
    built = replace(prepared_world, settings=settings, engine=build_engine(settings))
    yield built
    built.engine.dispose()


@dataclass(frozen=True)
class DemoFolder:
    """A data folder that holds the demo of all installed rubrics, closed."""

    settings: Settings
    built: Demo

    def copy_to(self, folder: Path, **changed: Any) -> Settings:
        """A folder of one's own with the same content, and settings for it."""
        shutil.copytree(self.settings.data, folder, dirs_exist_ok=True)
        return self.settings.model_copy(update={"data": folder, **changed})


@pytest.fixture(scope="session")
def prepared_demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFolder:
    """Built once per process, which takes seconds; who changes anything works on a copy."""
    from intranet.demo import build_demo
    from intranet.plugins import RubricRegistry, build_plugin_manager

    settings = Settings(
        data=tmp_path_factory.mktemp("prepared-demo"),
        bureau_name="示例区教育局",
        help_line="普教科 0000",
        allow_http=True,
    )
    engine = build_engine(settings)
    upgrade(engine, settings)
    built = build_demo(engine, settings, RubricRegistry(build_plugin_manager()))
    engine.dispose()
    return DemoFolder(settings, built)


@pytest.fixture
def app(world: World) -> Iterator[Flask]:
    from intranet import create_app
    from intranet.plugins import build_plugin_manager
    from tests.unit.rubric import sample

    built = create_app(
        world.settings,
        build_plugin_manager(entry_points=False, plugins=(sample.SamplePlugin.at(world.settings.data),)),
    )
    yield built
    built.extensions["intranet"].engine.dispose()


class Client:
    """A signed-in browser without JavaScript: follows the CSRF token of its session."""

    def __init__(self, client: FlaskClient) -> None:
        self.raw = client

    def token(self) -> str:
        with self.raw.session_transaction() as session:
            return str(session.setdefault("csrf", "test-token"))

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.raw.get(path, **kwargs)

    def post(
        self, path: str, data: Mapping[str, object] | None = None, *, htmx: bool = False, follow: bool = False
    ) -> Any:
        """POST a form with its token; lists become repeated fields, (stream, name) tuples files."""
        headers = {"X-CSRF-Token": self.token(), **({"HX-Request": "true"} if htmx else {})}
        return self.raw.post(path, data=data or {}, headers=headers, follow_redirects=follow)

    def text(self, path: str) -> str:
        """The words of a page, tags removed, white space squeezed."""
        return words(self.raw.get(path).get_data(as_text=True))


def words(html: str) -> str:
    body = re.sub(r"<(script|style|template)\b.*?</\1>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).strip()


@pytest.fixture
def client_for(app: Flask) -> Callable[[str], Client]:
    def sign_in(login: str) -> Client:
        client = Client(app.test_client())
        answer = client.post("/sign-in", {"login": login, "password": PASSWORD})
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return client

    return sign_in
