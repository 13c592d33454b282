"""The ranked workbook, reopened: what it says, and that its formulas give what is stored."""

from __future__ import annotations

import re
import shutil
import zipfile
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from xlsxwriter.worksheet import Worksheet

from intranet.documents import ranking, workbook
from intranet.documents.ranking import RankingView
from intranet.rubric.ledger import Outcome, Result, State
from tests.unit.documents import build
from tests.unit.rubric import sample

SOFFICE = shutil.which("soffice") or ""
needs_soffice = pytest.mark.skipif(
    not SOFFICE, reason="LibreOffice (soffice) is not installed: nothing recalculated"
)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> RankingView:
    return build.view(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def data(view: RankingView) -> bytes:
    return ranking.write(view)


class Plain(Worksheet):  # type: ignore[misc]
    """The library's own worksheet; formulas as we write them."""

    def _prepare_formula(self, formula: str, _expand_future_functions: bool = False) -> str:
        return formula.removeprefix("=")


def test_the_quick_worksheet_writes_the_librarys_bytes(
    view: RankingView, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "QuickWorksheet", Plain)
    assert ranking.write(view) == data


def test_every_kind_of_cell_is_written_as_the_library_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def made() -> bytes:
        book = workbook.Book("表")
        sheet = book.sheet("各种")
        style = book.cell()
        for row, value in enumerate(["", "=1", "<甲 & 乙>", Fraction("0.1"), Fraction(13, 3), Fraction(-7)]):
            sheet.put(row, 3, value, style)
        sheet.raw.write_string(8, 1, "没有格式")
        sheet.raw.write_boolean(8, 2, True, style)
        sheet.formula(8, 4, 'IF(A1<B1,"甲","乙")', "甲", style)
        sheet.formula(40, 30, "SUM(A1:B1)", Fraction(1, 3), style)
        sheet.height(60, 2)
        noted = book.sheet("有批注")
        noted.number(2, 2, Fraction("1234567890.1234567"), style)
        return book.to_bytes()

    quick = made()
    monkeypatch.setattr(workbook, "QuickWorksheet", Plain)
    assert made() == quick


def test_sheets_in_the_order_of_reading(data: bytes) -> None:
    assert build.reopen(data).sheetnames == [
        "排名",
        "指标得分",
        "自评与考核对照",
        "加扣分明细",
        "各评委分",
        "佐证材料目录",
        "云台学校联盟",
        "青禾学校联盟",
        "松鹤学校联盟",
        "望江学校联盟",
        "石桥学校联盟",
        "裁定与说明",
    ]


def test_ranking_shows_rank_total_losses_grade_and_state(data: bytes) -> None:
    sheet = build.reopen(data, values=True)["排名"]
    assert build.column(sheet, "名次", top=3) == [1, 1, 3, 4, "—"]
    assert build.column(sheet, "学校联盟", top=3)[:3] == ["云台学校联盟", "青禾学校联盟", "松鹤学校联盟"]
    assert build.column(sheet, "总分", top=3) == [38.3, 38.3, 34.8, 23.59, "待评"]
    assert build.column(sheet, "账本总分", top=3) == [38.3, 38.3, 34.8, 23.59, "待评"]
    assert build.column(sheet, "基本分", top=3) == [32.3, 32.3, 30.8, 17.59, "待评"]
    assert build.column(sheet, "总分扣减", top=3) == [0, 0, 2, 0, 0]
    assert build.column(sheet, "等次", top=3) == ["优秀", "优秀", "合格", "合格", None]
    assert build.column(sheet, "核对", top=3) == ["一致", "一致", "一致", "一致", "—"]
    assert build.column(sheet, "备注", top=3) == ["并列", "并列", None, None, None]


def test_totals_are_formulas_over_the_clauses(data: bytes) -> None:
    found = build.formulas(data)
    assert found["排名", "E6"] == "='指标得分'!$C$8"
    assert found["指标得分", "C8"] == "=MAX(0,SUM(D8,I8,P8)-U8)"
    assert found["指标得分", "D8"] == "=MIN(12,SUM(E8,H8))"
    assert found["指标得分", "Q8"] == "=MIN(10,MAX(R8:S8))"


def test_every_stored_score_stands_in_the_points_sheet(view: RankingView, data: bytes) -> None:
    sheet = build.reopen(data, values=True)["指标得分"]
    columns = dict(
        zip(
            [
                "T",
                "A",
                "A1",
                "A1.1",
                "A1.2",
                "A2",
                "B",
                "B1",
                "B2",
                "B3",
                "B4",
                "B5",
                "B6",
                "C",
                "C1",
                "C1.1",
                "C1.2",
                "C2",
            ],
            range(3, 21),
            strict=True,
        )
    )
    for row, result in enumerate(view.results, 6):
        assert sheet.cell(row, 2).value == result.name
        for code, column in columns.items():
            points = result.sheet[code].points
            if points is not None:
                assert sheet.cell(row, column).value == pytest.approx(float(points), abs=1e-12), (
                    result.unit,
                    code,
                )


def test_blank_na_and_pending_are_words_and_zero_is_zero(data: bytes) -> None:
    sheet = build.reopen(data, values=True)["指标得分"]
    assert sheet["C10"].value == "待评"  # the total of a unit without marks
    assert sheet["G10"].value == "待评"  # A1.2, judged
    assert sheet["S6"].value == 0  # C1.2 with an empty table
    assert sheet["S9"].value == "不适用"  # C1.2 does not apply to this unit's stage
    assert sheet["T6"].value == "未设分值"  # C2, whose maximum is an open ruling
    assert sheet["O9"].value == 0  # B6 of a unit without pairs: a real zero


def test_blank_in_a_draft_is_said(view: RankingView) -> None:
    first = view.results[0]
    score = replace(first.sheet["B3"], state=State.BLANK, points=None)
    data = ranking.write(with_score(view, first, "B3", score))
    assert build.reopen(data)["指标得分"]["L6"].value == "未填"


def with_score(view: RankingView, result: Result, code: str, score: Any) -> RankingView:
    changed = replace(result, sheet={**result.sheet, code: score})
    return replace(view, results=[changed, *view.results[1:]])


def test_a_fraction_without_end_is_a_division(view: RankingView) -> None:
    first = view.results[0]
    data = ranking.write(with_score(view, first, "B3", replace(first.sheet["B3"], points=Fraction(13, 3))))
    assert build.formulas(data)["指标得分", "L6"] == "=13/3"
    assert build.reopen(data, values=True)["指标得分"]["L6"].value == pytest.approx(13 / 3, abs=1e-14)


def test_a_sum_that_the_parts_do_not_give_is_written_as_stored(view: RankingView) -> None:
    """A gate or a waiver decides instead of the parts; then no formula may contradict the ledger."""
    first = view.results[0]
    data = ranking.write(with_score(view, first, "A", replace(first.sheet["A"], points=Fraction(12))))
    assert ("指标得分", "D6") not in build.formulas(data)
    assert build.reopen(data)["指标得分"]["D6"].value == 12


def test_self_and_panel_side_by_side_with_the_difference(data: bytes) -> None:
    sheet = build.reopen(data, values=True)["自评与考核对照"]
    rows = {(r[0].value, r[2].value): [c.value for c in r] for r in sheet.iter_rows(min_row=4)}
    assert rows["云台学校联盟", "A1.2"] == [
        "云台学校联盟",
        "章程",
        "A1.2",
        "章程内容规范(3分)",
        3,
        3,
        None,
        2.5,
        2.5,
        -0.5,
    ]
    assert rows["石桥学校联盟", "A1.2"][8:] == ["待评", None]
    assert build.formulas(data)["自评与考核对照", "J5"] == "=I5-F5"


def test_the_ledger_is_there_line_by_line(data: bytes) -> None:
    sheet = build.reopen(data)["加扣分明细"]
    rows = [[c.value for c in r] for r in sheet.iter_rows(min_row=4)]
    own = [r for r in rows if r[0] == "松鹤学校联盟" and r[1] == "A2"]
    assert [r[3:6] for r in own] == [
        ["满分起扣", 7, "计入"],
        ["少理事会 1 次 1×2（上学期 2 次，下学期 1 次，应 2 次）", -2, "计入"],
        ["资料质量不高，酌情扣分", -0.5, "计入"],
    ]
    assert own[0][7:] == ["扣 2.5，得 4.5", 4.5]
    assert own[1][7:] == [None, None]
    root = next(r for r in rows if r[0] == "松鹤学校联盟" and r[1] == "T")
    assert root[3:5] == ["缺席全区会议 1×2", -2]
    refused = next(r for r in rows if r[0] == "松鹤学校联盟" and r[3] == "有理事会")
    assert refused[4:7] == [0, "不计", "未具备"]


def test_reviewers_evidence_and_rulings(data: bytes) -> None:
    book = build.reopen(data)
    marks = [[c.value for c in r] for r in book["各评委分"].iter_rows(min_row=4, max_row=6)]
    assert marks[0] == ["云台学校联盟", "评委甲", "A1.2", "章程内容规范(3分)", 2.4, None, "条款不全"]
    assert marks[2][4:] == [None, "良", "成果一般"]
    evidence = [c.value for c in book["佐证材料目录"][4]]
    assert evidence == ["云台学校联盟", "3", "章程汇编", "A1.2 章程内容规范"]
    said = build.texts(book["裁定与说明"])
    assert {"满6个月怎样计分", "同上一档", "与相邻档次一致", "示例干事", "2031-07-01 09:30"} <= set(said)
    assert "结果指纹：" + "0f" * 32 + "。" in said


def test_unit_sheets_show_the_official_form(data: bytes) -> None:
    sheet = build.reopen(data)["松鹤学校联盟"]
    assert sheet["A1"].value == "示例区学校联盟考核表"
    assert sheet["A2"].value == "考核对象：松鹤学校联盟　　考核周期：2030—2031学年　　草案 未经公示"
    assert [c.value for c in sheet[3]] == ["一级指标", "二级指标", "分值", "自评分", "考核得分"]
    assert [c.value for c in sheet[4]] == ["一 制度", "章程", 5, 3, 3.5]
    assert "A4:A5" in {str(area) for area in sheet.merged_cells.ranges}


def test_groups_are_ranked_apart_and_shown(view: RankingView) -> None:
    ranks = {"u2": 1, "u3": 1, "u1": 1, "u4": 2}
    results = [
        replace(r, group="甲组" if r.unit in ("u2", "u3") else "乙组", rank=ranks.get(r.unit))
        for r in view.results
    ]
    sheet = build.reopen(ranking.write(replace(view, results=results)))["排名"]
    assert build.column(sheet, "组别", top=3)[:3] == ["甲组", "甲组", "乙组"]
    check = build.column(sheet, "核对", top=3)[0]
    assert "SUMPRODUCT(($C$4:$C$7=C4)*(ROUND($F$4:$F$7-F4,8)>0)*1)=A4" in check


def test_a_rank_by_keys_of_the_plugin_is_not_checked_by_points(view: RankingView) -> None:
    first, second, *rest = view.results
    results = [replace(first, rank=2), replace(second, rank=1), *rest]
    sheet = build.reopen(ranking.write(replace(view, results=results)))["排名"]
    assert build.column(sheet, "核对", top=3)[0] == '=IF(ROUND(E4-I4,8)=0,"一致","不一致")'


def test_columns_and_notes_of_the_plugin(view: RankingView) -> None:
    first, *rest = view.results
    outcome = Outcome(grade="优秀", columns={"奖励名额": Fraction(3, 2), "去向": "推荐"}, notes=("经复核",))
    sheet = build.reopen(ranking.write(replace(view, results=[replace(first, outcome=outcome), *rest])))[
        "排名"
    ]
    assert build.column(sheet, "奖励名额", top=3)[0] == 1.5
    assert build.column(sheet, "去向", top=3)[:2] == ["推荐", None]
    assert build.column(sheet, "备注", top=3)[0] == "并列；经复核"


def test_pages_are_a4_and_repeat_their_heads(data: bytes) -> None:
    book = build.reopen(data)
    for sheet in book.worksheets:
        assert sheet.page_setup.paperSize == 9, sheet.title
        assert sheet.print_title_rows, sheet.title
        assert sheet.page_setup.fitToHeight == 0, sheet.title
        assert sheet.oddFooter.right.text == "第 &P 页 共 &N 页", sheet.title
        assert sheet.oddHeader.center.text == "草案 未经公示", sheet.title
    assert book["排名"].freeze_panes == "C4"
    assert book["排名"].auto_filter.ref == "A3:J8"
    assert book["指标得分"].auto_filter.ref is None
    assert book["指标得分"].freeze_panes == "D6"


def test_the_same_view_gives_the_same_bytes(view: RankingView, data: bytes) -> None:
    assert ranking.write(view) == data
    properties = build.reopen(data).properties
    assert properties.title == "2030—2031学年 示例区学校联盟考核细则排名表"
    assert properties.creator == "示例区教育局"
    assert properties.created.isoformat() == "2031-07-01T09:30:00"


def test_no_units_is_an_empty_ranking(view: RankingView) -> None:
    book = build.reopen(ranking.write(replace(view, results=[], units={})))
    assert book.sheetnames == ["排名", "指标得分", "自评与考核对照", "加扣分明细", "裁定与说明"]
    assert book["排名"]["A4"].value is None


# --- hostile text --------------------------------------------------------------------------------

HOSTILE = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\0=1+1",
    "\n=1+1",
    " =1+1",
    "＝1+1",
    "＠SUM(A1)",
    '=HYPERLINK("http://example.invalid","点我")',
    '=DDE("cmd";"/C calc";"x")',
    "{=1+1}",
    "http://example.invalid/x",
    "mailto:a@example.invalid",
    "internal:'排名'!A1",
    "<b>&amp;</b>]]>",
    "[]:*?/\\'的单位名称特别特别长，超过了三十一个字符的限制，还有表情😀😀😀",
    "\ud800残缺",
    "history",
    "History",
    "_x0041_",
    "長" * 40_000,
]


@pytest.fixture(scope="module")
def hostile(view: RankingView) -> RankingView:
    """Every text that somebody types, replaced by hostile ones; the names too."""
    template = view.results[0]
    results = [
        replace(
            template,
            unit=f"h{n}",
            name=text,
            group=text,
            outcome=Outcome(grade=text, columns={text[:60]: text, "=列": text}, notes=(text,)),
        )
        for n, text in enumerate(HOSTILE)
    ]
    parts = {}
    for result in results:
        text = result.name
        base = build.part(view.rubric, template)
        parts[result.unit] = replace(
            base,
            reviewers=[ranking.ReviewerMark(text, "A1.2", None, text, text)],
            settled={"A1.2": ranking.SettledMark(None, text, text)},
            evidence=[ranking.EvidenceItem(text, text, [text])],
        )
    made = replace(view.rulings[0], chosen=HOSTILE[0], reason=HOSTILE[11], by="\t=1")
    return replace(
        view, results=results, units=parts, bureau="=局", cycle="&C=1{unit}", label="=草案&P", rulings=[made]
    )


@pytest.fixture(scope="module")
def hostile_data(hostile: RankingView) -> bytes:
    return ranking.write(hostile)


OURS = re.compile(r"=(IF\(|SUM\(|MAX\(|MIN\(|'指标得分'!\$[A-Z]+\$\d+$|[IF]\d+-[IF]\d+$)")


def test_hostile_text_makes_no_formula_and_no_link(hostile_data: bytes) -> None:
    book = build.reopen(hostile_data)
    found = build.formulas(hostile_data)
    assert found
    for place, formula in found.items():
        assert OURS.match(formula), (place, formula)
        assert "cmd" not in formula
        assert "HYPERLINK" not in formula
        assert "DDE" not in formula
    assert not [c.coordinate for c in build.cells(book) if c.hyperlink]
    with zipfile.ZipFile(BytesIO(hostile_data)) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    assert not [
        name for name, content in parts.items() if b"<hyperlink" in content or b"externalLink" in content
    ]
    assert not [
        name for name, content in parts.items() if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", content)
    ]


def test_hostile_text_is_kept_as_text_and_quoted(hostile_data: bytes) -> None:
    sheet = build.reopen(hostile_data)["排名"]
    names = [sheet.cell(row, 2) for row in range(4, 4 + len(HOSTILE))]
    assert names[0].value == "=1+1"
    assert [c.data_type for c in names] == ["s"] * len(HOSTILE)
    for cell, text in zip(names, HOSTILE, strict=True):
        if text.strip("\r\n\0 \t")[:1] in "=+-@＝＠":
            assert cell.quotePrefix, text
    assert names[9].value == "＝1+1"
    assert names[19].value == "残缺"
    assert names[23].value.startswith("長長")
    assert len(names[23].value) < 32_767
    assert names[23].value.endswith("以下略，全文见系统）")


def test_sheet_names_are_short_unique_and_allowed(hostile_data: bytes) -> None:
    names = build.reopen(hostile_data).sheetnames
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert 1 <= len(name.encode("utf-16-le")) // 2 <= 31
        assert not re.search(r"[\[\]:*?/\\]", name)
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert name.casefold() != "history"


# --- LibreOffice ---------------------------------------------------------------------------------


def spoiled(data: bytes) -> bytes:
    """The book with 777 cached for every formula that gives a number, so that only a recalculation can be right."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            content = source.read(info)
            if info.filename.startswith("xl/worksheets/sheet"):
                content = re.sub(rb"</f><v>-?[0-9.E-]+</v>", b"</f><v>777</v>", content)
            target.writestr(info.filename, content)
    return out.getvalue()


def recalculated(data: bytes, folder: Path) -> Any:
    source = folder / "book.xlsx"
    source.write_bytes(spoiled(data))
    assert build.reopen(source.read_bytes(), values=True)["排名"]["E4"].value == 777
    return build.reopen(build.convert(SOFFICE, folder, source, "xlsx").read_bytes(), values=True)


def compare(data: bytes, again: Any) -> int:
    """Every formula's cached value against LibreOffice's; returns how many there were."""
    cached = build.reopen(data, values=True)
    found = build.formulas(data)
    for sheet, cell in found:
        ours, theirs = cached[sheet][cell].value, again[sheet][cell].value
        if isinstance(ours, str):
            assert theirs == ours, (sheet, cell)
        else:
            assert theirs == pytest.approx(ours, abs=1e-9), (sheet, cell, found[sheet, cell])
    return len(found)


@needs_soffice
@pytest.mark.slow
def test_libreoffice_recalculates_every_formula_to_the_stored_value(
    view: RankingView, data: bytes, tmp_path: Path
) -> None:
    again = recalculated(data, tmp_path)
    assert compare(data, again) > 50
    sheet = again["排名"]
    for row, result in enumerate(view.results, 4):
        if result.total is not None:
            assert sheet.cell(row, 5).value == pytest.approx(float(result.total), abs=1e-9)
            assert sheet.cell(row, 8).value == "一致"


@needs_soffice
@pytest.mark.slow
def test_libreoffice_recalculates_weights_groups_and_endless_fractions(tmp_path: Path) -> None:
    text = (
        sample.SAMPLE.replace('rank_by = "@rank_by"', 'rank_by = "@rank_by"\nrounding = "display"', 1)
        .replace('title = "制度"\nmax = 12', 'title = "制度"\nmax = 9.6\nweight = 0.8', 1)
        .replace("printed = 42\n", "", 1)
    )
    view = build.view(tmp_path, text)
    ranks = {"u2": ("甲组", 1), "u3": ("甲组", 1), "u1": ("乙组", 1), "u4": ("乙组", 2), "u5": ("乙组", None)}
    results = [replace(r, group=ranks[r.unit][0], rank=ranks[r.unit][1]) for r in view.results]
    data = ranking.write(replace(view, results=results))
    assert build.formulas(data)["指标得分", "D6"] == "=MIN(12,SUM(E6,H6))*0.8"
    assert build.formulas(data)["指标得分", "L9"] == "=30/7"  # 1 of 7 teachers, at 20 % for 6 points
    again = recalculated(data, tmp_path)
    assert compare(data, again) > 50
    assert build.column(again["排名"], "核对", top=3)[:4] == ["一致"] * 4


def test_a_weight_is_rounded_as_the_rubric_says(tmp_path: Path) -> None:
    text = sample.SAMPLE.replace('title = "制度"\nmax = 12', 'title = "制度"\nmax = 9.6\nweight = 0.8', 1)
    data = ranking.write(build.view(tmp_path, text.replace("printed = 42\n", "", 1)))
    assert build.formulas(data)["指标得分", "D6"] == "=ROUND(MIN(12,SUM(E6,H6))*0.8,2)"
