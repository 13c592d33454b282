"""Scoring live data: the cycle's own snapshot of its rubric, and the hooks of its plugin.

A cycle is scored from the text it was opened with, never from the plugin's current file. Only the
plugin's Python is live; when the plugin is gone, what needs it stays pending and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sqlmodel import Session

from intranet.models import Cycle, Entry, Mark
from intranet.plugins import RubricRegistry
from intranet.queries.entries import returned_codes
from intranet.queries.facts import FactSource, Stored, load_facts
from intranet.queries.filing import pages
from intranet.queries.sharing import definition_of as _definition
from intranet.rubric import checks, engine, loader
from intranet.rubric.facts import Facts
from intranet.rubric.fields import FieldChange, Form, adapt
from intranet.rubric.ledger import Earned, Outcome, Problem, Result, Score, State
from intranet.rubric.model import Rubric, RuleClause


class AbsentPlugin:
    """Stands in for a plugin that is no longer installed: its rules stay pending, flagged."""

    def form_fields(self, rubric: Rubric, facts: Facts) -> Sequence[FieldChange]:
        return ()

    def check_facts(self, rubric: Rubric, facts: Facts) -> Sequence[Problem]:
        return ()

    def score_unit(self, rubric: Rubric, facts: Facts) -> Mapping[str, Earned]:
        waiting = Earned(state=State.PENDING, flags=("plugin_missing",))
        return {c.code: waiting for c in rubric.clauses if isinstance(c, RuleClause) and c.scope == "unit"}

    def score_cohort(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Mapping[str, Earned]]:
        waiting = Earned(state=State.PENDING, flags=("plugin_missing",))
        codes = [c.code for c in rubric.clauses if isinstance(c, RuleClause) and c.scope == "cohort"]
        return {code: {r.unit: waiting for r in results} for code in codes}

    def finish(self, rubric: Rubric, results: Sequence[Result]) -> Mapping[str, Outcome]:
        return {}


@dataclass(frozen=True)
class Scoring:
    """What it takes to score a cycle. ``plugin_missing``: freezing is refused, reading goes on."""

    definition: loader.Definition
    rubric: Rubric
    hooks: engine.Hooks
    plugin_missing: bool


def scoring_for(cycle: Cycle, registry: RubricRegistry) -> Scoring:
    definition = _definition(cycle.definition)
    installed = registry.get(cycle.rubric_key)
    return Scoring(
        definition=definition,
        rubric=definition.bind(cycle.rulings),
        hooks=AbsentPlugin() if installed is None else installed.hooks,
        plugin_missing=installed is None,
    )


@dataclass
class EntrySheet:
    """One entry as it stands: facts, adapted form, scores (made when they are asked for), findings."""

    entry: Entry
    source: FactSource
    facts: Facts
    form: Form
    score: Callable[[], dict[str, Score]]
    problems: list[Problem] = field(default_factory=list)
    returned: frozenset[str] = frozenset()
    """The clauses whose pages are out for correction (退回修改) now, by code."""

    @cached_property
    def sheet(self) -> dict[str, Score]:
        return self.score()

    @cached_property
    def marks(self) -> dict[str, list[Mark]]:
        """Everybody's marks by clause code, in order of time: a list of thousands asks once per leaf."""
        found: dict[str, list[Mark]] = {}
        for mark in self.source.marks:
            found.setdefault(mark.code, []).append(mark)
        return found


def score_entries(
    session: Session,
    cycle: Cycle,
    scoring: Scoring,
    entries: Sequence[Entry],
    *,
    check: bool = False,
    stored: Stored | None = None,
) -> dict[int, EntrySheet]:
    """The unit pass of live entries, keyed by entry id; a fixed number of queries for any number.

    :param stored: their rows, if they are at hand.
    """
    sources = load_facts(session, cycle, scoring.rubric, entries, stored)
    returned = returned_clauses(session, scoring.rubric, entries)
    out: dict[int, EntrySheet] = {}
    for entry in entries:
        assert entry.id is not None
        out[entry.id] = _score(scoring, entry, sources[entry.id], check=check)
        out[entry.id].returned = returned.get(entry.id, frozenset())
    return out


def returned_clauses(session: Session, rubric: Rubric, entries: Iterable[Entry]) -> dict[int, frozenset[str]]:
    """The clauses of the pages that are out for correction now, by entry id; an entry without any is not in it."""
    return {
        i: frozenset(c.code for page in pages(rubric) if page.code in codes for c in page.clauses)
        for i, codes in returned_codes(session, entries).items()
    }


def score_entry(
    session: Session,
    cycle: Cycle,
    scoring: Scoring,
    entry: Entry,
    *,
    check: bool = False,
    stored: Stored | None = None,
) -> EntrySheet:
    assert entry.id is not None
    return score_entries(session, cycle, scoring, [entry], check=check, stored=stored)[entry.id]


def _score(scoring: Scoring, entry: Entry, source: FactSource, *, check: bool) -> EntrySheet:
    rubric, hooks = scoring.rubric, scoring.hooks
    raw = Facts.from_json(source.document)
    form = adapt(rubric, raw, hooks.form_fields(rubric, raw) or ())
    facts = replace(raw, hidden=form.hidden)
    problems = [*checks.check(rubric, facts), *(hooks.check_facts(rubric, facts) or ())] if check else []
    return EntrySheet(entry, source, facts, form, lambda: engine.score_unit(rubric, facts, hooks), problems)
