"""Why a file has no pages in the volume."""

from __future__ import annotations


class NotShown(Exception):
    """A file that no pages can be made of; ``str()`` is the reason for people."""


class Elsewhere(NotShown):
    """A reason that lies in this server, not in the file: it is tried again next time."""
