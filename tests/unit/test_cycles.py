"""Pure parts of a cycle: values of rulings, dates, fingerprints, what moved between two freezes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from intranet.domain import rulings
from intranet.domain.cycle_dates import fixed_dates
from intranet.domain.freeze import canonical, fingerprint_of, moved
from intranet.domain.lifecycle import naming, next_state, require_reason, state_before
from intranet.domain.rulings import RulingState
from intranet.enums import CycleState
from intranet.errors import Invalid
from intranet.models import Cycle, UnitResult
from intranet.rubric import loader
from intranet.rubric.model import Ruling, RulingChoice
from intranet.web.bureau.rulings import marked
from tests.unit.rubric import sample

CHOICE = Ruling(
    key="long",
    question="满6个月怎样计",
    choices=(
        RulingChoice(key="same", label="同上一档", value="0.5"),
        RulingChoice(key="none", label="不计", value="0"),
    ),
    default="same",
)


def ruling(kind: Any, default: Any = None) -> Ruling:
    return Ruling(key="r", question="取多少", type=kind, default=default)


@pytest.mark.parametrize(
    ("asked", "text", "value"),
    [
        (CHOICE, "none", "none"),
        (ruling("date"), "2031年5月6日", "2031-05-06"),
        (ruling("date"), "２０３１-０５-０６", "2031-05-06"),
        (ruling("number"), " ２０％ ", "0.2"),
        (ruling("number"), "13/3", "13/3"),
        (ruling("number"), "", None),
        (ruling("text", ""), " 一等奖 ", "一等奖"),
        (
            ruling("table", []),
            "优秀 10\n良好\t７.5\n",
            [{"value": "优秀", "points": "10"}, {"value": "良好", "points": "7.5"}],
        ),
        (ruling("table", []), "市级\n区级", ["市级", "区级"]),
        (
            ruling("table", {}),
            "甲组 优 1\n甲组 良 2\n乙组 优 3",
            {"甲组": {"优": "1", "良": "2"}, "乙组": {"优": "3"}},
        ),
        (ruling("table", {}), "优 1", {"优": "1"}),
    ],
)
def test_parse_value_stores_what_was_meant(asked: Ruling, text: str, value: Any) -> None:
    assert rulings.parse_value(asked, text) == value


@pytest.mark.parametrize(
    ("asked", "text", "said"),
    [
        (CHOICE, "", "请选一个口径"),
        (CHOICE, "both", "没有“both”这一选项"),
        (ruling("date"), "2031-02-30", "不是日期"),
        (ruling("number"), "很多", "不是准确的数"),
        (ruling("number", 1), "", "改回默认口径 1"),
        (ruling("table", []), "优秀 十分", "不是准确的数"),
        (ruling("table", []), "优秀 10 分", "第 1 行"),
        (ruling("table", []), "优秀 10\n优秀 9", "重复"),
        (ruling("table", {}), "优", "第 1 行"),
        (ruling("table", {}), "甲组 1\n甲组 优 2", "有的行分组"),
    ],
)
def test_parse_value_refuses_with_what_to_enter(asked: Ruling, text: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        rulings.parse_value(asked, text)
    assert said in refused.value.message
    assert refused.value.field == asked.key


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (ruling("table", []), "优秀\t10\n良好\t7.5"),
        (ruling("table", []), "市级\n区级"),
        (ruling("table", {}), "甲组\t优\t1\n乙组\t优\t3"),
        (ruling("date"), "2031-05-06"),
    ],
)
def test_a_value_is_shown_as_it_was_typed(asked: Ruling, text: str) -> None:
    assert rulings.as_typed(asked, rulings.parse_value(asked, text)) == text


def test_settled_tells_open_default_and_decided_apart() -> None:
    definition = loader.load(sample.SAMPLE)
    cycle = Cycle(
        title="t", rubric_key="sample", rubric_version="1", rubric_title="t", definition=sample.SAMPLE
    )
    cycle.rulings = {"long_stay": "none", "quota": 1}
    cycle.ruling_notes = {
        "long_stay": {"reason": "从严", "by": "管小局", "at": "2031-03-10"},
        "quota": {"reason": "", "by": "管小局", "at": "2031-03-10", "default": "1"},
    }
    found = {s.ruling.key: s for s in rulings.settled(cycle, definition)}
    assert (found["long_stay"].state, found["long_stay"].shown) == (RulingState.DECIDED, "不计")
    assert (found["quota"].state, found["quota"].shown) == (RulingState.DEFAULT, "1")
    assert (found["show_max"].state, found["show_max"].shown) == (RulingState.OPEN, "不设")
    assert found["cutoff"].text == "2031-06-30"
    waiting = [s.ruling.key for s in rulings.still_open(cycle, definition)]
    assert waiting == ["cutoff", "ties", "show_max", "rank_by"]


def test_the_quote_is_marked_inside_the_clause() -> None:
    assert marked("3个月", "满3个月<1分>") == "满<mark>3个月</mark>&lt;1分&gt;"
    assert marked("别处的话", "原文") == "<mark>别处的话</mark>"
    assert marked("", "只有<原文>") == "只有&lt;原文&gt;"


def test_dates_of_phases_that_are_over_do_not_move() -> None:
    assert fixed_dates(CycleState.DRAFT) == frozenset()
    assert fixed_dates(CycleState.REVIEW) == {"filing_from", "filing_until"}
    assert "deliberation_until" not in fixed_dates(CycleState.DELIBERATION)
    assert len(fixed_dates(CycleState.PUBLISHED)) == 5
    assert len(fixed_dates(CycleState.ARCHIVED)) == 6


def test_the_order_of_phases_and_the_way_back() -> None:
    assert next_state(CycleState.DELIBERATION) == CycleState.PUBLISHED
    assert next_state(CycleState.ARCHIVED) is None
    assert state_before(CycleState.DELIBERATION) == CycleState.REVIEW
    assert state_before(CycleState.REVIEW) == CycleState.FILING
    assert [
        state_before(s)
        for s in (CycleState.FILING, CycleState.PUBLISHED, CycleState.FINAL, CycleState.ARCHIVED)
    ] == [None] * 4


def test_a_reason_is_required_and_squeezed() -> None:
    assert require_reason("  签到表\n缺日期 ") == "签到表 缺日期"
    for text in (" 　\n", "字" * 301):
        with pytest.raises(Invalid) as refused:
            require_reason(text)
        assert refused.value.field == "reason"


def test_naming_counts_what_it_leaves_out() -> None:
    assert naming(["甲", "乙"]) == "甲、乙"
    assert naming([str(n) for n in range(8)]) == "0、1、2、3、4、5 等 8 个"


def test_the_fingerprint_hangs_on_every_value_but_not_on_the_order() -> None:
    one, two = (
        {"facts": {"unit": "g1", "n": 1}, "document": {"total": "3"}},
        {"facts": {"unit": "g2"}, "document": {}},
    )
    first = fingerprint_of("f", [one, two])
    assert first == fingerprint_of("f", [two, one])
    assert first != fingerprint_of("g", [one, two])
    assert first != fingerprint_of("f", [{**one, "document": {"total": "3.0"}}, two])
    assert canonical({"b": 1, "a": "中"}) == '{"a":"中","b":1}'


def test_moved_lists_changed_totals_and_ranks_only() -> None:
    def row(entry_id: int, total: int | None, rank: int | None) -> UnitResult:
        points = None if total is None else Fraction(total)
        document = {"name": f"单位{entry_id}"}
        return UnitResult(
            result_id=1, entry_id=entry_id, position=1, rank=rank, total=points, document=document, facts={}
        )

    found = moved(
        [row(1, 90, 1), row(2, 80, 2), row(3, 70, 3)], [row(2, 95, 1), row(1, 90, 2), row(3, 70, 3)]
    )
    assert [(m.name, m.old_total, m.new_total, m.old_rank, m.new_rank) for m in found] == [
        ("单位2", 80, 95, 2, 1),
        ("单位1", 90, 90, 1, 2),
    ]
