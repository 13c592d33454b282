"""Facts documents from outside: reading them whole, and refusing what does not belong.

Only form is judged here (keys, owners, types, options); what is missing or contradicts itself is
found by ``checks.check`` once the document is Facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import Invalid
from ..i18n import _
from .facts import OWNERS, Facts
from .model import Rubric
from .schema import meant
from .tables import CONFIRMATION, CONFIRMATION_STATES
from .values import problem_with

TOP = ("unit", "name", "attributes", "members", "docs", "marks", "exempt", "prior")
PARTS = ("fields", "materials", "tables", "members")
MARK = ("points", "verdict", "reason")


def read_document(rubric: Rubric, data: Any) -> Facts:
    """A facts document (see ``facts.py``) as Facts.

    :raises Invalid: ``problems`` maps each path (``school.tables.exchange[3].end``) to what is
        wrong: unknown keys, another owner's fields, wrong types, impossible dates, unknown options.
    """
    reading = _Reading(rubric)
    reading.document(data)
    if reading.problems:
        lines = [f"{path}: {message}" if path else message for path, message in reading.problems.items()]
        raise Invalid("\n".join(lines), reading.problems)
    return Facts.from_json(data)


class _Reading:
    """One document on its way in: collects the problems."""

    def __init__(self, rubric: Rubric) -> None:
        self.rubric = rubric
        self.owners = [*OWNERS, *rubric.assessors]
        self.problems: dict[str, str] = {}
        self.schools: frozenset[str] = frozenset()

    def say(self, path: str, message: str) -> None:
        self.problems.setdefault(path, message)

    def known(self, path: str, key: Any, among: Iterable[str]) -> bool:
        names = list(among)
        if key not in names:
            self.say(path, _("不认识的键“%(key)s”: %(meant)s", key=key, meant=meant(str(key), names)))
        return key in names

    def mapping(self, path: str, value: Any) -> Mapping[str, Any]:
        """``value`` if it is an object, else an empty one and a problem."""
        if isinstance(value, Mapping):
            return value
        self.say(path, _("应是一组“键: 值”"))
        return {}

    def list_of(self, path: str, value: Any) -> list[Any]:
        if isinstance(value, list):
            return value
        self.say(path, _("应是一个列表 [ ]"))
        return []

    def document(self, data: Any) -> None:
        top = self.mapping("", data)
        for key in top:
            self.known(str(key), key, TOP)
        if not isinstance(top.get("unit"), str) or not top.get("unit"):
            self.say("unit", _('请写明单位代码，如 "unit": "g01"'))
        if "name" in top and not isinstance(top["name"], str):
            self.say("name", _("单位名称应是文字"))
        members = self.mapping("members", top.get("members", {}))
        for school, attributes in members.items():
            self.mapping(f"members.{school}", attributes)
        self.schools = frozenset(members)
        for key in ("attributes", "prior"):
            self.exact(key, self.mapping(key, top.get(key, {})))
        for owner, doc in self.mapping("docs", top.get("docs", {})).items():
            if self.known(f"docs.{owner}", owner, self.owners):
                self.owned(owner, self.mapping(owner, doc))
        for n, code in enumerate(self.list_of("exempt", top.get("exempt", []))):
            self.known(f"exempt[{n}]", code, self.rubric.by)
        for role, marks in self.mapping("marks", top.get("marks", {})).items():
            if self.known(f"marks.{role}", role, ["self", *self.owners]):
                self.marks(role, self.mapping(f"marks.{role}", marks))

    def exact(self, path: str, value: Any) -> None:
        """No binary floats: they do not say what was printed."""
        if isinstance(value, float):
            self.say(path, _('小数请写成文字，如 "0.5"'))
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                self.exact(f"{path}.{key}", inner)
        elif isinstance(value, list):
            for n, inner in enumerate(value):
                self.exact(f"{path}[{n}]", inner)

    def owned(self, owner: str, doc: Mapping[str, Any]) -> None:
        for part in doc:
            self.known(f"{owner}.{part}", part, PARTS)
        fields = self.mapping(f"{owner}.fields", doc.get("fields", {}))
        self.fields(owner, f"{owner}.fields", fields, per="unit")
        for school, inner in self.mapping(f"{owner}.members", doc.get("members", {})).items():
            path = f"{owner}.members.{school}"
            if school in self.schools:
                self.fields(owner, path, self.mapping(path, inner), per="member")
            else:
                self.say(path, _("members 中没有学校“%(school)s”: 请先列出", school=school))
        for code, slots in self.mapping(f"{owner}.materials", doc.get("materials", {})).items():
            self.slots(f"{owner}.materials.{code}", code, slots)
        for key, rows in self.mapping(f"{owner}.tables", doc.get("tables", {})).items():
            self.table(owner, f"{owner}.tables.{key}", key, rows)

    def fields(self, owner: str, path: str, values: Mapping[str, Any], per: str) -> None:
        own = {k: f for k, f in self.rubric.all_fields.items() if f.by == owner and f.per == per}
        for key, value in values.items():
            field = own.get(key)
            if field is None:
                other = self.rubric.all_fields.get(key)
                if other is not None and other.by != owner:
                    self.say(f"{path}.{key}", _("这一项由 %(by)s 填写: 请移到那里", by=other.by))
                else:
                    self.known(f"{path}.{key}", key, own)
                continue
            problem = problem_with(field, value, self.schools)
            if problem:
                self.say(f"{path}.{key}", problem)

    def slots(self, path: str, code: str, slots: Any) -> None:
        with_materials = {c.code: c.materials for c in self.rubric.clauses if c.materials}
        if not self.known(path, code, with_materials):
            return
        states = self.list_of(path, slots)
        if len(states) > len(with_materials[code]):
            self.say(path, _("材料只有 %(n)s 样: 请删去多余的", n=len(with_materials[code])))
        for n, state in enumerate(states):
            if not (state is None or isinstance(state, bool) or state == "na"):
                self.say(f"{path}[{n}]", _('请写 true（有）、false（无）、null（未填）或 "na"（不适用）'))

    def table(self, owner: str, path: str, key: str, rows: Any) -> None:
        own = {t.key: t for t in self.rubric.tables if t.by == owner}
        if not self.known(path, key, own):
            return
        for n, row in enumerate(self.list_of(path, rows)):
            at = f"{path}[{n}]"
            for column, value in self.mapping(at, row).items():
                if column == CONFIRMATION and own[key].confirmed_by:
                    if value not in CONFIRMATION_STATES:
                        self.say(f"{at}.{column}", _('请写 "open"（待确认）或 "disputed"（有异议）'))
                elif self.known(f"{at}.{column}", column, own[key].by_key):
                    problem = problem_with(own[key].by_key[column], value, self.schools)
                    if problem:
                        self.say(f"{at}.{column}", problem)

    def marks(self, role: str, marks: Mapping[str, Any]) -> None:
        for code, mark in marks.items():
            path = f"marks.{role}.{code}"
            if not self.known(path, code, self.rubric.by):
                continue
            for key, value in self.mapping(path, mark).items():
                if self.known(f"{path}.{key}", key, MARK) and not (value is None or isinstance(value, str)):
                    self.say(f"{path}.{key}", _('请写成文字，如 "1.5"'))
