"""What must be true of a run without one rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubectl_kagent.model import revision
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SCALED_OBJECT,
    SERVICE,
)
from kubectl_kagent.model.revision import CONFIG_HASH, READY_AT, TEMPLATE_HASH
from kubectl_kagent.model.workload import RESTARTED_AT, dig
from kubectl_kagent.rbac.needs import EMPTY_UNCHECKED, UNCHECKED
from kubectl_kagent.rbac.rules import Need
from tests.permissions.cases import Case
from tests.permissions.recording import Use
from tests.permissions.running import TIMED_OUT, Done
from tests.permissions.scenes import World

Object = dict[str, Any]


def judge(need: Need, use: Use, case: Case, full: Done, seen: Done, *, asked: bool, real: bool) -> None:
    """Refused with one clear line, or done as far as that goes and the loss said once.

    ``asked``: whether it came to the rule. Only where a real controller may be quicker it need not.
    """
    assert asked or real, (use, seen)
    said = f'cannot {use.rule.verb} resource "{use.rule.resource}"'
    lines = [line for line in (seen.out + seen.err).splitlines() if said in line]
    assert len(lines) == len(set(lines)), seen  # once of each object
    if not need.without:
        assert seen.code == 6, seen
        # the smoke test comes after the rollout, of which status tells first
        assert case.until or seen.out == "" or "--smoke" in case.line, seen
        line, hint = seen.err.splitlines()[-2:]
        assert line.startswith("Error from server (Forbidden): "), seen
        assert said in line, seen
        assert hint.startswith("hint: ClusterRole kagent-"), seen
        return
    # who does not know the cause of a failure can only wait for its end
    codes = {seen.code, full.code}
    raced = real and case.racing and codes <= {0, TIMED_OUT}
    assert len(codes) == 1 or codes <= {1, TIMED_OUT} or raced, (full, seen)
    # something else stands in: KEDA's own HPA, the place where charts put the controller
    placed = need.resource is SERVICE and bool(need.elsewhere) and need.without != UNCHECKED
    replaced = need.resource is SCALED_OBJECT or placed
    # and a server of tools ends by itself the session that nobody ends
    left = need.subresource == "proxy" and use.rule.verb == "delete"
    # or what one list would have answered is asked for by name, or a namespace is known by what is in it
    known = need.without in ("asks for each by its name", EMPTY_UNCHECKED)
    if known:  # who may list in no namespace may not in all of them either, which is another rule's
        lines = [line for line in lines if "at the cluster scope" not in line]
    quiet = case.harmless or left or known or (replaced and use.rule.verb == "list")
    assert bool(lines) != (quiet or not asked) or (real and case.racing), seen


# of a revision, as soon as it is known: whoever looks first notes it
_NOTED = frozenset({CONFIG_HASH, TEMPLATE_HASH, revision.IMAGE, READY_AT})


def state(world: World, *, recording: bool) -> dict[str, Any]:
    """What people decide about the objects of the namespace; without ``recording`` the revisions too."""
    found: dict[str, Any] = {}
    kinds = (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, HPA, DEPLOYMENT)
    for resource in (*kinds, *(() if recording else (CONTROLLER_REVISION,))):
        for item in world.admin.list_objects(resource, world.admin.namespace)["items"]:
            metadata = item["metadata"]
            found[resource.label(metadata["name"])] = (
                _deployed(item["spec"])
                if resource is DEPLOYMENT
                else {
                    "annotations": _decided(metadata.get("annotations") or {}),
                    "spec": item.get("spec"),
                    "data": item.get("data"),
                }
            )
    return found


def _deployed(spec: Object) -> Object:
    """Of a Deployment what our verbs may write: the controller may still be rendering what was before."""
    annotations = dig(spec, "template", "metadata", "annotations") or {}
    return {"replicas": spec.get("replicas"), RESTARTED_AT: annotations.get(RESTARTED_AT)}


def _decided(annotations: Mapping[str, str]) -> dict[str, str]:
    """Those that people and our verbs write."""
    return {key: value for key, value in annotations.items() if key not in _NOTED}
