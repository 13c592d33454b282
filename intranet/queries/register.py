"""Schools and units as they stand now. Cycles keep their own copies (queries.entries)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from intranet.enums import SchoolRole
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import School, Unit, UnitSchool


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit with its schools, the lead first."""

    unit: Unit
    lead: School | None
    members: tuple[School, ...]


def all_schools(session: Session, *, active_only: bool = False) -> Sequence[School]:
    query = select(School).order_by(col(School.code))
    return session.exec(query.where(col(School.active)) if active_only else query).all()


def all_units(session: Session) -> list[UnitRow]:
    """Every unit, active ones first, in three queries."""
    units = session.exec(select(Unit).order_by(col(Unit.active).desc(), col(Unit.code))).all()
    schools = {s.id: s for s in all_schools(session)}
    lead: dict[int, School] = {}
    members: dict[int, list[School]] = {}
    for link in session.exec(select(UnitSchool)):
        school = schools[link.school_id]
        if link.role == SchoolRole.LEAD:
            lead[link.unit_id] = school
        else:
            members.setdefault(link.unit_id, []).append(school)
    return [
        UnitRow(u, lead.get(u.id or 0), tuple(sorted(members.get(u.id or 0, []), key=lambda s: s.code)))
        for u in units
    ]


def unit_by_id(session: Session, unit_id: int) -> UnitRow:
    row = next((r for r in all_units(session) if r.unit.id == unit_id), None)
    if row is None:
        raise NotFound(_("没有这个单位。"))
    return row


def school_by_id(session: Session, school_id: int) -> School:
    school = session.get(School, school_id)
    if school is None:
        raise NotFound(_("没有这所学校。"))
    return school


def links_of(session: Session, unit_id: int) -> Sequence[UnitSchool]:
    return session.exec(select(UnitSchool).where(UnitSchool.unit_id == unit_id)).all()
