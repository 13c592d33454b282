"""What a unit came to the last time: the result that held at the end of the cycle before, clause by clause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sqlmodel import Session, col, select

from intranet.enums import CycleState
from intranet.models import Cycle, Entry, Result, UnitResult
from intranet.queries.sharing import definition_of
from intranet.rubric import ledger
from intranet.rubric.ledger import Score
from intranet.rubric.marks import printed_max
from intranet.rubric.model import Rubric

ENDED = (CycleState.FINAL, CycleState.ARCHIVED)


@dataclass(frozen=True)
class Before:
    """One unit's last final result under the same rubric."""

    title: str
    rubric: Rubric
    sheet: Mapping[str, Score]

    def points(self, code: str) -> Fraction | None:
        """What was given on a clause, on the scale it is marked on; None if it was not there or not scored."""
        score, clause = self.sheet.get(code), self.rubric.by.get(code)
        if score is None or clause is None or score.points is None:
            return None
        return score.points if clause.weight == 1 else score.points / clause.weight

    def most(self, code: str) -> Fraction | None:
        clause = self.rubric.by.get(code)
        return None if clause is None else printed_max(clause)

    def verdict(self, code: str) -> str | None:
        score = self.sheet.get(code)
        return None if score is None else score.verdict


def last_result(session: Session, cycle: Cycle, entry: Entry) -> Before | None:
    """The unit's row in the newest earlier cycle that ended; None if there is none. Practice is none."""
    query = (
        select(Cycle, UnitResult)
        .join(Result, col(Result.cycle_id) == col(Cycle.id))
        .join(UnitResult, col(UnitResult.result_id) == col(Result.id))
        .join(Entry, col(Entry.id) == col(UnitResult.entry_id))
        .where(
            Cycle.rubric_key == cycle.rubric_key,
            col(Cycle.id) < (cycle.id or 0),
            col(Cycle.state).in_(ENDED),
            col(Cycle.practice).is_(False),
            Entry.unit_id == entry.unit_id,
        )
        .order_by(col(Cycle.id).desc(), col(Result.number).desc())
    )
    found = session.exec(query).first()
    if found is None:
        return None
    ended, row = found
    rubric = definition_of(ended.definition).bind(ended.rulings)
    return Before(ended.title, rubric, ledger.result_from_json(row.document).sheet)
