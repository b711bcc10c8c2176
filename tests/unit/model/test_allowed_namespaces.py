"""allowedNamespaces as kagent's controller judges it (go/api/v1alpha2/common_types.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kubectl_kagent.model.allowed_namespaces import allows

Object = dict[str, Any]
LABELS = {"team": "a", "tier": "gold"}


def judged(rule: Object | None, namespace: str = "team-a", labels: Mapping[str, str] = LABELS) -> bool:
    spec = {} if rule is None else {"allowedNamespaces": rule}
    return allows({"metadata": {"namespace": "tools"}, "spec": spec}, namespace, lambda: labels)


def selector(*expressions: Object, **match: str) -> Object:
    found: Object = {"matchLabels": match} if match else {}
    if expressions:
        found["matchExpressions"] = list(expressions)
    return {"from": "Selector", "selector": found}


def expression(key: str, operator: str, *values: str) -> Object:
    return {"key": key, "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    "rule", [None, {}, {"from": ""}, {"from": "Same"}, {"from": "None"}, {"from": "all"}]
)
def test_only_its_own_namespace_unless_it_says_more(rule: Object | None) -> None:
    assert not judged(rule)
    assert judged(rule, namespace="tools")


def test_all_is_everybody() -> None:
    assert judged({"from": "All"})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (selector(), True),  # an empty selector holds for everything
        (selector(team="a"), True),
        (selector(team="a", tier="gold"), True),
        (selector(team="a", tier="silver"), False),
        (selector(missing="a"), False),
        (selector(expression("team", "In", "b", "a")), True),
        (selector(expression("team", "In", "b")), False),
        (selector(expression("missing", "In", "a")), False),
        (selector(expression("team", "NotIn", "b")), True),
        (selector(expression("team", "NotIn", "a")), False),
        (selector(expression("missing", "NotIn", "a")), True),
        (selector(expression("team", "Exists")), True),
        (selector(expression("missing", "Exists")), False),
        (selector(expression("team", "DoesNotExist")), False),
        (selector(expression("missing", "DoesNotExist")), True),
        (selector(expression("team", "Exists"), tier="silver"), False),
        (selector(expression("team", "Exists"), expression("tier", "In", "silver")), False),
    ],
)
def test_a_selector_is_about_the_labels_of_the_namespace(rule: Object, *, expected: bool) -> None:
    assert judged(rule) == expected


@pytest.mark.parametrize(
    "rule",
    [
        {"from": "Selector"},
        {"from": "Selector", "selector": None},
        selector(expression("team", "in", "a")),
        selector(expression("team", "In")),
        selector(expression("team", "NotIn")),
        selector(expression("team", "Exists", "a")),
        selector(expression("missing", "DoesNotExist", "a")),
        selector({"key": "team"}),
    ],
)
def test_what_kagent_refuses_to_read_allows_nobody(rule: Object) -> None:
    assert not judged(rule)


def test_labels_are_asked_for_only_by_a_selector() -> None:
    def never() -> Mapping[str, str]:
        raise AssertionError("asked")

    for rule in ({"from": "All"}, {"from": "Same"}, {}):
        allows({"metadata": {"namespace": "tools"}, "spec": {"allowedNamespaces": rule}}, "team-a", never)
