"""核对归档: is the archive as it was made, and does its result still follow from its facts?

Without a database and without the data folder it came from. Asked in this order, and stopped at the
first that fails: the structure of the file, every member against the manifest, the chain of the log,
the rubric and the rulings, the fingerprints, and with the plugin every result of the cycle from its facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..domain import archiving, recheck
from ..domain.log import chain_hash
from ..errors import DomainError
from ..i18n import _
from ..rubric import engine, loader
from .archive_reading import ArchiveReader, Broken, open_archive

Hooks = Callable[[str], engine.Hooks | None]
"""Rubric key -> the hooks of the installed plugin; None if it is not installed."""


@dataclass
class Verdict:
    """What came of it. difference: the first one, "" if there is none; recomputed: whether the plugin was
    there to score again. The rest says what was looked at, for people to compare with the paper."""

    difference: str = ""
    recomputed: bool = False
    title: str = ""
    rubric: str = ""
    rubric_key: str = ""
    plugin_version: str = ""
    program_version: str = ""
    fingerprint: str = ""
    members: int = 0
    log_entries: int = 0
    results: int = 0
    units: int = 0
    missing: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.difference


def check(path: Path, hooks: Hooks) -> Verdict:
    """Look at everything; never raises for what the file contains."""
    verdict = Verdict()
    try:
        with_reader(path, verdict, hooks)
    except Broken as error:
        verdict.difference = error.message
    except DomainError as error:
        verdict.difference = error.message
    except (
        RecursionError,
        ArithmeticError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
    ) as error:
        # what the archive says has not the form it should have: text where a number stands, a part missing
        why = f"{type(error).__name__}: {error}"
        verdict.difference = _("归档的内容不是应有的样子（%(why)s）。", why=why[:200])
    return verdict


def with_reader(path: Path, verdict: Verdict, hooks: Hooks) -> None:
    reader = open_archive(path)
    try:
        digests = {name: reader.digest(name) for name in reader.members}
        manifest = _manifest(reader)
        _against_manifest(digests, manifest)
        _say(verdict, manifest)
        verdict.log_entries, frozen = _log(reader, manifest)
        _results(reader, verdict, manifest, frozen, hooks)
    finally:
        reader.file.close()


def _json(reader: ArchiveReader, name: str) -> Any:
    try:
        return json.loads(reader.read(name), parse_float=str)
    except (ValueError, RecursionError):
        raise Broken(_("“%(name)s”不是 JSON，内容被改动。", name=name), name) from None


def _object(reader: ArchiveReader, name: str) -> dict[str, Any]:
    found = _json(reader, name)
    if not isinstance(found, dict):
        raise Broken(_("“%(name)s”的内容不是应有的样子。", name=name), name)
    return found


# --- the members -----------------------------------------------------------------------------------


def _manifest(reader: ArchiveReader) -> dict[str, Any]:
    found = _object(reader, archiving.MANIFEST)
    if found.get("format") != archiving.FORMAT:
        raise Broken(_("这不是本系统的归档（manifest.json 里没有写明）。"), archiving.MANIFEST)
    if found.get("version") != archiving.VERSION:
        text = _("归档的格式是第 %(n)s 版，这个程序不认识。请用新版程序核对。", n=found.get("version"))
        raise Broken(text, archiving.MANIFEST)
    return found


def _against_manifest(digests: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    listed = manifest["members"]
    for name in listed:
        if name not in digests:
            raise Broken(_("归档里缺少“%(name)s”。", name=name), name)
    for name, digest in digests.items():
        if name == archiving.MANIFEST:
            continue
        if name not in listed:
            raise Broken(_("归档里多了“%(name)s”，清单上没有。", name=name), name)
        if (listed[name]["sha256"], listed[name]["size"]) != (digest.sha256, digest.size):
            raise Broken(_("“%(name)s”与清单上的 SHA-256 不符，内容被改动。", name=name), name)
        kind, _slash, rest = name.partition("/")
        if kind == "files" and rest != digest.sha256:
            raise Broken(_("“%(name)s”的内容与它的名字（SHA-256）不符。", name=name), name)


def _say(verdict: Verdict, manifest: Mapping[str, Any]) -> None:
    rubric = manifest["rubric"]
    verdict.title = str(manifest["cycle"]["title"])
    verdict.rubric = f"{rubric['title']} {rubric['version']}"
    verdict.rubric_key = str(rubric["key"])
    verdict.plugin_version = str(manifest["plugin_version"])
    verdict.program_version = str(manifest["program_version"])
    verdict.fingerprint = str(manifest["result"]["fingerprint"])
    verdict.members = len(manifest["members"]) + 1
    verdict.missing = [str(m) for m in manifest["missing"]]


# --- the log ---------------------------------------------------------------------------------------


def _log(reader: ArchiveReader, manifest: Mapping[str, Any]) -> tuple[int, set[tuple[str, str]]]:
    """Walk the chain. :returns: how many entries are the cycle's own; (number, fingerprint) of every freeze."""
    name, previous, own, last, head = archiving.LOG, "", 0, 0, ""
    frozen: set[tuple[str, str]] = set()
    for n, raw in enumerate(reader.lines(name), 1):
        where = _("“%(name)s”第 %(n)s 行", name=name, n=n)
        try:
            line = json.loads(raw, parse_float=str)
            found = str(line["hash"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Broken(_("%(where)s：读不懂，内容被改动。", where=where), name) from None
        if n > 1:
            if not isinstance(line["id"], int) or line["id"] <= last:
                raise Broken(_("%(where)s：日志的编号不是递增的。", where=where), name)
            last = line["id"]
        if "action" in line:
            own, head = own + 1, found
            if chain_hash(previous, archiving.entry_of(line)) != found:
                text = _(
                    "%(where)s：日志第 %(id)s 条（%(action)s）的哈希对不上，这一条或前一条被改动。",
                    where=where,
                    id=line["id"],
                    action=line["action"],
                )
                raise Broken(text, name)
            if line["action"] == "result.freeze":
                frozen.add((str(line["subject"]), str(line["new"])))
        previous = found
    if head != manifest["log_head"]:
        raise Broken(_("“%(name)s”的末尾与清单上的不同，日志被截短或改动。", name=name), name)
    return own, frozen


# --- the results -----------------------------------------------------------------------------------


def _results(
    reader: ArchiveReader,
    verdict: Verdict,
    manifest: Mapping[str, Any],
    frozen: set[tuple[str, str]],
    hooks: Hooks,
) -> None:
    text = reader.read(archiving.RUBRIC).decode()
    definition = loader.load(text, archiving.RUBRIC, check=False)
    chosen = _object(reader, archiving.RULINGS)["rulings"]
    if definition.fingerprint(chosen) != manifest["rubric"]["fingerprint"]:
        raise Broken(_("考核办法或裁定与清单上的指纹不符。"), archiving.RUBRIC)
    rubric, installed = definition.bind(chosen), hooks(verdict.rubric_key)
    verdict.recomputed = installed is not None
    folders = sorted({"/".join(n.split("/")[:2]) for n in reader.members if n.startswith("results/")})
    last: dict[str, Any] = {}
    for folder in folders:
        last = _object(reader, f"{folder}/result.json")
        units = _units(reader, folder)
        verdict.units = len(units)
        _one(last, units, folder, definition.fingerprint(chosen), frozen)
        if installed is not None:
            differences = recheck.compare(rubric, installed, last["rules"], [u.stored for u in units])
            differences = differences or _order(units)
            if differences:
                raise Broken(_("第 %(n)s 次冻结：%(what)s", n=last["number"], what=differences[0]), folder)
        verdict.results += 1
    if {k: last.get(k) for k in ("number", "fingerprint")} != manifest["result"]:
        raise Broken(_("有效的结果与清单上的不是同一份。"), archiving.MANIFEST)


@dataclass(frozen=True)
class _Unit:
    member: str
    stored: recheck.StoredUnit
    data: Mapping[str, Any]


def _units(reader: ArchiveReader, folder: str) -> list[_Unit]:
    """In the order of the list."""
    out = []
    for name in reader.members:
        if name.startswith(f"{folder}/units/"):
            data = _object(reader, name)
            out.append(_Unit(name, recheck.StoredUnit(data["facts"], data["document"]), data))
    return sorted(out, key=lambda u: int(u.data["position"]))


def _one(
    result: Mapping[str, Any],
    units: list[_Unit],
    folder: str,
    rubric: str,
    frozen: set[tuple[str, str]],
) -> None:
    """What holds of one freeze without scoring again."""
    name = f"{folder}/result.json"
    if result["rubric_fingerprint"] != rubric:
        raise Broken(_("“%(name)s”：考核办法或裁定与冻结时不同。", name=name), name)
    for unit in units:
        document, data = unit.stored.document, unit.data
        if (data["total"], data["rank"]) != (document["total"], document["rank"]):
            text = _(
                "“%(name)s”：列出的是 %(old)s 分、第 %(old_rank)s 名，结果里是 %(new)s 分、第 %(new_rank)s 名。",
                name=unit.member,
                old=data["total"],
                old_rank=data["rank"],
                new=document["total"],
                new_rank=document["rank"],
            )
            raise Broken(text, unit.member)
    if not recheck.fingerprint_holds(
        rubric, [u.stored for u in units], result["rules"], str(result["fingerprint"])
    ):
        raise Broken(_("“%(name)s”：结果指纹对不上，存下的事实或得分被改动。", name=name), name)
    if (str(result["number"]), str(result["fingerprint"])) not in frozen:
        raise Broken(_("“%(name)s”：日志里没有这次冻结的指纹。", name=name), name)


def _order(units: list[_Unit]) -> list[str]:
    """The list stands in the order of its places."""
    ranks = [u.data["rank"] for u in units if u.data["group"] == units[0].data["group"]]
    known = [r for r in ranks if r is not None]
    return [] if known == sorted(known) else [_("名单的先后与名次不符。")]
