"""What is broken on purpose: each fault, and the alerts that have to be told of because of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.cluster.conftest import Tools
from tests.cluster.workloads import byo, declarative, key, mcp_server, model_config, remote_server

Object = dict[str, Any]
_ABSENT = "lab.local/nobody-built-this:1"


@dataclass(frozen=True)
class Fault:
    """Objects of a namespace, and what a change makes of some of them once they are ready.

    ``alerts`` are (alert, labels): the labels of the one that must be told, without its namespace.
    """

    objects: tuple[Object, ...]
    alerts: tuple[tuple[str, dict[str, str]], ...]
    change: tuple[Object, ...] = ()


def _agent(name: str) -> dict[str, str]:
    return {"kind": "Agent", "name": name, "agent": name}


def _env(name: str) -> list[Object]:
    return [{"name": name, "value": "1"}]


_BIG = declarative(
    "big",
    modelConfig="model",
    deployment={"resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}}},
)
_NOWHERE = mcp_server("away", cmd="/nothing-is-here")
PODS = Fault(
    objects=(
        key(),
        model_config(model="scripted"),
        byo("crash", env=_env("CRASH")),
        byo("image", image=_ABSENT, imagePullPolicy="IfNotPresent"),
        byo("settings", env=[{"name": "K", "valueFrom": {"secretKeyRef": {"name": "nope", "key": "k"}}}]),
        _BIG,
        _NOWHERE,
        byo("node", nodeSelector={"disk": "nobody-has-this"}),
        declarative("refused", modelConfig="nobody-made-this"),
    ),
    alerts=(
        ("KagentPodCrashLooping", _agent("crash")),
        ("KagentImagePullFailing", _agent("image")),
        ("KagentPodConfigError", _agent("settings")),
        ("KagentPodOomKilled", _agent("big")),
        ("KagentPodNotScheduled", _agent("node")),
        ("KagentMcpServerUnavailable", {"name": "away"}),
        ("KagentAgentUnavailable", {"agent": "crash"}),
        ("KagentAgentNotAccepted", {"agent": "refused"}),
    ),
)
STUCK = Fault(
    objects=(byo("probe", replicas=1), remote_server("nowhere")),
    change=(byo("probe", replicas=1, env=_env("UNREADY")),),
    alerts=(
        ("KagentRolloutStuck", _agent("probe")),
        ("KagentRemoteMcpServerNotAccepted", {"name": "nowhere"}),
    ),
)
QUOTA = Fault(
    objects=(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "small"},
            # and no revisions, of which the recorder tells
            "spec": {"hard": {"pods": "1", "count/controllerrevisions.apps": "0"}},
        },
        byo("first"),
    ),
    change=(byo("second"),),
    alerts=(
        ("KagentPodsNotCreated", _agent("second")),
        ("KagentRecorderTrouble", _agent("first")),
        ("KagentQuotaNearlyFull", {"resourcequota": "small", "resource": "pods"}),
    ),
)


def stage(tools: Tools, objects: tuple[Object, ...]) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": objects}
    tools.kubectl("apply", "-f", "-", stdin=json.dumps(items))
