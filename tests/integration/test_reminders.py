"""待办, 催办单 and mail: who is told what, and that nothing goes out unless it is set up."""

from __future__ import annotations

import io
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlmodel import select

from intranet import mail
from intranet.domain.imports import PEOPLE_COLUMNS
from intranet.domain.todo import Todo, todos
from intranet.enums import CombineRule, CycleState, SchoolRole, SubmissionState
from intranet.models import Cycle, Delegation, Entry, EntrySchool, Mark, Unit, User
from tests.integration import panel_ground
from tests.integration.filing_ground import hidden, log, return_for
from tests.integration.test_filing_submit import fill
from tests.integration.test_register import check, payload, workbook
from tests.world import Client, World, words

SignIn = Callable[[str], Client]


class _Sink(socketserver.StreamRequestHandler):
    """As much of an SMTP server as a client needs; keeps what it is given."""

    def handle(self) -> None:
        def say(text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        say("220 sink")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT" and b"refused" in line:
                say("550 no such mailbox")
            elif verb == b"RCPT" and b"breaks" in line:
                return
            elif verb == b"DATA":
                say("354 go on")
                data = b""
                while (piece := self.rfile.readline()) != b".\r\n":
                    data += piece
                self.server.letters.append(data)  # type: ignore[attr-defined]
                say("250 kept")
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


@pytest.fixture
def sink() -> Iterator[socketserver.TCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Sink) as server:
        server.letters = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def switch_on(app: Flask, port: int) -> None:
    settings = app.extensions["intranet"].settings
    settings.smtp_host, settings.smtp_port, settings.mail_from = "127.0.0.1", port, "bureau@example.test"


def page(world: World, rest: str = "") -> str:
    return f"/bureau/cycles/{world.cycle_id}/reminders{rest}"


def test_the_list_says_who_lacks_what(world: World, client_for: SignIn) -> None:
    lead, admin = client_for("lead1"), client_for("admin")
    text = admin.text(page(world))
    assert "甲山教育集团" in text
    assert "填报甲（lead1）" in text
    assert "未开始" in text
    fill(lead, world)
    assert lead.post(f"/entries/{world.entries['g01']}/submit", {"known": "1"}).status_code == 303
    assert "甲山教育集团" not in admin.text(page(world))
    return_for(world, "A2")
    assert "甲山教育集团" in admin.text(page(world, "?show=back"))
    assert "丁桥教育集团" not in admin.text(page(world, "?show=back"))
    letters = admin.text(page(world, f"/letters?unit={world.entries['g01']}"))
    assert (
        "“示例年度考核”的填报已退回修改，还没有重新提交。退回的指标：每学期召开理事会不少于2次(7分)。"
        in letters
    )
    assert "丁桥" not in letters


def test_xlsx_holds_the_chosen_units(world: World, client_for: SignIn) -> None:
    data = client_for("admin").get(page(world, f".xlsx?unit={world.entries['g02']}")).get_data()
    rows = list(openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].iter_rows(min_row=4, values_only=True))
    assert [row[1] for row in rows if row[1]] == ["丁桥教育集团"]
    assert rows[0][2] == "填报丁（lead2）"
    assert rows[0][3] == "未开始"


def test_no_mail_without_a_server(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    assert "发邮件…" not in admin.text(page(world))
    assert "smtp_host" in admin.text(page(world))
    assert admin.get(page(world, "/mail")).status_code == 409
    assert admin.post(page(world, "/mail")).status_code == 409


def test_mail_goes_to_those_with_an_address_and_the_log_knows(
    app: Flask, world: World, client_for: SignIn, sink: socketserver.TCPServer
) -> None:
    switch_on(app, sink.server_address[1])
    admin = client_for("admin")
    user = world.users["lead1"]
    refused = admin.post(f"/bureau/people/{user}/email", {"email": "x@y.test\r\nBcc: z@y.test"})
    assert refused.status_code == 422
    assert admin.post(f"/bureau/people/{user}/email", {"email": "jia@school.test"}).status_code == 303
    text = admin.text(page(world, "/mail"))
    assert "填报甲 jia@school.test" in text
    assert "没有登记邮箱，不会发" in text
    assert admin.post(page(world, "/mail")).status_code == 303
    (data,) = sink.letters  # type: ignore[attr-defined]
    letter = message_from_bytes(data, policy=policy.default)
    assert letter["To"].addresses[0].addr_spec == "jia@school.test"
    assert letter["Subject"] == "催办：示例年度考核填报（甲山教育集团）"
    assert "“示例年度考核”的填报还没有提交。" in letter.get_body().get_content()
    assert [(e.entry_id, e.new["to"]) for e in log(world, "reminder.mail")] == [
        (world.entries["g01"], "jia@school.test")
    ]
    assert "已发出 1 封。" in admin.text(page(world))


def test_what_was_not_sent_is_said_and_not_logged(
    app: Flask, world: World, client_for: SignIn, sink: socketserver.TCPServer
) -> None:
    switch_on(app, sink.server_address[1])
    admin = client_for("admin")
    admin.post(f"/bureau/people/{world.users['lead1']}/email", {"email": "refused@school.test"})
    assert admin.post(page(world, "/mail")).status_code == 303
    assert "填报甲（refused@school.test）没有发出：收件地址被拒绝" in admin.text(page(world))
    switch_on(app, 9)  # nobody listens there
    admin.post(page(world, "/mail"))
    assert "连不上邮件服务器" in admin.text(page(world))
    assert log(world, "reminder.mail") == []


def letter_to(address: str, name: str = "甲", subject: str = "催办") -> mail.Letter:
    return mail.Letter(address, name, subject, "正文")


def test_a_connection_that_breaks_takes_back_nothing_that_was_sent(
    app: Flask, sink: socketserver.TCPServer
) -> None:
    switch_on(app, sink.server_address[1])
    letters = [letter_to(f"{who}@school.test") for who in ("a", "breaks", "c")]
    failed = mail.send(app.extensions["intranet"].settings, letters)
    assert [f.letter.to for f in failed] == ["breaks@school.test", "c@school.test"]
    assert len(sink.letters) == 1  # type: ignore[attr-defined]


def test_a_name_or_title_cannot_begin_another_header(app: Flask, sink: socketserver.TCPServer) -> None:
    switch_on(app, sink.server_address[1])
    letter = letter_to("a@school.test", "甲\r\nBcc: z@y.test", "催办\nBcc: z@y.test\r\n\r\n别的")
    assert mail.send(app.extensions["intranet"].settings, [letter]) == []
    kept = message_from_bytes(sink.letters[0], policy=policy.default)  # type: ignore[attr-defined]
    assert "Bcc" not in kept
    assert kept["Subject"] == "催办 Bcc: z@y.test 别的"
    assert kept.get_body().get_content().strip() == "正文"


def test_pressed_twice_it_goes_out_once_and_not_too_much_at_a_time(
    app: Flask,
    world: World,
    client_for: SignIn,
    sink: socketserver.TCPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    switch_on(app, sink.server_address[1])
    admin = client_for("admin")
    for login in ("lead1", "lead2"):
        admin.post(f"/bureau/people/{world.users[login]}/email", {"email": f"{login}@school.test"})
    monkeypatch.setattr("intranet.domain.reminders.MOST", 1)
    html = admin.get(page(world, "/mail")).get_data(as_text=True)
    assert "一次最多发 1 封" in html
    for _press in range(2):
        assert admin.post(page(world, "/mail"), {"op": hidden(html, "op")}).status_code == 303
    assert len(sink.letters) == 1  # type: ignore[attr-defined]
    assert len(log(world, "reminder.mail")) == 1


def test_the_password_may_stand_in_a_file(app: Flask, tmp_path: Path) -> None:
    settings = app.extensions["intranet"].settings
    settings.smtp_password = "in the settings"
    assert settings.mail_password() == "in the settings"
    (tmp_path / "secret").write_text("in the file\n", encoding="utf-8")
    settings.smtp_password_file = tmp_path / "secret"
    assert settings.mail_password() == "in the file"


@pytest.mark.parametrize("columns", [PEOPLE_COLUMNS, PEOPLE_COLUMNS[:4]])
def test_addresses_come_with_the_import_of_people(
    world: World, client_for: SignIn, columns: tuple[str, ...]
) -> None:
    admin = client_for("admin")
    row = ("t901", "辛老师", "填报负责人", "s4", "xin@school.test")[: len(columns)]
    status, html = check(admin, "people", workbook(columns, [row]))
    assert status == 200, html
    admin.post("/bureau/people/import/apply", {"rows": payload(html)})
    with world.read() as session:
        assert session.exec(select(User.email).where(User.login == "t901")).one() == "".join(row[4:])
    if len(columns) == 5:
        status, html = check(admin, "people", workbook(columns, [(*row[:4], "不是邮箱")]))
        assert status == 422
        assert "邮箱地址不对" in html


@pytest.mark.parametrize(
    "text",
    ["a b@x.test", "a@x.test,b@x.test", "a@x.test\n", "a", "@x.test", "甲@x.test", "<a@x.test>", "a" * 260],
)
def test_only_plain_addresses(text: str) -> None:
    assert not mail.is_address(text)


def test_todos_of_the_bureau_follow_the_cycle(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    assert "2 个单位还没提交，可以催办" in admin.text("/bureau/cycles")
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.filing_until = datetime.now(UTC) - timedelta(hours=1)
        session.add(cycle)
        session.commit()
    assert "填报已截止，进入评分" in admin.text("/bureau/cycles")
    world.move_to(CycleState.DELIBERATION)
    assert "合议后冻结结果" in admin.text("/bureau/cycles")


def test_todos_of_a_school(world: World, client_for: SignIn) -> None:
    def said(login: str) -> list[tuple[str, bool]]:
        with world.read() as session:
            now = datetime.now(UTC)
            return [(t.text, t.urgent) for t in todos(session, world.actor(login), at=now, today=now.date())]

    assert said("lead1") == [("填报并提交", False)]
    assert said("member1") == []
    with world.write() as session:
        session.add(
            Delegation(
                entry_id=world.entries["g01"],
                school_id=world.schools["s2"],
                ref="clause:A2",
                due=(datetime.now(UTC) - timedelta(days=2)).date(),
                given_by=world.users["lead1"],
            )
        )
        session.commit()
    assert said("lead1") == [("1 处分工已逾期", True), ("填报并提交", False)]
    assert said("member1") == [("完成分给本校的 1 处", True)]
    return_for(world, "A2", "B1")
    assert said("lead1")[0] == ("修改退回的 A2、B1，重新提交", True)
    client = client_for("lead1")
    with world.write() as session:
        entry = session.get(Entry, world.entries["g01"])
        assert entry is not None
        entry.state = SubmissionState.OPEN
        session.add(entry)
        session.commit()
    fill(client, world)
    client.post(f"/entries/{world.entries['g01']}/submit", {"known": "1"})
    assert ("打印回执，盖章后上传扫描件", False) in said("lead1")
    assert "上传盖章回执" in words(client.get(f"/entries/{world.entries['g01']}").get_data(as_text=True))


def test_todos_of_the_panel(world: World, client_for: SignIn) -> None:
    panel_ground.submit(world, "g01", "g02")
    reviewer, chair = client_for("rev1"), client_for("chair")
    assert re.search(r"待办 \d 件 还有 \d+ 处没评", reviewer.text("/panel"))
    with world.write() as session:
        for login, points in (("rev1", 5), ("rev2", 3)):
            session.add(
                Mark(
                    entry_id=world.entries["g01"],
                    code="A2",
                    role="panel",
                    user_id=world.users[login],
                    made_by=world.users[login],
                    points=Fraction(points),
                    computed=Fraction(99),
                )
            )
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.combine = CombineRule.CHAIR
        session.add(cycle)
        session.commit()
    assert "1 处评分后内容有变，请再看一遍" in reviewer.text("/panel")
    assert "1 处要由组长审定才有得分" in chair.text("/panel")
    assert "要由组长审定" not in reviewer.text("/panel")
    world.move_to(CycleState.DELIBERATION)
    assert "没评" not in reviewer.text("/panel")
    assert "1 处要由组长审定才有得分" in chair.text("/panel")


def test_rows_that_name_a_school_wait_for_its_word(world: World, client_for: SignIn) -> None:
    lead, member = client_for("lead1"), client_for("member1")
    row = {"c:person": "甲某 001", "c:category": "定期", "c:sender": "s1", "c:receiver": "s2"}
    where = f"/entries/{world.entries['g01']}/indicators/B1/tables/exchange/rows"
    assert lead.post(where, row, htmx=True).status_code == 200
    page_ = member.get(f"/entries/{world.entries['g01']}").get_data(as_text=True)
    assert '我的任务<span class="count">1</span>' in page_
    found = found_by(world, "member1")
    assert [(t.text, t.endpoint) for t in found] == [("1 行写到本校，请确认", "school.confirmations")]


def test_results_and_the_bureaus_own_data(world: World, client_for: SignIn) -> None:
    world.move_to(CycleState.REVIEW)
    assert "教育局数据有" in client_for("admin").text("/bureau/cycles")
    world.move_to(CycleState.PUBLISHED)
    assert [t.text for t in found_by(world, "lead1")] == ["结果正在公示，请核对"]


def found_by(world: World, login: str) -> list[Todo]:
    with world.read() as session:
        now = datetime.now(UTC)
        return todos(session, world.actor(login), at=now, today=now.date())


@pytest.mark.parametrize("login", ["admin", "lead1", "member1"])
def test_the_number_of_queries_does_not_grow_with_the_units(world: World, login: str) -> None:
    def queries() -> int:
        with world.read() as session:
            actor, now, counted = world.actor(login), datetime.now(UTC), []

            def count(*_args: object) -> None:
                counted.append(1)

            sa.event.listen(world.engine, "before_cursor_execute", count)
            todos(session, actor, at=now, today=now.date())
            found = len(counted)
            sa.event.remove(world.engine, "before_cursor_execute", count)
            return found

    before = queries()
    with world.write() as session:
        unit = session.get(Entry, world.entries["g01"])
        assert unit is not None
        for n in range(12):
            more = Unit(code=f"x{n}", name=f"另一个 {n}")
            session.add(more)
            session.flush()
            entry = Entry(cycle_id=world.cycle_id, unit_id=more.id or 0, code=more.code, name=more.name)
            session.add(entry)
            session.flush()
            for school, role in (("s1", SchoolRole.LEAD), ("s2", SchoolRole.MEMBER)):
                session.add(
                    EntrySchool(
                        entry_id=entry.id or 0,
                        school_id=world.schools[school],
                        code=school,
                        name=school,
                        role=role,
                    )
                )
        session.commit()
    assert queries() == before
