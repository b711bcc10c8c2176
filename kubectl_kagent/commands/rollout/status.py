"""rollout status."""

from __future__ import annotations

from functools import partial

import click

from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.duration import Duration
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.targets import one_target
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.commands.rollout.undo import roll_back
from kubectl_kagent.conversation.smoke import NoAnswer, ask
from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.undo_plan import choose_good
from kubectl_kagent.lifecycle.rollout import wait as rollout
from kubectl_kagent.model.workload import Workload


@command(short_help="Wait for a rollout, and say what holds it up")
@options.targets
@click.option(
    "-w/",
    "--watch/--no-watch",
    default=True,
    help="Wait until the rollout is done; --watch=false looks once.",
)
@click.option("--timeout", type=Duration(), default="0", help="Give up after this long; 0: never.")
@click.option(
    "--revision", type=options.Integer(min=0), default=0, help="Fail once the live revision is not this one."
)
@click.option(
    "--smoke",
    metavar="PROMPT",
    default="",
    help="Then ask the new pods this, and fail if they give no answer.",
)
@click.option(
    "--on-failure",
    type=click.Choice(["undo"]),
    help="undo: roll back to the newest revision that was ready if the rollout or --smoke fails.",
)
@options.connected
def status(
    cluster: Cluster,
    target: tuple[str, ...],
    *,
    watch: bool,
    timeout: float,
    revision: int,
    smoke: str,
    on_failure: str | None,
) -> None:
    """Wait for the newest rollout and say what holds it up: an image, crash, probe, quota or the controller.

    Exits with 0 when every pod runs the newest config, 1 when the rollout can't finish, 4 after
    --timeout, and 5 when the API server or the controller is away, or the controller does nothing for 5m.

    \b
    kubectl kagent rollout status agent/datetime-agent --timeout=5m
    # and check that the new pods answer
    kubectl kagent rollout status agent/datetime-agent --smoke 'what time is it?'
    """
    resource, name = one_target(target)
    if not watch and (smoke or on_failure):
        raise UsageError("--smoke and --on-failure can't be used with --watch=false")
    workload = Workload(resource, cluster.get(resource, cluster.namespace, name))
    if smoke and not workload.is_agent:
        raise UsageError(f"--smoke asks an agent; {workload.label} answers no prompts")
    voice = rollout.Voice(terminal.write_line, terminal.warn)
    if watch:
        if on_failure:
            _record(cluster, workload)
        undo = partial(roll_back, cluster, workload, choose_good) if on_failure else None
        question = partial(_answer, cluster, workload, smoke) if smoke else None
        rollout.follow(
            cluster, workload, voice, timeout=timeout, revision=revision, smoke=question, undo=undo
        )
    else:
        rollout.show(cluster, workload, voice, revision=revision)


def _record(cluster: Cluster, workload: Workload) -> None:
    """Record what was before: by the time of a failure the API server may have forgotten it.

    When that can't be done the rollout is waited for all the same; whether there is anything to return to
    shows when it fails.
    """
    try:
        Notes().tell(*history.update(cluster, workload, manager=options.MANAGER).notes)
    except KagentError as error:
        terminal.warn(f"what was before is not recorded: {error.explained}")


def _answer(cluster: Cluster, workload: Workload, prompt: str) -> str:
    try:
        return ask(cluster, workload, prompt)
    except NoAnswer as error:
        raise rollout.RolloutFailed(
            f'agent "{workload.name}" failed its smoke test: {error.message}', error.hint
        ) from error
