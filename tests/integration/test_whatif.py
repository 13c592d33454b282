"""试算: units left out, other rulings, another version; the same figures as a freeze, and nothing stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from io import BytesIO

import pytest
import sqlalchemy as sa
from flask import Flask

from intranet.domain import whatif
from intranet.domain.scoring import scoring_for
from intranet.enums import CycleState
from intranet.errors import Invalid, RubricError
from intranet.models import Cycle
from intranet.plugins import RubricRegistry, build_plugin_manager
from intranet.queries.results import results_of, unit_results
from intranet.rubric import ledger
from intranet.rubric.facts import Facts
from intranet.rubric.formula import Evaluated
from intranet.rubric.model import Rubric
from intranet.rubric.ranking import Ties
from intranet.web.bureau import whatif as pages
from tests.integration.test_bureau_results import fill
from tests.unit.rubric import sample
from tests.world import Client, World, words

SignIn = Callable[[str], Client]
F = Fraction


@pytest.fixture
def base(world: World, client_for: SignIn) -> str:
    """Both units frozen (34.8 and 31.8, see test_bureau_results); the cycle's URL."""
    fill(world, "g01", pairs=2, grades={"s1": "甲等", "s2": "甲等", "s3": "乙等"}, absences=1)
    fill(world, "g02", pairs=1, grades={"s4": "乙等", "s5": "丙等"}, absences=0)
    world.move_to(CycleState.DELIBERATION)
    url = f"/bureau/cycles/{world.cycle_id}"
    assert client_for("admin").post(f"{url}/freeze", {"op": "w"}).status_code == 303
    return url


def trial(world: World, question: whatif.Question, *, ties: Ties | None = None) -> whatif.Trial:
    plugin = sample.SamplePlugin.at(world.settings.data)
    registry = RubricRegistry(build_plugin_manager(entry_points=False, plugins=(plugin,)))
    with world.read() as session:
        cycle = session.get(Cycle, world.cycle_id)
        assert cycle is not None
        rows = unit_results(session, results_of(session, world.cycle_id)[0].id or 0)
        return whatif.try_out(
            scoring_for(cycle, registry),
            cycle.rulings,
            [r.facts for r in rows],
            question,
            ties=ties or Ties(),
            stored=[ledger.result_from_json(r.document) for r in rows],
        )


def version(text: str) -> whatif.Question:
    assert text != sample.SAMPLE
    return whatif.Question(definition=whatif.read_definition(text.encode(), "new.toml", key="sample"))


def test_the_same_circumstances_give_the_stored_result(world: World, base: str) -> None:
    found = trial(world, whatif.Question())
    assert [(r.name, r.old.total, r.new.total if r.new else None, r.is_same) for r in found.rows] == [
        ("甲山教育集团", F("34.8"), F("34.8"), True),
        ("丁桥教育集团", F("31.8"), F("31.8"), True),
    ]
    assert (found.moved, found.left, found.gone, found.fresh) == (0, (), (), ())


def test_a_unit_left_out_moves_what_is_ranked_among_the_others(world: World, base: str) -> None:
    found = trial(world, whatif.Question(without=frozenset({"g01"})))
    row, out = found.rows
    # B4: first now, 4 for 3; B6: its pairs are the most, 8 for 4
    assert (row.name, row.change, row.places_gained) == ("丁桥教育集团", F(5), 1)
    assert [(c.code, c.was, c.now) for c in row.clauses] == [("B4", "3", "4"), ("B6", "4", "8")]
    assert row.clauses[0].old_lines == ("第 2 名（共 2 个） 3",)
    assert row.clauses[0].new_lines == ("第 1 名（共 1 个） 4",)
    assert (out.name, out.new, out.is_same) == ("甲山教育集团", None, False)
    with pytest.raises(Invalid, match="至少留一个单位"):
        trial(world, whatif.Question(without=frozenset({"g01", "g02"})))


def test_another_ruling_and_its_lines(world: World, base: str, client_for: SignIn) -> None:
    found = trial(world, whatif.Question(rulings={"rank_by": "base"}))
    assert [(r.name, r.new.rank if r.new else None) for r in found.rows] == [
        ("甲山教育集团", 1),
        ("丁桥教育集团", 2),
    ]
    admin = client_for("admin")
    text = admin.text(f"{base}/whatif?ruling.long_stay=none")
    assert "满6个月怎样计分 同上一档 → 不计" in text
    assert "试算，不影响结果" in text
    untouched = admin.text(f"{base}/whatif?ruling.long_stay=same")
    assert "试算结果" not in untouched
    refused = admin.get(f"{base}/whatif?ruling.long_stay=nonsense")
    assert (refused.status_code, "不能这样试算" in refused.get_data(as_text=True)) == (422, True)


def test_a_lower_cap_in_another_version_drops_what_no_longer_fits(world: World, base: str) -> None:
    text = (
        sample.SAMPLE.replace('章程内容规范(3分)"\nmax = 3', '章程内容规范(2分)"\nmax = 2')
        .replace('title = "章程"\nmax = 5', 'title = "章程"\nmax = 4')
        .replace('title = "制度"\nmax = 12', 'title = "制度"\nmax = 11')
        .replace("printed = 42", "printed = 41")
    )
    found = trial(world, version(text))
    # A1.2 was 2.5 (2 and 3): above the new maximum, so it waits for a mark; nobody has a total
    assert found.left == (
        "甲山教育集团 的评分 A1.2 “2.5”：请填 0 — 2",
        "丁桥教育集团 的评分 A1.2 “2.5”：请填 0 — 2",
        "甲山教育集团：自评分：请填 0 — 2",
        "丁桥教育集团：自评分：请填 0 — 2",
    )
    row = found.rows[0]
    assert row.new is not None
    assert (row.new.total, row.open, row.so_far) == (
        None,
        1,
        F("34.3"),
    )  # 36.8 - 2.5, before the 2 off the total


def test_fields_clauses_and_rulings_that_are_gone_or_new_are_named(world: World, base: str) -> None:
    text = (
        sample.SAMPLE.replace("参加人数", "参加教师数")
        .replace('key = "took_part"', 'key = "joined"')
        .replace("took_part / teachers", "joined / teachers")
        .replace('code = "C1.2"', 'code = "C1.3"')
    )
    found = trial(world, version(text))
    assert "填报项“参加人数”：新办法里没有，2 个单位填过" in found.left
    assert [n.startswith("乙、共享资源") for n in found.gone] == [True]
    assert [n.startswith("乙、共享资源") for n in found.fresh] == [True]
    codes = {c.code: (c.is_new, c.is_gone) for c in found.rows[0].clauses}
    assert codes["C1.3"] == (True, False)
    assert codes["C1.2"] == (False, True)
    b3 = next(c for c in found.rows[0].clauses if c.code == "B3")
    assert (b3.was, b3.now) == ("4.5", "0")


def test_an_uploaded_version_is_refused_by_line(world: World, base: str, client_for: SignIn) -> None:
    broken = sample.SAMPLE.replace('kind = "judged"\nneeds', 'kind = "jugded"\nneeds', 1)
    line = broken[: broken.index('kind = "jugded"')].count("\n") + 1
    admin = client_for("admin")
    answer = admin.post(f"{base}/whatif", {"file": (BytesIO(broken.encode()), "明年.toml")})
    text = words(answer.get_data(as_text=True))
    assert "不能这样试算" in text
    assert f"明年.toml:{line}" in text
    with pytest.raises(RubricError):
        whatif.read_definition(broken.encode(), "x", key="sample")
    with pytest.raises(Invalid, match="不是本周期的考核办法"):
        whatif.read_definition(sample.SAMPLE.encode(), "x", key="other")
    with pytest.raises(Invalid, match="UTF-8"):
        whatif.read_definition("考".encode("gbk"), "x", key="sample")
    with pytest.raises(Invalid, match="256 KB"):
        whatif.read_definition(b" " * (whatif.MOST_BYTES + 1), "x", key="sample")
    nothing = admin.post(f"{base}/whatif", {})
    assert (nothing.status_code, "请选一份 rubric.toml" in nothing.get_data(as_text=True)) == (422, True)


@pytest.mark.parametrize(
    "said",
    [
        "a = " + "[" * 100_000 + "]" * 100_000,
        "a = " + "{a = " * 2000 + "1" + "}" * 2000,
        "a" + ".a" * 3000 + " = 1",
        "a = " + "9" * 5000,
        sample.SAMPLE.replace("max = ", "max = 0x" + "f" * 6000 + " # ", 1),
        sample.SAMPLE.replace("max = ", "max = 1e999999999 # ", 1),
        "\n".join(f'[[clause]]\ncode="Z{n}"\nin="Z{n - 1}"\nkind="sum"\ntext="x"' for n in range(3000)),
    ],
    ids=["nested lists", "nested tables", "dots", "digits", "hex", "exponent", "chain"],
)
def test_a_hostile_upload_is_refused_in_words(base: str, client_for: SignIn, said: str) -> None:
    answer = client_for("admin").post(f"{base}/whatif", {"file": (BytesIO(said.encode()), "明年.toml")})
    assert answer.status_code == 409
    text = answer.get_data(as_text=True)
    assert ("不能这样试算" in text, "明年.toml" in text) == (True, True)


def test_an_uploaded_version_is_tried_and_forgotten(
    world: World, base: str, client_for: SignIn, app: Flask
) -> None:
    better = sample.SAMPLE.replace('version = "1"', 'version = "2031-2"').replace(
        "award = [4, 3, 2]", "award = [4, 2, 1]"
    )
    before = _everything(app)
    answer = client_for("admin").post(f"{base}/whatif", {"file": (BytesIO(better.encode()), "rubric.toml")})
    text = words(answer.get_data(as_text=True))
    assert "版本 2031-2" in text
    assert "1 / 2 个单位有变动" in text  # g02: 3 -> 2
    assert "31.8 30.8 −1" in text
    after = _everything(app)
    assert {k: v for k, v in before.items() if k != "sign_in"} == {
        k: v for k, v in after.items() if k != "sign_in"
    }


def test_others_save_while_a_version_is_tried(
    world: World, base: str, client_for: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the file's check nor the scoring holds a lock: somebody else's save goes through at once."""
    path, saved = world.settings.data / "intranet.db", []

    def save(said: str, *, whole: bool = True) -> None:
        with closing(sqlite3.connect(path, timeout=0.2)) as other:
            other.execute("BEGIN IMMEDIATE")
            if whole:  # while facts are read, a save may begin; it ends when they are
                other.execute('UPDATE "entry" SET name = name')
                other.commit()
        saved.append(said)

    read, tried, scored = whatif.read_definition, whatif.try_out, pages.score_entries
    monkeypatch.setattr(
        pages, "score_entries", lambda *a, **k: (save("scored", whole=False), scored(*a, **k))[1]
    )
    monkeypatch.setattr(whatif, "read_definition", lambda *a, **k: (save("read"), read(*a, **k))[1])
    monkeypatch.setattr(whatif, "try_out", lambda *a, **k: (save("tried"), tried(*a, **k))[1])
    better = sample.SAMPLE.replace("award = [4, 3, 2]", "award = [4, 2, 1]")
    for basis in ({}, {"basis": "live"}):
        upload = {"file": (BytesIO(better.encode()), "rubric.toml"), **basis}
        answer = client_for("admin").post(f"{base}/whatif", upload)
        assert "1 / 2 个单位有变动" in words(answer.get_data(as_text=True))
    assert saved == ["read", "tried", "read", "scored", "tried"]


def _everything(app: Flask) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but the log of signing in."""
    engine = app.extensions["intranet"].engine
    with engine.connect() as connection:
        tables = sa.inspect(engine).get_table_names()
        return {
            t: sorted(tuple(map(repr, r)) for r in connection.execute(sa.text(f'SELECT * FROM "{t}"')))
            for t in tables
            if t not in ("log", "sign_in")
        }


def test_a_failing_plugin_is_named_with_hook_and_unit(
    world: World, base: str, client_for: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sample.evaluate

    def fail(rubric: Rubric, formula: str, facts: Facts) -> Evaluated:
        if facts.unit == "g02" and formula == "pairs / schools":
            raise KeyError("pairs")
        return real(rubric, formula, facts)

    monkeypatch.setattr(sample, "evaluate", fail)
    answer = client_for("admin").get(f"{base}/whatif?without={world.entries['g01']}")
    text = words(answer.get_data(as_text=True))
    assert answer.status_code == 422
    for part in ("插件", "score_unit", "g02"):
        assert part in text, part


def test_facts_of_now_can_be_tried_instead_of_the_frozen_ones(
    world: World, base: str, client_for: SignIn
) -> None:
    from tests.integration.test_bureau_results import change_absences

    change_absences(world, "g02", 3)  # 31.8 - 6
    admin = client_for("admin")
    out = f"without={world.entries['g01']}"
    assert "31.8 36.8 +5" in admin.text(f"{base}/whatif?{out}")
    assert "25.8 30.8 +5" in admin.text(f"{base}/whatif?{out}&basis=live")


def test_an_archived_cycle_still_tries_next_years_version(
    world: World, base: str, client_for: SignIn
) -> None:
    world.move_to(CycleState.ARCHIVED)
    better = sample.SAMPLE.replace("award = [4, 3, 2]", "award = [4, 2, 1]")
    answer = client_for("admin").post(f"{base}/whatif", {"file": (BytesIO(better.encode()), "rubric.toml")})
    assert (answer.status_code, "31.8 30.8 −1" in words(answer.get_data(as_text=True))) == (200, True)


def test_only_the_bureau_tries(world: World, base: str, client_for: SignIn) -> None:
    for login in ("leader", "auditor", "chair", "lead1"):
        assert client_for(login).get(f"{base}/whatif").status_code in (403, 404), login
