"""Marks: what a person says about a leaf, a number or a verdict; when it is accepted, how several combine.

A mark is typed on the printed scale (80 of 100), before any weight. It is never clipped: what does
not fit is refused with what to enter instead. Marks belong to leaves; a mark on a clause with parts
could pass what its parts' caps forbid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal

from ..errors import Invalid
from ..i18n import _
from .facts import Facts, Mark
from .model import Clause, JudgedClause, MeasureClause, Option, Rubric, SumClause
from .numbers import round_half_up, show
from .tables import read_number

PANEL = "panel"
Rule = Literal["mean", "trimmed", "median", "chair"]


def combine(points: Sequence[Fraction], rule: Rule, places: int = 2) -> Fraction | None:
    """One score from several assessors' numbers, half-up to ``places`` (G11).

    trimmed drops one highest and one lowest when there are at least three. None: no numbers, or
    the chair decides.
    """
    kept = sorted(points)
    if rule == "chair" or not kept:
        return None
    if rule == "trimmed" and len(kept) >= 3:
        kept = kept[1:-1]
    if rule == "median":
        kept = kept[(len(kept) - 1) // 2 : len(kept) // 2 + 1]
    return round_half_up(sum(kept, Fraction(0)) / len(kept), places)


def deciding_role(clause: Clause) -> str:
    """Whose mark settles a leaf: the assessor of a judged one, else the panel."""
    return clause.by if isinstance(clause, JudgedClause) else PANEL


def role_name(rubric: Rubric, role: str) -> str:
    """What the notice calls the people of a role."""
    return rubric.assessors.get(role, rubric.terms.panel)


def printed_max(clause: Clause) -> Fraction | None:
    """Top of the scale on which a leaf is marked; None without a cap."""
    return clause.max if clause.max is None or clause.weight == 1 else clause.max / clause.weight


def full_marks(rubric: Rubric, code: str) -> Fraction | None:
    """The printed maximum of any clause; one without a cap of its own has that of its parts.

    None: nothing is printed (verdicts, 未设分值).
    """
    clause = rubric.by[code]
    if clause.max is not None:
        return clause.max
    parts = [m for kid in rubric.children[code] if (m := full_marks(rubric, kid.code)) is not None]
    if not parts:
        return None
    return max(parts) if isinstance(clause, SumClause) and clause.take == "best" else sum(parts, Fraction(0))


def verdicts(clause: Clause) -> tuple[Option, ...]:
    """The conclusions that a mark on this leaf may state; () where it is a number."""
    if isinstance(clause, JudgedClause):
        return clause.options
    if isinstance(clause, MeasureClause):
        return tuple(Option(value=b.verdict, points=b.points) for b in clause.bands if b.verdict)
    return ()


def check_mark(rubric: Rubric, code: str, points: Fraction | None, verdict: str | None) -> None:
    """Refuse a mark that the clause cannot take.

    :raises Invalid: not a leaf, below 0 or above the maximum, more decimals than the rubric
        prints, a verdict that is not offered, or neither number nor verdict.
    """
    clause = rubric.by.get(code)
    if clause is None:
        raise Invalid(_("没有条款 %(code)s，请核对代码", code=code), field=code)
    if rubric.children[code]:
        parts = "、".join(kid.code for kid in rubric.children[code])
        raise Invalid(_("%(code)s 有分项，请在 %(parts)s 上分别评分", code=code, parts=parts), field=code)
    offered = verdicts(clause)
    if offered:
        _check_verdict(offered, code, points, verdict, _decimals(rubric))
        return
    if verdict is not None:
        raise Invalid(_("本款只评分数，请不要填结论"), field=code)
    if points is None:
        raise Invalid(_("请填写分数"), field=code)
    _check_range(code, points, Fraction(0), printed_max(clause), _decimals(rubric))


def _decimals(rubric: Rubric) -> int:
    return rubric.places


def _check_verdict(
    offered: Sequence[Option], code: str, points: Fraction | None, verdict: str | None, places: int
) -> None:
    option = next((o for o in offered if o.value == verdict), None)
    if option is None:
        raise Invalid(_("请在 %(options)s 中选一个", options="、".join(o.value for o in offered)), field=code)
    if option.upto is not None:
        if points is None:
            raise Invalid(_("选“%(verdict)s”时请填写分数", verdict=option.value), field=code)
        _check_range(code, points, option.points or Fraction(0), option.upto, places)
    elif points is not None and points != option.points:
        raise Invalid(_("“%(verdict)s”的分数已定，请不要另填分数", verdict=option.value), field=code)


def _check_range(code: str, points: Fraction, least: Fraction, most: Fraction | None, places: int) -> None:
    if most is None:
        if points < least:
            raise Invalid(_("请填不小于 %(least)s 的数", least=show(least)), field=code)
    elif not least <= points <= most:
        raise Invalid(_("请填 %(least)s — %(most)s", least=show(least), most=show(most, 4)), field=code)
    if round_half_up(points, places) != points:
        raise Invalid(_("小数最多 %(places)s 位，请改写", places=places), field=code)


def read_points(mark: Mark) -> Fraction | None:
    """The number of a mark. :raises Invalid: it is no exact number."""
    if mark.points is None or not mark.points.strip():
        return None
    points = read_number(mark.points)
    if points is None:
        raise Invalid(_("“%(text)s”不是数，请填 1.5 的样子", text=mark.points))
    return points


def decided(clause: Clause, mark: Mark | None) -> tuple[Fraction | None, str | None] | None:
    """Points and verdict that a checked mark settles; None if it states neither (a reason only)."""
    if mark is None:
        return None
    points = read_points(mark)
    if points is None and mark.verdict is None:
        return None
    option = next((o for o in verdicts(clause) if o.value == mark.verdict), None)
    if option is not None and points is None:
        points = option.points
    return points, mark.verdict


def check_marks(rubric: Rubric, facts: Facts) -> None:
    """Refuse a document in which a mark that would decide cannot stand.

    :raises Invalid: with ``problems`` by path, ``marks.panel.C8.2b``.
    """
    problems: dict[str, str] = {}
    roles: Mapping[str, Mapping[str, Mark]] = facts.marks
    for role, given in roles.items():
        if role == "self":
            continue
        for code, mark in given.items():
            clause = rubric.by.get(code)
            if clause is not None and not rubric.children[code] and deciding_role(clause) != role:
                continue
            try:
                points = read_points(mark)
                if points is not None or mark.verdict is not None:
                    check_mark(rubric, code, points, mark.verdict)
            except Invalid as error:
                problems[f"marks.{role}.{code}"] = error.message
    if problems:
        lines = [f"{path}: {message}" for path, message in problems.items()]
        raise Invalid("\n".join(lines), problems)
