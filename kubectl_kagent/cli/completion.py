"""What <TAB> offers: names of the kubeconfig, the cluster, the controller. Who cannot be asked offers none.

Ids and names of tools are what agents and servers say: only plain words are offered, which no shell takes
for anything else.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from kubectl_kagent.cli import terminal
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.controllers import DEFAULT_USER
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    LISTABLE,
    MCP_SERVER,
    NAMESPACE,
    REMOTE_MCP_SERVER,
    WORKLOADS,
    Resource,
    find_type,
)
from kubectl_kagent.render.escapes import one_line

if TYPE_CHECKING:
    from kubectl_kagent.backends.controller import Controller
    from kubectl_kagent.cluster import Cluster
    from kubectl_kagent.cluster.kubeconfig import Kubeconfig

Candidates = Iterable[tuple[str, str]]  # a candidate, and what it is
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

# Somebody waits for the shell's prompt.
_PATIENCE = 2.0  # seconds
_ASKING = "asking for candidates"
_PLAIN = re.compile(r"[A-Za-z0-9][\w.:/@-]*")


def _offering(find: Callable[[click.Context, str], Candidates]) -> Complete:
    """The candidates that begin with what is typed, as far as they are known in time.

    A login may ask a person, and a proxy may never answer: then a thread is left behind.
    """

    def complete(
        context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        found: list[tuple[str, str]] = []

        def ask() -> None:
            with suppress(KagentError):
                for candidate in find(context, incomplete):
                    found.append(candidate)  # one by one: the next may never come

        asking = threading.Thread(target=ask, name=_ASKING, daemon=True)
        asking.start()
        asking.join(_PATIENCE)
        return [
            CompletionItem(word, help=_described(about))
            for word, about in tuple(found)
            if word.startswith(incomplete) and _PLAIN.fullmatch(word)
        ]

    return complete


def is_asking() -> bool:
    """Whether a thread is left behind that would keep the program from its end."""
    return any(thread.name == _ASKING for thread in threading.enumerate())


def _described(about: str) -> str | None:
    """One line of what users, agents and servers wrote; a shell shows it beside the candidate."""
    return one_line(terminal.without_secrets(" ".join(about.split()))) if about else None


def _named(context: click.Context, resource: Resource) -> Candidates:
    cluster = _cluster(context)
    items = cluster.list_objects(resource, cluster.namespace if resource.namespaced else None)["items"]
    return [(str(item["metadata"]["name"]), "") for item in items]


def _targets(types: tuple[Resource, ...]) -> Complete:
    """Types and names, in the form that the words before have."""

    def find(context: click.Context, incomplete: str) -> Candidates:
        words: tuple[str, ...] = context.params.get("target") or ()
        kind, slash, _ = (words[0] if words else incomplete).rpartition("/")
        if slash:
            resource = find_type(kind)
            found = [(f"{kind}/{name}", "") for name, _ in _named(context, resource)] if resource else []
        elif words:
            found = list(_named(context, find_type(words[0]) or AGENT))
        else:
            yield from ((resource.plural, "") for resource in types)
            found = list(_named(context, AGENT))
        yield from (candidate for candidate in found if candidate[0] not in words)

    return _offering(find)


target = _targets(WORKLOADS)
listable = _targets(LISTABLE)
agent = _offering(lambda context, _: _named(context, AGENT))
namespace = _offering(lambda context, _: _named(context, NAMESPACE))


@_offering
def server(context: click.Context, incomplete: str) -> Candidates:
    """Names of MCP servers; with a type before the slash those of that type."""
    kind, slash, _ = incomplete.rpartition("/")
    resource = find_type(kind) if slash else MCP_SERVER
    if resource not in (MCP_SERVER, REMOTE_MCP_SERVER):
        return []
    return [(f"{kind}{slash}{name}", "") for name, _ in _named(context, resource)]


@_offering
def server_tool(context: click.Context, _incomplete: str) -> Candidates:
    """Tools of the server that is named before, as far as kagent has found them."""
    from kubectl_kagent.cli.tools_target import tool_target
    from kubectl_kagent.model.workload import Reference
    from kubectl_kagent.tools.catalog import Servers

    word = str(context.params.get("named") or "")
    resource, name = tool_target(word, MCP_SERVER)
    cluster = _cluster(context)
    servers = Servers(cluster, lambda: _controller(context), lambda _: None)
    found = servers.find(Reference(resource, cluster.namespace, name))
    if found.exists is False and "/" not in word:
        found = servers.find(Reference(REMOTE_MCP_SERVER, cluster.namespace, name))
    return [(tool.name, tool.description) for tool in found.offered or ()]


@_offering
def revision(context: click.Context, _incomplete: str) -> Candidates:
    """Recorded revisions of the target that is named before, the newest first."""
    from kubectl_kagent.cli.targets import one_target
    from kubectl_kagent.model.revision import MalformedRevision, read_revision, selector
    from kubectl_kagent.model.workload import named

    words = context.params.get("target") or ()
    resource, name = one_target((words,) if isinstance(words, str) else words)
    cluster = _cluster(context)
    labels = ",".join(f"{key}={value}" for key, value in selector(named(resource, "", name)).items())
    found = []
    for item in cluster.list_objects(CONTROLLER_REVISION, cluster.namespace, labels=labels)["items"]:
        with suppress(MalformedRevision):
            found.append(read_revision(item))
    found.sort(key=lambda one: one.number, reverse=True)
    return [(str(one.number), one.change_cause or f"changed by {one.changed_by}") for one in found]


@_offering
def session(context: click.Context, _incomplete: str) -> Candidates:
    """The user's sessions, the one used last first; with the agent named before, else of the namespace."""
    from kubectl_kagent.conversation.sessions import sessions

    name = str(context.params.get("agent") or "")
    wanted = name.rpartition("/")[2]
    found = sessions(_controller(context), _cluster(context).namespace, wanted)
    return [(one.id, f"{one.agent}: {one.title}") for one in found]


@_offering
def waiting_task(context: click.Context, _incomplete: str) -> Candidates:
    """Tasks that wait for a person, in every namespace: a task is named without one."""
    from kubectl_kagent.conversation.inbox import inbox

    found = inbox(_controller(context), None, lambda _: None)
    return [(one.task, f"{one.session.agent}: {one.message}") for one in found]


def _of_kubeconfig(names: Callable[[Kubeconfig], Iterable[str]]) -> Complete:
    def find(context: click.Context, _incomplete: str) -> Candidates:
        from kubectl_kagent.cluster.connect import kubeconfigs

        config = kubeconfigs(context.params.get("kubeconfig"))
        return [(name, "") for name in (names(config) if config else ())]

    return _offering(find)


context_name = _of_kubeconfig(lambda config: config.contexts)
cluster_name = _of_kubeconfig(lambda config: config.clusters)
user_name = _of_kubeconfig(lambda config: config.users)


def _cluster(context: click.Context) -> Cluster:
    """The cluster that the flags before name."""
    from kubectl_kagent.cli.options import CONNECTION_NAMES, open_cluster

    flags: dict[str, Any] = {name: context.params.get(name) for name in CONNECTION_NAMES}
    for several in ("as_groups", "as_user_extra"):
        flags[several] = flags[several] or ()
    flags["insecure_skip_tls_verify"] = bool(flags["insecure_skip_tls_verify"])
    return open_cluster(context, flags | {"request_timeout": f"{_PATIENCE:g}s"})


def _controller(context: click.Context) -> Controller:
    """The controller that the flags before name."""
    from kubectl_kagent.backends.controller import at_address, find_controller

    given = context.params
    user, *_ = given.get("user_id") or (DEFAULT_USER,)
    if url := given.get("kagent_url"):
        return at_address(url, given.get("kagent_token") or "", user)
    return find_controller(_cluster(context), given.get("kagent_namespace"), user=user)
