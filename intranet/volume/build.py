"""Putting a volume together: what goes where, decided from page counts alone; ``binding`` makes the file of it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..i18n import _
from ..storage import accepted
from . import binding, stamping, typeset
from .binding import Part
from .convert import pages_of, sheet_of
from .inspecting import Looked, look
from .notshown import NotShown
from .pictures import ENDINGS
from .plan import Document, Plan, Section
from .prints import print_of
from .typeset import Own

PICTURES = frozenset({"image/jpeg", "image/png", "image/heic"})
TRIES = 5


class Cancelled(Exception):
    """Somebody stopped the build; no file was left."""


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a build. places: first and last page by material number; sections: {code, page};
    digests: of each printed page; changed: pages that differ from the build before; problems: {number,
    name, reason} of files that a page of words stands in for; archival: whether the volume declares itself
    as PDF/A-2b; obstacles: {number, name, reason} of files that stand against that; prints: perceptual hash
    of each picture."""

    sha256: str
    size: int
    pages: int
    places: dict[int, tuple[int, int]]
    sections: list[dict[str, Any]]
    digests: list[str]
    changed: list[int]
    problems: list[dict[str, Any]]
    archival: bool
    obstacles: list[dict[str, Any]]
    prints: dict[str, str]


@dataclass
class _Head:
    """The page before an indicator's documents. elsewhere: number and part of what an earlier section prints."""

    part: Part
    section: Section
    elsewhere: list[tuple[int, Part]]


@dataclass
class _Laid:
    parts: list[Part] = field(default_factory=list)
    heads: list[_Head] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    obstacles: list[dict[str, Any]] = field(default_factory=list)


def build(
    plan: Plan,
    target: Path,
    cache: Path,
    *,
    on_progress: Callable[[int, int, str], None] = lambda done, total, what: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    before: Sequence[str] = (),
    known_prints: Collection[str] = (),
    broken: Mapping[int, str] | None = None,
) -> Built:
    """Write the volume of ``plan`` to ``target``.

    :param cache: folder of converted pages, shared by all volumes.
    :param before: digests of the build before; :param known_prints: pictures whose print is known.
    :param broken: numbers of documents that are not even to be opened, with the reason.
    :raises Cancelled: ``is_cancelled`` said so between two files.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    broken = dict(broken or {})
    try:
        while True:
            laid = _convert_all(plan, cache, on_progress, is_cancelled, broken)
            on_progress(len(plan.documents), len(plan.documents) + 1, _("装订"))
            front, own, letters = _settle(plan, laid)
            parts = [front, *laid.parts]
            digests = [d for part in parts for d in _digests(part)]
            identity = hashlib.sha256("".join(digests).encode()).digest()[:16]
            try:
                binding.bind(
                    plan, parts, own, letters, beside, identity=identity, archival=not laid.obstacles
                )
                break
            except Exception:
                found = _unbound(plan, parts, own, letters, beside, is_cancelled)
                if not found:
                    raise
                broken |= found
        if is_cancelled():
            raise Cancelled
        digest, size = _hash(beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    return Built(
        sha256=digest,
        size=size,
        pages=len(digests),
        places={number: (p.first, p.first + p.count - 1) for p in laid.parts for number, _name in p.shown},
        sections=[{"code": p.code, "page": p.first} for p in laid.parts if p.code is not None],
        digests=digests,
        changed=[n for n, d in enumerate(digests, 1) if before and (n > len(before) or d != before[n - 1])],
        problems=laid.problems,
        archival=not laid.obstacles,
        obstacles=laid.obstacles,
        prints={
            d.sha256: print_of(Path(d.path), accepted.ending(d.name))
            for d in plan.documents
            if d.media_type in PICTURES and d.path and d.sha256 not in known_prints and d.number not in broken
        },
    )


# --- what there is -------------------------------------------------------------------------------


def _convert_all(
    plan: Plan,
    cache: Path,
    on_progress: Callable[[int, int, str], None],
    is_cancelled: Callable[[], bool],
    broken: Mapping[int, str],
) -> _Laid:
    """Every part after the contents, in order; cross-references are words on the dividers.

    :param broken: reason by number of documents that were found not to go in.
    """
    laid = _Laid()
    by_number = {d.number: d for d in plan.documents}
    placed: dict[int, Part] = {}
    done = 0
    for section in plan.sections:
        head = _Head(Part(b"", 1, "", plan.unit, _title(section), section.code), section, [])
        laid.parts.append(head.part)
        laid.heads.append(head)
        here: list[Document] = []
        for number in dict.fromkeys(section.documents):
            if number in placed:
                head.elsewhere.append((number, placed[number]))
            elif number in by_number:
                here.append(by_number[number])
        for together in _together(here, plan.pictures):
            if is_cancelled():
                raise Cancelled
            on_progress(done, len(plan.documents) + 1, together[0].name)
            for part in _parts_of(plan, together, cache, laid, broken):
                laid.parts.append(part)
                placed |= {number: part for number, _name in part.shown}
            done += len(together)
    return laid


def _title(section: Section) -> str:
    return f"{section.number} {section.title}".strip()


def _together(documents: Sequence[Document], most: int) -> Iterator[list[Document]]:
    """Photographs that follow one another, up to ``most``; everything else by itself."""
    run: list[Document] = []
    for document in documents:
        is_picture = document.media_type in PICTURES
        if run and (not is_picture or len(run) == most):
            yield run
            run = []
        if is_picture:
            run.append(document)
        else:
            yield [document]
    if run:
        yield run


def _parts_of(
    plan: Plan, documents: Sequence[Document], cache: Path, laid: _Laid, broken: Mapping[int, str]
) -> list[Part]:
    """One part of a document or of a sheet of photographs; one that cannot be shown has its own page."""
    good: list[tuple[Document, Path, Looked]] = []
    bad: list[Part] = []
    for document in documents:
        try:
            if document.number in broken:
                raise NotShown(broken[document.number])
            path = pages_of(document, cache)
            looked = _look(path, document)
        except NotShown as error:
            laid.problems.append(_about(document, str(error)))
            bad.append(_stand_in(plan, document, str(error)))
        else:
            good.append((document, path, looked))
            if looked.obstacles:
                laid.obstacles.append(_about(document, "；".join(looked.obstacles)))
    if len(good) > 1:
        shown = tuple((d.number, _name(d)) for d, _path, _looked in good)
        sheet, identity = sheet_of(
            [(number, name, path) for (number, name), (_d, path, _l) in zip(shown, good, strict=True)],
            plan.pictures,
            cache,
        )
        return [Part(sheet, 1, identity, _stamp_of(plan, *(n for n, _name in shown)), shown=shown), *bad]
    for document, path, looked in good:
        one = Part(
            path,
            looked.pages,
            document.sha256,
            _stamp_of(plan, document.number),
            shown=((document.number, _name(document)),),
            targets=looked.targets,
            has_layers=looked.has_layers,
        )
        return [one, *bad]
    return bad


def _look(path: Path, document: Document) -> Looked:
    """:raises NotShown: whatever is wrong with it."""
    kind = accepted.ending(document.name)
    try:
        looked = look(path, is_ours=kind == "txt" or kind in ENDINGS)
    except NotShown:
        raise
    except MemoryError:
        raise NotShown(_("文件太大，内存不够")) from None
    except Exception as error:
        raise NotShown(_("文件已损坏，打不开")) from error
    if not looked.pages:
        raise NotShown(_("PDF 里没有页面"))
    return looked


def _about(document: Document, reason: str) -> dict[str, Any]:
    return {"number": document.number, "name": document.name, "reason": reason}


def _unbound(
    plan: Plan, parts: Sequence[Part], own: Own, letters: str, beside: Path, is_cancelled: Callable[[], bool]
) -> dict[int, str]:
    """The documents that cannot be bound, each tried by itself; {}: the fault is none of theirs."""
    out: dict[int, str] = {}
    for part in parts:
        if not part.shown:
            continue
        if is_cancelled():
            raise Cancelled
        alone = replace(part, first=2, title="")
        cover = Part(own.pdf, 1, "", "", first=1)
        try:
            binding.bind(plan, [cover, alone], own, letters, beside, identity=b"0" * 16, archival=False)
        except Exception:  # what a library makes of a file that it cannot copy
            out |= {number: _("文件已损坏，不能装订") for number, _name in part.shown}
    return out


def _name(document: Document) -> str:
    return document.name.rpartition(".")[0] or document.name


def _stamp_of(plan: Plan, *numbers: int) -> str:
    return _("%(unit)s　%(n)s 号材料", unit=plan.unit, n="、".join(map(str, numbers)))


def _stand_in(plan: Plan, document: Document, reason: str) -> Part:
    size = 0
    with contextlib.suppress(OSError):
        size = Path(document.path).stat().st_size if document.path else 0
    page = typeset.stand_in(document, size, reason)
    return Part(
        page,
        typeset.count(page),
        hashlib.sha256(page).hexdigest(),
        _stamp_of(plan, document.number),
        shown=((document.number, _name(document)),),
    )


# --- where it stands -----------------------------------------------------------------------------


def _settle(plan: Plan, laid: _Laid) -> tuple[Part, Own, str]:
    """Number all pages; the cover and contents, the file of all our own pages, and the stamps' letters.

    Contents and dividers say page numbers, and how many pages they take themselves decides these. So that
    is guessed, they are set, and if the guess was wrong they are set again with what came of it.
    """
    letters = stamping.letters_of(
        [binding.stamp(part, 0) for part in laid.parts] + [binding.stamp(Part(b"", 1, "", plan.unit), 0)]
    )
    taken = [typeset.front_pages(binding.entries(laid.parts)), *(1 for _head in laid.heads)]
    for _try in range(TRIES):
        for head, count in zip(laid.heads, taken[1:], strict=True):
            head.part.count = count
        _number(laid.parts, taken[0])
        entries = binding.entries(laid.parts)
        own = typeset.own(plan, entries, [(h.section, _refers(h.elsewhere)) for h in laid.heads], letters)
        counts = [own.starts[0], *(after - at for at, after in itertools.pairwise(own.starts))]
        if counts == taken:
            break
        taken = counts
    else:
        raise RuntimeError("contents and dividers do not come to rest")
    for head, at in zip(laid.heads, own.starts, strict=False):
        head.part.source, head.part.start, head.part.identity = (
            own.pdf,
            at,
            _words((head.section, _refers(head.elsewhere))),
        )
    said = (plan.title, plan.unit, plan.cycle, plan.notice, plan.bureau, plan.date_text)
    front = Part(own.pdf, taken[0], _words(entries), plan.unit, first=1, cover=_words(said))
    return front, own, letters


def _words(said: object) -> str:
    """What pages of ours say; their PDF is one with others', so their bytes would not tell them apart."""
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _refers(elsewhere: Sequence[tuple[int, Part]]) -> list[str]:
    """见第 33 页: files that an earlier section prints."""
    return [
        _("%(n)s 号材料“%(name)s”见第 %(page)s 页", n=number, name=dict(part.shown)[number], page=part.first)
        for number, part in elsewhere
    ]


def _number(parts: Sequence[Part], after: int) -> None:
    page = after + 1
    for part in parts:
        part.first = page
        page += part.count


def _digests(part: Part) -> list[str]:
    """What is printed on each page: its source, its place in it, its stamp."""
    return [
        hashlib.sha256(f"{_identity(part, n)} {n} {binding.stamp(part, n)}".encode()).hexdigest()[:16]
        for n in range(part.count)
    ]


def _identity(part: Part, n: int) -> str:
    return part.cover if n == 0 and part.cover else part.identity


def _hash(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size
