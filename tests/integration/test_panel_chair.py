"""The first page, the queue and the sheet; the chair's board, settlements and figures."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from sqlmodel import select

from intranet.enums import CombineRule, CycleState, Role
from intranet.models import Answer, Cycle, Grant
from tests.integration.panel_ground import combine_by, log, marks, said, submit
from tests.integration.test_panel_scoring import form_of, url
from tests.unit.rubric import sample
from tests.world import Client, World

SignIn = Callable[[str], Client]


def score(client: Client, world: World, points: str, code: str = "A2") -> None:
    form = form_of(client, url(world, code)) | {f"points.{code}": points, f"reason.{code}": f"理由{points}"}
    assert client.post(url(world, code), form).status_code == 303


def settle_form(client: Client, world: World, code: str = "A2", **more: Any) -> dict[str, Any]:
    html = client.get(f"{url(world, code)}/settle").get_data(as_text=True)
    out = {"do": f"settle:{code}"}
    for name in ("op", f"version.{code}"):
        found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', html)
        assert found is not None
        out[name] = found[1]
    return out | more


# --- first page, queue, sheet ---------------------------------------------------------------------


def test_the_first_page_leads_to_the_next_item(world: World, client_for: SignIn) -> None:
    submit(world, "g01")
    client = client_for("rev1")
    text = said(client, "/panel")
    assert "开始评分 章程 甲山教育集团" in text
    assert "已评 0 / 9" in text
    assert "已提交 1 / 2 个单位" in text
    score(client, world, "3")
    assert "已评 1 / 9" in said(client, "/panel")


def test_without_a_panel_seat_there_is_an_empty_page(world: World, client_for: SignIn) -> None:
    world.move_to(CycleState.DRAFT)
    assert "您现在没有要评的考核" in said(client_for("rev1"), "/panel")


def test_before_review_the_first_page_waits(world: World, client_for: SignIn) -> None:
    assert "还在填报，已提交 0 / 2 个。" in said(client_for("rev1"), "/panel")


def test_the_queue_runs_by_indicator_or_by_unit(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    score(client, world, "3")
    by_indicator = said(client, f"/panel/cycles/{world.cycle_id}")
    assert "每学期召开理事会不少于2次(7分) 7 1 / 2 甲山教育集团 ✓ 丁桥教育集团 未评" in by_indicator
    assert "平均等第前三名分别得4分、3分、2分 4 0 / 0 甲山教育集团 不用评" in by_indicator
    by_unit = said(client, f"/panel/cycles/{world.cycle_id}?by=unit")
    assert "甲山教育集团 1 / 9 章程 未评 每学期召开理事会不少于2次(7分) ✓" in by_unit


def test_the_sheet_holds_the_own_marks_only(world: World, client_for: SignIn) -> None:
    submit(world, "g01")
    mine, other = client_for("rev1"), client_for("rev2")
    score(mine, world, "3.25")
    score(other, world, "2.75")
    text = said(mine, f"/panel/cycles/{world.cycle_id}/sheet")
    assert "每学期召开理事会不少于2次(7分) 7 3.25 理由3.25" in text
    assert "2.75" not in text
    assert "评委：评委一 签字： 日期：" in text
    assert "丁桥教育集团" not in text


# --- the board ------------------------------------------------------------------------------------


def test_the_board_is_the_chairs(world: World, client_for: SignIn) -> None:
    submit(world)
    path = f"/panel/cycles/{world.cycle_id}/board"
    assert client_for("rev1").get(path).status_code == 403
    assert client_for("chair").get(path).status_code == 200


def test_before_review_the_board_asks_for_nothing(world: World, client_for: SignIn) -> None:
    submit(world, state=CycleState.FILING)
    text = said(client_for("chair"), f"/panel/cycles/{world.cycle_id}/board?show=missing")
    assert "缺评 18" in text
    assert "款要处理" not in text
    assert "现在是填报阶段，不能评分。" in text


def test_the_board_lists_spreads_widest_first(world: World, client_for: SignIn) -> None:
    submit(world)
    one, two = client_for("rev1"), client_for("rev2")
    score(one, world, "3.5")
    score(two, world, "1")
    score(one, world, "2.5", "B2")
    score(two, world, "2", "B2")
    text = said(client_for("chair"), f"/panel/cycles/{world.cycle_id}/board")
    assert "有分差 2" in text
    wide = text.index("甲山教育集团 每学期召开理事会不少于2次(7分) 评委一 3.5 评委二 1 2.5 4 2.25")
    assert wide < text.index("市级奖励1分/个,区级奖励0.5分/个,最高3分 评委一 2.5 评委二 2 0.5 1 2.25")


def test_missing_doubtful_and_stale_are_listed(world: World, client_for: SignIn) -> None:
    submit(world, "g01")
    score(client_for("rev1"), world, "3.5")
    two = client_for("rev2")
    two.post(url(world, "A2"), form_of(two, url(world, "A2")) | {"do": "doubt"})
    chair = client_for("chair")
    board = f"/panel/cycles/{world.cycle_id}/board"
    assert "缺评 9" in said(chair, board)
    assert "每学期召开理事会不少于2次(7分) 评委一 3.5 — 4 3.5 缺 评委二 存疑 审定" in said(
        chair, f"{board}?show=doubtful"
    )


# --- settling -------------------------------------------------------------------------------------


def test_the_chair_settles_with_a_reason(world: World, client_for: SignIn) -> None:
    submit(world)
    combine_by(world, CombineRule.CHAIR)
    score(client_for("rev1"), world, "3.5")
    score(client_for("rev2"), world, "1")
    chair = client_for("chair")
    board = f"/panel/cycles/{world.cycle_id}/board"
    assert "待审定 1" in said(chair, board)
    page = said(chair, f"{url(world, 'A2')}/settle")
    assert "评委一 3.5 理由3.5" in page
    assert "评委二 1 理由1" in page
    refused = chair.post(f"{url(world, 'A2')}/settle", settle_form(chair, world, **{"points.A2": "3"}))
    assert refused.status_code == 422
    assert "请写明审定理由。" in refused.get_data(as_text=True)
    typed = {"points.A2": "3", "reason.A2": "合议后定"}
    assert chair.post(f"{url(world, 'A2')}/settle", settle_form(chair, world, **typed)).status_code == 303
    settled = marks(world, "A2")["settled"]
    assert (settled.role, settled.user_id, settled.points, settled.reason) == (
        "settled",
        0,
        Fraction(3),
        "合议后定",
    )
    assert settled.made_by == world.users["chair"]
    (entry,) = log(world, "mark.settle")
    assert (entry.subject, entry.old, entry.new["points"], entry.reason) == ("A2", None, "3", "合议后定")
    text = said(chair, f"{board}?show=settled")
    assert "待审定 0" in text
    assert "评委一 3.5 评委二 1 2.5 4 3 已审定" in text


@pytest.mark.parametrize(
    ("points", "message"),
    [("8", "请填 0 — 7"), ("-0.5", "请填 0 — 7"), ("x", "不是分数"), ("1.005", "小数最多 2 位")],
)
def test_a_settlement_obeys_the_clause(world: World, client_for: SignIn, points: str, message: str) -> None:
    submit(world)
    chair = client_for("chair")
    typed = {"points.A2": points, "reason.A2": "合议"}
    answer = chair.post(f"{url(world, 'A2')}/settle", settle_form(chair, world, **typed))
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert message in html
    assert f'value="{points}"' in html
    assert "settled" not in marks(world, "A2")


def test_only_the_chair_settles_and_in_deliberation_too(world: World, client_for: SignIn) -> None:
    submit(world, state=CycleState.DELIBERATION)
    chair = client_for("chair")
    typed = settle_form(chair, world, **{"points.A2": "5", "reason.A2": "合议"})
    assert client_for("rev1").post(f"{url(world, 'A2')}/settle", typed).status_code == 403
    assert chair.post(f"{url(world, 'A2')}/settle", typed).status_code == 303
    assert marks(world, "A2")["settled"].points == 5
    world.move_to(CycleState.PUBLISHED)
    later = typed | {"op": "other", "version.A2": "1", "points.A2": "6"}
    assert chair.post(f"{url(world, 'A2')}/settle", later).status_code == 409
    assert marks(world, "A2")["settled"].points == 5


def test_in_deliberation_the_chair_settles_a_unit_that_never_submitted(
    world: World, client_for: SignIn
) -> None:
    submit(world, "g01")
    chair, path = client_for("chair"), f"{url(world, 'A2', 'g02')}/settle"
    words = {"points.A2": "1", "reason.A2": "没有提交，按现有材料评定", "version.A2": "0", "do": "settle:A2"}
    chair.post(path, words | {"op": "early"})
    assert marks(world, "A2", "g02") == {}
    world.move_to(CycleState.DELIBERATION)
    assert "丁桥教育集团 未提交" in said(chair, f"/panel/cycles/{world.cycle_id}/board?show=missing")
    assert chair.post(path, words | {"op": "late"}).status_code == 303
    assert [m.points for m in marks(world, "A2", "g02").values()] == [Fraction(1)]


def test_a_chair_beside_reviewers_gives_no_mark(world: World, client_for: SignIn) -> None:
    submit(world)
    chair, cycle = client_for("chair"), f"/panel/cycles/{world.cycle_id}"
    queue = said(chair, cycle)
    assert "您是组长，不是评委，不用评分" in queue
    assert "已评" not in queue
    first = said(chair, "/panel")
    assert "已提交 2 / 2 个单位" in first
    assert "评分清单" not in first
    assert "没有您要评的条款" in said(chair, f"{cycle}/sheet")
    page = said(chair, url(world, "A2"))
    assert "这一项不由您评分，只能查看。" in page
    assert "本项第" not in page
    assert "退回补材料" in page  # still the chair's to do
    form = form_of(client_for("rev1"), url(world, "A2")) | {"points.A2": "4", "reason.A2": "好"}
    assert chair.post(url(world, "A2"), form).status_code == 403
    assert marks(world, "A2") == {}
    # every clause is within reach, those too that nothing speaks against
    score(client_for("rev1"), world, "4")
    score(client_for("rev2"), world, "4")
    everything = said(chair, f"{cycle}/board?show=all")
    assert "评委一 4" in everything
    with world.write() as session:  # as a reviewer too
        session.add(Grant(user_id=world.users["chair"], role=Role.REVIEWER, cycle_id=world.cycle_id))
        session.commit()
    assert "开始评分" in said(chair, cycle)
    score(chair, world, "3")
    assert set(marks(world, "A2")) == {"rev1", "rev2", "chair"}


def test_nobody_is_asked_for_what_the_chair_has_settled(world: World, client_for: SignIn) -> None:
    submit(world)
    rev1, chair, cycle = client_for("rev1"), client_for("chair"), f"/panel/cycles/{world.cycle_id}"
    score(client_for("rev2"), world, "4")

    def left() -> int:
        found = re.search(r"还有 (\d+) 处没评", said(rev1, "/panel"))
        assert found is not None
        return int(found[1])

    before, missing = left(), said(chair, f"{cycle}/board?show=missing")
    typed = {"points.A2": "5", "reason.A2": "合议定五分"}
    assert chair.post(f"{url(world, 'A2')}/settle", settle_form(chair, world, **typed)).status_code == 303
    assert left() == before - 1
    assert "甲山教育集团 已审定" in said(rev1, cycle)
    assert "合议定五分" not in said(rev1, url(world, "A2"))  # asked or not: nothing of it before the own mark
    counts = [re.findall(r"缺评 (\d+)", text)[0] for text in (missing, said(chair, f"{cycle}/board"))]
    assert int(counts[1]) == int(counts[0]) - 1
    score(rev1, world, "3")  # may still be given
    assert set(marks(world, "A2")) == {"rev1", "rev2", "settled"}


def test_a_chair_alone_scores(world: World, client_for: SignIn) -> None:
    with world.write() as session:
        for grant in session.exec(select(Grant).where(Grant.role == Role.REVIEWER)):
            session.delete(grant)
        session.commit()
    submit(world)
    score(client_for("chair"), world, "3")
    assert set(marks(world, "A2")) == {"chair"}


def test_a_settlement_meets_another_chairs(world: World, client_for: SignIn) -> None:
    submit(world)
    chair = client_for("chair")
    early = settle_form(chair, world, **{"points.A2": "5", "reason.A2": "先"})
    late = settle_form(chair, world, **{"points.A2": "6", "reason.A2": "后"})
    assert chair.post(f"{url(world, 'A2')}/settle", early).status_code == 303
    answer = chair.post(f"{url(world, 'A2')}/settle", late)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "另一位组长已审定为 5（先）" in html
    assert 'name="points.A2" value="6"' in html
    assert marks(world, "A2")["settled"].points == 5


def test_a_settlement_is_withdrawn(world: World, client_for: SignIn) -> None:
    submit(world)
    chair = client_for("chair")
    chair.post(
        f"{url(world, 'A2')}/settle", settle_form(chair, world, **{"points.A2": "5", "reason.A2": "合议"})
    )
    assert (
        chair.post(f"{url(world, 'A2')}/settle", settle_form(chair, world, do="withdraw:A2")).status_code
        == 303
    )
    assert "settled" not in marks(world, "A2")
    assert log(world, "mark.unsettle")[0].old["points"] == "5"


def test_the_units_pages_show_no_single_reviewers_mark(world: World, client_for: SignIn) -> None:
    submit(world)
    score(client_for("rev1"), world, "3.25")
    text = said(client_for("lead1"), f"/entries/{world.entries['g01']}")
    assert "3.25" not in text
    assert "评委一" not in text


# --- figures the panel owns -----------------------------------------------------------------------

FIGURE = """
[[field]]
key = "show"
label = "展示得分"
type = "number"
by = "visit"
clause = "B5"
least = 0
most = 5
"""


def test_the_chair_fills_in_the_panels_own_figure(world: World, client_for: SignIn) -> None:
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        head, tables = sample.SAMPLE.split("[[table]]", 1)
        cycle.definition = f"{head}{FIGURE}\n[[table]]{tables}"
        session.add(cycle)
        session.commit()
    submit(world)
    assert "由组长填写得分 展示得分： — 未填" in said(client_for("rev1"), url(world, "B5"))
    chair = client_for("chair")
    path = f"{url(world, 'B5')}/figures"
    form: dict[str, Any] = {"op": "one", "figure.show": "４.５", "version.show": "0"}
    assert client_for("rev1").post(path, form).status_code == 403
    refused = chair.post(path, form | {"figure.show": "很好"})
    assert refused.status_code == 422
    assert 'value="很好"' in refused.get_data(as_text=True)
    assert chair.post(path, form).status_code == 303
    with world.read() as session:
        stored = session.exec(select(Answer).where(Answer.key == "show")).one()
        assert (stored.owner, Fraction(str(stored.value))) == ("visit", Fraction(9, 2))
    assert "展示得分： 4.5" in said(client_for("rev1"), url(world, "B5"))
