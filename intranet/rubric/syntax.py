"""What is wrong with a file that is not TOML, in words an official can act on."""

from __future__ import annotations

import re
import tomllib

from ..i18n import _
from .source import Finding, Source

_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*("|$)|\'[^\']*(\'|$)|#.*')  # a quote left open runs to the end


def explain(error: tomllib.TOMLDecodeError, where: Source) -> Finding:
    """The error with its line and, where it is one of the usual ones, its cause and remedy."""
    text = str(error)
    found = _AT_LINE.search(text)
    lines = where.text.splitlines() or [""]
    row = int(found[1]) if found and found[1] else len(lines)
    bare = _QUOTED.sub("", lines[min(row, len(lines)) - 1])
    cause = next((said for start, said in _causes().items() if text.startswith(start)), "")
    cause = cause or (text[: found.start()] if found else text)
    remedy = _("请对照前后几行改正")
    if re.search(r"[“”‘’＝，｛｝［］]", bare):
        remedy = _("这一行有全角的引号、等号、逗号或括号，请改成半角")
    elif re.search(r"[^\x00-\x7f]", bare):
        remedy = _('中文的键和值都要加半角引号，如 {"省级" = 1.5}')
    elif text.startswith("Invalid initial character") and bare.count("{") > bare.count("}"):
        cause, remedy = _("花括号 { } 里不能换行"), _("请写在一行里，或改用 [[表头]] 的写法")
    message = _("TOML 写法有误（%(cause)s）: %(remedy)s", cause=cause, remedy=remedy)
    return Finding("error", row, "", message, where.name)


def _causes() -> dict[str, str]:
    """Beginnings of tomllib's messages."""
    return {
        "Unclosed array": _("方括号 [ 没有收尾"),
        "Unterminated string": _("引号没有收尾"),
        "Cannot overwrite a value": _("同一个键写了两次"),
        "Cannot declare": _("同一个表头写了两次"),
        "Duplicate inline table key": _("花括号里同一个键写了两次"),
        "Invalid value": _("等号后面的值不能识别"),
        "Invalid initial character": _("键的写法不能识别"),
        "Expected '=' after a key": _("键后面缺少等号"),
        "Unescaped '\\'": _("反斜杠要写成两个"),
        "Illegal character": _("引号里不能直接换行，或有看不见的控制字符"),
        "Expected newline or end of document": _("一行写完后还有多余的内容"),
        "Unclosed inline table": _("花括号 { 没有收尾"),
    }
