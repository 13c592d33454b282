"""``python -m intranet.volume``: an order as JSON on standard input, progress and result as JSON lines.

A process of its own: its memory is limited, it yields to the pages, and stopping it stops the build.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..i18n import _
from .build import build
from .plan import Document, Plan

MEMORY = 4 * 1024 * 1024 * 1024
STACK = 96 * 1024 * 1024
"""A library that follows a chain of objects goes as deep as the chain is long."""
SECONDS = 300
_COMMAND = [sys.executable, "-m", "intranet.volume"]


def main() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
        resource.setrlimit(resource.RLIMIT_STACK, (STACK if hard < 0 else min(STACK, hard), hard))
        os.nice(10)
    order = json.load(sys.stdin)
    if "seconds" in order:  # by itself too: whoever started it may be gone, cancelled
        faulthandler.dump_traceback_later(order["seconds"], exit=True)

    def say(line: dict[str, Any]) -> None:
        print(json.dumps(line, ensure_ascii=False), flush=True)

    plan = Plan.from_json(order["plan"])
    try:
        broken = _tried(plan, order, say) if order.get("careful") else {}
        built = build(
            plan,
            Path(order["target"]),
            Path(order["cache"]),
            on_progress=lambda done, total, what: say({"done": done, "total": total, "what": what}),
            before=order.get("before", ()),
            known_prints=frozenset(order.get("known_prints", ())),
            broken=broken,
        )
    except Exception as error:
        say({"error": str(error) or type(error).__name__})
        raise SystemExit(1) from error
    say(asdict(built))


def _tried(plan: Plan, order: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[int, str]:
    """Documents at which a process like this one breaks off, each tried in one of its own; with the reason."""
    broken = {}
    for done, document in enumerate(plan.documents):
        say({"done": done, "total": len(plan.documents) + 1, "what": document.name})
        if not _stands(plan, document, order):
            broken[document.number] = _("处理这个文件时程序中断，文件可能已损坏")
    return broken


def _stands(plan: Plan, document: Document, order: dict[str, Any]) -> bool:
    alone = replace(
        plan,
        sections=tuple(replace(s, documents=(document.number,), materials=()) for s in plan.sections[:1]),
        documents=(document,),
    )
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "trial.pdf")
        trial = {"plan": alone.to_json(), "target": target, "cache": order["cache"], "seconds": SECONDS}
        try:
            subprocess.run(  # noqa: S603 - this Python, no shell
                _COMMAND,
                input=json.dumps(trial),
                encoding="utf-8",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=True,
            )
        except subprocess.SubprocessError:
            return False
    return True


if __name__ == "__main__":
    main()
