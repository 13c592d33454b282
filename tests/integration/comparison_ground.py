"""Stored results to compare: as many units, indicators and earlier cycles as a test wants.

The results are made by hand, not scored, so that a test knows each number: unit u (from 0) has on indicator i
(from 0) ``points(u, i)`` of 10; the last unit has none on the first indicator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from intranet.enums import CycleState, SchoolRole, SubmissionState
from intranet.models import Cycle, Entry, EntrySchool, Result, Unit, UnitResult
from intranet.rubric import ledger, loader
from intranet.rubric.ledger import Score, State
from intranet.rubric.model import Rubric
from tests.world import World

MOST = Fraction(10)
HOSTILE = "</script><img src=x>集团"


def points(unit: int, indicator: int, back: int = 0) -> Fraction:
    """0 to 10 in halves; back: how many cycles ago."""
    return Fraction((unit * unit * 5 + unit * 11 + indicator * (unit + 3) + back * 5) % 21, 2)


def rubric_text(dimensions: int, each: int) -> str:
    lines = [
        'key = "compared"',
        'title = "示例比较办法"',
        'version = "1"',
        'source = "示例"',
        'levels = ["", "一级指标", "二级指标"]',
        "[[clause]]",
        'code = "T"',
        'title = "总分"',
        f"max = {dimensions * each * 10}",
    ]
    for d in range(dimensions):
        code = chr(ord("A") + d)
        lines += ["[[clause]]", f'code = "{code}"', 'in = "T"', f'title = "方面{code}"', f"max = {each * 10}"]
        for i in range(each):
            lines += ["[[clause]]", f'code = "{code}{i + 1}"', f'in = "{code}"', f'no = "{d * each + i + 1}"']
            lines += [f'title = "示例指标{code}{i + 1}的工作开展情况"', 'short = "示例项"', 'text = "示例"']
            lines += ["max = 10", 'kind = "judged"']
    return "\n".join(lines)


def _name(code: str, unit: int) -> str:
    plain = f"示例{unit + 1:02}教育集团" if code == "u" else f"示例{code}{unit + 1:02}教育集团"
    return HOSTILE if (code, unit) == ("u", 1) else plain


@dataclass
class Compared:
    """Cycles oldest first, the looked-at one last. entries: of that one, by position."""

    cycles: list[int]
    entries: list[int]
    rubric: Rubric


def lay(
    world: World,
    *,
    units: int = 4,
    dimensions: int = 4,
    each: int = 2,
    earlier: int = 1,
    state: CycleState = CycleState.DELIBERATION,
    groups: bool = False,
    code: str = "u",
) -> Compared:
    """code: the first letter of unit codes, another one for a second world of results in the same test."""
    text = rubric_text(dimensions, each)
    definition = loader.load(text)
    rubric = definition.bind({})
    now = datetime.now(UTC)
    with world.write() as session:
        people = [Unit(code=f"{code}{n:02}", name=_name(code, n)) for n in range(units)]
        session.add_all(people)
        session.flush()
        cycles, entries = [], []
        for back in range(earlier, -1, -1):
            cycle = Cycle(
                title=f"{2031 - back} 年示例考核",
                rubric_key="compared",
                rubric_version="1",
                rubric_title="示例比较办法",
                definition=text,
                fingerprint=definition.fingerprint({}),
                state=state if back == 0 else CycleState.FINAL,
                publish_until=now + timedelta(days=5),
            )
            session.add(cycle)
            session.flush()
            held = Result(
                cycle_id=cycle.id or 0,
                number=1,
                fingerprint="x",
                rubric_fingerprint=cycle.fingerprint,
                frozen_by=world.users["admin"],
                frozen_at=now,
            )
            session.add(held)
            session.flush()
            cycles.append(cycle.id or 0)
            totals = [_sheet(rubric, n, back, last=n == units - 1) for n in range(units)]
            order = sorted(range(units), key=lambda n: -(totals[n][rubric.root.code].points or 0))
            for position, n in enumerate(order, 1):
                entry = Entry(
                    cycle_id=cycle.id or 0,
                    unit_id=people[n].id or 0,
                    code=people[n].code,
                    name=people[n].name,
                )
                entry.state, entry.submitted_at = SubmissionState.SUBMITTED, now
                session.add(entry)
                session.flush()
                session.add(
                    EntrySchool(
                        entry_id=entry.id or 0,
                        school_id=world.schools["s1"],
                        code="s1",
                        name="甲山小学",
                        role=SchoolRole.LEAD,
                    )
                )
                if back == 0:
                    entries.append(entry.id or 0)
                total = totals[n][rubric.root.code].points
                result = ledger.Result(
                    unit=entry.code,
                    name=entry.name,
                    sheet=totals[n],
                    subtotals={},
                    total=total,
                    state=State.SCORED,
                    rank=position,
                    group=("小学组", "初中组")[n % 2] if groups else "",
                )
                own = {
                    c.code: {"points": str(min(MOST, (totals[n][c.code].points or Fraction(0)) + n % 3))}
                    for c in rubric.leaves()
                    if totals[n][c.code].points is not None
                }
                session.add(
                    UnitResult(
                        result_id=held.id or 0,
                        entry_id=entry.id or 0,
                        position=position,
                        rank=position,
                        group=result.group,
                        total=total,
                        document=ledger.result_to_json(result),
                        facts={"unit": entry.code, "marks": {"self": own}},
                    )
                )
        session.commit()
    return Compared(cycles, entries, rubric)


def _sheet(rubric: Rubric, unit: int, back: int, *, last: bool) -> dict[str, Score]:
    """The leaves as ``points`` says, the sums above them."""
    sheet: dict[str, Score] = {}
    for i, leaf in enumerate(rubric.leaves()):
        got = points(unit, i, back)
        sheet[leaf.code] = (
            Score(leaf.code, State.NA, None, MOST)
            if last and i == 0
            else Score(leaf.code, State.SCORED, got, MOST, raw=got)
        )
    for clause in [*rubric.dimensions, rubric.root]:
        got = sum((sheet[c.code].points or Fraction(0) for c in rubric.leaves(clause.code)), Fraction(0))
        sheet[clause.code] = Score(clause.code, State.SCORED, got, clause.max, raw=got)
    return sheet
