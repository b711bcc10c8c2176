"""The world that a command line meets: a fake cluster with its services, put back after each run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubectl_kagent.backends.jaeger import LABELS as JAEGER
from kubectl_kagent.backends.prometheus import LABELS as PROMETHEUS
from kubectl_kagent.backends.tempo import LABELS as TEMPO
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MODEL_CONFIG,
    NAMESPACE,
    POD,
    SERVICE,
)
from tests import objects
from tests.fake.cluster import FakeCluster
from tests.fake.records import GO_TASK
from tests.permissions import judge, scenes
from tests.permissions.world import FakeWorld
from tests.soak import apiserver, services
from tests.soak.services import Services
from tests.soak.wire import Answer, Asked, refused

Object = dict[str, Any]
AGENT_WITH_RECORDS = "datetime-agent"
_POD = "datetime-agent-5d6c9665f9-8bp9j"
# addresses that command lines may name: --kagent-url, --tempo, --otlp, a RemoteMCPServer's
ADDRESSES = ("service.test:80", "service.test:4318", "127.0.0.1:9")


@dataclass(frozen=True, slots=True)
class Moment:
    """What ``World.back_to`` needs."""

    store: tuple[list[Any], int, int]
    kept: services.Kept
    now: Any
    values: dict[str, str]
    forgotten: dict[str, int]


class World(FakeWorld):
    """The permission cases' world, with every service; its controllers act whenever somebody sleeps."""

    def __init__(self) -> None:
        self.services = Services()
        self.wanted: dict[str, Any] = {}
        self.began = datetime.min
        super().__init__(FakeCluster())
        self.services.wait()
        self._install()
        self.settle()

    def _install(self) -> None:
        cluster = self.admin
        cluster.create(NAMESPACE, "", {"metadata": {"name": cluster.namespace}}, manager="admin")
        found = (("tempo", 3200, TEMPO), ("jaeger", 16686, JAEGER), ("prometheus", 9090, PROMETHEUS))
        for name, port, labels in found:
            named = dict([labels.split("=")])
            component = {"app.kubernetes.io/component": "server"} if name == "prometheus" else {}
            metadata = {"name": name, "namespace": "observe", "labels": named | component}
            ports = [{"name": "http", "port": port}]
            self._add(SERVICE, {"metadata": metadata, "spec": {"ports": ports}})
        scenes.with_loki(self)
        cluster.add(MODEL_CONFIG, objects.model_config())
        cluster.add(AGENT, objects.agent(AGENT_WITH_RECORDS, deployment={"replicas": 2}))
        self.settle()
        labels = {"app": "kagent", "kagent": AGENT_WITH_RECORDS}
        status = {"phase": "Running", "containerStatuses": [{"name": "kagent", "state": {"running": {}}}]}
        pod = {"metadata": {"name": _POD, "labels": labels}, "spec": {"containers": [{"name": "kagent"}]}}
        self._add(POD, pod | {"status": status})
        cluster.kubelet.write(
            _POD, "07:59:00 hello", f'07:59:01 {{"level":"info","msg":"x","taskID":"{GO_TASK}"}}'
        )
        cluster.kubelet.restart("pod")
        cluster.kubelet.write("pod", "08:00:01 starting")
        cluster.kubelet.end("pod")

    def answer(self, asked: Asked) -> Answer | Exception:
        """Of the API server, or of a service at its own address."""
        if asked.host == apiserver.HOST:
            return apiserver.answer(self.admin, self.services.answer, asked)
        if asked.host in ADDRESSES:
            return self.services.answer(asked, "")
        return refused()

    def sleep(self, seconds: float) -> None:
        self.admin.clock.sleep(seconds)
        self.settle()

    def moment(self) -> Moment:
        store = self.admin._store
        return Moment(
            ([*store._log], store._version, store._compacted),
            self.services.kept.copy(),
            self.admin.clock.now,
            dict(self.values),
            dict(self._forgotten),
        )

    def back_to(self, moment: Moment) -> None:
        """Put all back as it was. Watches and followed logs of before have ended."""
        store = self.admin._store
        log, store._version, store._compacted = moment.store
        store._log = [*log]
        self.services.kept = moment.kept.copy()
        self.admin.clock.now = moment.now
        self.values, self._forgotten = dict(moment.values), dict(moment.forgotten)
        self.admin.requests.clear()

    def touched(self, moment: Moment) -> bool:
        """Whether anything was written that ``state`` could have in it; cheaper than to compare."""
        ours = [
            write
            for write in self.admin.writes
            if write.resource != CONTROLLER_REVISION and not write.dry_run
        ]
        return bool(ours) or self.services.kept != moment.kept

    def state(self) -> Object:
        """What people decide about, and what agents were told; revisions are ours to write."""
        kept = self.services.kept
        found = judge.state(self, recording=True)
        return found | {
            "sessions": sorted(kept.sessions),
            "said": len(kept.said),
        }

    def spec(self, name: str, resource: Any = AGENT) -> Object:
        found: Object = self.admin.read(resource, name)["spec"]
        return found

    def deployed(self, name: str) -> Object:
        return self.admin.read(DEPLOYMENT, name)


Step = Callable[[World], None]
