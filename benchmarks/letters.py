"""Result letters (一校一单) of sixty units in one docx, with each installed rubric's own sample units."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from intranet.documents import letter as paper
from intranet.domain.freeze import as_stored
from intranet.domain.letters import Letter, letter_of
from intranet.domain.scoring import Scoring
from intranet.enums import CycleState
from intranet.models import Cycle, Result, UnitResult
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.results import Ranking, UnitLine, columns_of
from intranet.rubric import engine, ledger
from intranet.rubric.facts import Facts

from . import machine
from .scoring import facts_of

UNITS = 60
AT = datetime(2031, 7, 1, tzinfo=UTC)


def frozen(units: int = UNITS) -> Iterator[tuple[str, Scoring, Ranking]]:
    """A frozen list of copies of the sample units, per installed rubric that has any; nothing is stored."""
    for key, installed in RubricRegistry(build_plugin_manager()).installed.items():
        sample = installed.folder / "sample.json"
        if not sample.is_file():
            continue
        read: list[dict[str, Any]] = json.loads(sample.read_text(encoding="utf-8"))["units"]
        documents = [as_stored(facts_of(read[n % len(read)], n)) for n in range(units)]
        rubric = installed.definition.bind({})
        facts = [Facts.from_json(document) for document in documents]
        results = engine.score_cohort(rubric, facts, installed.hooks, frozen=True)
        by_unit = {document["unit"]: document for document in documents}
        lines = []
        for n, result in enumerate(results, 1):
            document = as_stored(ledger.result_to_json(result))
            row = UnitResult(
                result_id=1, entry_id=n, position=n, document=document, facts=by_unit[result.unit]
            )
            lines.append(UnitLine(row, ledger.result_from_json(document), "", Fraction(0), {}))
        cycle = Cycle(title="示例年度考核", rubric_key=key, state=CycleState.DELIBERATION)
        held = Result(id=1, cycle_id=1, number=1, fingerprint="0" * 64, frozen_at=AT)
        scoring = Scoring(installed.definition, rubric, installed.hooks, plugin_missing=False)
        yield key, scoring, Ranking(cycle, held, rubric, tuple(lines), columns_of(rubric))


def letters_of(scoring: Scoring, ranking: Ranking) -> list[Letter]:
    return [
        letter_of(
            ranking,
            scoring,
            line,
            bureau="示例区教育局",
            contact="",
            publication=None,
            label="",
            at=AT,
            zone="Asia/Shanghai",
        )
        for line in ranking.lines
    ]


def main() -> None:
    for key, scoring, ranking in frozen():
        letters = letters_of(scoring, ranking)
        taken = machine.interleaved(
            {
                "say": lambda: letters_of(scoring, ranking),  # noqa: B023 - called before the next round of the loop
                "print": lambda: paper.write(letters, signed_on=date(2031, 7, 1), made_at=AT),  # noqa: B023
            },
            rounds=3,
        )
        say, print_ = machine.middle(taken["say"]), machine.middle(taken["print"])
        print(
            f"  {key}: {len(ranking.rubric.indicators)} indicators; finding what to say {say:.2f} s,"
            f" the docx {print_:.2f} s, together {say + print_:.2f} s (goal 5)"
        )


if __name__ == "__main__":
    main()
