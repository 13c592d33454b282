"""复制为下一年度: a new cycle in preparation from an earlier one, and what of it could not come along.

What was decided comes: rubric, rulings, rule for ties, combining rule, panel, units, dates a year on.
What was filed and scored does not; lasting rows and documents are carried over unit by unit
(``carry_over``) once the new cycle is open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain import accounts
from intranet.domain.cycle_dates import DATES, date_label
from intranet.domain.cycles import TITLE, check_breaks, create_cycle
from intranet.domain.log import record
from intranet.domain.operations import outcome_of, remember
from intranet.domain.phases import PRACTICE
from intranet.enums import Role
from intranet.errors import Invalid, RubricError
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.plugins import RubricRegistry
from intranet.queries.cycles import entries_of, panel_grants, units_for, users_by_id
from intranet.queries.sharing import definition_of
from intranet.rubric.loader import Definition, ruling_value
from intranet.rubric.model import Ruling

_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


@dataclass
class Copied:
    """What came along, and what did not with the reason; each a sentence ready to be shown."""

    source: int
    title: str
    carried: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Copied:
        return cls(data["source"], data["title"], list(data["carried"]), list(data["left"]))


def next_title(title: str) -> str:
    """The title with each year one later; without a year it says that it is a copy."""
    plain = title.removeprefix(PRACTICE)
    later = _YEAR.sub(lambda m: str(int(m[1]) + 1), plain)
    if later != plain:
        return later
    added = len(_("%(title)s（下一年度）", title=""))
    return _("%(title)s（下一年度）", title=plain[: TITLE - added])


def a_year_on(moment: datetime | None, zone: str) -> datetime | None:
    """The same local date and time next year; of a 29 February the 28th."""
    if moment is None:
        return None
    here = moment.astimezone(ZoneInfo(zone))
    day = 28 if (here.month, here.day) == (2, 29) else here.day
    return here.replace(year=here.year + 1, day=day)


def copy_cycle(
    session: Session,
    actor: Actor,
    registry: RubricRegistry,
    source: Cycle,
    *,
    at: datetime,
    zone: str = "Asia/Shanghai",
    op: str = "",
) -> Cycle:
    """A draft like ``source``, whatever phase that is in (archived ones too), for the year after it.

    The same form sent twice copies once. What came and what did not is in the log entry
    ``cycle.copy`` of the new cycle (:func:`report_of`).

    :raises Invalid: the rubric is not installed, so that there is nothing to prepare from.
    """
    actor.require(Role.BUREAU)
    made = outcome_of(session, actor, op)
    if isinstance(made, int):
        held = session.get(Cycle, made)
        if held is not None:
            return held
    installed = registry.get(source.rubric_key)
    if installed is None:
        raise Invalid(
            _("考核办法“%(title)s”没有安装，装回后才能复制。", title=source.rubric_title), field="rubric"
        )
    cycle = create_cycle(session, actor, registry, title=next_title(source.title), rubric=source.rubric_key)
    report = Copied(source.id or 0, source.title)
    _copy_rubric(report, source, cycle)
    _copy_rulings(report, source, cycle, installed.definition)
    _copy_rules(report, source, cycle, installed.definition)
    _copy_dates(report, source, cycle, zone)
    session.add(cycle)
    session.flush()
    _copy_units(session, report, source, cycle)
    _copy_panel(session, actor, report, source, cycle)
    report.left.append(_("填报内容、材料、评分和结果不复制。开启后各单位可以结转仍然有效的内容。"))
    record(
        session,
        actor,
        "cycle.copy",
        subject=str(source.id),
        old=source.title,
        new=cycle.title,
        cycle_id=cycle.id,
        report=report.to_json(),
    )
    remember(session, actor, op, cycle.id, at=at)
    return cycle


def report_of(detail: dict[str, Any]) -> Copied | None:
    """The report kept in the detail of a ``cycle.copy`` log entry."""
    kept = detail.get("report")
    return None if kept is None else Copied.from_json(kept)


def _copy_rubric(report: Copied, source: Cycle, cycle: Cycle) -> None:
    if (source.rubric_version, source.definition) == (cycle.rubric_version, cycle.definition):
        report.carried.append(
            _("考核办法：%(title)s（版本 %(v)s）", title=cycle.rubric_title, v=cycle.rubric_version)
        )
    else:
        report.carried.append(
            _(
                "考核办法：%(title)s，用现在安装的版本 %(new)s，上次是 %(old)s",
                title=cycle.rubric_title,
                new=cycle.rubric_version,
                old=source.rubric_version,
            )
        )


def _copy_rulings(report: Copied, source: Cycle, cycle: Cycle, definition: Definition) -> None:
    """Rulings whose key is still there and whose value is still offered, with reason and date."""
    before = {r.key: r for r in definition_of(source.definition).rulings}
    now = {r.key: r for r in definition.rulings}
    gone, refused = [], []
    values, notes = {}, {}
    for key, note in source.ruling_notes.items():
        old = before.get(key)
        if key not in now:
            gone.append(_question(old, key))
            continue
        try:
            ruling_value(now[key], source.rulings.get(key, now[key].default))
        except Invalid:
            refused.append(_question(now[key], key))
            continue
        if key in source.rulings:
            values[key] = source.rulings[key]
        notes[key] = dict(note)
    try:
        definition.bind(values)
    except RubricError as error:
        report.left.append(_("裁定全部要重定：照上次的口径，新办法有矛盾（%(why)s）", why=error.lines[0]))
        return
    cycle.rulings, cycle.ruling_notes = values, notes
    if notes:
        report.carried.append(_("裁定 %(n)s 处，连同理由和日期", n=len(notes)))
    fresh = [r.question for r in definition.rulings if r.key not in notes and not r.note]
    _left(report, _("裁定，新办法里已没有：%(what)s"), gone)
    _left(report, _("裁定，上次的选项已不提供，要重定：%(what)s"), refused)
    _left(report, _("裁定，还没有定：%(what)s"), [q for q in fresh if q not in refused])


def _question(ruling: Ruling | None, key: str) -> str:
    return ruling.question if ruling is not None and ruling.question else key


def _left(report: Copied, sentence: str, names: Sequence[str]) -> None:
    report.left += [sentence % {"what": name} for name in names]


def _copy_rules(report: Copied, source: Cycle, cycle: Cycle, definition: Definition) -> None:
    cycle.combine, cycle.ties, cycle.max_returns = source.combine, source.ties, source.max_returns
    cycle.assigned = source.assigned
    kept: list[str] = []
    for code in source.tie_break:
        try:
            check_breaks(cycle, definition, [*kept, code])
        except Invalid:
            report.left.append(_("同分比较：办法里已没有 %(code)s", code=code))
        else:
            kept.append(code)
    cycle.tie_break = kept
    report.carried.append(_("合成办法、同分规则和退回次数"))
    if source.assigned:
        report.left.append(_("评分分工：按分工评分的设置沿用，谁评哪些要重新安排"))


def _copy_dates(report: Copied, source: Cycle, cycle: Cycle, zone: str) -> None:
    moved = [name for name in DATES if getattr(source, name) is not None]
    for name in moved:
        setattr(cycle, name, a_year_on(getattr(source, name), zone))
    if moved:
        report.carried.append(
            _("日程顺延一年，请核对节假日：%(what)s", what=_("、").join(map(date_label, moved)))
        )


def _copy_units(session: Session, report: Copied, source: Cycle, cycle: Cycle) -> None:
    assert source.id is not None
    assert cycle.id is not None
    rows = {row.unit.id: row for row in units_for(session, cycle.rubric_key)}
    n = 0
    for entry in entries_of(session, source.id):
        row = rows.get(entry.unit_id)
        if row is None:
            report.left.append(_("考核对象 %(name)s：已停用或改用别的考核办法", name=entry.name))
        elif row.lead is None:
            report.left.append(_("考核对象 %(name)s：没有牵头学校", name=entry.name))
        else:
            unit = row.unit
            session.add(
                Entry(
                    cycle_id=cycle.id,
                    unit_id=entry.unit_id,
                    code=unit.code,
                    name=unit.name,
                    group=unit.group,
                )
            )
            n += 1
    session.flush()
    if n:
        report.carried.append(_("考核对象 %(n)s 个，名称和成员校按现在的登记", n=n))


def _copy_panel(session: Session, actor: Actor, report: Copied, source: Cycle, cycle: Cycle) -> None:
    assert source.id is not None
    assert cycle.id is not None
    grants = panel_grants(session, source.id)
    users = users_by_id(session, [g.user_id for g in grants])
    carried: set[int] = set()
    for given in sorted(grants, key=lambda g: (g.user_id, g.role)):
        user = users.get(given.user_id)
        if user is None or not user.active:
            report.left.append(_("考核组 %(name)s：账号已停用", name=user.name if user else given.user_id))
            continue
        accounts.grant(session, actor, given.user_id, given.role, cycle_id=cycle.id)
        carried.add(given.user_id)
    if carried:
        report.carried.append(_("考核组 %(n)s 人。回避要重新申报", n=len(carried)))
