"""A bundle of one object of each kind, for tests that show what is done with one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from kubectl_kagent.model.resources import (
    ALERTMANAGER_CONFIG,
    BUNDLED,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    GRAFANA_DASHBOARD,
    NAMESPACE,
    OPERATORS,
    PDB,
    POD_MONITOR,
    SERVICE_ACCOUNT,
    SERVICE_MONITOR,
    Resource,
)
from kubectl_kagent.observe import bundle, rule_values
from kubectl_kagent.observe import files as places
from kubectl_kagent.observe.bundle import RECORDER, Component
from tests.lab.layout import CHECKOUT

Object = dict[str, Any]
NAME = "kagent-collector"
LOGS = "kagent-logs"
_RBAC = "rbac.authorization.k8s.io"
_METADATA = {"name": NAME, "namespace": "kagent-observability"}
_COMPONENTS = (
    Component("part"),
    RECORDER,
    Component("monitors", "prometheus-operator"),
    Component("boards", "grafana-operator"),
)
_WRITTEN_BY_HAND = (
    *(NAMESPACE, SERVICE_ACCOUNT, CLUSTER_ROLE_BINDING),
    *(CONFIG_MAP, DEPLOYMENT, DAEMON_SET, PDB),
)


def _object(resource: Resource, **more: Any) -> Object:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": _METADATA, **more}


def _workload(resource: Resource, name: str, *args: str, **spec: Any) -> Object:
    """One whose collector reads the ConfigMap of its name."""
    container = {
        "name": "collector",
        "image": "collector:1",
        "args": ["--config=file:/etc/own/config.yaml", *args],
    }
    volumes = [{"name": "config", "configMap": {"name": name}}]
    template = {"spec": {"containers": [container], "volumes": volumes}}
    metadata = {**_METADATA, "name": name}
    return {**_object(resource), "metadata": metadata, "spec": {**spec, "template": template}}


def _binding() -> Object:
    return {
        **_object(CLUSTER_ROLE_BINDING),
        "metadata": {"name": NAME},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": NAME},
        "subjects": [
            {"kind": "ServiceAccount", **_METADATA},
            {"kind": "User", "name": "jane", "apiGroup": _RBAC},
        ],
    }


def _recorder() -> Object:
    template = {"spec": {"containers": [{"name": "recorder", "image": "unpublished:1"}]}}
    metadata = {"name": "kagent-recorder", "namespace": "kagent"}
    return {**_object(DEPLOYMENT), "metadata": metadata, "spec": {"template": template}}


def _plain(resource: Resource) -> Object:
    """An object with nothing in it but its name."""
    item = _object(resource)
    return item if resource.namespaced else {**item, "metadata": {"name": NAME}}


def _routes() -> Object:
    """Without a namespace, as ours."""
    text = (
        '{{ define "kagent.grafana" }}https://grafana.example.com{{ end }}{{ template "kagent.grafana" . }}'
    )
    logs = '{{ define "kagent.loki" }}kagent-loki{{ end }}{{ template "kagent.loki" . }}'
    slack = {"name": "slack", "slackConfigs": [{"titleLink": text, "text": logs}]}
    return {**_object(ALERTMANAGER_CONFIG), "metadata": {"name": NAME}, "spec": {"receivers": [slack]}}


def files() -> dict[str, str]:
    """Its files by their paths."""
    others = [_plain(resource) for resource in BUNDLED if resource not in (*_WRITTEN_BY_HAND, *OPERATORS)]
    beside = [_object(PDB) | {"metadata": {**_METADATA, "namespace": "kagent"}}]
    monitors = [_plain(resource) for resource in (SERVICE_MONITOR, POD_MONITOR)]
    own = {"name": NAME, "files": ["config.yaml", "other.yaml=more.yaml"]}
    collector = _workload(
        DEPLOYMENT, NAME, "--in=x.kagent-observability", "--by=my-kagent-observability", replicas=1
    )
    kustomization = {
        "namespace": "kagent-observability",
        "resources": ["inner", "workload.yaml"],
        "configMapGenerator": [own, {"name": LOGS, "files": ["config.yaml"]}],
    }
    values = CHECKOUT / rule_values.SOURCE
    return {
        rule_values.SOURCE: values.read_text(),
        "part/kustomization.yaml": yaml.safe_dump(kustomization),
        "part/workload.yaml": yaml.safe_dump_all(
            [collector, _workload(DAEMON_SET, LOGS), _binding(), *others, *beside]
        ),
        "part/config.yaml": "to: loki.kagent-observability.svc\n",
        "part/more.yaml": "a: 1\n",
        "part/inner/kustomization.yaml": yaml.safe_dump({"resources": ["account.yaml"]}),
        "part/inner/account.yaml": yaml.safe_dump(_object(SERVICE_ACCOUNT)),
        f"{RECORDER.folder}/kustomization.yaml": yaml.safe_dump({"resources": ["all.yaml"]}),
        f"{RECORDER.folder}/all.yaml": yaml.safe_dump(_recorder()),
        "monitors/kustomization.yaml": yaml.safe_dump({"resources": ["all.yaml"]}),
        "monitors/all.yaml": yaml.safe_dump_all(monitors),
        "boards/kustomization.yaml": yaml.safe_dump({"resources": ["all.yaml"]}),
        "boards/all.yaml": yaml.safe_dump(_plain(GRAFANA_DASHBOARD)),
        "manifests/generated/dashboards/kustomization.yaml": yaml.safe_dump({"resources": ["all.yaml"]}),
        "manifests/generated/dashboards/all.yaml": yaml.safe_dump(
            _plain(CONFIG_MAP) | {"data": {"fleet.json": "{}"}}
        ),
        "manifests/observability/prometheus/scrape.yaml": "scrape_configs: []\n",
        "manifests/prometheus-operator/alertmanagerconfig.yaml": yaml.safe_dump(_routes()),
        "alerts/collector.rules.yaml": yaml.safe_dump({"groups": [{"name": "a", "rules": []}]}),
    }


def write(root: Path) -> Path:
    """The bundle's files below ``root``."""
    for name, text in files().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    """As long as the process runs: many command lines read it."""
    folder = tempfile.TemporaryDirectory(prefix="kagent-bundle-")
    write(Path(folder.name))
    return folder


@contextmanager
def in_place_of_ours(root: Path | None = None) -> Iterator[None]:
    """Let the program take this bundle for its own; one that was written to ``root``, if it is given."""
    there = root or Path(_kept().name)
    with (
        mock.patch.object(places, "root", return_value=there),
        mock.patch.object(bundle, "COMPONENTS", _COMPONENTS),
    ):
        yield
