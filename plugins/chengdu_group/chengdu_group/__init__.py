"""成都市名校集团评价:the hooks this plugin implements, and nothing else.

The rubric itself is ``rubric.toml``; every clause of the notice is one of the standard kinds, so
there are no scoring hooks.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

from intranet import hookimpl
from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.ledger import Problem
from intranet.rubric.model import Rubric

from . import facts as group


@hookimpl
def indicators() -> Traversable:
    return files(__package__)


@hookimpl
def form_fields(rubric: Rubric, facts: Facts) -> Sequence[FieldChange]:
    return group.slots_for(facts)


@hookimpl
def check_facts(rubric: Rubric, facts: Facts) -> Sequence[Problem]:
    return group.problems(rubric, facts)
