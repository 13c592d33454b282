"""The ground: schema, durability settings, append-only log, access table, headers."""

from __future__ import annotations

import ast
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from sqlmodel import Session, SQLModel, select
from werkzeug.routing import IntegerConverter

from intranet.config import Settings
from intranet.db import build_engine, check_ready, upgrade, wal_is_safe, write_session
from intranet.domain.log import first_broken, record
from intranet.errors import DomainError
from intranet.models import Cycle, LogEntry, School, User
from intranet.web.access import ACCESS, ANYONE
from tests.world import Client, World


def test_migrations_make_the_schema_of_the_models(world: World) -> None:
    with world.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_upgrade_twice_changes_nothing_and_an_empty_folder_is_refused(settings: Settings) -> None:
    settings.data.mkdir(parents=True)
    engine = build_engine(settings)
    with pytest.raises(DomainError, match="intranet init"):
        check_ready(engine)
    upgrade(engine, settings)
    upgrade(engine, settings)
    check_ready(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
    ],
)
def test_wal_only_where_its_reset_fault_is_mended(version: tuple[int, ...], safe: bool) -> None:
    assert wal_is_safe(version) is safe


def test_every_commit_is_durable(world: World) -> None:
    with world.engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    assert (mode, synchronous) in {("wal", 2), ("delete", 3)}


def test_concurrent_read_modify_writes_lose_nothing(world: World) -> None:
    """A default session on SQLite keeps 150 of 600 of these; ours keeps all."""

    def bump() -> None:
        for _n in range(25):
            with write_session(world.engine) as session:
                cycle = session.get(Cycle, world.cycle_id)
                assert cycle is not None
                cycle.version += 1
                session.commit()

    threads = [threading.Thread(target=bump) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        assert cycle.version == 101


def test_a_writer_that_fails_leaves_the_line(world: World) -> None:
    with world.write() as session, pytest.raises(sa.exc.OperationalError, match="no such table"):
        session.connection().exec_driver_sql("INSERT INTO nowhere VALUES (1)")
    begun = time.monotonic()
    with world.write() as session:
        assert session.get(Cycle, world.cycle_id) is not None
    assert time.monotonic() - begun < 5  # the line moves on after 10 s by itself


def test_the_log_refuses_changes_and_its_chain_shows_tampering(world: World) -> None:
    with world.write() as session:
        for n in range(5):
            record(session, world.actor("admin"), "test.act", subject=str(n), old=n, new=n + 1)
        session.commit()
    for statement in ("UPDATE log SET reason = 'x' WHERE id = 2", "DELETE FROM log WHERE id = 2"):
        with world.write() as session, pytest.raises(sa.exc.IntegrityError, match="append-only"):
            session.connection().exec_driver_sql(statement)
    with world.read() as session:
        assert first_broken(session) is None
    with world.write() as session:
        connection = session.connection()
        connection.exec_driver_sql("DROP TRIGGER log_no_update")
        connection.exec_driver_sql("UPDATE log SET new = '99' WHERE id = 3")
        session.commit()
    with world.read() as session:
        assert first_broken(session) == 3


def test_the_secret_key_is_made_once_and_private(settings: Settings) -> None:
    first = settings.secret_key()
    assert settings.secret_key() == first
    assert len(first) == 64
    assert (settings.data / "secret.key").stat().st_mode & 0o077 == 0


def test_settings_come_from_the_data_folder_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "intranet.toml").write_text('bureau_name = "示例局"\nport = 9000\n', encoding="utf-8")
    monkeypatch.setenv("INTRANET_PORT", "9001")
    settings = Settings(data=tmp_path)
    assert (settings.bureau_name, settings.port) == ("示例局", 9001)


# --- routes ---


def test_every_route_is_in_the_access_table_and_nothing_else(app: Flask) -> None:
    routes = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert routes == set(ACCESS)


def paths(app: Flask, world: World) -> list[tuple[str, str, str]]:
    """(endpoint, method, path) of every route, with ids that exist where they can."""
    values = {
        "entry_id": world.entries["g01"],
        "cycle_id": world.cycle_id,
        "unit_id": world.units["g01"],
        "school_id": world.schools["s1"],
        "user_id": world.users["rev1"],
    }
    out = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        given = {
            name: values.get(name, 1 if isinstance(rule._converters[name], IntegerConverter) else "X")
            for name in rule.arguments
        }
        with app.test_request_context():
            _domain, path = rule.build(given) or ("", "")  # type: ignore[misc]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            out.append((rule.endpoint, method, path))
    return out


def test_nobody_gets_in_without_signing_in(app: Flask, world: World) -> None:
    for endpoint, method, path in paths(app, world):
        if ACCESS[endpoint] == ANYONE:
            continue
        answer = app.test_client().open(path, method=method)
        assert answer.status_code in (302, 401), (endpoint, method, answer.status_code)
        assert "示例年度考核" not in answer.get_data(as_text=True) or answer.status_code == 401


def test_a_role_outside_the_table_is_refused(
    app: Flask, world: World, client_for: Callable[[str], Client]
) -> None:
    logins = ("admin", "chair", "rev1", "lead1", "member1", "leader", "auditor")
    for login in logins:
        actor, client = world.actor(login), client_for(login)
        for endpoint, method, path in paths(app, world):
            rule = ACCESS[endpoint]
            if isinstance(rule, frozenset) and not actor.has(*rule):
                headers = {"X-CSRF-Token": client.token()}
                answer = client.raw.open(path, method=method, headers=headers)
                assert answer.status_code == 403, (login, endpoint)


def test_a_foreign_unit_is_not_found_whatever_the_address(
    app: Flask, world: World, client_for: Callable[[str], Client]
) -> None:
    """lead2 files for g02 and asks for every route of g01; the answer names nothing of g01."""
    client = client_for("lead2")
    for endpoint, method, path in paths(app, world):
        if "/entries/" not in path:
            continue
        rule = ACCESS[endpoint]
        answer = client.raw.open(path, method=method, headers={"X-CSRF-Token": client.token()})
        expected = 404 if not isinstance(rule, frozenset) or world.actor("lead2").has(*rule) else 403
        assert answer.status_code == expected, (endpoint, method, answer.status_code)
        assert "甲山教育集团" not in answer.get_data(as_text=True), endpoint


def test_reading_changes_nothing(app: Flask, world: World, client_for: Callable[[str], Client]) -> None:
    def everything() -> list[object]:
        with world.engine.connect() as connection:
            return [connection.execute(sa.select(t)).all() for t in SQLModel.metadata.sorted_tables]

    clients = [client_for(login) for login in ("admin", "chair", "lead1", "leader")]
    before = everything()
    for _endpoint, method, path in paths(app, world):
        if method == "GET":
            for client in clients:
                with client.get(path) as answer:
                    assert answer.status_code < 500, path
    assert everything() == before


def test_headers_on_every_answer(app: Flask, client_for: Callable[[str], Client]) -> None:
    client = client_for("lead1")
    for path in ("/sign-in", "/", "/nothing-here", "/bureau/cycles", "/static/app.css"):
        answer = client.get(path)
        headers = answer.headers
        answer.close()
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


# --- signing in ---


def test_a_form_without_its_token_or_from_another_site_is_refused(
    app: Flask, world: World, client_for: Callable[[str], Client]
) -> None:
    client = client_for("admin")
    assert client.raw.post("/sign-out").status_code == 403
    token = client.token()
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = client.raw.post("/sign-out", headers={"X-CSRF-Token": token, **headers})
        assert answer.status_code == 403
    assert client.get("/bureau/cycles").status_code == 200


def test_five_wrong_passwords_lock_that_address_only(app: Flask, world: World) -> None:
    client = Client(app.test_client())
    for _n in range(5):
        assert client.post("/sign-in", {"login": "lead1", "password": "wrong"}).status_code == 403
    assert "15 分钟" in client.post("/sign-in", {"login": "lead1", "password": "correct-horse-9"}).get_data(
        as_text=True
    )
    elsewhere = app.test_client()
    with elsewhere.session_transaction() as session:
        session["csrf"] = "t"
    answer = elsewhere.post(
        "/sign-in",
        data={"login": "lead1", "password": "correct-horse-9", "csrf_token": "t"},
        environ_base={"REMOTE_ADDR": "10.0.0.9"},
    )
    assert answer.status_code == 303


def test_signing_out_ends_the_session_on_the_server(app: Flask, client_for: Callable[[str], Client]) -> None:
    client = client_for("lead1")
    with client.raw.session_transaction() as session:
        kept = dict(session)
    client.post("/sign-out")
    with client.raw.session_transaction() as session:
        session.update(kept)
    assert client.get("/password").status_code == 302


def test_an_expired_session_keeps_the_form_through_the_new_sign_in(
    app: Flask, world: World, client_for: Callable[[str], Client]
) -> None:
    client = client_for("admin")
    with client.raw.session_transaction() as session:
        session["seen"] = int((datetime.now(UTC) - timedelta(hours=2)).timestamp())
    typed = {"code": "S9", "name": "己川小学", "stage": "小学"}
    answer = client.post("/bureau/schools", typed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 401
    assert "登录已过期" in page
    assert "%E5%B7%B1%E5%B7%9D" in page  # 己川, inside the sign-in form
    body = page.split('name="resume_body" value="')[1].split('"')[0].replace("&amp;", "&")
    after = client.post(
        "/sign-in",
        {
            "login": "admin",
            "password": "correct-horse-9",
            "resume_path": "/bureau/schools",
            "resume_body": body,
        },
    ).get_data(as_text=True)
    assert 'value="己川小学"' in after
    assert client.post("/bureau/schools", typed).status_code == 303


def test_an_htmx_save_in_an_expired_session_is_sent_to_sign_in(
    app: Flask, client_for: Callable[[str], Client]
) -> None:
    client = client_for("admin")
    with client.raw.session_transaction() as session:
        session["seen"] = 0
    answer = client.post("/bureau/schools", {"name": "x"}, htmx=True)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/sign-in?")


def test_a_first_password_must_be_changed_before_anything_else(
    app: Flask, world: World, client_for: Callable[[str], Client]
) -> None:
    with world.write() as session:
        user = session.get(User, world.users["lead1"])
        assert user is not None
        user.must_change = True
        session.add(user)
        session.commit()
    client = client_for("lead1")
    assert client.get("/tasks").headers["Location"] == "/password"
    short = {"current": "correct-horse-9", "new": "short", "again": "short"}
    answer = client.post("/password", short)
    assert answer.status_code == 422
    assert "至少 10 位" in answer.get_data(as_text=True)
    new = {"current": "correct-horse-9", "new": "four-green-hills", "again": "four-green-hills"}
    assert client.post("/password", new).status_code == 303
    assert client.get("/password").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\tevil",
        "javascript:alert(1)",
        "\\\\evil",
    ],
)
def test_next_never_leaves_this_site(app: Flask, target: str) -> None:
    client = Client(app.test_client())
    answer = client.post("/sign-in", {"login": "lead1", "password": "correct-horse-9", "next": target})
    assert answer.headers["Location"] == "/"


def test_the_language_switch_keeps_the_page(app: Flask, client_for: Callable[[str], Client]) -> None:
    client = client_for("lead1")
    answer = client.post("/language", {"language": "en", "next": "/password"})
    assert answer.headers["Location"] == "/password"
    assert "Change password" in client.text("/password")


def test_each_sign_in_writes_the_log(world: World, app: Flask, client_for: Callable[[str], Client]) -> None:
    client_for("lead1")
    with world.read() as session:
        actions = [entry.action for entry in session.exec(select(LogEntry))]
    assert actions.count("sign_in") == 1


def test_every_action_that_is_recorded_has_a_name(app: Flask) -> None:
    """Literal actions of the domain, found in the source, against the names of the log page."""
    from intranet.web.bureau.log import action_names

    source = "\n".join(
        p.read_text(encoding="utf-8") for p in Path("intranet/domain").glob("*.py") if p.stem != "todo"
    )  # names pages
    recorded = {
        text
        for node in ast.walk(ast.parse(source.replace("from __future__ import annotations", "")))
        if isinstance(node, ast.Constant) and isinstance(text := node.value, str)
        if re.fullmatch(r"sign_in|sign_out|[a-z_]+\.[a-z_]+", text)
        and not text.endswith((".json", ".toml", ".py", ".txt", ".xlsx"))
    }
    assert len(recorded) > 30
    assert recorded - set(action_names()) == set()


def test_a_commit_that_fails_is_never_acknowledged(
    app: Flask, world: World, client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk shows at the commit, after the view has answered: the person must not read 已保存."""
    client = client_for("admin")

    def full(_session: Session) -> None:
        raise sa.exc.OperationalError("COMMIT", {}, Exception("database or disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(Session, "commit", full)
        answer = client.post("/bureau/schools", {"code": "S9", "name": "己川小学", "stage": "小学"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 503
    assert "暂时没保存上" in page
    assert "disk is full" not in page
    with world.read() as session:
        assert session.exec(select(School).where(School.code == "S9")).first() is None
    assert client.post("/bureau/schools", {"code": "S9", "name": "己川小学"}).status_code == 303
