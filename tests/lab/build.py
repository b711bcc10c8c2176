"""The Go programs of the lab, built once per content and kept in the cache outside the repository."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab import requirements
from tests.lab.errors import LabError
from tests.lab.layout import CHECKOUT, Layout
from tests.lab.progress import Progress

MODULES = CHECKOUT / "tests" / "lab" / "go"
KUBERNETES = "v1.35.4"
STAMP = " ".join(
    f"-X {variable}={value}"
    for variable, value in {
        "k8s.io/component-base/version.gitVersion": KUBERNETES,
        "k8s.io/component-base/version.gitMajor": "1",
        "k8s.io/component-base/version.gitMinor": "35",
        "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES,
    }.items()
)
KUBE_PARTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")


@dataclass(frozen=True)
class Module:
    """A folder below MODULES. One `go build` for all its programs compiles once what they share."""

    name: str
    programs: Mapping[str, str]  # name -> package
    first_time: str  # about how long it takes with nothing cached
    flags: str = ""  # for the linker
    tags: str = ""


# Of the clouds and registries that could name targets, only Kubernetes is one the lab has.
DISCOVERY = "remove_all_sd,enable_kubernetes_sd"
CLUSTER = (
    Module(
        "cluster",
        {
            "kube": "./kube",
            "kubectl": "./kubectl",
            "coredns": "./coredns",
            "kmcp": "github.com/kagent-dev/kmcp/cmd",
        },
        "6 min",
        STAMP,
    ),
    # newer than Debian's: from its cache an API server lists only with one that it can ask how far it is
    Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}, "1 min"),
    Module("metrics-server", {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"}, "2 min"),
)
PROMETHEUS = Module(
    "prometheus",
    {
        "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
        "promtool": "github.com/prometheus/prometheus/cmd/promtool",
        "backfill": "./backfill",
    },
    "3 min",
    tags=DISCOVERY,
)
TELEMETRY = (
    PROMETHEUS,
    Module("loki", {"loki": "github.com/grafana/loki/cmd/loki"}, "5 min"),
    Module("jaeger", {"jaeger": "github.com/jaegertracing/jaeger/cmd/jaeger"}, "8 min"),
    Module("collector", {"collector": "lab/collector"}, "4 min", tags=DISCOVERY),
    Module("kube-state-metrics", {"kube-state-metrics": "k8s.io/kube-state-metrics/v2"}, "2 min"),
)
# It casts Prometheus' labels to its own, which are laid out as they are with this tag only: else it crashes.
THANOS = Module("thanos", {"thanos": "github.com/thanos-io/thanos/cmd/thanos"}, "3 min", tags="slicelabels")
STERN_GO = "go1.27.3"  # newer than the lab's: Go fetches it by itself, as a module
STERN = Module("stern", {"stern": "github.com/stern/stern"}, "2 min")
KREW = Module(
    "krew",
    {
        "kubectl-krew": "sigs.k8s.io/krew/cmd/krew",
        "validate-krew-manifest": "sigs.k8s.io/krew/cmd/validate-krew-manifest",
    },
    "1 min",
)


def build_all(layout: Layout, modules: Sequence[Module], progress: Progress) -> None:
    for module in modules:
        _build_module(layout, module, progress)


def program(layout: Layout, name: str) -> Path:
    """Where a program is once it is built; the parts of Kubernetes share one."""
    modules = (*CLUSTER, *TELEMETRY, THANOS, STERN, KREW)
    module = next((module for module in modules if name in module.programs), CLUSTER[0])
    return _directory(layout, module) / name


def build_stern(layout: Layout, progress: Progress) -> Path:
    """Build the bench's peer for logs, with a Go of its own."""
    requirements.ensure_go(layout.cache, progress)
    _build_module(layout, STERN, progress, GOTOOLCHAIN=STERN_GO)
    return program(layout, "stern")


def build_promtool(layout: Layout, progress: Progress) -> Path:
    """Build what checks the rules, with the Prometheus that the lab runs."""
    requirements.ensure_go(layout.cache, progress)
    _build_module(layout, PROMETHEUS, progress)
    return program(layout, "promtool")


def build_krew(layout: Layout, progress: Progress) -> Path:
    """Build what installs plugins, and what krew-index checks manifests with; returns their folder."""
    requirements.ensure_go(layout.cache, progress)
    _build_module(layout, KREW, progress)
    return program(layout, "kubectl-krew").parent


def go_build(
    source: Path, packages: Mapping[str, str], flags: str, target: Path, tags: str = "", **env: str
) -> None:
    """Build the packages of a module into target, each under the name we give it; all of them or nothing."""
    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    command = [
        "go",
        "build",
        f"-tags={tags}",
        "-ldflags",
        f"-s -w {flags}".strip(),
        "-o",
        f"{unfinished}/",
        *packages.values(),
    ]
    try:
        run_build(command, source, **env)
    except LabError:  # mostly one of many downloads: what came is kept. An error in the code comes again
        run_build(command, source, **env)
    for name, package in packages.items():
        (unfinished / _file(package)).rename(unfinished / name)
    if (unfinished / "kube").exists():
        for part in KUBE_PARTS:
            (unfinished / part).symlink_to("kube")
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)


def _file(package: str) -> str:
    """What Go calls the program of a package: by its last element that is not a major version."""
    path = Path(package)
    return path.parent.name if re.fullmatch(r"v[0-9]+", path.name) else path.name


def run_build(command: Sequence[str], directory: Path, **env: str) -> None:
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "CGO_ENABLED": "0", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} in {directory} failed:\n{done.stdout.strip()[-2000:]}")


def _build_module(layout: Layout, module: Module, progress: Progress, **env: str) -> None:
    target = _directory(layout, module)
    if target.exists():
        return
    names = ", ".join(module.programs)
    with progress.step(f"go build {names} (about {module.first_time} the first time)"):
        go_build(MODULES / module.name, module.programs, module.flags, target, module.tags, **env)


def _directory(layout: Layout, module: Module) -> Path:
    key = hashlib.sha256(repr((sorted(module.programs.items()), module.flags)).encode())
    key.update(module.tags.encode())
    for path in sorted(p for p in (MODULES / module.name).rglob("*") if p.suffix in {".go", ".mod", ".sum"}):
        key.update(str(path.relative_to(MODULES)).encode() + b"\0" + path.read_bytes())
    return layout.cache / "bin" / f"{module.name}-{key.hexdigest()[:12]}"
