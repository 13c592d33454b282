"""Saving what a person chose of a filled workbook, through the verbs of the web pages: so the same rights,
phases, versions and log hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from intranet.domain import fact_rows
from intranet.domain.filing import Filing, save_answer
from intranet.domain.offline import FIELDS, POINTS, REASON, SELF, VALUE, VERDICT, Standing
from intranet.domain.offline_change import Change, Plan
from intranet.domain.offline_plan import proposed_of
from intranet.domain.operations import outcome_of, remember
from intranet.domain.self_scores import save_self
from intranet.errors import Conflict, Invalid
from intranet.i18n import _


def apply(desk: Standing, found: Plan, chosen: Mapping[str, int], *, op: str) -> int:
    """Take over the chosen changes, all or none. The same ``op`` again does nothing and answers as before.

    :param chosen: key -> the version that the check showed.
    :returns: how many were taken over.
    :raises Conflict: a chosen thing is not as it was in the check; plan and show again.
    :raises Invalid: nothing chosen, or a verb refuses a value; the message names the cell.
    """
    filing = desk.filing
    before = outcome_of(filing.session, filing.actor, op)
    if isinstance(before, dict) and "workbook" in before:
        return int(before["workbook"])
    if not chosen:
        raise Invalid(_("还没有勾选要采纳的内容。"))
    picked = [change for change in found.changes if change.key in chosen]
    if len(picked) < len(chosen) or any(chosen[c.key] != c.version for c in picked):
        raise Conflict(_("核对以后，系统里的内容又有变化，什么也没有保存。下面是现在的对照，请再看一遍。"))
    order = {"edit": 0, "delete": 1, "add": 2}
    scores = [c for c in picked if c.section == SELF]
    for change in sorted((c for c in picked if c.section != SELF), key=lambda c: order[c.kind]):
        _take(filing, change, lambda change=change: _save(filing, change))  # type: ignore[misc]
    if scores:
        desk = desk.again()  # the facts just saved may give other points, from which a score differs
    for change in scores:
        _take(filing, change, lambda change=change: _save_score(desk, change))  # type: ignore[misc]
    remember(filing.session, filing.actor, op, {"workbook": len(picked)}, at=filing.at)
    return len(picked)


def _take(filing: Filing, change: Change, verb: Callable[[], object]) -> None:
    """:raises Invalid: with the place in the workbook."""
    try:
        verb()
    except Invalid as error:
        why = "；".join(error.problems.values()) or error.message
        where = f"{change.sheet} {change.cell}".strip()
        raise Invalid(_("%(where)s：%(why)s。什么也没有保存。", where=where, why=why.rstrip("。"))) from error


def _save(filing: Filing, change: Change) -> None:
    if change.section == FIELDS:
        key, _at, school = change.key.removeprefix("f:").partition("@")
        text = change.texts.get(VALUE, "")
        save_answer(filing, change.page, key, text, version=change.version, op="", school=school)
    elif change.kind == "add":
        table = change.section.removeprefix("table:")
        fact_rows.add_row(filing, change.page, table, change.texts, op="")
    elif change.kind == "delete":
        fact_rows.delete_row(filing, change.page, int(change.key.removeprefix("r:")))
    else:
        row_id = int(change.key.removeprefix("r:"))
        fact_rows.edit_row(filing, change.page, row_id, change.texts, version=change.version, op="")


def _save_score(desk: Standing, change: Change) -> None:
    code = change.key.removeprefix("m:")
    save_self(
        desk.filing,
        change.page,
        code,
        points=change.texts[POINTS],
        verdict=change.texts[VERDICT],
        reason=change.texts[REASON],
        proposed=proposed_of(desk, code),
        version=change.version,
        op="",
    )
