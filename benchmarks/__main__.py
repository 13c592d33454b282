"""``python -m benchmarks``: all that is quick enough to run by the way; ``filing_clicks`` runs by itself."""

from __future__ import annotations

from . import burst, letters, machine, pages, ranked, scoring, volume


def main() -> None:
    print(machine.describe())
    print(f"medians of interleaved rounds; {machine.load()} at the start")
    volume.main()
    print("Pages, in one process without a server")
    pages.main()
    print("A deadline evening, on the real server")
    burst.main()
    print("Scoring")
    scoring.main()
    print(f"Result letters of {letters.UNITS} units in one docx")
    letters.main()
    print("Ranked workbook against bare xlsxwriter with the same values in memory")
    ranked.main()
    print(f"{machine.load()} at the end")


if __name__ == "__main__":
    main()
