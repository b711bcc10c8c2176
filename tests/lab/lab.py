"""The lab as one thing: bring it up, take it away; tests attach to it and stop or start its parts."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tests.lab import (
    addons,
    build,
    cleanup,
    control_plane,
    database,
    doorway,
    image_store,
    images,
    kagent,
    network,
    node,
    pki,
    processes,
    requirements,
    telemetry,
)
from tests.lab.controller import Controller, Kind, choose
from tests.lab.errors import LabError
from tests.lab.layout import NODE_ADDRESS, Layout
from tests.lab.progress import Progress

READY_SECONDS = 60
# In the order in which they stand on each other; those of the second group are clients of the API server.
FOUNDATION: dict[str, Callable[[Layout], processes.Part]] = {
    "etcd": control_plane.etcd,
    "kube-apiserver": control_plane.kube_apiserver,
    "relay": doorway.relay,
    "containerd": node.containerd,
    "postgres": database.postgres,
    "model": addons.model,
}
UPPER: dict[str, Callable[[Layout], processes.Part]] = {
    "kube-controller-manager": control_plane.kube_controller_manager,
    "kube-scheduler": control_plane.kube_scheduler,
    "kubelet": node.kubelet,
    "kube-proxy": node.kube_proxy,
    "coredns": addons.coredns,
    "metrics-server": addons.metrics_server,
    "kmcp": addons.kmcp,
}
PROCESSES = FOUNDATION | UPPER
_ALL = PROCESSES | telemetry.PARTS
PARTS = (*_ALL, kagent.PART)


@dataclass(frozen=True)
class Lab:
    """One lab; the default one belongs to this checkout (KAGENT_LAB_NAME names another)."""

    layout: Layout
    progress: Progress

    @classmethod
    def here(cls) -> "Lab":
        requirements.check_machine()
        return cls(Layout.here(), Progress())

    @classmethod
    def attach(cls) -> "Lab":
        """The running lab, for tests; says how to get one when there is none."""
        lab = cls.here()
        if processes.pid(lab.layout, "kube-apiserver") is None or not lab.kubeconfig.exists():
            raise LabError(f"lab {lab.layout.name} is not up: run `make lab` (python -m tests.lab up)")
        return lab

    @property
    def kubeconfig(self) -> Path:
        return self.layout.kubeconfig

    @property
    def kubectl(self) -> Path:
        return self.layout.kubectl

    @property
    def logs(self) -> Path:
        return self.layout.logs

    @property
    def node_address(self) -> str:
        return NODE_ADDRESS

    @property
    def controller(self) -> Kind:
        """Which controller runs in it."""
        said = self.controller_description.split()[0] if self.controller_description else ""
        return next(kind for kind in get_args(Kind) if kind == said)

    @property
    def controller_description(self) -> str:
        note = self.layout.state / "controller"
        return note.read_text() if note.exists() else ""

    def up(self, *, with_telemetry: bool = False) -> None:
        """Bring up what is not, replace what changed, and return when an agent could be deployed."""
        with self._alone():
            chosen = self._built(with_telemetry=with_telemetry)
            archives = images.build_all(self.layout.cache, self.progress, chosen.program, chosen.go_runtime)
            self._prepare()
            self._run(FOUNDATION)
            database.ensure_database(self.layout)
            kagent.apply_base(self.layout)
            self._run(UPPER)
            image_store.import_archives(self.layout, archives, self.progress)
            self._wait_for_node()
            (self.layout.state / "controller").write_text(chosen.description)
            traced = self._switch_telemetry(on=with_telemetry)
            kagent.deploy(self.layout, chosen, traced, self.progress)
            self.progress(f"lab {self.layout.name} is up with the {chosen.description}")

    def build(self, *, with_telemetry: bool = False) -> None:
        """Only fill the cache."""
        chosen = self._built(with_telemetry=with_telemetry)
        images.build_all(self.layout.cache, self.progress, chosen.program, chosen.go_runtime)

    def build_stern(self) -> Path:
        """The bench's peer for logs."""
        with _alone(self.layout.cache, "build for the lab", self.progress):
            return build.build_stern(self.layout, self.progress)

    def build_promtool(self) -> Path:
        """What checks the rules of the observability bundle."""
        with _alone(self.layout.cache, "build for the lab", self.progress):
            return build.build_promtool(self.layout, self.progress)

    def build_krew(self) -> Path:
        """The folder of krew, as kubectl-krew, and of validate-krew-manifest."""
        with _alone(self.layout.cache, "build for the lab", self.progress):
            return build.build_krew(self.layout, self.progress)

    def down(self) -> None:
        with self._alone():
            cleanup.remove(self.layout, self.progress)

    def start(self, part: str) -> None:
        if self._is_kagent(part):
            kagent.start(self.layout)
            return
        self._run({part: _ALL[part]})

    def stop(self, part: str) -> None:
        if self._is_kagent(part):
            kagent.stop(self.layout)
            return
        processes.stop(self.layout, _ALL[part](self.layout))

    def restart(self, part: str) -> None:
        self.stop(part)
        self.start(part)

    def pids(self) -> dict[str, int | None]:
        return {name: processes.pid(self.layout, name) for name in _ALL}

    @property
    def has_telemetry(self) -> bool:
        """Whether it was brought up with the telemetry parts."""
        return any(processes.pid(self.layout, name) for name in telemetry.PARTS)

    def _alone(self) -> AbstractContextManager[None]:
        return _alone(self.layout.state, f"up or down of lab {self.layout.name}", self.progress)

    def _is_kagent(self, part: str) -> bool:
        if part not in PARTS:
            raise LabError(f"the lab has no part {part!r}; it has {', '.join(PARTS)}")
        return part == kagent.PART

    def _built(self, *, with_telemetry: bool) -> Controller:
        with _alone(self.layout.cache, "build for the lab", self.progress):
            requirements.install_packages(self.progress)
            requirements.ensure_go(self.layout.cache, self.progress)
            modules = (*build.CLUSTER, *(build.TELEMETRY if with_telemetry else ()))
            build.build_all(self.layout, modules, self.progress)
            return choose(self.layout, self.progress)

    def _prepare(self) -> None:
        layout = self.layout
        for directory in (layout.state, layout.run, layout.kubectl.parent):
            directory.mkdir(parents=True, exist_ok=True)
        if not layout.pki.exists():
            for log in layout.logs.glob("*.log"):  # of a lab that was taken away
                log.unlink()
        network.ensure(layout)
        node.ensure_cgroup(layout)
        pki.ensure(layout)
        database.ensure_cluster(layout)
        doorway.settle_port(layout)
        doorway.write_kubeconfig(layout)
        layout.kubectl.unlink(missing_ok=True)
        layout.kubectl.symlink_to(build.program(layout, "kubectl"))

    def _run(self, parts: dict[str, Callable[[Layout], processes.Part]]) -> None:
        """Start each once the one before serves: none of them has to guess when to try again."""
        for make in parts.values():
            part = make(self.layout)
            started = processes.ensure(self.layout, part)
            if started:
                self.progress(f"start {part.name}")
            processes.wait_ready(self.layout, part, READY_SECONDS)
            if started and part.name == "kube-apiserver":
                self._restart_clients()

    def _switch_telemetry(self, *, on: bool) -> dict[str, str]:
        """Start or stop its parts; what kagent's controller has to know of them."""
        if on:
            telemetry.apply_objects(self.layout)
            self._run(telemetry.PARTS)
            return telemetry.CONTROLLER_ENVIRONMENT
        for make in telemetry.PARTS.values():
            processes.stop(self.layout, make(self.layout))
        telemetry.delete_objects(self.layout)
        return {}

    def _restart_clients(self) -> None:
        """Clients that met the API server while it was starting ask again only after up to half a minute."""
        running = {name: make for name, make in UPPER.items() if processes.pid(self.layout, name)}
        for make in running.values():
            processes.stop(self.layout, make(self.layout))
        self._run(running)

    def _wait_for_node(self) -> None:
        kagent.kubectl(
            self.layout, "wait", "--for=condition=Ready", "node", "--all", f"--timeout={READY_SECONDS}s"
        )


@contextmanager
def _alone(directory: Path, what: str, progress: Progress) -> Iterator[None]:
    """One process at a time; the lock goes with the process, however that ends."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"waiting for another {what}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
