"""Saving what a person chose of a filled workbook, through the verbs of the web pages: so the same rights,
phases, versions and log hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby

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
    kept = [c for c in picked if c.section != SELF and c.kind != "add"]
    for change in sorted(kept, key=lambda c: c.kind == "delete"):
        _take(change, lambda change=change: _save(filing, change))  # type: ignore[misc]
    for (_section, _page), rows in groupby(
        (c for c in picked if c.kind == "add"), key=lambda c: (c.section, c.page)
    ):
        added = list(rows)
        _take(added[0], lambda added=added: _add(filing, added))  # type: ignore[misc]
    scores = [c for c in picked if c.section == SELF]
    if scores:
        desk = desk.again()  # the facts just saved may give other points, from which a score differs
    for change in scores:
        _take(change, lambda change=change: _save_score(desk, change))  # type: ignore[misc]
    remember(filing.session, filing.actor, op, {"workbook": len(picked)}, at=filing.at)
    return len(picked)


def _take(change: Change, verb: Callable[[], object]) -> None:
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
    elif change.kind == "delete":
        fact_rows.delete_row(filing, change.page, int(change.key.removeprefix("r:")))
    else:
        row_id = int(change.key.removeprefix("r:"))
        fact_rows.edit_row(filing, change.page, row_id, change.texts, version=change.version, op="")


def _add(filing: Filing, added: list[Change]) -> None:
    """The new rows of one table, which need no reading back between them."""
    table = added[0].section.removeprefix("table:")
    fact_rows.add_rows(filing, added[0].page, table, [change.texts for change in added])


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
