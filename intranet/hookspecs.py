"""The whole contract between the core and a rubric plugin, in call order.

A plugin supplies three things: **indicators** (:meth:`RubricSpec.indicators`), **form fields**
(implied by the indicators, adapted by :meth:`RubricSpec.form_fields`, checked by
:meth:`RubricSpec.check_facts`) and **scoring hooks** (:meth:`RubricSpec.score_unit`,
:meth:`RubricSpec.score_cohort`, :meth:`RubricSpec.finish`).

Every hook is ``firstresult`` and is called for one plugin only: the one whose rubric the cycle is
bound to. A plugin implements ``indicators`` and whichever of the others its notice needs. Hooks
are pure: what they return depends on their arguments alone. An exception in a hook fails that
pass and names plugin, hook and unit; it never becomes a 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources.abc import Traversable

import pluggy

from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.ledger import Earned, Outcome, Problem, Result
from intranet.rubric.model import Rubric

PROJECT = "intranet"
ENTRY_POINTS = "intranet.rubrics"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class RubricSpec:
    """Namespace of the hook specifications."""

    # --- indicators ---

    @hookspec(firstresult=True)
    def indicators(self) -> Traversable:  # type: ignore[empty-body]
        """Say where the rubric is: a folder with ``rubric.toml`` and, if any, ``cases/*.json``.

        Called once when the application starts. The core reads, checks and lints the file; a
        rubric that does not hold (sums, bands, codes) stops the start with file, line and clause.

        :returns: the folder, normally ``importlib.resources.files(__package__)``.
            None or an exception: the plugin is refused at start.
        """

    # --- form fields ---

    @hookspec(firstresult=True)
    def form_fields(self, rubric: Rubric, facts: Facts) -> Sequence[FieldChange]:  # type: ignore[empty-body]
        """Adapt the fields to one unit: wording, options, defaults, what it is not asked.

        Called once whenever a unit's form is built and once before its unit pass, so a field or
        material slot that is hidden here is also not applicable in the score.

        :param rubric: the cycle's rubric, rulings filled in.
        :param facts: the unit's facts; read ``attributes`` and ``members``, which come from the
            register. Do not let the answers decide which questions are asked.
        :returns: changes by field key (``B4.上学期``) or slot key (``B6#4``); unknown keys are an
            error. None or []: the fields stay as the rubric has them.
        """

    @hookspec(firstresult=True)
    def check_facts(self, rubric: Rubric, facts: Facts) -> Sequence[Problem]:  # type: ignore[empty-body]
        """Find what the standard checks (types, options, required columns, dates) cannot.

        Called once per saved unit, after the standard checks, and again before submission.

        :param rubric: the cycle's rubric, rulings filled in.
        :param facts: the unit's facts as far as they are filled in; expect blanks.
        :returns: problems with a path to the value. None or []: nothing to say.
        """

    # --- scoring ---

    @hookspec(firstresult=True)
    def score_unit(self, rubric: Rubric, facts: Facts) -> Mapping[str, Earned]:  # type: ignore[empty-body]
        """Score the ``rule`` clauses of one unit.

        Called once per unit pass, at any time, and only if the rubric has clauses of kind
        ``rule`` with ``pass = "unit"``.

        :param rubric: the cycle's rubric, rulings filled in; a clause's own data is in ``params``.
        :param facts: the unit's facts.
        :returns: exactly those codes. None, a missing or an extra code is an error naming them.
        """

    @hookspec(firstresult=True)
    def score_cohort(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Mapping[str, Earned]]:  # type: ignore[empty-body]
        """Score the ``rule`` clauses that need all units.

        Called once per cohort pass (freeze, rank, rehearsal), and only if the rubric has clauses
        of kind ``rule`` with ``pass = "cohort"``.

        :param rubric: the cycle's rubric, rulings filled in.
        :param results: all units, provisional: the standard kinds are done, cohort rules are not.
        :returns: ``{code: {unit: Earned}}`` for exactly those codes and all units.
        """

    @hookspec(firstresult=True)
    def finish(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Outcome]:  # type: ignore[empty-body]
        """Add what stands above the points: grade, award, own sort key, extra columns, notes.

        Called once per cohort pass, after all scores are settled.

        :param rubric: the cycle's rubric, rulings filled in.
        :param results: settled units only, in rank order.
        :returns: ``{unit: Outcome}`` for any of them; sort keys for all units or for none.
            None or {}: nothing to add.
        """
