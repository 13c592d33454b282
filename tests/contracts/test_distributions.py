"""The three distributions as a bureau installs them: from wheels, into an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("intranet", "chengdu_group", "cuiping_xuequ", "__editable__", "_editable")
SOURCES = {
    "core": ROOT,
    "group": ROOT / "plugins" / "chengdu_group",
    "zone": ROOT / "plugins" / "cuiping_xuequ",
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = {}
    for name, source in SOURCES.items():
        folder = tmp_path_factory.mktemp(name)
        build = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(folder),
            str(source),
        ]
        subprocess.run(
            build, check=True, capture_output=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        )
        (out[name],) = folder.glob("*.whl")
    return out


@pytest.fixture(scope="module")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed libraries without our own distributions."""
    folder = tmp_path_factory.mktemp("libraries")
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(OURS) and entry.suffix != ".pth":
            (folder / entry.name).symlink_to(entry)
    return folder


def run(place: Path, third_party: Path, code: str) -> str:
    """Run code in a Python that sees only ``place`` and the libraries."""
    head = f"import sys; sys.path[:] = [{str(place)!r}, {str(third_party)!r}, *[p for p in sys.path if 'site-packages' not in p and p]]\n"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONPATH", "INTRANET_"))}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", head + code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=place,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def unpack(place: Path, *wheels: Path) -> Path:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place)
    return place


def test_the_wheels_carry_all_they_need(wheels: dict[str, Path]) -> None:
    core = set(zipfile.ZipFile(wheels["core"]).namelist())
    assert {
        "intranet/templates/base.html",
        "intranet/static/app.css",
        "intranet/static/vendor/MANIFEST.json",
        "intranet/translations/en/LC_MESSAGES/messages.mo",
        "intranet/migrations/versions/0001_first_tables.py",
        "intranet/migrations/script.py.mako",
    } <= core
    assert not [name for name in core if name.startswith(("tests/", "plugins/", "tools/"))]
    group = set(zipfile.ZipFile(wheels["group"]).namelist())
    assert {"chengdu_group/rubric.toml", "chengdu_group/sample.json"} <= group
    assert not [name for name in group if "test" in name.lower()]


def test_the_core_alone_runs_and_says_how_to_install_a_rubric(
    wheels: dict[str, Path], third_party: Path, tmp_path: Path
) -> None:
    place = unpack(tmp_path, wheels["core"])
    said = run(place, third_party, "from intranet.cli import main\nmain(['rubrics'], standalone_mode=False)")
    assert "pip install" in said
    page = run(
        place,
        third_party,
        """
from pathlib import Path
from intranet import create_app
from intranet.config import Settings
from intranet.db import build_engine, upgrade
from intranet.plugins import build_plugin_manager
settings = Settings(data=Path('data'), allow_http=True)
settings.data.mkdir()
upgrade(build_engine(settings), settings)
app = create_app(settings, build_plugin_manager())
answer = app.test_client().get('/sign-in')
print(answer.status_code, 'name="password"' in answer.get_data(as_text=True))
print(app.test_client().get('/static/app.css').status_code)
""",
    )
    assert page.split() == ["200", "True", "200"]


@pytest.mark.parametrize(("plugin", "key"), [("group", "chengdu_group"), ("zone", "cuiping_xuequ")])
def test_one_plugin_shows_one_rubric(
    wheels: dict[str, Path], third_party: Path, tmp_path: Path, plugin: str, key: str
) -> None:
    place = unpack(tmp_path, wheels["core"], wheels[plugin])
    said = run(
        place,
        third_party,
        "from intranet.cli import main\nmain(['rubrics', '--json'], standalone_mode=False)",
    )
    assert [rubric["key"] for rubric in json.loads(said)] == [key]
