"""The labels by which the Prometheus of a cluster takes up rules and monitors."""

from __future__ import annotations

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import ResourceMissing
from kubectl_kagent.model.resources import PROMETHEUS
from kubectl_kagent.model.workload import dig

_SELECTORS = ("ruleSelector", "serviceMonitorSelector", "podMonitorSelector")


def selected_labels(cluster: Cluster) -> dict[str, str]:
    """Those that all Prometheus objects together ask for; of two values of one label the first one's.

    kube-prometheus-stack, for one, takes up only what is labelled with its release. Raises Forbidden.
    """
    try:
        items = cluster.list_objects(PROMETHEUS)["items"]
    except ResourceMissing:
        return {}
    labels: dict[str, str] = {}
    for item in items:
        for selector in _SELECTORS:
            found = dig(item, "spec", selector, "matchLabels")
            if isinstance(found, dict):
                labels = {str(key): str(value) for key, value in found.items()} | labels
    return labels
