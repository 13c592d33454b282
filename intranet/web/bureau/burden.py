"""减负仪表: for the bureau, and for leaders and auditors to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Response, url_for

from intranet.domain.burden import Burden, UnitBurden, burden_of, duration
from intranet.enums import CycleState, Role
from intranet.errors import NotFound
from intranet.i18n import _
from intranet.queries.burden import cycle_before
from intranet.web import access
from intranet.web.context import actor, db, ground
from intranet.web.forms import answer
from intranet.web.shell import cycle_bar

from . import bp, frame

access.allow({"bureau.burden": access.READERS})


@dataclass(frozen=True, slots=True)
class Line:
    """A unit, and the same one in the cycle before."""

    now: UnitBurden
    before: UnitBurden | None

    def change(self, name: str) -> int | None:
        return None if self.before is None else int(getattr(self.now, name)) - int(getattr(self.before, name))


@dataclass(frozen=True)
class Sums:
    """Figures of the units that were in both cycles: (now, before)."""

    units: int
    asked: tuple[int, int]


@bp.get("/cycles/<int:cycle_id>/burden")
def burden(cycle_id: int) -> Response:
    cycle = frame.load(cycle_id)
    if cycle.state == CycleState.DRAFT:
        raise NotFound(_("这个考核周期还没有开启。"))
    zone = ground().settings.timezone
    now = burden_of(db(), cycle, frame.scoring_of(cycle), zone=zone)
    earlier = cycle_before(db(), actor(), cycle)
    before = None if earlier is None else burden_of(db(), earlier, frame.scoring_of(earlier), zone=zone)
    lines = [Line(u, before.unit(u.unit_id) if before else None) for u in now.units]
    is_bureau = actor().has(Role.BUREAU)
    back = url_for(
        "bureau.progress" if is_bureau else "leader.index", cycle_id=cycle_id if is_bureau else None
    )
    return answer(
        "bureau/burden.html",
        cycle=cycle,
        cycle_bar=cycle_bar(cycle),
        back=back,
        burden=now,
        earlier=earlier,
        earlier_missing=earlier is not None and not frame.is_installed(earlier),
        lines=lines,
        unit_word=frame.scoring_of(cycle).rubric.terms.unit,
        still_filing=cycle.state == CycleState.FILING,
        sums=_sums(lines, before),
        duration=duration,
        minutes=lambda n: duration(timedelta(minutes=n)),
    )


def _sums(lines: list[Line], before: Burden | None) -> Sums | None:
    both = [(x.now, x.before) for x in lines if x.before is not None]
    if before is None or not both:
        return None
    return Sums(
        len(both),
        (sum(n.asked for n, _b in both), sum(b.asked for _n, b in both)),
    )
