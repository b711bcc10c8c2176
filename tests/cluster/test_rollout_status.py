"""rollout status and restart on real pods: what is said, how it ends, and how soon a cause is named."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.resources import (
    AGENT,
    DEPLOYMENT,
    EVENT,
    MCP_SERVER,
    POD,
    REPLICA_SET,
    Resource,
)
from kubectl_kagent.model.workload import RESTARTED_AT, dig
from tests.cluster.conftest import MODEL_URL, Tools, wait_for
from tests.cluster.running import Running
from tests.lab.lab import Lab

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
IMAGE = "lab.local/byo-agent:lab"
ABSENT = "lab.local/nobody-built-this:1"
NAMED_WITHIN = 10.0
LASTS = {"Unhealthy": 30.0}  # till it is more than any start shows
TIMEOUT = "90s"  # a probe begins after 15 s, fails, and must go on failing for 30 s


@pytest.fixture(scope="module")
def own(lab: Lab) -> Iterator[Tools]:
    """One namespace for this module; its agents are small and stay until the end."""
    found = Tools(lab.kubeconfig, str(lab.kubectl), f"status-{uuid4().hex[:8]}")
    found.kubectl("create", "namespace", found.namespace)
    yield found
    found.kubectl("delete", "namespace", found.namespace, "--wait=false")


@pytest.fixture
def api(lab: Lab, own: Tools) -> ApiServer:
    return connect(Connection(kubeconfig=str(lab.kubeconfig), namespace=own.namespace))


def start(own: Tools, *words: str) -> Running:
    return Running(own.start("rollout", *words))


def byo(name: str, **deployment: object) -> Object:
    resources = {"requests": {"cpu": "5m", "memory": "16Mi"}}
    settings = {"image": IMAGE, "imagePullPolicy": "Never", "resources": resources} | deployment
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": name},
        "spec": {"type": "BYO", "description": "a test", "byo": {"deployment": settings}},
    }


def env(**values: str) -> list[Object]:
    return [{"name": name, "value": value} for name, value in values.items()]


def apply(own: Tools, *objects: Object) -> None:
    own.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def items(api: ApiServer, resource: Resource, name: str) -> list[Object]:
    listing = api.list_objects(resource, api.namespace, labels=f"kagent={name}")
    found: list[Object] = listing["items"]
    return found


Known = Callable[[ApiServer, str], object]


def container_waits(*reasons: str) -> Known:
    """The kubelet has told one of ``reasons`` about a container of the agent."""

    def known(api: ApiServer, name: str) -> object:
        return any(
            dig(status, "state", "waiting", "reason") in reasons
            for pod in items(api, POD, name)
            for status in Pod(pod).container_statuses
        )

    return known


def pod_event(reason: str) -> Known:
    def known(api: ApiServer, name: str) -> object:
        names = {pod["metadata"]["name"] for pod in items(api, POD, name)}
        events = api.list_objects(EVENT, api.namespace)["items"]
        return any(event["involvedObject"]["name"] in names and event["reason"] == reason for event in events)

    return known


def condition(resource: Resource, type_: str, status: str) -> Known:
    """An object of the agent, or the agent, has this condition."""

    def known(api: ApiServer, name: str) -> object:
        found = [api.get(AGENT, api.namespace, name)] if resource is AGENT else items(api, resource, name)
        return any(
            (item["type"], item["status"]) == (type_, status)
            for obj in found
            for item in dig(obj, "status", "conditions") or ()
        )

    return known


def exited(api: ApiServer, name: str) -> object:
    return any(
        dig(status, state, "terminated", "exitCode")
        for pod in items(api, POD, name)
        for status in Pod(pod).container_statuses
        for state in ("state", "lastState")
    )


# By the agent's name: what is wrong; how it becomes known; what is named; how it ends: exit code and the
# last lines of stderr.
CASES: dict[str, tuple[Object, Known, str, int, list[str]]] = {
    "image": (
        byo("image", image=ABSENT, imagePullPolicy="IfNotPresent"),
        container_waits("ErrImagePull", "ImagePullBackOff"),
        "ImagePull",
        1,
        [
            r'error: agent "image" failed to roll out: pod/image-\S+: ImagePullBackOff: '
            rf'Back-off pulling image "{ABSENT}": ErrImagePull: .+',
            r"hint: is the image there, and may the node pull it \(imagePullSecrets\)\? "
            r"kubectl describe pod/image-\S+ -n status-\S+",
        ],
    ),
    "never": (
        byo("never", image=ABSENT),
        container_waits("ErrImageNeverPull"),
        "ErrImageNeverPull",
        1,
        [
            r'error: agent "never" failed to roll out: pod/never-\S+: ErrImageNeverPull: Container image '
            rf'"{ABSENT}" is not present with pull policy of Never',
            r"hint: is the image there, .+",
        ],
    ),
    "name": (
        byo("name", image="lab.local/Not A Name"),
        container_waits("InvalidImageName"),
        "InvalidImageName",
        1,
        [r'error: agent "name" failed to roll out: pod/name-\S+: InvalidImageName: .+', r"hint: .+"],
    ),
    "crash": (
        byo("crash", env=env(CRASH="1")),
        exited,
        "exited with 1",
        1,
        [
            r"Warning: pod/crash-\S+: the last lines of its log:",
            r"  .+ byo-agent: crashing because CRASH=1 is set",
            r'error: agent "crash" failed to roll out: pod/crash-\S+: CrashLoopBackOff: '
            r"container kagent exited with 1 \(restarts: \d+\)",
            r"hint: kubectl logs crash-\S+ -c kagent --previous -n status-\S+",
        ],
    ),
    "secret": (
        byo("secret", env=[{"name": "K", "valueFrom": {"secretKeyRef": {"name": "nope", "key": "k"}}}]),
        container_waits("CreateContainerConfigError"),
        'secret "nope" not found',
        1,
        [
            r'error: agent "secret" failed to roll out: pod/secret-\S+: CreateContainerConfigError: '
            r'secret "nope" not found',
            r"hint: create it, or correct what names it .+",
        ],
    ),
    "probe": (
        byo("probe", env=env(UNREADY="1")),
        pod_event("Unhealthy"),
        "Unhealthy",
        4,
        [
            r"Warning: pod/probe-\S+: Unhealthy: Readiness probe failed: .+ statuscode: 503",
            rf'error: timed out after {TIMEOUT} waiting for agent "probe" rollout to finish: '
            r"0 of 1 updated replicas are available; pod/probe-\S+: Unhealthy: .+ statuscode: 503",
            r"hint: kubectl logs probe-\S+ -n status-\S+",
        ],
    ),
    "node": (
        byo("node", nodeSelector={"disk": "nobody-has-this"}),
        condition(POD, "PodScheduled", "False"),
        "Unschedulable",
        4,
        [
            r"Warning: pod/node-\S+: Unschedulable: 0/1 nodes are available: .+",
            rf'error: timed out after {TIMEOUT} waiting for agent "node" rollout to finish: .+; '
            r"pod/node-\S+: Unschedulable: 0/1 nodes are available: .+",
            r"hint: it waits for a node that fits: .+",
        ],
    ),
    "volume": (
        byo(
            "volume",
            volumes=[{"name": "v", "secret": {"secretName": "nope"}}],
            volumeMounts=[{"name": "v", "mountPath": "/v"}],
        ),
        pod_event("FailedMount"),
        "FailedMount",
        4,
        [
            # a busy kubelet may fail once to have the agent's own Secret in time, and says that first
            r"Warning: pod/volume-\S+: FailedMount: MountVolume.SetUp failed for volume "
            r'(?:"v" : secret "nope" not found|"config" : failed to sync .+)',
            rf'error: timed out after {TIMEOUT} .+ FailedMount: .+ secret "nope" not found',
            r"hint: kubectl describe pod/volume-\S+ -n status-\S+",
        ],
    ),
    "refused": (
        {
            "apiVersion": "kagent.dev/v1alpha2",
            "kind": "Agent",
            "metadata": {"name": "refused"},
            "spec": {
                "type": "Declarative",
                "declarative": {"modelConfig": "nobody-made-this", "systemMessage": "hi", "runtime": "go"},
            },
        },
        condition(AGENT, "Accepted", "False"),
        "NotAccepted",
        1,
        [
            r'error: agent "refused" failed to roll out: agent.kagent.dev/refused: NotAccepted: '
            r'.*ModelConfig.* "nobody-made-this" not found',
            r"hint: correct the spec, or create what it names: .+",
        ],
    ),
}


@pytest.fixture(scope="module")
def attempts(own: Tools, lab: Lab) -> Iterator[dict[str, tuple[Running, Future[float]]]]:
    """All broken agents side by side: the status process, and the moment the cause became known."""
    api = connect(Connection(kubeconfig=str(lab.kubeconfig), namespace=own.namespace))

    def knowable(name: str) -> float:
        wait_for(lambda: CASES[name][1](api, name), f"the cause of {name}")
        return time.monotonic()

    found = {}
    with ThreadPoolExecutor(len(CASES)) as pool:
        for name, case in CASES.items():
            apply(own, case[0])
            running = start(own, "status", f"agent/{name}", f"--timeout={TIMEOUT}")
            found[name] = (running, pool.submit(knowable, name))
            wait_for(partial(running.lines.__getitem__, "out"), "the first line")  # not all start at once
        yield found


@pytest.mark.parametrize("name", CASES)
def test_what_holds_a_rollout_up(attempts: dict[str, tuple[Running, Future[float]]], name: str) -> None:
    _, _, words, expected, end = CASES[name]
    running, knowable = attempts[name]
    code, out, err = running.end()
    assert code == expected, (out, err)
    assert re.fullmatch("\n".join(end), "\n".join(err[-len(end) :])), err
    assert running.named(words) - knowable.result() < LASTS.get(words, 0.0) + NAMED_WITHIN
    assert out == list(dict.fromkeys(out))
    assert all(line.startswith("Waiting for ") for line in out), out


def test_memory_limit(own: Tools, api: ApiServer) -> None:
    key = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"KEY": "none"}}
    model = {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "ModelConfig",
        "metadata": {"name": "model"},
        "spec": {
            "provider": "OpenAI",
            "model": "scripted",
            "apiKeySecret": "key",
            "apiKeySecretKey": "KEY",
            "openAI": {"baseUrl": MODEL_URL},
        },
    }
    limited = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}}
    agent = {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": "big"},
        "spec": {
            "type": "Declarative",
            "declarative": {
                "modelConfig": "model",
                "systemMessage": "hi",
                "runtime": "python",
                "deployment": {"resources": limited},
            },
        },
    }
    apply(own, key, model, agent)
    running = start(own, "status", "big")
    try:
        wait_for(lambda: exited(api, "big"), "the first exit")
        knowable = time.monotonic()
    finally:
        code, _, err = running.end()
    assert (code, err[-1]) == (
        1,
        "hint: give it more with resources.limits.memory in the deployment settings of the spec",
    )
    assert re.fullmatch(
        r'error: agent "big" failed to roll out: pod/big-\S+: CrashLoopBackOff: '
        r"container kagent was OOMKilled at its limit of 32Mi \(restarts: \d+\)",
        err[-2],
    )
    assert running.named("OOMKilled") - knowable < NAMED_WITHIN


def test_good_rollout_restart_quota_and_sleep(own: Tools, api: ApiServer) -> None:
    apply(own, byo("good", env=env(SLOW_START="2"), replicas=1))
    code, out, err = start(own, "status", "agent/good", "--smoke", "are you there?").end()
    assert (code, err) == (0, [])
    assert re.fullmatch(r'agent "good" successfully rolled out \(config hash \d+\)', out[-2])
    assert re.fullmatch(
        r"smoke test answered: You said: are you there\? \[version lab, pod good-\S+\]", out[-1]
    )
    done = out[-2]
    assert own.kagent("rollout", "status", "good", "--watch=false").out == f"{done}\n"

    before = mark(api)
    old = {pod["metadata"]["uid"] for pod in items(api, POD, "good")}
    for _ in range(2):
        assert own.kagent("rollout", "restart", "agent/good").out == "agent.kagent.dev/good restarted\n"
        assert mark(api) > before
        before = mark(api)
    code, out, err = start(own, "status", "good").end()
    assert (code, out[-1], err) == (0, done, [])
    assert mark(api) == before  # it outlives the reconciles that the rollout caused
    wait_for(lambda: {pod["metadata"]["uid"] for pod in items(api, POD, "good")}.isdisjoint(old), "new pods")

    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "full"},
        "spec": {"hard": {"pods": "0"}},
    }
    apply(own, quota)
    wait_for(
        lambda: own.kubectl("get", "resourcequota/full", "-o", "jsonpath={.status.hard.pods}").out,
        "the quota",
    )
    try:
        own.kagent("scale", "good", "--replicas=2")
        running = start(own, "status", "good")
        try:
            wait_for(lambda: condition(REPLICA_SET, "ReplicaFailure", "True")(api, "good"), "the refusal")
            knowable = time.monotonic()
        finally:
            code, out, err = running.end()
    finally:
        own.kubectl("delete", "resourcequota/full")
    assert code == 1
    # whether the controller has seen the new count by the first look is its own affair
    out = [line for line in out if line != "Waiting for agent spec update to be observed..."]
    assert out == ['Waiting for agent "good" rollout to finish: 1 out of 2 new replicas have been updated...']
    assert re.fullmatch(
        r'error: agent "good" failed to roll out: replicaset/good-\S+: FailedCreate: pods "good-\S+" is '
        r"forbidden: exceeded quota: full, .+",
        err[0],
    )
    assert err[1:] == [f"hint: kubectl describe quota -n {own.namespace}"]
    assert running.named("exceeded quota") - knowable < NAMED_WITHIN

    own.kagent("hibernate", "good")
    code, out, err = start(own, "status", "good").end()
    asleep = done.replace(
        "successfully rolled out (", "is scaled to 0: no pods to roll out (hibernated from 2, "
    )
    assert (code, out[-1], err) == (0, asleep, [])
    assert own.kagent("rollout", "restart", "good").err == (
        "Warning: agent.kagent.dev/good has no replicas: there is nothing to restart\n"
    )


def mark(api: ApiServer) -> str:
    found = api.get(DEPLOYMENT, api.namespace, "good")
    return str(dig(found, "spec", "template", "metadata", "annotations", RESTARTED_AT) or "")


def test_mcp_server(own: Tools, api: ApiServer) -> None:
    server = {
        "apiVersion": "kagent.dev/v1alpha1",
        "kind": "MCPServer",
        "metadata": {"name": "server"},
        "spec": {
            "transportType": "http",
            "httpTransport": {"targetPort": 8080},
            "deployment": {"image": IMAGE, "imagePullPolicy": "Never", "port": 8080},
        },
    }
    apply(own, server)
    code, out, err = start(own, "status", "mcpserver/server").end()
    assert (code, err) == (0, [])
    assert re.fullmatch(r'mcpserver "server" successfully rolled out \(config hash [0-9a-f]{8}\)', out[-1])

    done = own.kagent("rollout", "restart", "mcpserver/server", "--wait")
    assert (done.code, done.out) == (0, "mcpserver.kagent.dev/server restarted\n"), done.err
    assert done.err.splitlines()[-1] == out[-1]
    spec = api.get(MCP_SERVER, api.namespace, "server")["spec"]
    template = api.get(DEPLOYMENT, api.namespace, "server")["spec"]["template"]
    restarted = spec["deployment"]["annotations"][RESTARTED_AT]
    assert template["metadata"]["annotations"][RESTARTED_AT] == restarted

    own.kubectl(
        "patch",
        "mcpserver/server",
        "--type=merge",
        "-p",
        json.dumps({"spec": {"deployment": {"image": ABSENT}}}),
    )
    code, out, err = start(own, "status", "mcpserver/server").end()
    assert code == 1
    assert re.fullmatch(
        r'error: mcpserver "server" failed to roll out: pod/server-\S+: ErrImageNeverPull: .+', err[0]
    )
