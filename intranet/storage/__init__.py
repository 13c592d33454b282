"""Evidence bytes behind one small interface. Files lie under the hash of their content.

Names, owners and rights are the database's business; a store knows bytes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that have arrived but are not kept yet. size in bytes; sha256 in lower-case hex."""

    path: Path
    sha256: str
    size: int


class Store(Protocol):
    """What the application asks of a place for evidence."""

    def receive(self, stream: IO[bytes]) -> Received:
        """Read the stream to its end into a temporary place, hashing on the way."""

    def keep(self, received: Received) -> None:
        """Put received bytes in their lasting place; the same content twice is kept once."""

    def discard(self, received: Received) -> None:
        """Forget received bytes that are not wanted."""

    def arrived(self, token: str) -> int:
        """How many bytes of a file that comes in pieces are safely here."""

    def append(self, token: str, offset: int, stream: IO[bytes], most: int) -> int:
        """Write the next piece through to the disk; how many bytes are here then.

        :raises ValueError: bytes before the offset are missing.
        """

    def pieces(self, token: str) -> IO[bytes]:
        """What has arrived under a token, to read. :raises FileNotFoundError: nothing has."""

    def forget(self, token: str) -> None:
        """Remove what has arrived under a token."""

    def path(self, sha256: str) -> Path:
        """A readable file with the content. :raises FileNotFoundError: it is not here."""
