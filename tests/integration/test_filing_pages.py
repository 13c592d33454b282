"""The school's pages: what a person sees and may do."""

from __future__ import annotations

from collections.abc import Callable

from tests.world import Client, World, app, client_for, settings, world  # noqa: F401 - fixtures


def test_one_running_entry_opens_at_once(world: World, client_for: Callable[[str], Client]) -> None:
    answer = client_for("lead1").get("/tasks")
    assert answer.status_code == 302
    assert answer.location == f"/entries/{world.entries['g01']}"


def test_overview_says_what_to_do_first(world: World, client_for: Callable[[str], Client]) -> None:
    text = client_for("lead1").text(f"/entries/{world.entries['g01']}")
    assert "甲山教育集团" in text
    print(text)


def test_indicator(world: World, client_for: Callable[[str], Client]) -> None:
    for code in ("A1", "A2", "B1", "B2", "B3", "B4", "B5", "B6", "C1", "C2"):
        print(client_for("lead1").text(f"/entries/{world.entries['g01']}/indicators/{code}")[-900:])
