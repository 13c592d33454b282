"""Fields, slots and own scores: what is stored, refused, kept apart, and who may."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from intranet.enums import CycleState
from tests.integration.filing_ground import answers, at, hidden, log, marks, return_for, save, upload
from tests.world import Client, World, words

SignIn = Callable[[str], Client]


def test_a_field_is_saved_as_it_is_read_and_answers_with_what_changed(
    world: World, client_for: SignIn
) -> None:
    client = client_for("lead1")
    answer = save(client, world, "A2", "A2.上学期", "２ 次")
    assert answer.status_code == 200
    html = answer.get_data(as_text=True)
    assert 'data-stored="2"' in html
    assert 'id="ledger" hx-swap-oob="true"' in html
    assert "下学期未填，暂按 0 次" in words(html)
    assert answers(world) == {"A2.上学期": (2, 1)}
    logged = log(world, "answer.save")
    assert [(x.subject, x.old, x.new, x.user_name) for x in logged] == [("A2.上学期", None, 2, "填报甲")]


@pytest.mark.parametrize(
    ("code", "name", "text", "message"),
    [
        ("A2", "A2.上学期", "两次", "“两次”不是数"),
        ("A2", "A2.上学期", "-1", "不能小于 0"),
        ("A2", "A2.上学期", "1.5", "不是整数"),
        ("A2", "A2.done", "也许", "请填“是”或“否”"),
    ],
)
def test_what_cannot_be_read_stays_in_the_field(
    world: World, client_for: SignIn, code: str, name: str, text: str, message: str
) -> None:
    client = client_for("lead1")
    answer = save(client, world, code, name, text)
    assert answer.status_code == 422
    assert message in words(answer.get_data(as_text=True))
    assert "data-unsaved" in answer.get_data(as_text=True)
    whole = client.post(at(world, code, "/answers"), {f"f:{name}": text, f"version:{name}": 0})
    assert whole.status_code == 422
    assert message in words(whole.get_data(as_text=True))
    if name != "A2.done":
        assert f'value="{text}"' in whole.get_data(as_text=True)
    assert answers(world) == {}


def test_the_whole_form_without_script_is_all_or_nothing(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    form = {"f:A2.done": "true", "f:A2.上学期": "2", "f:A2.下学期": "x"}
    assert client.post(at(world, "A2", "/answers"), form).status_code == 422
    assert answers(world) == {}
    good = client.post(at(world, "A2", "/answers"), form | {"f:A2.下学期": "3"})
    assert (good.status_code, good.location) == (303, at(world, "A2"))
    assert answers(world) == {"A2.done": (True, 1), "A2.上学期": (2, 1), "A2.下学期": (3, 1)}


def test_a_stale_save_shows_both_and_loses_nothing(world: World, client_for: SignIn) -> None:
    first, second = client_for("lead1"), client_for("lead1")
    assert save(first, world, "B3", "teachers", "100", op="tab-one").status_code == 200
    answer = save(second, world, "B3", "teachers", "120", op="tab-two")
    assert answer.status_code == 409
    html = answer.get_data(as_text=True)
    assert "有人刚刚改过这一项。 现在存的是“100 人”。" in words(html)
    assert answers(world)["teachers"] == (100, 1)
    again = save(second, world, "B3", "teachers", "120", version=int(hidden(html, "version:teachers")))
    assert again.status_code == 200
    assert answers(world)["teachers"] == (120, 2)


def test_a_save_sent_twice_is_one_save_and_newer_text_goes_on_from_it(
    world: World, client_for: SignIn
) -> None:
    client = client_for("lead1")
    for _time in range(2):
        assert save(client, world, "B3", "teachers", "100", op="same").status_code == 200
    assert answers(world)["teachers"] == (100, 1)
    assert len(log(world, "answer.save")) == 1
    assert save(client, world, "B3", "teachers", "101", op="same").status_code == 200
    assert answers(world)["teachers"] == (101, 2)


def test_blank_zero_and_no_stay_apart(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    save(client, world, "A2", "A2.上学期", "0")
    save(client, world, "A2", "A2.no_plan", "false")
    assert answers(world) == {"A2.上学期": (0, 1), "A2.no_plan": (False, 1)}
    save(client, world, "A2", "A2.上学期", "", version=1)
    assert answers(world)["A2.上学期"] == (None, 2)


def test_bureau_and_panel_fields_cannot_be_reached_by_naming_them(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    assert save(client, world, "B4", "grade@s1", "甲等").status_code == 403
    assert save(client, world, "A2", "A2.quality", "0").status_code == 403
    assert save(client, world, "A2", "absences", "0").status_code == 404
    assert save(client, world, "A1", "A2.上学期", "2").status_code == 404
    assert answers(world) == {}


@pytest.mark.parametrize(
    ("login", "status"),
    [("helper1", 403), ("member1", 404), ("lead2", 404), ("admin", 403), ("rev1", 403)],
)
def test_only_the_lead_school_fills_in(world: World, client_for: SignIn, login: str, status: int) -> None:
    client = client_for(login)
    assert save(client, world, "A2", "A2.上学期", "2").status_code == status
    assert client.post(at(world, "A2", "/slots"), {"slot": "A2#1", "absent": "1"}).status_code == status
    assert client.post(at(world, "A1", "/self/A1.1"), {"points": "1"}).status_code == status
    assert answers(world) == {}
    assert marks(world) == {}


def test_pages_of_other_units_are_as_if_there_were_none(world: World, client_for: SignIn) -> None:
    client = client_for("lead2")
    foreign, absent = client.get(at(world, "A2")), client.get("/entries/9999/indicators/A2")
    assert foreign.status_code == absent.status_code == 404
    assert words(foreign.get_data(as_text=True)) == words(absent.get_data(as_text=True))


# --- slots ---------------------------------------------------------------------------------------


def test_absence_is_said_taken_back_and_ended_by_a_file(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    save(client, world, "A2", "A2.done", "true")
    answer = client.post(at(world, "A2", "/slots"), {"slot": "A2#1", "absent": "1"}, htmx=True)
    assert "已注明确实没有，少计 1 分" in words(answer.get_data(as_text=True))
    assert answers(world)["A2#1"][0] is False
    client.post(at(world, "A2", "/slots"), {"slot": "A2#1", "absent": ""}, htmx=True)
    assert answers(world)["A2#1"][0] is None
    client.post(at(world, "A2", "/slots"), {"slot": "A2#1", "absent": "1"}, htmx=True)
    upload(client, world, "A2", "slot:A2#1", ("方案.txt", "会议方案".encode()))
    assert answers(world)["A2#1"][0] is None
    refused = client.post(at(world, "A2", "/slots"), {"slot": "A2#1", "absent": "1"}, htmx=True)
    assert refused.status_code == 422
    assert "这里已有文件" in words(refused.get_data(as_text=True))
    assert client.post(at(world, "A2", "/slots"), {"slot": "A2#9", "absent": "1"}).status_code == 404


# --- own scores ----------------------------------------------------------------------------------


def own(client: Client, world: World, code: str, leaf: str, **form: str) -> tuple[int, str]:
    answer = client.post(at(world, code, f"/self/{leaf}"), form, htmx=True)
    return answer.status_code, words(answer.get_data(as_text=True))


def test_own_score_follows_the_facts_until_changed_with_a_reason(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    save(client, world, "A1", "A1.1.charter", "true")
    save(client, world, "A1", "A1.1.council", "false")
    page = client.get(at(world, "A1")).get_data(as_text=True)
    assert 'name="points" value="1"' in page
    status, text = own(client, world, "A1", "A1.1", points="2")
    assert status == 422
    assert "与按填报内容算得的 1 不同，请写明理由。" in text
    assert marks(world) == {}
    status, text = own(client, world, "A1", "A1.1", points="2", reason="理事会已换届")
    assert (status, "按填报内容算得 1" in text) == (200, True)
    mark = marks(world)["A1.1"]
    assert (mark.points, mark.computed, mark.reason, mark.user_id) == (
        Fraction(2),
        Fraction(1),
        "理事会已换届",
        0,
    )
    save(client, world, "A1", "A1.1.council", "true", version=1)
    text = client.text(at(world, "A1"))
    assert "填报内容已变" not in text  # the facts have come to what was said
    assert "按填报内容算得 2" in text
    status, _text = own(client, world, "A1", "A1.1", points="2", version="1")
    assert status == 200
    assert marks(world)["A1.1"].points is None
    assert [x.new["points"] for x in log(world, "self.save")] == ["2", None]


def test_an_own_score_is_kept_beside_facts_that_changed(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    save(client, world, "A1", "A1.1.charter", "true")
    save(client, world, "A1", "A1.1.council", "false")
    own(client, world, "A1", "A1.1", points="2", reason="理事会已换届")
    save(client, world, "A1", "A1.1.charter", "false", version=1)
    assert "填报内容已变，现在算得 0，请核对 仍用 2" in client.text(at(world, "A1"))
    # The same said again changes nothing: only who has looked may say so.
    own(client, world, "A1", "A1.1", points="2", reason="理事会已换届", version="1")
    assert "填报内容已变" in client.text(at(world, "A1"))
    status, text = own(
        client, world, "A1", "A1.1", points="2", reason="理事会已换届", version="1", looked="1"
    )
    assert (status, "按填报内容算得 0" in text) == (200, True)
    assert "填报内容已变" not in client.text(at(world, "A1"))
    assert marks(world)["A1.1"].version == 1
    assert log(world, "self.save")[-1].new == {"computed": "0"}


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("3.5", "请填 0 — 3"),
        ("-1", "请填 0 — 3"),
        ("1.234", "小数最多 2 位"),
        ("abc", "请填数字"),
        ("1/3", "请填数字"),
    ],
)
def test_own_score_is_refused_never_clipped(
    world: World, client_for: SignIn, points: str, message: str
) -> None:
    client = client_for("lead1")
    save(client, world, "A1", "A1.1.charter", "true")
    status, text = own(client, world, "A1", "A1.2", points=points)
    assert status == 422
    assert message in text
    page = client.post(at(world, "A1", "/self/A1.2"), {"points": points})
    assert (page.status_code, f'value="{points}"' in page.get_data(as_text=True)) == (422, True)
    assert marks(world) == {}


def test_judged_clauses_take_a_number_or_a_conclusion(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    save(client, world, "A1", "A1.1.charter", "true")
    assert own(client, world, "A1", "A1.2", points="2.50")[0] == 200
    assert own(client, world, "C1", "C1.1", verdict="良")[0] == 200
    assert own(client, world, "C1", "C1.1", verdict="特优", version="1")[0] == 422
    assert own(client, world, "C1", "C1", points="5")[0] == 404
    stored = marks(world)
    assert stored["A1.2"].points == Fraction(5, 2)
    assert (stored["C1.1"].verdict, stored["C1.1"].points) == ("良", None)
    assert "3.5 / 5" in client.text(at(world, "A1"))  # 1 computed, 2.5 own


def test_two_people_scoring_the_same_clause(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    save(client, world, "A1", "A1.1.charter", "true")
    assert own(client, world, "A1", "A1.2", points="2", version="0")[0] == 200
    status, text = own(client, world, "A1", "A1.2", points="1", version="0")
    assert status == 409
    assert "现在存的是 2。" in text
    assert marks(world)["A1.2"].points == 2


# --- when ----------------------------------------------------------------------------------------


def test_after_the_phase_the_page_reads_and_says_why_once(world: World, client_for: SignIn) -> None:
    world.move_to(CycleState.REVIEW)
    client = client_for("lead1")
    answer = save(client, world, "A2", "A2.上学期", "2")
    assert answer.status_code == 409
    assert "填报已结束，现在是评分阶段" in words(answer.get_data(as_text=True))
    text = client.text(at(world, "A2"))
    assert text.count("填报已结束，现在是评分阶段") == 1
    assert "hx-post" not in client.get(at(world, "A2")).get_data(as_text=True)
    assert answers(world) == {}


def test_a_return_unlocks_only_what_it_names(world: World, client_for: SignIn) -> None:
    return_for(world, "A2")
    client = client_for("lead1")
    assert save(client, world, "A2", "A2.上学期", "2").status_code == 200
    locked = save(client, world, "B3", "teachers", "100")
    assert locked.status_code == 409
    assert "只退回了 A2，其他指标仍然锁定。" in words(locked.get_data(as_text=True))
    assert "退回修改：签到表不清" in client.text(at(world, "A2"))
    assert answers(world) == {"A2.上学期": (2, 1)}
