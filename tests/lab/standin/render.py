"""The objects one Agent should have: Secret, ServiceAccount, Deployment and Service. Pure."""

import base64
import hashlib
from typing import Any

from tests.lab.standin import pod, skills
from tests.lab.standin.card import agent_card
from tests.lab.standin.config import compile_agent
from tests.lab.standin.gojson import compact
from tests.lab.standin.kinds import (
    AGENT,
    CONFIG_MAP,
    DEPLOYMENT,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
    Object,
    key_of,
)
from tests.lab.standin.settings import Settings
from tests.lab.standin.sources import NotFound, ReconcileError, Sources

CONFIG_HASH = "kagent.dev/config-hash"
PORT = 8080


def render(agent: Object, sources: Sources, settings: Settings) -> list[tuple[Kind, Object]]:
    """What the Agent should own; ReconcileError says why it can't."""
    try:
        return _render(agent, sources, settings)
    except (ReconcileError, NotFound) as error:
        raise ReconcileError(f"failed to compile agent {key_of(agent)}: {error}") from None


def selector(agent: Object) -> dict[str, str]:
    return {"app": "kagent", "kagent": key_of(agent).name}


def labels(agent: Object) -> dict[str, str]:
    own = {
        "app.kubernetes.io/managed-by": "kagent",
        "app.kubernetes.io/part-of": "kagent",
        "app.kubernetes.io/name": key_of(agent).name,
    }
    wanted: dict[str, str] = pod.deployment_settings(agent["spec"]).get("labels", {})
    return selector(agent) | own | wanted


def _render(agent: Object, sources: Sources, settings: Settings) -> list[tuple[Kind, Object]]:
    compiled = compile_agent(agent, sources)
    files = {"config.json": compact(compiled.config), "agent-card.json": agent_card(agent)}
    if pod.needs_sandbox_settings(agent["spec"]):
        files["srt-settings.json"] = pod.sandbox_settings(agent["spec"])
    fetched = skills.translate(agent, pod.RESOURCES, settings)
    config_hash = _config_hash(files, compiled.secret_hash, fetched.config if fetched else "")
    objects = [(SECRET, _object(SECRET, agent) | {"data": _encoded(files)})]
    objects += [(SERVICE_ACCOUNT, service_account) for service_account in _service_account(agent)]
    objects += [(CONFIG_MAP, _owned(skills.config_map(agent, fetched), agent))] if fetched else []
    template = pod.template(agent, compiled.env, fetched, settings)
    template["metadata"] = {
        "annotations": {
            **pod.deployment_settings(agent["spec"]).get("annotations", {}),
            CONFIG_HASH: str(config_hash),
        },
        "labels": labels(agent),
    }
    return [*objects, (DEPLOYMENT, _deployment(agent, template)), (SERVICE, _service(agent))]


def _config_hash(files: dict[str, str], secret_hash: bytes, skills_config: str) -> int:
    before = files["config.json"] + files["agent-card.json"]
    after = files.get("srt-settings.json", "") + skills_config
    digest = hashlib.sha256(before.encode() + secret_hash + after.encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _encoded(files: dict[str, str]) -> dict[str, str]:
    return {name: base64.b64encode(text.encode()).decode() for name, text in files.items()}


def _object(kind: Kind, agent: Object) -> Object:
    """A new object of the agent's name; the agent's own annotations go on every object it owns."""
    metadata = agent["metadata"]
    made = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "annotations": dict(metadata.get("annotations") or {}),
            "labels": labels(agent),
        },
    }
    return _owned(made, agent)


def _owned(obj: Object, agent: Object) -> Object:
    owner = {
        "apiVersion": AGENT.api_version,
        "kind": AGENT.name,
        "name": agent["metadata"]["name"],
        "uid": agent["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    obj["metadata"]["ownerReferences"] = [owner]
    return obj


def _service_account(agent: Object) -> list[Object]:
    spec = pod.deployment_settings(agent["spec"])
    if spec.get("serviceAccountName", key_of(agent).name) != key_of(agent).name:
        return []
    account = _object(SERVICE_ACCOUNT, agent)
    extra = spec.get("serviceAccountConfig", {})
    account["metadata"]["labels"] |= extra.get("labels", {})
    account["metadata"]["annotations"] |= extra.get("annotations", {})
    return [account]


def _deployment(agent: Object, template: Object) -> Object:
    spec = pod.deployment_settings(agent["spec"])
    deployment = _object(DEPLOYMENT, agent)
    deployment["metadata"]["annotations"] |= spec.get("deploymentAnnotations", {})
    deployment["spec"] = {
        "selector": {"matchLabels": selector(agent)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": template,
    }
    if spec.get("replicas") is not None:
        deployment["spec"]["replicas"] = spec["replicas"]
    return deployment


def _service(agent: Object) -> Object:
    spec = agent["spec"]
    port: dict[str, Any] = {"name": "http", "port": PORT, "targetPort": PORT}
    if spec.get("type") == "BYO" or "a2aConfig" in spec.get("declarative", {}):
        port["appProtocol"] = "kgateway.dev/a2a"
    return _object(SERVICE, agent) | {
        "spec": {"selector": selector(agent), "ports": [port], "type": "ClusterIP"}
    }
