"""What of the facts fits another version of a rubric, for a trial (试算), and what does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from intranet.errors import Invalid
from intranet.i18n import _
from intranet.models import SELF
from intranet.rubric import checks
from intranet.rubric.facts import Facts, Mark
from intranet.rubric.marks import check_mark, deciding_role, read_points
from intranet.rubric.model import Rubric

Key = TypeVar("Key")


def fit(rubric: Rubric, facts: Facts) -> tuple[Facts, list[str]]:
    """The facts without marks that the rubric cannot take, and what those were."""
    marks: dict[str, dict[str, Mark]] = {}
    lost = []
    for role, given in facts.marks.items():
        for code, mark in given.items():
            why = "" if role == SELF else _why_not(rubric, role, code, mark)
            if why:
                said = mark.verdict or mark.points or ""
                lost.append(
                    _(
                        "%(unit)s 的评分 %(code)s “%(said)s”：%(why)s",
                        unit=facts.name,
                        code=code,
                        said=said,
                        why=why,
                    )
                )
            else:
                marks.setdefault(role, {})[code] = mark
    exempt = frozenset(code for code in facts.exempt if code in rubric.by)
    return replace(facts, marks=marks, exempt=exempt), lost


def _why_not(rubric: Rubric, role: str, code: str, mark: Mark) -> str:
    clause = rubric.by.get(code)
    if clause is None or rubric.children[code]:
        return _("新办法里没有这一条要点")
    if deciding_role(clause) != role:
        return ""  # it decides nothing, then as now
    try:
        points = read_points(mark)
        if points is not None or mark.verdict is not None:
            check_mark(rubric, code, points, mark.verdict)
    except Invalid as error:
        return error.message
    return ""


def no_place(old: Rubric, new: Rubric, units: Iterable[Facts]) -> list[str]:
    """Fields, tables, columns and materials that somebody filled and the other version does not have."""
    fields: dict[str, int] = {}
    tables: dict[str, int] = {}
    columns: dict[tuple[str, str], int] = {}
    slots: dict[str, int] = {}
    for facts in units:
        for document in facts.docs.values():
            filled = {k for k, v in document.get("fields", {}).items() if v is not None}
            for own in document.get("members", {}).values():
                filled |= {k for k, v in own.items() if v is not None}
            _count(fields, (k for k in filled if k not in new.all_fields))
            for key, rows in document.get("tables", {}).items():
                if rows and key not in new.table:
                    _count(tables, [key])
                elif rows:
                    known = {c.key for c in new.table[key].columns}
                    own_columns = {c.key for c in old.table[key].columns} if key in old.table else set()
                    used = {k for row in rows for k, v in row.items() if v is not None}
                    _count(columns, ((key, k) for k in used & own_columns - known))
            for code, given in document.get("materials", {}).items():
                most = len(new.by[code].materials) if code in new.by else 0
                if any(v is True for v in given[most:]):
                    _count(slots, [code])
    label = {k: f.label for k, f in old.all_fields.items()}
    title = {t.key: t.title for t in old.tables}
    heads = {(t.key, c.key): c.label for t in old.tables for c in t.columns}
    return [
        *(
            _("填报项“%(what)s”：新办法里没有，%(n)s 个单位填过", what=label.get(k, k), n=n)
            for k, n in fields.items()
        ),
        *(
            _("表“%(what)s”：新办法里没有，%(n)s 个单位填过", what=title.get(k, k), n=n)
            for k, n in tables.items()
        ),
        *(
            _(
                "表“%(table)s”的“%(what)s”列：新办法里没有，%(n)s 个单位填过",
                table=title[t],
                what=heads[t, c],
                n=n,
            )
            for (t, c), n in columns.items()
        ),
        *(_("%(code)s 的材料：新办法里少要，%(n)s 个单位交过", code=c, n=n) for c, n in slots.items()),
    ]


def _count(into: dict[Key, int], keys: Iterable[Key]) -> None:
    for key in keys:
        into[key] = into.get(key, 0) + 1


def refused(old: Rubric, new: Rubric, units: Iterable[Facts]) -> Iterator[str]:
    """Values that the other version refuses and the cycle's own took."""
    if new is old:
        return
    for facts in units:
        known = {(p.code, p.ref) for p in checks.check(old, facts) if p.severity == "error"}
        for problem in checks.check(new, facts):
            if problem.severity == "error" and (problem.code, problem.ref) not in known:
                yield _("%(unit)s：%(why)s", unit=facts.name, why=problem.message)
