"""Waiting for the bundle's pods, by kubectl's rules for a finished rollout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import TimedOut
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.resources import DAEMON_SET, DEPLOYMENT
from kubectl_kagent.observe.changes import Change

Object = dict[str, Any]

_SECONDS = 2.0  # between two looks


def wait_until_ready(
    cluster: Cluster, found: Sequence[Change], *, timeout: float, tell: Callable[[str], None]
) -> None:
    """Return when every Deployment and DaemonSet has rolled out. ``timeout`` is in seconds; 0: look once.

    ``tell`` hears what is waited for whenever that changes. Raises TimedOut.
    """
    waiting = [change for change in found if change.resource in (DEPLOYMENT, DAEMON_SET)]
    deadline = clock.monotonic() + timeout
    told = ""
    while True:
        lives = side_by_side(
            lambda one: cluster.get(one.resource, one.namespace, one.wanted["metadata"]["name"]), waiting
        )
        waiting = [one for one, live in zip(waiting, lives, strict=True) if not is_ready(live)]
        if not waiting:
            return
        names = ", ".join(one.label for one in waiting)
        if names != told:
            tell(f"Waiting for {names}...")
            told = names
        if clock.monotonic() >= deadline:
            raise TimedOut(
                f"not ready in time: {names}",
                hint=f"kubectl describe {waiting[0].label} -n {waiting[0].namespace}",
            )
        clock.sleep(_SECONDS)


def is_ready(obj: Mapping[str, Any]) -> bool:
    """Whether every wanted pod of a Deployment or DaemonSet is of its newest template, and available."""
    status = obj.get("status") or {}
    if "desiredNumberScheduled" not in status:
        return Deployment(obj).rolled_out
    wanted = int(status["desiredNumberScheduled"])
    counts = (int(status.get(name) or 0) for name in ("updatedNumberScheduled", "numberAvailable"))
    return Deployment(obj).observed and min(counts) >= wanted
