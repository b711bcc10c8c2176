"""The options of the last install, kept in an annotation of the bundle for the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kubectl_kagent.model.resources import CONFIG_MAP
from kubectl_kagent.model.workload import dig
from kubectl_kagent.shell import command_line

Object = dict[str, Any]

ANNOTATION = "kubectl-kagent/observe-options"  # a list in JSON of words like --tenant=team-a
# A ConfigMap: always there, in the bundle's own namespace, and its pods don't mind.
HOLDER = "kagent-collector"


def annotated(items: Sequence[Object], options: Sequence[str]) -> list[Object]:
    """The objects, of which the ConfigMap has the options; without any they are as they were."""
    return [_with(item, options) if options and is_holder(item) else item for item in items]


def is_holder(item: Mapping[str, Any]) -> bool:
    """Whether it is the object that has them."""
    return (item["kind"], item["metadata"]["name"]) == (CONFIG_MAP.kind, HOLDER)


def _with(item: Object, options: Sequence[str]) -> Object:
    annotations = {**(item["metadata"].get("annotations") or {}), ANNOTATION: json.dumps([*options])}
    return {**item, "metadata": {**item["metadata"], "annotations": annotations}}


def recorded(config_map: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What the ConfigMap of a cluster says; empty where it says nothing that install writes."""
    try:
        found = json.loads(str(dig(config_map or {}, "metadata", "annotations", ANNOTATION)))
    except ValueError:
        return ()
    words = found if isinstance(found, list) else ()
    return tuple(word for word in words if isinstance(word, str) and word.startswith("--"))


def left_out(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Those of ``before`` that ``now`` does not have, with whatever value."""
    given = {_name(word) for word in now}
    return [word for word in before if _name(word) not in given]


def command(verb: str, namespace: str, usual: str, options: Sequence[str]) -> str:
    """``kubectl kagent observe VERB`` as it is typed; the namespace unless it is the ``usual`` one."""
    place = () if namespace == usual else ("-n", namespace)
    return command_line(f"kubectl kagent observe {verb}", *place, *options)


def _name(word: str) -> str:
    return word.partition("=")[0]
