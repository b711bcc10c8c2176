"""Why a turn failed, where a look at the cluster or the controller tells: kagent's own words do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kubectl_kagent.cli import terminal
from kubectl_kagent.cli.controller_access import ControllerAccess
from kubectl_kagent.commands.chat.talk import TaskFailed
from kubectl_kagent.conversation.client import A2AClient
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.lifecycle.workloads.deployment import own_deployment
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.workload import HIBERNATED_REPLICAS, Workload
from kubectl_kagent.shell import command_line
from kubectl_kagent.wire.a2a import INTERNAL_ERROR, RpcError


@contextmanager
def explained(reach: ControllerAccess, client: A2AClient, session: str) -> Iterator[None]:
    """A turn in the block that fails for want of pods, or of the ``session`` it goes on with, ends with that.

    Nothing is asked unless it fails.
    """
    try:
        yield
    except (RpcError, TaskFailed) as error:
        if isinstance(error, RpcError) and error.code != INTERNAL_ERROR:
            raise
        reason = None
        if isinstance(error, RpcError) and not reach.url:  # a task that failed had a pod
            reason = _no_pods(reach, client)
        if reason is None and session:
            reason = _no_session(reach, client, session, error)
        if reason is None:
            raise
        raise reason from error


def _no_pods(reach: ControllerAccess, client: A2AClient) -> KagentError | None:
    try:
        cluster = reach.connect()
        workload = Workload(AGENT, cluster.get(AGENT, client.namespace, client.agent))
        if Deployment(own_deployment(cluster, workload)).counts.wanted:
            return None
    except NotFound:
        return None
    except KagentError as error:
        terminal.warn(f"whether agent {client.agent} has pods is not known: {error.explained}")
        return None
    slept = HIBERNATED_REPLICAS in workload.annotations
    return KagentError(
        f"agent {client.agent} is {'hibernated' if slept else 'scaled to 0'}: there is no pod to ask",
        hint=f"kubectl kagent wake {workload.typed}"
        if slept
        else f"kubectl kagent scale {workload.typed} --replicas=1",
    )


def _no_session(
    reach: ControllerAccess, client: A2AClient, session: str, failure: KagentError
) -> KagentError | None:
    user = client.controller.user
    try:
        if client.controller.has_session(session):
            return None
    except KagentError as error:
        terminal.warn(f"whether session {session} is there is not known: {error.explained}")
        return None
    where = (client.agent, "-n", client.namespace, *reach.user_flags)
    listing = command_line("kubectl kagent sessions list", *where)
    return KagentError(
        f"user {user} has no session {session}: {failure.message}",
        hint=f"{listing} lists those that are there; a deleted one can't be continued",
    )
