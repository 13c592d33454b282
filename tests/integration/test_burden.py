"""减负仪表: counts of what was asked and given, what is asked twice, time out of the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Flask
from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.burden import Burden, asked_twice, burden_of, duration, spent
from intranet.domain.log import record
from intranet.domain.scoring import scoring_for
from intranet.enums import CycleState, RecusalKind, Role, SchoolRole
from intranet.models import Cycle, Entry, EntrySchool, Evidence, EvidenceLink, Grant, Recusal, Unit
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.burden import Act, cycle_before
from intranet.rubric import loader
from tests.integration.test_bureau_results import fill
from tests.unit.rubric import sample
from tests.world import Client, World

SignIn = Callable[[str], Client]
HERE = ZoneInfo("Asia/Shanghai")


def counted(world: World, session: Session, cycle_id: int | None = None) -> Burden:
    plugin = sample.SamplePlugin.at(world.settings.data)
    registry = RubricRegistry(build_plugin_manager(entry_points=False, plugins=(plugin,)))
    cycle = session.get(Cycle, cycle_id or world.cycle_id)
    assert cycle is not None
    return burden_of(session, cycle, scoring_for(cycle, registry))


def test_counts_follow_the_form_that_the_unit_is_shown(world: World) -> None:
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        shown = [f for f in loader.load(cycle.definition).bind().all_fields.values()]
        first, second = counted(world, session).units
    own = [f for f in shown if f.by == "school"]
    assert first.of_unit == sum(f.per == "unit" for f in own)
    assert first.fields == first.of_unit + 3 * first.of_school
    assert second.fields == second.of_unit + 2 * second.of_school
    of_bureau = [f for f in shown if f.by == "bureau"]
    assert first.of_bureau == sum(3 if f.per == "member" else 1 for f in of_bureau)
    assert (first.given, first.rows, first.cells, first.files.files, first.spent.first) == (0, 0, 0, 0, None)


def test_what_was_filed_and_given_is_counted(world: World) -> None:
    fill(world, "g01", pairs=2, grades={"s1": "甲等", "s2": "甲等", "s3": ""}, absences=1)
    with world.write() as session:
        for n, (sha, refs) in enumerate(
            (("a" * 64, ("slot:A2#1", "slot:A2#2", "clause:B1")), ("b" * 64, ()), ("a" * 64, ("clause:B2",)))
        ):
            file = Evidence(
                entry_id=world.entries["g01"],
                number=n + 1,
                sha256=sha,
                name=f"{n}.pdf",
                media_type="application/pdf",
                size=1,
                uploaded_by=world.users["lead1"],
            )
            session.add(file)
            session.flush()
            for ref in refs:
                session.add(EvidenceLink(evidence_id=file.id or 0, entry_id=world.entries["g01"], ref=ref))
        found = counted(world, session)
        first = found.units[0]
        tables = sample.facts().docs["school"]["tables"]
        rubric = loader.load(sample.SAMPLE).bind()
        cells = sum(
            len(tables[t]) * sum(not c.of for c in rubric.table[t].columns) for t in ("exchange", "awards")
        )
        assert (first.rows, first.cells) == (len(tables["exchange"]) + len(tables["awards"]), cells)
        assert first.given == 3  # absences and two of three grades
        assert (first.files.files, first.files.saved, first.files.again) == (3, 2, 1)
        assert (found.saved, found.again) == (2, 1)
        session.rollback()


def test_time_is_what_the_log_shows_up_to_the_first_handing_in() -> None:
    start = datetime(2031, 5, 1, 15, 50, tzinfo=UTC)  # 23:50 here
    acts = [
        Act(1, "answer.save", start),
        Act(1, "answer.save", start + timedelta(minutes=20)),  # the next day here
        Act(1, "row.add", start + timedelta(minutes=51)),  # 31 minutes later: another sitting
        Act(1, "carry.take", start + timedelta(minutes=52), {"rows": 2, "files": 1}),
        Act(1, "entry.submit", start + timedelta(minutes=56)),
        Act(1, "answer.save", start + timedelta(days=9)),  # after a return
        Act(1, "entry.submit", start + timedelta(days=9)),
    ]
    found = spent(acts, HERE)
    assert (found.first, found.submitted) == (start, start + timedelta(minutes=56))
    assert (found.days, found.minutes, found.acts, found.span) == (2, 25, 3, timedelta(minutes=56))
    assert spent([], HERE).span is None
    unsent = spent(acts[:2], HERE)
    assert (unsent.submitted, unsent.span, unsent.minutes) == (None, None, 20)
    assert [duration(timedelta(minutes=m)) for m in (5, 65, 1500)] == [
        "5 分钟",
        "1 小时 5 分钟",
        "1 天 1 小时",
    ]


def test_the_same_name_in_two_places_is_listed_and_the_notices_own_counts_are_not() -> None:
    text = sample.SAMPLE.replace('label = "结对学校数"', 'label = "教师 总数"').replace(
        'materials = ["会议方案", "会议纪要"]', 'materials = ["会议方案", "会议纪要", "会议方案"]'
    )
    found = asked_twice(loader.load(text, check=False).bind())
    fields = [t for t in found if t.kind == "field"]
    assert [t.labels for t in fields] == [("教师总数",)]
    assert [p.split()[0][:2] for p in fields[0].places] == ["参加", "结对"]
    assert [t for t in found if t.kind == "material"] == []  # twice on one page is one place
    assert all("上学期" not in t.labels for t in found)


def test_the_page_compares_with_the_last_cycle_and_says_when_there_is_none(
    world: World, client_for: SignIn
) -> None:
    fill(world, "g01", pairs=2, grades={"s1": "甲等", "s2": "甲等", "s3": "乙等"}, absences=1)
    admin = client_for("admin")
    assert "没有同一办法的上一次考核可比" in admin.text(f"/bureau/cycles/{world.cycle_id}/burden")
    with world.write() as session:
        old = session.get(Cycle, world.cycle_id)
        assert old is not None
        new = Cycle(**old.model_dump(exclude={"id"}) | {"title": "下一年考核"})
        session.add(new)
        session.flush()
        entry = Entry(cycle_id=new.id or 0, unit_id=world.units["g01"], code="g01", name="甲山教育集团")
        session.add(entry)
        session.flush()
        session.add(
            EntrySchool(
                entry_id=entry.id or 0,
                school_id=world.schools["s1"],
                code="s1",
                name="甲山小学",
                role=SchoolRole.LEAD,
            )
        )
        session.commit()
        new_id = new.id or 0
        found = cycle_before(session, world.actor("admin"), new)
        assert found is not None
        assert found.id == world.cycle_id
        before, now = counted(world, session).units[0], counted(world, session, new_id).units[0]
    text = client_for("leader").text(f"/bureau/cycles/{new_id}/burden")
    assert "差是与“示例年度考核”比" in text
    assert f"1 个两次都在的单位，填报项和材料上次 {before.asked}，这次 {now.asked}" in text
    assert client_for("lead1").get(f"/bureau/cycles/{new_id}/burden").status_code == 403
    with world.write() as session:  # a leader kept from the unit on the panel of the last cycle
        session.add(Grant(user_id=world.users["rev1"], role=Role.LEADER))
        session.add(
            Recusal(
                cycle_id=world.cycle_id,
                user_id=world.users["rev1"],
                entry_id=world.entries["g01"],
                kind=RecusalKind.OTHER,
                declared_by=world.users["admin"],
            )
        )
        session.commit()
    kept = client_for("rev1").text(f"/bureau/cycles/{new_id}/burden")
    assert ("没有同一办法的上一次考核可比" in kept, "示例年度考核" in kept) == (True, False)


def test_a_practice_cycle_is_compared_with_practice_ones_only(world: World, client_for: SignIn) -> None:
    with world.write() as session:
        real = session.get(Cycle, world.cycle_id)
        assert real is not None
        same = real.model_dump(exclude={"id"})
        first = Cycle(**same | {"title": "演练：一", "practice": True})
        later = Cycle(**same | {"title": "下一年考核"})
        second = Cycle(**same | {"title": "演练：二", "practice": True})
        for cycle in (first, later, second):
            session.add(cycle)
            session.flush()
        admin = world.actor("admin")
        found = [cycle_before(session, admin, cycle) for cycle in (first, later, second)]
        assert [None if c is None else c.title for c in found] == [None, "示例年度考核", "演练：一"]
        first_id = first.id
        session.commit()
    page = client_for("admin").text(f"/bureau/cycles/{first_id}/burden")
    assert "没有同一办法的上一次演练可比" in page


def test_as_many_queries_for_thirty_units_as_for_one(world: World, client_for: SignIn, app: Flask) -> None:
    admin, url = client_for("admin"), f"/bureau/cycles/{world.cycle_id}/burden"
    admin.get(url)
    few = _queries(app, admin, url)
    with world.write() as session:
        actor = world.actor("admin")
        for n in range(28):
            unit = Unit(code=f"x{n:02}", name=f"单位{n}")
            session.add(unit)
            session.flush()
            entry = Entry(cycle_id=world.cycle_id, unit_id=unit.id or 0, code=unit.code, name=unit.name)
            session.add(entry)
            session.flush()
            session.add(
                EntrySchool(
                    entry_id=entry.id or 0,
                    school_id=world.schools["s1"],
                    code="s1",
                    name="甲山小学",
                    role=SchoolRole.LEAD,
                )
            )
            _act(session, actor, entry)
        session.commit()
    assert "单位27" in admin.text(url)
    assert _queries(app, admin, url) == few


def _act(session: Session, actor: Actor, entry: Entry) -> None:
    record(session, actor, "answer.save", subject="pairs", new=1, cycle_id=entry.cycle_id, entry_id=entry.id)


def _queries(app: Flask, client: Client, url: str) -> int:
    seen: list[str] = []

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    engine = app.extensions["intranet"].engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.get(url).status_code == 200
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return len(seen)


def test_a_draft_asks_for_nothing_yet(world: World, client_for: SignIn) -> None:
    world.move_to(CycleState.DRAFT)
    assert client_for("admin").get(f"/bureau/cycles/{world.cycle_id}/burden").status_code == 404
