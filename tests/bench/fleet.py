"""``python -m tests.bench.fleet``: a recorder beside thousands of agents that are edited all the time.

On the lab: so many agents that run nothing, in several namespaces, and so many edits a second of one after
the other; at the end one edit of the ModelConfig that all of them use. Of every edit the bench knows when the
API server had it; of every revision, when a watch gave it. Counted: revisions that are missing or in another
order, the lag from one to the other, and the recorder's memory and processor time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION, MODEL_CONFIG, NAMESPACE
from kubectl_kagent.model.revision import LABEL_KIND
from tests.cluster.conftest import PROGRAM
from tests.lab.lab import Lab

Object = dict[str, Any]
NAMESPACES = 10
AT_ONCE = 8
LAG_SECONDS, SHARED_SECONDS = 5.0, 180.0
MEGABYTES, CORES = 200.0, 1.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Fleet:
    """The agents by namespace and name, and what was seen of them."""

    api: Cluster
    run: str
    edited: dict[tuple[str, str], list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))
    recorded: dict[tuple[str, str], list[tuple[int, str, str, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    stopped: threading.Event = field(default_factory=threading.Event)

    def namespace(self, number: int) -> str:
        return f"fleet-{self.run}-{number % NAMESPACES}"

    def make(self, count: int) -> None:
        for number in range(NAMESPACES):
            name = self.namespace(number)
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.api.create(NAMESPACE, "", body, manager="bench")
            self.api.create(MODEL_CONFIG, name, _model(), manager="bench")
        self._each(count, self._create, "made")

    def _create(self, number: int) -> None:
        self.api.create(AGENT, self.namespace(number), _agent(f"agent-{number}", "0"), manager="bench")

    def edit(self, number: int, text: str) -> None:
        place = self.namespace(number), f"agent-{number}"
        patch = {"spec": {"declarative": {"systemMessage": text}}}
        self.api.merge_patch(AGENT, *place, patch, manager="bench")
        self.edited[place].append((text, time.monotonic()))

    def edit_models(self, text: str) -> float:
        """All agents' model, one object in each namespace; when the last of them had it."""
        for number in range(NAMESPACES):
            self.api.merge_patch(
                MODEL_CONFIG, self.namespace(number), "model", {"spec": {"model": text}}, manager="bench"
            )
        return time.monotonic()

    def watch(self) -> None:
        """Note every revision as it comes."""
        since = ""
        while not self.stopped.is_set():
            with suppress(KagentError):
                if not since:
                    for page in self.api.pages(CONTROLLER_REVISION, None, labels=LABEL_KIND):
                        since = page["metadata"]["resourceVersion"]
                for event in self.api.watch(CONTROLLER_REVISION, None, since, seconds=60, labels=LABEL_KIND):
                    since = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] == "ADDED":
                        self._note(event["object"])

    def _note(self, obj: Object) -> None:
        owner = obj["metadata"]["ownerReferences"][0]["name"]
        data = obj["data"]
        models = [one["content"]["spec"]["model"] for one in data["sources"] if one["kind"] == "ModelConfig"]
        found = obj["revision"], data["spec"]["declarative"]["systemMessage"], *models[:1], time.monotonic()
        self.recorded[obj["metadata"]["namespace"], owner].append(found)

    def _each(self, count: int, work: Any, done: str) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for number, _ in enumerate(pool.map(work, range(count)), 1):
                if not number % 500:
                    say(f"{number} agents {done}")

    def remove(self) -> None:
        for number in range(NAMESPACES):
            with suppress(KagentError):
                self.api.delete(NAMESPACE, "", self.namespace(number))


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _model() -> Object:
    spec = {"provider": "Ollama", "model": "m0", "ollama": {"host": "http://127.0.0.1:9"}}
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "ModelConfig",
        "metadata": {"name": "model"},
        "spec": spec,
    }


def _agent(name: str, text: str) -> Object:
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": name},
        "spec": {
            "type": "Declarative",
            "description": "one of many",
            "declarative": {
                "runtime": "go",
                "modelConfig": "model",
                "systemMessage": text,
                "deployment": {"replicas": 0},
            },
        },
    }


@dataclass
class Process:
    """A recorder, and what it takes."""

    lab: Lab
    log: Path

    def __post_init__(self) -> None:
        self.peak, self.busy = 0.0, 0.0
        self._start()

    def _start(self) -> None:
        env = {**os.environ, "KUBECONFIG": str(self.lab.kubeconfig)}
        with self.log.open("a") as log:
            self.running = subprocess.Popen([*PROGRAM, "record", "-A"], env=env, stdout=log, stderr=log)
        self._began, self._used = time.monotonic(), 0.0

    def restart(self) -> None:
        self.stop()
        self._start()

    def look(self) -> float:
        """Its megabytes now; the peak and the share of a core since it began are kept."""
        stat = Path(f"/proc/{self.running.pid}/stat").read_text().rpartition(")")[2].split()
        self._used = (int(stat[11]) + int(stat[12])) / _TICKS
        self.busy = self._used / (time.monotonic() - self._began)
        status = Path(f"/proc/{self.running.pid}/status").read_text()
        now = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
        self.peak = max(self.peak, now)
        return now

    @property
    def used(self) -> float:
        return self._used

    def stop(self) -> None:
        self.running.terminate()
        self.running.wait(60)


def drive(
    fleet: Fleet, recorder: Process, agents: int, rate: float, minutes: float, *, restart: bool
) -> None:
    """Edits at that rate, of one agent after the other."""
    began, number, total = time.monotonic(), 0, int(rate * minutes * 60)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while number < total:
            ahead = began + number / rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            pool.submit(fleet.edit, number % agents, str(number + 1))
            number += 1
            if restart and number == total // 2:
                recorder.restart()
                say(f"the recorder is restarted, {time.monotonic() - began:.0f} s after the first edit")
            if not number % int(rate * 30):
                say(f"{number} edits, {recorder.look():.0f} MB, {recorder.busy:.2f} cores")
    say(f"{total} edits took {time.monotonic() - began:.0f} s")


def settled(fleet: Fleet, wanted: int, seconds: float) -> None:
    """Wait until so many revisions were seen, or none came for that long."""
    last, since = -1, time.monotonic()
    while (found := sum(map(len, list(fleet.recorded.values())))) < wanted:
        if found != last:
            last, since = found, time.monotonic()
        if time.monotonic() - since > seconds:
            return
        time.sleep(0.2)


def judge(fleet: Fleet) -> tuple[int, int, list[float]]:
    """Edits without a revision, agents whose revisions have another order, and the lags in seconds."""
    lost, disordered, lags = 0, 0, []
    for place, edits in fleet.edited.items():
        seen = {text: at for _, text, _, at in sorted(fleet.recorded[place], reverse=True)}
        lost += sum(text not in seen for text, _ in edits)
        lags += [seen[text] - at for text, at in edits if text in seen]
        order = [int(text) for _, text, _, _ in sorted(fleet.recorded[place])]
        numbers = sorted(number for number, *_ in fleet.recorded[place])
        disordered += order != sorted(order) or len(set(numbers)) != len(numbers)
    return lost, disordered, lags


def main() -> int:
    """Print the counts, each with its bound; 1 when one is not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fleet")
    parser.add_argument("--agents", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=50.0, help="edits a second")
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    lab = Lab.attach()
    api = connect(Connection(kubeconfig=str(lab.kubeconfig), namespace="default"))
    fleet = Fleet(api, uuid4().hex[:6])
    log = Path(f"/tmp/fleet-{fleet.run}.log")
    say(f"the recorder's words are in {log}")
    watcher = threading.Thread(target=fleet.watch, daemon=True)
    try:
        fleet.make(options.agents)
        watcher.start()
        recorder = Process(lab, log)
        began = time.monotonic()
        settled(fleet, options.agents, 60)
        recorder.look()
        first = sum(map(len, fleet.recorded.values()))
        say(f"{first} first revisions in {time.monotonic() - began:.0f} s, {recorder.busy:.2f} cores")
        drive(fleet, recorder, options.agents, options.rate, options.minutes, restart=True)
        edits = sum(map(len, fleet.edited.values()))
        settled(fleet, options.agents + edits, 60)
        recorder.look()
        busy, peak = recorder.busy, recorder.peak
        lost, disordered, lags = judge(fleet)
        p99 = statistics.quantiles(lags, n=100)[98]
        say(f"lag: median {statistics.median(lags):.2f} s, longest {max(lags):.2f} s")
        at = fleet.edit_models("m1")
        settled(fleet, options.agents * 2 + edits, 60)
        recorder.look()
        shared = [seen[-1][3] - at for seen in fleet.recorded.values() if sorted(seen)[-1][2] == "m1"]
        worst = statistics.quantiles(shared, n=100)[98] if len(shared) > 1 else float("inf")
        rows = [
            ("edits without a revision", lost, 0),
            ("agents in another order", disordered, 0),
            ("p99 lag, s", round(p99, 2), LAG_SECONDS),
            ("agents without the shared edit", options.agents - len(shared), 0),
            ("p99 lag of the shared edit, s", round(worst, 1), SHARED_SECONDS),
            ("peak memory, MB", round(max(peak, recorder.peak), 1), MEGABYTES),
            ("cores", round(busy, 2), CORES),
        ]
        for name, value, limit in rows:
            sys.stdout.write(f"{name}: {value} (at most {limit:g})\n")
        return int(any(value > limit for _, value, limit in rows))
    finally:
        fleet.stopped.set()
        with suppress(NameError):
            recorder.stop()
        fleet.remove()


if __name__ == "__main__":
    sys.exit(main())
