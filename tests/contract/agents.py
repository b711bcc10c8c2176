"""Agents and what they are made from, as the tests of kagent's controller create them."""

import uuid

from tests.contract.kubectl import WAIT_SECONDS, Namespace, Object, eventually

CONFIG_HASH = "kagent.dev/config-hash"
IMAGE = "lab.local/byo-agent:lab"
KEY_SECRET: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "model-key"},
    "stringData": {"OPENAI_API_KEY": "sk-one"},
}


def model_config(name: str, secret: str = "model-key") -> Object:
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "ModelConfig",
        "metadata": {"name": name},
        "spec": {
            "provider": "OpenAI",
            "model": "gpt-fake",
            "openAI": {"baseUrl": "http://10.244.0.1:9101/v1"},
            "apiKeySecret": secret,
            "apiKeySecretKey": "OPENAI_API_KEY",
        },
    }


def remote_mcp_server(name: str, **spec: object) -> Object:
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "RemoteMCPServer",
        "metadata": {"name": name},
        "spec": {"description": "a test", "url": f"http://{name}.invalid/mcp", "timeout": "1s"} | spec,
    }


def mcp_tool(kind: str, name: str, **reference: str) -> Object:
    server = {"apiGroup": "kagent.dev", "kind": kind, "name": name, "toolNames": ["get_time"]}
    return {"type": "McpServer", "mcpServer": server | reference}


def config_map(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def agent(name: str, spec: Object, annotations: dict[str, str] | None = None) -> Object:
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": spec,
    }


def declarative(
    name: str, changes: Object | None = None, annotations: dict[str, str] | None = None
) -> Object:
    """Without pods: what becomes of its configuration can be seen without running it."""
    spec = {
        "modelConfig": "shared-model",
        "runtime": "go",
        "systemMessage": "First prompt.",
        "deployment": {"replicas": 0},
    }
    spec |= changes or {}
    return agent(name, {"type": "Declarative", "description": "a test", "declarative": spec}, annotations)


def byo(name: str, **deployment: object) -> Object:
    resources = {"requests": {"cpu": "5m", "memory": "16Mi"}}
    wanted = {"image": IMAGE, "imagePullPolicy": "Never", "resources": resources} | deployment
    return agent(name, {"type": "BYO", "description": "a test", "byo": {"deployment": wanted}})


def prepare(namespace: Namespace) -> None:
    """The ModelConfig that the agents share, and the agent that `settle` looks at."""
    namespace.create(KEY_SECRET, model_config("shared-model"), model_config("barrier-model"))
    for name in ("shared-model", "barrier-model"):
        await_accepted(namespace, f"modelconfig/{name}")
    made(namespace, declarative("barrier", {"modelConfig": "barrier-model"}))


def made(namespace: Namespace, created: Object) -> str:
    """Creates the Agent, waits for its Deployment, and answers its config hash."""
    namespace.create(created)
    name = created["metadata"]["name"]
    await_reconciled(namespace, name)
    return config_hash(namespace, name)


def await_accepted(namespace: Namespace, resource: str) -> None:
    namespace.ok("wait", resource, "--for=condition=Accepted", f"--timeout={WAIT_SECONDS:.0f}s")


def await_reconciled(namespace: Namespace, name: str) -> None:
    def observed() -> bool:
        found = namespace.get(f"agent/{name}")
        return bool(found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"])

    eventually(observed)


def settle(namespace: Namespace) -> None:
    """Returns when the controller has worked off every Agent queued before: it takes them in turn."""
    set_prompt(namespace, "barrier", f"Prompt {uuid.uuid4()}.")
    await_reconciled(namespace, "barrier")


def set_prompt(namespace: Namespace, name: str, prompt: str) -> None:
    namespace.patch(f"agent/{name}", {"spec": {"declarative": {"systemMessage": prompt}}})


def template(namespace: Namespace, name: str) -> Object:
    found: Object = namespace.get(f"deploy/{name}")["spec"]["template"]
    return found


def config_hash(namespace: Namespace, name: str) -> str:
    return str(template(namespace, name)["metadata"]["annotations"][CONFIG_HASH])


def changed_hash(namespace: Namespace, name: str, before: str) -> str:
    eventually(lambda: config_hash(namespace, name) != before)
    return config_hash(namespace, name)


def condition(namespace: Namespace, resource: str, condition_type: str) -> Object:
    conditions = namespace.get(resource).get("status", {}).get("conditions", [])
    found: Object = next((c for c in conditions if c["type"] == condition_type), {})
    return found
