"""Filing: who may change what now, and answers to fields and slots.

Rows of fact tables are in ``fact_rows``, own scores in ``self_scores``, files in ``evidence``,
handing in in ``submission``. Every function takes a :class:`Filing`, which names the actor and the moment; it flushes and never commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain import log, phases
from intranet.domain.operations import outcome_of, remember
from intranet.enums import Role, SchoolRole
from intranet.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Answer, Cycle, Entry, EntrySchool, FactRow, Return
from intranet.queries.entries import returns_of, schools_of
from intranet.queries.filed import answer_of, has_file
from intranet.queries.filing import SCHOOL, Page, pages
from intranet.queries.sharing import Share, is_member_only, share_of
from intranet.rubric import checks
from intranet.rubric.fields import Form
from intranet.rubric.model import Field, Rubric


class Right(StrEnum):
    """What a person may ever do to an entry."""

    LEAD = "lead"  # 填报负责人 of the lead school: everything
    HELPER = "helper"  # others of the lead school: evidence, own rows
    MEMBER = "member"  # people of a member school: what was handed to it, and nothing else is there
    READER = "reader"


@dataclass
class Filing:
    """One entry, its rubric, who is at it and when. ``pages`` by indicator code."""

    session: Session
    actor: Actor
    cycle: Cycle
    entry: Entry
    rubric: Rubric
    form: Form
    at: datetime
    zone: str = "Asia/Shanghai"
    on_behalf: str = ""
    """For whom and why the bureau files (代…导入封装包): only then may it; the log says it as the reason."""

    @cached_property
    def schools(self) -> list[EntrySchool]:
        return schools_of(self.session, [self.entry_id])[self.entry_id]

    @cached_property
    def returns(self) -> list[Return]:
        return returns_of(self.session, [self.entry_id])[self.entry_id]

    @cached_property
    def every_page(self) -> Mapping[str, Page]:
        """All pages of the rubric, for what holds whoever asks (locks)."""
        return {p.code: p for p in pages(self.rubric)}

    @cached_property
    def share(self) -> Share | None:
        """What a member school's people meet; None for everybody else, who meet everything."""
        if self.right is not Right.MEMBER:
            return None
        return share_of(self.session, self.actor, self.entry_id, self.rubric, self.every_page, self.schools)

    @cached_property
    def pages(self) -> Mapping[str, Page]:
        """The pages that are there for the actor, with what is there for the actor on them."""
        return self.every_page if self.share is None else self.share.pages

    @cached_property
    def right(self) -> Right:
        if self.on_behalf and self.actor.has(Role.BUREAU):
            return Right.LEAD
        own = self.actor.schools.get(Role.FILER, frozenset())
        if any(s.role == SchoolRole.LEAD and s.school_id in own for s in self.schools):
            return Right.LEAD
        if is_member_only(self.actor, self.schools):
            return Right.MEMBER
        mine = self.actor.all_schools
        leads = any(s.role == SchoolRole.LEAD and s.school_id in mine for s in self.schools)
        return Right.HELPER if leads else Right.READER

    @property
    def own_schools(self) -> list[EntrySchool]:
        """The actor's schools in this entry."""
        return [s for s in self.schools if s.school_id in self.actor.all_schools]

    @property
    def entry_id(self) -> int:
        assert self.entry.id is not None
        return self.entry.id

    def page(self, code: str) -> Page:
        """:raises NotFound: the rubric has no such page, or it was not handed to the actor."""
        if code not in self.pages:
            raise NotFound(_("没有这项指标。"))
        return self.pages[code]

    def why_locked(self, code: str | None = None) -> str:
        """Why nobody may change this (page of this) entry now; "" if it may be changed."""
        try:
            self.require_now(code)
        except DomainError as error:
            return error.message
        return ""

    def require_now(self, code: str | None) -> None:
        """:raises DomainError: nobody may change this page of the entry now."""
        phases.require_filing(
            self.cycle,
            self.entry,
            self.returns,
            self.at,
            indicator=code,
            zone=self.zone,
            printed=lambda other: self.rubric.by[other].no or other,
        )

    def require_lead(self, code: str | None = None) -> None:
        """:raises Forbidden: not the lead school's filer. :raises NotFound: it is not there for a member
        school. :raises DomainError: not now."""
        if self.right is Right.READER:
            raise Forbidden(_("您可以查看，不能修改。"))
        self.require_whole()
        if self.right is not Right.LEAD:
            lead = self.rubric.terms.lead
            raise Forbidden(_("这里由%(lead)s填报。您可以上传材料、添加名册行。", lead=lead))
        self.require_now(code)

    def require_whole(self) -> None:
        """:raises NotFound: the actor meets only a part of this entry."""
        if self.share is not None:
            raise NotFound(_("没有这一页，或没有分给您。"))

    def require_fill(self, code: str, school: str = "") -> None:
        """Fields and 确实没有: the lead's all, a member school's what was handed to it.

        :param school: code of the school whose answer it is, "" for the unit's.
        """
        if self.share is None:
            self.require_lead(code)
            return
        self.page(code)
        if school and school not in {s.code for s in self.share.schools}:
            raise NotFound(_("没有这所学校。"))
        self.require_now(code)

    def require_row(self, code: str, row: FactRow) -> None:
        """A stored row: the lead's all, a helper's own, a member school's those handed to it.

        :raises NotFound: the row is not there for the actor.
        """
        if self.share is None:
            self.require_part(code, row.created_by)
            return
        if not self.share.sees(code, row):
            raise NotFound(_("没有这一行。"))
        if not self.share.holds(code, row):
            lead = self.rubric.terms.lead
            raise Forbidden(
                _("这一行没有分给您，由%(lead)s修改。有不同意见请在“双方确认”里说明。", lead=lead)
            )
        self.require_now(code)

    def may_change_row(self, code: str, row: FactRow) -> bool:
        try:
            self.require_row(code, row)
        except DomainError:
            return False
        return True

    def require_part(self, code: str | None, owner: int | None = None) -> None:
        """Evidence and rows: the lead's all, a helper's own, a member school's what was handed to it.

        :param owner: user id of who brought the thing, None for a new one.
        """
        if self.right is Right.READER:
            raise Forbidden(_("您可以查看，不能修改。"))
        if self.share is not None and (code is not None or not self.share.pages):
            self.page(code or "")
        if self.right is Right.HELPER and owner not in (None, self.actor.user_id):
            raise Forbidden(_("这是别人填的，您只能改自己添加的。"))
        self.require_now(code)

    def require_place(self, code: str | None) -> None:
        """That a file which stands on this page may be changed there."""
        if self.share is not None and code is not None and code not in self.share.pages:
            lead = self.rubric.terms.lead
            raise Forbidden(_("这份材料还用在没有分给您的地方，请联系%(lead)s。", lead=lead))
        self.require_part(code)

    def touch(self) -> None:
        self.entry.saved_at = self.at
        self.session.add(self.entry)

    def record(
        self, action: str, *, subject: str, old: Any = None, new: Any = None, reason: str = ""
    ) -> None:
        log.record(
            self.session,
            self.actor,
            action,
            subject=subject,
            old=old,
            new=new,
            reason=reason or self.on_behalf,
            cycle_id=self.entry.cycle_id,
            entry_id=self.entry_id,
        )


# --- answers --------------------------------------------------------------------------------------


def save_answer(
    filing: Filing, code: str, key: str, text: str, *, version: int, op: str, school: str = ""
) -> Answer:
    """Store one field's value as typed.

    :param code: the page; :param school: code of the member school, for a field ``per = "member"``.
    :param version: of the stored answer that the form showed, 0 if none.
    :raises Invalid: the text is no such value; message says what to enter.
    :raises Conflict: somebody else saved meanwhile; ``theirs`` is the stored Answer.
    """
    filing.require_fill(code, school)
    item = _field(filing, code, key)
    school_id = _school_id(filing, item, school)
    value = read_value(filing, item, text)
    subject = f"{key}@{school}" if school else key
    answer, repeated = _set_answer(filing, key, school_id, value, version=version, op=op)
    if not repeated:
        _log_answer(filing, subject, answer)
    return answer.row


def _field(filing: Filing, code: str, key: str) -> Field:
    page = filing.page(code)
    if not any(f.key == key for f in page.fields) or key in filing.form.hidden:
        raise NotFound(_("没有这一项。"))
    item = filing.form.field(key)
    if item.by != SCHOOL:
        raise Forbidden(_("这一项由教育局或考核组填写。"))
    return item


def _school_id(filing: Filing, item: Field, school: str) -> int:
    if item.per == "unit":
        return 0
    found = next((s for s in filing.schools if s.code == school), None)
    if found is None:
        raise NotFound(_("没有这所学校。"))
    return found.school_id


def read_value(filing: Filing, item: Any, text: str) -> Any:
    """A field's or column's stored value from what was typed; schools by code or name.

    :raises Invalid: with the message for the person.
    """
    if item.type == "school":
        typed = text.strip()
        if not typed:
            return None
        for school in filing.schools:
            if typed in (school.code, school.name):
                return school.code
        names = "、".join(s.name for s in filing.schools)
        raise Invalid(_("“%(text)s”不在本单位的学校里。请从 %(names)s 中选一所。", text=typed, names=names))
    return checks.parse_value(item, text)


@dataclass(frozen=True)
class _Change:
    row: Answer
    old: Any


def _set_answer(
    filing: Filing, key: str, school_id: int, value: Any, *, version: int, op: str
) -> tuple[_Change, bool]:
    """The stored answer after setting it, and whether it was there already."""
    session = filing.session
    answer = answer_of(session, filing.entry_id, key, school_id)
    if answer is not None and answer.value == value and type(answer.value) is type(value):
        return _Change(answer, value), True
    if answer is None and value is None:
        return _Change(_new_answer(filing, key, school_id), None), True
    stored = 0 if answer is None else answer.version
    # A save whose answer got lost is sent again, perhaps with newer text: it goes on from there.
    if version != stored and outcome_of(session, filing.actor, op) != {"key": key, "version": stored}:
        raise Conflict(_("有人刚刚改过这一项。"), theirs=answer, field=key)
    if answer is None:
        answer = _new_answer(filing, key, school_id)
        answer.version = 0
    old, answer.value = answer.value, value
    answer.version += 1
    answer.changed_by = filing.actor.user_id
    answer.changed_at = filing.at
    session.add(answer)
    remember(session, filing.actor, op, {"key": key, "version": answer.version}, at=filing.at)
    filing.touch()
    session.flush()
    return _Change(answer, old), False


def _new_answer(filing: Filing, key: str, school_id: int) -> Answer:
    return Answer(
        entry_id=filing.entry_id,
        owner=SCHOOL,
        school_id=school_id,
        key=key,
        version=0,
        changed_by=filing.actor.user_id,
        changed_at=filing.at,
    )


def _log_answer(filing: Filing, subject: str, change: _Change) -> None:
    filing.record("answer.save", subject=subject, old=change.old, new=change.row.value)


def set_slot_absent(filing: Filing, code: str, key: str, *, absent: bool, op: str) -> None:
    """Say that a material does not exist (确实没有), or take that back.

    That it is there is said by its file alone.
    :raises Invalid: a file stands in the slot.
    """
    filing.require_fill(code)
    require_slot(filing, code, key)
    if absent and has_file(filing.session, filing.entry_id, f"slot:{key}"):
        raise Invalid(_("这里已有文件。确实没有的，请先取下文件。"))
    stored = answer_of(filing.session, filing.entry_id, key)
    version = 0 if stored is None else stored.version
    value = False if absent else None
    change, repeated = _set_answer(filing, key, 0, value, version=version, op=op)
    if not repeated:
        filing.record("slot.absent", subject=key, old=change.old, new=value)


def require_slot(filing: Filing, code: str, key: str) -> str:
    """The label of a slot that this page asks for. :raises NotFound: it does not."""
    clause, _hash, n = key.rpartition("#")
    page = filing.page(code)
    if any(c.code == clause for c in page.clauses):
        for slot in filing.form.slots(clause):
            if str(slot.n) == n and not slot.hidden:
                return slot.label
    raise NotFound(_("没有这项材料。"))
