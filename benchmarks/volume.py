"""The evidence volume against plainly concatenating the same files with the same library."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from intranet.volume import ENVIRONMENT, typeset
from intranet.volume.build import Built, build
from intranet.volume.convert import soffice
from intranet.volume.plan import Document, Plan

from . import corpus, machine

FILES, PAGES, MANY = 60, 820, 3000


def concatenate(documents: Sequence[Document], target: Path) -> None:
    """What anybody would write: the pages of all files, one after the other, saved once."""
    import pikepdf

    with contextlib.ExitStack() as opened, pikepdf.new() as pdf:
        for document in documents:
            pdf.pages.extend(opened.enter_context(pikepdf.open(document.path)).pages)
        pdf.save(target)


def with_pypdf(documents: Sequence[Document], target: Path, stamp: bytes | None = None) -> None:
    """The same with pypdf; with one stamp, the same on every page."""
    from pypdf import PdfReader, PdfWriter

    with PdfWriter() as writer:
        for document in documents:
            writer.append(document.path)
        if stamp is not None:
            over = PdfReader(io.BytesIO(stamp)).pages[0]
            for page in writer.pages:
                page.merge_page(over)
        writer.write(target)


def against_concatenating(folder: Path) -> None:
    documents = corpus.pdfs(folder / "in", FILES, PAGES)
    plan, size = corpus.plan(documents), sum(Path(d.path).stat().st_size for d in documents)
    built: list[Built] = []

    def volume() -> None:
        """Other words each time, as the server's own process has: Typst keeps what it has set before."""
        shutil.rmtree(folder / "cache", ignore_errors=True)
        words = f"第 {len(built)} 轮"
        sections = tuple(replace(s, title=f"{s.title}{words}") for s in plan.sections)
        other = replace(plan, unit=f"{plan.unit}{words}", sections=sections)
        built.append(build(other, folder / "volume.pdf", folder / "cache"))

    ways: dict[str, Callable[[], object]] = {
        "concatenate": lambda: concatenate(documents, folder / "plain.pdf"),
        "volume": volume,
    }
    peers = ("pypdf", "pypdf, stamped") if importlib.util.find_spec("pypdf") else ()
    for name, stamp in zip(
        peers, (None, typeset.text_pages("甲山教育集团　1 号材料　第 2 页")), strict=False
    ):
        ways[name] = functools.partial(with_pypdf, documents, folder / "pypdf.pdf", stamp)
    volume()  # fonts are read once in a process
    taken = machine.interleaved(ways, rounds=machine.ROUNDS)
    for name in ways:
        seconds, pages = machine.middle(taken[name]), built[-1].pages if name == "volume" else PAGES
        print(f"  {name:14} {seconds:6.2f} s  {pages:5} pages  {pages / seconds:7.0f} pages/s")
    print(
        f"  time: volume / concatenate {machine.ratio(taken, 'volume', 'concatenate'):.2f} (goal 2.8, gate 4)"
    )
    for name in peers:
        print(f"  time: volume / {name} {machine.ratio(taken, 'volume', name):.2f} (goal 0.75)")
    print(f"  size: volume / inputs {built[-1].size / size:.3f} of {size / 2**20:.0f} MiB (goal 1.05)")
    idle, peak = memory_of(replace(plan, sections=(), documents=()), folder), memory_of(plan, folder)
    print(
        f"  memory of the building process: {peak / 2**20:.0f} MiB at most, {idle / 2**20:.0f} MiB with nothing to"
        f" build: {(peak - idle) / size:.2f} times the inputs (goal 7)"
    )


def memory_of(plan: Plan, folder: Path) -> int:
    """Bytes that the building process itself takes at most, the operating system's own count."""
    return int(run(plan, folder)["peak"])


PEAK = """
import json, sys
from intranet.volume.__main__ import main
main()
try:
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
except OSError:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1))
"""
"""Linux hands the peak of the parent down in ``ru_maxrss``, so its own count in /proc comes first."""


def run(plan: Plan, folder: Path) -> dict[str, Any]:
    """A build in a process of its own, as the server does it; its result, with ``peak`` in bytes."""
    order = {"plan": plan.to_json(), "target": str(folder / "child.pdf"), "cache": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", PEAK],
        input=json.dumps(order),
        capture_output=True,
        encoding="utf-8",
        check=True,
        env=os.environ | ENVIRONMENT,
    )
    *_progress, last, peak = done.stdout.splitlines()
    return {**json.loads(last), "peak": int(peak) * 1024}


def again_after_a_change(folder: Path) -> None:
    """The first build once, since LibreOffice makes it long; the second three times."""
    documents = corpus.mixed(folder / "in")
    begun = time.perf_counter()
    first = build(corpus.plan(documents), folder / "volume.pdf", folder / "cache")
    one = time.perf_counter() - begun
    seconds = []
    for round_ in range(3):
        (new,) = corpus.pdfs(folder / f"new{round_}", 1, 4 + round_)
        other = [replace(new, number=3) if d.number == 3 else d for d in documents]
        begun = time.perf_counter()
        second = build(
            corpus.plan(other),
            folder / "volume.pdf",
            folder / "cache",
            before=first.digests,
            known_prints=first.prints,  # as the server keeps them
        )
        seconds.append(time.perf_counter() - begun)
    office = "with LibreOffice" if soffice() else "WITHOUT LibreOffice: 5 files have stand-in pages"
    two = machine.middle(seconds)
    print(f"  60 files of all kinds, {second.pages} pages, {office}")
    print(
        f"  first build {one:.2f} s, after one file changed {two:.2f} s: {one / two:.1f} times faster (goal 5)"
    )


def many_pages(folder: Path) -> None:
    documents = corpus.pdfs(folder / "in", 240, MANY)
    peaks = []
    for files in (60, 240):
        some = documents[:files]
        result = run(corpus.plan(some), folder)
        size = sum(Path(d.path).stat().st_size for d in some)
        peaks.append((result["pages"], result["peak"]))
        print(f"  {result['pages']:5} pages of {size / 2**20:4.0f} MiB: {result['peak'] / 2**20:4.0f} MiB")
    (few, small), (many, large) = peaks[0], peaks[-1]
    print(f"  {(large - small) / (many - few) / 1024:.1f} KiB for each page more")


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        print(f"Volume of {FILES} files, {PAGES} pages, against concatenating the same files with pikepdf")
        against_concatenating(Path(made) / "a")
        print("Second build after one change")
        again_after_a_change(Path(made) / "b")
        print(f"Memory of the building process up to {MANY} pages")
        many_pages(Path(made) / "c")


if __name__ == "__main__":
    main()
