"""催办: which units have not handed in, what they lack, whom to call; the letter, and that it was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from intranet import mail
from intranet.actor import Actor
from intranet.config import Settings
from intranet.domain.log import record
from intranet.domain.phases import filing_deadline
from intranet.enums import Role, SubmissionState
from intranet.i18n import _
from intranet.models import Cycle, Entry, User
from intranet.queries import reminders as stored
from intranet.queries.entries import returns_of, schools_of
from intranet.queries.filing import Cell, Page

SENT = "reminder.mail"
MOST = 50
"""Letters of one click: a form waits while they go out."""


@dataclass(frozen=True, slots=True)
class Due:
    """One unit that has not handed in. lacks: (indicator, what) in words; contacts: who files for it;
    returned: titles of the indicators that were returned."""

    entry: Entry
    lead: str
    contacts: tuple[User, ...]
    lacks: tuple[tuple[str, str], ...]
    deadline: datetime | None
    returned: tuple[str, ...]
    begun: bool
    last: datetime | None

    @property
    def is_returned(self) -> bool:
        return self.entry.state == SubmissionState.RETURNED


def due_units(
    session: Session,
    cycle: Cycle,
    entries: Sequence[Entry],
    pages: Sequence[Page],
    cells: Mapping[int, Mapping[str, Cell]],
) -> list[Due]:
    """Units that have not handed in, in the order of their codes.

    :param cells: ``queries.filing.progress`` by entry id and page code.
    """
    waiting = [e for e in entries if e.state != SubmissionState.SUBMITTED]
    titles = {page.code: _title(page) for page in pages}
    ids = [e.id or 0 for e in waiting]
    schools, returns = schools_of(session, ids), returns_of(session, ids)
    filers = stored.filers_of(session, {s.school_id for found in schools.values() for s in found[:1]})
    last = stored.last_sent(session, ids, SENT)
    out = []
    for entry in waiting:
        entry_id = entry.id or 0
        lead = schools[entry_id][0] if schools[entry_id] else None
        lacks = [(page, cells[entry_id][page.code]) for page in pages]
        out.append(
            Due(
                entry=entry,
                lead=lead.name if lead else "",
                contacts=tuple(filers.get(lead.school_id, ())) if lead else (),
                lacks=tuple((_title(page), _lack(cell)) for page, cell in lacks if _lack(cell)),
                deadline=filing_deadline(cycle, entry),
                returned=tuple(dict.fromkeys(titles.get(c, c) for r in returns[entry_id] for c in r.codes)),
                begun=any(cell.state not in ("none", "done") for _page, cell in lacks)
                or entry.saved_at is not None,
                last=last.get(entry_id),
            )
        )
    return out


def _title(page: Page) -> str:
    clause = page.clause
    return f"{clause.no} {clause.title}".strip() if clause.title else clause.name


def _lack(cell: Cell) -> str:
    if cell.state == "none":
        return _("未开始")
    if cell.state == "back":
        return _("退回修改")
    if not cell.todo or cell.state == "done":
        return ""
    names = "、".join(a.label for a in cell.todo[:3])
    return names + (_("等 %(n)s 处", n=len(cell.todo)) if len(cell.todo) > 3 else "")


# --- letters -------------------------------------------------------------------------------------


def letter_text(settings: Settings, cycle: Cycle, due: Due) -> str:
    """The 催办通知 in plain words, for paper and for mail."""
    lines = [_("%(unit)s（%(lead)s）：", unit=due.entry.name, lead=due.lead), ""]
    when = _when(due.deadline, settings.timezone) if due.deadline else ""
    if due.is_returned:
        codes = "、".join(due.returned)
        lines.append(
            _(
                "“%(cycle)s”的填报已退回修改，还没有重新提交。退回的指标：%(codes)s。",
                cycle=cycle.title,
                codes=codes,
            )
        )
    else:
        text = _("“%(cycle)s”的填报还没有提交。", cycle=cycle.title)
        lines.append(text + (_("截止时间：%(when)s。", when=when) if when else ""))
    if due.lacks:
        lines += [_("目前还缺："), *(f"  · {title}：{lack}" for title, lack in due.lacks)]
    lines += ["", _("请抓紧填报并提交。")]
    if settings.help_line:
        lines.append(_("联系人：%(who)s", who=settings.help_line))
    return "\n".join([*lines, "", settings.bureau_name])


def _when(time: datetime, zone: str) -> str:
    here = time.astimezone(ZoneInfo(zone))
    return _(
        "%(year)s 年 %(month)s 月 %(day)s 日 %(time)s",
        year=here.year,
        month=here.month,
        day=here.day,
        time=here.strftime("%H:%M"),
    )


def send(
    session: Session, actor: Actor, settings: Settings, cycle: Cycle, units: Sequence[Due]
) -> tuple[list[mail.Letter], list[mail.Failure]]:
    """Mail each unit's letter to those of its contacts who have an address; the log says to whom.

    At most :data:`MOST` letters go at once. The write lock must not be held meanwhile: sending takes as long
    as the mail server likes.

    :returns: letters that went out, and those that did not, with the reason.
    """
    actor.require(Role.BUREAU)
    letters = [(due, letter) for due in units for letter in letters_of(settings, cycle, due)][:MOST]
    failed = mail.send(settings, [letter for _due, letter in letters])
    refused = {id(f.letter) for f in failed}
    sent = [(due, letter) for due, letter in letters if id(letter) not in refused]
    for due, letter in sent:
        record(
            session,
            actor,
            SENT,
            subject=due.entry.code,
            new={"to": letter.to, "name": letter.name},
            cycle_id=cycle.id,
            entry_id=due.entry.id,
        )
    return [letter for _due, letter in sent], failed


def letters_of(settings: Settings, cycle: Cycle, due: Due) -> list[mail.Letter]:
    subject = _("催办：%(cycle)s填报（%(unit)s）", cycle=cycle.title, unit=due.entry.name)
    return [
        mail.Letter(user.email, user.name, subject, letter_text(settings, cycle, due))
        for user in due.contacts
        if mail.is_address(user.email)
    ]
