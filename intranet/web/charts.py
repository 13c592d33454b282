"""The board of comparisons: what each chart and the table below it show, made once for both.

A chart gets its numbers as JSON of texts that are rounded as the table prints them; ``static/charts.js``
draws them and reckons nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from flask import url_for

from intranet.i18n import _
from intranet.queries import comparisons
from intranet.queries.comparisons import History, OwnView, Shares, Spread
from intranet.queries.explain import percent, widest_gaps
from intranet.queries.results import Ranking, UnitLine
from intranet.rubric.model import Clause
from intranet.rubric.numbers import as_decimal


def plain(value: Fraction | None, places: int) -> str | None:
    """A number as a chart reads it: ``"-1.25"``; rounded like everything that is shown."""
    return None if value is None else format(as_decimal(value, places), "f")


def hundred(share: Fraction | None) -> Fraction | None:
    return None if share is None else share * 100


def label(clause: Clause) -> str:
    """Up to four characters for the head of a narrow column."""
    return clause.short or (clause.title or clause.text)[:4]


@dataclass(frozen=True)
class Board:
    """The units that are compared, and the one that is looked at (None only where there is no unit)."""

    ranking: Ranking
    lines: tuple[UnitLine, ...]
    group: str
    picked: UnitLine | None

    @property
    def indicators(self) -> tuple[Clause, ...]:
        return self.ranking.rubric.indicators

    @property
    def dimensions(self) -> tuple[Clause, ...]:
        return self.ranking.rubric.dimensions

    # --- shares ---

    @cached_property
    def shares(self) -> Shares:
        return comparisons.shares(self.lines, self.indicators)

    @cached_property
    def cells(self) -> list[tuple[UnitLine, list[int | None]]]:
        """Per unit the share of each indicator in whole percent."""
        return [
            (line, [None if s is None else percent(s) for s in row])
            for line, row in zip(self.lines, self.shares, strict=True)
        ]

    @cached_property
    def means(self) -> list[int | None]:
        return [None if s is None else percent(s) for s in comparisons.means(self.shares)]

    @cached_property
    def spreads(self) -> list[Spread]:
        return comparisons.spreads(self.shares, self.indicators)

    @cached_property
    def profile(self) -> list[tuple[Clause, Fraction | None, Fraction | None]]:
        """(dimension, share of the unit that is looked at, mean share)."""
        table = comparisons.shares(self.lines, self.dimensions)
        means = comparisons.means(table) if table else [None] * len(self.dimensions)
        own = next(
            (row for line, row in zip(self.lines, table, strict=True) if line is self.picked),
            [None] * len(self.dimensions),
        )
        return list(zip(self.dimensions, own, means, strict=True))

    @cached_property
    def own_views(self) -> list[OwnView]:
        return comparisons.own_views(self.ranking.rubric, self.lines)

    @cached_property
    def gaps(self) -> list[tuple[UnitLine, Clause, Fraction, Fraction]]:
        """The ten widest, see ``explain.widest_gaps``."""
        kept = {line.row.entry_id for line in self.lines}
        return [gap for gap in widest_gaps(self.ranking) if gap[0].row.entry_id in kept][:10]

    # --- what the charts read ---

    def heat_data(self) -> dict[str, Any]:
        cycle_id = self.ranking.cycle.id
        return {
            "columns": [
                {"code": c.code, "no": c.no or c.code, "short": label(c), "name": c.name}
                for c in self.indicators
            ],
            "rows": [
                {
                    "name": line.result.name,
                    "link": url_for("leader.unit", cycle_id=cycle_id, entry_id=line.row.entry_id),
                    "values": values,
                }
                for line, values in self.cells
            ],
            "mean": {"name": _("平均"), "values": self.means},
            "rate": _("得分率"),
            "none": _("没有分值"),
        }

    def profile_data(self) -> dict[str, Any]:
        """Only the dimensions in which there is something to compare: no corner may stand for nothing."""
        shown = [(c, own, mean) for c, own, mean in self.profile if own is not None and mean is not None]
        return {
            "axes": [c.title or c.text for c, _own, _mean in shown],
            "unit": {
                "name": self.picked.result.name if self.picked else "",
                "values": [plain(hundred(own), 1) for _c, own, _mean in shown],
            },
            "mean": {"name": _("平均"), "values": [plain(hundred(mean), 1) for _c, _own, mean in shown]},
        }

    def spread_data(self) -> dict[str, Any]:
        return {
            "rows": [
                {
                    "name": s.clause.name,
                    "five": [plain(v * 100, 1) for v in s.five],
                    "mean": plain(s.mean * 100, 1),
                    "n": s.n,
                }
                for s in self.spreads
            ],
            "words": [_("最低"), _("下四分位"), _("中位数"), _("上四分位"), _("最高")],
            "mean": _("平均"),
        }

    def own_data(self) -> dict[str, Any]:
        places = self.ranking.rubric.places
        return {
            "rows": [
                {
                    "name": v.line.result.name,
                    "own": plain(v.own, places),
                    "counted": plain(v.counted, places),
                    "gap": plain(v.gap, places),
                }
                for v in self.own_views
            ],
            "own": _("自评"),
            "counted": _("考核组"),
            "gap": _("自评减考核组"),
        }

    def history_data(self, history: History) -> dict[str, Any]:
        places = self.ranking.rubric.places
        picked = self.picked.row.entry_id if self.picked else 0
        return {
            "cycles": [c.title for c in history.cycles],
            "units": [
                {
                    "name": u.name,
                    "totals": [plain(t, places) for t in u.totals],
                    "ranks": list(u.ranks),
                    "picked": u.entry_id == picked,
                }
                for u in history.units
            ],
            "mean": {"name": _("平均"), "values": [plain(m, places) for m in history.means]},
            "rank": _("名次"),
            "total": _("总分"),
        }


def board(ranking: Ranking, *, group: str, unit: int | None) -> Board:
    """A group that is not there means all units; a unit that is not among them, the first of the list."""
    known = {line.result.group for line in ranking.lines}
    group = group if group in known else ""
    lines: Sequence[UnitLine] = [x for x in ranking.lines if not group or x.result.group == group]
    picked = next((x for x in lines if x.row.entry_id == unit), lines[0] if lines else None)
    return Board(ranking, tuple(lines), group, picked)
