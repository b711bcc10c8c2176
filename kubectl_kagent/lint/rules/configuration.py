"""Rules about what an agent is made from: its prompt, its keys, and what it refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.lint.faults import Path
from kubectl_kagent.lint.findings import ERROR, WARNING
from kubectl_kagent.lint.kubernetes import SECRET
from kubectl_kagent.lint.manifests import Manifest, Manifests
from kubectl_kagent.lint.rules.rule import Judged, LintRule, Raised
from kubectl_kagent.masking import masked_value
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    Resource,
)
from kubectl_kagent.model.workload import dig

_OURS = (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER)


def _prompts(manifests: Manifests) -> Judged:
    for manifest in manifests.of(AGENT):
        path = ("spec", "declarative", "systemMessage")
        if dig(manifest.value, *path):
            yield Raised(manifest, path, "is a prompt in the agent itself, not in a ConfigMap")


def _secrets(manifests: Manifests) -> Judged:
    for manifest in manifests.of(*_OURS):
        spec = manifest.value.get("spec")
        for path in _differing(spec, masked_value(spec), ("spec",)):
            yield Raised(manifest, path, "looks like a secret in plain text")
    for manifest in manifests.of(CONFIG_MAP):
        data = manifest.value.get("data")
        for path in _differing(data, masked_value(data), ("data",)):
            yield Raised(manifest, path, "looks like a secret, in a ConfigMap")


def _differing(value: Any, shown: Any, path: Path) -> Iterator[Path]:
    """Where ``shown`` is masked."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _differing(item, shown[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _differing(item, shown[index], (*path, index))
    elif value != shown:
        yield path


def _keys(manifests: Manifests) -> Judged:
    for manifest in manifests.of(*_OURS):
        for path, resource, name, key in _references(manifest.value.get("spec"), ("spec",)):
            found = manifests.find(resource, manifest.namespace, name)
            if found is not None and key not in _content(found):
                yield Raised(manifest, path, f"{resource.singular} {name} has no key {key}")


def _references(value: Any, path: Path) -> Iterator[tuple[Path, Resource, str, str]]:
    """Each key of a ConfigMap or a Secret that is named: where, in which of them, and the key."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, (*path, index))
    if not isinstance(value, Mapping):
        return
    kinds = {"configMapKeyRef": CONFIG_MAP, "secretKeyRef": SECRET}
    typed = {"ConfigMap": CONFIG_MAP, "Secret": SECRET}
    resource = kinds.get(str(path[-1])) or typed.get(str(value.get("type")))
    name, key = value.get("name"), value.get("key")
    if resource and name and key and not value.get("optional"):
        yield path, resource, str(name), str(key)
    for of, of_key in (("apiKeySecret", "apiKeySecretKey"), ("caCertSecretRef", "caCertSecretKey")):
        if value.get(of) and value.get(of_key):
            yield (*path, of_key), SECRET, str(value[of]), str(value[of_key])
    for step, item in value.items():
        yield from _references(item, (*path, step))


def _content(manifest: Manifest) -> set[str]:
    return {
        key
        for field in ("data", "stringData", "binaryData")
        if isinstance(content := manifest.value.get(field), Mapping)
        for key in content
    }


RULES = (
    LintRule(
        "inline-prompt",
        WARNING,
        "An agent whose prompt stands in the agent itself.",
        "A prompt in a ConfigMap is reviewed, and given to several agents, apart from the rest, and a change "
        "of it is a change of nothing else.",
        _prompts,
    ),
    LintRule(
        "plaintext-secret",
        ERROR,
        "A key, token or password that is written into an agent, a server, a model config or a ConfigMap.",
        "Whoever may read the object, its history or the repository has it. Secrets have their own rights, "
        "and a ModelConfig, an environment and headers can take a value from one. It is known by its name "
        "or its shape, as everywhere in this program: see decisions/masking.md.",
        _secrets,
    ),
    LintRule(
        "missing-key",
        ERROR,
        "A key that is taken from a ConfigMap or a Secret of the input which does not have it.",
        "kagent does not accept the agent or the model, or the pod never starts "
        "(CreateContainerConfigError).",
        _keys,
    ),
)
