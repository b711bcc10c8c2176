"""Where numbers of turns come from: Prometheus, else the controller's records; stderr says which."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from kubectl_kagent.cli import options, terminal
from kubectl_kagent.errors import KagentError

if TYPE_CHECKING:
    from kubectl_kagent.backends.prometheus import Prometheus
    from kubectl_kagent.telemetry.traces.sources import TraceSource

T = TypeVar("T")

_NONE = "none"

prometheus = click.option(
    "--prometheus",
    "url",
    default="",
    metavar="URL",
    help="Ask only this Prometheus; none: ask only the controller. Default: the one in the cluster, if any.",
)


def ask(
    reach: options.ControllerAccess,
    url: str,
    *,
    prometheus: Callable[[Prometheus], T],
    records: Callable[[TraceSource], T],
    has_any: Callable[[T], bool],
) -> tuple[T, str]:
    """What the first source says that has any, and its name. A Prometheus that was named is asked alone."""
    from kubectl_kagent.backends.prometheus import at_address, find_prometheus
    from kubectl_kagent.telemetry.traces.sources import records as records_of

    if url and url != _NONE:
        named = at_address(url, "http://HOST:9090, or none")
        return _told(prometheus(named), has_any, f"Prometheus ({named.name})")
    found = None if url or reach.url else find_prometheus(reach.connect())
    if found is not None:
        name = f"Prometheus ({found.name})"
        try:
            answer, source = _told(prometheus(found), has_any, name)
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
