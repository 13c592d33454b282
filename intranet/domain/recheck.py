"""再算一遍: the proof that a stored result still follows from the facts stored with it.

What is stored may lie in the database or, years later, in an archive: the comparison is the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from intranet.domain.freeze import as_stored, fingerprint_of
from intranet.domain.lifecycle import naming
from intranet.domain.scoring import Scoring
from intranet.domain.ties import ties_in
from intranet.errors import Conflict, DomainError
from intranet.i18n import SOURCE, _, use_language
from intranet.models import Cycle, Result
from intranet.queries.results import unit_results
from intranet.rubric import engine, ledger
from intranet.rubric.facts import Facts
from intranet.rubric.model import Rubric

SCORE_PARTS = ("state", "points", "verdict", "raw", "max", "proposed", "value", "lines", "steps", "flags")
"""Parts of a stored score, the telling ones first."""


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


@dataclass(frozen=True)
class StoredUnit:
    """One unit of a stored result: what it was made of and what came of it, as JSON."""

    facts: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def code(self) -> str:
        return str(self.facts["unit"])


def recheck(session: Session, cycle: Cycle, scoring: Scoring, held: Result) -> Recheck:
    """Score the stored facts again and compare every unit, and the fingerprint with what is stored."""
    if held.cycle_id != cycle.id or held.id is None:
        raise Conflict(_("这份结果不属于这个考核周期。"))
    units = [StoredUnit(r.facts, r.document) for r in unit_results(session, held.id)]
    differences = []
    if not fingerprint_holds(held.rubric_fingerprint, units, held.rules, held.fingerprint):
        differences.append(_("冻结指纹对不上：冻结之后，存下的数据被改动过。"))
    if scoring.definition.fingerprint(cycle.rulings) != held.rubric_fingerprint:
        differences.append(_("考核办法或裁定与冻结时不同。"))
    if scoring.plugin_missing:
        return Recheck(False, tuple(differences))
    return Recheck(True, (*differences, *compare(scoring.rubric, scoring.hooks, held.rules, units)))


def fingerprint_holds(
    rubric: str, units: Sequence[StoredUnit], rules: Mapping[str, Any], fingerprint: str
) -> bool:
    """Whether nothing was changed since the freeze that gave this fingerprint."""
    stored = [{"facts": u.facts, "document": u.document} for u in units]
    return fingerprint_of(rubric, stored, rules) == fingerprint


def compare(
    rubric: Rubric, hooks: engine.Hooks, rules: Mapping[str, Any], units: Sequence[StoredUnit]
) -> list[str]:
    """Score the whole cohort again from its facts; every difference in words, unit by unit.

    :param rules: ``Result.rules``: the ties are settled as they were.
    """
    try:
        facts = [Facts.from_json(u.facts) for u in sorted(units, key=lambda u: u.code)]
        with use_language(SOURCE):  # as at the freeze
            scored = engine.score_cohort(rubric, facts, hooks, ties=ties_in(rules))
        again = {r.unit: as_stored(ledger.result_to_json(r)) for r in scored}
    except DomainError as error:
        return [_("重新算分时出错：%(why)s", why=error.message)]
    out = []
    for unit in units:
        document = again.get(unit.code)
        if document is None:
            out.append(_("%(name)s：重算结果里没有这个单位。", name=unit.document["name"]))
        elif document != unit.document:
            out += differences_of(rubric, unit.document, document)
    return out


def differences_of(rubric: Rubric, stored: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """Where two documents of one unit differ: total and rank, then each clause, leaves first, then the rest."""
    name = stored.get("name", "")
    out = []
    if stored.get("total") != again["total"] or stored.get("rank") != again["rank"]:
        out.append(
            _(
                "%(name)s：存的是 %(old)s 分、第 %(old_rank)s 名，重算是 %(new)s 分、第 %(new_rank)s 名。",
                name=name,
                old=stored.get("total") or "—",
                old_rank=stored.get("rank") or "—",
                new=again["total"] or "—",
                new_rank=again["rank"] or "—",
            )
        )
    sheet = stored.get("sheet", {})
    codes = [c for c in (*again["sheet"], *sheet) if sheet.get(c) != again["sheet"].get(c)]
    codes = sorted(dict.fromkeys(codes), key=lambda c: bool(rubric.children.get(c)))
    out += [_clause(rubric, name, c, sheet.get(c), again["sheet"].get(c)) for c in codes]
    if not out:
        keys = [k for k in again if stored.get(k) != again[k]] or [k for k in stored if k not in again]
        out.append(_("%(name)s：总分相同，明细不同（%(codes)s）。", name=name, codes=naming(keys) or "—"))
    return out


def _clause(
    rubric: Rubric,
    name: str,
    code: str,
    stored: Mapping[str, Any] | None,
    again: Mapping[str, Any] | None,
) -> str:
    stored, again = stored or {}, again or {}
    part = next((p for p in SCORE_PARTS if stored.get(p) != again.get(p)), "code")
    clause = f"{code} {rubric.by[code].name[:24]}" if code in rubric.by else code
    if part in ("lines", "steps", "flags"):
        return _("%(name)s：%(clause)s 的算法说明不同。", name=name, clause=clause)
    return _(
        "%(name)s：%(clause)s 存的是 %(old)s，重算是 %(new)s。",
        name=name,
        clause=clause,
        old=stored.get(part) or "—",
        new=again.get(part) or "—",
    )
