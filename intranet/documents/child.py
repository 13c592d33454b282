"""Readers of foreign files run in a process of their own, which ends instead of the server.

A file of a few kB can make a reader claim a GB, and a count that lies makes it abort.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

SECONDS = 30


class Failed(Exception):
    """The reader gave up, was stopped, or died."""


def read(program: str, source: bytes | IO[bytes], *arguments: str, seconds: int = SECONDS) -> bytes:
    """What a program beside this module writes to standard output, given the file on standard input.

    The program imports nothing of ours and limits its own memory.

    :raises Failed: it took too long or ended with an error.
    """
    command = [sys.executable, "-I", str(Path(__file__).with_name(program)), *arguments]
    given: dict[str, object] = {"input": source} if isinstance(source, bytes) else {"stdin": source}
    try:
        done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603 - our own program, no shell
            command, capture_output=True, timeout=seconds, check=True, **given
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise Failed from error
    output: bytes = done.stdout
    return output
