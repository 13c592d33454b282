"""One file of evidence as such: its shown name, the time it speaks of, its content and earlier versions."""

from __future__ import annotations

import calendar
import re
import unicodedata
from datetime import date
from typing import NamedTuple

from intranet.domain.evidence import Shelf, Upload, changeable, require_room, shown_name
from intranet.domain.filing import Filing
from intranet.domain.numbering import log_subject
from intranet.domain.operations import outcome_of, remember
from intranet.errors import Conflict, Invalid
from intranet.i18n import _
from intranet.models import Evidence, EvidenceVersion
from intranet.queries.filed import files_of
from intranet.queries.files import versions_of
from intranet.rubric.checks import parse_value
from intranet.rubric.model import Column
from intranet.storage import accepted

FROM, UNTIL = "period_from", "period_until"
_DAY = {key: Column(key=key, label=key, type="date") for key in (FROM, UNTIL)}
_MONTH = re.compile(r"(\d{4})(?:[-./]|年)\s?(\d{1,2})月?\Z")


def describe(
    filing: Filing, evidence_id: int, *, name: str, period_from: str, period_until: str, version: int, op: str
) -> Evidence:
    """Set the shown name (the ending stays) and the time that the document speaks of, as typed.

    A month counts from its first day, until its last.

    :param version: of the file that the form showed.
    :raises Invalid: ``problems`` by name, period_from, period_until.
    :raises Conflict: somebody else changed it meanwhile; ``theirs`` is the stored Evidence.
    """
    evidence = changeable(filing, evidence_id)
    done = {"evidence": evidence_id, "version": evidence.version}
    if version != evidence.version and outcome_of(filing.session, filing.actor, op) == done:
        return evidence
    wanted = _read(evidence, name, period_from, period_until)
    old = Words(evidence.name, evidence.period_from, evidence.period_until)
    if wanted == old:
        return evidence
    if version != evidence.version:
        raise Conflict(_("有人刚刚改过这份材料。"), theirs=evidence)
    evidence.name, evidence.period_from, evidence.period_until = wanted
    _changed(filing, evidence)
    done["version"] = evidence.version
    remember(filing.session, filing.actor, op, done, at=filing.at)
    filing.record("evidence.describe", subject=log_subject(evidence), old=old.plain(), new=wanted.plain())
    return evidence


class Words(NamedTuple):
    name: str
    period_from: date | None
    period_until: date | None

    def plain(self) -> dict[str, str | None]:
        """As the log keeps it."""
        return {k: v.isoformat() if isinstance(v, date) else v for k, v in self._asdict().items()}


def _read(evidence: Evidence, name: str, period_from: str, period_until: str) -> Words:
    """What was typed. :raises Invalid: with a problem for each wrong one."""
    problems: dict[str, str] = {}
    new_name, days = "", dict[str, date | None]()
    try:
        new_name = renamed(evidence.name, name)
    except Invalid as error:
        problems["name"] = error.message
    for key, text in ((FROM, period_from), (UNTIL, period_until)):
        try:
            days[key] = read_day(key, text)
        except Invalid as error:
            problems[key] = error.message
    first, last = days.get(FROM), days.get(UNTIL)
    if first is not None and last is not None and last < first:
        problems[UNTIL] = _("结束早于开始，请核对这两个日期。")
    if problems:
        raise Invalid(next(iter(problems.values())), problems)
    return Words(new_name, first, last)


def renamed(old: str, typed: str) -> str:
    """A new shown name with the ending of the old one. :raises Invalid: nothing is left of it."""
    suffix = "." + old.rpartition(".")[2] if "." in old else ""
    name = shown_name(typed.replace("/", "／").replace("\\", "＼")) if typed.strip() else ""
    if suffix and name.lower().endswith(suffix.lower()):
        name = name[: -len(suffix)]
    name = name.strip().rstrip(".").strip()
    if not name:
        raise Invalid(_("请写文件名称。"), field="name")
    return name[: 200 - len(suffix)] + suffix


def read_day(key: str, text: str) -> date | None:
    """A day as typed; a month as its first or, for ``period_until``, its last day. None if blank."""
    month = _MONTH.match(unicodedata.normalize("NFKC", text).strip())
    if month is not None and 1 <= int(month[2]) <= 12:
        year, n = int(month[1]), int(month[2])
        last = calendar.monthrange(year, n)[1] if year else 1
        text = f"{year:04}-{n:02}-{last if key == UNTIL else 1:02}"
    found = parse_value(_DAY[key], text)
    return None if found is None else date.fromisoformat(found)


def replace(filing: Filing, evidence_id: int, upload: Upload, shelf: Shelf) -> Evidence:
    """Give a file new content: number, places and shown name stay (the name with the new ending), the
    old content becomes an earlier version.

    :raises Invalid: the same content as now, or as another file of the unit; over the quota.
    :raises DomainError: a place where it stands is locked.
    """
    evidence = changeable(filing, evidence_id)
    session, sha256 = filing.session, upload.received.sha256
    if sha256 == evidence.sha256:
        raise Invalid(_("选的文件和现在这份完全相同，没有替换。"), field="files")
    same = next((e for e in files_of(session, filing.entry_id) if e.sha256 == sha256), None)
    if same is not None and filing.share is not None:  # perhaps one that the actor does not meet
        raise Invalid(_("这个文件已经在本单位的材料里，没有替换。"), field="files")
    if same is not None:
        text = _(
            "这个文件已经是 %(n)s 号材料“%(name)s”，没有替换。可以在用到的地方“从材料库选”。",
            n=same.number,
            name=same.name,
        )
        raise Invalid(text, field="files")
    require_room(filing, shelf, upload.received.size)
    earlier = versions_of(session, evidence_id)
    session.add(
        EvidenceVersion(
            evidence_id=evidence_id,
            n=earlier[0].n + 1 if earlier else 1,
            sha256=evidence.sha256,
            name=evidence.name,
            media_type=evidence.media_type,
            size=evidence.size,
            uploaded_by=evidence.uploaded_by,
            uploaded_at=evidence.uploaded_at,
        )
    )
    old = {"name": evidence.name, "sha256": evidence.sha256}
    shelf.store.keep(upload.received)
    stem = evidence.name.rpartition(".")[0] or evidence.name
    evidence.name = f"{stem}.{accepted.ending(upload.name)}"
    evidence.sha256, evidence.size = sha256, upload.received.size
    evidence.media_type = upload.media_type
    evidence.uploaded_by, evidence.uploaded_at = filing.actor.user_id, filing.at
    _changed(filing, evidence)
    new = {"name": evidence.name, "sha256": sha256, "file": upload.name}
    filing.record("evidence.replace", subject=log_subject(evidence), old=old, new=new)
    return evidence


def _changed(filing: Filing, evidence: Evidence) -> None:
    evidence.version += 1
    evidence.carried = False
    filing.session.add(evidence)
    filing.touch()
    filing.session.flush()
