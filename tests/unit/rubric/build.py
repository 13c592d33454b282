"""Small rubrics for tests of one thing: a root, the clauses given, and nothing else."""

from typing import Any

from intranet.rubric.facts import Facts
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
