"""演练 and 复制为下一年度: marked everywhere and in no ranking; what comes along and what does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO

import pytest
from openpyxl import load_workbook
from sqlmodel import col, select

from intranet.domain import radar
from intranet.domain.copying import a_year_on, copy_cycle, next_title, report_of
from intranet.domain.todo import todos
from intranet.enums import CombineRule, CycleState, Role, TieRule
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import use_language
from intranet.models import Cycle, Entry, Evidence, Grant, LogEntry, Unit, User
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.carried import has_earlier, source_of
from intranet.queries.cycles import prior_results
from intranet.queries.results import readable_cycles
from intranet.rubric import loader
from tests.integration.test_bureau_cycles import logged, new_cycle, newest, prepare, stamp
from tests.integration.test_bureau_results import fill
from tests.unit.rubric import sample
from tests.world import Client, World

SignIn = Callable[[str], Client]
BAND = "这个周期只供练习"


@pytest.fixture
def practised(world: World, client_for: SignIn) -> str:
    """The world's cycle as a practice one, filled and frozen; its URL."""
    fill(world, "g01", pairs=2, grades={"s1": "甲等", "s2": "甲等", "s3": "乙等"}, absences=1)
    fill(world, "g02", pairs=1, grades={"s4": "乙等", "s5": "丙等"}, absences=0)
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.practice, cycle.title, cycle.state = True, "演练：示例年度考核", CycleState.DELIBERATION
        session.add(cycle)
        session.commit()
    base = f"/bureau/cycles/{world.cycle_id}"
    assert client_for("admin").post(f"{base}/freeze", {"op": "p"}).status_code == 303
    return base


def registry(world: World, text: str = sample.SAMPLE) -> RubricRegistry:
    folder = world.settings.data / "other"
    folder.mkdir(exist_ok=True)
    plugin = sample.SamplePlugin.at(folder)
    (folder / loader.FILE).write_text(text, encoding="utf-8")
    return RubricRegistry(build_plugin_manager(entry_points=False, plugins=(plugin,)))


# --- practice ------------------------------------------------------------------------------------


def test_practice_is_chosen_once_and_the_title_says_so(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    assert "开一个演练周期" in admin.text("/bureau/cycles")
    assert 'name="practice" value="1" checked' in admin.get("/bureau/cycles/new?practice=1").get_data(
        as_text=True
    )
    admin.post("/bureau/cycles/new", {"title": "试一次", "rubric": "sample", "practice": "1", "op": "p"})
    cycle = newest(world)
    assert (cycle.practice, cycle.title) == (True, "演练：试一次")
    base = f"/bureau/cycles/{cycle.id}"
    form = {"title": "再试一次", "rubric": "sample", "practice": "", "version": cycle.version}
    assert admin.post(f"{base}/basics", form).status_code == 303
    cycle = newest(world)
    assert (cycle.practice, cycle.title) == (True, "演练：再试一次")
    assert logged(world, "cycle.create")[-1].detail == {"practice": True}


def test_every_role_sees_the_mark_on_its_pages(world: World, practised: str, client_for: SignIn) -> None:
    entry_id = world.entries["g01"]
    pages = {
        "admin": [practised + "/ranking", practised + "/progress", practised + "/burden"],
        "lead1": [f"/entries/{entry_id}"],
        "chair": [f"/panel/cycles/{world.cycle_id}"],
        "leader": [f"/leader/cycles/{world.cycle_id}"],
    }
    for login, urls in pages.items():
        client = client_for(login)
        for url in urls:
            html = client.get(url).get_data(as_text=True)
            assert BAND in html, (login, url)
            assert 'class="practice-mark"' in html, (login, url)
            assert "practice.css" in html, (login, url)
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.practice = False
        session.add(cycle)
        session.commit()
    assert BAND not in client_for("admin").text(practised + "/ranking")


def test_its_workbook_says_practice_on_every_sheet(world: World, practised: str, client_for: SignIn) -> None:
    book = load_workbook(BytesIO(client_for("admin").get(f"{practised}/ranking.xlsx").data))
    for sheet in book:
        head = " ".join(str(c.value or "") for row in sheet.iter_rows(max_row=2) for c in row)
        assert "演练，不计入任何排名" in head, sheet.title
    assert "草案" not in str(book["排名"]["A2"].value)


def test_it_is_in_no_ranking_and_is_nobodys_last_time(world: World, practised: str) -> None:
    """Not in the readers' lists, not the prior result, not a source to carry over from, no claim elsewhere."""
    leader, admin = world.actor("leader"), world.actor("admin")
    with world.write() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        cycle.state = CycleState.ARCHIVED
        copied = cycle.model_dump(exclude={"id", "practice"}) | {
            "title": "正式考核",
            "state": CycleState.FILING,
        }
        real = Cycle(**copied)
        session.add_all([cycle, real])
        session.flush()
        entry = Entry(cycle_id=real.id or 0, unit_id=world.units["g01"], code="g01", name="甲山教育集团")
        session.add(entry)
        session.flush()
        rubric = loader.load(sample.SAMPLE).bind()
        for owner in (world.entries["g01"], entry.id or 0):
            session.add(
                Evidence(
                    entry_id=owner,
                    number=9,
                    sha256="c" * 64,
                    name="签到表.pdf",
                    media_type="application/pdf",
                    size=9,
                    uploaded_by=world.users["lead1"],
                )
            )
        session.flush()

        def seen() -> tuple[object, ...]:
            finds = [f for f in radar.find(session, real, rubric, None) if cycle.title in repr(f)]
            return (
                [c.title for c, _held in readable_cycles(session, leader)],
                sorted(prior_results(session, real)) != [],
                source_of(session, real, entry) is not None,
                has_earlier(session, real),
                bool(finds),
            )

        assert seen() == ([], False, False, False, False)
        cycle.practice = False  # the same cycle, were it a real one
        session.add(cycle)
        session.flush()
        assert seen() == ([cycle.title], True, True, True, True)
        cycle.practice, cycle.state = True, CycleState.PUBLISHED
        session.flush()
        at, today = datetime.now(UTC), datetime.now(UTC).date()
        assert [t for t in todos(session, leader, at=at, today=today) if t.endpoint == "leader.cycle"] == []
        assert admin.has(Role.BUREAU)
        session.rollback()


# --- ties in the wizard --------------------------------------------------------------------------


def test_ties_are_set_until_the_opening(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    _id, base = new_cycle(admin, world)
    form = {"title": "2031 年考核", "rubric": "sample", "ties": "dense", "tie_break": ["base", "A", ""]}
    assert admin.post(f"{base}/basics", form).status_code == 303
    cycle = newest(world)
    assert (cycle.ties, cycle.tie_break) == (TieRule.DENSE, ["base", "A"])
    change = logged(world, "cycle.change")[-1]
    assert (change.old["ties"], change.new["ties"], change.new["tie_break"]) == (
        "skip",
        "dense",
        ["base", "A"],
    )
    twice = admin.post(f"{base}/basics", {**form, "tie_break": ["A", "A"]})
    assert (twice.status_code, "选了两次" in twice.get_data(as_text=True)) == (422, True)
    gone = admin.post(f"{base}/basics", {**form, "tie_break": ["Z9"]})
    assert (gone.status_code, "没有可以比较的“Z9”" in gone.get_data(as_text=True)) == (422, True)
    assert newest(world).tie_break == ["base", "A"]
    prepare(admin, world, base)
    page = admin.get(f"{base}/open").get_data(as_text=True)
    assert "同分时依次比较基本分、一 制度，高的在前；仍相同的，同分同名次，后一名次紧接。" in page
    seen = page.split('name="seen" value="', 1)[1].split('"', 1)[0]
    assert admin.post(f"{base}/open", {"seen": seen}).status_code == 303
    late = admin.post(f"{base}/basics", {**form, "tie_break": ["base"]})
    assert (late.status_code, newest(world).tie_break) == (409, ["base", "A"])


def test_a_figure_that_left_the_rubric_stops_the_opening(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    _id, base = new_cycle(admin, world)
    prepare(admin, world, base)
    with world.write() as session:
        cycle = session.exec(select(Cycle).order_by(col(Cycle.id).desc())).first()
        assert cycle is not None
        cycle.tie_break = ["gone"]
        session.add(cycle)
        session.commit()
    assert "同分比较用的gone已不在考核办法里" in admin.text(f"{base}/open")


# --- copying -------------------------------------------------------------------------------------


def test_titles_and_dates_move_on_by_a_year() -> None:
    assert next_title("2030—2031 学年考核") == "2031—2032 学年考核"
    assert next_title("演练：2030 年考核") == "2031 年考核"
    assert next_title("文号 120311 的考核") == "文号 120311 的考核（下一年度）"
    assert len(next_title("长" * 80)) <= 80
    with use_language("en"):
        assert len(next_title("长" * 80)) <= 80
    leap = datetime(2032, 2, 29, 1, tzinfo=UTC)
    moved = a_year_on(leap, "Asia/Shanghai")
    assert moved is not None
    assert moved.astimezone(UTC) == datetime(2033, 2, 28, 1, tzinfo=UTC)
    assert a_year_on(None, "Asia/Shanghai") is None


def opened(world: World, admin: Client) -> Cycle:
    """A cycle opened through the wizard, with rulings, panel, ties and dates; archived then."""
    _id, base = new_cycle(admin, world)
    form = {"title": "2031 年考核", "rubric": "sample", "ties": "dense", "tie_break": ["base", "A"]}
    admin.post(f"{base}/basics", form)
    prepare(admin, world, base)
    chosen = {"value": "none", "reason": "按局里意见", "on": "", "who": "局务会"}
    assert admin.post(f"{base}/rulings/long_stay", chosen).status_code == 303
    page = admin.get(f"{base}/open").get_data(as_text=True)
    seen = page.split('name="seen" value="', 1)[1].split('"', 1)[0]
    assert admin.post(f"{base}/open", {"seen": seen}).status_code == 303
    with world.write() as session:
        cycle = session.exec(select(Cycle).order_by(col(Cycle.id).desc())).first()
        assert cycle is not None
        cycle.state, cycle.max_returns, cycle.assigned = CycleState.ARCHIVED, 5, True
        session.add(cycle)
        session.commit()
    return newest(world)


def test_one_click_makes_the_next_years_draft(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    source = opened(world, admin)
    for _n in range(2):  # sent twice, copied once
        assert admin.post(f"/bureau/cycles/{source.id}/copy", {"op": "c1"}).status_code == 303
    made = newest(world)
    assert made.id == (source.id or 0) + 1
    assert (made.title, made.state, made.practice) == ("2032 年考核", CycleState.DRAFT, False)
    assert (made.rubric_key, made.rulings, made.ruling_notes) == (
        "sample",
        source.rulings,
        source.ruling_notes,
    )
    assert made.rulings["long_stay"] == "none"
    assert (made.combine, made.ties, made.tie_break, made.max_returns, made.assigned) == (
        CombineRule.MEDIAN,
        TieRule.DENSE,
        ["base", "A"],
        5,
        True,
    )
    assert source.filing_until is not None
    assert made.filing_until == a_year_on(source.filing_until, "Asia/Shanghai")
    assert made.publish_from is None
    with world.read() as session:
        entries = session.exec(select(Entry).where(Entry.cycle_id == made.id)).all()
        assert sorted(e.code for e in entries) == ["g01", "g02"]
        panel = session.exec(select(Grant).where(Grant.cycle_id == made.id)).all()
        assert sorted((g.user_id, g.role) for g in panel) == sorted(
            [
                (world.users["chair"], Role.CHAIR),
                (world.users["rev1"], Role.REVIEWER),
                (world.users["rev2"], Role.REVIEWER),
            ]
        )
    text = admin.text(f"/bureau/cycles/{made.id}/copied")
    for said in ("考核组 3 人", "考核对象 2 个", "日程顺延一年", "填报内容、材料、评分和结果不复制"):
        assert said in text, said
    assert admin.get(f"/bureau/cycles/{source.id}/copied").status_code == 404


def test_what_does_not_come_along_is_listed(world: World, client_for: SignIn) -> None:
    source_id = opened(world, client_for("admin")).id
    later = (
        sample.SAMPLE.replace('key = "quota"', 'key = "places"')
        .replace('{key = "none", value = 0, label = "不计"}', '{key = "half", value = 0.4, label = "折半"}')
        .replace('code = "base"', 'code = "basis"')
        .replace('value = "base"', 'value = "basis"')
        .replace('version = "1"', 'version = "2"')
    )
    with world.write() as session:
        source = session.get(Cycle, source_id)
        unit = session.get(Unit, world.units["g02"])
        person = session.get(User, world.users["rev2"])
        assert source is not None
        assert unit is not None
        assert person is not None
        unit.active, person.active = False, False
        session.add_all([unit, person])
        session.flush()
        actor = world.actor("admin")
        made = copy_cycle(session, actor, registry(world, later), source, at=datetime.now(UTC))
        entry = session.exec(
            select(LogEntry).where(LogEntry.action == "cycle.copy", LogEntry.cycle_id == made.id)
        ).one()
        report = report_of(entry.detail)
        assert report is not None
        assert made.rubric_version == "2"
        assert "long_stay" not in made.rulings
        assert "quota" not in made.ruling_notes
        assert made.tie_break == ["A"]
        assert report.left == [
            "裁定，新办法里已没有：优秀的名额",
            "裁定，上次的选项已不提供，要重定：满6个月怎样计分",
            "裁定，还没有定：优秀的名额",
            "同分比较：办法里已没有 base",
            "评分分工：按分工评分的设置沿用，谁评哪些要重新安排",
            "考核对象 丁桥教育集团：已停用或改用别的考核办法",
            "考核组 评委二：账号已停用",
            "填报内容、材料、评分和结果不复制。开启后各单位可以结转仍然有效的内容。",
        ]
        session.rollback()


def test_without_the_rubric_nothing_is_copied(world: World) -> None:
    with world.write() as session:
        source = session.get(Cycle, world.cycle_id)
        assert source is not None
        empty = RubricRegistry(build_plugin_manager(entry_points=False))
        with pytest.raises(Invalid, match="没有安装，装回后才能复制"):
            copy_cycle(session, world.actor("admin"), empty, source, at=datetime.now(UTC))
        with pytest.raises(DomainError):
            copy_cycle(session, world.actor("leader"), registry(world), source, at=datetime.now(UTC))


def test_a_stale_form_is_told(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    _id, base = new_cycle(admin, world)
    form = {"title": "2031 年考核", "rubric": "sample", "ties": "dense", "version": 1}
    assert admin.post(f"{base}/basics", form).status_code == 303
    assert admin.post(f"{base}/basics", {**form, "ties": "skip"}).status_code == Conflict.status
    assert newest(world).ties == TieRule.DENSE
    assert stamp(0) < stamp(1)
