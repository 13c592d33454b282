"""What comparing a filled workbook with the store finds: changes to choose from, problems to correct."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MOST_CHANGES = 500
"""Changes shown at once; the same file may be uploaded again for the rest."""


@dataclass(frozen=True, slots=True)
class Part:
    """One cell of a change, as people read it; "" is blank."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """One answer, row or self score that would change. key is the same in the check and in the save.

    version: of what is stored (0: nothing). title: what it is. old values are the stored ones, also
    of a conflict. texts: as typed, for the verb.
    """

    key: str
    version: int
    kind: Literal["edit", "add", "delete"]
    section: str
    page: str
    title: str
    parts: tuple[Part, ...]
    sheet: str = ""
    cell: str = ""
    row: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)
    is_conflict: bool = False
    note: str = ""

    @property
    def is_loss(self) -> bool:
        """Whether something stored would be gone; such a change is not taken unless it is asked for."""
        return self.kind == "delete" or all(not part.new for part in self.parts)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong where and what to do. stops: the thing cannot be taken over as it is."""

    sheet: str
    cell: str
    message: str
    stops: bool = True
    section: str = ""
    row: int = 0
    column: str = ""


@dataclass
class Plan:
    """changes in the order of the sheets; same: how many filled things are stored like that already.

    left: changes beyond MOST_CHANGES, not shown.
    """

    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    same: int = 0
    left: int = 0
