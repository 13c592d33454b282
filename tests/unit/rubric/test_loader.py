"""rubric.toml -> Definition -> Rubric: binding, and every refusal with file, line, clause, remedy."""

from fractions import Fraction
from pathlib import Path

import pytest

from intranet.errors import Invalid, RubricError
from intranet.rubric.loader import load, read_package, ruling_value
from intranet.rubric.model import Ruling
from tests.unit.rubric.sample import SAMPLE, changed, line_of

HEAD = """\
key = "tiny"
title = "试算"
version = "1"
source = "虚构"
levels = ["", "指标"]
indicator_level = 1
[[clause]]
code = "T"
title = "总分"
"""  # nine lines: what follows begins on line 10


def refused(text: str) -> list[str]:
    with pytest.raises(RubricError) as raised:
        load(text)
    return raised.value.lines


# --- what comes out -----------------------------------------------------------------------------


def test_definition_knows_what_the_register_of_rubrics_shows() -> None:
    definition = load(SAMPLE)
    assert (definition.key, definition.title, definition.version, definition.source) == (
        "sample",
        "示例区学校联盟考核细则",
        "1",
        "示例区教育局",
    )
    assert [r.key for r in definition.rulings] == [
        "cutoff",
        "long_stay",
        "ties",
        "show_max",
        "rank_by",
        "quota",
    ]
    assert definition.warnings == ()


def test_rulings_stand_in_the_rubric_as_values() -> None:
    rubric = load(SAMPLE).bind()
    assert rubric.values == {
        "cutoff": "2031-06-30",
        "long_stay": Fraction(1, 2),
        "ties": "same",
        "show_max": None,
        "rank_by": "total",
        "quota": Fraction(1),
    }
    assert [b.points for b in rubric.by["B1"].bands] == [Fraction(3, 10), Fraction(1, 2)]
    assert rubric.by["B1"].until == "2031-06-30"  # from [defaults.roster], itself a ruling


def test_choices_change_only_what_refers_to_them() -> None:
    rubric = load(SAMPLE).bind({"long_stay": "none", "cutoff": "2031-01-31", "rank_by": "base"})
    assert rubric.by["B1"].bands[1].points == 0
    assert rubric.by["B1"].until == "2031-01-31"
    assert rubric.rank_by == "base"
    assert rubric.by["B2"] == load(SAMPLE).bind().by["B2"]


def test_empty_max_is_unset_and_a_number_caps() -> None:
    definition = load(SAMPLE)
    assert (definition.bind().by["C2"].max, definition.bind().by["C2"].unset) == (None, "未设分值")
    capped = definition.bind({"show_max": "20"}).by["C2"]
    assert (capped.max, capped.unset) == (Fraction(20), "")


def test_empty_options_leave_a_plain_number() -> None:
    text = HEAD + (
        '[[clause]]\ncode = "A"\nin = "T"\ntext = "10分"\nmax = 10\nkind = "judged"\noptions = "@map"\n'
        '[[ruling]]\nkey = "map"\nquestion = "?"\ntype = "table"\n'
    )
    definition = load(text)
    assert definition.bind().by["A"].options == ()
    options = definition.bind({"map": [{"value": "优", "points": "10"}]}).by["A"].options
    assert [(o.value, o.points) for o in options] == [("优", Fraction(10))]


def test_bound_rubrics_are_kept_per_choice() -> None:
    definition = load(SAMPLE)
    assert definition.bind() is definition.bind({"long_stay": "same"})
    assert definition.bind() is not definition.bind({"long_stay": "none"})


def test_numbers_are_exact() -> None:
    rubric = load(SAMPLE).bind()
    assert rubric.by["B3"].target == Fraction(1, 5)
    assert rubric.by["B2"].points == {"市级": Fraction(1), "区级": Fraction(1, 2)}


def test_rates_of_the_notice_reach_every_deduct_clause_key_by_key() -> None:
    own = changed("events = [{label", "deductions = {event = 3, event_most = 3}\nevents = [{label")
    rates = load(own).bind().by["A2"].deductions
    assert (rates.event, rates.event_most, rates.material, rates.quality) == (3, 3, 1, True)


def test_clause_with_children_and_no_kind_is_a_sum() -> None:
    rubric = load(SAMPLE).bind()
    assert [rubric.by[c].kind for c in ("T", "A", "C1", "C2")] == ["sum", "sum", "sum", "judged"]


def test_fingerprint_is_the_same_for_the_same_meaning_only() -> None:
    definition = load(SAMPLE)
    plain = definition.fingerprint()
    assert len(plain) == 64
    assert definition.fingerprint({"long_stay": "same"}) == plain
    assert definition.fingerprint({"long_stay": "none"}) != plain
    assert load(SAMPLE + "# 一条注释\n").fingerprint() != plain


def test_snapshot_is_read_without_todays_lint() -> None:
    text = changed("max = 12", "max = 11")  # no longer the sum of its parts
    assert refused(text) != []
    assert load(text, check=False).bind().by["A"].max == 11


# --- rulings ------------------------------------------------------------------------------------


def test_choice_that_is_not_offered_or_unknown_ruling() -> None:
    definition = load(SAMPLE)
    with pytest.raises(RubricError, match="裁定“long_stay”: 没有“half”这一选项: 请在 same、none 中选一个"):
        definition.bind({"long_stay": "half"})
    with pytest.raises(RubricError, match="裁定“tie”不在本考核办法中: 您是不是想写“ties”"):
        definition.bind({"tie": "same"})


@pytest.mark.parametrize(
    ("kind", "chosen", "value"),
    [
        ("number", "0.5", Fraction(1, 2)),
        ("number", "20%", Fraction(1, 5)),
        ("number", "", None),
        ("date", "2031-02-28", "2031-02-28"),
        ("text", "一等奖金若干", "一等奖金若干"),
        ("text", "  ", None),
        ("table", [], None),
        ("table", {"优": "10"}, {"优": "10"}),
    ],
)
def test_typed_rulings(kind: str, chosen: object, value: object) -> None:
    assert ruling_value(Ruling(key="r", question="?", type=kind), chosen) == value


@pytest.mark.parametrize(
    ("kind", "chosen", "message"),
    [
        ("number", "五", "“五”不是准确的数: 请填 5、0.5 或 20% 的样子"),
        ("number", 0.5, "“0.5”不是准确的数: 请填 5、0.5 或 20% 的样子"),
        ("date", "2031-02-30", "“2031-02-30”不是日期: 请填 2023-05-18 的样子"),
        ("table", "优 10", "应填一张表: 请用列表或“键 = 值”的形式"),
        ("table", {"优": 0.5}, '表中有不准确的小数: 请把小数写成文字，如 "0.5"'),
    ],
)
def test_typed_rulings_refuse(kind: str, chosen: object, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        ruling_value(Ruling(key="r", question="?", type=kind), chosen)
    assert raised.value.message == message


# --- refusals -----------------------------------------------------------------------------------

LEAF = '[[clause]]\ncode = "A"\nin = "T"\ntext = "5分"\nmax = 5\nkind = "judged"\n'


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (LEAF + "maxx = 5\n", "rubric.toml:16: A: 不认识的键“maxx”: 您是不是想写“max”"),
        (
            LEAF + "bands = [{from = 1, points = 1}]\n",
            "rubric.toml:16: A: 键“bands”不属于 judged 类条款: 请删去，或把 kind 改为 roster、measure",
        ),
        (
            LEAF.replace("judged", "judge"),
            "rubric.toml:15: A: 没有“judge”这一类别: 您是不是想写“judged”",
        ),
        (
            LEAF.replace('kind = "judged"\n', ""),
            "rubric.toml:10: A: 末级条款没有写类别: 请写 kind，可用的有：ticks、judged、deduct、tally、roster、"
            "measure、rank、rule",
        ),
        (
            LEAF.replace("judged", "sum"),
            "rubric.toml:15: A: sum 类没有下级条款: 请用 in 指向它，或换一个类别",
        ),
        (LEAF.replace("judged", "ticks"), "rubric.toml:10: A: 缺少“ticks”: 请补上"),
        (
            LEAF.replace("max = 5", 'max = "五"'),
            'rubric.toml:14: A: “max”的值“五”不是准确的数: 请写成 0.8、"20%" 或 "13/3" 的样子',
        ),
        (
            LEAF.replace("max = 5", "max = 1e3"),
            'rubric.toml:14: A: “max”的值“1e3”不是准确的数: 请写成 0.8、"20%" 或 "13/3" 的样子',
        ),
        (LEAF.replace('"A"', "1"), "rubric.toml:11: 1: “code”应是文字，现在是 1: 请加上引号"),
        (
            LEAF + "materials = 3\n",
            "rubric.toml:16: A: “materials”应是列表，现在是 3: 请写在方括号 [ ] 里",
        ),
        (
            LEAF + 'otherwise = "skip"\n',
            "rubric.toml:16: A: “otherwise”不能是“skip”: 请在 drop、full 中选一个",
        ),
        (LEAF + "places = 1.5\n", "rubric.toml:16: A: “places”应是整数，现在是 3/2: 请改成整数"),
        (
            LEAF + 'options = [\n  {value = "优", points = 5},\n  {value = "良", pionts = 3},\n]\n',
            "rubric.toml:18: A: 不认识的键“pionts”: 您是不是想写“points”",
        ),
        (
            LEAF.replace("judged", "deduct") + 'losses = [{label = "缺席", each = "alle", count = "n"}]\n',
            'rubric.toml:16: A: “each”的值“alle”不是准确的数: 请写成 0.8、"20%" 或 "13/3" 的样子',
        ),
        (
            LEAF + '[[clause.fields]]\nkey = "n"\nlabel = "次数"\ntype = "cuont"\n',
            "rubric.toml:19: A: “type”不能是“cuont”: 请在 text、longtext、count、number、tick、choice、date、"
            "school、direction 中选一个",
        ),
        (LEAF + LEAF, "rubric.toml:17: A: 条款代码写了两次: 第 10 行已有，请改一个"),
        (
            LEAF.replace('"T"', '"TT"') + LEAF.replace('"A"', '"B"'),
            "rubric.toml:12: A: 没有上级条款“TT”: 您是不是想写“T”",
        ),
        (
            LEAF + LEAF.replace('"A"', '"B"').replace('in = "T"\n', ""),
            "rubric.toml:17: B: 没有写上级: 请用 in 指明；总分“T”已是最上一级",
        ),
        (
            LEAF + LEAF.replace('"A"', '"B"').replace('"T"', '"A"'),
            "rubric.toml:15: A: 有下级条款的不能是 judged 类: 请删去 kind，或去掉下级条款",
        ),
        (
            LEAF + LEAF.replace('"A"', '"B"').replace('"T"', '"B"').replace('kind = "judged"\n', ""),
            "rubric.toml:18: B: 上级绕成了一圈: 请检查 in",
        ),
        (
            LEAF + '[[clauses]]\ncode = "B"\n',
            "rubric.toml:16: 不认识的键“clauses”: 您是不是想写“clause”",
        ),
        (LEAF + '[field]\nkey = "n"\n', "rubric.toml:16: “field”应写成若干段: 请每段以 [[field]] 开头"),
        (
            LEAF + "[[deductions]]\nevent = 2\n",
            "rubric.toml:16: “deductions”应写成一段: 请以 [deductions] 开头",
        ),
        (LEAF + "[deductions]\nevnt = 2\n", "rubric.toml:17: 不认识的键“evnt”: 您是不是想写“event”"),
        (
            LEAF + "[defaults.roste]\nuntil = 2031-01-01\n",
            "rubric.toml:16: defaults 里没有“roste”: 您是不是想写“roster”",
        ),
        (
            LEAF + '[defaults.judged]\nby = ["visit"]\n',
            "rubric.toml:17: “by”应是文字，现在是 ['visit']: 请加上引号",
        ),
        (
            LEAF.replace("max = 5", 'max = "@top"'),
            "rubric.toml:14: A: 没有名为“top”的裁定: 可用的有：（无）",
        ),
        (
            LEAF + '[[ruling]]\nkey = "r"\nquestion = "?"\ntype = "number"\nnote = true\ndefault = "五"\n',
            "rubric.toml:21: 裁定 r: “五”不是准确的数: 请填 5、0.5 或 20% 的样子",
        ),
        (
            LEAF + '[[ruling]]\nkey = "r"\nquestion = "?"\nnote = true\n',
            "rubric.toml:16: 裁定 r: choices 与 type 不符: 选择题要有 choices，其他类型不要",
        ),
        (
            LEAF + '[[table]]\nkey = "t"\ntitle = "表"\ncolumns = [{label = "名称"}]\n',
            "rubric.toml:19: 表 t: 缺少“key”: 请补上",
        ),
    ],
)
def test_refusal_names_file_line_clause_and_remedy(body: str, line: str) -> None:
    assert refused(HEAD + body) == [line]


def test_head_is_checked_too() -> None:
    text = HEAD.replace('version = "1"\n', "").replace("indicator_level = 1", 'rounding = "up"')
    assert refused(text + LEAF) == [
        "rubric.toml:1: 缺少“version”: 请补上",
        "rubric.toml:5: “rounding”不能是“up”: 请在 division、each、display 中选一个",
    ]


def test_all_errors_come_at_once_in_the_order_of_the_file() -> None:
    text = HEAD + LEAF + "maxx = 1\n" + LEAF.replace('"A"', '"B"') + "plces = 1\n"
    assert [line.split(":")[1] for line in refused(text)] == ["16", "23"]


def test_a_wrong_default_is_said_once_not_for_every_clause() -> None:
    text = HEAD + LEAF + LEAF.replace('"A"', '"B"') + "[defaults.judged]\nstep = true\n"
    assert len(refused(text)) == 1


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (
            "points = {省级 = 1.5}\n",
            'TOML 写法有误（键的写法不能识别）: 中文的键和值都要加半角引号，如 {"省级" = 1.5}',
        ),
        (
            "text = 章程\n",
            'TOML 写法有误（等号后面的值不能识别）: 中文的键和值都要加半角引号，如 {"省级" = 1.5}',
        ),
        (
            "text = “章程”\n",
            "TOML 写法有误（等号后面的值不能识别）: 这一行有全角的引号、等号、逗号或括号，请改成半角",
        ),
        (
            'points = {"省级" = 1.5,\n  "市级" = 1}\n',
            "TOML 写法有误（花括号 { } 里不能换行）: 请写在一行里，或改用 [[表头]] 的写法",
        ),
        ("max = 5\nmax = 6\n", "TOML 写法有误（同一个键写了两次）: 请对照前后几行改正"),
    ],
)
def test_syntax_errors_say_what_an_official_can_do(body: str, line: str) -> None:
    (said,) = refused(HEAD + body)
    row = 11 if body.startswith("max") else 10
    assert said == f"rubric.toml:{row}: {line}"


def test_unclosed_string_points_near_the_end() -> None:
    (said,) = refused(HEAD + 'text = """开始\n')
    assert said == "rubric.toml:10: TOML 写法有误（引号没有收尾）: 请对照前后几行改正"


def test_lines_are_not_fooled_by_text_that_looks_like_toml() -> None:
    fake = 'note = """\n[[clause]]\ncode = "X" # 不是条款\n"""\n'
    assert refused(HEAD + LEAF + fake + "maxx = 1\n") == [
        "rubric.toml:20: A: 不认识的键“maxx”: 您是不是想写“max”"
    ]


def test_line_of_a_dotted_key_and_of_a_later_table() -> None:
    text = changed('points = {"市级" = 1, "区级" = 0.5}', 'points."市级" = 1\npoints."区级" = "半分"')
    (said,) = refused(text)
    line = line_of(text, 'points."区级"')
    assert said.startswith(f"rubric.toml:{line}: B2: “区级”的值“半分”")


# --- packages -----------------------------------------------------------------------------------


def test_package_is_read_with_or_without_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "rubric.toml").write_text("\ufeff" + SAMPLE, encoding="utf-8")
    assert read_package(tmp_path).text == SAMPLE


def test_package_without_file_or_in_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match="没有找到这个文件: 请放在 indicators 返回的文件夹里"):
        read_package(tmp_path)
    (tmp_path / "rubric.toml").write_bytes(SAMPLE.encode("gb18030"))
    with pytest.raises(RubricError, match="不是 UTF-8 编码: 请另存为 UTF-8"):
        read_package(tmp_path)
