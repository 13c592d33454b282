"""``make demo``: every installed rubric's sample units, prepared and opened as a bureau would."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import select

from intranet import create_app
from intranet.config import Settings
from intranet.db import build_engine, read_session, upgrade
from intranet.demo import PASSWORD, build_demo
from intranet.domain.log import first_broken
from intranet.enums import CycleState, SubmissionState
from intranet.models import Cycle, Entry, Evidence
from intranet.plugins import RubricRegistry, build_plugin_manager
from tests.world import Client


def test_the_demo_is_built_once_and_everybody_printed_can_sign_in(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, allow_http=True)
    engine = build_engine(settings)
    upgrade(engine, settings)
    manager = build_plugin_manager()
    registry = RubricRegistry(manager)
    built = build_demo(engine, settings, registry)
    again = build_demo(engine, settings, registry)
    assert (built.created, again.created) == (True, False)
    assert again.accounts == built.accounts
    with read_session(engine) as session:
        cycles = {c.rubric_key: c for c in session.exec(select(Cycle))}
        assert set(cycles) == set(registry.installed)
        for key, cycle in cycles.items():
            definition = registry.installed[key].definition
            assert cycle.state == CycleState.FILING
            assert set(cycle.rulings) == {r.key for r in definition.rulings}
            assert cycle.fingerprint == definition.fingerprint(cycle.rulings)
        states = [entry.state for entry in session.exec(select(Entry))]
        assert {SubmissionState.OPEN, SubmissionState.SUBMITTED} == set(states)
        files = session.exec(select(Evidence)).all()
        assert len(files) > 100
        for file in files[:5]:
            stored = settings.evidence_folder / file.sha256[:2] / file.sha256
            assert stored.read_bytes().startswith(b"%PDF-1.4")
        assert first_broken(session) is None
    app = create_app(settings, manager)
    for account in built.accounts:
        answer = Client(app.test_client()).post("/sign-in", {"login": account.login, "password": PASSWORD})
        assert (account.login, answer.status_code) == (account.login, 303)
    app.extensions["intranet"].engine.dispose()
    engine.dispose()
