"""Preparing a cycle: its rubric, units and panel, saved step by step; the dates are in ``cycle_dates``.

The snapshot of the rubric is taken when the cycle is created and refreshed with every step until
it opens. How it opens and goes on is ``lifecycle``; the rulings are ``rulings``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain import accounts, rulings
from intranet.domain.log import record
from intranet.domain.phases import PRACTICE
from intranet.domain.scoring import scoring_for
from intranet.domain.ties import MOST_BREAKS
from intranet.enums import CombineRule, CycleState, Role, TieRule
from intranet.errors import Conflict, DomainError, Invalid
from intranet.i18n import _
from intranet.models import Cycle, Entry
from intranet.plugins import Installed, RubricRegistry
from intranet.queries.cycles import entries_of, panel_grants, seats, units_for
from intranet.queries.people import user_by_login
from intranet.rubric.loader import Definition
from intranet.rubric.ranking import comparable

TITLE = 80


def definition_of(cycle: Cycle, registry: RubricRegistry) -> Definition:
    """What the cycle goes by: the snapshot; while it is prepared, the installed rubric if there is one."""
    installed = registry.get(cycle.rubric_key)
    if cycle.state == CycleState.DRAFT and installed is not None:
        return installed.definition
    return scoring_for(cycle, registry).definition


def require_draft(cycle: Cycle) -> None:
    if cycle.state != CycleState.DRAFT:
        raise DomainError(_("考核已开启，这一步不能再改。"))


def check_version(cycle: Cycle, version: int | None) -> None:
    """:raises Conflict: somebody has changed the cycle since it was read."""
    if version is not None and version != cycle.version:
        raise Conflict(_("有人刚刚改过这个考核周期。请核对现在的内容后再保存。"), theirs=cycle)


def _title(text: str, *, practice: bool = False) -> str:
    """The title, squeezed. A practice cycle says so in its name, and so on everything that prints it."""
    title = " ".join(text.split())
    if practice and title and not title.startswith(PRACTICE):
        title = PRACTICE + title
    if not title:
        raise Invalid(_("请填写名称，例如“2030—2031 学年考核”。"), field="title")
    if len(title) > TITLE:
        raise Invalid(_("名称最多 %(n)s 个字。", n=TITLE), field="title")
    return title


def _chosen(registry: RubricRegistry, key: str) -> Installed:
    installed = registry.get(key)
    if installed is None:
        raise Invalid(_("请选择一份已安装的考核办法。"), field="rubric")
    return installed


def create_cycle(
    session: Session,
    actor: Actor,
    registry: RubricRegistry,
    *,
    title: str,
    rubric: str,
    practice: bool = False,
) -> Cycle:
    """A cycle in preparation, with the snapshot of an installed rubric.

    :param practice: 演练: marked everywhere, in no ranking; fixed from here on.
    """
    actor.require(Role.BUREAU)
    title = _title(title, practice=practice)
    installed = _chosen(registry, rubric)
    cycle = Cycle(
        title=title, rubric_key="", rubric_version="", rubric_title="", definition="", practice=practice
    )
    take_snapshot(cycle, installed)
    session.add(cycle)
    session.flush()
    record(
        session,
        actor,
        "cycle.create",
        subject=installed.key,
        new=title,
        cycle_id=cycle.id,
        practice=practice,
    )
    return cycle


def take_snapshot(cycle: Cycle, installed: Installed) -> bool:
    """Copy definition and versions into the cycle; whether anything was different."""
    definition = installed.definition
    new = {
        "rubric_key": installed.key,
        "rubric_version": definition.version,
        "rubric_title": definition.title,
        "plugin_version": installed.version,
        "definition": definition.text,
    }
    changed = any(getattr(cycle, name) != value for name, value in new.items())
    for name, value in new.items():
        setattr(cycle, name, value)
    return changed


def refresh(session: Session, actor: Actor, cycle: Cycle, registry: RubricRegistry) -> Definition:
    """Bring the snapshot of a cycle in preparation up to date; rulings that no longer fit are dropped.

    :returns: the definition it goes by from now on.
    """
    installed = registry.get(cycle.rubric_key)
    if cycle.state == CycleState.DRAFT and installed is not None:
        old = cycle.rubric_version
        if take_snapshot(cycle, installed):
            session.add(cycle)
            session.flush()
            record(session, actor, "cycle.snapshot", old=old, new=cycle.rubric_version, cycle_id=cycle.id)
            rulings.forget_unknown(session, actor, cycle, installed.definition)
    return definition_of(cycle, registry)


def change_basics(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    registry: RubricRegistry,
    *,
    title: str,
    rubric: str,
    version: int | None,
    ties: TieRule | None = None,
    tie_break: Sequence[str] | None = None,
) -> None:
    """Title, and while in preparation the rubric and the rule for ties; another rubric starts its rulings
    anew, and what ties are broken by.

    :param ties, tie_break: None leaves them as they are.
    :raises Invalid: a figure compared twice or too many, or one that the rubric does not have.
    """
    actor.require(Role.BUREAU)
    check_version(cycle, version)
    old = _basics_of(cycle)
    cycle.title = _title(title, practice=cycle.practice)
    is_other = rubric != cycle.rubric_key
    if is_other:
        require_draft(cycle)
        take_snapshot(cycle, _chosen(registry, rubric))
        cycle.rulings, cycle.ruling_notes, cycle.tie_break = {}, {}, []
        allowed = {row.unit.id for row in units_for(session, rubric)}
        for entry in entries_of(session, cycle.id or 0):
            if entry.unit_id not in allowed:
                session.delete(entry)
    if ties is not None and ties != cycle.ties:
        require_draft(cycle)
        cycle.ties = ties
    breaks = list(tie_break) if tie_break is not None and not is_other else cycle.tie_break
    if breaks != cycle.tie_break:
        require_draft(cycle)
        check_breaks(cycle, definition_of(cycle, registry), breaks)
        cycle.tie_break = breaks
    new = _basics_of(cycle)
    if old != new:
        cycle.version += 1
        session.add(cycle)
        session.flush()
        record(session, actor, "cycle.change", old=old, new=new, cycle_id=cycle.id)


def _basics_of(cycle: Cycle) -> dict[str, Any]:
    return {
        "title": cycle.title,
        "rubric": cycle.rubric_key,
        "ties": cycle.ties.value,
        "tie_break": list(cycle.tie_break),
    }


def check_breaks(cycle: Cycle, definition: Definition, codes: Sequence[str]) -> None:
    """Whether ties may be broken by these figures, in this order.

    :raises Invalid: one twice, too many, or one that the rubric does not have.
    """
    known = comparable(definition.bind(rulings.known_to(cycle, definition)))
    twice = [c for n, c in enumerate(codes) if c in codes[:n]]
    if twice:
        name = known.get(twice[0], twice[0])
        raise Invalid(_("同分比较里“%(name)s”选了两次。", name=name), field="tie_break")
    if len(codes) > MOST_BREAKS:
        raise Invalid(_("同分比较最多依次选 %(n)s 项。", n=MOST_BREAKS), field="tie_break")
    gone = [c for c in codes if c not in known]
    if gone:
        raise Invalid(_("考核办法里没有可以比较的“%(name)s”，请重新选择。", name=gone[0]), field="tie_break")


def choose_units(session: Session, actor: Actor, cycle: Cycle, unit_ids: Iterable[int]) -> None:
    """Which units of the register take part. They are entries at once; their schools follow at the opening."""
    actor.require(Role.BUREAU)
    require_draft(cycle)
    assert cycle.id is not None
    wanted = set(unit_ids)
    have = {entry.unit_id: entry for entry in entries_of(session, cycle.id)}
    allowed = {row.unit.id: row for row in units_for(session, cycle.rubric_key)}
    refused = [i for i in wanted if i not in allowed]
    if refused:
        raise Invalid(_("有单位已停用或用别的考核办法，请重新勾选。"), field="units")
    without = [row.unit.name for i, row in allowed.items() if i in wanted and row.lead is None]
    if without:
        raise Invalid(
            _("%(names)s还没有牵头学校，请先在“单位”里补上。", names="、".join(without)), field="units"
        )
    for unit_id, entry in have.items():
        if unit_id not in wanted:
            session.delete(entry)
    for unit_id in sorted(wanted - have.keys()):
        unit = allowed[unit_id].unit
        session.add(
            Entry(cycle_id=cycle.id, unit_id=unit_id, code=unit.code, name=unit.name, group=unit.group)
        )
    session.flush()
    if wanted != have.keys():
        codes = {i: row.unit.code for i, row in allowed.items() if i is not None}
        old = sorted(entry.code for entry in have.values())
        record(
            session, actor, "cycle.units", old=old, new=sorted(codes[i] for i in wanted), cycle_id=cycle.id
        )


def combine_name(rule: CombineRule) -> str:
    return {
        CombineRule.MEAN: _("取平均"),
        CombineRule.TRIMMED: _("去掉一个最高、一个最低再平均"),
        CombineRule.MEDIAN: _("取中位数"),
        CombineRule.CHAIR: _("组长审定"),
    }[rule]


def combine_sentence(rule: CombineRule) -> str:
    return {
        CombineRule.MEAN: _("各人的分相加除以人数。三人给 3、4、5 分，考核组得分 4 分。"),
        CombineRule.TRIMMED: _("不少于 3 人时去掉最高和最低各一个。四人给 1、4、4、5 分，考核组得分 4 分。"),
        CombineRule.MEDIAN: _("取中间那个分。三人给 1、4、5 分，考核组得分 4 分。"),
        CombineRule.CHAIR: _("各人的分供参考，分数不一致的由组长逐条定。"),
    }[rule]


def set_panel(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    *,
    chairs: Iterable[int],
    reviewers: Iterable[int],
    combine: CombineRule,
    login: str = "",
    version: int | None = None,
) -> None:
    """Who scores, who leads, how several scores become one. ``login`` adds one more person as a member.

    :raises Invalid: an unknown login; somebody who has scored is taken off the panel.
    """
    actor.require(Role.BUREAU)
    check_version(cycle, version)
    if cycle.state in (CycleState.PUBLISHED, CycleState.FINAL, CycleState.ARCHIVED):
        raise DomainError(_("结果已公布，考核组不能再改。"))
    assert cycle.id is not None
    wanted = {(i, Role.CHAIR) for i in chairs} | {(i, Role.REVIEWER) for i in reviewers}
    known = {s.user.id: s for s in seats(session, cycle.id)}
    if any(user_id not in known for user_id, _role in wanted):
        raise Invalid(_("有人已停用或不在名单里，请重新选择。"), field="panel")
    if login.strip():
        user = user_by_login(session, login)
        if user is None or not user.active or user.id is None:
            raise Invalid(
                _("没有账号 %(login)s，或已停用。请在“人员”里查对。", login=login.strip()), field="login"
            )
        wanted.add((user.id, Role.REVIEWER))
    have = {(g.user_id, g.role): g for g in panel_grants(session, cycle.id)}
    staying = {user_id for user_id, _role in wanted}
    scored = [
        s.user.name
        for i, s in known.items()
        if s.marks and (s.is_chair or s.is_reviewer) and i not in staying
    ]
    if scored:
        raise Invalid(_("%(names)s已评过分，不能移出考核组。", names="、".join(scored)), field="panel")
    for key, given in have.items():
        if key not in wanted:
            accounts.revoke(session, actor, given)
    for user_id, role in sorted(wanted - have.keys()):
        accounts.grant(session, actor, user_id, role, cycle_id=cycle.id)
    if combine != cycle.combine:
        if cycle.state not in (CycleState.DRAFT, CycleState.FILING):
            raise Invalid(_("评分已开始，合成办法不能再改。"), field="combine")
        old, cycle.combine = cycle.combine, combine
        cycle.version += 1
        session.add(cycle)
        session.flush()
        record(session, actor, "cycle.combine", old=old.value, new=combine.value, cycle_id=cycle.id)


def delete_draft(session: Session, actor: Actor, cycle: Cycle) -> None:
    """Throw away a cycle that never opened, with its chosen units and panel."""
    actor.require(Role.BUREAU)
    require_draft(cycle)
    assert cycle.id is not None
    for entry in entries_of(session, cycle.id):
        session.delete(entry)
    for given in panel_grants(session, cycle.id):
        accounts.revoke(session, actor, given)
    session.flush()
    record(session, actor, "cycle.delete", old=cycle.title, cycle_id=cycle.id)
    session.delete(cycle)
    session.flush()
