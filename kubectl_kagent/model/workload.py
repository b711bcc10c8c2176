"""An Agent or MCPServer as the plugin sees it: the only place that knows the CRs' field paths."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.model.conditions import Condition, condition
from kubectl_kagent.model.paths import is_segment
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SERVICE,
    Resource,
)

AGENT_CONFIG_HASH = "kagent.dev/config-hash"
MCP_CONFIG_HASH = "kmcp.kagent.dev/mcpserver-config-hash"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
HIBERNATED_REPLICAS = "kubectl-kagent/hibernated-replicas"
HIBERNATED_RELEASED = "kubectl-kagent/hibernated-released"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
CHANGE_CAUSE = "kubernetes.io/change-cause"
REVISION_HISTORY_LIMIT = "kubectl-kagent/revision-history-limit"


def whole_number(text: str | None) -> int | None:
    """The count that an annotation gives, in the range of the API's own (int32); None for anything else."""
    if text is None or not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII):
        return None
    return int(text) if int(text) < 2**31 else None


def dig(obj: Any, *path: str) -> Any:
    """The value at ``path``, or None as soon as a step is missing."""
    for step in path:
        if not isinstance(obj, Mapping):
            return None
        obj = obj.get(step)
    return obj


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that a workload's effective config is made from.

    ``keys`` narrows a ConfigMap to the keys in use; empty means all of them.
    """

    resource: Resource
    namespace: str
    name: str
    keys: tuple[str, ...] = ()

    @property
    def can_exist(self) -> bool:
        """Whether an object can be called so: whoever edits a spec may name anything."""
        return is_segment(self.namespace) and is_segment(self.name)


@dataclass(frozen=True, slots=True)
class ToolRef:
    """Tools that an agent takes from one server (or another agent, then ``tools`` is empty)."""

    server: Reference
    tools: tuple[str, ...]
    approvals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """A scalable kagent object around the object as the API served it."""

    resource: Resource
    obj: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.obj["metadata"]["namespace"])

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name, which its Deployment has too."""
        return self.namespace, self.name

    @property
    def uid(self) -> str:
        return str(self.obj["metadata"].get("uid", ""))

    @property
    def generation(self) -> int:
        return int(self.obj["metadata"].get("generation", 0))

    @property
    def resource_version(self) -> str:
        return str(self.obj["metadata"].get("resourceVersion", ""))

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.obj["metadata"].get("annotations") or {}

    @property
    def labels(self) -> Mapping[str, str]:
        return self.obj["metadata"].get("labels") or {}

    @property
    def spec(self) -> dict[str, Any]:
        return dict(self.obj.get("spec") or {})

    @property
    def label(self) -> str:
        return self.resource.label(self.name)

    @property
    def typed(self) -> str:
        """``agent/NAME -n NAMESPACE``: how a command names it, whatever namespace is the context's."""
        return f"{self.resource.singular}/{self.name} -n {self.namespace}"

    @property
    def is_agent(self) -> bool:
        return self.resource is AGENT

    @property
    def type(self) -> str:
        """Declarative or BYO for an agent, the transport for an MCP server."""
        if self.is_agent:
            return str(self.spec.get("type") or "Declarative")
        return str(self.spec.get("transportType") or "")

    @property
    def runtime(self) -> str:
        """Of a Declarative agent; objects stored before the field existed run python (kagent 0.10)."""
        if self.is_agent and self.type == "Declarative":
            return str(dig(self.spec, "declarative", "runtime") or "python")
        return ""

    @property
    def deployment_path(self) -> tuple[str, ...]:
        """Path of the deployment settings below spec; it depends on the type."""
        if not self.is_agent:
            return ("deployment",)
        return ("byo", "deployment") if self.type == "BYO" else ("declarative", "deployment")

    @property
    def replicas(self) -> int | None:
        """The replica count that the object itself asks for; None leaves it to an autoscaler."""
        value = dig(self.spec, *self.deployment_path, "replicas")
        return None if value is None else int(value)

    @property
    def config_hash_annotation(self) -> str:
        return AGENT_CONFIG_HASH if self.is_agent else MCP_CONFIG_HASH

    @property
    def pod_selector(self) -> str:
        """Label selector of the Deployment and its pods (kagent and kmcp set these, users can't)."""
        return pod_selector(self.resource, (self.name,))

    def selects(self, pod: Mapping[str, Any]) -> bool:
        """Whether ``pod_selector`` does."""
        labels = dig(pod, "metadata", "labels") or {}
        wanted = dict(item.split("=", 1) for item in self.pod_selector.split(","))
        return wanted.items() <= labels.items()

    @property
    def prompt(self) -> str:
        return str(dig(self.spec, "declarative", "systemMessage") or "")

    @property
    def model_config(self) -> Reference | None:
        """The ModelConfig of a Declarative agent; always in the agent's own namespace."""
        name = dig(self.spec, "declarative", "modelConfig")
        return Reference(MODEL_CONFIG, self.namespace, str(name)) if name else None

    @property
    def tools(self) -> tuple[ToolRef, ...]:
        return tuple(
            ref
            for tool in dig(self.spec, "declarative", "tools") or ()
            if (ref := _tool_ref(tool, self.namespace)) is not None
        )

    def condition(self, type_: str, status: str | None = None) -> Condition | None:
        return condition(self.obj, type_, status)

    @property
    def observed_generation(self) -> int:
        return int(dig(self.obj, "status", "observedGeneration") or 0)

    def owns(self, obj: Mapping[str, Any]) -> bool:
        """Whether ``obj`` was made for this very object: a name alone may be anybody's, or a namesake's."""
        owners = dig(obj, "metadata", "ownerReferences") or ()
        return any(owner.get("uid") == self.uid for owner in owners)

    @property
    def observed(self) -> bool:
        """Whether the controller has acted on the newest spec; before that its Deployment says nothing."""
        return self.observed_generation >= self.generation

    def references(self) -> tuple[Reference, ...]:
        """Every object that the effective config depends on, without Secrets, in a fixed order.

        From kagent 0.10's translator: the chat, summarizer and embedding ModelConfigs, prompt
        ConfigMaps, and the tool servers. A sub-agent contributes only its name, which is in the spec.
        An MCPServer or Service of another namespace contributes nothing: kagent refuses it unread.
        """
        if not self.is_agent or self.type != "Declarative":
            return ()
        servers = (tool.server for tool in self.tools)
        found = {*self._models(), *self._prompt_sources(), *filter(self._may_use, servers)}
        return tuple(sorted(found, key=lambda r: (r.resource.kind, r.namespace, r.name, r.keys)))

    def _may_use(self, server: Reference) -> bool:
        """Whether kagent looks at that server; a RemoteMCPServer then says itself who may use it."""
        if server.resource is AGENT:
            return False
        return server.resource is REMOTE_MCP_SERVER or server.namespace == self.namespace

    def _models(self) -> Iterable[Reference]:
        declarative = self.spec.get("declarative") or {}
        for name in (
            declarative.get("modelConfig"),
            dig(declarative, "memory", "modelConfig"),
            dig(declarative, "context", "compaction", "summarizer", "modelConfig"),
        ):
            if name:
                yield Reference(MODEL_CONFIG, self.namespace, str(name))

    def _prompt_sources(self) -> Iterable[Reference]:
        declarative = self.spec.get("declarative") or {}
        source = declarative.get("systemMessageFrom") or {}
        if source.get("type") == "ConfigMap" and source.get("name"):
            keys = (str(source["key"]),) if source.get("key") else ()
            yield Reference(CONFIG_MAP, self.namespace, str(source["name"]), keys)
        for item in dig(declarative, "promptTemplate", "dataSources") or ():
            yield Reference(CONFIG_MAP, self.namespace, str(item["name"]))


def named(resource: Resource, namespace: str, name: str) -> Workload:
    """A workload of which only the name is known: it has no uid."""
    return Workload(resource, {"metadata": {"namespace": namespace, "name": name}})


def pod_selector(resource: Resource, names: tuple[str, ...]) -> str:
    """Label selector of the pods of the workloads of those names."""
    among = f"={names[0]}" if len(names) == 1 else f" in ({','.join(names)})"
    if resource is AGENT:
        return f"app=kagent,kagent{among}"
    return f"app.kubernetes.io/name{among},app.kubernetes.io/instance{among}"


def _tool_ref(tool: Mapping[str, Any], namespace: str) -> ToolRef | None:
    agent, server = tool.get("agent"), tool.get("mcpServer")
    if agent:
        target = Reference(AGENT, str(agent.get("namespace") or namespace), str(agent.get("name", "")))
        return ToolRef(target, (), ())
    if not server:
        return None
    # kagent reads an empty kind as MCPServer
    kinds = {"RemoteMCPServer": REMOTE_MCP_SERVER, "Service": SERVICE}
    resource = kinds.get(str(server.get("kind") or ""), MCP_SERVER)
    return ToolRef(
        Reference(resource, str(server.get("namespace") or namespace), str(server.get("name", ""))),
        tuple(map(str, server.get("toolNames") or ())),
        tuple(map(str, server.get("requireApproval") or ())),
    )


def with_replicas(spec: Mapping[str, Any], path: tuple[str, ...], replicas: int | None) -> dict[str, Any]:
    """A copy of ``spec`` that asks for ``replicas``; None removes the field, and its parent when empty."""
    result = copy.deepcopy(dict(spec))
    if replicas is None:
        parent = dig(result, *path)
        if isinstance(parent, dict):
            parent.pop("replicas", None)
            holder = dig(result, *path[:-1]) if path[:-1] else result
            if not parent and isinstance(holder, dict):
                del holder[path[-1]]
        return result
    node = result
    for step in path:
        node = node.setdefault(step, {})
    node["replicas"] = replicas
    return result


def without_restart(spec: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """A copy of ``spec`` without the mark that ``rollout restart`` leaves in the one of an MCP server."""
    result = copy.deepcopy(dict(spec))
    parent = dig(result, *path)
    annotations = dig(parent, "annotations")
    if isinstance(annotations, dict) and annotations.pop(RESTARTED_AT, None) and not annotations:
        del parent["annotations"]
    return result


def without_replicas(resource: Resource, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``spec`` without its replica count, which is where its type has it."""
    return with_replicas(spec, Workload(resource, {"spec": spec}).deployment_path, None)
