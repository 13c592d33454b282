"""From an empty list to an opened cycle, and through its phases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import col, select

from intranet.enums import CombineRule, CycleState, Role, SchoolRole, SubmissionState
from intranet.models import Cycle, Entry, EntrySchool, Grant, LogEntry, School, Unit
from intranet.rubric import loader
from tests.unit.rubric import sample
from tests.world import Client, World, words


def stamp(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


def newest(world: World) -> Cycle:
    with world.read() as session:
        found = session.exec(select(Cycle).order_by(col(Cycle.id).desc())).first()
        assert found is not None
        return found


def logged(world: World, action: str) -> list[LogEntry]:
    with world.read() as session:
        return list(
            session.exec(select(LogEntry).where(LogEntry.action == action).order_by(col(LogEntry.id)))
        )


def new_cycle(client: Client, world: World) -> tuple[int, str]:
    client.post("/bureau/cycles/new", {"title": "2031 年考核", "rubric": "sample", "op": "n1"})
    cycle_id = newest(world).id
    assert cycle_id is not None
    return cycle_id, f"/bureau/cycles/{cycle_id}"


def prepare(client: Client, world: World, base: str) -> None:
    """Fill in every step."""
    client.post(f"{base}/rulings", {})
    dates = {"filing_from": stamp(-1), "filing_until": stamp(10), "review_until": stamp(20)}
    assert client.post(f"{base}/dates", dates).status_code == 303
    assert client.post(f"{base}/units", {"unit": list(world.units.values())}).status_code == 303
    people = {
        "chair": world.users["chair"],
        "reviewer": [world.users["rev1"], world.users["rev2"]],
        "combine": "median",
    }
    assert client.post(f"{base}/panel", people).status_code == 303


def test_create_is_kept_once_and_takes_the_snapshot(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    form = {"title": " 2031  年考核 ", "rubric": "sample", "op": "same"}
    first = admin.post("/bureau/cycles/new", form)
    again = admin.post("/bureau/cycles/new", form)
    assert first.status_code == again.status_code == 303
    assert first.location == again.location
    cycle = newest(world)
    assert (cycle.title, cycle.state, cycle.definition) == ("2031 年考核", CycleState.DRAFT, sample.SAMPLE)
    assert (cycle.rubric_key, cycle.rubric_version, cycle.fingerprint) == ("sample", "1", "")
    assert len(logged(world, "cycle.create")) == 1


def test_create_refuses_an_empty_title_and_keeps_the_choice(client_for: Callable[[str], Client]) -> None:
    answer = client_for("admin").post("/bureau/cycles/new", {"title": "  ", "rubric": "sample"})
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert "请填写名称" in text
    assert 'value="sample" checked' in text


def test_the_list_says_the_next_step_and_a_draft_is_hidden_from_schools(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    _cycle_id, base = new_cycle(admin, world)
    text = admin.text("/bureau/cycles")
    assert "2031 年考核" in text
    assert "接着准备" in text
    assert "看填报进度" in text
    assert "不加密的 HTTP" in text
    assert client_for("lead1").get(base).status_code == 403


def test_a_ruling_other_than_the_default_needs_a_reason(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    _cycle_id, base = new_cycle(admin, world)
    refused = admin.post(f"{base}/rulings/long_stay", {"value": "none", "reason": "", "who": "普教科"})
    assert refused.status_code == 422
    html = refused.get_data(as_text=True)
    assert "请写一句理由" in html
    assert 'value="none" checked' in html  # what was chosen is still there
    assert newest(world).rulings == {}
    form = {"value": "none", "reason": "照字面不计", "who": "普教科", "on": "2020-03-10"}
    assert admin.post(f"{base}/rulings/long_stay", form).status_code == 303
    cycle = newest(world)
    assert cycle.rulings == {"long_stay": "none"}
    assert cycle.ruling_notes == {"long_stay": {"reason": "照字面不计", "by": "普教科", "at": "2020-03-10"}}
    entry = logged(world, "ruling.decide")[0]
    assert (entry.subject, entry.new, entry.reason) == ("long_stay", {"long_stay": "none"}, "照字面不计")


def test_typed_rulings_are_checked(world: World, client_for: Callable[[str], Client]) -> None:
    admin = client_for("admin")
    _cycle_id, base = new_cycle(admin, world)
    for key, value, said in (
        ("show_max", "很多", "不是准确的数"),
        ("cutoff", "2031-02-30", "不是日期"),
        ("rank_by", "coin", "没有“coin”这一选项"),
    ):
        answer = admin.post(f"{base}/rulings/{key}", {"value": value, "reason": "试"})
        assert (answer.status_code, said in answer.get_data(as_text=True)) == (422, True), key
    late = admin.post(f"{base}/rulings/show_max", {"value": "8", "reason": "试", "on": "2190-01-01"})
    assert "裁定日期不能晚于今天" in late.get_data(as_text=True)
    assert admin.post(f"{base}/rulings/unheard", {"value": "1"}).status_code == 404
    assert newest(world).rulings == {}


def test_a_ruling_answers_htmx_with_its_card_the_next_one_and_the_progress(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    _cycle_id, base = new_cycle(admin, world)
    answer = admin.post(f"{base}/rulings/cutoff", {"value": "2031-06-30"}, htmx=True)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert 'id="ruling-cutoff"' in html
    assert 'id="ruling-long_stay" open hx-swap-oob="outerHTML"' in html
    assert 'id="ruling-progress" hx-swap-oob="outerHTML"' in html
    assert "用默认" in words(html)
    assert "1 / 6 处已定" in words(html)


def test_defaults_are_taken_over_at_once(world: World, client_for: Callable[[str], Client]) -> None:
    admin = client_for("admin")
    _cycle_id, base = new_cycle(admin, world)
    admin.post(f"{base}/rulings/long_stay", {"value": "none", "reason": "从严"})
    assert admin.post(f"{base}/rulings", {}).status_code == 303
    cycle = newest(world)
    assert cycle.rulings == {
        "cutoff": "2031-06-30",
        "long_stay": "none",
        "ties": "same",
        "show_max": None,
        "rank_by": "total",
        "quota": 1,
    }
    assert "default" not in cycle.ruling_notes["long_stay"]
    assert cycle.ruling_notes["quota"]["default"] == "1"


def test_dates_must_follow_each_other_and_keep_what_was_typed(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    _cycle_id, base = new_cycle(admin, world)
    bad = {"filing_from": stamp(5), "filing_until": stamp(2), "review_until": "改天"}
    answer = admin.post(f"{base}/dates", bad)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "例如 2031-05-16 18:00" in html
    assert 'value="改天"' in html
    bad["review_until"] = stamp(20)
    assert "要晚于填报开始" in admin.post(f"{base}/dates", bad).get_data(as_text=True)
    assert newest(world).filing_until is None
    good = {
        "filing_from": "2031-05-06",
        "filing_until": "2031年5月16日 18:00",
        "review_until": "2031/6/1 09:30",
    }
    assert admin.post(f"{base}/dates", good).status_code == 303
    cycle = newest(world)
    assert cycle.filing_from == datetime(2031, 5, 6, 10, tzinfo=UTC)
    assert cycle.filing_until == datetime(2031, 5, 16, 10, tzinfo=UTC)
    assert cycle.review_until == datetime(2031, 6, 1, 1, 30, tzinfo=UTC)


def test_a_stale_version_is_a_conflict(world: World, client_for: Callable[[str], Client]) -> None:
    admin = client_for("admin")
    _cycle_id, base = new_cycle(admin, world)
    assert admin.post(f"{base}/dates", {"version": 1, "filing_from": stamp(1)}).status_code == 303
    answer = admin.post(f"{base}/dates", {"version": 1, "filing_from": stamp(3)})
    assert answer.status_code == 409
    assert "有人刚刚改过" in answer.get_data(as_text=True)
    assert stamp(3) in answer.get_data(as_text=True)


def test_a_unit_without_a_lead_school_cannot_take_part(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    with world.write() as session:
        unit = Unit(code="g09", name="无首教育集团")
        other = Unit(code="g10", name="别处教育集团", rubric_key="another")
        session.add_all([unit, other])
        session.commit()
        ids = [unit.id, other.id]
    _cycle_id, base = new_cycle(admin, world)
    page = admin.text(f"{base}/units")
    assert "没有牵头学校，不能选" in page
    assert "别处教育集团" not in page
    answer = admin.post(f"{base}/units", {"unit": [ids[0]]})
    assert (answer.status_code, "还没有牵头学校" in answer.get_data(as_text=True)) == (422, True)
    assert admin.post(f"{base}/units", {"unit": [ids[1]]}).status_code == 422


def test_the_panel_needs_known_people_and_joins_by_login(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    cycle_id, base = new_cycle(admin, world)
    assert admin.post(f"{base}/panel", {"login": "nobody"}).status_code == 422
    assert admin.post(f"{base}/panel", {"chair": [99999]}).status_code == 422
    joined = {"chair": [world.users["chair"]], "login": "LEAD1", "combine": "trimmed", "then": "stay"}
    assert admin.post(f"{base}/panel", joined).status_code == 303
    with world.read() as session:
        given = session.exec(select(Grant).where(Grant.cycle_id == cycle_id)).all()
        have = {(g.user_id, g.role) for g in given}
    assert have == {(world.users["chair"], Role.CHAIR), (world.users["lead1"], Role.REVIEWER)}
    assert newest(world).combine == CombineRule.TRIMMED
    assert "甲山小学的填报人，自动回避该单位" in admin.text(f"{base}/panel")


def test_the_preview_lists_what_is_missing_and_refuses(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    _cycle_id, base = new_cycle(admin, world)
    text = admin.text(f"{base}/open")
    for said in (
        "还有 6 处裁定没有定",
        "还没有填报开始和截止时间",
        "还没有评分截止时间",
        "还没有选考核对象",
        "还没有考核组组长",
    ):
        assert said in text
    answer = admin.post(f"{base}/open", {"seen": "x"})
    assert answer.status_code == 409
    assert newest(world).state == CycleState.DRAFT


def test_opening_fixes_rubric_and_copies_the_schools(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    cycle_id, base = new_cycle(admin, world)
    prepare(admin, world, base)
    admin.post(f"{base}/rulings/long_stay", {"value": "none", "reason": "从严"})
    stale = admin.post(f"{base}/open", {"seen": "0" * 64})
    assert (stale.status_code, "刚刚有变化" in stale.get_data(as_text=True)) == (409, True)
    with world.write() as session:  # the register moves on until the opening
        session.add(
            session.merge(School(id=world.schools["s1"], code="s1", name="甲山实验小学", stage="小学"))
        )
        session.commit()
    wanted = loader.load(sample.SAMPLE).fingerprint(newest(world).rulings)
    assert wanted[:12] in admin.text(f"{base}/open")
    assert admin.post(f"{base}/open", {"seen": wanted}).status_code == 303
    cycle = newest(world)
    assert (cycle.state, cycle.fingerprint) == (CycleState.FILING, wanted)
    with world.read() as session:
        entries = session.exec(
            select(Entry).where(Entry.cycle_id == cycle_id).order_by(col(Entry.code))
        ).all()
        assert [(e.code, e.name, e.state) for e in entries] == [
            ("g01", "甲山教育集团", SubmissionState.OPEN),
            ("g02", "丁桥教育集团", SubmissionState.OPEN),
        ]
        schools = session.exec(select(EntrySchool).where(EntrySchool.entry_id == entries[0].id)).all()
        assert {(s.code, s.name, s.role) for s in schools} == {
            ("s1", "甲山实验小学", SchoolRole.LEAD),
            ("s2", "乙水小学", SchoolRole.MEMBER),
            ("s3", "丙林初级中学", SchoolRole.MEMBER),
        }
    assert logged(world, "cycle.open")[0].new == wanted
    # from here on nothing of it moves
    assert admin.post(f"{base}/rulings/long_stay", {"value": "same"}).status_code == 409
    assert admin.post(f"{base}/units", {"unit": []}).status_code == 409
    assert "从严" in admin.text(f"{base}/rulings")
    assert newest(world).rulings["long_stay"] == "none"


def test_a_newer_rubric_reaches_a_draft_and_drops_what_no_longer_fits(
    world: World, app: Any, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    _cycle_id, base = new_cycle(admin, world)
    admin.post(f"{base}/rulings/long_stay", {"value": "none", "reason": "从严"})
    with world.write() as session:
        cycle = newest(world)
        cycle.definition, cycle.rubric_version = "key = 'old'", "0"
        cycle.rulings = {**cycle.rulings, "bygone": "x"}
        session.add(session.merge(cycle))
        session.commit()
    assert admin.post(f"{base}/basics", {"title": "改名", "rubric": "sample"}).status_code == 303
    cycle = newest(world)
    assert (cycle.definition, cycle.rubric_version, cycle.title) == (sample.SAMPLE, "1", "改名")
    assert cycle.rulings == {"long_stay": "none"}
    assert logged(world, "ruling.dropped")[0].old == {"bygone": "x"}


def test_a_draft_can_be_thrown_away_an_opened_cycle_cannot(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    cycle_id, base = new_cycle(admin, world)
    prepare(admin, world, base)
    assert admin.post(f"{base}/delete").status_code == 303
    with world.read() as session:
        assert session.get(Cycle, cycle_id) is None
        assert session.exec(select(Grant).where(Grant.cycle_id == cycle_id)).all() == []
        assert session.exec(select(Entry).where(Entry.cycle_id == cycle_id)).all() == []
    assert admin.post(f"/bureau/cycles/{world.cycle_id}/delete").status_code == 409


def test_phases_go_on_when_the_warnings_are_accepted_and_back_with_a_reason(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    base = f"/bureau/cycles/{world.cycle_id}"
    text = admin.text(f"{base}/phase")
    assert "甲山教育集团" in text
    assert "还没有提交，未填的将按 0 分计" in text
    assert "学校不能再改填报内容" in text
    refused = admin.post(f"{base}/phase", {"to": "review"})
    assert (refused.status_code, "勾选后再继续" in refused.get_data(as_text=True)) == (422, True)
    assert admin.post(f"{base}/phase", {"to": "published", "accepted": "1"}).status_code == 409
    assert admin.post(f"{base}/phase", {"to": "review", "accepted": "1"}).status_code == 303
    assert admin.post(f"{base}/phase/back", {"reason": " "}).status_code == 422
    assert admin.post(f"{base}/phase/back", {"reason": "漏发通知"}).status_code == 303
    moves = [(e.old, e.new, e.reason) for e in logged(world, "cycle.state")]
    assert moves == [("filing", "review", ""), ("review", "filing", "漏发通知")]
    assert admin.post(f"{base}/phase/back", {"reason": "再退"}).status_code == 409


def test_publishing_needs_a_result(world: World, client_for: Callable[[str], Client]) -> None:
    world.move_to(CycleState.DELIBERATION)
    admin = client_for("admin")
    base = f"/bureau/cycles/{world.cycle_id}"
    assert "还没有冻结结果" in admin.text(f"{base}/phase")
    answer = admin.post(f"{base}/phase", {"to": "published", "accepted": "1"})
    assert answer.status_code == 409
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        assert cycle.state == CycleState.DELIBERATION


def test_dates_of_a_running_cycle_move_but_not_those_of_the_past(
    world: World, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    base = f"/bureau/cycles/{world.cycle_id}"
    with world.read() as session:
        before = session.get(Cycle, world.cycle_id)
        assert before is not None
        began = before.filing_from
    later = {"filing_from": stamp(-30), "filing_until": stamp(12), "review_until": stamp(40), "then": "stay"}
    assert admin.post(f"{base}/dates", later).status_code == 303
    missing = admin.post(f"{base}/dates", {"filing_until": "", "review_until": stamp(40)})
    assert missing.status_code == 422
    with world.read() as session:
        after = session.get(Cycle, world.cycle_id)
        assert after is not None
        assert after.filing_from == began
        assert after.filing_until is not None
        assert abs(after.filing_until - datetime.now(UTC) - timedelta(days=12)) < timedelta(hours=9)
