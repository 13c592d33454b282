"""公示: what was published, and a frozen list reduced to the columns that are shown.

A published table holds the chosen columns as finished texts; nothing else of a result reaches its page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from sqlmodel import Session, col, select

from intranet.actor import Actor
from intranet.enums import CycleState
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.models import Cycle, Publication, Result
from intranet.queries.entries import SEES_ALL
from intranet.queries.results import PUBLIC, Ranking, UnitLine
from intranet.rubric.numbers import show

# --- publications --------------------------------------------------------------------------------


def publications_of(session: Session, cycle_id: int) -> Sequence[Publication]:
    """Every publication of a cycle, the one that holds first."""
    query = select(Publication).where(Publication.cycle_id == cycle_id)
    return session.exec(query.order_by(col(Publication.id).desc())).all()


def latest_publications(session: Session, cycle_ids: Collection[int]) -> dict[int, Publication]:
    """The publication that holds, by cycle id."""
    query = select(Publication).where(col(Publication.cycle_id).in_(cycle_ids)).order_by(col(Publication.id))
    return {p.cycle_id: p for p in session.exec(query)}


@dataclass(frozen=True, slots=True)
class Shown:
    """A publication as a list has it. number: the how-manieth of its cycle; holds: it is the newest one."""

    publication: Publication
    cycle: Cycle
    number: int
    holds: bool


def shown_publications(session: Session, actor: Actor, *, today: date) -> list[Shown]:
    """What this person may read, newest first, in one query.

    A publication is for everybody who is signed in, from its first day on; those who read all results see it
    before. What the cycle has not published, and a practice cycle, is not there.
    """
    query = (
        select(Publication, Cycle)
        .join(Cycle, col(Cycle.id) == col(Publication.cycle_id))
        .where(col(Cycle.state).in_(PUBLIC), col(Cycle.practice).is_(False))
        .order_by(col(Publication.id))
    )
    pairs = session.exec(query).all()
    newest = {p.cycle_id: p.id for p, _cycle in pairs}
    count: dict[int, int] = {}
    out = []
    for publication, cycle in pairs:
        count[publication.cycle_id] = number = count.get(publication.cycle_id, 0) + 1
        if publication.starts_on <= today or actor.has(*SEES_ALL):
            holds = newest[publication.cycle_id] == publication.id
            out.append(Shown(publication, cycle, number, holds))
    return out[::-1]


def publication_for(session: Session, actor: Actor, publication_id: int, *, today: date) -> Shown:
    """One publication, or NotFound: as if there were none."""
    found = next(
        (s for s in shown_publications(session, actor, today=today) if s.publication.id == publication_id),
        None,
    )
    if found is None:
        raise NotFound(_("没有这份公示，或还没有到公示的日子。"))
    return found


def has_published(session: Session, today: date) -> bool:
    """Whether there is anything for everybody to read."""
    query = (
        select(Publication.id)
        .join(Cycle, col(Cycle.id) == col(Publication.cycle_id))
        .where(col(Cycle.state).in_(PUBLIC), col(Cycle.practice).is_(False))
        .where(col(Publication.starts_on) <= today)
    )
    return session.exec(query.limit(1)).first() is not None


def result_by_id(session: Session, result_id: int) -> Result:
    found = session.get(Result, result_id)
    assert found is not None
    return found


# --- columns -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column that may be shown. kind: how it is set: text, middle or number."""

    key: str
    label: str
    kind: str
    cell: Callable[[UnitLine], str]


@dataclass(frozen=True, slots=True)
class Table:
    """A published table: heads, kinds of the columns, rows of texts."""

    heads: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _points(value: Fraction | None, least: int = 0) -> str:
    """As the ranking shows them."""
    return show(value, least=least)


def columns_of(ranking: Ranking) -> list[Column]:
    """Every column that this list can show, in the order of the ranking."""
    rubric, lines = ranking.rubric, ranking.lines
    out = [Column("rank", _("名次"), "middle", _rank), Column("unit", rubric.terms.unit, "text", _name)]
    if any(line.lead for line in lines):
        out.append(Column("lead", rubric.terms.lead, "text", lambda line: line.lead))
    if any(line.result.group for line in lines):
        out.append(Column("group", _("组别"), "text", lambda line: line.result.group or "—"))

    def figure(code: str) -> Callable[[UnitLine], str]:
        def cell(line: UnitLine) -> str:
            value = ranking.figure(line, code)
            if value is None:
                return ranking.no_figure(line, code)
            return _points(value, ranking.decimals.get(code, 0))

        return cell

    def total(line: UnitLine) -> str:
        return _points(line.result.total, ranking.decimals["total"])

    out += [Column(f"part.{code}", title, "number", figure(code)) for code, title, _most in ranking.columns]
    if rubric.subtotals:
        taken = {code for code, _title, _most in ranking.columns}
        alone = {s.of[0]: s.title for s in rubric.subtotals if len(s.of) == 1}  # one thing under two codes
        out += [
            Column(f"part.{c.code}", c.name, "number", figure(c.code))
            for c in rubric.dimensions
            if c.code not in taken and alone.get(c.code) not in (c.title, c.name)
        ]
    if ranking.has_deductions:
        out.append(Column("deducted", _("总分扣分"), "number", lambda line: _points(-line.deducted)))
    if any(line.result.total is not None for line in lines):
        out.append(Column("total", _("总分"), "number", total))
    if ranking.has_grades:
        out.append(Column("grade", _("等次"), "middle", _grade))
    out += [Column(f"own.{name}", name, _kind_of(lines, name), _own(name)) for name in ranking.extra]
    return out


def _rank(line: UnitLine) -> str:
    return str(line.result.rank) if line.result.rank else "—"


def _name(line: UnitLine) -> str:
    return line.result.name


def _grade(line: UnitLine) -> str:
    return line.result.outcome.grade or "—"


def _own(name: str) -> Callable[[UnitLine], str]:
    def cell(line: UnitLine) -> str:
        value = line.result.outcome.columns.get(name)
        return _points(value) if value is None or isinstance(value, Fraction) else str(value)

    return cell


def _kind_of(lines: Sequence[UnitLine], name: str) -> str:
    values = [line.result.outcome.columns.get(name) for line in lines]
    return "number" if any(isinstance(v, Fraction) for v in values) else "text"


def usual_columns(columns: Sequence[Column]) -> list[str]:
    """What is ticked at first: rank, unit, group, and the total, or the grade where there is no total."""
    keys = [c.key for c in columns]
    last = "total" if "total" in keys else "grade"
    return [key for key in keys if key in {"rank", "unit", "group", last}]


ORDERED_BY = frozenset({"rank", "total"})


def table_of(ranking: Ranking, keys: Collection[str]) -> Table:
    """The list in the chosen columns, which stand in the order of the ranking.

    Where neither rank nor total is shown, their order is not shown either: the rows go by grade, if that is
    shown, and by the units' codes.
    """
    columns = [c for c in columns_of(ranking) if c.key in keys]
    lines = list(ranking.lines)
    if not ORDERED_BY & set(keys):
        grades = _places([_grade(line) for line in lines]) if "grade" in keys else {}
        groups = _places([line.result.group for line in lines]) if "group" in keys else {}
        lines.sort(
            key=lambda x: (groups.get(x.result.group, 0), grades.get(_grade(x), 0), str(x.row.facts["unit"]))
        )
    return Table(
        tuple(c.label for c in columns),
        tuple(c.kind for c in columns),
        tuple(tuple(c.cell(line) for c in columns) for line in lines),
    )


def _places(values: Sequence[str]) -> Mapping[str, int]:
    """Where each value comes first; the list is in the order of ranks, so the best grade is first."""
    return {value: n for n, value in reversed(list(enumerate(values)))}


def is_published(cycle: Cycle) -> bool:
    """Whether the units of the cycle may read their results."""
    return cycle.state in PUBLIC


PUBLISHING = CycleState.PUBLISHED
