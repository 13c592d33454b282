"""Evidence on the local disk: ``<folder>/<aa>/<sha256>``, written so that a power cut loses nothing."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import IO

from . import Received

CHUNK = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class LocalStore:
    """One folder. Arriving files wait in ``.incoming`` on the same disk, so that keeping is one rename."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._incoming = folder / ".incoming"

    def receive(self, stream: IO[bytes]) -> Received:
        self._incoming.mkdir(parents=True, exist_ok=True)
        path = self._incoming / secrets.token_hex(16)
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("xb") as file:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Received(path, digest.hexdigest(), size)

    def keep(self, received: Received) -> None:
        target = self._place(received.sha256)
        if target.exists():
            self.discard(received)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(received.path, target)
        _sync(target.parent)

    def discard(self, received: Received) -> None:
        received.path.unlink(missing_ok=True)

    def sweep(self, older_than: float) -> int:
        """Remove what a crash left half-received: files begun before this time (POSIX seconds). How many."""
        left = [p for p in self._incoming.glob("*") if p.stat().st_mtime < older_than]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def path(self, sha256: str) -> Path:
        target = self._place(sha256)
        if not target.is_file():
            raise FileNotFoundError(target.name)
        return target

    def _place(self, sha256: str) -> Path:
        if not _SHA256.match(sha256):
            raise ValueError("not a sha256")
        return self.folder / sha256[:2] / sha256


def _sync(folder: Path) -> None:
    """The name of a new file is on the disk only once its folder is. Windows has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
