"""The school's own scores (自评分), and the sheet they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from intranet.domain.filing import Filing
from intranet.domain.operations import outcome_of, remember
from intranet.domain.scoring import EntrySheet, Scoring
from intranet.errors import Conflict, Invalid, NotFound
from intranet.i18n import _
from intranet.models import SELF, Mark
from intranet.queries.filed import self_marks_of
from intranet.queries.filing import SCHOOL
from intranet.rubric import engine, marks
from intranet.rubric.facts import Facts
from intranet.rubric.facts import Mark as SaidMark
from intranet.rubric.ledger import Score, State
from intranet.rubric.model import Clause, RankClause, Rubric, RuleClause
from intranet.rubric.numbers import as_fraction, as_text, show

MAX_REASON = 1000


def own_facts(rubric: Rubric, facts: Facts) -> Facts:
    """The facts as the school may see them before publication: nothing that the panel wrote, and its
    own marks standing where the deciding person's will stand."""
    said: dict[str, dict[str, SaidMark]] = {}
    for code, mark in facts.marks.get(SELF, {}).items():
        clause = rubric.by.get(code)
        if clause is not None and not rubric.children[code]:
            said.setdefault(marks.deciding_role(clause), {})[code] = mark
    said[SELF] = dict(facts.marks.get(SELF, {}))
    docs = {owner: doc for owner, doc in facts.docs.items() if owner in (SCHOOL, "bureau")}
    return replace(facts, docs=docs, marks=said)


def own_sheet(scoring: Scoring, filed: EntrySheet) -> dict[str, Score]:
    """The 自评 sheet: the same steps and caps as the official one, from :func:`own_facts`."""
    facts = own_facts(scoring.rubric, filed.facts)
    return engine.score_unit(scoring.rubric, facts, scoring.hooks)


def is_of_cohort(clause: Clause) -> bool:
    """Whether the clause needs all units before it has points."""
    return isinstance(clause, RankClause) or (isinstance(clause, RuleClause) and clause.scope == "cohort")


def so_far(score: Score) -> Fraction | None:
    """Points, or what an open sum has come to; None while nothing is there."""
    if score.points is not None:
        return score.points
    return score.raw if score.state is State.PENDING else None


def whole(rubric: Rubric) -> Fraction | None:
    """Maximum of the whole table: the root's, or what its parts add up to."""
    if rubric.root.max is not None:
        return rubric.root.max
    parts = [c.max for c in rubric.children[rubric.root.code] if c.max is not None]
    return sum(parts, Fraction(0)) if parts else None


def waits_for_all(rubric: Rubric, own: Mapping[str, Score]) -> str:
    """What waits for all units: 另有 7 分待全部单位提交后计算; "" if nothing does."""
    waiting = [
        c.max or Fraction(0)
        for c in rubric.leaves()
        if is_of_cohort(c) and own[c.code].state in (State.PENDING, State.BLANK)
    ]
    if not waiting:
        return ""
    return _("另有 %(points)s 分待全部单位提交后计算", points=show(sum(waiting, Fraction(0))))


def save_self(
    filing: Filing,
    code: str,
    leaf: str,
    *,
    points: str,
    verdict: str,
    reason: str,
    proposed: Fraction | None,
    version: int,
    op: str,
    looked: bool = False,
) -> Mark:
    """Store the school's own score of one leaf clause.

    What equals the computed score, and an empty box, follow the computed score again. A different
    number needs a reason.

    :param proposed: what the facts give now, None for a judged clause.
    :param looked: the person has seen what the facts give now and keeps the own score.
    :raises Invalid: outside 0..max, too many decimals, no reason; ``problems`` by points/verdict/reason.
    :raises Conflict: changed meanwhile; ``theirs`` is the stored Mark.
    """
    filing.require_lead(code)
    if not any(c.code == leaf for c in filing.page(code).leaves):
        raise NotFound(_("没有这一条款。"))
    number = _read_points(filing, points)
    said = verdict or None
    if number is not None or said is not None:
        try:
            marks.check_mark(filing.rubric, leaf, number, said)
        except Invalid as error:
            raise Invalid(error.message, field="points") from error
    if proposed is not None and number == proposed and said is None:
        number, reason = None, ""
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        raise Invalid(_("理由最多 %(n)s 字，请写短一些。", n=MAX_REASON), field="reason")
    if proposed is not None and number is not None and not reason:
        text = _("与按填报内容算得的 %(points)s 不同，请写明理由。", points=as_text(proposed))
        raise Invalid(text, field="reason")
    new = {"points": None if number is None else as_text(number), "verdict": said, "reason": reason}
    mark = self_marks_of(filing.session, filing.entry_id).get(leaf) or _new_mark(filing, leaf)
    old = _said(mark)
    if old == new:
        if looked and mark.id is not None and mark.computed != proposed:
            _look(filing, mark, proposed)
        return mark
    went_on = outcome_of(filing.session, filing.actor, op) == {"self": leaf, "version": mark.version}
    if version != mark.version and not went_on:
        raise Conflict(_("有人刚刚改过这一条的自评分。"), theirs=mark, field="points")
    mark.points, mark.verdict, mark.reason, mark.computed = number, said, reason, proposed
    mark.made_by, mark.made_at = filing.actor.user_id, filing.at
    mark.version += 1
    filing.session.add(mark)
    remember(filing.session, filing.actor, op, {"self": leaf, "version": mark.version}, at=filing.at)
    filing.touch()
    filing.session.flush()
    filing.record("self.save", subject=leaf, old=old, new=new, reason=reason)
    return mark


def _look(filing: Filing, mark: Mark, proposed: Fraction | None) -> None:
    """The own score stands beside what is computed now. Its version stays: nobody's typing is touched."""
    said = [None if x is None else as_text(x) for x in (mark.computed, proposed)]
    mark.computed = proposed
    filing.session.add(mark)
    filing.session.flush()
    filing.record("self.save", subject=mark.code, old={"computed": said[0]}, new={"computed": said[1]})


def _new_mark(filing: Filing, leaf: str) -> Mark:
    """A self score that says nothing yet; it is stored only once it says something."""
    maker = filing.actor.user_id
    return Mark(entry_id=filing.entry_id, code=leaf, role=SELF, user_id=0, made_by=maker, version=0)


def _read_points(filing: Filing, text: str) -> Fraction | None:
    text = text.translate(_HALF_WIDTH).strip()
    if not text:
        return None
    try:
        number = as_fraction(text)
    except ValueError:
        number = None
    if not isinstance(number, Fraction) or "/" in text or "%" in text:
        raise Invalid(_("请填数字，例如 2.5"), field="points")
    return number


_HALF_WIDTH = str.maketrans("０１２３４５６７８９．。－", "0123456789..-")


def _said(mark: Mark) -> dict[str, Any]:
    points = None if mark.points is None else as_text(mark.points)
    return {"points": points, "verdict": mark.verdict, "reason": mark.reason}
