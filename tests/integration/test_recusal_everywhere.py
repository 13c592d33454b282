"""A conflicted panel member asks every route for the unit, and reads every page and export of the panel.

The routes come from the url map: a route with an argument that is not known here, and a page that tells of
the unit or counts it, fail the test. What a page may know of the unit is checked in two ways: none of its
words stands there, and the page is the same as in a cycle that the unit never was in.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, SQLModel, select

from intranet.enums import AppealState, BuildState, CycleState, RecusalKind, Role, TurnState
from intranet.models import (
    Appeal,
    AppealFile,
    AppealReview,
    Assignment,
    Cycle,
    Declaration,
    Delegation,
    Entry,
    Grant,
    Inquiry,
    Mark,
    Recusal,
    Result,
    Showing,
    Turn,
    TurnScore,
    Volume,
)
from intranet.web import access
from intranet.web.access import ACCESS
from tests.integration.panel_ground import give_school
from tests.integration.security_ground import NOWHERE, Ground, body, facts_of_all, lay
from tests.world import Client, World

SignIn = Callable[[str], Client]

CONFLICTED, OTHER = "g01", "g02"

WORDS = (
    "甲山教育集团",
    "甲山小学",
    "乙水小学",
    "丙林初级中学",
    "密件g01",
    "密名g01",
    "密由g01",
    "密问",
    "密诉",
    "评密rev1g01",
    "评密rev2g01",
)
"""Of the unit, its schools, its files, rows, questions, appeals, and what was given to it."""

GAPS = {"panel.showing", "panel.showing_sheet", "panel.showing_run", "panel.showing_run_live"} | {
    "panel.showings",
    "panel.showing_new",
    "panel.showing_score",
    "panel.showing_score_live",
}
"""Pages of the meeting room: the order of a session keeps a nameless gap where the unit's turn is."""

QUERIES = {
    "panel.queue": ("", "?by=unit"),
    "panel.board": (
        *(f"?show={kind}" for kind in ("settle", "spread", "missing", "doubtful", "stale", "settled")),
        "?show=faults",
        "?show=people",
        "?show=missing&in=A1",
    ),
    "panel.grid": ("", "?code=A1.2", "?code=A2"),
    "panel.score": ("", "?by=unit", "?by=indicator"),
    "panel.settle": ("", "?show=missing", "?show=faults"),
    "panel.scoring_sheet_xlsx": ("", "?by=unit"),
}
"""The other faces of a page."""

OF_EVERYBODY = {"auth.sign_in", "auth.password", "static"}


@dataclass(frozen=True)
class Conflict:
    """Who must not meet the unit, and why."""

    login: str
    how: str
    state: CycleState = CycleState.REVIEW

    def __str__(self) -> str:
        return f"{self.login}-{self.how}-{self.state.value}"


CONFLICTS = [
    Conflict("rev1", "own"),
    Conflict("rev1", "declared"),
    Conflict("chair", "own"),
    Conflict("chair", "declared"),
    Conflict("rev1", "assigned"),
    Conflict("chair", "declared", CycleState.DELIBERATION),
    Conflict("rev1", "declared", CycleState.PUBLISHED),
    Conflict("rev1", "reader", CycleState.DELIBERATION),
]
"""``reader``: a leader and auditor as well, who reads the cycle of the own panel no further than the panel does."""


@pytest.fixture(params=CONFLICTS, ids=str)
def conflict(request: pytest.FixtureRequest) -> Conflict:
    found: Conflict = request.param
    return found


@pytest.fixture
def ground(world: World, conflict: Conflict) -> Ground:
    """Both units with everything that a unit can have, and the person's conflict with the first."""
    laid = lay(world, conflict.state)
    with world.write() as session:
        user, g01, g02 = world.users[conflict.login], laid.entries[CONFLICTED], laid.entries[OTHER]
        _store(session, _belongings(world, user, g01, g02))
        if conflict.how != "own":
            session.add(
                Recusal(
                    cycle_id=world.cycle_id,
                    user_id=user,
                    entry_id=g01,
                    kind=RecusalKind.FORMER,
                    note="密由g01",
                    declared_by=user,
                )
            )
        if conflict.how == "reader":
            session.add_all(Grant(user_id=user, role=role) for role in (Role.LEADER, Role.AUDITOR))
        if conflict.how == "assigned":
            cycle = session.get(Cycle, world.cycle_id)
            assert cycle is not None
            cycle.assigned = True
            session.add(cycle)
        session.commit()
    if conflict.how == "own":
        give_school(world, conflict.login, "s2")
    return laid


FIRST, SECOND = 901, 902
"""Ids of what belongs to the conflicted unit, and to the other one."""


def _belongings(world: World, user: int, g01: int, g02: int) -> Iterator[SQLModel]:
    """A session with a turn of each unit, questions, assignments, appeals; a volume and a thing handed out."""
    lead, rev2, admin, cycle_id = (*(world.users[n] for n in ("lead1", "rev2", "admin")), world.cycle_id)
    yield Result(
        id=FIRST, cycle_id=cycle_id, number=1, fingerprint="", rubric_fingerprint="", frozen_by=admin
    )
    yield Showing(id=FIRST, cycle_id=cycle_id, title="展示考核", target="A1.2", most=Fraction(3))
    for n, entry_id in ((FIRST, g01), (SECOND, g02)):
        yield Turn(id=n, showing_id=FIRST, entry_id=entry_id, position=n, state=TurnState.SCORING)
        note = "密由g01" if n == FIRST else ""
        yield TurnScore(turn_id=n, user_id=rev2, points=Fraction(123, 100), note=note)
        question = "密问：备案在哪一页" if n == FIRST else "会议纪要在哪一页"
        yield Inquiry(id=n, entry_id=entry_id, code="A1", question=question, asked_by=rev2)
        for code in ("A1", "A2"):
            yield Assignment(cycle_id=cycle_id, user_id=user, entry_id=entry_id, code=code)
        yield Appeal(
            id=n,
            entry_id=entry_id,
            result_id=FIRST,
            code="A1.2",
            reason="密诉：章程已备案" if n == FIRST else "材料已补",
            state=AppealState.ASSIGNED,
            filed_by=lead,
        )
        yield AppealReview(appeal_id=n, user_id=user, assigned_by=admin)
    yield AppealFile(
        id=FIRST,
        appeal_id=FIRST,
        sha256="0" * 64,
        name="密诉.pdf",
        media_type="application/pdf",
        size=1,
        uploaded_by=lead,
    )
    yield Volume(
        id=FIRST,
        entry_id=g01,
        number=1,
        state=BuildState.DONE,
        frozen=True,
        requested_by=lead,
        sha256="0" * 64,
    )
    yield Delegation(id=FIRST, entry_id=g01, ref="clause:A2", school_id=world.schools["s2"], given_by=lead)


def _store(session: Session, rows: Iterator[SQLModel]) -> None:
    for row in rows:  # in their order: one may name another by its id
        session.add(row)
        session.flush()


OBJECTS = frozenset(
    {"entry", "entry_id", "evidence_id", "row_id", "delegation_id", "volume_id", "turn_id", "inquiry_id"}
    | {"appeal_id", "file_id"}
)
"""Arguments that name something of one unit."""


def values_of(world: World, ground: Ground) -> dict[str, tuple[Any, ...]]:
    """For each argument of an address: what belongs to the conflicted unit, or is no unit's."""
    return {
        "entry": (ground.entries[CONFLICTED],),
        "entry_id": (ground.entries[CONFLICTED],),
        "evidence_id": (ground.files[CONFLICTED],),
        "row_id": (ground.rows[CONFLICTED],),
        "delegation_id": (FIRST,),
        "volume_id": (FIRST,),
        "turn_id": (FIRST,),
        "inquiry_id": (FIRST,),
        "appeal_id": (FIRST,),
        "file_id": (FIRST,),
        "showing_id": (FIRST,),
        "cycle_id": (world.cycle_id,),
        "code": ("A1", "A2", "B2"),
        "leaf": ("A1.2",),
        "set_key": ("unit",),
        "key": ("awards", "report", "sample"),
        "n": (1,),
        "round_": (1,),
        "token": ("0" * 32,),
        "day": ("2031-05-01",),
        "unit_id": (world.units[CONFLICTED],),
        "school_id": (world.schools["s2"],),
        "user_id": (world.users["rev2"],),
        "grant_id": (1,),
        "recusal_id": (1,),
        "pending_id": (NOWHERE,),
        "archive_id": (NOWHERE,),
        "publication_id": (NOWHERE,),
    }


def routes(
    app: Flask, world: World, ground: Ground, method: str
) -> Iterator[tuple[str, frozenset[str], str]]:
    """(endpoint, names of its arguments, path) of every route."""
    values = values_of(world, ground)
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if method not in (rule.methods or ()) or rule.endpoint in OF_EVERYBODY:
            continue
        unknown = rule.arguments - values.keys()
        assert not unknown, f"{rule.rule}: say in values_of what {unknown} is of the conflicted unit"
        names = sorted(rule.arguments)
        for chosen in product(*(values[name] for name in names)):
            given = dict(zip(names, chosen, strict=True))
            yield rule.endpoint, frozenset(names), adapter.build(rule.endpoint, given, method=method)


def may(world: World, login: str, endpoint: str) -> bool:
    rule = ACCESS[endpoint]
    return not isinstance(rule, frozenset) or world.actor(login).has(*rule)


def leaks(text: str) -> list[str]:
    """What of the unit stands in a page; its code as a word of its own."""
    return [w for w in WORDS if w in text] + re.findall(r"(?<![\w/.-])g01(?![\w-])", text)


def content(client: Client, path: str) -> tuple[int, str]:
    """Status and words, those of a workbook too, without the header that counts what waits elsewhere."""
    with client.get(path) as answer:
        text = re.sub(r"<header.*?</header>", "", body(answer, path), flags=re.S)
        return answer.status_code, re.sub(r"<dcterms:\w+.*?</dcterms:\w+>", "", text)  # when it was made


def test_every_address_of_the_unit_is_not_found(
    app: Flask, world: World, ground: Ground, client_for: SignIn, conflict: Conflict
) -> None:
    client, met = client_for(conflict.login), 0
    for endpoint, names, path in routes(app, world, ground, "GET"):
        status, text = content(client, path)
        assert status < 500, path
        files_there = conflict.how == "own" and endpoint.partition(".")[0] in ("school", "files", "published")
        if files_there:
            continue  # the person's own school files there: that is no seat on the panel
        assert leaks(text) == [], (path, leaks(text))
        if not may(world, conflict.login, endpoint):
            assert status == 403, (path, status)
        elif names & OBJECTS:
            met += 1
            assert status == 404, (path, status)
    assert met >= (7 if conflict.how == "own" else 40)


def test_every_page_of_the_panel_is_as_if_the_unit_were_not_there(
    app: Flask, world: World, ground: Ground, client_for: SignIn, conflict: Conflict
) -> None:
    """Lists, exports, counts, next and previous, progress, to-do; and the other unit's own pages."""
    client = client_for(conflict.login)
    other = {"entry": (ground.entries[OTHER],), "appeal_id": (SECOND,), "inquiry_id": (SECOND,)}
    adapter, paths = app.url_map.bind("localhost"), []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("panel.") and "GET" in (rule.methods or ()) and rule.endpoint not in GAPS:
            values = values_of(world, ground) | other
            for chosen in product(*(values[n] for n in sorted(rule.arguments))):
                given = dict(zip(sorted(rule.arguments), chosen, strict=True))
                path = adapter.build(rule.endpoint, given)
                paths += [path + query for query in QUERIES.get(rule.endpoint, ("",))]
    before = {path: content(client, path) for path in paths}
    assert sum(status == 200 for status, _text in before.values()) >= 12
    _take_away(world, ground.entries[CONFLICTED])
    for path in paths:
        assert content(client, path) == before[path], path


def _take_away(world: World, entry_id: int) -> None:
    """As if the unit had never been in the cycle; the log, which nobody can change, keeps its rows."""
    tables = SQLModel.metadata.tables
    of_entry = [name for name, table in tables.items() if "entry_id" in table.c and name != "log"]
    with closing(sqlite3.connect(world.settings.data / "intranet.db")) as connection:  # no foreign keys
        for name, column in (
            ("appeal_review", "appeal_id"),
            ("appeal_file", "appeal_id"),
            ("turn_score", "turn_id"),
        ):
            connection.execute(f'DELETE FROM "{name}" WHERE {column} = ?', (FIRST,))
        for name in of_entry:
            connection.execute(f'DELETE FROM "{name}" WHERE entry_id = ?', (entry_id,))
        connection.execute("DELETE FROM entry WHERE id = ?", (entry_id,))
        connection.commit()


def test_no_act_reaches_the_unit(
    app: Flask, world: World, ground: Ground, client_for: SignIn, conflict: Conflict
) -> None:
    client, before, met = client_for(conflict.login), facts_of_all(world), 0
    g01 = str(ground.entries[CONFLICTED])
    # Whatever a form of the panel may call the unit.
    sent: dict[str, object] = {
        **dict.fromkeys(("row", "entry", "unit", "turn", "entry_id"), g01),
        **{f"points.{g01}": "1", f"reason.{g01}": "x", f"version.{g01}": "0", f"kind.{g01}": "own"},
        "points.A1.2": "1",
        "reason.A1.2": "x",
        "do": "save",
        "code": "A1.2",
        "reason": "x",
        "question": "x",
    }
    for endpoint, names, path in routes(app, world, ground, "POST"):
        if endpoint.startswith("auth."):
            continue
        own_school = conflict.how == "own" and endpoint.startswith("school.")
        if own_school:
            continue
        answer = client.post(path, sent)
        assert answer.status_code < 500, path
        assert leaks(body(answer, path)) == [], path
        if not may(world, conflict.login, endpoint):
            assert answer.status_code == 403, path
        elif names & OBJECTS:
            met += 1
            assert answer.status_code in (403, 404), (path, answer.status_code)
    assert met >= 8
    after = facts_of_all(world)
    for name in (
        "entry",
        "answer",
        "fact_row",
        "evidence",
        "return",
        "turn",
        "turn_score",
        "inquiry",
        "appeal",
    ):
        assert after[name] == before[name], name
    with world.read() as session:
        given = session.exec(
            select(Mark.user_id).where(
                Mark.entry_id == ground.entries[CONFLICTED], Mark.made_by == world.users[conflict.login]
            )
        ).all()
    assert len(given) == (1 if conflict.login == "rev1" else 0)  # the one that was there before


@pytest.mark.parametrize("login", ["rev1", "chair"])
def test_before_declaring_nothing_of_any_unit_is_shown(
    app: Flask, world: World, client_for: SignIn, login: str
) -> None:
    ground = lay(world, CycleState.REVIEW)
    with world.write() as session:
        user = world.users[login]
        _store(session, _belongings(world, user, ground.entries[CONFLICTED], ground.entries[OTHER]))
        session.delete(session.exec(select(Declaration).where(Declaration.user_id == user)).one())
        session.commit()
    client, led = client_for(login), 0
    declare = f"/panel/cycles/{world.cycle_id}/declare"
    for endpoint, names, path in routes(app, world, ground, "GET"):
        if endpoint == "panel.declare":
            continue
        with client.get(path) as answer:
            text = re.sub(r"<header.*?</header>", "", body(answer, path), flags=re.S)
        assert leaks(text) == [], path
        assert "丁桥" not in text, path
        if endpoint.startswith("panel.") and names & {"cycle_id", "entry", "showing_id"}:
            led += 1
            assert answer.status_code in (303, 403), (path, answer.status_code)
            if answer.status_code == 303:
                assert answer.location.startswith(declare), path
    assert led >= 8
    before = facts_of_all(world)
    for endpoint, names, path in routes(app, world, ground, "POST"):
        if endpoint.startswith("panel.") and endpoint != "panel.declare_post" and names:
            assert client.post(path, {"points.A1.2": "1", "do": "save"}).status_code in (403, 404, 409), path
    assert facts_of_all(world) == before
    text = client.text(declare)
    assert "甲山教育集团" in text
    assert "丁桥教育集团" in text
    with world.read() as session:
        assert session.exec(select(Entry)).first() is not None


@pytest.mark.parametrize("conflict", [Conflict("rev1", "declared")], ids=str, indirect=True)
def test_a_page_that_only_counts_the_unit_would_be_noticed(
    app: Flask,
    world: World,
    ground: Ground,
    client_for: SignIn,
    conflict: Conflict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(cycle_id: int) -> str:
        with world.read() as session:
            found = session.exec(select(Entry).where(Entry.cycle_id == cycle_id)).all()
        return f"{len(found)} 个单位"

    app.add_url_rule("/panel/cycles/<int:cycle_id>/careless", "panel.careless", careless)
    monkeypatch.setitem(ACCESS, "panel.careless", access.PANEL)
    with pytest.raises(AssertionError, match="careless"):
        test_every_page_of_the_panel_is_as_if_the_unit_were_not_there(
            app, world, ground, client_for, conflict
        )
