"""Agents, MCP servers and what they are made from, and how to see what the controllers made of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.errors import NotFound
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    Resource,
)
from kubectl_kagent.model.workload import AGENT_CONFIG_HASH, MCP_CONFIG_HASH, Workload, dig
from tests.cluster.conftest import MODEL_URL, wait_for

Object = dict[str, Any]

IMAGE = "lab.local/byo-agent:lab"
MANAGER = "the-test"
SECRET = Resource("", "v1", "secrets", "Secret")
# No node has this label: pods are wanted and counted, and none ever starts.
_NOWHERE = {"lab.local/nowhere": "true"}
_RESOURCES = {"requests": {"cpu": "10m", "memory": "16Mi"}}
_BY_KIND = {
    item.kind: item for item in (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, CONFIG_MAP, SECRET)
}


def _object(resource: Resource, name: str, **body: Any) -> Object:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}, **body}


def byo(name: str, **deployment: Any) -> Object:
    """An agent whose pods really start, in about 16 seconds (kagent probes them every 15)."""
    settings = {"image": IMAGE, "imagePullPolicy": "Never", "resources": _RESOURCES} | deployment
    return _object(
        AGENT, name, spec={"type": "BYO", "description": "a test", "byo": {"deployment": settings}}
    )


def parked(name: str, **deployment: Any) -> Object:
    """An agent of which any number of pods may be wanted: they all stay pending."""
    return byo(name, nodeSelector=_NOWHERE, **deployment)


def declarative(name: str, *, replicas: int = 1, **changes: Any) -> Object:
    """A Declarative agent, parked too."""
    settings: Object = {
        "runtime": "python",
        "modelConfig": "model",
        "systemMessage": "First prompt.",
        "deployment": {"replicas": replicas, "nodeSelector": _NOWHERE},
    }
    spec = {"type": "Declarative", "description": "a test", "declarative": settings | changes}
    return _object(AGENT, name, spec=spec)


def mcp_server(name: str, **deployment: Any) -> Object:
    settings = {"image": IMAGE, "imagePullPolicy": "Never", "port": 8080} | deployment
    spec = {"transportType": "http", "httpTransport": {"targetPort": 8080}, "deployment": settings}
    return _object(MCP_SERVER, name, spec=spec)


def key() -> Object:
    return _object(SECRET, "key", stringData={"KEY": "none"})


def model_config(name: str = "model", model: str = "small") -> Object:
    spec = {
        "provider": "OpenAI",
        "model": model,
        "openAI": {"baseUrl": MODEL_URL},
        "apiKeySecret": "key",
        "apiKeySecretKey": "KEY",
    }
    return _object(MODEL_CONFIG, name, spec=spec)


def remote_server(name: str) -> Object:
    return _object(REMOTE_MCP_SERVER, name, spec={"description": "tools", "url": "http://127.0.0.1:9/mcp"})


def config_map(name: str, **data: str) -> Object:
    return _object(CONFIG_MAP, name, data=data)


def tool(server: str, *names: str) -> Object:
    reference = {
        "kind": "RemoteMCPServer",
        "apiGroup": "kagent.dev",
        "name": server,
        "toolNames": list(names),
    }
    return {"type": "McpServer", "mcpServer": reference}


def create(api: ApiServer, *objects: Object) -> None:
    """Create them, and wait until kagent has taken up each source and rendered each workload.

    A look at a source that kagent writes to after it has rendered the agent is not sure of the config hash.
    """
    for body in objects:
        api.create(_BY_KIND[body["kind"]], api.namespace, body, manager=MANAGER)
        if body["kind"] == "ModelConfig":
            wait_for(partial(_has_its_key, api, body["metadata"]["name"]), "its key")
        if body["kind"] == "RemoteMCPServer":
            wait_for(partial(_is_observed, api, body["metadata"]["name"]), "its first look")
    for body in objects:
        if body["kind"] in ("Agent", "MCPServer"):
            await_rendered(api, body["metadata"]["name"], _BY_KIND[body["kind"]])


def _is_observed(api: ApiServer, name: str) -> bool:
    return bool(dig(read(api, name, REMOTE_MCP_SERVER), "status", "observedGeneration"))


def _has_its_key(api: ApiServer, name: str) -> bool:
    """A controller that has not heard of the Secret yet notes a hash, too: of nothing, and accepts it not."""
    found = read(api, name, MODEL_CONFIG)
    accepted = Workload(MODEL_CONFIG, found).condition("Accepted", "True")
    return accepted is not None and bool(dig(found, "status", "secretHash"))


def read(api: ApiServer, name: str, resource: Resource = AGENT) -> Object:
    return api.get(resource, api.namespace, name)


def edit(api: ApiServer, name: str, spec: Object, resource: Resource = AGENT) -> Object:
    """A merge patch of the spec, as somebody else."""
    return api.merge_patch(resource, api.namespace, name, {"spec": spec}, manager=MANAGER)


def set_prompt(api: ApiServer, name: str, prompt: str) -> None:
    """Change the prompt and wait until it is rendered."""
    edit(api, name, {"declarative": {"systemMessage": prompt}})
    await_rendered(api, name)


def await_rendered(api: ApiServer, name: str, resource: Resource = AGENT) -> None:
    """Until the controller has made a Deployment of the newest spec; it writes the status after that."""

    def rendered() -> bool:
        workload = Workload(resource, read(api, name, resource))
        accepted = workload.condition("Accepted")
        if accepted is None or accepted.status != "True":
            return False
        seen = workload.observed_generation or accepted.observed
        return seen >= workload.generation and bool(config_hash(api, name))

    wait_for(rendered, f"the Deployment of {name}")


def deployment(api: ApiServer, name: str) -> Object:
    """The Deployment, empty before there is one."""
    try:
        return api.get(DEPLOYMENT, api.namespace, name)
    except NotFound:
        return {}


def replicas(api: ApiServer, name: str) -> int | None:
    """How many pods the Deployment is told to run."""
    found: int | None = dig(deployment(api, name), "spec", "replicas")
    return found


def config_hash(api: ApiServer, name: str) -> str:
    annotations = dig(deployment(api, name), "spec", "template", "metadata", "annotations") or {}
    return str(annotations.get(AGENT_CONFIG_HASH) or annotations.get(MCP_CONFIG_HASH) or "")


def reconcile(api: ApiServer, name: str) -> None:
    """Pause the Deployment behind kagent's back, and wait until kagent has made it again from the spec."""
    api.merge_patch(DEPLOYMENT, api.namespace, name, {"spec": {"paused": True}}, manager=MANAGER)
    wait_for(lambda: not deployment(api, name)["spec"].get("paused"), f"a reconcile of {name}")
