"""The real krew installs, upgrades and removes the archive; kubectl finds the plugin and its completion."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kubectl_kagent import __version__
from scripts.archive.manifest import TEMPLATE, manifest
from tests.archive.conftest import run
from tests.lab.lab import Lab
from tests.loopback import head, serve

pytestmark = pytest.mark.archive

_NO_PYTHON = ("git", "sh", "ls", "rm")


class Machine:
    """A home with krew, kubectl and git, and no Python."""

    def __init__(self, home: Path, krew: Path) -> None:
        self.root = home / "krew"
        programs = home / "bin"
        programs.mkdir()
        for program in (krew / "kubectl-krew", Lab.here().kubectl, *map(shutil.which, _NO_PYTHON)):
            assert program
            (programs / Path(program).name).symlink_to(program)
        self._env = {
            "HOME": str(home),
            "KREW_ROOT": str(self.root),
            "PATH": f"{self.root / 'bin'}:{programs}",
            "KREW_NO_UPGRADE_CHECK": "1",
            "KREW_DEFAULT_INDEX_URI": f"file://{home / 'index'}",
        }

    def kubectl(self, *words: str | Path) -> str:
        done = run("kubectl", *words, **self._env)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture
def machine(tmp_path: Path, krew: Path) -> Machine:
    return Machine(tmp_path, krew)


@pytest.fixture
def served(archive: Path) -> Iterator[str]:
    """An address whose files are all the archive."""
    data = archive.read_bytes()
    with serve() as loopback:
        loopback.answer = lambda _request: head(200, f"Content-Length: {len(data)}") + data
        yield loopback.url


class Index:
    """An index of plugins, as krew-index is one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "plugins").mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=master")

    def publish(self, text: str) -> None:
        (self._folder / "plugins" / "kagent.yaml").write_text(text)
        self._git("add", "--all")
        author = ("-c", "user.name=test", "-c", "user.email=test@example.com")
        self._git(*author, "commit", "--quiet", "--message=a version")

    def _git(self, *words: str) -> None:
        subprocess.run(["git", "-C", str(self._folder), *words], check=True)


def _as_version(text: str, version: str, served: str) -> str:
    """A manifest with the archive that is served, under another version."""
    content = yaml.safe_load(text)
    content["spec"]["version"] = version
    for platform in content["spec"]["platforms"]:
        platform["uri"] = f"{served}/{platform['uri'].rpartition('/')[2]}"
    return yaml.safe_dump(content)


def test_the_manifest_of_all_platforms_is_valid(krew: Path, tmp_path: Path) -> None:
    path = tmp_path / "kagent.yaml"  # the validator takes the plugin's name from it
    shutil.copy(TEMPLATE, path)
    done = run(krew / "validate-krew-manifest", "-manifest", path, "-skip-install")
    assert done.returncode == 0, done.stderr
    platforms = yaml.safe_load(path.read_text())["spec"]["platforms"]
    assert ["/".join(platform["selector"]["matchLabels"].values()) for platform in platforms] == [
        "linux/amd64",
        "linux/arm64",
        "darwin/amd64",
        "darwin/arm64",
        "windows/amd64",
    ]
    assert all(f"/v{__version__}/kubectl-kagent_v{__version__}_" in platform["uri"] for platform in platforms)


def test_the_manifest_beside_the_archive_has_its_checksum_and_no_other_platform(
    krew: Path, archive: Path
) -> None:
    path = archive.parent / "kagent.yaml"
    (platform,) = yaml.safe_load(path.read_text())["spec"]["platforms"]
    assert f"{platform['sha256']}  {archive.name}\n" == Path(f"{archive}.sha256").read_text()
    assert run(krew / "validate-krew-manifest", "-manifest", path, "-skip-install").returncode == 0


def test_the_real_validator_installs_it(krew: Path, archive: Path, served: str, tmp_path: Path) -> None:
    path = tmp_path / "kagent.yaml"
    path.write_text(_as_version(manifest([archive]), f"v{__version__}", served))
    search = f"{krew}:{os.environ['PATH']}"
    done = run(krew / "validate-krew-manifest", "-manifest", path, PATH=search, HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_krew_installs_upgrades_and_removes_it(
    machine: Machine, archive: Path, served: str, tmp_path: Path
) -> None:
    index = Index(tmp_path / "index")
    index.publish(_as_version(manifest([archive]), "v0.0.1", served))
    machine.kubectl("krew", "install", "kagent")
    assert machine.kubectl("kagent", "version", "--client") == f"Client Version: {__version__}\n"
    machine.kubectl("kagent", "completion", "install")
    expected = "rollback\tRoll back to an earlier revision"
    assert machine.kubectl("__complete", "kagent", "rollb").splitlines()[0] == expected

    index.publish(_as_version(manifest([archive]), "v0.0.2", served))
    machine.kubectl("krew", "update")
    machine.kubectl("krew", "upgrade", "kagent")
    assert [path.name for path in (machine.root / "store" / "kagent").iterdir()] == ["v0.0.2"]
    assert machine.kubectl("kagent", "version", "--client") == f"Client Version: {__version__}\n"
    assert machine.kubectl("__complete", "kagent", "rollb").splitlines()[0] == expected

    machine.kubectl("kagent", "completion", "uninstall")
    assert not (machine.root / "bin" / "kubectl_complete-kagent").is_symlink()
    machine.kubectl("krew", "uninstall", "kagent")
    assert not (machine.root / "store" / "kagent").exists()
    assert not (machine.root / "bin" / "kubectl-kagent").exists()


def test_krew_installs_it_from_the_local_archive(machine: Machine, archive: Path, tmp_path: Path) -> None:
    Index(tmp_path / "index").publish(manifest([archive]))
    path = archive.parent / "kagent.yaml"
    machine.kubectl("krew", "install", f"--manifest={path}", f"--archive={archive}")
    assert machine.kubectl("kagent", "version", "--client") == f"Client Version: {__version__}\n"
