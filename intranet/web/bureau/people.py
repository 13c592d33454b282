"""Accounts and roles."""

from __future__ import annotations

from flask import Response, request, url_for

from intranet.documents import templates_xlsx
from intranet.domain import accounts, imports
from intranet.enums import Role
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.queries import people as lists
from intranet.queries import register
from intranet.web import access
from intranet.web.context import actor, db
from intranet.web.downloads import xlsx
from intranet.web.forms import answer, go, say, searched, whole

from . import bp
from .register import check_import, posted_rows

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in (
            "people",
            "person_create",
            "person_password",
            "person_active",
            "person_email",
            "role_grant",
            "role_revoke",
            "people_template",
            "people_import",
            "people_import_check",
            "people_import_apply",
        )
    }
)

GENERAL = (Role.BUREAU, Role.LEADER, Role.AUDITOR, Role.FILER, Role.CONTRIBUTOR)
"""Roles given here; panel roles are given in the cycle."""


def _page(*, status: int = 200, error: DomainError | None = None) -> Response:
    return answer(
        "bureau/people.html",
        status=status,
        rows=lists.all_people(db(), search=searched("q")),
        search=searched("q"),
        schools=register.all_schools(db(), active_only=True),
        roles=GENERAL,
        error=error,
        form=request.form if request.method == "POST" else {},
    )


@bp.get("/people")
def people() -> Response:
    return _page()


def _role_and_school() -> tuple[Role, int | None]:
    try:
        role = Role(request.form.get("role", ""))
    except ValueError as error:
        raise Invalid(_("请选择角色。"), field="role") from error
    school = whole(request.form.get("school", ""))
    if role not in GENERAL:
        raise Invalid(_("考核组成员请在考核周期里安排。"), field="role")
    if role not in imports.AT_SCHOOL:
        return role, None
    if school is None:
        raise Invalid(_("这个角色要选学校。"), field="school")
    return role, register.school_by_id(db(), school).id


@bp.post("/people")
def person_create() -> Response:
    form = request.form
    password = accounts.first_password()
    try:
        role, school_id = _role_and_school()
        user = accounts.create_user(db(), actor(), form.get("login", ""), form.get("name", ""), password)
        assert user.id is not None
        accounts.grant(db(), actor(), user.id, role, school_id=school_id)
    except DomainError as error:
        db().rollback()
        return _page(status=error.status, error=error)
    return _passwords([imports.NewAccount(user.login, user.name, "", "", password)])


def _passwords(created: list[imports.NewAccount]) -> Response:
    """First passwords are shown on this one page and kept nowhere."""
    return answer("bureau/passwords.html", created=created)


@bp.post("/people/<int:user_id>/password")
def person_password(user_id: int) -> Response:
    user = lists.user_by_id(db(), user_id)
    password = accounts.reset_password(db(), actor(), user)
    return _passwords([imports.NewAccount(user.login, user.name, "", "", password)])


@bp.post("/people/<int:user_id>/active")
def person_active(user_id: int) -> Response:
    user = lists.user_by_id(db(), user_id)
    accounts.set_active(db(), actor(), user, request.form.get("active") == "1")
    say(
        "done",
        _("已启用%(name)s。", name=user.name)
        if user.active
        else _("已停用%(name)s，其登录已全部结束。", name=user.name),
    )
    return go(url_for("bureau.people"))


@bp.post("/people/<int:user_id>/email")
def person_email(user_id: int) -> Response:
    user = lists.user_by_id(db(), user_id)
    try:
        accounts.set_email(db(), actor(), user, request.form.get("email", ""))
    except Invalid as error:
        return _page(status=error.status, error=error)
    say("done", _("已保存%(name)s的邮箱。", name=user.name))
    return go(url_for("bureau.people"))


@bp.post("/people/<int:user_id>/roles")
def role_grant(user_id: int) -> Response:
    user = lists.user_by_id(db(), user_id)
    role, school_id = _role_and_school()
    accounts.grant(db(), actor(), user_id, role, school_id=school_id)
    say("done", _("已给%(name)s增加角色。", name=user.name))
    return go(url_for("bureau.people"))


@bp.post("/people/roles/<int:grant_id>/revoke")
def role_revoke(grant_id: int) -> Response:
    given = lists.grant_by_id(db(), grant_id)
    if given.user_id == actor().user_id and given.role == Role.BUREAU:
        raise DomainError(_("不能取消自己的管理员角色。请由另一位管理员操作。"))
    accounts.revoke(db(), actor(), given)
    say("done", _("已取消角色。"))
    return go(url_for("bureau.people"))


@bp.get("/people/import")
def people_import() -> Response:
    return answer(
        "bureau/import.html", kind="people", columns=imports.PEOPLE_COLUMNS, plan=None, problems=(), rows=()
    )


@bp.get("/people/template.xlsx")
def people_template() -> Response:
    columns = [
        templates_xlsx.ImportColumn(
            name,
            choices=tuple(imports.PEOPLE_ROLES) if name == "角色" else (),
            required=name in ("账号", "姓名", "角色"),
        )
        for name in imports.PEOPLE_COLUMNS
    ]
    examples = (
        ("t1001", "示例老师", "填报负责人", "S001", "t1001@example.com"),
        ("t2001", "示例干事", "考核组", "", ""),
    )
    notes = (
        _("填报负责人和填报协作人要填学校代码，其他角色不填。初始密码由系统生成，导入后显示一次。"),
        _("邮箱可以不填，只用来发催办邮件。"),
    )
    return xlsx(templates_xlsx.write_import_template(_("人员"), columns, examples, notes), _("人员导入模板"))


@bp.post("/people/import")
def people_import_check() -> Response:
    return check_import("people", imports.PEOPLE_COLUMNS, imports.plan_people)


@bp.post("/people/import/apply")
def people_import_apply() -> Response:
    created = imports.apply_people(db(), actor(), posted_rows(imports.PEOPLE_COLUMNS))
    return _passwords(created)
