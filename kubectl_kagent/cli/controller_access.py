"""How the command line says to reach the kagent controller, and as whom."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kubectl_kagent.cli import completion, options, terminal
from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.model.controllers import DEFAULT_USER, of_users
from kubectl_kagent.model.paths import segment
from kubectl_kagent.model.resources import AGENT

if TYPE_CHECKING:
    from kubectl_kagent.backends.controller import Controller

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class ControllerAccess:
    """How the command line says to reach the kagent controller. Nothing is asked before it is used."""

    connect: options.Connect
    given_namespace: str | None
    kagent_namespace: str | None
    url: str | None
    token: str
    named_users: tuple[str, ...]

    def controller(self) -> Controller:
        """At ``--kagent-url``, else behind the API server's proxy, asked as the one user that is meant.

        Raises UsageError for a token without an address, and for several users.
        """
        self.check_one_user()
        return self.controllers()[0]

    def check_one_user(self) -> None:
        """Raises UsageError for several users, before anything is asked."""
        if len(self.users) > 1:
            raise UsageError("--user-id goes here once: only lists are of several users")

    def controllers(self) -> tuple[Controller, ...]:
        """The same for each user. Raises UsageError for a token without an address."""
        first = self._as(self.users[0])
        return tuple(replace(first, user=user) for user in self.users)

    def _as(self, user: str) -> Controller:
        from kubectl_kagent.backends.controller import at_address, find_controller  # not for a help

        if self.url:
            return at_address(self.url, self.token, user)
        if self.token:
            raise UsageError(
                "--kagent-token goes with --kagent-url: the API server passes no token on to a service"
            )
        return find_controller(self.connect(), self.kagent_namespace, user=user)

    @property
    def users(self) -> tuple[str, ...]:
        """The users that are meant, each once."""
        return tuple(dict.fromkeys(self.named_users)) or (DEFAULT_USER,)

    @property
    def user_flags(self) -> tuple[str, ...]:
        """What a command in a hint needs to mean the same users."""
        return () if self.users == (DEFAULT_USER,) else tuple(f"--user-id={user}" for user in self.users)

    @property
    def whose(self) -> str:
        """Whose an answer from the controller's records is, and how to see others'."""
        return f"of {of_users(self.users)}; other users' are found with --user-id"

    def tell_whose(self) -> None:
        """Say it where nobody said whose is meant."""
        if not self.named_users:
            terminal.say(self.whose)

    def namespace(self) -> str:
        """The namespace of what the command line names; with ``--kagent-url`` no kubeconfig is needed.

        Raises UsageError when neither the command line nor a kubeconfig names one.
        """
        if self.given_namespace:
            segment(self.given_namespace, "namespace")
            return self.given_namespace
        try:
            return self.connect().namespace
        except KagentError as error:
            if not self.url:
                raise
            raise UsageError(f"which namespace? {error.message}", hint="name it with -n") from error

    def agent(self, name: str) -> None:
        """Raises NotFound, in kubectl's words and not the controller's, when the agent is not there."""
        if not self.url:
            cluster = self.connect()
            cluster.get(AGENT, cluster.namespace, name)


def with_controller(function: F) -> F:
    """Add the flags that say where the controller is, and pass a ControllerAccess as the first argument."""

    @options.connection
    @functools.wraps(function)
    def wrapper(
        connect: options.Connect,
        kagent_namespace: str | None,
        kagent_url: str | None,
        kagent_token: str,
        user_id: tuple[str, ...],
        **values: Any,
    ) -> Any:
        given = click.get_current_context().params.get("namespace")
        once = functools.cache(connect)
        reach = ControllerAccess(once, given, kagent_namespace, kagent_url, kagent_token, user_id)
        return function(reach, **values)

    for option in reversed(_CONTROLLER):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]  # as above


def _not_empty(_: click.Context, __: click.Parameter, users: tuple[str, ...]) -> tuple[str, ...]:
    """A variable that a script did not set is nobody's name, and not the default's either."""
    if "" in users:
        raise UsageError("--user-id names no user", hint=f"leave it out for {DEFAULT_USER}")
    return users


_CONTROLLER = (
    click.option(
        "--kagent-namespace",
        metavar="NAME",
        shell_complete=completion.namespace,
        help="Namespace of the kagent controller; default: where it is found.",
    ),
    click.option(
        "--kagent-url",
        envvar="KAGENT_URL",
        metavar="URL",
        help="Address of the controller, such as an ingress; default: through the API server. [KAGENT_URL]",
    ),
    click.option(
        "--kagent-token",
        envvar="KAGENT_TOKEN",
        default="",
        metavar="TOKEN",
        help="Bearer token for --kagent-url. [KAGENT_TOKEN]",
    ),
    click.option(
        "--user-id",
        multiple=True,
        metavar="USER",
        callback=_not_empty,
        help=f"User whose sessions and tasks are meant; lists take several; default: {DEFAULT_USER}.",
    ),
)
CONTROLLER_NAMES = ("kagent_namespace", "kagent_url", "kagent_token", "user_id")
CONTROLLER_FLAGS = tuple(f"--{name.replace('_', '-')}" for name in CONTROLLER_NAMES)
