"""待办, 催办单 and mail: who is told what, and that nothing goes out unless it is set up."""

from __future__ import annotations

import io
import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import openpyxl
import pytest
from flask import Flask

from intranet import mail
from intranet.enums import CycleState, SubmissionState
from intranet.models import Cycle, Delegation, Entry
from tests.integration.filing_ground import log, return_for
from tests.integration.test_filing_submit import fill
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
    assert "“示例年度考核”的填报已退回修改，还没有重新提交。退回的指标：A2。" in letters
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
    from intranet.domain.todo import todos

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
