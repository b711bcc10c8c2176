"""Which Agents, ModelConfigs and tool servers have to be looked at again when some object changes. Pure."""

from tests.lab.standin.kinds import (
    AGENT,
    CONFIG_MAP,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SERVICE,
    Key,
    Kind,
    Object,
    controller_of,
    key_of,
)
from tests.lab.standin.references import target_key, tools_of


def needs_reconcile(old: Object | None, new: Object | None, *, labels_count: bool) -> bool:
    """Created, deleted, or edited in its spec; an edit of annotations or of the status alone is none."""
    if old is None or new is None:
        return True
    before, after = old["metadata"], new["metadata"]
    relabelled = labels_count and (before.get("labels") or {}) != (after.get("labels") or {})
    return relabelled or before.get("generation") != after.get("generation")


def owning_agent(obj: Object) -> Key | None:
    owner = controller_of(obj)
    if owner is None or owner["kind"] != AGENT.name or not owner["apiVersion"].startswith(f"{AGENT.group}/"):
        return None
    return Key(key_of(obj).namespace, owner["name"])


def uses(agent: Object, kind: Kind, changed: Key) -> bool:
    """Whether the Agent is rendered from that object."""
    declarative = agent["spec"].get("declarative")
    if agent["spec"].get("type") == "BYO" or not declarative:
        return False
    namespace = key_of(agent).namespace
    if kind is MODEL_CONFIG:
        return changed == Key(namespace, declarative.get("modelConfig", ""))
    if kind is CONFIG_MAP:
        return namespace == changed.namespace and changed.name in _prompt_config_maps(declarative)
    return any(
        target_key(namespace, tool["mcpServer"]) == changed and _is_kind(tool["mcpServer"], kind)
        for tool in tools_of(agent)
        if "mcpServer" in tool
    )


def _is_kind(reference: Object, kind: Kind) -> bool:
    if kind is REMOTE_MCP_SERVER:  # kagent looks at name and namespace only
        return True
    group = {MCP_SERVER: "kagent.dev", SERVICE: ""}.get(kind)
    return reference.get("kind") == kind.name and reference.get("apiGroup", "") == group


def _prompt_config_maps(declarative: Object) -> set[str]:
    names = {source["name"] for source in declarative.get("promptTemplate", {}).get("dataSources", [])}
    message_from = declarative.get("systemMessageFrom", {})
    if message_from.get("type") == CONFIG_MAP.name:
        names.add(message_from["name"])
    return names


def names_secret(model_config: Object, changed: Key) -> bool:
    spec = model_config["spec"]
    names = (spec.get("apiKeySecret"), spec.get("tls", {}).get("caCertSecretRef"))
    return key_of(model_config).namespace == changed.namespace and changed.name in names


def is_tool_server(kind: Kind, obj: Object) -> bool:
    """Whether tools are looked for at this object."""
    labels = obj["metadata"].get("labels") or {}
    if kind is SERVICE:
        return labels.get("kagent.dev/mcp-service") == "true"
    return kind is REMOTE_MCP_SERVER or labels.get("kagent.dev/discovery") != "disabled"
