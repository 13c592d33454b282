"""《翠屏区中小学学区制管理考核细则(试行)》 as a rubric: the hooks, as a table of contents.

The indicators stand in ``rubric.toml``, what it cannot say in ``rules.py``. There is no
``score_cohort``: the places of B10 are the standard kind ``rank``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

from intranet import hookimpl
from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.ledger import Earned, Outcome, Problem, Result
from intranet.rubric.model import Rubric

from . import rules


@hookimpl
def indicators() -> Traversable:
    """The folder with ``rubric.toml``."""
    return files(__package__)


@hookimpl
def form_fields(rubric: Rubric, facts: Facts) -> Sequence[FieldChange]:
    """A single-stage 学区 is not asked what only 小学 and 初中 together can supply."""
    return [*rules.single_stage_changes(facts), *rules.presentation_changes(rubric, facts)]


@hookimpl
def check_facts(rubric: Rubric, facts: Facts) -> Sequence[Problem]:
    """What types, options and required columns cannot find, in the order of the notice."""
    return [
        *rules.check_b4(facts),
        *rules.check_b6(facts),
        *rules.check_b10(facts),
        *rules.check_b11(facts),
        *rules.check_b12b(facts),
        *rules.check_b13(facts),
        *rules.check_postings(facts),
        *rules.check_b15(facts),
        *rules.check_presentation(rubric, facts),
    ]


@hookimpl
def score_unit(rubric: Rubric, facts: Facts) -> Mapping[str, Earned]:
    """S1, S2: 展示考核 (说明1)."""
    return rules.presentations(rubric, facts)


@hookimpl
def finish(rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Outcome]:
    """名次奖励 (说明1) and notes on B10."""
    prizes = rules.prizes(str(rubric.values.get("rank_awards") or ""))
    return {result.unit: rules.outcome(result, prizes) for result in results}
