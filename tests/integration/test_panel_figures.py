"""The panel's own figures: which the chair owes, and those typed by somebody who stays away since."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import col, select

from intranet.domain import recusal
from intranet.domain.freeze_check import standing_checks
from intranet.domain.lifecycle import Check
from intranet.enums import CycleState, RecusalKind, Role
from intranet.models import Answer, Cycle, Grant, LogEntry
from intranet.queries import recusals as stored
from tests.integration.panel_ground import give_school, log, said
from tests.integration.showing_ground import Room, prepare, with_figure
from tests.integration.test_freeze_rules import live
from tests.integration.test_panel_scoring import url
from tests.integration.test_recusal import give_mark
from tests.world import Client, World

SignIn = Callable[[str], Client]


def type_figure(client: Client, world: World, points: str, unit: str = "g01", version: int = 0) -> Any:
    form = {"op": f"{unit}{points}{version}", "figure.show": points, "version.show": str(version)}
    return client.post(f"{url(world, 'B5', unit)}/figures", form)


def second_chair(world: World) -> None:
    with world.write() as session:
        session.add(Grant(user_id=world.users["rev2"], role=Role.CHAIR, cycle_id=world.cycle_id))
        session.commit()


def recuse(world: World, login: str, unit: str = "g01", dropping: int = 0) -> None:
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        choice = recusal.Choice(world.entries[unit], RecusalKind.RELATIVE)
        at = datetime.now(UTC)
        recusal.add(
            session, world.actor("admin"), cycle, world.users[login], choice, dropping=dropping, at=at
        )
        session.commit()


def figure(world: World, unit: str = "g01") -> Answer:
    with world.read() as session:
        query = select(Answer).where(Answer.key == "show", Answer.entry_id == world.entries[unit])
        return session.exec(query).one()


def checks(world: World, code: str) -> list[Check]:
    with world.read() as session:
        cycle, scoring, sheets = live(world, session)
        return [c for c in standing_checks(session, cycle, scoring, sheets) if c.code == code]


def board(world: World, show: str = "figures") -> str:
    return f"/panel/cycles/{world.cycle_id}/board?show={show}"


@pytest.fixture
def room(world: World) -> World:
    """Both units submitted, the panel's figure asked for, deliberation running."""
    with_figure(world, state=CycleState.DELIBERATION)
    return world


def test_the_board_lists_the_figures_that_the_chair_owes(room: World, client_for: SignIn) -> None:
    chair = client_for("chair")
    first = said(chair, "/panel")
    assert "2 项得分要由组长填写" in first
    shown = said(chair, board(room))
    assert "待填得分 2" in shown
    assert shown.count("去填写") == 2
    onward = re.findall(
        r'href="([^"]+B5/settle\?show=figures)"', chair.get(board(room)).get_data(as_text=True)
    )
    assert len(onward) == 2
    assert "下一件" in said(chair, onward[0])
    assert type_figure(chair, room, "4").status_code == 303
    assert "待填得分 1" in said(chair, board(room))
    assert "组长甲 填写得分 展示得分 — 4" in said(chair, f"{url(room, 'B5')}/settle")
    assert type_figure(chair, room, "3", "g02").status_code == 303
    assert "由组长填写的得分都填好了" in said(chair, board(room))
    assert "项得分要由组长填写" not in said(chair, "/panel")


def test_a_long_list_of_figures_has_pages(
    room: World, client_for: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intranet.web.panel.chair.PAGE", 1)
    chair = client_for("chair")
    assert "共 2 项，第 1 / 2 页 下一页" in said(chair, board(room))
    following = re.findall(r'href="([^"]+page=2[^"]*)"', chair.get(board(room)).get_data(as_text=True))
    assert "第 2 / 2 页 上一页" in said(chair, following[0].replace("&amp;", "&"))


def test_a_blank_figure_is_told_before_the_freeze(room: World, client_for: SignIn) -> None:
    found = [c for c in checks(room, "review") if "由组长填写" in c.text]
    assert [c.severity for c in found] == ["warning"]
    assert "甲山教育集团（1 处）" in found[0].text
    for unit in ("g01", "g02"):
        assert type_figure(client_for("chair"), room, "3", unit).status_code == 303
    assert [c for c in checks(room, "review") if "由组长填写" in c.text] == []


def test_a_figure_of_a_recused_chair_blocks_until_another_types_it_anew(
    room: World, client_for: SignIn
) -> None:
    second_chair(room)
    for unit in ("g01", "g02"):
        assert type_figure(client_for("chair"), room, "4", unit).status_code == 303
    assert checks(room, "recusal") == []
    recuse(room, "chair")
    assert figure(room).value == "4"  # nothing is deleted
    (found,) = checks(room, "recusal")
    assert (found.severity, [p.name for p in found.places]) == ("error", ["甲山教育集团"])
    freeze = client_for("admin").get(f"/bureau/cycles/{room.cycle_id}/freeze").get_data(as_text=True)
    assert "得分出自已回避的人" in freeze
    assert f'href="/bureau/cycles/{room.cycle_id}/recusals"' in freeze
    assert "1 项考核组得分不会删除，冻结前要由另一位组长重新填写" in said(
        client_for("admin"), f"/bureau/cycles/{room.cycle_id}/recusals"
    )

    other = client_for("rev2")
    assert "待填得分 1" in said(other, board(room))
    assert "原填人组长甲已回避，请重新填写" in said(other, board(room))
    page = said(other, f"{url(room, 'B5')}/settle")
    assert "原填 4 出自组长甲，已回避。请重新填写。" in page
    html = other.get(f"{url(room, 'B5')}/settle").get_data(as_text=True)
    assert re.search(r'name="figure.show" value=""', html)  # said anew, not passed on
    empty = type_figure(other, room, "", version=1)
    assert (empty.status_code, figure(room).value) == (422, "4")
    assert "请重新填写这个得分。" in empty.get_data(as_text=True)
    assert type_figure(other, room, "4", version=1).status_code == 303
    assert figure(room).changed_by == room.users["rev2"]
    assert checks(room, "recusal") == []
    last = log(room, "answer.save")[-1]
    assert (last.old, last.new, last.user_id) == ("4", "4", room.users["rev2"])
    # once it is somebody else's own, the same number changes nothing
    assert type_figure(other, room, "4", version=2).status_code == 303
    assert figure(room).version == 2


def test_the_meeting_room_takes_a_figure_over_too(world: World, client_for: SignIn) -> None:
    with_figure(world)
    second_chair(world)
    first, second = client_for("chair"), client_for("rev2")
    meeting = Room(world, prepare(first, world))
    meeting.revealed(first, {client_for("rev1"): "4", second: "4"})
    assert meeting.step(first, "settle", points="4", reason="").status_code == 303
    recuse(world, "chair")
    assert checks(world, "recusal")
    assert meeting.step(second, "settle", points="4", reason="").status_code == 303
    assert figure(world).changed_by == world.users["rev2"]
    assert checks(world, "recusal") == []


def test_lifting_the_recusal_lets_the_figure_stand(room: World, client_for: SignIn) -> None:
    assert type_figure(client_for("chair"), room, "4").status_code == 303
    recuse(room, "chair")
    assert [c.severity for c in checks(room, "recusal")] == ["error"]
    with room.write() as session:
        cycle = session.get(Cycle, room.cycle_id)
        held = stored.recusal_of(session, room.users["chair"], room.entries["g01"])
        assert cycle is not None
        assert held is not None
        recusal.lift(session, room.actor("admin"), cycle, held, "登记错了", at=datetime.now(UTC))
        session.commit()
    assert checks(room, "recusal") == []


def test_public_results_keep_the_figure(room: World, client_for: SignIn) -> None:
    assert type_figure(client_for("chair"), room, "4").status_code == 303
    recuse(room, "chair")
    room.move_to(CycleState.PUBLISHED)
    assert checks(room, "recusal") == []  # nobody could type it anew any more


def test_marks_of_somebody_who_came_to_the_school_later_are_told(room: World) -> None:
    give_mark(room, "rev1")
    give_mark(room, "rev2")
    assert checks(room, "recusal") == []
    give_school(room, "rev1", "s1")
    (found,) = checks(room, "recusal")
    assert found.severity == "warning"
    assert "甲山教育集团（1 处）有评分出自本单位学校的填报人" in found.text
    with room.read() as session:
        assert session.exec(select(LogEntry).where(col(LogEntry.action) == "mark.drop")).all() == []
