"""Finding plugins, refusing broken ones at start, and calling the hooks of exactly one."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from intranet.errors import RubricError
from intranet.hookspecs import hookimpl
from intranet.plugins import HOOKS, HookFailed, Installed, RubricRegistry, build_plugin_manager
from intranet.rubric import engine
from intranet.rubric.fields import FieldChange, adapt
from intranet.rubric.ledger import Outcome, Problem
from tests.unit.rubric.sample import SAMPLE, SamplePlugin, facts

PLAIN = SAMPLE.replace('kind = "rule"', 'kind = "judged"').replace('params = {share = "1/2"}\n', "")
PLAIN = PLAIN.replace('pass = "cohort"\n', "")


def registry(*plugins: object) -> RubricRegistry:
    return RubricRegistry(build_plugin_manager(entry_points=False, plugins=plugins))


@pytest.fixture
def sample(tmp_path: Path) -> Installed:
    found = registry(SamplePlugin.at(tmp_path)).get("sample")
    assert found is not None
    return found


def folder(tmp_path: Path, name: str, text: str) -> Path:
    (tmp_path / name).mkdir()
    (tmp_path / name / "rubric.toml").write_text(text, encoding="utf-8")
    return tmp_path / name


class OnlyIndicators:
    """The least a plugin can be."""

    def __init__(self, where: Path) -> None:
        self.where = where

    @hookimpl
    def indicators(self) -> Path:
        return self.where


# --- each hook ----------------------------------------------------------------------------------


def test_indicators(sample: Installed, tmp_path: Path) -> None:
    assert (sample.key, sample.folder, sample.definition.title) == (
        "sample",
        tmp_path,
        "示例区学校联盟考核细则",
    )
    assert sample.hook_names == HOOKS
    assert (sample.distribution, sample.version) == ("", "")


def test_form_fields(sample: Installed) -> None:
    rubric = sample.definition.bind()
    alone = facts(members={"s1": {"name": "示例一小", "role": "lead"}})
    changes = sample.hooks.form_fields(rubric, alone)
    assert changes == [FieldChange("A2#2", hidden=True, reason="只有一所学校")]
    assert adapt(rubric, alone, changes).hidden == {"A2#2": "只有一所学校"}
    assert engine.prepare(rubric, alone, sample.hooks).slot("A2", 1) == "na"


def test_check_facts(sample: Installed) -> None:
    rubric = sample.definition.bind()
    assert sample.hooks.check_facts(rubric=rubric, facts=facts()) == []
    many = facts(docs={"school": {"fields": {"pairs": 3}}})
    assert sample.hooks.check_facts(rubric=rubric, facts=many) == [
        Problem("error", "pairs", "结对学校数超过成员学校数", "school.fields.pairs", "B5")
    ]


def test_score_unit(sample: Installed) -> None:
    rubric = sample.definition.bind()
    earned = sample.hooks.score_unit(rubric, facts())
    assert earned is not None
    assert (list(earned), earned["B5"].value) == (["B5"], Fraction(1, 2))
    assert engine.score_unit(rubric, facts(), sample.hooks)["B5"].points == 5


def test_score_cohort(sample: Installed) -> None:
    rubric = sample.definition.bind()
    half = facts("u2")
    half.docs["school"]["fields"]["pairs"] = 2
    results = engine.score_cohort(rubric, [facts("u1"), half], sample.hooks)
    assert {r.unit: r.sheet["B6"].points for r in results} == {"u1": 4, "u2": 8}


def test_finish(sample: Installed) -> None:
    rubric = sample.definition.bind({"quota": "1"})
    better = facts("u2")
    better.docs["school"]["fields"]["pairs"] = 2
    results = engine.score_cohort(rubric, [facts("u1"), better], sample.hooks)
    assert [(r.unit, r.rank, r.outcome.grade) for r in results] == [("u2", 1, "优秀"), ("u1", 2, "合格")]


# --- one plugin only ----------------------------------------------------------------------------


def test_hooks_of_another_plugin_are_never_asked(tmp_path: Path) -> None:
    other_text = PLAIN.replace('key = "sample"', 'key = "other"', 1)
    other = OnlyIndicators(folder(tmp_path, "other", other_text))
    both = registry(SamplePlugin.at(tmp_path), other)
    assert list(both.installed) == ["other", "sample"]
    quiet = both.installed["other"].hooks
    rubric = both.installed["other"].definition.bind()
    assert both.installed["other"].hook_names == ("indicators",)
    assert quiet.form_fields(rubric, facts()) is None
    assert quiet.check_facts(rubric, facts()) is None
    assert quiet.score_unit(rubric, facts()) is None
    assert quiet.score_cohort(rubric, []) is None
    assert quiet.finish(rubric, []) is None


def test_a_plugin_that_is_gone_is_none(sample: Installed) -> None:
    assert registry().get("sample") is None
    assert list(registry().installed) == []


# --- a hook that raises -------------------------------------------------------------------------


class Raising(SamplePlugin):
    @hookimpl
    def score_unit(self, rubric: Any, facts: Any) -> Any:
        return {"B5": 1 / 0}

    @hookimpl
    def finish(self, rubric: Any, results: Any) -> dict[str, Outcome]:
        raise KeyError("quota")


def test_an_exception_names_plugin_hook_and_unit(tmp_path: Path) -> None:
    found = registry(Raising.at(tmp_path)).installed["sample"]
    rubric = found.definition.bind()
    with pytest.raises(HookFailed) as raised:
        engine.score_unit(rubric, facts("u7"), found.hooks)
    error = raised.value
    assert (error.plugin, error.hook, error.unit, error.status) == ("Raising", "score_unit", "u7", 500)
    assert error.message == (
        "考核办法插件“Raising”的 score_unit 在处理单位 u7 时出错"
        "（ZeroDivisionError: division by zero）。请把这句话转给插件作者。"
    )
    with pytest.raises(HookFailed, match=r"考核办法插件“Raising”的 finish 出错（KeyError: 'quota'）。"):
        found.hooks.finish(rubric, [])


# --- refused at start ---------------------------------------------------------------------------


def refused(make: Callable[[], object]) -> list[str]:
    with pytest.raises(RubricError) as raised:
        make()
    return raised.value.lines


class UnknownHook(SamplePlugin):
    @hookimpl
    def score_units(self, rubric: Any, facts: Any) -> None:
        return None


class UnknownArgument(SamplePlugin):
    @hookimpl
    def finish(self, rubric: Any, cycle: Any) -> None:
        return None


def test_unknown_hook_or_argument(tmp_path: Path) -> None:
    for kind, word in ((UnknownHook, "score_units"), (UnknownArgument, "cycle")):
        (line,) = refused(lambda kind=kind: registry(kind.at(tmp_path)))
        assert line.startswith(f"{kind.__name__}: 钩子写法不对（")
        assert line.endswith("）: 请对照 docs/hooks.md 改正")
        assert word in line


class NoIndicators:
    @hookimpl
    def finish(self, rubric: Any, results: Any) -> None:
        return None


def test_plugin_without_indicators() -> None:
    assert refused(lambda: registry(NoIndicators())) == [
        "NoIndicators: 没有实现 indicators，或它没有返回文件夹: 请返回 rubric.toml 所在的文件夹"
    ]


def test_problems_of_all_plugins_come_at_once(tmp_path: Path) -> None:
    broken = OnlyIndicators(folder(tmp_path, "broken", SAMPLE.replace("max = 12", "maxx = 12", 1)))
    lines = refused(lambda: registry(NoIndicators(), broken))
    assert [line.split(": ")[0] for line in lines] == ["NoIndicators", "OnlyIndicators"]
    assert lines[1].endswith(": A: 不认识的键“maxx”: 您是不是想写“max”")


def test_the_same_key_twice(tmp_path: Path) -> None:
    one, two = OnlyIndicators(folder(tmp_path, "one", PLAIN)), SamplePlugin.at(tmp_path)
    assert refused(lambda: registry(one, two)) == [
        "SamplePlugin: key “sample”与插件 OnlyIndicators 的相同: 请卸载其中一个"
    ]


def test_rule_clauses_need_their_hook(tmp_path: Path) -> None:
    only = OnlyIndicators(folder(tmp_path, "only", SAMPLE))
    assert refused(lambda: registry(only)) == [
        "OnlyIndicators: B5: rule 类条款要由 score_unit 计分: 请实现它",
        "OnlyIndicators: B6: rule 类条款要由 score_cohort 计分: 请实现它",
    ]


# --- installed distributions --------------------------------------------------------------------


def install(tmp_path: Path, distribution: str, module: str, body: str, name: str = "") -> None:
    """A distribution as pip leaves it: a module and its metadata."""
    (tmp_path / f"{module}.py").write_text(body, encoding="utf-8")
    info = tmp_path / f"{distribution}-7.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 7.1\n")
    (info / "entry_points.txt").write_text(f"[intranet.rubrics]\n{name or module} = {module}\n")


MODULE = """\
from pathlib import Path
from intranet import hookimpl

@hookimpl
def indicators():
    return Path({where!r})
"""


def test_entry_points_are_found_with_their_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = folder(tmp_path, "files", PLAIN.replace('"sample"', '"found_region"', 1))
    install(tmp_path, "intranet_found", "found_region", MODULE.format(where=str(where)))
    monkeypatch.syspath_prepend(tmp_path)
    found = RubricRegistry(build_plugin_manager()).get("found_region")
    assert found is not None
    assert (found.distribution, found.version) == ("intranet_found", "7.1")
    assert RubricRegistry(build_plugin_manager(entry_points=False)).get("found_region") is None


def test_a_plugin_that_cannot_be_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "intranet_bad", "bad_region", "import nowhere_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert refused(build_plugin_manager) == [
        "bad_region: 不能导入（ModuleNotFoundError: No module named 'nowhere_at_all'）: 请重新安装或升级这个插件"
    ]


def test_two_distributions_with_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = str(folder(tmp_path, "files", PLAIN))
    install(tmp_path, "intranet_one", "one_region", MODULE.format(where=where), "region")
    install(tmp_path, "intranet_two", "two_region", MODULE.format(where=where), "region")
    monkeypatch.syspath_prepend(tmp_path)
    assert refused(build_plugin_manager) == ["region: 两个安装包用了同一个名字: 请卸载其中一个"]
