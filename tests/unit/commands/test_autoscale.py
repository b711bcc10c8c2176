"""autoscale as it is typed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from kubectl_kagent.errors import Conflict, KagentError, OtherServerError, Unreachable
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, HPA, MCP_SERVER, SCALED_OBJECT, Resource
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.objects import agent, byo, hpa, mcp_server, reconcile, scaled_object, taken_name, workload
from tests.unit.backends.test_versions import controller

Object = dict[str, Any]
DONE = "horizontalpodautoscaler.autoscaling/clock autoscaled\n"
FLAGS = ("--min=2", "--max=5", "--cpu=70%")


@pytest.fixture(autouse=True)
def _kagent_of_today(cluster: FakeCluster) -> None:
    controller(cluster)


@pytest.fixture
def clock(cluster: FakeCluster) -> FakeCluster:
    cluster.add(AGENT, agent(deployment={"replicas": 3, "env": []}))
    reconcile(cluster, config_hash="1")
    return cluster


def hpas(cluster: FakeCluster) -> list[Object]:
    return [obj["spec"] for obj in cluster.read_all(HPA)]


def metric(name: str, percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def test_the_hpa_gets_the_count(clock: FakeCluster, kagent: Kagent) -> None:
    assert kagent("autoscale", "agent/clock", *FLAGS) == (0, DONE, "")
    assert hpas(clock) == [
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "clock"},
            "minReplicas": 2,
            "maxReplicas": 5,
            "metrics": [metric("cpu", 70)],
        }
    ]
    assert workload(clock).spec["declarative"]["deployment"] == {"env": []}
    assert clock.read(DEPLOYMENT, "clock")["spec"]["replicas"] == 3
    writes = [(request.verb, request.resource) for request in clock.writes if not request.dry_run]
    assert writes == [("create", HPA), ("patch", AGENT)]


def test_one_replica_at_least_unless_said_otherwise(clock: FakeCluster, kagent: Kagent) -> None:
    assert kagent("autoscale", "clock", "--max=4", "--memory", "80", "--cpu=150%") == (0, DONE, "")
    (found,) = hpas(clock)
    assert (found["minReplicas"], found["maxReplicas"]) == (1, 4)
    assert found["metrics"] == [metric("cpu", 150), metric("memory", 80)]


def test_one_target_is_enough_and_the_limits_may_be_the_same(clock: FakeCluster, kagent: Kagent) -> None:
    assert kagent("autoscale", "clock", "--min=4", "--max=4", "--memory=80%") == (0, DONE, "")
    (found,) = hpas(clock)
    assert (found["minReplicas"], found["maxReplicas"], found["metrics"]) == (4, 4, [metric("memory", 80)])


def test_a_byo_agent(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, byo(replicas=2))
    line = "horizontalpodautoscaler.autoscaling/own autoscaled\n"
    assert kagent("autoscale", "own", *FLAGS) == (0, line, "")
    assert workload(cluster, "own").replicas is None


def test_the_hpa_for_programs(clock: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("autoscale", "clock", *FLAGS, "-o", "json")
    assert (code, err, json.loads(out)["spec"]) == (0, "", hpas(clock)[0])


@pytest.mark.parametrize("how", ["client", "server"])
def test_a_dry_run(clock: FakeCluster, kagent: Kagent, how: str) -> None:
    suffix = {"client": "(dry run)", "server": "(server dry run)"}[how]
    result = kagent("autoscale", "clock", *FLAGS, f"--dry-run={how}")
    assert result == (0, DONE.replace("\n", f" {suffix}\n"), "")
    found = yaml.safe_load(kagent("autoscale", "clock", *FLAGS, f"--dry-run={how}", "-o", "yaml")[1])
    assert (found["kind"], found["spec"]["maxReplicas"]) == ("HorizontalPodAutoscaler", 5)
    assert hpas(clock) == []
    assert workload(clock).replicas == 3


# Refused


@pytest.mark.parametrize(
    ("resource", "obj", "label"),
    [
        (HPA, hpa("clock"), "horizontalpodautoscaler.autoscaling/clock-hpa"),
        (SCALED_OBJECT, scaled_object("clock"), "scaledobject.keda.sh/clock-scaler"),
    ],
)
def test_one_autoscaler_is_enough(
    clock: FakeCluster, kagent: Kagent, resource: Resource, obj: Object, label: str
) -> None:
    clock.add(resource, obj)
    assert kagent("autoscale", "clock", *FLAGS) == (
        1,
        "",
        f"error: agent.kagent.dev/clock already has an autoscaler: {label}\n"
        f"hint: change it with kubectl edit, or delete it first: kubectl delete {label} -n default\n",
    )
    assert workload(clock).replicas == 3


@pytest.mark.parametrize("flags", [[], ["--dry-run=client"], ["--dry-run=server"]])
def test_not_for_an_mcp_server(cluster: FakeCluster, kagent: Kagent, flags: list[str]) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    assert kagent("autoscale", "mcpserver/datetime", *FLAGS, *flags) == (
        1,
        "",
        "error: mcpserver.kagent.dev/datetime can't be autoscaled: kmcp rewrites its replicas at each "
        "reconcile\n"
        "hint: kubectl kagent scale mcpserver/datetime -n default --replicas=N sets a fixed count\n",
    )
    assert cluster.writes == []


@pytest.mark.parametrize("flags", [[], ["--dry-run=client"]])
def test_not_where_it_would_do_nothing(cluster: FakeCluster, kagent: Kagent, flags: list[str]) -> None:
    """An HPA is disabled as long as its target is scaled to 0."""
    cluster.add(AGENT, agent(deployment={"replicas": 0}))
    assert kagent("autoscale", "clock", *FLAGS, *flags) == (
        1,
        "",
        "error: agent.kagent.dev/clock is scaled to 0, where an autoscaler leaves it\n"
        "hint: kubectl kagent wake agent/clock -n default first\n",
    )
    assert cluster.writes == []


def test_not_where_the_deployment_sleeps_without_a_count_of_the_agents(
    cluster: FakeCluster, kagent: Kagent
) -> None:
    cluster.add(AGENT, agent())
    reconcile(cluster, config_hash="1")
    cluster.edit(DEPLOYMENT, "clock", {"spec": {"replicas": 0}})
    assert kagent("autoscale", "clock", *FLAGS) == (
        1,
        "",
        "error: agent.kagent.dev/clock is scaled to 0, where an autoscaler leaves it\n"
        "hint: kubectl kagent wake agent/clock -n default first\n",
    )
    assert cluster.writes == []


def test_not_for_somebody_elses_deployment(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent())
    taken_name(cluster)
    assert kagent("autoscale", "clock", *FLAGS) == (
        1,
        "",
        "Error from server (NotFound): deployment.apps/clock does not belong to agent.kagent.dev/clock\n",
    )
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["clock", "--max=5"],
            "error: no target was given\nhint: give one with --cpu or --memory, like --cpu=70%\n",
        ),
        (["clock", "--min=6", "--max=5", "--cpu=70%"], "error: --min=6 is more than --max=5\n"),
        (["--max=5", "--cpu=70%"], "error: name exactly one object\nhint: for example agent/NAME\n"),
        (
            ["agent/a", "agent/b", "--max=5", "--cpu=70%"],
            "error: name exactly one object\nhint: for example agent/NAME\n",
        ),
    ],
)
def test_usage(clock: FakeCluster, kagent: Kagent, words: list[str], message: str) -> None:
    assert kagent("autoscale", *words) == (2, "", message)
    assert clock.writes == []


@pytest.mark.parametrize(
    ("flags", "about"),
    [
        (["--cpu=70%"], "missing option '--max'"),
        (["--max=0", "--cpu=70%"], "invalid value for '--max': 0 is not in the range x>=1"),
        (["--max=3", "--min=0", "--cpu=70%"], "invalid value for '--min': 0 is not in the range x>=1"),
        (["--max=3", "--cpu=much"], "invalid value for '--cpu': 'much' is not a percentage like 70%"),
        (["--max=3", "--cpu=0"], "invalid value for '--cpu': '0' is not a percentage like 70%"),
        (["--max=3", f"--cpu={'9' * 5000}"], "invalid value for '--cpu': '99999"),
        (["--max=3", "--cpu=70%", "-o", "xml"], "unable to match a printer"),
        (["--max=3", "--cpu=70%", "-o", "jsonpath={.spec"], "unclosed action"),
    ],
)
def test_flags_are_checked_before_anything_is_done(
    clock: FakeCluster, kagent: Kagent, flags: list[str], about: str
) -> None:
    clock.requests.clear()
    code, out, err = kagent("autoscale", "clock", *flags)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {about}")
    assert clock.requests == []


def test_an_agent_that_is_not_there(cluster: FakeCluster, kagent: Kagent) -> None:
    message = (
        'Error from server (NotFound): agents.kagent.dev "nobody" not found\n'
        "hint: kubectl kagent get agents -A lists all agents\n"
    )
    assert kagent("autoscale", "nobody", *FLAGS) == (1, "", message)


@pytest.mark.parametrize(("verb", "resource"), [("create", HPA), ("patch", AGENT), ("list", HPA)])
def test_what_is_forbidden_leaves_nothing_half_done(
    clock: FakeCluster, kagent: Kagent, verb: str, resource: Resource
) -> None:
    clock.deny(verb, resource)
    code, out, err = kagent("autoscale", "clock", *FLAGS)
    assert (code, out) == (6, "")
    assert err.startswith(f"Error from server (Forbidden): {resource.full_name}")
    assert hpas(clock) == []
    assert workload(clock).replicas == 3


def test_an_interrupt_after_the_hpa_says_that_it_is_there(clock: FakeCluster, kagent: Kagent) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    clock.before("patch", AGENT, interrupt, nth=2)  # the first only tries
    assert kagent("autoscale", "clock", *FLAGS) == (
        130,
        "",
        "error: interrupted: horizontalpodautoscaler.autoscaling/clock is there, and whether the count of "
        "agent.kagent.dev/clock is released is not known\n"
        "hint: kubectl kagent scale agent/clock -n default --release\n",
    )


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Unreachable("the connection to the server lab was refused", "is the host and port right?"), 5, ""),
        (OtherServerError("TooManyRequests", "busy"), 1, "Error from server (TooManyRequests): "),
        (Conflict("the object has been modified"), 1, "Error from server (Conflict): "),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_count_that_is_not_released_is_said_and_a_second_try_releases_it(
    clock: FakeCluster, kagent: Kagent, error: KagentError, code: int, words: str
) -> None:
    def refuse() -> None:
        raise error

    clock.before("patch", AGENT, refuse, nth=2)  # the first only tries
    assert kagent("autoscale", "clock", *FLAGS) == (
        code,
        "",
        "error: horizontalpodautoscaler.autoscaling/clock is there, but the count of agent.kagent.dev/clock "
        f"could not be released: {words}{error.message}\n"
        "hint: kubectl kagent scale agent/clock -n default --release\n",
    )
    assert (len(hpas(clock)), workload(clock).replicas) == (1, 3)
    assert kagent("autoscale", "clock", *FLAGS) == (0, DONE, "")
    assert (len(hpas(clock)), workload(clock).replicas) == (1, None)


def test_an_autoscaler_of_other_limits_is_another_one(clock: FakeCluster, kagent: Kagent) -> None:
    assert kagent("autoscale", "clock", *FLAGS)[0] == 0
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": {"replicas": 3}}}})
    code, out, err = kagent("autoscale", "clock", "--max=9", "--cpu=70%")
    assert (code, out) == (1, "")
    assert err.startswith("error: agent.kagent.dev/clock already has an autoscaler: ")
    assert workload(clock).replicas == 3


def test_not_with_a_kagent_that_sets_the_count_itself(clock: FakeCluster, kagent: Kagent) -> None:
    clock.services["GET", "kagent/kagent-controller:8083/version"] = {"kagent_version": "0.9.3"}
    code, out, err = kagent("autoscale", "clock", "--max=3", "--cpu=70%")
    assert (code, out, clock.read_all(HPA)) == (1, "", [])
    assert err.startswith("error: kagent 0.9.3 sets the count to 1 where an Agent has none")
