"""The English catalogue covers every message of the program and its templates.

Chinese is the source language, so it needs no catalogue. Without arguments the program checks; with
`--update` it rewrites the .po (translations are kept, new messages come in empty, unused ones go) and
compiles the .mo.
"""

import io
import re
import sys
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "intranet" / "translations" / "en" / "LC_MESSAGES" / "messages.po"
KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "lazy": None, "ngettext": (1, 2)}
SOURCES = {
    "intranet": [("**.py", "python")],
    "templates": [("**.html", "jinja2")],
}
OPTIONS = {"**.html": {"extensions": "jinja2.ext.i18n,jinja2.ext.do", "silent": "false"}}
FULL_WIDTH = re.compile(r"[\u3000-\u303f\uff00-\uffef]")
PLACEHOLDER = re.compile(r"%\(\w+\)[-+ #0]*[\d.]*[a-zA-Z]|\{\w*\}")


def extracted() -> Catalog:
    catalog = Catalog(charset="utf-8")
    for folder, methods in SOURCES.items():
        for name, line, message, comments, context in extract_from_dir(
            ROOT / folder, methods, OPTIONS, keywords=KEYWORDS
        ):
            catalog.add(message, None, [(f"{folder}/{name}", line)], auto_comments=comments, context=context)
    return catalog


class English(Catalog):
    """A catalogue whose head says the same on every machine and day: no address, dates or versions."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Project-Id-Version", "intranet"),
            ("Language", "en"),
            ("Plural-Forms", "nplurals=2; plural=(n != 1);"),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]


def stored() -> Catalog:
    catalog = English(locale="en", charset="utf-8", fuzzy=False)
    catalog.header_comment = "# The English of intranet; Chinese is the source."
    if PO.exists():
        with PO.open("rb") as file:
            read = read_po(file, locale="en", charset="utf-8")
        for message in read:
            if message.id:
                catalog[message.id] = message
        catalog.obsolete = read.obsolete
    return catalog


def compiled(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def update() -> None:
    catalog = stored()
    catalog.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalog, width=110, sort_output=True, include_lineno=False)
    PO.with_suffix(".mo").write_bytes(compiled(stored()))


def texts(value: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [value or ""] if value is None or isinstance(value, str) else list(value)


def has_other_placeholders(source: str, translated: list[str]) -> bool:
    """The singular may drop a number ("one item"); the last form must carry them all; none may invent one."""
    given = set(PLACEHOLDER.findall(source))
    used = [set(PLACEHOLDER.findall(text)) for text in translated]
    return used[-1] != given or any(names - given for names in used)


def problems() -> list[str]:
    wanted, catalog = extracted(), stored()
    found = [f"obsolete: {message.id!r}" for message in catalog.obsolete.values()]
    found += [f"no longer used: {m.id!r}" for m in catalog if m.id and wanted.get(m.id, m.context) is None]
    for message in wanted:
        if not message.id:
            continue
        entry = catalog.get(message.id, message.context)
        if entry is None:
            found.append(f"missing: {message.id!r} ({message.locations[0][0]})")
        elif len(texts(entry.string)) != len(texts(entry.id)) or not all(texts(entry.string)):
            found.append(f"untranslated: {message.id!r}")
        elif entry.fuzzy:
            found.append(f"fuzzy: {message.id!r}")
        elif has_other_placeholders(texts(entry.id)[-1], texts(entry.string)):
            found.append(f"other placeholders in the translation: {message.id!r}")
        elif any(FULL_WIDTH.search(text) for text in texts(entry.string)):
            found.append(f"full-width punctuation in the translation: {message.id!r}")
    mo = PO.with_suffix(".mo")
    if not mo.exists() or mo.read_bytes() != compiled(catalog):
        found.append(
            "messages.mo is not the compilation of messages.po; run tools/check_catalogue.py --update"
        )
    return found


def main() -> int:
    if sys.argv[1:] == ["--update"]:
        update()
        return 0
    found = problems()
    for line in found:
        print(f"{PO.relative_to(ROOT)}: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
