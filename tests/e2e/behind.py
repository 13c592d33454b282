"""The other units of a cycle, filled in and scored without pages: the domain's own functions.

Also what a frozen result must say about them, by the engine alone, and reading the workbook back.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import openpyxl
from sqlmodel import Session, select

from intranet.actor import Actor
from intranet.db import read_session, write_session
from intranet.demo import sample_pdf
from intranet.domain import evidence, intake, review, submission
from intranet.domain.filing import Filing
from intranet.domain.marking import Given
from intranet.domain.scoring import Scoring, score_entry, scoring_for
from intranet.domain.self_scores import own_sheet
from intranet.domain.standing import indicators_of, item_of, unmarked
from intranet.models import Cycle, Entry
from intranet.queries.filed import evidence_of
from intranet.queries.people import actor_for, user_by_login
from intranet.rubric.facts import Facts
from intranet.rubric.model import Clause, JudgedClause
from intranet.rubric.numbers import as_text
from intranet.storage.local import LocalStore
from tests.e2e.acts import Site


@dataclass
class Behind:
    """One cycle of a site, from behind the pages."""

    site: Site
    cycle_id: int

    def entry_id(self, code: str) -> int:
        with self._session() as session:
            return self._entry(session, code).id or 0

    def _session(self) -> Session:
        return read_session(self.site.app.extensions["intranet"].engine)

    def _entry(self, session: Session, code: str) -> Entry:
        query = select(Entry).where(Entry.cycle_id == self.cycle_id, Entry.code == code)
        return session.exec(query).one()

    def _ground(self, session: Session, login: str) -> tuple[Actor, Cycle, Scoring]:
        user, cycle = user_by_login(session, login), session.get(Cycle, self.cycle_id)
        assert user is not None
        assert cycle is not None
        registry = self.site.app.extensions["intranet"].registry
        return actor_for(session, user), cycle, scoring_for(cycle, registry)

    def file(self, login: str, code: str, docs: Mapping[str, Mapping[str, Any]]) -> None:
        """Take in a whole facts document, a file for every material it calls present, and submit."""
        settings = self.site.settings
        with write_session(self.site.app.extensions["intranet"].engine) as session:
            actor, cycle, scoring = self._ground(session, login)
            entry = self._entry(session, code)
            present = intake.store_document(session, actor, entry, docs)
            sheet = score_entry(session, cycle, scoring, entry, check=True)
            filing = Filing(session, actor, cycle, entry, scoring.rubric, sheet.form, datetime.now(UTC))
            shelf = evidence.Shelf(LocalStore(settings.evidence_folder), settings.quota_per_unit)
            for ref in present:
                name = ref.removeprefix("slot:") + ".pdf"
                files = [(name, io.BytesIO(sample_pdf([code, ref])))]
                uploads = evidence.receive(shelf.store, files, limit=settings.upload_limit)
                page = evidence.page_of(filing, ref)
                assert page is not None
                evidence.add_files(filing, page, ref, uploads, shelf)
            sheet = score_entry(session, cycle, scoring, entry, check=True)
            submission.submit(filing, sheet, own_sheet(scoring, sheet), evidence_of(session, filing.entry_id))
            session.commit()

    def mark(self, login: str, code: str, points: Callable[[Clause], Fraction]) -> dict[str, Fraction]:
        """One reviewer scores every judged leaf of a unit that there is something to mark on."""
        given: dict[str, Fraction] = {}
        with write_session(self.site.app.extensions["intranet"].engine) as session:
            actor, cycle, scoring = self._ground(session, login)
            rubric, entry = scoring.rubric, self._entry(session, code)
            for indicator in indicators_of(rubric):
                sheet = unmarked(scoring, score_entry(session, cycle, scoring, entry))
                item = item_of(rubric, sheet, indicator, cycle.combine)
                said = {
                    leaf.code: points(leaf.clause)
                    for leaf in item.marked
                    if isinstance(leaf.clause, JudgedClause)
                }
                words = [Given(leaf, points=number, reason="按材料评定") for leaf, number in said.items()]
                review.save_marks(session, actor, cycle, rubric, item, words, at=datetime.now(UTC))
                given |= said
            session.commit()
        return given


def sample_units(plugin: str) -> dict[str, dict[str, Any]]:
    """The invented units that a plugin brings along, by code."""
    from importlib.resources import files

    data = json.loads((files(plugin) / "sample.json").read_text(encoding="utf-8"))
    return {unit["code"]: unit for unit in data["units"]}


def facts_of(unit: Mapping[str, Any], marks: Mapping[str, Fraction]) -> Facts:
    """The facts document of a sample unit with the panel's agreed marks, as the engine reads it."""
    members = {
        s["code"]: {"name": s["name"], "role": s["role"], "stage": s["stage"]} for s in unit["schools"]
    }
    return Facts.from_json(
        {
            "unit": unit["code"],
            "name": unit["name"],
            "attributes": {"group": "", "stages": list(dict.fromkeys(s["stage"] for s in unit["schools"]))},
            "members": members,
            "docs": unit["docs"],
            "marks": {"panel": {code: {"points": as_text(points)} for code, points in marks.items()}},
        }
    )


def register_rows(units: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Rows of the import workbook: one per unit and school."""
    roles = {"lead": "牵头", "member": "成员"}
    return [
        [unit["code"], unit["name"], "", s["code"], s["name"], s["stage"], roles[s["role"]]]
        for unit in units
        for s in unit["schools"]
    ]


# --- the workbook --------------------------------------------------------------------------------

Cell = str | Fraction | None


def sheet_cells(data: bytes, name: str) -> list[list[Cell]]:
    """The values of a sheet, numbers exact as displayed in full, ends of rows without empty cells."""
    book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    rows: list[list[Cell]] = []
    for row in book[name].iter_rows(values_only=True):
        cells: list[Cell] = [Fraction(str(v)) if isinstance(v, int | float) else v for v in row]
        while cells and cells[-1] is None:
            cells.pop()
        rows.append(cells)
    return rows


def sheet_names(data: bytes) -> list[str]:
    return list(openpyxl.load_workbook(io.BytesIO(data), read_only=True).sheetnames)
