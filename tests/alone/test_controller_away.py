"""The controller restarts, or is away: it is everybody's, so these tests have the cluster for themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, MODEL_CONFIG, POD
from kubectl_kagent.model.workload import RESTARTED_AT, dig
from tests.cluster.conftest import Tools, wait_for
from tests.cluster.running import Running
from tests.cluster.workloads import (
    Object,
    await_rendered,
    byo,
    config_hash,
    create,
    declarative,
    deployment,
    edit,
    key,
    model_config,
    parked,
    read,
    reconcile,
    replicas,
    set_prompt,
)

pytestmark = pytest.mark.cluster
KAGENT = "kagent"
CONTROLLER = "app.kubernetes.io/name=kagent,app.kubernetes.io/component=controller"
NAMED_WITHIN = 10.0


def test_what_was_done_outlives_the_controller(tools: Tools, api: ApiServer) -> None:
    create(api, key(), model_config(), parked("scaled"), parked("asleep", replicas=2), declarative("undone"))
    before = config_hash(api, "undone")
    for verb in (
        "scale agent/scaled --replicas=3",
        "hibernate agent/asleep",
        "rollout history agent/undone",
    ):
        assert tools.kagent(*verb.split()).code == 0, verb
    set_prompt(api, "undone", "Bad prompt.")
    assert tools.kagent("rollout", "undo", "agent/undone").code == 0
    assert tools.kagent("rollout", "restart", "agent/scaled").code == 0
    mark = restarted_at(api, "scaled")
    specs = {name: read(api, name)["spec"] for name in ("scaled", "asleep", "undone")}

    restart_controller(tools)
    for name in specs:
        reconcile(api, name)
    for name in specs:
        edit(api, name, {"description": "a second reconcile"})
        await_rendered(api, name)
        edit(api, name, {"description": "a test"})
        await_rendered(api, name)

    assert {name: read(api, name)["spec"] for name in specs} == specs
    assert (replicas(api, "scaled"), replicas(api, "asleep"), replicas(api, "undone")) == (3, 0, 1)
    assert config_hash(api, "undone") == before
    assert restarted_at(api, "scaled") == mark


def restart_controller(tools: Tools) -> None:
    names = tools.kubectl("get", "deployment", "-A", "-l", CONTROLLER, "-o", "json").out
    metadata = json.loads(names)["items"][0]["metadata"]
    where = ("-n", metadata["namespace"], "rollout")
    tools.kubectl(*where, "restart", f"deployment/{metadata['name']}")
    tools.kubectl(*where, "status", f"deployment/{metadata['name']}", "--timeout=60s")


def restarted_at(api: ApiServer, name: str) -> str | None:
    annotations: dict[str, str] = deployment(api, name)["spec"]["template"]["metadata"]["annotations"]
    return annotations.get(RESTARTED_AT)


def test_controller_down(tools: Tools, api: ApiServer) -> None:
    create(api, byo("alone", replicas=0))
    wait_for(
        lambda: dig(api.get(AGENT, api.namespace, "alone"), "status", "observedGeneration"), "the controller"
    )
    with controller_stopped(tools, api):
        tools.kubectl("patch", "agent/alone", "--type=merge", "-p", '{"spec":{"description":"changed"}}')
        knowable = time.monotonic()
        running = Running(tools.start("rollout", "status", "alone"))
        code, out, err = running.end()
    assert (code, out, err) == (
        5,
        ["Waiting for agent spec update to be observed..."],
        not_rolled_out("alone"),
    )
    assert running.named("ControllerDown") - knowable < NAMED_WITHIN
    code, out, err = Running(tools.start("rollout", "status", "alone")).end()
    assert (code, err) == (0, [])


def test_controller_down_while_a_source_changes(tools: Tools, api: ApiServer) -> None:
    """The agent's generation stays: its Deployment and its status look as after any good rollout."""
    create(api, key(), model_config(), declarative("clock", replicas=0))
    code, out, err = Running(tools.start("rollout", "status", "clock")).end()
    before = config_hash(api, "clock")
    asleep = 'agent "clock" is scaled to 0: no pods to roll out (config hash {})'
    assert (code, out[-1], err) == (0, asleep.format(before), [])
    with controller_stopped(tools, api):
        api.merge_patch(MODEL_CONFIG, api.namespace, "model", {"spec": {"model": "next"}}, manager="test")
        code, out, err = Running(tools.start("rollout", "status", "clock", "--timeout=60s")).end()
    assert (code, out, err) == (
        5,
        ["Waiting for modelconfig.kagent.dev/model update to be observed..."],
        not_rolled_out("clock"),
    )
    code, out, err = Running(tools.start("rollout", "status", "clock")).end()
    after = config_hash(api, "clock")
    assert (code, out[-1], err) == (0, asleep.format(after), [])
    assert after != before


@contextmanager
def controller_stopped(tools: Tools, api: ApiServer) -> Iterator[None]:
    controller = ("deployment/kagent-controller", "-n", KAGENT)
    try:
        tools.kubectl("scale", *controller, "--replicas=0")
        # one that is not available any more may still be at work
        wait_for(lambda: not pods(api), "the end of the controller's pod")
        yield
    finally:
        tools.kubectl("scale", *controller, "--replicas=1")
        wait_for(lambda: available(api), "the controller's return")


def not_rolled_out(name: str) -> list[str]:
    cause = (
        "deployment/kagent-controller in namespace kagent: ControllerDown: "
        "the kagent controller is scaled to 0"
    )
    return [
        f"Warning: {cause}",
        f'error: agent "{name}" is not being rolled out: {cause}',
        "hint: kubectl describe deployment/kagent-controller -n kagent",
    ]


def pods(api: ApiServer) -> list[Object]:
    found: list[Object] = api.list_objects(POD, KAGENT, labels=CONTROLLER)["items"]
    return found


def available(api: ApiServer) -> object:
    found = api.get(DEPLOYMENT, KAGENT, "kagent-controller")
    return dig(found, "status", "availableReplicas")
