"""Form fields: the ones a clause implies, and how a plugin adapts them to a unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..errors import RubricError
from ..i18n import _
from .facts import Facts
from .model import Clause, DeductClause, Field, FieldType, Loss, Options, Rubric, TicksClause


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One change that ``form_fields`` makes. None leaves a property as it is.

    key: a field key (``B4.上学期``) or the key of a material slot (``B6#4``, counted from 1).
    hidden: the unit is not asked; in the score the slot is 不适用 and the field blank.
    reason: why, shown to the panel and in the ledger.
    """

    key: str
    label: str | None = None
    help: str | None = None
    options: Options | None = None
    default: str | None = None
    hidden: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """One required material of a clause. n counts from 1, as in the key ``B6#4``."""

    n: int
    label: str
    hidden: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Form:
    """The fields and slots of one unit. ``hidden``: key -> why the unit is not asked."""

    fields: Mapping[str, Field]
    hidden: Mapping[str, str]
    labels: Mapping[str, tuple[str, ...]]  # slot labels by clause code

    def field(self, key: str) -> Field:
        """The field as this unit sees it. :raises KeyError: no such field."""
        return self.fields[key]

    def slots(self, code: str) -> list[Slot]:
        """The materials of a clause in printed order, hidden ones included; [] if it names none."""
        return [
            Slot(n, label, f"{code}#{n}" in self.hidden, self.hidden.get(f"{code}#{n}", ""))
            for n, label in enumerate(self.labels.get(code, ()), 1)
        ]


def loss_key(clause: Clause, loss: Loss) -> str | None:
    """Key of the field that a loss counts by; None for events, materials and formulas.

    ``count`` and ``tick`` name their field, declared or not; a judged loss has its own.
    """
    if loss.count is not None or loss.tick is not None:
        return (loss.count or loss.tick) or f"{clause.code}.{loss.label}"
    return f"{clause.code}.{loss.label}" if loss.judged else None


# Labels of implied fields stand beside the notice's own texts and are kept with the rubric, so they
# are Chinese like these and not translated for each reader.
DONE, QUALITY, POINTS = "已开展", "酌情扣分", "分"


def _field(clause: Clause, key: str, label: str, kind: FieldType, **more: Any) -> Field:
    return Field(key=f"{clause.code}.{key}", label=label, type=kind, clause=clause.code, **more)


def _implied_by(clause: Clause) -> Iterator[Field]:
    """The fields a clause brings along, in the order in which they are asked."""
    if isinstance(clause, TicksClause):
        for tick in clause.ticks:
            yield _field(clause, tick.key, tick.label, "tick")
    if isinstance(clause, DeductClause):
        counted = clause.deductions.ask_done == "uncounted" and bool(clause.events)
        if clause.deductions.not_done and not counted:
            yield _field(clause, "done", DONE, "tick")
        for event in clause.events:
            for period in (event.in_ or (event.label,)) if event.rows is None else ():
                label = f"{event.label}（{period}）" if event.in_ else event.label
                yield _field(clause, period, label, "count", unit=event.unit)
    for own in clause.fields:
        yield own if own.clause else own.model_copy(update={"clause": clause.code})
    for loss in clause.losses:
        yield from _implied_by_loss(clause, loss)
    if isinstance(clause, DeductClause) and clause.deductions.quality:
        yield _field(clause, "quality", QUALITY, "number", by="panel", least=0, most=clause.max, unit=POINTS)


def _implied_by_loss(clause: Clause, loss: Loss) -> Iterator[Field]:
    key = loss_key(clause, loss)
    if key is None:
        return
    if loss.judged:
        field = _field(clause, "", loss.label, "number", by=loss.by, least=0, most=loss.most, unit=POINTS)
    elif loss.tick is not None:
        field = _field(clause, "", loss.label, "tick", by=loss.by)
    else:
        field = _field(clause, "", loss.label, "count", by=loss.by, unit=loss.unit)
    yield field.model_copy(update={"key": key})


def implied(rubric: Rubric) -> Mapping[str, Field]:
    """All fields by key, in the order of the notice: ``[[field]]`` and those the clauses imply.

    A declared field stands with its clause, or before all clauses if it names none. A loss that
    names a field declared anywhere uses that one.
    """
    named = {f.key for f in rubric.fields} | {f.key for c in rubric.clauses for f in c.fields}
    fields: dict[str, Field] = {f.key: f for f in rubric.fields if f.clause not in rubric.by}
    for clause in rubric.clauses:
        for declared in rubric.fields:
            if declared.clause == clause.code:
                fields.setdefault(declared.key, declared)
        own = {f.key for f in clause.fields}
        for field in _implied_by(clause):
            if field.key in own or field.key not in named:
                fields.setdefault(field.key, field)
    return MappingProxyType(fields)


def applies(rubric: Rubric, code: str, facts: Facts) -> bool:
    """Whether a clause is this unit's business: ``applies`` of it and of all above it holds.

    An attribute may be a list; one of its values is enough. A waived clause (免评) still applies.
    """
    here: str | None = code
    while here is not None:
        clause = rubric.by[here]
        for name, allowed in clause.applies.items():
            has = facts.attributes.get(name)
            values = has if isinstance(has, list | tuple) else [has]
            if not any(str(v) in allowed for v in values if v is not None):
                return False
        here = clause.parent
    return True


def adapt(rubric: Rubric, facts: Facts, changes: Sequence[FieldChange] | None) -> Form:
    """The unit's form: all fields and slots with the changes of ``form_fields`` made.

    Fields and slots of clauses that do not apply to the unit are hidden without being asked to.

    :raises RubricError: a change names a field or slot that the rubric does not have.
    """
    fields = dict(rubric.all_fields)
    labels = {c.code: list(c.materials) for c in rubric.clauses if c.materials}
    hidden = {
        key: _("不适用")
        for key, f in fields.items()
        if f.clause in rubric.by and not applies(rubric, f.clause, facts)
    }
    for code, slots in labels.items():
        if not applies(rubric, code, facts):
            hidden |= {f"{code}#{n}": _("不适用") for n in range(1, len(slots) + 1)}
    unknown = []
    for change in changes or ():
        code, _hash, n = change.key.rpartition("#")
        if change.key in fields:
            given = {name: getattr(change, name) for name in ("label", "help", "options", "default")}
            update = {name: value for name, value in given.items() if value is not None}
            fields[change.key] = fields[change.key].model_copy(update=update)
        elif code in labels and n.isdecimal() and 1 <= int(n) <= len(labels[code]):
            if change.label is not None:
                labels[code][int(n) - 1] = change.label
        else:
            unknown.append(_("form_fields: 没有名为“%(key)s”的字段或材料: 请核对键名", key=change.key))
            continue
        if change.hidden:
            hidden[change.key] = change.reason
    if unknown:
        raise RubricError(unknown)
    return Form(
        MappingProxyType(fields), MappingProxyType(hidden), {code: tuple(s) for code, s in labels.items()}
    )
