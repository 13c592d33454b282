"""docs/rules.md is true: each example loads and scores as printed, and no parameter is left out."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from intranet.rubric import cases, forms, loader, sentences
from intranet.rubric.engine import NO_HOOKS
from intranet.rubric.model import Deductions, Events, Loss, Require
from intranet.rubric.schema import KINDS, keys_of

DOC = Path(__file__).parents[2] / "docs" / "rules.md"
TEXT = DOC.read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass
class Example:
    """A definition, its Python if any, facts, and what they must give or how they are refused."""

    line: int
    toml: str
    python: str
    facts: Any = None
    result: dict[str, Any] = field(default_factory=dict)


def examples() -> Iterator[Example]:
    head = toml = python = ""
    facts: Any = None
    for block in _BLOCK.finditer(TEXT):
        language, role, body = block.groups()
        line = TEXT.count("\n", 0, block.start()) + 1
        match language, role:
            case "toml", "head":
                head = body
            case "toml", None:
                toml, python = head + "\n" + body, ""
            case "python", None:
                python = body
            case "json", "facts":
                facts = json.loads(body)
            case "json", "expected" | "refused":
                yield Example(line, toml, python, facts, {role: json.loads(body)})
                facts = None
            case _:
                raise AssertionError(f"rules.md:{line}: a block of no known sort")


EXAMPLES = list(examples())


class DocHooks:
    """The functions of an example's Python, the other hooks silent."""

    def __init__(self, code: str) -> None:
        self.functions: dict[str, Any] = {}
        exec(compile(code, str(DOC), "exec"), self.functions)

    def __getattr__(self, name: str) -> Any:
        return self.functions.get(name) or getattr(NO_HOOKS, name)


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"line {e.line}" for e in EXAMPLES])
def test_example(example: Example) -> None:
    several = isinstance(example.facts, list)
    case = cases.read(
        {
            "id": f"rules.md:{example.line}",
            "item": "docs",
            "why": "docs",
            ("units" if several else "facts"): example.facts,
            **example.result,
        }
    )
    assert cases.run(loader.load(example.toml), DocHooks(example.python), case) == []


def test_every_block_of_toml_has_a_result() -> None:
    assert len(EXAMPLES) >= 20
    bodies = [body for language, role, body in _BLOCK.findall(TEXT) if (language, role) == ("toml", "")]
    assert all(any(e.toml.endswith(body) for e in EXAMPLES) for body in bodies)


def test_every_kind_has_a_section_and_every_parameter_a_mention() -> None:
    named = set(re.findall(r"`([^`\n]+)`", TEXT))
    words = {word for text in named for word in re.findall(r"[a-z_]+", text)}
    for kind, model in KINDS.items():
        assert f"\n## {kind}\n" in TEXT
        missing = set(keys_of(model)) - words - {"kind", "unset"}  # unset is written by the loader
        assert not missing, f"{kind}: {sorted(missing)}"
    for part in (Loss, Events, Deductions, Require):
        assert set(keys_of(part)) <= words, part.__name__


def test_every_flag_and_every_form_source_is_listed() -> None:
    named = set(re.findall(r"`([^`\n]+)`", TEXT))
    assert set(sentences.FLAGS) <= named
    assert {source for sources in forms.SOURCES.values() for source in sources} <= named
