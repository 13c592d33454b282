"""A deadline evening: many people save fields at once, and the server is killed in the middle of it.

The real server in a process of its own on the sample units of the installed rubrics. Each client is a person at
a field of their own who saves one number after the other; what the server said it had saved is looked up in the
database after it was killed and started again.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from intranet.demo import PASSWORD

INTRANET = (sys.executable, "-c", "from intranet.cli import main; main()")
PORT = 8347
CLIENTS, SECONDS = 32, 30

_INPUT = re.compile(r'<input[^>]*\bname="f:([^"]+)"[^>]*>')


@dataclass
class Person:
    """One signed-in browser: its cookies and the token of its forms."""

    login: str
    cookie: str = ""
    token: str = ""
    http: http.client.HTTPConnection = field(
        default_factory=lambda: http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    )

    def ask(self, method: str, path: str, form: dict[str, Any] | None = None) -> tuple[int, str, str]:
        """(status, body, where it leads)"""
        headers = {"Cookie": self.cookie, "X-CSRF-Token": self.token}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["HX-Request"] = "true"
        self.http.request(method, path, urlencode(form) if form is not None else None, headers)
        answer = self.http.getresponse()
        body = answer.read().decode()
        for name, value in answer.getheaders():
            if name == "Set-Cookie":
                self.cookie = value.partition(";")[0]
        found = re.search(r'name="csrf-token" content="([^"]+)"', body)
        if found:
            self.token = found.group(1)
        return answer.status, body, answer.getheader("Location") or answer.getheader("HX-Redirect") or ""

    def sign_in(self) -> None:
        self.ask("GET", "/sign-in")
        status, body, _to = self.ask("POST", "/sign-in", {"login": self.login, "password": PASSWORD})
        assert status in (204, 303), (status, body[:300])


@dataclass
class Seat:
    """A person at one field of one page. saved: the last value that the server said it had saved."""

    person: Person
    page: str
    name: str
    version: int
    saved: int | None = None
    sent: int | None = None
    times: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def save(self) -> None:
        # Never what is there already: that would be no save.
        self.sent = random.choice([n for n in range(1, 9) if n != self.saved])
        form = {
            "only": self.name,
            f"f:{self.name}": self.sent,
            f"version:{self.name}": self.version,
            f"op:{self.name}": f"b{random.getrandbits(60)}",
        }
        begun = time.perf_counter()
        status, body, _to = self.person.ask("POST", f"{self.page}/answers", form)
        self.times.append(time.perf_counter() - begun)
        if status != 200:
            self.failed.append(f"{status} {body[:200]}")
            return
        self.saved = self.sent
        self.version += 1


FILERS = """
SELECT user.login, entry.id FROM user
JOIN "grant" ON "grant".user_id = user.id AND "grant".role = 'filer'
JOIN entry_school ON entry_school.school_id = "grant".school_id AND entry_school.role = 'lead'
JOIN entry ON entry.id = entry_school.entry_id AND entry.state = 'open'
JOIN cycle ON cycle.id = entry.cycle_id AND cycle.state = 'filing' AND NOT cycle.practice
ORDER BY entry.id
"""


def seats(filers: list[tuple[str, int]]) -> list[Seat]:
    """Every number field on the pages of these entries, a seat each, shuffled."""
    out: list[Seat] = []
    for login, entry in filers:
        first = Person(login)
        first.sign_in()
        _status, body, _to = first.ask("GET", f"/entries/{entry}")
        for page in dict.fromkeys(re.findall(rf"/entries/{entry}/indicators/[A-Z0-9.]+", body)):
            _status, form, _to = first.ask("GET", page)
            for item in _INPUT.finditer(form):
                name = unescape(item.group(1))
                if 'inputmode="numeric"' not in item.group() or 'type="radio"' in item.group():
                    continue
                version = re.search(rf'name="version:{re.escape(item.group(1))}" value="(\d+)"', form)
                assert version, name
                person = Person(login, first.cookie, first.token)
                there = re.search(r'value="(\d+)"', item.group())
                saved = int(there.group(1)) if there else None
                out.append(Seat(person, page, name, int(version.group(1)), saved))
    random.shuffle(out)
    return out


def start(data: Path) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [*INTRANET, "serve", "--data", str(data), "--port", str(PORT)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # waitress says so whenever requests wait
    )
    for _n in range(200):
        try:
            Person("").ask("GET", "/sign-in")
            return server
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


def run(taken: list[Seat], until: float) -> None:
    def work(seat: Seat) -> None:
        while time.monotonic() < until:
            try:
                seat.save()
            except (OSError, http.client.HTTPException):  # the server was killed
                return

    threads = [threading.Thread(target=work, args=(seat,)) for seat in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lost(data: Path, taken: list[Seat]) -> list[str]:
    """Seats whose acknowledged value is not in the database; one that was in flight may be there too."""
    out = []
    with sqlite3.connect(data / "intranet.db") as database:
        for seat in taken:
            entry = int(seat.page.split("/")[2])
            key, _at, _school = seat.name.partition("@")
            rows = database.execute(
                "SELECT value FROM answer WHERE entry_id = ? AND key = ? AND owner = 'school'", (entry, key)
            ).fetchall()
            there = {json.loads(str(value)) for (value,) in rows}
            if seat.saved is not None and not there & {seat.saved, seat.sent}:
                out.append(f"{seat.name}: saved {seat.saved}, there {there}")
    return out


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "data"
        subprocess.run(
            [*INTRANET, "demo", "--data", str(data), "--no-serve"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with sqlite3.connect(data / "intranet.db") as database:
            filers = database.execute(FILERS).fetchall()
        server = start(data)
        try:
            taken = seats(filers)[:CLIENTS]
            run(taken, time.monotonic() + SECONDS)
            times = sorted(t for seat in taken for t in seat.times)
            failed = [f for seat in taken for f in seat.failed]
            half, tail = statistics.median(times), times[int(len(times) * 0.99)]
            print(
                f"  {len(taken)} people for {SECONDS} s: {len(times) / SECONDS:.0f} saves/s, half within"
                f" {half * 1000:.0f} ms, 99 % within {tail * 1000:.0f} ms ({tail / half:.1f} times), longest"
                f" {times[-1] * 1000:.0f} ms, {len(failed)} refused"
            )
            for text in failed[:3]:
                print("   ", text)
            threading.Timer(1.5, server.kill).start()
            run(taken, time.monotonic() + 5)
        finally:
            server.kill()
            server.wait()
        server = start(data)  # what a power cut left is rolled back when the database is opened
        server.kill()
        server.wait()
        print(f"  killed in the middle: {len(lost(data, taken))} acknowledged saves lost")
        for text in lost(data, taken)[:3]:
            print("   ", text)


if __name__ == "__main__":
    main()
