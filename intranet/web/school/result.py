"""The unit's published result: total, place, ledger, from what was stored at the freeze."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response

from intranet.domain import scoring as live
from intranet.enums import CycleState
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.queries import entries, filed
from intranet.queries.results import losses_of, lost_on
from intranet.rubric.ledger import Score, Sheet, result_from_json
from intranet.rubric.model import Clause, Rubric
from intranet.web import access, context
from intranet.web.forms import answer
from intranet.web.shell import cycle_bar

from . import appeals, bp, ledger

access.allow({"school.result": access.FILING_READERS})

OPEN = (CycleState.PUBLISHED, CycleState.FINAL, CycleState.ARCHIVED)


@bp.get("/entries/<int:entry_id>/result")
def result(entry_id: int) -> Response:
    session, actor = context.db(), context.actor()
    entry = entries.entry_for(session, actor, entry_id)
    cycle = entries.cycle_of(session, entry)
    stored = filed.result_of(session, entry)
    if stored is None or cycle.state not in OPEN:
        raise NotFound(_("结果还没有公示。"))
    freeze, own = stored
    found = result_from_json(own.document)
    rubric = live.scoring_for(cycle, context.ground().registry).rubric
    return answer(
        "school/result.html",
        appeals=appeals.listed(entry, rubric),
        may_appeal=appeals.may_appeal(entry, cycle),
        entry=entry,
        cycle=cycle,
        rubric=rubric,
        cycle_bar=cycle_bar(cycle, entry),
        freeze=freeze,
        found=found,
        rank=own.rank,
        dimensions=_dimensions(rubric, found.sheet),
        deducted=lost_on(found.sheet[rubric.root.code]),
        losses=losses_of(found.sheet[rubric.root.code]),
    )


@dataclass(frozen=True, slots=True)
class Part:
    """One indicator of the result with its ledger."""

    clause: Clause
    score: Score
    word: str
    rows: list[ledger.LedgerRow]


def _dimensions(rubric: Rubric, sheet: Sheet) -> list[tuple[Clause, Score, list[Part]]]:
    """The first level with its indicators; one that is a leaf stands for itself."""
    out = []
    for top in rubric.children[rubric.root.code]:
        parts = [
            Part(
                c,
                sheet[c.code],
                ledger.word(rubric, c, sheet[c.code]),
                ledger.rows(rubric, sheet, c.code, own=False),
            )
            for c in rubric.children[top.code] or (top,)
        ]
        out.append((top, sheet[top.code], parts))
    return out
