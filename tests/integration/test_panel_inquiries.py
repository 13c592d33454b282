"""质询: asked from the scoring page, answered by the lead school, seen by every reviewer of the item."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import select

from intranet.domain.inquiry import ask, reply
from intranet.enums import CycleState, Role
from intranet.errors import Conflict, DomainError, Forbidden, NotFound
from intranet.models import Cycle, Entry, Grant, Inquiry
from tests.integration.panel_ground import give_school, log, said, submit
from tests.integration.test_panel_scoring import url
from tests.world import Client, World

SignIn = Callable[[str], Client]

QUESTION = "第二次理事会的签到表在哪里？"
ANSWER = "在 2 号材料第 3 页。"


def put(client: Client, world: World, question: str = QUESTION, *, op: str = "", unit: str = "g01") -> Any:
    return client.post(f"{url(world, 'A2', unit)}/inquiries", {"question": question, "op": op})


def stored(world: World) -> list[Inquiry]:
    with world.read() as session:
        return list(session.exec(select(Inquiry).order_by(Inquiry.id)))  # type: ignore[arg-type]


def answer(
    client: Client, world: World, text: str = ANSWER, n: int = 1, version: int = 1, **more: str
) -> Any:
    path = f"/entries/{world.entries['g01']}/inquiries/{n}"
    return client.post(path, {"answer": text, "version": version, **more})


def test_a_question_goes_to_the_unit_and_its_answer_to_every_reviewer(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    first, second, lead = client_for("rev1"), client_for("rev2"), client_for("lead1")
    overview = f"/entries/{world.entries['g01']}"
    assert put(first, world).status_code == 303
    assert "待答复 1" in said(first, url(world, "A2"))
    assert "质询待答复 1" in said(second, f"/panel/cycles/{world.cycle_id}")
    assert "甲山教育集团 未评 待答复" in said(second, f"/panel/cycles/{world.cycle_id}")
    tasks = said(lead, overview)
    assert "有 1 个质询等您答复。 去答复" in tasks
    page = said(lead, f"/entries/{world.entries['g01']}/indicators/A2")
    assert "考核组 " in page
    assert QUESTION in page
    assert "评委一" not in page
    assert answer(lead, world).status_code == 303
    for client in (first, second):
        shown = said(client, url(world, "A2"))
        assert "评委一" in shown
        assert ANSWER in shown
        assert "都已答复" in shown
    assert "等您答复" not in said(lead, overview)
    asked, answered = log(world, "inquiry.ask")[0], log(world, "inquiry.answer")[0]
    assert (asked.user_name, asked.subject, asked.new) == ("评委一", "A2", QUESTION)
    assert (answered.user_name, answered.old, answered.new) == ("填报甲", None, ANSWER)
    assert answered.entry_id == world.entries["g01"]


def test_the_to_do_of_a_lead_with_several_units_names_the_question(world: World, client_for: SignIn) -> None:
    submit(world)
    put(client_for("rev1"), world)
    with world.write() as session:
        session.add(Grant(user_id=world.users["lead1"], role=Role.FILER, school_id=world.schools["s4"]))
        session.commit()
    assert "答复 1 个质询 甲山教育集团" in said(client_for("lead1"), "/tasks")
    assert "个质询" not in said(client_for("lead2"), f"/entries/{world.entries['g02']}")


def test_the_answer_comes_in_while_the_filing_is_locked_and_can_be_put_right(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    put(client_for("rev1"), world)
    lead = client_for("lead1")
    assert "已经提交，内容已锁定" in said(lead, f"/entries/{world.entries['g01']}/indicators/A2")
    answer(lead, world)
    assert answer(lead, world, "在 3 号材料。", version=2).status_code == 303
    assert [(e.old, e.new) for e in log(world, "inquiry.answer")] == [
        (None, ANSWER),
        (ANSWER, "在 3 号材料。"),
    ]
    stale = answer(lead, world, "另一个窗口写的", version=1)
    assert stale.status_code == 409
    assert "另一个窗口写的" in stale.get_data(as_text=True)
    assert "已有的答复：在 3 号材料。" in stale.get_data(as_text=True)
    assert stored(world)[0].answer == "在 3 号材料。"


def test_the_same_form_twice_asks_and_answers_once(world: World, client_for: SignIn) -> None:
    submit(world)
    reviewer, lead = client_for("rev1"), client_for("lead1")
    put(reviewer, world, op="q1")
    put(reviewer, world, op="q1")
    put(reviewer, world)
    assert len(stored(world)) == 1
    answer(lead, world, op="a1")
    answer(lead, world, "又一次", op="a1")
    assert stored(world)[0].answer == ANSWER
    assert len(log(world, "inquiry.answer")) == 1


def test_a_refused_question_or_answer_keeps_its_text(world: World, client_for: SignIn) -> None:
    submit(world)
    reviewer = client_for("rev1")
    assert put(reviewer, world, "  ").status_code == 422
    long = put(reviewer, world, "问" * 1001)
    assert long.status_code == 422
    assert "问题最多 1000 字，请写短一些。" in long.get_data(as_text=True)
    assert "问" * 1001 in long.get_data(as_text=True)
    put(reviewer, world)
    refused = answer(client_for("lead1"), world, "答" * 2001)
    assert refused.status_code == 422
    assert "答" * 2001 in refused.get_data(as_text=True)
    assert stored(world)[0].answered_at is None


def test_a_question_is_withdrawn_by_who_asked_or_the_chair_before_it_is_answered(
    world: World, client_for: SignIn
) -> None:
    submit(world)
    reviewer, lead = client_for("rev1"), client_for("lead1")
    put(reviewer, world)
    path = f"/panel/entries/{world.entries['g01']}/inquiries/1/withdraw"
    assert client_for("rev2").post(path, {"version": "1"}).status_code == 403
    assert reviewer.post(path, {"version": "1"}).status_code == 303
    assert QUESTION not in said(lead, f"/entries/{world.entries['g01']}/inquiries")
    late = answer(lead, world)
    assert late.status_code == 409
    assert ANSWER in late.get_data(as_text=True)
    put(reviewer, world, "第二个问题")
    answer(lead, world, n=2)
    gone = client_for("chair").post(
        f"/panel/entries/{world.entries['g01']}/inquiries/2/withdraw", {"version": "1"}
    )
    assert gone.status_code == 409
    assert [e.old for e in log(world, "inquiry.withdraw")] == [QUESTION]


@pytest.mark.parametrize("login", ["helper1", "member1", "lead2"])
def test_only_the_lead_schools_filer_answers(world: World, client_for: SignIn, login: str) -> None:
    submit(world)
    put(client_for("rev1"), world)
    assert answer(client_for(login), world).status_code in (403, 404)
    assert stored(world)[0].answered_at is None


def test_a_reviewer_of_the_own_school_neither_asks_nor_reads(world: World, client_for: SignIn) -> None:
    submit(world)
    put(client_for("rev1"), world)
    give_school(world, "rev2", "s3")
    conflicted = client_for("rev2")
    assert put(conflicted, world, "我的问题").status_code == 404
    assert conflicted.post(
        f"/panel/entries/{world.entries['g01']}/inquiries/1/withdraw", {"version": "1"}
    ).status_code in (403, 404)
    assert QUESTION not in said(conflicted, f"/panel/cycles/{world.cycle_id}")
    assert "质询待答复" not in said(conflicted, f"/panel/cycles/{world.cycle_id}")


def test_another_units_question_is_not_found_under_this_one(world: World, client_for: SignIn) -> None:
    submit(world)
    put(client_for("rev1"), world, unit="g02")
    assert answer(client_for("lead1"), world).status_code == 404
    path = f"/panel/entries/{world.entries['g01']}/inquiries/1/withdraw"
    assert client_for("rev1").post(path, {"version": "1"}).status_code == 404


@pytest.mark.parametrize(
    ("state", "open_"),
    [
        (CycleState.FILING, False),
        (CycleState.REVIEW, True),
        (CycleState.DELIBERATION, True),
        (CycleState.PUBLISHED, False),
    ],
)
def test_questions_belong_to_review_and_deliberation(world: World, state: CycleState, open_: bool) -> None:
    submit(world, state=state)
    with world.write() as session:
        cycle, entry = session.get(Cycle, world.cycle_id), session.get(Entry, world.entries["g01"])
        assert cycle is not None
        assert entry is not None
        at = datetime.now(UTC)
        if not open_:
            with pytest.raises(DomainError, match="不能质询"):
                ask(session, world.actor("rev1"), cycle, entry, "A2", QUESTION, at=at)
            return
        asked = ask(session, world.actor("rev1"), cycle, entry, "A2", QUESTION, at=at)
        with pytest.raises(Forbidden):
            reply(session, world.actor("helper1"), cycle, entry, asked, ANSWER, version=1, at=at)
        with pytest.raises(NotFound):
            ask(session, world.actor("lead1"), cycle, entry, "A2", QUESTION, at=at)
        done = reply(session, world.actor("lead1"), cycle, entry, asked, ANSWER, version=1, at=at)
        assert (done.answer, done.version) == (ANSWER, 2)
        with pytest.raises(Conflict):
            reply(session, world.actor("lead1"), cycle, entry, asked, "别的", version=1, at=at)


def test_nothing_is_asked_of_a_unit_that_has_handed_in_nothing(world: World, client_for: SignIn) -> None:
    submit(world, "g02")
    refused = put(client_for("rev1"), world)
    assert refused.status_code == 409
    assert "还没有提交，不能质询" in refused.get_data(as_text=True)


def test_at_most_five_questions_wait_on_one_indicator(world: World, client_for: SignIn) -> None:
    submit(world)
    reviewer = client_for("rev1")
    for n in range(5):
        assert put(reviewer, world, f"问题 {n}").status_code == 303
    assert put(reviewer, world, "第六个").status_code == 409
    assert len(stored(world)) == 5
