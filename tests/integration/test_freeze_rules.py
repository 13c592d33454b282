"""The freeze check line by line, the rule for ties from the wizard to the paper, freezing after an appeal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import BytesIO

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook
from sqlmodel import Session, col, select

from intranet.domain import freeze as work
from intranet.domain.freeze_check import standing_checks
from intranet.domain.recheck import recheck
from intranet.domain.scoring import EntrySheet, Scoring, score_entries, scoring_for
from intranet.enums import BuildState, ConfirmState, CycleState, SubmissionState, TieRule, TurnState
from intranet.errors import DomainError, Invalid
from intranet.models import (
    Answer,
    Confirmation,
    Cycle,
    Entry,
    EntrySchool,
    Evidence,
    EvidenceLink,
    Inquiry,
    LogEntry,
    Mark,
    Result,
    Showing,
    Turn,
    Unit,
    UnitResult,
    Volume,
)
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.cycles import entries_of
from intranet.queries.results import unit_results
from tests.integration.test_bureau_results import fill, held
from tests.unit.rubric import sample
from tests.world import Client, World

SignIn = Callable[[str], Client]


@pytest.fixture
def base(world: World) -> str:
    """Both units complete, the chair's deliberation running; the cycle's URL."""
    fill(world, "g01", pairs=2, grades={"s1": "甲等", "s2": "甲等", "s3": "乙等"}, absences=1)
    fill(world, "g02", pairs=1, grades={"s4": "乙等", "s5": "丙等"}, absences=0)
    world.move_to(CycleState.DELIBERATION)
    return f"/bureau/cycles/{world.cycle_id}"


def live(world: World, session: Session) -> tuple[Cycle, Scoring, dict[int, EntrySheet]]:
    plugin = sample.SamplePlugin.at(world.settings.data)
    registry = RubricRegistry(build_plugin_manager(entry_points=False, plugins=(plugin,)))
    cycle = session.get(Cycle, world.cycle_id)
    assert cycle is not None
    scoring = scoring_for(cycle, registry)
    entries = entries_of(session, world.cycle_id)
    return cycle, scoring, score_entries(session, cycle, scoring, entries, check=True)


def checks(world: World) -> list[tuple[str, str, str]]:
    with world.read() as session:
        cycle, scoring, sheets = live(world, session)
        found = work.rehearse(session, cycle, scoring, sheets)
        return [(c.severity, c.code, c.text) for c in found.checks]


def mark_of(session: Session, world: World, code: str, login: str, unit: str = "g01") -> Mark:
    query = select(Mark).where(
        Mark.entry_id == world.entries[unit], Mark.code == code, Mark.user_id == world.users[login]
    )
    return session.exec(query).one()


# --- the check -----------------------------------------------------------------------------------


def test_nothing_speaks_against_what_is_complete(world: World, base: str) -> None:
    assert checks(world) == []


def test_a_mark_made_of_other_facts_is_named_until_the_chair_settles(world: World, base: str) -> None:
    with world.write() as session:
        mark = mark_of(session, world, "A1.2", "rev1")
        mark.computed = Fraction(1)  # the facts gave something else then
        session.add(mark)
        session.commit()
    text = "甲山教育集团（1 处）评分后内容有变，评委没有再看，也没有审定。"
    assert checks(world) == [("warning", "review", text)]
    with world.write() as session:
        settled = Mark(
            entry_id=world.entries["g01"],
            code="A1.2",
            role="settled",
            points=Fraction(2),
            made_by=world.users["chair"],
        )
        session.add(settled)
        session.commit()
    assert checks(world) == []


def test_a_reviewer_who_has_not_scored_and_one_in_doubt_are_named(world: World, base: str) -> None:
    with world.write() as session:
        session.delete(mark_of(session, world, "C1.1", "rev2"))
        doubtful = mark_of(session, world, "A1.2", "rev2", "g02")
        doubtful.doubtful = True
        session.add(doubtful)
        session.commit()
    assert checks(world) == [
        ("warning", "review", "甲山教育集团（1 处）、丁桥教育集团（1 处）还有评委没评，按已评的人合成。"),
        ("warning", "review", "丁桥教育集团（1 处）还有标“存疑”的评分，不会计入。"),
    ]


def test_conclusions_that_differ_block_until_settled(world: World, base: str) -> None:
    with world.write() as session:
        other = mark_of(session, world, "C1.1", "rev2")
        other.verdict, other.points = "优", Fraction(10)
        session.add(other)
        session.commit()
    found = checks(world)
    assert [(s, c) for s, c, _t in found] == [("error", "review")]
    assert found[0][2].startswith("甲山教育集团：1 条还没有评分结果（")


def test_what_units_and_schools_still_owe_is_named(world: World, base: str, client_for: SignIn) -> None:
    at = datetime.now(UTC)
    with world.write() as session:
        first, second = (session.get(Entry, world.entries[c]) for c in ("g01", "g02"))
        assert first is not None
        assert second is not None
        first.state = SubmissionState.RETURNED
        session.add(first)
        confirmation = session.exec(
            select(Confirmation).where(Confirmation.entry_id == world.entries["g01"])
        ).one()
        confirmation.state = ConfirmState.DISPUTED
        session.add(confirmation)
        session.delete(
            session.exec(select(Confirmation).where(Confirmation.entry_id == world.entries["g02"])).one()
        )
        asked = {"entry_id": second.id, "code": "A2", "asked_by": world.users["rev1"]}
        session.add(Inquiry(**asked, question="会议几次"))
        session.add(Inquiry(**asked, question="撤回的", withdrawn_at=at))
        session.add(Inquiry(**asked, question="答过的", answer="两次", answered_at=at))
        session.commit()
    assert checks(world) == [
        ("warning", "progress", "甲山教育集团有退回的指标没有改完、重新提交。"),
        ("warning", "rows", "甲山教育集团（1 处）的填报行有学校提出异议，没有处理。"),
        ("warning", "rows", "丁桥教育集团（1 处）的填报行还没有对方学校确认。"),
        ("warning", "inquiry", "丁桥教育集团（1 处）还没有答复考核组的质询。"),
    ]
    page = client_for("admin").get(f"{base}/freeze").get_data(as_text=True)
    first_id, second_id = world.entries["g01"], world.entries["g02"]
    for url in (
        f"{base}/progress/{first_id}",
        f"/entries/{first_id}/confirmations",
        f"/entries/{second_id}/confirmations",
    ):
        assert f'href="{url}"' in page, url


def test_a_turn_of_an_open_session_that_was_not_settled(world: World, base: str, client_for: SignIn) -> None:
    with world.write() as session:
        showing = Showing(cycle_id=world.cycle_id, title="上午场", target="A1.2", most=Fraction(3))
        session.add(showing)
        session.flush()
        showing_id = showing.id or 0
        for n, (unit, state) in enumerate((("g01", TurnState.SETTLED), ("g02", TurnState.REVEALED))):
            turn = Turn(showing_id=showing_id, entry_id=world.entries[unit], position=n, state=state)
            session.add(turn)
        session.commit()
    text = "丁桥教育集团的展示考核还没有审定，这一场也没有结束。"
    assert checks(world) == [("warning", "showing", text)]
    assert f'href="{base}/showing"' in client_for("admin").get(f"{base}/freeze").get_data(as_text=True)
    with world.write() as session:
        held_session = session.get(Showing, showing_id)
        assert held_session is not None
        held_session.closed_at = datetime.now(UTC)
        session.add(held_session)
        session.commit()
    assert checks(world) == []


def test_a_volume_that_was_not_built_of_what_was_handed_in(world: World, base: str) -> None:
    entry_id, by = world.entries["g01"], world.users["lead1"]
    missing = [("warning", "volume", "甲山教育集团的佐证材料汇编还没有生成。")]
    with world.write() as session:
        file = Evidence(
            entry_id=entry_id,
            number=1,
            sha256="0" * 64,
            name="方案.pdf",
            media_type="application/pdf",
            size=1,
            uploaded_by=by,
        )
        session.add(file)
        session.flush()
        session.add(EvidenceLink(evidence_id=file.id or 0, entry_id=entry_id, ref="slot:A2#1"))
        session.commit()
    assert checks(world) == missing
    with world.write() as session:
        early = datetime.now(UTC) - timedelta(days=1)
        session.add(
            Volume(
                entry_id=entry_id,
                number=1,
                state=BuildState.DONE,
                frozen=True,
                requested_by=by,
                requested_at=early,
            )
        )
        session.commit()
    assert checks(world) == missing  # of an earlier round
    with world.write() as session:
        session.add(
            Volume(entry_id=entry_id, number=2, state=BuildState.RUNNING, frozen=True, requested_by=by)
        )
        session.commit()
    assert checks(world) == missing  # not finished
    with world.write() as session:
        built = session.exec(select(Volume).where(Volume.number == 2)).one()
        built.state = BuildState.DONE
        session.add(built)
        session.commit()
    assert checks(world) == []


def test_the_check_makes_as_many_queries_for_thirty_units_as_for_one(world: World, base: str) -> None:
    with world.read() as session:
        few = _queries(world, session)
    with world.write() as session:
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
                    role="lead",
                )
            )
        session.flush()
        assert len(entries_of(session, world.cycle_id)) == 30
        many = _queries(world, session)
        session.rollback()
    assert few == many


def _queries(world: World, session: Session) -> int:
    seen: list[str] = []

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    cycle, scoring, sheets = live(world, session)
    sa.event.listen(world.engine, "before_cursor_execute", note)
    try:
        standing_checks(session, cycle, scoring, sheets)
    finally:
        sa.event.remove(world.engine, "before_cursor_execute", note)
    return len(seen)


# --- ties ----------------------------------------------------------------------------------------


def tie(world: World, *, ties: TieRule = TieRule.SKIP, tie_break: tuple[str, ...] = ()) -> None:
    """Give both units the same total: g02 lacks 3, which the chair gives for A1.2 beyond the scale of B4."""
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.ties, cycle.tie_break = ties, list(tie_break)
        session.add(cycle)
        # 34.8 and 31.8: two absences more cost g01 4; g02 gains 2.5 - 2.5 + 0.5 by a mark of 3 and loses half
        answer = session.exec(
            select(Answer).where(Answer.entry_id == world.entries["g01"], Answer.key == "absences")
        ).one()
        answer.value = 2  # 32.8
        session.add(answer)
        for login in ("rev1", "rev2"):
            mark = mark_of(session, world, "A1.2", login, "g02")
            mark.points = Fraction(3)  # +0.5: 32.3
            session.add(mark)
            low = mark_of(session, world, "A1.2", login, "g01")
            low.points = Fraction(2)  # -0.5: 32.3
            session.add(low)
        session.commit()


def test_a_tie_stands_without_figures_to_compare(world: World, base: str, client_for: SignIn) -> None:
    tie(world, ties=TieRule.DENSE)
    admin = client_for("admin")
    assert admin.post(f"{base}/freeze", {"op": "t"}).status_code == 303
    result, rows = held(world)
    assert [(r.rank, r.total, r.document["tied"]) for r in rows] == [
        (1, Fraction("32.3"), True),
        (1, Fraction("32.3"), True),
    ]
    assert result.rules == {"ties": "dense", "tie_break": [], "combine": "mean"}
    assert "同分同名次，后一名次紧接。" in admin.text(f"{base}/ranking")


def test_a_tie_is_broken_by_the_cycles_figures_and_the_papers_say_so(
    world: World, base: str, client_for: SignIn
) -> None:
    tie(world, tie_break=("A",))
    admin = client_for("admin")
    assert admin.post(f"{base}/freeze", {"op": "t"}).status_code == 303
    result, rows = held(world)
    # A: g02 1 + 3 + 4.5 = 8.5, g01 1 + 2 + 4.5 = 7.5
    assert [(r.facts["unit"], r.rank, r.document["tied"]) for r in rows] == [
        ("g02", 1, False),
        ("g01", 2, False),
    ]
    text = admin.text(f"{base}/ranking")
    sentence = "同分时依次比较一 制度，高的在前；仍相同的，同分同名次，后一名次空缺。"
    assert sentence in text
    assert text.count("同分，比一 制度") == 2
    book = load_workbook(BytesIO(admin.get(f"{base}/ranking.xlsx").data))
    sheet = book["排名"]
    heads = [c.value for c in sheet[3]]
    notes = heads.index("备注")
    assert [sheet.cell(r, notes + 1).value for r in (4, 5)] == ["同分，比一 制度"] * 2
    assert sheet.cell(6, 1).value == sentence
    assert any(sentence in str(c.value) for row in book["裁定与说明"].iter_rows() for c in row)
    with world.read() as session:
        cycle, scoring, _sheets = live(world, session)
        stored = session.get(Result, result.id)
        assert stored is not None
        assert recheck(session, cycle, scoring, stored).differences == ()


def test_the_rule_is_part_of_the_fingerprint_and_old_results_without_one_still_agree(
    world: World, base: str, client_for: SignIn
) -> None:
    client_for("admin").post(f"{base}/freeze", {"op": "t"})
    with world.write() as session:
        cycle, scoring, _sheets = live(world, session)
        stored = session.exec(select(Result)).one()
        assert recheck(session, cycle, scoring, stored).agrees
        stored.rules = {**stored.rules, "ties": "dense"}
        assert recheck(session, cycle, scoring, stored).differences == (
            "冻结指纹对不上：冻结之后，存下的数据被改动过。",
        )
        rows = unit_results(session, stored.id or 0)
        stored.rules = {}  # as results were before there was a rule to keep
        units = [{"facts": r.facts, "document": r.document} for r in rows]
        stored.fingerprint = work.fingerprint_of(stored.rubric_fingerprint, units)
        assert recheck(session, cycle, scoring, stored).agrees
        session.rollback()


# --- again, after an appeal ----------------------------------------------------------------------


def test_after_publication_only_a_caller_that_may_freezes_and_the_whole_cohort_follows(
    world: World, base: str, client_for: SignIn
) -> None:
    client_for("admin").post(f"{base}/freeze", {"op": "one"})
    with world.write() as session:  # an appeal turned g02's grades: it is first in B4 now
        for school in ("s4", "s5"):
            answer = session.exec(
                select(Answer).where(Answer.key == "grade", Answer.school_id == world.schools[school])
            ).one()
            answer.value = "甲等"
            session.add(answer)
        session.delete(session.exec(select(Confirmation)).first())
        session.commit()
    world.move_to(CycleState.PUBLISHED)
    admin = world.actor("admin")
    with world.write() as session:
        cycle, scoring, sheets = live(world, session)
        given = {"accepted": None, "reason": "复核成立", "at": datetime.now(UTC)}
        with pytest.raises(DomainError, match="合议阶段才能冻结结果"):
            work.freeze(session, admin, cycle, scoring, sheets, **given)
        with pytest.raises(Invalid, match="请逐条看过提醒"):
            work.freeze(
                session,
                admin,
                cycle,
                scoring,
                sheets,
                allowed=(CycleState.PUBLISHED,),
                **{**given, "accepted": ()},
            )
        before = session.exec(select(Result)).one()
        old = unit_results(session, before.id or 0)
        again = work.freeze(
            session, admin, cycle, scoring, sheets, op="appeal", allowed=(CycleState.PUBLISHED,), **given
        )
        assert (again.number, again.reason) == (2, "复核成立")
        found = work.moved(old, unit_results(session, again.id or 0), scoring.rubric)
        # B4 4 and 3 change places; totals 34.8 -> 33.8 and 31.8 -> 32.8, ranks stay
        assert {m.name: (m.old_total, m.new_total, m.old_rank, m.new_rank) for m in found} == {
            "甲山教育集团": (Fraction("34.8"), Fraction("33.8"), 1, 1),
            "丁桥教育集团": (Fraction("31.8"), Fraction("32.8"), 2, 2),
        }
        assert {m.name: [(c.code, c.old, c.new) for c in m.clauses] for m in found} == {
            "甲山教育集团": [("B4", Fraction(4), Fraction(3))],
            "丁桥教育集团": [("B4", Fraction(3), Fraction(4))],
        }
        logged = session.exec(
            select(LogEntry).where(LogEntry.action == "result.freeze").order_by(col(LogEntry.id).desc())
        ).first()
        assert logged is not None
        assert len(logged.detail["accepted"]) == 1  # taken as accepted, and said so
        assert logged.detail["moved"][0]["clauses"] == [{"code": "B4", "points": ["4", "3"]}]
        session.commit()
    text = client_for("admin").get(f"{base}/freeze").get_data(as_text=True)
    assert "第 2 次冻结后，2 个单位有变动" in text
    assert "4 → 3" in text


def test_a_unit_in_one_of_two_freezes_only_has_moved() -> None:
    row = UnitResult(
        result_id=1, entry_id=1, position=1, rank=1, total=Fraction(9), document={"name": "甲"}, facts={}
    )
    assert [(m.name, m.old_total, m.new_total) for m in work.moved([row], [])] == [("甲", Fraction(9), None)]
    assert [(m.name, m.old_rank, m.new_rank) for m in work.moved([], [row])] == [("甲", None, 1)]
    assert work.moved([row], [row]) == []
