"""一校一单: one unit's frozen result told to that unit, as texts ready to be shown or printed.

Other units appear in it as a mean only, and not at all where so few were scored that a mean would give one
of them away. Who on the panel said what is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import groupby
from zoneinfo import ZoneInfo

from intranet.domain.calendar import end_of_day
from intranet.domain.nearest import nearest
from intranet.domain.publication import shows_rank
from intranet.domain.scoring import Scoring
from intranet.enums import CycleState
from intranet.i18n import _
from intranet.models import Publication
from intranet.queries.explain import LedgerRow, ledger_rows
from intranet.queries.results import Cohort, Ranking, UnitLine, losses_of, scored
from intranet.rubric.ledger import Score
from intranet.rubric.model import Clause, Rubric
from intranet.rubric.numbers import most_digits, show

LEAST_FOR_MEAN = 3
"""Units with points, the own one included, below which no mean is told: of two, it tells the other's points."""


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """One indicator. dimension: the first level it belongs to; mean: distance to the mean, +0.4, −1.2, or —."""

    dimension: str
    name: str
    points: str
    most: str
    mean: str


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the ledger. off: it does not count; note: why not."""

    text: str
    points: str
    off: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class ClauseRow:
    """One clause of the ledger. depth: below its indicator; points: or the word that stands there."""

    name: str
    depth: int
    points: str
    most: str
    said: tuple[Said, ...]
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NearRow:
    name: str
    text: str
    gain: str


@dataclass(frozen=True, slots=True)
class Letter:
    """All that a unit's letter says. Empty texts are left out; facts: (label, value) of the head;
    ledger: per indicator its clauses, the indicator itself first.

    appeal_until: None while nothing is published, or the time is over.
    """

    unit: str
    cycle: str
    bureau: str
    label: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    indicators: tuple[IndicatorRow, ...]
    mean_note: str
    ledger: tuple[tuple[ClauseRow, ...], ...]
    nearest: tuple[NearRow, ...]
    appeal: str
    contact: str
    frozen_at: datetime
    fingerprint: str

    @property
    def parts(self) -> list[tuple[str, list[IndicatorRow]]]:
        """The indicators by the first level that they belong to, neighbours together."""
        return [(key, list(rows)) for key, rows in groupby(self.indicators, key=lambda row: row.dimension)]


def letter_of(
    ranking: Ranking,
    scoring: Scoring,
    line: UnitLine,
    *,
    bureau: str,
    contact: str,
    publication: Publication | None,
    label: str,
    at: datetime,
    zone: str,
) -> Letter:
    """One unit's letter from the stored list.

    :param publication: the one that holds; :param label: 草案 and the like; :param at: now, for 复核.
    """
    rubric = ranking.rubric
    cohort = ranking.cohorts[line.result.group]
    return Letter(
        unit=line.result.name,
        cycle=ranking.cycle.title,
        bureau=bureau,
        label=label,
        facts=_facts(ranking, line, cohort, with_rank=shows_rank(publication)),
        notes=(*_losses(rubric, line), *line.result.outcome.notes),
        indicators=tuple(_indicators(rubric, line, cohort)),
        mean_note=_mean_note(rubric, line, cohort),
        ledger=_ledger(rubric, line),
        nearest=_nearest(scoring, line, ranking.held.frozen_at),
        appeal=_appeal(ranking, publication, at=at, zone=zone),
        contact=publication.contact if publication else contact,
        frozen_at=ranking.held.frozen_at.astimezone(ZoneInfo(zone)),
        fingerprint=ranking.held.fingerprint,
    )


# --- the head ------------------------------------------------------------------------------------


def _facts(
    ranking: Ranking, line: UnitLine, cohort: Cohort, *, with_rank: bool
) -> tuple[tuple[str, str], ...]:
    result, out = line.result, []
    if result.total is not None:
        most = ranking.rubric.root.max
        text = show(result.total) if most is None else f"{show(result.total)} / {show(most)}"
        out.append((_("总分"), text))
    for code, title, most in ranking.columns:
        value = ranking.figure(line, code)
        text = ranking.no_figure(line, code) if value is None else show(value)
        out.append((title, text if most is None or value is None else f"{text} / {show(most)}"))
    if line.deducted:
        out.append((_("总分扣分"), show(-line.deducted)))
    if with_rank and result.rank is not None:
        ranked = sum(x.result.rank is not None for x in cohort.lines)
        text = _("第 %(n)s 名，共 %(of)s 个", n=result.rank, of=ranked)
        out.append(
            (_("组内名次") if result.group else _("名次"), f"{text}（{_('并列')}）" if result.tied else text)
        )
    if result.group:
        out.append((_("组别"), result.group))
    if result.outcome.grade:
        out.append((_("等次"), result.outcome.grade))
    return tuple(out)


def _losses(rubric: Rubric, line: UnitLine) -> tuple[str, ...]:
    """What was taken off the total, in one sentence."""
    found = losses_of(line.result.sheet[rubric.root.code])
    return (_("总分扣分：%(what)s。", what="；".join(found)),) if found else ()


def _appeal(ranking: Ranking, publication: Publication | None, *, at: datetime, zone: str) -> str:
    state = ranking.cycle.state
    if publication is None:
        if state in (CycleState.FINAL, CycleState.ARCHIVED):
            return _("结果已定稿，不再受理复核。")
        return _("结果还没有公示。公示后可以在公示期内提出复核。")
    until = end_of_day(publication.ends_on, zone)
    if at < until and state in (CycleState.FINAL, CycleState.ARCHIVED):  # final before its time was over
        return _("结果已定稿，不再受理复核。")
    if state != CycleState.PUBLISHED or at >= until:
        return _("公示已于%(day)s 24:00 结束，不再受理复核。", day=_day(publication))
    return _(
        "对结果有异议的，请在%(day)s 24:00 前登录考核系统，打开“考核结果”，从有异议的那一条提出复核，写明理由并附佐证材料。",
        day=_day(publication),
    )


def _day(publication: Publication) -> str:
    day = publication.ends_on
    return _("%(year)s年%(month)s月%(day)s日", year=day.year, month=day.month, day=day.day)


# --- indicators ----------------------------------------------------------------------------------


def distance_to_mean(cohort: Cohort, line: UnitLine, code: str) -> Fraction | None:
    """Own points less the mean of all who have points; None where too few have, or the own unit has none."""
    own, (whole, units) = scored(line, code), cohort.known(code)
    return None if own is None or units < LEAST_FOR_MEAN else own - whole / units


def _indicators(rubric: Rubric, line: UnitLine, cohort: Cohort) -> list[IndicatorRow]:
    """Each column with the same decimals all the way down."""
    asked = [(c, line.result.sheet[c.code]) for c in rubric.indicators if c.code in line.result.sheet]
    tops = [None if c.max is None else s.max if s.max is not None else c.max for c, s in asked]
    away = [distance_to_mean(cohort, line, c.code) for c, _s in asked]
    points, most, mean = (most_digits(column) for column in ([s.points for _c, s in asked], tops, away))
    return [
        IndicatorRow(
            _dimension(rubric, clause),
            clause.name,
            _points(clause, score, points),
            show(top, least=most),
            signed(distance, mean),
        )
        for (clause, score), top, distance in zip(asked, tops, away, strict=True)
    ]


def _mean_note(rubric: Rubric, line: UnitLine, cohort: Cohort) -> str:
    if len(cohort.lines) < LEAST_FOR_MEAN:
        return _("参加比较的不足 %(n)s 个，不列“比均分”。", n=LEAST_FOR_MEAN)
    if line.result.group:
        return _("“比均分”是本单位得分减去%(group)s内有得分单位的平均分。", group=line.result.group)
    return _("“比均分”是本单位得分减去有得分单位的平均分。")


def signed(value: Fraction | None, least: int = 0) -> str:
    """+0.4, −1.2, 0; — for none. least: decimals kept."""
    text = show(value, least=least)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def _dimension(rubric: Rubric, clause: Clause) -> str:
    """The first level above the clause; "" if it stands there itself."""
    found: Clause | None = clause
    while found is not None and found.parent is not None and found.parent != rubric.root.code:
        found = rubric.by.get(found.parent)
    return "" if found is None or found.code == clause.code else found.name


def _points(clause: Clause, score: Score, least: int) -> str:
    return LedgerRow(clause, score, 0, True, ()).word or show(score.points, least=least)


def _nearest(scoring: Scoring, line: UnitLine, at: datetime) -> tuple[NearRow, ...]:
    found = nearest(scoring, line, at=at)
    least = most_digits(near.gain for near in found)
    return tuple(NearRow(near.clause.name, near.text, show(near.gain, least=least)) for near in found)


# --- the ledger ----------------------------------------------------------------------------------


def _told(rows: Sequence[LedgerRow]) -> list[LedgerRow]:
    """The indicator itself, the leaves under it, and sums in which something happened."""
    return [row for row in rows if row.depth == 0 or row.is_leaf or row.lines or row.steps]


def _ledger(rubric: Rubric, line: UnitLine) -> tuple[tuple[ClauseRow, ...], ...]:
    """Per indicator its clauses; both columns of figures with the same decimals all the way down."""
    parts = [
        _told(ledger_rows(rubric, line, clause.code))
        for clause in rubric.indicators
        if clause.code in line.result.sheet
    ]
    rows = [row for part in parts for row in part]
    digits = _Digits(
        most_digits(row.score.points for row in rows),
        most_digits(row.score.max for row in rows),
        most_digits(x.points for row in rows for x in row.lines if x.counted or not x.reason),
    )
    return tuple(tuple(_clause(row, digits) for row in part) for part in parts)


@dataclass(frozen=True, slots=True)
class _Digits:
    """Decimals kept in the columns of the ledger: points of a clause, its maximum, points of a line."""

    points: int
    most: int
    said: int


def _clause(row: LedgerRow, digits: _Digits) -> ClauseRow:
    return ClauseRow(
        name=row.clause.name,
        depth=row.depth,
        points=row.word or show(row.score.points, least=digits.points),
        most="" if row.score.max is None else show(row.score.max, least=digits.most),
        said=tuple(
            Said(
                x.text,
                "" if x.points is None else show(x.points, least=digits.said),
                off=not x.counted and bool(x.reason),  # without a reason it only informs, as a place does
                note=x.reason,
            )
            for x in row.lines
        ),
        steps=tuple(row.steps),
    )
