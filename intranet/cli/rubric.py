"""Commands about rubrics: what is installed, what a facts document is worth, what a file lacks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from intranet.errors import Invalid, NotFound
from intranet.i18n import _
from intranet.plugins import Installed, RubricRegistry, build_plugin_manager
from intranet.rubric import checks, engine, loader, sentences
from intranet.rubric.blank import EXPLAIN, empty_document
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import Problem, Result, Score, State, result_to_json
from intranet.rubric.marks import full_marks
from intranet.rubric.model import Rubric, Ruling
from intranet.rubric.numbers import show


def _installed(key: str) -> Installed:
    registry = RubricRegistry(build_plugin_manager())
    found = registry.get(key)
    if found is None:
        known = "、".join(registry.installed) or _("（无）")
        raise NotFound(_("没有安装细则“%(key)s”，已安装的有：%(known)s", key=key, known=known))
    return found


# --- rubrics -------------------------------------------------------------------------------------


@click.command(help=_("列出已安装的考核细则。"))
@click.option("--json", "as_json", is_flag=True, help=_("以 JSON 输出"))
def rubrics(as_json: bool) -> None:
    installed = RubricRegistry(build_plugin_manager()).installed
    listed = [_listed(one) for one in installed.values()]
    if as_json:
        click.echo(json.dumps(listed, ensure_ascii=False, indent=2))
        return
    if not listed:
        click.echo(_("还没有安装任何考核细则。"))
        click.echo(_("联网的机器：pip install intranet-<地区>"))
        click.echo(_("不联网的机器：拷入安装包后 pip install --no-index intranet_<地区>-….whl"))
        return
    for one in listed:
        points = " + ".join(f"{s['title']} {s['points']}" for s in one["subtotals"])
        click.echo(f"{one['key']}  {one['title']}")
        click.echo(_("  版本 %(version)s　来源 %(source)s", version=one["version"], source=one["source"]))
        click.echo(_("  满分 %(points)s", points=one["points"]) + (f"（{points}）" if points else ""))
        click.echo(_("  插件钩子 %(hooks)s", hooks="、".join(one["hooks"])))


def _listed(one: Installed) -> dict[str, Any]:
    rubric = one.definition.bind()
    subtotals = [
        {"code": s.code, "title": s.title, "points": show(_together(rubric, s.of))} for s in rubric.subtotals
    ]
    return {
        "key": one.key,
        "title": rubric.title,
        "version": rubric.version,
        "source": rubric.source,
        "points": show(full_marks(rubric, rubric.root.code)),
        "subtotals": subtotals,
        "hooks": list(one.hook_names),
        "distribution": one.distribution,
        "distribution_version": one.version,
    }


def _together(rubric: Rubric, codes: Iterable[str]) -> Fraction:
    return sum((full_marks(rubric, code) or Fraction(0) for code in codes), Fraction(0))


# --- score ---------------------------------------------------------------------------------------


@click.command(help=_("按细则给填报事实计分，显示得分账本。FACTS.json 是一个单位，或多个单位的列表。"))
@click.argument("key")
@click.argument("file", metavar="FACTS.json", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--ruling", "rulings", multiple=True, metavar="K=V", help=_("裁定，如 ties=mean，可多次"))
@click.option("--frozen", is_flag=True, help=_("按冻结计：未填报的计 0 分"))
@click.option("--json", "as_json", is_flag=True, help=_("以 JSON 输出"))
def score(key: str, file: Path, rulings: tuple[str, ...], frozen: bool, as_json: bool) -> None:
    one = _installed(key)
    rubric = one.definition.bind(_chosen(one.definition.rulings, rulings))
    data = _read_json(file)
    documents = data if isinstance(data, list) else [data]
    units = _read_units(rubric, documents)
    if isinstance(data, list):
        results = engine.score_cohort(rubric, units, one.hooks, frozen=frozen)
    else:
        facts = engine.prepare(rubric, units[0], one.hooks)
        sheet = engine.score_unit(rubric, facts, one.hooks, frozen=frozen)
        results = [engine.collect(rubric, facts, sheet)]
    problems = {r.unit: _problems(rubric, r.facts, one.hooks) for r in results}
    if as_json:
        out = [
            {**result_to_json(r), "problems": [_problem_json(p) for p in problems[r.unit]]} for r in results
        ]
        click.echo(json.dumps(out if isinstance(data, list) else out[0], ensure_ascii=False, indent=2))
        return
    click.echo(f"{rubric.title}　{rubric.version}")
    for result in results:
        click.echo()
        _print_result(rubric, result)
        for problem in problems[result.unit]:
            click.echo(_("  核对 %(ref)s：%(message)s", ref=problem.ref, message=problem.message))


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"), parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Invalid(_("%(file)s 不是 JSON：%(error)s", file=file.name, error=error)) from None


def _read_units(rubric: Rubric, documents: list[Any]) -> list[Facts]:
    """The facts of all documents. :raises Invalid: with every path that was refused."""
    units: list[Facts] = []
    problems: dict[str, str] = {}
    for n, document in enumerate(documents, 1):
        before = _("第 %(n)s 个单位 ", n=n) if len(documents) > 1 else ""
        facts = (
            {k: v for k, v in document.items() if k != EXPLAIN} if isinstance(document, dict) else document
        )
        try:
            units.append(checks.read_document(rubric, facts))
        except Invalid as error:
            problems |= {f"{before}{p}": m for p, m in (error.problems or {"": error.message}).items()}
    twice = sorted({u.unit for u in units if [v.unit for v in units].count(u.unit) > 1})
    problems |= {unit: _("同一单位出现两次，请删去一份") for unit in twice}
    if not documents:
        problems[""] = _("没有任何单位")
    if problems:
        lines = [f"{path}: {message}" if path else message for path, message in problems.items()]
        raise Invalid("\n".join(lines), problems)
    return units


def _chosen(rulings: tuple[Ruling, ...], given: tuple[str, ...]) -> dict[str, Any]:
    """``k=v`` as the choices of ``bind``; a ruling of type table is typed as JSON."""
    tables = {r.key for r in rulings if r.type == "table"}
    chosen: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise Invalid(_("裁定“%(text)s”请写成 键=值", text=text))
        chosen[key] = value
        if key in tables and value:
            try:
                chosen[key] = json.loads(value, parse_float=str)
            except ValueError:
                raise Invalid(_("裁定“%(key)s”是一张表，请写成 JSON", key=key)) from None
    return chosen


def _problems(rubric: Rubric, facts: Facts, hooks: engine.Hooks) -> list[Problem]:
    return [*checks.check(rubric, facts), *(hooks.check_facts(rubric=rubric, facts=facts) or ())]


def _problem_json(problem: Problem) -> dict[str, str]:
    return {
        "severity": problem.severity,
        "code": problem.code,
        "ref": problem.ref,
        "clause": problem.clause,
        "message": problem.message,
    }


def _print_result(rubric: Rubric, result: Result) -> None:
    head = [f"{result.name}（{result.unit}）", f"{sentences.state(result.state)} {show(result.total)}"]
    if result.rank is not None:
        place = (
            _("并列第 %(rank)s 名", rank=result.rank)
            if result.tied
            else _("第 %(rank)s 名", rank=result.rank)
        )
        head.append(f"{result.group} {place}".strip())
    if result.outcome.grade:
        head.append(result.outcome.grade)
    click.echo("　".join(head))
    titles = {s.code: s.title for s in rubric.subtotals}
    if result.subtotals:
        click.echo("　".join(f"{titles[code]} {show(points)}" for code, points in result.subtotals.items()))
    for note in result.outcome.notes:
        click.echo(note)
    for clause in rubric.under(rubric.root.code):
        indent = "  " * rubric.depth(clause.code)
        score = result.sheet[clause.code]
        name = clause.title or clause.text
        name = name if len(name) <= 40 else name[:40] + "……"
        click.echo(f"{indent}{clause.code} {name}  {_points(score)}")
        _print_ledger(score, f"{indent}    ", rubric.places)


def _points(score: Score) -> str:
    """Points over the maximum, or the state where there are none."""
    most = f" / {show(score.max)}" if score.max is not None else ""
    if score.state is State.SCORED:
        return f"{score.verdict or show(score.points)}{most}"
    known = _("，已计 %(points)s", points=show(score.raw)) if score.raw is not None else ""
    return f"{sentences.state(score.state)}{known}{most}"


def _print_ledger(score: Score, indent: str, places: int) -> None:
    for line in score.lines:
        text = sentences.line(line, places)
        if line.reason:
            text = f"{text}，{sentences.reason(line)}"
        points = "" if line.points is None or not line.counted else f"  {show(line.points)}"
        click.echo(f"{indent}{text}{points}")
        if line.hint:
            click.echo(f"{indent}  {sentences.hint(line)}")
    for step in score.steps:
        click.echo(f"{indent}→ {sentences.step(step, places)}")
    for flag in score.flags:
        click.echo(f"{indent}! {sentences.flag(flag)}")


# --- facts ---------------------------------------------------------------------------------------


@click.command(help=_("输出一份空白的填报事实（JSON），并说明每一项填什么。"))
@click.argument("key")
@click.option("--ruling", "rulings", multiple=True, metavar="K=V", help=_("裁定，如 ties=mean，可多次"))
def facts(key: str, rulings: tuple[str, ...]) -> None:
    one = _installed(key)
    rubric = one.definition.bind(_chosen(one.definition.rulings, rulings))
    click.echo(json.dumps(empty_document(rubric), ensure_ascii=False, indent=2))


# --- lint ----------------------------------------------------------------------------------------


@click.command(help=_("检查一个 rubric.toml：错误和需要留意之处，各给出行号和改法。"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def lint(file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(_("%(file)s 不是 UTF-8 编码，请另存为 UTF-8", file=file.name)) from None
    definition = loader.load(text, file.name)
    for finding in definition.warnings:
        click.echo(str(finding))
    rubric = definition.bind()
    click.echo(
        _(
            "%(title)s：%(leaves)s 条末级条款，满分 %(points)s，留意 %(n)s 处，没有错误。",
            title=rubric.title,
            leaves=len(list(rubric.leaves())),
            points=show(full_marks(rubric, rubric.root.code)),
            n=len(definition.warnings),
        )
    )


COMMANDS = (rubrics, score, facts, lint)
