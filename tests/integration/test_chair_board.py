"""The chair's board beyond its lists: narrowing, paging, faults, harshness; one case with all that belongs to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlmodel import select

from intranet.enums import RecusalKind
from intranet.models import Entry, Inquiry, Mark, Recusal
from intranet.web.panel import chair as chair_pages
from tests.integration.panel_ground import attach, more_units, said, submit
from tests.integration.showing_ground import Room, prepare, with_figure
from tests.integration.test_panel_scoring import url
from tests.world import Client, World

SignIn = Callable[[str], Client]


def put(
    world: World, login: str, points: str, *notes: dict[str, Any], unit: str = "g01", **more: Any
) -> None:
    """A mark on A2 as the scoring page stores it."""
    with world.write() as session:
        user = world.users[login]
        mark = Mark(entry_id=world.entries[unit], code="A2", role="panel", user_id=user, made_by=user)
        mark.points, mark.computed, mark.deductions = Fraction(points), Fraction(4), list(notes)
        mark.reason = more.get("reason", "")
        session.add(mark)
        session.commit()


def meeting(waived: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {"key": "event.理事会", "label": "少一次理事会", "times": "1"}
    return out | ({"waived": True, "reason": waived} if waived else {})


def board(world: World, rest: str = "") -> str:
    return f"/panel/cycles/{world.cycle_id}/board{rest}"


# --- lists ----------------------------------------------------------------------------------------


def test_the_same_fault_with_two_prices_stands_side_by_side(world: World, client_for: SignIn) -> None:
    submit(world)
    put(world, "rev1", "4", meeting())
    put(world, "rev2", "6", meeting("有照片为证"))
    put(world, "rev1", "4", meeting(), unit="g02", reason="会议记录不全")
    chair = client_for("chair")
    page = chair.get(board(world, "?show=faults")).get_data(as_text=True)
    text = said(chair, board(world, "?show=faults"))
    assert "少一次理事会 同一单位 不同单位 相差 2 分 每学期召开理事会不少于2次(7分)" in text
    assert "甲山教育集团 评委二 不扣 有照片为证 甲山教育集团 评委一 扣 2" in text
    assert "其余 1 处 学校联盟 评委 扣分 理由 丁桥教育集团 评委一 2 会议记录不全" in text
    assert f'href="{url(world, "A2")}/settle?show=faults"' in page
    case = chair.get(f"{url(world, 'A2')}/settle?show=faults").get_data(as_text=True)
    assert f'data-case="j" href="{url(world, "A2", "g02")}/settle?show=faults"' in case


def test_without_a_difference_there_is_no_fault(world: World, client_for: SignIn) -> None:
    submit(world)
    put(world, "rev1", "4", meeting())
    put(world, "rev2", "4", meeting())
    assert "没有同错不同扣的" in said(client_for("chair"), board(world, "?show=faults"))


def test_harshness_is_shown_with_the_number_of_shared_items(world: World, client_for: SignIn) -> None:
    submit(world)
    for unit, one, two in (("g01", "3", "4.5"), ("g02", "2", "2.5")):
        put(world, "rev1", one, unit=unit)
        put(world, "rev2", two, unit=unit)
    chair = client_for("chair")
    text = said(chair, board(world, "?show=people"))
    assert "评委一 2 −1 2 0 共评少，不足为据 评委二 2 +1 0 2 共评少，不足为据" in text
    assert "共评越少越不可靠" in text
    html = chair.get(board(world, "?show=people")).get_data(as_text=True)
    assert html.count('value="100.0" max="100"') == 2
    assert "评委一 1 −1.5" in said(chair, board(world, f"?show=people&unit={world.entries['g01']}"))


def test_the_board_is_narrowed_to_a_unit_and_an_indicator(world: World, client_for: SignIn) -> None:
    submit(world)
    chair = client_for("chair")
    assert "缺评 18" in said(chair, board(world))
    one = said(chair, board(world, f"?show=missing&unit={world.entries['g02']}"))
    assert "缺评 9" in one
    assert "还有 9 款要处理" in one
    both = chair.get(board(world, f"?show=missing&unit={world.entries['g02']}&in=A2")).get_data(as_text=True)
    assert "缺评 1" in re.sub(r"\s+", " ", both)
    assert f"settle?show=missing&amp;unit={world.entries['g02']}&amp;in=A2" in both
    assert 'value="A2" selected' in both
    for odd in ("?unit=x&in=y", "?unit=99999", "?show=nothing&page=-3", "?page=99999999999999999999"):
        assert chair.get(board(world, odd)).status_code == 200, odd


def test_open_work_is_counted_and_done_when_all_is_settled(world: World, client_for: SignIn) -> None:
    submit(world)
    chair = client_for("chair")
    assert "还有 18 款要处理" in said(chair, board(world))
    with world.write() as session:
        for entry in world.entries.values():
            for code in ("A1.1", "A1.2", "A2", "B1", "B2", "B3", "B5", "C1.1", "C1.2"):
                settled = Mark(entry_id=entry, code=code, role="settled", made_by=world.users["chair"])
                settled.points, settled.reason = Fraction(0), "合议"
                if code == "C1.1":
                    settled.verdict = "无"
                session.add(settled)
        session.commit()
    text = said(chair, board(world))
    assert "没有要处理的" in text
    assert "已审定 18" in text


def test_long_lists_are_paged(world: World, client_for: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    submit(world)
    monkeypatch.setattr(chair_pages, "PAGE", 10)
    chair = client_for("chair")
    first = said(chair, board(world, "?show=missing"))
    assert "共 18 款，第 1 / 2 页 下一页" in first
    second = said(chair, board(world, "?show=missing&page=2"))
    assert "共 18 款，第 2 / 2 页 上一页" in second
    assert "第 2 / 2 页" in said(chair, board(world, "?show=missing&page=77"))
    links = chair.get(board(world, "?show=missing&in=A2&page=1")).get_data(as_text=True)
    assert "下一页" not in links


def test_faults_are_paged_too(world: World, client_for: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    submit(world)
    paper = {"key": "materials", "label": "少一样材料", "times": "1"}
    put(world, "rev1", "4", meeting(), paper)
    put(world, "rev2", "7", meeting("有照片"), paper | {"waived": True, "reason": "已补"})
    monkeypatch.setattr(chair_pages, "PAGE", 1)
    chair = client_for("chair")
    first = said(chair, board(world, "?show=faults"))
    assert "少一次理事会" in first
    assert "共 2 种，第 1 / 2 页 下一页" in first
    second = said(chair, board(world, "?show=faults&page=2"))
    assert "少一样材料" in second
    assert "共 2 种，第 2 / 2 页 上一页" in second
    assert "show=faults&amp;page=2" in chair.get(board(world, "?show=faults")).get_data(as_text=True)


@pytest.mark.parametrize("show", ["missing", "faults", "people"])
def test_the_board_makes_a_fixed_number_of_queries(
    app: Flask, world: World, client_for: SignIn, show: str
) -> None:
    submit(world)
    put(world, "rev1", "4", meeting())
    put(world, "rev2", "6", meeting("有"))
    chair, counts = client_for("chair"), []
    engine = app.extensions["intranet"].engine
    for units in (0, 30):
        more_units(world, units)
        if units:
            with world.read() as session:
                ids = {e.code: e.id or 0 for e in session.exec(select(Entry))}
            world.entries = ids
            for code in ids:
                if code not in ("g01",):
                    put(world, "rev1", "3", meeting(), unit=code)
        ran: list[str] = []

        def count(_c: Any, _cursor: Any, statement: str, *_rest: Any, ran: list[str] = ran) -> None:
            ran.append(statement)

        sa.event.listen(engine, "before_cursor_execute", count)
        assert chair.get(board(world, f"?show={show}")).status_code == 200
        sa.event.remove(engine, "before_cursor_execute", count)
        counts.append(len(ran))
    assert counts[0] == counts[1]


def test_a_conflicted_chair_meets_the_unit_in_no_list(world: World, client_for: SignIn) -> None:
    submit(world)
    put(world, "rev1", "4", meeting())
    put(world, "rev2", "6", meeting("有照片"))
    with world.write() as session:
        chair_id = world.users["chair"]
        kind = RecusalKind.FORMER
        session.add(
            Recusal(
                cycle_id=world.cycle_id,
                user_id=chair_id,
                entry_id=world.entries["g01"],
                kind=kind,
                declared_by=chair_id,
            )
        )
        session.commit()
    chair = client_for("chair")
    for show in ("", "?show=spread", "?show=faults", "?show=people", f"?unit={world.entries['g01']}"):
        assert "甲山" not in chair.get(board(world, show)).get_data(as_text=True), show
    assert "评委一 0 —" in said(chair, board(world, "?show=people"))
    assert chair.get(f"{url(world, 'A2')}/settle").status_code == 404


# --- one case -------------------------------------------------------------------------------------


def test_next_and_last_case_follow_the_list(world: World, client_for: SignIn) -> None:
    submit(world)
    put(world, "rev1", "4", unit="g01")
    put(world, "rev2", "1", unit="g01")
    put(world, "rev1", "4", unit="g02")
    put(world, "rev2", "3", unit="g02")
    chair = client_for("chair")
    first = chair.get(f"{url(world, 'A2')}/settle?show=spread").get_data(as_text=True)
    assert f'data-case="j" href="{url(world, "A2", "g02")}/settle?show=spread"' in first
    assert 'data-case="k"' not in first
    second = chair.get(f"{url(world, 'A2', 'g02')}/settle?show=spread").get_data(as_text=True)
    assert f'data-case="k" href="{url(world, "A2")}/settle?show=spread"' in second
    assert 'data-case="j"' not in second
    assert "data-case" not in chair.get(f"{url(world, 'A2')}/settle").get_data(as_text=True)


def test_settling_keeps_the_list(world: World, client_for: SignIn) -> None:
    submit(world)
    chair = client_for("chair")
    path = f"{url(world, 'A2')}/settle?show=spread"
    form = {"op": "s", "version.A2": "0", "points.A2": "3", "reason.A2": "合议", "do": "settle:A2"}
    answer = chair.post(path, form)
    assert answer.headers["Location"] == path


def test_a_case_shows_files_questions_deductions_and_all_that_happened(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    file = attach(world, "g01", "slot:A2#1", "会议方案.pdf")
    put(world, "rev1", "6", meeting("有照片为证"), reason="总体好")
    with world.write() as session:
        session.add(
            Inquiry(
                entry_id=world.entries["g01"],
                code="A2",
                question="下学期的第二次会议在哪一天",
                asked_by=world.users["rev1"],
                answer="五月九日",
                answered_by=world.users["lead1"],
                answered_at=datetime.now(UTC),
            )
        )
        session.commit()
    chair = client_for("chair")
    path = f"{url(world, 'A2')}/settle"
    form = {"op": "s", "version.A2": "0", "points.A2": "5", "reason.A2": "合议定五分", "do": "settle:A2"}
    assert chair.post(path, form).status_code == 303
    later = form | {"op": "t", "version.A2": "1", "points.A2": "5.5", "reason.A2": "再议"}
    assert chair.post(path, later).status_code == 303
    text = said(chair, path)
    assert "不扣 少一次理事会：有照片为证" in text
    assert "审定人 组长甲" in text
    assert "质询 1 条 下学期的第二次会议在哪一天 评委一" in text
    assert "五月九日" in text
    assert "会议方案.pdf" in text
    assert f"/files/{file}" in chair.get(path).get_data(as_text=True)
    assert "全部经过 2 条" in text
    name = r"每学期召开理事会不少于2次\(7分\)"
    assert re.search(rf"组长甲 审定 {name} — 5 合议定五分 .* 组长甲 审定 {name} 5 5\.5 再议", text)


def test_a_case_shows_the_scores_of_the_meeting_room_once_revealed(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    room = Room(world, prepare(chair, world))
    path = f"{url(world, 'B5')}/settle"
    room.scoring(chair)
    room.score(one, "4.25", note="课堂实")
    room.score(two, "4")
    assert "4.25" not in said(chair, path)
    room.step(chair, "reveal")
    room.step(chair, "settle", points="4.13", reason="")
    text = said(chair, path)
    assert "展示考核 小学组上午场 会场审定 4.13" in text
    assert "评委一 4.25 课堂实 评委二 4 —" in text
    assert "审定展示得分 小学组上午场 — 4.13" in text
    assert "填写得分 展示得分 — 4.13" in text
