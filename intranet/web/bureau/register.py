"""Schools and units: lists, one unit, import from a workbook."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, request, url_for

from intranet.documents import reading, templates_xlsx
from intranet.domain import imports, register
from intranet.enums import SchoolRole
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.queries import register as lists
from intranet.web import access
from intranet.web.context import actor, db, ground
from intranet.web.downloads import xlsx
from intranet.web.forms import answer, go, say, whole

from . import bp

access.allow(
    {
        f"bureau.{name}": access.BUREAU
        for name in (
            "units",
            "unit_new",
            "unit_create",
            "unit",
            "unit_save",
            "schools",
            "school_create",
            "school_save",
            "units_template",
            "units_import",
            "units_import_check",
            "units_import_apply",
        )
    }
)


def _version() -> int | None:
    return whole(request.form.get("version", ""))


@bp.get("/units")
def units() -> Response:
    return answer("bureau/units.html", rows=lists.all_units(db()), rubrics=ground().registry.installed)


def _unit_page(row: lists.UnitRow | None, *, status: int = 200, error: DomainError | None = None) -> Response:
    form = request.form if request.method == "POST" else None
    return answer(
        "bureau/unit.html",
        status=status,
        row=row,
        form=form,
        error=error,
        schools=lists.all_schools(db()),
        rubrics=ground().registry.installed,
    )


def _roles() -> dict[int, SchoolRole]:
    """Ticked schools and the leading one from the form."""
    ids = {i for text in request.form.getlist("school") if (i := whole(text)) is not None}
    lead = whole(request.form.get("lead", ""))
    roles = dict.fromkeys(sorted(ids), SchoolRole.MEMBER)
    if lead is not None:
        roles[lead] = SchoolRole.LEAD
    return roles


def _save_unit(row: lists.UnitRow | None) -> Response:
    form = request.form
    try:
        unit = register.save_unit(
            db(),
            actor(),
            row.unit if row else None,
            code=form.get("code", ""),
            name=form.get("name", ""),
            group=form.get("group", ""),
            rubric_key=form.get("rubric_key", ""),
            active=row is None or bool(form.get("active")),
            version=_version(),
        )
        register.set_schools(db(), actor(), unit, _roles())
    except DomainError as error:
        db().rollback()
        return _unit_page(row, status=error.status, error=error)
    say("done", _("已保存%(name)s。", name=unit.name))
    return go(url_for("bureau.units"))


@bp.get("/units/new")
def unit_new() -> Response:
    return _unit_page(None)


@bp.post("/units/new")
def unit_create() -> Response:
    return _save_unit(None)


@bp.get("/units/<int:unit_id>")
def unit(unit_id: int) -> Response:
    return _unit_page(lists.unit_by_id(db(), unit_id))


@bp.post("/units/<int:unit_id>")
def unit_save(unit_id: int) -> Response:
    return _save_unit(lists.unit_by_id(db(), unit_id))


def _schools_page(*, status: int = 200, error: DomainError | None = None, at: int | None = None) -> Response:
    form = request.form if request.method == "POST" else {}
    return answer(
        "bureau/schools.html", status=status, schools=lists.all_schools(db()), error=error, at=at, form=form
    )


def _save_school(school_id: int | None) -> Response:
    form = request.form
    school = None if school_id is None else lists.school_by_id(db(), school_id)
    try:
        saved = register.save_school(
            db(),
            actor(),
            school,
            code=form.get("code", ""),
            name=form.get("name", ""),
            stage=form.get("stage", ""),
            active=school is None or bool(form.get("active")),
            version=_version(),
        )
    except DomainError as error:
        db().rollback()
        return _schools_page(status=error.status, error=error, at=school_id or 0)
    say("done", _("已保存%(name)s。", name=saved.name))
    return go(url_for("bureau.schools"))


@bp.get("/schools")
def schools() -> Response:
    return _schools_page()


@bp.post("/schools")
def school_create() -> Response:
    return _save_school(None)


@bp.post("/schools/<int:school_id>")
def school_save(school_id: int) -> Response:
    return _save_school(school_id)


# --- import ---


@bp.get("/units/import")
def units_import() -> Response:
    return answer(
        "bureau/import.html", kind="units", columns=imports.UNIT_COLUMNS, plan=None, problems=(), rows=()
    )


@bp.get("/units/template.xlsx")
def units_template() -> Response:
    examples = (
        ("U01", "甲山教育集团", "", "S001", "甲山小学", "小学", "牵头"),
        ("U01", "甲山教育集团", "", "S002", "乙水小学", "小学", "成员"),
    )
    columns = [
        templates_xlsx.ImportColumn(
            name,
            choices=("牵头", "成员") if name == "角色" else (),
            required=name in ("单位代码", "单位名称", "学校代码", "角色"),
            help=_("登记里已有这个学校代码的可以不填") if name == "学校名称" else "",
        )
        for name in imports.UNIT_COLUMNS
    ]
    notes = (_("一行是一个单位里的一所学校。单位代码相同的行合成一个单位，其中一行的角色填“牵头”。"),)
    data = templates_xlsx.write_import_template(_("单位与学校"), columns, examples, notes)
    return xlsx(data, _("单位与学校导入模板"))


@bp.post("/units/import")
def units_import_check() -> Response:
    return check_import("units", imports.UNIT_COLUMNS, imports.plan_units)


@bp.post("/units/import/apply")
def units_import_apply() -> Response:
    rows = posted_rows(imports.UNIT_COLUMNS)
    imports.apply_units(db(), actor(), rows)
    say("done", _("已导入 %(n)s 行。", n=len(rows)))
    return go(url_for("bureau.units"))


def check_import(kind: str, columns: tuple[str, ...], plan: Any) -> Response:
    """Read an uploaded workbook, show what would change and every problem with its cell."""
    upload = request.files.get("file")
    data = upload.read() if upload else b""
    if not data:
        text = _("请先选择文件。") if not (upload and upload.filename) else _("这个文件是空的，请重新选择。")
        return answer(
            "bureau/import.html", status=422, kind=kind, columns=columns, plan=None, problems=[text], rows=()
        )
    try:
        table = reading.read_table(data, columns, optional=imports.OPTIONAL)
    except Invalid as error:
        found = list(error.problems.values()) or [error.message]
        return answer(
            "bureau/import.html", status=422, kind=kind, columns=columns, plan=None, problems=found, rows=()
        )
    rows = [dict(zip(columns, (str(c or "") for c in row.cells), strict=False)) for row in table.rows]
    checked = plan(db(), rows)
    places = [row.number for row in table.rows]
    return answer(
        "bureau/import.html",
        status=422 if checked.problems or table.problems else 200,
        kind=kind,
        columns=columns,
        plan=checked,
        problems=[str(p) for p in table.problems],
        rows=rows,
        places=places,
        payload=json.dumps(rows, ensure_ascii=False),
    )


def posted_rows(columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows that the check page carried; whatever they hold is planned again before it is applied."""
    try:
        rows = json.loads(request.form.get("rows", ""))
        if not isinstance(rows, list) or len(rows) > imports.MOST_ROWS:
            raise ValueError
        found = [{c: str(row.get(c, "")) for c in columns} for row in rows]
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair cannot be stored
        return found
    except (ValueError, AttributeError, RecursionError) as error:
        raise Invalid(_("导入内容不完整，请重新上传文件。")) from error
