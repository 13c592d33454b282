"""Every route with an id, asked by every role for its own, a sibling's, a foreign and no object at all."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from flask import Flask
from sqlmodel import col, select

from intranet.enums import CycleState
from intranet.models import Answer, EvidenceLink, FactRow, Mark
from intranet.web.access import ACCESS
from tests.integration.filing_ground import PDF, at, upload
from tests.integration.security_ground import (
    NOWHERE,
    ROLES,
    Ground,
    addresses,
    body,
    facts_of_all,
    lay,
    read,
)
from tests.integration.test_panel_scoring import form_of
from tests.world import Client, World

SignIn = Callable[[str], Client]

SEE_ALL = ("admin", "leader", "auditor")
"""To them nothing is foreign; they may be told which of two things does not exist."""


@pytest.fixture
def filing(world: World) -> Ground:
    return lay(world)


@pytest.fixture
def review(world: World) -> Ground:
    return lay(world, CycleState.REVIEW)


def is_foreign(ground: Ground, login: str, endpoint: str, given: dict[str, Any]) -> bool:
    """Whether an address names something that this person may not know of."""
    entries = {i: name for name, i in ground.entries.items()}
    files = {i: name for name, i in ground.files.items()}
    rows = {i: name for name, i in ground.rows.items()}
    seen = ground.sees(login)
    entry_id = given.get("entry_id", given.get("entry"))
    if entry_id is not None and entries.get(entry_id) not in seen:
        return True
    for key, names in (("evidence_id", files), ("row_id", rows)):
        if key in given and names.get(given[key]) not in ({entries[entry_id]} if entry_id else seen):
            return True
    cycle = given.get("cycle_id")
    if cycle is None:
        return False
    cycles = {c: n for n, c in ground.cycles.items()}
    if cycles.get(cycle) is None:
        return True
    of = "old" if cycles[cycle] == "other" else "g"
    if entry_id is not None and not entries[entry_id].startswith(of):
        return True
    return not any(name.startswith(of) for name in seen)


@pytest.mark.parametrize("login", [r for r in ROLES if r != "rev2"])
def test_what_is_foreign_reads_like_what_is_not_there(
    app: Flask, review: Ground, client_for: SignIn, login: str
) -> None:
    """404, the same page word for word, and none of the foreign words in any page that opens."""
    client, actor = client_for(login), review.world.actor(login)
    foreign_words = [w for n in set(review.entries) - review.sees(login) for w in review.words(n)]
    if not any(name.startswith("old") for name in review.sees(login)):
        foreign_words.append("密期另一考核")
    none: dict[str, str] = {}
    met = 0
    for endpoint, given, path in sorted(
        addresses(app, review, "GET"), key=lambda a: NOWHERE not in a[1].values()
    ):
        rule = ACCESS[endpoint]
        if isinstance(rule, frozenset) and not actor.has(*rule):
            continue
        if is_foreign(review, login, endpoint, given) and given.get("code") == "B2":
            continue  # what is foreign is so before the page in it is looked for
        with client.get(path) as answer:
            text = body(answer, path)
        assert answer.status_code < 500, path
        for word in foreign_words:
            assert word not in text, (path, word)
        if is_foreign(review, login, endpoint, given):
            met += 1
            assert answer.status_code == 404, (path, answer.status_code)
            assert login in SEE_ALL or none.setdefault(endpoint, text) == text, path
    assert met >= 8


@pytest.mark.parametrize("login", ROLES)
def test_no_post_reaches_a_foreign_object(app: Flask, filing: Ground, client_for: SignIn, login: str) -> None:
    client, actor = client_for(login), filing.world.actor(login)
    before, none, met = facts_of_all(filing.world), dict[str, str](), 0
    ordered = sorted(addresses(app, filing, "POST"), key=lambda a: NOWHERE not in a[1].values())
    for endpoint, given, path in ordered:
        rule = ACCESS[endpoint]
        if isinstance(rule, frozenset) and not actor.has(*rule):
            continue
        if not is_foreign(filing, login, endpoint, given):
            continue
        met += 1
        answer = client.post(path, {"ref": "slot:A2#1", "reason": "x", "do": "save"})
        if {"evidence_id", "row_id"} & given.keys() and endpoint.startswith("school."):
            assert answer.status_code in (403, 404), path
        else:
            assert answer.status_code == 404, (path, answer.status_code)
            assert login in SEE_ALL or none.setdefault(endpoint, body(answer, path)) == body(answer, path), (
                path
            )
    assert facts_of_all(filing.world) == before
    assert met >= 4 or login in ("leader", "auditor")


@pytest.mark.parametrize("login", ["leader", "auditor"])
def test_readers_change_nothing_whatever_they_send(
    app: Flask, review: Ground, client_for: SignIn, login: str
) -> None:
    client, before = client_for(login), facts_of_all(review.world)
    paths = {endpoint: path for endpoint, _given, path in reversed(list(addresses(app, review, "POST")))}
    for endpoint, path in paths.items():
        if not endpoint.startswith("auth."):
            assert client.post(path, {"reason": "x"}).status_code == 403, path
    assert facts_of_all(review.world) == before


# --- a contributor of the lead school -------------------------------------------------------------


def test_a_contributor_changes_neither_answers_nor_scores_nor_what_others_brought(
    filing: Ground, client_for: SignIn
) -> None:
    world, client = filing.world, client_for("helper1")
    before = facts_of_all(world)
    row, file = filing.rows["g01"], filing.files["g01"]
    refused = {
        at(world, "A2", "/answers"): {"f:A2.上学期": "9", "only": "A2.上学期"},
        at(world, "A2", "/slots"): {"slot": "A2#2", "absent": "1"},
        at(world, "A1", "/self/A1.2"): {"points": "3", "version": "1"},
        at(world, "B2", "/tables/awards/empty"): {"declared": "1"},
        at(world, "B2", f"/rows/{row}"): {"c:winner": "改名", "c:level": "区级", "version": "1"},
        at(world, "B2", f"/rows/{row}/delete"): {},
        at(world, "B2", f"/rows/{row}/restore"): {},
        at(world, "A2", f"/files/{file}/unlink"): {"ref": "slot:A2#1"},
        at(world, "B2", f"/files/{file}/unlink"): {"ref": f"row:{row}"},
        at(world, "B2", "/files/link"): {"ref": f"row:{row}", "evidence": str(file)},
        at(world, "", f"/evidence/{file}/delete"): {},
        at(world, "", "/submit"): {"known": "1"},
    }
    for path, data in refused.items():
        for htmx in (False, True):
            assert client.post(path, data, htmx=htmx).status_code == 403, path
    assert upload(client, world, "B2", f"row:{row}", ("我的.pdf", PDF)).status_code == 403
    assert facts_of_all(world) == before


def test_a_file_of_another_unit_is_linked_nowhere(filing: Ground, client_for: SignIn) -> None:
    world, client = filing.world, client_for("lead2")
    foreign = filing.files["g01"]
    answer = client.post(
        at(world, "A2", "/files/link", "g02"), {"ref": "slot:A2#2", "evidence": str(foreign)}
    )
    assert answer.status_code == 404
    assert client.get(f"/files/{foreign}").status_code == 404
    with world.read() as session:
        links = session.exec(select(EvidenceLink).where(EvidenceLink.evidence_id == foreign)).all()
    assert sorted(x.ref for x in links) == sorted(["slot:A2#1", f"row:{filing.rows['g01']}"])


def test_a_deleted_file_is_gone_for_everybody(filing: Ground, client_for: SignIn) -> None:
    world, client, file = filing.world, client_for("lead1"), filing.files["g01"]
    assert client.post(at(world, "", f"/evidence/{file}/delete")).status_code == 303
    for login in ROLES:
        for rest in ("", "/preview"):
            assert client_for(login).get(f"/files/{file}{rest}").status_code == 404, login


# --- the panel ------------------------------------------------------------------------------------


def panel_pages(app: Flask, ground: Ground) -> list[str]:
    return [p for e, _g, p in addresses(app, ground, "GET") if e.startswith(("panel.", "school.", "home."))]


def test_other_reviewers_stay_unread_until_the_own_mark_is_in(
    app: Flask, review: Ground, client_for: SignIn
) -> None:
    world, client = review.world, client_for("rev1")
    with world.write() as session:
        own = session.exec(
            select(Mark).where(
                col(Mark.user_id) == world.users["rev1"], Mark.entry_id == world.entries["g01"]
            )
        ).one()
        session.delete(own)
        session.commit()
    for path in panel_pages(app, review):
        with client.get(path) as answer:
            text = read(answer)
        assert "评密rev2g01" not in text, path
    here = f"/panel/entries/{world.entries['g01']}/indicators/A1"
    assert "1.38" not in client.text(here)
    client.post(here, {"points.A1.2": "", "doubtful.A1.2": "1", "version.A1.2": "0", "do": "doubt"})
    assert "评密rev2g01" not in client.text(here)
    typed = {
        "points.A1.1": "1",
        "reason.A1.1": "看过",
        "points.A1.2": "2",
        "reason.A1.2": "自己的",
        "do": "save",
    }
    form = {k: v for k, v in form_of(client, here).items() if not k.startswith("doubtful")}
    saved = client.post(here, {**form, **typed})
    assert saved.status_code == 303
    assert "评密rev2g01" in client.text(here)


@pytest.mark.parametrize("state", [CycleState.REVIEW, CycleState.DELIBERATION])
@pytest.mark.parametrize("login", ["lead1", "member1"])
def test_schools_never_read_what_the_panel_said(
    app: Flask, world: World, client_for: SignIn, login: str, state: CycleState
) -> None:
    ground = lay(world, state)
    client = client_for(login)
    for path in panel_pages(app, ground):
        if path.startswith("/panel"):
            continue
        with client.get(path) as answer:
            text = read(answer)
        assert "评密" not in text, path
        assert "评委" not in text, path
        for points in ("1.37", "1.38"):
            assert f">{points}" not in text, path
    assert client.get(at(world, "", "/result")).status_code == 404


def test_only_the_chair_settles_returns_and_types_figures(review: Ground, client_for: SignIn) -> None:
    world = review.world
    here = f"/panel/entries/{world.entries['g01']}/indicators/A1"
    before = facts_of_all(world)
    for login in ("rev1", "rev2"):
        client = client_for(login)
        assert client.post(f"{here}/settle", {"do": "settle:A1.2", "points.A1.2": "3"}).status_code == 403
        assert client.post(f"{here}/figures", {"figure.A2.quality": "1"}).status_code == 403
        assert client.post(f"{here}/return", {"reason": "补"}).status_code == 403
        assert client.get(f"{here}/settle").status_code == 403
        assert client.get(f"/panel/cycles/{world.cycle_id}/board").status_code == 403
    assert facts_of_all(world) == before


# --- names that a form does not have --------------------------------------------------------------

EXTRA = {
    "owner": "bureau",
    "by": "panel",
    "role": "panel",
    "version": "99",
    "entry_id": "2",
    "cycle_id": "2",
    "school_id": "4",
    "state": "submitted",
    "round": "7",
    "points": "99",
    "user_id": "1",
    "made_by": "1",
    "docs": '{"panel": {"fields": {"A2.quality": "7"}}}',
    "exempt": "A1",
    "prior": "1",
    "is_admin": "1",
    "must_change": "",
    "active": "",
    "declared_empty": "1",
    "deleted_at": "",
    "created_by": "1",
    "extended_until": "2099-01-01",
    "settled": "3",
    "computed": "9",
}


def test_names_that_a_form_does_not_have_change_nothing(filing: Ground, client_for: SignIn) -> None:
    """The school's forms with the bureau's and the panel's names in them: only what they ask for is stored."""
    world, client = filing.world, client_for("lead1")
    before = facts_of_all(world)
    here = at(world, "A2", "/answers")
    foreign = {"f:absences": "7", "f:grade@s1": "甲等", "f:A2.quality": "1", "f:T": "1", "f:__class__": "x"}
    for name, text in foreign.items():
        for htmx in (False, True):
            answer = client.post(here, {name: text, "only": name[2:], **EXTRA}, htmx=htmx)
            assert answer.status_code in (403, 404), name
    assert client.post(here, {"only": "", **EXTRA}, htmx=True).status_code == 404
    assert client.post(here, {"only": "nothing", **EXTRA}, htmx=True).status_code == 404
    assert facts_of_all(world) == before

    saved = client.post(here, {"f:A2.上学期": "2", "version:A2.上学期": "0", **EXTRA})
    assert saved.status_code == 303
    row = client.post(at(world, "B2", "/tables/awards/rows"), {"c:winner": "丙", "c:level": "区级", **EXTRA})
    assert row.status_code == 303
    own = client.post(at(world, "A1", "/self/A1.2"), {**EXTRA, "points": "1", "version": "1"})
    assert own.status_code == 303
    with world.read() as session:
        answer = session.exec(select(Answer).where(Answer.key == "A2.上学期")).one()
        assert (answer.owner, answer.entry_id, answer.school_id, answer.version, answer.changed_by) == (
            "school",
            world.entries["g01"],
            0,
            1,
            world.users["lead1"],
        )
        added = session.exec(select(FactRow).order_by(col(FactRow.id).desc())).first()
        assert added is not None
        assert (added.entry_id, added.owner, added.created_by, added.version, added.deleted_at) == (
            world.entries["g01"],
            "school",
            world.users["lead1"],
            1,
            None,
        )
        assert added.cells == {"winner": "丙", "level": "区级"}
        marks = session.exec(select(Mark).where(Mark.entry_id == world.entries["g01"])).all()
        assert [(m.role, m.user_id, m.points, m.version, m.made_by) for m in marks] == [
            ("self", 0, Fraction(1), 2, world.users["lead1"])
        ]
    after = facts_of_all(world)
    for table in ("entry", "cycle", "grant", "user", "evidence", "unit", "school", "table_state"):
        changed = [r for r in after[table] if r not in before[table]]
        assert len(changed) == (1 if table == "entry" else 0), table  # saved_at of the one entry


def test_a_reviewer_writes_under_the_own_name_only(review: Ground, client_for: SignIn) -> None:
    world, client = review.world, client_for("rev1")
    here = f"/panel/entries/{world.entries['g02']}/indicators/A1"
    other = {"points.B4": "4", "points.T": "99", "ded.A1.2": "forged", "self.A1.2": "0", "settled.A1.2": "3"}
    own = {"points.A1.2": "2.5", "version.A1.2": "1", "reason.A1.2": "己", "do": "save"}
    sent = {**form_of(client, here), **EXTRA, **other, **own}
    before = facts_of_all(world)["mark"]
    assert client.post(here, sent).status_code == 303
    with world.read() as session:
        marks = session.exec(select(Mark)).all()
    mine = {m.entry_id: m for m in marks if m.user_id == world.users["rev1"] and m.code == "A1.2"}
    assert mine[world.entries["g02"]].points == Fraction(5, 2)
    changed = [m for m in facts_of_all(world)["mark"] if m not in before]
    assert all(m[4] == world.users["rev1"] and m[1] == world.entries["g02"] for m in changed)
    assert {m[2] for m in changed} <= {"A1.1", "A1.2"}
