"""The school's pages as read: what to do first, states kept apart, read-only for the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from intranet.enums import CycleState, SchoolRole
from intranet.models import Cycle, Entry, EntrySchool
from tests.integration.filing_ground import at, save
from tests.world import Client, World

SignIn = Callable[[str], Client]


def test_one_running_entry_opens_at_once(world: World, client_for: SignIn) -> None:
    answer = client_for("lead1").get("/tasks")
    assert (answer.status_code, answer.location) == (302, at(world))


def test_several_entries_are_listed_and_past_ones_apart(world: World, client_for: SignIn) -> None:
    with world.write() as session:
        old = session.get(Cycle, world.cycle_id)
        assert old is not None
        past = Cycle(**old.model_dump(exclude={"id"}) | {"title": "往年考核", "state": CycleState.ARCHIVED})
        session.add(past)
        session.flush()
        entry = Entry(cycle_id=past.id or 0, unit_id=world.units["g01"], code="g01", name="甲山教育集团")
        session.add(entry)
        session.flush()
        school = EntrySchool(
            entry_id=entry.id or 0,
            school_id=world.schools["s1"],
            code="s1",
            name="甲山小学",
            role=SchoolRole.LEAD,
        )
        session.add(school)
        session.commit()
    text = client_for("lead1").text("/tasks")
    assert text.index("示例年度考核") < text.index("以往") < text.index("往年考核")


def test_overview_says_what_to_do_first(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    text = client.text(at(world))
    assert "下一步 章程：还没开始 共 2 处要填，满分 5 分。" in text
    assert "已完成指标 0 / 7" in text
    assert "缺材料 2 份" in text
    for name, value in {"A2.done": "true", "A2.上学期": "2", "A2.下学期": "2", "A2.no_plan": "false"}.items():
        save(client, world, "A2", name, value)
    text = client.text(at(world))
    assert "每学期召开理事会不少于2次(7分)：补 2 份材料" in text
    assert "现在少计 2 分，补上后可以加回。" in text
    assert "5 / 7" in text


def test_blank_zero_pending_and_not_applicable_look_different(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    assert "自评合计 未填 — / 7" in client.text(at(world, "A2"))
    save(client, world, "A2", "A2.done", "false")
    assert "自评合计 按填报内容和您的自评分 0 / 7" in client.text(at(world, "A2"))
    assert "自评合计 待全部单位提交后计算" in client.text(at(world, "B6"))
    assert client.get(at(world, "C2")).status_code == 404  # 未设分值: nothing to fill in
    assert "先填“有章程”" in client.text(at(world, "A1"))


@pytest.mark.parametrize("login", ["admin", "rev1", "leader", "auditor"])
def test_others_read_and_are_told_so_once(world: World, client_for: SignIn, login: str) -> None:
    save(client_for("lead1"), world, "A2", "A2.上学期", "2")
    client = client_for(login)
    for path in (at(world), at(world, "A2"), at(world, rest="/evidence"), at(world, rest="/check")):
        answer = client.get(path)
        assert answer.status_code == 200
        assert client.text(path).count("您可以查看这份填报，不能修改。") == 1
        assert "hx-post" not in answer.get_data(as_text=True)
    assert "理事会（上学期） 2 次" in client.text(at(world, "A2"))


def test_helpers_are_told_what_they_may_do(world: World, client_for: SignIn) -> None:
    client = client_for("helper1")
    page = client.get(at(world, "A2")).get_data(as_text=True)
    assert "各项由牵头学校填报。您可以上传材料、添加名册行，修改自己添加的。" in client.text(at(world, "A2"))
    assert "/answers" not in page.replace(f'action="{at(world, "A2", "/answers")}"', "")
    assert "/files" in page


def test_rulings_and_the_notices_own_words_stand_on_the_page(world: World, client_for: SignIn) -> None:
    page = client_for("lead1").get(at(world, "B1")).get_data(as_text=True)
    assert "教师交流3个月以上<b>0.3分/人</b>,6个月以上<b>0.5分/人</b>,最高<b>4分</b>" in page
    assert "裁定：满6个月怎样计分&emsp;<b>同上一档</b>" in page


def test_reading_writes_nothing(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    save(client, world, "A2", "A2.上学期", "2")
    database = world.settings.data / "intranet.db"
    before = database.read_bytes()
    for path in ("/tasks", at(world), at(world, "A2"), at(world, "B1"), at(world, rest="/check")):
        client.get(path)
    assert database.read_bytes() == before
