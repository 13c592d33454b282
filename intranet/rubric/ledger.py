"""得分账本: what a score is made of.

A Score *is* the sum of its lines passed through the one order of steps; nobody can store a score
that disagrees with its own explanation. Lines and steps keep their parts; ``sentences.py`` makes
the words when they are shown. Everything here turns into plain JSON and back, so that a stored
score stays readable when the plugin is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import Any

from .numbers import as_text, from_text


class State(StrEnum):
    """Whether a score is a number yet. Zero, blank, pending and not applicable stay apart everywhere."""

    SCORED = "scored"  # settled; 0 is a real zero; points None for a bare verdict
    BLANK = "blank"  # nobody has filled it in
    PENDING = "pending"  # waits for the panel's mark or for the cohort; value may be known
    NA = "na"  # not applicable, exempt, 未设分值, divisor 0: left out of the sum


@dataclass(frozen=True, slots=True)
class Line:
    """One line of explanation.

    what: which sentence (see ``sentences.LINES``); parts: its values, Fractions or text.
    points: what the line earns or loses; None when it only informs.
    counted: False for a row shown with the ``reason`` why it earns nothing.
    key: whom it is about (person, contestant, project); ref: the rows, ``exchange[3],exchange[4]``.
    hint: parts of a second sentence about the next step (``差 12 天满 3 个月``).
    """

    what: str
    parts: Mapping[str, Any] = field(default_factory=dict)
    points: Fraction | None = None
    counted: bool = True
    key: str = ""
    ref: str = ""
    reason: str = ""
    hint: Mapping[str, Any] = field(default_factory=dict)

    def refused(self, reason: str) -> Line:
        return replace(self, counted=False, reason=reason)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the fixed order, kept only when it did something.

    name: gate, sum, best, average, round, cap, loss, floor, mark, weight, unfilled.
    before/after: points (None while unknown); parts: for the sentence.
    """

    name: str
    before: Fraction | None
    after: Fraction | None
    parts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Earned:
    """All that a kind or a plugin rule may say; only the engine turns it into a Score.

    state: BLANK, PENDING or NA end the matter; SCORED sums the counted lines.
    value: exact figure that ranks and thresholds compare (never rounded).
    verdict: conclusion without points; divide: divisor of an average (None: no average).
    flags: codes that the panel should see (``sentences.FLAGS``); stop: no losses apply (未开展).
    """

    state: State = State.SCORED
    lines: tuple[Line, ...] = ()
    value: Fraction | None = None
    verdict: str | None = None
    divide: Fraction | None = None
    flags: tuple[str, ...] = ()
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """The settled outcome of one clause for one unit.

    max: cap on the printed scale times weight, None if 未设分值.
    raw: counted lines (averaged, rounded) before the cap, of an open sum the sum so far;
    capped_off: points lost to the cap (因封顶未计). proposed: what the facts give before any mark, on
    the printed scale; points: what counts. Lines with a ``what`` of ``loss_…`` are taken off after the cap.
    """

    code: str
    state: State
    points: Fraction | None
    max: Fraction | None
    raw: Fraction | None = None
    proposed: Fraction | None = None
    value: Fraction | None = None
    verdict: str | None = None
    lines: tuple[Line, ...] = ()
    steps: tuple[Step, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def capped_off(self) -> Fraction:
        return sum(
            ((s.before or Fraction(0)) - (s.after or Fraction(0)) for s in self.steps if s.name == "cap"),
            Fraction(0),
        )


Sheet = Mapping[str, Score]
"""Every clause of the rubric by code, for one unit."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What ``finish`` adds to a settled unit. ``key``: larger is better; for all units or for none."""

    grade: str | None = None
    key: tuple[Any, ...] | None = None
    ranked: bool = True
    columns: Mapping[str, str | Fraction | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One unit's sheet in the cohort. total is the root's points; rank None while not settled."""

    unit: str
    name: str
    sheet: Sheet
    subtotals: Mapping[str, Fraction]
    total: Fraction | None
    state: State
    group: str = ""
    rank: int | None = None
    tied: bool = False
    key: tuple[Any, ...] = ()
    outcome: Outcome = Outcome()
    facts: Any = None  # facts.Facts; not stored with the result


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding about facts. severity: error blocks submission, warning explains.

    ref: where, in the path form of the facts document (``school.tables.exchange[3].end``).
    """

    severity: str
    code: str
    message: str
    ref: str = ""
    clause: str = ""


# --- JSON ---------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return {"n": as_text(value)}
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def _unplain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"n"}:
            return from_text(value["n"])
        return {k: _unplain(v) for k, v in value.items()}
    if isinstance(value, list):
        return tuple(_unplain(v) for v in value)
    return value


def _text(value: Fraction | None) -> str | None:
    return None if value is None else as_text(value)


def _number(value: str | None) -> Fraction | None:
    return None if value is None else from_text(value)


def score_to_json(score: Score) -> dict[str, Any]:
    """Plain JSON; every number is text (``"13/3"``), so nothing is lost."""
    return {
        "code": score.code,
        "state": score.state.value,
        "points": _text(score.points),
        "max": _text(score.max),
        "raw": _text(score.raw),
        "proposed": _text(score.proposed),
        "value": _text(score.value),
        "verdict": score.verdict,
        "lines": [
            {
                "what": line.what,
                "parts": _plain(line.parts),
                "points": _text(line.points),
                "counted": line.counted,
                "key": line.key,
                "ref": line.ref,
                "reason": line.reason,
                "hint": _plain(line.hint),
            }
            for line in score.lines
        ],
        "steps": [
            {"name": s.name, "before": _text(s.before), "after": _text(s.after), "parts": _plain(s.parts)}
            for s in score.steps
        ],
        "flags": list(score.flags),
    }


def score_from_json(data: Mapping[str, Any]) -> Score:
    return Score(
        code=data["code"],
        state=State(data["state"]),
        points=_number(data["points"]),
        max=_number(data["max"]),
        raw=_number(data["raw"]),
        proposed=_number(data["proposed"]),
        value=_number(data["value"]),
        verdict=data["verdict"],
        lines=tuple(
            Line(
                what=line["what"],
                parts=_unplain(line["parts"]),
                points=_number(line["points"]),
                counted=line["counted"],
                key=line["key"],
                ref=line["ref"],
                reason=line["reason"],
                hint=_unplain(line["hint"]),
            )
            for line in data["lines"]
        ),
        steps=tuple(
            Step(s["name"], _number(s["before"]), _number(s["after"]), _unplain(s["parts"]))
            for s in data["steps"]
        ),
        flags=tuple(data["flags"]),
    )


def result_to_json(result: Result) -> dict[str, Any]:
    """A stored result: sheet, subtotals, rank and outcome; the facts are stored apart."""
    outcome = result.outcome
    return {
        "unit": result.unit,
        "name": result.name,
        "group": result.group,
        "state": result.state.value,
        "total": _text(result.total),
        "rank": result.rank,
        "tied": result.tied,
        "subtotals": {k: as_text(v) for k, v in result.subtotals.items()},
        "outcome": {
            "grade": outcome.grade,
            "ranked": outcome.ranked,
            "columns": _plain(outcome.columns),
            "notes": list(outcome.notes),
        },
        "sheet": {code: score_to_json(s) for code, s in result.sheet.items()},
    }


def result_from_json(data: Mapping[str, Any]) -> Result:
    outcome = data["outcome"]
    return Result(
        unit=data["unit"],
        name=data["name"],
        group=data["group"],
        state=State(data["state"]),
        total=_number(data["total"]),
        rank=data["rank"],
        tied=data["tied"],
        subtotals={k: from_text(v) for k, v in data["subtotals"].items()},
        outcome=Outcome(
            grade=outcome["grade"],
            ranked=outcome["ranked"],
            columns=_unplain(outcome["columns"]),
            notes=tuple(outcome["notes"]),
        ),
        sheet={code: score_from_json(s) for code, s in data["sheet"].items()},
    )
