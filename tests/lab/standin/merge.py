"""How a rendered object goes over the one that is already there: what is replaced, what is kept."""

import copy
from typing import Any

from tests.lab.standin.kinds import CONFIG_MAP, DEPLOYMENT, SECRET, SERVICE, Kind, Object


def merge(kind: Kind, existing: Object, desired: Object) -> Object:
    """The existing object, changed the way the controller changes it; neither argument is touched."""
    merged, wanted = copy.deepcopy(existing), copy.deepcopy(desired)
    _add(merged["metadata"], wanted["metadata"])
    merged["metadata"]["ownerReferences"] = wanted["metadata"]["ownerReferences"]
    if kind in (SECRET, CONFIG_MAP):
        merged["data"] = wanted.get("data")
    elif kind is SERVICE:
        merged["spec"]["ports"] = wanted["spec"]["ports"]
        merged["spec"]["selector"] = wanted["spec"]["selector"]
    elif kind is DEPLOYMENT:
        _merge_deployment(merged["spec"], wanted["spec"])
    return merged


def _merge_deployment(spec: dict[str, Any], wanted: dict[str, Any]) -> None:
    # Replicas stay whoever's they are (an autoscaler's, say) unless the Agent sets them.
    if "replicas" in wanted:
        spec["replicas"] = wanted["replicas"]
    spec["strategy"] = wanted["strategy"]
    for unset in ("paused", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit"):
        spec.pop(unset, None)
    # Labels and annotations of the template are kept (restartedAt is one of them), its spec is not.
    _add(spec["template"].setdefault("metadata", {}), wanted["template"]["metadata"])
    spec["template"]["spec"] = wanted["template"]["spec"]


def _add(metadata: dict[str, Any], wanted: dict[str, Any]) -> None:
    for field in ("annotations", "labels"):
        metadata[field] = (metadata.get(field) or {}) | wanted[field]
