"""From the panel's first score to the archived result, on 学区管理考核 with six units, through the pages.

Three reviewers (one stays away from a unit), a chair, a settled spread, a freeze, a publication, an
appeal that is upheld and moves the rank points of another unit in B10, and an archive that proves itself.
The rank points below are worked out by hand from the grades; everything else must stay, cell by cell.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from playwright.sync_api import expect

from intranet.cli.verify import verify
from tests.e2e import acts, behind
from tests.e2e.acts import Site
from tests.e2e.harness import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

UNITS = behind.sample_units("cuiping_xuequ")
NAMES = {code: unit["name"] for code, unit in UNITS.items()}
LEADS = {f"g{code[2:]:>03}": code for code in UNITS}
PEOPLE = (
    *((login, f"填报{code}示例", "填报负责人", UNITS[code]["schools"][0]["code"]) for login, code in LEADS.items()),
    ("q001", "组长示例", "考核组", ""),
    ("q002", "评委甲示例", "考核组", ""),
    ("q003", "评委乙示例", "考核组", ""),
    ("q004", "评委丙示例", "考核组", ""),
)  # fmt: skip
AWAY = "XQ3"
"""评委丙 once worked there."""

FIRST, SECOND, THIRD, NONE = "一等奖", "二等奖", "三等奖", "未获奖"  # 5, 4, 3 and 0
GRADES: dict[str, list[tuple[str, str]]] = {  # 当年, 上年, school by school
    "XQ1": [(FIRST, SECOND), (SECOND, SECOND), (SECOND, THIRD), (THIRD, THIRD)],  # mean 4, change 2
    "XQ2": [(SECOND, SECOND), (SECOND, THIRD), (THIRD, THIRD)],  # 11/3, 1
    "XQ3": [(FIRST, SECOND), (FIRST, SECOND), (SECOND, THIRD), (SECOND, THIRD)],  # 9/2, 4
    "XQ4": [(SECOND, SECOND), (THIRD, THIRD)],  # 7/2, 0
    "XQ5": [(THIRD, SECOND), (THIRD, THIRD), (THIRD, THIRD)],  # 3, −1
    "XQ6": [(THIRD, THIRD), (THIRD, THIRD), (NONE, THIRD)],  # 2, −3
}
B10C = {  # (平均分的名次 3, 2, 1; 自评分的名次 4, 3, 2, 1)
    "XQ1": (2, 3), "XQ2": (1, 2), "XQ3": (3, 4), "XQ4": (0, 1), "XQ5": (0, 0), "XQ6": (0, 0),
}  # fmt: skip
CORRECTED = B10C | {"XQ1": (1, 2), "XQ2": (2, 3)}
"""银杏示例三小 had 一等奖, not 三等奖: mean 13/3 and change 3 put XQ2 before XQ1 in both."""

GRADE = "教学质量考核等级（当年）"
ABSENCES = "未参加教育体育局或者师培中心组织的全区活动"


def test_from_the_first_score_to_an_archive_that_proves_itself(
    site: Site, visit: Visit, tmp_path: Path
) -> None:
    clerk = acts.enter(visit, site, "admin")
    cycle = _set_up(clerk, site)
    rest = behind.Behind(site, cycle)
    for login, code in LEADS.items():
        rest.file(login, code, {"school": UNITS[code]["docs"].get("school", {})})
    _bureau_data(clerk, cycle)
    acts.advance(clerk, cycle, "评分")

    _score(acts.enter(visit, site, "q002"), cycle, dict.fromkeys(UNITS, "4"), "5")
    _score(acts.enter(visit, site, "q003"), cycle, dict.fromkeys(UNITS, "5"), "6")
    met = [code for code in UNITS if code != AWAY]
    third = acts.enter(visit, site, "q004")
    _score(third, cycle, dict.fromkeys(met, "5") | {"XQ1": "2"}, "7", away=NAMES[AWAY])
    _meets_nowhere(third, cycle, rest.entry_id(AWAY))
    _settle(acts.enter(visit, site, "q001"), cycle, rest.entry_id("XQ1"))

    acts.advance(clerk, cycle, "合议")
    acts.freeze(clerk, cycle)
    acts.advance(clerk, cycle, "公示")
    _publish(clerk, cycle)
    before = _exports(clerk, cycle)
    _assert_rank_points(before, B10C)

    lead = acts.enter(visit, site, "g002")
    appeal = _appeal(lead, rest.entry_id("XQ2"))
    _ask(clerk, cycle, "评委甲示例")
    _advise(acts.enter(visit, site, "q002"))
    _uphold(clerk, cycle)
    _apply(clerk, cycle)
    after = _exports(clerk, cycle)
    _assert_rank_points(after, CORRECTED)
    _assert_only_these_moved(before, after)
    _publish(clerk, cycle, reason="复核成立，更正后重新公示")
    lead.go(appeal)
    expect(lead.page.get_by_text("按更正后的等级重新计算。").first).to_be_visible()

    acts.advance(clerk, cycle, "定稿")
    _verify(_archive(clerk, cycle), tmp_path)
    clerk.go(f"/bureau/cycles/{cycle}/data")
    assert clerk.page.locator("main form [name^='f:']:not([disabled])").count() == 0


# --- the bureau ----------------------------------------------------------------------------------


def _set_up(clerk: Visitor, site: Site) -> int:
    rows = behind.register_rows(list(UNITS.values()))
    acts.import_workbook(clerk, "/bureau/units/import", "单位.xlsx", rows)
    acts.import_workbook(clerk, "/bureau/people/import", "人员.xlsx", PEOPLE)
    site.passwords |= acts.first_passwords(clerk)
    return acts.prepare_cycle(
        clerk,
        title="2025-2026学年",
        rubric="cuiping_xuequ",
        decisions=(),
        units=list(NAMES.values()),
        chair="组长示例",
        reviewers=["评委甲示例", "评委乙示例", "评委丙示例"],
    )


def _bureau_data(clerk: Visitor, cycle: int) -> None:
    grades = [
        [school["name"], *pair]
        for code, pairs in GRADES.items()
        for school, pair in zip(UNITS[code]["schools"], pairs, strict=True)
    ]
    acts.paste_data(clerk, cycle, GRADE, grades)
    acts.paste_data(clerk, cycle, ABSENCES, [[name, "0"] for name in NAMES.values()])


def _publish(clerk: Visitor, cycle: int, reason: str = "") -> None:
    clerk.go(f"/bureau/cycles/{cycle}/publication")
    if reason:
        if not clerk.page.locator("#reason").is_visible():
            clerk.page.locator("summary", has_text="重新公示").click()
        clerk.page.fill("#reason", reason)
    clerk.press("重新发布公示" if reason else "发布公示")
    expect(clerk.page.get_by_text("已发布公示").first).to_be_visible()


def _ask(clerk: Visitor, cycle: int, name: str) -> None:
    clerk.go(f"/bureau/cycles/{cycle}/appeals")
    clerk.press("办理")
    clerk.page.locator("#assign").get_by_label(name).check()
    clerk.press("请他们复核")
    expect(clerk.page.get_by_text("已请复核人。他们只看得到这一件。")).to_be_visible()


def _uphold(clerk: Visitor, cycle: int) -> None:
    clerk.go(f"/bureau/cycles/{cycle}/appeals")
    clerk.press("办理")
    decide = clerk.page.locator("#decide")
    decide.locator("input[name=do][value=figures]").check()
    for fold in decide.locator("details:not([open])").all():
        fold.locator("summary").click()
    decide.get_by_label(f"{GRADE} {UNITS['XQ2']['schools'][2]['name']}").select_option(label=FIRST)
    decide.locator("#decision").fill("考核文件为一等奖，登记有误。按更正后的等级重新计算。")
    clerk.press("作出决定")
    expect(clerk.page.get_by_text("已支持。请再看一遍影响，重新计算全部单位。")).to_be_visible()


def _apply(clerk: Visitor, cycle: int) -> None:
    """The page says before the act who moves: the appellant, and one other."""
    clerk.go(f"/bureau/cycles/{cycle}/appeals/apply")
    table = clerk.page.locator("table.moves tbody tr")
    moved = {row.locator("td").first.inner_text().split("\n")[0].split()[0] for row in table.all()}
    assert moved == {NAMES["XQ1"], NAMES["XQ2"]}
    expect(table.filter(has_text=NAMES["XQ1"])).to_contain_text("2 → 1")
    clerk.press("确认，重新计算并冻结")


def _archive(clerk: Visitor, cycle: int) -> bytes:
    clerk.go(f"/bureau/cycles/{cycle}/archive")
    accept = clerk.page.locator("input[name=accepted]")
    if accept.count():
        accept.check()
    clerk.press("生成并归档")
    expect(clerk.page.get_by_text("已归档。这次考核从现在起只供查阅。")).to_be_visible()
    return clerk.download("下载归档")


# --- the panel -----------------------------------------------------------------------------------


def _score(reviewer: Visitor, cycle: int, b18: Mapping[str, str], b20: str, *, away: str = "") -> None:
    """Declares, then fills the two judged clauses of all units on the grid, without the mouse."""
    reviewer.go(f"/panel/cycles/{cycle}")
    acts.declare(reviewer, {away: "曾任职单位"} if away else None)
    for code, points in (("B18", b18), ("B20", dict.fromkeys(b18, b20))):
        reviewer.go(f"/panel/cycles/{cycle}/grid?code={code}")
        rows = reviewer.page.locator("tr[data-grid-row]")
        expect(rows).to_have_count(len(points))
        names = [row.locator("td").first.inner_text().strip() for row in rows.all()]
        assert sorted(names) == sorted(NAMES[unit] for unit in points)
        by_name = {NAMES[unit]: text for unit, text in points.items()}
        rows.first.locator("input[data-grid-box]").focus()
        for name in names:
            reviewer.page.keyboard.type(by_name[name])
            with reviewer.saving("/grid"):
                reviewer.page.keyboard.press("Enter")
        expect(reviewer.page.locator("tr[data-grid-row] .st-done")).to_have_count(len(points))


def _meets_nowhere(reviewer: Visitor, cycle: int, entry: int) -> None:
    for path in ("/panel", f"/panel/cycles/{cycle}", f"/panel/cycles/{cycle}?by=unit", f"/panel/cycles/{cycle}/sheet",
                 f"/panel/cycles/{cycle}/radar", f"/panel/cycles/{cycle}/declare"):  # fmt: skip
        reviewer.go(path)
        assert NAMES[AWAY] not in reviewer.page.content(), path
    with reviewer.answered(404):
        reviewer.go(f"/panel/entries/{entry}/indicators/B18")


def _settle(chair: Visitor, cycle: int, entry: int) -> None:
    """5, 4 and 2 on one clause stand first on the board."""
    chair.go(f"/panel/cycles/{cycle}")
    acts.declare(chair)
    chair.go(f"/panel/cycles/{cycle}/board")
    first = chair.page.locator("table tbody tr").first
    expect(first).to_contain_text(NAMES["XQ1"])
    acts.settle(chair, entry, "B18", "B18", "4", "合议：特色材料齐全，成效一般")


def _advise(reviewer: Visitor) -> None:
    """Whoever is asked sees this appeal alone, and gives an opinion; the figure is the bureau's."""
    reviewer.go("/panel/appeals")
    reviewer.press("去复核")
    reviewer.page.fill("#reason", "证书和考核文件一致，应为一等奖。")
    reviewer.press("保存意见")
    expect(reviewer.page.get_by_text("您的复核意见已保存。教育局决定以前可以再改。")).to_be_visible()


# --- the school ----------------------------------------------------------------------------------


def _appeal(lead: Visitor, entry: int) -> str:
    """From the disputed line of the published ledger. Returns the appeal's address."""
    lead.go(f"/entries/{entry}/result")
    part = lead.page.locator("details.result-part", has_text="B10")
    part.locator("summary").click()
    row = part.locator("tr", has_text="各校平均分的名次")
    lead.follow(row.get_by_role("link", name="申请复核"))
    lead.page.locator("input[name=line]").first.check()
    lead.page.fill("#wanted", "2 分")
    lead.page.fill("#reason", "银杏示例三小当年考核等级是一等奖，见证书第 1 页。")
    certificate = {
        "name": "等级证书.pdf",
        "mimeType": "application/pdf",
        "buffer": acts.sample_pdf(["示例证书"]),
    }
    lead.page.set_input_files("#files", certificate)  # type: ignore[arg-type]
    lead.press("提交复核申请")
    expect(lead.page.get_by_text("复核申请已提交。办理进展和结论都显示在这里。")).to_be_visible()
    return lead.path()


# --- what was exported ---------------------------------------------------------------------------

POINTS = {"总分": 3, "A2": 10, "B10": 15, "B10c": 17, "B10c1": 18, "B10c2": 19}
"""Columns of 指标得分, from 1, that the two rank points enter."""

OF_THE_FREEZE = re.compile("冻结于|冻结时间|第 [0-9]+ 次冻结|结果指纹")

MOVED = {  # by unit: what each of those columns changed by
    NAMES["XQ1"]: {"总分": -2, "A2": -2, "B10": -2, "B10c": -2, "B10c1": -1, "B10c2": -1},
    NAMES["XQ2"]: {"总分": 2, "A2": 2, "B10": 2, "B10c": 2, "B10c1": 1, "B10c2": 1},
}


def _exports(clerk: Visitor, cycle: int) -> bytes:
    clerk.go(f"/bureau/cycles/{cycle}/ranking")
    return clerk.download("下载排名表（xlsx）")


def _assert_rank_points(data: bytes, expected: Mapping[str, tuple[int, int]]) -> None:
    rows = {str(row[1]): row for row in behind.sheet_cells(data, "指标得分")[6:]}
    for code, (mean, change) in expected.items():
        row = rows[NAMES[code]]
        assert (row[POINTS["B10c1"] - 1], row[POINTS["B10c2"] - 1]) == (mean, change), code


def _assert_only_these_moved(before: bytes, after: bytes) -> None:
    """Every sheet cell by cell: nothing differs but the time of the freeze, and the two units' B10 and its sums."""
    assert behind.sheet_names(before) == behind.sheet_names(after)
    found: dict[str, dict[str, Fraction]] = {name: {} for name in MOVED}
    for sheet in behind.sheet_names(before):
        old, new = behind.sheet_cells(before, sheet), behind.sheet_cells(after, sheet)
        assert [len(row) for row in old] == [len(row) for row in new], sheet
        for then, now in zip(old, new, strict=True):
            for column, (was, is_) in enumerate(zip(then, now, strict=True), 1):
                if was == is_ or OF_THE_FREEZE.search(str(was)):
                    continue
                unit = sheet if sheet in MOVED else next((str(c) for c in now if c in MOVED), "")
                assert unit, (sheet, now, was, is_)
                if isinstance(was, Fraction) and isinstance(is_, Fraction):
                    assert abs(is_ - was) in (1, 2), (sheet, now)
                    assert (is_ > was) == (unit == NAMES["XQ2"]), (sheet, now)
                else:
                    clauses = {str(c).split()[0] for c in now if c}
                    assert clauses & {"T", "A2", "B10", "B10c", "B10c1", "B10c2"}, (sheet, now)
                if sheet == "指标得分":
                    head = next(name for name, place in POINTS.items() if place == column)
                    found[unit][head] = is_ - was  # type: ignore[operator]
    assert found == MOVED


# --- the archive ---------------------------------------------------------------------------------


def _run(path: Path) -> Result:
    return CliRunner().invoke(verify, [str(path)])


def _verify(data: bytes, folder: Path) -> None:
    whole = folder / "whole.zip"
    whole.write_bytes(data)
    answer = _run(whole)
    assert (answer.exit_code, answer.output.strip().splitlines()[-1]) == (0, "一致"), answer.output
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        member = next(
            i for i in file.infolist() if i.filename.startswith("results/002/") and i.file_size > 2000
        )
    place = member.header_offset + 30 + len(member.filename.encode()) + member.compress_size // 2
    broken = folder / "broken.zip"
    broken.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    answer = _run(broken)
    assert answer.exit_code == 1
    assert member.filename in answer.output
    assert "一致" not in answer.output.replace("不一致", "")
