"""What holds a definition together: every error refuses, every warning is kept, each on its line."""

import pytest

from intranet.errors import RubricError
from intranet.rubric.lint import Finding, lint
from intranet.rubric.loader import load
from tests.unit.rubric.sample import SAMPLE, changed, line_of


def findings(text: str) -> list[str]:
    return [str(f) for f in lint(load(text, check=False))]


def test_a_clean_rubric_has_no_findings() -> None:
    assert lint(load(SAMPLE)) == []


def test_a_finding_reads_as_file_line_clause_message() -> None:
    assert str(Finding("error", 12, "C5.2", "没有分值: 请补上")) == "rubric.toml:12: C5.2: 没有分值: 请补上"
    assert str(Finding("error", 1, "", "没有分值: 请补上")) == "rubric.toml:1: 没有分值: 请补上"


A2 = 'events = [{label = "理事会", need = 2, in = ["上学期", "下学期"]}]'
B1 = 'bands = [{from = 3, to = 6, points = 0.3}, {from = 6, points = "@long_stay"}]'
B4 = "award = [4, 3, 2]"
LOSS = 'losses = [{label = "未报计划", each = 1, tick = "A2.no_plan", by = "school"}]'
RATE = 'points = {"市级" = 1, "区级" = 0.5}'
JUDGED = 'options = [{value = "优", points = 10}, {value = "良", points = 6}, {value = "无", points = 0}]'


@pytest.mark.parametrize(
    ("old", "new", "clause", "message"),
    [
        # sums
        ("max = 12", "max = 13", "A", "下级合计 12 分，本条写 13 分: 请核对；若确是封顶，原文里要有“13分”"),
        ("max = 12", "max = 11", "A", "下级合计 12 分，本条写 11 分: 请核对；若确是封顶，原文里要有“11分”"),
        ("max = 2\nkind", "max = 3\nkind", "A1.1", "各项合计 2 分，与满分 3 分不符: 请核对原文"),
        (B4, "award = [3, 2, 1]", "B4", "第一名 3 分，与满分 4 分不符: 请核对原文"),
        ("printed = 42", "printed = 40", "小计 base", "所列条款合计 42 分，与 printed 的 40 分不符: 请核对原文"),
        ('of = ["A", "B"]', 'of = ["A", "B", "A1"]', "小计 base", "条款“A1”计了两次: 请删去重复的"),
        ('of = ["A", "B"]', 'of = ["A", "D"]', "小计 base", "没有条款“D”: 可用的有：T、A、A1、A1.1、A1.2、A2、B、B1、B2、B3、B4、B5……"),
        (JUDGED, JUDGED.replace("points = 10", "points = 12"), "C1.1", "最高的选项 12 分，满分 10 分: 请核对原文"),
        ('max = 4\nkind = "rank"', 'max = -4\nkind = "rank"', "B4", "max 不能小于 0: 请改正"),
        ("take = \"best\"", "weight = 0\ntake = \"best\"", "C1", "weight 须大于 0: 请改正"),
        # bands
        (B1, B1.replace("to = 6", "to = 5"), "B1", "与下一档之间有空缺: 请让 to 等于下一档的 from"),
        (B1, B1.replace("to = 6", "to = 7"), "B1", "与下一档重叠: 请让 to 等于下一档的 from，并从低到高排列"),
        (B1, B1.replace("to = 6", "to = 3"), "B1", "这一档的 to 不大于 from: 请改正"),
        (B1, B1.replace(", points = 0.3", ', verdict = "好"'), "B1", "名册的档要写 points，不写 verdict: 请改正"),
        # names
        ('table = "exchange"', 'table = "exchang"', "B1", "没有表“exchang”: 您是不是想写“exchange”"),
        ('where = {category = "定期"}', 'where = {catgory = "定期"}', "B1", "没有列（表 exchange）“catgory”: 您是不是想写“category”"),
        ('where = {category = "定期"}', 'where = {category = "长期"}', "B1", "没有选项（列 category）“长期”: 可用的有：定期、不定期"),
        ('column = "document", reason', 'column = "doc", reason', "B1", "没有列（表 exchange）“doc”: 可用的有：person、category、sender、receiver、direction、start、end、months、document"),
        (RATE, RATE.replace("区级", "县级"), "B2", "没有选项（列 level）“县级”: 可用的有：省级、市级、区级"),
        ('alias = {"省级" = "市级"}', 'alias = {"省级" = "国家级"}', "B2", "没有级别（有分值的）“国家级”: 可用的有：市级、区级"),
        ('once_per = "winner"', 'once_per = "winer"', "B2", "没有列（表 awards）“winer”: 您是不是想写“winner”"),
        ('level = "level"\n', "", "B2", "计分办法不明确: 请写 each，或者写 level 和 points"),
        ('needs = "A1.1.charter"', 'needs = "A1.1.chartr"', "A1.2", "没有勾选项或条款“A1.1.chartr”: 您是不是想写“A1.1.charter”"),
        ('needs = "A1.1.charter"', 'needs = "A2.上学期"', "A1.2", "needs 的“A2.上学期”不是勾选项: 请换成勾选项或条款代码"),
        ('needs = "A1.1.charter"', 'needs = "A1"', "A1.2", "needs 绕成了一圈: 请换一个"),
        ('formula = "took_part / teachers"', 'formula = "took_prt / teachers"', "B3", "公式里的“took_prt”没有定义: 您是不是想写“took_part”"),
        ('formula = "took_part / teachers"', 'formula = "took_part / grade"', "B3", "字段“grade”每校一个: 请写在 sum( ) 之类的函数里"),
        ('formula = "took_part / teachers"', 'formula = "took_part ** 2"', "B3", "公式里不能用“took_part ** 2”: 请只用 + - * / 和函数"),
        ('by = "visit"', 'by = "visits"', "C1.1", "没有填报方“visits”: 您是不是想写“visit”"),
        ('rank_by = "@rank_by"', 'rank_by = "totals"', "", "没有排名依据“totals”: 您是不是想写“total”"),
        ('clause = "B4"\noptions', 'clause = "B44"\noptions', "字段 grade", "没有条款“B44”: 您是不是想写“B4”"),
        ('describe = "{person}', 'describe = "{name}', "表 exchange", "没有列（表 exchange）“name”: 可用的有：person、category、sender、receiver、direction、start、end、months、document"),
        # clauses of a kind
        ('max = 3\nkind = "judged"', 'max = 3\nkind = "judged"\nlosses = [{label = "迟交", each = 1, count = "late"}]', "A1.2", "judged 类不能再扣分，评分就是最后的分: 请删去，或改用 deduct 类"),
        (LOSS, LOSS.replace('tick = "A2.no_plan"', 'event = "例会"'), "A2", "没有活动“例会”: 可用的有：理事会"),
        (LOSS, LOSS.replace('tick = "A2.no_plan", ', ""), "A2", "“未报计划”按什么扣不明确: 请在 event、materials、count、tick、judged、formula 中只写一个"),
        (A2, A2.replace(', in = ["上学期", "下学期"]', ', rows = "awards"'), "A2", "按表计次要写 rows 和 column，并且不写 in: 请改正"),
        (B4, "", "B4", "名次怎样给分不明确: 请写 award，或者写 first 和 step"),
        ('target = "20%"', 'target = "20%"\nper_point = 1', "B3", "bands、target、per_point 只能用一个: 请删去多余的"),
        ('text = "展示"\nmax = "@show_max"\nkind', 'text = "展示"\nkind', "C2", "没有写分值: 请写 max，或用 options 写出结论"),
        ('kind = "judged"\nby = "visit"', 'kind = "judged"\nby = "school"', "C1.1", "评分不能由学校自己定: 请改为 panel、bureau 或其他评分方"),
        # fields, tables, forms
        ('label = "或:月数", type = "number", least = 0', 'label = "或:月数", type = "number", least = 5, most = 1', "表 exchange", "“months”的 least 大于 most: 请改正"),
        ('label = "类别", type = "choice", options = ["定期", "不定期"]', 'label = "类别", type = "choice"', "表 exchange", "“category”的 type 与 options 不符: 选择题要有 options，其他类型不要"),
        ('confirmed_by = ["sender", ', 'confirmed_by = ["person", ', "表 exchange", "confirmed_by 里的“person”不是学校: 请写 school 类型的列"),
        ('confirmed_by = ["sender", ', 'confirmed_by = ["sendr", ', "表 exchange", "没有列（表 exchange）“sendr”: 您是不是想写“sender”"),
        ('table = "awards"', 'table = "awards"\nconfirmed_only = true', "B2", "表 awards 没有要确认的学校: 请在表里写 confirmed_by"),
        ('of = ["sender", "receiver"]', 'of = ["sender", "person"]', "表 exchange", "of 只用于 direction 类型，并指明两个 school 类型的列: 请改正"),
        ('rows = "clauses:二级指标"', 'rows = "clauses：二级指标"', "表格 report", "rows 不能是“clauses：二级指标”: 请写 filed、clauses:级名 或 table:表名，用半角冒号"),
        ('rows = "clauses:二级指标"', 'rows = "clauses:三级指标"', "表格 report", "没有级别“三级指标”: 您是不是想写“二级指标”"),
        ('source = "max"', 'source = "maxx"', "表格 report", "没有栏目“maxx”: 您是不是想写“max”"),
        # rulings
        ('ties = "@ties"\n', "", "裁定 ties", '没有一处用到: 请在用到的地方写 "@ties"，或写 python = true、note = true'),
        ('clause = "B1"\nquestion', 'clause = "B9"\nquestion', "裁定 long_stay", "没有条款“B9”: 您是不是想写“B”"),
    ],
)  # fmt: skip
def test_errors_refuse_the_rubric(old: str, new: str, clause: str, message: str) -> None:
    text = changed(old, new)
    with pytest.raises(RubricError) as raised:
        load(text)
    said = [line.split(": ", 1)[1] for line in raised.value.lines]
    assert (f"{clause}: {message}" if clause else message) in said


def test_an_error_points_to_the_line_of_its_value() -> None:
    text = changed("max = 12", "max = 13")
    found = next(f for f in lint(load(text, check=False)) if f.clause == "A")
    assert (found.severity, found.line) == ("error", line_of(text, "max = 13"))
    text = changed(
        'label = "教师总数", type = "count"', 'label = "教师总数", type = "count", least = 3, most = 1'
    )
    (inner,) = lint(load(text, check=False))
    assert (inner.line, inner.clause) == (line_of(text, 'key = "teachers"'), "B3")


def test_a_key_written_twice_names_the_other_line() -> None:
    text = changed('key = "teachers", label', 'key = "took_part", label')
    (found, *_rest) = findings(text)
    first, second = line_of(text, 'label = "参加人数"'), line_of(text, 'label = "教师总数"')
    assert found == f"rubric.toml:{second}: B3: 字段“took_part”与第 {first} 行的重名: 请改名"
    text = changed('"下学期"]}]', '"下学期"]}, {label = "例会", need = 1, in = ["上学期"]}]')
    line = line_of(text, 'events = [{label = "理事会"')
    assert findings(text) == [f"rubric.toml:{line}: A2: 字段“A2.上学期”与第 {line} 行的重名: 请改名"]
    text = changed('key = "resources"', 'key = "awards"')
    assert findings(text)[0].endswith("表 awards: “awards”写了两次: 请改名")


def test_an_error_under_another_choice_only_names_the_choice() -> None:
    text = changed('key = "mean", value = "mean"', 'key = "mean", value = "average"')
    with pytest.raises(RubricError) as raised:
        load(text)
    (said,) = raised.value.lines
    line = line_of(text, 'ties = "@ties"')
    assert said == (
        f"rubric.toml:{line}: B4: “ties”不能是“average”（裁定“ties”取“mean”时）: 请在 same、mean 中选一个"
    )


@pytest.mark.parametrize(
    ("old", "new", "clause", "message"),
    [
        ("points = 0.3}", "points = 3}", "B1", "原文中没有“3分”: 请核对；原文漏印的请在 note 中说明"),
        (RATE, RATE.replace("0.5", "0.4"), "B2", "原文中没有“0.4分”: 请核对；原文漏印的请在 note 中说明"),
        ("得6分", "得满分", "B3", "原文中没有“6分”: 请核对；原文漏印的请在 note 中说明"),
        (B1, B1.replace('{from = 6, points = "@long_stay"}', '{from = 6, to = 12, points = "@long_stay"}'), "B1", "12 以上没有对应的档: 请写一档只有 from 的，或说明不计"),
        ('target = "20%"\nbelow = "proportional"', 'bands = [{from = 0, to = "10%", points = 6}, {from = "10%", points = 0}]', "B3", "数多的一档分反而少: 请核对原文，或由裁定说明"),
        (B4, "award = [4, 2, 3]", "B4", "名次靠后的分反而多: 请核对原文"),
        ('alias = {"省级" = "市级"}\n', "", "B2", "选项“省级”可以填，却没有分值: 请写 points 或 alias，或用 require 说明不计"),
        (JUDGED, JUDGED.replace(", points = 0", ""), "C1.1", "选项“无”没有分值: 请补上 points"),
        ("[deductions]\nnot_done = true\nevent = 2", "[deductions]\nnot_done = true", "A2", "“理事会”少了也不扣分: 请写 deductions.event 或一条 losses"),
        ('formula = "mean(grade)"', 'formula = "mean(grade) / pupils"', "B4", "公式里的“pupils”不是字段，将从登记的属性中读取: 若是笔误请改正"),
    ],
)  # fmt: skip
def test_warnings_are_kept_beside_the_rubric(old: str, new: str, clause: str, message: str) -> None:
    definition = load(changed(old, new))
    assert [(w.severity, w.clause, w.message) for w in definition.warnings] == [("warning", clause, message)]


def test_a_cap_that_the_notice_prints_is_no_finding() -> None:
    text = changed('title = "成效"\nmax = 30', 'title = "成效"\ntext = "本项最多计 25 分"\nmax = 25')
    assert findings(text.replace("printed = 42", "printed = 37")) == []


def test_a_number_may_stand_in_the_words_of_a_clause_above() -> None:
    text = changed('text = "每学期召开理事会不少于2次(7分)"', 'text = "每学期召开理事会不少于2次"')
    assert len(findings(text)) == 1
    above = text.replace('title = "制度"', 'title = "制度"\nrequirement = "章程 5 分，理事会 ７分"')
    assert findings(above) == []


def test_variants_for_different_units_may_add_up_to_more() -> None:
    text = changed("max = 12\n", "max = 9\n")
    variants = text.replace('code = "A2"\nin = "A"\n', 'code = "A2"\nin = "A"\napplies = {stages = "小学"}\n')
    variants = variants.replace("printed = 42", "printed = 39")
    assert [f for f in lint(load(variants, check=False)) if f.severity == "error"] == []


def test_once_per_above_and_below_must_agree() -> None:
    text = changed('title = "成效"\nmax = 30', 'title = "成效"\nmax = 30\nonce_per = "person"')
    said = [f.message for f in lint(load(text, check=False)) if f.severity == "error"]
    assert said[0] == "once_per 与下级的不同（B2: winner）: 请写成一样，或只留一处"
    assert said[1].startswith("没有列（表 awards）“person”")


def test_needs_may_name_a_clause_but_not_in_a_circle() -> None:
    text = changed('needs = "A1.1.charter"', 'needs = "A2"')
    assert findings(text) == []
    circle = text.replace('kind = "deduct"', 'kind = "deduct"\nneeds = "A1.2"')
    assert [f.split(": ", 1)[1] for f in findings(circle)] == [
        "A1.2: needs 绕成了一圈: 请换一个",
        "A2: needs 绕成了一圈: 请换一个",
    ]
