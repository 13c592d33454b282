"""docs/writing-a-rubric.md tells the truth: its files are a package that installs, loads and scores."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from intranet.plugins import Installed, RubricRegistry, build_plugin_manager
from intranet.rubric import cases

pytestmark = pytest.mark.slow  # builds and installs a package

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing-a-rubric.md").read_text(encoding="utf-8")
FILE = re.compile(r"^`([\w./]+)`:$|^```(toml|python|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files_of_the_page() -> dict[str, str]:
    """Path -> text: a line that names a file, then the blocks up to the next such line."""
    found: dict[str, str] = {}
    name = ""
    for named, _language, block in FILE.findall(PAGE):
        if named:
            name = named
        else:
            found[name] = found[name] + "\n" + block if name in found else block
    return found


def printed_result() -> str:
    return re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[-1]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's package, built and installed by pip as an author would."""
    source, installed = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name, text in files_of_the_page().items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", str(installed), str(source)], check=True
    )
    return installed


@pytest.fixture
def plugin(target: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    monkeypatch.syspath_prepend(target)
    found = RubricRegistry(build_plugin_manager()).get("example_county")
    assert found is not None
    return found


def test_the_page_names_these_files() -> None:
    assert list(files_of_the_page()) == [
        "pyproject.toml",
        "example_county/rubric.toml",
        "example_county/__init__.py",
        "example_county/cases/first.json",
    ]


def test_the_package_is_found_through_its_entry_point(plugin: Installed) -> None:
    assert (plugin.distribution, plugin.version) == ("intranet-example-county", "2031.1.0")
    assert plugin.hook_names == ("indicators", "score_unit")
    assert plugin.definition.warnings == ()
    rubric = plugin.definition.bind()
    assert (len(rubric.clauses), rubric.root.max) == (10, 50)


def test_its_worked_case_is_exact(plugin: Installed) -> None:
    (case,) = cases.load(plugin.folder)
    assert cases.run(plugin.definition, plugin.hooks, case) == []


def test_the_command_prints_what_the_page_prints(target: Path, tmp_path: Path) -> None:
    case = json.loads(files_of_the_page()["example_county/cases/first.json"])
    (tmp_path / "facts.json").write_text(json.dumps(case["facts"], ensure_ascii=False), encoding="utf-8")
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "from intranet.cli import main; main()",
            "score",
            "example_county",
            "facts.json",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(target), *sys.path]), "PYTHONUTF8": "1"},
        cwd=tmp_path,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert run.stdout == printed_result()
