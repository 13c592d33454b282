from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from intranet.storage import accepted
from intranet.volume.plan import Document
from tests.unit.volume.ground import Put


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def one(number: int, name: str, data: bytes) -> Document:
        path = tmp_path / "in" / str(number)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        kind = accepted.MEDIA_TYPES.get(accepted.ending(name), "")
        return Document(number, name, kind, hashlib.sha256(data).hexdigest(), str(path))

    return one
