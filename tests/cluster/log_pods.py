"""Agents whose pods write numbered lines, and what the node has of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.model.resources import POD
from tests.cluster.conftest import Tools, wait_for
from tests.cluster.workloads import Object, byo
from tests.lab.images.python import AGENT_RUNTIME, PYTHON
from tests.lab.lab import Lab

_SOURCE = (Path(__file__).parent / "log_writer.py").read_text()
_SHOWN = re.compile(rb"\[pod/(\S+)/kagent\] (\S{30}) (\d{8}) ")

# Per pod: stamp and number of each line.
Lines = dict[str, list[tuple[bytes, int]]]


def writer(name: str, *, replicas: int, lines: int, rate: int, at_once: bool = False) -> Object:
    """An agent whose pods write so many lines each, so many a second."""
    env = {"LINES": lines, "RATE": rate, "AT_ONCE": int(at_once)}
    return byo(
        name,
        image=AGENT_RUNTIME,
        cmd=PYTHON,
        args=["-c", _SOURCE],
        env=[{"name": key, "value": str(value)} for key, value in env.items()],
        replicas=replicas,
    )


def running(api: ApiServer, name: str) -> list[str]:
    """The names of the agent's pods whose container runs."""
    items = api.list_objects(POD, api.namespace, labels=f"kagent={name}")["items"]
    return [
        item["metadata"]["name"]
        for item in items
        if not item["metadata"].get("deletionTimestamp")
        and any("running" in status["state"] for status in item["status"].get("containerStatuses") or ())
    ]


def tell(tools: Tools, pod: str, word: str) -> None:
    """Send a pod a request, once its program listens; one that makes it exit is never answered."""
    path = f"/api/v1/namespaces/{tools.namespace}/pods/{pod}:8080/proxy/{word}"

    def told() -> bool:
        done = tools.kubectl("get", "--raw", path, check=False)
        assert done.code == 0 or word == "exit" or "connection refused" in done.err, done.err
        return "connection refused" not in done.err

    wait_for(told, f"pod {pod}, which runs, to listen")


def shown(output: Iterable[bytes]) -> Iterator[tuple[str, bytes, int]]:
    """Pod, stamp and number of each printed line, in the order of printing."""
    for line in output:
        match = _SHOWN.match(line)
        assert match, line
        yield match[1].decode(), match[2], int(match[3])


def on_node(lab: Lab, namespace: str) -> Lines:
    """What the node's newest files have, per pod."""
    found: Lines = {}
    for file in sorted(lab.layout.pod_logs.glob(f"{namespace}_*/kagent/*.log")):
        pod = file.parent.parent.name.split("_")[1]
        for line in file.read_bytes().splitlines():
            stamp, _, _, number, _ = line.split(b" ", 4)
            found.setdefault(pod, []).append((stamp.replace(b"Z", b"").ljust(29, b"0") + b"Z", int(number)))
    return found
