"""What 翠屏区's notice says and the standard kinds cannot: one pure function per clause or 说明.

Belongs here: wording, checks and scoring of this one notice. Numbers stand in ``rubric.toml``
(``max``, ``params``, rulings), never here. Every function is pure: facts in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.ledger import Earned, Line, Outcome, Problem, Result, State
from intranet.rubric.model import Rubric, RuleClause
from intranet.rubric.numbers import as_fraction, show

PRIMARY, JUNIOR = "小学", "初中"
BOTH = frozenset({PRIMARY, JUNIOR})

_STAGES = {
    "小学": {PRIMARY},
    "初中": {JUNIOR},
    "中学": {JUNIOR},  # 说明1 calls the second group 中学组
    "九年": {PRIMARY, JUNIOR},
    "一贯": {PRIMARY, JUNIOR},
}
"""Words in a school's registered stage and the stages they stand for."""


def stages(facts: Facts) -> frozenset[str]:
    """Stages that the 学区's schools teach: 小学, 初中 or both.

    Read from the register (members' ``stage``, a text or a list of texts). A 学区 without members,
    or with a school whose stage is not known, counts as having both: nobody is spared a question
    because of a gap in the register.
    """
    found: set[str] = set()
    for school in facts.members.values():
        stage = school.get("stage") or ()
        words = (stage,) if isinstance(stage, str) else stage
        own = {s for word in words for part, meant in _STAGES.items() if part in word for s in meant}
        if not own:
            return BOTH
        found |= own
    return frozenset(found) or BOTH


# --- form fields -------------------------------------------------------------------------------


def single_stage_changes(facts: Facts) -> Iterator[FieldChange]:
    """B4, B5, B6 for a 学区 whose schools are all 小学 or all 初中.

    B4 「其中1次可小学、初中分开进行」 and B5 「可小学、初中分开进行」 have no meaning there, and it cannot
    supply B6's 「4.初中小学衔接课程及实施方案及成效」: the slot is not applicable, not a lost point.
    """
    own = stages(facts)
    if own == BOTH:
        split = "小学、初中分开进行的，两场合计填1次。"
        for term in ("上学期", "下学期"):
            yield FieldChange(f"B4.{term}", help="其中1次可小学、初中分开进行。" + split)
        yield FieldChange("B5.视导", help="全年次数。" + split)
        return
    (stage,) = own
    only = f"本学区只有{stage}"
    for term in ("上学期", "下学期"):
        label = f"学区理事会（{term}，全体{stage}参加）"
        yield FieldChange(f"B4.{term}", label=label, help=f"{only}，会议不分学段，按全体会议填次数。")
    yield FieldChange("B5.视导", label=f"视导学区内{stage}", help=f"{only}，填全年次数。")
    yield FieldChange("B6#4", hidden=True, reason=f"{only}，没有初中小学衔接课程")


def presentation_changes(rubric: Rubric, facts: Facts) -> Iterator[FieldChange]:
    """说明1 「展示考核（分小学组和中学组分别展示）」: a group is asked for only where it can be scored.

    Not asked: a group without 分值 (ruling left empty), and a group the 学区 has no school for.
    """
    for clause in _groups(rubric):
        field = clause.params["score"]
        if clause.max is None:
            yield FieldChange(field, hidden=True, reason=f"{clause.title}未设分值")
        elif clause.params["stage"] not in stages(facts):
            yield FieldChange(field, hidden=True, reason=f"本学区没有{clause.text}的学校")


# --- checks ------------------------------------------------------------------------------------


def check_b4(facts: Facts) -> Iterator[Problem]:
    """B4 「每学期定期召开学区理事会不少于2次」: more than 10 in one term is likely a slip of the key."""
    for term in ("上学期", "下学期"):
        n = _count(facts, f"B4.{term}")
        if n is not None and n > 10:
            message = f"{term}学区理事会填了{n}次，请核对；满2次即不扣分。"
            yield _warning("B4.many", message, f"school.fields.B4.{term}")


def check_b6(facts: Facts) -> Iterator[Problem]:
    """B6 「4.初中小学衔接课程及实施方案及成效」: claims that do not fit the 学区's schools.

    A single-stage 学区 that files it, or a 学区 with both stages that calls it not applicable.
    """
    slots = facts.docs.get("school", {}).get("materials", {}).get("B6", ())
    claim = slots[3] if len(slots) > 3 else None
    own = stages(facts)
    ref = "school.materials.B6[3]"
    if own != BOTH and claim is True:
        message = f"本学区只有{'、'.join(own)}，不用提供第4样材料；登记的学段有误的，请告知教育和体育局。"
        yield _warning("B6.single_stage", message, ref)
    if own == BOTH and claim == "na":
        message = "本学区既有小学又有初中，第4样材料不能填“不适用”；没有的请填“缺”。"
        yield _error("B6.not_applicable", message, ref)


def check_b10(facts: Facts) -> Iterator[Problem]:
    """B10 「以学区内学校教学质量考核等级为依据」: a school left blank beside others is not yet 未参评."""
    for key, year in (("grade_now", "当年"), ("grade_last", "上年")):
        blank = [school for school in facts.members if facts.of_member(school, key, "bureau") is None]
        if not 0 < len(blank) < len(facts.members):
            continue
        names = "、".join(str(facts.members[school].get("name", school)) for school in blank)
        message = f"{names}的{year}教学质量考核等级还没有登记；没有参加考核的请选“未参评”。"
        yield _warning("B10.grade", message, f"bureau.members.{blank[0]}.{key}")


def check_b11(facts: Facts) -> Iterator[Problem]:
    """B11 「各学科教研联组……不少于2次」: one row per 联组, or its activities are counted apart."""
    seen: set[str] = set()
    for n, row in enumerate(facts.rows("teams") or ()):
        subject = str(row.get("subject") or "").strip()
        if subject and subject in seen:
            message = f"{subject}联组填了不止一行；请合成一行，次数相加。"
            yield _error("B11.repeated", message, f"school.tables.teams[{n}].subject")
        seen.add(subject)


def check_b12b(facts: Facts) -> Iterator[Problem]:
    """B12 「提交获奖证书复印件」: a row without a copy is listed but earns nothing."""
    for n, row in enumerate(facts.rows("contests") or ()):
        if row.get("level") and not row.get("certificate"):
            who = row.get("contestant") or f"第{n + 1}行"
            message = f"{who}的{row['level']}获奖没有证书复印件，不计分；有的请勾选并上传。"
            yield _warning("B12b.certificate", message, f"school.tables.contests[{n}].certificate")


def check_b13(facts: Facts) -> Iterator[Problem]:
    """B13 「申报成功立项、结题、获奖」: a project that has none of the three earns nothing."""
    for n, row in enumerate(facts.rows("topics") or ()):
        if row.get("project") and not row.get("event"):
            message = f"课题《{row['project']}》没有选立项、结题或获奖，不计分；请选一种。"
            yield _warning("B13.event", message, f"school.tables.topics[{n}].event")


def check_postings(facts: Facts) -> Iterator[Problem]:
    """B14 挂职, 跟岗 and B16 互派, 走教 lead from one school of the 学区 to another."""
    for table, clause in (("posts", "B14"), ("walkers", "B16")):
        for n, row in enumerate(facts.rows(table) or ()):
            if row.get("from") and row.get("from") == row.get("to"):
                who = row.get("person") or f"第{n + 1}行"
                message = f"{who}的派出学校和到达学校是同一所，请核对。"
                yield _error(f"{clause}.same_school", message, f"school.tables.{table}[{n}].to")


def check_b15(facts: Facts) -> Iterator[Problem]:
    """B15 「不少于学区内两类教师总数的20%」: participants belong to the two kinds, heads count once."""
    backbone, excellent = _count(facts, "backbone"), _count(facts, "excellent")
    both, took_part = _count(facts, "both"), _count(facts, "took_part")
    if backbone is None or excellent is None or both is None:
        return
    if both > min(backbone, excellent):
        message = f"两类兼有{both}人，不能多于骨干教师{backbone}人或优秀教师{excellent}人，请改正。"
        yield _error("B15.both", message, "school.fields.both")
        return
    if took_part is None:
        return
    total = backbone + excellent - both
    if took_part > total:
        message = f"参加{took_part}人，多于两类教师总数{total}人；同一人参加几次只算1人，请改正。"
        yield _error("B15.took_part", message, "school.fields.took_part")
    listed = len({row["person"] for row in facts.rows("demos") or () if row.get("person")})
    if listed and listed != took_part:
        message = f"参加人数填{took_part}人，活动表里有{listed}人，请核对。"
        yield _warning("B15.listed", message, "school.fields.took_part")


def check_presentation(rubric: Rubric, facts: Facts) -> Iterator[Problem]:
    """说明1 展示考核: the panel's figure lies within the 分值 that the bureau set."""
    for clause in _groups(rubric):
        field = clause.params["score"]
        points = _number(facts.get(field, "panel"))
        if points is not None and clause.max is not None and not 0 <= points <= clause.max:
            message = f"{clause.title}应在0到{show(clause.max)}分之间，请改正。"
            yield _error(f"{clause.code}.range", message, f"panel.fields.{field}")


# --- scoring -----------------------------------------------------------------------------------


def presentations(rubric: Rubric, facts: Facts) -> dict[str, Earned]:
    """Every ``rule`` clause of the notice: the two groups of 展示考核 (说明1)."""
    groups = {clause.code: clause for clause in _groups(rubric)}
    return {
        code: presentation(clause, groups[clause.params["other"]], facts) for code, clause in groups.items()
    }


def presentation(clause: RuleClause, other: RuleClause, facts: Facts) -> Earned:
    """说明1 「展示考核（分小学组和中学组分别展示）」, one group of it; ``other`` is the other one.

    The panel's figure counts. A 学区 without schools of this stage is not scored here (params
    ``missing = "none"``), or the other group's figure counts here too (``"other"``, 另一组×2; the
    engine caps it at this group's 分值). NA while the bureau has set no 分值 for the group whose
    figure counts, PENDING until the panel has entered that figure.
    """
    counts, text = clause, f"{clause.text}展示得分"
    if clause.params["stage"] not in stages(facts):
        if clause.params["missing"] == "none":
            return Earned(state=State.NA)
        counts, text = other, f"本学区没有{clause.text}的学校，按{other.text}得分计"
    if clause.max is None or counts.max is None:
        return Earned(state=State.NA)
    points = _number(facts.get(counts.params["score"], "panel"))
    if points is None:
        return Earned(state=State.PENDING)
    return Earned(lines=(Line("text", {"text": text}, points),), value=points)


# --- after the ranking --------------------------------------------------------------------------


def prizes(text: str) -> tuple[str, ...]:
    """说明1 「以名次高低给予相应奖励」: the ruling's text, one prize per place, in order.

    ``一等奖；二等奖；二等奖`` or one per line; an empty piece is a place without a prize.
    """
    return tuple(piece.strip() for piece in re.split(r"[;；\n]", text.strip())) if text.strip() else ()


def outcome(result: Result, prizes: Sequence[str]) -> Outcome:
    """Prize by place (说明1) and a note where B10 gave points in spite of a fall.

    Units of equal rank get the same prize; places beyond the list get none. The note shows what
    the ruling ``b10_positive_only`` decides: 「重点看提升和变化」, yet the table knows only places.
    """
    columns: dict[str, str | Fraction | None] = {}
    if prizes:
        place = result.rank or 0
        columns["名次奖励"] = prizes[place - 1] if 0 < place <= len(prizes) else ""
    growth = result.sheet["B10c2"]
    notes: tuple[str, ...] = ()
    if growth.value is not None and growth.value < 0 and growth.points:
        fall, points = show(growth.value), show(growth.points)
        notes = (f"教学质量自评分{fall}，比上年下降，仍按名次得{points}分",)
    return Outcome(columns=columns, notes=notes)


# --- reading -----------------------------------------------------------------------------------


def _groups(rubric: Rubric) -> Iterator[RuleClause]:
    """小学组 and 中学组 of 展示考核."""
    for clause in rubric.clauses:
        if isinstance(clause, RuleClause):
            yield clause


def _number(value: Any) -> Fraction | None:
    """An exact number as stored; None if blank or none (which the standard checks report)."""
    try:
        number: Fraction | None = as_fraction(value)
    except ValueError:
        return None
    return number


def _count(facts: Facts, key: str) -> int | None:
    number = _number(facts.get(key))
    return int(number) if number is not None and number.denominator == 1 else None


def _error(code: str, message: str, ref: str) -> Problem:
    return Problem("error", code, message, ref, clause=code.partition(".")[0])


def _warning(code: str, message: str, ref: str) -> Problem:
    return Problem("warning", code, message, ref, clause=code.partition(".")[0])
