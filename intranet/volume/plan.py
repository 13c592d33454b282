"""What goes into a volume: cover words, sections in the notice's order, documents by number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Document:
    """One file. path: where its bytes lie, "" if they are not there."""

    number: int
    name: str
    media_type: str
    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class Material:
    """One material the notice names. state: there, miss, absent (确实没有) or na (不适用)."""

    label: str
    numbers: tuple[int, ...]
    state: str


@dataclass(frozen=True, slots=True)
class Section:
    """One indicator. documents: numbers in order; one that an earlier section has is only referred to."""

    code: str
    number: str
    title: str
    text: str
    materials: tuple[Material, ...]
    documents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    title: str
    unit: str
    cycle: str
    notice: str
    bureau: str
    date_text: str
    sections: tuple[Section, ...]
    documents: tuple[Document, ...]
    pictures: int = 1  # photographs of one section to a page: 1, 2 or 4

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The plan that :meth:`to_json` gave, also after a way through JSON text."""
        sections = tuple(
            Section(
                **{
                    **s,
                    "materials": tuple(
                        Material(**{**m, "numbers": tuple(m["numbers"])}) for m in s["materials"]
                    ),
                    "documents": tuple(s["documents"]),
                }
            )
            for s in data["sections"]
        )
        documents = tuple(Document(**d) for d in data["documents"])
        return cls(**{**data, "sections": sections, "documents": documents})


def fingerprint(plan: Plan) -> str:
    """sha256 over everything that shows in the volume; where the bytes lie makes no difference."""
    said = plan.to_json()
    for document in said["documents"]:
        del document["path"]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
