"""展示考核: preparing, running, revealing, settling, the sheet; who may do and see what."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlmodel import select

from intranet.domain import showing_plan, showing_targets
from intranet.domain.scoring import score_entries, scoring_for
from intranet.domain.showing_scores import proposal
from intranet.domain.showing_targets import targets_of
from intranet.enums import CombineRule, CycleState, RecusalKind, Role, SubmissionState, TurnState
from intranet.errors import NotFound
from intranet.models import Answer, Cycle, Declaration, Entry, Grant, Recusal, Showing, TurnScore
from tests.integration.panel_ground import combine_by, give_school, log, marks, more_units, said
from tests.integration.showing_ground import (
    Room,
    plan_form,
    prepare,
    showing_of,
    turn_ids,
    turn_of,
    with_figure,
)
from tests.integration.test_panel_scoring import url
from tests.world import Client, World

SignIn = Callable[[str], Client]


def figure(world: World, unit: str = "g01") -> Fraction | None:
    with world.read() as session:
        query = select(Answer).where(Answer.key == "show", Answer.entry_id == world.entries[unit])
        found = session.exec(query).first()
        return None if found is None else Fraction(str(found.value))


def recuse(world: World, login: str, unit: str = "g01") -> None:
    with world.write() as session:
        session.add(
            Recusal(
                cycle_id=world.cycle_id,
                user_id=world.users[login],
                entry_id=world.entries[unit],
                kind=RecusalKind.RELATIVE,
                declared_by=world.users[login],
            )
        )
        session.commit()


def scores(world: World) -> dict[str, Fraction]:
    logins = {i: login for login, i in world.users.items()}
    with world.read() as session:
        return {logins[s.user_id]: s.points for s in session.exec(select(TurnScore))}


# --- what can be scored ---------------------------------------------------------------------------


def test_targets_come_from_the_rubric_with_what_cannot_be_used(world: World, app: Flask) -> None:
    with_figure(world)
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        rubric = scoring_for(cycle, app.extensions["intranet"].registry).rubric
    found = {t.key: t for t in targets_of(rubric)}
    assert list(found) == ["clause:A1.2", "figure:show", "clause:C1.1", "clause:C2"]
    assert (found["clause:A1.2"].most, found["clause:A1.2"].why) == (Fraction(3), "")
    assert (found["figure:show"].most, found["figure:show"].places) == (Fraction(5), 2)
    assert found["clause:C1.1"].why == "只评结论，不打分数，请在审定页定。"
    assert found["clause:C2"].why.startswith("未设分值，本周期不能打分。")
    assert "“裁定口径”" in found["clause:C2"].why


def test_a_unit_whose_form_hides_the_target_is_left_out_with_the_reason(world: World, app: Flask) -> None:
    with_figure(world)
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        entry = session.get(Entry, world.entries["g01"])
        assert cycle is not None
        assert entry is not None
        scoring = scoring_for(cycle, app.extensions["intranet"].registry)
        sheet = score_entries(session, cycle, scoring, [entry])[entry.id or 0]
        target = showing_targets.target_of(scoring.rubric, "figure:show")
        judged = showing_targets.target_of(scoring.rubric, "clause:A1.2")
    assert showing_targets.absence(scoring.rubric, sheet, target) == ""
    hidden = type(sheet.form)(sheet.form.fields, {"show": "本单位没有初中"}, sheet.form.labels)
    sheet.form = hidden
    assert showing_targets.absence(scoring.rubric, sheet, target) == "本单位没有初中"
    assert showing_targets.absence(scoring.rubric, sheet, judged) == ""
    sheets = {entry.id or 0: sheet}
    (left,) = showing_targets.candidates(scoring.rubric, sheets, target, {})
    assert (left.entry.name, left.why) == ("甲山教育集团", "本单位没有初中")
    assert showing_targets.chosen([left], [entry.id or 0]) == []


def test_the_new_page_says_what_cannot_be_used(world: World, client_for: SignIn) -> None:
    with_figure(world)
    text = said(client_for("chair"), f"/panel/cycles/{world.cycle_id}/showings/new")
    assert "展示得分 满分 5 选这一项" in text
    assert "展示 未设分值，本周期不能打分。" in text
    path = f"/panel/cycles/{world.cycle_id}/showings/new?target=figure:show"
    assert "甲山教育集团" in said(client_for("admin"), path)


# --- preparing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["chair", "admin"])
def test_chair_and_bureau_prepare_a_session(world: World, client_for: SignIn, login: str) -> None:
    with_figure(world)
    client = client_for(login)
    showing_id = prepare(client, world)
    made = showing_of(world, showing_id)
    assert (made.title, made.target, made.most, made.minutes, made.spread) == (
        "小学组上午场",
        "figure:show",
        Fraction(5),
        8,
        Fraction(1),
    )
    assert (str(made.held_on), made.place, made.closed_at) == ("2031-06-12", "三楼会议室", None)
    assert list(turn_ids(world, showing_id)) == ["g01", "g02"]
    (entry,) = log(world, "showing.create")
    assert entry.new["units"] == ["甲山教育集团", "丁桥教育集团"]
    text = said(client, f"/panel/showings/{showing_id}")
    assert "小学组上午场 未开始 展示得分 满分 5 2 个单位" in text
    listed = "/panel/cycles/{}/showings" if login == "chair" else "/bureau/cycles/{}/showing"
    assert "小学组上午场 展示得分 满分 5 2031-06-12 三楼会议室 0 / 2 未开始" in said(
        client, listed.format(world.cycle_id)
    )


def test_the_same_form_sent_twice_makes_one_session(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair = client_for("chair")
    first, second = prepare(chair, world), prepare(chair, world)
    assert first == second
    assert len(log(world, "showing.create")) == 1


def test_a_unit_presents_once_for_a_target(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair = client_for("chair")
    prepare(chair, world, "g01")
    page = said(chair, f"/panel/cycles/{world.cycle_id}/showings/new?target=figure:show")
    assert "甲山教育集团 已排在“小学组上午场”" in page
    form = plan_form(world, "g01", op="again")
    refused = chair.post(f"/panel/cycles/{world.cycle_id}/showings", form)
    assert refused.status_code == 422
    assert "请选参加展示的单位。" in refused.get_data(as_text=True)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("title", " ", "请填写场次名称"),
        ("held_on", "六月", "请填写日期，例如 2031-05-16。"),
        ("minutes", "0", "请填 1 — 180 的整数。"),
        ("minutes", "½", "请填 1 — 180 的整数。"),
        ("spread", "6", "请填 0 — 5"),
        ("spread", "x", "不是分数"),
    ],
)
def test_what_was_typed_stays_with_what_to_enter_instead(
    world: World, client_for: SignIn, field: str, text: str, message: str
) -> None:
    with_figure(world)
    chair = client_for("chair")
    answer = chair.post(f"/panel/cycles/{world.cycle_id}/showings", plan_form(world, **{field: text}))
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert message in html
    assert 'value="三楼会议室"' in html or field == "place"
    assert f'value="{text.strip()}"' in html
    assert log(world, "showing.create") == []


def test_a_target_without_a_scale_is_refused(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair = client_for("chair")
    path = f"/panel/cycles/{world.cycle_id}/showings"
    assert chair.post(path, plan_form(world, target="clause:C2", spread="0")).status_code == 422
    assert chair.post(path, plan_form(world, target="clause:nothing")).status_code == 404
    assert log(world, "showing.create") == []


def test_lots_are_drawn_and_the_order_that_came_out_is_logged(world: World, client_for: SignIn) -> None:
    with_figure(world)
    more_units(world, 6)
    with world.read() as session:
        ids = {e.code: e.id or 0 for e in session.exec(select(Entry))}
    world.entries = ids
    chair = client_for("chair")
    showing_id = prepare(chair, world, *ids, order="lot")
    order = list(turn_ids(world, showing_id))
    assert sorted(order) == sorted(ids)
    (drawn,) = log(world, "showing.draw")
    with world.read() as session:
        names = {e.code: e.name for e in session.exec(select(Entry))}
    assert drawn.new == [names[c] for c in order]
    assert drawn.old == [names[c] for c in sorted(ids)]


def test_drawing_uses_chance_and_leaves_what_has_begun(world: World, client_for: SignIn) -> None:
    with_figure(world)
    more_units(world, 5)
    with world.read() as session:
        world.entries = {e.code: e.id or 0 for e in session.exec(select(Entry))}
    chair = client_for("chair")
    showing_id = prepare(chair, world, *world.entries)
    Room(world, showing_id).scoring(chair, "g01")
    actor = world.actor("chair")
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        showing = session.get(Showing, showing_id)
        assert cycle is not None
        assert showing is not None
        showing_plan.draw(session, actor, cycle, showing, version=showing.version, lots=random.Random(7))
        session.commit()
    order = list(turn_ids(world, showing_id))
    expected = sorted(c for c in world.entries if c != "g01")
    random.Random(7).shuffle(expected)
    assert order == ["g01", *expected]


def test_the_order_is_moved_by_hand(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair = client_for("chair")
    showing_id = prepare(chair, world)
    room, ids = Room(world, showing_id), turn_ids(world, showing_id)
    assert room.act(chair, f"up:{ids['g02']}").status_code == 303
    assert list(turn_ids(world, showing_id)) == ["g02", "g01"]
    assert room.act(chair, f"up:{ids['g02']}").status_code == 303  # already the first
    assert list(turn_ids(world, showing_id)) == ["g02", "g01"]
    assert room.act(chair, "code").status_code == 303
    assert list(turn_ids(world, showing_id)) == ["g01", "g02"]
    moved = log(world, "showing.order")
    assert [e.new for e in moved] == [["丁桥教育集团", "甲山教育集团"], ["甲山教育集团", "丁桥教育集团"]]
    assert room.act(chair, f"drop:{ids['g02']}").status_code == 303
    assert list(turn_ids(world, showing_id)) == ["g01"]
    assert room.act(chair, "add", unit=str(world.entries["g02"])).status_code == 303
    assert list(turn_ids(world, showing_id)) == ["g01", "g02"]
    assert [(e.old, e.new) for e in log(world, "showing.units")] == [
        (["丁桥教育集团"], None),
        (None, ["丁桥教育集团"]),
    ]


def test_an_older_page_does_not_change_the_order(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair = client_for("chair")
    showing_id = prepare(chair, world)
    ids = turn_ids(world, showing_id)
    room = Room(world, showing_id)
    assert room.act(chair, f"up:{ids['g02']}").status_code == 303
    stale = room.act(chair, f"up:{ids['g01']}", version="1")
    assert stale.status_code == 409
    assert "这一场刚刚有人改过" in stale.get_data(as_text=True)
    assert list(turn_ids(world, showing_id)) == ["g02", "g01"]


def test_details_are_changed_and_a_session_without_a_turn_is_deleted(
    world: World, client_for: SignIn
) -> None:
    with_figure(world)
    chair = client_for("chair")
    showing_id = prepare(chair, world)
    room = Room(world, showing_id)
    typed = {"title": "下午场", "held_on": "", "place": "", "minutes": "12", "spread": "1.5"}
    assert room.act(chair, "save", **typed).status_code == 303
    made = showing_of(world, showing_id)
    assert (made.title, made.held_on, made.minutes, made.spread) == ("下午场", None, 12, Fraction(3, 2))
    (entry,) = log(world, "showing.change")
    assert (entry.old["minutes"], entry.new["minutes"], entry.new["spread"]) == (8, 12, "1.5")
    refused = room.act(chair, "save", **(typed | {"minutes": "200"}))
    assert refused.status_code == 422
    assert 'value="200"' in refused.get_data(as_text=True)
    assert room.act(chair, "delete").status_code == 303
    assert chair.get(f"/panel/showings/{showing_id}").status_code == 404
    assert log(world, "showing.delete")[0].old["units"] == ["甲山教育集团", "丁桥教育集团"]


@pytest.mark.parametrize("state", [CycleState.FILING, CycleState.PUBLISHED])
def test_sessions_belong_to_review_and_deliberation(
    world: World, client_for: SignIn, state: CycleState
) -> None:
    with_figure(world)
    chair = client_for("chair")
    showing_id = prepare(chair, world)
    world.move_to(state)
    room = Room(world, showing_id)
    for answer in (
        room.step(chair, "start"),
        room.act(chair, "draw"),
        room.act(chair, "delete"),
        room.score(client_for("rev1"), "3"),
        chair.post(f"/panel/cycles/{world.cycle_id}/showings", plan_form(world, op="new")),
    ):
        assert answer.status_code == 409
    assert "阶段，不能评分。" in said(chair, f"/panel/showings/{showing_id}/run")
    assert turn_of(world, showing_id, "g01").state == TurnState.WAITING


def test_only_bureau_and_chair_prepare_and_only_the_chair_runs(world: World, client_for: SignIn) -> None:
    with_figure(world)
    admin, rev1 = client_for("admin"), client_for("rev1")
    showing_id = prepare(admin, world)
    room = Room(world, showing_id)
    assert rev1.get(f"/panel/cycles/{world.cycle_id}/showings/new").status_code == 403
    assert rev1.get(f"/panel/showings/{showing_id}").status_code == 403
    assert rev1.get(f"/panel/showings/{showing_id}/sheet").status_code == 403
    assert rev1.get(f"/panel/showings/{showing_id}/run").status_code == 403
    assert rev1.get(f"/panel/showings/{showing_id}/run/live").status_code == 403
    assert room.act(rev1, "draw").status_code == 403
    assert room.step(rev1, "start").status_code == 403
    assert room.step(admin, "start").status_code == 403  # the bureau prepares, it does not run
    assert room.act(admin, "close").status_code == 403
    for login in ("lead1", "leader", "auditor"):
        assert client_for(login).get(f"/panel/showings/{showing_id}/score").status_code == 403
    assert turn_of(world, showing_id, "g01").state == TurnState.WAITING


def test_what_is_foreign_reads_like_what_is_not_there(world: World, client_for: SignIn) -> None:
    with_figure(world)
    showing_id = prepare(client_for("chair"), world)
    with world.write() as session:
        session.execute(sa.text("DELETE FROM grant WHERE user_id = :u"), {"u": world.users["rev2"]})
        other = session.get(Cycle, world.cycle_id)
        assert other is not None
        copy = Cycle(
            **{k: getattr(other, k) for k in ("title", "rubric_key", "rubric_version")},
            rubric_title="x",
            definition=other.definition,
            state=CycleState.REVIEW,
        )
        session.add(copy)
        session.flush()
        for role in (Role.REVIEWER, Role.CHAIR):
            session.add(Grant(user_id=world.users["rev2"], role=role, cycle_id=copy.id))
        session.add(Declaration(cycle_id=copy.id or 0, user_id=world.users["rev2"]))
        session.commit()
    client = client_for("rev2")
    for rest in ("", "/run", "/run/live", "/score", "/score/live", "/sheet"):
        foreign = client.get(f"/panel/showings/{showing_id}{rest}")
        none = client.get(f"/panel/showings/999999{rest}")
        assert (foreign.status_code, none.status_code) == (404, 404), rest
        assert "没有这一场展示考核" in foreign.get_data(as_text=True)
        assert "甲山" not in foreign.get_data(as_text=True)
    room = Room(world, showing_id)
    for answer in (room.step(client, "start"), room.act(client, "draw"), room.score(client, "3")):
        assert answer.status_code == 404
    chair = client_for("chair")
    assert chair.post(f"/panel/showings/{showing_id}/turns/999999", {"points": "3"}).status_code == 404
    assert chair.post(f"/panel/showings/{showing_id}/run", {"turn": "99", "do": "start"}).status_code == 404


# --- running --------------------------------------------------------------------------------------


def test_one_turn_from_start_to_the_settled_figure(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    showing_id = prepare(chair, world)
    room, run = Room(world, showing_id), f"/panel/showings/{showing_id}/run"
    tablet = f"/panel/showings/{showing_id}/score"
    assert "第 1 个，共 2 个 甲山教育集团 展示 8 分钟 开始展示" in said(chair, run)
    assert "请稍候" in said(one, tablet)

    assert room.step(chair, "start").status_code == 303
    started = turn_of(world, showing_id, "g01").started_at
    assert started is not None
    html = chair.get(run).get_data(as_text=True)
    until = int(started.timestamp() * 1000) + 8 * 60000
    assert f'data-until="{until}"' in html
    assert "开始评分" in html
    assert "甲山教育集团" in said(one, tablet)
    assert 'name="points"' not in one.get(tablet).get_data(as_text=True)
    assert room.score(one, "4").status_code == 409

    assert room.step(chair, "open").status_code == 303
    assert 'name="points"' in one.get(tablet).get_data(as_text=True)
    assert room.score(one, "4.25", note="课堂实").status_code == 303
    text = said(chair, run)
    assert "1 / 2 位评委已送出评分" in text
    assert "评委一 已送出 评委二 未送出" in text
    assert "4.25" not in text
    assert "4.25" not in said(two, tablet)
    assert "已送出 4.25" in said(one, tablet)

    early = room.step(chair, "reveal")
    assert early.status_code == 422
    assert "还有 1 位未评：评委二。" in early.get_data(as_text=True)
    assert room.score(two, "3.75").status_code == 303
    assert room.step(chair, "reveal").status_code == 303
    text = said(chair, run)
    assert "平均 4 最高减最低 0.5" in text
    assert "评委一 4.25 评委二 3.75" in text
    assert "超过分差上限" not in text
    assert "您评 3.75 评委一 4.25 评委二 3.75 平均 4" in said(two, tablet)
    assert room.score(one, "5", version=1).status_code == 409
    assert figure(world) is None

    assert room.step(chair, "settle", points="4", reason="").status_code == 303
    turn = turn_of(world, showing_id, "g01")
    assert (turn.state, turn.points, turn.reason) == (TurnState.SETTLED, Fraction(4), "")
    assert turn.settled_by == world.users["chair"]
    assert figure(world) == Fraction(4)
    with world.read() as session:
        assert session.exec(select(Answer).where(Answer.key == "show")).one().owner == "visit"
    text = said(chair, f"{run}?turn={turn.id}")
    assert "4 分 平均 4 最高减最低 0.5 下一个 丁桥教育集团" in text
    actions = ["turn.start", "turn.open", "turn.score", "turn.reveal", "turn.settle", "answer.save"]
    assert [len(log(world, a)) for a in actions] == [1, 1, 2, 1, 1, 1]
    (settled,) = log(world, "turn.settle")
    assert (settled.new, settled.detail["proposed"], settled.detail["scores"]) == (
        "4",
        "4",
        {"评委一": "4.25", "评委二": "3.75"},
    )


def test_a_wide_spread_is_flagged_and_scored_again(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    showing_id = prepare(chair, world)
    room, run = Room(world, showing_id), f"/panel/showings/{showing_id}/run"
    room.revealed(chair, {one: "5", two: "3"})
    text = said(chair, run)
    assert "最高减最低 2 超过分差上限 1 分" in text
    assert "重新评分" in text
    assert room.step(chair, "reopen").status_code == 422
    assert room.step(chair, "reopen", reason="请重看评分标准").status_code == 303
    assert scores(world) == {}
    (entry,) = log(world, "turn.reopen")
    assert (entry.detail["said"], entry.reason) == ({"评委一": "5", "评委二": "3"}, "请重看评分标准")
    tablet = f"/panel/showings/{showing_id}/score"
    assert "组长请大家重新评分。您上次评 5，可以改，也可以照送。" in said(one, tablet)
    assert 'name="points" value="5"' in one.get(tablet).get_data(as_text=True)
    assert "0 / 2 位评委已送出评分" in said(chair, run)
    for client, points in ((one, "4"), (two, "3.5")):
        assert room.score(client, points).status_code == 303
    assert room.step(chair, "reveal").status_code == 303
    assert room.step(chair, "reopen", reason="再来").status_code == 409  # close together now
    assert scores(world) == {"rev1": Fraction(4), "rev2": Fraction(7, 2)}


def test_another_number_needs_a_reason_and_obeys_the_scale(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    room = Room(world, prepare(chair, world))
    room.revealed(chair, {one: "4", two: "3"})
    for points, message in (
        ("4", "与合成得分 3.5 不同，请写明理由。"),
        ("5.5", "请填 0 — 5"),
        ("", "请填 0 — 5"),
        ("3.555", "小数最多 2 位，请改写"),
        ("很好", "不是分数"),
    ):
        answer = room.step(chair, "settle", points=points, reason="")
        assert answer.status_code == 422
        assert message in answer.get_data(as_text=True)
        assert f'value="{points}"' in answer.get_data(as_text=True)
    assert figure(world) is None
    assert room.step(chair, "settle", points="4", reason="现场答辩好").status_code == 303
    assert (figure(world), turn_of(world, room.id, "g01").reason) == (Fraction(4), "现场答辩好")
    assert room.step(chair, "settle", points="3.5", reason="").status_code == 303  # changed once more
    assert figure(world) == Fraction(7, 2)
    assert [(e.old, e.new) for e in log(world, "turn.settle")] == [(None, "4"), ("4", "3.5")]


def test_a_judged_clause_is_settled_as_the_chairs_word(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    showing_id = prepare(chair, world, target="clause:A1.2", title="章程展示")
    room = Room(world, showing_id)
    room.revealed(chair, {one: "3", two: "2"})
    assert room.step(chair, "settle", points="2.5", reason="").status_code == 303
    settled = marks(world, "A1.2")["settled"]
    assert (settled.points, settled.reason) == (Fraction(5, 2), "展示考核“章程展示”")
    assert log(world, "mark.settle")[0].new["points"] == "2.5"


def test_a_later_word_on_the_settling_page_wins_and_is_shown(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    showing_id = prepare(chair, world, target="clause:A1.2", title="章程展示")
    room = Room(world, showing_id)
    room.revealed(chair, {one: "3", two: "2"})
    assert room.step(chair, "settle", points="2.5", reason="").status_code == 303
    sheet = f"/panel/showings/{showing_id}/sheet"
    assert "后来" not in said(chair, sheet)
    page = f"{url(world, 'A1')}/settle"
    html = chair.get(page).get_data(as_text=True)
    found = re.search(r'name="version\.A1\.2" value="(\d+)"', html)
    assert found is not None
    form = {"op": "later", "version.A1.2": found[1], "points.A1.2": "3", "reason.A1.2": "复核后"}
    assert chair.post(page, form | {"do": "settle:A1.2"}).status_code == 303
    assert "审定页上后来改为 3（组长甲），以那里为准。" in said(chair, sheet)
    assert marks(world, "A1.2")["settled"].points == 3
    later = chair.post(page, {"op": "w", "version.A1.2": str(int(found[1]) + 1), "do": "withdraw:A1.2"})
    assert later.status_code == 303
    assert "审定页上后来撤回了审定" in said(chair, sheet)


def test_one_turn_at_a_time_and_a_step_back(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one = client_for("chair"), client_for("rev1")
    room = Room(world, prepare(chair, world))
    assert room.step(chair, "start", "g01").status_code == 303
    busy = room.step(chair, "start", "g02")
    assert busy.status_code == 409
    assert "上一个单位还没有审定，请先审定。" in busy.get_data(as_text=True)
    assert room.step(chair, "open").status_code == 303
    assert room.score(one, "2").status_code == 303
    assert room.step(chair, "back").status_code == 303
    assert turn_of(world, room.id, "g01").state == TurnState.PRESENTING
    assert scores(world) == {"rev1": Fraction(2)}
    assert room.step(chair, "back").status_code == 303
    turn = turn_of(world, room.id, "g01")
    assert (turn.state, turn.started_at) == (TurnState.WAITING, None)
    assert room.step(chair, "start", "g02").status_code == 303


def test_a_button_pressed_twice_acts_once_and_an_old_one_not_at_all(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair = client_for("chair")
    room = Room(world, prepare(chair, world))
    turn = turn_of(world, room.id, "g01")
    form = {"op": "same", "turn": str(turn.id), "version": str(turn.version), "do": "start"}
    run = f"/panel/showings/{room.id}/run"
    assert [chair.post(run, form).status_code for _n in range(2)] == [303, 303]
    assert len(log(world, "turn.start")) == 1
    old = chair.post(run, form | {"op": "other"})
    assert old.status_code == 409
    assert "这一步刚刚已经办过" in old.get_data(as_text=True)


def test_a_unit_that_has_not_submitted_does_not_begin_in_review(world: World, client_for: SignIn) -> None:
    with_figure(world)
    with world.write() as session:
        entry = session.get(Entry, world.entries["g01"])
        assert entry is not None
        entry.state = SubmissionState.OPEN
        session.add(entry)
        session.commit()
    chair = client_for("chair")
    room = Room(world, prepare(chair, world))
    answer = room.step(chair, "start")
    assert answer.status_code == 409
    assert "甲山教育集团还没有提交，不能评分。" in answer.get_data(as_text=True)
    world.move_to(CycleState.DELIBERATION)
    assert room.step(chair, "start").status_code == 303


def test_revealing_without_the_missing_ones_is_said_on_purpose(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one = client_for("chair"), client_for("rev1")
    room = Room(world, prepare(chair, world))
    room.scoring(chair)
    nobody = room.step(chair, "reveal", anyway="1")
    assert nobody.status_code == 409
    assert "还没有评委送出评分，不能亮分。" in nobody.get_data(as_text=True)
    assert room.score(one, "3").status_code == 303
    assert room.step(chair, "reveal", anyway="1").status_code == 303
    assert log(world, "turn.reveal")[0].detail["said"] == {"scores": {"评委一": "3"}, "missing": ["评委二"]}
    assert "评委二 未评" in said(chair, f"/panel/showings/{room.id}/run")


def test_closing_and_opening_again(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    room = Room(world, prepare(chair, world))
    room.scoring(chair)
    assert room.act(chair, "close").status_code == 409
    for client in (one, two):
        room.score(client, "3")
    room.step(chair, "reveal")
    room.step(chair, "settle", points="3", reason="")
    assert room.act(chair, "close").status_code == 303
    assert log(world, "showing.close")[0].detail["left"] == 1
    assert showing_of(world, room.id).closed_at is not None
    assert room.step(chair, "start", "g02").status_code == 409
    assert room.act(chair, "draw").status_code == 409
    assert "这一场已结束" in said(one, f"/panel/showings/{room.id}/score")
    assert room.act(chair, "delete").status_code == 409
    assert room.act(chair, "open").status_code == 303
    assert room.step(chair, "start", "g02").status_code == 303


def test_a_session_that_is_on_is_a_to_do_of_those_who_are_asked(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one = client_for("chair"), client_for("rev1")
    room = Room(world, prepare(chair, world))
    assert "展示考核进行中" not in said(chair, "/panel") + said(one, "/panel")  # planned only
    assert room.step(chair, "start").status_code == 303
    assert "展示考核进行中，请主持" in said(chair, "/panel")
    assert f'href="/panel/showings/{room.id}/run"' in chair.get("/panel").get_data(as_text=True)
    assert "展示考核进行中，请进入评分" in said(one, "/panel")
    assert f'href="/panel/showings/{room.id}/score"' in one.get("/panel").get_data(as_text=True)
    assert room.step(chair, "back").status_code == 303
    assert "展示考核进行中" not in said(chair, "/panel") + said(one, "/panel")


# --- the reviewers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("5.1", "请填 0 — 5"),
        ("", "请填 0 — 5"),
        ("-1", "请填 0 — 5"),
        ("2.001", "小数最多 2 位"),
        ("ok", "不是分数"),
    ],
)
def test_a_score_obeys_the_scale_and_what_was_typed_stays(
    world: World, client_for: SignIn, points: str, message: str
) -> None:
    with_figure(world)
    chair, one = client_for("chair"), client_for("rev1")
    room = Room(world, prepare(chair, world))
    room.scoring(chair)
    for headers in ({}, {"htmx": True}):
        turn = turn_of(world, room.id, "g01")
        path = f"/panel/showings/{room.id}/turns/{turn.id}"
        answer = one.post(
            path, {"op": f"x{len(headers)}", "points": points, "note": "记", "version": "0"}, **headers
        )
        html = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert message in html
        assert f'name="points" value="{points}"' in html
        assert ">记</textarea>" in html
        assert ("<html" in html) is not bool(headers)
    assert scores(world) == {}


def test_a_score_is_sent_twice_changed_and_met_by_another_window(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one = client_for("chair"), client_for("rev1")
    room = Room(world, prepare(chair, world))
    room.scoring(chair)
    turn = turn_of(world, room.id, "g01")
    path = f"/panel/showings/{room.id}/turns/{turn.id}"
    first = {"op": "a", "points": "３.5", "note": "", "version": "0"}
    assert [one.post(path, first).status_code for _n in range(2)] == [303, 303]
    assert len(log(world, "turn.score")) == 1
    clash = one.post(path, first | {"op": "b", "points": "4"}, htmx=True)
    html = clash.get_data(as_text=True)
    assert clash.status_code == 409
    assert "另一个窗口送出的是 3.5。要用这里填的，请再送一次。" in html
    assert 'name="points" value="4"' in html
    assert 'name="version" value="1"' in html
    assert one.post(path, first | {"op": "c", "points": "4", "version": "1"}).status_code == 303
    assert scores(world) == {"rev1": Fraction(4)}
    assert [(e.old and e.old["points"], e.new["points"]) for e in log(world, "turn.score")] == [
        (None, "3.5"),
        ("3.5", "4"),
    ]


def test_only_the_asked_ones_score(world: World, client_for: SignIn) -> None:
    """There are reviewers, so the chair is not asked."""
    with_figure(world)
    chair = client_for("chair")
    room = Room(world, prepare(chair, world))
    room.scoring(chair)
    assert room.score(chair, "3").status_code == 404
    assert "您不在这一场的评委里" in said(chair, f"/panel/showings/{room.id}/score")
    assert scores(world) == {}


@pytest.mark.parametrize("how", ["school", "declared"])
def test_a_conflicted_reviewer_waits_without_a_name(world: World, client_for: SignIn, how: str) -> None:
    with_figure(world)
    chair = client_for("chair")
    room = Room(world, prepare(chair, world))
    if how == "school":
        give_school(world, "rev1", "s2")
    else:
        recuse(world, "rev1")
    one, two = client_for("rev1"), client_for("rev2")
    tablet = f"/panel/showings/{room.id}/score"
    room.scoring(chair)
    for path in (tablet, f"{tablet}/live", f"/panel/cycles/{world.cycle_id}/showings"):
        assert "甲山" not in one.get(path).get_data(as_text=True), path
    assert "回避，请稍候" in said(one, tablet)
    assert room.score(one, "3").status_code == 404
    assert "0 / 1 位评委已送出评分" in said(chair, f"/panel/showings/{room.id}/run")
    assert room.score(two, "3").status_code == 303
    assert room.step(chair, "reveal").status_code == 303
    assert "甲山" not in one.get(tablet).get_data(as_text=True)
    assert room.step(chair, "settle", points="3", reason="").status_code == 303
    assert "甲山" not in one.get(tablet).get_data(as_text=True)
    assert "回避" in said(chair, f"/panel/showings/{room.id}/sheet")
    room.scoring(chair, "g02")
    assert "丁桥教育集团" in said(one, tablet)
    assert room.score(one, "4", "g02").status_code == 303


def test_a_conflicted_chair_neither_meets_nor_runs_the_turn(world: World, client_for: SignIn) -> None:
    with_figure(world)
    room = Room(world, prepare(client_for("admin"), world))
    recuse(world, "chair")
    chair = client_for("chair")
    for rest in ("", "/run", "/run/live", "/sheet", "/score"):
        page = chair.get(f"/panel/showings/{room.id}{rest}").get_data(as_text=True)
        assert "甲山" not in page, rest
    assert "丁桥教育集团" in said(chair, f"/panel/showings/{room.id}/run")
    assert "已审定 0 / 1" in said(chair, f"/panel/showings/{room.id}/run")
    assert "三楼会议室 0 / 1 未开始" in said(chair, f"/panel/cycles/{world.cycle_id}/showings")
    assert "三楼会议室 0 / 2 未开始" in said(client_for("admin"), f"/bureau/cycles/{world.cycle_id}/showing")
    assert "甲山" not in said(chair, f"/panel/cycles/{world.cycle_id}/showings/new?target=clause:A1.2")
    assert room.step(chair, "start").status_code == 404
    ids = turn_ids(world, room.id)
    assert room.act(chair, f"drop:{ids['g01']}").status_code == 404
    assert room.act(chair, f"down:{ids['g01']}").status_code == 404
    other = chair.post(
        f"/panel/cycles/{world.cycle_id}/showings",
        plan_form(world, "g01", op="mine", target="clause:A1.2"),
    )
    assert other.status_code == 422
    assert list(turn_ids(world, room.id)) == ["g01", "g02"]


def test_a_score_of_somebody_recused_since_does_not_count(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    room = Room(world, prepare(chair, world))
    room.scoring(chair)
    for client, points in ((one, "1"), (two, "4")):
        assert room.score(client, points).status_code == 303
    recuse(world, "rev1")
    assert "1 / 1 位评委已送出评分" in said(chair, f"/panel/showings/{room.id}/run")
    assert room.step(chair, "reveal").status_code == 303
    assert "平均 4 最高减最低 0" in said(chair, f"/panel/showings/{room.id}/run")
    assert room.step(chair, "settle", points="4", reason="").status_code == 303


# --- asking again and again ------------------------------------------------------------------------


def seen_of(client: Client, path: str) -> str:
    found = re.search(r'hx-get="([^"]+/live[^"]*)"', client.get(path).get_data(as_text=True))
    assert found is not None
    return found[1].replace("&amp;", "&")


def test_the_screens_ask_and_are_redrawn_only_when_something_has_changed(
    world: World, client_for: SignIn
) -> None:
    with_figure(world)
    chair, one = client_for("chair"), client_for("rev1")
    room = Room(world, prepare(chair, world))
    run, tablet = f"/panel/showings/{room.id}/run", f"/panel/showings/{room.id}/score"
    at_chair, at_one = seen_of(chair, run), seen_of(one, tablet)
    assert (chair.get(at_chair).status_code, one.get(at_one).status_code) == (204, 204)
    room.scoring(chair)
    fresh = one.get(at_one)
    assert fresh.status_code == 200
    assert "<html" not in fresh.get_data(as_text=True)
    assert 'name="points"' in fresh.get_data(as_text=True)
    at_chair, at_one = seen_of(chair, run), seen_of(one, tablet)
    room.score(one, "3")
    assert one.get(at_one).status_code == 204  # what is being typed stays
    redrawn = chair.get(at_chair)
    assert redrawn.status_code == 200
    assert re.search(r"<b>1</b><span> / 2</span>", redrawn.get_data(as_text=True))


def test_the_pages_make_a_fixed_number_of_queries(app: Flask, world: World, client_for: SignIn) -> None:
    with_figure(world)
    more_units(world, 30)
    with world.read() as session:
        world.entries = {e.code: e.id or 0 for e in session.exec(select(Entry))}
    chair = client_for("chair")
    small = prepare(chair, world, "g01", op="small")
    large = prepare(chair, world, *[c for c in world.entries if c != "g01"], op="large")
    engine = app.extensions["intranet"].engine
    counts: dict[str, list[int]] = {}
    for showing_id in (small, large):
        for rest in ("", "/run", "/run/live", "/score", "/sheet"):
            ran: list[str] = []

            def count(_c: Any, _cursor: Any, statement: str, *_rest: Any, ran: list[str] = ran) -> None:
                ran.append(statement)

            sa.event.listen(engine, "before_cursor_execute", count)
            assert chair.get(f"/panel/showings/{showing_id}{rest}").status_code == 200
            sa.event.remove(engine, "before_cursor_execute", count)
            counts.setdefault(rest, []).append(len(ran))
    assert all(one == many for one, many in counts.values()), counts


# --- the sheet ------------------------------------------------------------------------------------


def test_the_sheet_has_order_scores_mean_settled_and_signature_lines(
    world: World, client_for: SignIn
) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    room = Room(world, prepare(chair, world))
    sheet = f"/panel/showings/{room.id}/sheet"
    room.scoring(chair)
    room.score(one, "4.25")
    room.score(two, "3")
    assert "4.25" not in said(chair, sheet)
    room.step(chair, "reveal")
    room.step(chair, "settle", points="4", reason="合议")
    for client in (chair, client_for("admin")):
        text = said(client, sheet)
        assert "展示考核评分表 小学组上午场 展示得分 满分 5 日期：2031-06-12 地点：三楼会议室" in text
        assert "顺序 学校联盟 评委一 评委二 平均 分差 审定 1 甲山教育集团 4.25 3 3.63 1.25 4" in text
        assert "审定理由：合议" in text
        assert "评委一 评委二 组长签字： 记录人签字： 签字日期：" in text


# --- arithmetic -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "points", "expected"),
    [
        (CombineRule.MEAN, ("4", "4", "5"), Fraction(433, 100)),
        (CombineRule.TRIMMED, ("1", "4", "4.5", "5"), Fraction(17, 4)),
        (CombineRule.TRIMMED, ("4", "5"), Fraction(9, 2)),
        (CombineRule.MEDIAN, ("1", "4", "5"), Fraction(4)),
        (CombineRule.CHAIR, ("4", "5"), None),
        (CombineRule.CHAIR, ("4", "4"), Fraction(4)),
        (CombineRule.MEAN, (), None),
    ],
)
def test_the_cycles_rule_proposes(
    rule: CombineRule, points: tuple[str, ...], expected: Fraction | None
) -> None:
    assert proposal([Fraction(p) for p in points], rule, 2) == expected


def test_where_the_chair_decides_a_reason_is_needed(world: World, client_for: SignIn) -> None:
    with_figure(world)
    combine_by(world, CombineRule.CHAIR)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    room = Room(world, prepare(chair, world))
    room.revealed(chair, {one: "4", two: "3"})
    refused = room.step(chair, "settle", points="3.5", reason="")
    assert refused.status_code == 422
    assert "评分不一致，请写明审定理由。" in refused.get_data(as_text=True)
    assert room.step(chair, "settle", points="3.5", reason="取中").status_code == 303
    assert figure(world) == Fraction(7, 2)


# --- odd moments -----------------------------------------------------------------------------------


def test_scoring_again_where_nobody_is_left_to_score_is_refused_in_words(
    world: World, client_for: SignIn
) -> None:
    with_figure(world)
    chair, one, two = client_for("chair"), client_for("rev1"), client_for("rev2")
    room = Room(world, prepare(chair, world))
    room.revealed(chair, {one: "1", two: "4"})
    recuse(world, "rev1")
    recuse(world, "rev2")
    answer = room.step(chair, "reopen", reason="没有人了")
    assert answer.status_code == 409
    assert "不用重新评分" in answer.get_data(as_text=True)


def test_a_token_of_another_form_opens_nothing_and_breaks_nothing(world: World, client_for: SignIn) -> None:
    with_figure(world)
    chair = client_for("chair")
    shared = {"op": "shared", "text": "材料齐全", "code": ""}
    assert chair.post(f"/panel/cycles/{world.cycle_id}/phrases", shared).status_code == 303
    showing_id = prepare(chair, world, op="shared")
    assert list(turn_ids(world, showing_id)) == ["g01", "g02"]
    assert chair.post(f"/panel/cycles/{world.cycle_id}/phrases", shared | {"op": "other"}).status_code == 303
    assert Room(world, showing_id).act(chair, "code", op="other").status_code == 303


def test_the_domain_takes_no_unit_that_the_chair_stays_away_from(
    world: World, app: Flask, client_for: SignIn
) -> None:
    with_figure(world)
    recuse(world, "chair")
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        entry = session.get(Entry, world.entries["g01"])
        assert cycle is not None
        assert entry is not None
        rubric = scoring_for(cycle, app.extensions["intranet"].registry).rubric
        target = showing_targets.target_of(rubric, "figure:show")
        plan = showing_plan.read(showing_plan.Typed(title="场次", target=target.key), target)
        with pytest.raises(NotFound):
            showing_plan.create(session, world.actor("chair"), cycle, target, plan, [entry], "code")
