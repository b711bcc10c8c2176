"""--wait and --timeout: whether a verb waits for what it changed, and how long."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubectl_kagent.cli.duration import Duration

F = TypeVar("F", bound=Callable[..., Any])
_USUAL = 300.0  # seconds


def waits_for(what: str) -> Callable[[F], F]:
    """Add both, and pass ``wait`` and ``timeout``, in seconds; 0: no limit.

    A ``--timeout`` alone means ``--wait``, as with kubectl scale, and so not one of 0; beside ``--drain`` it
    is of that alone. ``--wait=false`` is never overruled.
    """

    def add(function: F) -> F:
        @functools.wraps(function)
        def wrapper(*args: Any, wait: bool | None, timeout: float | None, **values: Any) -> Any:
            if wait is None:
                wait = bool(timeout) and not values.get("drain_first")
            return function(*args, wait=wait, timeout=_USUAL if timeout is None else timeout, **values)

        wait = click.option("--wait", is_flag=True, default=None, help=f"Wait for {what}.")
        timeout = click.option(
            "--timeout",
            type=Duration(),
            help="How long to wait; alone it means --wait. Default: 5m; 0: no limit.",
        )
        return wait(timeout(wrapper))  # type: ignore[return-value]  # click keeps the callable, not its type

    return add
