"""The scoring desk beyond one score: waived proposals, marks out of date, deliberation, the last cycle's
score, ready-made comments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlmodel import select

from intranet.enums import CycleState, SubmissionState
from intranet.models import (
    Cycle,
    Entry,
    Evidence,
    FactRow,
    Mark,
    Phrase,
    Result,
    Submission,
    UnitResult,
)
from intranet.queries import review
from tests.integration.panel_ground import attach, change, item, log, marks, more_units, said, submit
from tests.integration.test_panel_scoring import form_of, url
from tests.world import Client, World

SignIn = Callable[[str], Client]


def save(client: Client, world: World, code: str = "A2", unit: str = "g01", **typed: Any) -> Any:
    """The scoring form of one item as it stands, with these fields typed over (``__`` stands for a dot)."""
    form = form_of(client, url(world, code, unit))
    form.update({key.replace("__", "."): value for key, value in typed.items()})
    return client.post(url(world, code, unit), form)


# --- proposals that are not taken -----------------------------------------------------------------


def test_a_waived_proposal_is_kept_with_its_reason(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2")) | {"ded.A2": "event.理事会", "points.A2": "5"}
    form["waive.A2.materials"] = "纪要会后已补交"
    assert client.post(url(world, "A2"), form).status_code == 303
    stored = marks(world, "A2")["rev1"]
    assert stored.points == 5
    assert stored.reason == "少一样材料不扣：纪要会后已补交"
    assert stored.deductions == [
        {"key": "event.理事会", "label": "少一次理事会", "times": "1"},
        {
            "key": "materials",
            "label": "少一样材料",
            "times": "1",
            "hint": "缺会议纪要",
            "waived": True,
            "reason": "纪要会后已补交",
        },
    ]
    assert log(world, "mark.save")[-1].new["deductions"] == stored.deductions
    again = form_of(client, url(world, "A2"))
    assert (again["waive.A2.materials"], again["reason.A2"]) == ("纪要会后已补交", "")
    assert client.post(url(world, "A2"), again).status_code == 303
    assert marks(world, "A2")["rev1"].version == 1


def test_a_proposal_is_not_waived_without_a_word(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2")) | {"ded.A2": "event.理事会", "points.A2": "5"}
    answer = client.post(url(world, "A2"), form)
    assert answer.status_code == 422
    assert "系统建议扣“少一样材料”。不扣的话，请写明理由。" in answer.get_data(as_text=True)
    assert "rev1" not in marks(world, "A2")
    assert client.post(url(world, "A2"), form | {"reason.A2": "材料不必重复交"}).status_code == 303
    assert marks(world, "A2")["rev1"].deductions[1]["reason"] == "材料不必重复交"


def test_a_waiver_explains_only_the_score_that_it_leads_to(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2")) | {"ded.A2": "event.理事会", "points.A2": "6"}
    form["waive.A2.materials"] = "纪要会后已补交"
    answer = client.post(url(world, "A2"), form)
    assert answer.status_code == 422
    assert "与系统建议 4 分不同，请写明理由。" in answer.get_data(as_text=True)


def test_the_chair_and_the_frozen_marks_have_the_waiver(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2")) | {"ded.A2": "event.理事会", "points.A2": "5"}
    client.post(url(world, "A2"), form | {"waive.A2.materials": "纪要会后已补交"})
    shown = said(client_for("chair"), f"{url(world, 'A2')}/settle")
    assert "少一样材料不扣：纪要会后已补交" in shown
    assert "扣 少一次理事会" in shown
    assert "不扣 少一样材料" in shown


# --- out of date ----------------------------------------------------------------------------------


def test_a_file_that_changed_makes_the_mark_stale_though_the_score_stays(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    first = attach(world, "g01", "slot:A2#1", "方案.pdf")
    client = client_for("rev1")
    save(client, world)
    assert marks(world, "A2")["rev1"].basis != ""
    assert "评分后内容有变" not in said(client, url(world, "A2"))
    with world.write() as session:
        file = session.get(Evidence, first)
        assert file is not None
        file.sha256 = "1" * 64
        session.add(file)
        session.commit()
    attach(world, "g01", "clause:A2", "补充.pdf")
    shown = said(client, url(world, "A2"))
    assert "评分后内容有变。请核对后再保存。 1 号材料换了文件 新增 2 号材料" in shown
    assert "评分后内容有变 1" in said(client, f"/panel/cycles/{world.cycle_id}")
    save(client, world)
    assert [e.action for e in log(world, "mark.keep")] == ["mark.keep"]
    assert "评分后内容有变" not in said(client, url(world, "A2"))


def test_a_row_counts_only_for_the_clause_that_reads_it(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world)
    save(client, world, "B2")
    with world.write() as session:
        row = session.exec(select(FactRow).where(FactRow.entry_id == world.entries["g01"])).first()
        assert row is not None
        row.cells = {**row.cells, "winner": "丙某"}
        session.add(row)
        session.commit()
    assert "“奖励”有行改了" in said(client, url(world, "B2"))
    assert "评分后内容有变" not in said(client, url(world, "A2"))


def test_an_old_mark_without_a_basis_is_judged_by_the_score_alone(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world)
    with world.write() as session:
        mark = session.exec(select(Mark).where(Mark.code == "A2", Mark.role == "panel")).one()
        mark.basis = ""
        session.add(mark)
        session.commit()
    attach(world, "g01", "clause:A2", "补充.pdf")
    assert "评分后内容有变" not in said(client, url(world, "A2"))
    change(world, "g01", "A2.下学期", 2)
    assert "评分时系统建议 4，现在 6" in said(client, url(world, "A2"))


def test_what_was_handed_in_again_is_told_old_and_new(world: World, client_for: SignIn) -> None:
    submit(world)
    now = datetime.now(UTC)
    content: dict[str, Any] = {
        "fields": {"A2.下学期": 1},
        "members": {},
        "materials": {},
        "tables": {},
        "self": {},
        "evidence": [],
    }
    _hand_in(world, 1, content, now - timedelta(days=2))
    client = client_for("rev1")
    save(client, world)
    change(world, "g01", "A2.下学期", 2)
    _hand_in(world, 2, content | {"fields": {"A2.下学期": 2}}, now + timedelta(hours=1))
    assert "理事会（下学期）：1 次 → 2 次" in said(client, url(world, "A2"))


def _hand_in(world: World, n: int, content: dict[str, Any], at: datetime) -> None:
    with world.write() as session:
        session.add(
            Submission(
                entry_id=world.entries["g01"],
                round=n,
                content=content,
                sha256=str(n),
                submitted_by=world.users["lead1"],
                submitted_at=at,
            )
        )
        session.commit()


def test_the_queue_asks_a_fixed_number_of_queries(world: World, app: Any, client_for: SignIn) -> None:
    import sqlalchemy as sa

    submit(world)
    client = client_for("rev1")
    save(client, world)
    engine = app.extensions["intranet"].engine

    def queries(path: str) -> int:
        seen: list[str] = []

        def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            assert client.get(path).status_code == 200
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    paths = [
        f"/panel/cycles/{world.cycle_id}",
        f"/panel/cycles/{world.cycle_id}/grid?code=A2",
        f"/panel/cycles/{world.cycle_id}/scoring-sheet",
        url(world, "A2"),
    ]
    few = [queries(path) for path in paths]
    more_units(world, 30)
    assert [queries(path) for path in paths] == few


# --- deliberation ---------------------------------------------------------------------------------


def deliberate(world: World, until: datetime | None = None) -> None:
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.state, cycle.deliberation_until = CycleState.DELIBERATION, until
        session.add(cycle)
        session.commit()


def test_in_deliberation_an_own_score_changes_with_a_reason_and_the_old_one_is_kept(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world)
    deliberate(world, datetime.now(UTC) + timedelta(days=1))
    assert "合议截止" in said(client, url(world, "A2"))
    refused = save(client, world, points__A2="3", reason__A2="纪要过简")
    assert refused.status_code == 422
    assert "合议时改分，请写明为什么改。" in refused.get_data(as_text=True)
    assert marks(world, "A2")["rev1"].points == 4
    done = save(client, world, points__A2="3", reason__A2="纪要过简", why__A2="听了组长说明")
    assert done.status_code == 303
    assert done.headers["Location"].endswith("/indicators/A2?by=indicator")
    (entry,) = log(world, "mark.change")
    assert (entry.old["points"], entry.new["points"], entry.reason) == ("4", "3", "听了组长说明")
    assert entry.new["reason"] == "纪要过简"
    shown = said(client, url(world, "A2"))
    assert "您改过 1 次" in shown
    assert "4 → 3 听了组长说明" in shown
    with world.read() as session:
        actions = [e.action for e in review.mark_history(session, world.entries["g01"], ["A2"])]
    assert actions == ["mark.save", "mark.change"]


def test_in_deliberation_nothing_new_is_scored_and_an_unchanged_form_asks_for_nothing(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world, "A1", points__A1__2="2.5")
    with world.write() as session:
        session.delete(marks(world, "A1.1")["rev1"])
        session.commit()
    deliberate(world)
    assert "您没有评过这一款，合议时由组长审定。" in said(client, url(world, "A1"))
    assert save(client, world, "A1").status_code == 303
    assert marks(world, "A1.2")["rev1"].version == 1
    assert "rev1" not in marks(world, "A1.1")
    second = client_for("rev2")
    answer = second.post(url(world, "A2"), {"points.A2": "4", "why.A2": "补评"})
    assert answer.status_code == 409
    assert "rev2" not in marks(world, "A2")


def test_after_its_date_deliberation_takes_no_change(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world)
    form = form_of(client, url(world, "A2")) | {"points.A2": "3", "reason.A2": "晚", "why.A2": "晚"}
    deliberate(world, datetime.now(UTC) - timedelta(minutes=1))
    answer = client.post(url(world, "A2"), form)
    assert answer.status_code == 409
    assert "合议改分已在" in answer.get_data(as_text=True)
    assert marks(world, "A2")["rev1"].points == 4
    assert "data-save>" not in client.get(url(world, "A2")).get_data(as_text=True)


def test_the_chairs_settlement_stands_over_a_later_change(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    save(client, world)
    deliberate(world)
    chair = client_for("chair")
    settled = {"do": "settle:A2", "points.A2": "2", "reason.A2": "合议定", "version.A2": "0", "op": "s1"}
    assert chair.post(f"{url(world, 'A2')}/settle", settled).status_code == 303
    save(client, world, points__A2="3", reason__A2="纪要过简", why__A2="改")
    with world.read() as session:
        _cycle, _rubric, found = item(session, world, "A2")
    leaf = found.leaves[0]
    assert leaf.word == (Fraction(2), None, "合议定")
    assert leaf.settled is not None
    assert leaf.settled.basis == leaf.basis != ""


# --- the last cycle -------------------------------------------------------------------------------


def last_cycle(world: World, points: str, *, state: CycleState = CycleState.ARCHIVED) -> None:
    """An earlier cycle of the same rubric that ended with this much on A2 for the unit of g01.

    The cycle of the test gets the higher id, as a later one has.
    """
    from intranet.domain.scoring import score_entry, scoring_for
    from intranet.plugins import RubricRegistry, build_plugin_manager
    from intranet.rubric import ledger
    from tests.unit.rubric import sample

    plugin = sample.SamplePlugin.at(world.settings.data)
    registry = RubricRegistry(build_plugin_manager(entry_points=False, plugins=(plugin,)))
    with world.write() as session:
        now = session.get(Cycle, world.cycle_id)
        assert now is not None
        values = now.model_dump(exclude={"id", "created_at"})
        old = Cycle(**(values | {"title": "上一年度考核", "state": state}))
        session.add(old)
        session.flush()
        entry = Entry(
            cycle_id=old.id or 0,
            unit_id=world.units["g01"],
            code="g01",
            name="甲山教育集团",
            state=SubmissionState.SUBMITTED,
        )
        session.add(entry)
        session.flush()
        session.add(
            Mark(
                entry_id=entry.id or 0,
                code="A2",
                role="panel",
                user_id=world.users["rev1"],
                points=Fraction(points),
                reason="旧",
                made_by=world.users["rev1"],
            )
        )
        session.flush()
        scoring = scoring_for(old, registry)
        from intranet.rubric import engine
        from intranet.rubric.facts import Facts

        sheet = score_entry(session, old, scoring, entry)
        (result,) = engine.score_cohort(
            scoring.rubric, [Facts.from_json(sheet.source.document)], scoring.hooks, frozen=True
        )
        held = Result(
            cycle_id=old.id or 0,
            number=1,
            fingerprint="f",
            rubric_fingerprint="r",
            frozen_by=world.users["admin"],
        )
        session.add(held)
        session.flush()
        session.add(
            UnitResult(
                result_id=held.id or 0,
                entry_id=entry.id or 0,
                position=1,
                total=result.total,
                document=ledger.result_to_json(result),
                facts=sheet.source.document,
            )
        )
        session.flush()
        # The earlier cycle comes first in every list: swap the ids of the two.
        for table, column in (
            ("cycle", "id"),
            ("entry", "cycle_id"),
            ("result", "cycle_id"),
            ("grant", "cycle_id"),
            ("declaration", "cycle_id"),
        ):
            _swap(session, table, column, world.cycle_id, old.id or 0)
        session.commit()
        world.cycle_id = old.id or 0


def _swap(session: Any, table: str, column: str, a: int, b: int) -> None:
    import sqlalchemy as sa

    session.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
    for old, new in ((a, -1), (b, a), (-1, b)):
        session.execute(
            sa.text(f'UPDATE "{table}" SET {column} = :new WHERE {column} = :old'), {"new": new, "old": old}
        )


def test_the_last_cycles_score_stands_beside(world: World, client_for: SignIn) -> None:
    submit(world)
    last_cycle(world, "5.5")
    shown = said(client_for("rev1"), url(world, "A2"))
    assert "上次得分 上一年度考核 5.5" in shown
    assert "上次 5.5" in shown


@pytest.mark.parametrize("state", [CycleState.DELIBERATION, CycleState.PUBLISHED])
def test_a_cycle_that_has_not_ended_is_no_last_one(
    world: World, client_for: SignIn, state: CycleState
) -> None:
    submit(world)
    last_cycle(world, "5.5", state=state)
    assert "上次得分" not in said(client_for("rev1"), url(world, "A2"))


# --- ready-made comments --------------------------------------------------------------------------


def bank(world: World) -> str:
    return f"/panel/cycles/{world.cycle_id}/phrases"


def test_a_comment_is_kept_from_the_box_and_inserted_with_one_press(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    kept = save(client, world, reason__A2="纪要过简", do="keep:A2")
    assert kept.status_code == 200
    assert "已存入评语库" in kept.get_data(as_text=True)
    assert "rev1" not in marks(world, "A2")
    with world.read() as session:
        phrase = session.exec(select(Phrase)).one()
        assert (phrase.user_id, phrase.code, phrase.text) == (world.users["rev1"], "A2", "纪要过简")
    pressed = save(client, world, unit="g02", reason__A2="签到不全", do="word:A2:0")
    assert ">签到不全；纪要过简</textarea>" in pressed.get_data(as_text=True)
    assert "纪要过简" not in said(client, url(world, "A1"))
    assert "纪要过简" not in said(client_for("rev2"), url(world, "A2"))


def test_own_comments_and_the_panels_shared_ones(world: World, client_for: SignIn) -> None:
    submit(world)
    client, chair = client_for("rev1"), client_for("chair")
    refused = client.post(bank(world), {"text": "材料齐全", "shared": "1", "op": "a"})
    assert refused.status_code == 403
    assert chair.post(bank(world), {"text": "材料齐全", "shared": "1", "op": "b"}).status_code == 303
    assert client.post(bank(world), {"text": "会议过少", "code": "A2", "op": "c"}).status_code == 303
    again = client.post(bank(world), {"text": "会议 过少 ", "code": "A2", "op": "c"})
    assert again.status_code == 303
    html = client.get(url(world, "A2")).get_data(as_text=True)
    assert [t in html for t in ('title="会议过少"', 'title="材料齐全"')] == [True, True]
    assert html.index('title="会议过少"') < html.index('title="材料齐全"')
    assert 'title="材料齐全"' in client_for("rev2").get(url(world, "A1")).get_data(as_text=True)
    with world.read() as session:
        ids = {p.text: p.id for p in session.exec(select(Phrase))}
    assert client.post(bank(world), {"drop": str(ids["材料齐全"])}).status_code == 403
    assert client_for("rev2").post(bank(world), {"drop": str(ids["会议过少"])}).status_code == 303
    with world.read() as session:
        assert {p.text for p in session.exec(select(Phrase))} == {"材料齐全", "会议过少"}
    assert client.post(bank(world), {"drop": str(ids["会议过少"])}).status_code == 303
    assert [(e.old, e.new) for e in log(world, "phrase.change")] == [
        (None, "材料齐全"),
        (None, "会议过少"),
        ("会议过少", None),
    ]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"text": "  "}, "请写出评语。"),
        ({"text": "长" * 301}, "评语最多 300 字，请写短一些。"),
        ({"text": "好", "code": "Z9"}, "没有这个条款，请重新选择。"),
    ],
)
def test_a_comment_that_cannot_be_kept_says_why(
    world: World, client_for: SignIn, typed: dict[str, str], why: str
) -> None:
    answer = client_for("rev1").post(bank(world), typed)
    assert answer.status_code == 422
    assert why in answer.get_data(as_text=True)


def test_a_score_off_the_step_is_taken_and_one_with_too_many_decimals_is_not(
    world: World, client_for: SignIn
) -> None:
    """The step is a hint for the form; what may be stored is limited by the rubric's decimals."""
    submit(world)
    client = client_for("rev1")
    assert 'data-step="1/10"' in client.get(url(world, "A1")).get_data(as_text=True)
    assert save(client, world, "A1", points__A1__2="2.55").status_code == 303
    assert marks(world, "A1.2")["rev1"].points == Fraction(51, 20)
    refused = save(client, world, "A1", points__A1__2="2.555")
    assert refused.status_code == 422
    assert "小数最多 2 位，请改写" in refused.get_data(as_text=True)
