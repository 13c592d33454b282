"""``make demo``: every installed rubric's sample units, prepared and opened as a bureau would."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import Session, col, select

from intranet import create_app
from intranet.db import build_engine, read_session
from intranet.demo import PASSWORD, build_demo
from intranet.domain.log import first_broken
from intranet.domain.recheck import recheck
from intranet.domain.scoring import scoring_for
from intranet.enums import CycleState, SubmissionState
from intranet.models import Cycle, Entry, Evidence, Result, UnitResult
from intranet.plugins import RubricRegistry, build_plugin_manager
from tests.world import Client, DemoFolder


def test_the_demo_is_built_once_and_everybody_printed_can_sign_in(
    tmp_path: Path, prepared_demo: DemoFolder
) -> None:
    settings, built = prepared_demo.copy_to(tmp_path), prepared_demo.built
    engine, manager = build_engine(settings), build_plugin_manager()
    registry = RubricRegistry(manager)
    again = build_demo(engine, settings, registry)
    assert (built.created, again.created) == (True, False)
    assert again.accounts == built.accounts
    with read_session(engine) as session:
        cycles = session.exec(select(Cycle).order_by(col(Cycle.id))).all()
        for key, installed in registry.installed.items():
            oldest, past, filing, practice = (c for c in cycles if c.rubric_key == key)
            states = (oldest.state, past.state, filing.state, practice.state)
            assert states == (CycleState.FINAL, CycleState.FINAL, CycleState.FILING, CycleState.REVIEW)
            assert [c.practice for c in (oldest, past, filing, practice)] == [False, False, False, True]
            for cycle in (oldest, past, filing, practice):
                assert set(cycle.rulings) == {r.key for r in installed.definition.rulings}
                assert cycle.fingerprint == installed.definition.fingerprint(cycle.rulings)
            _scored_and_proven(session, oldest, registry)
            _scored_and_proven(session, past, registry)
            _remembers(session, past, oldest)
            _remembers(session, filing, past)
            entries = session.exec(select(Entry).where(Entry.cycle_id == filing.id)).all()
            assert {e.state for e in entries} == {SubmissionState.OPEN, SubmissionState.SUBMITTED}
        files = session.exec(select(Evidence)).all()
        assert len(files) > 100
        for file in files[:5]:
            stored = settings.evidence_folder / file.sha256[:2] / file.sha256
            assert stored.read_bytes().startswith(b"%PDF-1.")
        assert first_broken(session) is None
    app = create_app(settings, manager)
    for account in built.accounts:
        answer = Client(app.test_client()).post("/sign-in", {"login": account.login, "password": PASSWORD})
        assert (account.login, answer.status_code) == (account.login, 303)
    app.extensions["intranet"].engine.dispose()
    engine.dispose()


def _scored_and_proven(session: Session, cycle: Cycle, registry: RubricRegistry) -> None:
    """Last year's result has different totals, and comes out the same when it is computed again."""
    held = session.exec(select(Result).where(Result.cycle_id == cycle.id)).one()
    totals = session.exec(select(UnitResult.total).where(UnitResult.result_id == held.id)).all()
    assert len(set(totals)) > 2
    assert None not in totals
    again = recheck(session, cycle, scoring_for(cycle, registry), held)
    assert (again.possible, again.differences) == (True, ())


def _remembers(session: Session, cycle: Cycle, before: Cycle) -> None:
    """This year's entries know last year's rank and total."""
    query = select(UnitResult).join(Result).where(Result.cycle_id == before.id)
    held = {row.document["unit"]: (row.rank, row.document["total"]) for row in session.exec(query)}
    entries = session.exec(select(Entry).where(Entry.cycle_id == cycle.id)).all()
    assert {e.code: (e.prior["rank"], e.prior["total"]) for e in entries} == held
