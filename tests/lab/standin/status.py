"""Status conditions as the controller writes them. Pure: objects in, the new status out."""

import hashlib
from datetime import UTC, datetime

from tests.lab.standin.kinds import SECRET, Key, Object, key_of
from tests.lab.standin.sources import NotFound, Sources, secret_bytes


def timestamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def agent_status(agent: Object, deployment: Object | None, error: str, now: datetime) -> Object | None:
    """The Agent's next status, or None when there is nothing to write."""
    generation = agent["metadata"]["generation"]
    conditions = _copied(agent)
    accepted = {
        "type": "Accepted",
        "status": "False" if error else "True",
        "reason": "ReconcileFailed" if error else "Reconciled",
        "message": error or "Agent configuration accepted",
        "observedGeneration": generation,
    }
    changed = _set(conditions, accepted, now)
    unsupported = _unsupported_features(agent, generation)
    # Once a condition has changed, the later ones wait for the next pass: kagent's controller
    # skips them too, so Ready may lag behind Accepted.
    if unsupported:
        changed = changed or _set(conditions, unsupported, now)
    else:
        changed = _remove(conditions, "UnsupportedFeatures") or changed
    changed = changed or _set(conditions, _ready(agent, deployment, generation), now)
    if not changed and agent.get("status", {}).get("observedGeneration") == generation:
        return None
    return {"conditions": conditions, "observedGeneration": generation}


def model_config_status(model_config: Object, sources: Sources, now: datetime) -> Object | None:
    complaints, secret_hash = _referenced_secrets(model_config, sources)
    conditions = _copied(model_config)
    condition = {
        "type": "Accepted",
        "status": "False" if complaints else "True",
        "reason": "ModelConfigReconcileFailed" if complaints else "ModelConfigReconciled",
        "message": _listed(complaints) if complaints else "Model configuration accepted",
    }
    changed = _set(conditions, condition, now)
    generation = model_config["metadata"]["generation"]
    status = model_config.get("status", {})
    if (
        not changed
        and status.get("observedGeneration") == generation
        and status.get("secretHash") == secret_hash
    ):
        return None
    return {"conditions": conditions, "observedGeneration": generation, "secretHash": secret_hash}


def tool_server_status(server: Object, tools: list[Object], error: str, now: datetime) -> Object | None:
    """A RemoteMCPServer's next status; `tools` are the ones to show, found now or before."""
    generation = server["metadata"]["generation"]
    conditions = _copied(server)
    condition = {
        "type": "Accepted",
        "status": "False" if error else "True",
        "reason": "ReconcileFailed" if error else "Reconciled",
        "message": error or "Remote MCP server configuration accepted",
        "observedGeneration": generation,
    }
    changed = _set(conditions, condition, now)
    status = server.get("status", {})
    same_tools = status.get("discoveredTools", []) == tools
    if not changed and same_tools and status.get("observedGeneration") == generation:
        return None
    written: Object = {"conditions": conditions, "observedGeneration": generation}
    return written | ({"discoveredTools": tools} if tools else {})


def is_true(obj: Object, condition_type: str) -> bool:
    conditions = obj.get("status", {}).get("conditions", [])
    return any(c["type"] == condition_type and c["status"] == "True" for c in conditions)


def _copied(obj: Object) -> list[Object]:
    return [dict(condition) for condition in obj.get("status", {}).get("conditions", [])]


def _set(conditions: list[Object], wanted: Object, now: datetime) -> bool:
    """Puts the condition in; its transition time moves only when its status does."""
    for condition in conditions:
        if condition["type"] == wanted["type"]:
            if all(condition.get(name) == value for name, value in wanted.items()):
                return False
            if condition["status"] != wanted["status"]:
                condition["lastTransitionTime"] = timestamp(now)
            condition |= wanted
            return True
    conditions.append(wanted | {"lastTransitionTime": timestamp(now)})
    return True


def _remove(conditions: list[Object], condition_type: str) -> bool:
    kept = [condition for condition in conditions if condition["type"] != condition_type]
    removed = len(kept) < len(conditions)
    conditions[:] = kept
    return removed


def _ready(agent: Object, deployment: Object | None, generation: int) -> Object:
    ready: Object = {"type": "Ready", "observedGeneration": generation}
    if deployment is None:
        message = f'Deployment.apps "{key_of(agent).name}" not found'
        return ready | {"status": "Unknown", "reason": "DeploymentNotFound", "message": message}
    available = deployment.get("status", {}).get("availableReplicas", 0)
    if available > 0:
        return ready | {"status": "True", "reason": "DeploymentReady", "message": "Deployment is ready"}
    replicas = deployment["spec"].get("replicas", 1)
    message = f"Deployment is not ready, {available}/{replicas} pods are ready"
    return ready | {"status": "False", "reason": "DeploymentNotReady", "message": message}


def _unsupported_features(agent: Object, generation: int) -> Object | None:
    declarative = agent["spec"].get("declarative") or {}
    if agent["spec"].get("type") == "BYO" or declarative.get("runtime") != "go":
        return None
    unsupported = []
    if declarative.get("executeCodeBlocks"):
        unsupported.append("code execution (executeCodeBlocks is deprecated)")
    if declarative.get("context", {}).get("compaction") is not None:
        unsupported.append("context compression/compaction (not implemented in Go runtime)")
    if not unsupported:
        return None
    message = (
        "The following features are not supported in Go runtime and will be ignored: "
        f"{', '.join(unsupported)}. Consider using runtime: python or removing these configurations."
    )
    return {
        "type": "UnsupportedFeatures",
        "status": "True",
        "reason": "UnsupportedFeatures",
        "message": message,
        "observedGeneration": generation,
    }


def _referenced_secrets(model_config: Object, sources: Sources) -> tuple[list[str], str]:
    """What is wrong with the Secrets a ModelConfig names, and one hash over those that are there."""
    spec, namespace = model_config["spec"], key_of(model_config).namespace
    names = [spec.get("apiKeySecret", ""), spec.get("tls", {}).get("caCertSecretRef", "")]
    complaints: list[str] = []
    hashed = hashlib.sha256()
    for name in sorted(name for name in names if name):
        key = Key(namespace, name)
        try:
            data = secret_bytes(sources.get(SECRET, key))
        except NotFound as error:
            complaints.append(f"failed to get secret {name}: {error}")
            continue
        hashed.update(str(key).encode())
        for field in sorted(data):
            hashed.update(field.encode() + data[field])
    return complaints, hashed.hexdigest()


def _listed(complaints: list[str]) -> str:
    """Several errors in the layout of Go's multierror, which is what the message shows."""
    count = "1 error" if len(complaints) == 1 else f"{len(complaints)} errors"
    lines = "\n\t".join(f"* {complaint}" for complaint in complaints)
    return f"{count} occurred:\n\t{lines}\n\n"
