"""The decision on an appeal (复核): what was published stands, or the points change, or a wrong figure is
corrected. Either way the published result stays as it is until ``appeal_freeze`` scores the cohort anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlmodel import Session, select

from intranet.actor import Actor
from intranet.domain.appeal_undo import replaced
from intranet.domain.appeals import (
    MOST_TEXT,
    completed,
    log_act,
    points_said,
    require_published,
    require_undecided,
)
from intranet.domain.log import record
from intranet.enums import AppealState, Role
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import _
from intranet.models import SETTLED, Answer, Appeal, Cycle, Entry, EntrySchool, Mark
from intranet.queries import appeals as stored
from intranet.rubric import checks
from intranet.rubric.fields import Form
from intranet.rubric.marks import check_mark
from intranet.rubric.model import Field, Rubric


def reject(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    appeal: Appeal,
    *,
    decision: str,
    version: int,
    at: datetime,
) -> None:
    """What was published stands; the reason is shown to the unit."""
    decision = _require_decision(actor, cycle, appeal, decision, version)
    appeal.state, appeal.decision = AppealState.REJECTED, decision
    _decided(session, actor, appeal, at)
    log_act(session, actor, entry, appeal, "appeal.reject", reason=decision)


def uphold(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    rubric: Rubric,
    appeal: Appeal,
    *,
    bar: str,
    points: Fraction | None,
    verdict: str | None,
    decision: str,
    version: int,
    at: datetime,
) -> Mark:
    """The clause gets other points: a settled mark, which stands before all others.

    :param bar: why this clause takes no mark (a place over all units); "" if it takes one.
    :raises DomainError: nobody but the first scorers has looked at it, or it takes no mark.
    """
    decision = _require_decision(actor, cycle, appeal, decision, version)
    if bar:
        text = _("这一条的得分由数据算出（%(why)s），请改用“更正数据”。", why=bar)
        raise Invalid(text, field="points")
    if not any(r.said_at for r in stored.reviews_of(session, appeal.id or 0)):
        raise DomainError(_("还没有人复核。请先请第一次评分以外的人看过，再改分。"))
    points = completed(rubric, appeal.code, points, verdict)
    check_mark(rubric, appeal.code, points, verdict)
    if (points, verdict) == (appeal.old_points, appeal.old_verdict):
        raise Invalid(_("分数与公示的相同。维持原分请选“不予支持”。"), field="points")
    mark = _settle(session, actor, entry, appeal, points, verdict, decision, at)
    appeal.state, appeal.decision = AppealState.UPHELD, decision
    appeal.points, appeal.verdict = points, verdict
    _decided(session, actor, appeal, at)
    log_act(
        session,
        actor,
        entry,
        appeal,
        "appeal.uphold",
        old=points_said(appeal.old_points, appeal.old_verdict),
        new=points_said(points, verdict),
        reason=decision,
    )
    return mark


def _settle(
    session: Session,
    actor: Actor,
    entry: Entry,
    appeal: Appeal,
    points: Fraction | None,
    verdict: str | None,
    decision: str,
    at: datetime,
) -> Mark:
    query = select(Mark).where(
        Mark.entry_id == appeal.entry_id, Mark.code == appeal.code, Mark.role == SETTLED
    )
    mark = session.exec(query).first()
    before = None if mark is None else replaced(mark)
    old = None if mark is None else points_said(mark.points, mark.verdict)
    if mark is None:
        mark = Mark(
            entry_id=appeal.entry_id,
            code=appeal.code,
            role=SETTLED,
            made_by=actor.user_id,
            version=0,
        )
    mark.points, mark.verdict = points, verdict
    mark.reason = _("复核：%(why)s", why=decision)[:1000]
    mark.doubtful, mark.made_by, mark.made_at, mark.version = False, actor.user_id, at, mark.version + 1
    session.add(mark)
    session.flush()
    log_act(
        session,
        actor,
        entry,
        appeal,
        "mark.settle",
        old=old,
        new=points_said(points, verdict),
        reason=mark.reason,
        **({} if before is None else {"replaced": before}),
    )
    return mark


@dataclass(frozen=True)
class Figure:
    """A value that the bureau or the panel owns and an appeal may correct. school: whose, None for the unit's."""

    field: Field
    school_id: int = 0
    school: str = ""
    school_code: str = ""
    answer: Answer | None = None

    @property
    def key(self) -> str:
        return f"{self.field.key}@{self.school_id}"

    @property
    def version(self) -> int:
        return self.answer.version if self.answer else 0

    @property
    def value(self) -> Any:
        return self.answer.value if self.answer else None


def figures_of(session: Session, entry: Entry, form: Form, schools: Sequence[EntrySchool]) -> list[Figure]:
    """Every value of the unit that is not the school's to fill in.

    :param schools: of the entry.
    """
    fields = [f for f in form.fields.values() if f.by != "school" and f.key not in form.hidden]
    query = select(Answer).where(Answer.entry_id == entry.id, Answer.owner != "school")
    held = {(a.owner, a.key, a.school_id): a for a in session.exec(query)}
    out = []
    for field in fields:
        if field.per == "member":
            for s in schools:
                answer = held.get((field.by, field.key, s.school_id))
                out.append(Figure(field, s.school_id, s.name, s.code, answer))
        else:
            out.append(Figure(field, answer=held.get((field.by, field.key, 0))))
    return out


def uphold_by_figures(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    appeal: Appeal,
    known: Sequence[Figure],
    typed: Mapping[str, str],
    versions: Mapping[str, int],
    *,
    decision: str,
    version: int,
    at: datetime,
) -> list[Figure]:
    """The points rested on a wrong value of the bureau's or the panel's: it is corrected.

    :param typed: text by ``Figure.key``. :returns: what was corrected.
    :raises Invalid: ``problems`` by key; nothing differs. :raises Conflict: a value changed meanwhile.
    """
    decision = _require_decision(actor, cycle, appeal, decision, version)
    values, problems = dict[str, Any](), dict[str, str]()
    for figure in known:
        if figure.key in typed:
            try:
                values[figure.key] = checks.parse_value(figure.field, typed[figure.key])
            except Invalid as error:
                problems[figure.key] = error.message
    if problems:
        raise Invalid(_("有 %(n)s 处要改。", n=len(problems)), problems)
    changed = [f for f in known if f.key in values and values[f.key] != f.value]
    if not changed:
        raise Invalid(_("没有改动任何数据。请改正有误的那一项，或选“不予支持”。"), field="figures")
    if any(versions.get(f.key, 0) != f.version for f in changed):
        raise Conflict(_("有人刚刚改过这些数据。请核对后再保存。"), field="figures")
    for figure in changed:
        _correct(session, actor, entry, appeal, figure, values[figure.key], decision, at)
    appeal.state, appeal.decision = AppealState.UPHELD, decision
    _decided(session, actor, appeal, at)
    log_act(
        session,
        actor,
        entry,
        appeal,
        "appeal.uphold",
        reason=decision,
        corrected=[f"{f.field.label}{f'@{f.school_code}' if f.school_code else ''}" for f in changed],
    )
    return changed


def _correct(
    session: Session,
    actor: Actor,
    entry: Entry,
    appeal: Appeal,
    figure: Figure,
    value: Any,
    reason: str,
    at: datetime,
) -> None:
    answer = figure.answer or Answer(
        entry_id=appeal.entry_id,
        owner=figure.field.by,
        school_id=figure.school_id,
        key=figure.field.key,
        changed_by=actor.user_id,
        version=0,
    )
    old = figure.value
    answer.value, answer.version = value, answer.version + 1
    answer.changed_by, answer.changed_at = actor.user_id, at
    session.add(answer)
    session.flush()
    record(
        session,
        actor,
        "appeal.correct",
        subject=figure.field.key + (f"@{figure.school_code}" if figure.school_code else ""),
        old=old,
        new=value,
        reason=reason,
        cycle_id=entry.cycle_id,
        entry_id=entry.id,
        appeal=appeal.id,
    )


def _require_decision(actor: Actor, cycle: Cycle, appeal: Appeal, decision: str, version: int) -> str:
    """The written decision, for an appeal that may be decided now."""
    actor.require(Role.BUREAU)
    require_published(cycle)
    require_undecided(appeal, version)
    decision = decision.strip()
    if not decision:
        raise Invalid(_("请写明复核结论和理由，会告知申请单位。"), field="decision")
    if len(decision) > MOST_TEXT:
        raise Invalid(_("复核结论最多 %(n)s 个字。", n=MOST_TEXT), field="decision")
    return decision


def _decided(session: Session, actor: Actor, appeal: Appeal, at: datetime) -> None:
    appeal.decided_by, appeal.decided_at, appeal.version = actor.user_id, at, appeal.version + 1
    session.add(appeal)
    session.flush()
