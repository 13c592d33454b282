"""Requests that are not what a browser on our pages sends: other sites, other methods, old cookies, false proxies."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
import waitress
from flask import Flask
from sqlmodel import select

from intranet.cli import server
from intranet.models import Attempt, LogEntry, SignIn
from tests.integration.security_ground import addresses, facts_of_all, lay
from tests.world import PASSWORD, Client, World

SignInAs = Callable[[str], Client]


def test_no_form_works_without_its_token_or_from_elsewhere(
    app: Flask, world: World, client_for: SignInAs
) -> None:
    ground = lay(world)
    clients = {"bureau": client_for("admin"), "panel": client_for("chair"), "school": client_for("lead1")}
    clients["auth"] = clients["school"]
    before = facts_of_all(world)
    paths = {endpoint: path for endpoint, _given, path in reversed(list(addresses(app, ground, "POST")))}
    assert len(paths) > 40
    for endpoint, path in paths.items():
        client = clients[endpoint.partition(".")[0]]
        token = client.token()
        wrong: list[dict[str, str]] = [
            {},
            {"X-CSRF-Token": ""},
            {"X-CSRF-Token": "x" * len(token)},
            {"X-CSRF-Token": "é"},
            {
                "X-CSRF-Token": clients["panel" if client is not clients["panel"] else "bureau"].token()[:-1]
                + "!"
            },
            {"X-CSRF-Token": token, "Origin": "null"},
            {"X-CSRF-Token": token, "Origin": "https://localhost.evil.example"},
            {"X-CSRF-Token": token, "Origin": "http://["},
            {"X-CSRF-Token": token, "Origin": "http://localhost:81"},
            {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"},
            {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-site"},
        ]
        full = endpoint in {"school.submit", "bureau.person_create", "panel.settle_post", "auth.sign_out"}
        for headers in wrong if full else (wrong[0], wrong[2], wrong[5], wrong[9]):
            assert client.raw.post(path, headers=headers).status_code == 403, (path, headers)
    assert facts_of_all(world) == before


def test_other_methods_do_nothing(app: Flask, world: World, client_for: SignInAs) -> None:
    client, before = client_for("admin"), facts_of_all(world)
    headers = {"X-CSRF-Token": client.token()}
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
        for path in ("/bureau/people", f"/bureau/cycles/{world.cycle_id}/phase", "/sign-out"):
            assert client.raw.open(path, method=method, headers=headers).status_code == 405, (method, path)
    for extra in ({"X-HTTP-Method-Override": "POST"}, {"X-Method-Override": "DELETE"}):
        assert client.get("/bureau/people?_method=DELETE", headers=extra).status_code == 200
    assert client.get(f"/bureau/cycles/{world.cycle_id}/delete").status_code == 405
    assert facts_of_all(world) == before


def test_signing_in_needs_the_token_of_this_browser(app: Flask, world: World) -> None:
    stranger = app.test_client()
    sent = {"login": "lead1", "password": PASSWORD, "csrf_token": ""}
    for token in ("", "guess"):
        assert stranger.post("/sign-in", data={**sent, "csrf_token": token}).status_code == 403
    stranger.get("/sign-in")
    assert stranger.post("/sign-in", data=sent).status_code == 403
    with world.read() as session:
        assert session.exec(select(SignIn)).all() == []


def test_a_session_is_new_at_each_sign_in_and_dead_after_the_end(
    app: Flask, world: World, client_for: SignInAs
) -> None:
    client = Client(app.test_client())
    with client.raw.session_transaction() as planted:
        planted["token"], planted["csrf"], planted["seen"] = "planted", "planted", 2**31
    client.post("/sign-in", {"login": "lead1", "password": PASSWORD})
    with client.raw.session_transaction() as session:
        first = dict(session)
    assert first["token"] != "planted"
    assert first.get("csrf") != "planted"
    client.post("/sign-in", {"login": "lead1", "password": PASSWORD})
    with client.raw.session_transaction() as session:
        assert session["token"] != first["token"]
    new = "four-green-hills"
    assert client.post("/password", {"current": PASSWORD, "new": new, "again": new}).status_code == 303
    replayed = app.test_client()
    with replayed.session_transaction() as session:
        session.update(first)
    assert replayed.get("/tasks").status_code == 302
    with client.raw.session_transaction() as session:
        last = dict(session)
    assert client.get("/password").status_code == 200
    client_for("admin").post(f"/bureau/people/{world.users['lead1']}/active", {"active": "0"})
    assert client.get("/password").status_code == 302
    with replayed.session_transaction() as session:
        session.update(last)
    assert replayed.get("/password").status_code == 302


@pytest.mark.parametrize("value", ["", "x", "eyJ0b2tlbiI6IjEifQ.aaaa.bbbb", "é", "a" * 3000, '"', "%00"])
def test_a_forged_cookie_is_nobody(app: Flask, value: str) -> None:
    client = app.test_client()
    client.set_cookie("intranet", value)
    assert client.get("/bureau/people").status_code == 302


@pytest.mark.parametrize(("token", "seen"), [(1, 0), (None, None), ("x", 0), ({"a": 1}, 1)])
def test_an_odd_session_of_our_own_is_nobody(app: Flask, token: Any, seen: Any) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["token"], session["seen"] = token, seen or 0
    assert client.get("/bureau/people").status_code == 302


TARGETS = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "http:evil.example",
    "javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example",
    "/\u2028x", "evil.example", "//evil.example\\@x", "@evil.example", "/%0d%0aSet-Cookie:x=1\r\nX: y", "",
)  # fmt: skip


def test_no_redirect_leaves_this_site(app: Flask, world: World, client_for: SignInAs) -> None:
    client = client_for("lead1")
    for target in TARGETS:
        asked = client.raw.get("/sign-in", query_string={"next": target})
        assert asked.headers["Location"] == "/", target
        for htmx, name in ((False, "Location"), (True, "HX-Redirect")):
            answer = client.post("/language", {"language": "en", "next": target}, htmx=htmx)
            assert answer.headers[name] == "/", target
        page = app.test_client().get("/sign-in", query_string={"next": target}).get_data(as_text=True)
        assert (
            "evil.example" not in page.split("<form")[-1].split("language")[0]
            or 'name="next" value=""' in page
        )


def test_a_redirect_with_chinese_in_it_stays_a_header(world: World, client_for: SignInAs) -> None:
    answer = client_for("lead1").post("/language", {"language": "zh", "next": "/tasks?q=山"}, htmx=True)
    assert answer.headers["HX-Redirect"] == "/tasks?q=%E5%B1%B1"


def test_what_a_client_says_of_itself_is_not_believed(app: Flask, world: World) -> None:
    """Addresses in the log, locks and links come from the connection."""
    lies = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6;host=evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/evil",
        "X-Original-URL": "/bureau/people",
        "X-Rewrite-URL": "/bureau/people",
    }
    client = Client(app.test_client())
    for n in range(6):
        sent = {"login": "lead1", "password": "wrong"}
        headers = {"X-CSRF-Token": client.token(), **lies, "X-Forwarded-For": f"6.6.6.{n}"}
        answer = client.raw.post("/sign-in", data=sent, headers=headers)
    assert "15 分钟" in answer.get_data(as_text=True)
    with world.read() as session:
        assert {a.ip for a in session.exec(select(Attempt))} == {"127.0.0.1"}
        assert {e.ip for e in session.exec(select(LogEntry))} == {"127.0.0.1"}
    page = app.test_client().get("/bureau/people", headers={**lies, "Host": "evil.example"})
    assert page.headers["Location"].startswith("/sign-in?")
    assert "evil" not in page.headers["Location"]
    shown = app.test_client().get("/sign-in", headers={**lies, "Host": "evil.example"}).get_data(as_text=True)
    assert "evil" not in shown


def test_the_lock_is_of_one_account_at_one_address(app: Flask, world: World) -> None:
    def attempt(login: str, password: str, ip: str) -> int:
        client = Client(app.test_client())
        sent = {"login": login, "password": password, "csrf_token": client.token()}
        return client.raw.post("/sign-in", data=sent, environ_base={"REMOTE_ADDR": ip}).status_code

    assert [attempt("lead1", "wrong", "10.0.0.1") for _n in range(5)] == [403] * 5
    assert attempt("lead1", PASSWORD, "10.0.0.1") == 403
    assert attempt(" LEAD1 ", PASSWORD, "10.0.0.1") == 403  # the same account, written otherwise
    assert attempt("lead2", PASSWORD, "10.0.0.1") == 303
    assert attempt("lead1", PASSWORD, "10.0.0.2") == 303


def test_behind_a_proxy_each_person_keeps_the_own_address(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise five wrong passwords of anybody lock the account for the whole bureau."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(waitress, "serve", lambda _app, **options: given.update(options))
    for behind in (True, False):
        given.clear()
        settings = world.settings.model_copy(update={"behind_proxy": behind, "allow_http": not behind})
        server._serve(settings)
        headers = set(str(given.get("trusted_proxy_headers", "")).split())
        assert headers == ({"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"} if behind else set())
        assert given.get("trusted_proxy") == ("127.0.0.1" if behind else None)


def test_passwords_are_not_carried_through_a_new_sign_in(
    app: Flask, world: World, client_for: SignInAs
) -> None:
    client = client_for("lead1")
    with client.raw.session_transaction() as session:
        session["seen"] = 0
    answer = client.post(
        "/password", {"current": PASSWORD, "new": "sehr-geheim-123", "again": "sehr-geheim-123"}
    )
    assert answer.status_code == 401
    assert PASSWORD not in answer.get_data(as_text=True)
    assert "sehr-geheim" not in answer.get_data(as_text=True)


def test_a_form_is_carried_only_to_the_person_who_filled_it_in(
    app: Flask, world: World, client_for: SignInAs
) -> None:
    """Another person at the same browser neither sees nor sends what was typed before the session ended."""
    for who, sees in (("lead1", True), ("member1", False), ("lead2", False)):
        client = client_for("lead1")
        with client.raw.session_transaction() as session:
            session["seen"] = 0
        path = f"/entries/{world.entries['g01']}/indicators/B2/tables/awards/rows"
        asked = client.post(path, {"c:winner": "只有我写的", "c:level": "市级"})
        body = asked.get_data(as_text=True).split('name="resume_body" value="')[1].split('"')[0]
        sent = {"login": who, "password": PASSWORD, "resume_path": path, "resume_body": unescape(body)}
        answer = client.post("/sign-in", sent)
        assert (answer.status_code == 200) is sees
        assert ("只有我写的" in answer.get_data(as_text=True)) is sees
        if not sees:
            assert "是另一位填的" in client.raw.get("/", follow_redirects=True).get_data(as_text=True)


def test_the_log_holds_no_secret(world: World, app: Flask, client_for: SignInAs) -> None:
    admin = client_for("admin")
    page = admin.post("/bureau/people", {"login": "neu", "name": "新人", "role": "leader"}).get_data(
        as_text=True
    )
    assert "neu" in page
    Client(app.test_client()).post("/sign-in", {"login": "lead1", "password": "mein-passwort-1"})
    with world.engine.connect() as connection:
        rows = str(connection.execute(sa.text("SELECT * FROM log")).all())
    hidden = [PASSWORD, "mein-passwort-1", "argon2"]
    with admin.raw.session_transaction() as session:
        hidden.append(session["token"])
    for secret in hidden:
        assert secret not in rows
