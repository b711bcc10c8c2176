"""What the verbs of observe have in common: the options that say what the bundle is for this cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import NotFound
from kubectl_kagent.model.resources import CRD, PROMETHEUS_RULE
from kubectl_kagent.observe import bundle, files
from kubectl_kagent.observe.bundle import Settings

F = TypeVar("F", bound=Callable[..., Any])

EXCLUSIVE = (("--operator", "--plain"),)


def bundle_options(function: F) -> F:
    """Add the options; the verb gets ``operator`` and ``plain``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


_OPTIONS = (
    click.option(
        "--operator",
        is_flag=True,
        help="Objects of the prometheus-operator; default: if the cluster has its PrometheusRules.",
    ),
    click.option("--plain", is_flag=True, help="Rules and scrapes as ConfigMaps, for a plain Prometheus."),
)


def has_operator(cluster: Cluster) -> bool:
    """Whether the cluster serves PrometheusRules."""
    try:
        cluster.get(CRD, None, PROMETHEUS_RULE.full_name)
    except NotFound:
        return False
    return True


def namespace() -> str:
    """The bundle's: that of ``-n``, whose default is not the context's."""
    return str(click.get_current_context().params["namespace"])


def objects(cluster: Cluster, *, operator: bool, plain: bool) -> list[bundle.Object]:
    """The bundle's objects for this cluster."""
    wanted = operator or (not plain and has_operator(cluster))
    return bundle.build(files.root(), Settings(operator=wanted, namespace=namespace()))
