"""Where each key of a ``rubric.toml`` stands, and findings that point there.

tomllib reads values and forgets lines; :class:`Source` reads the same text once more for the lines
alone. It relies on tomllib having accepted the text and understands nothing else of TOML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of the file: ``("clause", 4, "bands", 0, "points")``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with (error) or odd about (warning) a definition.

    clause: code of the clause, or what else it is about (``字段 grade_now``); may be empty.
    """

    severity: str
    line: int
    clause: str
    message: str
    name: str = "rubric.toml"

    def __str__(self) -> str:
        return ": ".join(part for part in (f"{self.name}:{self.line}", self.clause, self.message) if part)


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'([^'\n]*)'|([A-Za-z0-9_-]+)")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"""+|' r"'''.*?'''+|" r'"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}\n#]*")


class Source:
    """The text of a definition, its file name, and the line of every key."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name

    def line(self, path: Iterable[str | int]) -> int:
        """Line (from 1) of ``path``, or of the nearest thing around it that has one."""
        wanted: Path = tuple(path)
        while wanted and wanted not in self.lines:
            wanted = wanted[:-1]
        return self.lines.get(wanted, 1)

    @cached_property
    def lines(self) -> dict[Path, int]:
        return _Scan(self.text).lines


class _Scan:
    """One walk through valid TOML, noting the line of every key and list item."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.seen = 0  # up to here the newlines are counted
        self.row = 1
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}  # tables declared so far under each [[header]]
        self.document()

    def note(self, path: Path) -> None:
        self.row += self.text.count("\n", self.seen, self.at)
        self.seen = self.at
        self.lines.setdefault(path, self.row)

    def skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:  # not TOML after all: go on, a wrong line is better than no message
            self.at += 1
            return ""
        self.at = found.end()
        return found[0]

    def peek(self, token: str) -> bool:
        return self.text.startswith(token, self.at)

    def key(self) -> list[str]:
        """A key, dotted or not; the place after it is where the scan goes on."""
        parts: list[str] = []
        while True:
            self.skip(_SPACE)
            found = _KEY.match(self.text, self.at)
            if found is None:
                self.at += 1
                return parts
            parts.append(next(g for g in found.groups() if g is not None))
            self.at = found.end()
            self.skip(_SPACE)
            if not self.peek("."):
                return parts
            self.at += 1

    def document(self) -> None:
        here: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.peek("["):
                here = self.header()
            else:
                self.pair(here)
            self.skip(_BLANK)

    def header(self) -> Path:
        many = self.peek("[[")
        start = self.at
        self.at += 2 if many else 1
        keys = self.key()
        path: Path = ()
        for n, key in enumerate(keys, 1):
            path += (key,)
            if many and n == len(keys):
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path += (self.counts[path] - 1,)
        self.at, end = start, self.at
        for n in range(1, len(path) + 1):
            self.note(path[:n])
        self.at = end + (2 if many else 1)
        return path

    def pair(self, here: Path) -> None:
        start = self.at
        keys = self.key()
        path = (*here, *keys)
        self.at, end = start, self.at
        for n in range(len(here), len(path)):  # a dotted key declares the tables on its way
            self.note(path[: n + 1])
        self.at = end
        if self.peek("="):
            self.at += 1
        self.skip(_SPACE)
        self.value(path)

    def value(self, path: Path) -> None:
        if self.peek("["):
            self.items(path, "]")
        elif self.peek("{"):
            self.items(path, "}")
        elif self.peek('"') or self.peek("'"):
            self.skip(_TEXT)
        else:
            self.skip(_BARE)

    def items(self, path: Path, close: str) -> None:
        """The inside of an array or an inline table."""
        self.at += 1
        n = 0
        self.skip(_BLANK)
        while self.at < len(self.text) and not self.peek(close):
            if close == "]":
                self.note((*path, n))
                self.value((*path, n))
                n += 1
            else:
                self.pair(path)
            self.skip(_BLANK)
            if self.peek(","):
                self.at += 1
                self.skip(_BLANK)
        self.at += 1
