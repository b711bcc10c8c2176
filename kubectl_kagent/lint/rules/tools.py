"""Rules about tools: those there are, those that need a person, and whose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kubectl_kagent.lint.faults import Path
from kubectl_kagent.lint.findings import ERROR, WARNING, NotJudged
from kubectl_kagent.lint.manifests import Manifest, Manifests
from kubectl_kagent.lint.rules.rule import Judged, LintRule, Raised
from kubectl_kagent.model.allowed_namespaces import allows
from kubectl_kagent.model.resources import AGENT, REMOTE_MCP_SERVER
from kubectl_kagent.model.workload import Reference, ToolRef, dig

_TOOLS = ("spec", "declarative", "tools")
_DESTRUCTIVE = frozenset(
    [
        "apply",
        "command",
        "delete",
        "destroy",
        "drain",
        "drop",
        "erase",
        "evict",
        "exec",
        "kill",
        "overwrite",
        "purge",
        "remove",
        "revoke",
        "shell",
        "terminate",
        "truncate",
        "uninstall",
        "wipe",
    ]
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _tools(manifests: Manifests) -> Iterator[tuple[Manifest, Path, ToolRef]]:
    """Each server that an agent names, with the path of the tool."""
    for manifest in manifests.of(AGENT):
        for index in range(len(dig(manifest.value, *_TOOLS) or ())):
            one = {
                **manifest.value,
                "spec": {"declarative": {"tools": [dig(manifest.value, *_TOOLS)[index]]}},
            }
            workload = Manifest(
                manifest.file, manifest.document, manifest.within, one, manifest.namespace
            ).workload(AGENT)
            for tool in workload.tools:
                yield manifest, (*_TOOLS, index), tool


def _unknown(manifests: Manifests) -> Judged:
    silent: set[Reference] = set()
    for manifest, path, tool in _tools(manifests):
        if tool.server.resource is AGENT:
            continue
        server = manifests.find(tool.server.resource, tool.server.namespace, tool.server.name)
        offered = None if server is None else _offered(server)
        if offered is None:
            silent.add(tool.server)
            continue
        for index, name in enumerate(tool.tools):
            if name not in offered:
                about = f"{tool.server.resource.singular} {tool.server.namespace}/{tool.server.name}"
                yield Raised(
                    manifest, (*path, "mcpServer", "toolNames", index), f"{name} is not a tool of {about}"
                )
    for reference in sorted(silent, key=lambda each: (each.namespace, each.name)):
        about = f"{reference.resource.singular} {reference.namespace}/{reference.name}"
        yield NotJudged(
            "unknown-tool",
            about,
            "its tools are not in the input; kubectl kagent tools check asks the cluster",
        )


def _offered(server: Manifest) -> set[str] | None:
    """The tools that the status of a RemoteMCPServer has; None where nothing says which there are."""
    found = dig(server.value, "status", "discoveredTools")
    if not isinstance(found, list):
        return None
    return {str(tool.get("name")) for tool in found if isinstance(tool, Mapping)}


def _unapproved(manifests: Manifests) -> Judged:
    for manifest, path, tool in _tools(manifests):
        for index, name in enumerate(tool.tools):
            words = {word.lower() for word in _WORD.findall(name)} & _DESTRUCTIVE
            if words and name not in tool.approvals:
                yield Raised(
                    manifest,
                    (*path, "mcpServer", "toolNames", index),
                    f"{name} may destroy ({', '.join(sorted(words))}) and is not in requireApproval",
                )


def _forbidden(manifests: Manifests) -> Judged:
    for manifest, path, tool in _tools(manifests):
        server = tool.server
        if server.namespace == manifest.namespace:
            continue
        about = f"{server.resource.singular} {server.namespace}/{server.name}"
        field = (*path, "agent" if server.resource is AGENT else "mcpServer", "namespace")
        if server.resource not in (AGENT, REMOTE_MCP_SERVER):
            yield Raised(
                manifest, field, f"{about} is in another namespace, in which kagent does not look for it"
            )
            continue
        found = manifests.find(server.resource, server.namespace, server.name)
        if found is None:
            yield NotJudged(
                "forbidden-reference", about, "whether other namespaces may use it is not in the input"
            )
        elif _is_forbidden(manifests, found, manifest.namespace):
            text = f"{about} does not allow namespace {manifest.namespace} (spec.allowedNamespaces)"
            yield Raised(manifest, field, text)


def _is_forbidden(manifests: Manifests, server: Manifest, namespace: str) -> bool:
    """Not where labels decide of a namespace that is not in the input."""
    labels = manifests.namespace_labels(namespace)
    if dig(server.value, "spec", "allowedNamespaces", "from") == "Selector" and labels is None:
        return False
    obj = {**server.value, "metadata": {**server.value["metadata"], "namespace": server.namespace}}
    return not allows(obj, namespace, lambda: labels or {})


RULES = (
    LintRule(
        "unknown-tool",
        ERROR,
        "A tool that an agent names and its server does not offer, where the input says which it offers: "
        "the status of a RemoteMCPServer, as `kubectl get -o yaml` prints it.",
        "kagent leaves the tool out without a word, and the agent has no way to do what it is asked.",
        _unknown,
    ),
    LintRule(
        "unapproved-tool",
        WARNING,
        "A tool whose name says that it destroys, overwrites or runs something, and which the agent may call "
        "without asking a person.",
        "A model misunderstands, or is talked into it. What is in `requireApproval` waits for a person: "
        "`kubectl kagent approvals`. The words are " + ", ".join(sorted(_DESTRUCTIVE)) + ".",
        _unapproved,
    ),
    LintRule(
        "forbidden-reference",
        ERROR,
        "A server or an agent of another namespace that this agent may not use.",
        "kagent does not accept the agent. An MCPServer or a Service is used in its own namespace only; a "
        "RemoteMCPServer or an Agent says in `allowedNamespaces` who may use it.",
        _forbidden,
    ),
)
