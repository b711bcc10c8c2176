"""--all-users: the users that are known elsewhere, since kagent's controller lists none."""

from __future__ import annotations

from dataclasses import replace

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import terminal
from kubectl_kagent.cli.controller_access import ControllerAccess
from kubectl_kagent.errors import KagentError

_DAYS = 7
_MOST = 100
# Who calls an agent without a user gets one of this name and the session's id: one session each.
_NOBODY = "A2A_USER_"

flag = click.option(
    "--all-users",
    is_flag=True,
    help=f"Also those of the users whom traces of the last {_DAYS} days in Tempo name.",
)


def added(reach: ControllerAccess) -> ControllerAccess:
    """The same access with these users beside the ones that are named.

    Raises KagentError where no Tempo is to be seen, and what it raises.
    """
    from kubectl_kagent.backends.tempo import find_tempo  # not for a help
    from kubectl_kagent.wire.semconv import USER

    tempo = find_tempo(reach.connect())
    if tempo is None:
        raise KagentError(
            "which users there are is not known: the kagent controller has no list of them, and no Tempo is "
            "to be seen whose traces name them",
            hint="name each with --user-id",
        )
    now = clock.now().timestamp()
    names = tempo.values(f"span.{USER}", start=now - _DAYS * 86400, end=now)
    where = f"traces in Tempo ({tempo.name}) of the last {_DAYS} days"
    terminal.say(f"users are those of {where}: who was not traced is missing")
    people_first = sorted(names, key=lambda name: (name.startswith(_NOBODY), name))
    found = tuple(dict.fromkeys((*reach.users, *people_first)))
    if len(found) > _MOST:
        terminal.warn(f"{len(found)} users: only {_MOST} are asked for; --user-id names others")
    return replace(reach, named_users=found[:_MOST])
