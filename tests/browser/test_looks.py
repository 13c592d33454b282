"""Every page at a desk and on a phone: nothing runs over the edge, no button cuts its words, no complaint.

The pages are those of the demonstration (both rubrics, the first cycle in filing, the second in
review, a third in preparation) and, for results, of the small world of the tests. With INTRANET_SHOTS
set, each page is photographed there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from intranet import create_app
from intranet.actor import Actor
from intranet.db import build_engine, write_session
from intranet.demo import PASSWORD as DEMO_PASSWORD
from intranet.domain import cycles, freeze
from intranet.domain.scoring import score_entries, scoring_for
from intranet.enums import CycleState, Role, SubmissionState
from intranet.models import Appeal, AppealReview, Cycle, Entry, Grant, Mark, Publication, Result, Unit, User
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.cycles import entries_of
from intranet.queries.filed import files_of
from intranet.queries.filing import pages
from intranet.queries.people import actor_for
from tests.e2e.harness import DESKTOP, PHONE, Server, Visit, Visitor, serving
from tests.integration import panel_ground
from tests.world import PASSWORD, DemoFolder, World

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
class Filed:
    """One unit of the demonstration: its entry, who fills it in, its pages with their tables, its forms."""

    entry: int
    lead: str
    tables: dict[str, tuple[str, ...]]
    forms: tuple[str, ...]
    files: tuple[int, ...]

    def school_paths(self) -> list[str]:
        there = f"/entries/{self.entry}"
        paths = ["/tasks", there, f"{there}/check", f"{there}/evidence", f"{there}/workbook"]
        paths += [f"{there}/sharing", f"{there}/confirmations", f"{there}/packet"]
        paths += [f"{there}/volume", f"{there}/chances", f"{there}/inquiries"]
        paths += [f"{there}/forms/{key}" for key in self.forms]
        paths += [f"{there}/evidence/{file}" for file in self.files[:1]]
        paths += [f"{there}/indicators/{code}" for code in self.tables]
        for code, tables in [(c, t) for c, t in self.tables.items() if t][:2]:
            paths.append(f"{there}/indicators/{code}?table={tables[0]}&row=new")
            paths.append(f"{there}/indicators/{code}/tables/{tables[0]}/paste")
        return paths


@dataclass(frozen=True)
class Demo:
    """The demonstration served: cycles in filing, in review, in preparation, a unit of the first two."""

    server: Server
    filing: int
    review: int
    draft: int
    unit: int
    rubrics: tuple[str, ...]
    open: Filed
    submitted: Filed

    def bureau_paths(self) -> list[str]:
        cycle, draft = f"/bureau/cycles/{self.filing}", f"/bureau/cycles/{self.draft}"
        paths = ["/password", "/bureau/cycles", "/bureau/cycles/new"]
        paths += [f"{draft}/{step}" for step in ("basics", "rulings", "dates", "units", "panel", "open")]
        paths += [f"{cycle}/{tab}" for tab in ("progress", "data", "freeze", "ranking", "phase", "rulings")]
        paths += [f"{cycle}/{tab}" for tab in ("radar", "reminders", "reminders/letters", "packets", "carry")]
        paths += [f"{cycle}/{tab}" for tab in ("dates", "units", "panel", f"progress/{self.open.entry}")]
        paths += [f"/bureau/cycles/{self.review}/{tab}" for tab in ("progress", "data", "freeze", "phase")]
        paths += [f"/bureau/cycles/{self.review}/{tab}" for tab in ("panel", "recusals", "assignment")]
        paths += ["/bureau/units", "/bureau/units/new", f"/bureau/units/{self.unit}", "/bureau/schools"]
        paths += ["/bureau/units/import", "/bureau/people", "/bureau/people/import", "/bureau/rubrics"]
        paths += [f"/bureau/rubrics/{key}" for key in self.rubrics]
        return [*paths, "/bureau/log", "/bureau/log/check"]

    def member_paths(self) -> list[str]:
        there = f"/entries/{self.open.entry}"
        handed = next(iter(self.open.tables))  # intranet.demo hands out the first indicator
        return [there, *(f"{there}/{rest}" for rest in (f"indicators/{handed}", "evidence", "confirmations"))]

    def panel_paths(self) -> list[str]:
        cycle, entry = f"/panel/cycles/{self.review}", f"/panel/entries/{self.submitted.entry}"
        paths = ["/panel", cycle, f"{cycle}?by=unit", f"{cycle}/sheet", f"{cycle}/board", f"{cycle}/radar"]
        paths += [f"{cycle}/{page}" for page in ("grid", "phrases", "scoring-sheet", "sheet?blank=1")]
        paths.append(f"{cycle}/declare")
        for n, code in enumerate(self.submitted.tables):
            paths.append(f"{entry}/indicators/{code}")
            if n % 4 == 0:
                paths.append(f"{entry}/indicators/{code}/settle")
        return paths


GATE = ["/sign-in", "/sign-in?expired=1&next=/tasks"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, prepared_demo: DemoFolder) -> Iterator[Demo]:
    settings = prepared_demo.copy_to(tmp_path_factory.mktemp("demo"))
    engine, manager = build_engine(settings), build_plugin_manager()
    registry = RubricRegistry(manager)
    with write_session(engine) as session:
        filing, review = _filing_cycles(session)[:2]
        review.state = CycleState.REVIEW
        session.add(review)
        title = "2031学年考核（筹备）"
        draft = cycles.create_cycle(
            session, _bureau(session), registry, title=title, rubric=filing.rubric_key
        )
        session.commit()
        unit = session.exec(select(Unit)).first()
        assert unit is not None
        ids = (filing.id or 0, review.id or 0, draft.id or 0, unit.id or 0)
        first = entries_of(session, ids[0])[0]
        handed_in = next(e for e in entries_of(session, ids[1]) if e.state == SubmissionState.SUBMITTED)
        filed = (_filed(session, filing, first, registry), _filed(session, review, handed_in, registry))
    engine.dispose()
    app = create_app(settings, manager)
    with serving(app) as server:
        yield Demo(server, *ids, tuple(registry.installed), *filed)
    app.extensions["intranet"].engine.dispose()


def _filing_cycles(session: Session) -> Sequence[Cycle]:
    """This year's cycles, one for each rubric."""
    query = select(Cycle).where(Cycle.state == CycleState.FILING).order_by(col(Cycle.id))
    return session.exec(query).all()


def _bureau(session: Session) -> Actor:
    query = select(User).join(Grant, col(Grant.user_id) == col(User.id)).where(Grant.role == Role.BUREAU)
    return actor_for(session, session.exec(query).one())


def _filed(session: Session, cycle: Cycle, entry: Entry, registry: RubricRegistry) -> Filed:
    rubric = scoring_for(cycle, registry).rubric
    tables = {page.code: tuple(page.tables) for page in pages(rubric)}
    forms = tuple(f.key for f in rubric.forms)
    files = tuple(e.id or 0 for e in files_of(session, entry.id or 0))
    return Filed(entry.id or 0, f"lead-{entry.code.lower()}", tables, forms, files)


@SIZES
def test_the_gate(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    look_around(visit(demo.server, size=size), GATE)


def signed_in(visit: Visit, demo: Demo, login: str, size: dict[str, int]) -> Visitor:
    visitor = visit(demo.server, size=size)
    visitor.sign_in(login, DEMO_PASSWORD)
    return visitor


@SIZES
def test_the_bureau_pages(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    look_around(signed_in(visit, demo, "admin", size), demo.bureau_paths())


@SIZES
def test_the_school_pages(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    look_around(signed_in(visit, demo, demo.open.lead, size), demo.open.school_paths())


@SIZES
def test_the_school_pages_after_submission(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    paths = [*demo.submitted.school_paths(), f"/entries/{demo.submitted.entry}/receipt"]
    look_around(signed_in(visit, demo, demo.submitted.lead, size), paths)


@SIZES
def test_the_member_school_pages(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    member = signed_in(visit, demo, demo.open.lead.replace("lead", "member"), size)
    look_around(member, demo.member_paths())


@SIZES
def test_the_panel_pages(demo: Demo, visit: Visit, size: dict[str, int]) -> None:
    look_around(signed_in(visit, demo, "chair", size), demo.panel_paths())


# --- results -------------------------------------------------------------------------------------


def result_paths(world: World) -> dict[str, list[str]]:
    """By who looks at them."""
    cycle, entry = world.cycle_id, world.entries["g01"]
    bureau, leader, school = f"/bureau/cycles/{cycle}", f"/leader/cycles/{cycle}", f"/entries/{entry}"
    tabs = ("ranking", f"ranking/{entry}", "ranking/check", "freeze", "phase", "appeals", "appeals/1")
    tabs += ("appeals/apply", "archive", "signoff", "burden", "whatif", f"whatif?without={entry}")
    tabs += ("publication", "letters")
    return {
        "admin": [*(f"{bureau}/{tab}" for tab in tabs), "/bureau/calendar?year=2026"],
        "leader": ["/leader", leader, f"{leader}/charts", f"{leader}/ranking", f"{leader}/ranking/{entry}"],
        "auditor": ["/leader", "/bureau/log", f"{bureau}/ranking/check", f"{bureau}/signoff"],
        "lead1": [
            *("/tasks", school, f"{school}/result", f"{school}/forms/report"),
            *(f"{school}/appeals/new?code=A1.2", f"{school}/appeals/1"),
            *("/published", "/published/1", f"{school}/letter"),
        ],
        "chair": ["/panel", "/panel/appeals", "/panel/appeals/1"],
    }


def _appeal(session: Session, world: World, held: Result) -> None:
    """g01 disputes what the reviewer gave; the chair was asked to look at it."""
    session.add(
        Appeal(
            id=1,
            entry_id=world.entries["g01"],
            result_id=held.id or 0,
            code="A1.2",
            line="考核组评定 2",
            wanted="3 分",
            reason="章程去年已修订，见证明第 3 页。",
            old_points=Fraction(2),
            filed_by=world.users["lead1"],
        )
    )
    session.flush()
    chair, admin = world.users["chair"], world.users["admin"]
    session.add(AppealReview(appeal_id=1, user_id=chair, assigned_by=admin))


def _notice(session: Session, world: World, held: Result) -> None:
    """What was published of it, five days from today."""
    start = datetime.now(UTC).date()
    session.add(
        Publication(
            id=1,
            cycle_id=world.cycle_id,
            result_id=held.id or 0,
            columns=["rank", "unit", "part.base", "total", "grade"],
            starts_on=start - timedelta(1),
            working_days=5,
            ends_on=start + timedelta(5),
            title="示例区教育局关于示例年度考核结果的公示",
            recipients="各教育集团、各学校",
            body="根据示例办法开展了考核，现予公示。\n一、考核结果\n【结果表】\n二、意见反馈\n请在公示期内提出。",
            contact="普教科 0000",
            signed_on=start,
            published_by=world.users["admin"],
        )
    )


@pytest.fixture
def published(world: World, app: Flask) -> Iterator[Server]:
    """Both units of the small world submitted, scored, frozen and published."""
    panel_ground.submit(world, state=CycleState.DELIBERATION)
    reviewer = world.users["rev1"]
    with world.write() as session:
        for entry_id in world.entries.values():
            for code, role, points, verdict in (("A1.2", "panel", 2, None), ("C1.1", "visit", 6, "良")):
                mark = Mark(entry_id=entry_id, code=code, role=role, user_id=reviewer, made_by=reviewer)
                mark.points, mark.verdict = Fraction(points), verdict
                session.add(mark)
        session.flush()
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        scoring = scoring_for(cycle, app.extensions["intranet"].registry)
        sheets = score_entries(session, cycle, scoring, entries_of(session, world.cycle_id), check=True)
        seen = [check.text for check in freeze.rehearse(session, cycle, scoring, sheets).warnings]
        actor, at = world.actor("admin"), datetime.now(UTC)
        held = freeze.freeze(session, actor, cycle, scoring, sheets, accepted=seen, reason="", at=at)
        _appeal(session, world, held)
        _notice(session, world, held)
        cycle.state = CycleState.PUBLISHED
        session.add(cycle)
        session.commit()
    with serving(app) as server:
        yield server


@SIZES
def test_the_result_pages(world: World, published: Server, visit: Visit, size: dict[str, int]) -> None:
    for login, paths in result_paths(world).items():
        visitor = visit(published, size=size)
        visitor.sign_in(login, PASSWORD)
        look_around(visitor, paths)


# --- all of them ---------------------------------------------------------------------------------

NO_PAGES = {
    "static",
    "panel.showings",  # with a session, at these sizes and on a projector: test_showing
    "panel.showing_new",
    "panel.showing",
    "panel.showing_run",
    "panel.showing_run_live",
    "panel.showing_score",
    "panel.showing_score_live",
    "panel.showing_sheet",
    "bureau.cycle_showing",
    "home.index",
    "bureau.cycle",
    "files.download",
    "files.preview",
    "files.version",
    "files.content",
    "school.materials",
    "school.row_files",
    "school.carry",  # with an earlier cycle only: test_carry_over
    "school.dispute",  # where another school named this one: test_delegation
    "school.changes",  # after a second submission: test_filing_receipt
    "school.scan",
    "school.volume_pdf",
    "bureau.publication_docx",
    "bureau.letters_docx",
    "bureau.letters_zip",
    "published.letter_docx",
    "school.originals",
    "bureau.reminder_mail",  # with a mail server only: test_reminders
    "school.appeal_file",
    "bureau.archive_file",
    "bureau.cycle_copied",  # of a copied cycle only: test_practice_copy
}
"""Files, and addresses that only lead on."""


def test_every_page_is_looked_at(demo: Demo, world: World) -> None:
    app = demo.server.app
    every = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    paths = [*GATE, *demo.bureau_paths(), *demo.open.school_paths(), *demo.submitted.school_paths()]
    paths += [*demo.member_paths(), *demo.panel_paths(), f"/entries/{demo.submitted.entry}/receipt"]
    paths += [path for of in result_paths(world).values() for path in of]
    match = app.url_map.bind("127.0.0.1").match
    seen = {match(path.partition("?")[0], method="GET")[0] for path in paths}
    downloads = {e for e in every if any(r.rule.endswith(".xlsx") for r in app.url_map.iter_rules(e))}
    assert every - seen - downloads - NO_PAGES == set()
