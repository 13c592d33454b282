"""Read every template and refuse what the house rules forbid.

Two looks at each file. The syntax tree shows expressions: `|safe`, autoescape switched off, Chinese text
that no translation function takes. The file with its expressions blanked out is read as HTML: inline style
and script, event handlers, outside addresses, forms without a token, Chinese text standing in the open.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, nodes

ROOT = Path(__file__).resolve().parent.parent
CJK = re.compile(r"[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")
TRANSLATORS = {"_", "gettext", "ngettext", "pgettext", "npgettext", "lazy"}
HTMX_WRITES = {"hx-post", "hx-put", "hx-patch", "hx-delete"}
CSRF_TAG = "x-csrf-field"
Problem = tuple[int, str]

environment = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)


def expression_problems(node: nodes.Node, translated: bool = False) -> Iterator[Problem]:
    if isinstance(node, nodes.Filter) and node.name == "safe":
        yield node.lineno, "|safe"
    if isinstance(node, nodes.EvalContextModifier | nodes.MarkSafe):
        yield node.lineno, "autoescape switched by hand"
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        if node.node.name == "Markup":
            yield node.lineno, "Markup() in a template"
        translated = translated or node.node.name in TRANSLATORS
    if (
        isinstance(node, nodes.Const)
        and isinstance(node.value, str)
        and CJK.search(node.value)
        and not translated
    ):
        yield node.lineno, f"untranslated text: {node.value.strip()[:30]}"
    for child in node.iter_child_nodes():
        yield from expression_problems(child, translated)


def skeleton(source: str) -> str:
    """The template as HTML: expressions blanked, comments and {% trans %} bodies gone, line numbers kept."""
    parts: list[str] = []
    inside = ""  # the kind of tag being read
    words: list[str] = []
    in_trans = False
    for _, kind, text in environment.lex(source):
        lines = "\n" * text.count("\n")
        if kind in ("variable_begin", "block_begin"):
            inside, words = kind.removesuffix("_begin"), []
            parts.append(lines)
        elif kind in ("variable_end", "block_end"):
            if inside == "block" and words[:1] in (["trans"], ["endtrans"]):
                in_trans = words[0] == "trans"
            if inside == "variable":
                parts.append(f"<{CSRF_TAG}>" if words[:1] == ["csrf_field"] else "x")
            inside = ""
            parts.append(lines)
        elif inside or kind.startswith(("comment", "raw", "linecomment")):
            if kind != "whitespace":
                words.append(text)
            parts.append(lines)
        else:
            parts.append(lines if in_trans else text)
    return "".join(parts)


class Page(HTMLParser):
    """Collects what stands in the HTML of one template."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Problem] = []
        self.open_form: int | None = None  # the line of a POST form still without its token

    def report(self, message: str, line: int | None = None) -> None:
        self.found.append((line or self.getpos()[0], message))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == CSRF_TAG:
            self.open_form = None
        if tag == "style":
            self.report("<style>")
        # a block of JSON is data: no browser runs it, and `tojson` lets no `<` through
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.report("<script> without src")
        for name, value in given.items():
            self.look_at(name, value.strip())
        if tag == "form":
            posts = given.get("method", "").lower() == "post"
            if HTMX_WRITES & given.keys() and not posts:
                self.report('a form that writes through htmx also needs method="post" and action')
            self.open_form = self.getpos()[0] if posts else None

    def look_at(self, name: str, value: str) -> None:
        if name == "style":
            self.report("style=")
        if re.fullmatch(r"on[a-z]+", name):
            self.report(f"{name}=")
        if name.removeprefix("data-").startswith("hx-on"):
            self.report(f"{name}: needs eval")
        if re.match(r"(?i)(javascript|js|vbscript|data):", value):
            self.report(f"{name}={value[:20]}")
        if name in ("src", "href", "action") and re.match(r"(?i)(https?:)?//", value):
            self.report(f"{name}: an address outside this site")
        if name == "hx-trigger" and "[" in value:
            self.report("hx-trigger with a filter: needs eval")
        if CJK.search(value):
            self.report(f"untranslated text in {name}: {value[:30]}")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.open_form is not None:
            self.report("a POST form without {{ csrf_field() }}", self.open_form)
            self.open_form = None

    def handle_data(self, data: str) -> None:
        for offset, text in enumerate(data.split("\n")):
            if CJK.search(text):
                self.report(f"untranslated text: {text.strip()[:30]}", self.getpos()[0] + offset)


def problems(source: str) -> list[Problem]:
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        return [(error.lineno, error.message or "syntax error")]
    page = Page()
    page.feed(skeleton(source))
    page.close()
    if page.open_form is not None:
        page.report("a form that does not end in this file", page.open_form)
    return sorted({*expression_problems(tree), *page.found})


def main() -> int:
    found = 0
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for line, message in problems(path.read_text("utf-8")):
            print(f"{path.relative_to(ROOT)}:{line}: {message}", file=sys.stderr)
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
