"""check as it is typed: the healthy screen whole, and what it says of each staged fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.errors import Unreachable
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    EVENT,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    POD,
    REMOTE_MCP_SERVER,
    SERVICE,
    Resource,
)
from tests.conftest import Kagent, Screen
from tests.fake.checked import Checked
from tests.fake.cluster import FakeCluster
from tests.objects import agent, reconcile, run_pods


@pytest.fixture
def world(cluster: FakeCluster) -> Checked:
    return Checked(cluster.clock)


def test_all_is_well(kagent: Kagent, world: Checked, screen: Screen) -> None:
    code, out, err = kagent("check", cluster=world)
    # how many rights the table has is no matter of this test
    screen("check", re.sub(r"^(access +)\d+", r"\1N  ", out, flags=re.MULTILINE))
    assert (code, err) == (0, "")


def _stop(name: str, replicas: int = 1) -> Callable[[Checked], object]:
    def stop(world: Checked) -> None:
        world.edit(DEPLOYMENT, name, {"spec": {"replicas": replicas}}, namespace="kagent")
        world.available(name, 0)

    return stop


def _kmcp_down_and_kagent_silent(world: Checked) -> None:
    """That kmcp does not run is no reason not to say that kagent does not answer."""
    _stop("kmcp")(world)
    del world.services["GET", "kagent/kagent-controller:8083/version"]


def _gone(name: str) -> Callable[[Checked], object]:
    return lambda world: world.remove(DEPLOYMENT, name, namespace="kagent")


def _probe(world: Checked) -> None:
    """The controller's container runs, and its probe fails."""
    template = {"spec": {"replicas": 1, "selector": {"matchLabels": {"app": "controller"}}}}
    world.edit(DEPLOYMENT, "kagent-controller", template, namespace="kagent")
    world.available("kagent-controller", 0)
    status = {"containerStatuses": [{"name": "controller", "state": {"running": {}}}]}
    world.put(POD, "controller-x", "kagent", labels={"app": "controller"}, spec={}, status=status)
    uid = world.read(POD, "controller-x", namespace="kagent")["metadata"]["uid"]
    world.put(
        EVENT,
        "failing",
        "kagent",
        involvedObject={"kind": "Pod", "name": "controller-x", "uid": uid},
        reason="Unhealthy",
        message="Readiness probe failed: HTTP probe failed with statuscode: 500",
    )


def _crd(resource: Resource, *versions: str) -> Callable[[Checked], object]:
    def change(world: Checked) -> None:
        world.remove(CRD, resource.full_name)
        if versions:
            world.serve(resource, *versions)
        world.missing(resource)

    return change


def _tools(**server: object) -> Callable[[Checked], object]:
    tools = [{"type": "McpServer", "mcpServer": server}]

    def change(world: Checked) -> None:
        world.edit(AGENT, "clock", {"spec": {"declarative": {"tools": tools}}})
        reconcile(world, config_hash="1")

    return change


def _missing_server(world: Checked) -> None:
    _tools(kind="RemoteMCPServer", name="gone", toolNames=["a"])(world)
    world.refuse(AGENT, "clock", 'RemoteMCPServer.kagent.dev "gone" not found')


def _missing_model(world: Checked) -> None:
    for name in ("clock", "poet"):
        world.refuse(AGENT, name, 'ModelConfig.kagent.dev "gpt" not found')
    world.remove(MODEL_CONFIG, "gpt")


def _no_secret(world: Checked) -> None:
    world.refuse(MODEL_CONFIG, "gpt", 'failed to get secret keys: Secret "keys" not found')
    world.crash({"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "keys" not found'}})


def _no_key(world: Checked) -> None:
    why = "couldn't find key key in Secret default/keys"
    world.crash({"waiting": {"reason": "CreateContainerConfigError", "message": why}})


def _crash(world: Checked) -> None:
    world.logs["clock-x", "kagent (previous)"] = "ValueError: no such zone\n"
    world.crash(
        {"waiting": {"reason": "CrashLoopBackOff"}}, last={"terminated": {"exitCode": 1, "reason": "Error"}}
    )


def _crash_between(world: Checked) -> None:
    world.logs["clock-x", "kagent (previous)"] = "ValueError: no such zone\n"
    last = {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-23T07:59:50Z"}
    world.crash({"running": {"startedAt": "2026-11-23T07:59:58Z"}}, last={"terminated": last})


def _oom(world: Checked) -> None:
    last = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    world.crash({"waiting": {"reason": "CrashLoopBackOff"}}, last=last)


def _image(world: Checked) -> None:
    world.crash({"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "app:1"'}})


def _unhealthy(world: Checked) -> None:
    event = {"reason": "Unhealthy", "message": "Readiness probe failed: connection refused"}
    world.crash({"running": {}}, events=(event,))


def _unseen_change(world: Checked) -> None:
    """The controller runs, and does not look at the newest spec."""
    world.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "Other."}}})


def _unseen_for_want_of_a_controller(world: Checked) -> None:
    _unseen_change(world)
    _stop("kagent-controller", 0)(world)


def _newer_crds(world: Checked) -> None:
    world.served["kagent.dev"] = ("v1alpha2", "v1alpha3")


def _without_kmcp(world: Checked) -> None:
    """Agents have the tools of RemoteMCPServers only."""
    for name in ("clock", "poet"):
        world.edit(AGENT, name, {"spec": {"declarative": {"tools": []}}})
        reconcile(world, name, config_hash="1")
    world.remove(MCP_SERVER, "datetime")
    _gone("kmcp")(world)
    _crd(MCP_SERVER)(world)


def _settings(**data: str) -> Callable[[Checked], object]:
    return lambda world: world.edit(CONFIG_MAP, "kagent-controller", {"data": data}, namespace="kagent")


def _leaving(world: Checked) -> None:
    """A finalizer that nobody serves any more holds it."""
    gone = {"deletionTimestamp": "2026-11-23T07:00:00Z", "finalizers": ["example.com/wait"]}
    world.edit(AGENT, "clock", {"metadata": gone})
    run_pods(world, "clock", existing=1, ready=0)


def _under_way(world: Checked) -> None:
    """It was applied a moment ago, and its pods start."""
    run_pods(world, "clock", existing=1, ready=0)
    progressing = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
    status = world.read(DEPLOYMENT, "clock")["status"]
    world.set_status(DEPLOYMENT, "clock", {**status, "conditions": [progressing]})


def _never_looked_at(world: Checked) -> None:
    """Ten minutes ago, in a namespace that the controller does not watch."""
    world.add(AGENT, agent("ghost"))
    world.clock.sleep(600)


def _asleep(world: Checked) -> None:
    world.edit(DEPLOYMENT, "datetime", {"spec": {"replicas": 0}})
    run_pods(world, "datetime", existing=0, ready=0)


def _asleep_though_another_needs_it(world: Checked) -> None:
    world.edit(
        AGENT, "poet", {"spec": {"declarative": {"tools": [{"type": "Agent", "agent": {"name": "clock"}}]}}}
    )
    reconcile(world, "poet", config_hash="1")
    world.edit(DEPLOYMENT, "clock", {"spec": {"replicas": 0}})
    run_pods(world, "clock", existing=0, ready=0)


def _no_deployment(world: Checked) -> None:
    world.remove(DEPLOYMENT, "clock")


# what happens, and the exit code
FAULTS: dict[str, tuple[Callable[[Checked], object], int]] = {
    "no-crd-of-agents": (_crd(AGENT), 1),
    "no-crd-of-mcpservers": (_crd(MCP_SERVER), 1),
    "no-kmcp-that-anybody-needs": (_without_kmcp, 0),
    "agents-of-another-version": (_crd(AGENT, "v1alpha3"), 1),
    "crds-of-another-kagent": (_newer_crds, 0),
    "another-kagent": (lambda world: world.say_version("0.12.0"), 0),
    "no-kagent-controller": (_gone("kagent-controller"), 1),
    "no-kmcp-controller": (_gone("kmcp"), 1),
    "controller-at-0": (_stop("kagent-controller", 0), 1),
    "kmcp-at-0": (_stop("kmcp", 0), 1),
    "kmcp-down-and-kagent-silent": (_kmcp_down_and_kagent_silent, 1),
    "controller-s-probe": (_probe, 1),
    "some-of-the-controller": (
        lambda world: world.edit(
            DEPLOYMENT, "kagent-controller", {"spec": {"replicas": 2}}, namespace="kagent"
        ),
        0,
    ),
    "missing-model": (_missing_model, 1),
    "model-without-secret": (_no_secret, 1),
    "secret-without-key": (_no_key, 1),
    "agent-refused": (
        lambda world: world.refuse(AGENT, "clock", "systemMessage and systemMessageFrom are both set"),
        1,
    ),
    "agent-without-deployment": (_no_deployment, 1),
    "agent-being-deleted": (_leaving, 0),
    "crash": (_crash, 1),
    "crash-running-for-the-moment": (_crash_between, 1),
    "out-of-memory": (_oom, 1),
    "image": (_image, 1),
    "probe": (_unhealthy, 1),
    "rollout-under-way": (_under_way, 0),
    "never-looked-at": (_never_looked_at, 1),
    "mcpserver-asleep": (_asleep, 0),
    "agent-asleep": (_asleep_though_another_needs_it, 0),
    "change-not-seen": (_unseen_change, 0),
    "change-waits-for-the-controller": (_unseen_for_want_of_a_controller, 1),
    "mcpserver-refused": (lambda world: world.refuse(MCP_SERVER, "datetime", "image is empty"), 1),
    "mcpserver-not-ready": (lambda world: run_pods(world, "datetime", existing=1, ready=0), 1),
    "remote-server-down": (
        lambda world: world.refuse(REMOTE_MCP_SERVER, "web", "dial tcp 10.0.0.9:80: connection refused"),
        1,
    ),
    "missing-server": (_missing_server, 1),
    "tool-not-offered": (lambda world: world.offer("get_date"), 1),
    "approval-of-no-tool": (
        _tools(kind="MCPServer", name="datetime", toolNames=["get_time"], requireApproval=["set_time"]),
        1,
    ),
    "tracing-off": (_settings(OTEL_TRACING_ENABLED="false"), 0),
    "spans-go-nowhere": (_settings(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://gone.obs:4317"), 0),
    "no-collector": (
        lambda world: world.remove(SERVICE, "kagent-collector", namespace="kagent-observability"),
        0,
    ),
    "may-not-scale": (lambda world: world.deny("patch", AGENT), 0),
    "may-not-see-pods": (lambda world: world.deny("list", POD), 0),
    "may-not-see-agents": (lambda world: world.deny("list", AGENT), 0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_cause_and_nothing_else(
    name: str, kagent: Kagent, world: Checked, screen: Screen
) -> None:
    fault, wanted = FAULTS[name]
    fault(world)
    code, out, err = kagent("check", cluster=world)
    screen(f"check-{name}", out.partition("\n\n")[2])
    assert (code, err) == (wanted, "")


def test_who_has_hardly_any_rights_gets_a_screen_that_can_be_read(
    kagent: Kagent, world: Checked, screen: Screen
) -> None:
    for resource in (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, DEPLOYMENT, POD, EVENT, CONFIG_MAP):
        for verb in ("get", "list", "watch", "create", "patch", "delete"):
            world.deny(verb, resource)
    code, out, err = kagent("check", cluster=world)
    screen("check-hardly-any-rights", out.partition("\n\n")[2])
    assert (code, err) == (0, "")
    assert " more: see -o json" in out
    assert " more: see -o json" not in kagent("check", "-o", "junit", cluster=world)[1]


def test_for_programs(kagent: Kagent, world: Checked) -> None:
    _missing_model(world)
    world.deny("get", CRD)
    code, out, err = kagent("check", "-o", "json", cluster=world)
    found = json.loads(out)
    assert (code, err) == (1, "")
    assert {key: found[key] for key in found if key != "items"} == {
        "failed": True,
        "failures": 1,
        "warnings": 1,
        "notChecked": 4,
    }
    assert [item["section"] for item in found["items"]] == [
        *("cluster", "crds", "controllers", "access", "models", "mcpservers", "remotemcpservers", "tools"),
        *("agents", "telemetry"),
    ]
    (models,) = [item for item in found["items"] if item["section"] == "models"]
    assert models == {
        "section": "models",
        "ok": 0,
        "detail": "",
        "findings": [
            {
                "level": "failure",
                "object": "modelconfig default/gpt",
                "text": "does not exist",
                "causes": ["used by agent default/clock, agent default/poet"],
                "remedy": {
                    "text": "create it, or name one that is there",
                    "commands": [
                        "kubectl kagent get modelconfigs -n default",
                        "kubectl edit agent/clock -n default",
                    ],
                    "helmValues": {},
                },
            }
        ],
        "notChecked": [],
    }


def test_for_a_ci_server(kagent: Kagent, world: Checked) -> None:
    """A failure fails there, a warning passes and is told, and what was not checked is skipped."""
    world.refuse(REMOTE_MCP_SERVER, "web", "token=sk-abcdefghijklmnopqrstuvwxyz0123456789 \x1b[2J \x00 <b>")
    world.say_version("0.12.0")
    world.deny("list", MODEL_CONFIG)
    code, out, err = kagent("check", "-o", "junit", cluster=world)
    assert (code, err) == (1, "")
    assert "sk-abcdef" not in out
    suites = ElementTree.fromstring(out)
    told = {
        (case.get("classname"), case.get("name")): [child.tag for child in case]
        for case in suites.iter("testcase")
        if case.get("classname") in ("check.remotemcpservers", "check.controllers", "check.models")
    }
    assert told == {
        ("check.controllers", "2 ok"): [],
        ("check.controllers", "kagent"): ["system-out"],
        ("check.models", "models"): ["skipped"],
        ("check.remotemcpservers", "remotemcpserver default/web"): ["failure"],
    }
    counts = {suite.get("name"): (suite.get("tests"), suite.get("failures")) for suite in suites}
    assert counts["remotemcpservers"] == ("1", "1")
    assert counts["agents"] == ("1", "0")


def test_all_namespaces(kagent: Kagent, world: Checked) -> None:
    """What is elsewhere is only looked at when it is asked for."""
    body = {"apiVersion": AGENT.api_version, "kind": "Agent", "spec": {"type": "BYO"}}
    world.add(AGENT, body | {"metadata": {"name": "far", "namespace": "team"}})
    assert kagent("check", cluster=world)[0] == 0
    code, out, _ = kagent("check", "-A", cluster=world)
    assert (code, "agent team/far is Pending" in out) == (0, True)


def test_a_namespace_that_is_not_there_is_named(kagent: Kagent, world: Checked) -> None:
    world.namespace = "typo"
    code, out, err = kagent("check", cluster=world)
    assert (code, err) == (1, "")
    assert out.splitlines()[1].split()[:5] == ["cluster", "1", "0", "1", "0"]
    assert out.split("\n\n")[1] == (
        "cluster:\n  failure: namespace typo does not exist\n    $ kubectl get namespaces\n"
    )


def test_a_namespace_without_anything_is_there(kagent: Kagent, world: Checked) -> None:
    world.add(NAMESPACE, {"metadata": {"name": "empty"}})
    world.namespace = "empty"
    assert kagent("check", cluster=world)[0] == 0


def test_whether_an_empty_namespace_is_there_may_not_be_told(kagent: Kagent, world: Checked) -> None:
    world.namespace = "typo"
    world.deny("get", NAMESPACE)
    code, out, _ = kagent("check", cluster=world)
    assert code == 0
    assert out.split("\n\n")[1] == (
        'cluster:\n  not checked: namespace typo: namespaces "typo" is forbidden: User "tester" cannot get '
        'resource "namespaces" in API group "" at the cluster scope; ClusterRole kagent-view allows it, '
        "by a ClusterRoleBinding (https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/permissions.md)"
    )


def test_a_namespace_with_something_in_it_is_there(kagent: Kagent, world: Checked) -> None:
    world.deny("get", NAMESPACE)
    assert "not checked: namespace" not in kagent("check", cluster=world)[1]


def test_a_cluster_that_does_not_answer_is_a_failure_and_nothing_else_is_checked(screen: Screen) -> None:
    def connect(_flags: object) -> Any:
        raise Unreachable("the connection to the server 127.0.0.1:9 was refused", "is the host right?")

    result = CliRunner().invoke(cli, ["check"], obj=connect, prog_name="kubectl kagent")
    screen("check-unreachable", result.stdout)
    assert (result.exit_code, result.stderr) == (1, "")


@pytest.mark.parametrize(
    "resource",
    [AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, DEPLOYMENT, POD],
    ids=lambda kind: kind.plural,
)
def test_what_may_not_be_listed_is_never_counted_as_fine(
    resource: Resource, kagent: Kagent, world: Checked
) -> None:
    def counts() -> dict[str, tuple[int, int]]:
        items = json.loads(kagent("check", "-o", "json", cluster=world)[1])["items"]
        return {item["section"]: (item["ok"], len(item["notChecked"])) for item in items}

    before = counts()
    world.deny("list", resource)
    after = counts()
    lost = {name for name in after if name != "access" and after[name][0] < before[name][0]}
    assert lost
    assert all(after[name][1] for name in lost)
    assert all(after[name][0] <= before[name][0] for name in after)


def test_nothing_is_written_and_no_secret_is_read(kagent: Kagent, world: Checked) -> None:
    kagent("check", "-A", cluster=world)
    assert world.writes == []
    assert "secrets" not in {request.resource.plural for request in world.requests}


@pytest.mark.parametrize(
    ("resource", "name", "section"),
    [
        (MODEL_CONFIG, "gpt", "models"),
        (REMOTE_MCP_SERVER, "web", "remotemcpservers"),
        (AGENT, "clock", "agents"),
    ],
    ids=lambda value: getattr(value, "plural", None),
)
def test_what_kagent_has_not_looked_at_is_never_counted_as_fine(
    resource: Resource, name: str, section: str, kagent: Kagent, world: Checked
) -> None:
    def look() -> tuple[int, list[str]]:
        items = json.loads(kagent("check", "-o", "json", cluster=world)[1])["items"]
        (found,) = (item for item in items if item["section"] == section)
        assert found["findings"] == []
        return found["ok"], found["notChecked"]

    ok, unchecked = look()
    assert unchecked == []
    status = world.read(resource, name)["status"]
    about = f"{resource.singular} default/{name}"
    for conditions in ([], [{"type": "Accepted", "status": "Unknown", "reason": "Waiting"}]):
        world.set_status(resource, name, {**status, "conditions": conditions})
        assert look() == (ok - 1, [f"{about}: kagent has not said whether it accepts it"])
    world.set_status(resource, name, {**status, "observedGeneration": 1})
    world.edit(resource, name, {"spec": {"description": "another", "url": "http://a", "model": "another"}})
    if resource is not AGENT:  # which is PENDING then
        assert look() == (ok - 1, [f"{about}: its newest change waits for the controller"])
