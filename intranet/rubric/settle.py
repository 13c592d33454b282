"""The one order of steps that turns what was earned into scores, for leaves and for sums.

gate (``needs``) → applies, exempt → sum of counted lines → ÷ average → round → cap (max/weight) →
losses → floor 0 → mark → weight.

The gate stands before marks, so that nobody scores a missing paper; marks come late, so that a
panel's word is final; the weight comes last, so that marks are typed on the printed scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from ..errors import RubricError
from ..i18n import _
from . import kinds, losses, marks
from .facts import Facts
from .fields import applies
from .kinds.rows import refuse_twin, refused_twins
from .ledger import Earned, Line, Score, State, Step
from .model import Clause, RosterClause, Rubric, SumClause, TallyClause
from .rounding import rounded

ZERO = Fraction(0)


def sheet(rubric: Rubric, facts: Facts, earned: Mapping[str, Earned], *, frozen: bool) -> dict[str, Score]:
    """Every clause's score by code, in printed order, from what the leaves earned.

    frozen: at the freeze a blank leaf becomes a scored 0 that says why.
    :raises Invalid: a mark that cannot stand. :raises RubricError: ``needs`` in a circle.
    """
    marks.check_marks(rubric, facts)
    return Settling(rubric, facts, earned, frozen).all()


def so_far(rubric: Rubric, score: Score) -> Fraction:
    """Points, or what an open sum has come to below its cap; 0 while nothing is known."""
    if score.points is not None:
        return score.points
    if score.state is not State.PENDING or score.raw is None:
        return ZERO
    clause = rubric.by[score.code]
    points = score.raw * clause.weight
    return points if clause.max is None else min(points, clause.max)


@dataclass
class _Run:
    """One clause on its way through the steps."""

    points: Fraction | None = None
    state: State = State.SCORED
    lines: list[Line] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    raw: Fraction | None = None
    value: Fraction | None = None
    verdict: str | None = None
    proposed: Fraction | None = None

    def step(self, name: str, after: Fraction | None, /, **parts: Any) -> None:
        """Write a step down if it changed the points."""
        if after != self.points:
            self.steps.append(Step(name, self.points, after, parts))
            self.points = after


class Settling:
    """One unit's scores, worked out on demand: a gate may need a clause printed later."""

    def __init__(self, rubric: Rubric, facts: Facts, earned: Mapping[str, Earned], frozen: bool) -> None:
        self.rubric, self.facts, self.frozen = rubric, facts, frozen
        self.scores: dict[str, Score] = {}
        self.open: list[str] = []
        self.off = self._off()
        self.earned = self.once(dict(earned))

    def all(self) -> dict[str, Score]:
        return {clause.code: self.score(clause.code) for clause in self.rubric.clauses}

    def score(self, code: str) -> Score:
        if code not in self.scores:
            if code in self.open:
                around = " → ".join([*self.open[self.open.index(code) :], code])
                raise RubricError([_("needs 绕成了一圈: %(around)s", around=around)])
            self.open.append(code)
            self.scores[code] = self._settle(self.rubric.by[code])
            self.open.pop()
        return self.scores[code]

    # --- what is not this unit's business --------------------------------------------------------

    def _off(self) -> dict[str, str]:
        """Clauses that do not apply or are exempt, with the line that says so; what is below inherits."""
        off: dict[str, str] = {}
        above: list[Clause] = [self.rubric.root]
        while above:
            clause = above.pop()
            above.extend(self.rubric.children[clause.code])
            if clause.parent in off:
                off[clause.code] = "not_applicable"
            elif clause.code in self.facts.exempt:
                off[clause.code] = "exempt"
            elif clause.applies and not applies(self.rubric, clause.code, self.facts):
                off[clause.code] = "not_applicable"
        return off

    # --- who counts once -------------------------------------------------------------------------

    def once(self, earned: dict[str, Earned]) -> dict[str, Earned]:
        """Refuse the lower lines of a person in all row leaves under a ``once_per`` sum (G7).

        Inner sums first. It runs over lines, before any cap of the children: the notice's literal
        “highest value”, even where a cap above then wastes it.
        """
        for clause in reversed(self.rubric.clauses):
            if not isinstance(clause, SumClause) or not clause.once_per:
                continue
            below = [c for c in self.rubric.leaves(clause.code) if self._competes(c, earned)]
            where = [(c, n) for c in below for n in range(len(earned[c.code].lines))]
            twins = refused_twins([earned[c.code].lines[n] for c, n in where])
            if not twins:
                continue
            lines = {c.code: list(earned[c.code].lines) for c in below}
            for place in twins:
                leaf, n = where[place]
                assert isinstance(leaf, TallyClause | RosterClause)
                table = self.rubric.table[leaf.table]
                lines[leaf.code][n] = refuse_twin(lines[leaf.code][n], clause.once_per, [table])
            for code, new in lines.items():
                earned[code] = replace(earned[code], lines=tuple(new))
        return earned

    def _competes(self, clause: Clause, earned: Mapping[str, Earned]) -> bool:
        """A leaf whose rows count for this unit; what earns nothing anyway takes nothing from others."""
        return (
            isinstance(clause, TallyClause | RosterClause)
            and clause.code not in self.off
            and earned[clause.code].state is State.SCORED
            and self._tick_gate(clause) is not False
        )

    # --- the steps -------------------------------------------------------------------------------

    def _settle(self, clause: Clause) -> Score:
        run = _Run()
        kids = self.rubric.children[clause.code]
        earned = None if kids else self.earned[clause.code]
        if earned is not None:
            run.lines, run.flags = list(earned.lines), list(earned.flags)
            run.value, run.verdict = earned.value, earned.verdict
        gate = State.SCORED if self.off.get(clause.parent or "") else self._gate(clause)
        if gate is None:
            run.points = None
            run.step("gate", ZERO, needs=self._needed_label(clause))
            run.raw = run.proposed = ZERO
        elif clause.unset:
            run.state = State.NA
            run.lines.append(Line("unset", {"text": clause.unset}, counted=False))
        elif clause.code in self.off:
            self._set_aside(clause, run)
        elif gate is not State.SCORED and not self.frozen:
            run.state = gate
        elif earned is not None:
            self._leaf(clause, earned, run)
        else:
            self._sum(clause, run)
        if run.state is State.SCORED and run.points is not None and clause.weight != 1:
            weighted = rounded(self.rubric, clause, run.points * clause.weight, divided=True)
            run.step("weight", weighted, weight=clause.weight)
        return Score(
            code=clause.code,
            state=run.state,
            points=run.points if run.state is State.SCORED else None,
            max=clause.max,
            raw=run.raw,
            proposed=run.proposed,
            value=run.value,
            verdict=run.verdict,
            lines=tuple(run.lines),
            steps=tuple(run.steps),
            flags=tuple(dict.fromkeys(run.flags)),
        )

    def _set_aside(self, clause: Clause, run: _Run) -> None:
        """不适用, or 免评 视同满分 where the rubric says so (``otherwise = "full"``)."""
        inherited = clause.parent in self.off
        why = self.off[clause.code]
        if clause.otherwise == "full" and not inherited and clause.max is not None:
            full = marks.printed_max(clause)
            run.lines = [Line("full_instead", {"why": why}, points=full)]
            run.points = run.raw = run.proposed = full
        else:
            run.state = State.NA
            run.lines.append(Line(why, counted=False))

    def _leaf(self, clause: Clause, earned: Earned, run: _Run) -> None:
        run.state = earned.state
        counted = [line.points for line in run.lines if line.counted and line.points is not None]
        if earned.state is State.SCORED and (counted or earned.verdict is None):
            self._total(counted, run)
            if earned.divide is not None and run.points is not None:
                average = run.points / earned.divide
                run.step("average", average, divide=earned.divide)
                run.value = average if run.value is None else run.value
            assert run.points is not None
            divided = kinds.is_divided(clause, earned)
            run.step("round", rounded(self.rubric, clause, run.points, divided=divided))
            self._cap_and_lose(clause, run, loses=not earned.stop)
        elif earned.state is State.BLANK and self.frozen:
            run.state = State.SCORED
            run.lines = [replace(line, counted=False) for line in run.lines]
            run.lines.append(Line("unfilled", points=ZERO))
            run.step("unfilled", ZERO)
            run.raw = ZERO
        run.proposed = run.points
        self._mark(clause, run)

    def _sum(self, clause: Clause, run: _Run) -> None:
        """Children that are not applicable are left out; one that is not settled leaves the sum open.

        The sum so far of an open one stands in ``raw``; where nobody has filled in anything, the sum is
        blank like its children.
        """
        scores = [self.score(kid.code) for kid in self.rubric.children[clause.code]]
        scores = [s for s in scores if s.state is not State.NA]
        if not scores:
            run.state = State.NA
            return
        if all(s.state is State.BLANK for s in scores):
            run.state = State.BLANK
            return
        best = isinstance(clause, SumClause) and clause.take == "best"
        if any(s.state is not State.SCORED for s in scores):
            run.state = State.PENDING
            so_fars = [so_far(self.rubric, s) for s in scores]
            run.raw = max(so_fars) if best else sum(so_fars, ZERO)
            return
        points = [s.points for s in scores if s.points is not None]
        if not points:
            return  # verdicts only: there is no number to add
        if best:
            run.points = max(points)
            if len(points) > 1:
                run.steps.append(Step("best", None, run.points))
        else:
            self._total(points, run)
        self._cap_and_lose(clause, run, loses=True)
        run.proposed = run.points

    def _total(self, points: list[Fraction], run: _Run) -> None:
        run.points = sum(points, ZERO)
        if len(points) > 1:
            run.steps.append(Step("sum", None, run.points))

    def _cap_and_lose(self, clause: Clause, run: _Run, *, loses: bool) -> None:
        assert run.points is not None
        run.raw = run.points
        cap = marks.printed_max(clause)
        if cap is not None and run.points > cap:
            run.step("cap", cap, max=cap)
        if loses:
            taken, flags = losses.lost(self.rubric, clause, self.facts, max(run.points, ZERO))
            run.lines.extend(taken)
            run.flags.extend(flags)
            loss = sum((-(line.points or ZERO) for line in taken), ZERO)
            run.step("loss", run.points - loss, loss=loss)
        if run.points < 0:
            run.step("floor", ZERO)

    def _mark(self, clause: Clause, run: _Run) -> None:
        """The deciding role's mark settles a leaf, whatever the facts gave."""
        role = marks.deciding_role(clause)
        mark = self.facts.mark(clause.code, role)
        decided = marks.decided(clause, mark)
        if mark is None or decided is None:
            return
        points, verdict = decided
        parts = {"by": marks.role_name(self.rubric, role), "reason": mark.reason}
        if verdict is not None:
            parts["verdict"] = verdict
        run.steps.append(Step("mark", run.points, points, parts))
        run.points, run.verdict, run.state = points, verdict or run.verdict, State.SCORED

    # --- gates -----------------------------------------------------------------------------------

    def _gate(self, clause: Clause) -> State | None:
        """SCORED: open. None: closed. BLANK or PENDING: what it needs is not settled yet.

        Closed is a tick that is not set while its clause was filled in, or a clause that scored 0.
        """
        if clause.needs is None:
            return State.SCORED
        tick = self._tick_gate(clause)
        if tick is not None:
            return State.SCORED if tick else self._unset_tick(clause, clause.needs)
        needed = self.score(clause.needs)
        if needed.state is State.NA:
            return State.SCORED
        if needed.state is not State.SCORED:
            return needed.state
        return None if needed.points == 0 else State.SCORED

    def _unset_tick(self, clause: Clause, key: str) -> State | None:
        """A blank tick closes the gate once its clause was filled in at all; until then nobody knows."""
        tick = self.rubric.all_fields[key]
        known = self.frozen or self.facts.get(key, tick.by) is not None
        closed = None if known else State.BLANK
        if (
            tick.clause in self.rubric.by
            and tick.clause != clause.code
            and not self.rubric.children[tick.clause]
        ):
            state = self.score(tick.clause).state
            return State.SCORED if state is State.NA else None if state is State.SCORED else closed
        return closed

    def _tick_gate(self, clause: Clause) -> bool | None:
        """Whether the tick that a clause needs is set; None if it needs none (or a clause)."""
        if clause.needs is None or clause.needs not in self.rubric.all_fields:
            return None
        return self.facts.get(clause.needs, self.rubric.all_fields[clause.needs].by) is True

    def _needed_label(self, clause: Clause) -> str:
        needs = clause.needs or ""
        field_ = self.rubric.all_fields.get(needs)
        return field_.label if field_ is not None else self.rubric.by[needs].name
