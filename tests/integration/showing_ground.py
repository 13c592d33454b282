"""A meeting in the small world: the panel's own figure of B5 (0 — 5) scored by two reviewers."""

from __future__ import annotations

import re
from typing import Any

from sqlmodel import select

from intranet.enums import CycleState
from intranet.models import Cycle, Showing, Turn
from tests.integration.panel_ground import submit
from tests.unit.rubric import sample
from tests.world import Client, World

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
TARGET = "figure:show"


def with_figure(world: World, *, state: CycleState = CycleState.REVIEW) -> None:
    """Both units submitted under a rubric with the figure."""
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        head, tables = sample.SAMPLE.split("[[table]]", 1)
        cycle.definition = f"{head}{FIGURE}\n[[table]]{tables}"
        session.add(cycle)
        session.commit()
    submit(world, state=state)


def plan_form(world: World, *units: str, op: str = "plan", **more: Any) -> dict[str, Any]:
    form = {
        "op": op,
        "target": TARGET,
        "title": "小学组上午场",
        "held_on": "2031-06-12",
        "place": "三楼会议室",
        "minutes": "8",
        "spread": "1",
        "order": "code",
        "unit": [str(world.entries[u]) for u in units or ("g01", "g02")],
    }
    return form | more


def prepare(client: Client, world: World, *units: str, **more: Any) -> int:
    """A session made through the page; its id."""
    answer = client.post(f"/panel/cycles/{world.cycle_id}/showings", plan_form(world, *units, **more))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def turn_ids(world: World, showing_id: int) -> dict[str, int]:
    """Turn id by unit code, in the order of the session."""
    codes = {i: code for code, i in world.entries.items()}
    with world.read() as session:
        query = select(Turn).where(Turn.showing_id == showing_id).order_by(Turn.position)  # type: ignore[arg-type]
        return {codes[t.entry_id]: t.id or 0 for t in session.exec(query)}


def turn_of(world: World, showing_id: int, unit: str) -> Turn:
    with world.read() as session:
        query = select(Turn).where(Turn.showing_id == showing_id, Turn.entry_id == world.entries[unit])
        return session.exec(query).one()


def showing_of(world: World, showing_id: int) -> Showing:
    with world.read() as session:
        found = session.get(Showing, showing_id)
        assert found is not None
        return found


class Room:
    """The chair's buttons and the reviewers' boxes as their pages send them."""

    def __init__(self, world: World, showing_id: int) -> None:
        self.world, self.id, self._n = world, showing_id, 0

    def step(self, chair: Client, do: str, unit: str = "g01", **more: Any) -> Any:
        turn = turn_of(self.world, self.id, unit)
        self._n += 1
        form = {"op": f"step{self._n}", "turn": str(turn.id), "version": str(turn.version), "do": do}
        return chair.post(f"/panel/showings/{self.id}/run", form | more)

    def score(self, client: Client, points: str, unit: str = "g01", version: int = 0, **more: Any) -> Any:
        self._n += 1
        form = {"op": f"score{self._n}", "points": points, "note": "", "version": str(version)}
        turn = turn_of(self.world, self.id, unit)
        return client.post(f"/panel/showings/{self.id}/turns/{turn.id}", form | more)

    def act(self, client: Client, do: str, **more: Any) -> Any:
        self._n += 1
        form = {"op": f"act{self._n}", "version": str(showing_of(self.world, self.id).version), "do": do}
        return client.post(f"/panel/showings/{self.id}", form | more)

    def scoring(self, chair: Client, unit: str = "g01") -> None:
        for do in ("start", "open"):
            assert self.step(chair, do, unit).status_code == 303

    def revealed(self, chair: Client, scores: dict[Client, str], unit: str = "g01") -> None:
        self.scoring(chair, unit)
        for client, points in scores.items():
            assert self.score(client, points, unit).status_code == 303
        assert self.step(chair, "reveal", unit).status_code == 303


def squeezed(html: str) -> str:
    return re.sub(r"\s+", " ", html)
