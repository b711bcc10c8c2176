"""Whose an object is."""

from __future__ import annotations

import pytest

from kubectl_kagent.model.resources import SERVICE
from kubectl_kagent.observe.removal import Installed


@pytest.mark.parametrize(
    ("entries", "ours"),
    [
        (None, False),
        ([], False),
        ([{"manager": "us", "operation": "Update"}], False),
        ([{"manager": "them", "operation": "Apply"}], False),
        ([{"manager": "them", "operation": "Apply"}, {"manager": "us", "operation": "Apply"}], True),
        ([{}], False),
    ],
)
def test_only_what_our_manager_applied_is_ours(entries: list[dict[str, str]] | None, *, ours: bool) -> None:
    item = Installed(SERVICE, {"metadata": {"name": "x", "managedFields": entries}})
    assert item.is_applied_by("us") == ours
