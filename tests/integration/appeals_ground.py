"""What the tests of appeals and of the archive stand on: both units filed, scored, frozen, in publication."""

from __future__ import annotations

import io

from sqlmodel import col, select

from intranet.enums import CycleState
from intranet.models import Appeal, Declaration, LogEntry, Result, UnitResult
from tests.integration.filing_ground import hidden
from tests.integration.test_bureau_results import fill
from tests.world import Client, World


def declare(world: World, *logins: str) -> None:
    """These panel members have nobody to stay away from (回避申报)."""
    with world.write() as session:
        for login in logins:
            mine = Declaration.user_id == world.users[login], Declaration.cycle_id == world.cycle_id
            if session.exec(select(Declaration).where(*mine)).first() is None:
                session.add(Declaration(cycle_id=world.cycle_id, user_id=world.users[login]))
        session.commit()


def publish(world: World, admin: Client) -> str:
    """Both units complete, frozen once and in publication; the cycle's address.

    By hand: g01 34.8 (B4 first, 4 points), g02 31.8 (B4 second, 3): see test_bureau_results.
    """
    base = f"/bureau/cycles/{world.cycle_id}"
    fill(world, "g01", pairs=2, grades={"s1": "甲等", "s2": "甲等", "s3": "乙等"}, absences=1)
    fill(world, "g02", pairs=1, grades={"s4": "乙等", "s5": "丙等"}, absences=0)
    world.move_to(CycleState.DELIBERATION)
    assert admin.post(f"{base}/freeze", {"op": "first"}).status_code == 303
    world.move_to(CycleState.PUBLISHED)
    declare(world, "chair", "rev1", "rev2")
    return base


def appeal(
    client: Client,
    world: World,
    code: str,
    *files: tuple[str, bytes],
    unit: str = "g02",
    line: str = "0",
    op: str = "",
    **said: str,
) -> int:
    """File an appeal through the page; its id."""
    there = f"/entries/{world.entries[unit]}/appeals/new"
    data: dict[str, object] = {
        "code": code,
        "line": line,
        "wanted": "3 分",
        "reason": "章程去年已修订",
        "op": op or f"a-{unit}-{code}",
        **said,
    }
    if files:
        data["files"] = [(io.BytesIO(content), name) for name, content in files]
    answer = client.post(there, data)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def stored(world: World, appeal_id: int) -> Appeal:
    with world.read() as session:
        found = session.get(Appeal, appeal_id)
        assert found is not None
        return found


def ask(admin: Client, world: World, base: str, appeal_id: int, *logins: str, op: str = "") -> object:
    version = hidden(admin.get(f"{base}/appeals/{appeal_id}").get_data(as_text=True), "version")
    return admin.post(
        f"{base}/appeals/{appeal_id}/assign",
        {
            "person": [world.users[login] for login in logins],
            "version": version,
            "op": op or f"ask{appeal_id}",
        },
    )


def decide(
    admin: Client, world: World, base: str, appeal_id: int, do: str, *, op: str = "", **data: object
) -> object:
    form = {
        "do": do,
        "decision": "经查，章程已修订",
        "version": stored(world, appeal_id).version,
        "op": op or f"d{appeal_id}",
    }
    return admin.post(f"{base}/appeals/{appeal_id}/decide", form | data)


def results(world: World) -> list[tuple[Result, list[UnitResult]]]:
    """Every freeze with its rows, the newest first."""
    with world.read() as session:
        out = []
        for result in session.exec(select(Result).order_by(col(Result.number).desc())).all():
            rows = select(UnitResult).where(UnitResult.result_id == result.id)
            out.append((result, list(session.exec(rows.order_by(col(UnitResult.position))).all())))
        return out


def log(world: World, action: str) -> list[LogEntry]:
    with world.read() as session:
        query = select(LogEntry).where(LogEntry.action == action).order_by(col(LogEntry.id))
        return list(session.exec(query))
