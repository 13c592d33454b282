"""同分: how a cycle settles equal totals, as the engine takes it, as a result keeps it, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from intranet.enums import TieRule
from intranet.i18n import _
from intranet.models import Cycle
from intranet.rubric.model import Rubric
from intranet.rubric.ranking import Ties

MOST_BREAKS = 5
"""How many figures may be compared one after the other before a tie stands."""


def ties_of(cycle: Cycle) -> Ties:
    return Ties(tuple(cycle.tie_break), cycle.ties == TieRule.DENSE)


def rules_of(cycle: Cycle) -> dict[str, Any]:
    """What a freeze keeps in ``Result.rules``: ``{"ties", "tie_break", "combine"}``."""
    return {"ties": cycle.ties.value, "tie_break": list(cycle.tie_break), "combine": cycle.combine.value}


def ties_in(rules: Mapping[str, Any]) -> Ties:
    """The rule a stored result was ranked by; one from before there was a choice has none stored."""
    return Ties(tuple(rules.get("tie_break", ())), rules.get("ties") == TieRule.DENSE.value)


def tie_name(rule: TieRule) -> str:
    return {TieRule.SKIP: _("同分同名次，后一名次空缺"), TieRule.DENSE: _("同分同名次，后一名次紧接")}[rule]


def tie_sentence(rule: TieRule) -> str:
    return {
        TieRule.SKIP: _("两个单位并列第 1，下一个是第 3。"),
        TieRule.DENSE: _("两个单位并列第 1，下一个是第 2。"),
    }[rule]


def names_of(rubric: Rubric, codes: Sequence[str]) -> list[str]:
    """The figures as people name them; a code the rubric does not have stands for itself."""
    subtotals = {s.code: s.title for s in rubric.subtotals}
    return [subtotals.get(c) or (rubric.by[c].name if c in rubric.by else c) for c in codes]


def sentence(rubric: Rubric, ties: Ties) -> str:
    """The whole rule, as it stands on the list and on paper."""
    name = tie_name(TieRule.DENSE if ties.dense else TieRule.SKIP)
    if not ties.by:
        return _("%(rule)s。", rule=name)
    listed = _("、").join(names_of(rubric, ties.by))
    return _("同分时依次比较%(what)s，高的在前；仍相同的，%(rule)s。", what=listed, rule=name)
