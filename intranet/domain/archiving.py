"""归档: what a cycle is kept as, member by member, and the act of closing it.

The members are plain: the rubric's text, canonical JSON, the log line by line, files under their hash.
Writing them into one file is ``documents.archive_file``, checking them ``documents.archive_check``.
No password, no address of a person and no account name goes into an archive but what the log says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sqlmodel import Session

from intranet.actor import Actor
from intranet.domain import lifecycle
from intranet.domain.freeze import canonical
from intranet.domain.lifecycle import Check, naming
from intranet.domain.log import record
from intranet.domain.operations import remember
from intranet.domain.phases import phase_name
from intranet.enums import CycleState, Role
from intranet.errors import DomainError, Invalid
from intranet.i18n import _
from intranet.models import Archive, Cycle, LogEntry, Result, UnitResult
from intranet.queries import archives as stored
from intranet.rubric.numbers import as_text

FORMAT = "intranet-archive"
VERSION = 1
MANIFEST = "manifest.json"
LOG = "log/entries.jsonl"
RUBRIC = "rubric.toml"
RULINGS = "rulings.json"
CYCLE = "cycle.json"

ARCHIVING = (CycleState.FINAL, CycleState.ARCHIVED)
"""States in which an archive can be made: a lost or older one may be made again afterwards."""

LOG_PARTS = (
    "id",
    "at",
    "user_id",
    "user_name",
    "action",
    "cycle_id",
    "entry_id",
    "subject",
    "old",
    "new",
    "reason",
    "ip",
    "detail",
    "hash",
)


def program_version() -> str:
    try:
        return version("intranet")
    except PackageNotFoundError:
        return ""


def json_bytes(value: Any) -> bytes:
    return (canonical(value) + "\n").encode()


@dataclass
class Collected:
    """What is known of an archive while it is put together. names: file part by entry id; hashes: sha256 -> size
    of the files that belong in; people: ids named anywhere; head: the hash of the cycle's last log entry."""

    cycle: Cycle
    held: Result
    names: dict[int, str]
    hashes: dict[str, int]
    people: set[int]
    head: str = ""

    def note(self, value: Any) -> Any:
        """Note the people and files that a value names; the value itself is given back."""
        if isinstance(value, Mapping):
            for key, one in value.items():
                if isinstance(one, int) and (key == "user_id" or key.endswith("_by")):
                    self.people.add(one)
                elif isinstance(one, Mapping | list):
                    self.note(one)
            sha256, size = value.get("sha256"), value.get("size")
            if isinstance(sha256, str) and isinstance(size, int):
                self.hashes.setdefault(sha256, size)
        elif isinstance(value, list):
            for one in value:
                self.note(one)
        return value


def begin(session: Session, cycle: Cycle) -> Collected:
    """:raises DomainError: not final, or there is no result."""
    if cycle.state not in ARCHIVING:
        raise DomainError(_("现在是%(phase)s阶段。定稿以后才能归档。", phase=phase_name(cycle.state)))
    results = stored.results_of(session, cycle.id or 0)
    if not results:
        raise DomainError(_("这个考核周期还没有冻结结果。"))
    entries = stored.entries_of(session, cycle.id or 0)
    names = {e.id or 0: file_part(n, e.code) for n, e in enumerate(entries, 1)}
    hashes = stored.hashes_of(session, list(names))
    return Collected(cycle, results[-1], names, hashes, set())


def file_part(n: int, code: str) -> str:
    """``001-g01``: in the order of codes, the code itself only where every file system takes it."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "", code)[:40].strip(".")
    return f"{n:03}-{plain}" if plain else f"{n:03}"


def texts(session: Session, made: Collected) -> Iterator[tuple[str, bytes | Iterator[bytes]]]:
    """(name, content) of every member that is not a file, in the order of the archive."""
    cycle, ids = made.cycle, list(made.names)
    entries = stored.entries_of(session, cycle.id or 0)
    schools = [stored.as_json(s) for s in stored.schools_of(session, ids)]
    whole = stored.as_json(cycle, without=("definition", "rulings", "ruling_notes"))
    units = [made.note(stored.as_json(e)) | {"file": made.names[e.id or 0]} for e in entries]
    yield CYCLE, json_bytes({"cycle": whole, "entries": units, "schools": schools})
    yield RUBRIC, cycle.definition.encode()
    yield RULINGS, json_bytes({"rulings": cycle.rulings, "notes": cycle.ruling_notes})
    for result in stored.results_of(session, cycle.id or 0):
        there = f"results/{result.number:03}"
        yield f"{there}/result.json", json_bytes(made.note(stored.as_json(result)))
        for row in stored.units_of(session, result.id or 0):
            name = made.names.get(row.entry_id, f"entry-{row.entry_id}")
            yield f"{there}/units/{name}.json", json_bytes(made.note(_unit(row)))
    for entry in entries:
        filed = made.note(stored.filing_rows(session, entry.id or 0))
        for one in filed["submissions"]:
            if one["scan_sha256"]:
                made.hashes.setdefault(one["scan_sha256"], -1)
        yield f"filings/{made.names[entry.id or 0]}.json", json_bytes(filed)
    yield "panel.json", json_bytes(made.note(stored.panel_rows(session, cycle.id or 0, ids)))
    yield "appeals.json", json_bytes(made.note(stored.appeal_rows(session, ids)))
    yield "publications.json", json_bytes(made.note(stored.publication_rows(session, cycle.id or 0)))
    yield LOG, _log(session, made, ids)
    yield "people.json", json_bytes(stored.names_of(session, made.people))
    yield "README.txt", _read_me(made).encode()


def _unit(row: UnitResult) -> dict[str, Any]:
    """What a freeze kept of one unit; the columns beside the document are compared with it."""
    return {
        "entry_id": row.entry_id,
        "position": row.position,
        "rank": row.rank,
        "group": row.group,
        "total": None if row.total is None else as_text(row.total),
        "document": row.document,
        "facts": row.facts,
        "marks": row.marks,
        "evidence": row.evidence,
    }


def _log(session: Session, made: Collected, entry_ids: Collection[int]) -> Iterator[bytes]:
    """One entry a line: the cycle's own whole, of others between them the hash alone. The first line is
    the hash that the first own entry follows from."""
    first = True
    for entry, is_own in stored.log_of(session, made.cycle, entry_ids):
        if first:
            yield json_bytes({"hash": stored.hash_before(session, entry.id or 0)})
            first = False
        if is_own:
            made.head = entry.hash
            yield json_bytes(logged(entry))
        else:
            yield json_bytes({"id": entry.id, "hash": entry.hash})


def logged(entry: LogEntry) -> dict[str, Any]:
    """A log entry as it stands in an archive."""
    row = stored.as_json(entry)
    return {part: row[part] for part in LOG_PARTS}


def entry_of(line: Mapping[str, Any]) -> LogEntry:
    """The log entry of a line of an archive, to hash it again. :raises ValueError, KeyError, TypeError."""
    values = {part: line[part] for part in LOG_PARTS}
    values["at"] = datetime.fromisoformat(values["at"])
    return LogEntry(**values)


def _read_me(made: Collected) -> str:
    return "\n".join(
        [
            f"{made.cycle.title}",
            "",
            "本文件是一次考核的归档，可用任何解压软件打开。",
            "核对：在装有本系统的电脑上运行 intranet verify <本文件>，不需要数据库。",
            "它核对每个成员的哈希、日志的哈希链，并用归档的考核办法和事实重新算分，逐项比较。",
            "",
            "cycle.json 考核周期、考核对象和学校",
            "rubric.toml 考核办法全文　rulings.json 裁定口径和理由",
            "results/ 每次冻结的结果、事实、评分和材料清单，编号最大的有效",
            "filings/ 各单位每次提交的内容　panel.json 考核组、分工、回避、质询、展示考核",
            "appeals.json 复核　publications.json 公示　log/ 操作日志（逐条相连的哈希）",
            "documents/ 排名表、官方表　volumes/ 佐证材料汇编　files/ 佐证材料，以内容的 SHA-256 命名",
            "manifest.json 全部成员的大小和 SHA-256",
            "",
        ]
    )


def manifest(
    made: Collected, members: Mapping[str, Mapping[str, Any]], missing: Sequence[str]
) -> dict[str, Any]:
    """What the archive says of itself.

    :param members: name -> ``{"sha256", "size"}``. :param missing: hashes of files that were not there.
    """
    cycle, held = made.cycle, made.held
    return {
        "format": FORMAT,
        "version": VERSION,
        "cycle": {"id": cycle.id, "title": cycle.title, "practice": cycle.practice},
        "rubric": {
            "key": cycle.rubric_key,
            "title": cycle.rubric_title,
            "version": cycle.rubric_version,
            "fingerprint": cycle.fingerprint,
        },
        "program_version": program_version(),
        "plugin_version": cycle.plugin_version,
        "result": {"number": held.number, "fingerprint": held.fingerprint},
        "log_head": made.head,
        "missing": sorted(missing),
        "members": dict(sorted(members.items())),
    }


# --- the act ---------------------------------------------------------------------------------------


def checks(made: Collected, missing: Sequence[str]) -> list[Check]:
    """What speaks against archiving now; a warning is the bureau's to accept."""
    if not missing:
        return []
    text = _(
        "有 %(n)s 份材料的文件不在服务器上（%(names)s）。请先从备份恢复；仍要归档的，归档里会注明缺少。",
        n=len(missing),
        names=naming([m[:12] for m in missing]),
    )
    return [Check("warning", "files", text)]


def closing_checks(session: Session, cycle: Cycle) -> list[Check]:
    """What speaks against closing a final cycle: there is no archive of the result that holds."""
    if cycle.state != CycleState.FINAL:
        return []
    results = stored.results_of(session, cycle.id or 0)
    made = stored.archives_of(session, cycle.id or 0)
    if results and made and made[0].result_id == results[-1].id:
        return []
    return [Check("warning", "archive", _("还没有生成归档文件。在“归档”页生成，会一并进入归档阶段。"))]


def require(actor: Actor, found: Sequence[Check], *, accepted: bool) -> None:
    """:raises Invalid: a warning stands that was not accepted."""
    actor.require(Role.BUREAU)
    if found and not accepted:
        raise Invalid(_("请看过上面的提醒，勾选后再继续。"), field="accepted")


def keep(
    session: Session,
    actor: Actor,
    cycle: Cycle,
    held_number: int,
    *,
    sha256: str,
    size: int,
    at: datetime,
    op: str = "",
) -> Archive:
    """Note the file as the cycle's archive, and close the cycle if it was final; made again it is one row more.

    :raises DomainError: the result is not the one that was archived.
    """
    actor.require(Role.BUREAU)
    held = stored.results_of(session, cycle.id or 0)[-1:]
    if cycle.state not in ARCHIVING or not held or held[0].number != held_number:
        raise DomainError(_("生成期间结果或阶段有变化，没有归档。请再试一次。"))
    before = stored.archives_of(session, cycle.id or 0)
    for one in before:
        if one.sha256 == sha256:
            archive = one
            break
    else:
        archive = Archive(
            cycle_id=cycle.id or 0,
            result_id=held[0].id or 0,
            sha256=sha256,
            size=size,
            made_by=actor.user_id,
            made_at=at,
        )
        session.add(archive)
        session.flush()
        record(session, actor, "cycle.archive", new=sha256, cycle_id=cycle.id, size=size)
    if cycle.state == CycleState.FINAL:
        lifecycle.advance(session, actor, cycle, CycleState.ARCHIVED, [], accepted=True)
    remember(session, actor, op, archive.id, at=at)
    return archive
