"""Option decorators and argument types that the verbs share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kubectl_kagent.cli import completion, terminal
from kubectl_kagent.cli.command import VERBOSITY
from kubectl_kagent.cli.duration import seconds
from kubectl_kagent.errors import UsageError

if TYPE_CHECKING:
    from kubectl_kagent.cluster import Cluster

F = TypeVar("F", bound=Callable[..., Any])

MANAGER = "kubectl-kagent"


class Integer(click.IntRange):
    """A whole number within bounds; click's own says of a word that it "is not a valid integer range"."""

    name = "integer"


def _heed(context: click.Context, _parameter: click.Parameter, level: int) -> None:
    context.meta[VERBOSITY] = level


_namespace = click.option(
    *("-n", "--namespace"),
    metavar="NAME",
    shell_complete=completion.namespace,
    help="Namespace; default: that of the context.",
)
_CONNECTION = (
    click.option("--kubeconfig", metavar="FILE", type=click.Path(), help="Path of the kubeconfig file."),
    click.option(
        "--context",
        metavar="NAME",
        shell_complete=completion.context_name,
        help="Kubeconfig context; kubectl's other connection flags (--as, --server, -v, ...) work too.",
    ),
    click.option(
        "--cluster",
        metavar="NAME",
        shell_complete=completion.cluster_name,
        hidden=True,
        help="Kubeconfig cluster to use.",
    ),
    click.option(
        "--user",
        metavar="NAME",
        shell_complete=completion.user_name,
        hidden=True,
        help="Kubeconfig user to use.",
    ),
    _namespace,
    click.option("--as", "as_user", metavar="USER", hidden=True, help="User to impersonate."),
    click.option(
        "--as-group", "as_groups", metavar="GROUP", multiple=True, hidden=True, help="Group to impersonate."
    ),
    click.option("--as-uid", metavar="UID", hidden=True, help="UID to impersonate."),
    click.option(
        "--as-user-extra",
        metavar="KEY=VALUE",
        multiple=True,
        hidden=True,
        help="Extra field of the user to impersonate.",
    ),
    click.option(
        "--request-timeout",
        type=str,
        metavar="DURATION",
        hidden=True,
        help="How long to wait for a single request, like 10s.",
    ),
    click.option("--token", metavar="TOKEN", hidden=True, help="Bearer token."),
    click.option("-s", "--server", metavar="URL", hidden=True, help="Address of the API server."),
    click.option("--certificate-authority", metavar="FILE", hidden=True, help="CA certificate."),
    click.option("--client-certificate", metavar="FILE", hidden=True, help="Client certificate."),
    click.option("--client-key", metavar="FILE", hidden=True, help="Client key."),
    click.option(
        "--insecure-skip-tls-verify", is_flag=True, hidden=True, help="Do not check the server's certificate."
    ),
    click.option(
        "--tls-server-name", metavar="NAME", hidden=True, help="Name to expect in the server's certificate."
    ),
    click.option(
        *("-v", "--v", VERBOSITY),
        type=int,
        default=0,
        metavar="LEVEL",
        hidden=True,
        expose_value=False,
        callback=_heed,
        help="6 or more: print each request on stderr, without headers and bodies.",
    ),
)


CONNECTION_NAMES = (
    *("kubeconfig", "context", "cluster", "user", "namespace", "as_user", "as_groups", "as_uid"),
    "as_user_extra",
    *("request_timeout", "token", "server", "certificate_authority", "client_certificate", "client_key"),
    *("insecure_skip_tls_verify", "tls_server_name"),
)

_FILES = ("kubeconfig", "certificate_authority", "client_certificate", "client_key")

Connect = Callable[[], "Cluster"]


def open_cluster(
    context: click.Context, flags: dict[str, Any], warn: Callable[[str], None] | None = None
) -> Cluster:
    """The cluster that these connection flags name; ``ctx.obj`` may say which. Raises KagentError."""
    from kubectl_kagent.cluster.connect import Connection, connect

    timeout = flags.get("request_timeout")
    given = Connection(**(flags | {"request_timeout": (seconds(timeout) or None) if timeout else None}))
    cluster: Cluster = context.obj(given) if context.obj else connect(given, warn)
    return cluster


def connection(function: F) -> F:
    """Add kubectl's connection flags and pass a function that connects as the first argument.

    A factory in ``ctx.obj`` replaces the real connection: tests put a fake there.
    """
    return _with_connection(function, _namespace)


def connection_in(namespace: str) -> Callable[[F], F]:
    """The same for a verb whose work is in ``namespace``, unless ``-n`` names another."""
    option = click.option(
        *("-n", "--namespace"),
        metavar="NAME",
        default=namespace,
        shell_complete=completion.namespace,
        show_default=True,
        help="Namespace.",
    )
    return lambda function: _with_connection(function, option)


def _with_connection(function: F, namespace: Callable[[F], F]) -> F:

    @click.pass_context
    @functools.wraps(function)
    def wrapper(context: click.Context, /, **values: Any) -> Any:
        _see_that_it_is_text(context, values)
        flags = {name: values.pop(name) for name in list(values) if name in CONNECTION_NAMES}
        return context.invoke(function, lambda: open_cluster(context, flags, terminal.warn), **values)

    for option in reversed(_CONNECTION):
        wrapper = (namespace if option is _namespace else option)(wrapper)  # type: ignore[arg-type]
    return wrapper  # type: ignore[return-value]  # click's decorators keep the callable, not its type


def _see_that_it_is_text(context: click.Context, values: Mapping[str, Any]) -> None:
    """Raises UsageError for bytes that are not UTF-8, which only the name of a file may have.

    It names the option and not its value: that may be a token.
    """
    for parameter in context.command.params:
        value = values.get(parameter.name or "")
        for word in value if isinstance(value, tuple) else (value,):
            if isinstance(word, str) and parameter.name not in _FILES:
                try:
                    word.encode()
                except UnicodeEncodeError:
                    raise UsageError(f"the value of {_name(parameter)} is not UTF-8 text") from None


def _name(parameter: click.Parameter) -> str:
    return (
        max(parameter.opts, key=len) if isinstance(parameter, click.Option) else parameter.human_readable_name
    )


def connected(function: F) -> F:
    """Add kubectl's connection flags and pass the connected cluster as the first argument."""

    @connection
    @functools.wraps(function)
    def wrapper(connect: Connect, **values: Any) -> Any:
        return function(connect(), **values)

    return wrapper  # type: ignore[return-value]  # as above


def tenant_of(what: str) -> Callable[[F], F]:
    """--tenant, whose help begins with ``what`` it is for."""
    return click.option(
        "--tenant",
        envvar="KAGENT_TENANT",
        default="",
        metavar="ID",
        help=f"{what}, sent as X-Scope-OrgID. [KAGENT_TENANT]",
    )


tenant = tenant_of("Tenant to ask Loki, Tempo or Prometheus as")


_WAYS_TO_NAME = "TYPE/NAME | TYPE NAME | NAME"
targets = click.argument("target", nargs=-1, metavar=_WAYS_TO_NAME, shell_complete=completion.target)
listable = click.argument("target", nargs=-1, metavar=_WAYS_TO_NAME, shell_complete=completion.listable)

all_namespaces = click.option("-A", "--all-namespaces", is_flag=True, help="Look in every namespace.")
selector = click.option("-l", "--selector", metavar="LABELS", help="Label selector, like app=x,tier!=y.")
everything = click.option(
    "--all", "all_", is_flag=True, help="Select all objects of the type in the namespace."
)
error_unchanged = click.option(
    "--error-unchanged", is_flag=True, help="Exit with code 3 if there is nothing to change."
)


def mutation(function: F) -> F:
    """Add ``--dry-run`` and ``--field-manager``."""
    dry_run = click.option(
        "--dry-run",
        type=click.Choice(["none", "client", "server"]),
        default="none",
        help="client: only print the object; server: let the server check the change without storing it.",
    )
    manager = click.option(
        "--field-manager",
        "manager",
        default=MANAGER,
        show_default=True,
        help="Name of the manager that owns the changed fields.",
    )
    return dry_run(manager(function))
