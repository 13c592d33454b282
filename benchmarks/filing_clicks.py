"""The whole filing of one sample unit, act by act as a person would do it, counted and timed.

    python -m benchmarks.filing_clicks [rubric key] [unit code]

A real server and a headless Chromium. The unit is the first of the rubric's ``sample.json``, its entry empty. The
person has the files in a folder and the rosters in a spreadsheet, starts at the sign-in page and ends at the receipt:
every click, every field that is typed, every block that is pasted and every file dialog is counted, and the time that
the machine takes after each act is measured. What the person takes is modelled by the keystroke-level model (Card,
Moran and Newell 1980), with its figures below; reading the notice is not part of that model and is stated apart.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, sync_playwright
from sqlmodel import Session, select

from intranet import create_app
from intranet.actor import SYSTEM
from intranet.config import Settings
from intranet.db import build_engine, upgrade, write_session
from intranet.demo import PASSWORD, sample_pdf
from intranet.demo.stage import Stage, Unit, open_cycle, register_unit
from intranet.domain import accounts
from intranet.domain.placing import Place, suggest
from intranet.enums import Role, SubmissionState
from intranet.models import SELF, Answer, Cycle, Entry, Evidence, EvidenceLink, FactRow, Mark, User
from intranet.plugins import Installed, RubricRegistry, build_plugin_manager
from intranet.queries.people import actor_for
from intranet.rubric import loader
from intranet.rubric.model import Rubric, Table
from intranet.rubric.numbers import as_fraction
from tests.e2e.harness import ARGUMENTS, Visitor, find_chromium, serving

from . import machine

# Seconds (Card, Moran and Newell): K a key pressed by an average typist, P pointing with the mouse, B the button
# down or up, H a hand from mouse to keyboard or back, M making up one's mind before an act.
K, P, B, H, M = 0.28, 1.1, 0.1, 0.4, 1.35
CLICK = P + 2 * B
PINYIN = 3  # keys for a Chinese character: two or three letters and a choice
READS = 400 / 60  # characters a second, reading Chinese silently with care
GOAL = 20 * 60


@dataclass
class Person:
    """Hands and eyes of somebody at a page. What is counted, and the seconds of machine and person."""

    visitor: Visitor
    clicks: int = 0
    fields: int = 0
    keys: int = 0
    pastes: int = 0
    rows: int = 0
    dialogs: int = 0
    files: int = 0
    suggested: int = 0
    """Files whose names said where they belong."""
    pages: int = 0
    read: int = 0
    machine: float = 0
    human: float = 0
    at_keys: bool = False
    slowest: list[tuple[float, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    own: list[str] = field(default_factory=list)
    """Clauses whose own score was typed; where the form had computed the same, nothing was."""

    def _took(self, began: float, what: str) -> None:
        seconds = time.perf_counter() - began
        self.machine += seconds
        self.slowest.append((seconds, what))

    def _hand(self, *, at_keys: bool) -> None:
        self.human += H if at_keys != self.at_keys else 0
        self.at_keys = at_keys

    def _click(self) -> None:
        self._hand(at_keys=False)
        self.clicks += 1
        self.human += M + CLICK

    def go_to(self, control: Locator) -> None:
        """Click what leads to a page; its notice is read the first time."""
        self._click()
        what, began = control.inner_text().strip(), time.perf_counter()
        self.visitor.follow(control)
        self.visitor.settle()
        self._took(began, what)
        self.pages += 1
        self._read()

    def _read(self) -> None:
        for text in self.visitor.page.locator(".quote").all_inner_texts():
            if text not in self.seen:
                self.seen.add(text)
                self.read += len(re.sub(r"\s", "", text))

    def save(self, control: Locator, part: str) -> None:
        """Click what saves itself."""
        self._click()
        began = time.perf_counter()
        with self.visitor.saving(part):
            control.click()
        self._took(began, part)

    def type(self, box: Locator, text: str, *, saves: str = "", clicks: bool = True) -> None:
        """A field: reached by a click or, in a row of fields, by Tab; left by Tab, which saves it."""
        if clicks:
            self.clicks += 1
            self._hand(at_keys=False)
            self.human += CLICK
        self._hand(at_keys=True)
        self.fields += 1
        keys = sum(PINYIN if ord(c) > 255 else 1 for c in text) + 1
        self.keys += keys
        self.human += M + keys * K
        began = time.perf_counter()
        box.fill(text)
        if saves:
            with self.visitor.saving(saves):
                box.press("Tab")
        self._took(began, f"field {saves}")

    def paste(self, panel: Locator, lines: Sequence[Sequence[str]], part: str) -> None:
        """To the spreadsheet and back: Alt+Tab, drag over the block, Ctrl+C, Alt+Tab, click into the panel, Ctrl+V."""
        self.pastes += 1
        self.rows += len(lines) - 1
        self.human += M + 2 * P + 2 * B + 4 * 2 * K + 4 * H
        self.clicks += 1
        self.human += CLICK
        page = self.visitor.page
        page.evaluate("text => navigator.clipboard.writeText(text)", "\n".join("\t".join(x) for x in lines))
        began = time.perf_counter()
        panel.locator("h2").click()
        with self.visitor.saving(part):
            page.keyboard.press("Control+V")
        self._took(began, "paste")

    def choose_all(self, paths: Sequence[Path]) -> None:
        """上传 in the 材料库, then in the dialog a file, Ctrl+A and Open: the whole folder."""
        page = self.visitor.page
        button = page.locator("#library form.upload label.btn:not(.camera)").first
        self._click()
        self.dialogs += 1
        self.files += len(paths)
        self.clicks += 2
        self.human += M + 2 * CLICK + 2 * K + 2 * H
        with page.expect_file_chooser() as chooser:
            button.click()
        began = time.perf_counter()
        chooser.value.set_files([str(path) for path in paths])
        page.wait_for_function(
            "n => document.querySelectorAll('#placing select').length === n && !document.querySelector('.up')",
            arg=len(paths),
            timeout=600_000,
        )
        self.visitor.settle()
        self._took(began, f"upload of {len(paths)}")

    def put_right(self, name: str, ref: str) -> None:
        """Look at where a file is to go, and choose another place if that is the wrong one."""
        select = self.visitor.page.get_by_role("combobox", name=name, exact=True)
        self.human += M
        if select.input_value() == ref:
            self.suggested += 1
            return
        self.clicks += 2
        self.human += M + 2 * CLICK  # open the list, find the place in it, click it
        select.select_option(ref)


# --- the unit and its papers ---------------------------------------------------------------------


@dataclass(frozen=True)
class Papers:
    """What the person has before: the facts as the sample has them, files by material, schools by code."""

    docs: Mapping[str, Any]
    own: Mapping[str, Any]
    files: Mapping[str, Sequence[Path]]
    schools: Mapping[str, str]


def read_sample(installed: Installed, code: str, folder: Path) -> tuple[dict[str, Any], Papers]:
    """The rubric's sample with this unit alone (the first one without a code), and its papers in ``folder``."""
    sample = json.loads((installed.folder / "sample.json").read_text(encoding="utf-8"))
    unit = next(u for u in sample["units"] if not code or u["code"] == code)
    sample["units"] = [unit]
    docs, own = unit["docs"]["school"], unit.get("self", {})
    files: dict[str, Sequence[Path]] = {}
    rubric = installed.definition.bind(None)
    (folder / "files").mkdir()
    for clause, given in docs.get("materials", {}).items():
        for n, there in enumerate(given, 1):
            if not there:
                continue
            label = re.sub(r"[/\\]", "、", rubric.by[clause].materials[n - 1])
            paths = []
            for copy in range(1 + len(files) % 3):  # one to three files for a material
                path = folder / "files" / f"{clause} {label[:20]} {copy + 1}.pdf"
                path.write_bytes(sample_pdf([label, f"示例材料 {clause} {copy + 1}"]))
                paths.append(path)
            files[f"slot:{clause}#{n}"] = paths
    schools = {s["code"]: s["name"] for s in unit["schools"]}
    return sample, Papers(docs, own, files, schools)


def open_empty(session: Session, settings: Settings, installed: Installed, sample: dict[str, Any]) -> str:
    """The unit in the register, a cycle open for it, nothing filed; the login of who files."""
    registry, now = RubricRegistry(build_plugin_manager()), datetime.now(UTC).replace(microsecond=0)
    hashed = accounts.hash_password(PASSWORD)

    def person(login: str, role: Role, *, school_id: int | None = None) -> User:
        user = accounts.create_user(
            session, SYSTEM, login, f"{login}示例", hashed_password=hashed, must_change=False
        )
        accounts.grant(session, SYSTEM, user.id or 0, role, school_id=school_id)
        return user

    admin = actor_for(session, person("admin", Role.BUREAU))
    chairs, reviewers = [person("chair", Role.CHAIR)], [person("reviewer", Role.REVIEWER)]
    stage = Stage(session, settings, registry, installed, sample, admin, chairs, reviewers)
    unit = sample["units"][0]
    lead = person("lead", Role.FILER, school_id=register_unit(stage, unit)[0].id)
    stage.units.append(Unit(unit, actor_for(session, lead)))
    open_cycle(stage, sample["cycle"], now)
    return lead.login


def block(table: Table, rows: Sequence[Mapping[str, Any]], schools: Mapping[str, str]) -> list[list[str]]:
    """The rows as they stand in a spreadsheet, with the heads."""
    columns = [c for c in table.columns if c.type != "direction"]

    def text(value: Any) -> str:
        if isinstance(value, bool):
            return "是" if value else "否"
        return "" if value is None else schools.get(str(value), str(value))

    return [
        [c.label for c in columns],
        *([text(row.get(c.key)) for c in columns] for row in rows),
    ]


# --- the filing ----------------------------------------------------------------------------------


def file_everything(person: Person, login: str, rubric: Rubric, papers: Papers) -> None:
    """From the sign-in page to the receipt, one indicator after the other by 下一项."""
    page = person.visitor.page
    person.visitor.go("/sign-in")
    person.type(page.locator("#login"), login)
    person.type(page.locator("#password"), PASSWORD, clicks=False)
    person.go_to(page.locator("form[action$='/sign-in'] button.btn-primary"))
    person.go_to(page.locator('main a[href$="/evidence"]').first)
    materials(person, papers)
    person.go_to(page.locator("main .page-head .sub a"))
    first = rubric.indicators[0].code
    person.go_to(page.locator(f'main a[href*="/indicators/{first}"]').first)
    while True:
        indicator(person, rubric, papers)
        forward = page.locator(".actionbar .btn-primary")
        is_last = forward.inner_text().strip() == "提交前检查"
        person.go_to(forward)
        if is_last:
            break
    known = page.locator("input[name=known]")
    if known.count():
        person._click()
        known.check()
    person.go_to(page.get_by_role("button", name="提交考核材料"))
    page.get_by_role("heading", name="提交回执", exact=True).wait_for()


def indicator(person: Person, rubric: Rubric, papers: Papers) -> None:
    """Top to bottom: answers, tables, own scores."""
    answers(person, papers)
    tables(person, rubric, papers)
    own_scores(person, papers)


def materials(person: Person, papers: Papers) -> None:
    """All files at once in the 材料库, each looked at, then 按建议放好."""
    person.choose_all([path for paths in papers.files.values() for path in paths])
    for place, paths in papers.files.items():
        for path in paths:
            person.put_right(path.name, place)
    person.save(person.visitor.page.get_by_role("button", name="按建议放好"), "/evidence/place")


def answers(person: Person, papers: Papers) -> None:
    page = person.visitor.page
    for key, value in papers.docs.get("fields", {}).items():
        box = page.locator(f'[name="f:{key}"]')
        if not box.count():
            continue
        if isinstance(value, bool):
            person.save(page.locator(f'input[name="f:{key}"][value={str(value).lower()}]'), "/answers")
        else:
            person.type(box, str(value), saves="/answers")


def tables(person: Person, rubric: Rubric, papers: Papers) -> None:
    """Each list that has not been filled on an earlier page: one block from the spreadsheet, or 本项没有."""
    page = person.visitor.page
    here = page.url.partition("#")[0]
    for key in page.locator('section[id^="table-"]').evaluate_all("all => all.map(e => e.id.slice(6))"):
        panel = page.locator(f"#table-{key}")
        rows = papers.docs.get("tables", {}).get(key, [])
        adding = panel.get_by_role("link", name="从表格粘贴")
        if not adding.count():
            continue
        if not rows:
            person.save(panel.get_by_role("button", name="本项没有"), f"/tables/{key}/empty")
        elif not panel.locator("tbody tr").count():
            part = f"/tables/{key}/paste"
            person.paste(panel, block(rubric.table[key], rows, papers.schools), part)
            person.save(page.get_by_role("button", name=f"添加这 {len(rows)} 行"), part)
            panel.get_by_text(f"已添加 {len(rows)} 行。").wait_for()
    if page.url.partition("#")[0] != here:
        raise RuntimeError(f"the paste ended at {page.url}, not at {here}")


def own_scores(person: Person, papers: Papers) -> None:
    """What the form did not compute, and where the unit departs from it."""
    page, typed = person.visitor.page, False
    for leaf, mark in papers.own.items():
        form = page.locator(f'form[action$="/self/{leaf}"]')
        if not form.count():
            continue
        points = form.locator("input[name=points]")
        if points.count() and not _is(points.input_value(), mark["points"]):
            reason = form.locator("input[name=reason]")
            needs = mark.get("reason", "") if reason.count() else ""
            person.type(points, mark["points"], saves="" if needs else f"/self/{leaf}", clicks=not typed)
            if needs:
                person.type(reason, needs, saves=f"/self/{leaf}", clicks=False)
            person.own.append(leaf)
            typed = True


def _is(shown: str, points: str) -> bool:
    return bool(shown) and as_fraction(shown) == as_fraction(points)


def by_words(rubric: Rubric, papers: Papers) -> tuple[int, int, int]:
    """How it would be if the files were called by their labels alone: materials named, suggested rightly, wrongly."""
    places = [
        Place(f"slot:{clause.code}#{n}", clause.code, clause.code, clause.no, label, n, clause.title, True)
        for clause in rubric.by.values()
        for n, label in enumerate(clause.materials, 1)
    ]
    labels = {p.ref: p.label for p in places if p.ref in papers.files}
    guesses = dict(zip(labels, suggest([f"{label}.pdf" for label in labels.values()], places), strict=True))
    right = sum(guess == ref for ref, guess in guesses.items())
    return len(labels), right, sum(guess not in {ref, None} for ref, guess in guesses.items())


# --- the report ----------------------------------------------------------------------------------


def minutes(seconds: float) -> str:
    return f"{int(seconds // 60)} min {round(seconds % 60):02d} s"


def report(person: Person, unit: str, indicators: int, words: tuple[int, int, int]) -> None:
    total = person.human + person.machine
    reading = person.read / READS
    print(f"{unit}: {indicators} indicators, from the sign-in page to the receipt")
    print(f"  clicks          {person.clicks:5}   of them in file dialogs {2 * person.dialogs}")
    print(f"  pages opened    {person.pages:5}")
    print(f"  fields typed    {person.fields:5}   keys {person.keys}")
    print(f"  blocks pasted   {person.pastes:5}   rows {person.rows}")
    print(
        f"  file dialogs    {person.dialogs:5}   files {person.files}, suggested rightly {person.suggested}"
    )
    print("  labels alone    {:5}   suggested rightly {}, wrongly {}".format(*words))
    print(f"  machine, measured   {minutes(person.machine)}")
    print(f"  person, modelled    {minutes(person.human)}")
    print(f"  together            {minutes(total)}   (goal under {minutes(GOAL)})")
    print(
        f"  reading the notice  {minutes(reading)}   {person.read} characters, once, at {READS * 60:.0f} a minute"
    )
    slow = sorted(person.slowest, reverse=True)[:5]
    print("  longest waits       " + ", ".join(f"{what} {seconds:.2f} s" for seconds, what in slow))


def main(key: str = "", code: str = "") -> int:
    print(machine.describe())
    registry = RubricRegistry(build_plugin_manager())
    key = key or next(k for k, i in registry.installed.items() if (i.folder / "sample.json").is_file())
    with tempfile.TemporaryDirectory() as kept, sync_playwright() as playwright:
        folder = Path(kept)
        sample, papers = read_sample(registry.installed[key], code, folder)
        settings = Settings(data=folder / "data", bureau_name="示例区教育局", allow_http=True)
        settings.data.mkdir()
        engine = build_engine(settings)
        upgrade(engine, settings)
        with write_session(engine) as session:
            login = open_empty(session, settings, registry.installed[key], sample)
            session.commit()
        with Session(engine) as session:
            entry = session.exec(select(Entry)).one()
            assert entry.saved_at is None
            assert session.exec(select(FactRow)).first() is None
            rubric = _bound(session, entry)
            unit = entry.name
        app = create_app(settings, build_plugin_manager())
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        with serving(app) as server:
            visitor = Visitor(browser, server)
            visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
            person = Person(visitor)
            file_everything(person, login, rubric, papers)
        browser.close()
        app.extensions["intranet"].engine.dispose()
        with Session(engine) as session:
            entry = session.exec(select(Entry)).one()
            assert entry.state == SubmissionState.SUBMITTED, entry.state
            rows, files = session.exec(select(FactRow)).all(), session.exec(select(Evidence)).all()
            assert (len(rows), len(files)) == (person.rows, person.files), (len(rows), len(files))
            names = {e.id: e.name for e in files}
            placed = {(names[link.evidence_id], link.ref) for link in session.exec(select(EvidenceLink))}
            assert placed == {(path.name, ref) for ref, paths in papers.files.items() for path in paths}
            filed = {a.key: a.value for a in session.exec(select(Answer)) if a.owner == "school"}
            wanted = papers.docs.get("fields", {})
            assert {k: filed.get(k) for k in wanted} == wanted, filed
            own = {m.code: m.points for m in session.exec(select(Mark)) if m.role == SELF}
            said = {c: as_fraction(m["points"]) for c, m in papers.own.items()}
            assert own.items() <= said.items(), own
            assert own.keys() <= set(person.own), person.own  # one that equals the computed score is not kept
        engine.dispose()
        if person.visitor.complaints:
            print("\n".join(person.visitor.complaints), file=sys.stderr)
            return 1
    report(person, unit, len(rubric.indicators), by_words(rubric, papers))
    return 0 if person.human + person.machine < GOAL else 1


def _bound(session: Session, entry: Entry) -> Rubric:
    """The rubric as the opened cycle has it."""
    cycle = session.get(Cycle, entry.cycle_id)
    assert cycle is not None
    return loader.load(cycle.definition).bind(cycle.rulings)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
