"""Fields that clauses imply, and the form of one unit."""

import pytest

from intranet.errors import RubricError
from intranet.rubric.fields import FieldChange, Slot, adapt, applies, loss_key
from intranet.rubric.loader import load
from intranet.rubric.model import Option, Rubric
from tests.unit.rubric.sample import SAMPLE, changed, facts


@pytest.fixture(scope="module")
def rubric() -> Rubric:
    return load(SAMPLE).bind()


def test_all_fields_stand_in_the_order_of_the_notice(rubric: Rubric) -> None:
    shown = [(key, f.label, f.type, f.by, f.clause) for key, f in rubric.all_fields.items()]
    assert shown == [
        ("absences", "缺席全区会议", "count", "bureau", "T"),
        ("A1.1.charter", "有章程", "tick", "school", "A1.1"),
        ("A1.1.council", "有理事会", "tick", "school", "A1.1"),
        ("A2.done", "已开展", "tick", "school", "A2"),
        ("A2.上学期", "理事会（上学期）", "count", "school", "A2"),
        ("A2.下学期", "理事会（下学期）", "count", "school", "A2"),
        ("A2.no_plan", "未报计划", "tick", "school", "A2"),
        ("A2.quality", "酌情扣分", "number", "panel", "A2"),
        ("took_part", "参加人数", "count", "school", "B3"),
        ("teachers", "教师总数", "count", "school", "B3"),
        ("grade", "质量等第", "choice", "bureau", "B4"),
        ("pairs", "结对学校数", "count", "school", "B5"),
    ]


def test_quality_is_at_most_the_clause(rubric: Rubric) -> None:
    quality = rubric.all_fields["A2.quality"]
    assert (quality.least, quality.most) == (0, 7)


def test_no_done_tick_where_the_notice_has_no_such_rule() -> None:
    own = load(
        changed('events = [{label = "理事会"', 'deductions = {not_done = false}\nevents = [{label = "理事会"')
    )
    assert "A2.done" not in own.bind().all_fields


def test_event_without_periods_and_event_in_rows() -> None:
    text = changed(
        'events = [{label = "理事会", need = 2, in = ["上学期", "下学期"]}]',
        'events = [{label = "视导", need = 1}]',
    )
    assert load(text).bind().all_fields["A2.视导"].label == "视导"
    rows = changed(
        'events = [{label = "理事会", need = 2, in = ["上学期", "下学期"]}]',
        'events = [{label = "活动", need = 2, rows = "exchange", column = "months"}]',
    )
    assert [k for k in load(rows).bind().all_fields if k.startswith("A2.")] == [
        "A2.done",
        "A2.no_plan",
        "A2.quality",
    ]


def test_a_loss_uses_the_field_it_names_wherever_that_is_declared() -> None:
    text = (
        SAMPLE
        + '[[field]]\nkey = "absences"\nlabel = "缺席（区教育局登记）"\ntype = "count"\nby = "bureau"\n'
    )
    rubric = load(text).bind()
    assert rubric.all_fields["absences"].label == "缺席（区教育局登记）"
    assert next(iter(rubric.all_fields)) == "absences"  # named by no clause: before all clauses
    loss = rubric.by["T"].losses[0]
    assert loss_key(rubric.by["T"], loss) == "absences"


def test_a_judged_loss_has_its_own_number() -> None:
    text = changed(
        'losses = [{label = "未报计划", each = 1, tick = "A2.no_plan", by = "school"}]',
        'losses = [{label = "资料不全", judged = true, most = 3, by = "panel"}, {label = "迟报", event = "理事会", each = 1}]',
    )
    rubric = load(text).bind()
    field = rubric.all_fields["A2.资料不全"]
    assert (field.type, field.by, field.least, field.most) == ("number", "panel", 0, 3)
    assert [loss_key(rubric.by["A2"], loss) for loss in rubric.by["A2"].losses] == ["A2.资料不全", None]


# --- one unit's form ----------------------------------------------------------------------------


def test_a_form_without_changes_is_the_rubric(rubric: Rubric) -> None:
    form = adapt(rubric, facts(), None)
    assert form.fields == rubric.all_fields
    assert form.hidden == {}
    assert form.slots("A2") == [Slot(1, "会议方案"), Slot(2, "会议纪要")]
    assert form.slots("A1") == []


def test_changes_are_made_for_this_unit_only(rubric: Rubric) -> None:
    form = adapt(
        rubric,
        facts(),
        [
            FieldChange("A2.上学期", label="秋季理事会", help="线上的也算", default="2"),
            FieldChange("grade", options=(Option(value="免评"),)),
            FieldChange("A2#1", label="会议方案或通知"),
            FieldChange("A2#2", hidden=True, reason="只有一所学校"),
            FieldChange("pairs", hidden=True),
        ],
    )
    field = form.field("A2.上学期")
    assert (field.label, field.help, field.default, field.type) == ("秋季理事会", "线上的也算", "2", "count")
    assert [o.value for o in form.field("grade").options] == ["免评"]
    assert form.hidden == {"A2#2": "只有一所学校", "pairs": ""}
    assert form.slots("A2") == [Slot(1, "会议方案或通知"), Slot(2, "会议纪要", True, "只有一所学校")]
    assert rubric.all_fields["A2.上学期"].label == "理事会（上学期）"


def test_unknown_keys_are_refused_all_at_once(rubric: Rubric) -> None:
    with pytest.raises(RubricError) as raised:
        adapt(rubric, facts(), [FieldChange("A2.春季"), FieldChange("A2#3"), FieldChange("A2#0")])
    assert raised.value.lines == [
        "form_fields: 没有名为“A2.春季”的字段或材料: 请核对键名",
        "form_fields: 没有名为“A2#3”的字段或材料: 请核对键名",
        "form_fields: 没有名为“A2#0”的字段或材料: 请核对键名",
    ]


def test_what_does_not_apply_to_the_unit_is_hidden() -> None:
    text = changed('text = "每学期召开', 'applies = {stages = ["小学", "初中"]}\ntext = "每学期召开')
    rubric = load(text).bind()
    other = facts(attributes={"stages": ["高中"]})
    form = adapt(rubric, other, None)
    assert form.hidden == {
        key: "不适用"
        for key in ("A2.done", "A2.上学期", "A2.下学期", "A2.no_plan", "A2.quality", "A2#1", "A2#2")
    }
    assert adapt(rubric, facts(), None).hidden == {}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"stages": ["小学"]}, True),
        ({"stages": ["高中", "初中"]}, True),
        ({"stages": "初中"}, True),
        ({"stages": ["高中"]}, False),
        ({"stages": []}, False),
        ({}, False),
    ],
)
def test_applies_reads_one_attribute_or_a_list(
    rubric: Rubric, attributes: dict[str, object], expected: bool
) -> None:
    assert applies(rubric, "C1.2", facts(attributes=attributes)) is expected


def test_applies_is_inherited() -> None:
    text = changed('title = "制度"', 'title = "制度"\napplies = {group = "城区"}')
    rubric = load(text).bind()
    assert applies(rubric, "A1.1", facts(attributes={"group": "城区"})) is True
    assert applies(rubric, "A1.1", facts(attributes={"group": "乡镇"})) is False
    assert applies(rubric, "B1", facts(attributes={"group": "乡镇"})) is True


def test_the_done_tick_is_not_asked_where_a_count_says_it() -> None:
    counted = load(changed("not_done = true", 'not_done = true\nask_done = "uncounted"'))
    assert "A2.done" not in counted.bind().all_fields
    assert "A2.上学期" in counted.bind().all_fields
