"""Changing the register: schools, units, who leads. Running cycles keep the copies they were opened with."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import Role, SchoolRole
from intranet.errors import Conflict, Invalid
from intranet.i18n import _
from intranet.models import School, Unit, UnitSchool
from intranet.queries.register import links_of

from .log import record

NAME, CODE = 64, 32


def _text(value: str, field: str, label: str, most: int) -> str:
    text = " ".join(value.split())
    if not text:
        raise Invalid(_("请填写%(label)s。", label=label), field=field)
    if len(text) > most:
        raise Invalid(_("%(label)s最多 %(n)s 个字。", label=label, n=most), field=field)
    return text


def _check_version(stored: int, sent: int | None) -> None:
    if sent is not None and sent != stored:
        raise Conflict(_("这一条刚刚被别人改过。请核对现在的内容后再保存。"))


def save_school(
    session: Session,
    actor: Actor,
    school: School | None,
    *,
    code: str,
    name: str,
    stage: str = "",
    active: bool = True,
    version: int | None = None,
) -> School:
    """Create a school (``school`` None) or change one; ``version`` guards against overwriting."""
    actor.require(Role.BUREAU)
    code, name = _text(code, "code", _("学校代码"), CODE), _text(name, "name", _("学校名称"), NAME)
    stage = " ".join(stage.split())[:32]
    namesake = session.exec(select(School).where(School.code == code)).first()
    if namesake is not None and namesake is not school:
        raise Invalid(_("学校代码 %(code)s 已用于%(name)s。", code=code, name=namesake.name), field="code")
    new = {"code": code, "name": name, "stage": stage, "active": active}
    if school is None:
        school = School(code=code, name=name, stage=stage, active=active)
        session.add(school)
        session.flush()
        record(session, actor, "school.create", subject=code, new=new)
        return school
    _check_version(school.version, version)
    old = {k: getattr(school, k) for k in new}
    if old != new:
        school.code, school.name, school.stage, school.active = code, name, stage, active
        school.version += 1
        session.flush()
        record(session, actor, "school.change", subject=code, old=old, new=new)
    return school


def save_unit(
    session: Session,
    actor: Actor,
    unit: Unit | None,
    *,
    code: str,
    name: str,
    group: str = "",
    rubric_key: str = "",
    active: bool = True,
    version: int | None = None,
) -> Unit:
    """Create a unit or change one."""
    actor.require(Role.BUREAU)
    code, name = _text(code, "code", _("单位代码"), CODE), _text(name, "name", _("单位名称"), NAME)
    group = " ".join(group.split())[:32]
    for field, column, value in (("code", Unit.code, code), ("name", Unit.name, name)):
        namesake = session.exec(select(Unit).where(column == value)).first()
        if namesake is not None and namesake is not unit:
            raise Invalid(_("“%(value)s”已有单位使用。", value=value), field=field)
    new = {"code": code, "name": name, "group": group, "rubric_key": rubric_key, "active": active}
    if unit is None:
        unit = Unit(code=code, name=name, group=group, rubric_key=rubric_key, active=active)
        session.add(unit)
        session.flush()
        record(session, actor, "unit.create", subject=code, new=new)
        return unit
    _check_version(unit.version, version)
    old = {k: getattr(unit, k) for k in new}
    if old != new:
        unit.code, unit.name, unit.group, unit.rubric_key, unit.active = code, name, group, rubric_key, active
        unit.version += 1
        session.flush()
        record(session, actor, "unit.change", subject=code, old=old, new=new)
    return unit


def set_schools(session: Session, actor: Actor, unit: Unit, roles: Mapping[int, SchoolRole]) -> None:
    """Say which schools form the unit: ``{school id: role}``, exactly one of them leading."""
    actor.require(Role.BUREAU)
    leads = [i for i, role in roles.items() if role == SchoolRole.LEAD]
    if len(leads) != 1:
        raise Invalid(_("每个单位须有且只有一所牵头学校，现在选了 %(n)s 所。", n=len(leads)), field="lead")
    known = set(session.exec(select(School.id).where(col(School.id).in_(roles))))
    if known != set(roles):
        raise Invalid(_("选中的学校里有登记里没有的，请刷新后重选。"), field="lead")
    assert unit.id is not None
    links = {link.school_id: link for link in links_of(session, unit.id)}
    old = {str(i): link.role.value for i, link in links.items()}
    for school_id, link in links.items():
        if school_id not in roles:
            session.delete(link)
    for school_id, role in roles.items():
        if school_id in links:
            links[school_id].role = role
        else:
            session.add(UnitSchool(unit_id=unit.id, school_id=school_id, role=role))
    session.flush()
    new = {str(i): role.value for i, role in roles.items()}
    if old != new:
        record(session, actor, "unit.schools", subject=unit.code, old=old, new=new)
