"""回避: declared before anything is shown, added and lifted by the bureau, marks taken out of the count."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlmodel import col, select

from intranet.domain import inquiry, recusal
from intranet.domain import review as marking
from intranet.domain.marking import Given
from intranet.domain.scoring import score_entry, scoring_for
from intranet.domain.standing import item_of
from intranet.enums import CycleState, RecusalKind, Role
from intranet.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from intranet.models import Assignment, Cycle, Declaration, Entry, Grant, Inquiry, LogEntry, Mark, Recusal
from intranet.queries import recusals as stored
from intranet.queries import review
from tests.integration.panel_ground import give_school, log, marks, more_units, said, submit
from tests.world import Client, World

SignIn = Callable[[str], Client]


def undeclare(world: World, *logins: str) -> None:
    """As on the day the cycle opened: these people have said nothing yet."""
    with world.write() as session:
        for login in logins:
            found = session.exec(select(Declaration).where(Declaration.user_id == world.users[login])).one()
            session.delete(found)
        session.commit()


def recusals(world: World) -> dict[tuple[str, str], Recusal]:
    logins = {i: login for login, i in world.users.items()}
    units = {i: code for code, i in world.entries.items()}
    with world.read() as session:
        return {(logins[r.user_id], units[r.entry_id]): r for r in session.exec(select(Recusal))}


def declare_path(world: World) -> str:
    return f"/panel/cycles/{world.cycle_id}/declare"


def form(client: Client, path: str) -> dict[str, str]:
    """The hidden fields of the page's first form with an op."""
    html = client.get(path).get_data(as_text=True)
    return {"op": re.findall(r'name="op" value="([^"]+)"', html)[0]}


def give_mark(world: World, login: str, unit: str = "g01", code: str = "A1.2", points: str = "2") -> None:
    with world.write() as session:
        user = world.users[login]
        session.add(
            Mark(
                entry_id=world.entries[unit],
                code=code,
                role="panel",
                user_id=user,
                points=Fraction(points),
                reason="材料齐全",
                made_by=user,
            )
        )
        session.commit()


# --- declaring ------------------------------------------------------------------------------------


def test_before_the_declaration_nothing_of_the_cycle_is_shown(world: World, client_for: SignIn) -> None:
    submit(world)
    undeclare(world, "rev1", "chair")
    for login in ("rev1", "chair"):
        client, actor = client_for(login), world.actor(login)
        with world.read() as session:
            assert review.panel_entries(session, actor, world.cycle_id) == []
            with pytest.raises(NotFound):
                review.panel_entry_for(session, actor, world.entries["g01"])
            with pytest.raises(Forbidden, match="请先申报回避"):
                review.panel_cycle_for(session, actor, world.cycle_id)
        first = said(client, "/panel")
        assert "还没有申报回避" in first
        assert "去申报" in first
        assert "教育集团" not in first
        assert "已提交" not in first
        assert "已评" not in first
        assert client.get(f"/entries/{world.entries['g01']}").status_code == 404


@pytest.mark.parametrize("rest", ["", "?by=unit", "/sheet", "/radar", "/board"])
def test_a_page_of_the_cycle_leads_to_the_declaration_and_back(
    world: World, client_for: SignIn, rest: str
) -> None:
    submit(world)
    undeclare(world, "chair")
    client, path = client_for("chair"), f"/panel/cycles/{world.cycle_id}{rest}"
    led = client.get(path)
    assert led.status_code == 303
    assert led.location.startswith(f"/panel/cycles/{world.cycle_id}/declare?next=")
    html = client.get(led.location).get_data(as_text=True)
    onward = re.findall(r'name="next" value="([^"]+)"', html)[0]
    assert onward == path
    done = client.post(declare_path(world), {**form(client, led.location), "nobody": "1", "next": onward})
    assert (done.status_code, done.location) == (303, path)
    assert client.get(path).status_code == 200


def test_a_page_of_a_unit_leads_there_too_and_an_act_is_refused(world: World, client_for: SignIn) -> None:
    submit(world)
    undeclare(world, "rev1")
    client, here = client_for("rev1"), f"/panel/entries/{world.entries['g01']}/indicators/A1"
    assert client.get(here).location.startswith(f"{declare_path(world)}?next=")
    refused = client.post(here, {"points.A1.2": "2", "version.A1.2": "0", "do": "save"})
    assert refused.status_code == 404
    assert marks(world, "A1.2").keys() == {"self"}
    assert client.get("/panel/entries/999999/indicators/A1").status_code == 404


def test_the_page_lists_units_with_schools_until_it_is_sent(world: World, client_for: SignIn) -> None:
    submit(world)
    undeclare(world, "rev1")
    client, g02 = client_for("rev1"), world.entries["g02"]
    text = said(client, declare_path(world))
    assert "甲山教育集团 甲山小学、乙水小学、丙林初级中学" in text
    assert "丁桥教育集团 丁桥小学、戊石初级中学" in text
    given = {f"kind.{g02}": "relative", f"note.{g02}": "配偶在丁桥小学任教"}
    assert client.post(declare_path(world), {**form(client, declare_path(world)), **given}).status_code == 303
    after = said(client, declare_path(world))
    assert "要补充或更正，请联系教育局管理员，由教育局登记。" in after
    for word in ("甲山", "丁桥", "配偶"):
        assert word not in after
    found = recusals(world)["rev1", "g02"]
    assert (found.kind, found.note, found.declared_by) == (
        RecusalKind.RELATIVE,
        "配偶在丁桥小学任教",
        world.users["rev1"],
    )
    with world.read() as session:
        assert [e.code for e in review.panel_entries(session, world.actor("rev1"), world.cycle_id)] == ["g01"]
    (entry,) = log(world, "recusal.add")
    assert (entry.entry_id, entry.new) == (g02, {"kind": "近亲属任职单位", "note": "配偶在丁桥小学任教"})
    assert log(world, "recusal.declare")[0].new == {"units": 1}


def test_what_is_typed_stays_when_the_form_is_refused(world: World, client_for: SignIn) -> None:
    undeclare(world, "rev1")
    client, path, g01 = client_for("rev1"), declare_path(world), world.entries["g01"]
    nothing = client.post(path, {})
    assert nothing.status_code == 422
    assert "请选出要回避的单位；没有的，勾选“没有需要回避的”。" in nothing.get_data(as_text=True)
    both = client.post(path, {f"kind.{g01}": "own", f"note.{g01}": "在编教师", "nobody": "1"})
    html = both.get_data(as_text=True)
    assert both.status_code == 422
    assert "请改为其中一种" in html
    assert 'value="在编教师"' in html
    assert '<option value="own" selected>' in html
    only_note = client.post(path, {f"note.{g01}": "曾任副校长", "nobody": "1"})
    assert only_note.status_code == 422
    assert 'value="曾任副校长"' in only_note.get_data(as_text=True)
    assert client.post(path, {f"kind.{g01}": "forged"}).status_code == 422
    long = client.post(path, {f"kind.{g01}": "own", f"note.{g01}": "长" * 301})
    assert long.status_code == 422
    assert recusals(world) == {}
    with world.read() as session:
        assert stored.declaration_of(session, world.cycle_id, world.users["rev1"]) is None


def test_a_second_declaration_changes_nothing(world: World, client_for: SignIn) -> None:
    undeclare(world, "rev1")
    client, path = client_for("rev1"), declare_path(world)
    op = form(client, path)
    assert client.post(path, {**op, "nobody": "1"}).status_code == 303
    assert client.post(path, {**op, "nobody": "1"}).status_code == 303  # the same form once more
    again = client.post(path, {"op": "other", f"kind.{world.entries['g01']}": "own"})
    assert again.status_code == 409
    assert "您已经申报过。要补充或更正，请联系教育局管理员。" in again.get_data(as_text=True)
    assert recusals(world) == {}
    assert len(log(world, "recusal.declare")) == 1


def test_only_a_member_of_this_panel_declares(world: World, client_for: SignIn) -> None:
    for login in ("lead1", "admin", "leader"):
        assert client_for(login).get(declare_path(world)).status_code == 403
    with world.write() as session:
        with pytest.raises(NotFound):
            recusal.declare(
                session,
                world.actor("admin"),
                _cycle(session, world),
                [],
                nobody=True,
                at=datetime.now(UTC),
            )
        undeclared = session.exec(select(Declaration).where(Declaration.user_id == world.users["rev1"])).one()
        session.delete(undeclared)
        session.flush()
        choice = recusal.Choice(999_999, RecusalKind.OWN)
        with pytest.raises(NotFound):
            recusal.declare(
                session,
                world.actor("rev1"),
                _cycle(session, world),
                [choice],
                nobody=False,
                at=datetime.now(UTC),
            )


def _cycle(session: sa.orm.Session, world: World) -> Cycle:
    found = session.get(Cycle, world.cycle_id)
    assert found is not None
    return found


def test_an_own_school_is_found_without_a_row_and_said_on_the_page(world: World, client_for: SignIn) -> None:
    submit(world)
    give_school(world, "rev1", "s5")
    undeclare(world, "rev1")
    client = client_for("rev1")
    text = said(client, declare_path(world))
    assert "您是其中学校的填报人，自动回避" in text
    assert "除自动回避的以外，没有需要回避的" in text
    assert client.post(declare_path(world), {"nobody": "1"}).status_code == 303
    assert recusals(world) == {}
    assert "丁桥" not in said(client, f"/panel/cycles/{world.cycle_id}?by=unit")
    assert client.get(f"/panel/entries/{world.entries['g02']}/indicators/A1").status_code == 404


def test_a_finished_cycle_takes_no_declaration(world: World, client_for: SignIn) -> None:
    undeclare(world, "rev1")
    world.move_to(CycleState.FINAL)
    client = client_for("rev1")
    assert "不能再申报" in said(client, declare_path(world))
    assert client.post(declare_path(world), {"nobody": "1"}).status_code == 409
    assert "去申报" not in said(client, "/panel")


# --- the bureau -----------------------------------------------------------------------------------


def bureau_path(world: World) -> str:
    return f"/bureau/cycles/{world.cycle_id}/recusals"


def test_the_bureau_reads_who_declared_what(world: World, client_for: SignIn) -> None:
    submit(world)
    undeclare(world, "rev2")
    give_school(world, "rev2", "s2")
    client, g01 = client_for("admin"), world.entries["g01"]
    added = client.post(
        bureau_path(world),
        {"user": str(world.users["rev1"]), "entry": str(g01), "kind": "former", "note": "2019 年调出"},
    )
    assert added.status_code == 303
    text = said(client, bureau_path(world))
    assert "考核组 3 人 1 人还没有申报" in text
    assert "甲山教育集团 曾任职单位 教育局登记 2019 年调出" in text
    assert "甲山教育集团 本校 系统查到：乙水小学的填报人" in text
    assert "甲山教育集团：所有评委都回避，没有人评。" in text
    assert "没有人能审定" not in text
    assert "2 位评委" not in said(client, "/bureau/cycles")
    assert "1 位评委还没有申报回避" in said(client, "/bureau/cycles")
    world.move_to(CycleState.FILING)
    assert "还没有申报回避" not in said(client, "/bureau/cycles")


def test_marks_are_dropped_only_after_it_was_said_how_many(world: World, client_for: SignIn) -> None:
    submit(world)
    give_mark(world, "rev1")
    give_mark(world, "rev1", code="A1.1", points="1")
    give_mark(world, "rev2")
    give_mark(world, "rev1", unit="g02")
    client = client_for("admin")
    typed = {"user": str(world.users["rev1"]), "entry": str(world.entries["g01"]), "kind": "own", "note": ""}
    asked = client.post(bureau_path(world), {**form(client, bureau_path(world)), **typed})
    assert asked.status_code == 200
    text = asked.get_data(as_text=True)
    assert "评委一对甲山教育集团已有 2 个评分。登记后这些评分不再计入" in text
    assert "登记回避并剔除 2 个评分" in text
    assert recusals(world) == {}
    assert marks(world, "A1.2").keys() == {"self", "rev1", "rev2"}

    op = re.findall(r'id="confirm".*?name="op" value="([^"]+)"', text, flags=re.S)[0]
    give_mark(world, "rev1", code="B1", points="1")  # meanwhile one more
    late = client.post(bureau_path(world), {**typed, "op": op, "dropping": "2"})
    assert late.status_code == 200
    assert "已有 3 个评分" in late.get_data(as_text=True)
    done = client.post(bureau_path(world), {**typed, "op": op, "dropping": "3"})
    assert done.status_code == 303
    assert client.post(bureau_path(world), {**typed, "op": op, "dropping": "3"}).status_code == 303
    assert marks(world, "A1.2").keys() == {"self", "rev2"}
    assert marks(world, "A1.2", "g02").keys() == {"self", "rev1"}
    kept = log(world, "mark.drop")
    assert [(e.subject, e.old["points"], e.old["reason"]) for e in kept] == [
        ("A1.1", "1", "材料齐全"),
        ("A1.2", "2", "材料齐全"),
        ("B1", "1", "材料齐全"),
    ]
    assert {e.entry_id for e in kept} == {world.entries["g01"]}
    assert {e.detail["user"] for e in kept} == {world.users["rev1"]}
    assert client_for("rev1").get(f"/panel/entries/{world.entries['g01']}/indicators/A1").status_code == 404


def test_a_chairs_settlement_is_dropped_and_assignments_too(world: World) -> None:
    submit(world)
    g01, chair = world.entries["g01"], world.users["chair"]
    with world.write() as session:
        settled = Mark(
            entry_id=g01, code="A1.2", role="settled", points=Fraction(3), reason="定", made_by=chair
        )
        session.add(settled)
        for code in ("A1", "A2"):
            session.add(Assignment(cycle_id=world.cycle_id, user_id=chair, entry_id=g01, code=code))
        session.commit()
    with world.write() as session:
        choice, at = recusal.Choice(g01, RecusalKind.OTHER, "回避"), datetime.now(UTC)
        cycle, admin = _cycle(session, world), world.actor("admin")
        with pytest.raises(Conflict) as raised:
            recusal.add(session, admin, cycle, chair, choice, dropping=0, at=at)
        assert raised.value.theirs == 1
        recusal.add(session, admin, cycle, chair, choice, dropping=1, at=at)
        session.commit()
        assert session.exec(select(Mark).where(Mark.role == "settled")).all() == []
        assert session.exec(select(Assignment)).all() == []
    assert log(world, "assignment.drop")[0].old == ["A1", "A2"]
    with world.read() as session:
        members = stored.members_of(session, world.cycle_id)
        assert [e.code for e in stored.uncovered(session, world.cycle_id, members)[1]] == ["g01"]


def test_the_domain_asks_for_the_recusal_whatever_the_page_did(world: World, app: Flask) -> None:
    """Marks, settlements, figures, questions: called with a person who must stay away from the unit."""
    submit(world)
    g01, at = world.entries["g01"], datetime.now(UTC)
    with world.write() as session:
        for login in ("rev1", "chair"):
            session.add(
                Recusal(
                    cycle_id=world.cycle_id,
                    user_id=world.users[login],
                    entry_id=g01,
                    kind=RecusalKind.OTHER,
                    declared_by=world.users["admin"],
                )
            )
        session.commit()
    with world.write() as session:
        cycle, entry = _cycle(session, world), session.get(Entry, g01)
        assert entry is not None
        scoring = scoring_for(cycle, app.extensions["intranet"].registry)
        rubric, sheet = scoring.rubric, score_entry(session, cycle, scoring, entry)
        item = item_of(rubric, sheet, rubric.by["A1"], cycle.combine)
        leaf = next(leaf for leaf in item.leaves if leaf.code == "A1.2")
        given = Given("A1.2", points=Fraction(2), reason="x")
        rev1, chair = world.actor("rev1"), world.actor("chair")
        with pytest.raises(NotFound):
            marking.save_marks(session, rev1, cycle, rubric, item, [given], at=at)
        with pytest.raises(NotFound):
            marking.settle(session, chair, cycle, rubric, leaf, given, at=at)
        with pytest.raises(NotFound):
            marking.withdraw_settlement(session, chair, cycle, leaf, version=0)
        with pytest.raises(NotFound):
            inquiry.ask(session, rev1, cycle, entry, "A1", "备案在哪一页", at=at)
        other = Inquiry(entry_id=world.entries["g02"], code="A1", question="x", asked_by=0)
        with pytest.raises(NotFound):
            inquiry.reply(session, world.actor("lead1"), cycle, entry, other, "x", version=1, at=at)


def test_the_panels_page_names_who_stays_away_from_whom(world: World, client_for: SignIn) -> None:
    submit(world)
    admin, here = client_for("admin"), f"/bureau/cycles/{world.cycle_id}/panel"
    assert "评委一 rev1 —" in said(admin, here)
    typed = {"user": str(world.users["rev1"]), "entry": str(world.entries["g01"]), "kind": "own", "note": ""}
    assert admin.post(bureau_path(world), {**form(admin, bureau_path(world)), **typed}).status_code == 303
    assert "评委一 rev1 甲山教育集团" in said(admin, here)


def test_lifting_needs_a_reason_and_may_be_undone(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("admin")
    typed = {"user": str(world.users["rev1"]), "entry": str(world.entries["g01"]), "kind": "former"}
    assert client.post(bureau_path(world), typed).status_code == 303
    held = recusals(world)["rev1", "g01"]
    lift = f"{bureau_path(world)}/{held.id}/lift"
    refused = client.post(lift, {"reason": " "})
    assert refused.status_code == 422
    assert "请写明理由，会记入日志。" in refused.get_data(as_text=True)
    assert client.post(lift, {"reason": "查明未在该校任职"}).status_code == 303
    assert client.post(lift, {"reason": "再一次"}).status_code == 303
    (entry,) = log(world, "recusal.lift")
    assert (entry.subject, entry.reason) == ("评委一", "查明未在该校任职")
    assert client_for("rev1").get(f"/panel/entries/{world.entries['g01']}/indicators/A1").status_code == 200
    assert "已于" in said(client, bureau_path(world))
    assert client.post(bureau_path(world), {**typed, "kind": "relative"}).status_code == 303
    again = recusals(world)["rev1", "g01"]
    assert (again.id, again.kind, again.lifted_at) == (held.id, RecusalKind.RELATIVE, None)
    double = client.post(bureau_path(world), typed)
    assert double.status_code == 422
    assert "评委一已经回避甲山教育集团" in double.get_data(as_text=True)


def test_what_the_form_does_not_offer_is_refused(world: World, client_for: SignIn) -> None:
    submit(world)
    client, rev1, g01 = client_for("admin"), str(world.users["rev1"]), str(world.entries["g01"])
    for typed in (
        {"user": str(world.users["lead1"]), "entry": g01, "kind": "own"},
        {"user": rev1, "entry": "999999", "kind": "own"},
        {"user": rev1, "entry": g01, "kind": "forged"},
        {"user": rev1, "entry": g01, "kind": "own", "note": "长" * 301},
        {},
    ):
        assert client.post(bureau_path(world), typed).status_code == 422
    assert client.post(f"{bureau_path(world)}/999999/lift", {"reason": "x"}).status_code == 404
    assert recusals(world) == {}
    for login in ("chair", "rev1", "lead1", "leader", "auditor"):
        assert client_for(login).post(bureau_path(world), {"user": rev1, "entry": g01}).status_code == 403


def test_public_results_keep_their_marks(world: World) -> None:
    submit(world, state=CycleState.PUBLISHED)
    give_mark(world, "rev1")
    with world.write() as session:
        cycle, admin, at = _cycle(session, world), world.actor("admin"), datetime.now(UTC)
        choice = recusal.Choice(world.entries["g01"], RecusalKind.OWN)
        with pytest.raises(DomainError, match="1 个评分不能再剔除"):
            recusal.add(session, admin, cycle, world.users["rev1"], choice, dropping=1, at=at)
        recusal.add(session, admin, cycle, world.users["rev2"], choice, dropping=0, at=at)
        cycle.state = CycleState.FINAL
        with pytest.raises(DomainError, match="结果已定稿"):
            recusal.add(session, admin, cycle, world.users["chair"], choice, dropping=0, at=at)
        cycle.state = CycleState.REVIEW
        with pytest.raises(Invalid):
            recusal.add(session, admin, cycle, world.users["rev2"], choice, dropping=0, at=at)


def test_an_own_school_that_came_later_is_told_with_its_marks(world: World, client_for: SignIn) -> None:
    submit(world)
    give_mark(world, "rev1")
    give_school(world, "rev1", "s2")
    client = client_for("admin")
    text = said(client, bureau_path(world))
    assert "已有 1 个评分仍计入" in text
    typed = {"user": str(world.users["rev1"]), "entry": str(world.entries["g01"]), "kind": "own"}
    assert "登记回避并剔除 1 个评分" in client.post(bureau_path(world), typed).get_data(as_text=True)
    assert client.post(bureau_path(world), {**typed, "dropping": "1"}).status_code == 303
    assert "仍计入" not in said(client, bureau_path(world))
    assert marks(world, "A1.2").keys() == {"self"}


def test_a_draft_waits_for_its_opening(world: World, client_for: SignIn) -> None:
    world.move_to(CycleState.DRAFT)
    client = client_for("admin")
    assert "考核开启后，评委先申报回避" in said(client, bureau_path(world))
    typed = {"user": str(world.users["rev1"]), "entry": str(world.entries["g01"]), "kind": "own"}
    assert client.post(bureau_path(world), typed).status_code == 409


def count_queries(app: Flask, ask: Callable[[], object]) -> int:
    engine, n = app.extensions["intranet"].engine, 0

    def seen(*_args: object) -> None:
        nonlocal n
        n += 1

    sa.event.listen(engine, "before_cursor_execute", seen)
    ask()
    sa.event.remove(engine, "before_cursor_execute", seen)
    return n


def test_the_pages_cost_the_same_for_two_and_thirty_units(
    app: Flask, world: World, client_for: SignIn
) -> None:
    submit(world)
    undeclare(world, "rev1")
    admin, reviewer = client_for("admin"), client_for("rev1")
    asks = (lambda: admin.get(bureau_path(world)), lambda: reviewer.get(declare_path(world)))
    before = [count_queries(app, ask) for ask in asks]
    more_units(world, 28)
    with world.write() as session:
        for entry in session.exec(select(Entry).where(col(Entry.code).startswith("x"))):
            session.add(
                Recusal(
                    cycle_id=world.cycle_id,
                    user_id=world.users["rev2"],
                    entry_id=entry.id or 0,
                    kind=RecusalKind.OTHER,
                    declared_by=world.users["admin"],
                )
            )
        session.commit()
    assert [count_queries(app, ask) for ask in asks] == before


def test_a_reader_who_sits_on_the_panel_reads_as_the_panel(world: World, client_for: SignIn) -> None:
    """A leader or auditor with a seat is kept from a unit there too; the log does not tell of it either."""
    submit(world)
    g01 = world.entries["g01"]
    with world.write() as session:
        for role in (Role.LEADER, Role.AUDITOR):
            session.add(Grant(user_id=world.users["rev1"], role=role))
        session.add(
            LogEntry(action="unit.change", subject="g01", user_name="管小局", new="甲山教育集团", hash="")
        )
        session.commit()
    admin, reader = client_for("admin"), client_for("rev1")
    assert reader.get(f"/entries/{g01}").status_code == 200
    assert "甲山教育集团" in said(reader, "/bureau/log")
    typed = {"user": str(world.users["rev1"]), "entry": str(g01), "kind": "former"}
    assert admin.post(bureau_path(world), typed).status_code == 303
    assert reader.get(f"/entries/{g01}").status_code == 404
    assert reader.get(f"/entries/{world.entries['g02']}").status_code == 200
    assert reader.get(f"/leader/cycles/{world.cycle_id}").status_code == 404
    for path in ("/bureau/log", "/bureau/log/check", f"/bureau/log?entry={g01}", "/leader"):
        text = said(reader, path)
        assert "甲山" not in text
        assert "g01" not in text
        assert "登记回避 评委一" not in text
    assert "登记回避" in said(admin, "/bureau/log")
    assert "甲山教育集团" in said(client_for("auditor"), "/bureau/log")
