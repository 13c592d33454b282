"""The sample units of both rubrics with 60 files each: what the bound volume says on its pages is what the
official form says."""

from __future__ import annotations

import io
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import openpyxl
import pytest
from flask import Flask
from PIL import Image
from sqlmodel import Session, col, select

from intranet import create_app, jobs
from intranet.config import Settings
from intranet.demo import PASSWORD
from intranet.domain.scoring import scoring_for
from intranet.enums import CycleState, SubmissionState
from intranet.models import Cycle, Entry, Evidence, EvidenceLink, Volume
from intranet.plugins import build_plugin_manager
from intranet.queries.filing import pages
from intranet.rubric.model import Rubric
from tests.unit.volume.ground import needs_poppler, pdf_of, texts
from tests.world import Client, DemoFolder

FILES = 60
STAMP = re.compile(r"([\d、]+)号材料第(\d+)页")


@dataclass
class Site:
    app: Flask
    settings: Settings
    logins: dict[str, str]

    def session(self) -> Session:
        return Session(self.app.extensions["intranet"].engine)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, prepared_demo: DemoFolder) -> Iterator[Site]:
    settings = prepared_demo.copy_to(tmp_path_factory.mktemp("demo"))
    app = create_app(settings, build_plugin_manager())
    yield Site(app, settings, {a.what: a.login for a in prepared_demo.built.accounts})
    app.extensions["intranet"].engine.dispose()


def enter(site: Site, rubric: str) -> tuple[Client, Entry, Rubric]:
    """The lead of the first open unit of a rubric whose people can sign in."""
    with site.session() as session:
        cycle = session.exec(
            select(Cycle).where(Cycle.rubric_key == rubric, Cycle.state == CycleState.FILING)
        ).one()
        definition = scoring_for(cycle, site.app.extensions["intranet"].registry).rubric
        entries = session.exec(
            select(Entry)
            .where(Entry.cycle_id == cycle.id, Entry.state == SubmissionState.OPEN)
            .order_by(col(Entry.code))
        ).all()
        entry, login = next(
            (e, login) for e in entries for what, login in site.logins.items() if what.startswith(e.name)
        )
    client = Client(site.app.test_client())
    assert client.post("/sign-in", {"login": login, "password": PASSWORD}).status_code == 303
    return client, entry, definition


def content(n: int) -> tuple[str, bytes]:
    """PDF of one to five pages, some on their side; photographs; texts. No two alike."""
    if n % 6 == 0:
        out = io.BytesIO()
        Image.new("RGB", (300 + n, 200), (n, 90, 200)).save(out, "JPEG")
        return f"活动照片{n}.jpg", out.getvalue()
    if n % 7 == 0:
        return f"会议记录{n}.txt", f"第 {n} 次会议".encode("gb18030")
    return f"材料{n}.pdf", pdf_of(1 + n % 5, f"doc{n}", rotate=90 * (n % 4))


def fill_up(site: Site, client: Client, entry: Entry, rubric: Rubric) -> None:
    """Until the unit has 60 files: two or three at each slot in turn, every fifth at one more place."""
    slots = [
        (page.code, f"slot:{clause.code}#{n}")
        for page in pages(rubric)
        for clause in page.clauses
        for n in range(1, len(clause.materials) + 1)
    ]
    with site.session() as session:
        there = len(session.exec(select(Evidence).where(Evidence.entry_id == entry.id)).all())
    n = there
    for at in range(FILES):
        if n == FILES:
            break
        code, ref = slots[(at * 5) % len(slots)]
        files = [content(k) for k in range(n + 1, min(n + 3, FILES + 1))]
        path = f"/entries/{entry.id}/indicators/{code}/files"
        sent = {"ref": ref, "files": [(io.BytesIO(data), name) for name, data in files]}
        if client.post(path, sent, htmx=True).status_code != 200:
            continue  # a material that this unit is not asked for
        n += len(files)
        if at % 5 == 0:
            other_code, other = slots[(at * 5 + 3) % len(slots)]
            again = {"ref": other, "files": [(io.BytesIO(files[0][1]), files[0][0])]}
            client.post(f"/entries/{entry.id}/indicators/{other_code}/files", again, htmx=True)
    assert n == FILES


def build(site: Site, client: Client, entry: Entry) -> tuple[Volume, list[str]]:
    """The volume, and the words of each of its pages."""
    assert client.post(f"/entries/{entry.id}/volume/build").status_code == 303
    builder: jobs.Builder = site.app.extensions["intranet.builder"]
    builder.run()
    with site.session() as session:
        volume = session.exec(
            select(Volume).where(Volume.entry_id == entry.id).order_by(col(Volume.number).desc())
        ).first()
    assert volume is not None
    assert (volume.error, volume.problems) == ("", [])
    path = jobs.volume_path(site.settings, volume)
    checked = subprocess.run(["pdfinfo", str(path)], capture_output=True, check=True).stdout.decode()
    assert f"Pages:           {volume.pages}" in checked
    return volume, texts(path)


def stamped(said: list[str]) -> dict[int, list[int]]:
    """Pages by material number, as the stamps say and where they stand."""
    found: dict[int, list[int]] = defaultdict(list)
    for page, words in enumerate(said, 1):
        for numbers, printed in STAMP.findall(words)[-1:]:
            assert int(printed) == page
            for number in numbers.split("、"):
                found[int(number)].append(page)
    return found


def span(pages_: list[int]) -> str:
    assert pages_ == list(range(pages_[0], pages_[-1] + 1))
    return str(pages_[0]) if len(pages_) == 1 else f"{pages_[0]} — {pages_[-1]}"


def links(site: Site, entry: Entry) -> dict[str, set[int]]:
    """Numbers of the files at each place."""
    found: dict[str, set[int]] = defaultdict(set)
    with site.session() as session:
        query = select(Evidence, EvidenceLink).join(EvidenceLink)
        for evidence, link in session.exec(query.where(Evidence.entry_id == entry.id)):
            found[link.ref].add(evidence.number)
    return found


def sheet(client: Client, entry: Entry, key: str) -> list[dict[str, str]]:
    """The rows of a form's xlsx, merged cells filled, by the words above their columns."""
    with client.get(f"/entries/{entry.id}/forms/{key}.xlsx") as answer:
        book = openpyxl.load_workbook(io.BytesIO(answer.get_data()))
    rows = [[str(c.value or "") for c in row] for row in book.worksheets[0].iter_rows()]
    at = next(n for n, row in enumerate(rows) if sum(map(bool, row)) > 2)
    return [dict(zip(rows[at], row, strict=True)) for row in rows[at + 1 :]]


@needs_poppler
@pytest.mark.slow
@pytest.mark.parametrize("rubric", ["cuiping_xuequ", "chengdu_group"])
def test_the_official_form_says_what_the_volume_says(site: Site, rubric: str) -> None:
    client, entry, definition = enter(site, rubric)
    fill_up(site, client, entry, definition)
    volume, said = build(site, client, entry)
    found, at = stamped(said), links(site, entry)
    with site.session() as session:
        names = {
            e.number: e.name for e in session.exec(select(Evidence).where(Evidence.entry_id == entry.id))
        }
    assert sorted(found) == list(range(1, FILES + 1)), "each file is printed, once"
    assert {int(n): list(range(p[0], p[1] + 1)) for n, p in volume.places.items()} == found
    contents = "".join(said[1 : volume.sections[0]["page"] - 1])
    for number, name in names.items():
        shown = "".join(name.rpartition(".")[0].split())
        assert re.search(rf"{number}{re.escape(shown)}\.+{found[number][0]}(?!\d\d\d)", contents), (
            number,
            shown,
        )

    form = definition.forms[0]
    screen = client.text(f"/entries/{entry.id}/forms/{form.key}")
    columns = {c.source: c.label for c in form.columns}
    rows = sheet(client, entry, form.key)
    if "pages" in columns:
        checked = 0
        by_text = {"".join((c.text or c.title).split()): c for c in definition.clauses}
        for row in rows:
            clause = by_text.get("".join(row[columns["text"]].split()))
            if clause is None:
                continue  # the total, the notes
            under = {c.code for c in definition.under(clause.code)}
            here = {
                n for ref, ns in at.items() if ref.partition(":")[2].partition("#")[0] in under for n in ns
            }
            expected = {span(found[n]) for n in here}
            assert set(filter(None, row[columns["pages"]].split("、"))) == expected, clause.code
            assert all(words in screen for words in expected)
            checked += bool(expected)
        assert checked >= 10
    else:
        told = [m for row in rows for m in re.findall(r"(\d+) ([^；]+)", row[columns["evidence"]])]
        assert len(told) >= 20
        for number, name in told:
            assert names[int(number)].startswith(name), (number, name)
            assert f"{number}{''.join(name.rpartition('.')[0].split() or name.split())}" in contents
