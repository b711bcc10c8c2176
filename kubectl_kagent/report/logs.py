"""The newest lines of each container: of the workloads, and of kagent's and kmcp's controllers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.telemetry.logs.places import PodSelector, find_pods, of_controllers, of_workloads
from kubectl_kagent.telemetry.logs.stamps import stamped

# So much at most.
LINES = 500  # of one container
BYTES = 256 * 1024  # of one container
ALL_BYTES = 16 * 1024 * 1024
CONTAINERS = 200


@dataclass(frozen=True, slots=True)
class ContainerLog:
    """The end of a container's log, with the kubelet's stamps; ``previous``: of its run before this one."""

    namespace: str
    pod: str
    container: str
    previous: bool
    text: str
    cut: bool

    @property
    def label(self) -> str:
        return f"pod {self.namespace}/{self.pod}, container {self.container}" + (
            ", its run before" if self.previous else ""
        )

    @property
    def file(self) -> str:
        """Its name in a report."""
        run = ".previous" if self.previous else ""
        name = f"{self.namespace}_{self.pod}_{self.container}{run}"
        return "logs/" + re.sub(r"[^\w.-]", "_", name, flags=re.ASCII) + ".txt"


def read_logs(
    cluster: Cluster, workloads: Sequence[Workload], since: datetime, notes: list[Note]
) -> tuple[list[Mapping[str, Any]], tuple[ContainerLog, ...]]:
    """The pods, and the logs of their containers that have one; ``notes`` gets what can't be read."""
    pods: dict[tuple[str, str], Pod] = {}
    asked: dict[str, Callable[[], tuple[PodSelector, ...]]] = {
        "the controllers": lambda: of_controllers(cluster),
        "the workloads": lambda: of_workloads(cluster, workloads),
    }
    for what, places in asked.items():
        try:
            pods |= {(pod.namespace, pod.name): pod for pod in find_pods(cluster, places())}
        except KagentError as error:
            notes.append(Note(f"pods of {what}, and their logs", error.explained))
    wanted = [
        (pod, name, previous)
        for pod in pods.values()
        for name in pod.containers
        for previous in _runs(pod, name)
    ]
    if len(wanted) > CONTAINERS:
        notes.append(
            Note(f"{len(wanted) - CONTAINERS} of {len(wanted)} logs", f"left out: a report has {CONTAINERS}")
        )
    wanted = wanted[:CONTAINERS]
    most = min(BYTES, ALL_BYTES // max(1, len(wanted)))
    answers = side_by_side(lambda one: _read(cluster, one, since, most), wanted)
    notes += [answer for answer in answers if isinstance(answer, Note)]
    found = tuple(answer for answer in answers if isinstance(answer, ContainerLog) and answer.text)
    return [pod.obj for pod in pods.values()], found


def _runs(pod: Pod, container: str) -> list[bool]:
    """Whether each run that has a log is the one before."""
    run = pod.run(container)
    return [*([True] if run.number else []), *([False] if run.started else [])]


def _read(cluster: Cluster, run: tuple[Pod, str, bool], since: datetime, most: int) -> ContainerLog | Note:
    pod, container, previous = run
    age = max(1, round((clock.now() - since).total_seconds()))
    kept, cut = bytearray(), False
    try:
        for piece in cluster.pod_log_stream(
            pod.namespace, pod.name, container, previous=previous, since_seconds=age, tail=LINES
        ):
            kept += piece
            if len(kept) > most:
                cut = True
                del kept[: len(kept) - most]
        block = bytes(kept).partition(b"\n")[2] if cut else bytes(kept)
        if cut and not block:
            raise KagentError(f"its last line is longer than {most >> 10}KiB, and a part of one is left out")
        lines, strays = stamped(block if block.endswith(b"\n") else block + b"\n")
        if strays and not lines:
            raise KagentError(b" ".join(strays).decode(errors="replace"))
    except KagentError as error:
        which = "the log before the restart" if previous else "the log"
        return Note(f"{which} of pod {pod.namespace}/{pod.name}, container {container}", error.explained)
    text = b"".join(line + b"\n" for line in (*lines, *strays)).decode(errors="replace")
    return ContainerLog(pod.namespace, pod.name, container, previous, text, cut or len(lines) >= LINES)
