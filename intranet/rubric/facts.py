"""The facts document: what happened in one unit, by owner, and what people said of it.

One JSON document per unit (decimals and dates as text)::

    {"unit": "g07", "name": "…", "attributes": {"stages": ["小学", "初中"]},
     "members": {"s1": {"name": "…", "role": "lead", "stage": "小学"}, "s2": {…}},
     "docs": {"school": {"fields": {"C1.1.charter": true, "B4.上学期": 2},
                         "materials": {"B4": [true, null], "B6": [true, true, true, "na"]},
                         "tables": {"exchange": [{"person": "…", "start": "2022-09-01", …}]},
                         "members": {"s1": {"students": 812}}},
              "bureau": {"fields": {"absences": 1}, "members": {"s1": {"grade_now": "一等奖"}}},
              "panel": {"fields": {"B4.quality": "0.5"}}},
     "marks": {"self": {"C1.2": {"points": "1.5"}}, "panel": {"C1.2": {"points": "1.2", "reason": "…"}}},
     "exempt": [], "prior": {"rank": 3}}

Each owner's document holds all that this owner wrote; a field's ``by`` says which one is read, so
a school's upload cannot reach a bureau field even if it names the key. Attributes of units and
schools come from the register. Slots: true, false, null (not yet), "na" (cannot apply).

Values are read here as written; ``checks.py`` says what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OWNERS = ("school", "bureau", "panel")
"""Owners every rubric has; ``[assessors]`` of a rubric adds its own."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person says about a leaf. points as exact text or None with a verdict."""

    points: str | None = None
    verdict: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Facts:
    """One unit's facts, read-only. Build it with :meth:`from_json`."""

    unit: str
    name: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    docs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    marks: Mapping[str, Mapping[str, Mark]] = field(default_factory=dict)
    exempt: frozenset[str] = frozenset()
    prior: Mapping[str, Any] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Field and slot keys (``B6#4``) that ``form_fields`` says this unit is not asked, with the reason."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facts:
        """No checking here; see ``checks.read_document`` for documents from outside."""
        return cls(
            unit=data["unit"],
            name=data.get("name", data["unit"]),
            attributes=data.get("attributes", {}),
            members=data.get("members", {}),
            docs=data.get("docs", {}),
            marks={
                role: {
                    code: Mark(points=m.get("points"), verdict=m.get("verdict"), reason=m.get("reason", ""))
                    for code, m in marks.items()
                }
                for role, marks in data.get("marks", {}).items()
            },
            exempt=frozenset(data.get("exempt", ())),
            prior=data.get("prior", {}),
        )

    def get(self, key: str, by: str = "school") -> Any:
        """A unit field's value as written, or None if blank or hidden. Text of spaces only is blank."""
        if key in self.hidden:
            return None
        value = self.docs.get(by, {}).get("fields", {}).get(key)
        return None if isinstance(value, str) and not value.strip() else value

    def rows(self, table: str, by: str = "school") -> Sequence[Mapping[str, Any]] | None:
        """The rows of a table; None if it was never filled, [] if declared empty."""
        rows: Sequence[Mapping[str, Any]] | None = self.docs.get(by, {}).get("tables", {}).get(table)
        return rows

    def of_member(self, school: str, key: str, by: str = "school") -> Any:
        value = self.docs.get(by, {}).get("members", {}).get(school, {}).get(key)
        return None if isinstance(value, str) and not value.strip() else value

    def slot(self, code: str, n: int) -> Any:
        """State of the n-th material (from 0) of a clause: true, false, None or "na".

        The bureau's "na" stands before what the school says.
        """
        if f"{code}#{n + 1}" in self.hidden:
            return "na"
        for owner in ("bureau", "panel", "school"):
            slots = self.docs.get(owner, {}).get("materials", {}).get(code, ())
            if n < len(slots) and slots[n] is not None and (owner == "school" or slots[n] == "na"):
                return slots[n]
        return None

    def mark(self, code: str, role: str) -> Mark | None:
        return self.marks.get(role, {}).get(code)

    @property
    def lead(self) -> str | None:
        """Key of the lead school, if the register knows one."""
        return next((k for k, m in self.members.items() if m.get("role") == "lead"), None)
