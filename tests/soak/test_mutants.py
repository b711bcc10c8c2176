"""Each form with some answers that are not as they should be: what is none of its kind is explained."""

from __future__ import annotations

import pytest

from tests.soak import campaign
from tests.soak.forms import FORMS

_COUNT = 12


@pytest.mark.parametrize("line", [form.line for form in FORMS])
def test_an_answer_that_is_none_is_explained(line: str) -> None:
    assert campaign.mutants(line, _COUNT).seen == []
