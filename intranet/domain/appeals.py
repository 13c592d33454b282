"""复核: a unit disputes what was published, others than the first scorers look at it, the bureau decides.

Here is the unit's part and that of those who are asked; the decision is ``appeal_decisions``, the new
freeze ``appeal_freeze``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain import accounts
from intranet.domain.evidence import MEGABYTE, Shelf, Upload
from intranet.domain.lifecycle import naming
from intranet.domain.log import record
from intranet.domain.operations import outcome_of, remember
from intranet.domain.phases import phase_name
from intranet.enums import AppealState, CycleState, Role
from intranet.errors import Conflict, DomainError, Forbidden, Invalid
from intranet.i18n import _
from intranet.models import Appeal, AppealFile, AppealReview, Cycle, Entry, Result
from intranet.queries import appeals as stored
from intranet.queries.cycles import panel_grants
from intranet.queries.people import user_by_login
from intranet.rubric.ledger import Score
from intranet.rubric.marks import check_mark, combine, verdicts
from intranet.rubric.model import Clause, Rubric
from intranet.rubric.numbers import as_text

MOST_TEXT = 2000
MOST_WANTED = 100
MOST_FILES = 20
"""Files of one appeal."""

# --- the unit --------------------------------------------------------------------------------------


def why_closed(cycle: Cycle, at: datetime) -> str:
    """Why no appeal can be filed now; "" if one can."""
    if cycle.state != CycleState.PUBLISHED:
        return _("现在是%(phase)s阶段。公示期间才能申请复核。", phase=phase_name(cycle.state))
    if cycle.publish_until is not None and at > cycle.publish_until:
        return _("公示期已经结束，不能再申请复核。")
    return ""


def on_printed_scale(clause: Clause, points: Fraction | None) -> Fraction | None:
    """Counted points on the scale that the clause is marked on (80 of 100), before its weight."""
    return points if points is None or clause.weight in (0, 1) else points / clause.weight


@dataclass(frozen=True)
class Claim:
    """What the unit says. line: the disputed ledger line in words, as it was published."""

    code: str
    line: str
    wanted: str
    reason: str


def file_appeal(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    held: Result,
    clause: Clause,
    score: Score,
    claim: Claim,
    uploads: Sequence[Upload],
    shelf: Shelf,
    *,
    at: datetime,
    op: str = "",
) -> Appeal:
    """The unit's filer disputes one clause of the published result; the same form sent twice files once.

    :raises Forbidden: not the lead school's filer. :raises DomainError: not in publication, or this
        clause is already in an appeal. :raises Invalid: ``problems`` by field.
    """
    assert entry.id is not None
    assert held.id is not None
    if not stored.leads(session, actor, entry.id):
        raise Forbidden(_("申请复核由填报负责人提出。"))
    done = outcome_of(session, actor, op)
    earlier = [f.appeal for f in stored.appeals_of_entry(session, entry.id)]
    for appeal in earlier:
        if done is not None and appeal.id == done:
            return appeal
    closed = why_closed(cycle, at)
    if closed:
        raise DomainError(closed)
    _require_new(earlier, clause.code, held.id)
    _check_claim(claim, uploads)
    appeal = Appeal(
        entry_id=entry.id,
        result_id=held.id,
        code=clause.code,
        line=claim.line,
        wanted=" ".join(claim.wanted.split()),
        reason=claim.reason.strip(),
        old_points=on_printed_scale(clause, score.points),
        old_verdict=score.verdict,
        filed_by=actor.user_id,
        filed_at=at,
    )
    session.add(appeal)
    session.flush()
    _keep_files(session, actor, appeal, uploads, shelf, at)
    log_act(
        session,
        actor,
        entry,
        appeal,
        "appeal.file",
        old=points_said(appeal.old_points, appeal.old_verdict),
        new=appeal.wanted or None,
        reason=appeal.reason,
        line=appeal.line,
        files=[{"name": u.name, "sha256": u.received.sha256} for u in uploads],
    )
    remember(session, actor, op, appeal.id, at=at)
    return appeal


def _require_new(earlier: Sequence[Appeal], code: str, result_id: int) -> None:
    """One open appeal per clause, and one decision per clause and published result."""
    same = [a for a in earlier if a.code == code]
    if any(a.state in stored.OPEN for a in same):
        raise DomainError(_("这一条已经申请了复核，正在办理。要改内容，请先撤回再重新申请。"))
    decided = (AppealState.UPHELD, AppealState.REJECTED)
    if any(a.state in decided and result_id in (a.result_id, a.applied_result_id) for a in same):
        raise DomainError(_("这一条已经复核过，结论见“复核”一栏。"))


def _check_claim(claim: Claim, uploads: Sequence[Upload]) -> None:
    problems: dict[str, str] = {}
    if not claim.reason.strip():
        problems["reason"] = _("请写明理由：哪里算错了，依据是什么。")
    elif len(claim.reason) > MOST_TEXT:
        problems["reason"] = _("理由最多 %(n)s 个字。", n=MOST_TEXT)
    if len(claim.wanted) > MOST_WANTED:
        problems["wanted"] = _("最多 %(n)s 个字，详细的话请写在理由里。", n=MOST_WANTED)
    if not claim.line:
        problems["line"] = _("请选择有异议的是哪一处。")
    if len(uploads) > MOST_FILES:
        problems["files"] = _("一件复核最多附 %(n)s 个文件。", n=MOST_FILES)
    if problems:
        raise Invalid(next(iter(problems.values())), problems)


def _keep_files(
    session: Session, actor: Actor, appeal: Appeal, uploads: Sequence[Upload], shelf: Shelf, at: datetime
) -> None:
    """:raises Invalid: with those of the unit's other appeals larger than one unit may have."""
    held = stored.bytes_held(session, appeal.entry_id)
    if uploads and held + sum(u.received.size for u in uploads) > shelf.quota:
        text = _(
            "本单位复核附的文件合计超过 %(quota)s MB，没有收下。请压缩后再传。", quota=shelf.quota // MEGABYTE
        )
        raise Invalid(text, field="files")
    seen: set[str] = set()
    for upload in uploads:
        if upload.received.sha256 in seen:
            continue
        seen.add(upload.received.sha256)
        shelf.store.keep(upload.received)
        session.add(
            AppealFile(
                appeal_id=appeal.id or 0,
                sha256=upload.received.sha256,
                name=upload.name,
                media_type=upload.media_type,
                size=upload.received.size,
                uploaded_by=actor.user_id,
                uploaded_at=at,
            )
        )
    session.flush()


def withdraw(
    session: Session, actor: Actor, cycle: Cycle, entry: Entry, appeal: Appeal, *, version: int
) -> None:
    """The unit takes its appeal back; withdrawn already is withdrawn."""
    if not stored.leads(session, actor, appeal.entry_id):
        raise Forbidden(_("撤回复核由填报负责人办理。"))
    if appeal.state == AppealState.WITHDRAWN:
        return
    require_published(cycle)
    require_undecided(appeal, version)
    appeal.state, appeal.version = AppealState.WITHDRAWN, appeal.version + 1
    session.add(appeal)
    session.flush()
    log_act(session, actor, entry, appeal, "appeal.withdraw")


# --- asking others ---------------------------------------------------------------------------------


def assign(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    rubric: Rubric,
    appeal: Appeal,
    user_ids: Collection[int],
    *,
    version: int,
    at: datetime,
    login: str = "",
) -> None:
    """Whom the bureau asks to look at the appeal; who has given a word stays.

    :param login: somebody who is not on the panel yet and joins it as a member (组长 and members all
        scored this clause).
    :raises Invalid: nobody, an unknown login, or one who may not: the reason is in the message.
    """
    actor.require(Role.BUREAU)
    require_published(cycle)
    require_undecided(appeal, version)
    wanted = set(user_ids)
    if login.strip():
        wanted.add(_join_panel(session, actor, cycle, login))
    offered = {c.user_id: c for c in candidates(session, entry, rubric, appeal)}
    if any(i not in offered for i in wanted):
        raise Invalid(_("有人已停用或不在考核组，请重新选择。"), field="people")
    barred = [f"{c.name}（{c.bar}）" for i in wanted if (c := offered[i]).bar]
    if barred:
        raise Invalid(_("不能请%(names)s复核。", names=naming(barred)), field="people")
    have = {r.user_id: r for r in stored.reviews_of(session, appeal.id or 0)}
    keeping = {i for i, r in have.items() if r.said_at is not None}
    if not wanted | keeping:
        raise Invalid(_("请至少选一位复核人。"), field="people")
    for user_id in sorted(have.keys() - wanted - keeping):
        session.delete(have[user_id])
    for user_id in sorted(wanted - have.keys()):
        session.add(
            AppealReview(appeal_id=appeal.id or 0, user_id=user_id, assigned_by=actor.user_id, assigned_at=at)
        )
    if have.keys() == wanted | keeping:
        return
    appeal.state, appeal.version = AppealState.ASSIGNED, appeal.version + 1
    session.add(appeal)
    session.flush()
    names = {i: c.name for i, c in offered.items()}
    log_act(
        session,
        actor,
        entry,
        appeal,
        "appeal.assign",
        old=[names.get(i, str(i)) for i in sorted(have)] or None,
        new=[names.get(i, str(i)) for i in sorted(wanted | keeping)],
    )


def _join_panel(session: Session, actor: Actor, cycle: Cycle, login: str) -> int:
    user = user_by_login(session, login)
    if user is None or not user.active or user.id is None:
        text = _("没有账号 %(login)s，或已停用。请在“人员”里查对。", login=login.strip()[:40])
        raise Invalid(text, field="login")
    if user.id not in {g.user_id for g in panel_grants(session, cycle.id or 0)}:
        accounts.grant(session, actor, user.id, Role.REVIEWER, cycle_id=cycle.id)
    return user.id


def candidates(session: Session, entry: Entry, rubric: Rubric, appeal: Appeal) -> list[stored.Candidate]:
    """The panel, with who may not look at this appeal: of a sum that is disputed, its parts are too. What
    is disputed of the total are its own lines: what was taken off."""
    codes = [appeal.code]
    if appeal.code in rubric.by and appeal.code != rubric.root.code:
        codes = [c.code for c in rubric.under(appeal.code)]
    keys = [f.key for f in rubric.all_fields.values() if f.clause in codes]
    return stored.candidates(session, entry, codes, keys)


def give_word(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    entry: Entry,
    rubric: Rubric,
    appeal: Appeal,
    review: AppealReview,
    *,
    points: Fraction | None,
    verdict: str | None,
    reason: str,
    version: int,
    at: datetime,
) -> None:
    """One asked person's own word: points or a verdict (both may stay open where the clause takes no
    mark), with a reason.

    :raises Invalid: a mark the clause cannot take, or no reason. :raises Conflict: changed meanwhile.
    """
    if review.user_id != actor.user_id or review.appeal_id != appeal.id:
        raise Forbidden(_("这件复核没有请您看。"))
    require_published(cycle)
    require_undecided(appeal, appeal.version)
    bar = next(
        (c.bar for c in candidates(session, entry, rubric, appeal) if c.user_id == actor.user_id),
        _("不在考核组"),
    )
    if bar:
        raise Forbidden(_("您不能复核这一件：%(why)s。", why=bar))
    if points is not None or verdict is not None:
        points = completed(rubric, appeal.code, points, verdict)
        check_mark(rubric, appeal.code, points, verdict)
    reason = reason.strip()
    if not reason:
        raise Invalid(_("请写明复核意见和理由。"), field="reason")
    if len(reason) > 1000:
        raise Invalid(_("理由最多 %(n)s 字，请写短一些。", n=1000), field="reason")
    said = (points, verdict, reason)
    if (review.points, review.verdict, review.reason) == said and review.said_at is not None:
        return
    if review.version != version:
        raise Conflict(_("您在另一个窗口刚刚改过，请看清后再保存。"), theirs=review)
    old = points_said(review.points, review.verdict) if review.said_at else None
    review.points, review.verdict, review.reason = said
    review.said_at, review.version = at, review.version + 1
    session.add(review)
    session.flush()
    log_act(
        session,
        actor,
        entry,
        appeal,
        "appeal.word",
        old=old,
        new=points_said(points, verdict),
        reason=reason,
    )


def completed(rubric: Rubric, code: str, points: Fraction | None, verdict: str | None) -> Fraction | None:
    """The points that a verdict fixes (优 is 10 分), unless some were typed."""
    clause = rubric.by.get(code)
    option = None if clause is None else next((o for o in verdicts(clause) if o.value == verdict), None)
    if option is None or option.upto is not None or points is not None:
        return points
    return option.points


@dataclass(frozen=True, slots=True)
class Together:
    """What the words together come to. differs: they do not agree, so the decision is open."""

    points: Fraction | None = None
    verdict: str | None = None
    said: int = 0
    differs: bool = False


def together(rubric: Rubric, reviews: Sequence[AppealReview]) -> Together:
    """The mean of the points (as the panel's own are combined); a verdict only if all agree."""
    words = [r for r in reviews if r.said_at is not None]
    given = {r.verdict for r in words}
    points = [r.points for r in words if r.points is not None]
    differs = len(given) > 1 or len(set(points)) > 1
    if len(given) > 1:
        return Together(said=len(words), differs=True)
    verdict = next(iter(given), None)
    agreed = points[0] if len(set(points)) == 1 else combine(points, "mean", rubric.places)
    return Together(agreed, verdict, len(words), differs)


# --- shared with appeal_decisions -----------------------------------------------------------------


def require_published(cycle: Cycle) -> None:
    if cycle.state != CycleState.PUBLISHED:
        raise DomainError(_("现在是%(phase)s阶段，复核只在公示阶段办理。", phase=phase_name(cycle.state)))


def require_undecided(appeal: Appeal, version: int) -> None:
    if appeal.state not in stored.OPEN:
        raise Conflict(_("这件复核已经办结或撤回，请刷新页面看结论。"))
    if appeal.version != version:
        raise Conflict(_("这件复核刚刚有变化，请看清后再办。"))


def points_said(points: Fraction | None, verdict: str | None) -> dict[str, Any]:
    return {"points": None if points is None else as_text(points), "verdict": verdict}


def log_act(
    session: Session,
    actor: Actor,
    entry: Entry,
    appeal: Appeal,
    action: str,
    *,
    old: Any = None,
    new: Any = None,
    reason: str = "",
    **detail: Any,
) -> None:
    record(
        session,
        actor,
        action,
        subject=appeal.code,
        old=old,
        new=new,
        reason=reason,
        cycle_id=entry.cycle_id,
        entry_id=entry.id,
        appeal=appeal.id,
        **detail,
    )
