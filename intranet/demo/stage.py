"""Registering sample units, preparing a cycle as the bureau would, filing for the schools."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.config import Settings
from intranet.domain import (
    cycle_dates,
    cycles,
    delegation,
    evidence,
    intake,
    lifecycle,
    recusal,
    register,
    rulings,
    submission,
)
from intranet.domain.filing import Filing
from intranet.domain.scoring import Scoring, score_entry, scoring_for
from intranet.domain.self_scores import own_sheet
from intranet.enums import CombineRule, SchoolRole
from intranet.models import SELF, Cycle, Entry, Mark, School, User
from intranet.plugins import Installed, RubricRegistry
from intranet.queries.cycles import entries_of
from intranet.queries.filed import evidence_of
from intranet.queries.people import actor_for
from intranet.queries.register import all_units
from intranet.rubric.numbers import as_fraction
from intranet.storage.local import LocalStore

from .pdf import sample_pdf


@dataclass(frozen=True)
class Unit:
    """A unit as ``sample.json`` has it, and who files for it."""

    data: Mapping[str, Any]
    lead: Actor


@dataclass
class Stage:
    """One rubric's sample on its way into the database. data: its ``sample.json``."""

    session: Session
    settings: Settings
    registry: RubricRegistry
    installed: Installed
    data: Mapping[str, Any]
    admin: Actor
    chairs: list[User]
    reviewers: list[User]
    units: list[Unit] = field(default_factory=list)

    @property
    def panel(self) -> list[Actor]:
        """Chairs and reviewers, with the cycles they sit in by now."""
        return [actor_for(self.session, user) for user in (*self.chairs, *self.reviewers)]


def register_unit(stage: Stage, data: Mapping[str, Any]) -> list[School]:
    """Put one unit into the register; its schools, the lead first."""
    session, admin = stage.session, stage.admin
    unit = register.save_unit(
        session,
        admin,
        None,
        code=data["code"],
        name=data["name"],
        group=data.get("group") or "",
        rubric_key=stage.installed.key,
    )
    items = sorted(data["schools"], key=lambda s: s["role"] != SchoolRole.LEAD.value)
    schools = [
        register.save_school(
            session, admin, None, code=item["code"], name=item["name"], stage=item.get("stage", "")
        )
        for item in items
    ]
    roles = {s.id or 0: SchoolRole(item["role"]) for s, item in zip(schools, items, strict=True)}
    register.set_schools(session, admin, unit, roles)
    return schools


def open_cycle(
    stage: Stage,
    title: str,
    at: datetime,
    *,
    practice: bool = False,
    declared: bool = True,
    rulings_made: Mapping[str, Any] | None = None,
) -> Cycle:
    """Prepare and open a cycle of the sample's units at this moment, four days before filing ends.

    :param declared: the panel has said that it need not stay away from anybody.
    :param rulings_made: instead of the sample's.
    """
    session, admin, definition = stage.session, stage.admin, stage.installed.definition
    cycle = cycles.create_cycle(
        session, admin, stage.registry, title=title, rubric=stage.installed.key, practice=practice
    )
    dates = {
        "filing_from": at - timedelta(days=20),
        "filing_until": at + timedelta(days=4, hours=3),
        "review_until": at + timedelta(days=25),
        "publish_from": at + timedelta(days=35),
        "publish_until": at + timedelta(days=42),
    }
    cycle_dates.set_dates(session, admin, cycle, dates, version=None)
    codes = {unit.data["code"] for unit in stage.units}
    ours = [id_ for row in all_units(session) if (id_ := row.unit.id) and row.unit.code in codes]
    cycles.choose_units(session, admin, cycle, ours)
    cycles.set_panel(
        session,
        admin,
        cycle,
        chairs=[user.id or 0 for user in stage.chairs],
        reviewers=[user.id or 0 for user in stage.reviewers],
        combine=CombineRule.MEAN,
    )
    made = stage.data.get("rulings", {}) if rulings_made is None else rulings_made
    for key, text in made.items():
        rulings.decide(
            session,
            admin,
            cycle,
            definition,
            key,
            str(text),
            reason="示例周期的年度",
            who=admin.name,
            on="",
            today=at.date(),
        )
    rulings.use_defaults(session, admin, cycle, definition, today=at.date())
    seen = definition.fingerprint(cycle.rulings)
    lifecycle.open_cycle(session, admin, cycle, definition, is_installed=True, seen=seen, at=at)
    for member in stage.panel if declared else ():
        recusal.declare(session, member, cycle, [], nobody=True, at=at)
    return cycle


def file_units(stage: Stage, cycle: Cycle, at: datetime) -> None:
    """File for every unit what the sample says, a PDF for each material; submit what it calls submitted."""
    scoring = scoring_for(cycle, stage.registry)
    for unit, filed in _opened(stage, cycle, scoring, at):
        present = intake.store_document(stage.session, unit.lead, filed.entry, unit.data.get("docs", {}))
        _attach(stage, filed, present, partial(_paper, filed))
        _self_scores(stage, filed.entry, unit)
        _hand_out(filed)
        filed.entry.saved_at = at if unit.data.get("docs") else None
        stage.session.flush()
        if unit.data.get("submitted"):
            hand_in(stage.session, scoring, filed)


def file_whole(stage: Stage, cycle: Cycle, docs: Mapping[str, Mapping[str, Any]], at: datetime) -> None:
    """File these documents, by unit code, one PDF for all materials of a unit, and submit them all."""
    scoring = scoring_for(cycle, stage.registry)
    for unit, filed in _opened(stage, cycle, scoring, at):
        present = intake.store_document(stage.session, unit.lead, filed.entry, docs[unit.data["code"]])
        lines = [filed.entry.name, cycle.title, "示例材料汇总，内容为虚构，仅供演示。"]
        whole = sample_pdf(lines)
        _attach(stage, filed, present, partial(_same, whole))
        _self_scores(stage, filed.entry, unit)
        filed.entry.saved_at = at
        stage.session.flush()
        hand_in(stage.session, scoring, filed)


def hand_in(session: Session, scoring: Scoring, filed: Filing) -> None:
    sheet = score_entry(session, filed.cycle, scoring, filed.entry, check=True)
    submission.submit(filed, sheet, own_sheet(scoring, sheet), evidence_of(session, filed.entry.id or 0))


def _opened(stage: Stage, cycle: Cycle, scoring: Scoring, at: datetime) -> list[tuple[Unit, Filing]]:
    assert cycle.id is not None
    entries = {entry.code: entry for entry in entries_of(stage.session, cycle.id)}
    out = []
    for unit in stage.units:
        entry = entries[unit.data["code"]]
        form = score_entry(stage.session, cycle, scoring, entry).form
        out.append(
            (
                unit,
                Filing(
                    stage.session,
                    unit.lead,
                    cycle,
                    entry,
                    scoring.rubric,
                    form,
                    at,
                    stage.settings.timezone,
                ),
            )
        )
    return out


def _paper(filed: Filing, code: str, label: str) -> tuple[str, bytes]:
    lines = [filed.entry.name, f"{code}  {label}", "示例材料，内容为虚构，仅供演示。"]
    return f"{label}.pdf".replace("/", "、"), sample_pdf(lines)


def _same(content: bytes, _code: str, _label: str) -> tuple[str, bytes]:
    return "示例材料汇总.pdf", content


def _attach(
    stage: Stage, filed: Filing, present: list[str], paper: Callable[[str, str], tuple[str, bytes]]
) -> None:
    """A file for each material that is called present. paper: name and content, of clause and material."""
    shelf = evidence.Shelf(LocalStore(stage.settings.evidence_folder), stage.settings.quota_per_unit)
    for ref in present:
        code, n = ref.removeprefix("slot:").rsplit("#", 1)
        page = evidence.page_of(filed, ref)
        if page is None:
            continue  # a material of a clause that this unit is not asked
        name, content = paper(code, filed.rubric.by[code].materials[int(n) - 1])
        uploads = evidence.receive(
            shelf.store, [(name, io.BytesIO(content))], limit=stage.settings.upload_limit
        )
        evidence.add_files(filed, page, ref, uploads, shelf)


def _self_scores(stage: Stage, entry: Entry, unit: Unit) -> None:
    assert entry.id is not None
    for code, mark in unit.data.get("self", {}).items():
        stage.session.add(
            Mark(
                entry_id=entry.id,
                code=code,
                role=SELF,
                points=as_fraction(mark["points"]),
                reason=mark.get("reason", ""),
                made_by=unit.lead.user_id,
            )
        )


def _hand_out(filed: Filing) -> None:
    """The first indicator goes to the first member school, so that its people have something to look at."""
    line, school = next(iter(delegation.lines(filed)), None), next(iter(delegation.members(filed)), None)
    if line is not None and school is not None:
        delegation.give(filed, [(line.ref, school.code)], due="", note="")
