"""scale, hibernate and wake as processes: several at once, preconditions, dry runs, waiting."""

from __future__ import annotations

import json
import re

import pytest

from kubectl_kagent.cluster.api import ApiServer
from tests.cluster.conftest import Done, Tools, wait_for
from tests.cluster.workloads import Object, byo, create, parked, read, replicas

pytestmark = pytest.mark.cluster


def asked(api: ApiServer, name: str = "clock") -> int | None:
    """The count in the object's own spec."""
    found: int | None = read(api, name)["spec"]["byo"]["deployment"].get("replicas")
    return found


def labelled(agent: Object, **labels: str) -> Object:
    agent["metadata"]["labels"] = labels
    return agent


def test_several_are_scaled_by_name_by_label_or_all(tools: Tools, api: ApiServer) -> None:
    create(api, labelled(parked("one"), team="red"), labelled(parked("two"), team="blue"), parked("three"))
    lines = {name: f"agent.kagent.dev/{name} scaled\n" for name in ("one", "two", "three")}
    named = tools.kagent("scale", "agents", "one", "three", "--replicas=2")
    assert named == Done(0, lines["one"] + lines["three"], "")
    chosen = tools.kagent("scale", "agents", "-l", "team=blue", "--replicas=3")
    assert chosen == Done(0, lines["two"], "")
    assert [asked(api, name) for name in lines] == [2, 3, 2]

    every = tools.kagent("hibernate", "agents", "--all")
    assert (every.code, sorted(every.out.splitlines())) == (
        0,
        [f"agent.kagent.dev/{name} hibernated" for name in sorted(lines)],
    )
    wait_for(lambda: [replicas(api, name) for name in lines] == [0, 0, 0], "the sleep of all")
    assert tools.kagent("wake", "agents", "--all").code == 0
    assert [asked(api, name) for name in lines] == [2, 3, 2]
    nobody = tools.kagent("scale", "agents", "-l", "team=green", "--replicas=1")
    assert nobody == Done(1, "", f"error: no agents matched in {tools.namespace} namespace\n")


def test_nothing_to_change_is_no_write(tools: Tools, api: ApiServer) -> None:
    create(api, parked("clock", replicas=2))
    before = read(api, "clock")
    same = ("scale", "clock", "--replicas=2")
    assert tools.kagent(*same) == Done(0, "agent.kagent.dev/clock scaled\n", "")
    told = tools.kagent(*same, "--error-unchanged")
    assert (told.code, told.err) == (3, "error: nothing changed: every object is already as asked\n")
    for mode, suffix in (("client", " (dry run)"), ("server", " (server dry run)")):
        dry = tools.kagent("scale", "clock", "--replicas=5", f"--dry-run={mode}")
        assert dry == Done(0, f"agent.kagent.dev/clock scaled{suffix}\n", "")
    preview = tools.kagent("scale", "clock", "--replicas=5", "--dry-run=server", "-o", "json")
    assert json.loads(preview.out)["spec"]["byo"]["deployment"]["replicas"] == 5
    after = read(api, "clock")
    assert (after["spec"], after["metadata"]["generation"]) == (
        before["spec"],
        before["metadata"]["generation"],
    )


def test_preconditions_that_hold(tools: Tools, api: ApiServer) -> None:
    create(api, parked("clock", replicas=1))
    wait_for(lambda: read(api, "clock")["status"]["conditions"][1:], "kagent's last word")
    version = read(api, "clock")["metadata"]["resourceVersion"]
    exact = tools.kagent("scale", "clock", "--replicas=2", f"--resource-version={version}")
    assert exact == Done(0, "agent.kagent.dev/clock scaled\n", "")
    counted = tools.kagent("scale", "clock", "--replicas=3", "--current-replicas=2", "--field-manager=robot")
    assert counted == Done(0, "agent.kagent.dev/clock scaled\n", "")
    assert asked(api) == 3
    managers = read(api, "clock")["metadata"]["managedFields"]
    (robot,) = [entry for entry in managers if entry["manager"] == "robot"]
    assert robot["fieldsV1"] == {"f:spec": {"f:byo": {"f:deployment": {"f:replicas": {}}}}}


def test_of_four_at_once_that_expect_one_replica_one_wins(tools: Tools, api: ApiServer) -> None:
    create(api, parked("clock", replicas=1))
    wanted = (2, 3, 4, 5)
    racing = {n: tools.start("scale", "clock", "--current-replicas=1", f"--replicas={n}") for n in wanted}
    ended = {n: (process.communicate(timeout=60), process.returncode) for n, process in racing.items()}
    winners = [n for n, (_, code) in ended.items() if code == 0]
    assert [asked(api)] == winners
    for (out, err), code in ended.values():
        assert code == 0 or (code, out, err.partition(": ")[0]) == (1, "", "Error from server (Conflict)")


def test_the_object_is_printed_as_asked(tools: Tools, api: ApiServer) -> None:
    create(api, parked("clock"))
    name = tools.kagent("scale", "clock", "--replicas=2", "-o", "name")
    assert name == Done(0, "agent.kagent.dev/clock\n", "")
    path = tools.kagent("scale", "clock", "--replicas=3", "-o", "jsonpath={.spec.byo.deployment.replicas}")
    assert path == Done(0, "3", "")
    whole = tools.kagent("scale", "clock", "--replicas=4", "-o", "json")
    shown, served = json.loads(whole.out), read(api, "clock")
    assert (shown["kind"], shown["spec"]) == ("Agent", served["spec"])
    assert "managedFields" not in shown["metadata"]


def test_wait_ends_with_the_pods_or_names_the_one_that_does_not_come(tools: Tools, api: ApiServer) -> None:
    create(api, byo("clock", replicas=1), parked("stuck", replicas=1))
    stuck = tools.kagent("scale", "stuck", "--replicas=2", "--wait", "--timeout=10s")
    assert (stuck.code, stuck.out) == (4, "agent.kagent.dev/stuck scaled\n")
    last = next(line for line in stuck.err.splitlines() if line.startswith("error: "))
    assert re.match(
        r"error: agent\.kagent\.dev/stuck is scaled to 2, but timed out after 10s waiting for "
        r'agent "stuck" rollout to finish: .+'
        r"; pod/stuck-\S+: Unschedulable: ",
        last,
    )

    done = tools.kagent("scale", "clock", "--replicas=2", "--wait")
    assert (done.code, done.out) == (0, "agent.kagent.dev/clock scaled\n")
    row = tools.kagent("get", "agent", "clock").out.splitlines()[1].split()
    assert row[:4] == ["clock", "BYO", "2/2", "2"]
