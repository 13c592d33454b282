"""再算一遍: the proof that a stored result still follows from the facts stored with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from intranet.domain.freeze import as_stored, fingerprint_of
from intranet.domain.lifecycle import naming
from intranet.domain.scoring import Scoring
from intranet.domain.ties import ties_in
from intranet.errors import Conflict, DomainError
from intranet.i18n import _
from intranet.models import Cycle, Result
from intranet.queries.results import unit_results
from intranet.rubric import engine, ledger
from intranet.rubric.facts import Facts


@dataclass(frozen=True)
class Recheck:
    """再算一遍: does the stored result still follow from the stored facts?

    possible: False while the plugin is missing; then only the fingerprint is compared.
    """

    possible: bool
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.differences


def recheck(session: Session, cycle: Cycle, scoring: Scoring, held: Result) -> Recheck:
    """Score the stored facts again and compare every unit, and the fingerprint with what is stored."""
    if held.cycle_id != cycle.id or held.id is None:
        raise Conflict(_("这份结果不属于这个考核周期。"))
    rows = unit_results(session, held.id)
    units = [{"facts": r.facts, "document": r.document} for r in rows]
    differences = []
    if fingerprint_of(held.rubric_fingerprint, units, held.rules) != held.fingerprint:
        differences.append(_("冻结指纹对不上：冻结之后，存下的数据被改动过。"))
    if scoring.definition.fingerprint(cycle.rulings) != held.rubric_fingerprint:
        differences.append(_("考核办法或裁定与冻结时不同。"))
    if scoring.plugin_missing:
        return Recheck(False, tuple(differences))
    try:
        facts = [Facts.from_json(r.facts) for r in sorted(rows, key=lambda r: str(r.facts["unit"]))]
        again = {
            r.unit: as_stored(ledger.result_to_json(r))
            for r in engine.score_cohort(scoring.rubric, facts, scoring.hooks, ties=ties_in(held.rules))
        }
    except DomainError as error:
        return Recheck(True, (*differences, _("重新算分时出错：%(why)s", why=error.message)))
    for row in rows:
        document = again.get(str(row.facts["unit"]))
        if document != row.document:
            differences.append(_difference(row.document, document))
    return Recheck(True, tuple(differences))


def _difference(stored: Mapping[str, Any], again: Mapping[str, Any] | None) -> str:
    name = stored["name"]
    if again is None:
        return _("%(name)s：重算结果里没有这个单位。", name=name)
    if stored["total"] != again["total"] or stored["rank"] != again["rank"]:
        return _(
            "%(name)s：存的是 %(old)s 分、第 %(old_rank)s 名，重算是 %(new)s 分、第 %(new_rank)s 名。",
            name=name,
            old=stored["total"] or "—",
            old_rank=stored["rank"] or "—",
            new=again["total"] or "—",
            new_rank=again["rank"] or "—",
        )
    codes = [c for c in stored["sheet"] if stored["sheet"][c] != again["sheet"].get(c)]
    return _("%(name)s：总分相同，明细不同（%(codes)s）。", name=name, codes=naming(codes) or "—")
