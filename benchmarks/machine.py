"""Where and with what a figure was measured, and how: rounds of several ways, one after the other."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROUNDS = 5
PACKAGES = (
    "pikepdf",
    "pillow",
    "typst",
    "flask",
    "sqlalchemy",
    "sqlmodel",
    "waitress",
    "xlsxwriter",
)


def describe() -> str:
    """Processor, cores, memory, system, Python and the libraries, in a few lines."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        cpu = names[0] if names else cpu
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return (
        f"{cpu}, {os.cpu_count()} cores{memory}, {platform.system()} {platform.release()}\n"
        f"Python {platform.python_version()}; {packages}"
    )


def load() -> str:
    """How busy the machine is with other things; figures taken on a busy machine say less."""
    return f"load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load average unknown"


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of each way in each round; every round runs every way once, so that all meet the same noise."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _round in range(rounds):
        for name, way in ways.items():
            gc.collect()  # none pays for what the one before left behind
            begun = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - begun)
    return taken


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(taken: Mapping[str, Sequence[float]], of: str, to: str) -> float:
    """The median of the rounds' own ratios."""
    return statistics.median(a / b for a, b in zip(taken[of], taken[to], strict=True))
