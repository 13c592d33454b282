"""The words of the ledger: one example for every template, so that none is forgotten."""

from fractions import Fraction
from typing import Any

import pytest

from intranet.i18n import use_language
from intranet.rubric import sentences
from intranet.rubric.ledger import Line, State, Step

F = Fraction

LINES: dict[str, tuple[dict[str, Any], str]] = {
    "tick": ({"label": "制定章程"}, "制定章程"),
    "full": ({}, "满分起扣"),
    "not_done": ({}, "未开展，不得分"),
    "row": (
        {"level": "省级", "title": "课改先进集团", "quantity": F(1), "rate": F("1.5")},
        "省级 课改先进集团 1×1.5",
    ),
    "none": ({"table": "获奖情况"}, "获奖情况：已声明没有"),
    "stay": ({"person": "周一 0312", "measure": "total", "months": F("2.5")}, "周一 0312 累计 2.5 个月"),
    "stay_row": ({"person": "周一", "start": "2022-09-01", "end": ""}, "周一 2022-09-01 至 今"),
    "input": ({"label": "学生数", "school": "甲校", "value": F(812)}, "甲校 学生数 812"),
    "formula": ({"shown": "参加 ÷ 教师", "value": F(1, 5), "target": F(1, 5)}, "参加 ÷ 教师 = 0.2，达到 0.2"),
    "place": ({"place": F(2), "of": F(4), "shared": F(1)}, "第 2 名（共 4 个）"),
    "loss_event": (
        {
            "label": "理事会",
            "unit": "次",
            "n": F(1),
            "each": F(2),
            "need": F(2),
            "detail": (("上学期", F(2)), ("下学期", F(1))),
        },
        "少理事会 1 次 1×2（上学期 2 次，下学期 1 次，应 2 次）",
    ),
    "loss_material": ({"label": "会议签到表", "each": F(1)}, "缺材料：会议签到表"),
    "loss_count": ({"label": "未参加活动", "unit": "次", "n": F(3), "each": F(2)}, "未参加活动 3×2"),
    "loss_tick": ({"label": "无方案", "unit": "次", "n": F(1), "each": F(2)}, "无方案"),
    "loss_judged": ({"label": "安全事故", "unit": "次", "n": F(1), "each": F(1)}, "安全事故"),
    "loss_quality": ({"label": "quality", "unit": "次", "n": F(1), "each": F(1)}, "资料质量不高，酌情扣分"),
    "loss_formula": (
        {"label": "通报", "shown": "件数 ÷ 3", "value": F(1, 3), "n": F(1, 3), "each": F(1)},
        "通报 件数 ÷ 3 ≈ 0.3333",
    ),
    "slot_na": ({"label": "衔接课程"}, "材料：衔接课程"),
    "exempt": ({}, "免评"),
    "not_applicable": ({}, "不适用"),
    "full_instead": ({"why": "exempt"}, "免评，视同满分"),
    "unset": ({"text": "未设分值"}, "未设分值"),
    "unfilled": ({}, "至冻结时未填报，按0分计"),
    "rule": ({"text": "与最高者之比"}, "与最高者之比"),
}


def test_every_line_has_an_example() -> None:
    assert set(LINES) == set(sentences.LINES)


@pytest.mark.parametrize("what", LINES)
def test_line(what: str) -> None:
    parts, text = LINES[what]
    assert sentences.line(Line(what, parts)) == text
    assert set(parts) <= set(sentences.LINES[what].parts), "a part that the table does not document"


@pytest.mark.parametrize(
    ("what", "parts", "text"),
    [
        (
            "row",
            {"level": "国家级", "read_as": "省级", "title": "甲", "quantity": F(2), "rate": F(1)},
            "国家级（按省级计） 甲 2×1",
        ),
        ("row", {"title": "甲"}, "甲"),
        (
            "stay",
            {"person": "周一", "measure": "longest", "months": F(4), "band": "中期"},
            "周一 连续 4 个月（中期）",
        ),
        ("stay_row", {"person": "周一", "start": "", "end": "", "months": "许多"}, "周一 许多 个月"),
        ("stay_row", {"person": "", "start": "", "end": "2022-09-01"}, "— 至 2022-09-01"),
        ("input", {"label": "等第", "school": "乙校", "value": None}, "乙校 等第 未填"),
        ("formula", {"shown": "甲", "value": F(13, 3)}, "甲 ≈ 4.3333"),
        ("formula", {"shown": "甲", "value": F(-1, 2)}, "甲 = \u22120.5"),
        ("formula", {"shown": "甲", "value": F(1, 10), "target": F(1, 5)}, "甲 = 0.1，低于 0.2"),
        ("formula", {"shown": "甲", "value": F(7), "rate": F("0.5")}, "甲 = 7，每 1 计 0.5"),
        ("formula", {"shown": "甲", "value": F(7), "band": "优秀"}, "甲 = 7（优秀）"),
        ("place", {"place": F(2), "of": F(4), "shared": F(2)}, "并列第 2 名（2 个并列，共 4 个）"),
        ("loss_tick", {"label": "一票否决", "n": F(1), "each": None}, "一票否决，全部扣除"),
        ("loss_count", {"label": "通报", "n": F(1), "each": None}, "通报，全部扣除"),
    ],
)
def test_line_variants(what: str, parts: dict[str, Any], text: str) -> None:
    assert sentences.line(Line(what, parts)) == text


def test_unknown_line_shows_its_text() -> None:
    assert sentences.line(Line("own", {"text": "插件的话"})) == "插件的话"
    assert sentences.line(Line("own")) == "own"


REASONS: dict[str, tuple[dict[str, Any], str]] = {
    "not_ticked": ({}, "未具备"),
    "not_answered": ({}, "未填"),
    "not_applicable": ({}, "不适用"),
    "once": ({"once": "人"}, "同一人在本款只计一次，取高"),
    "no_key": ({"once": "选手"}, "未填选手"),
    "no_level": ({}, "未填级别"),
    "no_rate": ({"level": "国家级"}, "本款未列国家级的分值"),
    "panel_decides": ({"level": "国家级"}, "国家级未列分值，由考核组认定"),
    "no_quantity": ({}, "未填数量"),
    "no_person": ({}, "未填姓名"),
    "no_dates": ({}, "未填起止时间"),
    "bad_date": ({}, "日期不能识别，请填 2023-09-01 的样子"),
    "bad_months": ({}, "月数应是大于 0 的数"),
    "end_before_start": ({}, "止期早于起期"),
    "before_since": ({"since": "2022-09-01"}, "2022-09-01 以前已结束"),
    "after_until": ({"until": "2023-05-18"}, "2023-05-18 以后才开始"),
    "running": ({}, "仍在进行，未定截止日"),
    "below_bands": ({"months": F(32), "least": F(36)}, "未满三年"),
    "above_bands": ({}, "超出所列各档，由考核组认定"),
    "negative": ({}, "负增长，不计分"),
    "unconfirmed": ({}, "对方学校尚未确认"),
    "disputed": ({}, "对方学校有异议"),
}


def test_every_reason_has_an_example() -> None:
    assert set(REASONS) == set(sentences.REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_reason(reason: str) -> None:
    parts, text = REASONS[reason]
    assert sentences.reason(Line("row", parts, counted=False, reason=reason)) == text


def test_reason_of_the_rubric_stands_as_printed() -> None:
    assert sentences.reason(Line("row", counted=False, reason="无集团文件")) == "无集团文件"
    assert sentences.reason(Line("row")) == ""


def test_below_a_figure() -> None:
    assert sentences.reason(Line("formula", {"least": F("0.6")}, reason="below_bands")) == "低于最低一档 0.6"


@pytest.mark.parametrize(
    ("months", "text"),
    [
        ("36", "三年"),
        ("12", "一年"),
        ("120", "十年"),
        ("3", "3 个月"),
        ("2.5", "2.5 个月"),
        ("18", "18 个月"),
        ("132", "132 个月"),
    ],
)
def test_span(months: str, text: str) -> None:
    assert sentences.span(F(months)) == text


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        ({"days": F(12), "months": F(3), "points": F("0.3")}, "差 12 天满 3 个月，可计 0.3"),
        ({"days": F(40), "months": F(36), "points": F(1)}, "差 40 天满三年，可计 1"),
        ({}, ""),
    ],
)
def test_hint(hint: dict[str, Any], text: str) -> None:
    assert sentences.hint(Line("stay", hint=hint)) == text


STEPS: list[tuple[Step, str]] = [
    (Step("gate", None, F(0), {"needs": "三年规划"}), "缺“三年规划”，不得分"),
    (Step("sum", None, F("3.5")), "合计 3.5"),
    (Step("best", None, F(4)), "取最高 4"),
    (Step("average", F(13), F(13, 3), {"divide": F(3)}), "平均 13÷3 ≈ 4.3333"),
    (Step("average", F(13), F(13, 2), {"divide": F(2)}), "平均 13÷2 = 6.5"),
    (Step("round", F(13, 3), F("4.33")), "四舍五入 4.33"),
    (Step("cap", F("3.8"), F(3), {"max": F(3)}), "封顶 3，因封顶未计 0.8"),
    (Step("loss", F(3), F(0), {"loss": F(3)}), "扣 3，得 0"),
    (Step("loss", F(3), F(-1), {"loss": F(4)}), "扣 4，得 \u22121"),
    (Step("floor", F(-1), F(0)), "扣完为止，计 0"),
    (Step("mark", None, F("9.5"), {"by": "考核组", "reason": ""}), "考核组评定 9.5"),
    (Step("mark", F(3), F(3), {"by": "考核组", "reason": ""}), "考核组确认 3"),
    (
        Step("mark", F(3), F("2.5"), {"by": "考核组", "reason": "一项证书不符"}),
        "考核组改定 2.5：一项证书不符",
    ),
    (Step("mark", None, F(6), {"by": "核查组", "reason": "", "verdict": "良"}), "核查组评定 良，6"),
    (Step("mark", None, None, {"by": "核查组", "reason": "", "verdict": "达标"}), "核查组评定 达标"),
    (Step("weight", F(72), F(36), {"weight": F(1, 2)}), "折算 ×0.5 = 36"),
    (Step("unfilled", None, F(0)), "至冻结时未填报，按0分计"),
]


@pytest.mark.parametrize(("step", "text"), STEPS, ids=[f"{s.name}-{n}" for n, (s, _text) in enumerate(STEPS)])
def test_step(step: Step, text: str) -> None:
    assert sentences.step(step) == text


def test_every_step_has_an_example() -> None:
    assert {step.name for step, _text in STEPS} == set(sentences.STEPS)


def test_steps_in_other_places() -> None:
    assert sentences.step(Step("sum", None, F(1, 3)), 3) == "合计 0.333"


def test_flags_and_states() -> None:
    assert sentences.flag("blank_as_zero") == "有未填的次数，暂按0次"
    assert sentences.flag("插件自己的提示") == "插件自己的提示"
    texts = [sentences.flag(code) for code in sentences.FLAGS]
    assert len(set(texts)) == len(texts)
    assert [sentences.state(s) for s in State] == ["已计分", "未填报", "待评定", "不适用"]


def test_years_are_figures_in_english() -> None:
    assert sentences.span(F(36)) == "三年"
    with use_language("en"):
        assert sentences.span(F(36)).startswith("3 ")
