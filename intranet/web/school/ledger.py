"""The ledger (得分账本) as rows for a template: clause, how, raw, cap, counted, what was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from intranet.domain.self_scores import is_of_cohort
from intranet.i18n import _
from intranet.rubric import sentences
from intranet.rubric.ledger import Line, Score, State
from intranet.rubric.model import Clause, JudgedClause, Rubric
from intranet.rubric.numbers import show

ADDED_UP = frozenset({"row", "stay", "stay_row", "tick"})
"""Lines that stand in the table or the form itself; the ledger only says how many at what rate."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One clause. how, lost, then: sentences of what was earned, taken, and done afterwards.

    counted: points; word: what stands there if there are none yet.
    """

    clause: Clause
    depth: int
    how: tuple[str, ...]
    lost: tuple[str, ...]
    then: tuple[str, ...]
    raw: Fraction | None
    cap: Fraction | None
    counted: Fraction | None
    word: str
    is_leaf: bool


def rows(rubric: Rubric, sheet: Mapping[str, Score], code: str, *, own: bool = True) -> list[LedgerRow]:
    """The clauses under ``code`` that have something to say, sums only where a step changed them.

    :param own: the sheet is the school's own (自评), so a mark in it is the school's.
    """
    top = rubric.depth(code)
    out = []
    for clause in rubric.under(code):
        leaf = not rubric.children[clause.code]
        score = sheet[clause.code]
        if clause.code == code and not leaf:
            continue
        if not leaf and not any(s.name in {"cap", "loss", "floor", "best", "weight"} for s in score.steps):
            continue
        out.append(
            LedgerRow(
                clause=clause,
                depth=rubric.depth(clause.code) - top,
                how=tuple(_how(score, own=own)),
                lost=tuple(_lost(rubric, score)),
                then=tuple(_then(score, own=own)),
                raw=score.raw,
                cap=clause.max,
                counted=score.points,
                word=word(rubric, clause, score),
                is_leaf=leaf,
            )
        )
    return out


def word(rubric: Rubric, clause: Clause, score: Score) -> str:
    """What stands where points would: 未填, 待评, 待全部单位提交后计算, 不适用; "" if there are points."""
    if score.points is not None:
        return ""
    if score.verdict is not None:
        return score.verdict
    if score.state is State.NA:
        return clause.unset or _("不适用")
    if is_of_cohort(clause):
        return _("待全部单位提交后计算")
    if score.state is State.BLANK:
        needed = rubric.all_fields.get(clause.needs or "")
        return _("先填“%(needed)s”", needed=needed.label) if needed is not None else _("未填")
    if isinstance(clause, JudgedClause):
        return _("待评")
    return _("还有未填或待评的条款") if rubric.children[clause.code] else _("待评")


def _how(score: Score, *, own: bool) -> Iterator[str]:
    counted = [x for x in score.lines if x.what in ADDED_UP and x.counted and x.points is not None]
    if counted:
        times = Counter(x.points or Fraction(0) for x in counted)
        yield " + ".join(f"{show(p)}×{n}" for p, n in sorted(times.items(), reverse=True))
    refused = Counter(
        sentences.reason(x) for x in score.lines if x.what in ADDED_UP and not x.counted and x.reason
    )
    for reason, n in refused.most_common():
        yield _("不计 %(n)s 处：%(reason)s", n=n, reason=reason)
    for line in score.lines:
        if own and line.what == "input":
            continue  # it stands in the form on the same page
        if line.what not in ADDED_UP and (line.points is None or line.points >= 0):
            yield _sentence(line)
    for step in score.steps:
        if step.name in {"average", "gate", "round", "best"}:
            yield sentences.step(step)
    yield from (sentences.flag(code) for code in score.flags)


def _then(score: Score, *, own: bool) -> Iterator[str]:
    for step in score.steps:
        if step.name in {"floor", "weight"}:
            yield sentences.step(step)
        if step.name == "mark":
            yield _("自评 %(points)s", points=show(step.after)) if own else sentences.step(step)


def _sentence(line: Line) -> str:
    text = sentences.line(line)
    if line.reason:
        return f"{text}（{sentences.reason(line)}）"
    return f"{text} {show(line.points)}" if line.points else text


def _lost(rubric: Rubric, score: Score) -> Iterator[str]:
    if score.capped_off > 0:
        yield _("因封顶未计 %(points)s", points=show(score.capped_off, rubric.places))
    for line in score.lines:
        if line.what not in ADDED_UP and line.points is not None and line.points < 0:
            yield f"{sentences.line(line)} {show(line.points)}"
