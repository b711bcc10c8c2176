"""The files of Grafana's data sources: for its own provisioning, and as objects for the grafana-operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from dashboards.datasources import Part, Secret, Site, Traces, datasources

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "manifests/grafana/site.yaml"
GENERATED = "manifests/generated/datasources"
STORES: tuple[Traces, ...] = ("tempo", "jaeger")
FOLDERS = tuple(f"{GENERATED}/{traces}{form}" for traces in STORES for form in ("", "-operator"))
NAME = "kagent-datasources"  # of the ConfigMap, and of the Secret with what is secret
# Where the Secret is mounted in Grafana's pod: README.md of manifests/grafana.
_MOUNTED = "/etc/grafana/kagent"
_NAMESPACE = "kagent-observability"
_FROM = f"# Generated from {SOURCE} and dashboards/datasources.py.\n"
_FILE = f"{NAME}.yaml"  # beside others' files in one folder of Grafana's


def site(text: str) -> Site:
    """What a site file says. Raises ValueError for what is not in it, or is not understood."""
    given = yaml.safe_load(text)
    if not isinstance(given, dict):
        raise ValueError(f"{SOURCE} is not a table")
    try:
        parts = {name: Part(**part) for name, part in given.items() if isinstance(part, dict)}
        found = Site(**{**given, **parts})
    except TypeError as error:
        raise ValueError(f"{SOURCE}: {error}") from error
    for field in fields(Site):
        _check(field.name, getattr(found, field.name))
    return found


def _check(name: str, value: object) -> None:
    """Raises ValueError for what YAML takes for something else than a place's table, or a text."""
    if name != "tenant" and not isinstance(value, Part):
        raise ValueError(f"{SOURCE}: {name} is not a table: {value!r}")
    texts = {"": value}
    if isinstance(value, Part):
        texts = {": url": value.url, ": kind": value.kind, ": user": value.user}
        if value.user and value.token:
            raise ValueError(f"{SOURCE}: {name} has both a user and a token")
    for key, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{SOURCE}: {name}{key} is not a text: {text!r}")


def files() -> dict[str, str]:
    """Path below the repository, and text, of every file."""
    told, found = site((ROOT / SOURCE).read_text()), {}
    for traces in STORES:
        sources = datasources(told, traces)
        folder = f"{GENERATED}/{traces}"
        found[f"{folder}/{_FILE}"] = _yaml(provisioning(sources))
        found[f"{folder}/kustomization.yaml"] = _yaml(_config_map())
        operator = {f"{one['uid']}.yaml": grafana_datasource(one) for one in sources}
        found |= {f"{folder}-operator/{name}": _yaml(item) for name, item in operator.items()}
        found[f"{folder}-operator/kustomization.yaml"] = _yaml(_kustomization(resources=[*operator]))
    return found


def provisioning(sources: list[dict[str, Any]]) -> dict[str, Any]:
    """A file of Grafana's folder provisioning/datasources."""
    return {"apiVersion": 1, "datasources": [_escaped(one) for one in sources]}


def _escaped(value: Any) -> Any:
    """With a secret as the file that has it, and each other ``$`` doubled: one is a variable to Grafana."""
    match value:
        case Secret(before, key):
            return f"{before}$__file{{{_MOUNTED}/{key}}}"
        case str():
            return value.replace("$", "$$")
        case Mapping():
            return {key: _escaped(item) for key, item in value.items()}
        case list():
            return [_escaped(item) for item in value]
        case _:
            return value


def grafana_datasource(source: Mapping[str, Any]) -> dict[str, Any]:
    """A data source as the grafana-operator takes it, which puts secrets where ``valuesFrom`` says."""
    secrets = source.get("secureJsonData", {})
    from_secret = [*_values_from(secrets)]
    datasource = {key: value for key, value in source.items() if key != "uid"}
    if secrets:
        texts = {
            key: f"{one.before}${{{one.key}}}" if isinstance(one, Secret) else one
            for key, one in secrets.items()
        }
        datasource["secureJsonData"] = texts
    spec: dict[str, Any] = {
        "instanceSelector": {"matchLabels": {"dashboards": "grafana"}},
        "allowCrossNamespaceImport": True,  # Grafana is rarely in the bundle's namespace
        "uid": source["uid"],
        "datasource": datasource,
    }
    return {
        "apiVersion": "grafana.integreatly.org/v1beta1",
        "kind": "GrafanaDatasource",
        "metadata": {"name": source["uid"]},
        "spec": spec | ({"valuesFrom": from_secret} if from_secret else {}),
    }


def _values_from(secrets: Mapping[str, str | Secret]) -> Iterator[dict[str, Any]]:
    for key, one in secrets.items():
        if isinstance(one, Secret):
            source = {"secretKeyRef": {"name": NAME, "key": one.key}}
            yield {"targetPath": f"secureJsonData.{key}", "valueFrom": source}


def _config_map() -> dict[str, Any]:
    """As the sidecar of Grafana's chart finds data sources."""
    options = {"labels": {"grafana_datasource": "1"}, "disableNameSuffixHash": True}
    return _kustomization(configMapGenerator=[{"name": NAME, "files": [_FILE], "options": options}])


def _kustomization(**what: Any) -> dict[str, Any]:
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return {**head, "namespace": _NAMESPACE, **what}


def _yaml(data: Mapping[str, Any]) -> str:
    return _FROM + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10**6)
