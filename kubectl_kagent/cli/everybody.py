"""--all-users: the users that are known elsewhere, since kagent's controller lists none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.controller_access import ControllerAccess
from kubectl_kagent.errors import KagentError

F = TypeVar("F", bound=Callable[..., Any])

_DAYS = 7
_MOST = 100
# Who calls an agent without a user gets one of this name and the session's id: one session each.
_NOBODY = "A2A_USER_"

_FLAG = click.option(
    "--all-users",
    is_flag=True,
    help=f"Also those of the users whom traces of the last {_DAYS} days in Tempo name.",
)
_TENANT = options.tenant_of("With --all-users, tenant to ask Tempo as")
NEEDS = {"--tenant": ("--all-users",)}


@dataclass(frozen=True, slots=True)
class Others:
    """Whether all users are meant, and the tenant as whom Tempo is asked, if any."""

    all_users: bool
    tenant: str


def flags(function: F) -> F:
    """Add --all-users and --tenant, and pass Others as ``others``. The verb has ``needs=NEEDS``."""

    @_FLAG
    @_TENANT
    @functools.wraps(function)
    def wrapper(*args: Any, all_users: bool, tenant: str, **values: Any) -> Any:
        return function(*args, others=Others(all_users, tenant), **values)

    return wrapper  # type: ignore[return-value]  # click's decorators keep the callable, not its type


def added(reach: ControllerAccess, others: Others) -> ControllerAccess:
    """The same access, if all are meant with these users beside the ones that are named.

    Raises KagentError where no Tempo is to be seen, and what it raises.
    """
    if not others.all_users:
        return reach
    from kubectl_kagent.backends.tempo import find_tempo  # not for a help
    from kubectl_kagent.cluster.tenant import AsTenant
    from kubectl_kagent.wire.semconv import USER

    tempo = find_tempo(reach.connect())
    if tempo is None:
        raise KagentError(
            "which users there are is not known: the kagent controller has no list of them, and no Tempo is "
            "to be seen whose traces name them",
            hint="name each with --user-id",
        )
    now, asked = clock.now().timestamp(), replace(tempo, http=AsTenant(tempo.http, others.tenant))
    names = asked.values(f"span.{USER}", start=now - _DAYS * 86400, end=now)
    where = f"traces in Tempo ({tempo.name}) of the last {_DAYS} days"
    terminal.say(f"users are those of {where}: who was not traced is missing")
    people_first = sorted(names, key=lambda name: (name.startswith(_NOBODY), name))
    found = tuple(dict.fromkeys((*reach.users, *people_first)))
    if len(found) > _MOST:
        terminal.warn(f"{len(found)} users: only {_MOST} are asked for; --user-id names others")
    return replace(reach, named_users=found[:_MOST])
