"""Numbers that the panel owns as facts (展示考核得分): which of them the chair still has to type.

A figure is owed while it is blank, and again once the person who typed it must stay away from the unit (回避):
it is not deleted, but another chair must type it anew before the freeze.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from intranet.domain.standing import Item, Leaf, figures
from intranet.models import Entry
from intranet.rubric.ledger import State
from intranet.rubric.model import Clause, Field, Rubric


@dataclass(frozen=True)
class Owed:
    """One figure of one unit. value: as typed, None while blank; by: who typed it and stays away since."""

    indicator: Clause
    leaf: Leaf
    field: Field
    value: Any = None
    by: str = ""

    @property
    def entry(self) -> Entry:
        return self.leaf.entry


def owed_of(
    rubric: Rubric, items: Iterable[Item], barred: Mapping[int, Mapping[str, str]], *, everyone: bool = True
) -> list[Owed]:
    """The figures that are owed, in the order of the items.

    :param barred: ``queries.recusals.barred_figures``. :param everyone: of what is not handed in too.
    """
    out = []
    for item in items:
        if not (everyone or item.is_ready):
            continue
        typed_by = barred.get(item.entry.id or 0, {})
        for leaf in item.leaves:
            if leaf.sheet is None or leaf.clause.unset or leaf.score.state is State.NA:
                continue
            for field in figures(rubric, leaf.clause, leaf.sheet.form):
                value = leaf.sheet.facts.get(field.key, field.by)
                if value is None or field.key in typed_by:
                    out.append(Owed(item.indicator, leaf, field, value, typed_by.get(field.key, "")))
    return out
