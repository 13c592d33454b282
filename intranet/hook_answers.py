"""What a hook answered, looked at before anything is computed with it.

Python lets a plugin return anything: a NaN that compares false with everything would rank units at
random and say nothing. Which codes must be answered is the engine's to say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from .rubric.fields import FieldChange
from .rubric.ledger import Earned, Outcome, Problem


def check(hook: str, answer: Any) -> None:
    """:raises TypeError: not what the hook's specification says (``hookspecs``)."""
    if answer is None:
        return
    match hook:
        case "form_fields":
            _each(answer, FieldChange)
        case "check_facts":
            _each(answer, Problem)
        case "score_unit":
            _earned(_mapping(answer))
        case "score_cohort":
            for of_units in _mapping(answer).values():
                _earned(_mapping(of_units or {}))
        case "finish":
            _each(_mapping(answer).values(), Outcome)
            _keys([outcome.key for outcome in answer.values() if outcome.key is not None])


def _mapping(answer: Any) -> Mapping[Any, Any]:
    if not isinstance(answer, Mapping):
        raise TypeError(f"a mapping is asked for, not {answer!r:.60}")
    return answer


def _each(answer: Any, kind: type) -> None:
    if isinstance(answer, str) or not isinstance(answer, Collection):
        raise TypeError(f"several {kind.__name__} are asked for, not {answer!r:.60}")
    wrong = [one for one in answer if not isinstance(one, kind)]
    if wrong:
        raise TypeError(f"{kind.__name__} is asked for, not {wrong[0]!r:.60}")


def _earned(answer: Mapping[Any, Any]) -> None:
    for code, what in answer.items():
        if isinstance(what, Earned):  # the engine names the codes that answer something else
            for number in (what.value, what.divide, *(line.points for line in what.lines)):
                if number is not None and not _is_exact(number):
                    raise TypeError(f"{code}: an exact number is asked for, not {number!r:.60}")


def _is_exact(number: Any) -> bool:
    return isinstance(number, Fraction | int) and not isinstance(number, bool)


def _keys(keys: list[Any]) -> None:
    for key in keys:
        if not isinstance(key, tuple) or any(isinstance(part, float) for part in key):
            raise TypeError(f"a sort key is a tuple without floats, not {key!r:.60}")
    sorted(keys)  # raises TypeError where two cannot be compared
