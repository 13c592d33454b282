"""The indicator page as values for its templates: fields, slots, tables, own scores.

Nothing here reads a request or changes anything; what was typed and refused comes in as ``Typed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import Evidence
from intranet.queries.filing import SCHOOL, Page, has_several_lists, is_open
from intranet.rubric import marks
from intranet.rubric.model import Clause, Column, Field, JudgedClause, Option
from intranet.rubric.numbers import as_text, show
from intranet.storage import accepted

from .desk import Desk, new_op
from .ledger import word


@dataclass(frozen=True, slots=True)
class Control:
    """One input. name, id: of the control; value: text in it; shown: for people who only read."""

    item: Field | Column
    name: str
    id: str
    value: str
    shown: str
    error: str = ""
    theirs: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of one owner: key and school are what a save posts."""

    control: Control
    key: str
    school: str
    version: int
    op: str
    may_edit: bool
    owner: str = ""


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """The fields of one clause; members: those asked of each school, as (school, a field each)."""

    clause: Clause
    fields: tuple[FieldView, ...]
    members: tuple[tuple[str, tuple[FieldView, ...]], ...]


@dataclass(frozen=True, slots=True)
class Typed:
    """What was sent and not taken: the text by name, and why."""

    texts: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    theirs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def refused(cls, texts: Mapping[str, str], error: DomainError, name: str = "") -> Typed:
        """From an error of one field (``name``) or, for Invalid, of several."""
        if isinstance(error, Invalid) and error.problems and not name:
            return cls(texts, error.problems)
        return cls(texts, {name or error.field or "": error.message})


def as_typed(value: Any) -> str:
    """A stored value as the text that reads back to it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def as_shown(desk: Desk, item: Field | Column, value: Any) -> str:
    """A stored value for people; blank is an em dash."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if item.type == "school":
        return next((s.name for s in desk.filing.schools if s.code == value), str(value))
    if item.type == "choice":
        return next((o.label or o.value for o in item.options if o.value == value), str(value))
    return f"{value} {item.unit}" if item.unit else str(value)


# --- fields --------------------------------------------------------------------------------------


def field_groups(desk: Desk, page: Page, typed: Typed) -> list[FieldGroup]:
    """The page's fields under their clauses, the school's and, to read, the bureau's."""
    groups: dict[str, list[FieldView]] = {}
    for declared in page.fields:
        if declared.by in {SCHOOL, "bureau"} and declared.key not in desk.filed.form.hidden:
            views = field_views(desk, page, declared.key, typed)
            groups.setdefault(declared.clause or page.code, []).extend(views)
    by = {c.code: c for c in page.clauses}
    return [_group(desk, by.get(code, page.clause), views) for code, views in groups.items()]


def _group(desk: Desk, clause: Clause, views: list[FieldView]) -> FieldGroup:
    members = [
        (s.name, tuple(v for v in views if v.school == s.code))
        for s in desk.filing.schools
        if any(v.school == s.code for v in views)
    ]
    return FieldGroup(clause, tuple(v for v in views if not v.school), tuple(members))


def quotes(page: Page) -> list[tuple[str, str]]:
    """The notice's own words on this page, ("text" or "requirement", words), each said once."""
    said, out = "", []
    for clause in page.clauses:
        for kind, words in (("text", clause.text), ("requirement", clause.requirement)):
            plain = "".join(words.split()).rstrip("；;。")
            if plain and plain not in said:
                said += plain + "\n"
                out.append((kind, words))
    return out


def field_views(desk: Desk, page: Page, key: str, typed: Typed) -> list[FieldView]:
    """One field: one view, or one for each member school."""
    item = desk.filed.form.field(key)
    there = desk.filing.schools if desk.filing.share is None else desk.filing.share.schools
    schools = [""] if item.per == "unit" else [s.code for s in there]
    return [field_view(desk, page, item, school, typed) for school in schools]


def field_id(desk: Desk, key: str) -> str | None:
    """The element of a field on its page, of the first school where each school has one; None: no such field."""
    keys = list(desk.rubric.all_fields)
    if key not in keys:
        return None
    each = desk.rubric.all_fields[key].per == "member" and desk.filing.schools
    return f"field-f{keys.index(key)}" + (f"-{desk.filing.schools[0].code}" if each else "")


def field_view(desk: Desk, page: Page, item: Field, school: str, typed: Typed) -> FieldView:
    place = list(desk.rubric.all_fields).index(item.key)
    member = next((s for s in desk.filing.schools if s.code == school), None)
    if item.per == "unit":
        value = desk.filed.facts.get(item.key, item.by)
    else:
        value = desk.filed.facts.of_member(school, item.key, item.by)
    name = f"{item.key}@{school}" if school else item.key
    stored = desk.answers.get((member.school_id if member else 0, item.key))
    control = Control(
        item=item,
        name=f"f:{name}",
        id=f"f{place}-{school}" if school else f"f{place}",
        value=typed.texts.get(name, as_typed(value)),
        shown=as_shown(desk, item, value),
        error=typed.problems.get(name, ""),
        theirs=typed.theirs.get(name, ""),
        label=member.name if member else item.label,
    )
    return FieldView(
        control=control,
        key=item.key,
        school=school,
        version=stored.version if stored else 0,
        op=new_op(),
        may_edit=item.by == SCHOOL and desk.may_edit(page.code),
        owner="" if item.by == SCHOOL else _("教育局填写"),
    )


# --- materials -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileView:
    """A file as a chip."""

    id: int
    number: int
    name: str
    is_inline: bool
    may_remove: bool
    carried: bool = False  # 上次结转, not looked at yet


@dataclass(frozen=True, slots=True)
class SlotView:
    """One place for files. state: there, miss, absent (确实没有), na, free (nothing is asked).

    of: the clause's title, where two clauses of the page ask for materials of the same name.
    """

    ref: str
    label: str
    state: str
    files: tuple[FileView, ...]
    effect: str = ""
    reason: str = ""
    error: str = ""
    of: str = ""

    @property
    def key(self) -> str:
        return self.ref.partition(":")[2]


def file_view(desk: Desk, evidence: Evidence) -> FileView:
    own = evidence.uploaded_by == desk.filing.actor.user_id
    return FileView(
        id=evidence.id or 0,
        number=evidence.number,
        name=evidence.name,
        is_inline=evidence.media_type in accepted.INLINE,
        may_remove=desk.filing.right.value == "lead" or own,
        carried=evidence.carried,
    )


def slots(desk: Desk, page: Page, typed: Typed) -> list[SlotView]:
    """The materials of a page, missing ones first; leaves that name none get a free place."""
    out: list[SlotView] = []
    several = has_several_lists(page, desk.filed.form)
    for clause in page.clauses:
        own = desk.filed.form.slots(clause.code)
        for slot in own:
            ref = f"slot:{clause.code}#{slot.n}"
            value = desk.filed.facts.slot(clause.code, slot.n - 1)
            state = {True: "there", False: "absent", "na": "na"}.get(value, "miss")
            found = _slot(desk, ref, slot.label, "na" if slot.hidden else state, typed)
            effect = _effect(desk, clause.code, ref) if found.state in {"miss", "absent"} else ""
            of = clause.title if several else ""
            out.append(replace(found, effect=effect, reason=slot.reason, of=of))
        judged = isinstance(clause, JudgedClause) and is_open(desk.own[clause.code])
        if judged and not own and clause.code != page.code:
            label = _("%(name)s：佐证材料", name=clause.name)
            out.append(_slot(desk, f"clause:{clause.code}", label, "free", typed))
    if any(c.code == page.code for c in page.clauses):
        out.append(_slot(desk, f"clause:{page.code}", _("其他佐证材料"), "free", typed))
    order = {"miss": 0, "absent": 1, "there": 2, "free": 3, "na": 4}
    return sorted(out, key=lambda s: order[s.state])


def _slot(desk: Desk, ref: str, label: str, state: str, typed: Typed) -> SlotView:
    files = tuple(file_view(desk, e) for e in desk.files_at.get(ref, ()))
    return SlotView(ref, label, state, files, error=typed.problems.get(ref, ""))


def _effect(desk: Desk, code: str, ref: str) -> str:
    """What a missing material costs now, as the ledger has it."""
    for line in desk.own[code].lines:
        if line.what == "loss_material" and line.ref == ref and line.points:
            return _("少计 %(points)s 分", points=show(-line.points))
    return ""


# --- own scores ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SelfView:
    """The school's own score of one leaf. word: what stands there if it is not asked."""

    clause: Clause
    id: str
    is_asked: bool
    is_judged: bool
    proposed: Fraction | None
    points: str
    verdict: str
    reason: str
    options: tuple[Option, ...]
    most: Fraction | None
    word: str
    version: int
    op: str
    may_edit: bool
    follows: bool
    is_stale: bool
    error: str = ""
    error_at: str = ""
    theirs: str = ""


def self_id(desk: Desk, leaf: str) -> str:
    """The element of a leaf's own score on its page."""
    return f"self-{list(desk.rubric.by).index(leaf)}"


def self_views(desk: Desk, page: Page) -> list[SelfView]:
    return [self_view(desk, page, leaf) for leaf in page.leaves]


def self_view(desk: Desk, page: Page, leaf: Clause, typed: Typed | None = None) -> SelfView:
    """:param typed: texts by points/verdict/reason, problems by the same."""
    score, mark = desk.own[leaf.code], desk.marks.get(leaf.code)
    judged = isinstance(leaf, JudgedClause)
    proposed = None if judged else score.proposed
    follows = mark is None or (mark.points is None and mark.verdict is None)
    if mark is not None and mark.verdict is None and mark.computed is None and mark.points == proposed:
        follows = follows or mark.points is not None  # taken in from a file, equal to what the facts give
    points = as_text(mark.points) if mark is not None and mark.points is not None else ""
    if follows and proposed is not None:
        points = show(proposed, desk.rubric.places).replace("\u2212", "-")
    texts: Mapping[str, str] = typed.texts if typed else {}
    problems = dict(typed.problems) if typed else {}
    at, error = next(iter(problems.items()), ("", ""))
    open_ = is_open(score) if judged else proposed is not None
    return SelfView(
        clause=leaf,
        id=self_id(desk, leaf.code),
        is_asked=open_,
        is_judged=judged,
        proposed=proposed,
        points=texts.get("points", points),
        verdict=texts.get("verdict", mark.verdict or "" if mark else ""),
        reason=texts.get("reason", mark.reason if mark else ""),
        options=marks.verdicts(leaf),
        most=marks.printed_max(leaf),
        word=word(desk.rubric, leaf, score),
        version=mark.version if mark else 0,
        op=new_op(),
        may_edit=open_ and desk.may_edit(page.code),
        follows=follows,
        is_stale=not follows
        and not judged
        and mark is not None
        and proposed not in (mark.computed, mark.points),
        error=error,
        error_at=at or ("points" if error else ""),
        theirs=typed.theirs.get("points", "") if typed else "",
    )
