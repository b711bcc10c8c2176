"""Each form under a part of the faults: nothing is claimed that is not so, and no change is hidden."""

from __future__ import annotations

import pytest

from tests.soak import campaign
from tests.soak.forms import FORMS, find

# of the 39 faults that each request meets; prime to their number, so that each kind comes at some request
_STEP = 17
_STEP_WITHOUT_END = 59  # these ask a hundred times, and each run of theirs waits until nothing more is asked


@pytest.mark.parametrize("line", [form.line for form in FORMS])
def test_a_fault_is_told_as_it_is(line: str) -> None:
    step = _STEP_WITHOUT_END if find(line).enough else _STEP
    assert campaign.faults(line, step).seen == []
