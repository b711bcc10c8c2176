"""The archive in a root that has no Python: nothing but kubectl, the C library and the archive."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_kagent import __version__
from scripts.archive.glibc import needed
from tests.archive.conftest import of_checkout
from tests.lab.lab import Lab

_CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"
# Of the C library: what programs link, and what they load to find hosts and users.
_C_LIBRARY = (
    "ld-linux",
    "libc.",
    "libdl.",
    "libm.",
    "libnss_",
    "libpthread.",
    "libresolv.",
    "librt.",
    "libutil.",
)
pytestmark = [
    pytest.mark.archive,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may change its root folder"),
]


@pytest.fixture(scope="module")
def root(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("root")
    cached = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for path in map(Path, re.findall(r"x86-64.*=> (\S+)", cached)):
        if path.name.startswith(_C_LIBRARY):
            target = place / str(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path.resolve(), target)
    loader = place / "lib64" / "ld-linux-x86-64.so.2"
    loader.parent.mkdir(exist_ok=True)
    shutil.copy(Path("/lib64/ld-linux-x86-64.so.2").resolve(), loader)
    for folder in ("bin", "etc", "proc", "tmp"):
        (place / folder).mkdir()
    shutil.copy(Lab.here().kubectl, place / "bin" / "kubectl")
    shutil.copytree(unpacked, place / "kagent")
    for name in ("kubectl-kagent", "kubectl_complete-kagent"):
        (place / "bin" / name).symlink_to("/kagent/kubectl-kagent")
    # the C library asks it where a program is, and so finds what lies beside it
    subprocess.run(["mount", "-t", "proc", "proc", str(place / "proc")], check=True)
    yield place
    subprocess.run(["umount", str(place / "proc")], check=True)


def _in(root: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_CHROOT, str(root), *command],
        env={"PATH": "/bin", "HOME": "/tmp", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_root_has_neither_python_nor_a_shell(root: Path) -> None:
    assert sorted(path.name for path in (root / "bin").iterdir()) == [
        "kubectl",
        "kubectl-kagent",
        "kubectl_complete-kagent",
    ]


def test_kubectl_runs_the_plugin(root: Path) -> None:
    done = _in(root, "kubectl", "kagent", "version", "--client")
    assert (done.stdout, done.stderr) == (f"Client Version: {__version__}\n", "")


def test_kubectl_completes_the_plugin(root: Path) -> None:
    done = _in(root, "kubectl", "__complete", "kagent", "rollb")
    assert done.stdout == "rollback\tRoll back to an earlier revision\n:4\n"


@pytest.mark.cluster
@pytest.mark.parametrize(
    "words",
    [
        ("get", "agents", "-A", "-o", "name"),
        ("version",),
        ("tools", "list", "-A"),
        ("top", "agents", "-A"),
        ("approvals", "list", "-A"),
        ("sessions", "list", "-A"),
        ("observe", "status"),
        ("observe", "diff"),
    ],
    ids=" ".join,
)
def test_verbs_reach_the_cluster(root: Path, lab_kubeconfig: Path, words: tuple[str, ...]) -> None:
    shutil.copy(lab_kubeconfig, root / "tmp" / "kubeconfig")
    done = _in(root, "kubectl", "kagent", *words, KUBECONFIG="/tmp/kubeconfig")
    expected = of_checkout(*words, KUBECONFIG=str(lab_kubeconfig))
    assert (done.returncode, done.stderr) == (expected.returncode, expected.stderr)


@pytest.mark.skipif(not Path("/lib64/ld-linux-x86-64.so.2").exists(), reason="another C library")
def test_it_needs_no_newer_c_library_than_this_machine_has(unpacked: Path) -> None:
    here = os.confstr("CS_GNU_LIBC_VERSION") or ""
    major, minor = here.removeprefix("glibc ").split(".")
    assert (2, 17) <= needed(unpacked) <= (int(major), int(minor))
