"""One whole cycle of 名校集团评价 through the pages, to the last cell of the ranked workbook.

Unit JT1 is filled in and scored on the pages; its points below are worked out by hand from the
notice. JT2 and JT3 are sample units, filled in behind the pages; theirs come from the engine.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import expect

from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import engine
from intranet.rubric.model import Clause
from tests.e2e import acts, behind
from tests.e2e.acts import Decision, Said, Site
from tests.e2e.harness import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

UNITS = behind.sample_units("chengdu_group")
ONE, TWO, THREE = (UNITS[code] for code in ("JT1", "JT2", "JT3"))

DECISIONS = (
    Decision("cutoff", "2026-05-18", "本期材料截止日"),
    Decision("window_from", "2025-09-01", "本期为2025-2026学年"),
    Decision("media_district", "none", "总则写市级以上"),
)
RULINGS = {
    "cutoff": "2026-05-18",
    "window_from": "2025-09-01",
    "exec_short": "none",
    "irregular_6m_cadre": "top",
    "irregular_6m_teacher": "top",
    "national": "provincial",
    "award_recipients": "no",
    "media_district": "none",
    "reprints": "each",
    "entrusted_mapping": [],
    "rank_by": "total",
}

PEOPLE = (
    ("f001", "云填报示例", "填报负责人", "ys1"),
    ("f002", "云协作示例", "填报协作人", "ys2"),
    ("f003", "白填报示例", "填报负责人", "bl1"),
    ("f004", "松填报示例", "填报负责人", "st1"),
    ("p001", "组长示例", "考核组", ""),
    ("p002", "评委甲示例", "考核组", ""),
    ("p003", "评委乙示例", "考核组", ""),
)

POINTS = {
    # 一 管理制度 20
    "C1.1": "1.5",
    "C1.2": "1.3",  # 1.5 and 1.2, settled by the chair
    "C1.3": "2.5",  # five of six at 0.5
    "C1": "5.3",
    "C2.1": "1.5",
    "C2.2": "1.5",
    "C2.3": "1.25",
    "C2.4": "1.13",  # mean of 1 and 1.25 is 1.125, half up
    "C2": "5.38",
    "C3.1": "2",
    "C3.2": "2",
    "C3.3": "1.8",
    "C3.4": "0",
    "C3": "5.8",
    "一": "16.48",
    # 二 人员交流 25
    "C4.1a": "1",  # one 执行校长, 44 months
    "C4.1b": "0.8",  # one 其他校级, 26 months
    "C4.1": "1.8",
    "C4.2a": "0.9",  # 4 months 0.4, 8 months 0.5; 成员→成员 does not count
    "C4.2b": "0.3",  # the same person 1.5 + 1.8 = 3.3 months
    "C4.2": "1.2",
    "C4": "3",
    "C5.1": "0.9",  # 8, 3 and 2 months: 0.4 + 0.3 + 0.2; 成员→龙头 does not count
    "C5.2": "0.2",  # 2 and 2.8 months at 0.1
    "C5": "1.1",
    "二": "4.1",
    # 三 共同体建设 40
    "C6.1": "2.5",
    "C6.2": "2",
    "C6": "4.5",
    "C7.1a": "2.5",
    "C7.1b": "1.5",
    "C7.1": "4",
    "C7": "4",
    "C8.1a": "3",
    "C8.1b": "1",
    "C8.1": "4",
    "C8.2a": "2",
    "C8.2b": "0",
    "C8.2": "2",
    "C8": "6",
    "C9.1a": "2.5",
    "C9.1b": "1",
    "C9.1": "3.5",
    "C9.2a": "2",
    "C9.2b": "0",
    "C9.2": "2",
    "C9": "5.5",
    "C10.1": "2",
    "C10.2": "4",
    "C10.3": "1.5",
    "C10": "7.5",
    "三": "27.5",
    # 四 特色成效 15
    "C11.1": "2.5",
    "C11.2": "1",
    "C11": "3.5",
    "C12.1": "1.5",  # 市级 1, 区级政府 0.5, 区级部门 0
    "C12.2": "0.5",
    "C12": "2",
    "C13.1": "2.5",  # 市级 1, 省级转载 1.5, 区级 0 by the ruling
    "C13.2": "1",
    "C13": "3.5",
    "四": "9",
    # 五 加分 20
    "C14": "6",
    "C15": "3",
    "五": "9",
    "T": "66.08",
}
"""JT1, worked out by hand."""

MAXIMA: dict[str, int | str] = {
    "T": 120, "一": 20, "C1": 6, "C1.1": "1.5", "C1.2": "1.5", "C1.3": 3,
    "C2": 6, "C2.1": "1.5", "C2.2": "1.5", "C2.3": "1.5", "C2.4": "1.5", "C3": 8, "C3.1": 2, "C3.2": 2, "C3.3": 2, "C3.4": 2,
    "二": 25, "C4": 13, "C4.1": 7, "C4.1a": 3, "C4.1b": 4, "C4.2": 6, "C4.2a": 4, "C4.2b": 2, "C5": 12, "C5.1": 6, "C5.2": 6,
    "三": 40, "C6": 5, "C6.1": 3, "C6.2": 2, "C7": 5, "C7.1": 5, "C7.1a": 3, "C7.1b": 2,
    "C8": 10, "C8.1": 5, "C8.1a": 3, "C8.1b": 2, "C8.2": 5, "C8.2a": 3, "C8.2b": 2,
    "C9": 10, "C9.1": 5, "C9.1a": 3, "C9.1b": 2, "C9.2": 5, "C9.2a": 3, "C9.2b": 2, "C10": 10, "C10.1": 3, "C10.2": 5, "C10.3": 2,
    "四": 15, "C11": 5, "C11.1": 3, "C11.2": 2, "C12": 5, "C12.1": 3, "C12.2": 2, "C13": 5, "C13.1": 3, "C13.2": 2,
    "五": 20, "C14": 10, "C15": 10,
}  # fmt: skip
"""The notice's printed points, in the order of its table."""

CADRES = [
    ["姓名（工号）", "职务", "派出校", "接收校", "类别", "起", "止", "或：月数", "文件类别", "文件名与文号"],
    ["云戊示例 105", "中层", "云杉示例小学", "云杉示例三小", "定期", "2025.9.1", "2026年1月15日", "", "集团文件", "示例集团〔2025〕3号"],
    ["云己示例 201", "中层", "云杉示例二小", "云杉示例小学", "定期", "2025/9/1", "", "", "集团文件", ""],
    ["云庚示例 301", "中层", "云杉示例三小", "云杉示例中学", "定期", "2025-09-01", "", "", "集团文件", ""],
    ["云辛示例 106", "中层", "云杉示例小学", "云杉示例中学", "不定期", "", "", "1.5", "集团文件", ""],
    ["云辛示例 106", "中层", "云杉示例小学", "云杉示例二小", "不定期", "", "", "１．８", "集团文件", ""],
]  # fmt: skip
TEACHERS = [
    ["姓名（工号）", "称号", "派出校", "接收校", "类别", "起", "止", "或：月数", "文件类别"],
    ["杉甲示例 111", "区级骨干教师", "云杉示例小学", "云杉示例二小", "定期", "2025-09-01", "", "", "教育行政部门文件"],
    ["杉乙示例 112", "", "云杉示例小学", "云杉示例三小", "定期", "2025-09-01", "2025-11-30", "", "教育行政部门文件"],
    ["杉丙示例 113", "", "云杉示例小学", "云杉示例中学", "定期", "2025-09-01", "2025-11-28", "", "教育行政部门文件"],
    ["杉丁示例 211", "", "云杉示例二小", "云杉示例小学", "定期", "2025-09-01", "", "", "教育行政部门文件"],
    ["杉戊示例 212", "", "云杉示例二小", "云杉示例小学", "不定期", "", "", "2", "集团记录"],
    ["杉己示例 114", "", "云杉示例小学", "云杉示例三小", "不定期", "2025-10-08", "2025-12-31", "", "集团记录"],
]  # fmt: skip
MEDIA = [
    ["报道标题", "媒体名称", "媒体级别", "媒体类别", "转载", "日期"],
    ["一个集团的五年（示例）", "示例市报", "市级", "主流媒体", "", "2025-11-03"],
    ["一个集团的五年（示例）", "示例省网", "省级", "主流网络媒体", "是", "2025-11-04"],
    ["开学第一课（示例）", "示例区报", "区级", "主流媒体", "", "2025-09-01"],
]

FILED: list[list[str | None]] = [
    ["制定了集团发展章程", "集团章程", None],
    ["集团章程文本", "集团章程", "1 章程.pdf"],
    ["①学校名称、办学理念和宗旨", "集团章程", None],
    ["②机构设置与运行规则", "集团章程", None],
    ["③管理层人事构成及议事规则", "集团章程", None],
    ["④双方权利义务", "集团章程", None],
    ["⑥建立“民主管理委员会”等", "集团章程", None],
    ["三年发展规划", "集团发展规划、年度计划和年度总结", "2 规划.pdf"],
    ["年度计划", "集团发展规划、年度计划和年度总结", None],
    ["年度总结", "集团发展规划、年度计划和年度总结", None],
    ["干部教师流动、专业培养培训制度文本", "集团运行专项制度", "3 二小的制度.pdf"],
    ["云甲示例 101（执行校长）由云杉示例小学到云杉示例二小派驻交流", "干部交流", "4 派驻文件.pdf"],
    ["云丙示例 103（其他校级）由云杉示例小学到云杉示例三小派驻交流", "干部交流", None],
    ["云戊示例 105（中层）由云杉示例小学到云杉示例三小定期交流", "干部交流", None],
    ["云己示例 201（中层）由云杉示例二小到云杉示例小学定期交流", "干部交流", None],
    ["云庚示例 301（中层）由云杉示例三小到云杉示例中学定期交流", "干部交流", None],
    ["云辛示例 106（中层）由云杉示例小学到云杉示例中学不定期交流", "干部交流", None],
    ["云辛示例 106（中层）由云杉示例小学到云杉示例二小不定期交流", "干部交流", None],
    ["杉甲示例 111由云杉示例小学到云杉示例二小定期交流", "教师交流", None],
    ["杉乙示例 112由云杉示例小学到云杉示例三小定期交流", "教师交流", None],
    ["杉丙示例 113由云杉示例小学到云杉示例中学定期交流", "教师交流", None],
    ["杉丁示例 211由云杉示例二小到云杉示例小学定期交流", "教师交流", None],
    ["杉戊示例 212由云杉示例二小到云杉示例小学不定期交流", "教师交流", None],
    ["杉己示例 114由云杉示例小学到云杉示例三小不定期交流", "教师交流", None],
    ["龙头学校组织开展教师培养培训活动：集团新教师研修班", "培养培训", None],
    ["获市级奖励“集团化办学先进集体”", "表彰奖励", None],
    ["获区级奖励“优秀办学单位”", "表彰奖励", None],
    ["获区级奖励“教学竞赛优秀组织奖”", "表彰奖励", None],
    ["示例区区长对“集团师资共培”作出肯定性批示", "表彰奖励", None],
    ["示例市报报道：一个集团的五年（示例）", "媒体报道", None],
    ["示例省网报道：一个集团的五年（示例）", "媒体报道", None],
    ["示例区报报道：开学第一课（示例）", "媒体报道", None],
    ["在“示例市集团化办学交流会”上作主题发言：共建共享的五条路（示例）", "媒体报道", None],
]
"""附件2 of JT1: 集团工作推进情况, 指标类别, 印证材料名称及编号."""


def test_a_whole_cycle_to_the_ranked_workbook(site: Site, visit: Visit, tmp_path: Path) -> None:
    clerk = acts.enter(visit, site, "admin")
    cycle = _set_up(clerk, site)
    rest = behind.Behind(site, cycle)
    entry = rest.entry_id("JT1")

    lead, member = acts.enter(visit, site, "f001"), acts.enter(visit, site, "f002")
    _management(lead, member, entry)
    _exchange(lead, entry)
    _community(lead, entry)
    _results(lead, entry)
    acts.submit(lead, entry)
    expect(lead.page.locator(".sheet")).to_contain_text("云杉示例教育集团")
    lead.go(f"/entries/{entry}/indicators/C1")
    assert "已提交" in lead.words()

    rest.file("f003", "JT2", TWO["docs"])
    rest.file("f004", "JT3", THREE["docs"])
    acts.advance(clerk, cycle, "评分")

    _review(visit, site, entry)
    half = {code: _half_marks(rest, code) for code in ("JT2", "JT3")}
    assert "C2.4" not in half["JT2"]  # no 年度总结: the gate is closed
    assert {"C2.2", "C2.4"} & half["JT3"].keys() == set()
    _deliberate(visit, site, entry)

    acts.advance(clerk, cycle, "合议")
    acts.freeze(clerk, cycle)
    acts.advance(clerk, cycle, "公示")
    clerk.go(f"/bureau/cycles/{cycle}/ranking")
    data = clerk.download("下载排名表（xlsx）")
    (tmp_path / "ranking.xlsx").write_bytes(data)

    _compare(data, half)
    lead.go(f"/entries/{entry}/result")
    assert "66.08" in lead.words()


# --- the steps -----------------------------------------------------------------------------------


def _set_up(clerk: Visitor, site: Site) -> int:
    acts.import_workbook(clerk, "/bureau/units/import", "单位.xlsx", behind.register_rows([ONE, TWO, THREE]))
    acts.import_workbook(clerk, "/bureau/people/import", "人员.xlsx", PEOPLE)
    site.passwords |= acts.first_passwords(clerk)
    assert site.passwords.keys() == {row[0] for row in PEOPLE}
    return acts.prepare_cycle(
        clerk,
        title="2025-2026学年",
        rubric="chengdu_group",
        decisions=DECISIONS,
        units=[ONE["name"], TWO["name"], THREE["name"]],
        chair="组长示例",
        reviewers=["评委甲示例", "评委乙示例"],
    )


def _management(lead: Visitor, member: Visitor, entry: int) -> None:
    """一: ticks, own scores, uploads, 确实没有; the member school uploads to the slot that was handed to it."""
    lead.go(f"/entries/{entry}/indicators/C1")
    acts.answer(lead, "C1.1.charter", True)
    assert acts.self_total(lead) == "1.5"
    for tick in ("name", "bodies", "leaders", "duties", "democracy"):
        acts.answer(lead, f"C1.3.{tick}", True)
    acts.answer(lead, "C1.3.joining", False)
    assert acts.self_total(lead) == "4"
    acts.self_score(lead, "C1.2", "1.5")
    assert acts.self_total(lead) == "5.5"
    acts.upload(lead, "slot:C1.1#1", "章程.pdf")
    expect(lead.page.locator(".chip", has_text="章程.pdf")).to_contain_text("1 号")

    acts.hand_out(lead, entry, "clause:C3.1", "ys2", of="C3")
    member.go(f"/entries/{entry}/indicators/C3")
    assert member.page.locator('[data-place="slot:C3.2#1"]').count() == 0
    acts.upload(member, "slot:C3.1#1", "二小的制度.pdf")
    expect(member.page.locator(".chip", has_text="二小的制度.pdf")).to_contain_text("2 号")

    lead.go(f"/entries/{entry}/indicators/C2")
    for tick in ("plan3", "plan", "summary"):
        acts.answer(lead, f"C2.1.{tick}", True)
    for leaf, points in (("C2.2", "1.5"), ("C2.3", "1.25"), ("C2.4", "1")):
        acts.self_score(lead, leaf, points)
    assert acts.self_total(lead) == "5.25"
    acts.upload(lead, "slot:C2.1#1", "规划.pdf")

    lead.go(f"/entries/{entry}/indicators/C3")
    expect(lead.page.locator(".chip", has_text="二小的制度.pdf")).to_be_visible()
    for leaf, points in (("C3.1", "2"), ("C3.2", "2"), ("C3.3", "1.8"), ("C3.4", "0")):
        acts.self_score(lead, leaf, points)
    acts.absent(lead, "C3.4#1")
    expect(lead.page.locator(".slot", has_text="专项经费制度文本")).to_contain_text("已注明确实没有")
    assert acts.self_total(lead) == "5.8"


def _exchange(lead: Visitor, entry: int) -> None:
    """二: rosters by form and by paste."""
    doc = {"doc_kind": "教育行政部门文件", "category": "派驻", "from": "云杉示例小学"}
    lead.go(f"/entries/{entry}/indicators/C4")
    head = {"person": "云甲示例 101", "post": "执行校长", "to": "云杉示例二小", "start": "2022-09-01"}
    acts.add_row(lead, "cadres", head | doc, more=True)
    assert acts.self_total(lead) == "1"
    other = {"person": "云丙示例 103", "post": "其他校级", "to": "云杉示例三小", "start": "2024-02-20"}
    acts.add_row(lead, "cadres", other | doc)
    assert acts.self_total(lead) == "1.8"
    row = lead.page.locator("#table-cadres tbody tr", has_text="云甲示例 101").first
    expect(row).to_contain_text("44")  # 2022-09-01 to the cut-off: 44 whole months
    row.get_by_role("link", name="附文件").click()
    ref = lead.page.locator("#table-cadres form.upload input[name=ref]").get_attribute("value")
    assert ref is not None
    acts.upload(lead, ref, "派驻文件.pdf")
    lead.page.locator("#table-cadres").get_by_role("link", name="取消").click()
    lead.settle()
    acts.paste(lead, "cadres", CADRES)
    assert acts.self_total(lead) == "3"
    expect(lead.page.locator("#table-cadres")).to_contain_text("不是龙头学校与成员学校之间的交流")

    lead.go(f"/entries/{entry}/indicators/C5")
    acts.paste(lead, "teachers", TEACHERS)
    assert acts.self_total(lead) == "1.1"
    expect(lead.page.locator("#table-teachers")).to_contain_text("差 2 天满 3 个月")


def _community(lead: Visitor, entry: int) -> None:
    """三: lists that only support the panel's judgement, most of them empty."""
    lead.go(f"/entries/{entry}/indicators/C6")
    acts.self_score(lead, "C6.1", "3")
    acts.self_score(lead, "C6.2", "2")
    lead.go(f"/entries/{entry}/indicators/C7")
    activity = {
        "kind": "教师培养培训",
        "host": "龙头学校",
        "name": "集团新教师研修班",
        "date": "2025年10月15日",
        "people": "86",
    }
    acts.add_row(lead, "activities", activity)
    lead.go(f"/entries/{entry}/indicators/C9")
    acts.declare_empty(lead, "projects")
    lead.go(f"/entries/{entry}/indicators/C10")
    acts.declare_empty(lead, "resources")


def _results(lead: Visitor, entry: int) -> None:
    """四 and 五: tallies by form and by paste, one computed score departed from with a reason."""
    lead.go(f"/entries/{entry}/indicators/C11")
    acts.declare_empty(lead, "titles")
    lead.go(f"/entries/{entry}/indicators/C12")
    awards = (
        ("集团化办学先进集体", "市级", "部门", "集团"),
        ("优秀办学单位", "区级", "党委、政府", "龙头学校"),
        ("教学竞赛优秀组织奖", "区级", "部门", "成员学校"),
    )
    for n, (name, level, kind, recipient) in enumerate(awards, 1):
        cells = {"name": name, "level": level, "issuer_kind": kind, "recipient": recipient}
        acts.add_row(lead, "awards", cells, more=n < len(awards))
    assert acts.self_total(lead) == "1.5"
    said = {"subject": "集团师资共培", "level": "区级", "leader_kind": "区县主要领导", "leader": "示例区区长"}
    acts.add_row(lead, "instructions", said)
    assert acts.self_total(lead) == "2"
    lead.go(f"/entries/{entry}/indicators/C13")
    acts.paste(lead, "media", MEDIA)
    assert acts.self_total(lead) == "2.5"
    speech = {"title": "共建共享的五条路（示例）", "meeting": "示例市集团化办学交流会", "level": "市级"}
    acts.add_row(lead, "speeches", speech)
    assert acts.self_total(lead) == "3.5"
    lead.go(f"/entries/{entry}/indicators/C14")
    acts.declare_empty(lead, "entrusted")
    acts.self_score(lead, "C14", "6")


LOWER = "材料不足"
FIRST: dict[str, dict[str, Said | str]] = {
    "C1": {"C1.2": "1.5"},
    "C2": {"C2.2": "1.5", "C2.3": "1.25", "C2.4": "1"},
    "C3": {"C3.1": "2", "C3.2": "2", "C3.3": "1.8", "C3.4": "0"},
    "C4": {},
    "C5": {},
    "C6": {"C6.1": Said("2.5", LOWER), "C6.2": "2"},
    "C7": {"C7.1a": "2.5", "C7.1b": "1.5"},
    "C8": {"C8.1a": "3", "C8.1b": "1", "C8.2a": "2", "C8.2b": "0"},
    "C9": {"C9.1a": "2.5", "C9.1b": "1", "C9.2a": "2", "C9.2b": "0"},
    "C10": {"C10.1": "2", "C10.2": "4", "C10.3": "1.5"},
    "C11": {"C11.1": "2.5", "C11.2": "1"},
    "C12": {},
    "C13": {},
    "C14": {"C14": "6"},
    "C15": {"C15": "3"},
}
SECOND = FIRST | {
    "C1": {"C1.2": Said("1.2", LOWER)},
    "C2": {"C2.2": "1.5", "C2.3": "1.25", "C2.4": "1.25"},
}


def _review(visit: Visit, site: Site, entry: int) -> None:
    for login, marks in (("p002", FIRST), ("p003", SECOND)):
        reviewer = acts.enter(visit, site, login)
        acts.mark_unit(reviewer, entry, marks)


def _deliberate(visit: Visit, site: Site, entry: int) -> None:
    chair = acts.enter(visit, site, "p001")
    acts.open_board(chair)
    rows = chair.page.locator("tbody tr", has_text=ONE["name"])
    expect(rows.filter(has_text="章程效力")).to_contain_text("1.35")
    expect(rows.filter(has_text="总结质量")).to_contain_text("1.13")
    acts.settle(chair, entry, "C1", "C1.2", "1.3", "合议：有备案证明，无审议记录")


def _half(clause: Clause) -> Fraction:
    assert clause.max is not None
    return clause.max / 2


def _half_marks(rest: behind.Behind, code: str) -> dict[str, Fraction]:
    """Both reviewers give half of every judged leaf."""
    first, second = (rest.mark(login, code, _half) for login in ("p002", "p003"))
    assert first == second
    return first


# --- the workbook --------------------------------------------------------------------------------


def _compare(data: bytes, half: dict[str, dict[str, Fraction]]) -> None:
    definition = RubricRegistry(build_plugin_manager()).installed["chengdu_group"].definition
    facts = [behind.facts_of(unit, half[unit["code"]]) for unit in (TWO, THREE)]
    others = engine.score_cohort(definition.bind(RULINGS), facts)
    rows = {ONE["name"]: {code: Fraction(text) for code, text in POINTS.items()}}
    for result in others:
        rows[result.name] = {c: result.sheet[c].points or Fraction(0) for c in MAXIMA}
    order = sorted(rows, key=lambda name: -rows[name]["T"])

    assert behind.sheet_names(data)[:2] == ["排名", "指标得分"]
    ranking = behind.sheet_cells(data, "排名")
    assert ranking[0] == ["2025-2026学年排名表"]
    assert str(ranking[1][0]).startswith(
        "成都市基础教育名校集团发展工作评价指标及评分标准　　示例区教育局　　公示　　冻结于 "
    )
    assert ranking[2] == ["名次", "教育集团", "基本分", "加分", "总分", "状态", "核对", "账本总分"]
    assert ranking[-1] == ["同分同名次，后一名次空缺。"]
    assert ranking[3:-1] == [
        [
            Fraction(n),
            name,
            sum((rows[name][c] for c in "一二三四"), Fraction(0)),
            rows[name]["五"],
            rows[name]["T"],
            "已评定",
            "一致",
            rows[name]["T"],
        ]
        for n, name in enumerate(order, 1)
    ]

    points = behind.sheet_cells(data, "指标得分")
    assert points[5] == ["分值", None, *(Fraction(m) for m in MAXIMA.values())]
    expected: list[list[behind.Cell]] = []
    for n, name in enumerate(order, 1):
        expected.append([Fraction(n), name, *[rows[name][code] for code in MAXIMA]])
    assert points[6:] == expected

    form = behind.sheet_cells(data, ONE["name"])
    assert form[0] == ["云杉示例教育集团2025-2026学年工作推进情况统计表"]
    assert form[2] == ["序号", "集团工作推进情况", "指标类别", "印证材料名称及编号"]
    assert form[3:] == [_without_end([str(n), *cells]) for n, cells in enumerate(FILED, 1)]


def _without_end(cells: list[str | None]) -> list[str | None]:
    return cells if cells[-1] is not None else cells[:-1]
