"""The command line about rubrics: what it prints, what it refuses, what it needs not import."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from intranet.cli import MODULES, main
from intranet.cli import rubric as commands
from intranet.plugins import build_plugin_manager
from tests.unit.rubric import sample

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``intranet …`` with the sample rubric installed and nothing else."""
    plugin = sample.SamplePlugin.at(tmp_path)
    monkeypatch.setattr(
        commands, "build_plugin_manager", lambda: build_plugin_manager(entry_points=False, plugins=[plugin])
    )
    return lambda *arguments: CliRunner().invoke(main, [str(a) for a in arguments])


def document(unit: str = "u1", **changes: Any) -> dict[str, Any]:
    return {
        "unit": unit,
        "name": f"示例联盟{unit}",
        "members": {"s1": {"name": "示例一小", "role": "lead"}, "s2": {"name": "示例二小"}},
        "docs": {
            "school": {
                "fields": {"A1.1.charter": True, "A2.上学期": 2, "A2.下学期": 1, "pairs": 1},
                "materials": {"A2": [True, True]},
                "tables": {
                    "exchange": [{"person": "甲某", "category": "定期", "months": "2", "document": True}]
                },
            }
        },
        "marks": {
            "panel": {"A1.2": {"points": "2.5", "reason": "规范"}},
            "visit": {"C1.1": {"verdict": "良"}},
        },
    } | changes


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def written(data: Any) -> Path:
        path = tmp_path / "facts.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
        return path

    return written


Write = Callable[[Any], Path]


def test_rubrics(run: Run) -> None:
    listed = run("rubrics")
    assert listed.exit_code == 0
    assert listed.output.splitlines() == [
        "sample  示例区学校联盟考核细则",
        "  版本 1　来源 示例区教育局",
        "  满分 52（基本分 42）",
        "  插件钩子 indicators、form_fields、check_facts、score_unit、score_cohort、finish",
    ]


def test_rubrics_as_json(run: Run) -> None:
    assert json.loads(run("rubrics", "--json").output) == [
        {
            "key": "sample",
            "title": "示例区学校联盟考核细则",
            "version": "1",
            "source": "示例区教育局",
            "points": "52",
            "subtotals": [{"code": "base", "title": "基本分", "points": "42"}],
            "hooks": ["indicators", "form_fields", "check_facts", "score_unit", "score_cohort", "finish"],
            "distribution": "",
            "distribution_version": "",
        }
    ]


def test_no_rubric_installed_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "build_plugin_manager", lambda: build_plugin_manager(entry_points=False))
    listed = CliRunner().invoke(main, ["rubrics"])
    assert listed.exit_code == 0
    assert "还没有安装任何考核细则" in listed.output
    assert "pip install intranet-<地区>" in listed.output
    assert "--no-index" in listed.output
    assert json.loads(CliRunner().invoke(main, ["rubrics", "--json"]).output) == []


def test_score_prints_the_ledger(run: Run, write: Write) -> None:
    scored = run("score", "sample", write(document()))
    assert scored.exit_code == 0, scored.output
    lines = scored.output.splitlines()
    assert lines[0] == "示例区学校联盟考核细则　1"
    assert lines[2] == "示例联盟u1（u1）　待评定 —"
    at = lines.index("    A2 每学期召开理事会不少于2次(7分)  5 / 7")
    assert lines[at + 1 : at + 4] == [
        "        满分起扣  7",
        "        少理事会 1 次 1×2（上学期 2 次，下学期 1 次，应 2 次）  −2",
        "        → 扣 2，得 5",
    ]
    at = next(n for n, line in enumerate(lines) if line.startswith("    B1 "))
    assert lines[at + 1 : at + 3] == [
        "        甲某 连续 2 个月，未满 3 个月",
        "          差 30 天满 3 个月，可计 0.3",
    ]
    assert "      A1.2 章程内容规范(3分)  2.5 / 3" in lines
    assert "          → 考核组评定 2.5：规范" in lines
    assert "    C2 展示  不适用" in lines
    assert "    B2 市级奖励1分/个,区级奖励0.5分/个,最高3分  未填报 / 3" in lines


def test_score_frozen(run: Run, write: Write) -> None:
    scored = run("score", "sample", write(document()), "--frozen")
    assert "至冻结时未填报，按0分计" in scored.output


def test_score_as_json_is_the_stored_form(run: Run, write: Write) -> None:
    stored = json.loads(run("score", "sample", write(document()), "--json").output)
    assert (stored["unit"], stored["state"], stored["rank"]) == ("u1", "pending", None)
    assert stored["sheet"]["A2"]["points"] == "5"
    assert stored["sheet"]["A1.2"]["steps"][0]["parts"]["reason"] == "规范"
    assert stored["sheet"]["B5"]["value"] == "0.5"


def test_several_units_are_a_cohort(run: Run, write: Write) -> None:
    both = [document("u1"), document("u2", marks=document()["marks"] | {"panel": {"A1.2": {"points": "3"}}})]
    results = json.loads(run("score", "sample", write(both), "--json", "--frozen").output)
    assert [(r["unit"], r["rank"], r["total"], r["outcome"]["grade"]) for r in results] == [
        ("u2", 1, "28", "优秀"),
        ("u1", 2, "27.5", "合格"),
    ]
    text = run("score", "sample", write(both), "--frozen").output
    assert "示例联盟u2（u2）　已计分 28　第 1 名　优秀" in text.splitlines()


def test_rulings(run: Run, write: Write) -> None:
    row = {"person": "甲某", "category": "定期", "months": "7", "document": True}
    facts = write({"unit": "u1", "docs": {"school": {"tables": {"exchange": [row]}}}})

    def points(*rulings: str) -> Any:
        output = run(
            "score", "sample", facts, "--json", *(a for r in rulings for a in ("--ruling", r))
        ).output
        return json.loads(output)["sheet"]["B1"]["points"]

    assert points() == "0.5"
    assert points("long_stay=none") == "0"
    refused = run("score", "sample", facts, "--ruling", "long_stay=some")
    assert (refused.exit_code, "没有“some”这一选项" in refused.stderr) == (2, True)
    refused = run("score", "sample", facts, "--ruling", "long_stay")
    assert (refused.exit_code, refused.stderr.strip()) == (2, "裁定“long_stay”请写成 键=值")


def test_refused_input_names_every_path(run: Run, write: Write) -> None:
    bad = document(
        docs={"school": {"fields": {"A2.上学期": -1, "nobody": 1}}, "bureau": {}},
        marks={"panel": {"A1.2": {"points": 1}}},
    )
    refused = run("score", "sample", write(bad))
    assert refused.exit_code == 2
    paths = [line.split(":")[0] for line in refused.stderr.splitlines()]
    assert paths == ["school.fields.A2.上学期", "school.fields.nobody", "marks.panel.A1.2.points"]
    assert refused.stdout == ""


def test_mark_out_of_range_is_refused(run: Run, write: Write) -> None:
    refused = run("score", "sample", write(document(marks={"panel": {"A1.2": {"points": "3.5"}}})))
    assert (refused.exit_code, refused.stderr.strip()) == (2, "marks.panel.A1.2: 请填 0 — 3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "不是 JSON"),
        ("[]", "没有任何单位"),
        ("3", "应是一组"),
        ('[{"unit": "u1"}, {"unit": "u1"}]', "u1: 同一单位出现两次"),
        ('[{"unit": "u1"}, {"unit": 2}]', "第 2 个单位 unit"),
    ],
)
def test_files_that_are_no_facts(run: Run, write: Write, text: str, message: str) -> None:
    refused = run("score", "sample", write(text))
    assert (refused.exit_code, message in refused.stderr) == (2, True), refused.stderr


def test_unknown_rubric(run: Run, write: Write) -> None:
    refused = run("score", "other", write(document()))
    assert (refused.exit_code, refused.stderr.strip()) == (2, "没有安装细则“other”，已安装的有：sample")


def test_findings_of_the_checks_are_shown(run: Run, write: Write) -> None:
    facts = document()
    facts["docs"]["school"]["fields"]["pairs"] = 9
    output = run("score", "sample", write(facts)).output
    assert "  核对 school.fields.pairs：结对学校数超过成员学校数" in output.splitlines()


def test_empty_facts_document_is_accepted_by_score(run: Run, write: Write) -> None:
    printed = run("facts", "sample")
    assert printed.exit_code == 0
    empty = json.loads(printed.output)
    explain = empty["explain"]
    assert empty["docs"]["school"]["fields"]["A2.上学期"] is None
    assert empty["docs"]["school"]["materials"] == {"A2": [None, None]}
    assert empty["docs"]["bureau"]["members"] == {"s1": {"grade": None}}
    assert empty["docs"]["panel"]["fields"] == {"A2.quality": None}
    assert explain["bureau.members.s1.grade"] == "质量等第：选项（甲等、乙等、丙等）"
    assert explain["school.materials.A2[1]"] == "材料“会议纪要”：true 有，false 缺，null 未填"
    assert explain["school.tables.exchange[0].start"] == "起：日期，如 2023-09-01"
    assert explain["marks.visit.C1.1"].startswith("“甲、示范:优10分,良6分”的评分")
    scored = run("score", "sample", write(empty), "--json")
    assert scored.exit_code == 0, scored.stderr
    states = {code: s["state"] for code, s in json.loads(scored.output)["sheet"].items()}
    assert {states[code] for code in ("A1.1", "A2", "B1", "B2", "B3", "B4")} == {"blank"}


def test_lint_says_what_it_found(run: Run, tmp_path: Path) -> None:
    good = tmp_path / "rubric.toml"
    checked = run("lint", good)
    assert checked.exit_code == 0
    lines = checked.output.splitlines()
    assert (
        lines[-1] == f"示例区学校联盟考核细则：12 条末级条款，满分 52，留意 {len(lines) - 1} 处，没有错误。"
    )
    assert all(line.startswith("rubric.toml:") for line in lines[:-1])


def test_lint_refuses_with_file_line_and_clause(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(sample.SAMPLE.replace('kind = "tally"', 'kind = "taly"', 1), encoding="utf-8")
    refused = run("lint", bad)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("bad.toml:")
    assert "B2" in refused.stderr
    assert "tally" in refused.stderr


def test_rubric_commands_need_no_web_server_and_no_database() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from intranet.cli import main; "
        "result = CliRunner().invoke(main, ['rubrics']); assert result.exit_code == 0, result.output; "
        "print(sorted({'flask', 'sqlalchemy', 'sqlmodel'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_is_found_in_its_module(run: Run) -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    assert all(f"  {name} " in shown.output for name in MODULES)
    assert run("nothing").exit_code == 2
