"""Worked cases: facts of a unit (or several) and the exact result, as data beside the rubric.

They are the official's way of saying what the notice means, and a plugin's tests. A file of
the folder holds one case or a list of them::

    {"id": "CP05", "item": "B10 教学质量", "why": "并列取同名次同分……",
     "rulings": {"ties": "same"},
     "units": [{"unit": "甲", "docs": {…}}, …],
     "expected": {"甲": {"B10c": "7", "rank": 1, "total": "7", "grade": "优"}}}

``facts`` instead of ``units`` is one unit in the unit pass, and ``expected`` then goes by clause.
An expected score is exact text (settled points), or what is to hold of it:
``{"points": null, "state": "pending", "value": "13/3"}``. ``refused`` names inputs that must not
be accepted: path or clause, and part of the message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.resources.abc import Traversable
from typing import Any

from ..errors import Invalid, RubricError
from ..i18n import _
from . import checks, engine
from .facts import Facts
from .ledger import Result, Score, State
from .loader import Definition
from .model import Rubric
from .numbers import as_fraction, as_text

_KEYS = {"id", "item", "why", "rulings", "units", "facts", "frozen", "expected", "refused"}
_NUMBERS = ("points", "max", "raw", "proposed", "value")
_SCORE_KEYS = {*_NUMBERS, "state", "verdict", "flags"}
_RESULT_KEYS = ("rank", "total", "grade")


@dataclass(frozen=True)
class Case:
    """One worked case. cohort: whether ``units`` were given (cohort pass) or ``facts`` (unit pass)."""

    id: str
    item: str
    why: str
    units: tuple[Mapping[str, Any], ...]
    cohort: bool
    rulings: Mapping[str, Any] = field(default_factory=dict)
    frozen: bool = False
    expected: Mapping[str, Any] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def load(folder: Traversable) -> list[Case]:
    """The cases in ``folder/cases/*.json``, or in the folder itself if it has no such part, by file name.

    :raises RubricError: a file that is no JSON, or a case with unknown or missing keys.
    """
    inner = folder / "cases"
    out: list[Case] = []
    for file in sorted((inner if inner.is_dir() else folder).iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".json"):
            continue
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RubricError([_("%(file)s: 不是 JSON（%(error)s）", file=file.name, error=error)]) from None
        out.extend(read(case, file.name) for case in (data if isinstance(data, list) else [data]))
    return out


def read(data: Any, name: str = "") -> Case:
    """One case from its JSON. :raises RubricError: as :func:`load`."""
    if not isinstance(data, dict):
        raise RubricError([_("%(file)s: 算例应是一组“键: 值”", file=name)])
    label = f"{name}: {data.get('id', '?')}"
    problems = [_("%(case)s: 不认识的键“%(key)s”", case=label, key=key) for key in data if key not in _KEYS]
    problems += [
        _("%(case)s: 缺少“%(key)s”", case=label, key=key)
        for key in ("id", "item", "why")
        if not data.get(key)
    ]
    if ("units" in data) == ("facts" in data):
        problems.append(_("%(case)s: facts 与 units 请写其中一个", case=label))
    if not data.get("expected") and not data.get("refused"):
        problems.append(_("%(case)s: 请写 expected 或 refused", case=label))
    if problems:
        raise RubricError(problems)
    return Case(
        id=data["id"],
        item=data["item"],
        why=data["why"],
        units=tuple(data["units"]) if "units" in data else (data["facts"],),
        cohort="units" in data,
        rulings=data.get("rulings", {}),
        frozen=data.get("frozen", False),
        expected=data.get("expected", {}),
        refused=data.get("refused", {}),
    )


def run(definition: Definition, hooks: engine.Hooks, case: Case) -> list[str]:
    """What differs from the case, a sentence each; [] if all is exactly as expected."""
    rubric = definition.bind(case.rulings)
    refusals: dict[str, str] = {}
    units: list[Facts] = []
    for n, document in enumerate(case.units, 1):
        filled = {"unit": f"u{n}", **document}
        filled.setdefault("name", filled["unit"])
        try:
            facts = engine.prepare(rubric, checks.read_document(rubric, filled), hooks)
        except Invalid as error:
            refusals |= error.problems or {"": error.message}
            continue
        units.append(facts)
        found = [*checks.check(rubric, facts), *(hooks.check_facts(rubric=rubric, facts=facts) or ())]
        if case.refused:
            refusals |= {p.ref or p.clause or p.code: p.message for p in found if p.severity == "error"}
    results: list[Result] = []
    if not refusals:
        try:
            results = _score(rubric, units, hooks, case)
        except Invalid as error:
            refusals |= error.problems or {"": error.message}
    if case.refused:
        return _compare_refused(case, refusals)
    if refusals:
        return [
            _("%(id)s: 未被接受：%(path)s %(message)s", id=case.id, path=p, message=m)
            for p, m in refusals.items()
        ]
    return _compare(case, results)


def _score(rubric: Rubric, units: list[Facts], hooks: engine.Hooks, case: Case) -> list[Result]:
    if case.cohort:
        return engine.score_cohort(rubric, units, hooks, frozen=case.frozen)
    sheet = engine.score_unit(rubric, units[0], hooks, frozen=case.frozen)
    return [engine.collect(rubric, units[0], sheet)]


def _compare_refused(case: Case, refusals: Mapping[str, str]) -> list[str]:
    out = []
    for where, part in case.refused.items():
        said = [m for path, m in refusals.items() if path == where or path.endswith(f".{where}")]
        if not said:
            out.append(_("%(id)s: %(where)s 应被拒绝，却被接受", id=case.id, where=where))
        elif not any(part in message for message in said):
            out.append(
                _(
                    "%(id)s: %(where)s 被拒绝，但说的是“%(said)s”，不是“%(part)s”",
                    id=case.id,
                    where=where,
                    said="；".join(said),
                    part=part,
                )
            )
    return out


def _compare(case: Case, results: list[Result]) -> list[str]:
    if not case.cohort:
        return _compare_unit(case.id, results[0], case.expected)
    by_unit = {r.unit: r for r in results}
    out = []
    for unit, expected in case.expected.items():
        if unit in by_unit:
            out += _compare_unit(f"{case.id} {unit}", by_unit[unit], expected)
        else:
            out.append(_("%(id)s: 没有单位“%(unit)s”", id=case.id, unit=unit))
    return out


def _compare_unit(label: str, result: Result, expected: Mapping[str, Any]) -> list[str]:
    out = []
    for key, wanted in expected.items():
        if key in _RESULT_KEYS and key not in result.sheet:
            got: Any = {"rank": result.rank, "total": result.total, "grade": result.outcome.grade}[key]
            out += _differs(f"{label} {key}", _exact(wanted) if key == "total" else wanted, got)
        elif key not in result.sheet:
            out.append(_("%(label)s: 没有条款“%(code)s”", label=label, code=key))
        elif isinstance(wanted, Mapping):
            out += _compare_score(f"{label} {key}", result.sheet[key], wanted)
        else:
            score = result.sheet[key]
            out += _differs(f"{label} {key}", _exact(wanted), score.points)
            out += _differs(f"{label} {key} state", State.SCORED.value, score.state.value)
    return out


def _compare_score(label: str, score: Score, wanted: Mapping[str, Any]) -> list[str]:
    out = []
    for key, value in wanted.items():
        if key not in _SCORE_KEYS:
            out.append(_("%(label)s: 不认识的键“%(key)s”", label=label, key=key))
        elif key in _NUMBERS:
            out += _differs(f"{label} {key}", _exact(value), getattr(score, key))
        elif key == "state":
            out += _differs(f"{label} {key}", value, score.state.value)
        elif key == "flags":
            out += _differs(f"{label} {key}", sorted(value), sorted(score.flags))
        else:
            out += _differs(f"{label} {key}", value, getattr(score, key))
    return out


def _exact(value: Any) -> Fraction | None:
    number: Fraction | None = as_fraction(value)
    return number


def _differs(label: str, wanted: Any, got: Any) -> list[str]:
    if wanted == got:
        return []
    return [_("%(label)s: 应为 %(wanted)s，实为 %(got)s", label=label, wanted=_text(wanted), got=_text(got))]


def _text(value: Any) -> str:
    return as_text(value) if isinstance(value, Fraction) else json.dumps(value, ensure_ascii=False)
