"""Whether the dashboards are in the cluster; whether a Grafana shows them can't be seen from here."""

from __future__ import annotations

from pathlib import Path

from kubectl_kagent.model.workload import dig
from kubectl_kagent.observe import kustomization
from kubectl_kagent.observe.status.facts import Facts
from kubectl_kagent.observe.status.signals import ARRIVING, FAILING, MISSING, UNKNOWN, Remedy, Signal

NAME = "dashboards"
_FOLDER = "manifests/generated/dashboards"


def dashboards(root: Path, facts: Facts) -> Signal:
    """Compares the bundle's below ``root`` with the ConfigMaps, which Grafana's sidecar and operator read."""
    if facts.config_maps is None:
        return Signal(NAME, UNKNOWN, "ConfigMaps may not be listed")
    ours = {item["metadata"]["name"]: item["data"] for item in kustomization.objects(root / _FOLDER)}
    theirs = {name: dig(facts.config_map(name), "data") for name in ours}
    install = Remedy("install this version", (facts.command("diff"), facts.command("install")))
    absent = [name for name, data in theirs.items() if data is None]
    if absent and len(absent) == len(ours):
        return Signal(NAME, MISSING, f"none of them is in namespace {facts.namespace}", None, (install,))
    other = [name for name, data in theirs.items() if data is not None and data != ours[name]]
    if absent or other:
        parts = ([f"not there: {', '.join(absent)}"] if absent else []) + (
            [f"of another version: {', '.join(other)}"] if other else []
        )
        return Signal(NAME, FAILING, "; ".join(parts), None, (install,))
    how = "ConfigMaps and GrafanaDashboards" if facts.dashboards else "ConfigMaps"
    detail = f"{len(ours)} {how}; whether Grafana shows them is not looked at"
    return Signal(NAME, ARRIVING, detail)
