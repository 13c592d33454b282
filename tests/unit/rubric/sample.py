"""A small invented rubric with every kind, and a plugin that implements every hook.

示例区 does not exist; neither do its schools and people. Core tests read this instead of a real notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from intranet.hookspecs import hookimpl
from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.formula import evaluate
from intranet.rubric.ledger import Earned, Line, Outcome, Problem, Result
from intranet.rubric.model import Rubric

SAMPLE = """\
key = "sample"
title = "示例区学校联盟考核细则"
short = "联盟考核"
version = "1"
source = "示例区教育局"
levels = ["", "一级指标", "二级指标", "考核要点"]
rank_by = "@rank_by"

[terms]
unit = "学校联盟"
lead = "牵头学校"

[deductions]
not_done = true
event = 2
material = 1
quality = true

[defaults.roster]
until = "@cutoff"

[[ruling]]
key = "cutoff"
question = "名册截止日是哪一天"
type = "date"
default = 2031-06-30

[[ruling]]
key = "long_stay"
clause = "B1"
question = "满6个月怎样计分"
why = "原文只写到6个月"
choices = [{key = "same", value = 0.5, label = "同上一档"}, {key = "none", value = 0, label = "不计"}]
default = "same"

[[ruling]]
key = "ties"
question = "并列怎样计分"
choices = [{key = "same", value = "same", label = "同分"}, {key = "mean", value = "mean", label = "取平均"}]
default = "same"

[[ruling]]
key = "show_max"
clause = "C2"
question = "展示的分值"
type = "number"

[[ruling]]
key = "rank_by"
question = "按什么排名"
choices = [{key = "total", value = "total", label = "总分"}, {key = "base", value = "base", label = "基本分"}]
default = "total"

[[ruling]]
key = "quota"
question = "优秀的名额"
type = "number"
default = 1
python = true

[[clause]]
code = "T"
title = "总分"
losses = [{label = "缺席全区会议", each = 2, count = "absences"}]

[[clause]]
code = "A"
in = "T"
no = "一"
title = "制度"
max = 12

[[clause]]
code = "A1"
in = "A"
title = "章程"
max = 5

[[clause]]
code = "A1.1"
in = "A1"
text = "有章程(1分),有理事会(1分)"
max = 2
kind = "ticks"
ticks = [{key = "charter", label = "有章程", points = 1}, {key = "council", label = "有理事会", points = 1}]

[[clause]]
code = "A1.2"
in = "A1"
text = "章程内容规范(3分)"
max = 3
kind = "judged"
needs = "A1.1.charter"

[[clause]]
code = "A2"
in = "A"
text = "每学期召开理事会不少于2次(7分)"
max = 7
kind = "deduct"
events = [{label = "理事会", need = 2, in = ["上学期", "下学期"]}]
materials = ["会议方案", "会议纪要"]
losses = [{label = "未报计划", each = 1, tick = "A2.no_plan", by = "school"}]

[[clause]]
code = "B"
in = "T"
no = "二"
title = "成效"
max = 30

[[clause]]
code = "B1"
in = "B"
text = "教师交流3个月以上0.3分/人,6个月以上0.5分/人,最高4分"
max = 4
kind = "roster"
table = "exchange"
where = {category = "定期"}
require = [{column = "document", reason = "无文件"}]
bands = [{from = 3, to = 6, points = 0.3}, {from = 6, points = "@long_stay"}]

[[clause]]
code = "B2"
in = "B"
text = "市级奖励1分/个,区级奖励0.5分/个,最高3分"
max = 3
kind = "tally"
table = "awards"
level = "level"
points = {"市级" = 1, "区级" = 0.5}
alias = {"省级" = "市级"}
once_per = "winner"

[[clause]]
code = "B3"
in = "B"
text = "参加教师达到教师总数的20%,得6分"
max = 6
kind = "measure"
formula = "took_part / teachers"
target = "20%"
below = "proportional"
fields = [
  {key = "took_part", label = "参加人数", type = "count", unit = "人"},
  {key = "teachers", label = "教师总数", type = "count", unit = "人"},
]

[[clause]]
code = "B4"
in = "B"
text = "平均等第前三名分别得4分、3分、2分"
max = 4
kind = "rank"
formula = "mean(grade)"
award = [4, 3, 2]
ties = "@ties"

[[clause]]
code = "B5"
in = "B"
text = "结对学校达到成员学校半数的得5分"
max = 5
kind = "rule"
params = {share = "1/2"}
fields = [{key = "pairs", label = "结对学校数", type = "count", unit = "所"}]

[[clause]]
code = "B6"
in = "B"
text = "结对学校数与最高者之比乘以8分"
max = 8
kind = "rule"
pass = "cohort"

[[clause]]
code = "C"
in = "T"
no = "三"
title = "加分"

[[clause]]
code = "C1"
in = "C"
text = "特色工作,甲、乙两项取高,最高10分"
max = 10
take = "best"

[[clause]]
code = "C1.1"
in = "C1"
text = "甲、示范:优10分,良6分"
max = 10
kind = "judged"
by = "visit"
options = [{value = "优", points = 10}, {value = "良", points = 6}, {value = "无", points = 0}]

[[clause]]
code = "C1.2"
in = "C1"
text = "乙、共享资源每项1分,最高10分"
max = 10
kind = "tally"
table = "resources"
each = 1
applies = {stages = ["小学", "初中"]}

[[clause]]
code = "C2"
in = "C"
text = "展示"
max = "@show_max"
kind = "judged"

[assessors]
visit = "实地核查组"

[[field]]
key = "grade"
label = "质量等第"
type = "choice"
by = "bureau"
per = "member"
clause = "B4"
options = [{value = "甲等", points = 5}, {value = "乙等", points = 4}, {value = "丙等", points = 3}]

[[table]]
key = "exchange"
title = "教师交流名册"
describe = "{person}：{sender}→{receiver}"
confirmed_by = ["sender", "receiver"]
twice = [["person", "period"]]
columns = [
  {key = "person", label = "姓名(工号)", required = true},
  {key = "category", label = "类别", type = "choice", options = ["定期", "不定期"], required = true},
  {key = "sender", label = "派出学校", type = "school"},
  {key = "receiver", label = "接收学校", type = "school"},
  {key = "direction", label = "方向", type = "direction", of = ["sender", "receiver"], options = [
    "牵头→成员", "成员→牵头", "成员→成员",
  ]},
  {key = "start", label = "起", type = "date"},
  {key = "end", label = "止", type = "date"},
  {key = "months", label = "或:月数", type = "number", least = 0},
  {key = "document", label = "文件", type = "tick"},
]

[[table]]
key = "awards"
title = "奖励"
columns = [
  {key = "winner", label = "获奖者", required = true},
  {key = "level", label = "级别", type = "choice", options = ["省级", "市级", "区级"], required = true},
]

[[table]]
key = "resources"
title = "共享资源"
columns = [{key = "name", label = "名称", required = true}]

[[subtotal]]
code = "base"
title = "基本分"
of = ["A", "B"]
printed = 42

[[form]]
key = "report"
title = "示例区学校联盟考核表"
rows = "clauses:二级指标"
columns = [
  {label = "一级指标", source = "above.一级指标", merge = true},
  {label = "二级指标", source = "text", width = 40},
  {label = "分值", source = "max", align = "right"},
  {label = "自评分", source = "self", align = "right"},
  {label = "考核得分", source = "points", align = "right"},
]
foot = [{label = "合计", source = "points"}]

[[form]]
key = "progress"
title = "{unit}工作推进情况统计表"
rows = "filed"
columns = [
  {label = "序号", source = "number", width = 6},
  {label = "工作推进情况", source = "what", width = 40},
  {label = "指标类别", source = "category", width = 16},
  {label = "印证材料", source = "evidence", width = 40},
]
"""


def changed(old: str, new: str) -> str:
    """SAMPLE with one place changed; the place has to be there."""
    assert old in SAMPLE, old
    return SAMPLE.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    """Line (from 1) on which ``part`` begins."""
    return text[: text.index(part)].count("\n") + 1


def facts(unit: str = "u1", **changes: Any) -> Facts:
    """A filled-in unit with two invented schools; ``changes`` replace parts of the document."""
    document: dict[str, Any] = {
        "unit": unit,
        "name": f"示例联盟{unit}",
        "attributes": {"stages": ["小学"]},
        "members": {
            "s1": {"name": "示例一小", "role": "lead", "stage": "小学"},
            "s2": {"name": "示例二小", "role": "member", "stage": "小学"},
        },
        "docs": {
            "school": {
                "fields": {
                    "A1.1.charter": True,
                    "A1.1.council": False,
                    "A2.done": True,
                    "A2.上学期": 2,
                    "A2.下学期": 1,
                    "A2.no_plan": False,
                    "took_part": 15,
                    "teachers": 100,
                    "pairs": 1,
                },
                "materials": {"A2": [True, True]},
                "tables": {
                    "exchange": [
                        {
                            "person": "甲某 001",
                            "category": "定期",
                            "sender": "s1",
                            "receiver": "s2",
                            "start": "2030-09-01",
                            "end": "2031-01-15",
                            "document": True,
                        }
                    ],
                    "awards": [{"winner": "乙某", "level": "市级"}],
                    "resources": [],
                },
            },
            "bureau": {
                "fields": {"absences": 0},
                "members": {"s1": {"grade": "甲等"}, "s2": {"grade": "乙等"}},
            },
            "panel": {"fields": {"A2.quality": "0.5"}},
        },
        "marks": {
            "panel": {"A1.2": {"points": "2.5"}},
            "visit": {"C1.1": {"verdict": "良"}},
        },
    }
    return Facts.from_json(document | changes)


class SamplePlugin:
    """Every hook, each as small as it can be. ``folder`` must hold SAMPLE as rubric.toml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def at(cls, folder: Path) -> SamplePlugin:
        (folder / "rubric.toml").write_text(SAMPLE, encoding="utf-8")
        return cls(folder)

    @hookimpl
    def indicators(self) -> Traversable:
        return self.folder

    @hookimpl
    def form_fields(self, rubric: Rubric, facts: Facts) -> Sequence[FieldChange]:
        if len(facts.members) == 1:
            return [FieldChange("A2#2", hidden=True, reason="只有一所学校")]
        return []

    @hookimpl
    def check_facts(self, rubric: Rubric, facts: Facts) -> Sequence[Problem]:
        pairs = facts.get("pairs")
        if pairs is not None and pairs > len(facts.members):
            return [Problem("error", "pairs", "结对学校数超过成员学校数", "school.fields.pairs", "B5")]
        return []

    @hookimpl
    def score_unit(self, rubric: Rubric, facts: Facts) -> Mapping[str, Earned]:
        share = evaluate(rubric, "pairs / schools", facts)
        if share.value is None:
            return {"B5": Earned(state=share.state)}
        reached = share.value >= Fraction(rubric.by["B5"].params["share"])  # type: ignore[union-attr]
        points = Fraction(5 if reached else 0)
        return {"B5": Earned(lines=(Line("rule", {"text": "结对学校占比"}, points),), value=share.value)}

    @hookimpl
    def score_cohort(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Mapping[str, Earned]]:
        pairs = {r.unit: Fraction(r.facts.get("pairs") or 0) for r in results}
        best = max(pairs.values(), default=Fraction(0))
        earned = {
            unit: Earned(
                lines=(Line("rule", {"text": "与最高者之比"}, n / best * 8 if best else Fraction(0)),),
                value=n,
            )
            for unit, n in pairs.items()
        }
        return {"B6": earned}

    @hookimpl
    def finish(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Outcome]:
        quota = int(rubric.values["quota"])
        return {r.unit: Outcome(grade="优秀" if n < quota else "合格") for n, r in enumerate(results)}
