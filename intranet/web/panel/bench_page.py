"""The scoring page put together: the item, what stands beside it, and the form as it was stored or typed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from flask import Response, request, url_for

from intranet.domain import basis
from intranet.domain.changes import Change, compare
from intranet.domain.inquiry import ASKING
from intranet.domain.review import require_scoring
from intranet.domain.scoring import EntrySheet
from intranet.domain.standing import Item, Leaf, neighbours, next_due
from intranet.domain.volumes import page_ranges
from intranet.enums import CycleState
from intranet.errors import DomainError
from intranet.i18n import _
from intranet.models import Cycle, Entry, LogEntry, Submission
from intranet.queries import review
from intranet.queries.before import last_result
from intranet.queries.entries import schools_of
from intranet.queries.filed import evidence_of, names_of
from intranet.queries.filing import pages
from intranet.queries.inquiries import inquiries_of
from intranet.queries.phrases import phrases_of
from intranet.queries.submissions import submissions_of
from intranet.queries.volumes import held_volume
from intranet.rubric.model import Rubric

from ..context import actor, current_time, db
from ..forms import answer, wants_fragment
from ..shell import cycle_bar
from . import typed
from .bench import Moved, bench_of, leaf_view
from .desk import entry_id, home_of, is_mine, open_desk

MOST_WORDS = 9
"""Ready-made comments beside one box: as many as there are number keys."""


def show_page(
    cycle: Cycle,
    sheet: EntrySheet,
    item: Item,
    boxes: dict[str, typed.Typed],
    *,
    status: int = 200,
    asked: str = "",
    ask_problem: str = "",
) -> Response:
    """The page, or after a refused htmx save its form alone. asked: a question that was not taken."""
    desk = open_desk(cycle)
    entry, rubric, me = item.entry, desk.rubric, actor()
    evidence = evidence_of(db(), entry_id(entry))
    words = words_for(cycle, rubric, item)
    closed = closed_word(cycle, item)
    may_return = me.chairs(entry.cycle_id) and item.is_ready and not closed
    if not closed and not is_mine(cycle, entry, item.indicator):
        closed = _("这一项不由您评分，只能查看。审定请到“分差与审定”。")
    changing = cycle.state == CycleState.DELIBERATION
    rounds = submissions_of(db(), entry_id(entry))
    history = review.mark_history(db(), entry_id(entry), [leaf.code for leaf in item.leaves])
    views = [
        leaf_view(
            rubric,
            sheet,
            leaf,
            boxes.get(leaf.code, typed.Typed()),
            evidence,
            words[leaf.code],
            moved=_moved(rubric, sheet, leaf, rounds),
            earlier=_earlier(history, leaf.code),
            is_locked=changing and not closed and leaf.own(me.user_id) is None,
        )
        for leaf in item.leaves
    ]
    volume = held_volume(db(), entry_id(entry), frozen=True)
    bench = bench_of(rubric, sheet, item, evidence)
    wanted = request.args.get("file", "")
    before, after = neighbours(desk.items, item)
    units = [i for i in desk.items if i.indicator.code == item.indicator.code]
    inquiries = inquiries_of(db(), [entry_id(entry)], item.indicator.code)[entry_id(entry)]
    onward = None if changing else next_due(desk.items, me.user_id, item)
    people = {m.user_id for v in views for m in v.others or ()} | {i.asked_by for i in inquiries}
    return answer(
        "panel/_score.html" if wants_fragment() else "panel/score.html",
        status=status,
        cycle=cycle,
        cycle_bar=cycle_bar(cycle, entry),
        desk=desk,
        rubric=rubric,
        entry=entry,
        item=item,
        views=views,
        bench=bench,
        shown=next((f for f in bench.files if str(f.evidence.id) == wanted), next(iter(bench.files), None)),
        closed=closed,
        changing=changing,
        volume=volume,
        ranges=page_ranges(volume),
        answered=_answered(rubric, entry, item.indicator.code, rounds),
        last=last_result(db(), cycle, entry),
        place=(1 + next((n for n, i in enumerate(units) if i.entry.id == entry.id), 0), len(units)),
        before=before,
        after=after,
        onward=onward,
        onward_url=_onward_url(cycle, item, onward, desk.by, changing=changing and not closed),
        op=secrets.token_urlsafe(12),
        names=names_of(db(), people),
        is_chair=me.chairs(entry.cycle_id),
        may_return=may_return,
        inquiries=inquiries,
        may_ask=cycle.state in ASKING and entry.state != "open",
        asked=asked,
        ask_problem=ask_problem,
    )


def _onward_url(cycle: Cycle, item: Item, onward: Item | None, by: str, *, changing: bool) -> str:
    """Where a save leads: to the next item; in deliberation it stays; else back to the list."""
    if changing:
        return url_for("panel.score", entry=item.entry.id, code=item.indicator.code, by=by)
    if onward is None:
        return home_of(cycle)
    return url_for("panel.score", entry=onward.entry.id, code=onward.indicator.code, by=by)


def closed_word(cycle: Cycle, item: Item) -> str:
    """Why nothing can be scored here now; "" if it can."""
    try:
        require_scoring(cycle, item, current_time())
    except DomainError as error:
        return error.message
    return ""


def words_for(cycle: Cycle, rubric: Rubric, item: Item) -> dict[str, list[str]]:
    """Ready-made comments by leaf: from the bank those for the clause first, then the own former reasons."""
    codes = [leaf.code for leaf in item.leaves]
    found = phrases_of(db(), actor(), cycle.id or 0)
    former = review.former_reasons(db(), actor(), cycle.id or 0, codes)
    out = {}
    for code in codes:
        above = {code, *_above(rubric, code)}
        close = [p.text for p in found if p.code in above]
        wide = [p.text for p in found if not p.code]
        out[code] = list(dict.fromkeys([*close, *wide, *former[code]]))[:MOST_WORDS]
    return out


def _above(rubric: Rubric, code: str) -> list[str]:
    out, at = [], rubric.by[code].parent
    while at is not None:
        out.append(at)
        at = rubric.by[at].parent
    return out


# --- what changed ---------------------------------------------------------------------------------


def _moved(rubric: Rubric, sheet: EntrySheet, leaf: Leaf, rounds: Sequence[Submission]) -> Moved | None:
    """What is other than when the own mark was made; None while it holds.

    What the unit handed in is told old → new; other things (the bureau's data, files) by name.
    """
    mark = leaf.own(actor().user_id)
    if mark is None or not leaf.is_stale(mark):
        return None
    changes: list[Change] = []
    words: list[str] = []
    if leaf.grounds is not None:
        page = leaf.grounds.page(leaf.code)
        seen = [r for r in rounds if r.submitted_at <= mark.made_at]
        if seen and rounds[-1].round > seen[-1].round:
            schools = schools_of(db(), [entry_id(leaf.entry)])[entry_id(leaf.entry)]
            by_page = compare(rubric, [page], schools, seen[-1].content, rounds[-1].content)
            changes = [c for c in by_page.get(page.code, []) if c.kind != "self"]
        if mark.basis:
            found = basis.moved(mark.basis, leaf.basis)
            told = {k: v for k, v in found.items() if not changes or k.startswith("f:bureau:")}
            words = basis.in_words(rubric, sheet, page, told)
    return Moved(mark, changes, words)


def _earlier(history: Sequence[LogEntry], code: str) -> list[LogEntry]:
    """The own former marks on a leaf, oldest first; the one that holds is not among them."""
    own = [e for e in history if e.subject == code and e.user_id == actor().user_id]
    return [e for e in own if e.action in ("mark.save", "mark.change") and e.old is not None]


def _answered(rubric: Rubric, entry: Entry, code: str, rounds: Sequence[Submission]) -> list[Change]:
    """What the unit changed here when it handed in again, old → new."""
    page = next((p for p in pages(rubric) if p.code == code), None)
    if len(rounds) < 2 or page is None:
        return []
    schools = schools_of(db(), [entry_id(entry)])[entry_id(entry)]
    return compare(rubric, [page], schools, rounds[-2].content, rounds[-1].content).get(code, [])
