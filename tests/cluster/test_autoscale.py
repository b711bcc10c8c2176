"""autoscale with real metrics: load takes an agent from one pod to three and back; nobody fights the HPA."""

from __future__ import annotations

import re
import time

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.model.resources import HPA
from kubectl_kagent.model.workload import dig
from tests.cluster.conftest import Done, Tools, wait_for
from tests.cluster.workloads import (
    MANAGER,
    await_rendered,
    byo,
    config_hash,
    create,
    deployment,
    edit,
    parked,
    read,
    reconcile,
    replicas,
)

pytestmark = pytest.mark.cluster

BURN = 20.0
HPA_LABEL = "horizontalpodautoscaler.autoscaling/clock"
REFUSAL = (  # {}: the namespace
    f"error: agent.kagent.dev/clock is scaled by an autoscaler: {HPA_LABEL} keeps it between 1 and 3\n"
    "hint: change the autoscaler, or set the count all the same with --force (it fights the autoscaler "
    "until 'kubectl kagent scale agent/clock -n {} --release')\n"
)


def burn(api: ApiServer, seconds: int) -> None:
    """Let one pod use a third of a CPU, through the API server's service proxy."""
    message = {
        "kind": "message",
        "messageId": f"burn-{time.time_ns()}",
        "role": "user",
        "parts": [{"kind": "text", "text": f"burn {seconds}"}],
    }
    call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message}}
    answer = api.service(api.namespace, "clock:8080").call("POST", "/", call)
    assert answer["result"]["status"]["state"] == "completed", answer


def settle_down_after(api: ApiServer, seconds: int) -> None:
    """Let the HPA take replicas away when it has wanted fewer for so long."""
    behavior = {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": seconds}}}}
    api.merge_patch(HPA, api.namespace, "clock", behavior, manager=MANAGER)


def available(api: ApiServer) -> int:
    return int(dig(deployment(api, "clock"), "status", "availableReplicas") or 0)


def row(tools: Tools) -> list[str]:
    """NAME TYPE READY UP-TO-DATE SCALED-BY..., cells apart as kubectl has them."""
    line = tools.kagent("get", "agent", "clock").out.splitlines()[1]
    return re.split(" {3,}", line)


def test_load_decides_the_replicas_and_nobody_fights_it(tools: Tools, api: ApiServer) -> None:
    create(api, byo("clock", replicas=1, resources={"requests": {"cpu": "50m", "memory": "16Mi"}}))
    wait_for(lambda: available(api) == 1, "the pod")
    assert tools.kagent("rollout", "history", "clock").code == 0
    done = tools.kagent("autoscale", "agent/clock", "--min=1", "--max=3", "--cpu=70%")
    assert done == Done(0, f"{HPA_LABEL} autoscaled\n", "")
    assert "replicas" not in read(api, "clock")["spec"]["byo"]["deployment"]
    settle_down_after(api, 600)  # on a busy machine the load may be over before we have looked

    lit = -BURN

    def at_three() -> bool:
        nonlocal lit
        if time.monotonic() - lit >= BURN:
            burn(api, int(BURN))
            lit = time.monotonic()
        return replicas(api, "clock") == 3

    wait_for(at_three, "the third replica", timeout=240)
    assert tools.kagent("scale", "agent/clock", "--replicas=2") == Done(
        1, "", REFUSAL.format(tools.namespace)
    )
    assert row(tools)[4] == "hpa 1-3"

    edit(api, "clock", {"description": "edited under load"})
    await_rendered(api, "clock")
    reconcile(api, "clock")
    assert tools.kagent("rollout", "undo", "agent/clock").code == 0
    assert replicas(api, "clock") == 3
    status = tools.kagent("rollout", "status", "agent/clock", "--timeout=60s")
    last = f'agent "clock" successfully rolled out (3 replicas by {HPA_LABEL}, config hash '
    assert (status.code, status.out.splitlines()[-1]) == (0, f"{last}{config_hash(api, 'clock')})")

    settle_down_after(api, 5)
    wait_for(lambda: replicas(api, "clock") == 1, "the end of the load", timeout=240)
    tools.kubectl("delete", "hpa", "clock")
    assert row(tools)[4] == "deployment"
    assert tools.kagent("scale", "agent/clock", "--replicas=2").code == 0


def test_only_force_sets_the_count_against_an_autoscaler(tools: Tools, api: ApiServer) -> None:
    create(api, parked("clock"))
    words = ("autoscale", "agent/clock", "--min=1", "--max=3", "--cpu=70%")
    dry = tools.kagent(*words, "--dry-run=server")
    assert dry == Done(0, f"{HPA_LABEL} autoscaled (server dry run)\n", "")
    assert api.list_objects(HPA, api.namespace)["items"] == []
    assert tools.kagent(*words).code == 0
    assert tools.kagent(*words) == Done(
        1,
        "",
        f"error: agent.kagent.dev/clock already has an autoscaler: {HPA_LABEL}\n"
        f"hint: change it with kubectl edit, or delete it first: kubectl delete {HPA_LABEL} "
        f"-n {tools.namespace}\n",
    )

    forced = tools.kagent("scale", "agent/clock", "--replicas=2", "--force")
    warning = f"{HPA_LABEL} keeps it between 1 and 3; the two will fight until --release gives the count back"
    assert forced == Done(0, "agent.kagent.dev/clock scaled\n", f"Warning: {warning}\n")
    assert row(tools)[4] == "hpa 1-3 and spec!"
    released = tools.kagent("scale", "agent/clock", "--release")
    assert released == Done(0, "agent.kagent.dev/clock released\n", "")
    assert row(tools)[4] == "hpa 1-3"
