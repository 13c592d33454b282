"""The scoring page: what it shows, what it stores, what it refuses, what stays hidden."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from intranet.domain.marking import Given
from intranet.domain.review import save_marks
from intranet.enums import CycleState, Role, SubmissionState
from intranet.errors import Conflict, DomainError, Invalid, NotFound
from intranet.models import Cycle, Entry, Grant, Return
from tests.integration.panel_ground import (
    attach,
    change,
    give_school,
    item,
    log,
    marks,
    more_units,
    said,
    submit,
)
from tests.world import Client, World

SignIn = Callable[[str], Client]


def url(world: World, code: str, unit: str = "g01") -> str:
    return f"/panel/entries/{world.entries[unit]}/indicators/{code}"


def form_of(client: Client, path: str) -> dict[str, Any]:
    """The fields of the scoring form as a browser without script would send them."""
    html = client.get(path).get_data(as_text=True)
    form = html[html.index('id="score-form"') :]
    form = form[: form.index("</form>")]
    out: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        chosen = "checked" in tag or not re.search(r'type="(radio|checkbox)"', tag)
        if name and chosen and " disabled" not in tag and name[1] != "csrf_token":
            found = value[1] if value else ""
            if name[1] in out:
                out[name[1]] = [*(out[name[1]] if isinstance(out[name[1]], list) else [out[name[1]]]), found]
            else:
                out[name[1]] = found
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>([^<]*)</textarea>', form):
        out[name] = text
    return out


# --- what the page shows --------------------------------------------------------------------------


def test_the_page_shows_requirement_slots_facts_and_ledger(world: World, client_for: SignIn) -> None:
    submit(world)
    attach(world, "g01", "slot:A2#1", "方案.pdf")
    text = said(client_for("rev1"), url(world, "A2"))
    assert "每学期召开理事会不少于2次(7分)" in text
    assert "已齐 1， 缺 1 会议纪要 缺 声明没有 会议方案 1" in text
    assert "理事会（上学期） 2 次 理事会（下学期） 1 次" in text
    assert "少理事会 1 次 1×2（上学期 2 次，下学期 1 次，应 2 次） −2" in text
    assert "缺材料：会议纪要 −1 扣 3，得 4 系统建议 4" in text
    assert "少一样材料 系统建议：缺会议纪要 −1" in text


def test_computed_leaves_are_prefilled_so_that_enter_confirms(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2"))
    assert form["points.A2"] == "4"
    assert form["ded.A2"] == ["event.理事会", "materials"]
    answer = client.post(url(world, "A2"), form)
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(
        f"/panel/entries/{world.entries['g02']}/indicators/A2?by=indicator"
    )
    stored = marks(world, "A2")["rev1"]
    assert (stored.role, stored.points, stored.computed) == ("panel", Fraction(4), Fraction(4))
    assert stored.version == 1
    assert [d["key"] for d in stored.deductions] == ["event.理事会", "materials"]
    (entry,) = log(world, "mark.save")
    assert (entry.subject, entry.old, entry.new["points"]) == ("A2", None, "4")


def test_a_judged_leaf_is_not_prefilled(world: World, client_for: SignIn) -> None:
    submit(world)
    form = form_of(client_for("rev1"), url(world, "A1"))
    assert (form["points.A1.1"], form["points.A1.2"]) == ("1", "")


def test_an_evidence_chip_is_a_plain_link(world: World, client_for: SignIn) -> None:
    submit(world)
    attach(world, "g01", "slot:A2#1", "方案.pdf")
    second = attach(world, "g01", "slot:A2#2", "纪要.docx", "application/msword")
    client = client_for("rev1")
    html = client.get(url(world, "A2")).get_data(as_text=True)
    assert f'href="?file={second}&amp;by=indicator"' in html or f'href="?file={second}&by=indicator"' in html
    assert 'src="/files/1/preview#' in html
    shown = client.get(f"{url(world, 'A2')}?file={second}").get_data(as_text=True)
    assert 'src="/files/1/preview"' not in shown
    assert "这种文件不能在页面里看，请下载后打开。" in shown


# --- what it stores -------------------------------------------------------------------------------


def test_several_leaves_are_saved_together(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A1")) | {"points.A1.1": "1", "points.A1.2": "２．５"}
    assert client.post(url(world, "A1"), form).status_code == 303
    assert marks(world, "A1.1")["rev1"].points == 1
    assert marks(world, "A1.2")["rev1"].points == Fraction(5, 2)


def test_a_changed_mark_keeps_old_and_new_in_the_log(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    client.post(url(world, "A2"), form_of(client, url(world, "A2")))
    changed = form_of(client, url(world, "A2")) | {"points.A2": "3.5", "reason.A2": "纪要过简"}
    assert client.post(url(world, "A2"), changed).status_code == 303
    last = log(world, "mark.save")[-1]
    assert (last.old["points"], last.new["points"], last.reason) == ("4", "3.5", "纪要过简")
    assert marks(world, "A2")["rev1"].version == 2


def test_an_unchanged_mark_is_no_change(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    for _again in range(2):
        client.post(url(world, "A2"), form_of(client, url(world, "A2")))
    assert marks(world, "A2")["rev1"].version == 1
    assert len(log(world, "mark.save")) == 1


def test_the_same_form_sent_twice_saves_once(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2"))
    again = form | {"points.A2": "7", "reason.A2": "重复"}
    assert client.post(url(world, "A2"), form).status_code == 303
    assert client.post(url(world, "A2"), again).status_code == 303
    assert marks(world, "A2")["rev1"].points == 4


def test_a_verdict_is_the_assessors_role(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "C1")) | {"verdict.C1.1": "良", "points.C1.2": "0"}
    assert client.post(url(world, "C1"), form).status_code == 303
    stored = marks(world, "C1.1")["rev1"]
    assert (stored.role, stored.verdict, stored.points) == ("visit", "良", Fraction(6))


def test_doubtful_is_laid_aside_without_a_number(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A1")) | {"do": "doubt"}
    assert client.post(url(world, "A1"), form).status_code == 303
    stored = marks(world, "A1.2")["rev1"]
    assert (stored.doubtful, stored.points) == (True, None)
    assert "存疑 2" in said(client, f"/panel/cycles/{world.cycle_id}")


def test_buttons_work_without_script_and_save_nothing(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2"))
    for do, points in (
        ("toggle:A2:materials", "5"),
        ("toggle:A2:not_done", "0"),
        ("up:A2", "4.1"),
        ("down:A2", "3.9"),
    ):
        answer = client.post(url(world, "A2"), form | {"do": do})
        assert answer.status_code == 200
        box = re.search(r'name="points.A2" value="([^"]*)"', answer.get_data(as_text=True))
        assert box is not None
        assert box[1] == points, do
    assert "rev1" not in marks(world, "A2")


def test_htmx_is_sent_on_and_gets_the_form_back_when_refused(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2"))
    refused = client.post(url(world, "A2"), form | {"points.A2": "8"}, htmx=True)
    html = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert html.lstrip().startswith(f'<div class="panel bench-score" id="score-{world.entries["g01"]}"')
    assert 'value="8"' in html
    saved = client.post(url(world, "A2"), form, htmx=True)
    assert (saved.status_code, saved.headers["HX-Redirect"]) == (
        204,
        f"{url(world, 'A2', 'g02')}?by=indicator",
    )


# --- what it refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("-1", "请填 0 — 7"),
        ("7.1", "请填 0 — 7"),
        ("3.333", "小数最多 2 位"),
        ("NaN", "不是分数，请填 2.5 这样的数"),
        ("1e1", "不是分数"),
        ("四", "不是分数"),
        ("", "请填写分数"),
        ("5", "与系统建议 4 分不同，请写明理由"),
    ],
)
def test_a_refused_mark_keeps_what_was_typed(
    world: World, client_for: SignIn, points: str, message: str
) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2")) | {"points.A2": points}
    answer = client.post(url(world, "A2"), form)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert message in html
    assert f'name="points.A2" value="{points}"' in html
    assert "rev1" not in marks(world, "A2")


def test_one_wrong_leaf_stores_none(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A1")) | {"points.A1.2": "2"}
    answer = client.post(url(world, "A1"), form)
    assert answer.status_code == 422
    assert "低于自评 2.5 分，请写明理由。" in answer.get_data(as_text=True)
    assert "rev1" not in marks(world, "A1.1")


def test_a_stale_version_shows_both_and_lets_one_choose(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    early = form_of(client, url(world, "A2"))
    late = form_of(client, url(world, "A2")) | {"points.A2": "3", "reason.A2": "甲窗口"}
    assert client.post(url(world, "A2"), late).status_code == 303
    answer = client.post(url(world, "A2"), early | {"points.A2": "2", "reason.A2": "乙窗口"})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "另一个窗口已存：<b>3</b>（甲窗口）" in html
    assert 'name="points.A2" value="2"' in html
    assert "乙窗口" in html
    assert marks(world, "A2")["rev1"].points == 3
    again = early | {"points.A2": "2", "reason.A2": "乙窗口", "version.A2": "1"}
    assert 'name="version.A2" value="1"' in html
    assert client.post(url(world, "A2"), again).status_code == 303
    assert marks(world, "A2")["rev1"].points == 2


@pytest.mark.parametrize(
    ("indicator", "code", "why"),
    [
        ("B4", "B4", "不用评分：待全部单位提交后计算"),
        ("A1", "A1", "不在这一页上"),
        ("A2", "ZZ", "不在这一页上"),
    ],
)
def test_the_domain_refuses_marks_on_what_is_no_leaf_or_not_marked(
    world: World, indicator: str, code: str, why: str
) -> None:
    submit(world)
    with world.write() as session:
        cycle, rubric, here = item(session, world, indicator)
        given = [Given(code, points=Fraction(1))]
        with pytest.raises(Invalid) as refused:
            save_marks(session, world.actor("rev1"), cycle, rubric, here, given, at=cycle.created_at)
    assert why in refused.value.problems[code]


def test_the_domain_refuses_strangers_and_stale_versions(world: World) -> None:
    submit(world)
    stranger, reviewer = world.actor("lead1"), world.actor("rev1")
    with world.write() as session:
        cycle, rubric, here = item(session, world, "A2")
        given, at = [Given("A2", points=Fraction(4))], cycle.created_at
        with pytest.raises(NotFound):
            save_marks(session, stranger, cycle, rubric, here, given, at=at)
        save_marks(session, reviewer, cycle, rubric, here, given, at=at)
        with pytest.raises(Conflict) as conflict:
            save_marks(session, reviewer, cycle, rubric, here, given, at=at)
        assert isinstance(conflict.value.theirs, dict)
        assert conflict.value.theirs["A2"].points == 4
        cycle.state = CycleState.PUBLISHED
        with pytest.raises(DomainError, match="公示阶段"):
            save_marks(session, reviewer, cycle, rubric, here, given, at=at)


# --- who and when ---------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [CycleState.FILING, CycleState.DELIBERATION, CycleState.PUBLISHED])
def test_a_first_score_is_taken_in_review_only(world: World, client_for: SignIn, state: CycleState) -> None:
    submit(world)
    client = client_for("rev1")
    form = form_of(client, url(world, "A2"))
    world.move_to(state)
    assert client.post(url(world, "A2"), form).status_code == 409
    assert "rev1" not in marks(world, "A2")
    assert "data-save>" not in client.get(url(world, "A2")).get_data(as_text=True)


def test_an_entry_that_is_not_submitted_is_shown_but_not_scored(world: World, client_for: SignIn) -> None:
    submit(world, "g02")
    client = client_for("rev1")
    assert "甲山教育集团还没有提交，不能评分。" in said(client, url(world, "A2"))
    answer = client.post(url(world, "A2"), {"points.A2": "0", "reason.A2": "无"})
    assert answer.status_code == 409
    assert "甲山教育集团 未提交" in said(client, f"/panel/cycles/{world.cycle_id}")


def test_a_reviewer_never_meets_the_own_school(world: World, client_for: SignIn) -> None:
    submit(world)
    attach(world, "g01", "slot:A2#1", "方案.pdf")
    give_school(world, "rev1", "s3")
    client = client_for("rev1")
    assert client.get(url(world, "A2")).status_code == 404
    assert client.post(url(world, "A2"), {"points.A2": "7"}).status_code == 404
    queue = said(client, f"/panel/cycles/{world.cycle_id}")
    assert "甲山教育集团" not in queue
    assert "丁桥教育集团" in queue
    assert "甲山教育集团" not in said(client, f"/panel/cycles/{world.cycle_id}/sheet")
    assert client.get(url(world, "A2", "g02")).status_code == 200


@pytest.mark.parametrize("login", ["lead1", "admin", "leader", "auditor", "member1"])
def test_only_the_panel_may_open_it(world: World, client_for: SignIn, login: str) -> None:
    submit(world)
    assert client_for(login).get(url(world, "A2")).status_code == 403


def test_a_panel_of_another_cycle_finds_nothing(world: World, client_for: SignIn) -> None:
    submit(world)
    with world.write() as session:
        grant = next(g for g in session.exec(_grants(world, "rev2")) if g.role == Role.REVIEWER)
        other = Cycle(title="另一轮", rubric_key="sample", rubric_version="1", rubric_title="", definition="")
        session.add(other)
        session.flush()
        grant.cycle_id = other.id
        session.add(grant)
        session.commit()
    client = client_for("rev2")
    assert client.get(url(world, "A2")).status_code == 404
    assert client.get(f"/panel/cycles/{world.cycle_id}").status_code == 404
    assert (
        client.get(f"/panel/entries/{world.entries['g01']}/indicators/A2/settle").status_code
        == 403 - 403 + 404
    )
    assert "您现在没有要评的考核" in said(client, "/panel")


def _grants(world: World, login: str) -> Any:
    from sqlmodel import select

    return select(Grant).where(Grant.user_id == world.users[login])


def test_an_unknown_indicator_is_not_found(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    assert client.get(url(world, "A2.9")).status_code == 404
    assert client.get(url(world, "A1.1")).status_code == 404  # a leaf, not an indicator's page


# --- what stays hidden ----------------------------------------------------------------------------


def test_others_marks_are_hidden_until_the_own_one_is_in(world: World, client_for: SignIn) -> None:
    submit(world)
    first, second = client_for("rev1"), client_for("rev2")
    theirs = form_of(second, url(world, "A2")) | {"points.A2": "3.75", "reason.A2": "丙的理由"}
    second.post(url(world, "A2"), theirs)
    before = said(first, url(world, "A2"))
    assert "另 1 位评委已评，您保存后可见。" in before
    assert "3.75" not in before
    assert "丙的理由" not in before
    aside = form_of(first, url(world, "A2")) | {"do": "doubt"}
    first.post(url(world, "A2"), aside)
    assert "3.75" not in said(first, url(world, "A2"))
    first.post(url(world, "A2"), form_of(first, url(world, "A2")))
    assert "评委二 3.75 丙的理由" in said(first, url(world, "A2"))


def test_a_change_of_the_facts_shows_the_mark_as_stale(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    client.post(url(world, "A2"), form_of(client, url(world, "A2")))
    change(world, "g01", "A2.下学期", 2)
    assert "评分后内容有变：评分时系统建议 4，现在 6。请核对后再保存。" in said(client, url(world, "A2"))
    queue = said(client, f"/panel/cycles/{world.cycle_id}")
    assert "评分后内容有变 1" in queue
    assert "甲山教育集团 有变" in queue


def test_earlier_reasons_are_offered_again(world: World, client_for: SignIn) -> None:
    submit(world)
    client = client_for("rev1")
    client.post(
        url(world, "A2"), form_of(client, url(world, "A2")) | {"points.A2": "3", "reason.A2": "纪要过简"}
    )
    html = client.get(url(world, "A2", "g02")).get_data(as_text=True)
    assert 'data-word title="纪要过简"' in html


# --- returning ------------------------------------------------------------------------------------


def test_the_chair_returns_an_indicator(world: World, client_for: SignIn) -> None:
    submit(world)
    path = f"{url(world, 'A2')}/return"
    assert client_for("rev1").post(path, {"reason": "请补会议纪要"}).status_code == 403
    chair = client_for("chair")
    assert chair.post(path, {"reason": ""}).status_code == 422
    assert chair.post(path, {"reason": "请补会议纪要"}).status_code == 303
    with world.read() as session:
        entry = session.get(Entry, world.entries["g01"])
        assert entry is not None
        assert entry.state == SubmissionState.RETURNED
        returned = session.get(Return, 1)
        assert returned is not None
        assert (returned.codes, returned.reason) == (["A2"], "请补会议纪要")
    assert "甲山教育集团正在补这一项的材料，重新提交后才能评分。" in said(chair, url(world, "A2"))


def test_what_was_not_returned_is_scored_meanwhile(world: World, client_for: SignIn) -> None:
    submit(world)
    chair, reviewer = client_for("chair"), client_for("rev1")
    typed = form_of(reviewer, url(world, "A2"))  # opened before
    before = said(reviewer, f"/panel/cycles/{world.cycle_id}?by=unit")
    assert "补材料" not in before
    chair.post(f"{url(world, 'A2')}/return", {"reason": "请补会议纪要"})
    refused = reviewer.post(url(world, "A2"), typed)
    assert refused.status_code == 409
    assert "重新提交后才能评分" in refused.get_data(as_text=True)
    assert "rev1" not in marks(world, "A2")
    other = form_of(reviewer, url(world, "A1")) | {"points.A1.2": "2.5"}
    assert reviewer.post(url(world, "A1"), other).status_code == 303
    assert "rev1" in marks(world, "A1.1")
    queue = said(reviewer, f"/panel/cycles/{world.cycle_id}?by=unit")
    assert queue.count("补材料") == 1
    settling = f"/panel/entries/{world.entries['g01']}/indicators/{{}}/settle"
    word = {"do": "settle:A1.1", "points.A1.1": "1", "reason.A1.1": "按记录", "version.A1.1": "0"}
    assert chair.post(settling.format("A1"), word).status_code == 303
    assert marks(world, "A1.1")["settled"].points == 1
    word = {"do": "settle:A2", "points.A2": "1", "reason.A2": "按记录", "version.A2": "0"}
    assert chair.post(settling.format("A2"), word).status_code == 409
    assert "settled" not in marks(world, "A2")


# --- cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", "?by=unit", "/sheet", "/board?show=missing"])
def test_list_pages_cost_the_same_for_two_and_thirty_units(
    world: World, client_for: SignIn, page: str
) -> None:
    submit(world)
    client = client_for("chair" if "board" in page else "rev1")
    few = _queries(client, f"/panel/cycles/{world.cycle_id}{page}")
    more_units(world, 28)
    assert ("共 242 款" if "board" in page else "示例联盟27") in said(
        client, f"/panel/cycles/{world.cycle_id}{page}"
    )
    assert _queries(client, f"/panel/cycles/{world.cycle_id}{page}") == few


def _queries(client: Client, path: str) -> int:
    import sqlalchemy as sa

    engine = client.raw.application.extensions["intranet"].engine
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.get(path).status_code == 200
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return len(seen)
