"""A verb that does not end, and the cluster in which something happens each minute meanwhile."""

from __future__ import annotations

import io
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent.app import cli
from kubectl_kagent.cluster.feed import Changed
from kubectl_kagent.lifecycle.history.recorder import WATCHED
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MODEL_CONFIG,
    POD,
    Resource,
)
from kubectl_kagent.model.revision import Revision, read_revision
from kubectl_kagent.model.workload import Workload
from tests import objects
from tests.day.credentials import Rotation
from tests.day.server import Server, serving
from tests.day.simulated_time import SimulatedTime, until
from tests.fake.cluster import FakeCluster
from tests.kubeconfigs import config

_MINUTE = 60.0
_COMPACTION = 5  # minutes, as the API server has it


@dataclass(frozen=True, slots=True)
class Done:
    """How the verb has ended."""

    code: int
    out: str
    err: str


class World(ABC):
    """``words`` is the command line; ``creep`` is how many seconds pass at a time while something is waited
    for.
    """

    words: tuple[str, ...]
    creep = 0.25

    def __init__(self, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = SimulatedTime("2026-11-23T00:00:00+00:00")
        self.time.rule(monkeypatch)
        self.cluster = FakeCluster(namespace="team")
        self.cluster.clock.now = self.time.now()
        self.rotation = Rotation(kind, folder)
        self.rotation.renew(self.time.now())
        self.server = Server(
            self.cluster, self.time, lambda name: self.rotation.accepts(name, self.time.now())
        )
        self.minutes = 0
        self.revoked = self.time.now()
        self._over = False
        self._began = self.time.now()
        self._kubeconfig = folder / "kubeconfig"
        self._out, self._err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12")
        self._versions = [0]
        self._failed: list[BaseException] = []
        self.furnish()

    @property
    @abstractmethod
    def streams(self) -> Counter[str]:
        """What is open while all is well, in the terms of ``Server``."""

    @abstractmethod
    def furnish(self) -> None:
        """What is there at the beginning."""

    @abstractmethod
    def happen(self) -> None:
        """What happens each minute."""

    def is_given(self) -> bool:
        """Whether the verb's watches have given it all that has happened."""
        return True

    @property
    @abstractmethod
    def expected(self) -> int:
        """How many lines tell all that has happened."""

    def is_told(self) -> bool:
        return self.out.count(b"\n") >= self.expected

    @property
    def out(self) -> bytes:
        """What has been printed so far."""
        return _written(self._out)

    def run(self, script: Callable[[], object]) -> Done:
        """The verb, with ``script`` beside it, which must bring it to its end."""
        before = set(threading.enumerate())
        beside = threading.Thread(target=self._beside, args=(script,))
        with redirect_stdout(self._out), redirect_stderr(self._err):
            with serving(self.server):
                self._kubeconfig.write_text(yaml.safe_dump(config(self.server.url, **self.rotation.user())))
                beside.start()
                try:
                    cli([*self.words, "--kubeconfig", str(self._kubeconfig)], prog_name="kubectl kagent")
                    code = 0
                except SystemExit as end:
                    code = int(end.code or 0)
                finally:
                    self._over = True
                    beside.join()
                done = Done(code, self.out.decode(), _written(self._err).decode())
            watches = [
                thread for thread in set(threading.enumerate()) - before if thread.name in self.streams
            ]
            self._until(lambda: not any(thread.is_alive() for thread in watches))
        if self._failed:
            raise self._failed[0]
        return done

    def _beside(self, script: Callable[[], object]) -> None:
        try:
            script()
        except BaseException as error:
            self._failed.append(error)
            if not self._over:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            while not self._over:
                self.pass_(_MINUTE)

    # What the script has to say

    def live(self, minutes: int, cuts: Mapping[int, Callable[[], None]]) -> None:
        """Let so many minutes pass, with new credentials each hour; ``cuts`` by minute of all."""
        for _ in range(minutes):
            if self.minutes and not self.minutes % 60:
                self.rotation.renew(self.time.now())
            self.end_watches()
            if cut := cuts.get(self.minutes):
                cut()
            self.happen()
            self.minutes += 1
            # time stands still until it has come: on a busy machine minutes would pass meanwhile
            if cut:
                self._reopen()
            else:
                until(self.is_given, self._missing)
            self.settle()
            self._compact()
            left = self._began + timedelta(minutes=self.minutes) - self.time.now()
            self.pass_(left.total_seconds())

    def _reopen(self) -> None:
        """Time creeps, and so slowly that what one stream gives comes soon after what another one gives."""
        while not (self._over or self._is_open()):
            time.sleep(0.05)
            self.pass_(self.creep)
        end = time.monotonic() + 0.2  # what a new list gives is not told from what a stream gives
        while not self.is_given() and time.monotonic() < end:
            time.sleep(0.001)

    def end_watches(self) -> None:
        """Each is asked for for a minute."""
        self.cluster.end_watches()
        self._until(lambda: self._over or self._is_open())

    def settle(self) -> None:
        """Wait until all is told, and all streams are open again."""
        self._until(lambda: self._over or (self.is_told() and self._is_open()))
        assert not self._over, "it has ended by itself"

    def end_by_refusal(self) -> None:
        """Let the API server refuse all credentials until the verb ends."""
        self.rotation.revoke()
        self.revoked = self.time.now()
        self.server.end_streams()
        self._until(lambda: self._over)

    def pass_(self, seconds: float) -> None:
        self.time.advance(seconds)
        self.cluster.clock.now = self.time.now()

    def _is_open(self) -> bool:
        return +self.server.open == self.streams

    def _until(self, true: Callable[[], bool]) -> None:
        """Time creeps meanwhile: what is waited for may want some."""

        def creeping() -> bool:
            if true():
                return True
            self.pass_(self.creep)
            return False

        until(creeping, self._missing)

    def _missing(self) -> str:
        return f"minute {self.minutes}: {self.server.open}, {self.out[-300:]!r}"

    def _compact(self) -> None:
        self._versions.append(self.cluster._store.version)
        if not self.minutes % _COMPACTION:
            self.cluster.compact(self._versions[-_COMPACTION])


def _written(stream: io.TextIOWrapper) -> bytes:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue()


class RecordWorld(World):
    """Of some agents one is edited each minute, and its controller acts."""

    words = ("record",)
    agents = 48

    @property
    def streams(self) -> Counter[str]:
        return Counter(resource.plural for resource in WATCHED)

    def furnish(self) -> None:
        self._given: dict[Resource, int] = {}
        self._newest: dict[Resource, int] = {}
        self.time.handed = self._hear
        self.cluster.add(MODEL_CONFIG, objects.model_config())
        for number in range(self.agents):
            agent = objects.agent(f"agent-{number}")
            agent["metadata"]["annotations"] = {"kubectl-kagent/revision-history-limit": "500"}
            self.cluster.add(AGENT, agent)
            objects.reconcile(self.cluster, f"agent-{number}", config_hash="1")

    def happen(self) -> None:
        name = f"agent-{self.minutes % self.agents}"
        prompt = {"declarative": {"systemMessage": f"minute {self.minutes}"}}
        self.cluster.edit(AGENT, name, {"spec": prompt})
        self._reconcile(name)
        for resource in (AGENT, DEPLOYMENT):
            self._newest[resource] = int(self.cluster.read(resource, name)["metadata"]["resourceVersion"])

    def _reconcile(self, name: str) -> None:
        """As ``objects.reconcile``, but of nothing else."""
        live = Workload(AGENT, self.cluster.read(AGENT, name))
        template = {"metadata": {"annotations": {live.config_hash_annotation: str(self.minutes + 2)}}}
        self.cluster.edit(DEPLOYMENT, name, {"spec": {"template": template}}, manager="controller")
        self.cluster.set_status(AGENT, name, live.obj["status"] | {"observedGeneration": live.generation})

    def _hear(self, change: Any) -> None:
        if isinstance(change, Changed):
            self._given[change.resource] = int(change.obj["metadata"]["resourceVersion"])

    def is_given(self) -> bool:
        return all(self._given.get(resource, 0) >= newest for resource, newest in self._newest.items())

    @property
    def expected(self) -> int:
        return self.minutes + self.agents

    def revisions(self, number: int) -> list[Revision]:
        """Of one agent, in order."""
        found = map(read_revision, self.cluster.read_all(CONTROLLER_REVISION))
        own = [revision for revision in found if revision.name.startswith(f"agent-agent-{number}-r")]
        return sorted(own, key=lambda revision: revision.number)


class LogWorld(World):
    """An agent has two pods, and each of them writes a line a minute."""

    words = ("logs", "clock", "-f", "--timestamps", "--prefix")
    pods: tuple[str, ...] = ("p", "q")

    @property
    def streams(self) -> Counter[str]:
        return Counter(["pods", *(f"log/{pod}" for pod in self.pods)])

    def furnish(self) -> None:
        self.cluster.add(AGENT, objects.agent())
        for name in self.pods:
            state = {"running": {"startedAt": "2026-11-23T00:00:00Z"}}
            self.cluster.add(
                POD,
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": name, "labels": {"app": "kagent", "kagent": "clock"}},
                    "spec": {"containers": [{"name": "kagent"}]},
                    "status": {"containerStatuses": [{"name": "kagent", "restartCount": 0, "state": state}]},
                },
            )
            self.cluster.kubelet.write(name, "00:00:00 hello")

    def happen(self) -> None:
        for name in self.pods:
            self.cluster.kubelet.write(name, f"{self.time.now():%H:%M:%S.%f} line {self.minutes}")

    @property
    def expected(self) -> int:
        return len(self.pods) * (self.minutes + 1)
