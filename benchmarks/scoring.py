"""Scoring one unit and ranking a hundred and a thousand, with each installed rubric's own sample units."""

from __future__ import annotations

import json

from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.rubric import engine
from intranet.rubric.facts import Facts

from . import machine

FEW, UNITS, ROUNDS = 100, 1000, 3


def facts_of(unit: dict[str, object], n: int) -> dict[str, object]:
    """The facts document of copy ``n`` of a sample unit."""
    schools: list[dict[str, str]] = unit["schools"]  # type: ignore[assignment]
    return {
        "unit": f"{unit['code']}-{n}",
        "name": unit["name"],
        "attributes": {
            "group": unit.get("group") or "",
            "stages": list(dict.fromkeys(s.get("stage", "") for s in schools)),
        },
        "members": {
            s["code"]: {"name": s["name"], "role": s["role"], "stage": s.get("stage", "")} for s in schools
        },
        "docs": unit.get("docs", {}),
    }


def main() -> None:
    for key, installed in RubricRegistry(build_plugin_manager()).installed.items():
        sample = installed.folder / "sample.json"
        if not sample.is_file():
            continue
        units = json.loads(sample.read_text(encoding="utf-8"))["units"]
        texts = [json.dumps(facts_of(units[n % len(units)], n), ensure_ascii=False) for n in range(UNITS)]
        rubric = installed.definition.bind({})
        hooks, facts = installed.hooks, [Facts.from_json(json.loads(text)) for text in texts]

        def parse(texts: list[str] = texts) -> None:
            for text in texts:
                json.loads(text)

        def one_by_one() -> None:
            for unit in facts:  # noqa: B023 - called before the next round of the loop
                engine.score_unit(rubric, unit, hooks)  # noqa: B023

        def cohort(n: int) -> None:
            engine.score_cohort(rubric, facts[:n], hooks, frozen=False)  # noqa: B023

        taken = machine.interleaved(
            {
                "parse": parse,
                "units": one_by_one,
                "few": lambda: cohort(FEW),
                "cohort": lambda: cohort(UNITS),
            },
            rounds=ROUNDS,
        )
        print(
            f"  {key}: {len(list(rubric.leaves()))} leaves; reading the facts as JSON {machine.middle(taken['parse']):.2f} s,"
            f" {UNITS} units {machine.middle(taken['units']):.2f} s"
            f" ({machine.middle(taken['units']) / UNITS * 1000:.2f} ms each),"
            f" ranked together {machine.middle(taken['cohort']):.2f} s; {FEW} units {machine.middle(taken['few']):.2f} s"
        )


if __name__ == "__main__":
    main()
