"""The chair's board: where reviewers differ, who has not scored, what is doubtful or out of date. Reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from intranet.domain.standing import Item, Leaf
from intranet.models import Mark
from intranet.queries.assignments import Asked
from intranet.queries.review import Reviewer
from intranet.rubric.ledger import State
from intranet.rubric.model import Clause

OPEN = frozenset({"settle", "missing", "doubtful", "stale"})
"""The headings under which something is left to do."""


@dataclass(frozen=True)
class Spread:
    """A leaf on the chair's board. missing: the reviewers whose mark is not in."""

    leaf: Leaf
    indicator: Clause
    missing: tuple[Reviewer, ...] = ()
    doubtful: tuple[Mark, ...] = ()
    stale: tuple[Mark, ...] = ()

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Under which of the board's headings the leaf stands."""
        leaf = self.leaf
        found = {
            "settle": leaf.needs_settling,
            "spread": leaf.differs,
            "missing": bool(self.missing),
            "doubtful": bool(self.doubtful),
            "stale": bool(self.stale),
            "settled": leaf.settled is not None,
        }
        return frozenset(kind for kind, holds in found.items() if holds)

    @property
    def is_open(self) -> bool:
        """Whether it still waits for somebody: a score, another look, the chair's word."""
        return self.leaf.settled is None and bool(self.kinds & OPEN)


def board_of(
    items: Sequence[Item],
    asked: Asked,
    *,
    everyone: bool = False,
    needed_only: bool = False,
) -> list[Spread]:
    """Every marked leaf of what is handed in, the widest spread first. everyone: of the others too.
    Nobody's mark is missing where the chair has settled. needed_only: a mark is missing only where there is
    no score without it; no other can come in deliberation.

    Verdicts that differ have no distance, so they stand before all numbers.
    """
    out = []
    for item in items:
        if not (everyone or item.is_ready):
            continue
        wanted = asked.of(item.entry.id or 0, item.indicator.code)
        for leaf in item.marked:
            have = {m.user_id for m in leaf.given}
            if leaf.settled is not None or (needed_only and leaf.score.state is not State.PENDING):
                have |= {r.user_id for r in wanted}
            out.append(
                Spread(
                    leaf,
                    item.indicator,
                    missing=tuple(r for r in wanted if r.user_id not in have),
                    doubtful=tuple(m for m in leaf.marks if m.doubtful),
                    stale=tuple(m for m in leaf.given if leaf.is_stale(m)),
                )
            )
    return sorted(out, key=_urgency)


def _urgency(row: Spread) -> tuple[bool, Fraction, int, int, int]:
    verdicts_differ = len({m.verdict for m in row.leaf.given}) > 1
    return (
        not verdicts_differ,
        -row.leaf.spread,
        -len(row.missing),
        -len(row.doubtful),
        -len(row.stale),
    )


Case = tuple[int, str]
"""What one of the chair's pages is about: (entry id, indicator code)."""


def cases_of(rows: Sequence[Spread]) -> list[Case]:
    """The chair's pages behind these rows, each once, in their order."""
    return list(dict.fromkeys((row.leaf.entry.id or 0, row.indicator.code) for row in rows))


def beside(cases: Sequence[Case], here: Case) -> tuple[Case | None, Case | None]:
    """The case before and after; for one that is not in the list (just settled, say) the first is next."""
    if here not in cases:
        return None, cases[0] if cases else None
    place = cases.index(here)
    return cases[place - 1] if place else None, cases[place + 1] if place + 1 < len(cases) else None
