"""The passes: one unit at any time, the whole cohort when it is frozen, the finish after that.

Kinds and plugin rules say what is earned, ``settle`` turns it into scores; here is only who is
asked when, and the ranking. Everything is pure: facts in, results out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol

from ..errors import RubricError
from ..i18n import _
from . import fields, kinds
from .facts import Facts
from .fields import FieldChange
from .kinds.measure import placed as with_place
from .kinds.measure import places
from .ledger import Earned, Outcome, Problem, Result, Score, Sheet, State
from .model import RankClause, Rubric, RuleClause
from .ranking import PLAIN, Ties, placed
from .settle import sheet as settle
from .settle import so_far

ZERO = Fraction(0)


class Hooks(Protocol):
    """What a plugin may answer (see ``intranet.hookspecs``); None is nothing to say."""

    def form_fields(self, rubric: Rubric, facts: Facts) -> Sequence[FieldChange] | None: ...
    def check_facts(self, rubric: Rubric, facts: Facts) -> Sequence[Problem] | None: ...
    def score_unit(self, rubric: Rubric, facts: Facts) -> Mapping[str, Earned] | None: ...
    def score_cohort(
        self, rubric: Rubric, results: Sequence[Result]
    ) -> Mapping[str, Mapping[str, Earned]] | None: ...
    def finish(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Outcome] | None: ...


class _NoHooks:
    """A rubric without Python."""

    def form_fields(self, rubric: Rubric, facts: Facts) -> None:
        return None

    def check_facts(self, rubric: Rubric, facts: Facts) -> None:
        return None

    def score_unit(self, rubric: Rubric, facts: Facts) -> None:
        return None

    def score_cohort(self, rubric: Rubric, results: Sequence[Result]) -> None:
        return None

    def finish(self, rubric: Rubric, results: Sequence[Result]) -> None:
        return None


NO_HOOKS: Hooks = _NoHooks()


# --- unit pass -----------------------------------------------------------------------------------


def prepare(rubric: Rubric, facts: Facts, hooks: Hooks) -> Facts:
    """The facts with what ``form_fields`` hides from this unit; scoring does so by itself.

    :raises RubricError: the hook names a field or slot that the rubric does not have.
    """
    changes = hooks.form_fields(rubric=rubric, facts=facts)
    if not changes:
        return facts
    return replace(facts, hidden=fields.adapt(rubric, facts, changes).hidden)


def score_unit(
    rubric: Rubric, facts: Facts, hooks: Hooks = NO_HOOKS, *, frozen: bool = False
) -> dict[str, Score]:
    """One unit's score of every clause, in printed order; what needs the cohort stays pending.

    frozen: a blank leaf is a scored 0 that says so.

    :raises RubricError: a hook answers other codes than declared.
    :raises Invalid: a mark that cannot stand; ``problems`` by path.
    """
    facts = prepare(rubric, facts, hooks)
    return settle(rubric, facts, earn(rubric, facts, hooks), frozen=frozen)


def earn(rubric: Rubric, facts: Facts, hooks: Hooks) -> dict[str, Earned]:
    """What each leaf earns in the unit pass; cohort rules are pending, ranks pending with their value."""
    earned = earn_by_rule(rubric, facts, hooks)
    for clause in rubric.leaves():
        if isinstance(clause, RuleClause):
            earned.setdefault(clause.code, Earned(State.PENDING))
        else:
            earned[clause.code] = kinds.earn(rubric, clause, facts)
    return earned


def earn_by_rule(rubric: Rubric, facts: Facts, hooks: Hooks) -> dict[str, Earned]:
    """What the plugin's own rules of the unit pass give; {} for a rubric that has none."""
    rules = [c.code for c in rubric.clauses if isinstance(c, RuleClause) and c.scope == "unit"]
    if not rules:
        return {}
    earned = _exactly(rules, hooks.score_unit(rubric=rubric, facts=facts), "score_unit")
    _earned_only(earned, "score_unit")
    return earned


def _exactly(wanted: Iterable[str], answer: Mapping[str, Any] | None, hook: str) -> dict[str, Any]:
    """The answer of a hook, if it speaks of exactly the wanted things."""
    answer = answer or {}
    missing = [code for code in wanted if code not in answer]
    extra = [str(code) for code in answer if code not in set(wanted)]
    problems = []
    if missing:
        problems.append(_("%(hook)s: 没有给出 %(names)s: 请补上", hook=hook, names="、".join(missing)))
    if extra:
        problems.append(_("%(hook)s: 多给了 %(names)s: 请删去", hook=hook, names="、".join(extra)))
    if problems:
        raise RubricError(problems)
    return dict(answer)


def _earned_only(earned: Mapping[str, Any], hook: str) -> None:
    wrong = [code for code, what in earned.items() if not isinstance(what, Earned)]
    if wrong:
        raise RubricError(
            [_("%(hook)s: %(names)s 给出的不是 Earned: 请改正", hook=hook, names="、".join(wrong))]
        )


# --- cohort pass ---------------------------------------------------------------------------------


def score_cohort(
    rubric: Rubric,
    units: Sequence[Facts],
    hooks: Hooks = NO_HOOKS,
    *,
    frozen: bool = True,
    ties: Ties = PLAIN,
) -> list[Result]:
    """All units of a cycle: unit pass, ranks, cohort rules, totals, finish; in rank order, unranked last.

    ties: how the cycle settles equal totals.

    :raises ValueError: two facts documents of the same unit.
    :raises RubricError, Invalid: as :func:`score_unit`; also sort keys for some units only.
    """
    names = [facts.unit for facts in units]
    if len(set(names)) < len(names):
        raise ValueError(f"unit twice in one cohort: {sorted(n for n in set(names) if names.count(n) > 1)}")
    ready = {facts.unit: prepare(rubric, facts, hooks) for facts in units}
    earned = {unit: earn(rubric, facts, hooks) for unit, facts in ready.items()}
    _place(rubric, ready, earned)
    rules = [c.code for c in rubric.clauses if isinstance(c, RuleClause) and c.scope == "cohort"]
    if rules:
        provisional = _collect_all(rubric, ready, earned, frozen=frozen)
        answer = _exactly(rules, hooks.score_cohort(rubric=rubric, results=provisional), "score_cohort")
        for code, of_units in answer.items():
            given = _exactly(ready, of_units, f"score_cohort {code}")
            _earned_only(given, f"score_cohort {code}")
            for unit, what in given.items():
                earned[unit][code] = what
    return rank(rubric, _collect_all(rubric, ready, earned, frozen=frozen), hooks, ties)


def _collect_all(
    rubric: Rubric,
    units: Mapping[str, Facts],
    earned: Mapping[str, Mapping[str, Earned]],
    *,
    frozen: bool,
) -> list[Result]:
    return [
        collect(rubric, facts, settle(rubric, facts, earned[unit], frozen=frozen))
        for unit, facts in units.items()
    ]


def _place(rubric: Rubric, units: Mapping[str, Facts], earned: dict[str, dict[str, Earned]]) -> None:
    """Turn the figures of each ``rank`` clause into places, inside each group.

    In the pool is who has a figure: blank and not applicable units hold no place.
    """
    for clause in rubric.clauses:
        if not isinstance(clause, RankClause):
            continue
        pools: dict[str, dict[str, Fraction]] = {}
        for unit, facts in units.items():
            value = earned[unit][clause.code].value
            if value is not None and _takes_part(rubric, clause, facts):
                pools.setdefault(group_of(rubric, facts), {})[unit] = value
        for pool in pools.values():
            for unit, line in places(clause, pool).items():
                earned[unit][clause.code] = with_place(clause, earned[unit][clause.code], line)


def _takes_part(rubric: Rubric, clause: RankClause, facts: Facts) -> bool:
    if clause.unset or not fields.applies(rubric, clause.code, facts):
        return False
    code: str | None = clause.code
    while code is not None:
        if code in facts.exempt:
            return False
        code = rubric.by[code].parent
    return True


def group_of(rubric: Rubric, facts: Facts) -> str:
    """The group in which a unit is compared; "" if the rubric compares all with all."""
    value = facts.attributes.get(rubric.group_by) if rubric.group_by else None
    if isinstance(value, list | tuple):
        return "、".join(str(v) for v in value)
    return "" if value is None else str(value)


# --- results -------------------------------------------------------------------------------------


def collect(rubric: Rubric, facts: Facts, sheet: Sheet) -> Result:
    """One unit's provisional result: total, subtotals, group; no rank.

    A subtotal adds what is settled so far; an open clause counts with its sum so far. One that is
    wholly not applicable (未设分值) is absent, never 0.
    """
    root = sheet[rubric.root.code]
    return Result(
        unit=facts.unit,
        name=facts.name or facts.unit,
        sheet=sheet,
        subtotals={
            s.code: sum((so_far(rubric, sheet[c]) for c in s.of), ZERO)
            for s in rubric.subtotals
            if any(sheet[c].state is not State.NA for c in s.of)
        },
        total=root.points,
        state=root.state,
        group=group_of(rubric, facts),
        facts=facts,
    )


def rank(
    rubric: Rubric, results: Sequence[Result], hooks: Hooks = NO_HOOKS, ties: Ties = PLAIN
) -> list[Result]:
    """Rank settled results and let the plugin add what stands above the points.

    Only units whose root is scored are ranked: inside their group, ties by the cycle's rule.
    ``finish`` sees them in rank order and may give keys of its own (larger is
    better) for all of them or for none; one that it takes out of the ranking needs none. Without
    a total (verdicts only) and without such keys nobody is ranked.

    :raises RubricError: an outcome for an unknown unit; sort keys for some units only.
    """
    settled = [replace(r, key=_key(rubric, r)) for r in results if r.state is State.SCORED]
    open_ = [replace(r, rank=None, tied=False) for r in results if r.state is not State.SCORED]
    ordered = placed(settled, ties)
    outcomes = dict(hooks.finish(rubric=rubric, results=ordered) or {})
    unknown = [unit for unit in outcomes if unit not in {r.unit for r in ordered}]
    if unknown:
        raise RubricError([_("finish: 没有已评定的单位 %(names)s: 请核对", names="、".join(unknown))])
    ordered = [replace(r, outcome=outcomes.get(r.unit, r.outcome)) for r in ordered]
    keyed = [r.unit for r in ordered if r.outcome.ranked and r.outcome.key is not None]
    without = [r.unit for r in ordered if r.outcome.ranked and r.outcome.key is None]
    if keyed and without:
        raise RubricError(
            [_("finish: 排序键要么都给要么都不给，缺 %(names)s: 请补上", names="、".join(without))]
        )
    if keyed:
        ordered = [replace(r, key=r.outcome.key or ()) for r in ordered]
    return [*placed(ordered, ties), *open_]


def _key(rubric: Rubric, result: Result) -> tuple[Any, ...]:
    if result.total is None:
        return ()
    return (result.total if rubric.rank_by == "total" else result.subtotals.get(rubric.rank_by, ZERO),)
