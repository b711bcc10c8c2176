"""Where numbers of turns come from: Prometheus, else the controller's records; stderr says which."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.controller_access import ControllerAccess
from kubectl_kagent.errors import KagentError

if TYPE_CHECKING:
    from kubectl_kagent.backends.prometheus import Prometheus
    from kubectl_kagent.telemetry.traces.sources import TraceSource

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_NONE = "none"
_OPTION = click.option(
    "--prometheus",
    "url",
    default="",
    metavar="URL",
    help="Ask only this Prometheus; none: ask only the controller. Default: the one in the cluster, if any.",
)


@dataclass(frozen=True, slots=True)
class PrometheusOptions:
    """What the command line says of Prometheus: its URL, ``none`` or nothing, and the tenant, if any."""

    url: str
    tenant: str


def prometheus(function: F) -> F:
    """Add the flags that say which Prometheus to ask, and pass PrometheusOptions as ``store``."""

    @_OPTION
    @options.tenant
    @functools.wraps(function)
    def wrapper(*args: Any, url: str, tenant: str, **values: Any) -> Any:
        return function(*args, store=PrometheusOptions(url, tenant), **values)

    return wrapper  # type: ignore[return-value]  # click's decorators keep the callable, not its type


def ask(
    reach: ControllerAccess,
    store: PrometheusOptions,
    *,
    prometheus: Callable[[Prometheus], T],
    records: Callable[[TraceSource], T],
    has_any: Callable[[T], bool],
) -> tuple[T, str]:
    """What the first source says that has any, and its name. A Prometheus that was named is asked alone."""
    from kubectl_kagent.backends.prometheus import at_address, find_prometheus
    from kubectl_kagent.cluster.tenant import AsTenant
    from kubectl_kagent.telemetry.traces.sources import records as records_of

    def told(found: Prometheus) -> tuple[T, str]:
        asked = replace(found, http=AsTenant(found.http, store.tenant))
        return _told(prometheus(asked), has_any, f"Prometheus ({found.name})")

    if store.url and store.url != _NONE:
        return told(at_address(store.url, "http://HOST:9090, or none"))
    found = None if store.url or reach.url else find_prometheus(reach.connect())
    if found is not None:
        name = f"Prometheus ({found.name})"
        try:
            answer, source = told(found)
            if has_any(answer):
                return answer, source
            terminal.say(f"nothing in {name}")
        except KagentError as error:
            terminal.warn(f"{name} can't be asked: {error.explained}")
    kept = records_of(reach.controllers())
    return _told(records(kept), has_any, kept.name)


def _told(answer: T, has_any: Callable[[T], bool], source: str) -> tuple[T, str]:
    if has_any(answer):
        terminal.say(f"from {source}")
    return answer, source
