"""Small rubrics for tests of one thing: a root, the clauses given, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.ledger import Earned, Outcome, Problem, Result
from intranet.rubric.model import Rubric


def rubric(*clauses: dict[str, Any], **head: Any) -> Rubric:
    """A rubric whose clauses stand under the root T unless they name another parent."""
    root = {"code": "T", "title": "总分", "kind": "sum", **head.pop("root", {})}
    return Rubric.model_validate(
        {
            "key": "tiny",
            "title": "试算",
            "version": "1",
            "source": "虚构",
            "levels": ["", "一级", "二级", "三级"],
            "clauses": [root, *({"in": "T", **clause} for clause in clauses)],
            **head,
        }
    )


def facts(unit: str = "u1", **parts: Any) -> Facts:
    """Facts of a unit; ``school``, ``bureau`` and ``panel`` are the owners' documents."""
    docs = {owner: parts.pop(owner) for owner in ("school", "bureau", "panel") if owner in parts}
    return Facts.from_json({"unit": unit, "docs": docs, **parts})


def filled(**values: Any) -> Facts:
    """Facts of a unit where the school filled in these fields (``B4__上学期=2`` is ``B4.上学期``)."""
    return facts(school={"fields": {key.replace("__", "."): value for key, value in values.items()}})


def judged(code: str, most: Any, **more: Any) -> dict[str, Any]:
    return {"code": code, "kind": "judged", "max": most, **more}


def marked(unit: str = "u1", /, role: str = "panel", **more: Any) -> Facts:
    """Facts with marks; codes are keyword arguments, other parts of the document under ``parts``."""
    parts = more.pop("parts", {})
    given = {code: m if isinstance(m, dict) else {"points": m} for code, m in more.items()}
    return facts(unit, marks={role: given}, **parts)


ROWS = {
    "key": "rows",
    "title": "表",
    "columns": [
        {"key": "person", "label": "姓名"},
        {"key": "kind", "label": "类", "type": "choice", "options": ["甲", "乙"]},
        {"key": "n", "label": "数", "type": "number"},
    ],
}


def tally(code: str, most: Any, **more: Any) -> dict[str, Any]:
    return {"code": code, "kind": "tally", "max": most, "table": "rows", "each": 1, "quantity": "n", **more}


def rows(*values: Any, **more: Any) -> Facts:
    return facts(
        school={"tables": {"rows": [v if isinstance(v, dict) else {"n": v} for v in values]}, **more}
    )


class Hooks:
    """Answers what it is told to; counts the calls."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[str] = []

    def _answer(self, name: str, *arguments: Any) -> Any:
        self.calls.append(name)
        answer = self.answers.get(name)
        return answer(*arguments) if callable(answer) else answer

    def form_fields(self, rubric: Rubric, facts: Facts) -> Sequence[FieldChange] | None:
        return self._answer("form_fields", rubric, facts)  # type: ignore[no-any-return]

    def check_facts(self, rubric: Rubric, facts: Facts) -> Sequence[Problem] | None:
        return self._answer("check_facts", rubric, facts)  # type: ignore[no-any-return]

    def score_unit(self, rubric: Rubric, facts: Facts) -> Mapping[str, Earned] | None:
        return self._answer("score_unit", rubric, facts)  # type: ignore[no-any-return]

    def score_cohort(
        self, rubric: Rubric, results: Sequence[Result]
    ) -> Mapping[str, Mapping[str, Earned]] | None:
        return self._answer("score_cohort", rubric, results)  # type: ignore[no-any-return]

    def finish(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Outcome] | None:
        return self._answer("finish", rubric, results)  # type: ignore[no-any-return]
