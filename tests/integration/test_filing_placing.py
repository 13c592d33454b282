"""Files that stand nowhere yet: what their names suggest, who may put them where, all or none and once."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from intranet.enums import SubmissionState
from intranet.models import Entry
from tests.integration.filing_ground import PDF, at, entry, files, hand, log, save
from tests.world import Client, World, words

SignIn = Callable[[str], Client]


def bring(client: Client, world: World, *names: str, unit: str = "g01") -> None:
    """Files into the 材料库 by its plain form; each is a file of its own."""
    sent = [(io.BytesIO(PDF + name.encode()), name) for name in names]
    assert client.post(at(world, rest="/evidence", unit=unit), {"files": sent}).status_code == 303


def page(client: Client, world: World) -> str:
    return client.get(at(world, rest="/evidence")).get_data(as_text=True)


def suggested(html: str) -> dict[str, str]:
    """What stands selected for each file, by its name."""
    out = {}
    for name, select in re.findall(r'<label for="to-\d+">(.*?)</label>.*?(<select.*?</select>)', html, re.S):
        found = re.search(r'value="([^"]*)" selected', select)
        out[name] = found[1] if found else ""
    return out


def ids(world: World) -> dict[str, int]:
    return {e.name: e.id or 0 for e, _refs in files(world)}


def put(client: Client, world: World, wishes: dict[str, str], *, op: str = "", htmx: bool = False) -> Any:
    there = ids(world)
    data = {f"to:{there[name]}": ref for name, ref in wishes.items()} | {"op": op}
    return client.post(at(world, rest="/evidence/place"), data, htmx=htmx)


def test_names_suggest_places_and_one_save_puts_them_there(world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    save(lead, world, "A2", "A2.done", "true")
    assert 'id="placing"' not in page(lead, world)
    bring(lead, world, "A2 会议方案.pdf", "甲山小学会议纪要.pdf", "B2 奖状.pdf", "IMG_2041.pdf")
    html = page(lead, world)
    wishes = suggested(html)
    assert wishes == {
        "A2 会议方案.pdf": "slot:A2#1",
        "甲山小学会议纪要.pdf": "slot:A2#2",
        "B2 奖状.pdf": "clause:B2",
        "IMG_2041.pdf": "",
    }
    assert "4 份还没有放" in words(html)
    assert html.index('<optgroup label="还缺的">') < html.index('<optgroup label="其他佐证材料">')
    answer = put(lead, world, wishes, op="once", htmx=True)
    assert answer.status_code == 200
    text = words(answer.get_data(as_text=True))
    assert "已放好 3 份材料。" in text
    assert "1 份还没有放" in text
    assert {e.name: refs for e, refs in files(world)} == {n: [r] if r else [] for n, r in wishes.items()}
    assert [x.new for x in log(world, "evidence.link")] == ["slot:A2#1", "slot:A2#2", "clause:B2"]
    assert entry(world).saved_at is not None


def test_thirty_files_take_as_many_queries_as_one(app: Flask, world: World, client_for: SignIn) -> None:
    lead, seen = client_for("lead1"), list[str]()
    engine = app.extensions["intranet"].engine
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _cur, said, *_rest: seen.append(said))
    counts = []
    for names in (["A2 会议方案.pdf"], [f"B2 奖状{n}.pdf" for n in range(29)]):
        bring(lead, world, *names)
        page(lead, world)  # the note of the upload
        seen.clear()
        html = page(lead, world)
        counts.append((len(suggested(html)), len(seen)))
    assert [n for n, _queries in counts] == [1, 30]
    assert counts[0][1] == counts[1][1] > 0


def test_the_same_form_twice_places_once(world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    bring(lead, world, "甲.pdf")
    for _time in range(2):
        assert put(lead, world, {"甲.pdf": "clause:B2"}, op="same").status_code == 303
    assert put(lead, world, {"甲.pdf": "clause:B2"}, op="other").status_code == 303
    assert [refs for _e, refs in files(world)] == [["clause:B2"]]
    assert len(log(world, "evidence.link")) == 1


@pytest.mark.parametrize("ref", ["slot:A2#9", "slot:A2#x", "clause:X", "row:99", "row:x", "x"])
def test_one_wrong_place_and_none_is_placed(world: World, client_for: SignIn, ref: str) -> None:
    """What was chosen for the others stays in the form."""
    lead = client_for("lead1")
    bring(lead, world, "甲.pdf", "乙.pdf")
    answer = put(lead, world, {"甲.pdf": "clause:B2", "乙.pdf": ref})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "有 1 份放不了，都还没有放" in words(html)
    assert suggested(html) == {"甲.pdf": "clause:B2", "乙.pdf": ""}
    assert html.count("is-invalid") == 1
    assert [refs for _e, refs in files(world)] == [[], []]
    assert log(world, "evidence.link") == []


def test_nothing_chosen_says_so(world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    bring(lead, world, "甲.pdf")
    answer = put(lead, world, {"甲.pdf": ""})
    assert answer.status_code == 422
    assert "还没有选要放到哪里" in words(answer.get_data(as_text=True))


def test_a_deleted_or_foreign_file_is_not_there(world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    bring(lead, world, "甲.pdf")
    bring(client_for("lead2"), world, "外.pdf", unit="g02")
    there = ids(world)
    assert lead.post(at(world, rest=f"/evidence/{there['甲.pdf']}/delete")).status_code == 303
    for gone in (there["甲.pdf"], there["外.pdf"], 10**17):
        answer = lead.post(at(world, rest="/evidence/place"), {f"to:{gone}": "clause:B2"})
        assert answer.status_code == 422
    assert log(world, "evidence.link") == []
    assert "外.pdf" not in page(lead, world)
    assert client_for("lead2").post(at(world, rest="/evidence/place"), {}).status_code == 404


def test_a_member_school_meets_the_places_handed_to_it(world: World, client_for: SignIn) -> None:
    save(client_for("lead1"), world, "A2", "A2.done", "true")
    hand(world, "clause:A2")
    member = client_for("member1")
    bring(member, world, "A2 会议方案.pdf", "B2 奖状.pdf")
    html = page(member, world)
    assert suggested(html) == {"A2 会议方案.pdf": "slot:A2#1", "B2 奖状.pdf": ""}
    assert set(re.findall(r'<option value="([^"]+)"', html)) == {"slot:A2#1", "slot:A2#2", "clause:A2"}
    refused = put(member, world, {"B2 奖状.pdf": "clause:B2"})
    assert refused.status_code == 422
    assert put(member, world, {"A2 会议方案.pdf": "slot:A2#1"}).status_code == 303
    assert {e.name: refs for e, refs in files(world)} == {"A2 会议方案.pdf": ["slot:A2#1"], "B2 奖状.pdf": []}


def test_after_handing_in_nothing_is_placed(world: World, client_for: SignIn) -> None:
    lead = client_for("lead1")
    bring(lead, world, "甲.pdf")
    with world.write() as session:
        found = session.get(Entry, world.entries["g01"])
        assert found is not None
        found.state = SubmissionState.SUBMITTED
        session.add(found)
        session.commit()
    assert 'id="placing"' not in page(lead, world)
    answer = put(lead, world, {"甲.pdf": "clause:B2"})
    assert answer.status_code == 422
    assert [refs for _e, refs in files(world)] == [[]]
