"""``python -m intranet.volume``: an order as JSON on standard input, progress and result as JSON lines.

A process of its own: its memory is limited, it yields to the pages, and stopping it stops the build.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .build import build
from .plan import Plan

MEMORY = 4 * 1024 * 1024 * 1024


def main() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.nice(10)
    order = json.load(sys.stdin)

    def say(line: dict[str, Any]) -> None:
        print(json.dumps(line, ensure_ascii=False), flush=True)

    try:
        built = build(
            Plan.from_json(order["plan"]),
            Path(order["target"]),
            Path(order["cache"]),
            on_progress=lambda done, total, what: say({"done": done, "total": total, "what": what}),
            before=order.get("before", ()),
            known_prints=frozenset(order.get("known_prints", ())),
        )
    except Exception as error:
        say({"error": str(error) or type(error).__name__})
        raise SystemExit(1) from error
    say(asdict(built))


if __name__ == "__main__":
    main()
