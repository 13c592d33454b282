"""Every hook has its section with the exact signature, a docstring by the house's order, and a test."""

import inspect
import re
import types
from pathlib import Path

import pluggy
import pytest

from intranet.hookspecs import PROJECT, RubricSpec
from intranet.plugins import HOOKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def signature(hook: str) -> str:
    """``def finish(rubric: Rubric, …) -> …`` as the specification has it, without self."""
    text = str(inspect.signature(vars(RubricSpec)[hook])).replace("'", "")
    without_self = re.sub(r"\(self(?:, )?", "(", text)
    return f"def {hook}{without_self}:"


def test_page_has_the_hooks_and_nothing_else() -> None:
    assert tuple(SECTIONS) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_section_shows_the_exact_signature(hook: str) -> None:
    assert signature(hook) in SECTIONS[hook]


@pytest.mark.parametrize("hook", HOOKS)
def test_docstring_names_every_parameter_and_the_answer(hook: str) -> None:
    function = vars(RubricSpec)[hook]
    parameters = [p for p in inspect.signature(function).parameters if p != "self"]
    said = re.findall(r":param (\w+):", function.__doc__)
    assert said == parameters
    assert ":returns:" in function.__doc__
    assert "Called once" in function.__doc__


@pytest.mark.parametrize("hook", HOOKS)
def test_a_test_is_named_after_it(hook: str) -> None:
    tests = (ROOT / "tests" / "contracts" / "test_plugins.py").read_text(encoding="utf-8")
    assert re.search(rf"^def test_{hook}\(", tests, re.MULTILINE)


def test_the_examples_are_a_plugin_that_registers() -> None:
    module = types.ModuleType("documented")
    code = "\n\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    exec(compile(code, "hooks.md", "exec"), module.__dict__)  # the page's own examples
    pm = pluggy.PluginManager(PROJECT)
    pm.add_hookspecs(RubricSpec)
    pm.register(module)
    pm.check_pending()
    assert {h for h in HOOKS if getattr(pm.hook, h).get_hookimpls()} == set(HOOKS)
