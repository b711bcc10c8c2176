"""The files of the dashboards: JSON, and as objects for Grafana's sidecar and for the grafana-operator."""

from __future__ import annotations

import json
from typing import Any

import yaml

from dashboards.bundle import dashboards

JSON = "dashboards/generated"
CONFIG_MAPS = "manifests/generated/dashboards"
OPERATOR = "manifests/generated/grafana-operator"
FOLDERS = (JSON, CONFIG_MAPS, OPERATOR)
FOLDER = "kagent"
_NAMESPACE = "kagent-observability"
_FROM = "# Generated from dashboards/.\n"


def files() -> dict[str, str]:
    """Path below the repository, and text, of every file."""
    every = dashboards()
    found = {f"{JSON}/{uid}.json": _pretty(data) for uid, data in every.items()}
    for folder, make in ((CONFIG_MAPS, config_map), (OPERATOR, grafana_dashboard)):
        found |= {f"{folder}/{uid}.yaml": _yaml(make(uid, data)) for uid, data in every.items()}
        found[f"{folder}/kustomization.yaml"] = _yaml(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "namespace": _NAMESPACE,
                "resources": [f"{uid}.yaml" for uid in sorted(every)],
            }
        )
    return found


def config_map(uid: str, data: dict[str, Any]) -> dict[str, Any]:
    """A dashboard as Grafana's sidecar finds it. Compact: a ConfigMap holds a MiB."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": uid,
            "labels": {"grafana_dashboard": "1"},
            "annotations": {"grafana_folder": FOLDER},
        },
        "data": {f"{uid}.json": json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"},
    }


def grafana_dashboard(uid: str, _: dict[str, Any]) -> dict[str, Any]:
    """A dashboard as the grafana-operator takes it, with its JSON from the ConfigMap."""
    return {
        "apiVersion": "grafana.integreatly.org/v1beta1",
        "kind": "GrafanaDashboard",
        "metadata": {"name": uid},
        "spec": {
            "instanceSelector": {"matchLabels": {"dashboards": "grafana"}},
            "allowCrossNamespaceImport": True,  # Grafana is rarely in the bundle's namespace
            "folder": FOLDER,
            "configMapRef": {"name": uid, "key": f"{uid}.json"},
        },
    }


def _pretty(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _yaml(data: dict[str, Any]) -> str:
    return _FROM + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10**6)
