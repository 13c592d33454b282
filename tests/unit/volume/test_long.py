"""Long volumes: memory stays flat, any number of files, quick when little changed. Measured more closely by
``make bench``."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from benchmarks.volume import run
from intranet.volume.plan import Document
from tests.unit.volume.ground import Put, make, pdf_of, picture, plan_of

MB = 1024 * 1024


def scans(pages: int, seed: int) -> bytes:
    """Scans that differ, about 100 kB each: noise does not pack."""
    out = io.BytesIO()
    with pikepdf.new() as pdf:
        for n in range(pages):
            page = pdf.add_blank_page(page_size=(595, 842))
            noise = Image.effect_noise((330, 310), 30 + (seed + n) % 50).tobytes()
            image = pdf.make_stream(noise)
            image.Type, image.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
            image.Width, image.Height, image.BitsPerComponent = 330, 310, 8
            image.ColorSpace = pikepdf.Name.DeviceGray
            page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=image))
            page.obj.Contents = pdf.make_stream(b"q 595 0 0 842 0 0 cm /Im0 Do Q")
        pdf.save(out)
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is read from /proc")
def test_memory_stays_flat_up_to_3000_pages(put: Put, tmp_path: Path) -> None:
    """From 600 to 3,000 pages of 100 kB: 40 KiB a page at most, what its objects take; no content."""
    content = [scans(100, 1000 * n) for n in range(3)]
    documents = [put(n, f"扫描{n:02}.pdf", content[n % 3] + b"\n%" + str(n).encode()) for n in range(1, 31)]
    peaks = []
    for files in (6, 30):
        some = documents[:files]
        result = run(plan_of(some, tuple(d.number for d in some)), tmp_path)
        assert result["problems"] == []
        assert result["pages"] >= 100 * files
        peaks.append((result["pages"], result["peak"]))
    assert sum(Path(d.path).stat().st_size for d in documents) > 250 * MB
    (few, small), (many, large) = peaks
    slope = (large - small) / (many - few) / 1024
    assert slope < 40, f"{slope:.0f} KiB a page: {small / MB:.0f} MB at {few}, {large / MB:.0f} MB at {many}"
    assert large < 260 * MB


def test_more_files_than_may_be_open_at_once(put: Put, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    documents = [put(n, f"{n}.pdf", pdf_of(1, f"doc{n}")) for n in range(1, 301)]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        built, path = make(plan_of(documents, tuple(range(1, 301))), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert built.problems == []
    with pikepdf.open(path) as pdf:
        assert len(pdf.pages) == built.pages
        for number in (1, 150, 300):
            assert (
                f"doc{number} 1".encode()
                in pdf.pages[built.places[number][0] - 1].Resources.XObject.VP.read_bytes()
            )


@pytest.mark.slow
def test_the_second_build_after_one_change_is_five_times_faster(put: Put, tmp_path: Path) -> None:
    """60 files of a unit: PDF, photographs that have to be turned, texts. Without a single office file, each
    of which takes seconds the first time and nothing the second."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = [picture((1800, 1400), exif=exif) for _n in range(3)]
    documents: list[Document] = [put(n, f"文件{n}.pdf", pdf_of(4, f"doc{n}")) for n in range(1, 21)]
    documents += [put(n, f"照片{n}.jpg", turned[n % 3] + str(n).encode()) for n in range(21, 51)]
    documents += [put(n, f"记录{n}.txt", f"第 {n} 次会议".encode() * 2000) for n in range(51, 61)]
    sections = [tuple(range(n, n + 10)) for n in range(1, 61, 10)]
    begun = time.perf_counter()
    first, _path = make(plan_of(documents, *sections), tmp_path)
    took = time.perf_counter() - begun
    documents[4] = put(5, "文件5.pdf", pdf_of(4, "another"))
    begun = time.perf_counter()
    known = frozenset(first.prints)
    second, _path = make(plan_of(documents, *sections), tmp_path, before=first.digests, known_prints=known)
    again = time.perf_counter() - begun
    assert second.changed == list(range(second.places[5][0], second.places[5][1] + 1))
    assert took >= 5 * again, f"{took:.2f} s, then {again:.2f} s"


def test_a_trial_ends_by_itself_when_whoever_started_it_is_gone() -> None:
    """A build that is cancelled leaves the trial of a single file without anybody who waits for it."""
    hanging = (
        "import time, intranet.volume.__main__ as m; m.build = lambda *_a, **_k: time.sleep(60); m.main()"
    )
    plan = plan_of([], ())
    order = {"plan": plan.to_json(), "target": "none.pdf", "cache": "none", "seconds": 1}
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", hanging],
        check=False,
        input=json.dumps(order),
        encoding="utf-8",
        stderr=subprocess.DEVNULL,
        timeout=50,
    )
    assert done.returncode != 0
    assert time.monotonic() - begun < 30
