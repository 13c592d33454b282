"""Where a file belongs, guessed from its name: the code or number it begins with, and the words of the places.

Pure. A guess is for a person to confirm; where the name does not say enough there is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os.path import splitext

ENOUGH = 0.55
"""Least score without a code: about half of a label's own words."""
AHEAD = 0.12
"""How far the best place must be ahead of the next one."""
SAID = 0.15
"""Least score among the places of one code."""
NUMBER = 0.3
"""What a bare number at the start adds: it may as well be the person's own numbering of files."""
TITLE = 0.3
"""What the title of the clause adds, where it says more than the label, said in full."""

_CODE = re.compile(
    r"""^[\W_]*第?
    (?P<code>[A-Za-z]{0,2}\d{1,3}(?!\d)(?:\.\d{1,2}(?!\d))*(?:[a-z]{1,2}(?![A-Za-z]))?)
    (?:[-_—#](?P<n>\d{1,2})(?!\d|\.\d|[-_—]\d))?
    (?!\s*[年月日号次届份名人所个期级])
    """,
    re.VERBOSE,
)
_COPY = re.compile(r"[\s_-]*(?:[(（]\d+[)）]|副本|扫描件?|复印件?|最终版?|定稿)+$")


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere a file may go. code: of its clause, page, no: code and printed number of its indicator.

    n: which material of the clause, from 1; 0 for a free place, which no label names. title: of the clause.
    """

    ref: str
    code: str
    page: str
    no: str
    label: str
    n: int = 0
    title: str = ""
    is_missing: bool = False


def suggest(names: Iterable[str], places: Sequence[Place]) -> list[str | None]:
    """The ref of the place for each file name, None where the name does not say enough.

    :param names: with their endings; :param places: the order decides nothing.
    """
    weights = _weights(p.label for p in places if p.n)
    return [_suggest(name, places, weights) for name in names]


def _suggest(name: str, places: Sequence[Place], weights: dict[str, float]) -> str | None:
    stem = _COPY.sub("", unicodedata.normalize("NFKC", splitext(name)[0]).strip())
    found = _CODE.match(stem)
    code, n = (found["code"].casefold(), int(found["n"] or 0)) if found else ("", 0)
    rest = stem[found.end() :] if found else stem
    scores = {p.ref: _alike(rest, p, weights) for p in places if p.n}
    if code and not code.isdigit():
        of_code = [p for p in places if _has_code(p, code)]
        at_n = [p for p in places if n and p.n == n and p.code.casefold() in {code, f"{code}.{n}"}]
        below = [p for p in places if n and _has_code(p, f"{code}.{n}")]
        exact = [p for p in of_code if p.code.casefold() == code]
        labelled = [p for p in exact if p.n] or ([] if any(p.n for p in of_code) else exact)
        for candidates in (at_n, below, labelled, of_code):
            if candidates:
                return _among(candidates, scores)
    elif code:
        for p in places:
            if p.ref in scores and p.no.casefold() == code:
                scores[p.ref] += NUMBER
    best = _best(places, scores)
    return best if best is not None and scores[best] >= ENOUGH else None


def _has_code(place: Place, code: str) -> bool:
    """Whether a code names the place's clause, one above it, or its indicator; its letters may be left out."""
    full = place.code.casefold()
    for known in (full, full.lstrip("abcdefghijklmnopqrstuvwxyz") if "." in code else full):
        if known.startswith(code) and not known[len(code) :][:1].isdigit():
            return True
    return code in {place.page.casefold(), place.no.casefold()}


def _among(candidates: Sequence[Place], scores: dict[str, float]) -> str | None:
    """The one that a code names; of several, the one whose label the rest of the name tells best."""
    named = [p for p in candidates if p.n]
    if len(named or candidates) == 1:
        return (named or candidates)[0].ref
    if not named:
        return None
    best = _best(named, {p.ref: scores[p.ref] for p in named}, ahead=AHEAD / 2)
    return best if best is not None and scores[best] >= SAID else None


def _best(places: Sequence[Place], scores: dict[str, float], *, ahead: float = AHEAD) -> str | None:
    """The highest score that is ahead of the next; of equal ones, the only one that is still missing."""
    if not scores:
        return None
    top = max(scores.values())
    near = [ref for ref, score in scores.items() if score > top - ahead]
    if len(near) == 1:
        return near[0]
    missing = {p.ref for p in places if p.is_missing}
    open_ = [ref for ref in near if ref in missing and scores[ref] == top]
    return open_[0] if len(open_) == 1 and all(r in open_ or r not in missing for r in near) else None


# --- words ---------------------------------------------------------------------------------------


def _pairs(text: str) -> set[str]:
    """Neighbouring characters, letters and digits alone: words of a language without spaces."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())
    return {plain[i : i + 2] for i in range(len(plain) - 1)}


def _weights(labels: Iterable[str]) -> dict[str, float]:
    """How much a pair tells: one that stands in many labels (方案, 材料) tells little."""
    counts = Counter(pair for label in set(labels) for pair in _pairs(label))
    return {pair: 1 / count for pair, count in counts.items()}


def _alike(name: str, place: Place, weights: dict[str, float]) -> float:
    """How much of the label the name says, or nearly as good, how much of the name is the label: 0 to 1.3."""
    said, label = _pairs(name), _pairs(place.label)
    if not label:
        return 0.0
    both = _sum(said & label, weights)
    of_label = both / _sum(label, weights)
    of_name = 0.85 * both / _sum(said, weights) if len(said) >= 3 else 0.0
    title = _pairs(place.title) - label
    bonus = TITLE * len(said & title) / len(title) if title else 0.0
    return max(of_label, of_name) + bonus


def _sum(pairs: Iterable[str], weights: dict[str, float]) -> float:
    """A pair that no label has (a school's name, a date) tells half as much as one that one label has."""
    return sum(weights.get(pair, 0.5) for pair in pairs)
