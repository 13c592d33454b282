"""Evidence: receiving files, what they prove, taking them away again."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO

from intranet.domain.filing import Filing, Right, require_slot
from intranet.domain.numbering import log_subject, renumber
from intranet.domain.operations import outcome_of, remember
from intranet.errors import DomainError, Forbidden, Invalid, NotFound
from intranet.i18n import _
from intranet.models import Evidence, EvidenceLink, FactRow
from intranet.queries.filed import answer_of, files_of, last_number, links_of, row_of
from intranet.queries.files import used_by
from intranet.queries.sharing import home_of, may_see_file
from intranet.storage import Received, Store, accepted

MEGABYTE = 1024 * 1024
AT_ONCE = 50
"""Files of one upload: each is written through to the disk before the next."""

_UNSHOWN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, direction marks, private use, surrogates, line separators."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that has arrived and been found acceptable, not yet kept."""

    name: str
    media_type: str
    received: Received


def shown_name(name: str) -> str:
    """A file name fit to be shown: no folders, no control or direction characters, at most 200 long."""
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    base = "".join(c for c in base if unicodedata.category(c) not in _UNSHOWN).strip()
    stem, suffix = os.path.splitext(base)
    return (stem[: 200 - len(suffix)] or _("未命名")) + suffix if len(suffix) <= 10 else base[:200]


def receive(store: Store, files: Iterable[tuple[str, IO[bytes]]], *, limit: int) -> list[Upload]:
    """Take in files and look at each; needs no database.

    :param files: name and stream; :param limit: bytes per file.
    :raises Invalid: one is not acceptable (then none is taken), or there is none.
    """
    uploads: list[Upload] = []
    try:
        for n, (name, stream) in enumerate(files, 1):
            if n > AT_ONCE:
                raise Invalid(_("一次最多上传 %(n)s 个文件，请分几次传。", n=AT_ONCE), field="files")
            received = store.receive(stream)
            uploads.append(Upload(shown_name(name), "", received))
            if received.size > limit:
                text = _("“%(name)s”超过 %(most)s MB。请压缩后再传。", name=name, most=limit // MEGABYTE)
                raise Invalid(text, field="files")
            media_type = accepted.check(received.path, uploads[-1].name)
            uploads[-1] = Upload(uploads[-1].name, media_type, received)
    except BaseException:
        discard(store, uploads)
        raise
    if not uploads:
        raise Invalid(_("还没有选文件。"), field="files")
    return uploads


def discard(store: Store, uploads: Iterable[Upload]) -> None:
    for upload in uploads:
        store.discard(upload.received)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where a unit's files go: quota in bytes for one unit, and whom to ask for more."""

    store: Store
    quota: int
    help_line: str = ""


def require_room(filing: Filing, shelf: Shelf, more: int) -> None:
    """That ``more`` bytes still fit. :raises Invalid: over the unit's quota; says whom to ask."""
    if used_by(filing.session, filing.entry_id) + more > shelf.quota:
        whom = shelf.help_line or _("教育局管理员")
        text = _(
            "本单位的材料已到上限 %(quota)s MB，没有收下。请压缩或删除不用的文件；确需增加请联系%(whom)s。",
            quota=shelf.quota // MEGABYTE,
            whom=whom,
        )
        raise Invalid(text, field="files")


def add_files(filing: Filing, code: str, ref: str, uploads: list[Upload], shelf: Shelf) -> list[Evidence]:
    """Keep files and link them to what they prove. The same content in one unit is one file.

    :param ref: with ``code``, or both empty for the unit's list alone.
    :raises Invalid: over the unit's quota; says whom to ask.
    """
    require_place(filing, code, ref)
    here = {e.sha256: e for e in files_of(filing.session, filing.entry_id)}
    new = {u.received.sha256: u for u in uploads if u.received.sha256 not in here}
    if new:
        require_room(filing, shelf, sum(u.received.size for u in new.values()))
    out = []
    for upload in uploads:
        sha256 = upload.received.sha256
        if sha256 in here:
            shelf.store.discard(upload.received)
        else:
            shelf.store.keep(upload.received)
            here[sha256] = _new_file(filing, upload)
        out.append(here[sha256])
        if ref:
            _link(filing, here[sha256], ref)
    filing.touch()
    renumber(filing)
    return out


def _new_file(filing: Filing, upload: Upload) -> Evidence:
    session = filing.session
    evidence = Evidence(
        entry_id=filing.entry_id,
        number=last_number(session, filing.entry_id) + 1,
        sha256=upload.received.sha256,
        name=upload.name,
        media_type=upload.media_type,
        size=upload.received.size,
        uploaded_by=filing.actor.user_id,
        uploaded_at=filing.at,
    )
    session.add(evidence)
    session.flush()
    filing.record(
        "evidence.add", subject=log_subject(evidence), new={"name": evidence.name, "sha256": evidence.sha256}
    )
    return evidence


# --- what a file proves ---------------------------------------------------------------------------


def require_place(filing: Filing, code: str, ref: str) -> None:
    """That the actor may put a file there now; without a ref, into the unit's list (材料库)."""
    if ref:
        require_ref(filing, code, ref)
    else:
        filing.require_part(None)


def require_ref(filing: Filing, code: str, ref: str) -> None:
    """That this page has such a thing and the actor may put a file to it now.

    :raises NotFound, Forbidden, DomainError: it has not, may not ever, may not now.
    """
    filing.require_part(code)
    kind, _colon, what = ref.partition(":")
    page = filing.page(code)
    if kind == "slot":
        require_slot(filing, code, what)
        return
    if kind == "clause" and any(c.code == what for c in page.clauses):
        return
    if kind == "row":
        row = _row(filing, what)
        if row is not None and row.table in page.tables:
            filing.require_row(code, row)
            return
    raise NotFound(_("没有可以附材料的这一处。"))


def link(filing: Filing, code: str, evidence_id: int, ref: str) -> Evidence:
    """Let a file that is already there prove one more thing."""
    evidence = _file(filing, evidence_id)
    require_ref(filing, code, ref)
    _link(filing, evidence, ref)
    filing.touch()
    renumber(filing)
    return evidence


def place(filing: Filing, wishes: Mapping[int, str], *, op: str) -> int:
    """Let files that are already there prove one thing each: all of them or none.

    :param wishes: ref by file id. :returns: how many files; the same ``op`` again places nothing.
    :raises Invalid: ``problems`` by file id, as text: no such file or place, or not here and now.
    """
    before = outcome_of(filing.session, filing.actor, op)
    if isinstance(before, dict) and "placed" in before:
        return int(before["placed"])
    found: list[tuple[Evidence, str]] = []
    problems: dict[str, str] = {}
    for evidence_id, ref in wishes.items():
        try:
            evidence = _file(filing, evidence_id)
            require_ref(filing, page_of(filing, ref) or "", ref)
            found.append((evidence, ref))
        except DomainError as error:
            problems[str(evidence_id)] = error.message
    if problems:
        raise Invalid(_("有 %(n)s 份放不了，都还没有放。请改一处或选“先不放”。", n=len(problems)), problems)
    if not found:
        raise Invalid(_("还没有选要放到哪里。"), field="to")
    for evidence, ref in found:
        _link(filing, evidence, ref)
    filing.touch()
    renumber(filing)
    remember(filing.session, filing.actor, op, {"placed": len(found)}, at=filing.at)
    return len(found)


def _link(filing: Filing, evidence: Evidence, ref: str) -> None:
    session = filing.session
    assert evidence.id is not None
    if links_of(session, evidence.id, ref):
        return
    session.add(EvidenceLink(evidence_id=evidence.id, entry_id=filing.entry_id, ref=ref))
    filing.record("evidence.link", subject=log_subject(evidence), new=ref)
    if ref.startswith("slot:"):
        _drop_absence(filing, ref.removeprefix("slot:"))


def _drop_absence(filing: Filing, key: str) -> None:
    """A file in a slot ends its 确实没有."""
    answer = answer_of(filing.session, filing.entry_id, key)
    if answer is not None and answer.value is False:
        answer.value, answer.version = None, answer.version + 1
        answer.changed_by, answer.changed_at = filing.actor.user_id, filing.at
        filing.session.add(answer)
        filing.record("slot.absent", subject=key, old=False, new=None)


def unlink(filing: Filing, code: str, evidence_id: int, ref: str) -> Evidence:
    """Take a file out of one place; the file stays in the unit's list."""
    evidence = _file(filing, evidence_id)
    require_ref(filing, code, ref)
    _require_own(filing, evidence)
    for found in links_of(filing.session, evidence_id, ref):
        filing.session.delete(found)
        filing.touch()
        filing.session.flush()
        filing.record("evidence.unlink", subject=log_subject(evidence), old=ref)
    renumber(filing)
    return evidence


def delete(filing: Filing, evidence_id: int) -> Evidence:
    """Take a file away altogether; its bytes stay for the log. A number that is on paper is not given again.

    :raises DomainError: a place where it stands is locked.
    """
    evidence = changeable(filing, evidence_id)
    links = links_of(filing.session, evidence_id)
    evidence.deleted_at = filing.at
    filing.session.add(evidence)
    for found in links:
        filing.session.delete(found)
    filing.touch()
    filing.session.flush()
    filing.record(
        "evidence.delete",
        subject=log_subject(evidence),
        old={"name": evidence.name, "sha256": evidence.sha256, "refs": [found.ref for found in links]},
    )
    renumber(filing)
    return evidence


def changeable(filing: Filing, evidence_id: int) -> Evidence:
    """The file, if the actor may change it as such now, and so everywhere it stands.

    :raises DomainError: a place where it stands is locked. :raises Forbidden: it is somebody else's.
    """
    evidence = _file(filing, evidence_id)
    filing.require_part(None)
    for code in {page_of(filing, found.ref) for found in links_of(filing.session, evidence_id)}:
        filing.require_place(code)
    _require_own(filing, evidence)
    return evidence


def page_of(filing: Filing, ref: str) -> str | None:
    """The page on which a ref stands, whether or not the actor meets it; a row's is the one that counts it."""
    kind, _colon, what = ref.partition(":")
    if kind == "row":
        row = _row(filing, what)
        home = home_of(filing.every_page, row) if row else None
        return home.code if home else None
    clause = what.rpartition("#")[0] if kind == "slot" else what
    return next(
        (p.code for p in filing.every_page.values() if any(c.code == clause for c in p.clauses)), None
    )


def _row(filing: Filing, what: str) -> FactRow | None:
    """The row that a ref names; the text comes from a form."""
    is_id = what.isascii() and what.isdigit() and len(what) <= 18
    return row_of(filing.session, filing.entry_id, int(what)) if is_id else None


def _file(filing: Filing, evidence_id: int) -> Evidence:
    evidence = filing.session.get(Evidence, evidence_id)
    if evidence is None or evidence.entry_id != filing.entry_id or evidence.deleted_at is not None:
        raise NotFound(_("没有这份材料，或您无权查看。"))
    refs = [found.ref for found in links_of(filing.session, evidence_id)]
    if not may_see_file(filing.session, filing.actor, filing.entry, evidence, refs):
        raise NotFound(_("没有这份材料，或您无权查看。"))
    return evidence


def _require_own(filing: Filing, evidence: Evidence) -> None:
    if filing.right is not Right.LEAD and evidence.uploaded_by != filing.actor.user_id:
        raise Forbidden(_("这是别人上传的，您只能取下自己上传的。"))
