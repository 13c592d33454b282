"""Kinds that read a fact table: ``tally`` counts rows at a rate, ``roster`` counts people by their stays.

Both filter in the same two steps: ``where`` says which rows are this clause's business (the others
are silent), ``require`` says which of them count (the others are shown with the reason). A person,
contestant or project that may count once is named by ``Line.key``; the highest value counts (G7).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from math import ceil
from typing import Any

from .. import months
from ..facts import Facts
from ..ledger import Earned, Line, State
from ..model import Band, ClauseBase, Require, RosterClause, Rubric, SumClause, Table, TallyClause
from ..months import Stay
from ..tables import CONFIRMATION, Row, read_date, read_number, rows_of

ZERO = Fraction(0)


# --- which rows ------------------------------------------------------------------------------------


def _meets(row: Row, require: Require) -> bool:
    if not row.matches(require.when):
        return True
    if require.among is not None:
        return row.among(require.column, require.among)
    return row.cell(require.column) not in (None, False)


_UNCONFIRMED = {"open": "unconfirmed", "disputed": "disputed"}


def business(rubric: Rubric, clause: TallyClause | RosterClause, facts: Facts) -> list[Row] | None:
    """The rows that are the clause's business, with the reason where one does not count.

    None: the table was never filled. []: it was declared empty, or no row is this clause's business.
    """
    rows = rows_of(rubric.table[clause.table], facts)
    if rows is None:
        return None
    found = []
    for row in rows:
        if row.matches(clause.where):
            reason = next((r.reason for r in clause.require if not _meets(row, r)), "")
            if clause.confirmed_only:
                reason = reason or _UNCONFIRMED.get(row.cells.get(CONFIRMATION, ""), "")
            found.append(replace(row, reason=reason) if reason else row)
    return found


# --- who counts once -----------------------------------------------------------------------------


def once_per(rubric: Rubric, clause: ClauseBase) -> tuple[str, ...]:
    """The columns that say who counts once: the clause's own, else those of the nearest clause above."""
    at: ClauseBase | None = clause
    while at is not None:
        if isinstance(at, (SumClause, TallyClause, RosterClause)) and at.once_per:
            return at.once_per
        at = rubric.by[at.parent] if at.parent is not None else None
    return ()


def refused_twins(lines: Sequence[Line]) -> set[int]:
    """Places of the counted lines that give way to a higher (or earlier equal) one of the same key."""
    best: dict[str, int] = {}
    refused = set()
    for n, line in enumerate(lines):
        if not line.counted or not line.key:
            continue
        held = best.setdefault(line.key, n)
        if held == n:
            continue
        if (line.points or ZERO) > (lines[held].points or ZERO):
            best[line.key] = n
            refused.add(held)
        else:
            refused.add(n)
    return refused


def refuse_twin(line: Line, columns: Iterable[str], tables: Iterable[Table]) -> Line:
    """The line as shown when another of the same key counts: 同一人在本款只计一次，取高."""
    labels = {column.key: column.label for table in tables for column in table.columns}
    once = "、".join("人" if key == "person" else labels.get(key, key) for key in columns)
    return replace(line, counted=False, reason="once", parts={**line.parts, "once": once}, hint={})


def _nothing(table: Table) -> Line:
    """The informing line of a table that was declared empty: a real zero, not a blank."""
    return Line("none", {"table": table.title}, counted=False)


# --- tally ---------------------------------------------------------------------------------------


def tally(rubric: Rubric, clause: TallyClause, facts: Facts) -> Earned:
    """Σ rate × quantity over the rows that count, then the average if the clause has one.

    Table never filled: blank. Divisor blank or not above 0: blank with a flag (G6: average first,
    then cap). A level that stands for itself in ``alias`` has no points: the panel decides.
    """
    rows = business(rubric, clause, facts)
    table = rubric.table[clause.table]
    if rows is None:
        return Earned(State.BLANK)
    columns = once_per(rubric, clause)
    lines = [_tally_line(clause, row, columns) for row in rows]
    if clause.once_per:
        twins = refused_twins(lines)
        lines = [refuse_twin(x, columns, [table]) if n in twins else x for n, x in enumerate(lines)]
    if not facts.rows(table.key, table.by):
        lines.append(_nothing(table))
    flags = []
    if any(line.counted and "read_as" in line.parts for line in lines):
        flags.append("alias")
    if any(line.reason == "panel_decides" for line in lines):
        flags.append("panel_decides")
    if clause.average_over is None:
        return Earned(lines=tuple(lines), flags=tuple(flags))
    divide = _divisor(rubric, clause.average_over, facts)
    if divide is None or divide <= 0:
        flags.append("divisor_blank" if divide is None else "divisor_zero")
        return Earned(State.BLANK, tuple(lines), flags=tuple(flags))
    return Earned(lines=tuple(lines), divide=divide, flags=tuple(flags))


def _divisor(rubric: Rubric, over: str, facts: Facts) -> Fraction | None:
    """``schools``: the member schools of the register, lead included; else a field's number."""
    if over == "schools":
        return Fraction(len(facts.members))
    return read_number(facts.get(over, rubric.all_fields[over].by))


def _tally_line(clause: TallyClause, row: Row, columns: tuple[str, ...]) -> Line:
    """One row: level, what it is, quantity × rate."""
    parts: dict[str, Any] = {"title": _title(row, clause)}
    reason, rate = row.reason, clause.each
    if clause.level is not None:
        level = row.text(clause.level)
        read_as = clause.alias.get(level, level)
        parts["level"] = level
        if read_as != level:
            parts["read_as"] = read_as
        rate = clause.points.get(read_as)
        if not level:
            reason = reason or "no_level"
        elif rate is None:
            reason = reason or ("panel_decides" if level in clause.alias else "no_rate")
    quantity: Fraction | None = Fraction(1)
    if clause.quantity is not None:
        quantity = row.number(clause.quantity)
        if quantity is None or quantity < 0:
            reason, quantity = reason or "no_quantity", None
    key = [row.text(column) for column in columns]
    if columns and not all(key):
        reason = reason or "no_key"
        parts["once"] = "、".join(row.table.by_key[c].label for c in columns if c in row.table.by_key)
    points = None
    if rate is not None and quantity is not None:
        parts |= {"quantity": quantity, "rate": rate}
        points = quantity * rate
    return Line(
        "row",
        parts,
        points=points if not reason else None,
        counted=not reason,
        key="\x1f".join(key) if all(key) else "",
        ref=row.ref,
        reason=reason,
    )


def _title(row: Row, clause: TallyClause) -> str:
    """What the row is, for its line: the first text column that is not the level."""
    return next(
        (
            row.text(column.key)
            for column in row.table.columns
            if column.type in {"text", "longtext"} and column.key != clause.level and row.text(column.key)
        ),
        "",
    )


# --- roster --------------------------------------------------------------------------------------


def roster(rubric: Rubric, clause: RosterClause, facts: Facts) -> Earned:
    """Σ points of the band that each person's months reach; one line per person, one per refused row.

    ``longest`` (连续) takes a person's longest stay after merging, ``total`` (累计) adds all months.
    A row's number of months stands before its dates. Below the first band: shown, with the days
    still to go.
    """
    rows = business(rubric, clause, facts)
    table = rubric.table[clause.table]
    if rows is None:
        return Earned(State.BLANK)
    people: dict[str, list[tuple[Row, Stay | Fraction]]] = {}
    lines: list[Line] = []
    for row in rows:
        person = row.text(clause.person)
        stay, reason = _stay(clause, row)
        reason = row.reason or ("" if person else "no_person") or reason
        if reason or stay is None:
            lines.append(_refused(clause, row, reason))
        else:
            people.setdefault(person, []).append((row, stay))
    flags: tuple[str, ...] = ()
    since = read_date(clause.since)
    for person, found in people.items():
        stays, ended = _reaching(found, since)
        lines += [_refused(clause, row, "before_since") for row in ended]
        if not stays:
            continue
        line = _person_line(clause, person, stays)
        if line.reason == "above_bands":
            flags = ("outside_bands",)
        lines.append(line)
    if not facts.rows(table.key, table.by):
        lines.append(_nothing(table))
    lines.sort(key=_first_row)
    return Earned(lines=tuple(lines), flags=flags)


def _first_row(line: Line) -> int:
    """Lines in the order of the table's rows."""
    return int(line.ref.split(",")[0].rpartition("[")[2].rstrip("]")) if line.ref else -1


def _stay(clause: RosterClause, row: Row) -> tuple[Stay | Fraction | None, str]:
    """A row's stay (or its months as a number), or the reason why there is none."""
    if clause.months is not None and row.cell(clause.months) is not None:
        number = row.number(clause.months)
        return (number, "") if number is not None and number > 0 else (None, "bad_months")
    start, end = row.cell(clause.start), row.cell(clause.end)
    if start is None:
        return None, "no_dates"
    until = read_date(clause.until)
    first, last = read_date(start), until if end is None else read_date(end)
    if end is None and until is None:
        return None, "running"
    if first is None or last is None:
        return None, "bad_date"
    if end is not None and last < first:
        return None, "end_before_start"
    if until is not None:
        last = min(last, until)  # a planned end after 材料截止日 is not yet served
    return (Stay(first, last), "") if first <= last else (None, "after_until")


def _reaching(
    found: list[tuple[Row, Stay | Fraction]], since: date | None
) -> tuple[list[tuple[Row, Stay | Fraction]], list[Row]]:
    """The stays that reach into the assessment window, and the rows of those that ended before it.

    An unbroken tenure entered as several rows is one stay: all of it counts if its end does.
    """
    if since is None:
        return found, []
    lasting = [s for s in months.merge(s for _, s in found if isinstance(s, Stay)) if s.end >= since]

    def lasts(stay: Stay | Fraction) -> bool:
        return isinstance(stay, Fraction) or any(s.start <= stay.start <= s.end for s in lasting)

    return [f for f in found if lasts(f[1])], [row for row, stay in found if not lasts(stay)]


def _refused(clause: RosterClause, row: Row, reason: str) -> Line:
    parts = {"person": row.text(clause.person), "start": row.text(clause.start), "end": row.text(clause.end)}
    if clause.months is not None and row.cell(clause.months) is not None:
        parts["months"] = row.text(clause.months)
    if reason == "before_since":
        parts["since"] = clause.since or ""
    if reason == "after_until":
        parts["until"] = clause.until or ""
    return Line("stay_row", parts, counted=False, key=row.text(clause.person), ref=row.ref, reason=reason)


def _person_line(clause: RosterClause, person: str, rows: list[tuple[Row, Stay | Fraction]]) -> Line:
    stays = [stay for _, stay in rows if isinstance(stay, Stay)]
    numbers = [stay for _, stay in rows if isinstance(stay, Fraction)]
    held: Stay | None = None
    if clause.measure == "total":
        reached = months.total(stays, numbers)
    else:
        held = months.longest(stays)
        reached = Fraction(months.whole_months(held)) if held else ZERO
        if numbers and max(numbers) > reached:
            held, reached = None, max(numbers)
    band = in_band(clause.bands, reached)
    parts: dict[str, Any] = {"person": person, "measure": clause.measure, "months": reached}
    reason = ""
    points: Fraction | None = None
    if band is not None:
        points = band.points or ZERO
        if band.label:
            parts["band"] = band.label
    elif reached < clause.bands[0].from_:
        reason, parts["least"] = "below_bands", clause.bands[0].from_
    else:
        reason = "above_bands"
    return Line(
        "stay",
        parts,
        points=points,
        counted=not reason,
        key=person,
        ref=",".join(row.ref for row, _ in rows),
        reason=reason,
        hint=_next_band(clause.bands, reached, points or ZERO, held),
    )


def in_band(bands: Sequence[Band], value: Fraction) -> Band | None:
    """The band that holds the exact value: ``from`` ≤ value < ``to`` (G3: 不含 governs the upper end)."""
    return next((b for b in bands if b.from_ <= value and (b.to is None or value < b.to)), None)


def _next_band(
    bands: Sequence[Band], reached: Fraction, points: Fraction, held: Stay | None
) -> dict[str, Any]:
    """差 N 天满 M 个月，可计 P 分: the nearest band above that earns more; {} if there is none.

    Days are counted on the calendar for a continuous stay, at thirty a month otherwise.
    """
    for band in bands:
        if band.from_ > reached and (band.points or ZERO) > points:
            if held is not None and band.from_.denominator == 1:
                days = months.days_short(held, int(band.from_))
            else:
                days = ceil((band.from_ - reached) * 30)
            return {"days": Fraction(days), "months": band.from_, "points": band.points}
    return {}
