"""留在桌上的分: every gain is what scoring again gives, and each leads to its place."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from tests.integration.filing_ground import at, rows, save
from tests.integration.test_filing_submit import fill
from tests.world import Client, World

SignIn = Callable[[str], Client]


def total(client: Client, world: World) -> Fraction:
    text = client.text(at(world, rest="/check"))
    return Fraction(text.split("自评 ", 1)[1].split(" ", 1)[0])


def test_gains_are_true_and_together_they_are_no_more_than_the_cap(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    fill(client, world)
    save(client, world, "A2", "A2.下学期", "1", version=1)
    client.post(at(world, "A2", "/slots"), {"slot": "A2#2", "absent": "", "op": "x"}, htmx=True)
    html = client.get(at(world, rest="/chances")).get_data(as_text=True)
    text = client.text(at(world, rest="/chances"))
    assert "如有“会议纪要”，请上传 +1" in text
    assert "填了 1 次，要求 2 次" in text
    assert f"{at(world, 'A2')}#slots-" in html
    before = total(client, world)
    save(client, world, "A2", "A2.下学期", "2", version=2)
    gained = total(client, world) - before
    assert f"请补上并附材料 +{gained}" in text
    assert gained > 0


def test_a_row_without_its_proof(world: World, client_for: SignIn) -> None:
    client = client_for("lead1")
    row = {
        "c:person": "甲某 001",
        "c:category": "定期",
        "c:sender": "s1",
        "c:receiver": "s2",
        "c:start": "2024-02-01",
        "c:end": "2024-06-30",
    }
    client.post(at(world, "B1", "/tables/exchange/rows"), row, htmx=True)
    text = client.text(at(world, rest="/chances"))
    assert "“甲某 001”没有勾选“文件”。如属实，请勾选并附材料 +0.3" in text
    stored = rows(world, "exchange")[0]
    assert f"row={stored.id}#table-exchange" in client.get(at(world, rest="/chances")).get_data(as_text=True)


def test_only_while_it_can_still_be_filed_and_only_for_those_who_file(
    world: World, client_for: SignIn
) -> None:
    assert client_for("admin").get(at(world, rest="/chances")).status_code == 403
    assert client_for("lead2").get(at(world, rest="/chances")).status_code == 404
    client = client_for("lead1")
    fill(client, world)
    assert client.post(at(world, rest="/submit"), {"known": "1"}).status_code == 303
    assert client.get(at(world, rest="/chances")).status_code == 302
