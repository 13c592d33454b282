"""Handing in: the check before it, and the act itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intranet.domain.filing import Filing
from intranet.domain.scoring import EntrySheet
from intranet.enums import SubmissionState
from intranet.errors import Invalid
from intranet.i18n import _
from intranet.queries.filing import Ask, asks
from intranet.rubric.ledger import Problem


@dataclass(frozen=True, slots=True)
class Finding:
    """One point of the check. severity: error (blocks) or warning (explains). page: indicator code."""

    severity: str
    page: str
    text: str


@dataclass(frozen=True, slots=True)
class Precheck:
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity != "error")


def precheck(filing: Filing, filed: EntrySheet) -> Precheck:
    """All that stands against handing in, or should be known before it, in page order.

    :param filed: scored with ``check=True``: the standard checks and the plugin's are in it.
    """
    out = []
    by_page: dict[str, list[Problem]] = {}
    for problem in filed.problems:
        by_page.setdefault(_page_of(filing, problem), []).append(problem)
    for page in filing.pages.values():
        out += [Finding(p.severity, page.code, p.message) for p in by_page.pop(page.code, ())]
        todo = [a for a in asks(filing.rubric, page, filed) if not a.is_done]
        out += [Finding("warning", page.code, text) for text in _unfinished(todo)]
    out += [Finding(p.severity, "", p.message) for rest in by_page.values() for p in rest]
    return Precheck(tuple(out))


def _unfinished(todo: Sequence[Ask]) -> list[str]:
    """Missing materials and blank items of one page, a sentence each."""
    slots = [a.label for a in todo if a.kind == "slot"]
    blank = [a.label for a in todo if a.kind != "slot"]
    out = []
    if slots:
        out.append(_("缺材料：%(names)s。确实没有的请注明", names="、".join(slots)))
    if blank:
        names = "、".join(blank[:4]) + (_("等 %(n)s 处", n=len(blank)) if len(blank) > 4 else "")
        out.append(_("还没填：%(names)s", names=names))
    return out


def _page_of(filing: Filing, problem: Problem) -> str:
    for page in filing.pages.values():
        if problem.clause and any(c.code == problem.clause for c in page.clauses):
            return page.code
    where = problem.ref.partition(".")[2]
    for page in filing.pages.values():
        if any(where.startswith(f"tables.{key}[") for key in page.tables):
            return page.code
        if any(where.endswith(f".{f.key}") for f in page.fields):
            return page.code
    return ""


def submit(filing: Filing, filed: EntrySheet) -> bool:
    """Hand the entry in and lock it. False: it already was (a double click, a second tab).

    After a return, its returned indicators are locked again and the return is closed.
    :raises Invalid: the check has errors. :raises DomainError: not this person, not now.
    """
    entry = filing.entry
    if entry.state == SubmissionState.SUBMITTED and filing.right.value == "lead":
        return False
    filing.require_lead()
    errors = precheck(filing, filed).errors
    if errors:
        raise Invalid(_("有 %(n)s 处错误，改好后才能提交。", n=len(errors)))
    old = entry.state
    entry.state = SubmissionState.SUBMITTED
    entry.round += 1
    entry.submitted_at = filing.at
    entry.version += 1
    filing.session.add(entry)
    for returned in filing.returns:
        returned.closed_at = filing.at
        filing.session.add(returned)
    filing.session.flush()
    filing.record(
        "entry.submit",
        subject=entry.code,
        old={"state": old.value, "round": entry.round - 1},
        new={"state": entry.state.value, "round": entry.round},
    )
    return True
