"""展示考核 in real browsers: a chair's screen and two reviewers' tablets side by side, through a whole turn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlmodel import select

from intranet.enums import TurnState
from intranet.models import Answer, Turn, TurnScore
from tests.browser.test_looks import look_around
from tests.e2e.harness import DESKTOP, PHONE, Server, Visit, Visitor, serving
from tests.integration.panel_ground import attach, log, submit
from tests.integration.showing_ground import TARGET, showing_of, turn_ids, turn_of, with_figure
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser

PROJECTOR = {"width": 1920, "height": 1080}


@pytest.fixture
def server(world: World, app: Flask) -> Iterator[Server]:
    with_figure(world)
    with serving(app) as started:
        yield started


def come(visit: Visit, server: Server, login: str, **options: object) -> Visitor:
    visitor = visit(server, **options)
    visitor.sign_in(login, PASSWORD)
    return visitor


def prepared(chair: Visitor, world: World) -> int:
    """A session made with the form; its id."""
    chair.go(f"/panel/cycles/{world.cycle_id}/showings/new?target={TARGET}")
    chair.page.fill("#title", "上午场")
    chair.page.fill("#minutes", "8")
    chair.page.fill("#spread", "1")
    chair.press("安排这一场")
    return int(chair.path().rsplit("/", 1)[1])


def send(tablet: Visitor, points: str) -> None:
    tablet.page.fill("#score-points", points)
    with tablet.saving("/turns/"):
        tablet.page.get_by_role("button", name=re.compile("送出评分|改为这个分数")).click()
    expect(tablet.page.locator(".tablet-sent")).to_contain_text(f"已送出 {points}")


def test_a_whole_turn_with_a_flagged_spread_scored_again_and_settled(
    world: World, server: Server, visit: Visit
) -> None:
    chair = come(visit, server, "chair")
    one, two = (come(visit, server, login, size=PHONE) for login in ("rev1", "rev2"))
    showing_id = prepared(chair, world)
    chair.press("主持这一场")
    for tablet in (one, two):
        tablet.go(f"/panel/showings/{showing_id}/score")
        expect(tablet.page.locator(".tablet-unit")).to_have_text("请稍候")

    chair.press("开始展示")
    expect(chair.page.locator("[data-left]")).to_have_text(re.compile(r"^0(8:00|7:5\d)$"))
    expect(one.page.locator(".tablet-unit")).to_have_text("甲山教育集团")  # by itself, within two seconds
    expect(one.page.locator("[data-left]")).to_have_text(re.compile(r"^0[78]:"))
    chair.press("开始评分")
    expect(one.page.locator("#score-points")).to_be_visible()
    one.page.fill("#score-points", "7")
    with one.saving("/turns/", 422):
        one.page.get_by_role("button", name="送出评分").click()
    expect(one.page.locator("#score-msg")).to_have_text("请填 0 — 5")
    assert one.page.input_value("#score-points") == "7"
    send(one, "5")
    expect(chair.page.locator(".room-figure")).to_have_text(re.compile(r"1\s*/\s*2"))
    assert "5" not in chair.page.locator(".room-people").inner_text()
    expect(two.page.locator("#score-points")).to_be_visible()
    two.page.fill("#score-points", "2.5")
    two.page.wait_for_timeout(2500)  # asking what is new must not take away what is typed
    assert two.page.input_value("#score-points") == "2.5"
    send(two, "2.5")

    expect(chair.page.locator(".room-figure")).to_have_text(re.compile(r"2\s*/\s*2"))
    chair.press("亮分")
    expect(chair.page.locator(".room-main")).to_contain_text("超过分差上限 1 分")
    expect(two.page.locator(".tablet-table")).to_contain_text("评委一")
    chair.page.fill("#settle-reason", "对照标准再评一次")
    chair.press("重新评分")
    expect(one.page.locator(".tablet-form")).to_contain_text("您上次评 5")
    assert one.page.input_value("#score-points") == "5"
    send(one, "4.5")
    expect(two.page.locator("#score-points")).to_have_value("2.5")
    send(two, "4")
    expect(chair.page.locator(".room-figure")).to_have_text(re.compile(r"2\s*/\s*2"))
    chair.press("亮分")
    assert "超过分差上限" not in chair.words()
    assert chair.page.input_value("#settle-points") == "4.25"
    chair.press("审定")
    expect(chair.page.locator(".room-figure")).to_have_text(re.compile(r"4\.25"))
    expect(one.page.locator(".tablet")).to_contain_text("已审定")
    chair.press("下一个")
    expect(chair.page.locator("h1.room-unit")).to_have_text("丁桥教育集团")

    with world.read() as session:
        stored = session.exec(select(Answer).where(Answer.key == "show")).one()
        assert Fraction(str(stored.value)) == Fraction(17, 4)
        assert sorted(s.points for s in session.exec(select(TurnScore))) == [Fraction(4), Fraction(9, 2)]
    assert turn_of(world, showing_id, "g01").points == Fraction(17, 4)
    assert [e.detail["said"] for e in log(world, "turn.reopen")] == [{"评委一": "5", "评委二": "2.5"}]


def run(world: World, showing_id: int, state: TurnState, *, started: float = 0) -> None:
    """Put the first turn into a state, started so many seconds ago."""
    with world.write() as session:
        turn = session.get(Turn, next(iter(turn_ids(world, showing_id).values())))
        assert turn is not None
        turn.state, turn.version = state, turn.version + 1
        turn.started_at = datetime.now(UTC) - timedelta(seconds=started)
        session.add(turn)
        session.commit()


def left(page: Page) -> int:
    """Seconds on the clock, below zero when the time is up."""
    expect(page.locator("[data-left]")).to_be_visible()
    text = page.locator("[data-left]").inner_text()
    minutes, seconds = text.lstrip("+").split(":")
    return (int(minutes) * 60 + int(seconds)) * (-1 if text.startswith("+") else 1)


def test_the_clock_survives_a_reload_warns_and_says_when_the_time_is_up(
    world: World, server: Server, visit: Visit
) -> None:
    chair = come(visit, server, "chair")
    showing_id = prepared(chair, world)
    room = f"/panel/showings/{showing_id}/run"
    run(world, showing_id, TurnState.PRESENTING, started=5 * 60)
    chair.go(room)
    assert 170 <= left(chair.page) <= 180
    chair.page.reload()
    assert 165 <= left(chair.page) <= 180
    expect(chair.page.locator("[data-soon]")).to_be_hidden()
    run(world, showing_id, TurnState.PRESENTING, started=7 * 60 + 30)
    expect(chair.page.locator("[data-soon]")).to_be_visible()  # without touching the page
    assert 20 <= left(chair.page) <= 30
    run(world, showing_id, TurnState.PRESENTING, started=8 * 60 + 5)
    expect(chair.page.locator("[data-over]")).to_be_visible()
    assert -15 <= left(chair.page) <= -5


def test_a_score_typed_while_the_server_is_gone_is_sent_when_it_is_back(
    world: World, server: Server, visit: Visit
) -> None:
    chair, one = come(visit, server, "chair"), come(visit, server, "rev1", size=PHONE)
    showing_id = prepared(chair, world)
    chair.go("/panel")  # away from the page that asks
    run(world, showing_id, TurnState.SCORING)
    one.go(f"/panel/showings/{showing_id}/score")
    one.page.fill("#score-points", "3.5")
    with one.answered(0):
        server.stop()
        one.page.get_by_role("button", name="送出评分").click()
        expect(one.page.locator("[data-lost]")).to_be_visible()
        expect(one.page.locator(".save.bad")).to_contain_text("未保存")
        assert one.page.input_value("#score-points") == "3.5"
        one.page.locator("h1").click()
        server.start()
        expect(one.page.locator(".tablet-sent")).to_contain_text("已送出 3.5", timeout=30_000)
    expect(one.page.locator("[data-lost]")).to_be_hidden()
    with world.read() as session:
        assert [s.points for s in session.exec(select(TurnScore))] == [Fraction(7, 2)]
    assert len(log(world, "turn.score")) == 1


def test_without_script_a_reload_shows_what_is_new_and_the_forms_work(
    world: World, server: Server, visit: Visit
) -> None:
    chair = come(visit, server, "chair", script=False)
    one = come(visit, server, "rev1", script=False, size=PHONE)
    showing_id = prepared(chair, world)
    chair.press("主持这一场")
    chair.press("开始展示")
    expect(chair.page.locator("[data-until-words]")).to_contain_text("到时")
    chair.press("开始评分")
    one.go(f"/panel/showings/{showing_id}/score")
    one.page.fill("#score-points", "4")
    one.press("送出评分")
    assert "已送出 4" in one.words()
    chair.page.reload()
    chair.page.check("[name=anyway]")
    chair.press("亮分")
    chair.press("审定")
    one.page.reload()
    assert "甲山教育集团 已审定 4" in one.words()
    assert turn_of(world, showing_id, "g01").points == 4


@pytest.mark.slow
@pytest.mark.parametrize("size", [DESKTOP, PHONE, PROJECTOR], ids=["desktop", "phone", "projector"])
def test_the_pages_of_the_meeting_room_look_right(
    world: World, server: Server, visit: Visit, size: dict[str, int]
) -> None:
    chair = come(visit, server, "chair", size=size)
    admin = come(visit, server, "admin", size=size)
    one = come(visit, server, "rev1", size=size)
    listed = f"/panel/cycles/{world.cycle_id}/showings"
    look_around(admin, [f"/bureau/cycles/{world.cycle_id}/showing"])
    look_around(chair, [listed, f"{listed}/new", f"{listed}/new?target={TARGET}"])
    showing_id = prepared(chair, world)
    here = f"/panel/showings/{showing_id}"
    look_around(chair, [listed, here, f"{here}/sheet", f"{here}/run"])
    look_around(admin, [f"/bureau/cycles/{world.cycle_id}/showing", here])
    for state in (TurnState.PRESENTING, TurnState.SCORING):
        run(world, showing_id, state)
        look_around(chair, [f"{here}/run"])
        look_around(one, [f"{here}/score", listed])
    one.go(f"{here}/score")
    send(one, "5")
    chair.go(f"{here}/run")
    chair.page.check("[name=anyway]")
    chair.press("亮分")
    look_around(chair, [f"{here}/run", f"{here}/sheet"])
    look_around(one, [f"{here}/score"])
    assert showing_of(world, showing_id).closed_at is None


# --- the chair's board ----------------------------------------------------------------------------


@pytest.fixture
def submitted(world: World, app: Flask) -> Iterator[Server]:
    submit(world)
    attach(world, "g01", "slot:A2#1", "方案.docx", "application/msword")
    with serving(app) as started:
        yield started


def test_j_and_k_go_through_the_cases(world: World, submitted: Server, visit: Visit) -> None:
    chair = come(visit, submitted, "chair")
    chair.go(f"/panel/cycles/{world.cycle_id}/board?show=missing&in=A2")
    chair.follow(chair.page.get_by_role("link", name="审定", exact=True).first)
    entries = world.entries
    assert chair.path().startswith(f"/panel/entries/{entries['g01']}/indicators/A2/settle")
    chair.page.keyboard.press("j")
    chair.page.wait_for_url(f"**/entries/{entries['g02']}/indicators/A2/settle**")
    chair.page.focus("textarea")
    chair.page.keyboard.type("jk")
    assert chair.page.input_value("textarea") == "jk"
    chair.page.keyboard.press("Escape")
    chair.page.keyboard.press("k")
    chair.page.wait_for_url(f"**/entries/{entries['g01']}/indicators/A2/settle**")


@pytest.mark.slow
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_board_looks_right(world: World, submitted: Server, visit: Visit, size: dict[str, int]) -> None:
    chair = come(visit, submitted, "chair", size=size)
    board = f"/panel/cycles/{world.cycle_id}/board"
    case = f"/panel/entries/{world.entries['g01']}/indicators/A2/settle"
    lists = [f"{board}?show={show}" for show in ("missing", "spread", "faults", "people")]
    look_around(chair, [board, *lists, case, f"{case}?show=missing"])
