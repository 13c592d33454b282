"""The grid: one clause of every unit, a row saved alone by htmx or all rows with one button."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from intranet.enums import CycleState
from tests.integration.panel_ground import change, give_school, log, marks, said, submit
from tests.world import Client, World

SignIn = Callable[[str], Client]


def grid(world: World, code: str = "A2") -> str:
    return f"/panel/cycles/{world.cycle_id}/grid?code={code}"


def row(
    world: World, unit: str, points: str, reason: str = "", version: int = 0, **more: Any
) -> dict[str, Any]:
    at = world.entries[unit]
    return {
        f"points.{at}": points,
        f"reason.{at}": reason,
        f"version.{at}": version,
        f"op.{at}": f"{unit}{points}{version}",
        **more,
    }


def test_every_unit_is_a_row_with_self_score_proposal_and_state(world: World, client_for: SignIn) -> None:
    submit(world, "g01")
    shown = said(client_for("rev1"), grid(world))
    assert "甲山教育集团 — 4 " in shown
    assert "丁桥教育集团" in shown
    assert "丁桥教育集团还没有提交，不能评分。" in shown
    html = client_for("rev1").get(grid(world)).get_data(as_text=True)
    assert f'name="points.{world.entries["g01"]}" value=""' in html
    assert f'name="points.{world.entries["g02"]}"' not in html


def test_a_row_is_saved_alone_and_answered_as_a_fragment(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    answer = client.post(f"{grid(world)}&row={world.entries['g01']}", row(world, "g01", "4"), htmx=True)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert html.strip().startswith(f'<tr id="grid-{world.entries["g01"]}"')
    assert "已评" in html
    assert f'name="version.{world.entries["g01"]}" value="1"' in html
    stored = marks(world, "A2")["rev1"]
    assert stored.points == 4
    assert [d["key"] for d in stored.deductions] == ["event.理事会", "materials"]
    assert "rev1" not in marks(world, "A2", "g02")


def test_a_score_without_any_deduction_waives_the_proposals_with_the_reason(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    client = client_for("rev1")
    answer = client.post(
        f"{grid(world)}&row={world.entries['g01']}", row(world, "g01", "7", "现场核实都开了"), htmx=True
    )
    assert "已评" in answer.get_data(as_text=True)
    stored = marks(world, "A2")["rev1"]
    assert stored.reason == "现场核实都开了"
    assert [(d["key"], d["waived"], d["reason"]) for d in stored.deductions] == [
        ("event.理事会", True, "现场核实都开了"),
        ("materials", True, "现场核实都开了"),
    ]


def test_a_row_that_needs_a_reason_asks_for_it_inline(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    answer = client.post(f"{grid(world)}&row={world.entries['g01']}", row(world, "g01", "5"), htmx=True)
    html = answer.get_data(as_text=True)
    assert "与系统建议 4 分不同，请写明理由。" in html
    assert "没保存" in html
    assert f'name="points.{world.entries["g01"]}" value="5"' in html
    assert "rev1" not in marks(world, "A2")


def test_one_button_saves_what_was_filled_in_and_keeps_what_was_refused(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    client = client_for("rev1")
    answer = client.post(grid(world), row(world, "g01", "4") | row(world, "g02", "99"))
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "1 行没有保存，填的内容还在" in text
    assert "请填 0 — 7" in text
    assert f'name="points.{world.entries["g02"]}" value="99"' in text
    assert marks(world, "A2")["rev1"].points == 4
    assert "rev1" not in marks(world, "A2", "g02")
    done = client.post(grid(world), row(world, "g01", "4", version=1) | row(world, "g02", "4"), follow=True)
    assert "已保存 1 行。" in done.get_data(as_text=True)
    assert len(log(world, "mark.save")) == 2


def test_blank_rows_confirm_nothing(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    done = client.post(grid(world), row(world, "g01", "") | row(world, "g02", ""), follow=True)
    assert "没有要保存的改动。" in done.get_data(as_text=True)
    assert log(world, "mark.save") == []


def test_a_row_changed_in_another_window_is_shown_before_it_is_overwritten(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    client = client_for("rev1")
    here = f"{grid(world)}&row={world.entries['g01']}"
    client.post(here, row(world, "g01", "4"), htmx=True)
    late = client.post(here, row(world, "g01", "3", "另一个理由"), htmx=True)
    html = late.get_data(as_text=True)
    assert "另一个窗口已存：4" in html
    assert f'name="version.{world.entries["g01"]}" value="1"' in html
    assert marks(world, "A2")["rev1"].points == 4
    client.post(here, row(world, "g01", "3", "另一个理由", version=1), htmx=True)
    assert marks(world, "A2")["rev1"].points == 3


def test_a_stale_row_is_confirmed_by_saving_it_once_more(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    here = f"{grid(world)}&row={world.entries['g01']}"
    client.post(here, row(world, "g01", "4"), htmx=True)
    change(world, "g01", "A2.no_plan", True)
    assert "有变" in said(client, grid(world))
    sent = row(world, "g01", "4", "核对过", version=1) | {"row": str(world.entries["g01"])}
    assert "已评" in client.post(grid(world), sent, htmx=True).get_data(as_text=True)
    assert marks(world, "A2")["rev1"].computed == Fraction(3)


def test_a_conflicted_reviewer_has_no_such_row(world: World, client_for: SignIn) -> None:
    submit(world)
    give_school(world, "rev1", "s3")
    client = client_for("rev1")
    assert "甲山教育集团" not in said(client, grid(world))
    answer = client.post(f"{grid(world)}&row={world.entries['g01']}", row(world, "g01", "4"), htmx=True)
    assert answer.status_code == 404
    client.post(grid(world), row(world, "g01", "4"))
    assert "rev1" not in marks(world, "A2")


def test_outside_review_the_grid_is_read_only(world: World, client_for: SignIn) -> None:
    submit(world, state=CycleState.DELIBERATION)
    client = client_for("rev1")
    assert "合议时在评分页改分" in said(client, grid(world))
    client.post(grid(world), row(world, "g01", "4"))
    assert "rev1" not in marks(world, "A2")


def test_what_was_returned_cannot_be_scored_in_the_grid(world: World, client_for: SignIn) -> None:
    submit(world)
    chair = client_for("chair")
    path = f"/panel/entries/{world.entries['g01']}/indicators/A2/return"
    assert chair.post(path, {"reason": "请补会议纪要"}).status_code == 303
    client = client_for("rev1")
    assert "正在补这一项的材料，重新提交后才能评分" in said(client, grid(world))
    client.post(grid(world), row(world, "g01", "4"))
    assert "rev1" not in marks(world, "A2")
