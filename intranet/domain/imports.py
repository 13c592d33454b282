"""Importing the register and people from a workbook: a plan first, then the same rows applied.

Rows are plain text by column label. ``plan_*`` finds every problem and says what would change;
``apply_*`` refuses rows whose plan has problems, so a confirmed import never stops half-way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, select

from intranet.actor import Actor
from intranet.enums import Role, SchoolRole
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.mail import is_address
from intranet.models import School, Unit
from intranet.queries.people import user_by_login

from . import accounts, register

UNIT_COLUMNS = ("单位代码", "单位名称", "组别", "学校代码", "学校名称", "学段", "角色")
PEOPLE_COLUMNS = ("账号", "姓名", "角色", "学校代码", "邮箱")
OPTIONAL = ("邮箱",)
"""Columns that a file need not have."""
SCHOOL_ROLES = {"牵头": SchoolRole.LEAD, "龙头": SchoolRole.LEAD, "成员": SchoolRole.MEMBER}
PEOPLE_ROLES = {
    "教育局管理员": Role.BUREAU,
    "考核组": Role.REVIEWER,
    "填报负责人": Role.FILER,
    "填报协作人": Role.CONTRIBUTOR,
    "局领导": Role.LEADER,
    "督导": Role.AUDITOR,
}
AT_SCHOOL = (Role.FILER, Role.CONTRIBUTOR)
MOST_ROWS = 5000

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CellProblem:
    """row counts from 1 among the data rows; column is its label, "" for the whole row."""

    row: int
    column: str
    message: str


@dataclass
class Plan:
    changes: list[str] = field(default_factory=list)
    problems: list[CellProblem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Shown once, to be printed and handed out."""

    login: str
    name: str
    role: str
    school: str
    password: str


def plan_units(session: Session, rows: Sequence[Row]) -> Plan:
    """Check rows of unit × school and list what importing them would do."""
    plan = Plan()
    schools = {s.code: s for s in session.exec(select(School))}
    units = {u.code: u for u in session.exec(select(Unit))}
    names: dict[str, str] = {}
    leads: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    new_schools: dict[str, str] = {}
    for n, row in enumerate(rows, 1):
        for column in ("单位代码", "单位名称", "学校代码", "角色"):
            if not row.get(column, "").strip():
                plan.problems.append(CellProblem(n, column, _("请填写%(column)s", column=column)))
        unit, school = row.get("单位代码", "").strip(), row.get("学校代码", "").strip()
        name, school_name = row.get("单位名称", "").strip(), row.get("学校名称", "").strip()
        role = row.get("角色", "").strip()
        if role and role not in SCHOOL_ROLES:
            plan.problems.append(
                CellProblem(n, "角色", _("只能填“牵头”或“成员”，现在是“%(role)s”", role=role))
            )
        if SCHOOL_ROLES.get(role) == SchoolRole.LEAD:
            leads[unit] = leads.get(unit, 0) + 1
        if unit and name and names.setdefault(unit, name) != name:
            plan.problems.append(
                CellProblem(
                    n,
                    "单位名称",
                    _("单位代码 %(code)s 前面写的是“%(name)s”，请统一", code=unit, name=names[unit]),
                )
            )
        if school and not school_name and school not in schools and school not in new_schools:
            plan.problems.append(
                CellProblem(n, "学校名称", _("登记里没有代码 %(code)s，请填写学校名称", code=school))
            )
        if (unit, school) in seen:
            plan.problems.append(CellProblem(n, "学校代码", _("这所学校在本单位里出现了两次，请删去一行")))
        seen.add((unit, school))
        if school and school not in schools and school not in new_schools:
            new_schools[school] = school_name
    for unit in names:
        if leads.get(unit, 0) != 1:
            first = next(n for n, row in enumerate(rows, 1) if row.get("单位代码", "").strip() == unit)
            text = _("每个单位须有且只有一所牵头学校，现在有 %(n)s 所", n=leads.get(unit, 0))
            plan.problems.append(CellProblem(first, "角色", text))
    plan.changes += [_("新增学校 %(name)s", name=name) for name in new_schools.values()]
    plan.changes += [
        _("更新单位 %(name)s", name=name) if code in units else _("新增单位 %(name)s", name=name)
        for code, name in names.items()
    ]
    return plan


def apply_units(session: Session, actor: Actor, rows: Sequence[Row]) -> None:
    actor.require(Role.BUREAU)
    _refuse(plan_units(session, rows))
    schools = {s.code: s for s in session.exec(select(School))}
    units = {u.code: u for u in session.exec(select(Unit))}
    members: dict[str, dict[int, SchoolRole]] = {}
    for row in rows:
        code = row["学校代码"].strip()
        known = schools.get(code)
        name = row.get("学校名称", "").strip() or (known.name if known else "")
        stage = row.get("学段", "").strip() or (known.stage if known else "")
        schools[code] = register.save_school(session, actor, known, code=code, name=name, stage=stage)
        unit_code = row["单位代码"].strip()
        unit = units.get(unit_code)
        units[unit_code] = register.save_unit(
            session,
            actor,
            unit,
            code=unit_code,
            name=row["单位名称"],
            group=row.get("组别", "") or (unit.group if unit else ""),
            rubric_key=unit.rubric_key if unit else "",
        )
        school_id = schools[code].id
        assert school_id is not None
        members.setdefault(unit_code, {})[school_id] = SCHOOL_ROLES[row["角色"].strip()]
    for code, roles in members.items():
        register.set_schools(session, actor, units[code], roles)


def plan_people(session: Session, rows: Sequence[Row]) -> Plan:
    plan = Plan()
    schools = {s.code: s.name for s in session.exec(select(School))}
    for n, row in enumerate(rows, 1):
        login, name = row.get("账号", "").strip().lower(), row.get("姓名", "").strip()
        role, school = row.get("角色", "").strip(), row.get("学校代码", "").strip()
        for column, value in (("账号", login), ("姓名", name), ("角色", role)):
            if not value:
                plan.problems.append(CellProblem(n, column, _("请填写%(column)s", column=column)))
        if login and not accounts.is_login(login):
            plan.problems.append(CellProblem(n, "账号", _("账号只能用字母、数字、点、横线，例如工号")))
        if role and role not in PEOPLE_ROLES:
            choices = "、".join(PEOPLE_ROLES)
            plan.problems.append(CellProblem(n, "角色", _("角色只能是：%(choices)s", choices=choices)))
        if PEOPLE_ROLES.get(role) in AT_SCHOOL and school not in schools:
            text = (
                _("登记里没有学校代码“%(code)s”。请先导入单位与学校", code=school)
                if school
                else _("请填写学校代码")
            )
            plan.problems.append(CellProblem(n, "学校代码", text))
        email = row.get("邮箱", "").strip()
        if email and not is_address(email):
            plan.problems.append(CellProblem(n, "邮箱", _("邮箱地址不对，请写成 name@example.com 的样子")))
        user = user_by_login(session, login) if login else None
        if user is not None and user.name != name:
            plan.problems.append(
                CellProblem(
                    n, "账号", _("账号 %(login)s 已是%(name)s的，请核对", login=login, name=user.name)
                )
            )
        verb = _("新建账号 %(login)s %(name)s") if user is None else _("已有账号 %(login)s %(name)s，补角色")
        plan.changes.append(verb % {"login": login, "name": name})
    return plan


def apply_people(session: Session, actor: Actor, rows: Sequence[Row]) -> list[NewAccount]:
    """Create accounts and roles; returns the new accounts with their first passwords."""
    actor.require(Role.BUREAU)
    _refuse(plan_people(session, rows))
    schools = {s.code: s for s in session.exec(select(School))}
    created: list[NewAccount] = []
    for row in rows:
        login, name, role = (
            row["账号"].strip().lower(),
            row["姓名"].strip(),
            PEOPLE_ROLES[row["角色"].strip()],
        )
        school = schools.get(row.get("学校代码", "").strip()) if role in AT_SCHOOL else None
        user = user_by_login(session, login)
        if user is None:
            password = accounts.first_password()
            user = accounts.create_user(session, actor, login, name, password)
            created.append(
                NewAccount(login, name, row["角色"].strip(), school.name if school else "", password)
            )
        assert user.id is not None
        if row.get("邮箱", "").strip():
            accounts.set_email(session, actor, user, row["邮箱"])
        accounts.grant(session, actor, user.id, role, school_id=school.id if school else None)
    return created


def _refuse(plan: Plan) -> None:
    if plan.problems:
        first = plan.problems[0]
        raise Invalid(
            _(
                "第 %(row)s 行 %(column)s：%(message)s",
                row=first.row,
                column=first.column,
                message=first.message,
            )
        )
