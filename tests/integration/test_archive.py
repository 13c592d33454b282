"""归档: one file that is the same whenever it is made, verified without a database, every changed byte named."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from openpyxl import load_workbook
from sqlmodel import select

from intranet import i18n
from intranet.cli import main
from intranet.documents import archive_check
from intranet.documents.archive_check import Verdict
from intranet.documents.archive_file import ArchiveWriter
from intranet.documents.archive_reading import open_archive
from intranet.domain.freeze import canonical
from intranet.domain.snapshot import check_code
from intranet.enums import CycleState
from intranet.models import Archive, Cycle, Evidence, Result
from intranet.plugins import build_plugin_manager
from intranet.web import archiver
from intranet.web.access import ACCESS, ANYONE, SIGNED_IN
from tests.integration import test_appeals as acts
from tests.integration.appeals_ground import appeal, ask, decide, log, publish
from tests.integration.filing_ground import PDF
from tests.integration.security_ground import NOWHERE, addresses, everything, lay
from tests.unit.rubric import sample
from tests.world import Client, World

SignIn = Callable[[str], Client]


def finish(world: World, admin: Client, client_for: SignIn) -> str:
    """Published, two freezes with an upheld appeal between them, final; the cycle's address."""
    base = publish(world, admin)
    i = appeal(client_for("lead2"), world, "A1.2", ("证明.pdf", PDF))
    ask(admin, world, base, i, "chair")
    acts.say_word(client_for("chair"), i, points="3")
    decide(admin, world, base, i, "points", points="3")
    assert acts.apply(admin, base).status_code == 303
    assert admin.post(f"{base}/phase", {"to": "final", "accepted": "1"}).status_code == 303
    return base


def download(admin: Client, base: str, world: World) -> bytes:
    with world.read() as session:
        made = session.exec(select(Archive)).all()
    with admin.get(f"{base}/archive/{made[-1].id}.zip") as answer:
        assert answer.status_code == 200
        assert "attachment" in answer.headers["Content-Disposition"]
        data: bytes = answer.get_data()
    return data


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    """A request's language stays behind in a test; the command line has none of it."""
    i18n.set_language(i18n.SOURCE)
    yield
    i18n.set_language(i18n.SOURCE)


@pytest.fixture(scope="module")
def kept() -> dict[str, bytes]:
    """The archive of the first test that makes one, for those that only look at it."""
    return {}


@pytest.fixture
def archive(
    kept: dict[str, bytes],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Path:
    """A whole archive on the disk, made once for the module."""
    if "zip" not in kept:
        world = request.getfixturevalue("world")
        client_for = request.getfixturevalue("client_for")
        admin = client_for("admin")
        base = finish(world, admin, client_for)
        assert admin.post(f"{base}/archive", {}).status_code == 303
        kept["zip"] = download(admin, base, world)
    path = tmp_path / "归档.zip"
    path.write_bytes(kept["zip"])
    return path


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sample rubric's plugin as if it were installed."""
    folder = tmp_path / "plugin"
    folder.mkdir()
    plugins = (sample.SamplePlugin.at(folder),)
    monkeypatch.setattr(
        "intranet.cli.verify.build_plugin_manager",
        lambda: build_plugin_manager(entry_points=False, plugins=plugins),
    )


def verify(path: Path) -> tuple[int, str]:
    answer = CliRunner().invoke(main, ["verify", str(path)])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, answer.output


def only_hashes(path: Path) -> Verdict:
    return archive_check.check(path, lambda _key: None)


# --- making it -------------------------------------------------------------------------------------


def test_archiving_closes_the_cycle_and_keeps_one_file(
    world: World, client_for: SignIn, kept: dict[str, bytes]
) -> None:
    admin = client_for("admin")
    base = publish(world, admin)
    early = admin.post(f"{base}/archive", {})
    assert (early.status_code, "定稿以后才能归档" in early.get_data(as_text=True)) == (409, True)
    assert "定稿以后才能归档" in admin.text(f"{base}/archive")
    i = appeal(client_for("lead2"), world, "A1.2", ("证明.pdf", PDF))
    ask(admin, world, base, i, "chair")
    acts.say_word(client_for("chair"), i, points="3")
    decide(admin, world, base, i, "points", points="3")
    acts.apply(admin, base)
    admin.post(f"{base}/phase", {"to": "final", "accepted": "1"})
    assert "还没有生成归档文件" in admin.text(f"{base}/phase")
    assert "佐证材料 1 份" in admin.text(f"{base}/archive")
    assert admin.post(f"{base}/archive", {}).status_code == 303
    with world.read() as session:
        made = session.exec(select(Archive)).one()
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        assert cycle.state == CycleState.ARCHIVED
        held = session.exec(select(Result).where(Result.number == 2)).one()
        assert (made.result_id, made.made_by) == (held.id, world.users["admin"])
    kept["zip"] = download(admin, base, world)
    assert len(kept["zip"]) == made.size
    assert [(e.new, e.detail["size"]) for e in log(world, "cycle.archive")] == [(made.sha256, made.size)]
    assert (log(world, "cycle.state")[-1].old, log(world, "cycle.state")[-1].new) == ("final", "archived")
    page = admin.text(f"{base}/archive")
    assert f"归档 {check_code(made.sha256)}" in page
    assert "复制为下一年度" in page
    for login in ("lead1", "rev1", "leader", "auditor"):
        assert client_for(login).get(f"{base}/archive/{made.id}.zip").status_code == 403


def test_the_archive_holds_everything_and_no_password(archive: Path) -> None:
    book = zipfile.ZipFile(archive)
    assert book.testzip() is None
    names = set(book.namelist())
    assert {
        "cycle.json",
        "rubric.toml",
        "rulings.json",
        "results/001/result.json",
        "results/002/units/001-g01.json",
        "results/002/units/002-g02.json",
        "filings/001-g01.json",
        "panel.json",
        "appeals.json",
        "publications.json",
        "log/entries.jsonl",
        "people.json",
        "documents/ranking.xlsx",
        "documents/forms/001-g01-report.xlsx",
        "README.txt",
        "manifest.json",
    } <= names
    assert book.read("rubric.toml").decode() == sample.SAMPLE
    found = json.loads(book.read("appeals.json"))
    assert (found["appeals"][0]["state"], found["appeals"][0]["points"]) == ("upheld", "3")
    sha256 = found["files"][0]["sha256"]
    assert book.read(f"files/{sha256}") == PDF
    manifest = json.loads(book.read("manifest.json"))
    assert set(manifest["members"]) == names - {"manifest.json"}
    assert manifest["result"]["number"] == 2
    unit = json.loads(book.read("results/002/units/002-g02.json"))
    assert (unit["total"], unit["rank"]) == ("32.3", 2)
    everything_in_it = b"".join(book.read(n) for n in names)
    for secret in (b"password", b"$argon2", b"scrypt", b"token_hash"):
        assert secret not in everything_in_it


def test_made_twice_it_is_the_same_byte_for_byte(world: World, client_for: SignIn, app: Flask) -> None:
    admin = client_for("admin")
    finish(world, admin, client_for)
    with app.app_context():
        from intranet.web.bureau.archives import the_archiver

        made = []
        for _n in range(2):
            file = io.BytesIO()
            the_archiver().write(world.cycle_id, file, archiver.Progress())
            made.append(file.getvalue())
            client_for("lead1")  # somebody signs in meanwhile
    assert made[0] == made[1]


def test_a_missing_file_is_told_first_and_noted(
    world: World, client_for: SignIn, plugin: None, tmp_path: Path
) -> None:
    admin = client_for("admin")
    base = finish(world, admin, client_for)
    with world.write() as session:
        session.add(
            Evidence(
                entry_id=world.entries["g01"],
                number=9,
                sha256="ab" * 32,
                name="丢失.pdf",
                media_type="application/pdf",
                size=3,
                uploaded_by=world.users["lead1"],
            )
        )
        session.commit()
    refused = admin.post(f"{base}/archive", {})
    assert (refused.status_code, "1 份材料的文件不在服务器上" in refused.get_data(as_text=True)) == (
        422,
        True,
    )
    assert admin.post(f"{base}/archive", {"accepted": "1"}).status_code == 303
    path = tmp_path / "a.zip"
    path.write_bytes(download(admin, base, world))
    code, said = verify(path)
    assert (code, "归档时就缺 1 份材料的文件" in said) == (0, True)


def test_a_large_one_is_made_in_the_background(
    world: World, client_for: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = client_for("admin")
    base = finish(world, admin, client_for)
    monkeypatch.setattr(archiver, "DIRECT", 0)
    assert admin.post(f"{base}/archive", {}).status_code == 303
    app.extensions["intranet.archiver"].join()
    progress = app.extensions["intranet.archiver"].progress(world.cycle_id)
    assert (progress.finished, progress.error, progress.done) == (True, "", len(PDF))
    with world.read() as session:
        assert session.exec(select(Archive)).one().size > 0
    fragment = admin.get(f"{base}/archive", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "归档已生成" in fragment
    assert "hx-trigger" not in fragment


def test_one_that_a_restart_ended_is_said_and_leaves_nothing(
    world: World, client_for: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = client_for("admin")
    base = finish(world, admin, client_for)
    told = "上次生成归档时服务停了，没有完成，也没有留下文件。请重新生成。"
    assert told not in admin.text(f"{base}/archive")
    before = {p for p in world.settings.data.rglob("*") if p.is_file()}
    monkeypatch.setattr(archiver, "DIRECT", 0)
    monkeypatch.setattr(archiver.Archiver, "_run", lambda *_a: None)  # the power goes as it begins
    assert admin.post(f"{base}/archive", {}).status_code == 303
    app.extensions["intranet.archiver"].join()
    del app.extensions["intranet.archiver"]  # another process
    assert told in admin.text(f"{base}/archive")
    monkeypatch.undo()
    left = {p for p in world.settings.data.rglob("*") if p.is_file()} - before
    assert [p.name for p in left if not p.name.startswith("intranet.db")] == [f".archiving-{world.cycle_id}"]
    assert admin.post(f"{base}/archive", {}).status_code == 303
    assert told not in admin.text(f"{base}/archive")
    with world.read() as session:
        assert session.exec(select(Archive)).one().size > 0


# --- verifying it ----------------------------------------------------------------------------------


def test_verify_says_that_it_agrees_in_an_empty_folder(
    archive: Path, plugin: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    code, said = verify(archive)
    assert code == 0
    assert said.splitlines()[-1] == "一致"
    manifest = json.loads(zipfile.ZipFile(archive).read("manifest.json"))
    assert f"结果指纹 {manifest['result']['fingerprint']}" in said
    assert f"结果校验码 {check_code(manifest['result']['fingerprint'])}" in said
    assert "2 次冻结（2 个单位）" in said
    assert list(empty.iterdir()) == []


def test_a_freeze_in_english_is_verified_in_chinese(
    world: World, client_for: SignIn, plugin: None, tmp_path: Path
) -> None:
    admin = client_for("admin")
    admin.post("/language", {"language": "en", "next": "/"})
    base = finish(world, admin, client_for)
    assert admin.post(f"{base}/archive", {"op": "a"}).status_code == 303
    assert admin.post(f"{base}/archive", {"op": "a"}).status_code == 303  # sent twice, made once
    path = tmp_path / "a.zip"
    path.write_bytes(download(admin, base, world))
    with world.read() as session:
        assert len(session.exec(select(Archive)).all()) == 1
    i18n.set_language(i18n.SOURCE)
    for language, word in ((i18n.SOURCE, "一致"), ("en", "Match")):
        with i18n.use_language(language):
            code, said = verify(path)
        assert (code, said.splitlines()[-1]) == (0, word)
    book = zipfile.ZipFile(path)
    form = load_workbook(io.BytesIO(book.read("documents/forms/001-g01-report.xlsx")))
    assert "合计" in {c.value for row in form.worksheets[0].iter_rows() for c in row}


def test_without_the_plugin_it_says_what_was_not_done(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "intranet.cli.verify.build_plugin_manager", lambda: build_plugin_manager(entry_points=False)
    )
    code, said = verify(archive)
    assert code == 3
    assert "没有安装考核办法“sample”的插件，没有重新算分" in said
    assert "一致" in said


def flipped(path: Path, at: int) -> Path:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x01
    changed = path.with_name("changed.zip")
    changed.write_bytes(data)
    return changed


KINDS = (
    "cycle.json",
    "rubric.toml",
    "rulings.json",
    "results/001/result.json",
    "results/002/units/002-g02.json",
    "filings/001-g01.json",
    "panel.json",
    "appeals.json",
    "publications.json",
    "log/entries.jsonl",
    "people.json",
    "README.txt",
    "documents/ranking.xlsx",
    "documents/forms/002-g02-report.xlsx",
    "files/",
    "manifest.json",
)


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_byte_in_any_member_is_named(archive: Path, plugin: None, kind: str) -> None:
    members = open_archive(archive)
    members.file.close()
    name = next(n for n in members.members if n == kind or (kind == "files/" and n.startswith(kind)))
    member = members.members[name]
    for at in (member.data_at, member.data_at + member.size // 2, member.end - 1):
        code, said = verify(flipped(archive, at))
        assert code == 1
        assert said.splitlines()[-1] == f"不一致：“{name}”的内容被改动。", (name, at)


def test_one_changed_byte_in_the_structure_is_found_wherever_it_is(archive: Path) -> None:
    """Every byte of two headers, and every third byte of the directory and of the end of the file."""
    members = list(open_and_close(archive).values())
    first, later = members[0], members[5]
    places = [*range(first.offset, first.data_at), *range(later.offset, later.data_at)]
    size = archive.stat().st_size
    places += [*range(members[-1].end, size, 3), *range(size - 22, size)]
    for at in places:
        verdict = only_hashes(flipped(archive, at))
        assert verdict.difference, at
        if later.offset <= at < later.data_at:
            assert f"“{later.name}”" in verdict.difference or "文件头" in verdict.difference, at


def open_and_close(path: Path) -> Mapping[str, Any]:
    reader = open_archive(path)
    reader.file.close()
    return reader.members


def test_cut_lengthened_and_garbage_files_are_refused_in_words(archive: Path, tmp_path: Path) -> None:
    data = archive.read_bytes()
    cases = {
        "empty": b"",
        "short": b"PK",
        "text": "这不是归档".encode(),
        "cut": data[: len(data) // 2],
        "no end": data[:-5],
        "longer": data + b"\0",
        "before": b"\0" + data,
        "zeros": bytes(5000),
        "an empty zip": b"PK\x05\x06" + bytes(18),
    }
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", "{}" * 10000)
    cases["an ordinary zip"] = plain.getvalue()
    for name, content in cases.items():
        path = tmp_path / "case.zip"
        path.write_bytes(content)
        code, said = verify(path)
        assert (code, said.startswith("不一致：")) == (1, True), (name, said)
    assert "后面多了 1 字节" in only_hashes(_write(tmp_path, cases["longer"])).difference


def _write(folder: Path, content: bytes) -> Path:
    path = folder / "written.zip"
    path.write_bytes(content)
    return path


# --- an archive that was changed by somebody who knows how it is made ------------------------------


def rebuilt(archive: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with other content and a manifest that agrees with it."""
    book = zipfile.ZipFile(archive)
    content = {n: book.read(n) for n in book.namelist() if n != "manifest.json"}
    manifest = json.loads(book.read("manifest.json"))
    change(content)
    path = archive.with_name("rebuilt.zip")
    with path.open("wb") as file:
        writer = ArchiveWriter(file)
        for name, data in content.items():
            writer.add(name, data)
        manifest["members"] = {n: {"sha256": w.sha256, "size": w.size} for n, w in writer.written.items()}
        writer.add("manifest.json", (canonical(manifest) + "\n").encode())
        writer.finish()
    return path


def in_unit(change: Callable[[dict[str, Any]], None], name: str = "results/002/units/002-g02.json") -> Any:
    def apply(content: dict[str, bytes]) -> None:
        unit = json.loads(content[name])
        change(unit)
        content[name] = canonical(unit).encode()

    return apply


def with_fingerprint(content: dict[str, bytes]) -> None:
    """Let the result's own fingerprint follow what was changed."""
    from intranet.domain.freeze import fingerprint_of

    result = json.loads(content["results/002/result.json"])
    units = [json.loads(d) for n, d in content.items() if n.startswith("results/002/units/")]
    stored = [{"facts": u["facts"], "document": u["document"]} for u in units]
    result["fingerprint"] = fingerprint_of(result["rubric_fingerprint"], stored, result["rules"])
    content["results/002/result.json"] = canonical(result).encode()


def test_a_score_changed_with_its_hashes_is_found_by_the_fingerprint(archive: Path, plugin: None) -> None:
    def change(unit: dict[str, Any]) -> None:
        unit["document"]["sheet"]["A1.2"]["points"] = "2"

    code, said = verify(rebuilt(archive, in_unit(change)))
    assert code == 1
    assert "“results/002/result.json”：结果指纹对不上" in said


def test_a_score_changed_with_every_hash_is_found_by_the_log_and_by_scoring_again(
    archive: Path, plugin: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(unit: dict[str, Any]) -> None:
        unit["document"]["sheet"]["A1.2"]["points"] = "2"

    def both(content: dict[str, bytes]) -> None:
        in_unit(change)(content)
        with_fingerprint(content)

    path = rebuilt(archive, both)
    code, said = verify(path)
    assert (code, "日志里没有这次冻结的指纹" in said) == (1, True)
    monkeypatch.setattr(archive_check, "_one", lambda *_a: None)  # as if the log had been forged too
    code, said = verify(path)
    assert code == 1
    assert said.splitlines()[-1] == (
        "不一致：第 2 次冻结：丁桥教育集团：A1.2 章程内容规范(3分) 存的是 2，重算是 3。"
    )


@pytest.mark.parametrize("points", ["1e999999999", "1/0", "NaN", "１", 3])
def test_numbers_that_no_archive_has_are_refused_at_once(
    archive: Path, plugin: None, monkeypatch: pytest.MonkeyPatch, points: object
) -> None:
    """Forged with all hashes: 1e999999999 read as a number would be a billion digits."""

    def change(unit: dict[str, Any]) -> None:
        unit["document"]["sheet"]["A1.2"]["points"] = points

    monkeypatch.setattr(archive_check, "_one", lambda *_a: None)
    code, said = verify(rebuilt(archive, in_unit(change)))
    assert (code, "不一致：" in said) == (1, True)


def test_columns_that_tell_another_total_than_the_document_are_named(archive: Path, plugin: None) -> None:
    code, said = verify(rebuilt(archive, in_unit(lambda unit: unit.update(total="99"))))
    assert code == 1
    assert "“results/002/units/002-g02.json”：列出的是 99 分、第 2 名，结果里是 32.3 分、第 2 名。" in said


def test_another_rubric_ruling_log_line_or_member_is_named(archive: Path, plugin: None) -> None:
    def rubric(content: dict[str, bytes]) -> None:
        content["rubric.toml"] = content["rubric.toml"].replace("最高4分".encode(), "最高5分".encode())

    def ruling(content: dict[str, bytes]) -> None:
        content["rulings.json"] = b'{"rulings":{"ties":"mean"},"notes":{}}'

    def logged(content: dict[str, bytes]) -> None:
        content["log/entries.jsonl"] = content["log/entries.jsonl"].replace(
            "章程去年已修订".encode(), "章程今年才修订".encode()
        )

    def shorter(content: dict[str, bytes]) -> None:
        content["log/entries.jsonl"] = b"\n".join(content["log/entries.jsonl"].split(b"\n")[:-2]) + b"\n"

    def without(content: dict[str, bytes]) -> None:
        lines = content["log/entries.jsonl"].split(b"\n")
        content["log/entries.jsonl"] = b"\n".join(lines[:2] + lines[3:])

    def garbage(content: dict[str, bytes]) -> None:
        content["results/002/units/002-g02.json"] = b"[]"

    def deep(content: dict[str, bytes]) -> None:
        content["rulings.json"] = b"[" * 100_000

    cases = {
        rubric: "考核办法或裁定与清单上的指纹不符",
        ruling: "考核办法或裁定与清单上的指纹不符",
        logged: "（appeal.file）的哈希对不上",
        shorter: "“log/entries.jsonl”的末尾与清单上的不同",
        without: "的哈希对不上",
        garbage: "“results/002/units/002-g02.json”的内容不是应有的样子",
        deep: "“rulings.json”不是 JSON",
    }
    for change, words in cases.items():
        code, said = verify(rebuilt(archive, change))
        assert (code, words in said) == (1, True), (words, said)


def test_facts_that_no_longer_give_the_stored_rank_points_are_named(
    archive: Path, plugin: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another grade of one unit: what differs is the rank points of both."""

    def change(unit: dict[str, Any]) -> None:
        for grades in unit["facts"]["docs"]["bureau"]["members"].values():
            grades["grade"] = "甲等"

    monkeypatch.setattr(archive_check, "_one", lambda *_a: None)
    verdict = archive_check.check(
        rebuilt(archive, in_unit(change)), lambda _key: _sample_hooks(archive.parent)
    )
    assert verdict.difference.startswith("第 2 次冻结：甲山教育集团：存的是 34.8 分、第 1 名，重算是 33.8 分")


def _sample_hooks(folder: Path) -> Any:
    from intranet.plugins import RubricRegistry

    manager = build_plugin_manager(entry_points=False, plugins=(sample.SamplePlugin.at(folder),))
    installed = RubricRegistry(manager).get("sample")
    assert installed is not None
    return installed.hooks


# --- read-only -------------------------------------------------------------------------------------


ENOUGH = 4
"""Objects that each route is tried with: entries of both cycles are among them."""


def test_no_route_writes_to_an_archived_cycle(app: Flask, world: World, client_for: SignIn) -> None:
    """Every writing route of both cycles, as everybody who may call it: the cycles stay as they are."""
    ground = lay(world, CycleState.ARCHIVED)
    before = everything(world, without=("sign_in", "log", "attempt"))
    refused = 0
    for login in ("admin", "chair", "rev1", "rev3", "lead1", "helper1", "lead2"):
        client, actor = client_for(login), world.actor(login)
        seen: Counter[str] = Counter()
        for endpoint, given, path in addresses(app, ground, "POST"):
            rule = ACCESS[endpoint]
            if NOWHERE in given.values() or seen[endpoint] == ENOUGH:
                continue
            if rule in (ANYONE, SIGNED_IN) or (isinstance(rule, frozenset) and not actor.has(*rule)):
                continue
            if not {"cycle_id", "entry_id", "entry", "evidence_id", "appeal_id"} & given.keys():
                continue
            if endpoint == "bureau.cycle_copy":
                continue  # makes another cycle, and leaves this one as it is
            seen[endpoint] += 1
            answer = client.post(path, {"reason": "x", "ref": "slot:A2#1", "do": "save", "op": "x"})
            assert answer.status_code >= 400, (login, path, answer.status_code)
            refused += answer.status_code == 409
    assert refused > 100
    assert everything(world, without=("sign_in", "log", "attempt")) == before


def test_the_signoff_sheet_shows_what_was_frozen(world: World, client_for: SignIn) -> None:
    admin = client_for("admin")
    base = finish(world, admin, client_for)
    text = admin.text(f"{base}/signoff")
    with world.read() as session:
        held = session.exec(select(Result).where(Result.number == 2)).one()
    assert "1 甲山教育集团 30.8 −2 34.8 优秀 2 丁桥教育集团 26.3 0 32.3 合格" in text
    assert "2 33.55 34.8 32.3" in text  # units, mean, best, least
    assert f"结果校验码&emsp; {check_code(held.fingerprint)}" in text
    assert held.fingerprint in text
    assert "受理 1 件，支持 1 件" in text
    assert "附：裁定登记簿" in text
    for who in ("经办", "组长", "分管领导"):
        assert f"{who}（签字）" in text
    assert client_for("leader").get(f"{base}/signoff").status_code == 200
    assert client_for("lead1").get(f"{base}/signoff").status_code == 403


def test_the_command_refuses_a_path_that_is_not_there(tmp_path: Path) -> None:
    answer = CliRunner().invoke(main, ["verify", str(tmp_path / "none.zip")])
    assert answer.exit_code == 2
