"""One unit scored again and again with one document changed, at the cost of what the change touches.

The first pass notes which answers each clause reads and which clauses it asks. Rules are pure, so a clause that
reads nothing of what changed keeps its score, and the others are settled anew. The scores are those of
:func:`engine.score_unit`, down to the last line of the ledger.

Only the core's own kinds are watched. The plugin's hooks are asked anew for every change, with plain facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from . import engine, kinds, marks
from .facts import Facts
from .ledger import Earned, Score, State
from .model import RosterClause, Rubric, RuleClause, TallyClause
from .settle import Settling

Document = Mapping[str, Any]
Place = tuple[str, str]
"""An answer in an owner's document: its part (fields, materials, tables, members) and its key there."""

ANY = ""
"""In a place: read by whoever looks through a whole part, or the whole document. No answer has an empty key."""


class Rescoring:
    """A unit as it stands, ready to be scored with another document of one owner.

    :param facts: as for :func:`engine.score_unit`. :param owner: whose document will change.
    :raises RubricError, Invalid: as :func:`engine.score_unit`.
    """

    sheet: Mapping[str, Score]
    """The scores as things stand."""

    def __init__(self, rubric: Rubric, facts: Facts, hooks: engine.Hooks, *, owner: str) -> None:
        self.rubric, self.facts, self.hooks, self.owner = rubric, facts, hooks, owner
        self._document: Document = facts.docs.get(owner, {})
        self._form = list(hooks.form_fields(rubric=rubric, facts=facts) or ())
        self._ready = engine.prepare(rubric, facts, hooks)
        marks.check_marks(rubric, facts)  # no document holds marks, so once is enough
        watched = _Watched(self._document)
        seen = _with(self._ready, owner, watched)
        self._earned = self._earn_all(seen, watched)
        with watched.noting() as self._read_by_once:
            self._first = _Noting(rubric, seen, self._earned, watched)
        self.sheet = self._first.all()

    def _earn_all(self, seen: Facts, watched: _Watched) -> dict[str, Earned]:
        """What each leaf earns; notes who reads what."""
        self._earned_by: dict[Place, set[str]] = {}
        by_rule = engine.earn_by_rule(self.rubric, self._ready, self.hooks)
        out: dict[str, Earned] = {}
        for leaf in self.rubric.leaves():
            if isinstance(leaf, RuleClause):
                out[leaf.code] = by_rule.get(leaf.code, Earned(State.PENDING))
                continue
            with watched.noting() as places:
                out[leaf.code] = kinds.earn(self.rubric, leaf, seen)
            _note(self._earned_by, places, leaf.code)
        return out

    def score(self, document: Document) -> Mapping[str, Score]:
        """The scores with this document in place of the owner's.

        :param document: values that differ are other objects than the owner's, never these altered in place.
        :raises RubricError: a hook answers other codes than declared.
        """
        facts = _with(self.facts, self.owner, document)
        if list(self.hooks.form_fields(rubric=self.rubric, facts=facts) or ()) != self._form:
            return engine.score_unit(self.rubric, facts, self.hooks)  # other questions, all over again
        facts = replace(facts, hidden=self._ready.hidden)
        places = _differing(self._document, document)
        again = _Again(self._first, facts)
        again.earned = self._counted(again, places)
        moved = {code for code, earned in again.earned.items() if earned is not self._first.earned[code]}
        touched = self._first.asking(moved.union(*(self._first.read_by.get(p, ()) for p in places)))
        again.scores = {code: score for code, score in self.sheet.items() if code not in touched}
        return again.all()

    def _counted(self, again: Settling, places: set[Place]) -> dict[str, Earned]:
        """What counts of what is earned now; the very object of the first pass where nothing can have moved."""
        new = engine.earn_by_rule(self.rubric, again.facts, self.hooks)
        for code in set().union(*(self._earned_by.get(p, ()) for p in places)):
            new[code] = kinds.earn(self.rubric, self.rubric.by[code], again.facts)
        compete = any(isinstance(self.rubric.by[code], TallyClause | RosterClause) for code in new)
        if compete or places & self._read_by_once:
            return again.once(self._earned | new)
        return self._first.earned | new


def _with(facts: Facts, owner: str, document: Document) -> Facts:
    return replace(facts, docs={**facts.docs, owner: document})


def _note(by: dict[Place, set[str]], places: Iterable[Place], code: str) -> None:
    for place in places:
        by.setdefault(place, set()).add(code)


def _differing(old: Document, new: Document) -> set[Place]:
    """Where two documents differ, and ``ANY`` of each part that does."""
    out: set[Place] = set()
    for part in old.keys() | new.keys():
        one, two = old.get(part), new.get(part)
        if one is two:
            continue
        if not isinstance(one, Mapping) or not isinstance(two, Mapping):
            one, two = one if isinstance(one, Mapping) else {}, two if isinstance(two, Mapping) else {}
            out.add((part, ANY))
        here = {(part, key) for key in one.keys() | two.keys() if one.get(key, out) is not two.get(key, out)}
        if here:
            out |= here | {(part, ANY)}
    return out | {(ANY, ANY)} if out else out


# --- the first pass ------------------------------------------------------------------------------


class _Watched(Mapping[str, Any]):
    """An owner's document that notes which answers are read."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._parts = {
            part: _Part(part, value, self) for part, value in document.items() if isinstance(value, Mapping)
        }
        self.places: set[Place] = set()

    @contextmanager
    def noting(self) -> Iterator[set[Place]]:
        """What is read inside, without what is noted further inside."""
        outer, self.places = self.places, set()
        try:
            yield self.places
        finally:
            self.places = outer

    def __getitem__(self, part: str) -> Any:
        if part in self._parts:
            return self._parts[part]
        self.places.add((part, ANY))
        return self._document[part]

    def __iter__(self) -> Iterator[str]:
        self.places.add((ANY, ANY))
        return iter(self._document)

    def __len__(self) -> int:
        self.places.add((ANY, ANY))
        return len(self._document)


class _Part(Mapping[str, Any]):
    def __init__(self, name: str, answers: Mapping[str, Any], whole: _Watched) -> None:
        self._name, self._answers, self._whole = name, answers, whole

    def __getitem__(self, key: str) -> Any:
        self._whole.places.add((self._name, key))
        return self._answers[key]

    def __iter__(self) -> Iterator[str]:
        self._whole.places.add((self._name, ANY))
        return iter(self._answers)

    def __len__(self) -> int:
        self._whole.places.add((self._name, ANY))
        return len(self._answers)


class _Noting(Settling):
    """The first settling: who reads which answer on the way, and who asks for whose score."""

    def __init__(self, rubric: Rubric, facts: Facts, earned: Mapping[str, Earned], watched: _Watched) -> None:
        self.read_by: dict[Place, set[str]] = {}
        self._askers: dict[str, set[str]] = {}
        self._watched = watched
        super().__init__(rubric, facts, earned, frozen=False)

    def score(self, code: str) -> Score:
        if self.open:
            self._askers.setdefault(code, set()).add(self.open[-1])
        if code in self.scores:
            return self.scores[code]
        with self._watched.noting() as places:
            found = super().score(code)
        _note(self.read_by, places, code)
        return found

    def asking(self, codes: Iterable[str]) -> set[str]:
        """These clauses and all that ask for one of their scores, at however many removes."""
        found: set[str] = set()
        waiting = list(codes)
        while waiting:
            code = waiting.pop()
            if code not in found:
                found.add(code)
                waiting.extend(self._askers.get(code, ()))
        return found


class _Again(Settling):
    """A settling that takes over what the first one found to be off; its earnings and scores are given to it."""

    def __init__(self, first: Settling, facts: Facts) -> None:
        self.rubric, self.facts, self.frozen = first.rubric, facts, first.frozen
        self.off, self.open = first.off, []
        self.earned, self.scores = {}, {}
