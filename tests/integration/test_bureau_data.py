"""The progress board and the bureau's own data: rows with versions, pasting, what does not apply."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from intranet.enums import CycleState, SubmissionState
from intranet.models import Answer, Cycle, Entry, FactRow, LogEntry, Return
from tests.world import Client, World, words


@pytest.fixture
def base(world: World) -> str:
    return f"/bureau/cycles/{world.cycle_id}"


def answers(world: World, key: str, owner: str = "bureau") -> dict[tuple[int, int], Any]:
    with world.read() as session:
        found = session.exec(select(Answer).where(Answer.owner == owner, Answer.key == key))
        return {(a.entry_id, a.school_id): a.value for a in found}


def set_entry(world: World, code: str, state: SubmissionState) -> None:
    with world.write() as session:
        entry = session.get(Entry, world.entries[code])
        assert entry is not None
        entry.state, entry.round, entry.submitted_at = state, 1, datetime.now(UTC)
        session.add(entry)
        session.commit()


def row_of(html: str, row_id: str) -> str:
    found = re.search(rf'<tr id="{row_id}".*?</tr>', html, re.S)
    assert found is not None, row_id
    return found[0]


# --- rows ----------------------------------------------------------------------------------------


def test_each_unit_and_each_school_has_a_row(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    html = client_for("admin").get(f"{base}/data").get_data(as_text=True)
    assert html.count('<tr id="data-0-') == 2  # absences, per unit
    assert html.count('<tr id="data-1-') == 5  # grades, per member school
    assert "2 行没填全" in words(html)
    assert "5 行没填全" in words(html)
    assert client_for("lead1").get(f"{base}/data").status_code == 403
    assert client_for("leader").get(f"{base}/data").status_code == 403


def test_a_row_is_saved_logged_and_answers_with_the_next_version(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin, g01 = client_for("admin"), world.entries["g01"]
    url = f"{base}/data/{g01}/0/T.unit"
    answer = admin.post(url, {"f.0": "２ 次", "v.0": "0", "op": "a"}, htmx=True)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert 'name="v.0" value="1"' in html
    assert 'value="2"' in html
    assert "已保存" in words(html)
    assert answers(world, "absences") == {(g01, 0): 2}
    again = admin.post(url, {"f.0": "2", "v.0": "0", "op": "a"}, htmx=True)  # the answer got lost
    assert (again.status_code, 'name="v.0" value="1"' in again.get_data(as_text=True)) == (200, True)
    with world.read() as session:
        entry = session.exec(select(LogEntry).where(LogEntry.action == "data.save")).one()
        assert (entry.subject, entry.old, entry.new, entry.entry_id) == ("absences", None, 2, g01)
    assert admin.post(url, {"f.0": "", "v.0": "1", "op": "b"}).status_code == 303  # without htmx
    assert answers(world, "absences") == {(g01, 0): None}


def test_a_bad_value_stays_in_its_field(world: World, base: str, client_for: Callable[[str], Client]) -> None:
    admin, g01 = client_for("admin"), world.entries["g01"]
    answer = admin.post(f"{base}/data/{g01}/0/T.unit", {"f.0": "两次", "v.0": "0"}, htmx=True)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="两次"' in html
    assert "请填整数" in html
    assert answers(world, "absences") == {}


def test_a_stale_row_shows_both_values_and_loses_neither(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin, g01 = client_for("admin"), world.entries["g01"]
    school = world.schools["s2"]
    url = f"{base}/data/{g01}/{school}/B4.member"
    admin.post(url, {"f.0": "甲等", "v.0": "0", "op": "a"}, htmx=True)
    answer = admin.post(url, {"f.0": "丙等", "v.0": "0", "op": "b"}, htmx=True)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "别人刚存了 甲等" in words(html)
    assert '<option value="丙等" selected>' in html
    assert answers(world, "grade") == {(g01, school): "甲等"}
    assert admin.post(url, {"f.0": "丙等", "v.0": "1", "op": "c"}, htmx=True).status_code == 200
    assert answers(world, "grade") == {(g01, school): "丙等"}


def test_rows_of_other_cycles_and_unknown_fields_do_not_exist(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin, g01 = client_for("admin"), world.entries["g01"]
    assert (
        admin.post(f"{base}/data/{g01}/{world.schools['s4']}/B4.member", {"f.0": "甲等"}).status_code == 404
    )
    assert admin.post(f"{base}/data/{g01}/0/B9.unit", {"f.0": "1"}).status_code == 404
    assert admin.post(f"{base}/data/999/0/T.unit", {"f.0": "1"}).status_code == 404


def test_published_data_is_fixed(world: World, base: str, client_for: Callable[[str], Client]) -> None:
    world.move_to(CycleState.PUBLISHED)
    admin, g01 = client_for("admin"), world.entries["g01"]
    assert "这里只能看" in admin.text(f"{base}/data")
    assert admin.post(f"{base}/data/{g01}/0/T.unit", {"f.0": "1", "v.0": "0"}).status_code == 409
    assert answers(world, "absences") == {}


# --- paste ---------------------------------------------------------------------------------------


def test_pasted_rows_are_stored_by_name_or_code(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    text = "学校\t等第\n甲山小学\t甲等\ns2\t 乙等\n丙林初级中学\t\n"
    assert admin.post(f"{base}/data/paste/B4.member", {"text": text}).status_code == 303
    g01 = world.entries["g01"]
    assert answers(world, "grade") == {(g01, world.schools["s1"]): "甲等", (g01, world.schools["s2"]): "乙等"}


def test_one_wrong_row_stores_nothing_and_names_its_place(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin = client_for("admin")
    text = "甲山小学\t甲等\n无名小学\t甲等\n乙水小学\t一等\n甲山小学\t乙等\n丁桥小学\t甲等\t多"
    answer = admin.post(f"{base}/data/paste/B4.member", {"text": text})
    said = words(answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert "有 4 处要改，一行都没有保存" in said
    assert "第 2 行：没有“无名小学”" in said
    assert "第 3 行 质量等第：没有“一等”这一选项" in said
    assert "第 4 行：“甲山小学”重复了" in said
    assert "第 5 行：列数太多" in said
    assert "无名小学 甲等" in said  # what was pasted is still there
    assert answers(world, "grade") == {}


# --- what does not apply -------------------------------------------------------------------------


def test_a_material_that_cannot_apply_is_not_counted_as_missing(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin, g01 = client_for("admin"), world.entries["g01"]
    form = {"entry": g01, "key": "A2#2", "reason": ""}
    assert "请写明理由" in words(admin.post(f"{base}/data/slot", form).get_data(as_text=True))
    form["reason"] = "理事会当年新设"
    assert admin.post(f"{base}/data/slot", form).status_code == 303
    assert answers(world, "A2#2") == {(g01, 0): "na"}
    assert "理事会当年新设" in admin.text(f"{base}/data")
    assert admin.post(f"{base}/data/slot", {**form, "key": "A2#9"}).status_code == 422
    assert admin.post(f"{base}/data/slot", {**form, "applies": "1"}).status_code == 303
    assert answers(world, "A2#2") == {(g01, 0): None}


def test_a_waived_clause_is_kept_with_its_reason(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin, g02 = client_for("admin"), world.entries["g02"]
    assert admin.post(f"{base}/data/exempt", {"entry": g02, "code": "T", "reason": "全免"}).status_code == 422
    assert (
        admin.post(f"{base}/data/exempt", {"entry": g02, "code": "B4", "reason": "当年新建"}).status_code
        == 303
    )
    with world.read() as session:
        entry = session.get(Entry, g02)
        assert entry is not None
        assert entry.exempt == ["B4"]
    assert "当年新建" in admin.text(f"{base}/data")
    cancel = {"entry": g02, "code": "B4", "reason": "取消免评", "applies": "1"}
    assert admin.post(f"{base}/data/exempt", cancel).status_code == 303
    with world.read() as session:
        entry = session.get(Entry, g02)
        assert entry is not None
        assert entry.exempt == []


# --- progress ------------------------------------------------------------------------------------


def test_the_board_shows_each_indicator_of_each_unit(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    set_entry(world, "g02", SubmissionState.SUBMITTED)
    with world.write() as session:
        for key in ("A1.1.charter", "A1.1.council"):
            session.add(
                Answer(
                    entry_id=world.entries["g01"],
                    owner="school",
                    key=key,
                    value=True,
                    changed_by=world.users["lead1"],
                )
            )
        session.commit()
    admin = client_for("admin")
    html = admin.get(f"{base}/progress").get_data(as_text=True)
    text = words(html)
    assert "全部 2" in text
    assert "已提交 1" in text
    assert 'title="甲山教育集团&emsp;章程：填报中"' in html
    assert 'title="丁桥教育集团&emsp;章程：已提交"' in html
    assert html.index("甲山教育集团&emsp;章程") < html.index("丁桥教育集团&emsp;章程")  # least done first
    only = admin.get(f"{base}/progress?show=submitted").get_data(as_text=True)
    assert "丁桥教育集团&emsp;章程" in only
    assert "甲山教育集团&emsp;章程" not in only
    one = admin.get(f"{base}/progress?dimension=A").get_data(as_text=True)
    assert "章程：填报中" in one
    assert "市级奖励" not in one
    assert "没有符合条件的单位" in admin.text(f"{base}/progress?show=back")


def test_returning_unlocks_only_what_was_chosen_and_once(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin, g01 = client_for("admin"), world.entries["g01"]
    url = f"{base}/progress/{g01}/return"
    form = {"codes": ["A2"], "reason": "签到表缺日期", "op": "r1"}
    assert admin.post(url, form).status_code == 409  # not handed in, so nothing is locked
    set_entry(world, "g01", SubmissionState.SUBMITTED)
    assert admin.post(url, {**form, "codes": []}).status_code == 422
    assert admin.post(url, {**form, "codes": ["A2", "Z"]}).status_code == 422
    empty = admin.post(url, {**form, "reason": " "})
    assert (empty.status_code, 'value="A2"' in empty.get_data(as_text=True)) == (422, True)
    assert admin.post(url, form).status_code == 303
    assert admin.post(url, form).status_code == 303
    with world.read() as session:
        found = session.exec(select(Return)).one()
        assert (found.entry_id, found.codes, found.reason) == (g01, ["A2"], "签到表缺日期")
        entry = session.get(Entry, g01)
        assert entry is not None
        assert entry.state == SubmissionState.RETURNED
        logged = session.exec(select(LogEntry).where(LogEntry.action == "entry.return")).one()
        assert (logged.subject, logged.reason) == ("A2", "签到表缺日期")
    assert "签到表缺日期" in admin.text(f"{base}/progress/{g01}")
    twice = admin.post(url, {"codes": ["A2"], "reason": "再退", "op": "r2"})
    assert "已经退回" in words(twice.get_data(as_text=True))
    assert client_for("chair").post(url, form).status_code == 403


def test_one_unit_gets_more_time_with_a_reason(
    world: World, base: str, client_for: Callable[[str], Client]
) -> None:
    admin, g01 = client_for("admin"), world.entries["g01"]
    url = f"{base}/progress/{g01}/extend"

    def at(days: int) -> str:
        return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")

    assert "要晚于统一的填报截止时间" in words(
        admin.post(url, {"until": at(5), "reason": "停电"}).get_data(as_text=True)
    )
    assert admin.post(url, {"until": at(14), "reason": ""}).status_code == 422
    assert admin.post(url, {"until": "后天", "reason": "停电"}).status_code == 422
    assert admin.post(url, {"until": at(14), "reason": "停电"}).status_code == 303
    with world.read() as session:
        entry = session.get(Entry, g01)
        assert entry is not None
        assert entry.extended_until is not None
        assert abs(entry.extended_until - datetime.now(UTC) - timedelta(days=14)) < timedelta(hours=9)
    set_entry(world, "g01", SubmissionState.SUBMITTED)
    assert admin.post(url, {"until": at(16), "reason": "再延"}).status_code == 409


def test_a_draft_has_no_board(world: World, client_for: Callable[[str], Client]) -> None:
    admin = client_for("admin")
    admin.post("/bureau/cycles/new", {"title": "草稿", "rubric": "sample", "op": "d"})
    with world.read() as session:
        cycle = session.exec(select(Cycle).order_by(col(Cycle.id).desc())).first()
        assert cycle is not None
    answer = admin.get(f"/bureau/cycles/{cycle.id}/progress")
    assert (answer.status_code, answer.location) == (303, f"/bureau/cycles/{cycle.id}")


def test_the_number_of_queries_does_not_grow_with_the_rows(
    world: World, base: str, app: Any, client_for: Callable[[str], Client]
) -> None:
    import sqlalchemy as sa

    admin = client_for("admin")
    seen: list[str] = []
    sa.event.listen(app.extensions["intranet"].engine, "before_cursor_execute", lambda *a: seen.append(a[2]))

    def count(path: str) -> int:
        seen.clear()
        assert admin.get(path).status_code == 200
        return sum(s.lstrip().upper().startswith("SELECT") for s in seen)

    pages = ("progress", "data", "freeze")
    before = {page: count(f"{base}/{page}") for page in pages}
    with world.write() as session:
        for n in range(30):
            cells = {"winner": f"获奖者{n}", "level": "市级"}
            session.add(
                FactRow(
                    entry_id=world.entries["g01"],
                    table="awards",
                    position=n,
                    cells=cells,
                    created_by=world.users["lead1"],
                )
            )
        session.commit()
    assert {page: count(f"{base}/{page}") for page in pages} == before
