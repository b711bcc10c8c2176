"""What the verbs of observe have in common: the options that say what the bundle is for this cluster."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from kubectl_kagent.cli.options import Connect
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import NotFound, UsageError
from kubectl_kagent.model.resources import CRD, PROMETHEUS_RULE
from kubectl_kagent.observe import bundle, files
from kubectl_kagent.observe.bundle import Settings
from kubectl_kagent.observe.rule_values import SOURCE

F = TypeVar("F", bound=Callable[..., Any])

EXCLUSIVE = (("--operator", "--plain"),)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The bundle as the command line describes it. A cluster is asked only for what it leaves open."""

    operator: bool
    plain: bool
    values: Path | None

    def objects(self, connect: Connect) -> list[bundle.Object]:
        """The bundle's objects. Raises UsageError for values that are wrong."""
        values = self._values()
        operator = self.operator or (not self.plain and has_operator(connect()))
        try:
            return bundle.build(files.root(), Settings(operator, namespace(), values))
        except ValueError as error:
            if not values:
                raise
            message = str(error).removeprefix(SOURCE).removeprefix(": ").strip()
            raise UsageError(f"{self.values}: {message}") from None

    def _values(self) -> str:
        try:
            return self.values.read_text() if self.values else ""
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UsageError(f"{self.values} cannot be read: {reason}") from None


def wanted(function: F) -> F:
    """Add the options; the verb gets them as ``wanted``."""

    @functools.wraps(function)
    def wrapper(*args: Any, operator: bool, plain: bool, values: Path | None, **rest: Any) -> Any:
        return function(*args, wanted=Wanted(operator, plain, values), **rest)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]  # click's decorators keep the callable, not its type


_OPTIONS = (
    click.option(
        "--operator",
        is_flag=True,
        help="Objects of the prometheus-operator; default: if the cluster has its PrometheusRules.",
    ),
    click.option("--plain", is_flag=True, help="Rules and scrapes as ConfigMaps, for a plain Prometheus."),
    click.option(
        "--values",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Thresholds, objectives and prices of your own, in the form of alerts/values.yaml; "
        "what it does not name stays.",
    ),
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
