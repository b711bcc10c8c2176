"""Who may use an object from another namespace: kagent's ``allowedNamespaces``, judged as kagent does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubectl_kagent.model.workload import dig

Labels = Mapping[str, str]


def allows(obj: Mapping[str, Any], namespace: str, labels: Callable[[], Labels]) -> bool:
    """Whether workloads of ``namespace`` may use ``obj``; ``labels`` are that namespace's.

    They are asked for only where a selector needs them. What kagent would refuse to read is not allowed.
    """
    if obj["metadata"].get("namespace") == namespace:
        return True
    rule = dig(obj, "spec", "allowedNamespaces")
    match dig(rule, "from"):
        case "All":
            return True
        case "Selector":
            selector = dig(rule, "selector")
            return isinstance(selector, Mapping) and matches(selector, labels())
        case _:
            return False


def matches(selector: Mapping[str, Any], labels: Labels) -> bool:
    """A Kubernetes label selector: all of it must hold, and an empty one holds for everything."""
    equal = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in equal.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _holds(expression: Mapping[str, Any], labels: Labels) -> bool:
    key, values = str(expression.get("key")), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return bool(values) and (key not in labels or labels[key] not in values)
        case "Exists":
            return key in labels and not values
        case "DoesNotExist":
            return key not in labels and not values
        case _:
            return False
