"""Numbers, dates, shapes and sizes that no honest form sends: a Chinese word beside them, nothing stored, no 500."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from flask import Flask

from intranet.enums import CycleState
from intranet.models import Cycle
from tests.integration.filing_ground import answers, at, save
from tests.integration.panel_ground import submit
from tests.integration.security_ground import NOWHERE, Ground, addresses, everything, facts_of_all, lay
from tests.integration.test_panel_scoring import form_of
from tests.world import Client, World, words

SignIn = Callable[[str], Client]

HUGE = "9" * 5000
NOT_NUMBERS = (
    "NaN", "nan", "Infinity", "-inf", "1e309", "1e3", "1,5", "1.5.2", "0x10", "1_000", "½", "²", "三", "1/2",
    "50%", "--1", "+-2", "1 2", "0.1234567890123", HUGE, str(2**63), "true", "=1+1", "${7*7}", "1;2", "٣.٥.",
)  # fmt: skip


def chinese(text: str) -> bool:
    return bool(re.search(r"[\u4e00-\u9fff]", text))


def test_a_count_takes_whole_numbers_only(world: World, client_for: SignIn) -> None:
    client, before = client_for("lead1"), facts_of_all(world)
    here = at(world, "B3", "/answers")
    for text in (*NOT_NUMBERS, "-1", "0.5", "４．５", "-0.0001"):
        for htmx in (True, False):
            answer = client.post(here, {"f:took_part": text, "only": "took_part"}, htmx=htmx)
            assert answer.status_code == 422, text
            page = words(answer.get_data(as_text=True))
            assert re.search("不是数，请填整数，如 3|不是整数，请填整数，如 3|不能小于 0，请核对", page), text
    assert facts_of_all(world) == before


def test_a_count_is_understood_as_people_type_it(world: World, client_for: SignIn) -> None:
    client, here = client_for("lead1"), at(world, "B3", "/answers")
    typed = {"４": 4, " 3 人": 3, "1,500": 1500, "-0": 0, "+3": 3, "2.0": 2, "٧": 7}
    for version, (text, stored) in enumerate(typed.items()):
        sent = {"f:took_part": text, "only": "took_part", "version:took_part": version}
        assert client.post(here, sent, htmx=True).status_code == 200, text
        assert answers(world) == {"took_part": (stored, version + 1)}, text


def test_points_of_school_and_panel_are_refused_alike(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    client.post(at(world, "A1", "/answers"), {"f:A1.1.charter": "true", "only": "A1.1.charter"}, htmx=True)
    submit(world, "g02", state=CycleState.FILING)
    before = facts_of_all(world)
    wrong = [*NOT_NUMBERS, "-1", "3.01", "99", "1e0", "2.501"]
    for text in wrong:
        own = client.post(at(world, "A1", "/self/A1.2"), {"points": text, "reason": "x"}, htmx=True)
        assert own.status_code == 422, text
    world.move_to(CycleState.REVIEW)
    reviewer, here = client_for("rev1"), f"/panel/entries/{world.entries['g02']}/indicators/A1"
    form = form_of(reviewer, here)
    for text in wrong:
        sent = {**form, "points.A1.2": text, "reason.A1.2": "x", "do": "save"}
        assert reviewer.post(here, sent, htmx=True).status_code == 422, text
    world.move_to(CycleState.FILING)
    assert facts_of_all(world) == before


def test_points_in_fullwidth_are_points(world: World, client_for: SignIn) -> None:
    submit(world, "g02")
    reviewer, here = client_for("rev1"), f"/panel/entries/{world.entries['g02']}/indicators/A1"
    sent = {**form_of(reviewer, here), "points.A1.2": "２．５", "reason.A1.2": "x", "do": "save"}
    assert reviewer.post(here, sent).status_code == 303
    assert [m[5] for m in everything(world)["mark"] if m[4] == world.users["rev1"] and m[2] == "A1.2"] == [
        Fraction(5, 2)
    ]


BAD_DATES = (
    "2031-02-29", "2031-13-01", "2031-00-10", "2031-01-32", "0000-01-01", "0001-01-01", "9999-12-31", "12345-01-01",
    "2031-1", "1e9", "NaN", "明天", "2031-02-30T00:00", "-2031-01-01", "2031-01-01; DROP TABLE answer", "²⁰31-01-01",
)  # fmt: skip


def test_dates_that_are_none_are_refused_everywhere(world: World, client_for: SignIn) -> None:
    client, before = client_for("lead1"), facts_of_all(world)
    admin, base = client_for("admin"), f"/bureau/cycles/{world.cycle_id}"
    for text in BAD_DATES:
        cells = {
            "c:person": "甲",
            "c:category": "定期",
            "c:sender": "s1",
            "c:receiver": "s2",
            "c:start": text,
        }
        answer = client.post(at(world, "B1", "/tables/exchange/rows"), cells, htmx=True)
        assert answer.status_code == 422, text
        dates = {"filing_from": "2031-05-01 08:00", "filing_until": text, "review_until": "2031-07-01 08:00"}
        assert admin.post(f"{base}/dates", dates).status_code == 422, text
        extended = admin.post(
            f"{base}/progress/{world.entries['g01']}/extend", {"until": text, "reason": "病"}
        )
        assert extended.status_code == 422, text
        for name in ("since", "until"):
            assert admin.get("/bureau/log", query_string={name: text}).status_code == 200, text
    assert facts_of_all(world) == before


def test_an_end_before_its_start_blocks(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    dates = {"filing_from": "2031-05-01 08:00", "filing_until": "2031-04-01 08:00"}
    before = facts_of_all(world)
    answer = admin.post(f"/bureau/cycles/{world.cycle_id}/dates", dates)
    assert answer.status_code == 422
    assert facts_of_all(world) == before
    client = client_for("lead1")
    cells = {
        "c:person": "甲", "c:category": "定期", "c:sender": "s1", "c:receiver": "s2",
        "c:start": "2031-03-01", "c:end": "2030-03-01",
    }  # fmt: skip
    client.post(at(world, "B1", "/tables/exchange/rows"), cells)
    assert "“止”早于“起”" in client.text(at(world, "", "/check"))
    assert client.post(at(world, "", "/submit"), {"known": "1"}).status_code == 422
    assert everything(world)["entry"][0][6] == "open"


# --- ids and versions -----------------------------------------------------------------------------

ODD_IDS = ("²", "１", str(2**63), str(2**63 - 1), HUGE, "-1", "0", "NaN", "\u0000")


def test_odd_ids_in_addresses_are_not_there(app: Flask, world: World, client_for: SignIn) -> None:
    ground = lay(world)
    clients = {"bureau": client_for("admin"), "panel": client_for("rev1"), "school": client_for("lead1")}
    clients |= {"leader": client_for("leader"), "files": clients["school"], "published": clients["school"]}
    paths = {e: path for e, given, path in addresses(app, ground, "GET") if NOWHERE in given.values()}
    assert len(paths) > 25
    for endpoint, path in paths.items():
        client = clients[endpoint.partition(".")[0]]
        for text in ("²", str(2**63), HUGE, "-1", "NaN"):
            odd = path.replace(str(NOWHERE), text)
            assert client.get(odd).status_code == 404, (path, text)


def test_odd_ids_and_versions_in_forms_change_nothing(world: World, client_for: SignIn) -> None:
    ground = lay(world)
    lead, admin = client_for("lead1"), client_for("admin")
    save(lead, world, "A2", "A2.上学期", "2")
    before = facts_of_all(world)
    here = at(world, "B2")
    for text in ODD_IDS:
        assert lead.get(here, query_string={"table": "awards", "row": text}).status_code in (200, 404)
        for n, (client, path, data) in enumerate(odd_posts(ground, lead, admin, text)):
            answer = client.post(path, data, htmx=n % 2 == 0)
            assert 400 <= answer.status_code < 500, (path, text, answer.status_code)
        for query in ("cycle", "entry", "before"):
            assert admin.get("/bureau/log", query_string={query: text}).status_code == 200
    assert facts_of_all(world) == before


def odd_posts(
    ground: Ground, lead: Client, admin: Client, text: str
) -> list[tuple[Client, str, dict[str, Any]]]:
    """Each form with an id or a version in it, and this text in its place."""
    world, row, file = ground.world, ground.rows["g01"], ground.files["g01"]
    here = at(world, "B2")
    return [
        (lead, f"{here}/rows/{row}", {"c:winner": "新", "c:level": "区级", "version": text}),
        (lead, at(world, "A2", "/files/link"), {"ref": "slot:A2#2", "evidence": text}),
        (lead, at(world, "B2", "/files/link"), {"ref": f"row:{text}", "evidence": str(file)}),
        (lead, at(world, "B2", "/files/link"), {"ref": f"row:{text}", "evidence": ""}),
        (lead, at(world, "B2", "/files"), {"ref": f"row:{text}"}),
        (lead, at(world, "A2", f"/files/{file}/unlink"), {"ref": f"row:{text}"}),
        (lead, at(world, "A2", "/slots"), {"slot": f"A2#{text}", "absent": "1"}),
        (lead, at(world, "A1", "/self/A1.2"), {"points": "1", "version": text}),
        (lead, at(world, "A2", "/answers"), {"f:A2.上学期": "1", "version:A2.上学期": text}),
        (
            admin,
            f"/bureau/units/{world.units['g01']}",
            {"code": "g01", "name": "新名", "school": text, "lead": text},
        ),
        (admin, f"/bureau/schools/{world.schools['s1']}", {"code": "s1", "name": "", "version": text}),
        (admin, "/bureau/people", {"login": "zz", "name": "张", "role": "filer", "school": text}),
        (admin, f"/bureau/people/{world.users['rev1']}/roles", {"role": "filer", "school": text}),
        (admin, f"/bureau/cycles/{world.cycle_id}/panel", {"chair": text, "reviewer": text, "combine": "x"}),
        (admin, f"/bureau/cycles/{world.cycle_id}/data/slot", {"entry": text, "key": "A2#1", "reason": "x"}),
    ]


def test_a_unit_takes_no_school_that_is_not_there(world: World, client_for: SignIn) -> None:
    before = facts_of_all(world)
    sent = {
        "code": "g01",
        "name": "甲山教育集团",
        "active": "1",
        "school": ["999999"],
        "lead": str(world.schools["s1"]),
    }
    answer = client_for("admin").post(f"/bureau/units/{world.units['g01']}", sent)
    assert answer.status_code == 422
    assert "登记里没有" in answer.get_data(as_text=True)
    assert facts_of_all(world) == before


def test_lists_and_doubled_names_count_once(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    sent = {"f:took_part": ["3", "99"], "f:took_part[]": "7", "only": "took_part"}
    assert client.post(at(world, "B3", "/answers"), sent, htmx=True).status_code == 200
    assert [(r[4], r[5]) for r in everything(world)["answer"]] == [("took_part", 3)]


# --- sizes ----------------------------------------------------------------------------------------


def within(seconds: float, send: Callable[[], Any]) -> Any:
    """The answer, if it cost this process no more time than that, however busy the machine is."""
    begin = time.thread_time()
    answer = send()
    assert time.thread_time() - begin < seconds
    assert answer.status_code < 500
    return answer


def test_a_hundred_thousand_form_parts_are_refused(world: World, client_for: SignIn) -> None:
    client, before = client_for("lead1"), facts_of_all(world)
    parts = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f:%d"\r\n\r\n1\r\n' % n for n in range(100_000)
    )
    for content_type, data in (
        ("multipart/form-data; boundary=x", parts + b"--x--\r\n"),
        ("application/x-www-form-urlencoded", b"&".join(b"f:%d=1" % n for n in range(400_000))),
        ("application/x-www-form-urlencoded", b"f:took_part=" + b"1" * 8_000_000),
        ("text/plain", b"1" * 8_000_000),
    ):
        answer = within(
            4,
            lambda d=data, c=content_type: client.raw.post(  # type: ignore[misc]
                at(world, "B3", "/answers"), data=d, content_type=c, headers={"X-CSRF-Token": client.token()}
            ),
        )
        assert answer.status_code == 413, content_type
        assert chinese(answer.get_data(as_text=True))
    assert facts_of_all(world) == before


def test_a_field_of_64_megabytes_is_refused_unread(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    data = b'--x\r\nContent-Disposition: form-data; name="f:took_part"\r\n\r\n' + b"1" * (64 * 1024 * 1024)
    answer = within(
        4,
        lambda: client.raw.post(
            at(world, "B3", "/answers"),
            data=data + b"\r\n--x--\r\n",
            content_type="multipart/form-data; boundary=x",
            headers={"X-CSRF-Token": client.token()},
        ),
    )
    assert answer.status_code == 413
    assert "太大" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "rows",
    [
        "[" * 200_000,
        '{"a":' * 50_000,
        "[" + "9" * 6000 + "]",
        "NaN",
        "[null]",
        '["x"]',
        "{}",
        '"x"',
        '[{"单位代码": "\\ud800", "单位名称": "甲", "学校代码": "q1", "学校名称": "乙", "角色": "牵头"}]',
        json.dumps([{"单位代码": "u"}] * 6000),
        json.dumps([{"账号": {"x": 1}, "姓名": ["a"], "单位代码": {}, "角色": None}]),
    ],
)
def test_what_an_import_page_carries_is_not_believed(world: World, client_for: SignIn, rows: str) -> None:
    admin, before = client_for("admin"), facts_of_all(world)
    for kind in ("units", "people"):
        answer = within(3, lambda k=kind: admin.post(f"/bureau/{k}/import/apply", {"rows": rows}))  # type: ignore[misc]
        assert answer.status_code == 422, rows[:40]
        assert chinese(answer.get_data(as_text=True))
    assert facts_of_all(world) == before


def test_ten_thousand_pasted_rows_are_refused_with_the_limit(world: World, client_for: SignIn) -> None:
    text = "\n".join(f"乙{n}\t市级" for n in range(10_000))
    before = facts_of_all(world)
    answer = within(
        4,
        lambda: client_for("lead1").post(
            at(world, "B2", "/tables/awards/paste"), {"text": text, "accept": "1"}
        ),
    )
    assert answer.status_code == 422
    assert "一次最多粘贴 500 行，这里有 10000 行" in answer.get_data(as_text=True)
    bureau = within(
        4,
        lambda: client_for("admin").post(f"/bureau/cycles/{world.cycle_id}/data/paste/unit", {"text": text}),
    )
    assert bureau.status_code in (404, 422)
    assert facts_of_all(world) == before


@pytest.mark.parametrize(
    "text", ["甲" * 60_000, "%" * 60_000, ".*+?[(\\" * 9_000, "_", "%", "'; DROP TABLE user; --"]
)
def test_searches_of_any_length_answer(world: World, client_for: SignIn, text: str) -> None:
    admin = client_for("admin")
    for path, name in (
        ("/bureau/people", "q"),
        ("/bureau/log", "person"),
        ("/bureau/log", "unit"),
        ("/bureau/log", "subject"),
    ):
        answer = within(2, lambda p=path, n=name: admin.get(p, query_string={n: text}))  # type: ignore[misc]
        assert answer.status_code == 200
    assert "评委一" not in admin.text("/bureau/people?q=" + "%25")


def test_long_texts_are_refused_with_the_limit(world: World, client_for: SignIn) -> None:
    lead, admin = client_for("lead1"), client_for("admin")
    lead.post(at(world, "A1", "/answers"), {"f:A1.1.charter": "true", "only": "A1.1.charter"}, htmx=True)
    before, long = facts_of_all(world), "长" * 100_000
    sent = [
        (lead, at(world, "A1", "/self/A1.2"), {"points": "1", "reason": long}),
        (lead, at(world, "B2", "/tables/awards/rows"), {"c:winner": long, "c:level": "市级"}),
        (admin, "/bureau/people", {"login": "zz", "name": long, "role": "leader"}),
        (admin, "/bureau/people", {"login": "z" * 65, "name": "张", "role": "leader"}),
        (admin, "/bureau/schools", {"code": "q9", "name": long}),
        (admin, "/bureau/schools", {"code": long, "name": "校"}),
        (admin, "/bureau/cycles/new", {"title": long, "rubric": "sample"}),
    ]
    for client, path, data in sent:
        answer = client.post(path, data)
        assert answer.status_code == 422, path
        assert re.search("最多|只能用", answer.get_data(as_text=True)), path
    assert facts_of_all(world) == before


def test_a_number_in_a_cycle_far_away_does_not_break_the_bar(world: World, client_for: SignIn) -> None:
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.filing_until = datetime(9999, 12, 31, 12, tzinfo=UTC)
        session.add(cycle)
        session.commit()
    world.move_to(CycleState.FILING)
    assert client_for("lead1").get(at(world, "A1")).status_code == 200
