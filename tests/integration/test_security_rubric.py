"""What a rubric's text or a plugin's Python may not do: refused with a sentence, never half a ranking."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from flask import Flask
from sqlmodel import select

from intranet import create_app
from intranet.errors import RubricError
from intranet.models import Result, UnitResult
from intranet.plugins import build_plugin_manager
from intranet.rubric import expression, loader
from intranet.rubric.ledger import Earned, Line, Outcome
from tests.integration.filing_ground import at
from tests.integration.test_bureau_results import base, filled  # noqa: F401  (fixtures)
from tests.unit.rubric import sample
from tests.world import PASSWORD, Client, World, words

TRICKS = (
    "__import__('os').system('x')", "().__class__.__bases__", "took_part.__class__", "took_part.__class__.__mro__",
    "open('/etc/passwd')", "eval(1)", "exec(1)", "took_part ** teachers", "9**9**9", "2**99999", "1 << 99", "1 if 1 else 2",
    "lambda: 1", "[x for x in (1,)]", "took_part := 1", "f'{1}'", "'a' * 9", "took_part; teachers", "took_part\n+ import os",
    "took_part # teachers", "took_part // teachers", "took_part % 7", "took_part @ teachers", "not took_part", "a and b",
    "1e400", "1j", "0x10", "1_000", "True", "None", "...", "took_part[0]", "max(*took_part)", "max(1, key=2)", "sum(sum(1))",
    "print(1)", "globals()", "getattr(1, 2)", "9" * 13, "0." + "1" * 13, "1/0" * 200, "(" * 300 + "1" + ")" * 300,
    "-" * 400 + "1", "+".join("1" * 250), "max(" * 60 + "1,1" + ")" * 60, "took_part.charter", "ｔook_part",
    "took_part\u200b", "", " ", ")", "1 +", "sum()", "ceil(1, 2)", "{{7*7}}", "${7*7}",
)  # fmt: skip


@pytest.mark.parametrize("formula", TRICKS)
def test_a_formula_is_arithmetic_and_nothing_else(formula: str) -> None:
    text = sample.SAMPLE.replace(
        '"took_part / teachers"', f"'''{formula}'''" if "'''" not in formula else "''", 1
    )
    begin = time.thread_time()
    with pytest.raises(RubricError) as refused:
        loader.load(text)
    assert time.thread_time() - begin < 1
    assert any("B3" in line or "公式" in line or "toml" in line.lower() for line in refused.value.lines)


def test_the_parser_runs_nothing_whatever_it_reads() -> None:
    refused = 0
    for formula in TRICKS:
        with contextlib.suppress(expression.FormulaError):
            expression.parse(formula)
            continue
        refused += 1
    assert refused > 40


Hook = Callable[..., Any]
NAN: Any = math.nan


def earned(points: Any) -> Earned:
    return Earned(lines=(Line("rule", {"text": "x"}, points),))


def boom(*_args: Any, **_values: Any) -> Any:
    raise ValueError("kaputt")


MISBEHAVIOUR: dict[str, tuple[str, Hook]] = {
    "raises": ("score_unit", boom),
    "nothing": ("score_unit", lambda *_a: None),
    "wrong code": ("score_unit", lambda *_a: {"X9": earned(Fraction(1))}),
    "too many": ("score_unit", lambda *_a: {"B5": earned(Fraction(1)), "B6": earned(Fraction(1))}),
    "a number": ("score_unit", lambda *_a: {"B5": 5}),
    "none inside": ("score_unit", lambda *_a: {"B5": None}),
    "a list": ("score_unit", lambda *_a: [1, 2]),
    "text": ("score_unit", lambda *_a: "B5"),
    "nan points": ("score_unit", lambda *_a: {"B5": earned(math.nan)}),
    "float points": ("score_unit", lambda *_a: {"B5": earned(0.1)}),
    "text points": ("score_unit", lambda *_a: {"B5": earned("5")}),
    "nan value": ("score_unit", lambda *_a: {"B5": Earned(value=NAN)}),
    "cohort raises": ("score_cohort", boom),
    "cohort nothing": ("score_cohort", lambda *_a: None),
    "cohort one unit": ("score_cohort", lambda *_a: {"B6": {"g01": earned(Fraction(1))}}),
    "cohort stranger": (
        "score_cohort",
        lambda *_a: {"B6": {"g01": earned(Fraction(1)), "g99": earned(Fraction(1))}},
    ),
    "cohort none": ("score_cohort", lambda *_a: {"B6": None}),
    "cohort infinity": ("score_cohort", lambda *_a: {"B6": dict.fromkeys(("g01", "g02"), earned(math.inf))}),
    "finish raises": ("finish", boom),
    "finish stranger": ("finish", lambda *_a: {"g99": Outcome(grade="x")}),
    "finish none": ("finish", lambda *_a: {"g01": None}),
    "finish text": ("finish", lambda *_a: "g01"),
    "finish half keyed": ("finish", lambda *_a: {"g01": Outcome(key=(1,))}),
    "finish mixed keys": ("finish", lambda *_a: {"g01": Outcome(key=(1,)), "g02": Outcome(key=("a",))}),
    "finish nan key": ("finish", lambda *_a: {u: Outcome(key=(math.nan,)) for u in ("g01", "g02")}),
    "form raises": ("form_fields", boom),
    "form text": ("form_fields", lambda *_a: ["B5"]),
    "check raises": ("check_facts", boom),
    "check text": ("check_facts", lambda *_a: ["wrong"]),
}


def with_hook(world: World, hook: str, act: Hook) -> Flask:
    """The application with the sample plugin, one of its hooks gone wrong."""
    from intranet.hookspecs import hookimpl

    arguments = {
        "score_unit": "rubric, facts", "form_fields": "rubric, facts", "check_facts": "rubric, facts",
        "score_cohort": "rubric, results", "finish": "rubric, results",
    }[hook]  # fmt: skip
    space: dict[str, Any] = {"act": act}
    exec(f"def {hook}(self, {arguments}):\n    return act({arguments})", space)
    plugin = type("BrokenPlugin", (sample.SamplePlugin,), {hook: hookimpl(space[hook])})
    sample.SamplePlugin.at(world.settings.data)
    return create_app(
        world.settings, build_plugin_manager(entry_points=False, plugins=(plugin(world.settings.data),))
    )


@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_a_plugin_that_misbehaves_is_named_and_ranks_nobody(
    world: World,
    filled: str,  # noqa: F811
    name: str,
) -> None:
    hook, act = MISBEHAVIOUR[name]
    app = with_hook(world, hook, act)
    client = Client(app.test_client())
    client.post("/sign-in", {"login": "admin", "password": PASSWORD})
    for path in (f"{filled}/freeze", at(world, "", "/check")):
        answer = client.get(path)
        page = words(answer.get_data(as_text=True))
        assert "程序出错了" not in page, path
        assert "Traceback" not in page
    answer = client.post(f"{filled}/freeze", {"op": "x"})
    page = words(answer.get_data(as_text=True))
    assert answer.status_code >= 400, name
    assert "程序出错了" not in page
    assert hook in page or "插件" in page, page[-400:]
    with world.read() as session:
        assert session.exec(select(Result)).all() == []
        assert session.exec(select(UnitResult)).all() == []
    app.extensions["intranet"].engine.dispose()
