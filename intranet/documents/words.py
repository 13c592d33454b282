"""The words of a docx or txt file, without its looks: a program, bytes in, JSON out.

It runs in a process of its own (see ``child.py``); nothing but the standard library is imported.
Output: ``{"blocks": [["p", text] | ["t", rows]], "cut": bool}``; a row is cells of ``[text, columns]``.
"""

from __future__ import annotations

import codecs
import json
import sys
import zipfile
from typing import IO, Any
from xml.parsers import expat

MEMORY = 512 * 1024 * 1024
"""Address space of this process, where the system can limit it."""
MOST_XML = 64 * 1024 * 1024
MOST_TEXT = 1024 * 1024
LONGEST = 2_000
"""Characters of one paragraph or cell."""
PIECE = 64 * 1024

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_SKIPPED = {"http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"}
"""What stands there a second time, for old readers."""


class Enough(Exception):
    """As many lines as are shown."""


class Words:
    """Paragraphs and tables in their order; a table within a cell is read as text of that cell."""

    def __init__(self, most: int) -> None:
        self.most, self.lines, self.cut = most, 0, False
        self.blocks: list[list[Any]] = []
        self.text: list[str] = []
        self.length = self.skipped = self.depth = self.span = 0
        self.cell: list[str] = []
        self.row: list[list[Any]] = []
        self.is_text = False

    def line(self) -> None:
        self.lines += 1
        if self.lines > self.most:
            self.cut = True
            raise Enough

    def add(self, text: str) -> None:
        if self.length < LONGEST:
            self.text.append(text[: LONGEST - self.length])
            self.length += len(text)
            if self.length > LONGEST:
                self.text.append("…")

    def taken(self) -> str:
        text, self.text, self.length = "".join(self.text).strip(), [], 0
        return text

    # --- events ---

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in _SKIPPED or self.skipped:
            self.skipped += 1
            return
        match name.removeprefix(_W):
            case "t":
                self.is_text = True
            case "tab" | "br" | "cr" if self.text:
                self.add(" ")
            case "tbl":
                self.depth += 1
                if self.depth == 1:
                    self.blocks.append(["t", []])
            case "tr" if self.depth == 1:
                self.line()
                self.row = []
            case "tc" if self.depth == 1:
                self.cell, self.span = [], 1
            case "gridSpan" if self.depth == 1:
                count = attributes.get(f"{_W}val", "1")
                self.span = min(int(count), 60) if count.isascii() and count.isdigit() else 1
            case _:
                pass

    def data(self, text: str) -> None:
        if self.is_text and not self.skipped:
            self.add(text)

    def end(self, name: str) -> None:
        if self.skipped:
            self.skipped -= 1
            return
        match name.removeprefix(_W):
            case "t":
                self.is_text = False
            case "p" if self.depth:
                self.cell.append(self.taken())
            case "p":
                text = self.taken()
                if text:
                    self.line()
                    self.blocks.append(["p", text])
            case "tc" if self.depth == 1:
                text = "\n".join(filter(None, self.cell))
                self.row.append([text[:LONGEST], max(self.span, 1)])
            case "tr" if self.depth == 1:
                self.blocks[-1][1].append(self.row)
            case "tbl":
                self.depth -= 1
            case _:
                pass


def _refuse(*_anything: Any) -> None:
    """Office parts declare nothing; whoever does wants to make the reader fetch or swell."""
    raise ValueError("a declaration")


def read_docx(file: IO[bytes], most: int) -> dict[str, Any]:
    """:raises Exception: it is no docx, is broken or declares something."""
    words = Words(most)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    parser.StartElementHandler, parser.EndElementHandler = words.start, words.end
    parser.CharacterDataHandler = words.data
    with zipfile.ZipFile(file) as archive, archive.open("word/document.xml") as part:
        left = MOST_XML
        try:
            while left > 0 and (piece := part.read(PIECE)):
                left -= len(piece)
                parser.Parse(piece, False)
            if left <= 0:
                words.cut = True
            else:
                parser.Parse(b"", True)
        except Enough:
            pass
    return {"blocks": words.blocks, "cut": words.cut}


def read_txt(file: IO[bytes], most: int) -> dict[str, Any]:
    """As UTF-8 if it is that, else as GB 18030, in which Windows wrote Chinese before."""
    data = file.read(MOST_TEXT + 1)
    cut, data = len(data) > MOST_TEXT, data[:MOST_TEXT]
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(data, final=not cut)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise ValueError("neither UTF-8 nor GB 18030")
    lines = text.splitlines()
    shown = [line[:LONGEST] for line in lines[:most]]
    return {"blocks": [["p", line] for line in shown], "cut": cut or len(lines) > most}


def main() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except ImportError:  # Windows has no such limit; the time limit of the caller holds there
        pass
    read = {"docx": read_docx, "txt": read_txt}[sys.argv[1]]
    sys.stdout.buffer.write(json.dumps(read(sys.stdin.buffer, int(sys.argv[2]))).encode("ascii"))


if __name__ == "__main__":
    main()
