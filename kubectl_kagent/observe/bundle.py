"""The objects of the bundle, for one cluster: a pure function of its files and of what the user wants."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kubectl_kagent.model.resources import (
    BUNDLED,
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    PROMETHEUS_RULE,
    Resource,
)
from kubectl_kagent.model.workload import dig
from kubectl_kagent.observe import kustomization
from kubectl_kagent.observe.addresses import AS_IN_THE_FILES, Destinations, sent_to
from kubectl_kagent.observe.for_alertmanager import DEFAULT_LOKI_UID, alertmanager_config
from kubectl_kagent.observe.for_prometheus import prometheus_objects
from kubectl_kagent.observe.install_options import annotated

Object = dict[str, Any]

DEFAULT_NAMESPACE = "kagent-observability"
PART_OF = "app.kubernetes.io/part-of"
BUNDLE = "kagent-observability"
# what the files put beside kagent stays there, whatever the bundle's own namespace is
KAGENT_NAMESPACE = "kagent"
SELECTOR = f"{PART_OF}={BUNDLE}"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_MANAGER = "kubectl-kagent"
CHECKSUM = "checksum/config"  # as Helm's charts call it

_KINDS = {(resource.api_version, resource.kind): resource for resource in BUNDLED}
# where it names a namespace: not in a longer name, and not as the bundle's own label
_NAMED = re.compile(rf"(?<![a-z0-9-])(?<!part-of: )(?<!part-of=){re.escape(DEFAULT_NAMESPACE)}(?![a-z0-9-])")


Operator = Literal["prometheus-operator", "grafana-operator"]


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the bundle: a folder with a kustomization.yaml. ``only`` for clusters with that operator."""

    folder: str
    only: Operator | None = None


RECORDER = Component("manifests/recorder")
# In the order of the files; ``build`` sorts their objects.
COMPONENTS = (
    Component("manifests/observability"),
    Component("manifests/observability/operator", "prometheus-operator"),
    RECORDER,
    Component("manifests/generated/dashboards"),
    Component("manifests/generated/grafana-operator", "grafana-operator"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between clusters.

    ``values`` is the text of a user's own values file, or empty; ``labels`` are those by which the
    prometheus-operator takes up its objects. ``grafana`` is Grafana's URL, or empty: without it the bundle
    does not say who hears of alerts; ``loki_uid`` is that of its data source of lines. ``recorder_image`` is
    what the recorder runs, or empty: without it the bundle has no recorder. ``options`` are those of the
    command line that say all this, which it keeps.
    """

    operators: frozenset[Operator]
    namespace: str = DEFAULT_NAMESPACE
    values: str = ""
    destinations: Destinations = AS_IN_THE_FILES
    labels: Mapping[str, str] = field(default_factory=dict)
    grafana: str = ""
    loki_uid: str = DEFAULT_LOKI_UID
    recorder_image: str = ""
    options: Sequence[str] = ()


def build(root: Path, settings: Settings) -> list[Object]:
    """The objects, in the order in which they are made. Raises ValueError for values that are wrong."""
    found = [*_parts(root, settings)]
    if all(resource_of(item) is not NAMESPACE for item in found):
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": DEFAULT_NAMESPACE}})
    placed = sent_to([_placed(item, settings) for item in found], settings.destinations)
    made = annotated(with_checksums(placed), settings.options)
    return sorted(made, key=lambda item: BUNDLED.index(resource_of(item)))


def resource_of(item: Mapping[str, Any]) -> Resource:
    """Raises ValueError for a kind that the bundle is not known to have."""
    key = (item["apiVersion"], item["kind"])
    if key not in _KINDS:
        raise ValueError(f"{' '.join(key)}: add it to BUNDLED in kubectl_kagent/model/resources.py")
    return _KINDS[key]


def label_of(item: Mapping[str, Any]) -> str:
    """``deployment.apps/NAME``."""
    return resource_of(item).label(item["metadata"]["name"])


def _parts(root: Path, settings: Settings) -> Iterator[Object]:
    for component in COMPONENTS:
        if component == RECORDER:
            yield from _recorder(root, settings.recorder_image)
        elif component.only is None or component.only in settings.operators:
            yield from kustomization.objects(root / component.folder)
    operator = "prometheus-operator" in settings.operators
    yield from prometheus_objects(root, operator=operator, values=settings.values)
    if operator and settings.grafana:
        yield alertmanager_config(root, settings.grafana, settings.loki_uid)


def _recorder(root: Path, image: str) -> Iterator[Object]:
    for item in kustomization.objects(root / RECORDER.folder) if image else ():
        if resource_of(item) is DEPLOYMENT:
            (container,) = item["spec"]["template"]["spec"]["containers"]
            container["image"] = image
        yield item


def _placed(item: Object, settings: Settings) -> Object:
    """With its labels, and in the bundle's namespace unless its file names another one than usual."""
    namespace, resource = settings.namespace, resource_of(item)
    moved = item if namespace == DEFAULT_NAMESPACE else _renamed(item, namespace)
    own = {PART_OF: BUNDLE, _MANAGED_BY: _MANAGER}
    selected = settings.labels if resource.group == PROMETHEUS_RULE.group else {}
    metadata = {**moved["metadata"], "labels": {**(moved["metadata"].get("labels") or {}), **selected, **own}}
    if resource.namespaced:
        metadata.setdefault("namespace", namespace)
    return {**moved, "metadata": metadata}


def _renamed(value: Any, namespace: str, key: str = "") -> Any:
    """With ``namespace`` wherever a text names the one that the files are written for."""
    if isinstance(value, Mapping):
        return {name: _renamed(item, namespace, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, namespace) for item in value]
    if isinstance(value, str) and key != PART_OF:
        return _NAMED.sub(namespace, value)
    return value


def with_checksums(items: Sequence[Object]) -> list[Object]:
    """Pods that mount a ConfigMap of the bundle carry its hash, so that they start anew when it changes."""
    texts = {item["metadata"]["name"]: item["data"] for item in items if resource_of(item) is CONFIG_MAP}
    return [_with_checksum(item, texts) for item in items]


def _with_checksum(item: Object, texts: Mapping[str, Any]) -> Object:
    mounted = {name: texts[name] for name in _mounted(item) if name in texts}
    if not mounted:
        return item
    digest = hashlib.sha256(json.dumps(mounted, sort_keys=True).encode()).hexdigest()
    template = item["spec"]["template"]
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), CHECKSUM: digest}
    marked = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**item, "spec": {**item["spec"], "template": marked}}


def _mounted(item: Mapping[str, Any]) -> Iterable[str]:
    """The names of ConfigMaps among the volumes of its pods."""
    for volume in dig(item, "spec", "template", "spec", "volumes") or ():
        sources = [volume, *(dig(volume, "projected", "sources") or ())]
        for source in sources:
            if name := dig(source, "configMap", "name"):
                yield str(name)
