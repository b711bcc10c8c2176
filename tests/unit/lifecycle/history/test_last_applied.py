"""What an undo adds to the last applied configuration, for the next kubectl apply to remove it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubectl_kagent.lifecycle.history.last_applied import noted, noting, only_in, paths

Object = dict[str, Any]
KEY = "kubectl.kubernetes.io/last-applied-configuration"


def applied(text: str | None) -> Object:
    return {"metadata": {"annotations": None if text is None else {KEY: text}}}


def test_what_comes_back_is_added_and_the_rest_stays_as_it_was_applied() -> None:
    obj = applied('{"kind":"Agent","spec":{"a":{"x":1},"c":2}}\n')
    gained = {"spec": {"a": {"y": "\N{EURO SIGN}"}, "b": {"z": [1]}}}
    assert noting(obj, gained) == [
        {
            "op": "replace",
            "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
            "value": '{"kind":"Agent","spec":{"a":{"x":1,"y":"\N{EURO SIGN}"},"b":{"z":[1]},"c":2}}\n',
        }
    ]


@pytest.mark.parametrize(
    ("text", "value"), [('{"spec":{"a":"text"}}', {"y": 1}), ('{"spec":{"a":{"x":1}}}', "text"), ("{}", {})]
)
def test_what_is_of_another_shape_is_replaced(text: str, value: Any) -> None:
    changed = noted(applied(text), {"spec": {"a": value}})
    assert json.loads(changed or "") == {"spec": {"a": value}}


@pytest.mark.parametrize("text", [None, "", "no JSON", "[]", "null", "[" * 100_000])
def test_without_a_configuration_that_can_be_read_nothing_is_noted(text: str | None) -> None:
    assert noted(applied(text), {"spec": {"a": 1}}) is None
    assert noting(applied(text), {"spec": {"a": 1}}) == []


def test_an_undo_that_brings_nothing_back_leaves_it_alone() -> None:
    assert noted(applied("{}"), {}) is None
    assert noted({"metadata": {}}, {"spec": {"a": 1}}) is None


def test_only_fields_that_were_not_there_count_and_a_list_is_one_value() -> None:
    after = {"same": 1, "other": 2, "list": [1, 2], "new": None, "map": {"old": 1, "more": {"x": 1}}, "e": {}}
    before = {"same": 1, "other": 3, "list": [1], "map": {"old": 0}, "gone": 1}
    assert only_in(after, before) == {"new": None, "map": {"more": {"x": 1}}, "e": {}}
    assert list(paths(only_in(after, before), "spec.")) == ["spec.new", "spec.map.more.x", "spec.e"]
