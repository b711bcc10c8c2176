"""What a merge patch makes of an object, as the API server does it."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.model.merge_patch import merged

OBJ: dict[str, Any] = {"metadata": {"annotations": {"a": "1"}}, "spec": {"image": "x", "list": [1, 2]}}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, OBJ),
        ({"spec": {"replicas": 3}}, {**OBJ, "spec": {"image": "x", "list": [1, 2], "replicas": 3}}),
        ({"spec": {"list": [3]}}, {**OBJ, "spec": {"image": "x", "list": [3]}}),
        ({"metadata": {"annotations": {"a": None}}}, {**OBJ, "metadata": {"annotations": {}}}),
        ({"spec": None}, {"metadata": OBJ["metadata"]}),
        ({"spec": {"new": {"a": None, "b": 1}}}, {**OBJ, "spec": {**OBJ["spec"], "new": {"b": 1}}}),
        ({"spec": {"image": {"name": "y"}}}, {**OBJ, "spec": {"image": {"name": "y"}, "list": [1, 2]}}),
    ],
)
def test_merged(patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merged(OBJ, patch) == expected
    assert OBJ["spec"] == {"image": "x", "list": [1, 2]}
