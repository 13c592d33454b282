"""Every page at a desk and on a phone: nothing runs over the edge, no button cuts its words, no complaint.

The pages are those of the demonstration (both rubrics, the first cycle in filing, the second in
review, a third in preparation) and, for results, of the small world of the tests. With INTRANET_SHOTS
set, each page is photographed there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from intranet import create_app
from intranet.config import Settings
from intranet.db import build_engine, read_session, upgrade, write_session
from intranet.demo import PASSWORD as DEMO_PASSWORD
from intranet.demo import build_demo
from intranet.domain import cycles, freeze
from intranet.domain.scoring import score_entries, scoring_for
from intranet.enums import CycleState, Role, SubmissionState
from intranet.models import Answer, Cycle, Entry, FactRow, Grant, Mark, Unit, User
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.cycles import entries_of
from intranet.queries.filing import pages
from intranet.queries.people import actor_for
from tests.e2e.harness import DESKTOP, PHONE, Server, Visit, Visitor, serving
from tests.integration import panel_ground
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])

OVER_THE_EDGE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.body.querySelectorAll('*')]
    .filter(e => e.getBoundingClientRect().right > width + 1 && !e.closest('.scroll-x, .grid-wrap, .rail'))
    .slice(0, 5)
    .map(e => `${e.tagName.toLowerCase()}.${e.className} ends at ${Math.round(e.getBoundingClientRect().right)}`)
    .concat(`page ${document.documentElement.scrollWidth} of ${width}`);
}"""

CUT_WORDS = """() => [...document.querySelectorAll('button, .btn, summary.btn, a.as-link, .seg a, .tabs a')]
  .filter(e => e.offsetParent && !e.classList.contains('visually-hidden'))
  .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline'
            || e.scrollHeight > e.clientHeight + 2 && getComputedStyle(e).display !== 'inline')
  .map(e => `${e.innerText.trim()} (${e.scrollWidth}x${e.scrollHeight} in ${e.clientWidth}x${e.clientHeight})`)"""


def look(visitor: Visitor, path: str) -> list[str]:
    """What is wrong with the looks of one page."""
    visitor.go(path)
    shots = os.environ.get("INTRANET_SHOTS")
    if shots:
        name = re.sub(r"\W+", "-", path).strip("-") or "front"
        visitor.shoot(Path(shots) / "looks" / f"{visitor.size['width']}-{name}.png")
    found = [f"over the edge: {text}" for text in visitor.page.evaluate(OVER_THE_EDGE)]
    found += [f"words cut off: {text}" for text in visitor.page.evaluate(CUT_WORDS)]
    return [f"{path}: {text}" for text in found]


def look_around(visitor: Visitor, paths: list[str]) -> None:
    wrong = [text for path in paths for text in look(visitor, path)]
    assert wrong == []


# --- the demonstration ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Demo:
    """Its server and ids: cycles in filing, in review, in preparation; the first entry of the first two."""

    server: Server
    filing: int
    review: int
    draft: int
    entry: int
    submitted: int
    unit: int
    rubrics: tuple[str, ...]
    indicators: dict[int, list[tuple[str, list[str]]]]
    """By entry: code of each page and its tables."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    settings = Settings(
        data=tmp_path_factory.mktemp("demo"), bureau_name="示例区教育局", help_line="普教科 0000", allow_http=True
    )
    engine = build_engine(settings)
    upgrade(engine, settings)
    manager = build_plugin_manager()
    registry = RubricRegistry(manager)
    build_demo(engine, settings, registry)
    with write_session(engine) as session:
        filing, review = session.exec(select(Cycle).order_by(col(Cycle.id))).all()[:2]
        review.state = CycleState.REVIEW
        session.add(review)
        draft = cycles.create_cycle(
            session, _bureau(session), registry, title="2031学年考核（筹备）", rubric=filing.rubric_key
        )
        session.commit()
        entry = entries_of(session, filing.id or 0)[0].id or 0
        submitted = next(
            e.id or 0 for e in entries_of(session, review.id or 0) if e.state == SubmissionState.SUBMITTED
        )
        indicators = {
            of: [(p.code, list(p.tables)) for p in pages(scoring_for(cycle, registry).rubric)]
            for of, cycle in ((entry, filing), (submitted, review))
        }
        unit = session.exec(select(Unit)).first()
        assert unit is not None
        ids = (filing.id or 0, review.id or 0, draft.id or 0, entry, submitted, unit.id or 0)
    app = create_app(settings, manager)
    with serving(app) as server:
        yield Demo(server, *ids, tuple(registry.installed), indicators)
    app.extensions["intranet"].engine.dispose()
    engine.dispose()


def _bureau(session: Session):  # type: ignore[no-untyped-def]
    query = select(User).join(Grant, col(Grant.user_id) == col(User.id)).where(Grant.role == Role.BUREAU)
    return actor_for(session, session.exec(query).one())


def person(visit: Visit, demo: Demo, login: str, size: dict[str, int]) -> Visitor:
    visitor = visit(demo.server, size=dict(size))
    visitor.sign_in(login, DEMO_PASSWORD)
    return visitor


@SIZES
def test_the_gate(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    look_around(visit(demo.server, size=dict(size)), ["/sign-in", "/sign-in?expired=1&next=/tasks"])


@SIZES
def test_the_bureau_pages(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    clerk = person(visit, demo, "admin", size)
    cycle, draft = f"/bureau/cycles/{demo.filing}", f"/bureau/cycles/{demo.draft}"
    paths = ["/password", "/bureau/cycles", "/bureau/cycles/new"]
    paths += [f"{draft}/{step}" for step in ("basics", "rulings", "dates", "units", "panel", "open")]
    paths += [f"{cycle}/{tab}" for tab in ("progress", "data", "freeze", "ranking", "phase", "rulings")]
    paths += [f"{cycle}/{tab}" for tab in ("dates", "units", "panel", f"progress/{demo.entry}")]
    paths += [f"/bureau/cycles/{demo.review}/{tab}" for tab in ("progress", "data", "freeze", "phase")]
    paths += ["/bureau/units", "/bureau/units/new", f"/bureau/units/{demo.unit}", "/bureau/schools"]
    paths += ["/bureau/units/import", "/bureau/people", "/bureau/people/import", "/bureau/rubrics"]
    paths += [f"/bureau/rubrics/{key}" for key in demo.rubrics]
    paths += ["/bureau/log", "/bureau/log/check"]
    look_around(clerk, paths)


@SIZES
@pytest.mark.parametrize("which", ["entry", "submitted"])
def test_the_school_pages(demo: Demo, visit: Visit, size: dict[str, int], which: str) -> None:
    entry = getattr(demo, which)
    lead = person(visit, demo, _lead_of(demo, entry), size)
    there = f"/entries/{entry}"
    paths = ["/tasks", there, f"{there}/check", f"{there}/evidence", f"{there}/workbook"]
    paths += [f"{there}/forms/{key}" for key in _forms(demo, entry)]
    if which == "submitted":
        paths.append(f"{there}/receipt")
    with_table = 0
    for code, tables in demo.indicators[entry]:
        paths.append(f"{there}/indicators/{code}")
        if tables and with_table < 2:
            with_table += 1
            paths.append(f"{there}/indicators/{code}?table={tables[0]}&row=new")
            paths.append(f"{there}/indicators/{code}/tables/{tables[0]}/paste")
    look_around(lead, paths)


def _engine(demo: Demo):  # type: ignore[no-untyped-def]
    return demo.server.app.extensions["intranet"].engine


def _lead_of(demo: Demo, entry: int) -> str:
    with read_session(_engine(demo)) as session:
        found = session.get(Entry, entry)
        assert found is not None
        return f"lead-{found.code.lower()}"


def _forms(demo: Demo, entry: int) -> list[str]:
    with read_session(_engine(demo)) as session:
        found = session.get(Entry, entry)
        assert found is not None
        cycle = session.get(Cycle, found.cycle_id)
        assert cycle is not None
        rubric = scoring_for(cycle, demo.server.app.extensions["intranet"].registry).rubric
        return [form.key for form in rubric.forms]


@SIZES
def test_the_member_school_pages(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    member = person(visit, demo, _lead_of(demo, demo.entry).replace("lead", "member"), size)
    there = f"/entries/{demo.entry}"
    codes = [code for code, _tables in demo.indicators[demo.entry]][:5]
    look_around(member, [there, *(f"{there}/indicators/{code}" for code in codes), f"{there}/evidence"])


@SIZES
def test_the_panel_pages(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    chair = person(visit, demo, "chair", size)
    cycle, entry = f"/panel/cycles/{demo.review}", f"/panel/entries/{demo.submitted}"
    paths = ["/panel", cycle, f"{cycle}?by=unit", f"{cycle}/sheet", f"{cycle}/board"]
    for n, (code, _tables) in enumerate(demo.indicators[demo.submitted]):
        paths.append(f"{entry}/indicators/{code}")
        if n % 4 == 0:
            paths.append(f"{entry}/indicators/{code}/settle")
    look_around(chair, paths)


# --- results -------------------------------------------------------------------------------------


@pytest.fixture
def published(world: World, app: Flask) -> Iterator[Server]:
    """Both units submitted, scored, frozen and published; the leader and the auditor look at it."""
    panel_ground.submit(world, state=CycleState.DELIBERATION)
    with world.write() as session:
        for entry_id in world.entries.values():
            for code, role, points, verdict in (("A1.2", "panel", 2, None), ("C1.1", "visit", 6, "良")):
                session.add(
                    Mark(
                        entry_id=entry_id,
                        code=code,
                        role=role,
                        user_id=world.users["rev1"],
                        made_by=world.users["rev1"],
                        points=panel_ground.Fraction(points),
                        verdict=verdict,
                    )
                )
        session.commit()
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        scoring = scoring_for(cycle, app.extensions["intranet"].registry)
        sheets = score_entries(session, cycle, scoring, entries_of(session, world.cycle_id), check=True)
        warnings = [c.text for c in freeze.rehearse(cycle, scoring, sheets).warnings]
        actor, at = world.actor("admin"), panel_ground.datetime.now(panel_ground.UTC)
        freeze.freeze(session, actor, cycle, scoring, sheets, accepted=warnings, reason="", at=at)
        cycle.state = CycleState.PUBLISHED
        session.add(cycle)
        session.commit()
    with serving(app) as server:
        yield server


@SIZES
def test_the_result_pages(world: World, published: Server, visit: Visit, size: dict[str, int]) -> None:
    cycle, entry = world.cycle_id, world.entries["g01"]
    rounds = {
        "admin": [
            f"/bureau/cycles/{cycle}/{tab}"
            for tab in ("ranking", f"ranking/{entry}", "ranking/check", "freeze", "phase")
        ],
        "leader": [
            "/leader",
            f"/leader/cycles/{cycle}",
            f"/leader/cycles/{cycle}/ranking",
            f"/leader/cycles/{cycle}/ranking/{entry}",
        ],
        "auditor": ["/leader", "/bureau/log", f"/bureau/cycles/{cycle}/ranking/check"],
        "lead1": ["/tasks", f"/entries/{entry}", f"/entries/{entry}/result", f"/entries/{entry}/forms/report"],
    }
    for login, paths in rounds.items():
        visitor = visit(published, size=dict(size))
        visitor.sign_in(login, PASSWORD)
        look_around(visitor, paths)
