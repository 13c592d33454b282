"""May it happen now: what the refusal says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from intranet.domain.phases import require_filing
from intranet.enums import CycleState, SubmissionState
from intranet.errors import DomainError
from intranet.models import Cycle, Entry, Return

NOW = datetime(2031, 5, 6, tzinfo=UTC)


def test_returned_indicators_are_named_as_printed_and_in_their_order() -> None:
    cycle = Cycle(title="示例", rubric_key="r", state=CycleState.REVIEW)
    entry = Entry(cycle_id=1, unit_id=1, state=SubmissionState.RETURNED)
    back = [Return(entry_id=1, round=1, codes=["C4", "C10"]), Return(entry_id=1, round=1, codes=["C5"])]
    require_filing(cycle, entry, back, NOW, indicator="C10")
    with pytest.raises(DomainError, match="只退回了 4、10、5，其他指标仍然锁定。"):
        require_filing(cycle, entry, back, NOW, indicator="C1", printed=lambda code: code[1:])
