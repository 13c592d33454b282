"""Hostile words in every text of the database, shown in a real browser: none of them may run."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser

from tests.e2e.harness import Server, serving
from tests.integration.test_security_text import seed
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser


def test_no_hostile_word_runs_in_a_browser(app: Flask, world: World, browser: Browser) -> None:
    """Script errors of our own would show too; a dialog or a set flag is a hole."""
    ground = seed(world)
    g01, cycle = world.entries["g01"], world.cycle_id
    pages = {
        "lead1": ["/tasks", f"/entries/{g01}", f"/entries/{g01}/indicators/B2", f"/entries/{g01}/evidence"],
        "rev1": [f"/panel/cycles/{cycle}", f"/panel/entries/{g01}/indicators/A1", f"/panel/cycles/{cycle}/sheet"],
        "chair": [f"/panel/cycles/{cycle}/board", f"/panel/entries/{g01}/indicators/A1/settle"],
        "admin": ["/bureau/cycles", "/bureau/units", "/bureau/people", "/bureau/log", "/bureau/schools",
                  f"/bureau/cycles/{cycle}/progress", f"/bureau/cycles/{cycle}/data"],
    }  # fmt: skip
    assert ground.entries["g01"] == g01
    dialogs: list[str] = []
    with serving(app) as server:
        for login, paths in pages.items():
            context = browser.new_context()
            page = context.new_page()

            def note(dialog: Any) -> None:
                dialogs.append(dialog.message)
                dialog.dismiss()

            page.on("dialog", note)
            sign_in(page, server, login)
            for path in paths:
                answer = page.goto(server.url + path)
                assert answer is not None
                assert answer.status == 200, path
                assert page.evaluate("window.pwn === undefined")
            context.close()
    assert dialogs == []


def sign_in(page: Any, server: Server, login: str) -> None:
    page.goto(server.url + "/sign-in")
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit], form button.btn-primary")
    page.wait_for_url(lambda url: "/sign-in" not in url)
