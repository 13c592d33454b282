"""What the filing pages of one request work on: the entry, who is at it, what it comes to."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from flask import request
from markupsafe import Markup, escape

from intranet.domain import scoring as live
from intranet.domain.filing import Filing, Right
from intranet.domain.self_scores import own_sheet
from intranet.i18n import _
from intranet.models import SELF, Answer, Evidence, FactRow, Mark
from intranet.queries import entries
from intranet.queries import filed as stored
from intranet.queries.filing import SCHOOL, Ask, Cell, Page, cell_of, progress
from intranet.queries.sharing import Share, asked_in_row, asked_of, home_of, row_id_in, schools_of_people
from intranet.rubric.ledger import Score
from intranet.rubric.model import Rubric
from intranet.web import context
from intranet.web.shell import cycle_bar


@dataclass
class Desk:
    """One entry as the school sees it: scored from its own word, with nothing of the panel's."""

    filing: Filing
    scoring: live.Scoring
    filed: live.EntrySheet

    @property
    def own(self) -> dict[str, Score]:
        return self.filed.sheet

    @property
    def rubric(self) -> Rubric:
        return self.scoring.rubric

    @property
    def entry_id(self) -> int:
        return self.filing.entry_id

    def again(self, *, answers_only: bool = False) -> Desk:
        """The same after a change: scored anew, everything else read anew.

        :param answers_only: nothing but answers was changed, so that nothing else has to be read.
        """
        filing, stored = self.filing, None
        if answers_only and self.filed.source.stored is not None:
            stored = self.filed.source.stored.with_answers(filing.session)
        sheet = live.score_entry(filing.session, filing.cycle, self.scoring, filing.entry, stored=stored)
        return Desk(filing, self.scoring, _by_itself(self.scoring, sheet))

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """Progress by page code; of a part of the entry, what was handed out."""
        share = self.filing.share
        if share is not None:
            codes = {s.code for s in share.schools}
            return {
                page.code: cell_of(
                    page, self.filing.entry, self.filing.returns, self.asked(page, codes, share)
                )
                for page in share.pages.values()
            }
        sheets = {self.entry_id: self.filed}
        return progress(self.rubric, sheets, {self.entry_id: self.filing.returns})[self.entry_id]

    def asked(self, page: Page, schools: Collection[str], share: Share) -> list[Ask]:
        """What a page asks of a member school, rows handed to it one by one among it."""
        single = {row_id_in(d.ref): d for d in share.delegations}
        return [
            *asked_of(self.rubric, page, self.filed, schools),
            *(
                asked_in_row(self.rubric, self.rows[i], single[i])
                for i in share.single
                if i in self.rows and home_of(share.pages, self.rows[i]) is page
            ),
        ]

    @cached_property
    def answers(self) -> dict[tuple[int, str], Answer]:
        source = self.filed.source.stored
        assert source is not None
        return {(a.school_id, a.key): a for a in source.answers if a.owner == SCHOOL}

    @cached_property
    def rows(self) -> dict[int, FactRow]:
        """Those that are there for this person, deleted ones too."""
        found, share = stored.rows_of(self.filing.session, self.entry_id), self.filing.share
        return found if share is None else {i: r for i, r in found.items() if share.meets(r)}

    @cached_property
    def marks(self) -> dict[str, Mark]:
        return {m.code: m for m in self.filed.source.marks if m.role == SELF}

    @cached_property
    def files(self) -> list[stored.FiledEvidence]:
        """Those that are there for this person: all, or the own ones and those at places of a part."""
        found, share = stored.evidence_of(self.filing.session, self.entry_id), self.filing.share
        if share is None:
            return found
        at = schools_of_people(self.filing.session, {f.evidence.uploaded_by for f in found})
        own = {s.school_id for s in share.schools}
        return [
            f
            for f in found
            if at.get(f.evidence.uploaded_by, frozenset()) & own
            or any(share.has_place(ref, self.rows) for ref in f.refs)
        ]

    @cached_property
    def files_at(self) -> dict[str, list[Evidence]]:
        """Files by what they prove."""
        out: dict[str, list[Evidence]] = {}
        for found in self.files:
            for ref in found.refs:
                out.setdefault(ref, []).append(found.evidence)
        return out

    def may_edit(self, code: str | None = None) -> bool:
        """Whether this person may change fields here and now (the lead: own scores and every row too)."""
        if self.filing.share is not None:
            return code in self.filing.share.pages and not self.filing.why_locked(code)
        return self.filing.right is Right.LEAD and not self.filing.why_locked(code)

    def may_help(self, code: str | None = None) -> bool:
        """Whether this person may add evidence and rows here and now."""
        return self.filing.right is not Right.READER and not self.filing.why_locked(code)

    def why_not(self, code: str | None = None) -> str:
        """Said once at the top of a page that cannot be edited; "" if it can."""
        if self.filing.right is Right.READER:
            return _("您可以查看这份填报，不能修改。")
        locked = self.filing.why_locked(code)
        if locked:
            return locked
        if self.filing.right is Right.HELPER:
            lead = self.rubric.terms.lead
            return _("各项由%(lead)s填报。您可以上传材料、添加名册行，修改自己添加的。", lead=lead)
        return ""

    def page_values(self) -> dict[str, Any]:
        """What every template of these pages reads."""
        return {
            "desk": self,
            "entry": self.filing.entry,
            "cycle": self.filing.cycle,
            "rubric": self.rubric,
            "cycle_bar": cycle_bar(self.filing.cycle, self.filing.entry),
        }


FOR_MEMBERS: set[str] = set()
"""Endpoints that are there for people of a member school, to whom a part was handed (``sharing``)."""


def load(entry_id: int, *, check: bool = False, on_behalf: str = "") -> Desk:
    """:param on_behalf: for whom and why the bureau files (``Filing.on_behalf``).
    :raises NotFound: no such entry for this actor, or no such page for those who do a part of it."""
    session, actor = context.db(), context.actor()
    entry, cycle = entries.entry_with_cycle(session, actor, entry_id)
    ground = context.ground()
    scoring = live.scoring_for(cycle, ground.registry)
    sheet = _by_itself(scoring, live.score_entry(session, cycle, scoring, entry, check=check))
    filing = Filing(
        session=session,
        actor=actor,
        cycle=cycle,
        entry=entry,
        rubric=scoring.rubric,
        form=sheet.form,
        at=context.current_time(),
        zone=ground.settings.timezone,
        on_behalf=on_behalf,
    )
    assert sheet.source.stored is not None
    filing.schools = list(sheet.source.stored.schools[entry_id])  # read with the facts
    if request.endpoint not in FOR_MEMBERS:
        filing.require_whole()
    return Desk(filing, scoring, sheet)


def _by_itself(scoring: live.Scoring, sheet: live.EntrySheet) -> live.EntrySheet:
    return replace(sheet, score=lambda: own_sheet(scoring, sheet))


def new_op() -> str:
    """A token for one rendered form (see ``domain.operations``)."""
    return secrets.token_urlsafe(12)


_FIGURE = re.compile(r"\d+(?:\.\d+)?\s?分(?:/[人个项次])?")


def figures(text: str) -> Markup:
    """The notice's words with its points in bold; every word stays as printed."""
    out, end = Markup(""), 0
    for found in _FIGURE.finditer(text):
        out += escape(text[end : found.start()]) + Markup("<b>{}</b>").format(found.group())
        end = found.end()
    return out + escape(text[end:])
