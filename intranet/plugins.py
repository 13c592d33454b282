"""Finding the rubric plugins, checking them at start, and calling the hooks of one of them.

A cycle is bound to one rubric, so a hook is never broadcast: every call goes to the plugin whose
rubric it is. Whatever is wrong with a plugin stops the start and names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points as installed_entry_points
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

import pluggy

from . import hook_answers
from .errors import DomainError, RubricError
from .hookspecs import ENTRY_POINTS, PROJECT, RubricSpec
from .i18n import _
from .rubric.engine import Hooks
from .rubric.facts import Facts
from .rubric.fields import FieldChange
from .rubric.ledger import Earned, Outcome, Problem, Result
from .rubric.loader import Definition, read_package
from .rubric.model import Rubric, RuleClause

HOOKS = tuple(name for name in vars(RubricSpec) if not name.startswith("_"))
"""Names of all hooks, in call order."""


class HookFailed(DomainError):
    """A plugin's hook raised; the pass it was called for is void, never a 0."""

    status = 500

    def __init__(self, plugin: str, hook: str, unit: str, error: Exception) -> None:
        why = f"{type(error).__name__}: {error}"
        if unit:
            message = _(
                "考核办法插件“%(plugin)s”的 %(hook)s 在处理单位 %(unit)s 时出错（%(why)s）。请把这句话转给插件作者。",
                plugin=plugin,
                hook=hook,
                unit=unit,
                why=why,
            )
        else:
            message = _(
                "考核办法插件“%(plugin)s”的 %(hook)s 出错（%(why)s）。请把这句话转给插件作者。",
                plugin=plugin,
                hook=hook,
                why=why,
            )
        super().__init__(message)
        self.plugin, self.hook, self.unit = plugin, hook, unit


class PluginHooks:
    """The hooks of one plugin as ``rubric.engine.Hooks``; what it does not implement answers None."""

    def __init__(self, pm: pluggy.PluginManager, plugin: object) -> None:
        others = [other for other in pm.get_plugins() if other is not plugin]
        self.plugin = pm.get_name(plugin) or str(plugin)
        self._callers = {name: pm.subset_hook_caller(name, others) for name in HOOKS}

    def _call(self, hook: str, unit: str, **arguments: Any) -> Any:
        try:
            answer = self._callers[hook](**arguments)
            hook_answers.check(hook, answer)
            return answer
        except Exception as error:
            raise HookFailed(self.plugin, hook, unit, error) from error

    def indicators(self) -> Traversable | None:
        folder: Traversable | None = self._call("indicators", "")
        return folder

    def form_fields(self, rubric: Rubric, facts: Facts) -> Sequence[FieldChange] | None:
        changes: Sequence[FieldChange] | None = self._call(
            "form_fields", facts.unit, rubric=rubric, facts=facts
        )
        return changes

    def check_facts(self, rubric: Rubric, facts: Facts) -> Sequence[Problem] | None:
        problems: Sequence[Problem] | None = self._call("check_facts", facts.unit, rubric=rubric, facts=facts)
        return problems

    def score_unit(self, rubric: Rubric, facts: Facts) -> Mapping[str, Earned] | None:
        earned: Mapping[str, Earned] | None = self._call("score_unit", facts.unit, rubric=rubric, facts=facts)
        return earned

    def score_cohort(
        self, rubric: Rubric, results: Sequence[Result]
    ) -> Mapping[str, Mapping[str, Earned]] | None:
        earned: Mapping[str, Mapping[str, Earned]] | None = self._call(
            "score_cohort", "", rubric=rubric, results=results
        )
        return earned

    def finish(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Outcome] | None:
        outcomes: Mapping[str, Outcome] | None = self._call("finish", "", rubric=rubric, results=results)
        return outcomes


@dataclass(frozen=True)
class Installed:
    """A rubric that can be chosen for a cycle.

    key: the rubric's own, stored with cycles. folder: what ``indicators`` returned.
    distribution, version: of the installed package; empty for a plugin handed over directly.
    hook_names: the hooks the plugin implements, in call order.
    """

    key: str
    definition: Definition
    hooks: Hooks
    folder: Traversable
    distribution: str
    version: str
    hook_names: tuple[str, ...]


def build_plugin_manager(
    *, entry_points: bool = True, plugins: Iterable[object] = ()
) -> pluggy.PluginManager:
    """A plugin manager with the installed rubrics (entry point group ``intranet.rubrics``).

    :param entry_points: False for tests that bring all their plugins along.
    :param plugins: further plugins: modules or objects with hook implementations.
    :raises RubricError: a plugin cannot be imported, or implements a hook that does not exist or
        takes an argument that the hook does not have.
    """
    pm = pluggy.PluginManager(PROJECT)
    pm.add_hookspecs(RubricSpec)
    problems: list[str] = []
    names = [ep.name for ep in installed_entry_points(group=ENTRY_POINTS)] if entry_points else []
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            problems.append(_("%(plugin)s: 两个安装包用了同一个名字: 请卸载其中一个", plugin=name))
            continue
        try:
            pm.load_setuptools_entrypoints(ENTRY_POINTS, name)
        except pluggy.PluginValidationError as error:
            problems.append(_wrong_hook(name, error))
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            problems.append(
                _("%(plugin)s: 不能导入（%(why)s）: 请重新安装或升级这个插件", plugin=name, why=why)
            )
    for plugin in plugins:
        given = str(getattr(plugin, "__name__", type(plugin).__name__))
        if pm.is_registered(plugin):
            continue
        try:
            pm.register(plugin, None if pm.has_plugin(given) else given)
        except pluggy.PluginValidationError as error:
            problems.append(_wrong_hook(given, error))
    try:
        pm.check_pending()
    except pluggy.PluginValidationError as error:
        problems.append(_wrong_hook(pm.get_name(error.plugin) or str(error.plugin), error))
    if problems:
        raise RubricError(problems)
    return pm


def _wrong_hook(plugin: str, error: pluggy.PluginValidationError) -> str:
    why = " ".join(str(error).split())
    return _("%(plugin)s: 钩子写法不对（%(why)s）: 请对照 docs/hooks.md 改正", plugin=plugin, why=why)


class RubricRegistry:
    """The installed rubrics by key. Built once at start; broken ones stop it.

    :raises RubricError: with the problems of all plugins, each line beginning with the plugin.
    """

    def __init__(self, pm: pluggy.PluginManager) -> None:
        found: dict[str, Installed] = {}
        names: dict[str, str] = {}
        problems: list[str] = []
        for name, plugin in pm.list_name_plugin():
            if plugin is None:  # blocked
                continue
            try:
                one = _read(pm, plugin)
            except HookFailed as error:
                problems.append(f"{name}: {error.message}")
                continue
            except RubricError as error:
                problems.extend(f"{name}: {line}" for line in error.lines)
                continue
            if one.key in found:
                other = names[one.key]
                message = _(
                    "%(plugin)s: key “%(key)s”与插件 %(other)s 的相同: 请卸载其中一个",
                    plugin=name,
                    key=one.key,
                    other=other,
                )
                problems.append(message)
                continue
            found[one.key], names[one.key] = one, name
        if problems:
            raise RubricError(problems)
        self.installed: Mapping[str, Installed] = MappingProxyType(dict(sorted(found.items())))

    def get(self, key: str) -> Installed | None:
        """The rubric with this key; None if its plugin is not (or no longer) installed."""
        return self.installed.get(key)


def _read(pm: pluggy.PluginManager, plugin: object) -> Installed:
    hooks = PluginHooks(pm, plugin)
    folder = hooks.indicators()
    if folder is None:
        raise RubricError([_("没有实现 indicators，或它没有返回文件夹: 请返回 rubric.toml 所在的文件夹")])
    definition = read_package(folder)
    names = tuple(h for h in HOOKS if any(i.plugin is plugin for i in getattr(pm.hook, h).get_hookimpls()))
    _require_rules(definition, names)
    info = next((dist for other, dist in pm.list_plugin_distinfo() if other is plugin), None)
    return Installed(
        key=definition.key,
        definition=definition,
        hooks=hooks,
        folder=folder,
        distribution=info.project_name if info else "",
        version=info.version if info else "",
        hook_names=names,
    )


def _require_rules(definition: Definition, names: tuple[str, ...]) -> None:
    """A clause of kind ``rule`` needs the hook that scores it."""
    problems = []
    for clause in definition.bind().clauses:
        if isinstance(clause, RuleClause):
            hook = "score_unit" if clause.scope == "unit" else "score_cohort"
            if hook not in names:
                problems.append(
                    _("%(code)s: rule 类条款要由 %(hook)s 计分: 请实现它", code=clause.code, hook=hook)
                )
    if problems:
        raise RubricError(problems)
