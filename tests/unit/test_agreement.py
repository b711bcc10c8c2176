"""All verbs that speak of a workload say the same of the same objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubectl_kagent.model.resources import (
    AGENT,
    DEPLOYMENT,
    HPA,
    MCP_SERVER,
    POD,
    REPLICA_SET,
    SCALED_OBJECT,
    Resource,
)
from kubectl_kagent.model.workload import MCP_CONFIG_HASH
from tests import rollout_objects as objects
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.copies import copied
from tests.objects import hpa, scaled_object, taken_name
from tests.rollout_objects import HASH, container, ended, pod, waiting

Object = dict[str, Any]

IMAGE = "lab.local/byo-agent:lab"
DONE = "{name} successfully rolled out (config hash {hash})"
NOT_AVAILABLE = "Waiting for {name} rollout to finish: 0 of 1 updated replicas are available..."
FAILED = "error: {name} failed to roll out: "


@dataclass
class Case:
    """Objects as the API serves them, and what each verb must make of them.

    ``pods`` are what ``describe`` shows: name, READY, STATUS, RESTARTS. ``rollout`` is what ``rollout
    status`` says at last, ``code`` what it ends with.
    """

    status: str
    counts: str
    rollout: str
    code: int = 0
    deployment: Object | None = None
    pods: tuple[Object, ...] = ()
    shown: tuple[str, ...] = ()
    workload: Object = field(default_factory=lambda: objects.agent(generation=1, seen=1))
    more: Callable[[FakeCluster], object] = lambda _cluster: None
    scaled_by: str = "spec"
    refused: str = ""

    @property
    def resource(self) -> Resource:
        return AGENT if self.workload["kind"] == "Agent" else MCP_SERVER


def deployment(wanted: int = 1, *, ready: int = 0, spec: Object | None = None, **how: Any) -> Object:
    counts = {"existing": wanted, "updated": wanted, "available": ready, "generation": 1, "seen": 1} | how
    made = objects.deployment(wanted, **counts)
    made["spec"] |= spec or {}
    made["status"]["readyReplicas"] = ready
    return made


def condition(type_: str, status: str, reason: str, message: str) -> Object:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def having(obj: Object, *conditions: Object) -> Object:
    obj["status"]["conditions"] += conditions
    return obj


def number(index: int) -> str:
    return f"echo-6f5bf9d845-{index}"


def up(index: int = 0, restarts: int = 0) -> Object:
    state = {**container({"running": {}}, restarts=restarts), "ready": True}
    return running(pod(state, name=number(index), ready=True))


def starting(status: Object, *, init: Object | None = None, phase: str = "Pending") -> Object:
    made = pod(status, name=number(0), init=init)
    made["status"]["phase"] = phase
    if init:
        made["spec"]["initContainers"] = [{"name": init["name"]}]
    return made


def running(made: Object) -> Object:
    made["status"]["phase"] = "Running"
    return made


def skills(status: Object) -> Object:
    """An init container, as kagent makes them for skills."""
    return {**status, "name": "skills-init"}


def leaving(obj: Object, *finalizers: str) -> Object:
    """One that was deleted, and is held by those."""
    obj["metadata"] |= {"deletionTimestamp": "2026-11-23T08:00:00Z", "finalizers": [*finalizers]}
    return obj


ONE_UP: Object = {"pods": (up(),), "shown": (f"{number(0)} 1/1 Running 0",)}
PENDING = "Pending: the controller has not seen the newest change"
CRASHED = {"restarts": 3, "last": ended(1)}
SLEEPS = "{name} is scaled to 0: no pods to roll out (config hash {hash})"
EXITED = FAILED + "pod/echo-6f5bf9d845-0: CrashLoopBackOff: container "


CASES = {
    "good": Case(
        "Ready",
        "1/1 1",
        DONE,
        deployment=deployment(ready=1),
        **ONE_UP,
    ),
    "three replicas": Case(
        "Ready",
        "3/3 3",
        DONE,
        deployment=deployment(3, ready=3),
        pods=tuple(map(up, range(3))),
        shown=tuple(f"{number(index)} 1/1 Running 0" for index in range(3)),
    ),
    "restarted, and well again": Case(
        "Ready",
        "1/1 1",
        DONE,
        deployment=deployment(ready=1),
        pods=(up(restarts=4),),
        shown=(f"{number(0)} 1/1 Running 4",),
    ),
    "one of three is not ready": Case(
        "NotReady",
        "2/3 3",
        "Waiting for {name} rollout to finish: 2 of 3 updated replicas are available...",
        deployment=deployment(3, ready=2),
        pods=(up(1), up(2), starting(container({"running": {}}), phase="Running")),
        shown=(
            f"{number(0)} 0/1 Running 0",
            f"{number(1)} 1/1 Running 0",
            f"{number(2)} 1/1 Running 0",
        ),
    ),
    "the agent's change is not observed": Case(
        PENDING,
        "1/1 1",
        "Waiting for agent spec update to be observed...",
        workload=objects.agent(generation=2, seen=1),
        deployment=deployment(ready=1),
        **ONE_UP,
    ),
    "the Deployment's change is not observed": Case(
        "Progressing",
        "1/1 1",
        "Waiting for deployment spec update to be observed...",
        deployment=deployment(ready=1, seen=0),
        **ONE_UP,
    ),
    "no Deployment yet": Case("NoDeployment", "- -", 'Waiting for deployment "echo" to be created...'),
    "a Deployment of that name is somebody else's": Case(
        "NoDeployment",
        "- -",
        'Waiting for deployment "echo" to be created...',
        more=lambda cluster: taken_name(cluster, "echo"),
    ),
    "refused, and the old one runs": Case(
        "NotAccepted: no such model",
        "1/1 1",
        FAILED + "agent.kagent.dev/echo: NotAccepted: no such model",
        1,
        workload=objects.agent(generation=1, seen=1, accepted="no such model"),
        deployment=deployment(ready=1),
        **ONE_UP,
    ),
    "refused, and changed since": Case(
        PENDING,
        "1/1 1",
        "Waiting for agent spec update to be observed...",
        workload=objects.agent(generation=2, seen=1, accepted="no such model"),
        deployment=deployment(ready=1),
        **ONE_UP,
    ),
    "refused from the first": Case(
        "NotAccepted: no such model",
        "- -",
        FAILED + "agent.kagent.dev/echo: NotAccepted: no such model",
        1,
        workload=objects.agent(generation=1, seen=1, accepted="no such model"),
    ),
    "being deleted": Case(
        "Terminating: finalizers example.com/a, example.com/b",
        "1/1 1",
        "error: agent.kagent.dev/echo is being deleted: finalizers example.com/a, example.com/b",
        1,
        # a deletion is a new generation, of which kagent's controller makes nothing
        workload=leaving(objects.agent(generation=2, seen=1), "example.com/a", "example.com/b"),
        deployment=deployment(ready=1),
        **ONE_UP,
    ),
    "an MCP server that is being deleted, asleep": Case(
        "Terminating",
        "0/0 0",
        "error: mcpserver.kagent.dev/echo is being deleted",
        1,
        workload=leaving(objects.mcp_server()),
        deployment=deployment(0, annotation=MCP_CONFIG_HASH),
    ),
    "its Deployment is being deleted": Case(
        "Progressing: its Deployment is being deleted",
        "1/1 1",
        'Waiting for deployment "echo" to be deleted and created again...',
        deployment=leaving(deployment(ready=1), "foregroundDeletion"),
        **ONE_UP,
    ),
    "scaled to 0": Case(
        "ScaledToZero",
        "0/0 0",
        SLEEPS,
        workload=objects.agent(generation=1, seen=1, replicas=0),
        deployment=deployment(0),
    ),
    "on its way to 0": Case(
        "Progressing",
        "1/0 0",
        "Waiting for {name} rollout to finish: 1 old replicas are pending termination...",
        workload=objects.agent(generation=1, seen=1, replicas=0),
        deployment=deployment(0, ready=1, existing=1),
        pods=(running(pod({**container({"running": {}}), "ready": True}, name=number(0), leaving=True)),),
        shown=(f"{number(0)} 1/1 Terminating 0",),
    ),
    "scaled by an HPA": Case(
        "Ready",
        "3/3 3",
        DONE.replace("(", f"(3 replicas by {HPA.label('echo-hpa')}, "),
        workload=objects.agent(generation=1, seen=1, replicas=None),
        deployment=deployment(3, ready=3),
        pods=tuple(map(up, range(3))),
        shown=tuple(f"{number(index)} 1/1 Running 0" for index in range(3)),
        more=lambda cluster: cluster.add(HPA, hpa("echo")),
        scaled_by="hpa 1-5",
    ),
    "an HPA and the spec contend": Case(
        "Ready",
        "1/1 1",
        DONE,
        deployment=deployment(ready=1),
        **ONE_UP,
        more=lambda cluster: cluster.add(HPA, hpa("echo")),
        scaled_by="hpa 1-5 and spec!",
    ),
    "KEDA sleeps": Case(
        "ScaledToZero",
        "0/0 0",
        SLEEPS.replace("(", f"(by {SCALED_OBJECT.label('echo-scaler')}, "),
        workload=objects.agent(generation=1, seen=1, replicas=None),
        deployment=deployment(0),
        more=lambda cluster: cluster.add(
            SCALED_OBJECT, scaled_object("echo", minReplicaCount=0, maxReplicaCount=3)
        ),
        scaled_by="keda 0-3",
    ),
    "paused": Case(
        "Paused",
        "1/1 0",
        "Waiting for {name} rollout to finish: 0 out of 1 new replicas have been updated...",
        deployment=deployment(ready=1, updated=0, spec={"paused": True}),
    ),
    "paused, with nothing to change": Case(
        "Ready",
        "1/1 1",
        DONE,
        deployment=deployment(ready=1, spec={"paused": True}),
        **ONE_UP,
    ),
    "the new pods come": Case(
        "Progressing",
        "3/3 1",
        "Waiting for {name} rollout to finish: 1 out of 3 new replicas have been updated...",
        deployment=deployment(3, ready=3, updated=1, existing=4),
        pods=(starting(waiting("ContainerCreating")),),
        shown=(f"{number(0)} 0/1 ContainerCreating 0",),
    ),
    "an old pod is left": Case(
        "Progressing",
        "1/1 1",
        "Waiting for {name} rollout to finish: 1 old replicas are pending termination...",
        deployment=deployment(ready=1, existing=2),
        **ONE_UP,
    ),
    "crash-looping": Case(
        "NotReady",
        "0/1 1",
        EXITED + "kagent exited with 1 (restarts: 3)",
        1,
        deployment=deployment(),
        pods=(starting(waiting("CrashLoopBackOff", **CRASHED), phase="Running"),),
        shown=(f"{number(0)} 0/1 CrashLoopBackOff 3",),
    ),
    "out of memory": Case(
        "NotReady",
        "0/1 1",
        EXITED + "kagent was OOMKilled at its limit of 1Gi (restarts: 3)",
        1,
        deployment=deployment(),
        pods=(
            starting(waiting("CrashLoopBackOff", restarts=3, last=ended(137, "OOMKilled")), phase="Running"),
        ),
        shown=(f"{number(0)} 0/1 CrashLoopBackOff 3",),
    ),
    "an init container crash-loops": Case(
        "NotReady",
        "0/1 1",
        EXITED + "skills-init exited with 1 (restarts: 3)",
        1,
        deployment=deployment(),
        pods=(starting(waiting("PodInitializing"), init=skills(waiting("CrashLoopBackOff", **CRASHED))),),
        shown=(f"{number(0)} 0/1 Init:CrashLoopBackOff 3",),
    ),
    "an init container works": Case(
        "NotReady",
        "0/1 1",
        NOT_AVAILABLE,
        deployment=deployment(),
        pods=(starting(waiting("PodInitializing"), init=skills(container({"running": {}}))),),
        shown=(f"{number(0)} 0/1 Init:0/1 0",),
    ),
    "no such image": Case(
        "NotReady",
        "0/1 1",
        FAILED + "pod/echo-6f5bf9d845-0: ImagePullBackOff: Back-off pulling image",
        1,
        deployment=deployment(),
        pods=(starting(waiting("ImagePullBackOff", "Back-off pulling image")),),
        shown=(f"{number(0)} 0/1 ImagePullBackOff 0",),
    ),
    "no progress within the deadline": Case(
        'Stuck: ReplicaSet "echo-6f5bf9d845" has timed out progressing.',
        "0/1 1",
        FAILED + "deployment/echo: ProgressDeadlineExceeded: no progress for 600s",
        1,
        deployment=deployment(deadline=True),
        pods=(starting(container({"running": {}}), phase="Running"),),
        shown=(f"{number(0)} 0/1 Running 0",),
    ),
    "a quota refuses the pods": Case(
        "Stuck: exceeded quota: pods",
        "0/1 0",
        FAILED + "replicaset/echo-6f5bf9d845: FailedCreate: exceeded quota: pods",
        1,
        deployment=having(
            deployment(existing=0, updated=0),
            condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: pods"),
        ),
        refused="exceeded quota: pods",
    ),
    "the ReplicaSet can not be made": Case(
        "Stuck: an admission webhook said no",
        "0/1 0",
        FAILED + "deployment/echo: ReplicaSetCreateError: an admission webhook said no",
        1,
        deployment={
            **(made := deployment(existing=0, updated=0)),
            "status": {
                **made["status"],
                "conditions": [
                    condition("Progressing", "False", "ReplicaSetCreateError", "an admission webhook said no")
                ],
            },
        },
    ),
    "an MCP server that is well, though kmcp's Ready is stale": Case(
        "Ready",
        "1/1 1",
        DONE,
        workload=objects.mcp_server(),
        deployment=deployment(ready=1, annotation=MCP_CONFIG_HASH),
        **ONE_UP,
    ),
    "an MCP server that kmcp could not program": Case(
        "NotAccepted: services is forbidden",
        "1/1 1",
        FAILED + "mcpserver.kagent.dev/echo: NotAccepted: services is forbidden",
        1,
        workload=objects.mcp_server(programmed="services is forbidden"),
        deployment=deployment(ready=1, annotation=MCP_CONFIG_HASH),
        **ONE_UP,
    ),
    "an MCP server that crash-loops": Case(
        "NotReady",
        "0/1 1",
        EXITED + "kagent exited with 1 (restarts: 3)",
        1,
        workload=objects.mcp_server(),
        deployment=deployment(annotation=MCP_CONFIG_HASH),
        pods=(starting(waiting("CrashLoopBackOff", **CRASHED), phase="Running"),),
        shown=(f"{number(0)} 0/1 CrashLoopBackOff 3",),
    ),
}


def build(cluster: FakeCluster, case: Case) -> None:
    """The objects of a case, each owned by the one that made it."""
    workload = cluster.add(case.resource, case.workload)
    if case.workload["metadata"]["generation"] > 1:
        cluster.edit(case.resource, "echo", {"spec": {"description": "changed"}})
    cluster.set_status(case.resource, "echo", case.workload["status"])
    if case.deployment:
        labels = {"app.kubernetes.io/name": "echo", "app.kubernetes.io/instance": "echo"} | objects.LABELS
        template = case.deployment["spec"]["template"]
        template["spec"] = {"containers": [{"name": "kagent", "image": IMAGE}]}
        made = own(cluster, DEPLOYMENT, case.deployment, workload)
        replica_set = objects.replica_set(refused=case.refused)
        replica_set["metadata"]["labels"] = labels
        replica_set["spec"] = {"template": template}
        replica_set["status"] |= {"replicas": len(case.pods), "readyReplicas": ready_of(case)}
        newest = own(cluster, REPLICA_SET, replica_set, made)
        for item in case.pods:
            item["metadata"]["labels"] = labels
            own(cluster, POD, item, newest)
    case.more(cluster)


def ready_of(case: Case) -> int:
    """Of its pods of the newest template."""
    return sum(bool(shown.split()[1] == "1/1") for shown in case.shown)


def own(cluster: FakeCluster, resource: Resource, obj: Object, owner: Object) -> Object:
    obj = copied(obj)
    obj["metadata"]["ownerReferences"][0]["uid"] = owner["metadata"]["uid"]
    return cluster.add(resource, obj)


def column(table: str, name: str) -> list[str]:
    """The cells below a heading; they reach to the next one."""
    heading, *rows = table.splitlines()
    start = heading.index(name)
    end = start + len(name) + len(heading[start + len(name) :]) - len(heading[start + len(name) :].lstrip())
    return [row[start : None if end == len(heading) else end].strip() for row in rows]


@pytest.mark.parametrize("name", CASES)
def test_all_verbs_say_the_same(cluster: FakeCluster, kagent: Kagent, name: str) -> None:
    case = CASES[name]
    build(cluster, case)
    typed = f"{case.resource.singular}/echo"

    code, table, err = kagent("get", case.resource.plural, "-o", "wide")
    assert (code, err) == (0, "")
    seen = {title: column(table, title)[0] for title in table.splitlines()[0].split()}
    has = case.deployment is not None
    assert seen["STATUS"] == case.status
    assert f"{seen['READY']} {seen['UP-TO-DATE']}" == case.counts
    assert (seen["CONFIG-HASH"], seen["IMAGE"]) == ((HASH, IMAGE) if has else ("-", "-"))
    assert seen["SCALED-BY"] == case.scaled_by

    code, page, err = kagent("describe", typed)
    assert (code, err) == (0, "")
    told = dict(line.split(":", 1) for line in page.splitlines() if ":" in line and line[0] != " ")
    told = {key: value.strip() for key, value in told.items()}
    ready, _, wanted = seen["READY"].partition("/")
    counts = f"{ready} ready of {wanted}, {seen['UP-TO-DATE']} up to date" if has else "no Deployment"
    assert (told["Status"], told["Replicas"], told["Scaled by"]) == (case.status, counts, case.scaled_by)
    assert (told.get("Config hash", "-"), told.get("Image", "-")) == (seen["CONFIG-HASH"], seen["IMAGE"])
    pods = page.partition("\nPods:\n")[2].splitlines()[1:]
    assert [" ".join(row.split()[:4]) for row in pods if row.startswith("  echo-")] == list(case.shown)

    code, out, err = kagent("rollout", "status", typed, "--watch=false")
    words = {"name": f'{case.resource.singular} "echo"', "hash": seen["CONFIG-HASH"]}
    assert code == case.code
    last = (err if code else out).splitlines()
    assert any(line.startswith(case.rollout.format(**words)) for line in last), (out, err)
    done = " rolled out (" in out or " is scaled to 0: " in out
    assert done == (case.status in ("Ready", "ScaledToZero"))

    code, ledger, err = kagent("rollout", "history", typed)
    assert code == 0
    rows = [row for row in ledger.partition("\n")[2].splitlines()[1:] if row.split()[0].endswith("*")]
    assert len(rows) == 1
    ours = dict(zip(("REVISION", "AGE", "BY", "HASH", "READY"), rows[0].split(), strict=False))
    assert (ours["HASH"], ours["READY"]) == recorded(case)
    again = kagent("get", case.resource.plural)[1]
    assert column(again, "REVISION") == [ours["REVISION"].rstrip("*")]


def recorded(case: Case) -> tuple[str, str]:
    """The hash is only known of what the controller has taken up; READY of the pods that run it."""
    unseen = case.workload["metadata"]["generation"] > case.workload["status"]["observedGeneration"]
    if case.deployment is None or unseen or case.status.startswith("NotAccepted"):
        return "<unknown>", "0"
    return HASH, f"{ready_of(case)}/{len(case.pods)}" if case.pods else "0"
