"""试算: the same facts under other circumstances: a unit left out, another ruling, another version of the rubric.

Nothing is stored and nobody else sees it. The facts are those of the freeze that holds, else of now;
they are scored by the very engine that freezes, so that a trial and a freeze under the same
circumstances give the same figures. Next year's version of a rubric is tried the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from intranet.domain import rulings
from intranet.domain.scoring import AbsentPlugin, Scoring
from intranet.domain.whatif_fit import fit, no_place, refused
from intranet.errors import DomainError, Invalid, RubricError
from intranet.i18n import _
from intranet.rubric import engine, loader, sentences
from intranet.rubric.facts import Facts
from intranet.rubric.ledger import Result, Score, State
from intranet.rubric.loader import Definition, ruling_value
from intranet.rubric.model import Rubric
from intranet.rubric.numbers import show
from intranet.rubric.ranking import Ties
from intranet.rubric.settle import so_far

MOST_BYTES = 256 * 1024
"""Size of a rubric.toml that is read for a trial: ten times what a long one has, and a few seconds of checking
where every line of it is wrong."""


@dataclass(frozen=True)
class Question:
    """What is different in the trial.

    without: codes of units left out. rulings: key -> another choice. definition: another version,
    None for the cycle's own.
    """

    without: frozenset[str] = frozenset()
    rulings: Mapping[str, Any] = field(default_factory=dict)
    definition: Definition | None = None

    @property
    def is_empty(self) -> bool:
        return not self.without and not self.rulings and self.definition is None


@dataclass(frozen=True)
class ClauseCompared:
    """A clause whose outcome differs, with the ledger lines in words that only one side has. is_new, is_gone: only
    one version has it."""

    code: str
    name: str
    old: Score | None
    new: Score | None
    old_lines: tuple[str, ...]
    new_lines: tuple[str, ...]

    @property
    def is_new(self) -> bool:
        return self.old is None

    @property
    def is_gone(self) -> bool:
        return self.new is None

    @property
    def was(self) -> str:
        return _word(self.old)

    @property
    def now(self) -> str:
        return _word(self.new)


@dataclass(frozen=True)
class UnitCompared:
    """One unit on both sides. new None: left out of the trial. open: leaves that wait for a mark that
    nobody gave; its points are what is settled so far then (``so_far``), before what is taken off the total."""

    name: str
    old: Result
    new: Result | None
    clauses: tuple[ClauseCompared, ...]
    so_far: Fraction | None = None
    open: int = 0

    @property
    def change(self) -> Fraction | None:
        if self.new is None or self.old.total is None or self.new.total is None:
            return None
        return self.new.total - self.old.total

    @property
    def places_gained(self) -> int | None:
        """Positive: moved up."""
        if self.new is None or self.old.rank is None or self.new.rank is None:
            return None
        return self.old.rank - self.new.rank

    @property
    def is_same(self) -> bool:
        return self.new is not None and not self.clauses and not self.change and not self.places_gained


@dataclass(frozen=True)
class Trial:
    """What came of it. left: what of the facts the other version has no place for, in words.
    gone, fresh: names of clauses that only the old or only the new version has."""

    rows: tuple[UnitCompared, ...]
    rubric: Rubric
    left: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()

    @property
    def moved(self) -> int:
        return sum(not row.is_same for row in self.rows)


def read_definition(data: bytes, name: str, *, key: str) -> Definition:
    """An uploaded rubric.toml. Errors name file and line.

    :param key: of the cycle's rubric; the keys of another one mean other facts.
    :raises RubricError: all findings. :raises Invalid: too large, no text, another rubric.
    """
    if len(data) > MOST_BYTES:
        raise Invalid(_("文件超过 256 KB，不像是考核办法。"), field="file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(_("文件不是 UTF-8 文本，请另存为 UTF-8 再上传。"), field="file") from error
    definition = loader.load(text, name)
    if definition.key != key:
        raise Invalid(
            _(
                "这份文件是“%(other)s”（%(key)s），不是本周期的考核办法，填报内容对不上。",
                other=definition.title,
                key=definition.key,
            ),
            field="file",
        )
    return definition


def carried_rulings(old: Mapping[str, Any], definition: Definition) -> tuple[dict[str, Any], list[str]]:
    """The cycle's rulings that another version still takes; the questions of those it does not."""
    known = {r.key: r for r in definition.rulings}
    kept, left = {}, []
    for key, value in old.items():
        try:
            if key in known:
                ruling_value(known[key], value)
                kept[key] = value
                continue
        except Invalid:
            pass
        left.append(known[key].question if key in known else key)
    return kept, left


def try_out(
    scoring: Scoring,
    cycle_rulings: Mapping[str, Any],
    units: Sequence[Mapping[str, Any]],
    question: Question,
    *,
    ties: Ties,
    stored: Sequence[Result] | None = None,
) -> Trial:
    """Score the facts as they are and as they would be, side by side, in the order of the new list.

    :param units: facts documents. :param stored: the frozen results of these very facts; None scores
        them first (facts of now).
    :raises RubricError: the other version does not hold under these rulings. :raises DomainError: no
        plugin, an exception of the plugin (naming plugin, hook and unit), no unit left.
    """
    if scoring.plugin_missing or isinstance(scoring.hooks, AbsentPlugin):
        raise DomainError(_("这份考核办法的插件没有安装，不能试算。"))
    facts = [Facts.from_json(u) for u in units]
    before = stored or engine.score_cohort(scoring.rubric, facts, scoring.hooks, ties=ties)
    definition = question.definition or scoring.definition
    kept, lost_rulings = carried_rulings(cycle_rulings, definition)
    rubric = definition.bind({**kept, **question.rulings})
    left = [_("裁定“%(what)s”：按新办法的默认口径", what=text) for text in lost_rulings]
    taking_part = [f for f in facts if f.unit not in question.without]
    if not taking_part:
        raise Invalid(_("至少留一个单位参加试算。"), field="without")
    fitted, dropped = [], list(left)
    for one in taking_part:
        taken, lost = fit(rubric, one)
        fitted.append(taken)
        dropped += lost
    dropped += no_place(scoring.rubric, rubric, taking_part)
    dropped += refused(scoring.rubric, rubric, fitted)
    after = engine.score_cohort(rubric, fitted, scoring.hooks, ties=_ties_in(ties, rubric))
    return Trial(
        tuple(_compared(scoring.rubric, rubric, before, after)),
        rubric,
        tuple(dict.fromkeys(dropped)),
        tuple(c.name for c in scoring.rubric.leaves() if c.code not in rubric.by),
        tuple(c.name for c in rubric.leaves() if c.code not in scoring.rubric.by),
    )


def _ties_in(ties: Ties, rubric: Rubric) -> Ties:
    """The rule as far as the other version has the figures."""
    known = {s.code for s in rubric.subtotals} | set(rubric.by)
    return replace(ties, by=tuple(c for c in ties.by if c in known))


# --- side by side --------------------------------------------------------------------------------


def _compared(
    old: Rubric, new: Rubric, before: Sequence[Result], after: Sequence[Result]
) -> Iterator[UnitCompared]:
    was = {r.unit: r for r in before}
    for result in after:
        waiting = sum(result.sheet[c.code].state is State.PENDING for c in new.leaves())
        yield UnitCompared(
            result.name,
            was[result.unit],
            result,
            tuple(_clauses(old, new, was[result.unit], result)),
            so_far(new, result.sheet[new.root.code]) if waiting else None,
            waiting,
        )
    staying = {r.unit for r in after}
    for result in before:
        if result.unit not in staying:
            yield UnitCompared(result.name, result, None, ())


def _clauses(old: Rubric, new: Rubric, was: Result, now: Result) -> Iterator[ClauseCompared]:
    """Leaves whose outcome differs, in the order of the new version, those gone at the end."""
    own = [c.code for c in new.leaves()]
    own += [c.code for c in old.leaves() if c.code not in own]
    leaves = {c.code for c in old.leaves()}, {c.code for c in new.leaves()}
    for code in own:
        one = was.sheet.get(code) if code in leaves[0] else None
        two = now.sheet.get(code) if code in leaves[1] else None
        if _outcome(one) == _outcome(two):
            continue
        name = (new if code in leaves[1] else old).by[code].name
        first, second = tuple(said(one, old.places)), tuple(said(two, new.places))
        yield ClauseCompared(code, name, one, two, _unlike(first, second), _unlike(second, first))


def _unlike(lines: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """The lines that the other side does not have; all of them where that says nothing."""
    return tuple(x for x in lines if x not in other) or lines


def _outcome(score: Score | None) -> tuple[Any, ...] | None:
    return None if score is None else (score.points, score.verdict, score.state)


def said(score: Score | None, places: int) -> Iterator[str]:
    """A score's ledger in words: what was earned, lost or not counted, and the steps after the sum."""
    if score is None:
        return
    for line in score.lines:
        text = sentences.line(line, places)
        if line.points is not None:
            text = f"{text} {show(line.points)}"
        if not line.counted and (why := sentences.reason(line)):
            text = _("%(line)s（不计：%(why)s）", line=text, why=why)
        yield text
    for step in score.steps:
        if step.name not in ("sum", "loss"):
            yield sentences.step(step, places)


def _word(score: Score | None) -> str:
    if score is None:
        return _("没有")
    if score.points is not None:
        return show(score.points)
    return score.verdict or sentences.state(score.state)


def typed_rulings(
    definition: Definition, cycle_rulings: Mapping[str, Any], given: Callable[[str], str | None]
) -> dict[str, Any]:
    """The rulings that a form answers otherwise than the cycle does.

    :param given: the text of the form by ruling key, None where it has none.
    :raises Invalid: a value that is not offered; ``field`` is the ruling's key.
    """
    out: dict[str, Any] = {}
    for ruling in definition.rulings:
        text = given(ruling.key)
        if text is None or ruling.note:
            continue
        now = cycle_rulings.get(ruling.key, rulings.plain(ruling.default))
        if text.strip() == rulings.as_typed(ruling, now).strip():
            continue
        value = rulings.parse_value(ruling, text)
        if value != now:
            out[ruling.key] = value
    return out


def refusal(error: DomainError) -> list[str]:
    """The lines of an error: of a rubric each finding with file and line."""
    return list(error.lines) if isinstance(error, RubricError) else [error.message]
