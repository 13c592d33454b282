"""One reading of a bound rubric by ``lint``: where things stand, and what was found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from ..i18n import _
from .binding import item_name, references
from .facts import OWNERS
from .model import Clause, JudgedClause, Rubric, SumClause, Table, TicksClause
from .schema import meant
from .source import Finding, Path

if TYPE_CHECKING:
    from .loader import Definition

# “酌扣1-3分”, “5分”: the numbers that the notice prints before 分
_PRINTED = re.compile(r"(?:(\d+(?:\.\d+)?)[-—~～至到])?(\d+(?:\.\d+)?)分")


class Review:
    """Findings about one rubric under one set of rulings."""

    def __init__(self, definition: Definition, rubric: Rubric) -> None:
        self.definition, self.rubric = definition, rubric
        self.where = definition.where
        self.findings: list[Finding] = []
        self.index = {str(c.get("code")): n for n, c in enumerate(definition.data["clause"])}
        self.ruled = {path for _key, path in references(definition.data)}

    @property
    def has_errors(self) -> bool:
        return any(f.severity == "error" for f in self.findings)

    def error(self, path: Path, message: str) -> None:
        self._say("error", path, message)

    def warn(self, path: Path, message: str) -> None:
        self._say("warning", path, message)

    def _say(self, severity: str, path: Path, message: str) -> None:
        label = item_name(self.definition.data, path)
        self.findings.append(Finding(severity, self.where.line(path), label, message, self.definition.name))

    def at(self, clause: Clause, *keys: str | int) -> Path:
        """Where a clause's own value stands."""
        return ("clause", self.index[clause.code], *keys)

    def is_ruled(self, path: Path) -> bool:
        """Whether a ruling gave the value, or what it is part of: then the notice did not print it."""
        return any(path[:n] in self.ruled for n in range(1, len(path) + 1))

    # --- checks of a name that several places make ----------------------------------------------

    def known(self, path: Path, what: str, key: str, among: Iterable[str]) -> bool:
        """Whether ``key`` is ``among`` what exists; if not, an error says what may have been meant."""
        names = list(among)
        if key not in names:
            self.error(
                path, _("没有%(what)s“%(key)s”: %(meant)s", what=what, key=key, meant=meant(key, names))
            )
        return key in names

    def owner(self, path: Path, by: str) -> None:
        self.known(path, _("填报方"), by, [*OWNERS, *self.rubric.assessors])

    def table(self, path: Path, key: str) -> Table | None:
        self.known(path, _("表"), key, self.rubric.table)
        return self.rubric.table.get(key)

    def column(self, path: Path, table: Table, key: str) -> None:
        self.known(path, _("列（表 %(table)s）", table=table.key), key, table.by_key)

    def conditions(self, path: Path, table: Table, where: Mapping[str, tuple[str, ...]]) -> None:
        """Columns exist, and the wanted values can be chosen."""
        for key, values in where.items():
            self.column((*path, key), table, key)
            self.options((*path, key), table, key, values)

    def options(self, path: Path, table: Table, key: str, values: tuple[str, ...]) -> None:
        column = table.by_key.get(key)
        offered = [o.value for o in column.options] if column else []
        for value in values if offered else ():
            self.known(path, _("选项（列 %(key)s）", key=key), value, offered)

    # --- points ---------------------------------------------------------------------------------

    def reach(self, clause: Clause) -> Fraction | None:
        """The most a clause can give to the one above; None if nothing limits it."""
        if clause.max is not None:
            return clause.max
        if clause.unset:
            return Fraction(0)
        if isinstance(clause, SumClause):
            return self.below(clause)
        if isinstance(clause, TicksClause):
            return sum((t.points for t in clause.ticks), Fraction(0)) * clause.weight
        if isinstance(clause, JudgedClause):
            return max((o.upto or o.points or Fraction(0) for o in clause.options), default=Fraction(0))
        return None

    def below(self, clause: SumClause) -> Fraction | None:
        """What the children can reach together, before the clause's own cap."""
        reach = [self.reach(child) for child in self.rubric.children[clause.code]]
        known = [r for r in reach if r is not None]
        if len(known) < len(reach):
            return None
        return max(known) if clause.take == "best" else sum(known, Fraction(0))

    def printed(self, clause: Clause) -> set[Fraction]:
        """The numbers before 分 in the notice's own words for the clause and all above it."""
        numbers: set[Fraction] = set()
        here: Clause | None = clause
        while here is not None:
            for words in (here.title, here.text, here.requirement):
                for found in _PRINTED.finditer(unicodedata.normalize("NFKC", "".join(words.split()))):
                    numbers |= {Fraction(g) for g in found.groups() if g}
            here = self.rubric.by[here.parent] if here.parent else None
        return numbers
