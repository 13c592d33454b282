"""The host side of the contract: finding rubric plugins and calling exactly one of them.

The plugin manager is built by a function and handed to ``create_app``; there is no global. A
cycle is bound to one rubric, so every hook call goes through ``subset_hook_caller`` to that
plugin alone. A plugin that cannot be used stops the start, by name and with the remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import pluggy

from intranet import hookspecs
from intranet.errors import DomainError, RubricError
from intranet.i18n import _
from intranet.rubric import loader
from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange
from intranet.rubric.ledger import Earned, Outcome, Problem, Result
from intranet.rubric.model import Rubric


class HookFailed(DomainError):
    """A plugin's hook raised. The pass fails; nothing becomes a 0."""

    status = 500

    def __init__(self, plugin: str, hook: str, unit: str, error: Exception) -> None:
        text = _(
            "考核办法插件 %(plugin)s 的 %(hook)s 在计算%(unit)s时出错：%(error)s。请联系插件维护者。",
            plugin=plugin,
            hook=hook,
            unit=unit or _("全部单位"),
            error=f"{type(error).__name__}: {error}",
        )
        super().__init__(text)
        self.plugin, self.hook, self.unit = plugin, hook, unit


class PluginHooks:
    """The hooks of one plugin, as ``engine.Hooks``; a hook it lacks has nothing to say."""

    def __init__(self, manager: pluggy.PluginManager, plugin: object, name: str) -> None:
        others = [p for p in manager.get_plugins() if p is not plugin]
        self._name = name
        self._call = {
            hook: manager.subset_hook_caller(hook, remove_plugins=others) for hook in hook_names(hookspecs.RubricSpec)
        }

    def _ask(self, hook: str, unit: str, **values: Any) -> Any:
        try:
            return self._call[hook](**values)
        except DomainError:
            raise
        except Exception as error:
            raise HookFailed(self._name, hook, unit, error) from error

    def indicators(self) -> Traversable | None:
        found: Traversable | None = self._ask("indicators", "")
        return found

    def form_fields(self, rubric: Rubric, facts: Facts) -> Sequence[FieldChange] | None:
        found: Sequence[FieldChange] | None = self._ask("form_fields", facts.name, rubric=rubric, facts=facts)
        return found

    def check_facts(self, rubric: Rubric, facts: Facts) -> Sequence[Problem] | None:
        found: Sequence[Problem] | None = self._ask("check_facts", facts.name, rubric=rubric, facts=facts)
        return found

    def score_unit(self, rubric: Rubric, facts: Facts) -> Mapping[str, Earned] | None:
        found: Mapping[str, Earned] | None = self._ask("score_unit", facts.name, rubric=rubric, facts=facts)
        return found

    def score_cohort(
        self, rubric: Rubric, results: Sequence[Result]
    ) -> Mapping[str, Mapping[str, Earned]] | None:
        found: Mapping[str, Mapping[str, Earned]] | None = self._ask(
            "score_cohort", "", rubric=rubric, results=results
        )
        return found

    def finish(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Outcome] | None:
        found: Mapping[str, Outcome] | None = self._ask("finish", "", rubric=rubric, results=results)
        return found


@dataclass(frozen=True)
class Installed:
    """One usable rubric. folder: where ``rubric.toml`` (and ``sample.json``) lie."""

    key: str
    definition: loader.Definition
    hooks: PluginHooks
    version: str
    distribution: str
    hook_names: tuple[str, ...]
    folder: Traversable


def hook_names(spec: type) -> list[str]:
    """The hooks of a specification class, in call order."""
    return [name for name, member in vars(spec).items() if callable(member) and not name.startswith("_")]


def build_plugin_manager(*, entry_points: bool = True, plugins: Iterable[object] = ()) -> pluggy.PluginManager:
    """A manager with the installed plugins (entry point group ``intranet.rubrics``) and the given ones.

    :raises RubricError: a plugin cannot be imported, or implements a hook that does not exist.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs.RubricSpec)
    try:
        if entry_points:
            manager.load_setuptools_entrypoints(hookspecs.ENTRY_POINTS)
        for plugin in plugins:
            manager.register(plugin)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        name = manager.get_name(error.plugin) or repr(error.plugin)
        raise RubricError([_("%(plugin)s: 插件用了不存在的钩子: 请对照 docs/hooks.md 改正 (%(error)s)", plugin=name, error=error)]) from error
    except (ImportError, SyntaxError) as error:
        raise RubricError([_("有一个考核办法插件装不进来: 请重新安装 (%(error)s)", error=error)]) from error
    return manager


class RubricRegistry:
    """The installed rubrics by key. Built once at start; refuses what cannot be used."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        distributions = {id(plugin): dist for plugin, dist in manager.list_plugin_distinfo()}
        found: dict[str, Installed] = {}
        problems: list[str] = []
        for plugin in sorted(manager.get_plugins(), key=lambda p: manager.get_name(p) or ""):
            name = manager.get_name(plugin) or type(plugin).__name__
            try:
                installed = _install(manager, plugin, name, distributions.get(id(plugin)))
            except DomainError as error:
                problems += [f"{name}: {line}" for line in getattr(error, "lines", [error.message])]
                continue
            if installed.key in found:
                other = found[installed.key].distribution
                problems.append(
                    _("%(name)s: 与 %(other)s 用了同一个 key “%(key)s”: 请只装其中一个", name=name, other=other, key=installed.key)
                )
                continue
            found[installed.key] = installed
        if problems:
            raise RubricError(problems)
        self.installed: Mapping[str, Installed] = found

    def get(self, key: str) -> Installed | None:
        return self.installed.get(key)


def _install(
    manager: pluggy.PluginManager, plugin: object, name: str, distribution: Any | None
) -> Installed:
    hooks = PluginHooks(manager, plugin, name)
    folder = hooks.indicators()
    if folder is None:
        raise RubricError([_("插件没有给出考核办法: 请实现 indicators，返回 rubric.toml 所在的文件夹")])
    definition = loader.read_package(folder)
    callers: Iterable[Any] = manager.get_hookcallers(plugin) or ()
    implemented = {caller.name for caller in callers}
    return Installed(
        key=definition.key,
        definition=definition,
        hooks=hooks,
        version=_of(distribution, "version"),
        distribution=_of(distribution, "project_name") or name,
        hook_names=tuple(h for h in hook_names(hookspecs.RubricSpec) if h in implemented),
        folder=folder,
    )


def _of(distribution: Any | None, what: str) -> str:
    if distribution is None:
        return ""
    value: Callable[[], str] | str = getattr(distribution, what, "")
    return str(value() if callable(value) else value)


