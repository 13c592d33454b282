"""复核: from the published line over people other than the first scorers to a new freeze of the whole cohort."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from openpyxl import load_workbook
from sqlmodel import select

from intranet.domain import appeals as work
from intranet.domain.log import first_broken, record
from intranet.domain.scoring import scoring_for
from intranet.domain.todo import todos
from intranet.enums import AppealState, CycleState, RecusalKind
from intranet.errors import Invalid
from intranet.models import (
    Answer,
    Appeal,
    AppealFile,
    AppealReview,
    Cycle,
    Entry,
    Grant,
    Mark,
    Recusal,
    Result,
    Showing,
    Turn,
    TurnScore,
    User,
)
from intranet.queries import appeals as stored
from tests.integration.appeals_ground import appeal, ask, decide, declare, log, publish, results
from tests.integration.appeals_ground import stored as kept
from tests.integration.filing_ground import PDF, hidden
from tests.integration.panel_ground import give_school
from tests.world import Client, World

SignIn = Callable[[str], Client]


@pytest.fixture
def admin(client_for: SignIn) -> Client:
    return client_for("admin")


@pytest.fixture
def base(world: World, admin: Client) -> str:
    return publish(world, admin)


def result_page(world: World, unit: str = "g02") -> str:
    return f"/entries/{world.entries[unit]}/result"


def appeal_page(world: World, appeal_id: int, unit: str = "g02") -> str:
    return f"/entries/{world.entries[unit]}/appeals/{appeal_id}"


def say_word(client: Client, appeal_id: int, **data: object) -> Any:
    page = client.get(f"/panel/appeals/{appeal_id}").get_data(as_text=True)
    form = {"reason": "章程确已修订", "version": hidden(page, "version"), "op": hidden(page, "op")}
    return client.post(f"/panel/appeals/{appeal_id}", form | data)


def apply(admin: Client, base: str, op: str = "apply") -> Any:
    page = admin.get(f"{base}/appeals/apply").get_data(as_text=True)
    return admin.post(f"{base}/appeals/apply", {"seen": hidden(page, "seen"), "op": op})


# --- the unit --------------------------------------------------------------------------------------


def test_a_unit_appeals_from_a_line_of_its_published_ledger(
    world: World, base: str, client_for: SignIn
) -> None:
    lead = client_for("lead2")
    html = lead.get(result_page(world)).get_data(as_text=True)
    assert f"/entries/{world.entries['g02']}/appeals/new?code=A1.2" in html
    form = lead.text(f"/entries/{world.entries['g02']}/appeals/new?code=A2")
    assert "这一条的得分：4.5 分" in form
    assert "应开展 2 次" in form or "理事会" in form
    i = appeal(lead, world, "A1.2", ("证明.pdf", PDF), ("说明.txt", "见第 3 页".encode()), line="1")
    found = kept(world, i)
    assert (found.entry_id, found.code, found.state) == (world.entries["g02"], "A1.2", AppealState.FILED)
    assert (found.old_points, found.line) == (Fraction(5, 2), "考核组评定 2.5：章程未修订")
    assert (found.wanted, found.reason) == ("3 分", "章程去年已修订")
    with world.read() as session:
        files = session.exec(select(AppealFile).where(AppealFile.appeal_id == i)).all()
        assert [(f.name, f.media_type, f.size) for f in files] == [
            ("证明.pdf", "application/pdf", len(PDF)),
            ("说明.txt", "text/plain", len("见第 3 页".encode())),
        ]
    admin = client_for("admin")
    assert "<mark>考核组评定 2.5：章程未修订</mark>" in admin.get(f"{base}/appeals/{i}").get_data(
        as_text=True
    )
    admin.post("/language", {"language": "en", "next": "/"})
    assert "<mark>考核组: mark 2.5：章程未修订</mark>" in admin.get(f"{base}/appeals/{i}").get_data(
        as_text=True
    )
    (entry,) = log(world, "appeal.file")
    assert (entry.subject, entry.entry_id, entry.detail["line"]) == (
        "A1.2",
        world.entries["g02"],
        "考核组评定 2.5：章程未修订",
    )
    assert "复核 1 件" in lead.text(result_page(world))
    with lead.get(f"/appeals/{i}/files/{files[0].id}") as answer:
        assert answer.data == PDF
        assert "attachment" in answer.headers["Content-Disposition"]


def test_the_same_form_sent_twice_files_once_and_one_clause_has_one_open_appeal(
    world: World, base: str, client_for: SignIn
) -> None:
    lead = client_for("lead2")
    first = appeal(lead, world, "A1.2", op="same")
    assert appeal(lead, world, "A1.2", op="same") == first
    again = lead.post(
        f"/entries/{world.entries['g02']}/appeals/new",
        {"code": "A1.2", "line": "0", "reason": "再来", "op": "other"},
    )
    assert again.status_code == 409
    assert "正在办理" in again.get_data(as_text=True)
    assert "再来" in again.get_data(as_text=True)  # nothing typed is lost
    version = kept(world, first).version
    assert lead.post(f"{appeal_page(world, first)}/withdraw", {"version": version}).status_code == 303
    assert kept(world, first).state == AppealState.WITHDRAWN
    assert appeal(lead, world, "A1.2", op="third") != first
    assert len(log(world, "appeal.withdraw")) == 1


def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(
    world: World, base: str, client_for: SignIn
) -> None:
    lead, there = client_for("lead2"), f"/entries/{world.entries['g02']}/appeals/new"
    wrong = {
        "code": "A1.2",
        "line": "0",
        "wanted": "3 分",
        "reason": "留住这句",
        "op": "w",
        "files": [(io.BytesIO(b"MZ not a document"), "程序.exe")],
    }
    answer = lead.post(there, wrong)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "“程序.exe”没有收下" in page
    assert "留住这句" in page
    assert 'value="3 分"' in page
    faked = lead.post(there, wrong | {"op": "f", "files": [(io.BytesIO(b"MZ"), "假.pdf")]})
    assert (faked.status_code, "内容与扩展名不符" in faked.get_data(as_text=True)) == (422, True)
    empty = lead.post(there, {"code": "A1.2", "line": "99", "reason": " ", "op": "e"})
    text = empty.get_data(as_text=True)
    assert empty.status_code == 422
    assert "请写明理由" in text
    assert "请选择有异议的是哪一处" in text
    assert lead.post(there, {"code": "Z9", "line": "0", "reason": "x", "op": "z"}).status_code == 404
    with world.read() as session:
        assert session.exec(select(Appeal)).all() == []
    assert list((world.settings.evidence_folder / ".incoming").glob("*")) == []


def test_only_the_lead_filer_and_only_while_it_is_published(
    world: World, base: str, client_for: SignIn
) -> None:
    there = f"/entries/{world.entries['g01']}/appeals/new"
    form = {"code": "A1.2", "line": "0", "reason": "x", "op": "x"}
    assert client_for("helper1").post(there, form).status_code == 403  # contributor of the lead school
    assert client_for("member1").post(there, form).status_code == 404  # a member school meets none of it
    assert client_for("lead2").post(there, form).status_code == 404
    assert client_for("rev1").post(there, form).status_code == 403
    assert client_for("admin").post(there, form).status_code == 403
    lead = client_for("lead1")
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.publish_until = datetime.now(UTC) - timedelta(minutes=1)
        session.add(cycle)
        session.commit()
    late = lead.post(there, form)
    assert (late.status_code, "公示期已经结束" in late.get_data(as_text=True)) == (409, True)
    assert "appeals/new" not in lead.get(result_page(world, "g01")).get_data(as_text=True)
    world.move_to(CycleState.FINAL)
    assert lead.post(there, form | {"op": "y"}).status_code == 409
    world.move_to(CycleState.REVIEW)
    assert lead.post(there, form | {"op": "z"}).status_code == 404


# --- whom the bureau may ask -----------------------------------------------------------------------


def more_reviewers(world: World, *names: str) -> None:
    with world.write() as session:
        hashed = session.exec(select(User.password_hash)).first() or ""
        for name in names:
            user = User(login=name, name=f"新评委{name}", password_hash=hashed, must_change=False)
            session.add(user)
            session.flush()
            world.users[name] = user.id or 0
            session.add(Grant(user_id=user.id or 0, role="reviewer", cycle_id=world.cycle_id))
        session.commit()
    declare(world, *names)


def test_first_scorers_settlers_and_conflicted_people_are_greyed_and_refused(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    more_reviewers(world, "n1", "n2", "n3")
    give_school(world, "n1", "s5")
    with world.write() as session:
        recusal = Recusal(
            cycle_id=world.cycle_id,
            user_id=world.users["n2"],
            entry_id=world.entries["g02"],
            kind=RecusalKind.RELATIVE,
            declared_by=world.users["n2"],
        )
        session.add(recusal)
        session.add(
            Mark(
                entry_id=world.entries["g02"],
                code="A1.2",
                role="settled",
                points=Fraction(5, 2),
                reason="合议",
                made_by=world.users["chair"],
            )
        )
        session.commit()
    i = appeal(client_for("lead2"), world, "A1.2")
    with world.read() as session:
        entry = session.get(Entry, world.entries["g02"])
        assert entry is not None
        bars = {c.name: c.bar for c in stored.candidates(session, entry, ["A1.2"])}
    assert bars == {
        "新评委n3": "",
        "评委一": "评过这一款",
        "评委二": "评过这一款",
        "组长甲": "审定过这一款",
        "新评委n1": "任职学校在这个单位，须回避",
        "新评委n2": "已回避",
    }
    page = admin.get(f"{base}/appeals/{i}").get_data(as_text=True)
    for login in ("rev1", "chair", "n1", "n2"):
        box = page.split(f'value="{world.users[login]}"')[1].split(">")[0]
        assert "disabled" in box, login
        answer = ask(admin, world, base, i, login, op=f"no-{login}")
        assert answer.status_code == 422  # type: ignore[attr-defined]
        assert bars[{"rev1": "评委一", "chair": "组长甲"}.get(login, f"新评委{login}")] in (
            answer.get_data(as_text=True)  # type: ignore[attr-defined]
        )
    with world.read() as session:
        assert session.exec(select(AppealReview)).all() == []
    assert ask(admin, world, base, i, "n3").status_code == 303  # type: ignore[attr-defined]
    assert kept(world, i).state == AppealState.ASSIGNED
    assert log(world, "appeal.assign")[0].new == ["新评委n3"]


def test_somebody_from_outside_joins_the_panel_when_all_have_scored(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    i = appeal(client_for("lead2"), world, "A1.2")
    version = kept(world, i).version
    unknown = admin.post(f"{base}/appeals/{i}/assign", {"login": "nobody", "version": version, "op": "u"})
    assert (unknown.status_code, "没有账号 nobody" in unknown.get_data(as_text=True)) == (422, True)
    own = admin.post(f"{base}/appeals/{i}/assign", {"login": "lead2", "version": version, "op": "o"})
    assert own.status_code == 422  # files for the unit: refused, and not left on the panel
    with world.read() as session:
        grants = session.exec(select(Grant).where(Grant.user_id == world.users["lead2"])).all()
        assert [g.cycle_id for g in grants] == [None]
    assert (
        admin.post(
            f"{base}/appeals/{i}/assign", {"login": "auditor", "version": version, "op": "a"}
        ).status_code
        == 303
    )
    with world.read() as session:
        asked = session.exec(select(AppealReview)).one()
        assert (asked.user_id, asked.appeal_id) == (world.users["auditor"], i)
    stale = ask(admin, world, base, i, "chair", op="late")
    assert stale.status_code == 303  # type: ignore[attr-defined]
    old = admin.post(
        f"{base}/appeals/{i}/assign",
        {"person": [world.users["chair"]], "version": version, "op": "old"},
    )
    assert (old.status_code, "刚刚有变化" in old.get_data(as_text=True)) == (409, True)


# --- those who were asked --------------------------------------------------------------------------


def test_the_asked_see_that_appeal_alone_and_others_words_only_after_the_own(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    more_reviewers(world, "n3")
    lead = client_for("lead2")
    i, other = appeal(lead, world, "A1.2", ("证.pdf", PDF)), appeal(lead, world, "A2")
    ask(admin, world, base, i, "chair", "n3")
    chair, n3, rev1 = client_for("chair"), client_for("n3"), client_for("rev1")
    assert say_word(chair, i, points="3", reason="密语组长").status_code == 303
    page = n3.text(f"/panel/appeals/{i}")
    assert "章程去年已修订" in page
    assert "公示得分 2.5" in page
    assert "密语组长" not in page
    assert "另有 1 位已说过意见" in page
    assert say_word(n3, i, points="2.8").status_code == 303
    assert "密语组长" in n3.text(f"/panel/appeals/{i}")
    assert n3.get(f"/panel/appeals/{other}").status_code == 404
    assert rev1.get(f"/panel/appeals/{i}").status_code == 404
    assert "没有请您看的复核" in rev1.text("/panel/appeals")
    assert rev1.post(f"/panel/appeals/{i}", {"points": "1", "reason": "x", "version": "1"}).status_code == 404
    with world.read() as session:
        file = session.exec(select(AppealFile)).one()
    with n3.get(f"/appeals/{i}/files/{file.id}") as answer:
        assert answer.data == PDF
    for login in ("rev1", "lead1", "member1"):
        assert client_for(login).get(f"/appeals/{i}/files/{file.id}").status_code == 404, login
    assert lead.get(f"/appeals/{other}/files/{file.id}").status_code == 404
    with world.read() as session:
        words = {r.user_id: r for r in session.exec(select(AppealReview))}
    assert words[world.users["n3"]].points == Fraction("2.8")
    assert [e.new for e in log(world, "appeal.word")] == [
        {"points": "3", "verdict": None},
        {"points": "2.8", "verdict": None},
    ]
    # the mean of 3 and 2.8 stands in the bureau's form
    assert 'name="points" value="2.9"' in admin.get(f"{base}/appeals/{i}").get_data(as_text=True)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"points": "3.5"}, "请填 0 — 3"),
        ({"points": "1.234"}, "小数最多"),
        ({"points": "abc"}, "不是分数"),
        ({"points": "2", "reason": " "}, "请写明复核意见和理由"),
        ({"points": "2", "verdict": "优"}, "请不要填结论"),
    ],
)
def test_a_word_is_held_to_the_clause(
    world: World,
    admin: Client,
    base: str,
    client_for: SignIn,
    typed: dict[str, str],
    said: str,
) -> None:
    i = appeal(client_for("lead2"), world, "A1.2")
    ask(admin, world, base, i, "chair")
    answer = say_word(client_for("chair"), i, **typed)
    assert (answer.status_code, said in answer.get_data(as_text=True)) == (422, True)
    with world.read() as session:
        assert session.exec(select(AppealReview)).one().said_at is None


def test_a_conflict_that_comes_up_later_ends_it_everywhere(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    i = appeal(client_for("lead2"), world, "A1.2")
    ask(admin, world, base, i, "chair")
    chair = client_for("chair")
    assert "请您复核一条得分" in chair.text("/panel")
    with world.write() as session:
        session.add(
            Recusal(
                cycle_id=world.cycle_id,
                user_id=world.users["chair"],
                entry_id=world.entries["g02"],
                kind=RecusalKind.OTHER,
                declared_by=world.users["admin"],
            )
        )
        session.commit()
    assert "请您复核" not in chair.text("/panel")
    assert "丁桥教育集团" not in chair.text("/panel/appeals")
    assert chair.get(f"/panel/appeals/{i}").status_code == 404
    assert chair.post(f"/panel/appeals/{i}", {"points": "3", "reason": "x"}).status_code == 404


# --- the decision ----------------------------------------------------------------------------------


def test_points_change_only_after_others_have_looked_and_within_the_clause(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    i = appeal(client_for("lead2"), world, "A1.2")
    early: Any = decide(admin, world, base, i, "points", points="3", op="early")
    assert (early.status_code, "还没有人复核" in early.get_data(as_text=True)) == (409, True)
    assert "经查，章程已修订" in early.get_data(as_text=True)
    ask(admin, world, base, i, "chair")
    say_word(client_for("chair"), i, points="3")
    for points, decision, said in (
        ("3.5", "写明", "请填 0 — 3"),
        ("2.5", "写明", "分数与公示的相同"),
        ("3", " ", "请写明复核结论和理由"),
    ):
        answer: Any = decide(
            admin, world, base, i, "points", points=points, decision=decision, op=f"{points}{decision}"
        )
        assert (answer.status_code, said in answer.get_data(as_text=True)) == (422, True), said
    none: Any = decide(admin, world, base, i, "", op="none")
    assert "请选择怎样决定" in none.get_data(as_text=True)
    done: Any = decide(admin, world, base, i, "points", points="3")
    assert done.headers["Location"] == f"{base}/appeals/apply"
    twice: Any = decide(admin, world, base, i, "points", points="3")
    assert twice.status_code == 303  # the same form, sent again
    other: Any = decide(admin, world, base, i, "reject", op="other")
    assert (other.status_code, "已经办结" in other.get_data(as_text=True)) == (409, True)
    with world.read() as session:
        mark = session.exec(select(Mark).where(Mark.role == "settled")).one()
        assert (mark.entry_id, mark.code, mark.points, mark.made_by) == (
            world.entries["g02"],
            "A1.2",
            Fraction(3),
            world.users["admin"],
        )
        assert mark.reason == "复核：经查，章程已修订"
        assert first_broken(session) is None
    assert len(log(world, "appeal.uphold")) == 1
    # nothing that is published has changed yet
    assert results(world)[0][0].number == 1
    assert "2.5" in client_for("lead2").text(result_page(world))


def test_a_rejected_appeal_leaves_everything_and_says_why_to_the_unit(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    lead = client_for("lead2")
    i = appeal(lead, world, "A1.2")
    answer: Any = decide(admin, world, base, i, "reject", decision="材料看不出修订日期")
    assert answer.status_code == 303
    assert "材料看不出修订日期" in lead.text(appeal_page(world, i))
    assert "不予支持" in lead.text(result_page(world))
    with world.read() as session:
        at = datetime.now(UTC)
        texts = {
            days: [
                t.text
                for t in todos(session, world.actor("lead2"), at=at + timedelta(days=days), today=at.date())
            ]
            for days in (0, 8)
        }
    assert "复核已有结论，请查看" in texts[0]
    assert "复核已有结论，请查看" not in texts[8]
    with world.read() as session:
        assert session.exec(select(Mark).where(Mark.role == "settled")).all() == []
        assert len(session.exec(select(Result)).all()) == 1
    assert admin.post(f"{base}/appeals/apply", {"seen": "", "op": "n"}).status_code == 409
    again = lead.post(
        f"/entries/{world.entries['g02']}/appeals/new",
        {"code": "A1.2", "line": "0", "reason": "再来", "op": "other"},
    )
    assert (again.status_code, "已经复核过" in again.get_data(as_text=True)) == (409, True)


# --- the new freeze --------------------------------------------------------------------------------


def sheets_of(data: bytes) -> dict[tuple[str, str], Any]:
    """Every cell of a workbook by (sheet, address)."""
    book = load_workbook(io.BytesIO(data), data_only=True)
    return {
        (sheet.title, cell.coordinate): cell.value
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    }


def correct_grades(admin: Client, world: World, base: str, appeal_id: int, op: str = "") -> Any:
    """The bureau's grades of g02 were wrong: both schools are 甲等."""
    page = admin.get(f"{base}/appeals/{appeal_id}").get_data(as_text=True)
    form: dict[str, object] = {}
    for part in page.split('class="figure-row"')[1:]:
        n = part.split('name="v.')[1].split('"')[0]
        form[f"v.{n}"] = part.split(f'name="v.{n}" value="')[1].split('"')[0]
        if "质量等第" in part.split("</label>")[0]:
            form[f"f.{n}"] = "甲等"
    assert list(form.values()).count("甲等") == 2
    return decide(admin, world, base, appeal_id, "figures", decision="等第登记有误，已更正", op=op, **form)


def test_a_corrected_grade_moves_the_rank_points_of_another_unit_and_every_export(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    """g02's grades 乙丙 were wrong, both are 甲: its mean 5 passes g01's 14/3, so B4 gives 4 and 3 the
    other way round: g01 34.8 -> 33.8, g02 31.8 -> 32.8."""
    lead1, lead2 = client_for("lead1"), client_for("lead2")
    before = sheets_of(admin.get(f"{base}/ranking.xlsx").data)
    form_of = f"{base}/ranking/{world.entries['g01']}/forms/report.xlsx"
    form_before = sheets_of(admin.get(form_of).data)
    i = appeal(lead2, world, "B4", wanted="4 分", reason="等第登记有误")
    page = admin.text(f"{base}/appeals/{i}")
    assert "不能直接改分：由全部单位的数据一起算出" in page
    refused: Any = decide(admin, world, base, i, "points", points="4", op="p")
    assert (refused.status_code, "请改用“更正数据”" in refused.get_data(as_text=True)) == (422, True)
    nothing: Any = decide(admin, world, base, i, "figures", op="n")
    assert (nothing.status_code, "没有改动任何数据" in nothing.get_data(as_text=True)) == (422, True)
    assert correct_grades(admin, world, base, i).status_code == 303
    corrected = log(world, "appeal.correct")
    assert [(e.subject, e.old, e.new, e.detail["appeal"]) for e in corrected] == [
        ("grade@s4", "乙等", "甲等", i),
        ("grade@s5", "丙等", "甲等", i),
    ]
    preview = admin.text(f"{base}/appeals/apply")
    assert "2 个单位的得分或名次有变" in preview
    assert "甲山教育集团 34.8 33.8" in preview
    assert "丁桥教育集团 申请单位 31.8 32.8" in preview
    assert "平均等第前三名分别得4分、3分、2分&emsp; 4 → 3" in preview
    assert results(world)[0][0].number == 1  # looking changes nothing
    assert apply(admin, base).status_code == 303
    assert admin.post(f"{base}/appeals/apply", {"seen": "", "op": "again"}).status_code == 409
    (new, rows), (old, _rows) = results(world)
    assert (new.number, old.number, new.reason) == (2, 1, "复核支持：丁桥教育集团 B4")
    assert {r.entry_id: r.total for r in rows} == {
        world.entries["g01"]: Fraction("33.8"),
        world.entries["g02"]: Fraction("32.8"),
    }
    done = kept(world, i)
    assert done.applied_result_id == new.id
    assert done.moved == [
        {
            "entry_id": world.entries["g01"],
            "name": "甲山教育集团",
            "total": ["34.8", "33.8"],
            "rank": [1, 1],
            "clauses": [{"code": "B4", "points": ["4", "3"]}],
        }
    ]
    shown = admin.text(f"{base}/appeals/{i}")
    assert "其他单位的变动 1 个" in shown
    for page in (shown, lead2.text(appeal_page(world, i))):
        assert "质量等第&emsp;丁桥小学&emsp;乙等 → 甲等" in page
        assert "质量等第&emsp;戊石初级中学&emsp;丙等 → 甲等" in page
    assert "甲山教育集团 34.8 33.8" in shown
    # pages and exports follow: what differs in the workbook is exactly what moved
    assert "33.8" in lead1.text(result_page(world, "g01"))
    assert "32.8" in lead2.text(result_page(world))
    after = sheets_of(admin.get(f"{base}/ranking.xlsx").data)
    assert before.keys() == after.keys()
    changed = {at: (before[at], after[at]) for at in before if before[at] != after[at]}
    ranked = {pair for at, pair in changed.items() if at[0] == "排名"}
    assert (34.8, 33.8) in ranked
    assert (31.8, 32.8) in ranked
    numbers = {p for p in changed.values() if all(isinstance(v, int | float) for v in p)}
    assert numbers == {(34.8, 33.8), (31.8, 32.8), (30.8, 29.8), (25.8, 26.8), (4, 3), (3, 4), (22.8, 21.8), (17.8, 18.8)}  # fmt: skip
    form_after = sheets_of(admin.get(form_of).data)
    moved = {at: (form_before.get(at), form_after.get(at)) for at in form_before.keys() | form_after.keys()}
    assert {p for p in moved.values() if p[0] != p[1] and isinstance(p[0], int | float)} == {(4, 3), (34.8, 33.8)}  # fmt: skip
    assert "一致：用存下的数据重算" in admin.text(f"{base}/ranking/check")
    with world.read() as session:
        assert first_broken(session) is None


# --- taking a decision back ------------------------------------------------------------------------


def take_back(admin: Client, world: World, base: str, appeal_id: int, **data: object) -> Any:
    form = {"reason": "看错了附件", "version": kept(world, appeal_id).version, "op": f"u{appeal_id}"}
    return admin.post(f"{base}/appeals/{appeal_id}/undo", form | data)


def settlement(world: World, code: str) -> dict[str, Any] | None:
    """The settled mark of g02, without what counts its changes."""
    with world.read() as session:
        own = Mark.entry_id == world.entries["g02"], Mark.code == code, Mark.role == "settled"
        mark = session.exec(select(Mark).where(*own)).first()
        return None if mark is None else mark.model_dump(exclude={"id", "version"})


def test_a_decision_is_taken_back_before_the_new_freeze_and_the_chairs_word_stands_again(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    lead = client_for("lead2")
    with world.write() as session:
        session.add(
            Mark(
                entry_id=world.entries["g02"],
                code="A1.2",
                role="settled",
                points=Fraction("2.5"),
                reason="按会议意见",
                computed=Fraction("2.5"),
                basis="abc",
                made_by=world.users["chair"],
                made_at=datetime(2026, 3, 1, 8, tzinfo=UTC),
            )
        )
        session.commit()
    before = settlement(world, "A1.2")
    i = appeal(lead, world, "A1.2")
    with world.write() as session:  # put in by hand: all of this small panel have scored the clause
        session.add(
            AppealReview(
                appeal_id=i,
                user_id=world.users["rev1"],
                assigned_by=world.users["admin"],
                points=Fraction(3),
                reason="应为 3",
                said_at=datetime.now(UTC),
            )
        )
        session.commit()
    assert decide(admin, world, base, i, "points", points="3").status_code == 303  # type: ignore[attr-defined]
    assert settlement(world, "A1.2") != before
    assert "撤回这个结论" in admin.text(f"{base}/appeals/{i}")
    for said, data, status in (
        ("请写明理由", {"reason": " ", "op": "r"}, 422),
        ("刚刚有变化", {"version": 1, "op": "v"}, 409),
    ):
        refused = take_back(admin, world, base, i, **data)
        assert (refused.status_code, said in refused.get_data(as_text=True)) == (status, True)
    done = take_back(admin, world, base, i)
    assert done.headers["Location"] == f"{base}/appeals/{i}"
    assert take_back(admin, world, base, i, version=1).status_code == 303  # the same form, sent again
    assert settlement(world, "A1.2") == before
    found = kept(world, i)
    assert (found.state, found.decision, found.points, found.decided_at) == (
        AppealState.ASSIGNED,
        "",
        None,
        None,
    )
    undone = log(world, "appeal.undo")
    assert [(e.old["state"], e.old["decision"], e.reason) for e in undone] == [
        ("upheld", "经查，章程已修订", "看错了附件")
    ]
    for page in (admin.text(f"{base}/appeals/{i}"), lead.text(appeal_page(world, i))):
        assert "“支持”已撤回：看错了附件" in page
    assert admin.post(f"{base}/appeals/apply", {"seen": "", "op": "n"}).status_code == 409
    # decided anew, and frozen: then it stands
    assert decide(admin, world, base, i, "points", points="2", op="d2").status_code == 303  # type: ignore[attr-defined]
    assert apply(admin, base).status_code == 303
    assert "撤回这个结论" not in admin.text(f"{base}/appeals/{i}")
    late = take_back(admin, world, base, i, op="late")
    assert (late.status_code, "已按复核结论重新冻结" in late.get_data(as_text=True)) == (409, True)
    with world.read() as session:
        assert first_broken(session) is None


def test_points_without_an_earlier_settlement_and_a_rejection_are_taken_back_too(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    lead = client_for("lead2")
    i = appeal(lead, world, "A1.2")
    ask(admin, world, base, i, "chair")
    say_word(client_for("chair"), i, points="3")
    decide(admin, world, base, i, "points", points="3")
    assert take_back(admin, world, base, i).status_code == 303
    assert settlement(world, "A1.2") is None
    # who was asked may change the word again
    assert say_word(client_for("chair"), i, points="2", reason="再看一遍").status_code == 303
    decide(admin, world, base, i, "reject", op="d2")
    assert take_back(admin, world, base, i, op="u2").status_code == 303
    assert kept(world, i).state == AppealState.ASSIGNED
    assert "“不予支持”已撤回" in lead.text(appeal_page(world, i))
    assert client_for("rev1").post(f"{base}/appeals/{i}/undo", {}).status_code in (403, 404)


def test_corrected_figures_come_back_the_latest_decision_first(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    lead = client_for("lead2")

    def grades() -> list[Any]:
        with world.read() as session:
            own = Answer.entry_id == world.entries["g02"], Answer.key == "grade"
            return [a.value for a in session.exec(select(Answer).where(*own).order_by(Answer.school_id))]  # type: ignore[arg-type]

    before = grades()
    i = appeal(lead, world, "B4", wanted="4 分", reason="等第登记有误")
    assert correct_grades(admin, world, base, i).status_code == 303
    assert grades() == ["甲等", "甲等"]
    with world.write() as session:  # another appeal has corrected one of them since
        own = Answer.entry_id == world.entries["g02"], Answer.key == "grade"
        answer = session.exec(select(Answer).where(*own)).first()
        assert answer is not None
        answer.value = "丙等"
        session.add(answer)
        session.commit()
    refused = take_back(admin, world, base, i, op="r")
    assert (refused.status_code, "请先撤回后一件复核的结论" in refused.get_data(as_text=True)) == (409, True)
    with world.write() as session:
        answer = session.exec(select(Answer).where(*own)).first()
        assert answer is not None
        answer.value = "甲等"
        session.add(answer)
        session.commit()
    assert take_back(admin, world, base, i).status_code == 303
    assert grades() == before
    assert "乙等 → 甲等" not in lead.text(appeal_page(world, i))  # of a decision taken back nothing is shown
    # and once more: what came back is corrected again, and the workbook follows as if nothing had been
    assert correct_grades(admin, world, base, i, op="again").status_code == 303
    assert apply(admin, base).status_code == 303
    assert {r.entry_id: r.total for r in results(world)[0][1]} == {
        world.entries["g01"]: Fraction("33.8"),
        world.entries["g02"]: Fraction("32.8"),
    }


def absences(world: World, n: int) -> int:
    """Set g01's; what it was."""
    with world.write() as session:
        own = Answer.entry_id == world.entries["g01"], Answer.key == "absences"
        answer = session.exec(select(Answer).where(*own)).one()
        was, answer.value = int(answer.value), n
        session.add(answer)
        session.commit()
        return was


def test_several_upheld_appeals_go_into_one_freeze(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    one = appeal(client_for("lead2"), world, "B4", reason="等第登记有误")
    two = appeal(client_for("lead1"), world, "A1.2", unit="g01")
    correct_grades(admin, world, base, one)
    ask(admin, world, base, two, "chair")
    say_word(client_for("chair"), two, points="3")
    decide(admin, world, base, two, "points", points="3")
    assert "2 件复核已支持，重新计算结果" in admin.text("/bureau/cycles")
    page = admin.get(f"{base}/appeals/apply").get_data(as_text=True)
    seen = hidden(page, "seen")
    was = absences(world, 5)  # something changes behind the preview
    stale = admin.post(f"{base}/appeals/apply", {"seen": seen, "op": "s"})
    assert (stale.status_code, "数据刚刚有变化" in stale.get_data(as_text=True)) == (409, True)
    absences(world, was)
    assert admin.post(f"{base}/appeals/apply", {"seen": seen, "op": "go"}).status_code == 303
    assert admin.post(f"{base}/appeals/apply", {"seen": seen, "op": "go"}).status_code == 303  # sent again
    (new, rows), _old = results(world)
    assert new.number == 2
    assert {r.entry_id: r.total for r in rows} == {
        world.entries["g01"]: Fraction("34.3"),  # 34.8 - 1 (B4) + 0.5 (A1.2)
        world.entries["g02"]: Fraction("32.8"),
    }
    assert {kept(world, i).applied_result_id for i in (one, two)} == {new.id}
    assert [m["name"] for m in kept(world, two).moved] == ["丁桥教育集团"]


def test_the_result_becomes_final_only_when_every_appeal_is_settled(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    i = appeal(client_for("lead2"), world, "B4", reason="等第登记有误")
    assert "1 件复核待办理" in admin.text("/bureau/cycles")
    blocked = admin.post(f"{base}/phase", {"to": "final", "accepted": "1"})
    assert (blocked.status_code, "还有 1 件复核没有办结" in blocked.get_data(as_text=True)) == (409, True)
    correct_grades(admin, world, base, i)
    blocked = admin.post(f"{base}/phase", {"to": "final", "accepted": "1"})
    assert (blocked.status_code, "结果还没有重新计算" in blocked.get_data(as_text=True)) == (409, True)
    apply(admin, base)
    assert admin.post(f"{base}/phase", {"to": "final", "accepted": "1"}).status_code == 303
    late = client_for("lead2").post(f"{appeal_page(world, i)}/withdraw", {"version": kept(world, i).version})
    assert late.status_code == 409


# --- rights and lists ------------------------------------------------------------------------------


def test_others_meet_no_appeal(world: World, admin: Client, base: str, client_for: SignIn) -> None:
    i = appeal(client_for("lead2"), world, "A1.2", reason="密由复核")
    pages = [f"{base}/appeals", f"{base}/appeals/{i}", f"{base}/appeals/apply"]
    for login in ("lead1", "lead2", "rev1", "chair", "leader", "auditor"):
        client = client_for(login)
        for path in pages:
            assert client.get(path).status_code == 403, (login, path)
    for login in ("lead1", "rev1", "member1"):
        assert client_for(login).get(appeal_page(world, i)).status_code == 404, login
    for login in ("rev1", "rev2", "chair"):
        page = client_for(login).get(result_page(world)).get_data(as_text=True)
        assert "密由复核" not in page
        assert "复核" not in page
    foreign = f"/bureau/cycles/999/appeals/{i}"
    assert admin.get(foreign).status_code == 404
    assert admin.get(f"{base}/appeals/999").status_code == 404


def test_the_list_makes_as_many_queries_for_thirty_as_for_one(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    appeal(client_for("lead2"), world, "A1.2")
    counts = []
    for more in (0, 29):
        with world.write() as session:
            template = session.exec(select(Appeal)).first()
            assert template is not None
            for n in range(more):
                extra = Appeal(
                    entry_id=world.entries["g01"],
                    result_id=template.result_id,
                    code="A2",
                    line=f"第 {n} 件",
                    reason="x",
                    filed_by=world.users["lead1"],
                )
                session.add(extra)
            session.commit()
        seen: list[str] = []
        engine = admin.raw.application.extensions["intranet"].engine

        def note(_c: Any, _k: Any, statement: str, *_rest: Any, seen: list[str] = seen) -> None:
            seen.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        page = admin.text(f"{base}/appeals")
        sa.event.remove(engine, "before_cursor_execute", note)
        assert page.count("第 28 件") == (1 if more else 0)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_the_domain_refuses_a_barred_person_whatever_the_page_sends(
    world: World, base: str, app: Flask, client_for: SignIn
) -> None:
    i = appeal(client_for("lead2"), world, "A1.2")
    with world.write() as session:
        cycle, found = session.get(Cycle, world.cycle_id), session.get(Appeal, i)
        assert cycle is not None
        assert found is not None
        entry = session.get(Entry, found.entry_id)
        assert entry is not None
        rubric = scoring_for(cycle, app.extensions["intranet"].registry).rubric
        with pytest.raises(Invalid, match="评过这一款"):
            work.assign(
                session,
                world.actor("admin"),
                cycle,
                entry,
                rubric,
                found,
                [world.users["rev1"]],
                version=found.version,
                at=datetime.now(UTC),
            )


def bars_of(world: World, base: str, admin: Client, appeal_id: int) -> dict[str, str]:
    with world.read() as session:
        found, cycle = session.get(Appeal, appeal_id), session.get(Cycle, world.cycle_id)
        assert found is not None
        assert cycle is not None
        entry = session.get(Entry, found.entry_id)
        assert entry is not None
        rubric = scoring_for(cycle, admin.raw.application.extensions["intranet"].registry).rubric
        return {c.name: c.bar for c in work.candidates(session, entry, rubric, found)}


@pytest.mark.parametrize("how", ["scored", "put aside"])
def test_who_scored_the_clause_in_the_meeting_room_is_barred(
    world: World, admin: Client, base: str, client_for: SignIn, how: str
) -> None:
    """The scores of the room hang on the session's target (``clause:A1.2``), not on a mark."""
    more_reviewers(world, "n1", "n2")
    i = appeal(client_for("lead2"), world, "A1.2")
    with world.write() as session:
        showing = Showing(cycle_id=world.cycle_id, title="章程", target="clause:A1.2", most=Fraction(3))
        session.add(showing)
        session.flush()
        turn = Turn(showing_id=showing.id or 0, entry_id=world.entries["g02"], position=1)
        session.add(turn)
        session.flush()
        if how == "scored":
            session.add(TurnScore(turn_id=turn.id or 0, user_id=world.users["n1"], points=Fraction(2)))
        else:
            record(
                session,
                world.actor("n1"),
                "turn.score",
                subject="章程",
                new={"points": "2", "note": ""},
                cycle_id=world.cycle_id,
                entry_id=world.entries["g02"],
                turn=turn.id,
            )
        session.commit()
    bars = bars_of(world, base, admin, i)
    assert (bars["新评委n1"], bars["新评委n2"]) == ("在展示考核中评过", "")
    assert ask(admin, world, base, i, "n1").status_code == 422  # type: ignore[attr-defined]


def test_who_scored_a_part_of_a_disputed_sum_is_barred(
    world: World, admin: Client, base: str, client_for: SignIn
) -> None:
    more_reviewers(world, "n1")
    i = appeal(client_for("lead2"), world, "A1")
    bars = bars_of(world, base, admin, i)
    assert (bars["评委一"], bars["评委二"], bars["新评委n1"]) == ("评过这一款", "评过这一款", "")


def test_files_of_withdrawn_appeals_count_so_that_nobody_fills_the_disk(
    world: World, base: str, app: Flask, client_for: SignIn
) -> None:
    app.extensions["intranet"].settings.quota_per_unit = len(PDF) + 10
    lead = client_for("lead2")
    i = appeal(lead, world, "A1.2", ("一.pdf", PDF))
    version = hidden(lead.get(appeal_page(world, i)).get_data(as_text=True), "version")
    assert lead.post(f"{appeal_page(world, i)}/withdraw", {"version": version}).status_code == 303
    answer = lead.post(
        f"/entries/{world.entries['g02']}/appeals/new",
        {
            "code": "A1.2",
            "line": "0",
            "reason": "再来",
            "op": "again",
            "files": [(io.BytesIO(PDF + b"\n"), "二.pdf")],
        },
    )
    text = answer.get_data(as_text=True)
    assert (answer.status_code, "本单位复核附的文件合计超过" in text, "再来" in text) == (422, True, True)
    with world.read() as session:
        assert len(session.exec(select(AppealFile)).all()) == 1
    assert appeal(lead, world, "A1.2", op="without") > i
