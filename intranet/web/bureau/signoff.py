"""定稿签批表: the sheet that is printed, signed and sealed: final list, figures, rulings, fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flask import Response, url_for

from intranet.domain import rulings
from intranet.domain.snapshot import check_code
from intranet.domain.ties import sentence, ties_in
from intranet.enums import AppealState, Role
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.queries import appeals
from intranet.queries.results import Ranking, ranking, results_of
from intranet.web import access
from intranet.web.context import actor, db
from intranet.web.forms import answer
from intranet.web.shell import cycle_bar

from . import bp, exports, frame

access.allow({"bureau.signoff": access.READERS})


@dataclass(frozen=True)
class Figures:
    """Statistics of one group of the list. Averages are exact; units without a total are left out of them."""

    group: str
    units: int
    mean: Fraction | None
    best: Fraction | None
    least: Fraction | None
    grades: tuple[tuple[str, int], ...]


def figures_of(found: Ranking) -> list[Figures]:
    out = []
    for group, lines in found.groups:
        totals = [x.result.total for x in lines if x.result.total is not None]
        grades: dict[str, int] = {}
        for line in lines:
            if line.result.outcome.grade:
                grades[line.result.outcome.grade] = grades.get(line.result.outcome.grade, 0) + 1
        mean = sum(totals, Fraction(0)) / len(totals) if totals else None
        best, least = (max(totals), min(totals)) if totals else (None, None)
        out.append(Figures(group, len(lines), mean, best, least, tuple(grades.items())))
    return out


@bp.get("/cycles/<int:cycle_id>/signoff")
def signoff(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    held = next(iter(results_of(db(), cycle_id)), None)
    if held is None:
        raise NotFound(_("这个考核周期还没有冻结结果。"))
    scoring = frame.scoring_of(cycle)
    found = ranking(db(), cycle, held, scoring.rubric)
    filed = appeals.appeals_of_cycle(db(), cycle_id)
    states = [f.appeal.state for f in filed]
    is_bureau = actor().has(Role.BUREAU)
    return answer(
        "bureau/signoff.html",
        cycle=cycle,
        cycle_bar=cycle_bar(cycle),
        back=url_for("bureau.cycle_archive" if is_bureau else "leader.cycle", cycle_id=cycle_id),
        back_name=_("归档") if is_bureau else _("结果"),
        ranking=found,
        held=held,
        figures=figures_of(found),
        settled=rulings.settled(cycle, scoring.definition),
        ties=sentence(scoring.rubric, ties_in(held.rules)),
        code=check_code(held.fingerprint),
        label=exports.label_of(cycle.state),
        appealed=len([s for s in states if s != AppealState.WITHDRAWN]),
        upheld=states.count(AppealState.UPHELD),
    )
