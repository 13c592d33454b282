"""附件2: generated lines that the school may reword, put under another 指标类别 and reorder."""

from __future__ import annotations

import html as markup
import io
import re
from collections.abc import Callable

import openpyxl

from tests.integration.filing_ground import at, log, rows, save
from tests.integration.test_filing_submit import fill
from tests.world import Client, World, words

SignIn = Callable[[str], Client]
PATH = "/forms/progress"


def listed(client: Client, world: World) -> list[tuple[str, str, str]]:
    """(number, what, category) of each line in the xlsx."""
    data = client.get(at(world, rest=f"{PATH}.xlsx")).get_data()
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    cells = [[str(c or "") for c in row[:3]] for row in sheet.iter_rows(min_row=4, values_only=True)]
    return [(n, what, category) for n, what, category in cells if n.isdigit()]


def refs(client: Client, world: World) -> list[str]:
    page = client.get(at(world, rest=PATH)).get_data(as_text=True)
    return [markup.unescape(r) for r in re.findall(r'name="ref" value="([^"]+)"', page)]


def edit(client: Client, world: World, ref: str, version: int = 0, **texts: str) -> object:
    return client.post(at(world, rest=f"{PATH}/lines"), {"ref": ref, "version": version, **texts})


def filled(client: Client, world: World) -> None:
    fill(client, world)
    client.post(at(world, "B1", "/tables/exchange/empty"), {}, htmx=True)
    for person in ("甲某 001", "乙某 002"):
        row = {"c:person": person, "c:category": "定期", "c:sender": "s1", "c:receiver": "s2"}
        assert client.post(at(world, "B1", "/tables/exchange/rows"), row, htmx=True).status_code == 200


def test_words_category_and_order_reach_screen_and_sheet(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    filled(client, world)
    before = listed(client, world)
    assert [n for n, _what, _category in before] == [str(i) for i in range(1, len(before) + 1)]
    first, last = refs(client, world)[0], refs(client, world)[-1]
    edit(client, world, first, what="集团章程已经理事会通过", category="制度建设")
    assert listed(client, world)[0] == ("1", "集团章程已经理事会通过", "制度建设")
    assert "集团章程已经理事会通过" in client.text(at(world, rest=PATH))
    assert client.post(at(world, rest=f"{PATH}/order"), {"ref": last, "to": "1"}).status_code == 303
    after = listed(client, world)
    assert after[0][1] == before[-1][1]
    assert after[1][1] == "集团章程已经理事会通过"
    assert [n for n, _what, _category in after] == [n for n, _what, _category in before]
    assert [e.action for e in log(world, "form.line")] == ["form.line"]
    client.post(at(world, rest=f"{PATH}/order"), {"reset": "1"})
    edit(client, world, first, version=1, reset="1", what="x")
    assert listed(client, world) == before


def test_a_line_goes_to_any_place_and_the_page_stays_there(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    filled(client, world)
    before, order = listed(client, world), refs(client, world)
    assert len(order) > 3
    answer = client.post(at(world, rest=f"{PATH}/lines"), {"ref": order[-1], "version": "0", "place": "２"})
    assert answer.headers["Location"].endswith(f"{PATH}#line-2")
    assert listed(client, world)[1][1] == before[-1][1]
    wrong = {"ref": order[0], "version": "0", "what": "改过", "place": str(len(order) + 1)}
    answer = client.post(at(world, rest=f"{PATH}/lines"), wrong)
    assert answer.status_code == 422
    assert f"请填 1 — {len(order)} 的整数。" in words(answer.get_data(as_text=True))
    assert "改过" not in [what for _n, what, _category in listed(client, world)]  # nothing, or all of it
    answer = client.post(at(world, rest=f"{PATH}/order"), {"ref": order[0], "to": "3"})
    assert answer.headers["Location"].endswith(f"{PATH}#line-3")
    answer = client.post(at(world, rest=f"{PATH}/order"), {"ref": order[0], "to": "1"}, htmx=True)
    assert answer.status_code == 200
    assert refs(client, world)[0] == order[0]
    assert f'id="up-{markup.escape(order[1])}"' in answer.get_data(as_text=True)


def test_a_line_follows_its_row_not_its_place(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    filled(client, world)
    second = rows(world, "exchange")[1]
    edit(client, world, f"row:{second.id}", what="选派乙老师到成员校任教一年")
    client.post(at(world, "B1", f"/rows/{rows(world, 'exchange')[0].id}/delete"), {}, htmx=True)
    texts = [what for _n, what, _category in listed(client, world)]
    assert "选派乙老师到成员校任教一年" in texts
    assert not any("甲某" in t for t in texts)


def test_generated_words_that_changed_are_marked(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    filled(client, world)
    row = rows(world, "exchange")[0]
    edit(client, world, f"row:{row.id}", what="甲老师交流")
    assert "原文已变" not in client.text(at(world, rest=PATH))
    changed = {
        "c:person": "丙某 003",
        "c:category": "定期",
        "c:sender": "s1",
        "c:receiver": "s2",
        "version": row.version,
    }
    client.post(at(world, "B1", f"/rows/{row.id}"), changed, htmx=True)
    assert "原文已变" in client.text(at(world, rest=PATH))


def test_two_people_and_locks(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    filled(client, world)
    ref = refs(client, world)[0]
    edit(client, world, ref, what="第一个人写的")
    answer = edit(client, world, ref, what="第二个人写的", version=0)
    assert answer.status_code == 409  # type: ignore[attr-defined]
    text = answer.get_data(as_text=True)  # type: ignore[attr-defined]
    assert "第二个人写的" in text
    assert "现在存的是：第一个人写的" in words(text)
    long = edit(client, world, ref, what="长" * 1001, version=1)
    assert long.status_code == 422  # type: ignore[attr-defined]
    assert edit(client_for("lead2"), world, ref, what="x").status_code == 404  # type: ignore[attr-defined]
    assert edit(client, world, "row:999", what="x").status_code == 404  # type: ignore[attr-defined]
    assert (
        client.post(at(world, rest="/forms/report/lines"), {"ref": "clause:A", "what": "x"}).status_code
        == 404
    )
    save(client, world, "A2", "A2.no_plan", "false", version=1)
    assert client.post(at(world, rest="/submit"), {"known": "1"}).status_code == 303
    assert edit(client, world, ref, what="交后再改", version=1).status_code == 409  # type: ignore[attr-defined]
    assert listed(client, world)[0][1] == "第一个人写的"
