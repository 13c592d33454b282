"""Sample data for ``make demo``: every installed rubric brings its own invented units.

A rubric's folder may hold ``sample.json``::

    {"cycle": "…", "rulings": {key: value}, "units": [{"code": "…", "name": "…", "group": "",
      "schools": [{"code": "…", "name": "…", "stage": "小学", "role": "lead"}, …],
      "docs": {…as in the facts document…}, "self": {"C1.2": {"points": "1.5"}}, "submitted": false}]}

Names are invented and plainly fictional. The core adds the people.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from intranet.actor import SYSTEM, Actor
from intranet.config import Settings
from intranet.db import write_session
from intranet.domain import (
    accounts,
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
from intranet.domain.calendar import start_calendar
from intranet.domain.filing import Filing
from intranet.domain.scoring import Scoring, score_entry, scoring_for
from intranet.domain.self_scores import own_sheet
from intranet.enums import CombineRule, Role, SchoolRole
from intranet.models import SELF, Cycle, Entry, Mark, School, User
from intranet.plugins import Installed, RubricRegistry
from intranet.queries.cycles import entries_of
from intranet.queries.entries import cycle_of
from intranet.queries.filed import evidence_of
from intranet.queries.people import actor_for, has_any_user, user_by_id
from intranet.queries.register import all_units
from intranet.rubric.numbers import as_fraction
from intranet.storage.local import LocalStore

PASSWORD = "demo-pass-2026"  # noqa: S105 (printed by `make demo`; a demo folder is marked as such)

STAFF = (
    ("admin", "顾示例", Role.BUREAU, "教育局管理员"),
    ("chair", "组长示例", Role.CHAIR, "考核组组长"),
    ("reviewer1", "评委甲示例", Role.REVIEWER, "考核组成员"),
    ("reviewer2", "评委乙示例", Role.REVIEWER, "考核组成员"),
    ("leader", "局长示例", Role.LEADER, "局领导（只读）"),
    ("auditor", "督导示例", Role.AUDITOR, "督导（只读）"),
)


@dataclass(frozen=True, slots=True)
class Account:
    login: str
    what: str


@dataclass(frozen=True, slots=True)
class Demo:
    """What to print. ``created`` is False when the folder already held the demo."""

    created: bool
    accounts: tuple[Account, ...]


def build_demo(engine: sa.Engine, settings: Settings, registry: RubricRegistry) -> Demo:
    """Fill an empty database once; a second call changes nothing."""
    remembered = settings.data / "DEMO"
    with write_session(engine) as session:
        if has_any_user(session):
            known = json.loads(remembered.read_text(encoding="utf-8") or "[]")
            return Demo(False, tuple(Account(**a) for a in known))
        start_calendar(session)
        hashed = accounts.hash_password(PASSWORD)
        shown: list[Account] = []
        staff = {login: _person(session, login, name, hashed) for login, name, _r, _w in STAFF}
        for login, _name, role, what in STAFF:
            shown.append(Account(login, what))
            _grant(session, staff[login], role)
        for installed in registry.installed.values():
            sample = installed.folder / "sample.json"
            if sample.is_file():
                data = json.loads(sample.read_text(encoding="utf-8"))
                shown += _cycle(session, settings, registry, installed, data, staff, hashed)
        session.commit()
    remembered.write_text(json.dumps([asdict(a) for a in shown], ensure_ascii=False), encoding="utf-8")
    return Demo(True, tuple(shown))


def _person(session: Session, login: str, name: str, hashed: str) -> User:
    return accounts.create_user(session, SYSTEM, login, name, hashed_password=hashed, must_change=False)


def _grant(session: Session, user: User, role: Role, *, school_id: int | None = None) -> None:
    assert user.id is not None
    accounts.grant(session, SYSTEM, user.id, role, school_id=school_id)


def sample_pdf(lines: list[str]) -> bytes:
    """A one-page PDF with a few lines of Chinese, in a font that every reader substitutes."""
    shown = "".join(f"<{line.encode('utf-16-be').hex()}> Tj T* " for line in lines)
    stream = f"BT /F1 18 Tf 32 TL 72 720 Td {shown}ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[6 0 R]>>",
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/FontDescriptor 7 0 R>>",
        b"<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[0 -200 1000 900]"
        b"/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>",
    ]
    out, places = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj%s\nendobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    return out.getvalue()


def _cycle(
    session: Session,
    settings: Settings,
    registry: RubricRegistry,
    installed: Installed,
    data: dict[str, Any],
    staff: dict[str, User],
    hashed: str,
) -> list[Account]:
    """Register the units, prepare and open a cycle as the bureau would, then file for the schools."""
    admin, now = actor_for(session, staff["admin"]), datetime.now(UTC).replace(microsecond=0)
    cycle = cycles.create_cycle(session, admin, registry, title=data["cycle"], rubric=installed.key)
    schools = {unit["code"]: _unit(session, admin, cycle, unit) for unit in data["units"]}
    dates = {
        "filing_from": now - timedelta(days=20),
        "filing_until": now + timedelta(days=4, hours=3),
        "review_until": now + timedelta(days=25),
        "publish_from": now + timedelta(days=35),
        "publish_until": now + timedelta(days=42),
    }
    cycles.set_dates(session, admin, cycle, dates, version=None)
    cycles.choose_units(
        session,
        admin,
        cycle,
        [id_ for row in all_units(session) if (id_ := row.unit.id) and row.unit.code in schools],
    )
    seated = {role: [staff[login].id or 0 for login, _n, r, _w in STAFF if r == role] for role in Role}
    cycles.set_panel(
        session,
        admin,
        cycle,
        chairs=seated[Role.CHAIR],
        reviewers=seated[Role.REVIEWER],
        combine=CombineRule.MEAN,
    )
    definition = installed.definition
    for key, text in data.get("rulings", {}).items():
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
            today=now.date(),
        )
    rulings.use_defaults(session, admin, cycle, definition, today=now.date())
    seen = definition.fingerprint(cycle.rulings)
    lifecycle.open_cycle(session, admin, cycle, definition, is_installed=True, seen=seen, at=now)
    for user_id in {*seated[Role.CHAIR], *seated[Role.REVIEWER]}:
        seated_one = actor_for(session, user_by_id(session, user_id))
        recusal.declare(session, seated_one, cycle, [], nobody=True, at=now)
    scoring = scoring_for(cycle, registry)
    assert cycle.id is not None
    entries = {entry.code: entry for entry in entries_of(session, cycle.id)}
    shown: list[Account] = []
    for unit in data["units"]:
        first, second, *_others = schools[unit["code"]]
        lead = _person(session, f"lead-{unit['code'].lower()}", f"{first.name}填报", hashed)
        _grant(session, lead, Role.FILER, school_id=first.id)
        member = _person(session, f"member-{unit['code'].lower()}", f"{second.name}协作", hashed)
        _grant(session, member, Role.CONTRIBUTOR, school_id=second.id)
        if not shown:
            terms = scoring.rubric.terms
            shown = [
                Account(lead.login, f"{unit['name']} {terms.lead}填报负责人"),
                Account(member.login, f"{unit['name']} {terms.member}填报协作人"),
            ]
        _facts(session, settings, scoring, actor_for(session, lead), entries[unit["code"]], unit)
    return shown


def _unit(session: Session, admin: Actor, cycle: Cycle, data: dict[str, Any]) -> list[School]:
    """Put one unit into the register; its schools, the lead first."""
    unit = register.save_unit(
        session,
        admin,
        None,
        code=data["code"],
        name=data["name"],
        group=data.get("group") or "",
        rubric_key=cycle.rubric_key,
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


def _hand_out(filed: Filing) -> None:
    """The first indicator goes to the first member school, so that its people have something to look at."""
    line, school = next(iter(delegation.lines(filed)), None), next(iter(delegation.members(filed)), None)
    if line is not None and school is not None:
        delegation.give(filed, [(line.ref, school.code)], due="", note="")


def _facts(
    session: Session, settings: Settings, scoring: Scoring, lead: Actor, entry: Entry, data: dict[str, Any]
) -> None:
    assert entry.id is not None
    cycle, at = cycle_of(session, entry), datetime.now(UTC)
    present = intake.store_document(session, lead, entry, data.get("docs", {}))
    form = score_entry(session, cycle, scoring, entry).form
    filed = Filing(session, lead, cycle, entry, scoring.rubric, form, at, settings.timezone)
    shelf = evidence.Shelf(LocalStore(settings.evidence_folder), settings.quota_per_unit)
    for ref in present:
        slot = ref.removeprefix("slot:")
        code, n = slot.rsplit("#", 1)
        page = evidence.page_of(filed, ref)
        if page is None:
            continue  # a material of a clause that this unit is not asked
        label = scoring.rubric.by[code].materials[int(n) - 1]
        lines = [entry.name, f"{code}  {label}", "示例材料，内容为虚构，仅供演示。"]
        files = [(f"{label}.pdf".replace("/", "、"), io.BytesIO(sample_pdf(lines)))]
        uploads = evidence.receive(shelf.store, files, limit=settings.upload_limit)
        evidence.add_files(filed, page, ref, uploads, shelf)
    for code, mark in data.get("self", {}).items():
        session.add(
            Mark(
                entry_id=entry.id,
                code=code,
                role=SELF,
                points=as_fraction(mark["points"]),
                reason=mark.get("reason", ""),
                made_by=lead.user_id,
            )
        )
    _hand_out(filed)
    entry.saved_at = datetime.now(UTC) if data.get("docs") else None
    session.flush()
    if data.get("submitted"):
        sheet = score_entry(session, cycle, scoring, entry, check=True)
        submission.submit(filed, sheet, own_sheet(scoring, sheet), evidence_of(session, entry.id))
