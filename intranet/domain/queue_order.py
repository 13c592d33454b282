"""The order of one reviewer's queue: shuffled for each, so that nobody always scores the same unit first.

The order is made from what stays (ids and codes), so it is the same at every visit, on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from intranet.domain.standing import Item


def shuffled(items: Sequence[Item], user_id: int, cycle_id: int, *, by: str) -> list[Item]:
    """By indicator: indicators as printed, the units of each in an order of its own. By unit: the units in
    the reviewer's order, the indicators of each as printed."""
    if by == "unit":
        return sorted(items, key=lambda i: _place(user_id, cycle_id, "", i.entry.code))
    printed = {code: n for n, code in enumerate(dict.fromkeys(i.indicator.code for i in items))}
    return sorted(
        items,
        key=lambda i: (
            printed[i.indicator.code],
            _place(user_id, cycle_id, i.indicator.code, i.entry.code),
        ),
    )


def _place(user_id: int, cycle_id: int, indicator: str, unit: str) -> bytes:
    return hashlib.sha256(f"{user_id}\n{cycle_id}\n{indicator}\n{unit}".encode()).digest()
