"""查重: what the bureau and the panel are shown, and what a conflicted reviewer is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlmodel import Session, select

from intranet.domain import radar
from intranet.domain.radar import _alike
from intranet.domain.scoring import _definition
from intranet.enums import CycleState, RecusalKind, Role
from intranet.models import Cycle, Entry, Evidence, EvidenceLink, FactRow, FilePrint, Grant, Recusal
from tests.integration.test_recusal import count_queries
from tests.world import Client, World

SignIn = Callable[[str], Client]
A, B, C = "a" * 64, "b" * 64, "c" * 64


def put_file(session: Session, world: World, unit: str, number: int, sha256: str, name: str) -> Evidence:
    found = Evidence(
        entry_id=world.entries[unit],
        number=number,
        sha256=sha256,
        name=name,
        media_type="image/jpeg",
        size=10,
        uploaded_by=world.users["lead1"],
    )
    session.add(found)
    session.flush()
    for ref in ("slot:A2#1", "clause:A1"):
        session.add(EvidenceLink(evidence_id=found.id or 0, entry_id=found.entry_id, ref=ref))
    return found


def put_row(session: Session, world: World, unit: str, **cells: str) -> None:
    session.add(
        FactRow(
            entry_id=world.entries[unit],
            table="exchange",
            position=1,
            cells=cells,
            created_by=world.users["lead1"],
        )
    )


@pytest.fixture
def doubled(world: World) -> World:
    """g01 and g02 file the same photo, a smaller copy of another one, and the same person at a time."""
    with world.write() as session:
        put_file(session, world, "g01", 1, A, "合影.jpg")
        put_file(session, world, "g02", 1, A, "活动照片.jpg")
        put_file(session, world, "g01", 2, B, "原图.jpg")
        put_file(session, world, "g02", 2, C, "缩小.jpg")
        session.add_all(
            [FilePrint(sha256=B, bits="00ff00ff00ff00ff"), FilePrint(sha256=C, bits="00ff00ff00ff00f0")]
        )
        put_row(session, world, "g01", person="甲某 001", start="2031-02-01", end="2031-06-30")
        put_row(session, world, "g02", person="甲某001", start="2031-03-01")
        session.commit()
    return world


def finds(world: World, units: set[int] | None = None) -> list[radar.Find]:
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        return radar.find(session, cycle, _definition(cycle.definition).bind({}), units)


def test_rows_files_and_pictures_across_units(doubled: World) -> None:
    found = finds(doubled)
    assert [(f.kind, f.reach, tuple(p.unit for p in f.places)) for f in found] == [
        (kind, "units", ("甲山教育集团", "丁桥教育集团")) for kind in ("row", "file", "picture")
    ]
    assert found[0].why == "教师交流名册：姓名(工号)、时间相同"
    assert [(p.number, p.what, p.code) for p in found[1].places] == [
        (1, "合影.jpg", "A2"),
        (1, "活动照片.jpg", "A2"),
    ]
    assert [p.is_picture for p in found[2].places] == [True, True]


def test_one_file_for_several_clauses_of_a_unit_is_no_find(world: World) -> None:
    with world.write() as session:
        put_file(session, world, "g01", 1, A, "章程.pdf")
        session.commit()
    assert finds(world) == []


def test_another_cycle_of_the_unit_and_what_was_carried_over(doubled: World) -> None:
    with doubled.write() as session:
        cycle = session.get(Cycle, doubled.cycle_id)
        old = session.get(Entry, doubled.entries["g01"])
        assert cycle is not None
        assert old is not None
        cycle.state = CycleState.ARCHIVED
        later = Cycle(
            title="下一年度考核",
            rubric_key=cycle.rubric_key,
            rubric_version=cycle.rubric_version,
            rubric_title=cycle.rubric_title,
            definition=cycle.definition,
            state=CycleState.FILING,
            filing_from=datetime.now(UTC),
        )
        session.add(later)
        session.flush()
        entry = Entry(cycle_id=later.id or 0, unit_id=old.unit_id, code=old.code, name=old.name)
        session.add(entry)
        session.flush()
        again = put_file(session, doubled, "g01", 9, A, "再交一次.jpg")
        again.entry_id = entry.id or 0
        session.add(again)
        session.commit()
        later_id, entry_id = later.id or 0, entry.id or 0
    with doubled.read() as session:
        later = session.exec(select(Cycle).where(Cycle.id == later_id)).one()
        rubric = _definition(later.definition).bind({})
        found = radar.find(session, later, rubric, None)
        assert [(p.cycle, p.what, p.evidence_id is None) for f in found for p in f.places] == [
            ("", "再交一次.jpg", False),
            ("示例年度考核", "合影.jpg", True),
            ("示例年度考核", "活动照片.jpg", True),
        ]
        assert {f.reach for f in radar.find(session, later, rubric, {1})} == {"cycles"}
    with doubled.write() as session:
        begun = session.get(Entry, entry_id)
        assert begun is not None
        begun.carried_from = doubled.entries["g01"]
        session.add(begun)
        session.commit()
    with doubled.read() as session:
        later = session.exec(select(Cycle).where(Cycle.id == later_id)).one()
        assert radar.find(session, later, rubric, {1}) == []


def test_pages_show_both_places(doubled: World, client_for: SignIn) -> None:
    doubled.move_to(CycleState.REVIEW)
    for login, path in (
        ("admin", f"/bureau/cycles/{doubled.cycle_id}/radar"),
        ("rev1", f"/panel/cycles/{doubled.cycle_id}/radar"),
    ):
        text = client_for(login).text(path)
        assert "共 3 处" in text
        assert "活动照片.jpg" in text
        assert "甲某001" in text


def test_a_conflicted_reviewer_is_shown_nothing_of_the_unit(doubled: World, client_for: SignIn) -> None:
    doubled.move_to(CycleState.REVIEW)
    with doubled.write() as session:
        session.add(Grant(user_id=doubled.users["rev1"], role=Role.FILER, school_id=doubled.schools["s4"]))
        session.commit()
    text = client_for("rev1").text(f"/panel/cycles/{doubled.cycle_id}/radar")
    assert "丁桥" not in text
    assert "没有发现重复申报" in text


def test_near_prints_are_found_as_by_comparing_all(world: World) -> None:
    base = 0x0F0F_3355_AAAA_FF00
    prints = [base, base ^ 0b111111, base ^ (0b1111111 << 20), base ^ (1 << 63), ~base & (2**64 - 1)]
    assert _alike([f"{p:016x}" for p in prints]) == [[0, 1, 3]]


def test_a_recused_reviewer_does_not_learn_the_other_unit(doubled: World, client_for: SignIn) -> None:
    """A find with one place left is no find: it is left out, not shown as “another unit”. The others see it,
    and so does the reviewer once the bureau has lifted the recusal."""
    doubled.move_to(CycleState.REVIEW)
    path = f"/panel/cycles/{doubled.cycle_id}/radar"
    with doubled.write() as session:
        recusal = Recusal(
            cycle_id=doubled.cycle_id,
            user_id=doubled.users["rev1"],
            entry_id=doubled.entries["g02"],
            kind=RecusalKind.OTHER,
            declared_by=doubled.users["rev1"],
        )
        session.add(recusal)
        session.commit()
        recusal_id = recusal.id
    text = client_for("rev1").text(path)
    assert "没有发现重复申报" in text
    for hidden in ("丁桥", "活动照片.jpg", "缩小.jpg", "甲某001"):
        assert hidden not in text
    assert "丁桥" in client_for("rev2").text(path)
    with doubled.write() as session:
        lifted = session.get(Recusal, recusal_id)
        assert lifted is not None
        lifted.lifted_at = datetime.now(UTC)
        session.add(lifted)
        session.commit()
    assert "共 3 处" in client_for("rev1").text(path)


def test_the_radar_asks_the_same_number_of_queries_for_3_and_33_finds(
    doubled: World, app: Flask, client_for: SignIn
) -> None:
    admin = client_for("admin")

    def ask() -> object:
        return admin.text(f"/bureau/cycles/{doubled.cycle_id}/radar")

    before = count_queries(app, ask)
    with doubled.write() as session:
        for n in range(30):
            for unit in ("g01", "g02"):
                put_file(session, doubled, unit, 100 + n, f"{n:064x}", f"同一份{n}.pdf")
        session.commit()
    assert "共 33 处" in str(ask())
    assert count_queries(app, ask) == before
