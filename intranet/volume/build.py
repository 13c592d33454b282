"""Putting a volume together: what goes where, decided from page counts alone; ``binding`` makes the file of it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..i18n import _
from ..storage import accepted
from . import binding, typeset
from .binding import Part
from .convert import pages_of, sheet_of
from .notshown import NotShown
from .plan import Document, Plan, Section
from .prints import print_of

PICTURES = frozenset({"image/jpeg", "image/png", "image/heic"})
TRIES = 5


class Cancelled(Exception):
    """Somebody stopped the build; no file was left."""


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a build. places: first and last page by material number; sections: {code, page};
    digests: of each printed page; changed: pages that differ from the build before; problems: {number,
    name, reason} of files that a page of words stands in for; prints: perceptual hash of each picture."""

    sha256: str
    size: int
    pages: int
    places: dict[int, tuple[int, int]]
    sections: list[dict[str, Any]]
    digests: list[str]
    changed: list[int]
    problems: list[dict[str, Any]]
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


def build(
    plan: Plan,
    target: Path,
    cache: Path,
    *,
    on_progress: Callable[[int, int, str], None] = lambda done, total, what: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    before: Sequence[str] = (),
    known_prints: Collection[str] = (),
) -> Built:
    """Write the volume of ``plan`` to ``target``.

    :param cache: folder of converted pages, shared by all volumes.
    :param before: digests of the build before; :param known_prints: pictures whose print is known.
    :raises Cancelled: ``is_cancelled`` said so between two files.
    """
    laid = _convert_all(plan, cache, on_progress, is_cancelled)
    parts = [_settle(plan, laid), *laid.parts]
    on_progress(len(plan.documents), len(plan.documents) + 1, _("装订"))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    digests = [d for part in parts for d in _digests(part)]
    try:
        binding.bind(plan, parts, beside, identity=hashlib.sha256("".join(digests).encode()).digest()[:16])
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
        prints={
            d.sha256: print_of(Path(d.path), accepted.ending(d.name))
            for d in plan.documents
            if d.media_type in PICTURES and d.path and d.sha256 not in known_prints
        },
    )


# --- what there is -------------------------------------------------------------------------------


def _convert_all(
    plan: Plan,
    cache: Path,
    on_progress: Callable[[int, int, str], None],
    is_cancelled: Callable[[], bool],
) -> _Laid:
    """Every part after the contents, in order; cross-references are words on the dividers."""
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
            for part in _parts_of(plan, together, cache, laid):
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


def _parts_of(plan: Plan, documents: Sequence[Document], cache: Path, laid: _Laid) -> list[Part]:
    """One part of a document or of a sheet of photographs; one that cannot be shown has its own page."""
    good: list[tuple[Document, Path]] = []
    bad: list[Part] = []
    for document in documents:
        try:
            path = pages_of(document, cache)
            count = binding.count(path)
        except NotShown as error:
            laid.problems.append({"number": document.number, "name": document.name, "reason": str(error)})
            bad.append(_stand_in(plan, document, str(error)))
        else:
            good.append((document, path))
    if len(good) > 1:
        shown = tuple((d.number, _name(d)) for d, _path in good)
        sheet, identity = sheet_of(
            [(number, name, path) for (number, name), (_d, path) in zip(shown, good, strict=True)],
            plan.pictures,
            cache,
        )
        return [Part(sheet, 1, identity, _stamp_of(plan, *(n for n, _name in shown)), shown=shown), *bad]
    for document, path in good:
        one = Part(
            path,
            count,
            document.sha256,
            _stamp_of(plan, document.number),
            shown=((document.number, _name(document)),),
        )
        return [one, *bad]
    return bad


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
        binding.count(page),
        hashlib.sha256(page).hexdigest(),
        _stamp_of(plan, document.number),
        shown=((document.number, _name(document)),),
    )


# --- where it stands -----------------------------------------------------------------------------


def _settle(plan: Plan, laid: _Laid) -> Part:
    """Number all pages; the cover and contents, and the dividers with what stands elsewhere.

    Contents and dividers say page numbers, and how many pages they take themselves decides these. So that
    is guessed, they are set, and if the guess was wrong they are set again with what came of it.
    """
    taken = [typeset.front_pages(binding.entries(laid.parts)), *(1 for _head in laid.heads)]
    for _try in range(TRIES):
        for head, count in zip(laid.heads, taken[1:], strict=True):
            head.part.count = count
        _number(laid.parts, taken[0])
        front = typeset.front(plan, binding.entries(laid.parts))
        dividers, starts = typeset.dividers([(h.section, _refers(h.elsewhere)) for h in laid.heads])
        counts = [binding.count(front), *(after - at for at, after in itertools.pairwise(starts))]
        if counts == taken:
            break
        taken = counts
    else:
        raise RuntimeError("contents and dividers do not come to rest")
    for head, at in zip(laid.heads, starts, strict=False):
        head.part.source, head.part.start, head.part.identity = dividers, at, _words_of(head)
    first = Part(front, taken[0], hashlib.sha256(front).hexdigest(), plan.unit, first=1)
    return first


def _refers(elsewhere: Sequence[tuple[int, Part]]) -> list[str]:
    """见第 33 页: files that an earlier section prints."""
    return [
        _("%(n)s 号材料“%(name)s”见第 %(page)s 页", n=number, name=dict(part.shown)[number], page=part.first)
        for number, part in elsewhere
    ]


def _words_of(head: _Head) -> str:
    """What a divider says; its PDF is one with the others', so their bytes would not tell them apart."""
    return hashlib.sha256(repr((head.section, _refers(head.elsewhere))).encode()).hexdigest()


def _number(parts: Sequence[Part], after: int) -> None:
    page = after + 1
    for part in parts:
        part.first = page
        page += part.count


def _digests(part: Part) -> list[str]:
    """What is printed on each page: its source, its place in it, its stamp."""
    return [
        hashlib.sha256(f"{part.identity} {n} {binding.stamp(part, n)}".encode()).hexdigest()[:16]
        for n in range(part.count)
    ]


def _hash(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size
