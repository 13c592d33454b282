"""``python -m benchmarks``: all that is quick enough to run by the way; ``filing_clicks`` runs by itself."""

from __future__ import annotations

from . import machine, pages, scoring, volume


def main() -> None:
    print(machine.describe())
    print(f"medians of interleaved rounds; {machine.load()} at the start")
    volume.main()
    print("Pages, in one process without a server")
    pages.main()
    print(f"Scoring, {scoring.UNITS} units")
    scoring.main()
    print(f"{machine.load()} at the end")


if __name__ == "__main__":
    main()
