"""Hostile words in every text of the database, read on every page by everybody: they are words and nothing else."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from html.parser import HTMLParser
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlmodel import Session, SQLModel, select
from sqlmodel.sql.sqltypes import AutoString

from intranet.domain.freeze import as_stored, rehearse
from intranet.domain.log import record
from intranet.domain.scoring import score_entries, scoring_for
from intranet.enums import ConfirmState, CycleState, RecusalKind
from intranet.models import (
    Appeal,
    AppealFile,
    AppealReview,
    Confirmation,
    Cycle,
    Delegation,
    Entry,
    EntrySchool,
    Evidence,
    FactRow,
    FormLine,
    Inquiry,
    Mark,
    Phrase,
    Publication,
    Recusal,
    Result,
    Return,
    School,
    Showing,
    SpecialDay,
    Turn,
    TurnScore,
    Unit,
    UnitResult,
    User,
)
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.cycles import entries_of
from intranet.rubric.ledger import result_to_json
from intranet.web.access import ACCESS
from tests.integration.filing_ground import at
from tests.integration.security_ground import NOWHERE, Ground, addresses, lay, read
from tests.unit.rubric import sample
from tests.world import Client, World

SignIn = Callable[[str], Client]

PAYLOADS = (
    "<script>window.pwn=1;alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><script>alert(1)</script>",
    "'><img src=x onerror=alert(1)>", "\" onmouseover=\"alert(1)", "' onfocus='alert(1)' autofocus='",
    "</title><script>alert(1)</script>", "</textarea><script>alert(1)</script>", "</script><script>alert(1)</script>",
    "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>", "javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
    "<body onload=alert(1)>", "<details open ontoggle=alert(1)>", "<input autofocus onfocus=alert(1)>",
    "<math><mi xlink:href=javascript:alert(1)>", "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><input type=submit>", "<meta http-equiv=refresh content=0;url=//x>",
    "<base href=//x/>", "<link rel=stylesheet href=//x>", "<style>*{background:url(//x)}</style>", "<!--<img src=x>",
    "<div hx-get=/x hx-trigger=load>", "<b hx-on:load=alert(1)>", "<template><img src=x onerror=alert(1)>",
    "{{7*7}}", "{% for x in y %}", "${7*7}", "#{7*7}", "{0.__class__}", "%s%n%x%(name)s", "<%= 7*7 %>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "\u2028alert(1)\u2029", "＜script＞alert(1)＜/script＞",
)  # fmt: skip
assert len(PAYLOADS) == 40


class Tags(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its texts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))

    def complaints(self) -> Iterator[str]:
        for tag, attributes in self.elements:
            is_data = attributes.get("type") == "application/json"  # read, never run
            if tag in {"embed", "base", "style", "math"} or (
                tag == "script" and not is_data and not attributes.get("src", "").startswith("/static/")
            ):
                yield tag
            if tag == "iframe" and not attributes.get("src", "").startswith("/files/"):
                yield tag
            for name, value in attributes.items():
                if name.startswith(("on", "hx-on")) or (name == "style"):
                    yield f"{tag} {name}={value}"
                if name in {"src", "href", "action", "formaction", "data"} and not value.startswith(
                    ("/", "#", "?")
                ):
                    yield f"{tag} {name}={value}"
                if name in {"hx-get", "hx-post"} and not value.startswith("/"):
                    yield f"{tag} {name}={value}"


def seed(world: World, state: CycleState = CycleState.REVIEW, first: int = 0) -> Ground:
    """The words in turn in every text that a person can write."""
    ground, turn = lay(world, state), first

    def word() -> str:
        nonlocal turn
        turn += 1
        return PAYLOADS[turn % len(PAYLOADS)]

    texts: dict[type[SQLModel], tuple[str, ...]] = {
        User: ("name",), School: ("name", "stage"), Unit: ("name", "group"), Cycle: ("title",),
        Entry: ("name", "group"), EntrySchool: ("name",), Evidence: ("name",), Mark: ("reason",),
    }  # fmt: skip
    with world.write() as session:
        for model, columns in texts.items():
            for row in session.exec(select(model)).all():
                for column in columns:
                    unique = f" {model.__name__}{row.id}" if model is Unit else ""  # type: ignore[attr-defined]
                    setattr(row, column, word() + unique)
                session.add(row)
        for fact in session.exec(select(FactRow)).all():
            fact.cells = {**fact.cells, "winner": word()}
            session.add(fact)
        entry_id = world.entries["g01"]
        session.add(
            Return(
                entry_id=entry_id,
                codes=["A1"],
                reason=word(),
                returned_by=world.users["admin"],
                closed_at=datetime.now(UTC),
            )
        )
        lead, school = world.users["lead1"], world.schools["s2"]
        row = FactRow(
            entry_id=entry_id,
            table="exchange",
            position=1,
            cells={"person": word(), "category": "定期", "receiver": "s2"},
            created_by=lead,
        )
        session.add(row)
        session.flush()
        for ref in ("clause:B1", f"row:{row.id}"):
            share = Delegation(entry_id=entry_id, school_id=school, ref=ref, note=word(), given_by=lead)
            session.add(share)
        session.add(
            Confirmation(
                entry_id=entry_id,
                row_id=row.id or 0,
                school_id=school,
                row_version=row.version,
                state=ConfirmState.DISPUTED,
                proposal={"person": word()},
                note=word(),
                said_by=world.users["member1"],
            )
        )
        session.flush()
        session.add_all(_of_the_panel(world, session, word))
        for n in range(12):
            record(
                session, world.actor("admin"), "answer.save", subject=word(), old=word(), new={word(): [word()]},
                reason=word(), cycle_id=world.cycle_id, entry_id=entry_id if n % 2 else None,
            )  # fmt: skip
        session.commit()
    return ground


def _frozen(world: World, session: Session, reason: str) -> Result:
    """A result of what stands there, hostile names and all, as a freeze would store it."""
    plugins = build_plugin_manager(entry_points=False, plugins=(sample.SamplePlugin.at(world.settings.data),))
    cycle = session.get(Cycle, world.cycle_id)
    assert cycle is not None
    scoring = scoring_for(cycle, RubricRegistry(plugins))
    sheets = score_entries(session, cycle, scoring, entries_of(session, world.cycle_id))
    held = Result(
        cycle_id=world.cycle_id,
        number=1,
        fingerprint="f",
        rubric_fingerprint=cycle.fingerprint,
        reason=reason,
        frozen_by=world.users["admin"],
    )
    session.add(held)
    session.flush()
    by_code = {sheet.entry.code: sheet for sheet in sheets.values()}
    for n, found in enumerate(rehearse(session, cycle, scoring, sheets).results, 1):
        sheet = by_code[found.unit]
        session.add(
            UnitResult(
                result_id=held.id or 0,
                entry_id=sheet.entry.id or 0,
                position=n,
                rank=found.rank,
                group=found.group,
                total=found.total,
                document=as_stored(result_to_json(found)),
                facts=as_stored(sheet.source.document),
            )
        )
    return held


def _of_the_panel(world: World, session: Session, word: Callable[[], str]) -> list[SQLModel]:
    """What panel and bureau write from the first score on: questions, comments, meeting room, notice, appeal."""
    admin, rev1, entry_id = world.users["admin"], world.users["rev1"], world.entries["g01"]
    for inquiry in session.exec(select(Inquiry)).all():
        inquiry.question, inquiry.answer = word(), word()
        inquiry.answered_by, inquiry.answered_at = world.users["lead1"], datetime.now(UTC)
    showing = Showing(
        cycle_id=world.cycle_id, title=word(), target="clause:A1.2", most=Fraction(3), place=word()
    )
    result = _frozen(world, session, word())
    session.add(showing)
    session.flush()
    turn = Turn(showing_id=showing.id or 0, entry_id=entry_id, position=0, reason=word())
    appeal = Appeal(
        entry_id=entry_id, result_id=result.id or 0, code="A1.2", line=word(), wanted=word(), reason=word(),
        decision=word(), filed_by=world.users["lead1"],
    )  # fmt: skip
    session.add_all([turn, appeal])
    session.flush()
    today = datetime.now(UTC).date()
    return [
        Phrase(cycle_id=world.cycle_id, user_id=0, text=word()),
        Phrase(cycle_id=world.cycle_id, user_id=rev1, code="A1", text=word()),
        Recusal(
            cycle_id=world.cycle_id, user_id=world.users["rev2"], entry_id=world.entries["g02"],
            kind=RecusalKind.OTHER, note=word(), declared_by=admin,
        ),
        TurnScore(turn_id=turn.id or 0, user_id=rev1, points=Fraction(1), note=word()),
        SpecialDay(day=today, works=False, name=word()),
        Publication(
            cycle_id=world.cycle_id, result_id=result.id or 0, columns=["unit"], starts_on=today, working_days=5,
            ends_on=today, title=word(), recipients=word(), body=word(), contact=word(), signed_on=today,
            published_by=admin,
        ),
        AppealFile(
            appeal_id=appeal.id or 0, sha256="0" * 64, name=word(), media_type="application/pdf", size=1,
            uploaded_by=world.users["lead1"],
        ),
        AppealReview(appeal_id=appeal.id or 0, user_id=world.users["chair"], assigned_by=admin, reason=word()),
        FormLine(entry_id=entry_id, form="report", ref="row:1", what=word(), original=word(), category=word()),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("logins", "first", "state"),
    [
        (("admin", "leader"), 0, CycleState.DELIBERATION),
        (("chair", "rev1", "lead1"), 7, CycleState.REVIEW),
        (("lead1", "member1", "chair", "auditor"), 19, CycleState.FILING),
    ],
)
def test_hostile_words_stay_words(
    app: Flask, world: World, client_for: SignIn, logins: tuple[str, ...], first: int, state: CycleState
) -> None:
    ground = seed(world, state, first)
    met: set[str] = set()
    for login in logins:
        client, actor = client_for(login), world.actor(login)
        for endpoint, given, path in addresses(app, ground, "GET"):
            rule = ACCESS[endpoint]
            if NOWHERE in given.values() or (isinstance(rule, frozenset) and not actor.has(*rule)):
                continue
            with client.get(path) as answer:
                text = read(answer) if answer.mimetype == "text/html" else ""
            assert answer.status_code < 500, path
            for _name, value in answer.headers:
                assert value.isascii(), (path, value)
            tags = Tags()
            tags.feed(text)
            assert list(tags.complaints()) == [], path
            met |= {p for p in PAYLOADS if html.escape(p, quote=True).replace("&#x27;", "&#39;") in text}
            assert ">49<" not in text, path
    assert len(met) >= 15, sorted(set(PAYLOADS) - met)


def test_what_is_typed_and_refused_comes_back_as_words(world: World, client_for: SignIn) -> None:
    lay(world)
    lead, admin = client_for("lead1"), client_for("admin")
    for n, word in enumerate(PAYLOADS):
        sent: list[tuple[Client, str, dict[str, Any]]] = [
            (lead, at(world, "B3", "/answers"), {"f:took_part": word, "only": "took_part"}),
            (lead, at(world, "B1", "/tables/exchange/rows"), {"c:person": word, "c:category": word}),
            (lead, at(world, "B2", "/tables/awards/paste"), {"text": f"甲\t{word}"}),
            (admin, "/bureau/people", {"login": word, "name": word, "role": word}),
            (admin, f"/bureau/units/{world.units['g01']}", {"code": word, "name": word, "lead": word}),
        ]
        client, path, data = sent[n % len(sent)]
        for htmx in (True, False):
            answer = client.post(path, data, htmx=htmx)
            assert 400 <= answer.status_code < 500, (path, word)
            tags = Tags()
            tags.feed(answer.get_data(as_text=True))
            assert list(tags.complaints()) == [], (path, word)
        for where, name in (("/bureau/log", "person"), ("/bureau/people", "q")):
            tags = Tags()
            tags.feed(admin.get(where, query_string={name: word}).get_data(as_text=True))
            assert list(tags.complaints()) == [], word


def test_words_of_formats_and_templates_come_back_literally(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    for word in ("{{7*7}}", "${7*7}", "{0.__class__}", "%s%n", "%(name)s", "{% raw %}"):
        client.post(at(world, "B2", "/tables/awards/rows"), {"c:winner": word, "c:level": "市级"})
        assert word in html.unescape(client.text(at(world, "B2")))
        refused = client.post(
            at(world, "B3", "/answers"), {"f:took_part": word, "only": "took_part"}, htmx=True
        )
        assert f"“{word}”不是数" in html.unescape(refused.get_data(as_text=True))


def test_every_text_column_is_known_here(world: World) -> None:
    """A new table with words of people in it must be seeded above, or be named here as none."""
    none = {"answer", "attempt", "grant", "operation", "sign_in", "table_state", "unit_result", "unit_school",
            "evidence_link", "log", "fact_row", "return", "volume", "file_print", "archive", "assignment"}  # fmt: skip
    files = {"evidence_version", "pending_upload", "submission"}  # names of files that stand as Evidence too
    texts = {
        t.name
        for t in SQLModel.metadata.sorted_tables
        if any(isinstance(c.type, sa.String | AutoString) for c in t.columns)
    }
    seeded = {"user", "school", "unit", "cycle", "entry", "entry_school", "evidence", "mark"}
    seeded |= {"delegation", "confirmation", "form_line", "result"}
    seeded |= {"inquiry", "phrase", "recusal", "showing", "turn", "turn_score", "special_day"}
    seeded |= {"publication", "appeal", "appeal_file", "appeal_review"}
    assert texts - none - files - seeded == set()
