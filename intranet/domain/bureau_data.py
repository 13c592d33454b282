"""What the bureau itself knows: grades, absences, materials that cannot apply, waived clauses.

These are Answers of the owner ``bureau``; a school's form cannot reach them. While a cycle runs,
until its result is public, the bureau may correct them; every change is in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain.lifecycle import require_reason
from intranet.domain.log import record
from intranet.domain.operations import outcome_of, remember
from intranet.domain.phases import phase_name
from intranet.enums import CycleState, Role
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import _
from intranet.models import Answer, Cycle, Entry, EntrySchool
from intranet.queries.cycles import bureau_answers
from intranet.rubric import checks
from intranet.rubric.fields import Form
from intranet.rubric.model import Clause, Field, Rubric

BUREAU = "bureau"
NA = "na"
OPEN_STATES = (CycleState.FILING, CycleState.REVIEW, CycleState.DELIBERATION)


def is_open(cycle: Cycle) -> bool:
    """Whether the bureau may change its data now."""
    return cycle.state in OPEN_STATES


def _require_open(actor: Actor, cycle: Cycle) -> None:
    actor.require(Role.BUREAU)
    if not is_open(cycle):
        raise DomainError(_("现在是%(phase)s阶段，教育局数据不能再改。", phase=phase_name(cycle.state)))


@dataclass(frozen=True)
class FieldSet:
    """The bureau's fields of one clause, one grid. per: unit (a row per unit) or member (a row per school)."""

    key: str
    clause: Clause
    per: str
    fields: tuple[Field, ...]


def field_sets(rubric: Rubric) -> list[FieldSet]:
    """The bureau's fields in the order of the notice; those without a clause stand with the root."""
    found: dict[tuple[str, str], list[Field]] = {}
    for field in rubric.all_fields.values():
        if field.by == BUREAU:
            code = field.clause if field.clause in rubric.by else rubric.root.code
            found.setdefault((code, field.per), []).append(field)
    return [
        FieldSet(f"{code}.{per}", rubric.by[code], per, tuple(fields))
        for (code, per), fields in found.items()
    ]


@dataclass(frozen=True)
class Place:
    """Whom a row of a grid is about. school: None for the unit itself."""

    entry: Entry
    school: EntrySchool | None = None

    @property
    def school_id(self) -> int:
        return 0 if self.school is None else self.school.school_id


def save_row(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    place: Place,
    fields: Sequence[Field],
    typed: Mapping[str, str],
    versions: Mapping[str, int],
    *,
    at: datetime,
    op: str = "",
) -> None:
    """Store one row of a grid: all of its values or none.

    :param typed: text by field key. :param versions: of the stored answers that the form showed, 0 if none.
    :raises Invalid: ``problems`` by field key. :raises Conflict: somebody else changed a value
        meanwhile; ``theirs`` is ``{key: stored value}``.
    """
    _require_open(actor, cycle)
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in fields:
        if field.key in typed:
            try:
                values[field.key] = checks.parse_value(field, typed[field.key])
            except Invalid as error:
                problems[field.key] = error.message
    if problems:
        raise Invalid(_("有 %(n)s 处要改。", n=len(problems)), problems)
    assert place.entry.id is not None
    stored = bureau_answers(session, [place.entry.id])
    mine = {key: stored.get((place.entry.id, place.school_id, key)) for key in values}
    own = {key: a.version for key, a in mine.items() if a is not None}
    changed = {
        key for key, value in values.items() if (None if (a := mine[key]) is None else a.value) != value
    }
    stale = {key: mine[key] for key in changed if versions.get(key, 0) != own.get(key, 0)}
    if stale and outcome_of(session, actor, op) != own:
        theirs = {key: None if a is None else a.value for key, a in stale.items()}
        raise Conflict(_("有人刚刚改过这一行。请核对后再保存。"), theirs=theirs)
    for key in sorted(changed):
        _set(session, actor, place, key, values[key], mine[key], at=at)
    if changed:
        after = bureau_answers(session, [place.entry.id])
        kept = {
            k: after[place.entry.id, place.school_id, k].version
            for k in values
            if (place.entry.id, place.school_id, k) in after
        }
        remember(session, actor, op, kept, at=at)


def _set(
    session: Session,
    actor: Actor,
    place: Place,
    key: str,
    value: Any,
    stored: Answer | None,
    *,
    at: datetime,
    action: str = "data.save",
    reason: str = "",
) -> None:
    old = None if stored is None else stored.value
    answer = stored or Answer(
        entry_id=place.entry.id or 0,
        owner=BUREAU,
        school_id=place.school_id,
        key=key,
        version=0,
        changed_by=actor.user_id,
    )
    answer.value, answer.changed_by, answer.changed_at = value, actor.user_id, at
    answer.version += 1
    session.add(answer)
    session.flush()
    subject = key if place.school is None else f"{key}@{place.school.code}"
    record(
        session,
        actor,
        action,
        subject=subject,
        old=old,
        new=value,
        reason=reason,
        cycle_id=place.entry.cycle_id,
        entry_id=place.entry.id,
    )


# --- paste ---------------------------------------------------------------------------------------

MOST_LINES = 2000


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One value of a pasted table."""

    place: Place
    field: Field
    value: Any


def paste(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    places: Sequence[Place],
    fields: Sequence[Field],
    text: str,
    *,
    at: datetime,
) -> int:
    """Rows copied from a spreadsheet: name or code of unit (school) first, then the fields in order.

    A heading line (its first cell names nobody) is skipped when it is the first. All rows are stored
    or none; an empty cell leaves the stored value as it is.

    :returns: how many values changed. :raises Invalid: ``problems`` by ``行.列``.
    """
    _require_open(actor, cycle)
    lines = [line.split("\t") for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if not lines:
        raise Invalid(_("请先粘贴表格内容。"), field="text")
    if len(lines) > MOST_LINES:
        raise Invalid(_("一次最多粘贴 %(n)s 行。", n=MOST_LINES), field="text")
    problems: dict[str, str] = {}
    wanted = _read_lines(lines, places, fields, problems)
    if problems:
        raise Invalid(_("有 %(n)s 处要改，一行都没有保存。", n=len(problems)), problems)
    if not wanted:
        text = _("没有可保存的数据。第一列填单位或学校，后面依次是各项数据。")
        raise Invalid(text, field="text")
    stored = bureau_answers(session, [p.entry.id for p in places if p.entry.id is not None])
    changed = 0
    for one in wanted:
        answer = stored.get((one.place.entry.id or 0, one.place.school_id, one.field.key))
        if answer is None or answer.value != one.value:
            _set(session, actor, one.place, one.field.key, one.value, answer, at=at)
            changed += 1
    return changed


def _read_lines(
    lines: Sequence[Sequence[str]],
    places: Sequence[Place],
    fields: Sequence[Field],
    problems: dict[str, str],
) -> list[_Wanted]:
    """The values of all lines; what is wrong with them goes into ``problems``."""
    named: dict[str, list[Place]] = {}
    for place in places:
        who = place.entry if place.school is None else place.school
        for name in {who.code, who.name}:
            named.setdefault(name, []).append(place)
    wanted: list[_Wanted] = []
    seen: set[str] = set()
    for n, (first, *cells) in enumerate(lines, 1):
        name = first.strip()
        found = named.get(name, [])
        if n == 1 and not found:
            continue
        if len(found) != 1 or name in seen:
            problems[f"{n}.1"] = _wrong_name(n, name[:20], found)
            continue
        seen |= {name}
        if any(c.strip() for c in cells[len(fields) :]):
            most = len(fields) + 1
            problems[f"{n}.{most + 1}"] = _("第 %(n)s 行：列数太多，应为 %(m)s 列。", n=n, m=most)
        for m, (field, cell) in enumerate(zip(fields, cells, strict=False), 2):
            if cell.strip():
                try:
                    wanted.append(_Wanted(found[0], field, checks.parse_value(field, cell)))
                except Invalid as error:
                    why = _("第 %(n)s 行 %(label)s：%(why)s", n=n, label=field.label, why=error.message)
                    problems[f"{n}.{m}"] = why
    return wanted


def _wrong_name(n: int, name: str, found: Sequence[Place]) -> str:
    if not found:
        return _("第 %(n)s 行：没有“%(name)s”。请填登记的名称或代码。", n=n, name=name)
    if len(found) > 1:
        return _("第 %(n)s 行：“%(name)s”不止一个，请改填代码。", n=n, name=name)
    return _("第 %(n)s 行：“%(name)s”重复了。", n=n, name=name)


# --- what does not apply -------------------------------------------------------------------------


def set_slot(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    form: Form,
    key: str,
    *,
    applies: bool,
    reason: str,
    at: datetime,
) -> None:
    """Say that a material cannot apply to this unit (不适用), with a reason, or take it back.

    :raises Invalid: no such material; no reason.
    """
    _require_open(actor, cycle)
    code, _hash, _n = key.rpartition("#")
    if all(f"{code}#{slot.n}" != key for slot in form.slots(code)):
        raise Invalid(_("请选择一份材料。"), field="key")
    reason = require_reason(reason)
    place = Place(entry)
    stored = bureau_answers(session, [entry.id or 0]).get((entry.id or 0, 0, key))
    value = None if applies else NA
    if (None if stored is None else stored.value) != value:
        _set(session, actor, place, key, value, stored, at=at, action="data.slot", reason=reason)


def set_exempt(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    rubric: Rubric,
    entry: Entry,
    code: str,
    *,
    exempt: bool,
    reason: str,
) -> None:
    """Waive a clause for one unit (免评), with a reason, or take it back.

    :raises Invalid: no such clause, the whole, or no reason.
    """
    _require_open(actor, cycle)
    if code not in rubric.by or code == rubric.root.code:
        raise Invalid(_("请选择一条考核内容。"), field="code")
    reason = require_reason(reason)
    old = list(entry.exempt)
    new = sorted({*old, code} if exempt else set(old) - {code})
    if old != new:
        entry.exempt = new
        entry.version += 1
        session.add(entry)
        session.flush()
        record(
            session,
            actor,
            "data.exempt",
            subject=code,
            old=old,
            new=new,
            reason=reason,
            cycle_id=cycle.id,
            entry_id=entry.id,
        )
