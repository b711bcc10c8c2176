"""The Go programs of the lab, built once per content and kept in the cache outside the repository."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

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
# Program -> package, per module. One `go build` for a module compiles what its programs share once.
CLUSTER = {
    "kube": "./kube",
    "kubectl": "./kubectl",
    "coredns": "./coredns",
    "kmcp": "github.com/kagent-dev/kmcp/cmd",
}
METRICS_SERVER = {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"}
FIRST_TIME = {"cluster": "6 min", "metrics-server": "2 min"}


def build_all(layout: Layout, progress: Progress) -> None:
    _build_module(layout, "cluster", CLUSTER, STAMP, progress)
    _build_module(layout, "metrics-server", METRICS_SERVER, "", progress)


def program(layout: Layout, name: str) -> Path:
    """Where a program is once it is built."""
    if name in METRICS_SERVER:
        return _directory(layout, "metrics-server", METRICS_SERVER, "") / name
    return _directory(layout, "cluster", CLUSTER, STAMP) / name


def go_build(source: Path, packages: Mapping[str, str], flags: str, target: Path) -> None:
    """Build the packages of a module into target, each under the name we give it; all of them or nothing."""
    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    command = [
        "go",
        "build",
        "-ldflags",
        f"-s -w {flags}".strip(),
        "-o",
        f"{unfinished}/",
        *packages.values(),
    ]
    run_build(command, source)
    for name, package in packages.items():
        (unfinished / Path(package).name).rename(unfinished / name)
    if (unfinished / "kube").exists():
        for part in KUBE_PARTS:
            (unfinished / part).symlink_to("kube")
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)


def run_build(command: Sequence[str], directory: Path) -> None:
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "CGO_ENABLED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} in {directory} failed:\n{done.stdout.strip()[-2000:]}")


def _build_module(
    layout: Layout, module: str, packages: Mapping[str, str], flags: str, progress: Progress
) -> None:
    target = _directory(layout, module, packages, flags)
    if target.exists():
        return
    with progress.step(f"go build {', '.join(packages)} (about {FIRST_TIME[module]} the first time)"):
        go_build(MODULES / module, packages, flags, target)


def _directory(layout: Layout, module: str, packages: Mapping[str, str], flags: str) -> Path:
    key = hashlib.sha256(repr((sorted(packages.items()), flags)).encode())
    for path in sorted(p for p in (MODULES / module).rglob("*") if p.suffix in {".go", ".mod", ".sum"}):
        key.update(str(path.relative_to(MODULES)).encode() + b"\0" + path.read_bytes())
    return layout.cache / "bin" / f"{module}-{key.hexdigest()[:12]}"
