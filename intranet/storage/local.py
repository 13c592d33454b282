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
_TOKEN = re.compile(r"[0-9a-f]{32}\Z")


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

    # --- files that arrive in pieces: .incoming/<token>, as long as what has come so far -----------

    def arrived(self, token: str) -> int:
        """Bytes that are safely here; 0 if none, or if the file was swept."""
        try:
            return self._piece(token).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, token: str, offset: int, stream: IO[bytes], most: int) -> int:
        """Write at most ``most`` bytes from ``offset`` on and through to the disk; how many are here then.

        What came before the stream broke stays. :raises ValueError: offset lies behind the end.
        """
        self._incoming.mkdir(parents=True, exist_ok=True)
        path = self._piece(token)
        with open(path, "r+b" if path.exists() else "xb") as file:
            if offset > file.seek(0, os.SEEK_END):
                raise ValueError("a gap")
            file.seek(offset)
            try:
                while most > 0 and (chunk := stream.read(min(CHUNK, most))):
                    file.write(chunk)
                    most -= len(chunk)
            finally:
                file.flush()
                os.fsync(file.fileno())
        return path.stat().st_size

    def pieces(self, token: str) -> IO[bytes]:
        """What has arrived, to read. :raises FileNotFoundError: nothing has."""
        return self._piece(token).open("rb")

    def forget(self, token: str) -> None:
        """Remove what has arrived."""
        self._piece(token).unlink(missing_ok=True)

    def _piece(self, token: str) -> Path:
        if not _TOKEN.match(token):
            raise ValueError("not a token")
        return self._incoming / token

    # --- what is kept --------------------------------------------------------------------------------

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
