"""Schools, units, people: pages and the imports."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable

from flask import Flask
from openpyxl import Workbook, load_workbook
from sqlmodel import select

from intranet.domain.imports import PEOPLE_COLUMNS, UNIT_COLUMNS
from intranet.models import Grant, School, Unit, UnitSchool, User
from tests.world import Client, World, words

UNITS = [
    ("U7", "己川教育集团", "甲组", "S71", "己川小学", "小学", "牵头"),
    ("U7", "己川教育集团", "甲组", "S72", "己川第二小学", "小学", "成员"),
]


def workbook(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> io.BytesIO:
    book = Workbook()
    sheet = book.active
    sheet.append(columns)
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    return out


def check(client: Client, kind: str, file: io.BytesIO, name: str = "导入.xlsx") -> tuple[int, str]:
    answer = client.post(f"/bureau/{kind}/import", {"file": (file, name)})
    return answer.status_code, answer.get_data(as_text=True)


def payload(page: str) -> str:
    found = re.search(r'name="rows" value="([^"]*)"', page)
    assert found is not None
    return found[1].replace("&#34;", '"').replace("&amp;", "&")


def test_units_are_checked_first_and_imported_on_confirmation(
    world: World, client_for: Callable[[str], Client]
) -> None:
    client = client_for("admin")
    status, page = check(client, "units", workbook(UNIT_COLUMNS, UNITS))
    assert status == 200
    assert "新增单位 己川教育集团" in page
    with world.read() as session:
        assert session.exec(select(Unit).where(Unit.code == "U7")).first() is None
    assert client.post("/bureau/units/import/apply", {"rows": payload(page)}).status_code == 303
    with world.read() as session:
        unit = session.exec(select(Unit).where(Unit.code == "U7")).one()
        links = session.exec(
            select(UnitSchool, School).join(School).where(UnitSchool.unit_id == unit.id)
        ).all()
        assert (unit.name, unit.group) == ("己川教育集团", "甲组")
        assert sorted((s.name, link.role.value) for link, s in links) == [
            ("己川小学", "lead"),
            ("己川第二小学", "member"),
        ]


def test_a_bad_sheet_names_each_cell_and_changes_nothing(
    world: World, client_for: Callable[[str], Client]
) -> None:
    bad = [("U8", "庚", "", "S81", "", "小学", "组长"), ("U8", "庚集团", "", "S81", "庚小学", "小学", "成员")]
    status, page = check(client_for("admin"), "units", workbook(UNIT_COLUMNS, bad))
    assert status == 422
    for said in (
        "只能填“牵头”或“成员”",
        "请填写学校名称",
        "前面写的是“庚”",
        "出现了两次",
        "有且只有一所牵头学校",
    ):
        assert said in page
    assert 'name="rows"' not in page
    with world.read() as session:
        assert session.exec(select(Unit).where(Unit.code == "U8")).first() is None


def test_files_that_are_no_such_workbook_get_a_reason(client_for: Callable[[str], Client]) -> None:
    client = client_for("admin")
    for data, said in (
        (b"", "空的"),
        (b"MZ\x90\x00 this is a program", "xlsx"),
        (workbook(("a", "b"), [("1", "2")]).getvalue(), "单位代码"),
    ):
        status, page = check(client, "units", io.BytesIO(data))
        assert status == 422
        assert said in page


def test_people_get_a_first_password_that_works_once_shown(
    app: Flask, world: World, client_for: Callable[[str], Client]
) -> None:
    client = client_for("admin")
    rows = [("t901", "辛老师", "填报负责人", "s4"), ("t902", "壬干事", "局领导", "")]
    status, page = check(client, "people", workbook(PEOPLE_COLUMNS, rows))
    assert status == 200, page
    shown = client.post("/bureau/people/import/apply", {"rows": payload(page)}).get_data(as_text=True)
    passwords = re.findall(r'<code class="password">([a-z2-9]{12})</code>', shown)
    assert len(set(passwords)) == 2
    new = Client(app.test_client())
    assert new.post("/sign-in", {"login": "t901", "password": passwords[0]}).status_code == 303
    assert new.get("/tasks").headers["Location"] == "/password"
    with world.read() as session:
        user = session.exec(select(User).where(User.login == "t901")).one()
        grant = session.exec(select(Grant).where(Grant.user_id == user.id)).one()
        assert (grant.role.value, grant.school_id) == ("filer", world.schools["s4"])


def test_a_tampered_payload_is_planned_again(client_for: Callable[[str], Client]) -> None:
    client = client_for("admin")
    bad = json.dumps([{"单位代码": "U9", "单位名称": "癸", "学校代码": "", "角色": "牵头"}])
    assert client.post("/bureau/units/import/apply", {"rows": bad}).status_code == 422
    assert client.post("/bureau/units/import/apply", {"rows": "no json"}).status_code == 422


def test_the_template_can_be_filled_and_imported(client_for: Callable[[str], Client]) -> None:
    client = client_for("admin")
    data = client.get("/bureau/units/template.xlsx").data
    book = load_workbook(io.BytesIO(data))
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[1]] == list(UNIT_COLUMNS)
    status, page = check(client, "units", io.BytesIO(data))
    assert status == 422
    assert "请从第 2 行起填写" in page
    for row, values in enumerate(UNITS, 2):
        for column, value in enumerate(values, 1):
            sheet.cell(row, column, value)
    filled = io.BytesIO()
    book.save(filled)
    filled.seek(0)
    status, page = check(client, "units", filled)
    assert status == 200, words(page)
    assert "新增单位 己川教育集团" in page


def test_a_unit_needs_exactly_one_lead(world: World, client_for: Callable[[str], Client]) -> None:
    client = client_for("admin")
    ids = [world.schools["s1"], world.schools["s2"]]
    without = {"code": "U5", "name": "新集团", "school": ids}
    answer = client.post("/bureau/units/new", without)
    assert answer.status_code == 422
    assert "有且只有一所牵头学校" in answer.get_data(as_text=True)
    assert client.post("/bureau/units/new", {**without, "lead": ids[0]}).status_code == 303
    with world.read() as session:
        assert session.exec(select(Unit).where(Unit.code == "U5")).one().name == "新集团"


def test_a_stale_school_form_does_not_overwrite(world: World, client_for: Callable[[str], Client]) -> None:
    client, address = client_for("admin"), f"/bureau/schools/{world.schools['s1']}"
    first = {"code": "s1", "name": "甲山中心小学", "stage": "小学", "active": "1", "version": "1"}
    assert client.post(address, first).status_code == 303
    answer = client.post(address, {**first, "name": "甲山实验小学"})
    assert answer.status_code == 409
    assert "刚刚被别人改过" in answer.get_data(as_text=True)
    assert "甲山实验小学" in answer.get_data(as_text=True)  # what was typed is still there
    with world.read() as session:
        school = session.get(School, world.schools["s1"])
        assert school is not None
        assert school.name == "甲山中心小学"


def test_closing_an_account_ends_its_sessions_at_once(
    world: World, client_for: Callable[[str], Client]
) -> None:
    lead, admin = client_for("lead1"), client_for("admin")
    assert lead.get("/password").status_code == 200
    admin.post(f"/bureau/people/{world.users['lead1']}/active", {"active": "0"})
    assert lead.get("/password").status_code == 302
    own = admin.post(f"/bureau/people/{world.users['admin']}/active", {"active": "0"})
    assert own.status_code == 409
    assert admin.get("/bureau/people").status_code == 200


def test_the_log_page_filters_and_checks_the_chain(client_for: Callable[[str], Client]) -> None:
    client = client_for("admin")
    client.post("/bureau/schools", {"code": "S99", "name": "癸海小学", "stage": "小学"})
    page = client.text("/bureau/log?subject=S99")
    assert "S99" in page
    assert "名称：癸海小学" in page
    assert "癸海小学" not in client.text("/bureau/log?subject=S98")
    assert "癸海小学" not in client.text("/bureau/log?action=unit.create")
    assert "癸海小学" in client.text("/bureau/log?action=school.create")
    assert "日志链完整" in client.text("/bureau/log/check")
