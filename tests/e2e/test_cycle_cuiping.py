"""One whole cycle of 学区管理考核 through the pages, to the last cell of the ranked workbook.

Unit XQ1 is filled in and scored on the pages; its points below are worked out by hand from the
notice. XQ2 (小学 only) and XQ4 are sample units, filled in behind the pages; theirs come from the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import engine
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import State
from intranet.rubric.model import Clause
from tests.e2e import acts, behind
from tests.e2e.acts import Decision, Said, Site
from tests.e2e.harness import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

UNITS = behind.sample_units("cuiping_xuequ")
ONE, TWO, FOUR = (UNITS[code] for code in ("XQ1", "XQ2", "XQ4"))

DECISIONS = (
    Decision("b10_ties", "mean", "并列的平分"),
    Decision("show_primary", "10", "展示考核小学组10分"),
    Decision("show_middle", "10", "展示考核中学组10分"),
    Decision("show_missing", "other", "缺的一组按另一组计"),
)
RULINGS: dict[str, Any] = {
    "b10_ties": "mean",
    "b10_missing": "skip",
    "b10_positive_only": "printed",
    "b12b_once_per": "person",
    "b13_once_per": "once",
    "b13_national": "province",
    "b15_below": "panel",
    "show_primary": "10",
    "show_middle": "10",
    "show_missing": "other",
    "n3_counts": "zone",
    "rank_awards": "",
}

PEOPLE = (
    ("g001", "禾填报示例", "填报负责人", "qh1"),
    ("g002", "禾协作示例", "填报协作人", "qh3"),
    ("g003", "银填报示例", "填报负责人", "yx1"),
    ("g004", "晨填报示例", "填报负责人", "cx1"),
    ("q001", "组长示例", "考核组", ""),
    ("q002", "评委甲示例", "考核组", ""),
    ("q003", "评委乙示例", "考核组", ""),
)

GRADES = {  # 当年, 上年
    "青禾示例一小": ("一等奖", "二等奖"),  # 5 and 4
    "青禾示例二小": ("二等奖", "二等奖"),
    "青禾示例三中": ("二等奖", "三等奖"),
    "青禾示例四小": ("三等奖", "未获奖"),  # 3 and 0
    "银杏示例一小": ("二等奖", "二等奖"),
    "银杏示例二小": ("二等奖", "三等奖"),
    "银杏示例三小": ("二等奖", "三等奖"),
    "晨曦示例一小": ("二等奖", "二等奖"),
    "晨曦示例二中": ("三等奖", "三等奖"),
}
"""Means 16/4 = 4, 12/3 = 4, 7/2: two share the first place. Sums less last year's: 16−11 = 5, 12−10 = 2, 0."""

ABSENCES = {"青禾示例学区": "1", "银杏示例学区": "0", "晨曦示例学区": "2"}

# code: (own score on the school's form, points after the panel, maximum)
SCORES: dict[str, tuple[str | None, str, str]] = {
    "A1": (None, "16", "20"),
    "B1": ("4", "4", "4"),
    "B2": ("6", "6", "7"),  # 资金使用情况报表 missing
    "B3": ("3", "3", "3"),
    "B4": ("1", "1", "3"),  # one meeting short in the second term
    "B5": ("2", "2", "3"),  # one material missing
    "A2": (None, "53.13", "81"),
    "B6": ("5", "5", "6"),
    "B7": ("4", "4", "4"),
    "B8": ("2", "2", "4"),  # none in the second term
    "B9": ("0", "0", "6"),  # 未开展
    "B10": ("5", "11.5", "13"),
    "B10ab": ("5", "5", "6"),  # one report missing
    "B10c": (None, "6.5", "7"),
    "B10c1": (None, "2.5", "3"),  # first place shared by two: (3+2)/2
    "B10c2": (None, "4", "4"),
    "B11": ("7", "7", "10"),  # 英语 one activity short −2, one material −1
    "B12": ("7.5", "7.5", "10"),
    "B12a": ("4", "4", "5"),
    "B12b": (
        "3.5",
        "3.5",
        "5",
    ),  # 国家级 2, 省级 1.5; the same person's 区级 and the one without certificate do not count
    "B13": ("0.63", "0.63", "6"),  # (1.5 + 1) / 4 = 0.625, half up
    "B14": ("2", "2", "3"),
    "B15": ("6", "5", "6"),  # 8 of 42 is under 20 %: the panel takes 1
    "B16": ("2", "2", "3"),
    "B17": ("2", "2", "4"),
    "B18": ("5", "4.5", "6"),  # 5 and 4, settled by the chair
    "A3": (None, "8", "9"),
    "B19": ("8", "8", "9"),
    "A4": (None, "7.75", "10"),
    "B20": ("8", "7.75", "10"),  # mean of 8 and 7.5
    "S": (None, "15.5", ""),
    "S1": (None, "8", "10"),
    "S2": (None, "7.5", "10"),
}
TOTAL = "98.38"  # 84.88 of 120, 15.5 for the presentation, −2 for one absence

SLOTS: dict[str, str] = {
    "B1": "11", "B2": "110", "B3": "11", "B4": "11", "B5": "110", "B6": "111-", "B7": "11", "B8": "111",
    "B10ab": "1", "B11": "111110", "B12a": "11101", "B14": "1101", "B15": "1111", "B16": "11", "B19": "110",
}  # fmt: skip
"""Materials of XQ1 in the order of the notice: 1 uploaded, 0 确实没有, - left blank."""

PAGE = {"B10ab": "B10", "B12a": "B12"}

FIELDS: dict[str, dict[str, str | bool]] = {
    "B1": {"B1.done": True},
    "B2": {"B2.done": True},
    "B3": {"B3.done": True},
    "B4": {"B4.上学期": "2", "B4.下学期": "１"},
    "B5": {"B5.视导": "1"},
    "B6": {"B6.done": True},
    "B7": {"B7.主题德育活动": "2"},
    "B8": {"B8.上学期": "1", "B8.下学期": "0"},
    "B9": {"B9.done": False},
    "B10": {"B10ab.上学期": "1", "B10ab.下学期": "1", "B10.reports_missing": "1"},
    "B12": {"B12a.赛课、论文或案例评选": "1"},
    "B14": {"B14.done": True},
    "B15": {"backbone": "28", "excellent": "20", "both": "6", "took_part": "8"},
    "B18": {"B18.zone": "“青禾向阳”学区文化（示例）。"},
    "B19": {"B19.done": True},
    "B20": {"B20.summary": "四校联合备课，成果见印证材料（示例）。"},
}


def test_a_whole_cycle_to_the_ranked_workbook(site: Site, visit: Visit, tmp_path: Path) -> None:
    clerk = acts.enter(visit, site, "admin")
    cycle = _set_up(clerk, site)
    rest = behind.Behind(site, cycle)
    entry = rest.entry_id("XQ1")

    lead, member = acts.enter(visit, site, "g001"), acts.enter(visit, site, "g002")
    acts.hand_out(lead, entry, "clause:B6", "qh3")
    member.go(f"/entries/{entry}/indicators/B6")
    acts.upload(member, "slot:B6#1", "三中的课程方案.pdf")
    for indicator in ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10"):
        _fill_in(lead, entry, indicator)
    _fill_in_tables(lead, entry)
    acts.submit(lead, entry)

    for login, unit in (("g003", TWO), ("g004", FOUR)):
        rest.file(login, unit["code"], {"school": unit["docs"]["school"]})
    _bureau_data(clerk, cycle)
    acts.advance(clerk, cycle, "评分")
    _review(visit, site, entry)
    marks = {code: _marks(rest, code) for code in ("XQ2", "XQ4")}
    _deliberate(visit, site, entry, rest)
    acts.advance(clerk, cycle, "合议")
    acts.freeze(clerk, cycle)
    acts.advance(clerk, cycle, "公示")
    clerk.go(f"/bureau/cycles/{cycle}/ranking")
    data = clerk.download("下载排名表（xlsx）")
    (tmp_path / "ranking.xlsx").write_bytes(data)
    _compare(data, marks)
    lead.go(f"/entries/{entry}/result")
    assert TOTAL in lead.words()


# --- the steps -----------------------------------------------------------------------------------


def _set_up(clerk: Visitor, site: Site) -> int:
    acts.import_workbook(clerk, "/bureau/units/import", "单位.xlsx", behind.register_rows([ONE, TWO, FOUR]))
    acts.import_workbook(clerk, "/bureau/people/import", "人员.xlsx", PEOPLE)
    site.passwords |= acts.first_passwords(clerk)
    return acts.prepare_cycle(
        clerk,
        title="2025-2026学年",
        rubric="cuiping_xuequ",
        decisions=DECISIONS,
        units=[ONE["name"], TWO["name"], FOUR["name"]],
        chair="组长示例",
        reviewers=["评委甲示例", "评委乙示例"],
    )


def _fill_in(lead: Visitor, entry: int, indicator: str) -> None:
    """Fields and materials of one page; the sum beside the form follows."""
    lead.go(f"/entries/{entry}/indicators/{indicator}")
    for key, value in FIELDS.get(indicator, {}).items():
        acts.answer(lead, key, value)
    for code, slots in SLOTS.items():
        if PAGE.get(code, code) != indicator:
            continue
        for n, state in enumerate(slots, 1):
            if state == "1" and (code, n) != ("B6", 1):  # the member school's
                acts.upload(lead, f"slot:{code}#{n}", f"{code}-{n}.pdf")
            elif state == "0":
                acts.absent(lead, f"{code}#{n}")
    if indicator not in ("B10", "B12", "B15", "B18", "B20"):
        assert acts.self_total(lead) == SCORES[indicator][0], indicator


def _fill_in_tables(lead: Visitor, entry: int) -> None:
    lead.go(f"/entries/{entry}/indicators/B11")
    teams = [["学科（联组）", "协同活动"], ["语文", "3"], ["数学", "2"], ["英语", "1"]]
    acts.paste(lead, "teams", teams)
    _fill_in(lead, entry, "B11")

    _fill_in(lead, entry, "B12")
    contests = [
        ["选手", "学校", "赛事", "级别", "有获奖证书复印件"],
        ["苗甲示例", "青禾示例一小", "示例杯课堂教学竞赛", "省级", "是"],
        ["苗甲示例", "青禾示例一小", "示例区优质课评选", "区级", "是"],
        ["苗乙示例", "青禾示例三中", "示例市论文评选", "市级", "否"],
        ["苗丙示例", "青禾示例三中", "示例全国说课", "国家级", "是"],
    ]
    acts.paste(lead, "contests", contests)
    assert acts.self_total(lead) == "7.5"

    lead.go(f"/entries/{entry}/indicators/B13")
    topic = {"project": "大单元作业设计研究", "level": "市级", "event": "立项", "document": "是"}
    acts.add_row(lead, "topics", topic, more=True)
    topic = {"project": "小初衔接阅读研究", "level": "区级", "event": "结题", "document": "是"}
    acts.add_row(lead, "topics", topic)
    assert acts.self_total(lead) == "0.63"

    _fill_in(lead, entry, "B14")
    acts.declare_empty(lead, "posts")
    _fill_in(lead, entry, "B15")
    acts.declare_empty(lead, "demos")
    assert acts.self_total(lead) == "6"

    lead.go(f"/entries/{entry}/indicators/B16")
    walker = {"person": "走教丙示例", "from": "青禾示例一小", "to": "青禾示例四小", "times": "2"}
    acts.add_row(lead, "walkers", walker)
    _fill_in(lead, entry, "B16")

    lead.go(f"/entries/{entry}/indicators/B17")
    for n, (name, document) in enumerate(
        (("录播教室", "是"), ("心理教师工作室", "是"), ("校本题库", "否")), 1
    ):
        acts.add_row(lead, "resources", {"name": name, "document": document}, more=n < 3)
    assert acts.self_total(lead) == "2"

    for indicator, points in (("B18", "5"), ("B20", "8")):
        _fill_in(lead, entry, indicator)
        acts.self_score(lead, indicator, points)
        assert acts.self_total(lead) == points
    _fill_in(lead, entry, "B19")


def _bureau_data(clerk: Visitor, cycle: int) -> None:
    """Grades of one unit and its absences cell by cell, the others pasted."""
    own = [school["name"] for school in ONE["schools"]]
    for name in own:
        now, last = GRADES[name]
        acts.register_data(
            clerk, cycle, name, {"教学质量考核等级（当年）": now, "教学质量考核等级（上年）": last}
        )
    label = "未参加教育体育局或者师培中心组织的全区活动"
    acts.register_data(clerk, cycle, ONE["name"], {label: ABSENCES[ONE["name"]]})
    rest = [[name, now, last] for name, (now, last) in GRADES.items() if name not in own]
    acts.paste_data(clerk, cycle, "教学质量考核等级（当年）", rest)
    lines = [[name, n] for name, n in ABSENCES.items() if name != ONE["name"]]
    acts.paste_data(clerk, cycle, label, lines)
    assert "没填全" not in clerk.words()


FIRST: dict[str, dict[str, Said | str]] = {
    **{f"B{n}": {} for n in range(1, 15)},
    "B15": {"B15": Said("5", "参加面不到20%")},
    "B16": {},
    "B17": {},
    "B18": {"B18": "5"},
    "B19": {},
    "B20": {"B20": "8"},
}
SECOND = FIRST | {"B18": {"B18": Said("4", "材料单薄")}, "B20": {"B20": Said("7.5", "印证材料不全")}}


def _review(visit: Visit, site: Site, entry: int) -> None:
    for login, said in (("q002", FIRST), ("q003", SECOND)):
        acts.mark_unit(acts.enter(visit, site, login), entry, said)


def _deliberate(visit: Visit, site: Site, entry: int, rest: behind.Behind) -> None:
    chair = acts.enter(visit, site, "q001")
    acts.open_board(chair)
    row = chair.page.locator("tbody tr", has_text=ONE["name"]).filter(has_text="特色文化")
    expect(row).to_contain_text("4.5")
    acts.settle(chair, entry, "B18", "B18", "4.5", "合议：有学区文化，学校特色材料不全")
    acts.panel_figure(chair, entry, "S1", "S1.score", "8")
    acts.panel_figure(chair, entry, "S2", "S2.score", "7.5")
    two, four = rest.entry_id("XQ2"), rest.entry_id("XQ4")
    acts.panel_figure(chair, two, "S1", "S1.score", "9")
    acts.panel_figure(chair, four, "S1", "S1.score", "6")
    acts.panel_figure(chair, four, "S2", "S2.score", "7")


def _half(clause: Clause) -> Fraction:
    assert clause.max is not None
    return clause.max / 2


def _marks(rest: behind.Behind, code: str) -> dict[str, Fraction]:
    first, second = (rest.mark(login, code, _half) for login in ("q002", "q003"))
    assert first == second == {"B18": Fraction(3), "B20": Fraction(5)}
    return first


# --- the workbook --------------------------------------------------------------------------------


def _expected_others(marks: Mapping[str, dict[str, Fraction]]) -> dict[str, dict[str, Fraction | None]]:
    """XQ2 and XQ4 by the engine. Of XQ1 it is only told the grades, which the ranks of B10 need."""
    installed = RubricRegistry(build_plugin_manager()).installed["cuiping_xuequ"]
    shown = {"XQ2": {"S1.score": "9"}, "XQ4": {"S1.score": "6", "S2.score": "7"}}
    facts = [_facts(ONE, {}, {}, {})]
    for unit in (TWO, FOUR):
        code = unit["code"]
        facts.append(_facts(unit, unit["docs"]["school"], shown[code], marks[code]))
    results = engine.score_cohort(installed.definition.bind(RULINGS), facts, installed.hooks)
    return {
        r.name: {
            code: None if r.sheet[code].state is State.NA else r.sheet[code].points for code in ["T", *SCORES]
        }
        for r in results
        if r.unit != "XQ1"
    }


def _facts(
    unit: Mapping[str, Any],
    school: Mapping[str, Any],
    panel: Mapping[str, str],
    marks: Mapping[str, Fraction],
) -> Facts:
    grades = {
        s["code"]: dict(zip(("grade_now", "grade_last"), GRADES[s["name"]], strict=True))
        for s in unit["schools"]
    }
    bureau = {"fields": {"absences": int(ABSENCES[unit["name"]])}, "members": grades}
    docs = {"school": school, "bureau": bureau, "panel": {"fields": panel}}
    return behind.facts_of({**unit, "docs": docs}, marks)


def _compare(data: bytes, marks: Mapping[str, dict[str, Fraction]]) -> None:
    own: dict[str, Fraction | None] = {code: Fraction(points) for code, (_s, points, _m) in SCORES.items()}
    rows = {ONE["name"]: own | {"T": Fraction(TOTAL)}} | _expected_others(marks)
    order = sorted(rows, key=lambda name: -(rows[name]["T"] or 0))
    losses = {name: 2 * Fraction(n) for name, n in ABSENCES.items()}
    assert rows[TWO["name"]]["B10c2"] == 3
    assert rows[TWO["name"]]["S"] == 18  # 小学 only: the other group counts the same

    ranking = behind.sheet_cells(data, "排名")
    assert ranking[0] == ["2025-2026学年排名表"]
    assert str(ranking[1][0]).startswith(
        "翠屏区中小学学区制管理考核细则（试行）　　示例区教育局　　公示　　冻结于 "
    )
    heads = ["名次", "学区", "资料考核", "展示考核", "总分扣减", "总分", "状态", "核对", "账本总分"]
    assert ranking[2] == heads
    assert ranking[-1] == ["同分同名次，后一名次空缺。"]
    assert ranking[3:-1] == [
        [
            Fraction(n),
            name,
            sum((rows[name][c] or Fraction(0) for c in ("A1", "A2", "A3", "A4")), Fraction(0)),
            rows[name]["S"],
            losses[name],
            rows[name]["T"],
            "已评定",
            "一致",
            rows[name]["T"],
        ]
        for n, name in enumerate(order, 1)
    ]

    points = behind.sheet_cells(data, "指标得分")
    maxima = [Fraction(most) if most else "—" for _s, _p, most in SCORES.values()]
    assert points[5] == ["分值", None, "—", *maxima, "—"]
    assert points[6:] == [
        [Fraction(n), name, *("不适用" if v is None else v for v in _in_order(rows[name])), losses[name]]
        for n, name in enumerate(order, 1)
    ]
    _compare_form(data)


def _in_order(row: Mapping[str, Fraction | None]) -> list[Fraction | None]:
    return [row[code] for code in ["T", *SCORES]]


def _compare_form(data: bytes) -> None:
    """The notice's own table of XQ1: 分值, 页码, 自评分, 考核组得分 of each B级指标, and the total."""
    form = behind.sheet_cells(data, ONE["name"])
    assert form[0] == ["翠屏区中小学学区制管理考核细则（试行）"]
    assert form[2] == [
        "A级指标",
        "B级指标（评估要素）",
        "具体要求",
        "分值",
        "佐证材料页码",
        "自评分",
        "考核组得分",
    ]
    codes = [f"B{n}" for n in range(1, 21)] + ["S1", "S2"]
    foot = 3 + len(codes)
    for row, code in zip(form[3:foot], codes, strict=True):
        said, points, most = SCORES[code]
        assert str(row[1]).startswith(f"{code}.") or code in ("S1", "S2")
        assert row[3:7] == [
            Fraction(most),
            None,
            None if said is None else Fraction(said),
            Fraction(points),
        ], code
    beginnings = {
        3: "A1 治理机构与运行模式",
        8: "A2 治理机制",
        21: "A3 学区党建",
        22: "A4 治理成果",
        23: "展示考核",
    }
    assert {n: form[n][0] for n in beginnings} == beginnings
    own = sum((Fraction(SCORES[code][0] or 0) for code in codes), Fraction(0))
    assert form[foot] == ["总分", None, None, Fraction(140), None, own, Fraction(TOTAL)]
